/* singer/tapped_state: a tap's state and the state of a task. What bindingStateV1 looks like is flow.md 10.3's; the rest must come back as it was. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/scan.h"
#include "fault.h"
#include "json/patch.h"
#include "proto/singer/tapped_state.h"

/* Two bound streams; b is keyed by row. */
typedef struct bound {
    tapped_state s;
    tapped_part parts[2];
} bound;

static void begin(bound *x, bool counters)
{
    *x = (bound){.parts = {{.id = VIEW("a"), .key = VIEW("a.v2")}, {.id = VIEW("b/c"), .key = VIEW("b%2Fc"), .counts = true}}};
    x->s = (tapped_state){.parts = x->parts, .count = 2, .counters = counters};
}

static void expect_open(bound *x, const char *state, const char *want)
{
    buf got = {0};
    err e = {0};
    if (singer_tapped_state_open(&x->s, view_of(state), &got, &e))
        fail_msg("%s: %s", state, err_text(&e));
    if (*want ? !json_equal(buf_view(&got), view_of(want)) : got.len > 0)
        fail_msg("%s: the tap gets '%s', expected '%s'", state, buf_text(&got), want);
    buf_free(&got);
    err_free(&e);
}

static void expect_fold(bound *x, const char *value, const char *want)
{
    buf got = {0};
    err e = {0};
    if (singer_tapped_state_fold(&x->s, view_of(value), &got, &e))
        fail_msg("%s: %s", value, err_text(&e));
    if (!json_check(buf_view(&got), NULL, NULL) || !json_equal(buf_view(&got), view_of(want)))
        fail_msg("%s: '%s', expected '%s'", value, buf_text(&got), want);
    assert_null(memchr(got.ptr, '\n', got.len));
    assert_null(memchr(got.ptr, '\r', got.len));
    buf_free(&got);
    err_free(&e);
}

/* As flow-sdk 0.1.9 writes it. */
static void as_the_shim_does(void **state)
{
    (void)state;
    bound x;
    begin(&x, true);
    expect_open(&x, "", "");
    expect_fold(&x, "{}", "{\"bindingStateV1\":{}}");
    expect_fold(&x, "{\"bookmarks\":{}}", "{\"bindingStateV1\":{}}");
    x.parts[0].next_row = 3;
    expect_fold(&x, "{\"bookmarks\":{\"a\":{\"replication_key\":\"id\",\"replication_key_value\":2}}}",
                "{\"bindingStateV1\":{\"a.v2\":{\"replication_key\":\"id\",\"replication_key_value\":2,\"estuary.dev/rowCounter\":3}}}");
    expect_fold(&x, "{\"bookmarks\": {\"a\": { }, \"b\\/c\":{\"x\":null}}}",
                "{\"bindingStateV1\":{\"a.v2\":{\"estuary.dev/rowCounter\":3},\"b%2Fc\":{\"x\":null,\"estuary.dev/rowCounter\":1}}}");
    expect_fold(&x, "{\"bookmarks\":{\"a\":{\"estuary.dev/rowCounter\":1,\"k\":\r9}}}",
                "{\"bindingStateV1\":{\"a.v2\":{\"k\":9,\"estuary.dev/rowCounter\":3}}}");
    singer_tapped_state_free(&x.s);
}

static void the_shims_state_resumes(void **state)
{
    (void)state;
    bound x;
    begin(&x, true);
    expect_open(&x, "{\"bindingStateV1\":{\"a.v2\":{\"replication_key_value\":2,\"estuary.dev/rowCounter\":7},\"b%2Fc\":{\"estuary.dev/rowCounter\":5}}}",
                "{\"bookmarks\":{\"a\":{\"replication_key_value\":2},\"b/c\":{}}}");
    assert_int_equal(x.parts[0].next_row, 7);
    assert_int_equal(x.parts[1].next_row, 5);
    singer_tapped_state_free(&x.s);
}

