#include "bound.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool is(weir_view v, const char *text)
{
    return v.len == strlen(text) && memcmp(v.ptr, text, v.len) == 0;
}

dsql_kind dsql_kind_of(const weir_column *c)
{
    static const struct {
        const char *format;
        dsql_kind kind;
    } formats[] = {{"integer", DSQL_INTEGER}, {"number", DSQL_NUMBER}};
    if (is(c->pointer, "/_meta/uuid") && is(c->format, "date-time"))
        return DSQL_PUBLISHED;
    if (is(c->pointer, "/_meta/flow_truncated"))
        return DSQL_TRUNCATED;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (c->format.len && is(c->format, formats[i].format))
            return formats[i].kind;
    return c->encoding.len && is(c->encoding, "base64") ? DSQL_BYTES : DSQL_PLAIN;
}

/* --------------------------------------------------------------------------------------------------- numbers in strings -- */

static const char *digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* A number with digits before or behind the point, or both; without them all it is none. @return false if something else is in the
 * text */
static bool is_number(weir_view s, bool *ret_integer)
{
    const char *at = s.ptr, *end = s.ptr + s.len;
    at += at < end && *at == '-';
    const char *whole = at;
    at = digits(at, end);
    bool any = at > whole;
    *ret_integer = at == end;
    if (at < end && *at == '.') {
        const char *fraction = at + 1;
        at = digits(fraction, end);
        any = any || at > fraction;
    }
    if (any && at < end && (*at | 0x20) == 'e') {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        const char *exponent = at;
        at = digits(at, end);
        any = at > exponent;
    }
    return any && at == end;
}

static lite_value number_in(weir_view text, bool real)
{
    static const struct {
        const char *name;
        lite_value value;
    } names[] = {{"Infinity", {.kind = VALUE_REAL, .real = INFINITY}},
                 {"-Infinity", {.kind = VALUE_REAL, .real = -INFINITY}},
                 {"NaN", {.kind = VALUE_NULL}}}; /* SQLite has none */
    lite_value as_text = {.kind = VALUE_TEXT, .bytes = text};
    bool plus = text.len && text.ptr[0] == '+', integer = false;
    weir_view number = {text.ptr + plus, text.len - plus};
    for (size_t i = 0; real && i < sizeof names / sizeof *names; i++)
        if (is(text, names[i].name))
            return names[i].value;
    if ((plus && number.len && number.ptr[0] == '-') || !is_number(number, &integer) || (!integer && !real))
        return as_text;
    lite_value v = lite_value_number(number, (value_hint){.doubles = true});
    bool exact = v.kind == VALUE_INTEGER && v.integer >= -(1LL << 53) && v.integer <= 1LL << 53;
    if (real && exact)
        v = (lite_value){.kind = VALUE_REAL, .real = (double)v.integer};
    return v.kind == VALUE_TEXT ? as_text : v;
}

/* ----------------------------------------------------------------------------------------------------------------- times -- */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* The clock of a UUID of version 1, `llllllll-mmmm-1hhh-...`, its bits in order. @return 0 if it is none */
static uint64_t uuid_clock(weir_view json)
{
    static const int order[] = {16, 17, 18, 10, 11, 12, 13, 1, 2, 3, 4, 5, 6, 7, 8}; /* behind the quotation mark */
    uint64_t ticks = 0;
    if (json.len != 38 || json.ptr[15] != '1')
        return 0;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        int digit = hex(json.ptr[order[i]]);
        if (digit < 0)
            return 0;
        ticks = ticks << 4 | (uint64_t)digit;
    }
    return ticks << 4;
}

/* 60 bits of 100 ns since 1582-10-15, and 4 that count within them (flow.md 6.1). */
static lite_value published_at(uint64_t clock, lite_text *scratch)
{
    const int64_t ticks_before_1970 = 0x01B21DD213814000;
    if (!clock)
        return (lite_value){.kind = VALUE_NULL};
    int64_t ticks = (int64_t)(clock >> 4) - ticks_before_1970, part = ticks % 10000000;
    time_t seconds = (time_t)((ticks - part) / 10000000) - (part < 0);
    part += part < 0 ? 10000000 : 0;
    struct tm tm;
    char *to = scratch->ptr + scratch->len;
    if (!gmtime_r(&seconds, &tm))
        return (lite_value){.kind = VALUE_NULL};
    size_t len = strftime(to, DSQL_TIME_ROOM, "%Y-%m-%dT%H:%M:%S", &tm);
    if (part) {
        len += (size_t)snprintf(to + len, DSQL_TIME_ROOM - len, ".%07lld", (long long)part);
        while (to[len - 1] == '0')
            len--;
    }
    to[len++] = 'Z';
    scratch->len += len;
    return (lite_value){.kind = VALUE_TEXT, .bytes = {to, len}};
}

/* ---------------------------------------------------------------------------------------------------------------- values -- */

lite_value dsql_bound_value(dsql_kind kind, weir_view json, uint64_t clock, lite_text *scratch)
{
    if (kind == DSQL_PUBLISHED)
        return published_at(clock ? clock : uuid_clock(json), scratch);
    if (kind == DSQL_TRUNCATED)
        return (lite_value){.kind = VALUE_INTEGER};
    lite_value v = lite_value_read(json, (value_hint){.doubles = true, .base64 = kind == DSQL_BYTES}, scratch);
    bool numeric = (kind == DSQL_INTEGER || kind == DSQL_NUMBER) && json.len && json.ptr[0] == '"';
    return numeric ? number_in(v.bytes, kind == DSQL_NUMBER) : v;
}
