/* The schemas were also checked with Python's jsonschema (meta-schemas of draft 7 and 2020-12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "json/scan.h"
#include "model/fields.h"

static const char *const sizes[] = {"small", "la\"rge", NULL};
static const weir_field tag = {.type = WEIR_TEXT};
static const weir_field pair_fields[] = {
    {.name = "left", .type = WEIR_INT, .help = "The left one."},
    {.name = "right", .type = WEIR_INT, .offset = sizeof(int64_t), .fallback = "0"},
    {0},
};
static const weir_field pair = {.name = "pair", .type = WEIR_OBJECT, .fields = pair_fields};
static const weir_field all_optional[] = {{.name = "x", .type = WEIR_BOOL, .fallback = "false"}, {0}};
static const weir_field token_fields[] = {
    {.name = "token", .type = WEIR_TEXT, .flags = WEIR_SECRET | WEIR_MULTILINE, .help = "From the portal."}, {0}};
static const weir_field anonymous_fields[] = {{0}};
static const weir_field logins[] = {
    {.name = "token", .type = WEIR_OBJECT, .fields = token_fields, .title = "Personal token", .help = "Simple."},
    {.name = "anonymous", .type = WEIR_OBJECT, .fields = anonymous_fields},
    {0},
};
static const weir_field table[] = {
    {.name = "api_key", .type = WEIR_TEXT, .help = "What to \"say\"."},
    {.name = "apiSize", .type = WEIR_TEXT, .fallback = "small", .choices = sizes},
    {.name = "count", .type = WEIR_INT, .fallback = "3", .min = 1, .max = 100, .title = "How many"},
    {.name = "from", .type = WEIR_INT, .min = 1, .max = INT64_MAX, .flags = WEIR_OPTIONAL},
    {.name = "to", .type = WEIR_INT, .min = INT64_MIN, .max = -5, .flags = WEIR_OPTIONAL},
    {.name = "ratio", .type = WEIR_NUMBER},
    {.name = "on", .type = WEIR_BOOL, .fallback = "true"},
    {.name = "extra", .type = WEIR_JSON, .fallback = "{\n  \"a\": 1\n}"},
    {.name = "tuning", .type = WEIR_OBJECT, .fields = all_optional, .flags = WEIR_ADVANCED, .help = "Seldom needed."},
    {.name = "group", .type = WEIR_OBJECT, .fields = pair_fields},
    {.name = "maybe", .type = WEIR_OBJECT, .fields = pair_fields, .flags = WEIR_OPTIONAL},
    {.name = "tags", .type = WEIR_LIST, .fields = &tag, .item_size = sizeof(char *), .fallback = "[]"},
    {.name = "pairs", .type = WEIR_LIST, .fields = &pair, .item_size = 2 * sizeof(int64_t)},
    {.name = "login", .type = WEIR_ONE_OF, .fields = logins, .discriminator = "by", .fallback = "{\"by\":\"anonymous\"}"},
    {.name = "other", .type = WEIR_ONE_OF, .fields = logins, .discriminator = "by"},
    {0},
};

#define PAIR                                                                                                                       \
    "\"required\":[\"left\"],\"properties\":{\"left\":{\"title\":\"Left\",\"description\":\"The left "                             \
    "one.\",\"type\":\"integer\",\"order\":0},"                                                                                    \
    "\"right\":{\"title\":\"Right\",\"type\":\"integer\",\"default\":0,\"order\":1}}"
#define LOGINS                                                                                                                     \
    "\"discriminator\":{\"propertyName\":\"by\"},\"oneOf\":["                                                                      \
    "{\"title\":\"Personal "                                                                                                       \
    "token\",\"description\":\"Simple.\",\"type\":\"object\",\"required\":[\"by\",\"token\"],\"properties\":{"                     \
    "\"by\":{\"const\":\"token\",\"default\":\"token\",\"type\":\"string\",\"order\":0},"                                          \
    "\"token\":{\"title\":\"Token\",\"description\":\"From the "                                                                   \
    "portal.\",\"type\":\"string\",\"secret\":true,\"multiline\":true,\"order\":1}}},"                                             \
    "{\"title\":\"Anonymous\",\"type\":\"object\",\"required\":[\"by\"],\"properties\":{"                                          \
    "\"by\":{\"const\":\"anonymous\",\"default\":\"anonymous\",\"type\":\"string\",\"order\":0}}}]"

static void assert_schema(const weir_field *fields, const char *title, const char *expected)
{
    buf out = {0};
    fields_schema(fields, title, &out);
    assert_true(json_check(buf_view(&out), NULL, NULL));
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void test_schema(void **state)
{
    (void)state;
    assert_schema(
        table, "Settings",
        "{\"title\":\"Settings\",\"type\":\"object\",\"required\":[\"api_key\",\"ratio\",\"group\",\"pairs\",\"other\"],"
        "\"properties\":{"
        "\"api_key\":{\"title\":\"Api Key\",\"description\":\"What to \\\"say\\\".\",\"type\":\"string\",\"order\":0},"
        "\"apiSize\":{\"title\":\"Api "
        "Size\",\"type\":\"string\",\"enum\":[\"small\",\"la\\\"rge\"],\"default\":\"small\",\"order\":1},"
        "\"count\":{\"title\":\"How many\",\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":3,\"order\":2},"
        "\"from\":{\"title\":\"From\",\"type\":\"integer\",\"minimum\":1,\"order\":3},"
        "\"to\":{\"title\":\"To\",\"type\":\"integer\",\"maximum\":-5,\"order\":4},"
        "\"ratio\":{\"title\":\"Ratio\",\"type\":\"number\",\"order\":5},"
        "\"on\":{\"title\":\"On\",\"type\":\"boolean\",\"default\":true,\"order\":6},"
        "\"extra\":{\"title\":\"Extra\",\"default\":{\"a\":1},\"order\":7},"
        "\"tuning\":{\"title\":\"Tuning\",\"description\":\"Seldom needed.\",\"type\":\"object\",\"advanced\":true,\"properties\":{"
        "\"x\":{\"title\":\"X\",\"type\":\"boolean\",\"default\":false,\"order\":0}},\"order\":8},"
        "\"group\":{\"title\":\"Group\",\"type\":\"object\"," PAIR ",\"order\":9},"
        "\"maybe\":{\"title\":\"Maybe\",\"type\":\"object\"," PAIR ",\"order\":10},"
        "\"tags\":{\"title\":\"Tags\",\"type\":\"array\",\"default\":[],\"items\":{\"type\":\"string\"},\"order\":11},"
        "\"pairs\":{\"title\":\"Pairs\",\"type\":\"array\",\"items\":{\"title\":\"Pair\",\"type\":\"object\"," PAIR
        "},\"order\":12},"
        "\"login\":{\"title\":\"Login\",\"type\":\"object\",\"default\":{\"by\":\"anonymous\"}," LOGINS ",\"order\":13},"
        "\"other\":{\"title\":\"Other\",\"type\":\"object\"," LOGINS ",\"order\":14}}}");
}

static void test_schema_of_nothing(void **state)
{
    (void)state;
    assert_schema(NULL, NULL, "{\"type\":\"object\",\"properties\":{}}");
    assert_schema(anonymous_fields, "", "{\"title\":\"\",\"type\":\"object\",\"properties\":{}}");
}

static const weir_field place_fields[] = {{.name = "a/b~c", .type = WEIR_TEXT, .flags = WEIR_PATH}, {0}};
static const weir_field resource[] = {
    {.name = "schema", .type = WEIR_TEXT, .flags = WEIR_PATH | WEIR_SCHEMA_NAME | WEIR_OPTIONAL},
    {.name = "place", .type = WEIR_OBJECT, .fields = place_fields},
    {.name = "table", .type = WEIR_TEXT, .flags = WEIR_PATH | WEIR_COLLECTION_NAME},
    {.name = "delta", .type = WEIR_BOOL, .fallback = "false", .flags = WEIR_DELTA_UPDATES},
    {0},
};

static void test_resource(void **state)
{
    (void)state;
    buf out = {0};
    assert_schema(resource, "R",
                  "{\"title\":\"R\",\"type\":\"object\",\"required\":[\"place\",\"table\"],\"properties\":{"
                  "\"schema\":{\"title\":\"Schema\",\"type\":\"string\",\"x-schema-name\":true,\"order\":0},"
                  "\"place\":{\"title\":\"Place\",\"type\":\"object\",\"required\":[\"a/b~c\"],\"properties\":{"
                  "\"a/b~c\":{\"title\":\"A/b~c\",\"type\":\"string\",\"order\":0}},\"order\":1},"
                  "\"table\":{\"title\":\"Table\",\"type\":\"string\",\"x-collection-name\":true,\"order\":2},"
                  "\"delta\":{\"title\":\"Delta\",\"type\":\"boolean\",\"default\":false,\"x-delta-updates\":true,\"order\":3}}}");
    fields_path_pointers(resource, &out);
    assert_string_equal(buf_text(&out), "[\"/schema\",\"/place/a~1b~0c\",\"/table\"]");
    buf_clear(&out);
    fields_path_pointers(NULL, &out);
    assert_string_equal(buf_text(&out), "[]");
    buf_free(&out);
}

static const weir_field wordy[] = {
    {.name = "city",
     .type = WEIR_TEXT,
     .fallback = "K\xc3\xb6ln",
     .help = "\xc3\x84\xc3\x84\xc3\x84\xc3\x84 one two three four five six seven eight nine ten eleven twelve x thirteen fourteen "
             "fifteen."},
    {.name = "unbreakable",
     .type = WEIR_TEXT,
     .flags = WEIR_OPTIONAL,
     .help = "https://example.com/a/very/long/address/that/goes/on/and/on/and/does/not/end/before/the/margin"},
    {0},
};

static void test_help(void **state)
{
    (void)state;
    buf out = {0};
    fields_help(table, &out);
    assert_string_equal(buf_text(&out), "  api_key  (text, required)\n"
                                        "        What to \"say\".\n"
                                        "  apiSize  (text among 'small', 'la\"rge', default 'small')\n"
                                        "  count  (integer from 1 to 100, default 3)\n"
                                        "  from  (integer of at least 1, optional)\n"
                                        "  to  (integer of at most -5, optional)\n"
                                        "  ratio  (number, required)\n"
                                        "  on  (boolean, default true)\n"
                                        "  extra  (any JSON, default {\"a\":1})\n"
                                        "  tuning  (object)\n"
                                        "        Seldom needed.\n"
                                        "      x  (boolean, default false)\n"
                                        "  group  (object, required)\n"
                                        "      left  (integer, required)\n"
                                        "            The left one.\n"
                                        "      right  (integer, default 0)\n"
                                        "  maybe  (object, optional)\n"
                                        "      left  (integer, required)\n"
                                        "            The left one.\n"
                                        "      right  (integer, default 0)\n"
                                        "  tags  (list of text, default [])\n"
                                        "  pairs  (list of object, required)\n"
                                        "      left  (integer, required)\n"
                                        "            The left one.\n"
                                        "      right  (integer, default 0)\n"
                                        "  login  (one of several objects, default {\"by\":\"anonymous\"})\n"
                                        "      by 'token': Simple.\n"
                                        "        token  (text, required, secret)\n"
                                        "              From the portal.\n"
                                        "      by 'anonymous'\n"
                                        "  other  (one of several objects, required)\n"
                                        "      by 'token': Simple.\n"
                                        "        token  (text, required, secret)\n"
                                        "              From the portal.\n"
                                        "      by 'anonymous'\n");
    buf_clear(&out);
    fields_help(wordy, &out);
    assert_string_equal(
        buf_text(&out),
        "  city  (text, default 'K\xc3\xb6ln')\n"
        "        \xc3\x84\xc3\x84\xc3\x84\xc3\x84 one two three four five six seven eight nine ten eleven twelve x\n"
        "        thirteen fourteen fifteen.\n"
        "  unbreakable  (text, optional)\n"
        "        https://example.com/a/very/long/address/that/goes/on/and/on/and/does/not/end/before/the/margin\n");
    buf_free(&out);
}

/* A buf that is full: nothing is written behind it, and it says so. */
static void test_full_buf(void **state)
{
    (void)state;
    for (size_t max = 1; max < 200; max += 7) {
        buf out = {.max = max};
        fields_schema(table, "Settings", &out);
        assert_false(buf_ok(&out));
        assert_true(out.len <= max);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema), cmocka_unit_test(test_schema_of_nothing), cmocka_unit_test(test_resource),
        cmocka_unit_test(test_help),   cmocka_unit_test(test_full_buf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
