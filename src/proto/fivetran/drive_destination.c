/* A driven destination (fivetran.md 2.4, 2.5): tables are described, made and altered as the bindings want them; a transaction is a WriteBatch for each table, with
 * batch files that lie encrypted in a folder of our own. Nothing can be asked back and no position is kept there: what a commit had not confirmed is written
 * again, by key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "json/pointer.h"
#include "json/write.h"
#include "proto/fivetran/drive_loading.h"
#include "proto/fivetran/parquet.h"

/* ---- state ---- */

static weir_rc make_strings(ft_loading *l, err *e)
{
    unsigned char bytes[2][16];
    weir_rc rc = ft_random(bytes, sizeof bytes, e);
    for (size_t i = 0; i < 2; i++) {
        char *to = i ? l->unmodified_string : l->null_string;
        to += sprintf(to, "%s-", i ? "unmod" : "null");
        for (size_t k = 0; k < sizeof bytes[i]; k++)
            to += sprintf(to, "%02x", bytes[i][k]);
    }
    l->options = (ft_batch_options){.aes = true, .zstd = true, .null_string = l->null_string, .unmodified_string = l->unmodified_string};
    return rc;
}

static weir_rc loading_of(ft_run *r, ft_loading **ret, err *e)
{
    if (!r->loading) {
        r->loading = calloc(1, sizeof *r->loading);
        if (!r->loading)
            return err_nomem(e);
        weir_rc rc = make_strings(r->loading, e);
        if (rc)
            return rc;
    }
    *ret = r->loading;
    return WEIR_OK;
}

void ft_loading_free(ft_loading *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++)
        ft_target_free(l->targets[i]);
    free(l->targets);
    papers_free(&l->papers);
    arena_free(&l->paths);
    buf_wipe(&l->text);
    free(l);
}

/* ---- requests ---- */

/* What tables are written with: configuration, schema. */
static void begin_request(const ft_run *r, const ft_target *x, buf *out)
{
    buf_addv(out, buf_view(&r->configuration));
    if (x->t.schema.len)
        ft_say_text(out, 2, x->t.schema);
}

static void say_whole_table(const ft_table *t, unsigned tag, buf *out)
{
    buf table = {0};
    ft_table_say(t, &table);
    ft_say_text(out, tag, buf_view(&table));
    out->failed |= table.failed;
    buf_free(&table);
}

/* The answers of CreateTable, AlterTable, Truncate and WriteBatch are alike: success, warning or task. */
static weir_rc judge(weir_task *t, const ft_target *x, weir_view response)
{
    err *e = task_error(t);
    arena a = {0};
    ProtobufCMessage *message;
    weir_rc rc = ft_unpack(&a, &fivetran_sdk__v2__write_batch_response__descriptor, response, &message, e);
    const FivetranSdk__V2__WriteBatchResponse *m = rc ? NULL : (const FivetranSdk__V2__WriteBatchResponse *)(const void *)message;
    if (m && m->response_case == FIVETRAN_SDK__V2__WRITE_BATCH_RESPONSE__RESPONSE_TASK)
        rc = weir_fail(t, WEIR_E_CONFIG, "the destination asks for something to be done: %s", m->task->message);
    else if (m && m->response_case == FIVETRAN_SDK__V2__WRITE_BATCH_RESPONSE__RESPONSE_WARNING)
        weir_log(t, WEIR_WARN, "table '%.*s': %s", VIEW_ARG(x->t.name), m->warning->message);
    else if (m && (m->response_case != FIVETRAN_SDK__V2__WRITE_BATCH_RESPONSE__RESPONSE_SUCCESS || !m->success))
        rc = weir_fail(t, WEIR_E_REMOTE, "the destination has not succeeded, and says no reason");
    arena_free(&a);
    return rc;
}

