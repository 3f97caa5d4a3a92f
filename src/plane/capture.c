/* A capture: documents from a connector into journals, with its state.
 *
 *     lane buffers --seal--> journals (written, not committed) --commit--> fsync + weir.db --> acknowledged
 *
 * A seal moves a lane's documents behind those of other lanes and merges its state; it is cheap. A commit makes everything sealed so far durable in
 * one go: journals first, then one transaction of weir.db that says how long they are and what the state is. Commits happen on a thread of their own,
 * COMMIT_MS (or shards.maxTxnDuration) after the first seal or at once when COMMIT_BYTES wait, so that a connector may set checkpoints as often as it likes.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "plane/prepare.h"
#include "plane/work.h"

enum { COMMIT_MS = 200, COMMIT_BYTES = 16 << 20, DOCUMENT_MAX = 64 << 20 };

typedef struct capture {
    listener base;
    worker *w;
    session *s;
    size_t binding_count;
    book **of_binding;
    picker **keys;           /* by binding */
    size_t *key_counts;
    book **books;            /* sorted, without duplicates */
    size_t book_count;
    uint64_t *sealed;        /* by book: where its last seal ended */

    pthread_mutex_t lock;    /* of what follows, and of the journals while they are ours */
    pthread_cond_t changed;
    const lane *owner;       /* a lane has spilled: others wait with their seals */
    bool holding;            /* the ledger gave us our books */
    buf state;               /* of the task, as of the last seal */
    uint64_t unsealed_bytes; /* in the journals, behind `sealed` */
    uint64_t pending_seals, pending_documents, pending_bytes;
    int64_t pending_since, commit_ms;
    bool done;               /* no more seals will come */
    err failure;             /* of a commit */
} capture;

/* ---- the listener: called on lanes ---- */

static weir_rc attach(listener *l, weir_task *t, lane *ln)
{
    capture *c = (capture *)l;
    buf *own = calloc(c->binding_count ? c->binding_count : 1, sizeof *own);
    if (!own)
        return err_nomem(task_error(t));
    for (size_t i = 0; i < c->binding_count; i++)
        ln->outlets[i] = (outlet){.to = &own[i], .prefix = VIEW(""), .suffix = VIEW("\n"), .max = DOCUMENT_MAX};
    ln->own = own;
    return WEIR_OK;
}

/* Cuts back what a lane spilled without a checkpoint. */
static void drop_unsealed(capture *c)
{
    err e = {0};
    for (size_t i = 0; c->holding && i < c->book_count; i++)
        if (c->books[i]->j && journal_end(c->books[i]->j) > c->sealed[i])
            journal_cut(c->books[i]->j, c->sealed[i], &e); /* else the next open cuts it */
    c->unsealed_bytes = 0;
    err_free(&e);
}

static void detach(listener *l, lane *ln)
{
    capture *c = (capture *)l;
    buf *own = ln->own;
    pthread_mutex_lock(&c->lock);
    if (c->owner == ln) {
        drop_unsealed(c);
        c->owner = NULL;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; own && i < c->binding_count; i++)
        buf_free(&own[i]);
    free(own);
}

/* Every document holds the key of its collection, and the shape of the collection learns from it. */
static weir_rc look_at(capture *c, size_t binding, weir_view lines, err *e)
{
    book *b = c->of_binding[binding];
    weir_view *parts = NULL;
    size_t n = c->key_counts[binding];
    buf room = {0};
    weir_rc rc = buf_reserve(&room, (n + 1) * sizeof *parts) ? WEIR_OK : err_nomem(e);
    parts = (weir_view *)(void *)room.ptr;
    while (!rc && lines.len) {
        const char *nl = memchr(lines.ptr, '\n', lines.len);
        weir_view doc = {lines.ptr, (size_t)(nl - lines.ptr)};
        picker_run(c->keys[binding], doc, parts);
        for (size_t i = 0; i < n && !rc; i++)
            if (!parts[i].len)
                rc = err_fail(e, WEIR_E_PROTOCOL, "a document for collection %.*s lacks part %zu of its key %.*s: %.*s%s", VIEW_ARG(b->c->name), i + 1,
                              VIEW_ARG(b->c->key_json), (int)(doc.len > 120 ? 120 : doc.len), doc.ptr, doc.len > 120 ? "..." : "");
        if (!rc && b->shape) {
            int widened = shape_observe(b->shape, doc);
            b->widened |= widened > 0;
            rc = widened < 0 ? err_nomem(e) : WEIR_OK;
        }
        lines = view_from(lines, doc.len + 1);
    }
    buf_free(&room);
    return rc;
}

