/* Being a Flow capture (serve_materialize.c: a destination, serve_derive.c: a derivation): requests on one descriptor, responses on the other (flow.md 1.5, 3). */
#include <poll.h>
#include <stdlib.h>

#include "base/io.h"
#include "json/patch.h"
#include "json/write.h"
#include "proto/flow/names.h"
#include "proto/flow/serve.h"
#include "run/conduct.h"

/* ---- a session for one request ---- */

/* What a connector says during a unary request. */
typedef struct collector {
    listener base;
    buf discovered;     /* items of discovered.bindings */
    weir_view *paths;   /* by binding, from weir_resource_path() */
    arena *arena;
} collector;

static weir_rc collect_stream(listener *l, weir_task *t, const weir_stream *s, weir_view resource, weir_view path)
{
    collector *c = (collector *)l;
    if (c->discovered.len)
        buf_addc(&c->discovered, ',');
    flow_discovered_binding(s, resource, path, &c->discovered);
    return buf_ok(&c->discovered) ? WEIR_OK : err_nomem(task_error(t));
}

static weir_rc collect_path(listener *l, weir_task *t, const weir_binding *b, weir_view path)
{
    collector *c = (collector *)l;
    c->paths[b->index] = arena_dup(c->arena, path);
    return c->paths[b->index].ptr ? WEIR_OK : err_nomem(task_error(t));
}

static const listener_ops collector_ops = {.discovered = collect_stream, .resource_path = collect_path};

weir_rc flow_server_respond(flow_server *v, flow_kind kind, weir_view body, err *e)
{
    buf_clear(&v->out);
    weir_rc rc = flow_write(v->in.codec, v->out_dir, kind, body, &v->out, e);
    return rc ? rc : io_write(v->o->out, buf_view(&v->out), "standard output", e);
}

session *flow_server_session(flow_server *v, listener *l, const tree *task, err *e)
{
    const session_options o = {.connector = v->c, .to = l, .log = v->o->log, .task_name = name_text(task, "name")};
    session *s = session_new(&o);
    if (!s)
        err_nomem(e);
    return s;
}

uint32_t flow_server_number(const tree *t, const char *name)
{
    const tree *n = name_get(t, name);
    uint64_t v = 0;
    if (n && n->kind == TREE_NUMBER)
        number_to_u64(n->text, &v);
    return (uint32_t)v;
}

weir_rc flow_server_parse(flow_server *v, weir_view raw, tree **ret, err *e)
{
    return tree_parse(&v->arena, raw, NULL, WEIR_E_PROTOCOL, ret, e);
}

weir_rc flow_server_open(flow_server *v, session *s, const tree *from, err *e)
{
    weir_view raw = name_raw(from, "config");
    tree *config = NULL;
    weir_rc rc = raw.len ? flow_server_parse(v, raw, &config, e) : WEIR_OK;
    return rc ? rc : session_open(s, config, e);
}

weir_rc flow_server_binding(flow_server *v, const tree *item, const char *schema, weir_binding *b, const tree **ret_resource, err *e)
{
    const tree *collection = name_get(item, "collection");
    weir_view raw = name_raw(item, "resourceConfig");
    tree *resource;
    if (!raw.len || !collection)
        return err_fail(e, WEIR_E_PROTOCOL, "a binding needs resourceConfig and collection");
    weir_rc rc = flow_server_parse(v, raw, &resource, e);
    if (rc)
        return rc;
    *ret_resource = resource;
    *b = (weir_binding){
        .name = name_text(collection, "name"),
        .schema = name_raw(collection, schema),
        .key = name_raw(collection, "key"),
        .resource_json = raw,
        .resource_path = name_raw(item, "resourcePath"),
        .state_key = name_text(item, "stateKey"),
        .backfill = flow_server_number(item, "backfill"),
    };
    return WEIR_OK;
}

