/* What a driven source discovers: as flow-sdk's shim tells it (flow.md 10.2). Where that gives up, this goes on: an incremental stream without a key is
 * keyed by the counter, too. */
#include "json/pointer.h"
#include "proto/airbyte/drive_source.h"
#include "proto/flowdoc.h"

typedef struct finding {
    weir_task *t;
    const airbyte_driven *d;
    buf key, cursors, resource, schema;
} finding;

static void finding_clear(finding *f)
{
    buf_clear(&f->key);
    buf_clear(&f->cursors);
    buf_clear(&f->resource);
    buf_clear(&f->schema);
}

static void finding_free(finding *f)
{
    buf_free(&f->key);
    buf_free(&f->cursors);
    buf_free(&f->resource);
    buf_free(&f->schema);
}

/* A path as a pointer; a bare name is one of a single component. */
static void pointer_of(buf *out, const tree *path)
{
    if (path->kind == TREE_STRING)
        pointer_push(out, path->text);
    for (const tree *part = path->kind == TREE_ARRAY ? path->first : NULL; part; part = part->next)
        if (part->kind == TREE_STRING)
            pointer_push(out, part->text);
}

static void put_pointer(buf *list, const tree *path)
{
    buf pointer = {0};
    pointer_of(&pointer, path);
    if (pointer.len) {
        if (list->len > 1)
            buf_addc(list, ',');
        json_quote_lossy(list, buf_view(&pointer));
    }
    if (!buf_ok(&pointer))
        list->failed = true;
    buf_free(&pointer);
}

static unsigned modes_of(const tree *stream)
{
    unsigned modes = 0;
    const tree *list = tree_get(stream, "supported_sync_modes");
    for (const tree *m = list && list->kind == TREE_ARRAY ? list->first : NULL; m; m = m->next)
        if (m->kind == TREE_STRING)
            modes |= view_is(m->text, "incremental") ? WEIR_INCREMENTAL : view_is(m->text, "full_refresh") ? WEIR_FULL_REFRESH : 0;
    return modes ? modes : WEIR_FULL_REFRESH;
}

static bool says_true(const tree *t, const char *name)
{
    const tree *m = tree_get(t, name);
    return m && m->kind == TREE_BOOL && m->boolean;
}

/* The cursor that is read by if nobody chooses one; a list of one pointer. */
static const tree *default_cursor(const tree *stream)
{
    const tree *path = tree_get(stream, "default_cursor_field");
    return path && path->kind == TREE_ARRAY && path->count ? path : NULL;
}

static void put_resource(finding *f, const tree *stream, unsigned modes)
{
    bool incremental = modes & WEIR_INCREMENTAL;
    weir_view name_space = tree_text(stream, "namespace");
    const tree *cursor = default_cursor(stream);
    json_out w = json_out_to(&f->resource);
    out_open(&w, '{');
    out_text(out_name(&w, "stream"), tree_text(stream, "name"));
    out_text(out_name(&w, "syncMode"), incremental ? VIEW("incremental") : VIEW("full_refresh"));
    if (name_space.len)
        out_text(out_name(&w, "namespace"), name_space);
    if (incremental && cursor && !says_true(stream, "source_defined_cursor"))
        out_raw(out_name(&w, "cursorField"), cursor->raw); /* reading knows nothing but this (airbyte.md 3.3) */
    out_close(&w, '}');
}

static void put_lists(finding *f, const tree *stream, unsigned modes)
{
    const tree *key = tree_get(stream, "source_defined_primary_key"), *cursor = default_cursor(stream);
    buf_addc(&f->key, '[');
    for (const tree *path = key && key->kind == TREE_ARRAY ? key->first : NULL; path; path = path->next)
        put_pointer(&f->key, path);
    buf_addc(&f->key, ']');
    buf_addc(&f->cursors, '[');
    if ((modes & WEIR_INCREMENTAL) && cursor)
        put_pointer(&f->cursors, cursor);
    buf_addc(&f->cursors, ']');
}

static weir_rc put_schema(finding *f, const tree *stream)
{
    err *e = task_error(f->t);
    const tree *schema = tree_get(stream, "json_schema");
    if (!schema || schema->kind != TREE_OBJECT)
        return err_fail(e, WEIR_E_PROTOCOL, "json_schema must be an object");
    if (!f->d->o.flow_documents) {
        buf_addv(&f->schema, schema->raw);
        return WEIR_OK;
    }
    const flowdoc_rules rules = {.row_id = VIEW("{\"type\":\"integer\"}"), .deletes = tree_at(schema, VIEW("/properties/_ab_cdc_deleted_at")) != NULL};
    return flowdoc_schema(&f->schema, schema->raw, &rules, e);
}

static weir_rc find_one(finding *f, const tree *stream)
{
    err *e = task_error(f->t);
    const tree *name = tree_get(stream, "name");
    if (!name || name->kind != TREE_STRING)
        return err_fail(e, WEIR_E_PROTOCOL, "discover: a stream has no name");
    if (!name->text.len) {
        weir_log(f->t, WEIR_WARN, "the source has a stream whose name is empty: left out, for nothing could be called so");
        return WEIR_OK;
    }
    unsigned modes = modes_of(stream);
    finding_clear(f);
    put_resource(f, stream, modes);
    put_lists(f, stream, modes);
    weir_rc rc = put_schema(f, stream);
    if (rc)
        return err_wrap(e, rc, "discover: stream '%.*s'", VIEW_ARG(name->text));
    bool counted = f->d->o.flow_documents && view_is(buf_view(&f->key), "[]");
    weir_stream s = {
        .name = name->text, .name_space = tree_text(stream, "namespace"), .schema = buf_view(&f->schema),
        .key = counted ? VIEW(FLOWDOC_KEY) : buf_view(&f->key), .resource = buf_view(&f->resource), .cursors = buf_view(&f->cursors),
        .modes = modes, .fallback_key = counted,
    };
    if (!buf_ok(&f->key) || !buf_ok(&f->cursors) || !buf_ok(&f->resource) || !buf_ok(&f->schema))
        return err_nomem(e);
    return weir_discovered(f->t, &s);
}

weir_rc airbyte_driven_discover(weir_task *t, void *self)
{
    airbyte_run *r = self;
    arena a = {0};
    buf body = {0};
    tree *catalog;
    finding f = {.t = t, .d = r->d};
    weir_rc rc = airbyte_run_ask(t, r, "discover", AIRBYTE_CATALOG, &body);
    if (!rc)
        rc = err_wrap(task_error(t), tree_parse(&a, buf_view(&body), NULL, WEIR_E_PROTOCOL, &catalog, task_error(t)), "discover: the catalog");
    const tree *list = rc ? NULL : tree_get(catalog, "streams");
    if (!rc && (!list || list->kind != TREE_ARRAY))
        rc = weir_fail(t, WEIR_E_PROTOCOL, "discover: the catalog has no list of streams");
    for (const tree *stream = rc ? NULL : list->first; stream && !rc; stream = stream->next)
        rc = find_one(&f, stream);
    finding_free(&f);
    buf_free(&body);
    arena_free(&a);
    return rc;
}
