/* token.h - the small tokens of JSON, for scanners (steps.h, blocks.c). Nothing at or behind `end` is read. */
#ifndef WEIR_JSON_TOKEN_H
#define WEIR_JSON_TOKEN_H

#include "json/quick.h"

static inline bool token_is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/** Behind an escape that begins at the backslash p, or NULL. */
static inline const char *token_escape(const char *p, const char *end)
{
    static const unsigned char lengths[256] = {
        ['"'] = 2, ['\\'] = 2, ['/'] = 2, ['b'] = 2, ['f'] = 2, ['n'] = 2, ['r'] = 2, ['t'] = 2, ['u'] = 6};
    size_t len = end - p < 2 ? 0 : lengths[(unsigned char)p[1]];
    if (len == 2)
        return p + 2;
    return len && end - p >= 6 && token_is_hex(p[2]) && token_is_hex(p[3]) && token_is_hex(p[4]) && token_is_hex(p[5]) ? p + 6 : NULL;
}

/* Most numbers have few digits, and then a branch for each is fastest: it is foreseen, where a step of computed length is waited for. */
static inline const char *token_digits(const char *p, const char *end)
{
    for (int i = 0; i < 4; i++, p++)
        if (p == end || (unsigned char)(*p - '0') > 9)
            return p;
    return quick_digits(p, end);
}

/** Behind the number at p (before end), or NULL. */
static inline const char *token_number(const char *p, const char *end)
{
    const char *whole = p + (*p == '-');
    p = token_digits(whole, end);
    if (p == whole || (*whole == '0' && p - whole > 1))
        return NULL;
    if (p < end && *p == '.') {
        const char *from = p + 1;
        p = token_digits(from, end);
        if (p == from)
            return NULL;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        const char *from = p;
        p = token_digits(from, end);
        if (p == from)
            return NULL;
    }
    return p;
}

/** Behind true, false or null at p (before end), or NULL. */
static inline const char *token_word(const char *p, const char *end)
{
    return *p == 't'   ? quick_word(p, end, "true", 4)
           : *p == 'f' ? quick_word(p, end, "false", 5)
           : *p == 'n' ? quick_word(p, end, "null", 4)
                       : NULL;
}

#endif
