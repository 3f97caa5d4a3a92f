/* Being a Flow materialization (flow.md 5): validate and apply answer one request each; open leads into transactions, until the input ends. */
#include "base/io.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/scan.h"
#include "json/write.h"
#include "proto/flow/names.h"
#include "proto/flow/serve.h"
#include "run/conduct.h"

enum { BATCH_ROWS = 1024, BATCH_BYTES = 512 * 1024, PIECE = 64 * 1024 };

/* What a connector said of one column. */
typedef struct said {
    bool any;
    weir_need need;
    weir_view reason;
} said;

/* Listens to a connector during one request, or a whole session of storing. */
typedef struct destination {
    listener base;
    server *v;
    session *s;
    const tree *task;      /* the MaterializationSpec, or the Validate request */
    weir_binding *b;
    size_t count;
    weir_view *paths;      /* by binding: from weir_resource_path() */
    bool *delta;           /* ... from weir_delta_updates() */
    said **columns;        /* ... from weir_constrain(), by column; the last is the whole document */
    buf state;             /* what the platform keeps for it, as it is now */
    buf told;              /* ... as the platform has been told */
    bool resumed;          /* the destination keeps the checkpoint */
    buf checkpoint;        /* it */
} destination;

/* ---- the listener ---- */

static weir_rc take_path(listener *l, weir_task *t, const weir_binding *b, weir_view path)
{
    destination *d = (destination *)l;
    d->paths[b->index] = arena_dup(&d->v->arena, path);
    return d->paths[b->index].ptr ? WEIR_OK : err_nomem(task_error(t));
}

static weir_rc take_delta(listener *l, weir_task *t, const weir_binding *b)
{
    (void)t;
    ((destination *)l)->delta[b->index] = true;
    return WEIR_OK;
}

static weir_rc take_constraint(listener *l, weir_task *t, const weir_binding *b, const weir_column *c, weir_need need, weir_view reason)
{
    destination *d = (destination *)l;
    size_t at = c ? (size_t)(c - b->columns) : b->column_count;
    d->columns[b->index][at] = (said){true, need, arena_dup(&d->v->arena, reason)};
    return d->v->arena.failed ? err_nomem(task_error(t)) : WEIR_OK;
}

static weir_rc take_state(listener *l, weir_task *t, weir_view patch)
{
    destination *d = (destination *)l;
    buf next = {0};
    if (!patch_apply(&next, d->state.len ? buf_view(&d->state) : VIEW("{}"), patch) || !buf_ok(&next)) {
        buf_free(&next);
        return err_nomem(task_error(t));
    }
    buf_free(&d->state);
    d->state = next;
    return WEIR_OK;
}

static weir_rc take_checkpoint(listener *l, weir_task *t, weir_view checkpoint)
{
    destination *d = (destination *)l;
    d->resumed = true;
    if (checkpoint.len && !json_check(checkpoint, NULL, NULL))
        return weir_fail(t, WEIR_E_REMOTE, "the checkpoint that the destination keeps is not JSON: %.*s", VIEW_ARG(checkpoint));
    buf_clear(&d->checkpoint);
    buf_addv(&d->checkpoint, checkpoint);
    return buf_ok(&d->checkpoint) ? WEIR_OK : err_nomem(task_error(t));
}

static weir_rc take_loaded(listener *l, weir_task *t, const weir_row *row, weir_view doc)
{
    destination *d = (destination *)l;
    buf *out = &d->v->out;
    flow_write_loaded(d->v->in.codec, row->binding->index, doc, out);
    if (!buf_ok(out))
        return err_nomem(task_error(t));
    if (out->len < PIECE)
        return WEIR_OK;
    weir_rc rc = io_write(d->v->o->out, buf_view(out), "standard output", task_error(t));
    buf_clear(out);
    return rc;
}

static const listener_ops ops = {
    .resource_path = take_path, .delta = take_delta, .constrain = take_constraint, .keep = take_state, .resume = take_checkpoint, .loaded = take_loaded,
};