/* The lane's turn: its buffers may go into the journals now. Returns with the lock held unless it fails. */
static weir_rc take_turn(capture *c, const lane *ln, err *e)
{
    pthread_mutex_lock(&c->lock);
    while (c->owner && c->owner != ln && !c->failure.rc)
        pthread_cond_wait(&c->changed, &c->lock);
    weir_rc rc = c->failure.rc;
    if (rc) {
        err_fail(e, rc, "%s", err_text(&c->failure));
    } else if (!c->holding) {
        c->holding = ledger_take(c->w->l, c->books, c->book_count, c);
        if (!c->holding)
            rc = err_fail(e, WEIR_STOPPED, "stopped");
        for (size_t i = 0; c->holding && i < c->book_count; i++)
            c->sealed[i] = journal_end(c->books[i]->j);
    }
    if (rc)
        pthread_mutex_unlock(&c->lock);
    return rc;
}

static weir_rc append(capture *c, lane *ln, err *e)
{
    buf *own = ln->own;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && own && i < c->binding_count; i++) {
        if (!own[i].len)
            continue;
        rc = look_at(c, i, buf_view(&own[i]), e);
        if (!rc)
            rc = journal_append(c->of_binding[i]->j, buf_view(&own[i]), e);
        if (!rc)
            c->unsealed_bytes += own[i].len;
        buf_clear(&own[i]);
    }
    return rc;
}

static weir_rc spill(listener *l, weir_task *t, lane *ln)
{
    capture *c = (capture *)l;
    weir_rc rc = take_turn(c, ln, task_error(t));
    if (rc)
        return rc;
    c->owner = ln;
    rc = append(c, ln, task_error(t));
    atomic_store(&c->w->heard_ms, clock_ms());
    pthread_mutex_unlock(&c->lock);
    return rc;
}

static bool merge_state(capture *c, const checkpoint *k)
{
    buf next = {0};
    bool ok = k->merge ? patch_apply(&next, c->state.len ? buf_view(&c->state) : VIEW("{}"), k->state) : (buf_addv(&next, k->state), true);
    if (!ok || !buf_ok(&next)) {
        buf_free(&next);
        return false;
    }
    buf_free(&c->state);
    c->state = next;
    return true;
}

static weir_rc seal(listener *l, weir_task *t, lane *ln, const checkpoint *k)
{
    capture *c = (capture *)l;
    err *e = task_error(t);
    weir_rc rc = take_turn(c, ln, e);
    if (rc)
        return rc;
    rc = append(c, ln, e);
    if (rc)
        drop_unsealed(c);
    else if (!merge_state(c, k))
        rc = err_nomem(e);
    else
        rc = task_sealed(t, k);
    if (!rc) {
        for (size_t i = 0; i < c->book_count; i++)
            c->sealed[i] = journal_end(c->books[i]->j);
        c->pending_documents += ln->documents;
        c->pending_bytes += c->unsealed_bytes;
        c->unsealed_bytes = 0;
        if (!c->pending_seals++)
            c->pending_since = clock_ms();
    }
    c->owner = NULL;
    pthread_cond_broadcast(&c->changed);
    /* Not more than twice the amount of a commit may wait: the connector waits here for the disk. */
    while (!rc && c->pending_bytes >= 2 * (uint64_t)COMMIT_BYTES && !c->failure.rc)
        pthread_cond_wait(&c->changed, &c->lock);
    atomic_store(&c->w->heard_ms, clock_ms());
    pthread_mutex_unlock(&c->lock);
    return rc;
}

