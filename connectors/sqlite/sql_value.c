/* Values of weir_sql as SQLite stores them, back, and as values of another type. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sql.h"

static const char utc[] = "+00:00";
enum { UTC_LEN = sizeof utc - 1 };

/* -------------------------------------------------------------------------------------------------------------- shapes -- */

/* `0` in the shape stands for a digit. @return bytes that fit it, or 0 */
static size_t fits(weir_view v, const char *shape)
{
    size_t n = strlen(shape);
    if (v.len < n)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (shape[i] == '0' ? v.ptr[i] < '0' || v.ptr[i] > '9' : v.ptr[i] != shape[i])
            return 0;
    return n;
}

/* The same with a fraction of a second behind. */
static size_t fits_time(weir_view v, const char *shape)
{
    size_t n = fits(v, shape), digits = 0;
    if (!n || n == v.len || v.ptr[n] != '.')
        return n;
    while (n + 1 + digits < v.len && v.ptr[n + 1 + digits] >= '0' && v.ptr[n + 1 + digits] <= '9')
        digits++;
    return digits ? n + 1 + digits : n;
}

static const char date_shape[] = "0000-00-00", datetime_shape[] = "0000-00-00T00:00:00", time_shape[] = "00:00:00";

static bool is_stored_instant(weir_view v)
{
    size_t n = fits_time(v, datetime_shape);
    return n && n + UTC_LEN == v.len && memcmp(v.ptr + n, utc, UTC_LEN) == 0;
}

/* --------------------------------------------------------------------------------------------------------------- store -- */

static weir_view added(const lite_text *scratch, size_t from)
{
    return scratch->failed ? (weir_view){0} : (weir_view){scratch->ptr + from, scratch->len - from};
}

static lite_value text_value(weir_view v)
{
    return (lite_value){.kind = VALUE_TEXT, .bytes = {v.ptr ? v.ptr : "", v.len}};
}

static lite_value instant_value(weir_view v, lite_text *scratch)
{
    if (!v.len || v.ptr[v.len - 1] != 'Z')
        return text_value(v);
    size_t from = scratch->len;
    lite_text_add(scratch, v.ptr, v.len - 1);
    lite_text_add(scratch, utc, UTC_LEN);
    return text_value(added(scratch, from));
}

lite_value lite_sql_store(const weir_sql_value *v, lite_text *scratch)
{
    switch (v->type) {
    case WEIR_SQL_NULL:
        return (lite_value){0};
    case WEIR_SQL_BOOLEAN:
    case WEIR_SQL_SHORT:
    case WEIR_SQL_INT:
    case WEIR_SQL_LONG:
        return (lite_value){.kind = VALUE_INTEGER, .integer = v->integer};
    case WEIR_SQL_FLOAT:
    case WEIR_SQL_DOUBLE: /* SQLite takes NaN for NULL */
        return isnan(v->number) ? text_value((weir_view)WEIR_LIT("NaN")) : (lite_value){.kind = VALUE_REAL, .real = v->number};
    case WEIR_SQL_DECIMAL:
        return v->text.len ? lite_value_read(v->text, (value_hint){0}, scratch) : text_value(v->text);
    case WEIR_SQL_TIMESTAMP:
        return instant_value(v->text, scratch);
    case WEIR_SQL_BINARY:
        return (lite_value){.kind = VALUE_BLOB, .bytes = {v->text.ptr ? v->text.ptr : "", v->text.len}};
    default:
        return text_value(v->text);
    }
}

/* ---------------------------------------------------------------------------------------------------------------- read -- */

/* Fewest digits that read back as the same double. */
static weir_view shortest(double x, lite_text *scratch)
{
    char digits[40];
    size_t from = scratch->len;
    if (isnan(x) || isinf(x))
        snprintf(digits, sizeof digits, "%s", isnan(x) ? "NaN" : x < 0 ? "-Infinity" : "Infinity");
    else
        for (int precision = 15; precision <= 17; precision++) {
            snprintf(digits, sizeof digits, "%.*g", precision, x);
            if (strtod(digits, NULL) == x)
                break;
        }
    lite_text_add(scratch, digits, strlen(digits));
    return added(scratch, from);
}

enum { EXPONENT_MAX = 1000 }; /* more than any double has */

/* Digits of a number, and where the point stands: 0.DIGITS * 10^point. */
typedef struct digits {
    bool negative;
    const char *first; /* may have a point among them */
    size_t len;        /* digits, the point not counted */
    long point;
} digits;