static void destination_free(destination *d)
{
    session_free(d->s);
    buf_wipe(&d->state);
    buf_wipe(&d->told);
    buf_free(&d->checkpoint);
}

/* ---- columns from projections (flow.md 6.1) ---- */

static unsigned types_of(const tree *inference)
{
    static const struct {
        const char *name;
        unsigned bit;
    } all[] = {{"null", WEIR_IS_NULL},     {"boolean", WEIR_IS_BOOLEAN}, {"integer", WEIR_IS_INTEGER}, {"number", WEIR_IS_NUMBER},
               {"string", WEIR_IS_STRING}, {"array", WEIR_IS_ARRAY},     {"object", WEIR_IS_OBJECT}};
    const tree *list = name_get(inference, "types");
    unsigned types = 0;
    for (const tree *t = list && list->kind == TREE_ARRAY ? list->first : NULL; t; t = t->next)
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            if (view_is(t->text, all[i].name))
                types |= all[i].bit;
    enum { ALL_BUT_INTEGER = WEIR_IS_NULL | WEIR_IS_BOOLEAN | WEIR_IS_NUMBER | WEIR_IS_STRING | WEIR_IS_ARRAY | WEIR_IS_OBJECT };
    if (types & WEIR_IS_NUMBER)
        types |= WEIR_IS_INTEGER;
    return (types & ALL_BUT_INTEGER) == ALL_BUT_INTEGER ? 0 : types;
}

static weir_column column_of(const tree *projection, bool key)
{
    const tree *inference = name_get(projection, "inference"), *string = name_get(inference, "string");
    weir_view title = name_text(inference, "title");
    weir_column c = {
        .field = name_text(projection, "field"), .pointer = name_text(projection, "ptr"), .types = types_of(inference),
        .format = name_text(string, "format"), .encoding = name_text(string, "contentEncoding"),
        .description = title.len ? title : name_text(inference, "description"), .key = key, .named = true,
    };
    if (!c.pointer.len && !key)
        c.types = WEIR_IS_OBJECT;
    c.required = (view_is(name_text(inference, "exists"), "MUST") && c.types && !(c.types & WEIR_IS_NULL)) || !c.pointer.len;
    return c;
}

static const tree *projections_of(const tree *binding)
{
    const tree *list = name_get(name_get(binding, "collection"), "projections");
    return list && list->kind == TREE_ARRAY ? list : NULL;
}

static const tree *by_field(const tree *projections, weir_view field)
{
    for (const tree *p = projections ? projections->first : NULL; p; p = p->next)
        if (view_eq(name_text(p, "field"), field))
            return p;
    return NULL;
}

/* The projection that stands for a part of the key: one that is given in the catalog, if there are several. */
static const tree *by_pointer(const tree *projections, weir_view pointer)
{
    const tree *found = NULL;
    for (const tree *p = projections ? projections->first : NULL; p; p = p->next)
        if (view_eq(name_text(p, "ptr"), pointer) && (!found || name_flag(p, "explicit")))
            found = p;
    return found;
}

static weir_rc no_projection(const weir_binding *b, const char *what, weir_view name, err *e)
{
    return err_fail(e, WEIR_E_PROTOCOL, "binding %.*s: the collection has no projection for the %s \"%.*s\"", VIEW_ARG(b->name), what, VIEW_ARG(name));
}

/* The fields of a list, as columns. */
static weir_rc add_fields(weir_binding *b, weir_column *to, const tree *projections, const tree *fields, bool key, err *e)
{
    for (const tree *f = fields && fields->kind == TREE_ARRAY ? fields->first : NULL; f; f = f->next) {
        const tree *p = by_field(projections, f->text);
        if (!p)
            return no_projection(b, "field", f->text, e);
        to[b->column_count++] = column_of(p, key);
    }
    return WEIR_OK;
}

