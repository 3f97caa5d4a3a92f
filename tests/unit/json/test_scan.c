/* Our own table in the style of the known parsing suites. Every text is put into a heap block of exactly its size, so that a
 * sanitizer sees the first byte read past the end; and every text is scanned in both ways, as a whole and step by step, which must
 * agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "json/scan.h"

/* ------------------------------------------------------------------------------------------------------------- scanning -- */

static void walk(json_scan *s)
{
    json_key key;
    switch (json_peek(s)) {
    case '{':
        for (json_enter(s, '{'); json_member(s, &key);)
            walk(s);
        break;
    case '[':
        for (json_enter(s, '['); json_item(s);)
            walk(s);
        break;
    case '"':
        json_string(s, NULL, NULL);
        break;
    default:
        json_skip(s, NULL);
    }
}

static bool accepted(const char *text, size_t len)
{
    char *block = malloc(len ? len : 1);
    assert_non_null(block);
    memcpy(block, text, len);
    char *exact = len ? block : block + 1; /* even an empty text has nothing readable at its end */
    const char *error = NULL;
    size_t offset = 0;
    bool whole = json_check((weir_view){exact, len}, &error, &offset);
    json_scan s = json_scan_of((weir_view){exact, len});
    walk(&s);
    bool steps = json_done(&s);
    assert_int_equal(whole, steps);
    assert_int_equal(whole, error == NULL);
    assert_true(offset <= len);
    assert_true(s.at >= exact && s.at <= exact + len);
    assert_int_equal(steps, s.error == NULL);
    assert_true(!steps || s.depth == 0);
    free(block);
    return whole;
}

/* At many distances from the start, so that every branch of a loop over blocks meets it. */
static bool accepted_shifted(const char *text, size_t len)
{
    enum { MOST = 40 };
    char *padded = malloc(len + MOST);
    assert_non_null(padded);
    memset(padded, ' ', MOST);
    memcpy(padded + MOST, text, len);
    bool first = accepted(text, len);
    for (size_t pad = 1; pad <= MOST; pad++)
        assert_int_equal(accepted(padded + MOST - pad, len + pad), first);
    free(padded);
    return first;
}

typedef struct sample {
    const char *ptr;
    size_t len;
} sample;
#define T(s)                                                                                                                       \
    {                                                                                                                              \
        s, sizeof(s) - 1                                                                                                           \
    }

static void expect_all(const sample *texts, size_t count, bool want)
{
    for (size_t i = 0; i < count; i++)
        if (accepted_shifted(texts[i].ptr, texts[i].len) != want)
            fail_msg("text %zu is %s: %.*s", i, want ? "refused" : "accepted", (int)texts[i].len, texts[i].ptr);
}
#define EXPECT_ALL(texts, want) expect_all(texts, sizeof texts / sizeof *texts, want)

/* --------------------------------------------------------------------------------------------------------------- tables -- */

