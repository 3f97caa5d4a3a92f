/* A driven source, against a server in this process that says what the test wants. */
#include "fivetran_fake.h"

#include "json/text.h"
#include "proto/flowdoc.h"

typedef struct rig {
    listener base;
    ft_fake form, test, schema, update;
    rpc_server *server;
    rpc_method methods[5];
    char address[40];
    FILE *log_file;
    log_sink *log;
    weir_connector *c;
    session *s;
    weir_binding bindings[3];
    size_t count;
    arena a;
    buf said;
    err e;
} rig;

/* ---- a listener that notes everything ---- */

static weir_rc on_attach(listener *l, weir_task *t, lane *ln)
{
    rig *r = (rig *)l;
    (void)t;
    for (size_t i = 0; i < r->count; i++)
        ln->outlets[i] = (outlet){.to = &ln->shared, .prefix = arena_printf(&r->a, "%zu ", i), .suffix = VIEW("\n")};
    return WEIR_OK;
}

static weir_rc on_spill(listener *l, weir_task *t, lane *ln)
{
    (void)t;
    buf_addv(&((rig *)l)->said, buf_view(&ln->shared));
    buf_clear(&ln->shared);
    return WEIR_OK;
}

static weir_rc on_seal(listener *l, weir_task *t, lane *ln, const checkpoint *c)
{
    rig *r = (rig *)l;
    on_spill(l, t, ln);
    buf_printf(&r->said, "state %.*s\n", VIEW_ARG(c->state));
    return task_sealed(t, c);
}

static weir_rc on_schema(listener *l, weir_task *t, lane *ln, const weir_binding *b, weir_view schema)
{
    (void)l;
    (void)t;
    buf_printf(&ln->shared, "schema %u %.*s\n", b->index, VIEW_ARG(schema));
    return WEIR_OK;
}

static weir_rc on_truncate(listener *l, weir_task *t, lane *ln, const weir_binding *b)
{
    (void)l;
    (void)t;
    buf_printf(&ln->shared, "truncate %u\n", b->index);
    return WEIR_OK;
}

static weir_rc on_discovered(listener *l, weir_task *t, const weir_stream *s, weir_view resource, weir_view path)
{
    (void)t;
    buf_printf(&((rig *)l)->said, "%.*s.%.*s key %.*s%s%s %.*s %.*s %.*s\n", VIEW_ARG(s->name_space), VIEW_ARG(s->name), VIEW_ARG(s->key),
               s->fallback_key ? " fallback" : "", s->updates ? " updates" : "", VIEW_ARG(resource), VIEW_ARG(path), VIEW_ARG(s->schema));
    return WEIR_OK;
}

static const listener_ops ops = {.attach = on_attach, .spill = on_spill, .seal = on_seal, .schema = on_schema, .truncate = on_truncate,
                                 .discovered = on_discovered};

/* ---- the server's words ---- */

static void pack(const void *m, buf *out)
{
    buf_clear(out);
    ft_pack(m, out);
}

/* Two fields, a toggle that nobody touches, and a test. */
static void say_form(rig *r)
{
    FivetranSdk__V2__FormField url = FIVETRAN_SDK__V2__FORM_FIELD__INIT, key = FIVETRAN_SDK__V2__FORM_FIELD__INIT, fast = FIVETRAN_SDK__V2__FORM_FIELD__INIT,
                              *fields[] = {&url, &key, &fast};
    FivetranSdk__V2__ToggleField toggle = FIVETRAN_SDK__V2__TOGGLE_FIELD__INIT;
    FivetranSdk__V2__ConfigurationTest test = FIVETRAN_SDK__V2__CONFIGURATION_TEST__INIT, *tests[] = {&test};
    FivetranSdk__V2__ConfigurationFormResponse m = FIVETRAN_SDK__V2__CONFIGURATION_FORM_RESPONSE__INIT;
    url.name = url.label = (char *)"url";
    url.type_case = FIVETRAN_SDK__V2__FORM_FIELD__TYPE_TEXT_FIELD;
    key.name = key.label = (char *)"key";
    key.type_case = FIVETRAN_SDK__V2__FORM_FIELD__TYPE_TEXT_FIELD;
    key.text_field = FIVETRAN_SDK__V2__TEXT_FIELD__Password;
    fast.name = fast.label = (char *)"fast";
    fast.type_case = FIVETRAN_SDK__V2__FORM_FIELD__TYPE_TOGGLE_FIELD;
    fast.toggle_field = &toggle;
    test.name = (char *)"connect";
    test.label = (char *)"Connects";
    m.fields = fields;
    m.n_fields = 3;
    m.tests = tests;
    m.n_tests = 1;
    pack(&m, &r->form.answer);
}

