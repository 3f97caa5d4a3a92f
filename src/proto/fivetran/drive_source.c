/* A driven source: Schema, Test and Update (fivetran.md 2.3). What comes after the last checkpoint of a sync never happened; nothing is told of what was made durable,
 * for there is no word for it.
 */
#include "base/clock.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/text.h"
#include "proto/fivetran/drive_update.h"
#include "proto/flowdoc.h"
#include "proto/flow/pb.h"

enum { SAMPLE_MS = 20000, SAMPLE_SOME = 100, SAMPLE_RECORDS = 10000 }; /* of data that tell which tables there are */

/* ---- discover ---- */

/* Flow holds every document to this schema, and any sync may change types and add columns (SchemaChange; fivetran.md 2.3): it has what stays, the key. What the
 * other columns are is told by each sync (drive_update.c). Not even their names: a place of which nothing else is known would become a column of any type.
 */
static void promised_schema(const ft_table *t, buf *out)
{
    arena a = {0};
    ft_table keys = {.columns = arena_array(&a, t->count, sizeof *keys.columns)};
    for (size_t i = 0; keys.columns && i < t->count; i++) {
        ft_column c = t->columns[i];
        if (c.type == FT_SHORT || c.type == FT_INT)
            c.type = FT_LONG; /* integers they stay, but not how large */
        if (c.key)
            keys.columns[keys.count++] = c;
    }
    ft_schema_of_columns(&keys, out);
    out->failed |= a.failed;
    arena_free(&a);
}

static weir_rc schema_of(const ft_run *r, const ft_table *t, bool keyed, buf *out, err *e)
{
    buf plain = {0};
    const flowdoc_rules rules = {.row_id = VIEW("{\"type\":\"integer\"}"), .root_requires = true};
    weir_rc rc = WEIR_OK;
    (r->d->o.flow_documents ? promised_schema : ft_schema_of_columns)(t, &plain);
    if (!buf_ok(&plain))
        rc = err_nomem(e);
    else if (!r->d->o.flow_documents)
        buf_addv(out, buf_view(&plain));
    else if (!keyed)
        rc = flowdoc_schema(out, buf_view(&plain), &rules, e);
    else if (!patch_apply(out, buf_view(&plain), VIEW("{\"x-infer-schema\":true}")))
        rc = err_nomem(e);
    buf_free(&plain);
    return rc || buf_ok(out) ? rc : err_nomem(e);
}

static weir_rc report(weir_task *t, const ft_run *r, const ft_table *x)
{
    err *e = task_error(t);
    buf key = {0}, schema = {0}, resource = {0};
    ft_key_of_columns(x, &key);
    const bool keyed = !view_is(buf_view(&key), "[]"), counted = !keyed && r->d->o.flow_documents;
    weir_rc rc = schema_of(r, x, keyed, &schema, e);
    buf_adds(&resource, "{\"table\":");
    json_quote_lossy(&resource, x->name);
    if (x->schema.len) {
        buf_adds(&resource, ",\"schema\":");
        json_quote_lossy(&resource, x->schema);
    }
    buf_addc(&resource, '}');
    if (!rc && (!buf_ok(&key) || !buf_ok(&resource)))
        rc = err_nomem(e);
    if (!rc)
        rc = weir_discovered(t, &(weir_stream){
            .name = x->name, .name_space = x->schema, .schema = buf_view(&schema), .key = counted ? VIEW(FLOWDOC_KEY) : buf_view(&key),
            .resource = buf_view(&resource), .modes = WEIR_INCREMENTAL, .fallback_key = counted, .deletes = keyed, .updates = keyed && r->d->o.flow_documents,
        });
    buf_free(&key);
    buf_free(&schema);
    buf_free(&resource);
    return err_wrap(e, rc, "table '%.*s'", VIEW_ARG(x->name));
}

