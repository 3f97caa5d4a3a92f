/* Parquet batch files, written and read back: types as fivetran.md 2.5 lists them. What other programs write and read is in tests/interop. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "folder.h"
#include "base/io.h"
#include "proto/fivetran/batch_read.h"
#include "proto/fivetran/batch_write.h"
#include "proto/fivetran/parquet.h"

#define NULL_STRING "null-m8yilkvPsNulehxl2G6pmSQ3G3WWdLP"
#define UNMODIFIED "unmod-NcK9NIjPUutCsz4mjOQQztbnwnE1sY3"

static void ok(weir_rc rc, err *e)
{
    if (rc)
        fail_msg("%s", err_text(e));
}

/* Without the plug-in there is one clear error, and nothing more to be tested. */
static void need_plugin(void)
{
    const weir_parquet *p;
    err e = {0};
    if (ft_parquet_load(&p, &e) == WEIR_OK)
        return;
    assert_int_equal(e.rc, WEIR_E_CONFIG);
    assert_true(view_starts(view_of(err_text(&e)), VIEW("Parquet needs the DuckDB plug-in: ")));
    print_message("skipped: %s\n", err_text(&e));
    err_free(&e);
    skip();
}

static void test_beginnings(void **unused)
{
    (void)unused;
    assert_true(ft_is_parquet(VIEW("PAR1\x15\x04")));
    assert_false(ft_is_parquet(VIEW("PAR1")));
    assert_false(ft_is_parquet(VIEW("PAR1,b\n1,2\n")));
    assert_false(ft_is_parquet(VIEW("PAR1\n1\n")));
    assert_false(ft_is_parquet(VIEW("PAR1\r\n1\r\n")));
    assert_false(ft_is_parquet(VIEW("PAR2\x15")));
}