/* Fills the session's bindings from the array of a request. */
static weir_rc bind(flow_server *v, session *s, const tree *list, weir_view state, err *e)
{
    size_t n = list && list->kind == TREE_ARRAY ? list->count : 0, i = 0;
    weir_binding *b = arena_array(&v->arena, n, sizeof *b);
    const tree **resources = arena_array(&v->arena, n, sizeof *resources);
    if (!b || !resources)
        return err_nomem(e);
    for (const tree *item = n ? list->first : NULL; item; item = item->next, i++) {
        weir_rc rc = flow_server_binding(v, item, "writeSchema", &b[i], &resources[i], e);
        if (rc)
            return err_wrap(e, rc, "binding %zu", i);
    }
    return session_bind(s, b, resources, n, state, e);
}

/* ---- one handler for each kind of request ---- */

static weir_rc on_spec(flow_server *v, const tree *body, err *e)
{
    (void)body;
    buf text = {0};
    weir_rc rc = flow_spec_body(v->c, &text, e);
    if (!rc)
        rc = flow_server_respond(v, FLOW_SPEC, buf_view(&text), e);
    buf_free(&text);
    return rc;
}

weir_rc flow_server_attended(flow_server *v, session *s, flow_server_part *work, const tree *body, err *e)
{
    const conductor_options o = {.s = s, .stop_fd = v->o->stop_fd, .in = -1};
    conductor *c = conductor_start(&o, e);
    if (!c)
        return e->rc;
    weir_rc rc = work(v, s, body, e);
    conductor_end(c);
    return rc ? rc : session_stopping(s) ? err_fail(e, WEIR_STOPPED, "stopped by a signal") : WEIR_OK;
}

static weir_rc do_discover(flow_server *v, session *s, const tree *body, err *e)
{
    weir_rc rc = flow_server_open(v, s, body, e);
    return rc ? rc : session_discover(s, e);
}

static weir_rc on_discover(flow_server *v, const tree *body, err *e)
{
    collector c = {.base = {&collector_ops}, .arena = &v->arena};
    session *s = flow_server_session(v, &c.base, body, e);
    weir_rc rc = s ? flow_server_attended(v, s, do_discover, body, e) : e->rc;
    if (!rc) {
        weir_view items = arena_printf(&v->arena, "{\"bindings\":[%.*s]}", VIEW_ARG(buf_view(&c.discovered)));
        rc = items.ptr ? flow_server_respond(v, FLOW_DISCOVERED, items, e) : err_nomem(e);
    }
    session_free(s);
    buf_free(&c.discovered);
    return rc;
}

weir_rc flow_server_path(flow_server *v, weir_view *paths, const weir_binding *b, err *e)
{
    tree *resource;
    buf text = {0};
    weir_view *to = &paths[b->index];
    if (to->len)
        return WEIR_OK;
    weir_rc rc = tree_parse(&v->arena, b->resource_json, NULL, WEIR_E_PROTOCOL, &resource, e);
    if (!rc)
        rc = spec_resource_path(v->c, resource, &text, e);
    if (!rc)
        *to = arena_dup(&v->arena, buf_view(&text));
    buf_free(&text);
    return rc ? rc : to->ptr ? WEIR_OK : err_nomem(e);
}

weir_rc flow_server_check_path(const weir_view *paths, const weir_binding *b, size_t at, err *e)
{
    for (size_t k = 0; k < at; k++)
        if (json_equal(paths[k], paths[at]))
            return err_fail(e, WEIR_E_CONFIG, "bindings %zu (%.*s) and %zu (%.*s) are the same resource %.*s", k, VIEW_ARG(b[k].name), at,
                            VIEW_ARG(b[at].name), VIEW_ARG(paths[at]));
    return WEIR_OK;
}

static weir_rc validated_body(flow_server *v, collector *c, session *s, buf *body, err *e)
{
    size_t n;
    const weir_binding *b = session_bindings(s, &n);
    buf_adds(body, "{\"bindings\":[");
    for (size_t i = 0; i < n; i++) {
        weir_rc rc = flow_server_path(v, c->paths, &b[i], e);
        if (rc)
            return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b[i].name));
        rc = flow_server_check_path(c->paths, b, i, e);
        if (rc)
            return rc;
        buf_adds(body, i ? ",{\"resourcePath\":" : "{\"resourcePath\":");
        buf_addv(body, c->paths[i]);
        buf_addc(body, '}');
    }
    buf_adds(body, "]}");
    return buf_ok(body) ? WEIR_OK : err_nomem(e);
}

