#include "base/mask.h"

#include <stdint.h>
#include <stdlib.h>

/* ------------------------------------------------------------------------------------------------------------- secrets -- */

static bool is_known(const mask_list *m, weir_view secret)
{
    for (size_t i = 0; i < m->count; i++)
        if (view_eq(m->secrets[i], secret))
            return true;
    return false;
}

bool mask_add(mask_list *m, weir_view secret)
{
    if (secret.len < MASK_MIN || is_known(m, secret))
        return true;
    if (m->count == m->room) {
        size_t room = m->room ? m->room * 2 : 8;
        weir_view *more = room > SIZE_MAX / sizeof *more ? NULL : realloc(m->secrets, room * sizeof *more);
        if (!more)
            return false;
        m->secrets = more;
        m->room = room;
    }
    char *copy = malloc(secret.len);
    if (!copy)
        return false;
    memcpy(copy, secret.ptr, secret.len);
    m->secrets[m->count++] = (weir_view){copy, secret.len};
    return true;
}

void mask_free(mask_list *m)
{
    for (size_t i = 0; i < m->count; i++) {
        char *copy = (char *)m->secrets[i].ptr;
        explicit_bzero(copy, m->secrets[i].len);
        free(copy);
    }
    free(m->secrets);
    *m = (mask_list){0};
}

/* ------------------------------------------------------------------------------------------------------------ decoding -- */

/* One character of text: a byte, or what one escape sequence stands for, as UTF-8. */
typedef struct letter {
    char bytes[4];
    size_t len, end; /* end: where in the text the next one begins */
} letter;

static bool take_letter(weir_view text, size_t at, int depth, letter *ret);

/* Four hex digits, each written at this depth. */
static bool take_hex(weir_view text, size_t *at, int depth, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++) {
        letter l;
        int digit = take_letter(text, *at, depth, &l) && l.len == 1 ? hex_digit(l.bytes[0]) : -1;
        if (digit < 0)
            return false;
        *ret = *ret << 4 | (uint32_t)digit;
        *at = l.end;
    }
    return true;
}

static bool take_this(weir_view text, size_t *at, int depth, char c)
{
    letter l;
    if (!take_letter(text, *at, depth, &l) || l.len != 1 || l.bytes[0] != c)
        return false;
    *at = l.end;
    return true;
}

static void encode(uint32_t c, letter *ret)
{
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    ret->len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = ret->len - 1; i > 0; i--, c >>= 6)
        ret->bytes[i] = (char)(0x80 | (c & 0x3f));
    ret->bytes[0] = (char)(lead[ret->len] | c);
}

/* What follows \u; a pair of surrogates is one character. */
static bool take_unicode(weir_view text, size_t at, int depth, letter *ret)
{
    uint32_t c, low;
    if (!take_hex(text, &at, depth, &c))
        return false;
    size_t after = at;
    if (c >= 0xd800 && c < 0xdc00 && take_this(text, &after, depth, '\\') && take_this(text, &after, depth, 'u') &&
        take_hex(text, &after, depth, &low) && low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        at = after;
    }
    encode(c, ret);
    ret->end = at;
    return true;
}

/* Depth 0 is the text as it is; at depth n an escape sequence is looked for in the characters of depth n - 1. */
static bool take_letter(weir_view text, size_t at, int depth, letter *ret)
{
    static const char escaped[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (depth == 0) {
        if (at >= text.len)
            return false;
        *ret = (letter){{text.ptr[at]}, 1, at + 1};
        return true;
    }
    if (!take_letter(text, at, depth - 1, ret))
        return false;
    if (ret->len != 1 || ret->bytes[0] != '\\')
        return true;
    letter kind;
    if (!take_letter(text, ret->end, depth - 1, &kind) || kind.len != 1)
        return false;
    if (kind.bytes[0] == 'u')
        return take_unicode(text, kind.end, depth - 1, ret);
    const char *found = memchr(escaped, kind.bytes[0], sizeof escaped - 1);
    if (!found)
        return false;
    *ret = (letter){{meant[found - escaped]}, 1, kind.end};
    return true;
}

/* ------------------------------------------------------------------------------------------------------------ matching -- */

static size_t match_one(weir_view secret, weir_view text, size_t at, int depth)
{
    size_t done = 0, here = at;
    letter l;
    while (done < secret.len) {
        if (!take_letter(text, here, depth, &l) || l.len > secret.len - done || memcmp(l.bytes, secret.ptr + done, l.len) != 0)
            return 0;
        done += l.len;
        here = l.end;
    }
    return here - at;
}

size_t mask_match(const mask_list *m, weir_view text, size_t at, int min_depth)
{
    size_t longest = 0;
    char first = text.ptr[at];
    for (size_t i = 0; i < m->count; i++) {
        weir_view secret = m->secrets[i];
        for (int depth = min_depth; depth < MASK_DEPTH && (first == secret.ptr[0] || first == '\\'); depth++) {
            size_t len = match_one(secret, text, at, depth);
            longest = len > longest ? len : longest;
        }
    }
    return longest;
}

size_t mask_escape_length(weir_view text, size_t at)
{
    letter l;
    return take_letter(text, at, 1, &l) ? l.end - at : 1;
}

bool mask_next(const mask_list *m, weir_view text, int min_depth, size_t *at, size_t *ret_len)
{
    if (!m->count)
        return false;
    size_t step, start = *at;
    for (size_t len; start < text.len; start += step) {
        step = min_depth ? mask_escape_length(text, start) : 1;
        len = mask_match(m, text, start, min_depth);
        if (!len)
            continue;
        size_t end = start + len;
        for (size_t i = start + step; i < end && i < text.len; i += min_depth ? mask_escape_length(text, i) : 1) {
            len = mask_match(m, text, i, min_depth);
            end = i + len > end ? i + len : end;
        }
        *at = start;
        *ret_len = end - start;
        return true;
    }
    return false;
}
