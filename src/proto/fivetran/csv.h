/* csv.h - the CSV of batch files (fivetran.md 2.5): UTF-8, commas, LF (CRLF is taken), `"` doubled inside of quotes, line breaks inside of quotes, no backslash
 * escapes. Quoting carries no meaning. Strict: a quote inside of a field without quotes, and text behind a closing quote, are errors. No I/O: bytes are given to it. */
#ifndef WEIR_PROTO_FIVETRAN_CSV_H
#define WEIR_PROTO_FIVETRAN_CSV_H

#include "base/err.h"

enum { FT_CSV_ROW_MAX = 256 << 20 }; /* bytes of one row, as it stands in the file */

typedef enum ft_csv_status {
    FT_CSV_ROW,  /* fields of the next row */
    FT_CSV_MORE, /* the row goes on behind the bytes given */
    FT_CSV_END,
    FT_CSV_QUOTE,    /* a quote inside of a field without quotes */
    FT_CSV_BEHIND,   /* text behind a closing quote */
    FT_CSV_UNCLOSED, /* the bytes end inside of quotes */
    FT_CSV_NOMEM
} ft_csv_status;

typedef struct ft_csv {
    weir_view *fields; /* of the row; they stand in the bytes given, where doubled quotes were undone */
    size_t count, room;
} ft_csv;

/** Takes the next row. A row is read from its beginning each time, so give it more than a few bytes at once.
 *  @param bytes begin with a row; overwritten within it  @param last nothing follows them  @param ret_used bytes of the row; on FT_CSV_ROW only */
ft_csv_status ft_csv_next(ft_csv *c, char *bytes, size_t len, bool last, size_t *ret_used);
void ft_csv_free(ft_csv *c);
/** What is wrong, for messages; NULL if nothing is. */
const char *ft_csv_problem(ft_csv_status s);

#endif
