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
#include "base/clock.h"
#include "plane/materialize_parts.h"

enum { RELAY_BYTES = 256 << 20, RELAY_MS = 60000 };

/* May the transaction take another round? */
static bool may_grow(const materialization *m, const transaction *x)
{
    return m->relay && x->bytes < RELAY_BYTES && clock_ms() - x->begun_ms < RELAY_MS && !worker_stopping(m->w);
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
        x.bytes += bytes;
        atomic_store(&m->w->lag, x.lag + x.bytes);
        if (rc || !bytes)
            break;
        worker_phase(m->w, "loading");
        rc = materialize_store(m, &x, e);
    } while (!rc && !*ret_widened && may_grow(m, &x));
    if (rc || !x.bytes)
        return rc;
    rc = materialize_commit(m, &x, e);
    atomic_store(&m->w->lag, x.lag);
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
    for (size_t i = 0; i < m->count; i++)
        if (m->sources[i].b->committed > m->sources[i].at || m->sources[i].version != m->sources[i].b->version)
            return true;
    return false;
}

static void wait_for_more(materialization *m)
{
    ledger *l = m->w->l;
    worker_phase(m->w, "waiting");
    pthread_mutex_lock(&l->lock);
    while (!l->ending && !(m->w->o->once && !has_writers(m)) && !has_more(m))
        ledger_wait(l);
    pthread_mutex_unlock(&l->lock);
}

static weir_rc work(materialization *m, err *e)
{
    bool any, widened;
    for (;;) {
        weir_rc rc = transact(m, &any, &widened, e);
        if (rc || widened)
            return rc;
        if (worker_stopping(m->w))
            return WEIR_OK;
        if (!any && m->unsettled) /* the second step of the last commit may still be on its way */
            rc = materialize_acknowledge(m, e);
        m->unsettled = any;
        if (rc || (!any && (m->w->o->replay || finished(m))))
            return rc;
        if (!any)
            wait_for_more(m);
    }
}

static weir_rc run_session(materialization *m, err *e)
{
    worker *w = m->w;
    worker_phase(w, "starting");
    weir_rc rc = materialize_open(m, e);
    if (rc || m->again)
        return rc;
    rc = work(m, e);
    return rc || worker_stopping(w) ? rc : session_finish(m->s, e);
}

weir_rc materialize_session(worker *w, err *e)
{
    fields f;
    materialization m = {.base = {&materialize_ops}, .w = w, .f = &f};
    weir_rc rc = fields_init(&f, w->t, w->l->store, w->o->log, e);
    for (bool more = !rc; more;) { /* again whenever an inferred schema has widened: columns are added */
        rc = run_session(&m, e);
        worker_live(w, NULL);
        more = !rc && !worker_stopping(w) && !w->o->replay && !f.disabled && (m.again || !finished(&m));
        materialize_close(&m);
    }
    fields_free(&f);
    return rc;
}
