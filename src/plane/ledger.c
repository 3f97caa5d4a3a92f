#include "plane/ledger.h"

#include <stdlib.h>
#include <time.h>

#include "plane/columns.h"

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

weir_rc ledger_open(ledger *l, const catalog *c, store *s, const char *data_dir, err *e)
{
    pthread_condattr_t attr;
    *l = (ledger){.data_dir = data_dir, .store = s};
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

weir_rc book_open(ledger *l, book *b, err *e)
{
    pthread_mutex_lock(&l->lock);
    weir_rc rc = b->j ? WEIR_OK : journal_open(&b->j, l->data_dir, b->c->name, b->committed, 0, e);
    pthread_mutex_unlock(&l->lock);
    return rc;
}

bool ledger_take(ledger *l, book *const *books, size_t count, const void *who)
{
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < count; i++) {
        while (books[i]->writer && books[i]->writer != who && !l->ending)
            pthread_cond_wait(&l->changed, &l->lock);
        if (books[i]->writer && books[i]->writer != who) {
            while (i-- > 0)
                books[i]->writer = NULL;
            pthread_mutex_unlock(&l->lock);
            return false;
        }
        books[i]->writer = who;
    }
    pthread_mutex_unlock(&l->lock);
    return true;
}

void ledger_give_back(ledger *l, book *const *books, size_t count, const void *who)
{
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < count; i++)
        if (books[i]->writer == who)
            books[i]->writer = NULL;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

void ledger_committed(ledger *l, book *b, uint64_t at, weir_view inferred)
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
}

void ledger_end(ledger *l)
{
    pthread_mutex_lock(&l->lock);
    l->ending = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

void ledger_wait(ledger *l, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_cond_timedwait(&l->changed, &l->lock, &until);
}
