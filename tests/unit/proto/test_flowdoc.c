/* flowdoc: /_meta/row_id in documents and schemas. Expected values are those of flow-sdk 0.1.9's shims (docs/protocols/flow.md 10.2, 10.3). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json/patch.h"
#include "json/scan.h"
#include "proto/flowdoc.h"

/* Head and rest as one text, the document in a block of exactly its size. */
static void join(const char *doc, bool lines, uint64_t row_id, bool deletion, buf *out, buf *head)
{
    size_t len = strlen(doc);
    char *block = malloc(len);
    assert_non_null(block);
    memcpy(block, doc, len);
    weir_view rest;
    err e = {0};
    if (flowdoc_split(head, (weir_view){block, len}, lines, row_id, deletion, &rest, &e))
        fail_msg("%s: %s", doc, err_text(&e));
    buf_clear(out);
    buf_addv(out, buf_view(head));
    buf_addv(out, rest);
    free(block);
}

static const struct {
    const char *doc;
    bool deletion;
    const char *expected;
} docs[] = {
    {"{\"a\":1}", false, "{\"_meta\":{\"row_id\":7},\"a\":1}"},
    {"{}", false, "{\"_meta\":{\"row_id\":7}}"},
    {"{ }", false, "{\"_meta\":{\"row_id\":7} }"},
    {"{\"a\":1}", true, "{\"_meta\":{\"row_id\":7,\"op\":\"d\"},\"a\":1}"},
    /* Other members of a /_meta stay; a row_id that is there is replaced. */
    {"{\"a\":1,\"_meta\":{\"x\":[1, 2]},\"b\":2}", false, "{\"a\":1,\"_meta\":{\"x\":[1,2],\"row_id\":7},\"b\":2}"},
    {"{\"_meta\":{}}", false, "{\"_meta\":{\"row_id\":7}}"},
    {"{\"_meta\":null,\"a\":1}", false, "{\"_meta\":{\"row_id\":7},\"a\":1}"},
    {"{\"_meta\":{\"row_id\":\"old\",\"op\":\"u\"}}", false, "{\"_meta\":{\"op\":\"u\",\"row_id\":7}}"},
    {"{\"_meta\":{\"row_id\":\"old\",\"op\":\"u\"}}", true, "{\"_meta\":{\"row_id\":7,\"op\":\"d\"}}"},
    /* However it is written; of two the last is the one that readers see. */
    {"{\"\\u005fmeta\":{\"x\":1}}", false, "{\"\\u005fmeta\":{\"x\":1,\"row_id\":7}}"},
    {"{\"_m\\u0065ta\":{\"x\":1}}", false, "{\"_m\\u0065ta\":{\"x\":1,\"row_id\":7}}"},
    {"{\"_meta\":{\"x\":1},\"_meta\":{\"y\":1}}", false, "{\"_meta\":{\"x\":1},\"_meta\":{\"y\":1,\"row_id\":7}}"},
    /* What only looks like it. */
    {"{\"a\":\"_meta\",\"b\":{\"_meta\":1},\"_met\":1,\"_meta2\":2,\"\\\"_meta\":3}", false,
     "{\"_meta\":{\"row_id\":7},\"a\":\"_meta\",\"b\":{\"_meta\":1},\"_met\":1,\"_meta2\":2,\"\\\"_meta\":3}"},
    {"{\"_\\\"\":1,\"\\ud83d\\ude00\":2,\"_meta\\\"\":3}", false, "{\"_meta\":{\"row_id\":7},\"_\\\"\":1,\"\\ud83d\\ude00\":2,\"_meta\\\"\":3}"},
};

static void documents_get_a_row_id(void **state)
{
    (void)state;
    buf out = {0}, head = {0};
    for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
        join(docs[i].doc, false, 7, docs[i].deletion, &out, &head);
        assert_string_equal(buf_text(&out), docs[i].expected);
        assert_true(json_check(buf_view(&out), NULL, NULL));
    }
    join("{\"a\":1}", false, UINT64_MAX, false, &out, &head);
    assert_string_equal(buf_text(&out), "{\"_meta\":{\"row_id\":18446744073709551615},\"a\":1}");
    buf_free(&out);
    buf_free(&head);
}

/* Wherever in a document it stands: every distance from the blocks that are searched at once. */
static void meta_is_found_anywhere(void **state)
{
    (void)state;
    buf out = {0}, head = {0}, doc = {0}, expected = {0};
    for (int before = 0; before < 40; before++)
        for (int behind = 0; behind < 40; behind++) {
            buf_clear(&doc);
            buf_clear(&expected);
            buf_printf(&doc, "{\"%*s\":0,\"_meta\":{\"x\":1},\"%*s\":0}", before, "", behind + 40, "");
            buf_printf(&expected, "{\"%*s\":0,\"_meta\":{\"x\":1,\"row_id\":1},\"%*s\":0}", before, "", behind + 40, "");
            join(buf_text(&doc), false, 1, false, &out, &head);
            assert_string_equal(buf_text(&out), buf_text(&expected));
        }
    buf_free(&out);
    buf_free(&head);
    buf_free(&doc);
    buf_free(&expected);
}

/* With raw line breaks the head has none; the rest is compacted by who writes it. */
static void heads_have_no_line_breaks(void **state)
{
    (void)state;
    buf out = {0}, head = {0};
    join("{\r\"a\":1,\r\"_meta\":\r{\"x\":\r1},\r\"b\":2}", true, 7, false, &out, &head);
    assert_string_equal(buf_text(&head), "{\"a\":1,\"_meta\":{\"x\":1,\"row_id\":7}");
    join("{\r}", true, 7, false, &out, &head);
    assert_string_equal(buf_text(&head), "{\"_meta\":{\"row_id\":7}");
    buf_free(&out);
    buf_free(&head);
}

