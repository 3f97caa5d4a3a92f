/* Layout of a packed value: flow.md 6.3, which is the tuple layer of FoundationDB.
 *
 *     00 null      01 bytes 00      02 text 00         05 items 00      0c-13 -integer    14 zero     15-1c +integer
 *     20 float     21 double        26 false           27 true          0b, 1d integers of more than 8 bytes, with their length
 *
 * Inside bytes and text a 00 is followed by ff; so is a null inside a nested tuple. */
#include "model/tuple.h"

#include <inttypes.h>
#include <math.h>

#include "json/number.h"
#include "json/quick.h"
#include "json/text.h"

enum {
    CODE_NULL = 0x00,
    CODE_BYTES = 0x01,
    CODE_TEXT = 0x02,
    CODE_NESTED = 0x05,
    CODE_BIG_NEGATIVE = 0x0b,
    CODE_ZERO = 0x14,
    CODE_BIG_POSITIVE = 0x1d,
    CODE_FLOAT = 0x20,
    CODE_DOUBLE = 0x21,
    CODE_FALSE = 0x26,
    CODE_TRUE = 0x27,
    CODE_NONE = 0xfe,
};

enum { BIG_BYTES = 255, BIG_DIGITS = 615, BIG_LIMBS = 64 }; /* 256^255 has 615 digits, and 10^615 fits 64 limbs of 32 bits */

/* ------------------------------------------------------------------------------------------------------------- integers -- */

/* n low bytes of v, the highest first; room for 8 was reserved. */
static inline void put_be(char *to, uint64_t v, unsigned n)
{
    uint64_t be = __builtin_bswap64(v << (64 - 8 * n));
    memcpy(to, &be, sizeof be);
}

static inline bool put_integer(buf *out, bool negative, uint64_t magnitude)
{
    if (!buf_reserve(out, 9))
        return false;
    char *p = out->ptr + out->len;
    if (!magnitude) {
        *p = CODE_ZERO;
        out->len++;
        return true;
    }
    unsigned n = (unsigned)(64 - __builtin_clzll(magnitude) + 7) / 8;
    *p = (char)(negative ? CODE_ZERO - n : CODE_ZERO + n);
    put_be(p + 1, negative ? ~magnitude : magnitude, n);
    out->len += 1 + n;
    return true;
}

/* An integer as people write it, of at most 19 digits, which 64 bits always hold: nearly all there are. */
static inline bool plain_integer(weir_view v, bool *negative, uint64_t *magnitude)
{
    const char *p = v.ptr, *end = p + v.len;
    *negative = *p == '-';
    p += *negative;
    size_t digits = (size_t)(end - p);
    if (digits == 0 || digits > 19 || (*p == '0' && digits > 1))
        return false;
    uint64_t m = 0;
    for (; p < end; p++) {
        unsigned d = (unsigned char)*p - (unsigned)'0';
        if (d > 9)
            return false;
        m = m * 10 + d;
    }
    *magnitude = m;
    return true;
}

/* A natural number of up to BIG_DIGITS digits, lowest limb first; digits come in highest first. */
typedef struct big {
    uint32_t limb[BIG_LIMBS];
    size_t count;
    uint32_t chunk, scale; /* digits not yet in the limbs, and 10 to their number */
} big;

