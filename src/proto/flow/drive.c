/* Being the platform for a Flow capture (drive_materialize.c: for a destination, drive_derive.c: for a derivation): an executable becomes an ordinary weir_connector. Every operation
 * starts a process of its own and asks it for its spec first, as the platform does (flow.md 1.5). */
#include <stdlib.h>

#include "json/patch.h"
#include "json/pointer.h"
#include "proto/flow/drive.h"
#include "proto/flow/flow.h"
#include "proto/flow/names.h"

weir_rc flow_ask_spec(flow_peer *p, flow_message *m, err *e)
{
    return peer_ask(p, FLOW_SPEC, VIEW("{\"connectorType\":\"LOCAL\",\"config\":{}}"), FLOW_SPEC, m, e);
}

/* ---- open and close ---- */

static weir_rc driven_open(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    const weir_view *text = config;
    flow_run *r = calloc(1, sizeof *r);
    char *copy = malloc(text->len + 1);
    if (!r || !copy) {
        free(r);
        free(copy);
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    }
    memcpy(copy, text->ptr, text->len);
    *r = (flow_run){.d = (const flow_driven *)me, .config = copy, .config_len = text->len, .lock = PTHREAD_MUTEX_INITIALIZER};
    *ret_self = r;
    return WEIR_OK;
}

