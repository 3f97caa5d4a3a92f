/* Airbyte catalogs: what discovery says of streams, what a configured catalog asks for. Expectations: docs/protocols/airbyte.md 2.7, 3.3, 3.6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "json/patch.h"
#include "json/scan.h"
#include "proto/airbyte/catalog.h"

static void expect_stream(const weir_stream *s, const char *json)
{
    arena a = {0};
    err e = {0};
    buf out = {0};
    unwrap u;
    if (unwrap_stream(&u, &a, s, &e) || airbyte_stream(s, &u, &out, &e))
        fail_msg("%s", err_text(&e));
    if (!json_equal(buf_view(&out), view_of(json)))
        fail_msg("%s", buf_text(&out));
    assert_null(memchr(out.ptr, '\n', out.len));
    arena_free(&a);
    err_free(&e);
    buf_free(&out);
}

#define PLAIN "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}}}"

static void modes_and_cursors(void **state)
{
    (void)state;
    expect_stream(&(weir_stream){.name = VIEW("a"), .schema = VIEW(PLAIN)},
                  "{\"name\":\"a\",\"json_schema\":" PLAIN ",\"supported_sync_modes\":[\"full_refresh\",\"incremental\"],\"source_defined_cursor\":true,"
                  "\"is_resumable\":true}");
    expect_stream(&(weir_stream){.name = VIEW("a"), .name_space = VIEW("public"), .schema = VIEW(PLAIN), .modes = WEIR_FULL_REFRESH},
                  "{\"name\":\"a\",\"namespace\":\"public\",\"json_schema\":" PLAIN ",\"supported_sync_modes\":[\"full_refresh\"],\"is_resumable\":false}");
    expect_stream(&(weir_stream){.name = VIEW("a"), .schema = VIEW(PLAIN), .cursors = VIEW("[\"/updated\"]")},
                  "{\"name\":\"a\",\"json_schema\":" PLAIN ",\"supported_sync_modes\":[\"full_refresh\",\"incremental\"],\"source_defined_cursor\":true,"
                  "\"default_cursor_field\":[\"updated\"],\"is_resumable\":true}");
    expect_stream(&(weir_stream){.name = VIEW("a"), .schema = VIEW(PLAIN), .cursors = VIEW("[\"/t/a~1b\",\"/id\"]"), .modes = WEIR_INCREMENTAL | WEIR_FULL_REFRESH},
                  "{\"name\":\"a\",\"json_schema\":" PLAIN ",\"supported_sync_modes\":[\"full_refresh\",\"incremental\"],\"source_defined_cursor\":false,"
                  "\"default_cursor_field\":[\"t\",\"a/b\"],\"is_resumable\":true}");
}

static void keys(void **state)
{
    (void)state;
#define REST "\"json_schema\":" PLAIN ",\"supported_sync_modes\":[\"full_refresh\"],\"is_resumable\":false}"
    weir_stream s = {.name = VIEW("a"), .schema = VIEW(PLAIN), .modes = WEIR_FULL_REFRESH, .key = VIEW("[\"/id\",\"/a/b~0c\"]")};
    expect_stream(&s, "{\"name\":\"a\",\"source_defined_primary_key\":[[\"id\"],[\"a\",\"b~c\"]]," REST);
    s.key = VIEW("[]");
    expect_stream(&s, "{\"name\":\"a\"," REST);
    /* one that was made up: only if everybody takes it */
    s.fallback_key = true;
    s.key = VIEW("[\"/_meta/file\",\"/_meta/row\"]");
    expect_stream(&s, "{\"name\":\"a\"," REST);
    s.modes = WEIR_INCREMENTAL; /* who neither knows a key nor a cursor would forget the rows of former reads */
    expect_stream(&s, "{\"name\":\"a\",\"json_schema\":" PLAIN ",\"supported_sync_modes\":[\"full_refresh\",\"incremental\"],\"source_defined_cursor\":true,"
                      "\"default_cursor_field\":[\"_meta\",\"row\"],\"is_resumable\":true}");
    s.modes = WEIR_FULL_REFRESH;
    s.key = VIEW("[\"/row\"]");
    expect_stream(&s, "{\"name\":\"a\",\"source_defined_primary_key\":[[\"row\"]]," REST);
}

