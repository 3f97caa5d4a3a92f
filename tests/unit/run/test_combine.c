/* Documents of a batch, reduced by key and taken apart (run/combine.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "run/combine.h"

enum { COLUMNS = 32 };

static weir_column columns[COLUMNS];
static const weir_binding binding = {.name = WEIR_LIT("things"), .columns = columns, .column_count = COLUMNS, .key_count = 1};

static int name_columns(void **state)
{
    static char names[COLUMNS][8];
    (void)state;
    for (size_t i = 0; i < COLUMNS; i++)
        columns[i].pointer = (weir_view){names[i], (size_t)snprintf(names[i], sizeof *names, "/c%zu", i)};
    return 0;
}

static combined *make(const weir_binding *b)
{
    err e = {0};
    combined *c = NULL;
    assert_int_equal(combine_make(&c, &(combine_options){.b = b, .deleted = VIEW("/_meta/op"), .deleted_is = VIEW("\"d\""), .part_is = VIEW("\"u\"")}, &e), WEIR_OK);
    return c;
}

/* Every row as "op c0 c1;" */
static void expect_rows(combined *c, const char *lines, const char *expected)
{
    err e = {0};
    buf said = {0};
    weir_row *rows;
    size_t count, documents;
    assert_int_equal(combine_batch(c, view_of(lines), &rows, &count, &documents, &e), WEIR_OK);
    for (size_t i = 0; i < count; i++) {
        assert_true(rows[i].binding == &binding && !rows[i].values[COLUMNS - 1].len);
        buf_printf(&said, "%c %.*s %.*s;", "ido"[rows[i].op == WEIR_UPSERT ? 0 : rows[i].op == WEIR_DELETE ? 1 : 2], VIEW_ARG(rows[i].values[0]), VIEW_ARG(rows[i].values[1]));
    }
    assert_string_equal(buf_text(&said), expected);
    buf_free(&said);
}

static void test_the_last_one_stays(void **state)
{
    (void)state;
    combined *c = make(&binding);
    expect_rows(c, "{\"c0\":1,\"c1\":\"a\"}\n{\"c0\":2,\"c1\":\"b\"}\n", "i 1 \"a\";i 2 \"b\";");
    expect_rows(c, "{\"c0\":2,\"c1\":\"b\"}\n{\"c0\":1,\"c1\":\"a\"}\n{\"c1\":null,\"c0\":2.0}", "i 1 \"a\";i 2.0 null;");
    expect_rows(c, "{\"c0\":1,\"c1\":\"a\"}\n{\"_meta\":{\"op\":\"d\"},\"c0\":1}\n", "d 1 ;");
    expect_rows(c, "", "");
    combine_free(c);
}

static void test_parts_and_wholes(void **state)
{
    (void)state;
    combined *c = make(&binding);
    expect_rows(c, "{\"c0\":3,\"c1\":3}\n{\"c0\":1,\"c1\":1,\"c2\":1}\n{\"_meta\":{\"op\":\"u\"},\"c0\":1,\"c1\":9}\n{\"_meta\":{\"op\":\"u\"},\"c0\":2,\"c1\":7}\n",
                "i 1 9;o 2 7;i 3 3;");
    assert_true(combine_has_parts(c));
    expect_rows(c, "{\"c0\":1,\"c1\":1}\n", "i 1 1;");
    assert_false(combine_has_parts(c));
    combine_free(c);
}

static void test_truncation_drops_what_was_read(void **state)
{
    (void)state;
    combined *c = make(&binding);
    expect_rows(c, "{\"c0\":1,\"c1\":1}\n" COMBINE_TRUNCATION "\n{\"c0\":2,\"c1\":2}\n{\"c0\":1,\"c1\":3}\n", "i 1 3;i 2 2;");
    assert_true(combine_truncated(c));
    combine_free(c);
}

static void test_additions_keep_their_order(void **state)
{
    (void)state;
    weir_binding every = binding;
    every.delta_updates = true;
    err e = {0};
    weir_row *rows;
    size_t count, documents;
    combined *c = make(&every);
    assert_int_equal(combine_batch(c, VIEW("{\"c0\":2}\n{\"c0\":1}\n{\"c0\":2,\"c1\":5}\n"), &rows, &count, &documents, &e), WEIR_OK);
    assert_int_equal(count, 3);
    assert_true(view_is(rows[0].values[0], "2") && view_is(rows[1].values[0], "1") && view_is(rows[2].values[1], "5"));
    combine_free(c);
}

static void test_faults_are_named(void **state)
{
    (void)state;
    err e = {0};
    weir_row *rows;
    size_t count, documents;
    combined *c = make(&binding);
    assert_int_equal(combine_batch(c, VIEW("{\"c0\":1}\n{\"c1\":1}\n"), &rows, &count, &documents, &e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&e), "without its key /c0"));
    err_free(&e);
    assert_int_equal(combine_batch(c, VIEW("{\"c0\":1\n"), &rows, &count, &documents, &e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&e), "not JSON"));
    err_free(&e);
    combine_free(c);
}

/* More values than are kept from the first look: the others are found again. Keys descend, so that rows are not in the order of documents. */
static void test_many_values(void **state)
{
    (void)state;
    enum { DOCUMENTS = 70000 }; /* of 32 values, 16 bytes each */
    buf lines = {0};
    err e = {0};
    weir_row *rows;
    size_t count, documents;
    for (int i = DOCUMENTS; i-- > 0;)
        buf_printf(&lines, "{\"c0\":%d,\"c31\":\"%d\"}\n", i, 3 * i);
    assert_true(buf_ok(&lines));
    combined *c = make(&binding);
    assert_int_equal(combine_batch(c, buf_view(&lines), &rows, &count, &documents, &e), WEIR_OK);
    assert_int_equal(count, DOCUMENTS);
    assert_int_equal(documents, DOCUMENTS);
    for (int i = 0; i < DOCUMENTS; i++) {
        char key[16], last[16];
        snprintf(key, sizeof key, "%d", i);
        snprintf(last, sizeof last, "\"%d\"", 3 * i);
        assert_true(view_is(rows[i].values[0], key) && !rows[i].values[1].len && view_is(rows[i].values[31], last));
    }
    combine_free(c);
    buf_free(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_one_stays), cmocka_unit_test(test_parts_and_wholes),     cmocka_unit_test(test_truncation_drops_what_was_read),
        cmocka_unit_test(test_additions_keep_their_order), cmocka_unit_test(test_faults_are_named), cmocka_unit_test(test_many_values),
    };
    return cmocka_run_group_tests(tests, name_columns, NULL);
}
