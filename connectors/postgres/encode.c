/* JSON values as COPY's binary format has them: what each type's receive function reads. */
#include <stdlib.h>

#include "type.h"

static void put64(lite_text *out, uint64_t n)
{
    pg_put32(out, (uint32_t)(n >> 32));
    pg_put32(out, (uint32_t)n);
}

static void put_field(lite_text *out, const void *bytes, size_t len)
{
    pg_put32(out, (uint32_t)len);
    pg_put(out, bytes, len);
}

/* A string without its quotes, decoded: in the text itself, or in the scratch. */
static weir_view decoded(pg_encoder *e, weir_view json)
{
    e->scratch.len = 0;
    if (!lite_text_reserve(&e->scratch, json.len))
        return (weir_view){"", 0};
    return lite_value_read(json, (value_hint){0}, &e->scratch).bytes;
}

/* What a column of numbers may take from a text: the digits, where the schema says that there are some. */
static bool digits_of(pg_encoder *e, const pg_shape *s, weir_view json, weir_view *ret)
{
    *ret = json;
    if (pg_is_number(json))
        return true;
    if (json.ptr[0] != '"' || !s->digits)
        return false;
    *ret = decoded(e, json);
    return ret->len && pg_is_number(*ret) && weir_json_at(*ret, "").len == ret->len;
}

/* --------------------------------------------------------------------------------------------------------------- numbers -- */

/* A number taken apart: its digits without the point, and how many of them stand before it. */
typedef struct digits {
    bool negative;
    const char *whole, *part; /* digits before the point, and behind it */
    long whole_len, part_len;
    long exponent;
} digits;

static long count_digits(const char *at, const char *end)
{
    long n = 0;
    while (at + n < end && at[n] >= '0' && at[n] <= '9')
        n++;
    return n;
}

static digits take_apart(weir_view number)
{
    const char *at = number.ptr, *end = at + number.len;
    digits d = {.negative = *at == '-'};
    at += d.negative;
    d.whole = at;
    d.whole_len = count_digits(at, end);
    at += d.whole_len;
    if (at < end && *at == '.') {
        d.part = ++at;
        d.part_len = count_digits(at, end);
        at += d.part_len;
    }
    if (at < end) {
        bool minus = ++at < end && *at == '-';
        for (at += at < end && (*at == '-' || *at == '+'); at < end && d.exponent < 1000000; at++)
            d.exponent = d.exponent * 10 + (*at - '0');
        d.exponent = minus ? -d.exponent : d.exponent;
    }
    return d;
}

static int digit_at(const digits *d, long i)
{
    return i < 0 || i >= d->whole_len + d->part_len ? 0 : (i < d->whole_len ? d->whole[i] : d->part[i - d->whole_len]) - '0';
}

/* Most are that: digits alone, and not so many that they could be too many. */
static bool is_short_integer(weir_view number, int64_t *ret)
{
    bool negative = number.ptr[0] == '-';
    int64_t n = 0;
    if (number.len - negative > 18)
        return false;
    for (size_t i = negative; i < number.len; i++) {
        if (number.ptr[i] < '0' || number.ptr[i] > '9')
            return false;
        n = n * 10 + (number.ptr[i] - '0');
    }
    *ret = negative ? -n : n;
    return true;
}

