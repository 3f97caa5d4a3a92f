/* Driving a materialization: validate and apply; which fields are stored, and how (flow.md 5.3, 5.4, 5.7, 6.1). */
#include <stdlib.h>

#include "proto/flow/drive_storing.h"
#include "proto/flow/names.h"

enum { APPLY_MAX = 10 };

/* ---- projections (flow.md 6.1): what could be stored ---- */

static void put_types(json_out *w, unsigned types)
{
    static const struct {
        unsigned bit;
        const char *name;
    } all[] = {{WEIR_IS_ARRAY, "array"}, {WEIR_IS_BOOLEAN, "boolean"}, {WEIR_IS_INTEGER, "integer"}, {WEIR_IS_NULL, "null"},
               {WEIR_IS_NUMBER, "number"}, {WEIR_IS_OBJECT, "object"}, {WEIR_IS_STRING, "string"}};
    if (types & WEIR_IS_NUMBER)
        types &= ~(unsigned)WEIR_IS_INTEGER; /* which numbers include */
    out_open(out_name(w, "types"), '[');
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (types ? types & all[i].bit : all[i].bit != WEIR_IS_INTEGER)
            out_text(w, view_of(all[i].name));
    out_close(w, ']');
}

static void put_inference(json_out *w, const weir_column *c)
{
    out_open(out_name(w, "inference"), '{');
    put_types(w, c->types);
    if (c->format.len || c->encoding.len) {
        out_open(out_name(w, "string"), '{');
        if (c->format.len)
            out_text(out_name(w, "format"), c->format);
        if (c->encoding.len)
            out_text(out_name(w, "contentEncoding"), c->encoding);
        out_close(w, '}');
    }
    if (c->description.len)
        out_text(out_name(w, "description"), c->description);
    if (c->fallback.len)
        out_raw(out_name(w, "default"), c->fallback);
    out_text(out_name(w, "exists"), c->required ? VIEW("MUST") : VIEW("MAY"));
    out_close(w, '}');
}

const weir_column flow_whole_document = {
    .field = WEIR_LIT("flow_document"), .pointer = WEIR_LIT(""), .types = WEIR_IS_OBJECT, .required = true};

bool flow_is_document(const weir_column *c)
{
    return !c->key && !c->pointer.len;
}

static int by_field(const void *x, const void *y)
{
    const weir_column *const *a = x, *const *b = y;
    return view_cmp((*a)->field, (*b)->field);
}

/* The columns that were chosen, and the whole document. @return their JSON; an empty one without memory */
static buf projections_of(const weir_binding *b)
{
    buf text = {0};
    const weir_column **all = calloc(b->column_count + 1, sizeof *all);
    size_t n = 0;
    bool document = false;
    for (size_t i = 0; all && i < b->column_count; i++) {
        all[n++] = &b->columns[i];
        document |= flow_is_document(&b->columns[i]);
    }
    if (all && !document)
        all[n++] = &flow_whole_document;
    if (all)
        qsort(all, n, sizeof(const weir_column *), by_field);
    json_out w = json_out_to(&text);
    out_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        out_open(&w, '{');
        out_text(out_name(&w, "ptr"), all[i]->pointer);
        out_text(out_name(&w, "field"), all[i]->field);
        if (all[i]->key)
            out_bool(out_name(&w, "isPrimaryKey"), true);
        put_inference(&w, all[i]);
        out_close(&w, '}');
    }
    out_close(&w, ']');
    text.failed |= !all;
    free(all);
    return text;
}

void flow_open_projected(json_out *w, const weir_binding *b)
{
    buf projections = projections_of(b);
    w->to->failed |= !buf_ok(&projections);
    flow_open_collection(w, b, b->key_count ? b->key : VIEW("[]"), buf_ok(&projections) ? buf_view(&projections) : VIEW("[]"));
    buf_free(&projections);
}

/* ---- the plan: which fields are stored, and in which order ---- */

static bool is_forbidden(const flow_verdict *k, weir_view field)
{
    for (size_t i = 0; k && i < k->forbidden_count; i++)
        if (view_eq(k->forbidden[i], field))
            return true;
    return false;
}

typedef struct numbered { /* a column and its place */
    const weir_column *c;
    size_t at;
} numbered;

static int by_name(const void *x, const void *y)
{
    const numbered *a = x, *b = y;
    return view_cmp(a->c->field, b->c->field);
}

static weir_rc plan_key(weir_task *t, flow_storing *s, const weir_binding *b, flow_plan *to)
{
    weir_view *pointers = arena_array(&s->plan_arena, b->key_count, sizeof *pointers);
    to->parts = arena_array(&s->plan_arena, b->key_count, sizeof *to->parts);
    for (size_t i = 0; pointers && i < b->key_count; i++)
        pointers[i] = b->columns[i].pointer;
    return pointers && to->parts ? picker_make(&s->plan_arena, pointers, b->key_count, &to->key, task_error(t)) : err_nomem(task_error(t));
}

