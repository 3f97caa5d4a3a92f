/* An Airbyte source as a capture: reading. What flow-sdk's shim does, this does (flow.md 10.2); where it gives up, this goes on: states of type GLOBAL
 * and LEGACY. */
#include "json/pointer.h"
#include "proto/airbyte/drive_source.h"
#include "proto/flowdoc.h"

/* ---- documents ---- */

static inline bool same_bytes(const char *a, weir_view b, size_t len)
{
    return b.len == len && (len == 0 || memcmp(a, b.ptr, len) == 0);
}

/* The stream of a record; most come in runs. */
static inline driven_stream *stream_of(driven_reading *g, const airbyte_message *m)
{
    if (g->last.len && same_bytes(g->last.ptr, m->stream.raw, g->last_name) && g->last_spaced == (m->name_space.raw.ptr != NULL) &&
        same_bytes(g->last.ptr + g->last_name, m->name_space.raw, g->last.len - g->last_name))
        return g->last_stream;
    buf_clear(&g->last);
    buf_addv(&g->last, m->stream.raw);
    buf_addv(&g->last, m->name_space.raw);
    g->last_name = m->stream.raw.len;
    g->last_spaced = m->name_space.raw.ptr != NULL;
    if (!buf_ok(&g->last))
        buf_clear(&g->last);
    return g->last_stream = driven_find(g, m);
}

static bool is_absent(weir_view json) { return !json.len || view_is(json, "null"); }

static bool says_deleted(const airbyte_message *m)
{
    static const char name[] = "\"_ab_cdc_deleted_at\"";
    return memmem(m->data.ptr, m->data.len, name, sizeof name - 1) && !is_absent(pointer_find(m->data, VIEW("/_ab_cdc_deleted_at")));
}

static inline weir_rc take_record(driven_reading *g, const airbyte_message *m)
{
    driven_stream *s = stream_of(g, m);
    weir_view rest;
    weir_rc rc;
    if (!s)
        return WEIR_OK;
    if (g->r->d->o.flow_documents) {
        rc = flowdoc_split(&g->head, m->data, m->lines, s->row_id, s->deletes && says_deleted(m), &rest, task_error(g->t));
        if (rc)
            return weir_wrap(g->t, rc, "stream '%.*s'", VIEW_ARG(s->resource.stream));
        rc = task_emit_pieces(g->t, s->b, buf_view(&g->head), rest, m->lines);
    } else {
        rc = task_emit_scanned(g->t, s->b, m->data, m->lines);
    }
    s->row_id++;
    s->since++;
    g->since++;
    return rc;
}

/* ---- what it says beside ---- */

static driven_stream *described(driven_reading *g, weir_view name, weir_view name_space)
{
    return map_get(&g->index, driven_spelled(g, name, name_space));
}

static void take_status(driven_reading *g, const tree *status)
{
    const tree *d = tree_get(status, "stream_descriptor");
    weir_view name = tree_text(d, "name"), word = tree_text(status, "status");
    driven_stream *s = described(g, name, tree_text(d, "namespace"));
    bool running = view_is(word, "RUNNING");
    weir_log(g->t, running ? WEIR_DEBUG : WEIR_INFO, "stream '%.*s': %.*s", VIEW_ARG(name), VIEW_ARG(word));
    if (!s)
        return;
    s->started |= running || view_is(word, "STARTED");
    s->complete = view_is(word, "COMPLETE");
    s->incomplete = view_is(word, "INCOMPLETE");
}

static weir_rc take_estimate(driven_reading *g, const tree *estimate)
{
    uint64_t rows = 0, bytes = 0;
    const tree *r = tree_get(estimate, "row_estimate"), *b = tree_get(estimate, "byte_estimate");
    driven_stream *s = described(g, tree_text(estimate, "name"), tree_text(estimate, "namespace"));
    if (r && r->kind == TREE_NUMBER)
        number_to_u64(r->text, &rows);
    if (b && b->kind == TREE_NUMBER)
        number_to_u64(b->text, &bytes);
    return s && view_is(tree_text(estimate, "type"), "STREAM") ? weir_estimate(g->t, s->b, rows, bytes) : WEIR_OK;
}