static void say_test(rig *r, const char *failure)
{
    FivetranSdk__V2__TestResponse m = FIVETRAN_SDK__V2__TEST_RESPONSE__INIT;
    m.response_case = failure ? FIVETRAN_SDK__V2__TEST_RESPONSE__RESPONSE_FAILURE : FIVETRAN_SDK__V2__TEST_RESPONSE__RESPONSE_SUCCESS;
    if (failure)
        m.failure = (char *)(uintptr_t)failure;
    else
        m.success = true;
    pack(&m, &r->test.answer);
}

/* t1: id LONG key, name STRING, any UNSPECIFIED. t2, without a key: n LONG. */
static void say_schema(rig *r)
{
    FivetranSdk__V2__Column id = FIVETRAN_SDK__V2__COLUMN__INIT, name = FIVETRAN_SDK__V2__COLUMN__INIT, any = FIVETRAN_SDK__V2__COLUMN__INIT,
                            n = FIVETRAN_SDK__V2__COLUMN__INIT, *one[] = {&id, &name, &any}, *two[] = {&n};
    FivetranSdk__V2__Table t1 = FIVETRAN_SDK__V2__TABLE__INIT, t2 = FIVETRAN_SDK__V2__TABLE__INIT, *tables[] = {&t1, &t2};
    FivetranSdk__V2__TableList list = FIVETRAN_SDK__V2__TABLE_LIST__INIT;
    FivetranSdk__V2__SchemaResponse m = FIVETRAN_SDK__V2__SCHEMA_RESPONSE__INIT;
    id.name = (char *)"id";
    id.type = FIVETRAN_SDK__V2__DATA_TYPE__LONG;
    id.primary_key = true;
    name.name = (char *)"name";
    name.type = FIVETRAN_SDK__V2__DATA_TYPE__STRING;
    any.name = (char *)"any";
    n.name = (char *)"n";
    n.type = FIVETRAN_SDK__V2__DATA_TYPE__LONG;
    t1.name = (char *)"t1";
    t1.columns = one;
    t1.n_columns = 3;
    t2.name = (char *)"t2";
    t2.columns = two;
    t2.n_columns = 1;
    list.tables = tables;
    list.n_tables = 2;
    m.response_case = FIVETRAN_SDK__V2__SCHEMA_RESPONSE__RESPONSE_WITHOUT_SCHEMA;
    m.without_schema = &list;
    pack(&m, &r->schema.answer);
}

static buf *next(rig *r)
{
    assert_true(r->update.count < sizeof r->update.stream / sizeof *r->update.stream);
    return &r->update.stream[r->update.count++];
}

/* Columns of any type: what the document has says it. */
static void record_of(const char *table, ft_op op, const char *doc, buf *out)
{
    err e = {0};
    ft_misfit misfit;
    ft_column columns[] = {{.name = VIEW("id"), .key = true}, {.name = VIEW("name")}, {.name = VIEW("any")}, {.name = VIEW("n")}, {.name = VIEW("new")}};
    ft_writing *w = ft_writing_new(&(ft_table){.name = view_of(table), .columns = columns, .count = 5}, NULL);
    assert_non_null(w);
    ft_ok(ft_write_record(w, op, view_of(doc), out, &misfit, &e), &e);
    ft_writing_free(w);
}

static void say_record(rig *r, const char *table, ft_op op, const char *doc)
{
    buf record = {0};
    record_of(table, op, doc, &record);
    ft_record_message(buf_view(&record), next(r));
    buf_free(&record);
}

static void say_records(rig *r, const char *table, const char *const *docs)
{
    ft_batch b = {0};
    for (; *docs; docs++) {
        buf record = {0};
        record_of(table, FT_UPSERT, *docs, &record);
        ft_batch_add(&b, buf_view(&record));
        buf_free(&record);
    }
    ft_batch_message(&b, next(r));
    buf_free(&b.records);
}

static void say_checkpoint(rig *r, const char *state) { ft_checkpoint_message(view_of(state), next(r)); }

/* ---- the rig ---- */

