#include "json/number.h"

#include <math.h>

#include "json/shortest.h"

/* ----------------------------------------------------------------------------------------------------------- writing -- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
                            "49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697"
                            "9899";

static size_t digits_of(uint64_t v)
{
    size_t n = 1;
    for (; v >= 10000; v /= 10000)
        n += 4;
    return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

static size_t put_u64(char *out, uint64_t v)
{
    size_t len = digits_of(v);
    char *at = out + len;
    for (; v >= 100; v /= 100)
        memcpy(at -= 2, pairs + 2 * (v % 100), 2);
    if (v >= 10)
        memcpy(out, pairs + 2 * v, 2);
    else
        *out = (char)('0' + v);
    return len;
}

size_t number_u64(char out[NUMBER_TEXT], uint64_t v)
{
    return put_u64(out, v);
}

size_t number_i64(char out[NUMBER_TEXT], int64_t v)
{
    if (v >= 0)
        return put_u64(out, (uint64_t)v);
    out[0] = '-';
    return 1 + put_u64(out + 1, 0 - (uint64_t)v);
}

static size_t put_zeros(char *out, int count)
{
    memset(out, '0', (size_t)count);
    return (size_t)count;
}

static size_t put_digits(char *out, const char *digits, int count)
{
    memcpy(out, digits, (size_t)count);
    return (size_t)count;
}

/** Writes 0.DIGITS times 10 to the power of `point` as ECMAScript and so RFC 8785 do: without an exponent from 1e-6 up to 1e21. */
static size_t put_decimal(char *out, const char *digits, int count, int point)
{
    size_t len = 0;
    if (point > 21 || point <= -6) {
        out[len++] = digits[0];
        if (count > 1)
            out[len++] = '.';
        len += put_digits(out + len, digits + 1, count - 1);
        out[len++] = 'e';
        out[len++] = point > 0 ? '+' : '-';
        return len + put_u64(out + len, (uint64_t)(point > 0 ? point - 1 : 1 - point));
    }
    if (point <= 0) {
        out[len++] = '0';
        out[len++] = '.';
        len += put_zeros(out + len, -point);
        return len + put_digits(out + len, digits, count);
    }
    if (count <= point) {
        len += put_digits(out, digits, count);
        return len + put_zeros(out + len, point - count);
    }
    len += put_digits(out, digits, point);
    out[len++] = '.';
    return len + put_digits(out + len, digits + point, count - point);
}

static size_t put_shortest(char *out, double v)
{
    char text[NUMBER_TEXT];
    size_t len = shortest_put(text, sizeof text, v, SHORTEST), e = len;
    if (len == 0)
        return 0;
    while (text[e - 1] != 'e')
        e--;
    int power = 0;
    for (size_t i = e + 1; i < len; i++)
        power = power * 10 + text[i] - '0';
    char *digits = text + (text[0] == '-'), *end = text + e - 1;
    if (end - digits > 1) { /* d.ddd: the first digit takes the dot's place */
        digits[1] = digits[0];
        digits++;
    }
    out[0] = '-';
    size_t sign = text[0] == '-';
    if (*digits == '0') {
        out[sign] = '0';
        return sign + 1;
    }
    return sign + put_decimal(out + sign, digits, (int)(end - digits), 1 + (text[e] == '-' ? -power : power));
}

/** Amounts and the like: up to 15 digits, at most 4 of them decimals. Such a decimal is the shortest text of its double, and
 * dividing its digits by a power of ten gives that double exactly. @return length, 0 if it is not one of these */
static size_t put_short(char *out, double v)
{
    const double scale = 10000;
    double size = fabs(v);
    if (!(size < 1e11))
        return 0;
    uint64_t n = (uint64_t)(size * scale + 0.5);
    if (n == 0 || (double)n / scale != size)
        return 0;
    char digits[NUMBER_TEXT];
    size_t sign = v < 0, len = put_u64(digits, n), count = len;
    while (digits[count - 1] == '0')
        count--;
    out[0] = '-';
    return sign + put_decimal(out + sign, digits, (int)count, (int)len - 4);
}

size_t number_double(char out[NUMBER_TEXT], double v)
{
    const double exact = 9007199254740992.0; /* 2^53: below it every integer is a double */
    if (!isfinite(v))
        return 0;
    if (v > -exact && v < exact && v == (double)(int64_t)v && !(v == 0 && signbit(v)))
        return number_i64(out, (int64_t)v);
    size_t done = put_short(out, v);
    return done ? done : put_shortest(out, v);
}

