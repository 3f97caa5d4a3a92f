/* A sync as the platform sees it, message by message (docs/protocols/fivetran.md 1.2, 2.3). */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fivetran_update.h"

/* ---- one after the other ---- */

static weir_rc two(weir_task *t, const weir_binding *b)
{
    weir_rc rc = EMIT(t, b, "{\"id\":1,\"a\":5,\"b\":\"x\"}", "{\"id\":2,\"a\":null}");
    return rc ? rc : seal(t, b, 2);
}

static void test_records_then_their_state(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, two);
    rig_expect(&r, "{\"bindingStateV1\":{\"t\":{\"n\":0}}}",
               "batch of 2\n  upsert t id=1 a=5 b='x'\n  upsert t id=2 a=null\ncheckpoint {\"bindingStateV1\":{\"t\":{\"n\":2}}}\n");
}

static void test_a_first_sync_truncates(void **state)
{
    static const char said[] = "alone truncate t\nbatch of 2\n  upsert t id=1 a=5 b='x'\n  upsert t id=2 a=null\n"
                               "checkpoint {\"bindingStateV1\":{\"t\":{\"n\":2}}}\n";
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, two);
    rig_expect(&r, "", said);
    rig_init(&r, &table_t, 1, two);
    rig_expect(&r, "{}", said);
}

static void test_a_state_of_somebody_else_says_nothing_of_what_is_new(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, nothing);
    rig_expect(&r, "{\"cursor\":5}", "checkpoint {\"cursor\":5}\n");
}

static void test_what_is_read_whole_begins_afresh(void **state)
{
    weir_stream whole = table_t;
    rig r;
    (void)state;
    whole.modes = WEIR_FULL_REFRESH;
    rig_init(&r, &whole, 1, nothing);
    rig_expect(&r, "{\"bindingStateV1\":{\"t\":{\"n\":2}}}", "alone truncate t\ncheckpoint {\"bindingStateV1\":{}}\n");
}

static void test_operations_in_their_order(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, operations);
    rig_expect(&r, "{\"bindingStateV1\":{\"t\":{}}}",
               "batch of 3\n  upsert t id=1 a=1 b='x'\n  update t id=1 a=2\n  delete t id=1\nalone truncate t\nbatch of 1\n  upsert t id=3\n"
               "checkpoint {\"bindingStateV1\":{\"t\":{\"n\":1}}}\n");
}

static void test_state_that_is_none(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, two);
    assert_int_equal(rig_sync(&r, "[1]"), WEIR_E_PROTOCOL);
    assert_string_equal(buf_text(&r.said), "");
    rig_free(&r);
}

/* ---- batches ---- */

static size_t how_many, how_large;

static weir_rc many(weir_task *t, const weir_binding *b)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < how_many && !rc; i++)
        rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"id\":%zu,\"b\":\"%0*d\"}", i, (int)how_large, 0));
    return rc ? rc : seal(t, b, 1);
}

static void test_batches_of_a_hundred(void **state)
{
    rig r;
    (void)state;
    how_many = 250;
    how_large = 1;
    rig_init(&r, &table_t, 1, many);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    assert_int_equal(r.batches, 3);
    assert_int_equal(r.fullest, FT_BATCH_RECORDS);
    assert_int_equal(r.records, 250);
    rig_free(&r);
}

/* Records of one size around the tenth of a batch: sometimes ten of them fit, sometimes nine. */
static void test_batches_are_exact_to_the_byte(void **state)
{
    rig r;
    (void)state;
    how_many = 20;
    for (how_large = 9960; how_large < 10000; how_large++) {
        rig_init(&r, &table_t, 1, many);
        r.totals_only = true;
        assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
        assert_int_equal(r.records, 20);
        /* `6a LEN text`; `0a 1 b 12 LEN value`; `12 1 t`, `22 8 0a 2 id 12 2 28 N`, `22 LEN entry`; `0a LEN record`, where each LEN is of two bytes */
        const size_t value = 1 + 2 + how_large, entry = 3 + 1 + 2 + value, record = 3 + 10 + 1 + 2 + entry, first = 1 + 2 + record;
        const size_t fit = 100000 / first;
        assert_true(r.largest <= FT_BATCH_BYTES);
        assert_int_equal(r.largest, fit * first);
        rig_free(&r);
    }
}

static void test_a_large_record_goes_alone(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, large);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    const char *said = buf_text(&r.said), *first = strstr(said, "batch of 1\n  upsert t id=1\n"), *warning = strstr(said, "warning a record of table 't' has "),
               *alone = strstr(said, "alone upsert t id=2 b="), *last = strstr(said, "batch of 1\n  upsert t id=3\n"), *end = strstr(said, "checkpoint ");
    assert_true(first == said && first < warning && warning < alone && alone < last && last < end);
    assert_int_equal(r.messages, 5);
    rig_free(&r);
}

