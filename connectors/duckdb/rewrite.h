/* rewrite.h - a statement for one row of parameters becomes one for a table of them, so that DuckDB works through thousands of rows at a time:
 *
 *     INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO ...      INSERT INTO t (a, b) SELECT weir_rows.c1, weir_rows.c2 FROM weir_rows ON CONFLICT ...
 *     UPDATE t SET b = ? WHERE a = ?                                UPDATE t SET b = weir_rows.c1 FROM weir_rows WHERE a = weir_rows.c2
 *     DELETE FROM t WHERE a = ?                                     DELETE FROM t USING weir_rows WHERE a = weir_rows.c1
 *
 * For rows of which each touches another row of the table the result is the same. Which parameters say so is found here, too.
 */
#ifndef DUCKDB_REWRITE_H
#define DUCKDB_REWRITE_H

#include "value.h"

#define DUCK_ROWS "weir_rows" /* the table of parameters; its columns are c1, c2 ... */

/** @param ret_sql to be freed  @param ret_keys to be freed; one for each parameter: does it identify the row? None does: rows do not depend on each other
 *  @return false: it is another kind of statement, or one that is to be run row by row; or there is no memory. Then there is nothing to free */
bool duck_rewrite(const char *sql, const duck_carrier *carriers, size_t columns, char **ret_sql, bool **ret_keys);

#endif