static void big_flush(big *b)
{
    uint64_t carry = b->chunk;
    for (size_t i = 0; i < b->count; i++) {
        carry += (uint64_t)b->limb[i] * b->scale;
        b->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        b->limb[b->count++] = (uint32_t)carry;
    b->chunk = 0;
    b->scale = 1;
}

static void big_digit(big *b, unsigned digit)
{
    b->chunk = b->chunk * 10 + digit;
    b->scale *= 10;
    if (b->scale == 1000000000)
        big_flush(b);
}

static size_t big_bytes(const big *b)
{
    if (!b->count)
        return 0;
    return b->count * 4 - (size_t)__builtin_clz(b->limb[b->count - 1]) / 8;
}

static bool put_big(buf *out, bool negative, const big *b)
{
    size_t n = big_bytes(b);
    if (n <= 8) {
        uint64_t low = b->count > 0 ? b->limb[0] : 0, high = b->count > 1 ? b->limb[1] : 0;
        return put_integer(out, negative, high << 32 | low);
    }
    if (n > BIG_BYTES || !buf_reserve(out, n + 2))
        return false;
    unsigned flip = negative ? 0xff : 0;
    char *p = out->ptr + out->len;
    *p++ = (char)(negative ? CODE_BIG_NEGATIVE : CODE_BIG_POSITIVE);
    *p++ = (char)(n ^ flip);
    for (size_t i = n; i-- > 0;)
        *p++ = (char)((b->limb[i / 4] >> (i % 4 * 8) & 0xff) ^ flip);
    out->len += n + 2;
    return true;
}

/* -------------------------------------------------------------------------------------------------------------- numbers -- */

/* A JSON number taken apart: the value is 0.DIGITS times 10^point. DIGITS have no zeros around them; the dot may be among them. */
typedef struct decimal {
    bool negative;
    const char *first, *last; /* digits from first up to before last; equal: zero */
    size_t digits;            /* how many, the dot not counted */
    int64_t point;
} decimal;

/* The exponent behind e or E; clipped far beyond anything that matters. */
static int64_t exponent_of(const char *p, const char *end)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    int64_t v = 0;
    for (; p < end; p++)
        v = v < INT64_MAX / 100 ? v * 10 + (*p - '0') : v;
    return negative ? -v : v;
}

/* @param v a well-formed JSON number */
static decimal decimal_of(weir_view v)
{
    const char *p = v.ptr, *end = p + v.len;
    decimal d = {.negative = *p == '-'};
    p += d.negative;
    const char *e = p, *dot = NULL;
    for (; e < end && *e != 'e' && *e != 'E'; e++)
        if (*e == '.')
            dot = e;
    d.point = (dot ? dot : e) - p;
    d.first = p;
    d.last = e;
    while (d.first < e && (*d.first == '0' || *d.first == '.')) {
        d.point -= *d.first == '0';
        d.first++;
    }
    while (d.last > d.first && (d.last[-1] == '0' || d.last[-1] == '.'))
        d.last--;
    d.digits = (size_t)(d.last - d.first) - (dot && d.first < dot && dot < d.last);
    if (e < end)
        d.point += exponent_of(e + 1, end);
    return d;
}

static bool put_double(buf *out, weir_view number)
{
    double v;
    uint64_t bits;
    if (!number_to_double(number, &v) || !isfinite(v) || !buf_reserve(out, 9))
        return false;
    memcpy(&bits, &v, sizeof bits);
    bits = bits >> 63 ? ~bits : bits ^ (uint64_t)1 << 63;
    out->ptr[out->len] = CODE_DOUBLE;
    put_be(out->ptr + out->len + 1, bits, 8);
    out->len += 9;
    return true;
}

/* Any number that is not a plain short integer. */
static bool pack_number(buf *out, weir_view v)
{
    if (!number_is(v))
        return false;
    decimal d = decimal_of(v);
    if (d.digits == 0)
        return put_integer(out, false, 0);
    if (d.point < 0 || d.digits > (uint64_t)d.point)
        return put_double(out, v);
    if (d.point > BIG_DIGITS)
        return false;
    big b = {.scale = 1};
    for (const char *p = d.first; p < d.last; p++)
        if (*p != '.')
            big_digit(&b, (unsigned)(*p - '0'));
    for (size_t i = d.digits; i < (size_t)d.point; i++)
        big_digit(&b, 0);
    big_flush(&b);
    return put_big(out, d.negative, &b);
}

/* -------------------------------------------------------------------------------------------------- text and everything else -- */

static bool pack_escaped(buf *out, weir_view raw)
{
    const char *p = raw.ptr, *end = p + raw.len;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        buf_add(out, p, (size_t)((slash ? slash : end) - p));
        if (!slash)
            break;
        char utf8[4];
        size_t n = json_unescape(&slash, utf8);
        buf_add(out, utf8, n);
        if (n == 1 && utf8[0] == '\0')
            buf_addc(out, (char)0xff);
        p = slash;
    }
    return buf_ok(out);
}

