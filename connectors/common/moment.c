#include "moment.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Two or four digits; -1: they are none. */
static int number_at(const char *at, int count)
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        if (!is_digit(at[i]))
            return -1;
        n = n * 10 + (at[i] - '0');
    }
    return n;
}

bool moment_date(weir_view v, int32_t *ret_days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (v.len < 10 || v.ptr[4] != '-' || v.ptr[7] != '-')
        return false;
    int y = number_at(v.ptr, 4), m = number_at(v.ptr + 5, 2), d = number_at(v.ptr + 8, 2);
    bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    if (y < 1 || m < 1 || m > 12 || d < 1 || d > lengths[m - 1] + (m == 2 && leap))
        return false;
    /* days since 1970-01-01, of a year that begins in March */
    int64_t year = m > 2 ? y : y - 1, era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    *ret_days = (int32_t)(era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468);
    return true;
}

/* ".5", up to six digits that are not zero; *at is moved behind it. */
static bool read_fraction(const char **at, const char *end, int64_t *micros)
{
    int64_t unit = 100000;
    if (*at == end || **at != '.')
        return true;
    for (++*at; *at < end && is_digit(**at); ++*at, unit /= 10) {
        if (!unit && **at != '0')
            return false;
        *micros += unit * (**at - '0');
    }
    return is_digit((*at)[-1]);
}

/* Z or an offset; in minutes. */
static bool read_zone(const char *at, const char *end, int *ret)
{
    *ret = 0;
    if (end - at == 1)
        return *at == 'Z' || *at == 'z';
    if (end - at != 6 || (*at != '+' && *at != '-') || at[3] != ':')
        return false;
    int hours = number_at(at + 1, 2), minutes = number_at(at + 4, 2);
    *ret = (hours * 60 + minutes) * (*at == '-' ? -1 : 1);
    return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

bool moment_read(weir_view v, int64_t *ret_micros)
{
    int32_t day;
    int offset;
    int64_t micros = 0;
    if (v.len < 20 || !moment_date(v, &day) || (v.ptr[10] != 'T' && v.ptr[10] != 't' && v.ptr[10] != ' ') || v.ptr[13] != ':' || v.ptr[16] != ':')
        return false;
    int h = number_at(v.ptr + 11, 2), m = number_at(v.ptr + 14, 2), s = number_at(v.ptr + 17, 2);
    const char *at = v.ptr + 19, *end = v.ptr + v.len;
    if (h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59 || !read_fraction(&at, end, &micros) || !read_zone(at, end, &offset))
        return false;
    *ret_micros = ((int64_t)day * 86400 + h * 3600 + (m - offset) * 60 + s) * 1000000 + micros;
    return true;
}
