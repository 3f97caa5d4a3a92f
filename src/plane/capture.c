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

#include "base/clock.h"
#include "json/patch.h"
#include "plane/gate.h"
#include "plane/prepare.h"
#include "plane/refused.h"
#include "plane/work.h"

enum { COMMIT_MS = 200, COMMIT_BYTES = 16 << 20 };

typedef struct capture {
    listener base;
    worker *w;
    session *s;
    size_t binding_count;
    book **of_binding;
    gate **gates;            /* by binding: what its documents pass */
    refused **aside;         /* by binding: where those go that are refused; NULL: they fail the capture. Bindings of one collection share it */
    buf why;                 /* a document is refused */
    offset again;            /* how far such documents were put through again; no name: they are not */
    book **books;            /* sorted, without duplicates */
    size_t book_count;
    uint64_t *sealed;        /* by book: where its last seal ended */

    pthread_mutex_t lock;    /* of what follows, and of the journals while they are ours */
    pthread_cond_t changed;  /* for lanes: a turn, a commit, a failure */
    pthread_cond_t due;      /* for the committer: there is something to commit, or at once, or the end. Waits on CLOCK_MONOTONIC */
    const lane *owner;       /* a lane has spilled: others wait with their seals */
    bool holding;            /* the ledger gave us our books */
    buf state;               /* of the task, as of the last seal */
    uint64_t unsealed_bytes; /* in the journals, behind `sealed` */
    uint64_t pending_seals, pending_documents, pending_bytes;
    uint64_t pending_held;   /* bytes that wait for the commit: documents in journals, states in memory to be acknowledged */
    int64_t pending_since, commit_ms;
    int64_t took_ms;         /* the last commit */
    bool wants_acks;
    bool done;               /* no more seals will come */
    err failure;             /* of a commit */
} capture;

/* What a lane has in hand. */
typedef struct hand {
    buf *documents; /* by binding */
    buf schemas;    /* array of sourced_schema, to be learned with the next seal */
    buf texts;      /* of schemas */
} hand;

typedef struct sourced_schema {
    size_t binding, at, len; /* in hand.texts */
} sourced_schema;

/* ---- the listener: called on lanes ---- */

static weir_rc attach(listener *l, weir_task *t, lane *ln)
{
    capture *c = (capture *)l;
    hand *h = calloc(1, sizeof *h);
    buf *documents = calloc(c->binding_count ? c->binding_count : 1, sizeof *documents);
    if (!h || !documents) {
        free(h);
        free(documents);
        return err_nomem(task_error(t));
    }
    for (size_t i = 0; i < c->binding_count; i++)
        ln->outlets[i] = (outlet){.to = &documents[i], .prefix = VIEW(""), .suffix = VIEW("\n")};
    h->documents = documents;
    ln->own = h;
    return WEIR_OK;
}

/* Takes back what a lane has put into the journals without a checkpoint. */
static void drop_unsealed(capture *c)
{
    err e = {0};
    for (size_t i = 0; c->holding && i < c->book_count; i++)
        journal_cut(c->books[i]->j, c->sealed[i], &e); /* if that fails the journal says so when it is used next */
    for (size_t i = 0; i < c->binding_count; i++)
        if (c->aside[i])
            refused_unseal(c->aside[i]);
    c->unsealed_bytes = 0;
    err_free(&e);
}

/* Others may have the journals as soon as everything in them is committed. */
static void let_go(capture *c)
{
    if (c->owner || c->pending_seals || !c->holding)
        return;
    c->holding = false;
    ledger_give_back(c->w->l, c->books, c->book_count);
}

/* Whoever is stopped because it was silent hears what that costs; whoever ends the run knows. */
static void tell_dropped(const capture *c, const lane *ln)
{
    if (!ln->documents || !c->w->o->once || !worker_stopping(c->w) || ledger_is_ending(c->w->l))
        return;
    buf text = {0};
    buf_printf(&text, "silent for too long: %zu document%s after its last checkpoint dropped", ln->documents, ln->documents == 1 ? "" : "s");
    log_record(c->w->o->log, WEIR_WARN, c->w->t->name, buf_view(&text), NULL, 0);
    buf_free(&text);
}

