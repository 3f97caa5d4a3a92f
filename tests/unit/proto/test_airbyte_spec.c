/* Airbyte specs: settings as a connectionSpecification (docs/protocols/airbyte.md 2.5.1), OAuth2 as advanced_auth (2.5.2; flow.md 7), metadata.yaml. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/scan.h"
#include "proto/airbyte/airbyte.h"

static weir_rc nothing(weir_task *t, void *self) { (void)t; (void)self; return WEIR_OK; }
static weir_rc no_pull(weir_task *t, void *self, const weir_binding *b, size_t n) { (void)t; (void)self; (void)b; (void)n; return WEIR_OK; }
static weir_rc no_store(weir_task *t, void *self, const weir_row *r, size_t n) { (void)t; (void)self; (void)r; (void)n; return WEIR_OK; }
static weir_rc no_commit(weir_task *t, void *self, weir_view v) { (void)t; (void)self; (void)v; return WEIR_OK; }
static weir_rc no_expire(weir_task *t, void *self, const weir_binding *b, const weir_expiry *x) { (void)t; (void)self; (void)b; (void)x; return WEIR_OK; }

static const weir_capture source = {.discover = nothing, .pull = no_pull};

static weir_connector with_schema(const char *schema)
{
    return (weir_connector){.abi = WEIR_ABI, .name = "source-x", .version = "1.2.3", .config_schema = view_of(schema), .capture = &source};
}

static void expect_at(const weir_connector *c, const char *pointer, const char *json)
{
    buf out = {0};
    err e = {0};
    if (airbyte_spec_body(c, &out, &e))
        fail_msg("%s", err_text(&e));
    assert_true(json_check(buf_view(&out), NULL, NULL));
    weir_view got = pointer_find(buf_view(&out), view_of(pointer));
    if (json ? !json_equal(got, view_of(json)) : got.len > 0)
        fail_msg("%s: %.*s", pointer, VIEW_ARG(got));
    buf_free(&out);
    err_free(&e);
}

static void expect_schema(const char *schema, const char *specification)
{
    const weir_connector c = with_schema(schema);
    expect_at(&c, "/connectionSpecification", specification);
}

static void secrets_are_marked(void **state)
{
    (void)state;
    static const weir_field inside[] = {{.name = "token", .type = WEIR_TEXT, .flags = WEIR_SECRET, .help = "h"}, {0}},
                            variants[] = {{.name = "key", .type = WEIR_OBJECT, .fields = inside, .help = "h", .offset = sizeof(char *)}, {0}},
                            table[] = {{.name = "password", .type = WEIR_TEXT, .flags = WEIR_SECRET, .help = "h"},
                                       {.name = "key", .type = WEIR_TEXT, .offset = 3 * sizeof(char *), .help = "h"},
                                       {.name = "auth", .type = WEIR_ONE_OF, .offset = sizeof(char *), .fields = variants, .discriminator = "kind", .help = "h"},
                                       {0}};
    const weir_connector c = {.abi = WEIR_ABI, .name = "source-x", .version = "1", .config = table, .config_size = 4 * sizeof(char *), .capture = &source};
    expect_at(&c, "/connectionSpecification/properties/password/airbyte_secret", "true");
    expect_at(&c, "/connectionSpecification/properties/password/secret", "true");
    expect_at(&c, "/connectionSpecification/properties/auth/airbyte_secret", NULL);
    expect_at(&c, "/connectionSpecification/properties/key/airbyte_secret", "false");
    expect_at(&c, "/connectionSpecification/properties/auth/oneOf/0/properties/token/airbyte_secret", "true");
    expect_at(&c, "/connectionSpecification/properties/auth/oneOf/0/properties/kind/const", "\"key\"");
    expect_at(&c, "/documentationUrl", "\"https://weir.invalid/source-x\"");
    expect_at(&c, "/supported_destination_sync_modes", NULL);
    expect_at(&c, "/advanced_auth", NULL);
    /* one that is marked already */
    expect_schema("{\"type\":\"object\",\"properties\":{\"p\":{\"type\":\"string\",\"secret\":true,\"airbyte_secret\":true}}}",
                  "{\"type\":\"object\",\"properties\":{\"p\":{\"type\":\"string\",\"secret\":true,\"airbyte_secret\":true}}}");
}

