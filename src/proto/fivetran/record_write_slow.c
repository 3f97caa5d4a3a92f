/* The slow way of a value into a Record: whatever is not written as one mostly does. Its span is found first. */
#include <math.h>

#include "json/number.h"
#include "json/text.h"
#include "proto/fivetran/decimal.h"
#include "proto/fivetran/moment.h"
#include "proto/fivetran/record_write.h"

weir_view writer_take_span(writer *r)
{
    json_scan s = json_scan_of((weir_view){r->at, (size_t)(r->end - r->at)});
    weir_view span = {r->at, 0};
    r->at = json_skip(&s, &span) ? s.at : r->end;
    return span;
}

weir_view writer_text_of(writer *r, weir_view string)
{
    weir_view raw = {string.ptr + 1, string.len - 2};
    if (!raw.len || !memchr(raw.ptr, '\\', raw.len))
        return raw;
    buf_clear(&r->w->scratch);
    if (!json_unquote(&r->w->scratch, raw))
        r->out->failed = true;
    return buf_view(&r->w->scratch);
}

static bool put_text(writer *r, const column *c, ft_type type, weir_view text)
{
    if (make_room(r, &c->name, text.len))
        r->p = ft_put_text(r->p, &c->name, type, text);
    return buf_ok(r->out);
}

/* ---- what a value asks for ---- */

static ft_type type_of_number(weir_view number)
{
    char unused[FT_DECIMAL_TEXT];
    int64_t v;
    double d;
    if (quick_digits(number.ptr + (number.ptr[0] == '-'), number.ptr + number.len) < number.ptr + number.len)
        return number_to_double(number, &d) && isfinite(d) ? FT_DOUBLE : FT_STRING;
    if (number_to_i64(number, &v))
        return v == (int32_t)v ? FT_INT : FT_LONG;
    return ft_decimal_text(number, unused) ? FT_DECIMAL : FT_STRING;
}

/* INT only where it makes a difference: in a column that is smaller. */
static ft_type type_of_json(weir_view json)
{
    switch (json.ptr[0]) {
    case '"':
        return FT_STRING;
    case 't':
    case 'f':
        return FT_BOOLEAN;
    case 'n':
        return FT_UNSPECIFIED;
    case '{':
    case '[':
        return FT_JSON;
    default:
        return type_of_number(json);
    }
}

ft_type writer_type_of(weir_view json)
{
    ft_type type = type_of_json(json);
    return type == FT_INT ? FT_LONG : type;
}

/* A text that is no DOUBLE, DECIMAL ... is a STRING, whatever its column may share with STRING. */
static bool misfit(writer *r, const column *c, weir_view json)
{
    ft_type type = type_of_json(json);
    r->needed = ft_type_join(c->type, type);
    if (r->needed == c->type) /* the right kind, but not to be held */
        r->needed = FT_STRING;
    return false;
}

/* ---- by the type of the column ---- */

static bool slow_boolean(writer *r, const column *c, weir_view json)
{
    if (json.ptr[0] != 't' && json.ptr[0] != 'f')
        return misfit(r, c, json);
    if (make_room(r, &c->name, 0))
        r->p = ft_put_bool(r->p, &c->name, json.ptr[0] == 't');
    return buf_ok(r->out);
}

static bool slow_integer(writer *r, const column *c, weir_view json)
{
    int64_t v;
    if (!is_number(json) || !number_to_i64(json, &v) || !fits_integer(c->type, v))
        return misfit(r, c, json);
    if (make_room(r, &c->name, 0))
        r->p = ft_put_integer(r->p, &c->name, c->type, v);
    return buf_ok(r->out);
}

