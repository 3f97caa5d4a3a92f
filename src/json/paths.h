/* paths.h - JSON pointers, split and sorted, for those who make a tree of many (picker.c, prune.c). */
#ifndef WEIR_JSON_PATHS_H
#define WEIR_JSON_PATHS_H

#include "json/pointer.h"

typedef struct path {
    weir_view *tokens; /* decoded */
    size_t count;
    size_t slot;       /* which of the pointers it was */
} path;

/** Sorted so that paths with the same beginning stand side by side, those that end first in front.
 *  @param least tokens that each must have  @return WEIR_E_CONFIG for what is no pointer, has fewer tokens, or more than JSON_DEPTH */
weir_rc paths_make(arena *a, const weir_view *pointers, size_t count, size_t least, path **ret, err *e);

/** The order in which the tokens of one level stand: by length, then bytes. */
static inline int path_compare_tokens(weir_view a, weir_view b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

/** A bit for a set of names that mostly tells at once that a name is not in it. */
static inline uint64_t path_bit(weir_view name)
{
    return (uint64_t)1 << (name.len ? (name.len * 7 + (unsigned char)name.ptr[0] + 3 * (unsigned char)name.ptr[name.len - 1]) & 63 : 0);
}

#endif
