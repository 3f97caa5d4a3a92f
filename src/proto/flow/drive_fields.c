/* Driving a materialization: validate and apply; which fields are stored, and how (flow.md 5.3, 5.4, 5.7, 6.1). */
#include <stdlib.h>

#include "json/inference.h"
#include "json/scan.h"
#include "proto/flow/drive_storing.h"
#include "proto/flow/names.h"

enum { APPLY_MAX = 10 };

/* ---- projections (flow.md 6.1): what could be stored ---- */

/* All that is known of it; a caller that knows nothing but columns tells what those say. */
static void put_inference(json_out *w, const weir_column *c)
{
    buf types = {0};
    if (c->inference.len) {
        out_raw(out_name(w, "inference"), c->inference);
        return;
    }
    inference_types(&types, c->types);
    w->to->failed |= !buf_ok(&types);
    out_open(out_name(w, "inference"), '{');
    out_raw(out_name(w, "types"), buf_view(&types));
    buf_free(&types);
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

/* Is it part of the collection's key, whatever rows are grouped by? */
static bool is_primary(const weir_binding *b, const weir_column *c)
{
    json_scan s = json_scan_of(b->key);
    weir_view raw;
    bool escaped, found = false;
    for (bool more = b->key.len && json_enter(&s, '['); more && json_item(&s);) {
        more = json_string(&s, &raw, &escaped);
        found |= more && json_key_is((json_key){raw, escaped}, c->pointer);
    }
    return b->key.len > 2 ? found : c->key;
}

/* The columns there are, and the whole document. */
buf flow_projections_of(const weir_binding *b)
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
        if (all[i]->given)
            out_bool(out_name(&w, "explicit"), true);
        if (all[i]->partition)
            out_bool(out_name(&w, "isPartitionKey"), true);
        if (is_primary(b, all[i]))
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
    buf projections = flow_projections_of(b);
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

void flow_put_field_config(json_out *w, const weir_binding *b)
{
    bool any = false;
    for (size_t i = 0; i < b->column_count; i++) {
        if (!b->columns[i].config.len)
            continue;
        if (!any)
            out_open(out_name(w, "fieldConfig"), '{');
        any = true;
        out_raw(out_namev(w, b->columns[i].field), b->columns[i].config);
    }
    if (any)
        out_close(w, '}');
}

void flow_put_last(json_out *w, const weir_task *t)
{
    weir_view version, spec = weir_last_spec(t, &version);
    if (!spec.len)
        return;
    out_raw(out_name(w, "lastMaterialization"), spec);
    out_text(out_name(w, "lastVersion"), version);
}

static void put_policy(json_out *w, const weir_rules *r)
{
    if (!r->text_max && !r->members_max && !r->items_max)
        return;
    out_open(out_name(w, "serPolicy"), '{');
    if (r->text_max)
        out_int(out_name(w, "strTruncateAfter"), r->text_max);
    if (r->members_max)
        out_int(out_name(w, "nestedObjTruncateAfter"), r->members_max);
    if (r->items_max)
        out_int(out_name(w, "arrayTruncateAfter"), r->items_max);
    out_close(w, '}');
}

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
    flow_put_field_config(w, b);
    out_close(w, '}');
}

static void put_spec_binding(json_out *w, weir_view task, const flow_run *r, const weir_binding *b, const flow_plan *k, const flow_verdict *said)
{
    buf suffix = {0};
    buf_printf(&suffix, "materialize/%.*s/%.*s", VIEW_ARG(task), VIEW_ARG(b->state_key));
    out_open(w, '{');
    flow_put_resource(w, r, b, k->path);
    out_raw(out_name(w, "resourcePath"), k->path);
    if (said && said->projections.len)
        flow_open_collection(w, b, b->key, said->projections);
    else
        flow_open_projected(w, b);
    out_close(w, '}');
    put_selection(w, b, k);
    if (k->delta)
        out_bool(out_name(w, "deltaUpdates"), true);
    out_text(out_name(w, "journalReadSuffix"), buf_view(&suffix));
    if (b->backfill)
        out_int(out_name(w, "backfill"), b->backfill);
    out_text(out_name(w, "stateKey"), b->state_key);
    if (said)
        put_policy(w, &said->rules);
    out_close(w, '}');
    w->to->failed |= !buf_ok(&suffix);
    buf_free(&suffix);
}

/* As connectors get it; what we keep of it has no config, for there are secrets in that. */
static void put_spec(json_out *w, weir_view name, const flow_run *r, const flow_storing *s, bool whole)
{
    out_open(w, '{');
    out_text(out_name(w, "name"), name);
    if (whole) {
        flow_put_endpoint(w, r);
    } else {
        out_text(out_name(w, "connectorType"), VIEW("LOCAL"));
        out_raw(out_name(w, "config"), VIEW("{}"));
    }
    out_open(out_name(w, "bindings"), '[');
    for (size_t i = 0; i < s->count; i++)
        put_spec_binding(w, name, r, &s->b[i], &s->plans[i], i < s->said_count ? &s->said[i] : NULL);
    out_close(w, ']');
    out_close(w, '}');
}

/* Opaque to connectors: another specification has another one. FNV-1a. */
static weir_view version_of(weir_view spec, char to[17])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < spec.len; i++)
        h = (h ^ (unsigned char)spec.ptr[i]) * 0x100000001b3;
    for (int i = 0; i < 16; i++)
        to[i] = digits[h >> (60 - 4 * i) & 15];
    to[16] = 0;
    return (weir_view){to, 16};
}

void flow_put_task(json_out *w, weir_task *t, const flow_run *r, const flow_storing *s)
{
    char version[17];
    buf bare = {0};
    json_out b = json_out_to(&bare);
    put_spec(out_name(w, "materialization"), weir_task_name(t), r, s, true);
    put_spec(&b, weir_task_name(t), r, s, false);
    out_text(out_name(w, "version"), version_of(buf_view(&bare), version));
    out_raw(out_name(w, "state"), s->state.len ? buf_view(&s->state) : VIEW("{}"));
    w->to->failed |= !buf_ok(&bare);
    buf_free(&bare);
}

static weir_rc tell_applied(weir_task *t, const flow_run *r, const flow_storing *s)
{
    char version[17];
    buf bare = {0};
    json_out b = json_out_to(&bare);
    put_spec(&b, weir_task_name(t), r, s, false);
    weir_rc rc = buf_ok(&bare) ? task_applied(t, buf_view(&bare), version_of(buf_view(&bare), version)) : err_nomem(task_error(t));
    buf_free(&bare);
    return rc;
}

/* ---- apply ---- */

/* Of several shards the first one applies (flow.md 1.9). */
static bool applies(const weir_task *t)
{
    uint32_t begin, end;
    weir_key_range(t, &begin, &end);
    return begin == 0;
}

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
    applying a = {.s = s, .again = applies(t)};
    for (int i = 0; !rc && a.again && i < APPLY_MAX; i++) {
        buf body = {0};
        json_out w = json_out_to(&body);
        a.again = false;
        out_open(&w, '{');
        flow_put_task(&w, t, r, s);
        flow_put_last(&w, t);
        out_close(&w, '}');
        rc = flow_unary(t, r, FLOW_APPLY, &body, FLOW_APPLIED, use_applied, &a);
        buf_free(&body);
    }
    if (!rc && a.again)
        rc = weir_fail(t, WEIR_E_PROTOCOL, "the connector has not done with applying after %d times", APPLY_MAX);
    return rc || !applies(t) ? rc : tell_applied(t, r, s);
}
