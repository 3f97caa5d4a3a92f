/* Expected values: see reduce_vectors.txt. */
#include "reduce_rig.h"

#include <errno.h>

#include "base/io.h"
#include "fault.h"

/* ------------------------------------------------------------------------------------------------------------ vectors -- */

typedef struct line {
    weir_view word, doc, how, expected;
} line;

static weir_view cut(weir_view *rest, const char *at)
{
    const char *end = memmem(rest->ptr, rest->len, at, strlen(at));
    weir_view taken = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    *rest = view_from(*rest, taken.len + (end ? strlen(at) : 0));
    return taken;
}

static line read_line(weir_view text)
{
    static const char *const hows[] = {" -> ", " => ", " ! ", " away "};
    line l = {.word = cut(&text, " ")};
    l.doc = text;
    for (size_t i = 0; i < sizeof hows / sizeof *hows; i++) {
        weir_view rest = text, doc = cut(&rest, hows[i]);
        if (doc.len < l.doc.len)
            l = (line){l.word, doc, view_of(hows[i]), rest};
    }
    return l;
}

static void complain(const line *l, size_t number, const char *what, weir_view got)
{
    fail_msg("reduce_vectors.txt:%zu: %s: %.*s %.*s%.*s%.*s: %.*s", number, what, VIEW_ARG(l->word), VIEW_ARG(l->doc), VIEW_ARG(l->how), VIEW_ARG(l->expected),
             VIEW_ARG(got));
}

static void check_error(rig *r, const line *l, size_t number, weir_rc rc, reduced what)
{
    const char *text = err_text(&r->e);
    if (view_is(l->expected, "apart")) {
        if (rc || what != REDUCED_APART)
            complain(l, number, "is not kept apart", view_of(text));
        return;
    }
    if (rc != WEIR_E_CONFIG || !memmem(text, strlen(text), l->expected.ptr, l->expected.len))
        complain(l, number, "does not fail so", view_of(text));
}

static void check_value(const line *l, size_t number, reduced what, buf *out, buf *left)
{
    const bool away = view_is(l->how, " away ");
    if (away != (what == REDUCED_AWAY) || what == REDUCED_APART)
        complain(l, number, "deleted, apart, or not", buf_view(out));
    if (view_is(l->how, " => ") ? !view_eq(buf_view(out), l->expected) : !same_value(buf_view(out), l->expected))
        complain(l, number, "another value", buf_view(out));
    if (view_is(l->word, "alone"))
        return;
    buf_clear(left);
    buf_addv(left, buf_view(out));
}

static void run_line(rig *r, const line *l, size_t number, buf *left)
{
    buf out = {0};
    reduced what = REDUCED;
    if (view_is(l->word, "schema")) {
        rig_free(r);
        rig_make(r, l->doc);
        buf_clear(left);
        return;
    }
    if (view_is(l->word, "first")) {
        buf_clear(left);
        buf_addv(left, l->doc);
        return;
    }
    weir_view doc = guarded(l->doc), before = guarded(view_is(l->word, "alone") ? (weir_view){0} : buf_view(left));
    weir_rc rc = rig_reduce(r, before, doc, !view_is(l->word, "partial"), &out, &what);
    if (view_is(l->how, " ! ")) {
        check_error(r, l, number, rc, what);
        assert_int_equal(out.len, 0);
    } else if (rc) {
        complain(l, number, "fails", view_of(err_text(&r->e)));
    } else {
        check_value(l, number, what, &out, left);
    }
    guarded_free(doc);
    guarded_free(before);
    buf_free(&out);
}

static void test_vectors(void **state)
{
    (void)state;
    buf text = {0}, left = {0};
    err e = {0};
    rig r = {0};
    size_t number = 0, run = 0;
    assert_int_equal(io_read_file(SOURCE_ROOT "/tests/unit/doc/reduce_vectors.txt", 0, &text, &e), WEIR_OK);
    for (weir_view rest = buf_view(&text); rest.len;) {
        weir_view one = cut(&rest, "\n");
        number++;
        if (!one.len || *one.ptr == '#')
            continue;
        line l = read_line(one);
        run_line(&r, &l, number, &left);
        run++;
    }
    assert_true(run > 150);
    rig_free(&r);
    buf_free(&text);
    buf_free(&left);
    err_free(&e);
}

