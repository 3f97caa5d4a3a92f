/* wire, pb, messages: Flow's messages in both codecs, against bytes that Google's protobuf library made (vectors.txt). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/text.h"
#include "vectors.h"

static vectors all;

static int load(void **state)
{
    (void)state;
    all = vectors_load();
    return all.count > 100 && all.headers > 300 ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    vectors_free(&all);
    return 0;
}

static bool is_row(flow_kind kind) { return kind == FLOW_LOAD || kind == FLOW_STORE; }
static bool is_doc(flow_kind kind) { return kind == FLOW_CAPTURED || kind == FLOW_LOADED || kind == FLOW_READ || kind == FLOW_PUBLISHED; }
static bool is_hot(flow_kind kind) { return kind == FLOW_CHECKPOINT || is_doc(kind) || is_row(kind); }

static const pb_message *table_of(flow_direction dir)
{
    return (const pb_message *[]){&flow_request_pb, &flow_response_pb, &flow_materialize_request_pb, &flow_materialize_response_pb, &flow_derive_request_pb,
                                  &flow_derive_response_pb}[dir];
}

static void must(const vector *v, bool ok, const char *what, err *e)
{
    if (!ok)
        fail_msg("%s: %s%s%s", v->name, what, e->rc ? ": " : "", err_text(e));
}

static void must_equal_json(const vector *v, weir_view got, weir_view expected, const char *what)
{
    if (!json_equal(got, expected))
        fail_msg("%s: %s is %.*s, expected %.*s", v->name, what, VIEW_ARG(got), VIEW_ARG(expected));
}

/* Bytes, which a message of the JSON codec has as base64. */
static void expect_packed(const vector *v, const flow_message *m, weir_view got, weir_view body, const char *name)
{
    weir_view text = pointer_find(body, view_of(name));
    buf expected = {0}, bytes = {0};
    err none = {0};
    must(v, !text.len || base64_decode(&expected, (weir_view){text.ptr + 1, text.len - 2}), "base64", &none);
    must(v, !m->packed_text || base64_decode(&bytes, got), "base64", &none);
    must(v, view_eq(m->packed_text ? buf_view(&bytes) : got, buf_view(&expected)), name, &none);
    buf_free(&expected);
    buf_free(&bytes);
}

static void expect_row(const vector *v, const flow_message *m, weir_view body)
{
    must_equal_json(v, m->key, pointer_find(body, VIEW("/key")), "key");
    must_equal_json(v, m->values, pointer_find(body, VIEW("/values")), "values");
    must_equal_json(v, m->doc, pointer_find(body, VIEW("/doc")), "doc");
    expect_packed(v, m, m->key_packed, body, "/keyPacked");
    expect_packed(v, m, m->values_packed, body, "/valuesPacked");
    assert_int_equal(m->exists, view_is(pointer_find(body, VIEW("/exists")), "true"));
    assert_int_equal(m->deleted, view_is(pointer_find(body, VIEW("/delete")), "true"));
}

static void expect_read(const vector *v, const flow_message *m, weir_view body)
{
    weir_view transform = pointer_find(body, VIEW("/transform")), clock = pointer_find(body, VIEW("/uuid/clock"));
    assert_int_equal(m->binding, transform.len ? strtoul(transform.ptr, NULL, 10) : 0);
    assert_true(m->clock == (clock.len ? strtoull(clock.ptr + 1, NULL, 10) : 0));
    must_equal_json(v, m->key, pointer_find(body, VIEW("/shuffle/key")), "key");
    expect_packed(v, m, m->key_packed, body, "/shuffle/packed");
}

/* What the JSON form of a vector says. */
static void expect_message(const vector *v, const flow_message *m)
{
    buf at = {0};
    buf_printf(&at, "/%s", flow_kind_name(m->kind));
    weir_view body = pointer_find(v->json, buf_view(&at));
    err none = {0};
    must(v, body.len > 0, "another kind", &none);
    if (!is_hot(m->kind) || m->body.len)
        must_equal_json(v, m->body, body, "body");
    weir_view binding = pointer_find(body, VIEW("/binding"));
    if (m->kind == FLOW_READ)
        expect_read(v, m, body);
    else
        assert_int_equal(m->binding, binding.len ? strtoul(binding.ptr, NULL, 10) : 0);
    if (is_row(m->kind))
        expect_row(v, m, body);
    if (is_doc(m->kind))
        must_equal_json(v, m->doc, pointer_find(body, VIEW("/doc")), "doc");
    if (m->kind == FLOW_SOURCED_SCHEMA)
        must_equal_json(v, m->doc, pointer_find(body, VIEW("/documentSchema")), "schema");
    if (m->kind == FLOW_CHECKPOINT) {
        weir_view updated = pointer_find(body, VIEW("/state/updated"));
        must(v, (m->state.len > 0) == (updated.len > 0), "state is there or not", &none);
        must_equal_json(v, m->state, updated, "state");
        assert_int_equal(m->merge, view_is(pointer_find(body, VIEW("/state/mergePatch")), "true"));
    }
    buf_free(&at);
}