static bool take_apart(weir_view v, digits *d)
{
    const char *at = v.ptr, *end = at + v.len, *begin;
    *d = (digits){.negative = at < end && *at == '-'};
    at += at < end && (*at == '-' || *at == '+');
    bool any = false, point = false;
    while (at < end && *at == '0')
        at++, any = true;
    for (begin = at; at < end && ((*at >= '0' && *at <= '9') || (*at == '.' && !point)); at++) {
        bool dot = *at == '.';
        point |= dot;
        any |= !dot;
        d->len += !dot;
        d->point += !dot && !point;
    }
    d->first = begin;
    if (any && at < end && (*at == 'e' || *at == 'E')) {
        char written[24] = "", *stop;
        snprintf(written, sizeof written, "%.*s", (int)(end - at - 1 < 20 ? end - at - 1 : 20), at + 1);
        long exponent = strtol(written, &stop, 10);
        d->point += exponent;
        return stop != written && !*stop && end - at - 1 <= 20 && labs(exponent) < EXPONENT_MAX;
    }
    return any && at == end;
}

static void add_zeros(lite_text *out, long count)
{
    for (; count > 0; count--)
        lite_text_add(out, "0", 1);
}

/* Any number as plain digits, without zeros that say nothing. */
static bool plain(weir_view v, lite_text *scratch, weir_view *ret)
{
    digits d;
    size_t from = scratch->len;
    if (!take_apart(v, &d))
        return false;
    size_t skip = 0, n = 0; /* zeros before the first digit that counts; trailing ones go at the end */
    char *all = malloc(d.len + 1);
    if (!all)
        return false;
    for (const char *at = d.first; n < d.len; at++)
        if (*at != '.')
            all[n++] = *at;
    while (skip < n && all[skip] == '0')
        skip++, d.point--;
    while (n > skip && all[n - 1] == '0')
        n--;
    size_t count = n - skip;
    long whole = d.point < 0 ? 0 : d.point;
    if (d.negative && count)
        lite_text_add(scratch, "-", 1);
    if (!count || whole == 0)
        lite_text_add(scratch, "0", 1);
    if (count) {
        size_t before = (size_t)whole < count ? (size_t)whole : count;
        lite_text_add(scratch, all + skip, before);
        add_zeros(scratch, whole - (long)before);
        if (before < count) {
            lite_text_add(scratch, ".", 1);
            add_zeros(scratch, -d.point);
            lite_text_add(scratch, all + skip + before, count - before);
        }
    }
    free(all);
    *ret = added(scratch, from);
    return !scratch->failed;
}

static weir_view number_text(double x, lite_text *scratch)
{
    weir_view s = shortest(x, scratch), p;
    return plain(s, scratch, &p) ? p : s;
}

static weir_view integer_text(int64_t n, lite_text *scratch)
{
    char text[24];
    size_t from = scratch->len;
    lite_text_add(scratch, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)n));
    return added(scratch, from);
}

static bool is_whole(weir_sql_type type)
{
    return type >= WEIR_SQL_BOOLEAN && type <= WEIR_SQL_LONG;
}

static bool is_double(weir_sql_type type)
{
    return type == WEIR_SQL_FLOAT || type == WEIR_SQL_DOUBLE;
}

static weir_sql_value read_integer(int64_t n, weir_sql_type as, lite_text *scratch)
{
    if (as == WEIR_SQL_DECIMAL)
        return (weir_sql_value){.type = as, .text = integer_text(n, scratch)};
    if (is_double(as))
        return (weir_sql_value){.type = as, .number = (double)n};
    return (weir_sql_value){.type = is_whole(as) ? as : WEIR_SQL_LONG, .integer = n};
}

static weir_sql_value read_real(double x, weir_sql_type as, lite_text *scratch)
{
    if (as == WEIR_SQL_DECIMAL)
        return (weir_sql_value){.type = as, .text = number_text(x, scratch)};
    return (weir_sql_value){.type = is_double(as) ? as : WEIR_SQL_DOUBLE, .number = x};
}

static weir_sql_value read_text(weir_view v, weir_sql_type as, lite_text *scratch)
{
    if (is_double(as) && v.len == 3 && memcmp(v.ptr, "NaN", 3) == 0)
        return (weir_sql_value){.type = as, .number = NAN};
    if ((as == WEIR_SQL_TIMESTAMP || as == WEIR_SQL_NULL) && is_stored_instant(v)) {
        size_t from = scratch->len;
        lite_text_add(scratch, v.ptr, v.len - UTC_LEN);
        lite_text_add(scratch, "Z", 1);
        return (weir_sql_value){.type = WEIR_SQL_TIMESTAMP, .text = added(scratch, from)};
    }
    bool other = as == WEIR_SQL_NULL || is_whole(as) || is_double(as) || as == WEIR_SQL_BINARY;
    return (weir_sql_value){.type = other ? WEIR_SQL_TEXT : as, .text = v};
}

