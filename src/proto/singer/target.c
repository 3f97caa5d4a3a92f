/* A Singer target: messages on standard input go into a destination, states come out once everything before them is durable (singer.md 1, 11). */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "json/number.h"
#include "json/pointer.h"
#include "json/text.h"
#include "proto/intake.h"
#include "proto/singer/batch.h"
#include "proto/singer/config.h"
#include "proto/singer/singer.h"

/* The columns that a target adds (singer.md 4). */
typedef enum extra { EXTRACTED_AT, RECEIVED_AT, BATCHED_AT, DELETED_AT, SEQUENCE, TABLE_VERSION, SYNC_STARTED_AT, EXTRAS } extra;

#define DELETED_AT_NAME "_sdc_deleted_at"
#define VERSION_NAME "_sdc_table_version"
enum { TIME_TYPES = WEIR_IS_STRING | WEIR_IS_NULL, INT_TYPES = WEIR_IS_INTEGER | WEIR_IS_NULL, ALL_EXTRAS = (1 << EXTRAS) - 1 };

static const load_extra extra_columns[EXTRAS] = {
    [EXTRACTED_AT] = {WEIR_LIT("_sdc_extracted_at"), TIME_TYPES, WEIR_LIT("date-time")},
    [RECEIVED_AT] = {WEIR_LIT("_sdc_received_at"), TIME_TYPES, WEIR_LIT("date-time")},
    [BATCHED_AT] = {WEIR_LIT("_sdc_batched_at"), TIME_TYPES, WEIR_LIT("date-time")},
    [DELETED_AT] = {WEIR_LIT(DELETED_AT_NAME), TIME_TYPES, WEIR_LIT("date-time")},
    [SEQUENCE] = {WEIR_LIT("_sdc_sequence"), INT_TYPES, {NULL, 0}},
    [TABLE_VERSION] = {WEIR_LIT(VERSION_NAME), INT_TYPES, {NULL, 0}},
    [SYNC_STARTED_AT] = {WEIR_LIT("_sdc_sync_started_at"), INT_TYPES, {NULL, 0}},
};

typedef struct target_stream {
    weir_view name;
    size_t index;        /* in the load */
    buf schema, key;     /* of the last SCHEMA: most are repeats */
    buf pointers;        /* the key as JSON pointers */
    unsigned extras;     /* a bit for each */
    bool emptied;        /* load_method overwrite: its former rows are gone */
    bool warned;         /* that versions cannot be activated */
} target_stream;

/* A moment as its column wants it, made anew when the clock shows another millisecond. */
typedef struct stamp {
    int64_t ms;
    char text[CLOCK_TEXT + 2], number[NUMBER_TEXT];
    weir_view quoted, digits;
} stamp;

typedef struct target {
    const singer_job *job;
    singer_target_settings set;
    bool limits_rows;        /* batch_size_rows was given */
    load *l;
    intake in;
    arena arena;             /* streams */
    map streams;             /* by name */
    map odd_types;           /* warned about */
    target_stream *last;     /* whose name was last_raw */
    buf last_raw, name, doc, state;
    stamp now, begin;
    uint64_t records;
    int64_t rows;            /* since the last commit */
} target;

/* ---- moments ---- */

static void stamp_set(stamp *s)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    int64_t ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    if (ms == s->ms)
        return;
    s->ms = ms;
    s->text[0] = '"';
    size_t n = clock_rfc3339(t.tv_sec, (uint32_t)(t.tv_nsec / 1000000) * 1000000, s->text + 1);
    s->text[n + 1] = '"';
    s->quoted = (weir_view){s->text, n + 2};
    s->digits = (weir_view){s->number, number_i64(s->number, ms)};
}

/* ---- streams ---- */

static target_stream *find(target *t, singer_text text)
{
    if (t->last && !text.escaped && view_eq(text.raw, buf_view(&t->last_raw)))
        return t->last;
    buf_clear(&t->name);
    json_unquote(&t->name, text.raw);
    target_stream *s = map_get(&t->streams, buf_view(&t->name));
    if (s && !text.escaped) {
        buf_clear(&t->last_raw);
        buf_addv(&t->last_raw, text.raw);
        t->last = buf_ok(&t->last_raw) ? s : NULL;
    }
    return s;
}