static void references_and_alternatives_go(void **state)
{
    (void)state;
    expect_schema("{}", "{\"type\":\"object\",\"properties\":{}}");
    expect_schema("{\"type\":\"object\",\"$defs\":{\"A\":{\"type\":\"object\",\"title\":\"A\",\"properties\":{\"x\":{\"$ref\":\"#/$defs/B\"}},\"required\":[\"x\"]},"
                  "\"B\":{\"type\":\"integer\",\"title\":\"B\"}},\"properties\":{\"a\":{\"$ref\":\"#/$defs/A\",\"title\":\"Own\"},\"b\":{\"allOf\":[{\"$ref\":\"#/$defs/B\"}],"
                  "\"default\":null}},\"required\":[\"a\"]}",
                  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"title\":\"Own\",\"properties\":{\"x\":{\"type\":\"integer\",\"title\":\"B\"}},"
                  "\"required\":[\"x\"]},\"b\":{\"type\":\"integer\",\"title\":\"B\",\"default\":null}},\"required\":[\"a\"]}");
    /* optional values, as pydantic has them */
    expect_schema("{\"type\":\"object\",\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"string\",\"secret\":true},{\"type\":\"null\"}],\"title\":\"T\"}}}",
                  "{\"type\":\"object\",\"properties\":{\"a\":{\"title\":\"T\",\"type\":\"string\",\"secret\":true,\"airbyte_secret\":true}}}");
    /* rivals */
    expect_schema("{\"type\":\"object\",\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\"},{\"type\":\"null\"}]}}}",
                  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":[\"string\",\"integer\"]}}}");
    expect_schema("{\"type\":\"object\",\"$defs\":{\"X\":{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"x\"}}}},\"properties\":{\"a\":{\"type\":\"object\","
                  "\"anyOf\":[{\"$ref\":\"#/$defs/X\"},{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"y\"}}}]}}}",
                  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"oneOf\":[{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"x\"}}},"
                  "{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"y\"}}}]}}}");
    /* parts of an allOf are one schema */
    expect_schema("{\"allOf\":[{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"]},{\"properties\":{\"b\":{},\"a\":{\"type\":\"null\"}},"
                  "\"required\":[\"b\",\"a\"]}]}",
                  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{}},\"required\":[\"a\",\"b\"]}");
    /* conditions are not asked */
    expect_schema("{\"type\":\"object\",\"properties\":{},\"if\":{},\"then\":{},\"else\":{},\"not\":{},\"patternProperties\":{},\"dependentRequired\":{},"
                  "\"dependentSchemas\":{},\"additionalProperties\":true}",
                  "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":true}");
    /* settings that have these names */
    expect_schema("{\"type\":\"object\",\"properties\":{\"not\":{\"type\":\"string\"},\"$ref\":{\"type\":\"string\"},\"required\":{\"type\":\"boolean\"}}}",
                  "{\"type\":\"object\",\"properties\":{\"not\":{\"type\":\"string\"},\"$ref\":{\"type\":\"string\"},\"required\":{\"type\":\"boolean\"}}}");
    /* lists */
    expect_schema("{\"type\":\"object\",\"$defs\":{\"B\":{\"type\":\"integer\"}},\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/B\"}}}}",
                  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}}}");
}

static void a_schema_within_itself_ends(void **state)
{
    (void)state;
    expect_schema("{\"type\":\"object\",\"properties\":{\"next\":{\"$ref\":\"#\"},\"n\":{\"type\":\"integer\"}}}",
                  "{\"type\":\"object\",\"properties\":{\"next\":{},\"n\":{\"type\":\"integer\"}}}");
    expect_schema("{\"type\":\"object\",\"allOf\":[{\"$ref\":\"#\"}],\"properties\":{}}", "{\"type\":\"object\",\"properties\":{}}");
}

static void destinations_say_how_they_write(void **state)
{
    (void)state;
    weir_materialize m = {.apply = no_pull, .store = no_store, .commit = no_commit};
    const weir_connector c = {.abi = WEIR_ABI, .name = "materialize-x", .version = "1", .materialize = &m};
    expect_at(&c, "/supported_destination_sync_modes", "[\"append\",\"append_dedup\"]");
    m.expire = no_expire;
    expect_at(&c, "/supported_destination_sync_modes", "[\"append\",\"overwrite\",\"append_dedup\"]");
    m.expires_all_only = true; /* rows of a generation cannot be told from others */
    expect_at(&c, "/supported_destination_sync_modes", "[\"append\",\"append_dedup\"]");
}

/* ---- OAuth2 ---- */