static bool to_integer(weir_view number, int64_t *ret)
{
    if (is_short_integer(number, ret))
        return true;
    digits d = take_apart(number);
    long count = d.whole_len + d.part_len, places = d.whole_len + d.exponent, first = 0;
    uint64_t n = 0, limit = (uint64_t)INT64_MAX + d.negative;
    while (first < count && digit_at(&d, first) == 0)
        first++;
    if (first == count) {
        *ret = 0;
        return true;
    }
    if (places - first > 19)
        return false;
    for (long i = places > 0 ? places : 0; i < count; i++)
        if (digit_at(&d, i))
            return false;
    for (long i = first; i < places; i++) {
        unsigned digit = (unsigned)digit_at(&d, i);
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (places <= first || n > limit)
        return false;
    *ret = d.negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

/* Digits [first, count), in groups of four that begin at `from`, which may be before the first. */
static void put_groups(lite_text *out, const digits *d, long first, long count, long from, long groups)
{
    char four[4];
    for (long g = 0, at = from; g < groups; g++, at += 4) {
        if (at >= first && at + 4 <= count && at + 4 <= d->whole_len)
            memcpy(four, d->whole + at, 4);
        else
            for (long i = at; i < at + 4; i++)
                four[i - at] = (char)('0' + (i >= first && i < count ? digit_at(d, i) : 0));
        pg_put16(out, (uint16_t)((four[0] - '0') * 1000 + (four[1] - '0') * 100 + (four[2] - '0') * 10 + four[3] - '0'));
    }
}

/* numeric_recv: count of groups of four digits, the weight of the first, sign, decimals; then the groups. */
static bool put_numeric(lite_text *out, weir_view number)
{
    enum { PLACES_MAX = 131072, DECIMALS_MAX = 16383 };
    digits d = take_apart(number);
    long count = d.whole_len + d.part_len, first = 0, point = d.whole_len + d.exponent;
    long decimals = d.part_len - d.exponent;
    decimals = decimals < 0 ? 0 : decimals;
    while (first < count && digit_at(&d, first) == 0)
        first++;
    while (count > first && digit_at(&d, count - 1) == 0)
        count--;
    long places = point - first; /* of the first digit that is not 0 */
    if (decimals > DECIMALS_MAX || (first < count && places > PLACES_MAX))
        return false;
    long weight = places > 0 ? (places - 1) / 4 : -((4 - places) / 4);
    long from = point - 4 * (weight + 1); /* index of the first digit of the first group; may be before the first */
    long groups = first == count ? 0 : (count - from + 3) / 4;
    pg_put32(out, (uint32_t)(8 + 2 * groups));
    pg_put16(out, (uint16_t)groups);
    pg_put16(out, groups ? (uint16_t)weight : 0);
    pg_put16(out, groups && d.negative ? 0x4000 : 0);
    pg_put16(out, (uint16_t)decimals);
    put_groups(out, &d, first, count, from, groups);
    return true;
}

static bool is_text(weir_view v, const char *text) { return v.len == strlen(text) && memcmp(v.ptr, text, v.len) == 0; }

static pg_fit encode_numeric(pg_encoder *e, const pg_shape *s, weir_view json)
{
    static const struct {
        const char *text;
        uint16_t sign;
    } others[] = {{"\"NaN\"", 0xc000}, {"\"Infinity\"", 0xd000}, {"\"-Infinity\"", 0xf000}};
    weir_view number;
    for (size_t i = 0; s->digits && json.ptr[0] == '"' && i < 3; i++) {
        if (!is_text(json, others[i].text) || (i && e->no_infinity))
            continue;
        pg_put32(&e->out, 8);
        put64(&e->out, (uint64_t)others[i].sign << 16);
        return PG_FITS;
    }
    return digits_of(e, s, json, &number) && put_numeric(&e->out, number) ? PG_FITS : PG_MISFIT;
}

static pg_fit encode_integer(pg_encoder *e, const pg_shape *s, weir_view json)
{
    weir_view number;
    int64_t n;
    if (!digits_of(e, s, json, &number) || !to_integer(number, &n))
        return PG_MISFIT;
    if ((s->type == PG_INT2 && n != (int16_t)n) || (s->type == PG_INT4 && n != (int32_t)n))
        return PG_MISFIT;
    pg_put32(&e->out, s->type == PG_INT2 ? 2 : s->type == PG_INT4 ? 4 : 8);
    if (s->type == PG_INT2)
        pg_put16(&e->out, (uint16_t)n);
    else if (s->type == PG_INT4)
        pg_put32(&e->out, (uint32_t)n);
    else
        put64(&e->out, (uint64_t)n);
    return PG_FITS;
}

static bool to_double(pg_encoder *e, const pg_shape *s, weir_view json, double *ret)
{
    weir_view number = json;
    bool named = json.ptr[0] == '"' && (is_text(json, "\"NaN\"") || is_text(json, "\"Infinity\"") || is_text(json, "\"-Infinity\""));
    if (named)
        number = (weir_view){json.ptr + 1, json.len - 2};
    else if (!digits_of(e, s, json, &number))
        return false;
    char *text = strndup(number.ptr, number.len);
    *ret = text ? strtod(text, NULL) : 0;
    bool over = !named && (*ret > 1.7976931348623157e308 || *ret < -1.7976931348623157e308);
    e->scratch.failed |= !text;
    free(text);
    return !over;
}

static pg_fit encode_double(pg_encoder *e, const pg_shape *s, weir_view json)
{
    double n;
    uint64_t bits;
    if (!to_double(e, s, json, &n))
        return PG_MISFIT;
    if (s->type == PG_REAL) {
        float f = (float)n;
        uint32_t half;
        memcpy(&half, &f, sizeof half);
        pg_put32(&e->out, 4);
        pg_put32(&e->out, half);
        return PG_FITS;
    }
    memcpy(&bits, &n, sizeof bits);
    pg_put32(&e->out, 8);
    put64(&e->out, bits);
    return PG_FITS;
}

static pg_fit encode_bool(pg_encoder *e, const pg_shape *s, weir_view json)
{
    (void)s;
    if (json.ptr[0] != 't' && json.ptr[0] != 'f')
        return PG_MISFIT;
    put_field(&e->out, json.ptr[0] == 't' ? "\1" : "\0", 1);
    return PG_FITS;
}

/* ----------------------------------------------------------------------------------------------------------------- texts -- */

/* U+0000 in a text that was decoded: U+FFFD takes its place. */
static pg_fit put_text(pg_encoder *e, weir_view text)
{
    const char *end = text.ptr + text.len, *nul = text.len ? memchr(text.ptr, 0, text.len) : NULL;
    if (!nul) {
        put_field(&e->out, text.ptr, text.len);
        return PG_FITS;
    }
    if (e->refuse_nul)
        return PG_HAS_NUL;
    size_t at = e->out.len, from = at + 4;
    pg_put32(&e->out, 0);
    for (const char *p = text.ptr; p < end; p = nul + 1, nul = p < end ? memchr(p, 0, (size_t)(end - p)) : NULL) {
        lite_text_add(&e->out, p, (size_t)((nul ? nul : end) - p));
        if (!nul)
            break;
        lite_text_add(&e->out, "\xef\xbf\xbd", 3);
    }
    uint32_t len = htonl((uint32_t)(e->out.len - from));
    if (!e->out.failed)
        memcpy(e->out.ptr + at, &len, sizeof len);
    e->replaced = true;
    return PG_FITS;
}

static pg_fit encode_text(pg_encoder *e, const pg_shape *s, weir_view json)
{
    if (json.ptr[0] == '"')
        return put_text(e, memchr(json.ptr, '\\', json.len) ? decoded(e, json) : (weir_view){json.ptr + 1, json.len - 2});
    if (s->type != PG_OTHER && (!pg_is_number(json) || (s->types & WEIR_IS_STRING) || !(s->types & (WEIR_IS_NUMBER | WEIR_IS_INTEGER))))
        return PG_MISFIT;
    put_field(&e->out, json.ptr, json.len);
    return PG_FITS;
}

static pg_fit encode_bytes(pg_encoder *e, const pg_shape *s, weir_view json)
{
    (void)s;
    e->scratch.len = 0;
    if (json.ptr[0] != '"' || !lite_text_reserve(&e->scratch, json.len))
        return PG_MISFIT;
    lite_value v = lite_value_read(json, (value_hint){.base64 = true}, &e->scratch);
    if (v.kind != VALUE_BLOB)
        return PG_MISFIT;
    put_field(&e->out, v.bytes.ptr, v.bytes.len);
    return PG_FITS;
}

/* Pairs of hexadecimal digits, `between` between the groups that end where `ends` has a bit. */
static bool read_hex(weir_view text, unsigned char *out, size_t count, char between, uint32_t ends)
{
    const char *at = text.ptr, *end = at + text.len;
    for (size_t i = 0; i < count; i++) {
        int high = at < end ? pg_hex_digit(*at++) : -1, low = at < end ? pg_hex_digit(*at++) : -1;
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
        if (i + 1 < count && (ends >> i & 1) && (at == end || *at++ != between))
            return false;
    }
    return at == end;
}

static pg_fit encode_hex(pg_encoder *e, weir_view json, size_t count, char between, uint32_t ends)
{
    unsigned char bytes[16];
    if (json.ptr[0] != '"' || !read_hex((weir_view){json.ptr + 1, json.len - 2}, bytes, count, between, ends))
        return PG_MISFIT;
    put_field(&e->out, bytes, count);
    return PG_FITS;
}

static pg_fit encode_uuid(pg_encoder *e, const pg_shape *s, weir_view json)
{
    (void)s;
    return encode_hex(e, json, 16, '-', 1u << 3 | 1u << 5 | 1u << 7 | 1u << 9);
}

static pg_fit encode_macaddr(pg_encoder *e, const pg_shape *s, weir_view json)
{
    (void)s;
    return encode_hex(e, json, 6, ':', 0x1f);
}

/* inet_recv: family (PostgreSQL's own numbers), bits, is it a network, length, address. */
static pg_fit encode_inet(pg_encoder *e, const pg_shape *s, weir_view json)
{
    char text[64];
    unsigned char value[4 + 16];
    (void)s;
    if (json.ptr[0] != '"' || json.len - 2 >= sizeof text)
        return PG_MISFIT;
    memcpy(text, json.ptr + 1, json.len - 2);
    text[json.len - 2] = 0;
    bool four = inet_pton(AF_INET, text, value + 4) == 1;
    if (!four && inet_pton(AF_INET6, text, value + 4) != 1)
        return PG_MISFIT;
    value[0] = four ? 2 : 3;
    value[1] = four ? 32 : 128;
    value[2] = 0;
    value[3] = four ? 4 : 16;
    put_field(&e->out, value, four ? 8 : 20);
    return PG_FITS;
}

/* ------------------------------------------------------------------------------------------------------------------- JSON -- */

static int escape_at(const char *at, const char *end)
{
    int n = 0;
    for (int i = 2; i < 6; i++) {
        int digit = at + i < end ? pg_hex_digit(at[i]) : -1;
        n = digit < 0 ? -1 : n < 0 ? n : n * 16 + digit;
    }
    return n;
}

/* jsonb keeps texts decoded: U+0000 and halves of surrogate pairs, which stand for no character, it refuses. */
static pg_fit put_escapes(pg_encoder *e, weir_view json)
{
    const char *at = json.ptr, *end = at + json.len;
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        lite_text_add(&e->out, at, (size_t)((slash ? slash : end) - at));
        if (!slash)
            break;
        int c = slash[1] == 'u' ? escape_at(slash, end) : 'x';
        int next = c >= 0xd800 && c < 0xdc00 && end - slash >= 12 && slash[6] == '\\' && slash[7] == 'u' ? escape_at(slash + 6, end) : 0;
        size_t len = slash[1] != 'u' ? 2 : next >= 0xdc00 && next < 0xe000 ? 12 : 6;
        bool bad = c == 0 || (c >= 0xd800 && c < 0xe000 && len == 6);
        if (bad && c == 0 && e->refuse_nul)
            return PG_HAS_NUL;
        e->replaced |= bad;
        lite_text_add(&e->out, bad ? "\\ufffd" : slash, len);
        at = slash + len;
    }
    return PG_FITS;
}

/* Numbers that numeric cannot hold, which is what jsonb makes of them; only such with an exponent can be so in less than 16,000 digits. */
static bool has_huge_number(weir_view json)
{
    const char *at = json.ptr, *end = at + json.len;
    if (json.len < 6 || !(memchr(at, 'e', json.len) || memchr(at, 'E', json.len) || json.len > 16000))
        return false;
    while (at < end) {
        if (*at == '"') {
            for (at++; at < end && *at != '"'; at++)
                at += *at == '\\';
            at++;
        } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
            const char *from = at;
            while (at < end && (memchr("+-.eE", *at, 5) || (*at >= '0' && *at <= '9')))
                at++;
            digits d = take_apart((weir_view){from, (size_t)(at - from)});
            if (d.whole_len + d.exponent > 131072 || d.part_len - d.exponent > 16383)
                return true;
        } else {
            at++;
        }
    }
    return false;
}

