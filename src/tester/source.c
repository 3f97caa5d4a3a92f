/* A test of a source: what the platform does with one, up to a database that can be looked at (fivetran.md 3.1). */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "json/scan.h"
#include "json/write.h"
#include "tester/rows.h"
#include "tester/select.h"
#include "tester/setup.h"
#include "tester/tester.h"

enum { BATCH_BYTES = 100 * 1024 }; /* of a Records message: the larger of the limits in use (fivetran.md 2.3) */

typedef struct source_test {
    const tester_options *o;
    report *r;
    tester_peer *peer;
    tester_setup setup;
    tester_tables tables;
    warehouse w;
    arena arena;
    const char *state_path;
    buf state;          /* as it was read */
    FivetranSdk__V2__SchemaResponse *schema;
    uint64_t checkpoints, messages, since; /* since: records after the latest checkpoint */
    int64_t began;
    listener nobody;    /* of the warehouse: it says nothing */
} source_test;

/* ---------------------------------------------------------------------------------------------------------------- schema -- */

static weir_rc ask_schema(source_test *x, err *e)
{
    FivetranSdk__V2__SchemaRequest q = FIVETRAN_SDK__V2__SCHEMA_REQUEST__INIT;
    ProtobufCMessage *m = NULL;
    TESTER_CONFIGURATION(&x->arena, &x->setup, &q, FivetranSdk__V2__SchemaRequest__ConfigurationEntry, FIVETRAN_SDK__V2__SCHEMA_REQUEST__CONFIGURATION_ENTRY__INIT);
    if (x->arena.failed)
        return err_nomem(e);
    weir_rc rc = tester_peer_call(x->peer, "Schema", &q.base, &fivetran_sdk__v2__schema_response__descriptor, &x->arena, &m, e);
    if (rc)
        return rc;
    x->schema = (void *)m;
    const FivetranSdk__V2__SchemaResponse *s = x->schema;
    switch (s->response_case) {
    case FIVETRAN_SDK__V2__SCHEMA_RESPONSE__RESPONSE_WITH_SCHEMA:
        x->tables.with_schemas = true;
        return tester_list_declare(&x->tables, s->with_schema, NULL, false, x->r, e);
    case FIVETRAN_SDK__V2__SCHEMA_RESPONSE__RESPONSE_WITHOUT_SCHEMA:
        return tester_list_declare(&x->tables, NULL, s->without_schema, false, x->r, e);
    case FIVETRAN_SDK__V2__SCHEMA_RESPONSE__RESPONSE_SCHEMA_RESPONSE_NOT_SUPPORTED:
        return WEIR_OK;
    default:
        tester_problem(x->r, "no_member", "the schema response has neither tables nor says that it is not supported");
        return WEIR_OK;
    }
}

static weir_rc take_schema(source_test *x, err *e)
{
    weir_rc rc = ask_schema(x, e);
    if (rc)
        return err_wrap(e, rc, "schema");
    tester_say(x->r, "schema", "%zu tables%s", x->tables.count, x->tables.count ? "" : ": they are found in the data");
    tester_tables_show(&x->tables, x->r);
    return WEIR_OK;
}

/* ----------------------------------------------------------------------------------------------------------------- state -- */

static weir_rc read_state(source_test *x, err *e)
{
    if (access(x->state_path, F_OK) != 0) {
        buf_adds(&x->state, "{}");
        return buf_ok(&x->state) ? WEIR_OK : err_nomem(e);
    }
    weir_rc rc = io_read_file(x->state_path, 64 << 20, &x->state, e);
    while (!rc && x->state.len && strchr(" \n\r\t", x->state.ptr[x->state.len - 1]))
        x->state.len--;
    if (!rc && !x->state.len)
        buf_adds(&x->state, "{}");
    return !rc && !json_check(buf_view(&x->state), NULL, NULL) ? err_fail(e, WEIR_E_CONFIG, "%s is no JSON", x->state_path) : rc;
}

/* Rows are durable first, then the state. */
static weir_rc take_checkpoint(source_test *x, weir_view state, err *e)
{
    x->checkpoints++;
    x->since = 0;
    bool usable = json_check(state, NULL, NULL);
    if (!usable)
        tester_problem(x->r, "state", "a checkpoint's state is no JSON: %.*s", (int)(state.len < 80 ? state.len : 80), state.ptr ? state.ptr : "");
    weir_rc rc = tester_rows_flush_all(&x->w, &x->tables);
    if (!rc)
        rc = tester_warehouse_commit(&x->w);
    return rc || !usable ? rc : io_replace_file(x->state_path, state, e);
}

