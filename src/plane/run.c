/* Starts the tasks of a catalog, each on a thread, watches them, ends them. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/stop.h"
#include "plane/work.h"

enum { TICK_MS = 100, PROGRESS_MS = 250, BACKOFF_FIRST_MS = 1000, BACKOFF_MAX_MS = 300000 };

void worker_phase(worker *w, const char *phase) { atomic_store(&w->phase, phase); }

void worker_committed(worker *w, uint64_t documents, uint64_t bytes)
{
    int64_t now = clock_ms();
    if (!atomic_load(&w->first_ms))
        atomic_store(&w->first_ms, now);
    atomic_store(&w->last_ms, now);
    atomic_fetch_add(&w->documents, documents);
    atomic_fetch_add(&w->bytes, bytes);
    atomic_fetch_add(&w->commits, 1);
}

bool worker_stopping(worker *w) { return atomic_load(&w->stop); }

void worker_live(worker *w, session *s)
{
    pthread_mutex_lock(&w->lock);
    w->live = s;
    if (s && worker_stopping(w))
        session_stop(s);
    pthread_mutex_unlock(&w->lock);
}

/* The signal itself is taken once, by the main thread: every worker needs an event of its own. */
static void stop_worker(worker *w)
{
    uint64_t one = 1;
    atomic_store(&w->stop, true);
    ssize_t n = write(w->stop_fd, &one, sizeof one);
    (void)n; /* an eventfd that is hardly ever written takes it */
    worker_live(w, w->live);
}

static void report(worker *w, weir_rc rc, err *e)
{
    log_record(w->o->log, WEIR_ERROR, w->t->name, view_of(err_text(e)),
               (const log_field[]){{"code", view_of(rc_name(rc)), false}, {"who", view_of(rc_who(rc)), false}}, 2);
}

/* Waits, but not longer than until somebody stops us. @return false: stopped */
static bool rest(worker *w, int64_t ms)
{
    int64_t until = clock_ms() + ms;
    worker_phase(w, "waiting");
    pthread_mutex_lock(&w->l->lock);
    while (!worker_stopping(w) && !w->l->ending) {
        int64_t left = until - clock_ms();
        if (left <= 0)
            break;
        ledger_wait(w->l, left > 1000 ? 1000 : (int)left);
    }
    pthread_mutex_unlock(&w->l->lock);
    return !worker_stopping(w);
}

static weir_rc attempt(worker *w)
{
    err e = {0};
    weir_rc rc = w->t->kind == TASK_CAPTURE ? capture_session(w, &e) : materialize_session(w, &e);
    if (rc == WEIR_STOPPED)
        rc = WEIR_OK;
    if (rc) {
        err_wrap(&e, rc, "%s %.*s", w->t->kind == TASK_CAPTURE ? "capture" : "materialization", VIEW_ARG(w->t->name));
        report(w, rc, &e);
    }
    err_free(&e);
    return rc;
}

/* Without --once: again and again; a capture by its interval, measured from start to start, and after failures with growing pauses. Who has to act is not
 * us, so a wrong setting is tried again too: it may be mended meanwhile. */
static void *work(void *arg)
{
    worker *w = arg;
    int64_t pause = BACKOFF_FIRST_MS;
    for (;;) {
        int64_t begun = clock_ms();
        w->rc = attempt(w);
        if (w->o->once || worker_stopping(w))
            break;
        int64_t wait = w->rc ? pause : w->t->interval_ms - (clock_ms() - begun);
        pause = w->rc ? (pause * 2 < BACKOFF_MAX_MS ? pause * 2 : BACKOFF_MAX_MS) : BACKOFF_FIRST_MS;
        if (w->rc)
            worker_phase(w, "failed");
        if (!rest(w, wait > 0 ? wait : 0))
            break;
    }
    worker_phase(w, w->rc ? "failed" : "done");
    if (w->t->kind == TASK_CAPTURE)
        atomic_fetch_sub(w->captures_running, 1);
    atomic_store(&w->finished, true);
    pthread_mutex_lock(&w->l->lock);
    pthread_cond_broadcast(&w->l->changed);
    pthread_mutex_unlock(&w->l->lock);
    return NULL;
}

/* ---- the run ---- */

typedef struct plane {
    const run_options *o;
    store *store;
    ledger ledger;
    worker *workers;
    size_t count;
    atomic_size_t captures_running;
    task_progress *shown;
    bool stopping;
    int64_t shown_ms;
} plane;

static bool wanted(const run_options *o, const task *t)
{
    return o->only ? view_is(t->name, o->only) : !t->disabled;
}

static bool begin_worker(plane *p, const task *t)
{
    worker *w = &p->workers[p->count++];
    *w = (worker){.t = t, .o = p->o, .l = &p->ledger, .captures_running = &p->captures_running, .begun_ms = clock_ms()};
    pthread_mutex_init(&w->lock, NULL);
    atomic_store(&w->phase, "starting");
    atomic_store(&w->heard_ms, clock_ms());
    w->stop_fd = eventfd(0, EFD_CLOEXEC);
    return w->stop_fd >= 0;
}

