/* Finding the rows of JSON files: the same rows however the bytes arrive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "files/json_rows.h"

typedef struct found {
    rows_status status;
    const char *problem;
    bool cut_off;
    size_t open;  /* behind the first row */
    size_t offset;
} found;

/* Feeds text in pieces, each time at another address; rows are joined with a bar. */
static found feed(json_rows *r, const char *text, size_t piece, strbuf *out)
{
    size_t begin = 0, len = strlen(text), have = piece < len ? piece : len;
    found f = {0};
    bool any = false;
    for (;;) {
        size_t used = 0, n = have - begin;
        char *bytes = malloc(n ? n : 1);
        assert_non_null(bytes);
        memcpy(bytes, text + begin, n);
        f.status = json_rows_next(r, bytes, n, have == len, &used);
        assert_true(used <= n);
        begin += used;
        if (f.status == ROWS_ROW) {
            strbuf_addv(out, r->row);
            strbuf_addc(out, '|');
            if (!any) {
                f.open = json_rows_open(r);
                f.offset = begin;
            }
            any = true;
        }
        free(bytes);
        if (f.status == ROWS_MORE) {
            assert_true(have < len);
            have = len - have < piece ? len : have + piece;
        } else if (f.status != ROWS_ROW) {
            break;
        }
    }
    f.problem = r->problem;
    f.cut_off = r->cut_off;
    return f;
}

static const size_t pieces[] = {1, 2, 3, 5, 16, 17, SIZE_MAX};

static void expect(const char *pointer, const char *text, const char *rows)
{
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        json_rows r;
        strbuf out = {0};
        json_rows_document(&r, pointer);
        found f = feed(&r, text, pieces[i], &out);
        if (f.status != ROWS_END || strcmp(strbuf_text(&out), rows))
            fail_msg("%s at '%s' in pieces of %zu: %s (%d %s)", text, pointer, pieces[i], strbuf_text(&out), f.status,
                     f.problem ? f.problem : "");
        strbuf_free(&out);
    }
}

static void expect_problem(const char *pointer, const char *text, const char *problem)
{
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        json_rows r;
        strbuf out = {0};
        json_rows_document(&r, pointer);
        found f = feed(&r, text, pieces[i], &out);
        if (f.status != ROWS_BROKEN || !strstr(f.problem, problem))
            fail_msg("%s at '%s' in pieces of %zu: %d %s", text, pointer, pieces[i], f.status, f.problem ? f.problem : "");
        assert_int_equal(f.cut_off, !strcmp(problem, "too early"));
        strbuf_free(&out);
    }
}

static void finds_lists(void **state)
{
    (void)state;
    expect("", "[]", "");
    expect("", " [ ] \n", "");
    expect("", "[{\"a\":1},{\"b\":[1,2,{\"c\":\"]}\"}]} , {} ]", "{\"a\":1}|{\"b\":[1,2,{\"c\":\"]}\"}]}|{}|");
    expect("", "[1,\"x\",null, true,[2],-1.5e3 ]", "1|\"x\"|null|true|[2]|-1.5e3|");
    expect("", "[{\"a\":\"q\\\"}\\\\\"},{\"b\":\"\\\\\\\"\"}]", "{\"a\":\"q\\\"}\\\\\"}|{\"b\":\"\\\\\\\"\"}|");
    expect("", "", "");
    expect("", "[{\"a\":1}]\n[{\"a\":2}]", "{\"a\":1}|{\"a\":2}|");
}

static void follows_pointers(void **state)
{
    (void)state;
    expect("/3166-1", "{\"3166-1\":[{\"a\":1},{\"a\":2}]}", "{\"a\":1}|{\"a\":2}|");
    expect("/data/items", "{\"x\":[{\"no\":1}],\"data\":{\"n\":{\"items\":[{}]},\"items\":[{\"a\":1}],\"z\":[[]]},\"y\":\"}\"}",
           "{\"a\":1}|");
    expect("/a~1b/~0", "{\"a/b\":{\"~\":[{\"k\":1}]}}", "{\"k\":1}|");
    expect("/t\xc3\xa9st", "{\"t\\u00e9st\":[{\"k\":1}]}", "{\"k\":1}|");
    expect("/1/r", "[[{\"a\":1}],{\"r\":[{\"b\":2}]},{\"r\":[{\"c\":3}]}]", "{\"b\":2}|");
    expect("/", "{\"\":[{\"a\":1}]}", "{\"a\":1}|");
    expect("/d", "{\"d\":{\"k\":[1],\"rows\":[{\"a\":1}]}}", "{\"a\":1}|");
    expect("/d", "{\"d\":{\"k\":[1],\"x\":{\"y\":[{\"z\":1}]}}}", "{\"k\":[1],\"x\":{\"y\":[{\"z\":1}]}}|");
}

