/* Being the platform for an Airbyte source or destination: an executable becomes an ordinary weir_connector. Every operation starts a process of its
 * own (airbyte.md 1.1). */
#include <stdlib.h>

#include "json/pointer.h"
#include "proto/airbyte/driven.h"

/* ---- open, close, questions ---- */

static weir_rc driven_open(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    const weir_view *text = config;
    airbyte_run *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(task_error(t));
    *ret_self = r;
    r->d = (const airbyte_driven *)me;
    buf_addv(&r->config, *text);
    return buf_ok(&r->config) ? WEIR_OK : err_nomem(task_error(t));
}

static void driven_close(void *self)
{
    airbyte_run *r = self;
    if (!r)
        return;
    airbyte_writing_free(r->writing);
    buf_wipe(&r->config);
    free(r);
}

typedef struct asking {
    weir_task *t;
    airbyte_run *r;
} asking;

static weir_rc new_config(weir_task *t, airbyte_run *r, weir_view config)
{
    buf fresh = {0};
    json_compact(&fresh, config);
    if (!buf_ok(&fresh)) {
        buf_wipe(&fresh);
        return err_nomem(task_error(t));
    }
    weir_rc rc = weir_config_changed(t, buf_view(&fresh));
    buf_wipe(&r->config);
    r->config = fresh;
    return rc;
}

static weir_rc take_control(void *arg, weir_view config, err *e)
{
    const asking *a = arg;
    weir_rc rc = new_config(a->t, a->r, config);
    return rc && e != task_error(a->t) ? err_move(e, task_error(a->t)) : rc;
}

weir_rc airbyte_run_control(weir_task *t, airbyte_run *r, weir_view body)
{
    weir_view config = airbyte_control_config(body);
    return config.len ? new_config(t, r, config) : WEIR_OK;
}

weir_rc airbyte_run_ask(weir_task *t, airbyte_run *r, const char *command, airbyte_type answer, buf *ret_body)
{
    asking a = {t, r};
    const airbyte_paper config = {"--config", "config.json", buf_view(&r->config)};
    const airbyte_question q = {.command = command, .papers = &config, .paper_count = 1, .answer = answer, .control = take_control, .arg = &a};
    return airbyte_ask(&q, &r->d->o, weir_stop_fd(t), ret_body, task_error(t));
}

weir_rc airbyte_run_check(weir_task *t, airbyte_run *r)
{
    arena a = {0};
    buf body = {0};
    weir_rc rc = airbyte_run_ask(t, r, "check", AIRBYTE_CONNECTION_STATUS, &body);
    if (!rc) {
        weir_view status = json_decode(&a, pointer_find(buf_view(&body), VIEW("/status")));
        weir_view message = json_decode(&a, pointer_find(buf_view(&body), VIEW("/message")));
        buf words = {0};
        airbyte_put_words(&words, message.len ? message : VIEW("the connector's check has failed, without a message"));
        if (view_is(status, "FAILED"))
            weir_problem(t, NULL, "%s", buf_text(&words));
        else if (!view_is(status, "SUCCEEDED"))
            rc = weir_fail(t, WEIR_E_PROTOCOL, "check: the status is '%.*s', neither SUCCEEDED nor FAILED", VIEW_ARG(status));
        buf_free(&words);
    }
    buf_free(&body);
    arena_free(&a);
    return rc;
}

/* ---- resources ---- */

weir_rc airbyte_resource_of(arena *a, const weir_binding *b, airbyte_resource *ret, err *e)
{
    tree *t;
    weir_rc rc = tree_parse(a, b->resource_json, "resource", WEIR_E_CONFIG, &t, e);
    if (rc)
        return rc;
    const tree *stream = tree_get(t, "stream"), *cursor = tree_get(t, "cursorField");
    if (!stream || stream->kind != TREE_STRING)
        return err_fail(e, WEIR_E_CONFIG, "resource: /stream is missing: the name of the stream");
    if (!tree_is_null(cursor) && cursor->kind != TREE_ARRAY)
        return err_fail(e, WEIR_E_CONFIG, "resource: /cursorField must be an array of strings: the path to the cursor");
    *ret = (airbyte_resource){
        .stream = stream->text, .name_space = tree_text(t, "namespace"), .sync_mode = tree_text(t, "syncMode"),
        .cursor = cursor && cursor->count ? cursor->raw : (weir_view){0},
    };
    return WEIR_OK;
}

