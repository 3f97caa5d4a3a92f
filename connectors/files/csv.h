/* csv.h - delimiter-separated values: RFC 4180 and what people write instead. Pure: bytes in, fields out, no input or output.
 *
 * What is accepted beyond the RFC, all of it as Python's csv module does in strict mode:
 *   - records end with LF, CRLF or CR, mixed as they come; the last one may end with the data
 *   - a quote that is not the first character of a field is an ordinary character
 *   - every other byte is data, NUL and broken UTF-8 included: whoever uses the fields decides
 * Empty lines are no records. Text after a closing quote is an error, so is a quote that is never closed.
 */
#ifndef FILES_CSV_H
#define FILES_CSV_H

#include "strbuf.h"

typedef struct csv_dialect {
    char delimiter;
    char quote;  /* 0: nothing quotes */
    bool header; /* the first record names the columns; the parser takes no notice */
} csv_dialect;

typedef struct csv_field {
    const char *ptr; /* the value, doubled quotes undone */
    size_t len;
    size_t at; /* the parser's own: where the value begins in the record's bytes */
    bool quoted;
} csv_field;

typedef enum csv_status {
    CSV_MORE,     /* the record goes on behind the bytes given */
    CSV_ROW,      /* a record */
    CSV_END,      /* only empty lines were left */
    CSV_STRAY,    /* text after a closing quote, in field `count` (from 0); the whole line counts as used */
    CSV_UNCLOSED, /* the data ended inside quotes; the first line of the record counts as used */
    CSV_NOMEM
} csv_status;

typedef struct csv_parser {
    csv_field *fields; /* of the record just parsed: good as long as the bytes, and until the next call */
    size_t count, cap;
    uint64_t line; /* the physical line on which that record begins, from 1 */
    bool ended;    /* its line break was there */

    csv_dialect dialect;
    strbuf undoubled;     /* values of fields that had doubled quotes */
    uint64_t next_line;   /* the line behind what was scanned */
    const char *base;     /* the bytes as given now */
    bool unfinished;      /* the last call said CSV_MORE */
    size_t at;            /* how far the record is scanned */
    size_t begin;         /* of the current field */
    size_t close;         /* its closing quote, if `closed` */
    bool quoted, closed, doubled;
    bool any_doubled;     /* in this record */
    bool stray;           /* the record is bad: its end is being looked for */
} csv_parser;

void csv_init(csv_parser *p, csv_dialect d);
void csv_free(csv_parser *p);

/** Takes the next record.
 *  @param bytes begin with the first byte that is not used yet. After CSV_MORE: the same bytes, with more behind them or `last` set
 *  (they may have moved)
 *  @param last nothing will follow these bytes
 *  @param ret_used how many bytes are done with, on every status but CSV_MORE and CSV_NOMEM */
csv_status csv_next(csv_parser *p, const char *bytes, size_t len, bool last, size_t *ret_used);

/* What csv_sniff() may find out; the rest is given. */
enum { CSV_SNIFF_DELIMITER = 1 << 0, CSV_SNIFF_HEADER = 1 << 1 };

/** Guesses the parts of a dialect named by `what` from the beginning of a file. @param last the bytes are all there is
 *  @return false without memory */
bool csv_sniff(const char *bytes, size_t len, bool last, unsigned what, csv_dialect *d);

#endif
