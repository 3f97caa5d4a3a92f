/* Why documents are not valid, and what of them is not told. */
#include "schema_rig.h"

static void check_why(const char *text, const char *doc, const char *why)
{
    buf out = {0};
    rig r = rig_of(text, &(schema_options){.formats = true});
    assert_int_equal(valid(&r, doc, false), *why == '\0');
    checker_explain(r.checker, &r.tape, 3, &out);
    assert_view(buf_view(&out), view_of(why));
    assert_int_equal(valid(&r, doc, true), *why == '\0'); /* explaining leaves nothing behind */
    buf_free(&out);
    rig_free(&r);
}

static void test_reasons(void **state)
{
    (void)state;
    static const char address[] = "{\"properties\":{\"address\":{\"properties\":{\"zip\":{\"type\":\"integer\"}},\"required\":[\"city\"]}}}";
    check_why(address, "{\"address\":{\"city\":1,\"zip\":5}}", "");
    check_why(address, "{\"address\":{\"city\":1}}", "");
    check_why("{\"properties\":{\"address\":{\"properties\":{\"zip\":{\"type\":\"integer\"}}}}}", "{\"address\":{\"zip\":\"x\"}}",
              "/address/zip: \"x\" is not an integer (schema /properties/address/properties/zip/type)\n");
    check_why("{\"required\":[\"a\",\"b\"]}", "{\"a\":1}", "the document: the object lacks \"b\" (schema /required)\n");
    check_why("{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1,\"b\":[1]}",
              "/b: the array is a property that the schema does not know (schema /additionalProperties)\n");
    check_why("{\"propertyNames\":{\"maxLength\":2}}", "{\"ab\":1,\"a\\u0062c\":2}", "/abc: the name \"a\\u0062c\" has 3 characters, more than 2 (schema /propertyNames/maxLength)\n");
    check_why("{\"items\":{\"$ref\":\"#/$defs/positive\"},\"$defs\":{\"positive\":{\"minimum\":1}}}", "[1,0]", "/1: 0 is less than 1 (schema /$defs/positive/minimum)\n");
    check_why("{\"enum\":[1,\"a\"]}", "2", "the document: 2 is none of [1,\"a\"] (schema /enum)\n");
    check_why("{\"const\":{\"a\":[1]}}", "{\"a\":[1,2]}", "the document: the object is not {\"a\":[1]} (schema /const)\n");
    check_why("{\"format\":\"date\"}", "\"2023-02-29\"", "the document: \"2023-02-29\" is no date (schema /format)\n");
    check_why("{\"pattern\":\"^a\"}", "\"ba\"", "the document: \"ba\" does not match the pattern (schema /pattern)\n");
    check_why("{\"uniqueItems\":true}", "[1,2,1.0]", "/2: 1.0 stands in the array twice (schema /uniqueItems)\n");
    check_why("{\"not\":{\"type\":\"null\"}}", "null", "the document: null is what it must not be (schema /not)\n");
    check_why("false", "null", "the document: null is not allowed here (schema )\n");
    check_why("{\"contains\":{\"const\":1},\"minContains\":2}", "[1,2]", "the document: the array has 1 items of the kind that it must have 2 of (schema /contains)\n");
    check_why("{\"if\":{\"type\":\"string\"},\"then\":{\"minLength\":2}}", "\"a\"", "the document: \"a\" has 1 characters, fewer than 2 (schema /then/minLength)\n");
    check_why("{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}", "the document: the object lacks \"b\", which \"a\" needs (schema /dependentRequired)\n");
    check_why("{\"properties\":{\"a\":{}},\"unevaluatedProperties\":false}", "{\"b\":1}", "/b: 1 is a property that no schema knows (schema /unevaluatedProperties)\n");
}

