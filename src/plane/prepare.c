#include "plane/prepare.h"

#include "json/patch.h"
#include "model/state.h"
#include "plane/columns.h"

/* What validation says of resource paths. */
typedef struct path_listener {
    listener base;
    prepared *p;
} path_listener;

weir_rc prepared_take_path(prepared *p, weir_task *t, const weir_binding *b, weir_view path)
{
    p->bindings[b->index].resource_path = arena_dup(&p->arena, path);
    return p->bindings[b->index].resource_path.ptr ? WEIR_OK : err_nomem(task_error(t));
}

weir_rc prepared_take_constraint(prepared *p, weir_task *t, const weir_binding *b, const weir_column *column, weir_need need, weir_view reason)
{
    return demands_take(&p->demands[b->index], &p->arena, b, column, need, reason, task_error(t));
}

weir_rc prepared_take_fold(prepared *p, weir_task *t, const weir_binding *b, const weir_column *column, weir_view name)
{
    return demands_fold(&p->demands[b->index], &p->arena, b, column, name, task_error(t));
}

/* A destination that relays gets documents only, and of them demands nothing but that. */
static weir_rc obey(void *unused, prepared *p, size_t i, err *e)
{
    (void)unused;
    const weir_materialize *m = p->end.connector->materialize;
    if (p->t->kind == TASK_MATERIALIZE && m && !m->relay)
        return columns_choose(&p->arena, p->t->bindings[i].collection, &p->t->bindings[i], &p->demands[i], NULL, &p->bindings[i], NULL, e);
    return demands_obey(&p->demands[i], &p->arena, &p->bindings[i], e);
}

weir_rc prepared_each(prepared *p, weir_rc (*look)(void *arg, prepared *p, size_t i, err *e), void *arg, err *e)
{
    buf problems = {0};
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < p->count && rc != WEIR_E_NOMEM; i++) {
        weir_rc one = look(arg, p, i, e);
        rc = one ? one : rc;
        if (one)
            buf_printf(&problems, "%sbinding %.*s: %s", problems.len ? "\n" : "", VIEW_ARG(p->bindings[i].name), err_text(e));
    }
    if (rc)
        rc = buf_ok(&problems) ? err_fail(e, rc, "%s", buf_text(&problems)) : err_nomem(e);
    buf_free(&problems);
    return rc;
}

weir_rc prepared_obey(prepared *p, err *e) { return prepared_each(p, obey, NULL, e); }

const tree *prepared_config(const prepared *p)
{
    return p->o.config ? p->o.config : p->t->endpoint.config;
}

static weir_rc take_path(listener *l, weir_task *t, const weir_binding *b, weir_view path)
{
    return prepared_take_path(((path_listener *)l)->p, t, b, path);
}

static weir_rc take_constraint(listener *l, weir_task *t, const weir_binding *b, const weir_column *column, weir_need need, weir_view reason)
{
    return prepared_take_constraint(((path_listener *)l)->p, t, b, column, need, reason);
}

static weir_rc take_fold(listener *l, weir_task *t, const weir_binding *b, const weir_column *column, weir_view name)
{
    return prepared_take_fold(((path_listener *)l)->p, t, b, column, name);
}

static weir_rc take_rules(listener *l, weir_task *t, const weir_binding *b, const weir_rules *rules)
{
    (void)t;
    ((path_listener *)l)->p->demands[b->index].rules = *rules;
    return WEIR_OK;
}

static const listener_ops path_ops = {.resource_path = take_path, .constrain = take_constraint, .fold = take_fold, .rules = take_rules};

static weir_binding binding_of(arena *a, const task_binding *from, task_kind kind)
{
    buf text = {0};
    tree_write(&text, from->resource);
    const collection *k = from->collection;
    weir_binding b = {
        .name = k->name, .schema = kind == TASK_CAPTURE ? k->write_schema_json : k->read_schema_json, .key = k->key_json,
        .resource_json = arena_dup(a, buf_view(&text)), .backfill = from->backfill,
    };
    a->failed |= !buf_ok(&text);
    buf_free(&text);
    return b;
}