static void detach(listener *l, lane *ln)
{
    capture *c = (capture *)l;
    hand *h = ln->own;
    tell_dropped(c, ln);
    pthread_mutex_lock(&c->lock);
    if (c->owner == ln) {
        drop_unsealed(c);
        c->owner = NULL;
        let_go(c);
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; i < c->binding_count; i++)
        buf_free(&h->documents[i]);
    buf_free(&h->schemas);
    buf_free(&h->texts);
    free(h->documents);
    free(h);
}

/* The shape of the collection learns from each document. */
static weir_rc observe(book *b, weir_view doc, err *e)
{
    int widened = b->shape ? shape_observe(b->shape, doc) : 0;
    b->widened |= widened > 0;
    return widened < 0 ? err_nomem(e) : WEIR_OK;
}

/* @param ret_kept it goes into the collection */
static weir_rc look_at_one(capture *c, size_t binding, weir_view doc, bool *ret_kept, err *e)
{
    book *b = c->of_binding[binding];
    *ret_kept = true;
    if (__builtin_expect(view_is(doc, COMBINE_TRUNCATION), 0))
        return WEIR_OK;
    weir_rc rc = gate_check(c->gates[binding], doc, &c->why, e);
    if (rc)
        return rc;
    if (__builtin_expect(!c->why.len, 1))
        return observe(b, doc, e);
    *ret_kept = false;
    return c->aside[binding] ? refused_add(c->aside[binding], doc, buf_view(&c->why), worker_now(c->w), e) : gate_refuse(b->c, gate_hides(c->gates[binding]) ? (weir_view){0} : doc, &c->why, e);
}

/* The same lines, without what the schema wants to be redacted. */
static weir_rc clean(capture *c, size_t binding, buf *lines, err *e)
{
    weir_rc rc = WEIR_OK;
    buf kept = {0};
    for (weir_view rest = buf_view(lines); rest.len && !rc;) {
        size_t len = (size_t)((const char *)memchr(rest.ptr, '\n', rest.len) - rest.ptr);
        weir_view doc = {rest.ptr, len};
        bool keep = true, cut = view_is(doc, COMBINE_TRUNCATION);
        size_t at = kept.len;
        if (!cut)
            rc = look_at_one(c, binding, doc, &keep, e);
        if (!rc && keep && !cut)
            rc = gate_clean(c->gates[binding], &kept, e);
        else if (!rc && cut)
            buf_addv(&kept, doc);
        if (kept.len > at)
            buf_addc(&kept, '\n');
        rest = view_from(rest, len + 1);
    }
    buf_free(lines);
    *lines = kept;
    return rc || buf_ok(lines) ? rc : err_nomem(e);
}

/* Leaves those lines that go into the collection. */
static weir_rc look_at(capture *c, size_t binding, buf *lines, err *e)
{
    weir_view rest = buf_view(lines);
    size_t kept = 0;
    weir_rc rc = WEIR_OK;
    while (!rc && rest.len) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        size_t len = (size_t)(nl - rest.ptr) + 1;
        bool keep;
        rc = look_at_one(c, binding, (weir_view){rest.ptr, len - 1}, &keep, e);
        if (keep && kept != (size_t)(rest.ptr - lines->ptr))
            memmove(lines->ptr + kept, rest.ptr, len);
        kept += keep ? len : 0;
        rest = view_from(rest, len);
    }
    lines->len = kept;
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
        rc = ledger_take(c->w->l, c->books, c->book_count, c->w->t->name, e);
        c->holding = !rc;
        for (size_t i = 0; c->holding && i < c->book_count; i++)
            c->sealed[i] = journal_end(c->books[i]->j);
    }
    if (rc)
        pthread_mutex_unlock(&c->lock);
    return rc;
}

static weir_rc append(capture *c, lane *ln, err *e)
{
    hand *h = ln->own;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < c->binding_count; i++) {
        buf *documents = &h->documents[i];
        if (!documents->len)
            continue;
        size_t len = documents->len;
        rc = (gate_redacts(c->gates[i]) ? clean : look_at)(c, i, documents, e);
        if (!rc)
            rc = journal_append(c->of_binding[i]->j, buf_view(documents), e);
        if (!rc)
            c->unsealed_bytes += len;
        buf_clear(documents);
    }
    return rc;
}

/* A lane goes into what follows: as long as it is in there the connector is not silent, we are slow. */
static void busy(capture *c)
{
    atomic_fetch_add(&c->w->waiting, 1);
}

