/* Reading: from keywords to facets. How two facets become one is in facet_mix.c. */
#include "json/facet_mix.h"

#include "json/number.h"
#include "json/refs.h"
#include "json/text.h"

enum {
    LIMIT = 300000, /* of work, in members: schemas whose alternatives multiply meet it */
    NESTING = 400,  /* of calls */
};

typedef struct reader {
    mixer mix; /* first error sticks */
    refs refs;
} reader;

/* A schema that is being read, and the level of members at which it applies. */
typedef struct frame {
    const struct frame *up;
    const tree *schema;
    unsigned level, nesting, depth; /* depth: levels still to be read below it */
} frame;

static facet *read_schema(reader *r, place at, const frame *up, bool deeper, unsigned depth);

static facet *fail_at(reader *r, const tree *at, const char *what, weir_view name)
{
    buf text = {0};
    tree_where(&text, at->mark);
    buf_adds(&text, what);
    if (name.ptr) {
        buf_addc(&text, ' ');
        json_quote_lossy(&text, name);
    }
    mix_fail(&r->mix, buf_text(&text));
    buf_free(&text);
    return NULL;
}

/* --------------------------------------------------------------------------------------------------------------- types -- */

static const struct {
    const char *name;
    unsigned types;
} type_names[] = {
    {"null", WEIR_IS_NULL},       {"boolean", WEIR_IS_BOOLEAN},
    {"integer", WEIR_IS_INTEGER}, {"number", WEIR_IS_INTEGER | WEIR_IS_NUMBER},
    {"string", WEIR_IS_STRING},   {"array", WEIR_IS_ARRAY},
    {"object", WEIR_IS_OBJECT},
};

unsigned facet_types_named(weir_view name)
{
    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++)
        if (view_is(name, type_names[i].name))
            return type_names[i].types;
    return 0;
}

/* A name that no draft has could mean anything. */
static unsigned type_named(const tree *name)
{
    unsigned types = name->kind == TREE_STRING ? facet_types_named(name->text) : 0;
    return types ? types : FACET_ANY;
}

static unsigned type_of_value(const tree *value)
{
    static const unsigned types[] = {[TREE_NULL] = WEIR_IS_NULL,     [TREE_BOOL] = WEIR_IS_BOOLEAN, [TREE_NUMBER] = WEIR_IS_NUMBER,
                                     [TREE_STRING] = WEIR_IS_STRING, [TREE_ARRAY] = WEIR_IS_ARRAY,  [TREE_OBJECT] = WEIR_IS_OBJECT};
    return value->kind == TREE_NUMBER && number_is_integer(value->text) ? WEIR_IS_INTEGER : types[value->kind];
}

static unsigned read_types(const tree *schema)
{
    const tree *type = tree_get(schema, "type"), *values = tree_get(schema, "enum"), *value = tree_get(schema, "const");
    unsigned types = FACET_ANY, seen = 0;
    if (type && type->kind == TREE_ARRAY)
        for (const tree *t = type->first; t; t = t->next)
            seen |= type_named(t);
    else if (type)
        seen = type_named(type);
    types &= type ? seen : FACET_ANY;
    if (values && values->kind == TREE_ARRAY) {
        seen = 0;
        for (const tree *t = values->first; t; t = t->next)
            seen |= type_of_value(t);
        types &= seen;
    }
    return value ? types & type_of_value(value) : types;
}

/* The bound that `name` or its exclusive form sets (draft 4: a boolean beside it). Bounds that are no integers of 64 bits are
 * passed over. */
static bool read_bound(const tree *schema, const char *name, const char *exclusive_name, int step, int64_t *ret)
{
    const tree *bound = tree_get(schema, name), *exclusive = tree_get(schema, exclusive_name);
    int64_t at = 0, beyond = 0;
    bool has = bound && bound->kind == TREE_NUMBER && number_to_i64(bound->text, &at);
    bool draft4 = exclusive && exclusive->kind == TREE_BOOL && exclusive->boolean;
    if (has && draft4 && __builtin_add_overflow(at, step, &at))
        return false;
    if (exclusive && exclusive->kind == TREE_NUMBER && number_to_i64(exclusive->text, &beyond) &&
        !__builtin_add_overflow(beyond, step, &beyond)) {
        at = has && (step > 0 ? at > beyond : at < beyond) ? at : beyond;
        has = true;
    }
    *ret = at;
    return has;
}

/* -------------------------------------------------------------------------------------------------- members and items -- */