#define DELETED_AT "\"_ab_cdc_deleted_at\":{\"type\":[\"null\",\"string\"],\"format\":\"date-time\",\"airbyte_type\":\"timestamp_with_timezone\"}"

static void expect_schema(const char *schema, bool deletes, const char *left)
{
    buf json = {0};
    buf_printf(&json, "{\"name\":\"a\",\"json_schema\":%s,\"supported_sync_modes\":[\"full_refresh\"],\"is_resumable\":false}", left);
    expect_stream(&(weir_stream){.name = VIEW("a"), .schema = view_of(schema), .modes = WEIR_FULL_REFRESH, .deletes = deletes}, buf_text(&json));
    buf_free(&json);
}

static void schemas(void **state)
{
    (void)state;
    expect_schema("{}", false, "{\"type\":\"object\",\"properties\":{}}");
    expect_schema("{\"properties\":{\"a\":{\"type\":\"string\",\"title\":\"A\",\"default\":null}}}", false,
                  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"title\":\"A\",\"default\":null}}}");
    expect_schema("{\"type\":[\"null\",\"object\"],\n \"properties\":{\"a\":{}}}", false, "{\"type\":[\"null\",\"object\"],\"properties\":{\"a\":{}}}");
    expect_schema(PLAIN, true, "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}," DELETED_AT "}}");
    /* /_meta/op of Flow */
    expect_schema("{\"type\":\"object\",\"properties\":{\"_meta\":{\"type\":\"object\",\"properties\":{\"op\":{\"type\":\"string\"}}}}}", false,
                  "{\"type\":\"object\",\"properties\":{\"_meta\":{\"type\":\"object\",\"properties\":{\"op\":{\"type\":\"string\"}}}," DELETED_AT "}}");
    /* what is said elsewhere is put in its place */
    expect_schema("{\"$defs\":{\"T\":{\"type\":\"string\",\"format\":\"date-time\"}},\"type\":\"object\",\"required\":[\"t\"],\"properties\":{\"t\":{\"$ref\":\"#/$defs/T\"},"
                  "\"u\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]}}}", false,
                  "{\"type\":\"object\",\"required\":[\"t\"],\"properties\":{\"t\":{\"type\":\"string\",\"format\":\"date-time\"},\"u\":{\"type\":[\"integer\",\"null\"]}}}");
}

/* ---- configured ---- */

typedef struct reading_world {
    arena a;
    err e;
    airbyte_configured *items;
    size_t count;
} reading_world;

static weir_rc configured(reading_world *w, const char *text)
{
    char path[] = "/tmp/weir-catalog-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    weir_rc rc = airbyte_configured_catalog(&w->a, path, &w->items, &w->count, &w->e);
    unlink(path);
    return rc;
}

static void done(reading_world *w)
{
    arena_free(&w->a);
    err_free(&w->e);
}

