/* duck.h - a connection to a DuckDB database, and which code an error of DuckDB's becomes. */
#ifndef DUCKDB_DUCK_H
#define DUCKDB_DUCK_H

#include <duckdb.h>
#include <weir.h>

enum { DUCK_PREPARED = 16 }; /* statements kept prepared */

typedef struct duck_statement {
    char *sql;
    duckdb_prepared_statement prepared;
} duck_statement;

typedef struct duck {
    duckdb_database database;
    duckdb_connection connection; /* NULL: not connected yet */
    const char *path; /* borrowed from the settings */
    int64_t memory_mb, threads; /* 0: as DuckDB likes */
    bool in_transaction;
    duck_statement statements[DUCK_PREPARED]; /* a ring */
    unsigned next;
} duck;

/** Fails with the code for this kind of error; `words` are DuckDB's. `doing`: "opening", "writing to" ... */
weir_rc duck_fail(weir_task *t, const duck *d, const char *doing, duckdb_error_type type, const char *words);
/** Opens the database, and makes it, unless that was done. The calls below do it themselves. */
weir_rc duck_connect(weir_task *t, duck *d);
/** Runs SQL text without parameters or rows. */
weir_rc duck_exec(weir_task *t, duck *d, const char *sql);
/** The statement, prepared: from the ring, or anew. Its bindings are cleared. */
weir_rc duck_prepare(weir_task *t, duck *d, const char *sql, duckdb_prepared_statement *ret);
/** Forgets all prepared statements. */
void duck_forget(duck *d);

extern const weir_sql duck_sql;

#endif