/* What is between the quotes, which holds no 00: JSON has no raw control characters. */
static bool put_text(buf *out, weir_view raw)
{
    if (!buf_reserve(out, raw.len + 2))
        return false;
    char *p = out->ptr + out->len;
    *p++ = CODE_TEXT;
    memcpy(p, raw.ptr, raw.len);
    p[raw.len] = '\0';
    out->len += raw.len + 2;
    return true;
}

static bool pack_text(buf *out, weir_view v)
{
    const char *end = v.ptr + v.len, *quote = quick_plain(v.ptr + 1, end);
    if (end - quote == 1 && *quote == '"')
        return put_text(out, (weir_view){v.ptr + 1, v.len - 2});

    json_scan s = json_scan_of(v);
    weir_view raw;
    bool escaped;
    if (!json_string(&s, &raw, &escaped) || s.at != s.end)
        return false;
    if (!escaped)
        return put_text(out, raw);
    buf_addc(out, CODE_TEXT);
    if (!pack_escaped(out, raw))
        return false;
    buf_addc(out, '\0');
    return true;
}

static bool pack_composite(buf *out, weir_view v)
{
    if (!json_check(v, NULL, NULL))
        return false;
    buf_addc(out, CODE_BYTES);
    json_compact(out, v);
    buf_addc(out, '\0');
    return true;
}

static bool pack_word(buf *out, weir_view v)
{
    static const struct {
        weir_view word;
        char code;
    } words[] = {{WEIR_LIT("null"), CODE_NULL}, {WEIR_LIT("false"), CODE_FALSE}, {WEIR_LIT("true"), CODE_TRUE}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (view_eq(v, words[i].word)) {
            buf_addc(out, words[i].code);
            return true;
        }
    return false;
}

static inline bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool pack_value(buf *out, weir_view v)
{
    while (v.len && is_space(*v.ptr))
        v = view_from(v, 1);
    while (v.len && is_space(v.ptr[v.len - 1]))
        v.len--;
    if (!v.len)
        return false;
    bool negative;
    uint64_t magnitude;
    switch (*v.ptr) {
    case '"':
        return pack_text(out, v);
    case '{':
    case '[':
        return pack_composite(out, v);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return plain_integer(v, &negative, &magnitude) ? put_integer(out, negative, magnitude) : pack_number(out, v);
    default:
        return pack_word(out, v);
    }
}

bool tuple_pack(buf *out, weir_view json)
{
    size_t from = out->len;
    if (json.len == 0)
        buf_addc(out, CODE_NULL);
    if (buf_ok(out) && (json.len == 0 || pack_value(out, json)) && buf_ok(out))
        return true;
    out->len = from;
    return false;
}

void tuple_pack_any(buf *out, weir_view json)
{
    if (tuple_pack(out, json) || !buf_ok(out))
        return;
    buf_addc(out, (char)CODE_NONE);
    buf_addv(out, json);
    buf_addc(out, '\0');
}

/* ----------------------------------------------------------------------------------------------------------------- unpack -- */

typedef struct unpacker {
    const unsigned char *begin, *at, *end;
    buf *out;
    buf scratch;    /* a string with its escaped 00s made plain */
    unsigned depth; /* open nested tuples */
    const char *error;
} unpacker;

static bool bad(unpacker *u, const unsigned char *at, const char *error)
{
    u->at = at;
    u->error = error;
    return false;
}

/* The string behind the code at u->at, which it moves behind its end. */
static bool take_string(unpacker *u, weir_view *ret)
{
    const unsigned char *from = u->at + 1, *p = from;
    bool escaped = false;
    u->scratch.len = 0;
    for (;;) {
        const unsigned char *zero = p < u->end ? memchr(p, 0, (size_t)(u->end - p)) : NULL;
        if (!zero)
            return bad(u, u->at, "a string without its end");
        if (zero + 1 == u->end || zero[1] != 0xff) {
            u->at = zero + 1;
            if (escaped)
                buf_add(&u->scratch, p, (size_t)(zero - p));
            *ret = escaped ? buf_view(&u->scratch) : (weir_view){(const char *)from, (size_t)(zero - from)};
            return true;
        }
        escaped = true;
        buf_add(&u->scratch, p, (size_t)(zero + 1 - p));
        p = zero + 2;
    }
}

static bool unpack_text(unpacker *u)
{
    const unsigned char *from = u->at;
    weir_view text;
    if (!take_string(u, &text))
        return false;
    if (!buf_ok(&u->scratch) || !buf_ok(u->out))
        return true; /* out of memory: the caller asks */
    return json_quote(u->out, text) || !buf_ok(u->out) || bad(u, from, "a text that is not UTF-8");
}

static bool unpack_bytes(unpacker *u)
{
    const unsigned char *from = u->at;
    weir_view json;
    if (!take_string(u, &json))
        return false;
    if (!buf_ok(&u->scratch))
        return true;
    if (!json_check(json, NULL, NULL))
        return bad(u, from, "a byte string that is not JSON text");
    json_compact(u->out, json);
    return true;
}

/* Takes n bytes behind the head (code, or code and length), as they are or complemented; highest first. */
static const unsigned char *take_fixed(unpacker *u, size_t head, size_t n)
{
    if ((size_t)(u->end - u->at) < head + n) {
        bad(u, u->at, "a number without its end");
        return NULL;
    }
    const unsigned char *p = u->at + head;
    u->at = p + n;
    return p;
}

static uint64_t read_be(const unsigned char *p, size_t n, unsigned flip)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | (p[i] ^ flip);
    return v;
}

