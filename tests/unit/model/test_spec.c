#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/spec.h"

typedef struct settings {
    const char *a, *b;
} settings;

static const weir_field config[] = {{.name = "api_key", .type = WEIR_TEXT, .flags = WEIR_SECRET}, {0}};
static const weir_field resource[] = {
    {.name = "schema", .type = WEIR_TEXT, .offset = offsetof(settings, a), .flags = WEIR_PATH | WEIR_OPTIONAL},
    {.name = "table", .type = WEIR_TEXT, .offset = offsetof(settings, b), .flags = WEIR_PATH},
    {0},
};

static weir_rc discover(weir_task *t, void *self)
{
    (void)t, (void)self;
    return WEIR_OK;
}

static weir_rc bindings(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)t, (void)self, (void)b, (void)n;
    return WEIR_OK;
}

static weir_rc rows(weir_task *t, void *self, const weir_row *r, size_t n)
{
    (void)t, (void)self, (void)r, (void)n;
    return WEIR_OK;
}

static weir_rc commit(weir_task *t, void *self, weir_view checkpoint)
{
    (void)t, (void)self, (void)checkpoint;
    return WEIR_OK;
}

static const weir_capture capture = {.discover = discover, .pull = bindings};
static const weir_materialize materialize = {.apply = bindings, .load = rows, .store = rows, .commit = commit};
static const weir_connector by_table = {
    .abi = WEIR_ABI,
    .name = "source-hello",
    .config = config,
    .config_size = sizeof(char *),
    .resource = resource,
    .resource_size = sizeof(settings),
    .capture = &capture,
};
static const weir_connector by_schema = {
    .abi = WEIR_ABI,
    .name = "m",
    .title = "The \"M\"",
    .docs_url = "https://docs.example/m",
    .config_schema = WEIR_LIT("{ \"type\": \"object\" }"),
    .resource_schema = WEIR_LIT("{\n\"properties\":{}}"),
    .resource_path_pointers = WEIR_LIT("[ \"/a/b\", \"/c\" ]"),
    .materialize = &materialize,
};

