/* Which of two cursors is the larger one. Expected values: lists that a reader can see to ascend, and moments that the test knows as seconds since 1970. */
#include "helpers.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "json/order.h"

static int compare(const char *a, const char *b, bool digits) { return order_compare(view_of(a), view_of(b), digits); }

/* Every pair of a list whose rows ascend; what is in one row is equal. */
static void assert_ascends(const char *const (*rows)[4], size_t count, bool digits)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            for (const char *const *a = rows[i]; a < rows[i] + 4 && *a; a++)
                for (const char *const *b = rows[k]; b < rows[k] + 4 && *b; b++) {
                    int want = (i > k) - (i < k), got = compare(*a, *b, digits);
                    if (got != want)
                        fail_msg("%s against %s: %d, expected %d", *a, *b, got, want);
                }
}

static void test_kinds(void **state)
{
    (void)state;
    static const char *const rows[][4] = {
        {"", "null", "[9]", "{\"a\":9}"},
        {"\"\""},
        {"\"0000-00-00 00:00:00\""}, /* MySQL's, no date */
        {"\"2024-02-30\""},          /* none either */
        {"\"infinity\""},
        {"\"2024-01-31\""},
        {"false", "0", "-0.0"},
        {"true", "1", "1.0", "10e-1"},
        {"2"},
    };
    assert_ascends(rows, sizeof rows / sizeof *rows, false);
    assert_ascends(rows, sizeof rows / sizeof *rows, true);
}

static void test_numbers(void **state)
{
    (void)state;
    static const char *const rows[][4] = {
        {"-1e400"},
        {"-100000000000000000000000000001"},
        {"-100000000000000000000000000000", "-1e29"},
        {"-9223372036854775808"},
        {"0", "0e9"},
        {"0.1", "1e-1"},
        {"0.10000000000000000000000000000000000001"},
        {"9007199254740992", "9007199254740992.0"},
        {"9007199254740993"}, /* the same double */
        {"9223372036854775807"},
        {"9223372036854775808"},
        {"1e400"},
    };
    assert_ascends(rows, sizeof rows / sizeof *rows, false);
}

/* A column of texts is compared as such; where numbers may be, too, digits are a number. */
static void test_texts_that_are_numbers(void **state)
{
    (void)state;
    static const char *const texts[][4] = {{"\"10\""}, {"\"507f1f77\""}, {"\"507f1f77a\""}, {"\"9\""}, {"\"e\""}};
    static const char *const numbers[][4] = {{"\"507f1f77\""}, {"\"e\""}, {"\"2024-01-31\""}, {"9", "\"9\"", "\"9.0\"", "\"\\u0039\""}, {"\"10\"", "10"}};
    assert_ascends(texts, sizeof texts / sizeof *texts, false);
    assert_ascends(numbers, sizeof numbers / sizeof *numbers, true);
}

static void test_texts(void **state)
{
    (void)state;
    static const char *const rows[][4] = {
        {"\"\\u0000\""},
        {"\"A\"", "\"\\u0041\""},
        {"\"a\"", "\"\\u0061\""},
        {"\"a\\\\\"", "\"a\\u005c\""},
        {"\"a\\\\u0062\""}, /* a backslash and letters, not a b */
        {"\"ab\"", "\"\\u0061b\"", "\"a\\u0062\""},
        {"\"\xc3\xa9\"", "\"\\u00e9\"", "\"\\u00E9\""},
        {"\"\xef\xbf\xbd\"", "\"\\ufffd\"", "\"\\ud83d\""}, /* a lone surrogate */
        {"\"\xf0\x9f\x98\x80\"", "\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\""},
    };
    assert_ascends(rows, sizeof rows / sizeof *rows, false);
}

/* Longer than what is decoded at once: the same as above behind 300 letters. */
static void test_long_texts(void **state)
{
    (void)state;
    static const char *const rows[][4] = {
        {""}, {"\\u0000"}, {"A", "\\u0041"}, {"a", "\\u0061"}, {"a\\\\", "a\\u005c"}, {"a\\\\u0062"}, {"ab", "\\u0061b", "a\\u0062"}, {"a\xc3\xa9", "\\u0061\\u00e9"},
        {"\xef\xbf\xbd", "\\ufffd", "\\ud83d"}, {"\xef\xbf\xbd\xf0\x9f\x98\x80", "\\ud83d\\ud83d\\ude00", "\\ude00\\ud83d\\ude00"}, {"\xf0\x9f\x98\x80", "\\ud83d\\ude00", "\\uD83D\\uDE00"},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    static char texts[ROWS][4][400];
    static const char *made[ROWS][4];
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < 4 && rows[i][k]; k++) {
            snprintf(texts[i][k], sizeof texts[i][k], "\"%0300d%s\"", 0, rows[i][k]);
            made[i][k] = texts[i][k];
        }
    assert_ascends((const char *const (*)[4])made, ROWS, false);
}

