/* gate.h - what a document passes on its way into a collection: it holds the key, and is valid by the write schema. */
#ifndef WEIR_PLANE_GATE_H
#define WEIR_PLANE_GATE_H

#include "plane/catalog.h"

typedef struct gate gate; /* for one thread at a time */

/** @return WEIR_E_CONFIG: the collection's schema is none */
weir_rc gate_make(gate **ret, const collection *c, err *e);
void gate_free(gate *g);
/** @param why is emptied, and gets what is wrong with the document: "lacks part 1 of its key [...]", "is not valid: ..."
 *  @return WEIR_OK whether it is refused or not */
weir_rc gate_check(gate *g, weir_view doc, buf *why, err *e);
/** WEIR_E_PROTOCOL: "a document for collection X lacks ...: DOCUMENT". */
weir_rc gate_refuse(const collection *c, weir_view doc, const buf *why, err *e);

#endif
