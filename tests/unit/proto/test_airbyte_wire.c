/* airbyte/wire: lines taken apart. Shapes are those that real connectors and platforms print (docs/protocols/airbyte.md 2, 4). Every line is also
 * read in other forms that mean the same: blanks behind colons and commas, a blank line end, an escape in a key. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json/patch.h"
#include "proto/airbyte/wire.h"

/* In a block of exactly its size, so that the sanitizer sees the first byte read past the end. */
typedef struct reading {
    char *block;
    airbyte_message m;
    const char *why;
    weir_rc rc;
    err e;
} reading;

static reading read_line(weir_view line)
{
    reading r = {.block = malloc(line.len ? line.len : 1)};
    assert_non_null(r.block);
    if (line.len)
        memcpy(r.block, line.ptr, line.len);
    r.rc = airbyte_read((weir_view){r.block, line.len}, &r.m, &r.why, &r.e);
    return r;
}

static void reading_free(reading *r)
{
    free(r->block);
    err_free(&r->e);
}

static void must_be(weir_view got, const char *expected, const char *what, weir_view line)
{
    if (!view_is(got, expected))
        fail_msg("%s of %.*s is '%.*s', expected '%s'", what, VIEW_ARG(line), VIEW_ARG(got), expected);
}

/* A blank behind every colon and comma that stands between tokens, and around braces. */
static void put_blanks(buf *out, const char *json)
{
    bool text = false;
    for (const char *p = json; *p; p++) {
        text ^= *p == '"' && (p == json || p[-1] != '\\');
        if (!text && (*p == '}' || *p == ']'))
            buf_addc(out, ' ');
        buf_addc(out, *p);
        if (!text && strchr(":,{[", *p))
            buf_addc(out, ' ');
    }
    buf_addc(out, '\r');
}

typedef void check(const char *line, weir_view form, const airbyte_message *m);

static void in_every_form(const char *line, check *c)
{
    buf blanks = {0};
    put_blanks(&blanks, line);
    weir_view forms[] = {view_of(line), buf_view(&blanks)};
    for (size_t i = 0; i < 2; i++) {
        reading r = read_line(forms[i]);
        if (r.rc)
            fail_msg("%.*s: %s", VIEW_ARG(forms[i]), err_text(&r.e));
        c(line, forms[i], &r.m);
        reading_free(&r);
    }
    buf_free(&blanks);
}

/* ---- records ---- */

#define RECORD_NULLS(record)                                                                                                       \
    "{\"type\":\"RECORD\",\"log\":null,\"spec\":null,\"connectionStatus\":null,\"catalog\":null,\"record\":" record              \
    ",\"state\":null,\"trace\":null,\"control\":null,\"destination_catalog\":null}"

