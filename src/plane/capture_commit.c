/* Commits of a capture: everything sealed so far in one go, on a thread of their own. */
#include "base/clock.h"
#include "plane/capture_parts.h"

/* The schemas that widened since the last commit, as pairs of name and text in the arena. */
static size_t widened_schemas(capture *c, arena *a, weir_view *pairs)
{
    size_t n = 0;
    for (size_t i = 0; i < c->book_count; i++) {
        buf text = {0};
        const weir_view learned = book_learned(c->books[i], &text);
        if (learned.len) {
            pairs[n++] = c->books[i]->c->name;
            pairs[n++] = arena_dup(a, learned);
        }
        a->failed |= !buf_ok(&text);
        buf_free(&text);
    }
    return n / 2;
}

static weir_view pair_of(const weir_view *pairs, size_t count, weir_view name)
{
    for (size_t i = 0; i < count; i++)
        if (view_eq(pairs[2 * i], name))
            return pairs[2 * i + 1];
    return (weir_view){0};
}

static bool has_grown(const capture *c, size_t i)
{
    return c->sealed[i] != c->books[i]->committed;
}

static void publish(capture *c, const weir_view *pairs, size_t count)
{
    for (size_t i = 0; i < c->book_count; i++) {
        book *b = c->books[i];
        if (!has_grown(c, i) && !b->widened)
            continue;
        b->widened = !ledger_committed(c->w->l, b, c->sealed[i], pair_of(pairs, count, b->c->name));
    }
}

static weir_rc write_aside(capture *c, offset *lengths, size_t *count, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < c->binding_count && !rc; i++) {
        bool any = false;
        if (capture_is_first_aside(c, i))
            rc = refused_write(c->aside[i], &lengths[*count], &any, e);
        *count += any;
    }
    return rc;
}

static void aside_committed(capture *c)
{
    for (size_t i = 0; i < c->binding_count; i++)
        if (capture_is_first_aside(c, i))
            refused_committed(c->aside[i], c->w->o->log);
}

/* Makes everything sealed durable. The lock is held. */
weir_rc capture_commit(capture *c, err *e)
{
    arena a = {0};
    size_t grown = 0;
    offset *lengths = arena_array(&a, c->book_count + c->binding_count, sizeof *lengths);
    weir_view *pairs = arena_array(&a, 2 * c->book_count, sizeof *pairs);
    size_t widened = lengths && pairs ? widened_schemas(c, &a, pairs) : 0;
    weir_rc rc = a.failed ? err_nomem(e) : WEIR_OK;
    for (size_t i = 0; !rc && i < c->book_count; i++) {
        if (!has_grown(c, i))
            continue;
        lengths[grown++] = (offset){c->books[i]->c->name, c->sealed[i]};
        rc = journal_sync(c->books[i]->j, e);
    }
    if (!rc)
        rc = write_aside(c, lengths, &grown, e);
    if (!rc)
        rc = store_commit_all(c->w->l->store, &(store_commit){
            .task = c->w->t->name, .state = buf_view(&c->state), .journals = lengths, .journal_count = grown, .now = worker_now(c->w),
            .reader = c->w->t->name, .reads = &c->again, .read_count = c->again.journal.len > 0, .inferred = pairs, .inferred_count = widened,
            .documents = c->pending_documents, .bytes = c->pending_bytes}, e);
    if (!rc) {
        publish(c, pairs, widened);
        aside_committed(c);
        worker_committed(c->w, c->pending_documents, c->pending_bytes);
    }
    arena_free(&a);
    return err_wrap(e, rc, "commit");
}

/* From now on nothing is sealed any more, and nothing committed. The lock is held. */
static void fail(capture *c, err *e)
{
    if (!c->failure.rc) {
        err_move(&c->failure, e);
        session_stop(c->s);
        pthread_cond_broadcast(&c->changed);
    }
}

/* Commits what is pending and acknowledges it. The lock is held on entry and on return, not in between. */
static void commit_pending(capture *c)
{
    err e = {0};
    uint64_t seals = c->pending_seals;
    int64_t begun = clock_ms();
    if (capture_commit(c, &e)) {
        fail(c, &e);
        err_free(&e);
        return;
    }
    c->took_ms = clock_ms() - begun;
    c->pending_seals = c->pending_documents = c->pending_bytes = c->pending_held = 0;
    capture_let_go(c);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    weir_rc rc = session_acked(c->s, seals, &e);
    pthread_mutex_lock(&c->lock);
    if (rc)
        fail(c, &e);
    err_free(&e);
}

static void wait_ms(capture *c, int64_t ms)
{
    const struct timespec until = clock_until(ms);
    pthread_cond_timedwait(&c->due, &c->lock, &until);
}

/* How long seals are gathered for a commit. */
static int64_t gather_ms(const capture *c)
{
    return c->wants_acks && c->took_ms < c->commit_ms ? c->took_ms : c->commit_ms;
}

void *capture_committer(void *arg)
{
    capture *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->failure.rc) {
        int64_t due = c->pending_seals ? c->pending_since + gather_ms(c) - clock_ms() : -1;
        if (c->pending_seals && (due <= 0 || c->done || c->pending_held >= CAPTURE_COMMIT_BYTES))
            commit_pending(c);
        else if (c->done)
            break;
        else if (c->pending_seals)
            wait_ms(c, due);
        else
            pthread_cond_wait(&c->due, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}