static weir_rc sourced(listener *l, weir_task *t, lane *ln, const weir_binding *b, weir_view schema)
{
    capture *c = (capture *)l;
    book *k = c->of_binding[b->index];
    bool widened = false;
    if (!k->shape)
        return WEIR_OK;
    weir_rc rc = take_turn(c, ln, task_error(t));
    if (rc)
        return rc;
    rc = shape_union(k->shape, schema, task_error(t), &widened);
    k->widened |= widened;
    pthread_mutex_unlock(&c->lock);
    return rc;
}

static const listener_ops ops = {.attach = attach, .detach = detach, .spill = spill, .seal = seal, .schema = sourced};

/* ---- commits ---- */

/* The schemas that widened since the last commit, as pairs of name and text in the arena. */
static size_t widened_schemas(capture *c, arena *a, weir_view *pairs)
{
    size_t n = 0;
    for (size_t i = 0; i < c->book_count; i++) {
        if (!c->books[i]->widened)
            continue;
        buf text = {0};
        shape_schema(c->books[i]->shape, &text);
        pairs[n++] = c->books[i]->c->name;
        pairs[n++] = arena_dup(a, buf_view(&text));
        a->failed |= !buf_ok(&text);
        buf_free(&text);
    }
    return n / 2;
}

static void publish(capture *c, const weir_view *pairs, size_t count)
{
    for (size_t i = 0; i < c->book_count; i++) {
        weir_view inferred = {0};
        for (size_t k = 0; k < count; k++)
            if (view_eq(pairs[2 * k], c->books[i]->c->name))
                inferred = pairs[2 * k + 1];
        c->books[i]->widened = false;
        ledger_committed(c->w->l, c->books[i], c->sealed[i], inferred);
    }
}

/* Makes everything sealed durable. The lock is held. */
static weir_rc commit(capture *c, err *e)
{
    arena a = {0};
    offset *lengths = arena_array(&a, c->book_count, sizeof *lengths);
    weir_view *pairs = arena_array(&a, 2 * c->book_count, sizeof *pairs);
    size_t widened = lengths && pairs ? widened_schemas(c, &a, pairs) : 0;
    weir_rc rc = a.failed ? err_nomem(e) : WEIR_OK;
    for (size_t i = 0; !rc && i < c->book_count; i++) {
        lengths[i] = (offset){c->books[i]->c->name, c->sealed[i]};
        rc = journal_sync(c->books[i]->j, e);
    }
    if (!rc)
        rc = store_commit_all(c->w->l->store, &(store_commit){
            .task = c->w->t->name, .state = buf_view(&c->state), .journals = lengths, .journal_count = c->book_count,
            .inferred = pairs, .inferred_count = widened, .documents = c->pending_documents, .bytes = c->pending_bytes}, e);
    if (!rc) {
        publish(c, pairs, widened);
        worker_committed(c->w, c->pending_documents, c->pending_bytes);
        c->pending_documents = c->pending_bytes = 0;
        if (!c->owner) {
            c->holding = false;
            ledger_give_back(c->w->l, c->books, c->book_count, c);
        }
    }
    arena_free(&a);
    return err_wrap(e, rc, "commit");
}

/* Commits what is pending and acknowledges it. The lock is held on entry and on return, not in between. */
static void commit_pending(capture *c)
{
    err e = {0};
    uint64_t seals = c->pending_seals;
    weir_rc rc = commit(c, &e);
    c->pending_seals = 0;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (!rc && seals)
        rc = session_acked(c->s, seals, &e);
    pthread_mutex_lock(&c->lock);
    if (rc && !c->failure.rc) {
        err_move(&c->failure, &e);
        session_stop(c->s);
        pthread_cond_broadcast(&c->changed);
    }
    err_free(&e);
}

static void wait_ms(capture *c, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&c->changed, &c->lock, &until);
}

