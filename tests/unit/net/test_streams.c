/* rpc: streams both ways, flow control, cancellation, deadlines, large messages, many calls. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "rig.h"

enum { LONG_MS = 60000 };

/* What handlers tell their test. */
typedef struct told {
    atomic_int sent;
    atomic_int ended;     /* handlers that came to their end */
    atomic_int rc;        /* what their last call returned */
    atomic_bool cancelled;
    int started_fd;       /* an eventfd: a handler runs */
} told;

static void tell_end(told *t, rpc_call *c, weir_rc rc)
{
    t->rc = (int)rc;
    t->cancelled = rpc_cancelled(c);
    t->ended++;
}

static bool wait_readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

/* The tests wait for things that come for sure. */
static void wait_for(atomic_int *what, int value)
{
    for (int64_t until = clock_ms() + LONG_MS; *what < value;) {
        assert_true(clock_ms() < until);
        usleep(200);
    }
}

/* ------------------------------------------------------------------------------------------------------------- handlers -- */

static weir_rc say_back(rpc_call *c, weir_view v, err *e)
{
    buf b = {0};
    buf_addv(&b, v);
    return rpc_send(c, &b, false, e);
}

/* Answers each message with itself until there are no more. */
static weir_rc converse(rpc_call *c, void *context, err *e)
{
    (void)context;
    for (;;) {
        weir_view v;
        weir_rc rc = rpc_receive(c, &v, e);
        if (rc)
            return rc == WEIR_STOPPED ? WEIR_OK : rc;
        rc = say_back(c, v, e);
        if (rc)
            return rc;
    }
}

/* Counts the messages, then says how many bytes there were. */
static weir_rc collect(rpc_call *c, void *context, err *e)
{
    told *t = context;
    size_t bytes = 0;
    weir_view v;
    weir_rc rc;
    for (; !(rc = rpc_receive(c, &v, e)); bytes += v.len)
        eventfd_write(t->started_fd, 1);
    tell_end(t, c, rc);
    if (rc != WEIR_STOPPED || rpc_cancelled(c))
        return rc;
    buf b = {0};
    buf_printf(&b, "%zu", bytes);
    return rpc_send(c, &b, false, e);
}

/* Sends for ever. */
static weir_rc flood(rpc_call *c, void *context, err *e)
{
    told *t = context;
    weir_rc rc = WEIR_OK;
    for (uint32_t i = 0; !rc; i++) {
        buf b = numbered(i, 11000);
        rc = rpc_send(c, &b, true, e);
        buf_free(&b);
        t->sent = (int)i + 1;
    }
    tell_end(t, c, rc);
    return rc;
}

/* Waits to be cancelled, as one does who waits for somebody else. */
static weir_rc wait_stop(rpc_call *c, void *context, err *e)
{
    told *t = context;
    eventfd_write(t->started_fd, 1);
    bool stopped = wait_readable(rpc_stop_fd(c), LONG_MS);
    tell_end(t, c, stopped ? WEIR_STOPPED : WEIR_OK);
    return err_fail(e, WEIR_STOPPED, "stopped");
}

/* ------------------------------------------------------------------------------------------------------------------ a rig -- */

typedef struct fixture {
    rig r;
    told told;
    rpc_method methods[6];
} fixture;

static fixture *make(void)
{
    fixture *f = calloc(1, sizeof *f);
    f->told.started_fd = eventfd(0, EFD_CLOEXEC);
    const rpc_method methods[] = {
        {"/t/Converse", converse, NULL}, {"/t/Collect", collect, &f->told}, {"/t/Flood", flood, &f->told}, {"/t/Wait", wait_stop, &f->told}, {0},
    };
    memcpy(f->methods, methods, sizeof methods);
    f->r = rig_make(f->methods);
    return f;
}

static void unmake(fixture *f)
{
    rig_free(&f->r);
    close(f->told.started_fd);
    free(f);
}