static const struct {
    const char *line, *stream, *name_space, *data, *emitted_at, *meta;
} records[] = {
    /* The Python CDK from 6 on (4), older ones and Java with a namespace in front. */
    {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"users\",\"data\":{\"id\":1,\"email\":\"a@x.io\"},\"emitted_at\":1795237126937}}", "users", "",
     "{\"id\":1,\"email\":\"a@x.io\"}", "1795237126937", ""},
    {"{\"type\":\"RECORD\",\"record\":{\"namespace\":\"public\",\"stream\":\"a\",\"data\":{},\"emitted_at\":1}}", "a", "public", "{}", "1", ""},
    {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"data\":{\"b\":[{}]},\"emitted_at\":1,\"namespace\":\"p\"}}", "a", "p", "{\"b\":[{}]}", "1", ""},
    /* PyAirbyte writes every key (4.2). */
    {RECORD_NULLS("{\"namespace\":null,\"stream\":\"a\",\"data\":{\"id\":1},\"emitted_at\":1700000000000,\"meta\":null,\"file_reference\":null}"), "a", "",
     "{\"id\":1}", "1700000000000", ""},
    /* Keys in any order, the envelope's too. */
    {"{\"record\":{\"emitted_at\":5,\"data\":{\"x\":null},\"stream\":\"a\"},\"type\":\"RECORD\"}", "a", "", "{\"x\":null}", "5", ""},
    {"{\"record\":{\"data\":{\"stream\":\"no\"},\"stream\":\"a\"},\"type\":\"RECORD\"}", "a", "", "{\"stream\":\"no\"}", "", ""},
    /* Changes that the source made (2.2); unknown keys, here and there (2). */
    {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"data\":{},\"emitted_at\":1,\"meta\":{\"changes\":[]}}}", "a", "", "{}", "1", "{\"changes\":[]}"},
    {"{\"type\":\"RECORD\",\"more\":[1],\"record\":{\"stream\":\"a\",\"x\":{\"data\":1},\"data\":{},\"emitted_at\":1},\"z\":0}", "a", "", "{}", "1", ""},
    /* Escapes stay as they are written. */
    {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\\\"\\u0062\",\"data\":{},\"emitted_at\":1}}", "a\\\"\\u0062", "", "{}", "1", ""},
    {"{\"t\\u0079pe\":\"REC\\u004fRD\",\"r\\u0065cord\":{\"str\\u0065am\":\"a\",\"d\\u0061ta\":{\"q\":2},\"emitted_at\":1}}", "a", "", "{\"q\":2}", "1", ""},
    /* Where a key comes twice, the last one wins; null is absent, also as the last one. */
    {"{\"type\":\"LOG\",\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"stream\":\"b\",\"data\":{\"n\":1},\"data\":{\"n\":2},\"emitted_at\":1,"
     "\"emitted_at\":2}}", "b", "", "{\"n\":2}", "2", ""},
    {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"data\":{\"n\":1}},\"record\":{\"stream\":\"b\",\"data\":{\"n\":2}}}", "b", "", "{\"n\":2}", "", ""},
    {"{\"type\":\"RECORD\",\"record\":{\"namespace\":\"x\",\"namespace\":null,\"stream\":\"a\",\"data\":{}}}", "a", "", "{}", "", ""},
    {"{\"type\":\"RECORD\",\"record\":{\"namespace\":null,\"namespace\":\"x\",\"stream\":\"a\",\"data\":{}}}", "a", "x", "{}", "", ""},
    {"{\"type\":\"RECORD\",\"record\":{\"namespace\":\"x\",\"namespace\":\"y\",\"stream\":\"a\",\"data\":{}}}", "a", "y", "{}", "", ""},
    /* A stream may have any name, even an empty one (2.7); numbers of any form. */
    {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"\",\"data\":{\"n\":123456789012345678901234567890.50},\"emitted_at\":1.5e3}}", "", "",
     "{\"n\":123456789012345678901234567890.50}", "1.5e3", ""},
    {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"\xc3\xa9\xf0\x9f\x98\x80\",\"data\":{\"k\":\"\xc3\xa9\"},\"emitted_at\":-1}}", "\xc3\xa9\xf0\x9f\x98\x80", "",
     "{\"k\":\"\xc3\xa9\"}", "-1", ""},
};

static size_t record_at; /* for check_record */

static void check_record(const char *line, weir_view form, const airbyte_message *m)
{
    assert_int_equal(m->type, AIRBYTE_RECORD);
    must_be(m->stream.raw, records[record_at].stream, "stream", form);
    must_be(m->name_space.raw, records[record_at].name_space, "namespace", form);
    must_be(m->emitted_at, records[record_at].emitted_at, "emitted_at", form);
    assert_non_null(m->stream.raw.ptr);
    assert_int_equal(m->name_space.raw.ptr != NULL, *records[record_at].name_space != 0);
    assert_int_equal(m->stream.escaped, memchr(m->stream.raw.ptr, '\\', m->stream.raw.len) != NULL);
    assert_false(m->lines);
    assert_true(json_equal(m->data, view_of(records[record_at].data)));
    assert_true(json_equal(m->meta, view_of(records[record_at].meta)));
    if (form.ptr == line)
        must_be(m->data, records[record_at].data, "data", form);
    assert_true(m->body.len && *m->body.ptr == '{' && m->body.ptr[m->body.len - 1] == '}');
}

static void reads_records(void **state)
{
    (void)state;
    for (record_at = 0; record_at < sizeof records / sizeof *records; record_at++)
        in_every_form(records[record_at].line, check_record);
}

static void sees_raw_line_breaks(void **state)
{
    (void)state;
    reading r = read_line(VIEW("{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"data\":{\r\"b\":1},\"emitted_at\":1}}"));
    assert_true(r.rc == WEIR_OK && r.m.lines);
    reading_free(&r);
    r = read_line(VIEW("{\"x\":1,\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"data\":{\r\"b\":1},\"emitted_at\":1}}"));
    assert_true(r.rc == WEIR_OK && r.m.lines);
    reading_free(&r);
}

/* ---- states ---- */

