/* schema, tap_schema: schemas as taps give them (singer.md 7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/patch.h"
#include "proto/singer/schema.h"
#include "proto/singer/tap.h"

#define OBJECT(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"

static void expect(const char *schema, bool deletions, const char *want)
{
    buf out = {0};
    err e = {0};
    assert_int_equal(singer_schema(view_of(schema), deletions, &out, &e), WEIR_OK);
    if (!json_equal(buf_view(&out), view_of(want)))
        fail_msg("%s\nbecame   %s\nexpected %s", schema, buf_text(&out), want);
    buf_free(&out);
}

static void what_may_be_absent_takes_null(void **state)
{
    (void)state;
    static const struct {
        const char *is, *becomes;
    } cases[] = {
        {"{\"type\":\"string\"}", "{\"type\":[\"string\",\"null\"]}"},
        {"{\"type\":[\"integer\",\"string\"]}", "{\"type\":[\"integer\",\"string\",\"null\"]}"},
        {"{\"type\":[\"null\",\"string\"]}", "{\"type\":[\"null\",\"string\"]}"},
        {"{\"type\":\"string\",\"enum\":[\"a\"]}", "{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",null]}"},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}"},
        {"{\"anyOf\":[{\"type\":\"string\"}]}", "{\"anyOf\":[{\"anyOf\":[{\"type\":\"string\"}]},{\"type\":\"null\"}]}"},
        {"{\"const\":1}", "{\"anyOf\":[{\"const\":1},{\"type\":\"null\"}]}"},
        {"{}", "{}"},
        {"true", "true"},
        {"{\"title\":\"anything\"}", "{\"title\":\"anything\"}"},
        {"{\"type\":\"object\",\"properties\":{\"y\":{\"type\":\"integer\"},\"z\":{\"type\":\"integer\"}},\"required\":[\"y\"]}",
         "{\"type\":[\"object\",\"null\"],\"properties\":{\"y\":{\"type\":\"integer\"},\"z\":{\"type\":[\"integer\",\"null\"]}},\"required\":[\"y\"]}"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", "{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"integer\"}}"},
        {"{\"type\":\"string\",\"format\":\"number\"}", "{\"type\":[\"string\",\"null\"],\"format\":\"singer.decimal\"}"},
        {"{\"type\":\"string\",\"format\":\"date-time\"}", "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf schema = {0}, want = {0};
        buf_printf(&schema, OBJECT("\"x\":%s"), cases[i].is);
        buf_printf(&want, OBJECT("\"x\":%s"), cases[i].becomes);
        expect(buf_text(&schema), false, buf_text(&want));
        buf_free(&schema);
        buf_free(&want);
    }
}

static void what_is_certain_stays(void **state)
{
    (void)state;
    expect("{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"}},\"required\":[\"x\"],\"additionalProperties\":false,\"x-infer-schema\":true}", false,
           "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"}},\"required\":[\"x\"],\"additionalProperties\":false}");
}

static void references_are_put_in_place(void **state)
{
    (void)state;
    expect("{\"$defs\":{\"p\":{\"type\":\"object\",\"properties\":{\"x\":{\"$ref\":\"#/$defs/n\"}},\"required\":[\"x\"]},\"n\":{\"type\":\"integer\"}},"
           "\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/p\"},\"b\":{\"$ref\":\"#/$defs/n\",\"title\":\"B\"}},\"required\":[\"a\"]}", false,
           "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"}},\"required\":[\"x\"]},"
           "\"b\":{\"anyOf\":[{\"title\":\"B\",\"type\":\"integer\"},{\"type\":\"null\"}]}},\"required\":[\"a\"]}");
    expect("{\"definitions\":{\"t\":{\"type\":\"object\",\"properties\":{\"next\":{\"$ref\":\"#/definitions/t\"}}}},\"type\":\"object\","
           "\"properties\":{\"t\":{\"$ref\":\"#/definitions/t\"}},\"required\":[\"t\"]}", false,
           "{\"type\":\"object\",\"properties\":{\"t\":{\"type\":\"object\",\"properties\":{\"next\":{}}}},\"required\":[\"t\"]}");
}

/* The SDK's targets demand `properties` (singer.md 1). */
static void there_are_always_properties(void **state)
{
    (void)state;
    expect("{}", false, OBJECT(""));
    expect("{\"type\":\"object\",\"additionalProperties\":true}", false, "{\"type\":\"object\",\"additionalProperties\":true,\"properties\":{}}");
    expect("{\"type\":\"object\",\"allOf\":[{\"properties\":{\"x\":{\"type\":\"string\"}},\"required\":[\"x\"]}]}", false,
           "{\"type\":\"object\",\"allOf\":[{\"properties\":{\"x\":{\"type\":\"string\"}},\"required\":[\"x\"]}],\"properties\":{\"x\":{\"type\":[\"string\"]}}}");
}

