/* Documents into Records (fivetran.md 1.2, 1.5). A value is looked at where it stands in the document and written where it belongs; what is not written as one
 * mostly does (escapes, exponents, another type than the column's) takes the slow way, which finds the span of the value first.
 */
#include <stdlib.h>

#include "proto/fivetran/decimal.h"
#include "proto/fivetran/moment.h"
#include "proto/fivetran/record_write.h"

enum { FIT_64 = 19 /* so many digits are less than 2^64 */ };

/* Takes the value at `at`. @return false: it does not fit, see needed; or no memory */
typedef bool put_value(writer *r, const column *c);

/* ------------------------------------------------------------------------------------------------------------------- names -- */

static void put_head(ft_writing *w, ft_op op, const ft_table *t)
{
    enum { ROOM = 16 };
    char *begin = arena_alloc(&w->memory, t->schema.len + t->name.len + ROOM), *p = begin;
    if (!begin)
        return;
    if (t->schema.len) {
        *p++ = 0x0a;
        p = pb_put_varint(p, t->schema.len);
        p = (char *)memcpy(p, t->schema.ptr, t->schema.len) + t->schema.len;
    }
    if (t->name.len) {
        *p++ = 0x12;
        p = pb_put_varint(p, t->name.len);
        p = (char *)memcpy(p, t->name.ptr, t->name.len) + t->name.len;
    }
    if (op != FT_UPSERT) {
        *p++ = 0x18;
        *p++ = (char)op;
    }
    w->heads[op] = (weir_view){begin, (size_t)(p - begin)};
}

static void put_name(ft_writing *w, column *c, weir_view name)
{
    enum { HEAD = 8 };
    size_t room = quick_name_room(name.len);
    char *key = room > SIZE_MAX - HEAD ? NULL : arena_alloc(&w->memory, name.len + HEAD + FT_NAME_BLOCK), *p = key;
    c->seen.raw = key ? arena_alloc(&w->memory, room) : NULL;
    if (!c->seen.raw) {
        w->memory.failed = true;
        return;
    }
    *p++ = 0x0a;
    p = pb_put_varint(p, name.len);
    if (name.len)
        memcpy(p, name.ptr, name.len);
    c->name = (ft_name){key, (size_t)(p - key) + name.len};
    w->memory.failed |= !map_put(&w->index, (weir_view){p, name.len}, c);
}

ft_writing *ft_writing_new(const ft_table *t, const bool *selected)
{
    ft_writing *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->table = arena_dup(&w->memory, t->name);
    w->columns = arena_array(&w->memory, t->count, sizeof *w->columns);
    for (int op = 0; op < TYPES_OF_RECORD; op++)
        put_head(w, (ft_op)op, t);
    for (size_t i = 0; i < t->count && !w->memory.failed; i++) {
        const ft_column *from = &t->columns[i];
        column *c = &w->columns[w->count++];
        c->type = from->type;
        c->key = from->key;
        c->selected = from->key || !selected || selected[i];
        w->keyed |= from->key;
        put_name(w, c, from->name);
    }
    if (w->memory.failed) {
        ft_writing_free(w);
        return NULL;
    }
    return w;
}

void ft_writing_free(ft_writing *w)
{
    if (!w)
        return;
    map_free(&w->index);
    arena_free(&w->memory);
    buf_free(&w->scratch);
    free(w);
}

const ft_name *ft_writing_name(const ft_writing *w, size_t at)
{
    return &w->columns[at].name;
}

/* ------------------------------------------------------------------------------------------------- values, the quick way -- */

/* An entry's room is there, with as much as the document still has: see put_member(). */

static inline bool ends_value(const char *at, const char *end)
{
    return at < end && (*at == ',' || *at == '}' || quick_is_space(*at));
}

/* Adds at most `most` digits to a number. @return behind them; NULL: there are more */
static inline const char *take_digits(const char *at, const char *end, ptrdiff_t most, uint64_t *v)
{
    const char *last = end - at > most ? at + most : end;
    uint64_t sum = *v;
    for (; at < last && (unsigned char)(*at - '0') <= 9; at++)
        sum = sum * 10 + (unsigned char)(*at - '0');
    *v = sum;
    return at < end && (unsigned char)(*at - '0') <= 9 ? NULL : at;
}

/* @return false: it is something else, and nothing was taken */
static inline bool try_integer(writer *r, const column *c, ft_type type)
{
    const char *at = r->at + (*r->at == '-'), *digits = at;
    uint64_t v = 0;
    at = take_digits(at, r->end, FIT_64, &v);
    if (!at || at == digits || !ends_value(at, r->end) || v > INT64_MAX)
        return false;
    int64_t value = digits > r->at ? -(int64_t)v : (int64_t)v;
    if (!fits_integer(type, value))
        return false;
    r->at = at;
    r->p = ft_put_integer(r->p, &c->name, type, value);
    return true;
}

static bool quick_integer(writer *r, const column *c)
{
    return try_integer(r, c, c->type) || writer_put_slow(r, c);
}

