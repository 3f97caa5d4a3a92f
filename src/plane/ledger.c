#include "plane/ledger.h"

#include <stdlib.h>

#include "base/clock.h"
#include "plane/columns.h"

enum { TURN_WARNING_MS = 10000 };

static weir_rc open_shape(ledger *l, book *b, err *e)
{
    arena a = {0};
    weir_view known;
    bool widened;
    weir_rc rc = store_inferred(l->store, b->c->name, &a, &known, e);
    b->shape = shape_new();
    if (!rc && !b->shape)
        rc = err_nomem(e);
    if (!rc && known.len)
        rc = shape_union(b->shape, known, e, &widened);
    if (b->shape)
        shape_allow(b->shape, b->c->write_schema);
    if (!rc && known.len) {
        char *copy = malloc(known.len);
        if (copy)
            b->inferred = (weir_view){memcpy(copy, known.ptr, known.len), known.len};
        else
            rc = err_nomem(e);
    }
    arena_free(&a);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return view_cmp(((const book *)a)->c->name, ((const book *)b)->c->name);
}

weir_rc ledger_open(ledger *l, const catalog *c, store *s, const char *data_dir, log_sink *log, err *e)
{
    pthread_condattr_t attr;
    *l = (ledger){.data_dir = data_dir, .log = log, .store = s};
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->changed, &attr);
    pthread_condattr_destroy(&attr);
    l->books = calloc(c->collection_count ? c->collection_count : 1, sizeof *l->books);
    if (!l->books)
        return err_nomem(e);
    for (; l->count < c->collection_count; l->count++) {
        book *b = &l->books[l->count];
        b->c = &c->collections[l->count];
        weir_rc rc = store_journal(s, b->c->name, &b->committed, e);
        if (!rc && collection_infers(b->c))
            rc = open_shape(l, b, e);
        if (rc) {
            l->count++;
            return err_wrap(e, rc, "collection %.*s", VIEW_ARG(b->c->name));
        }
    }
    qsort(l->books, l->count, sizeof *l->books, by_name);
    return WEIR_OK;
}

void ledger_close(ledger *l)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->books[i].j)
            journal_close(l->books[i].j);
        if (l->books[i].shape)
            shape_free(l->books[i].shape);
        free((char *)l->books[i].inferred.ptr);
    }
    free(l->books);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
}

book *ledger_book(ledger *l, weir_view name)
{
    for (size_t i = 0; i < l->count; i++)
        if (view_eq(l->books[i].c->name, name))
            return &l->books[i];
    return NULL;
}

/* The lock is held, and the book is ours or nobody's. */
static weir_rc open_journal(ledger *l, book *b, err *e)
{
    return b->j ? WEIR_OK : journal_open(&b->j, l->data_dir, b->c->name, b->committed, 0, e);
}

weir_rc ledger_check(ledger *l, book *b, err *e)
{
    pthread_mutex_lock(&l->lock);
    weir_rc rc = b->turn == b->turns ? open_journal(l, b, e) : WEIR_OK;
    pthread_mutex_unlock(&l->lock);
    return rc;
}

/* Waits `ms` for something to change. @return false: nothing did */
static bool wait_ms(ledger *l, int64_t ms)
{
    const struct timespec until = clock_until(ms);
    return pthread_cond_timedwait(&l->changed, &l->lock, &until) == 0;
}

/* Waits for a turn with one book; who waits long says for whom. The lock is held. */
static void await_turn(ledger *l, const book *b, uint64_t mine, weir_view who)
{
    bool said = false;
    int64_t begun = clock_ms();
    while (b->turn != mine && !l->ending) {
        if (said || view_eq(b->writer, who)) { /* another shard of its own is nothing to be told of */
            ledger_wait(l);
        } else if (!wait_ms(l, TURN_WARNING_MS) || clock_ms() - begun >= TURN_WARNING_MS) {
            said = true;
            log_line(l->log, WEIR_WARN, "capture %.*s waits for collection %.*s: capture %.*s has written to it and sets no checkpoint", VIEW_ARG(who),
                     VIEW_ARG(b->c->name), VIEW_ARG(b->writer));
        }
    }
}