static void *committer(void *arg)
{
    capture *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->failure.rc) {
        int64_t due = c->pending_seals ? c->pending_since + c->commit_ms - clock_ms() : -1;
        if (c->pending_seals && (due <= 0 || c->done || c->pending_bytes >= COMMIT_BYTES))
            commit_pending(c);
        else if (c->done)
            break;
        else if (c->pending_seals)
            wait_ms(c, due);
        else
            pthread_cond_wait(&c->changed, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- a session ---- */

static int by_address(const void *a, const void *b)
{
    const book *const *x = a, *const *y = b;
    return (*x > *y) - (*x < *y); /* books lie sorted by name */
}

/* Which journals the bindings write to. */
static weir_rc find_books(capture *c, arena *a, err *e)
{
    const task *t = c->w->t;
    c->binding_count = t->binding_count;
    c->of_binding = arena_array(a, t->binding_count, sizeof *c->of_binding);
    c->books = arena_array(a, t->binding_count, sizeof(book *));
    c->sealed = arena_array(a, t->binding_count, sizeof *c->sealed);
    c->keys = arena_array(a, t->binding_count, sizeof(picker *));
    c->key_counts = arena_array(a, t->binding_count, sizeof *c->key_counts);
    if (a->failed)
        return err_nomem(e);
    for (size_t i = 0; i < t->binding_count; i++) {
        const collection *k = t->bindings[i].collection;
        weir_view *pointers;
        weir_rc rc = WEIR_OK;
        if (!pointer_list(a, k->key_json, &pointers, &c->key_counts[i]))
            return err_fail(e, WEIR_E_CONFIG, "collection %.*s: its key is no list of JSON pointers", VIEW_ARG(k->name));
        rc = picker_make(a, pointers, c->key_counts[i], &c->keys[i], e);
        c->of_binding[i] = c->books[i] = ledger_book(c->w->l, k->name);
        if (!rc)
            rc = book_open(c->w->l, c->books[i], e);
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
    int failure = pthread_create(&thread, NULL, committer, c);
    if (failure)
        return err_errno(e, failure, "cannot start a thread");
    worker_phase(c->w, "reading");
    atomic_store(&c->w->heard_ms, clock_ms());
    weir_rc rc = session_pull(c->s, e);
    pthread_mutex_lock(&c->lock);
    c->done = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(thread, NULL);
    if (c->failure.rc && (!rc || rc == WEIR_STOPPED))
        rc = err_move(e, &c->failure);
    return rc;
}

static void now_live(void *arg, session *s)
{
    worker_live(arg, s);
}

static weir_rc run(capture *c, const prepared *p, err *e)
{
    arena a = {0};
    weir_view state = {0};
    weir_rc rc = find_books(c, &a, e);
    if (!rc)
        rc = store_state(c->w->l->store, c->w->t->name, &a, &state, e);
    if (!rc) {
        buf_addv(&c->state, state);
        c->s = prepared_session(p, &c->base, e);
        rc = c->s ? session_open(c->s, c->w->t->endpoint.config, e) : e->rc;
    }
    if (!rc)
        rc = session_bind(c->s, p->bindings, p->resources, p->count, state, e);
    if (!rc) {
        worker_live(c->w, c->s);
        rc = pull(c, e);
        worker_live(c->w, NULL);
    }
    session_free(c->s);
    if (c->holding)
        ledger_give_back(c->w->l, c->books, c->book_count, c);
    arena_free(&a);
    return rc;
}

weir_rc capture_session(worker *w, err *e)
{
    capture c = {.base = {&ops}, .w = w, .commit_ms = w->t->max_txn_ms >= 0 ? w->t->max_txn_ms : COMMIT_MS};
    pthread_condattr_t attr;
    prepared p;
    worker_phase(w, "starting");
    weir_rc rc = prepare_task(&p, w->t, &(prepare_options){w->o->natives, w->o->log, w->stop_fd, now_live, w}, e);
    if (rc)
        return rc;
    pthread_mutex_init(&c.lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c.changed, &attr);
    pthread_condattr_destroy(&attr);
    rc = run(&c, &p, e);
    pthread_cond_destroy(&c.changed);
    pthread_mutex_destroy(&c.lock);
    buf_free(&c.state);
    err_free(&c.failure);
    prepared_free(&p);
    return rc;
}