static weir_rc endless_mass(weir_task *t, const weir_binding *b)
{
    weir_rc rc = WEIR_OK;
    for (int i = 0; i < 40000 && !rc; i++)
        rc = emit(t, b, "{\"id\":1,\"b\":\"0123456789012345678901234567890123456789\"}");
    return rc;
}

/* Without a checkpoint in sight records go out all the same, and the connector's last ones with its last state. */
static void test_records_without_a_checkpoint(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, endless_mass);
    r.totals_only = true;
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    assert_int_equal(r.records, 40000);
    assert_int_equal(r.fullest, 100);
    assert_non_null(strstr(buf_text(&r.said), "checkpoint {\"x\":1} after 40000\n"));
    rig_free(&r);
}

/* ---- states ---- */

static weir_rc each(weir_task *t, const weir_binding *b)
{
    for (int64_t n = weir_json_int(b->state, "/n", 0); n < (int64_t)how_many; n++) {
        weir_rc rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"id\":%" PRId64 "}", n));
        if (!rc)
            rc = seal(t, b, n + 1);
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

static void expect_exact_states(const char *said, const char *name)
{
    char what[64];
    snprintf(what, sizeof what, "\"%s\":{\"n\":", name);
    for (const char *at = said; (at = strstr(at, what)); at++) {
        const char *after = strstr(at, " after ");
        assert_non_null(after);
        assert_int_equal(atoi(at + strlen(what)), atoi(after + 7));
    }
}

static void test_states_are_gathered_and_exact(void **state)
{
    rig r;
    (void)state;
    how_many = 20000;
    rig_init(&r, &table_t, 1, each);
    r.totals_only = true;
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    assert_int_equal(r.records, 20000);
    assert_in_range(r.checkpoints, 2, 10000); /* on a machine that has nothing else to do, 7 */
    assert_in_range(r.batches, 200, 10000);
    expect_exact_states(buf_text(&r.said), "t");
    assert_non_null(strstr(buf_text(&r.said), "\"n\":20000}},\"x\":1} after 20000\n") ? "" : strstr(buf_text(&r.said), "{\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":20000}}} after 20000\n"));
    rig_free(&r);
}

static weir_rc one_then_wait(weir_task *t, const weir_binding *b)
{
    rig *r = rig_now;
    weir_rc rc = emit(t, b, "{\"id\":1}");
    if (!rc)
        rc = seal(t, b, 1);
    pthread_mutex_lock(&r->lock);
    while (!rc && !r->checkpoints)
        pthread_cond_wait(&r->more, &r->lock);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

/* What is sealed goes out while the connector waits: were it not so, this would not end. */
static void test_what_lingers_goes_out(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, one_then_wait);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    assert_int_equal(r.records, 1);
    rig_free(&r);
}

/* ---- lanes ---- */

enum { LANES = 4 };
static const weir_stream several[LANES] = {
    {.name = WEIR_LIT("t0"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}")},
    {.name = WEIR_LIT("t1"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}")},
    {.name = WEIR_LIT("t2"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}")},
    {.name = WEIR_LIT("t3"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}")},
};

/* Checkpoints of very different distances, some beyond what a lane may hold. */
static weir_rc busy(weir_task *t, const weir_binding *b)
{
    int64_t n = 0;
    for (int round = 0; round < 30; round++) {
        const int count = round % 7 == 3 ? 6000 : round % 3 ? 1 : 150;
        for (int i = 0; i < count; i++, n++) {
            weir_rc rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"id\":%" PRId64 ",\"b\":\"%s\"}", n, i % 50 ? "x" : "a longer text that takes some place"));
            if (rc)
                return rc;
        }
        weir_rc rc = seal(t, b, n);
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

/* At each checkpoint, the records of every table that have come are exactly those that its state speaks of, or the sync began with it. */
static void expect_no_state_is_wrong(const char *said)
{
    long counts[LANES] = {0};
    for (const char *line = said; *line; line = strchr(line, '\n') + 1) {
        if (strncmp(line, "  upsert t", 10) == 0)
            counts[line[10] - '0']++;
        if (strncmp(line, "checkpoint ", 11) != 0)
            continue;
        for (int i = 0; i < LANES; i++) {
            char what[32];
            snprintf(what, sizeof what, "\"t%d\":{\"n\":", i);
            const char *at = strstr(line, what), *end = strchr(line, '\n');
            assert_int_equal(at && at < end ? atol(at + strlen(what)) : 0, counts[i]);
        }
    }
}

static void test_lanes_take_turns(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, several, LANES, busy);
    r.capture.lanes = LANES;
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    assert_true(r.fullest <= 100 && r.largest <= 100000);
    expect_no_state_is_wrong(buf_text(&r.said));
    rig_free(&r);
}

/* ---- errors ---- */

static weir_rc fail_rc;

static weir_rc failing(weir_task *t, const weir_binding *b)
{
    weir_rc rc = two(t, b);
    if (!rc)
        rc = emit(t, b, "{\"id\":3}");
    return rc ? rc : weir_fail(t, fail_rc, "no right to read it");
}

static void test_what_the_user_has_to_put_right_is_a_task(void **state)
{
    rig r;
    (void)state;
    fail_rc = WEIR_E_CONFIG;
    rig_init(&r, &table_t, 1, failing);
    rig_expect(&r, "{\"x\":1}",
               "batch of 2\n  upsert t id=1 a=5 b='x'\n  upsert t id=2 a=null\ncheckpoint {\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":2}}}\n"
               "task binding t: no right to read it\n");
}

