/* Being a Flow derivation (flow.md 4): validate answers one request; open leads into transactions, until the input ends. There is no apply. */
#include "json/write.h"
#include "proto/flow/names.h"
#include "proto/flow/serve_derivation.h"

/* ---- the listener: documents go to the writer, the rest is kept here ---- */

static listener *writer_of(listener *l) { return writer_listener(((flow_derivation *)l)->w); }

static weir_rc pass_attach(listener *l, weir_task *t, lane *ln)
{
    return writer_of(l)->ops->attach(writer_of(l), t, ln);
}

static void pass_detach(listener *l, lane *ln)
{
    writer_of(l)->ops->detach(writer_of(l), ln);
}

static weir_rc pass_spill(listener *l, weir_task *t, lane *ln)
{
    return writer_of(l)->ops->spill(writer_of(l), t, ln);
}

static weir_rc pass_seal(listener *l, weir_task *t, lane *ln, const checkpoint *c)
{
    return writer_of(l)->ops->seal(writer_of(l), t, ln, c);
}

static weir_rc take_state(listener *l, weir_task *t, weir_view patch)
{
    return flow_kept_patch(&((flow_derivation *)l)->kept, t, patch);
}

static weir_rc take_checkpoint(listener *l, weir_task *t, weir_view position)
{
    return flow_kept_resume(&((flow_derivation *)l)->kept, t, position);
}

static weir_rc take_read_only(listener *l, weir_task *t, const weir_transform *x)
{
    (void)t;
    ((flow_derivation *)l)->read_only[x->index] = true;
    return WEIR_OK;
}

static weir_rc take_generated(listener *l, weir_task *t, weir_view url, weir_view content)
{
    flow_derivation *d = (flow_derivation *)l;
    json_out w = json_out_to(&d->generated);
    w.comma = d->generated.len != 0;
    out_text(out_namev(&w, url), content);
    return buf_ok(&d->generated) ? WEIR_OK : err_nomem(task_error(t));
}

static const listener_ops ops = {.keep = take_state, .resume = take_checkpoint, .read_only = take_read_only, .generated = take_generated};
static const listener_ops publishing_ops = {
    .attach = pass_attach, .detach = pass_detach, .spill = pass_spill, .seal = pass_seal, .keep = take_state, .resume = take_checkpoint,
};

/* ---- a session ---- */

static weir_rc read_target(flow_derivation *d, const tree *collection, err *e)
{
    flow_fields f;
    weir_rc rc = flow_all_fields(d->v, collection, &f, e);
    d->to = (weir_binding){.name = name_text(collection, "name"), .schema = name_raw(collection, "writeSchema"), .key = name_raw(collection, "key"),
                           .columns = f.columns, .column_count = f.count, .key_count = f.keys};
    return rc;
}

static weir_rc read_transform(flow_derivation *d, const tree *item, weir_transform *x, const tree **ret_lambda, err *e)
{
    const tree *collection = name_get(item, "collection");
    flow_fields f;
    tree *lambda = NULL;
    weir_rc rc = flow_all_fields(d->v, collection, &f, e);
    *x = (weir_transform){
        .backfill = flow_server_number(item, "backfill"), .name = name_text(item, "name"), .collection = name_text(collection, "name"),
        .schema = name_raw(collection, name_get(collection, "readSchema") ? "readSchema" : "writeSchema"), .key = name_raw(collection, "key"),
        .columns = f.columns, .column_count = f.count, .key_count = f.keys, .lambda_json = name_raw(item, "lambdaConfig"),
        .shuffle_key = name_raw(item, "shuffleKey"), .shuffle_lambda = name_raw(item, "shuffleLambdaConfig"), .state_key = name_text(item, "stateKey"),
        .read_only = name_flag(item, "readOnly"),
    };
    if (!rc && x->lambda_json.len)
        rc = flow_server_parse(d->v, x->lambda_json, &lambda, e);
    *ret_lambda = lambda;
    return rc;
}

/* Opens the connector with the config of `from` and gives it the transforms there. */
static weir_rc begin(flow_derivation *d, const tree *collection, const tree *from, weir_view state, err *e)
{
    flow_server *v = d->v;
    const tree *list = name_get(from, "transforms");
    const size_t n = list && list->kind == TREE_ARRAY ? list->count : 0;
    const tree **lambdas = arena_array(&v->arena, n, sizeof *lambdas);
    d->transforms = arena_array(&v->arena, n, sizeof *d->transforms);
    d->read_only = arena_array(&v->arena, n, sizeof *d->read_only);
    if (v->arena.failed || !flow_kept_init(&d->kept, state))
        return err_nomem(e);
    weir_rc rc = read_target(d, collection, e);
    for (const tree *item = n ? list->first : NULL; !rc && item; item = item->next, d->d.count++)
        rc = err_wrap(e, read_transform(d, item, &d->transforms[d->d.count], &lambdas[d->d.count], e), "transform %zu", d->d.count);
    if (!rc)
        rc = flow_server_open(v, d->s, from, e);
    return rc ? rc : session_derive(d->s, &d->d, &d->to, d->transforms, lambdas, state, e);
}

