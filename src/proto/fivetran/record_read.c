/* UpdateResponse, Records, Record and its values, taken apart (fivetran.md 1.2, 1.5): nothing is copied. */
#include <endian.h>

#include "json/scan.h"
#include "proto/fivetran/decimal.h"
#include "proto/fivetran/moment.h"
#include "proto/fivetran/record_read.h"

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

enum { KEY_TAG = 0x0a, VALUE_TAG = 0x12 };
enum { RECORD_SCHEMA = 1, RECORD_TABLE = 2, RECORD_TYPE = 3 };

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
bool record_read_entry(weir_view bytes, weir_view *ret_name, reading *in, const char **error)
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

static const char *what_is_wrong(const reading *in)
{
    char unused[CLOCK_TEXT];
    if (!in->any)
        return "a value without a member";
    if (in->v.type == FT_UNSPECIFIED && !in->v.integer)
        return "a null that is false";
    if (is_time(in->v.type) && !ft_text_of_time(in->v.type, in->v.integer, in->v.nanos, unused))
        return "a time out of the years 1 to 9999, or with nanoseconds that are none";
    if (in->v.type == FT_DECIMAL && !ft_decimal_is(in->v.text))
        return "a decimal that is no number";
    if (in->v.text.len && in->v.type != FT_BINARY && !json_utf8(in->v.text))
        return "text that is not UTF-8";
    return NULL;
}

weir_rc record_wrong(weir_view table, weir_view name, const char *what, err *e)
{
    if (!json_utf8(name))
        return err_fail(e, WEIR_E_PROTOCOL, "record of table '%.*s': the name of a column is not UTF-8", VIEW_ARG(table));
    return err_fail(e, WEIR_E_PROTOCOL, "record of table '%.*s', column '%.*s': %s", VIEW_ARG(table), VIEW_ARG(name), what);
}

weir_rc ft_next_value(const ft_record *rec, size_t *at, weir_view *ret_name, ft_value *ret, err *e)
{
    weir_view entry, name = {"", 0};
    const char *error = NULL;
    reading in = {0};
    if (!next_entry(rec->data, at, &entry, &error))
        return error ? record_wrong(rec->table, name, error, e) : WEIR_STOPPED;
    const char *what = record_read_entry(entry, &name, &in, &error) ? what_is_wrong(&in) : error;
    if (what || !json_utf8(name))
        return record_wrong(rec->table, name, what, e);
    *ret_name = name;
    *ret = in.v;
    return WEIR_OK;
}
