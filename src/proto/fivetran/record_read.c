/* UpdateResponse, Records, Record and its values, taken apart (fivetran.md 1.2, 1.5): nothing is copied but into the document. */
#include <endian.h>
#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/shortest.h"
#include "json/text.h"
#include "proto/fivetran/moment.h"
#include "proto/fivetran/record.h"

/* ----------------------------------------------------------------------------------------------------------------- updates -- */

static const char *const kinds[] = {NULL, "record", "schema_change", "checkpoint", "warning", "task", "records"};

/* The text of a Checkpoint, Warning or Task. */
static weir_rc read_text(ft_update *u, err *e)
{
    pb_reader r = pb_reader_of(u->body);
    pb_field f;
    weir_view text = {"", 0};
    while (pb_next(&r, &f))
        if (f.tag == 1 && f.wire == PB_BYTES)
            text = f.bytes;
    if (r.error)
        return err_fail(e, WEIR_E_PROTOCOL, "UpdateResponse: %s: %s", kinds[u->kind], r.error);
    if (!json_utf8(text))
        return err_fail(e, WEIR_E_PROTOCOL, "UpdateResponse: %s: not UTF-8", kinds[u->kind]);
    u->body = text;
    return WEIR_OK;
}

weir_rc ft_read_update(weir_view message, ft_update *ret, err *e)
{
    pb_reader r = pb_reader_of(message);
    pb_field f;
    ft_update u = {.body = {"", 0}};
    while (pb_next(&r, &f)) {
        if (f.tag > FT_RECORDS || f.wire != PB_BYTES)
            continue;
        if ((ft_update_kind)f.tag == u.kind) /* they would have to be merged, which no encoder asks for */
            return err_fail(e, WEIR_E_PROTOCOL, "UpdateResponse: %s comes twice", kinds[f.tag]);
        u = (ft_update){(ft_update_kind)f.tag, f.bytes};
    }
    if (r.error)
        return err_fail(e, WEIR_E_PROTOCOL, "UpdateResponse: %s", r.error);
    bool text = u.kind == FT_CHECKPOINT || u.kind == FT_WARNING || u.kind == FT_TASK;
    weir_rc rc = text ? read_text(&u, e) : WEIR_OK;
    if (!rc)
        *ret = u;
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------------- records -- */

/* A field with this tag byte whose length is one byte, in front of the reader: nearly all of them. Takes it. */
static inline bool quick_field(pb_reader *r, unsigned char tag, weir_view *ret)
{
    const unsigned char *p = (const unsigned char *)r->p;
    if (r->end - r->p < 2 || p[0] != tag || p[1] >= 0x80 || p[1] > r->end - r->p - 2)
        return false;
    *ret = (weir_view){r->p + 2, p[1]};
    r->p += 2 + p[1];
    return true;
}

enum { DATA_TAG = 0x22, KEY_TAG = 0x0a, VALUE_TAG = 0x12 };
enum { RECORD_SCHEMA = 1, RECORD_TABLE = 2, RECORD_TYPE = 3, RECORD_DATA = 4 };

static weir_rc read_record(weir_view bytes, ft_record *ret, err *e)
{
    pb_reader r = pb_reader_of(bytes);
    pb_field f;
    weir_view entry;
    ft_record rec = {.data = bytes, .schema = {"", 0}, .table = {"", 0}};
    for (;;) {
        while (quick_field(&r, DATA_TAG, &entry))
            ;
        if (!pb_next(&r, &f))
            break;
        if (f.tag == RECORD_TABLE && f.wire == PB_BYTES) {
            rec.table = f.bytes;
        } else if (f.tag == RECORD_SCHEMA && f.wire == PB_BYTES) {
            rec.schema = f.bytes;
            rec.has_schema = true;
        } else if (f.tag == RECORD_TYPE && f.wire == PB_VARINT) {
            rec.op = (ft_op)(uint32_t)f.number;
        }
    }
    if (!json_utf8(rec.table) || !json_utf8(rec.schema))
        return err_fail(e, WEIR_E_PROTOCOL, "a record's table or schema is not UTF-8");
    if (r.error)
        return err_fail(e, WEIR_E_PROTOCOL, "record of table '%.*s': %s", VIEW_ARG(rec.table), r.error);
    if ((unsigned)rec.op > FT_TRUNCATE)
        return err_fail(e, WEIR_E_PROTOCOL, "record of table '%.*s': type %u, which there is not", VIEW_ARG(rec.table), (unsigned)rec.op);
    *ret = rec;
    return WEIR_OK;
}

weir_rc ft_next_record(const ft_update *u, size_t *at, ft_record *ret, err *e)
{
    if (u->kind == FT_RECORD) {
        weir_rc rc = *at ? WEIR_STOPPED : read_record(u->body, ret, e);
        *at = 1;
        return rc;
    }
    pb_reader r = pb_reader_of(u->kind == FT_RECORDS ? view_from(u->body, *at) : (weir_view){NULL, 0});
    pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag != 1 || f.wire != PB_BYTES)
            continue;
        *at = (size_t)(r.p - u->body.ptr);
        return read_record(f.bytes, ret, e);
    }
    return r.error ? err_fail(e, WEIR_E_PROTOCOL, "records: %s", r.error) : WEIR_STOPPED;
}

