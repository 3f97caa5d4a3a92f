/* Setup forms made of settings (docs/protocols/fivetran.md 1.1, 2.2), and what comes back: expected values from the page, and from what the schemas themselves say. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "fault.h"
#include "fivetran_form.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/scan.h"

typedef struct fixture {
    arena a;
    err e;
    ft_plan *plan;
} fixture;

static void planned(fixture *x, const char *schema)
{
    tree *t;
    *x = (fixture){0};
    if (tree_parse(&x->a, view_of(schema), "schema", WEIR_E_BUG, &t, &x->e) || ft_plan_new(&x->a, t, &x->plan, &x->e))
        fail_msg("%s", err_text(&x->e));
}

static void done(fixture *x)
{
    arena_free(&x->a);
    err_free(&x->e);
}

static void assert_form(const fixture *x, const char *expected)
{
    buf out = {0};
    const ft_form *f = ft_plan_form(x->plan);
    show_fields(f->fields, f->count, 0, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void assert_settings(fixture *x, const char *const *pairs, const char *expected)
{
    flat_pairs items;
    ft_flat flat = flat_of(&items, pairs);
    buf out = {0};
    if (ft_plan_settings(x->plan, &flat, NULL, &out, &x->e))
        fail_msg("%s", err_text(&x->e));
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void assert_refused(fixture *x, const char *const *pairs, const char *expected)
{
    flat_pairs items;
    ft_flat flat = flat_of(&items, pairs);
    buf out = {0};
    assert_int_equal(ft_plan_settings(x->plan, &flat, NULL, &out, &x->e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&x->e), expected);
    assert_int_equal(out.len, 0);
    err_clear(&x->e);
    buf_free(&out);
}

#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_PAIRS ((const char *const[]){NULL})

/* ----------------------------------------------------------------------------------------- the form of the vendor's example -- */

typedef struct api {
    const char *base_url, *authentication, *client_id, *client_secret, *api_key, *user, *password, *version;
    bool metrics;
} api;

static const char *const ways[] = {"OAuth2.0", "API Key", "Basic Auth", "None", NULL}, *const versions[] = {"v1", "v2", "v3", NULL};
#define AT(member) .type = WEIR_TEXT, .offset = offsetof(api, member)
#define FOR(way) .flags = WEIR_OPTIONAL, .shown_by = "authentication", .shown_for = way
#define SECRET_FOR(way) .flags = WEIR_OPTIONAL | WEIR_SECRET, .shown_by = "authentication", .shown_for = way
static const weir_field api_table[] = {
    {.name = "base_url", AT(base_url), .title = "API base URL", .help = "Where the API is.", .placeholder = "https://api.example.com"},
    {.name = "authentication", AT(authentication), .choices = ways, .title = "Authentication method"},
    {.name = "client_id", AT(client_id), .title = "Client ID", FOR("OAuth2.0")},
    {.name = "client_secret", AT(client_secret), SECRET_FOR("OAuth2.0")},
    {.name = "api_key", AT(api_key), .title = "API key", SECRET_FOR("API Key")},
    {.name = "user", AT(user), FOR("Basic Auth")},
    {.name = "password", AT(password), SECRET_FOR("Basic Auth")},
    {.name = "version", AT(version), .choices = versions, .fallback = "v2", .title = "API version"},
    {.name = "metrics", .type = WEIR_BOOL, .offset = offsetof(api, metrics), .fallback = "false", .title = "Enable metrics?"},
    {0},
};

static weir_rc nothing(weir_task *t, void *self) { (void)t; (void)self; return WEIR_OK; }
static weir_rc no_pull(weir_task *t, void *self, const weir_binding *b, size_t n) { (void)t; (void)self; (void)b; (void)n; return WEIR_OK; }
static const weir_capture capture = {.discover = nothing, .pull = no_pull};
static const weir_connector api_source = {.abi = WEIR_ABI, .name = "source-api", .version = "1", .config = api_table, .config_size = sizeof(api), .capture = &capture};

static void planned_connector(fixture *x, const weir_connector *c)
{
    *x = (fixture){0};
    if (ft_plan_of_connector(&x->a, c, &x->plan, &x->e))
        fail_msg("%s", err_text(&x->e));
}

#define API_FORM                                                                                \
    "base_url*  text \"API base URL\" ~ https://api.example.com (Where the API is.)\n"          \
    "authentication*  dropdown \"Authentication method\" of OAuth2.0 | API Key | Basic Auth | None\n" \
    "if authentication is OAuth2.0\n"                                                           \
    "  client_id  text \"Client ID\"\n"                                                         \
    "  client_secret  password \"Client Secret\"\n"                                             \
    "if authentication is API Key\n"                                                            \
    "  api_key  password \"API key\"\n"                                                         \
    "if authentication is Basic Auth\n"                                                         \
    "  user  text \"User\"\n"                                                                   \
    "  password  password \"Password\"\n"                                                       \
    "version  dropdown \"API version\" of v1 | v2 | v3 = v2\n"                                  \
    "metrics  toggle \"Enable metrics?\" = false\n"

static void vendors_example(void **state)
{
    (void)state;
    fixture x;
    planned_connector(&x, &api_source);
    assert_form(&x, API_FORM);
    const ft_form *f = ft_plan_form(x.plan);
    assert_true(f->schema_selection && f->table_selection);
    assert_int_equal(f->test_count, 2);
    assert_true(view_is(f->tests[0].value, "connect") && view_is(f->tests[1].value, "select"));
    assert_true(f->tests[0].label.len && f->tests[1].label.len);
    assert_settings(&x,
                    PAIRS("base_url", "https://x", "authentication", "Basic Auth", "user", "u", "password", "p", "api_key", "stale", "client_secret", "", "version", "v3",
                          "metrics", "true", "gone", "1"),
                    "{\"base_url\":\"https://x\",\"authentication\":\"Basic Auth\",\"user\":\"u\",\"password\":\"p\",\"version\":\"v3\",\"metrics\":true}");
    assert_settings(&x, PAIRS("base_url", "", "authentication", "None", "version", "", "metrics", "False"),
                    "{\"base_url\":\"\",\"authentication\":\"None\",\"metrics\":false}");
    assert_settings(&x, NO_PAIRS, "{}");
    assert_refused(&x, PAIRS("authentication", "Kerberos", "metrics", "yes", "version", "v4"),
                   "field 'authentication': expected one of 'OAuth2.0', 'API Key', 'Basic Auth', 'None', got \"Kerberos\"\n"
                   "field 'version': expected one of 'v1', 'v2', 'v3', got \"v4\"\n"
                   "field 'metrics': expected true or false, got \"yes\"");
    done(&x);
}

static weir_rc a_test(weir_task *t, void *self) { (void)t; (void)self; return WEIR_OK; }

static void tests_of_ones_own(void **state)
{
    (void)state;
    fixture x;
    const weir_test tests[] = {{.name = "ping", .title = "Answers", .run = a_test}, {.name = "plain", .run = a_test}, {0}};
    weir_connector c = api_source;
    c.tests = tests;
    planned_connector(&x, &c);
    const ft_form *f = ft_plan_form(x.plan);
    assert_int_equal(f->test_count, 2);
    assert_true(view_is(f->tests[0].value, "ping") && view_is(f->tests[0].label, "Answers"));
    assert_true(view_is(f->tests[1].value, "plain") && view_is(f->tests[1].label, "plain"));
    done(&x);
}

