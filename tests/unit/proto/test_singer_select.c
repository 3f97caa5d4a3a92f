/* select, catalog_read: what is selected is what singer-sdk selects, and only that is in schemas and documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/patch.h"
#include "proto/singer/catalog.h"
#include "proto/singer/select.h"
#include "singer_selection.h"

enum { PLACES = sizeof places / sizeof *places };

static const char *const crumbs[] = {"[]", "[\"properties\",\"a\"]", "[\"properties\",\"a\",\"properties\",\"b\"]"};

/* The metadata list of a combination. */
static void metadata_of(const size_t choice[3], buf *out)
{
    const char *comma = "";
    buf_addc(out, '[');
    for (size_t i = 0; i < 3; i++) {
        if (!places[choice[i]])
            continue;
        buf_printf(out, "%s{\"breadcrumb\":%s,\"metadata\":%s}", comma, crumbs[i], places[choice[i]]);
        comma = ",";
    }
    buf_addc(out, ']');
}

static tree *parse(arena *a, weir_view text)
{
    tree *t;
    err e = {0};
    weir_view kept = arena_dup(a, text);
    assert_int_equal(tree_parse(a, kept, NULL, WEIR_E_BUG, &t, &e), WEIR_OK);
    return t;
}

static int digit_of(selection *s)
{
    selected stream = singer_selection_root(s), a = singer_selection_of(s, view_of(crumbs[1]), stream), b = singer_selection_of(s, view_of(crumbs[2]), a);
    return 4 * stream.here + 2 * (stream.here && a.here) + (stream.here && a.here && b.here);
}

#define EACH_COMBINATION(choice)                                                                                               \
    for (size_t choice[3] = {0}; choice[0] < PLACES; choice[0]++)                                                              \
        for (choice[1] = 0; choice[1] < PLACES; choice[1]++)                                                                   \
            for (choice[2] = 0; choice[2] < PLACES; choice[2]++)

static void selects_as_the_sdk(void **state)
{
    (void)state;
    EACH_COMBINATION (choice) {
        arena a = {0};
        err e = {0};
        selection s;
        buf text = {0};
        metadata_of(choice, &text);
        assert_int_equal(singer_selection_init(&s, &a, parse(&a, buf_view(&text)), &e), WEIR_OK);
        if (digit_of(&s) != selected_by_sdk[choice[0]][choice[1]][choice[2]] - '0')
            fail_msg("%s: %d, the SDK says %c", buf_text(&text), digit_of(&s), selected_by_sdk[choice[0]][choice[1]][choice[2]]);
        singer_selection_free(&s);
        buf_free(&text);
        arena_free(&a);
    }
}

/* ---- through a catalog ---- */

static const stream_item discovered = {
    .s = {.name = WEIR_LIT("t"), .resource = WEIR_LIT("{}"), .resource_path = WEIR_LIT("[\"t\"]"), .modes = WEIR_INCREMENTAL | WEIR_FULL_REFRESH,
          .key = WEIR_LIT("[\"/id\"]"), .cursors = WEIR_LIT("[\"/at\",\"/n/at\"]"),
          .schema = WEIR_LIT("{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"at\":{\"type\":\"integer\"},\"a\":{\"type\":\"object\","
                             "\"properties\":{\"b\":{\"type\":\"integer\"},\"c\":{\"type\":\"integer\"}}}},\"required\":[\"id\"]}")}};

typedef struct fixture {
    arena arena;
    tap_sources sources;
    tap_catalog catalog;
    err e;
} fixture;

static weir_rc read(fixture *f, const char *catalog, bool legacy)
{
    stream_list l = {.items = (stream_item *)(uintptr_t)&discovered, .count = 1};
    *f = (fixture){0};
    assert_int_equal(singer_sources_make(&f->sources, &l, &f->e), WEIR_OK);
    const catalog_options o = {.doc = parse(&f->arena, view_of(catalog)), .legacy = legacy};
    return singer_catalog_read(&f->catalog, &f->arena, &f->sources, &o, &f->e);
}

static void end(fixture *f)
{
    singer_sources_free(&f->sources);
    arena_free(&f->arena);
    err_free(&f->e);
}

