/* columns.h - which columns a materialization gets from its collection: keys first, then the selected projections. */
#ifndef WEIR_PLANE_COLUMNS_H
#define WEIR_PLANE_COLUMNS_H

#include "plane/catalog.h"
#include "run/demands.h"

/** All that could be a column of a binding: the projections of its collection. These are the explicit ones (`projections` of the catalog), one for each location of
 *  the read schema whose field no explicit one has taken, `flow_document` (pointer ""), `flow_published_at`, `_meta/flow_truncated` (flow.md 6.1).
 *    - The key comes first, in its order: fields.groupBy, or the collection's key. A part of that has the name of its explicit projection, if there is one
 *      that is not excluded.
 *    - Then the locations in the order of the schema, then the explicit ones.
 *    - What fields.include / fields.require ask for is `named`, with its config.
 *  Everything wrong is WEIR_E_CONFIG, a line each, with the mark and the nearest name: a key part that the schema does not know or that cannot be a key, a field
 *  that no projection has, an excluded key.
 *  @param inferred the collection's inferred schema, for schemas that refer to flow://inferred-schema; NULL: nothing was inferred
 *  yet, and what the write schema says then stands for flow://relaxed-write-schema, too.
 *  The columns' texts live in the arena, the catalog and `inferred`. */
weir_rc columns_possible(arena *a, const collection *c, const task_binding *b, const tree *inferred, weir_column **ret, size_t *ret_count, size_t *ret_keys, err *e);

/** What was stored before, under the same state key. */
typedef struct columns_live {
    weir_view document;      /* field; empty: none */
    const weir_view *values; /* fields */
    size_t count;
} columns_live;

/** Chooses among them, once the destination has said what it thinks of each; the binding's columns change. The rules are those of Flow (its field selection as of
 *  2025), in which a field has reasons for and against it:
 *    - for: it is part of the key; holds the document now; is asked for by name; the destination requires it; the collection is partitioned by it; it is stored
 *      now; the catalog gives it (unless fields.recommended is 0); the destination requires its location; it is within the recommended depth.
 *    - fields.recommended is that depth: without it 1; `true` any, `false` 0. At the depth everything counts, above it only what is no object or has no described
 *      members, `_meta` never; but `_meta/op` from depth 2 on.
 *    - against: it is excluded; the destination forbids it, or cannot have it without a backfill; it would get the name of another one; its location is stored
 *      already, or lies in one that is, or in one that was excluded; it can only be null.
 *    - A location that is wanted several times is stored under the field with the strongest reason, without one beside it that is merely wanted.
 *    - Where recommended and nothing is known of the documents but their key, and will not be, `flow_document` is added.
 *  A reason against beats wishes (depth, the catalog's projections, partitions, what is stored now); with the others it is a conflict: WEIR_E_CONFIG, a line each.
 *  @param live NULL: nothing was stored yet  @param ret_incompatible gets conflicts, a line each, that a backfill would solve, and the columns are those behind it;
 *  NULL: they are as bad as others */
weir_rc columns_choose(arena *a, const collection *c, const task_binding *from, const demands *said, const columns_live *live, weir_binding *b,
                       buf *ret_incompatible, err *e);

/** Both, for a destination that has said nothing. */
weir_rc columns_select(arena *a, const collection *c, const task_binding *b, const tree *inferred, weir_column **ret,
                       size_t *ret_count, size_t *ret_keys, err *e);

/** fields.recommended as a depth. */
unsigned columns_recommended_depth(const tree *fields);

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
