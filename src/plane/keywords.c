#include "plane/keywords.h"

static bool is_among(weir_view name, const char *const *words)
{
    while (*words && !view_is(name, *words))
        words++;
    return *words != NULL;
}

bool keyword_holds_data(weir_view name)
{
    static const char *const words[] = {"const", "enum", "default", "examples", NULL};
    return is_among(name, words);
}

bool keyword_holds_names(weir_view name)
{
    static const char *const words[] = {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", NULL};
    return is_among(name, words);
}

static bool is_strict(weir_view name)
{
    static const char *const words[] = {"type", "required", "format", NULL};
    return is_among(name, words);
}

/* @param named t's own name is no keyword */
static tree *relax(arena *a, const tree *t, bool named)
{
    bool names = !named && keyword_holds_names(t->name), data = !named && keyword_holds_data(t->name);
    tree *copy = arena_alloc(a, sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *t;
    copy->next = NULL;
    if (data || !t->first)
        return copy;
    copy->raw = (weir_view){NULL, 0};
    copy->first = copy->last = NULL;
    copy->count = 0;
    for (const tree *c = t->first; c; c = c->next) {
        tree *child = t->kind == TREE_OBJECT && !names && is_strict(c->name) ? NULL : relax(a, c, names);
        if (!child)
            continue;
        *(copy->last ? &copy->last->next : &copy->first) = child;
        copy->last = child;
        copy->count++;
    }
    return copy;
}

const tree *schema_relaxed(arena *a, const tree *schema)
{
    const tree *relaxed = relax(a, schema, true);
    return a->failed ? NULL : relaxed;
}