static void picks_the_list_of_an_object(void **state)
{
    (void)state;
    expect("", "{\"count\":2,\"tags\":[\"a\",\"b\"],\"empty\":[],\"items\":[{\"a\":1},{\"a\":2}],\"next\":null}",
           "{\"a\":1}|{\"a\":2}|");
    expect("", "{\"id\":1,\"tags\":[\"a\"]}", "{\"id\":1,\"tags\":[\"a\"]}|");
    expect("", "{}", "{}|");
    expect("", "{\"a\":1}{\"a\":2}\n{\"i\":[{\"a\":3}]}", "{\"a\":1}|{\"a\":2}|{\"a\":3}|");
    expect_problem("", "{\"a\":[{\"x\":1}],\"b\":[{\"y\":1}]}", "several lists");
}

static void tells_what_is_wrong(void **state)
{
    (void)state;
    expect_problem("/x", "{\"a\":[{}]}", "nothing at the pointer");
    expect_problem("/x/y", "{\"x\":1}", "nothing at the pointer");
    expect_problem("/3", "[1,2]", "nothing at the pointer");
    expect_problem("/name", "[1,2]", "pointer names a member");
    expect_problem("", "7", "neither a list nor an object");
    expect_problem("", "[{\"a\":1} {\"b\":2}]", "lacks a comma");
    expect_problem("", "[{\"a\":1},]", "comma too many");
    expect_problem("", "{\"a\" 1}", "lacks a colon");
    expect_problem("", "{a:1}", "lacks a member's name");
    expect_problem("", "[{\"a\":1}", "too early");
    expect_problem("", "[{\"a\":1},", "too early");
    expect_problem("", "[{\"a\":", "too early");
    expect_problem("", "{\"a\":{\"b\":\"c", "too early");
    expect_problem("/a", "{\"b\":1,", "too early");
    expect_problem("/a", "{\"a\":[{}]", "too early");
}

static void reads_lines(void **state)
{
    static const char text[] = "{\"a\":1}\n\r\n  {\"b\":\"x\"} \r\n\nrubbish\n{\"c\":3}";
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        json_rows r;
        strbuf out = {0};
        json_rows_lines(&r);
        assert_int_equal(feed(&r, text, pieces[i], &out).status, ROWS_END);
        assert_string_equal(strbuf_text(&out), "{\"a\":1}|{\"b\":\"x\"}|rubbish|{\"c\":3}|");
        strbuf_free(&out);
    }
}

static void goes_on_in_the_middle(void **state)
{
    static const char text[] = "{\"n\":[1],\"d\":{\"rows\":[{\"a\":1}, {\"a\":2},{\"a\":3}],\"z\":[{\"no\":1}]},\"y\":[{}]}";
    (void)state;
    json_rows r;
    strbuf out = {0}, rest = {0};
    json_rows_document(&r, "/d/rows");
    found f = feed(&r, text, SIZE_MAX, &out);
    assert_int_equal(f.open, 3);
    json_rows_resume(&r, "/d/rows", f.open);
    assert_int_equal(feed(&r, text + f.offset, 1, &rest).status, ROWS_END);
    assert_string_equal(strbuf_text(&rest), "{\"a\":2}|{\"a\":3}|");
    strbuf_free(&out);
    strbuf_free(&rest);
}

static void holds_an_object_only_as_long_as_it_may_be_the_row(void **state)
{
    static const char begin[] = "{\"big\":\"0123456789", rest[] = "\",\"items\":[{\"a\":1}]}";
    (void)state;
    json_rows r;
    size_t used;
    json_rows_document(&r, "");
    assert_int_equal(json_rows_next(&r, begin, sizeof begin - 1, false, &used), ROWS_MORE);
    assert_int_equal(used, 0);
    assert_true(json_rows_let_go(&r));
    assert_int_equal(json_rows_next(&r, begin, sizeof begin - 1, false, &used), ROWS_MORE);
    assert_int_equal(used, sizeof begin - 1);
    assert_int_equal(json_rows_next(&r, rest, sizeof rest - 1, true, &used), ROWS_ROW);
    assert_int_equal(r.row.len, 7);
    assert_false(json_rows_let_go(&r));
}

static void tells_lines_from_documents(void **state)
{
    static const struct {
        const char *text;
        bool last, lines;
    } files[] = {
        {"{\"a\":1}\n{\"a\":2}\n", true, true}, {"{\"a\":1}\n", true, false},     {"{\"a\":1}\n", false, true},
        {"{\n\"a\":1}\n", true, false},         {"[{\"a\":1},\n{\"b\":2}]", true, false}, {"{\"a\":[{}]}", true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_int_equal(json_rows_sniff_lines(files[i].text, strlen(files[i].text), files[i].last), files[i].lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_lists),
        cmocka_unit_test(follows_pointers),
        cmocka_unit_test(picks_the_list_of_an_object),
        cmocka_unit_test(tells_what_is_wrong),
        cmocka_unit_test(reads_lines),
        cmocka_unit_test(goes_on_in_the_middle),
        cmocka_unit_test(holds_an_object_only_as_long_as_it_may_be_the_row),
        cmocka_unit_test(tells_lines_from_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