static weir_rc start(flow_derivation *d, flow_server *v, const listener_ops *of, const tree *collection, err *e)
{
    *d = (flow_derivation){.base = {of}, .v = v, .d = {.key_end = UINT32_MAX}};
    d->s = flow_server_session(v, &d->base, collection, e);
    return d->s ? WEIR_OK : e->rc;
}

static void derivation_free(flow_derivation *d)
{
    session_free(d->s);
    writer_free(d->w);
    flow_kept_free(&d->kept);
    buf_free(&d->generated);
}

/* ---- validate ---- */

static weir_rc put_validated(const flow_derivation *d, buf *body, err *e)
{
    json_out w = json_out_to(body);
    out_open(&w, '{');
    out_open(out_name(&w, "transforms"), '[');
    for (size_t i = 0; i < d->d.count; i++) {
        out_open(&w, '{');
        if (d->read_only[i])
            out_bool(out_name(&w, "readOnly"), true);
        out_close(&w, '}');
    }
    out_close(&w, ']');
    if (d->generated.len) {
        out_name(&w, "generatedFiles");
        buf_printf(body, "{%.*s}", VIEW_ARG(buf_view(&d->generated)));
    }
    out_close(&w, '}');
    return buf_ok(body) ? WEIR_OK : err_nomem(e);
}

static weir_rc do_validate(flow_server *v, session *s, const tree *body, err *e)
{
    flow_derivation *d = (flow_derivation *)session_listener(s);
    weir_view root = name_text(body, "projectRoot");
    d->d.project_root = root.len ? arena_text(&v->arena, root) : NULL;
    d->d.imports = name_raw(body, "importMap");
    weir_rc rc = begin(d, name_get(body, "collection"), body, (weir_view){0}, e);
    return rc ? rc : session_validate(s, e);
}

static weir_rc on_validate(flow_server *v, const tree *body, err *e)
{
    flow_derivation d;
    buf text = {0};
    weir_rc rc = start(&d, v, &ops, name_get(body, "collection"), e);
    if (!rc)
        rc = flow_server_attended(v, d.s, do_validate, body, e);
    if (!rc)
        rc = put_validated(&d, &text, e);
    if (!rc)
        rc = flow_server_respond(v, FLOW_VALIDATED, buf_view(&text), e);
    derivation_free(&d);
    buf_free(&text);
    return rc;
}

/* ---- open ---- */

/* A range without an end is one of all keys. */
static void take_range(flow_derivation *d, const tree *range)
{
    d->d.key_begin = flow_server_number(range, "keyBegin");
    d->d.key_end = name_get(range, "keyEnd") ? flow_server_number(range, "keyEnd") : UINT32_MAX;
}

static weir_rc do_open(flow_server *v, session *s, const tree *body, err *e)
{
    flow_derivation *d = (flow_derivation *)session_listener(s);
    const tree *collection = name_get(body, "collection"), *from = name_get(collection, "derivation");
    take_range(d, name_get(body, "range"));
    weir_rc rc = from ? WEIR_OK : err_fail(e, WEIR_E_PROTOCOL, "the collection has no derivation");
    if (!rc)
        rc = begin(d, collection, from, name_raw(body, "state"), e);
    if (!rc)
        rc = session_begin(s, e);
    buf_clear(&v->out);
    if (!rc)
        rc = flow_respond_opened(v, &d->kept, e);
    return rc ? rc : flow_serve_reads(d, e);
}

static weir_rc on_open(flow_server *v, const tree *body, err *e)
{
    flow_derivation d;
    weir_rc rc = start(&d, v, &publishing_ops, name_get(body, "collection"), e);
    if (!rc) {
        d.w = writer_new(v->o->out, v->in.codec == FLOW_JSON ? &flow_json_publishing : &flow_protobuf_publishing);
        rc = d.w ? flow_server_attended(v, d.s, do_open, body, e) : err_nomem(e);
    }
    derivation_free(&d);
    v->done = true;
    return rc;
}

const flow_handler flow_derive_handlers[] = {{FLOW_VALIDATE, on_validate}, {FLOW_OPEN, on_open}, {FLOW_NONE, NULL}};
