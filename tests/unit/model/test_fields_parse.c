#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "json/text.h"
#include "model/fields.h"

typedef struct column {
    const char *name;
    int64_t width;
    weir_list tags; /* of const char * */
} column;

typedef struct token {
    const char *token;
} token;

typedef struct oauth {
    const char *client, *secret;
    int64_t retries;
} oauth;

typedef struct login {
    const char *kind;
    union {
        token token;
        oauth oauth;
    } as;
} login;

typedef struct proxy {
    const char *host;
    int64_t port;
} proxy;

typedef struct settings {
    const char *text, *region, *note;
    int64_t count, any;
    double ratio;
    bool deep;
    weir_view extra;
    struct {
        const char *key;
        struct {
            int64_t level;
        } inner;
    } group;
    proxy proxy;
    weir_list columns; /* of column */
    login login;
} settings;

static const char *const regions[] = {"eu", "us", "asia", NULL};

static const weir_field tag = {.type = WEIR_TEXT};
static const weir_field column_fields[] = {
    {.name = "name", .type = WEIR_TEXT, .offset = offsetof(column, name)},
    {.name = "width", .type = WEIR_INT, .offset = offsetof(column, width), .fallback = "8"},
    {.name = "tags",
     .type = WEIR_LIST,
     .offset = offsetof(column, tags),
     .fallback = "[\"x\", \"y\"]",
     .fields = &tag,
     .item_size = sizeof(char *)},
    {0},
};
static const weir_field column_item = {.type = WEIR_OBJECT, .fields = column_fields};
static const weir_field inner_fields[] = {{.name = "level", .type = WEIR_INT, .fallback = "3"}, {0}};
static const weir_field group_fields[] = {
    {.name = "key", .type = WEIR_TEXT, .offset = 0, .flags = WEIR_SECRET},
    {.name = "in/ner", .type = WEIR_OBJECT, .offset = sizeof(char *), .fields = inner_fields},
    {0},
};
static const weir_field proxy_fields[] = {
    {.name = "host", .type = WEIR_TEXT, .offset = offsetof(proxy, host)},
    {.name = "port", .type = WEIR_INT, .offset = offsetof(proxy, port), .fallback = "3128", .min = 1, .max = 65535},
    {0},
};
static const weir_field token_fields[] = {{.name = "token", .type = WEIR_TEXT, .flags = WEIR_SECRET}, {0}};
static const weir_field oauth_fields[] = {
    {.name = "client", .type = WEIR_TEXT, .offset = offsetof(oauth, client)},
    {.name = "secret", .type = WEIR_TEXT, .offset = offsetof(oauth, secret), .flags = WEIR_SECRET},
    {.name = "retries", .type = WEIR_INT, .offset = offsetof(oauth, retries), .fallback = "5", .min = 0, .max = INT64_MAX},
    {0},
};
static const weir_field logins[] = {
    {.name = "token", .type = WEIR_OBJECT, .offset = offsetof(login, as), .fields = token_fields},
    {.name = "oauth", .type = WEIR_OBJECT, .offset = offsetof(login, as), .fields = oauth_fields},
    {0},
};
static const weir_field table[] = {
    {.name = "text", .type = WEIR_TEXT, .offset = offsetof(settings, text)},
    {.name = "region", .type = WEIR_TEXT, .offset = offsetof(settings, region), .fallback = "eu", .choices = regions},
    {.name = "note", .type = WEIR_TEXT, .offset = offsetof(settings, note), .flags = WEIR_OPTIONAL},
    {.name = "count", .type = WEIR_INT, .offset = offsetof(settings, count), .fallback = "3", .min = 1, .max = 100},
    {.name = "any", .type = WEIR_INT, .offset = offsetof(settings, any), .flags = WEIR_OPTIONAL},
    {.name = "ratio", .type = WEIR_NUMBER, .offset = offsetof(settings, ratio), .fallback = "0.25"},
    {.name = "deep", .type = WEIR_BOOL, .offset = offsetof(settings, deep), .fallback = "true"},
    {.name = "extra", .type = WEIR_JSON, .offset = offsetof(settings, extra), .fallback = "{\"a\": 1}"},
    {.name = "group", .type = WEIR_OBJECT, .offset = offsetof(settings, group), .fields = group_fields},
    {.name = "proxy", .type = WEIR_OBJECT, .offset = offsetof(settings, proxy), .fields = proxy_fields, .flags = WEIR_OPTIONAL},
    {.name = "columns",
     .type = WEIR_LIST,
     .offset = offsetof(settings, columns),
     .flags = WEIR_OPTIONAL,
     .fields = &column_item,
     .item_size = sizeof(column)},
    {.name = "login",
     .type = WEIR_ONE_OF,
     .offset = offsetof(settings, login),
     .fallback = "{\"by\": \"token\", \"token\": \"none\"}",
     .fields = logins,
     .discriminator = "by"},
    {0},
};

