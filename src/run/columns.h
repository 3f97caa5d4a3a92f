/* columns.h - which columns a stream that is pushed gets: its key, what comes beside its documents, the top-level properties of its schema. */
#ifndef WEIR_RUN_COLUMNS_H
#define WEIR_RUN_COLUMNS_H

#include "run/load.h"

typedef struct column_list {
    weir_column *columns; /* keys first, then extras, then properties in the order of the schema; each place of a document once */
    size_t count, keys;
    size_t *extras;       /* of each extra: its column; SIZE_MAX: it is part of the key, which the document has */
} column_list;

typedef struct columns_spec {
    const tree *schema;
    const weir_view *key; /* pointers */
    size_t key_count;
    const load_extra *extras;
    size_t extra_count;
    weir_view more;       /* a pointer that has a column, too, behind all others unless it has one; empty: none */
} columns_spec;

/** All of it lives in the arena. Key parts and `more` may lie deeper (their field is `address/id`), and need not be described: such a column holds
 *  anything. No column but a key's is required, since nobody has checked the documents. */
weir_rc columns_of_stream(arena *a, const columns_spec *spec, column_list *ret, err *e);

#endif
