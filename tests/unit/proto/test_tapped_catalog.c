/* singer/tapped_catalog, tapped_schema: streams as they are reported, and the catalog of a run (singer.md 2; flow.md 10.3). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "proto/singer/tapped_catalog.h"
#include "proto/singer/tapped_schema.h"

static tree *parse(arena *a, const char *text)
{
    err e = {0};
    tree *t;
    if (tree_parse(a, view_of(text), NULL, WEIR_E_CONFIG, &t, &e))
        fail_msg("%s: %s", text, err_text(&e));
    return t;
}

static void expect_json(const char *what, weir_view got, const char *want)
{
    if (!json_equal(got, view_of(want)))
        fail_msg("%s: %.*s, expected %s", what, VIEW_ARG(got), want);
}

/* ---- discovery ---- */

static void expect_stream(const char *entry, const char *key, const char *cursors, unsigned modes, const char *method)
{
    arena a = {0};
    err e = {0};
    tapped_stream s;
    assert_int_equal(singer_tapped_describe(&a, parse(&a, entry), VIEW("[\"/_meta/row_id\"]"), &s, &e), WEIR_OK);
    expect_json(entry, s.key, key);
    expect_json(entry, s.cursors, cursors);
    if (s.modes != modes)
        fail_msg("%s: modes %u, expected %u", entry, s.modes, modes);
    expect_json(entry, pointer_find(s.resource, VIEW("/replication_method")), method);
    assert_false(pointer_find(s.resource, VIEW("/schema")).len);
    arena_free(&a);
}

/* An empty method or key counts as none (section 1); what is forced is the only one (section 2). */
static void keys_and_modes(void **state)
{
    (void)state;
    enum { FULL = WEIR_FULL_REFRESH, INCREMENTAL = WEIR_INCREMENTAL, LOG = WEIR_LOG_BASED };
    expect_stream("{\"tap_stream_id\":\"a\"}", "[\"/_meta/row_id\"]", "[]", FULL, "\"FULL_TABLE\"");
    expect_stream("{\"tap_stream_id\":\"a\",\"key_properties\":[\"a/b\",\"~c\",\"/x/y\"],\"replication_method\":\"\"}", "[\"/a~1b\",\"/~0c\",\"/x/y\"]", "[]", FULL,
                  "\"FULL_TABLE\"");
    expect_stream("{\"tap_stream_id\":\"a\",\"replication_key\":\"at\",\"replication_method\":\"INCREMENTAL\"}", "[\"/_meta/row_id\"]", "[\"/at\"]", FULL | INCREMENTAL,
                  "\"INCREMENTAL\"");
    expect_stream("{\"tap_stream_id\":\"a\",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"table-key-properties\":[\"id\"],\"valid-replication-keys\":[\"x\",\"y\"]}}]}",
                  "[\"/id\"]", "[\"/x\",\"/y\"]", FULL | INCREMENTAL, "\"FULL_TABLE\"");
    expect_stream("{\"tap_stream_id\":\"a\",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"valid-replication-keys\":[\"x\"]}}]}", "[\"/_meta/row_id\"]", "[\"/x\"]",
                  FULL | INCREMENTAL, "\"INCREMENTAL\"");
    expect_stream("{\"tap_stream_id\":\"a\",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"forced-replication-method\":\"FULL_TABLE\",\"replication-key\":\"x\"}}]}",
                  "[\"/_meta/row_id\"]", "[\"/x\"]", FULL, "\"FULL_TABLE\"");
    expect_stream("{\"stream\":\"a\",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"forced-replication-method\":\"INCREMENTAL\"}}]}", "[\"/_meta/row_id\"]", "[]",
                  INCREMENTAL, "\"INCREMENTAL\"");
    expect_stream("{\"stream\":\"a\",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"forced-replication-method\":\"LOG_BASED\"}}]}", "[\"/_meta/row_id\"]", "[]", LOG,
                  "\"LOG_BASED\"");
    expect_stream("{\"stream\":\"a\",\"replication_method\":\"LOG_BASED\",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"forced-replication-method\":\"\"}}]}",
                  "[\"/_meta/row_id\"]", "[]", FULL | LOG, "\"LOG_BASED\"");
}

