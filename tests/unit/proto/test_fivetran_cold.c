/* Fivetran's cold messages. The bytes are those of the protocol page (fivetran.md 1.5), or follow from protobuf's encoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/fivetran/cold.h"

#define BYTES(s) ((weir_view){s, sizeof(s) - 1})
#define TYPE(name) (&fivetran_sdk__v2__##name##__descriptor)

typedef FivetranSdk__V2__ConfigurationFormResponse Form;
typedef FivetranSdk__V2__FormField Field;
typedef FivetranSdk__V2__TestRequest Request;

static void packs(const ProtobufCMessage *m, weir_view expected)
{
    buf out = {0};
    ft_pack(m, &out);
    assert_int_equal(out.len, expected.len);
    assert_memory_equal(out.ptr ? out.ptr : "", expected.ptr, expected.len);
    buf_free(&out);
}

/* A member of a oneof is written even when it is zero, as is what is `optional`. */
static void test_presence(void **state)
{
    (void)state;
    Field text = FIVETRAN_SDK__V2__FORM_FIELD__INIT;
    packs(&text.base, BYTES(""));
    text.type_case = FIVETRAN_SDK__V2__FORM_FIELD__TYPE_TEXT_FIELD;
    packs(&text.base, BYTES("\x28\x00"));
    text._required_case = FIVETRAN_SDK__V2__FORM_FIELD___REQUIRED_REQUIRED;
    packs(&text.base, BYTES("\x18\x00\x28\x00"));

    Field toggle = FIVETRAN_SDK__V2__FORM_FIELD__INIT;
    FivetranSdk__V2__ToggleField nothing = FIVETRAN_SDK__V2__TOGGLE_FIELD__INIT;
    toggle.type_case = FIVETRAN_SDK__V2__FORM_FIELD__TYPE_TOGGLE_FIELD;
    toggle.toggle_field = &nothing;
    packs(&toggle.base, BYTES("\x3a\x00"));

    FivetranSdk__V2__TestResponse no = FIVETRAN_SDK__V2__TEST_RESPONSE__INIT;
    no.response_case = FIVETRAN_SDK__V2__TEST_RESPONSE__RESPONSE_SUCCESS;
    packs(&no.base, BYTES("\x08\x00"));

    FivetranSdk__V2__VisibilityCondition off = FIVETRAN_SDK__V2__VISIBILITY_CONDITION__INIT;
    off.visible_when_case = FIVETRAN_SDK__V2__VISIBILITY_CONDITION__VISIBLE_WHEN_BOOL_VALUE;
    packs(&off.base, BYTES("\x10\x00"));
}

static void *unpacked(arena *a, const ProtobufCMessageDescriptor *type, weir_view bytes)
{
    err e = {0};
    ProtobufCMessage *m = NULL;
    if (ft_unpack(a, type, bytes, &m, &e))
        fail_msg("%s", err_text(&e));
    return m;
}

static void test_unpack(void **state)
{
    (void)state;
    arena a = {0};
    Request *r = unpacked(&a, TYPE(test_request), BYTES("\x0a\x06select\x12\x06\x0a\x01k\x12\x01v\x12\x03\x0a\x01\x6b\x9a\x03\x01?"));
    assert_string_equal(r->name, "select");
    assert_int_equal(r->n_configuration, 2);
    assert_string_equal(r->configuration[0]->key, "k");
    assert_string_equal(r->configuration[0]->value, "v");
    assert_string_equal(r->configuration[1]->value, ""); /* a value that is missing is the default */

    Request *empty = unpacked(&a, TYPE(test_request), (weir_view){0});
    assert_string_equal(empty->name, "");
    assert_int_equal(empty->n_configuration, 0);

    FivetranSdk__V2__Column *c = unpacked(&a, TYPE(column), BYTES("\x0a\x01\x63\x10\x05\x18\x01\x22\x06\x0a\x04\x08\x26\x10\x25"));
    assert_int_equal(c->type, FIVETRAN_SDK__V2__DATA_TYPE__DECIMAL);
    assert_true(c->primary_key);
    assert_int_equal(c->_params_case, FIVETRAN_SDK__V2__COLUMN___PARAMS_PARAMS);
    assert_int_equal(c->params->params_case, FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_DECIMAL);
    assert_int_equal(c->params->decimal->precision, 38);
    assert_int_equal(c->params->decimal->scale, 37);

    /* Of two members of a oneof the last wins. */
    FivetranSdk__V2__TestResponse *t = unpacked(&a, TYPE(test_response), BYTES("\x08\x01\x12\x02no"));
    assert_int_equal(t->response_case, FIVETRAN_SDK__V2__TEST_RESPONSE__RESPONSE_FAILURE);
    assert_string_equal(t->failure, "no");

    FivetranSdk__V2__WriteBatchRequest *w =
        unpacked(&a, TYPE(write_batch_request), BYTES("\x22\x08\x0a\x01\x66\x12\x03\x00\x80\xff\x2a\x01\x66"));
    assert_int_equal(w->keys[0]->value.len, 3);
    assert_memory_equal(w->keys[0]->value.data, "\x00\x80\xff", 3);
    arena_free(&a);
}

