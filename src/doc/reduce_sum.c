/* Sums: integers exactly, whatever their size; what has a fraction or an exponent as doubles; strings that are decimals exactly, to
 * strings. */
#include "doc/reduce_inner.h"

#include <math.h>

#include "json/number.h"
#include "json/text.h"

enum { POWER_MAX = 9999, WIDTH_MAX = 65536 }; /* of an exponent; digits of a sum */

/* DIGITS times 10 to the power of -scale. */
typedef struct decimal {
    bool negative;
    weir_view digits;
    int64_t scale;
} decimal;

/* ------------------------------------------------------------------------------------------------------------- reading -- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool take_power(const char **at, const char *end, int64_t *ret)
{
    int64_t power = 0;
    const char *p = *at;
    const bool negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    const char *from = p;
    for (; p < end && is_digit(*p) && power <= POWER_MAX; p++)
        power = power * 10 + (*p - '0');
    *at = p;
    *ret = negative ? -power : power;
    return p > from && power <= POWER_MAX;
}

/* A decimal as people write it: sign, digits with or without a point, exponent. Its digits go to `digits`. */
static bool read_decimal(weir_view text, buf *digits, decimal *ret)
{
    const char *p = text.ptr, *end = p + text.len;
    int64_t power = 0;
    bool point = false;
    *ret = (decimal){.negative = text.len && *p == '-'};
    p += text.len && (*p == '-' || *p == '+');
    buf_clear(digits);
    for (; p < end && (is_digit(*p) || (*p == '.' && !point)); p++) {
        if (*p == '.')
            point = true;
        else
            buf_addc(digits, *p);
        ret->scale += point && *p != '.';
    }
    if (!digits->len && buf_ok(digits))
        return false;
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        if (!take_power(&p, end, &power))
            return false;
    }
    ret->digits = buf_view(digits);
    ret->scale -= power;
    return p == end;
}

static bool is_whole(weir_view number)
{
    for (size_t i = 0; i < number.len; i++)
        if (number.ptr[i] == '.' || (number.ptr[i] | 0x20) == 'e')
            return false;
    return true;
}

/* -------------------------------------------------------------------------------------------------------------- adding -- */

/* The digit at a power of ten. */
static int digit_at(const decimal *d, int64_t power)
{
    int64_t from_end = power + d->scale;
    return from_end < 0 || from_end >= (int64_t)d->digits.len ? 0 : d->digits.ptr[d->digits.len - 1 - (size_t)from_end] - '0';
}

static int64_t top_of(const decimal *d) { return (int64_t)d->digits.len - d->scale; }

static int compare_sizes(const decimal *x, const decimal *y, int64_t low, int64_t high)
{
    for (int64_t p = high; p-- > low;)
        if (digit_at(x, p) != digit_at(y, p))
            return digit_at(x, p) - digit_at(y, p);
    return 0;
}

/* Appends the sum, with as many digits behind the point as the longer one has. */
static bool put_sum(buf *out, const decimal *x, const decimal *y)
{
    int64_t scale = x->scale > y->scale ? x->scale : y->scale;
    scale = scale < 0 ? 0 : scale;
    int64_t high = top_of(x) > top_of(y) ? top_of(x) : top_of(y);
    high = (high < 1 ? 1 : high) + 1;
    if (high + scale > WIDTH_MAX)
        return false;
    const bool minus = x->negative != y->negative;
    if (minus && compare_sizes(x, y, -scale, high) < 0) {
        const decimal *z = x;
        x = y;
        y = z;
    }
    const size_t width = (size_t)(high + scale) + 2;
    if (!buf_reserve(out, width))
        return true;
    char *begin = out->ptr + out->len, *p = begin + width, *end = p;
    int carry = 0;
    bool zero = true;
    for (int64_t power = -scale; power < high; power++) {
        int d = digit_at(x, power) + (minus ? -digit_at(y, power) : digit_at(y, power)) + carry;
        carry = d < 0 ? -1 : d > 9;
        d -= 10 * carry;
        zero &= d == 0;
        if (power == 0 && scale)
            *--p = '.';
        *--p = (char)('0' + d);
    }
    while (p[0] == '0' && is_digit(p[1]) && p + 1 < end)
        p++;
    if (x->negative && !zero)
        *--p = '-';
    memmove(begin, p, (size_t)(end - p));
    out->len += (size_t)(end - p);
    return true;
}

static outcome add_exactly(reducer *r, const note *n, uint32_t a, uint32_t b, weir_view x, weir_view y, bool quoted)
{
    decimal left, right;
    if (!read_decimal(x, &r->digits[0], &left) || !read_decimal(y, &r->digits[1], &right))
        return reduce_fail(r, n, a, b, "takes numbers and strings that are decimals");
    if (!buf_ok(&r->digits[0]) || !buf_ok(&r->digits[1]))
        return reduce_nomem(r);
    if (quoted)
        buf_addc(r->out, '"');
    if (!put_sum(r->out, &left, &right))
        return reduce_fail(r, n, a, b, "the sum has too many digits");
    if (quoted)
        buf_addc(r->out, '"');
    return DONE;
}

/* It stays one that has a fraction: others tell 2.0 from 2 by how it is written. */
static outcome add_doubles(reducer *r, const note *n, uint32_t a, uint32_t b, weir_view x, weir_view y)
{
    double left = 0, right = 0;
    char text[NUMBER_TEXT];
    number_to_double(x, &left);
    number_to_double(y, &right);
    size_t len = number_double(text, left + right);
    if (!len)
        return reduce_fail(r, n, a, b, "the sum is too large");
    buf_add(r->out, text, len);
    if (is_whole((weir_view){text, len}))
        buf_add(r->out, ".0", 2);
    return DONE;
}

static bool add_small(reducer *r, weir_view x, weir_view y)
{
    int64_t left, right, sum;
    char text[NUMBER_TEXT];
    if (x.len > 20 || y.len > 20 || !number_to_i64(x, &left) || !number_to_i64(y, &right) ||
        __builtin_add_overflow(left, right, &sum))
        return false;
    buf_add(r->out, text, number_i64(text, sum));
    return true;
}

/* What can be added, strings without their quotes; empty: it cannot. */
static weir_view addend(const tape *t, uint32_t node)
{
    if (node == NOTHING)
        return VIEW("0");
    weir_view v = tape_text(t, node);
    const tape_node *n = &t->nodes[node];
    return n->kind == TREE_NUMBER                   ? v
           : n->kind == TREE_STRING && !n->escaped ? (weir_view){v.ptr + 1, v.len - 2}
                                                   : (weir_view){0};
}

outcome reduce_by_sum(reducer *r, const note *n, uint32_t a, uint32_t b)
{
    weir_view x = addend(r->left, a), y = addend(r->right, b);
    const bool quoted = (a != NOTHING && r->left->nodes[a].kind == TREE_STRING) || r->right->nodes[b].kind == TREE_STRING;
    if (!x.len || !y.len)
        return reduce_fail(r, n, a, b, "takes numbers and strings that are decimals");
    if (a == NOTHING && !quoted)
        return reduce_whole(r, r->right, b);
    if (quoted)
        return add_exactly(r, n, a, b, x, y, true);
    if (!is_whole(x) || !is_whole(y))
        return add_doubles(r, n, a, b, x, y);
    return add_small(r, x, y) ? DONE : add_exactly(r, n, a, b, x, y, false);
}