static const struct {
    const char *line;
    airbyte_state_type type;
    const char *stream, *name_space, *stream_state, *global, *legacy, *stats;
} states[] = {
    {"{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":\"users\"},\"stream_state\":{\"cursor\":\"2026-01-01\"}},"
     "\"sourceStats\":{\"recordCount\":5.0}}}",
     AIRBYTE_STATE_STREAM, "users", "", "{\"cursor\":\"2026-01-01\"}", "", "", "{\"recordCount\":5.0}"},
    {"{\"type\":\"STATE\",\"state\":{\"type\":\"GLOBAL\",\"global\":{\"shared_state\":{\"lsn\":5},\"stream_states\":[]}}}", AIRBYTE_STATE_GLOBAL, "", "", "",
     "{\"shared_state\":{\"lsn\":5},\"stream_states\":[]}", "", ""},
    /* PyAirbyte: global is called global_ and comes twice (4.1, 4.2). */
    {"{\"type\":\"STATE\",\"log\":null,\"state\":{\"type\":\"GLOBAL\",\"stream\":null,\"global_\":{\"stream_states\":[1]},\"data\":null,\"sourceStats\":null,"
     "\"destinationStats\":null,\"global_\":{\"stream_states\":[]}},\"trace\":null}",
     AIRBYTE_STATE_GLOBAL, "", "", "", "{\"stream_states\":[]}", "", ""},
    {"{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":\"a\",\"namespace\":null},\"stream_state\":{\"c\":2}},"
     "\"global_\":null,\"data\":null,\"sourceStats\":null,\"destinationStats\":null,\"global_\":null}}",
     AIRBYTE_STATE_STREAM, "a", "", "{\"c\":2}", "", "", ""},
    {"{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":{\"stream_state\":null,\"stream_descriptor\":{\"namespace\":\"n\",\"name\":\"a\"}},\"id\":7,"
     "\"partition_id\":\"p\"}}",
     AIRBYTE_STATE_STREAM, "a", "n", "", "", "", ""},
    {"{\"type\":\"STATE\",\"state\":{\"type\":\"LEGACY\",\"data\":{\"users\":{\"c\":1}}}}", AIRBYTE_STATE_LEGACY, "", "", "", "", "{\"users\":{\"c\":1}}", ""},
    /* Without a type the filled key tells (3.1); some legacy sources repeat `data` beside `stream` (2.3). */
    {"{\"type\":\"STATE\",\"state\":{\"data\":{\"x\":1}}}", AIRBYTE_STATE_LEGACY, "", "", "", "", "{\"x\":1}", ""},
    {"{\"type\":\"STATE\",\"state\":{\"type\":null,\"data\":{\"x\":1},\"stream\":{\"stream_descriptor\":{\"name\":\"a\"},\"stream_state\":{\"x\":1}}}}",
     AIRBYTE_STATE_STREAM, "a", "", "{\"x\":1}", "", "{\"x\":1}", ""},
    {"{\"state\":{\"global\":{\"stream_states\":[]},\"stream\":null},\"type\":\"STATE\"}", AIRBYTE_STATE_GLOBAL, "", "", "", "{\"stream_states\":[]}", "", ""},
};

static size_t state_at;

static void check_state(const char *line, weir_view form, const airbyte_message *m)
{
    (void)line;
    assert_int_equal(m->type, AIRBYTE_STATE);
    assert_int_equal(m->state_type, states[state_at].type);
    must_be(m->stream.raw, states[state_at].stream, "stream", form);
    must_be(m->name_space.raw, states[state_at].name_space, "namespace", form);
    assert_true(json_equal(m->stream_state, view_of(states[state_at].stream_state)));
    assert_true(json_equal(m->source_stats, view_of(states[state_at].stats)));
    assert_true(json_equal(m->global, view_of(states[state_at].global)) || m->state_type != AIRBYTE_STATE_GLOBAL);
    assert_true(json_equal(m->legacy, view_of(states[state_at].legacy)));
    assert_int_equal(m->stream_state.len == 0, *states[state_at].stream_state == 0);
}

static void reads_states(void **state)
{
    (void)state;
    for (state_at = 0; state_at < sizeof states / sizeof *states; state_at++)
        in_every_form(states[state_at].line, check_state);
}

/* ---- the others, and what is none ---- */

static void reads_others(void **state)
{
    (void)state;
    static const airbyte_type all[] = {AIRBYTE_LOG, AIRBYTE_SPEC, AIRBYTE_CONNECTION_STATUS, AIRBYTE_CATALOG, AIRBYTE_TRACE, AIRBYTE_CONTROL,
                                       AIRBYTE_DESTINATION_CATALOG};
    static const char *const words[] = {"LOG", "SPEC", "CONNECTION_STATUS", "CATALOG", "TRACE", "CONTROL", "DESTINATION_CATALOG"};
    static const char *const keys[] = {"log", "spec", "connectionStatus", "catalog", "trace", "control", "destination_catalog"}; /* 2.1 */
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_string_equal(airbyte_type_name(all[i]), words[i]);
        assert_string_equal(airbyte_type_key(all[i]), keys[i]);
        buf line = {0};
        airbyte_open(&line, all[i]);
        buf_adds(&line, "{\"a\":[1]}");
        airbyte_close(&line);
        buf expected = {0};
        buf_printf(&expected, "{\"type\":\"%s\",\"%s\":{\"a\":[1]}}\n", words[i], keys[i]);
        assert_string_equal(buf_text(&line), buf_text(&expected));
        reading r = read_line(buf_view(&line));
        assert_int_equal(r.rc, WEIR_OK);
        assert_int_equal(r.m.type, all[i]);
        must_be(r.m.body, "{\"a\":[1]}", "body", buf_view(&line));
        assert_null(r.why);
        reading_free(&r);
        buf_free(&line);
        buf_free(&expected);
    }
}

