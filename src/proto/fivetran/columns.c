/* Columns from a JSON Schema, and back. The types of a place come from json/facet.h; annotations that only say more about them are looked for in the schema. */
#include "json/facet.h"
#include "json/pointer.h"
#include "json/refs.h"
#include "json/write.h"
#include "proto/fivetran/types.h"

enum { NESTING = 24, LOOKS = 2000 /* at schemas for one keyword: alternatives may multiply */, PRECISION = 38 };

/* ---- annotations ---- */

typedef struct search {
    refs *refs;
    weir_view property; /* what is looked for: a property, or a keyword if this is empty */
    const char *keyword;
    unsigned left;
    place found;
} search;

static bool look(search *s, place p, unsigned depth);

static bool look_at_list(search *s, place p, const char *keyword, unsigned depth)
{
    const tree *list = tree_get(p.schema, keyword);
    for (const tree *t = list && list->kind == TREE_ARRAY ? list->first : NULL; t; t = t->next)
        if (look(s, refs_inner(s->refs, p, t), depth))
            return true;
    return false;
}

static bool look_here(search *s, place p)
{
    const tree *t = s->keyword ? tree_get(p.schema, s->keyword) : tree_getv(tree_get(p.schema, "properties"), s->property);
    if (t)
        s->found = refs_inner(s->refs, p, t);
    return t;
}

/* In the schema itself, then in what it refers to and what it is put together of. */
static bool look(search *s, place p, unsigned depth)
{
    if (depth == NESTING || s->left == 0 || !p.schema || p.schema->kind != TREE_OBJECT)
        return false;
    s->left--;
    if (look_here(s, p))
        return true;
    const tree *ref = tree_get(p.schema, "$ref");
    place to;
    if (ref && ref->kind == TREE_STRING && refs_follow(s->refs, p, ref->text, &to) && look(s, to, depth + 1))
        return true;
    return look_at_list(s, p, "allOf", depth + 1) || look_at_list(s, p, "anyOf", depth + 1) || look_at_list(s, p, "oneOf", depth + 1);
}

/* What a schema says under a keyword; NULL: nothing. */
static const tree *annotation(refs *r, place p, const char *keyword)
{
    search s = {.refs = r, .keyword = keyword, .left = LOOKS};
    return look(&s, p, 0) ? s.found.schema : NULL;
}

static weir_view annotation_text(refs *r, place p, const char *keyword)
{
    const tree *t = annotation(r, p, keyword);
    return t && t->kind == TREE_STRING ? t->text : (weir_view){NULL, 0};
}

static place property_of(refs *r, place p, weir_view name)
{
    search s = {.refs = r, .property = name, .left = LOOKS};
    return look(&s, p, 0) ? s.found : (place){0};
}

/* ---- types ---- */

typedef struct word {
    const char *word;
    ft_type type;
} word;

static ft_type type_of_word(const word *words, weir_view text, ft_type otherwise)
{
    for (; words->word; words++)
        if (view_is(text, words->word))
            return words->type;
    return otherwise;
}

static const word airbyte_types[] = {
    {"timestamp_with_timezone", FT_UTC_DATETIME}, {"timestamp_without_timezone", FT_NAIVE_DATETIME}, {"integer", FT_LONG},
    {"big_integer", FT_DECIMAL},                  {"big_number", FT_DECIMAL},                        {NULL, FT_UNSPECIFIED},
};

/* What is not a machine's number, by its format. */
static const word string_formats[] = {
    {"date", FT_NAIVE_DATE},   {"date-time", FT_UTC_DATETIME}, {"number", FT_DECIMAL},
    {"integer", FT_DECIMAL},   {"singer.decimal", FT_DECIMAL}, {"x-singer.decimal", FT_DECIMAL},
    {NULL, FT_STRING},
};

static const word integer_formats[] = {
    {"int16", FT_SHORT}, {"int32", FT_INT}, {"uint64", FT_DECIMAL}, {"integer", FT_DECIMAL}, {"number", FT_DECIMAL}, {"singer.decimal", FT_DECIMAL},
    {"x-singer.decimal", FT_DECIMAL}, {NULL, FT_UNSPECIFIED},
};

static ft_type type_of_string(const facet *f, refs *r, place p)
{
    ft_type type = type_of_word(airbyte_types, annotation_text(r, p, "airbyte_type"), FT_UNSPECIFIED);
    if (type != FT_UNSPECIFIED)
        return type == FT_LONG ? FT_DECIMAL : type;
    if (view_is(f->encoding, "base64"))
        return FT_BINARY;
    weir_view media = annotation_text(r, p, "contentMediaType");
    if (view_is(media, "application/xml") || view_is(media, "text/xml"))
        return FT_XML;
    return type_of_word(string_formats, f->format, FT_STRING);
}

