/* A run of a derivation: what it makes and of what, then transactions of reading, flushing, committing. */
#include "run/task.h"

/* ---- what it makes, and of what ---- */

static weir_rc make_picker(session *s, const weir_transform *x, err *e)
{
    weir_view *pointers = arena_array(&s->arena, x->column_count, sizeof *pointers);
    if (!pointers)
        return err_nomem(e);
    for (size_t i = 0; i < x->column_count; i++)
        pointers[i] = x->columns[i].pointer;
    return picker_make(&s->arena, pointers, x->column_count, &s->pickers[x->index], e);
}

static weir_rc take_transform(session *s, weir_transform *x, const tree *lambda, err *e)
{
    weir_rc rc = session_parse_resource(s, lambda, "lambda", &x->lambda, e);
    return rc || !s->pickers ? rc : make_picker(s, x, e);
}

static weir_rc take_transforms(session *s, weir_transform *x, size_t count, const tree *const *lambdas, err *e)
{
    buf problems = {0};
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < count && rc != WEIR_E_NOMEM; i++) {
        x[i].index = (uint32_t)i;
        weir_rc one = take_transform(s, &x[i], lambdas[i], e);
        if (one) {
            rc = one;
            buf_printf(&problems, "%stransform %.*s: %s", problems.len ? "\n" : "", VIEW_ARG(x[i].name), err_text(e));
        }
    }
    if (rc)
        rc = buf_ok(&problems) ? err_fail(e, rc, "%s", buf_text(&problems)) : err_nomem(e);
    buf_free(&problems);
    return rc;
}

weir_rc session_derive(session *s, weir_derivation *d, weir_binding *to, weir_transform *transforms, const tree *const *lambdas, weir_view state, err *e)
{
    const weir_connector *c = s->connector;
    if (!c->derive)
        return err_fail(e, WEIR_E_CONFIG, "'%s' is no derivation", c->name);
    weir_rc rc = session_mask_settings(s, c->resource, c->resource_schema, lambdas, d->count, e);
    if (!rc)
        rc = session_take_bindings(s, to, 1, state, e);
    if (!rc && c->derive->wants_values) {
        s->pickers = arena_array(&s->arena, d->count, sizeof(picker *));
        rc = s->pickers ? WEIR_OK : err_nomem(e);
    }
    if (!rc)
        rc = take_transforms(s, transforms, d->count, lambdas, e);
    d->to = to;
    d->transforms = transforms;
    s->derivation = d;
    return rc;
}

/* ---- callbacks ---- */

typedef weir_rc derivation_callback(weir_task *, void *self, const weir_derivation *);

typedef struct derivation_work {
    derivation_callback *fn;
    const weir_derivation *d;
} derivation_work;

static weir_rc do_derivation(weir_task *t, void *self, void *arg)
{
    const derivation_work *w = arg;
    return w->fn(t, self, w->d);
}

static weir_rc call_derivation(session *s, derivation_callback *fn, err *e)
{
    derivation_work w = {fn, s->derivation};
    return fn ? session_call(s, do_derivation, &w, e) : WEIR_OK;
}

weir_rc session_validate_derivation(session *s, err *e) { return call_derivation(s, s->connector->derive->validate, e); }
weir_rc session_begin(session *s, err *e) { return call_derivation(s, s->connector->derive->begin, e); }

/* One of those in which documents are published. */
static weir_rc call_publishing(session *s, weir_rc (*fn)(weir_task *, void *self, void *arg), void *arg, err *e)
{
    s->publishing = true;
    weir_rc rc = session_call(s, fn, arg, e);
    s->publishing = false;
    return rc;
}

typedef struct reads_work {
    const weir_derive *c;
    const weir_read *reads;
    size_t count;
} reads_work;

static weir_rc do_read(weir_task *t, void *self, void *arg)
{
    const reads_work *w = arg;
    return w->c->read(t, self, w->reads, w->count);
}

static weir_rc pick_values(session *s, weir_read *r, err *e)
{
    const weir_transform *x = r->transform;
    weir_view *values = arena_array(&s->values, x->column_count, sizeof *values);
    if (!values)
        return err_nomem(e);
    r->values = values;
    if (picker_run(s->pickers[x->index], r->doc, values))
        return WEIR_OK;
    return err_fail(e, WEIR_E_REMOTE, "transform %.*s: a document of %.*s is not JSON", VIEW_ARG(x->name), VIEW_ARG(x->collection));
}

weir_rc session_read(session *s, weir_read *reads, size_t count, err *e)
{
    reads_work w = {s->connector->derive, reads, count};
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; s->pickers && !rc && i < count; i++)
        rc = pick_values(s, &reads[i], e);
    if (!rc && count)
        rc = call_publishing(s, do_read, &w, e);
    arena_reset(&s->values);
    return rc;
}

static weir_rc do_flush(weir_task *t, void *self, void *arg)
{
    (void)arg;
    return t->s->connector->derive->flush(t, self);
}

weir_rc session_flush_derivation(session *s, err *e)
{
    return s->connector->derive->flush ? call_publishing(s, do_flush, NULL, e) : WEIR_OK;
}

static weir_rc do_commit(weir_task *t, void *self, void *arg)
{
    const weir_view *position = arg;
    return t->s->connector->derive->commit(t, self, *position);
}

weir_rc session_commit_derivation(session *s, weir_view position, err *e)
{
    return s->connector->derive->commit ? session_call(s, do_commit, &position, e) : WEIR_OK;
}

static weir_rc do_reset(weir_task *t, void *self, void *arg)
{
    (void)arg;
    return t->s->connector->derive->reset(t, self);
}

weir_rc session_reset(session *s, err *e)
{
    s->initial_state = (weir_view){0};
    return s->connector->derive->reset ? session_call(s, do_reset, NULL, e) : WEIR_OK;
}
