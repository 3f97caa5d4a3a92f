#include "json/order.h"

#include <stdint.h>

#include "base/clock.h"
#include "json/number.h"
#include "json/text.h"

static weir_view view_upto(weir_view v, size_t len) { return (weir_view){v.ptr, v.len < len ? v.len : len}; }

/* In ascending order. */
typedef enum kind { NOTHING, TEXT, MOMENT, NUMBER } kind;

enum { SHORT = 256, ESCAPE = 12 /* the longest: two surrogates */ };

typedef struct ordered {
    kind kind;
    weir_view text;     /* number; text, which may hold escapes if it is longer than SHORT */
    int64_t seconds;    /* moment, UTC */
    weir_view fraction; /* its digits, without zeros at the end */
    char room[SHORT];   /* what text was decoded to */
} ordered;

/* ------------------------------------------------------------------------------------------------------------ moments -- */

/* `count` digits at *at, as a number. */
static bool take_digits(const char **at, const char *end, int count, int64_t *ret)
{
    *ret = 0;
    for (int i = 0; i < count; i++, ++*at) {
        if (*at == end || **at < '0' || **at > '9')
            return false;
        *ret = *ret * 10 + (**at - '0');
    }
    return true;
}

static bool take(const char **at, const char *end, char c)
{
    bool there = *at < end && **at == c;
    *at += there;
    return there;
}

/* ":59.25", which may be missing. */
static bool take_seconds(const char **at, const char *end, int64_t *ret_seconds, weir_view *fraction)
{
    int64_t seconds;
    if (!take(at, end, ':'))
        return true;
    if (!take_digits(at, end, 2, &seconds) || seconds > 60)
        return false;
    *ret_seconds += seconds;
    if (!take(at, end, '.'))
        return true;
    const char *from = *at;
    while (*at < end && **at >= '0' && **at <= '9')
        ++*at;
    size_t len = (size_t)(*at - from);
    const bool any = len > 0;
    while (len && from[len - 1] == '0')
        len--;
    *fraction = (weir_view){from, len};
    return any;
}

