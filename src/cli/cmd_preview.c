#include <stdlib.h>

#include "cli/printing.h"
#include "json/patch.h"
#include "json/text.h"
#include "run/combine.h"

/* Documents as ["collection",{doc}], checkpoints, if wanted, as ["connectorState",{...}]; the state is kept for the next session. */
typedef struct preview {
    framing base;
    bool output_state;
    buf state;
    bool failed;
} preview;

static bool outlet_of(const framing *f, arena *a, const weir_binding *b, outlet *o)
{
    (void)f;
    buf name = {0};
    buf_addc(&name, '[');
    json_quote(&name, b->name);
    buf_addc(&name, ',');
    o->prefix = arena_dup(a, buf_view(&name));
    o->suffix = VIEW("]\n");
    bool ok = buf_ok(&name) && o->prefix.ptr;
    buf_free(&name);
    return ok;
}

static void on_truncate(const framing *f, buf *out, lane *ln, const weir_binding *b)
{
    (void)f;
    const outlet *o = &ln->outlets[b->index];
    buf_addv(out, o->prefix);
    buf_adds(out, TRUNCATION_TEXT);
    buf_addv(out, o->suffix);
}

static void on_checkpoint(const framing *f, buf *out, const lane *ln, const checkpoint *c)
{
    (void)ln;
    preview *p = (preview *)(uintptr_t)f->context;
    buf next = {0};
    if (c->merge)
        p->failed |= !patch_apply(&next, p->state.len ? buf_view(&p->state) : VIEW("{}"), c->state);
    else
        buf_addv(&next, c->state);
    p->failed |= !buf_ok(&next);
    buf_free(&p->state);
    p->state = next;
    if (!p->output_state)
        return;
    buf_adds(out, "[\"connectorState\",{\"updated\":");
    buf_addv(out, c->state);
    buf_adds(out, c->merge ? ",\"mergePatch\":true}]\n" : "}]\n");
}

/* "2,1,-1": the limits of successive sessions; -1 is none. */
static weir_rc next_limit(const char **list, uint64_t *ret, err *e)
{
    char *end;
    long n = strtol(*list, &end, 10);
    if (end == *list || (*end && *end != ',') || (*end && !end[1]) || n == 0 || n < -1)
        return err_fail(e, WEIR_E_CONFIG, "--sessions is a list of numbers of transactions, such as 2,1,-1: '%s'", *list);
    *ret = n < 0 ? 0 : (uint64_t)n;
    *list = *end ? end + 1 : end;
    return WEIR_OK;
}

static const char *list_of(const cli *c) { return c->a.sessions ? c->a.sessions : "-1"; }

static weir_rc check_list(const cli *c, err *e)
{
    const char *list = list_of(c);
    uint64_t limit;
    weir_rc rc;
    do
        rc = next_limit(&list, &limit, e);
    while (!rc && *list);
    return rc;
}

static weir_rc sessions(cli *c, prepared *p, weir_view initial_state, int64_t timeout_ms, err *e)
{
    preview v = {.base = {.outlet = outlet_of, .checkpoint = on_checkpoint, .truncate = on_truncate}, .output_state = c->a.output_state};
    v.base.context = &v;
    const char *list = list_of(c);
    weir_rc rc = WEIR_OK;
    bool stopped = false;
    buf_addv(&v.state, initial_state);
    while (!rc && !stopped && *list) {
        uint64_t limit = 0;
        buf state = {0};
        rc = next_limit(&list, &limit, e);
        buf_addv(&state, buf_view(&v.state));
        if (!rc && !(buf_ok(&state) && buf_ok(&v.state)))
            rc = err_nomem(e);
        if (!rc)
            rc = print_session(c, p, &v.base, buf_view(&state), limit, timeout_ms, &stopped, e);
        buf_free(&state);
        if (!rc && v.failed)
            rc = err_nomem(e);
    }
    buf_free(&v.state);
    return rc;
}

weir_rc cmd_preview(cli *c, err *e)
{
    catalog cat = {0};
    arena a = {0};
    weir_view state = {0};
    const task *t;
    prepared p;
    int64_t timeout_ms = 0;
    weir_rc rc = cli_duration(c->a.timeout, "timeout", 0, &timeout_ms, e);
    if (!rc)
        rc = check_list(c, e);
    if (!rc)
        rc = cli_initial_state(c, &a, &state, e);
    if (!rc)
        rc = cli_task(c, &cat, TASK_CAPTURE, &t, e);
    cli_live *l = rc ? NULL : cli_live_new(c, e);
    if (!rc && !l)
        rc = e->rc;
    if (!rc) {
        const prepare_options o = cli_prepare_options(c, l);
        rc = prepare_task(&p, t, &o, e);
        if (!rc) {
            rc = sessions(c, &p, state, timeout_ms, e);
            prepared_free(&p);
        }
        err_wrap(e, rc, "capture %.*s", VIEW_ARG(t->name));
    }
    cli_live_free(l);
    catalog_free(&cat);
    arena_free(&a);
    return rc;
}
