/* Starts the tasks of a catalog, each on a thread, watches them, ends them. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/stop.h"
#include "plane/refused.h"
#include "plane/work.h"

enum { PROGRESS_MS = 250, BACKOFF_FIRST_MS = 1000, BACKOFF_MAX_MS = 300000 };

static void report(worker *w, weir_rc rc, err *e)
{
    log_record(w->o->log, WEIR_ERROR, w->t->name, view_of(err_text(e)),
               (const log_field[]){{"code", view_of(rc_name(rc)), false}, {"who", view_of(rc_who(rc)), false}}, 2);
}

/* Waits, but not longer than until somebody stops us. @return false: stopped */
static bool rest(const worker *w, int64_t ms)
{
    struct pollfd stop = {w->stop_fd, POLLIN, 0};
    int64_t until = clock_ms() + ms, left;
    while (!worker_stopping(w) && (left = until - clock_ms()) > 0)
        (void)poll(&stop, 1, left < INT_MAX ? (int)left : INT_MAX);
    return !worker_stopping(w);
}

static weir_rc attempt(worker *w)
{
    err e = {0};
    static weir_rc (*const sessions[TASK_KINDS])(worker *, err *) = {
        [TASK_CAPTURE] = capture_session, [TASK_MATERIALIZE] = materialize_session, [TASK_DERIVE] = derive_session};
    weir_rc rc = sessions[w->t->kind](w, &e);
    if (rc == WEIR_STOPPED)
        rc = WEIR_OK;
    if (rc) {
        err_wrap(&e, rc, "%s %.*s", task_kind_name(w->t->kind), VIEW_ARG(w->t->name));
        report(w, rc, &e);
    }
    err_free(&e);
    return rc;
}

/* How long to wait for the next attempt: a capture by its interval, measured from start to start; after failures in a row, longer each time. One that
 * came after a long time of good work is the first of its row. */
static int64_t pause_after(const worker *w, int64_t lasted, int64_t *backoff)
{
    if (!w->rc || lasted >= BACKOFF_MAX_MS)
        *backoff = BACKOFF_FIRST_MS;
    if (!w->rc)
        return w->t->interval_ms - lasted;
    int64_t pause = *backoff;
    *backoff = pause * 2 < BACKOFF_MAX_MS ? pause * 2 : BACKOFF_MAX_MS;
    return pause;
}

/* Those who read what a task writes have to know whether it may write more. */
static void each_written(worker *w, void (*each)(ledger *, book *))
{
    for (size_t i = 0; w->t->kind != TASK_MATERIALIZE && i < w->t->binding_count; i++)
        each(w->l, ledger_book(w->l, w->t->bindings[i].collection->name));
}

/* Without --once: again and again. Who has to act is not us, so a wrong setting is tried again too: it may be mended meanwhile. */
static void *work(void *arg)
{
    worker *w = arg;
    int64_t backoff = BACKOFF_FIRST_MS;
    for (;;) {
        int64_t begun = clock_ms();
        w->rc = attempt(w);
        if (w->o->once || worker_stopping(w))
            break;
        worker_phase(w, w->rc ? "failed" : "waiting");
        if (!rest(w, pause_after(w, clock_ms() - begun, &backoff)))
            break;
    }
    each_written(w, ledger_end_writer);
    ledger_wake(w->l);
    atomic_store(&w->finished, true);
    worker_phase(w, w->rc ? "failed" : "done");
    return NULL;
}

/* ---- the run ---- */

typedef struct plane {
    const run_options *o;
    store *store;
    ledger ledger;
    worker *workers;
    size_t count;
    task_progress *shown;
    int news_fd;     /* eventfd: see worker */
    int64_t asked_ms; /* to stop, see stop_take() */
    bool moved;      /* since the progress was last shown */
    int64_t shown_ms, again_ms; /* when it was last shown, and when it shall be again though nothing moves */
} plane;

/* Does one of its collections refuse documents that wait to be put through again? @param name the task's, or that of its shard */
static weir_rc has_refused(const plane *p, const task *t, weir_view name, bool *ret, err *e)
{
    weir_rc rc = WEIR_OK;
    *ret = false;
    for (size_t i = 0; i < t->binding_count && !rc && !*ret; i++)
        rc = refused_waits(p->store, name, t->bindings[i].collection->name, ret, e);
    return rc;
}

