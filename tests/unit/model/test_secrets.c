#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/fields.h"

static void gather(void *arg, weir_view secret)
{
    buf *out = arg;
    buf_addv(out, secret);
    buf_addc(out, ';');
}

static tree *tree_of(arena *a, const char *json)
{
    err e = {0};
    tree *t = NULL;
    if (tree_parse(a, view_of(json), NULL, WEIR_E_CONFIG, &t, &e))
        fail_msg("%s", err_text(&e));
    return t;
}

static void assert_by_table(const weir_field *table, const char *settings, const char *expected)
{
    arena a = {0};
    buf out = {0};
    fields_secrets(table, settings ? tree_of(&a, settings) : NULL, gather, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
    arena_free(&a);
}

static void assert_by_schema(const char *schema, const char *settings, const char *expected)
{
    arena a = {0};
    buf out = {0};
    schema_secrets(tree_of(&a, schema), tree_of(&a, settings), gather, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
    arena_free(&a);
}

static const weir_field secret_item = {.type = WEIR_TEXT, .flags = WEIR_SECRET};
static const weir_field key_fields[] = {
    {.name = "key", .type = WEIR_TEXT, .flags = WEIR_SECRET}, {.name = "id", .type = WEIR_TEXT}, {0}};
static const weir_field pass_fields[] = {{.name = "id", .type = WEIR_TEXT, .flags = WEIR_SECRET}, {0}};
static const weir_field key_item = {.type = WEIR_OBJECT, .fields = key_fields};
static const weir_field variants[] = {
    {.name = "key", .type = WEIR_OBJECT, .fields = key_fields}, {.name = "pass", .type = WEIR_OBJECT, .fields = pass_fields}, {0}};
static const weir_field table[] = {
    {.name = "password", .type = WEIR_TEXT, .flags = WEIR_SECRET},
    {.name = "open", .type = WEIR_TEXT},
    {.name = "list", .type = WEIR_LIST, .fields = &secret_item, .item_size = 8},
    {.name = "keys", .type = WEIR_LIST, .fields = &key_item, .item_size = 16},
    {.name = "group", .type = WEIR_OBJECT, .fields = key_fields},
    {.name = "login", .type = WEIR_ONE_OF, .fields = variants, .discriminator = "by"},
    {0},
};

static void test_by_table(void **state)
{
    (void)state;
    assert_by_table(table, NULL, "");
    assert_by_table(table, "{\"open\":\"o\",\"other\":\"x\"}", "");
    assert_by_table(table,
                    "{\"password\":\"p\\u00e9\",\"open\":\"o\",\"list\":[\"a\",\"b\"],\"keys\":[{\"key\":\"k1\",\"id\":\"i\"},{"
                    "\"key\":\"k2\"}],"
                    "\"group\":{\"key\":\"g\",\"id\":\"i\"}}",
                    "p\xc3\xa9;a;b;k1;k2;g;");
}

/* What a log would show is what the file holds: here two lines (base64 of Python's base64.b64encode). */
static void test_uploads(void **state)
{
    (void)state;
    const weir_field files[] = {{.name = "key", .type = WEIR_TEXT, .flags = WEIR_SECRET | WEIR_UPLOAD}, {.name = "logo", .type = WEIR_TEXT, .flags = WEIR_UPLOAD}, {0}};
    assert_by_table(files, "{\"key\":\"LS0tLS1CRUdJTgpzZXNhbWU=\",\"logo\":\"c2VzYW1l\"}", "LS0tLS1CRUdJTgpzZXNhbWU=;-----BEGIN\nsesame;");
    assert_by_table(files, "{\"key\":\"/w==\"}", "/w==;");    /* no text */
    assert_by_table(files, "{\"key\":\"a key\"}", "a key;"); /* no base64 */
}

/* Settings of the wrong shape are not yet refused when their secrets are masked. */
static void test_wrong_shapes(void **state)
{
    (void)state;
    assert_by_table(table, "{\"password\":12345,\"group\":[1],\"list\":\"x\",\"keys\":{\"key\":\"k\"}}", "12345;");
    assert_by_table(table, "{\"password\":{\"a\":[\"b\",{\"c\":\"d\"}]},\"open\":{\"key\":\"k\"}}", "b;d;");
    assert_by_table(table, "{\"password\":null}", "");
    assert_by_table(table, "{\"password\":\"\"}", "");
    assert_by_table(table, "[\"password\"]", "");
}

static void test_variants(void **state)
{
    (void)state;
    assert_by_table(table, "{\"login\":{\"by\":\"key\",\"key\":\"k\",\"id\":\"i\"}}", "k;");
    assert_by_table(table, "{\"login\":{\"by\":\"pass\",\"key\":\"k\",\"id\":\"i\"}}", "i;");
    assert_by_table(table, "{\"login\":{\"by\":\"typo\",\"key\":\"k\",\"id\":\"i\"}}", "k;i;"); /* better one too many */
}

static void test_by_schema(void **state)
{
    (void)state;
    assert_by_schema("{\"properties\":{\"a\":{\"type\":\"string\",\"secret\":true},\"b\":{\"airbyte_secret\":true},\"c\":{"
                     "\"secret\":false},\"d\":{}}}",
                     "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\",\"e\":\"5\"}", "1;2;");
    assert_by_schema("{\"properties\":{\"a\":{\"items\":{\"properties\":{\"s\":{\"secret\":true}}}}}}",
                     "{\"a\":[{\"s\":\"x\",\"t\":\"y\"},{\"s\":\"z\"}]}", "x;z;");
    assert_by_schema("{\"properties\":{\"a\":{\"prefixItems\":[{},{\"secret\":true}]}}}", "{\"a\":[\"x\"]}",
                     "x;"); /* positions are not looked at */
    assert_by_schema("{\"additionalProperties\":{\"secret\":true}}", "{\"a\":\"x\"}", "x;");
    assert_by_schema("{\"patternProperties\":{\"^a\":{\"secret\":true}}}", "{\"a\":\"x\"}", "x;");
    assert_by_schema("{\"oneOf\":[{\"properties\":{\"a\":{\"secret\":true}}},{\"properties\":{\"b\":{\"secret\":true}}}]}",
                     "{\"a\":\"x\",\"b\":\"y\"}", "x;y;");
    assert_by_schema("{\"if\":{},\"then\":{\"properties\":{\"a\":{\"secret\":true}}}}", "{\"a\":\"x\"}", "x;");
    assert_by_schema("{\"properties\":{\"a\":{\"secret\":true}}}", "{\"a\":{\"deep\":[\"x\",7]}}", "x;7;");
    assert_by_schema("true", "{\"a\":\"x\"}", "");
}

static void test_references(void **state)
{
    (void)state;
    assert_by_schema("{\"$defs\":{\"s/t\":{\"secret\":true}},\"properties\":{\"a\":{\"$ref\":\"#/$defs/s~1t\"}}}", "{\"a\":\"x\"}",
                     "x;");
    assert_by_schema("{\"properties\":{\"s\":{\"secret\":true},\"next\":{\"$ref\":\"#\"}}}",
                     "{\"s\":\"1\",\"next\":{\"s\":\"2\",\"next\":{\"s\":\"3\"}}}", "1;2;3;");
    assert_by_schema("{\"properties\":{\"a\":{\"$ref\":\"#/nowhere\"},\"b\":{\"$ref\":\"other.json\"}}}",
                     "{\"a\":\"x\",\"b\":\"y\"}", "");
}

/* A schema that runs in circles: it ends, and nothing that may be secret gets out. */
static void test_circles(void **state)
{
    (void)state;
    assert_by_schema("{\"$ref\":\"#\"}", "{\"a\":\"x\"}", "x;");
    arena a = {0};
    buf out = {0};
    schema_secrets(tree_of(&a, "{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}"), tree_of(&a, "{\"a\":\"x\"}"),
                   gather, &out);
    assert_true(out.len > 0 && out.len < 1000000);
    buf_free(&out);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_table),  cmocka_unit_test(test_wrong_shapes), cmocka_unit_test(test_variants),
        cmocka_unit_test(test_by_schema), cmocka_unit_test(test_references),   cmocka_unit_test(test_circles),
        cmocka_unit_test(test_uploads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