static int set_up(void **state)
{
    rig *r = calloc(1, sizeof *r);
    r->base.ops = &ops;
    r->methods[0] = (rpc_method){"/fivetran_sdk.v2.SourceConnector/ConfigurationForm", ft_fake_unary, &r->form};
    r->methods[1] = (rpc_method){"/fivetran_sdk.v2.SourceConnector/Test", ft_fake_unary, &r->test};
    r->methods[2] = (rpc_method){"/fivetran_sdk.v2.SourceConnector/Schema", ft_fake_unary, &r->schema};
    r->methods[3] = (rpc_method){"/fivetran_sdk.v2.SourceConnector/Update", ft_fake_stream, &r->update};
    r->log_file = tmpfile();
    r->log = log_open(fileno(r->log_file));
    ft_ok(rpc_server_start(&r->server, &(rpc_server_options){.listen = "127.0.0.1:0", .methods = r->methods, .log = r->log}, &r->e), &r->e);
    snprintf(r->address, sizeof r->address, "127.0.0.1:%d", rpc_server_port(r->server));
    say_form(r);
    say_test(r, NULL);
    say_schema(r);
    *state = r;
    return 0;
}

static void close_session(rig *r)
{
    session_free(r->s);
    if (r->c)
        fivetran_drive_free(r->c);
    r->s = NULL;
    r->c = NULL;
}

static int tear_down(void **state)
{
    rig *r = *state;
    close_session(r);
    rpc_server_free(r->server);
    ft_fake_free(&r->form);
    ft_fake_free(&r->test);
    ft_fake_free(&r->schema);
    ft_fake_free(&r->update);
    arena_free(&r->a);
    buf_free(&r->said);
    err_free(&r->e);
    log_close(r->log);
    fclose(r->log_file);
    free(r);
    return 0;
}

static void drive(rig *r, bool flow)
{
    const drive_options o = {.address = r->address, .flow_documents = flow, .log = r->log, .task_name = VIEW("x/task"), .stop_fd = -1};
    ft_ok(fivetran_drive(&o, &r->c, &r->e), &r->e);
}

/* A session with these tables bound. */
static void open_session(rig *r, const char *config, const char *const *tables, const char *state)
{
    tree *parsed;
    const tree *resources[3];
    ft_ok(tree_parse(&r->a, view_of(config), NULL, WEIR_E_BUG, &parsed, &r->e), &r->e);
    r->s = session_new(&(session_options){.connector = r->c, .to = &r->base, .log = r->log, .task_name = VIEW("x/task")});
    ft_ok(session_open(r->s, parsed, &r->e), &r->e);
    for (r->count = 0; tables && tables[r->count]; r->count++) {
        weir_view json = arena_printf(&r->a, "{\"table\":\"%s\"}", tables[r->count]);
        tree *resource;
        ft_ok(tree_parse(&r->a, json, NULL, WEIR_E_BUG, &resource, &r->e), &r->e);
        resources[r->count] = resource;
        r->bindings[r->count] = (weir_binding){.name = arena_printf(&r->a, "x/%s", tables[r->count]), .resource_json = json, .state_key = view_of(tables[r->count])};
    }
    ft_ok(session_bind(r->s, r->bindings, resources, r->count, view_of(state), &r->e), &r->e);
}

static weir_rc pull(rig *r, bool flow, const char *const *tables, const char *state)
{
    drive(r, flow);
    open_session(r, "{\"url\":\"u\",\"key\":\"sesame\"}", tables, state);
    return session_pull(r->s, &r->e);
}

static void said(rig *r, const char *expected)
{
    assert_string_equal(buf_text(&r->said), expected);
    buf_clear(&r->said);
}

static void assert_logged(rig *r, const char *text)
{
    char all[16384];
    rewind(r->log_file);
    size_t n = fread(all, 1, sizeof all - 1, r->log_file);
    all[n] = '\0';
    if (!strstr(all, text))
        fail_msg("no '%s' in %s", text, all);
}

static bool request_has(const ft_fake *f, const char *bytes, size_t len) { return memmem(f->got.ptr, f->got.len, bytes, len) != NULL; }

#define LIST(...) (const char *const[]){__VA_ARGS__, NULL}

/* What Flow is told of tables before the first record: columns of which the type is known, in closed objects (flow.md 3.3, rule 10), in a checkpoint that changes no state. */
#define OF_KEYED(columns)                                                                                                                              \
    "{\"type\":\"object\",\"properties\":{" columns ",\"_meta\":{\"type\":\"object\",\"properties\":{\"op\":{\"type\":\"string\"}},"                              \
    "\"additionalProperties\":false}},\"required\":[\"id\"],\"additionalProperties\":false}\n"
