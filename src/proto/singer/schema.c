#include "proto/singer/schema.h"

#include "json/refs.h"
#include "json/schema.h"
#include "json/write.h"

enum { DEPTH = 64, MOST = 50000 /* schemas written: references may multiply */ };

typedef struct writing {
    json_out out;
    refs refs;
    size_t written;
    const tree *open[DEPTH]; /* the schemas that are being written, outermost first */
    size_t depth;
} writing;

static void put(writing *w, place p, bool nullable);

/* ------------------------------------------------------------------------------------------------------------ nullability -- */

static bool names_null(const tree *type)
{
    if (!type || type->kind == TREE_STRING)
        return type && view_is(type->text, "null");
    for (const tree *c = type->first; c; c = c->next)
        if (c->kind == TREE_STRING && view_is(c->text, "null"))
            return true;
    return false;
}

static const tree *alternatives(const tree *schema)
{
    const tree *any = tree_get(schema, "anyOf");
    return any ? any : tree_get(schema, "oneOf");
}

static bool takes_null(const tree *schema)
{
    const tree *type = tree_get(schema, "type"), *any = alternatives(schema);
    if (type)
        return names_null(type);
    for (const tree *c = any ? any->first : NULL; c; c = c->next)
        if (takes_null(c))
            return true;
    return !any && !tree_get(schema, "$ref") && !tree_get(schema, "allOf") && !tree_get(schema, "const") && !tree_get(schema, "enum");
}

/* Can null simply be added to what stands there? Otherwise it becomes an alternative to all of it. */
static bool is_simple(const tree *schema)
{
    return tree_get(schema, "type") && !alternatives(schema) && !tree_get(schema, "allOf") && !tree_get(schema, "const") && !tree_get(schema, "not");
}

static void put_type(writing *w, const tree *type, bool null)
{
    json_out *out = &w->out;
    if (!null) {
        out_raw(out, type->raw);
        return;
    }
    out_open(out, '[');
    if (type->kind == TREE_STRING)
        out_raw(out, type->raw);
    for (const tree *c = type->first; c; c = c->next)
        out_raw(out, c->raw);
    out_text(out, VIEW("null"));
    out_close(out, ']');
}

static void put_enum(writing *w, const tree *values, bool null)
{
    out_open(&w->out, '[');
    for (const tree *c = values->first; c; c = c->next) {
        out_raw(&w->out, c->raw);
        null &= c->kind != TREE_NULL;
    }
    if (null)
        out_null(&w->out);
    out_close(&w->out, ']');
}

/* ---------------------------------------------------------------------------------------------------------------- keywords -- */

static bool is_required(const tree *schema, weir_view name)
{
    const tree *required = tree_get(schema, "required");
    for (const tree *c = required && required->kind == TREE_ARRAY ? required->first : NULL; c; c = c->next)
        if (c->kind == TREE_STRING && view_eq(c->text, name))
            return true;
    return false;
}

static void put_schemas(writing *w, place p, const tree *list)
{
    out_open(&w->out, '[');
    for (const tree *c = list->first; c; c = c->next)
        put(w, refs_inner(&w->refs, p, c), false);
    out_close(&w->out, ']');
}

static void put_properties(writing *w, place p, const tree *properties)
{
    for (const tree *c = properties ? properties->first : NULL; c; c = c->next) {
        out_namev(&w->out, c->name);
        put(w, refs_inner(&w->refs, p, c), !is_required(p.schema, c->name));
    }
}

static bool one_of(weir_view name, const char *const *words)
{
    for (; *words; words++)
        if (view_is(name, *words))
            return true;
    return false;
}

