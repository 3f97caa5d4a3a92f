/* rig.h - a server with a few methods and a client, in one process. */
#ifndef WEIR_TESTS_NET_RIG_H
#define WEIR_TESTS_NET_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/rpc.h"

typedef struct rig {
    rpc_server *server;
    rpc_client *client;
} rig;

static inline void rig_ok(weir_rc rc, err *e)
{
    if (rc)
        fail_msg("%s: %s", rc_name(rc), err_text(e));
}

static inline rpc_server *rig_serve(const rpc_method *methods, const char *listen)
{
    err e = {0};
    rpc_server *s = NULL;
    rig_ok(rpc_server_start(&s, &(rpc_server_options){.listen = listen, .methods = methods}, &e), &e);
    return s;
}

static inline rpc_client *rig_connect(int port)
{
    err e = {0};
    rpc_client *c = NULL;
    char target[40];
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    rig_ok(rpc_client_open(&c, target, NULL, &e), &e);
    rig_ok(rpc_client_wait(c, 10000, -1, &e), &e);
    return c;
}

static inline rig rig_make(const rpc_method *methods)
{
    rig r = {.server = rig_serve(methods, "127.0.0.1:0")};
    r.client = rig_connect(rpc_server_port(r.server));
    return r;
}

static inline void rig_free(rig *r)
{
    rpc_client_free(r->client);
    rpc_server_free(r->server);
}

static inline buf text(const char *s)
{
    buf b = {0};
    buf_adds(&b, s);
    return b;
}

/* A message of `len` bytes that begins with its number. */
static inline buf numbered(uint32_t number, size_t len)
{
    buf b = {0};
    assert_true(buf_reserve(&b, len));
    memset(b.ptr, (int)('a' + number % 26), len);
    memcpy(b.ptr, &number, sizeof number);
    b.len = len;
    return b;
}

static inline uint32_t number_of(weir_view v)
{
    uint32_t n;
    assert_true(v.len >= sizeof n);
    memcpy(&n, v.ptr, sizeof n);
    return n;
}

static inline rpc_call *rig_call(rig *r, const char *path)
{
    err e = {0};
    rpc_call *c = NULL;
    rig_ok(rpc_start(r->client, path, 0, -1, &c, &e), &e);
    return c;
}

/* The call ends with this status. */
static inline void rig_finish(rpc_call *c, weir_rc rc, const char *said)
{
    err e = {0};
    assert_int_equal(rpc_finish(c, &e), rc);
    assert_string_equal(err_text(&e), said);
    err_free(&e);
}

static inline void rig_send(rpc_call *c, buf message, bool more)
{
    err e = {0};
    rig_ok(rpc_send(c, &message, more, &e), &e);
    assert_null(message.ptr);
}

static inline weir_view rig_receive(rpc_call *c)
{
    err e = {0};
    weir_view v = {0};
    rig_ok(rpc_receive(c, &v, &e), &e);
    return v;
}

static inline void rig_no_more(rpc_call *c)
{
    err e = {0};
    weir_view v;
    assert_int_equal(rpc_receive(c, &v, &e), WEIR_STOPPED);
    err_free(&e);
}

#endif