#define OF_COUNTED(columns)                                                                                                                            \
    "{\"type\":\"object\",\"properties\":{" columns ",\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":{\"type\":\"integer\"}},\"required\":[\"row_id\"],"     \
    "\"additionalProperties\":false}},\"additionalProperties\":false}\n"
#define T1_COLUMNS "\"id\":{\"type\":\"integer\"},\"name\":{\"type\":[\"string\",\"null\"]}"
#define T1_TOLD OF_KEYED(T1_COLUMNS)
#define T2_TOLD OF_COUNTED("\"n\":{\"type\":[\"integer\",\"null\"]}")
#define TOLD_ALONE "state {}\n"

/* ---- tests ---- */

static void test_spec_and_discovery(void **state)
{
    rig *r = *state;
    drive(r, true);
    assert_non_null(memmem(r->c->config_schema.ptr, r->c->config_schema.len, "\"key\"", 5));
    open_session(r, "{\"url\":\"u\",\"key\":\"sesame\"}", NULL, "");
    ft_ok(session_discover(r->s, &r->e), &r->e);
    said(r, /* of the key, and of what we add */
         ".t1 key [\"/id\"] updates {\"table\":\"t1\"} [\"t1\"] {\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}},\"required\":[\"id\"],"
         "\"x-infer-schema\":true}\n"
         ".t2 key " FLOWDOC_KEY " fallback {\"table\":\"t2\"} [\"t2\"] {\"type\":\"object\",\"properties\":{\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":"
         "{\"type\":\"integer\"}},\"required\":[\"row_id\"]}},\"required\":[\"_meta\"],\"x-infer-schema\":true}\n");
    assert_true(request_has(&r->schema, "\x0a\x08\x0a\x03url\x12\x01u", 10));
    assert_true(request_has(&r->schema, "\x0a\x0d\x0a\x03key\x12\x06sesame", 15));
    assert_true(request_has(&r->schema, "\x0a\x0d\x0a\x04" "fast\x12\x05" "false", 15)); /* as a platform sends it */
    ft_ok(session_validate(r->s, &r->e), &r->e);
    assert_true(request_has(&r->test, "\x0a\x07" "connect", 9));
    assert_true(request_has(&r->test, "\x12\x08\x0a\x03url\x12\x01u", 10));
    say_test(r, "no such host");
    assert_int_equal(session_validate(r->s, &r->e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&r->e), "test 'connect' (Connects): no such host"));
}

/* Platforms that make tables of what was discovered have all of it. */
static void test_discovery_of_types(void **state)
{
    rig *r = *state;
    drive(r, false);
    open_session(r, "{}", NULL, "");
    ft_ok(session_discover(r->s, &r->e), &r->e);
    said(r,
         ".t1 key [\"/id\"] {\"table\":\"t1\"} [\"t1\"] {\"type\":\"object\",\"properties\":{" T1_COLUMNS ",\"any\":{}},\"required\":[\"id\"]}\n"
         ".t2 key [] {\"table\":\"t2\"} [\"t2\"] {\"type\":\"object\",\"properties\":{\"n\":{\"type\":[\"integer\",\"null\"]}}}\n");
}

static void test_unknown_table(void **state)
{
    rig *r = *state;
    drive(r, true);
    open_session(r, "{}", LIST("t1", "t9"), "");
    assert_int_equal(session_validate(r->s, &r->e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&r->e), "binding x/t9: the connector has no table 't9'"));
    assert_null(strstr(err_text(&r->e), "t1"));
}

static void test_records(void **state)
{
    rig *r = *state;
    say_records(r, "t1", LIST("{\"id\":1,\"name\":\"a\",\"any\":1}", "{\"id\":2,\"name\":null}"));
    say_record(r, "t2", FT_UPSERT, "{\"n\":5}");
    say_record(r, "t1", FT_UPDATE, "{\"id\":1,\"name\":\"b\"}");
    say_record(r, "t1", FT_DELETE, "{\"id\":2}");
    say_checkpoint(r, "{\"cursor\": \"x\"}");
    say_record(r, "t1", FT_TRUNCATE, "{}");
    say_record(r, "t2", FT_UPSERT, "{\"n\":6}");
    say_checkpoint(r, "7");
    ft_ok(pull(r, true, LIST("t1", "t2"), ""), &r->e);
    said(r,
         "schema 0 " T1_TOLD "schema 1 " T2_TOLD TOLD_ALONE
         "0 {\"id\":1,\"name\":\"a\",\"any\":1}\n"
         "0 {\"id\":2,\"name\":null}\n"
         "1 {\"_meta\":{\"row_id\":0},\"n\":5}\n"
         "0 {\"id\":1,\"name\":\"b\",\"_meta\":{\"op\":\"u\"}}\n"
         "0 {\"id\":2,\"_meta\":{\"op\":\"d\"}}\n"
         "schema 0 " OF_KEYED(T1_COLUMNS ",\"any\":{\"type\":[\"integer\",\"null\"]}")
         "state {\"fivetranState\":\"{\\\"cursor\\\": \\\"x\\\"}\",\"fivetranRows\":{\"t2\":1}}\n"
         "truncate 0\n"
         "1 {\"_meta\":{\"row_id\":1},\"n\":6}\n"
         "state {\"fivetranState\":\"7\",\"fivetranRows\":{\"t2\":2}}\n");
    assert_true(request_has(&r->update, "\x1a\x02{}", 4)); /* no state: {} */
}