/* Both the digits and the power of ten are doubles, so their quotient is the nearest one (W. Clinger: How to read floating point numbers accurately, 1990). */
static inline bool exact_double(uint64_t digits, unsigned decimals, double *ret)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (digits > (uint64_t)1 << 53 || decimals >= sizeof powers / sizeof *powers)
        return false;
    *ret = (double)digits / powers[decimals];
    return true;
}

static inline bool try_double(writer *r, const column *c)
{
    const char *at = r->at + (*r->at == '-'), *digits = at, *point = NULL;
    uint64_t v = 0;
    double value;
    at = take_digits(at, r->end, FIT_64, &v);
    if (at && at > digits && at < r->end && *at == '.') {
        point = at + 1;
        at = take_digits(point, r->end, FIT_64 - (at - digits), &v);
    }
    if (!at || at == digits || !ends_value(at, r->end) || !exact_double(v, point ? (unsigned)(at - point) : 0, &value))
        return false;
    value = digits > r->at ? -value : value;
    r->at = at;
    r->p = ft_put_double(r->p, &c->name, value);
    return true;
}

static bool quick_double(writer *r, const column *c)
{
    return try_double(r, c) || writer_put_slow(r, c);
}

static bool quick_boolean(writer *r, const column *c)
{
    bool v = *r->at == 't';
    if (!v && *r->at != 'f')
        return writer_put_slow(r, c);
    r->at += v ? 4 : 5;
    r->p = ft_put_bool(r->p, &c->name, v);
    return true;
}

/* The quote that ends a string, or a backslash. */
static inline const char *find_end(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    for (; end - at >= 16; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)));
        if (mask)
            return at + __builtin_ctz(mask);
    }
