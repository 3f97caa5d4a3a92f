/* about, meltano: what a tap says of itself. Meltano's own parser reads the definition in tests/interop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/patch.h"
#include "proto/singer/about.h"

typedef struct settings {
    const char *token, *region;
    struct {
        const char *host;
        int64_t port;
    } server;
    struct {
        const char *url;
    } proxy;
    double rate;
    weir_list tables;
} settings;

static const char *const regions[] = {"eu", "us", NULL};
static const weir_field server[] = {
    {.name = "host", .type = WEIR_TEXT, .offset = offsetof(settings, server.host) - offsetof(settings, server), .help = "Where."},
    {.name = "port", .type = WEIR_INT, .offset = offsetof(settings, server.port) - offsetof(settings, server), .fallback = "443", .min = 1, .max = 65535},
    {0},
};
static const weir_field proxy[] = {{.name = "url", .type = WEIR_TEXT, .fallback = "http://proxy"}, {0}};
static const weir_field table[] = {{.name = "table", .type = WEIR_TEXT}, {0}};
static const weir_field fields[] = {
    {.name = "api_token", .type = WEIR_TEXT, .offset = offsetof(settings, token), .flags = WEIR_SECRET, .help = "It says \"let me in\"."},
    {.name = "region", .type = WEIR_TEXT, .offset = offsetof(settings, region), .fallback = "eu", .choices = regions},
    {.name = "server", .type = WEIR_OBJECT, .offset = offsetof(settings, server), .fields = server},
    {.name = "proxy", .type = WEIR_OBJECT, .offset = offsetof(settings, proxy), .fields = proxy, .flags = WEIR_OPTIONAL},
    {.name = "rate", .type = WEIR_NUMBER, .offset = offsetof(settings, rate), .flags = WEIR_OPTIONAL},
    {.name = "tables", .type = WEIR_LIST, .offset = offsetof(settings, tables), .fields = table, .item_size = sizeof(char *), .flags = WEIR_OPTIONAL},
    {0},
};
static const weir_connector connector = {.abi = WEIR_ABI, .name = "source-my-shop", .version = "1.2.3", .title = "A shop: \"mine\"",
                                         .docs_url = "https://example.com/shop", .config = fields, .config_size = sizeof(settings)};
static const singer_side side = {.fields = (const weir_field[]){{0}}, .capabilities = (const char *const[]){"catalog", "about", NULL}};
static const singer_about about = {&connector, "tap-my-shop", &side};

static void meltano(void **state)
{
    (void)state;
    buf out = {0};
    err e = {0};
    assert_int_equal(singer_meltano_write(&about, &out, &e), WEIR_OK);
    assert_string_equal(buf_text(&out), "name: \"tap-my-shop\"\n"
                                        "namespace: \"tap_my_shop\"\n"
                                        "variant: weir\n"
                                        "label: \"My Shop\"\n"
                                        "description: \"A shop: \\\"mine\\\"\"\n"
                                        "docs: \"https://example.com/shop\"\n"
                                        "executable: \"tap-my-shop\"\n"
                                        "capabilities:\n"
                                        "- catalog\n"
                                        "- about\n"
                                        "settings_group_validation:\n"
                                        "- - \"api_token\"\n"
                                        "  - \"server.host\"\n"
                                        "settings:\n"
                                        "- name: \"api_token\"\n"
                                        "  label: \"Api Token\"\n"
                                        "  kind: string\n"
                                        "  description: \"It says \\\"let me in\\\".\"\n"
                                        "  sensitive: true\n"
                                        "- name: \"region\"\n"
                                        "  label: \"Region\"\n"
                                        "  kind: options\n"
                                        "  value: \"eu\"\n"
                                        "  options:\n"
                                        "  - label: \"eu\"\n"
                                        "    value: \"eu\"\n"
                                        "  - label: \"us\"\n"
                                        "    value: \"us\"\n"
                                        "- name: \"server.host\"\n"
                                        "  label: \"Host\"\n"
                                        "  kind: string\n"
                                        "  description: \"Where.\"\n"
                                        "- name: \"server.port\"\n"
                                        "  label: \"Port\"\n"
                                        "  kind: integer\n"
                                        "  value: 443\n"
                                        "- name: \"proxy.url\"\n"
                                        "  label: \"Url\"\n"
                                        "  kind: string\n"
                                        "- name: \"rate\"\n"
                                        "  label: \"Rate\"\n"
                                        "  kind: decimal\n"
                                        "- name: \"tables\"\n"
                                        "  label: \"Tables\"\n"
                                        "  kind: array\n");
    buf_free(&out);
}

static void nothing_is_required(void **state)
{
    (void)state;
    static const weir_connector plain = {.abi = WEIR_ABI, .name = "plain", .version = "1"};
    buf out = {0};
    err e = {0};
    assert_int_equal(singer_meltano_write(&(singer_about){&plain, "tap-plain", &side}, &out, &e), WEIR_OK);
    assert_non_null(strstr(buf_text(&out), "settings_group_validation:\n- []\nsettings:"));
    buf_free(&out);
}

/* singer.md 4: types are lists; a secret is marked twice; what is for other platforms' forms is not there. */
static void settings_are_a_schema(void **state)
{
    (void)state;
    buf out = {0};
    err e = {0};
    assert_int_equal(singer_settings_schema(&about, &out, &e), WEIR_OK);
    weir_view schema = buf_view(&out);
    assert_true(json_equal(weir_json_at(schema, "/required"), VIEW("[\"api_token\",\"server\"]")));
    assert_true(json_equal(weir_json_at(schema, "/properties/api_token"),
                           VIEW("{\"title\":\"Api Token\",\"description\":\"It says \\\"let me in\\\".\",\"type\":[\"string\"],\"secret\":true,\"writeOnly\":true}")));
    assert_true(json_equal(weir_json_at(schema, "/properties/region"),
                           VIEW("{\"title\":\"Region\",\"type\":[\"string\",\"null\"],\"enum\":[\"eu\",\"us\"],\"default\":\"eu\"}")));
    assert_true(json_equal(weir_json_at(schema, "/properties/server/properties/port"),
                           VIEW("{\"title\":\"Port\",\"type\":\"integer\",\"minimum\":1,\"maximum\":65535,\"default\":443}")));
    buf_free(&out);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *connector, *program;
        bool target;
        const char *name;
    } cases[] = {
        {"source-hello", "source-hello", false, "tap-hello"},       {"source-hello", "tap-greetings", false, "tap-greetings"},
        {"source-hello", "tap-", false, "tap-hello"},               {"materialize-sqlite", "x", true, "target-sqlite"},
        {"destination-x", "target-y", true, "target-y"},            {"hello", "a.out", false, "tap-hello"},
        {"tap-github", "weir", false, "tap-github"},                {"source-", "x", false, "tap-source-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a = {0};
        const weir_connector c = {.name = cases[i].connector};
        assert_string_equal(singer_name(&a, &c, cases[i].program, cases[i].target), cases[i].name);
        arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meltano), cmocka_unit_test(nothing_is_required), cmocka_unit_test(settings_are_a_schema), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
