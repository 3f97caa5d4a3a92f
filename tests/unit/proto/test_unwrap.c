/* unwrap: the row id leaves schema, key and documents; what else stands in _meta stays. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fault.h"
#include "json/patch.h"
#include "json/scan.h"
#include "proto/unwrap.h"

#define ROW_ID "\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":{\"type\":\"integer\"}},\"required\":[\"row_id\"]}"

static void expect_stream(const char *schema, const char *key, const char *left, const char *left_key, bool row_id, bool deletes)
{
    arena a = {0};
    err e = {0};
    unwrap u;
    const weir_stream s = {.name = VIEW("s"), .schema = view_of(schema), .key = view_of(key)};
    if (unwrap_stream(&u, &a, &s, &e))
        fail_msg("%s", err_text(&e));
    assert_int_equal(u.row_id, row_id);
    assert_int_equal(u.deletes, deletes);
    if (!json_equal(u.schema, view_of(left)))
        fail_msg("%.*s", VIEW_ARG(u.schema));
    if (!json_equal(u.key, view_of(left_key)))
        fail_msg("%.*s", VIEW_ARG(u.key));
    arena_free(&a);
    err_free(&e);
}

static void streams(void **state)
{
    (void)state;
    expect_stream("{\"type\":\"object\",\"properties\":{\"a\":{}," ROW_ID "},\"required\":[\"a\",\"_meta\"],\"x-infer-schema\":true}",
                  "[\"/_meta/row_id\"]", "{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"a\"]}", "[]", true, false);
    /* a stream with a key of its own gets the row id, too */
    expect_stream("{\"properties\":{" ROW_ID ",\"id\":{}},\"required\":[\"_meta\"]}", "[\"/id\"]", "{\"properties\":{\"id\":{}}}", "[\"/id\"]", true,
                  false);
    expect_stream("{\"properties\":{\"a\":{}," ROW_ID "}}", "", "{\"properties\":{\"a\":{}}}", "[]", true, false);
    /* nothing of it */
    expect_stream("{\"properties\":{\"a\":{}},\"x-infer-schema\":true}", "[\"/a\"]", "{\"properties\":{\"a\":{}},\"x-infer-schema\":true}", "[\"/a\"]",
                  false, false);
    expect_stream("{}", "", "{}", "[]", false, false);
    /* something else in _meta: it is data */
    expect_stream("{\"properties\":{\"_meta\":{\"properties\":{\"row_id\":{},\"file\":{}}}}}", "[\"/_meta/row_id\"]",
                  "{\"properties\":{\"_meta\":{\"properties\":{\"row_id\":{},\"file\":{}}}}}", "[\"/_meta/row_id\"]", false, false);
    expect_stream("{\"properties\":{\"_meta\":{\"properties\":{\"file\":{}}}}}", "[\"/_meta/file\"]",
                  "{\"properties\":{\"_meta\":{\"properties\":{\"file\":{}}}}}", "[\"/_meta/file\"]", false, false);
}

static void deletions_are_declared(void **state)
{
    (void)state;
    static const char direct[] = "{\"properties\":{\"_meta\":{\"properties\":{\"op\":{\"enum\":[\"c\",\"u\",\"d\"]},\"row_id\":{}}}}}",
                      referred[] = "{\"$defs\":{\"M\":{\"type\":\"object\",\"properties\":{\"op\":{\"type\":\"string\"}}}},"
                                   "\"properties\":{\"_meta\":{\"$ref\":\"#/$defs/M\"}}}";
    expect_stream(direct, "[\"/_meta/row_id\"]", direct, "[\"/_meta/row_id\"]", false, true);
    expect_stream(referred, "[\"/id\"]", referred, "[\"/id\"]", false, true);
}

static void what_is_no_schema_is_refused(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    unwrap u;
    assert_int_equal(unwrap_stream(&u, &a, &(weir_stream){.name = VIEW("s"), .schema = VIEW("{"), .key = VIEW("[]")}, &e), WEIR_E_PROTOCOL);
    assert_non_null(strstr(err_text(&e), "schema of stream 's'"));
    assert_int_equal(unwrap_stream(&u, &a, &(weir_stream){.name = VIEW("s"), .schema = VIEW("{\"properties\":{" ROW_ID "}}"), .key = VIEW("{}")}, &e),
                     WEIR_E_PROTOCOL);
    arena_free(&a);
    err_free(&e);
}

