/* Expected values: RFC 6901 section 5 for pointers, Python's json.dumps(indent=2) for pretty text; positions counted by hand. */
#include "helpers.h"

#include <stdio.h>

#include "json/scan.h"
#include "json/tree.h"

typedef struct world {
    arena mem;
    err e;
    buf out;
} world;

static int set_up(void **state)
{
    *state = calloc(1, sizeof(world));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    world *w = *state;
    arena_free(&w->mem);
    err_free(&w->e);
    buf_free(&w->out);
    free(w);
    return 0;
}

static const tree *parse(world *w, weir_view json)
{
    tree *t = NULL;
    if (tree_parse(&w->mem, json, "f.json", WEIR_E_CONFIG, &t, &w->e))
        fail_msg("%s", err_text(&w->e));
    return t;
}

/* ----------------------------------------------------------------------------------------------------------- parsing -- */

static void assert_mark(tree_mark mark, size_t line, size_t column)
{
    assert_string_equal(mark.file, "f.json");
    assert_int_equal(mark.line, line);
    assert_int_equal(mark.column, column);
}

static void test_nodes(void **state)
{
    weir_view json = guarded(VIEW("{ \"k\\u0065y\": \"t\\\"xt\",\n  \"n\" : -1.50e3, "
                                  "\"t\":true,\"f\":false,\"z\":null,\n\t\"l\":[ 1, {} ,[]] }"));
    const tree *t = parse(*state, json);
    assert_int_equal(t->kind, TREE_OBJECT);
    assert_int_equal(t->count, 6);
    assert_view(t->raw, json);
    assert_null(t->next);

    const tree *m = t->first;
    assert_view(m->name, VIEW("key"));
    assert_int_equal(m->name.ptr[3], '\0');
    assert_int_equal(m->kind, TREE_STRING);
    assert_view(m->text, VIEW("t\"xt"));
    assert_int_equal(m->text.ptr[4], '\0');
    assert_view(m->raw, VIEW("\"t\\\"xt\""));

    m = m->next;
    assert_int_equal(m->kind, TREE_NUMBER);
    assert_view(m->text, VIEW("-1.50e3"));
    assert_view(m->raw, VIEW("-1.50e3"));
    assert_int_equal(m->next->kind, TREE_BOOL);
    assert_true(m->next->boolean);
    assert_int_equal(m->next->next->kind, TREE_BOOL);
    assert_false(m->next->next->boolean);
    assert_int_equal(m->next->next->next->kind, TREE_NULL);

    m = t->last;
    assert_int_equal(m->kind, TREE_ARRAY);
    assert_int_equal(m->count, 3);
    assert_view(m->raw, VIEW("[ 1, {} ,[]]"));
    assert_view(m->first->next->raw, VIEW("{}"));
    assert_int_equal(m->last->count, 0);
    assert_null(m->last->first);
    guarded_free(json);
}

static void test_marks_count_lines_and_characters(void **state)
{
    const tree *t = parse(*state, VIEW(" {\"\xc3\xa9\xe2\x82\xac\": \"\xf0\x9d\x84\x9e\", \"b\"\r\n\t:\n\n  [1,\n2]}"));
    assert_mark(t->mark, 1, 2);
    assert_mark(t->first->name_mark, 1, 3);
    assert_mark(t->first->mark, 1, 9);
    assert_mark(t->last->name_mark, 1, 14);
    assert_mark(t->last->mark, 4, 3);
    assert_mark(t->last->first->mark, 4, 4);
    assert_mark(t->last->last->mark, 5, 1);
}