static pg_fit encode_jsonb(pg_encoder *e, const pg_shape *s, weir_view json)
{
    size_t at = e->out.len;
    (void)s;
    if (has_huge_number(json))
        return PG_MISFIT;
    pg_put32(&e->out, 0);
    lite_text_add(&e->out, "\1", 1);
    pg_fit fit = PG_FITS;
    if (memchr(json.ptr, '\\', json.len))
        fit = put_escapes(e, json);
    else
        lite_text_add(&e->out, json.ptr, json.len);
    if (fit || e->out.failed) {
        e->out.len = fit ? at : e->out.len;
        return fit;
    }
    uint32_t len = htonl((uint32_t)(e->out.len - at - 4));
    memcpy(e->out.ptr + at, &len, sizeof len);
    return PG_FITS;
}

static pg_fit encode_json(pg_encoder *e, const pg_shape *s, weir_view json)
{
    (void)s;
    put_field(&e->out, json.ptr, json.len);
    return PG_FITS;
}

/* ------------------------------------------------------------------------------------------------------------------ times -- */

/* A number of exactly `len` digits. */
static bool read_number(const char **at, const char *end, int len, int *ret)
{
    int n = 0;
    if (end - *at < len)
        return false;
    for (int i = 0; i < len; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return false;
        n = n * 10 + (c - '0');
    }
    *at += len;
    *ret = n;
    return true;
}

