#include "lite_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------------------- growing bytes -- */

bool lite_text_reserve(lite_text *x, size_t more)
{
    if (x->failed || more > SIZE_MAX / 2 - x->len) {
        x->failed = true;
        return false;
    }
    size_t need = x->len + more;
    if (need <= x->cap)
        return true;
    size_t cap = need > 2 * x->cap ? need : 2 * x->cap;
    char *ptr = realloc(x->ptr, cap);
    x->failed = !ptr;
    if (ptr) {
        x->ptr = ptr;
        x->cap = cap;
    }
    return ptr != NULL;
}

void lite_text_add(lite_text *x, const char *bytes, size_t len)
{
    if (len && lite_text_reserve(x, len)) {
        memcpy(x->ptr + x->len, bytes, len);
        x->len += len;
    }
}

void lite_text_free(lite_text *x)
{
    free(x->ptr);
    *x = (lite_text){0};
}

/* --------------------------------------------------------------------------------------------------------------- numbers -- */

/* A number taken apart: digits * 10^exponent, exact, as long as the digits fit. */
typedef struct decimal {
    bool negative;
    bool literal;    /* written as an integer: no point, no exponent */
    bool exact;      /* digits holds them all */
    uint64_t digits; /* without leading and, unless literal, trailing zeros */
    int64_t exponent;
} decimal;

static void add_digit(decimal *d, unsigned digit)
{
    if (d->digits > (UINT64_MAX - digit) / 10)
        d->exact = false;
    else
        d->digits = d->digits * 10 + digit;
}

static int64_t read_exponent(const char *at, const char *end)
{
    bool negative = at < end && *at == '-';
    int64_t n = 0;
    for (at += at < end && (*at == '-' || *at == '+'); at < end; at++)
        if (n < 1000000)
            n = n * 10 + (*at - '0');
    return negative ? -n : n;
}

static decimal take_apart(weir_view number)
{
    const char *at = number.ptr, *end = at + number.len;
    decimal d = {.negative = at < end && *at == '-', .literal = true, .exact = true};

    for (at += d.negative; at < end && *at >= '0' && *at <= '9'; at++)
        add_digit(&d, (unsigned)(*at - '0'));
    if (at < end && *at == '.') {
        d.literal = false;
        for (at++; at < end && *at >= '0' && *at <= '9'; at++, d.exponent--)
            add_digit(&d, (unsigned)(*at - '0'));
    }
    if (at < end) {
        d.literal = false;
        d.exponent += read_exponent(at + 1, end);
    }
    if (d.digits == 0)
        d.exponent = 0;
    while (!d.literal && d.digits && d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    return d;
}

static bool to_integer(const decimal *d, int64_t *ret)
{
    uint64_t n = d->digits, limit = (uint64_t)INT64_MAX + d->negative;
    if (!d->exact || (n && d->exponent < 0))
        return false;
    for (int64_t e = n ? d->exponent : 0; e > 0; e--) {
        if (n > limit / 10)
            return false;
        n *= 10;
    }
    if (n > limit)
        return false;
    *ret = d->negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

/* 15 digits survive the way into a double and back; beyond, nobody can tell whether they did. */
static bool to_real(const decimal *d, double *ret)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (!d->exact || d->digits > 999999999999999 || d->exponent < -300 || d->exponent > 290)
        return false;
    double r = (double)d->digits;
    if (d->exponent >= -22 && d->exponent <= 22) { /* both are exact doubles: one correctly rounded step */
        r = d->exponent < 0 ? r / tens[-d->exponent] : r * tens[d->exponent];
    } else {
        char written[48]; /* without a decimal point, whatever the locale writes for it */
        snprintf(written, sizeof written, "%llue%lld", (unsigned long long)d->digits, (long long)d->exponent);
        r = strtod(written, NULL);
    }
    *ret = d->negative ? -r : r;
    return true;
}

/* Is it a double that somebody wrote with 16 or 17 digits, or one of those that to_real() leaves alone for their exponents? */
static bool written_double(const decimal *d, double *ret)
{
    char text[48];
    int digits = 0;
    for (uint64_t n = d->digits; n; n /= 10)
        digits++;
    if (!d->exact || digits < 1 || digits > 17 || d->exponent < -400 || d->exponent > 400)
        return false;
    snprintf(text, sizeof text, "%llue%lld", (unsigned long long)d->digits, (long long)d->exponent);
    double r = strtod(text, NULL);
    int len = snprintf(text, sizeof text, "%.*e", digits - 1, r);
    if (digits > 1)
        text[1] = '.'; /* what a locale writes for it */
    decimal back = take_apart((weir_view){text, isfinite(r) ? (size_t)len : 0});
    *ret = d->negative ? -r : r;
    return back.digits == d->digits && back.exponent == d->exponent;
}

lite_value lite_value_number(weir_view number, value_hint hint)
{
    lite_value v = {.kind = VALUE_TEXT, .bytes = number};
    decimal d = take_apart(number);
    if ((d.literal || hint.integer) && to_integer(&d, &v.integer))
        v.kind = VALUE_INTEGER;
    else if (!d.literal && (to_real(&d, &v.real) || (hint.doubles && written_double(&d, &v.real))))
        v.kind = VALUE_REAL;
    return v;
}

/* --------------------------------------------------------------------------------------------------------------- strings -- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* The four digits behind \u, or -1. */
static long read_hex(const char *at, const char *end)
{
    long n = 0;
    for (int i = 0; i < 4; i++) {
        int digit = at + i < end ? hex_digit(at[i]) : -1;
        if (digit < 0)
            return -1;
        n = n * 16 + digit;
    }
    return n;
}

static size_t put_utf8(char *to, unsigned long c)
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

/* Decodes \uXXXX, or a pair of them, at `at` (behind the u). A surrogate alone stands for no character: U+FFFD takes its place. */
static const char *read_unicode(const char *at, const char *end, unsigned long *ret)
{
    long high = read_hex(at, end);
    bool pair = high >= 0xd800 && high < 0xdc00 && end - at >= 6 && at[4] == '\\' && at[5] == 'u';
    long low = pair ? read_hex(at + 6, end) : -1;
    if (low >= 0xdc00 && low < 0xe000) {
        *ret = 0x10000 + (((unsigned long)high - 0xd800) << 10) + ((unsigned long)low - 0xdc00);
        return at + 10;
    }
    *ret = high < 0 || (high >= 0xd800 && high < 0xe000) ? 0xfffd : (unsigned long)high;
    return end - at < 4 ? end : at + 4;
}

static char plain_escape(char c)
{
    static const char names[] = "nrtbf", means[] = "\n\r\t\b\f";
    const char *found = c ? strchr(names, c) : NULL;
    return found ? means[found - names] : c;
}

/* Never longer than what it is made from. */
static weir_view unescape(weir_view raw, lite_text *scratch)
{
    char *begin = scratch->ptr + scratch->len, *to = begin;
    const char *at = raw.ptr, *end = at + raw.len;

    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((slash ? slash : end) - at);
        memcpy(to, at, plain);
        to += plain;
        at += plain;
        if (end - at < 2)
            break;
        if (at[1] == 'u') {
            unsigned long c;
            at = read_unicode(at + 2, end, &c);
            to += put_utf8(to, c);
        } else {
            *to++ = plain_escape(at[1]);
            at += 2;
        }
    }
    scratch->len += (size_t)(to - begin);
    return (weir_view){begin, (size_t)(to - begin)};
}

