/* pg.h - the connection: statements, COPY, transactions, and which code an SQLSTATE becomes (pg.c); the fence (fence.c). */
#ifndef POSTGRES_PG_H
#define POSTGRES_PG_H

#include <libpq-fe.h>
#include <weir.h>

#include "lite_value.h" /* lite_text: bytes that grow; JSON strings */

typedef struct advanced {
    const char *sslmode, *sslrootcert, *nul;
    int64_t lock_timeout;
} advanced;

typedef struct settings {
    const char *address, *database, *user, *password, *schema;
    advanced more;
} settings;

typedef struct pg {
    PGconn *conn;
    const settings *s;
    char *task_name;      /* empty: somebody else keeps the position, so there is neither checkpoint nor fence */
    bool in_transaction;
    bool broken;          /* a transaction was rolled back: what was stored in it is gone, so nothing may be committed */
    bool copying;         /* a COPY is open: nothing else may be said */
    bool lock_timed_out;  /* since pg_blocked() */
    bool ours;            /* the fence was raised: rows may be stored */
    int64_t fence;
    uint32_t key_begin, key_end; /* which keys are this shard's */
    uint64_t transaction; /* counts them */
    struct prepared *prepared; /* see sql.c; NULL: none */
} pg;

weir_rc pg_nomem(weir_task *t);
/** Zeroed memory of the task, for count * size bytes; NULL without memory. */
void *pg_zeroed(weir_task *t, size_t count, size_t size);

/** Connects, and looks whether this is a server that can be used. */
weir_rc pg_connect(weir_task *t, pg *d);
void pg_close(pg *d);
/** A connection of the same settings, which may have failed. The caller ends it. */
weir_rc pg_open(weir_task *t, const settings *s, PGconn **ret);
/** For pg_close(). */
void pg_sql_forget(pg *d);

/** Fails with the code and the words for what the server or libpq reports. @param r NULL: what the connection says */
weir_rc pg_fail(weir_task *t, pg *d, const PGresult *r, const char *doing);
/** Which code an SQLSTATE becomes. */
weir_rc pg_code(const char *sqlstate);

/** A name in double quotes; a text in single ones; a table with its schema. In the task's memory, NULL without. */
const char *pg_name(weir_task *t, const char *name);
const char *pg_literal(weir_task *t, pg *d, const char *text, size_t len);
const char *pg_table(weir_task *t, const char *schema, const char *name);
/** A table of the connector's own, such as "weir_tables". */
const char *pg_own(weir_task *t, const pg *d, const char *name);

/** Runs statements without rows. NULL is out of memory. */
weir_rc pg_run(weir_task *t, pg *d, const char *sql);
/** The same. @param ret_duplicate set where a key was there already, which is not a failure yet: the transaction is to be rolled back to a savepoint */
weir_rc pg_run_unique(weir_task *t, pg *d, const char *sql, bool *ret_duplicate);
/** As pg_run(), of one statement; says how many rows it touched. */
weir_rc pg_change(weir_task *t, pg *d, const char *sql, size_t *ret_rows);
/** Runs a query; its parameters are texts. The caller clears *ret. */
weir_rc pg_query(weir_task *t, pg *d, const char *sql, const char *const *texts, int count, PGresult **ret);

/** COPY ... FROM STDIN (FORMAT binary): begin, rows, end. @param ret_duplicate as in pg_run_unique() */
weir_rc pg_copy_begin(weir_task *t, pg *d, const char *sql);
weir_rc pg_copy_send(weir_task *t, pg *d, const char *bytes, size_t len);
weir_rc pg_copy_end(weir_task *t, pg *d, bool *ret_duplicate);

/** Begins a transaction unless one is open. */
weir_rc pg_begin(weir_task *t, pg *d);
/** Ends it; with a checkpoint, that is stored in it behind the fence. NULL: only what was done. */
weir_rc pg_commit(weir_task *t, pg *d, const weir_view *checkpoint);
void pg_rollback(pg *d);

/* ---- the connector's own tables (fence.c) ---- */

/** Makes a schema unless there is one: who may not make any can still use those that are there. */
weir_rc pg_make_schema(weir_task *t, pg *d, const char *schema, bool *ret_made);
/** Makes the connector's own tables, in the open transaction. */
weir_rc pg_make_own(weir_task *t, pg *d);
/** Are they there? */
weir_rc pg_has_own(weir_task *t, pg *d, bool *ret);
/** Until the open transaction ends, nobody else changes tables with it. */
weir_rc pg_lock_changes(weir_task *t, pg *d);
/** Behind the rows, in their transaction (flow.md 5.6, pattern 1); refused if a newer run has taken over. */
weir_rc pg_write_checkpoint(weir_task *t, pg *d, weir_view checkpoint);
/** Refuses older runs from now on, with the open transaction: what they have not committed they cannot commit any more. @param all those of other ranges, too */
weir_rc pg_raise_fence(weir_task *t, pg *d, bool all);
/** Takes over: raises the fence, gives the stored checkpoint to weir_resume(), and ends the sessions of older runs. */
weir_rc pg_take_over(weir_task *t, pg *d);
/** A failure: was the connection lost because a newer run has ended it? Then that is the error. @return rc, or that one */
weir_rc pg_lost(weir_task *t, pg *d, weir_rc rc);
/** A failure, after the transaction was rolled back: was it a lock that could not be had in time? Then it says who has it, as far as that can be seen. @return rc */
weir_rc pg_blocked(weir_task *t, pg *d, weir_rc rc);
/** Has this task stored a checkpoint before? */
weir_rc pg_has_checkpoint(weir_task *t, pg *d, bool *ret);

#endif
