/* select.h - which streams and fields a catalog entry selects (singer.md 2): the SDK's rules, to the letter. */
#ifndef WEIR_SINGER_SELECT_H
#define WEIR_SINGER_SELECT_H

#include "base/map.h"
#include "json/tree.h"

/** What is said of a place, and what places that are not mentioned take from it: they differ only where the root is not mentioned. */
typedef struct selected {
    bool here, below;
} selected;

typedef struct selection {
    arena *arena;
    map entries; /* breadcrumb as a JSON array -> metadata object */
    bool all;    /* there is no metadata at all: everything is selected */
} selection;

/** @param metadata the list of a catalog entry; NULL: none.  @return WEIR_E_CONFIG if it is not well formed */
weir_rc singer_selection_init(selection *s, arena *a, const tree *metadata, err *e);
void singer_selection_free(selection *s);
/** The metadata at a breadcrumb: a JSON array of strings, without blanks. NULL: none */
const tree *singer_selection_metadata(const selection *s, weir_view breadcrumb);
selected singer_selection_root(const selection *s);
selected singer_selection_of(const selection *s, weir_view breadcrumb, selected parent);
/** The value as Python would test it: the text "false" is true. */
bool singer_selection_truth(const tree *value);

#endif