weir_sql_value lite_sql_read(sqlite3_value *from, weir_sql_type as, lite_text *scratch)
{
    switch (sqlite3_value_type(from)) {
    case SQLITE_NULL:
        return (weir_sql_value){0};
    case SQLITE_INTEGER:
        return read_integer(sqlite3_value_int64(from), as, scratch);
    case SQLITE_FLOAT:
        return read_real(sqlite3_value_double(from), as, scratch);
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_value_text(from);
        return read_text((weir_view){text, (size_t)sqlite3_value_bytes(from)}, as, scratch);
    }
    default: {
        const char *bytes = sqlite3_value_blob(from);
        return (weir_sql_value){.type = WEIR_SQL_BINARY, .text = {bytes, (size_t)sqlite3_value_bytes(from)}};
    }
    }
}

/* ------------------------------------------------------------------------------------------------------------- convert -- */

static weir_view base64_text(weir_view bytes, lite_text *scratch)
{
    size_t from = scratch->len;
    lite_value v = {.kind = VALUE_BLOB, .bytes = bytes};
    lite_value_write(scratch, &v, WEIR_IS_STRING);
    weir_view quoted = added(scratch, from);
    return quoted.len < 2 ? quoted : (weir_view){quoted.ptr + 1, quoted.len - 2};
}

static weir_view text_of(const weir_sql_value *v, lite_text *scratch)
{
    if (v->type == WEIR_SQL_BOOLEAN)
        return v->integer ? (weir_view)WEIR_LIT("true") : (weir_view)WEIR_LIT("false");
    if (is_whole(v->type))
        return integer_text(v->integer, scratch);
    if (is_double(v->type))
        return shortest(v->number, scratch);
    return v->type == WEIR_SQL_BINARY ? base64_text(v->text, scratch) : v->text;
}

typedef bool convert_text(weir_view text, weir_sql_value *ret, lite_text *scratch);

static bool is_word(weir_view v, const char *word)
{
    return v.len == strlen(word) && strncasecmp(v.ptr, word, v.len) == 0;
}

static bool to_boolean(weir_view v, weir_sql_value *ret, lite_text *scratch)
{
    (void)scratch;
    ret->integer = is_word(v, "true") || is_word(v, "1");
    return ret->integer || is_word(v, "false") || is_word(v, "0");
}

static bool to_whole(weir_view v, weir_sql_value *ret, lite_text *scratch)
{
    static const int64_t max[] = {[WEIR_SQL_SHORT] = INT16_MAX, [WEIR_SQL_INT] = INT32_MAX, [WEIR_SQL_LONG] = INT64_MAX};
    weir_view p;
    if (is_word(v, "true") || is_word(v, "false"))
        return to_boolean(v, ret, scratch);
    if (!plain(v, scratch, &p))
        return false;
    lite_value n = lite_value_read(p, (value_hint){0}, scratch);
    ret->integer = n.integer;
    return n.kind == VALUE_INTEGER && n.integer <= max[ret->type] && n.integer >= -max[ret->type] - 1;
}

static bool to_decimal(weir_view v, weir_sql_value *ret, lite_text *scratch)
{
    return plain(v, scratch, &ret->text);
}

static bool to_double(weir_view v, weir_sql_value *ret, lite_text *scratch)
{
    size_t from = scratch->len;
    lite_text_add(scratch, v.ptr, v.len);
    lite_text_add(scratch, "", 1);
    if (scratch->failed || !v.len)
        return false;
    char *end;
    ret->number = strtod(scratch->ptr + from, &end);
    return !*end;
}

static bool to_date(weir_view v, weir_sql_value *ret, lite_text *scratch)
{
    (void)scratch;
    size_t n = fits(v, date_shape);
    ret->text = (weir_view){v.ptr, n};
    weir_view rest = {v.ptr + n, v.len - n};
    return n && (!rest.len || is_word(rest, "T00:00:00") || is_word(rest, "T00:00:00Z"));
}

/* @param zone what it must end with */
static bool to_datetime(weir_view v, const char *zone, weir_sql_value *ret, lite_text *scratch)
{
    size_t n = fits_time(v, datetime_shape), from = scratch->len;
    bool date = !n && fits(v, date_shape) == v.len;
    if (!date && !(n && (n == v.len || (n + 1 == v.len && v.ptr[n] == 'Z'))))
        return false;
    lite_text_add(scratch, v.ptr, date ? v.len : n);
    lite_text_add(scratch, "T00:00:00", date ? 9 : 0);
    lite_text_add(scratch, zone, strlen(zone));
    ret->text = added(scratch, from);
    return !scratch->failed;
}

