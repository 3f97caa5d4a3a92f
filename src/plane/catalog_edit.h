/* catalog_edit.h - changes in the text of a catalog file, line by line: what is not changed keeps its bytes, comments included. */
#ifndef WEIR_PLANE_CATALOG_EDIT_H
#define WEIR_PLANE_CATALOG_EDIT_H

#include "json/tree.h"

/** What discovery changes in a file. */
typedef struct catalog_change {
    weir_view capture;       /* whose bindings */
    const tree *bindings;    /* as they are in the file: an array, or NULL */
    const bool *keep;        /* which of them stay */
    const tree *added;       /* array of new bindings; may be empty */
    const tree *collections; /* object of new collections; may be empty */
} catalog_change;

/** Appends the changed text. Nothing is promised about what it means: the caller parses it and compares.
 *  @return false if the file is written in a way that is not understood here (flow style around what changes, explicit keys ...);
 *  what was appended is then of no use. Memory running out is this, too, with out->failed set */
bool catalog_edit(weir_view text, const catalog_change *change, buf *out);

#endif