/* What was kept goes back to the letter, and rows are counted on. */
static void test_state_comes_back(void **state)
{
    rig *r = *state;
    say_record(r, "t2", FT_UPSERT, "{\"n\":5}");
    say_checkpoint(r, "not JSON at all");
    ft_ok(pull(r, true, LIST("t2"), "{\"fivetranState\":\"{\\\"cursor\\\": \\\"x\\\"}\",\"fivetranRows\":{\"t2\":41}}"), &r->e);
    assert_true(request_has(&r->update, "\x1a\x0f{\"cursor\": \"x\"}", 17));
    said(r, "schema 0 " T2_TOLD TOLD_ALONE "0 {\"_meta\":{\"row_id\":41},\"n\":5}\nstate {\"fivetranState\":\"not JSON at all\",\"fivetranRows\":{\"t2\":42}}\n");
}

/* One table is wanted, with all its columns and new ones; the other one is known, and not. */
static void test_selection(void **state)
{
    rig *r = *state;
    ft_ok(pull(r, true, LIST("t2"), ""), &r->e);
    static const char selection[] = "\x12\x19\x0a\x17\x0a\x04\x12\x02t1\x0a\x0f\x08\x01\x12\x02t2\x1a\x05\x0a\x01n\x10\x01\x20\x01";
    assert_true(request_has(&r->update, selection, sizeof selection - 1));
}

static void test_documents_as_they_are(void **state)
{
    rig *r = *state;
    say_record(r, "t2", FT_UPSERT, "{\"n\":5}");
    say_checkpoint(r, "{}");
    ft_ok(pull(r, false, LIST("t2"), ""), &r->e);
    said(r, "0 {\"n\":5}\nstate {\"fivetranState\":\"{}\"}\n");
}

/* Whoever does not say which tables it has shows them in its data. */
static void test_discovery_in_data(void **state)
{
    rig *r = *state;
    FivetranSdk__V2__SchemaResponse m = FIVETRAN_SDK__V2__SCHEMA_RESPONSE__INIT;
    m.response_case = FIVETRAN_SDK__V2__SCHEMA_RESPONSE__RESPONSE_SCHEMA_RESPONSE_NOT_SUPPORTED;
    m.schema_response_not_supported = true;
    pack(&m, &r->schema.answer);
    say_record(r, "t1", FT_UPSERT, "{\"id\":1,\"name\":null}");
    say_record(r, "t1", FT_UPSERT, "{\"id\":1.5,\"name\":\"a\"}");
    say_record(r, "t2", FT_UPSERT, "{\"any\":true}");
    drive(r, false);
    open_session(r, "{}", NULL, "");
    ft_ok(session_discover(r->s, &r->e), &r->e);
    said(r,
         ".t1 key [] {\"table\":\"t1\"} [\"t1\"] {\"type\":\"object\",\"properties\":{\"id\":{\"type\":[\"number\",\"string\",\"null\"],\"format\":\"number\"},"
         "\"name\":{\"type\":[\"string\",\"null\"]}}}\n"
         ".t2 key [] {\"table\":\"t2\"} [\"t2\"] {\"type\":\"object\",\"properties\":{\"any\":{\"type\":[\"boolean\",\"null\"]}}}\n");
    session_free(r->s);
    r->s = NULL;
    say_checkpoint(r, "1");
    open_session(r, "{}", LIST("t2"), ""); /* and is read without having said anything */
    ft_ok(session_pull(r->s, &r->e), &r->e);
    assert_non_null(strstr(buf_text(&r->said), "0 {\"any\":true}\nschema 0 "));
    assert_true(request_has(&r->update, "\x0a\x0d\x0a\x04" "fast\x12\x05" "false", 15)); /* the settings */
    assert_null(memchr(r->update.got.ptr + 15, 0x12, r->update.got.len - 15));           /* and no selection */
}

