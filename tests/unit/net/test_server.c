/* rpc servers: addresses, and how they end, with streams that live. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "net/listen.h"
#include "rig.h"

enum { LONG_MS = 60000 };

static bool wait_readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

/* ------------------------------------------------------------------------------------------------------------- handlers -- */

typedef struct told {
    int started_fd, go_fd;
    atomic_int ended;
} told;

static weir_rc flood(rpc_call *c, void *context, err *e)
{
    told *t = context;
    weir_rc rc = WEIR_OK;
    eventfd_write(t->started_fd, 1);
    for (uint32_t i = 0; !rc; i++) {
        buf b = numbered(i, 5000);
        rc = rpc_send(c, &b, i % 10 != 9, e);
        buf_free(&b);
    }
    t->ended++;
    return rc;
}

/* Ends when it is told to. */
static weir_rc finish_later(rpc_call *c, void *context, err *e)
{
    told *t = context;
    buf b = text("one");
    weir_rc rc = rpc_send(c, &b, false, e);
    eventfd_write(t->started_fd, 1);
    wait_readable(t->go_fd, LONG_MS);
    b = text("two");
    if (!rc)
        rc = rpc_send(c, &b, false, e);
    t->ended++;
    return rc;
}

static weir_rc at_once(rpc_call *c, void *context, err *e)
{
    (void)context;
    buf b = text("done");
    return rpc_send(c, &b, false, e);
}

typedef struct fixture {
    rig r;
    told told;
    rpc_method methods[4];
    int stop_fd;
    pthread_t running;
    int64_t drain_ms;
} fixture;

static void *run(void *arg)
{
    fixture *f = arg;
    err e = {0};
    return rpc_server_run(f->r.server, f->stop_fd, f->drain_ms, &e) ? NULL : arg;
}

static fixture *make(int64_t drain_ms)
{
    fixture *f = calloc(1, sizeof *f);
    f->told.started_fd = eventfd(0, EFD_CLOEXEC);
    f->told.go_fd = eventfd(0, EFD_CLOEXEC);
    f->stop_fd = eventfd(0, EFD_CLOEXEC);
    f->drain_ms = drain_ms;
    const rpc_method methods[] = {{"/t/Flood", flood, &f->told}, {"/t/Later", finish_later, &f->told}, {"/t/AtOnce", at_once, NULL}, {0}};
    memcpy(f->methods, methods, sizeof methods);
    f->r = rig_make(f->methods);
    assert_int_equal(pthread_create(&f->running, NULL, run, f), 0);
    return f;
}

static void join(fixture *f)
{
    void *ret;
    pthread_join(f->running, &ret);
    assert_ptr_equal(ret, f);
}

static void unmake(fixture *f)
{
    rig_free(&f->r);
    close(f->told.started_fd);
    close(f->told.go_fd);
    close(f->stop_fd);
    free(f);
}

/* ------------------------------------------------------------------------------------------------------------- addresses -- */

static void expect_refused(const char *listen, const char *why)
{
    err e = {0};
    rpc_server *s = NULL;
    static const rpc_method none[] = {{0}};
    assert_int_equal(rpc_server_start(&s, &(rpc_server_options){.listen = listen, .methods = none}, &e), WEIR_E_CONFIG);
    char text[200];
    snprintf(text, sizeof text, "listen on '%s': %s", listen, why);
    assert_string_equal(err_text(&e), text);
    err_free(&e);
}

static void test_a_port_in_use(void **state)
{
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    char address[40];
    snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(a.sin_port));
    expect_refused(address, "Address already in use");
    close(fd);
}

/* gRPC would let a second one share the port. */
static void test_two_servers_on_one_port(void **state)
{
    (void)state;
    static const rpc_method none[] = {{0}};
    rpc_server *s = rig_serve(none, "127.0.0.1:0");
    char address[40];
    snprintf(address, sizeof address, "127.0.0.1:%d", rpc_server_port(s));
    expect_refused(address, "Address already in use");
    rpc_server_free(s);
}