/* ---------------------------------------------------------------------------------------------------------------- tests -- */

static void test_both_ways(void **state)
{
    (void)state;
    fixture *f = make();
    rpc_call *c = rig_call(&f->r, "/t/Converse");
    for (uint32_t i = 0; i < 300; i++) {
        rig_send(c, numbered(i, 10 + i * 100), false);
        weir_view v = rig_receive(c);
        assert_int_equal(number_of(v), i);
        assert_int_equal(v.len, 10 + i * 100);
    }
    err e = {0};
    rig_ok(rpc_send_end(c, &e), &e);
    rig_no_more(c);
    rig_no_more(c);
    rig_finish(c, WEIR_OK, "");
    unmake(f);
}

static void test_client_stream(void **state)
{
    (void)state;
    fixture *f = make();
    rpc_call *c = rig_call(&f->r, "/t/Collect");
    for (uint32_t i = 0; i < 1000; i++)
        rig_send(c, numbered(i, 20000), i < 999);
    err e = {0};
    rig_ok(rpc_send_end(c, &e), &e);
    weir_view v = rig_receive(c);
    assert_true(v.len == 8 && memcmp(v.ptr, "20000000", 8) == 0);
    rig_finish(c, WEIR_OK, "");
    unmake(f);
}

/* A peer that is gone is not one that has said all. */
static void test_half_a_client_stream(void **state)
{
    (void)state;
    fixture *f = make();
    for (int i = 0; i < 50; i++) {
        rpc_call *c = rig_call(&f->r, "/t/Collect");
        rig_send(c, text("x"), false);
        eventfd_t times;
        eventfd_read(f->told.started_fd, &times);
        rpc_cancel(c);
        rig_finish(c, WEIR_STOPPED, "CANCELLED: CANCELLED");
        wait_for(&f->told.ended, i + 1);
        assert_true(f->told.cancelled);
    }
    unmake(f);
}

static void test_what_is_not_received_is_dropped(void **state)
{
    (void)state;
    fixture *f = make();
    rpc_call *c = rig_call(&f->r, "/t/Converse");
    for (uint32_t i = 0; i < 10; i++)
        rig_send(c, numbered(i, 1000), false);
    rig_finish(c, WEIR_OK, "");
    unmake(f);
}

/* What a server may be ahead of a client that does not read: windows and socket buffers, not what it could have sent meanwhile. */
static void test_slow_reader(void **state)
{
    (void)state;
    fixture *f = make();
    rpc_call *c = rig_call(&f->r, "/t/Flood");
    rig_send(c, text("x"), false);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(number_of(rig_receive(c)), i);
    int before, after = -1;
    do { /* until it has come to a stand */
        before = after;
        usleep(100000);
        after = f->told.sent;
    } while (before != after);
    assert_true(after < 3000); /* 33 MB */
    rpc_cancel(c);
    rig_finish(c, WEIR_STOPPED, "CANCELLED: CANCELLED");
    wait_for(&f->told.ended, 1);
    assert_int_equal(f->told.rc, WEIR_STOPPED);
    assert_true(f->told.cancelled);
    unmake(f);
}

static void test_a_client_that_cancels(void **state)
{
    (void)state;
    fixture *f = make();
    rpc_call *c = rig_call(&f->r, "/t/Wait");
    assert_true(wait_readable(f->told.started_fd, LONG_MS));
    rpc_cancel(c);
    assert_true(rpc_cancelled(c));
    assert_true(wait_readable(rpc_stop_fd(c), 0));
    rig_finish(c, WEIR_STOPPED, "CANCELLED: CANCELLED");
    wait_for(&f->told.ended, 1);
    assert_int_equal(f->told.rc, WEIR_STOPPED);
    unmake(f);
}

