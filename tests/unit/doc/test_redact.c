/* Digests are those of the tests of Estuary Flow's runtime (crates/doc/src/redact of github.com/estuary/flow), whose salt is
 * "test-salt". */
#include "reduce_rig.h"

#include "doc/combiner.h"
#include "doc/redact.h"

#define SALT VIEW("test-salt")

static const char everything[] =
    "{\"$defs\":{\"node\":{\"anyOf\":[{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/node\"}},{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/node\"}},"
    "{\"const\":\"secret\",\"redact\":{\"strategy\":\"block\"}},{\"const\":\"hash-me\",\"redact\":{\"strategy\":\"sha256\"}},"
    "{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}]}},\"$ref\":\"#/$defs/node\"}";

#define HASHED "\"sha256:a9ec3b6826ee77d1577b7e9c5ea49255ae1fbb24245b87130569aa2d928b1398\""

static weir_rc redacted(rig *r, const char *doc, buf *out, bool *changed)
{
    bool valid = false;
    redactor *k;
    weir_view d = guarded(view_of(doc));
    assert_int_equal(redactor_make(SALT, &k, &r->e), WEIR_OK);
    assert_int_equal(tape_read(&r->right, d, &r->e), WEIR_OK);
    assert_int_equal(checker_run(r->check, &r->right, true, &valid, &r->e), WEIR_OK);
    assert_true(valid);
    weir_rc rc = redact(k, &r->right, r->check, out, changed, &r->e);
    redactor_free(k);
    guarded_free(d);
    return rc;
}

static void becomes(const char *schema_json, const char *doc, const char *expected)
{
    rig r;
    buf out = {0};
    bool changed;
    rig_make(&r, view_of(schema_json));
    if (redacted(&r, doc, &out, &changed))
        fail_msg("%s", err_text(&r.e));
    assert_int_equal(changed, expected != NULL);
    assert_view(buf_view(&out), view_of(expected));
    buf_free(&out);
    rig_free(&r);
}

static void test_places(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"public\":\"visible\",\"hidden\":\"secret\",\"another\":{\"public\":\"field\"}}", "{\"public\":\"visible\",\"another\":{\"public\":\"field\"}}"},
        {"[\"public1\",\"secret\",{\"nested\":\"secret\"},\"public2\",[\"inner\",\"secret\",\"value\"]]", "[\"public1\",{},\"public2\",[\"inner\",\"value\"]]"},
        {"{\"only_secret\":\"secret\"}", "{}"},
        {"[\"secret\",\"secret\",\"secret\"]", "[]"},
        {"{\"a\":{\"b\":{\"c\":\"secret\"}},\"d\":[\"secret\"]}", "{\"a\":{\"b\":{}},\"d\":[]}"},
        {"{\"text\":\"hash-me\",\"keep\":\"normal\",\"nested\":{\"value\":\"hash-me\"}}", "{\"text\":" HASHED ",\"keep\":\"normal\",\"nested\":{\"value\":" HASHED "}}"},
        {"[\"secret\",\"hash-me\",\"keep-me\",1.50]", "[" HASHED ",\"keep-me\",1.50]"},
        {"\"hash-me\"", HASHED},
        {"{\"normal\":\"data\",\"array\":[1,2,3]}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        becomes(everything, cases[i][0], cases[i][1]);
}

