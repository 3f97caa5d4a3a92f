/* The messages of the hot path of derivations, read and written by hand: read, published (flow.md 4.1, 4.2). */
#include <inttypes.h>

#include "json/number.h"
#include "proto/message.h"
#include "proto/flow/wire_parts.h"

/* ---- reading: the JSON codec ---- */

/* Numbers of 64 bits are texts (flow.md 2). */
static bool take_clock(json_scan *s, uint64_t *out)
{
    weir_view v;
    if (!message_value(s, &v))
        return false;
    weir_view digits = v.len > 2 && *v.ptr == '"' ? (weir_view){v.ptr + 1, v.len - 2} : v;
    *out = 0;
    return !v.len || number_to_u64(digits, out) || message_bad_from(s, v, "expected a number of 64 bits");
}

/* {"node": "1", "clock": "2"} */
static bool take_uuid(json_scan *s, flow_message *m)
{
    json_key key;
    if (json_peek(s) == 'n')
        return json_skip(s, NULL);
    if (!json_enter(s, '{'))
        return false;
    while (json_member(s, &key))
        if (flow_is_named(key, "clock") ? !take_clock(s, &m->clock) : !json_skip(s, NULL))
            return false;
    return !s->error;
}

/* {"key": [...], "packed": "...", "hash": 1} */
static bool take_shuffle(json_scan *s, flow_message *m)
{
    json_key key;
    if (json_peek(s) == 'n')
        return json_skip(s, NULL);
    if (!json_enter(s, '{'))
        return false;
    while (json_member(s, &key)) {
        bool ok = flow_is_named(key, "key")      ? flow_take_array(s, &m->key)
                  : flow_is_named(key, "packed") ? flow_take_packed(s, &m->key_packed)
                                                 : json_skip(s, NULL);
        if (!ok)
            return false;
    }
    return !s->error;
}

static bool read_member(json_scan *s, flow_message *m, json_key key)
{
    if (flow_is_named(key, "doc"))
        return flow_take_doc(s, &m->doc, &m->lines);
    if (flow_is_named(key, "transform"))
        return flow_take_u32(s, &m->binding);
    if (flow_is_named(key, "uuid"))
        return take_uuid(s, m);
    if (flow_is_named(key, "shuffle"))
        return take_shuffle(s, m);
    return json_skip(s, NULL); /* of a request: newer runtimes may say more */
}

bool flow_read_read(json_scan *s, flow_message *m)
{
    json_key key;
    m->packed_text = true;
    if (!json_enter(s, '{'))
        return false;
    while (json_member(s, &key))
        if (!read_member(s, m, key))
            return false;
    if (!s->error && !m->doc.ptr)
        json_bad(s, "a document is missing before here");
    return !s->error;
}

/* ---- reading: the protobuf codec ---- */

static weir_rc read_pb_uuid(weir_view message, weir_view body, flow_message *m, err *e)
{
    pb_reader r = pb_reader_of(body);
    pb_field f;
    while (pb_next(&r, &f))
        if (f.tag == 2 && f.wire == PB_FIXED64)
            m->clock = f.number;
    return r.error ? flow_bad_pb(r.error, &r, message, e) : WEIR_OK;
}

static weir_rc read_pb_shuffle(weir_view message, weir_view body, flow_message *m, err *e)
{
    pb_reader r = pb_reader_of(body);
    pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag == 1 && f.wire == PB_BYTES)
            m->key = f.bytes;
        else if (f.tag == 2 && f.wire == PB_BYTES)
            m->key_packed = f.bytes;
    }
    return r.error ? flow_bad_pb(r.error, &r, message, e) : flow_check_array(m->key, "shuffle key", e);
}

weir_rc flow_read_pb_read(weir_view message, weir_view body, flow_message *m, err *e)
{
    pb_reader r = pb_reader_of(body);
    pb_field f;
    weir_rc rc = WEIR_OK;
    while (!rc && pb_next(&r, &f)) {
        if (f.tag == 1 && f.wire == PB_VARINT)
            m->binding = (uint32_t)f.number;
        else if (f.tag == 2 && f.wire == PB_BYTES)
            rc = read_pb_uuid(message, f.bytes, m, e);
        else if (f.tag == 3 && f.wire == PB_BYTES)
            rc = read_pb_shuffle(message, f.bytes, m, e);
        else if (f.tag == 4 && f.wire == PB_BYTES)
            m->doc = f.bytes;
    }
    if (!rc && r.error)
        rc = flow_bad_pb(r.error, &r, message, e);
    return rc ? rc : flow_check_object(&m->doc, "document", &m->lines, e);
}

weir_rc flow_read_pb_published(weir_view message, weir_view body, flow_message *m, err *e)
{
    pb_reader r = pb_reader_of(body);
    pb_field f;
    while (pb_next(&r, &f))
        if (f.tag == 1 && f.wire == PB_BYTES)
            m->doc = f.bytes;
    if (r.error)
        return flow_bad_pb(r.error, &r, message, e);
    return flow_check_object(&m->doc, "document", &m->lines, e);
}

/* ---- writing: reads ---- */

static void put_shuffle(const flow_reading *r, buf *out)
{
    flow_put_comma(out);
    buf_adds(out, "\"shuffle\":{");
    flow_put_json("\"key\":", r->key, out);
    flow_put_packed("\"packed\":\"", r->key_packed, out);
    if (r->hash) {
        flow_put_comma(out);
        buf_printf(out, "\"hash\":%" PRIu32, r->hash);
    }
    buf_addc(out, '}');
}

static void write_json(const flow_reading *r, buf *out)
{
    buf_adds(out, "{\"read\":{");
    if (r->transform)
        buf_printf(out, "\"transform\":%" PRIu32, r->transform);
    if (r->clock) {
        flow_put_comma(out);
        buf_printf(out, "\"uuid\":{\"clock\":\"%" PRIu64 "\"}", r->clock);
    }
    if (r->key.len || r->key_packed.len)
        put_shuffle(r, out);
    flow_put_json("\"doc\":", r->doc, out);
    buf_adds(out, "}}\n");
}

static char *put_message(char *p, uint32_t tag, size_t size)
{
    *p++ = (char)(tag << 3 | PB_BYTES);
    return pb_put_varint(p, size);
}

static void write_pb(const flow_reading *r, buf *out)
{
    const size_t uuid = r->clock ? 9 : 0;
    const size_t shuffle = flow_bytes_size(r->key) + flow_bytes_size(r->key_packed) + flow_number_size(r->hash);
    size_t size = flow_number_size(r->transform) + flow_bytes_size(r->doc);
    size += uuid ? 1 + pb_varint_size(uuid) + uuid : 0;
    size += shuffle ? 1 + pb_varint_size(shuffle) + shuffle : 0;
    char *p = flow_begin_frame(4, size, out);
    if (!p)
        return;
    p = flow_put_number(p, 1, r->transform);
    if (uuid) {
        p = put_message(p, 2, uuid);
        *p++ = 2 << 3 | PB_FIXED64;
        for (int i = 0; i < 8; i++)
            *p++ = (char)(r->clock >> (8 * i));
    }
    if (shuffle) {
        p = put_message(p, 3, shuffle);
        p = flow_put_bytes(p, 1, r->key);
        p = flow_put_bytes(p, 2, r->key_packed);
        p = flow_put_number(p, 3, r->hash);
    }
    out->len = (size_t)(flow_put_bytes(p, 4, r->doc) - out->ptr);
}

void flow_write_read(flow_codec codec, const flow_reading *r, buf *out)
{
    if (codec == FLOW_PROTOBUF)
        write_pb(r, out);
    else
        write_json(r, out);
}