static bool read_char(const char **at, const char *end, const char *any)
{
    if (*at == end || !strchr(any, **at) || !**at)
        return false;
    ++*at;
    return true;
}

/* Days since 2000-01-01, by the rules of the Gregorian calendar. */
static bool read_date(const char **at, const char *end, int64_t *ret)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, m, d;
    if (!read_number(at, end, 4, &y) || !read_char(at, end, "-") || !read_number(at, end, 2, &m) || !read_char(at, end, "-") || !read_number(at, end, 2, &d))
        return false;
    bool leap = y % 4 == 0 && (y % 100 || y % 400 == 0);
    if (y < 1 || m < 1 || m > 12 || d < 1 || d > lengths[m - 1] + (leap && m == 2))
        return false;
    int past = y - 1;
    *ret = (int64_t)past * 365 + past / 4 - past / 100 + past / 400 + before[m - 1] + (leap && m > 2) + d - 1 - 730119;
    return true;
}

/* Microseconds; further digits are rounded, as the server does. */
static bool read_time(const char **at, const char *end, int64_t *ret)
{
    int h, m, s;
    int64_t micros = 0;
    if (!read_number(at, end, 2, &h) || !read_char(at, end, ":") || !read_number(at, end, 2, &m) || !read_char(at, end, ":") || !read_number(at, end, 2, &s))
        return false;
    if (h > 23 || m > 59 || s > 60)
        return false;
    if (read_char(at, end, ".")) {
        long len = count_digits(*at, end);
        for (long i = 0; i < 6; i++)
            micros = micros * 10 + (i < len ? (*at)[i] - '0' : 0);
        micros += len > 6 && (*at)[6] >= '5';
        *at += len;
        if (!len)
            return false;
    }
    *ret = ((h * 60 + m) * 60 + s) * INT64_C(1000000) + micros;
    return true;
}

