/* selector.h - which documents of a collection are read, where it is only those of some of its partitions (flow.md 6.1, 8). */
#ifndef WEIR_PLANE_SELECTOR_H
#define WEIR_PLANE_SELECTOR_H

#include "plane/catalog.h"

typedef struct selector selector; /* for one thread */

/** In the arena. *ret is NULL if all of them are. */
weir_rc selector_make(arena *a, const collection *c, const reading *r, selector **ret, err *e);
/** Has the document, for each field that is included, one of its values, and none of those that are excluded? A value that is absent counts as null.
 *  @return WEIR_E_CONFIG if it is not JSON */
weir_rc selector_takes(selector *s, weir_view doc, bool *ret, err *e);

#endif