static void everything_that_can_be_said(void **state)
{
    (void)state;
    reading_world w = {0};
    assert_int_equal(configured(&w, "{\"streams\":[{\"stream\":{\"name\":\"a\",\"namespace\":\"n\",\"json_schema\":{ \"x\": 1.50 }},\"sync_mode\":\"incremental\","
                                    "\"destination_sync_mode\":\"append_dedup\",\"cursor_field\":[\"t\",\"a/b\"],\"primary_key\":[[\"id\"],[\"x\",\"y~\"]],"
                                    "\"generation_id\":7,\"minimum_generation_id\":0,\"sync_id\":3},"
                                    "{\"stream\":{\"name\":\"a\",\"namespace\":null,\"json_schema\":null,\"more\":{}},\"sync_mode\":\"full_refresh\","
                                    "\"destination_sync_mode\":null,\"cursor_field\":[],\"primary_key\":[],\"generation_id\":null,\"minimum_generation_id\":null,"
                                    "\"sync_id\":null,\"destination_object_name\":null,\"include_files\":null}],\"streams2\":0}"), WEIR_OK);
    assert_int_equal(w.count, 2);
    const airbyte_configured *a = &w.items[0], *b = &w.items[1];
    assert_true(view_is(a->name, "a") && view_is(a->name_space, "n") && view_is(a->schema, "{ \"x\": 1.50 }"));
    assert_true(view_is(a->descriptor, "{\"name\":\"a\",\"namespace\":\"n\"}"));
    assert_int_equal(a->sync_mode, AIRBYTE_INCREMENTAL);
    assert_int_equal(a->write_mode, AIRBYTE_APPEND_DEDUP);
    assert_true(view_is(a->cursor, "/t/a~1b"));
    assert_true(view_is(a->key, "[\"/id\",\"/x/y~0\"]"));
    assert_true(a->numbered);
    assert_int_equal(a->generation, 7);
    assert_int_equal(a->minimum_generation, 0);
    assert_int_equal(a->sync_id, 3);
    assert_true(view_is(b->descriptor, "{\"name\":\"a\"}") && view_is(b->schema, "{}"));
    assert_int_equal(b->sync_mode, AIRBYTE_FULL_REFRESH);
    assert_int_equal(b->write_mode, AIRBYTE_APPEND);
    assert_false(b->numbered);
    assert_int_equal(b->cursor.len + b->key.len, 0);
    done(&w);
}

static void expect_refused(const char *text, const char *says)
{
    reading_world w = {0};
    assert_int_equal(configured(&w, text), WEIR_E_CONFIG);
    if (!view_starts(view_of(err_text(&w.e)), VIEW("catalog: /tmp/weir-catalog-")) || !view_ends(view_of(err_text(&w.e)), view_of(says)))
        fail_msg("%s", err_text(&w.e));
    done(&w);
}

static void what_is_no_catalog(void **state)
{
    (void)state;
    expect_refused("[]", ":1:1: catalog: expected an object, got an array");
    expect_refused("{}", ":1:1: 'streams' is missing");
    expect_refused("{\"streams\":{}}", ":1:12: streams: expected an array, got an object");
    expect_refused("{\"streams\":[1]}", ":1:13: streams: expected an object, got a number");
    expect_refused("{\"streams\":[{\"stream\":{},\"sync_mode\":\"incremental\"}]}", ":1:23: 'name' is missing");
    expect_refused("{\"streams\":[{\"stream\":{\"name\":\"a\"}}]}", ":1:13: 'sync_mode' is missing");
    expect_refused("{\"streams\":[{\"stream\":{\"name\":\"a\"},\"sync_mode\":\"INVALID\"}]}",
                   ":1:48: sync_mode is 'INVALID', but can only be full_refresh or incremental");
    expect_refused("{\"streams\":[{\"stream\":{\"name\":\"a\"},\"sync_mode\":\"incremental\",\"primary_key\":[\"id\"]}]}",
                   ":1:77: primary_key: expected an array of strings, got a string");
    expect_refused("{\"streams\":[{\"stream\":{\"name\":\"a\"},\"sync_mode\":\"incremental\",\"generation_id\":1.5}]}",
                   ":1:78: generation_id: expected an integer of 64 bits, got a number");
    expect_refused("{\"streams\":[{\"stream\":{\"name\":\"a\"},\"sync_mode\":\"incremental\"},{\"stream\":{\"name\":\"a\"},\"sync_mode\":\"full_refresh\"}]}",
                   ": stream {\"name\":\"a\"} is there twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_and_cursors), cmocka_unit_test(keys), cmocka_unit_test(schemas), cmocka_unit_test(everything_that_can_be_said),
        cmocka_unit_test(what_is_no_catalog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
