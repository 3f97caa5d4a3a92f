/* A materialization: journals from its own offsets into a destination, transaction by transaction.
 *
 *     read committed lines -> combine by key -> (load, flush) -> store -> commit with the offsets -> weir.db -> acknowledge
 *
 * A destination that keeps the checkpoint itself (it called weir_resume) is believed over weir.db: its rows and its offsets are one transaction. For others
 * weir.db is told after the destination's commit: what was in between is stored a second time, by key. What a destination wants to remember instead
 * (weir_keep) goes into weir.db with the offsets: one that commits in two steps is told to make the second one when both are there.
 *
 * Documents that are parts (WEIR_UPDATE) and truncations, see combine.h: a destination that takes no parts gets whole documents made of what it holds, if it
 * can be asked; otherwise they are refused, as are truncations where it cannot expire rows.
 *
 * A destination that relays gets every document as it came. Each of its transactions may well be a process of its own: they grow, in several rounds of read and
 * store, until nothing is left to read, or RELAY_BYTES, or RELAY_MS.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "plane/materialize_parts.h"

enum { RELAY_BYTES = 256 << 20, RELAY_MS = 60000 };

/* May the transaction take another round? */
static bool may_grow(const materialization *m, const transaction *x)
{
    return m->relay && x->bytes < RELAY_BYTES && clock_ms() - x->begun_ms < RELAY_MS && !worker_halting(m->w);
}

/* Reads what there is, up to the size of a transaction, and stores it. */
static weir_rc transact(materialization *m, bool *ret_any, bool *ret_widened, err *e)
{
    transaction x = {.begun_ms = clock_ms()};
    uint64_t bytes = 0;
    *ret_any = *ret_widened = false;
    weir_rc rc;
    do {
        rc = materialize_read(m, &x, &bytes, ret_widened, e);
        x.passed += bytes;
        worker_lag(m->w, m->shard->index, x.lag + x.passed);
        if (rc || !bytes)
            break;
        worker_phase(m->w, "loading");
        rc = materialize_store(m, &x, e);
    } while (!rc && !*ret_widened && may_grow(m, &x));
    if (rc || !x.passed)
        return rc;
    rc = materialize_commit(m, &x, e);
    worker_lag(m->w, m->shard->index, x.lag);
    *ret_any = !rc;
    return rc;
}

/* The ledger's lock is held. */
static bool has_writers(const materialization *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->sources[i].b->writers)
            return true;
    return false;
}

/* Everything committed was read, and nothing more will come. */
static bool finished(materialization *m)
{
    worker *w = m->w;
    bool widened = false;
    pthread_mutex_lock(&w->l->lock);
    bool over = w->o->once && !has_writers(m);
    pthread_mutex_unlock(&w->l->lock);
    if (!over)
        return false;
    for (size_t i = 0; i < m->count; i++)
        if (materialize_limit(m, &m->sources[i], &widened) > m->sources[i].at || widened)
            return false;
    return true;
}

/* Is there something to read, or a schema to reckon with? The ledger's lock is held. */
static bool has_more(const materialization *m)
{
    for (size_t i = 0; i < m->count; i++) {
        const source *s = &m->sources[i];
        if (materialize_has_more(m, s) || s->version != s->b->version)
            return true;
    }
    return false;
}

/* Is there something that it must wait for other shards to read? */
static bool is_held(const materialization *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->sources[i].held)
            return true;
    return false;
}

static void wait_for_more(materialization *m)
{
    ledger *l = m->w->l;
    worker_phase(m->w, "waiting");
    pthread_mutex_lock(&l->lock);
    while (!l->ending && !worker_halting(m->w) && !(m->w->o->once && !has_writers(m) && !is_held(m)) && !has_more(m))
        ledger_wait(l);
    pthread_mutex_unlock(&l->lock);
}

static weir_rc work(materialization *m, bool *ret_done, err *e)
{
    bool any, widened;
    for (;;) {
        weir_rc rc = transact(m, &any, &widened, e);
        if (rc || widened || worker_halting(m->w))
            return rc;
        if (!any && m->unsettled) /* the second step of the last commit may still be on its way */
            rc = materialize_acknowledge(m, e);
        m->unsettled = any;
        *ret_done = !rc && !any && (m->w->o->replay || finished(m));
        if (rc || *ret_done)
            return rc;
        if (!any)
            wait_for_more(m);
    }
}

static weir_rc work_shard(void *arg, bool *ret_done, err *e)
{
    materialization *m = arg;
    weir_rc rc = work(m, ret_done, e);
    return rc || worker_stopping(m->w) ? rc : session_finish(m->s, e);
}

/* One after the other: the first one makes the tables. */
static weir_rc open_all(materialization *all, err *e)
{
    weir_rc rc = WEIR_OK;
    worker_phase(all->w, "starting");
    for (size_t i = 0; !rc && !all->again && i < all->w->shards.count; i++) {
        rc = materialize_open(&all[i], e);
        all->again |= all[i].again;
    }
    return rc;
}

static weir_rc run_all(materialization *all, void *const *each, bool *ret_done, err *e)
{
    worker *w = all->w;
    weir_rc rc = open_all(all, e);
    *ret_done = !rc && all->f->disabled;
    if (!rc && !all->again)
        rc = worker_share(w, work_shard, each, ret_done, e);
    for (size_t i = 0; i < w->shards.count; i++) {
        worker_live(w, i, NULL);
        materialize_close(&all[i]);
    }
    return rc;
}

weir_rc materialize_session(worker *w, err *e)
{
    fields f = {0};
    materialization *all = calloc(w->shards.count, sizeof *all);
    void **each = calloc(w->shards.count, sizeof *each);
    bool done = false;
    weir_rc rc = all && each ? fields_init(&f, w->t, w->l->store, w->o->log, e) : err_nomem(e);
    for (size_t i = 0; !rc && i < w->shards.count; i++)
        *(materialization *)(each[i] = &all[i]) =
            (materialization){.base = {&materialize_ops}, .w = w, .shard = &w->shards.all[i], .all = all, .f = &f};
    while (!rc && !done && !worker_stopping(w)) /* again whenever an inferred schema has widened: columns are added */
        rc = run_all(all, each, &done, e);
    fields_free(&f);
    free(all);
    free(each);
    return rc;
}