static weir_rc do_validate(flow_server *v, session *s, const tree *body, err *e)
{
    weir_rc rc = flow_server_open(v, s, body, e);
    if (!rc)
        rc = bind(v, s, name_get(body, "bindings"), (weir_view){0}, e);
    return rc ? rc : session_validate(s, e);
}

static weir_rc on_validate(flow_server *v, const tree *body, err *e)
{
    collector c = {.base = {&collector_ops}, .arena = &v->arena};
    buf text = {0};
    const tree *list = name_get(body, "bindings");
    c.paths = arena_array(&v->arena, list ? list->count : 0, sizeof *c.paths);
    session *s = c.paths ? flow_server_session(v, &c.base, body, e) : NULL;
    weir_rc rc = s ? flow_server_attended(v, s, do_validate, body, e) : err_nomem(e);
    if (!rc)
        rc = validated_body(v, &c, s, &text, e);
    if (!rc)
        rc = flow_server_respond(v, FLOW_VALIDATED, buf_view(&text), e);
    session_free(s);
    buf_free(&text);
    return rc;
}

/* For apply and open: both carry the task and its state. */
static weir_rc open_task(flow_server *v, session *s, const tree *body, err *e)
{
    const tree *task = name_get(body, "capture");
    weir_rc rc = flow_server_open(v, s, task, e);
    return rc ? rc : bind(v, s, name_get(task, "bindings"), name_raw(body, "state"), e);
}

static weir_rc do_apply(flow_server *v, session *s, const tree *body, err *e)
{
    weir_rc rc = open_task(v, s, body, e);
    return rc ? rc : session_apply(s, e);
}

static weir_rc on_apply(flow_server *v, const tree *body, err *e)
{
    listener l = {&(const listener_ops){0}};
    weir_rc rc = WEIR_OK;
    session *s = NULL;
    if (v->c->capture->apply) {
        s = flow_server_session(v, &l, name_get(body, "capture"), e);
        rc = s ? flow_server_attended(v, s, do_apply, body, e) : e->rc;
    }
    if (!rc)
        rc = flow_server_respond(v, FLOW_APPLIED, VIEW("{}"), e);
    session_free(s);
    return rc;
}

/* ---- the capture itself ---- */

typedef struct acknowledger {
    flow_server *v;
    session *s;
    err error; /* what was wrong with the platform's messages */
} acknowledger;

static weir_rc take_acknowledge(acknowledger *a, const flow_message *m, err *e)
{
    if (m->kind != FLOW_ACKNOWLEDGE)
        return err_fail(e, WEIR_E_PROTOCOL, "a '%s' request while capturing", flow_kind_name(m->kind));
    uint64_t n = 0;
    weir_view count = weir_json_at(m->body, "/checkpoints");
    if (count.len && !number_to_u64(count, &n))
        return err_fail(e, WEIR_E_PROTOCOL, "acknowledge.checkpoints is not a count: %.*s", VIEW_ARG(count));
    return session_acked(a->s, (size_t)n, e);
}

/* The platform's stream is readable: take every whole message. False: watch it no more. */
static bool on_input(void *arg)
{
    acknowledger *a = arg;
    flow_stream *in = &a->v->in;
    bool more = true, open = true;
    flow_message m;
    weir_rc rc = flow_stream_fill(in, &open, &a->error);
    while (!rc && more && (flow_stream_ready(in) || !open)) { /* at its end, half a message is an error */
        rc = flow_stream_next(in, FLOW_REQUEST, &m, &more, &a->error);
        if (!rc && more)
            rc = take_acknowledge(a, &m, &a->error);
    }
    if (rc)
        session_stop(a->s);
    return !rc && open;
}

static weir_rc capture(flow_server *v, session *s, writer *w, err *e)
{
    acknowledger a = {.v = v, .s = s};
    const bool acks = v->c->capture->acked != NULL;
    if (acks && flow_stream_ready(&v->in))
        return err_fail(e, WEIR_E_PROTOCOL, "a request before Opened");
    const conductor_options o = {
        .s = s, .w = w, .stop_fd = v->o->stop_fd, .in = v->o->in, .on_input = acks ? on_input : NULL, .arg = &a,
    };
    conductor *c = conductor_start(&o, e);
    if (!c)
        return e->rc;
    weir_rc rc = session_pull(s, e);
    conductor_end(c);
    err flush = {0};
    weir_rc flushed = writer_flush(w, &flush);
    if (!rc && flushed)
        rc = err_move(e, &flush);
    if (!rc && a.error.rc)
        rc = err_move(e, &a.error);
    err_free(&flush);
    err_free(&a.error);
    return rc;
}