/* Apply and open: keys, values, document, in the order of the field selection (flow.md 5.4). */
static weir_rc selected_columns(server *v, const tree *item, weir_binding *b, err *e)
{
    const tree *selection = name_get(item, "fieldSelection"), *projections = projections_of(item);
    const tree *keys = name_get(selection, "keys"), *values = name_get(selection, "values");
    weir_view document = name_text(selection, "document");
    weir_column *columns = arena_array(&v->arena, (keys ? keys->count : 0) + (values ? values->count : 0) + 1, sizeof *columns);
    if (!columns)
        return err_nomem(e);
    weir_rc rc = add_fields(b, columns, projections, keys, true, e);
    b->key_count = b->column_count;
    if (!rc)
        rc = add_fields(b, columns, projections, values, false, e);
    if (!rc && document.len)
        columns[b->column_count++] = (weir_column){.field = document, .pointer = VIEW(""), .types = WEIR_IS_OBJECT, .required = true, .named = true};
    b->columns = columns;
    return rc;
}

/* Validate: the key, then everything that could be selected. */
static weir_rc possible_columns(server *v, const tree *item, weir_binding *b, err *e)
{
    const tree *projections = projections_of(item), *group_by = name_get(item, "groupBy");
    weir_view *key;
    size_t parts, all = projections ? projections->count : 0;
    if (!pointer_list(&v->arena, b->key.len ? b->key : VIEW("[]"), &key, &parts))
        return err_fail(e, WEIR_E_PROTOCOL, "binding %.*s: the key of the collection is no list of pointers", VIEW_ARG(b->name));
    weir_column *columns = arena_array(&v->arena, all + parts + (group_by ? group_by->count : 0), sizeof *columns);
    if (!columns)
        return err_nomem(e);
    weir_rc rc = add_fields(b, columns, projections, group_by, true, e);
    for (size_t i = 0; !rc && !(group_by && group_by->count) && i < parts; i++) {
        const tree *p = by_pointer(projections, key[i]);
        rc = p ? WEIR_OK : no_projection(b, "key", key[i], e);
        if (!rc)
            columns[b->column_count++] = column_of(p, true);
    }
    b->key_count = b->column_count;
    for (const tree *p = !rc && projections ? projections->first : NULL; p; p = p->next) {
        bool taken = false;
        for (size_t i = 0; i < b->key_count; i++)
            taken |= view_eq(columns[i].field, name_text(p, "field"));
        if (!taken)
            columns[b->column_count++] = column_of(p, false);
    }
    b->columns = columns;
    return rc;
}

/* ---- a session ---- */

typedef weir_rc choose_columns(server *v, const tree *item, weir_binding *b, err *e);

static weir_rc read_binding(server *v, const tree *item, choose_columns *choose, weir_binding *b, const tree **ret_resource, err *e)
{
    const tree *collection = name_get(item, "collection");
    weir_rc rc = server_binding(v, item, name_get(collection, "readSchema") ? "readSchema" : "writeSchema", b, ret_resource, e);
    if (rc)
        return rc;
    b->delta_updates = name_flag(item, "deltaUpdates");
    return choose(v, item, b, e);
}

/* Opens the connector and gives it the bindings of `task`. */
static weir_rc begin(destination *d, choose_columns *choose, weir_view state, err *e)
{
    server *v = d->v;
    const tree *list = name_get(d->task, "bindings");
    const size_t n = list && list->kind == TREE_ARRAY ? list->count : 0;
    const tree **resources = arena_array(&v->arena, n, sizeof *resources);
    d->b = arena_array(&v->arena, n, sizeof *d->b);
    d->paths = arena_array(&v->arena, n, sizeof *d->paths);
    d->delta = arena_array(&v->arena, n, sizeof *d->delta);
    d->columns = arena_array(&v->arena, n, sizeof *d->columns);
    if (v->arena.failed)
        return err_nomem(e);
    for (const tree *item = n ? list->first : NULL; item; item = item->next, d->count++) {
        weir_binding *b = &d->b[d->count];
        weir_rc rc = read_binding(v, item, choose, b, &resources[d->count], e);
        d->columns[d->count] = arena_array(&v->arena, b->column_count + 1, sizeof(said));
        if (rc || v->arena.failed)
            return rc ? err_wrap(e, rc, "binding %zu", d->count) : err_nomem(e);
    }
    buf_addv(&d->state, state);
    buf_addv(&d->told, state);
    weir_rc rc = server_open(v, d->s, d->task, e);
    return rc ? rc : session_bind(d->s, d->b, resources, n, state, e);
}