static void test_moments(void **state)
{
    (void)state;
    static const char *const rows[][4] = {
        {"\"0000-01-01\""},
        {"\"1969-12-31T23:59:59.999Z\""},
        {"\"1970-01-01\"", "\"1970-01-01T00:00:00Z\"", "\"1970-01-01 00:00\"", "\"1969-12-31T19:00:00-05\""},
        {"\"2024-02-29T23:30:00+01:00\"", "\"2024-02-29T22:30:00Z\"", "\"2024-03-01 03:00:00.000+0430\"", "\"2024-02-29T22:30:00\\u002B00:00\""},
        {"\"2024-02-29T22:30:00.00000000000000000001Z\""},
        {"\"2024-02-29T22:30:00.0000000001Z\""},
        {"\"2024-02-29T22:30:00.1Z\"", "\"2024-02-29T22:30:00.1000000000000000000000Z\"", "\"2024-02-29t22:30:00.10z\""},
        {"\"2024-02-29T22:30:00.12Z\""},
        {"\"2024-02-29T22:30:00.5Z\""},
        {"\"2024-03-01\""},
        {"\"9999-12-31T23:59:59.999999999Z\""},
        {"\"9999-12-31T23:59:59-23:59\""},
    };
    assert_ascends(rows, sizeof rows / sizeof *rows, false);
}

/* What is no moment is a text, and so comes before each of them. */
static void test_what_is_no_moment(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\"2024-01-32\"", "\"2023-02-29\"", "\"1900-02-29\"", "\"2024-13-01\"", "\"2024-1-01\"", "\"2024-01-01T\"", "\"2024-01-01T24:00\"", "\"2024-01-01T10\"",
        "\"2024-01-01T10:60\"", "\"2024-01-01T10:00:61\"", "\"2024-01-01T10:00:00.\"", "\"2024-01-01T10:00:00,5\"", "\"2024-01-01T10:00:00+\"",
        "\"2024-01-01T10:00:00+1\"", "\"2024-01-01T10:00:00+01:\"", "\"2024-01-01T10:00:00+24:00\"", "\"2024-01-01T10:00:00+01:60\"", "\"2024-01-01T10:00:00ZZ\"",
        "\"2024-01-01T10:00:00 Z\"", "\"2024-01-01T10:00:00+01:00x\"", "\" 2024-01-01\"", "\"2024-01-01 \"", "\"12024-01-01\"", "\"20240101\"", "\"2024-01-01X10:00\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (compare(texts[i], "\"0000-01-01\"", false) != -1)
            fail_msg("%s counts as a moment", texts[i]);
}

/* A moment in one of its many forms. */
static void spell(uint64_t *seed, int64_t seconds, unsigned millis, char out[64])
{
    static const char *const zones[] = {"%c%02d:%02d", "%c%02d%02d", "%c%02d"};
    size_t form = roll(seed, 3);
    int offset = (int)roll(seed, 2879) - 1439;
    offset = form == 2 ? offset / 60 * 60 : offset;
    time_t local = (time_t)(seconds + offset * 60);
    struct tm at;
    gmtime_r(&local, &at);
    int size = offset < 0 ? -offset : offset;
    char zone[32] = "Z", fraction[16] = "";
    if (offset)
        snprintf(zone, sizeof zone, zones[form], offset < 0 ? '-' : '+', size / 60, size % 60);
    if (millis || roll(seed, 2))
        snprintf(fraction, sizeof fraction, roll(seed, 2) ? ".%03u" : ".%03u000", millis);
    snprintf(out, 64, "\"%04d-%02d-%02d%c%02d:%02d:%02d%s%s\"", at.tm_year + 1900, at.tm_mon + 1, at.tm_mday, roll(seed, 2) ? 'T' : ' ', at.tm_hour, at.tm_min,
             at.tm_sec, fraction, zone);
}

static void test_moments_of_every_form(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 100000; i++) {
        char one[64], other[64];
        int64_t a = (int64_t)roll(&seed, 250000000000) - 62000000000, b = a + (int64_t)roll(&seed, 3) - 1;
        unsigned x = (unsigned)roll(&seed, 2) * 500, y = (unsigned)roll(&seed, 2) * 500;
        spell(&seed, a, x, one);
        spell(&seed, b, y, other);
        int want = a != b ? (a > b) - (a < b) : (x > y) - (x < y), got = compare(one, other, false);
        if (got != want)
            fail_msg("%s against %s: %d, expected %d", one, other, got, want);
    }
}

static void test_what_has_an_order(void **state)
{
    (void)state;
    assert_false(order_has(VIEW("")));
    assert_false(order_has(VIEW("null")));
    assert_false(order_has(VIEW("[1]")));
    assert_false(order_has(VIEW("{}")));
    assert_true(order_has(VIEW("0")));
    assert_true(order_has(VIEW("false")));
    assert_true(order_has(VIEW("\"\"")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts_that_are_numbers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_what_is_no_moment),
        cmocka_unit_test(test_moments_of_every_form),
        cmocka_unit_test(test_what_has_an_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
