/* db.h - the database of a derivation: an exclusive transaction that is always open, migrations, the checkpoint. */
#ifndef DSQL_DB_H
#define DSQL_DB_H

#include "error.h"
#include "lite_error.h"

typedef struct dsql_db {
    sqlite3 *sqlite;     /* NULL: not open */
    const char *path;    /* borrowed; ":memory:" */
    lite_wait wait;      /* its task is the one whose callback runs */
    bool guarded;        /* SQL of the catalog is prepared or runs: it may not do what is the runtime's business */
    const char *refused; /* why the last statement was not authorized; NULL: it was */
    bool broken;         /* a statement has failed: nothing may be committed any more */
    int64_t version;     /* PRAGMA data_version, in a file: whether somebody else has written */
    sqlite3_stmt *put_checkpoint, *get_version;
} dsql_db;

typedef struct dsql_migrations {
    const char *const *scripts; /* SQL, or names of files that are not there */
    size_t count;
    bool validating; /* those are left out */
    size_t failed;   /* set: the number of the one that failed, from 1 */
} dsql_migrations;

/** Opens it, begins the transaction, makes the tables and runs the migrations that have not been run. `d` has path and wait.
 *  @return WEIR_E_CONFIG if a script fails: where and why */
weir_rc dsql_db_open(dsql_db *d, dsql_migrations *m, int64_t cache_mb, dsql_error *e);
void dsql_db_close(dsql_db *d);
bool dsql_db_in_memory(const dsql_db *d);

/** What was stored with the last commit; in the task's memory. */
weir_rc dsql_db_checkpoint(weir_task *t, dsql_db *d, weir_view *ret);
/** Commits, with the checkpoint unless it is empty, and begins anew. WEIR_E_CONFIG if another process has written meanwhile. */
weir_rc dsql_db_commit(weir_task *t, dsql_db *d, weir_view checkpoint);

/** What an error of the last call is: without the statement's place. */
weir_rc dsql_db_error(dsql_db *d, int code, dsql_error *e);
/** Prepares a statement that stands at `line` of its block. *ret is NULL for a comment. */
weir_rc dsql_db_prepare(dsql_db *d, weir_view sql, size_t line, sqlite3_stmt **ret, dsql_error *e);

#endif
