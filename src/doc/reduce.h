/* reduce.h - two documents become one by what the schema notes (flow.md 8.2). */
#ifndef WEIR_DOC_REDUCE_H
#define WEIR_DOC_REDUCE_H

#include "doc/schema.h"

typedef struct reducer reducer; /* the work space of one thread */

weir_rc reducer_make(reducer **ret, err *e);
void reducer_free(reducer *r);

typedef enum reduced {
    REDUCED = 0,       /* `out` holds the document */
    REDUCED_AWAY,      /* in a full reduction: it is deleted (`out` holds what is left of it, for its key) */
    REDUCED_APART      /* in a partial one: the two cannot be put together before the base is known; nothing was written */
} reduced;

/** Reduces `right`, the newer document, into `left`.
 *  @param notes what the schema notes of `right`: its checker has just run over it
 *  @param full `left` is the base itself, all there is: what is deleted goes. false: `left` is a part of what will be reduced into
 *  a base (associative)
 *  @return WEIR_E_CONFIG where a strategy does not fit the values: names the place, the strategy and what it found */
weir_rc reduce(reducer *r, const tape *left, const tape *right, const checker *notes, bool full, buf *out, reduced *ret, err *e);

/** The same without a document to the left: deletions and terms of sets take effect as in a full reduction into nothing. */
weir_rc reduce_alone(reducer *r, const tape *right, const checker *notes, buf *out, reduced *ret, err *e);

#endif