static const char *document(fixture *f, const char *doc, buf *out)
{
    buf_clear(out);
    if (f->catalog.streams[0].prune)
        prune_into(f->catalog.streams[0].prune, view_of(doc), out);
    else
        buf_adds(out, doc);
    return buf_text(out);
}

/* Of {"id":1,"a":{"b":2,"c":3}}: `a` is 2 of the digit, `a/b` 1; `a/c` is never mentioned, so it goes with `a`. */
static void documents_and_schemas_hold_what_is_selected(void **state)
{
    (void)state;
    buf metadata = {0}, catalog = {0}, doc = {0};
    EACH_COMBINATION (choice) {
        int digit = selected_by_sdk[choice[0]][choice[1]][choice[2]] - '0';
        fixture f;
        buf_clear(&metadata);
        buf_clear(&catalog);
        metadata_of(choice, &metadata);
        buf_printf(&catalog, "{\"streams\":[{\"tap_stream_id\":\"t\",\"metadata\":%s}]}", buf_text(&metadata));
        assert_int_equal(read(&f, buf_text(&catalog), false), WEIR_OK);
        assert_int_equal(f.catalog.count, digit >> 2);
        if (digit & 4) {
            const char *said = document(&f, "{\"id\":1,\"a\":{\"b\":2,\"c\":3}}", &doc);
            weir_view schema = f.catalog.streams[0].schema;
            assert_int_equal(weir_json_at(view_of(said), "/a").len > 0, digit >> 1 & 1);
            assert_int_equal(weir_json_at(view_of(said), "/a/b").len > 0, digit & 1);
            assert_int_equal(weir_json_at(schema, "/properties/a").len > 0, digit >> 1 & 1);
            assert_int_equal(weir_json_at(schema, "/properties/a/properties/b").len > 0, digit & 1);
            assert_true(weir_json_at(view_of(said), "/id").len && weir_json_at(schema, "/properties/id").len);
        }
        end(&f);
    }
    buf_free(&metadata);
    buf_free(&catalog);
    buf_free(&doc);
}

#define STREAM(more) "{\"streams\":[{\"tap_stream_id\":\"t\"" more "}]}"

static void how_a_stream_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *catalog;
        unsigned mode;
        bool full_table;
        const char *cursor;
    } cases[] = {
        {STREAM(""), 0, false, ""},
        {STREAM(",\"replication_method\":\"FULL_TABLE\""), WEIR_FULL_REFRESH, true, ""},
        {STREAM(",\"replication_method\":\"INCREMENTAL\",\"replication_key\":\"at\""), WEIR_INCREMENTAL, false, "/at"},
        {STREAM(",\"replication-method\":\"FULL_TABLE\""), WEIR_FULL_REFRESH, true, ""},
        {STREAM(",\"replication_method\":\"\",\"replication_key\":\"\""), 0, false, ""},
        {STREAM(",\"replication_method\":null,\"replication_key\":null"), 0, false, ""},
        {STREAM(",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":true,\"replication-method\":\"INCREMENTAL\",\"replication-key\":\"at\"}}]"),
         WEIR_INCREMENTAL, false, "/at"},
        {STREAM(",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":true,\"replication_method\":\"INCREMENTAL\",\"replication_key\":\"at\"}}]"),
         WEIR_INCREMENTAL, false, "/at"},
        {STREAM(",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":true,\"forced-replication-method\":\"FULL_TABLE\"}}]"), WEIR_FULL_REFRESH,
         true, ""},
        {STREAM(",\"replication_method\":\"INCREMENTAL\",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":true,"
                "\"replication-method\":\"FULL_TABLE\"}}]"), WEIR_INCREMENTAL, false, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        assert_int_equal(read(&f, cases[i].catalog, false), WEIR_OK);
        assert_int_equal(f.catalog.count, 1);
        assert_int_equal(f.catalog.streams[0].mode, cases[i].mode);
        assert_int_equal(f.catalog.streams[0].full_table, cases[i].full_table);
        assert_true(view_is(f.catalog.streams[0].cursor, cases[i].cursor));
        assert_true(view_is(f.catalog.streams[0].bookmark, *cases[i].cursor ? "[\"at\"]" : ""));
        assert_true(view_is(f.catalog.streams[0].key, "[\"id\"]"));
        end(&f);
    }
}

