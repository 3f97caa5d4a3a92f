#include "proto/airbyte/catalog.h"

#include "base/map.h"
#include "json/infer.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/write.h"
#include "proto/airbyte/say.h"
#include "run/stop.h"

enum { FILE_MAX = 256 << 20 };

weir_rc airbyte_file(arena *a, const char *path, const tree **ret, err *e)
{
    buf text = {0};
    tree *parsed = NULL;
    weir_rc rc = stop_read_file(path, FILE_MAX, &text, e);
    weir_view kept = rc ? (weir_view){0} : arena_dup(a, buf_view(&text));
    const char *name = arena_text(a, view_of(path)); /* marks borrow it */
    if (!rc && (!kept.ptr || !name))
        rc = err_nomem(e);
    if (!rc)
        rc = tree_parse_lenient(a, kept, name, WEIR_E_CONFIG, &parsed, e);
    buf_wipe(&text);
    *ret = rc ? *ret : parsed;
    return rc;
}

/* ---- the configured catalog ---- */

static weir_rc bad(const tree *at, err *e, const char *what, const char *expected)
{
    buf place = {0};
    tree_where(&place, at->mark);
    weir_rc rc = err_fail(e, WEIR_E_CONFIG, "%s%s: expected %s, got %s", buf_text(&place), what, expected, tree_kind_name(at->kind));
    buf_free(&place);
    return rc;
}

/* A member that is not null, or NULL. */
static const tree *given(const tree *t, const char *name)
{
    const tree *m = tree_get(t, name);
    return tree_is_null(m) ? NULL : m;
}

static weir_rc demand(const tree *t, const char *name, tree_kind kind, const tree **ret, err *e)
{
    const tree *m = given(t, name);
    if (m && m->kind == kind) {
        *ret = m;
        return WEIR_OK;
    }
    if (m)
        return bad(m, e, name, tree_kind_name(kind));
    buf place = {0};
    tree_where(&place, t->mark);
    weir_rc rc = err_fail(e, WEIR_E_CONFIG, "%s'%s' is missing", buf_text(&place), name);
    buf_free(&place);
    return rc;
}

/* One of the protocol's words; what is none is fatal (airbyte.md 2.7). @param required otherwise *ret stays as it is without it */
static weir_rc word(const tree *t, const char *name, const char *const *words, size_t count, bool required, unsigned *ret, err *e)
{
    const tree *m = given(t, name);
    if (!m && !required)
        return WEIR_OK;
    weir_rc rc = demand(t, name, TREE_STRING, &m, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++)
        if (view_is(m->text, words[i])) {
            *ret = (unsigned)i;
            return WEIR_OK;
        }
    buf text = {0};
    tree_where(&text, m->mark);
    buf_printf(&text, "%s is '%.*s', but can only be ", name, VIEW_ARG(m->text));
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", words[i]);
    rc = err_fail(e, WEIR_E_CONFIG, "%s", buf_text(&text));
    buf_free(&text);
    return rc;
}

/* ["a","b"] as /a/b; an empty path is none. */
static weir_rc pointer_of(arena *a, const tree *path, const char *what, weir_view *ret, err *e)
{
    buf pointer = {0};
    weir_rc rc = path->kind == TREE_ARRAY ? WEIR_OK : bad(path, e, what, "an array of strings");
    for (const tree *t = rc ? NULL : path->first; t && !rc; t = t->next)
        if (t->kind == TREE_STRING)
            pointer_push(&pointer, t->text);
        else
            rc = bad(t, e, what, "a string");
    if (!rc && pointer.len)
        *ret = arena_dup(a, buf_view(&pointer));
    if (!rc && (!buf_ok(&pointer) || a->failed))
        rc = err_nomem(e);
    buf_free(&pointer);
    return rc;
}

static weir_rc read_key(arena *a, const tree *list, weir_view *ret, err *e)
{
    buf text = {0};
    size_t count = 0;
    if (list->kind != TREE_ARRAY)
        return bad(list, e, "primary_key", "an array of paths");
    weir_view *pointers = arena_array(a, list->count, sizeof *pointers);
    weir_rc rc = pointers ? WEIR_OK : err_nomem(e);
    for (const tree *t = list->first; t && !rc; t = t->next) {
        rc = pointer_of(a, t, "primary_key", &pointers[count], e);
        count += !rc && pointers[count].len;
    }
    if (!rc && count) {
        json_strings(&text, pointers, count);
        *ret = buf_ok(&text) ? arena_dup(a, buf_view(&text)) : (weir_view){0};
        rc = ret->ptr ? WEIR_OK : err_nomem(e);
    }
    buf_free(&text);
    return rc;
}

