/* The transcoder between protobuf and the JSON form, driven by messages.c. For the cold messages: it may look at a message once for each field. */
#include "proto/flow/pb.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "json/number.h"
#include "json/write.h"
#include "proto/flow/messages.h"
#include "proto/flow/names.h"

enum { DEPTH = 16 }; /* deeper than any message of the table */

/* ---- protobuf to JSON ---- */


static weir_rc object_to_json(const pb_message *m, weir_view bytes, json_out *w, unsigned depth, err *e);

static weir_rc bad(const pb_message *m, const pb_def *d, const char *what, err *e)
{
    return err_fail(e, WEIR_E_PROTOCOL, "protobuf %s.%s: %s", m->name, d ? d->name : "", what);
}

static unsigned wire_of(pb_type type)
{
    static const unsigned char wires[] = {
        [PB_T_MESSAGE] = PB_BYTES, [PB_T_JSON] = PB_BYTES,   [PB_T_TEXT] = PB_BYTES, [PB_T_BASE64] = PB_BYTES,  [PB_T_U32] = PB_VARINT,
        [PB_T_FIXED32] = PB_FIXED32, [PB_T_BOOL] = PB_VARINT, [PB_T_ENUM] = PB_VARINT, [PB_T_JSON_MAP] = PB_BYTES,
        [PB_T_I64] = PB_VARINT, [PB_T_FIXED64] = PB_FIXED64, [PB_T_MAP] = PB_BYTES, [PB_T_DOUBLE] = PB_FIXED64,
    };
    return wires[type];
}

/* Values are of 32 bits, with a sign. One without a name stays a number. */
static void enum_to_json(const pb_def *d, uint64_t value, json_out *w)
{
    for (const pb_enum *v = d->values; v->name; v++)
        if (v->value == (uint32_t)value) {
            out_text(w, view_of(v->name));
            return;
        }
    out_int(w, (int32_t)(uint32_t)value);
}

static weir_rc json_value(const pb_message *m, const pb_def *d, weir_view text, json_out *w, err *e)
{
    const char *error;
    size_t at;
    if (!json_check(text, &error, &at))
        return err_fail(e, WEIR_E_PROTOCOL, "protobuf %s.%s is not JSON: %s at its byte %zu", m->name, d->name, error, at);
    out_raw(w, text);
    return WEIR_OK;
}

/* Numbers of 64 bits are texts in JSON (flow.md 2). */
static void long_to_json(const pb_def *d, uint64_t n, json_out *w)
{
    char digits[24];
    if (d->type == PB_T_I64)
        snprintf(digits, sizeof digits, "%" PRId64, (int64_t)n);
    else
        snprintf(digits, sizeof digits, "%" PRIu64, n);
    out_text(w, view_of(digits));
}

/* The shortest digits that give the double back; what is no number is a text in JSON (proto3's JSON mapping). */
static weir_rc double_to_json(uint64_t bits, json_out *w, err *e)
{
    double d;
    char digits[NUMBER_TEXT];
    memcpy(&d, &bits, sizeof d);
    if (d != d || d - d != 0)
        out_text(w, d != d ? VIEW("NaN") : d > 0 ? VIEW("Infinity") : VIEW("-Infinity"));
    else
        out_raw(w, (weir_view){digits, number_double(digits, d)});
    return w->to->failed ? err_nomem(e) : WEIR_OK;
}

static weir_rc value_to_json(const pb_message *m, const pb_def *d, const pb_field *f, json_out *w, unsigned depth, err *e)
{
    switch (d->type) {
    case PB_T_MESSAGE:
        return object_to_json(d->message, f->bytes, w, depth + 1, e);
    case PB_T_JSON:
        return json_value(m, d, f->bytes, w, e);
    case PB_T_TEXT:
        if (!json_utf8(f->bytes))
            return bad(m, d, "text that is not UTF-8", e);
        out_text(w, f->bytes);
        return WEIR_OK;
    case PB_T_BASE64: {
        buf text = {0};
        base64_encode(&text, f->bytes);
        out_text(w, buf_view(&text));
        bool ok = buf_ok(&text);
        buf_free(&text);
        return ok ? WEIR_OK : err_nomem(e);
    }
    case PB_T_BOOL:
        out_bool(w, f->number != 0);
        return WEIR_OK;
    case PB_T_ENUM:
        enum_to_json(d, f->number, w);
        return WEIR_OK;
    case PB_T_I64: case PB_T_FIXED64:
        long_to_json(d, f->number, w);
        return WEIR_OK;
    case PB_T_DOUBLE:
        return double_to_json(f->number, w, e);
    default:
        out_int(w, (int64_t)(uint32_t)f->number);
        return WEIR_OK;
    }
}