/* The document in memory of just its size: whoever reads on is found out. */
static void expect_document(const char *doc, const char *left)
{
    size_t len = strlen(doc);
    char *text = malloc(len);
    assert_non_null(text);
    memcpy(text, doc, len);
    weir_view got = {text, unwrap_row_id(text, len)};
    if (!view_is(got, left))
        fail_msg("%s: %.*s instead of %s", doc, VIEW_ARG(got), left);
    assert_true(json_check(got, NULL, NULL));
    free(text);
}

static void documents(void **state)
{
    (void)state;
    expect_document("{\"_meta\":{\"row_id\":1},\"a\":1}", "{\"a\":1}");
    expect_document("{\"a\":1,\"_meta\":{\"row_id\":1}}", "{\"a\":1}");
    expect_document("{\"a\":1,\"_meta\":{\"row_id\":1},\"b\":2}", "{\"a\":1,\"b\":2}");
    expect_document("{\"_meta\":{\"row_id\":1}}", "{}");
    expect_document("{ \"_meta\" : { \"row_id\" : 1 } , \"a\" : 1 }", "{  \"a\" : 1 }");
    expect_document("{ \"a\" : 1 , \"_meta\" : { \"row_id\" : 1 } }", "{ \"a\" : 1  }");
    expect_document("{\"\\u005fmeta\":{\"row\\u005fid\":1},\"a\":1}", "{\"a\":1}");
    /* others in _meta stay */
    expect_document("{\"_meta\":{\"row_id\":1,\"x\":2},\"a\":1}", "{\"_meta\":{\"x\":2},\"a\":1}");
    expect_document("{\"_meta\":{\"x\":2,\"row_id\":1},\"a\":1}", "{\"_meta\":{\"x\":2},\"a\":1}");
    expect_document("{\"a\":1,\"_meta\":{\"x\":{\"row_id\":3},\"row_id\":1,\"y\":[]}}", "{\"a\":1,\"_meta\":{\"x\":{\"row_id\":3},\"y\":[]}}");
    /* nothing to take */
    expect_document("{}", "{}");
    expect_document("{\"a\":{\"_meta\":{\"row_id\":1}}}", "{\"a\":{\"_meta\":{\"row_id\":1}}}");
    expect_document("{\"_meta\":{}}", "{\"_meta\":{}}");
    expect_document("{\"_meta\":null}", "{\"_meta\":null}");
    expect_document("{\"_meta\":[{\"row_id\":1}]}", "{\"_meta\":[{\"row_id\":1}]}");
    expect_document("{\"row_id\":1}", "{\"row_id\":1}");
}

static void deletions(void **state)
{
    (void)state;
    assert_true(unwrap_deletes(VIEW("{\"_meta\":{\"op\":\"d\",\"row_id\":4},\"id\":1}")));
    assert_false(unwrap_deletes(VIEW("{\"_meta\":{\"op\":\"u\"},\"id\":1}")));
    assert_false(unwrap_deletes(VIEW("{\"op\":\"d\"}")));
    assert_false(unwrap_deletes(VIEW("{}")));
}

static void no_memory(void **state)
{
    (void)state;
    const weir_stream s = {.name = VIEW("s"), .schema = VIEW("{\"properties\":{\"a\":{}," ROW_ID "},\"required\":[\"a\",\"_meta\"]}"),
                           .key = VIEW("[\"/_meta/row_id\"]")};
    bool again = true;
    for (size_t n = 0; again; n++) {
        arena a = {0};
        err e = {0};
        unwrap u;
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = unwrap_stream(&u, &a, &s, &e);
        again = fault_clear();
        assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
        arena_free(&a);
        err_free(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams),   cmocka_unit_test(deletions_are_declared), cmocka_unit_test(what_is_no_schema_is_refused),
        cmocka_unit_test(documents), cmocka_unit_test(deletions),              cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
