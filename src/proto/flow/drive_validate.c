/* Driving a materialization: what it says of the fields (flow.md 5.3). */
#include "proto/flow/drive_storing.h"
#include "proto/flow/names.h"

/* @return false: no platform knows such a type */
static bool need_of(const tree *constraint, weir_need *ret)
{
    static const struct {
        const char *name;
        weir_need need;
    } all[] = {{"FIELD_REQUIRED", WEIR_COLUMN_REQUIRED},       {"LOCATION_REQUIRED", WEIR_COLUMN_PLACE_REQUIRED},
               {"LOCATION_RECOMMENDED", WEIR_COLUMN_RECOMMENDED}, {"FIELD_OPTIONAL", WEIR_COLUMN_OPTIONAL},
               {"FIELD_FORBIDDEN", WEIR_COLUMN_FORBIDDEN},     {"UNSATISFIABLE", WEIR_COLUMN_IMPOSSIBLE},
               {"INCOMPATIBLE", WEIR_COLUMN_IMPOSSIBLE}};
    static const weir_need by_number[] = { /* flow.md 5.3; 0 is INVALID */
        WEIR_COLUMN_OPTIONAL, WEIR_COLUMN_REQUIRED, WEIR_COLUMN_PLACE_REQUIRED, WEIR_COLUMN_RECOMMENDED,
        WEIR_COLUMN_OPTIONAL, WEIR_COLUMN_FORBIDDEN, WEIR_COLUMN_IMPOSSIBLE, WEIR_COLUMN_IMPOSSIBLE};
    weir_view word = name_text(constraint, "type");
    uint64_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (view_is(word, all[i].name)) {
            *ret = all[i].need;
            return true;
        }
    if (!number_to_u64(name_raw(constraint, "type"), &n) || n == 0 || n >= sizeof by_number / sizeof *by_number)
        return false;
    *ret = by_number[n];
    return true;
}

/* The whole answer is about to be used. */
typedef struct validating {
    flow_storing *s;
    bool tell; /* our caller, who asked */
} validating;

/* Of several constraints of one field (newest platforms: a list beside the map) that one counts which forbids more. */
static const tree *stricter(const tree *a, const tree *b)
{
    static const int strictness[] = {[WEIR_COLUMN_OPTIONAL] = 0, [WEIR_COLUMN_RECOMMENDED] = 1, [WEIR_COLUMN_PLACE_REQUIRED] = 2,
                                     [WEIR_COLUMN_REQUIRED] = 3, [WEIR_COLUMN_IMPOSSIBLE] = 4, [WEIR_COLUMN_FORBIDDEN] = 5};
    weir_need of_a, of_b;
    if (!a || !b)
        return a ? a : b;
    return need_of(a, &of_a) && need_of(b, &of_b) && strictness[of_b] > strictness[of_a] ? b : a;
}

static const tree *constraint_of(const tree *item, weir_view field)
{
    const tree *found = tree_getv(name_get(item, "constraints"), field), *list = name_get(item, "projectionConstraints");
    for (const tree *one = list && list->kind == TREE_ARRAY ? list->first : NULL; one; one = one->next)
        if (view_eq(name_text(one, "field"), field))
            found = stricter(found, name_get(one, "constraint"));
    return found;
}

/* What holds for one column; NULL: the document. Projections that nothing is said of are forbidden (flow.md 5.3). */
static weir_rc use_constraint(weir_task *t, const validating *v, const weir_binding *b, const weir_column *c, const tree *item)
{
    const weir_column *about = c ? c : &flow_whole_document;
    flow_verdict *to = &v->s->said[b->index];
    const tree *k = constraint_of(item, about->field);
    weir_need need = WEIR_COLUMN_FORBIDDEN;
    if (k && !need_of(k, &need))
        return weir_fail(t, WEIR_E_PROTOCOL, "the connector gave field %.*s of %.*s a constraint of no type", VIEW_ARG(about->field), VIEW_ARG(b->name));
    if (need == WEIR_COLUMN_FORBIDDEN && c)
        to->forbidden[to->forbidden_count++] = arena_dup(&v->s->arena, c->field);
    if (!c && (need == WEIR_COLUMN_REQUIRED || need == WEIR_COLUMN_PLACE_REQUIRED))
        to->document = true;
    weir_rc rc = v->tell ? weir_constrain(t, b, c, need, k ? name_text(k, "reason") : VIEW("the connector does not say what holds for it")) : WEIR_OK;
    weir_view folded = name_text(k, "foldedField");
    return rc || !v->tell || !folded.len ? rc : weir_fold(t, b, c, folded);
}

