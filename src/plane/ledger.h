/* ledger.h - the collections of a run: their journals, who is writing, how far they are committed, what was learned of their schemas.
 *
 * Uncommitted bytes of two captures must not mix in one journal, so a capture takes all journals of its transaction at once (in the order of their
 * names: no deadlock; in the order of asking: no capture starves) and gives them back with its commit.
 */
#ifndef WEIR_PLANE_LEDGER_H
#define WEIR_PLANE_LEDGER_H

#include <pthread.h>

#include "base/log.h"
#include "json/infer.h"
#include "plane/catalog.h"
#include "plane/journal.h"
#include "plane/store.h"

typedef struct book { /* one collection */
    const collection *c;
    journal *j;              /* NULL until a capture writes to it. Used by its writer only */
    weir_view writer;        /* the task that has it, or had it last; guarded by ledger.lock */
    uint64_t turns, turn;    /* tickets: how many were given out, and whose turn it is; equal: it is free. Guarded by ledger.lock */
    uint64_t committed;      /* guarded by ledger.lock */
    bool unsettled;          /* it was left with documents of which nobody here knows whether they count; guarded by ledger.lock */
    shape *shape;            /* NULL: its schema is not inferred. Used by its writer only */
    bool widened;            /* the writer's: not yet committed */
    weir_view inferred;      /* committed schema text, malloc'ed; guarded by ledger.lock */
    unsigned version;        /* of inferred: counts up; guarded by ledger.lock */
    size_t writers;          /* tasks of this run that may still write to it; guarded by ledger.lock */
} book;

typedef struct ledger {
    const char *data_dir;
    log_sink *log;
    store *store;
    book *books;             /* sorted by name */
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t changed;  /* something was committed, given back, or the run is ending. Waits on CLOCK_MONOTONIC */
    bool ending;
} ledger;

/** Makes a book for each collection of the catalog. `log` hears of captures that wait long for their turn. */
weir_rc ledger_open(ledger *l, const catalog *c, store *s, const char *data_dir, log_sink *log, err *e);
void ledger_close(ledger *l);
book *ledger_book(ledger *l, weir_view name);

/** Looks whether a journal that nobody has can be written: opens it, cut back to what is committed. What is wrong with it is known at once then. */
weir_rc ledger_check(ledger *l, book *b, err *e);
/** Takes all of them for the task called `who`, waiting for others, with their journals open and cut back to what is committed. `books` must be sorted and without
 *  duplicates. WEIR_STOPPED: the run is ending */
weir_rc ledger_take(ledger *l, book *const *books, size_t count, weir_view who, err *e);
/** Gives them back. What was appended and not committed is taken out of the journals again. */
void ledger_give_back(ledger *l, book *const *books, size_t count);
/** The same, but what was appended stays where it is, and the journals are closed: somebody else knows whether it counts. Nobody can take them before that is
 *  settled: who tries is told WEIR_STOPPED. */
void ledger_leave(ledger *l, book *const *books, size_t count);
void ledger_settle(ledger *l, book *b);
/** One more task writes to the book; or it has ended, and who waits for more to read is woken. */
void ledger_begin_writer(ledger *l, book *b);
void ledger_end_writer(ledger *l, book *b);
/** The writer of a collection that learns its schema has a document for it. */
weir_rc book_observe(book *b, weir_view doc, err *e);
/** What the writer has learned since the last commit: the schema, appended to text; empty: nothing. */
weir_view book_learned(book *b, buf *text);
/** Publishes a commit: wakes readers. @param inferred empty: as before  @return false: no memory for the schema; it is to be said again with the next commit */
bool ledger_committed(ledger *l, book *b, uint64_t at, weir_view inferred);
/** Tells everybody who waits that the run is ending. */
void ledger_end(ledger *l);
bool ledger_is_ending(ledger *l);
/** Wakes everybody who waits, to look around. */
void ledger_wake(ledger *l);
/** Waits until something changes. The lock must be held. */
void ledger_wait(ledger *l);
/** The same for `ms` at most; negative: as long as it takes. */
void ledger_wait_for(ledger *l, int64_t ms);

#endif
