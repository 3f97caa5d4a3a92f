/* What every server serves of itself: reflection and health. */
#include <sys/eventfd.h>

#include "base/view.h"
#include "descriptors.h"
#include "rig.h"

static const rpc_method none[] = {{0}};
static const char *const services[] = {"t.v1.Things", "t.v1.Others", NULL};

static rig make(void)
{
    err e = {0};
    rig r = {0};
    const rpc_server_options o = {
        .listen = "127.0.0.1:0", .methods = none, .descriptors = {(const char *)descriptors, sizeof descriptors}, .services = services};
    rig_ok(rpc_server_start(&r.server, &o, &e), &e);
    r.client = rig_connect(rpc_server_port(r.server));
    return r;
}

/* A message with one field of text, of fewer than 128 bytes. */
static buf field(int number, const char *value)
{
    buf b = {0};
    buf_addc(&b, (char)(number << 3 | 2));
    buf_addc(&b, (char)strlen(value));
    buf_adds(&b, value);
    return b;
}

/* ------------------------------------------------------------------------------------------------------------ reflection -- */

/* Asks, and wants the request back and then exactly this. */
static void expect_answer(rpc_call *c, int number, const char *value, weir_view answer)
{
    buf request = field(number, value), wanted = {0};
    buf_addc(&wanted, 2 << 3 | 2);
    buf_addc(&wanted, (char)request.len);
    buf_addv(&wanted, buf_view(&request));
    buf_addv(&wanted, answer);
    rig_send(c, request, false);
    weir_view got = rig_receive(c);
    assert_int_equal(got.len, wanted.len);
    assert_memory_equal(got.ptr, wanted.ptr, wanted.len);
    buf_free(&wanted);
}

#define UNKNOWN view_of("\x3a\x1a\x08\x05\x12\x16no such file or symbol")

static void test_services_are_listed(void **state)
{
    (void)state;
    static const char *const paths[] = {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};
    for (int i = 0; i < 2; i++) {
        rig r = make();
        rpc_call *c = rig_call(&r, paths[i]);
        expect_answer(c, 7, "", view_of("\x32\x1e\x0a\x0d\x0a\x0bt.v1.Things\x0a\x0d\x0a\x0bt.v1.Others"));
        rig_finish(c, WEIR_OK, "");
        rig_free(&r);
    }
}

static void test_files_and_symbols(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *name;
        bool known;
    } cases[] = {
        {3, "t.proto", true}, {3, "u.proto", true}, {3, "t", false}, {3, "", false},
        {4, "t.v1.Things", true}, {4, "t.v1.Things.Get", true}, {4, "t.v1.Outer", true}, {4, "t.v1.Outer.Inner", true}, {4, "t.v1.Outer.Inner.Colour", true},
        {4, "t.v1.Outer.inner", true}, {4, "t.v1.Kind", true}, {4, "Bare", true}, {4, "Bare.n", true},
        {4, "t.v1", false}, {4, "t.v1.", false}, {4, "t.v1.Thing", false}, {4, "t.v1.ThingsGet", false}, {4, "t.v1.Things.Put", false}, {4, "t.v1.Outer.Inner.a.b", false},
        {4, "t.v1.Bare", false}, {4, "Things", false}, {4, "", false},
    };
    rig r = make();
    rpc_call *c = rig_call(&r, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    buf files = {0};
    buf_add(&files, "\x22\xe2\x01", 3); /* field 4, 226 bytes */
    buf_add(&files, descriptors, sizeof descriptors);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_answer(c, cases[i].number, cases[i].name, cases[i].known ? buf_view(&files) : UNKNOWN);
    expect_answer(c, 5, "", view_of("\x3a\x11\x08\x05\x12\x0dno extensions"));
    buf_free(&files);
    rig_finish(c, WEIR_OK, "");
    rig_free(&r);
}

static void test_requests_that_are_none(void **state)
{
    (void)state;
    static const weir_view requests[] = {{"", 0}, {"\x22", 1}, {"\x22\x7f", 2}, {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11}, {"\x0b", 1}, {"\x21\x01", 2}};
    rig r = make();
    rpc_call *c = rig_call(&r, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        buf b = {0};
        buf_addv(&b, requests[i]);
        rig_send(c, b, false);
        weir_view got = rig_receive(c);
        size_t at = 2 + requests[i].len; /* behind the original request: an error_response, INVALID_ARGUMENT */
        assert_true(got.len > at + 4 && got.ptr[at] == 0x3a && memcmp(got.ptr + at + 2, "\x08\x03", 2) == 0);
    }
    rig_finish(c, WEIR_OK, "");
    rig_free(&r);
}

/* ---------------------------------------------------------------------------------------------------------------- health -- */

static void expect_health(rig *r, const char *service, weir_rc rc, const char *said)
{
    err e = {0};
    buf request = field(1, service), response = {0};
    assert_int_equal(rpc_unary(r->client, "/grpc.health.v1.Health/Check", &request, &response, 0, -1, &e), rc);
    assert_string_equal(rc ? err_text(&e) : buf_text(&response), said);
    err_free(&e);
    buf_free(&response);
}

static void test_health(void **state)
{
    (void)state;
    rig r = make();
    expect_health(&r, "", WEIR_OK, "\x08\x01");
    expect_health(&r, "t.v1.Others", WEIR_OK, "\x08\x01");
    expect_health(&r, "t.v1.Absent", WEIR_E_CONFIG, "/grpc.health.v1.Health/Check: NOT_FOUND: no service 't.v1.Absent'");
    rig_free(&r);
}

static rpc_call *watch(rig *r, const char *service, const char *status)
{
    rpc_call *c = rig_call(r, "/grpc.health.v1.Health/Watch");
    rig_send(c, field(1, service), false);
    weir_view v = rig_receive(c);
    assert_int_equal(v.len, 2);
    assert_memory_equal(v.ptr, status, 2);
    return c;
}

static void test_health_watched_to_the_end(void **state)
{
    (void)state;
    rig r = make();
    rpc_call *left = watch(&r, "t.v1.Absent", "\x08\x03");
    rpc_call *c = watch(&r, "", "\x08\x01");
    rpc_cancel(left);
    rig_finish(left, WEIR_STOPPED, "CANCELLED: CANCELLED");
    int stop = eventfd(1, EFD_CLOEXEC);
    err e = {0};
    rig_ok(rpc_server_run(r.server, stop, 60000, &e), &e);
    close(stop);
    weir_view v = rig_receive(c);
    assert_int_equal(v.len, 2);
    assert_memory_equal(v.ptr, "\x08\x02", 2);
    rig_finish(c, WEIR_E_TRANSIENT, "UNAVAILABLE: the server is being stopped");
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_services_are_listed),
        cmocka_unit_test(test_files_and_symbols),
        cmocka_unit_test(test_requests_that_are_none),
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_health_watched_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
