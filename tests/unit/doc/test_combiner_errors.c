/* What the combiner says and leaves when documents, memory or the disk are bad; what it does not say. */
#include "combiner_rig.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "fault.h"

static void refused(rig *r, combiner *c, const char *doc, bool base, weir_rc rc, const char *expected)
{
    size_t keys = combiner_keys(c);
    uint64_t documents = combiner_documents(c);
    assert_int_equal(combiner_add(c, 0, view_of(doc), base, &r->e), rc);
    if (!strstr(err_text(&r->e), expected))
        fail_msg("'%s' lacks '%s'", err_text(&r->e), expected);
    assert_int_equal(combiner_keys(c), keys);
    assert_int_equal(combiner_documents(c), documents);
    err_clear(&r->e);
}

static void test_refused(void **state)
{
    (void)state;
    rig r;
    pair p;
    combiner *c;
    buf out = {0};
    rig_make(&r, VIEW("{\"type\":\"object\",\"reduce\":{\"strategy\":\"merge\"},\"properties\":{\"v\":{\"reduce\":{\"strategy\":\"sum\"}},\"w\":{\"type\":\"integer\"}}}"));
    pair_make(&p, r.schema, 0);
    assert_int_equal(combiner_make(&p.o, &c, &r.e), WEIR_OK);
    assert_int_equal(combiner_add(c, 0, VIEW("{\"k\":\"a\",\"v\":1}"), false, &r.e), WEIR_OK);
    refused(&r, c, "{\"k\":", false, WEIR_E_CONFIG, "collection acme/all: ");
    refused(&r, c, "{\"v\":1}", false, WEIR_E_CONFIG, "collection acme/all: a document without its key /k");
    refused(&r, c, "{\"k\":\"a\",\"w\":\"x\"}", false, WEIR_E_CONFIG, "collection acme/all: key [\"a\"]: a document is not valid: /");
    refused(&r, c, "{\"k\":\"b\",\"w\":\"x\"}", false, WEIR_E_CONFIG, "collection acme/all: key [\"b\"]: a document is not valid: /");
    refused(&r, c, "{\"k\":\"a\",\"v\":\"x\"}", false, WEIR_E_CONFIG,
            "collection acme/all: key [\"a\"]: /v: reduce sum: takes numbers and strings that are decimals, and there is 1 to the left, \"x\" to the right");
    assert_int_equal(combiner_add(c, 0, VIEW("{\"k\":\"a\",\"v\":5}"), true, &r.e), WEIR_OK);
    refused(&r, c, "{\"k\":\"a\"}", true, WEIR_E_BUG, "collection acme/all: key [\"a\"]: it was loaded twice");
    assert_int_equal(combiner_drain(c, collect, &out, &r.e), WEIR_OK);
    assert_view(buf_view(&out), VIEW("0 {\"k\":\"a\",\"v\":6} exists\n"));
    buf_free(&out);
    combiner_free(c);
    rig_free(&r);
}

/* A part of the key that a document lacks is its default: the same key as if it were written. */
static void test_defaults_of_keys(void **state)
{
    (void)state;
    static const weir_view key[] = {WEIR_LIT("/r"), WEIR_LIT("/k")}, fallbacks[] = {WEIR_LIT("\"eu\""), WEIR_LIT("")};
    for (size_t budget = 0; budget < 2; budget++) {
        rig r;
        combiner *c;
        buf out = {0};
        rig_make(&r, VIEW("{\"reduce\":{\"strategy\":\"merge\"},\"properties\":{\"v\":{\"reduce\":{\"strategy\":\"sum\"}}}}"));
        const combiner_binding b = {.schema = r.schema, .key = key, .fallbacks = fallbacks, .key_count = 2, .what = "collection acme/all"};
        assert_int_equal(combiner_make(&(combiner_options){.bindings = &b, .count = 1, .budget = budget}, &c, &r.e), WEIR_OK);
        assert_int_equal(combiner_add(c, 0, VIEW("{\"k\":1,\"v\":1}"), false, &r.e), WEIR_OK);
        assert_int_equal(combiner_add(c, 0, VIEW("{\"k\":1,\"r\":\"us\",\"v\":10}"), false, &r.e), WEIR_OK);
        assert_int_equal(combiner_add(c, 0, VIEW("{\"k\":1,\"r\":\"eu\",\"v\":100}"), false, &r.e), WEIR_OK);
        refused(&r, c, "{\"r\":\"eu\"}", false, WEIR_E_CONFIG, "collection acme/all: key [\"eu\"]: a document without its key /k");
        assert_int_equal(combiner_drain(c, collect, &out, &r.e), WEIR_OK);
        assert_view(buf_view(&out), VIEW("0 {\"k\":1,\"v\":101,\"r\":\"eu\"}\n0 {\"k\":1,\"r\":\"us\",\"v\":10}\n"));
        buf_free(&out);
        combiner_free(c);
        rig_free(&r);
    }
}

