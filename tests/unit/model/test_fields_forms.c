/* What only forms want to know of a setting: hidden, uploads, placeholders, explained choices, settings that others show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "json/pointer.h"
#include "json/patch.h"
#include "json/scan.h"
#include "model/fields.h"

typedef struct settings {
    const char *url, *auth, *client, *key, *version, *file, *shape;
    bool metrics;
    int64_t every, depth;
} settings;

static const char *const auths[] = {"OAuth2.0", "API Key", "None", NULL}, *const versions[] = {"v1", "v2", NULL},
                  *const versions_help[] = {"The old one.", "Everything, and \"more\"."}, *const pems[] = {".pem", ".key", NULL};
static const weir_field inside[] = {{.name = "depth", .type = WEIR_INT}, {0}};

#define AT(member) .offset = offsetof(settings, member)
static const weir_field table[] = {
    {.name = "url", .type = WEIR_TEXT, AT(url), .placeholder = "https://example.com"},
    {.name = "auth", .type = WEIR_TEXT, AT(auth), .flags = WEIR_OPTIONAL, .choices = auths},
    {.name = "client", .type = WEIR_TEXT, AT(client), .flags = WEIR_OPTIONAL, .shown_by = "auth", .shown_for = "OAuth2.0"},
    {.name = "key", .type = WEIR_TEXT, AT(key), .flags = WEIR_SECRET, .fallback = "k", .shown_by = "auth", .shown_for = "API Key"},
    {.name = "version", .type = WEIR_TEXT, AT(version), .fallback = "v2", .choices = versions, .choice_help = versions_help, .flags = WEIR_HIDDEN},
    {.name = "file", .type = WEIR_TEXT, AT(file), .flags = WEIR_UPLOAD | WEIR_OPTIONAL, .choices = pems, .max = 5, .help = "A key."},
    {.name = "metrics", .type = WEIR_BOOL, AT(metrics), .fallback = "false"},
    {.name = "every", .type = WEIR_INT, AT(every), .fallback = "60", .placeholder = "60", .shown_by = "metrics", .shown_for = "true"},
    {.name = "shape", .type = WEIR_TEXT, AT(shape), .fallback = "", .shown_by = "auth", .shown_for = ""},
    {.name = "tuning", .type = WEIR_OBJECT, AT(depth), .flags = WEIR_OPTIONAL, .fields = inside, .shown_by = "every_other"},
    {0},
};
enum { LAST = 9 /* of the table: a reference to no setting, for the tests to mend */ };

static void sound_table(weir_field out[LAST + 2])
{
    memcpy(out, table, sizeof table);
    out[LAST].shown_by = "client";
    out[LAST].shown_for = "x";
}

static void assert_slip(weir_field *changed, size_t i, weir_field line, const char *message)
{
    err e = {0};
    weir_field kept = changed[i];
    changed[i] = line;
    weir_rc rc = fields_check(changed, sizeof(settings), &e);
    changed[i] = kept;
    assert_string_equal(err_text(&e), message);
    assert_int_equal(rc, WEIR_E_BUG);
    err_free(&e);
}

