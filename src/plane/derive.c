/* A derivation: journals from its own offsets through a connector into the journal of its collection, transaction by transaction.
 *
 *     read committed pieces -> connector -> published documents checked, combined by key -> journal, fsync -> commit of the connector -> weir.db
 *
 * Pieces (intake.h) come in the order of their transforms' priority, then of the time at which they were published and their readDelay is over.
 *
 * The checkpoint that the connector is given to commit (position.h) holds the offsets in what is read and the new length of our own journal. One that keeps it
 * with its state (it called weir_resume) is believed over weir.db: what it has committed did happen, and the documents that belong to it were on the disk before.
 * So its commit is the moment that counts, and weir.db follows, at the next start if need be: exactly once across both. For others weir.db holds the state, the
 * offsets and the length, in one transaction.
 */
#include <stdlib.h>

#include "plane/derive_parts.h"

enum { TXN_BYTES = 16 << 20, PIECE_BYTES = 256 << 10, HOUR = 3600 /* seconds; whoever waits longer looks at the clock in between */ };

/* ---- reading ---- */

typedef struct amount {
    uint64_t bytes;  /* of documents that were for us */
    uint64_t passed; /* of the journals */
} amount;

/* How far there is something to read, of all at the same moment. @return false: a schema has widened, and the session has to begin anew */
static bool take_limits(deriving *v)
{
    ledger *l = v->w->l;
    bool same = true;
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < v->count; i++) {
        v->sources[i].limit = v->sources[i].b->committed;
        same &= v->sources[i].version == v->sources[i].b->version;
    }
    pthread_mutex_unlock(&l->lock);
    return same;
}

/* The source whose piece is next. @param ret NULL: there is none, or all wait */
static weir_rc next_source(deriving *v, int64_t now, source **ret, piece *ret_piece, err *e)
{
    *ret = NULL;
    v->due = INT64_MAX;
    for (size_t i = 0; i < v->count; i++) {
        source *s = &v->sources[i];
        piece p;
        weir_rc rc = intake_peek(s->in, s->limit, &p, e);
        if (rc)
            return rc;
        int64_t due = transform_due(s->x, p.second);
        if (p.from == p.to)
            continue;
        if (due > now) {
            v->due = due < v->due ? due : v->due;
        } else if (!*ret || transform_before(s->x, p.second, (*ret)->x, ret_piece->second)) {
            *ret = s;
            *ret_piece = p;
        }
    }
    return WEIR_OK;
}

static weir_rc read_piece(deriving *v, source *s, const piece *p, amount *read, err *e)
{
    buf_clear(&v->lines);
    weir_rc rc = intake_read(s->in, p, PIECE_BYTES, &v->lines, e);
    read->passed += intake_at(s->in) - p->from;
    read->bytes += v->lines.len;
    return rc ? rc : derivation_read(v->d, (size_t)(s - v->sources), buf_view(&v->lines), p->second, e);
}

/* What is refused is in memory until the commit. */
static size_t refused_waiting(const deriving *v) { return v->aside ? refused_bytes(v->aside) : 0; }

static weir_rc read_round(deriving *v, amount *ret, err *e)
{
    int64_t now = worker_now(v->w);
    source *s;
    piece p;
    *ret = (amount){0};
    weir_rc rc;
    do {
        rc = next_source(v, now, &s, &p, e);
        if (!rc && s) {
            if (!ret->passed)
                worker_phase(v->w, "reading");
            rc = read_piece(v, s, &p, ret, e);
        }
    } while (!rc && s && ret->passed < TXN_BYTES && refused_waiting(v) < TXN_BYTES && !worker_halting(v->w));
    return rc;
}

static uint64_t lag_of(const deriving *v)
{
    uint64_t lag = 0;
    for (size_t i = 0; i < v->count; i++)
        lag += v->sources[i].limit - intake_at(v->sources[i].in);
    return lag;
}

static weir_rc transact(deriving *v, bool *ret_any, err *e)
{
    amount read;
    uint64_t before = derivation_documents(v->d);
    *ret_any = false;
    weir_rc rc = read_round(v, &read, e);
    worker_lag(v->w, v->shard->index, lag_of(v) + read.passed);
    if (rc || !read.passed)
        return rc;
    rc = derivation_flush(v->d, e);
    if (!rc)
        rc = derive_commit(v, derivation_documents(v->d) - before, read.bytes, e);
    worker_lag(v->w, v->shard->index, lag_of(v));
    *ret_any = !rc;
    return rc;
}