/* Columns and tables that nobody has spoken of. */
static void test_news(void **state)
{
    rig *r = *state;
    say_record(r, "t1", FT_UPSERT, "{\"id\":1,\"new\":true}");
    say_record(r, "t7", FT_UPSERT, "{\"id\":1}");
    say_record(r, "t2", FT_UPSERT, "{\"n\":1}");
    say_checkpoint(r, "{}");
    ft_ok(pull(r, false, LIST("t1"), ""), &r->e);
    said(r,
         "0 {\"id\":1,\"new\":true}\n"
         "schema 0 {\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"name\":{\"type\":[\"string\",\"null\"]},\"any\":{},"
         "\"new\":{\"type\":[\"boolean\",\"null\"]}},\"required\":[\"id\"],\"additionalProperties\":false}\n"
         "state {\"fivetranState\":\"{}\"}\n");
    assert_logged(r, "table 't7': the connector has not named it");
}

/* t2 as it is from now on: n, and another column if that has a type. */
static void say_change(rig *r, FivetranSdk__V2__DataType n_type, FivetranSdk__V2__DataType more_type)
{
    FivetranSdk__V2__Column n = FIVETRAN_SDK__V2__COLUMN__INIT, more = FIVETRAN_SDK__V2__COLUMN__INIT, *columns[] = {&n, &more};
    FivetranSdk__V2__Table t2 = FIVETRAN_SDK__V2__TABLE__INIT, *tables[] = {&t2};
    FivetranSdk__V2__TableList list = FIVETRAN_SDK__V2__TABLE_LIST__INIT;
    FivetranSdk__V2__SchemaChange change = FIVETRAN_SDK__V2__SCHEMA_CHANGE__INIT;
    FivetranSdk__V2__UpdateResponse m = FIVETRAN_SDK__V2__UPDATE_RESPONSE__INIT;
    n.name = (char *)"n";
    n.type = n_type;
    more.name = (char *)"more";
    more.type = more_type;
    t2.name = (char *)"t2";
    t2.columns = columns;
    t2.n_columns = more_type ? 2 : 1;
    list.tables = tables;
    list.n_tables = 1;
    change.change_case = FIVETRAN_SDK__V2__SCHEMA_CHANGE__CHANGE_WITHOUT_SCHEMA;
    change.without_schema = &list;
    m.operation_case = FIVETRAN_SDK__V2__UPDATE_RESPONSE__OPERATION_SCHEMA_CHANGE;
    m.schema_change = &change;
    pack(&m, next(r));
}

static void test_schema_change(void **state)
{
    rig *r = *state;
    say_change(r, FIVETRAN_SDK__V2__DATA_TYPE__STRING, FIVETRAN_SDK__V2__DATA_TYPE__BOOLEAN);
    say_record(r, "t2", FT_UPSERT, "{\"n\":5}"); /* a number in a column of texts now */
    say_checkpoint(r, "{}");
    ft_ok(pull(r, false, LIST("t2"), ""), &r->e);
    said(r,
         "0 {\"n\":\"5\"}\n"
         "schema 0 {\"type\":\"object\",\"properties\":{\"n\":{\"type\":[\"string\",\"null\"]},\"more\":{\"type\":[\"boolean\",\"null\"]}},\"additionalProperties\":false}\n"
         "state {\"fivetranState\":\"{}\"}\n");
}

/* Flow is told before the rows that have it, unless some wait for their checkpoint: those and the change are one. */
static void test_schema_change_is_told_to_flow(void **state)
{
    rig *r = *state;
    say_change(r, FIVETRAN_SDK__V2__DATA_TYPE__STRING, FIVETRAN_SDK__V2__DATA_TYPE__UNSPECIFIED);
    say_record(r, "t2", FT_UPSERT, "{\"n\":5}");
    say_change(r, FIVETRAN_SDK__V2__DATA_TYPE__STRING, FIVETRAN_SDK__V2__DATA_TYPE__BOOLEAN);
    say_checkpoint(r, "{}");
    ft_ok(pull(r, true, LIST("t2"), ""), &r->e);
    said(r,
         "schema 0 " T2_TOLD TOLD_ALONE
         "schema 0 " OF_COUNTED("\"n\":{\"type\":[\"string\",\"null\"]}") TOLD_ALONE
         "0 {\"_meta\":{\"row_id\":0},\"n\":\"5\"}\n"
         "schema 0 " OF_COUNTED("\"n\":{\"type\":[\"string\",\"null\"]},\"more\":{\"type\":[\"boolean\",\"null\"]}")
         "state {\"fivetranState\":\"{}\",\"fivetranRows\":{\"t2\":1}}\n");
}