static bool to_naive(weir_view v, weir_sql_value *ret, lite_text *scratch) { return to_datetime(v, "", ret, scratch); }
static bool to_instant(weir_view v, weir_sql_value *ret, lite_text *scratch) { return to_datetime(v, "Z", ret, scratch); }

static bool to_time(weir_view v, weir_sql_value *ret, lite_text *scratch)
{
    (void)scratch;
    ret->text = v;
    return v.len && fits_time(v, time_shape) == v.len;
}

static bool to_binary(weir_view v, weir_sql_value *ret, lite_text *scratch)
{
    size_t from = scratch->len;
    lite_text_add(scratch, "\"", 1);
    lite_text_add(scratch, v.ptr, v.len);
    lite_text_add(scratch, "\"", 1);
    lite_value b = lite_value_read(added(scratch, from), (value_hint){.base64 = true}, scratch);
    ret->text = b.bytes;
    return b.kind == VALUE_BLOB;
}

static bool to_text(weir_view v, weir_sql_value *ret, lite_text *scratch)
{
    (void)scratch;
    ret->text = v;
    return true;
}

static convert_text *const converters[] = {
    [WEIR_SQL_BOOLEAN] = to_boolean, [WEIR_SQL_SHORT] = to_whole,   [WEIR_SQL_INT] = to_whole,       [WEIR_SQL_LONG] = to_whole,
    [WEIR_SQL_DECIMAL] = to_decimal, [WEIR_SQL_FLOAT] = to_double,  [WEIR_SQL_DOUBLE] = to_double,   [WEIR_SQL_DATE] = to_date,
    [WEIR_SQL_DATETIME] = to_naive,  [WEIR_SQL_TIMESTAMP] = to_instant, [WEIR_SQL_TIME] = to_time,   [WEIR_SQL_BINARY] = to_binary,
    [WEIR_SQL_TEXT] = to_text,       [WEIR_SQL_JSON] = to_text,     [WEIR_SQL_XML] = to_text,
};

bool lite_sql_convert(const weir_sql_value *from, weir_sql_type to, weir_sql_value *ret, lite_text *scratch)
{
    *ret = (weir_sql_value){.type = from->type == WEIR_SQL_NULL ? WEIR_SQL_NULL : to};
    return !ret->type || (converters[to](text_of(from, scratch), ret, scratch) && !scratch->failed);
}

/* -------------------------------------------------------------------------------------------------------- SQL function -- */

static void result(sqlite3_context *c, const lite_value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        sqlite3_result_null(c);
        break;
    case VALUE_INTEGER:
        sqlite3_result_int64(c, v->integer);
        break;
    case VALUE_REAL:
        sqlite3_result_double(c, v->real);
        break;
    case VALUE_TEXT:
        sqlite3_result_text64(c, v->bytes.ptr, v->bytes.len, SQLITE_TRANSIENT, SQLITE_UTF8);
        break;
    case VALUE_BLOB:
        sqlite3_result_blob64(c, v->bytes.ptr, v->bytes.len, SQLITE_TRANSIENT);
        break;
    }
}

static void refuse(sqlite3_context *c, const weir_sql_value *v, weir_sql_type to, lite_text *scratch)
{
    weir_view text = text_of(v, scratch);
    char *words = sqlite3_mprintf("'%.*s' is no %s", (int)(text.len < 100 ? text.len : 100), text.ptr, lite_sql_type_word(to));
    sqlite3_result_error(c, words ? words : "out of memory", -1);
    sqlite3_free(words);
}

/* weir_as(stored value, its type, the type to be) */
static void as(sqlite3_context *c, int count, sqlite3_value **args)
{
    (void)count;
    lite_text scratch = {0};
    weir_sql_value had, made;
    weir_sql_type from = (weir_sql_type)sqlite3_value_int(args[1]), to = (weir_sql_type)sqlite3_value_int(args[2]);
    bool known = to > WEIR_SQL_NULL && (size_t)to < sizeof converters / sizeof *converters;
    if (!known || !lite_text_reserve(&scratch, lite_sql_room((size_t)sqlite3_value_bytes(args[0])))) {
        sqlite3_result_error_nomem(c);
        return;
    }
    had = lite_sql_read(args[0], from, &scratch);
    if (lite_sql_convert(&had, to, &made, &scratch)) {
        lite_value stored = lite_sql_store(&made, &scratch);
        result(c, &stored);
    } else {
        refuse(c, &had, to, &scratch);
    }
    lite_text_free(&scratch);
}

int lite_sql_register(sqlite3 *sqlite)
{
    return sqlite3_create_function(sqlite, "weir_as", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL, as, NULL, NULL);
}
