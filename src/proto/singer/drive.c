/* Being the platform for a Singer tap: an executable becomes an ordinary weir_connector (singer.md 2, 3, 11; to Flow as flow-sdk's shim does it, 10).
 *
 * Every operation begins with the tap's discovery, which is also the connection test: a dry run of a record, as flow-sdk makes one in its own process,
 * would cost a whole sync with an arbitrary executable.
 */
#include <stdlib.h>

#include "proto/singer/tapped.h"
#include "proto/singer/tapped_schema.h"

/* How a tap takes its catalog (singer.md 4): the first that it knows. */
static const struct catalog_flag {
    const char *flag; /* NULL: not at all */
    bool in_schema;
} catalog_flags[] = {{"--catalog", false}, {"--properties", true}, {NULL, false}};
enum { CATALOG_FLAGS = sizeof catalog_flags / sizeof *catalog_flags };

/* ---- discover and validate ---- */

static weir_rc report_stream(weir_task *t, const singer_driven_run *r, arena *a, const tree *entry)
{
    err *e = task_error(t);
    bool flow = r->d->o.flow_documents;
    tapped_stream s;
    buf schema = {0}, whole = {0};
    weir_rc rc = singer_tapped_describe(a, entry, flow ? VIEW(FLOWDOC_KEY) : (weir_view){0}, &s, e);
    if (!rc)
        rc = singer_tapped_schema(&schema, s.schema, e);
    if (!rc && flow)
        rc = flowdoc_schema(&whole, buf_view(&schema), &(flowdoc_rules){.row_id = VIEW(TAPPED_ROW_ID), .root_requires = true, .deletes = s.deletes}, e);
    if (!rc) {
        const weir_view path = weir_format(t, "[%s]", weir_quote(t, arena_text(a, s.id)));
        rc = weir_discovered(t, &(weir_stream){
            .name = s.id, .schema = buf_view(flow ? &whole : &schema), .key = s.key, .resource = s.resource, .resource_path = path, .cursors = s.cursors,
            .modes = s.modes, .fallback_key = view_is(s.key, FLOWDOC_KEY), .disabled = s.unsupported, .deletes = s.deletes,
        });
    }
    buf_free(&schema);
    buf_free(&whole);
    return err_wrap(e, rc, "stream '%.*s'", VIEW_ARG(singer_tapped_id(entry)));
}

static weir_rc discover(weir_task *t, void *self)
{
    singer_driven_run *r = self;
    arena a = {0};
    tree *catalog = NULL;
    bool known;
    weir_rc rc = singer_tapped_discover(t, r, &a, &catalog, &known);
    const tree *streams = rc ? NULL : tree_get(catalog, "streams");
    for (const tree *entry = streams ? streams->first : NULL; entry && !rc; entry = entry->next)
        rc = report_stream(t, r, &a, entry);
    if (streams && !streams->count)
        weir_log(t, WEIR_WARN, "the tap has discovered no streams");
    arena_free(&a);
    return rc;
}

static weir_rc validate(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    tapped_plan p = {.r = self, .b = b, .n = n};
    weir_rc rc = singer_tapped_plan(t, &p, false);
    for (size_t i = 0; i < n && !rc; i++) {
        err e = {0};
        if (singer_tapped_decide(&p, i, &e)) {
            weir_problem(t, &b[i], "%s", err_text(&e));
        } else {
            const char *id = arena_text(&p.a, singer_tapped_id(p.choices[i].entry));
            rc = weir_resource_path(t, &b[i], weir_format(t, "[%s]", weir_quote(t, id ? id : "")));
        }
        err_free(&e);
    }
    arena_free(&p.a);
    return rc;
}

/* ---- the process ---- */

static weir_rc put_papers(tapped_pull *p, const struct catalog_flag *flag, const char **args)
{
    err *e = task_error(p->t);
    size_t n = 0;
    buf catalog = {0};
    args[n++] = "--config";
    weir_rc rc = singer_driven_config(p->plan.r, &p->papers, &args[n++], e);
    if (!rc && flag->flag) {
        args[n++] = flag->flag;
        rc = singer_tapped_catalog_write(&catalog, p->plan.catalog, p->plan.choices, p->plan.choice_count, flag->in_schema, e);
        if (!rc)
            rc = papers_put(&p->papers, "catalog.json", buf_view(&catalog), &args[n++], e);
    }
    if (!rc && p->to_tap.len) {
        args[n++] = "--state";
        rc = papers_put(&p->papers, "state.json", buf_view(&p->to_tap), &args[n++], e);
    }
    args[rc ? 0 : n] = NULL;
    buf_free(&catalog);
    return rc;
}

static weir_rc open_once(tapped_pull *p)
{
    if (p->opened)
        return WEIR_OK;
    p->opened = true;
    weir_rc rc = weir_opened(p->t, false);
    return rc ? rc : singer_tapped_seal(p); /* flow.md 10.3: a checkpoint at once */
}