/* ---- choosing ---- */

static void expect_choice(const char *entry, const char *resource, unsigned mode, const char *cursor, const char *method, const char *key)
{
    arena a = {0};
    err e = {0};
    tapped_choice c = {.entry = parse(&a, entry), .resource = parse(&a, resource)};
    weir_rc rc = singer_tapped_choose(&a, mode, view_of(cursor), &c, &e);
    if ((method == NULL) != (rc == WEIR_E_CONFIG))
        fail_msg("%s: %s", resource, err_text(&e));
    if (method && (!view_is(c.method, method) || !view_is(c.key, key)))
        fail_msg("%s: %.*s by %.*s, expected %s by %s", resource, VIEW_ARG(c.method), VIEW_ARG(c.key), method, key);
    arena_free(&a);
    err_free(&e);
}

static void who_chooses_what(void **state)
{
    (void)state;
    static const char both[] = "{\"stream\":\"a\",\"replication_method\":\"INCREMENTAL\",\"replication_key\":\"own\"}", plain[] = "{\"stream\":\"a\"}",
                      by_itself[] = "{\"stream\":\"a\",\"replication_method\":\"INCREMENTAL\"}";
    expect_choice(both, "{}", 0, "", "INCREMENTAL", "own");
    expect_choice(both, "{\"replication_method\":\"FULL_TABLE\"}", 0, "", "FULL_TABLE", "own");
    expect_choice(both, "{\"replication_key\":\"other\"}", 0, "", "INCREMENTAL", "other");
    expect_choice(both, "{\"replication_method\":\"FULL_TABLE\"}", WEIR_INCREMENTAL, "/a~1b", "INCREMENTAL", "a/b");
    expect_choice(both, "{}", WEIR_FULL_REFRESH, "", "FULL_TABLE", "own");
    expect_choice(both, "{}", WEIR_LOG_BASED, "", "LOG_BASED", "own");
    expect_choice(plain, "{}", 0, "", "FULL_TABLE", "");
    expect_choice(plain, "{\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"replication-method\":\"INCREMENTAL\",\"replication-key\":\"k\"}}]}", 0, "", "INCREMENTAL", "k");
    expect_choice(plain, "{\"replication_method\":\"INCREMENTAL\"}", 0, "", NULL, NULL);
    expect_choice(plain, "{}", WEIR_INCREMENTAL, "", NULL, NULL);
    expect_choice(plain, "{}", WEIR_INCREMENTAL, "/a/b", NULL, NULL);
    expect_choice(plain, "{}", WEIR_INCREMENTAL, "a", NULL, NULL);
    expect_choice(by_itself, "{\"replication_method\":\"INCREMENTAL\"}", WEIR_INCREMENTAL, "", "INCREMENTAL", ""); /* what it says itself passes */
}

/* ---- the catalog of a run ---- */

static const char catalog[] =
    "{\"version\":1,\"streams\":[{\"tap_stream_id\":\"a\",\"stream\":\"A\",\"schema\":{\"type\":\"object\",\"properties\":{\"k\":{},\"f\":{},\"g\":{},\"n\":{},\"u\":{}}},"
    "\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"inclusion\":\"available\",\"row-count\":7,\"mine\":[1]}},"
    "{\"breadcrumb\":[\"properties\",\"k\"],\"metadata\":{\"inclusion\":\"automatic\",\"selected\":false}},"
    "{\"breadcrumb\":[\"properties\",\"f\"],\"metadata\":{\"inclusion\":\"available\",\"selected-by-default\":false}},"
    "{\"breadcrumb\":[\"properties\",\"g\"],\"metadata\":{\"inclusion\":\"available\"}},"
    "{\"breadcrumb\":[\"properties\",\"u\"],\"metadata\":{\"inclusion\":\"unsupported\"}}]},"
    "{\"tap_stream_id\":\"b\",\"stream\":\"B\",\"schema\":{\"selected\":true,\"properties\":{\"x\":{}}},\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":true}}]},"
    "{\"tap_stream_id\":\"p\",\"stream\":\"P\",\"schema\":{}}]}";
