#include "proto/flowdoc.h"

#include "json/quick.h"
#include "json/tree.h"
#include "json/write.h"

/* ---- documents ---- */

/* A quote behind which a name that means _meta may stand: the next byte is its first, or a backslash. Nearly every document has none. */
static const char *next_suspect(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), first = _mm_set1_epi8('_'), backslash = _mm_set1_epi8('\\');
    for (; end - p > 16; p += 16) {
        __m128i here = _mm_loadu_si128((const __m128i *)(const void *)p), next = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
        __m128i begins = _mm_or_si128(_mm_cmpeq_epi8(next, first), _mm_cmpeq_epi8(next, backslash));
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(here, quote), begins));
        if (mask)
            return p + __builtin_ctz(mask);
    }
#endif
    for (; end - p > 1; p++)
        if (*p == '"' && (p[1] == '_' || p[1] == '\\'))
            return p;
    return NULL;
}

/* Does "_meta" with its quotes stand at p, in whatever way it is written? The document is checked JSON, so a string that begins here ends. */
static bool is_meta(const char *p, const char *end)
{
    static const char name[] = "_meta\"";
    size_t n = 0;
    for (p++; n < sizeof name - 1; n++) {
        char c[4];
        if (end - p < 2)
            return false;
        if (*p != '\\')
            c[0] = *p++;
        else if (name[n] == '"' || p[1] != 'u' || json_unescape(&p, c) != 1)
            return false;
        if (c[0] != name[n])
            return false;
    }
    return true;
}

static bool may_have_meta(weir_view doc)
{
    const char *end = doc.ptr + doc.len;
    for (const char *p = doc.ptr; (p = next_suspect(p, end)); p++)
        if (is_meta(p, end))
            return true;
    return false;
}

/* The member _meta of the document itself; the last, if there are several. Empty if there is none. */
static weir_view find_meta(weir_view doc)
{
    json_scan s = json_scan_of(doc);
    weir_view found = {0}, value;
    json_key key;
    json_enter(&s, '{');
    while (json_member(&s, &key) && json_skip(&s, &value))
        if (json_key_is(key, VIEW("_meta")))
            found = value;
    return found;
}

static inline char *put(char *to, const char *text, size_t len) { return (char *)memcpy(to, text, len) + len; }

#define PUT(to, text) put(to, text, sizeof(text) - 1)

enum { OURS = 96 }; /* more than ours takes, with all that may stand around it */

/* At `to`, where there is room for OURS bytes. @return behind it */
static inline char *put_ours(char *to, uint64_t row_id, bool deletion)
{
    to = PUT(to, "\"row_id\":");
    to += number_u64(to, row_id);
    return deletion ? PUT(to, ",\"op\":\"d\"}") : PUT(to, "}");
}

/* Members of a /_meta that are not ours, each with a comma behind it. */
static void put_theirs(buf *head, weir_view meta, bool deletion)
{
    json_scan s = json_scan_of(meta);
    weir_view value;
    json_key key;
    if (*meta.ptr != '{')
        return;
    json_enter(&s, '{');
    while (json_member(&s, &key) && json_skip(&s, &value)) {
        if (json_key_is(key, VIEW("row_id")) || (deletion && json_key_is(key, VIEW("op"))))
            continue;
        buf_addc(head, '"');
        buf_addv(head, key.raw);
        buf_adds(head, "\":");
        json_compact(head, value);
        buf_addc(head, ',');
    }
}

/* The document up to the end of its /_meta. */
static weir_rc split_at_meta(buf *head, weir_view doc, weir_view meta, bool lines, uint64_t row_id, bool deletion, weir_view *ret_rest, err *e)
{
    weir_view before = {doc.ptr, (size_t)(meta.ptr - doc.ptr)};
    if (*meta.ptr != '{' && *meta.ptr != 'n')
        return err_fail(e, WEIR_E_PROTOCOL, "the document's /_meta is no object, but %.*s: it cannot hold a row_id", meta.len > 40 ? 40 : (int)meta.len, meta.ptr);
    if (lines)
        json_compact(head, before);
    else
        buf_addv(head, before);
    buf_addc(head, '{');
    put_theirs(head, meta, deletion);
    *ret_rest = view_from(doc, before.len + meta.len);
    if (!buf_reserve(head, OURS))
        return err_nomem(e);
    head->len = (size_t)(put_ours(head->ptr + head->len, row_id, deletion) - head->ptr);
    return WEIR_OK;
}

weir_rc flowdoc_split(buf *head, weir_view doc, bool lines, uint64_t row_id, bool deletion, weir_view *ret_rest, err *e)
{
    weir_view meta = may_have_meta(doc) ? find_meta(doc) : (weir_view){0};
    buf_clear(head);
    if (meta.ptr)
        return split_at_meta(head, doc, meta, lines, row_id, deletion, ret_rest, e);
    *ret_rest = view_from(doc, 1);
    if (!buf_reserve(head, OURS))
        return err_nomem(e);
    char *to = put_ours(PUT(head->ptr, "{\"_meta\":{"), row_id, deletion);
    if (*quick_space(ret_rest->ptr, doc.ptr + doc.len) != '}')
        to = PUT(to, ",");
    head->len = (size_t)(to - head->ptr);
    return WEIR_OK;
}

/* ---- schemas ---- */

static void put_members_but(json_out *w, const tree *object, const char *const *without)
{
    for (const tree *m = object ? object->first : NULL; m; m = m->next) {
        bool skip = false;
        for (const char *const *name = without; *name && !skip; name++)
            skip = view_is(m->name, *name);
        if (!skip)
            out_raw(out_namev(w, m->name), m->raw);
    }
}