typedef struct fixture {
    arena a;
    err e;
    settings s;
} fixture;

static weir_rc parse_as(fixture *x, const char *json, size_t len, const char *file)
{
    tree *t = NULL;
    *x = (fixture){0};
    assert_int_equal(tree_parse(&x->a, (weir_view){json, len}, file, WEIR_E_CONFIG, &t, &x->e), WEIR_OK);
    return fields_parse(table, t, "config", &x->s, &x->a, &x->e);
}

static weir_rc parse(fixture *x, const char *json)
{
    return parse_as(x, json, strlen(json), NULL);
}

static void done(fixture *x)
{
    arena_free(&x->a);
    err_free(&x->e);
}

/* The only problems in it are these. */
static void assert_problems(const char *json, const char *expected)
{
    fixture x;
    assert_int_equal(parse(&x, json), WEIR_E_CONFIG);
    assert_string_equal(err_text(&x.e), expected);
    done(&x);
}

static void test_the_table_is_sound(void **state)
{
    (void)state;
    err e = {0};
    if (fields_check(table, sizeof(settings), &e))
        fail_msg("%s", err_text(&e));
}

static void test_every_type(void **state)
{
    (void)state;
    fixture x;
    static const char json[] =
        "{\"text\":\"h\\u00e9\\n\",\"region\":\"asia\",\"note\":\"\",\"count\":1e2,\"any\":-9223372036854775808,\"ratio\":-1.5e3,"
        "\"deep\":false,"
        "\"extra\":[1, {\"x\": null}],\"group\":{\"key\":\"k\",\"in/ner\":{\"level\":9}},\"proxy\":{\"host\":\"h\",\"port\":1},"
        "\"columns\":[{\"name\":\"a\",\"width\":1,\"tags\":[]},{\"name\":\"b\",\"tags\":[\"q\"]}],"
        "\"login\":{\"client\":\"c\",\"by\":\"oauth\",\"secret\":\"s\"},\"_meta\":{\"path\":[\"x\"]}}";
    if (parse(&x, json))
        fail_msg("%s", err_text(&x.e));
    assert_string_equal(x.s.text, "h\xc3\xa9\n");
    assert_string_equal(x.s.region, "asia");
    assert_string_equal(x.s.note, "");
    assert_int_equal(x.s.count, 100);
    assert_true(x.s.any == INT64_MIN);
    assert_true(x.s.ratio == -1500);
    assert_false(x.s.deep);
    assert_true(view_is(x.s.extra, "[1, {\"x\": null}]"));
    assert_string_equal(x.s.group.key, "k");
    assert_int_equal(x.s.group.inner.level, 9);
    assert_string_equal(x.s.proxy.host, "h");
    assert_int_equal(x.s.proxy.port, 1);
    assert_int_equal(x.s.columns.count, 2);
    const column *c = x.s.columns.items;
    assert_string_equal(c[0].name, "a");
    assert_int_equal(c[0].width, 1);
    assert_int_equal(c[0].tags.count, 0);
    assert_string_equal(c[1].name, "b");
    assert_int_equal(c[1].width, 8);
    assert_string_equal(((const char *const *)c[1].tags.items)[0], "q");
    assert_string_equal(x.s.login.kind, "oauth");
    assert_string_equal(x.s.login.as.oauth.client, "c");
    assert_string_equal(x.s.login.as.oauth.secret, "s");
    assert_int_equal(x.s.login.as.oauth.retries, 5);
    done(&x);
}

