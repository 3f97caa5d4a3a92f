/* Expected values: RFC 8785 appendix B; printf and strtod; and numbers made from digits and a power of ten that the test knows. */
#include "helpers.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>

#include "json/number.h"

static uint64_t random_length(uint64_t *seed)
{
    return dice(seed) >> roll(seed, 64);
}

/* ----------------------------------------------------------------------------------------------------------- writing -- */

static void test_integers(void **state)
{
    (void)state;
    static const uint64_t bounds[] = {0, 1, 9, 10, 99, 100, 101, 999, 1000, 9999, 10000, 99999, 100000, INT64_MAX,
                                      (uint64_t)INT64_MAX + 1, UINT64_MAX};
    uint64_t seed = 1;
    char text[NUMBER_TEXT], expected[NUMBER_TEXT];
    for (size_t i = 0; i < 100000; i++) {
        uint64_t v = i < sizeof bounds / sizeof *bounds ? bounds[i] : random_length(&seed);
        snprintf(expected, sizeof expected, "%" PRIu64, v);
        assert_view(((weir_view){text, number_u64(text, v)}), view_of(expected));
        snprintf(expected, sizeof expected, "%" PRId64, (int64_t)v);
        assert_view(((weir_view){text, number_i64(text, (int64_t)v)}), view_of(expected));
    }
}

static void test_integers_of_every_length(void **state)
{
    (void)state;
    char text[NUMBER_TEXT];
    uint64_t power = 1;
    for (size_t len = 1; len <= 20; len++, power *= 10) {
        assert_int_equal(number_u64(text, power), len);
        if (power > 1)
            assert_int_equal(number_u64(text, power - 1), len - 1);
    }
}

static double of_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* RFC 8785, appendix B; but -0 keeps its sign here, so that the same double comes back. */
static void test_doubles(void **state)
{
    (void)state;
    static const struct {
        uint64_t bits;
        const char *text;
    } cases[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "-0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555554, "333333333.33333325"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0x41b3de4355555556, "333333333.3333334"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
    };
    char text[NUMBER_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_view(((weir_view){text, number_double(text, of_bits(cases[i].bits))}), view_of(cases[i].text));
    assert_int_equal(number_double(text, of_bits(0x7fffffffffffffff)), 0);
    assert_int_equal(number_double(text, INFINITY), 0);
    assert_int_equal(number_double(text, -INFINITY), 0);
}

/** The fewest digits that printf needs for the same double to come back. */
static int fewest_digits(double v)
{
    char text[64];
    int decimals = 0;
    do
        snprintf(text, sizeof text, "%.*e", decimals, v);
    while (strtod(text, NULL) != v && ++decimals < 20);
    return decimals + 1;
}

static int significant_digits(const char *text)
{
    int count = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (count == 0 && *text == '0'))
            continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        count++;
    }
    return count - zeros;
}

static void check_double(double v)
{
    char text[NUMBER_TEXT + 1];
    size_t len = number_double(text, v);
    text[len] = '\0';
    assert_true(number_is((weir_view){text, len}));
    double back = strtod(text, NULL), again;
    assert_memory_equal(&back, &v, sizeof v);
    assert_true(number_to_double((weir_view){text, len}, &again));
    assert_memory_equal(&again, &v, sizeof v);
    if (significant_digits(text) > fewest_digits(v))
        fail_msg("%s is not the shortest", text);
}

static void test_doubles_come_back(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 20000; i++) {
        double v = of_bits(dice(&seed));
        if (isfinite(v))
            check_double(v);
        check_double((double)(int64_t)random_length(&seed));
        check_double((double)(int64_t)random_length(&seed) / 1000);
    }
}

/* ----------------------------------------------------------------------------------------------------------- reading -- */

