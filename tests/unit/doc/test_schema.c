/* What schemas are refused, what others' schemas are referred to, numbers of any length, what checking costs. That the keywords mean what the drafts say is shown by the
 * public test suite: tests/suites/schema. */
#include "schema_rig.h"

#include <errno.h>
#include <stdio.h>

#include "doc/schema_words.h"
#include "fault.h"

/* ------------------------------------------------------------------------------------------------------------- refusing -- */

static void test_refused_schemas(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{", "1:2: unterminated object"},
        {"3", "schema : a schema is an object, true or false, not a number"},
        {"{\"type\":\"text\"}", "schema /type: there is no such type"},
        {"{\"type\":[]}", "schema /type: an empty list"},
        {"{\"properties\":{\"a/b\":{\"minimum\":\"3\"}}}", "schema /properties/a~1b/minimum: this is a string, and must be a number"},
        {"{\"properties\":{\"a\":3}}", "schema /properties/a: a schema is an object, true or false, not a number"},
        {"{\"items\":[{}]}", "schema /items: a schema is an object, true or false, not an array"},
        {"{\"allOf\":[{},{\"minLength\":-1}]}", "schema /allOf/1/minLength: -1 is no number of something"},
        {"{\"minItems\":1.5}", "schema /minItems: 1.5 is no number of something"},
        {"{\"multipleOf\":0}", "schema /multipleOf: 0 is not greater than 0"},
        {"{\"pattern\":\"a(b\"}", "schema /pattern: regular expression 'a(b': missing closing parenthesis"},
        {"{\"patternProperties\":{\"[\":{}}}", "schema /patternProperties: regular expression '[': a class does not end, at byte 1"},
        {"{\"$ref\":\"#/$defs/x\"}", "schema /$ref: '#/$defs/x' leads nowhere: nothing is there"},
        {"{\"$ref\":\"#x\"}", "schema /$ref: '#x' leads nowhere: there is no anchor 'x'"},
        {"{\"$ref\":\"flow://inferred-schema\"}", "schema /$ref: 'flow://inferred-schema' leads nowhere: there is no schema 'flow://inferred-schema'"},
        {"{\"$schema\":\"https://example.com/mine\"}", "schema /$schema: there is no schema 'https://example.com/mine'"},
        {"{\"required\":[1]}", "schema /required: a list of names"},
        {"{\"reduce\":{\"strategy\":\"biggest\"}}", "schema /reduce: unknown strategy 'biggest'"},
        {"{\"reduce\":\"append\"}", "schema /reduce: this must be an object with a `strategy`"},
        {"{\"reduce\":{\"strategy\":\"append\",\"key\":[\"/a\"]}}", "schema /reduce: unknown option 'key' of this strategy"},
        {"{\"reduce\":{\"strategy\":\"merge\",\"keys\":[\"/a\"]}}", "schema /reduce: unknown option 'keys' of this strategy"},
        {"{\"reduce\":{\"strategy\":\"merge\",\"key\":[\"a\"]}}", "schema /reduce: `key` must be a list of JSON pointers"},
        {"{\"reduce\":{\"strategy\":\"merge\",\"delete\":1}}", "schema /reduce: `delete` must be true or false"},
        {"{\"secret\":\"yes\"}", "schema /secret: this must be true or false"},
        {"{\"airbyte_secret\":1}", "schema /airbyte_secret: this must be true or false"},
        {"{\"redact\":{\"strategy\":\"md5\"}}", "schema /redact: this must be {\"strategy\": \"block\"} or {\"strategy\": \"sha256\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        schema *s = NULL;
        err e = {0};
        assert_int_equal(schema_make(view_of(cases[i].text), NULL, &s, &e), WEIR_E_CONFIG);
        assert_string_equal(err_text(&e), cases[i].why);
        err_free(&e);
    }
    schema *s = NULL;
    err e = {0};
    assert_int_equal(schema_make(VIEW("{\"type\":1}"), &(schema_options){.file = "a.json"}, &s, &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), "a.json: schema /type: there is no such type");
    err_free(&e);
}

/* ------------------------------------------------------------------------------------------------------------ referring -- */

static weir_rc fetch_one(void *arg, weir_view uri, weir_view *ret, err *e)
{
    (void)e;
    if (view_eq(uri, *(const weir_view *)arg))
        *ret = VIEW("{\"$defs\":{\"n\":{\"type\":\"number\"}}}");
    return WEIR_OK;
}

static void test_schemas_of_others(void **state)
{
    (void)state;
    arena a = {0};
    tree *known = NULL;
    err e = {0};
    weir_view uri = VIEW("https://example.com/numbers.json");
    assert_int_equal(tree_parse(&a, VIEW("{\"flow://write-schema\":{\"required\":[\"id\"],\"properties\":{\"n\":{\"$ref\":\"https://example.com/numbers.json#/$defs/n\"}}}}"), NULL,
                                WEIR_E_CONFIG, &known, &e), WEIR_OK);
    rig r = rig_of("{\"allOf\":[{\"$ref\":\"flow://write-schema\"},{\"$ref\":\"flow://connector-schema\"}],\"$defs\":{\"flow://connector-schema\":{\"required\":[\"c\"]}}}",
                   &(schema_options){.known = known, .fetch = fetch_one, .arg = &uri});
    assert_true(valid(&r, "{\"id\":1,\"c\":2,\"n\":3}", false));
    assert_false(valid(&r, "{\"c\":2}", false));
    assert_false(valid(&r, "{\"id\":2}", false));
    assert_false(valid(&r, "{\"id\":1,\"c\":2,\"n\":\"\"}", false));
    buf out = {0};
    checker_explain(r.checker, &r.tape, 1, &out);
    assert_view(buf_view(&out), VIEW("/n: \"\" is not a number (schema https://example.com/numbers.json#/$defs/n/type)\n"));
    buf_free(&out);
    rig_free(&r);
    arena_free(&a);
    err_free(&e);
}

/* The drafts' own schemas are valid by themselves, and know what no schema may say. */
static void test_metaschemas(void **state)
{
    (void)state;
    static const char *const drafts[] = {"http://json-schema.org/draft-04/schema", "http://json-schema.org/draft-06/schema", "http://json-schema.org/draft-07/schema",
                                         "https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema"};
    static const char *const bad[] = {"1", "{\"type\":1}", "{\"type\":[\"text\"]}", "{\"minLength\":-1}", "{\"maxItems\":1.5}", "{\"allOf\":[]}", "{\"anyOf\":[1]}", "{\"required\":[1]}",
                                      "{\"properties\":{\"a\":{\"not\":{\"pattern\":1}}}}", "{\"multipleOf\":0}", "{\"definitions\":{\"a\":{\"uniqueItems\":1}}}"};
    for (size_t i = 0; i < sizeof drafts / sizeof *drafts; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"$schema\":\"%s\",\"$ref\":\"%s#\"}", drafts[i], drafts[i]);
        rig r = rig_of(text, NULL);
        buf meta = {0};
        buf_addv(&meta, metaschema_at(view_of(drafts[i])));
        assert_true(valid(&r, buf_text(&meta), false));
        assert_true(valid(&r, "{\"properties\":{\"a\":{\"type\":[\"integer\",\"null\"]}},\"required\":[\"a\"],\"items\":{}}", false));
        for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
            if (valid(&r, bad[k], false))
                fail_msg("%s takes %s", drafts[i], bad[k]);
        assert_int_equal(valid(&r, "true", false), i > 0);
        assert_int_equal(valid(&r, "{\"exclusiveMinimum\":1}", false), i > 0);
        buf_free(&meta);
        rig_free(&r);
    }
}