/* A table that is described once more as it was is no news. */
static void test_a_change_of_nothing(void **state)
{
    rig *r = *state;
    say_change(r, FIVETRAN_SDK__V2__DATA_TYPE__LONG, FIVETRAN_SDK__V2__DATA_TYPE__UNSPECIFIED);
    say_record(r, "t2", FT_UPSERT, "{\"n\":5}");
    say_change(r, FIVETRAN_SDK__V2__DATA_TYPE__LONG, FIVETRAN_SDK__V2__DATA_TYPE__UNSPECIFIED);
    say_checkpoint(r, "{}");
    ft_ok(pull(r, true, LIST("t2"), ""), &r->e);
    said(r, "schema 0 " T2_TOLD TOLD_ALONE "0 {\"_meta\":{\"row_id\":0},\"n\":5}\nstate {\"fivetranState\":\"{}\",\"fivetranRows\":{\"t2\":1}}\n");
}

static void test_rest_is_dropped(void **state)
{
    rig *r = *state;
    say_record(r, "t2", FT_UPSERT, "{\"n\":1}");
    say_checkpoint(r, "{}");
    say_record(r, "t2", FT_UPSERT, "{\"n\":2}");
    ft_ok(pull(r, false, LIST("t2"), ""), &r->e);
    said(r, "0 {\"n\":1}\nstate {\"fivetranState\":\"{}\"}\n");
    assert_logged(r, "1 record after the connector's last checkpoint is dropped");
}

/* Rows must not go before those that take their place are there. */
static void test_a_truncation_is_dropped(void **state)
{
    rig *r = *state;
    say_record(r, "t1", FT_UPSERT, "{\"id\":1}");
    say_checkpoint(r, "{}");
    say_record(r, "t1", FT_TRUNCATE, "{}");
    ft_ok(pull(r, false, LIST("t1"), ""), &r->e);
    assert_null(strstr(buf_text(&r->said), "truncate"));
    assert_logged(r, "1 record after the connector's last checkpoint is dropped");
}

/* Records go to one binding: another one of the same table would never see any. */
static void test_a_table_twice(void **state)
{
    rig *r = *state;
    say_record(r, "t1", FT_UPSERT, "{\"id\":1}");
    say_checkpoint(r, "{}");
    assert_int_equal(pull(r, false, LIST("t1", "t1"), ""), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&r->e), "binding x/t1: table 't1' is captured twice"));
    said(r, "");
}

static void test_warning_and_task(void **state)
{
    rig *r = *state;
    ft_warning_message(VIEW("slow today"), next(r));
    say_record(r, "t2", FT_UPSERT, "{\"n\":1}");
    ft_task_message(VIEW("renew the key"), next(r));
    assert_int_equal(pull(r, false, LIST("t2"), ""), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&r->e), "renew the key"));
    assert_logged(r, "slow today");
    said(r, "");
}

static void test_status(void **state)
{
    rig *r = *state;
    say_record(r, "t2", FT_UPSERT, "{\"n\":1}");
    say_checkpoint(r, "{}");
    say_record(r, "t2", FT_UPSERT, "{\"n\":2}");
    r->update.end = WEIR_E_TRANSIENT;
    r->update.why = "the API is down";
    assert_int_equal(pull(r, false, LIST("t2"), ""), WEIR_E_TRANSIENT);
    assert_non_null(strstr(err_text(&r->e), "UNAVAILABLE: the API is down"));
    said(r, "0 {\"n\":1}\nstate {\"fivetranState\":\"{}\"}\n");
}

/* Bytes that no encoder writes: who sent them is named, and nothing is kept. */
static void test_hostile_messages(void **state)
{
    rig *r = *state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *words;
    } cases[] = {
        {"\x0a\xff", 2, "message 1 of Update"},                                      /* a length that is cut off */
        {"\x0a\x0c\x12\x02t2\x22\x06\x0a\x01n\x12\x01\x68", 14, "message 1 of Update"}, /* a value cut off */
        {"\x0a\x0b\x12\x02t2\x22\x05\x0a\x01n\x12\x00", 13, "a value without a member"},
        {"\x0a\x0e\x12\x02t2\x22\x08\x0a\x01n\x12\x03\x6a\x01\xff", 16, "not UTF-8"},
        {"\x0a\x04\x12\x02\xff\xfe", 6, "not UTF-8"},
        {"\x1a\x03\x0a\x01\xff", 5, "checkpoint: not UTF-8"},
        {"\x12\x04\x12\x02\x0a\xff", 6, "message 1 of Update"},                      /* a table list cut off */
        {"\x0a\x06\x12\x02t2\x18\x07", 8, "type 7"},
    };
    drive(r, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err_clear(&r->e);
        for (size_t k = 0; k < r->update.count; k++)
            buf_free(&r->update.stream[k]);
        r->update.count = 0;
        buf_add(next(r), cases[i].bytes, cases[i].len);
        open_session(r, "{}", LIST("t2"), "");
        assert_int_equal(session_pull(r->s, &r->e), WEIR_E_PROTOCOL);
        if (!strstr(err_text(&r->e), cases[i].words))
            fail_msg("no '%s' in '%s'", cases[i].words, err_text(&r->e));
        said(r, "");
        session_free(r->s);
        r->s = NULL;
    }
}