/* clang-format off */
static const sample good[] = {
    /* words and structure */
    T("null"), T("true"), T("false"), T(" null "), T("\t\n\r true\r\n"), T("[]"), T("{}"), T("[ ]"), T("{ }"), T("[[]]"), T("[{}]"),
    T("{\"a\":{}}"), T("[null,true,false,0,\"\",[],{}]"), T("[1 , 2\t,\n3]"), T("{ \"a\" : 1 , \"b\" : [ ] }"),
    T("{\"a\":1,\"a\":2}"), T("{\"\":0}"), T("[[],[[],[]],{}]"), T("{\"a\":[{\"b\":[{\"c\":{}}]}]}"),
    T("[\"a\",{\"b\":\"c\"},\"d\"]"),
    /* numbers */
    T("0"), T("-0"), T("1"), T("-1"), T("10"), T("1234567890"), T("0.0"), T("-0.0"), T("0.5"), T("1.25"), T("1e0"), T("1E0"),
    T("1e+1"), T("1e-1"), T("1E+01"), T("0e0"), T("-0e-0"), T("0.1e10"), T("-12.34E-56"), T("1e000000000000000000001"), T("1e400"),
    T("-1e400"), T("1e-400"), T("123456789012345678901234567890"), T("0.00000000000000000000000000000000000000000000000001"),
    T("-9223372036854775809"), T("18446744073709551616"), T("[0,1,-2]"), T("1.7976931348623159e308"), T("1234567890123456"),
    T("12345678901234567.8901234567890123456e12"),
    /* strings */
    T("\"\""), T("\"a\""), T("\"0123456789abcdef\""), T("\"0123456789abcdefg\""), T("\"\\\"\""), T("\"\\\\\""), T("\"\\/\""),
    T("\"\\b\\f\\n\\r\\t\""), T("\"\\u0000\""), T("\"\\u0041\\u00e9\\u20AC\\uabcd\\uEF01\""), T("\"\\ud83d\\ude00\""),
    T("\"\x7f\""), T("\"//\""), T("\"\\\\\\\\\""), T("\"\\\\\\\"\""), T("\"0123456789abcd\\\"\""), T("\"0123456789abcde\\\"\""),
    T("\"' {}[],:\""),
    /* lone surrogates as escapes are grammar */
    T("\"\\ud800\""), T("\"\\udfff\""), T("\"\\ud800x\""), T("\"\\ud800\\u0041\""), T("\"\\udc00\\ud800\""), T("\"\\ud800\\n\""),
    T("{\"\\ud800\":0}"), T("\"\\uFFFE\\uFFFF\\uFDD0\""),
    /* UTF-8, the ends of its ranges, and non-characters */
    T("\"\xc2\x80\xdf\xbf\""), T("\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""), T("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
    T("\"\xef\xbb\xbf\""), T("\"\xe2\x80\xa8\xe2\x80\xa9\""), T("\"\xef\xb7\x90\xf0\x9f\xbf\xbe\""),
    T("{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"}"), T("\"\xcc\x81\xe2\x80\x8b\""), T("\"0123456789abcde\xc3\xa9\""),
    T("\"0123456789abcdef\xf0\x9f\x98\x80" "0123456789abcdef\""),
};

