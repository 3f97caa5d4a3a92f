/* singer/wire: lines as the SDK's and the classic library's writers make them, and lines that break the protocol (singer.md 1 and 6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/text.h"
#include "proto/singer/wire.h"

typedef struct expected {
    const char *line;
    singer_type type;
    const char *stream, *record, *time, *version, *value, *schema, *keys, *manifest; /* NULL: absent */
} expected;

static void expect_view(const char *line, const char *what, weir_view got, const char *want)
{
    if (want ? !got.ptr || !view_is(got, want) : got.ptr != NULL)
        fail_msg("%s: %s is '%.*s', expected '%s'", line, what, VIEW_ARG(got), want ? want : "(absent)");
}

static void expect(const expected *x)
{
    err e = {0};
    singer_message m;
    if (singer_read(view_of(x->line), &m, &e))
        fail_msg("%s: %s", x->line, err_text(&e));
    if (m.type != x->type)
        fail_msg("%s: %s, expected %s", x->line, singer_type_name(m.type), singer_type_name(x->type));
    expect_view(x->line, "stream", m.stream.raw, x->stream);
    expect_view(x->line, "record", m.record, x->record);
    expect_view(x->line, "time_extracted", m.time_extracted, x->time);
    expect_view(x->line, "version", m.version, x->version);
    expect_view(x->line, "value", m.value, x->value);
    expect_view(x->line, "schema", m.schema, x->schema);
    expect_view(x->line, "key_properties", m.key_properties, x->keys);
    expect_view(x->line, "manifest", m.manifest, x->manifest);
    err_free(&e);
}

static void usual_lines(void **state)
{
    (void)state;
    static const expected cases[] = {
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":{\"id\":1},\"time_extracted\":\"2026-01-02T03:04:05.000006Z\",\"version\":17}", SINGER_RECORD,
         .stream = "t", .record = "{\"id\":1}", .time = "\"2026-01-02T03:04:05.000006Z\"", .version = "17"},
        {"{\"type\": \"RECORD\", \"stream\": \"t\", \"record\": {\"id\": 1, \"a\": [1, {}]}, \"version\": 1, \"time_extracted\": \"x\"}", SINGER_RECORD,
         .stream = "t", .record = "{\"id\": 1, \"a\": [1, {}]}", .time = "\"x\"", .version = "1"},
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":{}}", SINGER_RECORD, .stream = "t", .record = "{}"},
        {"{\"type\":\"RECORD\",\"stream\":\"\",\"record\":{}}", SINGER_RECORD, .stream = "", .record = "{}"},
        {"{\"type\":\"SCHEMA\",\"stream\":\"t\",\"schema\":{\"type\":\"object\"},\"key_properties\":[\"id\"],\"bookmark_properties\":[\"id\"]}",
         SINGER_SCHEMA, .stream = "t", .schema = "{\"type\":\"object\"}", .keys = "[\"id\"]"},
        {"{\"type\":\"STATE\",\"value\":{\"bookmarks\":{}}}", SINGER_STATE, .value = "{\"bookmarks\":{}}"},
        {"{\"type\":\"ACTIVATE_VERSION\",\"stream\":\"t\",\"version\":17}", SINGER_ACTIVATE_VERSION, .stream = "t", .version = "17"},
        {"{\"type\":\"BATCH\",\"stream\":\"t\",\"encoding\":{\"format\":\"jsonl\"},\"manifest\":[\"file:///b\"]}", SINGER_BATCH, .stream = "t",
         .manifest = "[\"file:///b\"]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(&cases[i]);
}