static void test_a_key_that_is_null(void **state)
{
    rig *r = *state;
    say_record(r, "t1", FT_UPSERT, "{\"id\":1}");
    say_checkpoint(r, "1");
    say_record(r, "t1", FT_UPSERT, "{\"id\":null}");
    say_checkpoint(r, "2");
    assert_int_equal(pull(r, false, LIST("t1"), ""), WEIR_E_PROTOCOL);
    assert_non_null(strstr(err_text(&r->e), "table 't1': a record whose key column 'id' is null"));
    said(r, "0 {\"id\":1}\nstate {\"fivetranState\":\"1\"}\n");
}

static void *stop_soon(void *arg)
{
    rig *r = arg;
    while (!r->update.calls)
        usleep(1000);
    session_stop(r->s);
    return NULL;
}

/* A server that hangs is left alone as soon as somebody asks us to stop. */
static void test_stop(void **state)
{
    rig *r = *state;
    pthread_t thread;
    say_record(r, "t2", FT_UPSERT, "{\"n\":1}");
    r->update.hang = true;
    drive(r, false);
    open_session(r, "{}", LIST("t2"), "");
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, r), 0);
    ft_ok(session_pull(r->s, &r->e), &r->e); /* that is no failure */
    pthread_join(thread, NULL);
    said(r, "");
}

static void test_unimplemented(void **state)
{
    rig *r = *state;
    r->methods[2].path = "/fivetran_sdk.v2.SourceConnector/Sch";
    drive(r, false);
    open_session(r, "{}", NULL, "");
    weir_rc rc = session_discover(r->s, &r->e);
    assert_int_equal(rc, WEIR_E_PROTOCOL);
    assert_non_null(strstr(err_text(&r->e), "UNIMPLEMENTED"));
}

static void test_nobody_there(void **state)
{
    rig *r = *state;
    weir_connector *c = NULL;
    const char *const argv[] = {"/bin/sh", "-c", "echo '{\"level\":\"SEVERE\",\"message\":\"no licence\",\"message-origin\":\"sdk_connector\"}'; exit 3", NULL};
    const drive_options o = {.argv = argv, .log = r->log, .task_name = VIEW("x/task"), .stop_fd = -1};
    assert_int_equal(fivetran_drive(&o, &c, &r->e), WEIR_E_REMOTE);
    assert_non_null(strstr(err_text(&r->e), "exited with status 3: no licence"));
    assert_logged(r, "\"error\"");
}

/* A server that says nothing more, on its output, is none that has died. */
static void test_a_closed_output(void **state)
{
    rig *r = *state;
    const char *const argv[] = {"/bin/sh", "-c", "exec >/dev/null; sleep 1; echo last words >&2; exit 4", NULL};
    const drive_options o = {.argv = argv, .log = r->log, .task_name = VIEW("x/task"), .stop_fd = -1};
    weir_connector *c = NULL;
    assert_int_equal(fivetran_drive(&o, &c, &r->e), WEIR_E_REMOTE);
    assert_non_null(strstr(err_text(&r->e), "exited with status 4: last words"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_spec_and_discovery), TEST(test_unknown_table), TEST(test_records),         TEST(test_state_comes_back),
        TEST(test_selection),          TEST(test_documents_as_they_are), TEST(test_news),    TEST(test_schema_change),
        TEST(test_schema_change_is_told_to_flow), TEST(test_a_change_of_nothing), TEST(test_discovery_of_types),
        TEST(test_rest_is_dropped),     TEST(test_a_truncation_is_dropped), TEST(test_a_table_twice),
        TEST(test_warning_and_task), TEST(test_status),       TEST(test_hostile_messages),
        TEST(test_discovery_in_data), TEST(test_a_key_that_is_null), TEST(test_stop),               TEST(test_unimplemented),   TEST(test_nobody_there), TEST(test_a_closed_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
