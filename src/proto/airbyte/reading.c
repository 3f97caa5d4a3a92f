#include "proto/airbyte/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/write.h"
#include "proto/airbyte/catalog.h"
#include "proto/airbyte/say.h"
#include "proto/unwrap.h"

static reading *of(const framing *f) { return (reading *)(uintptr_t)f; }

/* ---- documents: {"type":"RECORD","record":{"stream":...,"data": ... ,"emitted_at":1795237126937}} ---- */

enum { DIGITS = 13, TAIL = 3 }; /* of emitted_at until the year 2286, and what follows them */

typedef struct record_lane record_lane;

/* What an outlet knows of its stream on its lane. */
typedef struct record_outlet {
    record_lane *lane;
    reading_stream *stream;
    struct record_outlet *next; /* of those with records since the lane's last checkpoint */
    uint64_t records, bytes;    /* since then, still in the lane's buffer */
    struct timespec stamp;      /* what the suffix says */
    char *suffix;
} record_outlet;

struct record_lane {
    record_outlet *touched;
};

static void put_number(char *digits, int64_t n)
{
    for (int i = DIGITS; i--; n /= 10)
        digits[i] = (char)('0' + n % 10);
}

static char *digits_of(char *suffix, size_t len) { return suffix + len - TAIL - DIGITS; }

/* Puts text before what stands at `at`. */
static void insert(buf *to, size_t at, weir_view text)
{
    if (!buf_reserve(to, text.len))
        return;
    memmove(to->ptr + at + text.len, to->ptr + at, to->len - at);
    memcpy(to->ptr + at, text.ptr, text.len);
    to->len += text.len;
}

static void touch(record_outlet *x)
{
    x->next = x->lane->touched;
    x->lane->touched = x;
}