/* The deepest first; of alternatives, the one that came closest. */
static void test_most_telling_reasons(void **state)
{
    (void)state;
    check_why("{\"required\":[\"x\"],\"properties\":{\"a\":{\"properties\":{\"b\":{\"type\":\"null\"}}}}}", "{\"a\":{\"b\":1}}",
              "/a/b: 1 is not null (schema /properties/a/properties/b/type)\n"
              "the document: the object lacks \"x\" (schema /required)\n");
    check_why("{\"anyOf\":[{\"type\":\"string\"},{\"properties\":{\"a\":{\"type\":\"null\"}}}]}", "{\"a\":1}",
              "/a: 1 is not null (schema /anyOf/1/properties/a/type)\n"
              "the document: the object meets none of 2 alternatives (schema /anyOf)\n");
    check_why("{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "3", "the document: 3 meets 2 of 2 alternatives, and must meet just one (schema /oneOf)\n");
}

/* Whether a text has a pattern nobody can tell in any time: the document is refused, also where it would be valid if the pattern were absent. */
#define SLOW "{\"pattern\":\"^(a+)+$\"}"
#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"
#define SHOWN "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa... takes too long for the pattern '^(a+)+$' "

static void test_too_long_patterns(void **state)
{
    (void)state;
    check_why("{\"properties\":{\"v\":" SLOW "}}", "{\"v\":\"aaa\"}", "");
    check_why("{\"properties\":{\"v\":" SLOW "}}", "{\"v\":\"" LONG "\"}", "/v: " SHOWN "(schema /properties/v/pattern)\n");
    check_why("{\"not\":" SLOW "}", "\"" LONG "\"", "the document: " SHOWN "(schema /not/pattern)\n");
    check_why("{\"if\":" SLOW "}", "\"" LONG "\"", "the document: " SHOWN "(schema /if/pattern)\n");
    check_why("{\"if\":" SLOW ",\"then\":false}", "\"" LONG "\"", "the document: " SHOWN "(schema /if/pattern)\n");
    check_why("{\"anyOf\":[" SLOW ",{\"type\":\"string\"}]}", "\"" LONG "\"", "the document: " SHOWN "(schema /anyOf/0/pattern)\n");
    check_why("{\"oneOf\":[{\"type\":\"string\"}," SLOW "]}", "\"" LONG "\"", "the document: " SHOWN "(schema /oneOf/1/pattern)\n");
    check_why("{\"contains\":" SLOW "}", "[\"" LONG "\"]", "/0: " SHOWN "(schema /contains/pattern)\n");
    check_why("{\"propertyNames\":" SLOW "}", "{\"" LONG "\":1}", "/" LONG ": the name " SHOWN "(schema /propertyNames/pattern)\n");
    check_why("{\"patternProperties\":{\"^(a+)+$\":true}}", "{\"" LONG "\":1}",
              "/" LONG ": 1 has a name that takes too long for the pattern '^(a+)+$' (schema /patternProperties)\n");
    /* what is told before still is */
    check_why("{\"required\":[\"x\"],\"properties\":{\"v\":" SLOW "},\"minProperties\":2}", "{\"v\":\"" LONG "\"}",
              "/v: " SHOWN "(schema /properties/v/pattern)\nthe document: the object has 1 members, fewer than 2 (schema /minProperties)\n");
}

/* An alternative that is only looked at for what it notes may take as long as it likes: the document is valid without it. */
static void test_too_long_for_notes(void **state)
{
    (void)state;
    rig r = rig_of("{\"anyOf\":[{\"type\":\"string\"},{\"pattern\":\"^(a+)+$\",\"reduce\":{\"strategy\":\"sum\"}},{\"reduce\":{\"strategy\":\"append\"}}]}", NULL);
    assert_true(valid(&r, "\"" LONG "\"", false));
    assert_true(valid(&r, "\"" LONG "\"", true));
    assert_int_equal(checker_note(r.checker, 0)->reduce, REDUCE_APPEND);
    rig_free(&r);
    r = rig_of("{\"contains\":{\"pattern\":\"^(a+)+$\",\"reduce\":{\"strategy\":\"sum\"}}}", NULL);
    assert_true(valid(&r, "[\"a\",\"" LONG "\",\"a\"]", false));
    assert_true(valid(&r, "[\"a\",\"" LONG "\",\"a\"]", true));
    assert_true(checker_note(r.checker, 1) && !checker_note(r.checker, 2) && checker_note(r.checker, 3));
    rig_free(&r);
}

/* What is redacted somewhere is shown nowhere. */
static void test_secret_values(void **state)
{
    (void)state;
    check_why("{\"properties\":{\"a\":{\"redact\":{\"strategy\":\"block\"}},\"b\":{\"type\":\"null\"}}}", "{\"a\":1,\"b\":\"secret\"}",
              "/b: a string is not null (schema /properties/b/type)\n");
}

/* What is called secret is not shown, whichever schema says so, and whether that one is met or not. */
static void test_values_called_secret(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"properties\":{\"a\":{\"type\":\"integer\",\"secret\":true}}}",
        "{\"properties\":{\"a\":{\"type\":\"integer\",\"airbyte_secret\":true,\"secret\":false}}}",
        "{\"properties\":{\"a\":{\"type\":\"integer\"}},\"additionalProperties\":false,\"allOf\":[{\"properties\":{\"a\":{\"secret\":true,\"type\":\"null\"}}}]}",
        "{\"properties\":{\"a\":{\"type\":\"integer\",\"anyOf\":[true,{\"secret\":true}]}}}",
        "{\"secret\":true,\"properties\":{\"a\":{\"type\":\"integer\"}}}",
        "{\"$ref\":\"#/$defs/s\",\"$defs\":{\"s\":{\"properties\":{\"a\":{\"secret\":true}}}},\"properties\":{\"a\":{\"enum\":[1]}}}",
        "{\"properties\":{\"a\":{\"maxLength\":3}},\"unevaluatedProperties\":{\"secret\":true},\"patternProperties\":{\"a\":{\"secret\":true}}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        buf out = {0};
        rig r = rig_of(texts[i], NULL);
        assert_true(schema_hides(r.schema));
        assert_false(valid(&r, "{\"a\":\"hunter2\"}", true));
        checker_explain(r.checker, &r.tape, 10, &out);
        if (!strstr(buf_text(&out), "/a: a string ") || strstr(buf_text(&out), "hunter2"))
            fail_msg("%s: %s", texts[i], buf_text(&out));
        buf_free(&out);
        rig_free(&r);
    }
    check_why("{\"properties\":{\"a\":{\"secret\":true},\"b\":{\"type\":\"null\"}}}", "{\"a\":1,\"b\":\"shown\"}", "/b: \"shown\" is not null (schema /properties/b/type)\n");
    check_why("{\"properties\":{\"v\":{\"allOf\":[" SLOW ",{\"secret\":true}]}}}", "{\"v\":\"" LONG "\"}",
              "/v: a string takes too long for the pattern '^(a+)+$' (schema /properties/v/allOf/0/pattern)\n");
}

/* Long values are cut, between characters. */
static void test_long_values(void **state)
{
    (void)state;
    check_why("{\"type\":\"null\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4\xc3\xa4\"",
              "the document: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa... is not null (schema /type)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_most_telling_reasons),
        cmocka_unit_test(test_too_long_patterns),
        cmocka_unit_test(test_too_long_for_notes),
        cmocka_unit_test(test_secret_values),
        cmocka_unit_test(test_values_called_secret),
        cmocka_unit_test(test_long_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