/* @param ret_again it does not know this flag; *e says so */
static weir_rc run_with(tapped_pull *p, const struct catalog_flag *flag, bool *ret_again)
{
    enum { ARGS = 7 };
    const char *args[ARGS];
    err *e = task_error(p->t);
    child *c = NULL;
    int status = 0;
    weir_rc rc = put_papers(p, flag, args);
    if (!rc)
        rc = singer_driven_start(&c, p->plan.r->d, args, p->plan.r->d->o.log, weir_stop_fd(p->t), e);
    if (!rc) {
        child_close_input(c);
        rc = open_once(p);
    }
    if (!rc) {
        rc = singer_tapped_relay(p, c);
        rc = child_explain(c, rc, e);
        if (!rc)
            rc = child_finish(c, &status, e);
        if (!rc && status) {
            rc = child_describe(c, e);
            *ret_again = !p->lines && flag->flag && singer_tapped_unknown_flag(status, flag->flag, e);
        }
    }
    child_free(c);
    return rc;
}

static weir_rc run(tapped_pull *p)
{
    int *flag = &p->plan.r->catalog_flag;
    for (;;) {
        bool again = false;
        weir_rc rc = run_with(p, &catalog_flags[*flag], &again);
        if (!again || *flag + 1 == CATALOG_FLAGS)
            return rc;
        ++*flag;
        err_clear(task_error(p->t));
        weir_log(p->t, WEIR_INFO, "the tap does not know %s: %s is tried", catalog_flags[*flag - 1].flag,
                 catalog_flags[*flag].flag ? catalog_flags[*flag].flag : "a run without a catalog");
    }
}

/* ---- pull ---- */

static weir_rc begin_pull(tapped_pull *p)
{
    tapped_plan *plan = &p->plan;
    err *e = task_error(p->t);
    weir_rc rc = singer_tapped_plan(p->t, plan, true);
    for (size_t i = 0; i < plan->n && !rc; i++)
        rc = err_wrap(e, singer_tapped_decide(plan, i, e), "binding %.*s", VIEW_ARG(plan->b[i].name));
    plan->choice_count = plan->n;
    if (!rc)
        rc = singer_tapped_add_parents(plan, e);
    p->state.parts = rc ? NULL : arena_array(&plan->a, plan->n, sizeof *p->state.parts);
    if (rc || !p->state.parts)
        return rc ? rc : err_nomem(e);
    p->state.count = plan->n;
    p->state.counters = plan->r->d->o.flow_documents;
    for (size_t i = 0; i < plan->n; i++)
        p->state.parts[i] = (tapped_part){
            .id = singer_tapped_id(plan->choices[i].entry), .key = plan->b[i].state_key, .counts = view_is(plan->b[i].key, FLOWDOC_KEY),
        };
    rc = singer_tapped_state_open(&p->state, weir_state(p->t), &p->to_tap, e);
    return rc ? rc : singer_tapped_index(p);
}

static void free_pull(tapped_pull *p)
{
    for (size_t i = 0; i < p->by_name.count; i++) {
        tapped_messages *s = p->by_name.entries[i].value;
        buf_free(&s->schema);
        buf_free(&s->version);
    }
    map_free(&p->by_name);
    map_free(&p->types);
    singer_tapped_state_free(&p->state);
    buf_free(&p->to_tap);
    buf_free(&p->base);
    buf_free(&p->folded);
    buf_free(&p->head);
    papers_free(&p->papers);
    arena_free(&p->plan.a);
}

static void tell_left_out(const tapped_pull *p)
{
    for (size_t i = 0; i < p->by_name.count; i++) {
        const tapped_messages *s = p->by_name.entries[i].value;
        if (s->left_out)
            weir_log(p->t, s->known ? WEIR_DEBUG : WEIR_WARN, "stream '%.*s': %llu records left out", VIEW_ARG(s->name), (unsigned long long)s->left_out);
    }
    if (!p->any_schema)
        weir_log(p->t, WEIR_WARN, "the tap has ended without any schema: perhaps nothing is selected");
}

/* Records after the last STATE: taps of the SDK may never print a final one, so success seals them with the state unchanged (singer.md 1). After a failure
 * they never happened. */
static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    tapped_pull p = {.t = t, .plan = {.r = self, .b = b, .n = n}};
    weir_rc rc = begin_pull(&p);
    if (!rc)
        rc = run(&p);
    if (!rc && p.unsealed)
        rc = singer_tapped_seal(&p);
    if (!rc)
        tell_left_out(&p);
    if (rc == WEIR_STOPPED && p.unsealed)
        weir_log(t, WEIR_WARN, "stopped: %llu document%s after the tap's last state %s dropped", (unsigned long long)p.unsealed,
                 p.unsealed == 1 ? "" : "s", p.unsealed == 1 ? "is" : "are");
    weir_rc changed = singer_driven_config_changed(t, self, &p.papers);
    free_pull(&p);
    return rc ? rc : changed;
}

const weir_capture singer_tapped_capture = {
    .discover = discover,
    .validate = validate,
    .pull = pull,
    .all_in_one = true,
    .relay = true,
};