static void test_defaults_at_every_depth(void **state)
{
    (void)state;
    fixture x;
    if (parse(&x, "{\"text\":\"t\",\"note\":null,\"count\":null,\"group\":{\"key\":\"k\"},\"columns\":[{\"name\":\"n\"}]}"))
        fail_msg("%s", err_text(&x.e));
    assert_string_equal(x.s.region, "eu");
    assert_null(x.s.note);
    assert_int_equal(x.s.count, 3);
    assert_int_equal(x.s.any, 0);
    assert_true(x.s.ratio == 0.25);
    assert_true(x.s.deep);
    assert_true(view_is(x.s.extra, "{\"a\": 1}"));
    assert_int_equal(x.s.group.inner.level, 3);
    assert_null(x.s.proxy.host); /* optional and absent: its required host is not demanded */
    assert_int_equal(x.s.proxy.port, 3128);
    const column *c = x.s.columns.items;
    assert_int_equal(c->width, 8);
    assert_int_equal(c->tags.count, 2);
    assert_string_equal(((const char *const *)c->tags.items)[1], "y");
    assert_string_equal(x.s.login.kind, "token");
    assert_string_equal(x.s.login.as.token.token, "none");
    done(&x);
}

/* For WEIR_JSON null is a value like any other. */
static void test_json_null(void **state)
{
    (void)state;
    fixture x;
    assert_int_equal(parse(&x, "{\"text\":\"t\",\"extra\":null,\"group\":{\"key\":\"k\"}}"), WEIR_OK);
    assert_true(view_is(x.s.extra, "null"));
    done(&x);
}

/* A tree from YAML has no text of its own. */
static void test_json_without_raw_text(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    struct {
        weir_view v;
    } s = {0};
    const weir_field one[] = {{.name = "v", .type = WEIR_JSON}, {0}};
    tree item = {.kind = TREE_STRING, .text = VIEW("a\"b")};
    tree list = {.kind = TREE_ARRAY, .name = VIEW("v"), .first = &item, .last = &item, .count = 1};
    tree root = {.kind = TREE_OBJECT, .first = &list, .last = &list, .count = 1};
    assert_int_equal(fields_parse(one, &root, "config", &s, &a, &e), WEIR_OK);
    assert_true(view_is(s.v, "[\"a\\\"b\"]"));
    arena_free(&a);
}

static void test_no_settings_at_all(void **state)
{
    (void)state;
    fixture x = {0};
    assert_int_equal(fields_parse(table, NULL, "config", &x.s, &x.a, &x.e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&x.e), "config: /text: required, but missing\n"
                                        "config: /group/key: required, but missing");
    done(&x);
    const weir_field easy[] = {{.name = "n", .type = WEIR_INT, .fallback = "7"}, {0}};
    int64_t n = 0;
    assert_int_equal(fields_parse(easy, NULL, "config", &n, &x.a, &x.e), WEIR_OK);
    assert_int_equal(n, 7);
    assert_int_equal(fields_parse(NULL, NULL, "config", NULL, &x.a, &x.e), WEIR_OK);
    done(&x);
}

static void test_places_and_names(void **state)
{
    (void)state;
    fixture x;
    const char *json =
        "{\n  \"text\": 42,\n  \"group\": {\n    \"kye\": \"secret!\",\n    \"in/ner\": {\"level\": \"high\"}\n  }\n}";
    assert_int_equal(parse_as(&x, json, strlen(json), "flow.yaml"), WEIR_E_CONFIG);
    assert_string_equal(err_text(&x.e), "flow.yaml:2:11: /text: expected a string, got 42\n"
                                        "flow.yaml:3:12: /group/key: required, but missing\n"
                                        "flow.yaml:5:25: /group/in~1ner/level: expected an integer, got \"high\"\n"
                                        "flow.yaml:4:5: /group/kye: unknown setting, did you mean 'key'?");
    done(&x);
    assert_problems("[1]", "config:1:1: expected an object, got an array");
    assert_problems("42", "config:1:1: expected an object, got 42");
}