static weir_rc find_known(target *t, singer_text text, const char *what, target_stream **ret, err *e)
{
    *ret = find(t, text);
    if (!buf_ok(&t->name))
        return err_nomem(e);
    return *ret ? WEIR_OK
                : err_fail(e, WEIR_E_PROTOCOL, "stream '%.*s': %s came before its SCHEMA", VIEW_ARG(buf_view(&t->name)), what);
}

static weir_rc add(target *t, target_stream **ret, err *e)
{
    target_stream *s = arena_alloc(&t->arena, sizeof *s);
    if (!s)
        return err_nomem(e);
    s->name = arena_dup(&t->arena, buf_view(&t->name));
    s->index = SIZE_MAX;
    s->extras = t->set.add_record_metadata ? ALL_EXTRAS : 0;
    if (!s->name.ptr || !map_put(&t->streams, s->name, s))
        return err_nomem(e);
    *ret = s;
    return WEIR_OK;
}

static bool has_schema_setting(const weir_connector *c)
{
    for (const weir_field *f = c->resource; f && f->name; f++)
        if (f->flags & WEIR_SCHEMA_NAME)
            return true;
    return false;
}

/* Destinations with schemas take `schema-table` and `db-schema-table` apart, as the SDK's do (singer.md 2). */
static void split_name(const target *t, weir_view name, weir_view *ret_space, weir_view *ret_name)
{
    *ret_name = name;
    *ret_space = view_of(t->set.default_target_schema);
    const char *last = name.len && has_schema_setting(t->job->c) ? memrchr(name.ptr, '-', name.len) : NULL;
    if (!last)
        return;
    weir_view before = {name.ptr, (size_t)(last - name.ptr)};
    const char *first = before.len ? memrchr(before.ptr, '-', before.len) : NULL;
    *ret_space = first ? view_from(before, (size_t)(first - before.ptr) + 1) : before;
    *ret_name = view_from(name, before.len + 1);
}

/* Tells the load what is known of a stream now. */
static weir_rc describe(target *t, target_stream *s, err *e)
{
    load_extra extras[EXTRAS];
    size_t count = 0;
    for (extra i = 0; i < EXTRAS && !t->job->c->materialize->relay; i++)
        if (s->extras & 1u << i)
            extras[count++] = extra_columns[i];
    load_stream_spec spec = {
        .schema = buf_view(&s->schema), .key = buf_view(&s->pointers), .extras = extras, .extra_count = count,
        .append = strcmp(t->set.load_method, "append-only") == 0,
        .deleted = t->set.hard_delete ? VIEW("/" DELETED_AT_NAME) : (weir_view){0},
    };
    split_name(t, s->name, &spec.name_space, &spec.name);
    return load_stream(t->l, s->index, &spec, &s->index, e);
}

/* Adds columns beside the documents. */
static weir_rc want(target *t, target_stream *s, unsigned extras, err *e)
{
    if ((s->extras & extras) == extras)
        return WEIR_OK;
    s->extras |= extras;
    return describe(t, s, e);
}

/* Columns that tell versions: what ACTIVATE_VERSION goes by, and marks. */
static unsigned version_columns(const target *t)
{
    bool used = t->set.process_activate_version_messages && load_can_expire(t->l, true);
    return !used ? 0 : t->set.hard_delete ? 1u << TABLE_VERSION : 1u << TABLE_VERSION | 1u << DELETED_AT;
}

/* ---- SCHEMA ---- */

static weir_rc make_pointers(target_stream *s, weir_view key, err *e)
{
    arena a = {0};
    weir_view *names = NULL;
    size_t count = 0;
    buf_clear(&s->pointers);
    weir_rc rc = WEIR_OK;
    if (key.len && !pointer_list(&a, key, &names, &count))
        rc = a.failed ? err_nomem(e) : err_fail(e, WEIR_E_PROTOCOL, "stream '%.*s': key_properties is no list of names", VIEW_ARG(s->name));
    for (size_t i = 0; i < count; i++) {
        buf pointer = {0};
        pointer_push(&pointer, names[i]);
        names[i] = arena_dup(&a, buf_view(&pointer));
        a.failed |= !buf_ok(&pointer);
        buf_free(&pointer);
    }
    json_strings(&s->pointers, names, a.failed ? 0 : count);
    if (!rc && (a.failed || !buf_ok(&s->pointers)))
        rc = err_nomem(e);
    arena_free(&a);
    return rc;
}

