/* An Airbyte destination as a materialization that relays: documents go on as RECORD lines. A transaction ends with a STATE of our own for each stream;
 * its echo says that everything before it is durable (airbyte.md 3.1). Some destinations echo only once their input has ended: then every transaction
 * is a process of its own. What was not confirmed is stored again by whoever keeps the position: at least once.
 */
#include <stdlib.h>
#include <time.h>

#include "json/pointer.h"
#include "model/state.h"
#include "proto/airbyte/drive_writing.h"

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
    writing_give_up(w);
    for (size_t i = 0; i < w->count; i++)
        written_stream_free(w->streams[i]);
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
    written_stream **grown = realloc(w->streams, count * sizeof *grown);
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
        written_stream *s;
        err e = {0};
        weir_rc rc = written_stream_make(r, &b[i], &s, &e);
        if (rc)
            weir_problem(t, NULL, "%s", err_text(&e));
        else
            written_stream_free(s);
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
        rc = err_wrap(e, w->dirty ? writing_settle(w, t, e) : writing_conclude(w, e), "the streams change");
    for (size_t i = 0; i < n && !rc; i++) {
        written_stream *s;
        rc = written_stream_make(r, &b[i], &s, e);
        if (!rc && !reserve(w, (size_t)b[i].index + 1)) {
            written_stream_free(s);
            rc = err_nomem(e);
        }
        if (rc)
            break;
        written_stream *had = w->streams[b[i].index];
        s->begun = s->kept = view_is(pointer_find(state_of_binding(weir_state(t), s->state_key), VIEW("/begun")), "true");
        if (had && had->backfill == s->backfill) {
            s->begun |= had->begun;
            s->kept |= had->kept;
        }
        written_stream_free(had);
        w->streams[b[i].index] = s;
    }
    return rc;
}

/* The platform may have had another process apply (flow.md 5.5): then the bindings of this one say what there is. */
static weir_rc learn_streams(weir_task *t, airbyte_run *r, const weir_binding *b)
{
    size_t n;
    if (r->writing && b->index < r->writing->count && r->writing->streams[b->index])
        return WEIR_OK;
    const weir_binding *all = session_bindings(task_session(t), &n);
    return driven_apply(t, r, all, n);
}

static weir_rc driven_store(weir_task *t, void *self, const weir_row *rows, size_t n)
{
    airbyte_run *r = self;
    err *e = task_error(t);
    const weir_binding *b = n ? rows[0].binding : NULL;
    weir_rc rc = n ? learn_streams(t, r, b) : WEIR_OK;
    airbyte_writing *w = r->writing;
    if (rc || !n)
        return rc;
    if (!w->running)
        rc = writing_start(w, t, e);
    if (!rc)
        rc = writing_store(w, w->streams[b->index], rows, n, e);
    if (rc)
        writing_give_up(w);
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
        written_stream *s = w->streams[i];
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

static weir_rc driven_commit(weir_task *t, void *self, weir_view position)
{
    (void)position;
    airbyte_run *r = self;
    airbyte_writing *w = r->writing;
    weir_rc rc = w && w->running ? writing_settle(w, t, task_error(t)) : WEIR_OK;
    if (rc)
        writing_give_up(w);
    return rc || !w ? rc : keep_begun(w, t);
}

/* It ends with the session: what it makes of what it has confirmed, such as a table in its place, is judged, too (airbyte.md 3.4, 3.7). */
static weir_rc driven_finish(weir_task *t, void *self)
{
    airbyte_run *r = self;
    airbyte_writing *w = r->writing;
    err *e = task_error(t);
    if (!w || !w->running)
        return WEIR_OK;
    return err_wrap(e, writing_conclude(w, e), "everything was confirmed, but the destination has not ended well");
}

const weir_materialize airbyte_driven_materialize = {
    .validate = driven_validate,
    .apply = driven_apply,
    .store = driven_store,
    .commit = driven_commit,
    .finish = driven_finish,
    .relay = true,
};
