/* db.h - the database file: connection, transactions, the fence, and which code an SQLite error becomes. */
#ifndef SQLITE_DB_H
#define SQLITE_DB_H

#include <sqlite3.h>
#include <weir.h>

#include "lite_error.h"
#include "lite_value.h"

typedef struct db {
    sqlite3 *sqlite;  /* NULL: not connected */
    const char *path; /* borrowed from the settings */
    char *task_name;  /* empty: somebody else keeps the position, so there is neither checkpoint nor fence */
    lite_wait wait;      /* its task is the one whose callback runs */
    int64_t cache_mb;
    bool in_transaction;
    bool broken; /* a transaction was rolled back: what was stored in it is gone, so nothing may be committed */
    uint32_t key_begin, key_end; /* which keys it stores: those of a shard */
    /* The checkpoint as open() found it, and of which row, see fence.h. Who writes first takes over, if all is still as it was found. */
    int64_t row;          /* 0: there was none */
    int64_t fence;
    weir_view checkpoint; /* allocated */
    bool ours;            /* it has taken over: `fence` is that of our own row */
    struct lite_sql *sql; /* see sql.h; NULL: not used so far */
    lite_text left, right; /* of weir_cursor_order(): values as JSON */
} db;

/** Zeroed memory of the task, for count * size bytes; a count of 0 gives a valid pointer. NULL without memory. */
void *lite_zeroed(weir_task *t, size_t count, size_t size);
/** Fails with the code and the words for what SQLite reports: `doing` "opening", "reading", "writing". */
weir_rc lite_fail(weir_task *t, const db *d, const char *doing);

/** Looks at the file without changing it. Stays unconnected if there is none. Hands the checkpoint to weir_resume(); it is empty if
 *  there is none yet. */
weir_rc lite_open(weir_task *t, db *d);
void lite_close(db *d);
/** Connects, and makes the file if there is none. */
weir_rc lite_connect(weir_task *t, db *d);
/** Before the first transaction that writes. */
weir_rc lite_use_wal(weir_task *t, db *d);

/** Name of an SQL function, LITE_ORDER(a, b, types, pointer): weir_cursor_compare() of two stored values of a column whose types are WEIR_IS_...; with a
 *  pointer that is not NULL, of members of two JSON objects. */
#define LITE_ORDER "weir_cursor_order"

/** Runs SQL text without rows. Takes `sql` from sqlite3_mprintf() or sqlite3_str_finish() and frees it; NULL is out of memory. */
weir_rc lite_run(weir_task *t, db *d, char *sql);
weir_rc lite_exec(weir_task *t, db *d, const char *sql);
weir_rc lite_prepare(weir_task *t, db *d, char *sql, sqlite3_stmt **ret);
/** Prepares, binds the texts and steps once. *ret is NULL if there is no row; otherwise the caller finalizes it. */
weir_rc lite_query(weir_task *t, db *d, const char *sql, const char *const *texts, int count, sqlite3_stmt **ret);

/** Begins a write transaction unless one is open. The first one makes the file and takes over the fence; each finds "fenced off".
 */
weir_rc lite_begin(weir_task *t, db *d);
/** Ends it; with a checkpoint, that is stored in it. NULL: only what was done. */
weir_rc lite_commit(weir_task *t, db *d, const weir_view *checkpoint);
void lite_rollback(db *d);

#endif
