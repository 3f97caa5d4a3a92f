/* batch_write.h - batch files for a destination: CSV or Parquet (parquet.h), then zstd, then AES-256-CBC (fivetran.md 2.5). What is written is never on disk in the clear, unless that is
 * asked for.
 *
 *     ft_batch_open -> ft_batch_row ... -> ft_batch_close | ft_batch_abort
 */
#ifndef WEIR_PROTO_FIVETRAN_BATCH_WRITE_H
#define WEIR_PROTO_FIVETRAN_BATCH_WRITE_H

#include "proto/fivetran/types.h"

enum { FT_KEY_BYTES = 32 };

typedef enum ft_cell_kind { FT_CELL_NULL = 0, FT_CELL_UNMODIFIED, FT_CELL_VALUE } ft_cell_kind;

typedef struct ft_cell {
    ft_cell_kind kind;
    weir_view text; /* of a value: as in CSV before quoting (decimal digits, dates, base64 for BINARY) */
} ft_cell;

/** Strings are borrowed until the file is closed. */
typedef struct ft_batch_options {
    bool aes, zstd;
    const char *null_string, *unmodified_string;
    bool parquet; /* WEIR_E_CONFIG, from ft_batch_open(), without the plug-in */
} ft_batch_options;

typedef struct ft_batch_file ft_batch_file;

/** Makes the file, which must not be there yet, for its owner only, and writes the header. `columns`: of CSV only their names count. */
weir_rc ft_batch_open(ft_batch_file **ret, const char *path, const ft_table *columns, const ft_batch_options *o, err *e);
/** @param cells one for each column */
weir_rc ft_batch_row(ft_batch_file *f, const ft_cell *cells, err *e);
/** Bytes written so far that are in the file, or on their way there. */
uint64_t ft_batch_size(const ft_batch_file *f);
/** Writes the rest, and frees; on failure the file is removed.
 *  @param ret_key of AES, made for this file; to be wiped */
weir_rc ft_batch_close(ft_batch_file *f, unsigned char ret_key[FT_KEY_BYTES], err *e);
/** Removes the file, and frees. Accepts NULL. */
void ft_batch_abort(ft_batch_file *f);
/** A digest of bytes (SHA-256), as text that ends with a NUL. */
enum { FT_DIGEST_TEXT = 65 };
weir_rc ft_digest(weir_view bytes, char ret[FT_DIGEST_TEXT], err *e);
/** Fills with random bytes: for names and strings that nobody can guess. */
weir_rc ft_random(void *bytes, size_t len, err *e);

#endif
