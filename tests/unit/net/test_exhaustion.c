/* rpc without memory: every allocation of ours fails once. Calls then end with a status, and the next ones work. */
#include <errno.h>

#include "fault.h"
#include "rig.h"

static weir_rc echo(rpc_call *c, void *context, err *e)
{
    (void)context;
    weir_view v;
    weir_rc rc = rpc_receive(c, &v, e);
    if (rc)
        return rc;
    buf b = {0};
    buf_addv(&b, v);
    rc = rpc_send(c, &b, false, e);
    buf_free(&b);
    return rc;
}

static const rpc_method methods[] = {{"/t/Echo", echo, NULL}, {0}};
static const char *const services[] = {"t", NULL};

static weir_rc unary(rpc_client *c, const char *path, size_t len, err *e)
{
    buf request = {0}, response = {0};
    buf_reserve(&request, len);
    for (size_t i = 0; i < len; i++)
        buf_addc(&request, 'x');
    weir_rc rc = rpc_unary(c, path, &request, &response, 20000, -1, e);
    if (!rc && len)
        assert_int_equal(response.len, len);
    buf_free(&request);
    buf_free(&response);
    return rc;
}

static weir_rc everything(bool *ret_fired, err *e)
{
    rpc_server *s = NULL;
    rpc_client *c = NULL;
    const rpc_server_options o = {.listen = "127.0.0.1:0", .methods = methods, .services = services};
    weir_rc rc = rpc_server_start(&s, &o, e);
    if (!rc) {
        char target[40];
        snprintf(target, sizeof target, "127.0.0.1:%d", rpc_server_port(s));
        rc = rpc_client_open(&c, target, NULL, e);
    }
    if (!rc)
        rc = rpc_client_wait(c, 20000, -1, e);
    if (!rc)
        rc = unary(c, "/t/Echo", 100000, e); /* comes in several pieces */
    if (!rc)
        rc = unary(c, "/t/None", 0, e) == WEIR_E_PROTOCOL ? WEIR_OK : e->rc;
    if (!rc)
        rc = unary(c, "/grpc.health.v1.Health/Check", 0, e);
    err_clear(e);
    *ret_fired = fault_clear();
    if (c) { /* what failed was not more than one call */
        rig_ok(rpc_client_wait(c, 20000, -1, e), e);
        rig_ok(unary(c, "/t/Echo", 1000, e), e);
    }
    rpc_client_free(c);
    rpc_server_free(s);
    return rc;
}

static void test_every_allocation_fails_once(void **state)
{
    (void)state;
    size_t failed = 0;
    bool fired = true;
    for (size_t n = 0; fired; n++) {
        err e = {0};
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = everything(&fired, &e);
        err_free(&e);
        failed += rc != WEIR_OK;
        assert_true(fired || !rc);
    }
    assert_true(failed > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation_fails_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
