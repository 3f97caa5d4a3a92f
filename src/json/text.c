#include "json/text.h"

#include "json/utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* ----------------------------------------------------------------------------------------------------------- copying -- */

/** Must a JSON string writer look at this byte? Control characters, quote, backslash, and what is not ASCII. */
static bool special(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\' || c >= 0x80;
}

static uint64_t load8(const char *from)
{
    uint64_t x;
    memcpy(&x, from, sizeof x);
    return x;
}

static uint64_t load4(const char *from)
{
    uint32_t x;
    memcpy(&x, from, sizeof x);
    return x;
}

/** Does any of 8 bytes need a look? */
static bool special8(uint64_t x)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t quote = x ^ (ones * '"'), slash = x ^ (ones * '\\');
    return (x & tops) || (((x - ones * 0x20) | (quote - ones) | (slash - ones)) & ~x & tops);
}

/** copy_plain() of fewer than 16 bytes: as two words that overlap, if nothing needs a look. */
static size_t copy_short(char *to, const char *from, size_t len)
{
    size_t i = 0;
    if (len >= 8 && !special8(load8(from))) {
        memcpy(to, from, 8);
        if (!special8(load8(from + len - 8))) {
            memcpy(to + len - 8, from + len - 8, 8);
            return len;
        }
        i = 8;
    } else if (len >= 4 && len < 8 && !special8(load4(from) | load4(from + len - 4) << 32)) {
        memcpy(to, from, 4);
        memcpy(to + len - 4, from + len - 4, 4);
        return len;
    }
    for (; i < len && !special((unsigned char)from[i]); i++)
        to[i] = from[i];
    return i;
}

#ifdef __SSE2__
/** Copies 16 bytes. @return a bit for each that is special */
static unsigned copy_block(char *to, const char *from)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)from);
    /* signed, so bytes from 0x80 on are below the space too */
    __m128i hit = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
                               _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
    _mm_storeu_si128((__m128i *)(void *)to, v);
    return (unsigned)_mm_movemask_epi8(hit);
}
#endif

/** Copies up to the first special byte. `to` must have room for len bytes; what lies there behind the copied ones is undefined.
 *  @return bytes copied */
static size_t copy_plain(char *to, const char *from, size_t len)
{
#ifdef __SSE2__
    if (len < 16)
        return copy_short(to, from, len);
    for (size_t i = 0;; i += 16) {
        if (len - i < 16)
            i = len - 16; /* what this block shares with the last one is plain */
        unsigned mask = copy_block(to + i, from + i);
        if (mask)
            return i + (unsigned)__builtin_ctz(mask);
        if (len - i == 16)
            return len;
    }
#else
    size_t i = 0;
    for (; len - i >= 16; i += 8) {
        if (special8(load8(from + i)))
            return i + copy_short(to + i, from + i, 8);
        memcpy(to + i, from + i, 8);
    }
    return i + copy_short(to + i, from + i, len - i);
#endif
}

/** Copies up to the first `stop` or backslash; otherwise as copy_plain(). */
static size_t copy_until(char *to, const char *from, size_t len, char stop)
{
    size_t i = 0;
#ifdef __SSE2__
    const __m128i stops = _mm_set1_epi8(stop), slash = _mm_set1_epi8('\\');
    for (; len - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
        _mm_storeu_si128((__m128i *)(void *)(to + i), v);
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, stops), _mm_cmpeq_epi8(v, slash)));
        if (mask)
            return i + (unsigned)__builtin_ctz(mask);
    }
#endif
    for (; i < len && from[i] != stop && from[i] != '\\'; i++)
        to[i] = from[i];
    return i;
}

/* ----------------------------------------------------------------------------------------------------------- quoting -- */

