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

/* How a schema is made to accept more: keywords that are left out, and keywords below which that goes on. Not below those whose schema decides what holds
 * elsewhere (if, not, oneOf, contains): there, to accept more is to accept less, or to note something else. */
typedef struct relaxation {
    const char *const *without, *const *through;
} relaxation;

static const relaxation relaxed = {
    .without = (const char *const[]){"type", "required", "format", NULL},
    .through = (const char *const[]){"$defs", "definitions", "allOf", "properties", "items", "additionalItems", "additionalProperties", NULL},
};
static const relaxation not_required = {
    .without = (const char *const[]){"required", "minProperties", "dependentRequired", NULL},
    .through = (const char *const[]){"$defs", "definitions", "allOf", "anyOf", "then", "else", "properties", "patternProperties", "dependentSchemas", "items",
                                     "prefixItems", "additionalItems", "additionalProperties", NULL},
};

static tree *copy_of(arena *a, const tree *t)
{
    tree *copy = arena_alloc(a, sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *t;
    copy->next = NULL;
    return copy;
}

/* @param names t's members are schemas under names that are no keywords */
static tree *relax(arena *a, const tree *t, bool names, const relaxation *r)
{
    tree *copy = copy_of(a, t);
    if (!copy || !t->first)
        return copy;
    copy->raw = (weir_view){NULL, 0};
    copy->first = copy->last = NULL;
    copy->count = 0;
    const bool keywords = t->kind == TREE_OBJECT && !names;
    for (const tree *c = t->first; c; c = c->next) {
        if (keywords && is_among(c->name, r->without))
            continue;
        tree *child = keywords && !is_among(c->name, r->through) ? copy_of(a, c) : relax(a, c, keywords && keyword_holds_names(c->name), r);
        if (!child)
            return NULL;
        *(copy->last ? &copy->last->next : &copy->first) = child;
        copy->last = child;
        copy->count++;
    }
    return copy;
}

const tree *schema_relaxed(arena *a, const tree *schema) { return relax(a, schema, false, &relaxed); }
const tree *schema_without_required(arena *a, const tree *schema) { return relax(a, schema, false, &not_required); }