static weir_rc number(const tree *t, const char *name, int64_t *ret, bool *ret_given, err *e)
{
    const tree *m = given(t, name);
    *ret_given = m != NULL;
    if (m && (m->kind != TREE_NUMBER || !number_to_i64(m->text, ret)))
        return bad(m, e, name, "an integer of 64 bits");
    return WEIR_OK;
}

static weir_rc read_numbers(const tree *item, airbyte_configured *c, err *e)
{
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {{"generation_id", &c->generation}, {"minimum_generation_id", &c->minimum_generation}, {"sync_id", &c->sync_id}};
    bool has[3];
    for (size_t i = 0; i < 3; i++) {
        weir_rc rc = number(item, numbers[i].name, numbers[i].to, &has[i], e);
        if (rc)
            return rc;
    }
    c->numbered = has[0] && has[1];
    return WEIR_OK;
}

/* One that is no path is none: who reads has a cursor of its own. */
static void read_default_cursor(arena *a, const tree *stream, airbyte_configured *c)
{
    const tree *path = given(stream, "default_cursor_field");
    err none = {0};
    if (path)
        pointer_of(a, path, "default_cursor_field", &c->default_cursor, &none);
    err_free(&none);
}

static weir_rc read_stream(arena *a, const tree *stream, airbyte_configured *c, err *e)
{
    const tree *name, *schema = NULL, *space = given(stream, "namespace");
    buf descriptor = {0};
    weir_rc rc = demand(stream, "name", TREE_STRING, &name, e);
    if (!rc && given(stream, "json_schema"))
        rc = demand(stream, "json_schema", TREE_OBJECT, &schema, e);
    if (!rc && space && space->kind != TREE_STRING)
        rc = bad(space, e, "namespace", "a string");
    if (rc)
        return rc;
    c->name = name->text;
    c->name_space = space ? space->text : (weir_view){0};
    c->schema = schema ? schema->raw : VIEW("{}");
    read_default_cursor(a, stream, c);
    airbyte_descriptor(&descriptor, c->name, c->name_space);
    c->descriptor = buf_ok(&descriptor) ? arena_dup(a, buf_view(&descriptor)) : (weir_view){0};
    buf_free(&descriptor);
    return c->descriptor.ptr ? WEIR_OK : err_nomem(e);
}

static weir_rc read_configured(arena *a, const tree *item, airbyte_configured *c, err *e)
{
    static const char *const sync[] = {[AIRBYTE_FULL_REFRESH] = "full_refresh", [AIRBYTE_INCREMENTAL] = "incremental"},
                      *const write[] = {[AIRBYTE_APPEND] = "append", [AIRBYTE_OVERWRITE] = "overwrite", [AIRBYTE_APPEND_DEDUP] = "append_dedup",
                                        [AIRBYTE_UPDATE] = "update", [AIRBYTE_SOFT_DELETE] = "soft_delete"};
    const tree *stream, *cursor = given(item, "cursor_field"), *key = given(item, "primary_key");
    unsigned sync_mode = AIRBYTE_FULL_REFRESH, write_mode = AIRBYTE_APPEND;
    if (item->kind != TREE_OBJECT)
        return bad(item, e, "streams", "an object");
    weir_rc rc = demand(item, "stream", TREE_OBJECT, &stream, e);
    if (!rc)
        rc = read_stream(a, stream, c, e);
    if (!rc)
        rc = word(item, "sync_mode", sync, sizeof sync / sizeof *sync, true, &sync_mode, e);
    if (!rc)
        rc = word(item, "destination_sync_mode", write, sizeof write / sizeof *write, false, &write_mode, e);
    if (!rc && cursor)
        rc = pointer_of(a, cursor, "cursor_field", &c->cursor, e);
    if (!rc && key)
        rc = read_key(a, key, &c->key, e);
    if (!rc)
        rc = read_numbers(item, c, e);
    c->sync_mode = (airbyte_sync_mode)sync_mode;
    c->write_mode = (airbyte_write_mode)write_mode;
    return rc;
}

