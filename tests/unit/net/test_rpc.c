/* rpc: unary calls and streams of both sides, statuses, methods that are not there. */
#include "rig.h"

/* ------------------------------------------------------------------------------------------------------------- handlers -- */

/* Answers with what it got. */
static weir_rc echo(rpc_call *c, void *context, err *e)
{
    (void)context;
    weir_view v;
    weir_rc rc = rpc_receive(c, &v, e);
    if (rc)
        return rc;
    buf b = {0};
    buf_addv(&b, v);
    return rpc_send(c, &b, false, e);
}

/* The request is a number n: n messages of 11,000 bytes. */
static weir_rc count(rpc_call *c, void *context, err *e)
{
    (void)context;
    weir_view v;
    weir_rc rc = rpc_receive(c, &v, e);
    uint32_t n = rc ? 0 : (uint32_t)atoi(v.ptr);
    for (uint32_t i = 0; i < n && !rc; i++) {
        buf b = numbered(i, 11000);
        rc = rpc_send(c, &b, i + 1 < n, e);
        buf_free(&b);
    }
    return rc;
}

static weir_rc fail_config(rpc_call *c, void *context, err *e)
{
    (void)c;
    return err_fail(e, WEIR_E_CONFIG, "%s", (const char *)context);
}

static weir_rc fail_long(rpc_call *c, void *context, err *e)
{
    (void)context;
    rpc_set_code(c, RPC_DATA_LOSS);
    err_fail(e, WEIR_E_REMOTE, "first ");
    for (int i = 0; i < 9000; i++)
        buf_adds(&e->text, "\xc3\xa4");
    return WEIR_E_REMOTE;
}

static const rpc_method methods[] = {
    {"/test.Test/FailLong", fail_long, NULL},
    {"/test.Test/Echo", echo, NULL},
    {"/test.Test/Count", count, NULL},
    {"/test.Test/Fail", fail_config, (void *)"no 'key': 100 % \xc3\xa4rgerlich"},
    {0},
};

/* ---------------------------------------------------------------------------------------------------------------- tests -- */

static void test_unary(void **state)
{
    (void)state;
    rig r = rig_make(methods);
    err e = {0};
    buf request = text("hello"), response = {0};
    rig_ok(rpc_unary(r.client, "/test.Test/Echo", &request, &response, 0, -1, &e), &e);
    assert_string_equal(buf_text(&response), "hello");
    buf_free(&response);
    rig_free(&r);
}

static void test_empty_message(void **state)
{
    (void)state;
    rig r = rig_make(methods);
    err e = {0};
    buf request = {0}, response = {0};
    rig_ok(rpc_unary(r.client, "/test.Test/Echo", &request, &response, 0, -1, &e), &e);
    assert_int_equal(response.len, 0);
    buf_free(&response);
    rig_free(&r);
}

static void test_server_stream(void **state)
{
    (void)state;
    rig r = rig_make(methods);
    rpc_call *c = rig_call(&r, "/test.Test/Count");
    rig_send(c, text("1000\n"), false);
    for (uint32_t i = 0; i < 1000; i++) {
        weir_view v = rig_receive(c);
        assert_int_equal(v.len, 11000);
        assert_int_equal(number_of(v), i);
        assert_int_equal(v.ptr[10999], 'a' + i % 26);
    }
    rig_no_more(c);
    rig_finish(c, WEIR_OK, "");
    rig_free(&r);
}

static void expect_unary(rig *r, const char *path, weir_rc rc, const char *said)
{
    err e = {0};
    buf request = text("x"), response = {0};
    assert_int_equal(rpc_unary(r->client, path, &request, &response, 0, -1, &e), rc);
    assert_string_equal(err_text(&e), said);
    err_free(&e);
    buf_free(&request);
    buf_free(&response);
}

static void test_a_handlers_error(void **state)
{
    (void)state;
    rig r = rig_make(methods);
    expect_unary(&r, "/test.Test/Fail", WEIR_E_CONFIG, "/test.Test/Fail: FAILED_PRECONDITION: no 'key': 100 % \xc3\xa4rgerlich");
    rig_free(&r);
}

/* 8000 bytes of headers: six of ASCII, and 1332 characters of two bytes, each of which travels as %XX. */
static void test_a_long_error_is_cut(void **state)
{
    (void)state;
    rig r = rig_make(methods);
    err e = {0};
    buf request = {0}, response = {0}, wanted = {0};
    assert_int_equal(rpc_unary(r.client, "/test.Test/FailLong", &request, &response, 0, -1, &e), WEIR_E_REMOTE);
    buf_adds(&wanted, "/test.Test/FailLong: DATA_LOSS: first ");
    for (int i = 0; i < 1332; i++)
        buf_adds(&wanted, "\xc3\xa4");
    assert_string_equal(err_text(&e), buf_text(&wanted));
    buf_free(&wanted);
    err_free(&e);
    rig_free(&r);
}

static void test_unknown_method(void **state)
{
    (void)state;
    rig r = rig_make(methods);
    expect_unary(&r, "/test.Test/Other", WEIR_E_PROTOCOL, "/test.Test/Other: UNIMPLEMENTED: no such method");
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary),
        cmocka_unit_test(test_empty_message),
        cmocka_unit_test(test_server_stream),
        cmocka_unit_test(test_a_handlers_error),
        cmocka_unit_test(test_a_long_error_is_cut),
        cmocka_unit_test(test_unknown_method),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
