/* Expected values: RFC 8259 section 7, RFC 4648 section 10, the tables of chapter 3 of the Unicode standard; or slow loops. */
#include "helpers.h"

#include "json/text.h"

#define BAD "\xef\xbf\xbd" /* U+FFFD */

/* ----------------------------------------------------------------------------------------------------------- quoting -- */

static void quoted(weir_view text, weir_view expected)
{
    buf out = {0};
    weir_view in = guarded(text);
    assert_true(json_quote(&out, in));
    assert_true(buf_ok(&out));
    assert_view(buf_view(&out), expected);
    buf_clear(&out);
    json_quote_lossy(&out, in);
    assert_view(buf_view(&out), expected);
    guarded_free(in);
    buf_free(&out);
}

static void test_quote(void **state)
{
    (void)state;
    quoted(VIEW(""), VIEW("\"\""));
    quoted((weir_view){NULL, 0}, VIEW("\"\""));
    quoted(VIEW("plain"), VIEW("\"plain\""));
    quoted(VIEW("a\"b\\c/d"), VIEW("\"a\\\"b\\\\c/d\""));
    quoted(VIEW("\b\f\n\r\t"), VIEW("\"\\b\\f\\n\\r\\t\""));
    quoted(VIEW("\0\x01\x1f\x7f"), VIEW("\"\\u0000\\u0001\\u001f\x7f\""));
    quoted(VIEW("\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""),
           VIEW("\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\""));
    quoted(VIEW("\xc3\xa9 \xe2\x82\xac \xf0\x9d\x84\x9e, sixteen and more"),
           VIEW("\"\xc3\xa9 \xe2\x82\xac \xf0\x9d\x84\x9e, sixteen and more\""));
}

static void escape_slowly(buf *out, unsigned char c)
{
    static const char *const names[0x80] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t",
    };
    if (names[c])
        buf_adds(out, names[c]);
    else if (c < 0x20)
        buf_printf(out, "\\u%04x", c);
    else
        buf_addc(out, (char)c);
}

/* Every ASCII byte at every place of a text of every length around the block sizes. */
static void test_quote_everywhere(void **state)
{
    (void)state;
    char text[70];
    buf expected = {0};
    for (size_t len = 1; len < sizeof text; len++) {
        for (size_t at = 0; at < len; at++) {
            unsigned char c = (unsigned char)((len * 31 + at * 7) % 0x80);
            unsigned char all[] = {c, '"', '\n', 0x1f, 0x7f};
            for (size_t i = 0; i < sizeof all; i++) {
                memset(text, 'x', len);
                text[at] = (char)all[i];
                buf_clear(&expected);
                buf_addc(&expected, '"');
                for (size_t k = 0; k < len; k++)
                    escape_slowly(&expected, (unsigned char)text[k]);
                buf_addc(&expected, '"');
                quoted((weir_view){text, len}, buf_view(&expected));
            }
        }
    }
    buf_free(&expected);
}

static void test_quote_every_control_character(void **state)
{
    (void)state;
    buf expected = {0};
    for (unsigned c = 0; c < 0x80; c++) {
        char text[1] = {(char)c};
        buf_clear(&expected);
        buf_addc(&expected, '"');
        escape_slowly(&expected, (unsigned char)c);
        buf_addc(&expected, '"');
        quoted((weir_view){text, 1}, buf_view(&expected));
    }
    buf_free(&expected);
}

/* Unicode, table 3-7: well-formed UTF-8 byte sequences. */
static const struct {
    size_t len;
    unsigned char low[4], high[4];
} well_formed[] = {
    {1, {0x00}, {0x7f}},
    {2, {0xc2, 0x80}, {0xdf, 0xbf}},
    {3, {0xe0, 0xa0, 0x80}, {0xe0, 0xbf, 0xbf}},
    {3, {0xe1, 0x80, 0x80}, {0xec, 0xbf, 0xbf}},
    {3, {0xed, 0x80, 0x80}, {0xed, 0x9f, 0xbf}},
    {3, {0xee, 0x80, 0x80}, {0xef, 0xbf, 0xbf}},
    {4, {0xf0, 0x90, 0x80, 0x80}, {0xf0, 0xbf, 0xbf, 0xbf}},
    {4, {0xf1, 0x80, 0x80, 0x80}, {0xf3, 0xbf, 0xbf, 0xbf}},
    {4, {0xf4, 0x80, 0x80, 0x80}, {0xf4, 0x8f, 0xbf, 0xbf}},
};

