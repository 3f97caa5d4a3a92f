/* A sync as the platform sees it, message by message (docs/protocols/fivetran.md 1.2, 2.3). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fault.h"
#include "fivetran_rig.h"

#define SCHEMA(properties) WEIR_LIT("{\"type\":\"object\",\"properties\":{" properties "}}")

static const weir_stream table_t = {.name = WEIR_LIT("t"), .key = WEIR_LIT("[\"/id\"]"),
                                    .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}")};

static weir_rc emit(weir_task *t, const weir_binding *b, const char *doc)
{
    return weir_emit(t, b, WEIR_UPSERT, (weir_view){doc, strlen(doc)});
}

static weir_rc emits(weir_task *t, const weir_binding *b, const char *const *docs)
{
    weir_rc rc = WEIR_OK;
    for (; *docs && !rc; docs++)
        rc = emit(t, b, *docs);
    return rc;
}

#define EMIT(t, b, ...) emits(t, b, (const char *const[]){__VA_ARGS__, NULL})

static weir_rc seal(weir_task *t, const weir_binding *b, int64_t n)
{
    return weir_checkpoint(t, b, weir_format(t, "{\"n\":%" PRId64 "}", n));
}

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

static weir_rc nothing(weir_task *t, const weir_binding *b)
{
    (void)t;
    (void)b;
    return WEIR_OK;
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

static weir_rc operations(weir_task *t, const weir_binding *b)
{
    weir_rc rc = emit(t, b, "{\"id\":1,\"a\":1,\"b\":\"x\"}");
    if (!rc)
        rc = weir_emit(t, b, WEIR_UPDATE, (weir_view)WEIR_LIT("{\"id\":1,\"a\":2}"));
    if (!rc)
        rc = weir_emit(t, b, WEIR_DELETE, (weir_view)WEIR_LIT("{\"id\":1,\"a\":2}"));
    if (!rc)
        rc = weir_truncate(t, b);
    if (!rc)
        rc = emit(t, b, "{\"id\":3}");
    return rc ? rc : seal(t, b, 1);
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

static weir_rc large(weir_task *t, const weir_binding *b)
{
    weir_rc rc = emit(t, b, "{\"id\":1}");
    if (!rc)
        rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"id\":2,\"b\":\"%0*d\"}", 100000, 0));
    if (!rc)
        rc = emit(t, b, "{\"id\":3}");
    return rc ? rc : seal(t, b, 3);
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

/* ---- tables that change ---- */

static weir_rc misfits(weir_task *t, const weir_binding *b)
{
    weir_rc rc = EMIT(t, b, "{\"id\":1,\"a\":5}", "{\"id\":2,\"a\":\"five\"}", "{\"id\":3,\"a\":6,\"new\":[1]}", "{\"id\":4,\"a\":\"x\",\"new\":null}");
    return rc ? rc : seal(t, b, 1);
}

static void test_columns_are_widened_before_the_record(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, misfits);
    rig_expect(&r, "{\"x\":1}",
               "batch of 1\n  upsert t id=1 a=5\nchange t(id LONG key, a STRING, b STRING, new JSON)\nbatch of 1\n  upsert t id=2 a='five'\n"
               "batch of 2\n  upsert t id=3 a='6' new=json:[1]\n  upsert t id=4 a='x' new=null\n"
               "checkpoint {\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":1}}}\n");
}

/* Where the two lanes of one table are: 1: a column was widened; 2: the other lane has sealed a record with the new type. */
static int reached;

static void reach(int step)
{
    pthread_mutex_lock(&rig_now->lock);
    reached = step;
    pthread_cond_broadcast(&rig_now->more);
    pthread_mutex_unlock(&rig_now->lock);
}

static void await(int step)
{
    pthread_mutex_lock(&rig_now->lock);
    while (reached < step)
        pthread_cond_wait(&rig_now->more, &rig_now->lock);
    pthread_mutex_unlock(&rig_now->lock);
}

static weir_rc widen_or_follow(weir_task *t, void *arg, size_t i)
{
    const weir_binding *b = arg;
    if (i == 1)
        await(1);
    weir_rc rc = emit(t, b, i == 0 ? "{\"id\":1,\"a\":\"one\"}" : "{\"id\":2,\"a\":\"two\"}");
    if (i == 0) {
        reach(1);
        await(2);
    }
    if (!rc)
        rc = seal(t, b, (int64_t)i);
    reach(2);
    return rc;
}

