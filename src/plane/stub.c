#include "plane/stub.h"

enum { PARTS_MAX = 64, DEPTH_MAX = 16, VALUES_MAX = 1000 /* where a schema contains itself, they end */ };

typedef struct stubbing {
    arena *a;
    const tree *root;
    weir_view collection;
    size_t made;
} stubbing;

/* The subschemas that hold at one place: itself, what it refers to, all of allOf, the first of alternatives. */
typedef struct parts {
    const tree *of[PARTS_MAX];
    size_t count;
} parts;

static void gather(const stubbing *s, const tree *schema, parts *p)
{
    if (!schema || schema->kind != TREE_OBJECT || p->count == PARTS_MAX)
        return;
    p->of[p->count++] = schema;
    const weir_view ref = tree_text(schema, "$ref");
    if (view_starts(ref, VIEW("#")))
        gather(s, tree_at(s->root, view_from(ref, 1)), p);
    const tree *all = tree_get(schema, "allOf"), *one = tree_get(schema, "oneOf"), *any = tree_get(schema, "anyOf");
    for (const tree *t = all && all->kind == TREE_ARRAY ? all->first : NULL; t; t = t->next)
        gather(s, t, p);
    gather(s, one ? one->first : NULL, p);
    gather(s, any ? any->first : NULL, p);
}

/* The first part that has the keyword. */
static const tree *keyword(const parts *p, const char *name)
{
    const tree *found = NULL;
    for (size_t i = 0; i < p->count && !found; i++)
        found = tree_get(p->of[i], name);
    return found;
}

static tree *value_of(stubbing *s, tree_kind kind, const char *text)
{
    tree *t = arena_alloc(s->a, sizeof *t);
    if (t)
        *t = (tree){.kind = kind, .text = view_of(text)};
    return t;
}

static tree *copy_of(stubbing *s, const tree *from)
{
    tree *t = arena_alloc(s->a, sizeof *t);
    if (t) {
        *t = *from;
        t->name = (weir_view){0};
        t->next = NULL;
    }
    return t;
}

static tree *stub_at(stubbing *s, const tree *schema, unsigned depth);

static bool is_required(const parts *p, weir_view name)
{
    for (size_t i = 0; i < p->count; i++) {
        const tree *list = tree_get(p->of[i], "required");
        for (const tree *t = list && list->kind == TREE_ARRAY ? list->first : NULL; t; t = t->next)
            if (t->kind == TREE_STRING && view_eq(t->text, name))
                return true;
    }
    return false;
}

static tree *object_of(stubbing *s, const parts *p, unsigned depth)
{
    tree *object = value_of(s, TREE_OBJECT, NULL);
    for (size_t i = 0; object && i < p->count; i++) {
        const tree *properties = tree_get(p->of[i], "properties");
        for (const tree *t = properties && properties->kind == TREE_OBJECT ? properties->first : NULL; t; t = t->next) {
            if (!is_required(p, t->name) || tree_getv(object, t->name))
                continue;
            tree *member = stub_at(s, t, depth + 1);
            if (member)
                member->name = t->name;
            tree_append(object, member);
        }
    }
    return object;
}

static tree *array_of(stubbing *s, const parts *p, unsigned depth)
{
    const tree *items = keyword(p, "items"), *least = keyword(p, "minItems");
    size_t count = least && least->kind == TREE_NUMBER && least->text.len == 1 ? (size_t)(least->text.ptr[0] - '0') : 0;
    tree *array = value_of(s, TREE_ARRAY, NULL);
    for (size_t i = 0; array && i < count; i++)
        tree_append(array, stub_at(s, items && items->kind == TREE_OBJECT ? items : NULL, depth + 1));
    return array;
}

static bool is_type(const parts *p, const char *name)
{
    const tree *type = keyword(p, "type");
    if (!type || type->kind == TREE_STRING)
        return type && view_is(type->text, name);
    for (const tree *t = type->first; t; t = t->next)
        if (t->kind == TREE_STRING && view_is(t->text, name))
            return true;
    return false;
}

static bool is_collection_name(const stubbing *s, const parts *p)
{
    const tree *mark = keyword(p, "x-collection-name");
    return s->collection.len && mark && mark->kind == TREE_BOOL && mark->boolean;
}

static weir_view last_part(weir_view name)
{
    size_t at = name.len;
    while (at && name.ptr[at - 1] != '/')
        at--;
    return view_from(name, at);
}

static tree *text_of(stubbing *s, const parts *p)
{
    tree *t = value_of(s, TREE_STRING, "");
    if (t && is_collection_name(s, p))
        t->text = last_part(s->collection);
    return t;
}

static tree *of_type(stubbing *s, const parts *p, unsigned depth)
{
    if (is_type(p, "object") || (!keyword(p, "type") && keyword(p, "properties")))
        return object_of(s, p, depth);
    if (is_type(p, "array"))
        return array_of(s, p, depth);
    if (is_type(p, "string"))
        return text_of(s, p);
    if (is_type(p, "integer") || is_type(p, "number"))
        return value_of(s, TREE_NUMBER, "0");
    return is_type(p, "boolean") ? value_of(s, TREE_BOOL, NULL) : value_of(s, TREE_NULL, NULL);
}

static tree *stub_at(stubbing *s, const tree *schema, unsigned depth)
{
    parts p = {.count = 0};
    if (depth > DEPTH_MAX || ++s->made > VALUES_MAX)
        return value_of(s, TREE_NULL, NULL);
    gather(s, schema, &p);
    const tree *given = keyword(&p, "default"), *constant = keyword(&p, "const"), *choices = keyword(&p, "enum");
    if (given)
        return copy_of(s, given);
    if (constant)
        return copy_of(s, constant);
    return choices && choices->first ? copy_of(s, choices->first) : of_type(s, &p, depth);
}

const tree *stub_of(arena *a, const tree *schema, weir_view collection)
{
    stubbing s = {.a = a, .root = schema, .collection = collection};
    return stub_at(&s, schema, 0);
}
