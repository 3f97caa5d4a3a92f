/* Being a Flow materialization (flow.md 5): validate and apply answer one request each; open leads into transactions, until the input ends. */
#include "base/io.h"
#include "proto/flow/names.h"
#include "proto/flow/serve_destination.h"
#include "run/conduct.h"

enum { PIECE = 64 * 1024 };

/* ---- the listener ---- */

static weir_rc take_path(listener *l, weir_task *t, const weir_binding *b, weir_view path)
{
    flow_destination *d = (flow_destination *)l;
    d->paths[b->index] = arena_dup(&d->v->arena, path);
    return d->paths[b->index].ptr ? WEIR_OK : err_nomem(task_error(t));
}

static weir_rc take_delta(listener *l, weir_task *t, const weir_binding *b)
{
    (void)t;
    ((flow_destination *)l)->delta[b->index] = true;
    return WEIR_OK;
}

static weir_rc take_constraint(listener *l, weir_task *t, const weir_binding *b, const weir_column *c, weir_need need, weir_view reason)
{
    flow_destination *d = (flow_destination *)l;
    return demands_take(&d->said[b->index], &d->v->arena, b, c, need, reason, task_error(t));
}

static weir_rc take_fold(listener *l, weir_task *t, const weir_binding *b, const weir_column *c, weir_view name)
{
    flow_destination *d = (flow_destination *)l;
    return demands_fold(&d->said[b->index], &d->v->arena, b, c, name, task_error(t));
}

static weir_rc take_rules(listener *l, weir_task *t, const weir_binding *b, const weir_rules *rules)
{
    (void)t;
    ((flow_destination *)l)->said[b->index].rules = *rules;
    return WEIR_OK;
}

static weir_rc take_load_all(listener *l, weir_task *t)
{
    (void)t;
    ((flow_destination *)l)->kept.loads_all = true;
    return WEIR_OK;
}

static weir_rc take_state(listener *l, weir_task *t, weir_view patch)
{
    return flow_kept_patch(&((flow_destination *)l)->kept, t, patch);
}

static weir_rc take_checkpoint(listener *l, weir_task *t, weir_view position)
{
    return flow_kept_resume(&((flow_destination *)l)->kept, t, position);
}

static weir_rc take_loaded(listener *l, weir_task *t, const weir_row *row, weir_view doc)
{
    flow_destination *d = (flow_destination *)l;
    buf *out = &d->v->out;
    if (!d->loading) /* between 'acknowledged' and 'flushed' only (flow.md 5.5) */
        return weir_fail(t, WEIR_E_BUG, "a document of %.*s is loaded when nobody has asked for it", VIEW_ARG(row->binding->name));
    flow_write_loaded(d->v->in.codec, row->binding->index, doc, out);
    if (!buf_ok(out))
        return err_nomem(task_error(t));
    if (out->len < PIECE)
        return WEIR_OK;
    weir_rc rc = io_write(d->v->o->out, buf_view(out), "standard output", task_error(t));
    buf_clear(out);
    return rc;
}

static const listener_ops ops = {
    .resource_path = take_path, .delta = take_delta, .constrain = take_constraint, .fold = take_fold, .rules = take_rules, .keep = take_state,
    .resume = take_checkpoint, .load_all = take_load_all, .loaded = take_loaded,
};

static void destination_free(flow_destination *d)
{
    session_free(d->s);
    flow_kept_free(&d->kept);
}

/* ---- a session ---- */

typedef weir_rc choose_columns(flow_server *v, const tree *item, weir_binding *b, err *e);

static weir_rc read_binding(flow_server *v, const tree *item, choose_columns *choose, weir_binding *b, const tree **ret_resource, err *e)
{
    const tree *collection = name_get(item, "collection");
    weir_rc rc = flow_server_binding(v, item, name_get(collection, "readSchema") ? "readSchema" : "writeSchema", b, ret_resource, e);
    if (rc)
        return rc;
    b->delta_updates = name_flag(item, "deltaUpdates");
    if (!v->c->materialize->load && view_is(weir_json_at(b->schema, "/x-partial-updates"), "true"))
        return err_fail(e, WEIR_E_CONFIG, "%.*s has updates of single fields, which have to be merged with what is stored, and this destination cannot be asked for that",
                        VIEW_ARG(b->name));
    return choose(v, item, b, e);
}

/* Opens the connector and gives it the bindings of `task`. */
static weir_rc begin(flow_destination *d, choose_columns *choose, weir_view state, err *e)
{
    flow_server *v = d->v;
    const tree *list = name_get(d->task, "bindings");
    const size_t n = list && list->kind == TREE_ARRAY ? list->count : 0;
    const tree **resources = arena_array(&v->arena, n, sizeof *resources);
    d->b = arena_array(&v->arena, n, sizeof *d->b);
    d->paths = arena_array(&v->arena, n, sizeof *d->paths);
    d->delta = arena_array(&v->arena, n, sizeof *d->delta);
    d->said = arena_array(&v->arena, n, sizeof *d->said);
    if (v->arena.failed)
        return err_nomem(e);
    for (const tree *item = n ? list->first : NULL; item; item = item->next, d->count++) {
        weir_binding *b = &d->b[d->count];
        weir_rc rc = read_binding(v, item, choose, b, &resources[d->count], e);
        if (rc || v->arena.failed)
            return rc ? err_wrap(e, rc, "binding %zu", d->count) : err_nomem(e);
    }
    if (!flow_kept_init(&d->kept, state))
        return err_nomem(e);
    weir_rc rc = flow_server_open(v, d->s, d->task, e);
    return rc ? rc : session_bind(d->s, d->b, resources, n, state, e);
}