static void test_addresses_that_cannot_be(void **state)
{
    (void)state;
    expect_refused("localhost", "an address is HOST:PORT, [HOST]:PORT or unix:PATH");
    expect_refused("192.0.2.1:0", "Cannot assign requested address");
    expect_refused("unix:", "a path of 1 to 107 bytes is needed");
    expect_refused("unix:/no/such/folder/x", "No such file or directory");
}

static void test_all_interfaces(void **state)
{
    (void)state;
    fixture f = {0};
    const rpc_method methods[] = {{"/t/AtOnce", at_once, NULL}, {0}};
    static const char *const addresses[] = {"0.0.0.0:0", "[::]:0"};
    for (int i = 0; i < 2; i++) {
        err e = {0};
        f.r.server = rig_serve(methods, addresses[i]);
        f.r.client = rig_connect(rpc_server_port(f.r.server));
        buf request = {0}, response = {0};
        rig_ok(rpc_unary(f.r.client, "/t/AtOnce", &request, &response, LONG_MS, -1, &e), &e);
        buf_free(&response);
        rig_free(&f.r);
    }
}

/* gRPC has a number for every address. */
static void test_what_has_a_port(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool port;
    } cases[] = {{"localhost:0", true}, {"[::1]:0", true}, {"unix-host:0", true}, {"unix:relative", false}, {"unix:///absolute", false}, {"unix-abstract:name", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(rpc_listen_has_port(cases[i].address), cases[i].port);
}

static void test_a_path(void **state)
{
    (void)state;
    err e = {0};
    char listen[60];
    snprintf(listen, sizeof listen, "unix:/tmp/weir-test-rpc.%d", (int)getpid());
    const rpc_method methods[] = {{"/t/AtOnce", at_once, NULL}, {0}};
    rpc_server *s = rig_serve(methods, listen);
    assert_int_equal(rpc_server_port(s), 0);
    rpc_client *c = NULL;
    rig_ok(rpc_client_open(&c, listen, NULL, &e), &e);
    buf request = {0}, response = {0};
    rig_ok(rpc_unary(c, "/t/AtOnce", &request, &response, LONG_MS, -1, &e), &e);
    assert_string_equal(buf_text(&response), "done");
    expect_refused(listen, "Address already in use");
    buf_free(&response);
    rpc_client_free(c);
    rpc_server_free(s);
    struct stat st;
    assert_int_equal(stat(listen + 5, &st), -1); /* taken away */
}

static void test_nobody_there(void **state)
{
    (void)state;
    err e = {0};
    rpc_client *c = NULL;
    assert_int_equal(rpc_client_open(&c, "localhost", NULL, &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), "connect to 'localhost': a server is HOST:PORT, [HOST]:PORT or unix:PATH");
    err_clear(&e);
    rig_ok(rpc_client_open(&c, "unix:/no/such/socket", NULL, &e), &e);
    assert_int_equal(rpc_client_wait(c, 100, -1, &e), WEIR_E_TRANSIENT);
    assert_string_equal(err_text(&e), "the server does not answer within 100 ms");
    buf request = {0}, response = {0};
    assert_int_equal(rpc_unary(c, "/t/AtOnce", &request, &response, LONG_MS, -1, &e), WEIR_E_TRANSIENT);
    assert_non_null(strstr(err_text(&e), "UNAVAILABLE"));
    int stop = eventfd(1, EFD_CLOEXEC);
    assert_int_equal(rpc_client_wait(c, LONG_MS, stop, &e), WEIR_STOPPED);
    close(stop);
    err_free(&e);
    rpc_client_free(c);
}

/* Whoever speaks something else does no harm to the others. */
static void test_bytes_that_are_no_http2(void **state)
{
    (void)state;
    static const char settings[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    static const weir_view said[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18}, {"\x16\x03\x01\x02\0\x01", 6}, {settings, 10}, {settings, sizeof settings - 1}, {"\0\0\0\0", 4}, {"", 0},
    };
    const rpc_method methods[] = {{"/t/AtOnce", at_once, NULL}, {0}};
    rig r = rig_make(methods);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)rpc_server_port(r.server))};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(send(fd, said[i].ptr, said[i].len, MSG_NOSIGNAL), said[i].len);
        close(fd);
        err e = {0};
        buf request = {0}, response = {0};
        rig_ok(rpc_unary(r.client, "/t/AtOnce", &request, &response, LONG_MS, -1, &e), &e);
        buf_free(&response);
    }
    rig_free(&r);
}