static void write_integer(buf *out, bool negative, uint64_t magnitude)
{
    char text[NUMBER_TEXT];
    if (negative && magnitude)
        buf_addc(out, '-');
    buf_add(out, text, number_u64(text, magnitude));
}

/* Divides by 10^9 in place. @return the remainder */
static uint32_t big_divide(big *b)
{
    uint64_t rest = 0;
    for (size_t i = b->count; i-- > 0;) {
        rest = rest << 32 | b->limb[i];
        b->limb[i] = (uint32_t)(rest / 1000000000);
        rest %= 1000000000;
    }
    while (b->count && !b->limb[b->count - 1])
        b->count--;
    return (uint32_t)rest;
}

static void write_big(buf *out, bool negative, const unsigned char *p, size_t n)
{
    unsigned flip = negative ? 0xff : 0;
    big b = {.count = (n + 3) / 4};
    for (size_t i = 0; i < n; i++)
        b.limb[i / 4] |= (uint32_t)(p[n - 1 - i] ^ flip) << (i % 4 * 8);
    uint32_t chunks[BIG_DIGITS / 9 + 1];
    size_t count = 0;
    do {
        chunks[count++] = big_divide(&b);
    } while (b.count);
    if (negative && (count > 1 || chunks[0]))
        buf_addc(out, '-');
    buf_printf(out, "%" PRIu32, chunks[count - 1]);
    for (size_t i = count - 1; i-- > 0;)
        buf_printf(out, "%09" PRIu32, chunks[i]);
}

static bool unpack_integer(unpacker *u)
{
    unsigned code = *u->at;
    bool negative = code < CODE_ZERO;
    size_t n = negative ? CODE_ZERO - code : code - CODE_ZERO;
    const unsigned char *p = take_fixed(u, 1, n);
    if (p)
        write_integer(u->out, negative, read_be(p, n, negative ? 0xff : 0));
    return p != NULL;
}

static bool unpack_big(unpacker *u)
{
    bool negative = *u->at == CODE_BIG_NEGATIVE;
    if (u->end - u->at < 2)
        return bad(u, u->at, "a number without its end");
    size_t n = negative ? u->at[1] ^ 0xffu : u->at[1];
    const unsigned char *p = take_fixed(u, 2, n);
    if (p)
        write_big(u->out, negative, p, n);
    return p != NULL;
}

static bool write_double(unpacker *u, const unsigned char *from, double v)
{
    char text[NUMBER_TEXT];
    size_t n = number_double(text, v);
    buf_add(u->out, text, n);
    return n > 0 || bad(u, from, "a number that is not finite, which JSON cannot say");
}

