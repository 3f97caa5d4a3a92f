/* paths.h - JSON pointers, split and sorted, for those who make a tree of many (picker.c, prune.c). */
#ifndef WEIR_JSON_PATHS_H
#define WEIR_JSON_PATHS_H

#include "json/pointer.h"
#include "json/scan.h"

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

/** The child that a member's key names, among `count` structs of `size` bytes that begin with their token and stand in the order of tokens; NULL if
 *  there is none. @param filter the path_bit() of all their tokens */
static inline const void *path_child(const void *children, size_t size, size_t count, uint64_t filter, json_key key)
{
    const char *all = children;
    if (key.escaped) {
        for (size_t i = 0; i < count; i++)
            if (json_key_is(key, *(const weir_view *)(const void *)(all + i * size)))
                return all + i * size;
        return NULL;
    }
    if (!(filter & path_bit(key.raw)))
        return NULL;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = path_compare_tokens(key.raw, *(const weir_view *)(const void *)(all + middle * size));
        if (c == 0)
            return all + middle * size;
        *(c < 0 ? &high : &low) = c < 0 ? middle : middle + 1;
    }
    return NULL;
}

#endif