static weir_rc start(destination *d, server *v, const tree *task, err *e)
{
    *d = (destination){.base = {&ops}, .v = v, .task = task};
    d->s = server_session(v, &d->base, task, e);
    return d->s ? WEIR_OK : e->rc;
}

/* ---- validate ---- */

static const char *const need_names[] = { /* flow.md 5.3 */
    [WEIR_COLUMN_OPTIONAL] = "FIELD_OPTIONAL",         [WEIR_COLUMN_RECOMMENDED] = "LOCATION_RECOMMENDED",
    [WEIR_COLUMN_REQUIRED] = "FIELD_REQUIRED",         [WEIR_COLUMN_PLACE_REQUIRED] = "LOCATION_REQUIRED",
    [WEIR_COLUMN_FORBIDDEN] = "FIELD_FORBIDDEN",       [WEIR_COLUMN_IMPOSSIBLE] = "UNSATISFIABLE",
};

/* Where the connector says nothing. */
static said usual_need(const destination *d, const weir_column *c)
{
    enum { SCALAR = WEIR_IS_NULL | WEIR_IS_BOOLEAN | WEIR_IS_INTEGER | WEIR_IS_NUMBER | WEIR_IS_STRING };
    if (c->key)
        return (said){true, WEIR_COLUMN_PLACE_REQUIRED, VIEW("it is part of the key")};
    if (!c->pointer.len && d->v->c->materialize->relay)
        return (said){true, WEIR_COLUMN_PLACE_REQUIRED, VIEW("documents are stored as a whole")};
    if (!c->pointer.len)
        return (said){true, WEIR_COLUMN_OPTIONAL, VIEW("the whole document can be stored")};
    if (c->types == WEIR_IS_NULL)
        return (said){true, WEIR_COLUMN_FORBIDDEN, VIEW("it can only be null")};
    if (c->types && !(c->types & ~(unsigned)SCALAR))
        return (said){true, WEIR_COLUMN_RECOMMENDED, VIEW("it is a scalar")};
    return (said){true, WEIR_COLUMN_OPTIONAL, VIEW("it can be stored as JSON")};
}

static void put_constraints(const destination *d, const weir_binding *b, json_out *w)
{
    out_open(out_name(w, "constraints"), '{');
    for (size_t i = 0; i < b->column_count; i++) {
        const weir_column *c = &b->columns[i];
        const said *own = &d->columns[b->index][c->pointer.len || c->key ? i : b->column_count];
        const said use = d->columns[b->index][i].any ? d->columns[b->index][i] : own->any ? *own : usual_need(d, c);
        out_open(out_namev(w, c->field), '{');
        out_text(out_name(w, "type"), view_of(need_names[use.need]));
        if (use.reason.len)
            out_text(out_name(w, "reason"), use.reason);
        out_close(w, '}');
    }
    out_close(w, '}');
}

/* Do the settings of the binding say so (x-delta-updates)? */
static bool asks_for_delta(const weir_connector *c, const weir_binding *b)
{
    for (const weir_field *f = c->resource; f && f->name; f++)
        if (f->flags & WEIR_DELTA_UPDATES && f->type == WEIR_BOOL)
            return *(const bool *)((const char *)b->resource + f->offset);
    return false;
}