static weir_rc start(plane *p, err *e)
{
    const catalog *c = p->o->catalog;
    p->workers = calloc(c->task_count ? c->task_count : 1, sizeof *p->workers);
    p->shown = calloc(c->task_count ? c->task_count : 1, sizeof *p->shown);
    if (!p->workers || !p->shown)
        return err_nomem(e);
    for (size_t i = 0; i < c->task_count; i++)
        if (wanted(p->o, &c->tasks[i]) && !begin_worker(p, &c->tasks[i]))
            return err_errno(e, errno, "cannot make an event");
    for (size_t i = 0; i < p->count; i++)
        if (p->workers[i].t->kind == TASK_CAPTURE)
            atomic_fetch_add(&p->captures_running, 1);
    for (size_t i = 0; i < p->count; i++) {
        int failure = pthread_create(&p->workers[i].thread, NULL, work, &p->workers[i]);
        if (failure)
            return err_errno(e, failure, "cannot start a thread");
        p->workers[i].started = true;
    }
    return WEIR_OK;
}

static void stop_all(plane *p)
{
    p->stopping = true;
    for (size_t i = 0; i < p->count; i++)
        stop_worker(&p->workers[i]);
    ledger_end(&p->ledger);
}

/* With --once: a capture that has said nothing for so long is done. */
static void stop_idle(plane *p)
{
    for (size_t i = 0; p->o->once && i < p->count; i++) {
        worker *w = &p->workers[i];
        if (w->t->kind == TASK_CAPTURE && !worker_stopping(w) && view_is(view_of(atomic_load(&w->phase)), "reading") &&
            clock_ms() - atomic_load(&w->heard_ms) >= p->o->idle_ms)
            stop_worker(w);
    }
}

static void show(plane *p, bool last)
{
    int64_t now = clock_ms();
    if (!p->o->progress || (!last && now - p->shown_ms < PROGRESS_MS))
        return;
    p->shown_ms = now;
    for (size_t i = 0; i < p->count; i++) {
        worker *w = &p->workers[i];
        int64_t first = atomic_load(&w->first_ms);
        p->shown[i] = (task_progress){
            .name = w->t->name, .kind = w->t->kind, .phase = atomic_load(&w->phase), .documents = atomic_load(&w->documents),
            .bytes = atomic_load(&w->bytes), .commits = atomic_load(&w->commits), .lag = atomic_load(&w->lag),
            .busy_ms = first ? atomic_load(&w->last_ms) - w->begun_ms : 0,
            .rc = atomic_load(&w->finished) ? w->rc : WEIR_OK,
        };
    }
    p->o->progress(p->o->progress_arg, p->shown, p->count);
}

static bool all_finished(const plane *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->workers[i].started && !atomic_load(&p->workers[i].finished))
            return false;
    return true;
}

/* Sleeps until something happens: a signal, a commit, the next tick. */
static void tick(plane *p)
{
    struct pollfd fd = {p->o->stop_fd, POLLIN, 0};
    if (poll(&fd, 1, TICK_MS) > 0 && stop_take(p->o->stop_fd))
        stop_all(p);
}

static weir_rc watch(plane *p)
{
    while (!all_finished(p)) {
        tick(p);
        stop_idle(p);
        show(p, false);
    }
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < p->count; i++)
        if (p->workers[i].rc && !rc)
            rc = p->workers[i].rc;
    show(p, true);
    return rc;
}

static weir_rc check_only(const run_options *o, err *e)
{
    const task *t;
    return o->only ? catalog_task(o->catalog, view_of(o->only), -1, &t, e) : WEIR_OK;
}

weir_rc plane_run(const run_options *o, err *e)
{
    plane p = {.o = o};
    weir_rc rc = check_only(o, e);
    if (!rc)
        rc = store_open(&p.store, o->data_dir, false, e);
    if (rc)
        return rc;
    rc = ledger_open(&p.ledger, o->catalog, p.store, o->data_dir, e);
    if (!rc)
        rc = start(&p, e);
    if (rc)
        stop_all(&p);
    weir_rc worst = watch(&p);
    for (size_t i = 0; i < p.count; i++) {
        if (p.workers[i].started)
            pthread_join(p.workers[i].thread, NULL);
        pthread_mutex_destroy(&p.workers[i].lock);
        if (p.workers[i].stop_fd >= 0)
            close(p.workers[i].stop_fd);
    }
    ledger_close(&p.ledger);
    store_close(p.store);
    free(p.workers);
    free(p.shown);
    if (!rc && worst)
        rc = err_fail(e, worst, "a task failed, see above");
    return rc;
}