/* The bytes of a form whose bytes are known from the page (1.5): field 1 name "a", 2 label "B", 3 required false = 18 00, 5 PlainText = 28 00; a toggle = 3a 00. */
static void bytes(void **state)
{
    (void)state;
    fixture x;
    buf out = {0};
    planned(&x, "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"title\":\"B\"},\"c\":{\"type\":\"boolean\",\"title\":\"D\"}}}");
    assert_true(ft_form_write(&x.a, ft_plan_form(x.plan), &out));
    static const char expected[] = "\x1a\x0a\x0a\x01" "a\x12\x01" "B\x18\x00\x28\x00"
                                   "\x1a\x0a\x0a\x01" "c\x12\x01" "D\x18\x00\x3a\x00";
    assert_int_equal(out.len, sizeof expected - 1);
    assert_memory_equal(out.ptr, expected, sizeof expected - 1);
    buf_free(&out);
    done(&x);
}

/* Written, read, shown again: the same. */
static void assert_comes_back(fixture *x)
{
    buf out = {0}, before = {0}, after = {0};
    ft_form back;
    const ft_form *f = ft_plan_form(x->plan);
    assert_true(ft_form_write(&x->a, f, &out));
    if (ft_form_read(&x->a, buf_view(&out), &back, &x->e))
        fail_msg("%s", err_text(&x->e));
    show_fields(f->fields, f->count, 0, &before);
    show_fields(back.fields, back.count, 0, &after);
    assert_string_equal(buf_text(&after), buf_text(&before));
    assert_true(back.schema_selection == f->schema_selection && back.table_selection == f->table_selection && back.test_count == f->test_count);
    for (size_t i = 0; i < f->test_count; i++)
        assert_true(view_eq(back.tests[i].value, f->tests[i].value) && view_eq(back.tests[i].label, f->tests[i].label));
    buf_free(&out);
    buf_free(&before);
    buf_free(&after);
}

static void over_the_wire(void **state)
{
    (void)state;
    fixture x;
    planned_connector(&x, &api_source);
    assert_comes_back(&x);
    done(&x);
}

/* What protoc has encoded (fuzz/corpus/fivetran_form, made with `protoc --encode` from our .proto files). */
static void of_another_encoder(void **state)
{
    (void)state;
    static const struct {
        const char *file, *shown;
    } cases[] = {
        {"api", "url*  text \"API base URL\" ~ https://x (Where)\n"
                "auth*  dropdown \"Authentication\" of OAuth2.0 | API Key | None = None\n"
                "if auth is OAuth2.0\n  client*  text \"Client\"\n  secret*  password \"Secret\"\n"
                "if auth is API Key\n  key*  password \"Key\"\n"
                "version  described \"Version\" of v1 | v2 = v2\n"
                "metrics  toggle \"Metrics?\"\n"},
        {"nested", "writer  dropdown \"\" of Database | File\n"
                   "if writer is Database\n  host  text \"\"\n  tls  toggle \"\" = true\n  if tls is true\n    cert  upload \"\" .pem <9\n"
                   "if writer is not empty\n  host*  password \"\"\n"
                   "id  hidden \"\" = 7\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a = {0};
        err e = {0};
        ft_form f;
        buf path = {0}, bytes_of = {0}, out = {0};
        buf_printf(&path, SOURCE_ROOT "/fuzz/corpus/fivetran_form/%s", cases[i].file);
        if (io_read_file(buf_text(&path), 1 << 20, &bytes_of, &e) || ft_form_read(&a, buf_view(&bytes_of), &f, &e))
            fail_msg("%s", err_text(&e));
        show_fields(f.fields, f.count, 0, &out);
        assert_string_equal(buf_text(&out), cases[i].shown);
        assert_true(i > 0 || (f.schema_selection && f.table_selection && f.test_count == 2 && view_is(f.tests[1].label, "Selects")));
        buf_free(&path);
        buf_free(&bytes_of);
        buf_free(&out);
        arena_free(&a);
    }
}

static void bytes_that_are_no_form(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    ft_form f;
    assert_int_equal(ft_form_read(&a, VIEW("\x1a\x05\x0a\x01"), &f, &e), WEIR_E_PROTOCOL);
    assert_int_equal(ft_form_read(&a, VIEW("\x1a\x03\x12\x01x"), &f, &e), WEIR_E_PROTOCOL);
    assert_string_equal(err_text(&e), "ConfigurationFormResponse: field 1: it has no name");
    assert_int_equal(ft_form_read(&a, VIEW("\x1a\x03\x0a\x01\xff"), &f, &e), WEIR_E_PROTOCOL);
    assert_int_equal(ft_form_read(&a, (weir_view){0}, &f, &e), WEIR_OK);
    assert_int_equal(f.count + f.test_count, 0);
    arena_free(&a);
    err_free(&e);
}

/* --------------------------------------------------------------------------------------------------- settings of every sort -- */

static void every_sort(void **state)
{
    (void)state;
    fixture x;
    planned(&x, "{\"type\":\"object\",\"required\":[\"n\",\"name\"],\"properties\":{"
                "\"last\":{\"type\":\"string\"},"
                "\"name\":{\"type\":[\"string\",\"null\"],\"description\":\"D.\",\"order\":0},"
                "\"n\":{\"type\":\"integer\",\"default\":5,\"examples\":[7],\"order\":1},"
                "\"ratio\":{\"type\":[\"number\",\"integer\"],\"order\":2},"
                "\"key\":{\"type\":\"string\",\"airbyte_secret\":true,\"order\":3},"
                "\"pin\":{\"type\":\"string\",\"format\":\"password\",\"order\":3},"
                "\"kind\":{\"const\":\"k\",\"order\":4},"
                "\"inner\":{\"type\":\"string\",\"airbyte_hidden\":true,\"default\":\"i\",\"order\":5},"
                "\"size\":{\"enum\":[1,2.50,null,\"x\"],\"order\":6},"
                "\"level\":{\"oneOf\":[{\"const\":\"lo\",\"title\":\"Low\",\"description\":\"Slow.\"},{\"const\":\"hi\",\"title\":\"High\"}],\"order\":7},"
                "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"T.\",\"order\":8},"
                "\"pairs\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"token\":{\"type\":\"string\",\"secret\":true}}},\"order\":9},"
                "\"any\":{\"order\":10,\"default\":{\"a\":1}},"
                "\"map\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"},\"order\":11},"
                "\"maybe\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}],\"order\":12},"
                "\"ref\":{\"allOf\":[{\"$ref\":\"#/$defs/r\"}],\"title\":\"Referred\",\"order\":13},"
                "\"file\":{\"type\":\"string\",\"x-upload\":{\"types\":[\".pem\"],\"maxBytes\":9},\"order\":14},"
                "\"either\":{\"type\":[\"string\",\"integer\"],\"order\":15}},"
                "\"$defs\":{\"r\":{\"enum\":[\"a\",\"b\"],\"title\":\"R\"}}}");
    assert_form(&x, "name*  text \"Name\" (D.)\n"
                    "n*  text \"N\" = 5 ~ 7\n"
                    "ratio  text \"Ratio\"\n"
                    "key  password \"Key\"\n"
                    "pin  password \"Pin\"\n"
                    "kind  hidden \"Kind\" = k\n"
                    "inner  hidden \"Inner\" = i\n"
                    "size  dropdown \"Size\" of 1 | 2.50 | x\n"
                    "level  described \"Level\" of lo | hi\n"
                    "tags  text \"Tags\" (T. A list: texts with commas between them, or a JSON array.)\n"
                    "pairs  password \"Pairs\" (To be given as JSON.)\n"
                    "any  text \"Any\" = {\"a\":1} (To be given as JSON.)\n"
                    "map  text \"Map\" (To be given as JSON.)\n"
                    "maybe  text \"Maybe\"\n"
                    "ref  dropdown \"Referred\" of a | b\n"
                    "file  upload \"File\" .pem <9\n"
                    "either  text \"Either\" (To be given as JSON.)\n"
                    "last  text \"Last\"\n");
    const ft_option *level = ft_plan_form(x.plan)->fields[8].options;
    assert_true(view_is(level[0].label, "Low") && view_is(level[0].description, "Slow.") && view_is(level[1].label, "High") && !level[1].description.len);
    assert_comes_back(&x);
    assert_settings(&x,
                    PAIRS("name", "", "n", " 12 ", "ratio", "1e3", "key", "", "kind", "k", "size", "2.50", "level", "hi", "tags", "a, b,c", "pairs", "[{\"token\":\"t\"}]",
                          "any", "plain text", "map", "{\"a\": \"b\"}", "maybe", "", "file", "eA==", "either", "7", "last", ""),
                    "{\"name\":\"\",\"n\":12,\"ratio\":1e3,\"kind\":\"k\",\"size\":2.50,\"level\":\"hi\",\"tags\":[\"a\",\"b\",\"c\"],\"pairs\":[{\"token\":\"t\"}],"
                    "\"any\":\"plain text\",\"map\":{\"a\": \"b\"},\"file\":\"eA==\",\"either\":7}");
    assert_settings(&x, PAIRS("any", "[1]", "tags", "[\"a,b\"]", "either", "\"7\"", "maybe", "3"), "{\"tags\":[\"a,b\"],\"any\":[1],\"maybe\":3,\"either\":\"7\"}");
    assert_settings(&x, PAIRS("any", "null", "either", "true"), "{\"any\":null,\"either\":\"true\"}");
    assert_refused(&x, PAIRS("n", "1.5", "ratio", "0x10", "size", "3", "map", "[1]", "maybe", "12345678901234567890123456789012345678901234567890"
                             "x"),
                   "field 'n': expected an integer, got \"1.5\"\n"
                   "field 'ratio': expected a number, got \"0x10\"\n"
                   "field 'size': expected one of '1', '2.50', 'x', got \"3\"\n"
                   "field 'map': expected JSON as its description says (it is JSON of another type), got \"[1]\"\n"
                   "field 'maybe': expected an integer, got \"1234567890123456789012345678901234567890\"...");
    assert_refused(&x, PAIRS("pairs", "hunter2"),
                   "field 'pairs': expected JSON as its description says (no JSON value begins here), got something else");
    done(&x);
}