/* Junk on stdout is a log line (1.3): these were seen, or are near to what was. */
static void junk_is_nothing(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "", " ", "Anonymized telemetry enabled.", "{", "{}", "[]", "null", "1", "\"RECORD\"", "{\"type\": \"DEBUG\", \"message\": \"x\", \"data\": {}}",
        "{\"type\":\"REC\",\"record\":{}}", "{\"type\":null,\"record\":{\"stream\":\"a\",\"data\":{}}}", "{\"type\":7}", "{\"record\":{\"stream\":\"a\",\"data\":{}}}",
        "{\"type\":\"LOG\"}", "{\"type\":\"LOG\",\"log\":null}", "{\"type\":\"LOG\",\"log\":\"x\"}", "{\"type\":\"LOG\",\"log\":{}", "{\"type\":\"TRACE\",\"trace\":[]}",
        "{\"type\":\"RECORD\",\"type\":null,\"record\":{\"stream\":\"a\",\"data\":{}}}", "{\"type\":\"NOTHING\",\"nothing\":{}}", "\xff\xfe", "{\"type\":\"record\"}",
        "{\"message\":\"RECORD\"} x"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        reading r = read_line(view_of(lines[i]));
        if (r.rc || r.m.type || !r.why)
            fail_msg("%s: is %s", lines[i], r.rc ? err_text(&r.e) : airbyte_type_name(r.m.type));
        reading_free(&r);
    }
}

/* What carries data and is broken is not passed over. */
static void broken_data_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *why;
    } lines[] = {
        {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"data\":{\"x\":NaN},\"emitted_at\":1}}", "no JSON value begins here at byte 52 "},
        {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"data\":{\"x\":1", "unterminated object at byte 53 "},
        {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"data\":{},\"emitted_at\":1}}{\"type\":\"RECORD\"}", "text after the end of the value at byte 66 "},
        {"{\"type\":\"RECORD\",\"record\":{\"data\":{},\"emitted_at\":1}}", "a RECORD without a stream at byte "},
        {"{\"type\":\"RECORD\",\"record\":{\"stream\":null,\"data\":{},\"emitted_at\":1}}", "a RECORD without a stream at byte "},
        {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"emitted_at\":1}}", "a RECORD without data at byte "},
        {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"data\":[],\"emitted_at\":1}}", "expected an object at byte 47 "},
        {"{\"type\":\"RECORD\",\"record\":{\"stream\":1,\"data\":{}}}", "expected a string at byte 36 "},
        {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"data\":{},\"emitted_at\":\"1\"}}", "expected a number at byte 63 "},
        {"{\"type\":\"RECORD\"}", "the object that goes with its type is missing at byte 0 "},
        {"{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"data\":{}},\"record\":null}", "the object that goes with its type is missing "},
        {"{\"type\":\"STATE\",\"state\":[]}", "the object that goes with its type is missing "},
        {"{\"type\":\"STATE\",\"state\":{}}", "a STATE without any state "},
        {"{\"type\":\"STATE\",\"state\":{\"type\":\"STREAMS\",\"data\":{}}}", "a STATE of an unknown type "},
        {"{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"data\":{}}}", "a STATE of type STREAM without stream "},
        {"{\"type\":\"STATE\",\"state\":{\"type\":\"GLOBAL\",\"global\":null}}", "a STATE of type GLOBAL without global "},
        {"{\"type\":\"STATE\",\"state\":{\"type\":\"GLOBAL\",\"global\":{\"shared_state\":{}}}}", "a STATE of type GLOBAL without stream_states "},
        {"{\"type\":\"STATE\",\"state\":{\"type\":\"GLOBAL\",\"global\":{\"stream_states\":null}}}", "expected an array at byte "},
        {"{\"type\":\"STATE\",\"state\":{\"type\":\"GLOBAL\",\"global\":{\"stream_states\":[7]}}}", "expected an object at byte "},
        {"{\"type\":\"STATE\",\"state\":{\"global\":{\"stream_states\":[{}]}}}", "a STATE without the name of its stream "},
        {"{\"type\":\"STATE\",\"state\":{\"type\":\"LEGACY\"}}", "a STATE of type LEGACY without data "},
        {"{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":{\"stream_state\":{}}}}", "a STATE without the name of its stream "},
        {"{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":null}}}}", "a STATE without the name of its stream "},
        {"{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":[]}}}", "expected an object at byte "},
        {"{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":7}}", "expected an object at byte "},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        reading r = read_line(view_of(lines[i].line));
        if (r.rc != WEIR_E_PROTOCOL || !view_starts(view_of(err_text(&r.e)), view_of(lines[i].why)))
            fail_msg("%s: %s, expected %s", lines[i].line, r.rc ? err_text(&r.e) : "accepted", lines[i].why);
        reading_free(&r);
    }
}