static void test_other_failures_are_the_status(void **state)
{
    rig r;
    (void)state;
    fail_rc = WEIR_E_TRANSIENT;
    rig_init(&r, &table_t, 1, failing);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_E_TRANSIENT);
    assert_string_equal(buf_text(&r.said),
                        "batch of 2\n  upsert t id=1 a=5 b='x'\n  upsert t id=2 a=null\ncheckpoint {\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":2}}}\n");
    assert_string_equal(err_text(&r.e), "binding t: no right to read it");
    rig_free(&r);
}

static weir_rc first_fails(weir_task *t, const weir_binding *b)
{
    weir_rc rc = emit(t, b, "{\"id\":1}");
    if (!rc && !b->index)
        return weir_fail(t, fail_rc, "no right to read it");
    return rc ? rc : seal(t, b, 1);
}

static void test_one_table_fails_and_the_others_are_read(void **state)
{
    static const char said[] = "warning table t0 could not be read: binding t0: no right to read it\nbatch of 1\n  upsert t1 id=1\n"
                               "checkpoint {\"x\":1,\"bindingStateV1\":{\"t1\":{\"n\":1}}}\n";
    rig r;
    (void)state;
    fail_rc = WEIR_E_REMOTE;
    rig_init(&r, several, 2, first_fails);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_E_REMOTE);
    assert_string_equal(buf_text(&r.said), said);
    assert_string_equal(err_text(&r.e), "1 of 2 tables could not be read: see the warnings");
    rig_free(&r);
    fail_rc = WEIR_E_BUG;
    rig_init(&r, several, 2, first_fails);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_E_BUG);
    assert_string_equal(buf_text(&r.said), "");
    rig_free(&r);
}

/* ---- cancellation ---- */

static void test_nobody_wants_it_any_more(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, endless_mass);
    r.stop_after = 5;
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_STOPPED);
    assert_int_equal(r.messages, 5);
    rig_free(&r);
}

static weir_rc until_stopped(weir_task *t, const weir_binding *b)
{
    weir_rc rc = emit(t, b, "{\"id\":1}");
    uint64_t one = 1;
    if (write(*(int *)rig_now->user, &one, sizeof one) != sizeof one)
        return WEIR_E_BUG;
    while (!weir_stopping(t))
        usleep(1000);
    return rc;
}

static void test_a_call_that_is_cancelled_stops_the_connector(void **state)
{
    rig r;
    int fd = eventfd(0, EFD_CLOEXEC);
    (void)state;
    rig_init(&r, &table_t, 1, until_stopped);
    r.user = &fd;
    assert_int_equal(rig_sync_with(&r, "{\"x\":1}", NULL, fd), WEIR_STOPPED);
    rig_free(&r);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_then_their_state),
        cmocka_unit_test(test_a_first_sync_truncates),
        cmocka_unit_test(test_a_state_of_somebody_else_says_nothing_of_what_is_new),
        cmocka_unit_test(test_what_is_read_whole_begins_afresh),
        cmocka_unit_test(test_operations_in_their_order),
        cmocka_unit_test(test_state_that_is_none),
        cmocka_unit_test(test_batches_of_a_hundred),
        cmocka_unit_test(test_batches_are_exact_to_the_byte),
        cmocka_unit_test(test_a_large_record_goes_alone),
        cmocka_unit_test(test_records_without_a_checkpoint),
        cmocka_unit_test(test_states_are_gathered_and_exact),
        cmocka_unit_test(test_what_lingers_goes_out),
        cmocka_unit_test(test_lanes_take_turns),
        cmocka_unit_test(test_what_the_user_has_to_put_right_is_a_task),
        cmocka_unit_test(test_other_failures_are_the_status),
        cmocka_unit_test(test_one_table_fails_and_the_others_are_read),
        cmocka_unit_test(test_nobody_wants_it_any_more),
        cmocka_unit_test(test_a_call_that_is_cancelled_stops_the_connector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
