/* columns.h - which columns a materialization gets from its collection: keys first, then the selected projections. */
#ifndef WEIR_PLANE_COLUMNS_H
#define WEIR_PLANE_COLUMNS_H

#include "plane/catalog.h"

/** Selects the columns of a binding from the projections of its collection: the explicit ones (`projections` of the catalog), and
 *  one for each location of the read schema whose field no explicit one has taken.
 *    - Keys always, in the key's order. A part has the name of its explicit projection, if there is one that is not excluded.
 *    - fields.include / fields.require add any projection, and `flow_document` (pointer "").
 *    - fields.recommended (default true; a number is a depth; true is 1, false is 0) adds the locations down to that depth, in
 *      the order of the schema, and all explicit projections. A location with an explicit projection comes as that only. Not
 *      recommended are `_meta` as a whole and what can only be null.
 *    - fields.exclude takes projections out.
 *    - Where recommended and nothing is known of the documents but their key, `flow_document` is added.
 *  Everything wrong is WEIR_E_CONFIG, a line each, with the mark and the nearest name: a key part that the schema does not know
 *  or that cannot be a key, an include that no projection has, an excluded key; `groupBy` is not supported yet.
 *  @param inferred the collection's inferred schema, for schemas that refer to flow://inferred-schema; NULL: nothing was inferred
 *  yet, and what the write schema says then stands for flow://relaxed-write-schema, too.
 *  The columns' texts live in the arena, the catalog and `inferred`. */
weir_rc columns_select(arena *a, const collection *c, const task_binding *b, const tree *inferred, weir_column **ret,
                       size_t *ret_count, size_t *ret_keys, err *e);

/** All projections of a collection, for who names any of them (the lambdas of a derivation): those of the key first, then the explicit ones, then one for each
 *  location of the read schema, `flow_document` at last, with their defaults. A key that the schema does not know is a column without types. */
weir_rc columns_all(arena *a, const collection *c, const tree *inferred, weir_column **ret, size_t *ret_count, size_t *ret_keys, err *e);

/** What special URLs stand for in the schemas of a collection (flow.md 8): an object of schemas by URL. NULL without memory.
 *  @param inferred as above */
const tree *collection_known_schemas(arena *a, const collection *c, const tree *inferred);

/** Does the collection's schema ask to be learned from its documents (flow.md 8): `x-infer-schema` in the write schema, or a
 *  reference to flow://inferred-schema in the read schema? */
bool collection_infers(const collection *c);

/** Are documents of /_meta/op "u" parts of documents (WEIR_UPDATE)? So it is where the schema asks for `x-partial-updates`, as it does for streams that send
 *  them (weir_stream.updates). Without it they are whole: Flow's sources of change logs mark every document that way that replaces another one. */
bool collection_has_parts(const collection *c);

#endif
