#include "run/adjust.h"

#include <stdio.h>

#include "base/clock.h"
#include "json/scan.h"

/* ---- cutting ---- */

typedef struct cutter {
    const weir_rules *rules;
    buf *out;
    bool cut;
} cutter;

/* How much of a text, as it is written, may stay: whole characters that decode to at most `max` bytes. */
static size_t text_room(weir_view raw, size_t max)
{
    const char *at = raw.ptr, *end = raw.ptr + raw.len;
    char room[4];
    for (size_t used = 0; at < end;) {
        const char *next = at;
        size_t n = 1;
        if (*at == '\\') {
            n = json_unescape(&next, room);
        } else {
            while (next + n < end && ((unsigned char)next[n] & 0xC0) == 0x80)
                n++;
            next += n;
        }
        if (used + n > max)
            break;
        used += n;
        at = next;
    }
    return (size_t)(at - raw.ptr);
}

static void cut_text(cutter *c, json_scan *s)
{
    weir_view raw;
    bool escaped;
    if (!json_string(s, &raw, &escaped))
        return;
    const size_t max = c->rules->text_max, stays = max && raw.len > max ? text_room(raw, max) : raw.len;
    c->cut |= stays < raw.len;
    buf_addc(c->out, '"');
    buf_add(c->out, raw.ptr, stays);
    buf_addc(c->out, '"');
}

static void cut_value(cutter *c, json_scan *s, unsigned depth);

/* Is the one after `n` too many? Then it is passed over. */
static bool beyond(cutter *c, json_scan *s, size_t n, size_t max)
{
    if (!max || n < max)
        return false;
    c->cut = true;
    json_skip(s, NULL);
    return true;
}

static void cut_object(cutter *c, json_scan *s, unsigned depth)
{
    const size_t max = depth ? c->rules->members_max : 0;
    json_key key;
    json_enter(s, '{');
    buf_addc(c->out, '{');
    for (size_t n = 0; json_member(s, &key); n++) {
        if (beyond(c, s, n, max))
            continue;
        buf_adds(c->out, n ? ",\"" : "\"");
        buf_addv(c->out, key.raw);
        buf_adds(c->out, "\":");
        cut_value(c, s, depth + 1);
    }
    buf_addc(c->out, '}');
}

static void cut_array(cutter *c, json_scan *s, unsigned depth)
{
    json_enter(s, '[');
    buf_addc(c->out, '[');
    for (size_t n = 0; json_item(s); n++) {
        if (beyond(c, s, n, c->rules->items_max))
            continue;
        if (n)
            buf_addc(c->out, ',');
        cut_value(c, s, depth + 1);
    }
    buf_addc(c->out, ']');
}

static void cut_value(cutter *c, json_scan *s, unsigned depth)
{
    weir_view span;
    const char what = json_peek(s);
    if (what == '"')
        cut_text(c, s);
    else if (what == '{')
        cut_object(c, s, depth);
    else if (what == '[')
        cut_array(c, s, depth);
    else if (json_skip(s, &span))
        buf_addv(c->out, span);
}

void adjust_value(const weir_rules *rules, weir_view json, buf *out, bool *ret_cut)
{
    cutter c = {rules, out, false};
    json_scan s = json_scan_of(json);
    cut_value(&c, &s, 0);
    *ret_cut |= c.cut;
}

/* Nothing in a JSON text that is not longer can be too long: a text has its quotes around it, an item is one byte and a comma, a member at least `"":0,`. */
static size_t harmless(const weir_rules *r)
{
    size_t max = SIZE_MAX;
    const size_t each[] = {r->text_max ? (size_t)r->text_max + 2 : max, r->items_max ? 2 * (size_t)r->items_max + 2 : max,
                           r->members_max ? 5 * (size_t)r->members_max + 5 : max};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        max = each[i] < max ? each[i] : max;
    return max;
}

/* ---- the time of a document ---- */

enum { UUID_TEXT = 36 };

