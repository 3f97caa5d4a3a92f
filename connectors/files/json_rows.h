/* json_rows.h - finds the rows of a JSON file without holding more of it than one row. Pure: bytes in, spans out.
 *
 * Lines (NDJSON): every line that is not blank is a row.
 * Documents: the list that a JSON pointer leads to, an item a row. If it leads to an object instead, the member whose value is a
 * list of objects is meant (several of them are an error); an object without such a list is the one row itself. Several documents
 * may follow one another.
 *
 * Only what leads to the rows is checked, the rows themselves are not: whoever uses them will.
 */
#ifndef FILES_JSON_ROWS_H
#define FILES_JSON_ROWS_H

#include "strbuf.h"

typedef enum rows_status {
    ROWS_MORE,   /* more bytes are needed behind those that are not used */
    ROWS_ROW,    /* row: its text */
    ROWS_END,
    ROWS_BROKEN, /* problem: constant text; there is no going on */
    ROWS_NOMEM
} rows_status;

/* How far a value that is being skipped has come. */
typedef struct rows_skip {
    size_t depth;
    bool string, scalar;
} rows_skip;

typedef enum rows_state {
    ROWS_ROOT,    /* before or between documents */
    ROWS_VALUE,   /* before the value that the next token of the pointer leads into */
    ROWS_MEMBERS, /* inside an object on the way */
    ROWS_ITEMS,   /* inside an array on the way */
    ROWS_PICK,    /* inside the object that should hold the list */
    ROWS_PEEK,    /* before the value of one of its members */
    ROWS_NESTED,  /* in that value, an array, before its first item */
    ROWS_LIST,    /* inside the list */
    ROWS_CLOSE    /* behind the list: whatever closes */
} rows_state;

typedef struct json_rows {
    weir_view row;       /* good as long as the bytes */
    const char *problem;
    bool cut_off;        /* ROWS_BROKEN, because the bytes end too early */

    bool lines;
    const char *pointer; /* the tokens not gone yet are counted by `gone` */
    size_t gone;         /* tokens gone */
    rows_state state;
    size_t at;           /* how far the bytes are scanned */
    size_t hold;         /* the first byte that is still needed, if `holding` */
    bool holding, whole; /* whole: the object that should hold the list, in case it is the row */
    bool first, listed;  /* no comma is due; a list was found already */
    bool skipping;
    rows_skip skip;
    size_t index;        /* of the item on the way */
    size_t open;         /* brackets that are open around what is being looked at */
} json_rows;

/** @param pointer a valid JSON pointer, "" for the document itself; must outlive it */
void json_rows_lines(json_rows *r);
void json_rows_document(json_rows *r, const char *pointer);
/** The same, but its bytes begin behind a row: `open` is what json_rows_open() said there. */
void json_rows_resume(json_rows *r, const char *pointer, size_t open);
size_t json_rows_open(const json_rows *r);

/** Takes the next row.
 *  @param bytes begin with the first byte that is not used yet
 *  @param last nothing will follow these bytes
 *  @param ret_used how many bytes are done with, on every status */
rows_status json_rows_next(json_rows *r, const char *bytes, size_t len, bool last, size_t *ret_used);
/** The window cannot grow any more: gives up what is held only in case it is the row. @return false if the row itself is too large
 */
bool json_rows_let_go(json_rows *r);

/** Is this the beginning of NDJSON rather than of one document? One object fills the first line and another begins on the next. */
bool json_rows_sniff_lines(const char *bytes, size_t len, bool last);

/** Is it a JSON pointer? */
bool json_pointer_valid(const char *pointer);

#endif