/* ------------------------------------------------------------------------------------------------------------------ values -- */

/* A ValueType on its way: of two members of the oneof the last one counts; a Timestamp that comes again is merged, as messages are. */
typedef struct reading {
    bool any;
    ft_value v;
} reading;

static bool read_timestamp(ft_value *v, weir_view bytes, const char **error)
{
    pb_reader r = pb_reader_of(bytes);
    pb_field f;
    while (pb_next(&r, &f)) {
        if (f.wire != PB_VARINT)
            continue;
        if (f.tag == 1)
            v->integer = (int64_t)f.number;
        else if (f.tag == 2)
            v->nanos = (int32_t)(uint32_t)f.number;
    }
    *error = r.error;
    return !r.error;
}

static unsigned wire_of(ft_type type)
{
    return type <= FT_LONG ? PB_VARINT : type == FT_FLOAT ? PB_FIXED32 : type == FT_DOUBLE ? PB_FIXED64 : PB_BYTES;
}

static bool is_time(ft_type type)
{
    return type == FT_NAIVE_DATE || type == FT_NAIVE_DATETIME || type == FT_UTC_DATETIME || type == FT_NAIVE_TIME;
}

static void read_number(ft_value *v, uint64_t number)
{
    if (v->type == FT_UNSPECIFIED || v->type == FT_BOOLEAN)
        v->integer = number != 0;
    else
        v->integer = v->type == FT_LONG ? (int64_t)number : (int32_t)(uint32_t)number;
    if (v->type == FT_SHORT && v->integer != (int16_t)v->integer) /* the wire does not keep it from being more */
        v->type = FT_INT;
}

static void read_float(ft_value *v, uint64_t bits)
{
    uint32_t half = (uint32_t)bits;
    float single;
    if (v->type == FT_DOUBLE) {
        memcpy(&v->number, &bits, sizeof bits);
    } else {
        memcpy(&single, &half, sizeof half);
        v->number = single;
    }
}

/* One member of a ValueType, or a field that nobody knows. */
static bool read_member(reading *in, const pb_field *f, const char **error)
{
    ft_type type;
    if (!ft_value_type(f->tag, &type) || f->wire != wire_of(type))
        return true;
    if (!in->any || in->v.type != type || !is_time(type))
        in->v = (ft_value){.type = type};
    in->any = true;
    if (is_time(type))
        return read_timestamp(&in->v, f->bytes, error);
    if (f->wire == PB_BYTES)
        in->v.text = f->bytes;
    else if (f->wire == PB_VARINT)
        read_number(&in->v, f->number);
    else
        read_float(&in->v, f->number);
    return true;
}

static bool read_inner(reading *in, weir_view bytes, const char **error)
{
    pb_reader r = pb_reader_of(bytes);
    pb_field f;
    while (pb_next(&r, &f))
        if (!read_member(in, &f, error))
            return false;
    *error = r.error;
    return !r.error;
}

/* A ValueType of one member in its shortest form. @return false: it is something else */
static inline bool quick_value(weir_view bytes, ft_value *v)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr, *end = p + bytes.len;
    ft_type type;
    if (bytes.len < 2 || p[0] >= 0x80 || !ft_value_type(p[0] >> 3, &type) || (p[0] & 7) != wire_of(type) || is_time(type))
        return false;
    *v = (ft_value){.type = type};
    if ((p[0] & 7) == PB_BYTES) {
        v->text = (weir_view){bytes.ptr + 2, p[1]};
        return p[1] == bytes.len - 2 && p[1] < 0x80;
    }
    if ((p[0] & 7) != PB_VARINT) {
        uint64_t bits = 0;
        if (type != FT_DOUBLE || bytes.len != 9)
            return false;
        memcpy(&bits, p + 1, sizeof bits);
        read_float(v, le64toh(bits));
        return true;
    }
    uint64_t number = 0;
    unsigned shift = 0;
    for (p++; p < end && *p >= 0x80 && shift < 56; p++, shift += 7)
        number |= (uint64_t)(*p & 0x7f) << shift;
    if (p != end - 1 || *p >= 0x80)
        return false;
    read_number(v, number | (uint64_t)*p << shift);
    return true;
}

/* An entry as encoders write it. */
static inline bool quick_entry(weir_view bytes, weir_view *ret_name, reading *in)
{
    pb_reader r = pb_reader_of(bytes);
    weir_view value;
    if (!quick_field(&r, KEY_TAG, ret_name) || !quick_field(&r, VALUE_TAG, &value) || r.p != r.end)
        return false;
    in->any = quick_value(value, &in->v);
    return in->any;
}