/* Whatever a tap writes comes back to it. */
static void nothing_is_lost(void **state)
{
    (void)state;
    static const char *const values[] = {
        "{\"currently_syncing\":\"a\",\"bookmarks\":{\"a\":{\"x\":1.50},\"zzz\":{\"y\":[1]},\"b/c\":{}},\"activate_versions\":{\"a\":17}}",
        "{\"a\":{\"since\":\"x\"},\"n\":null}",
        "{\"bookmarks\":{\"a\":\"2026\",\"b/c\":[1,2]}}",
        "{\"bookmarks\":[1]}",
        "{\"bookmarks\":{\"q\\\"\\u00e9\":1}}",
        "\"opaque\"",
        "17",
        "[{}]",
    };
    for (size_t i = 0; i < 2 * sizeof values / sizeof *values; i++) {
        const char *value = values[i / 2];
        buf folded = {0};
        err e = {0};
        bound x, y;
        begin(&x, i % 2);
        begin(&y, i % 2);
        expect_open(&x, "", "");
        x.parts[0].next_row = 8;
        assert_int_equal(singer_tapped_state_fold(&x.s, view_of(value), &folded, &e), WEIR_OK);
        expect_open(&y, buf_text(&folded), value);
        singer_tapped_state_free(&x.s);
        singer_tapped_state_free(&y.s);
        buf_free(&folded);
        err_free(&e);
    }
}

/* Parts of bindings that are not there now stay, but not those from before a backfill; the counter of a stream keyed by row stays without a bookmark. */
static void parts_of_others(void **state)
{
    (void)state;
    bound x;
    begin(&x, true);
    expect_open(&x, "{\"bindingStateV1\":{\"gone\":{\"x\":1},\"a\":{\"old\":1},\"a.v1\":{\"old\":2},\"b%2Fc\":null,\"a.vx\":{}},\"singerStateV1\":{}}", "");
    x.parts[1].next_row = 4;
    expect_fold(&x, "{}", "{\"bindingStateV1\":{\"gone\":{\"x\":1},\"a.vx\":{},\"b%2Fc\":{\"estuary.dev/rowCounter\":4}}}");
    singer_tapped_state_free(&x.s);
}

/* What a stream sent while it was not bound went nowhere. */
static void a_stream_that_is_bound_anew_begins_anew(void **state)
{
    (void)state;
    bound x;
    begin(&x, true);
    expect_open(&x, "{\"bindingStateV1\":{},\"singerStateV1\":{\"bookmarks\":{\"a\":{\"x\":1},\"other\":{\"y\":2}}}}", "{\"bookmarks\":{\"other\":{\"y\":2}}}");
    singer_tapped_state_free(&x.s);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char *const states[] = {"[]", "{\"bindingStateV1\":{\"a.v2\":5}}", "{\"bindingStateV1\":{\"a.v2\":{\"estuary.dev/rowCounter\":\"x\"}}}"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        bound x;
        buf got = {0};
        err e = {0};
        begin(&x, true);
        assert_int_equal(singer_tapped_state_open(&x.s, view_of(states[i]), &got, &e), WEIR_E_CONFIG);
        singer_tapped_state_free(&x.s);
        buf_free(&got);
        err_free(&e);
    }
    bound x;
    buf got = {0};
    err e = {0};
    begin(&x, true);
    expect_open(&x, "", "");
    assert_int_equal(singer_tapped_state_fold(&x.s, VIEW("{\"bookmarks\":{\"a\":{},\"a\":{}}}"), &got, &e), WEIR_E_PROTOCOL);
    singer_tapped_state_free(&x.s);
    buf_free(&got);
    err_free(&e);
}

static void without_memory(void **state)
{
    (void)state;
    for (size_t n = 0;; n++) {
        bound x;
        buf to_tap = {0}, folded = {0};
        err e = {0};
        begin(&x, true);
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = singer_tapped_state_open(&x.s, VIEW("{\"bindingStateV1\":{\"a.v2\":{\"k\":1},\"o\":{}},\"singerStateV1\":{\"r\":1}}"), &to_tap, &e);
        if (!rc)
            rc = singer_tapped_state_fold(&x.s, VIEW("{\"bookmarks\":{\"a\":{\"\\u0041\":1},\"u\":1},\"r\":\r2}"), &folded, &e);
        bool hit = fault_clear();
        assert_true(rc == WEIR_OK || rc == WEIR_E_NOMEM);
        assert_true(hit || rc == WEIR_OK);
        if (!rc)
            assert_true(json_check(buf_view(&folded), NULL, NULL));
        singer_tapped_state_free(&x.s);
        buf_free(&to_tap);
        buf_free(&folded);
        err_free(&e);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_shim_does),
        cmocka_unit_test(the_shims_state_resumes),
        cmocka_unit_test(nothing_is_lost),
        cmocka_unit_test(parts_of_others),
        cmocka_unit_test(a_stream_that_is_bound_anew_begins_anew),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