static weir_rc ask(weir_task *t, ft_run *r, const ft_target *x, const char *name, buf *request)
{
    err *e = task_error(t);
    buf response = {0};
    weir_rc rc = ft_server_ask(r->server, name, request, &response, FT_WORK_MS, weir_stop_fd(t), e);
    if (!rc)
        rc = err_wrap(e, judge(t, x, buf_view(&response)), "%s", name);
    buf_wipe(request);
    buf_free(&response);
    return rc;
}

/* What its batch files are to be: CSV, or Parquet if it says so and the plug-in is there. */
static weir_rc ask_capabilities(weir_task *t, ft_run *r, ft_loading *l)
{
    err *e = task_error(t);
    arena a = {0};
    buf request = {0}, response = {0};
    ProtobufCMessage *message;
    if (l->asked)
        return WEIR_OK;
    weir_rc rc = ft_server_ask(r->server, "Capabilities", &request, &response, FT_ASK_MS, weir_stop_fd(t), e);
    if (!rc)
        rc = ft_unpack(&a, &fivetran_sdk__v2__capabilities_response__descriptor, buf_view(&response), &message, e);
    const FivetranSdk__V2__CapabilitiesResponse *m = rc ? NULL : (const FivetranSdk__V2__CapabilitiesResponse *)(const void *)message;
    const weir_parquet *unused;
    l->options.parquet = m && m->batch_file_format == FIVETRAN_SDK__V2__BATCH_FILE_FORMAT__PARQUET;
    if (l->options.parquet)
        rc = err_wrap(e, ft_parquet_load(&unused, e), "the destination wants its batch files as Parquet");
    l->asked = !rc;
    buf_free(&request);
    buf_free(&response);
    arena_free(&a);
    return rc;
}

/* ---- tables ---- */

/* @param ret_found false: there is none */
static weir_rc describe(weir_task *t, ft_run *r, const ft_target *x, arena *a, ft_table *ret, bool *ret_found)
{
    err *e = task_error(t);
    buf request = {0}, response = {0};
    ProtobufCMessage *message;
    begin_request(r, x, &request);
    ft_say_text(&request, 3, x->t.name);
    weir_rc rc = ft_server_ask(r->server, "DescribeTable", &request, &response, FT_WORK_MS, weir_stop_fd(t), e);
    if (!rc)
        rc = ft_unpack(a, &fivetran_sdk__v2__describe_table_response__descriptor, buf_view(&response), &message, e);
    const FivetranSdk__V2__DescribeTableResponse *m = rc ? NULL : (const FivetranSdk__V2__DescribeTableResponse *)(const void *)message;
    *ret_found = m && m->response_case == FIVETRAN_SDK__V2__DESCRIBE_TABLE_RESPONSE__RESPONSE_TABLE;
    if (*ret_found)
        rc = ft_table_take(a, "", m->table, ret) ? WEIR_OK : err_nomem(e);
    else if (m && m->response_case == FIVETRAN_SDK__V2__DESCRIBE_TABLE_RESPONSE__RESPONSE_TASK)
        rc = weir_fail(t, WEIR_E_CONFIG, "the destination asks for something to be done: %s", m->task->message);
    else if (m && m->response_case == FIVETRAN_SDK__V2__DESCRIBE_TABLE_RESPONSE__RESPONSE_WARNING)
        rc = weir_fail(t, WEIR_E_REMOTE, "the destination does not say whether there is a table, but: %s", m->warning->message);
    else if (m && m->response_case != FIVETRAN_SDK__V2__DESCRIBE_TABLE_RESPONSE__RESPONSE_NOT_FOUND)
        rc = weir_fail(t, WEIR_E_REMOTE, "the destination neither has the table nor lacks it");
    buf_wipe(&request);
    buf_free(&response);
    return err_wrap(e, rc, "DescribeTable");
}

/* What the column holds and what is to come into it. A destination may describe a type by one that it stores the same way. */
static ft_type widened(const ft_column *had, const ft_column *want)
{
    const bool texts = had->type == FT_STRING || had->type == FT_JSON;
    const bool times = (had->type == FT_NAIVE_DATETIME || had->type == FT_UTC_DATETIME) && want->type >= FT_NAIVE_DATE && want->type <= FT_UTC_DATETIME;
    return texts || times ? had->type : ft_type_join(had->type, want->type);
}