/* The order of members, the case of types, blanks, null for absent, escapes: whatever JSON allows. */
static void other_lines(void **state)
{
    (void)state;
    static const expected cases[] = {
        {"{\"record\":{\"id\":1},\"stream\":\"t\",\"type\":\"RECORD\"}", SINGER_RECORD, .stream = "t", .record = "{\"id\":1}"},
        {"{\"stream\":\"t\",\"record\":{\"id\":1},\"version\":2,\"type\":\"RECORD\"}", SINGER_RECORD, .stream = "t", .record = "{\"id\":1}",
         .version = "2"},
        {" { \"type\" :\t\"record\" , \"stream\" : \"t\" , \"record\" : {} } ", SINGER_RECORD, .stream = "t", .record = "{}"},
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":{\"id\":1},\"version\":null,\"time_extracted\":null}", SINGER_RECORD, .stream = "t",
         .record = "{\"id\":1}"},
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":{\"id\":1},\"version\":\"7\",\"time_extracted\":5}", SINGER_RECORD, .stream = "t",
         .record = "{\"id\":1}"},
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":{\"id\":1},\"time_extracted\":\"\\u0032\",\"more\":[{}]}", SINGER_RECORD, .stream = "t",
         .record = "{\"id\":1}", .time = "\"\\u0032\""},
        {"{\"type\":\"RECORD\",\"stream\":\"a\\\"b\",\"record\":{}}", SINGER_RECORD, .stream = "a\\\"b", .record = "{}"},
        {"{\"type\":\"RECORD\",\"stream\":\"\303\274\",\"record\":{}}", SINGER_RECORD, .stream = "\303\274", .record = "{}"},
        {"{\"t\\u0079pe\":\"\\u0052ECORD\",\"stream\":\"t\",\"record\":{}}", SINGER_RECORD, .stream = "t", .record = "{}"},
        {"{\"type\":\"RECORD\",\"type\":\"STATE\",\"value\":1,\"value\":2}", SINGER_STATE, .value = "2"},
        {"{\"type\":\"Schema\",\"stream\":\"t\",\"schema\":{}}", SINGER_SCHEMA, .stream = "t", .schema = "{}"},
        {"{\"type\":\"SCHEMA\",\"stream\":\"t\",\"schema\":{},\"key_properties\":null,\"bookmark_properties\":\"id\"}", SINGER_SCHEMA, .stream = "t",
         .schema = "{}"},
        {"{\"type\":\"STATE\",\"value\":\"opaque\"}", SINGER_STATE, .value = "\"opaque\""},
        {"{\"type\":\"activate_version\",\"stream\":\"t\",\"version\":-1}", SINGER_ACTIVATE_VERSION, .stream = "t", .version = "-1"},
        {"{\"type\":\"LOG\",\"text\":\"hi\"}", SINGER_UNKNOWN, .stream = NULL},
        {"{\"type\":\"RECORDS\",\"stream\":\"t\"}", SINGER_UNKNOWN, .stream = "t"},
        {"{\"type\":\"\"}", SINGER_UNKNOWN, .stream = NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(&cases[i]);
}

