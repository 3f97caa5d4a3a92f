/* JSON values as SQLite stores them. Expected values are those of RFC 8259, RFC 4648 and of 64-bit and double arithmetic. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/view.h"
#include "lite_value.h"

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        value_hint hint;
        value_kind kind;
        const char *text; /* TEXT and BLOB as they are, numbers printed */
    } cases[] = {
        {"", {0}, VALUE_NULL, ""},
        {"null", {0}, VALUE_NULL, ""},
        {"true", {0}, VALUE_INTEGER, "1"},
        {"false", {0}, VALUE_INTEGER, "0"},
        {"0", {0}, VALUE_INTEGER, "0"},
        {"-0", {0}, VALUE_INTEGER, "0"},
        {"9223372036854775807", {0}, VALUE_INTEGER, "9223372036854775807"},
        {"-9223372036854775808", {0}, VALUE_INTEGER, "-9223372036854775808"},
        {"9223372036854775808", {0}, VALUE_TEXT, "9223372036854775808"},
        {"-9223372036854775809", {0}, VALUE_TEXT, "-9223372036854775809"},
        {"100000000000000000000", {0}, VALUE_TEXT, "100000000000000000000"},
        {"18446744073709551616", {0}, VALUE_TEXT, "18446744073709551616"},
        {"1.5", {0}, VALUE_REAL, "1.5"},
        {"1.0", {0}, VALUE_REAL, "1"},
        {"0.0", {0}, VALUE_REAL, "0"},
        {"0e999999999999", {0}, VALUE_REAL, "0"},
        {"-12.50", {0}, VALUE_REAL, "-12.5"},
        {"0.1", {0}, VALUE_REAL, "0.1"},
        {"1e-7", {0}, VALUE_REAL, "1e-07"},
        {"123456789012345e-30", {0}, VALUE_REAL, "1.23456789012345e-16"},
        {"999999999999999.0", {0}, VALUE_REAL, "999999999999999"},
        {"0.123456789012345", {0}, VALUE_REAL, "0.123456789012345"},
        {"0.1234567890123456", {0}, VALUE_TEXT, "0.1234567890123456"},
        {"12345678901234567890.12", {0}, VALUE_TEXT, "12345678901234567890.12"},
        {"1E+300", {0}, VALUE_TEXT, "1E+300"},
        {"1e200", {0}, VALUE_REAL, "1e+200"},
        {"1e400", {0}, VALUE_TEXT, "1e400"},
        {"1e-400", {0}, VALUE_TEXT, "1e-400"},
        {"1e99999999999999999999", {0}, VALUE_TEXT, "1e99999999999999999999"},
        {"1E+300", {.doubles = true}, VALUE_REAL, "1e+300"},
        {"0.30000000000000004", {.doubles = true}, VALUE_REAL, "0.3"}, /* printed with 15 digits here */
        {"-1.7976931348623157e308", {.doubles = true}, VALUE_REAL, "-1.79769313486232e+308"},
        {"5e-324", {.doubles = true}, VALUE_REAL, "4.94065645841247e-324"},
        {"4e-324", {.doubles = true}, VALUE_TEXT, "4e-324"},
        {"0.300000000000000041", {.doubles = true}, VALUE_TEXT, "0.300000000000000041"},
        {"1e400", {.doubles = true}, VALUE_TEXT, "1e400"},
        {"1e9999999999", {.doubles = true}, VALUE_TEXT, "1e9999999999"},
        {"9223372036854775808", {.doubles = true}, VALUE_TEXT, "9223372036854775808"},
        {"1.0", {.integer = true}, VALUE_INTEGER, "1"},
        {"1e3", {.integer = true}, VALUE_INTEGER, "1000"},
        {"92233720368547758.07e2", {.integer = true}, VALUE_INTEGER, "9223372036854775807"},
        {"92233720368547758.08e2", {.integer = true}, VALUE_TEXT, "92233720368547758.08e2"},
        {"1.5", {.integer = true}, VALUE_REAL, "1.5"},
        {"1e19", {.integer = true}, VALUE_REAL, "1e+19"},
        {"\"\"", {0}, VALUE_TEXT, ""},
        {"\"plain\"", {0}, VALUE_TEXT, "plain"},
        {"\"a\\n\\t\\\"\\\\\\/\\b\\f\\r\"", {0}, VALUE_TEXT, "a\n\t\"\\/\b\f\r"},
        {"\"\\u00e4\\u20ac\\ud83d\\ude00x\"", {0}, VALUE_TEXT, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80x"},
        {"\"\\ud83d\\ude0\"", {0}, VALUE_TEXT, NULL}, /* not JSON: anything but a crash */
        {"\"\\ud83d!\\ude00\"", {0}, VALUE_TEXT, "\xef\xbf\xbd!\xef\xbf\xbd"},
        {"\"\\ud83d\\u0041\"",
         {0},
         VALUE_TEXT,
         "\xef\xbf\xbd"
         "A"},
        {"{\"a\":[1,\"x y\"]}", {0}, VALUE_TEXT, "{\"a\":[1,\"x y\"]}"},
        {"{ \"a\" :\n[1 , \"x \\\" y\"]\t}", {0}, VALUE_TEXT, "{\"a\":[1,\"x \\\" y\"]}"},
        {"\"Zm9vYmFy\"", {.base64 = true}, VALUE_BLOB, "foobar"}, /* RFC 4648, section 10 */
        {"\"Zm9vYmE=\"", {.base64 = true}, VALUE_BLOB, "fooba"},
        {"\"Zm9vYg==\"", {.base64 = true}, VALUE_BLOB, "foob"},
        {"\"Zm9vYg\"", {.base64 = true}, VALUE_BLOB, "foob"},
        {"\"\"", {.base64 = true}, VALUE_BLOB, ""},
        {"\"-_\\/+\"", {.base64 = true}, VALUE_BLOB, "\xfb\xff\xfe"},
        {"\"Zm9vY\"", {.base64 = true}, VALUE_TEXT, "Zm9vY"},
        {"\"Zm9v=\"", {.base64 = true}, VALUE_TEXT, "Zm9v="},
        {"\"Zm 9v\"", {.base64 = true}, VALUE_TEXT, "Zm 9v"},
        {"\"Zm9v\"", {0}, VALUE_TEXT, "Zm9v"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lite_text scratch = {0};
        weir_view json = view_of(cases[i].json);
        char *copy = malloc(json.len ? json.len : 1); /* no NUL behind it: reading on is a crash under the sanitizer */
        memcpy(copy, json.ptr, json.len);
        assert_true(lite_text_reserve(&scratch, json.len));
        lite_value v = lite_value_read((weir_view){copy, json.len}, cases[i].hint, &scratch);
        char number[64] = "";
        if (v.kind == VALUE_INTEGER)
            snprintf(number, sizeof number, "%" PRId64, v.integer);
        if (v.kind == VALUE_REAL)
            snprintf(number, sizeof number, "%.15g", v.real);
        weir_view got = v.kind == VALUE_TEXT || v.kind == VALUE_BLOB ? v.bytes : view_of(number);
        if (cases[i].text && (v.kind != cases[i].kind || !view_is(got, cases[i].text)))
            fail_msg("%s gives kind %d \"%.*s\"", cases[i].json, v.kind, VIEW_ARG(got));
        lite_text_free(&scratch);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
