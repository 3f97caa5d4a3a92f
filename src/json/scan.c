#include "json/scan.h"

#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

bool json_bad(json_scan *s, const char *error)
{
    if (!s->error)
        s->error = error;
    return false;
}

/* The first byte that is no whitespace, or end. */
static inline const char *skip_space(json_scan *s, const char *p, const char *end)
{
    while (p < end && (unsigned char)*p <= ' ') {
        if (*p == '\n' || *p == '\r')
            s->lines = true;
        else if (*p != ' ' && *p != '\t')
            break; /* a control character: no token begins with it, the caller says so */
        p++;
    }
    return p;
}

/* Behind one well-formed UTF-8 sequence of two to four bytes (Unicode 15, table 3-7), or NULL. */
static inline const char *utf8_sequence(const char *at, const char *end)
{
    const unsigned char *p = (const unsigned char *)at;
    size_t left = (size_t)(end - at);
    if (p[0] < 0xc2)
        return NULL;
    if (p[0] < 0xe0)
        return left >= 2 && (p[1] & 0xc0) == 0x80 ? at + 2 : NULL;
    if (p[0] < 0xf0) {
        if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
            return NULL;
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
            return NULL;
        return at + 3;
    }
    if (p[0] > 0xf4 || left < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
        return NULL;
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return NULL;
    return at + 4;
}

static inline bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Behind an escape that begins at the backslash p, or NULL. */
static const char *escape_end(const char *p, const char *end)
{
    if (end - p < 2)
        return NULL;
    switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return p + 2;
    case 'u':
        return end - p >= 6 && is_hex(p[2]) && is_hex(p[3]) && is_hex(p[4]) && is_hex(p[5]) ? p + 6 : NULL;
    default:
        return NULL;
    }
}

/* p is behind the opening quote. Returns the closing quote, or NULL with the error set. */
static inline const char *string_end(json_scan *s, const char *p, const char *end, bool *escaped)
{
    for (;;) {
#ifdef __SSE2__
        const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
        while (end - p >= 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
            /* Signed order: bytes from 0x80 up are negative, so "less than space" finds them and the control characters. */
            __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)),
                                       _mm_cmplt_epi8(v, space));
            int mask = _mm_movemask_epi8(hit);
            if (mask) {
                p += __builtin_ctz((unsigned)mask);
                break;
            }
            p += 16;
        }
#endif
        while (p < end && (signed char)*p >= ' ' && *p != '"' && *p != '\\')
            p++;
        if (p == end) {
            s->at = p;
            json_bad(s, "unterminated string");
            return NULL;
        }
        if (*p == '"')
            return p;
        const char *next;
        if (*p == '\\') {
            *escaped = true;
            next = escape_end(p, end);
        } else if ((signed char)*p < 0) {
            do {
                next = utf8_sequence(p, end);
                p = next ? next : p;
            } while (next && p < end && (signed char)*p < 0);
        } else {
            next = NULL;
        }
        if (!next) {
            s->at = p;
            json_bad(s, *p == '\\' ? "bad escape in a string" : (signed char)*p < 0 ? "bytes that are not UTF-8" :
                     "control character in a string");
            return NULL;
        }
        p = next;
    }
}

static inline const char *digits_end(const char *p, const char *end)
{
    while (p < end && (unsigned char)(*p - '0') < 10)
        p++;
    return p;
}

/* Behind the number at p, or NULL with the error set. */
static inline const char *number_end(json_scan *s, const char *p, const char *end)
{
    const char *begin = p;
    if (*p == '-')
        p++;
    const char *whole = p;
    p = digits_end(p, end);
    if (p == whole || (*whole == '0' && p - whole > 1))
        goto bad;
    if (p < end && *p == '.') {
        const char *from = ++p;
        p = digits_end(p, end);
        if (p == from)
            goto bad;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        const char *from = p;
        p = digits_end(p, end);
        if (p == from)
            goto bad;
    }
    return p;
bad:
    s->at = begin;
    json_bad(s, "bad number");
    return NULL;
}

