/* Being the platform for a Flow materialization: an executable becomes an ordinary destination (flow.md 5).
 *
 * Validate and apply are processes of their own. Storing is one process, in transactions:
 *
 *     load ... (loaded ...)  flush, flushed  store ...  startCommit, startedCommit  [our caller commits]  acknowledge, acknowledged
 *
 * Loaded documents only tell that a row exists. The connector's state is kept by our caller (weir_keep), and so is its offset, unless the connector does
 * that itself (Opened.runtimeCheckpoint).
 */
#include <stdlib.h>

#include "base/map.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "model/tuple.h"
#include "proto/flow/drive.h"
#include "proto/flow/names.h"

enum { PIECE = 64 * 1024, APPLY_MAX = 10 };

/* What validation said of a binding. */
typedef struct said {
    weir_view path;         /* empty: it was not validated */
    weir_view *forbidden;   /* fields */
    size_t forbidden_count;
    bool document;          /* the whole document has to be stored */
    bool delta;
} said;

/* How its rows are stored. */
typedef struct plan {
    weir_view path;
    size_t *values;         /* columns, ascending by field (flow.md 5.4) */
    size_t value_count;
    weir_view document;     /* the field that holds it; empty: it is not stored */
    bool delta;
    picker *key;            /* of a loaded document */
    weir_view *parts;       /* room for what it picks */
} plan;

struct storing {
    arena arena;            /* of said */
    said *said;
    size_t said_count;
    arena plan_arena;
    plan *plans;            /* NULL: to be made anew */
    const weir_binding *b;
    size_t count;
    buf state;              /* as we know it: the connector's */
    bool has_state, resumed;
    flow_peer *p;           /* the process that stores */
    bool broken;            /* something went wrong: nobody listens to it any more */
    bool acknowledged;      /* since the last startedCommit */
    bool flushed;           /* in this transaction */
    bool stored;
    map keys;               /* that are being loaded: binding and packed key -> row */
    arena key_arena;
    buf out;                /* requests that wait */
    buf key, key_packed, values, values_packed; /* of one row */
    buf checkpoint;         /* the last one that was committed */
};
typedef struct storing storing;

static storing *storing_of(weir_task *t, drive_run *r)
{
    if (!r->storing)
        r->storing = calloc(1, sizeof *r->storing);
    storing *s = r->storing;
    if (!s) {
        err_nomem(task_error(t));
        return NULL;
    }
    if (!s->has_state) {
        buf_addv(&s->state, weir_state(t));
        s->has_state = true;
    }
    s->b = session_bindings(task_session(t), &s->count);
    return s;
}

/* ---- the process ---- */

static void end_process(storing *s)
{
    err ignored = {0};
    if (s->p && !s->broken)
        peer_conclude(s->p, &ignored);
    peer_free(s->p);
    s->p = NULL;
    s->broken = s->acknowledged = s->flushed = s->stored = false;
    err_free(&ignored);
}

void drive_storing_free(storing *s)
{
    if (!s)
        return;
    end_process(s);
    map_free(&s->keys);
    buf_wipe(&s->state); /* it may hold credentials */
    buf_free(&s->out);
    buf_free(&s->key);
    buf_free(&s->key_packed);
    buf_free(&s->values);
    buf_free(&s->values_packed);
    buf_free(&s->checkpoint);
    arena_free(&s->key_arena);
    arena_free(&s->plan_arena);
    arena_free(&s->arena);
    free(s);
}

static weir_rc broke(storing *s, weir_rc rc)
{
    s->broken |= rc != WEIR_OK;
    return rc;
}

/* ---- its state ---- */

/* {"updated":{...},"mergePatch":bool}, as a patch for our caller. `ret_any` (may be NULL): there was one. */
static weir_rc take_state(weir_task *t, storing *s, const tree *answer, bool *ret_any)
{
    const tree *state = name_get(answer, "state"), *updated = name_get(state, "updated");
    buf patch = {0}, next = {0};
    if (!updated)
        return WEIR_OK;
    if (updated->kind != TREE_OBJECT)
        return weir_fail(t, WEIR_E_PROTOCOL, "the connector's state is no object");
    weir_view known = s->state.len ? buf_view(&s->state) : VIEW("{}");
    bool ok = true;
    if (name_flag(state, "mergePatch"))
        buf_addv(&patch, updated->raw);
    else
        ok = patch_diff(&patch, known, updated->raw);
    ok = ok && patch_apply(&next, known, buf_view(&patch)) && buf_ok(&patch) && buf_ok(&next);
    weir_rc rc = ok ? weir_keep(t, buf_view(&patch)) : err_nomem(task_error(t));
    if (!rc) {
        buf_free(&s->state);
        s->state = next;
        next = (buf){0};
    }
    if (ret_any)
        *ret_any = true;
    buf_wipe(&patch);
    buf_wipe(&next);
    return rc;
}

