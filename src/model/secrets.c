#include "json/scan.h"
#include "json/text.h"
#include "model/field.h"

enum { MOST_VISITS = 50000, DEEPEST = 2000 };

typedef struct finder {
    void (*each)(void *arg, weir_view secret);
    void *arg;
    const tree *root; /* of the schema */
    size_t budget;    /* schemas that may still be visited: one may refer to itself in more ways than there are values */
    size_t depth;     /* of by_schema() */
} finder;

/* Everything that is text or a number in a value that should have been a secret string: a password may well be 12345. */
static void whole(const finder *s, const tree *t)
{
    if ((t->kind == TREE_STRING || t->kind == TREE_NUMBER) && t->text.len)
        s->each(s->arg, t->text);
    for (const tree *c = t->first; c; c = c->next)
        whole(s, c);
}

/* -------------------------------------------------------------------------------------------------------- beside a table -- */

static void in_members(const finder *s, const weir_field *table, const tree *t);

/* Variants that the settings may mean: the one they name, or all if they name none. */
static void in_variants(const finder *s, const weir_field *f, const tree *t)
{
    const weir_field *named = field_named(f->fields, tree_text(t, f->discriminator));
    for (const weir_field *v = f->fields; field_more(v); v++)
        if (!named || v == named)
            in_members(s, v->fields, t);
}

/* What the file holds will be seen, not its base64. */
static void decoded(const finder *s, const tree *t)
{
    buf file = {0};
    if (t->kind == TREE_STRING && base64_decode(&file, t->text) && buf_ok(&file) && file.len && json_utf8(buf_view(&file)))
        s->each(s->arg, buf_view(&file));
    buf_wipe(&file);
}

static void in_value(const finder *s, const weir_field *f, const tree *t)
{
    if (f->flags & WEIR_SECRET) {
        whole(s, t);
        if (f->flags & WEIR_UPLOAD)
            decoded(s, t);
    } else if (f->type == WEIR_OBJECT) {
        in_members(s, f->fields, t);
    } else if (f->type == WEIR_ONE_OF) {
        in_variants(s, f, t);
    } else if (f->type == WEIR_LIST) {
        for (const tree *c = t->first; c; c = c->next)
            in_value(s, f->fields, c);
    }
}

static void in_members(const finder *s, const weir_field *table, const tree *t)
{
    for (const weir_field *f = table; field_more(f); f++) {
        const tree *m = tree_get(t, f->name);
        if (m)
            in_value(s, f, m);
    }
}

void fields_secrets(const weir_field *table, const tree *settings, void (*each)(void *arg, weir_view secret), void *arg)
{
    finder s = {.each = each, .arg = arg};
    in_members(&s, table, settings);
}

/* -------------------------------------------------------------------------------------------------------- beside a schema -- */

static void by_schema(finder *s, const tree *schema, const tree *t);

static bool says_true(const tree *schema, const char *name)
{
    const tree *m = tree_get(schema, name);
    return m && m->kind == TREE_BOOL && m->boolean;
}

static const tree *referred(const finder *s, const tree *schema)
{
    weir_view ref = tree_text(schema, "$ref");
    return ref.len && ref.ptr[0] == '#' ? tree_at(s->root, view_from(ref, 1)) : NULL;
}

/* Schemas that hold for the same value. Whether a branch applies is not asked: to mask too much does no harm. */
static void same_place(finder *s, const tree *schema, const tree *t)
{
    static const char *const lists[] = {"allOf", "anyOf", "oneOf"};
    static const char *const maps[] = {"dependentSchemas", "dependencies"};
    static const char *const singles[] = {"if", "then", "else"};
    const tree *to = referred(s, schema);
    if (to)
        by_schema(s, to, t);
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++)
        by_schema(s, tree_get(schema, singles[i]), t);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const tree *c = tree_get(schema, lists[i]) ? tree_get(schema, lists[i])->first : NULL; c; c = c->next)
            by_schema(s, c, t);
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        for (const tree *c = tree_get(schema, maps[i]) ? tree_get(schema, maps[i])->first : NULL; c; c = c->next)
            by_schema(s, c, t);
}

static void member_of(finder *s, const tree *schema, const tree *m)
{
    const tree *patterns = tree_get(schema, "patternProperties");
    by_schema(s, tree_getv(tree_get(schema, "properties"), m->name), m);
    by_schema(s, tree_get(schema, "additionalProperties"), m);
    by_schema(s, tree_get(schema, "unevaluatedProperties"), m);
    for (const tree *c = patterns ? patterns->first : NULL; c; c = c->next)
        by_schema(s, c, m);
}

static void item_of(finder *s, const tree *schema, const tree *item)
{
    static const char *const names[] = {"items", "prefixItems", "additionalItems", "contains", "unevaluatedItems"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const tree *n = tree_get(schema, names[i]);
        by_schema(s, n, item);
        for (const tree *c = n && n->kind == TREE_ARRAY ? n->first : NULL; c; c = c->next)
            by_schema(s, c, item);
    }
}

static void by_schema(finder *s, const tree *schema, const tree *t)
{
    if (!schema || schema->kind != TREE_OBJECT)
        return;
    if (!s->budget || s->depth == DEEPEST || says_true(schema, "secret") || says_true(schema, "airbyte_secret")) {
        whole(s, t); /* where the search ends nobody knows what is secret, so all of it is */
        return;
    }
    s->budget--;
    s->depth++;
    same_place(s, schema, t);
    for (const tree *c = t->first; c; c = c->next)
        if (t->kind == TREE_OBJECT)
            member_of(s, schema, c);
        else
            item_of(s, schema, c);
    s->depth--;
}

void schema_secrets(const tree *schema, const tree *settings, void (*each)(void *arg, weir_view secret), void *arg)
{
    finder s = {.each = each, .arg = arg, .root = schema, .budget = MOST_VISITS};
    if (settings)
        by_schema(&s, schema, settings);
}
