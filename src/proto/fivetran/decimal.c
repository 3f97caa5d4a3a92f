#include "proto/fivetran/decimal.h"

#include "json/number.h"

enum { SCALE = 37 /* digits behind the point, at most (fivetran.md 2.5) */ };

/* A number taken apart: digits without leading zeros, of which the last `scale` stand behind the point. */
typedef struct decimal {
    bool negative;
    char digits[FT_DECIMAL_TEXT];
    size_t count;
    int64_t scale;
    bool exact; /* no digit was left out */
} decimal;

static void add_digit(decimal *d, char digit)
{
    if (digit == '0' && d->count == 0)
        return;
    if (d->count < sizeof d->digits)
        d->digits[d->count++] = digit;
    else
        d->exact = false;
}

static int64_t read_exponent(const char *p, const char *end)
{
    enum { FAR = 100000 };
    bool negative = p < end && *p == '-';
    int64_t v = 0;
    for (p += p < end && (*p == '-' || *p == '+'); p < end; p++)
        v = v < FAR ? v * 10 + (*p - '0') : v;
    return negative ? -v : v;
}

static decimal take_apart(weir_view number)
{
    decimal d = {.exact = true};
    const char *p = number.ptr, *end = p + number.len;
    bool behind = false;
    d.negative = *p == '-';
    for (p += *p == '-' || *p == '+'; p < end && (*p | 0x20) != 'e'; p++) {
        behind |= *p == '.';
        if (*p == '.')
            continue;
        add_digit(&d, *p);
        d.scale += behind;
    }
    if (p < end)
        d.scale -= read_exponent(p + 1, end);
    return d;
}

/* Takes zeros off the end, or puts them there, until it is a number of 38 digits with at most 37 behind the point. */
static bool make_fit(decimal *d)
{
    if (!d->exact)
        return false;
    if (d->count == 0) {
        d->scale = d->scale < 0 ? 0 : d->scale > SCALE ? SCALE : d->scale;
        return true;
    }
    while ((d->count > FT_DECIMAL_DIGITS || d->scale > SCALE) && d->scale > 0 && d->digits[d->count - 1] == '0') {
        d->count--;
        d->scale--;
    }
    for (; d->scale < 0 && d->count <= FT_DECIMAL_DIGITS; d->scale++)
        d->digits[d->count++] = '0';
    return d->count <= FT_DECIMAL_DIGITS && d->scale >= 0 && d->scale <= SCALE;
}

/* "-0.00123" */
static size_t write_decimal(const decimal *d, char *out)
{
    char *p = out;
    size_t scale = (size_t)d->scale, whole = d->count > scale ? d->count - scale : 0;
    if (d->negative)
        *p++ = '-';
    if (whole == 0)
        *p++ = '0';
    p = (char *)memcpy(p, d->digits, whole) + whole;
    if (scale) {
        *p++ = '.';
        for (size_t i = d->count - whole; i < scale; i++)
            *p++ = '0';
        p = (char *)memcpy(p, d->digits + whole, d->count - whole) + (d->count - whole);
    }
    return (size_t)(p - out);
}

bool ft_decimal_is(weir_view text)
{
    weir_view digits = text;
    if (digits.len && (digits.ptr[0] == '+' || digits.ptr[0] == '-'))
        digits = view_from(digits, 1);
    while (digits.len > 1 && digits.ptr[0] == '0' && (unsigned char)(digits.ptr[1] - '0') <= 9)
        digits = view_from(digits, 1);
    return digits.len && digits.ptr[0] != '-' && number_is(digits);
}

size_t ft_decimal_text(weir_view text, char out[FT_DECIMAL_TEXT])
{
    if (!ft_decimal_is(text))
        return 0;
    decimal d = take_apart(text);
    return make_fit(&d) ? write_decimal(&d, out) : 0;
}