/* Neither a key that is secret is shown, nor a value. */
static void test_secrets(void **state)
{
    (void)state;
    rig r;
    combiner *c;
    rig_make(&r, VIEW("{\"reduce\":{\"strategy\":\"merge\"},\"properties\":{\"k\":{\"secret\":true},\"v\":{\"secret\":true,\"reduce\":{\"strategy\":\"sum\"}},"
                      "\"o\":{\"reduce\":{\"strategy\":\"append\"}},\"n\":{\"reduce\":{\"strategy\":\"sum\"}}}}"));
    const combiner_binding b = {.schema = r.schema, .key = key_k, .key_count = 1, .secret_key = true, .what = "collection acme/all"};
    assert_int_equal(combiner_make(&(combiner_options){.bindings = &b, .count = 1}, &c, &r.e), WEIR_OK);
    assert_int_equal(combiner_add(c, 0, VIEW("{\"k\":1,\"v\":\"hunter2\",\"o\":{\"v\":\"hunter2\"},\"n\":\"x\"}"), false, &r.e), WEIR_OK);
    refused(&r, c, "{\"k\":1,\"v\":7}", false, WEIR_E_CONFIG,
            "collection acme/all: /v: reduce sum: takes numbers and strings that are decimals, and there is a string to the left, a number to the right");
    refused(&r, c, "{\"k\":1,\"o\":[]}", false, WEIR_E_CONFIG, "collection acme/all: /o: reduce append: takes arrays, and there is an object to the left, an array to the right");
    refused(&r, c, "{\"k\":1,\"n\":7}", false, WEIR_E_CONFIG,
            "collection acme/all: /n: reduce sum: takes numbers and strings that are decimals, and there is \"x\" to the left, 7 to the right");
    combiner_free(c);
    rig_free(&r);
}

static void drain_fails(const char *schema_json, const char *const *docs, size_t count, const char *expected)
{
    rig r;
    pair p;
    combiner *c;
    buf out = {0};
    rig_make(&r, view_of(schema_json));
    pair_make(&p, r.schema, 1);
    assert_int_equal(combiner_make(&p.o, &c, &r.e), WEIR_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(combiner_add(c, 0, view_of(docs[i] + 1), docs[i][0] == 'b', &r.e), WEIR_OK);
    assert_int_not_equal(combiner_drain(c, collect, &out, &r.e), WEIR_OK);
    if (!strstr(err_text(&r.e), expected))
        fail_msg("'%s' lacks '%s'", err_text(&r.e), expected);
    assert_int_equal(combiner_keys(c), 0);
    buf_free(&out);
    combiner_free(c);
    rig_free(&r);
}

static void test_drain_fails(void **state)
{
    (void)state;
    static const char *const sums[] = {" {\"k\":1,\"v\":1}", " {\"k\":1,\"v\":\"x\"}"};
    static const char *const twice[] = {"b{\"k\":1}", "b{\"k\":1}"};
    static const char *const long_lists[] = {" {\"k\":[1,2],\"v\":[1,2]}", " {\"k\":[1,2],\"v\":[3]}"};
    drain_fails("{\"reduce\":{\"strategy\":\"merge\"},\"properties\":{\"v\":{\"reduce\":{\"strategy\":\"sum\"}}}}", sums, COUNT(sums), "collection acme/all: key [1]: /v: reduce sum");
    drain_fails("{}", twice, COUNT(twice), "collection acme/all: key [1]: it was loaded twice");
    drain_fails("{\"reduce\":{\"strategy\":\"merge\"},\"properties\":{\"v\":{\"reduce\":{\"strategy\":\"append\"},\"if\":{\"maxItems\":2},\"else\":false}}}", long_lists, COUNT(long_lists),
                "what its documents come to is not valid: /v");
}

/* Segments are merged while documents are added: what is wrong with others is nothing that is said of these. */
static void test_drain_fails_late(void **state)
{
    (void)state;
    enum { MANY = 100 };
    char texts[MANY][32];
    const char *docs[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof texts[i], i == 40 ? " {\"k\":1,\"v\":\"x\"}" : " {\"k\":1,\"v\":%d}", i);
        docs[i] = texts[i];
    }
    drain_fails("{\"reduce\":{\"strategy\":\"merge\"},\"properties\":{\"v\":{\"reduce\":{\"strategy\":\"sum\"}}}}", docs, MANY,
                "collection acme/all: key [1]: /v: reduce sum: takes numbers and strings that are decimals, and there is 780 to the left, \"x\" to the right");
}

