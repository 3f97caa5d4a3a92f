/* range.h - which documents of a collection are a shard's: those whose key has a hash in its range (flow.md 1.9). */
#ifndef WEIR_PLANE_RANGE_H
#define WEIR_PLANE_RANGE_H

#include "base/arena.h"
#include "base/err.h"

typedef struct range range; /* for one thread */

typedef struct range_options {
    const weir_view *pointers;  /* of the key by which documents are shared out; may be gone afterwards */
    const weir_view *fallbacks; /* by pointer: what stands for a part that is not there, JSON; an empty one, or NULL: null */
    size_t count;
    uint32_t begin, end;        /* both included */
} range_options;

/** The whole range is *ret = NULL: nothing needs to be looked at. */
weir_rc range_make(range **ret, const range_options *o, err *e);
void range_free(range *r);
/** What is not JSON is in every range: somebody will say so. *ret is unset without memory. */
weir_rc range_has(range *r, weir_view doc, bool *ret, err *e);

#endif
