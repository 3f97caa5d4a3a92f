#include "json/format.h"

#include <stdint.h>

#include "base/clock.h"
#include "json/number.h"

/* Eight characters of a layout: where `form` has a digit 0, the text has any digit; otherwise it has what `form` has. */
typedef struct layout {
    char form[9];
    char spare[9]; /* what may be added to a character, after taking off form's bits, before it reaches 0x80: \x76 for digits, else
                      \x7f */
} layout;

/* "2024-01-", "01-31T12", "12:30:59": every date and time is these three, overlapping. */
static const layout year_month = {"0000-00-", "\x76\x76\x76\x76\x7f\x76\x76\x7f"},
                    day_hour = {"00-00T00", "\x76\x76\x7f\x76\x76\x7f\x76\x76"},
                    clock_time = {"00:00:00", "\x76\x76\x7f\x76\x76\x7f\x76\x76"};

/* All eight at once: an addition that does not fit seven bits gives a character away. */
static bool has_layout(const char *text, const layout *l)
{
    uint64_t t, form, spare;
    memcpy(&t, text, sizeof t);
    memcpy(&form, l->form, sizeof form);
    memcpy(&spare, l->spare, sizeof spare);
    t ^= form;
    return ((t | (t + spare)) & 0x8080808080808080) == 0;
}

static int two_digits(const char *at)
{
    return (at[0] - '0') * 10 + (at[1] - '0');
}

/* "Z", "+01:00"; *minutes is what it is ahead of UTC. */
static bool read_offset(const char *at, const char *end, int *minutes)
{
    *minutes = 0;
    if (end - at == 1)
        return (*at | 0x20) == 'z';
    char padded[8] = "00:00:00";
    if (end - at != 6 || (*at != '+' && *at != '-'))
        return false;
    memcpy(padded, at + 1, 5);
    *minutes = two_digits(padded) * 60 + two_digits(padded + 3);
    bool good = has_layout(padded, &clock_time) && two_digits(padded) < 24 && two_digits(padded + 3) < 60;
    *minutes = *at == '-' ? -*minutes : *minutes;
    return good;
}

/* "12:30:59.25+01:00" */
static bool is_time(weir_view text)
{
    enum { DAY = 24 * 60 };
    const char *at = text.ptr, *end = at + text.len;
    if (text.len < 9 || !has_layout(at, &clock_time))
        return false;
    int minutes = two_digits(at) * 60 + two_digits(at + 3), seconds = two_digits(at + 6), offset;
    if (minutes >= DAY || two_digits(at + 3) > 59 || seconds > 60)
        return false;
    at += 8;
    if (*at == '.') {
        const char *fraction = ++at;
        while (at < end && (unsigned char)(*at - '0') <= 9)
            at++;
        if (at == fraction)
            return false;
    }
    /* A leap second is the last one of a day in UTC. */
    return read_offset(at, end, &offset) && (seconds < 60 || (minutes - offset + DAY) % DAY == DAY - 1);
}

static bool is_date(weir_view text)
{
    int64_t day;
    return text.len == CLOCK_DATE && clock_read_date(text, &day);
}

static bool is_date_time(weir_view text)
{
    if (text.len < 20 || !has_layout(text.ptr, &year_month))
        return false;
    char middle[8];
    memcpy(middle, text.ptr + 5, sizeof middle);
    middle[5] = middle[5] == 't' ? 'T' : middle[5];
    int64_t day;
    return has_layout(middle, &day_hour) && clock_read_date(text, &day) && is_time(view_from(text, CLOCK_DATE + 1));
}

static bool is_uuid(weir_view text)
{
    static const unsigned char digits[256] = {['0'] = 1, 1, 1, 1, 1,         1, 1, 1, 1, 1, ['A'] = 1, 1,
                                              1,         1, 1, 1, ['a'] = 1, 1, 1, 1, 1, 1, ['-'] = 2};
    enum { UUID = 36, DASHES = 4 };
    unsigned dashes = 0, all = 1;
    if (text.len != UUID || text.ptr[8] != '-' || text.ptr[13] != '-' || text.ptr[18] != '-' || text.ptr[23] != '-')
        return false;
    for (size_t i = 0; i < UUID; i++) {
        unsigned kind = digits[(unsigned char)text.ptr[i]];
        all &= kind != 0;
        dashes += kind >> 1;
    }
    return all && dashes == DASHES;
}

static weir_view without_plus(weir_view text)
{
    return view_starts(text, VIEW("+")) && !view_starts(text, VIEW("+-")) ? view_from(text, 1) : text;
}

/* Digits with a sign or without; JSON's rule against leading zeros is none for texts. */
static bool is_integer(weir_view text)
{
    size_t i = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+');
    bool digits = i < text.len;
    for (; digits && i < text.len; i++)
        digits = (unsigned char)(text.ptr[i] - '0') <= 9;
    return digits;
}

static bool is_number(weir_view text)
{
    return is_integer(text) || number_is(without_plus(text)) || view_is(text, "NaN") || view_is(text, "Infinity") ||
           view_is(text, "-Infinity");
}

static const struct {
    weir_view name;
    format_test *test;
    bool guess;
} formats[] = {
    {WEIR_LIT("date-time"), is_date_time, true}, {WEIR_LIT("date"), is_date, true},        {WEIR_LIT("time"), is_time, true},
    {WEIR_LIT("uuid"), is_uuid, true},           {WEIR_LIT("integer"), is_integer, false}, {WEIR_LIT("number"), is_number, false},
};
enum { FORMATS = sizeof formats / sizeof *formats };

format_test *format_named(weir_view name)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (view_eq(formats[i].name, name))
            return formats[i].test;
    return NULL;
}

weir_view format_guess(weir_view text)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i].guess && formats[i].test(text))
            return formats[i].name;
    return (weir_view){NULL, 0};
}
