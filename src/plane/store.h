/* store.h - weir.db: the state of tasks and the committed offsets of journals (SQLite, WAL, synchronous FULL). The one thing
 * that says what happened. Thread-safe: calls are serialised. Also holds the lock on the data folder: two runs on one folder
 * are refused, naming the other's pid.
 */
#ifndef WEIR_PLANE_STORE_H
#define WEIR_PLANE_STORE_H

#include "base/arena.h"
#include "base/err.h"

typedef struct store store;

typedef struct offset {
    weir_view journal; /* the collection's name */
    uint64_t at;
} offset;

/** A folder that has journals but no weir.db is WEIR_E_CONFIG. @param read_only for reports: no lock is taken, nothing is made */
weir_rc store_open(store **ret, const char *data_dir, bool read_only, err *e);
void store_close(store *s);

/** Which data folder this is: random, for ever; in base64. Empty if it was opened to be read only. */
weir_view store_identity(const store *s);

/** A task's state (JSON object text; empty if new) into the arena. */
weir_rc store_state(store *s, weir_view task, arena *a, weir_view *ret, err *e);
/** The committed length of a journal; 0 if new. */
weir_rc store_journal(store *s, weir_view journal, uint64_t *ret, err *e);
/** Where a reading task is in a journal, under a reader name (task + state key); 0 if new. */
weir_rc store_read_offset(store *s, weir_view reader, weir_view journal, uint64_t *ret, err *e);
/** The inferred schema of a collection (JSON text; empty if none). */
weir_rc store_inferred(store *s, weir_view collection, arena *a, weir_view *ret, err *e);

/** What stands in a journal before `at`, and behind the mark before, was committed in this second. */
typedef struct time_mark {
    int64_t second; /* since 1970; ascending. 0: it is not known */
    uint64_t at;
} time_mark;

/** The first marks behind `from`, in order. */
weir_rc store_times(store *s, weir_view journal, uint64_t from, time_mark *marks, size_t most, size_t *ret_count, err *e);

/** One commit, all or nothing. Empty parts are left as they were. `task` owns the read offsets: they are forgotten with it. */
typedef struct store_commit {
    weir_view task, state;               /* state: the whole new state */
    const offset *journals; size_t journal_count;   /* committed lengths */
    int64_t now;                         /* seconds since 1970: when that is; 0: no mark is made */
    weir_view reader;                    /* for read offsets */
    const offset *reads; size_t read_count;
    const weir_view *inferred; size_t inferred_count; /* pairs: collection, schema */
    uint64_t documents, bytes;           /* added to the task's totals */
} store_commit;
weir_rc store_commit_all(store *s, const store_commit *c, err *e);

/** What a task has noted under a name: any bytes; {NULL, 0} if nothing. */
weir_rc store_note(store *s, weir_view task, weir_view name, arena *a, weir_view *ret, err *e);
/** Notes something, at once. */
weir_rc store_put_note(store *s, weir_view task, weir_view name, weir_view value, err *e);

/** What a task has that is called `from`, one called `to` has too: state, notes, offsets in what it reads; not its totals. */
typedef struct store_copy {
    weir_view from, to;
} store_copy;
/** All of them, and a note of `task`, at once. */
weir_rc store_copy_tasks(store *s, const store_copy *copies, size_t count, weir_view task, weir_view note, weir_view value, err *e);

/** Totals of a task since ever. */
weir_rc store_totals(store *s, weir_view task, uint64_t *documents, uint64_t *bytes, err *e);
/** Forgets a task: state, notes and offsets (not journals). */
weir_rc store_forget(store *s, weir_view task, err *e);

#endif