static weir_rc put_validated(destination *d, buf *body, err *e)
{
    json_out w = json_out_to(body);
    out_open(&w, '{');
    out_open(out_name(&w, "bindings"), '[');
    for (size_t i = 0; i < d->count; i++) {
        const weir_binding *b = &d->b[i];
        weir_rc rc = server_path(d->v, d->paths, b, e);
        if (rc)
            return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
        rc = server_check_path(d->paths, d->b, i, e);
        if (rc)
            return rc;
        out_open(&w, '{');
        put_constraints(d, b, &w);
        out_raw(out_name(&w, "resourcePath"), d->paths[i]);
        if (d->delta[i] || asks_for_delta(d->v->c, b))
            out_bool(out_name(&w, "deltaUpdates"), true);
        out_close(&w, '}');
    }
    out_close(&w, ']');
    out_close(&w, '}');
    return buf_ok(body) ? WEIR_OK : err_nomem(e);
}

static weir_rc do_validate(server *v, session *s, const tree *body, err *e)
{
    destination *d = (destination *)session_listener(s);
    (void)v;
    (void)body;
    weir_rc rc = begin(d, possible_columns, (weir_view){0}, e);
    return rc ? rc : session_validate(s, e);
}

static weir_rc on_validate(server *v, const tree *body, err *e)
{
    destination d;
    buf text = {0};
    weir_rc rc = start(&d, v, body, e);
    if (!rc)
        rc = server_attended(v, d.s, do_validate, body, e);
    if (!rc)
        rc = put_validated(&d, &text, e);
    if (!rc)
        rc = server_respond(v, FLOW_VALIDATED, buf_view(&text), e);
    destination_free(&d);
    buf_free(&text);
    return rc;
}

/* ---- apply ---- */

/* {"state":{...}} if it has changed since the platform was told; otherwise {}. */
static weir_rc put_state(destination *d, json_out *w, err *e)
{
    weir_view now = buf_view(&d->state), told = d->told.len ? buf_view(&d->told) : VIEW("{}");
    buf patch = {0};
    if (!now.len || json_equal(told, now))
        return WEIR_OK;
    if (!patch_diff(&patch, told, now))
        return err_nomem(e);
    out_open(out_name(w, "state"), '{');
    out_raw(out_name(w, "updated"), buf_view(&patch));
    out_bool(out_name(w, "mergePatch"), true);
    out_close(w, '}');
    buf_clear(&d->told);
    buf_addv(&d->told, now);
    bool ok = buf_ok(&patch) && buf_ok(&d->told) && buf_ok(w->to);
    buf_wipe(&patch);
    return ok ? WEIR_OK : err_nomem(e);
}

/* Answers with nothing but the state. What was written before (loaded documents) goes out first. */
static weir_rc respond_state(destination *d, flow_kind kind, err *e)
{
    buf text = {0};
    json_out w = json_out_to(&text);
    out_open(&w, '{');
    weir_rc rc = put_state(d, &w, e);
    out_close(&w, '}');
    if (!rc)
        rc = buf_ok(&text) ? flow_write(d->v->in.codec, d->v->out_dir, kind, buf_view(&text), &d->v->out, e) : err_nomem(e);
    if (!rc)
        rc = io_write(d->v->o->out, buf_view(&d->v->out), "standard output", e);
    buf_clear(&d->v->out);
    buf_wipe(&text);
    return rc;
}

static weir_rc do_apply(server *v, session *s, const tree *body, err *e)
{
    destination *d = (destination *)session_listener(s);
    (void)v;
    weir_rc rc = begin(d, selected_columns, name_raw(body, "state"), e);
    return rc ? rc : session_apply(s, e);
}

static weir_rc on_apply(server *v, const tree *body, err *e)
{
    destination d;
    weir_rc rc = start(&d, v, name_get(body, "materialization"), e);
    if (!rc)
        rc = server_attended(v, d.s, do_apply, body, e);
    buf_clear(&v->out);
    if (!rc)
        rc = respond_state(&d, FLOW_APPLIED, e);
    destination_free(&d);
    return rc;
}

/* ---- transactions ---- */

/* Rows on their way to the connector: of one binding, either keys to be loaded or rows to be stored. */
typedef struct batch {
    arena arena;     /* of their texts */
    weir_row *rows;  /* BATCH_ROWS at a time */
    size_t count, bytes;
    flow_kind kind;  /* FLOW_LOAD, FLOW_STORE */
} batch;

