#include "proto/singer/tapped_state.h"

#include "json/number.h"
#include "json/scan.h"
#include "json/text.h"

#define COUNTER "estuary.dev/rowCounter"
#define BOOKMARK "estuary.dev/bookmark"
#define REST "singerStateV1"

/* ---- members ---- */

typedef weir_rc on_member(tapped_state *s, json_key key, weir_view value, buf *out, err *e);

/* Calls fn for each member of a checked object. */
static weir_rc each_member(tapped_state *s, weir_view object, on_member *fn, buf *out, err *e)
{
    json_scan scan = json_scan_of(object);
    json_key key;
    weir_view value;
    weir_rc rc = WEIR_OK;
    json_enter(&scan, '{');
    while (!rc && json_member(&scan, &key) && json_skip(&scan, &value))
        rc = fn(s, key, value, out, e);
    return rc;
}

static bool is_object(weir_view json) { return json.len && *json.ptr == '{'; }

/* A comma, unless what comes is the first in its object. */
static void put_comma(buf *out)
{
    if (out->len && out->ptr[out->len - 1] != '{')
        buf_addc(out, ',');
}

/* Appends a member as it was written. */
static void put_member(buf *out, json_key key, weir_view value)
{
    put_comma(out);
    buf_addc(out, '"');
    buf_addv(out, key.raw);
    buf_adds(out, "\":");
    buf_addv(out, value);
}

static json_key key_of(const char *name) { return (json_key){.raw = view_of(name)}; }

static weir_view decoded(tapped_state *s, json_key key)
{
    if (!key.escaped)
        return key.raw;
    buf_clear(&s->name);
    json_unquote(&s->name, key.raw);
    return buf_view(&s->name);
}

static weir_rc take_counter(tapped_state *s, json_key key, weir_view value, buf *out, err *e)
{
    (void)s;
    (void)e;
    if (!json_key_is(key, VIEW(COUNTER)))
        put_member(out, key, value);
    return WEIR_OK;
}

/* ---- to the tap ---- */

/* Appends the bookmark in a part of the task's state. */
static weir_rc put_bookmark(tapped_state *s, weir_view part, buf *out, err *e)
{
    json_scan scan = json_scan_of(part);
    json_key key;
    weir_view value;
    json_enter(&scan, '{');
    while (json_member(&scan, &key) && json_skip(&scan, &value))
        if (json_key_is(key, VIEW(BOOKMARK))) {
            buf_addv(out, value);
            return WEIR_OK;
        }
    buf_addc(out, '{');
    weir_rc rc = each_member(s, part, take_counter, out, e);
    buf_addc(out, '}');
    return rc;
}

static weir_rc counter_of(tapped_part *p, weir_view part, err *e)
{
    json_scan scan = json_scan_of(part);
    json_key key;
    weir_view value;
    json_enter(&scan, '{');
    while (json_member(&scan, &key) && json_skip(&scan, &value))
        if (json_key_is(key, VIEW(COUNTER)) && !number_to_u64(value, &p->next_row))
            return err_fail(e, WEIR_E_CONFIG, "state of '%.*s': " COUNTER " is %.*s, expected a number", VIEW_ARG(p->id), VIEW_ARG(value));
    return WEIR_OK;
}

/* A key without the .vN that counts backfills. */
static weir_view base_of(weir_view key)
{
    size_t at = key.len;
    while (at && (unsigned char)(key.ptr[at - 1] - '0') <= 9)
        at--;
    return at > 2 && at < key.len && key.ptr[at - 1] == 'v' && key.ptr[at - 2] == '.' ? (weir_view){key.ptr, at - 2} : key;
}

/* The binding whose state this is; *ret_old: it was, before its last backfill. */
static tapped_part *part_of(const tapped_state *s, weir_view key, bool *ret_old)
{
    *ret_old = false;
    for (size_t i = 0; i < s->count; i++) {
        if (view_eq(s->parts[i].key, key))
            return &s->parts[i];
        *ret_old |= view_eq(base_of(s->parts[i].key), base_of(key));
    }
    return NULL;
}

