#include "proto/singer/maps.h"

#include <fnmatch.h>

static weir_rc refuse(const tree *m, weir_view stream, const char *why, err *e)
{
    buf where = {0};
    tree_where(&where, m->mark);
    err_fail(e, WEIR_E_CONFIG, "%s/stream_maps/%.*s/%.*s: %s", buf_text(&where), VIEW_ARG(stream), VIEW_ARG(m->name), why);
    buf_free(&where);
    return WEIR_E_CONFIG;
}

static bool is_nothing(const tree *t)
{
    return t->kind == TREE_NULL || (t->kind == TREE_STRING && view_is(t->text, "__NULL__"));
}

/* An alias may be an expression. What could be one, is not taken. */
static bool is_plain_name(const tree *t)
{
    for (size_t i = 0; t->kind == TREE_STRING && i < t->text.len; i++)
        if (strchr("'\"()+[]{}%*", t->text.ptr[i]))
            return false;
    return t->kind == TREE_STRING && t->text.len && !view_is(t->text, "__stream_name__");
}

static bool is_name_list(const tree *t)
{
    for (const tree *c = t->first; c; c = c->next)
        if (c->kind != TREE_STRING)
            return false;
    return t->kind == TREE_ARRAY;
}

static weir_rc take(stream_map *to, const tree *m, weir_view stream, err *e)
{
    if (view_is(m->name, "__alias__")) {
        to->alias = m->text;
        return is_plain_name(m) ? WEIR_OK : refuse(m, stream, "an alias must be a plain name: expressions are not supported", e);
    }
    if (view_is(m->name, "__else__")) {
        to->only_listed = true;
        return is_nothing(m) ? WEIR_OK : refuse(m, stream, "only null is known here", e);
    }
    if (view_is(m->name, "__key_properties__")) {
        to->keys = m;
        return is_name_list(m) ? WEIR_OK : refuse(m, stream, "a list of names is expected", e);
    }
    if (view_starts(m->name, VIEW("__")))
        return refuse(m, stream, "not supported: null for a stream or field, __alias__, __else__ and __key_properties__ are", e);
    if (is_nothing(m) || (m->kind == TREE_STRING && view_eq(m->text, m->name)))
        return WEIR_OK;
    return refuse(m, stream, "expressions are not supported: a field can be left out with null, or kept by its own name", e);
}

weir_rc singer_map_find(stream_map *ret, const tree *maps, weir_view id, err *e)
{
    const tree *others = tree_get(maps, "__else__");
    *ret = (stream_map){.drop = others && is_nothing(others)};
    for (const tree *m = maps ? maps->first : NULL; m; m = m->next) {
        if (m == others && is_nothing(m))
            continue;
        if (view_starts(m->name, VIEW("__")))
            return err_fail(e, WEIR_E_CONFIG, "stream_maps/%.*s: not supported", VIEW_ARG(m->name));
        if (!view_eq(m->name, id) && fnmatch(m->name.ptr, id.ptr, 0) != 0)
            continue;
        *ret = (stream_map){.fields = m, .drop = is_nothing(m)};
        if (!ret->drop && m->kind != TREE_OBJECT)
            return err_fail(e, WEIR_E_CONFIG, "stream_maps/%.*s: an object or null is expected", VIEW_ARG(m->name));
        for (const tree *f = ret->drop ? NULL : m->first; f; f = f->next) {
            weir_rc rc = take(ret, f, m->name, e);
            if (rc)
                return rc;
        }
    }
    return WEIR_OK;
}

bool singer_map_names(const tree *m)
{
    return !view_starts(m->name, VIEW("__")) && !m->name.ptr[strcspn(m->name.ptr, "*?[")];
}

bool singer_map_drops(const stream_map *m, weir_view field)
{
    const tree *f = m->fields && m->fields->kind == TREE_OBJECT ? tree_getv(m->fields, field) : NULL;
    return f ? is_nothing(f) : m->only_listed;
}
