#include "helpers.h"

#include "json/scan.h"
#include "json/write.h"

static void test_values_in_order(void **state)
{
    (void)state;
    buf out = {0};
    json_out w = json_out_to(&out);
    out_open(&w, '{');
    out_text(out_name(&w, "text"), VIEW("a\"b\n"));
    out_int(out_name(&w, "low"), INT64_MIN);
    out_int(out_name(&w, "high"), INT64_MAX);
    out_bool(out_name(&w, "yes"), true);
    out_bool(out_name(&w, "no"), false);
    out_null(out_namev(&w, VIEW("a \"name\"")));
    out_open(out_name(&w, "list"), '[');
    out_open(&w, '{');
    out_close(&w, '}');
    out_open(&w, '[');
    out_close(&w, ']');
    out_int(&w, 0);
    out_null(&w);
    out_close(&w, ']');
    out_raw(out_name(&w, "raw"), VIEW("{\"x\": [1, 2]}"));
    out_close(&w, '}');
    assert_view(buf_view(&out),
                VIEW("{\"text\":\"a\\\"b\\n\",\"low\":-9223372036854775808,\"high\":9223372036854775807,\"yes\":true,\"no\":false,"
                     "\"a \\\"name\\\"\":null,\"list\":[{},[],0,null],\"raw\":{\"x\": [1, 2]}}"));
    assert_true(json_check(buf_view(&out), NULL, NULL));
    buf_free(&out);
}

static void test_one_value_alone(void **state)
{
    (void)state;
    buf out = {0};
    buf_adds(&out, "before ");
    json_out w = json_out_to(&out);
    out_text(&w, VIEW("\xff"));
    assert_view(buf_view(&out), VIEW("before \"\xef\xbf\xbd\""));
    buf_free(&out);
}

static void test_raw(void **state)
{
    (void)state;
    static const struct {
        const char *in, *expected;
    } cases[] = {
        {"", "[null]"},
        {"{ \"a\" : 1 }", "[{ \"a\" : 1 }]"},
        {"{\n  \"a b\" : \"c  d\"\r\n}", "[{\"a b\":\"c  d\"}]"},
        {"[1,\r2]", "[[1,2]]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf out = {0};
        json_out w = json_out_to(&out);
        out_open(&w, '[');
        out_raw(&w, view_of(cases[i].in));
        out_close(&w, ']');
        assert_view(buf_view(&out), view_of(cases[i].expected));
        buf_free(&out);
    }
}

static void test_a_limit_is_noticed(void **state)
{
    (void)state;
    buf out = {.max = 10};
    json_out w = json_out_to(&out);
    out_open(&w, '{');
    out_text(out_name(&w, "name"), VIEW("too long for it"));
    out_close(&w, '}');
    assert_false(buf_ok(&out));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_in_order),
        cmocka_unit_test(test_one_value_alone),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_a_limit_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
