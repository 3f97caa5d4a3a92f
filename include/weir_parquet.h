/* weir_parquet.h - Parquet files, as the plug-in with DuckDB gives them to the library (src/proto/fivetran/parquet.c) and to
 * materialize-files. Not for connectors outside of this tree, and not installed.
 *
 * Files are named by a path that DuckDB opens; nothing else is written anywhere. What goes wrong is told as text into `why`, of WEIR_PARQUET_WHY bytes. The
 * functions need nothing of the library, so that any program can load the plug-in.
 */
#ifndef WEIR_PARQUET_H
#define WEIR_PARQUET_H

#include <weir.h>

enum { WEIR_PARQUET_ABI = 2, WEIR_PARQUET_WHY = 512 };

typedef struct weir_parquet_reader weir_parquet_reader;
typedef struct weir_parquet_writer weir_parquet_writer;

/** A column of a file that is written. Values are given as texts. */
typedef struct weir_parquet_column {
    weir_view name;
    weir_sql_type type;        /* BOOLEAN, INT, LONG, FLOAT, DOUBLE, DECIMAL, DATE; TIMESTAMP: RFC 3339; BINARY, of which the text is base64; TEXT: as it is */
    uint32_t precision, scale; /* of a decimal */
} weir_parquet_column;

typedef struct weir_parquet {
    int abi;
    /** @return WEIR_E_PROTOCOL: it is no Parquet file, or has a column that no value can hold; WEIR_E_NOMEM */
    weir_rc (*open)(weir_parquet_reader **ret, const char *path, char *why);
    size_t (*columns)(const weir_parquet_reader *);
    weir_view (*name)(const weir_parquet_reader *, size_t column);
    /** Up to `max` rows into `values`, row by row, good until the next call. *ret_count is 0 at the end only. */
    weir_rc (*next)(weir_parquet_reader *, weir_sql_value *values, size_t max, size_t *ret_count, char *why);
    void (*close)(weir_parquet_reader *); /**< accepts NULL */
    /** Rows are kept in memory until finish(). */
    weir_rc (*begin)(weir_parquet_writer **ret, size_t columns, char *why);
    /** A row; a text whose ptr is NULL is null. */
    weir_rc (*row)(weir_parquet_writer *, const weir_view *texts, char *why);
    /** Writes the file, with columns of these types. WEIR_E_CONFIG: a value is not of its column's type */
    weir_rc (*finish)(weir_parquet_writer *, const weir_parquet_column *columns, const char *path, char *why);
    void (*drop)(weir_parquet_writer *); /**< also after finish(); accepts NULL */
    /** As finish(), compressed: "snappy", "gzip", "zstd" or "uncompressed". */
    weir_rc (*finish_as)(weir_parquet_writer *, const weir_parquet_column *columns, const char *path, const char *compression, char *why);
} weir_parquet;

/** The plug-in's symbol. */
typedef const weir_parquet *weir_parquet_functions(void);
extern WEIR_API weir_parquet_functions weir_duckdb_parquet;

#endif