static bool read_offset(const char **at, const char *end, int64_t *ret)
{
    int h, m;
    *ret = 0;
    if (read_char(at, end, "Zz"))
        return true;
    bool minus = *at < end && **at == '-';
    if (!read_char(at, end, "+-") || !read_number(at, end, 2, &h) || !read_char(at, end, ":") || !read_number(at, end, 2, &m) || h > 23 || m > 59)
        return false;
    *ret = (h * 60 + m) * (minus ? -60 : 60) * INT64_C(1000000);
    return true;
}

static pg_fit encode_timestamp(pg_encoder *e, const pg_shape *s, weir_view json)
{
    const char *at = json.ptr + 1, *end = json.ptr + json.len - 1;
    int64_t days, micros, offset;
    (void)s;
    if (json.ptr[0] != '"' || !read_date(&at, end, &days) || !read_char(&at, end, "Tt ") || !read_time(&at, end, &micros) || !read_offset(&at, end, &offset) ||
        at != end)
        return PG_MISFIT;
    pg_put32(&e->out, 8);
    put64(&e->out, (uint64_t)(days * INT64_C(86400000000) + micros - offset));
    return PG_FITS;
}

static pg_fit encode_date(pg_encoder *e, const pg_shape *s, weir_view json)
{
    const char *at = json.ptr + 1, *end = json.ptr + json.len - 1;
    int64_t days;
    (void)s;
    if (json.ptr[0] != '"' || !read_date(&at, end, &days) || at != end)
        return PG_MISFIT;
    pg_put32(&e->out, 4);
    pg_put32(&e->out, (uint32_t)days);
    return PG_FITS;
}

