/* rows.h - records of a source on their way into the warehouse: gathered by table while they are of one kind, so that a statement runs over many. */
#ifndef WEIR_TESTER_ROWS_H
#define WEIR_TESTER_ROWS_H

#include "proto/fivetran/record.h"
#include "tester/warehouse.h"

enum {
    TESTER_ROWS = 20000,        /* of a table, before they are written */
    TESTER_ROWS_BYTES = 16 << 20 /* of their texts */
};

/** Takes a record: checks it, counts it, gathers it; rows that are waiting and are of another kind are written first.
 *  @param synced when it came, RFC 3339 */
weir_rc tester_rows_take(warehouse *w, tester_tables *t, const ft_record *rec, weir_view synced, report *r);
/** Writes what waits, of one table or of all. */
weir_rc tester_rows_flush(warehouse *w, tester_tables *t, tester_table *x);
weir_rc tester_rows_flush_all(warehouse *w, tester_tables *t);
/** Frees what waits, of all tables. */
void tester_rows_free(tester_tables *t);

#endif
