/* What schemas are refused, why documents are not valid, what is noted of them (flow.md 8.2), what others' schemas are referred to. That the keywords mean what the
 * drafts say is shown by the public test suite: tests/suites/schema. */
#include "json/helpers.h"

#include <errno.h>
#include <stdio.h>

#include "doc/schema.h"
#include "doc/schema_words.h"
#include "fault.h"

typedef struct rig {
    schema *schema;
    checker *checker;
    tape tape;
    err e;
} rig;

static rig rig_of(const char *text, const schema_options *o)
{
    rig r = {0};
    weir_rc rc = schema_make(view_of(text), o, &r.schema, &r.e);
    rc = rc ? rc : checker_make(r.schema, &r.checker, &r.e);
    if (rc)
        fail_msg("%s: %s", text, err_text(&r.e));
    return r;
}

static void rig_free(rig *r)
{
    tape_free(&r->tape);
    checker_free(r->checker);
    schema_free(r->schema);
    err_free(&r->e);
}

static bool valid(rig *r, const char *doc, bool notes)
{
    bool good = false;
    if (tape_read(&r->tape, view_of(doc), &r->e) || checker_run(r->checker, &r->tape, notes, &good, &r->e))
        fail_msg("%s: %s", doc, err_text(&r->e));
    return good;
}

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

/* ------------------------------------------------------------------------------------------------------------ explaining -- */

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

/* --------------------------------------------------------------------------------------------------------------- noting -- */

static const note *note_at(rig *r, const char *a, const char *b)
{
    const weir_view tokens[] = {view_of(a), view_of(b)};
    uint32_t node = tape_at(&r->tape, 0, tokens, (size_t)(a != NULL) + (b != NULL));
    assert_int_not_equal(node, UINT32_MAX);
    return checker_note(r->checker, node);
}

/* Titles, defaults and secrets come beside reductions, of schemas that apply; the first one says what it is called. */
static void test_titles_defaults_secrets(void **state)
{
    (void)state;
    rig r = rig_of("{\"title\":\"all\",\"properties\":{\"a\":{\"title\":\"A\",\"allOf\":[{\"title\":\"other\",\"default\":[1, {\"b\":null}]},{\"secret\":true},"
                   "{\"reduce\":{\"strategy\":\"sum\"}}]},\"b\":{\"anyOf\":[{\"type\":\"string\",\"title\":\"text\",\"airbyte_secret\":true},"
                   "{\"type\":\"integer\",\"default\":7,\"title\":3}]}}}", NULL);
    assert_true(schema_reduces(r.schema) && schema_hides(r.schema) && !schema_redacts(r.schema));
    assert_true(valid(&r, "{\"a\":1,\"b\":2}", true));
    const note *n = note_at(&r, NULL, NULL);
    assert_view(n->title, VIEW("all"));
    assert_false(n->secret || n->reduces || n->fallback.len);
    n = note_at(&r, "a", NULL);
    assert_view(n->title, VIEW("A"));
    assert_view(n->fallback, VIEW("[1, {\"b\":null}]"));
    assert_true(n->secret && n->reduces && n->reduce == REDUCE_SUM);
    n = note_at(&r, "b", NULL);
    assert_view(n->fallback, VIEW("7"));
    assert_false(n->secret || n->title.len);
    assert_true(checker_hides(r.checker, 1, TREE_NUMBER) && !checker_hides(r.checker, 2, TREE_NUMBER) && checker_hides(r.checker, 2, TREE_OBJECT));
    assert_true(valid(&r, "{\"b\":\"x\"}", true));
    n = note_at(&r, "b", NULL);
    assert_true(n->secret);
    assert_view(n->title, VIEW("text"));
    assert_true(valid(&r, "{\"b\":\"x\"}", false));
    assert_null(note_at(&r, "b", NULL));
    rig_free(&r);
}

