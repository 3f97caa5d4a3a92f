#include "base/clock.h"

#include <time.h>

int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct timespec clock_until(int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    return t;
}

void clock_now(int64_t *ret_seconds, uint32_t *ret_nanos)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    *ret_seconds = t.tv_sec;
    *ret_nanos = (uint32_t)t.tv_nsec;
}

/* ----------------------------------------------------------------------------------------------------------- RFC 3339 -- */

#define YEAR_0 (-62167219200)   /* 0000-01-01T00:00:00Z */
#define YEAR_10000 253402300800 /* 10000-01-01T00:00:00Z */
enum {
    DAY = 86400,
    ERA_DAYS = 146097 /* of 400 years */,
    YEAR_0_DAY = ERA_DAYS - 60 /* counted from the 1st of March of the year -400; a leap year, as 0 is, has 60 days before March */,
};

static char *put2(char *p, uint32_t n)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
                                "49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697"
                                "9899";
    memcpy(p, pairs + 2 * n, 2);
    return p + 2;
}

/* `days` count from the 1st of March of the year -400, so that they are never negative: a year that begins in March has its leap
 * day at the end, where it does no harm. Divisions are by constants, or a multiplication whose product holds quotient and remainder (C. Neri,
 * L. Schneider: Euclidean affine functions and their application to calendar algorithms, 2022). */
static char *put_date(char *p, uint32_t days)
{
    uint32_t quarters = 4 * days + 3; /* of a day: a century has 36524 and a quarter */
    uint32_t century = quarters / ERA_DAYS, of_century = quarters % ERA_DAYS / 4;
    uint64_t years = (uint64_t)2939745 * (4 * of_century + 3); /* 2^32 / 1461: the year in the upper half, what is left of it in the lower */
    uint32_t of_year = (uint32_t)years / 2939745 / 4;
    uint32_t months = 2141 * of_year + 197913; /* 2^16 / 30.6: the month, 3 is March, and what is left of it */
    uint32_t month = months >> 16, day = (months & 0xffff) / 2141 + 1;
    bool next = month > 12;
    uint32_t year = 100 * century + (uint32_t)(years >> 32) + next - 400;
    p = put2(put2(p, year / 100), year % 100);
    *p++ = '-';
    p = put2(p, next ? month - 12 : month);
    *p++ = '-';
    return put2(p, day);
}

static char *put_time(char *p, uint32_t second)
{
    p = put2(p, second / 3600);
    *p++ = ':';
    p = put2(p, second / 60 % 60);
    *p++ = ':';
    return put2(p, second % 60);
}

static char *put_decimals(char *p, uint32_t nanos)
{
    if (!nanos)
        return p;
    int digits = nanos % 1000 ? 9 : nanos % 1000000 ? 6 : 3;
    for (int i = digits; i < 9; i++)
        nanos /= 10;
    *p = '.';
    for (int i = digits; i > 0; i--, nanos /= 10)
        p[i] = (char)('0' + nanos % 10);
    return p + 1 + digits;
}

size_t clock_rfc3339(int64_t seconds, uint32_t nanos, char out[CLOCK_TEXT])
{
    if (seconds < YEAR_0 || seconds >= YEAR_10000 || nanos >= 1000000000)
        return 0;
    uint64_t since = (uint64_t)(seconds - YEAR_0);
    char *p = put_date(out, (uint32_t)(since / DAY) + YEAR_0_DAY);
    *p++ = 'T';
    p = put_decimals(put_time(p, (uint32_t)(since % DAY)), nanos);
    *p++ = 'Z';
    return (size_t)(p - out);
}

static uint32_t days_of_month(uint32_t year, uint32_t month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && year % 4 == 0 && (year % 100 || year % 400 == 0) ? 29 : days[month - 1];
}

