/* Setup forms made of settings, and their messages (docs/protocols/fivetran.md 1.1, 2.2): expected values from the page, and from what the schemas themselves say. */
#include <errno.h>

#include "base/io.h"
#include "fault.h"
#include "fivetran_plan.h"

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

/* ----------------------------------------------------------------------------------------------------------------- objects -- */

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
    buf_clear(&text); /* one setting, but in as many groups as there are ways to come to it: 2 to the power of 20 */
    buf_adds(&text, "{\"type\":\"string\"}");
    for (int i = 0; i < 20; i++) {
        buf outer = {0};
        buf_printf(&outer, "{\"type\":\"object\",\"properties\":{\"on\":{\"type\":\"boolean\"},\"in\":%s},"
                           "\"x-shown-when\":[{\"on\":true},{\"on\":false}]}", buf_text(&text));
        buf_free(&text);
        text = outer;
    }
    assert_int_equal(tree_parse(&a, buf_view(&text), NULL, WEIR_E_BUG, &t, &e), WEIR_OK);
    assert_int_equal(ft_plan_new(&a, t, &plan, &e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&e), "too many for a form"));
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
        cmocka_unit_test(vendors_example), cmocka_unit_test(one_by_one), cmocka_unit_test(tests_of_ones_own), cmocka_unit_test(settings_that_nobody_knows),
        cmocka_unit_test(bytes), cmocka_unit_test(over_the_wire), cmocka_unit_test(of_another_encoder), cmocka_unit_test(bytes_that_are_no_form),
        cmocka_unit_test(every_sort), cmocka_unit_test(objects), cmocka_unit_test(variants), cmocka_unit_test(hidden), cmocka_unit_test(variants_otherwise),
        cmocka_unit_test(settings_that_are_no_object), cmocka_unit_test(schemas_without_end), cmocka_unit_test(names), cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
