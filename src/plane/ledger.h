/* ledger.h - the collections of a run: their journals, who is writing, how far they are committed, what was learned of their schemas.
 *
 * Uncommitted bytes of two captures must not mix in one journal, so a capture takes all journals of its transaction at once (in the order of their
 * names: no deadlock) and gives them back with its commit.
 */
#ifndef WEIR_PLANE_LEDGER_H
#define WEIR_PLANE_LEDGER_H

#include <pthread.h>

#include "json/infer.h"
#include "plane/catalog.h"
#include "plane/journal.h"
#include "plane/store.h"

typedef struct book { /* one collection */
    const collection *c;
    journal *j;              /* NULL until a capture writes to it */
    const void *writer;      /* who has it; guarded by ledger.lock */
    uint64_t committed;      /* guarded by ledger.lock */
    shape *shape;            /* NULL: its schema is not inferred. Used by its writer only */
    bool widened;            /* the writer's: not yet committed */
    weir_view inferred;      /* committed schema text, malloc'ed; guarded by ledger.lock */
    unsigned version;        /* of inferred: counts up; guarded by ledger.lock */
} book;

typedef struct ledger {
    const char *data_dir;
    store *store;
    book *books;             /* sorted by name */
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t changed;  /* something was committed, given back, or the run is ending. Waits on CLOCK_MONOTONIC */
    bool ending;
} ledger;

/** Makes a book for each collection of the catalog that a task uses. */
weir_rc ledger_open(ledger *l, const catalog *c, store *s, const char *data_dir, err *e);
void ledger_close(ledger *l);
book *ledger_book(ledger *l, weir_view name);

/** Opens the journal for writing, cut back to what is committed; fine if it is open. */
weir_rc book_open(ledger *l, book *b, err *e);
/** Takes all of them for `who`, waiting for others; `books` must be sorted and without duplicates. @return false: the run is ending */
bool ledger_take(ledger *l, book *const *books, size_t count, const void *who);
void ledger_give_back(ledger *l, book *const *books, size_t count, const void *who);
/** Publishes a commit: wakes readers. */
void ledger_committed(ledger *l, book *b, uint64_t at, weir_view inferred);
/** Tells everybody who waits that the run is ending. */
void ledger_end(ledger *l);
/** Waits until something changes, at most `ms`. The lock must be held. */
void ledger_wait(ledger *l, int ms);

#endif
