#include "json/paths.h"

#include <stdlib.h>

static int compare_paths(const void *left, const void *right)
{
    const path *a = left, *b = right;
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        int c = path_compare_tokens(a->tokens[i], b->tokens[i]);
        if (c)
            return c;
    }
    return (a->count > b->count) - (a->count < b->count);
}

weir_rc paths_make(arena *a, const weir_view *pointers, size_t count, size_t least, path **ret, err *e)
{
    path *paths = arena_array(a, count, sizeof *paths);
    for (size_t i = 0; i < count && !a->failed; i++) {
        paths[i].slot = i;
        if (!pointer_split(a, pointers[i], &paths[i].tokens, &paths[i].count) && !a->failed)
            return err_fail(e, WEIR_E_CONFIG, "\"%.*s\" is not a JSON pointer", VIEW_ARG(pointers[i]));
        if (!a->failed && (paths[i].count < least || paths[i].count > JSON_DEPTH))
            return err_fail(e, WEIR_E_CONFIG, "a JSON pointer has %zu tokens, %zu to %d are allowed", paths[i].count, least, JSON_DEPTH);
    }
    if (a->failed)
        return err_nomem(e);
    if (count)
        qsort(paths, count, sizeof *paths, compare_paths);
    *ret = paths;
    return WEIR_OK;
}
