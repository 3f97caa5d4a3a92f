#include "proto/fivetran/form_layers.h"

#include "json/facet.h"

bool ft_schema_is_null(const tree *schema)
{
    const tree *constant = tree_get(schema, "const");
    return view_is(tree_text(schema, "type"), "null") || (constant && constant->kind == TREE_NULL);
}

static const tree *items_of(const tree *list)
{
    return list && list->kind == TREE_ARRAY ? list->first : NULL;
}

static size_t alternatives(const tree *list, const tree **ret_one)
{
    size_t n = 0;
    for (const tree *t = items_of(list); t; t = t->next)
        if (!ft_schema_is_null(t)) {
            *ret_one = t;
            n++;
        }
    return n;
}

static const tree *referred(const ft_layers *l, const tree *schema)
{
    weir_view ref = tree_text(schema, "$ref");
    return ref.len && *ref.ptr == '#' ? tree_at(l->root, view_from(ref, 1)) : NULL;
}

static void spread(ft_layers *l, const tree *schema)
{
    const tree *one = NULL;
    if (!schema || schema->kind != TREE_OBJECT || l->count == FT_LAYERS)
        return;
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i] == schema)
            return;
    l->items[l->count++] = schema;
    spread(l, referred(l, schema));
    for (const tree *t = items_of(tree_get(schema, "allOf")); t; t = t->next)
        spread(l, t);
    if (alternatives(tree_get(schema, "anyOf"), &one) == 1)
        spread(l, one);
    if (alternatives(tree_get(schema, "oneOf"), &one) == 1)
        spread(l, one);
}

ft_layers ft_layers_of(const tree *root, const tree *schema)
{
    ft_layers l = {.root = root};
    spread(&l, schema);
    return l;
}

const tree *ft_layers_get(const ft_layers *l, const char *keyword)
{
    const tree *found = NULL;
    for (size_t i = 0; i < l->count && !found; i++)
        found = tree_get(l->items[i], keyword);
    return found;
}

bool ft_layers_says(const ft_layers *l, const char *keyword)
{
    const tree *t = ft_layers_get(l, keyword);
    return t && t->kind == TREE_BOOL && t->boolean;
}

weir_view ft_layers_text(const ft_layers *l, const char *keyword)
{
    const tree *t = ft_layers_get(l, keyword);
    return t && t->kind == TREE_STRING ? t->text : (weir_view){0};
}

bool ft_layers_requires(const ft_layers *l, weir_view member)
{
    for (size_t i = 0; i < l->count; i++)
        for (const tree *t = items_of(tree_get(l->items[i], "required")); t; t = t->next)
            if (t->kind == TREE_STRING && view_eq(t->text, member))
                return true;
    return false;
}

const tree *ft_layers_rivals(const ft_layers *l)
{
    const tree *one;
    for (size_t i = 0; i < l->count; i++) {
        const tree *exclusive = tree_get(l->items[i], "oneOf"), *any = tree_get(l->items[i], "anyOf");
        if (alternatives(exclusive, &one) > 1)
            return exclusive;
        if (alternatives(any, &one) > 1)
            return any;
    }
    return NULL;
}

bool ft_layers_meet(const ft_layers *a, const ft_layers *b)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++)
            if (a->items[i] == b->items[k])
                return true;
    return false;
}

/* ------------------------------------------------------------------------------------------------------------------ types -- */

static unsigned types_of_rivals(const ft_layers *l, const tree *rivals)
{
    unsigned all = 0;
    for (const tree *t = items_of(rivals); t; t = t->next) {
        ft_layers one = ft_layers_of(l->root, t);
        const tree *type = ft_layers_get(&one, "type");
        unsigned types = ft_layers_rivals(&one) && !type ? 0 : ft_layers_types(&one);
        if (!types)
            return 0;
        all |= types;
    }
    return all;
}

unsigned ft_layers_types(const ft_layers *l)
{
    const tree *type = ft_layers_get(l, "type"), *rivals = ft_layers_rivals(l);
    unsigned types = 0;
    if (type && type->kind == TREE_STRING)
        return facet_types_named(type->text);
    for (const tree *t = items_of(type); t; t = t->next)
        types |= t->kind == TREE_STRING ? facet_types_named(t->text) : 0;
    if (types)
        return types;
    if (ft_layers_get(l, "properties"))
        return WEIR_IS_OBJECT;
    if (ft_layers_get(l, "items"))
        return WEIR_IS_ARRAY;
    return rivals ? types_of_rivals(l, rivals) : 0;
}
