/* A driven destination, against a server in this process that notes what is asked of it and what stands in the batch files. */
#include "fivetran_fake.h"

#include "json/text.h"
#include "proto/fivetran/batch_write.h"
#include "proto/fivetran/parquet.h"

typedef struct rig {
    listener base;
    buf said;
    const char *table;     /* what DescribeTable answers: columns `name TYPE [key],...`; NULL: there is none */
    const char *doubt;     /* what DescribeTable warns of instead; NULL: it answers */
    const char *task;      /* what WriteBatch asks for; NULL: nothing */
    bool parquet;
    rpc_server *server;
    rpc_method methods[9];
    char address[40];
    FILE *log_file;
    log_sink *log;
    weir_connector *c;
    session *s;
    weir_column columns[8];
    weir_binding b;
    arena a;
    err e;
} rig;

/* ---- the server ---- */

static weir_rc receive(rpc_call *c, const ProtobufCMessageDescriptor *type, arena *a, void *ret, err *e)
{
    weir_view request;
    ProtobufCMessage *m = NULL;
    weir_rc rc = rpc_receive(c, &request, e);
    if (!rc && type)
        rc = ft_unpack(a, type, request, &m, e);
    *(ProtobufCMessage **)ret = m;
    return rc;
}

static weir_rc answer(rpc_call *c, const void *m, err *e)
{
    buf out = {0};
    ft_pack(m, &out);
    return rpc_send(c, &out, false, e);
}

static weir_rc succeed(rpc_call *c, const char *task, err *e)
{
    FivetranSdk__V2__WriteBatchResponse m = FIVETRAN_SDK__V2__WRITE_BATCH_RESPONSE__INIT;
    FivetranSdk__V2__Task t = FIVETRAN_SDK__V2__TASK__INIT;
    m.response_case = task ? FIVETRAN_SDK__V2__WRITE_BATCH_RESPONSE__RESPONSE_TASK : FIVETRAN_SDK__V2__WRITE_BATCH_RESPONSE__RESPONSE_SUCCESS;
    if (task)
        m.task = &t;
    else
        m.success = true;
    t.message = (char *)(uintptr_t)task;
    return answer(c, &m, e);
}

static weir_rc form(rpc_call *c, void *context, err *e)
{
    FivetranSdk__V2__ConfigurationFormResponse m = FIVETRAN_SDK__V2__CONFIGURATION_FORM_RESPONSE__INIT;
    arena a = {0};
    void *unused;
    (void)context;
    weir_rc rc = receive(c, NULL, &a, &unused, e);
    return rc ? rc : answer(c, &m, e);
}

static weir_rc capabilities(rpc_call *c, void *context, err *e)
{
    FivetranSdk__V2__CapabilitiesResponse m = FIVETRAN_SDK__V2__CAPABILITIES_RESPONSE__INIT;
    rig *r = context;
    arena a = {0};
    void *unused;
    m.batch_file_format = r->parquet ? FIVETRAN_SDK__V2__BATCH_FILE_FORMAT__PARQUET : FIVETRAN_SDK__V2__BATCH_FILE_FORMAT__CSV;
    weir_rc rc = receive(c, NULL, &a, &unused, e);
    return rc ? rc : answer(c, &m, e);
}

static void say_table(rig *r, const char *what, const char *schema, const FivetranSdk__V2__Table *t)
{
    buf_printf(&r->said, "%s %s.%s:", what, schema, t->name);
    for (size_t i = 0; i < t->n_columns; i++)
        buf_printf(&r->said, "%s %s %s%s", i ? "," : "", t->columns[i]->name, ft_type_name((int)t->columns[i]->type), t->columns[i]->primary_key ? " key" : "");
    buf_addc(&r->said, '\n');
}