/* Whoever does not say what there is has it looked for in the data: in the beginning of a first sync, which is then cancelled. */
static weir_rc look(ft_pull *p, rpc_call *c)
{
    const int64_t until = clock_ms() + SAMPLE_MS;
    for (;;) {
        weir_view message;
        bool sealed = false;
        weir_rc rc = rpc_receive(c, &message, task_error(p->t));
        if (!rc)
            rc = ft_pull_look(p, message, &sealed);
        if (rc)
            return rc;
        if ((sealed && p->unsealed >= SAMPLE_SOME) || p->unsealed >= SAMPLE_RECORDS || clock_ms() > until)
            return WEIR_OK;
    }
}

static weir_rc sample(weir_task *t, ft_pull *p)
{
    err *e = task_error(t);
    rpc_call *c;
    buf request = {0};
    buf_addv(&request, buf_view(&p->r->configuration));
    ft_say_text(&request, 3, VIEW("{}"));
    weir_rc rc = ft_server_stream(p->r->server, "Update", &request, weir_stop_fd(t), &c, e);
    buf_wipe(&request);
    if (rc)
        return ft_server_explain(p->r->server, rc, e);
    rc = look(p, c);
    if (rc == WEIR_STOPPED) {
        err_clear(e);
        rc = rpc_finish(c, e); /* it has ended, well or not */
        return weir_stopping(t) ? weir_fail(t, WEIR_STOPPED, "stopped") : ft_server_explain(p->r->server, rc, e);
    }
    rpc_cancel(c);
    rpc_finish(c, NULL);
    return rc;
}

static weir_rc discover_in_data(weir_task *t, ft_run *r)
{
    ft_pull p = {.t = t, .r = r, .schema = {.unknown = true}};
    ft_schema s = {0};
    weir_log(t, WEIR_INFO, "the connector does not say which tables it has: the beginning of its data does");
    weir_rc rc = err_wrap(task_error(t), sample(t, &p), "Update");
    if (!rc)
        rc = ft_pull_seen(&p, &s);
    for (size_t i = 0; !rc && i < s.count; i++)
        rc = report(t, r, &s.tables[i]);
    if (!rc && !s.count)
        weir_log(t, WEIR_WARN, "there is no data: bindings have to be written by hand, {table: NAME}");
    ft_pull_free(&p);
    return rc;
}

static weir_rc discover(weir_task *t, void *self)
{
    ft_run *r = self;
    arena a = {0};
    ft_schema s;
    weir_rc rc = ft_schema_ask(t, r, &a, &s);
    for (size_t i = 0; !rc && i < s.count; i++)
        rc = report(t, r, &s.tables[i]);
    if (!rc && s.unknown)
        rc = discover_in_data(t, r);
    else if (!rc && !s.count)
        weir_log(t, WEIR_WARN, "the connector has no tables");
    arena_free(&a);
    return rc;
}

/* ---- validate ---- */

static weir_rc find_bound(weir_task *t, const ft_schema *s, arena *a, const weir_binding *b, ft_table *ret)
{
    err *e = task_error(t);
    ft_resource x;
    weir_rc rc = ft_resource_of(a, b, &x, e);
    if (rc)
        return rc;
    const ft_table *found = ft_schema_find(s, x.schema, x.table);
    if (!found && !s->unknown)
        return err_fail(e, WEIR_E_CONFIG, "the connector has no table '%.*s'%s%.*s", VIEW_ARG(x.table), x.schema.len ? " in schema " : "", VIEW_ARG(x.schema));
    *ret = found ? *found : (ft_table){.schema = x.schema, .name = x.table};
    return WEIR_OK;
}

static weir_rc validate(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    ft_run *r = self;
    arena a = {0};
    ft_schema s = {0};
    ft_table found;
    bool failed;
    weir_rc rc = ft_run_tests(t, r, &failed);
    if (failed)
        n = 0;
    if (!rc && n)
        rc = ft_schema_ask(t, r, &a, &s);
    for (size_t i = 0; i < n && !rc; i++) {
        if (find_bound(t, &s, &a, &b[i], &found)) {
            weir_problem(t, &b[i], "%s", err_text(task_error(t)));
            err_clear(task_error(t));
        }
    }
    arena_free(&a);
    return rc;
}