/* ---------------------------------------------------------------------------------------------------------------- stream -- */

static void check_batch(const source_test *x, const ft_update *u, size_t records)
{
    if (u->kind != FT_RECORDS)
        return;
    if (records > FT_BATCH_RECORDS)
        tester_problem(x->r, "batch_records", "message %llu has %zu records: %d at most", (unsigned long long)x->messages, records, FT_BATCH_RECORDS);
    if (u->body.len > BATCH_BYTES)
        tester_problem(x->r, "batch_bytes", "message %llu has records of %zu bytes: %d at most, a larger record goes alone", (unsigned long long)x->messages,
                       u->body.len, BATCH_BYTES);
    if (!records)
        tester_warn(x->r, "batch_empty", "message %llu has no records", (unsigned long long)x->messages);
}

/* Now, to the millisecond. */
static weir_view now_text(char out[CLOCK_TEXT])
{
    int64_t seconds;
    uint32_t nanos;
    clock_now(&seconds, &nanos);
    return (weir_view){out, clock_rfc3339(seconds, nanos / 1000000 * 1000000, out)};
}

static weir_rc take_records(source_test *x, const ft_update *u, err *e)
{
    char now[CLOCK_TEXT];
    weir_view synced = now_text(now);
    ft_record rec;
    size_t at = 0, records = 0;
    weir_rc rc;
    while (!(rc = ft_next_record(u, &at, &rec, e))) {
        records++;
        rc = tester_rows_take(&x->w, &x->tables, &rec, synced, x->r);
        if (rc)
            return rc;
    }
    x->since += records;
    check_batch(x, u, records);
    return rc == WEIR_STOPPED ? WEIR_OK : rc;
}

static weir_rc take_change(source_test *x, const ft_update *u, err *e)
{
    ProtobufCMessage *m = NULL;
    weir_view kept = arena_dup(&x->arena, u->body);
    weir_rc rc = kept.ptr ? ft_unpack(&x->arena, &fivetran_sdk__v2__schema_change__descriptor, kept, &m, e) : err_nomem(e);
    if (!rc) /* what came before has the former schema */
        rc = tester_rows_flush_all(&x->w, &x->tables);
    if (rc)
        return rc;
    const FivetranSdk__V2__SchemaChange *c = (const void *)m;
    x->since++;
    switch (c->change_case) {
    case FIVETRAN_SDK__V2__SCHEMA_CHANGE__CHANGE_WITH_SCHEMA:
        return tester_list_declare(&x->tables, c->with_schema, NULL, true, x->r, e);
    case FIVETRAN_SDK__V2__SCHEMA_CHANGE__CHANGE_WITHOUT_SCHEMA:
        return tester_list_declare(&x->tables, NULL, c->without_schema, true, x->r, e);
    default:
        tester_problem(x->r, "no_member", "a schema change says nothing");
        return WEIR_OK;
    }
}

static weir_rc take_checkpoint_message(source_test *x, const ft_update *u, err *e) { return take_checkpoint(x, u->body, e); }

static weir_rc take_warning(source_test *x, const ft_update *u, err *e)
{
    (void)e;
    tester_say(x->r, "update", "the connector warns: %.*s", VIEW_ARG(u->body));
    return WEIR_OK;
}

static weir_rc take_task(source_test *x, const ft_update *u, err *e)
{
    (void)x;
    return err_fail(e, WEIR_E_CONFIG, "the connector has a task for its user: %.*s", VIEW_ARG(u->body));
}

static weir_rc take_nothing(source_test *x, const ft_update *u, err *e)
{
    (void)u, (void)e;
    tester_problem(x->r, "no_member", "message %llu of the update is empty", (unsigned long long)x->messages);
    return WEIR_OK;
}

static weir_rc (*const takers[])(source_test *, const ft_update *, err *) = {
    [FT_NOTHING] = take_nothing, [FT_RECORD] = take_records, [FT_SCHEMA_CHANGE] = take_change, [FT_CHECKPOINT] = take_checkpoint_message,
    [FT_WARNING] = take_warning, [FT_TASK] = take_task, [FT_RECORDS] = take_records,
};