static weir_rc describe(rpc_call *c, void *context, err *e)
{
    rig *r = context;
    arena a = {0};
    FivetranSdk__V2__DescribeTableRequest *q;
    FivetranSdk__V2__DescribeTableResponse m = FIVETRAN_SDK__V2__DESCRIBE_TABLE_RESPONSE__INIT;
    FivetranSdk__V2__Table t = FIVETRAN_SDK__V2__TABLE__INIT;
    FivetranSdk__V2__Warning warning = FIVETRAN_SDK__V2__WARNING__INIT;
    FivetranSdk__V2__Column columns[8], *pointers[8];
    char names[8][32], types[8][32];
    weir_rc rc = receive(c, &fivetran_sdk__v2__describe_table_request__descriptor, &a, &q, e);
    if (rc)
        return rc;
    m.response_case = r->table ? FIVETRAN_SDK__V2__DESCRIBE_TABLE_RESPONSE__RESPONSE_TABLE : FIVETRAN_SDK__V2__DESCRIBE_TABLE_RESPONSE__RESPONSE_NOT_FOUND;
    m.not_found = true;
    if (r->doubt) {
        m.response_case = FIVETRAN_SDK__V2__DESCRIBE_TABLE_RESPONSE__RESPONSE_WARNING;
        m.warning = &warning;
        warning.message = (char *)(uintptr_t)r->doubt;
    } else if (r->table)
        m.table = &t;
    t.name = q->table_name;
    t.columns = pointers;
    for (const char *at = r->table; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t i = t.n_columns++;
        ft_type type;
        columns[i] = (FivetranSdk__V2__Column)FIVETRAN_SDK__V2__COLUMN__INIT;
        assert_int_equal(sscanf(at, " %31[^ ] %31[A-Z_]", names[i], types[i]), 2);
        assert_true(ft_type_named(view_of(types[i]), &type));
        columns[i].name = names[i];
        columns[i].type = (FivetranSdk__V2__DataType)type;
        columns[i].primary_key = strncmp(strchr(strchr(at + 1, ' ') + 1, ' ') ? strchr(strchr(at + 1, ' ') + 1, ' ') : "", " key", 4) == 0;
        pointers[i] = &columns[i];
    }
    rc = answer(c, &m, e);
    arena_free(&a);
    return rc;
}

static weir_rc create(rpc_call *c, void *context, err *e)
{
    rig *r = context;
    arena a = {0};
    FivetranSdk__V2__CreateTableRequest *q;
    weir_rc rc = receive(c, &fivetran_sdk__v2__create_table_request__descriptor, &a, &q, e);
    if (rc)
        return rc;
    say_table(r, "create", q->schema_name, q->table);
    arena_free(&a);
    return succeed(c, NULL, e);
}

static weir_rc alter(rpc_call *c, void *context, err *e)
{
    rig *r = context;
    arena a = {0};
    FivetranSdk__V2__AlterTableRequest *q;
    weir_rc rc = receive(c, &fivetran_sdk__v2__alter_table_request__descriptor, &a, &q, e);
    if (rc)
        return rc;
    say_table(r, q->drop_columns ? "alter and drop" : "alter", q->schema_name, q->table);
    arena_free(&a);
    return succeed(c, NULL, e);
}

static weir_rc cut(rpc_call *c, void *context, err *e)
{
    rig *r = context;
    arena a = {0};
    FivetranSdk__V2__TruncateRequest *q;
    weir_rc rc = receive(c, &fivetran_sdk__v2__truncate_request__descriptor, &a, &q, e);
    if (rc)
        return rc;
    assert_non_null(q->utc_delete_before);
    assert_true(q->utc_delete_before->seconds > 1700000000);
    buf_printf(&r->said, "truncate %s.%s by %s%s\n", q->schema_name, q->table_name, q->synced_column,
               q->_soft_case == FIVETRAN_SDK__V2__TRUNCATE_REQUEST___SOFT_SOFT ? q->soft->deleted_column : "");
    arena_free(&a);
    return succeed(c, NULL, e);
}

