/* clock: RFC 3339 against Python's datetime and against a calendar that counts days; durations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"

enum { DAY = 86400 };
#define YEAR_0 INT64_C(-62167219200)
#define YEAR_10000 INT64_C(253402300800)

static void expect_text(int64_t seconds, uint32_t nanos, const char *text)
{
    char got[CLOCK_TEXT];
    size_t len = clock_rfc3339(seconds, nanos, got);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(got, text, len);
}

/* From Python: (t - datetime(1970, 1, 1)) // timedelta(seconds=1), t.isoformat() */
static void agrees_with_datetime(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } known[] = {
        {-62135510401, "0001-01-01T23:59:59Z"}, {-62130499200, "0001-03-01T00:00:00Z"}, {-62035804801, "0004-02-29T23:59:59Z"},
        {-59006402704, "0100-02-28T12:34:56Z"}, {-59006361600, "0100-03-01T00:00:00Z"}, {-49539340800, "0400-02-29T00:00:00Z"},
        {-12219247504, "1582-10-15T12:34:56Z"}, {-11670998400, "1600-02-29T00:00:00Z"}, {-2208988801, "1899-12-31T23:59:59Z"},
        {-2203932304, "1900-02-28T12:34:56Z"},  {-2203891200, "1900-03-01T00:00:00Z"},  {-41104, "1969-12-31T12:34:56Z"},
        {0, "1970-01-01T00:00:00Z"},            {946598400, "1999-12-31T00:00:00Z"},    {951782400, "2000-02-29T00:00:00Z"},
        {951955199, "2000-03-01T23:59:59Z"},    {1709251199, "2024-02-29T23:59:59Z"},   {2147472000, "2038-01-19T00:00:00Z"},
        {4107456000, "2100-02-28T00:00:00Z"},   {4107542400, "2100-03-01T00:00:00Z"},   {253402259696, "9999-12-31T12:34:56Z"},
        {-30247529690, "1011-06-30T20:25:10Z"}, {250653351343, "9912-11-21T10:55:43Z"}, {-28000446807, "1082-09-13T18:06:33Z"},
        {-34662063340, "0871-08-08T17:04:20Z"}, {62316471244, "3944-09-24T10:54:04Z"},  {243007152304, "9670-08-03T18:45:04Z"},
        {14565941195, "2431-07-30T06:46:35Z"},  {166741532310, "7253-10-29T20:18:30Z"}, {234836717476, "9411-09-06T13:31:16Z"},
        {251902929600, "9952-06-27T04:00:00Z"}, {244132000568, "9706-03-27T20:36:08Z"}, {-5524808053, "1794-12-04T11:05:47Z"},
        {43687730759, "3354-05-30T00:45:59Z"},  {-8996553981, "1684-11-28T05:13:39Z"},  {247371725111, "9808-11-24T16:05:11Z"},
        {209331928799, "8603-06-20T05:59:59Z"}, {232844474964, "9348-07-19T04:49:24Z"}, {192616725487, "8073-10-12T05:58:07Z"},
        {137379310896, "6323-05-19T07:41:36Z"}, {72295878829, "4260-12-18T20:33:49Z"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        expect_text(known[i].seconds, 0, known[i].text);
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* Each of the 3652425 days, at a different time of the day. */
static void every_day_has_its_date(void **state)
{
    (void)state;
    int64_t day = YEAR_0 / DAY;
    for (int year = 0; year <= 9999; year++)
        for (int month = 1; month <= 12; month++)
            for (int d = 1; d <= days_of(year, month); d++, day++) {
                unsigned second = (unsigned)(day * 7919 % DAY + DAY) % DAY;
                char got[CLOCK_TEXT];
                size_t len = clock_rfc3339(day * DAY + second, 0, got);
                unsigned n[] = {(unsigned)year / 100, (unsigned)year % 100, (unsigned)month, (unsigned)d,
                                second / 3600,        second / 60 % 60,     second % 60};
                static const size_t at[] = {0, 2, 5, 8, 11, 14, 17};
                assert_int_equal(len, 20);
                int64_t back;
                if (!clock_read_date((weir_view){got, len}, &back) || back != day)
                    fail_msg("%d-%d-%d is read as another day", year, month, d);
                for (size_t i = 0; i < 7; i++)
                    if ((unsigned)(got[at[i]] - '0') * 10 + (unsigned)(got[at[i] + 1] - '0') != n[i])
                        fail_msg("%d-%d-%d is written as %.20s", year, month, d, got);
            }
    assert_true(day * DAY == YEAR_10000);
}

static void what_is_no_date(void **state)
{
    static const char *const bad[] = {"", "2007-12-0", "2007-00-01", "2007-13-01", "2007-01-00", "2007-01-32", "2007-02-29", "1900-02-29", "2000-02-30",
                                      "2007-04-31", "2007/12/03", "20x7-12-03", "2007-1a-03", "2007-12-:3", "+200-12-03"};
    int64_t days;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(clock_read_date((weir_view){bad[i], strlen(bad[i])}, &days));
    assert_true(clock_read_date((weir_view){"2000-02-29T10:00", 16}, &days));
    assert_int_equal(days, 11016);
    assert_true(clock_read_date((weir_view){"1970-01-01", 10}, &days));
    assert_int_equal(days, 0);
}

/* Seconds from GNU date: date -u -d TEXT +%s */
static void times_of_rfc3339(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        uint32_t nanos;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0, 0}, {"2007-12-03T10:15:30.5+01:00", 1196673330, 500000000}, {"2007-12-03t10:15:30z", 1196676930, 0},
        {"2007-12-03 10:15:30-02:30", 1196685930, 0}, {"1969-12-31T23:59:59.123456789123Z", -1, 123456789}, {"2016-12-31T23:59:60Z", 1483228800, 0},
    };
    static const char *const bad[] = {"", "2007-12-03", "2007-12-03T10:15:30", "2007-12-03T10:15Z", "2007-02-30T10:15:30Z", "2007-12-03T24:00:00Z",
                                      "2007-12-03T10:60:00Z", "2007-12-03T10:15:61Z", "2007-12-03T10:15:30.Z", "2007-12-03T10:15:30+0100",
                                      "2007-12-03T10:15:30+24:00", "2007-12-03T10:15:30Zz", "2007-12-03x10:15:30Z", "2007-12-03T10:15:30.5"};
    int64_t seconds;
    uint32_t nanos;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(clock_read_time(view_of(good[i].text), &seconds, &nanos));
        assert_int_equal(seconds, good[i].seconds);
        assert_int_equal(nanos, good[i].nanos);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (clock_read_time(view_of(bad[i]), &seconds, &nanos))
            fail_msg("accepted: %s", bad[i]);
}