static weir_rc any_has_refused(const plane *p, const task *t, bool *ret, err *e)
{
    arena a = {0};
    shards all;
    *ret = false;
    weir_rc rc = shards_find(p->store, t->name, 0, &a, NULL, NULL, &all, e);
    for (size_t i = 0; !rc && !*ret && i < all.count; i++)
        rc = has_refused(p, t, all.all[i].name, ret, e);
    arena_free(&a);
    return rc;
}

static weir_rc is_wanted(const plane *p, const task *t, bool *ret, err *e)
{
    *ret = p->o->only ? view_is(t->name, p->o->only) : !t->disabled;
    return *ret && p->o->replay ? any_has_refused(p, t, ret, e) : WEIR_OK;
}

static weir_rc no_event(err *e)
{
    return err_errno(e, errno, "cannot make an event");
}

typedef struct splitting {
    const plane *p;
    const task *t;
} splitting;

/* What was refused waits with the shard that refused it, and may be another one's afterwards. */
static weir_rc split_files(void *arg, weir_view from, weir_view to, err *e)
{
    const splitting *s = arg;
    bool waits = false;
    weir_rc rc = has_refused(s->p, s->t, from, &waits, e);
    if (!rc && waits)
        rc = err_fail(e, WEIR_E_CONFIG, "it cannot be cut further while documents that were refused wait: put them through again first, with weir replay");
    return rc || s->t->kind != TASK_DERIVE ? rc : derive_copy_state(s->p->o->data_dir, from, to, e);
}

static bool is_shuffled_by_lambda(const task *t)
{
    for (size_t i = 0; i < t->transform_count; i++)
        if (t->transforms[i].shuffle_lambda.len)
            return true;
    return false;
}

/* A destination of a protocol without ranges. */
static bool is_relay(const plane *p, const task *t)
{
    const endpoint *at = &t->endpoint;
    if (at->kind == ENDPOINT_LOCAL) {
        const protocol *spoken = protocol_find(at->protocol);
        return spoken && !spoken->shards;
    }
    const weir_connector *c = at->kind == ENDPOINT_NATIVE && p->o->natives ? p->o->natives(at->connector) : NULL;
    return c && c->materialize && c->materialize->relay;
}

/* Why a task stays in one piece. @return NULL: it need not; "": that goes without saying, a capture shares out its resources by itself */
static const char *whole_because(const plane *p, const task *t)
{
    if (t->kind == TASK_CAPTURE)
        return "";
    if (is_shuffled_by_lambda(t))
        return "its documents are shuffled by a lambda";
    return is_relay(p, t) ? "what it stores into gets documents in the order in which they came" : NULL;
}

/* One that was cut, and is not to be any more, cannot go on: what its shards have read is not what one would have. */
static weir_rc stay_whole(plane *p, worker *w, const char *why, err *e)
{
    weir_rc rc = shards_find(p->store, w->t->name, 0, &w->configs, NULL, NULL, &w->shards, e);
    if (!rc && w->shards.count > 1)
        return err_fail(e, WEIR_E_CONFIG, "it has %zu shards, and cannot be cut any more: %s", w->shards.count, why);
    if (!rc && p->o->shards > 1 && *why) {
        buf text = {0};
        buf_printf(&text, "stays in one piece: %s", why);
        log_record(p->o->log, WEIR_INFO, w->t->name, buf_view(&text), NULL, 0);
        buf_free(&text);
    }
    return rc;
}

static weir_rc cut_worker(plane *p, worker *w, err *e)
{
    splitting s = {p, w->t};
    const char *why = whole_because(p, w->t);
    weir_rc rc = why ? stay_whole(p, w, why, e) : shards_find(p->store, w->t->name, p->o->shards, &w->configs, split_files, &s, &w->shards, e);
    if (!rc && !(w->parts = calloc(w->shards.count, sizeof *w->parts)))
        rc = err_nomem(e);
    if (rc)
        w->shards = (shards){0}; /* it never begins, and has nothing to be shown or stopped */
    return err_wrap(e, rc, "%s %.*s", task_kind_name(w->t->kind), VIEW_ARG(w->t->name));
}