/* By programs that know nothing of us; times are left out. */
static void say_file(rig *r, const FivetranSdk__V2__WriteBatchRequest *q, const char *kind, const char *path)
{
    char command[1024], hex[2 * FT_KEY_BYTES + 1] = "", piece[4096];
    buf text = {0};
    for (size_t i = 0; i < q->n_keys; i++)
        for (size_t k = 0; strcmp(q->keys[i]->key, path) == 0 && k < q->keys[i]->value.len; k++)
            sprintf(hex + 2 * k, "%02x", q->keys[i]->value.data[k]);
    snprintf(command, sizeof command, "tail -c +17 '%s' | openssl enc -d -aes-256-cbc -K %s -iv $(head -c 16 '%s' | od -An -v -tx1 | tr -d ' \\n') | zstd -dc | "
             "sed -E 's/%s/NULL/g; s/\"%s\"/SAME/g; s/20[0-9]{2}-[0-9-]*T[0-9:.]*Z/NOW/g; s/[0-9a-f]{64}/ID/g; s/\"ID\"/ID/g'", path, hex, path,
             q->file_params->null_string, q->file_params->unmodified_string);
    FILE *p = popen(command, "r");
    for (size_t n; (n = fread(piece, 1, sizeof piece, p)) > 0;)
        buf_add(&text, piece, n);
    assert_int_equal(pclose(p), 0);
    buf_printf(&r->said, "%s:\n%s", kind, buf_text(&text));
    buf_free(&text);
}

static weir_rc write_batch(rpc_call *c, void *context, err *e)
{
    rig *r = context;
    arena a = {0};
    FivetranSdk__V2__WriteBatchRequest *q;
    weir_rc rc = receive(c, &fivetran_sdk__v2__write_batch_request__descriptor, &a, &q, e);
    if (rc)
        return rc;
    assert_int_equal(q->file_params->compression, FIVETRAN_SDK__V2__COMPRESSION__ZSTD);
    assert_int_equal(q->file_params->encryption, FIVETRAN_SDK__V2__ENCRYPTION__AES);
    buf_printf(&r->said, "write %s\n", q->table->name);
    for (size_t i = 0; i < q->n_replace_files; i++)
        say_file(r, q, "replace", q->replace_files[i]);
    for (size_t i = 0; i < q->n_update_files; i++)
        say_file(r, q, "update", q->update_files[i]);
    for (size_t i = 0; i < q->n_delete_files; i++)
        say_file(r, q, "delete", q->delete_files[i]);
    arena_free(&a);
    return succeed(c, r->task, e);
}

/* ---- the rig ---- */

static weir_rc on_keep(listener *l, weir_task *t, weir_view patch)
{
    (void)t;
    buf_printf(&((rig *)l)->said, "keep %.*s\n", VIEW_ARG(patch));
    return WEIR_OK;
}

static const listener_ops ops = {.keep = on_keep};
#define METHOD(name) "/fivetran_sdk.v2.DestinationConnector/" name

static int set_up(void **state)
{
    rig *r = calloc(1, sizeof *r);
    r->base.ops = &ops;
    const rpc_method methods[] = {{METHOD("ConfigurationForm"), form, r}, {METHOD("Capabilities"), capabilities, r}, {METHOD("DescribeTable"), describe, r},
                                  {METHOD("CreateTable"), create, r}, {METHOD("AlterTable"), alter, r}, {METHOD("Truncate"), cut, r}, {METHOD("WriteBatch"), write_batch, r}};
    memcpy(r->methods, methods, sizeof methods);
    r->log_file = tmpfile();
    r->log = log_open(fileno(r->log_file));
    ft_ok(rpc_server_start(&r->server, &(rpc_server_options){.listen = "127.0.0.1:0", .methods = r->methods, .log = r->log}, &r->e), &r->e);
    snprintf(r->address, sizeof r->address, "127.0.0.1:%d", rpc_server_port(r->server));
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;
    session_free(r->s);
    if (r->c)
        fivetran_drive_free(r->c);
    rpc_server_free(r->server);
    arena_free(&r->a);
    buf_free(&r->said);
    err_free(&r->e);
    log_close(r->log);
    fclose(r->log_file);
    free(r);
    return 0;
}

static weir_column col(const char *field, unsigned types, const char *format)
{
    return (weir_column){.field = view_of(field), .types = types, .format = view_of(format)};
}