static void assert_text(void (*of)(const weir_connector *, buf *), const weir_connector *c, const char *expected)
{
    buf out = {0};
    of(c, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void test_schemas(void **state)
{
    (void)state;
    const weir_connector titled = {.title = "T", .name = "n"};
    assert_text(spec_config_schema, &by_table,
                "{\"title\":\"Source Hello\",\"type\":\"object\",\"required\":[\"api_key\"],\"properties\":{"
                "\"api_key\":{\"title\":\"Api Key\",\"type\":\"string\",\"secret\":true,\"order\":0}}}");
    assert_text(spec_resource_schema, &by_table,
                "{\"title\":\"Source Hello Resource\",\"type\":\"object\",\"required\":[\"table\"],\"properties\":{"
                "\"schema\":{\"title\":\"Schema\",\"type\":\"string\",\"order\":0},\"table\":{\"title\":\"Table\",\"type\":"
                "\"string\",\"order\":1}}}");
    assert_text(spec_config_schema, &by_schema, "{\"type\":\"object\"}");
    assert_text(spec_resource_schema, &by_schema, "{\"properties\":{}}");
    assert_text(spec_config_schema, &titled, "{\"title\":\"T\",\"type\":\"object\",\"properties\":{}}");
}

static void test_pointers_and_docs(void **state)
{
    (void)state;
    assert_text(spec_path_pointers, &by_table, "[\"/schema\",\"/table\"]");
    assert_text(spec_path_pointers, &by_schema, "[\"/a/b\",\"/c\"]");
    assert_text(spec_docs_url, &by_schema, "https://docs.example/m");
    assert_text(spec_docs_url, &by_table, "https://weir.invalid/source-hello");
}

static void assert_path(const weir_connector *c, const char *resource_json, weir_rc expected_rc, const char *expected)
{
    arena a = {0};
    err e = {0};
    buf out = {0};
    tree *t = NULL;
    buf_adds(&out, "+");
    assert_int_equal(tree_parse(&a, view_of(resource_json), "flow.yaml", WEIR_E_CONFIG, &t, &e), WEIR_OK);
    weir_rc rc = spec_resource_path(c, t, &out, &e);
    assert_string_equal(rc ? err_text(&e) : buf_text(&out) + 1, expected);
    assert_int_equal(rc, expected_rc);
    assert_int_equal(out.len, rc ? 1 : strlen(expected) + 1);
    arena_free(&a);
    buf_free(&out);
    err_free(&e);
}

static void test_resource_path(void **state)
{
    (void)state;
    assert_path(&by_table, "{\"schema\":\"s\",\"table\":\"t\\u00e9\\\"\"}", WEIR_OK, "[\"s\",\"t\xc3\xa9\\\"\"]");
    assert_path(&by_table, "{\"table\":\"t\"}", WEIR_OK, "[\"t\"]");
    assert_path(&by_table, "{\"schema\":null,\"table\":\"t\"}", WEIR_OK, "[\"t\"]");
    assert_path(&by_schema, "{\"a\":{\"b\":\"x\"},\"c\":7}", WEIR_OK, "[\"x\",\"7\"]");
    assert_path(&by_table, "{\"table\":\"t\",\"_meta\":{\"path\":[\"q\",\"t\"]}}", WEIR_OK, "[\"q\",\"t\"]");
    assert_path(&by_table, "{\"table\":\"t\",\"_meta\":{\"path\":[]}}", WEIR_OK, "[\"t\"]");
    assert_path(&by_table, "{\"table\":\"t\",\"_meta\":{}}", WEIR_OK, "[\"t\"]");
}

static void test_no_resource_path(void **state)
{
    (void)state;
    const weir_connector none = {.name = "n"};
    assert_path(&by_table, "{\"tabel\":\"t\"}", WEIR_E_CONFIG,
                "nothing in this resource config identifies the resource: none of [\"/schema\",\"/table\"] is there");
    assert_path(&none, "{\"tabel\":\"t\"}", WEIR_E_CONFIG,
                "nothing in this resource config identifies the resource: none of [] is there");
    assert_path(&by_table, "{\"table\":\"t\",\"_meta\":{\"path\":\"t\"}}", WEIR_E_CONFIG,
                "flow.yaml:1:30: /_meta/path: expected an array of strings");
    assert_path(&by_table, "{\"table\":\"t\",\"_meta\":{\"path\":[\"t\",1]}}", WEIR_E_CONFIG,
                "flow.yaml:1:35: /_meta/path: expected a string");
}

static void assert_check(weir_connector c, const char *message)
{
    err e = {0};
    weir_rc rc = spec_check(&c, &e);
    assert_string_equal(err_text(&e), message);
    assert_int_equal(rc, *message ? WEIR_E_BUG : WEIR_OK);
    err_free(&e);
}

static void test_check(void **state)
{
    (void)state;
    weir_connector c = by_table;
    assert_check(by_table, "");
    assert_check(by_schema, "");
    c.abi = 99;
    assert_check(c, "connector: made for version 99 of weir.h's layout, this library has version 1");
    c = by_table;
    c.name = NULL;
    assert_check(c, "connector: it has no name");
    c = by_table;
    c.capture = NULL;
    assert_check(c, "connector 'source-hello': it is neither a capture nor a materialization nor a derivation nor an SQL database");
    c = by_table;
    c.config_size = 0;
    assert_check(c, "connector 'source-hello': config: the size of its struct is missing");
    c.config_size = 4;
    assert_check(c, "connector 'source-hello': config: setting 'api_key': offset 0 is outside of the struct, which has 4 bytes");
    c = by_table;
    c.resource_schema = VIEW("{}");
    assert_check(c, "connector 'source-hello': resource: there is a table and a schema: only one can be true");
    c = by_table;
    c.resource = config;
    assert_check(c, "connector 'source-hello': no resource setting is marked WEIR_PATH: nothing would identify a resource");
    c = by_schema;
    c.config_schema = VIEW("{\"a\":}");
    assert_check(c, "connector 'm': config: byte 5: no JSON value begins here");
    c.config_schema = VIEW("[]");
    assert_check(c, "connector 'm': config: byte 0: it is no object");
    c = by_schema;
    c.oauth2 = VIEW("null");
    assert_check(c, "connector 'm': oauth2: byte 0: it is no object");
    c = by_schema;
    c.resource_path_pointers = VIEW("[\"/a\", 1]");
    assert_check(c, "connector 'm': the resource path pointers are not a JSON array of strings");
    c.resource_path_pointers = VIEW("[\"a\"]");
    assert_check(c, "connector 'm': the resource path pointer 'a' is not a JSON pointer");
    c.resource_path_pointers = VIEW("[");
    assert_check(c, "connector 'm': the resource path pointers are not a JSON array of strings");
}

static void test_callbacks(void **state)
{
    (void)state;
    weir_capture in = {.pull = bindings};
    weir_materialize out = materialize;
    weir_connector c = by_table;
    c.capture = &in;
    assert_check(c, "connector 'source-hello': its capture has no discover()");
    in = (weir_capture){.discover = discover};
    assert_check(c, "connector 'source-hello': its capture has no pull()");
    c = by_schema;
    c.materialize = &out;
    out.apply = NULL;
    assert_check(c, "connector 'm': its materialization has no apply()");
    out = materialize;
    out.store = NULL;
    assert_check(c, "connector 'm': its materialization has no store()");
    out = materialize;
    out.commit = NULL;
    assert_check(c, "connector 'm': its materialization has no commit()");
    out = materialize;
    out.load = NULL;
    assert_check(c, "");
    out.needs_exists = true;
    assert_check(c, "connector 'm': its materialization needs to know whether rows exist, but has no load()");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schemas),       cmocka_unit_test(test_pointers_and_docs),
        cmocka_unit_test(test_resource_path), cmocka_unit_test(test_no_resource_path),
        cmocka_unit_test(test_check),         cmocka_unit_test(test_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
