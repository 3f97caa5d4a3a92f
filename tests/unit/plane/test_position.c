/* Where a task is, as a connector keeps it: the form is Flow's (flow.md 4.3), names and lengths are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plane/position.h"

static arena a;

static const tree *parsed(weir_view text)
{
    tree *t;
    err e = {0};
    if (tree_parse(&a, text, NULL, WEIR_E_BUG, &t, &e))
        fail_msg("%s", err_text(&e));
    return t;
}

static weir_view put(weir_view former, const char *folder, offset *reads, size_t read_count, offset *written, size_t written_count)
{
    buf out = {0};
    assert_true(position_put(&out, former, &(places){view_of(folder), reads, written, read_count, written_count}));
    weir_view text = arena_dup(&a, buf_view(&out));
    buf_free(&out);
    return text;
}

/* echo -n 5678 | base64 */
static void test_form(void **unused)
{
    (void)unused;
    weir_view text = put(VIEW(""), "AAECAwQF", (offset[]){{VIEW("acme/orders;t"), 1234}}, 1, (offset[]){{VIEW("acme/totals"), 5678}}, 1);
    assert_string_equal(text.ptr, "{\"sources\":{\"acme/orders;t\":{\"readThrough\":\"1234\",\"producers\":[{\"id\":\"AAECAwQF\"}]}},\"ackIntents\":{\"acme/totals\":\"NTY3OA==\"}}");
    assert_string_equal(put(VIEW(""), "AAECAwQF", NULL, 0, NULL, 0).ptr, "{\"sources\":{}}");
    arena_free(&a);
}

/* The largest offset there is, and what is not there. */
static void test_there_and_back(void **unused)
{
    (void)unused;
    uint64_t length = 7;
    const tree *t = parsed(put(VIEW(""), "f", (offset[]){{VIEW("x;a"), UINT64_MAX}}, 1, (offset[]){{VIEW("y"), UINT64_MAX}}, 1));
    assert_int_equal(position_read(t, VIEW("x;a")), UINT64_MAX);
    assert_int_equal(position_read(t, VIEW("y")), 0);
    assert_true(position_written(t, VIEW("y"), &length));
    assert_int_equal(length, UINT64_MAX);
    assert_false(position_written(t, VIEW("x;a"), &length));
    assert_int_equal(position_read(NULL, VIEW("x;a")), 0);
    assert_false(position_written(NULL, VIEW("y"), &length));
    /* Numbers are what some platforms make of them; other things are nothing. */
    t = parsed(VIEW("{\"sources\":{\"n\":{\"readThrough\":12},\"o\":{\"readThrough\":{}},\"p\":[]},\"ackIntents\":{\"q\":\"!\",\"r\":5}}"));
    assert_int_equal(position_read(t, VIEW("n")), 12);
    assert_int_equal(position_read(t, VIEW("o")), 0);
    assert_int_equal(position_read(t, VIEW("p")), 0);
    assert_false(position_written(t, VIEW("q"), &length));
    assert_false(position_written(t, VIEW("r"), &length));
    arena_free(&a);
}

/* What a position says of others stays: of bindings that are disabled now, and of a runtime that kept more in it. */
static void test_others_stay(void **unused)
{
    (void)unused;
    const weir_view former = VIEW("{\"sources\":{\"off;o\":{\"readThrough\":\"3\"},\"x;a\":{\"readThrough\":\"1\",\"producers\":[{\"id\":\"old\",\"state\":{}},{\"id\":\"too\"}]}},\"more\":1}");
    const tree *t = parsed(put(former, "new", (offset[]){{VIEW("x;a"), 2}}, 1, NULL, 0));
    assert_int_equal(position_read(t, VIEW("off;o")), 3);
    assert_int_equal(position_read(t, VIEW("x;a")), 2);
    assert_false(position_is_foreign(t, VIEW("x;a"), VIEW("new")));
    assert_non_null(tree_get(t, "more"));
    arena_free(&a);
}

static void test_folders(void **unused)
{
    (void)unused;
    weir_view text = put(VIEW("{\"sources\":{\"old;o\":{\"readThrough\":\"3\"}}}"), "here", (offset[]){{VIEW("x;a"), 1}}, 1, NULL, 0);
    const tree *t = parsed(text);
    assert_false(position_is_foreign(t, VIEW("x;a"), VIEW("here")));
    assert_false(position_is_foreign(t, VIEW("old;o"), VIEW("here"))); /* it names none */
    assert_false(position_is_foreign(t, VIEW("not there"), VIEW("here")));
    assert_false(position_is_foreign(NULL, VIEW("x;a"), VIEW("here")));
    assert_false(position_has_foreign(t, VIEW("here")));
    assert_false(position_has_foreign(NULL, VIEW("here")));
    assert_true(position_is_foreign(t, VIEW("x;a"), VIEW("elsewhere")));
    assert_true(position_has_foreign(t, VIEW("elsewhere")));
    t = parsed(put(text, "elsewhere", (offset[]){{VIEW("y;b"), 1}}, 1, NULL, 0));
    assert_true(position_is_foreign(t, VIEW("x;a"), VIEW("elsewhere"))); /* each stays what it was */
    assert_false(position_is_foreign(t, VIEW("y;b"), VIEW("elsewhere")));
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_others_stay),
        cmocka_unit_test(test_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