static const char *word_end(json_scan *s, const char *p, const char *end)
{
    static const struct { const char *text; size_t len; } words[] = {{"true", 4}, {"false", 5}, {"null", 4}};
    for (size_t i = 0; i < 3; i++)
        if (*p == *words[i].text) {
            if ((size_t)(end - p) >= words[i].len && memcmp(p, words[i].text, words[i].len) == 0)
                return p + words[i].len;
            break;
        }
    s->at = p;
    json_bad(s, "no JSON value begins here");
    return NULL;
}

static inline const char *fail_at(json_scan *s, const char *p, const char *error)
{
    s->at = p;
    json_bad(s, error);
    return NULL;
}

/* Behind the value that begins at p (whitespace skipped), or NULL with the error set. Nesting is a stack of bits. */
static const char *value_end(json_scan *s, const char *p, const char *end)
{
    uint64_t objects[JSON_DEPTH / 64 + 1];
    unsigned base = s->depth, depth = base;
    bool escaped = false, in_object = false;

value:
    p = skip_space(s, p, end);
    if (p == end)
        return fail_at(s, p, "a value is missing at the end");
    switch (*p) {
    case '"':
        p = string_end(s, p + 1, end, &escaped);
        if (!p)
            return NULL;
        p++;
        break;
    case '{': case '[':
        if (depth == JSON_DEPTH)
            return fail_at(s, p, "nested too deeply");
        in_object = *p == '{';
        if (in_object)
            objects[depth / 64] |= (uint64_t)1 << (depth % 64);
        else
            objects[depth / 64] &= ~((uint64_t)1 << (depth % 64));
        depth++;
        p = skip_space(s, p + 1, end);
        if (p < end && *p == (in_object ? '}' : ']'))
            goto close;
        if (in_object)
            goto key;
        goto value;
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        p = number_end(s, p, end);
        if (!p)
            return NULL;
        break;
    default:
        p = word_end(s, p, end);
        if (!p)
            return NULL;
    }
after:
    if (depth == base)
        return p;
    if (p < end && *p != ',')
        p = skip_space(s, p, end);
    if (p == end)
        return fail_at(s, p, in_object ? "unterminated object" : "unterminated array");
    if (*p == ',') {
        p++;
        if (!in_object)
            goto value;
        p = skip_space(s, p, end);
        goto key;
    }
    if (*p != (in_object ? '}' : ']'))
        return fail_at(s, p, in_object ? "expected , or } in an object" : "expected , or ] in an array");
close:
    p++;
    depth--;
    if (depth > base)
        in_object = objects[(depth - 1) / 64] >> ((depth - 1) % 64) & 1;
    goto after;
key:
    if (p == end || *p != '"')
        return fail_at(s, p, "expected a member name in quotes");
    p = string_end(s, p + 1, end, &escaped);
    if (!p)
        return NULL;
    p++;
    if (p < end && *p != ':')
        p = skip_space(s, p, end);
    if (p == end || *p != ':')
        return fail_at(s, p, "expected : after a member name");
    p++;
    goto value;
}

char json_peek(json_scan *s)
{
    if (s->error)
        return 0;
    s->at = skip_space(s, s->at, s->end);
    if (s->at == s->end)
        return 0;
    char c = *s->at;
    if (c == '-' || (c >= '0' && c <= '9'))
        return c;
    if (c == '{' || c == '[' || c == '"' || c == 't' || c == 'f' || c == 'n')
        return c;
    json_bad(s, "no JSON value begins here");
    return 0;
}

bool json_skip(json_scan *s, weir_view *span)
{
    if (s->error)
        return false;
    const char *from = skip_space(s, s->at, s->end);
    const char *to = value_end(s, from, s->end);
    if (!to)
        return false;
    s->at = to;
    s->first = false;
    if (span)
        *span = (weir_view){from, (size_t)(to - from)};
    return true;
}

bool json_string(json_scan *s, weir_view *raw, bool *escaped)
{
    bool seen = false;
    if (s->error)
        return false;
    const char *from = skip_space(s, s->at, s->end);
    if (from == s->end || *from != '"') {
        s->at = from;
        return json_bad(s, "expected a string");
    }
    const char *to = string_end(s, from + 1, s->end, &seen);
    if (!to)
        return false;
    s->at = to + 1;
    s->first = false;
    if (raw)
        *raw = (weir_view){from + 1, (size_t)(to - from - 1)};
    if (escaped)
        *escaped = seen;
    return true;
}