static weir_rc check_once(const airbyte_configured *items, size_t count, const char *path, err *e)
{
    map seen = {0};
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < count && !rc; i++)
        if (map_get(&seen, items[i].descriptor))
            rc = err_fail(e, WEIR_E_CONFIG, "%s: stream %.*s is there twice", path, VIEW_ARG(items[i].descriptor));
        else if (!map_put(&seen, items[i].descriptor, (void *)(uintptr_t)&items[i]))
            rc = err_nomem(e);
    map_free(&seen);
    return rc;
}

weir_rc airbyte_configured_catalog(arena *a, const char *path, airbyte_configured **ret, size_t *ret_count, err *e)
{
    const tree *root, *streams;
    weir_rc rc = airbyte_file(a, path, &root, e);
    if (!rc && root->kind != TREE_OBJECT)
        rc = bad(root, e, "catalog", "an object");
    if (!rc)
        rc = demand(root, "streams", TREE_ARRAY, &streams, e);
    if (rc)
        return err_wrap(e, rc, "catalog");
    airbyte_configured *items = arena_array(a, streams->count, sizeof *items);
    size_t n = 0;
    if (!items)
        return err_nomem(e);
    for (const tree *t = streams->first; t && !rc; t = t->next)
        rc = read_configured(a, t, &items[n++], e);
    if (!rc)
        rc = check_once(items, n, path, e);
    if (rc)
        return err_wrap(e, rc, "catalog");
    *ret = items;
    *ret_count = n;
    return WEIR_OK;
}

/* ---- the discovered catalog ---- */

bool airbyte_is_incremental(const weir_stream *s)
{
    return !s->modes || s->modes & (WEIR_INCREMENTAL | WEIR_LOG_BASED);
}

static bool is_list(const tree *t, const char *keyword)
{
    const tree *list = tree_get(t, keyword);
    return list && list->kind == TREE_ARRAY;
}

/* Does the schema say everything where it belongs, as readers expect who know neither references nor alternatives (airbyte.md 2.7, 3.6)? */
static bool is_plain(const tree *t)
{
    if (t->kind != TREE_OBJECT && t->kind != TREE_ARRAY)
        return true;
    if (tree_text(t, "$ref").len || is_list(t, "allOf") || is_list(t, "anyOf"))
        return false;
    for (const tree *c = t->first; c; c = c->next)
        if (!is_plain(c))
            return false;
    return true;
}

/* The same schema with everything in its place, as far as shapes know it. */
static weir_rc put_shape(weir_view schema, buf *out, err *e)
{
    shape *s = shape_new();
    bool widened;
    weir_rc rc = s ? shape_union(s, schema, e, &widened) : err_nomem(e);
    if (!rc)
        shape_schema(s, out);
    shape_free(s);
    return rc;
}

static bool says_object(const tree *type)
{
    bool found = type && type->kind == TREE_STRING && view_is(type->text, "object");
    for (const tree *t = type ? type->first : NULL; t && !found; t = t->next)
        found = t->kind == TREE_STRING && view_is(t->text, "object");
    return found;
}

static weir_rc put_schema(const weir_stream *s, const unwrap *u, buf *out, err *e)
{
    static const char deleted_at[] =
        "\"" AIRBYTE_DELETED_AT "\":{\"type\":[\"null\",\"string\"],\"format\":\"date-time\",\"airbyte_type\":\"timestamp_with_timezone\"}";
    arena a = {0};
    tree *parsed;
    buf plain = {0}, patch = {0};
    weir_rc rc = tree_parse(&a, u->schema, NULL, WEIR_E_BUG, &parsed, e);
    if (!rc && is_plain(parsed) && tree_get(parsed, "properties"))
        json_compact(&plain, u->schema);
    else if (!rc)
        rc = put_shape(u->schema, &plain, e);
    if (!rc) {
        const bool typed = says_object(tree_get(parsed, "type"));
        buf_printf(&patch, "{%s\"properties\":{%s}}", typed ? "" : "\"type\":\"object\",", s->deletes || u->deletes ? deleted_at : "");
        if (!buf_ok(&plain) || !buf_ok(&patch) || !patch_apply(out, buf_view(&plain), buf_view(&patch)))
            rc = err_nomem(e);
    }
    buf_free(&plain);
    buf_free(&patch);
    arena_free(&a);
    return rc;
}