static void test_values(void **unused)
{
    (void)unused;
    static const struct {
        weir_sql_type type;
        weir_sql_value from;
        bool is;
        int64_t integer;
        const char *text; /* NULL: does not count */
    } cases[] = {
        {WEIR_SQL_SHORT, {.type = WEIR_SQL_INT, .integer = -32768}, true, -32768, NULL},
        {WEIR_SQL_SHORT, {.type = WEIR_SQL_INT, .integer = 32768}, false, 0, NULL},
        {WEIR_SQL_LONG, {.type = WEIR_SQL_INT, .integer = 7}, true, 7, NULL},
        {WEIR_SQL_INT, {.type = WEIR_SQL_DECIMAL, .text = WEIR_LIT("7")}, true, 7, NULL},
        {WEIR_SQL_INT, {.type = WEIR_SQL_DECIMAL, .text = WEIR_LIT("7.5")}, false, 0, NULL},
        {WEIR_SQL_INT, {.type = WEIR_SQL_BOOLEAN, .integer = 1}, false, 0, NULL},
        {WEIR_SQL_DECIMAL, {.type = WEIR_SQL_LONG, .integer = -12}, true, 0, "-12"},
        {WEIR_SQL_DECIMAL, {.type = WEIR_SQL_DOUBLE, .number = 0.5}, true, 0, "0.5"},
        {WEIR_SQL_DECIMAL, {.type = WEIR_SQL_DOUBLE, .number = 1.0 / 0.0}, false, 0, NULL},
        {WEIR_SQL_DECIMAL, {.type = WEIR_SQL_TEXT, .text = WEIR_LIT("1.50")}, true, 0, "1.5"},
        {WEIR_SQL_BOOLEAN, {.type = WEIR_SQL_TEXT, .text = WEIR_LIT("true")}, true, 1, NULL},
        {WEIR_SQL_TEXT, {.type = WEIR_SQL_BOOLEAN, .integer = 0}, true, 0, "false"},
        {WEIR_SQL_TEXT, {.type = WEIR_SQL_BINARY, .text = WEIR_LIT("abc")}, true, 0, "abc"},
        {WEIR_SQL_TEXT, {.type = WEIR_SQL_BINARY, .text = WEIR_LIT("\xff")}, false, 0, NULL},
        {WEIR_SQL_BINARY, {.type = WEIR_SQL_BINARY, .text = WEIR_LIT("\xff")}, true, 0, "\xff"},
        {WEIR_SQL_BINARY, {.type = WEIR_SQL_TEXT, .text = WEIR_LIT("/w==")}, true, 0, "\xff"},
        {WEIR_SQL_TIMESTAMP, {.type = WEIR_SQL_TEXT, .text = WEIR_LIT("2007-12-03T10:15:30.50Z")}, true, 0, "2007-12-03T10:15:30.500Z"},
        {WEIR_SQL_TIMESTAMP, {.type = WEIR_SQL_DATETIME, .text = WEIR_LIT("2007-12-03T10:15:30")}, false, 0, NULL}, /* of which zone? */
        {WEIR_SQL_DATE, {.type = WEIR_SQL_DATE, .text = WEIR_LIT("12007-12-03")}, false, 0, NULL},
        {WEIR_SQL_DATE, {.type = WEIR_SQL_NULL}, true, 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a = {0};
        weir_sql_value v;
        if (ft_parquet_value(cases[i].type, &cases[i].from, &a, &v) != cases[i].is)
            fail_msg("case %zu", i);
        if (cases[i].is) {
            assert_int_equal(v.type, cases[i].from.type == WEIR_SQL_NULL ? WEIR_SQL_NULL : cases[i].type);
            assert_int_equal(v.integer, cases[i].integer);
            assert_true(!cases[i].text || view_is(v.text, cases[i].text));
        }
        arena_free(&a);
    }
}

/* ---- there and back ---- */

static const ft_table table = {
    .name = WEIR_LIT("t"),
    .columns = (ft_column[]){{.name = WEIR_LIT("id"), .type = FT_SHORT, .key = true}, {.name = WEIR_LIT("a \"b\""), .type = FT_STRING}, {.name = WEIR_LIT("d"), .type = FT_DECIMAL},
                             {.name = WEIR_LIT("bytes"), .type = FT_BINARY}, {.name = WEIR_LIT("ok"), .type = FT_BOOLEAN}, {.name = WEIR_LIT("at"), .type = FT_UTC_DATETIME}},
    .count = 6,
};
static const weir_sql_column columns[] = { /* in another order */
    {.name = WEIR_LIT("ok"), .type = WEIR_SQL_BOOLEAN}, {.name = WEIR_LIT("at"), .type = WEIR_SQL_TIMESTAMP}, {.name = WEIR_LIT("id"), .type = WEIR_SQL_SHORT},
    {.name = WEIR_LIT("missing"), .type = WEIR_SQL_INT}, {.name = WEIR_LIT("d"), .type = WEIR_SQL_DECIMAL}, {.name = WEIR_LIT("a \"b\""), .type = WEIR_SQL_TEXT},
    {.name = WEIR_LIT("bytes"), .type = WEIR_SQL_BINARY},
};
enum { COLUMNS = sizeof columns / sizeof *columns, ROWS = 5000, FEW = 5 };

#define VALUE(s) {FT_CELL_VALUE, WEIR_LIT(s)}
static const ft_cell first[] = {VALUE("-7"), VALUE("q\"uo,te\n"), VALUE("1e-3"), VALUE("AP8="), VALUE("true"), VALUE("2007-12-03T10:15:30.500Z")};
static const ft_cell second[] = {VALUE("1"), {.kind = FT_CELL_NULL}, VALUE("12345678901234567890123456789012345"), {.kind = FT_CELL_UNMODIFIED}, {.kind = FT_CELL_UNMODIFIED},
                                 {.kind = FT_CELL_NULL}};

static weir_rc write_file(const char *path, bool layers, size_t rows, unsigned char *key, err *e)
{
    const ft_batch_options o = {.aes = layers, .zstd = layers, .null_string = NULL_STRING, .unmodified_string = UNMODIFIED, .parquet = true};
    ft_batch_file *f;
    weir_rc rc = ft_batch_open(&f, path, &table, &o, e);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < rows; i++)
        rc = ft_batch_row(f, i % 2 ? second : first, e);
    if (!rc)
        return ft_batch_close(f, key, e);
    ft_batch_abort(f);
    return rc;
}

static void check_row(const weir_sql_value *v, bool odd)
{
    assert_int_equal(v[2].type, WEIR_SQL_SHORT);
    assert_int_equal(v[2].integer, odd ? 1 : -7);
    assert_int_equal(v[3].type, WEIR_SQL_NULL);
    assert_false(ft_is_unmodified(&v[3]));
    assert_true(view_is(v[4].text, odd ? "12345678901234567890123456789012345" : "0.001"));
    if (odd) {
        assert_true(ft_is_unmodified(&v[0]) && ft_is_unmodified(&v[6]));
        assert_true(v[1].type == WEIR_SQL_NULL && !ft_is_unmodified(&v[1]) && v[5].type == WEIR_SQL_NULL);
        return;
    }
    assert_true(v[0].type == WEIR_SQL_BOOLEAN && v[0].integer);
    assert_true(view_is(v[1].text, "2007-12-03T10:15:30.500Z") && view_is(v[5].text, "q\"uo,te\n"));
    assert_true(v[6].text.len == 2 && memcmp(v[6].text.ptr, "\0\xff", 2) == 0);
}