static void test_strategies(void **state)
{
    (void)state;
    static const struct {
        const char *reduce;
        reduce_strategy strategy;
        bool del, not_associative;
        size_t keys;
    } cases[] = {
        {"{\"strategy\":\"append\"}", REDUCE_APPEND, false, false, 0},
        {"{\"strategy\":\"firstWriteWins\"}", REDUCE_FIRST_WRITE_WINS, false, false, 0},
        {"{\"strategy\":\"lastWriteWins\"}", REDUCE_LAST_WRITE_WINS, false, false, 0},
        {"{\"strategy\":\"lastWriteWins\",\"delete\":true}", REDUCE_LAST_WRITE_WINS, true, false, 0},
        {"{\"strategy\":\"lastWriteWins\",\"associative\":false}", REDUCE_LAST_WRITE_WINS, false, true, 0},
        {"{\"strategy\":\"maximize\",\"key\":[\"/a\",\"/b/c~1d\"]}", REDUCE_MAXIMIZE, false, false, 2},
        {"{\"strategy\":\"minimize\"}", REDUCE_MINIMIZE, false, false, 0},
        {"{\"strategy\":\"merge\",\"key\":[\"\"],\"delete\":true}", REDUCE_MERGE, true, false, 1},
        {"{\"strategy\":\"set\",\"key\":[\"/0\"]}", REDUCE_SET, false, false, 1},
        {"{\"strategy\":\"sum\"}", REDUCE_SUM, false, false, 0},
        {"{\"strategy\":\"jsonSchemaMerge\"}", REDUCE_JSON_SCHEMA_MERGE, false, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"reduce\":%s}", cases[i].reduce);
        rig r = rig_of(text, NULL);
        assert_true(schema_reduces(r.schema));
        assert_true(valid(&r, "{}", true));
        const note *n = note_at(&r, NULL, NULL);
        assert_non_null(n);
        assert_true(n->reduces);
        assert_int_equal(n->reduce, cases[i].strategy);
        assert_int_equal(n->del, cases[i].del);
        assert_int_equal(n->not_associative, cases[i].not_associative);
        assert_int_equal(n->key_count, cases[i].keys);
        if (cases[i].keys == 2) {
            assert_int_equal(n->keys[1].count, 2);
            assert_view(n->keys[1].tokens[1], VIEW("c/d"));
        }
        rig_free(&r);
    }
}

static void test_notes_of_places(void **state)
{
    (void)state;
    rig r = rig_of("{\"reduce\":{\"strategy\":\"merge\"},\"properties\":{\"n\":{\"reduce\":{\"strategy\":\"sum\"}},\"l\":{\"items\":{\"redact\":{\"strategy\":\"block\"}}}},"
                   "\"additionalProperties\":{\"reduce\":{\"strategy\":\"minimize\"}}}", NULL);
    assert_true(valid(&r, "{\"n\":1,\"l\":[1,2],\"x\":{\"y\":3}}", true));
    assert_int_equal(note_at(&r, NULL, NULL)->reduce, REDUCE_MERGE);
    assert_int_equal(note_at(&r, "n", NULL)->reduce, REDUCE_SUM);
    assert_null(note_at(&r, "l", NULL));
    assert_int_equal(note_at(&r, "l", "1")->redact, REDACT_BLOCK);
    assert_false(note_at(&r, "l", "1")->reduces);
    assert_int_equal(note_at(&r, "x", NULL)->reduce, REDUCE_MINIMIZE);
    assert_null(note_at(&r, "x", "y"));
    /* the next run begins anew; without notes there are none */
    assert_true(valid(&r, "{\"l\":1,\"n\":2}", true));
    assert_null(note_at(&r, "l", NULL));
    assert_true(valid(&r, "{\"n\":1}", false));
    assert_null(note_at(&r, "n", NULL));
    rig_free(&r);
}

/* A schema that fails notes nothing, and neither does what is inside of it. */
static void test_notes_of_what_fails(void **state)
{
    (void)state;
    rig r = rig_of("{\"anyOf\":[{\"properties\":{\"v\":{\"reduce\":{\"strategy\":\"sum\"},\"type\":\"number\"},\"k\":{\"const\":1}}},"
                   "{\"properties\":{\"v\":{\"reduce\":{\"strategy\":\"minimize\"}},\"k\":{\"const\":2}}},true],"
                   "\"not\":{\"properties\":{\"k\":{\"reduce\":{\"strategy\":\"sum\"},\"const\":3}}}}", NULL);
    assert_true(valid(&r, "{\"v\":1,\"k\":1}", true));
    assert_int_equal(note_at(&r, "v", NULL)->reduce, REDUCE_SUM);
    assert_true(valid(&r, "{\"v\":1,\"k\":2}", true)); /* both hold of v alone; k decides */
    assert_int_equal(note_at(&r, "v", NULL)->reduce, REDUCE_MINIMIZE);
    assert_true(valid(&r, "{\"v\":1,\"k\":9}", true));
    assert_null(note_at(&r, "v", NULL));
    assert_null(note_at(&r, "k", NULL));
    rig_free(&r);
}

