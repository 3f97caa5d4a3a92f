#include "doc/format_idn.h"

#include "doc/format_idn_marks.h"
#include "json/utf8.h"

enum { LONGEST = 63 }; /* of an A-label; no U-label has more characters */

typedef struct range {
    uint32_t first, last;
} range;

static bool in_ranges(const range *list, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (c >= list[i].first && c <= list[i].last)
            return true;
    return false;
}

#define IN(list, c) in_ranges(list, sizeof(list) / sizeof *(list), c)

static bool is_mark(uint32_t c)
{
    size_t low = 0, high = sizeof idn_marks / sizeof *idn_marks;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > idn_marks[middle][1])
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof idn_marks / sizeof *idn_marks && c >= idn_marks[low][0];
}

/* RFC 5892, section 2.6 (DISALLOWED), and what is nothing that is written: symbols, punctuation, spaces, private use. */
static const range disallowed[] = {
    {0x80, 0xb6}, {0xb8, 0xde}, {0xf7, 0xf7}, {0x640, 0x640}, {0x7fa, 0x7fa}, {0x2000, 0x200b}, {0x200e, 0x206f},
    {0x20a0, 0x20cf}, {0x2190, 0x2bff}, {0x3000, 0x3004}, {0x3008, 0x3029}, {0x302e, 0x3035}, {0x303b, 0x303b}, {0x3200, 0x33ff},
    {0xe000, 0xf8ff}, {0xff00, 0xffff}, {0xf0000, 0x10ffff},
};
static const range greek[] = {
    {0x370, 0x373}, {0x375, 0x377}, {0x37a, 0x37d}, {0x37f, 0x37f}, {0x384, 0x384}, {0x386, 0x386}, {0x388, 0x3e1},
    {0x3f0, 0x3ff}, {0x1f00, 0x1fff},
};
static const range hebrew[] = {{0x591, 0x5f4}, {0xfb1d, 0xfb4f}};
static const range japanese[] = {
    {0x3041, 0x3096}, {0x309d, 0x309f}, {0x30a1, 0x30fa}, {0x30fd, 0x30ff}, {0x31f0, 0x31ff}, {0x3005, 0x3005}, {0x3007, 0x3007},
    {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xf900, 0xfaff}, {0x20000, 0x323af},
};
static const range arabic[] = {{0x620, 0x64a}, {0x66e, 0x6d3}, {0x750, 0x77f}, {0x8a0, 0x8ff}};
static const range arabic_digits[] = {{0x660, 0x669}}, extended_digits[] = {{0x6f0, 0x6f9}};
/* Canonical combining class 9. */
static const range viramas[] = {
    {0x94d, 0x94d}, {0x9cd, 0x9cd}, {0xa4d, 0xa4d}, {0xacd, 0xacd}, {0xb4d, 0xb4d}, {0xbcd, 0xbcd}, {0xc4d, 0xc4d},
    {0xccd, 0xccd}, {0xd3b, 0xd3c}, {0xd4d, 0xd4d}, {0xdca, 0xdca}, {0xe3a, 0xe3a}, {0xeba, 0xeba}, {0xf84, 0xf84},
    {0x1039, 0x103a}, {0x1714, 0x1715}, {0x1734, 0x1734}, {0x17d2, 0x17d2}, {0x1a60, 0x1a60}, {0x1b44, 0x1b44}, {0x1baa, 0x1bab},
    {0x1bf2, 0x1bf3}, {0x2d7f, 0x2d7f}, {0xa806, 0xa806}, {0xa82c, 0xa82c}, {0xa8c4, 0xa8c4}, {0xa953, 0xa953}, {0xa9c0, 0xa9c0},
    {0xaaf6, 0xaaf6}, {0xabed, 0xabed},
};

static bool any_in(const uint32_t *c, size_t n, const range *list, size_t count)
{
    for (size_t i = 0; i < n; i++)
        if (in_ranges(list, count, c[i]))
            return true;
    return false;
}