/* ------------------------------------------------------------------------------------------------------------- errors -- */

static void failing(const char *left, const char *right, const char *expected)
{
    rig r;
    buf out = {0};
    reduced what;
    rig_make(&r, VIEW("{\"reduce\":{\"strategy\":\"merge\"},\"properties\":{\"a\":{\"reduce\":{\"strategy\":\"merge\"},\"items\":{\"reduce\":{\"strategy\":\"merge\"},"
                      "\"properties\":{\"b/c\":{\"reduce\":{\"strategy\":\"sum\"}}}}}}}"));
    buf_adds(&out, "before");
    assert_int_equal(rig_reduce(&r, view_of(left), view_of(right), true, &out, &what), WEIR_E_CONFIG);
    assert_string_equal(err_text(&r.e), expected);
    assert_view(buf_view(&out), VIEW("before"));
    buf_free(&out);
    rig_free(&r);
}

static void test_errors_name_the_place(void **state)
{
    (void)state;
    failing("{\"a\":[{},{\"b/c\":3}]}", "{\"a\":[{},{\"b/c\":\"x\"}]}",
            "/a/1/b~1c: reduce sum: takes numbers and strings that are decimals, and there is 3 to the left, \"x\" to the right");
    failing("{\"a\":[{}]}", "{\"a\":[{},{\"b/c\":{}}]}",
            "/a/1/b~1c: reduce sum: takes numbers and strings that are decimals, and there is nothing to the left, {} to the right");
    failing("[]", "1", "the document: reduce merge: takes objects and arrays, and there is [] to the left, 1 to the right");
    failing("{\"a\":\"012345678901234567890123456789012345678901234567890123456789012345678901234567\xc3\xa4\"}", "{\"a\":true}",
            "/a: reduce merge: takes objects and arrays, and there is \"012345678901234567890123456789012345678901234567890123456789012345678901234567... to the left, "
            "true to the right");
}

/* ------------------------------------------------------------------------------------------------------------- memory -- */

static const char *const torn[][3] = {
    {"{\"reduce\":{\"strategy\":\"merge\"}}", "{\"a\":1,\"\\u0062\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"k\":11,\"l\":12,\"m\":13}",
     "{\"b\":1,\"a\":2,\"m\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"k\":11,\"l\":12,\"x\":13}"},
    {"{\"reduce\":{\"strategy\":\"sum\"}}", "\"12345678901234567890.5\"", "1"},
    {"{\"reduce\":{\"strategy\":\"jsonSchemaMerge\"}}", "{\"type\":\"string\"}", "{\"type\":\"integer\"}"},
    {"{\"reduce\":{\"strategy\":\"set\"}}", "{\"add\":{\"a\":1}}", "{\"remove\":{\"a\":1},\"add\":{\"b\":1}}"},
    {"{\"reduce\":{\"strategy\":\"append\"}}", "[1]", "[2]"},
};

static void test_without_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof torn / sizeof *torn; i++) {
        bool again = true;
        for (size_t n = 0; again; n++) {
            rig r;
            buf out = {0}, whole = {0};
            reduced what;
            rig_make(&r, view_of(torn[i][0]));
            fault_at(FAULT_ALLOC, n, ENOMEM);
            weir_rc rc = rig_reduce(&r, view_of(torn[i][1]), view_of(torn[i][2]), false, &out, &what);
            again = fault_clear();
            assert_true(rc == WEIR_OK || rc == WEIR_E_NOMEM);
            assert_true(rc == WEIR_OK || !out.len);
            buf_free(&out);
            assert_int_equal(rig_reduce(&r, view_of(torn[i][1]), view_of(torn[i][2]), false, &whole, &what), WEIR_OK);
            buf_free(&whole);
            rig_free(&r);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_errors_name_the_place),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
