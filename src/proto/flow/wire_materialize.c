/* The messages of the hot path of materializations, read and written by hand: load, store, loaded (flow.md 5.1, 5.2). */
#include "json/text.h"
#include "model/tuple.h"
#include "proto/message.h"
#include "proto/flow/wire_parts.h"

/* ---- reading: the JSON codec ---- */

bool flow_take_packed(json_scan *s, weir_view *out)
{
    weir_view v;
    if (!message_value(s, &v))
        return false;
    if (v.len && (*v.ptr != '"' || memchr(v.ptr, '\\', v.len)))
        return message_bad_from(s, v, "expected base64");
    *out = v.len ? (weir_view){v.ptr + 1, v.len - 2} : v;
    return true;
}

bool flow_take_array(json_scan *s, weir_view *out)
{
    return message_value(s, out) && (!out->len || *out->ptr == '[' || message_bad_from(s, *out, "expected an array"));
}

/* A null document is none. */
static bool take_row_doc(json_scan *s, flow_message *m)
{
    return json_peek(s) == 'n' ? json_skip(s, NULL) : flow_take_doc(s, &m->doc, &m->lines);
}

static bool read_row_member(json_scan *s, flow_message *m, json_key key)
{
    if (flow_is_named(key, "binding"))
        return flow_take_u32(s, &m->binding);
    if (flow_is_named(key, "keyPacked"))
        return flow_take_packed(s, &m->key_packed);
    if (flow_is_named(key, "key"))
        return flow_take_array(s, &m->key);
    if (m->kind == FLOW_LOAD)
        return json_skip(s, NULL);
    if (flow_is_named(key, "valuesPacked"))
        return flow_take_packed(s, &m->values_packed);
    if (flow_is_named(key, "doc"))
        return take_row_doc(s, m);
    if (flow_is_named(key, "exists"))
        return flow_take_bool(s, &m->exists);
    if (flow_is_named(key, "delete"))
        return flow_take_bool(s, &m->deleted);
    if (flow_is_named(key, "values"))
        return flow_take_array(s, &m->values);
    return json_skip(s, NULL); /* of a request: newer runtimes may say more */
}

bool flow_read_row(json_scan *s, flow_message *m)
{
    json_key key;
    m->packed_text = true;
    if (!json_enter(s, '{'))
        return false;
    while (json_member(s, &key))
        if (!read_row_member(s, m, key))
            return false;
    return !s->error;
}

/* ---- reading: the protobuf codec ---- */

weir_rc flow_check_array(weir_view json, const char *what, err *e)
{
    json_scan s = json_scan_of(json);
    if (!json.len)
        return WEIR_OK;
    if (json_peek(&s) != '[')
        json_bad(&s, "expected an array");
    if (json_skip(&s, NULL) && json_done(&s))
        return WEIR_OK;
    flow_bad_message(FLOW_REQUEST, json, (size_t)(s.at - s.begin), s.error, e);
    return err_wrap(e, WEIR_E_PROTOCOL, "%s", what);
}

static void take_row_field(flow_message *m, const pb_field *f)
{
    if (f->tag == 1 && f->wire == PB_VARINT)
        m->binding = (uint32_t)f->number;
    else if (m->kind == FLOW_LOAD && f->tag > 3)
        return; /* it has no more than its key */
    else if (f->tag == 7 && f->wire == PB_VARINT)
        m->exists = f->number != 0;
    else if (f->tag == 8 && f->wire == PB_VARINT)
        m->deleted = f->number != 0;
    else if (f->tag >= 2 && f->tag <= 6 && f->wire == PB_BYTES)
        *(weir_view *[]){&m->key, &m->key_packed, &m->values, &m->values_packed, &m->doc}[f->tag - 2] = f->bytes;
}

/* Load has the first three fields of store, by the same numbers (flow.md 5.1). */
weir_rc flow_read_pb_row(weir_view message, weir_view body, flow_message *m, err *e)
{
    pb_reader r = pb_reader_of(body);
    pb_field f;
    while (pb_next(&r, &f))
        take_row_field(m, &f);
    if (r.error)
        return flow_bad_pb(r.error, &r, message, e);
    weir_rc rc = m->doc.len ? flow_check_object(&m->doc, "document", &m->lines, e) : WEIR_OK;
    if (!rc)
        rc = flow_check_array(m->key, "key", e);
    return rc ? rc : flow_check_array(m->values, "values", e);
}

/* ---- keys and values ---- */

weir_rc flow_unpack(const flow_message *m, weir_view packed, buf *room, err *e)
{
    buf bytes = {0};
    weir_rc rc = WEIR_OK;
    buf_clear(room);
    if (m->packed_text) {
        if (!base64_decode(&bytes, packed))
            rc = err_fail(e, WEIR_E_PROTOCOL, "not base64");
        packed = buf_view(&bytes);
    }
    if (!rc)
        rc = buf_ok(&bytes) ? tuple_unpack(room, packed, e) : err_nomem(e);
    buf_free(&bytes);
    return rc;
}

weir_rc flow_values(const flow_message *m, bool values, size_t count, weir_view *ret, buf *room, err *e)
{
    weir_view array = values ? m->values : m->key;
    weir_rc rc = WEIR_OK;
    if (!array.len) {
        rc = flow_unpack(m, values ? m->values_packed : m->key_packed, room, e);
        array = buf_view(room);
    }
    size_t n = 0;
    json_scan s = json_scan_of(array);
    for (bool more = !rc && json_enter(&s, '['); more && json_item(&s);) {
        weir_view item;
        more = json_skip(&s, &item);
        if (n < count)
            ret[n] = item;
        n++;
    }
    if (!rc && n != count)
        rc = err_fail(e, WEIR_E_PROTOCOL, "%zu parts, %zu are expected", n, count);
    return err_wrap(e, rc, "%s of a '%s'", values ? "the values" : "the key", flow_kind_name(m->kind));
}