/* Nothing is read past the end, wherever a line is cut. */
static void every_prefix_is_read_safely(void **state)
{
    (void)state;
    const char *all[2 * sizeof records / sizeof *records + sizeof states / sizeof *states];
    size_t n = 0;
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        all[n++] = records[i].line;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        all[n++] = states[i].line;
    for (size_t i = 0; i < n; i++)
        for (size_t len = 0; len < strlen(all[i]); len++) {
            reading r = read_line((weir_view){all[i], len});
            assert_true(r.rc == WEIR_E_PROTOCOL || (r.rc == WEIR_OK && !r.m.type && r.why));
            reading_free(&r);
        }
}

static void nests_as_deep_as_the_scanner(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        buf line = {0};
        buf_adds(&line, "{\"type\":\"RECORD\",\"record\":{\"stream\":\"a\",\"data\":{\"a\":");
        int arrays = JSON_DEPTH - 3 + extra;
        for (int i = 0; i < arrays; i++)
            buf_addc(&line, '[');
        for (int i = 0; i < arrays; i++)
            buf_addc(&line, ']');
        buf_adds(&line, "}}}");
        reading r = read_line(buf_view(&line));
        assert_int_equal(r.rc, extra ? WEIR_E_PROTOCOL : WEIR_OK);
        reading_free(&r);
        buf_free(&line);
    }
}

static void failure_types(void **state)
{
    (void)state;
    assert_string_equal(airbyte_failure_type(WEIR_E_CONFIG), "config_error");
    assert_string_equal(airbyte_failure_type(WEIR_E_TRANSIENT), "transient_error");
    static const weir_rc others[] = {WEIR_E_REMOTE, WEIR_E_PROTOCOL, WEIR_E_NOMEM, WEIR_E_BUG};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_string_equal(airbyte_failure_type(others[i]), "system_error");
    assert_int_equal(airbyte_failure_code(VIEW("config_error")), WEIR_E_CONFIG);
    assert_int_equal(airbyte_failure_code(VIEW("transient_error")), WEIR_E_TRANSIENT);
    assert_int_equal(airbyte_failure_code(VIEW("system_error")), WEIR_E_REMOTE);
    assert_int_equal(airbyte_failure_code(VIEW("")), WEIR_E_REMOTE);
    assert_int_equal(airbyte_failure_code(VIEW("odd")), WEIR_E_REMOTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_records),
        cmocka_unit_test(sees_raw_line_breaks),
        cmocka_unit_test(reads_states),
        cmocka_unit_test(reads_others),
        cmocka_unit_test(junk_is_nothing),
        cmocka_unit_test(broken_data_is_refused),
        cmocka_unit_test(every_prefix_is_read_safely),
        cmocka_unit_test(nests_as_deep_as_the_scanner),
        cmocka_unit_test(failure_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