static const sample bad[] = {
    /* nothing, or not a value */
    T(""), T(" "), T("\n\t"), T("nul"), T("nulll"), T("Null"), T("NULL"), T("True"), T("tru"), T("truee"), T("fals"), T("falsE"),
    T("n"), T("t"), T("undefined"), T("NaN"), T("nan"), T("Infinity"), T("-Infinity"), T("-nan"), T("inf"), T("a"), T("'a'"),
    T("'"), T("`a`"), T("@"), T("*"), T("/"), T("//"), T("/**/1"), T("1//"), T("1/**/"), T("#"), T("1#"), T("<.>"), T("\\u0031"),
    T("\\"), T(","), T(":"), T("]"), T("}"), T("\xef\xbb\xbf{}"), T("\xef\xbb\xbf"), T("\xff\xfe{\0}\0"), T("\0"), T("\0null"),
    T("null\0"), T(" \0 null"), T("\x0bnull"), T("\x0cnull"), T("null\x0c"), T("\xc2\xa0null"), T("\xe2\x80\xa8null"),
    T("\xe3\x80\x80" "1"),
    /* trailing text */
    T("{}{}"), T("{}x"), T("[]]"), T("[][]"), T("{}}"), T("1 2"), T("1,"), T("1]"), T("\"a\"\"b\""), T("\"a\" b"), T("null null"),
    T("true,"), T("{} ,"), T("[1]\0"), T("{};"), T("\"\"\x01"),
    /* arrays */
    T("["), T("[1"), T("[1,"), T("[1,]"), T("[,]"), T("[,1]"), T("[1,,2]"), T("[1 2]"), T("[1;2]"), T("[1:2]"), T("[\"a\":1]"),
    T("[1}"), T("[}"), T("[1,\n"), T("[[]"), T("[[],"), T("[ , ]"), T("[\"a\""), T("[\"a\" \"b\"]"), T("[{]"), T("[nul]"),
    T("[1\0,2]"), T("[\0]"), T("[1,\x0c" "2]"), T("[-]"), T("[\x7f]"),
    /* objects */
    T("{"), T("{\""), T("{\"a"), T("{\"a\""), T("{\"a\":"), T("{\"a\":1"), T("{\"a\":1,"), T("{\"a\":1,}"), T("{,}"),
    T("{,\"a\":1}"), T("{\"a\"}"), T("{\"a\":}"), T("{\"a\",1}"), T("{\"a\" 1}"), T("{\"a\"::1}"), T("{:1}"), T("{1:1}"),
    T("{a:1}"), T("{'a':1}"), T("{null:1}"), T("{[]:1}"), T("{\"a\":1 \"b\":2}"), T("{\"a\":1;\"b\":2}"), T("{\"a\":1,,\"b\":2}"),
    T("{\"a\":1]"), T("{]"), T("{\"a\":1,\"b\"}"), T("{\"a\":1,\"b\":}"), T("{\"a\":1,1}"), T("{\"a\"=1}"), T("{\"a\":{}"),
    T("{\"a\\\":1}"), T("{\"a\":1 2}"), T("{\"a\"\0:1}"), T("{\"a\":\0" "1}"), T("{\"a\":1/*x*/}"), T("{\"\x01\":1}"),
    T("{\"\xff\":1}"), T("{\"\\x\":1}"), T("{\"a\":-}"),
    /* numbers */
    T("-"), T("+"), T("+1"), T("+0"), T("- 1"), T("--1"), T("00"), T("01"), T("-01"), T("-00"), T("00.5"), T("012"), T("1."),
    T("-1."), T("1.e1"), T(".5"), T("-.5"), T("."), T("0."), T("0.e1"), T("1.2."), T("1..2"), T("1.2.3"), T("1e"), T("1E"),
    T("1e+"), T("1e-"), T("1.0e"), T("1.0e+"), T("1e1.5"), T("1e1e1"), T("1ee1"), T("e1"), T("-e1"), T("1 e1"), T("1e 1"), T("0x1"),
    T("0xff"), T("1_000"), T("1,000"), T("1a"), T("1.5f"), T("1L"), T("0b1"), T("1\0"), T("1\x01"), T("-a"), T("0e"), T("0e+"),
    T("1/2"), T("$1"), T("\xef\xbc\x91"), T("1\xef\xbc\x91"), T("\xd9\xa1"), T("1234567890123456."), T("1234567890123456e"),
    T("01234567890123456789"), T("-Inf"), T("1.-1"), T("1-1"), T("1+1"), T("2.e+3"), T("0.3e+"), T("9.e+"), T("-1.0."),
    T("1.8011670033376514H-308"),
    /* strings */
    T("\""), T("\"a"), T("\"\\"), T("\"\\\""), T("\"\\\\\\\""), T("\"\\a\""), T("\"\\x41\""), T("\"\\0\""), T("\"\\'\""),
    T("\"\\ \""), T("\"\\U0041\""), T("\"\\N\""), T("\"\\v\""), T("\"\\e\""), T("\"\\\n\""), T("\"\\\0\""), T("\"\\\xc3\xa9\""),
    T("\"\\u\""), T("\"\\u0\""), T("\"\\u00\""), T("\"\\u004\""), T("\"\\u004g\""), T("\"\\u 041\""), T("\"\\u+041\""),
    T("\"\\u-041\""), T("\"\\u0x41\""), T("\"\\u004"), T("\"\\u0041"), T("\"\\ud83d\\"), T("\"\\ud83d\\u"), T("\"\\ud83d\\ude0\""),
    T("\"\\ud83d\\ude0g\""), T("\"\\u{41}\""), T("\"\\u00\xc3\xa9\""), T("\"\\u/041\""), T("\"\\u:041\""), T("\"\\u@041\""),
    T("\"\\uG041\""), T("\"\\u`041\""), T("\"a\nb\""), T("\"a\tb\""), T("\"a\rb\""), T("\"a\0b\""), T("\"\x1f\""),
    T("\"0123456789abcde\n\""), T("\"0123456789abcdef\n\""), T("\"0123456789abcdef"), T("\"0123456789abcdef\\"),
    T("\xe2\x80\x9c" "a\xe2\x80\x9d"),
    /* UTF-8: stray continuations, overlong forms, surrogates, beyond U+10FFFF, bytes that never occur, sequences cut short */
    T("\"\x80\""), T("\"\xbf\""), T("\"\xc0\x80\""), T("\"\xc0\xaf\""), T("\"\xc1\xbf\""), T("\"\xe0\x80\xaf\""),
    T("\"\xe0\x9f\xbf\""), T("\"\xf0\x80\x80\xaf\""), T("\"\xf0\x8f\xbf\xbf\""), T("\"\xed\xa0\x80\""), T("\"\xed\xbf\xbf\""),
    T("\"\xed\xa0\xbd\xed\xb8\x80\""), T("\"\xf4\x90\x80\x80\""), T("\"\xf5\x80\x80\x80\""), T("\"\xf8\x88\x80\x80\x80\""),
    T("\"\xfc\x84\x80\x80\x80\x80\""), T("\"\xfe\""), T("\"\xff\""), T("\"\xc3\""), T("\"\xe2\x82\""), T("\"\xf0\x9f\x98\""),
    T("\"\xf0\x9f\""), T("\"\xf0\""), T("\"\xe2\""), T("\"\xc3(\""), T("\"\xe2(\xa1\""), T("\"\xe2\x82(\""), T("\"\xf0(\x8c\xbc\""),
    T("\"\xf0\x90(\xbc\""), T("\"\xf0\x9f\x98(\""), T("\"\xc3\xa9\xa9\""), T("\"\xe2\x82\xac\xac\""), T("\"\xe9\""), T("\"\xc3"),
    T("\"\xe2\x82"), T("\"\xf0\x9f\x98"), T("\"\xf0\x9f"), T("\"\xf0"), T("\"\xe2"), T("\"\xc3\xa9"), T("\xc3\xa9"), T("[\xff]"),
    T("\xff"), T("\"0123456789abcdef\xc3"), T("\"0123456789abcde\xf0\x9f\x98"), T("\"\xc3\xc3\xa9\""),
    T("\"\xe2\x82\xe2\x82\xac\""),
};

