/* write: a destination. Messages on standard input go into the connector, states come back once everything before them is durable (airbyte.md 3). */
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "json/number.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/text.h"
#include "proto/airbyte/airbyte.h"
#include "proto/airbyte/catalog.h"
#include "proto/intake.h"

/* Columns beside the declared ones (3.5). */
typedef enum extra { RAW_ID, EXTRACTED_AT, META, GENERATION, EXTRAS } extra;

#define GENERATION_NAME "_airbyte_generation_id"
static const load_extra extra_columns[EXTRAS] = {
    [RAW_ID] = {WEIR_LIT("_airbyte_raw_id"), WEIR_IS_STRING, {NULL, 0}},
    [EXTRACTED_AT] = {WEIR_LIT("_airbyte_extracted_at"), WEIR_IS_STRING | WEIR_IS_NULL, WEIR_LIT("date-time")},
    [META] = {WEIR_LIT("_airbyte_meta"), WEIR_IS_OBJECT, {NULL, 0}},
    [GENERATION] = {WEIR_LIT(GENERATION_NAME), WEIR_IS_INTEGER | WEIR_IS_NULL, {NULL, 0}},
};

enum { NO_GENERATION = -1 /* what rows without one are marked with, once they are older than those to come */ };

typedef enum outcome { NO_STATUS, INCOMPLETE, COMPLETE } outcome;

typedef struct written {
    const airbyte_configured *c;
    size_t index;          /* in the load */
    bool truncates;        /* older generations go at its successful end */
    bool numbered;         /* by generation ids */
    bool begun;            /* rows of its own may be there */
    outcome status;
    uint64_t records;      /* since its last STATE */
    weir_view generation;  /* JSON text; empty: none */
    weir_view cursor;      /* a JSON pointer: whose value decides among rows of one key; empty: none */
    weir_view meta;        /* {"sync_id":1,"changes":[ */
} written;

typedef struct unknown {
    weir_view name;
    uint64_t records;
} unknown;

enum { UNKNOWN_NAMED = 100, ODD_LINES_SHOWN = 1000 };

typedef struct destination {
    const airbyte_call *k;
    load *l;
    intake in;
    written *streams;
    size_t count;
    map by_name;           /* NAMESPACE NUL NAME -> written */
    written *last;         /* whose names were last_name, last_space */
    buf last_name, last_space;
    map unknowns;          /* the same keys -> unknown */
    uint64_t unknown_records;
    buf key, doc, meta, number, states;
    uint64_t records, since_global; /* in all; since the last GLOBAL or LEGACY state */
    uint64_t random[2];    /* of xorshift128+ */
    char raw_id[40];
    weir_view emitted;     /* as written, in emitted_text; made to extracted */
    char emitted_text[NUMBER_TEXT], extracted[CLOCK_TEXT + 2];
    size_t extracted_len;
} destination;

/* ---- ids and times ---- */

