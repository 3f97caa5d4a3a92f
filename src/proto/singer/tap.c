/* Being a Singer tap: discovery, a sync, a test (singer.md 2, 3, 4). */
#include "proto/singer/tap.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/io.h"
#include "json/write.h"
#include "model/state.h"
#include "proto/singer/config.h"
#include "run/conduct.h"
#include "run/stop.h"

enum { STATE_MAX = 256 << 20 };

/* ----------------------------------------------------------------------------------------------------------- begin and end -- */

static weir_rc tap_begin(tap *t, const singer_job *job, err *e)
{
    *t = (tap){.job = job, .log = job->o->log, .lock = PTHREAD_MUTEX_INITIALIZER, .metrics_ms = clock_ms()};
    weir_rc rc = singer_settings_parse(&singer_tap_side, job->settings, &t->settings, &t->arena, e);
    if (!rc)
        rc = streams_discover(&t->list, job->c, job->config, t->log, view_of(job->name), job->o->stop_fd, e);
    return rc ? rc : singer_sources_make(&t->sources, &t->list, e);
}

static void free_progress(tap_progress *p)
{
    buf_free(&p->sent);
    for (tap_file *f = p->files, *next; f; f = next) {
        next = f->next;
        singer_batch_discard(f->file);
        buf_free(&f->message);
        free(f);
    }
}

static void tap_end(tap *t)
{
    for (size_t i = 0; t->progress && i < t->catalog.count; i++)
        free_progress(&t->progress[i]);
    singer_state_free(&t->state);
    singer_state_free(&t->noted);
    singer_sources_free(&t->sources);
    streams_free(&t->list);
    buf_free(&t->first);
    err_free(&t->failure);
    arena_free(&t->arena);
    pthread_mutex_destroy(&t->lock);
}

static weir_rc print_pretty(tap *t, weir_view json, err *e)
{
    tree *doc;
    buf text = {0};
    weir_rc rc = tree_parse(&t->arena, json, NULL, WEIR_E_BUG, &doc, e);
    if (!rc) {
        tree_write_pretty(&text, doc);
        buf_addc(&text, '\n');
        rc = buf_ok(&text) ? io_write(t->job->o->out, buf_view(&text), "standard output", e) : err_nomem(e);
    }
    buf_free(&text);
    return rc;
}

