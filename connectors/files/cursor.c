#include "cursor.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool bad(cursor *c, const char *error)
{
    if (!c->error)
        c->error = error;
    return false;
}

static bool is_digit(char ch) { return ch >= '0' && ch <= '9'; }

char cursor_peek(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
    return c->at < c->end && !c->error ? *c->at : 0;
}

static bool expected(cursor *c, const char *what) { return bad(c, c->at < c->end ? what : "ends too early"); }

/* The first quote, backslash or control character. */
static const char *string_stop(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
    for (; end - p >= 16; p += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(b, quote), _mm_cmpeq_epi8(b, slash)),
                                    _mm_cmpeq_epi8(_mm_max_epu8(b, control), control));
        int mask = _mm_movemask_epi8(stop);
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    return p;
}

static int hex_digit(char ch)
{
    if (is_digit(ch))
        return ch - '0';
    char low = (char)(ch | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The four digits behind \u; -1 if they are not. */
static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(p[i]);
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static bool take_escape(cursor *c)
{
    const char *p = c->at + 1;
    if (p < c->end && *p == 'u' && c->end - p >= 5 && hex4(p + 1) >= 0)
        c->at = p + 5;
    else if (p < c->end && *p && strchr("\"\\/bfnrt", *p))
        c->at = p + 1;
    else
        return bad(c, "has a bad escape");
    return true;
}

bool cursor_string(cursor *c, weir_view *raw, bool *escaped)
{
    if (cursor_peek(c) != '"')
        return expected(c, "has no string where one must be");
    const char *begin = ++c->at;
    *escaped = false;
    for (;;) {
        c->at = string_stop(c->at, c->end);
        if (c->at == c->end)
            return bad(c, "ends inside a string");
        if (*c->at == '"')
            break;
        if (*c->at != '\\')
            return bad(c, "has a control character in a string");
        *escaped = true;
        if (!take_escape(c))
            return false;
    }
    *raw = (weir_view){begin, (size_t)(c->at++ - begin)};
    return true;
}

static bool take_digits(cursor *c)
{
    const char *begin = c->at;
    while (c->at < c->end && is_digit(*c->at))
        c->at++;
    return c->at > begin;
}

bool cursor_number(cursor *c, bool *integer)
{
    *integer = true;
    c->at += c->at < c->end && *c->at == '-';
    bool zero = c->at < c->end && *c->at == '0';
    const char *begin = c->at;
    if (!take_digits(c) || (zero && c->at - begin > 1))
        return bad(c, "has a bad number");
    if (c->at < c->end && *c->at == '.') {
        *integer = false;
        c->at++;
        if (!take_digits(c))
            return bad(c, "has a bad number");
    }
    if (c->at < c->end && (*c->at | 0x20) == 'e') {
        *integer = false;
        c->at++;
        c->at += c->at < c->end && (*c->at == '+' || *c->at == '-');
        if (!take_digits(c))
            return bad(c, "has a bad number");
    }
    return true;
}

bool cursor_word(cursor *c, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n))
        return bad(c, "has something that is no JSON value");
    c->at += n;
    return true;
}

bool cursor_enter(cursor *c, char open)
{
    if (cursor_peek(c) != open)
        return expected(c, open == '{' ? "has no object where one must be" : "has no array where one must be");
    c->at++;
    return true;
}

/* Comma or closing bracket. @return whether another element comes */
static bool another(cursor *c, bool *first, char close, const char *what)
{
    char ch = cursor_peek(c);
    if (ch == close) {
        c->at++;
        return false;
    }
    if (!*first) {
        if (ch != ',')
            return expected(c, what);
        c->at++;
        if (cursor_peek(c) == close)
            return bad(c, "has a comma too many");
    }
    *first = false;
    return !c->error;
}

static bool take_key(cursor *c, cursor_key *key)
{
    if (!cursor_string(c, &key->raw, &key->escaped))
        return false;
    if (cursor_peek(c) != ':')
        return expected(c, "lacks a colon");
    c->at++;
    return true;
}

bool cursor_member(cursor *c, bool *first, cursor_key *key)
{
    return another(c, first, '}', "lacks a comma or closing brace") && take_key(c, key);
}

bool cursor_item(cursor *c, bool *first) { return another(c, first, ']', "lacks a comma or closing bracket"); }