/* It comes out again. A checkpoint without documents is no news: sources that poll set them for ever. */
static void heard(capture *c, bool documents)
{
    if (documents)
        atomic_store(&c->w->heard_ms, clock_ms());
    atomic_fetch_sub(&c->w->waiting, 1);
}

static weir_rc spill(listener *l, weir_task *t, lane *ln)
{
    capture *c = (capture *)l;
    busy(c);
    weir_rc rc = take_turn(c, ln, task_error(t));
    if (!rc) {
        c->owner = ln;
        rc = append(c, ln, task_error(t));
        pthread_mutex_unlock(&c->lock);
    }
    heard(c, true);
    return rc;
}

/* The task's state as this checkpoint makes it. */
static bool next_state(const capture *c, const checkpoint *k, buf *next)
{
    if (!k->merge)
        buf_addv(next, k->state);
    else if (!patch_apply(next, c->state.len ? buf_view(&c->state) : VIEW("{}"), k->state))
        return false;
    return buf_ok(next);
}

/* What the source said of its schemas takes effect with the checkpoint. */
static weir_rc learn(capture *c, lane *ln, err *e)
{
    hand *h = ln->own;
    const sourced_schema *all = (const sourced_schema *)(const void *)h->schemas.ptr;
    size_t count = h->schemas.len / sizeof *all;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < count && !rc; i++) {
        book *b = c->of_binding[all[i].binding];
        bool widened = false;
        rc = shape_union(b->shape, (weir_view){h->texts.ptr + all[i].at, all[i].len}, e, &widened);
        b->widened |= widened;
        if (!shape_allow(b->shape, b->c->write_schema))
            shape_allow_all(b->shape);
        err_wrap(e, rc, "sourced schema for collection %.*s", VIEW_ARG(b->c->name));
    }
    buf_clear(&h->schemas);
    buf_clear(&h->texts);
    return rc;
}

/* Books what a lane has just put into the journals. */
static void count_seal(capture *c, const lane *ln, const checkpoint *k)
{
    for (size_t i = 0; i < c->book_count; i++)
        c->sealed[i] = journal_end(c->books[i]->j);
    for (size_t i = 0; i < c->binding_count; i++)
        if (c->aside[i])
            refused_seal(c->aside[i]);
    uint64_t held = c->pending_held;
    c->pending_held += c->unsealed_bytes + k->given.len;
    c->pending_documents += ln->documents;
    c->pending_bytes += c->unsealed_bytes;
    c->unsealed_bytes = 0;
    if (!c->pending_seals++)
        c->pending_since = clock_ms();
    if (c->pending_seals == 1 || (held < COMMIT_BYTES && c->pending_held >= COMMIT_BYTES))
        pthread_cond_signal(&c->due);
}

static weir_rc seal_in_turn(capture *c, weir_task *t, lane *ln, const checkpoint *k)
{
    err *e = task_error(t);
    buf next = {0};
    weir_rc rc = append(c, ln, e);
    if (!rc)
        rc = learn(c, ln, e);
    if (!rc && !next_state(c, k, &next))
        rc = err_nomem(e);
    if (!rc)
        rc = task_sealed(t, k);
    if (rc) {
        drop_unsealed(c);
    } else {
        buf swap = c->state;
        c->state = next;
        next = swap;
        count_seal(c, ln, k);
    }
    buf_free(&next);
    if (c->owner) {
        c->owner = NULL;
        pthread_cond_broadcast(&c->changed);
    }
    if (rc)
        let_go(c);
    return rc;
}

static weir_rc seal(listener *l, weir_task *t, lane *ln, const checkpoint *k)
{
    capture *c = (capture *)l;
    busy(c);
    weir_rc rc = take_turn(c, ln, task_error(t));
    if (!rc) {
        rc = seal_in_turn(c, t, ln, k);
        /* Not more than twice the amount of a commit may wait: the connector waits here for the disk. */
        while (!rc && c->pending_held >= 2 * (uint64_t)COMMIT_BYTES && !c->failure.rc)
            pthread_cond_wait(&c->changed, &c->lock);
        pthread_mutex_unlock(&c->lock);
    }
    heard(c, ln->documents > 0);
    return rc;
}