static weir_rc two_lanes(weir_task *t, const weir_binding *b)
{
    return weir_parallel(t, 2, 2, widen_or_follow, (void *)(uintptr_t)b);
}

/* The lane that has widened the column is not the first to write what needs it. */
static void test_a_change_goes_before_the_records_of_every_lane(void **state)
{
    rig r;
    (void)state;
    reached = 0;
    rig_init(&r, &table_t, 1, two_lanes);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    const char *said = buf_text(&r.said), *change = strstr(said, "change t(id LONG key, a STRING, b STRING)\n");
    const char *follower = strstr(said, "upsert t id=2 a='two'\n"), *one = strstr(said, "upsert t id=1 a='one'\n");
    assert_true(change && one && follower);
    assert_true(change < follower && follower < one);
    assert_null(strstr(change + 1, "change"));
    rig_free(&r);
}

static weir_rc sourced(weir_task *t, const weir_binding *b)
{
    static const weir_view same = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}"),
                           more = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"number\"},\"c\":{\"type\":\"boolean\"}");
    weir_rc rc = weir_sourced_schema(t, b, same);
    if (!rc)
        rc = emit(t, b, "{\"id\":1,\"a\":5}");
    if (!rc)
        rc = weir_sourced_schema(t, b, more);
    if (!rc)
        rc = emit(t, b, "{\"id\":1,\"a\":5.5,\"c\":true}");
    return rc ? rc : seal(t, b, 1);
}

static void test_a_schema_that_the_source_says(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, sourced);
    rig_expect(&r, "{\"x\":1}",
               "batch of 1\n  upsert t id=1 a=5\nchange t(id LONG key, a DOUBLE, b STRING, c BOOLEAN)\nbatch of 1\n  upsert t id=1 a=double:5.5 c=true\n"
               "checkpoint {\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":1}}}\n");
}

static weir_rc platforms_name(weir_task *t, const weir_binding *b)
{
    return emit(t, b, "{\"id\":1,\"_fivetran_synced\":1}");
}

static void test_names_of_the_platform_are_refused(void **state)
{
    static const weir_stream bad = {.name = WEIR_LIT("t"), .schema = SCHEMA("\"_fivetran_id\":{\"type\":\"string\"}")};
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, platforms_name);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    assert_non_null(strstr(buf_text(&r.said), "task binding t: column '_fivetran_synced' of 't': names that begin with _fivetran_ are the platform's own\n"));
    rig_free(&r);
    rig_init(&r, &bad, 1, nothing);
    rig_expect(&r, "", "task stream 't': the column '_fivetran_id' of 't': names that begin with _fivetran_ are the platform's own\n");
}

/* ---- typed values ---- */

static const weir_stream typed_table = {
    .name = WEIR_LIT("t"), .key = WEIR_LIT("[\"/id\"]"),
    .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"s\":{\"type\":\"string\"},\"f\":{\"type\":\"number\"},\"y\":{\"type\":\"boolean\"},"
                     "\"at\":{\"type\":\"string\",\"format\":\"date-time\"},\"raw\":{\"type\":\"string\",\"contentEncoding\":\"base64\"},"
                     "\"price\":{\"type\":\"string\",\"format\":\"number\"},\"o\":{\"type\":\"object\"},\"any\":{}")};

static const weir_name n_id = WEIR_NAME("id"), n_s = WEIR_NAME("s"), n_f = WEIR_NAME("f"), n_y = WEIR_NAME("y"), n_at = WEIR_NAME("at"), n_raw = WEIR_NAME("raw"),
                       n_price = WEIR_NAME("price"), n_o = WEIR_NAME("o"), n_any = WEIR_NAME("any"), n_in = WEIR_NAME("in"), n_odd = WEIR_NAME("odd");

static weir_rc put_row(weir_task *t, const weir_binding *b, int64_t id)
{
    weir_rc rc = weir_begin(t, b, WEIR_UPSERT);
    if (rc)
        return rc;
    weir_put_int(t, n_id, id);
    weir_put_text(t, n_s, (weir_view)WEIR_LIT("K\xc3\xb6ln \"x\""));
    weir_put_double(t, n_f, 0.1);
    weir_put_bool(t, n_y, true);
    weir_put_time(t, n_at, 1700000000, 500000000);
    weir_put_bytes(t, n_raw, "\0\1\2", 3);
    weir_put_decimal(t, n_price, (weir_view)WEIR_LIT("12345678901234567890.12"));
    weir_open_object(t, n_o);
    weir_open_array(t, n_in);
    weir_put_int(t, WEIR_ITEM, 1);
    weir_put_text(t, WEIR_ITEM, (weir_view)WEIR_LIT("two"));
    weir_close(t);
    weir_close(t);
    weir_put_uint(t, n_any, 7);
    return weir_end(t);
}