static bool describes_members(weir_view schema)
{
    static const char *const words[] = {"/properties", "/allOf", "/anyOf", "/oneOf", "/$ref"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (pointer_find(schema, view_of(words[i])).len)
            return true;
    return false;
}

static weir_rc on_schema(target *t, const singer_message *m, err *e)
{
    target_stream *s = find(t, m->stream);
    weir_rc rc = !buf_ok(&t->name) ? err_nomem(e) : s ? WEIR_OK : add(t, &s, e);
    if (rc)
        return rc;
    if (s->index != SIZE_MAX && view_eq(buf_view(&s->schema), m->schema) && view_eq(buf_view(&s->key), m->key_properties))
        return WEIR_OK;
    if (!describes_members(m->schema))
        return err_fail(e, WEIR_E_PROTOCOL, "stream '%.*s': its schema describes no properties", VIEW_ARG(s->name));
    buf_clear(&s->schema);
    buf_clear(&s->key);
    buf_addv(&s->schema, m->schema);
    buf_addv(&s->key, m->key_properties);
    if (!buf_ok(&s->schema) || !buf_ok(&s->key))
        return err_nomem(e);
    rc = make_pointers(s, m->key_properties, e);
    return rc ? rc : describe(t, s, e);
}

/* ---- RECORD and BATCH ---- */

/* load_method overwrite: what earlier runs stored goes with the first record, not sooner, for a tap may fail before it. */
static weir_rc empty_once(target *t, target_stream *s, err *e)
{
    if (s->emptied || strcmp(t->set.load_method, "overwrite") != 0)
        return WEIR_OK;
    s->emptied = true;
    return load_expire(t->l, s->index, VIEW(""), 0, VIEW(""), (weir_view){0}, e);
}

/* A deletion that the schema does not tell of must not be lost. */
static bool tells_deletion(const target *t, const target_stream *s, weir_view record)
{
    return !t->set.hard_delete && !(s->extras & 1u << DELETED_AT) &&
           memmem(record.ptr, record.len, "\"" DELETED_AT_NAME "\"", sizeof DELETED_AT_NAME + 1);
}

static weir_rc prepare(target *t, target_stream *s, weir_view record, weir_view version, err *e)
{
    unsigned extras = (version.len ? version_columns(t) : 0) | (tells_deletion(t, s, record) ? 1u << DELETED_AT : 0);
    weir_rc rc = extras & ~s->extras ? want(t, s, extras, e) : WEIR_OK;
    return rc ? rc : empty_once(t, s, e);
}

static weir_rc store(target *t, target_stream *s, weir_view record, weir_view extracted, weir_view version, err *e)
{
    weir_view values[EXTRAS];
    size_t n = 0;
    weir_rc rc = prepare(t, s, record, version, e);
    if (rc)
        return rc;
    if (s->extras & ((1u << RECEIVED_AT) | (1u << SEQUENCE)))
        stamp_set(&t->now);
    const weir_view all[EXTRAS] = {
        [EXTRACTED_AT] = extracted, [RECEIVED_AT] = t->now.quoted, [BATCHED_AT] = t->now.quoted, [SEQUENCE] = t->now.digits,
        [TABLE_VERSION] = version, [SYNC_STARTED_AT] = t->begin.digits,
    };
    for (extra i = 0; s->extras && i < EXTRAS; i++)
        if (s->extras & 1u << i)
            values[n++] = all[i];
    rc = load_add(t->l, s->index, WEIR_UPSERT, record, values, e);
    t->records += !rc;
    if (!rc && t->limits_rows && ++t->rows >= t->set.batch_size_rows) {
        t->rows = 0;
        rc = intake_commit(&t->in, e);
    }
    return rc;
}

static weir_rc on_record(target *t, const singer_message *m, err *e)
{
    target_stream *s;
    weir_view record = m->record;
    weir_rc rc = find_known(t, m->stream, "a RECORD", &s, e);
    if (rc)
        return rc;
    if (m->lines) {
        buf_clear(&t->doc);
        json_compact(&t->doc, m->record);
        if (!buf_ok(&t->doc))
            return err_nomem(e);
        record = buf_view(&t->doc);
    }
    return store(t, s, record, m->time_extracted, m->version, e);
}

typedef struct batch {
    target *t;
    target_stream *s;
    weir_view version;
} batch;

static weir_rc on_batch_record(void *arg, weir_view line, err *e)
{
    batch *b = arg;
    const char *why;
    size_t at;
    while (line.len && (*line.ptr == ' ' || *line.ptr == '\t'))
        line = view_from(line, 1);
    if (!json_check(line, &why, &at))
        return err_fail(e, WEIR_E_PROTOCOL, "%s at byte %zu of the record %.*s", why, at, (int)(line.len > 120 ? 120 : line.len), line.ptr);
    if (*line.ptr != '{')
        return err_fail(e, WEIR_E_PROTOCOL, "a record that is no object: %.*s", (int)(line.len > 120 ? 120 : line.len), line.ptr);
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    weir_rc rc = store(b->t, b->s, line, (weir_view){0}, b->version, e);
    return rc ? rc : intake_breathe(&b->t->in, e);
}

static weir_rc on_batch(target *t, const singer_message *m, err *e)
{
    batch b = {.t = t, .version = m->version};
    arena a = {0};
    weir_view *files, format = pointer_find(m->encoding, VIEW("/format"));
    size_t count;
    weir_rc rc = find_known(t, m->stream, "a BATCH", &b.s, e);
    if (!rc && !view_is(format, "\"jsonl\""))
        rc = err_fail(e, WEIR_E_CONFIG, "stream '%.*s': batches of format %.*s cannot be read, only jsonl: set the tap's batch_config.encoding.format",
                      VIEW_ARG(b.s->name), VIEW_ARG(format.len ? format : VIEW("null")));
    if (!rc && !pointer_list(&a, m->manifest, &files, &count))
        rc = err_nomem(e);
    for (size_t i = 0; !rc && i < count; i++)
        rc = err_wrap(e, batch_read(files[i], m->encoding, on_batch_record, &b, e), "stream '%.*s': batch file %.*s", VIEW_ARG(b.s->name), VIEW_ARG(files[i]));
    arena_free(&a);
    return rc;
}

/* ---- STATE and ACTIVATE_VERSION ---- */

/* An empty state would wipe what the runner has (singer.md 9): it is not passed on. */
static weir_rc on_state(target *t, const singer_message *m, err *e)
{
    buf_clear(&t->doc);
    json_compact(&t->doc, m->value);
    if (!buf_ok(&t->doc))
        return err_nomem(e);
    if (view_is(buf_view(&t->doc), "{}") || view_is(buf_view(&t->doc), "null"))
        return WEIR_OK;
    buf_clear(&t->state);
    buf_addv(&t->state, buf_view(&t->doc));
    buf_addc(&t->state, '\n');
    if (!buf_ok(&t->state))
        return err_nomem(e);
    intake_state(&t->in, 0);
    return WEIR_OK;
}

/* Rows of lower versions are obsolete: what came before the message is stored first, what comes after it is not touched (singer.md 1). */
static weir_rc on_activate_version(target *t, const singer_message *m, err *e)
{
    target_stream *s;
    int64_t version;
    weir_rc rc = find_known(t, m->stream, "an ACTIVATE_VERSION", &s, e);
    if (rc || !t->set.process_activate_version_messages)
        return rc;
    if (!load_can_expire(t->l, true)) {
        if (!s->warned)
            log_line(t->job->o->log, WEIR_WARN, "stream '%.*s': rows of former versions stay, since '%s' cannot remove them", VIEW_ARG(s->name),
                     t->job->c->name);
        s->warned = true;
        return WEIR_OK;
    }
    if (!number_to_i64(m->version, &version))
        return err_fail(e, WEIR_E_PROTOCOL, "stream '%.*s': its version is no integer of 64 bits: %.*s", VIEW_ARG(s->name), VIEW_ARG(m->version));
    rc = want(t, s, version_columns(t), e);
    stamp_set(&t->now);
    if (!rc && t->set.hard_delete)
        rc = load_expire(t->l, s->index, VIEW(VERSION_NAME), version, VIEW(""), (weir_view){0}, e);
    else if (!rc)
        rc = load_expire(t->l, s->index, VIEW(VERSION_NAME), version, VIEW(DELETED_AT_NAME), t->now.quoted, e);
    return rc;
}

/* ---- lines ---- */

static weir_rc on_unknown(target *t, const singer_message *m, err *e)
{
    weir_view name = arena_dup(&t->arena, m->type_name.raw);
    if (map_get(&t->odd_types, m->type_name.raw))
        return WEIR_OK;
    log_line(t->job->o->log, WEIR_WARN, "messages of the unknown type '%.*s' are skipped", VIEW_ARG(name));
    return name.ptr && map_put(&t->odd_types, name, t) ? WEIR_OK : err_nomem(e);
}

static weir_rc on_line(void *arg, weir_view line, bool cut, err *e)
{
    static weir_rc (*const handlers[])(target *, const singer_message *, err *) = {
        [SINGER_UNKNOWN] = on_unknown, [SINGER_SCHEMA] = on_schema, [SINGER_RECORD] = on_record, [SINGER_STATE] = on_state,
        [SINGER_ACTIVATE_VERSION] = on_activate_version, [SINGER_BATCH] = on_batch,
    };
    target *t = arg;
    singer_message m;
    weir_rc rc = singer_read(line, &m, e);
    if (rc && cut)
        return err_wrap(e, rc, "the input ends inside a message");
    return rc ? rc : handlers[m.type](t, &m, e);
}

static weir_rc confirm(void *arg, err *e)
{
    target *t = arg;
    weir_rc rc = io_write(t->job->o->out, buf_view(&t->state), "standard output", e);
    buf_clear(&t->state);
    return rc == WEIR_STOPPED ? err_fail(e, WEIR_E_TRANSIENT, "nobody reads standard output: the state is lost") : rc;
}

/* ---- the target ---- */

static weir_rc read_settings(target *t, err *e)
{
    const tree *rows = tree_get(t->job->settings, "batch_size_rows");
    t->limits_rows = !tree_is_null(rows);
    return singer_settings_parse(&singer_target_side, t->job->settings, &t->set, &t->arena, e);
}

static weir_rc check_overwrite(const target *t, err *e)
{
    if (strcmp(t->set.load_method, "overwrite") != 0 || load_can_expire(t->l, false))
        return WEIR_OK;
    return err_fail(e, WEIR_E_CONFIG, "load_method: '%s' cannot remove rows, so nothing can be overwritten: use upsert or append-only", t->job->c->name);
}

static weir_rc open_input(target *t, int *ret, err *e)
{
    const char *path = t->job->input;
    *ret = t->job->o->in;
    if (!path || strcmp(path, "-") == 0)
        return WEIR_OK;
    *ret = open(path, O_RDONLY | O_CLOEXEC);
    return *ret < 0 ? err_fail(e, WEIR_E_CONFIG, "--input %s: %s", path, strerror(errno)) : WEIR_OK;
}

static weir_rc run(target *t, err *e)
{
    static const intake_ops ops = {.line = on_line, .confirm = confirm};
    int in = -1;
    weir_rc rc = read_settings(t, e);
    if (!rc)
        rc = open_input(t, &in, e);
    if (!rc)
        rc = load_open(&t->l, &(load_options){.connector = t->job->c, .config = t->job->config, .log = t->job->o->log,
                                              .stop_fd = t->job->o->stop_fd, .out_of_turn = intake_settle, .arg = &t->in, .tell_dropped = true}, e);
    if (!rc)
        rc = check_overwrite(t, e);
    if (!rc) {
        t->in = (intake){.ops = &ops, .arg = t, .l = t->l, .in = in, .stop_fd = t->job->o->stop_fd};
        stamp_set(&t->begin);
        rc = intake_run(&t->in, e);
    }
    if (in >= 0 && in != t->job->o->in)
        close(in);
    return rc;
}

weir_rc singer_target(const singer_job *job, err *e)
{
    target t = {.job = job};
    weir_rc rc = run(&t, e);
    if (!rc)
        log_line(job->o->log, WEIR_INFO, "stored %llu records of %zu streams", (unsigned long long)t.records, t.streams.count);
    load_close(t.l);
    for (size_t i = 0; i < t.streams.count; i++) {
        target_stream *s = t.streams.entries[i].value;
        buf_free(&s->schema);
        buf_free(&s->key);
        buf_free(&s->pointers);
    }
    map_free(&t.streams);
    map_free(&t.odd_types);
    buf_free(&t.last_raw);
    buf_free(&t.name);
    buf_free(&t.doc);
    buf_free(&t.state);
    arena_free(&t.arena);
    return rc;
}