static void test_errors_name_the_place(void **state)
{
    world *w = *state;
    static const struct {
        const char *json, *place;
    } cases[] = {
        {"", "f.json:1:1: "},
        {"  \n ", "f.json:2:2: "},
        {"{\"a\":1,\n \"\xc3\xa9\":[1,x]}", "f.json:2:9: "},
        {"[1 2]", "f.json:1:4: "},
        {"[1]\n]", "f.json:2:1: "},
        {"{\"a\" 1}", "f.json:1:6: "},
        {"{\"a\":1", "f.json:1:7: "},
        {"{\"a\":1,}", "f.json:1:8: "},
        {"{1:2}", "f.json:1:2: "},
        {"nul", "f.json:1:"},
        {"[01]", "f.json:1:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tree *t = NULL;
        weir_view in = guarded(view_of(cases[i].json));
        assert_int_equal(tree_parse(&w->mem, in, "f.json", WEIR_E_PROTOCOL, &t, &w->e), WEIR_E_PROTOCOL);
        assert_int_equal(w->e.rc, WEIR_E_PROTOCOL);
        assert_null(t);
        if (strncmp(err_text(&w->e), cases[i].place, strlen(cases[i].place)) != 0)
            fail_msg("%s: %s", cases[i].json, err_text(&w->e));
        assert_true(strlen(err_text(&w->e)) > strlen("f.json:1:1: "));
        guarded_free(in);
    }
}

static void test_error_without_a_file(void **state)
{
    world *w = *state;
    tree *t;
    assert_int_equal(tree_parse(&w->mem, VIEW("[1,\n?]"), NULL, WEIR_E_CONFIG, &t, &w->e), WEIR_E_CONFIG);
    assert_int_equal(strncmp(err_text(&w->e), "2:1: ", 5), 0);
    assert_int_equal(tree_parse(&w->mem, (weir_view){NULL, 0}, NULL, WEIR_E_CONFIG, &t, &w->e), WEIR_E_CONFIG);
}

static void test_names_that_appear_twice(void **state)
{
    world *w = *state;
    tree *t;
    assert_int_equal(tree_parse(&w->mem, VIEW("{\"a\":1,\n \"b\":{\"x\":1, \"\\u0078\":2}}"), "f.json", WEIR_E_CONFIG, &t, &w->e),
    WEIR_E_CONFIG);
    assert_string_equal(err_text(&w->e), "f.json:2:14: member \"x\" appears twice, first at 2:7");
    parse(w, VIEW("{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":1}]}},\"A\":1,\"a \":1,\"\":1}"));
}

/* Large objects are checked in another way than small ones: every size around the border, and a large one. */
static void test_names_that_appear_twice_among_many(void **state)
{
    world *w = *state;
    for (size_t n = 2; n <= 5000; n = n < 40 ? n + 1 : n * 5) {
        buf json = {0}, twice = {0};
        tree *t;
        for (size_t i = 0; i < n; i++)
            buf_printf(&json, "%c\"k%zu\":%zu", i ? ',' : '{', i * 7919 % n + n, i);
        buf_printf(&twice, "%.*s,\n\"k%zu\":0}", (int)json.len, json.ptr, n);
        buf_addc(&json, '}');
        assert_int_equal(parse(w, buf_view(&json))->count, n);
        assert_int_equal(tree_parse(&w->mem, buf_view(&twice), "f.json", WEIR_E_CONFIG, &t, &w->e), WEIR_E_CONFIG);
        char expected[100];
        snprintf(expected, sizeof expected, "f.json:2:1: member \"k%zu\" appears twice, first at 1:2", n);
        assert_string_equal(err_text(&w->e), expected);
        buf_free(&json);
        buf_free(&twice);
    }
}

static void nest(buf *out, size_t depth)
{
    buf_clear(out);
    for (size_t i = 0; i < depth; i++)
        buf_adds(out, i % 2 ? "{\"a\":" : "[");
    buf_adds(out, "1");
    while (depth--)
        buf_adds(out, depth % 2 ? "}" : "]");
}

static void expect_lenient(world *w, weir_view json, const char *pretty)
{
    tree *t = NULL;
    if (tree_parse_lenient(&w->mem, json, "f.json", WEIR_E_CONFIG, &t, &w->e))
        fail_msg("%s", err_text(&w->e));
    buf_clear(&w->out);
    tree_write_pretty(&w->out, t);
    assert_string_equal(buf_text(&w->out), pretty);
}