static bool has_column(const weir_binding *b, weir_view field)
{
    for (size_t i = 0; i < b->column_count; i++)
        if (view_eq(b->columns[i].field, field))
            return true;
    return view_eq(flow_whole_document.field, field);
}

/* Fields that have a meaning for the connector, and that the collection does not have: the user has to know. */
static void find_missing(weir_task *t, const weir_binding *b, const tree *item)
{
    const tree *constraints = name_get(item, "constraints");
    weir_need need;
    for (const tree *k = constraints ? constraints->first : NULL; k; k = k->next)
        if (!has_column(b, k->name) && need_of(k, &need) && (need == WEIR_COLUMN_REQUIRED || need == WEIR_COLUMN_PLACE_REQUIRED))
            weir_problem(t, b, "%.*s: the destination demands a field \"%.*s\", which the collection does not have: %.*s", VIEW_ARG(b->name), VIEW_ARG(k->name),
                         VIEW_ARG(name_text(k, "reason")));
}

static uint32_t limit_of(const tree *policy, const char *name)
{
    uint64_t n = 0;
    return number_to_u64(name_raw(policy, name), &n) && n <= UINT32_MAX ? (uint32_t)n : 0;
}

static weir_rc use_rules(weir_task *t, const weir_binding *b, const tree *item, weir_rules *to)
{
    const tree *policy = name_get(item, "serPolicy");
    *to = (weir_rules){.ignores_case = name_flag(item, "caseInsensitiveFields"), .text_max = limit_of(policy, "strTruncateAfter"),
                       .members_max = limit_of(policy, "nestedObjTruncateAfter"), .items_max = limit_of(policy, "arrayTruncateAfter")};
    return to->ignores_case || to->text_max || to->members_max || to->items_max ? weir_row_rules(t, b, to) : WEIR_OK;
}

static weir_rc use_validated_binding(weir_task *t, const validating *v, const weir_binding *b, const tree *item)
{
    flow_verdict *to = &v->s->said[b->index];
    weir_view path = name_raw(item, "resourcePath");
    if (!path.len || *path.ptr != '[')
        return weir_fail(t, WEIR_E_PROTOCOL, "the connector gave no resourcePath for binding %u (%.*s)", b->index, VIEW_ARG(b->name));
    buf projections = flow_projections_of(b);
    *to = (flow_verdict){.path = arena_dup(&v->s->arena, path), .delta = name_flag(item, "deltaUpdates"),
                 .forbidden = arena_array(&v->s->arena, b->column_count + 1, sizeof *to->forbidden),
                 .projections = arena_dup(&v->s->arena, buf_view(&projections))};
    bool ok = buf_ok(&projections) && !v->s->arena.failed, document = false;
    buf_free(&projections);
    if (!ok)
        return err_nomem(task_error(t));
    weir_rc rc = v->tell ? weir_resource_path(t, b, path) : WEIR_OK;
    if (!rc)
        rc = use_rules(t, b, item, &to->rules);
    if (!rc && v->tell && to->delta)
        rc = weir_delta_updates(t, b);
    for (size_t i = 0; !rc && i < b->column_count; i++) {
        document |= flow_is_document(&b->columns[i]);
        rc = use_constraint(t, v, b, &b->columns[i], item);
    }
    if (!rc && v->tell)
        find_missing(t, b, item);
    return rc || document ? rc : use_constraint(t, v, b, NULL, item);
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
        flow_put_field_config(&w, &s->b[i]);
        if (s->b[i].backfill)
            out_int(out_name(&w, "backfill"), s->b[i].backfill);
        out_open(out_name(&w, "groupBy"), '[');
        for (size_t k = 0; k < s->b[i].key_count; k++)
            out_text(&w, s->b[i].columns[k].field);
        out_close(&w, ']');
        out_close(&w, '}');
    }
    out_close(&w, ']');
    flow_put_last(&w, t);
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