static void decimals_are_as_many_as_needed(void **state)
{
    (void)state;
    expect_text(0, 1, "1970-01-01T00:00:00.000000001Z");
    expect_text(0, 999999999, "1970-01-01T00:00:00.999999999Z");
    expect_text(0, 1000, "1970-01-01T00:00:00.000001Z");
    expect_text(0, 120000, "1970-01-01T00:00:00.000120Z");
    expect_text(0, 500000000, "1970-01-01T00:00:00.500Z");
    expect_text(0, 1000000, "1970-01-01T00:00:00.001Z");
    expect_text(-1, 250000000, "1969-12-31T23:59:59.250Z");
}

static void years_have_four_digits_or_none(void **state)
{
    (void)state;
    char got[CLOCK_TEXT];
    expect_text(YEAR_0, 0, "0000-01-01T00:00:00Z");
    expect_text(YEAR_0 + 59 * DAY, 0, "0000-02-29T00:00:00Z");
    expect_text(YEAR_0 + 60 * DAY, 0, "0000-03-01T00:00:00Z");
    expect_text(YEAR_10000 - 1, 999999999, "9999-12-31T23:59:59.999999999Z");
    assert_int_equal(clock_rfc3339(YEAR_0 - 1, 0, got), 0);
    assert_int_equal(clock_rfc3339(YEAR_10000, 0, got), 0);
    assert_int_equal(clock_rfc3339(INT64_MAX, 0, got), 0);
    assert_int_equal(clock_rfc3339(INT64_MIN, 0, got), 0);
    assert_int_equal(clock_rfc3339(0, 1000000000, got), 0);
}

