/* Expected keys: the examples of Flow's rule, and Python's urllib.parse.quote("/".join(path), safe="-_+.="), with ~ encoded too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/state.h"

static void assert_key(const char *path, uint32_t backfill, const char *expected)
{
    buf out = {0};
    buf_adds(&out, "+");
    assert_true(state_key(&out, view_of(path), backfill));
    assert_string_equal(buf_text(&out) + 1, expected);
    buf_free(&out);
}

static void test_key(void **state)
{
    (void)state;
    assert_key("[\"public\",\"table\"]", 0, "public%2Ftable");
    assert_key("[\"public\",\"table\"]", 1, "public%2Ftable.v1");
    assert_key(" [ \"a\" ] ", 4294967295u, "a.v4294967295");
    assert_key("[\"azAZ09-_+.=\"]", 0, "azAZ09-_+.=");
    assert_key("[\"a b/c~d%e:f\"]", 0, "a%20b%2Fc%7Ed%25e%3Af");
    assert_key("[\"\\u00fc\xc3\xbc\\ud83d\\ude00\"]", 0, "%C3%BC%C3%BC%F0%9F%98%80");
    assert_key("[\"@[`{/\\u0000\\u007f\\\"\"]", 0, "%40%5B%60%7B%2F%00%7F%22");
    assert_key("[\"\",\"\"]", 0, "%2F");
    assert_key("[]", 0, "");
}

static void test_no_path(void **state)
{
    (void)state;
    static const char *const paths[] = {"",         "{}",           "\"a\"",     "[\"a\",1]", "[\"a\"",
                                        "[\"a\"]]", "[\"a\",null]", "[[\"a\"]]", "[\"a\",]"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        buf out = {0};
        buf_adds(&out, "kept");
        if (state_key(&out, view_of(paths[i]), 3))
            fail_msg("accepted: %s", paths[i]);
        assert_true(view_is(buf_view(&out), "kept"));
        buf_free(&out);
    }
}

static void assert_state(const char *task, const char *key, const char *expected)
{
    weir_view v = state_of_binding(view_of(task), view_of(key));
    if (!view_is(v, expected))
        fail_msg("%.*s instead of %s", VIEW_ARG(v), expected);
}

static void test_of_binding(void **state)
{
    (void)state;
    assert_state("{\"bindingStateV1\":{\"a%2Fb\":{\"n\": 1},\"c\":{\"n\":2}}}", "a%2Fb", "{\"n\": 1}");
    assert_state("{\"x\":{\"bindingStateV1\":{\"c\":1}},\"binding\\u0053tateV1\" : { \"c\" : [ 2 ] } }", "c", "[ 2 ]");
    assert_state("{\"bindingStateV1\":{\"c\":{\"n\":2}}}", "d", "");
    assert_state("{\"bindingStateV1\":{\"c\":null}}", "c", "");
    assert_state("{\"bindingStateV1\":{\"c\":1,\"c\":2}}", "c", "2");
    assert_state("{\"bindingStateV1\":null}", "c", "");
    assert_state("{\"bindingStateV1\":[]}", "c", "");
    assert_state("{}", "c", "");
    assert_state("null", "c", "");
    assert_state("", "c", "");
    assert_state("{\"bindingStateV1\":{\"c\":1}", "c", "");
    assert_int_equal(state_of_binding((weir_view){NULL, 0}, VIEW("c")).len, 0);
}

static void test_patch(void **state)
{
    (void)state;
    buf out = {0};
    state_patch(&out, VIEW("a%2Fb.v1"), VIEW("{\n \"n\": 1\n}"));
    assert_string_equal(buf_text(&out), "{\"bindingStateV1\":{\"a%2Fb.v1\":{\"n\":1}}}");
    buf_clear(&out);
    state_patch(&out, VIEW("quote\"d"), VIEW("null"));
    assert_string_equal(buf_text(&out), "{\"bindingStateV1\":{\"quote\\\"d\":null}}");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_no_path),
        cmocka_unit_test(test_of_binding),
        cmocka_unit_test(test_patch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
