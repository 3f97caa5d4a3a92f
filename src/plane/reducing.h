/* reducing.h - rows of a binding whose schema says how documents of one key become one (flow.md 8.2): reduced with each other, and into what the destination
 * holds of the key. Where the schema says nothing the last one stays, and run/combine.h does that faster.
 */
#ifndef WEIR_PLANE_REDUCING_H
#define WEIR_PLANE_REDUCING_H

#include "plane/catalog.h"

typedef struct reducing reducing;

/** Does the read schema note reductions? */
weir_rc reducing_needed(const collection *c, const tree *inferred, bool *ret, err *e);
/** The binding's columns must be known. @param additions its rows are: documents are reduced with each other only */
weir_rc reducing_make(reducing **ret, const weir_binding *b, const collection *c, const tree *inferred, bool additions, err *e);
void reducing_free(reducing *r);
/** May anything in its documents be what nobody is to see (gate_hides())? */
bool reducing_hides(const reducing *r);
/** Takes a document.
 *  @param why as of keyed_add(): of one that is refused nothing was taken */
weir_rc reducing_add(reducing *r, weir_view doc, buf *why, err *e);
/** The destination holds this document. */
weir_rc reducing_held(reducing *r, weir_view doc, err *e);
/** A row for each key that has changed (of additions sometimes more), sorted by key; good until the next document is added. Rows that were reduced away and are not there are left out. */
weir_rc reducing_rows(reducing *r, weir_row **ret, size_t *ret_count, err *e);
void reducing_clear(reducing *r);

#endif