typedef struct storing {
    destination *d;
    batch batch;
    buf room;          /* an unpacked tuple */
    bool acknowledged; /* since the last startedCommit: loaded documents may be sent */
    bool flushed;      /* in this transaction */
} storing;

/* Keys that came before the acknowledgement wait for it (flow.md 5.5: the platform runs ahead). */
static bool must_wait(const storing *s)
{
    return s->batch.kind == FLOW_LOAD && !s->acknowledged;
}

/* Loaded rows are needed until the flush if the connector answers then. */
static bool keeps_keys(const storing *s)
{
    return s->d->v->c->materialize->flush != NULL;
}

static weir_rc hand_over(storing *s, weir_row *rows, size_t count, err *e)
{
    const weir_materialize *c = s->d->v->c->materialize;
    if (s->batch.kind == FLOW_STORE)
        return err_wrap(e, session_store(s->d->s, rows, count, e), "binding %.*s", VIEW_ARG(rows->binding->name));
    return c->load ? err_wrap(e, session_load(s->d->s, rows, count, e), "binding %.*s", VIEW_ARG(rows->binding->name)) : WEIR_OK;
}

/* Gives the connector what was gathered. Keys that waited may be of several bindings. */
static weir_rc dispatch(storing *s, err *e)
{
    batch *b = &s->batch;
    weir_rc rc = WEIR_OK;
    for (size_t from = 0, to; !rc && from < b->count; from = to) {
        for (to = from + 1; to < b->count && b->rows[to].binding == b->rows[from].binding; to++)
            ;
        rc = hand_over(s, b->rows + from, to - from, e);
    }
    b->count = b->bytes = 0;
    b->rows = NULL;
    if (b->kind == FLOW_STORE || !keeps_keys(s))
        arena_reset(&b->arena);
    return rc;
}

/* Room for one more row. While keys have to wait it grows. */
static weir_row *next_row(storing *s, const weir_binding *of, flow_kind kind, err *e)
{
    batch *b = &s->batch;
    bool other = b->count && (b->kind != kind || (b->rows[b->count - 1].binding != of && !must_wait(s)));
    if (other || (b->bytes >= BATCH_BYTES && !must_wait(s)) || (b->count && b->count % BATCH_ROWS == 0 && !must_wait(s)))
        if (dispatch(s, e))
            return NULL;
    b->kind = kind;
    if (b->count % BATCH_ROWS == 0) {
        weir_row *more = arena_array(&b->arena, b->count + BATCH_ROWS, sizeof *more);
        if (!more) {
            err_nomem(e);
            return NULL;
        }
        if (b->count)
            memcpy(more, b->rows, b->count * sizeof *more);
        b->rows = more;
    }
    weir_row *row = &b->rows[b->count++];
    *row = (weir_row){.binding = of};
    return row;
}

/* Moves views into one text to a copy of it. */
static bool keep_views(batch *b, weir_view *views, size_t count)
{
    if (!count)
        return true;
    const char *first = views[0].ptr;
    const size_t len = (size_t)(views[count - 1].ptr + views[count - 1].len - first);
    weir_view copy = arena_dup(&b->arena, (weir_view){first, len});
    for (size_t i = 0; copy.ptr && i < count; i++)
        views[i].ptr = copy.ptr + (views[i].ptr - first);
    b->bytes += len;
    return copy.ptr != NULL;
}

/* A document stays, on one line. */
static bool keep_doc(batch *b, const flow_message *m, weir_view *ret)
{
    buf flat = {0};
    if (m->lines)
        json_compact(&flat, m->doc);
    *ret = arena_dup(&b->arena, m->lines ? buf_view(&flat) : m->doc);
    b->bytes += m->doc.len;
    bool ok = buf_ok(&flat) && ret->ptr;
    buf_free(&flat);
    return ok;
}