static const char resource[] =
    "{\"tap_stream_id\":\"a\",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"row-count\":3,\"users\":\"word\",\"replication-key\":\"old\"}},"
    "{\"breadcrumb\":[\"properties\",\"k\"],\"metadata\":{\"selected\":false}},{\"breadcrumb\":[\"properties\",\"g\"],\"metadata\":{\"selected\":\"false\"}},"
    "{\"breadcrumb\":[\"properties\",\"u\"],\"metadata\":{\"selected\":true}}]}";

static weir_rc write_catalog(arena *a, bool in_schema, buf *out, err *e)
{
    tree *t, *r;
    weir_rc rc = tree_parse(a, view_of(catalog), NULL, WEIR_E_CONFIG, &t, e);
    if (!rc)
        rc = tree_parse(a, view_of(resource), NULL, WEIR_E_CONFIG, &r, e);
    if (rc)
        return rc;
    const tapped_choice choices[] = {
        {.entry = singer_tapped_find(t, VIEW("a")), .resource = r, .method = VIEW("INCREMENTAL"), .key = VIEW("k")},
        {.entry = singer_tapped_find(t, VIEW("P"))},
    };
    return singer_tapped_catalog_write(out, t, choices, 2, in_schema, e);
}

static void selection_is_explicit(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    buf out = {0};
    assert_int_equal(write_catalog(&a, false, &out, &e), WEIR_OK);
    expect_json("catalog", buf_view(&out),
        "{\"version\":1,\"streams\":[{\"tap_stream_id\":\"a\",\"stream\":\"A\",\"replication_method\":\"INCREMENTAL\",\"replication_key\":\"k\","
        "\"schema\":{\"type\":\"object\",\"properties\":{\"k\":{},\"f\":{},\"g\":{},\"n\":{},\"u\":{}}},"
        "\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"inclusion\":\"available\",\"row-count\":7,\"mine\":[1],\"users\":\"word\",\"selected\":true,"
        "\"replication-method\":\"INCREMENTAL\",\"replication-key\":\"k\"}},"
        "{\"breadcrumb\":[\"properties\",\"k\"],\"metadata\":{\"inclusion\":\"automatic\",\"selected\":true}},"
        "{\"breadcrumb\":[\"properties\",\"f\"],\"metadata\":{\"inclusion\":\"available\",\"selected-by-default\":false,\"selected\":true}},"
        "{\"breadcrumb\":[\"properties\",\"g\"],\"metadata\":{\"inclusion\":\"available\",\"selected\":false}},"
        "{\"breadcrumb\":[\"properties\",\"u\"],\"metadata\":{\"inclusion\":\"unsupported\",\"selected\":false}},"
        "{\"breadcrumb\":[\"properties\",\"n\"],\"metadata\":{\"selected\":true}}]},"
        "{\"tap_stream_id\":\"b\",\"stream\":\"B\",\"schema\":{\"selected\":true,\"properties\":{\"x\":{}}},\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":false}}]},"
        "{\"tap_stream_id\":\"p\",\"stream\":\"P\",\"schema\":{},\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":true}}]}]}");
    buf_clear(&out);
    assert_int_equal(write_catalog(&a, true, &out, &e), WEIR_OK);
    expect_json("schema of a", pointer_find(buf_view(&out), VIEW("/streams/0/schema")),
        "{\"type\":\"object\",\"selected\":true,\"properties\":{\"k\":{\"selected\":true},\"f\":{\"selected\":true},\"g\":{\"selected\":false},\"n\":{\"selected\":true},"
        "\"u\":{\"selected\":false}}}");
    expect_json("schema of b", pointer_find(buf_view(&out), VIEW("/streams/1/schema")), "{\"selected\":false,\"properties\":{\"x\":{}}}");
    buf_free(&out);
    arena_free(&a);
}

static void without_memory(void **state)
{
    (void)state;
    bool again = true;
    for (size_t n = 0; again; n++) {
        arena a = {0};
        err e = {0};
        buf out = {0};
        tree *t;
        tapped_stream s;
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = write_catalog(&a, n % 2, &out, &e);
        if (!rc)
            rc = tree_parse(&a, VIEW("{\"stream\":\"a\",\"replication_key\":\"x\",\"key_properties\":[\"k\"],\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"inclusion\":\"available\"}}]}"),
                            NULL, WEIR_E_CONFIG, &t, &e);
        if (!rc)
            rc = singer_tapped_describe(&a, t, VIEW("[]"), &s, &e);
        again = fault_clear();
        assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
        buf_free(&out);
        arena_free(&a);
        err_free(&e);
    }
}

