/* Driving a materialization: what it says of the fields (flow.md 5.3). */
#include "proto/flow/drive_storing.h"
#include "proto/flow/names.h"

static weir_need need_of(const tree *constraint)
{
    static const struct {
        const char *name;
        weir_need need;
    } all[] = {{"FIELD_REQUIRED", WEIR_COLUMN_REQUIRED},       {"LOCATION_REQUIRED", WEIR_COLUMN_PLACE_REQUIRED},
               {"LOCATION_RECOMMENDED", WEIR_COLUMN_RECOMMENDED}, {"FIELD_OPTIONAL", WEIR_COLUMN_OPTIONAL},
               {"FIELD_FORBIDDEN", WEIR_COLUMN_FORBIDDEN},     {"UNSATISFIABLE", WEIR_COLUMN_IMPOSSIBLE},
               {"INCOMPATIBLE", WEIR_COLUMN_IMPOSSIBLE}};
    static const weir_need by_number[] = { /* flow.md 5.3 */
        WEIR_COLUMN_OPTIONAL, WEIR_COLUMN_REQUIRED, WEIR_COLUMN_PLACE_REQUIRED, WEIR_COLUMN_RECOMMENDED,
        WEIR_COLUMN_OPTIONAL, WEIR_COLUMN_FORBIDDEN, WEIR_COLUMN_IMPOSSIBLE, WEIR_COLUMN_IMPOSSIBLE};
    weir_view word = name_text(constraint, "type");
    uint64_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (view_is(word, all[i].name))
            return all[i].need;
    return number_to_u64(name_raw(constraint, "type"), &n) && n < sizeof by_number / sizeof *by_number ? by_number[n] : WEIR_COLUMN_OPTIONAL;
}

/* The whole answer is about to be used. */
typedef struct validating {
    flow_storing *s;
    bool tell; /* our caller, who asked */
} validating;

/* What holds for one column; NULL: the document. Projections that nothing is said of are forbidden (flow.md 5.3). */
static weir_rc use_constraint(weir_task *t, const validating *v, const weir_binding *b, const weir_column *c, const tree *constraints)
{
    const weir_column *about = c ? c : &flow_whole_document;
    flow_verdict *to = &v->s->said[b->index];
    const tree *k = tree_getv(constraints, about->field);
    const weir_need need = k ? need_of(k) : WEIR_COLUMN_FORBIDDEN;
    if (need == WEIR_COLUMN_FORBIDDEN && c)
        to->forbidden[to->forbidden_count++] = arena_dup(&v->s->arena, c->field);
    if (!c && (need == WEIR_COLUMN_REQUIRED || need == WEIR_COLUMN_PLACE_REQUIRED))
        to->document = true;
    return v->tell ? weir_constrain(t, b, c, need, name_text(k, "reason")) : WEIR_OK;
}

static weir_rc use_validated_binding(weir_task *t, const validating *v, const weir_binding *b, const tree *item)
{
    const tree *constraints = name_get(item, "constraints");
    flow_verdict *to = &v->s->said[b->index];
    weir_view path = name_raw(item, "resourcePath");
    if (!path.len || *path.ptr != '[')
        return weir_fail(t, WEIR_E_PROTOCOL, "the connector gave no resourcePath for binding %u (%.*s)", b->index, VIEW_ARG(b->name));
    *to = (flow_verdict){.path = arena_dup(&v->s->arena, path), .delta = name_flag(item, "deltaUpdates"),
                 .forbidden = arena_array(&v->s->arena, b->column_count + 1, sizeof *to->forbidden)};
    if (v->s->arena.failed)
        return err_nomem(task_error(t));
    bool document = false;
    weir_rc rc = v->tell ? weir_resource_path(t, b, path) : WEIR_OK;
    if (!rc && v->tell && to->delta)
        rc = weir_delta_updates(t, b);
    for (size_t i = 0; !rc && i < b->column_count; i++) {
        document |= flow_is_document(&b->columns[i]);
        rc = use_constraint(t, v, b, &b->columns[i], constraints);
    }
    return rc || document ? rc : use_constraint(t, v, b, NULL, constraints);
}

static weir_rc use_validated(weir_task *t, void *arg, const tree *answer)
{
    const validating *v = arg;
    flow_storing *s = v->s;
    const tree *list = name_get(answer, "bindings");
    size_t got = list ? list->count : 0, i = 0;
    if (got != s->count)
        return weir_fail(t, WEIR_E_PROTOCOL, "the connector validated %zu bindings of %zu", got, s->count);
    s->said = arena_array(&s->arena, s->count, sizeof *s->said);
    s->said_count = s->said ? s->count : 0;
    weir_rc rc = s->said ? WEIR_OK : err_nomem(task_error(t));
    for (const tree *item = got ? list->first : NULL; !rc && item; item = item->next, i++)
        rc = use_validated_binding(t, v, &s->b[i], item);
    return rc;
}

weir_rc flow_ask_validate(weir_task *t, flow_run *r, flow_storing *s, bool tell)
{
    buf body = {0};
    json_out w = json_out_to(&body);
    out_open(&w, '{');
    out_text(out_name(&w, "name"), weir_task_name(t));
    flow_put_endpoint(&w, r);
    out_open(out_name(&w, "bindings"), '[');
    for (size_t i = 0; i < s->count; i++) {
        out_open(&w, '{');
        flow_put_resource(&w, r, &s->b[i], s->b[i].resource_path);
        flow_open_projected(&w, &s->b[i]);
        out_close(&w, '}');
        if (s->b[i].backfill)
            out_int(out_name(&w, "backfill"), s->b[i].backfill);
        out_close(&w, '}');
    }
    out_close(&w, ']');
    out_close(&w, '}');
    s->plans = NULL;
    weir_rc rc = flow_unary(t, r, FLOW_VALIDATE, &body, FLOW_VALIDATED, use_validated, &(validating){s, tell});
    buf_free(&body);
    return rc;
}

weir_rc flow_driven_validate(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    flow_storing *s = flow_storing_of(t, self);
    (void)b; /* all of them, always: a destination looks at them as a whole */
    (void)n;
    return s ? flow_ask_validate(t, self, s, true) : WEIR_E_NOMEM;
}