static void line_breaks_are_told(void **state)
{
    (void)state;
    err e = {0};
    singer_message m;
    assert_int_equal(singer_read(VIEW("{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":{\r\"a\":1}}"), &m, &e), WEIR_OK);
    assert_true(m.lines);
    assert_int_equal(singer_read(VIEW("{\"type\":\"RECORD\",\r\"stream\":\"t\",\"record\":{\"a\":1}}"), &m, &e), WEIR_OK);
    assert_false(m.lines);
    assert_int_equal(singer_read(VIEW("{\"type\":\"record\",\"stream\":\"t\",\"record\":{\"a\":\r1}\r}"), &m, &e), WEIR_OK);
    assert_true(m.lines);
    err_free(&e);
}

static void expect_error(const char *line, const char *want)
{
    err e = {0};
    singer_message m;
    if (singer_read(view_of(line), &m, &e) != WEIR_E_PROTOCOL)
        fail_msg("%s: accepted", line);
    if (!strstr(err_text(&e), want))
        fail_msg("%s: '%s', expected '%s'", line, err_text(&e), want);
    err_free(&e);
}

static void broken_lines(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Starting up", "expected an object at byte 0 of the message \"Starting up\""},
        {"[1]", "expected an object at byte 0"},
        {"{}", "no type"},
        {"{\"type\":null}", "no type"},
        {"{\"type\":5}", "expected a string at byte 8"},
        {"{\"type\":\"RECORD\",\"record\":{}}", "no stream"},
        {"{\"type\":\"RECORD\",\"stream\":null,\"record\":{}}", "no stream"},
        {"{\"type\":\"RECORD\",\"stream\":\"t\"}", "no record"},
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":null}", "no record"},
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":[]}", "expected a record, which is an object, at byte 39"},
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":{\"a\":01}}", "bad number at byte 44"},
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":{}}{}", "text after the end of the value at byte 42"},
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":{},\"version\":1", "unterminated object at byte 53"},
        {"{\"type\":\"SCHEMA\",\"stream\":\"t\"}", "no schema"},
        {"{\"type\":\"SCHEMA\",\"stream\":\"t\",\"schema\":true}", "expected a schema, which is an object, at byte 39"},
        {"{\"type\":\"SCHEMA\",\"stream\":\"t\",\"schema\":{},\"key_properties\":\"id\"}", "expected an array of strings at byte 59"},
        {"{\"type\":\"SCHEMA\",\"stream\":\"t\",\"schema\":{},\"key_properties\":[1]}", "expected a string at byte 60"},
        {"{\"type\":\"STATE\"}", "no value"},
        {"{\"type\":\"STATE\",\"value\":null}", "no value"},
        {"{\"type\":\"ACTIVATE_VERSION\",\"stream\":\"t\",\"version\":\"1\"}", "no version"},
        {"{\"type\":\"BATCH\",\"stream\":\"t\",\"manifest\":[]}", "no encoding"},
        {"{\"type\":\"BATCH\",\"stream\":\"t\",\"encoding\":{},\"manifest\":{}}", "expected an array of strings"},
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":{\"a\":\"\377\"}}", "bytes that are not UTF-8 at byte 45"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_error(cases[i][0], cases[i][1]);
}

/* Python writes numbers that JSON does not have (section 6); whose they are is told, wherever the stream stands. */
static void python_numbers(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":{\"a\":NaN}}", "stream 't': /record/a is NaN, a number that JSON does not have"},
        {"{\"type\": \"RECORD\", \"record\": {\"x/y\": [1, -Infinity, NaN], \"z\": Infinity}, \"stream\": \"u\\\"v\"}",
         "stream 'u\"v': /record/x~1y/1 is -Infinity,"},
        {"{\"type\":\"STATE\",\"value\":{\"n\":Infinity}}", "/value/n is Infinity,"},
        {"{\"type\":\"RECORD\",\"stream\":\"t\",\"record\":{\"a\":[[{\"b\":NaN}]]},", "stream 't': /record/a/0/0/b is NaN,"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_error(cases[i][0], cases[i][1]);
}

/* Cut off anywhere, a message is refused, and nothing behind its end is read. */
static void cut_lines(void **state)
{
    (void)state;
    static const char line[] = "{\"type\": \"RECORD\", \"stream\": \"t\", \"record\": {\"a\": [1, \"\303\274\\n\", null]}, \"time_extracted\": \"2026\", \"version\": 17}";
    for (size_t len = 0; len < sizeof line - 1; len++) {
        char *copy = len ? test_malloc(len) : NULL;
        err e = {0};
        singer_message m;
        if (copy)
            memcpy(copy, line, len);
        assert_int_equal(singer_read((weir_view){copy, len}, &m, &e), WEIR_E_PROTOCOL);
        err_free(&e);
        test_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_lines), cmocka_unit_test(other_lines), cmocka_unit_test(line_breaks_are_told),
        cmocka_unit_test(broken_lines), cmocka_unit_test(python_numbers), cmocka_unit_test(cut_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
