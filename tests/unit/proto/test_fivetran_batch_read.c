/* Batch files. CSV as fivetran.md 2.5 describes it; encrypted, zstd and gzip files are made by openssl, zstd and gzip; values are those of the types' own
 * definitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "proto/fivetran/batch_read.h"
#include "proto/fivetran/batch_read_input.h"
#include "proto/fivetran/csv.h"

/* -------------------------------------------------------------------------------------------------------------------- CSV -- */

static void test_csv(void **state)
{
    (void)state;
    static const struct {
        const char *csv, *rows; /* rows: ^ ends a field, / a row */
        ft_csv_status end;
    } cases[] = {
        {"", "", FT_CSV_END},
        {"a,b\n1,2\n", "a^b^/1^2^/", FT_CSV_END},
        {"a,b\n1,2", "a^b^/1^2^/", FT_CSV_END},
        {"a,b\r\n1,2\r\n", "a^b^/1^2^/", FT_CSV_END},
        {"a\n\nb\n", "a^/^/b^/", FT_CSV_END},
        {",\n,,\n", "^^/^^^/", FT_CSV_END},
        {"\"a\",\"\"\n", "a^^/", FT_CSV_END},
        {"\"a \"\"b\"\"\",c\n", "a \"b\"^c^/", FT_CSV_END},
        {"\"\"\"\"\n", "\"^/", FT_CSV_END},
        {"\"a\nb\",\"c,d\"\n", "a\nb^c,d^/", FT_CSV_END},
        {"\"a\r\nb\"\r\n", "a\r\nb^/", FT_CSV_END},
        {"a\\n,\"\\\"\n", "a\\n^\\^/", FT_CSV_END}, /* a backslash is a character */
        {"a\rb,c\n", "a\rb^c^/", FT_CSV_END},
        {"a,\"b\"", "a^b^/", FT_CSV_END},
        {"\xc3\xa4,\xe2\x82\xac\n", "\xc3\xa4^\xe2\x82\xac^/", FT_CSV_END},
        {"a\n\"b", "a^/", FT_CSV_UNCLOSED},
        {"\"a\nb\nc", "", FT_CSV_UNCLOSED},
        {"a\n\"b\"c\n", "a^/", FT_CSV_BEHIND},
        {"\"b\" ,c\n", "", FT_CSV_BEHIND},
        {"a,b\"c\"\n", "", FT_CSV_QUOTE},
        {"a \"\",c\n", "", FT_CSV_QUOTE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step <= 64; step *= 8) { /* as if the bytes came in pieces */
            ft_csv c = {0};
            buf got = {0};
            char *bytes = strdup(cases[i].csv);
            size_t len = strlen(bytes), at = 0, had = step < len ? step : len, used;
            ft_csv_status s;
            while ((s = ft_csv_next(&c, bytes + at, had - at, had == len, &used)) == FT_CSV_ROW || s == FT_CSV_MORE) {
                if (s == FT_CSV_MORE) {
                    assert_true(had < len);
                    had = had + step < len ? had + step : len;
                    continue;
                }
                for (size_t k = 0; k < c.count; k++)
                    buf_printf(&got, "%.*s^", VIEW_ARG(c.fields[k]));
                buf_addc(&got, '/');
                at += used;
            }
            if (s != cases[i].end || strcmp(buf_text(&got), cases[i].rows) != 0)
                fail_msg("%s: %s, %d", cases[i].csv, buf_text(&got), s);
            assert_int_equal(ft_csv_problem(s) != NULL, s >= FT_CSV_QUOTE);
            buf_free(&got);
            ft_csv_free(&c);
            free(bytes);
        }
}

/* ----------------------------------------------------------------------------------------------------------------- values -- */

static const struct {
    weir_sql_type type;
    const char *text, *want; /* NULL: none */
} values[] = {
    {WEIR_SQL_BOOLEAN, "true", "1"}, {WEIR_SQL_BOOLEAN, "False", "0"}, {WEIR_SQL_BOOLEAN, "1", NULL}, {WEIR_SQL_BOOLEAN, "", NULL},
    {WEIR_SQL_SHORT, "-32768", "-32768"}, {WEIR_SQL_SHORT, "32768", NULL}, {WEIR_SQL_SHORT, "-32769", NULL}, {WEIR_SQL_SHORT, "+7", "7"},
    {WEIR_SQL_INT, "2147483647", "2147483647"}, {WEIR_SQL_INT, "2147483648", NULL}, {WEIR_SQL_INT, "1.0", NULL}, {WEIR_SQL_INT, "", NULL}, {WEIR_SQL_INT, "-", NULL},
    {WEIR_SQL_LONG, "9223372036854775807", "9223372036854775807"}, {WEIR_SQL_LONG, "9223372036854775808", NULL},
    {WEIR_SQL_LONG, "-9223372036854775808", "-9223372036854775808"}, {WEIR_SQL_LONG, "-9223372036854775809", NULL}, {WEIR_SQL_LONG, " 1", NULL},
    {WEIR_SQL_DECIMAL, "12.30", "12.3"}, {WEIR_SQL_DECIMAL, "12.00", "12"}, {WEIR_SQL_DECIMAL, "0", "0"}, {WEIR_SQL_DECIMAL, "-0", "0"},
    {WEIR_SQL_DECIMAL, "-0.00", "0"}, {WEIR_SQL_DECIMAL, "007", "7"}, {WEIR_SQL_DECIMAL, ".5", "0.5"}, {WEIR_SQL_DECIMAL, "5.", "5"}, {WEIR_SQL_DECIMAL, "-.50", "-0.5"},
    {WEIR_SQL_DECIMAL, "+1.5", "1.5"}, {WEIR_SQL_DECIMAL, "1E+3", "1000"}, {WEIR_SQL_DECIMAL, "1.25e1", "12.5"}, {WEIR_SQL_DECIMAL, "12e-3", "0.012"},
    {WEIR_SQL_DECIMAL, "0E-10", "0"}, {WEIR_SQL_DECIMAL, "1e1001", NULL}, {WEIR_SQL_DECIMAL, "1e", NULL}, {WEIR_SQL_DECIMAL, ".", NULL},
    {WEIR_SQL_DECIMAL, "1,5", NULL}, {WEIR_SQL_DECIMAL, "NaN", NULL}, {WEIR_SQL_DECIMAL, "0x10", NULL}, {WEIR_SQL_DECIMAL, "100", "100"},
    {WEIR_SQL_DECIMAL, "99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
    {WEIR_SQL_DECIMAL, "0.0000000000000000000000000000000000001", "0.0000000000000000000000000000000000001"},
    {WEIR_SQL_DOUBLE, "200", "200"}, {WEIR_SQL_DOUBLE, "1.5E-3", "0.0015"}, {WEIR_SQL_DOUBLE, "NaN", "nan"}, {WEIR_SQL_DOUBLE, "-Infinity", "-inf"},
    {WEIR_SQL_DOUBLE, "1.7976931348623157E308", "1.79769e+308"}, {WEIR_SQL_DOUBLE, "", NULL}, {WEIR_SQL_DOUBLE, "1.5x", NULL}, {WEIR_SQL_FLOAT, "0.5", "0.5"},
    {WEIR_SQL_DATE, "2007-12-03", "2007-12-03"}, {WEIR_SQL_DATE, "2024-02-29", "2024-02-29"}, {WEIR_SQL_DATE, "2023-02-29", NULL},
    {WEIR_SQL_DATE, "1900-02-29", NULL}, {WEIR_SQL_DATE, "2000-02-29", "2000-02-29"}, {WEIR_SQL_DATE, "2007-13-01", NULL}, {WEIR_SQL_DATE, "2007-12-00", NULL},
    {WEIR_SQL_DATE, "2007-12-3", NULL}, {WEIR_SQL_DATE, "2007-12-03T00:00:00", NULL},
    {WEIR_SQL_DATETIME, "2007-12-03T10:15:30", "2007-12-03T10:15:30"}, {WEIR_SQL_DATETIME, "2007-12-03T10:15", "2007-12-03T10:15:00"},
    {WEIR_SQL_DATETIME, "2007-12-03T10:15:30.1", "2007-12-03T10:15:30.100"}, {WEIR_SQL_DATETIME, "2007-12-03T10:15:30.123400", "2007-12-03T10:15:30.123400"},
    {WEIR_SQL_DATETIME, "2007-12-03T10:15:30.120000", "2007-12-03T10:15:30.120"}, {WEIR_SQL_DATETIME, "2007-12-03T10:15:30.000", "2007-12-03T10:15:30"},
    {WEIR_SQL_DATETIME, "2007-12-03T10:15:30.123456789", "2007-12-03T10:15:30.123456789"}, {WEIR_SQL_DATETIME, "2007-12-03T10:15:30.1234567890", NULL},
    {WEIR_SQL_DATETIME, "2007-12-03 10:15:30", "2007-12-03T10:15:30"}, {WEIR_SQL_DATETIME, "2007-12-03T24:00:00", NULL},
    {WEIR_SQL_DATETIME, "2007-12-03T10:15:60", NULL}, {WEIR_SQL_DATETIME, "2007-12-03T10:15:30.", NULL}, {WEIR_SQL_DATETIME, "2007-12-03T10:15:30Z", NULL},
    {WEIR_SQL_TIMESTAMP, "2007-12-03T10:15:30Z", "2007-12-03T10:15:30Z"}, {WEIR_SQL_TIMESTAMP, "2007-12-03T10:15:30.5Z", "2007-12-03T10:15:30.500Z"},
    {WEIR_SQL_TIMESTAMP, "2007-12-03T10:15:30.315+00:00", "2007-12-03T10:15:30.315Z"}, {WEIR_SQL_TIMESTAMP, "2007-12-03T10:15:30", NULL},
    {WEIR_SQL_TIMESTAMP, "2007-12-03T10:15:30+01:00", NULL}, {WEIR_SQL_TIMESTAMP, "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
    {WEIR_SQL_TIMESTAMP, "10000-01-01T00:00:00Z", NULL}, {WEIR_SQL_TIMESTAMP, "", NULL},
    {WEIR_SQL_TIME, "10:15:30", "10:15:30"}, {WEIR_SQL_TIME, "10:15", "10:15:00"}, {WEIR_SQL_TIME, "10:15:30.25", "10:15:30.250"}, {WEIR_SQL_TIME, "10", NULL},
    {WEIR_SQL_BINARY, "AP8=", "\0\xff"}, {WEIR_SQL_BINARY, "", ""}, {WEIR_SQL_BINARY, "unmod-1", NULL}, {WEIR_SQL_BINARY, "A", NULL},
    {WEIR_SQL_TEXT, "", ""}, {WEIR_SQL_TEXT, "abcdefgh\xc3\xa4", "abcdefgh\xc3\xa4"}, {WEIR_SQL_TEXT, "abcdefg\xc3", NULL}, {WEIR_SQL_TEXT, "\xed\xa0\x80", NULL},
    {WEIR_SQL_JSON, "{\"a\":1}", "{\"a\":1}"}, {WEIR_SQL_XML, "<a/>", "<a/>"}, {WEIR_SQL_NULL, "x", NULL},
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        arena a = {0};
        weir_sql_value v;
        char got[64];
        bool ok = ft_value_parse(values[i].type, view_of(values[i].text), &a, &v), binary = values[i].type == WEIR_SQL_BINARY;
        if (v.type == WEIR_SQL_FLOAT || v.type == WEIR_SQL_DOUBLE)
            snprintf(got, sizeof got, "%g", v.number);
        else if (v.type <= WEIR_SQL_LONG)
            snprintf(got, sizeof got, "%lld", (long long)v.integer);
        else
            snprintf(got, sizeof got, "%.*s", VIEW_ARG(v.text));
        bool same = binary && ok ? v.text.len == (values[i].text[0] ? 2 : 0) && memcmp(v.text.ptr ? v.text.ptr : "", values[i].want, v.text.len) == 0
                                 : ok && values[i].want && strcmp(got, values[i].want) == 0;
        if (ok != (values[i].want != NULL) || (ok && !same))
            fail_msg("%s '%s': %d '%s'", ft_sql_type_word(values[i].type), values[i].text, ok, got);
        arena_free(&a);
    }
}

static void test_instants(void **state)
{
    (void)state;
    static const struct {
        const char *at, *before;
    } cases[] = {
        {"2024-01-01T00:00:00Z", "2023-12-31T23:59:59.999Z"},
        {"2024-03-01T00:00:00.001Z", "2024-03-01T00:00:00Z"},
        {"2024-03-01T00:00:00Z", "2024-02-29T23:59:59.999Z"},
        {"1970-01-01T00:00:00.000500Z", "1969-12-31T23:59:59.999500Z"},
        {"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.998Z"},
        {"0001-01-01T00:00:00Z", "0000-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a = {0};
        weir_sql_value at, before;
        assert_true(ft_value_parse(WEIR_SQL_TIMESTAMP, view_of(cases[i].at), &a, &at));
        assert_true(ft_instant_before(&at, &a, &before));
        if (!view_is(before.text, cases[i].before))
            fail_msg("%s: %.*s", cases[i].at, VIEW_ARG(before.text));
        arena_free(&a);
    }
    arena a = {0};
    weir_sql_value v;
    assert_true(ft_instant_of(-1, 500000000, &a, &v)); /* half a second before 1970 (fivetran.md 1.5) */
    assert_true(view_is(v.text, "1969-12-31T23:59:59.500Z"));
    assert_false(ft_instant_of(INT64_MAX, 0, &a, &v));
    arena_free(&a);
}

/* ------------------------------------------------------------------------------------------------------------------ files -- */

static const char key[] = "0123456789abcdefghijklmnopqrstuv"; /* 32 bytes */
static const weir_sql_column columns[] = {
    {.name = WEIR_LIT("id"), .type = WEIR_SQL_LONG, .key = true},
    {.name = WEIR_LIT("t"), .type = WEIR_SQL_TEXT},
    {.name = WEIR_LIT("n"), .type = WEIR_SQL_BINARY},
};
enum { COLUMNS = sizeof columns / sizeof *columns, ROWS = 50000 };

static int set_up(void **state)
{
    *state = folder_make();
    return 0;
}

static int tear_down(void **state)
{
    folder_remove(*state);
    return 0;
}

/* Runs a shell in the folder, with $KEY the key in hexadecimal digits. */
static void shell(const char *folder, const char *script)
{
    char *command;
    assert_true(asprintf(&command, "cd '%s' && KEY=$(printf %%s %s | od -An -v -tx1 | tr -d ' \\n') && IV=000102030405060708090a0b0c0d0e0f && { %s; } 2>/dev/null", folder, key,
                         script) > 0);
    int status = system(command);
    if (status)
        fail_msg("%s: %d", command, status);
    free(command);
}

#define ENCRYPT(from, to) "{ printf '\\000\\001\\002\\003\\004\\005\\006\\007\\010\\011\\012\\013\\014\\015\\016\\017'; openssl enc -aes-256-cbc -K $KEY -iv $IV -in " from "; } >" to

/* Columns in another order than the table's, one that is not there. */
static void write_plain(const char *folder)
{
    char *path;
    assert_true(asprintf(&path, "%s/plain", folder) > 0);
    FILE *out = fopen(path, "w");
    fputs("t,id\n", out);
    for (int i = 0; i < ROWS; i++)
        fprintf(out, i % 3 ? "\"text, \"\"%d\"\"\n\",%d\n" : "null-1,%d\n", i, i);
    fclose(out);
    free(path);
}

static weir_rc open_file(const char *folder, const char *name, const ft_batch_format *format, const char *with, ft_batch_reader **ret, err *e)
{
    char *path;
    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    weir_rc rc = ft_batch_reader_open(ret, path, format, view_of(with), columns, COLUMNS, e);
    free(path);
    return rc;
}

static void check_rows(const char *folder, const char *name, const ft_batch_format *format)
{
    err e = {0};
    ft_batch_reader *r;
    ft_rows rows;
    uint64_t n = 0;
    if (open_file(folder, name, format, key, &r, &e))
        fail_msg("%s: %s", name, err_text(&e));
    assert_true(ft_batch_reader_has(r)[0] && ft_batch_reader_has(r)[1] && !ft_batch_reader_has(r)[2]);
    do {
        if (ft_batch_reader_next(r, &rows, &e))
            fail_msg("%s: %s", name, err_text(&e));
        assert_int_equal(rows.first, n + 1);
        for (size_t i = 0; i < rows.count; i++, n++) {
            const weir_sql_value *v = rows.values + i * COLUMNS;
            char want[32];
            snprintf(want, sizeof want, "text, \"%d\"\n", (int)n);
            assert_int_equal(v[0].integer, n);
            assert_true(n % 3 ? view_is(v[1].text, want) : v[1].type == WEIR_SQL_NULL);
            assert_int_equal(v[2].type, WEIR_SQL_NULL);
        }
    } while (rows.count);
    assert_int_equal(n, ROWS);
    ft_batch_reader_free(r);
    err_free(&e);
}

#define FORMAT(...) (&(const ft_batch_format){.null_string = WEIR_LIT("null-1"), .unmodified_string = WEIR_LIT("unmod-1"), __VA_ARGS__})

static void test_layers(void **state)
{
    const char *folder = *state;
    write_plain(folder);
    shell(folder, "zstd -q plain -o z && gzip -c plain >g && { zstd -q -c --no-check plain | zstd -dc | head -c 1000000 | zstd -q -c; } >/dev/null");
    shell(folder, ENCRYPT("plain", "a") " && " ENCRYPT("z", "za") " && " ENCRYPT("g", "ga"));
    check_rows(folder, "plain", FORMAT(.aes = false));
    check_rows(folder, "z", FORMAT(.packing = FT_PACKED_ZSTD));
    check_rows(folder, "g", FORMAT(.packing = FT_PACKED_GZIP));
    check_rows(folder, "a", FORMAT(.aes = true));
    check_rows(folder, "za", FORMAT(.packing = FT_PACKED_ZSTD, .aes = true));
    check_rows(folder, "ga", FORMAT(.packing = FT_PACKED_GZIP, .aes = true));
}

/* Several frames, members: one behind the other. */
static void test_concatenated(void **state)
{
    const char *folder = *state;
    write_plain(folder);
    shell(folder, "{ head -c 100000 plain | zstd -q -c; tail -c +100001 plain | zstd -q -c; } >z");
    shell(folder, "{ head -c 100000 plain | gzip -c; tail -c +100001 plain | gzip -c; } >g");
    check_rows(folder, "z", FORMAT(.packing = FT_PACKED_ZSTD));
    check_rows(folder, "g", FORMAT(.packing = FT_PACKED_GZIP));
}

static weir_rc read_all(const char *folder, const char *name, const ft_batch_format *format, const char *with, err *e)
{
    ft_batch_reader *r = NULL;
    ft_rows rows = {.count = 1};
    weir_rc rc = open_file(folder, name, format, with, &r, e);
    while (!rc && rows.count)
        rc = ft_batch_reader_next(r, &rows, e);
    ft_batch_reader_free(r);
    return rc;
}

static void test_faults(void **state)
{
    const char *folder = *state;
    write_plain(folder);
    shell(folder, "zstd -q plain -o z && gzip -c plain >g && : >empty && printf 0123456789 >short && printf 'id,t\\n1,\\377\\n' >utf8");
    shell(folder, ENCRYPT("plain", "a") " && " ENCRYPT("z", "za") " && head -c 16 a >iv && head -c 100000 a >cut && head -c 100001 a >cut1");
    shell(folder, "head -c 5000 z >zcut && head -c 5000 g >gcut && printf 'id,t\\n1,\"2' >open && printf 'id\\n1\\n2,3\\n' >wide && cp z damaged && "
                  "printf '\\0\\0\\0\\0\\0\\0\\0\\0' | dd of=damaged bs=1 seek=3000 conv=notrunc");
    static const struct {
        const char *name;
        ft_batch_format format;
        const char *key;
        weir_rc rc;
        const char *text;
    } cases[] = {
        {"none", {0}, "", WEIR_E_CONFIG, "none': open: No such file"},
        {"", {0}, "", WEIR_E_CONFIG, "it is no file"},
        {"empty", {0}, "", WEIR_E_PROTOCOL, "empty': it has no header"},
        {"empty", {.packing = FT_PACKED_ZSTD}, "", WEIR_E_PROTOCOL, "the file is empty"},
        {"empty", {.packing = FT_PACKED_GZIP}, "", WEIR_E_PROTOCOL, "the file is empty"},
        {"empty", {.aes = true}, key, WEIR_E_PROTOCOL, "the file has 0 bytes"},
        {"short", {.aes = true}, key, WEIR_E_PROTOCOL, "the file has 10 bytes"},
        {"a", {.aes = true}, "too short", WEIR_E_PROTOCOL, "its key has 9 bytes, not 32"},
        {"iv", {.aes = true}, key, WEIR_E_PROTOCOL, "cannot be decrypted"},
        {"cut", {.aes = true}, key, WEIR_E_PROTOCOL, "cannot be decrypted"},
        {"cut1", {.aes = true}, key, WEIR_E_PROTOCOL, "cannot be decrypted"},
        {"za", {.packing = FT_PACKED_ZSTD, .aes = true}, "vutsrqponmlkjihgfedcba9876543210", WEIR_E_PROTOCOL, "wrong key"},
        {"plain", {.packing = FT_PACKED_ZSTD}, "", WEIR_E_PROTOCOL, "no zstd data"},
        {"plain", {.packing = FT_PACKED_GZIP}, "", WEIR_E_PROTOCOL, "no gzip data"},
        {"zcut", {.packing = FT_PACKED_ZSTD}, "", WEIR_E_PROTOCOL, "ends in the middle of its zstd data"},
        {"gcut", {.packing = FT_PACKED_GZIP}, "", WEIR_E_PROTOCOL, "ends in the middle of its gzip data"},
        {"damaged", {.packing = FT_PACKED_ZSTD}, "", WEIR_E_PROTOCOL, "damaged': "},
        {"open", {0}, "", WEIR_E_PROTOCOL, "row 1: field 2: the file ends inside of quotes"},
        {"wide", {0}, "", WEIR_E_PROTOCOL, "row 2 has 2 fields, the header has 1"},
        {"utf8", {0}, "", WEIR_E_PROTOCOL, "row 1, column 't': it is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        weir_rc rc = read_all(folder, cases[i].name, &cases[i].format, cases[i].key, &e);
        if (rc != cases[i].rc || !strstr(err_text(&e), cases[i].text))
            fail_msg("%s: %d %s", cases[i].name, rc, err_text(&e));
        err_free(&e);
    }
}

/* A row may be larger than any block. */
static void test_wide_row(void **state)
{
    const char *folder = *state;
    shell(folder, "{ printf 'id,t\\n1,\"'; head -c 3000000 /dev/zero | tr '\\0' x; printf '\"\\n2,y\\n'; } >wide");
    err e = {0};
    ft_batch_reader *r;
    ft_rows rows;
    size_t n = 0, len = 0;
    assert_int_equal(open_file(folder, "wide", FORMAT(.aes = false), "", &r, &e), WEIR_OK);
    do {
        assert_int_equal(ft_batch_reader_next(r, &rows, &e), WEIR_OK);
        for (size_t i = 0; i < rows.count; i++, n++)
            len += rows.values[i * COLUMNS + 1].text.len;
    } while (rows.count);
    assert_int_equal(n, 2);
    assert_int_equal(len, 3000001);
    ft_batch_reader_free(r);
}

/* The strings are compared before anything is decoded, quoted or not. */
static void test_marks(void **state)
{
    const char *folder = *state;
    shell(folder, "printf 'id,t,n\\n\"unmod-1\",\"null-1\",unmod-1\\n7,unmod-12,null-1\\n' >marks");
    err e = {0};
    ft_batch_reader *r;
    ft_rows rows;
    assert_int_equal(open_file(folder, "marks", FORMAT(.aes = false), "", &r, &e), WEIR_OK);
    assert_int_equal(ft_batch_reader_next(r, &rows, &e), WEIR_OK);
    assert_int_equal(rows.count, 2);
    assert_true(ft_is_unmodified(&rows.values[0]) && ft_is_unmodified(&rows.values[2]) && ft_is_unmodified(&rows.values[0]));
    assert_true(rows.values[1].type == WEIR_SQL_NULL && !ft_is_unmodified(&rows.values[1]));
    assert_true(view_is(rows.values[COLUMNS + 1].text, "unmod-12"));
    assert_true(rows.values[COLUMNS + 2].type == WEIR_SQL_NULL && !ft_is_unmodified(&rows.values[COLUMNS + 2]));
    ft_batch_reader_free(r);
}

#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv), cmocka_unit_test(test_values), cmocka_unit_test(test_instants), IN_FOLDER(test_layers),
        IN_FOLDER(test_concatenated), IN_FOLDER(test_faults), IN_FOLDER(test_wide_row), IN_FOLDER(test_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