/* How deletions are noted (flow.md 8.2). */
static void test_conditional_notes(void **state)
{
    (void)state;
    rig r = rig_of("{\"if\":{\"properties\":{\"op\":{\"const\":\"d\"}},\"required\":[\"op\"]},"
                   "\"then\":{\"reduce\":{\"strategy\":\"merge\",\"delete\":true}},\"else\":{\"reduce\":{\"strategy\":\"merge\"}}}", NULL);
    assert_true(valid(&r, "{\"op\":\"d\"}", true));
    assert_true(note_at(&r, NULL, NULL)->del);
    assert_true(valid(&r, "{\"op\":\"u\"}", true));
    assert_false(note_at(&r, NULL, NULL)->del);
    rig_free(&r);
}

/* What is said of different things, or twice, is put together. */
static void test_notes_of_two_schemas(void **state)
{
    (void)state;
    rig r = rig_of("{\"properties\":{\"v\":{\"reduce\":{\"strategy\":\"maximize\",\"key\":[\"/a\"]},\"allOf\":[{\"redact\":{\"strategy\":\"sha256\"}},{\"$ref\":\"#/$defs/max\"}]}},"
                   "\"$defs\":{\"max\":{\"reduce\":{\"strategy\":\"maximize\",\"key\":[\"/a\"]}}}}", NULL);
    assert_true(schema_redacts(r.schema));
    assert_true(valid(&r, "{\"v\":1}", true));
    assert_int_equal(note_at(&r, "v", NULL)->reduce, REDUCE_MAXIMIZE);
    assert_int_equal(note_at(&r, "v", NULL)->redact, REDACT_SHA256);
    rig_free(&r);
    r = rig_of("{\"title\":\"x\"}", NULL);
    assert_false(schema_reduces(r.schema) || schema_redacts(r.schema));
    rig_free(&r);
}

/* Different reductions of one place are an error, as long as all of them count. */
static void test_conflicting_notes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *doc, *why;
    } cases[] = {
        {"{\"properties\":{\"v\":{\"allOf\":[{\"reduce\":{\"strategy\":\"sum\"}},{\"reduce\":{\"strategy\":\"append\"}}]}}}", "{\"v\":1}",
         "the schema notes different things of '/v': reduce sum; reduce append"},
        {"{\"reduce\":{\"strategy\":\"merge\"},\"if\":true,\"then\":{\"reduce\":{\"strategy\":\"merge\",\"delete\":true}}}", "{}",
         "the schema notes different things of '': reduce merge; reduce merge with delete"},
        {"{\"anyOf\":[{\"reduce\":{\"strategy\":\"merge\",\"key\":[\"/a\"]}},{\"reduce\":{\"strategy\":\"merge\",\"key\":[\"/b\"]}}]}", "[]",
         "the schema notes different things of '': reduce merge by a key; reduce merge by a key"},
        {"{\"redact\":{\"strategy\":\"block\"},\"$ref\":\"#/$defs/s\",\"$defs\":{\"s\":{\"redact\":{\"strategy\":\"sha256\"}}}}", "1",
         "the schema notes different things of '': redact block; redact sha256"},
        {"{\"reduce\":{\"strategy\":\"sum\"},\"anyOf\":[{\"reduce\":{\"strategy\":\"append\"},\"type\":\"null\"},true]}", "1", NULL},
        {"{\"reduce\":{\"strategy\":\"sum\"},\"anyOf\":[{\"$ref\":\"#/$defs/a\"},true],\"$defs\":{\"a\":{\"reduce\":{\"strategy\":\"append\"},\"not\":{}}}}", "1", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig r = rig_of(cases[i].text, NULL);
        bool good = false;
        assert_int_equal(tape_read(&r.tape, view_of(cases[i].doc), &r.e), WEIR_OK);
        assert_int_equal(checker_run(r.checker, &r.tape, false, &good, &r.e), WEIR_OK);
        assert_int_equal(checker_run(r.checker, &r.tape, true, &good, &r.e), cases[i].why ? WEIR_E_CONFIG : WEIR_OK);
        assert_true(good);
        if (cases[i].why)
            assert_string_equal(err_text(&r.e), cases[i].why);
        else
            assert_int_equal(note_at(&r, NULL, NULL)->reduce, REDUCE_SUM);
        rig_free(&r);
    }
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
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_most_telling_reasons),
        cmocka_unit_test(test_too_long_patterns),
        cmocka_unit_test(test_too_long_for_notes),
        cmocka_unit_test(test_secret_values),
        cmocka_unit_test(test_values_called_secret),
        cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_titles_defaults_secrets),
        cmocka_unit_test(test_strategies),
        cmocka_unit_test(test_notes_of_places),
        cmocka_unit_test(test_notes_of_what_fails),
        cmocka_unit_test(test_conditional_notes),
        cmocka_unit_test(test_notes_of_two_schemas),
        cmocka_unit_test(test_conflicting_notes),
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
