#include "cli/command.h"
#include "json/write.h"
#include "plane/columns.h"
#include "plane/derivation.h"
#include "plane/learned.h"

/* @param ret NULL: nothing was learned of it */
static weir_rc inferred_tree(learned *known, const collection *c, arena *a, const tree **ret, err *e)
{
    const weir_view text = learned_schema(known, c, a);
    tree *t = NULL;
    weir_rc rc = text.len ? tree_parse(a, text, NULL, WEIR_E_BUG, &t, e) : WEIR_OK;
    *ret = t;
    return rc;
}

/* A destination is asked about its columns too. */
static weir_rc add_columns(prepared *p, learned *known, err *e)
{
    for (size_t i = 0; p->t->kind == TASK_MATERIALIZE && i < p->count; i++) {
        const task_binding *b = &p->t->bindings[i];
        const tree *inferred;
        weir_column *columns;
        weir_rc rc = inferred_tree(known, b->collection, &p->arena, &inferred, e);
        if (!rc)
            rc = columns_possible(&p->arena, b->collection, b, inferred, &columns, &p->bindings[i].column_count, &p->bindings[i].key_count, e);
        if (rc)
            return err_wrap(e, rc, "binding %.*s", VIEW_ARG(p->bindings[i].name));
        p->bindings[i].columns = columns;
    }
    return WEIR_OK;
}

/* {"name":NAME,"WHAT":[ ... */
static json_out begin_line(buf *out, weir_view name, const char *what)
{
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_text(out_name(&w, "name"), name);
    out_open(out_name(&w, what), '[');
    return w;
}

static weir_rc print_line(json_out *w, buf *out, err *e)
{
    out_close(w, ']');
    out_close(w, '}');
    buf_addc(out, '\n');
    weir_rc rc = cli_print(out, e);
    buf_free(out);
    return rc;
}

static weir_rc print_paths(const prepared *p, err *e)
{
    buf out = {0};
    json_out w = begin_line(&out, p->t->name, "bindings");
    for (size_t i = 0; i < p->count; i++) {
        out_open(&w, '{');
        out_text(out_name(&w, "collection"), p->bindings[i].name);
        out_raw(out_name(&w, "resourcePath"), p->bindings[i].resource_path);
        out_close(&w, '}');
    }
    return print_line(&w, &out, e);
}

static weir_rc print_transforms(const weir_derivation *d, err *e)
{
    buf out = {0};
    json_out w = begin_line(&out, d->to->name, "transforms");
    for (size_t i = 0; i < d->count; i++) {
        out_open(&w, '{');
        out_text(out_name(&w, "name"), d->transforms[i].name);
        out_text(out_name(&w, "collection"), d->transforms[i].collection);
        out_bool(out_name(&w, "readOnly"), d->transforms[i].read_only);
        out_close(&w, '}');
    }
    return print_line(&w, &out, e);
}

typedef struct validating {
    const prepare_options *o;
    learned *learned;
} validating;

static void set_live(void *arg, session *s) { ((validating *)arg)->o->live(((validating *)arg)->o->arg, s); }
static weir_view inferred_of(void *arg, const collection *c, arena *a) { return learned_schema(((validating *)arg)->learned, c, a); }

static weir_rc validate_derivation(const task *t, const prepare_options *o, learned *known, err *e)
{
    derivation *d = NULL;
    validating v = {o, known};
    weir_rc rc = derivation_open(&d, &(derivation_options){.t = t, .natives = o->natives, .log = o->log, .stop_fd = o->stop_fd, .inferred = inferred_of,
                                                           .live = set_live, .arg = &v, .validate_only = true}, e);
    if (!rc)
        rc = print_transforms(derivation_of(d), e);
    derivation_close(d);
    return rc;
}

static weir_rc validate_bindings(const task *t, const prepare_options *o, learned *known, err *e)
{
    prepared p;
    weir_rc rc = prepare_begin(&p, t, o, e);
    if (!rc) {
        rc = add_columns(&p, known, e);
        if (!rc)
            rc = prepare_validate(&p, e);
        if (!rc)
            rc = print_paths(&p, e);
        prepared_free(&p);
    }
    return rc;
}

static weir_rc validate(cli *c, const task *t, err *e)
{
    cli_live *l = cli_live_new(c, e);
    if (!l)
        return e->rc;
    const prepare_options o = cli_prepare_options(c, l);
    learned *known;
    weir_rc rc = learned_open(&known, cli_data(c), e);
    if (!rc)
        rc = t->kind == TASK_DERIVE ? validate_derivation(t, &o, known, e) : validate_bindings(t, &o, known, e);
    learned_close(known);
    cli_live_free(l);
    return err_wrap(e, rc, "%s %.*s", task_kind_name(t->kind), VIEW_ARG(t->name));
}

weir_rc cmd_validate(cli *c, err *e)
{
    catalog cat = {0};
    const task *t = NULL;
    weir_rc rc = c->a.name ? cli_task(c, &cat, -1, &t, e) : catalog_read(&cat, c->a.source ? c->a.source : "flow.yaml", e);
    if (!rc && t)
        rc = validate(c, t, e);
    for (size_t i = 0; !rc && !t && i < cat.task_count; i++)
        rc = validate(c, &cat.tasks[i], e);
    catalog_free(&cat);
    return rc;
}