static weir_rc make_bindings(prepared *p, err *e)
{
    const task *t = p->t;
    p->bindings = arena_array(&p->arena, t->binding_count, sizeof *p->bindings);
    p->resources = arena_array(&p->arena, t->binding_count, sizeof *p->resources);
    p->demands = arena_array(&p->arena, t->binding_count, sizeof *p->demands);
    for (size_t i = 0; !p->arena.failed && i < t->binding_count; i++) {
        p->bindings[i] = binding_of(&p->arena, &t->bindings[i], t->kind);
        p->resources[i] = t->bindings[i].resource;
    }
    p->count = t->binding_count;
    return p->arena.failed ? err_nomem(e) : WEIR_OK;
}

static weir_rc find_path(prepared *p, size_t i, err *e)
{
    weir_binding *b = &p->bindings[i];
    buf text = {0};
    weir_rc rc = WEIR_OK;
    if (!b->resource_path.len) {
        rc = spec_resource_path(p->end.connector, p->resources[i], &text, e);
        b->resource_path = arena_dup(&p->arena, buf_view(&text));
    }
    buf_clear(&text);
    if (!rc && !state_key(&text, b->resource_path, b->backfill))
        rc = err_fail(e, WEIR_E_PROTOCOL, "resource path %.*s is no list of strings", VIEW_ARG(b->resource_path));
    b->state_key = arena_dup(&p->arena, buf_view(&text));
    buf_free(&text);
    for (size_t k = 0; !rc && k < i; k++)
        if (json_equal(p->bindings[k].resource_path, b->resource_path))
            rc = err_fail(e, WEIR_E_CONFIG, "bindings %zu and %zu are the same resource %.*s", k, i, VIEW_ARG(b->resource_path));
    return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
}

weir_rc prepare_paths(prepared *p, err *e)
{
    for (size_t i = 0; i < p->count; i++) {
        weir_rc rc = find_path(p, i, e);
        if (rc)
            return rc;
    }
    return p->arena.failed ? err_nomem(e) : WEIR_OK;
}

session *prepared_session(const prepared *p, listener *l, err *e)
{
    session *s = session_new(&(session_options){.connector = p->end.connector, .to = l, .log = p->o.log, .task_name = p->t->name, .runs_ahead = p->o.runs_ahead,
                                                .last_spec = p->o.last_spec, .last_version = p->o.last_version,
                                                .key_begin = p->o.key_begin, .key_end = p->o.key_end});
    if (!s)
        err_nomem(e);
    return s;
}

static weir_rc operate(prepared *p, weir_rc (*op)(session *, err *), const char *what, err *e)
{
    path_listener l = {{&path_ops}, p};
    session *s = prepared_session(p, &l.base, e);
    if (!s)
        return e->rc;
    p->o.live(p->o.arg, s);
    weir_rc rc = session_open(s, prepared_config(p), e);
    if (!rc)
        rc = session_bind(s, p->bindings, p->resources, p->count, (weir_view){0}, e);
    if (!rc)
        rc = err_wrap(e, op(s, e), "%s", what);
    p->o.live(p->o.arg, NULL);
    session_free(s);
    return rc;
}

weir_rc prepare_begin(prepared *p, const task *t, const prepare_options *o, err *e)
{
    *p = (prepared){.t = t, .o = *o};
    weir_rc rc = endpoint_open(t, o->natives, o->log, o->stop_fd, &p->end, e);
    if (!rc)
        rc = make_bindings(p, e);
    if (rc)
        prepared_free(p);
    return rc;
}

weir_rc prepare_validate(prepared *p, err *e)
{
    weir_rc rc = operate(p, session_validate, "validate", e);
    if (!rc)
        rc = prepare_paths(p, e);
    return rc ? rc : prepared_obey(p, e);
}

weir_rc prepare_apply(prepared *p, err *e)
{
    return operate(p, session_apply, "apply", e);
}

weir_rc prepare_task(prepared *p, const task *t, const prepare_options *o, err *e)
{
    weir_rc rc = prepare_begin(p, t, o, e);
    if (rc)
        return rc;
    rc = prepare_validate(p, e);
    if (!rc)
        rc = prepare_apply(p, e);
    if (rc)
        prepared_free(p);
    return rc;
}

void prepared_free(prepared *p)
{
    endpoint_close(&p->end);
    arena_free(&p->arena);
}
