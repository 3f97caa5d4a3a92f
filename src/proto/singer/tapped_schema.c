#include "proto/singer/tapped_schema.h"

#include "json/tree.h"
#include "json/write.h"

static const tree *first_of(const tree *t) { return t && (t->kind == TREE_ARRAY || t->kind == TREE_OBJECT) ? t->first : NULL; }
static bool is_text(const tree *t, const char *text) { return t && t->kind == TREE_STRING && view_is(t->text, text); }

static bool one_of(weir_view name, const char *const *words)
{
    for (; *words; words++)
        if (view_is(name, *words))
            return true;
    return false;
}

/* ---- decimals ---- */

static bool is_decimal(const tree *schema)
{
    const tree *format = tree_get(schema, "format");
    return is_text(format, "singer.decimal") || is_text(format, "x-singer.decimal");
}

static void put_decimal_type(json_out *w, const tree *type)
{
    bool number = false;
    out_open(w, '[');
    if (type->kind == TREE_STRING)
        out_raw(w, type->raw);
    for (const tree *t = first_of(type); t; t = t->next) {
        out_raw(w, t->raw);
        number |= is_text(t, "number");
    }
    if (!number && !is_text(type, "number"))
        out_text(w, VIEW("number"));
    out_close(w, ']');
}

static void put(json_out *w, const tree *t);

static void put_members(json_out *w, const tree *t)
{
    bool decimal = is_decimal(t);
    for (const tree *m = t->first; m; m = m->next) {
        out_namev(w, m->name);
        if (decimal && view_is(m->name, "format"))
            out_text(w, VIEW("number"));
        else if (decimal && view_is(m->name, "type"))
            put_decimal_type(w, m);
        else
            put(w, m);
    }
}

static void put(json_out *w, const tree *t)
{
    if (t->kind != TREE_OBJECT && t->kind != TREE_ARRAY) {
        out_raw(w, t->raw);
        return;
    }
    out_open(w, t->kind == TREE_OBJECT ? '{' : '[');
    if (t->kind == TREE_OBJECT)
        put_members(w, t);
    for (const tree *item = t->kind == TREE_ARRAY ? t->first : NULL; item; item = item->next)
        put(w, item);
    out_close(w, t->kind == TREE_OBJECT ? '}' : ']');
}

weir_rc singer_tapped_schema(buf *out, weir_view schema, err *e)
{
    arena a = {0};
    tree *t;
    weir_rc rc = WEIR_OK;
    if (!memmem(schema.ptr, schema.len, "singer.decimal", 14)) {
        json_compact(out, schema);
    } else {
        rc = tree_parse(&a, schema, NULL, WEIR_E_PROTOCOL, &t, e);
        json_out w = json_out_to(out);
        if (!rc)
            put(&w, t);
    }
    arena_free(&a);
    return rc ? rc : buf_ok(out) ? WEIR_OK : err_nomem(e);
}

/* ---- closing ---- */

static bool allows(const tree *type, const char *name)
{
    for (const tree *t = first_of(type); t; t = t->next)
        if (is_text(t, name))
            return true;
    return !type || is_text(type, name);
}

static bool close_schema(json_out *w, const tree *t);

static bool close_members(json_out *w, const tree *map)
{
    bool ok = true;
    out_open(w, '{');
    for (const tree *m = map->first; m && ok; m = m->next)
        ok = close_schema(out_namev(w, m->name), m);
    out_close(w, '}');
    return ok;
}

static bool close_list(json_out *w, const tree *list)
{
    bool ok = true;
    out_open(w, '[');
    for (const tree *m = first_of(list); m && ok; m = m->next)
        ok = close_schema(w, m);
    out_close(w, ']');
    return ok;
}

static bool close_keyword(json_out *w, const tree *m)
{
    static const char *const lists[] = {"anyOf", "oneOf", NULL};
    static const char *const open[] = {"$ref", "allOf", "if", "not", "patternProperties", "unevaluatedProperties", "dependentSchemas", NULL};
    if (one_of(m->name, open))
        return false;
    out_namev(w, m->name);
    if (one_of(m->name, lists))
        return close_list(w, m);
    if (view_is(m->name, "properties") && m->kind == TREE_OBJECT)
        return close_members(w, m);
    if (view_is(m->name, "items"))
        return m->kind == TREE_ARRAY ? close_list(w, m) : close_schema(w, m);
    out_raw(w, m->raw);
    return true;
}

/* `{}` and true say nothing, and hold objects of any kind. */
static bool close_schema(json_out *w, const tree *t)
{
    const tree *type = tree_get(t, "type"), *more = tree_get(t, "additionalProperties"), *properties = tree_get(t, "properties");
    bool branches = tree_get(t, "anyOf") || tree_get(t, "oneOf"), object = allows(type, "object") && !(branches && !type);
    if (t->kind != TREE_OBJECT || (object && (!properties || (more && !(more->kind == TREE_BOOL && !more->boolean)))))
        return false;
    bool ok = true;
    out_open(w, '{');
    for (const tree *m = t->first; m && ok; m = m->next)
        if (!view_is(m->name, "additionalProperties"))
            ok = close_keyword(w, m);
    if (object)
        out_bool(out_name(w, "additionalProperties"), false);
    out_close(w, '}');
    return ok;
}

bool singer_tapped_schema_closed(buf *out, weir_view schema)
{
    size_t from = out->len;
    arena a = {0};
    err e = {0};
    tree *t;
    json_out w = json_out_to(out);
    bool ok = tree_parse(&a, schema, NULL, WEIR_E_PROTOCOL, &t, &e) == WEIR_OK && close_schema(&w, t) && buf_ok(out);
    if (!ok)
        out->len = from;
    arena_free(&a);
    err_free(&e);
    return ok;
}