static facet *read_inner(reader *r, place at, const tree *schema, const frame *f)
{
    return read_schema(r, refs_inner(&r->refs, at, schema), f, true, f->depth - 1);
}

static void read_members(reader *r, place at, const frame *f, facet *x)
{
    const tree *properties = tree_get(at.schema, "properties");
    if (!properties || properties->kind != TREE_OBJECT)
        return;
    place inside = refs_inner(&r->refs, at, properties);
    for (const tree *t = properties->first; t; t = t->next) {
        facet_member *m = mix_add_member(&r->mix, x, t->name);
        if (!m)
            return;
        m->described = true;
        m->facet = read_inner(r, inside, t, f);
    }
}

static void read_required(reader *r, const tree *schema, facet *x)
{
    const tree *required = tree_get(schema, "required");
    if (!required || required->kind != TREE_ARRAY)
        return;
    mix_index index = mix_index_of(&r->mix, x);
    for (const tree *t = required->first; t; t = t->next) {
        facet_member *m = t->kind == TREE_STRING ? mix_find(&index, t->text) : NULL;
        if (!m && t->kind == TREE_STRING) {
            m = mix_add_member(&r->mix, x, t->text);
            mix_index_add(&r->mix, &index, m);
        }
        if (m)
            m->required = true;
    }
    mix_index_free(&index);
}

static bool is_false(const tree *t)
{
    return t && t->kind == TREE_BOOL && !t->boolean;
}

static facet *read_rest(reader *r, place at, const frame *f)
{
    const tree *more = tree_get(at.schema, "additionalProperties"), *patterns = tree_get(at.schema, "patternProperties");
    if (!more || (patterns && patterns->count))
        return NULL; /* what the patterns let in is not looked at */
    return read_inner(r, at, more, f);
}

static facet *read_items(reader *r, place at, const frame *f)
{
    const tree *items = tree_get(at.schema, "items");
    if (!items || items->kind == TREE_ARRAY || tree_get(at.schema, "prefixItems"))
        return NULL; /* tuples are not followed */
    return read_inner(r, at, items, f);
}

static bool read_count(const tree *schema, const char *name, uint64_t *ret)
{
    const tree *n = tree_get(schema, name);
    return n && n->kind == TREE_NUMBER && number_to_u64(n->text, ret);
}

static const tree *of_kind(const tree *t, tree_kind kind)
{
    return t && t->kind == kind ? t : NULL;
}

static bool is_true(const tree *t)
{
    return t && t->kind == TREE_BOOL && t->boolean;
}

static facet_notes read_notes(const tree *s)
{
    facet_notes n = {.media = tree_text(s, "contentMediaType"), .fallback = tree_get(s, "default"), .choices = of_kind(tree_get(s, "enum"), TREE_ARRAY),
                     .least = of_kind(tree_get(s, "minimum"), TREE_NUMBER), .most = of_kind(tree_get(s, "maximum"), TREE_NUMBER),
                     .reduce = of_kind(tree_get(s, "reduce"), TREE_OBJECT), .redact = of_kind(tree_get(s, "redact"), TREE_OBJECT),
                     .secret = is_true(tree_get(s, "secret")) || is_true(tree_get(s, "airbyte_secret"))};
    n.has_max_length = read_count(s, "maxLength", &n.max_length);
    n.has_min_items = read_count(s, "minItems", &n.min_items);
    n.has_max_items = read_count(s, "maxItems", &n.max_items);
    return n;
}

/* The keywords of one schema object that do not refer to others. */
static facet *read_keywords(reader *r, place at, const frame *f)
{
    const tree *s = at.schema, *patterns = tree_get(s, "patternProperties");
    facet *x = mix_new(&r->mix);
    if (!x)
        return NULL;
    x->types = read_types(s);
    x->notes = read_notes(s);
    x->format = tree_text(s, "format");
    x->encoding = tree_text(s, "contentEncoding");
    x->title = tree_text(s, "title");
    x->description = tree_text(s, "description");
    x->has_min = read_bound(s, "minimum", "exclusiveMinimum", 1, &x->min);
    x->has_max = read_bound(s, "maximum", "exclusiveMaximum", -1, &x->max);
    x->closed = is_false(tree_get(s, "additionalProperties")) && !(patterns && patterns->count);
    x->cut = f->depth == 0;
    if (!x->cut) {
        read_members(r, at, f, x);
        read_required(r, s, x);
        x->rest = read_rest(r, at, f);
        x->items = read_items(r, at, f);
    }
    return x;
}