static void put_keyword(writing *w, place p, const tree *m, bool null)
{
    static const char *const dropped[] = {"$ref", "$defs", "definitions", "$id", "id", "$anchor", "x-infer-schema", NULL};
    static const char *const schemas[] = {"items", "additionalProperties", "additionalItems", "contains", "not", "if", "then", "else", "propertyNames",
                                          "unevaluatedProperties", "unevaluatedItems", NULL};
    static const char *const lists[] = {"anyOf", "oneOf", "allOf", "prefixItems", "items", NULL};
    const weir_view name = m->name;
    if (one_of(name, dropped) && !(view_is(name, "id") && m->kind != TREE_STRING))
        return;
    out_namev(&w->out, name);
    if (view_is(name, "type")) {
        put_type(w, m, null);
    } else if (view_is(name, "enum") && m->kind == TREE_ARRAY) {
        put_enum(w, m, null);
    } else if (view_is(name, "format") && m->kind == TREE_STRING && view_is(m->text, "number")) {
        out_text(&w->out, VIEW("singer.decimal")); /* singer.md 6: a decimal as text */
    } else if (view_is(name, "properties") && m->kind == TREE_OBJECT) {
        out_open(&w->out, '{');
        put_properties(w, p, m);
        out_close(&w->out, '}');
    } else if (one_of(name, lists) && m->kind == TREE_ARRAY) {
        put_schemas(w, p, m);
    } else if (one_of(name, schemas) && m->kind == TREE_OBJECT) {
        put(w, refs_inner(&w->refs, p, m), false);
    } else if (view_is(name, "patternProperties") && m->kind == TREE_OBJECT) {
        out_open(&w->out, '{');
        for (const tree *c = m->first; c; c = c->next) {
            out_namev(&w->out, c->name);
            put(w, refs_inner(&w->refs, p, c), false);
        }
        out_close(&w->out, '}');
    } else {
        out_raw(&w->out, m->raw);
    }
}

/* ----------------------------------------------------------------------------------------------------------------- schemas -- */

static bool is_open(const writing *w, const tree *schema)
{
    for (size_t i = 0; i < w->depth; i++)
        if (w->open[i] == schema)
            return true;
    return false;
}

/* The members of what is referred to, but for those that stand beside the reference. */
static void put_referred(writing *w, place p, bool null)
{
    weir_view ref = tree_text(p.schema, "$ref");
    place to;
    if (!ref.len || w->depth == DEPTH || !refs_follow(&w->refs, p, ref, &to) || !to.schema || to.schema->kind != TREE_OBJECT || is_open(w, to.schema))
        return;
    w->open[w->depth++] = to.schema;
    for (const tree *m = to.schema->first; m; m = m->next)
        if (!tree_getv(p.schema, m->name) || view_is(m->name, "$ref"))
            put_keyword(w, to, m, null);
    put_referred(w, to, null);
    w->depth--;
}

static bool takes_null_here(writing *w, place p)
{
    weir_view ref = tree_text(p.schema, "$ref");
    place to;
    size_t steps = 0;
    while (ref.len && !tree_get(p.schema, "type") && steps++ < DEPTH && refs_follow(&w->refs, p, ref, &to) && to.schema) {
        p = to;
        ref = tree_text(p.schema, "$ref");
    }
    return takes_null(p.schema);
}

static bool is_simple_here(writing *w, place p)
{
    weir_view ref = tree_text(p.schema, "$ref");
    place to;
    return is_simple(p.schema) || (ref.len && p.schema->count == 1 && refs_follow(&w->refs, p, ref, &to) && to.schema && is_simple(to.schema));
}

static void put_members(writing *w, place p, bool null)
{
    out_open(&w->out, '{');
    for (const tree *m = p.schema->first; m; m = m->next)
        put_keyword(w, p, m, null);
    put_referred(w, p, null);
    out_close(&w->out, '}');
}

static void put(writing *w, place p, bool nullable)
{
    const tree *schema = p.schema;
    if (!schema || schema->kind != TREE_OBJECT) {
        out_raw(&w->out, schema ? schema->raw : VIEW("{}"));
        return;
    }
    if (w->depth == DEPTH || ++w->written > MOST || is_open(w, schema)) {
        out_raw(&w->out, VIEW("{}"));
        return;
    }
    w->open[w->depth++] = schema;
    nullable = nullable && !takes_null_here(w, p);
    if (nullable && !is_simple_here(w, p)) {
        out_open(&w->out, '{');
        out_open(out_name(&w->out, "anyOf"), '[');
        put_members(w, p, false);
        out_raw(&w->out, VIEW("{\"type\":\"null\"}"));
        out_close(&w->out, ']');
        out_close(&w->out, '}');
    } else {
        put_members(w, p, nullable);
    }
    w->depth--;
}