/* Lets the next have them. The lock is held. */
static void next_turn(ledger *l, book *const *books, size_t count)
{
    for (size_t i = 0; i < count; i++)
        books[i]->turn++;
    pthread_cond_broadcast(&l->changed);
}

weir_rc ledger_take(ledger *l, book *const *books, size_t count, weir_view who, err *e)
{
    weir_rc rc = WEIR_OK;
    size_t taken = 0;
    pthread_mutex_lock(&l->lock);
    for (; taken < count && !rc; taken++) {
        book *b = books[taken];
        await_turn(l, b, b->turns++, who);
        if (l->ending) {
            rc = err_fail(e, WEIR_STOPPED, "the run is ending");
            break; /* nobody gets a turn any more: the ticket may lapse */
        }
        b->writer = who;
        rc = b->unsettled ? err_fail(e, WEIR_STOPPED, "what was written last is not settled") : open_journal(l, b, e);
    }
    if (rc)
        next_turn(l, books, taken);
    pthread_mutex_unlock(&l->lock);
    return rc;
}

/* Cuts off what was not committed. A journal that cannot be cut is closed: whoever takes it next opens it anew, which cuts it. */
static void settle(book *b)
{
    err e = {0};
    if (b->j && journal_cut(b->j, b->committed, &e)) {
        journal_close(b->j);
        b->j = NULL;
    }
    err_free(&e);
}

void ledger_give_back(ledger *l, book *const *books, size_t count)
{
    for (size_t i = 0; i < count; i++)
        settle(books[i]);
    pthread_mutex_lock(&l->lock);
    next_turn(l, books, count);
    pthread_mutex_unlock(&l->lock);
}

void ledger_leave(ledger *l, book *const *books, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        journal_close(books[i]->j);
        books[i]->j = NULL;
    }
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < count; i++)
        books[i]->unsettled = true;
    next_turn(l, books, count);
    pthread_mutex_unlock(&l->lock);
}

void ledger_settle(ledger *l, book *b)
{
    pthread_mutex_lock(&l->lock);
    b->unsettled = false;
    pthread_mutex_unlock(&l->lock);
}

void ledger_begin_writer(ledger *l, book *b)
{
    pthread_mutex_lock(&l->lock);
    b->writers++;
    pthread_mutex_unlock(&l->lock);
}

void ledger_end_writer(ledger *l, book *b)
{
    pthread_mutex_lock(&l->lock);
    b->writers--;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

weir_rc book_observe(book *b, weir_view doc, err *e)
{
    int widened = b->shape ? shape_observe(b->shape, doc) : 0;
    b->widened |= widened > 0;
    return widened < 0 ? err_nomem(e) : WEIR_OK;
}

weir_view book_learned(book *b, buf *text)
{
    if (!b->widened)
        return (weir_view){0};
    text->failed |= !shape_limit(b->shape);
    shape_schema(b->shape, text);
    return buf_view(text);
}

bool ledger_committed(ledger *l, book *b, uint64_t at, weir_view inferred)
{
    char *copy = inferred.len ? malloc(inferred.len) : NULL;
    pthread_mutex_lock(&l->lock);
    b->committed = at;
    if (copy) {
        free((char *)b->inferred.ptr);
        b->inferred = (weir_view){memcpy(copy, inferred.ptr, inferred.len), inferred.len};
        b->version++;
    }
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    return copy || !inferred.len;
}

void ledger_end(ledger *l)
{
    pthread_mutex_lock(&l->lock);
    l->ending = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

bool ledger_is_ending(ledger *l)
{
    pthread_mutex_lock(&l->lock);
    bool ending = l->ending;
    pthread_mutex_unlock(&l->lock);
    return ending;
}

void ledger_wake(ledger *l)
{
    pthread_mutex_lock(&l->lock);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

void ledger_wait(ledger *l)
{
    pthread_cond_wait(&l->changed, &l->lock);
}

void ledger_wait_for(ledger *l, int64_t ms)
{
    if (ms < 0)
        ledger_wait(l);
    else
        wait_ms(l, ms);
}