static uint64_t random_bits(destination *d)
{
    uint64_t a = d->random[0], b = d->random[1];
    d->random[0] = b;
    a ^= a << 23;
    d->random[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return d->random[1] + b;
}

static void put_hex(char *to, uint64_t v, int digits)
{
    static const char hex[] = "0123456789abcdef";
    for (int i = digits - 1; i >= 0; i--, v >>= 4)
        to[i] = hex[v & 15];
}

/* A UUID of version 7 (RFC 9562): milliseconds, then random bits, so that ids ascend roughly. */
static weir_view make_raw_id(destination *d, int64_t ms)
{
    uint64_t a = random_bits(d), b = random_bits(d);
    char *p = d->raw_id;
    *p++ = '"';
    put_hex(p, (uint64_t)ms >> 16, 8);
    put_hex(p + 9, (uint64_t)ms, 4);
    put_hex(p + 14, 0x7000 | (a & 0xfff), 4);
    put_hex(p + 19, 0x8000 | (a >> 12 & 0x3fff), 4);
    put_hex(p + 24, b, 12);
    p[8] = p[13] = p[18] = p[23] = '-';
    p[36] = '"';
    return (weir_view){d->raw_id, 38};
}

/* emitted_at in milliseconds; some writers send seconds (4.2), which in milliseconds would be before 1973. */
static bool read_moment(weir_view number, int64_t *ret_ms)
{
    enum { SECONDS_BELOW = 100 };
    const int64_t limit = (int64_t)SECONDS_BELOW * 1000 * 1000 * 1000;
    double v;
    if (!number_to_i64(number, ret_ms)) {
        if (!number_to_double(number, &v) || v > 1e15 || v < -1e15)
            return false;
        *ret_ms = (int64_t)(v < 1e11 && v > -1e11 ? v * 1000 : v);
        return true;
    }
    if (*ret_ms < limit && *ret_ms > -limit)
        *ret_ms *= 1000;
    return true;
}

/* RFC 3339 as a JSON string; most records were emitted in the same millisecond as the one before. */
static weir_view extracted_at(destination *d, weir_view emitted)
{
    int64_t ms;
    if (d->emitted.len && view_eq(d->emitted, emitted))
        return (weir_view){d->extracted, d->extracted_len};
    d->extracted_len = 0;
    if (!emitted.len || !read_moment(emitted, &ms))
        return (weir_view){0};
    int64_t seconds = ms / 1000 - (ms % 1000 < 0);
    size_t n = clock_rfc3339(seconds, (uint32_t)(ms - seconds * 1000) * 1000000, d->extracted + 1);
    if (!n)
        return (weir_view){0};
    d->extracted[0] = d->extracted[n + 1] = '"';
    d->extracted_len = n + 2;
    d->emitted = (weir_view){d->emitted_text, emitted.len < NUMBER_TEXT ? emitted.len : 0};
    memcpy(d->emitted_text, emitted.ptr, d->emitted.len);
    return (weir_view){d->extracted, d->extracted_len};
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* {"sync_id":1,"changes":[...]}: those that the source tells of (3.5). */
static weir_view make_meta(destination *d, const written *w, weir_view meta)
{
    weir_view changes = meta.len ? pointer_find(meta, VIEW("/changes")) : (weir_view){0};
    buf_clear(&d->meta);
    buf_addv(&d->meta, w->meta);
    if (changes.len > 2 && *changes.ptr == '[')
        buf_add(&d->meta, changes.ptr + 1, changes.len - 2);
    buf_adds(&d->meta, "]}");
    return buf_view(&d->meta);
}

/* ---- streams ---- */

static void put_key(buf *key, weir_view name_space, weir_view name)
{
    buf_clear(key);
    buf_addv(key, name_space);
    buf_addc(key, '\0');
    buf_addv(key, name);
}

/* The stream of a message; NULL: it is not in the catalog, and then its key is in d->key. */
static written *find(destination *d, airbyte_text name, airbyte_text space)
{
    if (d->last && !name.escaped && !space.escaped && view_eq(name.raw, buf_view(&d->last_name)) && view_eq(space.raw, buf_view(&d->last_space)))
        return d->last;
    buf_clear(&d->key);
    json_unquote(&d->key, space.raw);
    buf_addc(&d->key, '\0');
    json_unquote(&d->key, name.raw);
    written *w = map_get(&d->by_name, buf_view(&d->key));
    if (!w || name.escaped || space.escaped)
        return w;
    buf_clear(&d->last_name);
    buf_clear(&d->last_space);
    buf_addv(&d->last_name, name.raw);
    buf_addv(&d->last_space, space.raw);
    d->last = buf_ok(&d->last_name) && buf_ok(&d->last_space) ? w : NULL;
    return w;
}

/* Is the top-level member that a pointer leads to, or into, a property of the schema? */
static bool is_property(weir_view schema, weir_view pointer)
{
    const char *slash = memchr(pointer.ptr + 1, '/', pointer.len - 1);
    weir_view first = {pointer.ptr, slash ? (size_t)(slash - pointer.ptr) : pointer.len}, properties = pointer_find(schema, VIEW("/properties"));
    return pointer_find(properties, first).len > 0;
}

static bool is_of_key(weir_view key, weir_view pointer)
{
    arena a = {0};
    weir_view *parts = NULL;
    size_t count = 0;
    bool found = false;
    if (pointer_list(&a, key, &parts, &count))
        for (size_t i = 0; i < count; i++)
            found |= view_eq(parts[i], pointer);
    arena_free(&a);
    return found;
}

/* By what append_dedup decides which row of a key stays (3.4): the configured cursor, else, as in reading incrementally (3.3), the stream's own. What the
 * schema does not describe is not stored, so it cannot be compared later: Airbyte's own destinations refuse such a cursor, too. */
static weir_rc take_cursor(written *w, err *e)
{
    const airbyte_configured *c = w->c;
    if (c->write_mode != AIRBYTE_APPEND_DEDUP)
        return WEIR_OK;
    if (c->cursor.len && !is_of_key(c->key, c->cursor) && !is_property(c->schema, c->cursor))
        return err_fail(e, WEIR_E_CONFIG, "its cursor_field '%.*s' is not in its schema, so that append_dedup has nothing to compare", VIEW_ARG(c->cursor));
    w->cursor = c->cursor;
    if (!c->cursor.len && c->sync_mode == AIRBYTE_INCREMENTAL && c->default_cursor.len && is_property(c->schema, c->default_cursor))
        w->cursor = c->default_cursor;
    return WEIR_OK;
}

static weir_rc check_modes(const destination *d, written *w, err *e)
{
    const airbyte_configured *c = w->c;
    if (c->write_mode == AIRBYTE_UPDATE || c->write_mode == AIRBYTE_SOFT_DELETE)
        return err_fail(e, WEIR_E_CONFIG, "its destination_sync_mode is for data activation, which this destination does not do: use append, append_dedup or "
                                          "overwrite");
    if (c->write_mode == AIRBYTE_APPEND_DEDUP && !c->key.len)
        return err_fail(e, WEIR_E_CONFIG, "append_dedup needs a primary_key");
    if (c->numbered && c->minimum_generation != 0 && c->minimum_generation != c->generation)
        return err_fail(e, WEIR_E_CONFIG, "minimum_generation_id is %lld, but must be 0 or its generation_id, %lld", (long long)c->minimum_generation,
                        (long long)c->generation);
    if (w->truncates && !load_can_expire(d->l, true))
        return err_fail(e, WEIR_E_CONFIG, "'%s' cannot remove rows of older generations: use append or append_dedup", d->k->c->name);
    return WEIR_OK;
}

static weir_rc open_stream(destination *d, written *w, err *e)
{
    const airbyte_configured *c = w->c;
    arena *a = d->k->arena;
    w->numbered = c->numbered && c->generation != 0;
    w->truncates = c->write_mode == AIRBYTE_OVERWRITE || (c->numbered && c->minimum_generation != 0);
    if (w->numbered)
        w->generation = arena_printf(a, "%lld", (long long)c->generation);
    w->meta = c->sync_id ? arena_printf(a, "{\"sync_id\":%lld,\"changes\":[", (long long)c->sync_id) : VIEW("{\"changes\":[");
    put_key(&d->key, c->name_space, c->name);
    weir_view key = arena_dup(a, buf_view(&d->key));
    if (a->failed || !buf_ok(&d->key) || !map_put(&d->by_name, key, w))
        return err_nomem(e);
    weir_rc rc = check_modes(d, w, e);
    if (!rc)
        rc = take_cursor(w, e);
    if (rc)
        return err_wrap(e, rc, "stream %.*s", VIEW_ARG(c->name));
    return load_stream(d->l, SIZE_MAX, &(load_stream_spec){
        .name = c->name, .name_space = c->name_space, .schema = c->schema, .key = c->key, .append = c->write_mode != AIRBYTE_APPEND_DEDUP,
        .deleted = c->write_mode == AIRBYTE_APPEND_DEDUP ? VIEW("/" AIRBYTE_DELETED_AT) : (weir_view){0},
        .cursor = w->cursor, .epoch = w->truncates ? VIEW("/" GENERATION_NAME) : (weir_view){0}, /* what is read anew counts, whatever was there */
        .extras = extra_columns, .extra_count = d->k->c->materialize->relay ? 0 : EXTRAS,
    }, &w->index, e);
}

/* Marks rows without a generation: they are older than those to come. */
static weir_rc mark_older(destination *d, const written *w, err *e)
{
    return load_expire(d->l, w->index, VIEW(""), 0, VIEW(GENERATION_NAME), VIEW("-1"), e);
}

/* Platforms without generations: the rows of this sync are those without a number, so all others must have one. Committed at once, for it changes
 * nothing yet, and the transaction must not stay open while a slow source is waited for. */
static weir_rc begin_stream(destination *d, written *w, err *e)
{
    if (w->begun)
        return WEIR_OK;
    w->begun = true;
    if (!w->truncates || w->numbered)
        return WEIR_OK;
    weir_rc rc = mark_older(d, w, e);
    return rc ? rc : load_commit(d->l, 0, (weir_view){0}, e);
}

/* The successful end of a stream: what older generations left goes, if it is to (3.4). */
static weir_rc complete(destination *d, written *w, err *e)
{
    weir_rc rc = begin_stream(d, w, e);
    if (rc || !w->truncates || w->status == COMPLETE)
        return rc;
    if (w->numbered)
        rc = mark_older(d, w, e);
    if (!rc)
        rc = load_expire(d->l, w->index, VIEW(GENERATION_NAME), w->numbered ? w->c->generation : INT64_MAX, VIEW(""), (weir_view){0}, e);
    return rc;
}

/* ---- RECORD ---- */

/* Passed over (3.7), counted for a warning at the end. */
static weir_rc pass_over(destination *d, err *e)
{
    unknown *u = map_get(&d->unknowns, buf_view(&d->key));
    d->unknown_records++;
    if (!buf_ok(&d->key))
        return err_nomem(e);
    if (!u && d->unknowns.count < UNKNOWN_NAMED) {
        u = arena_alloc(d->k->arena, sizeof *u);
        weir_view key = arena_dup(d->k->arena, buf_view(&d->key));
        if (!u || !key.ptr || !map_put(&d->unknowns, key, u))
            return err_nomem(e);
        u->name = view_from(key, strlen(key.ptr) + 1);
    }
    if (u)
        u->records++;
    return WEIR_OK;
}

static weir_rc on_record(destination *d, const airbyte_message *m, err *e)
{
    written *w = find(d, m->stream, m->name_space);
    weir_view doc = m->data;
    if (!w)
        return pass_over(d, e);
    weir_rc rc = begin_stream(d, w, e);
    if (rc)
        return rc;
    if (m->lines) {
        buf_clear(&d->doc);
        json_compact(&d->doc, m->data);
        doc = buf_view(&d->doc);
    }
    const weir_view extras[EXTRAS] = {
        [RAW_ID] = make_raw_id(d, now_ms()), [EXTRACTED_AT] = extracted_at(d, m->emitted_at), [META] = make_meta(d, w, m->meta),
        [GENERATION] = w->generation,
    };
    if (!buf_ok(&d->doc) || !buf_ok(&d->meta))
        return err_nomem(e);
    w->records++;
    d->records++;
    d->since_global++;
    return load_add(d->l, w->index, WEIR_UPSERT, doc, extras, e);
}

/* ---- STATE ---- */

/* The member of that name of an object, the last one if there are several; empty: none. */
static weir_view member_of(weir_view object, weir_view name)
{
    json_scan s = json_scan_of(object);
    json_key key;
    weir_view found = {0}, value;
    json_enter(&s, '{');
    while (json_member(&s, &key) && json_skip(&s, &value))
        if (json_key_is(key, name))
            found = value;
    return found;
}

static void put_stats(destination *d, weir_view had, uint64_t records, buf *out)
{
    buf_clear(&d->number);
    buf_printf(&d->number, "{\"recordCount\":%llu.0}", (unsigned long long)records); /* a number with a point (2.3) */
    if (had.len && *had.ptr == '{')
        out->failed |= !patch_apply(out, had, buf_view(&d->number));
    else
        buf_addv(out, buf_view(&d->number));
    out->failed |= !buf_ok(&d->number);
}

/* The line as it came, but for destinationStats.recordCount. */
static void echo(destination *d, weir_view line, weir_view body, uint64_t records)
{
    weir_view had = member_of(body, VIEW("destinationStats"));
    bool empty = !had.len && json_peek(&(json_scan){.at = body.ptr + 1, .end = body.ptr + body.len, .begin = body.ptr}) == '}';
    const char *at = had.len ? had.ptr : body.ptr + body.len - 1, *then = had.len ? had.ptr + had.len : at;
    buf_add(&d->states, line.ptr, (size_t)(at - line.ptr));
    if (!had.len)
        buf_adds(&d->states, empty ? "\"destinationStats\":" : ",\"destinationStats\":");
    put_stats(d, had, records, &d->states);
    buf_add(&d->states, then, (size_t)(line.ptr + line.len - then));
    buf_addc(&d->states, '\n');
}

static weir_rc on_state(destination *d, const airbyte_message *m, weir_view line, err *e)
{
    uint64_t *count = &d->since_global, none = 0;
    if (m->state_type == AIRBYTE_STATE_STREAM) {
        written *w = find(d, m->stream, m->name_space);
        count = w ? &w->records : &none;
    }
    size_t had = d->states.len;
    echo(d, line, m->body, *count);
    *count = 0;
    if (!buf_ok(&d->states))
        return err_nomem(e);
    intake_state(&d->in, d->states.len - had);
    return WEIR_OK;
}

/* ---- everything else ---- */

static airbyte_text text_at(weir_view body, const char *pointer)
{
    weir_view v = pointer_find(body, view_of(pointer));
    if (v.len < 2 || *v.ptr != '"')
        return (airbyte_text){0};
    weir_view raw = {v.ptr + 1, v.len - 2};
    return (airbyte_text){raw, memchr(raw.ptr, '\\', raw.len) != NULL};
}

static weir_rc on_trace(destination *d, const airbyte_message *m, err *e)
{
    weir_view status = pointer_find(m->body, VIEW("/stream_status/status"));
    bool good = view_is(status, "\"COMPLETE\"");
    if (!good && !view_is(status, "\"INCOMPLETE\""))
        return WEIR_OK;
    written *w = find(d, text_at(m->body, "/stream_status/stream_descriptor/name"), text_at(m->body, "/stream_status/stream_descriptor/namespace"));
    if (!w) {
        log_line(d->k->o->log, WEIR_WARN, "a status of a stream that is not in the catalog is passed over: %.*s", VIEW_ARG(m->body));
        return WEIR_OK;
    }
    weir_rc rc = good ? complete(d, w, e) : WEIR_OK;
    if (w->status != COMPLETE)
        w->status = good ? COMPLETE : INCOMPLETE;
    return rc;
}

/* What is no message is a log line (1.3). */
static void on_nothing(destination *d, weir_view line)
{
    log_line(d->k->o->log, WEIR_INFO, "%.*s", (int)(line.len > ODD_LINES_SHOWN ? ODD_LINES_SHOWN : line.len), line.ptr);
}

static weir_rc on_line(void *arg, weir_view line, bool cut, err *e)
{
    destination *d = arg;
    airbyte_message m;
    weir_rc rc = airbyte_read(line, &m, NULL, e);
    if (rc)
        return cut ? err_wrap(e, rc, "the input ends inside a message") : rc;
    switch (m.type) {
    case AIRBYTE_RECORD:
        return on_record(d, &m, e);
    case AIRBYTE_STATE:
        return on_state(d, &m, line, e);
    case AIRBYTE_TRACE:
        return on_trace(d, &m, e);
    case AIRBYTE_NOTHING:
        on_nothing(d, line);
        return WEIR_OK;
    default:
        return WEIR_OK;
    }
}

static weir_rc confirm(void *arg, err *e)
{
    destination *d = arg;
    weir_rc rc = airbyte_put(d->k, &d->states, e);
    return rc == WEIR_STOPPED ? err_fail(e, WEIR_E_TRANSIENT, "nobody reads standard output: states are lost") : rc;
}

/* ---- the end ---- */

static void tell_unknown(const destination *d)
{
    uint64_t told = 0;
    for (size_t i = 0; i < d->unknowns.count; i++) {
        const unknown *u = d->unknowns.entries[i].value;
        told += u->records;
        log_line(d->k->o->log, WEIR_WARN, "%llu records of stream '%.*s', which is not in the catalog, were passed over", (unsigned long long)u->records,
                 VIEW_ARG(u->name));
    }
    if (d->unknown_records > told)
        log_line(d->k->o->log, WEIR_WARN, "%llu records of further streams that are not in the catalog were passed over",
                 (unsigned long long)(d->unknown_records - told));
}

static void add_name(buf *names, const written *w)
{
    buf_printf(names, "%s%.*s", names->len ? ", " : "", VIEW_ARG(w->c->name));
}

/* Streams whose source has not said how they ended. Their rows and states are stored. Where older rows should have gone, nobody knows whether they may:
 * they stay, and the sync has to be repeated (3.2). */
static weir_rc judge(destination *d, err *e)
{
    buf silent = {0}, unfinished = {0}, kept = {0};
    for (size_t i = 0; i < d->count; i++) {
        const written *w = &d->streams[i];
        if (w->status == NO_STATUS)
            add_name(w->truncates ? &unfinished : &silent, w);
        else if (w->status == INCOMPLETE && w->truncates)
            add_name(&kept, w);
    }
    if (silent.len)
        log_line(d->k->o->log, WEIR_WARN, "the source has not said how these streams ended: %s", buf_text(&silent));
    if (kept.len)
        log_line(d->k->o->log, WEIR_WARN, "rows of older generations stay, since these streams are incomplete: %s", buf_text(&kept));
    weir_rc rc = WEIR_OK;
    if (unfinished.len)
        rc = err_fail(e, WEIR_E_TRANSIENT,
                      "the input has ended, but these streams did not receive a terminal status, so that rows of older generations stay: %s",
                      buf_text(&unfinished));
    buf_free(&silent);
    buf_free(&unfinished);
    buf_free(&kept);
    return rc;
}

static weir_rc open_streams(destination *d, err *e)
{
    airbyte_configured *configured;
    weir_rc rc = airbyte_configured_catalog(d->k->arena, d->k->catalog, &configured, &d->count, e);
    if (rc)
        return rc;
    d->streams = arena_array(d->k->arena, d->count, sizeof *d->streams);
    if (!d->streams)
        return err_nomem(e);
    for (size_t i = 0; i < d->count && !rc; i++) {
        d->streams[i].c = &configured[i];
        rc = open_stream(d, &d->streams[i], e);
    }
    return rc;
}

static weir_rc run(destination *d, err *e)
{
    static const intake_ops ops = {.line = on_line, .confirm = confirm};
    const serve_options *o = d->k->o;
    if (getrandom(d->random, sizeof d->random, 0) != (ssize_t)sizeof d->random || !(d->random[0] | d->random[1]))
        d->random[0] = (uint64_t)airbyte_now() | 1;
    weir_rc rc = load_open(&d->l, &(load_options){.connector = d->k->c, .config = d->k->config, .log = o->log, .stop_fd = o->stop_fd,
                                                      .out_of_turn = intake_settle, .arg = &d->in}, e);
    if (!rc)
        rc = open_streams(d, e);
    if (rc)
        return rc;
    d->in = (intake){.ops = &ops, .arg = d, .l = d->l, .in = o->in, .stop_fd = o->stop_fd};
    rc = intake_run(&d->in, e);
    tell_unknown(d);
    if (!rc)
        log_line(o->log, WEIR_INFO, "stored %llu records of %zu streams", (unsigned long long)d->records, d->count);
    return rc ? rc : judge(d, e);
}

weir_rc airbyte_write(const airbyte_call *k, err *e)
{
    destination d = {.k = k};
    weir_rc rc = run(&d, e);
    if (rc == WEIR_STOPPED) {
        log_line(k->o->log, WEIR_INFO, "stopped by a signal: what has a state is stored");
        err_clear(e);
        rc = WEIR_OK;
    }
    load_close(d.l);
    map_free(&d.by_name);
    map_free(&d.unknowns);
    buf_free(&d.last_name);
    buf_free(&d.last_space);
    buf_free(&d.key);
    buf_free(&d.doc);
    buf_free(&d.meta);
    buf_free(&d.number);
    buf_free(&d.states);
    return rc;
}
