/* Protobuf's wire format. The bytes are those of the encoding guide of protobuf, and of its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/flow/pb.h"
#include "proto/flow/wire.h"

#define BYTES(s) ((weir_view){s, sizeof(s) - 1})

static void test_numbers(void **state)
{
    static const struct {
        weir_view bytes;
        uint64_t value;
    } vectors[] = {
        {{"\x00", 1}, 0},
        {{"\x01", 1}, 1},
        {{"\x96\x01", 2}, 150},
        {{"\xff\xff\xff\xff\x0f", 5}, UINT32_MAX},
        {{"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10}, (uint64_t)-2},
        {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10}, UINT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        pb_reader r = pb_reader_of(vectors[i].bytes);
        uint64_t v = 1;
        char out[10];
        assert_true(pb_varint(&r, &v));
        assert_int_equal(v, vectors[i].value);
        assert_int_equal(pb_varint_size(v), vectors[i].bytes.len);
        assert_int_equal(pb_put_varint(out, v) - out, vectors[i].bytes.len);
        assert_memory_equal(out, vectors[i].bytes.ptr, vectors[i].bytes.len);
    }
}

static void test_fields(void **state)
{
    (void)state;
    /* 1: 150, 2: "testing", 3: fixed32 1, 4: fixed64 2 */
    pb_reader r = pb_reader_of(BYTES("\x08\x96\x01\x12\x07testing\x1d\x01\0\0\0\x21\x02\0\0\0\0\0\0\0"));
    pb_field f;
    assert_true(pb_next(&r, &f) && f.tag == 1 && f.wire == PB_VARINT && f.number == 150);
    assert_true(pb_next(&r, &f) && f.tag == 2 && f.wire == PB_BYTES && view_is(f.bytes, "testing"));
    assert_true(pb_next(&r, &f) && f.tag == 3 && f.wire == PB_FIXED32 && f.number == 1);
    assert_true(pb_next(&r, &f) && f.tag == 4 && f.wire == PB_FIXED64 && f.number == 2);
    assert_false(pb_next(&r, &f));
    assert_null(r.error);
}

static void test_no_bytes(void **state)
{
    (void)state;
    pb_reader r = pb_reader_of((weir_view){0});
    pb_field f;
    buf json = {0};
    err e = {0};
    assert_false(pb_next(&r, &f));
    assert_null(r.error);
    assert_int_equal(pb_to_json(&flow_request_pb, (weir_view){0}, &json, &e), WEIR_OK);
    assert_string_equal(buf_text(&json), "{}");
    buf_free(&json);
    err_free(&e);
}

/* Enumerations have 32 bits and a sign; whoever wrote a value that we do not know gets it back. */
static void test_unknown_enum(void **state)
{
    static const struct {
        weir_view bytes; /* Request{spec: Spec{connector_type: ...}} */
        const char *json;
    } vectors[] = {
        {WEIR_LIT("\x0a\x02\x08\x08"), "{\"spec\":{\"connectorType\":\"LOCAL\"}}"},
        {WEIR_LIT("\x0a\x02\x08\x63"), "{\"spec\":{\"connectorType\":99}}"},
        {WEIR_LIT("\x0a\x0b\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "{\"spec\":{\"connectorType\":-2}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        buf json = {0}, bytes = {0};
        err e = {0};
        assert_int_equal(pb_to_json(&flow_request_pb, vectors[i].bytes, &json, &e), WEIR_OK);
        assert_string_equal(buf_text(&json), vectors[i].json);
        assert_int_equal(pb_from_json(&flow_request_pb, buf_view(&json), &bytes, &e), WEIR_OK);
        assert_int_equal(bytes.len, vectors[i].bytes.len);
        assert_memory_equal(bytes.ptr, vectors[i].bytes.ptr, bytes.len);
        buf_free(&json);
        buf_free(&bytes);
        err_free(&e);
    }
}

/* A document is what stands between its braces. */
static void test_space_around(void **state)
{
    (void)state;
    buf scratch = {0};
    err e = {0};
    flow_message m;
    /* Response{captured: Captured{doc: "\t{}\n"}}, Response{checkpoint: Checkpoint{state: {updated: " {}"}}} */
    assert_int_equal(flow_read(FLOW_PROTOBUF, FLOW_RESPONSE, BYTES("\x32\x06\x12\x04\t{}\n"), &m, &scratch, &e), WEIR_OK);
    assert_true(view_is(m.doc, "{}"));
    assert_int_equal(flow_read(FLOW_PROTOBUF, FLOW_RESPONSE, BYTES("\x3a\x07\x0a\x05\x0a\x03 {}"), &m, &scratch, &e), WEIR_OK);
    assert_true(view_is(m.state, "{}"));
    buf_free(&scratch);
    err_free(&e);
}

static void test_broken(void **state)
{
    static const weir_view broken[] = {
        WEIR_LIT("\x80"),                                         /* a number that does not end */
        WEIR_LIT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), /* 65 bits */
        WEIR_LIT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        WEIR_LIT("\x08"),             /* no value */
        WEIR_LIT("\x00"),             /* tag 0 */
        WEIR_LIT("\x02x"),            /* tag 0 */
        WEIR_LIT("\x12\x02x"),        /* longer than what is left */
        WEIR_LIT("\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7fx"),
        WEIR_LIT("\x1d\x01\0\0"),     /* half a number */
        WEIR_LIT("\x21\x01\0\0\0"),
        WEIR_LIT("\x0b"),             /* a group */
        WEIR_LIT("\x0f"),             /* no such type */
    };
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        pb_reader r = pb_reader_of(broken[i]);
        pb_field f;
        while (pb_next(&r, &f))
            ;
        if (!r.error || r.p > r.end)
            fail_msg("sample %zu: %s", i, r.error ? r.error : "no error");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_no_bytes),
        cmocka_unit_test(test_unknown_enum),
        cmocka_unit_test(test_space_around),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