static weir_rc read_file(const char *path, bool layers, const unsigned char *key, size_t *ret_count, err *e)
{
    const ft_batch_format format = {layers ? FT_PACKED_ZSTD : FT_PACKED_NOT, layers, WEIR_LIT(NULL_STRING), WEIR_LIT(UNMODIFIED)};
    ft_batch_reader *r;
    ft_rows rows = {.count = 1};
    *ret_count = 0;
    weir_rc rc = ft_batch_reader_open(&r, path, &format, (weir_view){(const char *)key, layers ? FT_KEY_BYTES : 0}, columns, COLUMNS, e);
    if (rc)
        return rc;
    assert_false(ft_batch_reader_has(r)[3]);
    while (!rc && rows.count) {
        rc = ft_batch_reader_next(r, &rows, e);
        assert_true(rc || !rows.count || rows.first == *ret_count + 1);
        for (size_t i = 0; !rc && i < rows.count; i++)
            check_row(rows.values + i * COLUMNS, (*ret_count)++ % 2);
    }
    ft_batch_reader_free(r);
    return rc;
}

static void test_there_and_back(void **unused)
{
    (void)unused;
    need_plugin();
    for (int layers = 0; layers < 2; layers++) {
        char *folder = folder_make(), *path = NULL;
        unsigned char key[FT_KEY_BYTES];
        size_t count;
        err e = {0};
        assert_true(asprintf(&path, "%s/t_upsert", folder) > 0);
        ok(write_file(path, layers, ROWS, key, &e), &e);
        ok(read_file(path, layers, key, &count, &e), &e);
        assert_int_equal(count, ROWS);
        free(path);
        folder_remove(folder);
    }
}

/* What is no value of its column's type is refused, and no file is left. */
static void test_refused(void **unused)
{
    (void)unused;
    need_plugin();
    char *folder = folder_make(), *path = NULL;
    const ft_batch_options o = {.null_string = NULL_STRING, .unmodified_string = UNMODIFIED, .parquet = true};
    ft_cell cells[6] = {VALUE("40000")};
    ft_batch_file *f;
    err e = {0};
    assert_true(asprintf(&path, "%s/t_upsert", folder) > 0);
    ok(ft_batch_open(&f, path, &table, &o, &e), &e);
    assert_int_equal(ft_batch_row(f, cells, &e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&e), "column 'id': '40000' is no SHORT"));
    ft_batch_abort(f);
    assert_int_not_equal(access(path, F_OK), 0);
    err_free(&e);
    free(path);
    folder_remove(folder);
}

/* A file that is cut off is none. */
static void test_damaged(void **unused)
{
    (void)unused;
    need_plugin();
    char *folder = folder_make(), *path = NULL;
    unsigned char key[FT_KEY_BYTES];
    buf bytes = {0};
    err e = {0};
    assert_true(asprintf(&path, "%s/t_upsert", folder) > 0);
    ok(write_file(path, false, ROWS, key, &e), &e);
    ok(io_read_file(path, 0, &bytes, &e), &e);
    for (size_t cut = 5; cut < bytes.len; cut += bytes.len / 6) {
        size_t count;
        FILE *f = fopen(path, "w");
        fwrite(bytes.ptr, 1, cut, f);
        fclose(f);
        assert_int_equal(read_file(path, false, key, &count, &e), WEIR_E_PROTOCOL);
        assert_non_null(strstr(err_text(&e), path));
        err_free(&e);
    }
    buf_free(&bytes);
    free(path);
    folder_remove(folder);
}

/* Whatever memory cannot be had: an error, nothing left behind, and then it works. */
static void test_without_memory(void **unused)
{
    (void)unused;
    need_plugin();
    char *folder = folder_make(), *path = NULL;
    unsigned char key[FT_KEY_BYTES];
    size_t count;
    err e = {0};
    assert_true(asprintf(&path, "%s/t_upsert", folder) > 0);
    for (bool reading = false;; reading = true) {
        weir_rc rc = WEIR_E_NOMEM;
        for (size_t n = 0; rc; n++) {
            fault_at(FAULT_ALLOC, n, ENOMEM);
            rc = reading ? read_file(path, true, key, &count, &e) : write_file(path, true, FEW, key, &e);
            fault_clear();
            assert_int_equal(rc, rc ? WEIR_E_NOMEM : WEIR_OK);
            assert_true(reading || (access(path, F_OK) == 0) == !rc);
            err_free(&e);
        }
        if (reading)
            break;
    }
    assert_int_equal(count, FEW);
    free(path);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beginnings), cmocka_unit_test(test_values), cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
