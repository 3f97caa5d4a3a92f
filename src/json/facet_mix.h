/* facet_mix.h - two facets become one: where both apply (meet), or one of them (join). */
#ifndef WEIR_JSON_FACET_MIX_H
#define WEIR_JSON_FACET_MIX_H

#include "base/map.h"
#include "json/facet.h"

typedef struct mixer {
    arena *arena;
    err *e;
    weir_rc misfit; /* the code of errors that are the schema's */
    weir_rc rc;     /* the first error; from then on everything gives NULL */
    size_t left;    /* members that may still be made */
} mixer;

void mix_fail(mixer *m, const char *what);
void mix_nomem(mixer *m);
facet *mix_new(mixer *m); /* says nothing */
facet *mix_never(mixer *m);
facet_member *mix_add_member(mixer *m, facet *x, weir_view name);
facet *mix_meet(mixer *m, facet *a, facet *b);
facet *mix_join(mixer *m, facet *a, facet *b);

/* Members by name. */
typedef struct mix_index {
    const facet *of;
    map names; /* empty if there are so few that looking through them is faster */
} mix_index;

mix_index mix_index_of(mixer *m, const facet *x);
void mix_index_add(mixer *m, mix_index *index, facet_member *one); /* which was added to the facet meanwhile */
facet_member *mix_find(const mix_index *index, weir_view name);
void mix_index_free(mix_index *index);

#endif
