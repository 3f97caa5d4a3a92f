/* A program that is served to the platform, from its arguments to its end, and called over a connection (docs/protocols/fivetran.md 2.1 to 2.3). */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fivetran_rig.h"
#include "net/rpc.h"
#include "proto/fivetran/fivetran.h"

typedef struct settings {
    const char *token;
    int64_t count;
} settings;

static const weir_field fields[] = {
    {.name = "token", .type = WEIR_TEXT, .offset = offsetof(settings, token), .flags = WEIR_SECRET, .help = "Who are you?"},
    {.name = "count", .type = WEIR_INT, .offset = offsetof(settings, count), .fallback = "3", .help = "How many rows."},
    {0},
};

static weir_rc discover(weir_task *t, void *self)
{
    static const weir_stream table = {.name = WEIR_LIT("rows"), .key = WEIR_LIT("[\"/id\"]"),
                                      .schema = WEIR_LIT("{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"x\":{}}}")};
    const settings *s = self;
    if (strcmp(s->token, "secret-token") != 0)
        return weir_fail(t, WEIR_E_CONFIG, "the token '%s' is not known", s->token);
    return weir_discovered(t, &table);
}

enum { UNTIL_TOLD = -2 };
static atomic_bool told;

static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    const settings *s = self;
    weir_rc rc = WEIR_OK;
    (void)count;
    if (s->count == UNTIL_TOLD) {
        while (!atomic_load(&told) && !weir_stopping(t))
            usleep(1000);
        rc = weir_emit(t, b, WEIR_UPSERT, (weir_view)WEIR_LIT("{\"id\":7}"));
        return rc ? rc : weir_checkpoint(t, b, (weir_view)WEIR_LIT("{\"done\":true}"));
    }
    for (int64_t n = 0; (s->count < 0 || n < s->count) && !rc && !weir_stopping(t); n++)
        rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"id\":%lld}", (long long)n));
    return rc ? rc : weir_checkpoint(t, b, (weir_view)WEIR_LIT("{\"done\":true}"));
}

static weir_rc own_test(weir_task *t, void *self)
{
    (void)self;
    return weir_fail(t, WEIR_E_REMOTE, "it rains");
}

static const weir_test own_tests[] = {{"weather", "Looks out of the window", own_test}, {0}};

static const weir_connector with_tests = {
    .abi = WEIR_ABI, .name = "source-rows", .version = "1", .config = fields, .config_size = sizeof(settings), .resource = rig_resource,
    .resource_size = sizeof(const char *), .capture = &(const weir_capture){.discover = discover, .pull = pull}, .tests = own_tests,
};

/* ---- a program in a thread ---- */

typedef struct program {
    weir_connector c;
    char *args[8];
    int out, stop;
    log_sink *log;
    serve_end end;
    weir_rc rc;
    err e;
    pthread_t thread;
    rpc_client *client;
} program;

static void *run(void *arg)
{
    program *p = arg;
    size_t count = 0;
    while (p->args[count])
        count++;
    const serve_options o = {.in = -1, .out = p->out, .log = p->log, .stop_fd = p->stop, .program = "rows", .args = p->args, .arg_count = count};
    p->end = (serve_end){.status = -1};
    p->rc = fivetran_serve(&p->c, &o, &p->end, &p->e);
    return NULL;
}

