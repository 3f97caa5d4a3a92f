/* An Airbyte destination as a materialization that relays: documents go on as RECORD lines. A transaction ends with a STATE of our own for each stream;
 * its echo says that everything before it is durable (airbyte.md 3.1). Some destinations echo only once their input has ended: then every transaction
 * is a process of its own. What was not confirmed is stored again by whoever keeps the position: at least once.
 *
 * One thread writes: whoever calls. Another one reads, so that neither side waits for the other (airbyte.md 7, pipe deadlocks).
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "model/state.h"
#include "proto/airbyte/driven.h"
#include "proto/unwrap.h"

enum {
    BLOCK = 256 * 1024,  /* written at once */
    GRACE_MS = 5000      /* from the last byte that it reads to an echo: then it is one that waits for the end of its input */
};

/* A stream that it is given. */
typedef struct stream {
    arena arena;
    airbyte_resource resource;
    const char *mode;    /* destination_sync_mode */
    weir_view schema, key, state_key;
    weir_view prefix;    /* of its records, up to the document */
    weir_view descriptor;
    uint32_t backfill;
    bool row_id;         /* documents lose /_meta/row_id */
    bool deletes;        /* documents may be deletions */
    bool begun;          /* overwrite: the table holds rows of this generation already */
    bool kept;           /* ... and the platform remembers that */
    uint64_t stored;     /* records since its last STATE */
    uint64_t sent;       /* number of its last STATE; 0: none */
    uint64_t echoed;     /* ... that came back; under the lock */
} stream;

typedef struct airbyte_writing {
    const airbyte_run *r;
    stream **streams;    /* by index of the binding */
    size_t count;
    /* The process; none between two that end with their transaction. */
    airbyte_peer peer;
    bool running;
    bool stale;          /* its catalog is not what is wanted any more */
    bool ends_late;      /* it confirms only when its input has ended */
    bool dirty;          /* records went to it that no transaction has ended yet */
    buf out;
    char time[24];       /* emitted_at of the records of this moment */
    uint64_t states;     /* numbers given to STATEs */
    int64_t sync;
    int abort_fd, stop_fd; /* eventfd; epoll of it and the task's */
    /* The thread that reads. */
    pthread_t reader;
    bool reading;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool ended;          /* its output has; under the lock, as the rest */
    weir_rc rc;
    err err;
    buf config;          /* what a CONTROL said; empty: none */
} airbyte_writing;

/* ---- reading what it says ---- */

/* {"weir":{"stream":I,"state":N}} in a STATE is one of ours. */
static void note_echo(airbyte_writing *w, const airbyte_message *m)
{
    uint64_t index, number;
    if (!number_to_u64(pointer_find(m->stream_state, VIEW("/weir/stream")), &index) ||
        !number_to_u64(pointer_find(m->stream_state, VIEW("/weir/state")), &number) || index >= w->count)
        return;
    stream *s = w->streams[index];
    if (number > s->echoed)
        s->echoed = number;
}

static void note(airbyte_writing *w, const airbyte_message *m)
{
    pthread_mutex_lock(&w->lock);
    if (m->type == AIRBYTE_STATE && m->state_type == AIRBYTE_STATE_STREAM)
        note_echo(w, m);
    if (m->type == AIRBYTE_CONTROL) {
        buf_clear(&w->config);
        buf_addv(&w->config, m->body);
    }
    pthread_cond_signal(&w->news);
    pthread_mutex_unlock(&w->lock);
}