static weir_rc begin_worker(plane *p, const task *t, err *e)
{
    worker *w = &p->workers[p->count];
    *w = (worker){.t = t, .o = p->o, .l = &p->ledger, .begun_ms = clock_ms(), .news_fd = p->news_fd};
    w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->stop_fd < 0)
        return no_event(e);
    pthread_mutex_init(&w->lock, NULL);
    atomic_store(&w->phase, "starting");
    each_written(w, ledger_begin_writer);
    p->count++;
    return cut_worker(p, w, e);
}

/* A journal takes two descriptors, a reader two more, a process half a dozen. A catalog of a thousand collections needs more than is usually allowed at
 * first; more than that is not taken, since the processes we start inherit it. */
static void allow_descriptors(const plane *p)
{
    struct rlimit limit;
    rlim_t need = 64 + 2 * p->o->catalog->collection_count;
    for (size_t i = 0; i < p->count; i++) {
        const task *t = p->workers[i].t;
        need += p->workers[i].shards.count * (16 + 2 * (t->kind == TASK_MATERIALIZE ? t->binding_count : t->transform_count));
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= need)
        return;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || need < limit.rlim_max ? need : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* where it is not enough, opening says so */
}

static weir_rc begin_workers(plane *p, err *e)
{
    const catalog *c = p->o->catalog;
    p->workers = calloc(c->task_count ? c->task_count : 1, sizeof *p->workers);
    p->shown = calloc(c->task_count ? c->task_count : 1, sizeof *p->shown);
    if (!p->workers || !p->shown)
        return err_nomem(e);
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < c->task_count && !rc; i++) {
        bool wanted;
        rc = is_wanted(p, &c->tasks[i], &wanted, e);
        if (!rc && wanted)
            rc = begin_worker(p, &c->tasks[i], e);
    }
    allow_descriptors(p);
    if (!rc && !p->count && p->o->replay)
        log_line(p->o->log, WEIR_INFO, "nothing to put through again: no document was refused since");
    else if (!rc && !p->count)
        log_line(p->o->log, WEIR_WARN, "nothing to run: the catalog has no capture, derivation or materialization that is enabled");
    return rc;
}

/* Not before all are counted: who reads ends when nobody writes any more. */
static weir_rc start(plane *p, err *e)
{
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
    ledger_end(&p->ledger);
    for (size_t i = 0; i < p->count; i++)
        worker_stop(&p->workers[i]);
}

/* ---- with --once: captures that send no documents are done ---- */

/* How long one may be silent; negative: for ever. */
static int64_t patience(const plane *p, const worker *w)
{
    const endpoint *at = &w->t->endpoint;
    const protocol *spoken = at->kind == ENDPOINT_LOCAL ? protocol_find(at->protocol) : NULL;
    return p->o->idle_ms >= 0 ? p->o->idle_ms : spoken && spoken->ends ? -1 : IDLE_MS;
}

static bool may_be_idle(const plane *p, worker *w)
{
    return p->o->once && patience(p, w) >= 0 && w->t->kind == TASK_CAPTURE && !worker_stopping(w) && view_is(view_of(atomic_load(&w->phase)), "reading");
}

/* Documents that no checkpoint has sealed yet are something, too. */
static bool has_emitted(worker *w)
{
    uint64_t before = w->emitted;
    pthread_mutex_lock(&w->lock);
    if (w->parts[0].live)
        w->emitted = session_emitted(w->parts[0].live);
    pthread_mutex_unlock(&w->lock);
    return w->emitted != before;
}

/* Stops those that were silent for so long. @return when the next might be; INT64_MAX: none */
static int64_t stop_idle(plane *p)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < p->count; i++) {
        worker *w = &p->workers[i];
        if (!may_be_idle(p, w))
            continue;
        int64_t now = clock_ms(), silent = patience(p, w), due = atomic_load(&w->heard_ms) + silent;
        if (due <= now && (atomic_load(&w->waiting) || has_emitted(w)))
            due = now + silent;
        if (due <= now)
            worker_stop(w);
        else if (due < next)
            next = due;
    }
    return next;
}

/* ---- watching ---- */

