/* batch_read.h - batch files: rows of typed values out of CSV, decrypted and unpacked on the way (fivetran.md 2.5). Memory is that of a block, or of the largest row;
 * of Parquet (parquet.h) it is that of the file.
 */
#ifndef WEIR_PROTO_FIVETRAN_BATCH_READ_H
#define WEIR_PROTO_FIVETRAN_BATCH_READ_H

#include "proto/fivetran/batch_read_value.h"

#include "base/err.h"

typedef enum ft_packing { FT_PACKED_NOT = 0, FT_PACKED_ZSTD, FT_PACKED_GZIP } ft_packing;

/** FileParams. */
typedef struct ft_batch_format {
    ft_packing packing;
    bool aes;
    weir_view null_string, unmodified_string; /* compared with the text of a field before it is read as anything */
} ft_batch_format;

/** In a row a value that was not given, because it has not changed: WEIR_SQL_NULL with this as its integer. */
enum { FT_UNMODIFIED = 1 };
static inline bool ft_is_unmodified(const weir_sql_value *v) { return v->type == WEIR_SQL_NULL && v->integer == FT_UNMODIFIED; }

typedef struct ft_rows {
    weir_sql_value *values; /* count * columns of the table, in its order; NULL where the file has no such column. May be changed */
    size_t count;
    uint64_t first;         /* number of the first of them in the file, from 1; the header is not counted */
} ft_rows;

typedef struct ft_batch_reader ft_batch_reader;

/** Opens a file and reads its header. Borrows everything but `path` and the key.
 *  @param key 32 bytes, if format->aes  @param columns of the table: what the values are read as
 *  @return WEIR_E_CONFIG: it cannot be read; WEIR_E_PROTOCOL: it is not what format says, or has a column that the table has not; with its path */
weir_rc ft_batch_reader_open(ft_batch_reader **ret, const char *path, const ft_batch_format *format, weir_view key, const weir_sql_column *columns,
                             size_t count, err *e);
/** For each column of the table: does the file have it? */
const bool *ft_batch_reader_has(const ft_batch_reader *r);
/** The next rows, as many as are at hand; good until the next call. ret->count is 0 at the end. WEIR_E_PROTOCOL names file, row and column. */
weir_rc ft_batch_reader_next(ft_batch_reader *r, ft_rows *ret, err *e);
void ft_batch_reader_free(ft_batch_reader *r);

#endif