static void slips(void **state)
{
    (void)state;
    const char *const few[] = {"One.", NULL}, *const dotless[] = {"pem", NULL};
    weir_field t[LAST + 2];
    err e = {0};
    sound_table(t);
    if (fields_check(t, sizeof(settings), &e))
        fail_msg("%s", err_text(&e));
    assert_slip(t, LAST, table[LAST], "setting 'tuning': it is shown by 'every_other', which is not another setting of this table");
#define LINE(member, ...) ((weir_field){.name = #member, .type = WEIR_TEXT, AT(member), __VA_ARGS__})
    assert_slip(t, 0, LINE(url, .shown_for = "x"), "setting 'url': it is shown for 'x', but of which setting?");
    assert_slip(t, 0, LINE(url, .shown_by = "url", .fallback = ""), "setting 'url': it is shown by 'url', which is not another setting of this table");
    assert_slip(t, 0, LINE(url, .shown_by = "every", .fallback = ""), "setting 'url': 'every', by which it is shown, is neither a text nor a boolean");
    assert_slip(t, 0, LINE(url, .shown_by = "auth", .shown_for = "none", .fallback = ""), "setting 'url': 'auth', by which it is shown, cannot be 'none'");
    assert_slip(t, 0, LINE(url, .shown_by = "metrics", .shown_for = "yes", .fallback = ""),
                "setting 'url': 'metrics', by which it is shown, is true or false, never 'yes'");
    assert_slip(t, 1, LINE(auth, .shown_by = "client", .shown_for = "x", .fallback = ""), "setting 'auth': whether it is shown depends on itself");
    assert_slip(t, 0, LINE(url, .choice_help = few), "setting 'url': it explains choices, but has none");
    assert_slip(t, 4, LINE(version, .choices = versions, .choice_help = few), "setting 'version': its choice 'v2' is not explained");
    assert_slip(t, 0, LINE(url, .max = 5), "setting 'url': only an integer has bounds");
    assert_slip(t, 5, LINE(file, .flags = WEIR_UPLOAD, .fallback = "eA=="), "setting 'file': an upload has no default");
    assert_slip(t, 5, LINE(file, .flags = WEIR_UPLOAD | WEIR_MULTILINE), "setting 'file': an upload cannot be multiline");
    assert_slip(t, 5, LINE(file, .flags = WEIR_UPLOAD, .choices = dotless), "setting 'file': the file type 'pem' does not begin with a dot");
    assert_slip(t, 5, LINE(file, .flags = WEIR_UPLOAD, .max = INT64_C(1) << 31),
                "setting 'file': the size of an upload is at most 0 (any) to 2147483647 bytes, and at least nothing");
    assert_slip(t, 6, (weir_field){.name = "metrics", .type = WEIR_BOOL, AT(metrics), .flags = WEIR_UPLOAD}, "setting 'metrics': only a text can be an upload");
}

static void assert_at(const buf *schema, const char *pointer, const char *expected)
{
    weir_view got = pointer_find(buf_view(schema), view_of(pointer));
    if (expected ? !json_equal(got, view_of(expected)) : got.len > 0)
        fail_msg("%s: %.*s", pointer, VIEW_ARG(got));
}

static void schema(void **state)
{
    (void)state;
    weir_field t[LAST + 2];
    buf out = {0};
    sound_table(t);
    fields_schema(t, NULL, &out);
    assert_true(json_check(buf_view(&out), NULL, NULL));
    assert_at(&out, "/properties/url", "{\"title\":\"Url\",\"type\":\"string\",\"examples\":[\"https://example.com\"],\"order\":0}");
    assert_at(&out, "/properties/client/x-shown-when", "{\"auth\":\"OAuth2.0\"}");
    assert_at(&out, "/properties/version/x-enum-descriptions", "[\"The old one.\",\"Everything, and \\\"more\\\".\"]");
    assert_at(&out, "/properties/version/x-hidden-field", "true");
    assert_at(&out, "/properties/file",
              "{\"title\":\"File\",\"description\":\"A key.\",\"type\":\"string\",\"contentEncoding\":\"base64\",\"x-upload\":{\"types\":[\".pem\",\".key\"],"
              "\"maxBytes\":5},\"order\":5}");
    assert_at(&out, "/properties/every/examples", "[60]");
    assert_at(&out, "/properties/every/x-shown-when", "{\"metrics\":true}");
    assert_at(&out, "/properties/shape/x-shown-when", "{\"auth\":{\"empty\":true}}");
    assert_at(&out, "/required", "[\"url\"]");
    t[2].flags = 0; /* then it is required where it is shown */
    buf_clear(&out);
    fields_schema(t, NULL, &out);
    assert_at(&out, "/required", "[\"url\"]");
    assert_at(&out, "/properties/client/x-shown-required", "true");
    assert_at(&out, "/properties/key/x-shown-required", NULL);
    buf_free(&out);
}

