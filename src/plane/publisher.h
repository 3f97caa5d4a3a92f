/* publisher.h - the documents that a transaction of a derivation publishes: checked, and combined by key where the collection's schema says how. */
#ifndef WEIR_PLANE_PUBLISHER_H
#define WEIR_PLANE_PUBLISHER_H

#include "plane/gate.h"

typedef struct publisher publisher;

weir_rc publisher_make(publisher **ret, const collection *c, err *e);
void publisher_free(publisher *p);
/** Takes a document: copied. @param why as of gate_check(): of one that is refused nothing was taken */
weir_rc publisher_add(publisher *p, weir_view doc, buf *why, err *e);
/** All documents, in the order of their keys where they are combined, otherwise as they came. Then it is empty, also after an error. */
weir_rc publisher_drain(publisher *p, weir_rc (*take)(void *arg, weir_view doc, err *e), void *arg, err *e);
void publisher_clear(publisher *p);

#endif
