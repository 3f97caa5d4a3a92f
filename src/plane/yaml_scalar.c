#include "plane/yaml_scalar.h"

static const struct {
    const char *word;
    yaml_meaning meaning;
} words[] = {
    {"", YAML_IS_NULL},           {"~", YAML_IS_NULL},          {"null", YAML_IS_NULL},       {"Null", YAML_IS_NULL},
    {"NULL", YAML_IS_NULL},       {"true", YAML_IS_TRUE},       {"True", YAML_IS_TRUE},       {"TRUE", YAML_IS_TRUE},
    {"false", YAML_IS_FALSE},     {"False", YAML_IS_FALSE},     {"FALSE", YAML_IS_FALSE},     {".nan", YAML_IS_NOT_FINITE},
    {".NaN", YAML_IS_NOT_FINITE}, {".NAN", YAML_IS_NOT_FINITE}, {".inf", YAML_IS_NOT_FINITE}, {".Inf", YAML_IS_NOT_FINITE},
    {".INF", YAML_IS_NOT_FINITE},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int digit_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Multiplies the decimal digits, lowest first, by radix and adds one digit. @return their new count */
static size_t shift_in(unsigned char *digits, size_t count, unsigned radix, unsigned digit)
{
    unsigned carry = digit;
    for (size_t i = 0; i < count; i++) {
        carry += digits[i] * radix;
        digits[i] = (unsigned char)(carry % 10);
        carry /= 10;
    }
    for (; carry; carry /= 10)
        digits[count++] = (unsigned char)(carry % 10);
    return count;
}

static yaml_meaning radix_number(weir_view digits, unsigned radix, buf *number)
{
    unsigned char decimal[YAML_RADIX_DIGITS * 2]; /* 16^n has fewer than 2n digits */
    size_t count = 0;
    for (size_t i = 0; i < digits.len; i++)
        if (digit_value(digits.ptr[i]) >= (int)radix)
            return YAML_IS_TEXT;
    if (!digits.len)
        return YAML_IS_TEXT;
    if (digits.len > YAML_RADIX_DIGITS)
        return YAML_IS_TOO_LONG;
    for (size_t i = 0; i < digits.len; i++)
        count = shift_in(decimal, count, radix, (unsigned)digit_value(digits.ptr[i]));
    if (!count)
        buf_addc(number, '0');
    while (count)
        buf_addc(number, (char)('0' + decimal[--count]));
    return YAML_IS_NUMBER;
}

/* The parts of [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
typedef struct decimal {
    bool minus, point;
    weir_view whole, fraction, exponent; /* exponent: with its e and sign */
} decimal;

static weir_view take_digits(weir_view *rest)
{
    size_t n = 0;
    while (n < rest->len && is_digit(rest->ptr[n]))
        n++;
    weir_view digits = {rest->ptr, n};
    *rest = view_from(*rest, n);
    return digits;
}

/* @return false if an e is there without digits behind it */
static bool take_exponent(weir_view *rest, weir_view *exponent)
{
    *exponent = (weir_view){rest->ptr, 0};
    if (!rest->len || (*rest->ptr | 0x20) != 'e')
        return true;
    size_t sign = rest->len > 1 && (rest->ptr[1] == '-' || rest->ptr[1] == '+') ? 2 : 1;
    *rest = view_from(*rest, sign);
    size_t digits = take_digits(rest).len;
    exponent->len = sign + digits;
    return digits > 0;
}

static bool split_decimal(weir_view text, decimal *d)
{
    *d = (decimal){.minus = text.ptr[0] == '-'};
    if (text.ptr[0] == '-' || text.ptr[0] == '+')
        text = view_from(text, 1);
    d->whole = take_digits(&text);
    if (text.len && *text.ptr == '.') {
        d->point = true;
        text = view_from(text, 1);
        d->fraction = take_digits(&text);
    }
    return (d->whole.len || d->fraction.len) && take_exponent(&text, &d->exponent) && !text.len;
}

/* JSON wants a digit on both sides of the point, no leading zeros and no plus. */
static void write_decimal(buf *out, const decimal *d)
{
    size_t zeros = 0;
    while (zeros + 1 < d->whole.len && d->whole.ptr[zeros] == '0')
        zeros++;
    if (d->minus)
        buf_addc(out, '-');
    if (d->whole.len)
        buf_addv(out, view_from(d->whole, zeros));
    else
        buf_addc(out, '0');
    if (d->point) {
        buf_addc(out, '.');
        buf_addv(out, d->fraction.len ? d->fraction : VIEW("0"));
    }
    buf_addv(out, d->exponent);
}

static bool is_infinity(weir_view v)
{
    return view_is(v, ".inf") || view_is(v, ".Inf") || view_is(v, ".INF");
}

yaml_meaning yaml_meaning_of(weir_view plain, buf *number)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (view_is(plain, words[i].word))
            return words[i].meaning;
    char c = plain.ptr[0];
    if (!is_digit(c) && c != '.' && c != '-' && c != '+')
        return YAML_IS_TEXT;
    if (view_starts(plain, VIEW("0x")))
        return radix_number(view_from(plain, 2), 16, number);
    if (view_starts(plain, VIEW("0o")))
        return radix_number(view_from(plain, 2), 8, number);
    decimal d;
    if (c != '.' && is_infinity(view_from(plain, 1)))
        return YAML_IS_NOT_FINITE;
    if (!split_decimal(plain, &d))
        return YAML_IS_TEXT;
    write_decimal(number, &d);
    return YAML_IS_NUMBER;
}