/* From here on it counts how long the connector says nothing; how long it takes to start is its own business. */
static weir_rc opened(listener *l, weir_task *t, bool explicit_acks)
{
    capture *c = (capture *)l;
    (void)t;
    pthread_mutex_lock(&c->lock);
    c->wants_acks = explicit_acks;
    pthread_mutex_unlock(&c->lock);
    atomic_store(&c->w->heard_ms, clock_ms());
    worker_phase(c->w, "reading");
    return WEIR_OK;
}

static weir_rc sourced(listener *l, weir_task *t, lane *ln, const weir_binding *b, weir_view text)
{
    capture *c = (capture *)l;
    hand *h = ln->own;
    if (!c->of_binding[b->index]->shape)
        return WEIR_OK;
    const sourced_schema s = {b->index, h->texts.len, text.len};
    buf_addv(&h->texts, text);
    buf_add(&h->schemas, &s, sizeof s);
    return buf_ok(&h->texts) && buf_ok(&h->schemas) ? WEIR_OK : err_nomem(task_error(t));
}

/* A line among the documents, in order. */
static weir_rc truncate_binding(listener *l, weir_task *t, lane *ln, const weir_binding *b)
{
    (void)l;
    buf *to = ln->outlets[b->index].to;
    buf_adds(to, COMBINE_TRUNCATION "\n");
    ln->truncated = true;
    return buf_ok(to) ? WEIR_OK : err_nomem(task_error(t));
}

static weir_rc changed(listener *l, weir_task *t, lane *ln, weir_view config)
{
    (void)ln;
    return worker_config(((capture *)l)->w, t, config);
}

static const listener_ops ops = {
    .attach = attach, .detach = detach, .spill = spill, .seal = seal, .schema = sourced, .opened = opened, .config = changed,
    .truncate = truncate_binding,
};

/* ---- commits ---- */

/* The schemas that widened since the last commit, as pairs of name and text in the arena. */
static size_t widened_schemas(capture *c, arena *a, weir_view *pairs)
{
    size_t n = 0;
    for (size_t i = 0; i < c->book_count; i++) {
        if (!c->books[i]->widened)
            continue;
        buf text = {0};
        a->failed |= !shape_limit(c->books[i]->shape);
        shape_schema(c->books[i]->shape, &text);
        pairs[n++] = c->books[i]->c->name;
        pairs[n++] = arena_dup(a, buf_view(&text));
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
        ledger_committed(c->w->l, b, c->sealed[i], pair_of(pairs, count, b->c->name));
        b->widened = false;
    }
}

/* Is it the first of the bindings that share it? */
static bool is_first_aside(const capture *c, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (c->aside[k] == c->aside[i])
            return false;
    return c->aside[i] != NULL;
}

static weir_rc write_aside(capture *c, offset *lengths, size_t *count, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < c->binding_count && !rc; i++) {
        bool any = false;
        if (is_first_aside(c, i))
            rc = refused_write(c->aside[i], &lengths[*count], &any, e);
        *count += any;
    }
    return rc;
}

static void aside_committed(capture *c)
{
    for (size_t i = 0; i < c->binding_count; i++)
        if (is_first_aside(c, i))
            refused_committed(c->aside[i], c->w->o->log);
}

/* Makes everything sealed durable. The lock is held. */
static weir_rc commit(capture *c, err *e)
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
    if (commit(c, &e)) {
        fail(c, &e);
        err_free(&e);
        return;
    }
    c->took_ms = clock_ms() - begun;
    c->pending_seals = c->pending_documents = c->pending_bytes = c->pending_held = 0;
    let_go(c);
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
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&c->due, &c->lock, &until);
}

/* How long seals are gathered for a commit. */
static int64_t gather_ms(const capture *c)
{
    return c->wants_acks && c->took_ms < c->commit_ms ? c->took_ms : c->commit_ms;
}

static void *committer(void *arg)
{
    capture *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->failure.rc) {
        int64_t due = c->pending_seals ? c->pending_since + gather_ms(c) - clock_ms() : -1;
        if (c->pending_seals && (due <= 0 || c->done || c->pending_held >= COMMIT_BYTES))
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

/* ---- a session ---- */

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

static void free_gates(capture *c)
{
    for (size_t i = 0; c->aside && i < c->binding_count; i++) {
        gate_free(c->gates[i]);
        if (is_first_aside(c, i))
            refused_free(c->aside[i]);
    }
}

/* Which journals the bindings write to. */
static weir_rc find_books(capture *c, arena *a, err *e)
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
    int failure = pthread_create(&thread, NULL, committer, c);
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
    worker_live(arg, s);
}