/* @param body the request: it may say what was applied last, and which keys are meant */
static weir_rc start(flow_destination *d, flow_server *v, const tree *task, const tree *body, err *e)
{
    const tree *range = name_get(body, "range");
    *d = (flow_destination){.base = {&ops}, .v = v, .task = task};
    d->s = session_new(&(session_options){
        .connector = v->c, .to = &d->base, .log = v->o->log, .task_name = name_text(task, "name"), .last_spec = name_raw(body, "lastMaterialization"),
        .last_version = name_text(body, "lastVersion"), .key_begin = flow_server_number(range, "keyBegin"), .key_end = flow_server_number(range, "keyEnd")});
    return d->s ? WEIR_OK : err_nomem(e);
}

/* ---- validate ---- */

/* Do the settings of the binding say so (x-delta-updates)? */
static bool asks_for_delta(const weir_connector *c, const weir_binding *b)
{
    for (const weir_field *f = c->resource; f && f->name; f++)
        if (f->flags & WEIR_DELTA_UPDATES && f->type == WEIR_BOOL)
            return *(const bool *)((const char *)b->resource + f->offset);
    return false;
}

/* Limits that are not set are left out (flow.md 6.1: 0 is none). */
static void put_rules(const weir_rules *r, json_out *w)
{
    if (r->text_max || r->members_max || r->items_max) {
        out_open(out_name(w, "serPolicy"), '{');
        if (r->text_max)
            out_int(out_name(w, "strTruncateAfter"), r->text_max);
        if (r->members_max)
            out_int(out_name(w, "nestedObjTruncateAfter"), r->members_max);
        if (r->items_max)
            out_int(out_name(w, "arrayTruncateAfter"), r->items_max);
        out_close(w, '}');
    }
    if (r->ignores_case)
        out_bool(out_name(w, "caseInsensitiveFields"), true);
}

static weir_rc put_validated(flow_destination *d, buf *body, err *e)
{
    json_out w = json_out_to(body);
    out_open(&w, '{');
    out_open(out_name(&w, "bindings"), '[');
    for (size_t i = 0; i < d->count; i++) {
        const weir_binding *b = &d->b[i];
        weir_rc rc = flow_server_path(d->v, d->paths, b, e);
        if (rc)
            return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
        rc = flow_server_check_path(d->paths, d->b, i, e);
        if (rc)
            return rc;
        out_open(&w, '{');
        flow_put_constraints(d, b, &w);
        out_raw(out_name(&w, "resourcePath"), d->paths[i]);
        if (d->delta[i] || asks_for_delta(d->v->c, b))
            out_bool(out_name(&w, "deltaUpdates"), true);
        put_rules(&d->said[i].rules, &w);
        out_close(&w, '}');
    }
    out_close(&w, ']');
    out_close(&w, '}');
    return buf_ok(body) ? WEIR_OK : err_nomem(e);
}

static weir_rc do_validate(flow_server *v, session *s, const tree *body, err *e)
{
    flow_destination *d = (flow_destination *)session_listener(s);
    (void)v;
    (void)body;
    weir_rc rc = begin(d, flow_possible_columns, (weir_view){0}, e);
    return rc ? rc : session_validate(s, e);
}

static weir_rc on_validate(flow_server *v, const tree *body, err *e)
{
    flow_destination d;
    buf text = {0};
    weir_rc rc = start(&d, v, body, body, e);
    if (!rc)
        rc = flow_server_attended(v, d.s, do_validate, body, e);
    if (!rc)
        rc = put_validated(&d, &text, e);
    if (!rc)
        rc = flow_server_respond(v, FLOW_VALIDATED, buf_view(&text), e);
    destination_free(&d);
    buf_free(&text);
    return rc;
}

/* ---- apply ---- */

static weir_rc do_apply(flow_server *v, session *s, const tree *body, err *e)
{
    flow_destination *d = (flow_destination *)session_listener(s);
    (void)v;
    weir_rc rc = begin(d, flow_selected_columns, name_raw(body, "state"), e);
    return rc ? rc : session_apply(s, e);
}

static weir_rc on_apply(flow_server *v, const tree *body, err *e)
{
    flow_destination d;
    weir_rc rc = start(&d, v, name_get(body, "materialization"), body, e);
    if (!rc)
        rc = flow_server_attended(v, d.s, do_apply, body, e);
    buf_clear(&v->out);
    if (!rc)
        rc = flow_respond_state(v, &d.kept, FLOW_APPLIED, e);
    destination_free(&d);
    return rc;
}

/* ---- open ---- */

/* The second step of a commit that was interrupted is made here, before the platform asks for it: some connectors know only then what they keep. */
static weir_rc do_open(flow_server *v, session *s, const tree *body, err *e)
{
    flow_destination *d = (flow_destination *)session_listener(s);
    weir_rc rc = begin(d, flow_selected_columns, name_raw(body, "state"), e);
    if (!rc)
        rc = session_acknowledge(s, e);
    if (!rc)
        rc = flow_respond_opened(v, &d->kept, e);
    if (!rc)
        rc = flow_serve_transactions(d, e);
    return rc || session_stopping(s) ? rc : session_finish(s, e);
}

static weir_rc on_open(flow_server *v, const tree *body, err *e)
{
    flow_destination d;
    weir_rc rc = start(&d, v, name_get(body, "materialization"), body, e);
    if (!rc)
        rc = flow_server_attended(v, d.s, do_open, body, e);
    destination_free(&d);
    v->done = true;
    return rc;
}

const flow_handler flow_materialize_handlers[] = {{FLOW_VALIDATE, on_validate}, {FLOW_APPLY, on_apply}, {FLOW_OPEN, on_open}, {FLOW_NONE, NULL}};