/* A session with one binding, of these columns, the first of which is the key. */
static void open_session(rig *r, const char *resource, const weir_column *columns, size_t keys, uint32_t backfill)
{
    const drive_options o = {.address = r->address, .destination = true, .log = r->log, .task_name = VIEW("x/task"), .stop_fd = -1};
    tree *config, *parsed;
    const tree *resources[1];
    ft_ok(fivetran_drive(&o, &r->c, &r->e), &r->e);
    r->b = (weir_binding){.name = VIEW("x/docs"), .resource_json = view_of(resource), .state_key = backfill ? VIEW("t.v1") : VIEW("t"), .columns = r->columns,
                          .key_count = keys, .backfill = backfill};
    for (; columns->field.ptr; columns++) {
        weir_column *c = &r->columns[r->b.column_count++];
        *c = *columns;
        if (!c->pointer.ptr)
            c->pointer = arena_printf(&r->a, "/%.*s", VIEW_ARG(c->field));
    }
    ft_ok(tree_parse(&r->a, VIEW("{}"), NULL, WEIR_E_BUG, &config, &r->e), &r->e);
    ft_ok(tree_parse(&r->a, view_of(resource), NULL, WEIR_E_BUG, &parsed, &r->e), &r->e);
    resources[0] = parsed;
    r->s = session_new(&(session_options){.connector = r->c, .to = &r->base, .log = r->log, .task_name = VIEW("x/task")});
    ft_ok(session_open(r->s, config, &r->e), &r->e);
    ft_ok(session_bind(r->s, &r->b, resources, 1, VIEW(""), &r->e), &r->e);
}

static weir_rc put(rig *r, weir_op op, const char *doc, const char *const *texts)
{
    weir_view values[8];
    for (size_t i = 0; i < r->b.column_count; i++)
        values[i] = view_of(texts[i]);
    return session_store(r->s, &(weir_row){.binding = &r->b, .op = op, .doc = view_of(doc), .values = values}, 1, &r->e);
}

#define PUT(r, op, doc, ...) ft_ok(put(r, op, doc, (const char *const[]){__VA_ARGS__}), &(r)->e)
#define COLUMNS(...) (const weir_column[]){__VA_ARGS__, {.types = 0}}

static void said(rig *r, const char *expected)
{
    assert_string_equal(buf_text(&r->said), expected);
    buf_clear(&r->said);
}

#define INT WEIR_IS_INTEGER
#define STR WEIR_IS_STRING

/* ---- tests ---- */

static void test_types(void **state)
{
    rig *r = *state;
    weir_column bytes = col("bytes", STR, "");
    bytes.encoding = VIEW("base64");
    open_session(r, "{\"table\":\"t\",\"schema\":\"s\"}",
                 COLUMNS(col("id", INT, ""), col("at", STR | WEIR_IS_NULL, "date-time"), col("day", STR, "date"), col("sum", STR, "number"), col("a/b c", WEIR_IS_NUMBER, ""),
                         bytes, col("any", 0, ""), col("_fivetran_id", WEIR_IS_BOOLEAN, "")), 1, 0);
    ft_ok(session_apply(r->s, &r->e), &r->e);
    said(r, "create s.t: id LONG key, at UTC_DATETIME, day NAIVE_DATE, sum DECIMAL, a_b_c DOUBLE, bytes BINARY, any JSON, __fivetran_id BOOLEAN, _fivetran_synced UTC_DATETIME\n");
    PUT(r, WEIR_UPSERT, "{}", "1", "\"1999-01-02T03:04:05+02:00\"", "\"1999-01-02\"", "\"-12.50\"", "1e3", "\"AAEC\"", "\"x\"", "true");
    PUT(r, WEIR_UPSERT, "{}", "1e1", "null", "", "null", "null", "null", "{\"a\":\"b,c\"}", "null");
    ft_ok(session_commit(r->s, VIEW("{}"), &r->e), &r->e);
    said(r,
         "write t\nreplace:\nid,at,day,sum,a_b_c,bytes,any,__fivetran_id,_fivetran_synced\n"
         "1,1999-01-02T01:04:05Z,1999-01-02,-12.50,1e3,AAEC,\"\"\"x\"\"\",true,NOW\n"
         "10,NULL,NULL,NULL,NULL,NULL,\"{\"\"a\"\":\"\"b,c\"\"}\",NULL,NOW\n");
    ft_ok(session_commit(r->s, VIEW("{}"), &r->e), &r->e);
    said(r, ""); /* nothing waits any more */
}