static weir_rc take_state_of(weir_task *t, storing *s, const flow_message *m)
{
    arena a = {0};
    tree *parsed;
    weir_rc rc = tree_parse(&a, m->body, NULL, WEIR_E_PROTOCOL, &parsed, task_error(t));
    if (!rc)
        rc = take_state(t, s, parsed, NULL);
    arena_free(&a);
    return rc;
}

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
    out_text(out_name(w, "exists"), c->required ? VIEW("MUST") : VIEW("MAY"));
    out_close(w, '}');
}

static const weir_column whole_document = {
    .field = WEIR_LIT("flow_document"), .pointer = WEIR_LIT(""), .types = WEIR_IS_OBJECT, .required = true};

static bool is_document(const weir_column *c)
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
        document |= is_document(&b->columns[i]);
    }
    if (all && !document)
        all[n++] = &whole_document;
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

static void put_collection(json_out *w, const weir_binding *b)
{
    buf projections = projections_of(b);
    w->to->failed |= !buf_ok(&projections);
    drive_put_collection(w, b, buf_ok(&projections) ? buf_view(&projections) : VIEW("[]"));
    buf_free(&projections);
}

/* ---- validate ---- */

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
    storing *s;
    bool tell; /* our caller, who asked */
} validating;

/* What holds for one column; NULL: the document. Projections that nothing is said of are forbidden (flow.md 5.3). */
static weir_rc use_constraint(weir_task *t, const validating *v, const weir_binding *b, const weir_column *c, const tree *constraints)
{
    const weir_column *about = c ? c : &whole_document;
    said *to = &v->s->said[b->index];
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
    said *to = &v->s->said[b->index];
    weir_view path = name_raw(item, "resourcePath");
    if (!path.len || *path.ptr != '[')
        return weir_fail(t, WEIR_E_PROTOCOL, "the connector gave no resourcePath for binding %u (%.*s)", b->index, VIEW_ARG(b->name));
    *to = (said){.path = arena_dup(&v->s->arena, path), .delta = name_flag(item, "deltaUpdates"),
                 .forbidden = arena_array(&v->s->arena, b->column_count + 1, sizeof *to->forbidden)};
    if (v->s->arena.failed)
        return err_nomem(task_error(t));
    bool document = false;
    weir_rc rc = v->tell ? weir_resource_path(t, b, path) : WEIR_OK;
    if (!rc && v->tell && to->delta)
        rc = weir_delta_updates(t, b);
    for (size_t i = 0; !rc && i < b->column_count; i++) {
        document |= is_document(&b->columns[i]);
        rc = use_constraint(t, v, b, &b->columns[i], constraints);
    }
    return rc || document ? rc : use_constraint(t, v, b, NULL, constraints);
}