/* ---- a session ---- */

/* The ledger's lock is held. */
static bool has_more(const deriving *v)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->sources[i].b->committed > v->sources[i].limit || v->sources[i].version != v->sources[i].b->version)
            return true;
    return false;
}

/* Waits for documents, or until those that wait may be read. @return false: with --once, nothing more will come */
static bool wait_for_more(deriving *v)
{
    ledger *l = v->w->l;
    bool more, over;
    worker_phase(v->w, "waiting");
    pthread_mutex_lock(&l->lock);
    for (;;) {
        more = has_more(v);
        over = !more && v->w->o->once && !derive_has_writers(v);
        int64_t left = v->due == INT64_MAX ? INT64_MAX : v->due - worker_now(v->w);
        if (more || over || l->ending || worker_halting(v->w) || left <= 0)
            break;
        ledger_wait_for(l, (left < HOUR ? left : HOUR) * 1000);
    }
    pthread_mutex_unlock(&l->lock);
    return !over;
}

static weir_rc work(deriving *v, bool *ret_done, err *e)
{
    bool any;
    while (take_limits(v)) {
        weir_rc rc = transact(v, &any, e);
        if (rc || worker_halting(v->w))
            return rc;
        if (!any && !wait_for_more(v)) {
            *ret_done = true;
            return WEIR_OK;
        }
    }
    return WEIR_OK; /* there are more fields: it begins anew */
}

/* What was refused is published once more: it is valid by now, or refused again. */
static weir_rc replay(deriving *v, bool *ret_done, err *e)
{
    size_t count;
    weir_rc rc;
    do {
        buf_clear(&v->lines);
        rc = refused_read(v->again, &v->lines, &count, e);
        for (weir_view rest = buf_view(&v->lines); rest.len && !rc;) {
            size_t len = (size_t)((const char *)memchr(rest.ptr, '\n', rest.len) - rest.ptr);
            rc = derive_published(v, (weir_view){rest.ptr, len}, e);
            rest = view_from(rest, len + 1);
        }
        if (!rc && count)
            rc = derive_commit(v, count, v->lines.len, e);
    } while (!rc && count && !worker_halting(v->w));
    *ret_done = !rc && !count;
    return rc;
}

static weir_rc work_shard(void *arg, bool *ret_done, err *e)
{
    deriving *v = arg;
    return v->w->o->replay ? replay(v, ret_done, e) : work(v, ret_done, e);
}

/* One after the other, before any of them commits: what one committed last may not be known here yet, and is part of the journal that all of them write. */
static weir_rc open_all(deriving *all, bool *ret_ready, err *e)
{
    worker *w = all->w;
    weir_rc rc = WEIR_OK;
    *ret_ready = true;
    for (size_t i = 0; !rc && *ret_ready && i < w->shards.count; i++) {
        deriving *v = &all[i];
        rc = derive_find_sources(v, e);
        *ret_ready = !rc && derive_await_schemas(v);
        if (*ret_ready)
            rc = derive_open(v, e);
    }
    if (!rc && *ret_ready)
        ledger_settle(w->l, all->out);
    return rc;
}

static weir_rc run_all(deriving *all, void *const *each, bool *ret_done, err *e)
{
    worker *w = all->w;
    bool ready;
    worker_phase(w, "starting");
    weir_rc rc = open_all(all, &ready, e);
    *ret_done = !ready;
    if (!rc && ready)
        rc = worker_share(w, work_shard, each, ret_done, e);
    for (size_t i = 0; i < w->shards.count; i++)
        derive_close(&all[i]);
    return rc;
}

weir_rc derive_session(worker *w, err *e)
{
    deriving *all = calloc(w->shards.count, sizeof *all);
    void **each = calloc(w->shards.count, sizeof *each);
    bool done = false;
    weir_rc rc = all && each ? WEIR_OK : err_nomem(e);
    for (size_t i = 0; !rc && i < w->shards.count; i++)
        *(deriving *)(each[i] = &all[i]) = (deriving){.w = w, .shard = &w->shards.all[i], .out = ledger_book(w->l, w->t->name)};
    while (!rc && !done && !worker_stopping(w)) /* again whenever an inferred schema has widened: there are more fields */
        rc = run_all(all, each, &done, e);
    free(all);
    free(each);
    return rc;
}
