/* The document builder: typed values straight into the output. Nothing here allocates but the output itself. An outlet that takes values gets them as they
 * are; for it t->out is NULL, so that for JSON text nothing more is asked than whether a document was begun. */
#include "base/clock.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/text.h"
#include "run/task.h"

static void went_wrong(weir_task *t, weir_rc rc, const char *error)
{
    if (!t->build_rc) {
        t->build_rc = rc;
        t->build_error = error;
    }
}

/* memcpy for names, most of which are short: two words that overlap, without a call. */
static inline char *copy_name(char *to, weir_name name)
{
    if (name.len >= 8 && name.len <= 16) {
        memcpy(to, name.quoted, 8);
        memcpy(to + name.len - 8, name.quoted + name.len - 8, 8);
    } else if (name.len >= 4 && name.len < 8) {
        memcpy(to, name.quoted, 4);
        memcpy(to + name.len - 4, name.quoted + name.len - 4, 4);
    } else {
        memcpy(to, name.quoted, name.len);
    }
    return to + name.len;
}

/* Room for the comma, the name and `need` bytes of value; the comma and the name are written. NULL: no JSON text is being written, or no memory. */
static inline char *place(weir_task *t, weir_name name, size_t need)
{
    if (__builtin_expect(!t->out, 0))
        return NULL;
    buf *to = t->out->to;
    bool in_array = t->arrays >> (t->depth & 63) & 1;
    if (__builtin_expect(in_array == (name.quoted != NULL), 0))
        went_wrong(t, WEIR_E_BUG, in_array ? "a named value in an array" : "a value without a name in an object");
    if (__builtin_expect(!buf_reserve(to, name.len + need + 2), 0))
        return NULL;
    char *p = to->ptr + to->len;
    if (t->comma)
        *p++ = ',';
    t->comma = true;
    return name.len ? copy_name(p, name) : p;
}

static inline void placed(weir_task *t, const char *end)
{
    t->out->to->len = (size_t)(end - t->out->to->ptr);
}

/* The outlet that takes values, if it is the one that is written to; NULL: there is none. For a value that found no place. */
static outlet *typed(weir_task *t, weir_name name)
{
    if (t->out || !t->typed)
        return NULL;
    if (!name.quoted)
        went_wrong(t, WEIR_E_BUG, "a value without a name in an object");
    return name.quoted ? t->typed : NULL;
}

/* Gives a value that found no place to such an outlet. */
#define GIVE(t, name, what, ...)                                       \
    do {                                                               \
        outlet *o_ = typed(t, name);                                   \
        if (o_)                                                        \
            o_->values->what(o_, name __VA_OPT__(, ) __VA_ARGS__);     \
    } while (0)

static void put_raw(weir_task *t, weir_name name, const char *text, size_t len)
{
    char *p = place(t, name, len);
    if (p) {
        memcpy(p, text, len);
        placed(t, p + len);
    }
}

static void start(weir_task *t, const weir_binding *b, weir_op op)
{
    t->building = b;
    t->op = op;
    t->arrays = 0;
    t->depth = 0;
    t->comma = false;
    t->build_rc = WEIR_OK;
}

static weir_rc begin_values(weir_task *t, const weir_binding *b, outlet *o)
{
    weir_rc rc = o->values->begin(o, t);
    if (rc)
        return rc;
    t->typed = o;
    start(t, b, WEIR_UPSERT);
    return WEIR_OK;
}

void task_drop(weir_task *t)
{
    if (t->typed)
        t->typed->values->drop(t->typed);
    else
        t->out->to->len = t->start;
    t->out = t->typed = NULL;
    t->building = NULL;
}

weir_rc weir_begin(weir_task *t, const weir_binding *b, weir_op op)
{
    if (t->building)
        return weir_fail(t, WEIR_E_BUG, "weir_begin without weir_end for %.*s", VIEW_ARG(t->building->name));
    if (!t->attached) {
        weir_rc rc = task_attach(t);
        if (rc)
            return rc;
    }
    if (b->index >= t->s->binding_count)
        return weir_fail(t, WEIR_E_BUG, "binding %u does not exist: there are %zu", b->index, t->s->binding_count);
    outlet *o = &t->lane.outlets[b->index];
    if (o->values && op == WEIR_UPSERT)
        return begin_values(t, b, o);
    t->start = o->to->len;
    if (!buf_reserve(o->to, o->prefix.len + o->head + 1)) {
        o->to->failed = false;
        return err_nomem(&t->err);
    }
    char *p = o->to->ptr + o->to->len;
    memcpy(p, o->prefix.ptr, o->prefix.len);
    p += o->prefix.len + o->head;
    *p++ = '{';
    o->to->len = (size_t)(p - o->to->ptr);
    t->out = o;
    start(t, b, op);
    return WEIR_OK;
}