static void *read_all(void *arg)
{
    airbyte_writing *w = arg;
    err e = {0};
    weir_rc rc;
    bool more = true;
    do {
        airbyte_message m;
        rc = airbyte_peer_next(&w->peer, &m, &more, &e);
        if (!rc && more)
            note(w, &m);
    } while (!rc && more);
    pthread_mutex_lock(&w->lock);
    w->ended = true;
    w->rc = rc;
    err_move(&w->err, &e);
    pthread_cond_signal(&w->news);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- the streams ---- */

static void stream_free(stream *s)
{
    if (!s)
        return;
    arena_free(&s->arena);
    free(s);
}

static bool supports(const airbyte_run *r, const char *mode)
{
    const tree *list = r->d->modes;
    for (const tree *m = list && list->kind == TREE_ARRAY ? list->first : NULL; m; m = m->next)
        if (m->kind == TREE_STRING && view_is(m->text, mode))
            return true;
    return !list || !list->count;
}

/* As the resource says; else by the key, if there is one and rows are not meant to be additions. */
static weir_rc mode_of(const airbyte_run *r, const weir_binding *b, const airbyte_resource *x, bool keyed, const char **ret, err *e)
{
    static const char *const modes[] = {"append", "overwrite", "append_dedup"};
    *ret = keyed && !(b->pushed && b->delta_updates) && supports(r, "append_dedup") ? "append_dedup" : "append";
    for (size_t i = 0; x->sync_mode.len && i < sizeof modes / sizeof *modes; i++)
        if (view_is(x->sync_mode, modes[i]))
            *ret = modes[i];
    if (x->sync_mode.len && !view_is(x->sync_mode, *ret))
        return err_fail(e, WEIR_E_CONFIG, "resource: /syncMode must be append, append_dedup or overwrite");
    if (!supports(r, *ret))
        return err_fail(e, WEIR_E_CONFIG, "resource: /syncMode is %s, which the destination does not support", *ret);
    if (!keyed && strcmp(*ret, "append_dedup") == 0)
        return err_fail(e, WEIR_E_CONFIG, "resource: /syncMode is append_dedup, but the collection has no key that the destination could see");
    return WEIR_OK;
}

#define DELETED_AT "_ab_cdc_deleted_at"

/* Declares the column that says when a row was deleted (airbyte.md 3.4). */
static bool declare_deletions(buf *out, weir_view schema)
{
    static const weir_view patch = WEIR_LIT("{\"properties\":{\"" DELETED_AT "\":{\"type\":[\"null\",\"string\"],\"format\":\"date-time\","
                                            "\"airbyte_type\":\"timestamp_with_timezone\"}}}");
    return pointer_find(schema, VIEW("/properties/" DELETED_AT)).len ? (buf_addv(out, schema), buf_ok(out)) : patch_apply(out, schema, patch);
}

static weir_rc shape(stream *s, const weir_binding *b, err *e)
{
    unwrap u = {0};
    buf schema = {0};
    const weir_stream as_found = {.name = b->name, .schema = b->schema.len && *b->schema.ptr == '{' ? b->schema : VIEW("{\"type\":\"object\",\"properties\":{}}"),
                                  .key = b->key};
    weir_rc rc = unwrap_stream(&u, &s->arena, &as_found, e);
    if (rc)
        return rc;
    s->row_id = u.row_id;
    s->deletes = u.deletes;
    s->key = arena_dup(&s->arena, u.key);
    if (!u.deletes)
        buf_addv(&schema, u.schema);
    else if (!declare_deletions(&schema, u.schema))
        schema.failed = true;
    s->schema = arena_dup(&s->arena, buf_view(&schema));
    bool ok = buf_ok(&schema) && s->schema.ptr;
    buf_free(&schema);
    return ok ? WEIR_OK : err_nomem(e);
}

/* Texts that every record of it begins with. */
static weir_rc make_texts(stream *s, err *e)
{
    buf prefix = {0}, descriptor = {0};
    json_out w = json_out_to(&descriptor);
    out_open(&w, '{');
    out_text(out_name(&w, "name"), s->resource.stream);
    if (s->resource.name_space.len)
        out_text(out_name(&w, "namespace"), s->resource.name_space);
    out_close(&w, '}');
    airbyte_open(&prefix, AIRBYTE_RECORD);
    w = json_out_to(&prefix);
    out_open(&w, '{');
    if (s->resource.name_space.len)
        out_text(out_name(&w, "namespace"), s->resource.name_space);
    out_text(out_name(&w, "stream"), s->resource.stream);
    out_name(&w, "data");
    s->prefix = arena_dup(&s->arena, buf_view(&prefix));
    s->descriptor = arena_dup(&s->arena, buf_view(&descriptor));
    bool ok = buf_ok(&prefix) && buf_ok(&descriptor) && !s->arena.failed;
    buf_free(&prefix);
    buf_free(&descriptor);
    return ok ? WEIR_OK : err_nomem(e);
}

static weir_rc stream_make(const airbyte_run *r, const weir_binding *b, stream **ret, err *e)
{
    stream *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(e);
    weir_binding kept = *b;
    kept.resource_json = arena_dup(&s->arena, b->resource_json);
    weir_rc rc = kept.resource_json.ptr ? airbyte_resource_of(&s->arena, &kept, &s->resource, e) : err_nomem(e);
    if (!rc)
        rc = shape(s, b, e);
    if (!rc)
        rc = mode_of(r, b, &s->resource, s->key.len && !view_is(s->key, "[]"), &s->mode, e);
    if (!rc)
        rc = make_texts(s, e);
    s->backfill = b->backfill;
    s->state_key = arena_dup(&s->arena, b->state_key);
    if (rc) {
        stream_free(s);
        return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
    }
    *ret = s;
    return WEIR_OK;
}

/* ---- the process ---- */

static bool overwrites(const stream *s) { return strcmp(s->mode, "overwrite") == 0; }

/* Rows of older generations go at the end of a sync that begins anew; once the table has rows of this one, it is added to: a destination that knows
 * no generations would begin with an empty table each time (airbyte.md 3.4). */
static void put_stream(json_out *out, const airbyte_writing *w, const stream *s)
{
    int64_t generation = (int64_t)s->backfill + 1;
    const airbyte_choice c = {
        .resource = &s->resource, .schema = s->schema, .sync_mode = "incremental", .key = s->key, .generation = generation,
        .destination_sync_mode = overwrites(s) && s->begun ? "append" : s->mode, .minimum_generation = overwrites(s) ? generation : 0, .sync = w->sync,
    };
    airbyte_put_choice(out, &c);
}

static weir_rc put_catalog(const airbyte_writing *w, buf *out, err *e)
{
    json_out j = json_out_to(out);
    out_open(&j, '{');
    out_open(out_name(&j, "streams"), '[');
    for (size_t i = 0; i < w->count; i++)
        if (w->streams[i])
            put_stream(&j, w, w->streams[i]);
    out_close(&j, ']');
    out_close(&j, '}');
    return buf_ok(out) ? WEIR_OK : err_nomem(e);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* It is told to stop when the task is, and when we give it up: both as one descriptor. */
static weir_rc watch_stop(airbyte_writing *w, int task_fd, err *e)
{
    w->abort_fd = eventfd(0, EFD_CLOEXEC);
    w->stop_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    bool ok = w->abort_fd >= 0 && w->stop_fd >= 0 && epoll_ctl(w->stop_fd, EPOLL_CTL_ADD, w->abort_fd, &event) == 0 &&
              (task_fd < 0 || epoll_ctl(w->stop_fd, EPOLL_CTL_ADD, task_fd, &event) == 0);
    return ok ? WEIR_OK : err_errno(e, errno, "cannot watch for the order to stop");
}

static weir_rc start_reader(airbyte_writing *w, err *e)
{
    w->ended = false;
    w->rc = WEIR_OK;
    int failure = pthread_create(&w->reader, NULL, read_all, w);
    w->reading = failure == 0;
    return failure ? err_errno(e, failure, "cannot start a thread") : WEIR_OK;
}

static weir_rc start(airbyte_writing *w, weir_task *t, err *e)
{
    buf catalog = {0};
    w->sync++;
    w->running = true; /* or half so: end_process() frees it */
    weir_rc rc = put_catalog(w, &catalog, e);
    const airbyte_paper papers[] = {{"--config", "config.json", buf_view(&w->r->config)}, {"--catalog", "catalog.json", buf_view(&catalog)}};
    if (!rc)
        rc = watch_stop(w, weir_stop_fd(t), e);
    if (!rc)
        rc = airbyte_peer_start(&w->peer, &w->r->d->o, w->stop_fd, "write", papers, sizeof papers / sizeof *papers, e);
    if (!rc)
        rc = start_reader(w, e);
    w->stale = false;
    buf_free(&catalog);
    return rc;
}

static void join_reader(airbyte_writing *w)
{
    if (w->reading)
        pthread_join(w->reader, NULL);
    w->reading = false;
}

/* Frees what is left of it. */
static void end_process(airbyte_writing *w)
{
    join_reader(w);
    airbyte_peer_free(&w->peer);
    close_fd(&w->abort_fd);
    close_fd(&w->stop_fd);
    err_clear(&w->err);
    buf_clear(&w->out);
    w->running = w->dirty = false;
}

/* Terminates it. */
static void give_up(airbyte_writing *w)
{
    if (w->reading)
        (void)!write(w->abort_fd, &(uint64_t){1}, sizeof(uint64_t));
    end_process(w);
}

/* ---- writing ---- */

static void set_time(airbyte_writing *w)
{
    snprintf(w->time, sizeof w->time, "%lld}}\n", (long long)airbyte_now());
}

/* Why it does not read any more, in its own words if it says. */
static weir_rc explain_deafness(airbyte_writing *w, weir_rc rc, err *e)
{
    if (rc == WEIR_STOPPED || !child_deaf(w->peer.c))
        return rc;
    err said = {0};
    child_close_input(w->peer.c);
    join_reader(w);
    if (airbyte_peer_finish(&w->peer, false, &said))
        rc = err_move(e, &said);
    err_free(&said);
    return rc;
}

static weir_rc flush(airbyte_writing *w, err *e)
{
    weir_rc rc = buf_ok(&w->out) ? child_write(w->peer.c, buf_view(&w->out), -1, e) : err_nomem(e);
    buf_clear(&w->out);
    return rc ? explain_deafness(w, rc, e) : WEIR_OK;
}

/* The document as a deletion: it keeps what it has and says when. */
static weir_rc put_deletion(airbyte_writing *w, const stream *s, weir_view doc, err *e)
{
    char now[CLOCK_TEXT];
    buf patch = {0};
    int64_t seconds;
    uint32_t nanos;
    if (!s->deletes)
        return err_fail(e, WEIR_E_CONFIG, "a deletion cannot be passed on: the collection's schema does not declare /_meta/op");
    weir_view said = pointer_find(doc, VIEW("/" DELETED_AT));
    if (said.len && !view_is(said, "null")) {
        buf_addv(&w->out, doc);
        return WEIR_OK;
    }
    clock_now(&seconds, &nanos);
    buf_printf(&patch, "{\"" DELETED_AT "\":\"%.*s\"}", (int)clock_rfc3339(seconds, nanos / 1000000 * 1000000, now), now);
    bool ok = buf_ok(&patch) && patch_apply(&w->out, doc, buf_view(&patch));
    buf_free(&patch);
    return ok ? WEIR_OK : err_nomem(e);
}

static weir_rc put_record(airbyte_writing *w, const stream *s, const weir_row *row, err *e)
{
    buf *out = &w->out;
    weir_rc rc = WEIR_OK;
    if (!row->doc.len)
        return err_fail(e, WEIR_E_CONFIG, "the platform sends no documents: select the field that holds the whole document");
    buf_addv(out, s->prefix);
    size_t at = out->len;
    if (row->op == WEIR_DELETE)
        rc = put_deletion(w, s, row->doc, e);
    else if (memchr(row->doc.ptr, '\n', row->doc.len) || memchr(row->doc.ptr, '\r', row->doc.len))
        json_compact(out, row->doc);
    else
        buf_addv(out, row->doc);
    if (!rc && s->row_id && buf_ok(out))
        out->len = at + unwrap_row_id(out->ptr + at, out->len - at);
    buf_adds(out, ",\"emitted_at\":");
    buf_adds(out, w->time);
    return rc;
}

static weir_rc store(airbyte_writing *w, stream *s, const weir_row *rows, size_t n, err *e)
{
    weir_rc rc = WEIR_OK;
    set_time(w);
    for (size_t i = 0; i < n && !rc; i++) {
        rc = put_record(w, s, &rows[i], e);
        if (!rc && w->out.len >= BLOCK) {
            rc = flush(w, e);
            set_time(w);
        }
    }
    s->stored += n;
    w->dirty = true;
    return rc;
}

/* A STATE for each stream that got something: whatever comes back of it tells which. */
static void put_states(airbyte_writing *w)
{
    for (size_t i = 0; i < w->count; i++) {
        stream *s = w->streams[i];
        if (!s || !s->stored)
            continue;
        s->sent = ++w->states;
        airbyte_open(&w->out, AIRBYTE_STATE);
        buf_printf(&w->out, "{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":%.*s,\"stream_state\":{\"weir\":{\"stream\":%zu,\"state\":%llu}}},"
                            "\"sourceStats\":{\"recordCount\":%llu.0}}",
                   VIEW_ARG(s->descriptor), i, (unsigned long long)s->sent, (unsigned long long)s->stored);
        airbyte_close(&w->out);
    }
}

/* Every stream needs a last status, also one without records (airbyte.md 3.2). */
static void put_statuses(airbyte_writing *w, const char *status)
{
    for (size_t i = 0; i < w->count; i++) {
        const stream *s = w->streams[i];
        if (!s)
            continue;
        airbyte_open(&w->out, AIRBYTE_TRACE);
        buf_printf(&w->out, "{\"type\":\"STREAM_STATUS\",\"emitted_at\":%lld,\"stream_status\":{\"stream_descriptor\":%.*s,\"status\":\"%s\"}}",
                   (long long)airbyte_now(), VIEW_ARG(s->descriptor), status);
        airbyte_close(&w->out);
    }
}

/* ---- confirmations ---- */

/* Under the lock. */
static const stream *unconfirmed(const airbyte_writing *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->streams[i] && w->streams[i]->sent > w->streams[i]->echoed)
            return w->streams[i];
    return NULL;
}

/* Waits for news; false once `until` (of CLOCK_MONOTONIC, 0: never) is over. */
static bool await_news(airbyte_writing *w, int64_t until)
{
    struct timespec at = {until / 1000, until % 1000 * 1000000};
    return (until ? pthread_cond_timedwait(&w->news, &w->lock, &at) : pthread_cond_wait(&w->news, &w->lock)) != ETIMEDOUT;
}

typedef enum outcome { CONFIRMED, LATE, ENDED } outcome;

/* As long as it reads, it is not late. */
static outcome await_echoes(airbyte_writing *w)
{
    size_t unread = SIZE_MAX;
    pthread_mutex_lock(&w->lock);
    int64_t until = clock_ms() + GRACE_MS;
    while (!w->ended && unconfirmed(w)) {
        if (await_news(w, until))
            continue;
        size_t now = child_unread(w->peer.c);
        if (now >= unread || !now)
            break;
        unread = now;
        until = clock_ms() + GRACE_MS;
    }
    outcome is = !unconfirmed(w) ? CONFIRMED : w->ended ? ENDED : LATE;
    pthread_mutex_unlock(&w->lock);
    return is;
}

static void await_end(airbyte_writing *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->ended)
        await_news(w, 0);
    pthread_mutex_unlock(&w->lock);
    join_reader(w);
}