static weir_rc use_validated(weir_task *t, void *arg, const tree *answer)
{
    const validating *v = arg;
    storing *s = v->s;
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

static weir_rc ask_validate(weir_task *t, drive_run *r, storing *s, bool tell)
{
    buf body = {0};
    json_out w = json_out_to(&body);
    out_open(&w, '{');
    out_text(out_name(&w, "name"), weir_task_name(t));
    drive_put_endpoint(&w, r);
    out_open(out_name(&w, "bindings"), '[');
    for (size_t i = 0; i < s->count; i++) {
        out_open(&w, '{');
        drive_put_resource(&w, &s->b[i], s->b[i].resource_path);
        put_collection(&w, &s->b[i]);
        if (s->b[i].backfill)
            out_int(out_name(&w, "backfill"), s->b[i].backfill);
        out_close(&w, '}');
    }
    out_close(&w, ']');
    out_close(&w, '}');
    s->plans = NULL;
    weir_rc rc = drive_unary(t, r, FLOW_VALIDATE, &body, FLOW_VALIDATED, use_validated, &(validating){s, tell});
    buf_free(&body);
    return rc;
}

static weir_rc driven_validate(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    storing *s = storing_of(t, self);
    (void)b; /* all of them, always: a destination looks at them as a whole */
    (void)n;
    return s ? ask_validate(t, self, s, true) : WEIR_E_NOMEM;
}

/* ---- the plan: which fields are stored, and in which order ---- */

static bool is_forbidden(const said *k, weir_view field)
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

static weir_rc plan_key(weir_task *t, storing *s, const weir_binding *b, plan *to)
{
    weir_view *pointers = arena_array(&s->plan_arena, b->key_count, sizeof *pointers);
    to->parts = arena_array(&s->plan_arena, b->key_count, sizeof *to->parts);
    for (size_t i = 0; pointers && i < b->key_count; i++)
        pointers[i] = b->columns[i].pointer;
    return pointers && to->parts ? picker_make(&s->plan_arena, pointers, b->key_count, &to->key, task_error(t)) : err_nomem(task_error(t));
}

static weir_rc plan_one(weir_task *t, storing *s, const weir_binding *b, plan *to)
{
    const said *k = b->index < s->said_count ? &s->said[b->index] : NULL;
    numbered *chosen = arena_array(&s->plan_arena, b->column_count, sizeof *chosen);
    to->values = arena_array(&s->plan_arena, b->column_count, sizeof *to->values);
    if (!chosen || !to->values)
        return err_nomem(task_error(t));
    to->path = k && k->path.len ? k->path : b->resource_path;
    to->delta = b->delta_updates || (k && k->delta);
    if (k && k->document)
        to->document = whole_document.field;
    for (size_t i = b->key_count; i < b->column_count; i++) {
        if (is_forbidden(k, b->columns[i].field))
            continue;
        if (is_document(&b->columns[i]))
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
static bool knows_paths(const storing *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (!s->b[i].resource_path.len && (i >= s->said_count || !s->said[i].path.len))
            return false;
    return true;
}

static weir_rc make_plans(weir_task *t, drive_run *r, storing *s)
{
    weir_rc rc = knows_paths(s) ? WEIR_OK : ask_validate(t, r, s, false);
    arena_reset(&s->plan_arena);
    s->plans = rc ? NULL : arena_array(&s->plan_arena, s->count, sizeof *s->plans);
    if (!rc && !s->plans)
        rc = err_nomem(task_error(t));
    for (size_t i = 0; !rc && i < s->count; i++)
        rc = plan_one(t, s, &s->b[i], &s->plans[i]);
    return rc;
}

/* ---- the specification (flow.md 5.7) ---- */

static void put_selection(json_out *w, const weir_binding *b, const plan *k)
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

static void put_spec_binding(json_out *w, weir_view task, const weir_binding *b, const plan *k)
{
    buf suffix = {0};
    buf_printf(&suffix, "materialize/%.*s/%.*s", VIEW_ARG(task), VIEW_ARG(b->state_key));
    out_open(w, '{');
    drive_put_resource(w, b, k->path);
    out_raw(out_name(w, "resourcePath"), k->path);
    put_collection(w, b);
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
static void put_task(json_out *w, weir_task *t, const drive_run *r, const storing *s)
{
    weir_view name = weir_task_name(t);
    out_open(out_name(w, "materialization"), '{');
    out_text(out_name(w, "name"), name);
    drive_put_endpoint(w, r);
    out_open(out_name(w, "bindings"), '[');
    for (size_t i = 0; i < s->count; i++)
        put_spec_binding(w, name, &s->b[i], &s->plans[i]);
    out_close(w, ']');
    out_close(w, '}');
    out_text(out_name(w, "version"), VIEW("local"));
    out_raw(out_name(w, "state"), s->state.len ? buf_view(&s->state) : VIEW("{}"));
}

/* ---- apply ---- */

typedef struct applying {
    storing *s;
    bool again; /* it gave a state, and wants to be asked once more with it (flow.md 5.5) */
} applying;

static weir_rc use_applied(weir_task *t, void *arg, const tree *answer)
{
    applying *a = arg;
    weir_view what = name_text(answer, "actionDescription");
    if (what.len)
        weir_log(t, WEIR_INFO, "applied: %.*s", VIEW_ARG(what));
    return take_state(t, a->s, answer, &a->again);
}

static weir_rc turn_over(weir_task *t, drive_run *r, storing *s);

static weir_rc driven_apply(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    drive_run *r = self;
    storing *s = storing_of(t, r);
    (void)b; /* all of them, always */
    (void)n;
    if (!s)
        return WEIR_E_NOMEM;
    weir_rc rc = s->stored ? turn_over(t, r, s) : WEIR_OK;
    end_process(s); /* it was opened with other bindings */
    if (!rc)
        rc = make_plans(t, r, s);
    applying a = {.s = s, .again = true};
    for (int i = 0; !rc && a.again && i < APPLY_MAX; i++) {
        buf body = {0};
        json_out w = json_out_to(&body);
        a.again = false;
        out_open(&w, '{');
        put_task(&w, t, r, s);
        out_close(&w, '}');
        rc = drive_unary(t, r, FLOW_APPLY, &body, FLOW_APPLIED, use_applied, &a);
        buf_free(&body);
    }
    if (!rc && a.again)
        rc = weir_fail(t, WEIR_E_PROTOCOL, "the connector has not done with applying after %d times", APPLY_MAX);
    return rc;
}

/* ---- what comes while we write: loaded documents ---- */

typedef struct hearing {
    weir_task *t;
    storing *s;
} hearing;

static weir_rc not_asked(const weir_binding *b, weir_view doc, const char *what, err *e)
{
    return err_fail(e, WEIR_E_PROTOCOL, "the connector loaded a document for %.*s %s: %.*s%s", VIEW_ARG(b->name), what,
                    (int)(doc.len > 120 ? 120 : doc.len), doc.ptr, doc.len > 120 ? "..." : "");
}

/* The key of the map: which binding, and the packed key. */
static void begin_map_key(buf *key, uint32_t binding)
{
    buf_clear(key);
    buf_add(key, &binding, sizeof binding);
}

static weir_rc hear_loaded(const hearing *h, const flow_message *m, err *e)
{
    storing *s = h->s;
    if (m->binding >= s->count)
        return err_fail(e, WEIR_E_PROTOCOL, "the connector sent 'loaded' for binding %u of %zu", m->binding, s->count);
    const weir_binding *b = &s->b[m->binding];
    buf key = {0};
    weir_view *parts = s->plans[m->binding].parts;
    bool has_key = picker_run(s->plans[m->binding].key, m->doc, parts);
    begin_map_key(&key, m->binding);
    for (size_t i = 0; has_key && i < b->key_count; i++)
        has_key = parts[i].len && tuple_pack(&key, parts[i]);
    const weir_row *row = has_key && buf_ok(&key) ? map_get(&s->keys, buf_view(&key)) : NULL;
    bool ok = buf_ok(&key);
    buf_free(&key);
    if (!ok)
        return err_nomem(e);
    if (!row)
        return not_asked(b, m->doc, has_key ? "whose key it was not asked for" : "without its key", e);
    return weir_loaded(h->t, row, m->doc);
}

static weir_rc hear(void *arg, const flow_message *m, err *e)
{
    const hearing *h = arg;
    if (m->kind == FLOW_LOADED && h->s->acknowledged && !h->s->flushed)
        return hear_loaded(h, m, e);
    return err_fail(e, WEIR_E_PROTOCOL, "the connector sent '%s' %s", flow_kind_name(m->kind),
                    !h->s->acknowledged ? "before 'acknowledged'" : h->s->flushed ? "after 'flushed'" : "while loading");
}

/* Sends what waits. */
static weir_rc send_out(weir_task *t, storing *s)
{
    hearing h = {t, s};
    weir_rc rc = buf_ok(&s->out) ? peer_stream(s->p, buf_view(&s->out), hear, &h, task_error(t)) : err_nomem(task_error(t));
    buf_clear(&s->out);
    return broke(s, rc);
}

/* Sends what waits and one request, and takes its answer, whose state is kept. */
static weir_rc ask(weir_task *t, storing *s, flow_kind request, weir_view body, flow_kind answer)
{
    hearing h = {t, s};
    flow_message m;
    err *e = task_error(t);
    weir_rc rc = flow_write(peer_codec(s->p), FLOW_MATERIALIZE_REQUEST, request, body, &s->out, e);
    if (!rc)
        rc = peer_stream_until(s->p, buf_view(&s->out), answer, hear, &h, &m, e);
    buf_clear(&s->out);
    if (!rc)
        rc = take_state_of(t, s, &m);
    return broke(s, err_wrap(e, rc, "%s", flow_kind_name(request)));
}

/* ---- opening ---- */

/* A checkpoint that the connector keeps. `rebuild`: it wants everything; without any it keeps none (flow.md 5.6). */
static weir_rc take_opened(weir_task *t, storing *s, weir_view opened)
{
    arena a = {0};
    tree *parsed;
    weir_rc rc = tree_parse(&a, opened, NULL, WEIR_E_PROTOCOL, &parsed, task_error(t));
    const tree *kept = rc ? NULL : name_get(parsed, "runtimeCheckpoint");
    if (kept && !s->resumed) {
        weir_view text = name_flag(kept, "rebuild") ? VIEW("") : kept->raw;
        if (!text.len || name_get(kept, "sources") || name_get(kept, "ackIntents"))
            rc = weir_resume(t, text);
        buf_addv(&s->checkpoint, text);
    }
    s->resumed = true;
    arena_free(&a);
    return rc;
}

static weir_rc open_process(weir_task *t, drive_run *r, storing *s)
{
    err *e = task_error(t);
    flow_message m;
    buf body = {0};
    json_out w = json_out_to(&body);
    weir_rc rc = s->plans ? WEIR_OK : make_plans(t, r, s);
    if (!rc)
        rc = peer_start(&s->p, &r->d->o, weir_stop_fd(t), e);
    if (!rc)
        rc = drive_ask_spec(s->p, &m, e);
    if (!rc) {
        out_open(&w, '{');
        put_task(&w, t, r, s);
        out_raw(out_name(&w, "range"), DRIVE_RANGE);
        out_close(&w, '}');
        rc = buf_ok(&body) ? peer_ask(s->p, FLOW_OPEN, buf_view(&body), FLOW_OPENED, &m, e) : err_nomem(e);
    }
    if (!rc)
        rc = take_opened(t, s, m.body);
    buf_wipe(&body);
    return broke(s, rc);
}

static weir_rc acknowledge(weir_task *t, storing *s)
{
    weir_rc rc = ask(t, s, FLOW_ACKNOWLEDGE, VIEW("{}"), FLOW_ACKNOWLEDGED);
    s->acknowledged = !rc;
    return rc;
}

/* The process is there and has been acknowledged: a transaction may begin, or go on. */
static weir_rc ready(weir_task *t, drive_run *r, storing **ret)
{
    storing *s = storing_of(t, r);
    *ret = s;
    weir_rc rc = !s ? WEIR_E_NOMEM : s->p ? WEIR_OK : open_process(t, r, s);
    return rc || s->acknowledged ? rc : acknowledge(t, s);
}

/* ---- a transaction ---- */

/* A value that is absent is null. */
static void put_item(buf *json, weir_view value)
{
    buf_addc(json, json->len ? ',' : '[');
    buf_addv(json, value.len ? value : VIEW("null"));
}

static bool pack_key(storing *s, const weir_row *row)
{
    const weir_binding *b = row->binding;
    buf_clear(&s->key);
    begin_map_key(&s->key_packed, b->index);
    bool ok = true;
    for (size_t i = 0; ok && i < b->key_count; i++) {
        put_item(&s->key, row->values[i]);
        ok = tuple_pack(&s->key_packed, row->values[i]);
    }
    buf_adds(&s->key, b->key_count ? "]" : "[]");
    return ok && buf_ok(&s->key) && buf_ok(&s->key_packed);
}

/* Without the binding, which stands before it for the map. */
static weir_view packed_key(const storing *s)
{
    return view_from(buf_view(&s->key_packed), sizeof(uint32_t));
}

static bool pack_values(storing *s, const plan *k, const weir_row *row)
{
    buf_clear(&s->values);
    buf_clear(&s->values_packed);
    bool ok = true;
    for (size_t i = 0; ok && i < k->value_count; i++) {
        put_item(&s->values, row->values[k->values[i]]);
        ok = tuple_pack(&s->values_packed, row->values[k->values[i]]);
    }
    buf_adds(&s->values, k->value_count ? "]" : "[]");
    return ok && buf_ok(&s->values) && buf_ok(&s->values_packed);
}

static weir_rc cannot_pack(weir_task *t, const weir_row *row)
{
    return weir_fail(t, WEIR_E_CONFIG, "a document of %.*s holds a number that is too large: %.*s%s", VIEW_ARG(row->binding->name),
                     (int)(row->doc.len > 120 ? 120 : row->doc.len), row->doc.ptr, row->doc.len > 120 ? "..." : "");
}

static weir_rc load_row(weir_task *t, storing *s, const weir_row *row)
{
    if (!pack_key(s, row))
        return cannot_pack(t, row);
    weir_view key = arena_dup(&s->key_arena, buf_view(&s->key_packed));
    if (!key.ptr || !map_put(&s->keys, key, (void *)(uintptr_t)row)) /* only read */
        return err_nomem(task_error(t));
    flow_write_load(peer_codec(s->p), &(flow_row){.binding = row->binding->index, .key = buf_view(&s->key), .key_packed = packed_key(s)}, &s->out);
    return s->out.len < PIECE ? WEIR_OK : send_out(t, s);
}

static weir_rc driven_load(weir_task *t, void *self, const weir_row *keys, size_t count)
{
    storing *s;
    weir_rc rc = ready(t, self, &s);
    if (!rc && s->flushed)
        rc = turn_over(t, self, s); /* keys after rows: that is another transaction */
    for (size_t i = 0; !rc && i < count; i++)
        if (!s->plans[keys[i].binding->index].delta)
            rc = load_row(t, s, &keys[i]);
    return rc;
}

static weir_rc flush(weir_task *t, storing *s)
{
    if (s->flushed)
        return WEIR_OK;
    weir_rc rc = ask(t, s, FLOW_FLUSH, VIEW("{}"), FLOW_FLUSHED);
    s->flushed = !rc;
    map_free(&s->keys);
    arena_reset(&s->key_arena);
    return rc;
}

static weir_rc driven_flush(weir_task *t, void *self)
{
    storing *s;
    weir_rc rc = ready(t, self, &s);
    return rc ? rc : flush(t, s);
}

static weir_rc store_row(weir_task *t, storing *s, const weir_row *row)
{
    const plan *k = &s->plans[row->binding->index];
    const bool gone = row->op == WEIR_DELETE && !k->delta; /* where every row is an addition, so is a deletion */
    if (gone && row->exists == WEIR_EXISTS_NO)
        return WEIR_OK;
    if (!pack_key(s, row) || !pack_values(s, k, row))
        return cannot_pack(t, row);
    flow_write_store(peer_codec(s->p), &(flow_row){
        .binding = row->binding->index, .key = buf_view(&s->key), .key_packed = packed_key(s), .values = buf_view(&s->values),
        .values_packed = buf_view(&s->values_packed), .doc = k->document.len ? row->doc : (weir_view){0},
        .exists = !k->delta && (gone || row->exists == WEIR_EXISTS_YES), .deleted = gone}, &s->out);
    return s->out.len < PIECE ? WEIR_OK : send_out(t, s);
}

static weir_rc driven_store(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    storing *s;
    weir_rc rc = ready(t, self, &s);
    if (!rc)
        rc = flush(t, s);
    for (size_t i = 0; !rc && i < count; i++)
        rc = store_row(t, s, &rows[i]);
    if (!rc)
        s->stored = true;
    return rc;
}

static weir_rc start_commit(weir_task *t, storing *s, weir_view checkpoint)
{
    buf body = {0};
    json_out w = json_out_to(&body);
    bool any = checkpoint.len > 2 && *checkpoint.ptr == '{';
    out_open(&w, '{');
    if (any)
        out_raw(out_name(&w, "runtimeCheckpoint"), checkpoint);
    out_close(&w, '}');
    weir_rc rc = buf_ok(&body) ? ask(t, s, FLOW_START_COMMIT, buf_view(&body), FLOW_STARTED_COMMIT) : err_nomem(task_error(t));
    buf_free(&body);
    s->acknowledged = s->flushed = s->stored = false;
    return rc;
}

/* Ends a transaction in the middle of our caller's: with the checkpoint of the former one, so that after a crash its rows are stored again. */
static weir_rc turn_over(weir_task *t, drive_run *r, storing *s)
{
    (void)r;
    weir_rc rc = start_commit(t, s, buf_view(&s->checkpoint));
    return rc ? rc : acknowledge(t, s);
}

static weir_rc driven_commit(weir_task *t, void *self, weir_view checkpoint)
{
    storing *s;
    weir_rc rc = ready(t, self, &s);
    if (!rc)
        rc = flush(t, s);
    if (!rc)
        rc = start_commit(t, s, checkpoint);
    if (!rc) {
        buf_clear(&s->checkpoint);
        buf_addv(&s->checkpoint, checkpoint);
    }
    return rc;
}

static weir_rc driven_acknowledge(weir_task *t, void *self)
{
    storing *s;
    return ready(t, self, &s);
}

const weir_materialize drive_materialize = {
    .validate = driven_validate,
    .apply = driven_apply,
    .load = driven_load,
    .flush = driven_flush,
    .store = driven_store,
    .commit = driven_commit,
    .acknowledge = driven_acknowledge,
    .needs_exists = true,
};