static bool take_clock(const char **at, const char *end, ordered *o)
{
    int64_t hours, minutes;
    if (!take_digits(at, end, 2, &hours) || !take(at, end, ':') || !take_digits(at, end, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    o->seconds += hours * 3600 + minutes * 60;
    return take_seconds(at, end, &o->seconds, &o->fraction);
}

/* "Z", "+01", "+0100", "+01:00"; none is UTC. */
static bool take_offset(const char **at, const char *end, int64_t *seconds)
{
    int64_t hours, minutes = 0;
    if (*at == end || take(at, end, 'Z') || take(at, end, 'z'))
        return true;
    const bool ahead = **at == '+';
    if ((!take(at, end, '+') && !take(at, end, '-')) || !take_digits(at, end, 2, &hours))
        return false;
    if ((take(at, end, ':') || *at < end) && !take_digits(at, end, 2, &minutes))
        return false;
    *seconds += (hours * 3600 + minutes * 60) * (ahead ? -1 : 1);
    return hours < 24 && minutes < 60;
}

static bool read_moment(ordered *o)
{
    const char *at = o->text.ptr, *end = at + o->text.len;
    o->fraction = (weir_view){0};
    if (!clock_read_date(o->text, &o->seconds))
        return false;
    o->seconds *= 86400;
    at += CLOCK_DATE;
    if (at == end)
        return true;
    if (!take(&at, end, 'T') && !take(&at, end, 't') && !take(&at, end, ' '))
        return false;
    return take_clock(&at, end, o) && take_offset(&at, end, &o->seconds) && at == end;
}

/* ------------------------------------------------------------------------------------------------------------- values -- */

static void read_text(ordered *o, weir_view raw, bool digits)
{
    o->kind = TEXT;
    o->text = raw;
    if (raw.len && memchr(raw.ptr, '\\', raw.len)) {
        if (raw.len > SHORT)
            return;
        o->text = (weir_view){o->room, json_unquote_to(o->room, raw)};
    }
    if (digits && number_is(o->text))
        o->kind = NUMBER;
    else if (read_moment(o))
        o->kind = MOMENT;
}

static void read_value(ordered *o, weir_view value, bool digits)
{
    o->kind = NUMBER;
    o->text = value;
    switch (value.len ? *value.ptr : 'n') {
    case 'n':
    case '[':
    case '{':
        o->kind = NOTHING;
        return;
    case 't':
    case 'f':
        o->text = *value.ptr == 't' ? VIEW("1") : VIEW("0");
        return;
    case '"':
        read_text(o, (weir_view){value.ptr + 1, value.len - 2}, digits);
        return;
    default:
        return;
    }
}

/* Is this \uXXXX half of a pair: a surrogate whose second digit is one of `digits`? */
static bool is_half(const char *at, const char *digits)
{
    return at[0] == '\\' && at[1] == 'u' && (at[2] | 0x20) == 'd' && at[3] && strchr(digits, at[3]);
}

/* The next character of a text in its written form, decoded; at its end the empty view. */
static weir_view next_character(weir_view *rest, char room[ESCAPE])
{
    weir_view c = view_upto(*rest, 1);
    if (!rest->len || *rest->ptr != '\\') {
        *rest = view_from(*rest, c.len);
        return c;
    }
    size_t len = rest->len < 2 || rest->ptr[1] != 'u' ? 2 : 6;
    if (rest->len >= ESCAPE && is_half(rest->ptr, "89abAB") && is_half(rest->ptr + 6, "cdefCDEF"))
        len = ESCAPE;
    c = (weir_view){room, json_unquote_to(room, view_upto(*rest, len))};
    *rest = view_from(*rest, len < rest->len ? len : rest->len);
    return c;
}

static int compare_escaped(weir_view a, weir_view b)
{
    char room_a[ESCAPE], room_b[ESCAPE];
    weir_view x = {0}, y = {0};
    for (;;) {
        x = x.len ? x : next_character(&a, room_a);
        y = y.len ? y : next_character(&b, room_b);
        if (!x.len || !y.len)
            return (x.len > 0) - (y.len > 0);
        size_t n = x.len < y.len ? x.len : y.len;
        int o = memcmp(x.ptr, y.ptr, n);
        if (o)
            return o < 0 ? -1 : 1;
        x = view_from(x, n);
        y = view_from(y, n);
    }
}

/* A short text is decoded already, and what looks like an escape in it is none; only if the other is long it matters how it is written. */
static int compare_texts(const ordered *a, const ordered *b, weir_view left, weir_view right)
{
    const bool plain = (a->text.ptr == a->room || !a->text.len || !memchr(a->text.ptr, '\\', a->text.len)) &&
                       (b->text.ptr == b->room || !b->text.len || !memchr(b->text.ptr, '\\', b->text.len));
    int o = plain ? view_cmp(a->text, b->text)
                  : compare_escaped((weir_view){left.ptr + 1, left.len - 2}, (weir_view){right.ptr + 1, right.len - 2});
    return (o > 0) - (o < 0);
}

static int compare_moments(const ordered *a, const ordered *b)
{
    if (a->seconds != b->seconds)
        return a->seconds < b->seconds ? -1 : 1;
    int o = view_cmp(a->fraction, b->fraction);
    return (o > 0) - (o < 0);
}

int order_compare(weir_view a, weir_view b, bool digits)
{
    ordered x, y;
    read_value(&x, a, digits);
    read_value(&y, b, digits);
    if (x.kind != y.kind)
        return x.kind < y.kind ? -1 : 1;
    switch (x.kind) {
    case TEXT:
        return compare_texts(&x, &y, a, b);
    case MOMENT:
        return compare_moments(&x, &y);
    case NUMBER:
        return number_compare(x.text, y.text);
    default:
        return 0;
    }
}

bool order_has(weir_view value) { return value.len && *value.ptr != 'n' && *value.ptr != '[' && *value.ptr != '{'; }