/* The table as it is to be: nothing is dropped, nothing narrowed. @return something differs */
static bool merge_tables(arena *a, const ft_table *had, const ft_table *want, ft_table *ret)
{
    bool differs = false;
    *ret = (ft_table){.schema = want->schema, .name = want->name, .columns = arena_array(a, had->count + want->count, sizeof *ret->columns)};
    for (size_t i = 0; ret->columns && i < had->count; i++) {
        const ft_column *w = ft_target_column(want, had->columns[i].name);
        ft_column *c = &ret->columns[ret->count++];
        *c = had->columns[i];
        differs |= c->key != (w && w->key);
        c->key = w && w->key;
        ft_type type = w ? widened(&had->columns[i], w) : c->type;
        if (type != c->type) {
            differs = true;
            c->type = type;
            c->precision = c->scale = c->length = 0;
        }
    }
    for (size_t i = 0; ret->columns && i < want->count; i++) {
        if (ft_target_column(had, want->columns[i].name))
            continue;
        differs = true;
        ret->columns[ret->count++] = want->columns[i];
    }
    return differs;
}

static weir_rc fit_table(weir_task *t, ft_run *r, const ft_target *x)
{
    arena a = {0};
    buf request = {0};
    ft_table had, wanted;
    bool found = false;
    weir_rc rc = describe(t, r, x, &a, &had, &found);
    if (!rc && !found) {
        begin_request(r, x, &request);
        say_whole_table(&x->t, 3, &request);
        rc = ask(t, r, x, "CreateTable", &request);
        if (!rc)
            weir_log(t, WEIR_INFO, "made table '%.*s'", VIEW_ARG(x->t.name));
    } else if (!rc && merge_tables(&a, &had, &x->t, &wanted)) {
        begin_request(r, x, &request);
        say_whole_table(&wanted, 3, &request);
        rc = ask(t, r, x, "AlterTable", &request);
        if (!rc)
            weir_log(t, WEIR_INFO, "changed table '%.*s'", VIEW_ARG(x->t.name));
    }
    if (!rc && a.failed)
        rc = err_nomem(task_error(t));
    buf_wipe(&request);
    arena_free(&a);
    return rc;
}

static weir_rc reserve(ft_loading *l, size_t count, err *e)
{
    if (count <= l->count)
        return WEIR_OK;
    ft_target **grown = realloc(l->targets, count * sizeof *grown);
    if (!grown)
        return err_nomem(e);
    memset(grown + l->count, 0, (count - l->count) * sizeof *grown);
    l->targets = grown;
    l->count = count;
    return WEIR_OK;
}

static bool fits(const ft_target *x, const weir_binding *b)
{
    return x->given == b->column_count && view_eq(x->key_of, b->state_key);
}

/* The table of a binding; a process that only stores has not been told to apply. */
static weir_rc target_of(ft_loading *l, const weir_binding *b, ft_target **ret, err *e)
{
    weir_rc rc = reserve(l, (size_t)b->index + 1, e);
    if (rc)
        return rc;
    if (!l->targets[b->index] || !fits(l->targets[b->index], b)) {
        ft_target *made = ft_target_make(b, e);
        if (!made)
            return e->rc;
        ft_target_free(l->targets[b->index]);
        l->targets[b->index] = made;
    }
    *ret = l->targets[b->index];
    return WEIR_OK;
}

/* ---- truncation ---- */

static void say_time(int64_t ms, unsigned tag, buf *out)
{
    buf time = {0};
    ft_say_number(&time, 1, (uint64_t)(ms / 1000));
    if (ms % 1000)
        ft_say_number(&time, 2, (uint64_t)(ms % 1000 * 1000000));
    ft_say_text(out, tag, buf_view(&time));
    out->failed |= time.failed;
    buf_free(&time);
}

