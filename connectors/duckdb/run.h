/* run.h - statements with parameters: a few rows through a prepared statement, many as a table of their own. */
#ifndef DUCKDB_RUN_H
#define DUCKDB_RUN_H

#include "duck.h"

/** Of rows that go in bulk ret_done counts none of those that failed together. */
weir_rc duck_run(weir_task *t, void *self, const char *sql, const weir_sql_value *values, size_t columns, size_t rows, size_t *ret_done);
weir_rc duck_query(weir_task *t, void *self, const char *sql, const weir_sql_value *values, size_t columns,
                   weir_rc (*row)(weir_task *, void *arg, const weir_sql_value *values, size_t columns), void *arg);

#endif
