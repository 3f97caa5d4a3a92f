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

#endif