#define REST "\"group\":{\"key\":\"k\"}"

static void test_wrong_values(void **state)
{
    (void)state;
    assert_problems("{" REST ",\"text\":null}", "config:1:29: /text: required, but null");
    assert_problems("{" REST ",\"text\":true}", "config:1:29: /text: expected a string, got true");
    assert_problems("{" REST ",\"text\":{\"a\":1}}", "config:1:29: /text: expected a string, got an object");
    assert_problems("{" REST ",\"text\":\"\",\"count\":0}", "config:1:40: /count: must be from 1 to 100, got 0");
    assert_problems("{" REST ",\"text\":\"\",\"count\":101}", "config:1:40: /count: must be from 1 to 100, got 101");
    assert_problems("{" REST ",\"text\":\"\",\"count\":1.5}", "config:1:40: /count: expected an integer, got 1.5");
    assert_problems("{" REST ",\"text\":\"\",\"count\":\"5\"}", "config:1:40: /count: expected an integer, got \"5\"");
    assert_problems("{" REST ",\"text\":\"\",\"any\":9223372036854775808}",
                    "config:1:38: /any: expected an integer of at most 64 bits, got 9223372036854775808");
    assert_problems("{" REST ",\"text\":\"\",\"ratio\":1e999}",
                    "config:1:40: /ratio: expected a number that a double can hold, got 1e999");
    assert_problems("{" REST ",\"text\":\"\",\"ratio\":\"1\"}", "config:1:40: /ratio: expected a number, got \"1\"");
    assert_problems("{" REST ",\"text\":\"\",\"deep\":\"yes\"}", "config:1:39: /deep: expected true or false, got \"yes\"");
    assert_problems("{" REST ",\"text\":\"\",\"region\":\"euu\"}",
                    "config:1:41: /region: expected one of 'eu', 'us', 'asia', got \"euu\", did you mean 'eu'?");
    assert_problems("{" REST ",\"text\":\"\",\"region\":\"moonbase\"}",
                    "config:1:41: /region: expected one of 'eu', 'us', 'asia', got \"moonbase\"");
    assert_problems("{" REST ",\"text\":\"\",\"group2\":1,\"zzzzzzzzzzzz\":1}",
                    "config:1:32: /group2: unknown setting, did you mean 'group'?\n"
                    "config:1:43: /zzzzzzzzzzzz: unknown setting, known are 'text', 'region', 'note', 'count', 'any', 'ratio', "
                    "'deep', 'extra', 'group', "
                    "'proxy', 'columns', 'login'");
    assert_problems("{" REST ",\"text\":\"\",\"proxy\":{}}", "config:1:40: /proxy/host: required, but missing");
    assert_problems("{" REST ",\"text\":\"\",\"login\":{\"by\":\"oauth\",\"client\":\"c\",\"secret\":\"s\",\"retries\":-1}}",
                    "config:1:90: /login/retries: must be at least 0, got -1");
    assert_problems("{\"text\":\"\",\"group\":{\"key\":\"k\",\"_meta\":1}}",
                    "config:1:31: /group/_meta: unknown setting, known are 'key', 'in/ner'");
}

static void test_lists_in_objects_in_lists(void **state)
{
    (void)state;
    assert_problems("{" REST ",\"text\":\"\",\"columns\":{}}", "config:1:42: /columns: expected an array, got an object");
    assert_problems("{" REST ",\"text\":\"\",\"columns\":[{\"name\":\"a\",\"tags\":[\"x\",7]},{\"nmae\":\"b\"},null]}",
                    "config:1:67: /columns/0/tags/1: expected a string, got 7\n"
                    "config:1:71: /columns/1/name: required, but missing\n"
                    "config:1:72: /columns/1/nmae: unknown setting, did you mean 'name'?\n"
                    "config:1:84: /columns/2: expected an object, got null");
}