/* `0a LEN key 12 LEN value`, in any order, with either of them missing or repeated. */
static bool read_entry(weir_view bytes, weir_view *ret_name, reading *in, const char **error)
{
    if (quick_entry(bytes, ret_name, in))
        return true;
    *in = (reading){0};
    pb_reader r = pb_reader_of(bytes);
    pb_field f;
    *ret_name = (weir_view){"", 0};
    while (pb_next(&r, &f)) {
        if (f.wire != PB_BYTES)
            continue;
        if (f.tag == 1)
            *ret_name = f.bytes;
        else if (f.tag == 2 && !read_inner(in, f.bytes, error))
            return false;
    }
    *error = r.error;
    return !r.error;
}

/* Digits with a sign or without; an exponent is not plain, but says no less. */
static bool is_decimal(weir_view text)
{
    weir_view digits = text;
    if (digits.len && (digits.ptr[0] == '-' || digits.ptr[0] == '+'))
        digits = view_from(digits, 1);
    while (digits.len > 1 && digits.ptr[0] == '0' && (unsigned char)(digits.ptr[1] - '0') <= 9)
        digits = view_from(digits, 1);
    return digits.len && digits.ptr[0] != '-' && number_is(digits);
}

static const char *what_is_wrong(const reading *in)
{
    char unused[CLOCK_TEXT];
    if (!in->any)
        return "a value without a member";
    if (in->v.type == FT_UNSPECIFIED && !in->v.integer)
        return "a null that is false";
    if (is_time(in->v.type) && !ft_text_of_time(in->v.type, in->v.integer, in->v.nanos, unused))
        return "a time out of the years 1 to 9999, or with nanoseconds that are none";
    if (in->v.type == FT_DECIMAL && !is_decimal(in->v.text))
        return "a decimal that is no number";
    if (in->v.text.len && in->v.type != FT_BINARY && !json_utf8(in->v.text))
        return "text that is not UTF-8";
    return NULL;
}

static weir_rc wrong(weir_view table, weir_view name, const char *what, err *e)
{
    if (!json_utf8(name))
        return err_fail(e, WEIR_E_PROTOCOL, "record of table '%.*s': the name of a column is not UTF-8", VIEW_ARG(table));
    return err_fail(e, WEIR_E_PROTOCOL, "record of table '%.*s', column '%.*s': %s", VIEW_ARG(table), VIEW_ARG(name), what);
}

/* The next entry, not looked into. @return false: no more, or *error */
static bool next_entry(weir_view record, size_t *at, weir_view *ret, const char **error)
{
    pb_reader r = pb_reader_of(view_from(record, *at));
    pb_field f;
    if (quick_field(&r, DATA_TAG, ret)) {
        *at = (size_t)(r.p - record.ptr);
        return true;
    }
    while (pb_next(&r, &f)) {
        if (f.tag != RECORD_DATA || f.wire != PB_BYTES)
            continue;
        *at = (size_t)(r.p - record.ptr);
        *ret = f.bytes;
        return true;
    }
    *error = r.error;
    return false;
}

weir_rc ft_next_value(const ft_record *rec, size_t *at, weir_view *ret_name, ft_value *ret, err *e)
{
    weir_view entry, name = {"", 0};
    const char *error = NULL;
    reading in = {0};
    if (!next_entry(rec->data, at, &entry, &error))
        return error ? wrong(rec->table, name, error, e) : WEIR_STOPPED;
    const char *what = read_entry(entry, &name, &in, &error) ? what_is_wrong(&in) : error;
    if (what || !json_utf8(name))
        return wrong(rec->table, name, what, e);
    *ret_name = name;
    *ret = in.v;
    return WEIR_OK;
}

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
    if (!is_decimal(digits))
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
        return wrong(m->table, name, what, m->e);
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
        if (!read_entry(entry, &name, &in, &error))
            return wrong(m->table, name, error, m->e);
        column *c = column_of(r, m->guess, name);
        if (!c || c->seen == r->record)
            return WEIR_STOPPED;
        c->seen = r->record;
        m->guess = (size_t)(c - r->columns) + 1;
        weir_rc rc = put_entry(m, c, name, &in);
        if (rc)
            return rc;
    }
    return error ? wrong(m->table, VIEW(""), error, m->e) : WEIR_OK;
}

/* Which entry of each name is the last one, by where it ends. */
static weir_rc find_last(maker *m, const ft_record *rec, map *last)
{
    size_t at = 0;
    weir_view entry, name;
    const char *error = NULL;
    while (next_entry(rec->data, &at, &entry, &error)) {
        reading in = {0};
        if (!read_entry(entry, &name, &in, &error))
            return wrong(m->table, name, error, m->e);
        if (!map_put(last, name, (void *)(uintptr_t)at))
            return err_nomem(m->e);
    }
    return error ? wrong(m->table, VIEW(""), error, m->e) : WEIR_OK;
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
        read_entry(entry, &name, &in, &error);
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