static void test_endless_reference(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"$ref\":\"#\"}", "{\"allOf\":[{\"$ref\":\"#\"}]}", "{\"not\":{\"$ref\":\"#\"}}", "{\"$dynamicRef\":\"#x\",\"$dynamicAnchor\":\"x\"}",
                                        "{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool good;
        rig r = rig_of(texts[i], NULL);
        assert_int_equal(tape_read(&r.tape, VIEW("1"), &r.e), WEIR_OK);
        assert_int_equal(checker_run(r.checker, &r.tape, false, &good, &r.e), WEIR_E_CONFIG);
        assert_string_equal(err_text(&r.e), "the schema refers to itself without end");
        rig_free(&r);
    }
}

static void test_deep_documents(void **state)
{
    (void)state;
    buf doc = {0};
    for (int i = 0; i < 1000; i++)
        buf_addc(&doc, '[');
    for (int i = 0; i < 1000; i++)
        buf_addc(&doc, ']');
    rig r = rig_of("{\"$ref\":\"#/$defs/l\",\"$defs\":{\"l\":{\"type\":\"array\",\"anyOf\":[{\"items\":{\"$ref\":\"#/$defs/l\"}}]}}}", NULL);
    assert_true(valid(&r, buf_text(&doc), true));
    rig_free(&r);
    buf_free(&doc);
}

