/* What a connector says about itself, as Airbyte wants to hear it (airbyte.md 2.5). */
#include "json/patch.h"
#include "json/write.h"
#include "model/spec.h"
#include "proto/airbyte/airbyte.h"
#include "proto/airbyte/oauth.h"
#include "run/session.h"

/* ---- connectionSpecification: one schema without references and without the keywords that are forbidden there (2.5.1) ----
 *
 * Whatever holds for the same value is put together: the schema itself, what it refers to, the parts of allOf, an alternative that has no rival but
 * null. Of what is said twice the first counts. What cannot be said (conditions, patterns) is left out: the platform then asks for less, and the
 * connector itself still refuses what is wrong.
 */

enum { LAYERS = 64, DEPTH = 40, MOST = 50000 };

typedef struct layers {
    const tree *items[LAYERS];
    size_t count;
} layers;

typedef struct converter {
    json_out *w;
    const tree *root;
    const layers *open[DEPTH]; /* the schemas around the one at hand: what refers to one of them would never end */
    size_t depth;
    size_t written;
    bool tells; /* the schema is made of a table */
} converter;

static bool is_null_type(const tree *t)
{
    return view_is(tree_text(t, "type"), "null");
}

/* The alternatives that are not null. @param ret_one the last of them */
static size_t alternatives(const tree *list, const tree **ret_one)
{
    size_t n = 0;
    for (const tree *t = list && list->kind == TREE_ARRAY ? list->first : NULL; t; t = t->next)
        if (!is_null_type(t)) {
            *ret_one = t;
            n++;
        }
    return n;
}

static bool is_alone(const tree *list, const tree **ret_one)
{
    return alternatives(list, ret_one) == 1 && (list->count > 1 || view_is(list->name, "anyOf"));
}

static bool is_around(const converter *v, const tree *schema)
{
    for (size_t i = 0; i < v->depth; i++)
        for (size_t k = 0; k < v->open[i]->count; k++)
            if (v->open[i]->items[k] == schema)
                return true;
    return false;
}

static void spread(const converter *v, layers *l, const tree *schema)
{
    static const char *const lists[] = {"anyOf", "oneOf"};
    if (!schema || schema->kind != TREE_OBJECT || l->count == LAYERS || is_around(v, schema))
        return;
    l->items[l->count++] = schema;
    weir_view ref = tree_text(schema, "$ref");
    if (ref.len && *ref.ptr == '#')
        spread(v, l, tree_at(v->root, view_from(ref, 1)));
    const tree *all = tree_get(schema, "allOf"), *one = NULL;
    for (const tree *t = all && all->kind == TREE_ARRAY ? all->first : NULL; t; t = t->next)
        spread(v, l, t);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (is_alone(tree_get(schema, lists[i]), &one))
            spread(v, l, one);
}

static void put_schema(converter *v, const tree *schema);

static void put_list(converter *v, const tree *list)
{
    out_open(v->w, '[');
    for (const tree *t = list->first; t; t = t->next)
        if (!is_null_type(t))
            put_schema(v, t);
    out_close(v->w, ']');
}

static const tree *first_named(const layers *l, size_t count, const char *keyword, weir_view name)
{
    const tree *found = NULL;
    for (size_t i = 0; i < count && !found; i++)
        found = tree_getv(keyword ? tree_get(l->items[i], keyword) : l->items[i], name);
    return found;
}

static void put_properties(converter *v, const layers *l)
{
    out_open(out_name(v->w, "properties"), '{');
    for (size_t i = 0; i < l->count; i++) {
        const tree *all = tree_get(l->items[i], "properties");
        for (const tree *p = all ? all->first : NULL; p; p = p->next)
            if (!first_named(l, i, "properties", p->name)) {
                out_namev(v->w, p->name);
                put_schema(v, p);
            }
    }
    out_close(v->w, '}');
}

static bool lists_name(const tree *list, const tree *until, weir_view name)
{
    for (const tree *t = list && list->kind == TREE_ARRAY ? list->first : NULL; t && t != until; t = t->next)
        if (view_eq(t->text, name))
            return true;
    return false;
}