/* -------------------------------------------------------------------------------------------------- other schemas here -- */

static facet *read_here(reader *r, place at, const tree *schema, const frame *f)
{
    return read_schema(r, refs_inner(&r->refs, at, schema), f, false, f->depth);
}

/* A schema that is being read already is not read again: at the same level it says nothing new; deeper, it is read without members.
 */
static facet *read_ref(reader *r, place at, const char *keyword, const frame *f)
{
    const tree *ref = tree_get(at.schema, keyword);
    unsigned depth = f->depth;
    place to;
    if (!ref || ref->kind != TREE_STRING || r->mix.rc)
        return NULL;
    if (!refs_follow(&r->refs, at, ref->text, &to))
        return r->refs.failed ? NULL : fail_at(r, ref, "nothing is found at", ref->text);
    for (const frame *g = f; g; g = g->up)
        if (g->schema == to.schema) {
            if (g->level == f->level)
                return NULL;
            depth = 0;
        }
    return read_schema(r, to, f, false, depth);
}

static facet *read_all_of(reader *r, place at, const frame *f, facet *x)
{
    const tree *all = tree_get(at.schema, "allOf");
    place inside = all ? refs_inner(&r->refs, at, all) : at;
    for (const tree *t = all ? all->first : NULL; t; t = t->next)
        x = mix_meet(&r->mix, x, read_here(r, inside, t, f));
    return x;
}

static facet *read_any_of(reader *r, place at, const char *keyword, const frame *f)
{
    const tree *any = tree_get(at.schema, keyword);
    facet *x = NULL;
    for (const tree *t = any ? any->first : NULL; t; t = t->next) {
        facet *one = read_here(r, at, t, f);
        x = t == any->first ? one : mix_join(&r->mix, x, one);
    }
    return x;
}

/* Which of the two applies is not asked: both may. */
static facet *read_conditional(reader *r, place at, const frame *f)
{
    const tree *then = tree_get(at.schema, "then"), *otherwise = tree_get(at.schema, "else");
    if (!tree_get(at.schema, "if") || (!then && !otherwise))
        return NULL;
    return mix_join(&r->mix, then ? read_here(r, at, then, f) : NULL, otherwise ? read_here(r, at, otherwise, f) : NULL);
}

static facet *read_object(reader *r, place at, const frame *f)
{
    static const char *const links[] = {"$ref", "$dynamicRef", "$recursiveRef"}, *const choices[] = {"anyOf", "oneOf"};
    facet *x = read_keywords(r, at, f);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        x = mix_meet(&r->mix, x, read_ref(r, at, links[i], f));
    x = read_all_of(r, at, f, x);
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        x = mix_meet(&r->mix, x, read_any_of(r, at, choices[i], f));
    x = mix_meet(&r->mix, x, read_conditional(r, at, f));
    if (x && is_false(tree_get(at.schema, "unevaluatedProperties"))) {
        x->closed = true;
        x->rest = x->cut ? NULL : mix_never(&r->mix);
    }
    return x;
}

static facet *read_schema(reader *r, place at, const frame *up, bool deeper, unsigned depth)
{
    if (r->refs.failed)
        mix_nomem(&r->mix);
    if (r->mix.rc)
        return NULL;
    if (at.schema->kind == TREE_BOOL)
        return at.schema->boolean ? NULL : mix_never(&r->mix);
    if (at.schema->kind != TREE_OBJECT)
        return fail_at(r, at.schema, "a schema is an object or a boolean", (weir_view){NULL, 0});
    frame f = {up, at.schema, up ? up->level + deeper : 0, up ? up->nesting + 1 : 0, depth};
    if (f.nesting > NESTING)
        return fail_at(r, at.schema, "the schema is nested too deeply", (weir_view){NULL, 0});
    return read_object(r, at, &f);
}

weir_rc facet_read(arena *a, const tree *schema, const tree *known, unsigned depth, weir_rc rc, facet **ret, err *e)
{
    reader r = {.mix = {.arena = a, .e = e, .misfit = rc, .left = LIMIT}};
    place root;
    refs_init(&r.refs, a, schema, known, &root);
    facet *x = read_schema(&r, root, NULL, false, depth);
    refs_free(&r.refs);
    if (r.refs.failed || a->failed)
        mix_nomem(&r.mix);
    if (!r.mix.rc)
        *ret = x;
    return r.mix.rc;
}