/* -------------------------------------------------------------------------------------------------------- exact numbers -- */

static void test_numbers_of_any_length(void **state)
{
    (void)state;
    static const struct {
        const char *text, *doc;
        bool valid;
    } cases[] = {
        {"{\"maximum\":9007199254740992}", "9007199254740993", false},
        {"{\"maximum\":9007199254740993}", "9007199254740993.0", true},
        {"{\"exclusiveMinimum\":0.1}", "0.10000000000000000000000000000000000001", true},
        {"{\"exclusiveMinimum\":0.1}", "1e-1", false},
        {"{\"const\":123456789012345678901234567890}", "123456789012345678901234567890.0", true},
        {"{\"const\":123456789012345678901234567890}", "123456789012345678901234567891", false},
        {"{\"enum\":[1,2,3,4,5,6,7,8,9,1e400]}", "10e399", true},
        {"{\"type\":\"integer\"}", "1e400", true},
        {"{\"type\":\"integer\"}", "1e-400", false},
        {"{\"type\":\"integer\"}", "12345678901234567890.5", false},
        {"{\"multipleOf\":0.01}", "4.35", true},
        {"{\"multipleOf\":0.01}", "4.355", false},
        {"{\"multipleOf\":1e-400}", "3", true},
        {"{\"multipleOf\":123456789012345678901234567890}", "246913578024691357802469135780", true},
        {"{\"multipleOf\":123456789012345678901234567890}", "246913578024691357802469135781", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig r = rig_of(cases[i].text, NULL);
        if (valid(&r, cases[i].doc, false) != cases[i].valid)
            fail_msg("%s: %s", cases[i].text, cases[i].doc);
        rig_free(&r);
    }
}

/* Large arrays: one item is there twice, or none. */
static void test_unique_items(void **state)
{
    (void)state;
    rig r = rig_of("{\"uniqueItems\":true}", NULL);
    for (size_t count = 1; count < 200; count += 13) {
        for (int twice = 0; twice < 4; twice++) {
            static const char *const last[] = {"\"none\"", "0.0", "{\"k\":1e0,\"\\u0061\":[]}", "\"\\u0074ext\""};
            buf doc = {0};
            buf_adds(&doc, "[\"text\",{\"a\":[],\"k\":1}");
            for (size_t i = 0; i < count; i++)
                buf_printf(&doc, i % 2 ? ",\"%zu\"" : ",%zu", i);
            buf_printf(&doc, ",%s]", last[twice]);
            assert_int_equal(valid(&r, buf_text(&doc), false), twice == 0);
            buf_free(&doc);
        }
    }
    rig_free(&r);
}

/* ---------------------------------------------------------------------------------------------------------------- memory -- */

static const char everything[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://example.com/a\",\"reduce\":{\"strategy\":\"merge\",\"key\":[\"/a\"]},"
    "\"properties\":{\"a\":{\"enum\":[1,2,3,4,5,6,7,8,9,\"x\"]},\"b\":{\"pattern\":\"^\\\\d+$\",\"redact\":{\"strategy\":\"block\"},\"allOf\":[{\"reduce\":{\"strategy\":\"sum\"}}]},"
    "\"m\":{\"multipleOf\":1234567890123456789012},\"u\":{\"uniqueItems\":true}},"
    "\"patternProperties\":{\"^p\":{\"$dynamicRef\":\"#n\"}},\"anyOf\":[{\"properties\":{\"q\":{\"$ref\":\"b#/$defs/q\"}}},{\"required\":[\"x\"]}],"
    "\"unevaluatedProperties\":false,\"$defs\":{\"n\":{\"$dynamicAnchor\":\"n\",\"type\":\"integer\"},\"b\":{\"$id\":\"b\",\"$defs\":{\"q\":{\"format\":\"date\"}}}}}";
static const char document[] =
    "{\"a\":\"\\u0078\",\"b\":\"1\\u0032\",\"p1\":3,\"\\u0070\":4,\"q\":\"2024-01-31\",\"m\":1234567890123456789012,\"u\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,{\"a\":[]}]}";

static void test_no_allocation(void **state)
{
    (void)state;
    rig r = rig_of(everything, &(schema_options){.formats = true});
    assert_true(valid(&r, document, true));
    fault_from(FAULT_ALLOC, 0, ENOMEM);
    bool good = false;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tape_read(&r.tape, VIEW(document), &r.e), WEIR_OK);
        assert_int_equal(checker_run(r.checker, &r.tape, i > 0, &good, &r.e), WEIR_OK);
    }
    assert_false(fault_clear());
    assert_true(good);
    rig_free(&r);
}

