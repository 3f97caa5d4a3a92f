/* What schemas note of the places of a document (flow.md 8.2, 8.3). */
#include "schema_rig.h"

#include <stdio.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_titles_defaults_secrets),
        cmocka_unit_test(test_strategies),
        cmocka_unit_test(test_notes_of_places),
        cmocka_unit_test(test_notes_of_what_fails),
        cmocka_unit_test(test_conditional_notes),
        cmocka_unit_test(test_notes_of_two_schemas),
        cmocka_unit_test(test_conflicting_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