static weir_rc plan_one(weir_task *t, flow_storing *s, const weir_binding *b, flow_plan *to)
{
    const flow_verdict *k = b->index < s->said_count ? &s->said[b->index] : NULL;
    numbered *chosen = arena_array(&s->plan_arena, b->column_count, sizeof *chosen);
    to->values = arena_array(&s->plan_arena, b->column_count, sizeof *to->values);
    if (!chosen || !to->values)
        return err_nomem(task_error(t));
    to->path = k && k->path.len ? k->path : b->resource_path;
    to->delta = b->delta_updates || (k && k->delta);
    if (k && k->document)
        to->document = flow_whole_document.field;
    for (size_t i = b->key_count; i < b->column_count; i++) {
        if (is_forbidden(k, b->columns[i].field))
            continue;
        if (flow_is_document(&b->columns[i]))
            to->document = b->columns[i].field;
        else
            chosen[to->value_count++] = (numbered){&b->columns[i], i};
    }
    qsort(chosen, to->value_count, sizeof *chosen, by_name);
    for (size_t i = 0; i < to->value_count; i++)
        to->values[i] = chosen[i].at;
    return plan_key(t, s, b, to);
}

/* Whoever comes without having validated does not know the paths. */
static bool knows_paths(const flow_storing *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (!s->b[i].resource_path.len && (i >= s->said_count || !s->said[i].path.len))
            return false;
    return true;
}

weir_rc flow_make_plans(weir_task *t, flow_run *r, flow_storing *s)
{
    weir_rc rc = knows_paths(s) ? WEIR_OK : flow_ask_validate(t, r, s, false);
    arena_reset(&s->plan_arena);
    s->plans = rc ? NULL : arena_array(&s->plan_arena, s->count, sizeof *s->plans);
    if (!rc && !s->plans)
        rc = err_nomem(task_error(t));
    for (size_t i = 0; !rc && i < s->count; i++)
        rc = plan_one(t, s, &s->b[i], &s->plans[i]);
    return rc;
}

/* ---- the specification (flow.md 5.7) ---- */

static void put_selection(json_out *w, const weir_binding *b, const flow_plan *k)
{
    out_open(out_name(w, "fieldSelection"), '{');
    out_open(out_name(w, "keys"), '[');
    for (size_t i = 0; i < b->key_count; i++)
        out_text(w, b->columns[i].field);
    out_close(w, ']');
    out_open(out_name(w, "values"), '[');
    for (size_t i = 0; i < k->value_count; i++)
        out_text(w, b->columns[k->values[i]].field);
    out_close(w, ']');
    if (k->document.len)
        out_text(out_name(w, "document"), k->document);
    out_close(w, '}');
}

static void put_spec_binding(json_out *w, weir_view task, const flow_run *r, const weir_binding *b, const flow_plan *k)
{
    buf suffix = {0};
    buf_printf(&suffix, "materialize/%.*s/%.*s", VIEW_ARG(task), VIEW_ARG(b->state_key));
    out_open(w, '{');
    flow_put_resource(w, r, b, k->path);
    out_raw(out_name(w, "resourcePath"), k->path);
    flow_open_projected(w, b);
    out_close(w, '}');
    put_selection(w, b, k);
    if (k->delta)
        out_bool(out_name(w, "deltaUpdates"), true);
    out_text(out_name(w, "journalReadSuffix"), buf_view(&suffix));
    if (b->backfill)
        out_int(out_name(w, "backfill"), b->backfill);
    out_text(out_name(w, "stateKey"), b->state_key);
    out_close(w, '}');
    w->to->failed |= !buf_ok(&suffix);
    buf_free(&suffix);
}

/* Members of apply and open. */
void flow_put_task(json_out *w, weir_task *t, const flow_run *r, const flow_storing *s)
{
    weir_view name = weir_task_name(t);
    out_open(out_name(w, "materialization"), '{');
    out_text(out_name(w, "name"), name);
    flow_put_endpoint(w, r);
    out_open(out_name(w, "bindings"), '[');
    for (size_t i = 0; i < s->count; i++)
        put_spec_binding(w, name, r, &s->b[i], &s->plans[i]);
    out_close(w, ']');
    out_close(w, '}');
    out_text(out_name(w, "version"), VIEW("local"));
    out_raw(out_name(w, "state"), s->state.len ? buf_view(&s->state) : VIEW("{}"));
}

/* ---- apply ---- */

typedef struct applying {
    flow_storing *s;
    bool again; /* it gave a state, and wants to be asked once more with it (flow.md 5.5) */
} applying;

static weir_rc use_applied(weir_task *t, void *arg, const tree *answer)
{
    applying *a = arg;
    weir_view what = name_text(answer, "actionDescription");
    if (what.len)
        weir_log(t, WEIR_INFO, "applied: %.*s", VIEW_ARG(what));
    return flow_take_state(t, &a->s->state, answer, &a->again);
}

weir_rc flow_driven_apply(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    flow_run *r = self;
    flow_storing *s = flow_storing_of(t, r);
    (void)b; /* all of them, always */
    (void)n;
    if (!s)
        return WEIR_E_NOMEM;
    weir_rc rc = s->stored ? flow_turn_over(t, s) : WEIR_OK;
    flow_storing_end(s); /* it was opened with other bindings */
    if (!rc)
        rc = flow_make_plans(t, r, s);
    applying a = {.s = s, .again = true};
    for (int i = 0; !rc && a.again && i < APPLY_MAX; i++) {
        buf body = {0};
        json_out w = json_out_to(&body);
        a.again = false;
        out_open(&w, '{');
        flow_put_task(&w, t, r, s);
        out_close(&w, '}');
        rc = flow_unary(t, r, FLOW_APPLY, &body, FLOW_APPLIED, use_applied, &a);
        buf_free(&body);
    }
    if (!rc && a.again)
        rc = weir_fail(t, WEIR_E_PROTOCOL, "the connector has not done with applying after %d times", APPLY_MAX);
    return rc;
}
