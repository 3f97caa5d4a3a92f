/* key.h - the key of a collection, and what its read schema says of it. */
#ifndef WEIR_PLANE_KEY_H
#define WEIR_PLANE_KEY_H

#include "plane/catalog.h"

typedef struct collection_key {
    const weir_view *pointers;
    const weir_view *fallbacks; /* JSON: what stands for a part that a document lacks, its `default`; empty: there is none, and it may not lack it */
    size_t count;
    bool secret;                /* a part of it is */
} collection_key;

/** @param inferred the collection's inferred schema; NULL: nothing was inferred yet  @return WEIR_E_CONFIG: it is no list of JSON pointers. Texts live in the arena, the
 *  catalog and `inferred` */
weir_rc collection_key_of(arena *a, const collection *c, const tree *inferred, collection_key *ret, err *e);

#endif