bool cursor_done(cursor *c)
{
    cursor_peek(c);
    return c->at < c->end || c->error ? bad(c, "has something behind its end") : true;
}

static bool take_scalar(cursor *c, char ch)
{
    weir_view raw;
    bool flag;
    switch (ch) {
    case '"': return cursor_string(c, &raw, &flag);
    case 't': return cursor_word(c, "true");
    case 'f': return cursor_word(c, "false");
    case 'n': return cursor_word(c, "null");
    default:
        return is_digit(ch) || ch == '-' ? cursor_number(c, &flag) : expected(c, "has something that is no JSON value");
    }
}

/* Which of the open brackets are braces. */
typedef struct nesting {
    uint64_t braces[CURSOR_DEPTH / 64];
    unsigned depth;
} nesting;

static bool push(cursor *c, nesting *n, bool brace)
{
    if (n->depth == CURSOR_DEPTH)
        return bad(c, "is nested too deeply");
    uint64_t bit = UINT64_C(1) << (n->depth % 64), *word = &n->braces[n->depth / 64];
    *word = brace ? *word | bit : *word & ~bit;
    n->depth++;
    c->at++;
    return true;
}

static bool in_object(const nesting *n) { return n->depth && n->braces[(n->depth - 1) / 64] >> ((n->depth - 1) % 64) & 1; }

/* Behind a value: closes what ends here. *again: another value comes. */
static bool after_value(cursor *c, nesting *n, bool *first, bool *again)
{
    cursor_key key;
    *again = false;
    while (n->depth) {
        bool object = in_object(n);
        *again = object ? cursor_member(c, first, &key) : cursor_item(c, first);
        if (*again || c->error)
            break;
        n->depth--;
        *first = false;
    }
    return !c->error;
}

bool cursor_skip(cursor *c, weir_view *span)
{
    nesting n;
    n.depth = 0;
    char ch = cursor_peek(c);
    const char *begin = c->at;
    for (bool again = true, first; again; ch = cursor_peek(c)) {
        first = ch == '{' || ch == '[';
        if (!(first ? push(c, &n, ch == '{') : take_scalar(c, ch)) || !after_value(c, &n, &first, &again))
            return false;
        if (!again)
            break;
    }
    if (span)
        *span = (weir_view){begin, (size_t)(c->at - begin)};
    return true;
}

/* --------------------------------------------------------------------------------------------------------------- texts -- */

static void add_code(strbuf *out, uint32_t c)
{
    char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3f));
    bytes[0] = (char)(lead[n == 1 ? 0 : n] | c);
    strbuf_add(out, bytes, n);
}

/* p is behind "\u". @return where to go on */
static const char *decode_code(strbuf *out, const char *p, const char *end)
{
    uint32_t c = (uint32_t)hex4(p);
    p += 4;
    if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        uint32_t low = (uint32_t)hex4(p + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            add_code(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
            return p + 6;
        }
    }
    add_code(out, c >= 0xd800 && c <= 0xdfff ? 0xfffd : c);
    return p;
}

void cursor_decode(strbuf *out, weir_view raw)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    while (p < end) {
        if (*p != '\\') {
            strbuf_addc(out, *p++);
        } else if (p[1] == 'u') {
            p = decode_code(out, p + 2, end);
        } else {
            const char *named = strchr(from, p[1]);
            strbuf_addc(out, named ? to[named - from] : p[1]);
            p += 2;
        }
    }
}

bool cursor_key_is(cursor_key key, const char *text)
{
    if (!key.escaped)
        return view_says(key.raw, text);
    strbuf plain = {0};
    cursor_decode(&plain, key.raw);
    bool same = !plain.failed && view_says(strbuf_view(&plain), text);
    strbuf_free(&plain);
    return same;
}

weir_view cursor_find(weir_view object, const char *name)
{
    cursor c = cursor_of(object);
    cursor_key key;
    weir_view span;
    if (cursor_peek(&c) != '{')
        return (weir_view){NULL, 0};
    cursor_enter(&c, '{');
    for (bool first = true; cursor_member(&c, &first, &key) && cursor_skip(&c, &span);)
        if (cursor_key_is(key, name))
            return span;
    return (weir_view){NULL, 0};
}