static weir_rc take_trace(driven_reading *g, const airbyte_message *m)
{
    arena a = {0};
    err unused = {0};
    tree *t;
    weir_rc rc = WEIR_OK;
    if (!tree_parse(&a, m->body, NULL, WEIR_E_PROTOCOL, &t, &unused)) {
        const tree *status = tree_get(t, "stream_status"), *estimate = tree_get(t, "estimate");
        if (!tree_is_null(status))
            take_status(g, status);
        else if (!tree_is_null(estimate))
            rc = take_estimate(g, estimate);
    }
    err_free(&unused);
    arena_free(&a);
    return rc;
}

/* ---- reading ---- */

static weir_rc take(driven_reading *g, const airbyte_message *m)
{
    switch (m->type) {
    case AIRBYTE_RECORD:
        return take_record(g, m);
    case AIRBYTE_STATE:
        return driven_take_state(g, m);
    case AIRBYTE_TRACE:
        return take_trace(g, m);
    case AIRBYTE_CONTROL:
        return airbyte_run_control(g->t, g->r, m->body);
    default:
        weir_log(g->t, WEIR_DEBUG, "the source sends %s while it reads: left out", airbyte_type_name(m->type));
        return WEIR_OK;
    }
}

static weir_rc start(driven_reading *g)
{
    err *e = task_error(g->t);
    buf catalog = {0}, states = {0};
    weir_rc rc = driven_put_catalog(g, &catalog);
    driven_put_states(g, &states);
    if (!rc && (!buf_ok(&states) || !buf_ok(&g->scratch)))
        rc = err_nomem(e);
    const airbyte_paper files[] = {
        {"--config", "config.json", buf_view(&g->r->config)},
        {"--catalog", "catalog.json", buf_view(&catalog)},
        {"--state", "state.json", buf_view(&states)},
    };
    if (!rc)
        rc = airbyte_peer_start(&g->peer, &g->r->d->o, weir_stop_fd(g->t), "read", files, sizeof files / sizeof *files, e);
    if (!rc)
        child_close_input(g->peer.c);
    buf_free(&catalog);
    buf_free(&states);
    return rc;
}

static weir_rc relay(driven_reading *g)
{
    for (;;) {
        airbyte_message m;
        bool more;
        weir_rc rc = airbyte_peer_next(&g->peer, &m, &more, task_error(g->t));
        if (!rc && more)
            rc = take(g, &m);
        if (rc || !more)
            return rc;
    }
}

/* A stream that is called incomplete has failed, whatever the exit status (airbyte.md 1.2, 3.2). */
static weir_rc judge_streams(driven_reading *g)
{
    buf names = {0};
    bool started = false;
    for (size_t i = 0; i < g->count; i++) {
        const driven_stream *s = &g->streams[i];
        if (!s->incomplete)
            continue;
        started |= s->started;
        buf_printf(&names, "%s'%.*s'", names.len ? ", " : "", VIEW_ARG(s->resource.stream));
    }
    weir_rc rc = WEIR_OK;
    if (names.len && started)
        rc = weir_fail(g->t, WEIR_E_REMOTE, "the source has left streams incomplete: %s", buf_text(&names));
    else if (names.len)
        rc = weir_fail(g->t, WEIR_E_CONFIG, "the source has not even started streams, most likely because it has none of these names: %s", buf_text(&names));
    buf_free(&names);
    return rc;
}

static weir_rc driven_pull(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    err *e = task_error(t);
    driven_reading g = {.t = t, .r = self};
    weir_rc rc = driven_reading_init(&g, b, n);
    if (!rc)
        rc = start(&g);
    if (!rc)
        rc = airbyte_peer_explain(&g.peer, relay(&g), e);
    if (!rc)
        rc = airbyte_peer_finish(&g.peer, false, e);
    if (!rc)
        rc = judge_streams(&g);
    if (!rc)
        rc = driven_seal_rest(&g);
    driven_reading_free(&g);
    return rc;
}

static weir_rc driven_validate(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    weir_rc rc = airbyte_run_check(t, self);
    return rc ? rc : airbyte_tell_paths(t, b, n);
}

const weir_capture airbyte_driven_capture = {
    .discover = airbyte_driven_discover,
    .validate = driven_validate,
    .pull = driven_pull,
    .all_in_one = true,
};