static void other_kinds_of_meta_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"{\"_meta\":1}", "{\"_meta\":\"x\"}", "{\"_meta\":[]}", "{\"a\":1,\"_meta\":true}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf head = {0};
        err e = {0};
        weir_view rest;
        assert_int_equal(flowdoc_split(&head, view_of(bad[i]), false, 1, false, &rest, &e), WEIR_E_PROTOCOL);
        assert_true(view_starts(view_of(err_text(&e)), VIEW("the document's /_meta is no object")));
        buf_free(&head);
        err_free(&e);
    }
}

/* ---- schemas ---- */

static const flowdoc_rules airbyte = {.row_id = WEIR_LIT("{\"type\":\"integer\"}")};
static const flowdoc_rules singer = {.row_id = WEIR_LIT("{\"type\":[\"integer\"]}"), .root_requires = true};
static const flowdoc_rules deleting = {.row_id = WEIR_LIT("{\"type\":\"integer\"}"), .deletes = true};

static const struct {
    const flowdoc_rules *rules;
    const char *schema, *expected, *back; /* NULL: as it was */
} schemas[] = {
    {&airbyte, "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}},\"required\":[\"id\"]}",
     "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":{\"type\":\"integer\"}},"
     "\"required\":[\"row_id\"]}},\"required\":[\"id\"],\"x-infer-schema\":true}",
     NULL},
    {&airbyte, "{}", "{\"properties\":{\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":{\"type\":\"integer\"}},\"required\":[\"row_id\"]}},\"x-infer-schema\":true}",
     "{\"properties\":{}}"},
    {&airbyte, "{\"properties\":{\"\":{},\"_meta\":{\"properties\":{\"x\":{}},\"required\":[\"x\"],\"title\":\"T\"}},\"additionalProperties\":false}",
     "{\"properties\":{\"\":{},\"_meta\":{\"properties\":{\"x\":{},\"row_id\":{\"type\":\"integer\"}},\"required\":[\"x\",\"row_id\"],\"title\":\"T\"}},"
     "\"additionalProperties\":false,\"x-infer-schema\":true}",
     NULL},
    {&singer, "{\"properties\":{\"a\":{}}}",
     "{\"properties\":{\"a\":{},\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":{\"type\":[\"integer\"]}},\"required\":[\"row_id\"]}},"
     "\"required\":[\"_meta\"],\"x-infer-schema\":true}",
     NULL},
    {&singer, "{\"properties\":{\"a\":{}},\"required\":[\"a\"]}",
     "{\"properties\":{\"a\":{},\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":{\"type\":[\"integer\"]}},\"required\":[\"row_id\"]}},"
     "\"required\":[\"a\",\"_meta\"],\"x-infer-schema\":true}",
     NULL},
    {&deleting, "{\"properties\":{\"_ab_cdc_deleted_at\":{}}}",
     "{\"properties\":{\"_ab_cdc_deleted_at\":{},\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":{\"type\":\"integer\"},\"op\":{\"type\":\"string\"}},"
     "\"required\":[\"row_id\"]}},\"x-infer-schema\":true}",
     NULL},
};

static void schemas_gain_it_and_lose_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        buf out = {0}, back = {0};
        err e = {0};
        assert_int_equal(flowdoc_schema(&out, view_of(schemas[i].schema), schemas[i].rules, &e), WEIR_OK);
        if (!json_equal(buf_view(&out), view_of(schemas[i].expected)))
            fail_msg("%s\nexpected %s", buf_text(&out), schemas[i].expected);
        assert_int_equal(flowdoc_plain_schema(&back, buf_view(&out), &e), WEIR_OK);
        const char *expected = schemas[i].back ? schemas[i].back : schemas[i].schema;
        if (!json_equal(buf_view(&back), view_of(expected)))
            fail_msg("%s\nexpected %s", buf_text(&back), expected);
        buf_free(&out);
        buf_free(&back);
    }
}

/* A schema that never got anything stays as it is. */
static void plain_schemas_stay(void **state)
{
    (void)state;
    static const char *const plain[] = {"{}", "{\"type\":\"object\"}", "{\"properties\":{\"_meta\":{\"type\":\"object\"}},\"required\":[\"_meta\"]}",
                                        "{\"properties\":true}", "{\"properties\":{\"_meta\":{\"properties\":{\"op\":{}}}},\"required\":[]}"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        buf out = {0};
        err e = {0};
        assert_int_equal(flowdoc_plain_schema(&out, view_of(plain[i]), &e), WEIR_OK);
        if (!json_equal(buf_view(&out), view_of(plain[i])))
            fail_msg("%s became %s", plain[i], buf_text(&out));
        buf_free(&out);
    }
}

static void what_is_no_schema_is_refused(void **state)
{
    (void)state;
    buf out = {0};
    err e = {0};
    assert_int_equal(flowdoc_schema(&out, VIEW("true"), &airbyte, &e), WEIR_E_PROTOCOL);
    assert_string_equal(err_text(&e), "schema of documents: expected an object, found a boolean");
    assert_int_equal(flowdoc_plain_schema(&out, VIEW("{"), &e), WEIR_E_CONFIG);
    buf_free(&out);
    err_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_get_a_row_id), cmocka_unit_test(meta_is_found_anywhere),    cmocka_unit_test(heads_have_no_line_breaks),
        cmocka_unit_test(other_kinds_of_meta_are_refused), cmocka_unit_test(schemas_gain_it_and_lose_it), cmocka_unit_test(plain_schemas_stay),
        cmocka_unit_test(what_is_no_schema_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