/* clang-format on */

static void good_texts(void **state)
{
    (void)state;
    EXPECT_ALL(good, true);
}

static void bad_texts(void **state)
{
    (void)state;
    EXPECT_ALL(bad, false);
}

/* -------------------------------------------------------------------------------------------------- one byte at a time -- */

static void every_single_byte(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char alone = (char)c, inside[] = {'"', alone, '"'}, escaped[] = {'"', '\\', alone, '"'}, before[] = {alone, '1'},
             after[] = {'1', alone};
        char between[] = {'[', '1', alone, '1', ']'};
        bool digit = c >= '0' && c <= '9', space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        assert_int_equal(accepted(&alone, 1), digit);
        assert_int_equal(accepted(inside, sizeof inside), c >= 0x20 && c < 0x80 && c != '"' && c != '\\');
        assert_int_equal(accepted(escaped, sizeof escaped), c && strchr("\"\\/bfnrt", c));
        assert_int_equal(accepted(before, sizeof before), space || c == '-' || (digit && c != '0'));
        assert_int_equal(accepted(after, sizeof after), space || digit);
        assert_int_equal(accepted(between, sizeof between), digit || strchr(",.eE", c ? c : 'x') != NULL);
    }
}

static void every_hex_digit(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++)
        for (int at = 3; at < 7; at++) {
            char text[] = "\"\\u0000\"";
            text[at] = (char)c;
            assert_int_equal(accepted(text, 8), c && strchr("0123456789abcdefABCDEF", c));
        }
}

static const char document[] = "{\"id\":-12.5e+3,\"name\":\"0123456789abcdef \\\"\\u00e9\\ud83d\\ude00 "
                               "\xc3\xa9\xf0\x9f\x98\x80\",\"flags\":[true,false,null,{}],"
                               "\"nested\":{\"a\":[[],[1,[2]]],\"b\":{\"c\":{\"d\":\"e\"}}}}";

static void every_truncation(void **state)
{
    (void)state;
    assert_true(accepted_shifted(document, sizeof document - 1));
    for (size_t len = 0; len < sizeof document - 1; len++)
        assert_false(accepted_shifted(document, len));
}

/* A valid text with something behind it is no valid text, whatever it is. */
static void every_trailing_byte(void **state)
{
    (void)state;
    char text[sizeof document];
    memcpy(text, document, sizeof document);
    for (int c = 0; c < 256; c++) {
        text[sizeof document - 1] = (char)c;
        assert_int_equal(accepted(text, sizeof text), c == ' ' || c == '\t' || c == '\n' || c == '\r');
    }
}

/* ---------------------------------------------------------------------------------------------------------------- UTF-8 -- */

