/* meaning.h - what the description of a stream that is pushed means to a destination: its place, its columns, its binding. For load.c. */
#ifndef WEIR_RUN_MEANING_H
#define WEIR_RUN_MEANING_H

#include "run/columns.h"
#include "run/combine.h"
#include "run/demands.h"

typedef struct meaning {
    arena arena;
    weir_view name, resource, path, state_key; /* name: for errors, with its namespace */
    weir_view schema, key, deleted, cursor, epoch;
    const tree *resource_tree;
    column_list columns;
    size_t extra_count;
    combined *combine;
    demands demands;     /* what the destination says of it */
} meaning;

/** Everything but the combiner. `m` is {0}; on failure, too, it is to be freed. */
weir_rc meaning_make(meaning *m, const weir_connector *c, const load_stream_spec *spec, err *e);
/** @param resource the settings struct, if it was made already */
weir_binding meaning_binding(const meaning *m, const void *resource);
/** The connector has said itself what identifies the resource. */
weir_rc meaning_set_path(meaning *m, weir_view path, weir_binding *b, err *e);
/** Adds the columns of the former meaning of the stream, and widens those that both have: a schema that knows less for a while changes nothing. */
weir_rc meaning_grow(meaning *m, const meaning *former, err *e);
/** After meaning_grow(): was there nothing new? */
bool meaning_same(const meaning *m, const meaning *former);
/** Changes the columns as the destination demands in validate(); its combiner is there. */
weir_rc meaning_obey(meaning *m, weir_binding *b, err *e);
/** Makes the combiner. @param whole documents go as they came  @param what errors call the stream */
weir_rc meaning_combine(meaning *m, const weir_binding *b, bool whole, const char *what, err *e);
void meaning_free(meaning *m);

#endif
