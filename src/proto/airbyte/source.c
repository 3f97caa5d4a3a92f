/* read: the streams of a configured catalog, from where the state says (airbyte.md 3.1 to 3.3). */
#include <signal.h>

#include "json/pointer.h"
#include "model/state.h"
#include "proto/airbyte/airbyte.h"
#include "proto/airbyte/catalog.h"
#include "proto/airbyte/reading.h"
#include "proto/airbyte/say.h"
#include "proto/streams.h"
#include "run/conduct.h"

typedef struct source {
    const airbyte_call *k;
    stream_list found;
    airbyte_configured *wanted;
    size_t wanted_count;
    /* by binding */
    size_t count;
    weir_binding *bindings;
    const tree **resources;
    airbyte_part *parts;
    reading_stream *streams;
    bool *resumable;      /* the state that is handed over counts */
    reading r;
} source;

/* ---- bindings ---- */

/* How a stream is read: as the catalog says where the stream can, else as it can (3.3; 4.1: PyAirbyte asks for incremental always). */
static unsigned mode_of(const airbyte_configured *c, const weir_stream *s)
{
    const unsigned modes = s->modes ? s->modes : WEIR_INCREMENTAL;
    const unsigned onwards = modes & WEIR_LOG_BASED && !(modes & WEIR_INCREMENTAL && c->cursor.len) ? WEIR_LOG_BASED : WEIR_INCREMENTAL;
    if (c->sync_mode == AIRBYTE_FULL_REFRESH && modes & WEIR_FULL_REFRESH)
        return WEIR_FULL_REFRESH;
    return modes & onwards ? onwards : WEIR_FULL_REFRESH;
}

/* The source's, else the user's, else the first that there is (3.3). */
static weir_rc cursor_of(source *v, const airbyte_configured *c, const weir_stream *s, weir_view *ret, err *e)
{
    weir_view *pointers;
    size_t count;
    if (!s->cursors.len)
        return WEIR_OK;
    if (!pointer_list(v->k->arena, s->cursors, &pointers, &count))
        return v->k->arena->failed ? err_nomem(e) : err_fail(e, WEIR_E_PROTOCOL, "cursors of stream '%.*s' are not an array", VIEW_ARG(s->name));
    *ret = count > 1 && c->cursor.len ? c->cursor : count ? pointers[0] : (weir_view){0};
    return WEIR_OK;
}

static weir_rc key_of(source *v, weir_view path, weir_view *ret, err *e)
{
    buf text = {0};
    bool ok = state_key(&text, path, 0);
    *ret = ok ? arena_dup(v->k->arena, buf_view(&text)) : (weir_view){0};
    buf_free(&text);
    return ret->ptr ? WEIR_OK : ok ? err_nomem(e) : err_fail(e, WEIR_E_PROTOCOL, "a resource path is not an array of strings: %.*s", VIEW_ARG(path));
}

static weir_rc add_binding(source *v, const airbyte_configured *c, const weir_stream *s, err *e)
{
    const size_t i = v->count;
    weir_binding *b = &v->bindings[i];
    unwrap u;
    tree *resource;
    weir_rc rc = unwrap_stream(&u, v->k->arena, s, e);
    if (!rc)
        rc = tree_parse(v->k->arena, s->resource, NULL, WEIR_E_PROTOCOL, &resource, e);
    if (rc)
        return rc;
    *b = (weir_binding){.name = c->name, .schema = s->schema, .key = s->key, .resource_json = s->resource, .resource_path = s->resource_path};
    b->mode = mode_of(c, s);
    rc = cursor_of(v, c, s, &b->cursor, e);
    if (!rc)
        rc = key_of(v, s->resource_path, &b->state_key, e);
    v->resources[i] = resource;
    v->parts[i] = (airbyte_part){.name = c->name, .name_space = c->name_space, .descriptor = c->descriptor, .key = b->state_key};
    v->streams[i] = (reading_stream){.part = &v->parts[i], .row_id = u.row_id, .deletes = u.deletes};
    v->resumable[i] = airbyte_is_incremental(s);
    v->count += !rc;
    return rc;
}

/* A stream that is not there is skipped, and said to be (1.2). */
static void say_unknown(const airbyte_configured *c, buf *out)
{
    buf text = {0};
    buf_printf(&text, "stream %.*s is not there: it is passed over", VIEW_ARG(c->descriptor));
    airbyte_say_log(out, airbyte_level(WEIR_WARN), buf_view(&text));
    airbyte_say_status(out, c->descriptor, AIRBYTE_INCOMPLETE);
    out->failed |= !buf_ok(&text);
    buf_free(&text);
}

