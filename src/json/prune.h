/* prune.h - leaving members out of documents: a compiled set of pointers, one pass over the text, no tree, nothing allocated for a document.
 */
#ifndef WEIR_JSON_PRUNE_H
#define WEIR_JSON_PRUNE_H

#include "base/arena.h"
#include "base/err.h"

/** Immutable once made: any number of threads may use it. */
typedef struct prune prune;

/** Compiles what is to be left out. The tokens of a pointer are names of members; arrays on the way are passed through, so "/lines/price" means the
 *  price of `lines` if that is an object, and of each of its items if it is an array. A member that is left out goes with all that is in it; where
 *  a name repeats, each of them goes.
 *  @return WEIR_E_CONFIG if one of them is no JSON pointer, is empty, or is longer than any document is deep (JSON_DEPTH) */
weir_rc prune_make(arena *a, const weir_view *pointers, size_t count, prune **ret, err *e);
/** Leaves them out of the document (checked JSON) at `doc`, where it stands. @return its length afterwards */
size_t prune_in_place(const prune *p, char *doc, size_t len);
/** Appends what is left of the document (checked JSON). */
void prune_into(const prune *p, weir_view doc, buf *out);

#endif