/* Both alphabets. */
static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Without its padding, which may be missing. @return false if it is not base64 */
static bool trim_base64(weir_view *digits)
{
    size_t len = digits->len;
    while (len && digits->ptr[len - 1] == '=' && digits->len - len < 2)
        len--;
    if (len % 4 == 1 || (len != digits->len && digits->len % 4))
        return false;
    digits->len = len;
    while (len && base64_digit(digits->ptr[len - 1]) >= 0)
        len--;
    return len == 0;
}

/* `to` may be where the text itself stands: it is read before it is overwritten. */
static weir_view decode_base64(weir_view from, char *begin)
{
    char *to = begin;
    uint32_t bits = 0;
    for (size_t n = 0; n < from.len; n++) {
        bits = bits << 6 | (uint32_t)base64_digit(from.ptr[n]);
        if (n % 4)
            *to++ = (char)(bits >> (6 - 2 * (n % 4)) & 0xff);
    }
    return (weir_view){begin, (size_t)(to - begin)};
}

static lite_value read_string(weir_view json, bool base64, lite_text *scratch)
{
    lite_value v = {.kind = VALUE_TEXT, .bytes = {json.ptr + 1, json.len - 2}};
    size_t had = scratch->len;
    if (memchr(v.bytes.ptr, '\\', v.bytes.len))
        v.bytes = unescape(v.bytes, scratch);
    weir_view digits = v.bytes;
    if (base64 && trim_base64(&digits)) {
        v = (lite_value){.kind = VALUE_BLOB, .bytes = decode_base64(digits, scratch->ptr + had)};
        scratch->len = had + v.bytes.len;
    }
    return v;
}

/* ----------------------------------------------------------------------------------------------------- arrays and objects -- */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\';
    return at < end ? at + 1 : end;
}

/* The first whitespace between tokens, or the end. */
static const char *first_space(const char *at, const char *end)
{
    while (at < end && !is_space(*at))
        at = *at == '"' ? string_end(at, end) : at + 1;
    return at;
}

