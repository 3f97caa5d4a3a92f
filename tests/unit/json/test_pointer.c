#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "json/pointer.h"

#include "fault.h"

static void expect_view(weir_view got, const char *want)
{
    if (!want) {
        assert_int_equal(got.len, 0);
        return;
    }
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.ptr, want, got.len);
}

/* RFC 6901, section 5: the document and its pointers. */
static const char rfc_doc[] =
    "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, \"g|h\": 4, \"i\\\\j\": 5, \"k\\\"l\": 6,"
    " \" \": 7, \"m~n\": 8}";
static const struct {
    const char *pointer, *value; /* NULL: nothing there */
} rfc_cases[] = {
    {"", rfc_doc},
    {"/foo", "[\"bar\", \"baz\"]"},
    {"/foo/0", "\"bar\""},
    {"/", "0"},
    {"/a~1b", "1"},
    {"/c%d", "2"},
    {"/e^f", "3"},
    {"/g|h", "4"},
    {"/i\\j", "5"},
    {"/k\"l", "6"},
    {"/ ", "7"},
    {"/m~0n", "8"},
    /* and what is not there */
    {"/foo/2", NULL},
    {"/foo/-", NULL},
    {"/foo/00", NULL},
    {"/foo/01", NULL},
    {"/foo/+1", NULL},
    {"/foo/1e0", NULL},
    {"/foo/", NULL},
    {"/foo/18446744073709551616", NULL},
    {"/foo/0/0", NULL},
    {"/m~n", NULL},
    {"/a/b", NULL},
    {"//", NULL},
    {"foo", NULL},
    {"/foo~2", NULL},
    {"/foo~", NULL},
    {"/fo", NULL},
    {"/fooo", NULL},
};

static void find_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rfc_cases / sizeof *rfc_cases; i++)
        expect_view(pointer_find(view_of(rfc_doc), view_of(rfc_cases[i].pointer)), rfc_cases[i].value);
}

static const struct {
    const char *json, *pointer, *value;
} find_cases[] = {
    {" 7 ", "", "7"},
    {"{\"a\":1,\"a\":2}", "/a", "2"},
    {"{\"a\":{\"b\":1},\"a\":{\"c\":2}}", "/a/b", NULL},
    {"{\"t\\u0079pe\":1}", "/type", "1"},
    {"{\"\\u00e9\":1}", "/\xc3\xa9", "1"},
    {"{\"\\ud83d\\ude00\":{\"~/\":[[],[0,{\"x\":null}]]}}", "/\xf0\x9f\x98\x80/~0~1/1/1/x", "null"},
    {"{\"a\":1", "/a", NULL},
    {"{\"a\":1} x", "/a", NULL},
    {"{\"a\":1,}", "/a", NULL},
    {"[1,2", "/0", NULL},
    {"", "", NULL},
    {"tru", "", NULL},
    {"\"a\"", "/a", NULL},
    {"{\"0\":\"name\"}", "/0", "\"name\""},
    {"{\"-\":1}", "/-", "1"},
};

static void find_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof find_cases / sizeof *find_cases; i++)
        expect_view(pointer_find(view_of(find_cases[i].json), view_of(find_cases[i].pointer)), find_cases[i].value);
}

static void push_and_split(void **state)
{
    (void)state;
    static const char *const tokens[] = {"a", "", "~", "/", "~1", "a/b~c", "\xc3\xa9"};
    enum { COUNT = sizeof tokens / sizeof *tokens };
    buf b = {0};
    arena a = {0};
    for (size_t i = 0; i < COUNT; i++)
        pointer_push(&b, view_of(tokens[i]));
    expect_view(buf_view(&b), "/a//~0/~1/~01/a~1b~0c/\xc3\xa9");
    weir_view *got;
    size_t count;
    assert_true(pointer_split(&a, buf_view(&b), &got, &count));
    assert_int_equal(count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        expect_view(got[i], tokens[i]);
        assert_int_equal(got[i].ptr[got[i].len], '\0');
    }
    assert_true(pointer_split(&a, VIEW(""), &got, &count));
    assert_int_equal(count, 0);
    assert_false(pointer_split(&a, VIEW("a"), &got, &count));
    assert_false(pointer_split(&a, VIEW("/~"), &got, &count));
    buf_free(&b);
    arena_free(&a);
}

static void validity(void **state)
{
    (void)state;
    static const char *const good[] = {"", "/", "/a", "/~0", "/~1~0", "//", "/\xff"}, *const bad[] = {"a",    "/~", "/~2",
                                                                                                      "/~~0", "~0", " /a"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(pointer_valid(view_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pointer_valid(view_of(bad[i])));
}

static void lists(void **state)
{
    (void)state;
    arena a = {0};
    weir_view *texts;
    size_t count;
    assert_true(pointer_list(&a, VIEW(" [ \"/id\" , \"\\u0041\\n\", \"\" ] "), &texts, &count));
    assert_int_equal(count, 3);
    expect_view(texts[0], "/id");
    expect_view(texts[1], "A\n");
    assert_int_equal(texts[2].len, 0);
    assert_true(pointer_list(&a, VIEW("[]"), &texts, &count));
    assert_int_equal(count, 0);
    static const char *const bad[] = {"",      "{}",     "[1]",      "[\"a\"", "[\"a\",]", "[\"a\"]]", "[\"a\" \"b\"]",
                                      "\"a\"", "[null]", "[[\"a\"]]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pointer_list(&a, view_of(bad[i]), &texts, &count));
    arena_free(&a);
}

static void indexes(void **state)
{
    (void)state;
    size_t i = 7;
    assert_true(pointer_index(VIEW("0"), &i));
    assert_int_equal(i, 0);
    assert_true(pointer_index(VIEW("18446744073709551615"), &i));
    assert_true(i == SIZE_MAX);
    static const char *const bad[] = {"", "-", "00", "01", "-1", "1 ", "18446744073709551616", "184467440737095516150"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        assert_false(pointer_index(view_of(bad[k]), &i));
}

static void without_memory(void **state)
{
    (void)state;
    bool again = true;
    for (size_t n = 0; again; n++) {
        arena a = {0};
        buf b = {0};
        weir_view *texts, found;
        size_t count;
        fault_at(FAULT_ALLOC, n, ENOMEM);
        pointer_push(&b, VIEW("a/b~c"));
        bool split = buf_ok(&b) && pointer_split(&a, buf_view(&b), &texts, &count), list = false;
        if (split)
            list = pointer_list(&a, VIEW("[\"a\",\"\\u0062\"]"), &texts, &count);
        found = pointer_find(VIEW("{\"a/b\":1}"), VIEW("/a~1b"));
        again = fault_clear();
        assert_int_equal(again, !(buf_ok(&b) && split && list && found.len == 1));
        buf_free(&b);
        arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find_rfc), cmocka_unit_test(find_more), cmocka_unit_test(push_and_split), cmocka_unit_test(validity),
        cmocka_unit_test(lists),    cmocka_unit_test(indexes),   cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
