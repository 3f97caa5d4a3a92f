/* RFC 3339, sections 5.6, 5.7 and 5.8; RFC 9562, section 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "json/format.h"

static const char *const date_times[] = {
    "1985-04-12T23:20:50.52Z",      "1996-12-19T16:39:57-08:00", "1990-12-31T23:59:60Z", "1990-12-31T15:59:60-08:00",
    "1937-01-01T12:00:27.87+00:20", "2000-02-29T00:00:00Z",      "1985-04-12t23:20:50z", "0000-01-01T00:00:00.000000000Z",
    "9999-12-31T23:59:59+23:59",    "2024-01-01T05:59:60+06:00",
};
static const char *const no_date_times[] = {
    "1985-04-12 23:20:50Z",
    "1985-04-12T23:20:50",
    "1985-04-12T23:20Z",
    "1985-04-12T24:00:00Z",
    "1985-04-12T23:60:00Z",
    "1985-04-12T23:59:61Z",
    "1990-12-31T22:59:60Z",
    "1990-12-31T23:59:60-01:00",
    "1985-04-12T23:20:50.Z",
    "1985-04-12T23:20:50,5Z",
    "1985-02-29T00:00:00Z",
    "1985-4-12T23:20:50Z",
    "1985-04-12T23:20:50+24:00",
    "1985-04-12T23:20:50+0100",
    "1985-04-12T23:20:50Zz",
    "85-04-12T23:20:50.00Z",
    "1985-04-12T23:20:50+01:60",
    "T",
    "",
    "1985-04-12T",
};
static const char *const dates[] = {"2024-02-29", "2000-02-29", "1999-12-31", "0000-01-01"};
static const char *const no_dates[] = {
    "2023-02-29", "1900-02-29",  "2024-04-31", "2024-00-01", "2024-01-00",  "2024-13-01", "2024-1-01",
    "2024-01-1",  "2024-01-011", "20240101",   "2024/01/01", " 2024-01-01", "2024-01-32", ""};
static const char *const times[] = {"00:00:00Z", "23:59:59.123456789-12:30", "23:59:60Z", "08:29:60+08:30", "12:00:00z"};
static const char *const no_times[] = {"00:00:00",   "24:00:00Z",  "00:00Z", "00:00:00.Z", "12:30:60Z", "00:00:00+1:00",
                                       "000:00:00Z", "00:00:00ZZ", ""};
static const char *const uuids[] = {"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
                                    "00000000-0000-0000-0000-000000000000"};
static const char *const no_uuids[] = {"f81d4fae7dec11d0a76500a0c91e6bf6",      "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
                                       "{f81d4fae-7dec-11d0-a765-00a0c91e6bf}", "g81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                                       "f81d4fae-7dec-11d0-a76-500a0c91e6bf6",  ""};
static const char *const integers[] = {"0", "-7", "+7", "007", "123456789012345678901234567890"};
static const char *const no_integers[] = {"", "-", "+", "1.0", "1e3", " 1", "1 ", "--1", "0x1"};
static const char *const numbers[] = {"0", "-7.25", "+1.5", "1e3", "-2.5E-7", "007", "NaN", "Infinity", "-Infinity"};
static const char *const no_numbers[] = {"", "-", "1.", ".5", "+-1", "-+1", "1e", "nan", "inf", "+Infinity", "1,5", "1 "};

static void expect(const char *name, const char *const *good, size_t goods, const char *const *bad, size_t bads, bool guess)
{
    format_test *test = format_named(view_of(name));
    assert_non_null(test);
    for (size_t i = 0; i < goods; i++) {
        if (!test(view_of(good[i])))
            fail_msg("%s is a %s", good[i], name);
        assert_int_equal(view_is(format_guess(view_of(good[i])), name), guess);
    }
    for (size_t i = 0; i < bads; i++)
        if (test(view_of(bad[i])))
            fail_msg("%s is no %s", bad[i], name);
}
#define EXPECT(name, good, bad, guess) expect(name, good, sizeof good / sizeof *good, bad, sizeof bad / sizeof *bad, guess)

static void all(void **state)
{
    (void)state;
    EXPECT("date-time", date_times, no_date_times, true);
    EXPECT("date", dates, no_dates, true);
    EXPECT("time", times, no_times, true);
    EXPECT("uuid", uuids, no_uuids, true);
    EXPECT("integer", integers, no_integers, false);
    EXPECT("number", numbers, no_numbers, false);
    assert_null(format_named(VIEW("email")));
    assert_null(format_named(VIEW("")));
    assert_int_equal(format_guess(VIEW("hello")).len, 0);
    assert_int_equal(format_guess(VIEW("12")).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
