/* Fivetran's records, written: messages, batches, what does not fit. Bytes are those of the protocol page (fivetran.md 1.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fivetran_records.h"

/* ---- messages ---- */

static void test_messages(void **state)
{
    (void)state;
    ft_column a = {.name = VIEW("a"), .type = FT_LONG};
    ft_table t = {.name = VIEW("t"), .columns = &a, .count = 1};
    ft_writing *w = ft_writing_new(&t, NULL);
    ft_batch b = {0};
    buf record = {0}, out = {0};
    err e = {0};
    ft_misfit misfit;
    assert_int_equal(ft_write_record(w, FT_UPSERT, VIEW("{\"a\":7}"), &record, &misfit, &e), WEIR_OK);
    ft_batch_add(&b, buf_view(&record));
    ft_batch_message(&b, &out);
    same_bytes(buf_view(&out), BYTES("\x32\x0e\x0a\x0c\x12\x01\x74\x22\x07\x0a\x01\x61\x12\x02\x28\x07"), "the page's example");
    assert_int_equal(b.count, 0);

    buf_clear(&out);
    ft_checkpoint_message(VIEW("{\"c\":1}"), &out);
    same_bytes(buf_view(&out), BYTES("\x1a\x09\x0a\x07{\"c\":1}"), "checkpoint");
    buf_clear(&out);
    ft_warning_message(BYTES("a\xff"), &out);
    same_bytes(buf_view(&out), BYTES("\x22\x06\x0a\x04\x61\xef\xbf\xbd"), "warning");
    buf_clear(&out);
    ft_task_message(VIEW(""), &out);
    same_bytes(buf_view(&out), BYTES("\x2a\x00"), "task");
    buf_free(&b.records);
    buf_free(&record);
    buf_free(&out);
    ft_writing_free(w);
}

/* Exact to the byte, and to the record. */
static void test_batch(void **state)
{
    (void)state;
    static char bytes[FT_BATCH_BYTES];
    ft_batch b = {0};
    /* 0a + 3 bytes of length + the record */
    assert_true(ft_batch_fits(&b, FT_BATCH_BYTES - 4));
    assert_false(ft_batch_fits(&b, FT_BATCH_BYTES - 3));
    assert_false(ft_batch_fits(&b, SIZE_MAX));
    ft_batch_add(&b, (weir_view){bytes, 50000});
    assert_int_equal(b.records.len, 50004);
    assert_true(ft_batch_fits(&b, 49992));
    assert_false(ft_batch_fits(&b, 49993));
    ft_batch_add(&b, (weir_view){bytes, 49992});
    assert_int_equal(b.records.len, FT_BATCH_BYTES);
    buf out = {0};
    ft_batch_message(&b, &out);
    assert_int_equal(out.len, FT_BATCH_BYTES + 4);
    for (int i = 0; i < FT_BATCH_RECORDS; i++) {
        assert_true(ft_batch_fits(&b, 10));
        ft_batch_add(&b, (weir_view){bytes, 10});
    }
    assert_false(ft_batch_fits(&b, 0));
    buf_free(&b.records);
    buf_free(&out);
}

/* ---- what does not fit ---- */