static void put_required(converter *v, const layers *l)
{
    out_open(out_name(v->w, "required"), '[');
    for (size_t i = 0; i < l->count; i++) {
        const tree *list = tree_get(l->items[i], "required");
        for (const tree *t = list && list->kind == TREE_ARRAY ? list->first : NULL; t; t = t->next) {
            bool said = lists_name(list, t, t->text);
            for (size_t k = 0; k < i; k++)
                said = said || lists_name(tree_get(l->items[k], "required"), NULL, t->text);
            if (!said && t->kind == TREE_STRING)
                out_text(v->w, t->text);
        }
    }
    out_close(v->w, ']');
}

static bool is_object(const tree *t)
{
    return tree_get(t, "properties") || view_is(tree_text(t, "type"), "object");
}

/* Rivals without a word for them here: objects become a choice, scalars the types that they may have. */
static void put_rivals(converter *v, const layers *l, const tree *list)
{
    bool objects = true;
    for (const tree *t = list->first; t; t = t->next) {
        layers one = {.count = 0};
        const tree *type = is_null_type(t) ? NULL : t;
        spread(v, &one, type);
        for (size_t i = 0; type && i < one.count && !is_object(type); i++)
            type = is_object(one.items[i]) ? one.items[i] : type;
        objects = objects && (is_null_type(t) || is_object(type));
    }
    if (objects) {
        out_name(v->w, "oneOf");
        put_list(v, list);
    } else if (!first_named(l, l->count, NULL, VIEW("type"))) {
        out_open(out_name(v->w, "type"), '[');
        for (const tree *t = list->first; t; t = t->next)
            if (tree_text(t, "type").len && !is_null_type(t))
                out_text(v->w, tree_text(t, "type"));
        out_close(v->w, ']');
    }
}

static void put_any_of(converter *v, const layers *l, const tree *value)
{
    const tree *one;
    if (alternatives(value, &one) > 1)
        put_rivals(v, l, value);
}

static void put_one_of(converter *v, const layers *l, const tree *value)
{
    const tree *one;
    (void)l;
    if (!alternatives(value, &one) || is_alone(value, &one))
        return;
    out_name(v->w, "oneOf");
    put_list(v, value);
}

static void put_inner(converter *v, const layers *l, const tree *value)
{
    (void)l;
    out_namev(v->w, value->name);
    put_schema(v, value);
}

static void put_all_properties(converter *v, const layers *l, const tree *value) { (void)value; put_properties(v, l); }
static void put_all_required(converter *v, const layers *l, const tree *value) { (void)value; put_required(v, l); }
static void leave_out(converter *v, const layers *l, const tree *value) { (void)v; (void)l; (void)value; }

static const struct {
    const char *keyword;
    void (*put)(converter *, const layers *, const tree *value);
} keywords[] = {
    {"properties", put_all_properties},  {"required", put_all_required},   {"oneOf", put_one_of},        {"anyOf", put_any_of},
    {"items", put_inner},                {"additionalProperties", put_inner}, {"allOf", leave_out},      {"$ref", leave_out},
    {"$defs", leave_out},                {"definitions", leave_out},       {"not", leave_out},           {"if", leave_out},
    {"then", leave_out},                 {"else", leave_out},              {"patternProperties", leave_out}, {"prefixItems", leave_out},
    {"dependentSchemas", leave_out},     {"dependentRequired", leave_out},
};

static void put_member(converter *v, const layers *l, const tree *m)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (view_is(m->name, keywords[i].keyword)) {
            keywords[i].put(v, l, m);
            return;
        }
    buf text = {0};
    tree_write(&text, m);
    out_raw(out_namev(v->w, m->name), buf_view(&text));
    v->w->to->failed |= !buf_ok(&text);
    buf_free(&text);
}

