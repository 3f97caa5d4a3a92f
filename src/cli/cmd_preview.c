#include <stdlib.h>

#include "cli/printing.h"
#include "json/patch.h"
#include "json/text.h"
#include "plane/preview.h"
#include "run/combine.h"

/* Documents of a capture as ["collection",{doc}], of a derivation as they are; checkpoints, if wanted, as ["connectorState",{...}]; the state is kept for the next
 * session. */
typedef struct preview {
    framing base; /* of a capture */
    buf line;     /* of a derivation */
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

static weir_rc show_capture(cli *c, const task *t, weir_view state, int64_t timeout_ms, err *e)
{
    prepared p;
    cli_live *l = cli_live_new(c, e);
    if (!l)
        return e->rc;
    const prepare_options o = cli_prepare_options(c, l);
    weir_rc rc = prepare_task(&p, t, &o, e);
    if (!rc) {
        rc = sessions(c, &p, state, timeout_ms, e);
        prepared_free(&p);
    }
    cli_live_free(l);
    return rc;
}

/* ---- derivations ---- */

static weir_rc print_published(void *arg, weir_view doc, err *e)
{
    buf *line = &((preview *)arg)->line;
    buf_clear(line);
    buf_addv(line, doc);
    buf_addc(line, '\n');
    return cli_print(line, e);
}

static weir_rc print_state(void *arg, weir_view state, err *e)
{
    preview *v = arg;
    if (!v->output_state)
        return WEIR_OK;
    buf_clear(&v->line);
    buf_printf(&v->line, state.len ? "[\"connectorState\",{\"updated\":%.*s}]\n" : "[\"connectorState\",{}]\n", VIEW_ARG(state));
    return cli_print(&v->line, e);
}

static weir_rc limits_of(const cli *c, arena *a, preview_options *o, err *e)
{
    const char *list = list_of(c);
    uint64_t *limits = arena_array(a, strlen(list), sizeof *limits); /* each is a character at least */
    weir_rc rc = limits ? WEIR_OK : err_nomem(e);
    while (!rc && *list)
        rc = next_limit(&list, &limits[o->session_count++], e);
    o->sessions = limits;
    return rc;
}

static weir_rc show_derivation(cli *c, const catalog *cat, const task *t, weir_view state, arena *a, err *e)
{
    preview v = {.output_state = c->a.output_state};
    cli_live *l = cli_live_new(c, e);
    if (!l)
        return e->rc;
    const prepare_options live = cli_prepare_options(c, l);
    preview_options o = {
        .catalog = cat, .t = t, .natives = live.natives, .log = live.log, .stop_fd = live.stop_fd, .fixture = c->a.fixture,
        .data_dir = cli_data(c), .state = state, .published = print_published, .committed = print_state, .arg = &v,
        .live = live.live, .live_arg = live.arg,
    };
    weir_rc rc = limits_of(c, a, &o, e);
    if (!rc)
        rc = preview_derivation(&o, e);
    if (rc == WEIR_STOPPED) {
        err_clear(e);
        rc = WEIR_OK;
    }
    buf_free(&v.line);
    cli_live_free(l);
    return rc;
}

/* ---- which ---- */

/* Without a name the only capture, or, where there is none, the only derivation. */
static weir_rc find_task(const cli *c, const catalog *cat, const task **ret, err *e)
{
    task_kind kind = TASK_DERIVE;
    for (size_t i = 0; i < cat->task_count; i++)
        if (cat->tasks[i].kind == TASK_CAPTURE)
            kind = TASK_CAPTURE;
    weir_rc rc = catalog_task(cat, view_of(c->a.name), c->a.name ? -1 : (int)kind, ret, e);
    if (!rc && (*ret)->kind == TASK_MATERIALIZE)
        rc = err_fail(e, WEIR_E_CONFIG, "\"%s\" is a materialization: it makes no documents that could be shown", c->a.name);
    if (!rc && (*ret)->kind == TASK_CAPTURE && (c->a.fixture || c->a.data))
        rc = err_fail(e, WEIR_E_CONFIG, "--fixture and --data are for derivations, and \"%.*s\" is a capture", VIEW_ARG((*ret)->name));
    return rc;
}

weir_rc cmd_preview(cli *c, err *e)
{
    catalog cat = {0};
    arena a = {0};
    weir_view state = {0};
    const task *t;
    int64_t timeout_ms = 0;
    weir_rc rc = cli_duration(c->a.timeout, "timeout", 0, &timeout_ms, e);
    if (!rc)
        rc = check_list(c, e);
    if (!rc)
        rc = cli_initial_state(c, &a, &state, e);
    if (!rc)
        rc = catalog_read(&cat, c->a.source ? c->a.source : "flow.yaml", e);
    if (!rc)
        rc = find_task(c, &cat, &t, e);
    if (!rc) {
        rc = t->kind == TASK_DERIVE ? show_derivation(c, &cat, t, state, &a, e) : show_capture(c, t, state, timeout_ms, e);
        err_wrap(e, rc, "%s %.*s", task_kind_name(t->kind), VIEW_ARG(t->name));
    }
    catalog_free(&cat);
    arena_free(&a);
    return rc;
}