static bool is_map(const pb_def *d)
{
    return d->type == PB_T_JSON_MAP || d->type == PB_T_MAP;
}

/* Has the field its default value, which the JSON form leaves out? */
static bool is_default(const pb_def *d, const pb_field *f)
{
    if (d->repeated || d->type == PB_T_MESSAGE || is_map(d))
        return false;
    return f->wire == PB_BYTES ? f->bytes.len == 0 : f->number == 0;
}

static weir_rc map_entry_to_json(const pb_message *m, const pb_def *d, weir_view entry, json_out *w, err *e)
{
    pb_reader r = pb_reader_of(entry);
    pb_field f;
    weir_view key = {0}, value = VIEW("null");
    while (pb_next(&r, &f)) {
        if (f.tag == 1 && f.wire == PB_BYTES)
            key = f.bytes;
        else if (f.tag == 2 && f.wire == PB_BYTES)
            value = f.bytes;
    }
    if (r.error)
        return bad(m, d, r.error, e);
    return json_value(m, d, value, out_namev(w, key), e);
}

/* An entry of a map of anything else. Its value may be missing: then it is an empty message, text or number. */
static weir_rc entry_to_json(const pb_message *m, const pb_def *d, weir_view entry, json_out *w, unsigned depth, err *e)
{
    const pb_def *value = &d->message->fields[1];
    pb_reader r = pb_reader_of(entry);
    pb_field f, last = {.tag = 2, .wire = wire_of(value->type)};
    weir_view key = {0};
    while (pb_next(&r, &f)) {
        if (f.tag == 1 && f.wire == PB_BYTES)
            key = f.bytes;
        else if (f.tag == 2)
            last = f;
    }
    if (r.error || last.wire != wire_of(value->type))
        return bad(m, d, r.error ? r.error : "wrong wire type", e);
    if (!json_utf8(key))
        return bad(m, d, "a key that is not UTF-8", e);
    return value_to_json(d->message, value, &last, out_namev(w, key), depth, e);
}

/* Numbers that repeat may stand in one field, one after the other: proto3's usual way. */
static weir_rc packed_to_json(const pb_message *m, const pb_def *d, weir_view numbers, json_out *w, err *e)
{
    pb_reader r = pb_reader_of(numbers);
    pb_field f = {.tag = d->tag, .wire = PB_VARINT};
    weir_rc rc = WEIR_OK;
    while (!rc && r.p < r.end && pb_varint(&r, &f.number))
        rc = value_to_json(m, d, &f, w, 0, e);
    return rc || !r.error ? rc : bad(m, d, r.error, e);
}

/* Every occurrence of one field, in order. */
static weir_rc field_to_json(const pb_message *m, const pb_def *d, weir_view bytes, json_out *w, unsigned depth, err *e)
{
    pb_reader r = pb_reader_of(bytes);
    pb_field f, last = {0};
    size_t seen = 0;
    weir_rc rc = WEIR_OK;
    while (!rc && pb_next(&r, &f)) {
        if (f.tag != d->tag)
            continue;
        const bool packed = d->repeated && f.wire == PB_BYTES && wire_of(d->type) == PB_VARINT;
        if (f.wire != wire_of(d->type) && !packed)
            return bad(m, d, "wrong wire type", e);
        if (!seen++ && (d->repeated || is_map(d)))
            out_open(out_name(w, d->name), d->repeated ? '[' : '{');
        if (d->type == PB_T_JSON_MAP)
            rc = map_entry_to_json(m, d, f.bytes, w, e);
        else if (d->type == PB_T_MAP)
            rc = entry_to_json(m, d, f.bytes, w, depth, e);
        else if (packed)
            rc = packed_to_json(m, d, f.bytes, w, e);
        else if (d->repeated)
            rc = value_to_json(m, d, &f, w, depth, e);
        last = f;
    }
    if (rc)
        return rc;
    if (r.error)
        return bad(m, NULL, r.error, e);
    if (seen && (d->repeated || is_map(d)))
        out_close(w, d->repeated ? ']' : '}');
    else if (seen && !is_default(d, &last))
        rc = value_to_json(m, d, &last, out_name(w, d->name), depth, e);
    return rc;
}