/* A name finds a stream if only one has it; an id always does. */
static void finding(void **state)
{
    (void)state;
    arena a = {0};
    const tree *t = parse(&a, "{\"streams\":[{\"tap_stream_id\":\"x\",\"stream\":\"u\"},{\"tap_stream_id\":\"y\",\"stream\":\"u\"},{\"tap_stream_id\":\"u2\",\"stream\":\"v\"},"
                              "{\"stream\":\"only\"}]}");
    assert_null(singer_tapped_find(t, VIEW("u")));
    assert_ptr_equal(singer_tapped_find(t, VIEW("v")), singer_tapped_find(t, VIEW("u2")));
    assert_non_null(singer_tapped_find(t, VIEW("y")));
    assert_true(view_is(singer_tapped_id(singer_tapped_find(t, VIEW("only"))), "only"));
    arena_free(&a);
}

/* ---- schemas ---- */

static void decimals(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"properties\":{\"a\":{\"type\":[\"null\",\"string\"],\"format\":\"singer.decimal\"}}}",
         "{\"properties\":{\"a\":{\"type\":[\"null\",\"string\",\"number\"],\"format\":\"number\"}}}"},
        {"{\"items\":[{\"type\":\"string\",\"format\":\"x-singer.decimal\"}]}", "{\"items\":[{\"type\":[\"string\",\"number\"],\"format\":\"number\"}]}"},
        {"{\"type\":\"number\",\"format\":\"singer.decimal\"}", "{\"type\":[\"number\"],\"format\":\"number\"}"},
        {"{\"title\":\"singer.decimal\",\"format\":\"date\"}", "{\"title\":\"singer.decimal\",\"format\":\"date\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf out = {0};
        err e = {0};
        assert_int_equal(singer_tapped_schema(&out, view_of(cases[i][0]), &e), WEIR_OK);
        expect_json(cases[i][0], buf_view(&out), cases[i][1]);
        buf_free(&out);
    }
}

static void closing(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"type\":\"object\",\"properties\":{}}", "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}"},
        {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"properties\":{\"a\":{\"type\":\"integer\"}},\"additionalProperties\":false}"},
        {"{\"type\":[\"null\",\"object\"],\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{}}}},\"additionalProperties\":false}",
         "{\"type\":[\"null\",\"object\"],\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}}},"
         "\"additionalProperties\":false}"},
        {"{\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"object\",\"properties\":{}},{\"type\":\"null\"}]}}}",
         "{\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false},{\"type\":\"null\"}]}},\"additionalProperties\":false}"},
        {"{\"type\":\"object\"}", NULL},
        {"{}", NULL},
        {"{\"properties\":{\"a\":{}}}", NULL},
        {"{\"properties\":{\"a\":true}}", NULL},
        {"{\"properties\":{},\"additionalProperties\":true}", NULL},
        {"{\"properties\":{},\"additionalProperties\":{\"type\":\"string\"}}", NULL},
        {"{\"properties\":{},\"patternProperties\":{\"x\":{}}}", NULL},
        {"{\"properties\":{\"a\":{\"$ref\":\"#/x\",\"type\":\"string\"}}}", NULL},
        {"{\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf out = {0};
        bool closed = singer_tapped_schema_closed(&out, view_of(cases[i][0]));
        if (closed != (cases[i][1] != NULL))
            fail_msg("%s: %sclosed", cases[i][0], closed ? "" : "not ");
        if (closed)
            expect_json(cases[i][0], buf_view(&out), cases[i][1]);
        assert_true(closed || !out.len);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_modes),  cmocka_unit_test(who_chooses_what), cmocka_unit_test(selection_is_explicit),
        cmocka_unit_test(without_memory),  cmocka_unit_test(finding),          cmocka_unit_test(decimals),
        cmocka_unit_test(closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