static void clocks_run(void **state)
{
    (void)state;
    int64_t seconds, first = clock_ms(), second = clock_ms();
    uint32_t nanos;
    assert_true(second >= first);
    clock_now(&seconds, &nanos);
    assert_true(seconds > 1700000000);
    assert_true(nanos < 1000000000);
}

/* ----------------------------------------------------------------------------------------------------------- durations -- */

#define HOUR INT64_C(3600000)

static void durations_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } known[] = {
        {"5m", 300000},
        {"300s", 300000},
        {"1h30m", 90 * 60000},
        {"1d 2h", 26 * HOUR},
        {"250ms", 250},
        {"1.5s", 1500},
        {"62.250s", 62250},
        {"10", 10000},
        {"0", 0},
        {"0s", 0},
        {"1.5", 1500},
        {" 10 ", 10000},
        {"\t2 min\t", 120000},
        {"1week 3days 4 hours 5mins 6seconds 7milliseconds", 7 * 24 * HOUR + 76 * HOUR + 306007},
        {"30m1h", 90 * 60000},
        {"0.0005s", 1},
        {"0.0004999999999999s", 0},
        {"1.0004s", 1000},
        {"0.5ms", 1},
        {"1.25h", 75 * 60000},
        {"0.1w", 60480000},
        {"0.123456789123456789s", 123},
        {"00005m", 300000},
        {"PT5M", 300000},
        {"PT1H30M", 90 * 60000},
        {"P1DT2H", 26 * HOUR},
        {"P2W", 14 * 24 * HOUR},
        {"P1D", 24 * HOUR},
        {"PT0.25S", 250},
        {"PT36H", 36 * HOUR},
        {"36525d", 36525 * 24 * HOUR},
        {"3155760000", 36525 * 24 * HOUR},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int64_t ms = -1;
        if (!clock_duration(view_of(known[i].text), &ms) || ms != known[i].ms)
            fail_msg("\"%s\" is read as %lld", known[i].text, (long long)ms);
    }
}

static void what_is_no_duration(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",        " ",       "s",          "m5",     "-5m",     "+5m",     "5x",      "5M",        "5 m x",    "1h30",  "10 20",
        ".5s",     "5.s",     "1..5s",      "1e3s",   "five",    "5m,",     "1h-30m",  "P",         "PT",       "P1DT",  "P1Y",
        "P1M",     "PT5",     "P5",         "PT1M1H", "PT1H1H",  "P1.5DT1H", "PTT5M",  "PT5M ago",  "pt5m",     "P-1D",  "0x10",
        "36525d1ms", "101w 36525d", "3155760001", "99999999999999999999999", "9223372036854775807w", "36526d", "5m\n", "PT5MT",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t ms = -1;
        if (clock_duration(view_of(texts[i]), &ms))
            fail_msg("\"%s\" is read as %lld", texts[i], (long long)ms);
        assert_int_equal(ms, -1);
    }
    int64_t ms;
    assert_false(clock_duration((weir_view){0}, &ms));
    assert_false(clock_duration((weir_view){"5\0m", 3}, &ms));
}

/* Nanoseconds stay below a second, whatever the clock shows. */
static void deadlines_have_whole_seconds(void **unused)
{
    (void)unused;
    static const int64_t waits[] = {0, 1, 999, 1000, 1001, 3600000};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        int64_t before = clock_ms();
        struct timespec t = clock_until(waits[i]);
        int64_t after = clock_ms(), ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
        assert_in_range(t.tv_nsec, 0, 999999999);
        assert_in_range(ms, before + waits[i], after + waits[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_have_whole_seconds),
        cmocka_unit_test(agrees_with_datetime),
        cmocka_unit_test(every_day_has_its_date),
        cmocka_unit_test(what_is_no_date),
        cmocka_unit_test(times_of_rfc3339),
        cmocka_unit_test(decimals_are_as_many_as_needed),
        cmocka_unit_test(years_have_four_digits_or_none),
        cmocka_unit_test(clocks_run),
        cmocka_unit_test(durations_as_people_write_them),
        cmocka_unit_test(what_is_no_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