static weir_rc object_to_json(const pb_message *m, weir_view bytes, json_out *w, unsigned depth, err *e)
{
    if (depth > DEPTH)
        return bad(m, NULL, "nested too deeply", e);
    out_open(w, '{');
    pb_reader check = pb_reader_of(bytes);
    pb_field f;
    while (pb_next(&check, &f))
        ;
    if (check.error)
        return bad(m, NULL, check.error, e);
    for (const pb_def *d = m->fields; d->name; d++) {
        weir_rc rc = field_to_json(m, d, bytes, w, depth, e);
        if (rc)
            return rc;
    }
    out_close(w, '}');
    return WEIR_OK;
}

weir_rc pb_to_json(const pb_message *m, weir_view bytes, buf *out, err *e)
{
    json_out w = json_out_to(out);
    weir_rc rc = object_to_json(m, bytes, &w, 0, e);
    return rc || buf_ok(out) ? rc : err_nomem(e);
}

/* ---- JSON to protobuf ---- */

static weir_rc object_from_json(const pb_message *m, weir_view json, buf *out, unsigned depth, err *e);

static void put_varint(buf *out, uint64_t v)
{
    if (buf_reserve(out, 10))
        out->len = (size_t)(pb_put_varint(out->ptr + out->len, v) - out->ptr);
}

static void put_bytes(buf *out, uint32_t tag, weir_view v)
{
    put_varint(out, (uint64_t)tag << 3 | PB_BYTES);
    put_varint(out, v.len);
    buf_addv(out, v);
}

static weir_rc expected(const pb_message *m, const pb_def *d, const char *what, weir_view got, err *e)
{
    return err_fail(e, WEIR_E_BUG, "protobuf %s.%s: expected %s, got %.*s", m->name, d->name, what, VIEW_ARG(got));
}

static weir_rc number_from_json(const pb_message *m, const pb_def *d, weir_view v, buf *out, err *e)
{
    uint64_t n = 0;
    if (!number_to_u64(v, &n) || n > UINT32_MAX)
        return expected(m, d, "a number from 0 to 4294967295", v, e);
    if (!n && !d->repeated)
        return WEIR_OK;
    put_varint(out, (uint64_t)d->tag << 3 | wire_of(d->type));
    if (d->type == PB_T_U32) {
        put_varint(out, n);
    } else if (buf_reserve(out, 4)) {
        pb_put_frame(out->ptr + out->len, (size_t)n);
        out->len += 4;
    }
    return WEIR_OK;
}

static weir_rc enum_value(const pb_message *m, const pb_def *d, weir_view v, int64_t *ret, err *e)
{
    bool found = number_to_i64(v, ret) && *ret >= INT32_MIN && *ret <= INT32_MAX;
    for (const pb_enum *k = d->values; !found && k->name; k++)
        if (v.len == strlen(k->name) + 2 && memcmp(v.ptr + 1, k->name, v.len - 2) == 0) {
            *ret = k->value;
            found = true;
        }
    return found ? WEIR_OK : expected(m, d, "one of the names of an enumeration", v, e);
}

static weir_rc enum_from_json(const pb_message *m, const pb_def *d, weir_view v, buf *out, err *e)
{
    int64_t n = 0;
    weir_rc rc = enum_value(m, d, v, &n, e);
    if (!rc && n) {
        put_varint(out, (uint64_t)d->tag << 3 | PB_VARINT);
        put_varint(out, (uint64_t)n);
    }
    return rc;
}

/* Several of them go into one field. */
static weir_rc enums_from_json(const pb_message *m, const pb_def *d, weir_view v, buf *out, err *e)
{
    buf numbers = {0};
    json_scan s = json_scan_of(v);
    weir_rc rc = WEIR_OK;
    json_enter(&s, '[');
    while (!rc && json_item(&s)) {
        weir_view item;
        int64_t n = 0;
        if (json_skip(&s, &item))
            rc = enum_value(m, d, item, &n, e);
        put_varint(&numbers, (uint64_t)n);
    }
    if (!rc && s.error)
        rc = expected(m, d, "an array", v, e);
    if (!rc && numbers.len)
        put_bytes(out, d->tag, buf_view(&numbers));
    out->failed |= !buf_ok(&numbers);
    buf_free(&numbers);
    return rc;
}