/* One in another zone is none of `time`. */
static pg_fit encode_time(pg_encoder *e, const pg_shape *s, weir_view json)
{
    const char *at = json.ptr + 1, *end = json.ptr + json.len - 1;
    int64_t micros;
    (void)s;
    if (json.ptr[0] != '"' || !read_time(&at, end, &micros) || !read_char(&at, end, "Zz") || at != end || micros > INT64_C(86400000000))
        return PG_MISFIT;
    pg_put32(&e->out, 8);
    put64(&e->out, (uint64_t)micros);
    return PG_FITS;
}

/* ----------------------------------------------------------------------------------------------------------------- fields -- */

pg_fit pg_encode(pg_encoder *e, const pg_shape *s, weir_view json)
{
    static pg_fit (*const encoders[])(pg_encoder *, const pg_shape *, weir_view) = {
        [PG_BOOL] = encode_bool,   [PG_INT2] = encode_integer, [PG_INT4] = encode_integer, [PG_BIGINT] = encode_integer, [PG_NUMERIC] = encode_numeric,
        [PG_REAL] = encode_double, [PG_DOUBLE] = encode_double, [PG_TEXT] = encode_text,   [PG_BYTEA] = encode_bytes,    [PG_TIMESTAMPTZ] = encode_timestamp,
        [PG_DATE] = encode_date,   [PG_TIME] = encode_time,    [PG_UUID] = encode_uuid,    [PG_INET] = encode_inet,      [PG_MACADDR] = encode_macaddr,
        [PG_JSON] = encode_json,   [PG_JSONB] = encode_jsonb,  [PG_OTHER] = encode_text,
    };
    if (!json.len || json.ptr[0] == 'n') {
        pg_put32(&e->out, UINT32_MAX);
        return PG_FITS;
    }
    return encoders[s->type](e, s, json);
}
