#include "proto/singer/state.h"

#include "json/patch.h"
#include "json/scan.h"
#include "json/write.h"
#include "model/state.h"

#define BINDINGS "bindingStateV1"

/* ---------------------------------------------------------------------------------------------------------------- helpers -- */

static bool replace(buf *to, weir_view text)
{
    buf next = {0};
    buf_addv(&next, text);
    if (!buf_ok(&next)) {
        buf_free(&next);
        return false;
    }
    buf_free(to);
    *to = next;
    return true;
}

static bool merge(buf *to, weir_view patch)
{
    buf next = {0};
    if (!patch_apply(&next, to->len ? buf_view(to) : VIEW("null"), patch) || !buf_ok(&next)) {
        buf_free(&next);
        return false;
    }
    buf_free(to);
    *to = next;
    return true;
}

static void add_member(buf *members, weir_view raw_name, weir_view value)
{
    buf_adds(members, members->len ? ",\"" : "\"");
    buf_addv(members, raw_name);
    buf_adds(members, "\":");
    json_compact(members, value);
}

/* The index + 1 of the stream with this state key, or id. @param escaped memory for a name with escapes */
static size_t find(const tap_state *s, json_key key, bool by_id, buf *escaped)
{
    weir_view name = key.raw;
    if (key.escaped) {
        buf_clear(escaped);
        if (!json_unquote(escaped, key.raw))
            return 0;
        name = buf_view(escaped);
    }
    if (!by_id)
        return (size_t)(uintptr_t)map_get(&s->by_key, name);
    for (size_t i = 0; i < s->catalog->count; i++)
        if (view_eq(s->catalog->streams[i].id, name))
            return i + 1;
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------------- reading -- */

static weir_rc read_bookmarks(tap_state *s, weir_view bookmarks, err *e)
{
    json_scan scan = json_scan_of(bookmarks);
    json_key key;
    weir_view value;
    buf escaped = {0};
    weir_rc rc = WEIR_OK;
    if (view_is(bookmarks, "null"))
        return WEIR_OK;
    if (!json_enter(&scan, '{'))
        return err_fail(e, WEIR_E_CONFIG, "bookmarks is not an object");
    while (!rc && json_member(&scan, &key) && json_skip(&scan, &value)) {
        size_t i = find(s, key, true, &escaped);
        if (!i) {
            add_member(&s->others, key.raw, value);
            continue;
        }
        buf *part = &s->parts[i - 1];
        buf_clear(part);
        if (*value.ptr == '{')
            json_compact(part, value);
        else if (!view_is(value, "null"))
            rc = err_fail(e, WEIR_E_CONFIG, "the bookmark of '%.*s' is not an object", VIEW_ARG(s->catalog->streams[i - 1].id));
    }
    buf_free(&escaped);
    return rc;
}

static bool numbered_here(const tap_state *s, json_key key, weir_view value)
{
    return s->numbered && *value.ptr == '{' && json_key_is(key, VIEW("activate_versions"));
}

static weir_rc read_members(tap_state *s, arena *a, weir_view value, err *e)
{
    json_scan scan = json_scan_of(value);
    json_key key;
    weir_view member;
    buf rest = {0};
    weir_rc rc = WEIR_OK;
    json_enter(&scan, '{');
    while (!rc && json_member(&scan, &key) && json_skip(&scan, &member)) {
        if (json_key_is(key, VIEW("bookmarks")))
            rc = read_bookmarks(s, member, e);
        else if (json_key_is(key, VIEW("currently_syncing")))
            s->syncing = *member.ptr == '"' ? json_decode(a, member) : (weir_view){0};
        else if (numbered_here(s, key, member))
            json_compact(&s->versions, member);
        else
            add_member(&rest, key.raw, member);
    }
    buf_adds(&s->rest, "{");
    buf_addv(&s->rest, buf_view(&rest));
    buf_adds(&s->rest, "}");
    s->rest.failed |= rest.failed;
    buf_free(&rest);
    return rc;
}

/* The message itself, as somebody may have kept it, stands for its value. */
static weir_view value_of(weir_view text)
{
    weir_view type = weir_json_at(text, "/type"), value = weir_json_at(text, "/value");
    return view_is(type, "\"STATE\"") && value.len ? value : text;
}

weir_rc singer_state_read(tap_state *s, arena *a, const tap_catalog *catalog, const weir_view *keys, bool numbered, weir_view text, err *e)
{
    const char *why;
    size_t at;
    *s = (tap_state){.catalog = catalog, .keys = keys, .numbered = numbered, .parts = arena_array(a, catalog->count, sizeof *s->parts)};
    for (size_t i = 0; s->parts && i < catalog->count; i++)
        if (!map_put(&s->by_key, keys[i], (void *)(uintptr_t)(i + 1)))
            return err_nomem(e);
    if (!json_check(text, &why, &at))
        return err_fail(e, WEIR_E_CONFIG, "it is not JSON: %s at byte %zu", why, at);
    text = value_of(text);
    json_scan first = json_scan_of(text);
    if (json_peek(&first) != '{')
        return err_fail(e, WEIR_E_CONFIG, "it is not an object");
    weir_rc rc = s->parts ? read_members(s, a, text, e) : err_nomem(e);
    bool ok = buf_ok(&s->others) && buf_ok(&s->rest) && buf_ok(&s->versions) && !a->failed;
    for (size_t i = 0; ok && i < catalog->count; i++)
        ok = buf_ok(&s->parts[i]);
    return rc ? rc : ok ? WEIR_OK : err_nomem(e);
}

void singer_state_free(tap_state *s)
{
    for (size_t i = 0; s->parts && i < s->catalog->count; i++)
        buf_free(&s->parts[i]);
    buf_free(&s->others);
    buf_free(&s->rest);
    buf_free(&s->versions);
    map_free(&s->by_key);
}

bool singer_state_any(const tap_state *s)
{
    bool any = s->others.len || s->rest.len > 2 || s->versions.len || s->syncing.len;
    for (size_t i = 0; !any && i < s->catalog->count; i++)
        any = s->parts[i].len;
    return any;
}

/* ---------------------------------------------------------------------------------------------------- to and from the task -- */

void singer_state_task(const tap_state *s, buf *out)
{
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_open(out_name(&w, BINDINGS), '{');
    for (size_t i = 0; i < s->catalog->count; i++)
        if (s->parts[i].len && !s->catalog->streams[i].full_table)
            out_raw(out_namev(&w, s->keys[i]), buf_view(&s->parts[i]));
    out_close(&w, '}');
    if (s->rest.len > 2)
        out_raw(&w, (weir_view){s->rest.ptr + 1, s->rest.len - 2});
    out_close(&w, '}');
}

static bool note_bindings(tap_state *s, weir_view bindings, bool patch)
{
    json_scan scan = json_scan_of(bindings);
    json_key key;
    weir_view value;
    buf escaped = {0};
    bool ok = true;
    if (json_peek(&scan) != '{' || !json_enter(&scan, '{'))
        return true;
    while (ok && json_member(&scan, &key) && json_skip(&scan, &value)) {
        size_t i = find(s, key, false, &escaped);
        if (i && view_is(value, "null"))
            buf_clear(&s->parts[i - 1]);
        else if (i)
            ok = patch ? merge(&s->parts[i - 1], value) : replace(&s->parts[i - 1], value);
    }
    buf_free(&escaped);
    return ok;
}

/* The task's state is replaced or patched: what is in it of bindings, and the rest. */
static bool note_task(tap_state *s, weir_view state, bool patch)
{
    json_scan scan = json_scan_of(state);
    json_key key;
    weir_view value;
    buf members = {0}, rest = {0};
    bool ok = true;
    for (size_t i = 0; !patch && i < s->catalog->count; i++)
        buf_clear(&s->parts[i]);
    json_enter(&scan, '{');
    while (ok && json_member(&scan, &key) && json_skip(&scan, &value)) {
        if (json_key_is(key, VIEW(BINDINGS)))
            ok = note_bindings(s, value, patch);
        else if (!numbered_here(s, key, value))
            add_member(&members, key.raw, value);
    }
    if (ok && (members.len || !patch)) {
        buf_adds(&rest, "{");
        buf_addv(&rest, buf_view(&members));
        buf_adds(&rest, "}");
        ok = buf_ok(&members) && buf_ok(&rest) && (patch ? merge(&s->rest, buf_view(&rest)) : replace(&s->rest, buf_view(&rest)));
    }
    buf_free(&members);
    buf_free(&rest);
    return ok;
}

bool singer_state_note(tap_state *s, const checkpoint *c, size_t base)
{
    if (c->binding) { /* the patch: lanes that share a binding never overwrite each other */
        const size_t i = base + c->binding->index;
        return merge(&s->parts[i], state_of_binding(c->state, s->keys[i]));
    }
    return view_is(c->state, "{}") && c->merge ? true : note_task(s, c->state, c->merge);
}

bool singer_state_copy(tap_state *to, const tap_state *from, size_t index)
{
    if (index != SIZE_MAX)
        return replace(&to->parts[index], buf_view(&from->parts[index]));
    bool ok = replace(&to->rest, buf_view(&from->rest));
    for (size_t i = 0; ok && i < from->catalog->count; i++)
        ok = replace(&to->parts[i], buf_view(&from->parts[i]));
    return ok;
}

/* --------------------------------------------------------------------------------------------------------------- versions -- */

int64_t singer_state_version(const tap_state *s, weir_view id)
{
    json_scan scan = json_scan_of(buf_view(&s->versions));
    json_key key;
    weir_view value;
    int64_t version = 0;
    if (s->versions.len && json_enter(&scan, '{'))
        while (json_member(&scan, &key) && json_skip(&scan, &value))
            if (json_key_is(key, id))
                number_to_i64(value, &version);
    return version;
}

bool singer_state_set_version(tap_state *s, weir_view id, int64_t version)
{
    buf patch = {0};
    json_out w = json_out_to(&patch);
    out_open(&w, '{');
    out_int(out_namev(&w, id), version);
    out_close(&w, '}');
    bool ok = buf_ok(&patch) && merge(&s->versions, buf_view(&patch));
    buf_free(&patch);
    return ok;
}

/* ---------------------------------------------------------------------------------------------------------------- writing -- */

void singer_state_write(const tap_state *s, weir_view syncing, buf *out)
{
    buf_adds(out, "{\"type\":\"STATE\",\"value\":");
    json_out w = json_out_to(out);
    out_open(&w, '{');
    if (syncing.len)
        out_text(out_name(&w, "currently_syncing"), syncing);
    out_open(out_name(&w, "bookmarks"), '{');
    for (size_t i = 0; i < s->catalog->count; i++)
        if (s->parts[i].len)
            out_raw(out_namev(&w, s->catalog->streams[i].id), buf_view(&s->parts[i]));
    if (s->others.len)
        out_raw(&w, buf_view(&s->others));
    out_close(&w, '}');
    if (s->versions.len)
        out_raw(out_name(&w, "activate_versions"), buf_view(&s->versions));
    if (s->rest.len > 2)
        out_raw(&w, (weir_view){s->rest.ptr + 1, s->rest.len - 2});
    out_close(&w, '}');
    buf_adds(out, "}\n");
}
