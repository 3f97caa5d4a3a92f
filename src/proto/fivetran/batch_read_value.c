#include "proto/fivetran/batch_read_value.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/text.h"

/* --------------------------------------------------------------------------------------------------------------- numbers -- */

static bool is_word(weir_view v, const char *word)
{
    return v.len == strlen(word) && strncasecmp(v.ptr, word, v.len) == 0;
}

static bool parse_boolean(weir_view v, arena *a, weir_sql_value *ret)
{
    (void)a;
    ret->integer = is_word(v, "true");
    return ret->integer || is_word(v, "false");
}

static bool parse_whole(weir_view v, int64_t min, int64_t max, weir_sql_value *ret)
{
    size_t at = v.len && (v.ptr[0] == '-' || v.ptr[0] == '+');
    bool negative = at && v.ptr[0] == '-';
    uint64_t n = 0, limit = negative ? (uint64_t)max + 1 : (uint64_t)max;
    if (at == v.len)
        return false;
    for (; at < v.len; at++) {
        unsigned digit = (unsigned)(unsigned char)v.ptr[at] - '0';
        if (digit > 9 || n > (limit - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    ret->integer = negative ? (int64_t)(0 - n) : (int64_t)n;
    return ret->integer >= min;
}

static bool parse_short(weir_view v, arena *a, weir_sql_value *ret) { (void)a; return parse_whole(v, INT16_MIN, INT16_MAX, ret); }
static bool parse_int(weir_view v, arena *a, weir_sql_value *ret) { (void)a; return parse_whole(v, INT32_MIN, INT32_MAX, ret); }
static bool parse_long(weir_view v, arena *a, weir_sql_value *ret) { (void)a; return parse_whole(v, INT64_MIN, INT64_MAX, ret); }

static size_t digits_at(weir_view v, size_t at)
{
    size_t n = 0;
    while (at + n < v.len && v.ptr[at + n] >= '0' && v.ptr[at + n] <= '9')
        n++;
    return n;
}

/* A number in its parts: sign, digits before and behind the point, exponent. */
typedef struct parts {
    bool negative;
    weir_view whole, fraction;
    int64_t exponent;
} parts;

enum { EXPONENT_MAX = 1000 }; /* decimals have 38 digits (fivetran.md 2.5); this much is written out */

static bool take_apart(weir_view v, parts *p)
{
    size_t at = v.len && (v.ptr[0] == '-' || v.ptr[0] == '+'), n = digits_at(v, at);
    *p = (parts){.negative = at && v.ptr[0] == '-', .whole = {v.ptr + at, n}};
    at += n;
    if (at < v.len && v.ptr[at] == '.') {
        p->fraction = (weir_view){v.ptr + at + 1, digits_at(v, at + 1)};
        at += 1 + p->fraction.len;
    }
    if (!p->whole.len && !p->fraction.len)
        return false;
    if (at < v.len && (v.ptr[at] == 'e' || v.ptr[at] == 'E')) {
        weir_sql_value exponent;
        if (!parse_whole(view_from(v, at + 1), -EXPONENT_MAX, EXPONENT_MAX, &exponent))
            return false;
        p->exponent = exponent.integer;
        at = v.len;
    }
    return at == v.len;
}

static weir_view trim(weir_view v, bool front)
{
    while (front && v.len && v.ptr[0] == '0')
        v = view_from(v, 1);
    while (!front && v.len && v.ptr[v.len - 1] == '0')
        v.len--;
    return v;
}

/* digits * 10^-places, written plainly. */
static bool write_plain(const parts *p, arena *a, weir_view *ret)
{
    size_t had = p->whole.len + p->fraction.len, n = 0;
    int64_t places = (int64_t)p->fraction.len - p->exponent;
    size_t behind = places > 0 ? (size_t)places : 0, front = behind > had ? behind - had : 0, back = places < 0 ? (size_t)-places : 0;
    size_t len = front + had + back;
    char *all = arena_alloc(a, len + 1), *out = arena_alloc(a, len + 3);
    if (!all || !out)
        return false;
    memset(all, '0', len);
    memcpy(all + front, p->whole.ptr, p->whole.len);
    if (p->fraction.len)
        memcpy(all + front + p->whole.len, p->fraction.ptr, p->fraction.len);
    weir_view whole = trim((weir_view){all, len - behind}, true), fraction = trim((weir_view){all + len - behind, behind}, false);
    if (p->negative && (whole.len || fraction.len))
        out[n++] = '-';
    if (!whole.len)
        out[n++] = '0';
    memcpy(out + n, whole.ptr, whole.len);
    n += whole.len;
    if (fraction.len)
        out[n++] = '.';
    memcpy(out + n, fraction.ptr, fraction.len);
    *ret = (weir_view){out, n + fraction.len};
    return true;
}

/* Plain but for zeros at the end of a fraction, as most are: no need to write it anew. */
static bool is_nearly_plain(weir_view v, const parts *p)
{
    size_t len = p->negative + p->whole.len + (p->fraction.len ? 1 + p->fraction.len : 0);
    return len == v.len && p->whole.len && (p->whole.len == 1 || p->whole.ptr[0] != '0');
}

static bool parse_decimal(weir_view v, arena *a, weir_sql_value *ret)
{
    parts p;
    if (!take_apart(v, &p))
        return false;
    if (!is_nearly_plain(v, &p))
        return write_plain(&p, a, &ret->text);
    weir_view fraction = trim(p.fraction, false);
    ret->text = (weir_view){v.ptr, p.negative + p.whole.len + (fraction.len ? 1 + fraction.len : 0)};
    if (view_is(ret->text, "-0"))
        ret->text = VIEW("0");
    return true;
}

static bool parse_double(weir_view v, arena *a, weir_sql_value *ret)
{
    if (number_to_double(v, &ret->number))
        return true;
    static const struct {
        const char *word;
        double value;
    } words[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"+Infinity", INFINITY}, {"-Infinity", -INFINITY}, {"inf", INFINITY}, {"-inf", -INFINITY}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_word(v, words[i].word)) {
            ret->number = words[i].value;
            return true;
        }
    weir_sql_value plain; /* `1.`, `.5`, `+1`: decimals that are no JSON */
    return parse_decimal(v, a, &plain) && number_to_double(plain.text, &ret->number);
}

/* ----------------------------------------------------------------------------------------------------------------- times -- */

static int two(weir_view v, size_t at)
{
    uint32_t n;
    return at + 2 <= v.len && clock_two_digits(v.ptr + at, &n) ? (int)n : -1;
}

typedef struct daytime {
    int hour, minute, second;
    weir_view fraction; /* its digits, zeros at the end trimmed in groups of three */
    size_t len;         /* of the text that was read */
    bool exact;         /* it was in the one form */
} daytime;

static bool read_fraction(weir_view v, daytime *d)
{
    size_t n = digits_at(v, d->len + 1), keep = n;
    if (n == 0 || n > 9)
        return false;
    d->fraction = (weir_view){v.ptr + d->len + 1, n};
    while (keep && d->fraction.ptr[keep - 1] == '0')
        keep--;
    d->exact = keep && (keep + 2) / 3 * 3 == n;
    d->fraction.len = keep;
    d->len += 1 + n;
    return true;
}

static bool read_daytime(weir_view v, daytime *d)
{
    *d = (daytime){.hour = two(v, 0), .minute = two(v, 3), .len = 5};
    if (d->hour < 0 || d->hour > 23 || d->minute < 0 || d->minute > 59 || v.ptr[2] != ':')
        return false;
    if (v.len == 5 || v.ptr[5] != ':')
        return true;
    d->second = two(v, 6);
    d->len = 8;
    d->exact = true;
    return d->second >= 0 && d->second <= 59 && (v.len == 8 || v.ptr[8] != '.' || read_fraction(v, d));
}

/* `head` is the date with its T, or nothing. */
static bool write_time(weir_view head, const daytime *d, const char *zone, arena *a, weir_view *ret)
{
    static const char zeros[] = "000";
    size_t pad = (3 - d->fraction.len % 3) % 3;
    *ret = arena_printf(a, "%.*s%02d:%02d:%02d%s%.*s%.*s%s", VIEW_ARG(head), d->hour, d->minute, d->second, d->fraction.len ? "." : "",
                        VIEW_ARG(d->fraction), (int)pad, zeros, zone);
    return ret->ptr != NULL;
}

static bool parse_date(weir_view v, arena *a, weir_sql_value *ret)
{
    int64_t day;
    (void)a;
    ret->text = v;
    return v.len == CLOCK_DATE && clock_read_date(v, &day);
}

/* @param ret_zone what follows */
static bool read_datetime(weir_view v, daytime *ret, weir_view *ret_zone)
{
    int64_t day;
    if (!clock_read_date(v, &day) || v.len <= CLOCK_DATE || (v.ptr[CLOCK_DATE] != 'T' && v.ptr[CLOCK_DATE] != ' '))
        return false;
    weir_view rest = view_from(v, CLOCK_DATE + 1);
    bool ok = read_daytime(rest, ret);
    ret->exact = ret->exact && v.ptr[CLOCK_DATE] == 'T';
    *ret_zone = view_from(rest, ok ? ret->len : 0);
    return ok;
}

static bool rewrite(weir_view v, const daytime *d, const char *zone, arena *a, weir_sql_value *ret)
{
    char head[CLOCK_DATE + 1];
    memcpy(head, v.ptr, CLOCK_DATE);
    head[CLOCK_DATE] = 'T';
    return write_time((weir_view){head, sizeof head}, d, zone, a, &ret->text);
}

static bool parse_datetime(weir_view v, arena *a, weir_sql_value *ret)
{
    daytime d;
    weir_view zone;
    if (!read_datetime(v, &d, &zone) || zone.len)
        return false;
    ret->text = v;
    return d.exact || rewrite(v, &d, "", a, ret);
}

static bool parse_timestamp(weir_view v, arena *a, weir_sql_value *ret)
{
    daytime d;
    weir_view zone;
    if (!read_datetime(v, &d, &zone) || !(view_is(zone, "Z") || view_is(zone, "+00:00")))
        return false;
    ret->text = v;
    return (d.exact && zone.len == 1) || rewrite(v, &d, "Z", a, ret);
}

static bool parse_time(weir_view v, arena *a, weir_sql_value *ret)
{
    daytime d;
    if (!read_daytime(v, &d) || d.len != v.len)
        return false;
    ret->text = v;
    return d.exact || write_time((weir_view){0}, &d, "", a, &ret->text);
}

/* ----------------------------------------------------------------------------------------------------------------- bytes -- */

static bool parse_binary(weir_view v, arena *a, weir_sql_value *ret)
{
    buf bytes = {0};
    if (v.len % 4 || (v.len && (memchr(v.ptr, '-', v.len) || memchr(v.ptr, '_', v.len)))) /* the url alphabet, which base64_decode() takes: a mark, rather */
        return false;
    bool ok = base64_decode(&bytes, v) && buf_ok(&bytes);
    if (ok) {
        ret->text = arena_dup(a, buf_view(&bytes));
        ok = ret->text.ptr != NULL;
    } else if (bytes.failed) {
        a->failed = true;
    }
    buf_free(&bytes);
    return ok;
}

static bool parse_text(weir_view v, arena *a, weir_sql_value *ret)
{
    (void)a;
    ret->text = v;
    return json_utf8(v);
}

/* ------------------------------------------------------------------------------------------------------------------ types -- */

static const struct {
    const char *word;
    bool (*parse)(weir_view, arena *, weir_sql_value *);
} types[] = {
    [WEIR_SQL_NULL] = {"NULL", NULL},
    [WEIR_SQL_BOOLEAN] = {"BOOLEAN", parse_boolean},
    [WEIR_SQL_SHORT] = {"SHORT", parse_short},
    [WEIR_SQL_INT] = {"INT", parse_int},
    [WEIR_SQL_LONG] = {"LONG", parse_long},
    [WEIR_SQL_DECIMAL] = {"DECIMAL", parse_decimal},
    [WEIR_SQL_FLOAT] = {"FLOAT", parse_double},
    [WEIR_SQL_DOUBLE] = {"DOUBLE", parse_double},
    [WEIR_SQL_DATE] = {"NAIVE_DATE", parse_date},
    [WEIR_SQL_DATETIME] = {"NAIVE_DATETIME", parse_datetime},
    [WEIR_SQL_TIMESTAMP] = {"UTC_DATETIME", parse_timestamp},
    [WEIR_SQL_TIME] = {"NAIVE_TIME", parse_time},
    [WEIR_SQL_BINARY] = {"BINARY in base64", parse_binary},
    [WEIR_SQL_TEXT] = {"UTF-8", parse_text},
    [WEIR_SQL_JSON] = {"UTF-8", parse_text},
    [WEIR_SQL_XML] = {"UTF-8", parse_text},
};

bool ft_value_parse(weir_sql_type type, weir_view text, arena *a, weir_sql_value *ret)
{
    *ret = (weir_sql_value){.type = type};
    return (size_t)type < sizeof types / sizeof *types && types[type].parse && types[type].parse(text, a, ret);
}

const char *ft_sql_type_word(weir_sql_type type)
{
    return (size_t)type < sizeof types / sizeof *types ? types[type].word : "?";
}

/* --------------------------------------------------------------------------------------------------------------- instants -- */

bool ft_instant_of(int64_t seconds, uint32_t nanos, arena *a, weir_sql_value *ret)
{
    char text[CLOCK_TEXT];
    size_t len = clock_rfc3339(seconds, nanos, text);
    *ret = (weir_sql_value){.type = WEIR_SQL_TIMESTAMP, .text = len ? arena_dup(a, (weir_view){text, len}) : (weir_view){0}};
    return ret->text.ptr != NULL;
}

bool ft_instant_before(const weir_sql_value *v, arena *a, weir_sql_value *ret)
{
    enum { MILLISECOND = 1000000, SECOND = 1000000000 };
    int64_t day;
    daytime t;
    weir_view zone;
    if (!clock_read_date(v->text, &day) || !read_datetime(v->text, &t, &zone))
        return false;
    int64_t seconds = day * 86400 + t.hour * 3600 + t.minute * 60 + t.second, nanos = 0;
    for (size_t i = 0; i < 9; i++)
        nanos = nanos * 10 + (i < t.fraction.len ? t.fraction.ptr[i] - '0' : 0);
    nanos -= MILLISECOND;
    return ft_instant_of(nanos < 0 ? seconds - 1 : seconds, (uint32_t)(nanos < 0 ? nanos + SECOND : nanos), a, ret);
}
