/* A capture: documents from a connector into journals, with its state.
 *
 *     lane buffers --seal--> journals (written, not committed) --commit--> fsync + weir.db --> acknowledged
 *
 * A seal moves a lane's documents behind those of other lanes and merges its state; it is cheap. A commit makes everything sealed so far durable in
 * one go: journals first, then one transaction of weir.db that says how long they are and what the state is. Commits happen on a thread of their own,
 * COMMIT_MS (or shards.maxTxnDuration) after the first seal or at once when COMMIT_BYTES wait, so that a connector may set checkpoints as often as it likes.
 * One that wants acknowledgements may well wait for each of them: its seals are gathered no longer than the last commit took.
 */
#include <stdlib.h>

#include "plane/capture_parts.h"

bool capture_is_first_aside(const capture *c, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (c->aside[k] == c->aside[i])
            return false;
    return c->aside[i] != NULL;
}

static int by_address(const void *a, const void *b)
{
    const book *const *x = a, *const *y = b;
    return (*x > *y) - (*x < *y); /* books lie sorted by name */
}

static weir_rc make_aside(capture *c, size_t i, err *e)
{
    const task *t = c->w->t;
    if (t->bindings[i].on_invalid != INVALID_DIVERT)
        return WEIR_OK;
    if (gate_redacts(c->gates[i]))
        return gate_no_aside(t->bindings[i].collection, e);
    for (size_t k = 0; k < i && !c->aside[i]; k++)
        if (c->of_binding[k] == c->of_binding[i])
            c->aside[i] = c->aside[k];
    return c->aside[i] ? WEIR_OK : refused_make(&c->aside[i], c->w->l->store, c->w->l->data_dir, t->name, t->bindings[i].collection->name, e);
}

void capture_free_gates(capture *c)
{
    for (size_t i = 0; c->aside && i < c->binding_count; i++) {
        gate_free(c->gates[i]);
        if (capture_is_first_aside(c, i))
            refused_free(c->aside[i]);
    }
}

/* Which journals the bindings write to. */
weir_rc capture_find_books(capture *c, arena *a, err *e)
{
    const task *t = c->w->t;
    c->binding_count = t->binding_count;
    c->of_binding = arena_array(a, t->binding_count, sizeof *c->of_binding);
    c->books = arena_array(a, t->binding_count, sizeof(book *));
    c->sealed = arena_array(a, t->binding_count, sizeof *c->sealed);
    c->gates = arena_array(a, t->binding_count, sizeof(gate *));
    c->aside = c->gates ? arena_array(a, t->binding_count, sizeof(refused *)) : NULL;
    if (a->failed)
        return err_nomem(e);
    for (size_t i = 0; i < t->binding_count; i++) {
        const collection *k = t->bindings[i].collection;
        c->of_binding[i] = c->books[i] = ledger_book(c->w->l, k->name);
        weir_rc rc = gate_make(&c->gates[i], k, t->redact_salt, e);
        if (!rc)
            rc = make_aside(c, i, e);
        if (!rc)
            rc = ledger_check(c->w->l, c->books[i], e);
        if (rc)
            return rc;
    }
    qsort(c->books, t->binding_count, sizeof *c->books, by_address);
    for (size_t i = 0; i < t->binding_count; i++)
        if (!c->book_count || c->books[c->book_count - 1] != c->books[i])
            c->books[c->book_count++] = c->books[i];
    return WEIR_OK;
}

static weir_rc pull(capture *c, err *e)
{
    pthread_t thread;
    int failure = pthread_create(&thread, NULL, capture_committer, c);
    if (failure)
        return err_errno(e, failure, "cannot start a thread");
    weir_rc rc = session_pull(c->s, e);
    pthread_mutex_lock(&c->lock);
    c->done = true;
    pthread_cond_signal(&c->due);
    pthread_mutex_unlock(&c->lock);
    pthread_join(thread, NULL);
    if (c->failure.rc && (!rc || rc == WEIR_STOPPED))
        rc = err_move(e, &c->failure);
    return rc;
}

static void now_live(void *arg, session *s)
{
    worker_live(arg, 0, s);
}

static weir_rc run(capture *c, const prepared *p, err *e)
{
    arena a = {0};
    weir_view state = {0};
    weir_rc rc = capture_find_books(c, &a, e);
    if (!rc)
        rc = store_state(c->w->l->store, c->w->t->name, &a, &state, e);
    if (!rc) {
        buf_addv(&c->state, state);
        c->s = buf_ok(&c->state) ? prepared_session(p, &c->base, e) : NULL;
        rc = c->s ? WEIR_OK : err_nomem(e);
    }
    worker_live(c->w, 0, c->s);
    if (!rc)
        rc = session_open(c->s, prepared_config(p), e);
    if (!rc)
        rc = session_bind(c->s, p->bindings, p->resources, p->count, state, e);
    if (!rc)
        rc = pull(c, e);
    worker_live(c->w, 0, NULL);
    session_free(c->s);
    if (c->holding)
        ledger_give_back(c->w->l, c->books, c->book_count);
    capture_free_gates(c);
    arena_free(&a);
    return rc;
}

static void make_conditions(capture *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, NULL);
    pthread_cond_init(&c->due, &attr);
    pthread_condattr_destroy(&attr);
}

static weir_rc prepare_and_run(capture *c, err *e)
{
    prepared p;
    worker *w = c->w;
    weir_rc rc = prepare_task(&p, w->t, &(prepare_options){.natives = w->o->natives, .log = w->o->log, .stop_fd = w->stop_fd,
                                                               .config = worker_settings(w), .live = now_live, .arg = w}, e);
    if (rc)
        return rc;
    rc = run(c, &p, e);
    prepared_free(&p);
    return rc;
}

weir_rc capture_session(worker *w, err *e)
{
    capture c = {.base = {&capture_ops}, .w = w, .commit_ms = w->t->max_txn_ms >= 0 ? w->t->max_txn_ms : CAPTURE_COMMIT_MS};
    worker_phase(w, "starting");
    pthread_mutex_init(&c.lock, NULL);
    make_conditions(&c);
    weir_rc rc = w->o->replay ? capture_replay(&c, e) : prepare_and_run(&c, e);
    pthread_cond_destroy(&c.due);
    pthread_cond_destroy(&c.changed);
    pthread_mutex_destroy(&c.lock);
    buf_free(&c.state);
    buf_free(&c.why);
    err_free(&c.failure);
    return rc;
}