#define SCHEMA \
    "{\"type\":\"object\",\"required\":[\"credentials\"],\"properties\":{\"store\":{\"type\":\"string\"},\"credentials\":{\"type\":\"object\",\"oneOf\":[" \
    "{\"type\":\"object\",\"x-oauth2-provider\":\"acme\",\"properties\":{\"kind\":{\"type\":\"string\",\"const\":\"login\"},\"client_id\":{\"type\":\"string\"}}}," \
    "{\"type\":\"object\",\"properties\":{\"kind\":{\"type\":\"string\",\"const\":\"token\"}}}]}}}"
#define SERVER \
    "\"complete_oauth_server_input_specification\":{\"type\":\"object\",\"properties\":{\"client_id\":{\"type\":\"string\"},\"client_secret\":{\"type\":\"string\"}}}," \
    "\"complete_oauth_server_output_specification\":{\"type\":\"object\",\"properties\":{" \
    "\"client_id\":{\"type\":\"string\",\"path_in_connector_config\":[\"credentials\",\"client_id\"]}," \
    "\"client_secret\":{\"type\":\"string\",\"path_in_connector_config\":[\"credentials\",\"client_secret\"]}}}"

static void expect_auth(const char *oauth2, const char *pointer, const char *json)
{
    weir_connector c = with_schema(SCHEMA);
    c.oauth2 = view_of(oauth2);
    expect_at(&c, pointer, json);
}

static void logging_in(void **state)
{
    (void)state;
    expect_auth("{\"provider\":\"acme\",\"authUrlTemplate\":\"https://{{{config.store}}}.acme.io/auth?client_id={{#urlencode}}{{{client_id}}}{{/urlencode}}"
                "&redirect_uri={{#urlencode}}{{{ redirect_uri }}}{{/urlencode}}&state={{#urlencode}}{{{state}}}{{/urlencode}}\","
                "\"accessTokenUrlTemplate\":\"https://acme.io/token\",\"accessTokenBody\":\"grant_type=authorization_code&code={{#urlencode}}{{{code}}}{{/urlencode}}\","
                "\"accessTokenHeaders\":{\"authorization\":\"Basic {{#basicauth}}{{{client_id}}}:{{{client_secret}}}{{/basicauth}}\"},"
                "\"accessTokenResponseMap\":{\"access_token\":\"/data/access_token\",\"token_expiry_date\":\"{{#now_plus}}{{ expires_in }}{{/now_plus}}\"}}",
                "/advanced_auth",
                "{\"auth_flow_type\":\"oauth2.0\",\"predicate_key\":[\"credentials\",\"kind\"],\"predicate_value\":\"login\",\"oauth_config_specification\":{"
                "\"oauth_connector_input_specification\":{\"consent_url\":\"https://{{store}}.acme.io/auth?client_id={{ {{client_id_value}} | urlEncoder }}"
                "&redirect_uri={{ {{redirect_uri_value}} | urlEncoder }}&state={{ {{state_value}} | urlEncoder }}\",\"access_token_url\":\"https://acme.io/token\","
                "\"access_token_headers\":{\"authorization\":\"Basic {{ {{client_id_value}}:{{client_secret_value}} | base64Encoder }}\"},"
                "\"access_token_params\":{\"grant_type\":\"authorization_code\",\"code\":\"{{auth_code_value}}\"},\"extract_output\":[\"data.access_token\"]},"
                "\"oauth_user_input_from_connector_config_specification\":{\"type\":\"object\",\"properties\":{\"store\":{\"type\":\"string\","
                "\"path_in_connector_config\":[\"store\"]}}},"
                "\"complete_oauth_output_specification\":{\"type\":\"object\",\"properties\":{\"access_token\":{\"type\":\"string\","
                "\"path_in_connector_config\":[\"credentials\",\"access_token\"],\"path_in_oauth_response\":[\"data\",\"access_token\"]}}}," SERVER "}}");
}

static void a_json_body(void **state)
{
    (void)state;
    expect_auth("{\"authUrlTemplate\":\"https://a\",\"accessTokenUrlTemplate\":\"https://b\",\"refreshTokenUrlTemplate\":\"https://b\","
                "\"accessTokenBody\":\"{\\\"code\\\":\\\"{{{code}}}\\\",\\\"grant_type\\\":\\\"authorization_code\\\"}\"}",
                "/advanced_auth/oauth_config_specification/oauth_connector_input_specification",
                "{\"consent_url\":\"https://a\",\"access_token_url\":\"https://b\",\"access_token_params\":{\"code\":\"{{auth_code_value}}\","
                "\"grant_type\":\"authorization_code\"},\"extract_output\":[\"access_token\",\"refresh_token\"]}");
}