/* NaN and the infinities, and what people write as text so that it survives, if it does survive in a double. */
static bool double_of_text(weir_view text, double *ret)
{
    static const struct {
        const char *text;
        double value;
    } words[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (view_is(text, words[i].text)) {
            *ret = words[i].value;
            return true;
        }
    return number_is(text) && number_fits_double(text) && number_to_double(text, ret);
}

static bool slow_double(writer *r, const column *c, weir_view json)
{
    double v;
    bool text = json.ptr[0] == '"';
    if (text ? !double_of_text(writer_text_of(r, json), &v) : !is_number(json) || !number_to_double(json, &v) || !isfinite(v))
        return misfit(r, c, json);
    if (c->type == FT_FLOAT && isfinite(v) && !isfinite((float)v)) {
        r->needed = FT_DOUBLE;
        return false;
    }
    if (make_room(r, &c->name, 0))
        r->p = c->type == FT_FLOAT ? ft_put_float(r->p, &c->name, (float)v) : ft_put_double(r->p, &c->name, v);
    return buf_ok(r->out);
}

static bool slow_decimal(writer *r, const column *c, weir_view json)
{
    char plain[FT_DECIMAL_TEXT];
    bool text = json.ptr[0] == '"';
    size_t len = text || is_number(json) ? ft_decimal_text(text ? writer_text_of(r, json) : json, plain) : 0;
    return len ? put_text(r, c, FT_DECIMAL, (weir_view){plain, len}) : misfit(r, c, json);
}

static bool slow_time(writer *r, const column *c, weir_view json)
{
    int64_t seconds;
    uint32_t nanos;
    if (json.ptr[0] != '"' || !ft_time_of_text(c->type, writer_text_of(r, json), &seconds, &nanos))
        return misfit(r, c, json);
    if (make_room(r, &c->name, 0))
        r->p = ft_put_time(r->p, &c->name, c->type, seconds, nanos);
    return buf_ok(r->out);
}

/* Decoded where it belongs, or where it would belong if its length took the most bytes. */
static bool slow_binary(writer *r, const column *c, weir_view json)
{
    weir_view text = json.ptr[0] == '"' ? writer_text_of(r, json) : (weir_view){NULL, 0};
    if (json.ptr[0] != '"' || !make_room(r, &c->name, text.len + 4))
        return json.ptr[0] != '"' ? misfit(r, c, json) : false;
    char *begin = r->p;
    size_t ahead = FT_ENTRY_ROOM + c->name.len;
    r->out->len += ahead;
    size_t from = r->out->len;
    if (!base64_decode(r->out, text))
        return misfit(r, c, json);
    size_t len = r->out->len - from;
    r->p = ft_put_text_head(begin, &c->name, FT_BINARY, len);
    memmove(r->p, r->out->ptr + from, len);
    r->p += len;
    return buf_ok(r->out);
}

/* Numbers and truth values as they are written. */
static bool slow_string(writer *r, const column *c, weir_view json)
{
    if (json.ptr[0] == '{' || json.ptr[0] == '[')
        return misfit(r, c, json);
    return put_text(r, c, FT_STRING, json.ptr[0] == '"' ? writer_text_of(r, json) : json);
}

static bool slow_xml(writer *r, const column *c, weir_view json)
{
    return json.ptr[0] == '"' ? put_text(r, c, FT_XML, writer_text_of(r, json)) : misfit(r, c, json);
}

static bool slow_json(writer *r, const column *c, weir_view json)
{
    return put_text(r, c, FT_JSON, json);
}

typedef bool slow_value(writer *r, const column *c, weir_view json);

static slow_value *const slow_values[FT_TYPES] = {
    [FT_BOOLEAN] = slow_boolean, [FT_SHORT] = slow_integer, [FT_INT] = slow_integer,     [FT_LONG] = slow_integer,
    [FT_DECIMAL] = slow_decimal, [FT_FLOAT] = slow_double,  [FT_DOUBLE] = slow_double,   [FT_NAIVE_DATE] = slow_time,
    [FT_NAIVE_DATETIME] = slow_time, [FT_UTC_DATETIME] = slow_time, [FT_BINARY] = slow_binary, [FT_XML] = slow_xml,
    [FT_STRING] = slow_string, [FT_JSON] = slow_json, [FT_NAIVE_TIME] = slow_time,
};

bool writer_put_slow(writer *r, const column *c)
{
    weir_view json = writer_take_span(r);
    column as = *c;
    if (as.type == FT_UNSPECIFIED)
        as.type = writer_type_of(json);
    return slow_values[as.type](r, &as, json);
}
