/* The standard health service, grpc.health.v1.Health: request {1 service}, response {1 status}. */
#include <poll.h>

#include "net/field.h"
#include "net/server.h"

enum { SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };

/* The server as a whole has no name. */
static bool known(const rpc_server *s, weir_view service)
{
    bool found = !service.len;
    for (const char *const *p = s->options.services; p && *p && !found; p++)
        found = view_is(service, *p);
    return found;
}

static weir_rc send_health(rpc_call *c, uint64_t status, err *e)
{
    buf b = {0};
    rpc_field_add_number(&b, 1, status);
    weir_rc rc = rpc_send(c, &b, false, e);
    buf_free(&b);
    return rc;
}

static weir_rc receive_service(rpc_call *c, weir_view *ret, err *e)
{
    weir_view request;
    weir_rc rc = rpc_receive(c, &request, e);
    if (!rc)
        *ret = rpc_field_find(request, 1);
    return rc;
}

static weir_rc check(rpc_call *c, void *context, err *e)
{
    weir_view service;
    weir_rc rc = receive_service(c, &service, e);
    if (rc)
        return rc;
    if (known(context, service))
        return send_health(c, SERVING, e);
    rpc_set_code(c, RPC_NOT_FOUND);
    return err_fail(e, WEIR_E_CONFIG, "no service '%.*s'", VIEW_ARG(service));
}

/* Until either side ends. */
static void wait_end(const rpc_call *c, const rpc_server *s)
{
    struct pollfd ends[] = {{.fd = rpc_stop_fd(c), .events = POLLIN}, {.fd = s->stopping_fd, .events = POLLIN}};
    while (poll(ends, 2, -1) <= 0)
        ;
}

static weir_rc watch(rpc_call *c, void *context, err *e)
{
    weir_view service;
    weir_rc rc = receive_service(c, &service, e);
    if (!rc)
        rc = send_health(c, known(context, service) ? SERVING : SERVICE_UNKNOWN, e);
    if (rc)
        return rc;
    wait_end(c, context);
    rc = send_health(c, NOT_SERVING, e);
    return rc ? rc : err_fail(e, WEIR_E_TRANSIENT, "the server is being stopped");
}

const rpc_method rpc_health_methods[] = {
    {"/grpc.health.v1.Health/Check", check, NULL},
    {"/grpc.health.v1.Health/Watch", watch, NULL},
    {0},
};