static weir_rc judge(airbyte_writing *w, err *e)
{
    weir_rc rc = w->rc ? airbyte_peer_explain(&w->peer, err_move(e, &w->err), e) : airbyte_peer_finish(&w->peer, false, e);
    const stream *s = unconfirmed(w); /* the reader has ended: nobody else looks */
    if (!rc && s)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the destination has ended well, but has not confirmed the records of stream '%.*s': they will be sent again",
                      VIEW_ARG(s->resource.stream));
    return rc;
}

/* Ends its input and waits for its end. */
static weir_rc conclude(airbyte_writing *w, err *e)
{
    put_statuses(w, "COMPLETE");
    weir_rc rc = flush(w, e);
    if (!rc) {
        child_close_input(w->peer.c);
        await_end(w);
        rc = judge(w, e);
    }
    for (size_t i = 0; i < w->count && !rc; i++)
        if (w->streams[i])
            w->streams[i]->begun |= overwrites(w->streams[i]);
    end_process(w);
    return rc;
}

/* What a CONTROL said: told on the thread that may. */
static weir_rc pass_config(airbyte_writing *w, weir_task *t)
{
    buf body = {0};
    pthread_mutex_lock(&w->lock);
    buf swap = body;
    body = w->config;
    w->config = swap;
    pthread_mutex_unlock(&w->lock);
    weir_rc rc = body.len ? airbyte_run_control(t, (airbyte_run *)(uintptr_t)w->r, buf_view(&body)) : WEIR_OK;
    buf_wipe(&body);
    return rc;
}