void airbyte_resource_path(buf *out, const airbyte_resource *x)
{
    const weir_view path[] = {x->name_space, x->stream};
    bool spaced = x->name_space.len > 0;
    json_strings(out, spaced ? path : path + 1, spaced ? 2 : 1);
}

weir_rc airbyte_tell_paths(weir_task *t, const weir_binding *b, size_t n)
{
    arena a = {0};
    buf path = {0};
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < n && !rc; i++) {
        airbyte_resource x;
        buf_clear(&path);
        rc = airbyte_resource_of(&a, &b[i], &x, task_error(t));
        if (rc) {
            weir_wrap(t, rc, "binding %.*s", VIEW_ARG(b[i].name));
            break;
        }
        airbyte_resource_path(&path, &x);
        rc = buf_ok(&path) ? weir_resource_path(t, &b[i], buf_view(&path)) : err_nomem(task_error(t));
    }
    buf_free(&path);
    arena_free(&a);
    return rc;
}

/* ---- configured catalogs ---- */

bool airbyte_put_path(buf *out, weir_view pointer)
{
    arena a = {0};
    weir_view *tokens;
    size_t n;
    bool ok = pointer_split(&a, pointer, &tokens, &n);
    if (ok)
        json_strings(out, tokens, n);
    arena_free(&a);
    return ok && buf_ok(out);
}

bool airbyte_put_paths(buf *out, weir_view pointers)
{
    arena a = {0};
    weir_view *list;
    size_t n;
    bool ok = pointer_list(&a, pointers, &list, &n);
    buf_addc(out, '[');
    for (size_t i = 0; ok && i < n; i++) {
        if (i)
            buf_addc(out, ',');
        ok = airbyte_put_path(out, list[i]);
    }
    buf_addc(out, ']');
    arena_free(&a);
    return ok && buf_ok(out);
}

void airbyte_put_choice(json_out *w, const airbyte_choice *c)
{
    buf key = {0};
    bool keyed = c->key.len && airbyte_put_paths(&key, c->key) && !view_is(buf_view(&key), "[]");
    out_open(w, '{');
    out_open(out_name(w, "stream"), '{');
    out_text(out_name(w, "name"), c->resource->stream);
    if (c->resource->name_space.len)
        out_text(out_name(w, "namespace"), c->resource->name_space);
    out_raw(out_name(w, "json_schema"), c->schema);
    out_open(out_name(w, "supported_sync_modes"), '[');
    out_text(w, view_of(c->sync_mode));
    out_close(w, ']');
    if (c->cursor.len)
        out_raw(out_name(w, "default_cursor_field"), c->cursor);
    if (keyed)
        out_raw(out_name(w, "source_defined_primary_key"), buf_view(&key));
    out_close(w, '}');
    out_text(out_name(w, "sync_mode"), view_of(c->sync_mode));
    out_text(out_name(w, "destination_sync_mode"), view_of(c->destination_sync_mode));
    if (c->cursor.len)
        out_raw(out_name(w, "cursor_field"), c->cursor);
    if (keyed)
        out_raw(out_name(w, "primary_key"), buf_view(&key));
    out_int(out_name(w, "generation_id"), c->generation);
    out_int(out_name(w, "minimum_generation_id"), c->minimum_generation);
    out_int(out_name(w, "sync_id"), c->sync);
    out_close(w, '}');
    if (key.failed)
        w->to->failed = true;
    buf_free(&key);
}

/* ---- making one ---- */

