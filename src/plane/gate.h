/* gate.h - what a document passes on its way into a collection: it holds the key, and is valid by the write schema. */
#ifndef WEIR_PLANE_GATE_H
#define WEIR_PLANE_GATE_H

#include "doc/schema.h"
#include "plane/catalog.h"

typedef struct gate gate; /* for one thread at a time */

/** @param salt for what the schema wants to be redacted; copied  @return WEIR_E_CONFIG: the collection's schema is none */
weir_rc gate_make(gate **ret, const collection *c, weir_view salt, err *e);
/** The same on the way out of it: by the read schema. @param inferred what the collection has learned; may be NULL */
weir_rc gate_make_reading(gate **ret, const collection *c, const tree *inferred, err *e);
void gate_free(gate *g);
/** A document may lack a part of the key that has a `default` in the read schema.
 *  A part of a document (/_meta/op "u", where the schema says x-partial-updates) and a deletion (/_meta/op "d") may lack what is required.
 *  @param why is emptied, and gets what is wrong with the document: "lacks part 1 of its key [...]", "is not valid: /n: ..."
 *  @return WEIR_OK whether it is refused or not */
weir_rc gate_check(gate *g, weir_view doc, buf *why, err *e);
/** Does the schema want anything to be redacted (flow.md 8.2)? Then documents are not to be put aside. */
bool gate_redacts(const gate *g);
/** May anything in the documents be what nobody is to see: redacted, or `secret` (flow.md 8.3)? Then they are not to be shown. */
bool gate_hides(const gate *g);
/** Appends the document that was just checked, and was not refused, as it may be kept. */
weir_rc gate_clean(gate *g, buf *out, err *e);
/** "a document for collection X lacks ...: DOCUMENT": `keyless`; "... is not valid ...": WEIR_E_CONFIG, for schemas are the operator's.
 *  @param keyless who has to act where the key is missing: WEIR_E_PROTOCOL if a connector published it, WEIR_E_CONFIG if it stands in the catalog how it is made
 *  @param doc empty: it is not to be shown */
weir_rc gate_refuse(const collection *c, weir_rc keyless, weir_view doc, const buf *why, err *e);
/** WEIR_E_CONFIG: documents of the collection are not to be put aside whole. */
weir_rc gate_no_aside(const collection *c, err *e);

/** The schema of a collection, compiled. @param read its read schema; otherwise its write schema  @param inferred what it has learned; may be NULL */
weir_rc collection_compile(const collection *c, bool read, const tree *inferred, schema **ret, err *e);

#endif
