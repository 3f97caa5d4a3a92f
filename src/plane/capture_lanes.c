/* What a capture is told by its session, on lanes: documents go into the journals, states are merged. */
#include <stdlib.h>

#include "base/clock.h"
#include "json/patch.h"
#include "plane/capture_parts.h"

/* What a lane has in hand. */
typedef struct hand {
    buf *documents; /* by binding */
    buf schemas;    /* array of sourced_schema, to be learned before the documents are */
    buf texts;      /* of schemas */
} hand;

typedef struct sourced_schema {
    size_t binding, at, len; /* in hand.texts */
} sourced_schema;

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
void capture_let_go(capture *c)
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
        capture_let_go(c);
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
        rc = capture_check(c, i, documents, e);
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

/* What the source said of its schemas is learned before its documents are: the first text decides whether a place has a format. */
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

static weir_rc spill(listener *l, weir_task *t, lane *ln)
{
    capture *c = (capture *)l;
    busy(c);
    weir_rc rc = take_turn(c, ln, task_error(t));
    if (!rc) {
        c->owner = ln;
        rc = learn(c, ln, task_error(t));
        if (!rc)
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
    if (c->pending_seals == 1 || (held < CAPTURE_COMMIT_BYTES && c->pending_held >= CAPTURE_COMMIT_BYTES))
        pthread_cond_signal(&c->due);
}

static weir_rc seal_in_turn(capture *c, weir_task *t, lane *ln, const checkpoint *k)
{
    err *e = task_error(t);
    buf next = {0};
    weir_rc rc = learn(c, ln, e);
    if (!rc)
        rc = append(c, ln, e);
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
        capture_let_go(c);
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
        while (!rc && c->pending_held >= 2 * (uint64_t)CAPTURE_COMMIT_BYTES && !c->failure.rc)
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

const listener_ops capture_ops = {
    .attach = attach, .detach = detach, .spill = spill, .seal = seal, .schema = sourced, .opened = opened, .config = changed,
    .truncate = truncate_binding,
};