/* What was refused is written once more: it is valid by now, or refused again. One transaction for each piece of it. */
static weir_rc replay_piece(capture *c, size_t i, const buf *documents, size_t count, offset at, err *e)
{
    weir_rc rc = WEIR_OK;
    buf lines = {0};
    buf_addv(&lines, buf_view(documents));
    if (!buf_ok(&lines))
        rc = err_nomem(e);
    if (!rc)
        rc = ledger_take(c->w->l, &c->of_binding[i], 1, c->w->t->name, e);
    if (rc) {
        buf_free(&lines);
        return rc;
    }
    rc = (gate_redacts(c->gates[i]) ? clean : look_at)(c, i, &lines, e);
    if (!rc)
        rc = journal_append(c->of_binding[i]->j, buf_view(&lines), e);
    for (size_t k = 0; k < c->book_count; k++)
        c->sealed[k] = c->books[k] == c->of_binding[i] ? journal_end(c->books[k]->j) : c->books[k]->committed;
    refused_seal(c->aside[i]);
    c->again = at;
    c->pending_documents = count;
    c->pending_bytes = documents->len;
    if (!rc)
        rc = commit(c, e);
    ledger_give_back(c->w->l, &c->of_binding[i], 1);
    buf_free(&lines);
    return rc;
}

static weir_rc replay_binding(capture *c, size_t i, err *e)
{
    refused_reader *r = NULL;
    buf documents = {0};
    size_t count = 0;
    const worker *w = c->w;
    weir_rc rc = c->aside[i] ? WEIR_OK : refused_make(&c->aside[i], w->l->store, w->l->data_dir, w->t->name, w->t->bindings[i].collection->name, e);
    if (!rc)
        rc = refused_reader_make(&r, w->l->store, w->l->data_dir, w->t->name, w->t->bindings[i].collection->name, e);
    do {
        buf_clear(&documents);
        if (!rc)
            rc = refused_read(r, &documents, &count, e);
        if (!rc && count)
            rc = replay_piece(c, i, &documents, count, refused_reader_at(r), e);
    } while (!rc && count && !worker_stopping(w));
    refused_reader_free(r);
    buf_free(&documents);
    return rc;
}

/* Bindings of one collection share what was refused. The connector is not asked. */
static weir_rc replay(capture *c, err *e)
{
    arena a = {0};
    weir_rc rc = find_books(c, &a, e);
    for (size_t i = 0; i < c->binding_count && !rc; i++) {
        size_t k = 0;
        while (c->of_binding[k] != c->of_binding[i])
            k++;
        if (k == i)
            rc = replay_binding(c, i, e);
    }
    free_gates(c);
    arena_free(&a);
    return rc;
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
        c->s = buf_ok(&c->state) ? prepared_session(p, &c->base, e) : NULL;
        rc = c->s ? WEIR_OK : err_nomem(e);
    }
    worker_live(c->w, c->s);
    if (!rc)
        rc = session_open(c->s, prepared_config(p), e);
    if (!rc)
        rc = session_bind(c->s, p->bindings, p->resources, p->count, state, e);
    if (!rc)
        rc = pull(c, e);
    worker_live(c->w, NULL);
    session_free(c->s);
    if (c->holding)
        ledger_give_back(c->w->l, c->books, c->book_count);
    free_gates(c);
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
    capture c = {.base = {&ops}, .w = w, .commit_ms = w->t->max_txn_ms >= 0 ? w->t->max_txn_ms : COMMIT_MS};
    worker_phase(w, "starting");
    pthread_mutex_init(&c.lock, NULL);
    make_conditions(&c);
    weir_rc rc = w->o->replay ? replay(&c, e) : prepare_and_run(&c, e);
    pthread_cond_destroy(&c.due);
    pthread_cond_destroy(&c.changed);
    pthread_mutex_destroy(&c.lock);
    buf_free(&c.state);
    buf_free(&c.why);
    err_free(&c.failure);
    return rc;
}