static weir_rc open_part(tapped_state *s, json_key key, weir_view value, buf *out, err *e)
{
    bool old;
    tapped_part *p = part_of(s, decoded(s, key), &old);
    if (!p) {
        if (!old && !view_is(value, "null")) {
            buf_addc(&s->others, ',');
            buf_printf(&s->others, "\"%.*s\":%.*s", VIEW_ARG(key.raw), VIEW_ARG(value));
        }
        return WEIR_OK;
    }
    if (view_is(value, "null"))
        return WEIR_OK;
    if (!is_object(value))
        return err_fail(e, WEIR_E_CONFIG, "state of '%.*s' is no object, but %.*s", VIEW_ARG(p->id), VIEW_ARG(value));
    buf id = {0};
    json_quote_lossy(&id, p->id);
    put_member(out, (json_key){.raw = {id.ptr + 1, id.len > 2 ? id.len - 2 : 0}}, (weir_view){0});
    out->failed |= !buf_ok(&id);
    buf_free(&id);
    weir_rc rc = counter_of(p, value, e);
    return rc ? rc : put_bookmark(s, value, out, e);
}

/* Bookmarks of streams that were not bound. If one is now, it begins anew: what the tap sent of it before went nowhere. */
static weir_rc open_unbound(tapped_state *s, json_key key, weir_view value, buf *out, err *e)
{
    (void)e;
    if (!map_get(&s->by_id, decoded(s, key)))
        put_member(out, key, value);
    return WEIR_OK;
}

static weir_rc open_rest(tapped_state *s, json_key key, weir_view value, buf *out, err *e)
{
    bool bookmarks = json_key_is(key, VIEW("bookmarks"));
    if (bookmarks && is_object(value))
        return each_member(s, value, open_unbound, &s->rest, e);
    put_member(out, key, value);
    return WEIR_OK;
}

static weir_view member_of(weir_view object, const char *name)
{
    json_scan scan = json_scan_of(object);
    json_key key;
    weir_view value, found = {0};
    json_enter(&scan, '{');
    while (json_member(&scan, &key) && json_skip(&scan, &value))
        if (json_key_is(key, view_of(name)))
            found = value;
    return view_is(found, "null") ? (weir_view){0} : found;
}

static bool index_parts(tapped_state *s)
{
    bool ok = true;
    for (size_t i = 0; i < s->count && ok; i++) {
        s->parts[i].next_row = 1;
        ok = map_put(&s->by_id, s->parts[i].id, &s->parts[i]);
    }
    return ok;
}

/* Behind `out`, which has the rest's members; s->rest receives all bookmarks. */
static weir_rc open_object(tapped_state *s, weir_view parts, weir_view rest, buf *out, err *e)
{
    buf_clear(&s->rest);
    buf_addc(&s->rest, '{');
    buf_addc(out, '{');
    weir_rc rc = is_object(rest) ? each_member(s, rest, open_rest, out, e) : WEIR_OK;
    if (!rc && is_object(parts))
        rc = each_member(s, parts, open_part, &s->rest, e);
    buf_addc(&s->rest, '}');
    if (s->rest.len > 2)
        put_member(out, key_of("bookmarks"), buf_view(&s->rest));
    buf_addc(out, '}');
    return rc;
}

weir_rc singer_tapped_state_open(tapped_state *s, weir_view task_state, buf *to_tap, err *e)
{
    size_t from = to_tap->len;
    if (!index_parts(s))
        return err_nomem(e);
    if (!task_state.len || view_is(task_state, "null"))
        return WEIR_OK;
    if (!is_object(task_state) || !json_check(task_state, NULL, NULL))
        return err_fail(e, WEIR_E_CONFIG, "the task's state is no JSON object");
    weir_view parts = member_of(task_state, "bindingStateV1"), rest = member_of(task_state, REST);
    weir_rc rc = open_object(s, parts, rest, to_tap, e);
    if (rest.len && !is_object(rest)) {
        to_tap->len = from;
        buf_addv(to_tap, rest);
    } else if (to_tap->len - from == 2) {
        to_tap->len = from;
    }
    if (!rc && (!buf_ok(to_tap) || !buf_ok(&s->rest) || !buf_ok(&s->others) || !buf_ok(&s->name)))
        rc = err_nomem(e);
    return rc;
}

/* ---- from the tap ---- */