static void test_of_names_that_repeat_the_last_may_count(void **state)
{
    world *w = *state;
    expect_lenient(w, VIEW("{\"a\":1,\"b\":2,\"\\u0061\":3}"), "{\n  \"b\": 2,\n  \"a\": 3\n}");
    expect_lenient(w, VIEW("{\"b\":0,\"x\":{\"a\":1,\"a\":1,\"a\":null},\"b\":[]}"), "{\n  \"x\": {\n    \"a\": null\n  },\n  \"b\": []\n}");
    expect_lenient(w, VIEW("{\"\":1,\"\":2}"), "{\n  \"\": 2\n}");
    tree *t = NULL, *bad = NULL;
    assert_int_equal(tree_parse_lenient(&w->mem, VIEW("{\"a\":1,\"a\":2,\"c\":3}"), NULL, WEIR_E_CONFIG, &t, &w->e), WEIR_OK);
    assert_int_equal(t->count, 2);
    assert_string_equal(t->last->name.ptr, "c");
    assert_int_equal(tree_parse_lenient(&w->mem, VIEW("{\"a\":1,\"a\":}"), "f.json", WEIR_E_CONFIG, &bad, &w->e), WEIR_E_CONFIG);
}

static void test_many_names_that_repeat(void **state)
{
    world *w = *state;
    buf json = {0};
    tree *t = NULL;
    for (size_t i = 0; i < 300; i++)
        buf_printf(&json, "%c\"k%zu\":%zu", i ? ',' : '{', i % 100, i);
    buf_addc(&json, '}');
    assert_int_equal(tree_parse_lenient(&w->mem, buf_view(&json), NULL, WEIR_E_CONFIG, &t, &w->e), WEIR_OK);
    assert_int_equal(t->count, 100);
    assert_true(view_is(tree_get(t, "k7")->text, "207"));
    buf_free(&json);
}

static void test_depth(void **state)
{
    world *w = *state;
    tree *t;
    buf json = {0};
    nest(&json, JSON_DEPTH);
    parse(w, buf_view(&json));
    tree_write(&w->out, parse(w, buf_view(&json)));
    assert_view(buf_view(&w->out), buf_view(&json));
    nest(&json, JSON_DEPTH + 1);
    assert_int_equal(tree_parse(&w->mem, buf_view(&json), "f.json", WEIR_E_CONFIG, &t, &w->e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&w->e), "nested too deeply"));
    nest(&json, 1000000);
    assert_int_equal(tree_parse(&w->mem, buf_view(&json), "f.json", WEIR_E_CONFIG, &t, &w->e), WEIR_E_CONFIG);
    buf_free(&json);
}

/* ---------------------------------------------------------------------------------------------------------- reading -- */

static void test_get(void **state)
{
    const tree *t = parse(*state, VIEW("{\"a\":1,\"s\":\"text\",\"n\":null,\"e\":\"\",\"\\u0000\":2}"));
    assert_view(tree_get(t, "a")->raw, VIEW("1"));
    assert_view(tree_getv(t, VIEW("\0"))->raw, VIEW("2"));
    assert_null(tree_get(t, "b"));
    assert_null(tree_get(NULL, "a"));
    assert_null(tree_get(tree_get(t, "a"), "a"));
    assert_view(tree_text(t, "s"), VIEW("text"));
    assert_int_equal(tree_text(t, "a").len, 0);
    assert_null(tree_text(t, "a").ptr);
    assert_null(tree_text(t, "b").ptr);
    assert_non_null(tree_text(t, "e").ptr);
    assert_true(tree_is_null(tree_get(t, "n")));
    assert_true(tree_is_null(tree_get(t, "nowhere")));
    assert_false(tree_is_null(t));
}

