/* Values as texts, records as JSON documents. */
#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/shortest.h"
#include "json/text.h"
#include "proto/fivetran/decimal.h"
#include "proto/fivetran/moment.h"
#include "proto/fivetran/record_read.h"

/* ------------------------------------------------------------------------------------------------------------------- texts -- */

/* The fewest digits that read back as the same float. */
static size_t put_float(char out[NUMBER_TEXT], float v)
{
    enum { MOST = 9 };
    char digits[NUMBER_TEXT];
    double back = 0;
    for (int decimals = 0; decimals < MOST; decimals++) {
        size_t len = shortest_put(digits, sizeof digits, (double)v, decimals);
        if (number_to_double((weir_view){digits, len}, &back) && (float)back == v)
            break;
    }
    return number_double(out, back);
}

static weir_view name_of_special(double v)
{
    return v != v ? VIEW("NaN") : v > 0 ? VIEW("Infinity") : VIEW("-Infinity");
}

static void put_number(const ft_value *v, buf *out)
{
    if (!buf_reserve(out, NUMBER_TEXT))
        return;
    char *p = out->ptr + out->len;
    out->len += v->type == FT_DOUBLE ? number_double(p, v->number) : v->type == FT_FLOAT ? put_float(p, (float)v->number) : number_i64(p, v->integer);
}

void ft_value_text(const ft_value *v, buf *out)
{
    char time[CLOCK_TEXT];
    if (is_time(v->type))
        buf_add(out, time, ft_text_of_time(v->type, v->integer, v->nanos, time));
    else if (v->type == FT_BOOLEAN)
        buf_adds(out, v->integer ? "true" : "false");
    else if (v->type == FT_UNSPECIFIED)
        buf_adds(out, "null");
    else if (wire_of(v->type) == PB_BYTES)
        buf_addv(out, v->text);
    else if (isfinite(v->number))
        put_number(v, out);
    else
        buf_addv(out, name_of_special(v->number));
}

/* --------------------------------------------------------------------------------------------------------------- documents -- */

typedef struct column {
    weir_view name, quoted; /* quoted: with its colon */
    ft_type type;
    uint64_t seen; /* in which record last */
} column;

struct ft_reading {
    arena memory;
    column *columns;
    size_t count;
    map index;       /* name -> column */
    uint64_t record; /* how many were read */
};

ft_reading *ft_reading_new(const ft_table *t)
{
    ft_reading *r = calloc(1, sizeof *r);
    buf quoted = {0};
    if (!r)
        return NULL;
    r->columns = arena_array(&r->memory, t->count, sizeof *r->columns);
    for (size_t i = 0; i < t->count && !r->memory.failed; i++) {
        column *c = &r->columns[r->count++];
        buf_clear(&quoted);
        json_quote_lossy(&quoted, t->columns[i].name);
        buf_addc(&quoted, ':');
        *c = (column){.name = arena_dup(&r->memory, t->columns[i].name), .quoted = arena_dup(&r->memory, buf_view(&quoted)), .type = t->columns[i].type};
        r->memory.failed |= quoted.failed || !map_put(&r->index, c->name, c);
    }
    buf_free(&quoted);
    if (r->memory.failed) {
        ft_reading_free(r);
        return NULL;
    }
    return r;
}

void ft_reading_free(ft_reading *r)
{
    if (!r)
        return;
    map_free(&r->index);
    arena_free(&r->memory);
    free(r);
}

static void put_quoted(buf *out, const char *bytes, size_t len)
{
    if (!buf_reserve(out, len + 2))
        return;
    char *p = out->ptr + out->len;
    *p++ = '"';
    memcpy(p, bytes, len);
    p[len] = '"';
    out->len += len + 2;
}

/* As JSON that is one line. */
static const char *put_json(weir_view text, buf *out)
{
    json_scan s = json_scan_of(text);
    if (!json_skip(&s, NULL) || !json_done(&s))
        return "a JSON value that is not JSON";
    if (s.lines)
        json_compact(out, text);
    else
        buf_addv(out, text);
    return NULL;
}

static const char *put_time(const ft_value *v, buf *out)
{
    char text[CLOCK_TEXT];
    size_t len = ft_text_of_time(v->type, v->integer, v->nanos, text);
    put_quoted(out, text, len);
    return len ? NULL : "a time out of the years 1 to 9999, or with nanoseconds that are none";
}

static const char *put_decimal(weir_view digits, buf *out)
{
    if (!ft_decimal_is(digits))
        return "a decimal that is no number";
    put_quoted(out, digits.ptr, digits.len);
    return NULL;
}

static const char *put_binary(weir_view bytes, buf *out)
{
    buf_addc(out, '"');
    base64_encode(out, bytes);
    buf_addc(out, '"');
    return NULL;
}

static const char *put_text(weir_view text, buf *out)
{
    return json_quote(out, text) ? NULL : "text that is not UTF-8";
}

static bool is_text_column(ft_type type)
{
    return type == FT_STRING || type == FT_DECIMAL || type == FT_XML;
}

/* Numbers and truth values; as strings if that is what the column has. */
static const char *put_scalar(const ft_value *v, ft_type as, buf *out)
{
    bool special = (v->type == FT_DOUBLE || v->type == FT_FLOAT) && !isfinite(v->number);
    bool quotes = special || is_text_column(as);
    if (quotes)
        buf_addc(out, '"');
    if (v->type == FT_BOOLEAN)
        buf_adds(out, v->integer ? "true" : "false");
    else if (special)
        buf_addv(out, name_of_special(v->number));
    else
        put_number(v, out);
    if (quotes)
        buf_addc(out, '"');
    return NULL;
}