/* Each allocation fails in turn: that is said, and nothing is leaked. */
static void test_memory(void **state)
{
    (void)state;
    bool again = true;
    for (size_t n = 0; again; n++) {
        rig r = {0};
        bool good = false;
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = schema_make(VIEW(everything), &(schema_options){.formats = true}, &r.schema, &r.e);
        rc = rc ? rc : checker_make(r.schema, &r.checker, &r.e);
        rc = rc ? rc : tape_read(&r.tape, VIEW(document), &r.e);
        rc = rc ? rc : checker_run(r.checker, &r.tape, true, &good, &r.e);
        again = fault_clear();
        assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
        assert_true(again || good);
        rig_free(&r);
    }
}

/* A checker that met the end of memory is as good as before. */
static void test_memory_comes_back(void **state)
{
    (void)state;
    bool again = true;
    rig r = rig_of(everything, NULL);
    for (size_t n = 0; again; n++) {
        bool good = false;
        checker_free(r.checker);
        assert_int_equal(checker_make(r.schema, &r.checker, &r.e), WEIR_OK);
        assert_int_equal(tape_read(&r.tape, VIEW(document), &r.e), WEIR_OK);
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = checker_run(r.checker, &r.tape, true, &good, &r.e);
        again = fault_clear();
        assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
        assert_true(valid(&r, document, true));
        assert_int_equal(note_at(&r, "b", NULL)->reduce, REDUCE_SUM);
        assert_int_equal(note_at(&r, "b", NULL)->redact, REDACT_BLOCK);
    }
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_schemas),
        cmocka_unit_test(test_schemas_of_others),
        cmocka_unit_test(test_metaschemas),
        cmocka_unit_test(test_endless_reference),
        cmocka_unit_test(test_deep_documents),
        cmocka_unit_test(test_numbers_of_any_length),
        cmocka_unit_test(test_unique_items),
        cmocka_unit_test(test_no_allocation),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_memory_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