static void test_at(void **state)
{
    const tree *t = parse(*state,
    VIEW("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,"
                                       "\" \":7,\"m~n\":8}"));
    static const struct {
        const char *pointer, *raw;
    } found[] = {
        {"/foo", "[\"bar\",\"baz\"]"}, {"/foo/0", "\"bar\""}, {"/foo/1", "\"baz\""}, {"/", "0"}, {"/a~1b", "1"}, {"/c%d", "2"},
        {"/e^f", "3"}, {"/g|h", "4"}, {"/i\\j", "5"}, {"/k\"l", "6"}, {"/ ", "7"}, {"/m~0n", "8"},
    };
    static const char *const nothing[] = {"foo", "/bar", "/foo/2", "/foo/00", "/foo/01", "/foo/-", "/foo/", "/foo/-1", "/foo/1x",
                                          "/foo/0/0", "/a/b", "/m~n", "/m~2n",
                                          "/m~", "//", "/foo/18446744073709551616", "/foo/99999999999999999999999999"};
    assert_ptr_equal(tree_at(t, VIEW("")), t);
    assert_null(tree_at(NULL, VIEW("")));
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        const tree *at = tree_at(t, view_of(found[i].pointer));
        assert_non_null(at);
        assert_view(at->raw, view_of(found[i].raw));
    }
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        if (tree_at(t, view_of(nothing[i])))
            fail_msg("%s was found", nothing[i]);
    }
}

/* ---------------------------------------------------------------------------------------------------------- writing -- */

/* As it would come from YAML: nothing was written as JSON. */
static void forget_raw(const tree *t)
{
    ((tree *)t)->raw = (weir_view){NULL, 0};
    for (const tree *child = t->first; child; child = child->next)
        forget_raw(child);
}

static const weir_view spaced =
    WEIR_LIT("{ \"a\" : 1,\n\"b\":[1, 2.5e3,\t\"x\\ny\", { }],\"c\":{\"d\":null,\"e\":[true,false],\"f\":{}},\"g\":[ ]}");
static const weir_view compact =
    WEIR_LIT("{\"a\":1,\"b\":[1,2.5e3,\"x\\ny\",{}],\"c\":{\"d\":null,\"e\":[true,false],\"f\":{}},\"g\":[]}");
static const weir_view pretty = WEIR_LIT("{\n"
                                         "  \"a\": 1,\n"
                                         "  \"b\": [\n"
                                         "    1,\n"
                                         "    2.5e3,\n"
                                         "    \"x\\ny\",\n"
                                         "    {}\n"
                                         "  ],\n"
                                         "  \"c\": {\n"
                                         "    \"d\": null,\n"
                                         "    \"e\": [\n"
                                         "      true,\n"
                                         "      false\n"
                                         "    ],\n"
                                         "    \"f\": {}\n"
                                         "  },\n"
                                         "  \"g\": []\n"
                                         "}");

static void test_write(void **state)
{
    world *w = *state;
    const tree *t = parse(w, spaced);
    for (int round = 0; round < 2; round++) {
        buf_clear(&w->out);
        tree_write(&w->out, t);
        assert_view(buf_view(&w->out), compact);
        buf_clear(&w->out);
        tree_write_pretty(&w->out, t);
        assert_view(buf_view(&w->out), pretty);
        forget_raw(t);
    }
    buf_clear(&w->out);
    tree_write(&w->out, NULL);
    assert_view(buf_view(&w->out), VIEW("null"));
}

static void test_messages(void **state)
{
    world *w = *state;
    tree_where(&w->out, (tree_mark){"a.yaml", 3, 7});
    tree_where(&w->out, (tree_mark){"a.yaml", 3, 0});
    tree_where(&w->out, (tree_mark){"a.yaml", 0, 0});
    tree_where(&w->out, (tree_mark){NULL, 3, 7});
    tree_where(&w->out, (tree_mark){NULL, 0, 0});
    assert_view(buf_view(&w->out), VIEW("a.yaml:3:7: a.yaml:3: a.yaml: 3:7: "));
    assert_string_equal(tree_kind_name(TREE_STRING), "a string");
    assert_string_equal(tree_kind_name(TREE_OBJECT), "an object");
    assert_string_equal(tree_kind_name(TREE_NULL), "null");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nodes),
        TEST(test_marks_count_lines_and_characters),
        TEST(test_errors_name_the_place),
        TEST(test_error_without_a_file),
        TEST(test_names_that_appear_twice),
        TEST(test_names_that_appear_twice_among_many),
        TEST(test_of_names_that_repeat_the_last_may_count),
        TEST(test_many_names_that_repeat),
        TEST(test_depth),
        TEST(test_get),
        TEST(test_at),
        TEST(test_write),
        TEST(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
