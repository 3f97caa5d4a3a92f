/* quick.h - the common forms of tokens, recognised inline. For loops that see millions of small values: what these functions do not
 * know (escapes, text beyond ASCII, exponents, objects ...) they leave to json/scan.h. Nothing is read at or behind `end`.
 */
#ifndef WEIR_JSON_QUICK_H
#define WEIR_JSON_QUICK_H

#include <stdint.h>

#include "json/scan.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline bool quick_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/** The first byte that is no whitespace, or end. */
static inline const char *quick_space(const char *at, const char *end)
{
    while (at < end && (unsigned char)*at <= ' ' && quick_is_space(*at))
        at++;
    return at;
}

/** The first byte that is a quote, a backslash, a control character or not ASCII; or end. */
static inline const char *quick_plain(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
    for (; end - at >= 16; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
        /* Signed order: bytes from 0x80 up are negative, so "less than space" finds them and the control characters. */
        __m128i special =
            _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_or_si128(_mm_cmpeq_epi8(v, backslash), _mm_cmplt_epi8(v, space)));
        unsigned mask = (unsigned)_mm_movemask_epi8(special);
        if (mask)
            return at + __builtin_ctz(mask);
    }
#endif
    while (at < end && (signed char)*at >= ' ' && *at != '"' && *at != '\\')
        at++;
    return at;
}

static inline const char *quick_digits(const char *at, const char *end)
{
#ifdef __SSE2__
    if (end - at >= 16) {
        __m128i v = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)at), _mm_set1_epi8('0'));
        unsigned digits = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v));
        if (digits != 0xffff)
            return at + __builtin_ctz(~digits);
        at += 16;
    }
#endif
    while (at < end && (unsigned char)(*at - '0') <= 9)
        at++;
    return at;
}

/** Behind the number at `at`, or NULL if it is none or has an exponent. */
static inline const char *quick_number(const char *at, const char *end)
{
    at += *at == '-';
    const char *to = quick_digits(at, end);
    if (to == at || (*at == '0' && to - at > 1))
        return NULL;
    if (to == end || (*to != '.' && (*to | 0x20) != 'e'))
        return to;
    if (*to != '.')
        return NULL;
    at = to + 1;
    to = quick_digits(at, end);
    return to == at || (to < end && (*to | 0x20) == 'e') ? NULL : to;
}

static inline const char *quick_word(const char *at, const char *end, const char *word, size_t len)
{
    return (size_t)(end - at) >= len && memcmp(at, word, len) == 0 ? at + len : NULL;
}

/** Behind the value at `at` (before end), if it is a plain string, a number without exponent or a word; otherwise NULL. */
static inline const char *quick_scalar(const char *at, const char *end)
{
    switch (*at) {
    case '"':
        at = quick_plain(at + 1, end);
        return at < end && *at == '"' ? at + 1 : NULL;
    case 't':
        return quick_word(at, end, "true", 4);
    case 'f':
        return quick_word(at, end, "false", 5);
    case 'n':
        return quick_word(at, end, "null", 4);
    case '{':
    case '[':
        return NULL;
    default:
        return quick_number(at, end);
    }
}

/** Takes a member's name and colon. @return behind the colon, or NULL if that is not what is there */
static inline const char *quick_member(json_scan *s, const char *at, json_key *key)
{
    const char *end = s->end, *to = at < end && *at == '"' ? quick_plain(at + 1, end) : end;
    key->escaped = false;
    key->raw = (weir_view){at + 1, (size_t)(to - at) - 1};
    if (to == end || *to != '"') {
        s->at = at;
        if (!json_string(s, &key->raw, &key->escaped))
            return NULL;
        to = s->at - 1;
    }
    at = quick_space(to + 1, end);
    return at < end && *at == ':' ? at + 1 : NULL;
}

/* The name of a member as it was written last time, for loops that guess which member comes next. */
typedef struct quick_name {
    char *raw;     /* quotes included; room: quick_name_room() */
    size_t len;    /* 0: not seen yet */
    unsigned mask; /* a bit for each of the first 16 bytes */
} quick_name;

/** Room for any way to write a decoded name of `len` bytes; SIZE_MAX if there is no such room. */
static inline size_t quick_name_room(size_t len)
{
    enum { LONGEST_ESCAPE = 6, QUOTES = 2, BLOCK = 16 };
    return len > (SIZE_MAX - QUOTES - BLOCK) / LONGEST_ESCAPE ? SIZE_MAX : len * LONGEST_ESCAPE + QUOTES + BLOCK;
}

/** @param raw what is between the quotes, as json_string() gives it: the quotes are still around it */
static inline void quick_name_learn(quick_name *n, weir_view raw)
{
    if (n->len == raw.len + 2 && memcmp(n->raw + 1, raw.ptr, raw.len) == 0)
        return;
    n->len = raw.len + 2;
    n->mask = n->len >= 16 ? 0xffff : (1u << n->len) - 1;
    memcpy(n->raw, raw.ptr - 1, n->len);
}

/** Does the text at `at` begin with this name (which was seen before) and a colon? */
static inline bool quick_name_is(const quick_name *n, const char *at, const char *end)
{
    size_t left = (size_t)(end - at);
    if (left <= n->len)
        return false;
#ifdef __SSE2__
    if (left >= 16) {
        __m128i text = _mm_loadu_si128((const __m128i *)(const void *)at),
                raw = _mm_loadu_si128((const __m128i *)(const void *)n->raw);
        if (((unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(text, raw)) & n->mask) != n->mask)
            return false;
        return at[n->len] == ':' && (n->len <= 16 || memcmp(at + 16, n->raw + 16, n->len - 16) == 0);
    }
#endif
    return at[n->len] == ':' && memcmp(at, n->raw, n->len) == 0;
}

#endif