static inline void count_and_stamp(outlet *o, record_outlet *x, size_t start)
{
    buf *to = o->to;
    struct timespec now;
    if (!x->records++)
        touch(x);
    x->bytes += to->len - start;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_nsec == x->stamp.tv_nsec && now.tv_sec == x->stamp.tv_sec)
        return;
    x->stamp = now;
    put_number(digits_of(x->suffix, o->suffix.len), (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    memcpy(digits_of(to->ptr, to->len), digits_of(x->suffix, o->suffix.len), DIGITS);
}

static void finish_plain(outlet *o, size_t start)
{
    if (__builtin_expect(buf_ok(o->to), 1))
        count_and_stamp(o, o->context, start);
}

/* Now, with milliseconds. */
static size_t now_text(char out[CLOCK_TEXT])
{
    int64_t seconds;
    uint32_t nanos;
    clock_now(&seconds, &nanos);
    return clock_rfc3339(seconds, nanos / 1000000 * 1000000, out);
}

/* Adds the column that says when it was deleted, in front of the brace that closes it. @param end of the document */
static void insert_deleted_at(buf *to, weir_view doc, size_t end)
{
    char text[CLOCK_TEXT + sizeof AIRBYTE_DELETED_AT + 8], now[CLOCK_TEXT];
    if (pointer_find(doc, VIEW("/" AIRBYTE_DELETED_AT)).len)
        return;
    const size_t n = now_text(now);
    const bool others = json_peek(&(json_scan){.at = doc.ptr + 1, .end = doc.ptr + doc.len, .begin = doc.ptr}) == '"';
    const int len = snprintf(text, sizeof text, "%s\"" AIRBYTE_DELETED_AT "\":\"%.*s\"", others ? "," : "", (int)n, now);
    insert(to, end - 1, (weir_view){text, (size_t)len});
}

/* Where Flow's rules shaped the documents. */
static void finish_unwrapped(outlet *o, size_t start)
{
    record_outlet *x = o->context;
    buf *to = o->to;
    if (!buf_ok(to))
        return;
    const size_t from = start + o->prefix.len, len = to->len - o->suffix.len - from;
    weir_view doc = {to->ptr + from, len};
    const bool deleted = x->stream->deletes && unwrap_deletes(doc);
    if (x->stream->row_id)
        doc.len = unwrap_row_id(to->ptr + from, len);
    memmove(to->ptr + from + doc.len, to->ptr + from + len, o->suffix.len);
    to->len -= len - doc.len;
    if (deleted)
        insert_deleted_at(to, doc, from + doc.len);
    if (buf_ok(to))
        count_and_stamp(o, x, start);
}

static void finish_usual(outlet *o, size_t start)
{
    const reading_stream *st = ((record_outlet *)o->context)->stream;
    o->finish = st->row_id || st->deletes ? finish_unwrapped : finish_plain;
    o->finish(o, start);
}

/* The lane's first of this stream: RUNNING goes before it (3.2), unless another lane said so. */
static void finish_first(outlet *o, size_t start)
{
    reading_stream *st = ((record_outlet *)o->context)->stream;
    buf line = {0};
    finish_usual(o, start);
    if (!buf_ok(o->to) || atomic_exchange(&st->running, true))
        return;
    airbyte_say_status(&line, st->part->descriptor, AIRBYTE_RUNNING);
    if (buf_ok(&line))
        insert(o->to, start, buf_view(&line));
    else
        o->to->failed = true;
    buf_free(&line);
}

/* A deletion that the connector told by itself. */
static bool delete_row(const outlet *o, weir_op op, weir_view doc, buf *out)
{
    (void)op; /* a deletion: updates are refused */
    char now[CLOCK_TEXT];
    buf patch = {0};
    (void)o;
    buf_printf(&patch, "{\"" AIRBYTE_DELETED_AT "\":\"%.*s\"}", (int)now_text(now), now);
    bool ok = buf_ok(&patch) && patch_apply(out, doc, buf_view(&patch));
    buf_free(&patch);
    return ok;
}

static bool texts_of(arena *a, const airbyte_part *p, outlet *o, char **ret_suffix)
{
    buf prefix = {0};
    json_out w = json_out_to(&prefix);
    buf_adds(&prefix, "{\"type\":\"RECORD\",\"record\":");
    out_open(&w, '{');
    out_text(out_name(&w, "stream"), p->name);
    if (p->name_space.len)
        out_text(out_name(&w, "namespace"), p->name_space);
    out_name(&w, "data");
    o->prefix = buf_ok(&prefix) ? arena_dup(a, buf_view(&prefix)) : (weir_view){0};
    buf_free(&prefix);
    *ret_suffix = arena_text(a, VIEW(",\"emitted_at\":0000000000000}}\n"));
    o->suffix = view_of(*ret_suffix);
    return o->prefix.ptr && *ret_suffix;
}

static bool record_of(const framing *f, arena *a, const weir_binding *b, outlet *o)
{
    reading *r = of(f);
    record_outlet *x = arena_alloc(a, sizeof *x);
    /* the outlets of a lane are an array by binding, filled in this order: the first one brings what they share */
    record_lane *shared = b->index ? ((record_outlet *)o[-(ptrdiff_t)b->index].context)->lane : arena_alloc(a, sizeof *shared);
    if (!x || !shared)
        return false;
    *x = (record_outlet){.lane = shared, .stream = &r->streams[b->index]};
    o->context = x;
    o->finish = finish_first;
    o->mark = delete_row;
    o->whole = true;
    return texts_of(a, r->streams[b->index].part, o, &x->suffix);
}

/* NULL: it has not put out anything yet. */
static record_lane *lane_of(const lane *ln)
{
    return ln->outlets ? ((record_outlet *)ln->outlets[0].context)->lane : NULL;
}

/* ---- states ---- */

/* What the lane holds of documents goes to the wire, or is dropped there. */
static void take_touched(reading *r, const lane *ln, bool dropped)
{
    record_lane *own = lane_of(ln);
    for (record_outlet *x = own ? own->touched : NULL; x; x = x->next) {
        reading_stream *st = x->stream;
        if (!dropped && !st->open_records) {
            st->next = r->open;
            r->open = st;
        }
        st->open_records += dropped ? 0 : x->records;
        st->open_bytes += dropped ? 0 : x->bytes;
        x->records = x->bytes = 0;
    }
    if (own)
        own->touched = NULL;
}

/* The next states cover everything that stands on the wire, or goes there in front of them. */
static void count_open(reading *r)
{
    for (reading_stream *st = r->open; st; st = st->next) {
        airbyte_states_count(&r->states, st->part, st->open_records, st->open_bytes);
        st->records += st->open_records;
        st->open_records = st->open_bytes = 0;
    }
    r->open = NULL;
}

static void put_checkpoint(const framing *f, buf *out, const lane *ln, const checkpoint *c)
{
    reading *r = of(f);
    take_touched(r, ln, false);
    count_open(r);
    /* A binding's checkpoint, too, comes as a patch of the task's state: lanes that share a binding never tell what another one has not sealed. */
    if (!airbyte_states_note_task(&r->states, c->state, c->merge))
        out->failed = true;
}

/* States that are known now do not cover what goes out next, and their counts must not either. */
static void before_spill(const framing *f, const lane *ln)
{
    reading *r = of(f);
    r->settle_all = true;
    take_touched(r, ln, false);
}

static void settle(const framing *f, buf *out)
{
    reading *r = of(f);
    airbyte_states_put(&r->states, out, r->settle_all, clock_ms());
    r->settle_all = false;
}

static bool holds(const framing *f) { return airbyte_states_waiting(&of(f)->states); }

/* ---- the life of a stream (3.2) ---- */

static void put_begin(const framing *f, buf *out, const weir_binding *b)
{
    reading_stream *st = &of(f)->streams[b->index];
    st->begun = true;
    airbyte_say_status(out, st->part->descriptor, AIRBYTE_STARTED);
}

/* May the other streams be read nevertheless? Not if it is our fault, or the machine's. */
static bool is_own_failure(const reading *r, weir_rc rc)
{
    return !r->together && (rc == WEIR_E_CONFIG || rc == WEIR_E_TRANSIENT || rc == WEIR_E_REMOTE || rc == WEIR_E_PROTOCOL);
}

static void put_read(const reading *r, const reading_stream *st, buf *out)
{
    buf text = {0};
    if (!log_enabled(r->log, WEIR_INFO))
        return;
    buf_printf(&text, "read %" PRIu64 " records from %.*s", st->records, VIEW_ARG(st->part->name));
    airbyte_say_log(out, airbyte_level(WEIR_INFO), buf_view(&text));
    buf_free(&text);
}

static weir_rc put_end(const framing *f, buf *out, const lane *ln, const weir_binding *b, weir_rc rc, err *e)
{
    reading *r = of(f);
    reading_stream *st = &r->streams[b->index];
    const bool complete = !rc && !session_stopping(r->s), own = is_own_failure(r, rc);
    buf message = {0};
    if (rc)
        take_touched(r, ln, true);
    count_open(r);
    airbyte_states_put_last(&r->states, st->part, complete, out, clock_ms());
    put_read(r, st, out);
    st->ended = true;
    if (own) {
        log_masked(r->log, view_of(err_text(e)), &message);
        airbyte_say_log(out, "ERROR", buf_view(&message));
    }
    airbyte_say_status(out, st->part->descriptor, complete ? AIRBYTE_COMPLETE : AIRBYTE_INCOMPLETE);
    if (own)
        airbyte_say_error(out, rc, buf_view(&message), st->part->descriptor);
    if (own)
        r->failure = r->failed++ && r->failure != rc ? WEIR_E_REMOTE : rc;
    out->failed |= !buf_ok(&message);
    buf_free(&message);
    return own ? WEIR_OK : rc;
}

void airbyte_reading_finish(reading *r, buf *out)
{
    for (size_t i = 0; i < r->count; i++)
        if (!r->streams[i].ended)
            airbyte_say_status(out, r->streams[i].part->descriptor, AIRBYTE_INCOMPLETE);
}

/* ---- other messages (2.8, 2.9) ---- */

static void put_estimate(const framing *f, buf *out, const weir_binding *b, uint64_t documents, uint64_t bytes)
{
    const airbyte_part *p = of(f)->streams[b->index].part;
    airbyte_open(out, AIRBYTE_TRACE);
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_text(out_name(&w, "type"), VIEW("ESTIMATE"));
    out_int(out_name(&w, "emitted_at"), airbyte_now());
    out_open(out_name(&w, "estimate"), '{');
    out_text(out_name(&w, "name"), p->name);
    if (p->name_space.len)
        out_text(out_name(&w, "namespace"), p->name_space);
    out_text(out_name(&w, "type"), VIEW("STREAM"));
    if (documents)
        out_int(out_name(&w, "row_estimate"), (int64_t)documents);
    if (bytes)
        out_int(out_name(&w, "byte_estimate"), (int64_t)bytes);
    out_close(&w, '}');
    out_close(&w, '}');
    airbyte_close(out);
}

static void put_config(const framing *f, buf *out, weir_view config)
{
    (void)f;
    airbyte_open(out, AIRBYTE_CONTROL);
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_text(out_name(&w, "type"), VIEW("CONNECTOR_CONFIG"));
    out_int(out_name(&w, "emitted_at"), airbyte_now());
    out_open(out_name(&w, "connectorConfig"), '{');
    out_raw(out_name(&w, "config"), config);
    out_close(&w, '}');
    out_close(&w, '}');
    airbyte_close(out);
}

void airbyte_reading_init(reading *r)
{
    r->framing = (framing){
        .outlet = record_of, .checkpoint = put_checkpoint, .settle = settle, .spill = before_spill, .holds = holds, .begin = put_begin,
        .end = put_end, .estimate = put_estimate, .config = put_config,
    };
}
