/* bound.h - a field of a document as SQLite gets it. */
#ifndef DSQL_BOUND_H
#define DSQL_BOUND_H

#include "lite_value.h"

/** What a field needs besides its JSON value. */
typedef enum dsql_kind {
    DSQL_PLAIN = 0,
    DSQL_INTEGER,   /* strings of format integer become integers */
    DSQL_NUMBER,    /* strings of format number become reals */
    DSQL_BYTES,     /* strings of encoding base64 become blobs */
    DSQL_PUBLISHED, /* the time in a UUID (flow.md 6.1) */
    DSQL_TRUNCATED  /* documents are never cut here: false */
} dsql_kind;

dsql_kind dsql_kind_of(const weir_column *c);

/** As lite_value_read(): appends to the scratch, which does not move, what has to be decoded; at most json.len bytes, and
 * DSQL_TIME_ROOM.
 *  @param clock of the document's UUID; 0: not known */
lite_value dsql_bound_value(dsql_kind kind, weir_view json, uint64_t clock, lite_text *scratch);

enum { DSQL_TIME_ROOM = 40 };

#endif
