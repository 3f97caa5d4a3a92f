/* utf8.h - one UTF-8 sequence at a time (Unicode, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF). */
#ifndef WEIR_JSON_UTF8_H
#define WEIR_JSON_UTF8_H

#include "base/view.h"

static inline bool utf8_follows(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/** Length, 2 to 4, of the well-formed sequence at p, whose first byte is not ASCII; 0 if it is not well formed. Needs n > 0. */
static inline size_t utf8_sequence(const unsigned char *p, size_t n)
{
    if (p[0] < 0xe0)
        return p[0] >= 0xc2 && n >= 2 && utf8_follows(p[1]) ? 2 : 0;
    if (p[0] < 0xf0) {
        if (n < 3 || !utf8_follows(p[1]) || !utf8_follows(p[2]))
            return 0;
        unsigned high = (p[0] & 0x0fu) << 6 | (p[1] & 0x3fu); /* the code point without its last 6 bits */
        return high >= 0x20 && (high & 0x3e0) != 0x360 ? 3 : 0;
    }
    if (p[0] > 0xf4 || n < 4 || !utf8_follows(p[1]) || !utf8_follows(p[2]) || !utf8_follows(p[3]))
        return 0;
    unsigned high = (p[0] & 0x07u) << 6 | (p[1] & 0x3fu); /* without its last 12 bits */
    return high >= 0x10 && high <= 0x10f ? 4 : 0;
}

/** The beginning of a text that is shown: at most so many bytes, and whole characters. */
static inline weir_view utf8_cut(weir_view text, size_t most)
{
    if (text.len <= most)
        return text;
    while (most && utf8_follows((unsigned char)text.ptr[most]))
        most--;
    return (weir_view){text.ptr, most};
}

/** Of a sequence that is not well formed: how many bytes one U+FFFD stands for, 1 to 3 (as far as it could have become one). */
static inline size_t utf8_broken(const unsigned char *p, size_t n)
{
    if (p[0] < 0xe0 || p[0] > 0xf4 || n < 2)
        return 1;
    unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 1;
    return p[0] >= 0xf0 && n >= 3 && utf8_follows(p[2]) ? 3 : 2;
}

/** Writes a code point (no surrogate, at most 0x10ffff). @return its length, 1 to 4 */
static inline size_t utf8_put(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xe0 | c >> 12);
        to[1] = (char)(0x80 | (c >> 6 & 0x3f));
        to[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | c >> 18);
    to[1] = (char)(0x80 | (c >> 12 & 0x3f));
    to[2] = (char)(0x80 | (c >> 6 & 0x3f));
    to[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

#endif
