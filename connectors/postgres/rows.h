/* rows.h - rows in and out of a table.
 *
 * Rows go through COPY, binary. Those whose keys are surely new go straight into the table, behind a savepoint; should a key be there after all (somebody else
 * wrote), the same bytes go the other way: into a temporary table, and from there they are inserted or take the place of what is there. Deletions are a temporary
 * table of keys. What is on its way is settled before anything else is said to the server.
 *
 * To delete the rows that are there and to insert all costs the server a fifth less than to update them. That is how many rows go, unless somebody has added to the
 * table what would notice the difference: columns, triggers, foreign keys, rules, publications.
 */
#ifndef POSTGRES_ROWS_H
#define POSTGRES_ROWS_H

#include "table.h"

typedef enum flow_mode { FLOW_IDLE, FLOW_STRAIGHT, FLOW_UPSERT, FLOW_REMOVE, FLOW_CHANGE, FLOW_ASK } flow_mode;

/* The rows that are on their way. */
typedef struct flow {
    pg *d;
    table *x;
    flow_mode mode;
    const bool *set;     /* FLOW_CHANGE: which columns */
    pg_encoder e;        /* straight: all of them; otherwise what was not sent yet */
    size_t sent, rows;   /* bytes; rows, sent or not */
    bool warned;         /* of U+0000 */
} flow;

weir_rc pg_rows_store(weir_task *t, flow *f, table *x, const weir_row *rows, size_t count);
/** Answers load(): a document for each key that is there. */
weir_rc pg_rows_load(weir_task *t, flow *f, table *x, const weir_row *keys, size_t count);
/** Nothing is on its way any more: everything is in the table. */
weir_rc pg_rows_settle(weir_task *t, flow *f);
void pg_flow_free(flow *f);

/** For each of these keys that is there: its row, of which `columns` (SQL, of table t) were asked for, from the second field on. */
typedef weir_rc pg_found(weir_task *t, void *arg, size_t at, const PGresult *r);
weir_rc pg_rows_ask(weir_task *t, flow *f, table *x, const weir_row *keys, size_t count, const char *columns, pg_found *found, void *arg);

/* ---- what storing and asking share ---- */

/** The temporary table of a binding's table: "stage", "gone" or "ask". NULL without memory. */
const char *pg_temporary(weir_task *t, const table *x, const char *what);
/** Begins a COPY of this kind unless that is what is open. */
weir_rc pg_flow_open(weir_task *t, flow *f, table *x, flow_mode mode, const bool *set);
/** Appends the row; *misfit is the first column that cannot hold its value, x->count if there is none: then the row is not appended. */
weir_rc pg_flow_put(weir_task *t, flow *f, const weir_row *row, uint32_t at, size_t *misfit);
/** Ends the COPY. */
weir_rc pg_flow_close(weir_task *t, flow *f, bool *ret_duplicate);

#endif