/* A string, decoded; as bytes if the field is base64. */
static weir_rc text_from_json(const pb_message *m, const pb_def *d, weir_view v, buf *out, err *e)
{
    buf text = {0}, bytes = {0};
    weir_rc rc = WEIR_OK;
    if (v.len < 2 || *v.ptr != '"')
        return expected(m, d, "a string", v, e);
    if (!json_unquote(&text, (weir_view){v.ptr + 1, v.len - 2}))
        rc = err_nomem(e);
    else if (d->type == PB_T_BASE64 && !base64_decode(&bytes, buf_view(&text)))
        rc = expected(m, d, "base64", v, e);
    weir_view value = d->type == PB_T_BASE64 ? buf_view(&bytes) : buf_view(&text);
    if (!rc && (value.len || d->repeated))
        put_bytes(out, d->tag, value);
    buf_free(&text);
    buf_free(&bytes);
    return rc;
}

static weir_rc message_from_json(const pb_def *d, weir_view v, buf *out, unsigned depth, err *e)
{
    buf inner = {0};
    weir_rc rc = object_from_json(d->message, v, &inner, depth + 1, e);
    if (!rc && !buf_ok(&inner))
        rc = err_nomem(e);
    if (!rc)
        put_bytes(out, d->tag, buf_view(&inner));
    buf_wipe(&inner);
    return rc;
}

static weir_rc double_from_json(const pb_message *m, const pb_def *d, weir_view v, buf *out, err *e)
{
    double number = 0;
    uint64_t bits;
    if (view_is(v, "\"NaN\"") || view_is(v, "\"Infinity\"") || view_is(v, "\"-Infinity\""))
        number = v.ptr[1] == 'N' ? NAN : v.ptr[1] == 'I' ? INFINITY : -INFINITY;
    else if (!number_to_double(v, &number))
        return expected(m, d, "a number", v, e);
    memcpy(&bits, &number, sizeof bits);
    if (!bits && !d->repeated)
        return WEIR_OK;
    put_varint(out, (uint64_t)d->tag << 3 | wire_of(d->type));
    if (buf_reserve(out, 8)) {
        pb_put_frame(out->ptr + out->len, (size_t)(bits & UINT32_MAX));
        pb_put_frame(out->ptr + out->len + 4, (size_t)(bits >> 32));
        out->len += 8;
    }
    return WEIR_OK;
}

static weir_rc value_from_json(const pb_message *m, const pb_def *d, weir_view v, buf *out, unsigned depth, err *e);

/* Both parts of an entry are there, whatever they hold. */
static weir_rc entry_from_json(const pb_def *d, json_key key, weir_view value, buf *out, unsigned depth, err *e)
{
    buf entry = {0}, name = {0};
    pb_def part = d->type == PB_T_MAP ? d->message->fields[1] : (pb_def){0};
    weir_rc rc = WEIR_OK;
    part.repeated = true;
    if (json_unquote(&name, key.raw))
        put_bytes(&entry, 1, buf_view(&name));
    if (d->type == PB_T_JSON_MAP)
        put_bytes(&entry, 2, value);
    else if (!view_is(value, "null"))
        rc = value_from_json(d->message, &part, value, &entry, depth, e);
    if (!rc && !(buf_ok(&entry) && buf_ok(&name)))
        rc = err_nomem(e);
    if (!rc)
        put_bytes(out, d->tag, buf_view(&entry));
    buf_free(&entry);
    buf_free(&name);
    return rc;
}

static weir_rc map_from_json(const pb_message *m, const pb_def *d, weir_view v, buf *out, unsigned depth, err *e)
{
    json_scan s = json_scan_of(v);
    json_key key;
    weir_rc rc = WEIR_OK;
    json_enter(&s, '{');
    while (!rc && json_member(&s, &key)) {
        weir_view value;
        if (json_skip(&s, &value))
            rc = entry_from_json(d, key, value, out, depth, e);
    }
    return rc ? rc : s.error ? expected(m, d, "an object", v, e) : WEIR_OK;
}