/* Straight from the definition: decode, then ask whether that many bytes were needed. */
static bool is_utf8(const unsigned char *p, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < len;) {
        size_t n = p[i] < 0x80 ? 1 : (p[i] & 0xe0) == 0xc0 ? 2 : (p[i] & 0xf0) == 0xe0 ? 3 : (p[i] & 0xf8) == 0xf0 ? 4 : 0;
        uint32_t c = n == 1 ? p[i] : n ? p[i] & (0xffu >> (n + 1)) : 0;
        if (n == 0 || len - i < n)
            return false;
        for (size_t k = 1; k < n; k++) {
            if ((p[i + k] & 0xc0) != 0x80)
                return false;
            c = c << 6 | (p[i + k] & 0x3f);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            return false;
        i += n;
    }
    return true;
}

static void every_lead_of_utf8(void **state)
{
    (void)state;
    static const unsigned char ends[] = {0x00, 0x22, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    enum { ENDS = sizeof ends };
    char *block = malloc(4);
    for (unsigned first = 0x80; first < 256; first++)
        for (unsigned second = 0; second < 256; second++)
            for (unsigned k = 0; k < ENDS * ENDS; k++) {
                unsigned char bytes[] = {(unsigned char)first, (unsigned char)second, ends[k % ENDS], ends[k / ENDS]};
                for (size_t len = 1; len <= 4; len++) {
                    char *at = block + 4 - len; /* up to the very end of the block */
                    memcpy(at, bytes, len);
                    if (json_utf8((weir_view){at, len}) != is_utf8(bytes, len))
                        fail_msg("%02x %02x %02x %02x, %zu bytes", bytes[0], bytes[1], bytes[2], bytes[3], len);
                }
            }
    free(block);
}

static void utf8_in_strings(void **state)
{
    (void)state;
    static const unsigned char ends[] = {0x7f, 0x80, 0xbf, 0xc0};
    enum { LONGEST = 24 };
    for (unsigned first = 0x80; first < 256; first++)
        for (unsigned second = 0x7f; second < 0xc1; second++)
            for (unsigned k = 0; k < 16; k++) {
                unsigned char bytes[] = {(unsigned char)first, (unsigned char)second, ends[k % 4], ends[k / 4]};
                size_t pad = (first + second + k) % LONGEST;
                char text[LONGEST + 6];
                memset(text, 'x', sizeof text);
                text[0] = '"';
                memcpy(text + 1 + pad, bytes, 4);
                text[pad + 5] = '"';
                assert_int_equal(accepted(text, pad + 6), is_utf8(bytes, 4));
            }
}

static void every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 0x20; c < 0x110000; c += c < 0x3000 || (c >= 0xd700 && c < 0xe100) || c > 0x10ff00 ? 1 : 61) {
        char text[8] = "\"";
        size_t n = 1;
        if (c < 0x80) {
            text[n++] = (char)c;
        } else {
            int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
            text[n++] = (char)((0xff00u >> (more + 1) & 0xff) | c >> (6 * more));
            while (more--)
                text[n++] = (char)(0x80 | (c >> (6 * more) & 0x3f));
        }
        text[n++] = '"';
        assert_int_equal(accepted(text, n), c != '"' && c != '\\' && (c < 0xd800 || c > 0xdfff));
    }
}

/* ---------------------------------------------------------------------------------------------------------------- depth -- */

static bool nested(const char *open, const char *inner, const char *close, size_t levels)
{
    buf b = {0};
    for (size_t i = 0; i < levels; i++)
        buf_adds(&b, open);
    buf_adds(&b, inner);
    for (size_t i = 0; i < levels; i++)
        buf_adds(&b, close);
    assert_true(buf_ok(&b));
    bool result = accepted(b.ptr, b.len);
    buf_free(&b);
    return result;
}

static void depth(void **state)
{
    (void)state;
    assert_true(nested("[", "", "]", 1024));
    assert_false(nested("[", "", "]", 1025));
    assert_true(nested("[", "1", "]", 1024));
    assert_true(nested("{\"a\":", "1", "}", 1024));
    assert_false(nested("{\"a\":", "1", "}", 1025));
    assert_true(nested("[{\"a\":", "{}", "}]", 511));
    assert_true(nested("[{\"a\":", "[{}]", "}]", 511));
    assert_true(nested("[{\"a\":", "1", "}]", 512));
    assert_false(nested("[{\"a\":", "[]", "}]", 512));
    assert_true(nested("[[],{},", "1", ",[],{}]", 1023));
    assert_false(nested("[[],{},", "1", ",[],{}]", 1025));
    assert_false(nested("[", "", "}", 10));
    assert_false(nested("[{\"a\":", "1", "]}", 10));
}