static bool is_row(size_t row, const unsigned char *p, size_t n)
{
    if (well_formed[row].len > n)
        return false;
    for (size_t i = 0; i < well_formed[row].len; i++) {
        if (p[i] < well_formed[row].low[i] || p[i] > well_formed[row].high[i])
            return false;
    }
    return true;
}

static bool is_utf8(const unsigned char *p, size_t n)
{
    while (n) {
        size_t row = 0, rows = sizeof well_formed / sizeof *well_formed;
        while (row < rows && !is_row(row, p, n))
            row++;
        if (row == rows)
            return false;
        p += well_formed[row].len;
        n -= well_formed[row].len;
    }
    return true;
}

static void test_quote_refuses_what_is_not_utf8(void **state)
{
    (void)state;
    static const unsigned char bounds[] = {'a', 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff};
    enum { COUNT = sizeof bounds };
    buf out = {0};
    buf_adds(&out, "before");
    for (size_t i = 0; i < 128 * COUNT * COUNT * COUNT; i++) {
        unsigned char text[4] = {(unsigned char)(0x80 + i / (COUNT * COUNT * COUNT)), bounds[i / (COUNT * COUNT) % COUNT],
                                 bounds[i / COUNT % COUNT], bounds[i % COUNT]};
        for (size_t len = 1; len <= 4; len++) {
            weir_view in = {(const char *)text, len};
            bool good = is_utf8(text, len);
            assert_int_equal(json_quote(&out, in), good);
            assert_int_equal(out.len, good ? 6 + 2 + len : 6);
            out.len = 6;
        }
    }
    buf_free(&out);
}

static void test_quote_refuses_a_cut_sequence_at_every_place(void **state)
{
    (void)state;
    char text[64];
    buf out = {0};
    for (size_t len = 3; len < sizeof text; len++) {
        for (size_t at = 0; at + 3 <= len; at++) {
            memset(text, 'x', len);
            memcpy(text + at, "\xe2\x82\xac", 3);
            weir_view in = guarded((weir_view){text, len}), cut = guarded((weir_view){text, at + 2});
            assert_true(json_quote(&out, in));
            buf_clear(&out);
            assert_false(json_quote(&out, cut));
            assert_int_equal(out.len, 0);
            guarded_free(in);
            guarded_free(cut);
        }
    }
    buf_free(&out);
}

