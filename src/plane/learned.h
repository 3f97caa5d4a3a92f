/* learned.h - what collections have learned of their schemas (x-infer-schema), as a data folder has it: for those who do not run. */
#ifndef WEIR_PLANE_LEARNED_H
#define WEIR_PLANE_LEARNED_H

#include "plane/catalog.h"

typedef struct learned learned;

/** A folder in which nothing has run yet knows of nothing: *ret is NULL. */
weir_rc learned_open(learned **ret, const char *data_dir, err *e);
void learned_close(learned *l);
/** The inferred schema of the collection, into the arena; empty: there is none, or `l` is NULL. */
weir_view learned_schema(learned *l, const collection *c, arena *a);

#endif