/* A bound beyond 64 bits: so may be the values. */
static bool is_wide(refs *r, place p, const char *keyword)
{
    const tree *bound = annotation(r, p, keyword);
    int64_t unused;
    return bound && bound->kind == TREE_NUMBER && !number_to_i64(bound->text, &unused) && number_is_integer(bound->text);
}

/* Bounds are what an inference has seen so far, or what somebody knows of the data, unless they are those of a machine type. */
static ft_type type_of_integer(const facet *f, refs *r, place p)
{
    ft_type type = type_of_word(integer_formats, f->format, FT_UNSPECIFIED);
    if (type == FT_UNSPECIFIED)
        type = type_of_word(airbyte_types, annotation_text(r, p, "airbyte_type"), FT_UNSPECIFIED);
    if (type == FT_SHORT || type == FT_INT || type == FT_DECIMAL)
        return type;
    if (f->has_min && f->has_max && f->min == INT16_MIN && f->max == INT16_MAX)
        return FT_SHORT;
    if (f->has_min && f->has_max && f->min == INT32_MIN && f->max == INT32_MAX)
        return FT_INT;
    return is_wide(r, p, "maximum") || is_wide(r, p, "minimum") ? FT_DECIMAL : FT_LONG;
}

static ft_type type_of_number(const facet *f, refs *r, place p)
{
    weir_view airbyte = annotation_text(r, p, "airbyte_type");
    if (view_is(airbyte, "integer"))
        return type_of_integer(f, r, p);
    const tree *multiple = annotation(r, p, "multipleOf");
    bool decimal = view_is(f->format, "singer.decimal") || view_is(f->format, "x-singer.decimal") ||
                   type_of_word(airbyte_types, airbyte, FT_UNSPECIFIED) == FT_DECIMAL ||
                   (multiple && multiple->kind == TREE_NUMBER && !number_is_integer(multiple->text));
    return decimal ? FT_DECIMAL : FT_DOUBLE;
}

static ft_type type_of_facet(const facet *f, refs *r, place p)
{
    enum { NUMBERS = WEIR_IS_INTEGER | WEIR_IS_NUMBER };
    const unsigned types = f->types & ~(unsigned)WEIR_IS_NULL, others = types & ~(unsigned)NUMBERS;
    if (types == 0 || (f->types == FACET_ANY && !annotation(r, p, "type")))
        return FT_UNSPECIFIED;
    if (types & (WEIR_IS_OBJECT | WEIR_IS_ARRAY))
        return FT_JSON;
    if (types == WEIR_IS_BOOLEAN)
        return FT_BOOLEAN;
    if (types == WEIR_IS_STRING)
        return type_of_string(f, r, p);
    if (others == 0)
        return types & WEIR_IS_NUMBER ? type_of_number(f, r, p) : type_of_integer(f, r, p);
    if (others == WEIR_IS_STRING && type_of_word(string_formats, f->format, FT_STRING) == FT_DECIMAL) /* strings that are numbers */
        return types & WEIR_IS_NUMBER ? type_of_number(f, r, p) : FT_DECIMAL;
    return FT_STRING;
}

static uint32_t small_number(const tree *t, uint32_t otherwise)
{
    int64_t v;
    return t && t->kind == TREE_NUMBER && number_to_i64(t->text, &v) && v >= 0 && v <= PRECISION ? (uint32_t)v : otherwise;
}

static void read_decimal(ft_column *c, refs *r, place p)
{
    uint32_t precision = small_number(annotation(r, p, "precision"), 0), scale = small_number(annotation(r, p, "scale"), 0);
    if (c->type == FT_DECIMAL && precision && scale <= precision) {
        c->precision = precision;
        c->scale = scale;
    }
}

/* ---- the table ---- */

static ft_column *column_named(ft_table *t, weir_view name)
{
    for (size_t i = 0; i < t->count; i++)
        if (view_eq(t->columns[i].name, name))
            return &t->columns[i];
    return NULL;
}

static void add_columns(ft_table *t, arena *a, const facet *root, refs *r, place top)
{
    for (const facet_member *m = root->members; m; m = m->next) {
        const facet *f = facet_of_member(root, m);
        f = f ? f : &facet_anything;
        if (f->types == FACET_NONE)
            continue;
        ft_column *c = &t->columns[t->count++];
        place p = property_of(r, top, m->name);
        *c = (ft_column){.name = arena_dup(a, m->name), .type = type_of_facet(f, r, p)};
        read_decimal(c, r, p);
    }
}

static weir_rc add_key(ft_table *t, arena *a, const weir_view *pointers, size_t count, err *e)
{
    for (size_t i = 0; i < count; i++) {
        weir_view *tokens;
        size_t depth;
        if (!pointer_split(a, pointers[i], &tokens, &depth))
            return a->failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "the key '%.*s' is no JSON pointer", VIEW_ARG(pointers[i]));
        if (depth != 1)
            return err_fail(e, WEIR_E_CONFIG, "the key '%.*s' is no member of the document itself, as a primary key of Fivetran must be", VIEW_ARG(pointers[i]));
        ft_column *c = column_named(t, tokens[0]);
        if (!c) {
            c = &t->columns[t->count++];
            *c = (ft_column){.name = tokens[0]};
        }
        c->key = true;
    }
    return WEIR_OK;
}

