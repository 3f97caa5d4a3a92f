/* Settings to begin with, and files as URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "folder.h"
#include "plane/file_url.h"
#include "plane/stub.h"

static void check_stub(const char *schema, const char *expected)
{
    arena a = {0};
    err e = {0};
    buf text = {0};
    tree *t;
    assert_int_equal(tree_parse(&a, view_of(schema), NULL, WEIR_E_BUG, &t, &e), WEIR_OK);
    const tree *stub = stub_of(&a, t, VIEW("acme/in/orders"));
    assert_non_null(stub);
    tree_write(&text, stub);
    assert_string_equal(buf_text(&text), expected);
    buf_free(&text);
    arena_free(&a);
    err_free(&e);
}

/* As flowctl makes them: default, first choice, type; members that are required. */
static void test_stubs(void **state)
{
    (void)state;
    check_stub("{}", "null");
    check_stub("true", "null");
    check_stub("{\"type\":\"string\"}", "\"\"");
    check_stub("{\"type\":\"integer\"}", "0");
    check_stub("{\"type\":\"number\"}", "0");
    check_stub("{\"type\":\"boolean\"}", "false");
    check_stub("{\"type\":[\"null\",\"string\"]}", "\"\"");
    check_stub("{\"type\":\"null\"}", "null");
    check_stub("{\"type\":\"string\",\"default\":\"x\",\"enum\":[\"y\"]}", "\"x\"");
    check_stub("{\"default\":{\"a\":[1]}}", "{\"a\":[1]}");
    check_stub("{\"enum\":[\"y\",\"z\"]}", "\"y\"");
    check_stub("{\"const\":3}", "3");
    check_stub("{\"type\":\"string\",\"x-collection-name\":true}", "\"orders\"");
    check_stub("{\"type\":\"string\",\"x-collection-name\":false}", "\"\"");
    check_stub("{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", "[]");
    check_stub("{\"type\":\"array\",\"minItems\":2,\"items\":{\"type\":\"integer\"}}", "[0,0]");
    check_stub("{\"type\":\"object\",\"required\":[\"b\",\"a\"],\"properties\":{\"a\":{\"type\":\"string\"},\"no\":{},\"b\":{\"type\":\"integer\"}}}",
               "{\"a\":\"\",\"b\":0}");
    check_stub("{\"properties\":{\"a\":{}}}", "{}");
}

static void test_stubs_of_several_schemas(void **state)
{
    (void)state;
    check_stub("{\"$defs\":{\"t\":{\"type\":\"integer\"}},\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{\"$ref\":\"#/$defs/t\"}}}", "{\"a\":0}");
    check_stub("{\"allOf\":[{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}},{\"required\":[\"a\"]}]}", "{\"a\":\"\"}");
    check_stub("{\"type\":\"object\",\"oneOf\":[{\"required\":[\"k\"],\"properties\":{\"k\":{\"const\":\"one\"}}},"
               "{\"required\":[\"k\",\"l\"],\"properties\":{\"k\":{\"const\":\"two\"}}}]}",
               "{\"k\":\"one\"}");
    check_stub("{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}", "0");
}

/* Schemas that refer to themselves have an end. */
static void test_stubs_of_circles(void **state)
{
    (void)state;
    check_stub("{\"$ref\":\"#\"}", "null");
    check_stub("{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", "null");
    arena a = {0};
    err e = {0};
    tree *t;
    assert_int_equal(tree_parse(&a, VIEW("{\"type\":\"object\",\"required\":[\"a\",\"b\"],\"properties\":{\"a\":{\"$ref\":\"#\"},\"b\":{\"$ref\":\"#\"}}}"), NULL,
                                WEIR_E_BUG, &t, &e), WEIR_OK);
    assert_non_null(stub_of(&a, t, (weir_view){0}));
    arena_free(&a);
    err_free(&e);
}

static void test_urls(void **state)
{
    (void)state;
    arena a = {0};
    char *folder = folder_make(), *path = NULL;
    assert_true(asprintf(&path, "%s/a b;%%\xc3\xa4.sql", folder) > 0);
    const char *url = file_url(&a, path);
    assert_true(view_ends(view_of(url), VIEW("/a%20b%3B%25%C3%A4.sql")));
    assert_true(view_starts(view_of(url), VIEW("file:///")));
    assert_string_equal(file_url_path(&a, view_of(url)), path);
    assert_string_equal(file_url(&a, "/"), "file:///");
    assert_string_equal(file_url(&a, "/gone/for sure/x"), "file:///gone/for%20sure/x");
    assert_string_equal(file_url_path(&a, VIEW("file:///a%2")), "/a%2");
    assert_string_equal(file_url_path(&a, VIEW("file:///a%zz")), "/a%zz");
    assert_null(file_url_path(&a, VIEW("file:///a%00b")));
    assert_null(file_url_path(&a, VIEW("https://x/y")));
    assert_null(file_url_path(&a, VIEW("file://host/y")));
    free(path);
    folder_remove(folder);
    arena_free(&a);
}

static void touch(const char *folder, const char *name)
{
    char *path = NULL;
    err e = {0};
    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    assert_int_equal(io_replace_file(path, VIEW("{}"), &e), WEIR_OK);
    free(path);
}

static void test_projects(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    char *folder = folder_make();
    const char *below = arena_printf(&a, "%s/x/y/z", folder).ptr, *y = arena_printf(&a, "%s/x/y", folder).ptr, *catalog = arena_printf(&a, "%s/z/flow.yaml", y).ptr;
    assert_int_equal(io_make_dirs(below, &e), WEIR_OK);
    touch(below, "flow.yaml");
    assert_string_equal(file_project(&a, catalog), below);
    touch(folder, "flow.yaml"); /* not one by one above it */
    assert_string_equal(file_project(&a, catalog), below);
    touch(y, "flow.json");
    assert_string_equal(file_project(&a, catalog), y);
    char here[4096];
    assert_string_equal(file_project(&a, "-"), getcwd(here, sizeof here));
    folder_remove(folder);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stubs),
        cmocka_unit_test(test_stubs_of_several_schemas),
        cmocka_unit_test(test_stubs_of_circles),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_projects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