static weir_rc typed_rows(weir_task *t, const weir_binding *b)
{
    weir_rc rc = put_row(t, b, 1);
    return rc ? rc : seal(t, b, 1);
}

static weir_rc text_rows(weir_task *t, const weir_binding *b)
{
    weir_rc rc = emit(t, b, "{\"id\":1,\"s\":\"K\xc3\xb6ln \\\"x\\\"\",\"f\":0.1,\"y\":true,\"at\":\"2023-11-14T22:13:20.500Z\",\"raw\":\"AAEC\","
                            "\"price\":12345678901234567890.12,\"o\":{\"in\":[1,\"two\"]},\"any\":7}");
    return rc ? rc : seal(t, b, 1);
}

static void test_typed_values_are_the_same_records(void **state)
{
    static const char said[] = "batch of 1\n  upsert t id=1 s='K\xc3\xb6ln \"x\"' f=double:0.10000000000000001 y=true at=utc:1700000000.500000000 raw=binary:3 "
                               "price=decimal:12345678901234567890.12 o=json:{\"in\":[1,\"two\"]} any=7\ncheckpoint {\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":1}}}\n";
    rig r;
    (void)state;
    rig_init(&r, &typed_table, 1, text_rows);
    rig_expect(&r, "{\"x\":1}", said);
    rig_init(&r, &typed_table, 1, typed_rows);
    rig_expect(&r, "{\"x\":1}", said);
}

static weir_rc typed_oddities(weir_task *t, const weir_binding *b)
{
    weir_begin(t, b, WEIR_UPSERT); /* out of order, of other types, one that is new, one twice, nulls */
    weir_put_bool(t, n_s, true);
    weir_put_int(t, n_f, 3);
    weir_put_null(t, n_y);
    weir_put_text(t, n_odd, (weir_view)WEIR_LIT("x"));
    weir_put_int(t, n_id, 1);
    weir_put_text(t, n_any, (weir_view)WEIR_LIT("x"));
    weir_rc rc = weir_end(t);
    if (!rc)
        rc = weir_begin(t, b, WEIR_UPSERT);
    if (rc)
        return rc;
    weir_put_int(t, n_id, 2);
    weir_put_text(t, n_s, (weir_view)WEIR_LIT("y"));
    weir_put_json(t, n_o, (weir_view)WEIR_LIT("{ \"a\" :\n1}"));
    rc = weir_end(t);
    return rc ? rc : seal(t, b, 1);
}

static void test_typed_values_that_fit_no_column(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &typed_table, 1, typed_oddities);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    const char *change = strstr(buf_text(&r.said), "odd STRING)\n"), *first = strstr(buf_text(&r.said), "  upsert t s='true' f=double:3 y=null odd='x' id=1 any='x'\n");
    assert_true(change && first && change < first);
    assert_non_null(strstr(buf_text(&r.said), "  upsert t id=2 s='y' o=json:{\"a\":1}\n"));
    rig_free(&r);
}

#define DIGITS_39 "123456789012345678901234567890123456789"

static weir_rc typed_long_decimal(weir_task *t, const weir_binding *b)
{
    weir_begin(t, b, WEIR_UPSERT);
    weir_put_int(t, n_id, 1);
    weir_put_decimal(t, n_price, (weir_view)WEIR_LIT(DIGITS_39));
    weir_rc rc = weir_end(t);
    return rc ? rc : seal(t, b, 1);
}

static weir_rc text_long_decimal(weir_task *t, const weir_binding *b)
{
    weir_rc rc = emit(t, b, "{\"id\":1,\"price\":" DIGITS_39 "}");
    return rc ? rc : seal(t, b, 1);
}