static void test_a_client_that_goes_away(void **state)
{
    (void)state;
    fixture *f = make();
    rpc_call *c = rig_call(&f->r, "/t/Flood");
    rig_send(c, text("x"), false);
    rig_receive(c);
    rpc_cancel(c);
    rig_finish(c, WEIR_STOPPED, "CANCELLED: CANCELLED");
    wait_for(&f->told.ended, 1);
    assert_true(f->told.cancelled);
    unmake(f);
}

static void test_a_stop_descriptor(void **state)
{
    (void)state;
    fixture *f = make();
    int stop = eventfd(0, EFD_CLOEXEC);
    err e = {0};
    rpc_call *c, *other;
    rig_ok(rpc_start(f->r.client, "/t/Wait", 0, stop, &c, &e), &e);
    rig_ok(rpc_start(f->r.client, "/t/Converse", 0, -1, &other, &e), &e);
    assert_true(wait_readable(f->told.started_fd, LONG_MS));
    eventfd_write(stop, 1);
    rig_no_more(c);
    assert_true(rpc_cancelled(c));
    rig_finish(c, WEIR_STOPPED, "CANCELLED: CANCELLED");
    rig_send(other, text("x"), false); /* goes on */
    assert_int_equal(rig_receive(other).len, 1);
    rig_finish(other, WEIR_OK, "");
    close(stop);
    unmake(f);
}

static void test_a_deadline(void **state)
{
    (void)state;
    fixture *f = make();
    err e = {0};
    buf request = {0}, response = {0};
    assert_int_equal(rpc_unary(f->r.client, "/t/Wait", &request, &response, 100, -1, &e), WEIR_E_TRANSIENT);
    assert_string_equal(err_text(&e), "/t/Wait: DEADLINE_EXCEEDED: Deadline Exceeded");
    err_free(&e);
    wait_for(&f->told.ended, 1);
    assert_true(f->told.cancelled);
    unmake(f);
}

static void test_a_message_of_60_mib(void **state)
{
    (void)state;
    fixture *f = make();
    rpc_call *c = rig_call(&f->r, "/t/Converse");
    rig_send(c, numbered(7, 60 << 20), false);
    weir_view v = rig_receive(c);
    assert_int_equal(number_of(v), 7);
    assert_int_equal(v.len, 60 << 20);
    assert_int_equal(v.ptr[v.len - 1], 'h');
    rig_finish(c, WEIR_OK, "");
    unmake(f);
}

static void test_a_message_over_the_limit(void **state)
{
    (void)state;
    fixture *f = make();
    rpc_call *c = rig_call(&f->r, "/t/Collect");
    rig_send(c, numbered(0, RPC_MESSAGE_MAX + 1), false);
    rig_no_more(c);
    rig_finish(c, WEIR_E_TRANSIENT, "RESOURCE_EXHAUSTED: Received message larger than max (134217729 vs. 134217728)");
    unmake(f);
}

static void *converse_once(void *arg)
{
    fixture *f = arg;
    rpc_call *c = rig_call(&f->r, "/t/Converse");
    for (uint32_t i = 0; i < 500; i++) {
        rig_send(c, numbered(i, 3000), false);
        assert_int_equal(number_of(rig_receive(c)), i);
    }
    rig_finish(c, WEIR_OK, "");
    return arg;
}

static void test_eight_at_once(void **state)
{
    (void)state;
    fixture *f = make();
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, converse_once, f), 0);
    for (int i = 0; i < 8; i++) {
        void *ret;
        assert_int_equal(pthread_join(threads[i], &ret), 0);
        assert_ptr_equal(ret, f);
    }
    unmake(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_client_stream),
        cmocka_unit_test(test_half_a_client_stream),
        cmocka_unit_test(test_what_is_not_received_is_dropped),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_a_client_that_cancels),
        cmocka_unit_test(test_a_client_that_goes_away),
        cmocka_unit_test(test_a_stop_descriptor),
        cmocka_unit_test(test_a_deadline),
        cmocka_unit_test(test_a_message_of_60_mib),
        cmocka_unit_test(test_a_message_over_the_limit),
        cmocka_unit_test(test_eight_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
