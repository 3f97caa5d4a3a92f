#include "json/format.h"

#include "json/number.h"

/* What is left to be read; `ok` is sticky. */
typedef struct reading {
    const char *at, *end;
    bool ok;
} reading;

static bool at_digit(const reading *r)
{
    return r->at < r->end && (unsigned char)(*r->at - '0') <= 9;
}

static int take_digits(reading *r, int count, int most)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        r->ok = r->ok && at_digit(r);
        value = r->ok ? value * 10 + (*r->at++ - '0') : 0;
    }
    r->ok = r->ok && value <= most;
    return value;
}

/* One of these; letters may be in any case. */
static char take_one(reading *r, const char *of)
{
    char c = r->at < r->end ? *r->at : 0;
    c = c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c;
    r->ok = r->ok && c && strchr(of, c);
    r->at += r->ok;
    return c;
}

static void take_date(reading *r)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = take_digits(r, 4, 9999);
    take_one(r, "-");
    int month = take_digits(r, 2, 12);
    take_one(r, "-");
    int day = take_digits(r, 2, 31);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    r->ok = r->ok && month > 0 && day > 0 && day <= days[month - 1] + (leap && month == 2);
}

/* Minutes that the offset is ahead of UTC. */
static int take_offset(reading *r)
{
    char sign = take_one(r, "Z+-");
    if (!r->ok || sign == 'Z')
        return 0;
    int hours = take_digits(r, 2, 23);
    take_one(r, ":");
    int minutes = hours * 60 + take_digits(r, 2, 59);
    return sign == '-' ? -minutes : minutes;
}

static void take_time(reading *r)
{
    enum { DAY = 24 * 60 };
    int minutes = take_digits(r, 2, 23) * 60;
    take_one(r, ":");
    minutes += take_digits(r, 2, 59);
    take_one(r, ":");
    int seconds = take_digits(r, 2, 60);
    if (r->ok && r->at < r->end && *r->at == '.') {
        r->at++;
        r->ok = at_digit(r);
        while (at_digit(r))
            r->at++;
    }
    minutes -= take_offset(r);
    /* A leap second is the last one of a day in UTC. */
    r->ok = r->ok && (seconds < 60 || (minutes + DAY) % DAY == DAY - 1);
}

static bool is_date(weir_view text)
{
    reading r = {text.ptr, text.ptr + text.len, text.len == 10};
    take_date(&r);
    return r.ok;
}

static bool is_time(weir_view text)
{
    reading r = {text.ptr, text.ptr + text.len, text.len >= 9};
    take_time(&r);
    return r.ok && r.at == r.end;
}

static bool is_date_time(weir_view text)
{
    reading r = {text.ptr, text.ptr + text.len, text.len >= 20};
    take_date(&r);
    take_one(&r, "T");
    take_time(&r);
    return r.ok && r.at == r.end;
}

static bool is_uuid(weir_view text)
{
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23,
             hex = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
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