static weir_view compact(weir_view json, lite_text *scratch)
{
    const char *at = json.ptr, *end = at + json.len, *stop = first_space(at, end);
    if (stop == end)
        return json;
    char *begin = scratch->ptr + scratch->len, *to = begin;
    for (; at < end; stop = first_space(at, end)) {
        memcpy(to, at, (size_t)(stop - at));
        to += stop - at;
        for (at = stop; at < end && is_space(*at); at++)
            ;
    }
    scratch->len += (size_t)(to - begin);
    return (weir_view){begin, (size_t)(to - begin)};
}

/* ------------------------------------------------------------------------------------------------------------------ read -- */

lite_value lite_value_read(weir_view json, value_hint hint, lite_text *scratch)
{
    switch (json.len ? json.ptr[0] : 'n') {
    case 'n':
        return (lite_value){.kind = VALUE_NULL};
    case 't':
        return (lite_value){.kind = VALUE_INTEGER, .integer = 1};
    case 'f':
        return (lite_value){.kind = VALUE_INTEGER, .integer = 0};
    case '"':
        return read_string(json, hint.base64, scratch);
    case '{':
    case '[':
        return (lite_value){.kind = VALUE_TEXT, .bytes = compact(json, scratch)};
    default:
        return lite_value_number(json, hint);
    }
}

/* ----------------------------------------------------------------------------------------------------------------- write -- */

void lite_value_quote(lite_text *out, weir_view s)
{
    static const char names[] = "btn?fr"; /* of 8..13 */
    lite_text_add(out, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        char escape[8];
        if (c >= 0x20)
            snprintf(escape, sizeof escape, "\\%c", c);
        else if (c >= 8 && c <= 13 && c != 11)
            snprintf(escape, sizeof escape, "\\%c", names[c - 8]);
        else
            snprintf(escape, sizeof escape, "\\u%04x", c);
        lite_text_add(out, s.ptr + from, i - from);
        lite_text_add(out, escape, strlen(escape));
        from = i + 1;
    }
    lite_text_add(out, s.ptr + from, s.len - from);
    lite_text_add(out, "\"", 1);
}

static void write_base64(lite_text *out, weir_view bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    lite_text_add(out, "\"", 1);
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < n ? (unsigned char)bytes.ptr[i + k] : 0u);
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63], n > 1 ? digits[bits >> 6 & 63] : '=',
                        n > 2 ? digits[bits & 63] : '='};
        lite_text_add(out, four, 4);
    }
    lite_text_add(out, "\"", 1);
}

static void write_real(lite_text *out, double r)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%.15g", r);
    for (int i = 0; i < len; i++)
        if (!strchr("0123456789+-e", digits[i]))
            digits[i] = '.'; /* what a locale writes for it */
    if (isfinite(r))
        lite_text_add(out, digits, (size_t)len);
    else
        lite_text_add(out, "null", 4);
}

static void write_integer(lite_text *out, int64_t n, unsigned types)
{
    bool truth = (types & WEIR_IS_BOOLEAN) && !(types & (WEIR_IS_INTEGER | WEIR_IS_NUMBER)) && (n == 0 || n == 1);
    char digits[24];
    if (truth)
        snprintf(digits, sizeof digits, "%s", n ? "true" : "false");
    else
        snprintf(digits, sizeof digits, "%lld", (long long)n);
    lite_text_add(out, digits, strlen(digits));
}

/* TEXT may be a string, a number too long for 64 bits, or an array or object. The column's schema decides; where it allows a string
 * as well, only what begins like an array or object and is one counts as that. */
static void write_text(lite_text *out, weir_view s, unsigned types)
{
    unsigned kinds = types & ~(unsigned)WEIR_IS_NULL;
    bool may_be_string = kinds == 0 || (kinds & WEIR_IS_STRING);
    bool may_nest = kinds == 0 || (kinds & (WEIR_IS_ARRAY | WEIR_IS_OBJECT));
    char first = s.len ? s.ptr[0] : '\0';
    bool nests = may_nest && (first == '{' || first == '[');
    bool number = !may_be_string && (first == '-' || (first >= '0' && first <= '9'));

    if ((nests || number) && weir_json_at(s, "").len)
        lite_text_add(out, s.ptr, s.len);
    else
        lite_value_quote(out, s);
}

bool lite_value_write(lite_text *out, const lite_value *v, unsigned types)
{
    switch (v->kind) {
    case VALUE_NULL:
        return false;
    case VALUE_INTEGER:
        write_integer(out, v->integer, types);
        break;
    case VALUE_REAL:
        write_real(out, v->real);
        break;
    case VALUE_TEXT:
        write_text(out, v->bytes, types);
        break;
    case VALUE_BLOB:
        write_base64(out, v->bytes);
        break;
    }
    return true;
}
