/* flow_same.h - for the fuzzers of Flow's codecs: what a message says, whichever way it was written. */
#ifndef WEIR_FUZZ_FLOW_SAME_H
#define WEIR_FUZZ_FLOW_SAME_H

#include "fuzz.h"
#include "json/text.h"
#include "proto/flow/wire.h"

/** The same text without space between its tokens; null counts as absent. */
static inline bool same_json(weir_view a, weir_view b)
{
    buf x = {0}, y = {0};
    if (a.len)
        json_compact(&x, a);
    if (b.len)
        json_compact(&y, b);
    bool same = view_eq(buf_view(&x), buf_view(&y));
    buf_free(&x);
    buf_free(&y);
    return same;
}

/** Every view of a message is checked text. */
static inline void must_be_sound(const flow_message *m)
{
    MUST(m->kind != FLOW_NONE);
    MUST(!m->body.len || json_check(m->body, NULL, NULL));
    MUST(!m->doc.len || (json_check(m->doc, NULL, NULL) && *m->doc.ptr == '{'));
    MUST(!m->state.len || (json_check(m->state, NULL, NULL) && *m->state.ptr == '{'));
    MUST(m->lines || !m->doc.len || (!memchr(m->doc.ptr, '\n', m->doc.len) && !memchr(m->doc.ptr, '\r', m->doc.len)));
    MUST((m->kind != FLOW_CAPTURED && m->kind != FLOW_SOURCED_SCHEMA && m->kind != FLOW_LOADED && m->kind != FLOW_READ && m->kind != FLOW_PUBLISHED) || m->doc.len);
    MUST(!m->key.len || (json_check(m->key, NULL, NULL) && *m->key.ptr == '['));
    MUST(!m->values.len || (json_check(m->values, NULL, NULL) && *m->values.ptr == '['));
}

static inline void must_be_same(const flow_message *a, const flow_message *b)
{
    MUST(a->kind == b->kind && a->binding == b->binding && a->merge == b->merge);
    MUST(same_json(a->doc, b->doc) && same_json(a->state, b->state));
    MUST(a->clock == b->clock && a->exists == b->exists && a->deleted == b->deleted && same_json(a->key, b->key) && same_json(a->values, b->values));
}

/** Reads what was framed: exactly one message. */
static inline weir_rc read_frame(flow_codec codec, flow_direction dir, const buf *frame, flow_message *ret, buf *scratch, err *e)
{
    weir_view bytes = buf_view(frame);
    if (codec == FLOW_JSON) {
        MUST(bytes.len && bytes.ptr[bytes.len - 1] == '\n');
        bytes.len--;
        MUST(!memchr(bytes.ptr, '\n', bytes.len));
    } else {
        const unsigned char *p = (const unsigned char *)bytes.ptr;
        MUST(bytes.len >= 4 && bytes.len - 4 == (p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24));
        bytes = view_from(bytes, 4);
    }
    return flow_read(codec, dir, bytes, ret, scratch, e);
}

static inline weir_view compacted(weir_view json, buf *room)
{
    if (json.len)
        json_compact(room, json);
    return buf_view(room);
}

/** A tuple as bytes: the slow way through the transcoder leaves it in base64. */
static inline weir_view packed_bytes(const flow_message *m, weir_view packed, buf *room)
{
    if (!m->packed_text)
        return packed;
    MUST(base64_decode(room, packed));
    return buf_view(room);
}

/** A load, store or loaded that came in protobuf, written by hand, reads as what it was; and its values can be taken apart, or cannot. */
static inline void check_row(flow_direction dir, const flow_message *m)
{
    for (int codec = FLOW_JSON; codec <= FLOW_PROTOBUF; codec++) {
        buf out = {0}, scratch = {0}, key = {0}, values = {0}, doc = {0}, room = {0}, packed[2] = {0};
        err e = {0};
        flow_message back;
        weir_view parts[2];
        const flow_row row = {m->binding,
                              compacted(m->key, &key),
                              packed_bytes(m, m->key_packed, &packed[0]),
                              compacted(m->values, &values),
                              packed_bytes(m, m->values_packed, &packed[1]),
                              compacted(m->doc, &doc),
                              m->exists,
                              m->deleted};
        if (m->kind == FLOW_LOADED)
            flow_write_loaded((flow_codec)codec, m->binding, row.doc, &out);
        else
            (m->kind == FLOW_LOAD ? flow_write_load : flow_write_store)((flow_codec)codec, &row, &out);
        MUST(read_frame((flow_codec)codec, dir, &out, &back, &scratch, &e) == WEIR_OK);
        if (m->kind != FLOW_LOAD)
            must_be_same(m, &back);
        weir_rc one = flow_values(m, false, 2, parts, &room, &e), other = flow_values(&back, false, 2, parts, &room, &e);
        MUST(one == other && (one == WEIR_OK || one == WEIR_E_PROTOCOL));
        buf_free(&out);
        buf_free(&scratch);
        buf_free(&key);
        buf_free(&values);
        buf_free(&doc);
        buf_free(&room);
        buf_free(&packed[0]);
        buf_free(&packed[1]);
        err_free(&e);
    }
}

/** A read that came in protobuf, written by hand, reads as what it was. */
static inline void check_read(const flow_message *m)
{
    for (int codec = FLOW_JSON; codec <= FLOW_PROTOBUF; codec++) {
        buf out = {0}, scratch = {0}, key = {0}, doc = {0}, packed = {0}, again = {0};
        err e = {0};
        flow_message back;
        const flow_reading r = {.transform = m->binding, .clock = m->clock, .key = compacted(m->key, &key), .key_packed = packed_bytes(m, m->key_packed, &packed),
                                .doc = compacted(m->doc, &doc)};
        flow_write_read((flow_codec)codec, &r, &out);
        MUST(read_frame((flow_codec)codec, FLOW_DERIVE_REQUEST, &out, &back, &scratch, &e) == WEIR_OK);
        must_be_same(m, &back);
        MUST_EQ(packed_bytes(&back, back.key_packed, &again), r.key_packed);
        buf_free(&out);
        buf_free(&scratch);
        buf_free(&key);
        buf_free(&doc);
        buf_free(&packed);
        buf_free(&again);
        err_free(&e);
    }
}

/** A checkpoint written the fast way reads as what it was. */
static inline void check_checkpoint(const flow_message *m)
{
    for (int codec = FLOW_JSON; codec <= FLOW_PROTOBUF; codec++) {
        buf out = {0}, scratch = {0}, state = {0};
        err e = {0};
        flow_message back;
        if (m->state.len)
            json_compact(&state, m->state);
        flow_write_checkpoint((flow_codec)codec, buf_view(&state), m->merge, &out);
        MUST(read_frame((flow_codec)codec, FLOW_RESPONSE, &out, &back, &scratch, &e) == WEIR_OK);
        MUST(back.kind == FLOW_CHECKPOINT && back.merge == m->merge);
        MUST(same_json(back.state, m->state) || (!m->state.len && view_is(back.state, "{}")));
        buf_free(&out);
        buf_free(&scratch);
        buf_free(&state);
        err_free(&e);
    }
}

#endif