/* Rewrites the finished document as a deletion or update. */
static weir_rc mark_document(weir_task *t, const weir_binding *b, outlet *o)
{
    size_t from = t->start + o->prefix.len + o->head;
    weir_view doc;
    weir_rc rc = task_mark(t, b, o, t->op, (weir_view){o->to->ptr + from, o->to->len - from}, &doc);
    if (rc)
        return rc;
    o->to->len = from;
    buf_addv(o->to, doc);
    return buf_ok(o->to) ? WEIR_OK : err_nomem(&t->err);
}

static weir_rc give_up(weir_task *t, const weir_binding *b, outlet *o, weir_rc rc, const char *why)
{
    o->to->len = t->start;
    o->to->failed = false;
    return weir_fail(t, rc, "document for %.*s: %s", VIEW_ARG(b->name), why);
}

static weir_rc end_text(weir_task *t, const weir_binding *b, outlet *o)
{
    buf_addc(o->to, '}');
    if (!buf_ok(o->to) || t->arena.failed || t->names.failed)
        return give_up(t, b, o, WEIR_E_NOMEM, "out of memory");
    if (t->build_rc)
        return give_up(t, b, o, t->build_rc, t->build_error);
    weir_rc rc = t->op == WEIR_UPSERT ? WEIR_OK : mark_document(t, b, o);
    if (rc) {
        o->to->len = t->start;
        o->to->failed = false;
        return rc;
    }
    buf_addv(o->to, o->suffix);
    o->op = t->op;
    rc = task_appended(t, o, t->start);
    o->op = WEIR_UPSERT;
    return rc;
}

static weir_rc end_values(weir_task *t, const weir_binding *b, outlet *o)
{
    size_t held = 0;
    if (t->arena.failed || t->names.failed)
        went_wrong(t, WEIR_E_NOMEM, "out of memory");
    if (t->build_rc) {
        o->values->drop(o);
        return weir_fail(t, t->build_rc, "document for %.*s: %s", VIEW_ARG(b->name), t->build_error);
    }
    weir_rc rc = o->values->end(o, t, &held);
    return rc ? rc : task_counted(t, o, held);
}

weir_rc weir_end(weir_task *t)
{
    const weir_binding *b = t->building;
    outlet *to = t->out, *values = t->typed;
    if (!b)
        return weir_fail(t, WEIR_E_BUG, "weir_end without weir_begin");
    if (t->depth)
        went_wrong(t, WEIR_E_BUG, "an object or array was not closed");
    t->out = t->typed = NULL;
    t->building = NULL;
    return values ? end_values(t, b, values) : end_text(t, b, to);
}

void weir_put_null(weir_task *t, weir_name name)
{
    if (t->out)
        put_raw(t, name, "null", 4);
    else
        GIVE(t, name, null);
}

void weir_put_bool(weir_task *t, weir_name name, bool v)
{
    char *p = place(t, name, 5);
    if (!p) {
        GIVE(t, name, boolean, v);
        return;
    }
    memcpy(p, v ? "true" : "fals", 4);
    p[4] = 'e'; /* of false; behind true whatever comes next takes its place */
    placed(t, p + (v ? 4 : 5));
}

void weir_put_int(weir_task *t, weir_name name, int64_t v)
{
    char *p = place(t, name, NUMBER_TEXT);
    if (p)
        placed(t, p + number_i64(p, v));
    else
        GIVE(t, name, integer, v);
}

void weir_put_uint(weir_task *t, weir_name name, uint64_t v)
{
    char *p = place(t, name, NUMBER_TEXT);
    if (p)
        placed(t, p + number_u64(p, v));
    else
        GIVE(t, name, natural, v);
}

void weir_put_double(weir_task *t, weir_name name, double v)
{
    if (!t->out) {
        GIVE(t, name, number, v);
    } else if (v != v) {
        put_raw(t, name, "\"NaN\"", 5);
    } else if (v - v != 0) {
        put_raw(t, name, v > 0 ? "\"Infinity\"" : "\"-Infinity\"", v > 0 ? 10 : 11);
    } else {
        char *p = place(t, name, NUMBER_TEXT);
        if (p)
            placed(t, p + number_double(p, v));
    }
}

void weir_put_decimal(weir_task *t, weir_name name, weir_view digits)
{
    if (!number_is(digits))
        went_wrong(t, WEIR_E_BUG, "a decimal that is no JSON number");
    else if (t->out)
        put_raw(t, name, digits.ptr, digits.len);
    else
        GIVE(t, name, decimal, digits);
}