/* Of all rows so far: what is written from now on has a later time. */
static weir_rc truncate_table(weir_task *t, ft_run *r, ft_loading *l, const ft_target *x)
{
    buf request = {0}, soft = {0};
    ft_loading_tick(l, true);
    begin_request(r, x, &request);
    ft_say_text(&request, 3, x->t.name);
    ft_say_text(&request, 4, VIEW(FT_SYNCED));
    say_time(l->now_ms, 5, &request);
    if (x->deleted != SIZE_MAX) {
        ft_say_text(&soft, 1, VIEW(FT_DELETED));
        ft_say_text(&request, 6, buf_view(&soft));
    }
    request.failed |= soft.failed;
    buf_free(&soft);
    return ask(t, r, x, "Truncate", &request);
}

/* ---- writing ---- */

static void say_files(const ft_target *x, buf *out)
{
    static const unsigned tags[] = {[FT_REPLACE] = 5, [FT_CHANGE] = 6, [FT_REMOVE] = 7};
    buf entry = {0};
    for (size_t k = 0; k < FT_FILE_KINDS; k++) {
        const ft_written *w = (const ft_written *)(const void *)x->written[k].ptr;
        for (size_t i = 0; i < x->written[k].len / sizeof *w; i++) {
            buf_clear(&entry);
            ft_say_text(&entry, 1, w[i].path);
            ft_say_text(&entry, 2, (weir_view){(const char *)w[i].key, FT_KEY_BYTES});
            ft_say_text(out, 4, buf_view(&entry));
            ft_say_text(out, tags[k], w[i].path);
        }
    }
    out->failed |= entry.failed;
    buf_wipe(&entry);
}

static void say_params(const ft_loading *l, buf *out)
{
    buf params = {0};
    ft_say_number(&params, 1, FIVETRAN_SDK__V2__COMPRESSION__ZSTD);
    ft_say_number(&params, 2, FIVETRAN_SDK__V2__ENCRYPTION__AES);
    ft_say_text(&params, 3, view_of(l->null_string));
    ft_say_text(&params, 4, view_of(l->unmodified_string));
    ft_say_text(out, 8, buf_view(&params));
    out->failed |= params.failed;
    buf_free(&params);
}

static void remove_files(ft_target *x)
{
    for (size_t k = 0; k < FT_FILE_KINDS; k++) {
        const ft_written *w = (const ft_written *)(const void *)x->written[k].ptr;
        for (size_t i = 0; i < x->written[k].len / sizeof *w; i++)
            unlink(w[i].path.ptr);
        buf_wipe(&x->written[k]);
    }
}

static bool has_files(const ft_target *x)
{
    bool any = false;
    for (size_t k = 0; k < FT_FILE_KINDS; k++)
        any |= x->written[k].len > 0;
    return any;
}

/* What waits of one table, if anything does. */
static weir_rc write_batch(weir_task *t, ft_run *r, ft_loading *l, ft_target *x)
{
    err *e = task_error(t);
    buf request = {0};
    weir_rc rc = ft_target_close(x, e);
    if (!rc && has_files(x)) {
        begin_request(r, x, &request);
        say_whole_table(&x->t, 3, &request);
        say_files(x, &request);
        say_params(l, &request);
        rc = ask(t, r, x, "WriteBatch", &request);
    }
    remove_files(x);
    return err_wrap(e, rc, "table '%.*s'", VIEW_ARG(x->t.name));
}

/* ---- the callbacks ---- */

static weir_rc validate(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    bool failed;
    weir_rc rc = ft_run_tests(t, self, &failed);
    for (size_t i = 0; i < n && !rc; i++) {
        err e = {0};
        ft_target *x = ft_target_make(&b[i], &e);
        if (!x)
            weir_problem(t, &b[i], "%s", err_text(&e));
        ft_target_free(x);
        err_free(&e);
    }
    return rc;
}