/* @param ret_broken what failed is the stream itself */
static weir_rc take_messages(source_test *x, rpc_call *c, bool *ret_broken, err *e)
{
    for (;;) {
        weir_view message;
        ft_update u;
        weir_rc rc = rpc_receive(c, &message, e);
        *ret_broken = rc != WEIR_OK;
        if (rc)
            return rc == WEIR_STOPPED ? WEIR_OK : rc;
        x->messages++;
        rc = ft_read_update(message, &u, e);
        if (!rc)
            rc = takers[u.kind](x, &u, e);
        if (rc)
            return err_wrap(e, rc, "message %llu", (unsigned long long)x->messages);
    }
}

/* Tables of which no row came are there all the same. */
static weir_rc finish_tables(source_test *x)
{
    weir_rc rc = tester_rows_flush_all(&x->w, &x->tables);
    for (size_t i = 0; !rc && i < x->tables.count; i++)
        if (x->tables.items[i]->included && x->tables.items[i]->declared)
            rc = tester_warehouse_fit(&x->w, &x->tables, x->tables.items[i]);
    return rc ? rc : tester_warehouse_commit(&x->w);
}

static weir_rc update(source_test *x, rpc_call *c, err *e)
{
    err status = {0};
    bool broken = false;
    weir_rc rc = take_messages(x, c, &broken, e);
    if (rc)
        rpc_cancel(c);
    weir_rc ended = rpc_finish(c, &status);
    if (broken && ended) /* the server says why */
        rc = err_move(e, &status);
    err_free(&status);
    if (broken)
        rc = tester_peer_explain(x->peer, rc, e);
    return rc ? rc : finish_tables(x);
}