/* ----------------------------------------------------------------------------------------------------------- reading -- */

/** A number taken apart in its text: 0.DIGITS times 10 to the power of point + exponent. Nothing is computed or overflows. */
typedef struct decimal {
    bool negative;
    const char *digits, *end; /* from the first to behind the last digit that is not 0; the dot may be in between */
    size_t count;             /* of these digits, without the dot; 0: the value is zero */
    int64_t point;
    bool exponent_negative;
    weir_view exponent; /* digits */
} decimal;

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/** Fills digits, count and point. @param dot where the dot is, or would be */
static void trim(decimal *d, const char *first, const char *dot, const char *last)
{
    while (first < last && (*first == '0' || *first == '.'))
        first++;
    if (first == last)
        return;
    while (last[-1] == '0' || last[-1] == '.')
        last--;
    d->digits = first;
    d->end = last;
    d->count = (size_t)(last - first) - (first < dot && last > dot);
    d->point = first < dot ? dot - first : dot + 1 - first;
}

/** Takes the exponent behind the e. @return behind it, NULL if it is none */
static const char *take_exponent(decimal *d, const char *p, const char *end)
{
    d->exponent_negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    const char *digits = p;
    p = skip_digits(p, end);
    d->exponent = (weir_view){digits, (size_t)(p - digits)};
    return p == digits ? NULL : p;
}

static bool take_apart(weir_view number, decimal *d)
{
    *d = (decimal){0};
    if (number.len == 0)
        return false;
    const char *p = number.ptr, *end = p + number.len;
    d->negative = *p == '-';
    p += d->negative;
    const char *whole = p, *dot = skip_digits(p, end);
    if (dot == whole || (*whole == '0' && dot - whole > 1))
        return false;
    p = dot;
    if (p < end && *p == '.') {
        p = skip_digits(p + 1, end);
        if (p == dot + 1)
            return false;
    }
    trim(d, whole, dot, p);
    if (p < end && (*p == 'e' || *p == 'E'))
        p = take_exponent(d, p + 1, end);
    return p == end;
}

/** The digit of an exponent at a power of ten, with the exponent's sign. */
static int exponent_digit(const decimal *d, size_t power)
{
    if (power >= d->exponent.len)
        return 0;
    int digit = d->exponent.ptr[d->exponent.len - 1 - power] - '0';
    return d->exponent_negative ? -digit : digit;
}

/** Difference of two exponents of any length. What is beyond `far` stays there: that is more than any text has digits, and no
 *  later digit brings it back. */
static int64_t exponent_difference(const decimal *a, const decimal *b)
{
    const int64_t far = 100000000000000000;
    int64_t difference = 0;
    for (size_t power = a->exponent.len > b->exponent.len ? a->exponent.len : b->exponent.len; power-- > 0;) {
        difference = difference * 10 + exponent_digit(a, power) - exponent_digit(b, power);
        difference = difference > far ? far : difference < -far ? -far : difference;
    }
    return difference;
}

/** Digits that the value has before its point: 3 for 123.4, -1 for 0.01. */
static int64_t magnitude(const decimal *d)
{
    return d->point + exponent_difference(d, &(const decimal){0});
}

static bool is_integer(const decimal *d)
{
    return d->count == 0 || magnitude(d) >= (int64_t)d->count;
}

/** The integer without its sign. @return false if it has a fraction or does not fit */
static bool to_magnitude(const decimal *d, uint64_t *ret)
{
    uint64_t v = 0;
    int64_t zeros = d->count ? magnitude(d) - (int64_t)d->count : 0;
    if (zeros < 0 || zeros > 19 || d->count > 20)
        return false;
    for (const char *p = d->digits; p < d->end; p++) {
        if (*p != '.' && (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v)))
            return false;
    }
    while (zeros--) {
        if (__builtin_mul_overflow(v, 10, &v))
            return false;
    }
    *ret = v;
    return true;
}

bool number_is(weir_view text)
{
    decimal d;
    return take_apart(text, &d);
}

bool number_is_integer(weir_view number)
{
    decimal d;
    return take_apart(number, &d) && is_integer(&d);
}

/** Reads the common form: up to 18 digits and nothing else. */
static bool plain_integer(weir_view number, uint64_t *ret)
{
    if (number.len == 0 || number.len > 18 || (number.ptr[0] == '0' && number.len > 1))
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < number.len; i++) {
        unsigned digit = (unsigned char)number.ptr[i] - (unsigned)'0';
        if (digit > 9)
            return false;
        v = v * 10 + digit;
    }
    *ret = v;
    return true;
}