#endif
    while (at < end && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* Texts are short: two words that overlap, without a call. */
static inline char *copy_text(char *to, const char *from, size_t len)
{
    if (len > 32)
        return (char *)memcpy(to, from, len) + len;
    if (len >= 16) {
        memcpy(to, from, 16);
        memcpy(to + len - 16, from + len - 16, 16);
    } else if (len >= 8) {
        memcpy(to, from, 8);
        memcpy(to + len - 8, from + len - 8, 8);
    } else if (len >= 4) {
        memcpy(to, from, 4);
        memcpy(to + len - 4, from + len - 4, 4);
    } else {
        for (size_t i = 0; i < len; i++)
            to[i] = from[i];
    }
    return to + len;
}

static inline bool try_text(writer *r, const column *c, ft_type type)
{
    const char *from = r->at + 1, *to = *r->at == '"' ? find_end(from, r->end) : r->end;
    if (to == r->end || *to != '"')
        return false;
    size_t len = (size_t)(to - from);
    r->p = copy_text(ft_put_text_head(r->p, &c->name, type, len), from, len);
    r->at = to + 1;
    return true;
}

static bool quick_text(writer *r, const column *c)
{
    return try_text(r, c, c->type) || writer_put_slow(r, c);
}

/* Plain digits go as they are, with quotes around them or without. */
static bool quick_decimal(writer *r, const column *c)
{
    bool text = *r->at == '"';
    const char *from = r->at + text, *digits = from + (from < r->end && *from == '-'), *at = quick_digits(digits, r->end);
    ptrdiff_t whole = at - digits, scale = 0;
    if (whole > 0 && at < r->end && *at == '.') {
        const char *point = at;
        at = quick_digits(point + 1, r->end);
        scale = at - point - 1;
        whole = scale ? whole : 0;
    }
    if (whole == 0 || (*digits == '0' && whole > 1) || whole + scale > FT_DECIMAL_DIGITS || !(text ? at < r->end && *at == '"' : ends_value(at, r->end)))
        return writer_put_slow(r, c);
    size_t len = (size_t)(at - from);
    r->p = copy_text(ft_put_text_head(r->p, &c->name, FT_DECIMAL, len), from, len);
    r->at = at + text;
    return true;
}

static bool quick_time(writer *r, const column *c)
{
    const char *from = r->at + 1, *to = *r->at == '"' ? find_end(from, r->end) : r->end;
    int64_t seconds;
    uint32_t nanos;
    if (to == r->end || *to != '"' || !ft_time_of_text(c->type, (weir_view){from, (size_t)(to - from)}, &seconds, &nanos))
        return writer_put_slow(r, c);
    r->p = ft_put_time(r->p, &c->name, c->type, seconds, nanos);
    r->at = to + 1;
    return true;
}

/* A number without a point that is no LONG is none of the doubles that are tried. */
static bool quick_any(writer *r, const column *c)
{
    bool done = *r->at == '"' ? try_text(r, c, FT_STRING) : is_number((weir_view){r->at, 1}) && (try_integer(r, c, FT_LONG) || try_double(r, c));
    return done || writer_put_slow(r, c);
}

static put_value *const quick_values[FT_TYPES] = {
    [FT_UNSPECIFIED] = quick_any, [FT_BOOLEAN] = quick_boolean,    [FT_SHORT] = quick_integer,     [FT_INT] = quick_integer,
    [FT_LONG] = quick_integer,    [FT_DECIMAL] = quick_decimal,    [FT_FLOAT] = writer_put_slow,   [FT_DOUBLE] = quick_double,
    [FT_NAIVE_DATE] = quick_time, [FT_NAIVE_DATETIME] = quick_time, [FT_UTC_DATETIME] = quick_time, [FT_BINARY] = writer_put_slow,
    [FT_XML] = quick_text,        [FT_STRING] = quick_text,        [FT_JSON] = writer_put_slow,    [FT_NAIVE_TIME] = quick_time,
};

/* ----------------------------------------------------------------------------------------------------------------- records -- */

static void skip_value(writer *r)
{
    const char *to = quick_scalar(r->at, r->end);
    if (to)
        r->at = to;
    else
        writer_take_span(r);
}

/* The column of the member at `at`, which is behind its colon then. NULL: there is none, and its name is in `ret_name`. */
static column *take_name(writer *r, size_t guess, weir_view *ret_name)
{
    ft_writing *w = r->w;
    if (guess < w->count && w->columns[guess].seen.len && quick_name_is(&w->columns[guess].seen, r->at, r->end)) {
        r->at += w->columns[guess].seen.len + 1;
        return &w->columns[guess];
    }
    json_scan s = json_scan_of((weir_view){r->at, (size_t)(r->end - r->at)});
    json_key key = {{NULL, 0}, false};
    r->at = quick_member(&s, r->at, &key);
    if (!r->at) {
        r->at = r->end; /* no document, though it should be one */
        *ret_name = (weir_view){NULL, 0};
        return NULL;
    }
    *ret_name = writer_text_of(r, (weir_view){key.raw.ptr - 1, key.raw.len + 2});
    column *c = map_get(&w->index, *ret_name);
    if (c)
        quick_name_learn(&c->seen, key.raw);
    return c;
}

/* Writes a member, if this kind of record has it. */
static bool put_member(writer *r, const column *c, ft_op op)
{
    if (!c->selected || (op == FT_DELETE && r->w->keyed && !c->key)) {
        skip_value(r);
        return true;
    }
    if (!make_room(r, &c->name, (size_t)(r->end - r->at)))
        return false;
    if (*r->at != 'n')
        return quick_values[c->type](r, c);
    r->at += 4;
    r->p = ft_put_null(r->p, &c->name);
    return true;
}

static weir_rc refuse(writer *r, const column *c, weir_view name, ft_misfit *ret, err *e)
{
    if (!buf_ok(r->out) || !buf_ok(&r->w->scratch))
        return err_nomem(e);
    *ret = (ft_misfit){SIZE_MAX, name, r->needed};
    if (!c)
        return err_fail(e, WEIR_E_CONFIG, "table '%.*s' has no column '%.*s'", VIEW_ARG(r->w->table), VIEW_ARG(name));
    weir_view decoded = view_from((weir_view){c->name.key, c->name.len}, 1);
    while (*decoded.ptr & 0x80)
        decoded = view_from(decoded, 1);
    decoded = view_from(decoded, 1);
    ret->column = (size_t)(c - r->w->columns);
    ret->name = decoded;
    return err_fail(e, WEIR_E_CONFIG, "column '%.*s' of table '%.*s' is %s, which does not hold a value that needs %s", VIEW_ARG(decoded),
                    VIEW_ARG(r->w->table), ft_type_name((int)c->type), ft_type_name((int)r->needed));
}

static weir_rc put_members(writer *r, ft_op op, ft_misfit *ret_misfit, err *e)
{
    size_t guess = 0;
    r->at = quick_space(r->at, r->end);
    while (r->at < r->end && *r->at != '}') {
        weir_view name = {NULL, 0};
        column *c = take_name(r, guess, &name);
        r->at = quick_space(r->at, r->end);
        if (r->at == r->end)
            return err_fail(e, WEIR_E_BUG, "a document that is no JSON object");
        if (!c) {
            r->needed = writer_type_of(writer_take_span(r));
            return refuse(r, NULL, name, ret_misfit, e);
        }
        if (!put_member(r, c, op))
            return refuse(r, c, name, ret_misfit, e);
        guess = (size_t)(c - r->w->columns) + 1;
        r->at = quick_space(r->at, r->end);
        if (r->at < r->end && *r->at == ',')
            r->at = quick_space(r->at + 1, r->end);
    }
    return WEIR_OK;
}

weir_rc ft_write_record(ft_writing *w, ft_op op, weir_view doc, buf *out, ft_misfit *ret_misfit, err *e)
{
    writer r = {.w = w, .at = quick_space(doc.ptr, doc.ptr + doc.len), .end = doc.ptr + doc.len, .out = out};
    size_t begin = out->len;
    if (doc.len == 0 || *r.at != '{')
        return err_fail(e, WEIR_E_BUG, "a document that is no JSON object");
    if (!buf_reserve(out, w->heads[op].len + 1))
        return err_nomem(e);
    buf_addv(out, w->heads[op]);
    r.at++;
    r.p = out->ptr + out->len;
    weir_rc rc = op == FT_TRUNCATE ? WEIR_OK : put_members(&r, op, ret_misfit, e);
    out->len = rc ? begin : (size_t)(r.p - out->ptr);
    return rc;
}
