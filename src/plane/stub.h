/* stub.h - settings to begin with, made of the schema that a connector gives for them. */
#ifndef WEIR_PLANE_STUB_H
#define WEIR_PLANE_STUB_H

#include "json/tree.h"

/** What is required, and no more: each value its default, its first choice, or something of its type, such as "". Of alternatives (oneOf, anyOf) it is the first.
 *  @param collection that it is for: what a schema marks with x-collection-name gets the last part of its name; may be empty
 *  @return NULL without memory */
const tree *stub_of(arena *a, const tree *schema, weir_view collection);

#endif