/* Platforms keep what a form does not ask for any more. */
static void unknown_names(void **state)
{
    (void)state;
    fixture x;
    int ends[2];
    flat_pairs items;
    ft_flat flat = flat_of(&items, PAIRS("old", "hunter2", "a", "1"));
    buf out = {0};
    char text[400] = "";
    assert_int_equal(pipe(ends), 0);
    log_sink *log = log_open(ends[1]);
    log_set_level(log, WEIR_DEBUG);
    planned(&x, "{\"properties\":{\"a\":{\"type\":\"integer\"}}}");
    assert_int_equal(ft_plan_settings(x.plan, &flat, log, &out, &x.e), WEIR_OK);
    assert_string_equal(buf_text(&out), "{\"a\":1}");
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "no field is called 'old'"));
    assert_null(strstr(text, "hunter2"));
    log_close(log);
    close(ends[0]);
    close(ends[1]);
    buf_free(&out);
    done(&x);
}

/* A connector that does not tell what its settings are. */
static void settings_that_nobody_knows(void **state)
{
    (void)state;
    fixture x;
    const weir_connector c = {.abi = WEIR_ABI, .name = "tap-x", .version = "1", .capture = &capture, .config_schema = VIEW("{\"type\":\"object\",\"additionalProperties\":true}")};
    planned_connector(&x, &c);
    assert_form(&x, "config  password \"Configuration\" (All settings, an object. To be given as JSON.)\n");
    assert_settings(&x, NO_PAIRS, "{}");
    assert_settings(&x, PAIRS("config", "{\"dir\":\"/x\",\"n\":5}"), "{\"dir\":\"/x\",\"n\":5}");
    assert_settings(&x, PAIRS("dir", "/x", "empty", ""), "{\"dir\":\"/x\"}");
    assert_settings(&x, PAIRS("config", "{\"dir\":\"/x\",\"n\":5}", "dir", "/y"), "{\"dir\":\"/y\",\"n\":5}");
    done(&x);
    const weir_connector none = {.abi = WEIR_ABI, .name = "tap-x", .version = "1", .capture = &capture};
    planned_connector(&x, &none);
    assert_form(&x, "");
    done(&x);
}

/* An empty text is no value, but where somebody has to give one, or where clearing the field means to have no default. */
static void empty_texts(void **state)
{
    (void)state;
    fixture x;
    planned(&x, "{\"type\":\"object\",\"required\":[\"must\",\"filled\",\"one\"],\"properties\":{"
                "\"must\":{\"type\":\"string\"},\"may\":{\"type\":\"string\"},\"prefix\":{\"type\":\"string\",\"default\":\"weir_\"},"
                "\"filled\":{\"type\":\"string\",\"minLength\":1},\"one\":{\"enum\":[\"a\"]},\"none\":{\"enum\":[\"\",\"a\"]},\"n\":{\"type\":\"integer\",\"default\":3}}}");
    assert_settings(&x, PAIRS("must", "", "may", "", "prefix", "", "filled", "", "one", "", "none", "", "n", ""), "{\"must\":\"\",\"prefix\":\"\",\"none\":\"\"}");
    done(&x);
}

/* ----------------------------------------------------------------------------------------------------------------- objects -- */

#define TUNNEL                                                                                                                                   \
    "{\"type\":\"object\",\"required\":[\"host\",\"source\"],\"properties\":{"                                                                   \
    "\"host\":{\"type\":\"string\"},"                                                                                                            \
    "\"source\":{\"type\":\"object\",\"title\":\"Source\",\"required\":[\"port\"],\"properties\":{\"port\":{\"type\":\"integer\"},\"ssl\":{\"type\":\"boolean\"}}}," \
    "\"tunnel\":{\"type\":\"object\",\"title\":\"SSH tunnel\",\"required\":[\"host\"],\"properties\":{\"host\":{\"type\":\"string\"},\"port\":{\"type\":\"integer\",\"default\":22},"   \
    "\"keep\":{\"type\":\"boolean\"}}},"                                                                                                         \
    "\"tuning\":{\"type\":\"object\",\"properties\":{\"deep\":{\"type\":\"object\",\"title\":\"Deep\",\"properties\":{\"level\":{\"type\":\"integer\",\"title\":\"Level\"}}}}}}}"

static void objects(void **state)
{
    (void)state;
    fixture x;
    planned(&x, TUNNEL);
    assert_form(&x, "host*  text \"Host\"\n"
                    "source_port*  text \"Source: Port\"\n"
                    "ssl  toggle \"Source: Ssl\"\n"
                    "tunnel_host  text \"SSH tunnel: Host\"\n"
                    "tunnel_port  text \"SSH tunnel: Port\" = 22\n"
                    "keep  toggle \"SSH tunnel: Keep\"\n"
                    "level  text \"Deep: Level\"\n");
    assert_settings(&x, PAIRS("host", "h", "source_port", "1", "ssl", "false", "tunnel_host", "", "tunnel_port", "22", "keep", "false", "level", ""),
                    "{\"host\":\"h\",\"source\":{\"port\":1,\"ssl\":false}}"); /* what an untouched form says makes no tunnel */
    assert_settings(&x, PAIRS("host", "h", "tunnel_host", "t", "tunnel_port", "22", "level", "3"),
                    "{\"host\":\"h\",\"source\":{},\"tunnel\":{\"host\":\"t\",\"port\":22},\"tuning\":{\"deep\":{\"level\":3}}}");
    assert_settings(&x, PAIRS("tunnel_port", "23"), "{\"source\":{},\"tunnel\":{\"port\":23}}");
    done(&x);
}

