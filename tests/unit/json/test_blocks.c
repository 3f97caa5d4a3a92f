/* blocks.h against the scanner that goes step by step: random documents, whole and damaged, at every distance from a block's border. */
#include "helpers.h"

#include "json/blocks.h"
#include "json/scan.h"

enum { ROUNDS = 60000 };

typedef struct random_source {
    uint64_t state;
} random_source;

static unsigned next(random_source *r, unsigned below)
{
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(r->state >> 33) % below;
}

static void put_space(random_source *r, buf *out)
{
    static const char *const spaces[] = {"", "", "", "", " ", "  ", "\t", "\n", "\r\n", "            "};
    buf_adds(out, spaces[next(r, 10)]);
}

static void put_string(random_source *r, buf *out)
{
    static const char *const parts[] = {"a", "plain text of some length", "\\\"", "\\\\", "\\u00e9", "\\ud83d\\ude00", "\\n", "é", "я", "€", "한글", "😀",
                                        "\xf4\x8f\xbf\xbf", "\xee\x80\x80", "{", "}", "[", "]", ":", ",", "0", "null", "\x7f", " ", "    "};
    buf_addc(out, '"');
    for (unsigned n = next(r, 12); n; n--)
        buf_adds(out, parts[next(r, sizeof parts / sizeof *parts)]);
    buf_addc(out, '"');
}

static void put_value(random_source *r, buf *out, unsigned depth)
{
    static const char *const scalars[] = {"0", "-1", "12345678901234567890", "1.5", "-0.0e-10", "1E+2", "true", "false", "null", "7"};
    unsigned kind = next(r, depth ? 8 : 4);
    put_space(r, out);
    if (kind < 2) {
        buf_adds(out, scalars[next(r, 10)]);
    } else if (kind < 4) {
        put_string(r, out);
    } else {
        buf_addc(out, kind < 6 ? '{' : '[');
        for (unsigned n = next(r, 6); n; n--) {
            if (kind < 6) {
                put_space(r, out);
                put_string(r, out);
                put_space(r, out);
                buf_addc(out, ':');
            }
            put_value(r, out, depth - 1);
            if (n > 1)
                buf_addc(out, ',');
        }
        put_space(r, out);
        buf_addc(out, kind < 6 ? '}' : ']');
    }
    put_space(r, out);
}

static void walk(json_scan *s)
{
    json_key key;
    char c = json_peek(s);
    if (c == '{') {
        for (json_enter(s, '{'); json_member(s, &key);)
            walk(s);
    } else if (c == '[') {
        for (json_enter(s, '['); json_item(s);)
            walk(s);
    } else if (c == '"') {
        json_string(s, NULL, NULL);
    } else {
        json_skip(s, NULL);
    }
}

/* It may give up because of what stands behind the value. @return was it right? */
static bool compare(weir_view text)
{
    bool lines = false;
    json_scan s = json_scan_of(text);
    walk(&s);
    const char *end = blocks_value_end(text.ptr, text.ptr + text.len, JSON_DEPTH, &lines);
    if (end ? s.error || end != s.at || lines != s.lines : !s.error && s.at == s.end) {
        print_error("step by step: %s at %td, by blocks: %td, lines %d and %d\n%.*s\n", s.error ? s.error : "right", s.at - s.begin, end ? end - text.ptr : -1, s.lines,
                    lines, VIEW_ARG(text));
        fail();
    }
    return !s.error;
}

static void random_documents(void **state)
{
    static const char damage[] = "\"\\{}[]:,0-eE.x \t\n\r\x01\x0c\x1a\x80\xbf\xc0\xc2\xe0\xed\xf0\xf4\xf5\xff";
    random_source r = {20};
    unsigned right = 0, wrong = 0;
    (void)state;
    if (!blocks_available())
        skip();
    for (int i = 0; i < ROUNDS; i++) {
        buf text = {0};
        buf_adds(&text, i % 2 ? "[" : "{\"a\":");
        put_value(&r, &text, 5);
        buf_adds(&text, i % 2 ? "]" : "}");
        for (unsigned n = i % 4 ? 0 : next(&r, 70); n; n--)
            buf_addc(&text, next(&r, 3) ? ' ' : (char)next(&r, 256)); /* what follows is nobody's business */
        assert_true(buf_ok(&text));
        weir_view copy = guarded(buf_view(&text));
        right += compare(copy);
        for (int n = 0; n < 6; n++) {
            char *at = (char *)(uintptr_t)copy.ptr + next(&r, (unsigned)copy.len), was = *at;
            if (at == copy.ptr)
                continue;
            *at = damage[next(&r, sizeof damage - 1)];
            *(compare(copy) ? &right : &wrong) += 1;
            if (next(&r, 2))
                *at = was;
        }
        guarded_free(copy);
        buf_free(&text);
    }
    assert_true(right > ROUNDS && wrong > ROUNDS);
}

/* Every pair of bytes and every interesting sequence of four, in a string, across the border between two blocks. */
static void every_sequence(void **state)
{
    static const unsigned char bytes[] = {'a', 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff};
    enum { N = sizeof bytes };
    char text[200];
    (void)state;
    if (!blocks_available())
        skip();
    for (size_t at = 60; at < 66; at++)
        for (size_t i = 0; i < (size_t)N * N * N * N; i++) {
            memset(text, 'x', sizeof text);
            memcpy(text, "[\"", 2);
            memcpy(text + sizeof text - 2, "\"]", 2);
            for (size_t k = 0, n = i; k < 4; k++, n /= N)
                text[at + k] = (char)bytes[n % N];
            compare((weir_view){text, sizeof text});
        }
    for (size_t i = 0; i < 256 * 256; i++) {
        memset(text, 'x', sizeof text);
        memcpy(text, "[\"", 2);
        memcpy(text + sizeof text - 2, "\"]", 2);
        text[63] = (char)(i % 256);
        text[64] = (char)(i / 256);
        compare((weir_view){text, sizeof text});
    }
}

static void deep_ones(void **state)
{
    buf text = {0};
    (void)state;
    if (!blocks_available())
        skip();
    for (unsigned depth = JSON_DEPTH - 1; depth <= JSON_DEPTH + 1; depth++) {
        buf_clear(&text);
        for (unsigned i = 0; i < depth; i++)
            buf_adds(&text, i % 3 ? "[" : "{\"a\":");
        buf_adds(&text, "1");
        for (unsigned i = depth; i-- > 0;)
            buf_adds(&text, i % 3 ? "]" : "}");
        assert_true(buf_ok(&text));
        assert_int_equal(compare(buf_view(&text)), depth <= JSON_DEPTH);
    }
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_documents), cmocka_unit_test(every_sequence), cmocka_unit_test(deep_ones)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