/* A binding that is to begin anew does so once for each backfill: that it has is remembered. */
static weir_rc begin_anew(weir_task *t, ft_run *r, ft_loading *l, const weir_binding *b, const ft_target *x)
{
    buf pointer = {0}, patch = {0};
    json_out w = json_out_to(&patch);
    buf_adds(&pointer, "/fivetranBegun");
    pointer_push(&pointer, b->state_key);
    bool ok = buf_ok(&pointer), done = ok && pointer_find(weir_state(t), buf_view(&pointer)).len;
    weir_rc rc = !ok ? err_nomem(task_error(t)) : done || !b->backfill ? WEIR_OK : truncate_table(t, r, l, x);
    if (!rc && !done && b->backfill) {
        out_open(&w, '{');
        out_open(out_name(&w, "fivetranBegun"), '{');
        out_bool(out_namev(&w, b->state_key), true);
        out_close(&w, '}');
        out_close(&w, '}');
        rc = buf_ok(&patch) ? weir_keep(t, buf_view(&patch)) : err_nomem(task_error(t));
    }
    buf_free(&pointer);
    buf_free(&patch);
    return rc;
}

static weir_rc apply(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    ft_run *r = self;
    err *e = task_error(t);
    ft_loading *l;
    weir_rc rc = loading_of(r, &l, e);
    if (!rc)
        rc = ask_capabilities(t, r, l);
    for (size_t i = 0; i < n && !rc; i++) {
        ft_target *x = NULL;
        rc = reserve(l, (size_t)b[i].index + 1, e);
        if (!rc && l->targets[b[i].index]) { /* of former columns: what waits goes first */
            rc = write_batch(t, r, l, l->targets[b[i].index]);
            ft_target_free(l->targets[b[i].index]);
            l->targets[b[i].index] = NULL;
        }
        if (!rc)
            rc = target_of(l, &b[i], &x, e);
        if (!rc)
            rc = fit_table(t, r, x);
        if (!rc)
            rc = begin_anew(t, r, l, &b[i], x);
        err_wrap(e, rc, "binding %.*s", VIEW_ARG(b[i].name));
    }
    return rc;
}

static weir_rc store(weir_task *t, void *self, const weir_row *rows, size_t n)
{
    ft_run *r = self;
    err *e = task_error(t);
    ft_loading *l;
    ft_target *x;
    const char *unused;
    weir_rc rc = loading_of(r, &l, e);
    if (rc || !n)
        return rc;
    rc = ask_capabilities(t, r, l);
    if (!rc)
        rc = target_of(l, rows[0].binding, &x, e);
    if (!rc && !l->papers.dir)
        rc = papers_put(&l->papers, "of", VIEW("weir"), &unused, e);
    if (!rc)
        ft_loading_tick(l, false);
    for (size_t i = 0; i < n && !rc; i++)
        rc = ft_target_row(l, x, &rows[i], e);
    return rc;
}

static weir_rc commit(weir_task *t, void *self, weir_view position)
{
    ft_run *r = self;
    ft_loading *l;
    (void)position; /* there is no place for it */
    weir_rc rc = loading_of(r, &l, task_error(t));
    for (size_t i = 0; !rc && i < l->count; i++)
        if (l->targets[i])
            rc = write_batch(t, r, l, l->targets[i]);
    if (!rc)
        arena_reset(&l->paths);
    return rc;
}

static weir_rc expire(weir_task *t, void *self, const weir_binding *b, const weir_expiry *how)
{
    ft_run *r = self;
    ft_loading *l;
    ft_target *x;
    (void)how; /* all rows: Truncate compares times, which neither generations nor versions are */
    weir_rc rc = loading_of(r, &l, task_error(t));
    if (!rc)
        rc = target_of(l, b, &x, task_error(t));
    if (!rc)
        rc = write_batch(t, r, l, x);
    return rc ? rc : truncate_table(t, r, l, x);
}

const weir_materialize ft_driven_materialize = {
    .validate = validate,
    .apply = apply,
    .store = store,
    .commit = commit,
    .expire = expire,
    .updates = true,
    .expires_all_only = true,
};