bool number_to_u64(weir_view number, uint64_t *out)
{
    decimal d;
    uint64_t v;
    if (plain_integer(number, out))
        return true;
    if (!take_apart(number, &d) || !to_magnitude(&d, &v) || (d.negative && v))
        return false;
    *out = v;
    return true;
}

bool number_to_i64(weir_view number, int64_t *out)
{
    decimal d;
    uint64_t v = 0;
    if (plain_integer(number, &v)) {
        *out = (int64_t)v;
        return true;
    }
    if (!take_apart(number, &d) || !to_magnitude(&d, &v) || v > (uint64_t)INT64_MAX + d.negative)
        return false;
    *out = d.negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool number_to_double(weir_view number, double *out)
{
    decimal d;
    if (!take_apart(number, &d))
        return false;
    if (d.count == 0)
        *out = d.negative ? -0.0 : 0.0;
    else if (!shortest_get(number.ptr, number.len, out))
        *out = copysign(magnitude(&d) > 0 ? HUGE_VAL : 0.0, d.negative ? -1.0 : 1.0);
    return true;
}

/* --------------------------------------------------------------------------------------------------------- comparing -- */

static int compare_digits(const decimal *a, const decimal *b)
{
    const char *p = a->digits, *q = b->digits;
    while (p < a->end && q < b->end) {
        p += *p == '.';
        q += *q == '.';
        if (*p != *q)
            return *p < *q ? -1 : 1;
        p++;
        q++;
    }
    return (p < a->end) - (q < b->end);
}

static int compare_magnitudes(const decimal *a, const decimal *b)
{
    if (a->count == 0 || b->count == 0)
        return (a->count != 0) - (b->count != 0);
    int64_t more = exponent_difference(a, b) + a->point - b->point;
    return more ? (more > 0) - (more < 0) : compare_digits(a, b);
}

int number_compare(weir_view a, weir_view b)
{
    decimal left, right;
    take_apart(a, &left);
    take_apart(b, &right);
    bool left_negative = left.negative && left.count, right_negative = right.negative && right.count;
    if (left_negative != right_negative)
        return left_negative ? -1 : 1;
    return left_negative ? compare_magnitudes(&right, &left) : compare_magnitudes(&left, &right);
}

/* ------------------------------------------------------------------------------------------------------------- dividing -- */

/* The digits of `of`, as an integer, when they are few. */
static uint64_t few_digits(const decimal *d)
{
    uint64_t v = 0;
    for (const char *p = d->digits; p < d->end; p++)
        if (*p != '.')
            v = v * 10 + (uint64_t)(*p - '0');
    return v;
}

__extension__ typedef unsigned __int128 wide;

static uint64_t times(uint64_t a, uint64_t b, uint64_t modulus)
{
    return (uint64_t)((wide)a * b % modulus);
}

static uint64_t power_of_ten(int64_t power, uint64_t modulus)
{
    uint64_t result = 1 % modulus, base = 10 % modulus;
    for (; power; power >>= 1, base = times(base, base, modulus))
        if (power & 1)
            result = times(result, base, modulus);
    return result;
}

static bool few_divide(const decimal *number, const decimal *of, int64_t zeros)
{
    uint64_t modulus = few_digits(of), rest = 0;
    for (const char *p = number->digits; p < number->end; p++)
        if (*p != '.')
            rest = (uint64_t)(((wide)rest * 10 + (uint64_t)(*p - '0')) % modulus);
    return times(rest, power_of_ten(zeros, modulus), modulus) == 0;
}

/* A long modulus and what remains: decimal digits, a byte each, the highest first; the rest has one more in front. */
typedef struct long_division {
    const unsigned char *modulus;
    size_t len;
} long_division;

/* rest = (rest * 10 + digit) mod modulus */
static void take_digit(const long_division *d, unsigned char *rest, unsigned digit)
{
    memmove(rest, rest + 1, d->len);
    rest[d->len] = (unsigned char)digit;
    while (rest[0] || memcmp(rest + 1, d->modulus, d->len) >= 0) {
        int borrow = 0;
        for (size_t i = d->len; i > 0; i--) {
            int v = rest[i] - d->modulus[i - 1] - borrow;
            borrow = v < 0;
            rest[i] = (unsigned char)(v + 10 * borrow);
        }
        rest[0] = (unsigned char)(rest[0] - borrow);
    }
}

/* to = a * b mod modulus: the digits of a, one after the other, each with b added that many times. `to` is none of them. */
static void long_times(const long_division *d, const unsigned char *a, const unsigned char *b, unsigned char *to)
{
    memset(to, 0, d->len + 1);
    for (size_t i = 1; i <= d->len; i++) {
        take_digit(d, to, 0);
        for (unsigned n = a[i]; n; n--) {
            int carry = 0;
            for (size_t k = d->len + 1; k-- > 0;) {
                int v = to[k] + b[k] + carry;
                carry = v > 9;
                to[k] = (unsigned char)(v - 10 * carry);
            }
            while (to[0] || memcmp(to + 1, d->modulus, d->len) >= 0) {
                int borrow = 0;
                for (size_t k = d->len; k > 0; k--) {
                    int v = to[k] - d->modulus[k - 1] - borrow;
                    borrow = v < 0;
                    to[k] = (unsigned char)(v + 10 * borrow);
                }
                to[0] = (unsigned char)(to[0] - borrow);
            }
        }
    }
}

static bool long_divide(const decimal *number, const decimal *of, int64_t zeros, buf *scratch)
{
    const size_t len = of->count, room = len + 1;
    buf_clear(scratch);
    if (room > SIZE_MAX / 5 || !buf_reserve(scratch, room * 5))
        return false;
    unsigned char *modulus = (unsigned char *)scratch->ptr, *rest = modulus + room, *power = rest + room, *base = power + room, *next = base + room;
    size_t n = 0;
    for (const char *p = of->digits; p < of->end; p++)
        if (*p != '.')
            modulus[n++] = (unsigned char)(*p - '0');
    const long_division d = {modulus, len};
    memset(rest, 0, room * 4);
    for (const char *p = number->digits; p < number->end; p++)
        if (*p != '.')
            take_digit(&d, rest, (unsigned)(*p - '0'));
    take_digit(&d, power, 1);
    take_digit(&d, base, 1);
    take_digit(&d, base, 0);
    for (; zeros; zeros >>= 1) {
        if (zeros & 1) {
            long_times(&d, power, base, next);
            memcpy(power, next, room);
        }
        long_times(&d, base, base, next);
        memcpy(base, next, room);
    }
    long_times(&d, rest, power, next);
    for (size_t i = 0; i < room; i++)
        if (next[i])
            return false;
    return true;
}

bool number_is_multiple(weir_view number, weir_view of, buf *scratch)
{
    uint64_t a, b;
    if (plain_integer(number, &a) && plain_integer(of, &b) && b)
        return a % b == 0;
    decimal x, y;
    if (!take_apart(number, &x) || !take_apart(of, &y) || !y.count)
        return false;
    if (!x.count)
        return true;
    /* Both as integers without zeros at their ends, times powers of ten. */
    int64_t zeros = exponent_difference(&x, &y) + (x.point - (int64_t)x.count) - (y.point - (int64_t)y.count);
    if (zeros < 0)
        return false; /* ten more of `of` would have to be in digits that end in none */
    return y.count <= 18 ? few_divide(&x, &y, zeros) : long_divide(&x, &y, zeros, scratch);
}

uint64_t number_hash(weir_view number)
{
    decimal d;
    if (!take_apart(number, &d) || !d.count)
        return 0;
    uint64_t h = (uint64_t)magnitude(&d) * 2 + d.negative;
    for (const char *p = d.digits; p < d.end; p++)
        if (*p != '.')
            h = (h ^ (uint64_t)(unsigned char)*p) * 0x100000001b3;
    return h ^ h >> 32;
}

bool number_fits_double(weir_view number)
{
    enum { SAFE = 15, LOWEST = -306, HIGHEST = 308 }; /* any 15 digits of a normal double come back */
    decimal d;
    if (!take_apart(number, &d))
        return false;
    int64_t whole = magnitude(&d);
    if (d.count == 0 || (d.count <= SAFE && whole >= LOWEST && whole <= HIGHEST))
        return true;
    if (d.count > SAFE) {
        uint64_t v;
        return to_magnitude(&d, &v) && v < (uint64_t)1 << 53;
    }
    double v;
    char text[NUMBER_TEXT];
    if (!number_to_double(number, &v) || !isfinite(v))
        return false;
    return number_compare(number, (weir_view){text, shortest_put(text, sizeof text, v, SAFE - 1)}) == 0;
}