/* -------------------------------------------------------------------------------------------------------------------- root -- */

static const struct {
    unsigned bit;
    const char *name;
} types[] = {
    {WEIR_IS_NULL, "null"},     {WEIR_IS_BOOLEAN, "boolean"}, {WEIR_IS_INTEGER, "integer"}, {WEIR_IS_NUMBER, "number"},
    {WEIR_IS_STRING, "string"}, {WEIR_IS_ARRAY, "array"},     {WEIR_IS_OBJECT, "object"},
};

/* A property that only a part of the schema describes (allOf, anyOf, a reference): its types. */
static void put_location(writing *w, const location *l)
{
    unsigned bits = l->types && !l->required ? l->types | WEIR_IS_NULL : l->types;
    if (bits & WEIR_IS_NUMBER)
        bits &= ~(unsigned)WEIR_IS_INTEGER;
    out_open(out_namev(&w->out, l->field), '{');
    if (bits) {
        out_open(out_name(&w->out, "type"), '[');
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (bits & types[i].bit)
                out_text(&w->out, view_of(types[i].name));
        out_close(&w->out, ']');
    }
    if (l->format.len)
        out_text(out_name(&w->out, "format"), view_is(l->format, "number") ? VIEW("singer.decimal") : l->format);
    out_close(&w->out, '}');
}

/* The SDK's targets demand `properties` (singer.md 1): all that is known of top-level members stands there, wherever the schema says it. */
static weir_rc put_root(writing *w, arena *a, place p, bool deletions, err *e)
{
    const tree *schema = p.schema, *properties = tree_get(schema, "properties"), *type = tree_get(schema, "type");
    locations found;
    weir_rc rc = schema_locations(a, schema, NULL, 1, &found, e);
    if (rc)
        return rc;
    w->open[w->depth++] = schema;
    out_open(&w->out, '{');
    for (const tree *m = schema->first; m; m = m->next)
        if (!view_is(m->name, "properties") && !view_is(m->name, "type"))
            put_keyword(w, p, m, false);
    if (type && type->kind == TREE_ARRAY)
        out_raw(out_name(&w->out, "type"), type->raw);
    else
        out_text(out_name(&w->out, "type"), VIEW("object"));
    out_open(out_name(&w->out, "properties"), '{');
    put_properties(w, p, properties);
    for (size_t i = 0; i < found.count; i++)
        if (found.items[i].pointer.len && !tree_getv(properties, found.items[i].field))
            put_location(w, &found.items[i]);
    if (deletions && !tree_get(properties, "_sdc_deleted_at"))
        out_raw(out_name(&w->out, "_sdc_deleted_at"), VIEW("{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"));
    out_close(&w->out, '}');
    out_close(&w->out, '}');
    w->depth--;
    return WEIR_OK;
}

weir_rc singer_schema(weir_view schema, bool deletions, buf *out, err *e)
{
    arena a = {0};
    tree *t;
    place root;
    writing w = {.out = json_out_to(out)};
    weir_rc rc = tree_parse(&a, schema, NULL, WEIR_E_PROTOCOL, &t, e);
    if (!rc && t->kind != TREE_OBJECT)
        rc = err_fail(e, WEIR_E_PROTOCOL, "it is %s", tree_kind_name(t->kind));
    if (!rc) {
        refs_init(&w.refs, &a, t, NULL, &root);
        rc = put_root(&w, &a, root, deletions, e);
        if (!rc && (w.refs.failed || a.failed || !buf_ok(out)))
            rc = err_nomem(e);
        refs_free(&w.refs);
    }
    arena_free(&a);
    return err_wrap(e, rc, "schema");
}
