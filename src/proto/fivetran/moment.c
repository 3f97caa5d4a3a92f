#include "proto/fivetran/moment.h"

#define FIRST (-62135596800) /* 0001-01-01T00:00:00Z */
#define LAST 253402300799    /* 9999-12-31T23:59:59Z */
enum { CLOCK = 8 /* 10:15:30 */, DAY = 86400 };

/* Nine digits; what is beyond is cut off. Takes them off the text. */
static bool read_fraction(weir_view *text, uint32_t *ret_nanos)
{
    uint32_t nanos = 0, place = 100000000;
    size_t i = 1;
    *ret_nanos = 0;
    if (!text->len || text->ptr[0] != '.')
        return true;
    for (; i < text->len && (unsigned char)(text->ptr[i] - '0') <= 9; i++, place /= 10)
        nanos += place * (uint32_t)(text->ptr[i] - '0');
    *text = view_from(*text, i);
    *ret_nanos = nanos;
    return i > 1;
}

/* Takes the time off the text. */
static bool read_clock(weir_view *text, int64_t *ret_seconds, uint32_t *ret_nanos)
{
    uint32_t hour, minute, second;
    const char *p = text->ptr;
    if (text->len < CLOCK || !clock_two_digits(p, &hour) || p[2] != ':' || !clock_two_digits(p + 3, &minute) || p[5] != ':' || !clock_two_digits(p + 6, &second) || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    *text = view_from(*text, CLOCK);
    *ret_seconds = hour * 3600 + minute * 60 + second;
    return read_fraction(text, ret_nanos);
}

/* "Z" or "+01:00". @param seconds how far ahead of UTC */
static bool read_zone(weir_view text, int64_t *ret_seconds)
{
    uint32_t hours, minutes;
    *ret_seconds = 0;
    if (text.len == 1)
        return (text.ptr[0] | 0x20) == 'z';
    if (text.len != 6 || (text.ptr[0] != '+' && text.ptr[0] != '-') || !clock_two_digits(text.ptr + 1, &hours) || text.ptr[3] != ':' ||
        !clock_two_digits(text.ptr + 4, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_seconds = hours * 3600 + minutes * 60;
    *ret_seconds = text.ptr[0] == '-' ? -*ret_seconds : *ret_seconds;
    return true;
}

static bool read_datetime(weir_view text, bool zone, int64_t *ret_seconds, uint32_t *ret_nanos)
{
    int64_t date, clock, ahead = 0;
    if (!clock_read_date(text, &date))
        return false;
    date *= DAY;
    text = view_from(text, CLOCK_DATE);
    if (!zone && text.len == 0) {
        *ret_seconds = date;
        return true;
    }
    if (text.len == 0 || (text.ptr[0] != 'T' && text.ptr[0] != 't' && text.ptr[0] != ' '))
        return false;
    text = view_from(text, 1);
    if (!read_clock(&text, &clock, ret_nanos) || (zone ? !read_zone(text, &ahead) : text.len != 0))
        return false;
    *ret_seconds = date + clock - ahead;
    return true;
}

bool ft_time_of_text(ft_type type, weir_view text, int64_t *ret_seconds, uint32_t *ret_nanos)
{
    int64_t seconds = 0;
    uint32_t nanos = 0;
    bool good = false;
    if (type == FT_NAIVE_DATE)
        good = text.len == CLOCK_DATE && clock_read_date(text, &seconds);
    else if (type == FT_NAIVE_TIME)
        good = read_clock(&text, &seconds, &nanos) && text.len == 0 && seconds < DAY;
    else if (type == FT_NAIVE_DATETIME || type == FT_UTC_DATETIME)
        good = read_datetime(text, type == FT_UTC_DATETIME, &seconds, &nanos);
    if (type == FT_NAIVE_DATE)
        seconds *= DAY;
    if (!good || seconds < FIRST || seconds > LAST)
        return false;
    *ret_seconds = seconds;
    *ret_nanos = nanos;
    return true;
}

size_t ft_text_of_time(ft_type type, int64_t seconds, int32_t nanos, char out[CLOCK_TEXT])
{
    if (seconds < FIRST || seconds > LAST || nanos < 0)
        return 0;
    size_t len = clock_rfc3339(seconds, (uint32_t)nanos, out);
    if (len == 0 || type == FT_UTC_DATETIME)
        return len;
    if (type == FT_NAIVE_DATE)
        return CLOCK_DATE;
    len--; /* the Z */
    if (type != FT_NAIVE_TIME)
        return len;
    memmove(out, out + CLOCK_DATE + 1, len - CLOCK_DATE - 1);
    return len - CLOCK_DATE - 1;
}