/* ---- the request ---- */

static void say_columns(const ft_table *t, buf *out)
{
    buf entry = {0};
    for (size_t i = 0; i < t->count; i++) {
        buf_clear(&entry);
        ft_say_text(&entry, 1, t->columns[i].name);
        ft_say_number(&entry, 2, 1);
        ft_say_text(out, 3, buf_view(&entry));
    }
    out->failed |= entry.failed;
    buf_free(&entry);
}

/* A TableSelection: a table that is bound with all of its columns, and those to come. */
static void say_table(const ft_pull *p, const ft_table *t, unsigned tag, buf *out)
{
    buf one = {0};
    bool bound = false;
    for (size_t i = 0; i < p->count; i++)
        bound |= view_eq(p->bound[i].t.name, t->name) && view_eq(p->bound[i].t.schema, t->schema);
    if (bound)
        ft_say_number(&one, 1, 1);
    ft_say_text(&one, 2, t->name);
    if (bound)
        say_columns(t, &one);
    if (bound)
        ft_say_number(&one, 4, 1);
    ft_say_text(out, tag, buf_view(&one));
    out->failed |= one.failed;
    buf_free(&one);
}

/* Tables of one schema stand together (drive_tables.c). */
static void say_schemas(const ft_pull *p, buf *out)
{
    const ft_schema *s = &p->schema;
    buf one = {0}, tables = {0};
    for (size_t i = 0; i < s->count;) {
        weir_view name = s->tables[i].schema;
        bool included = false;
        buf_clear(&one);
        buf_clear(&tables);
        for (; i < s->count && view_eq(s->tables[i].schema, name); i++)
            say_table(p, &s->tables[i], 3, &tables);
        for (size_t k = 0; k < p->count; k++)
            included |= view_eq(p->bound[k].t.schema, name);
        if (included)
            ft_say_number(&one, 1, 1);
        ft_say_text(&one, 2, name);
        buf_addv(&one, buf_view(&tables));
        ft_say_text(out, 1, buf_view(&one));
    }
    out->failed |= one.failed || tables.failed;
    buf_free(&one);
    buf_free(&tables);
}

/* Nothing new is included: bindings are what the user has chosen. */
static void say_selection(const ft_pull *p, buf *out)
{
    buf tables = {0}, selection = {0};
    if (p->schema.unknown || p->schema.no_selection)
        return;
    if (p->schema.with_schemas)
        say_schemas(p, &tables);
    for (size_t i = 0; i < p->schema.count && !p->schema.with_schemas; i++)
        say_table(p, &p->schema.tables[i], 1, &tables);
    ft_say_text(&selection, p->schema.with_schemas ? 2 : 1, buf_view(&tables));
    ft_say_text(out, 2, buf_view(&selection));
    out->failed |= tables.failed || selection.failed;
    buf_free(&tables);
    buf_free(&selection);
}

static void say_request(ft_pull *p, buf *out)
{
    weir_view kept = weir_json_at(weir_state(p->t), "/" FT_STATE);
    weir_view state = kept.len && *kept.ptr == '"' ? json_decode(&p->a, kept) : VIEW("{}");
    buf_addv(out, buf_view(&p->r->configuration));
    say_selection(p, out);
    ft_say_text(out, 3, state.ptr ? state : VIEW("{}"));
    out->failed |= p->a.failed;
}

/* ---- pull ---- */

static uint64_t rows_so_far(const ft_pull *p, const weir_binding *b)
{
    weir_view rows = weir_json_at(weir_state(p->t), "/" FT_ROWS);
    buf pointer = {0};
    pointer_push(&pointer, b->state_key);
    int64_t n = rows.len && buf_ok(&pointer) ? weir_json_int(rows, buf_text(&pointer), 0) : 0;
    buf_free(&pointer);
    return n > 0 ? (uint64_t)n : 0;
}