static void driven_close(void *self)
{
    flow_run *r = self;
    if (!r)
        return;
    explicit_bzero(r->config, r->config_len);
    free(r->config);
    flow_storing_free(r->storing);
    flow_deriving_free(r->deriving);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- request bodies ---- */

void flow_put_endpoint(json_out *w, const flow_run *r)
{
    out_text(out_name(w, "connectorType"), VIEW("LOCAL"));
    out_raw(out_name(w, "config"), (weir_view){r->config, r->config_len});
}

/* The resource config; with the path that validation gave it under _meta.path, as the platform keeps it (flow.md 3.3, rule 2). */
void flow_put_resource(json_out *w, const flow_run *r, const weir_binding *b, weir_view path)
{
    const bool delta = b->delta_updates && r->d->delta.len;
    buf patch = {0}, resource = {0};
    json_out p = json_out_to(&patch);
    out_open(&p, '{');
    if (delta)
        out_bool(out_namev(&p, r->d->delta), true);
    if (path.len) {
        out_open(out_name(&p, "_meta"), '{');
        out_raw(out_name(&p, "path"), path);
        out_close(&p, '}');
    }
    out_close(&p, '}');
    if (!delta && !path.len)
        buf_addv(&resource, b->resource_json);
    else if (!buf_ok(&patch) || !patch_apply(&resource, b->resource_json, buf_view(&patch)))
        w->to->failed = true;
    out_raw(out_name(w, "resourceConfig"), buf_view(&resource));
    if (!buf_ok(&resource))
        w->to->failed = true;
    buf_free(&patch);
    buf_free(&resource);
}

void flow_open_collection(json_out *w, const weir_binding *b, weir_view key, weir_view projections)
{
    out_open(out_name(w, "collection"), '{');
    out_text(out_name(w, "name"), b->name);
    out_raw(out_name(w, "key"), key.len ? key : VIEW("[]"));
    out_text(out_name(w, "uuidPtr"), VIEW("/_meta/uuid"));
    out_raw(out_name(w, "partitionFields"), VIEW("[]"));
    out_raw(out_name(w, "projections"), projections);
    out_raw(out_name(w, "ackTemplate"), VIEW("{\"_meta\":{\"uuid\":\"DocUUIDPlaceholder-329Bb50aa48EAa9ef\",\"ack\":true}}"));
    out_raw(out_name(w, "writeSchema"), b->schema.len ? b->schema : VIEW("true"));
}

static void put_bindings(json_out *w, const flow_run *r, const weir_binding *b, size_t n, bool with_path)
{
    out_open(out_name(w, "bindings"), '[');
    for (size_t i = 0; i < n; i++) {
        out_open(w, '{');
        flow_put_resource(w, r, &b[i], b[i].resource_path);
        if (with_path)
            out_raw(out_name(w, "resourcePath"), b[i].resource_path.len ? b[i].resource_path : VIEW("[]"));
        flow_open_collection(w, &b[i], b[i].key, VIEW("[]"));
        out_close(w, '}');
        if (b[i].backfill)
            out_int(out_name(w, "backfill"), b[i].backfill);
        if (with_path)
            out_text(out_name(w, "stateKey"), b[i].state_key);
        out_close(w, '}');
    }
    out_close(w, ']');
}

static void put_capture(json_out *w, const flow_run *r, weir_view name, const weir_binding *b, size_t n)
{
    out_open(out_name(w, "capture"), '{');
    out_text(out_name(w, "name"), name);
    flow_put_endpoint(w, r);
    put_bindings(w, r, b, n, true);
    out_int(out_name(w, "intervalSeconds"), r->d->o.interval_ms / 1000);
    out_close(w, '}');
}

/* ---- unary operations ---- */

weir_rc flow_unary(weir_task *t, const flow_run *r, flow_kind request, buf *body, flow_kind answer, flow_use *use, void *arg)
{
    err *e = task_error(t);
    flow_peer *p = NULL;
    flow_message m;
    arena a = {0};
    weir_rc rc = buf_ok(body) ? peer_start(&p, &r->d->o, weir_stop_fd(t), e) : err_nomem(e);
    if (!rc)
        rc = flow_ask_spec(p, &m, e);
    if (!rc)
        rc = peer_ask(p, request, buf_view(body), answer, &m, e);
    tree *parsed = NULL;
    if (!rc) {
        weir_view kept = arena_dup(&a, m.body); /* the message goes with the next receive */
        rc = kept.ptr ? tree_parse(&a, kept, NULL, WEIR_E_PROTOCOL, &parsed, e) : err_nomem(e);
    }
    if (!rc)
        rc = peer_conclude(p, e);
    if (!rc && use)
        rc = use(t, arg, parsed);
    peer_free(p);
    arena_free(&a);
    buf_wipe(body);
    return rc;
}

weir_rc flow_take_state(weir_task *t, buf *to, const tree *answer, bool *ret_any)
{
    const tree *state = name_get(answer, "state"), *updated = name_get(state, "updated"), *merge = name_get(state, "mergePatch");
    buf patch = {0}, next = {0};
    if (!updated)
        return WEIR_OK;
    if (updated->kind != TREE_OBJECT)
        return weir_fail(t, WEIR_E_PROTOCOL, "the connector's state is no object");
    if (merge && merge->kind != TREE_BOOL)
        return weir_fail(t, WEIR_E_PROTOCOL, "mergePatch of the connector's state is neither true nor false");
    weir_view known = to->len ? buf_view(to) : VIEW("{}");
    bool ok = true;
    if (merge && merge->boolean)
        buf_addv(&patch, updated->raw);
    else
        ok = patch_diff(&patch, known, updated->raw);
    ok = ok && patch_apply(&next, known, buf_view(&patch)) && buf_ok(&patch) && buf_ok(&next);
    weir_rc rc = ok ? weir_keep(t, buf_view(&patch)) : err_nomem(task_error(t));
    if (!rc) {
        buf_free(to);
        *to = next;
        next = (buf){0};
    }
    if (ret_any)
        *ret_any = true;
    buf_wipe(&patch);
    buf_wipe(&next);
    return rc;
}

/* The bindings that were asked about. */
typedef struct asked {
    const weir_binding *b;
    size_t n;
} asked;

static weir_rc use_discovered(weir_task *t, void *arg, const tree *answer)
{
    (void)arg;
    const tree *list = name_get(answer, "bindings");
    for (const tree *item = list ? list->first : NULL; item; item = item->next) {
        weir_stream s = {
            .name = name_text(item, "recommendedName"),
            .schema = name_raw(item, "documentSchema"),
            .key = name_raw(item, "key"),
            .resource = name_raw(item, "resourceConfig"),
            .resource_path = name_raw(item, "resourcePath"),
            .disabled = name_flag(item, "disable"),
            .fallback_key = name_flag(item, "isFallbackKey"),
        };
        if (view_is(s.resource_path, "[]"))
            s.resource_path = (weir_view){0};
        weir_rc rc = s.schema.len && s.resource.len ? weir_discovered(t, &s)
                     : weir_fail(t, WEIR_E_PROTOCOL, "discovered binding '%.*s' lacks documentSchema or resourceConfig", VIEW_ARG(s.name));
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

static weir_rc driven_discover(weir_task *t, void *self)
{
    flow_run *r = self;
    buf body = {0};
    json_out w = json_out_to(&body);
    out_open(&w, '{');
    flow_put_endpoint(&w, r);
    out_text(out_name(&w, "name"), weir_task_name(t));
    out_close(&w, '}');
    weir_rc rc = flow_unary(t, r, FLOW_DISCOVER, &body, FLOW_DISCOVERED, use_discovered, NULL);
    buf_free(&body);
    return rc;
}

static weir_rc use_validated(weir_task *t, void *arg, const tree *answer)
{
    const weir_binding *b = ((asked *)arg)->b;
    const size_t n = ((asked *)arg)->n;
    const tree *list = name_get(answer, "bindings");
    size_t got = list ? list->count : 0, i = 0;
    if (got != n)
        return weir_fail(t, WEIR_E_PROTOCOL, "the connector validated %zu bindings of %zu", got, n);
    for (const tree *item = n ? list->first : NULL; item; item = item->next, i++) {
        weir_view path = name_raw(item, "resourcePath");
        if (!path.len || *path.ptr != '[')
            return weir_fail(t, WEIR_E_PROTOCOL, "the connector gave no resourcePath for binding %zu (%.*s)", i, VIEW_ARG(b[i].name));
        weir_rc rc = weir_resource_path(t, &b[i], path);
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

static weir_rc driven_validate(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    flow_run *r = self;
    buf body = {0};
    json_out w = json_out_to(&body);
    out_open(&w, '{');
    out_text(out_name(&w, "name"), weir_task_name(t));
    flow_put_endpoint(&w, r);
    put_bindings(&w, r, b, n, false);
    out_close(&w, '}');
    weir_rc rc = flow_unary(t, r, FLOW_VALIDATE, &body, FLOW_VALIDATED, use_validated, &(asked){b, n});
    buf_free(&body);
    return rc;
}

static weir_rc use_applied(weir_task *t, void *arg, const tree *answer)
{
    (void)arg;
    weir_view what = name_text(answer, "actionDescription");
    if (what.len)
        weir_log(t, WEIR_INFO, "applied: %.*s", VIEW_ARG(what));
    return WEIR_OK;
}

static weir_rc driven_apply(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    flow_run *r = self;
    buf body = {0};
    json_out w = json_out_to(&body);
    out_open(&w, '{');
    put_capture(&w, r, weir_task_name(t), b, n);
    out_text(out_name(&w, "version"), VIEW("local"));
    out_close(&w, '}');
    weir_rc rc = flow_unary(t, r, FLOW_APPLY, &body, FLOW_APPLIED, use_applied, NULL);
    buf_free(&body);
    return rc;
}

/* ---- the capture ---- */

static weir_rc bad_binding(weir_task *t, const flow_message *m, size_t n)
{
    return weir_fail(t, WEIR_E_PROTOCOL, "the connector sent '%s' for binding %u of %zu", flow_kind_name(m->kind), m->binding, n);
}

static weir_rc relay_schema(weir_task *t, const flow_message *m, const weir_binding *b, size_t n)
{
    return m->binding < n ? weir_sourced_schema(t, &b[m->binding], m->doc) : bad_binding(t, m, n);
}

static weir_rc relay_note(weir_task *t, const flow_message *m, const weir_binding *b, size_t n)
{
    if (m->binding >= n)
        return bad_binding(t, m, n);
    weir_log(t, WEIR_INFO, "%s: %.*s", flow_kind_name(m->kind), VIEW_ARG(b[m->binding].name));
    return WEIR_OK;
}

static weir_rc relay_other(weir_task *t, const flow_message *m, const weir_binding *b, size_t n)
{
    switch (m->kind) {
    case FLOW_SOURCED_SCHEMA:
        return relay_schema(t, m, b, n);
    case FLOW_BACKFILL_BEGIN: case FLOW_BACKFILL_COMPLETE:
        return relay_note(t, m, b, n);
    default:
        return weir_fail(t, WEIR_E_PROTOCOL, "the connector sent '%s' while capturing", flow_kind_name(m->kind));
    }
}

/* Which bindings may get parts of documents? Those whose schema says so. */
static weir_rc find_parts(weir_task *t, const weir_binding *b, size_t n, bool **ret)
{
    *ret = calloc(n ? n : 1, sizeof **ret);
    if (!*ret)
        return err_nomem(task_error(t));
    for (size_t i = 0; i < n; i++)
        (*ret)[i] = view_is(weir_json_at(b[i].schema, "/x-partial-updates"), "true");
    return WEIR_OK;
}

static weir_rc relay_document(weir_task *t, const flow_message *m, const weir_binding *b, size_t n, const bool *parts)
{
    if (m->binding >= n)
        return bad_binding(t, m, n);
    if (parts[m->binding] && view_is(weir_json_at(m->doc, "/_meta/op"), "\"u\""))
        return weir_emit(t, &b[m->binding], WEIR_UPDATE, m->doc);
    return task_emit_scanned(t, &b[m->binding], m->doc, m->lines);
}

/* Copies documents and checkpoints to the lane until the peer's output ends. */
static weir_rc relay_all(weir_task *t, flow_peer *p, const weir_binding *b, size_t n, const bool *parts)
{
    size_t unsealed = 0;
    for (;;) {
        flow_message m;
        bool more;
        weir_rc rc = peer_receive(p, &m, &more, task_error(t));
        if (rc)
            return rc;
        if (!more)
            break;
        if (m.kind == FLOW_CAPTURED) {
            rc = relay_document(t, &m, b, n, parts);
            unsealed++;
        } else if (m.kind == FLOW_CHECKPOINT) {
            rc = task_checkpoint_raw(t, m.state.len ? m.state : VIEW("{}"), m.state.len ? m.merge : true);
            unsealed = 0;
        } else {
            rc = relay_other(t, &m, b, n);
        }
        if (rc)
            return rc;
    }
    if (!unsealed)
        return WEIR_OK;
    return weir_fail(t, WEIR_E_PROTOCOL, "the connector ended with %zu document%s after its last checkpoint: dropped", unsealed,
                     unsealed == 1 ? "" : "s");
}

static weir_rc relay(weir_task *t, flow_peer *p, const weir_binding *b, size_t n)
{
    bool *parts = NULL;
    weir_rc rc = find_parts(t, b, n, &parts);
    if (!rc)
        rc = relay_all(t, p, b, n, parts);
    free(parts);
    return rc;
}

static weir_rc open_capture(weir_task *t, flow_run *r, flow_peer *p, const weir_binding *b, size_t n)
{
    buf body = {0};
    weir_view state = weir_state(t);
    json_out w = json_out_to(&body);
    out_open(&w, '{');
    put_capture(&w, r, weir_task_name(t), b, n);
    out_text(out_name(&w, "version"), VIEW("local"));
    out_raw(out_name(&w, "range"), FLOW_RANGE);
    out_raw(out_name(&w, "state"), state.len ? state : VIEW("{}"));
    out_close(&w, '}');
    flow_message m;
    weir_rc rc = buf_ok(&body) ? peer_ask(p, FLOW_OPEN, buf_view(&body), FLOW_OPENED, &m, task_error(t)) : err_nomem(task_error(t));
    buf_wipe(&body);
    if (rc)
        return rc;
    bool acks = view_is(weir_json_at(m.body, "/explicitAcknowledgements"), "true");
    if (acks) {
        pthread_mutex_lock(&r->lock);
        r->capturing = p;
        pthread_mutex_unlock(&r->lock);
    }
    return weir_opened(t, acks);
}

static weir_rc driven_pull(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    flow_run *r = self;
    flow_peer *p = NULL;
    flow_message m;
    err *e = task_error(t);
    weir_rc rc = peer_start(&p, &r->d->o, weir_stop_fd(t), e);
    if (!rc)
        rc = flow_ask_spec(p, &m, e);
    if (!rc)
        rc = open_capture(t, r, p, b, n);
    if (!rc) {
        rc = relay(t, p, b, n);
        rc = peer_explain(p, rc, e);
    }
    pthread_mutex_lock(&r->lock);
    r->capturing = NULL;
    pthread_mutex_unlock(&r->lock);
    if (!rc)
        rc = peer_finish(p, e);
    peer_free(p);
    return rc;
}

static weir_rc driven_acked(weir_task *t, void *self, const weir_ack *acks, size_t count)
{
    (void)acks;
    flow_run *r = self;
    weir_rc rc = WEIR_OK;
    pthread_mutex_lock(&r->lock);
    if (r->capturing)
        rc = peer_acknowledge(r->capturing, count, task_error(t));
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static const weir_capture driven_capture = {
    .discover = driven_discover,
    .validate = driven_validate,
    .apply = driven_apply,
    .pull = driven_pull,
    .acked = driven_acked,
    .all_in_one = true,
    .relay = true,
};

/* ---- making one ---- */

/* The property of a destination's resource that is marked so (flow.md 5.2). */
static weir_view marked(const tree *schema, const char *mark)
{
    const tree *properties = tree_get(schema, "properties");
    for (const tree *p = properties && properties->kind == TREE_OBJECT ? properties->first : NULL; p; p = p->next) {
        const tree *flag = tree_get(p, mark);
        if (flag && flag->kind == TREE_BOOL && flag->boolean)
            return p->name;
    }
    return (weir_view){0};
}

/* A destination says only when it validates what identifies a resource: until then it is what has the name of the table, and of its schema. */
static weir_rc guess_pointers(flow_driven *d, const tree *spec, err *e)
{
    static const char *const marks[] = {"x-schema-name", "x-collection-name"};
    const tree *schema = name_get(spec, "resourceConfigSchema");
    weir_view pointers[2];
    buf text[2] = {{0}}, all = {0};
    size_t n = 0;
    d->delta = marked(schema, "x-delta-updates");
    for (size_t i = 0; i < 2; i++) {
        weir_view name = marked(schema, marks[i]);
        if (!name.len)
            continue;
        pointer_push(&text[i], name);
        pointers[n++] = buf_view(&text[i]);
    }
    json_strings(&all, pointers, n);
    d->base.resource_path_pointers = arena_dup(&d->arena, buf_view(&all));
    bool ok = buf_ok(&text[0]) && buf_ok(&text[1]) && buf_ok(&all) && !d->arena.failed;
    buf_free(&text[0]);
    buf_free(&text[1]);
    buf_free(&all);
    return ok ? WEIR_OK : err_nomem(e);
}

/* Keeps what the spec says. */
static weir_rc take_spec(flow_driven *d, weir_view body, err *e)
{
    weir_view kept = arena_dup(&d->arena, body);
    tree *spec;
    weir_rc rc = kept.ptr ? tree_parse(&d->arena, kept, NULL, WEIR_E_PROTOCOL, &spec, e) : err_nomem(e);
    if (rc)
        return rc;
    weir_view number = name_raw(spec, "protocol");
    if (!view_is(number, "3032023"))
        return err_fail(e, WEIR_E_PROTOCOL, "spec: protocol is %.*s, 3032023 is expected", VIEW_ARG(number.len ? number : VIEW("missing")));
    d->base.config_schema = name_raw(spec, "configSchema");
    d->base.resource_schema = name_raw(spec, "resourceConfigSchema");
    if (d->o.derivation && !d->base.resource_schema.len)
        d->base.resource_schema = name_raw(spec, "lambdaConfigSchema"); /* its former name (flow.md 2) */
    d->base.oauth2 = name_raw(spec, "oauth2");
    d->base.resource_path_pointers = name_raw(spec, "resourcePathPointers");
    weir_view url = name_text(spec, "documentationUrl");
    d->base.docs_url = url.ptr;
    if (!d->base.config_schema.len || !d->base.resource_schema.len || !url.len)
        return err_fail(e, WEIR_E_PROTOCOL, "spec: configSchema, resourceConfigSchema and documentationUrl must not be empty");
    return d->o.destination ? guess_pointers(d, spec, e) : WEIR_OK;
}

static weir_rc learn(flow_driven *d, err *e)
{
    flow_peer *p = NULL;
    flow_message m;
    weir_rc rc = peer_start(&p, &d->o, d->o.stop_fd, e);
    if (!rc)
        rc = flow_ask_spec(p, &m, e);
    if (!rc)
        rc = take_spec(d, m.body, e);
    if (!rc)
        rc = peer_conclude(p, e);
    peer_free(p);
    return rc;
}

weir_rc flow_drive(const drive_options *o, weir_connector **ret, err *e)
{
    flow_driven *d = calloc(1, sizeof *d);
    if (!d)
        return err_nomem(e);
    d->o = *o;
    d->base = (weir_connector){.abi = WEIR_ABI, .name = o->argv[0], .version = "0", .open = driven_open, .close = driven_close};
    if (o->derivation)
        d->base.derive = &flow_drive_derive;
    else if (o->destination)
        d->base.materialize = &flow_drive_materialize;
    else
        d->base.capture = &driven_capture;
    weir_rc rc = learn(d, e);
    if (rc) {
        flow_drive_free(&d->base);
        return rc;
    }
    *ret = &d->base;
    return WEIR_OK;
}

void flow_drive_free(weir_connector *c)
{
    flow_driven *d = (flow_driven *)c;
    if (!d)
        return;
    arena_free(&d->arena);
    free(d);
}
