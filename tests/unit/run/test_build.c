/* The document builder: every type, nesting, and what it refuses. */
#include <math.h>

#include "rig.h"

static const weir_name a = WEIR_NAME("a"), b_ = WEIR_NAME("b");

static weir_rc every_type(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_begin(t, b, WEIR_UPSERT);
    weir_put_null(t, ((weir_name)WEIR_NAME("null")));
    weir_put_bool(t, ((weir_name)WEIR_NAME("true")), true);
    weir_put_bool(t, ((weir_name)WEIR_NAME("false")), false);
    weir_put_int(t, ((weir_name)WEIR_NAME("min")), INT64_MIN);
    weir_put_uint(t, ((weir_name)WEIR_NAME("max")), UINT64_MAX);
    weir_put_double(t, ((weir_name)WEIR_NAME("tenth")), 0.1);
    weir_put_double(t, ((weir_name)WEIR_NAME("nan")), NAN);
    weir_put_double(t, ((weir_name)WEIR_NAME("inf")), -INFINITY);
    weir_put_decimal(t, ((weir_name)WEIR_NAME("decimal")), VIEW("-12345678901234567890.1234567890"));
    weir_put_text(t, ((weir_name)WEIR_NAME("text")), VIEW("q\" b\\ n\n u\x01 \xc3\xa9 \xf0\x9f\x98\x80"));
    weir_put_time(t, ((weir_name)WEIR_NAME("time")), 1700000000, 120000000);
    weir_put_bytes(t, ((weir_name)WEIR_NAME("bytes")), "\x00\xff\x10", 3);
    weir_put_json(t, ((weir_name)WEIR_NAME("json")), VIEW("[1,\n {\"x\": 2}]"));
    weir_open_object(t, ((weir_name)WEIR_NAME("o")));
    weir_open_array(t, ((weir_name)WEIR_NAME("list")));
    weir_put_int(t, WEIR_ITEM, 1);
    weir_open_object(t, WEIR_ITEM);
    weir_close(t);
    weir_open_array(t, WEIR_ITEM);
    weir_put_text(t, WEIR_ITEM, VIEW(""));
    weir_close(t);
    weir_close(t);
    weir_put_int(t, ((weir_name)WEIR_NAME("after")), 0);
    weir_close(t);
    weir_put_int(t, weir_name_of(t, VIEW("odd \"name\"")), 1);
    return rc ? rc : weir_end(t);
}

static void test_every_type(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, every_type, 1, "");
    rig_expect(&r, WEIR_OK,
               "opened\n"
               "doc 0 {\"null\":null,\"true\":true,\"false\":false,\"min\":-9223372036854775808,\"max\":18446744073709551615,\"tenth\":0.1,"
               "\"nan\":\"NaN\",\"inf\":\"-Infinity\",\"decimal\":-12345678901234567890.1234567890,"
               "\"text\":\"q\\\" b\\\\ n\\n u\\u0001 \xc3\xa9 \xf0\x9f\x98\x80\",\"time\":\"2023-11-14T22:13:20.120Z\",\"bytes\":\"AP8Q\","
               "\"json\":[1,{\"x\":2}],\"o\":{\"list\":[1,{},[\"\"]],\"after\":0},\"odd \\\"name\\\"\":1}\n"
               "checkpoint merge {}\n");
    rig_close(&r);
}

typedef void put(weir_task *);

static void bad_text(weir_task *t) { weir_put_text(t, a, VIEW("\xc3")); }
static void bad_decimal(weir_task *t) { weir_put_decimal(t, a, VIEW("1.")); }
static void bad_time(weir_task *t) { weir_put_time(t, a, INT64_MAX, 0); }
static void bad_json(weir_task *t) { weir_put_json(t, a, VIEW("{\"x\":}")); }
static void not_closed(weir_task *t) { weir_open_object(t, a); }
static void closed_twice(weir_task *t) { weir_close(t); }
static void named_item(weir_task *t) { weir_open_array(t, a); weir_put_int(t, b_, 1); weir_close(t); }
static void nameless_member(weir_task *t) { weir_put_int(t, WEIR_ITEM, 1); }
static void too_deep(weir_task *t)
{
    weir_open_array(t, a);
    for (int i = 0; i < 100; i++)
        weir_open_array(t, WEIR_ITEM);
    for (int i = 0; i < 101; i++)
        weir_close(t);
}

static const struct { put *wrong; weir_rc rc; } slips[] = {
    {bad_text, WEIR_E_REMOTE}, {bad_decimal, WEIR_E_BUG}, {bad_time, WEIR_E_REMOTE}, {bad_json, WEIR_E_BUG},
    {not_closed, WEIR_E_BUG}, {closed_twice, WEIR_E_BUG}, {named_item, WEIR_E_BUG}, {nameless_member, WEIR_E_BUG}, {too_deep, WEIR_E_BUG},
};

static weir_rc slipping(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
        assert_int_equal(weir_begin(t, b, WEIR_UPSERT), WEIR_OK);
        weir_put_int(t, b_, (int64_t)i);
        slips[i].wrong(t);
        assert_int_equal(weir_end(t), slips[i].rc);
        assert_int_equal(weir_begin(t, b, WEIR_UPSERT), WEIR_OK); /* the next one is not affected */
        weir_put_int(t, a, (int64_t)i);
        assert_int_equal(weir_end(t), WEIR_OK);
    }
    return weir_checkpoint(t, b, VIEW("{}"));
}

/* What goes wrong in a document is what weir_end() says; the document is taken back, its neighbours stay. */
static void test_slips_take_the_document_back(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, slipping, 1, "");
    assert_int_equal(session_pull(r.s, &r.e), WEIR_OK);
    buf expected = {0};
    buf_adds(&expected, "opened\n");
    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++)
        buf_printf(&expected, "doc 0 {\"a\":%zu}\n", i);
    buf_adds(&expected, "checkpoint merge {\"bindingStateV1\":{\"a\":{}}}\n");
    assert_string_equal(buf_text(&r.said), buf_text(&expected));
    buf_free(&expected);
    rig_close(&r);
}

static weir_rc out_of_turn(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_put_int(t, a, 1); /* nothing open: nothing happens */
    assert_int_equal(weir_end(t), WEIR_E_BUG);
    assert_int_equal(weir_begin(t, b, WEIR_DELETE), WEIR_OK);
    assert_int_equal(weir_begin(t, b, WEIR_UPSERT), WEIR_E_BUG);
    assert_int_equal(weir_emit(t, b, WEIR_UPSERT, VIEW("{}")), WEIR_E_BUG);
    assert_int_equal(weir_checkpoint(t, b, VIEW("{}")), WEIR_E_BUG);
    weir_put_int(t, a, 1);
    assert_int_equal(weir_end(t), WEIR_OK);
    return weir_begin(t, b, WEIR_UPSERT); /* and never ended */
}

static void test_out_of_turn(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, out_of_turn, 1, "");
    rig_expect(&r, WEIR_E_BUG, "opened\n");
    assert_string_equal(err_text(&r.e), "binding x/a: a document was begun and not ended");
    rig_close(&r);
}

static weir_rc deleting(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_begin(t, b, WEIR_DELETE);
    weir_put_int(t, a, 1);
    return rc ? rc : weir_end(t);
}

static void test_built_deletion(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, deleting, 1, "");
    rig_expect(&r, WEIR_OK, "opened\ndoc 0 {\"a\":1,\"_meta\":{\"op\":\"d\"}}\ncheckpoint merge {}\n");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_slips_take_the_document_back),
        cmocka_unit_test(test_out_of_turn),
        cmocka_unit_test(test_built_deletion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