weir_rc singer_discover(const singer_job *job, err *e)
{
    tap t;
    buf text = {0};
    weir_rc rc = tap_begin(&t, job, e);
    if (!rc) {
        singer_catalog_write(&t.sources, &text);
        rc = buf_ok(&text) ? print_pretty(&t, buf_view(&text), e) : err_nomem(e);
    }
    buf_free(&text);
    tap_end(&t);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- catalog -- */

/* Without a catalog the discovered one holds: what is enabled by default is read. */
static weir_rc own_catalog(tap *t, tree **ret, err *e)
{
    buf text = {0};
    singer_catalog_write(&t->sources, &text);
    weir_view kept = buf_ok(&text) ? arena_dup(&t->arena, buf_view(&text)) : (weir_view){0};
    buf_free(&text);
    return kept.ptr ? tree_parse(&t->arena, kept, NULL, WEIR_E_BUG, ret, e) : err_nomem(e);
}

/* With the marks of the file that it stands in. */
static weir_rc maps_of(tap *t, const tree **ret, err *e)
{
    const tree *maps = tree_get(t->job->settings, "stream_maps");
    *ret = tree_is_null(maps) ? NULL : maps;
    if (!*ret || maps->kind == TREE_OBJECT)
        return WEIR_OK;
    return err_fail(e, WEIR_E_CONFIG, "stream_maps is %s instead of an object", tree_kind_name(maps->kind));
}

static const char *source_name(const char *path) { return strcmp(path, "-") == 0 ? "standard input" : path; }

static weir_rc read_catalog(tap *t, err *e)
{
    tree *doc;
    catalog_options o = {.legacy = t->job->legacy};
    weir_rc rc = t->job->catalog ? singer_read_json(&t->arena, t->job->catalog, &doc, e) : own_catalog(t, &doc, e);
    if (!rc)
        rc = maps_of(t, &o.stream_maps, e);
    o.doc = rc ? NULL : doc;
    if (!rc)
        rc = singer_catalog_read(&t->catalog, &t->arena, &t->sources, &o, e);
    return rc && t->job->catalog ? err_wrap(e, rc, "%s", source_name(t->job->catalog)) : rc;
}

/* Who was interrupted goes on with the stream that it was reading (singer.md 3). */
static void rotate(tap *t, weir_view first)
{
    size_t n = t->catalog.count, at = 0;
    while (at < n && !view_eq(t->catalog.streams[at].id, first))
        at++;
    tap_stream *turned = first.len && at && at < n ? arena_array(&t->arena, n, sizeof *turned) : NULL;
    for (size_t i = 0; turned && i < n; i++)
        turned[i] = t->catalog.streams[(at + i) % n];
    if (turned)
        t->catalog.streams = turned;
}

static weir_rc make_keys(tap *t, err *e)
{
    t->keys = arena_array(&t->arena, t->catalog.count, sizeof *t->keys);
    for (size_t i = 0; t->keys && i < t->catalog.count; i++) {
        buf key = {0};
        bool ok = state_key(&key, t->catalog.streams[i].from->item->s.resource_path, 0);
        t->keys[i] = ok ? arena_dup(&t->arena, buf_view(&key)) : (weir_view){0};
        buf_free(&key);
    }
    return t->keys && !t->arena.failed ? WEIR_OK : err_nomem(e);
}

/* ------------------------------------------------------------------------------------------------------------------ state -- */

static weir_rc state_text(tap *t, weir_view *ret, err *e)
{
    buf text = {0};
    tree *value;
    weir_rc rc = WEIR_OK;
    *ret = VIEW("{}");
    if (!t->job->state)
        return rc;
    if (strcmp(t->job->state, "-") == 0) {
        rc = singer_read_json(&t->arena, "-", &value, e);
        *ret = rc ? *ret : value->raw;
        return rc;
    }
    rc = stop_read_file(t->job->state, STATE_MAX, &text, e);
    if (!rc) {
        *ret = arena_dup(&t->arena, buf_view(&text));
        rc = ret->ptr ? WEIR_OK : err_nomem(e);
    }
    buf_free(&text);
    return rc;
}

static weir_rc read_state(tap *t, weir_view text, err *e)
{
    const bool numbered = t->settings.emit_activate_version_messages;
    weir_rc rc = make_keys(t, e);
    if (!rc)
        rc = singer_state_read(&t->state, &t->arena, &t->catalog, t->keys, numbered, text, e);
    if (!rc)
        rc = singer_state_read(&t->noted, &t->arena, &t->catalog, t->keys, numbered, text, e);
    return rc && t->job->state ? err_wrap(e, rc, "%s", source_name(t->job->state)) : rc;
}

static weir_rc take_state(tap *t, err *e)
{
    weir_view text;
    tap_state first = {0};
    weir_rc rc = state_text(t, &text, e);
    if (!rc)
        rc = read_state(t, text, e);
    if (rc || !t->state.syncing.len)
        return rc;
    rotate(t, t->state.syncing);
    singer_state_free(&t->state);
    singer_state_free(&t->noted);
    t->state = t->noted = first;
    return read_state(t, text, e);
}

/* --------------------------------------------------------------------------------------------------------------- sessions -- */

static weir_rc fill_binding(tap *t, const tap_stream *s, size_t i, weir_binding *b, const tree **ret_resource, err *e)
{
    const weir_stream *from = &s->from->item->s;
    tree *resource;
    weir_rc rc = tree_parse(&t->arena, from->resource, NULL, WEIR_E_BUG, &resource, e);
    if (rc)
        return rc;
    *ret_resource = resource;
    *b = (weir_binding){
        .name = s->id, .schema = s->schema, .key = s->key_pointers, .resource_json = from->resource, .resource_path = from->resource_path,
        .state_key = t->keys[i], .mode = s->mode, .cursor = s->cursor,
    };
    return WEIR_OK;
}

static weir_rc bind(tap *t, size_t first, size_t count, err *e)
{
    weir_binding *b = arena_array(&t->arena, count, sizeof *b);
    const tree **resources = arena_array(&t->arena, count, sizeof *resources);
    buf state = {0};
    weir_rc rc = b && resources ? WEIR_OK : err_nomem(e);
    for (size_t i = 0; i < count && !rc; i++)
        rc = err_wrap(e, fill_binding(t, &t->catalog.streams[first + i], first + i, &b[i], &resources[i], e), "stream '%.*s'",
                      VIEW_ARG(t->catalog.streams[first + i].id));
    if (!rc) {
        singer_state_task(&t->state, &state);
        rc = buf_ok(&state) ? session_bind(t->s, b, resources, count, buf_view(&state), e) : err_nomem(e);
    }
    buf_free(&state);
    return rc;
}

/* Where somebody waits for the state, it is there at once (singer.md 1: a tap should, c). */
static weir_rc tell_state(tap *t, err *e)
{
    t->dirty = singer_state_any(&t->state) && !t->one_each;
    return t->dirty ? writer_flush(t->w, e) : WEIR_OK;
}

static weir_rc pull(tap *t, size_t first, size_t count, err *e)
{
    weir_rc rc = session_open(t->s, t->job->config, e);
    if (!rc)
        rc = bind(t, first, count, e);
    if (!rc)
        rc = session_validate(t->s, e);
    if (!rc)
        rc = session_apply(t->s, e);
    if (!rc && first == 0)
        rc = tell_state(t, e);
    return rc ? rc : session_pull(t->s, e);
}

/* Reads `count` streams from `first` on. */
static weir_rc run_session(tap *t, size_t first, size_t count, err *e)
{
    t->base = first;
    t->s = session_new(&(session_options){.connector = t->job->c, .to = writer_listener(t->w), .log = t->log, .task_name = view_of(t->job->name),
                                          .no_acks = true});
    if (!t->s)
        return err_nomem(e);
    conductor *c = conductor_start(&(conductor_options){.s = t->s, .w = t->w, .stop_fd = t->job->o->stop_fd, .in = -1}, e);
    weir_rc rc = c ? pull(t, first, count, e) : e->rc;
    conductor_end(c);
    return rc;
}

static void end_session(tap *t)
{
    session_free(t->s);
    t->s = NULL;
}

/* ------------------------------------------------------------------------------------------------------------------- sync -- */

/* The last line is a STATE, whatever happened (singer.md 1: a tap should, a). */
static weir_rc tell_last(tap *t, err *e)
{
    t->last = true;
    if (t->batches && !t->failure.rc && !singer_state_copy(&t->state, &t->noted, SIZE_MAX))
        return err_nomem(e);
    return writer_flush(t->w, e);
}

static weir_rc sync_all(tap *t, bool *ret_broken, err *e)
{
    err last = {0};
    weir_rc rc = t->catalog.count ? run_session(t, 0, t->catalog.count, e) : WEIR_OK;
    if (t->failure.rc && (!rc || rc == WEIR_STOPPED))
        rc = err_move(e, &t->failure);
    weir_rc told = tell_last(t, &last);
    *ret_broken = told == WEIR_STOPPED;
    if (told && (!rc || *ret_broken))
        rc = err_move(e, &last);
    err_free(&last);
    end_session(t);
    return rc;
}

static weir_rc print_schemas(tap *t, err *e)
{
    buf text = {0};
    for (size_t i = 0; i < t->catalog.count; i++)
        singer_tap_put_schema(&t->catalog.streams[i], t->catalog.streams[i].schema, &text);
    weir_rc rc = buf_ok(&text) ? io_write(t->job->o->out, buf_view(&text), "standard output", e) : err_nomem(e);
    buf_free(&text);
    return rc;
}

static weir_rc test_each(tap *t, err *e)
{
    weir_rc rc = WEIR_OK;
    bool stopped = false;
    for (size_t i = 0; i < t->catalog.count && !rc && !stopped; i++) {
        atomic_store(&t->satisfied, false);
        rc = run_session(t, i, 1, e);
        rc = rc ? rc : writer_flush(t->w, e);
        stopped = t->s && session_stopping(t->s) && !atomic_load(&t->satisfied);
        end_session(t);
    }
    return rc;
}

static weir_rc with_writer(tap *t, bool *ret_broken, err *e)
{
    singer_tap_framing(t);
    t->w = writer_new(t->job->o->out, &t->framing);
    if (!t->w)
        return err_nomem(e);
    weir_rc rc = t->one_each ? test_each(t, e) : sync_all(t, ret_broken, e);
    writer_free(t->w);
    return rc;
}

int64_t singer_tap_version_now(void)
{
    int64_t seconds;
    uint32_t nanos;
    clock_now(&seconds, &nanos);
    return seconds * 1000 + nanos / 1000000;
}

static weir_rc prepare(tap *t, err *e)
{
    const weir_capture *c = t->job->c->capture;
    weir_rc rc = read_catalog(t, e);
    if (!rc)
        rc = take_state(t, e);
    if (rc)
        return rc;
    t->one_each = t->job->test != NULL;
    t->several = c->all_in_one || c->relay || c->lanes > 1;
    t->version = t->settings.emit_activate_version_messages ? singer_tap_version_now() : 0;
    t->batches = t->settings.batch_config.storage.root && !t->one_each;
    t->progress = arena_array(&t->arena, t->catalog.count, sizeof *t->progress);
    if (!t->progress)
        return err_nomem(e);
    for (size_t i = 0; i < t->catalog.count && t->version; i++) {
        const tap_stream *s = &t->catalog.streams[i];
        t->progress[i].version = s->full_table ? t->version : singer_state_version(&t->state, s->id);
    }
    return t->batches ? singer_batch_place(&t->place, &t->settings.batch_config, t->job->name, &t->arena, e) : WEIR_OK;
}

weir_rc singer_tap(const singer_job *job, bool *ret_broken, err *e)
{
    tap t;
    weir_rc rc = tap_begin(&t, job, e);
    *ret_broken = false;
    if (!rc)
        rc = prepare(&t, e);
    if (!rc && !t.catalog.count)
        log_line(t.log, WEIR_WARN, "no stream is selected");
    if (!rc)
        rc = job->test && strcmp(job->test, "schema") == 0 ? print_schemas(&t, e) : with_writer(&t, ret_broken, e);
    tap_end(&t);
    return rc;
}
