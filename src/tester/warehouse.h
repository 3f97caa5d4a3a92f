/* warehouse.h - the database that a test of a source fills, through weir_sql: one table for each of the source's, with the platform's own columns.
 *
 *     _fivetran_synced    when a row was last touched
 *     _fivetran_deleted   is it gone?
 *     _fivetran_id        of tables without a key: a hash of the row
 */
#ifndef WEIR_TESTER_WAREHOUSE_H
#define WEIR_TESTER_WAREHOUSE_H

#include "run/session.h"
#include "tester/tables.h"

#define TESTER_SYNCED "_fivetran_synced"
#define TESTER_DELETED "_fivetran_deleted"
#define TESTER_ID "_fivetran_id"

/** What works on the warehouse, inside of one session_call(). */
typedef struct warehouse {
    weir_task *task;
    void *self;
    const weir_sql *sql;
    const char *schema; /* --destination-schema */
    bool open;          /* a transaction is */
    uint64_t number;    /* its number */
} warehouse;

/** The type of a column there. */
weir_sql_type tester_sql_type(ft_type type);
/** A column as it is to be there. Its type is never NULL: one of which nothing is known is text. */
weir_sql_column tester_stored_column(const tester_column *c);
/** A column as it is there; NULL: it is not. */
const weir_sql_column *tester_stored_named(const tester_table *x, weir_view name);

/** Begins a transaction unless one is open. */
weir_rc tester_warehouse_begin(warehouse *w);
weir_rc tester_warehouse_commit(warehouse *w);
weir_rc tester_warehouse_rollback(warehouse *w);
/** Makes the table as it should be, whatever is there: creates it, adds columns, widens types, changes the key. */
weir_rc tester_warehouse_fit(warehouse *w, tester_tables *t, tester_table *x);
/** Runs a statement over rows. */
weir_rc tester_warehouse_run(warehouse *w, const buf *sql, const weir_sql_value *values, size_t columns, size_t rows);
/** The table as a statement names it. */
weir_view tester_warehouse_name(warehouse *w, const tester_table *x);

#endif