static weir_rc add_bindings(source *v, buf *out, err *e)
{
    arena *a = v->k->arena;
    const size_t n = v->wanted_count;
    v->bindings = arena_array(a, n, sizeof *v->bindings);
    v->resources = arena_array(a, n, sizeof *v->resources);
    v->parts = arena_array(a, n, sizeof *v->parts);
    v->streams = arena_array(a, n, sizeof *v->streams);
    v->resumable = arena_array(a, n, sizeof *v->resumable);
    weir_rc rc = a->failed ? err_nomem(e) : WEIR_OK;
    for (size_t i = 0; i < n && !rc; i++) {
        const stream_item *item = streams_find(&v->found, v->wanted[i].name, v->wanted[i].name_space);
        if (item)
            rc = add_binding(v, &v->wanted[i], &item->s, e);
        else
            say_unknown(&v->wanted[i], out);
    }
    return rc;
}

/* ---- state ---- */

/* A stream that can only be read whole does not go on (3.3). */
static weir_rc take_state(source *v, err *e)
{
    const tree *file;
    if (!airbyte_states_init(&v->r.states, v->parts, v->count))
        return err_nomem(e);
    if (!v->k->state)
        return WEIR_OK;
    weir_rc rc = airbyte_file(v->k->arena, v->k->state, &file, e);
    if (!rc)
        rc = airbyte_states_take(&v->r.states, file, e);
    err_wrap(e, rc, "state");
    for (size_t i = 0; i < v->count && !rc; i++)
        if (!v->resumable[i])
            buf_clear(&v->parts[i].state);
    return rc;
}

/* ---- reading ---- */

static weir_rc open_session(source *v, session *s, err *e)
{
    buf state = {0};
    airbyte_states_task(&v->r.states, &state);
    weir_rc rc = buf_ok(&state) ? session_open(s, v->k->config, e) : err_nomem(e);
    if (!rc)
        rc = session_bind(s, v->bindings, v->resources, v->count, buf_view(&state), e);
    if (!rc)
        rc = session_apply(s, e);
    buf_free(&state);
    return rc;
}

/* Whatever happened, every stream gets its last status. */
static weir_rc say_rest(source *v, err *e)
{
    buf lines = {0};
    airbyte_reading_finish(&v->r, &lines);
    weir_rc rc = airbyte_put(v->k, &lines, e);
    buf_free(&lines);
    return rc;
}

static weir_rc pull(source *v, session *s, writer *w, err *e)
{
    err last = {0};
    conductor *watch = conductor_start(&(conductor_options){.s = s, .w = w, .stop_fd = v->k->o->stop_fd, .in = -1}, e);
    if (!watch)
        return e->rc;
    weir_rc rc = open_session(v, s, e);
    if (!rc)
        rc = session_pull(s, e);
    v->k->end->signal = conductor_end(watch);
    weir_rc written = writer_flush(w, &last);
    if (!written)
        written = say_rest(v, &last);
    if (written && (!rc || written == WEIR_STOPPED)) /* nobody reads: why it ended does not matter any more */
        rc = err_move(e, &last);
    err_free(&last);
    if (!rc && v->r.failed)
        rc = err_fail(e, v->r.failure, "%zu of %zu streams could not be read", v->r.failed, v->count);
    return rc ? rc : v->k->end->signal ? err_fail(e, WEIR_STOPPED, "stopped by a signal") : WEIR_OK;
}

static weir_rc read_streams(source *v, err *e)
{
    const airbyte_call *k = v->k;
    reading *r = &v->r;
    r->streams = v->streams;
    r->count = v->count;
    r->log = k->o->log;
    r->together = k->c->capture->all_in_one;
    airbyte_reading_init(r);
    writer *w = writer_new(k->o->out, &r->framing);
    session *s = w ? session_new(&(session_options){.connector = k->c, .to = writer_listener(w), .log = k->o->log,
                                                    .task_name = view_of(k->c->name), .no_acks = true})
                   : NULL;
    weir_rc rc = s ? WEIR_OK : err_nomem(e);
    if (!rc) {
        r->s = s;
        writer_share(w, k->gate);
        rc = pull(v, s, w, e);
    }
    session_free(s);
    writer_free(w);
    return rc;
}

weir_rc airbyte_read_source(const airbyte_call *k, err *e)
{
    source v = {.k = k};
    buf lines = {0};
    weir_rc rc = airbyte_configured_catalog(k->arena, k->catalog, &v.wanted, &v.wanted_count, e);
    if (!rc)
        rc = streams_discover(&v.found, k->c, k->config, k->o->log, view_of(k->c->name), k->o->stop_fd, e);
    if (rc == WEIR_STOPPED)
        k->end->signal = SIGTERM;
    if (!rc)
        rc = add_bindings(&v, &lines, e);
    if (!rc)
        rc = take_state(&v, e);
    if (!rc)
        rc = airbyte_put(k, &lines, e);
    if (!rc)
        rc = read_streams(&v, e);
    airbyte_states_free(&v.r.states);
    streams_free(&v.found);
    buf_free(&lines);
    return rc;
}
