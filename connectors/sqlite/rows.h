/* rows.h - rows in and out of a table. */
#ifndef SQLITE_ROWS_H
#define SQLITE_ROWS_H

#include "table.h"

/** Stores or deletes rows of the table's binding, within the open transaction. `scratch` is overwritten. */
weir_rc lite_rows_store(weir_task *t, db *d, table *x, const weir_row *rows, size_t count, lite_text *scratch);
/** Answers load(): a document for each key that is there. */
weir_rc lite_rows_load(weir_task *t, db *d, table *x, const weir_row *keys, size_t count, lite_text *scratch, lite_text *out);

#endif