bool json_enter(json_scan *s, char open)
{
    if (s->error)
        return false;
    s->at = skip_space(s, s->at, s->end);
    if (s->at == s->end || *s->at != open)
        return json_bad(s, open == '{' ? "expected an object" : "expected an array");
    if (s->depth == JSON_DEPTH)
        return json_bad(s, "nested too deeply");
    s->depth++;
    s->at++;
    s->first = true;
    return true;
}

/* At the next member or item: true. At the closing bracket, which is taken, or on error: false. */
static inline bool step(json_scan *s, char close)
{
    if (s->error)
        return false;
    s->at = skip_space(s, s->at, s->end);
    if (s->at == s->end)
        return json_bad(s, close == '}' ? "unterminated object" : "unterminated array");
    if (*s->at == close) {
        s->at++;
        s->depth--;
        s->first = false;
        return false;
    }
    if (!s->first) {
        if (*s->at != ',')
            return json_bad(s, close == '}' ? "expected , or } in an object" : "expected , or ] in an array");
        s->at = skip_space(s, s->at + 1, s->end);
    }
    s->first = false;
    return true;
}

bool json_member(json_scan *s, json_key *key)
{
    if (!step(s, '}'))
        return false;
    if (s->at == s->end || *s->at != '"')
        return json_bad(s, "expected a member name in quotes");
    bool escaped = false;
    const char *from = s->at + 1, *to = string_end(s, from, s->end, &escaped);
    if (!to)
        return false;
    *key = (json_key){{from, (size_t)(to - from)}, escaped};
    s->at = skip_space(s, to + 1, s->end);
    if (s->at == s->end || *s->at != ':')
        return json_bad(s, "expected : after a member name");
    s->at++;
    return true;
}

bool json_item(json_scan *s)
{
    return step(s, ']');
}

bool json_done(json_scan *s)
{
    if (s->error)
        return false;
    s->at = skip_space(s, s->at, s->end);
    return s->at == s->end ? true : json_bad(s, "text after the end of the value");
}

bool json_check(weir_view text, const char **error, size_t *offset)
{
    json_scan s = json_scan_of(text);
    if (json_skip(&s, NULL) && json_done(&s))
        return true;
    if (error)
        *error = s.error;
    if (offset)
        *offset = (size_t)(s.at - s.begin);
    return false;
}

static uint32_t hex4(const char *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

static size_t utf8_put(char out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

size_t json_unescape(const char **at, char out[4])
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *p = *at;
    if (p[1] != 'u') {
        const char *k = strchr(from, p[1]);
        out[0] = to[k - from];
        *at = p + 2;
        return 1;
    }
    uint32_t c = hex4(p + 2);
    p += 6;
    if (c >= 0xd800 && c < 0xdc00 && p[0] == '\\' && p[1] == 'u') {
        uint32_t low = hex4(p + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            p += 6;
        }
    }
    if (c >= 0xd800 && c < 0xe000)
        c = 0xfffd;
    *at = p;
    return utf8_put(out, c);
}

bool json_key_is(json_key key, weir_view name)
{
    if (!key.escaped)
        return view_eq(key.raw, name);
    const char *p = key.raw.ptr, *end = p + key.raw.len;
    size_t n = 0;
    while (p < end) {
        char out[4];
        size_t len = 1;
        if (*p == '\\')
            len = json_unescape(&p, out);
        else
            out[0] = *p++;
        if (name.len - n < len || memcmp(name.ptr + n, out, len) != 0)
            return false;
        n += len;
    }
    return n == name.len;
}

bool json_utf8(weir_view text)
{
    const char *p = text.ptr, *end = text.len ? p + text.len : p;
    while (p < end) {
#ifdef __SSE2__
        if (end - p >= 16 && !_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)p))) {
            p += 16;
            continue;
        }
#endif
        if ((signed char)*p >= 0) {
            p++;
            continue;
        }
        p = utf8_sequence(p, end);
        if (!p)
            return false;
    }
    return true;
}