static void open_brackets(void **state)
{
    (void)state;
    assert_false(nested("[", "", "", 100000));
    assert_false(nested("{\"a\":", "", "", 100000));
    assert_false(nested("[{\"\":", "", "", 50000));
    assert_false(nested("", "]", "]", 100000));
}

static void many_siblings(void **state)
{
    (void)state;
    buf b = {0};
    buf_addc(&b, '[');
    for (int i = 0; i < 100000; i++)
        buf_adds(&b, i ? ",[{}]" : "[]");
    buf_addc(&b, ']');
    assert_true(accepted(b.ptr, b.len));
    buf_free(&b);
}

/* ------------------------------------------------------------------------------------------------------------- the steps -- */

static const struct {
    const char *text;
    size_t offset; /* of the byte that is wrong */
} places[] = {
    {"", 0},
    {"  x", 2},
    {"[1,]", 3},
    {"{\"a\":1,}", 7},
    {"{\"a\":tru}", 5},
    {"[1 2]", 3},
    {"{\"a\" 1}", 5},
    {"{\"a\":1]", 6},
    {"{} x", 3},
    {"[1", 2},
    {"{\"a\"", 4},
    {"\"a\nb\"", 2},
    {"[\"\\x\"]", 2},
    {"[\"\xff\"]", 2},
    {"[-]", 1},
    {"\xef\xbb\xbf{}", 0},
    {"[01]", 1},
};

static void error_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *error = NULL;
        size_t offset = 1000;
        assert_false(json_check(view_of(places[i].text), &error, &offset));
        assert_non_null(error);
        if (offset != places[i].offset)
            fail_msg("%s: %s at %zu, expected %zu", places[i].text, error, offset, places[i].offset);
        assert_false(json_check(view_of(places[i].text), NULL, NULL));
    }
}

static void expect_view(weir_view got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.ptr, want, got.len);
}

static void steps(void **state)
{
    (void)state;
    json_scan s = json_scan_of(VIEW(" { \"a\" : [ 1 , \"x\\n\" , { } ] , \"\\u0062\" : -2.5 } "));
    json_key key;
    weir_view span;
    bool escaped;
    assert_int_equal(json_peek(&s), '{');
    assert_true(json_enter(&s, '{'));
    assert_true(json_member(&s, &key));
    expect_view(key.raw, "a");
    assert_false(key.escaped);
    assert_true(json_enter(&s, '['));
    assert_true(json_item(&s));
    assert_int_equal(json_peek(&s), '1');
    assert_true(json_skip(&s, &span));
    expect_view(span, "1");
    assert_true(json_item(&s));
    assert_true(json_string(&s, &span, &escaped));
    expect_view(span, "x\\n");
    assert_true(escaped);
    assert_true(json_item(&s));
    assert_true(json_enter(&s, '{'));
    assert_false(json_member(&s, &key));
    assert_false(json_item(&s));
    assert_null(s.error);
    assert_true(json_member(&s, &key));
    assert_true(key.escaped);
    assert_true(json_key_is(key, VIEW("b")));
    assert_true(json_skip(&s, &span));
    expect_view(span, "-2.5");
    assert_false(json_member(&s, &key));
    assert_true(json_done(&s));
    assert_false(s.lines);
    assert_int_equal(json_peek(&s), 0);
}

static void first_error_sticks(void **state)
{
    (void)state;
    weir_view text = VIEW("{\"a\":01,\"b\":2}");
    json_scan s = json_scan_of(text);
    json_key key;
    assert_true(json_enter(&s, '{'));
    assert_true(json_member(&s, &key));
    assert_true(json_skip(&s, NULL) == false || !json_member(&s, &key));
    const char *error = s.error, *at = s.at;
    assert_non_null(error);
    assert_false(json_bad(&s, "something else"));
    assert_false(json_skip(&s, NULL));
    assert_false(json_member(&s, &key));
    assert_false(json_item(&s));
    assert_false(json_string(&s, NULL, NULL));
    assert_false(json_enter(&s, '{'));
    assert_false(json_done(&s));
    assert_int_equal(json_peek(&s), 0);
    assert_ptr_equal(s.error, error);
    assert_ptr_equal(s.at, at);
}