/* @param as the column's type. @return what is wrong with the value, NULL: nothing */
static const char *put_value(const reading *in, ft_type as, buf *out)
{
    const ft_value *v = &in->v;
    if (!in->any)
        return "a value without a member";
    switch (v->type) {
    case FT_UNSPECIFIED:
        buf_add(out, "null", 4);
        return v->integer ? NULL : "a null that is false";
    case FT_STRING:
    case FT_XML:
        return put_text(v->text, out);
    case FT_JSON:
        return put_json(v->text, out);
    case FT_DECIMAL:
        return put_decimal(v->text, out);
    case FT_BINARY:
        return put_binary(v->text, out);
    case FT_NAIVE_DATE:
    case FT_NAIVE_DATETIME:
    case FT_UTC_DATETIME:
    case FT_NAIVE_TIME:
        return put_time(v, out);
    default:
        return put_scalar(v, as, out);
    }
}

static inline column *column_of(ft_reading *r, size_t guess, weir_view name)
{
    if (guess < r->count && r->columns[guess].name.len == name.len && memcmp(r->columns[guess].name.ptr, name.ptr, name.len) == 0)
        return &r->columns[guess];
    return map_get(&r->index, name);
}

/* Where a document is being made. */
typedef struct maker {
    ft_reading *r;
    weir_view table;
    buf *out;
    uint32_t *types;
    size_t guess;
    bool comma;
    err *e;
} maker;

static weir_rc put_entry(maker *m, column *c, weir_view name, const reading *in)
{
    if (m->comma)
        buf_addc(m->out, ',');
    m->comma = true;
    const char *what = NULL;
    if (c)
        buf_addv(m->out, c->quoted);
    else if (!json_quote(m->out, name))
        what = "";
    else
        buf_addc(m->out, ':');
    what = what ? what : put_value(in, c ? c->type : FT_UNSPECIFIED, m->out);
    if (what)
        return record_wrong(m->table, name, what, m->e);
    if (c && m->types)
        m->types[c - m->r->columns] |= 1u << in->v.type;
    return WEIR_OK;
}

/* Each entry of a record in which no name comes twice, all of them columns. @return WEIR_STOPPED: it is not one of these */
static weir_rc put_simple(maker *m, const ft_record *rec)
{
    ft_reading *r = m->r;
    size_t at = 0;
    weir_view entry, name;
    const char *error = NULL;
    r->record++;
    while (next_entry(rec->data, &at, &entry, &error)) {
        reading in = {0};
        if (!record_read_entry(entry, &name, &in, &error))
            return record_wrong(m->table, name, error, m->e);
        column *c = column_of(r, m->guess, name);
        if (!c || c->seen == r->record)
            return WEIR_STOPPED;
        c->seen = r->record;
        m->guess = (size_t)(c - r->columns) + 1;
        weir_rc rc = put_entry(m, c, name, &in);
        if (rc)
            return rc;
    }
    return error ? record_wrong(m->table, VIEW(""), error, m->e) : WEIR_OK;
}

/* Which entry of each name is the last one, by where it ends. */
static weir_rc find_last(maker *m, const ft_record *rec, map *last)
{
    size_t at = 0;
    weir_view entry, name;
    const char *error = NULL;
    while (next_entry(rec->data, &at, &entry, &error)) {
        reading in = {0};
        if (!record_read_entry(entry, &name, &in, &error))
            return record_wrong(m->table, name, error, m->e);
        if (!map_put(last, name, (void *)(uintptr_t)at))
            return err_nomem(m->e);
    }
    return error ? record_wrong(m->table, VIEW(""), error, m->e) : WEIR_OK;
}

static weir_rc put_last(maker *m, const ft_record *rec, weir_view *ret_unknown)
{
    map last = {0};
    size_t at = 0;
    weir_view entry, name;
    const char *error = NULL;
    weir_rc rc = find_last(m, rec, &last);
    while (!rc && next_entry(rec->data, &at, &entry, &error)) {
        reading in = {0};
        record_read_entry(entry, &name, &in, &error);
        if ((uintptr_t)map_get(&last, name) != at)
            continue;
        column *c = map_get(&m->r->index, name);
        if (!c)
            *ret_unknown = name;
        rc = put_entry(m, c, name, &in);
    }
    map_free(&last);
    return rc;
}

weir_rc ft_row_json(ft_reading *r, const ft_record *rec, buf *out, uint32_t *ret_types, weir_view *ret_unknown, err *e)
{
    size_t begin = out->len;
    maker m = {.r = r, .table = rec->table, .out = out, .types = ret_types, .e = e};
    *ret_unknown = (weir_view){NULL, 0};
    buf_addc(out, '{');
    weir_rc rc = put_simple(&m, rec);
    if (rc == WEIR_STOPPED) {
        out->len = begin + (begin < out->len);
        m.comma = false;
        rc = put_last(&m, rec, ret_unknown);
    }
    buf_addc(out, '}');
    if (!rc && !buf_ok(out))
        rc = err_nomem(e);
    if (rc)
        out->len = begin;
    return rc;
}