/* Each shard reads all of its sources. */
static uint64_t lag_of(worker *w)
{
    uint64_t most = 0;
    for (size_t i = 0; i < w->shards.count; i++) {
        uint64_t lag = atomic_load(&w->parts[i].lag);
        most = lag > most ? lag : most;
    }
    return most;
}

static task_progress progress_of(worker *w)
{
    int64_t last = atomic_load(&w->last_ms);
    return (task_progress){
        .name = w->t->name, .kind = w->t->kind, .phase = atomic_load(&w->phase), .documents = atomic_load(&w->documents),
        .bytes = atomic_load(&w->bytes), .commits = atomic_load(&w->commits), .lag = lag_of(w),
        .busy_ms = last ? last - w->begun_ms : 0,
        .rc = atomic_load(&w->finished) ? w->rc : WEIR_OK,
    };
}

static void show(plane *p)
{
    int again = -1;
    for (size_t i = 0; p->o->progress && i < p->count; i++)
        p->shown[i] = progress_of(&p->workers[i]);
    if (p->o->progress)
        again = p->o->progress(p->o->progress_arg, p->shown, p->count);
    p->shown_ms = clock_ms();
    p->again_ms = again < 0 ? INT64_MAX : p->shown_ms + again;
    p->moved = false;
}

static int64_t show_at(const plane *p)
{
    int64_t moved_at = p->moved ? p->shown_ms + PROGRESS_MS : INT64_MAX;
    return moved_at < p->again_ms ? moved_at : p->again_ms;
}

static bool all_finished(const plane *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->workers[i].started && !atomic_load(&p->workers[i].finished))
            return false;
    return true;
}

/* Sleeps until there is news, a signal, or something to be done. */
static void await_news(plane *p, int64_t due)
{
    enum { STOP, NEWS, FDS };
    struct pollfd fds[FDS] = {{p->o->stop_fd, POLLIN, 0}, {p->news_fd, POLLIN, 0}};
    int64_t left = due == INT64_MAX ? -1 : due - clock_ms();
    uint64_t count;
    if (poll(fds, FDS, due == INT64_MAX ? -1 : left < 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX) <= 0)
        return;
    if (fds[NEWS].revents && read(p->news_fd, &count, sizeof count) > 0)
        p->moved = true;
    if (fds[STOP].revents && stop_take(p->o->stop_fd, &p->asked_ms))
        stop_all(p);
}

static weir_rc watch(plane *p)
{
    p->again_ms = INT64_MAX;
    while (!all_finished(p)) {
        int64_t idle_at = stop_idle(p), shown_at = show_at(p);
        await_news(p, idle_at < shown_at ? idle_at : shown_at);
        if (clock_ms() >= show_at(p))
            show(p);
    }
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < p->count; i++)
        if (p->workers[i].rc && !rc)
            rc = p->workers[i].rc;
    show(p);
    return rc;
}

static void end_workers(plane *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->workers[i].started)
            pthread_join(p->workers[i].thread, NULL);
        pthread_mutex_destroy(&p->workers[i].lock);
        arena_free(&p->workers[i].configs);
        free(p->workers[i].parts);
        close(p->workers[i].stop_fd);
    }
    free(p->workers);
    free(p->shown);
}

static weir_rc check_only(const run_options *o, err *e)
{
    const task *t;
    return o->only ? catalog_task(o->catalog, view_of(o->only), -1, &t, e) : WEIR_OK;
}

static weir_rc run(plane *p, err *e)
{
    weir_rc rc = ledger_open(&p->ledger, p->o->catalog, p->store, p->o->data_dir, p->o->log, e);
    if (!rc)
        rc = begin_workers(p, e);
    if (!rc)
        rc = start(p, e);
    if (rc)
        stop_all(p);
    weir_rc worst = watch(p);
    end_workers(p);
    ledger_close(&p->ledger);
    return rc || !worst ? rc : err_fail(e, worst, "a task failed, see above");
}

weir_rc plane_run(const run_options *o, err *e)
{
    plane p = {.o = o};
    weir_rc rc = check_only(o, e);
    if (rc)
        return rc;
    p.news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p.news_fd < 0)
        return no_event(e);
    rc = store_open(&p.store, o->data_dir, false, e);
    if (!rc)
        rc = run(&p, e);
    store_close(p.store);
    close(p.news_fd);
    return rc;
}