/* Does it have to end for the transaction to be good? The first rows of a new generation take the place of the old ones only then. */
static bool must_end(const airbyte_writing *w)
{
    bool must = w->ends_late || w->stale;
    for (size_t i = 0; i < w->count && !must; i++)
        must = w->streams[i] && overwrites(w->streams[i]) && !w->streams[i]->begun;
    return must;
}

/* Makes everything that it was given durable. */
static weir_rc settle(airbyte_writing *w, weir_task *t, err *e)
{
    put_states(w);
    weir_rc rc = flush(w, e);
    outcome is = rc || must_end(w) ? ENDED : await_echoes(w);
    w->ends_late |= is == LATE;
    if (!rc && is != CONFIRMED)
        rc = conclude(w, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < w->count; i++)
        if (w->streams[i])
            w->streams[i]->stored = 0;
    w->dirty = false;
    return pass_config(w, t);
}

/* ---- the callbacks ---- */

static airbyte_writing *writing_new(const airbyte_run *r)
{
    airbyte_writing *w = calloc(1, sizeof *w);
    pthread_condattr_t monotonic;
    if (!w)
        return NULL;
    w->r = r;
    w->abort_fd = w->stop_fd = -1;
    w->sync = airbyte_now() / 1000; /* higher with every sync */
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return w;
}