/* /a/b as ["a","b"] */
static bool put_path(json_out *w, arena *a, weir_view pointer)
{
    weir_view *tokens;
    size_t count;
    if (!pointer_split(a, pointer, &tokens, &count))
        return false;
    out_open(w, '[');
    for (size_t i = 0; i < count; i++)
        out_text(w, tokens[i]);
    out_close(w, ']');
    return true;
}

/* A key that was made up is of use only where readers take it: many know keys of top-level members only (airbyte.md 3.4). */
static bool is_told(const weir_stream *s, const weir_view *pointers, size_t count)
{
    for (size_t i = 0; i < count && s->fallback_key; i++)
        if (pointers[i].len && memchr(pointers[i].ptr + 1, '/', pointers[i].len - 1))
            return false;
    return count > 0;
}

static bool put_key(json_out *w, arena *a, const weir_stream *s, weir_view key)
{
    weir_view *pointers;
    size_t count;
    bool ok = pointer_list(a, key, &pointers, &count);
    if (!ok || !is_told(s, pointers, count))
        return ok;
    out_open(out_name(w, "source_defined_primary_key"), '[');
    for (size_t i = 0; i < count && ok; i++)
        ok = put_path(w, a, pointers[i]);
    out_close(w, ']');
    return ok;
}

/* The cursors that the stream tells. Where it tells neither any nor a key that is of use, the last part of the key that was made up: PyAirbyte forgets
 * the rows of former reads unless there is one or the other. */
static bool cursors_of(arena *a, const weir_stream *s, weir_view key, weir_view **ret, size_t *ret_count)
{
    *ret_count = 0;
    if (s->cursors.len)
        return pointer_list(a, s->cursors, ret, ret_count);
    if (!pointer_list(a, key, ret, ret_count))
        return false;
    if (is_told(s, *ret, *ret_count))
        *ret_count = 0;
    if (*ret_count > 1) {
        *ret += *ret_count - 1;
        *ret_count = 1;
    }
    return true;
}

/* Several candidates: the user chooses. One, or none that is told: the source does. */
static bool put_cursor(json_out *w, arena *a, const weir_stream *s, weir_view key)
{
    weir_view *pointers;
    size_t count;
    if (!cursors_of(a, s, key, &pointers, &count))
        return false;
    out_bool(out_name(w, "source_defined_cursor"), count < 2);
    return !count || put_path(out_name(w, "default_cursor_field"), a, pointers[0]);
}

static bool put_modes(json_out *w, arena *a, const weir_stream *s, weir_view key)
{
    const bool incremental = airbyte_is_incremental(s);
    out_open(out_name(w, "supported_sync_modes"), '[');
    out_text(w, VIEW("full_refresh"));
    if (incremental)
        out_text(w, VIEW("incremental"));
    out_close(w, ']');
    bool ok = !incremental || put_cursor(w, a, s, key);
    out_bool(out_name(w, "is_resumable"), incremental);
    return ok;
}

weir_rc airbyte_stream(const weir_stream *s, const unwrap *u, buf *out, err *e)
{
    arena a = {0};
    buf schema = {0};
    weir_rc rc = put_schema(s, u, &schema, e);
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_text(out_name(&w, "name"), s->name);
    out_raw(out_name(&w, "json_schema"), buf_view(&schema));
    bool ok = put_modes(&w, &a, s, u->key) && put_key(&w, &a, s, u->key);
    if (s->name_space.len)
        out_text(out_name(&w, "namespace"), s->name_space);
    out_close(&w, '}');
    if (!rc && (a.failed || !buf_ok(out)))
        rc = err_nomem(e);
    if (!rc && !ok)
        rc = err_fail(e, WEIR_E_PROTOCOL, "key or cursors of stream '%.*s' are not arrays of pointers", VIEW_ARG(s->name));
    arena_free(&a);
    buf_free(&schema);
    return rc;
}