void weir_put_text(weir_task *t, weir_name name, weir_view text)
{
    char *p = place(t, name, text.len + 2);
    if (!p) {
        GIVE(t, name, text, text);
        return;
    }
    placed(t, p);
    if (!json_quote(t->out->to, text) && buf_ok(t->out->to))
        went_wrong(t, WEIR_E_REMOTE, "text that is not UTF-8");
}

void weir_put_time(weir_task *t, weir_name name, int64_t seconds, uint32_t nanos)
{
    char *p = place(t, name, CLOCK_TEXT + 2);
    if (!p) {
        GIVE(t, name, time, seconds, nanos);
        return;
    }
    size_t n = clock_rfc3339(seconds, nanos, p + 1);
    if (!n)
        went_wrong(t, WEIR_E_REMOTE, "a time outside the years 0 to 9999");
    p[0] = p[n + 1] = '"';
    placed(t, p + n + 2);
}

void weir_put_bytes(weir_task *t, weir_name name, const void *bytes, size_t len)
{
    char *p = place(t, name, 2);
    if (!p) {
        GIVE(t, name, bytes, (weir_view){bytes, len});
        return;
    }
    *p++ = '"';
    placed(t, p);
    base64_encode(t->out->to, (weir_view){bytes, len});
    buf_addc(t->out->to, '"');
}

/* On one line. */
static void give_json(weir_task *t, weir_name name, weir_view json, bool lines)
{
    buf line = {0};
    if (lines)
        json_compact(&line, json);
    if (!buf_ok(&line))
        went_wrong(t, WEIR_E_NOMEM, "out of memory");
    else
        GIVE(t, name, json, lines ? buf_view(&line) : json);
    buf_free(&line);
}

void weir_put_json(weir_task *t, weir_name name, weir_view json)
{
    json_scan s = json_scan_of(json);
    if (!json_skip(&s, NULL) || !json_done(&s)) {
        went_wrong(t, WEIR_E_BUG, "a value that is not JSON");
    } else if (!t->out) {
        give_json(t, name, json, s.lines);
    } else if (!s.lines) {
        put_raw(t, name, json.ptr, json.len);
    } else {
        char *p = place(t, name, 0);
        if (p) {
            placed(t, p);
            json_compact(t->out->to, json);
        }
    }
}

/* An object or array among values begins: its JSON text, which stands in scratch as if it were in an array. */
static void begin_inside(weir_task *t, weir_name *name)
{
    if (!typed(t, *name))
        return;
    buf_clear(&t->scratch);
    t->inside = (outlet){.to = &t->scratch};
    t->inside_name = *name;
    t->out = &t->inside;
    t->arrays = 1;
    t->comma = false;
    *name = WEIR_ITEM;
}

static void end_inside(weir_task *t)
{
    t->out = NULL;
    if (!buf_ok(&t->scratch))
        went_wrong(t, WEIR_E_NOMEM, "out of memory");
    else if (!t->build_rc)
        GIVE(t, t->inside_name, json, buf_view(&t->scratch));
}

static void open_level(weir_task *t, weir_name name, bool array)
{
    if (!t->out)
        begin_inside(t, &name);
    if (!t->out)
        return;
    put_raw(t, name, array ? "[" : "{", 1);
    if (t->depth + 1 == BUILD_DEPTH) {
        went_wrong(t, WEIR_E_BUG, "nested deeper than 63 levels");
        return;
    }
    t->depth++;
    t->arrays = array ? t->arrays | (uint64_t)1 << t->depth : t->arrays & ~((uint64_t)1 << t->depth);
    t->comma = false;
}

void weir_open_object(weir_task *t, weir_name name) { open_level(t, name, false); }
void weir_open_array(weir_task *t, weir_name name) { open_level(t, name, true); }

void weir_close(weir_task *t)
{
    if (!t->building)
        return;
    if (!t->depth) {
        went_wrong(t, WEIR_E_BUG, "weir_close with nothing open");
        return;
    }
    buf_addc(t->out->to, t->arrays >> t->depth & 1 ? ']' : '}');
    t->depth--;
    t->comma = true;
    if (t->typed && !t->depth)
        end_inside(t);
}

weir_name weir_name_of(weir_task *t, weir_view name)
{
    buf quoted = {0};
    json_quote_lossy(&quoted, name);
    buf_addc(&quoted, ':');
    weir_view kept = buf_ok(&quoted) ? arena_dup(&t->names, buf_view(&quoted)) : (weir_view){0};
    if (!kept.ptr)
        t->names.failed = true;
    buf_free(&quoted);
    return (weir_name){kept.ptr ? kept.ptr : "\"\":", kept.ptr ? kept.len : 3};
}
