/* parquet.h - rows that become a Parquet file, through the plug-in of DuckDB. */
#ifndef FILES_PARQUET_H
#define FILES_PARQUET_H

#include "lite_value.h"

typedef struct parquet parquet;

typedef struct parquet_column {
    weir_view name;
    unsigned types;      /* WEIR_IS_... */
    weir_view format, encoding;
} parquet_column;

/** Is there a plug-in? WEIR_E_CONFIG: none; the error says why. */
weir_rc parquet_check(weir_task *t);
/** @param columns must outlive it */
weir_rc parquet_open(weir_task *t, parquet **ret, const parquet_column *columns, size_t count);
/** A row, of JSON texts. */
weir_rc parquet_row(weir_task *t, parquet *p, const weir_view *values);
/** Writes the file, with the narrowest types that hold every value exactly, and fsyncs it; frees p, also on failure. */
weir_rc parquet_finish(weir_task *t, parquet *p, const char *path, const char *compression);
/** Accepts NULL. */
void parquet_drop(parquet *p);

#endif