/* The tables that are bound, and those that are known beside them. */
static weir_rc begin(ft_pull *p, const weir_binding *b, size_t n)
{
    err *e = task_error(p->t);
    weir_rc rc = ft_schema_ask(p->t, p->r, &p->a, &p->schema);
    p->bound = rc ? NULL : arena_array(&p->a, n, sizeof *p->bound);
    if (!rc && !p->bound)
        rc = err_nomem(e);
    for (size_t i = 0; i < n && !rc; i++) {
        ft_table t;
        rc = find_bound(p->t, &p->schema, &p->a, &b[i], &t);
        p->bound[i] = (ft_pulled){.next_row = rc ? 0 : rows_so_far(p, &b[i])};
        if (!rc)
            rc = ft_pull_table(p, &p->bound[i], &t, &b[i]);
        p->count += !rc;
        err_wrap(e, rc, "binding %.*s", VIEW_ARG(b[i].name));
    }
    return rc;
}

static weir_rc receive(ft_pull *p, rpc_call *c)
{
    err *e = task_error(p->t);
    for (;;) {
        weir_view message;
        weir_rc rc = rpc_receive(c, &message, e);
        if (rc == WEIR_STOPPED)
            return WEIR_OK; /* why, the status says */
        if (!rc)
            rc = ft_pull_message(p, message);
        if (rc)
            return err_wrap(e, rc, "message %llu of Update", (unsigned long long)p->messages);
    }
}

static weir_rc update(ft_pull *p)
{
    err *e = task_error(p->t);
    rpc_call *c;
    buf request = {0};
    say_request(p, &request);
    weir_rc rc = ft_server_stream(p->r->server, "Update", &request, weir_stop_fd(p->t), &c, e);
    buf_wipe(&request);
    if (rc)
        return ft_server_explain(p->r->server, rc, e);
    rc = receive(p, c);
    if (rc) {
        rpc_cancel(c);
        rpc_finish(c, NULL);
        return rc;
    }
    err_clear(e);
    rc = rpc_finish(c, e);
    if (weir_stopping(p->t)) {
        err_clear(e);
        return err_fail(e, WEIR_STOPPED, "stopped");
    }
    if (rc == WEIR_STOPPED) /* it has cancelled its own call */
        rc = err_fail(e, WEIR_E_REMOTE, "CANCELLED");
    return err_wrap(e, ft_server_explain(p->r->server, rc, e), "Update");
}

static void tell_left_out(const ft_pull *p)
{
    for (size_t i = 0; i < p->tables.count; i++) {
        const ft_pulled *x = p->tables.entries[i].value;
        if (x->left_out)
            weir_log(p->t, x->warned ? WEIR_WARN : WEIR_DEBUG, "table '%.*s': %llu records left out", VIEW_ARG(x->t.name), (unsigned long long)x->left_out);
    }
}

static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    ft_pull p = {.t = t, .r = self};
    weir_rc rc = begin(&p, b, n);
    if (!rc)
        rc = weir_opened(t, false);
    if (!rc)
        rc = ft_pull_tell(&p);
    if (!rc)
        rc = update(&p);
    if (p.unsealed) {
        if (!rc || rc == WEIR_STOPPED)
            weir_log(t, WEIR_WARN, "%llu record%s after the connector's last checkpoint %s dropped", (unsigned long long)p.unsealed,
                     p.unsealed == 1 ? "" : "s", p.unsealed == 1 ? "is" : "are");
        task_drop_rest(t);
    }
    tell_left_out(&p);
    ft_pull_free(&p);
    return rc;
}

const weir_capture ft_driven_capture = {
    .discover = discover,
    .validate = validate,
    .pull = pull,
    .all_in_one = true,
    .relay = true,
};