/* As flow-sdk's shim has it (flow.md 10.2). */
static const char source_resource[] =
    "{\"type\":\"object\",\"properties\":{\"stream\":{\"type\":\"string\"},\"syncMode\":{\"type\":\"string\",\"enum\":[\"incremental\",\"full_refresh\"]},"
    "\"namespace\":{\"type\":\"string\"},\"cursorField\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}},\"required\":[\"stream\",\"syncMode\"]}";

/* Where a collection goes. What decides how rows are kept has a default, see drive_destination.c. */
static const char destination_resource[] =
    "{\"type\":\"object\",\"properties\":{\"stream\":{\"type\":\"string\",\"title\":\"Stream\",\"description\":\"Name of the stream, from which the destination "
    "makes the name of a table.\",\"x-collection-name\":true},\"namespace\":{\"type\":\"string\",\"title\":\"Namespace\",\"description\":\"Schema, dataset or "
    "database; the destination's own default if it is empty.\",\"x-schema-name\":true},\"syncMode\":{\"type\":\"string\",\"title\":\"Sync mode\",\"description\":"
    "\"How rows are kept: append adds every document, append_dedup keeps the newest for each key, overwrite begins with an empty table.\",\"enum\":[\"append\","
    "\"append_dedup\",\"overwrite\"]}},\"required\":[\"stream\"]}";

/* Whoever runs it may know a better place for its documentation (flow.md 10.2). */
static const char *docs_url(const airbyte_driven *d, weir_view url)
{
    const char *env = d->o.flow_documents ? getenv("DOCS_URL") : NULL;
    return env && *env ? env : url.ptr;
}

static weir_rc take_spec(airbyte_driven *d, weir_view body, err *e)
{
    tree *spec;
    weir_rc rc = tree_parse(&d->arena, body, NULL, WEIR_E_PROTOCOL, &spec, e);
    if (rc)
        return err_wrap(e, rc, "spec");
    const tree *schema = tree_get(spec, "connectionSpecification");
    if (!schema || schema->kind != TREE_OBJECT)
        return err_fail(e, WEIR_E_PROTOCOL, "spec: connectionSpecification must be an object");
    d->base.config_schema = schema->raw;
    d->modes = tree_get(spec, "supported_destination_sync_modes");
    d->base.docs_url = docs_url(d, tree_text(spec, "documentationUrl"));
    return WEIR_OK;
}

static weir_rc learn(airbyte_driven *d, err *e)
{
    buf body = {0};
    const airbyte_question q = {.command = "spec", .answer = AIRBYTE_SPEC};
    weir_rc rc = airbyte_ask(&q, &d->o, d->o.stop_fd, &body, e);
    weir_view kept = rc ? (weir_view){0} : arena_dup(&d->arena, buf_view(&body));
    if (!rc)
        rc = kept.ptr ? take_spec(d, kept, e) : err_nomem(e);
    buf_free(&body);
    return rc;
}

weir_rc airbyte_drive(const drive_options *o, weir_connector **ret, err *e)
{
    airbyte_driven *d = calloc(1, sizeof *d);
    if (!d)
        return err_nomem(e);
    d->o = *o;
    d->base = (weir_connector){
        .abi = WEIR_ABI, .name = o->argv[0], .version = "0", .open = driven_open, .close = driven_close,
        .resource_schema = view_of(o->destination ? destination_resource : source_resource),
        .resource_path_pointers = VIEW("[\"/namespace\",\"/stream\"]"),
        .capture = o->destination ? NULL : &airbyte_driven_capture, .materialize = o->destination ? &airbyte_driven_materialize : NULL,
    };
    weir_rc rc = learn(d, e);
    if (rc) {
        airbyte_drive_free(&d->base);
        return rc;
    }
    *ret = &d->base;
    return WEIR_OK;
}

void airbyte_drive_free(weir_connector *c)
{
    airbyte_driven *d = (airbyte_driven *)c;
    if (!d)
        return;
    arena_free(&d->arena);
    free(d);
}