static void test_operations(void **state)
{
    rig *r = *state;
    weir_column city = col("address/city", STR, "");
    city.pointer = VIEW("/address/city");
    open_session(r, "{\"table\":\"t\"}", COLUMNS(col("id", INT, ""), col("v", STR, ""), city), 1, 0);
    ft_ok(session_apply(r->s, &r->e), &r->e);
    buf_clear(&r->said);
    PUT(r, WEIR_UPSERT, "{}", "1", "\"say \\\"hi\\\"\"", "\"Rome\"");
    PUT(r, WEIR_UPDATE, "{\"id\":2,\"v\":null}", "2", "null", "");
    PUT(r, WEIR_UPDATE, "{\"id\":3,\"address\":{}}", "3", "", "");
    PUT(r, WEIR_DELETE, "{}", "4", "\"gone\"", "");
    ft_ok(session_commit(r->s, VIEW("{}"), &r->e), &r->e);
    said(r,
         "write t\nreplace:\nid,v,address_city,_fivetran_synced\n1,\"say \"\"hi\"\"\",Rome,NOW\n"
         "update:\nid,v,address_city,_fivetran_synced\n2,NULL,SAME,NOW\n3,SAME,NULL,NOW\n"
         "delete:\nid,v,address_city,_fivetran_synced\n4,NULL,NULL,NOW\n");
    ft_ok(session_expire(r->s, &r->b, &(weir_expiry){0}, &r->e), &r->e);
    said(r, "truncate .t by _fivetran_synced\n");
    assert_int_equal(session_expire(r->s, &r->b, &(weir_expiry){.age = &r->columns[0]}, &r->e), WEIR_E_CONFIG);
}

static void test_soft(void **state)
{
    rig *r = *state;
    open_session(r, "{\"table\":\"t\",\"deletions\":\"soft\"}", COLUMNS(col("id", INT, ""), col("v", STR, "")), 1, 0);
    ft_ok(session_apply(r->s, &r->e), &r->e);
    said(r, "create .t: id LONG key, v STRING, _fivetran_synced UTC_DATETIME, _fivetran_deleted BOOLEAN\n");
    PUT(r, WEIR_UPSERT, "{}", "1", "\"a\"");
    PUT(r, WEIR_UPDATE, "{}", "2", "\"b\"");
    PUT(r, WEIR_DELETE, "{}", "3", "\"c\"");
    ft_ok(session_expire(r->s, &r->b, &(weir_expiry){0}, &r->e), &r->e); /* what waits goes first */
    said(r,
         "write t\nreplace:\nid,v,_fivetran_synced,_fivetran_deleted\n1,a,NOW,false\n"
         "update:\nid,v,_fivetran_synced,_fivetran_deleted\n2,b,NOW,SAME\n3,SAME,NOW,true\n"
         "truncate .t by _fivetran_synced_fivetran_deleted\n");
}

static void test_additions(void **state)
{
    rig *r = *state;
    open_session(r, "{\"table\":\"t\"}", COLUMNS(col("v", STR, "")), 0, 0);
    ft_ok(session_apply(r->s, &r->e), &r->e);
    said(r, "create .t: v STRING, _fivetran_id STRING key, _fivetran_synced UTC_DATETIME\n");
    PUT(r, WEIR_UPSERT, "{\"v\":\"a\"}", "\"a\"");
    PUT(r, WEIR_DELETE, "{\"v\":\"b\"}", "\"b\"");
    ft_ok(session_commit(r->s, VIEW("{}"), &r->e), &r->e);
    said(r, "write t\nreplace:\nv,_fivetran_id,_fivetran_synced\na,ID,NOW\nb,ID,NOW\n");
}

/* Who mistypes "soft" must not lose rows for good. */
static void test_resource(void **state)
{
    rig *r = *state;
    open_session(r, "{\"table\":\"t\",\"deletions\":\"Soft\"}", COLUMNS(col("id", INT, "")), 1, 0);
    assert_int_equal(session_apply(r->s, &r->e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&r->e), "binding x/docs: resource: /deletions must be hard or soft"));
    said(r, "");
}

