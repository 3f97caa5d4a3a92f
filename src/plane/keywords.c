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

static const char *const strict[] = {"type", "required", "format", NULL};
static const char *const requirements[] = {"required", "minProperties", "dependentRequired", NULL};

/* @param named t's own name is no keyword  @param without keywords that are left out */
static tree *relax(arena *a, const tree *t, bool named, const char *const *without)
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
        tree *child = t->kind == TREE_OBJECT && !names && is_among(c->name, without) ? NULL : relax(a, c, names, without);
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
    const tree *relaxed = relax(a, schema, true, strict);
    return a->failed ? NULL : relaxed;
}

const tree *schema_without_required(arena *a, const tree *schema)
{
    const tree *loose = relax(a, schema, true, requirements);
    return a->failed ? NULL : loose;
}