static void a_login_that_cannot_be_said_is_left_out(void **state)
{
    (void)state;
    static const char *const templates[] = {"https://a?{{#upper}}x{{/upper}}", "https://a?{{unknown}}", "https://a?{{client_id", "https://a?{{#urlencode}}x",
                                            "https://a?{{{config.a.b}}}"};
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        buf oauth2 = {0};
        buf_printf(&oauth2, "{\"authUrlTemplate\":\"%s\",\"accessTokenUrlTemplate\":\"https://b\"}", templates[i]);
        expect_auth(buf_text(&oauth2), "/advanced_auth/oauth_config_specification",
                    "{\"complete_oauth_output_specification\":{\"type\":\"object\",\"properties\":{\"access_token\":{\"type\":\"string\","
                    "\"path_in_connector_config\":[\"credentials\",\"access_token\"],\"path_in_oauth_response\":[\"access_token\"]}}}," SERVER "}");
        buf_free(&oauth2);
    }
}

/* ---- metadata.yaml ---- */

static void metadata(void **state)
{
    (void)state;
    buf a = {0}, b = {0};
    err e = {0};
    weir_connector c = with_schema("{}");
    c.title = "Greetings: \"to try\"";
    assert_int_equal(airbyte_metadata(&c, NULL, "MIT", &a, &e), WEIR_OK);
    assert_int_equal(airbyte_metadata(&c, NULL, "MIT", &b, &e), WEIR_OK);
    assert_string_equal(buf_text(&a), buf_text(&b));
    static const char *const lines[] = {"metadataSpecVersion: \"1.0\"\ndata:\n", "  name: \"Greetings: \\\"to try\\\"\"\n", "  connectorType: \"source\"\n",
                                        "  dockerRepository: \"source-x\"\n", "  dockerImageTag: \"1.2.3\"\n", "  license: \"MIT\"\n",
                                        "  documentationUrl: \"https://weir.invalid/source-x\"\n", "  githubIssueLabel: \"source-x\"\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(buf_text(&a), lines[i]))
            fail_msg("%s is not in %s", lines[i], buf_text(&a));
    /* 8-4-4-4-12 digits, version 8, variant 10 */
    const char *id = strstr(buf_text(&a), "definitionId: \"") + strlen("definitionId: \"");
    assert_int_equal(strspn(id, "0123456789abcdef-"), 36);
    assert_true(id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' && id[14] == '8' && strchr("89ab", id[19]));
    /* whoever has registered a connector has this id: it may never change */
    c.name = "source-hello";
    buf_clear(&b);
    assert_int_equal(airbyte_metadata(&c, NULL, NULL, &b, &e), WEIR_OK);
    assert_non_null(strstr(buf_text(&b), "definitionId: \"d8e45529-470b-8333-9c30-8733db1d8602\""));
    c.name = "source-y";
    buf_clear(&b);
    assert_int_equal(airbyte_metadata(&c, "acme/y", NULL, &b, &e), WEIR_OK);
    assert_null(strstr(buf_text(&b), "license"));
    assert_non_null(strstr(buf_text(&b), "  dockerRepository: \"acme/y\"\n"));
    assert_memory_not_equal(id, strstr(buf_text(&b), "definitionId: \"") + strlen("definitionId: \""), 36);
    buf_free(&a);
    buf_free(&b);
}

static void no_memory(void **state)
{
    (void)state;
    weir_connector c = with_schema(SCHEMA);
    c.oauth2 = VIEW("{\"authUrlTemplate\":\"https://{{{config.store}}}\",\"accessTokenUrlTemplate\":\"https://b\",\"accessTokenResponseMap\":{\"a\":\"/b\"}}");
    bool again = true;
    for (size_t n = 0; again; n++) {
        buf out = {0};
        err e = {0};
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = airbyte_spec_body(&c, &out, &e);
        again = fault_clear();
        assert_true(rc == WEIR_E_NOMEM || !again);
        assert_true(again || (rc == WEIR_OK && json_check(buf_view(&out), NULL, NULL)));
        buf_free(&out);
        err_free(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_marked),    cmocka_unit_test(references_and_alternatives_go), cmocka_unit_test(a_schema_within_itself_ends),
        cmocka_unit_test(destinations_say_how_they_write), cmocka_unit_test(logging_in),            cmocka_unit_test(a_json_body),
        cmocka_unit_test(a_login_that_cannot_be_said_is_left_out), cmocka_unit_test(metadata),      cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