/* Whatever fails, the documents before it stay, or all are dropped; and then it works again. */
static bool fill_and_drain(combiner *c, err *e)
{
    char doc[200];
    buf out = {0};
    weir_rc rc = WEIR_OK;
    size_t taken = 0;
    for (int i = 0; i < 30 && !rc; i++) {
        snprintf(doc, sizeof doc, "{\"k\":%d,\"op\":\"u\",\"n\":%d,\"l\":[%d,\"%0*d\"],\"o\":{\"%d\":1}}", i % 7, i, i, i * 4, 0, i);
        uint64_t before = combiner_documents(c);
        rc = combiner_add(c, 0, view_of(doc), i == 9, e);
        assert_true(!rc || combiner_documents(c) == before || combiner_documents(c) == 0);
        taken += !rc;
    }
    if (!rc)
        rc = combiner_drain(c, collect, &out, e);
    buf_free(&out);
    if (!rc)
        assert_int_equal(taken, 30);
    if (rc)
        assert_true(rc == WEIR_E_NOMEM && *err_text(e));
    err_clear(e);
    combiner_clear(c);
    return !rc;
}

static void torture(fault_call call, int errnum, size_t budget, size_t step)
{
    err e = {0};
    bool again = true;
    for (size_t n = 0; again; n += step) {
        rig r;
        pair p;
        combiner *c = NULL;
        rig_make(&r, VIEW(schema_text));
        pair_make(&p, r.schema, budget);
        fault_at(call, n, errnum);
        bool made = !combiner_make(&p.o, &c, &e);
        bool good = made && fill_and_drain(c, &e);
        again = fault_clear();
        assert_true(good || again);
        assert_true(!good || !again || errnum == FAULT_SHORT || call == FAULT_ALLOC);
        if (made)
            assert_true(fill_and_drain(c, &e));
        combiner_free(c);
        rig_free(&r);
        err_clear(&e);
    }
    err_free(&e);
}

static void test_without_memory(void **state)
{
    (void)state;
    torture(FAULT_ALLOC, ENOMEM, 0, 1);
    torture(FAULT_ALLOC, ENOMEM, 1000, 1);
}

static void test_bad_disk(void **state)
{
    (void)state;
    torture(FAULT_WRITE, ENOSPC, 1000, 1);
    torture(FAULT_WRITE, FAULT_SHORT, 1000, 1);
    torture(FAULT_READ, EIO, 1000, 1);
    torture(FAULT_READ, FAULT_SHORT, 1000, 1);
}

static void test_disk_is_full(void **state)
{
    (void)state;
    rig r;
    pair p;
    combiner *c;
    weir_rc rc = WEIR_OK;
    rig_make(&r, VIEW(schema_text));
    pair_make(&p, r.schema, 1);
    assert_int_equal(combiner_make(&p.o, &c, &r.e), WEIR_OK);
    fault_from(FAULT_WRITE, 0, ENOSPC);
    rc = combiner_add(c, 0, VIEW("{\"k\":1}"), false, &r.e);
    rc = rc ? rc : combiner_add(c, 0, VIEW("{\"k\":2}"), false, &r.e);
    fault_clear();
    assert_int_equal(rc, WEIR_E_NOMEM);
    assert_non_null(strstr(err_text(&r.e), "No space left on device"));
    assert_int_equal(combiner_documents(c), 0);
    combiner_free(c);
    p.o.folder = "/nonexistent/folder";
    assert_int_equal(combiner_make(&p.o, &c, &r.e), WEIR_OK);
    assert_int_equal(combiner_add(c, 0, VIEW("{\"k\":1}"), false, &r.e), WEIR_OK);
    assert_int_not_equal(combiner_add(c, 0, VIEW("{\"k\":2}"), false, &r.e), WEIR_OK);
    assert_non_null(strstr(err_text(&r.e), "/nonexistent/folder"));
    combiner_free(c);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_of_keys),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_drain_fails),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_drain_fails_late),
        cmocka_unit_test(test_bad_disk),
        cmocka_unit_test(test_disk_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