#define CREDENTIALS                                                                                                                              \
    "{\"type\":\"object\",\"required\":[\"credentials\"],\"properties\":{\"credentials\":{\"type\":\"object\",\"title\":\"Authentication\",\"description\":\"How to log in.\",\"oneOf\":["        \
    "{\"title\":\"OAuth\",\"type\":\"object\",\"required\":[\"auth_type\",\"client_id\"],\"properties\":{\"auth_type\":{\"type\":\"string\",\"const\":\"oauth2.0\"},"                             \
    "\"client_id\":{\"type\":\"string\"},\"token\":{\"type\":\"string\",\"airbyte_secret\":true}}},"                                             \
    "{\"title\":\"Key\",\"type\":\"object\",\"description\":\"A key.\",\"required\":[\"auth_type\",\"key\"],\"properties\":{\"auth_type\":{\"type\":\"string\",\"const\":\"key\"},"           \
    "\"key\":{\"type\":\"string\",\"airbyte_secret\":true},\"token\":{\"type\":\"integer\"},\"mode\":{\"type\":\"object\",\"title\":\"Mode\",\"oneOf\":["                                     \
    "{\"required\":[\"how\"],\"properties\":{\"how\":{\"const\":\"a\"},\"x\":{\"type\":\"integer\"}}},{\"required\":[\"how\"],\"properties\":{\"how\":{\"enum\":[\"b\"]}}}]}}},"                \
    "{\"title\":\"Nothing\",\"type\":\"object\",\"properties\":{\"auth_type\":{\"type\":\"string\",\"const\":\"none\"}}}]}}}"

static void variants(void **state)
{
    (void)state;
    fixture x;
    planned(&x, CREDENTIALS);
    assert_form(&x, "auth_type*  described \"Authentication\" of oauth2.0 | key | none (How to log in.)\n"
                    "if auth_type is oauth2.0\n"
                    "  client_id*  text \"Client Id\"\n"
                    "  oauth2_0_token  password \"Token\"\n"
                    "if auth_type is key\n"
                    "  key*  password \"Key\"\n"
                    "  key_token  text \"Token\"\n"
                    "  how  dropdown \"Mode\" of a | b\n"
                    "  if how is a\n"
                    "    x  text \"X\"\n");
    assert_comes_back(&x);
    assert_settings(&x, PAIRS("auth_type", "oauth2.0", "client_id", "c", "oauth2_0_token", "t", "key", "stale", "key_token", "no number", "how", "neither"),
                    "{\"credentials\":{\"auth_type\":\"oauth2.0\",\"client_id\":\"c\",\"token\":\"t\"}}");
    assert_settings(&x, PAIRS("auth_type", "key", "key", "k", "key_token", "5", "how", "a", "x", "1"),
                    "{\"credentials\":{\"auth_type\":\"key\",\"key\":\"k\",\"token\":5,\"mode\":{\"how\":\"a\",\"x\":1}}}");
    assert_settings(&x, PAIRS("auth_type", "none"), "{\"credentials\":{\"auth_type\":\"none\"}}");
    assert_settings(&x, PAIRS("client_id", "c"), "{\"credentials\":{}}");
    assert_refused(&x, PAIRS("auth_type", "OAuth"), "field 'auth_type': expected one of 'oauth2.0', 'key', 'none', got \"OAuth\"");
    done(&x);
}

/* What is in something hidden is hidden, too. */
static void hidden(void **state)
{
    (void)state;
    fixture x;
    planned(&x, "{\"properties\":{\"d\":{\"airbyte_hidden\":true,\"default\":{\"by\":\"a\"},\"oneOf\":[{\"properties\":{\"by\":{\"const\":\"a\"}}},"
                "{\"properties\":{\"by\":{\"const\":\"b\"},\"n\":{\"type\":\"integer\"}}}]},\"o\":{\"type\":\"object\",\"x-hidden-field\":true,"
                "\"properties\":{\"on\":{\"type\":\"boolean\"}}}}}");
    assert_form(&x, "by  hidden \"D\" = a\nif by is b\n  n  hidden \"N\"\non  hidden \"On\"\n");
    assert_settings(&x, PAIRS("by", "b", "n", "1", "on", "true"), "{\"d\":{\"by\":\"b\",\"n\":1},\"o\":{\"on\":true}}");
    done(&x);
}

/* By discriminator, with a default; and settings that are variants as a whole. */
static void variants_otherwise(void **state)
{
    (void)state;
    fixture x;
#define TWO "\"discriminator\":{\"propertyName\":\"by\"},\"oneOf\":[{\"properties\":{\"by\":{\"const\":\"a\"},\"n\":{\"type\":\"integer\"}}},{\"properties\":{\"by\":{\"const\":\"b\"},\"n\":{\"type\":\"integer\"}}}]"
    planned(&x, "{\"properties\":{\"login\":{\"default\":{\"by\":\"b\"}," TWO "}}}");
    assert_form(&x, "by  dropdown \"Login\" of a | b = b\n"
                    "if by is a\n  a_n  text \"N\"\n"
                    "if by is b\n  b_n  text \"N\"\n");
    assert_settings(&x, PAIRS("b_n", "1"), "{\"login\":{\"by\":\"b\",\"n\":1}}");
    assert_settings(&x, PAIRS("a_n", "1"), "{}");
    assert_settings(&x, PAIRS("by", "a", "a_n", "1"), "{\"login\":{\"by\":\"a\",\"n\":1}}");
    done(&x);
    planned(&x, "{" TWO ",\"properties\":{\"name\":{\"type\":\"string\"},\"by\":{\"type\":\"string\",\"title\":\"Mine\"}}}");
    assert_form(&x, "name  text \"Name\"\n"
                    "by*  dropdown \"By\" of a | b\n"
                    "if by is a\n  a_n  text \"N\"\n"
                    "if by is b\n  b_n  text \"N\"\n");
    assert_settings(&x, PAIRS("by", "b", "b_n", "2", "a_n", "3", "name", "x"), "{\"name\":\"x\",\"by\":\"b\",\"n\":2}");
    done(&x);
    planned(&x, "{\"anyOf\":[{\"required\":[\"a\"],\"properties\":{\"a\":{\"type\":\"string\"}}},{\"properties\":{\"b\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}}}]}");
    assert_form(&x, "a  text \"A\"\nb  text \"B\"\n");
    done(&x);
    planned(&x, "{\"properties\":{\"one\":{\"oneOf\":[{\"type\":\"object\",\"properties\":{\"by\":{\"const\":\"only\"},\"n\":{\"type\":\"integer\"}},\"required\":[\"by\"]}]},"
                "\"fuzzy\":{\"oneOf\":[{\"properties\":{\"a\":{}}},{\"properties\":{\"b\":{}}}]}}}");
    assert_form(&x, "by  hidden \"By\" = only\nn  text \"N\"\nfuzzy  text \"Fuzzy\" (To be given as JSON.)\n");
    assert_settings(&x, PAIRS("n", "1", "fuzzy", "{\"a\":1}"), "{\"one\":{\"by\":\"only\",\"n\":1},\"fuzzy\":{\"a\":1}}");
    assert_settings(&x, PAIRS("by", "only"), "{\"one\":{\"by\":\"only\"}}");
    done(&x);
}