/* Destinations may not tell our columns from others by capital letters. */
static void test_names_like_ours(void **state)
{
    rig *r = *state;
    open_session(r, "{\"table\":\"t\",\"deletions\":\"hard\"}", COLUMNS(col("_Fivetran_Synced", INT, "")), 1, 0);
    ft_ok(session_apply(r->s, &r->e), &r->e);
    said(r, "create .t: __Fivetran_Synced LONG key, _fivetran_synced UTC_DATETIME\n");
}

/* What is there stays; what is missing comes; what is too narrow widens. */
static void test_alter(void **state)
{
    rig *r = *state;
    r->table = "id LONG key,old BOOLEAN,v LONG,w STRING,_fivetran_synced UTC_DATETIME";
    open_session(r, "{\"table\":\"t\"}", COLUMNS(col("id", INT, ""), col("v", WEIR_IS_NUMBER, ""), col("w", 0, ""), col("x", WEIR_IS_BOOLEAN, "")), 1, 0);
    ft_ok(session_apply(r->s, &r->e), &r->e);
    said(r, "alter .t: id LONG key, old BOOLEAN, v DOUBLE, w STRING, _fivetran_synced UTC_DATETIME, x BOOLEAN\n");
    r->table = "ID LONG key,V DOUBLE,w STRING,x BOOLEAN,_FIVETRAN_SYNCED NAIVE_DATETIME";
    ft_ok(session_apply(r->s, &r->e), &r->e);
    said(r, ""); /* destinations have their own ideas of letters and instants */
}

static void test_backfill(void **state)
{
    rig *r = *state;
    open_session(r, "{\"table\":\"t\"}", COLUMNS(col("id", INT, "")), 1, 1);
    ft_ok(session_apply(r->s, &r->e), &r->e);
    said(r, "create .t: id LONG key, _fivetran_synced UTC_DATETIME\ntruncate .t by _fivetran_synced\nkeep {\"fivetranBegun\":{\"t.v1\":true}}\n");
}

/* With the plug-in the files are Parquet; without it, that is the reason. What is in them is looked at by tests/interop. */
static void test_parquet(void **state)
{
    rig *r = *state;
    const weir_parquet *unused;
    err none = {0};
    const bool there = ft_parquet_load(&unused, &none) == WEIR_OK;
    err_free(&none);
    r->parquet = true;
    open_session(r, "{\"table\":\"t\"}", COLUMNS(col("id", INT, "")), 1, 0);
    if (!there) {
        assert_int_equal(session_apply(r->s, &r->e), WEIR_E_CONFIG);
        assert_non_null(strstr(err_text(&r->e), "Parquet needs the DuckDB plug-in"));
        return;
    }
    ft_ok(session_apply(r->s, &r->e), &r->e);
    PUT(r, WEIR_UPSERT, "{}", "1");
    ft_ok(session_commit(r->s, VIEW("{}"), &r->e), &r->e);
    assert_non_null(strstr(buf_text(&r->said), "replace:\nPAR1\x15"));
}

static void test_doubt(void **state)
{
    rig *r = *state;
    r->doubt = "no right to look";
    open_session(r, "{\"table\":\"t\"}", COLUMNS(col("id", INT, "")), 1, 0);
    assert_int_equal(session_apply(r->s, &r->e), WEIR_E_REMOTE);
    assert_non_null(strstr(err_text(&r->e), "DescribeTable: the destination does not say whether there is a table, but: no right to look"));
}

static void test_task(void **state)
{
    rig *r = *state;
    r->task = "buy a larger disk";
    open_session(r, "{\"table\":\"t\"}", COLUMNS(col("id", INT, "")), 1, 0);
    ft_ok(session_apply(r->s, &r->e), &r->e);
    PUT(r, WEIR_UPSERT, "{}", "1");
    assert_int_equal(session_commit(r->s, VIEW("{}"), &r->e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&r->e), "table 't': WriteBatch: the destination asks for something to be done: buy a larger disk"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_types), TEST(test_operations), TEST(test_soft), TEST(test_additions), TEST(test_alter), TEST(test_backfill),
                                       TEST(test_resource), TEST(test_names_like_ours), TEST(test_parquet), TEST(test_task),
                                       TEST(test_doubt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