static void put_part(tapped_state *s, const tapped_part *p, weir_view bookmark, buf *out)
{
    buf key = {0};
    json_quote_lossy(&key, p->key);
    put_comma(out);
    buf_addv(out, buf_view(&key));
    buf_addc(out, ':');
    out->failed |= !buf_ok(&key);
    buf_free(&key);
    if (is_object(bookmark) && !memmem(bookmark.ptr, bookmark.len, COUNTER, sizeof COUNTER - 1)) {
        do
            bookmark.len--; /* the brace, and space before it */
        while (bookmark.ptr[bookmark.len - 1] == ' ' || bookmark.ptr[bookmark.len - 1] == '\t');
        buf_addv(out, bookmark);
    } else {
        err none = {0};
        buf_addc(out, '{');
        if (is_object(bookmark))
            each_member(s, bookmark, take_counter, out, &none);
        else
            put_member(out, key_of(BOOKMARK), bookmark);
    }
    if (s->counters) {
        char digits[NUMBER_TEXT];
        put_member(out, key_of(COUNTER), (weir_view){digits, number_u64(digits, p->next_row)});
    }
    buf_addc(out, '}');
}

static weir_rc fold_bookmark(tapped_state *s, json_key key, weir_view value, buf *out, err *e)
{
    tapped_part *p = map_get(&s->by_id, decoded(s, key));
    if (!p) {
        put_member(&s->rest, key, value);
        return WEIR_OK;
    }
    if (p->seen)
        return err_fail(e, WEIR_E_PROTOCOL, "state: two bookmarks for stream '%.*s'", VIEW_ARG(p->id));
    p->seen = true;
    if (!view_is(value, "null"))
        put_part(s, p, value, out);
    return WEIR_OK;
}

/* Bookmarks to out and, of streams that are not bound, to s->rest; the rest behind them. */
static weir_rc fold_object(tapped_state *s, weir_view value, buf *out, buf *rest, err *e)
{
    json_scan scan = json_scan_of(value);
    json_key key;
    weir_view member;
    weir_rc rc = WEIR_OK;
    buf_clear(&s->rest);
    buf_addc(&s->rest, '{');
    json_enter(&scan, '{');
    while (!rc && json_member(&scan, &key) && json_skip(&scan, &member)) {
        if (json_key_is(key, VIEW("bookmarks")) && is_object(member))
            rc = each_member(s, member, fold_bookmark, out, e);
        else
            put_member(rest, key, member);
    }
    buf_addc(&s->rest, '}');
    if (s->rest.len > 2)
        put_member(rest, key_of("bookmarks"), buf_view(&s->rest));
    return rc;
}

weir_rc singer_tapped_state_fold(tapped_state *s, weir_view value, buf *out, err *e)
{
    buf flat = {0}, rest = {0};
    weir_rc rc = WEIR_OK;
    if (memchr(value.ptr, '\r', value.len) || memchr(value.ptr, '\n', value.len)) { /* a checkpoint is a line */
        json_compact(&flat, value);
        value = buf_view(&flat);
    }
    for (size_t i = 0; i < s->count; i++)
        s->parts[i].seen = false;
    buf_adds(out, "{\"bindingStateV1\":{");
    buf_addc(&rest, '{');
    if (is_object(value))
        rc = fold_object(s, value, out, &rest, e);
    for (size_t i = 0; !rc && s->counters && i < s->count; i++)
        if (!s->parts[i].seen && s->parts[i].counts && s->parts[i].next_row > 1)
            put_part(s, &s->parts[i], VIEW("{}"), out);
    if (s->others.len)
        buf_addv(out, view_from(buf_view(&s->others), out->len && out->ptr[out->len - 1] == '{'));
    buf_addc(out, '}');
    buf_addc(&rest, '}');
    if (!is_object(value))
        put_member(out, key_of(REST), value);
    else if (rest.len > 2)
        put_member(out, key_of(REST), buf_view(&rest));
    buf_addc(out, '}');
    if (!rc && (!buf_ok(out) || !buf_ok(&rest) || !buf_ok(&s->rest) || !buf_ok(&flat) || !buf_ok(&s->name)))
        rc = err_nomem(e);
    buf_free(&flat);
    buf_free(&rest);
    return rc;
}

void singer_tapped_state_free(tapped_state *s)
{
    map_free(&s->by_id);
    buf_free(&s->others);
    buf_free(&s->rest);
    buf_free(&s->name);
}
