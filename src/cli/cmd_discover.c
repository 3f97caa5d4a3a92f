#include "cli/command.h"
#include "proto/flow/flow.h"

typedef struct collecting {
    listener base;
    arena a;
    buf streams; /* array of found */
    buf raw;     /* lines */
} collecting;

static weir_rc take(listener *l, weir_task *t, const weir_stream *s, weir_view resource, weir_view path)
{
    collecting *c = (collecting *)l;
    buf schema = {0};
    if (s->updates) /* otherwise our data plane needs to be told nothing */
        flow_stream_schema(s, &schema);
    found f = {
        .name = arena_dup(&c->a, s->name), .resource = arena_dup(&c->a, resource), .schema = arena_dup(&c->a, schema.len ? buf_view(&schema) : s->schema),
        .key = arena_dup(&c->a, s->key.len ? s->key : VIEW("[]")), .path = arena_dup(&c->a, path), .disabled = s->disabled,
        .fallback_key = s->fallback_key,
    };
    c->a.failed |= !buf_ok(&schema);
    buf_free(&schema);
    buf_add(&c->streams, &f, sizeof f);
    flow_discovered_binding(s, resource, path, &c->raw);
    buf_addc(&c->raw, '\n');
    return buf_ok(&c->streams) && buf_ok(&c->raw) && !c->a.failed ? WEIR_OK : err_nomem(task_error(t));
}

static const listener_ops ops = {.discovered = take};

static weir_rc path_of(void *arg, const tree *resource, buf *out, err *e)
{
    const prepared *p = arg;
    return spec_resource_path(p->end.connector, resource, out, e);
}

static weir_rc write_catalog(const catalog *cat, prepared *p, const collecting *found_streams, err *e)
{
    buf report = {0};
    weir_rc rc = catalog_write_discovered(cat, p->t, (const found *)(const void *)found_streams->streams.ptr,
                                          found_streams->streams.len / sizeof(found), path_of, p, &report, e);
    if (!rc)
        rc = cli_print(&report, e);
    buf_free(&report);
    return rc;
}

static weir_rc discover(cli *c, const catalog *cat, prepared *p, err *e)
{
    collecting k = {.base = {&ops}};
    session *s = prepared_session(p, &k.base, e);
    weir_rc rc = s ? WEIR_OK : e->rc;
    if (!rc) {
        p->o.live(p->o.arg, s);
        rc = session_open(s, p->t->endpoint.config, e);
        if (!rc)
            rc = err_wrap(e, session_discover(s, e), "discover");
        p->o.live(p->o.arg, NULL);
    }
    if (!rc)
        rc = c->a.emit_raw ? cli_print(&k.raw, e) : write_catalog(cat, p, &k, e);
    session_free(s);
    buf_free(&k.streams);
    buf_free(&k.raw);
    arena_free(&k.a);
    return rc;
}

weir_rc cmd_discover(cli *c, err *e)
{
    catalog cat = {0};
    const task *t;
    prepared p;
    weir_rc rc = cli_task(c, &cat, TASK_CAPTURE, &t, e);
    cli_live *l = rc ? NULL : cli_live_new(c, e);
    if (!rc && !l)
        rc = e->rc;
    if (!rc) {
        const prepare_options o = cli_prepare_options(c, l);
        rc = prepare_begin(&p, t, &o, e);
    }
    if (!rc) {
        rc = err_wrap(e, discover(c, &cat, &p, e), "capture %.*s", VIEW_ARG(t->name));
        prepared_free(&p);
    }
    cli_live_free(l);
    catalog_free(&cat);
    return rc;
}