static weir_rc fill_values(storing *s, const flow_message *m, weir_row *row, size_t values, err *e)
{
    const weir_binding *b = row->binding;
    weir_view *to = arena_array(&s->batch.arena, b->column_count, sizeof *to);
    if (!to)
        return err_nomem(e);
    weir_rc rc = flow_values(m, false, b->key_count, to, &s->room, e);
    if (!rc && !keep_views(&s->batch, to, b->key_count))
        rc = err_nomem(e);
    if (!rc && m->kind == FLOW_STORE)
        rc = flow_values(m, true, values, to + b->key_count, &s->room, e);
    if (!rc && m->kind == FLOW_STORE && !keep_views(&s->batch, to + b->key_count, values))
        rc = err_nomem(e);
    if (values < b->column_count - b->key_count)
        to[b->column_count - 1] = row->doc;
    row->values = to;
    return rc;
}

static weir_rc fill_row(storing *s, const flow_message *m, weir_row *row, err *e)
{
    const weir_binding *b = row->binding;
    const bool relay = s->d->v->c->materialize->relay;
    const bool document = b->column_count > b->key_count && !b->columns[b->column_count - 1].pointer.len;
    if (m->kind == FLOW_STORE) {
        row->op = m->deleted ? WEIR_DELETE : WEIR_UPSERT;
        row->exists = m->exists || m->deleted ? WEIR_EXISTS_YES : WEIR_EXISTS_NO;
        if (m->doc.len && !keep_doc(&s->batch, m, &row->doc))
            return err_nomem(e);
        if (!m->doc.len && relay)
            return err_fail(e, WEIR_E_PROTOCOL, "a 'store' without a document");
    }
    if (relay && m->kind == FLOW_STORE) {
        if (view_is(pointer_find(row->doc, VIEW("/_meta/op")), "\"d\""))
            row->op = WEIR_DELETE;
        return WEIR_OK;
    }
    return fill_values(s, m, row, b->column_count - b->key_count - document, e);
}

static weir_rc on_row(storing *s, const flow_message *m, err *e)
{
    if (m->binding >= s->d->count)
        return err_fail(e, WEIR_E_PROTOCOL, "binding %u of %zu", m->binding, s->d->count);
    if (m->kind == FLOW_STORE && !s->flushed)
        return err_fail(e, WEIR_E_PROTOCOL, "a row before 'flush'");
    if (m->kind == FLOW_LOAD && s->flushed)
        return err_fail(e, WEIR_E_PROTOCOL, "a key after 'flush'");
    weir_row *row = next_row(s, &s->d->b[m->binding], m->kind, e);
    return row ? fill_row(s, m, row, e) : e->rc;
}

static weir_rc on_flush(storing *s, const flow_message *m, err *e)
{
    (void)m;
    if (!s->acknowledged || s->flushed)
        return err_fail(e, WEIR_E_PROTOCOL, s->flushed ? "a second one in a transaction" : "before 'acknowledge'");
    weir_rc rc = dispatch(s, e);
    if (!rc)
        rc = session_flush(s->d->s, e);
    arena_reset(&s->batch.arena);
    s->flushed = true;
    return rc ? rc : respond_state(s->d, FLOW_FLUSHED, e);
}

static weir_rc on_start_commit(storing *s, const flow_message *m, err *e)
{
    arena a = {0};
    tree *body;
    if (!s->flushed)
        return err_fail(e, WEIR_E_PROTOCOL, "before 'flush'");
    weir_rc rc = dispatch(s, e);
    if (!rc)
        rc = tree_parse(&a, m->body, NULL, WEIR_E_PROTOCOL, &body, e);
    if (!rc) {
        weir_view checkpoint = name_raw(body, "runtimeCheckpoint");
        rc = session_commit(s->d->s, checkpoint.len ? checkpoint : VIEW("{}"), e);
    }
    s->acknowledged = s->flushed = false;
    arena_free(&a);
    return rc ? rc : respond_state(s->d, FLOW_STARTED_COMMIT, e);
}

