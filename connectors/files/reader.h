/* reader.h - a file, row by row: CSV records or JSON texts. Knows lines, offsets and how to go on in the middle; knows nothing of
 * documents.
 */
#ifndef FILES_READER_H
#define FILES_READER_H

#include "csv.h"
#include "files.h"
#include "json_rows.h"
#include "stream.h"

typedef enum reader_format { READER_CSV, READER_LINES, READER_DOCUMENT } reader_format;

typedef enum reader_status {
    READER_ROW,
    READER_END,
    READER_BAD,   /* this row: `problem` at `row_line`; the next one may be asked for */
    READER_BROKEN, /* this file: `problem` */
    READER_CUT    /* the file ends in the middle of a row or of its compression: `problem` */
} reader_status;

/** Where to go on in a file. */
typedef struct reader_place {
    uint64_t offset; /* of the decoded stream */
    uint64_t rows;   /* records before it */
    uint64_t lines;  /* line breaks before it */
    size_t open;     /* READER_DOCUMENT: brackets open there */
    char dialect[4]; /* READER_CSV: delimiter, quote or 0, header as '1' or '0'; all 0: not known */
} reader_place;

typedef struct reader {
    reader_format format;
    stream *in;
    const stream_settings *settings;

    weir_view *columns;   /* READER_CSV: names, unique */
    size_t column_count;
    csv_field *fields;    /* READER_CSV: column_count of them, of the row */
    weir_view text;       /* READER_LINES, READER_DOCUMENT: the row */
    uint64_t row;         /* its number in the file, from 1; bad rows count */
    uint64_t row_line;    /* where it begins, from 1 */
    bool ended;           /* its line break was there, or it needs none */
    bool passable;        /* after READER_CUT: only the row is cut, the next one may be asked for */
    uint64_t begin, lines_before; /* where the row was begun to be looked for: offset, line breaks before it */
    uint64_t row_before;
    size_t open_before;

    strbuf problem;       /* "has 3 fields, 5 are expected" */
    weir_rc rc;           /* who must act */

    csv_parser csv;
    json_rows json;
    uint64_t lines;       /* line breaks before the window; READER_CSV counts for itself */
    strbuf names;         /* the bytes of columns */
} reader;

/** Opens a file. @param from NULL: at its beginning
 *  @return READER_ROW if it is open, READER_BROKEN or READER_CUT with the problem. Call reader_close() in any case. */
reader_status reader_open(reader *r, const stream_settings *s, const char *path, const reader_place *from);
void reader_close(reader *r);

/** Takes the next row. */
reader_status reader_next(reader *r);
/** The place behind what was taken. */
reader_place reader_at(const reader *r);
/** The place behind what was taken before the last call of reader_next(). */
reader_place reader_before(const reader *r);

/** The next rows of a CSV file, as far as they are in the window, without taking them: calls each() for every good one.
 *  @return false without memory */
bool reader_preview(reader *r, void (*each)(void *arg, const csv_field *fields, size_t count), void *arg);

#endif