/* Digits, as text or as a number. */
static weir_rc long_from_json(const pb_message *m, const pb_def *d, weir_view v, buf *out, err *e)
{
    weir_view digits = v.len > 2 && *v.ptr == '"' ? (weir_view){v.ptr + 1, v.len - 2} : v;
    uint64_t n = 0;
    int64_t with_sign = 0;
    bool ok = d->type == PB_T_I64 ? number_to_i64(digits, &with_sign) : number_to_u64(digits, &n);
    if (!ok)
        return expected(m, d, "a number of 64 bits", v, e);
    n = d->type == PB_T_I64 ? (uint64_t)with_sign : n;
    if (!n && !d->repeated)
        return WEIR_OK;
    put_varint(out, (uint64_t)d->tag << 3 | wire_of(d->type));
    if (d->type == PB_T_I64) {
        put_varint(out, n);
    } else if (buf_reserve(out, 8)) {
        pb_put_frame(out->ptr + out->len, (size_t)(n & UINT32_MAX));
        pb_put_frame(out->ptr + out->len + 4, (size_t)(n >> 32));
        out->len += 8;
    }
    return WEIR_OK;
}

static weir_rc value_from_json(const pb_message *m, const pb_def *d, weir_view v, buf *out, unsigned depth, err *e)
{
    switch (d->type) {
    case PB_T_MESSAGE:
        return message_from_json(d, v, out, depth, e);
    case PB_T_JSON:
        put_bytes(out, d->tag, v);
        return WEIR_OK;
    case PB_T_TEXT: case PB_T_BASE64:
        return text_from_json(m, d, v, out, e);
    case PB_T_BOOL:
        if (!view_is(v, "true"))
            return view_is(v, "false") ? WEIR_OK : expected(m, d, "true or false", v, e);
        put_varint(out, (uint64_t)d->tag << 3 | PB_VARINT);
        put_varint(out, 1);
        return WEIR_OK;
    case PB_T_ENUM:
        return enum_from_json(m, d, v, out, e);
    case PB_T_JSON_MAP: case PB_T_MAP:
        return map_from_json(m, d, v, out, depth + 1, e);
    case PB_T_DOUBLE:
        return double_from_json(m, d, v, out, e);
    case PB_T_I64: case PB_T_FIXED64:
        return long_from_json(m, d, v, out, e);
    default:
        return number_from_json(m, d, v, out, e);
    }
}

static weir_rc items_from_json(const pb_message *m, const pb_def *d, weir_view v, buf *out, unsigned depth, err *e)
{
    json_scan s = json_scan_of(v);
    weir_rc rc = WEIR_OK;
    json_enter(&s, '[');
    while (!rc && json_item(&s)) {
        weir_view item;
        if (json_skip(&s, &item))
            rc = value_from_json(m, d, item, out, depth, e);
    }
    return rc ? rc : s.error ? expected(m, d, "an array", v, e) : WEIR_OK;
}

static const pb_def *def_of(const pb_message *m, json_key key)
{
    for (const pb_def *d = m->fields; d->name; d++)
        if (json_key_is(key, view_of(d->name)) || (!key.escaped && name_is(key.raw, d->name)))
            return d;
    return NULL;
}

static weir_rc object_from_json(const pb_message *m, weir_view json, buf *out, unsigned depth, err *e)
{
    json_scan s = json_scan_of(json);
    json_key key;
    weir_rc rc = WEIR_OK;
    if (depth > DEPTH)
        return bad(m, NULL, "nested too deeply", e);
    json_enter(&s, '{');
    while (!rc && json_member(&s, &key)) {
        const pb_def *d = def_of(m, key);
        weir_view v;
        if (!json_skip(&s, &v) || !d || view_is(v, "null"))
            continue;
        rc = !d->repeated               ? value_from_json(m, d, v, out, depth, e)
             : d->type == PB_T_ENUM ? enums_from_json(m, d, v, out, e)
                                    : items_from_json(m, d, v, out, depth, e);
    }
    if (!rc && s.error)
        rc = err_fail(e, WEIR_E_BUG, "protobuf %s: %s at byte %zu of its JSON form", m->name, s.error, (size_t)(s.at - s.begin));
    return rc;
}

weir_rc pb_from_json(const pb_message *m, weir_view json, buf *out, err *e)
{
    weir_rc rc = object_from_json(m, json, out, 0, e);
    return rc || buf_ok(out) ? rc : err_nomem(e);
}