static weir_rc on_open(flow_server *v, const tree *body, err *e)
{
    writer *w = writer_new(v->o->out, v->in.codec == FLOW_JSON ? &flow_json_framing : &flow_protobuf_framing);
    session *s = w ? flow_server_session(v, writer_listener(w), name_get(body, "capture"), e) : NULL;
    weir_rc rc = s ? flow_server_attended(v, s, open_task, body, e) : err_nomem(e);
    if (!rc)
        rc = capture(v, s, w, e);
    session_free(s);
    writer_free(w);
    v->done = true;
    return rc;
}

static const flow_handler capture_handlers[] = {
    {FLOW_DISCOVER, on_discover}, {FLOW_VALIDATE, on_validate}, {FLOW_APPLY, on_apply}, {FLOW_OPEN, on_open}, {FLOW_NONE, NULL},
};

static weir_rc handle(flow_server *v, const flow_message *m, err *e)
{
    const flow_handler *h = v->handlers;
    while (h->kind && h->kind != m->kind)
        h++;
    if (m->kind == FLOW_SPEC)
        return on_spec(v, NULL, e);
    if (!h->kind)
        return err_fail(e, WEIR_E_PROTOCOL, "request '%s' before open", flow_kind_name(m->kind));
    tree *body;
    weir_view kept = arena_dup(&v->arena, m->body); /* more messages come while this one is still needed */
    weir_rc rc = kept.ptr ? tree_parse(&v->arena, kept, NULL, WEIR_E_PROTOCOL, &body, e) : err_nomem(e);
    return rc ? rc : h->handle(v, body, e);
}

weir_rc flow_server_await(flow_server *v, int stop_fd, err *e)
{
    bool more = true;
    weir_rc rc = WEIR_OK;
    while (!rc && more && !flow_stream_ready(&v->in)) {
        struct pollfd fds[2] = {{v->o->in, POLLIN, 0}, {stop_fd, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0)
            continue;
        rc = fds[1].revents ? err_fail(e, WEIR_STOPPED, "stopped by a signal") : flow_stream_fill(&v->in, &more, e);
    }
    return rc;
}

weir_rc flow_serve(const weir_connector *c, const serve_options *o, serve_end *end, err *e)
{
    flow_server v = c->capture       ? (flow_server){.in_dir = FLOW_REQUEST, .out_dir = FLOW_RESPONSE, .handlers = capture_handlers}
                    : c->materialize ? (flow_server){.in_dir = FLOW_MATERIALIZE_REQUEST, .out_dir = FLOW_MATERIALIZE_RESPONSE, .handlers = flow_materialize_handlers}
                                     : (flow_server){.in_dir = FLOW_DERIVE_REQUEST, .out_dir = FLOW_DERIVE_RESPONSE, .handlers = flow_derive_handlers};
    v.c = c;
    v.o = o;
    (void)end;
    if (o->arg_count)
        return err_fail(e, WEIR_E_CONFIG, "unknown argument '%s': see %s --help", o->args[0], o->program);
    weir_rc rc = flow_stream_init(&v.in, o->in, getenv("FLOW_RUNTIME_CODEC"), "standard input", e);
    while (!rc && !v.done) {
        flow_message m;
        bool more;
        rc = flow_server_await(&v, o->stop_fd, e);
        if (!rc)
            rc = flow_stream_next(&v.in, v.in_dir, &m, &more, e);
        if (rc || !more)
            break;
        rc = handle(&v, &m, e);
        if (rc)
            err_wrap(e, rc, "%s", flow_kind_name(m.kind));
        arena_reset(&v.arena);
    }
    flow_stream_free(&v.in);
    arena_free(&v.arena);
    buf_free(&v.out);
    return rc;
}
