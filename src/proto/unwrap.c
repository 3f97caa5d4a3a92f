#include "proto/unwrap.h"

#include "json/patch.h"
#include "json/pointer.h"
#include "json/schema.h"
#include "json/scan.h"
#include "json/write.h"

/* ---- streams ---- */

/* Is `_meta` described, and as an object that holds a row id and nothing else? */
static bool only_row_id(const tree *schema)
{
    const tree *members = tree_get(tree_get(tree_get(schema, "properties"), "_meta"), "properties");
    return members && members->kind == TREE_OBJECT && members->count == 1 && view_is(members->first->name, "row_id");
}

static weir_rc declares_op(arena *a, const tree *schema, bool *ret, err *e)
{
    locations found;
    weir_rc rc = schema_locations(a, schema, NULL, 2, &found, e);
    for (size_t i = 0; !rc && i < found.count; i++)
        *ret = *ret || view_is(found.items[i].pointer, "/_meta/op");
    return rc;
}

static bool is_meta(const tree *name)
{
    return name->kind == TREE_STRING && view_is(name->text, "_meta");
}

/* "required": the names that stay, or nothing if none does. */
static void put_required(json_out *w, const tree *required)
{
    size_t stay = 0;
    if (!required || required->kind != TREE_ARRAY)
        return;
    for (const tree *t = required->first; t; t = t->next)
        stay += !is_meta(t);
    if (stay == required->count)
        return;
    if (!stay) {
        out_null(out_name(w, "required"));
        return;
    }
    out_open(out_name(w, "required"), '[');
    for (const tree *t = required->first; t; t = t->next)
        if (!is_meta(t))
            out_raw(w, t->raw);
    out_close(w, ']');
}

/* The keyword x-infer-schema came together with the row id. */
static bool drop_meta(arena *a, const tree *schema, weir_view *text)
{
    buf patch = {0}, left = {0};
    json_out w = json_out_to(&patch);
    out_open(&w, '{');
    out_open(out_name(&w, "properties"), '{');
    out_null(out_name(&w, "_meta"));
    out_close(&w, '}');
    put_required(&w, tree_get(schema, "required"));
    out_null(out_name(&w, "x-infer-schema"));
    out_close(&w, '}');
    bool ok = buf_ok(&patch) && patch_apply(&left, *text, buf_view(&patch)) && buf_ok(&left);
    if (ok)
        *text = arena_dup(a, buf_view(&left));
    buf_free(&patch);
    buf_free(&left);
    return ok && text->ptr;
}

static weir_rc drop_from_key(arena *a, weir_view *key, err *e)
{
    weir_view *pointers;
    size_t count, stay = 0;
    buf left = {0};
    if (!pointer_list(a, *key, &pointers, &count))
        return a->failed ? err_nomem(e) : err_fail(e, WEIR_E_PROTOCOL, "the key is not an array of pointers: %.*s", VIEW_ARG(*key));
    for (size_t i = 0; i < count; i++)
        if (!view_is(pointers[i], "/_meta/row_id"))
            pointers[stay++] = pointers[i];
    json_strings(&left, pointers, stay);
    *key = buf_ok(&left) ? arena_dup(a, buf_view(&left)) : (weir_view){0};
    buf_free(&left);
    return key->ptr ? WEIR_OK : err_nomem(e);
}

weir_rc unwrap_stream(unwrap *u, arena *a, const weir_stream *s, err *e)
{
    tree *schema;
    *u = (unwrap){.schema = s->schema, .key = s->key.len ? s->key : VIEW("[]")};
    weir_rc rc = tree_parse(a, s->schema, NULL, WEIR_E_PROTOCOL, &schema, e);
    if (!rc)
        rc = declares_op(a, schema, &u->deletes, e);
    if (rc)
        return err_wrap(e, rc, "schema of stream '%.*s'", VIEW_ARG(s->name));
    if (!only_row_id(schema))
        return WEIR_OK;
    u->row_id = true;
    if (!drop_meta(a, schema, &u->schema))
        return err_nomem(e);
    return err_wrap(e, drop_from_key(a, &u->key, e), "stream '%.*s'", VIEW_ARG(s->name));
}

/* ---- documents ---- */

/* Where a member stands in the text of an object. */
typedef struct spot {
    char *from, *to; /* its name to the end of its value */
    weir_view value;
    bool first, last; /* of the members */
} spot;

static bool ends_after(const char *value_end)
{
    while (*value_end == ' ' || *value_end == '\t' || *value_end == '\n' || *value_end == '\r')
        value_end++;
    return *value_end == '}';
}

static bool find_member(char *object, size_t len, weir_view name, spot *ret)
{
    json_scan s = json_scan_of((weir_view){object, len});
    json_key key;
    weir_view value;
    if (!json_enter(&s, '{'))
        return false;
    for (bool first = true; json_member(&s, &key); first = false) {
        const char *from = key.raw.ptr - 1;
        if (!json_skip(&s, &value))
            return false;
        if (!json_key_is(key, name))
            continue;
        *ret = (spot){object + (from - object), object + (value.ptr - object) + value.len, value, first, ends_after(value.ptr + value.len)};
        return true;
    }
    return false;
}

/* Removes it with one comma, if there are others. @return the new length of the object */
static size_t cut(char *object, size_t len, spot at)
{
    char *from = at.from, *to = at.to, *end = object + len;
    if (!at.last)
        to = (char *)memchr(to, ',', (size_t)(end - to)) + 1;
    else if (!at.first)
        while (*from != ',')
            from--;
    memmove(from, to, (size_t)(end - to));
    return len - (size_t)(to - from);
}

size_t unwrap_row_id(char *doc, size_t len)
{
    spot meta, row;
    if (!find_member(doc, len, VIEW("_meta"), &meta) || *meta.value.ptr != '{')
        return len;
    char *inside = meta.to - meta.value.len;
    if (!find_member(inside, meta.value.len, VIEW("row_id"), &row))
        return len;
    if (row.first && row.last)
        return cut(doc, len, meta);
    size_t left = cut(inside, meta.value.len, row), gone = meta.value.len - left;
    memmove(meta.to - gone, meta.to, len - (size_t)(meta.to - doc));
    return len - gone;
}

bool unwrap_deletes(weir_view doc)
{
    return view_is(pointer_find(doc, VIEW("/_meta/op")), "\"d\"");
}