/* In the warehouse's task: e is its error. */
static weir_rc sync_in_task(weir_task *task, void *self, void *arg)
{
    source_test *x = arg;
    rpc_call *c = NULL;
    err *e = task_error(task);
    FivetranSdk__V2__UpdateRequest q = FIVETRAN_SDK__V2__UPDATE_REQUEST__INIT;
    x->w = (warehouse){.task = task, .self = self, .sql = x->o->warehouse->sql, .schema = x->o->schema};
    TESTER_CONFIGURATION(&x->arena, &x->setup, &q, FivetranSdk__V2__UpdateRequest__ConfigurationEntry, FIVETRAN_SDK__V2__UPDATE_REQUEST__CONFIGURATION_ENTRY__INIT);
    q._state_json_case = FIVETRAN_SDK__V2__UPDATE_REQUEST___STATE_JSON_STATE_JSON;
    q.state_json = (char *)(uintptr_t)buf_text(&x->state);
    if (x->arena.failed || !tester_select(&x->arena, &x->tables, x->schema, &q))
        return err_nomem(e);
    weir_rc rc = tester_peer_stream(x->peer, "Update", &q.base, &c, e);
    if (!rc)
        rc = err_wrap(e, update(x, c, e), "update");
    if (rc) {
        err first = {0};
        err_move(&first, e);
        tester_warehouse_rollback(&x->w);
        err_move(e, &first);
        err_free(&first);
    }
    tester_rows_free(&x->tables);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- warehouse -- */

static const listener_ops no_ops = {0};

static weir_rc open_warehouse(source_test *x, session **ret, err *e)
{
    buf config = {0};
    tree *parsed = NULL;
    json_out w = json_out_to(&config);
    out_open(&w, '{');
    out_text(out_name(&w, "path"), arena_printf(&x->arena, "%s/warehouse.db", x->o->data));
    out_close(&w, '}');
    weir_view text = arena_dup(&x->arena, buf_view(&config));
    buf_free(&config);
    session *s = session_new(&(session_options){.connector = x->o->warehouse, .to = &x->nobody, .log = x->o->log});
    *ret = s;
    if (!s || x->arena.failed)
        return err_nomem(e);
    weir_rc rc = tree_parse(&x->arena, text, NULL, WEIR_E_BUG, &parsed, e);
    return rc ? rc : err_wrap(e, session_open(s, parsed, e), "warehouse");
}

static weir_rc sync_all(source_test *x, err *e)
{
    session *s = NULL;
    weir_rc rc = open_warehouse(x, &s, e);
    if (!rc && !x->o->warehouse->sql->run)
        rc = err_fail(e, WEIR_E_BUG, "warehouse '%s' knows no SQL", x->o->warehouse->name);
    x->began = clock_ms();
    if (!rc)
        rc = session_call(s, sync_in_task, x, e);
    session_free(s);
    return rc;
}

/* --------------------------------------------------------------------------------------------------------------- summary -- */

static void summarize(source_test *x)
{
    enum { COLUMNS = 6 };
    static const char *const head[COLUMNS] = {"TABLE", "UPSERTS", "UPDATES", "DELETES", "TRUNCATES", "SCHEMA CHANGES"};
    arena a = {0};
    uint64_t records = 0;
    weir_view *cells = arena_array(&a, (x->tables.count + 1) * COLUMNS, sizeof *cells), *at = cells;
    for (size_t i = 0; cells && i < COLUMNS; i++)
        *at++ = view_of(head[i]);
    for (size_t i = 0; cells && i < x->tables.count; i++) {
        const tester_table *t = x->tables.items[i];
        *at++ = view_of(t->title);
        for (int op = FT_UPSERT; op <= FT_TRUNCATE; op++) {
            *at++ = arena_printf(&a, "%llu", (unsigned long long)t->ops[op]);
            records += t->ops[op];
        }
        *at++ = arena_printf(&a, "%llu", (unsigned long long)t->changes);
    }
    if (cells)
        tester_print(x->r, "table", cells, COLUMNS, x->tables.count + 1, 0x3e);
    int64_t ms = clock_ms() - x->began;
    tester_say(x->r, "summary", "%llu records, %llu checkpoints in %lld.%03lld s", (unsigned long long)records, (unsigned long long)x->checkpoints,
               (long long)(ms / 1000), (long long)(ms % 1000));
    if (!x->checkpoints)
        tester_warn(x->r, "no_checkpoint", "there was no checkpoint: the next sync begins where this one did");
    else if (x->since)
        tester_warn(x->r, "no_checkpoint_at_end", "%llu records and changes came after the last checkpoint: they will come again", (unsigned long long)x->since);
    arena_free(&a);
}

/* ---------------------------------------------------------------------------------------------------------------- course -- */

static weir_rc forget(const char *path, err *e)
{
    return unlink(path) == 0 || errno == ENOENT ? WEIR_OK : err_errno(e, errno, "remove %s", path);
}

static weir_rc reset(source_test *x, err *e)
{
    static const char *const rest[] = {"", ".wal", "-wal", "-shm", "-journal"};
    weir_rc rc = forget(x->state_path, e);
    for (size_t i = 0; !rc && i < sizeof rest / sizeof *rest; i++) {
        weir_view path = arena_printf(&x->arena, "%s/warehouse.db%s", x->o->data, rest[i]);
        rc = path.ptr ? forget(path.ptr, e) : err_nomem(e);
    }
    return rc;
}

static weir_rc run(source_test *x, err *e)
{
    const tester_options *o = x->o;
    x->state_path = o->state ? o->state : arena_printf(&x->arena, "%s/state.json", o->data).ptr;
    if (!x->state_path)
        return err_nomem(e);
    weir_rc rc = io_make_dirs(o->data, e);
    if (!rc && o->reset)
        rc = reset(x, e);
    if (!rc)
        rc = read_state(x, e);
    if (!rc)
        rc = tester_peer_open(&x->peer, &(tester_target){.address = o->address, .argv = o->command, .service = "SourceConnector", .log = o->log, .stop_fd = o->stop_fd},
                              x->r, e);
    if (!rc)
        rc = tester_setup_read(&x->setup, x->peer, &(tester_setup_options){.data = o->data, .configuration = o->configuration, .ask = o->ask, .stop_fd = o->stop_fd}, x->r, e);
    if (!rc)
        rc = tester_setup_test(&x->setup, x->peer, x->r, e);
    if (!rc)
        rc = take_schema(x, e);
    if (rc)
        return rc;
    tester_say(x->r, "update", "%s", view_is(buf_view(&x->state), "{}") ? "everything" : "what is new since the last checkpoint");
    rc = sync_all(x, e);
    summarize(x);
    return rc;
}

weir_rc tester_source(const tester_options *o, bool *ret_ok, err *e)
{
    report r = {.json = o->json, .log = o->log};
    source_test x = {.o = o, .r = &r, .tables.excluded = o->excluded, .nobody = {&no_ops}};
    run(&x, e);
    tester_peer_close(x.peer);
    *ret_ok = tester_verdict(&r, "source", e);
    tester_tables_free(&x.tables);
    tester_setup_free(&x.setup);
    buf_free(&x.state);
    arena_free(&x.arena);
    tester_report_free(&r);
    return e->rc;
}
