/* rows.h - rows in and out of a table. */
#ifndef SQLITE_ROWS_H
#define SQLITE_ROWS_H

#include "table.h"

/** Can the column hold the value? */
bool lite_fits(const column *c, const lite_value *v);
/** Binds a value, which must stay where it is until the row is stepped. @return SQLite's code */
int lite_bind(sqlite3_stmt *st, int at, const lite_value *v);
/** Stores or deletes rows of the table's binding, within the open transaction. `scratch` is overwritten. */
weir_rc lite_rows_store(weir_task *t, db *d, table *x, const weir_row *rows, size_t count, lite_text *scratch);
/** Answers load(): a document for each key that is there. */
weir_rc lite_rows_load(weir_task *t, db *d, table *x, const weir_row *keys, size_t count, lite_text *scratch, lite_text *out);

/* ---- what storing, updating (update.c) and loading (load.c) share ---- */

/** Appends the condition that a row has the key, whose values are the first parameters. */
void lite_rows_add_key(sqlite3_str *sql, const table *x);
/** The statement that reads the row of a key. */
char *lite_rows_get_sql(const table *x);
/** Room for everything that the first `count` values of a row may have to be decoded into: it must not move while they are bound. */
bool lite_rows_make_room(lite_text *scratch, const weir_view *values, size_t count);
/** Binds the first `count` values; *misfit is the first that its column cannot hold, `count` if there is none. */
weir_rc lite_rows_bind(weir_task *t, db *d, table *x, sqlite3_stmt *st, const weir_row *row, size_t count,
                       lite_text *scratch, size_t *misfit, bool *ret_null);
/** Runs a statement that gives no rows. */
weir_rc lite_rows_step(weir_task *t, db *d, sqlite3_stmt *st);
/** A column of a result; good until the statement goes on. */
lite_value lite_rows_read_back(sqlite3_stmt *row, int at);
/** Changes the columns that the part has; a row that is not there stays so. */
weir_rc lite_rows_update(weir_task *t, db *d, table *x, const weir_row *row, lite_text *scratch);

#endif