void airbyte_writing_free(airbyte_writing *w)
{
    if (!w)
        return;
    err e = {0};
    weir_rc rc = w->running && !w->dirty ? conclude(w, &e) : WEIR_OK;
    if (rc && rc != WEIR_STOPPED)
        log_line(w->r->d->o.log, WEIR_ERROR, "the destination has confirmed everything, but has not ended well: %s", err_text(&e));
    err_free(&e);
    give_up(w);
    for (size_t i = 0; i < w->count; i++)
        stream_free(w->streams[i]);
    free(w->streams);
    buf_free(&w->out);
    buf_wipe(&w->config);
    err_free(&w->err);
    pthread_cond_destroy(&w->news);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static bool reserve(airbyte_writing *w, size_t count)
{
    if (count <= w->count)
        return true;
    stream **grown = realloc(w->streams, count * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + w->count, 0, (count - w->count) * sizeof *grown);
    w->streams = grown;
    w->count = count;
    return true;
}

static weir_rc driven_validate(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    airbyte_run *r = self;
    for (size_t i = 0; i < n; i++) {
        stream *s;
        err e = {0};
        weir_rc rc = stream_make(r, &b[i], &s, &e);
        if (rc)
            weir_problem(t, NULL, "%s", err_text(&e));
        else
            stream_free(s);
        err_free(&e);
        rc = weir_delta_updates(t, &b[i]); /* it cannot be asked what it holds */
        if (rc)
            return rc;
    }
    weir_rc rc = airbyte_run_check(t, r);
    return rc ? rc : airbyte_tell_paths(t, b, n);
}

/* Nothing is to be made: the destination makes its tables of the catalog. One that runs ends first: it has another catalog. */
static weir_rc driven_apply(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    airbyte_run *r = self;
    err *e = task_error(t);
    if (!r->writing && !(r->writing = writing_new(r)))
        return err_nomem(e);
    airbyte_writing *w = r->writing;
    weir_rc rc = WEIR_OK;
    w->stale = true;
    if (w->running)
        rc = err_wrap(e, w->dirty ? settle(w, t, e) : conclude(w, e), "the streams change");
    for (size_t i = 0; i < n && !rc; i++) {
        stream *s;
        rc = stream_make(r, &b[i], &s, e);
        if (!rc && !reserve(w, (size_t)b[i].index + 1)) {
            stream_free(s);
            rc = err_nomem(e);
        }
        if (rc)
            break;
        stream *had = w->streams[b[i].index];
        s->begun = s->kept = view_is(pointer_find(state_of_binding(weir_state(t), s->state_key), VIEW("/begun")), "true");
        if (had && had->backfill == s->backfill) {
            s->begun |= had->begun;
            s->kept |= had->kept;
        }
        stream_free(had);
        w->streams[b[i].index] = s;
    }
    return rc;
}

static weir_rc driven_store(weir_task *t, void *self, const weir_row *rows, size_t n)
{
    airbyte_run *r = self;
    airbyte_writing *w = r->writing;
    err *e = task_error(t);
    const weir_binding *b = n ? rows[0].binding : NULL;
    if (!n)
        return WEIR_OK;
    if (!w || b->index >= w->count || !w->streams[b->index])
        return err_fail(e, WEIR_E_BUG, "rows for a binding that was not applied");
    weir_rc rc = w->running ? WEIR_OK : start(w, t, e);
    if (!rc)
        rc = store(w, w->streams[b->index], rows, n, e);
    if (rc)
        give_up(w);
    return rc;
}

/* Streams that overwrite have begun now: the next sync adds to them. */
static weir_rc keep_begun(airbyte_writing *w, weir_task *t)
{
    buf patch = {0};
    bool any = false;
    json_out j = json_out_to(&patch);
    out_open(&j, '{');
    out_open(out_name(&j, "bindingStateV1"), '{');
    for (size_t i = 0; i < w->count; i++) {
        stream *s = w->streams[i];
        if (!s || !s->begun || s->kept)
            continue;
        s->kept = any = true;
        out_raw(out_namev(&j, s->state_key), VIEW("{\"begun\":true}"));
    }
    out_close(&j, '}');
    out_close(&j, '}');
    weir_rc rc = !buf_ok(&patch) ? err_nomem(task_error(t)) : any ? weir_keep(t, buf_view(&patch)) : WEIR_OK;
    buf_free(&patch);
    return rc;
}

static weir_rc driven_commit(weir_task *t, void *self, weir_view checkpoint)
{
    (void)checkpoint;
    airbyte_run *r = self;
    airbyte_writing *w = r->writing;
    weir_rc rc = w && w->running ? settle(w, t, task_error(t)) : WEIR_OK;
    if (rc)
        give_up(w);
    return rc || !w ? rc : keep_begun(w, t);
}

const weir_materialize airbyte_driven_materialize = {
    .validate = driven_validate,
    .apply = driven_apply,
    .store = driven_store,
    .commit = driven_commit,
    .relay = true,
};
