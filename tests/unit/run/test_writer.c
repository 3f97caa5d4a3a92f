/* The writer: what goes out, when, what is said of it, and what is left of a seal that fails. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "fault.h"
#include "run/writer.h"

static bool outlet_of(const framing *f, arena *a, const weir_binding *b, outlet *o)
{
    (void)f;
    o->prefix = arena_printf(a, "%u ", b->index);
    o->suffix = VIEW("\n");
    return o->prefix.ptr != NULL;
}

static void checkpoint_of(const framing *f, buf *out, const lane *ln, const checkpoint *c)
{
    (void)ln;
    (void)f;
    buf_addv(out, c->state);
    buf_addc(out, '\n');
}

static const framing plain = {.outlet = outlet_of, .checkpoint = checkpoint_of};

typedef struct output {
    rig r;
    writer *w;
    int out[2];
    uint64_t written;
} output;

static void count_written(void *arg, uint64_t checkpoints)
{
    ((output *)arg)->written += checkpoints;
}

static void open_output(output *o, rig_pull *pull, size_t count)
{
    assert_int_equal(pipe2(o->out, O_CLOEXEC), 0);
    fcntl(o->out[0], F_SETPIPE_SZ, 1 << 20);
    o->w = writer_new(o->out[1], &plain);
    assert_non_null(o->w);
    writer_on_written(o->w, count_written, o);
    rig_open_to(&o->r, writer_listener(o->w), pull, count, "");
}

static void close_output(output *o)
{
    rig_close(&o->r);
    writer_free(o->w);
    close(o->out[0]);
    close(o->out[1]);
}

/* What is in the pipe, all of it. */
static void expect_output(output *o, const char *expected)
{
    char text[4096] = "";
    close(o->out[1]);
    ssize_t n = read(o->out[0], text, sizeof text - 1);
    assert_true(n >= 0);
    assert_string_equal(text, expected);
    o->out[1] = -1;
}

static weir_rc two_checkpoints(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"id\":1}"));
    if (!rc)
        rc = weir_checkpoint(t, NULL, VIEW("{\"n\":1}"));
    return rc ? rc : weir_checkpoint(t, NULL, VIEW("{\"n\":2}"));
}

static void test_written_is_told_when_it_is(void **unused)
{
    (void)unused;
    output o = {0};
    open_output(&o, two_checkpoints, 1);
    assert_int_equal(session_pull(o.r.s, &o.r.e), WEIR_OK);
    assert_int_equal(o.written, 0);
    assert_int_equal(writer_flush(o.w, &o.r.e), WEIR_OK);
    assert_int_equal(o.written, 2);
    expect_output(&o, "0 {\"id\":1}\n{\"n\":1}\n{\"n\":2}\n");
    close_output(&o);
}

/* A framing that holds its checkpoints back until a lane spills. */
typedef struct holding {
    framing f;
    unsigned held, calls;
    bool spilling;
} holding;

static void note_held(const framing *f, buf *out, const lane *ln, const checkpoint *c)
{
    (void)out;
    (void)ln;
    (void)c;
    ((holding *)(uintptr_t)f)->held++;
}

static void note_spill(const framing *f, const lane *ln)
{
    holding *h = (holding *)(uintptr_t)f;
    assert_true(ln->shared.len >= LANE_SPILL);
    h->spilling = true;
    h->calls++;
}

static void settle_if_spilling(const framing *f, buf *out)
{
    holding *h = (holding *)(uintptr_t)f;
    if (!h->spilling || !h->held)
        return;
    buf_printf(out, "settled %u\n", h->held);
    h->held = 0;
}

static bool still_holds(const framing *f) { return ((const holding *)f)->held > 0; }

static weir_rc hold_and_spill(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_checkpoint(t, b, VIEW("{}"));
    if (!rc)
        rc = weir_checkpoint(t, b, VIEW("{}"));
    return rc ? rc : weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"t\":\"%0300000d\"}", 0));
}

/* What a framing holds back is asked for again, and goes out before documents that spill. */
static void test_what_is_held_back_goes_out_before_a_spill(void **unused)
{
    (void)unused;
    holding h = {.f = {.outlet = outlet_of, .checkpoint = note_held, .settle = settle_if_spilling, .spill = note_spill, .holds = still_holds}};
    output o = {0};
    bool waiting = false;
    char text[64] = "";
    assert_int_equal(pipe2(o.out, O_CLOEXEC), 0);
    fcntl(o.out[0], F_SETPIPE_SZ, 1 << 20);
    o.w = writer_new(o.out[1], &h.f);
    assert_non_null(o.w);
    rig_open_to(&o.r, writer_listener(o.w), hold_and_spill, 1, "");
    assert_int_equal(session_pull(o.r.s, &o.r.e), WEIR_OK);
    assert_int_equal(h.calls, 1);
    assert_true(read(o.out[0], text, sizeof text - 1) > 0);
    assert_memory_equal(text, "settled 2\n0 {\"t\":", strlen("settled 2\n0 {\"t\":"));
    assert_int_equal(h.held, 1); /* the seal of the rest */
    h.spilling = false;
    assert_int_equal(writer_flush_now(o.w, &waiting, &o.r.e), WEIR_OK);
    assert_true(waiting);
    h.spilling = true;
    assert_int_equal(writer_flush_now(o.w, &waiting, &o.r.e), WEIR_OK);
    assert_false(waiting);
    close_output(&o);
}