/* Unicode, tables 3-8 to 3-11: how many U+FFFD ill-formed sequences make. */
static void test_quote_lossy(void **state)
{
    (void)state;
    static const struct {
        weir_view in, expected;
    } cases[] = {
        {WEIR_LIT("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), WEIR_LIT("\"" BAD BAD BAD BAD BAD BAD BAD BAD "A\"")},
        {WEIR_LIT("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"), WEIR_LIT("\"" BAD BAD BAD BAD BAD BAD BAD BAD "A\"")},
        {WEIR_LIT("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), WEIR_LIT("\"" BAD BAD BAD BAD BAD "A" BAD BAD "B\"")},
        {WEIR_LIT("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), WEIR_LIT("\"" BAD BAD BAD BAD "A\"")},
        {WEIR_LIT("a\xff"), WEIR_LIT("\"a" BAD "\"")},
        {WEIR_LIT("\n\xe2\x82"), WEIR_LIT("\"\\n" BAD "\"")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf out = {0};
        weir_view in = guarded(cases[i].in);
        json_quote_lossy(&out, in);
        assert_view(buf_view(&out), cases[i].expected);
        guarded_free(in);
        buf_free(&out);
    }
}

static void test_quote_at_a_limit(void **state)
{
    (void)state;
    weir_view text = VIEW("a\"\x01z"); /* 12 bytes quoted */
    for (size_t max = 1; max <= 15; max++) {
        buf out = {.max = max};
        buf_addc(&out, '-');
        assert_true(json_quote(&out, text));
        assert_int_equal(buf_ok(&out), max >= 13);
        assert_int_equal(out.len, max >= 13 ? 13 : 1);
        buf_free(&out);
    }
}

/* The room must be counted to the byte, however often it grows. */
static void test_quote_grows_to_a_limit(void **state)
{
    (void)state;
    static const char *const pieces[] = {"\x01", "\"", "\xff", "\xe2\x82", "\xe2\x82\xac", "a", "plain text of more than 16 bytes"};
    uint64_t seed = 3;
    buf text = {0};
    for (int round = 0; round < 5000; round++) {
        buf whole = {0};
        buf_clear(&text);
        for (size_t n = roll(&seed, 60); n; n--)
            buf_adds(&text, pieces[roll(&seed, roll(&seed, 2) ? 3 : 7)]);
        json_quote_lossy(&whole, buf_view(&text));
        buf exact = {.max = whole.len}, less = {.max = whole.len - 1};
        json_quote_lossy(&exact, buf_view(&text));
        assert_view(buf_view(&exact), buf_view(&whole));
        json_quote_lossy(&less, buf_view(&text));
        assert_false(buf_ok(&less));
        assert_int_equal(less.len, 0);
        buf_free(&whole);
        buf_free(&exact);
        buf_free(&less);
    }
    buf_free(&text);
}

static void test_strings(void **state)
{
    (void)state;
    buf out = {0};
    json_strings(&out, NULL, 0);
    json_strings(&out, (const weir_view[]){WEIR_LIT("a"), WEIR_LIT("/b\"c"), WEIR_LIT("")}, 3);
    assert_view(buf_view(&out), VIEW("[][\"a\",\"/b\\\"c\",\"\"]"));
    buf_free(&out);
}

/* ---------------------------------------------------------------------------------------------------------- decoding -- */

static const struct {
    weir_view raw, expected;
} decoded[] = {
    {WEIR_LIT(""), WEIR_LIT("")},
    {WEIR_LIT("plain"), WEIR_LIT("plain")},
    {WEIR_LIT("\\\"\\\\\\/\\b\\f\\n\\r\\t"), WEIR_LIT("\"\\/\b\f\n\r\t")},
    {WEIR_LIT("a longer text up to here\\n, and then another part of it"),
     WEIR_LIT("a longer text up to here\n, and then another part of it")},
    {WEIR_LIT("\\u0041\\u00e9\\u20AC\\uFFFF"), WEIR_LIT("A\xc3\xa9\xe2\x82\xac\xef\xbf\xbf")},
    {WEIR_LIT("\\u0000\\u007f\\u0080\\u07ff\\u0800"), WEIR_LIT("\0\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80")},
    {WEIR_LIT("\\uD834\\uDD1E"), WEIR_LIT("\xf0\x9d\x84\x9e")}, /* the G clef of RFC 8259 */
    {WEIR_LIT("\\ud800\\udc00\\udbff\\udfff"), WEIR_LIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
    {WEIR_LIT("\\ud800"), WEIR_LIT(BAD)},
    {WEIR_LIT("\\udc00x"), WEIR_LIT(BAD "x")},
    {WEIR_LIT("\\ud800\\ud800\\udc00"), WEIR_LIT(BAD "\xf0\x90\x80\x80")},
    {WEIR_LIT("\\ud800\\n"), WEIR_LIT(BAD "\n")},
    {WEIR_LIT("\\udc00\\ud800"), WEIR_LIT(BAD BAD)},
};

static void test_unquote(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof decoded / sizeof *decoded; i++) {
        buf out = {0};
        weir_view in = guarded(decoded[i].raw);
        assert_true(json_unquote(&out, in));
        assert_view(buf_view(&out), decoded[i].expected);
        guarded_free(in);
        buf_free(&out);
    }
}

static void test_decode(void **state)
{
    (void)state;
    arena mem = {0};
    for (size_t i = 0; i < sizeof decoded / sizeof *decoded; i++) {
        buf in = {0};
        buf_addc(&in, '"');
        buf_addv(&in, decoded[i].raw);
        buf_addc(&in, '"');
        weir_view text = json_decode(&mem, buf_view(&in));
        assert_view(text, decoded[i].expected);
        assert_int_equal(text.ptr[text.len], '\0');
        buf_free(&in);
    }
    static const char *const none[] = {"", "\"", "1", "null", "[\"a\"]", "{}"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(json_decode(&mem, view_of(none[i])).ptr);
    arena_free(&mem);
}

static void test_unquote_survives_what_nobody_checked(void **state)
{
    (void)state;
    static const char *const broken[] = {"\\", "\\u", "\\u1", "\\u12", "\\u123", "\\u\\u\\u", "\\ud800\\", "\\ud800\\u",
                                         "\\ud800\\udc0", "\\q"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        weir_view in = guarded(view_of(broken[i]));
        buf out = {0};
        assert_true(json_unquote(&out, in));
        assert_in_range(out.len, 0, in.len);
        buf_free(&out);
        guarded_free(in);
    }
}

static void test_unquote_without_room(void **state)
{
    (void)state;
    buf out = {.max = 3};
    assert_false(json_unquote(&out, VIEW("four")));
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

static void test_quote_and_back(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "\"", "\\", "\n", "\x01", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9d\x84\x9e",
                                         "0123456789abcdefXYZ", "\\u0041"};
    uint64_t seed = 1;
    buf text = {0}, out = {0}, back = {0};
    for (int round = 0; round < 20000; round++) {
        buf_clear(&text);
        buf_clear(&out);
        buf_clear(&back);
        for (size_t n = roll(&seed, 12); n; n--)
            buf_adds(&text, pieces[roll(&seed, sizeof pieces / sizeof *pieces)]);
        assert_true(json_quote(&out, buf_view(&text)));
        assert_true(json_unquote(&back, (weir_view){out.ptr + 1, out.len - 2}));
        assert_view(buf_view(&back), buf_view(&text));
    }
    buf_free(&text);
    buf_free(&out);
    buf_free(&back);
}

static void test_identity(void **state)
{
    (void)state;
    arena mem = {0};
    weir_view plain = VIEW("plain");
    assert_ptr_equal(json_identity(&mem, plain).ptr, plain.ptr);
    assert_view(json_identity(&mem, VIEW("t\\u0079pe")), VIEW("type"));
    assert_view(json_identity(&mem, VIEW("\\ud834\\udd1e")), VIEW("\xf0\x9d\x84\x9e"));
    /* surrogates that stand alone are not replaced: they differ from each other and from U+FFFD */
    assert_false(view_eq(json_identity(&mem, VIEW("\\ud800")), json_identity(&mem, VIEW("\\ud801"))));
    assert_false(view_eq(json_identity(&mem, VIEW("\\udfff")), json_identity(&mem, VIEW("\\ufffd"))));
    assert_true(view_eq(json_identity(&mem, VIEW("\\ud800")), json_identity(&mem, VIEW("\\uD800"))));
    arena_free(&mem);
}

/* -------------------------------------------------------------------------------------------------------- compacting -- */

static void test_compact(void **state)
{
    (void)state;
    static const struct {
        weir_view in, expected;
    } cases[] = {
        {WEIR_LIT(""), WEIR_LIT("")},
        {WEIR_LIT(" 1 "), WEIR_LIT("1")},
        {WEIR_LIT("{\"a\":1}"), WEIR_LIT("{\"a\":1}")},
        {WEIR_LIT("{ \"a b\" :\r\n\t[ 1 , 2.5e3 , true , null ] }"), WEIR_LIT("{\"a b\":[1,2.5e3,true,null]}")},
        {WEIR_LIT("\" a \\\" b \" "), WEIR_LIT("\" a \\\" b \"")},
        {WEIR_LIT("[\"\\\\\" , \"\\\\\\\" ,\"]"), WEIR_LIT("[\"\\\\\",\"\\\\\\\" ,\"]")},
        {WEIR_LIT("[\"\xe2\x82\xac , \xe2\x82\xac\" , 1]"), WEIR_LIT("[\"\xe2\x82\xac , \xe2\x82\xac\",1]")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf out = {0};
        weir_view in = guarded(cases[i].in);
        json_compact(&out, in);
        assert_view(buf_view(&out), cases[i].expected);
        guarded_free(in);
        buf_free(&out);
    }
}

static void compact_slowly(buf *out, weir_view json)
{
    bool inside = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (inside && c == '\\')
            buf_addc(out, json.ptr[i++]);
        else if (c == '"')
            inside = !inside;
        else if (!inside && strchr(" \t\r\n", c))
            continue;
        buf_addc(out, json.ptr[i]);
    }
}

static void test_compact_random_tokens(void **state)
{
    (void)state;
    static const char *const pieces[] = {"{", "}", "[", "]", ",", ":", " ", "  ", "\n", "\r\n\t\t\t", "                    ",
                                         "123.5e-7", "\"\"",
                                         "\"a b\"", "\"\\\"\"", "\"\\\\\"", "\" 0123456789 0123456789 \\n \"", "\" \xc3\xa9 \"",
                                         "true"};
    uint64_t seed = 2;
    buf text = {0}, out = {0}, expected = {0};
    for (int round = 0; round < 20000; round++) {
        buf_clear(&text);
        buf_clear(&out);
        buf_clear(&expected);
        for (size_t n = roll(&seed, 30); n; n--)
            buf_adds(&text, pieces[roll(&seed, sizeof pieces / sizeof *pieces)]);
        weir_view in = guarded(buf_view(&text));
        json_compact(&out, in);
        compact_slowly(&expected, in);
        assert_view(buf_view(&out), buf_view(&expected));
        guarded_free(in);
    }
    buf_free(&text);
    buf_free(&out);
    buf_free(&expected);
}

static void test_compact_survives_what_nobody_checked(void **state)
{
    (void)state;
    static const char *const broken[] = {"\"", "\"a", "\"\\", "[1, \"abc\\", "\"a\\\"", "\x01",
                                         "\xc3\xa9 0123456789 0123456789 \xc3\xa9 \x7f"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        weir_view in = guarded(view_of(broken[i]));
        buf out = {0};
        json_compact(&out, in);
        assert_in_range(out.len, 1, in.len);
        buf_free(&out);
        guarded_free(in);
    }
}

/* ------------------------------------------------------------------------------------------------------------ base64 -- */

static void test_base64(void **state)
{
    (void)state;
    static const struct {
        weir_view bytes, text;
    } cases[] = {
        {WEIR_LIT(""), WEIR_LIT("")},
        {WEIR_LIT("f"), WEIR_LIT("Zg==")},
        {WEIR_LIT("fo"), WEIR_LIT("Zm8=")},
        {WEIR_LIT("foo"), WEIR_LIT("Zm9v")},
        {WEIR_LIT("foob"), WEIR_LIT("Zm9vYg==")},
        {WEIR_LIT("fooba"), WEIR_LIT("Zm9vYmE=")},
        {WEIR_LIT("foobar"), WEIR_LIT("Zm9vYmFy")},
        {WEIR_LIT("\xfb\xff\xbf\x00"), WEIR_LIT("+/+/AA==")},
        {WEIR_LIT("\x14\xfb\x9c\x03\xd9\x7e"), WEIR_LIT("FPucA9l+")}, /* RFC 3548 section 7 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf out = {0}, back = {0};
        weir_view in = guarded(cases[i].bytes), text = guarded(cases[i].text);
        base64_encode(&out, in);
        assert_view(buf_view(&out), text);
        assert_true(base64_decode(&back, text));
        assert_view(buf_view(&back), in);
        guarded_free(in);
        guarded_free(text);
        buf_free(&out);
        buf_free(&back);
    }
}

static void test_base64_accepts(void **state)
{
    (void)state;
    buf out = {0};
    assert_true(base64_decode(&out, VIEW("Zg")));
    assert_true(base64_decode(&out, VIEW("Zm8")));
    assert_true(base64_decode(&out, VIEW("-_-_AA")));
    assert_view(buf_view(&out), VIEW("ffo\xfb\xff\xbf\0"));
    buf_free(&out);
}

static void test_base64_refuses(void **state)
{
    (void)state;
    static const char *const wrong[] = {"Z", "Zg=", "Zm9vY", "Zm9v=", "Zm9v==", "====", "=", "Zg===", "Z===", "Zm=v", "Zm9v\n",
                                        "Zm 9v", "Zm9\xc3", "Zg==Zg=="};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        buf out = {0};
        buf_addc(&out, '-');
        if (base64_decode(&out, view_of(wrong[i])))
            fail_msg("'%s' was accepted", wrong[i]);
        assert_int_equal(out.len, 1);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_quote_everywhere),
        cmocka_unit_test(test_quote_every_control_character),
        cmocka_unit_test(test_quote_refuses_what_is_not_utf8),
        cmocka_unit_test(test_quote_refuses_a_cut_sequence_at_every_place),
        cmocka_unit_test(test_quote_lossy),
        cmocka_unit_test(test_quote_at_a_limit),
        cmocka_unit_test(test_quote_grows_to_a_limit),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_unquote),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_unquote_survives_what_nobody_checked),
        cmocka_unit_test(test_unquote_without_room),
        cmocka_unit_test(test_quote_and_back),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_compact),
        cmocka_unit_test(test_compact_random_tokens),
        cmocka_unit_test(test_compact_survives_what_nobody_checked),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_base64_accepts),
        cmocka_unit_test(test_base64_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
