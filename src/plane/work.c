/* What the tasks of a run do alike: they say what they do, are stopped, and share their work among their shards. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "plane/settings.h"
#include "plane/work.h"

static void raise_event(int fd)
{
    uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof one);
    (void)n; /* full means: it is raised */
}

void worker_phase(worker *w, const char *phase)
{
    atomic_store(&w->phase, phase);
    raise_event(w->news_fd);
}

void worker_committed(worker *w, uint64_t documents, uint64_t bytes)
{
    atomic_store(&w->last_ms, clock_ms());
    atomic_fetch_add(&w->documents, documents);
    atomic_fetch_add(&w->bytes, bytes);
    atomic_fetch_add(&w->commits, 1);
    raise_event(w->news_fd);
}

int64_t worker_now(const worker *w)
{
    int64_t seconds;
    uint32_t nanos;
    if (w->o->now)
        return w->o->now(w->o->now_arg);
    clock_now(&seconds, &nanos);
    return seconds;
}

bool worker_stopping(const worker *w) { return atomic_load(&w->stop); }

bool worker_halting(const worker *w) { return atomic_load(&w->halt) || worker_stopping(w); }

void worker_lag(worker *w, size_t part, uint64_t bytes) { atomic_store(&w->parts[part].lag, bytes); }

void worker_live(worker *w, size_t part, session *s)
{
    pthread_mutex_lock(&w->lock);
    w->parts[part].live = s;
    if (s && worker_stopping(w))
        session_stop(s);
    pthread_mutex_unlock(&w->lock);
}

weir_rc worker_config(worker *w, weir_task *t, weir_view config)
{
    tree *parsed = NULL;
    pthread_mutex_lock(&w->lock);
    weir_rc rc = tree_parse(&w->configs, config, NULL, WEIR_E_PROTOCOL, &parsed, task_error(t));
    if (!rc) {
        w->config = parsed;
        settings_keep(&w->t->endpoint, config, w->o->log, w->t->name, &w->told_config);
    }
    pthread_mutex_unlock(&w->lock);
    return rc;
}

const tree *worker_settings(worker *w)
{
    pthread_mutex_lock(&w->lock);
    const tree *config = w->config ? w->config : w->t->endpoint.config;
    pthread_mutex_unlock(&w->lock);
    return config;
}

/* The signal itself is taken once, by the main thread: every worker needs an event of its own. */
void worker_stop(worker *w)
{
    atomic_store(&w->stop, true);
    raise_event(w->stop_fd);
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->shards.count; i++)
        if (w->parts[i].live)
            session_stop(w->parts[i].live);
    pthread_mutex_unlock(&w->lock);
}

typedef struct share { /* of the work, on a thread */
    worker *w;
    weir_rc (*work)(void *shard, bool *ret_done, err *e);
    void *shard;
    pthread_t thread;
    bool done;
    err e;
} share;

static void *work_share(void *arg)
{
    share *s = arg;
    weir_rc rc = s->work(s->shard, &s->done, &s->e);
    if (rc || !s->done) {
        atomic_store(&s->w->halt, true);
        ledger_wake(s->w->l);
    }
    return NULL;
}

static weir_rc end_share(share *s, weir_rc rc, bool *done, err *e)
{
    *done &= s->done;
    if (s->e.rc && s->e.rc != WEIR_STOPPED && !rc)
        rc = err_move(e, &s->e);
    err_free(&s->e);
    return rc;
}

weir_rc worker_share(worker *w, weir_rc (*work)(void *shard, bool *ret_done, err *e), void *const *each, bool *ret_done, err *e)
{
    size_t started = 1;
    weir_rc rc = WEIR_OK;
    share *all = calloc(w->shards.count, sizeof *all);
    if (!all)
        return err_nomem(e);
    atomic_store(&w->halt, false);
    *ret_done = true;
    for (size_t i = 0; i < w->shards.count; i++)
        all[i] = (share){.w = w, .work = work, .shard = each[i]};
    for (; !rc && started < w->shards.count; started += !rc) {
        int failure = pthread_create(&all[started].thread, NULL, work_share, &all[started]);
        if (failure)
            rc = err_errno(e, failure, "cannot start a thread");
    }
    if (rc)
        atomic_store(&w->halt, true);
    work_share(&all[0]);
    for (size_t i = 1; i < started; i++)
        pthread_join(all[i].thread, NULL);
    for (size_t i = 0; i < started; i++)
        rc = end_share(&all[i], rc, ret_done, e);
    free(all);
    return rc;
}