static bool unpack_double(unpacker *u)
{
    const unsigned char *from = u->at, *p = take_fixed(u, 1, 8);
    if (!p)
        return false;
    uint64_t bits = read_be(p, 8, 0);
    bits = bits >> 63 ? bits ^ (uint64_t)1 << 63 : ~bits;
    double v;
    memcpy(&v, &bits, sizeof v);
    return write_double(u, from, v);
}

static bool unpack_float(unpacker *u)
{
    const unsigned char *from = u->at, *p = take_fixed(u, 1, 4);
    if (!p)
        return false;
    uint32_t bits = (uint32_t)read_be(p, 4, 0);
    bits = bits >> 31 ? bits ^ (uint32_t)1 << 31 : ~bits;
    float v;
    memcpy(&v, &bits, sizeof v);
    return write_double(u, from, (double)v);
}

static bool unpack_word(unpacker *u)
{
    static const char *const words[] = {[CODE_NULL] = "null", [CODE_FALSE] = "false", [CODE_TRUE] = "true"};
    unsigned code = *u->at++;
    buf_adds(u->out, words[code]);
    u->at += code == CODE_NULL && u->depth; /* its ff */
    return true;
}

static bool open_nested(unpacker *u)
{
    if (u->depth == JSON_DEPTH - 1)
        return bad(u, u->at, "nested too deeply");
    u->at++;
    u->depth++;
    buf_addc(u->out, '[');
    return true;
}

typedef bool (*unpack_fn)(unpacker *);

static unpack_fn reader_of(unsigned code)
{
    static const unpack_fn readers[] = {
        [CODE_NULL] = unpack_word,   [CODE_BYTES] = unpack_bytes,      [CODE_TEXT] = unpack_text,
        [CODE_NESTED] = open_nested, [CODE_BIG_NEGATIVE] = unpack_big, [CODE_BIG_POSITIVE] = unpack_big,
        [CODE_FLOAT] = unpack_float, [CODE_DOUBLE] = unpack_double,    [CODE_FALSE] = unpack_word,
        [CODE_TRUE] = unpack_word,
    };
    if (code > CODE_BIG_NEGATIVE && code < CODE_BIG_POSITIVE)
        return unpack_integer;
    return code < sizeof readers / sizeof *readers ? readers[code] : NULL;
}

/* Does a nested tuple end here? Its own nulls are 00 ff. */
static bool closes(const unpacker *u)
{
    return u->depth && *u->at == 0 && (u->end - u->at < 2 || u->at[1] != 0xff);
}

static bool unpack_all(unpacker *u)
{
    bool comma = false;
    while (u->at < u->end) {
        if (closes(u)) {
            u->at++;
            u->depth--;
            buf_addc(u->out, ']');
            comma = true;
            continue;
        }
        if (comma)
            buf_addc(u->out, ',');
        comma = *u->at != CODE_NESTED;
        unpack_fn reader = reader_of(*u->at);
        if (!reader)
            return bad(u, u->at, "a type code that no JSON value has");
        if (!reader(u))
            return false;
    }
    return u->depth == 0 || bad(u, u->end, "a nested tuple without its end");
}

weir_rc tuple_unpack(buf *out, weir_view packed, err *e)
{
    const unsigned char *begin = (const unsigned char *)packed.ptr;
    unpacker u = {.begin = begin, .at = begin, .end = packed.len ? begin + packed.len : begin, .out = out};
    size_t from = out->len;
    weir_rc rc = WEIR_OK;
    buf_addc(out, '[');
    if (!unpack_all(&u))
        rc = err_fail(e, WEIR_E_PROTOCOL, "packed tuple: byte %zu: %s", (size_t)(u.at - u.begin), u.error);
    buf_addc(out, ']');
    if (!rc && (!buf_ok(out) || !buf_ok(&u.scratch)))
        rc = err_nomem(e);
    if (rc)
        out->len = from;
    buf_free(&u.scratch);
    return rc;
}