static weir_rc on_acknowledge(storing *s, const flow_message *m, err *e)
{
    (void)m;
    if (s->acknowledged)
        return err_fail(e, WEIR_E_PROTOCOL, "a second one in a transaction");
    weir_rc rc = session_acknowledge(s->d->s, e);
    s->acknowledged = true;
    return rc ? rc : respond_state(s->d, FLOW_ACKNOWLEDGED, e);
}

static const struct {
    flow_kind kind;
    weir_rc (*handle)(storing *, const flow_message *m, err *e);
} steps[] = {
    {FLOW_STORE, on_row}, {FLOW_LOAD, on_row}, {FLOW_FLUSH, on_flush}, {FLOW_START_COMMIT, on_start_commit}, {FLOW_ACKNOWLEDGE, on_acknowledge},
};

static weir_rc take_step(storing *s, const flow_message *m, err *e)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i].kind == m->kind)
            return err_wrap(e, steps[i].handle(s, m, e), "%s", flow_kind_name(m->kind));
    return err_fail(e, WEIR_E_PROTOCOL, "a '%s' request while storing", flow_kind_name(m->kind));
}

/* Until the input ends. What was not committed then is dropped: the platform stores it again. */
static weir_rc transactions(destination *d, err *e)
{
    storing s = {.d = d};
    weir_rc rc = WEIR_OK;
    for (bool more = true; !rc && more;) {
        flow_message m;
        rc = server_await(d->v, session_stop_fd(d->s), e);
        if (!rc)
            rc = flow_stream_next(&d->v->in, d->v->in_dir, &m, &more, e);
        if (!rc && more)
            rc = take_step(&s, &m, e);
    }
    arena_free(&s.batch.arena);
    buf_free(&s.room);
    return rc;
}

/* ---- open ---- */

static bool puts_checkpoint(const destination *d)
{
    weir_view kept = buf_view(&d->checkpoint);
    return kept.len > 2 && *kept.ptr == '{';
}

/* A destination that keeps the checkpoint and has none wants everything. In protobuf there is a sign for that (flow.md 5.6); in JSON there is not, but an
 * object that is empty means nothing else to those who look, and nothing at all to the others. */
static weir_rc respond_opened(destination *d, err *e)
{
    buf text = {0};
    json_out w = json_out_to(&text);
    out_open(&w, '{');
    if (puts_checkpoint(d))
        out_raw(out_name(&w, "runtimeCheckpoint"), buf_view(&d->checkpoint));
    else if (d->resumed)
        out_raw(out_name(&w, "runtimeCheckpoint"), d->v->in.codec == FLOW_PROTOBUF ? VIEW("{\"rebuild\":true}") : VIEW("{\"sources\":{}}"));
    out_close(&w, '}');
    weir_rc rc = buf_ok(&text) ? server_respond(d->v, FLOW_OPENED, buf_view(&text), e) : err_nomem(e);
    buf_clear(&d->v->out);
    buf_free(&text);
    return rc;
}

/* The second step of a commit that was interrupted is made here, before the platform asks for it: some connectors know only then what they keep. */
static weir_rc do_open(server *v, session *s, const tree *body, err *e)
{
    destination *d = (destination *)session_listener(s);
    (void)v;
    weir_rc rc = begin(d, selected_columns, name_raw(body, "state"), e);
    if (!rc)
        rc = session_acknowledge(s, e);
    if (!rc)
        rc = respond_opened(d, e);
    return rc ? rc : transactions(d, e);
}

static weir_rc on_open(server *v, const tree *body, err *e)
{
    destination d;
    weir_rc rc = start(&d, v, name_get(body, "materialization"), e);
    if (!rc)
        rc = server_attended(v, d.s, do_open, body, e);
    destination_free(&d);
    v->done = true;
    return rc;
}

const handler serve_materialize_handlers[] = {{FLOW_VALIDATE, on_validate}, {FLOW_APPLY, on_apply}, {FLOW_OPEN, on_open}, {FLOW_NONE, NULL}};