#define WITHOUT(...) (const char *const[]){__VA_ARGS__, NULL}
static const char *const nothing[] = {NULL};

static const tree *object_of(const tree *t) { return t && t->kind == TREE_OBJECT ? t : NULL; }

static bool is_text(const tree *t, const char *text) { return t->kind == TREE_STRING && view_is(t->text, text); }

/* `required` with one name more, or one less. An empty list is left out: draft 4 forbids it. */
static void put_required(json_out *w, const tree *list, const char *name, bool with)
{
    const tree *first = list && list->kind == TREE_ARRAY ? list->first : NULL;
    if (!with && (!first || (!first->next && is_text(first, name))))
        return;
    out_open(out_name(w, "required"), '[');
    for (const tree *item = first; item; item = item->next)
        if (!is_text(item, name))
            out_raw(w, item->raw);
    if (with)
        out_text(w, view_of(name));
    out_close(w, ']');
}

static void put_meta(json_out *w, const tree *meta, const flowdoc_rules *rules)
{
    const tree *properties = object_of(tree_get(meta, "properties"));
    out_open(out_name(w, "_meta"), '{');
    if (!meta)
        out_text(out_name(w, "type"), VIEW("object"));
    put_members_but(w, meta, WITHOUT("properties", "required"));
    out_open(out_name(w, "properties"), '{');
    put_members_but(w, properties, rules->deletes ? WITHOUT("row_id", "op") : WITHOUT("row_id"));
    out_raw(out_name(w, "row_id"), rules->row_id);
    if (rules->deletes)
        out_raw(out_name(w, "op"), VIEW("{\"type\":\"string\"}"));
    out_close(w, '}');
    put_required(w, tree_get(meta, "required"), "row_id", true);
    out_close(w, '}');
}

static weir_rc parse_object(arena *a, weir_view schema, tree **ret, weir_rc code, err *e)
{
    weir_rc rc = tree_parse(a, schema, NULL, code, ret, e);
    if (!rc && (*ret)->kind != TREE_OBJECT)
        rc = err_fail(e, code, "expected an object, found %s", tree_kind_name((*ret)->kind));
    return err_wrap(e, rc, "schema of documents");
}

static void put_schema(buf *out, const tree *t, const flowdoc_rules *rules)
{
    const tree *properties = object_of(tree_get(t, "properties"));
    json_out w = json_out_to(out);
    out_open(&w, '{');
    put_members_but(&w, t, rules->root_requires ? WITHOUT("properties", "x-infer-schema", "required") : WITHOUT("properties", "x-infer-schema"));
    out_open(out_name(&w, "properties"), '{');
    put_members_but(&w, properties, WITHOUT("_meta"));
    put_meta(&w, object_of(tree_get(properties, "_meta")), rules);
    out_close(&w, '}');
    if (rules->root_requires)
        put_required(&w, tree_get(t, "required"), "_meta", true);
    out_bool(out_name(&w, "x-infer-schema"), true);
    out_close(&w, '}');
}

weir_rc flowdoc_schema(buf *out, weir_view schema, const flowdoc_rules *rules, err *e)
{
    arena a = {0};
    tree *t;
    weir_rc rc = parse_object(&a, schema, &t, WEIR_E_PROTOCOL, e);
    if (!rc) {
        put_schema(out, t, rules);
        rc = buf_ok(out) ? WEIR_OK : err_nomem(e);
    }
    arena_free(&a);
    return rc;
}

/* Has /_meta nothing but what was added to it? */
static bool all_ours(const tree *meta)
{
    const tree *properties = object_of(tree_get(meta, "properties"));
    for (const tree *p = properties ? properties->first : NULL; p; p = p->next)
        if (!view_is(p->name, "row_id") && !view_is(p->name, "op"))
            return false;
    return true;
}

static void put_plain_meta(json_out *w, const tree *meta)
{
    out_open(out_name(w, "_meta"), '{');
    put_members_but(w, meta, WITHOUT("properties", "required"));
    out_open(out_name(w, "properties"), '{');
    put_members_but(w, object_of(tree_get(meta, "properties")), WITHOUT("row_id"));
    out_close(w, '}');
    put_required(w, tree_get(meta, "required"), "row_id", false);
    out_close(w, '}');
}

static void put_plain(buf *out, const tree *t)
{
    const tree *properties = object_of(tree_get(t, "properties")), *meta = object_of(tree_get(properties, "_meta")), *required = tree_get(t, "required");
    if (!tree_get(tree_get(meta, "properties"), "row_id"))
        meta = NULL; /* not ours to change */
    bool ours = meta && all_ours(meta);
    json_out w = json_out_to(out);
    out_open(&w, '{');
    put_members_but(&w, t, properties ? WITHOUT("properties", "x-infer-schema", "required") : WITHOUT("x-infer-schema", "required"));
    if (properties) {
        out_open(out_name(&w, "properties"), '{');
        put_members_but(&w, properties, meta ? WITHOUT("_meta") : nothing);
        if (meta && !ours)
            put_plain_meta(&w, meta);
        out_close(&w, '}');
    }
    if (required && ours)
        put_required(&w, required, "_meta", false);
    else if (required)
        out_raw(out_name(&w, "required"), required->raw);
    out_close(&w, '}');
}

weir_rc flowdoc_plain_schema(buf *out, weir_view schema, err *e)
{
    arena a = {0};
    tree *t;
    weir_rc rc = parse_object(&a, schema, &t, WEIR_E_CONFIG, e);
    if (!rc) {
        put_plain(out, t);
        rc = buf_ok(out) ? WEIR_OK : err_nomem(e);
    }
    arena_free(&a);
    return rc;
}