static bool take_hex(weir_view text, size_t at, size_t count, uint64_t *to)
{
    for (size_t i = at; i < at + count; i++) {
        const char c = text.ptr[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return false;
        *to = *to << 4 | (uint64_t)digit;
    }
    return true;
}

/* RFC 4122: time_low, time_mid, version and time_hi; ticks of 100 ns since 1582-10-15. */
bool adjust_uuid_time(weir_view json, buf *out)
{
    const uint64_t epoch = 0x01B21DD213814000ull, second = 10000000;
    uint64_t ticks = 0, version = 0;
    char date[CLOCK_TEXT];
    if (json.len != UUID_TEXT + 2 || *json.ptr != '"')
        return false;
    const weir_view t = {json.ptr + 1, UUID_TEXT};
    if (t.ptr[8] != '-' || t.ptr[13] != '-' || t.ptr[18] != '-' || t.ptr[23] != '-')
        return false;
    if (!take_hex(t, 14, 1, &version) || version != 1 || !take_hex(t, 15, 3, &ticks) || !take_hex(t, 9, 4, &ticks) || !take_hex(t, 0, 8, &ticks) ||
        ticks < epoch)
        return false;
    const size_t n = clock_rfc3339((int64_t)((ticks - epoch) / second), 0, date);
    if (!n)
        return false;
    buf_printf(out, "\"%.*s.%09uZ\"", (int)n - 1, date, (unsigned)((ticks - epoch) % second * 100));
    return true;
}

/* ---- rows ---- */

typedef struct adjuster {
    const weir_rules *rules;
    arena *a;
    const weir_binding *b;
    size_t longest;            /* a text that is not longer needs no look */
    size_t truncated, published; /* columns; SIZE_MAX: there is none */
    buf room;
} adjuster;

static size_t find_column(const weir_binding *b, const char *field, const char *pointer)
{
    for (size_t i = b->key_count; i < b->column_count; i++)
        if (view_is(b->columns[i].field, field) && view_is(b->columns[i].pointer, pointer))
            return i;
    return SIZE_MAX;
}

static bool needs_look(const adjuster *x, const weir_row *row)
{
    bool any = x->truncated != SIZE_MAX || x->published != SIZE_MAX || row->doc.len > x->longest;
    for (size_t i = x->b->key_count; !any && row->values && i < x->b->column_count; i++)
        any = row->values[i].len > x->longest;
    return any;
}

static void cut_view(adjuster *x, weir_view *v, bool *ret_cut)
{
    bool cut = false;
    if (v->len <= x->longest)
        return;
    buf_clear(&x->room);
    adjust_value(x->rules, *v, &x->room, &cut);
    if (cut)
        *v = arena_dup(x->a, buf_view(&x->room));
    *ret_cut |= cut;
}

static void adjust_row(adjuster *x, weir_row *row)
{
    const weir_binding *b = x->b;
    bool cut = false;
    cut_view(x, &row->doc, &cut);
    if (!row->values)
        return;
    weir_view *values = arena_array(x->a, b->column_count, sizeof *values);
    for (size_t i = 0; values && i < b->column_count; i++) {
        values[i] = row->values[i];
        if (i >= b->key_count && i != x->published && i != x->truncated)
            cut_view(x, &values[i], &cut);
    }
    buf_clear(&x->room);
    if (values && x->published != SIZE_MAX && adjust_uuid_time(values[x->published], &x->room))
        values[x->published] = arena_dup(x->a, buf_view(&x->room));
    if (values && x->truncated != SIZE_MAX && (cut || !values[x->truncated].len))
        values[x->truncated] = cut ? VIEW("true") : VIEW("false");
    row->values = values;
}

bool adjust_rows(const weir_rules *rules, arena *a, const weir_row **rows, size_t count)
{
    const weir_binding *b = (*rows)->binding;
    adjuster x = {.rules = rules, .a = a, .b = b, .longest = rules ? harmless(rules) : SIZE_MAX,
                  .truncated = find_column(b, "_meta/flow_truncated", "/_meta/flow_truncated"),
                  .published = find_column(b, "flow_published_at", "/_meta/uuid")};
    weir_row *copy = NULL;
    bool ok = true;
    if (x.longest == SIZE_MAX && x.truncated == SIZE_MAX && x.published == SIZE_MAX)
        return true;
    for (size_t i = 0; ok && i < count; i++) {
        if (!needs_look(&x, &(*rows)[i]))
            continue;
        if (!copy) {
            copy = arena_array(a, count, sizeof *copy);
            if (!copy)
                return false;
            memcpy(copy, *rows, count * sizeof *copy);
        }
        adjust_row(&x, &copy[i]);
        ok = buf_ok(&x.room) && !a->failed;
    }
    if (copy)
        *rows = copy;
    buf_free(&x.room);
    return ok;
}