/* What this platform calls otherwise. Our tables say of every text whether it is a secret; so does what is made of them, for readers who go by names otherwise. */
static void put_renamed(converter *v, const layers *l)
{
    const tree *secret = first_named(l, l->count, NULL, VIEW("secret")), *type = first_named(l, l->count, NULL, VIEW("type"));
    const tree *hidden = first_named(l, l->count, NULL, VIEW("x-hidden-field"));
    if (hidden && hidden->kind == TREE_BOOL && hidden->boolean && !first_named(l, l->count, NULL, VIEW("airbyte_hidden")))
        out_bool(out_name(v->w, "airbyte_hidden"), true);
    if (first_named(l, l->count, NULL, VIEW("airbyte_secret")))
        return;
    if (secret && secret->kind == TREE_BOOL && secret->boolean)
        out_bool(out_name(v->w, "airbyte_secret"), true);
    else if (v->tells && type && view_is(type->text, "string") && !first_named(l, l->count, NULL, VIEW("const")))
        out_bool(out_name(v->w, "airbyte_secret"), false);
}

static void put_schema(converter *v, const tree *schema)
{
    layers l = {.count = 0};
    if (schema->kind != TREE_OBJECT) { /* true, false; a list of items */
        buf text = {0};
        tree_write(&text, schema);
        out_raw(v->w, buf_view(&text));
        v->w->to->failed |= !buf_ok(&text);
        buf_free(&text);
        return;
    }
    out_open(v->w, '{');
    if (v->depth < DEPTH && v->written++ < MOST)
        spread(v, &l, schema);
    const size_t depth = v->depth;
    if (l.count)
        v->open[v->depth++] = &l;
    for (size_t i = 0; i < l.count; i++)
        for (const tree *m = l.items[i]->first; m; m = m->next)
            if (!first_named(&l, i, NULL, m->name))
                put_member(v, &l, m);
    put_renamed(v, &l);
    v->depth = depth;
    out_close(v->w, '}');
}

static weir_rc put_connection(const weir_connector *c, json_out *w, err *e)
{
    arena a = {0};
    tree *schema;
    buf text = {0}, plain = {0}, whole = {0};
    spec_config_schema(c, &text);
    weir_rc rc = buf_ok(&text) ? tree_parse(&a, buf_view(&text), NULL, WEIR_E_PROTOCOL, &schema, e) : err_nomem(e);
    if (!rc) {
        json_out inner = json_out_to(&plain);
        put_schema(&(converter){.w = &inner, .root = schema, .tells = !c->config_schema.len}, schema);
        const weir_view more = tree_get(schema, "type") ? VIEW("{\"properties\":{}}") : VIEW("{\"type\":\"object\",\"properties\":{}}");
        if (!buf_ok(&plain) || !patch_apply(&whole, buf_view(&plain), more))
            rc = err_nomem(e);
    }
    if (!rc)
        out_raw(out_name(w, "connectionSpecification"), buf_view(&whole));
    buf_free(&text);
    buf_free(&plain);
    buf_free(&whole);
    arena_free(&a);
    return err_wrap(e, rc, "settings of '%s'", c->name);
}

/* Old rows can only be removed by a destination that can do so (3.4). */
static void put_write_modes(const weir_materialize *m, json_out *w)
{
    out_open(out_name(w, "supported_destination_sync_modes"), '[');
    out_text(w, VIEW("append"));
    if (session_can_expire(m, true))
        out_text(w, VIEW("overwrite"));
    out_text(w, VIEW("append_dedup"));
    out_close(w, ']');
}

weir_rc airbyte_spec_body(const weir_connector *c, buf *out, err *e)
{
    buf url = {0};
    json_out w = json_out_to(out);
    weir_rc rc = spec_check(c, e);
    if (rc)
        return rc;
    spec_docs_url(c, &url);
    out_open(&w, '{');
    out_text(out_name(&w, "documentationUrl"), buf_view(&url));
    rc = put_connection(c, &w, e);
    if (c->materialize)
        put_write_modes(c->materialize, &w);
    if (!rc && c->oauth2.len)
        rc = airbyte_advanced_auth(c, &w, e);
    out_close(&w, '}');
    if (!rc && !(buf_ok(&url) && buf_ok(out)))
        rc = err_nomem(e);
    buf_free(&url);
    return rc;
}

weir_rc airbyte_spec(const airbyte_call *k, err *e)
{
    buf line = {0};
    airbyte_open(&line, AIRBYTE_SPEC);
    weir_rc rc = airbyte_spec_body(k->c, &line, e);
    airbyte_close(&line);
    if (!rc)
        rc = airbyte_put(k, &line, e);
    buf_free(&line);
    return rc;
}