/* ---- what the library wrote ---- */

static void reads_protobuf(void **state)
{
    (void)state;
    for (const vector *v = all.v; v < all.v + all.count; v++) {
        if (v->mode > MODE_PARTS)
            continue;
        flow_message m;
        buf scratch = {0};
        err e = {0};
        must(v, flow_read(FLOW_PROTOBUF, v->dir, v->bytes, &m, &scratch, &e) == WEIR_OK, "cannot be read", &e);
        expect_message(v, &m);
        buf_free(&scratch);
    }
}

static void reads_json(void **state)
{
    (void)state;
    for (const vector *v = all.v; v < all.v + all.count; v++) {
        if (v->mode == MODE_REFUSE)
            continue;
        flow_message m;
        buf scratch = {0};
        err e = {0};
        must(v, flow_read(FLOW_JSON, v->dir, v->json, &m, &scratch, &e) == WEIR_OK, "its JSON form cannot be read", &e);
        if (v->mode != MODE_ENCODE)
            expect_message(v, &m);
        assert_null(scratch.ptr);
    }
}

static void transcodes_to_json(void **state)
{
    (void)state;
    for (const vector *v = all.v; v < all.v + all.count; v++) {
        if (v->mode > MODE_PARTS)
            continue;
        buf json = {0};
        err e = {0};
        must(v, pb_to_json(table_of(v->dir), v->bytes, &json, &e) == WEIR_OK, "no JSON", &e);
        assert_true(json_check(buf_view(&json), NULL, NULL));
        assert_null(memchr(json.ptr, '\n', json.len));
        must_equal_json(v, buf_view(&json), v->json, "JSON");
        buf_free(&json);
    }
}

/* A message of kind and body, as flow_write wants them. */
static flow_message taken_apart(const vector *v)
{
    flow_message m;
    buf scratch = {0};
    err e = {0};
    must(v, flow_read(FLOW_JSON, v->dir, v->json, &m, &scratch, &e) == WEIR_OK, "its JSON form cannot be read", &e);
    return m;
}

static void expect_frame(const vector *v, const buf *out, size_t from)
{
    const unsigned char *p = (const unsigned char *)out->ptr + from;
    err none = {0};
    must(v, out->len - from >= 4 && (p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24) == out->len - from - 4, "length", &none);
    weir_view body = view_from(buf_view(out), from + 4);
    for (size_t i = 0; i < body.len && i < v->bytes.len; i++)
        if (body.ptr[i] != v->bytes.ptr[i])
            fail_msg("%s: byte %zu is %02x, expected %02x", v->name, i, (unsigned char)body.ptr[i], (unsigned char)v->bytes.ptr[i]);
    if (body.len != v->bytes.len)
        fail_msg("%s: %zu bytes, expected %zu", v->name, body.len, v->bytes.len);
}

static void writes_protobuf(void **state)
{
    (void)state;
    for (const vector *v = all.v; v < all.v + all.count; v++) {
        if (v->mode != MODE_BOTH && v->mode != MODE_ENCODE)
            continue;
        flow_message m = taken_apart(v);
        buf out = {0};
        err e = {0};
        buf_adds(&out, "before");
        must(v, flow_write(FLOW_PROTOBUF, v->dir, m.kind, m.body, &out, &e) == WEIR_OK, "cannot be written", &e);
        expect_frame(v, &out, 6);
        buf_free(&out);
    }
}

static void writes_json(void **state)
{
    (void)state;
    for (const vector *v = all.v; v < all.v + all.count; v++) {
        if (v->mode == MODE_REFUSE)
            continue;
        flow_message m = taken_apart(v);
        buf out = {0};
        err e = {0};
        must(v, flow_write(FLOW_JSON, v->dir, m.kind, m.body, &out, &e) == WEIR_OK, "cannot be written", &e);
        assert_ptr_equal(memchr(out.ptr, '\n', out.len), out.ptr + out.len - 1);
        must_equal_json(v, (weir_view){out.ptr, out.len - 1}, v->json, "line");
        buf_free(&out);
    }
}

static void writes_checkpoints_by_hand(void **state)
{
    (void)state;
    size_t seen = 0;
    for (const vector *v = all.v; v < all.v + all.count; v++) {
        flow_message m = v->mode == MODE_BOTH && v->dir == FLOW_RESPONSE ? taken_apart(v) : (flow_message){0};
        if (m.kind != FLOW_CHECKPOINT || !pointer_find(m.body, VIEW("/state")).len)
            continue;
        buf out = {0};
        flow_write_checkpoint(FLOW_PROTOBUF, m.state, m.merge, &out);
        expect_frame(v, &out, 0);
        buf_clear(&out);
        flow_write_checkpoint(FLOW_JSON, m.state, m.merge, &out);
        flow_message again;
        buf scratch = {0};
        err e = {0};
        must(v, flow_read(FLOW_JSON, FLOW_RESPONSE, (weir_view){out.ptr, out.len - 1}, &again, &scratch, &e) == WEIR_OK, "its line", &e);
        must_equal_json(v, again.state, m.state.len ? m.state : VIEW("{}"), "state");
        assert_int_equal(again.merge, m.merge);
        buf_free(&out);
        seen++;
    }
    assert_true(seen >= 2);
}