static bool is_readable(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, 0) > 0;
}

static weir_rc large_transaction(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = WEIR_OK;
    for (int i = 0; i < 100 && !rc; i++)
        rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"t\":\"%01000d\"}", i));
    return rc ? rc : weir_checkpoint(t, b, VIEW("{}"));
}

/* Whoever waits for transactions hears of those, too, that are so large that they go out at once. */
static void test_large_transactions_wake(void **unused)
{
    (void)unused;
    output o = {0};
    open_output(&o, large_transaction, 1);
    assert_int_equal(session_pull(o.r.s, &o.r.e), WEIR_OK);
    assert_int_equal(o.written, 1);
    assert_true(is_readable(writer_wake_fd(o.w)));
    close_output(&o);
}

static output *spilling; /* of the test at hand */

static weir_rc spill_and_look(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    bool waiting = true;
    (void)self;
    (void)n;
    weir_rc rc = weir_checkpoint(t, b, VIEW("{}"));
    for (int i = 0; i < 300 && !rc; i++)
        rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"t\":\"%01000d\"}", i));
    assert_int_equal(spilling->written, 1);
    assert_int_equal(writer_flush_now(spilling->w, &waiting, &spilling->r.e), WEIR_OK);
    assert_false(waiting);
    return rc ? rc : weir_checkpoint(t, b, VIEW("{}"));
}

/* While a lane has the writer for long, nothing sealed waits: nobody needs to try again and again. */
static void test_nothing_waits_behind_a_spill(void **unused)
{
    (void)unused;
    output o = {0};
    spilling = &o;
    open_output(&o, spill_and_look, 1);
    assert_int_equal(session_pull(o.r.s, &o.r.e), WEIR_OK);
    close_output(&o);
}

/* The reason is known to who flushes first; who comes later is told it, too. */
static void test_the_reason_of_a_failure_is_kept(void **unused)
{
    (void)unused;
    output o = {0};
    err later = {0};
    open_output(&o, two_checkpoints, 1);
    assert_int_equal(session_pull(o.r.s, &o.r.e), WEIR_OK);
    fault_at(FAULT_WRITE, 0, ENOSPC);
    assert_int_equal(writer_flush(o.w, &o.r.e), WEIR_E_NOMEM);
    fault_clear();
    assert_int_equal(writer_flush(o.w, &later), WEIR_E_NOMEM);
    assert_string_equal(err_text(&later), "writing standard output: No space left on device");
    assert_int_equal(o.written, 0);
    err_free(&later);
    close_output(&o);
}

static size_t failing_allocation;

static weir_rc fail_to_seal(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_checkpoint(t, NULL, VIEW("{\"n\":1}"));
    if (!rc)
        rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"id\":1}"));
    if (rc)
        return rc;
    fault_at(FAULT_ALLOC, failing_allocation, ENOMEM);
    rc = weir_checkpoint(t, NULL, weir_format(t, "{\"state\":\"%0300d\"}", 0));
    return fault_clear() ? rc : WEIR_STOPPED;
}

static weir_rc ignore_acks(weir_task *t, void *self, const weir_ack *acks, size_t count)
{
    (void)t;
    (void)self;
    (void)acks;
    (void)count;
    return WEIR_OK;
}

/* Documents never go out without their checkpoint: another lane's would make them durable. */
static void test_a_seal_that_fails_leaves_nothing(void **unused)
{
    (void)unused;
    weir_rc rc = WEIR_OK;
    for (failing_allocation = 0; rc != WEIR_STOPPED; failing_allocation++) {
        output o = {.r = {.capture = {.acked = ignore_acks, .all_in_one = true}}};
        open_output(&o, fail_to_seal, 1);
        rc = session_pull(o.r.s, &o.r.e);
        if (!rc) { /* nothing failed */
            close_output(&o);
            break;
        }
        assert_int_equal(rc, WEIR_E_NOMEM);
        assert_int_equal(writer_flush(o.w, &o.r.e), WEIR_OK);
        expect_output(&o, "{\"n\":1}\n");
        close_output(&o);
    }
    assert_true(failing_allocation > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_is_told_when_it_is),
        cmocka_unit_test(test_what_is_held_back_goes_out_before_a_spill),
        cmocka_unit_test(test_large_transactions_wake),
        cmocka_unit_test(test_nothing_waits_behind_a_spill),
        cmocka_unit_test(test_the_reason_of_a_failure_is_kept),
        cmocka_unit_test(test_a_seal_that_fails_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
