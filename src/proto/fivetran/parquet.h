/* parquet.h - batch files as Parquet (fivetran.md 2.5). DuckDB does it, in the plug-in of materialize-duckdb, which is loaded when it is first needed. What is read
 * or written lies in memory only (memfd), never on a disk.
 *
 *     type                     in a file
 *     BOOLEAN                  boolean
 *     SHORT, INT               INT32
 *     LONG                     INT64
 *     FLOAT, DOUBLE            float, double
 *     DECIMAL                  decimal, with as many digits as the column says or its values need; a string if those are more than 38
 *     BINARY                   bytes
 *     all others               string, as in CSV
 *
 * Null is null. A column that leaves some of its values unmodified is a string, with all values as in CSV: the page does not say how a boolean or a number tells
 * it. Read is each of these for any type that can hold the value, and dates, times and timestamps of Parquet's own, too; in strings the marks for null and
 * unmodified count.
 */
#ifndef WEIR_PROTO_FIVETRAN_PARQUET_H
#define WEIR_PROTO_FIVETRAN_PARQUET_H

#include <weir_parquet.h>

#include "base/arena.h"
#include "base/err.h"
#include "proto/fivetran/types.h"

/** The plug-in's functions. WEIR_E_CONFIG: it is not there, or cannot be loaded. */
weir_rc ft_parquet_load(const weir_parquet **ret, err *e);
/** An error of the plug-in's, in its words. @return rc */
weir_rc ft_parquet_fail(weir_rc rc, const char *why, err *e);
/** An empty file in memory, to be closed; the path by which it can be opened. */
enum { FT_MEMORY_PATH = 40 };
weir_rc ft_memory_file(int *ret_fd, char ret_path[FT_MEMORY_PATH], err *e);

/* ---- reading: parquet_read.c ---- */

typedef struct ft_parquet ft_parquet;
struct ft_input;

/** Is this how a Parquet file begins? CSV does not: its names have no control characters. Needs 5 bytes. */
bool ft_is_parquet(weir_view beginning);
/** @param beginning what was already read of it  @param rest borrowed, and read to its end now */
weir_rc ft_parquet_open(ft_parquet **ret, weir_view beginning, struct ft_input *rest, err *e);
size_t ft_parquet_columns(const ft_parquet *p);
weir_view ft_parquet_name(const ft_parquet *p, size_t column);
/** Rows as the file has them, up to `max`, good until the next call. *ret_count is 0 at the end only. */
weir_rc ft_parquet_next(ft_parquet *p, weir_sql_value *values, size_t max, size_t *ret_count, err *e);
/** Is it text, which may be a mark? */
bool ft_parquet_is_text(const weir_sql_value *v);
/** A value of the file as one of a column's type. @return false: it is none, or there is no memory (a->failed) */
bool ft_parquet_value(weir_sql_type type, const weir_sql_value *from, arena *a, weir_sql_value *ret);
/** Accepts NULL. */
void ft_parquet_free(ft_parquet *p);

/* ---- writing: parquet_write.c ---- */

typedef struct ft_parquet_file ft_parquet_file;
struct ft_cell;

/** @param columns copied  @param unmodified_string borrowed */
weir_rc ft_parquet_begin(ft_parquet_file **ret, const ft_table *columns, const char *unmodified_string, err *e);
/** WEIR_E_CONFIG: a cell is not of its column's type */
weir_rc ft_parquet_row(ft_parquet_file *f, const struct ft_cell *cells, err *e);
/** About how many bytes it has. */
uint64_t ft_parquet_size(const ft_parquet_file *f);
/** @param ret_fd the file, in memory, at its beginning; to be closed */
weir_rc ft_parquet_finish(ft_parquet_file *f, int *ret_fd, err *e);
/** Accepts NULL. */
void ft_parquet_drop(ft_parquet_file *f);

#endif