static weir_view decoded(weir_view text, buf *room)
{
    buf_clear(room);
    assert_true(base64_decode(room, text));
    return buf_view(room);
}

/* The bytes are the library's, the lines read as what they were. */
static void writes_rows_by_hand(void **state)
{
    (void)state;
    size_t seen = 0;
    for (const vector *v = all.v; v < all.v + all.count; v++) {
        flow_message m = v->mode == MODE_BOTH && v->dir >= FLOW_MATERIALIZE_REQUEST && v->dir <= FLOW_MATERIALIZE_RESPONSE ? taken_apart(v) : (flow_message){0};
        if (!is_row(m.kind) && m.kind != FLOW_LOADED)
            continue;
        buf out = {0}, key = {0}, values = {0}, scratch = {0};
        err e = {0};
        for (int codec = FLOW_PROTOBUF; codec >= FLOW_JSON; codec--) {
            const flow_row row = {m.binding, m.key, decoded(m.key_packed, &key), m.values, decoded(m.values_packed, &values), m.doc, m.exists, m.deleted};
            buf_clear(&out);
            if (m.kind == FLOW_LOADED)
                flow_write_loaded((flow_codec)codec, m.binding, m.doc, &out);
            else
                (m.kind == FLOW_LOAD ? flow_write_load : flow_write_store)((flow_codec)codec, &row, &out);
            if (codec == FLOW_PROTOBUF)
                expect_frame(v, &out, 0);
        }
        must(v, flow_read(FLOW_JSON, v->dir, (weir_view){out.ptr, out.len - 1}, &m, &scratch, &e) == WEIR_OK, "its line", &e);
        expect_message(v, &m);
        buf_free(&out);
        buf_free(&key);
        buf_free(&values);
        seen++;
    }
    assert_true(seen >= 12);
}

static uint32_t number_at(weir_view json, const char *pointer)
{
    weir_view n = pointer_find(json, view_of(pointer));
    return n.len ? (uint32_t)strtoul(n.ptr, NULL, 10) : 0;
}

/* The bytes are the library's, where nothing is in them that we do not send: a node, parts that are empty. */
static void writes_reads_by_hand(void **state)
{
    (void)state;
    size_t seen = 0, same = 0;
    for (const vector *v = all.v; v < all.v + all.count; v++) {
        flow_message m = v->mode == MODE_BOTH && v->dir == FLOW_DERIVE_REQUEST ? taken_apart(v) : (flow_message){0};
        if (m.kind != FLOW_READ)
            continue;
        weir_view node = pointer_find(m.body, VIEW("/uuid/node")), uuid = pointer_find(m.body, VIEW("/uuid")), shuffle = pointer_find(m.body, VIEW("/shuffle"));
        bool ours = !node.len && !view_is(uuid, "{}") && !view_is(shuffle, "{}");
        buf out = {0}, key = {0}, scratch = {0};
        err e = {0};
        for (int codec = FLOW_PROTOBUF; codec >= FLOW_JSON; codec--) {
            const flow_reading r = {m.binding, number_at(m.body, "/shuffle/hash"), m.clock, m.key, decoded(m.key_packed, &key), m.doc};
            buf_clear(&out);
            flow_write_read((flow_codec)codec, &r, &out);
            if (codec == FLOW_PROTOBUF && ours)
                expect_frame(v, &out, 0);
            flow_message back;
            weir_view bytes = codec == FLOW_JSON ? (weir_view){out.ptr, out.len - 1} : view_from(buf_view(&out), 4);
            must(v, flow_read((flow_codec)codec, v->dir, bytes, &back, &scratch, &e) == WEIR_OK, "cannot be read again", &e);
            back.body = (weir_view){0};
            expect_message(v, &back);
        }
        buf_free(&out);
        buf_free(&key);
        seen++;
        same += ours;
    }
    assert_true(seen >= 5 && same >= 2);
}