static void test_grammar(void **state)
{
    (void)state;
    static const char *const good[] = {"0", "-0", "1", "10", "0.0", "-1.50", "1e5", "1E+5", "1e-05", "0e0",
                                       "123456789012345678901234567890.5e-999999999999999999999"};
    static const char *const bad[] = {"", "-", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1e1.5", "1 ",
                                      " 1", "0x1", "1-", "--1", "1..2",
                                      "inf", "nan", "Infinity", "1,5", "1_000", "\"1\"", "\xd9\xa1"};
    double v = 42;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(number_is(view_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weir_view in = guarded(view_of(bad[i]));
        if (number_is(in) || number_to_double(in, &v) || number_is_integer(in) || number_fits_double(in))
            fail_msg("'%s' is no number", bad[i]);
        guarded_free(in);
    }
    assert_true(v == 42);
}

static void test_to_integer(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool integer, fits_signed, fits_unsigned;
        int64_t s;
        uint64_t u;
    } cases[] = {
        {"0", true, true, true, 0, 0},
        {"-0", true, true, true, 0, 0},
        {"-0.00e-5", true, true, true, 0, 0},
        {"0e99999999999999999999", true, true, true, 0, 0},
        {"1.0", true, true, true, 1, 1},
        {"1e3", true, true, true, 1000, 1000},
        {"-12.50e1", true, true, false, -125, 0},
        {"0.000001e6", true, true, true, 1, 1},
        {"1500e-2", true, true, true, 15, 15},
        {"9223372036854775807", true, true, true, INT64_MAX, INT64_MAX},
        {"9223372036854775808", true, false, true, 0, (uint64_t)INT64_MAX + 1},
        {"-9223372036854775808", true, true, false, INT64_MIN, 0},
        {"-9223372036854775809", true, false, false, 0, 0},
        {"18446744073709551615", true, false, true, 0, UINT64_MAX},
        {"18446744073709551615.000", true, false, true, 0, UINT64_MAX},
        {"18446744073709551616", true, false, false, 0, 0},
        {"99999999999999999999", true, false, false, 0, 0},
        {"1e19", true, false, true, 0, 10000000000000000000u},
        {"2e19", true, false, false, 0, 0},
        {"1e20", true, false, false, 0, 0},
        {"1e400", true, false, false, 0, 0},
        {"1e99999999999999999999", true, false, false, 0, 0},
        {"0.5", false, false, false, 0, 0},
        {"1.000000000000000000000001", false, false, false, 0, 0},
        {"1e-1", false, false, false, 0, 0},
        {"1e-99999999999999999999", false, false, false, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_view in = guarded(view_of(cases[i].text));
        int64_t s = 0;
        uint64_t u = 0;
        assert_int_equal(number_is_integer(in), cases[i].integer);
        assert_int_equal(number_to_i64(in, &s), cases[i].fits_signed);
        assert_int_equal(number_to_u64(in, &u), cases[i].fits_unsigned);
        assert_true(s == cases[i].s && u == cases[i].u);
        guarded_free(in);
    }
}

static void test_to_double_beyond(void **state)
{
    (void)state;
    static const char *const texts[] = {"1e400", "-1e400", "1e-400", "-1e-400", "1e99999999999999999999",
                                        "-1e-99999999999999999999", "0e99999999999999999999",
                                        "-0", "1.7976931348623157e308", "1.7976931348623159e308", "4.9e-324", "2.4e-324",
                                        "2.2250738585072011e-308"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double v, expected = strtod(texts[i], NULL);
        assert_true(number_to_double(view_of(texts[i]), &v));
        assert_memory_equal(&v, &expected, sizeof v);
    }
}

static void test_locale_does_not_matter(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    size_t i = 0;
    while (i < sizeof names / sizeof *names && !setlocale(LC_NUMERIC, names[i]))
        i++;
    if (i == sizeof names / sizeof *names)
        skip(); /* no locale with a decimal comma is installed */
    char text[NUMBER_TEXT];
    double v = 0;
    assert_true(number_to_double(VIEW("1.5"), &v));
    assert_true(v == 1.5);
    assert_view(((weir_view){text, number_double(text, 1.5)}), VIEW("1.5"));
    assert_false(number_fits_double(VIEW("5e-324")));
    setlocale(LC_NUMERIC, "C");
}

/* --------------------------------------------------------------------------------- numbers of which the test knows all -- */

/** 0.DIGITS times ten to the power of point; no zeros around the digits; no digits: zero. */
typedef struct known {
    bool negative;
    char digits[40];
    int point;
    char text[500];
} known;

static void make(known *k, uint64_t *seed, int reach)
{
    static const size_t lengths[] = {0, 1, 1, 2, 3, 5, 14, 15, 15, 16, 16, 17, 18, 19, 20, 30};
    size_t n = lengths[roll(seed, sizeof lengths / sizeof *lengths)];
    for (size_t i = 0; i < n; i++)
        k->digits[i] = "0001599"[roll(seed, 7)];
    if (n && k->digits[0] == '0')
        k->digits[0] = '9';
    if (n && k->digits[n - 1] == '0')
        k->digits[n - 1] = '1';
    k->digits[n] = '\0';
    k->negative = roll(seed, 3) == 0;
    k->point = n ? (int)roll(seed, 2 * (size_t)reach) - reach : 0;
}

static void add_zeros(char *text, size_t n)
{
    size_t len = strlen(text);
    memset(text + len, '0', n);
    text[len + n] = '\0';
}

/** Writes it with the dot after `whole` of its digits (negative: zeros in between), and an exponent if need be. */
static void spell(known *k, int whole, uint64_t *seed)
{
    int n = (int)strlen(k->digits);
    char *t = k->text;
    whole = n == 0 && whole > 1 ? 1 : whole;
    strcpy(t, k->negative ? "-" : "");
    if (whole <= 0) {
        strcat(t, "0.");
        add_zeros(t, (size_t)-whole);
        strcat(t, n ? k->digits : "0");
    } else {
        sprintf(t + strlen(t), "%.*s", whole < n ? whole : n, k->digits);
        add_zeros(t, (size_t)(whole > n ? whole - n : 0));
        if (whole < n)
            strcat(strcat(t, "."), k->digits + whole);
        else if (roll(seed, 2))
            strcat(t, ".0");
    }
    if (strchr(t, '.'))
        add_zeros(t, roll(seed, 3));
    int exponent = n ? k->point - whole : (int)roll(seed, 400);
    if (exponent || roll(seed, 4) == 0)
        sprintf(t + strlen(t), "%c%s%0*d", "eE"[roll(seed, 2)], exponent >= 0 && roll(seed, 2) ? "+" : "", (int)roll(seed, 5) + 1,
                exponent);
}

static void spell_somehow(known *k, uint64_t *seed)
{
    bool plain = roll(seed, 2) && k->point > -20 && k->point < 60;
    spell(k, plain ? k->point : (int)roll(seed, 40) - 10, seed);
}

static int compare_known(const known *a, const known *b)
{
    int sign_a = a->digits[0] ? a->negative ? -1 : 1 : 0, sign_b = b->digits[0] ? b->negative ? -1 : 1 : 0;
    if (sign_a != sign_b || sign_a == 0)
        return (sign_a > sign_b) - (sign_a < sign_b);
    int c = a->point != b->point ? (a->point > b->point ? 1 : -1) : strcmp(a->digits, b->digits);
    return sign_a * ((c > 0) - (c < 0));
}

static void test_compare_random(void **state)
{
    (void)state;
    uint64_t seed = 3;
    known a, b;
    int equal = 0;
    for (int i = 0; i < 100000; i++) {
        make(&a, &seed, roll(&seed, 2) ? 4 : 350);
        if (roll(&seed, 2))
            make(&b, &seed, 4);
        else
            b = a;
        if (roll(&seed, 4) == 0)
            b.negative = !b.negative;
        if (b.digits[0] && roll(&seed, 8) == 0)
            b.point++;
        spell_somehow(&a, &seed);
        spell_somehow(&b, &seed);
        assert_true(number_is(view_of(a.text)) && number_is(view_of(b.text)));
        weir_view left = guarded(view_of(a.text)), right = guarded(view_of(b.text));
        if (number_compare(left, right) != compare_known(&a, &b) || number_compare(right, left) != -compare_known(&a, &b))
            fail_msg("%s and %s", a.text, b.text);
        equal += compare_known(&a, &b) == 0;
        guarded_free(left);
        guarded_free(right);
    }
    assert_in_range(equal, 10000, 90000);
}

static void test_compare(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int expected;
    } cases[] = {
        {"0", "-0", 0},
        {"0", "0e99999999999999999999999", 0},
        {"0.1", "1e-1", 0},
        {"1e400", "1e-400", 1},
        {"-1e400", "1e-400", -1},
        {"-1e400", "-1e-400", -1},
        {"9007199254740993", "9007199254740992", 1},
        {"0.1000000000000000055511151231257827021181583404541015625", "0.1", 1},
        {"10e99999999999999999999", "1e100000000000000000000", 0},
        {"0.001e100000000000000000002", "10e99999999999999999998", 0},
        {"1e100000000000000000001", "10e99999999999999999999", 1},
        {"1e-100000000000000000000", "10e-100000000000000000001", 0},
        {"1e-99999999999999999999", "1e99999999999999999999", -1},
        {"1e0000000000000000000000000000000000000000000000000000001", "10", 0},
        {"9e999999999999999999999999999999999999999999", "1e1000000000000000000000000000000000000000000", -1},
        {"-1", "0", -1},
        {"2", "10", -1},
        {"1.5", "1.49", 1},
        {"123.4", "123.41", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(number_compare(view_of(cases[i].a), view_of(cases[i].b)), cases[i].expected);
        assert_int_equal(number_compare(view_of(cases[i].b), view_of(cases[i].a)), -cases[i].expected);
    }
}

/** By definition: 15 digits of the nearest double are these digits, or it is an integer below 2^53. */
static bool fits(const known *k)
{
    double v = strtod(k->text, NULL);
    char text[64];
    if (k->digits[0] == '\0')
        return true;
    if (k->point >= (int)strlen(k->digits) && fabs(v) < 9007199254740992.0 && strlen(k->digits) <= 16)
        return true;
    if (!isfinite(v) || v == 0 || strlen(k->digits) > 15)
        return false;
    snprintf(text, sizeof text, "%.14e", fabs(v));
    char *e = strchr(text, 'e'), *end = e;
    int point = atoi(e + 1) + 1;
    while (end[-1] == '0' || end[-1] == '.')
        end--;
    *end = '\0';
    if (text[1])
        memmove(text + 1, text + 2, strlen(text + 2) + 1);
    return point == k->point && strcmp(text, k->digits) == 0;
}

static void test_fits_double_random(void **state)
{
    (void)state;
    uint64_t seed = 4;
    known k;
    int fitting = 0;
    for (int i = 0; i < 100000; i++) {
        static const int reaches[] = {20, 20, 330, 330, 1};
        size_t which = roll(&seed, 5);
        make(&k, &seed, reaches[which]);
        /* around the ends of what doubles can hold */
        if (which == 3 && k.digits[0])
            k.point = (roll(&seed, 2) ? 309 : -300) + (int)roll(&seed, 25) - 12;
        if (which == 4 && k.digits[0])
            k.point = -323 + (int)roll(&seed, 4);
        spell_somehow(&k, &seed);
        weir_view in = guarded(view_of(k.text));
        if (number_fits_double(in) != fits(&k))
            fail_msg("%s: %d expected", k.text, fits(&k));
        fitting += fits(&k);
        guarded_free(in);
    }
    assert_in_range(fitting, 20000, 80000);
}

static void test_fits_double(void **state)
{
    (void)state;
    static const char *const good[] = {"0", "-0", "1", "0.1", "-1.50", "1e22", "1e300", "9007199254740991", "-9007199254740991",
                                       "123456789012345", "1.23456789012345e-200",
                                       "1.79769313486231e308", "2.22507385850721e-308", "100000000000000000000",
                                       "4503599627370497", "4503599627370497.000"};
    static const char *const bad[] = {"9007199254740992", "9007199254740993", "4503599627370497.5", "0.1234567890123456", "1e309",
                                      "1e400", "-1e400", "1e-400",
                                      "1e99999999999999999999", "5e-324", "12345678901234567890", "1.00000000000000000001"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!number_fits_double(view_of(good[i])))
            fail_msg("%s fits", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (number_fits_double(view_of(bad[i])))
            fail_msg("%s does not fit", bad[i]);
    }
}

/* ----------------------------------------------------------------------------------------------------------- dividing -- */

static void check_multiple(const char *number, const char *of, bool expected)
{
    buf scratch = {0};
    if (number_is_multiple(view_of(number), view_of(of), &scratch) != expected)
        fail_msg("%s, multiple of %s", number, of);
    buf_free(&scratch);
}

static void test_multiples(void **state)
{
    (void)state;
    check_multiple("0", "3", true);
    check_multiple("-0.0", "3", true);
    check_multiple("9", "3", true);
    check_multiple("-9", "3", true);
    check_multiple("10", "3", false);
    check_multiple("1e1", "2.5", true);
    check_multiple("0.3", "0.1", true);
    check_multiple("0.35", "0.1", false);
    check_multiple("1e308", "0.123456789", false);
    check_multiple("1e308", "0.5", true);
    check_multiple("1e100000", "7", false);
    check_multiple("7e100000", "7", true);
    check_multiple("12391239123", "1e-8", true);
    check_multiple("1", "1e400", false);
    check_multiple("3e400", "1e400", true);
    /* 2^89 - 1 is prime (Mersenne) */
    check_multiple("618970019642690137449562111", "618970019642690137449562111", true);
    check_multiple("618970019642690137449562111e5000", "6189700196426901374495621.11", true);
    check_multiple("618970019642690137449562112", "618970019642690137449562111", false);
    check_multiple("1e50", "618970019642690137449562111", false);
    /* 10^42 - 1: 10^6 - 1 = 999 * 1001, and 42 is a multiple of 6 */
    check_multiple("999999999999999999999999999999999999999999", "1001", true);
    check_multiple("999999999999999999999999999999999999999999", "1000001000001000001000001000001000001", true);
}

/* Products of numbers that the test knows, in other words. */
static void test_random_multiples(void **state)
{
    (void)state;
    uint64_t seed = 7;
    buf scratch = {0};
    for (int i = 0; i < 20000; i++) {
        uint64_t of = random_length(&seed) >> 32 | 1, times = random_length(&seed) >> 33, rest = roll(&seed, 2) ? 0 : of > 1 ? 1 : 0;
        char a[NUMBER_TEXT * 2], b[NUMBER_TEXT * 2];
        int power = (int)roll(&seed, 5);
        snprintf(a, sizeof a, "%" PRIu64 "e%d", of * times + rest, power - 3);
        snprintf(b, sizeof b, "%" PRIu64 "e%d", of, power - 3);
        if (number_is_multiple(view_of(a), view_of(b), &scratch) != (rest == 0))
            fail_msg("%s, multiple of %s", a, b);
    }
    buf_free(&scratch);
}

static void test_hashes(void **state)
{
    (void)state;
    static const char *const same[][3] = {{"1", "1.0", "10e-1"}, {"0", "-0", "0e5"}, {"-12.50", "-125e-1", "-0.125e2"}, {"1e400", "10E399", "0.1e401"}};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 3; k++)
            assert_true(number_hash(view_of(same[i][k])) == number_hash(view_of(same[i][0])));
    assert_true(number_hash(VIEW("1")) != number_hash(VIEW("-1")));
    assert_true(number_hash(VIEW("1")) != number_hash(VIEW("10")));
    assert_true(number_hash(VIEW("12")) != number_hash(VIEW("21")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_integers_of_every_length),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_doubles_come_back),
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_to_integer),
        cmocka_unit_test(test_to_double_beyond),
        cmocka_unit_test(test_locale_does_not_matter),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_compare_random),
        cmocka_unit_test(test_fits_double),
        cmocka_unit_test(test_fits_double_random),
        cmocka_unit_test(test_multiples),
        cmocka_unit_test(test_random_multiples),
        cmocka_unit_test(test_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