/* Settings are an object, whatever a schema says. */
static void settings_that_are_no_object(void **state)
{
    (void)state;
    static const char *const schemas[] = {"true", "[]", "{\"const\":{\"a\":1},\"properties\":{}}", "{\"type\":\"string\"}", "{\"enum\":[1]}", "{\"oneOf\":[{},{\"const\":1}]}"};
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        fixture x;
        planned(&x, schemas[i]);
        assert_form(&x, "");
        assert_settings(&x, PAIRS("a", "1"), "{}");
        done(&x);
    }
}

/* What contains itself is JSON; what is too large is refused. */
static void schemas_without_end(void **state)
{
    (void)state;
    fixture x;
    planned(&x, "{\"$defs\":{\"node\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"child\":{\"$ref\":\"#/$defs/node\"}}}},"
                "\"properties\":{\"tree\":{\"$ref\":\"#/$defs/node\"},\"self\":{\"$ref\":\"#\"}}}");
    assert_form(&x, "name  text \"Name\"\nchild  text \"Child\" (To be given as JSON.)\nself  text \"Self\" (To be given as JSON.)\n");
    done(&x);
    buf text = {0};
    arena a = {0};
    err e = {0};
    tree *t;
    ft_plan *plan;
    buf_adds(&text, "{\"$defs\":{\"d0\":{\"type\":\"string\"}");
    for (int i = 1; i < 20; i++)
        buf_printf(&text, ",\"d%d\":{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/d%d\"},\"b\":{\"$ref\":\"#/$defs/d%d\"}}}", i, i - 1, i - 1);
    buf_adds(&text, "},\"properties\":{\"all\":{\"$ref\":\"#/$defs/d19\"}}}");
    assert_int_equal(tree_parse(&a, buf_view(&text), NULL, WEIR_E_BUG, &t, &e), WEIR_OK);
    assert_int_equal(ft_plan_new(&a, t, &plan, &e), WEIR_E_CONFIG);
    buf_free(&text);
    arena_free(&a);
    err_free(&e);
}

/* The same name again: the outer one keeps it, the others get as much before theirs as it takes, and a number if nothing else helps. */
static void names(void **state)
{
    (void)state;
    fixture x;
#define LEAF(name) "\"" name "\":{\"type\":\"string\",\"title\":\"t\"}"
#define IN(name, inside) "\"" name "\":{\"type\":\"object\",\"properties\":{" inside "}}"
    planned(&x, "{\"properties\":{" IN("a", LEAF("host") "," LEAF("port") "," IN("x", LEAF("key"))) "," IN("b", LEAF("host") "," IN("x", LEAF("key"))) ","
                IN("a_x", LEAF("host") "," LEAF("key")) "," LEAF("host") "}}");
    assert_form(&x, "a_host  text \"t\"\nport  text \"t\"\na_x_key_2  text \"t\"\nb_host  text \"t\"\nb_x_key  text \"t\"\n"
                    "a_x_host  text \"t\"\na_x_key  text \"t\"\nhost  text \"t\"\n");
    done(&x);
    planned(&x, "{\"properties\":{" LEAF("") "," LEAF("value") "}}");
    assert_form(&x, "value_2  text \"t\"\nvalue  text \"t\"\n");
    assert_settings(&x, PAIRS("value_2", "a", "value", "b"), "{\"\":\"a\",\"value\":\"b\"}");
    done(&x);
}

/* ---------------------------------------------------------------------------------------------------------- what is shown -- */