/* A DECIMAL has 38 digits. */
static void test_decimals_that_are_too_long(void **state)
{
    static rig_pull *const ways[] = {typed_long_decimal, text_long_decimal};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        rig r;
        rig_init(&r, &typed_table, 1, ways[i]);
        assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
        assert_non_null(strstr(buf_text(&r.said), "price STRING"));
        assert_non_null(strstr(buf_text(&r.said), "  upsert t id=1 price='" DIGITS_39 "'\n"));
        rig_free(&r);
    }
}

static weir_rc typed_mistake(weir_task *t, const weir_binding *b)
{
    weir_rc rc = put_row(t, b, 1);
    if (rc)
        return rc;
    weir_begin(t, b, WEIR_UPSERT);
    weir_put_int(t, n_id, 2);
    weir_put_text(t, n_s, (weir_view)WEIR_LIT("\xff"));
    assert_int_equal(weir_end(t), WEIR_E_REMOTE);
    weir_begin(t, b, WEIR_UPSERT);
    weir_put_int(t, WEIR_ITEM, 2);
    assert_int_equal(weir_end(t), WEIR_E_BUG);
    weir_begin(t, b, WEIR_UPSERT);
    weir_open_array(t, n_o);
    assert_int_equal(weir_end(t), WEIR_E_BUG);
    return seal(t, b, 1);
}

static void test_documents_with_mistakes_are_taken_back(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &typed_table, 1, typed_mistake);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    assert_int_equal(r.records, 1);
    rig_free(&r);
}

/* ---- what Flow's rules add ---- */

static weir_rc wrapped(weir_task *t, const weir_binding *b)
{
    weir_rc rc = EMIT(t, b, "{\"_meta\":{\"row_id\":1},\"a\":1}", "{\"a\":2,\"_meta\":{\"row_id\":2}}");
    return rc ? rc : seal(t, b, 1);
}

static void test_row_ids_are_taken_off(void **state)
{
    static const weir_stream keyless = {.name = WEIR_LIT("t"), .key = WEIR_LIT("[\"/_meta/row_id\"]"),
                                        .schema = SCHEMA("\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":{\"type\":\"integer\"}}},\"a\":{\"type\":\"integer\"}")};
    rig r;
    (void)state;
    rig_init(&r, &keyless, 1, wrapped);
    rig_expect(&r, "{\"x\":1}", "batch of 2\n  upsert t a=1\n  upsert t a=2\ncheckpoint {\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":1}}}\n");
}

static weir_rc flow_deletion(weir_task *t, const weir_binding *b)
{
    weir_rc rc = EMIT(t, b, "{\"_meta\":{\"op\":\"u\"},\"id\":1,\"a\":1}", "{\"_meta\":{\"op\":\"d\"},\"id\":1,\"a\":1}");
    return rc ? rc : seal(t, b, 1);
}

static void test_deletions_that_a_document_tells(void **state)
{
    static const weir_stream flow = {.name = WEIR_LIT("t"), .key = WEIR_LIT("[\"/id\"]"),
                                     .schema = SCHEMA("\"_meta\":{\"type\":\"object\",\"properties\":{\"op\":{\"type\":\"string\"}}},\"id\":{\"type\":\"integer\"},"
                                                      "\"a\":{\"type\":\"integer\"}")};
    rig r;
    (void)state;
    rig_init(&r, &flow, 1, flow_deletion);
    rig_expect(&r, "{\"x\":1}",
               "batch of 2\n  upsert t _meta=json:{\"op\":\"u\"} id=1 a=1\n  delete t id=1\ncheckpoint {\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":1}}}\n");
}

/* ---- selection ---- */