bool clock_read_date(weir_view text, int64_t *ret_days_since_1970)
{
    uint32_t century, year, month, day;
    const char *p = text.ptr;
    if (text.len < CLOCK_DATE || !clock_two_digits(p, &century) || !clock_two_digits(p + 2, &year) || p[4] != '-' || !clock_two_digits(p + 5, &month) || p[7] != '-' ||
        !clock_two_digits(p + 8, &day))
        return false;
    year += 100 * century;
    if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
        return false;
    /* as in put_date(): years from the year -400 on, which begin in March and whose months have 153 days in every five */
    uint32_t from = year + 400 - (month <= 2), of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    *ret_days_since_1970 = from / 400 * ERA_DAYS + from % 400 * 365 + from % 400 / 4 - from % 400 / 100 + of_year - (int64_t)YEAR_0_DAY + YEAR_0 / DAY;
    return true;
}

/* .5 behind the seconds; digits behind nanoseconds are passed over. @return bytes read; 0: it is no fraction */
static size_t read_fraction(weir_view text, uint32_t *nanos)
{
    size_t n = 1;
    uint32_t unit = 100000000;
    *nanos = 0;
    for (; n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9'; n++, unit /= 10)
        *nanos += (uint32_t)(text.ptr[n] - '0') * unit;
    return n > 1 ? n : 0;
}

/* Z, or +01:00. */
static bool read_zone(weir_view text, int64_t *ret_seconds)
{
    uint32_t hours, minutes;
    *ret_seconds = 0;
    if (text.len == 1 && (text.ptr[0] | 0x20) == 'z')
        return true;
    if (text.len != 6 || (text.ptr[0] != '+' && text.ptr[0] != '-') || !clock_two_digits(text.ptr + 1, &hours) || text.ptr[3] != ':' ||
        !clock_two_digits(text.ptr + 4, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_seconds = (text.ptr[0] == '-' ? -1 : 1) * (int64_t)(hours * 3600 + minutes * 60);
    return true;
}

bool clock_read_time(weir_view text, int64_t *ret_seconds, uint32_t *ret_nanos)
{
    enum { TIME_END = 19 }; /* of 2007-12-03T10:15:30 */
    uint32_t h, m, s;
    int64_t days, zone;
    const char *p = text.ptr;
    if (text.len <= TIME_END || !clock_read_date(text, &days) || ((p[10] | 0x20) != 't' && p[10] != ' ') || p[13] != ':' || p[16] != ':' ||
        !clock_two_digits(p + 11, &h) || !clock_two_digits(p + 14, &m) || !clock_two_digits(p + 17, &s) || h > 23 || m > 59 || s > 60)
        return false;
    weir_view rest = {p + TIME_END, text.len - TIME_END};
    uint32_t nanos = 0;
    if (rest.ptr[0] == '.') {
        size_t n = read_fraction(rest, &nanos);
        if (!n)
            return false;
        rest = (weir_view){rest.ptr + n, rest.len - n};
    }
    if (!read_zone(rest, &zone))
        return false;
    *ret_seconds = days * DAY + h * 3600 + m * 60 + s - zone;
    *ret_nanos = nanos;
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- durations -- */

#define LONGEST_MS (INT64_C(36525) * DAY * 1000) /* 100 years */
enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

typedef struct unit {
    const char *name;
    int64_t ms;
} unit;

static const unit spoken[] = {
    {"ms", 1}, {"msec", 1}, {"msecs", 1}, {"millisecond", 1}, {"milliseconds", 1},
    {"s", SECOND}, {"sec", SECOND}, {"secs", SECOND}, {"second", SECOND}, {"seconds", SECOND},
    {"m", MINUTE}, {"min", MINUTE}, {"mins", MINUTE}, {"minute", MINUTE}, {"minutes", MINUTE},
    {"h", HOUR}, {"hr", HOUR}, {"hrs", HOUR}, {"hour", HOUR}, {"hours", HOUR},
    {"d", 24 * HOUR}, {"day", 24 * HOUR}, {"days", 24 * HOUR},
    {"w", 7 * 24 * HOUR}, {"week", 7 * 24 * HOUR}, {"weeks", 7 * 24 * HOUR},
    {NULL, 0},
};
/* ISO 8601, in the order it demands; years and months have no fixed length. */
static const unit iso_days[] = {{"W", 7 * 24 * HOUR}, {"D", 24 * HOUR}, {NULL, 0}};
static const unit iso_time[] = {{"H", HOUR}, {"M", MINUTE}, {"S", SECOND}, {NULL, 0}};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static weir_view trim(weir_view v)
{
    while (v.len && (*v.ptr == ' ' || *v.ptr == '\t'))
        v = view_from(v, 1);
    while (v.len && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t'))
        v.len--;
    return v;
}

typedef struct amount {
    int64_t whole;  /* at most LONGEST_MS, which no unit makes smaller */
    int64_t billionths; /* decimals beyond the ninth make no difference to a millisecond */
} amount;

/* digits ["." digits] */
static bool take_amount(weir_view *v, amount *ret)
{
    *ret = (amount){0};
    size_t i = 0;
    for (; i < v->len && is_digit(v->ptr[i]); i++) {
        ret->whole = ret->whole * 10 + (v->ptr[i] - '0');
        if (ret->whole > LONGEST_MS)
            return false;
    }
    if (i == 0)
        return false;
    if (i + 1 < v->len && v->ptr[i] == '.' && is_digit(v->ptr[i + 1])) {
        int64_t place = 100000000;
        for (i++; i < v->len && is_digit(v->ptr[i]); i++, place /= 10)
            ret->billionths += place * (v->ptr[i] - '0');
    }
    *v = view_from(*v, i);
    return true;
}

/* Rounded to the nearest millisecond. */
static bool add_amount(int64_t *sum, amount a, int64_t ms)
{
    if (a.whole > LONGEST_MS / ms)
        return false;
    int64_t seconds_part = ms / SECOND * a.billionths + ms % SECOND * a.billionths / SECOND; /* millionths of a millisecond */
    *sum += a.whole * ms + (seconds_part + 500000) / 1000000;
    return *sum <= LONGEST_MS;
}

static const unit *take_unit(weir_view *v, const unit *units)
{
    size_t len = 0;
    while (len < v->len && is_letter(v->ptr[len]))
        len++;
    weir_view word = {v->ptr, len};
    for (; units->name; units++) {
        if (view_is(word, units->name)) {
            *v = view_from(*v, len);
            return units;
        }
    }
    return NULL;
}

static bool read_spoken(weir_view v, int64_t *sum)
{
    for (bool first = true; v.len; first = false, v = trim(v)) {
        amount a;
        if (!take_amount(&v, &a))
            return false;
        v = trim(v);
        if (first && !v.len)
            return add_amount(sum, a, SECOND);
        const unit *u = take_unit(&v, spoken);
        if (!u || !add_amount(sum, a, u->ms))
            return false;
    }
    return true;
}

/* Only the last amount may have decimals. */
static bool read_iso_part(weir_view *v, const unit *units, int64_t *sum, bool *ret_any)
{
    while (v->len && *v->ptr != 'T') {
        amount a;
        if (!take_amount(v, &a) || !v->len)
            return false;
        weir_view letter = {v->ptr, 1};
        while (units->name && !view_is(letter, units->name))
            units++;
        *v = view_from(*v, 1);
        if (!units->name || (a.billionths && v->len) || !add_amount(sum, a, units->ms))
            return false;
        units++;
        *ret_any = true;
    }
    return true;
}

static bool read_iso(weir_view v, int64_t *sum)
{
    bool any = false, any_time = false;
    if (!read_iso_part(&v, iso_days, sum, &any))
        return false;
    if (!v.len)
        return any;
    v = view_from(v, 1); /* the T */
    return read_iso_part(&v, iso_time, sum, &any_time) && any_time && !v.len;
}

bool clock_duration(weir_view text, int64_t *ret_ms)
{
    int64_t sum = 0;
    text = trim(text);
    if (!text.len || !(*text.ptr == 'P' ? read_iso(view_from(text, 1), &sum) : read_spoken(text, &sum)))
        return false;
    *ret_ms = sum;
    return true;
}