static void output(const program *p, char *text, size_t size)
{
    ssize_t n = pread(p->out, text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
}

static int wait_for_port(const program *p)
{
    for (int i = 0; i < 1000; i++) {
        char text[4096];
        output(p, text, sizeof text);
        const char *port = strstr(text, ", port ");
        if (port)
            return atoi(port + 7);
        usleep(10000);
    }
    fail();
    return 0;
}

static void start(program *p, const weir_connector *c)
{
    char target[64];
    err e = {0};
    static char port[] = "--port", zero[] = "0";
    *p = (program){.c = *c, .args = {port, zero}, .out = memfd_create("out", MFD_CLOEXEC), .stop = eventfd(0, EFD_CLOEXEC), .log = log_open(2)};
    assert_int_equal(pthread_create(&p->thread, NULL, run, p), 0);
    snprintf(target, sizeof target, "127.0.0.1:%d", wait_for_port(p));
    assert_int_equal(rpc_client_open(&p->client, target, NULL, &e), WEIR_OK);
    assert_int_equal(rpc_client_wait(p->client, 10000, -1, &e), WEIR_OK);
}

static void ask_to_stop(const program *p)
{
    const uint64_t one = 1;
    assert_int_equal(write(p->stop, &one, sizeof one), sizeof one);
}

/* It ends well, and has told nobody the token. */
static void stop(program *p)
{
    char text[16384];
    rpc_client_free(p->client);
    ask_to_stop(p);
    pthread_join(p->thread, NULL);
    assert_int_equal(p->rc, WEIR_OK);
    assert_int_equal(p->end.status, 0);
    output(p, text, sizeof text);
    assert_null(strstr(text, "secret-token"));
    assert_null(strstr(text, "wrong-token"));
    log_close(p->log);
    err_free(&p->e);
    close(p->out);
    close(p->stop);
}

/* ---- calls ---- */

#define PATH "/fivetran_sdk.v2.SourceConnector/"

typedef FivetranSdk__V2__TestRequest__ConfigurationEntry entry;

static entry entry_of(const char *name, const char *value)
{
    return (entry){.base = PROTOBUF_C_MESSAGE_INIT(&fivetran_sdk__v2__test_request__configuration_entry__descriptor), .key = (char *)(uintptr_t)name,
                   .value = (char *)(uintptr_t)value};
}

/* A configuration of a token and a count, as the map of a request: the entries are the same in all of them. */
static void put_request(buf *out, unsigned field, const char *token, const char *count)
{
    const char *const pairs[][2] = {{"token", token}, {"count", count}};
    for (size_t i = 0; i < 2; i++) {
        if (!pairs[i][1])
            continue;
        entry m = entry_of(pairs[i][0], pairs[i][1]);
        size_t size = protobuf_c_message_get_packed_size(&m.base);
        buf_addc(out, (char)(field << 3 | 2));
        buf_addc(out, (char)size);
        ft_pack(&m.base, out);
    }
}

static weir_rc call(program *p, const char *path, buf *request, arena *a, const ProtobufCMessageDescriptor *type, void *ret_message, err *e)
{
    buf response = {0};
    weir_rc rc = rpc_unary(p->client, path, request, &response, 10000, -1, e);
    if (!rc) {
        weir_view kept = arena_dup(a, buf_view(&response));
        assert_int_equal(ft_unpack(a, type, kept, ret_message, e), WEIR_OK);
    }
    buf_free(&response);
    buf_free(request);
    return rc;
}

static void test_form(void **state)
{
    program p;
    arena a = {0};
    err e = {0};
    buf request = {0};
    FivetranSdk__V2__ConfigurationFormResponse *m;
    (void)state;
    start(&p, &with_tests);
    assert_int_equal(call(&p, PATH "ConfigurationForm", &request, &a, &fivetran_sdk__v2__configuration_form_response__descriptor, &m, &e), WEIR_OK);
    assert_int_equal(m->n_fields, 2);
    assert_string_equal(m->fields[0]->name, "token");
    assert_int_equal(m->fields[0]->type_case, FIVETRAN_SDK__V2__FORM_FIELD__TYPE_TEXT_FIELD);
    assert_int_equal(m->fields[0]->text_field, FIVETRAN_SDK__V2__TEXT_FIELD__Password);
    assert_int_equal(m->n_tests, 1);
    assert_string_equal(m->tests[0]->name, "weather");
    assert_true(m->table_selection_supported);
    arena_free(&a);
    stop(&p);
}

static const char *try_test(program *p, arena *a, const char *name, const char *token, weir_rc *ret_rc)
{
    buf request = {0};
    err e = {0};
    FivetranSdk__V2__TestResponse *m;
    buf_addc(&request, 0x0a);
    buf_addc(&request, (char)strlen(name));
    buf_adds(&request, name);
    put_request(&request, 2, token, NULL);
    *ret_rc = call(p, PATH "Test", &request, a, &fivetran_sdk__v2__test_response__descriptor, &m, &e);
    if (*ret_rc) {
        const char *text = arena_text(a, view_of(err_text(&e)));
        err_free(&e);
        return text;
    }
    if (m->response_case == FIVETRAN_SDK__V2__TEST_RESPONSE__RESPONSE_SUCCESS)
        return m->success ? "success" : "success: false";
    return m->failure;
}

static void test_tests(void **state)
{
    program p;
    arena a = {0};
    weir_rc rc;
    weir_connector without = with_tests;
    (void)state;
    without.tests = NULL;
    start(&p, &without);
    assert_string_equal(try_test(&p, &a, "connect", "secret-token", &rc), "success");
    assert_string_equal(try_test(&p, &a, "select", "secret-token", &rc), "success");
    assert_string_equal(try_test(&p, &a, "select", "wrong-token", &rc), "the token '***' is not known");
    assert_int_equal(rc, WEIR_OK);
    assert_non_null(strstr(try_test(&p, &a, "connect", NULL, &rc), "token"));
    assert_int_equal(rc, WEIR_OK);
    assert_string_equal(try_test(&p, &a, "weather", "secret-token", &rc), PATH "Test: INVALID_ARGUMENT: there is no test 'weather'");
    stop(&p);
    start(&p, &with_tests);
    assert_string_equal(try_test(&p, &a, "weather", "secret-token", &rc), "it rains");
    stop(&p);
    arena_free(&a);
}

static void test_schema(void **state)
{
    program p;
    arena a = {0};
    err e = {0};
    buf request = {0};
    FivetranSdk__V2__SchemaResponse *m;
    (void)state;
    start(&p, &with_tests);
    put_request(&request, 1, "secret-token", NULL);
    assert_int_equal(call(&p, PATH "Schema", &request, &a, &fivetran_sdk__v2__schema_response__descriptor, &m, &e), WEIR_OK);
    assert_int_equal(m->response_case, FIVETRAN_SDK__V2__SCHEMA_RESPONSE__RESPONSE_WITHOUT_SCHEMA);
    assert_true(m->_selection_not_supported_case && !m->selection_not_supported);
    assert_int_equal(m->without_schema->n_tables, 1);
    const FivetranSdk__V2__Table *t = m->without_schema->tables[0];
    assert_string_equal(t->name, "rows");
    assert_int_equal(t->n_columns, 2);
    assert_true(t->columns[0]->primary_key && !t->columns[1]->primary_key);
    assert_int_equal(t->columns[0]->type, FIVETRAN_SDK__V2__DATA_TYPE__LONG);
    assert_int_equal(t->columns[1]->type, FIVETRAN_SDK__V2__DATA_TYPE__UNSPECIFIED);
    put_request(&request, 1, "wrong-token", NULL);
    assert_int_equal(call(&p, PATH "Schema", &request, &a, &fivetran_sdk__v2__schema_response__descriptor, &m, &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), PATH "Schema: FAILED_PRECONDITION: the token '***' is not known");
    buf_adds(&request, "nonsense");
    assert_int_equal(rpc_rc_of(RPC_INVALID_ARGUMENT), call(&p, PATH "Schema", &request, &a, &fivetran_sdk__v2__schema_response__descriptor, &m, &e));
    err_free(&e);
    arena_free(&a);
    stop(&p);
}

/* ---- Update ---- */

static rpc_call *begin_update(program *p, const char *token, const char *count)
{
    rpc_call *c;
    err e = {0};
    buf request = {0};
    put_request(&request, 1, token, count);
    assert_int_equal(rpc_start(p->client, PATH "Update", 0, -1, &c, &e), WEIR_OK);
    assert_int_equal(rpc_send(c, &request, false, &e), WEIR_OK);
    assert_int_equal(rpc_send_end(c, &e), WEIR_OK);
    return c;
}

/* Everything that comes, as lines. @return how it ended */
static weir_rc drain(rpc_call *c, rig *r, err *e)
{
    weir_view message;
    weir_rc rc;
    while (!(rc = rpc_receive(c, &message, e))) {
        buf copy = {0};
        buf_addv(&copy, message);
        rig_send(r, &copy, false, e);
    }
    err_clear(e); /* there are no more: that is all it says */
    return rpc_finish(c, e);
}

static void test_update(void **state)
{
    program p;
    rig r;
    err e = {0};
    (void)state;
    start(&p, &with_tests);
    rig_init(&r, NULL, 0, NULL);
    assert_int_equal(drain(begin_update(&p, "secret-token", "2"), &r, &e), WEIR_OK);
    assert_string_equal(buf_text(&r.said),
                        "alone truncate rows\nbatch of 2\n  upsert rows id=0\n  upsert rows id=1\ncheckpoint {\"bindingStateV1\":{\"rows\":{\"done\":true}}}\n");
    rig_free(&r);
    rig_init(&r, NULL, 0, NULL);
    assert_int_equal(drain(begin_update(&p, "wrong-token", "2"), &r, &e), WEIR_OK);
    assert_string_equal(buf_text(&r.said), "task the token '***' is not known\n");
    rig_free(&r);
    rig_init(&r, NULL, 0, NULL);
    assert_int_equal(drain(begin_update(&p, "secret-token", "many"), &r, &e), WEIR_OK);
    assert_memory_equal(buf_text(&r.said), "task ", 5);
    rig_free(&r);
    err_free(&e);
    stop(&p);
}

/* One that reads nothing holds the connector back; when it gives up, the connector is stopped, or stop() would wait for ever. */
static void test_update_that_is_cancelled(void **state)
{
    program p;
    err e = {0};
    weir_view message;
    (void)state;
    start(&p, &with_tests);
    rpc_call *c = begin_update(&p, "secret-token", "-1");
    for (int i = 0; i < 10; i++)
        assert_int_equal(rpc_receive(c, &message, &e), WEIR_OK);
    rpc_cancel(c);
    assert_int_equal(rpc_finish(c, &e), WEIR_STOPPED);
    err_free(&e);
    stop(&p);
}

/* Whoever asks the server to stop gives its calls time to end. */
static void test_a_call_may_end_while_the_server_stops(void **state)
{
    program p;
    rig r;
    err e = {0};
    weir_view message;
    (void)state;
    start(&p, &with_tests);
    rig_init(&r, NULL, 0, NULL);
    atomic_store(&told, false);
    rpc_call *c = begin_update(&p, "secret-token", "-2");
    assert_int_equal(rpc_receive(c, &message, &e), WEIR_OK);
    ask_to_stop(&p);
    atomic_store(&told, true);
    weir_rc rc = drain(c, &r, &e);
    if (rc)
        print_error("%s\n", err_text(&e));
    assert_int_equal(rc, WEIR_OK);
    assert_string_equal(buf_text(&r.said), "batch of 1\n  upsert rows id=7\ncheckpoint {\"bindingStateV1\":{\"rows\":{\"done\":true}}}\n");
    rig_free(&r);
    err_free(&e);
    stop(&p);
}

/* ---- arguments ---- */

static void expect_misuse(char *const *args, const char *what)
{
    static weir_connector c;
    c = with_tests;
    size_t count = 0;
    serve_end end = {.status = -1};
    err e = {0};
    while (args[count])
        count++;
    const serve_options o = {.in = -1, .out = 1, .stop_fd = -1, .program = "rows", .args = args, .arg_count = count};
    assert_int_equal(fivetran_serve(&c, &o, &end, &e), WEIR_E_CONFIG);
    assert_int_equal(end.status, 2);
    assert_string_equal(err_text(&e), what);
    err_free(&e);
}

static void test_arguments(void **state)
{
    (void)state;
    expect_misuse((char *[]){(char[]){"--prot"}, (char[]){"5"}, NULL}, "unknown argument '--prot'");
    expect_misuse((char *[]){(char[]){"--port"}, NULL}, "--port needs a value");
    expect_misuse((char *[]){(char[]){"--port="}, NULL}, "--port= needs a value");
    expect_misuse((char *[]){(char[]){"--port=70000"}, NULL}, "'70000' is no port");
    expect_misuse((char *[]){(char[]){"--port"}, (char[]){"fifty"}, NULL}, "'fifty' is no port");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_tests),
        cmocka_unit_test(test_schema),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_update_that_is_cancelled),
        cmocka_unit_test(test_a_call_may_end_while_the_server_stops),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
