#include "digits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static void take_digits(const char **at, const char *end, digits *d)
{
    for (; *at < end && is_digit(**at); ++*at) {
        if (!d->count && **at == '0') {
            d->point--; /* of 0.00 */
            continue;
        }
        if (d->count < (int)sizeof d->at)
            d->at[d->count] = **at;
        d->count++;
    }
}

static int take_exponent(const char *at, const char *end)
{
    bool negative = at < end && *at == '-';
    int n = 0;
    for (at += at < end && (*at == '-' || *at == '+'); at < end; at++)
        n = n < 100000 ? n * 10 + (*at - '0') : n;
    return negative ? -n : n;
}

bool digits_take(weir_view number, digits *d)
{
    const char *at = number.ptr, *end = at + number.len;
    *d = (digits){.negative = *at == '-'};
    at += d->negative;
    take_digits(&at, end, d);
    d->point = d->count;
    if (at < end && *at == '.') {
        at++;
        take_digits(&at, end, d);
    }
    if (at < end)
        d->point += take_exponent(at + 1, end);
    if (d->count > DIGITS_MOST + 1)
        return false;
    while (d->count && d->at[d->count - 1] == '0')
        d->count--;
    return true;
}

int digits_behind(const digits *d) { return d->count && d->count > d->point ? d->count - d->point : 0; }
int digits_before(const digits *d) { return d->count && d->point > 0 ? d->point : 0; }

size_t digits_canonical(weir_view number, char *out)
{
    const char *at = number.ptr, *end = at + number.len;
    bool negative = at < end && *at == '-', behind = false;
    char *d = out + DIGITS_MOST + 8; /* the digits, with room in front of them for what is written */
    int count = 0, exponent = 0;
    for (at += negative; at < end && (is_digit(*at) || *at == '.'); at++) {
        behind |= *at == '.';
        if (*at == '.')
            continue;
        exponent -= behind;
        if (count || *at != '0')
            d[count++] = *at;
    }
    exponent += at < end ? take_exponent(at + 1, end) : 0;
    for (; count && d[count - 1] == '0'; count--)
        exponent++;
    if (!count)
        return (size_t)sprintf(out, "0");
    size_t len = negative ? (size_t)sprintf(out, "-") : 0;
    int point = count + exponent; /* digits before it */
    if (exponent >= 0 && point <= DIGITS_MOST) {
        memmove(out + len, d, (size_t)count);
        memset(out + len + count, '0', (size_t)exponent);
        return len + (size_t)point;
    }
    if (point > 0 && exponent < 0 && point <= DIGITS_MOST) {
        memmove(out + len, d, (size_t)point);
        out[len + (size_t)point] = '.';
        memmove(out + len + point + 1, d + point, (size_t)(count - point));
        return len + (size_t)count + 1;
    }
    if (point <= 0 && -exponent <= DIGITS_MOST) {
        len += (size_t)sprintf(out + len, "0.%.*s", -point, "00000000000000000000000000000000000000");
        memmove(out + len, d, (size_t)count);
        return len + (size_t)count;
    }
    memmove(out + len, d, (size_t)count);
    return len + (size_t)count + (size_t)sprintf(out + len + count, "e%d", exponent);
}

bool digits_to_double(const digits *d, double *ret)
{
    enum { EXACT = 15, WHOLE = 308, BEHIND = 300 };
    char written[48]; /* without a decimal point, whatever the locale writes for it */
    if (d->count > EXACT || digits_before(d) > WHOLE || digits_behind(d) > BEHIND)
        return false;
    snprintf(written, sizeof written, "%s%.*se%d", d->negative ? "-" : "", d->count ? d->count : 1, d->count ? d->at : "0", d->count ? d->point - d->count : 0);
    *ret = strtod(written, NULL);
    return true;
}

bool digits_are_number(weir_view v)
{
    return v.len && (v.ptr[0] == '-' || is_digit(v.ptr[0])) && is_digit(v.ptr[v.len - 1]) && weir_json_at(v, "").len == v.len;
}