weir_rc ft_columns_of_schema(arena *a, const tree *schema, weir_view key, ft_table *ret, err *e)
{
    facet *root;
    weir_view *pointers = NULL;
    size_t keys = 0;
    weir_rc rc = facet_read(a, schema, NULL, 1, WEIR_E_CONFIG, &root, e);
    if (rc)
        return rc;
    if (key.len && !pointer_list(a, key, &pointers, &keys))
        return a->failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "the key is no list of JSON pointers");
    const facet *f = root ? root : &facet_anything;
    ft_table found = *ret;
    refs r;
    place top;
    refs_init(&r, a, schema, NULL, &top);
    found.count = 0;
    found.columns = arena_array(a, f->count + keys + 1, sizeof *found.columns);
    if (found.columns) {
        add_columns(&found, a, f, &r, top);
        rc = add_key(&found, a, pointers, keys, e);
    }
    refs_free(&r);
    if (a->failed || r.failed)
        return err_nomem(e);
    if (!rc)
        *ret = found;
    return rc;
}

/* ---- and back ---- */

/* What documents have in a column: `type`, first its names as the items of an array, and further keywords. */
static const struct {
    const char *types, *more;
} schemas[FT_TYPES] = {
    [FT_BOOLEAN] = {"\"boolean\"", NULL},
    [FT_SHORT] = {"\"integer\"", "\"minimum\":-32768,\"maximum\":32767"},
    [FT_INT] = {"\"integer\"", "\"minimum\":-2147483648,\"maximum\":2147483647"},
    [FT_LONG] = {"\"integer\"", NULL},
    [FT_DECIMAL] = {"\"string\"", "\"format\":\"number\""},
    [FT_FLOAT] = {"\"number\",\"string\"", "\"format\":\"number\""}, /* strings: NaN and the infinities */
    [FT_DOUBLE] = {"\"number\",\"string\"", "\"format\":\"number\""},
    [FT_NAIVE_DATE] = {"\"string\"", "\"format\":\"date\""},
    [FT_NAIVE_DATETIME] = {"\"string\"", "\"airbyte_type\":\"timestamp_without_timezone\""}, /* `date-time` wants a zone */
    [FT_UTC_DATETIME] = {"\"string\"", "\"format\":\"date-time\""},
    [FT_BINARY] = {"\"string\"", "\"contentEncoding\":\"base64\""},
    [FT_XML] = {"\"string\"", "\"contentMediaType\":\"application/xml\""},
    [FT_STRING] = {"\"string\"", NULL},
    [FT_JSON] = {"\"object\",\"array\",\"string\",\"number\",\"boolean\"", NULL},
    [FT_NAIVE_TIME] = {"\"string\"", "\"airbyte_type\":\"time_without_timezone\""},
};

static void put_column(const ft_column *c, buf *out)
{
    const char *types = schemas[c->type].types, *more = schemas[c->type].more;
    bool one = types && c->key && !strchr(types, ',');
    buf_adds(out, types ? "{\"type\":" : "{");
    if (types)
        buf_printf(out, one ? "%s" : c->key ? "[%s]" : "[%s,\"null\"]", types);
    if (more)
        buf_printf(out, ",%s", more);
    if (c->type == FT_DECIMAL && c->precision)
        buf_printf(out, ",\"precision\":%u,\"scale\":%u", c->precision, c->scale);
    buf_addc(out, '}');
}

void ft_schema_of_columns(const ft_table *t, buf *out)
{
    bool any = false;
    buf_adds(out, "{\"type\":\"object\",\"properties\":{");
    for (size_t i = 0; i < t->count; i++) {
        if (i)
            buf_addc(out, ',');
        json_quote_lossy(out, t->columns[i].name);
        buf_addc(out, ':');
        put_column(&t->columns[i], out);
    }
    buf_addc(out, '}');
    for (size_t i = 0; i < t->count; i++) {
        if (!t->columns[i].key)
            continue;
        buf_adds(out, any ? "," : ",\"required\":[");
        json_quote_lossy(out, t->columns[i].name);
        any = true;
    }
    buf_adds(out, any ? "]}" : "}");
}

void ft_key_of_columns(const ft_table *t, buf *out)
{
    bool any = false;
    buf pointer = {0};
    buf_addc(out, '[');
    for (size_t i = 0; i < t->count; i++) {
        if (!t->columns[i].key)
            continue;
        buf_clear(&pointer);
        pointer_push(&pointer, t->columns[i].name);
        if (any)
            buf_addc(out, ',');
        json_quote_lossy(out, buf_view(&pointer));
        out->failed |= pointer.failed;
        any = true;
    }
    buf_addc(out, ']');
    buf_free(&pointer);
}