static void wrong_kinds(void **state)
{
    (void)state;
    json_scan s = json_scan_of(VIEW("[1]"));
    assert_false(json_enter(&s, '{'));
    assert_non_null(s.error);
    s = json_scan_of(VIEW("1"));
    assert_false(json_string(&s, NULL, NULL));
    assert_non_null(s.error);
    s = json_scan_of((weir_view){NULL, 0});
    assert_int_equal(json_peek(&s), 0);
    assert_true(json_done(&s));
    assert_false(json_skip(&s, NULL));
    assert_true(json_utf8((weir_view){NULL, 0}));
    assert_false(json_check((weir_view){NULL, 0}, NULL, NULL));
}

/* Raw line breaks between tokens are noticed, wherever they are; those in strings are escapes and do not count. */
static void line_breaks(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool lines;
    } cases[] = {
        {"{\"a\":[1,2],\"b\":\"\\n\"}", false},
        {" {\t\"a\" : 1 } ", false},
        {"{\n\"a\":1}", true},
        {"{\"a\"\n:1}", true},
        {"{\"a\":\n1}", true},
        {"{\"a\":1\n}", true},
        {"{\"a\":1,\n\"b\":2}", true},
        {"[1,\r2]", true},
        {"[\n]", true},
        {"{\n}", true},
        {"[[1\n]]", true},
        {"[[1]\n,2]", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_scan s = json_scan_of(view_of(cases[i].text));
        assert_true(json_skip(&s, NULL) && json_done(&s));
        assert_int_equal(s.lines, cases[i].lines);
        s = json_scan_of(view_of(cases[i].text));
        walk(&s);
        assert_true(json_done(&s));
        assert_int_equal(s.lines, cases[i].lines);
    }
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *name;
        bool same;
    } cases[] = {
        {"type", "type", true},
        {"t\\u0079pe", "type", true},
        {"\\u0074\\u0079\\u0070\\u0065", "type", true},
        {"t\\u0079pe", "typ", false},
        {"t\\u0079p", "type", false},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", true},
        {"\\u00e9", "\xc3\xa9", true},
        {"\\u20aC", "\xe2\x82\xac", true},
        {"\\ud83d\\ude00", "\xf0\x9f\x98\x80", true},
        {"\\ud83d", "\xef\xbf\xbd", true},
        {"\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd", true},
        {"\\ud83dx", "\xef\xbf\xbdx", true},
        {"\\ud83d\\n", "\xef\xbf\xbd\n", true},
        {"\\ud83d\\u0041",
         "\xef\xbf\xbd"
         "A",
         true},
        {"\\u0041", "a", false},
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[80];
        int len = snprintf(text, sizeof text, "\"%s\":", cases[i].raw);
        json_key key = {{text + 1, (size_t)len - 3}, strchr(cases[i].raw, '\\') != NULL};
        assert_int_equal(json_key_is(key, view_of(cases[i].name)), cases[i].same);
    }
    json_key zero = {VIEW("a\\u0000b"), true};
    assert_true(json_key_is(zero, (weir_view){"a\0b", 3}));
    assert_false(json_key_is(zero, (weir_view){"a", 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts),         cmocka_unit_test(bad_texts),
        cmocka_unit_test(every_single_byte),  cmocka_unit_test(every_hex_digit),
        cmocka_unit_test(every_truncation),   cmocka_unit_test(every_trailing_byte),
        cmocka_unit_test(every_lead_of_utf8), cmocka_unit_test(utf8_in_strings),
        cmocka_unit_test(every_code_point),   cmocka_unit_test(depth),
        cmocka_unit_test(open_brackets),      cmocka_unit_test(many_siblings),
        cmocka_unit_test(error_places),       cmocka_unit_test(steps),
        cmocka_unit_test(first_error_sticks), cmocka_unit_test(wrong_kinds),
        cmocka_unit_test(line_breaks),        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
