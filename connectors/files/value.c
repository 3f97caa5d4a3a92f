#include "value.h"

#include <string.h>

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static size_t digits(const char *p, const char *end)
{
    const char *at = p;
    while (at < end && is_digit(*at))
        at++;
    return (size_t)(at - p);
}

/* Behind an e: a sign is demanded unless there was a fraction, and three digits are enough for every double. */
static bool is_exponent(const char *p, const char *end, bool fraction)
{
    bool sign = p < end && (*p == '+' || *p == '-');
    size_t n = digits(p + sign, end);
    return (sign || fraction) && n >= 1 && n <= 3 && p + sign + n == end;
}

static value_class number_class(const char *p, const char *end)
{
    p += *p == '-';
    size_t whole = digits(p, end);
    if (!whole || (whole > 1 && *p == '0'))
        return VALUE_TEXT;
    p += whole;
    if (p == end)
        return VALUE_INTEGER;
    bool fraction = *p == '.';
    if (fraction) {
        size_t n = digits(++p, end);
        if (!n)
            return VALUE_TEXT;
        p += n;
    }
    if (p == end)
        return VALUE_NUMBER;
    return (*p | 0x20) == 'e' && is_exponent(p + 1, end, fraction) ? VALUE_NUMBER : VALUE_TEXT;
}

/* Reads n digits; -1 if they are not all digits. */
static int two(const char *p) { return is_digit(p[0]) && is_digit(p[1]) ? (p[0] - '0') * 10 + (p[1] - '0') : -1; }

static bool is_date(const char *p)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int century = two(p), year = two(p + 2), month = two(p + 5), day = two(p + 8);
    if (century < 0 || year < 0 || p[4] != '-' || month < 1 || month > 12 || p[7] != '-' || day < 1)
        return false;
    year += century * 100;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1] + (month == 2 && leap);
}

static bool is_zone(const char *p, const char *end)
{
    if (end - p == 1)
        return *p == 'Z';
    if (end - p != 6 || (*p != '+' && *p != '-') || p[3] != ':')
        return false;
    int hours = two(p + 1), minutes = two(p + 4);
    return hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59;
}

/* "T23:59:60.5+01:00" */
static bool is_time(const char *p, const char *end)
{
    if (end - p < 10 || *p != 'T' || p[3] != ':' || p[6] != ':')
        return false;
    int hour = two(p + 1), minute = two(p + 4), second = two(p + 7);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return false;
    p += 9;
    if (*p == '.') {
        size_t n = digits(p + 1, end);
        if (!n)
            return false;
        p += 1 + n;
    }
    return is_zone(p, end);
}

static bool is_boolean(const char *text, size_t len)
{
    static const char *const forms[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (len == strlen(forms[i]) && !memcmp(text, forms[i], len))
            return true;
    return false;
}

value_class value_classify(const char *text, size_t len)
{
    if (!len)
        return VALUE_TEXT;
    const char *end = text + len;
    if (is_digit(*text) || *text == '-') {
        if (len >= 10 && text[4] == '-' && is_date(text))
            return len == 10 ? VALUE_DATE : is_time(text + 10, end) ? VALUE_DATE_TIME : VALUE_TEXT;
        return number_class(text, end);
    }
    return ((*text | 0x20) == 't' || (*text | 0x20) == 'f') && is_boolean(text, len) ? VALUE_BOOLEAN : VALUE_TEXT;
}

/* Bytes of the sequence that begins here; 0: not a valid one (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
 */
static size_t sequence(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char from, to, low, high; /* lead bytes; bounds of the second byte */
        unsigned char size;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
        {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (*p < forms[i].from || *p > forms[i].to)
            continue;
        if (left < forms[i].size || p[1] < forms[i].low || p[1] > forms[i].high)
            return 0;
        for (size_t k = 2; k < forms[i].size; k++)
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].size;
    }
    return 0;
}

bool value_utf8(const char *text, size_t len, size_t *ret_bad)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t at = 0;
    while (at < len) {
        uint64_t eight;
        if (len - at >= sizeof eight && (memcpy(&eight, p + at, sizeof eight), !(eight & UINT64_C(0x8080808080808080)))) {
            at += sizeof eight;
            continue;
        }
        size_t n = p[at] < 0x80 ? 1 : sequence(p + at, len - at);
        if (!n) {
            *ret_bad = at;
            return false;
        }
        at += n;
    }
    return true;
}