static const struct {
    ft_type column;
    const char *value;
    ft_type needed;
} misfits[] = {
    {FT_BOOLEAN, "1", FT_STRING},
    {FT_BOOLEAN, "\"true\"", FT_STRING},
    {FT_SHORT, "32768", FT_INT},
    {FT_SHORT, "-32769", FT_INT},
    {FT_SHORT, "2147483648", FT_LONG},
    {FT_INT, "2147483648", FT_LONG},
    {FT_INT, "1.5", FT_DOUBLE},
    {FT_LONG, "9223372036854775808", FT_DECIMAL},
    {FT_LONG, "-9223372036854775809", FT_DECIMAL},
    {FT_LONG, "18446744073709551616", FT_DECIMAL},
    {FT_LONG, "99999999999999999999999999999999999999", FT_DECIMAL},
    {FT_LONG, "100000000000000000000000000000000000000", FT_STRING},
    {FT_LONG, "1.5", FT_DOUBLE},
    {FT_LONG, "1e19", FT_DOUBLE},
    {FT_LONG, "1e400", FT_STRING},
    {FT_LONG, "\"1\"", FT_STRING},
    {FT_LONG, "true", FT_STRING},
    {FT_LONG, "[]", FT_JSON},
    {FT_DOUBLE, "1e400", FT_STRING},
    {FT_DOUBLE, "-1e400", FT_STRING},
    {FT_DOUBLE, "\"x\"", FT_STRING},
    {FT_DOUBLE, "\"0.12345678901234567890\"", FT_STRING}, /* text was chosen so that its digits survive */
    {FT_DOUBLE, "{}", FT_JSON},
    {FT_FLOAT, "1e39", FT_DOUBLE},
    {FT_DECIMAL, "\"NaN\"", FT_STRING},
    {FT_DECIMAL, "\"\"", FT_STRING},
    {FT_DECIMAL, "\"-\"", FT_STRING},
    {FT_DECIMAL, "\"+-1\"", FT_STRING},
    {FT_DECIMAL, "\"1 \"", FT_STRING},
    {FT_DECIMAL, "123456789012345678901234567890123456789", FT_STRING},
    {FT_DECIMAL, "0.00000000000000000000000000000000000001", FT_STRING}, /* 38 decimals */
    {FT_DECIMAL, "1e38", FT_STRING},
    {FT_DECIMAL, "1e999999999999999999999", FT_STRING},
    {FT_DECIMAL, "false", FT_STRING},
    {FT_NAIVE_DATE, "\"2007-02-29\"", FT_STRING},
    {FT_NAIVE_DATE, "20070203", FT_STRING},
    {FT_UTC_DATETIME, "\"2007-02-28T00:00:00\"", FT_STRING},
    {FT_NAIVE_DATETIME, "\"2007-02-28T00:00:00Z\"", FT_STRING},
    {FT_NAIVE_DATETIME, "{}", FT_JSON},
    {FT_BINARY, "\"=\"", FT_STRING},
    {FT_BINARY, "\"AAAAA\"", FT_STRING},
    {FT_BINARY, "1", FT_STRING},
    {FT_XML, "1", FT_STRING},
    {FT_XML, "[]", FT_JSON},
    {FT_STRING, "[1]", FT_JSON},
    {FT_STRING, "{\"a\":1}", FT_JSON},
};

static weir_rc write_value(ft_type type, const char *value, buf *out, ft_misfit *misfit, err *e)
{
    ft_column columns[] = {{.name = VIEW("x"), .type = FT_LONG}, {.name = VIEW("c\xc3\xa4"), .type = type}};
    ft_table t = {.name = VIEW("orders"), .columns = columns, .count = 2};
    ft_writing *w = ft_writing_new(&t, NULL);
    buf doc = {0};
    buf_printf(&doc, "{\"x\":1,\"c\\u00e4\":%s,\"x\":2}", value);
    weir_rc rc = write_one(w, FT_UPSERT, buf_view(&doc), out, misfit, e);
    buf_free(&doc);
    ft_writing_free(w);
    return rc;
}

/* The type that is asked for takes the value. */
static void test_misfits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++) {
        err e = {0};
        ft_misfit misfit = {0};
        buf out = {0};
        assert_int_equal(write_value(misfits[i].column, misfits[i].value, &out, &misfit, &e), WEIR_E_CONFIG);
        assert_int_equal(misfit.column, 1);
        if (misfit.needed != misfits[i].needed)
            fail_msg("%s in %s: %s", misfits[i].value, ft_type_name((int)misfits[i].column), ft_type_name((int)misfit.needed));
        assert_non_null(strstr(err_text(&e), "'c\xc3\xa4'"));
        assert_non_null(strstr(err_text(&e), "'orders'"));
        if (write_value(misfit.needed, misfits[i].value, &out, &misfit, &e))
            fail_msg("%s in %s: %s", misfits[i].value, ft_type_name((int)misfits[i].needed), err_text(&e));
        assert_int_equal(ft_type_join(misfits[i].column, misfits[i].needed), misfits[i].needed);
        err_free(&e);
        buf_free(&out);
    }
}