static const weir_stream schemas[] = {
    {.name = WEIR_LIT("one"), .name_space = WEIR_LIT("s"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}")},
    {.name = WEIR_LIT("two"), .name_space = WEIR_LIT("s"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}")},
    {.name = WEIR_LIT("one"), .name_space = WEIR_LIT("z"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}")},
    {.name = WEIR_LIT("bare"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}")},
};

static weir_rc one_row(weir_task *t, const weir_binding *b)
{
    weir_rc rc = emit(t, b, "{\"id\":1,\"a\":2,\"new\":3}");
    return rc ? rc : weir_checkpoint(t, NULL, (weir_view)WEIR_LIT("{\"x\":2}"));
}

/* @return the lines of records, without batches and changes */
static const char *records_of(rig *r)
{
    static char lines[1024];
    size_t at = 0;
    for (const char *line = buf_text(&r->said); *line; line = strchr(line, '\n') + 1) {
        size_t len = (size_t)(strchr(line, '\n') - line) + 1;
        if (strncmp(line, "  upsert ", 9) == 0)
            at += (size_t)snprintf(lines + at, sizeof lines - at, "%.*s", (int)(len - 9), line + 9);
    }
    lines[at] = '\0';
    return lines;
}

static void expect_selected(const weir_stream *streams, size_t count, const FivetranSdk__V2__Selection *s, const char *rows)
{
    rig r;
    rig_init(&r, streams, count, one_row);
    assert_int_equal(rig_sync_with(&r, "{\"x\":1}", s, -1), WEIR_OK);
    assert_string_equal(records_of(&r), rows);
    rig_free(&r);
}

typedef FivetranSdk__V2__TableSelection__ColumnsEntry column_entry;
#define COLUMN(name, chosen) (&(column_entry){.base = PROTOBUF_C_MESSAGE_INIT(&fivetran_sdk__v2__table_selection__columns_entry__descriptor), .key = (char[]){name}, .value = (chosen)})

static FivetranSdk__V2__TableSelection table_selection(const char *name, bool included, column_entry **columns, size_t count, bool new_columns)
{
    FivetranSdk__V2__TableSelection t;
    fivetran_sdk__v2__table_selection__init(&t);
    t.table_name = (char *)(uintptr_t)name;
    t.included = included;
    t.columns = columns;
    t.n_columns = count;
    t.include_new_columns = new_columns;
    return t;
}

static void test_selection_without_schemas(void **state)
{
    static const weir_stream two_tables[] = {
        {.name = WEIR_LIT("one"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}")},
        {.name = WEIR_LIT("two"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}")},
    };
    column_entry *without_a[] = {COLUMN("a", false)}, *with_a[] = {COLUMN("a", false), COLUMN("a", true), COLUMN("id", false)};
    FivetranSdk__V2__TableSelection one = table_selection("one", true, without_a, 1, false), *tables[] = {&one};
    FivetranSdk__V2__TablesWithNoSchema list;
    FivetranSdk__V2__Selection s;
    (void)state;
    fivetran_sdk__v2__tables_with_no_schema__init(&list);
    fivetran_sdk__v2__selection__init(&s);
    expect_selected(two_tables, 2, NULL, "one id=1 a=2 new=3\ntwo id=1 a=2 new=3\n");
    expect_selected(two_tables, 2, &s, "one id=1 a=2 new=3\ntwo id=1 a=2 new=3\n");
    s.selection_case = FIVETRAN_SDK__V2__SELECTION__SELECTION_WITHOUT_SCHEMA;
    s.without_schema = &list;
    expect_selected(two_tables, 2, &s, "");
    list.include_new_tables = true;
    expect_selected(two_tables, 2, &s, "one id=1 a=2 new=3\ntwo id=1 a=2 new=3\n");
    list.tables = tables;
    list.n_tables = 1;
    expect_selected(two_tables, 2, &s, "one id=1\ntwo id=1 a=2 new=3\n"); /* `new` is new; keys are always there */
    one = table_selection("one", true, without_a, 1, true);
    expect_selected(two_tables, 2, &s, "one id=1 new=3\ntwo id=1 a=2 new=3\n");
    one = table_selection("one", true, with_a, 3, false); /* of a name that is there twice the last one counts */
    expect_selected(two_tables, 2, &s, "one id=1 a=2\ntwo id=1 a=2 new=3\n");
    one = table_selection("one", false, with_a, 3, true);
    list.include_new_tables = false;
    expect_selected(two_tables, 2, &s, "");
}

static void test_selection_with_schemas(void **state)
{
    column_entry *without_a[] = {COLUMN("a", false)};
    FivetranSdk__V2__TableSelection one = table_selection("one", true, without_a, 1, false), *tables[] = {&one};
    FivetranSdk__V2__SchemaSelection schema, *list[] = {&schema};
    FivetranSdk__V2__TablesWithSchema with;
    FivetranSdk__V2__Selection s;
    (void)state;
    fivetran_sdk__v2__schema_selection__init(&schema);
    fivetran_sdk__v2__tables_with_schema__init(&with);
    fivetran_sdk__v2__selection__init(&s);
    s.selection_case = FIVETRAN_SDK__V2__SELECTION__SELECTION_WITH_SCHEMA;
    s.with_schema = &with;
    schema.schema_name = (char[]){"s"};
    schema.tables = tables;
    schema.n_tables = 1;
    with.schemas = list;
    with.n_schemas = 1;
    expect_selected(schemas, 4, &s, "");
    schema.included = true;
    expect_selected(schemas, 4, &s, "s.one id=1\n");
    schema.include_new_tables = true;
    expect_selected(schemas, 4, &s, "s.one id=1\ns.two id=1 a=2 new=3\n");
    with.include_new_schemas = true;
    expect_selected(schemas, 4, &s, "s.one id=1\ns.two id=1 a=2 new=3\nz.one id=1 a=2 new=3\ndefault.bare id=1 a=2 new=3\n");
    schema.included = false;
    expect_selected(schemas, 4, &s, "z.one id=1 a=2 new=3\ndefault.bare id=1 a=2 new=3\n");
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

/* ---- without memory ---- */

static weir_rc everything(weir_task *t, const weir_binding *b)
{
    weir_rc rc = operations(t, b);
    if (!rc)
        rc = misfits(t, b);
    if (!rc)
        rc = large(t, b);
    if (!rc && !(rc = weir_begin(t, b, WEIR_UPSERT))) {
        weir_put_int(t, n_id, 9);
        weir_put_text(t, n_odd, (weir_view)WEIR_LIT("x"));
        weir_open_object(t, n_o);
        weir_put_bool(t, n_in, true);
        weir_close(t);
        rc = weir_end(t);
    }
    return rc ? rc : seal(t, b, 9);
}

typedef struct tally {
    size_t messages, bytes;
} tally;

static weir_rc count_message(void *arg, buf *message, bool more, err *e)
{
    tally *c = arg;
    (void)more;
    (void)e;
    c->messages++;
    c->bytes += message->len;
    buf_free(message);
    return WEIR_OK;
}

/* Each allocation fails in turn: then the sync fails, or nothing is missing from it. */
static void test_without_memory(void **state)
{
    rig r;
    tally whole = {0};
    tree *config;
    bool again = true;
    (void)state;
    rig_init(&r, &typed_table, 1, everything);
    assert_int_equal(tree_parse(&r.arena, VIEW("{}"), NULL, WEIR_E_BUG, &config, &r.e), WEIR_OK);
    for (size_t n = SIZE_MAX; again; n++) {
        tally got = {0};
        const ft_sync o = {.c = &r.connector, .config = config, .state = VIEW("{}"), .out = {count_message, &got}, .stop_fd = -1};
        err_clear(&r.e);
        if (n != SIZE_MAX)
            fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = ft_sync_run(&o, &r.e);
        again = n == SIZE_MAX || fault_clear();
        if (n == SIZE_MAX)
            whole = got;
        if (rc && rc != WEIR_E_NOMEM)
            print_error("allocation %zu: %d %s\n", n, rc, err_text(&r.e));
        if (!rc && got.messages != whole.messages)
            print_error("allocation %zu: %zu messages\n", n, got.messages);
        assert_true(rc == WEIR_E_NOMEM || rc == WEIR_OK);
        if (rc == WEIR_OK)
            assert_true(got.messages == whole.messages && got.bytes == whole.bytes);
    }
    rig_free(&r);
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
        cmocka_unit_test(test_columns_are_widened_before_the_record),
        cmocka_unit_test(test_a_change_goes_before_the_records_of_every_lane),
        cmocka_unit_test(test_a_schema_that_the_source_says),
        cmocka_unit_test(test_names_of_the_platform_are_refused),
        cmocka_unit_test(test_typed_values_are_the_same_records),
        cmocka_unit_test(test_typed_values_that_fit_no_column),
        cmocka_unit_test(test_decimals_that_are_too_long),
        cmocka_unit_test(test_documents_with_mistakes_are_taken_back),
        cmocka_unit_test(test_row_ids_are_taken_off),
        cmocka_unit_test(test_deletions_that_a_document_tells),
        cmocka_unit_test(test_selection_without_schemas),
        cmocka_unit_test(test_selection_with_schemas),
        cmocka_unit_test(test_what_the_user_has_to_put_right_is_a_task),
        cmocka_unit_test(test_other_failures_are_the_status),
        cmocka_unit_test(test_one_table_fails_and_the_others_are_read),
        cmocka_unit_test(test_nobody_wants_it_any_more),
        cmocka_unit_test(test_a_call_that_is_cancelled_stops_the_connector),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