/* ---------------------------------------------------------------------------------------------------------------- ending -- */

static void test_calls_end_in_the_grace(void **state)
{
    (void)state;
    fixture *f = make(LONG_MS);
    rpc_call *c = rig_call(&f->r, "/t/Later");
    assert_int_equal(rig_receive(c).len, 3);
    eventfd_write(f->stop_fd, 1);
    for (bool refused = false; !refused;) { /* it takes no new ones */
        err e = {0};
        buf request = {0}, response = {0};
        weir_rc rc = rpc_unary(f->r.client, "/t/AtOnce", &request, &response, 1000, -1, &e);
        refused = rc == WEIR_E_TRANSIENT || rc == WEIR_STOPPED; /* CANCELLED: it was under way */
        assert_true(refused || !rc);
        buf_free(&response);
        err_free(&e);
    }
    eventfd_write(f->told.go_fd, 1);
    assert_int_equal(rig_receive(c).len, 3);
    rig_no_more(c);
    rig_finish(c, WEIR_OK, "");
    join(f);
    unmake(f);
}

static void test_calls_are_cancelled_after_the_grace(void **state)
{
    (void)state;
    fixture *f = make(50);
    rpc_call *c = rig_call(&f->r, "/t/Flood");
    rig_receive(c);
    eventfd_write(f->stop_fd, 1);
    join(f);
    assert_int_equal(f->told.ended, 1);
    err e = {0};
    assert_int_not_equal(rpc_finish(c, &e), WEIR_OK);
    err_free(&e);
    unmake(f);
}

static void test_idle_clients_do_not_hold_it(void **state)
{
    (void)state;
    fixture *f = make(LONG_MS);
    int64_t before = clock_ms();
    eventfd_write(f->stop_fd, 1);
    join(f);
    assert_true(clock_ms() - before < LONG_MS / 2);
    unmake(f);
}

static void *read_flood(void *arg)
{
    fixture *f = arg;
    rpc_call *c = rig_call(&f->r, "/t/Flood");
    err e = {0};
    weir_view v;
    while (!rpc_receive(c, &v, &e))
        ;
    rpc_finish(c, &e);
    err_free(&e);
    return arg;
}

/* The race of fivetran.md 4.3: a batch that begins when the queue is shut ends the process. */
static void test_many_ends_with_live_streams(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        fixture *f = make(i % 3);
        pthread_t readers[3];
        for (int k = 0; k < 3; k++)
            assert_int_equal(pthread_create(&readers[k], NULL, read_flood, f), 0);
        if (i % 2)
            wait_readable(f->told.started_fd, LONG_MS);
        eventfd_write(f->stop_fd, 1);
        join(f);
        for (int k = 0; k < 3; k++)
            pthread_join(readers[k], NULL);
        unmake(f);
    }
}

static void test_free_stops(void **state)
{
    (void)state;
    told t = {eventfd(0, EFD_CLOEXEC), -1, 0};
    const rpc_method methods[] = {{"/t/Flood", flood, &t}, {0}};
    rig r = rig_make(methods);
    rpc_call *c = rig_call(&r, "/t/Flood");
    rig_receive(c);
    rpc_server_free(r.server);
    assert_int_equal(t.ended, 1);
    rpc_cancel(c);
    rpc_finish(c, NULL);
    rpc_client_free(r.client);
    close(t.started_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_port_in_use),
        cmocka_unit_test(test_two_servers_on_one_port),
        cmocka_unit_test(test_addresses_that_cannot_be),
        cmocka_unit_test(test_all_interfaces),
        cmocka_unit_test(test_what_has_a_port),
        cmocka_unit_test(test_a_path),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_bytes_that_are_no_http2),
        cmocka_unit_test(test_calls_end_in_the_grace),
        cmocka_unit_test(test_calls_are_cancelled_after_the_grace),
        cmocka_unit_test(test_idle_clients_do_not_hold_it),
        cmocka_unit_test(test_many_ends_with_live_streams),
        cmocka_unit_test(test_free_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