static void assert_parsed(const weir_field *t, const char *json, const char *problems)
{
    arena a = {0};
    err e = {0};
    settings s = {0};
    tree *root;
    assert_int_equal(tree_parse(&a, view_of(json), NULL, WEIR_E_CONFIG, &root, &e), WEIR_OK);
    weir_rc rc = fields_parse(t, root, "config", &s, &a, &e);
    assert_string_equal(rc ? err_text(&e) : "", problems);
    arena_free(&a);
    err_free(&e);
}

static void demanded_only_where_shown(void **state)
{
    (void)state;
    weir_field t[LAST + 2];
    sound_table(t);
    t[2].flags = 0;   /* client, with OAuth2.0 */
    t[LAST].flags = 0; /* tuning, with client x */
    assert_parsed(t, "{\"url\":\"u\"}", "");
    assert_parsed(t, "{\"url\":\"u\",\"auth\":\"None\"}", "");
    assert_parsed(t, "{\"url\":\"u\",\"auth\":\"OAuth2.0\"}", "config:1:1: /client: required, but missing");
    assert_parsed(t, "{\"url\":\"u\",\"auth\":\"OAuth2.0\",\"client\":\"y\"}", "");
    assert_parsed(t, "{\"url\":\"u\",\"auth\":\"OAuth2.0\",\"client\":\"x\"}", "config:1:1: /tuning/depth: required, but missing");
    assert_parsed(t, "{\"url\":\"u\",\"auth\":\"None\",\"client\":\"x\"}", ""); /* client is not shown, so it shows nothing */
    t[2].shown_by = "metrics";
    t[2].shown_for = "true";
    assert_parsed(t, "{\"url\":\"u\"}", ""); /* by its default, false */
    assert_parsed(t, "{\"url\":\"u\",\"metrics\":true}", "config:1:1: /client: required, but missing");
    t[2].shown_by = "auth";
    t[2].shown_for = NULL;
    assert_parsed(t, "{\"url\":\"u\"}", "config:1:1: /client: required, but missing");
    assert_parsed(t, "{\"url\":\"u\",\"auth\":null}", "config:1:1: /client: required, but missing");
    assert_parsed(t, "{\"url\":\"u\",\"auth\":\"None\"}", "");
}

static void uploads(void **state)
{
    (void)state;
    weir_field t[LAST + 2];
    sound_table(t);
    assert_parsed(t, "{\"url\":\"u\",\"file\":\"aGVsbG8=\"}", "");
    assert_parsed(t, "{\"url\":\"u\",\"file\":\"\"}", "");
    assert_parsed(t, "{\"url\":\"u\",\"file\":\"aGVsbG8h\"}", "config:1:19: /file: the file has 6 bytes, more than the 5 that are allowed");
    assert_parsed(t, "{\"url\":\"u\",\"file\":\"-----BEGIN RSA\"}", "config:1:19: /file: expected the content of a file as base64");
    t[5].max = 0;
    assert_parsed(t, "{\"url\":\"u\",\"file\":\"aGVsbG8h\"}", "");
}

static void help(void **state)
{
    (void)state;
    weir_field t[LAST + 2];
    buf out = {0};
    sound_table(t);
    fields_help(t, &out);
    assert_string_equal(buf_text(&out), "  url  (text, required, such as https://example.com)\n"
                                        "  auth  (text among 'OAuth2.0', 'API Key', 'None', optional)\n"
                                        "  client  (text, optional, only if auth is 'OAuth2.0')\n"
                                        "  key  (text, default 'k', secret, only if auth is 'API Key')\n"
                                        "  version  (text among 'v1', 'v2', default 'v2')\n"
                                        "        'v1': The old one.\n"
                                        "        'v2': Everything, and \"more\".\n"
                                        "  file  (file as base64 of type '.pem', '.key' of at most 5 bytes, optional)\n"
                                        "        A key.\n"
                                        "  metrics  (boolean, default false)\n"
                                        "  every  (integer, default 60, such as 60, only if metrics is 'true')\n"
                                        "  shape  (text, default '', only without auth)\n"
                                        "  tuning  (object, optional, only if client is 'x')\n"
                                        "      depth  (integer, required)\n");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slips),   cmocka_unit_test(schema), cmocka_unit_test(demanded_only_where_shown),
        cmocka_unit_test(uploads), cmocka_unit_test(help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