static void test_unknown_members(void **state)
{
    (void)state;
    static const struct {
        const char *doc, *name;
        ft_type needed;
    } cases[] = {
        {"{\"x\":1,\"new\":2}", "new", FT_LONG},         {"{\"n\\u0065w\":null,\"x\":1}", "new", FT_UNSPECIFIED}, {"{\"new\":[1,{\"a\":\"}\"}],\"x\":1}", "new", FT_JSON},
        {"{\"new\":\"2007-12-03\"}", "new", FT_STRING}, {"{\"\":1.0}", "", FT_DOUBLE},                              {"{ \"X\" : true }", "X", FT_BOOLEAN},
        {"{\"new\":18446744073709551615}", "new", FT_DECIMAL},
    };
    ft_column columns[] = {{.name = VIEW("x"), .type = FT_LONG}};
    ft_table t = {.name = VIEW("t"), .columns = columns, .count = 1};
    ft_writing *w = ft_writing_new(&t, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        ft_misfit misfit = {0};
        buf out = {0};
        assert_int_equal(ft_write_record(w, FT_UPSERT, view_of(cases[i].doc), &out, &misfit, &e), WEIR_E_CONFIG);
        assert_int_equal(misfit.column, SIZE_MAX);
        assert_true(view_is(misfit.name, cases[i].name));
        assert_int_equal(misfit.needed, cases[i].needed);
        err_free(&e);
        buf_free(&out);
    }
    ft_writing_free(w);
}

/* What is not selected is passed over, whatever it holds; the key goes anyway. */
static void test_selection(void **state)
{
    (void)state;
    ft_column columns[] = {{.name = VIEW("k"), .type = FT_LONG, .key = true}, {.name = VIEW("a"), .type = FT_LONG}, {.name = VIEW("b"), .type = FT_LONG}};
    ft_table t = {.name = VIEW("t"), .columns = columns, .count = 3};
    const bool selected[] = {false, false, true};
    ft_writing *w = ft_writing_new(&t, selected);
    static const char *const docs[] = {"{\"k\":1,\"a\":\"no\",\"b\":2}", "{\"a\":{\"b\":[\"\\\"}\"]},\"k\":1,\"b\":2}", "{\"k\":1, \"b\":2, \"a\" : 1e5 }"};
    for (int i = 0; i < 3; i++) {
        err e = {0};
        ft_misfit misfit;
        buf out = {0};
        assert_int_equal(write_one(w, FT_UPSERT, view_of(docs[i]), &out, &misfit, &e), WEIR_OK);
        same_bytes(buf_view(&out), BYTES("\x0a\x15\x12\x01t\x22\x07\x0a\x01k\x12\x02\x28\x01\x22\x07\x0a\x01\x62\x12\x02\x28\x02"), docs[i]);
        buf_free(&out);
    }
    ft_writing_free(w);
}

static void test_no_document(void **state)
{
    (void)state;
    ft_table t = {.name = VIEW("t")};
    ft_writing *w = ft_writing_new(&t, NULL);
    err e = {0};
    ft_misfit misfit;
    buf out = {0};
    assert_int_equal(write_one(w, FT_UPSERT, VIEW(""), &out, &misfit, &e), WEIR_E_BUG);
    assert_int_equal(write_one(w, FT_UPSERT, VIEW("[1]"), &out, &misfit, &e), WEIR_E_BUG);
    assert_int_equal(write_one(w, FT_UPSERT, VIEW(" \n{ } "), &out, &misfit, &e), WEIR_OK);
    same_bytes(buf_view(&out), BYTES("\x0a\x03\x12\x01t"), "{}");
    err_free(&e);
    buf_free(&out);
    ft_writing_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),        cmocka_unit_test(test_batch),     cmocka_unit_test(test_misfits),
        cmocka_unit_test(test_unknown_members), cmocka_unit_test(test_selection), cmocka_unit_test(test_no_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