static void test_digests(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"null", "087280357dfdc5a3177e17b7424c7dfb1eab2d08ba3bedeb243dc51d5c18dc88"},
        {"true", "cdb0066cdc13553b8e3915c2a9b4391eb2723ea9d42ef15d82f5c0c63ce47c76"},
        {"false", "d0baf3067f00d956186d8242f72de62cc258456b160cd0b6016089f27d4227dc"},
        {"1234", "499efe70f9cc73b5c8ce310c0588632db6985e29b7f6dd1134d73346d88dea25"},
        {"1234.0", "499efe70f9cc73b5c8ce310c0588632db6985e29b7f6dd1134d73346d88dea25"},
        {"-1234", "f3b02ef6173acbfd1da0519f03ec346a853e9fc6946023742f5e75e794fdd2f7"},
        {"-1234.0", "f3b02ef6173acbfd1da0519f03ec346a853e9fc6946023742f5e75e794fdd2f7"},
        {"3.14", "be709360d175f75fa60ccc9ef9ac5e676ea46a743ad73b423db3481ee2e1442d"},
        {"\"hello world\"", "992282d8d9202589b0c242c2c3b034d58afa4d38e4103a6e6565b7221313b4a7"},
        {"\"hello\\u0020world\"", "992282d8d9202589b0c242c2c3b034d58afa4d38e4103a6e6565b7221313b4a7"},
        {"[]", "47fd826bc045c2c64dd768c4083a0ecaf5fb9795660d2e23abb4e978b6793d0c"},
        {"[1,2,3]", "a0592fc445df22575a8879706190e4f00132426c93679275767964a097e5221b"},
        {"[ 1, 2 ,3 ]", "a0592fc445df22575a8879706190e4f00132426c93679275767964a097e5221b"},
        {"{}", "9f38251cae4235bf6af78f2eeb8924bb1c65db3d44abf0ae99912eaf580b58d4"},
        {"{\"key\":\"value\"}", "3ccc5d7e8d2e27e0656c3cee1d1462f41aa7821e1c3c601246b7d884ce0f5eaa"},
        /* by Python's hashlib, of the salt and {"a":[1.0,"ä\n"],"b":{"c":1,"d":true}} */
        {"{\"b\":{\"d\":true,\"c\":1},\"a\":[1.0,\"\\u00e4\\n\"]}", "3b2cfff5e28f459b857b111de0fe7af76aeef1475b2933ac8a4e86a915aef851"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf expected = {0};
        buf_printf(&expected, "\"sha256:%s\"", cases[i][1]);
        becomes("{\"redact\":{\"strategy\":\"sha256\"}}", cases[i][0], buf_text(&expected));
        buf_free(&expected);
    }
}

static void test_digest_stays(void **state)
{
    (void)state;
    becomes("{\"redact\":{\"strategy\":\"sha256\"}}", HASHED, HASHED);
    becomes("{\"additionalProperties\":{\"redact\":{\"strategy\":\"sha256\"}}}", "{\"a\":" HASHED "}", "{\"a\":" HASHED "}");
}

static void test_whole_document(void **state)
{
    (void)state;
    rig r;
    buf out = {0};
    bool changed;
    rig_make(&r, VIEW("{\"redact\":{\"strategy\":\"block\"}}"));
    assert_int_equal(redacted(&r, "{}", &out, &changed), WEIR_E_CONFIG);
    assert_int_equal(out.len, 0);
    rig_free(&r);
}

/* ------------------------------------------------------------------------------------------------------ in the combiner -- */

static weir_rc collect(void *arg, const combined_doc *d, err *e)
{
    (void)e;
    buf_printf(arg, "%.*s\n", VIEW_ARG(d->doc));
    return WEIR_OK;
}

static void test_combined(void **state)
{
    (void)state;
    static const weir_view key[] = {{"/k", 2}};
    rig r;
    combiner *c;
    buf out = {0};
    rig_make(&r, VIEW("{\"type\":\"object\",\"reduce\":{\"strategy\":\"merge\"},\"properties\":{\"p\":{\"redact\":{\"strategy\":\"block\"}},\"h\":{\"type\":\"string\",\"redact\":"
                      "{\"strategy\":\"sha256\"}},\"n\":{\"reduce\":{\"strategy\":\"sum\"}}}}"));
    combiner_binding b = {.schema = r.schema, .key = key, .key_count = 1, .what = "collection acme/all"};
    combiner_options o = {.bindings = &b, .count = 1, .salt = SALT};
    assert_int_equal(combiner_make(&o, &c, &r.e), WEIR_OK);
    assert_int_equal(combiner_add(c, 0, VIEW("{\"k\":1,\"p\":\"password\",\"h\":\"hash-me\",\"n\":1}"), false, &r.e), WEIR_OK);
    assert_int_equal(combiner_add(c, 0, VIEW("{\"k\":1,\"p\":\"other\",\"n\":1}"), false, &r.e), WEIR_OK);
    assert_int_equal(combiner_add(c, 0, VIEW("{\"k\":1,\"h\":77,\"p\":\"other\",\"n\":1}"), false, &r.e), WEIR_E_CONFIG);
    assert_null(strstr(err_text(&r.e), "77"));
    assert_int_equal(combiner_drain(c, collect, &out, &r.e), WEIR_OK);
    assert_view(buf_view(&out), VIEW("{\"k\":1,\"h\":" HASHED ",\"n\":2}\n"));
    buf_free(&out);
    combiner_free(c);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),         cmocka_unit_test(test_digests),  cmocka_unit_test(test_digest_stays),
        cmocka_unit_test(test_whole_document), cmocka_unit_test(test_combined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
