/* columns.h - which columns a materialization gets from its collection: keys first, then the selected projections. */
#ifndef WEIR_PLANE_COLUMNS_H
#define WEIR_PLANE_COLUMNS_H

#include "plane/catalog.h"

/** @param inferred the collection's inferred schema, for schemas that refer to flow://inferred-schema; or NULL. Selection: keys always; fields.exclude
 *  removes; fields.include / require adds any projection; recommended (default true; a number is a depth; true is 1) top-level properties and explicit
 *  projections. A key part that the schema does not know, or an include that no projection has, is WEIR_E_CONFIG with the mark and the nearest name. `_meta` as a
 *  whole is not recommended; a schema that describes nothing but its key gives the key and `flow_document` (pointer ""). */
weir_rc columns_select(arena *a, const collection *c, const task_binding *b, const tree *inferred, weir_column **ret, size_t *ret_count,
                       size_t *ret_keys, err *e);

#endif
