#include "json/scan.h"

#include "json/blocks.h"
#include "json/steps.h"

bool json_bad(json_scan *s, const char *error)
{
    if (!s->error)
        s->error = error;
    return false;
}

/* Behind the value that begins at p (whitespace skipped), or NULL with the error set. Nesting is a stack of bits, 1 for an object, with
 * the innermost 64 at hand. */
static const char *value_end(json_scan *s, const char *p, const char *end)
{
    uint64_t nesting = 0, outer[JSON_DEPTH / 64 + 1];
    unsigned most = JSON_DEPTH - s->depth, depth = 0;
    bool escaped = false;
    window w = {(uintptr_t)p - 64, 0};

value:
    p = skip_space(s, p, end);
    if (p == end)
        return fail_at(s, p, "a value is missing at the end");
    switch (*p) {
    case '"':
        p = string_end(s, &w, p + 1, end, &escaped);
        if (!p)
            return NULL;
        p++;
        break;
    case '{': case '[':
        if (depth == most)
            return fail_at(s, p, "nested too deeply");
        if (depth % 64 == 0)
            outer[depth / 64] = nesting;
        nesting = nesting << 1 | (*p == '{');
        depth++;
        p = skip_space(s, p + 1, end);
        if (p < end && *p == (nesting & 1 ? '}' : ']'))
            goto close;
        if (nesting & 1)
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
    if (depth == 0)
        return p;
    if (p < end && *p != ',')
        p = skip_space(s, p, end);
    if (p == end)
        return fail_at(s, p, nesting & 1 ? "unterminated object" : "unterminated array");
    if (*p == ',') {
        p++;
        if (!(nesting & 1))
            goto value;
        p = skip_space(s, p, end);
        goto key;
    }
    if (*p != (nesting & 1 ? '}' : ']'))
        return fail_at(s, p, nesting & 1 ? "expected , or } in an object" : "expected , or ] in an array");
close:
    p++;
    depth--;
    nesting = depth % 64 ? nesting >> 1 : outer[depth / 64];
    goto after;
key:
    if (p == end || *p != '"')
        return fail_at(s, p, "expected a member name in quotes");
    p = string_end(s, &w, p + 1, end, &escaped);
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
    const char *to = s->end - from >= BLOCKS_WORTH && (*from == '{' || *from == '[') && blocks_available()
                         ? blocks_value_end(from, s->end, JSON_DEPTH - s->depth, &s->lines)
                         : NULL;
    if (!to)
        to = value_end(s, from, s->end); /* knows what is wrong */
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
    const char *to = string_end(s, NULL, from + 1, s->end, &seen);
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
    const char *from = s->at + 1, *to = string_end(s, NULL, from, s->end, &escaped);
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
        p = sequences_end(p, end);
        if (p < end && (signed char)*p < 0)
            return false;
    }
    return true;
}