/** What follows the backslash in a short escape; 0: there is none. */
static char escape_letter(unsigned char c)
{
    static const char letters[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    return c < 0x20 ? letters[c] : (char)c;
}

static void put_hex_escape(char to[6], unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    memcpy(to, "\\u00", 4);
    to[4] = hex[c >> 4];
    to[5] = hex[c & 15];
}

/** Copies well-formed sequences up to the first ASCII byte or broken sequence. @return bytes copied */
static size_t copy_sequences(char *to, const char *from, size_t len)
{
    const unsigned char *p = (const unsigned char *)from;
    size_t i = 0;
    while (i < len && p[i] >= 0x80) {
        size_t n = utf8_sequence(p + i, len - i);
        if (n == 0)
            break;
        memcpy(to + i, from + i, 2);
        if (n > 2)
            memcpy(to + i + n - 2, from + i + n - 2, 2);
        i += n;
    }
    return i;
}

/** Escapes into a buf: `to` is where it goes on, `spare` the room that is left when the rest of the text takes one byte for each of
 * its own, and the closing quote one. */
typedef struct quoter {
    buf *out;
    char *to;
    size_t spare;
} quoter;

/** Sees to it that `put` bytes may stand for `taken` ones of the `len` that are to come. */
static bool make_room(quoter *q, size_t put, size_t taken, size_t len)
{
    if (q->spare + taken < put) {
        q->out->len = (size_t)(q->to - q->out->ptr);
        if (!buf_reserve(q->out, len - taken + put + 1))
            return false;
        q->to = q->out->ptr + q->out->len;
        q->spare = q->out->cap - q->out->len - len - 1;
    }
    q->spare = q->spare + taken - put;
    return true;
}

/** Escapes one ASCII byte. @return bytes taken, 0 without room */
static size_t put_escape(quoter *q, unsigned char c, size_t len)
{
    char letter = escape_letter(c);
    size_t put = letter ? 2 : 6;
    if (!make_room(q, put, 1, len))
        return 0;
    if (letter) {
        q->to[0] = '\\';
        q->to[1] = letter;
    } else {
        put_hex_escape(q->to, c);
    }
    q->to += put;
    return 1;
}

/** Puts U+FFFD for a broken sequence. @return bytes taken, 0 without room */
static size_t put_replacement(quoter *q, const char *at, size_t len)
{
    size_t taken = utf8_broken((const unsigned char *)at, len);
    if (!make_room(q, 3, taken, len))
        return 0;
    memcpy(q->to, "\xef\xbf\xbd", 3);
    q->to += 3;
    return taken;
}

/** Puts what copy_plain() stopped at. @return bytes taken; 0 without room, or at a broken sequence unless lossy */
static size_t put_special(quoter *q, const char *at, size_t len, bool lossy)
{
    if ((unsigned char)*at < 0x80)
        return put_escape(q, (unsigned char)*at, len);
    size_t n = copy_sequences(q->to, at, len);
    q->to += n;
    return n || !lossy ? n : put_replacement(q, at, len);
}

/** Appends all of the text, escaped. @return false at a broken sequence, unless lossy */
static bool put_escaped(quoter *q, weir_view text, bool lossy)
{
    size_t at = 0;
    while (at < text.len) {
        size_t n = copy_plain(q->to, text.ptr + at, text.len - at);
        q->to += n;
        at += n;
        if (at == text.len)
            break;
        n = put_special(q, text.ptr + at, text.len - at, lossy);
        at += n;
        if (n == 0)
            return !buf_ok(q->out);
    }
    return true;
}

static bool quote(buf *out, weir_view text, bool lossy)
{
    size_t begin = out->len;
    if (text.len > SIZE_MAX - 2) {
        out->failed = true;
        return true;
    }
    if (!buf_reserve(out, text.len + 2))
        return true;
    quoter q = {out, out->ptr + out->len, out->cap - out->len - text.len - 2};
    *q.to++ = '"';
    bool good = put_escaped(&q, text, lossy);
    out->len = begin;
    if (good && buf_ok(out)) {
        *q.to++ = '"';
        out->len = (size_t)(q.to - out->ptr);
    }
    return good;
}

bool json_quote(buf *out, weir_view text)
{
    return quote(out, text, false);
}

void json_quote_lossy(buf *out, weir_view text)
{
    quote(out, text, true);
}

void json_strings(buf *out, const weir_view *texts, size_t count)
{
    buf_addc(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_addc(out, ',');
        json_quote_lossy(out, texts[i]);
    }
    buf_addc(out, ']');
}

/* ---------------------------------------------------------------------------------------------------------- decoding -- */

/** Reads \uXXXX. @return the code unit, -1 if that is not what is there */
static int32_t code_unit(const char *at, const char *end)
{
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    int32_t unit = 0;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

enum { REPLACEMENT = 0xfffd, EXACT = 0 };

/** Decodes \uXXXX, or two of them that make a pair. @param lone what a lone surrogate becomes; EXACT: stays. @return bytes taken */
static size_t take_unicode(char *to, size_t *put, const char *at, const char *end, int32_t lone)
{
    int32_t c = code_unit(at, end);
    size_t taken = 6;
    if (c < 0) {
        c = at[1]; /* cannot be in checked text */
        taken = 2;
    } else if ((c & 0xfc00) == 0xd800) {
        int32_t low = code_unit(at + 6, end);
        bool pair = low >= 0 && (low & 0xfc00) == 0xdc00;
        c = pair ? 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff)) : lone ? lone : c;
        taken = pair ? 12 : 6;
    } else if ((c & 0xfc00) == 0xdc00) {
        c = lone ? lone : c;
    }
    *put = utf8_put(to, (uint32_t)c);
    return taken;
}