static void refused(const ProtobufCMessageDescriptor *type, weir_view bytes, const char *said)
{
    arena a = {0};
    err e = {0};
    ProtobufCMessage *m = NULL;
    assert_int_equal(ft_unpack(&a, type, bytes, &m, &e), WEIR_E_PROTOCOL);
    assert_string_equal(err_text(&e), said);
    assert_null(m);
    err_free(&e);
    arena_free(&a);
}

static void test_refused(void **state)
{
    (void)state;
    refused(TYPE(test_request), BYTES("\x0a\x02\xc3("), "TestRequest: name: not UTF-8");
    refused(TYPE(test_request), BYTES("\x0a\x03\x61\x00\x62"), "TestRequest: name: a NUL inside of a text");
    refused(TYPE(test_request), BYTES("\x0a\x05name"), "TestRequest: field longer than the message");
    refused(TYPE(test_request), BYTES("\x08\x01"), "TestRequest: a field is of another type than it should be");
    refused(TYPE(test_request), BYTES("\x12\x03\x0a\x01k\x12\x03\x0a\x01\xff"), "TestRequest: configuration[1].key: not UTF-8");
    refused(TYPE(test_request), BYTES("\x12\x03\x0a\x01k\x12\x02\x0a\x02"), "TestRequest: configuration[1]: field longer than the message");
    refused(TYPE(configuration_form_response), BYTES("\x1a\x00\x1a\x00\x1a\x03\x0a\x01\x80"), "ConfigurationFormResponse: fields[2].name: not UTF-8");
    /* Fields that nobody knows may hold anything, but not be cut off. */
    refused(TYPE(test_request), BYTES("\xa2\x06\x05\xff"), "TestRequest: field longer than the message");
}

/* Conditional fields hold conditional fields: somebody may send a million of them. */
static void nest(buf *body, char tag)
{
    buf whole = {0};
    buf_addc(&whole, tag);
    if (body->len >= 0x80)
        buf_addc(&whole, (char)(body->len | 0x80));
    buf_addc(&whole, (char)(body->len >= 0x80 ? body->len >> 7 : body->len));
    buf_addv(&whole, buf_view(body));
    buf_free(body);
    *body = whole;
}

static void test_depth(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    buf body = {0};
    ProtobufCMessage *m = NULL;
    for (int i = 0; i < FT_DEPTH; i += 2) {
        nest(&body, 0x12); /* ConditionalFields.fields */
        nest(&body, 0x52); /* FormField.conditional_fields */
    }
    assert_int_equal(ft_unpack(&a, TYPE(form_field), buf_view(&body), &m, &e), WEIR_OK);
    nest(&body, 0x12);
    nest(&body, 0x52);
    assert_int_equal(ft_unpack(&a, TYPE(form_field), buf_view(&body), &m, &e), WEIR_E_PROTOCOL);
    assert_non_null(strstr(err_text(&e), "nested too deeply"));
    arena_free(&a);
    buf_free(&body);
    err_free(&e);
}

static void test_memory(void **state)
{
    (void)state;
    arena a = {.failed = true};
    err e = {0};
    ProtobufCMessage *m = NULL;
    assert_int_equal(ft_unpack(&a, TYPE(test_request), BYTES("\x0a\x01k"), &m, &e), WEIR_E_NOMEM);
    err_free(&e);
}

static void test_text(void **state)
{
    (void)state;
    arena a = {0};
    assert_string_equal(ft_text(&a, BYTES("na\xc3\xafve \xe2\x82\xac")), "na\xc3\xafve \xe2\x82\xac");
    assert_string_equal(ft_text(&a, BYTES("a\xff\0\xed\xa0\x80z")), "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
    assert_string_equal(ft_text(&a, (weir_view){0}), "");
    arena_free(&a);
}

/* A FileDescriptorSet: `1 file` each, of which `1 name`; what a file imports stands before it. */
static void test_descriptors(void **state)
{
    (void)state;
    static const char *const files[] = {"google/protobuf/timestamp.proto", "common.proto", "connector_sdk.proto", "destination_sdk.proto"};
    weir_view set = ft_descriptors();
    const unsigned char *p = (const unsigned char *)set.ptr, *end = p + set.len;
    for (size_t i = 0; i < 4; i++) {
        size_t len = 0;
        assert_int_equal(*p++, 0x0a);
        for (unsigned shift = 0, more = 1; more; shift += 7) {
            len |= (size_t)(*p & 0x7f) << shift;
            more = *p++ & 0x80;
        }
        assert_int_equal(p[0], 0x0a);
        assert_int_equal(p[1], strlen(files[i]));
        assert_memory_equal(p + 2, files[i], p[1]);
        p += len;
    }
    assert_ptr_equal(p, end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presence), cmocka_unit_test(test_unpack), cmocka_unit_test(test_refused),     cmocka_unit_test(test_depth),
        cmocka_unit_test(test_memory),   cmocka_unit_test(test_text),   cmocka_unit_test(test_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