/* ---- writing: loads, stores, documents loaded ---- */

/* What is 0, false or empty is left out (flow.md 2). */
static void put_binding(uint32_t binding, buf *out)
{
    if (binding)
        buf_printf(out, "\"binding\":%u", binding);
}

void flow_put_comma(buf *out)
{
    if (out->len && out->ptr[out->len - 1] != '{')
        buf_addc(out, ',');
}

void flow_put_packed(const char *name, weir_view packed, buf *out)
{
    if (!packed.len)
        return;
    flow_put_comma(out);
    buf_adds(out, name);
    base64_encode(out, packed);
    buf_addc(out, '"');
}

void flow_put_json(const char *name, weir_view json, buf *out)
{
    if (!json.len)
        return;
    flow_put_comma(out);
    buf_adds(out, name);
    buf_addv(out, json);
}

/* binding, keyPacked, key: what load and store have in common. */
static void put_key(const flow_row *r, buf *out)
{
    put_binding(r->binding, out);
    flow_put_packed("\"keyPacked\":\"", r->key_packed, out);
    flow_put_json("\"key\":", r->key, out);
}

static void write_store_json(const flow_row *r, buf *out)
{
    buf_adds(out, "{\"store\":{");
    put_key(r, out);
    flow_put_packed("\"valuesPacked\":\"", r->values_packed, out);
    flow_put_json("\"values\":", r->values, out);
    flow_put_json("\"doc\":", r->doc, out);
    flow_put_json("\"exists\":", r->exists ? VIEW("true") : VIEW(""), out);
    flow_put_json("\"delete\":", r->deleted ? VIEW("true") : VIEW(""), out);
    buf_adds(out, "}}\n");
}

size_t flow_bytes_size(weir_view v)
{
    return v.len ? 1 + pb_varint_size(v.len) + v.len : 0;
}

char *flow_put_bytes(char *p, uint32_t tag, weir_view v)
{
    if (!v.len)
        return p;
    *p++ = (char)(tag << 3 | PB_BYTES);
    p = pb_put_varint(p, v.len);
    return (char *)memcpy(p, v.ptr, v.len) + v.len;
}

char *flow_put_number(char *p, uint32_t tag, uint64_t n)
{
    if (!n)
        return p;
    *p++ = (char)(tag << 3 | PB_VARINT);
    return pb_put_varint(p, n);
}

size_t flow_number_size(uint64_t n)
{
    return n ? 1 + pb_varint_size(n) : 0;
}

char *flow_begin_frame(uint32_t tag, size_t size, buf *out)
{
    size_t frame = 1 + pb_varint_size(size) + size;
    if (frame > UINT32_MAX || !buf_reserve(out, 4 + frame)) {
        out->failed = true;
        return NULL;
    }
    char *p = out->ptr + out->len;
    pb_put_frame(p, frame);
    p[4] = (char)(tag << 3 | PB_BYTES);
    return pb_put_varint(p + 5, size);
}

/* Fields as in flow.md 5.1; a load has the first three. */
static void write_row_pb(uint32_t tag, const flow_row *r, buf *out)
{
    const weir_view parts[] = {r->key, r->key_packed, r->values, r->values_packed, r->doc};
    size_t size = flow_number_size(r->binding) + flow_number_size(r->exists) + flow_number_size(r->deleted);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        size += flow_bytes_size(parts[i]);
    char *p = flow_begin_frame(tag, size, out);
    if (!p)
        return;
    p = flow_put_number(p, 1, r->binding);
    for (uint32_t i = 0; i < sizeof parts / sizeof *parts; i++)
        p = flow_put_bytes(p, i + 2, parts[i]);
    p = flow_put_number(p, 7, r->exists);
    p = flow_put_number(p, 8, r->deleted);
    out->len = (size_t)(p - out->ptr);
}

void flow_write_load(flow_codec codec, const flow_row *r, buf *out)
{
    if (codec == FLOW_PROTOBUF) {
        write_row_pb(5, &(flow_row){.binding = r->binding, .key = r->key, .key_packed = r->key_packed}, out);
        return;
    }
    buf_adds(out, "{\"load\":{");
    put_key(r, out);
    buf_adds(out, "}}\n");
}

void flow_write_store(flow_codec codec, const flow_row *r, buf *out)
{
    if (codec == FLOW_PROTOBUF)
        write_row_pb(7, r, out);
    else
        write_store_json(r, out);
}

void flow_write_loaded(flow_codec codec, uint32_t binding, weir_view doc, buf *out)
{
    if (codec == FLOW_PROTOBUF) {
        char *p = flow_begin_frame(5, flow_number_size(binding) + flow_bytes_size(doc), out);
        if (p)
            out->len = (size_t)(flow_put_bytes(flow_put_number(p, 1, binding), 2, doc) - out->ptr);
        return;
    }
    buf_adds(out, "{\"loaded\":{");
    put_binding(binding, out);
    flow_put_comma(out);
    buf_adds(out, "\"doc\":");
    json_compact(out, doc);
    buf_adds(out, "}}\n");
}