static void deletions_have_a_place(void **state)
{
    (void)state;
    expect(OBJECT("\"x\":{}"), true, OBJECT("\"x\":{},\"_sdc_deleted_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"));
    expect(OBJECT("\"_sdc_deleted_at\":{\"type\":\"string\"}"), true, OBJECT("\"_sdc_deleted_at\":{\"type\":[\"string\",\"null\"]}"));
}

static void references_that_multiply_end(void **state)
{
    (void)state;
    buf schema = {0}, out = {0};
    err e = {0};
    buf_adds(&schema, "{\"$defs\":{\"n0\":{\"type\":\"integer\"}");
    for (int i = 1; i < 40; i++)
        buf_printf(&schema, ",\"n%d\":{\"type\":\"array\",\"prefixItems\":[{\"$ref\":\"#/$defs/n%d\"},{\"$ref\":\"#/$defs/n%d\"}]}", i, i - 1, i - 1);
    buf_adds(&schema, "},\"type\":\"object\",\"properties\":{\"x\":{\"$ref\":\"#/$defs/n39\"}}}");
    assert_int_equal(singer_schema(buf_view(&schema), false, &out, &e), WEIR_OK);
    assert_true(out.len < 10000000);
    buf_free(&schema);
    buf_free(&out);
    err_free(&e);
}

/* ---- growing ---- */

static void widens(const char *now, const char *said, const char *want)
{
    static const tap_source from = {0};
    const tap_stream s = {.from = &from};
    buf out = {0};
    err e = {0};
    assert_int_equal(singer_tap_widen(&s, view_of(now), view_of(said), &out, &e), WEIR_OK);
    if (want ? !json_equal(buf_view(&out), view_of(want)) : out.len)
        fail_msg("%s, then %s: %s", now, said, buf_text(&out));
    buf_free(&out);
}

static void sources_say_more(void **state)
{
    (void)state;
    widens(OBJECT("\"x\":{\"type\":[\"integer\",\"null\"]}"), OBJECT("\"x\":{\"type\":\"integer\"}"), NULL);
    widens(OBJECT("\"x\":{\"type\":[\"number\",\"null\"]}"), OBJECT("\"x\":{\"type\":\"integer\"}"), NULL);
    widens(OBJECT("\"x\":{}"), OBJECT("\"x\":{\"type\":\"integer\"}"), NULL);
    widens(OBJECT("\"x\":{\"type\":\"integer\"},\"y\":{}"), OBJECT("\"x\":{\"type\":\"integer\"}") , OBJECT("\"x\":{\"type\":[\"integer\",\"null\"]},\"y\":{}"));
    widens(OBJECT("\"x\":{\"type\":[\"integer\",\"null\"],\"title\":\"X\"}"), OBJECT("\"x\":{\"type\":\"string\"},\"z\":{\"type\":\"boolean\"}"),
           OBJECT("\"x\":{\"type\":[\"integer\",\"null\",\"string\"],\"title\":\"X\"},\"z\":{\"type\":[\"boolean\",\"null\"]}"));
    widens(OBJECT("\"x\":{\"type\":[\"string\",\"null\"],\"format\":\"date\"}"), OBJECT("\"x\":{\"type\":[\"string\",\"integer\"]}"),
           OBJECT("\"x\":{\"type\":[\"string\",\"null\",\"integer\"]}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be_absent_takes_null), cmocka_unit_test(what_is_certain_stays), cmocka_unit_test(references_are_put_in_place),
        cmocka_unit_test(there_are_always_properties), cmocka_unit_test(deletions_have_a_place), cmocka_unit_test(references_that_multiply_end),
        cmocka_unit_test(sources_say_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