static void a_cursor_is_one_of_those_there_are(void **state)
{
    (void)state;
    fixture f;
    assert_int_equal(read(&f, STREAM(",\"replication_method\":\"INCREMENTAL\",\"replication_key\":\"id\""), false), WEIR_E_CONFIG);
    assert_string_equal(err_text(&f.e), "stream 't': 'id' cannot be its replication key: there are at");
    end(&f);
}

static void keys_may_be_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *catalog, *key, *pointers;
    } cases[] = {
        {STREAM(",\"key_properties\":[\"at\",\"x/y\"]"), "[\"at\",\"x/y\"]", "[\"/at\",\"/x~1y\"]"},
        {STREAM(",\"key_properties\":[]"), "[]", "[]"},
        {STREAM(",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":true,\"view-key-properties\":[\"at\"]}}]"), "[\"at\"]", "[\"/at\"]"},
        {STREAM(",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":true,\"table-key-properties\":[\"at\"]}}]"), "[\"at\"]", "[\"/at\"]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        assert_int_equal(read(&f, cases[i].catalog, false), WEIR_OK);
        assert_true(view_is(f.catalog.streams[0].key, cases[i].key));
        assert_true(view_is(f.catalog.streams[0].key_pointers, cases[i].pointers));
        end(&f);
    }
}

/* singer.md 2: the input catalog's schema replaces the discovered one; what it lacks, documents lack. A key stays. */
static void the_catalogs_schema_holds(void **state)
{
    (void)state;
    fixture f;
    buf doc = {0};
    assert_int_equal(read(&f, STREAM(",\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"x-mine\":1}}}"), false), WEIR_OK);
    assert_true(json_equal(f.catalog.streams[0].schema, VIEW("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"x-mine\":1}}}")));
    assert_string_equal(document(&f, "{\"id\":1,\"at\":2,\"a\":{\"b\":3},\"more\":4}", &doc), "{\"id\":1,\"a\":{\"b\":3},\"more\":4}");
    end(&f);
    buf_free(&doc);
}

static void legacy_documents(void **state)
{
    (void)state;
    static const struct {
        const char *catalog;
        size_t streams;
        const char *doc;
    } cases[] = {
        {STREAM(",\"schema\":{\"selected\":true,\"properties\":{\"id\":{},\"at\":{\"selected\":false},\"a\":{\"selected\":true}}}"), 1,
         "{\"id\":1,\"a\":{\"b\":3}}"},
        {STREAM(",\"schema\":{\"selected\":true,\"properties\":{\"id\":{\"selected\":false},\"at\":{\"inclusion\":\"unsupported\"},\"a\":{}}}"), 1,
         "{\"id\":1,\"a\":{\"b\":3}}"},
        {STREAM(",\"schema\":{\"selected\":false,\"properties\":{\"id\":{}}}"), 0, NULL},
        {STREAM(",\"schema\":{\"selected\":false,\"properties\":{\"id\":{}}},\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":true}}]"), 1,
         "{\"id\":1}"},
        {STREAM(""), 1, "{\"id\":1,\"at\":2,\"a\":{\"b\":3}}"},
    };
    buf doc = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        assert_int_equal(read(&f, cases[i].catalog, true), WEIR_OK);
        assert_int_equal(f.catalog.count, cases[i].streams);
        if (cases[i].doc)
            assert_string_equal(document(&f, "{\"id\":1,\"at\":2,\"a\":{\"b\":3}}", &doc), cases[i].doc);
        end(&f);
    }
    buf_free(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selects_as_the_sdk), cmocka_unit_test(documents_and_schemas_hold_what_is_selected), cmocka_unit_test(how_a_stream_is_read),
        cmocka_unit_test(a_cursor_is_one_of_those_there_are), cmocka_unit_test(keys_may_be_chosen), cmocka_unit_test(the_catalogs_schema_holds),
        cmocka_unit_test(legacy_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