static char unescaped(char letter)
{
    static const char meanings[256] = {['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
    char meaning = meanings[(unsigned char)letter];
    return meaning ? meaning : letter;
}

/** Decodes into `to`, which has room for raw.len bytes: no escape is shorter than what it means. @return bytes put */
static size_t unquote(char *to, weir_view raw, int32_t lone)
{
    const char *at = raw.ptr, *end = raw.ptr + raw.len;
    size_t len = 0;
    while (at < end) {
        size_t n = copy_until(to + len, at, (size_t)(end - at), '\\');
        at += n;
        len += n;
        if (end - at < 2)
            break;
        if (at[1] == 'u') {
            at += take_unicode(to + len, &n, at, end, lone);
            len += n;
        } else {
            to[len++] = unescaped(at[1]);
            at += 2;
        }
    }
    return len;
}

bool json_unquote(buf *out, weir_view raw)
{
    if (raw.len == 0)
        return buf_ok(out);
    if (!buf_reserve(out, raw.len))
        return false;
    out->len += unquote(out->ptr + out->len, raw, REPLACEMENT);
    return true;
}

size_t json_take_escape(const char **at, const char *end, char out[4])
{
    size_t put = 1, taken = 2;
    if ((*at)[1] == 'u')
        taken = take_unicode(out, &put, *at, end, EXACT);
    else
        out[0] = unescaped((*at)[1]);
    *at += taken;
    return put;
}

size_t json_unquote_to(char *to, weir_view raw) { return raw.len ? unquote(to, raw, REPLACEMENT) : 0; }

static weir_view decode(arena *a, weir_view raw, int32_t lone)
{
    char *text = arena_alloc(a, raw.len + 1);
    if (!text)
        return (weir_view){NULL, 0};
    size_t len = unquote(text, raw, lone);
    text[len] = '\0';
    return (weir_view){text, len};
}

weir_view json_decode(arena *a, weir_view string)
{
    if (string.len < 2 || string.ptr[0] != '"' || string.ptr[string.len - 1] != '"')
        return (weir_view){NULL, 0};
    return decode(a, (weir_view){string.ptr + 1, string.len - 2}, REPLACEMENT);
}

weir_view json_identity(arena *a, weir_view raw)
{
    return raw.len && memchr(raw.ptr, '\\', raw.len) ? decode(a, raw, EXACT) : raw;
}

/* -------------------------------------------------------------------------------------------------------- compacting -- */

/** Copies up to the first whitespace or quote; otherwise as copy_plain(). */
static size_t copy_tokens(char *to, const char *from, size_t len)
{
    size_t i = 0;
#ifdef __SSE2__
    const __m128i visible = _mm_set1_epi8(0x21), quote = _mm_set1_epi8('"');
    for (; len - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
        _mm_storeu_si128((__m128i *)(void *)(to + i), v);
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmplt_epi8(v, visible), _mm_cmpeq_epi8(v, quote)));
        if (mask)
            return i + (unsigned)__builtin_ctz(mask);
    }
#endif
    for (; i < len && (unsigned char)from[i] > ' ' && from[i] != '"'; i++)
        to[i] = from[i];
    return i;
}