static void visible(void **state)
{
    (void)state;
    fixture x;
    planned(&x, "{\"properties\":{\"auth\":{\"enum\":[\"a\",\"b\"],\"default\":\"a\",\"title\":\"\"},\"on\":{\"type\":\"boolean\"},"
                "\"p\":{\"type\":\"string\",\"x-shown-when\":{\"auth\":\"a\"}},\"q\":{\"type\":\"string\",\"x-shown-when\":{\"auth\":\"b\",\"on\":true}},"
                "\"r\":{\"type\":\"string\",\"x-shown-when\":{\"p\":{\"empty\":false}},\"x-shown-required\":true},\"s\":{\"type\":\"string\",\"x-shown-when\":{\"p\":{\"empty\":true}}},"
                "\"t\":{\"type\":\"string\",\"x-shown-when\":[{\"auth\":\"b\"},{\"on\":false}]},\"u\":{\"type\":\"string\",\"x-shown-when\":{\"nobody\":\"x\"}}}}");
    assert_form(&x, "auth  dropdown \"Auth\" of a | b = a\n"
                    "on  toggle \"On\"\n"
                    "if auth is a\n  p  text \"P\"\n"
                    "if auth is b\n  if on is true\n    q  text \"Q\"\n"
                    "if p is not empty\n  r*  text \"R\"\n"
                    "if p is empty\n  s  text \"S\"\n"
                    "if auth is b\n  t  text \"T\"\n"
                    "if on is false\n  t  text \"T\"\n"
                    "u  text \"U\"\n");
    const struct {
        const char *const *answers;
        const char *shown;
    } cases[] = {
        {NO_PAIRS, "auth on p s t u"},
        {PAIRS("auth", "a", "p", "x", "on", "TRUE"), "auth on p r u"},
        {PAIRS("auth", "b", "p", "stale"), "auth on s t t u"},
        {PAIRS("auth", "b", "on", "true"), "auth on q s t u"},
        {PAIRS("auth", ""), "auth on s t u"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        flat_pairs items;
        ft_flat flat = flat_of(&items, cases[i].answers);
        buf out = {0};
        size_t at = 0;
        for (const ft_field *f; (f = ft_form_visible(ft_plan_form(x.plan), &flat, &at)) != NULL;)
            buf_printf(&out, "%s%.*s", out.len ? " " : "", VIEW_ARG(f->name));
        assert_string_equal(buf_text(&out), cases[i].shown);
        assert_null(ft_form_visible(ft_plan_form(x.plan), &flat, &at));
        buf_free(&out);
    }
    assert_settings(&x, PAIRS("auth", "b", "p", "stale", "q", "no", "t", "x", "r", "y"), "{\"auth\":\"b\",\"t\":\"x\"}");
    done(&x);
}

/* An answer shows what comes after it, as whoever asks one by one needs it. */
static void one_by_one(void **state)
{
    (void)state;
    fixture x;
    planned_connector(&x, &api_source);
    flat_pairs items;
    ft_flat flat = flat_of(&items, NO_PAIRS);
    buf out = {0};
    size_t at = 0;
    for (const ft_field *f; (f = ft_form_visible(ft_plan_form(x.plan), &flat, &at)) != NULL;) {
        items.items[flat.count++] = (ft_pair){f->name, view_is(f->name, "authentication") ? VIEW("API Key") : VIEW("z")};
        buf_printf(&out, "%.*s ", VIEW_ARG(f->name));
    }
    assert_string_equal(buf_text(&out), "base_url authentication api_key version metrics ");
    buf_free(&out);
    done(&x);
}

/* What a platform sends without anybody's doing. A later default may show more. */
static void completed(void **state)
{
    (void)state;
    fixture x;
    planned(&x, "{\"properties\":{\"a\":{\"enum\":[\"p\",\"q\"],\"default\":\"p\"},\"b\":{\"type\":\"boolean\",\"x-shown-when\":{\"a\":\"p\"}},"
                "\"c\":{\"type\":\"boolean\",\"default\":true,\"x-shown-when\":{\"b\":false}},\"d\":{\"type\":\"string\",\"default\":\"e\"},\"f\":{\"type\":\"string\"},"
                "\"g\":{\"type\":\"string\",\"default\":\"h\",\"x-shown-when\":{\"a\":\"q\"}}}}");
    flat_pairs items;
    ft_flat flat = flat_of(&items, PAIRS("d", ""));
    buf out = {0};
    assert_true(ft_form_complete(&x.a, ft_plan_form(x.plan), &flat));
    for (size_t i = 0; i < flat.count; i++)
        buf_printf(&out, "%.*s=%.*s;", VIEW_ARG(flat.items[i].name), VIEW_ARG(flat.items[i].value));
    assert_string_equal(buf_text(&out), "d=;a=p;b=false;c=true;");
    buf_free(&out);
    done(&x);
}

/* Conditions that go round in circles, or on and on, end. */
static void circles(void **state)
{
    (void)state;
    fixture x;
    buf text = {0};
    buf_adds(&text, "{\"properties\":{\"a\":{\"type\":\"string\",\"x-shown-when\":{\"b\":\"x\"}},\"b\":{\"type\":\"string\",\"x-shown-when\":{\"a\":\"x\"}}");
    for (int i = 1; i < 300; i++)
        buf_printf(&text, ",\"n%d\":{\"type\":\"string\",\"x-shown-when\":[{\"n%d\":\"x\"},{\"n%d\":\"y\"}]}", i, i - 1, (i + 7) % 300);
    buf_adds(&text, "}}");
    planned(&x, buf_text(&text));
    flat_pairs items;
    ft_flat flat = flat_of(&items, PAIRS("a", "x", "b", "x", "n299", "x"));
    buf out = {0};
    assert_false(ft_form_shows(ft_plan_form(x.plan), &flat, VIEW("a")));
    assert_int_equal(ft_plan_settings(x.plan, &flat, NULL, &out, &x.e), WEIR_OK);
    buf_free(&out);
    buf_free(&text);
    done(&x);
}

/* ----------------------------------------------------------------------------------------------------------------- secrets -- */

static void note(void *arg, weir_view secret)
{
    buf_printf(arg, "%.*s;", VIEW_ARG(secret));
}

static void secrets(void **state)
{
    (void)state;
    fixture x;
    flat_pairs items;
    buf out = {0};
    planned(&x, "{\"properties\":{\"user\":{\"type\":\"string\"},\"password\":{\"type\":\"string\",\"secret\":true},\"pin\":{\"type\":\"integer\",\"airbyte_secret\":true},"
                "\"one\":{\"enum\":[\"a\"],\"secret\":true},\"login\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/l\"}}},"
                "\"$defs\":{\"l\":{\"type\":\"object\",\"properties\":{\"token\":{\"type\":\"string\",\"secret\":true}}}}}");
    assert_form(&x, "user  text \"User\"\npassword  password \"Password\"\npin  password \"Pin\"\none  password \"One\"\nlogin  password \"Login\" (To be given as JSON.)\n");
    ft_flat flat = flat_of(&items, PAIRS("user", "u", "password", "hunter2", "pin", "12a4", "one", "b", "login", "[{\"token\":\"tok\\n\"}]", "old", "o", "password", "new"));
    ft_plan_secrets(x.plan, &flat, note, &out);
    assert_string_equal(buf_text(&out), "hunter2;12a4;b;[{\"token\":\"tok\\n\"}];tok\n;new;");
    assert_refused(&x, PAIRS("pin", "12a4", "one", "b"), "field 'pin': expected an integer, got something else\nfield 'one': expected one of 'a', got something else");
    buf_free(&out);
    done(&x);
}

/* ------------------------------------------------------------------------------------------------------- there and back -- */

static uint64_t dice(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static void make_value(const tree *root, const tree *schema, uint64_t *seed, buf *out);

static const tree *resolved(const tree *root, const tree *schema)
{
    weir_view ref = tree_text(schema, "$ref");
    return ref.len ? tree_at(root, view_from(ref, 1)) : schema;
}

static bool is_required(const tree *schema, weir_view name)
{
    const tree *list = tree_get(schema, "required");
    for (const tree *t = list ? list->first : NULL; t; t = t->next)
        if (view_eq(t->text, name))
            return true;
    return false;
}

/* @return how many members there are now */
static size_t make_members(const tree *root, const tree *schema, uint64_t *seed, size_t count, buf *out)
{
    const tree *properties = tree_get(schema, "properties"), *variants_of = tree_get(schema, "oneOf");
    for (const tree *p = properties ? properties->first : NULL; p; p = p->next) {
        size_t len = out->len, from;
        if ((!is_required(schema, p->name) && dice(seed) % 3 == 0) || tree_get(p, "x-shown-when"))
            continue;
        buf_adds(out, count ? "," : "");
        json_quote(out, p->name);
        buf_addc(out, ':');
        from = out->len;
        make_value(root, p, seed, out);
        if (!is_required(schema, p->name) && (view_is(view_from(buf_view(out), from), "{}") || view_is(view_from(buf_view(out), from), "\"\"")))
            out->len = len; /* nothing, as far as a form goes */
        else
            count++;
        if (schema != root && view_is(view_from(buf_view(out), from), "\"\"")) {
            out->len = from; /* neither is this, inside of what may be absent */
            buf_adds(out, "\"-\"");
        }
    }
    if (!variants_of)
        return count;
    const tree *v = variants_of->first;
    for (size_t skip = dice(seed) % variants_of->count; skip; skip--)
        v = v->next;
    return make_members(root, resolved(root, v), seed, count, out);
}

static void make_text(uint64_t *seed, buf *out)
{
    static const char *const texts[] = {"", "x", "true", "null", "12", " 12 ", "1e5", "a,b", "[1]", "{\"a\":1}", "\"quoted\"", "two\nlines", "h\xc3\xa9llo \xf0\x9f\x98\x80", "\\", " ", "-"};
    json_quote(out, view_of(texts[dice(seed) % (sizeof texts / sizeof *texts)]));
}

static void make_anything(uint64_t *seed, buf *out)
{
    static const char *const values[] = {"null", "true", "12.50", "[]", "{}", "[1,{\"a\":null}]", "{\"x\":\"y\"}", "1E400", "\"\\u0001\""};
    if (dice(seed) % 2)
        make_text(seed, out);
    else
        buf_adds(out, values[dice(seed) % (sizeof values / sizeof *values)]);
}

static void make_value(const tree *root, const tree *place, uint64_t *seed, buf *out)
{
    static const char *const integers[] = {"0", "-5", "123456789012345678901234567890", "1e3", "7.0"}, *const numbers[] = {"0.10", "-1.5e-7", "3"};
    const tree *schema = resolved(root, place), *values = tree_get(schema, "enum"), *constant = tree_get(schema, "const"), *types = tree_get(schema, "type");
    const tree *v = values ? values->first : constant;
    weir_view type = types ? (types->first ? types->first->text : types->text) : (weir_view){0};
    for (size_t skip = values ? dice(seed) % values->count : 0; skip; skip--)
        v = v->next;
    if (v) {
        tree_write(out, v);
    } else if (tree_get(schema, "properties") || tree_get(schema, "oneOf")) {
        buf_addc(out, '{');
        make_members(root, schema, seed, 0, out);
        buf_addc(out, '}');
    } else if (view_is(type, "string")) {
        make_text(seed, out);
    } else if (view_is(type, "boolean")) {
        buf_adds(out, dice(seed) % 2 ? "true" : "false");
    } else if (view_is(type, "integer")) {
        buf_adds(out, integers[dice(seed) % 5]);
    } else if (view_is(type, "number")) {
        buf_adds(out, numbers[dice(seed) % 3]);
    } else if (view_is(type, "array")) {
        buf_addc(out, '[');
        for (size_t i = 0, n = dice(seed) % 3; i < n; i++) {
            buf_adds(out, i ? "," : "");
            make_value(root, tree_get(schema, "items"), seed, out);
        }
        buf_addc(out, ']');
    } else if (view_is(type, "object")) {
        buf_adds(out, "{\"m\":\"n\"}");
    } else {
        make_anything(seed, out);
    }
}

static void assert_there_and_back(const ft_plan *plan, const buf *settings)
{
    arena a = {0};
    err e = {0};
    tree *t;
    ft_flat flat;
    buf back = {0};
    assert_int_equal(tree_parse(&a, buf_view(settings), NULL, WEIR_E_BUG, &t, &e), WEIR_OK);
    if (ft_plan_flat(&a, plan, t, &flat, &e) || ft_plan_settings(plan, &flat, NULL, &back, &e))
        fail_msg("%.*s: %s", VIEW_ARG(buf_view(settings)), err_text(&e));
    if (!json_equal(buf_view(&back), buf_view(settings)))
        fail_msg("%.*s\nbecame %.*s", VIEW_ARG(buf_view(settings)), VIEW_ARG(buf_view(&back)));
    buf_free(&back);
    arena_free(&a);
    err_free(&e);
}

/* Any settings that are valid under the schema come back. Not made up here: nulls, empty texts and empty objects that may be absent, for they are. */
static void there_and_back(void **state)
{
    (void)state;
    static const char *const schemas[] = {
        TUNNEL,
        CREDENTIALS,
        "{\"properties\":{\"a\":{},\"b\":{\"type\":[\"integer\",\"string\"]},\"c\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"d\":{\"type\":\"array\",\"items\":{}},"
        "\"e\":{\"type\":\"object\"},\"f\":{\"enum\":[1,\"two\",false]},\"g\":{\"const\":5},\"h\":{\"type\":\"number\"},\"i\":{\"type\":\"string\",\"default\":\"d\"},"
        "\"j\":{\"$ref\":\"#/$defs/j\"}},\"required\":[\"a\",\"f\"],\"$defs\":{\"j\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"c\":{\"type\":\"boolean\"}}}}}",
    };
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        fixture x;
        tree *schema;
        planned(&x, schemas[i]);
        assert_int_equal(tree_parse(&x.a, view_of(schemas[i]), NULL, WEIR_E_BUG, &schema, &x.e), WEIR_OK);
        for (int n = 0; n < 3000; n++) {
            buf settings = {0};
            make_value(schema, schema, &seed, &settings);
            assert_there_and_back(x.plan, &settings);
            buf_free(&settings);
        }
        done(&x);
    }
}

/* ----------------------------------------------------------------------------------------------------------------- driven -- */

static void assert_schema_at(const buf *schema, const char *pointer, const char *expected)
{
    weir_view got = pointer_find(buf_view(schema), view_of(pointer));
    if (expected ? !json_equal(got, view_of(expected)) : got.len > 0)
        fail_msg("%s: %.*s", pointer, VIEW_ARG(got));
}

/* A form with what ours do not have: a name in several groups, groups in groups, conditions of every kind. */
static ft_field text_field(const char *name, bool required)
{
    return (ft_field){.name = view_of(name), .label = view_of(name), .ask = FT_ASK_TEXT, .required = required};
}

static void driven_form(void **state)
{
    (void)state;
    ft_option writers[] = {{.value = VIEW("Database")}, {.value = VIEW("File")}, {.value = VIEW("Cloud")}, {.value = VIEW("File")}},
              sizes[] = {{VIEW("s"), VIEW("Small"), VIEW("Cheap.")}, {VIEW("l"), VIEW("Large"), VIEW("")}};
    weir_view types[] = {VIEW(".pem")};
    ft_field database[] = {text_field("host", true), text_field("port", true)}, cloud[] = {text_field("host", true), text_field("region", false)},
             inner[] = {text_field("cert", true)};
    ft_field secure[] = {{.name = VIEW("tls"), .label = VIEW("TLS"), .ask = FT_ASK_TOGGLE, .fallback = VIEW("true")},
                         {.ask = FT_ASK_GROUP, .condition = {VIEW("tls"), FT_WHEN_BOOL, .truth = true}, .fields = inner, .count = 1}};
    ft_field fields[] = {
        {.name = VIEW("writer"), .label = VIEW("Writer"), .ask = FT_ASK_DROPDOWN, .required = true, .options = writers, .option_count = 4, .fallback = VIEW("File")},
        {.ask = FT_ASK_GROUP, .condition = {VIEW("writer"), FT_WHEN_TEXT, VIEW("Database"), false}, .fields = database, .count = 2},
        {.ask = FT_ASK_GROUP, .condition = {VIEW("writer"), FT_WHEN_TEXT, VIEW("Cloud"), false}, .fields = cloud, .count = 2},
        {.ask = FT_ASK_GROUP, .condition = {VIEW("writer"), FT_WHEN_EMPTY, .truth = false}, .fields = secure, .count = 2},
        {.name = VIEW("size"), .label = VIEW("Size"), .ask = FT_ASK_DESCRIBED, .options = sizes, .option_count = 2},
        {.name = VIEW("key"), .ask = FT_ASK_UPLOAD, .file_types = types, .file_type_count = 1, .max_bytes = 10},
        {.name = VIEW("pw"), .label = VIEW("Password"), .ask = FT_ASK_PASSWORD, .required = true, .placeholder = VIEW("***")},
        {.name = VIEW("id"), .label = VIEW("Id"), .ask = FT_ASK_HIDDEN, .fallback = VIEW("7")},
        {.name = VIEW("new"), .label = VIEW("New"), .ask = FT_ASK_NOTHING},
    };
    ft_form form = {.fields = fields, .count = sizeof fields / sizeof *fields};
    buf schema = {0};
    ft_form_schema(&form, VIEW("Driven"), &schema);
    assert_true(json_check(buf_view(&schema), NULL, NULL));
    assert_schema_at(&schema, "/title", "\"Driven\"");
    assert_schema_at(&schema, "/required", "[\"writer\",\"pw\"]");
    assert_schema_at(&schema, "/properties/writer", "{\"title\":\"Writer\",\"type\":\"string\",\"enum\":[\"Database\",\"File\",\"Cloud\"],\"default\":\"File\",\"order\":0}");
    assert_schema_at(&schema, "/properties/host/x-shown-when", "[{\"writer\":\"Database\"},{\"writer\":\"Cloud\"}]");
    assert_schema_at(&schema, "/properties/host/x-shown-required", "true");
    assert_schema_at(&schema, "/properties/region/x-shown-when", "{\"writer\":\"Cloud\"}");
    assert_schema_at(&schema, "/properties/region/x-shown-required", NULL);
    assert_schema_at(&schema, "/properties/tls", "{\"title\":\"TLS\",\"type\":\"boolean\",\"default\":true,\"x-shown-when\":{\"writer\":{\"empty\":false}},\"order\":4}");
    assert_schema_at(&schema, "/properties/cert/x-shown-when", "{\"writer\":{\"empty\":false},\"tls\":true}");
    assert_schema_at(&schema, "/properties/size/x-enum-labels", "[\"Small\",\"Large\"]");
    assert_schema_at(&schema, "/properties/size/x-enum-descriptions", "[\"Cheap.\",\"\"]");
    assert_schema_at(&schema, "/properties/key", "{\"title\":\"Key\",\"type\":\"string\",\"contentEncoding\":\"base64\",\"x-upload\":{\"types\":[\".pem\"],\"maxBytes\":10},\"order\":7}");
    assert_schema_at(&schema, "/properties/pw", "{\"title\":\"Password\",\"type\":\"string\",\"examples\":[\"***\"],\"secret\":true,\"order\":8}");
    assert_schema_at(&schema, "/properties/id", "{\"title\":\"Id\",\"type\":\"string\",\"default\":\"7\",\"x-hidden-field\":true,\"order\":9}");
    assert_schema_at(&schema, "/properties/new", "{\"title\":\"New\",\"type\":\"string\",\"order\":10}");

    fixture x; /* and as a form again: a shim of this platform as a connector of the same */
    planned(&x, buf_text(&schema));
    assert_form(&x, "writer*  dropdown \"Writer\" of Database | File | Cloud = File\n"
                    "if writer is Database\n  host*  text \"host\"\n"
                    "if writer is Cloud\n  host*  text \"host\"\n"
                    "if writer is Database\n  port*  text \"port\"\n"
                    "if writer is Cloud\n  region  text \"region\"\n"
                    "if writer is not empty\n  tls  toggle \"TLS\" = true\n  if tls is true\n    cert*  text \"cert\"\n"
                    "size  described \"Size\" of s | l\n"
                    "key  upload \"Key\" .pem <10\n"
                    "pw*  password \"Password\" ~ ***\n"
                    "id  hidden \"Id\" = 7\n"
                    "new  text \"New\"\n");
    done(&x);
    buf_free(&schema);
}

static void contradictions(void **state)
{
    (void)state;
    ft_field deep[] = {text_field("never", true)}, fine[] = {text_field("fine", false)};
    ft_field middle[] = {{.ask = FT_ASK_GROUP, .condition = {VIEW("a"), FT_WHEN_TEXT, VIEW("y"), false}, .fields = deep, .count = 1},
                         {.ask = FT_ASK_GROUP, .condition = {VIEW("a"), FT_WHEN_TEXT, VIEW("x"), false}, .fields = fine, .count = 1}};
    ft_field fields[] = {text_field("a", false), {.ask = FT_ASK_GROUP, .condition = {VIEW("a"), FT_WHEN_TEXT, VIEW("x"), false}, .fields = middle, .count = 2},
                         {.ask = FT_ASK_GROUP, .fields = fine, .count = 1}};
    ft_form form = {.fields = fields, .count = 2};
    buf schema = {0};
    ft_form_schema(&form, (weir_view){0}, &schema);
    assert_string_equal(buf_text(&schema), "{\"type\":\"object\",\"properties\":{\"a\":{\"title\":\"a\",\"type\":\"string\",\"order\":0},"
                                           "\"fine\":{\"title\":\"fine\",\"type\":\"string\",\"x-shown-when\":{\"a\":\"x\"},\"order\":1}}}");
    buf_clear(&schema);
    form.count = 3; /* a group without a condition is always there */
    ft_form_schema(&form, (weir_view){0}, &schema);
    assert_schema_at(&schema, "/properties/fine/x-shown-when", NULL);
    buf_free(&schema);
}

static void assert_flat(fixture *x, const char *settings, const char *expected)
{
    tree *t;
    ft_flat flat;
    buf out = {0};
    assert_int_equal(tree_parse(&x->a, view_of(settings), NULL, WEIR_E_BUG, &t, &x->e), WEIR_OK);
    if (ft_plan_flat(&x->a, x->plan, t, &flat, &x->e))
        fail_msg("%s", err_text(&x->e));
    for (size_t i = 0; i < flat.count; i++)
        buf_printf(&out, "%.*s=%.*s;", VIEW_ARG(flat.items[i].name), VIEW_ARG(flat.items[i].value));
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

/* What a catalog says goes to the connector as texts, whatever it is; what the form does not have, too. */
static void driven_settings(void **state)
{
    (void)state;
    fixture x;
    tree *t;
    ft_flat flat;
    planned(&x, "{\"properties\":{\"port\":{\"type\":\"string\"},\"key\":{\"type\":\"string\"},\"tls\":{\"type\":\"boolean\"},\"pw\":{\"type\":\"string\"}}}");
    assert_flat(&x, "{\"port\":5432,\"key\":{\"a\": [1]},\"tls\":true,\"pw\":null,\"more\":\"m\",\"less\":1.0,\"_meta\":{}}", "port=5432;key={\"a\":[1]};tls=true;more=m;less=1.0;");
    assert_flat(&x, "{\"tls\":\"yes\",\"pw\":\"\"}", "tls=yes;pw=;");
    assert_flat(&x, "null", "");
    assert_int_equal(tree_parse(&x.a, VIEW("{\"pw\":\"a\\u0000b\"}"), NULL, WEIR_E_BUG, &t, &x.e), WEIR_OK);
    assert_int_equal(ft_plan_flat(&x.a, x.plan, t, &flat, &x.e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&x.e), "/pw: a text that holds a NUL character cannot be sent");
    done(&x);
}

/* ------------------------------------------------------------------------------------------------------------------ memory -- */

static weir_rc everything(void)
{
    arena a = {0};
    err e = {0};
    tree *t, *settings;
    ft_plan *plan;
    ft_form form;
    ft_flat flat;
    buf bytes_of = {0}, schema = {0}, out = {0};
    weir_rc rc = tree_parse(&a, VIEW(CREDENTIALS), NULL, WEIR_E_BUG, &t, &e);
    rc = rc ? rc : ft_plan_new(&a, t, &plan, &e);
    if (!rc && !ft_form_write(&a, ft_plan_form(plan), &bytes_of))
        rc = WEIR_E_NOMEM;
    rc = rc ? rc : ft_form_read(&a, buf_view(&bytes_of), &form, &e);
    if (!rc)
        ft_form_schema(&form, VIEW("t"), &schema);
    if (!rc && !buf_ok(&schema))
        rc = WEIR_E_NOMEM;
    rc = rc ? rc : tree_parse(&a, VIEW("{\"credentials\":{\"auth_type\":\"key\",\"key\":\"k\",\"token\":5}}"), NULL, WEIR_E_BUG, &settings, &e);
    rc = rc ? rc : ft_plan_flat(&a, plan, settings, &flat, &e);
    rc = rc ? rc : ft_plan_settings(plan, &flat, NULL, &out, &e);
    arena_free(&a);
    err_free(&e);
    buf_free(&bytes_of);
    buf_free(&schema);
    buf_free(&out);
    return rc;
}

static void without_memory(void **state)
{
    (void)state;
    bool again = true;
    for (size_t n = 0; again; n++) {
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = everything();
        again = fault_clear();
        assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vendors_example),     cmocka_unit_test(tests_of_ones_own),
        cmocka_unit_test(bytes),               cmocka_unit_test(over_the_wire),
        cmocka_unit_test(of_another_encoder),  cmocka_unit_test(bytes_that_are_no_form), cmocka_unit_test(every_sort),
        cmocka_unit_test(settings_that_nobody_knows),
        cmocka_unit_test(unknown_names),       cmocka_unit_test(empty_texts),         cmocka_unit_test(objects),
        cmocka_unit_test(hidden),              cmocka_unit_test(settings_that_are_no_object),
        cmocka_unit_test(variants),            cmocka_unit_test(variants_otherwise),
        cmocka_unit_test(schemas_without_end), cmocka_unit_test(names),
        cmocka_unit_test(visible),             cmocka_unit_test(one_by_one),
        cmocka_unit_test(completed),           cmocka_unit_test(circles),             cmocka_unit_test(secrets),
        cmocka_unit_test(there_and_back),      cmocka_unit_test(driven_form),
        cmocka_unit_test(contradictions),      cmocka_unit_test(driven_settings),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