/* RFC 5892, appendix A: where characters may stand that may not stand anywhere. */
static bool context_allows(const uint32_t *c, size_t n, size_t i)
{
    const uint32_t before = i ? c[i - 1] : 0, after = i + 1 < n ? c[i + 1] : 0;
    switch (c[i]) {
    case 0x200c: /* zero width non-joiner; between letters that would join */
        return IN(viramas, before) || (IN(arabic, before) && IN(arabic, after));
    case 0x200d:
        return IN(viramas, before);
    case 0xb7: /* middle dot */
        return before == 'l' && after == 'l';
    case 0x375:
        return IN(greek, after);
    case 0x5f3: case 0x5f4:
        return IN(hebrew, before);
    case 0x30fb:
        return any_in(c, n, japanese, sizeof japanese / sizeof *japanese);
    default:
        if (IN(arabic_digits, c[i]))
            return !any_in(c, n, extended_digits, 1);
        return true;
    }
}

static bool is_label(const uint32_t *c, size_t n)
{
    if (!n || is_mark(c[0]) || c[0] == '-' || c[n - 1] == '-' || (n > 3 && c[2] == '-' && c[3] == '-'))
        return false;
    for (size_t i = 0; i < n; i++) {
        const uint32_t x = c[i];
        if (x < 0x80 ? !((x >= '0' && x <= '9') || ((x | 0x20) >= 'a' && (x | 0x20) <= 'z') || x == '-') : IN(disallowed, x) || !context_allows(c, n, i))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------------------------------------------------------- punycode -- */

/* RFC 3492, section 6.1 */
static uint32_t adapt(uint32_t delta, uint32_t count, bool first)
{
    enum { BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700 };
    uint32_t k = 0;
    delta = first ? delta / DAMP : delta / 2;
    delta += delta / count;
    for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
        delta /= BASE - T_MIN;
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t digit_of(char c)
{
    return c >= '0' && c <= '9' ? (uint32_t)(c - '0') + 26 : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (uint32_t)((c | 0x20) - 'a') : 36;
}

/* The number that says where the next character goes and which one it is, added to *i. @return false if it is none */
static bool take_number(weir_view *rest, uint32_t bias, uint32_t *i)
{
    uint32_t weight = 1;
    for (uint32_t k = 36;; k += 36) {
        if (!rest->len)
            return false;
        uint32_t digit = digit_of(rest->ptr[0]), step, threshold = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
        *rest = view_from(*rest, 1);
        if (digit > 35 || __builtin_mul_overflow(digit, weight, &step) || __builtin_add_overflow(*i, step, i))
            return false;
        if (digit < threshold)
            return true;
        if (__builtin_mul_overflow(weight, 36 - threshold, &weight))
            return false;
    }
}

/* RFC 3492, section 6.2. @return how many characters, 0 if it is no punycode */
static size_t decode(weir_view text, uint32_t *out)
{
    size_t dash = text.len;
    while (dash && text.ptr[dash - 1] != '-')
        dash--;
    size_t n = dash ? dash - 1 : 0;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint32_t)(unsigned char)text.ptr[i];
    text = view_from(text, dash);
    uint32_t c = 128, i = 0, bias = 72;
    while (text.len) {
        const uint32_t before = i;
        if (n == LONGEST || !take_number(&text, bias, &i))
            return 0;
        bias = adapt(i - before, (uint32_t)n + 1, before == 0);
        c += i / (uint32_t)(n + 1);
        i %= (uint32_t)(n + 1);
        if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            return 0;
        memmove(out + i + 1, out + i, (n - i) * sizeof *out);
        out[i++] = c;
        n++;
    }
    return c == 128 ? 0 : n;
}

bool idn_a_label(weir_view label)
{
    uint32_t c[LONGEST + 1];
    size_t n = label.len > LONGEST ? 0 : decode(view_from(label, 4), c);
    return is_label(c, n);
}

/* Its punycode must fit a label, too: at least one character for each of its own. */
bool idn_u_label(weir_view label)
{
    uint32_t c[LONGEST];
    size_t n = 0;
    for (size_t i = 0; i < label.len;) {
        const unsigned char *p = (const unsigned char *)label.ptr + i;
        size_t len = *p < 0x80 ? 1 : utf8_sequence(p, label.len - i);
        if (!len || n == LONGEST - 4)
            return false;
        c[n++] = len == 1 ? *p : len == 2 ? (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu) : len == 3 ? (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu)
                                          : (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
        i += len;
    }
    return is_label(c, n);
}