/** Copies a string whose opening quote is at `from`, quotes included. @return bytes copied */
static size_t copy_string(char *to, const char *from, size_t len)
{
    size_t i = 1;
    to[0] = '"';
    for (;;) {
        i += copy_until(to + i, from + i, len - i, '"');
        if (i == len)
            return i;
        to[i] = from[i];
        if (from[i++] == '"' || i == len)
            return i;
        to[i] = from[i]; /* what the backslash escapes */
        i++;
    }
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

void json_compact(buf *out, weir_view json)
{
    if (json.len == 0 || !buf_reserve(out, json.len))
        return;
    char *to = out->ptr + out->len;
    const char *at = json.ptr, *end = json.ptr + json.len;
    while (at < end) {
        size_t n = *at == '"' ? copy_string(to, at, (size_t)(end - at)) : copy_tokens(to, at, (size_t)(end - at));
        to += n;
        at += n;
        const char *behind = skip_space(at, end);
        if (n == 0 && behind == at)
            *to++ = *behind++; /* belongs to no token: nobody checked this text */
        at = behind;
    }
    out->len = (size_t)(to - out->ptr);
}

/* ------------------------------------------------------------------------------------------------------------ base64 -- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(buf *out, weir_view bytes)
{
    if (bytes.len > SIZE_MAX / 4 * 3 - 3) {
        out->failed = true;
        return;
    }
    if (bytes.len == 0 || !buf_reserve(out, (bytes.len + 2) / 3 * 4))
        return;
    char *to = out->ptr + out->len;
    for (size_t i = 0; i < bytes.len; i += 3, to += 4) {
        const unsigned char *p = (const unsigned char *)bytes.ptr + i;
        size_t left = bytes.len - i;
        uint32_t three = (uint32_t)p[0] << 16 | (left > 1 ? (uint32_t)p[1] << 8 : 0) | (left > 2 ? p[2] : 0u);
        to[0] = alphabet[three >> 18];
        to[1] = alphabet[three >> 12 & 63];
        to[2] = left > 1 ? alphabet[three >> 6 & 63] : '=';
        to[3] = left > 2 ? alphabet[three & 63] : '=';
    }
    out->len = (size_t)(to - out->ptr);
}

/** Six bits, or -1. */
static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

bool base64_decode(buf *out, weir_view text)
{
    size_t len = text.len, padding = 0;
    while (len && padding < 2 && text.ptr[len - 1] == '=') {
        len--;
        padding++;
    }
    if (len % 4 == 1 || (padding && (len + padding) % 4))
        return false;
    size_t begin = out->len;
    if (len && !buf_reserve(out, len / 4 * 3 + 2))
        return true;
    uint32_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        int six = sextet(text.ptr[i]);
        if (six < 0) {
            out->len = begin;
            return false;
        }
        bits = bits << 6 | (uint32_t)six;
        if (i % 4)
            out->ptr[out->len++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    return true;
}
