/* Rows on their way into a destination. Expected values: flow.md 6.1 (SerPolicy, the virtual fields); the UUID is the example of RFC 9562, appendix A.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/adjust.h"

static void assert_cut(const weir_rules *rules, const char *json, const char *expected, bool cut)
{
    buf out = {0};
    bool was = false;
    adjust_value(rules, view_of(json), &out, &was);
    assert_string_equal(buf_text(&out), expected);
    assert_int_equal(was, cut);
    buf_free(&out);
}

static void test_cut(void **state)
{
    (void)state;
    const weir_rules text = {.text_max = 3}, members = {.members_max = 2}, items = {.items_max = 1}, all = {false, 4, 1, 2};
    assert_cut(&text, "\"foo\"", "\"foo\"", false);
    assert_cut(&text, "\"fooo\"", "\"foo\"", true);
    assert_cut(&text, "\"\xe9\x95\xbf\xe9\x95\xbf\"", "\"\xe9\x95\xbf\"", true);       /* between characters */
    assert_cut(&text, "\"ab\xe9\x95\xbf\"", "\"ab\"", true);
    assert_cut(&text, "\"a\\u00e9\\n\"", "\"a\\u00e9\"", true);                         /* by what is meant, not by how it is written: 1 + 2 + 1 bytes */
    assert_cut(&text, "\"\\n\\n\\n\"", "\"\\n\\n\\n\"", false);
    assert_cut(&text, "\"\\ud83d\\ude00\"", "\"\"", true);                              /* four bytes */
    assert_cut(&members, "{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"b\":2,\"c\":3}", false); /* the outermost keeps all */
    assert_cut(&members, "{\"x\":{\"a\":1,\"b\":2,\"c\":3}}", "{\"x\":{\"a\":1,\"b\":2}}", true);
    assert_cut(&members, "[{\"a\":1,\"b\":2,\"c\":3}]", "[{\"a\":1,\"b\":2}]", true);
    assert_cut(&items, "{\"x\":[1,2],\"y\":[3]}", "{\"x\":[1],\"y\":[3]}", true);
    assert_cut(&all, "{ \"k\" : [ \"12345\" , { \"a\":1.50, \"b\":2 }, 3 ] }", "{\"k\":[\"1234\",{\"a\":1.50}]}", true);
    assert_cut(&(weir_rules){0}, "[[\"long\"]]", "[[\"long\"]]", false);
}

static void test_uuid(void **state)
{
    (void)state;
    buf out = {0};
    assert_true(adjust_uuid_time(VIEW("\"C232AB00-9414-11EC-B3C8-9F6BDECED846\""), &out));
    assert_string_equal(buf_text(&out), "\"2022-02-22T19:22:22.000000000Z\"");
    buf_clear(&out);
    assert_true(adjust_uuid_time(VIEW("\"c232ab01-9414-11ec-b3c8-9f6bdeced846\""), &out));
    assert_string_equal(buf_text(&out), "\"2022-02-22T19:22:22.000000100Z\"");
    assert_false(adjust_uuid_time(VIEW("\"919108f7-52d1-4320-9bac-f847db4148a8\""), &out)); /* version 4 */
    assert_false(adjust_uuid_time(VIEW("\"2022-02-22T19:22:22.000000000Z\""), &out));
    assert_false(adjust_uuid_time(VIEW(""), &out));
    assert_false(adjust_uuid_time(VIEW("\"c232ab0x-9414-11ec-b3c8-9f6bdeced846\""), &out));
    buf_free(&out);
}

static void test_rows(void **state)
{
    (void)state;
    const weir_column columns[] = {{.field = VIEW("k"), .pointer = VIEW("/k"), .key = true},
                                   {.field = VIEW("v"), .pointer = VIEW("/v")},
                                   {.field = VIEW("flow_published_at"), .pointer = VIEW("/_meta/uuid")},
                                   {.field = VIEW("_meta/flow_truncated"), .pointer = VIEW("/_meta/flow_truncated")}};
    const weir_binding b = {.columns = columns, .column_count = 4, .key_count = 1};
    const weir_view short_values[] = {VIEW("\"key\""), VIEW("\"ab\""), VIEW("\"c232ab00-9414-11ec-b3c8-9f6bdeced846\""), {NULL, 0}};
    const weir_view long_values[] = {VIEW("\"longer\""), VIEW("\"abcdef\""), VIEW("null"), {NULL, 0}};
    const weir_row rows[] = {{.binding = &b, .values = short_values, .doc = VIEW("{\"v\":\"ab\"}")},
                             {.binding = &b, .values = long_values, .doc = VIEW("{\"v\":\"abcdef\"}")}};
    const weir_row *got = rows;
    const weir_rules rules = {.text_max = 3};
    arena a = {0};
    assert_true(adjust_rows(&rules, &a, &got, 2));
    assert_true(view_is(got[0].values[2], "\"2022-02-22T19:22:22.000000000Z\""));
    assert_true(view_is(got[0].values[3], "false"));
    assert_true(view_is(got[1].values[0], "\"longer\"")); /* a key is never cut */
    assert_true(view_is(got[1].values[1], "\"abc\""));
    assert_true(view_is(got[1].values[2], "null"));
    assert_true(view_is(got[1].values[3], "true"));
    assert_true(view_is(got[1].doc, "{\"v\":\"abc\"}"));
    assert_true(view_is(long_values[1], "\"abcdef\""));
    /* What the platform says stays. */
    const weir_view said[] = {VIEW("1"), VIEW("2"), VIEW("\"2022-02-22T19:22:22.000000000Z\""), VIEW("true")};
    const weir_row one = {.binding = &b, .values = said};
    got = &one;
    assert_true(adjust_rows(NULL, &a, &got, 1));
    assert_true(view_is(got->values[3], "true"));
    assert_true(view_is(got->values[2], "\"2022-02-22T19:22:22.000000000Z\""));
    /* Where there is nothing to do nothing is copied. */
    const weir_binding plain = {.columns = columns, .column_count = 2, .key_count = 1};
    const weir_row small = {.binding = &plain, .values = short_values};
    got = &small;
    assert_true(adjust_rows(&rules, &a, &got, 1));
    assert_ptr_equal(got, &small);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut), cmocka_unit_test(test_uuid), cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
