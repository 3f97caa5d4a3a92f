/* The streams of a driven destination: how a collection is described to it. */
#include <stdlib.h>

#include "json/patch.h"
#include "json/pointer.h"
#include "proto/airbyte/drive_writing.h"
#include "proto/unwrap.h"

void written_stream_free(written_stream *s)
{
    if (!s)
        return;
    arena_free(&s->arena);
    free(s);
}

static bool supports(const airbyte_run *r, const char *mode)
{
    const tree *list = r->d->modes;
    for (const tree *m = list && list->kind == TREE_ARRAY ? list->first : NULL; m; m = m->next)
        if (m->kind == TREE_STRING && view_is(m->text, mode))
            return true;
    return !list || !list->count;
}

/* As the resource says; else by the key, if there is one and rows are not meant to be additions. */
static weir_rc mode_of(const airbyte_run *r, const weir_binding *b, const airbyte_resource *x, bool keyed, const char **ret, err *e)
{
    static const char *const modes[] = {"append", "overwrite", "append_dedup"};
    *ret = keyed && !(b->pushed && b->delta_updates) && supports(r, "append_dedup") ? "append_dedup" : "append";
    for (size_t i = 0; x->sync_mode.len && i < sizeof modes / sizeof *modes; i++)
        if (view_is(x->sync_mode, modes[i]))
            *ret = modes[i];
    if (x->sync_mode.len && !view_is(x->sync_mode, *ret))
        return err_fail(e, WEIR_E_CONFIG, "resource: /syncMode must be append, append_dedup or overwrite");
    if (!supports(r, *ret))
        return err_fail(e, WEIR_E_CONFIG, "resource: /syncMode is %s, which the destination does not support", *ret);
    if (!keyed && strcmp(*ret, "append_dedup") == 0)
        return err_fail(e, WEIR_E_CONFIG, "resource: /syncMode is append_dedup, but the collection has no key that the destination could see");
    return WEIR_OK;
}

/* Declares the column that says when a row was deleted (airbyte.md 3.4). */
static bool declare_deletions(buf *out, weir_view schema)
{
    static const weir_view patch = WEIR_LIT("{\"properties\":{\"" AIRBYTE_DELETED_AT "\":{\"type\":[\"null\",\"string\"],\"format\":\"date-time\","
                                            "\"airbyte_type\":\"timestamp_with_timezone\"}}}");
    return pointer_find(schema, VIEW("/properties/" AIRBYTE_DELETED_AT)).len ? (buf_addv(out, schema), buf_ok(out)) : patch_apply(out, schema, patch);
}

static weir_rc shape(written_stream *s, const weir_binding *b, err *e)
{
    unwrap u = {0};
    buf schema = {0};
    const weir_stream as_found = {.name = b->name, .schema = b->schema.len && *b->schema.ptr == '{' ? b->schema : VIEW("{\"type\":\"object\",\"properties\":{}}"),
                                  .key = b->key};
    weir_rc rc = unwrap_stream(&u, &s->arena, &as_found, e);
    if (rc)
        return rc;
    s->row_id = u.row_id;
    s->deletes = u.deletes;
    s->key = arena_dup(&s->arena, u.key);
    if (!u.deletes)
        buf_addv(&schema, u.schema);
    else if (!declare_deletions(&schema, u.schema))
        schema.failed = true;
    s->schema = arena_dup(&s->arena, buf_view(&schema));
    bool ok = buf_ok(&schema) && s->schema.ptr;
    buf_free(&schema);
    return ok ? WEIR_OK : err_nomem(e);
}

/* Its rows are told apart by their cursors, if that is wanted of ours (airbyte.md 3.4). */
static weir_rc take_cursor(written_stream *s, const weir_binding *b, err *e)
{
    buf path = {0};
    weir_rc rc = WEIR_OK;
    if (!b->cursor.len || strcmp(s->mode, "append_dedup") != 0)
        return WEIR_OK;
    if (airbyte_put_path(&path, b->cursor))
        s->cursor = arena_dup(&s->arena, buf_view(&path));
    else if (buf_ok(&path))
        rc = err_fail(e, WEIR_E_CONFIG, "the cursor '%.*s' is no JSON pointer", VIEW_ARG(b->cursor));
    buf_free(&path);
    return rc || s->cursor.ptr ? rc : err_nomem(e);
}

/* Texts that every record of it begins with. */
static weir_rc make_texts(written_stream *s, err *e)
{
    buf prefix = {0}, descriptor = {0};
    json_out w = json_out_to(&descriptor);
    out_open(&w, '{');
    out_text(out_name(&w, "name"), s->resource.stream);
    if (s->resource.name_space.len)
        out_text(out_name(&w, "namespace"), s->resource.name_space);
    out_close(&w, '}');
    airbyte_open(&prefix, AIRBYTE_RECORD);
    w = json_out_to(&prefix);
    out_open(&w, '{');
    if (s->resource.name_space.len)
        out_text(out_name(&w, "namespace"), s->resource.name_space);
    out_text(out_name(&w, "stream"), s->resource.stream);
    out_name(&w, "data");
    s->prefix = arena_dup(&s->arena, buf_view(&prefix));
    s->descriptor = arena_dup(&s->arena, buf_view(&descriptor));
    bool ok = buf_ok(&prefix) && buf_ok(&descriptor) && !s->arena.failed;
    buf_free(&prefix);
    buf_free(&descriptor);
    return ok ? WEIR_OK : err_nomem(e);
}

weir_rc written_stream_make(const airbyte_run *r, const weir_binding *b, written_stream **ret, err *e)
{
    written_stream *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(e);
    weir_binding kept = *b;
    kept.resource_json = arena_dup(&s->arena, b->resource_json);
    weir_rc rc = kept.resource_json.ptr ? airbyte_resource_of(&s->arena, &kept, &s->resource, e) : err_nomem(e);
    if (!rc)
        rc = shape(s, b, e);
    if (!rc)
        rc = mode_of(r, b, &s->resource, s->key.len && !view_is(s->key, "[]"), &s->mode, e);
    if (!rc)
        rc = take_cursor(s, b, e);
    if (!rc)
        rc = make_texts(s, e);
    s->backfill = b->backfill;
    s->state_key = arena_dup(&s->arena, b->state_key);
    if (rc) {
        written_stream_free(s);
        return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
    }
    *ret = s;
    return WEIR_OK;
}