static void test_variants(void **state)
{
    (void)state;
    assert_problems("{" REST ",\"text\":\"\",\"login\":{}}",
                    "config:1:40: /login/by: required, but missing: one of 'token', 'oauth'");
    assert_problems("{" REST ",\"text\":\"\",\"login\":{\"by\":\"outh\"}}",
                    "config:1:46: /login/by: expected one of 'token', 'oauth', got \"outh\", did you mean 'oauth'?");
    assert_problems("{" REST ",\"text\":\"\",\"login\":{\"by\":1}}",
                    "config:1:46: /login/by: expected one of 'token', 'oauth', got 1");
    assert_problems("{" REST ",\"text\":\"\",\"login\":\"token\"}", "config:1:40: /login: expected an object, got \"token\"");
    assert_problems("{" REST ",\"text\":\"\",\"login\":{\"by\":\"token\",\"token\":\"t\",\"client\":\"c\"}}",
                    "config:1:66: /login/client: unknown setting, known are 'token', 'by'");
}

/* A secret of the wrong kind, or where another name is meant, is not shown. */
static void test_secrets_stay_secret(void **state)
{
    (void)state;
    assert_problems("{\"text\":\"\",\"group\":{\"key\":12345678}}", "config:1:27: /group/key: expected a string, got a number");
    assert_problems("{\"text\":\"\",\"group\":{\"key\":[\"hunter2\"]}}",
                    "config:1:27: /group/key: expected a string, got an array");
    assert_problems("{" REST ",\"text\":\"\",\"passwort\":\"hunter2\",\"login\":{\"by\":\"token\",\"token\":false}}",
                    "config:1:83: /login/token: expected a string, got a boolean\n"
                    "config:1:32: /passwort: unknown setting, known are 'text', 'region', 'note', 'count', 'any', 'ratio', 'deep', "
                    "'extra', 'group', "
                    "'proxy', 'columns', 'login'");
}

static void test_nul_is_refused(void **state)
{
    (void)state;
    assert_problems("{" REST ",\"text\":\"a\\u0000b\"}", "config:1:29: /text: a text that holds a NUL character cannot be used");
}

static void test_errors_stay_readable(void **state)
{
    (void)state;
    fixture x;
    assert_problems("{" REST ",\"text\":\"\",\"a\\nb\":1}", "config:1:32: /a\\x0ab: unknown setting, known are 'text', 'region', "
                                                            "'note', 'count', 'any', 'ratio', 'deep', 'extra', 'group', "
                                                            "'proxy', 'columns', 'login'");
    assert_problems("{" REST ",\"text\":\"\",\"ratio\":\"123456789012345678901234567890123456789\\u00e9tail\"}",
                    "config:1:40: /ratio: expected a number, got \"123456789012345678901234567890123456789\"...");
    buf many = {0};
    buf_adds(&many, "{" REST ",\"text\":\"\"");
    for (int i = 0; i < 1000; i++)
        buf_printf(&many, ",\"unknown%d\":1", i);
    buf_adds(&many, "}");
    assert_int_equal(parse(&x, buf_text(&many)), WEIR_E_CONFIG);
    const char *text = err_text(&x.e), *p = text;
    size_t lines = 1;
    while ((p = strchr(p, '\n')) != NULL) {
        p++;
        lines++;
    }
    assert_int_equal(lines, 101);
    assert_string_equal(text + strlen(text) - strlen("\nand 900 more"), "\nand 900 more");
    buf_free(&many);
    done(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_sound),        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_defaults_at_every_depth),   cmocka_unit_test(test_json_null),
        cmocka_unit_test(test_json_without_raw_text),     cmocka_unit_test(test_no_settings_at_all),
        cmocka_unit_test(test_places_and_names),          cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_lists_in_objects_in_lists), cmocka_unit_test(test_variants),
        cmocka_unit_test(test_secrets_stay_secret),       cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_errors_stay_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