/* Examples of flow.md 6.3 and 12.4. The arrays win: they are exact. */
static void takes_values_apart(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        size_t count;
        const char *values[3]; /* NULL: refused */
    } cases[] = {
        {"{\"store\":{\"valuesPacked\":\"AngA\"}}", 1, {"\"x\""}},
        {"{\"store\":{\"valuesPacked\":\"AmEAFQEn\"}}", 3, {"\"a\"", "1", "true"}},
        {"{\"store\":{\"valuesPacked\":\"AmEAFQEn\",\"values\":[ 12345678901234567890.25 , {\"a\":[1]},null]}}", 3,
         {"12345678901234567890.25", "{\"a\":[1]}", "null"}},
        {"{\"store\":{\"values\":[]}}", 0, {""}},
        {"{\"store\":{}}", 0, {""}},
        {"{\"store\":{\"valuesPacked\":\"AngA\"}}", 2, {NULL}},
        {"{\"store\":{\"values\":[1,2,3]}}", 2, {NULL}},
        {"{\"store\":{\"valuesPacked\":\"/w==\"}}", 1, {NULL}},
        {"{\"store\":{\"valuesPacked\":\"A*\"}}", 1, {NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        flow_message m;
        buf scratch = {0}, room = {0};
        err e = {0};
        weir_view got[3];
        assert_int_equal(flow_read(FLOW_JSON, FLOW_MATERIALIZE_REQUEST, view_of(cases[i].line), &m, &scratch, &e), WEIR_OK);
        weir_rc rc = flow_values(&m, true, cases[i].count, got, &room, &e);
        assert_int_equal(rc, cases[i].values[0] ? WEIR_OK : WEIR_E_PROTOCOL);
        for (size_t k = 0; !rc && k < cases[i].count; k++)
            assert_true(view_is(got[k], cases[i].values[k]));
        buf_free(&room);
        err_free(&e);
    }
}

/* ---- what is no message ---- */

static void expect_refusal(const char *name, flow_codec codec, flow_direction dir, weir_view bytes)
{
    weir_view block = exact(bytes);
    flow_message m;
    buf scratch = {0};
    err e = {0};
    weir_rc rc = flow_read(codec, dir, block, &m, &scratch, &e);
    if (rc != WEIR_E_PROTOCOL)
        fail_msg("%s, %zu bytes: code %d, expected a protocol error", name, bytes.len, rc);
    assert_int_equal(e.rc, rc);
    assert_true(strlen(err_text(&e)) > 10);
    err_free(&e);
    buf_free(&scratch);
    release(block);
}

static void refuses_what_is_wrong(void **state)
{
    (void)state;
    for (const vector *v = all.v; v < all.v + all.count; v++)
        if (v->mode == MODE_REFUSE)
            expect_refusal(v->name, FLOW_PROTOBUF, v->dir, v->bytes);
}

static void says_where_it_is_wrong(void **state)
{
    (void)state;
    static const struct { weir_view bytes; const char *says; } cases[] = {
        {WEIR_LIT("\x32\x04\x12\x03{}"), "field longer than the message at byte 4 of a protobuf message"},
        {WEIR_LIT("\x32\x02\x08\x80"), "truncated varint at byte 4 of a protobuf message"},
        {WEIR_LIT("\x3a\x05\x0a\x03\x0a\x02{"), "field longer than the message at byte 6 of a protobuf message"},
        {WEIR_LIT("\x32\x04\x12\x02{}\x3a"), "truncated varint at byte 7 of a protobuf message"},
        {WEIR_LIT("\x32\x04\x12\x02{}\x3a\x00"), "a second kind of message at byte 8 of a protobuf message"},
        {WEIR_LIT("\x32\x05\x12\x03{1}"), "document: "},
        {WEIR_LIT("\x0a\x03\x12\x01x"), "protobuf Response.Spec.configSchema is not JSON: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        flow_message m;
        buf scratch = {0};
        err e = {0};
        assert_int_equal(flow_read(FLOW_PROTOBUF, FLOW_RESPONSE, cases[i].bytes, &m, &scratch, &e), WEIR_E_PROTOCOL);
        if (!strstr(err_text(&e), cases[i].says))
            fail_msg("%s, expected: %s", err_text(&e), cases[i].says);
        err_free(&e);
        buf_free(&scratch);
    }
}

static void refuses_cut_protobuf(void **state)
{
    (void)state;
    for (const vector *v = all.v; v < all.v + all.count; v++)
        for (size_t n = 0; (v->mode == MODE_BOTH || v->mode == MODE_DECODE) && n < v->bytes.len; n++)
            expect_refusal(v->name, FLOW_PROTOBUF, v->dir, (weir_view){v->bytes.ptr, n});
}

static void refuses_cut_json(void **state)
{
    (void)state;
    for (const vector *v = all.v; v < all.v + all.count; v++)
        for (size_t n = 0; v->mode == MODE_BOTH && n < v->json.len; n++)
            expect_refusal(v->name, FLOW_JSON, v->dir, (weir_view){v->json.ptr, n});
}

/* Whatever it says: no crash, and what is accepted is sound. */
static void survives_changed_bytes(void **state)
{
    (void)state;
    static const unsigned char flips[] = {0x01, 0x80, 0xff};
    for (const vector *v = all.v; v < all.v + all.count; v++) {
        if (v->bytes.len > 600)
            continue;
        weir_view block = exact(v->bytes);
        char *p = (char *)(uintptr_t)block.ptr;
        for (size_t i = 0; i < block.len * sizeof flips; i++) {
            flow_message m;
            buf scratch = {0};
            err e = {0};
            p[i / sizeof flips] ^= (char)flips[i % sizeof flips];
            if (!flow_read(FLOW_PROTOBUF, v->dir, block, &m, &scratch, &e)) {
                assert_true(m.kind != FLOW_NONE);
                assert_true(!m.doc.len || json_check(m.doc, NULL, NULL));
                assert_true(!m.state.len || json_check(m.state, NULL, NULL));
            }
            p[i / sizeof flips] ^= (char)flips[i % sizeof flips];
            err_free(&e);
            buf_free(&scratch);
        }
        release(block);
    }
}

/* ---- the JSON codec's own rules ---- */

typedef struct line {
    flow_direction dir;
    const char *text;
    flow_kind kind;        /* FLOW_NONE: refused */
    const char *says;      /* part of the error */
} line;

static void reads_lines(void **state)
{
    (void)state;
    static const line lines[] = {
        {FLOW_RESPONSE, "{\"captured\":{\"doc\":{}}}", FLOW_CAPTURED, NULL},
        {FLOW_RESPONSE, "{\"captured\":{\"binding\":null,\"doc\":{}},\"checkpoint\":null,\"$internal\":\"AA==\"}", FLOW_CAPTURED, NULL},
        {FLOW_RESPONSE, "{\"$internal\":null,\"other\":null,\"captured\":{\"doc_json\":{}}}", FLOW_CAPTURED, NULL},
        {FLOW_RESPONSE, "{\"captured\":{\"doc\":{},\"binding\":4294967295}}", FLOW_CAPTURED, NULL},
        {FLOW_RESPONSE, "{\"sourced_schema\":{\"document_schema\":{}}}", FLOW_SOURCED_SCHEMA, NULL},
        {FLOW_RESPONSE, "{\"sourcedSchema\":{\"schema_json\":{}}}", FLOW_SOURCED_SCHEMA, NULL},
        {FLOW_RESPONSE, "{\"backfillBegin\":{}}", FLOW_BACKFILL_BEGIN, NULL},
        {FLOW_RESPONSE, "{\"backfill_complete\":{\"binding\":1}}", FLOW_BACKFILL_COMPLETE, NULL},
        {FLOW_RESPONSE, "{\"checkpoint\":{}}", FLOW_CHECKPOINT, NULL},
        {FLOW_RESPONSE, "{\"checkpoint\":{\"state\":null}}", FLOW_CHECKPOINT, NULL},
        {FLOW_RESPONSE, "{\"checkpoint\":{\"state\":{\"updated\":null,\"mergePatch\":null}}}", FLOW_CHECKPOINT, NULL},
        {FLOW_RESPONSE, "{\"checkpoint\":{\"state\":{\"updated\":{},\"merge_patch\":true}}}", FLOW_CHECKPOINT, NULL},
        {FLOW_RESPONSE, "\t{ \"checkpoint\" : { \"state\" : { } } } \r", FLOW_CHECKPOINT, NULL},
        {FLOW_RESPONSE, "{\"opened\":{\"explicitAcknowledgements\":false,\"later\":1}}", FLOW_OPENED, NULL},
        {FLOW_REQUEST, "{\"later\":{\"a\":[]},\"acknowledge\":{\"checkpoints\":1}}", FLOW_ACKNOWLEDGE, NULL},

        {FLOW_RESPONSE, "", FLOW_NONE, "expected an object at byte 0"},
        {FLOW_RESPONSE, "[]", FLOW_NONE, "expected an object at byte 0"},
        {FLOW_RESPONSE, "null", FLOW_NONE, "expected an object at byte 0"},
        {FLOW_RESPONSE, "{}", FLOW_NONE, "no known kind of message"},
        {FLOW_RESPONSE, "{\"captured\":null}", FLOW_NONE, "no known kind of message"},
        {FLOW_RESPONSE, "{\"$internal\":\"\"}", FLOW_NONE, "no known kind of message"},
        {FLOW_RESPONSE, "{\"captured\":{\"doc\":{}}} {}", FLOW_NONE, "at byte 24"},
        {FLOW_RESPONSE, "{\"captured\":{\"doc\":{}},\"opened\":{}}", FLOW_NONE, "a second kind of message in one at byte 23"},
        {FLOW_RESPONSE, "{\"captured\":{\"doc\":{}},\"captured\":{\"doc\":{}}}", FLOW_NONE, "a second kind of message in one at byte 23"},
        {FLOW_RESPONSE, "{\"opened\":{},\"later\":{}}", FLOW_NONE, "unknown kind of message at byte 13"},
        {FLOW_RESPONSE, "{\"acknowledge\":{}}", FLOW_NONE, "unknown kind of message at byte 1"},
        {FLOW_RESPONSE, "{\"captured\":[]}", FLOW_NONE, "expected an object at byte 12"},
        {FLOW_RESPONSE, "{\"captured\":{}}", FLOW_NONE, "a document is missing"},
        {FLOW_RESPONSE, "{\"captured\":{\"doc\":null}}", FLOW_NONE, "expected a document, which is an object, at byte 19"},
        {FLOW_RESPONSE, "{\"captured\":{\"doc\":[]}}", FLOW_NONE, "expected a document, which is an object, at byte 19"},
        {FLOW_RESPONSE, "{\"captured\":{\"doc\":\"{}\"}}", FLOW_NONE, "expected a document, which is an object, at byte 19"},
        {FLOW_RESPONSE, "{\"captured\":{\"doc\":{},\"key\":1}}", FLOW_NONE, "unknown key at byte 22"},
        {FLOW_RESPONSE, "{\"captured\":{\"documentSchema\":{}}}", FLOW_NONE, "unknown key at byte 13"},
        {FLOW_RESPONSE, "{\"backfillBegin\":{\"doc\":{}}}", FLOW_NONE, "unknown key at byte 18"},
        {FLOW_RESPONSE, "{\"captured\":{\"binding\":-1,\"doc\":{}}}", FLOW_NONE, "expected a number from 0 to 4294967295 at byte 23"},
        {FLOW_RESPONSE, "{\"captured\":{\"binding\":4294967296,\"doc\":{}}}", FLOW_NONE, "expected a number from 0 to 4294967295 at byte 23"},
        {FLOW_RESPONSE, "{\"captured\":{\"binding\":\"0\",\"doc\":{}}}", FLOW_NONE, "expected a number from 0 to 4294967295 at byte 23"},
        {FLOW_RESPONSE, "{\"captured\":{\"binding\":0.5,\"doc\":{}}}", FLOW_NONE, "expected a number from 0 to 4294967295 at byte 23"},
        {FLOW_RESPONSE, "{\"captured\":{\"doc\":{\"a\":01}}}", FLOW_NONE, "at byte 2"},
        {FLOW_RESPONSE, "{\"captured\":{\"doc\":{\"a\":\"\xff\"}}}", FLOW_NONE, "not UTF-8 at byte 25"},
        {FLOW_RESPONSE, "{\"captured\":{\"doc\":{\"a\":\"\xed\xa0\x80\"}}}", FLOW_NONE, "not UTF-8 at byte 25"},
        {FLOW_RESPONSE, "{\"checkpoint\":{\"state\":{\"updated\":[]}}}", FLOW_NONE, "expected an object at byte 34"},
        {FLOW_RESPONSE, "{\"checkpoint\":{\"state\":{\"updated\":{},\"mergePatch\":1}}}", FLOW_NONE, "expected true or false at byte 50"},
        {FLOW_RESPONSE, "{\"checkpoint\":{\"state\":{\"cursor\":{}}}}", FLOW_NONE, "unknown key at byte 24"},
        {FLOW_RESPONSE, "{\"checkpoint\":{\"states\":{}}}", FLOW_NONE, "unknown key at byte 15"},
        {FLOW_RESPONSE, "{\"sourcedSchema\":{}}", FLOW_NONE, "a document is missing"},
        {FLOW_RESPONSE, "{\"opened\":true}", FLOW_NONE, "expected an object at byte 10"},
        {FLOW_REQUEST, "{\"captured\":{\"doc\":{}}}", FLOW_NONE, "no known kind of message"},
        {FLOW_REQUEST, "{\"spec\":{},\"open\":{}}", FLOW_NONE, "a second kind of message in one at byte 11"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        weir_view text = exact(view_of(lines[i].text));
        flow_message m;
        buf scratch = {0};
        err e = {0};
        weir_rc rc = flow_read(FLOW_JSON, lines[i].dir, text, &m, &scratch, &e);
        if (lines[i].kind && (rc || m.kind != lines[i].kind))
            fail_msg("%s: %s", lines[i].text, rc ? err_text(&e) : flow_kind_name(m.kind));
        if (!lines[i].kind && (rc != WEIR_E_PROTOCOL || !strstr(err_text(&e), lines[i].says)))
            fail_msg("%s: %s, expected: %s", lines[i].text, rc ? err_text(&e) : "accepted", lines[i].says);
        err_free(&e);
        release(text);
    }
}

static void errors_show_what_stands_around(void **state)
{
    (void)state;
    buf text = {0}, scratch = {0};
    flow_message m;
    err e = {0};
    buf_adds(&text, "{\"captured\":{\"doc\":{\"a\":\"");
    for (int i = 0; i < 5000; i++)
        buf_addc(&text, 'x');
    buf_adds(&text, "\",\"here\":oops}}}");
    assert_int_equal(flow_read(FLOW_JSON, FLOW_RESPONSE, buf_view(&text), &m, &scratch, &e), WEIR_E_PROTOCOL);
    assert_non_null(strstr(err_text(&e), "at byte 5034 "));
    assert_non_null(strstr(err_text(&e), "\\\"here\\\":oops"));
    assert_true(strlen(err_text(&e)) < 250);
    err_free(&e);
    buf_free(&text);
}

/* Line breaks between tokens of a document are reported, those written as \n in a string are none. */
static void tells_of_line_breaks(void **state)
{
    (void)state;
    flow_message m;
    buf scratch = {0};
    err e = {0};
    assert_int_equal(flow_read(FLOW_JSON, FLOW_RESPONSE, VIEW("{\"captured\":\n{\"doc\":{\"a\":\"\\n\"}\n}}"), &m, &scratch, &e), WEIR_OK);
    assert_false(m.lines);
    assert_int_equal(flow_read(FLOW_JSON, FLOW_RESPONSE, VIEW("{\"captured\":{\"doc\":{\n}}}"), &m, &scratch, &e), WEIR_OK);
    assert_true(m.lines);
    assert_int_equal(flow_read(FLOW_PROTOBUF, FLOW_RESPONSE, VIEW("\x32\x06\x12\x04{\r\n}"), &m, &scratch, &e), WEIR_OK);
    assert_true(m.lines);
    assert_int_equal(flow_read(FLOW_PROTOBUF, FLOW_RESPONSE, VIEW("\x32\x04\x12\x02{}"), &m, &scratch, &e), WEIR_OK);
    assert_false(m.lines);
}

/* Reads a text, and the same behind a blank; both must say the same. */
static void expect_same_behind_blank(weir_view text)
{
    flow_message m = {0}, other = {0};
    buf scratch = {0}, moved = {0};
    err e = {0}, too = {0};
    buf_addc(&moved, ' ');
    buf_addv(&moved, text);
    weir_rc rc = flow_read(FLOW_JSON, FLOW_RESPONSE, text, &m, &scratch, &e);
    weir_rc expected = flow_read(FLOW_JSON, FLOW_RESPONSE, buf_view(&moved), &other, &scratch, &too);
    if (rc != expected)
        fail_msg("%.*s: %s, behind a blank %s", VIEW_ARG(text), rc ? err_text(&e) : "good", expected ? err_text(&too) : "good");
    if (!rc) {
        assert_int_equal(m.kind, other.kind);
        assert_int_equal(m.binding, other.binding);
        assert_int_equal(m.lines, other.lines);
        assert_true(view_eq(m.doc, other.doc));
        assert_true(view_eq(m.body, other.body));
    }
    buf_free(&moved);
    err_free(&e);
    err_free(&too);
}

/* The form that nearly all documents come in is read by a shortcut, what is only nearly that by the long way. */
static void reads_the_usual_form_as_any_other(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"captured\":{\"binding\":0,\"doc\":{}}}", "{\"captured\":{\"binding\":7,\"doc\":{\"a\":[1,{}]}}}",
        "{\"captured\":{\"binding\":999999999,\"doc\":{}}}", "{\"captured\":{\"binding\":4294967295,\"doc\":{}}}",
        "{\"captured\":{\"binding\":4294967296,\"doc\":{}}}", "{\"captured\":{\"binding\":12345678901,\"doc\":{}}}",
        "{\"captured\":{\"binding\":01,\"doc\":{}}}", "{\"captured\":{\"binding\":-1,\"doc\":{}}}",
        "{\"captured\":{\"binding\":1.0,\"doc\":{}}}", "{\"captured\":{\"binding\":,\"doc\":{}}}",
        "{\"captured\":{\"binding\":null,\"doc\":{}}}", "{\"captured\":{\"binding\":1}}",
        "{\"captured\":{\"binding\":1,\"binding\":2,\"doc\":{}}}", "{\"captured\":{\"doc\":{}}}",
        "{\"captured\":{\"doc\":{},\"binding\":3}}", "{\"captured\":{\"doc\":{ \"a\" : 1 } } }",
        "{\"captured\":{\"doc\":{\"a\":\"\xff\"}}}", "{\"captured\":{\"doc\":{\n}}}",
        "{\"captured\":{\"doc\":[]}}", "{\"captured\":{\"doc\":null}}",
        "{\"captured\":{\"doc\":{}}", "{\"captured\":{\"doc\":{}}}}",
        "{\"captured\":{\"doc\":{}}} ", "{\"captured\":{\"doc\":{}}}\r",
        "{\"captured\":{\"doc\":{}},\"checkpoint\":{}}", "{\"captured\":{\"doc\":{}},\"checkpoint\":null}",
        "{\"captured\":{\"doc\":{}},\"$internal\":\"AA==\"}", "{\"captured\":{\"doc\":{}},\"what\":1}",
        "{\"captured\":{}}", "{\"captured\":", "{\"captured\":{\"doc\":", "{\"captured\":{\"doc\":{",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect_same_behind_blank(view_of(lines[i]));
    for (int depth = 1020; depth < 1026; depth++) {
        buf deep = {0};
        buf_adds(&deep, "{\"captured\":{\"doc\":{\"a\":");
        for (int i = 0; i < depth; i++)
            buf_addc(&deep, '[');
        for (int i = 0; i < depth; i++)
            buf_addc(&deep, ']');
        buf_adds(&deep, "}}}");
        expect_same_behind_blank(buf_view(&deep));
        buf_free(&deep);
    }
}

/* A state goes into lines as it is. */
static void states_have_no_line_breaks(void **state)
{
    (void)state;
    flow_message m;
    buf scratch = {0};
    err e = {0};
    assert_int_equal(flow_read(FLOW_PROTOBUF, FLOW_RESPONSE, VIEW("\x3a\x0e\x0a\x0c\x0a\x0a{\n\"a\": 1\r}"), &m, &scratch, &e), WEIR_OK);
    assert_true(view_is(m.state, "{\"a\":1}"));
    assert_int_equal(flow_read(FLOW_JSON, FLOW_RESPONSE, VIEW("{\"checkpoint\":{\"state\":{\"updated\":{\n\"a\":1}}}}"), &m, &scratch, &e), WEIR_OK);
    assert_true(view_is(m.state, "{\"a\":1}"));
    buf_free(&scratch);
}

/* ---- what cannot be written ---- */

static void refuses_to_write(void **state)
{
    (void)state;
    static const struct { flow_direction dir; flow_kind kind; const char *body, *says; } cases[] = {
        {FLOW_REQUEST, FLOW_OPEN, "{\"version\":1}", "Request.Open.version: expected a string, got 1"},
        {FLOW_REQUEST, FLOW_OPEN, "{\"range\":{\"keyEnd\":4294967296}}", "RangeSpec.keyEnd: expected a number from 0 to 4294967295, got 4294967296"},
        {FLOW_REQUEST, FLOW_SPEC, "{\"connectorType\":\"DEKAF\"}", "Request.Spec.connectorType: expected one of the names of an enumeration, got \"DEKAF\""},
        {FLOW_REQUEST, FLOW_VALIDATE, "{\"bindings\":{}}", "Request.Validate.bindings: expected an array, got {}"},
        {FLOW_REQUEST, FLOW_APPLY, "{\"capture\":{\"redactSalt\":\"?\"}}", "CaptureSpec.redactSalt: expected base64, got \"?\""},
        {FLOW_RESPONSE, FLOW_OPENED, "{\"explicitAcknowledgements\":0}", "expected true or false, got 0"},
        {FLOW_RESPONSE, FLOW_SPEC, "{\"oauth2\":{\"accessTokenHeaders\":[]}}", "OAuth2.accessTokenHeaders: expected an object, got []"},
        {FLOW_RESPONSE, FLOW_VALIDATED, "[]", "expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf out = {0};
        err e = {0};
        assert_int_equal(flow_write(FLOW_PROTOBUF, cases[i].dir, cases[i].kind, view_of(cases[i].body), &out, &e), WEIR_E_BUG);
        if (!strstr(err_text(&e), cases[i].says))
            fail_msg("%s: %s", cases[i].body, err_text(&e));
        err_free(&e);
        buf_free(&out);
    }
}

/* ---- without memory ---- */

static void every_allocation_fails_once(void **state)
{
    (void)state;
    for (const vector *v = all.v; v < all.v + all.count; v++) {
        if (v->mode != MODE_BOTH || !strstr(v->name, ".most"))
            continue;
        flow_message m = taken_apart(v);
        bool again = true;
        for (size_t n = 0; again; n++) {
            buf out = {0}, scratch = {0};
            err e = {0};
            flow_message got;
            fault_at(FAULT_ALLOC, n, ENOMEM);
            weir_rc wrote = flow_write(FLOW_PROTOBUF, v->dir, m.kind, m.body, &out, &e);
            weir_rc read = wrote ? WEIR_OK : flow_read(FLOW_PROTOBUF, v->dir, v->bytes, &got, &scratch, &e);
            again = fault_clear();
            must(v, !wrote || wrote == WEIR_E_NOMEM, "writing without memory", &e);
            must(v, !read || read == WEIR_E_NOMEM, "reading without memory", &e);
            must(v, again || (!wrote && !read), "fails although nothing failed", &e);
            err_free(&e);
            buf_free(&out);
            buf_free(&scratch);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_protobuf),
        cmocka_unit_test(reads_json),
        cmocka_unit_test(transcodes_to_json),
        cmocka_unit_test(writes_protobuf),
        cmocka_unit_test(writes_json),
        cmocka_unit_test(writes_checkpoints_by_hand),
        cmocka_unit_test(writes_rows_by_hand),
        cmocka_unit_test(writes_reads_by_hand),
        cmocka_unit_test(takes_values_apart),
        cmocka_unit_test(refuses_what_is_wrong),
        cmocka_unit_test(says_where_it_is_wrong),
        cmocka_unit_test(refuses_cut_protobuf),
        cmocka_unit_test(refuses_cut_json),
        cmocka_unit_test(survives_changed_bytes),
        cmocka_unit_test(reads_lines),
        cmocka_unit_test(errors_show_what_stands_around),
        cmocka_unit_test(tells_of_line_breaks),
        cmocka_unit_test(reads_the_usual_form_as_any_other),
        cmocka_unit_test(states_have_no_line_breaks),
        cmocka_unit_test(refuses_to_write),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
