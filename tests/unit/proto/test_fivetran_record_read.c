/* Fivetran's records, read: what others may write, and what is refused. Bytes are those of the protocol page (fivetran.md 1.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "fivetran_records.h"

static const ft_column read_columns_of[] = {{.name = WEIR_LIT("a"), .type = FT_LONG}, {.name = WEIR_LIT("b"), .type = FT_STRING}};
static const ft_table read_table = {.name = WEIR_LIT("t"), .columns = (ft_column *)(uintptr_t)read_columns_of, .count = 2};

/* `TAG LEN inner`, shorter than 128 bytes. */
static weir_view wrap(arena *a, unsigned char tag, weir_view inner)
{
    char *p = arena_alloc(a, inner.len + 2);
    assert_true(inner.len < 0x80);
    p[0] = (char)tag;
    p[1] = (char)inner.len;
    if (inner.len)
        memcpy(p + 2, inner.ptr, inner.len);
    return (weir_view){p, inner.len + 2};
}

static weir_view join(arena *a, weir_view first, weir_view second)
{
    char *p = arena_alloc(a, first.len + second.len);
    memcpy(p, first.ptr, first.len);
    if (second.len)
        memcpy(p + first.len, second.ptr, second.len);
    return (weir_view){p, first.len + second.len};
}

/* An UpdateResponse with a record of table t that has these entries, which are given whole. */
static weir_view update_of(arena *a, weir_view entries)
{
    return wrap(a, 0x0a, join(a, BYTES("\x12\x01t"), entries));
}

static weir_view entry_of(arena *a, weir_view name, weir_view value)
{
    return wrap(a, 0x22, join(a, wrap(a, 0x0a, name), wrap(a, 0x12, value)));
}

static void reads_as(weir_view message, const char *json)
{
    err e = {0};
    buf out = {0};
    weir_view own = exact(message);
    if (read_one(&read_table, own, &out, NULL, NULL, &e))
        fail_msg("%s: %s", json, err_text(&e));
    assert_string_equal(buf_text(&out), json);
    drop(own);
    buf_free(&out);
}

static void test_last_wins(void **state)
{
    (void)state;
    arena a = {0};
    weir_view one = entry_of(&a, VIEW("a"), BYTES("\x28\x01")), two = entry_of(&a, VIEW("a"), BYTES("\x28\x02")), b = entry_of(&a, VIEW("b"), BYTES("\x6a\x01x"));
    weir_view new = entry_of(&a, VIEW("n"), BYTES("\x28\x03")), newer = entry_of(&a, VIEW("n"), BYTES("\x28\x04"));
    reads_as(update_of(&a, join(&a, one, join(&a, b, two))), "{\"b\":\"x\",\"a\":2}");
    reads_as(update_of(&a, join(&a, two, one)), "{\"a\":1}");
    reads_as(update_of(&a, join(&a, new, join(&a, b, newer))), "{\"b\":\"x\",\"n\":4}");
    arena_free(&a);
}

/* What the values of column "a", a LONG, or "b", a STRING, are in a document. */
static void test_odd_values(void **state)
{
    (void)state;
    static const struct {
        const char *column;
        weir_view value;
        const char *json;
    } cases[] = {
        {"a", WEIR_LIT("\x6a\x01x\x28\x07"), "7"},         /* two members of the oneof: the last */
        {"a", WEIR_LIT("\x8a\x01\x03xyz\x28\x07"), "7"},  /* member 17, which there is not */
        {"a", WEIR_LIT("\x28\x07\x2a\x01x"), "7"},         /* member 5, but not as a varint: unknown as well */
        {"a", WEIR_LIT("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "-1"},
        {"a", WEIR_LIT("\x20\x81\x80\x80\x80\x10"), "1"},  /* 32 bits of 33 */
        {"a", WEIR_LIT("\x52\x02\x08\x01\x52\x02\x10\x05"), "\"1970-01-01T00:00:01.000000005Z\""}, /* a Timestamp in two halves is merged */
        {"a", WEIR_LIT("\x52\x02\x08\x01\x42\x00"), "\"1970-01-01\""},                                  /* but not with another member */
        {"a", WEIR_LIT("\x52\x00"), "\"1970-01-01T00:00:00Z\""},
        {"a", WEIR_LIT("\x82\x01\x03\x08\x90\x1c"), "\"01:00:00\""}, /* NAIVE_TIME, whose tag has two bytes */
        {"a", WEIR_LIT("\x18\x80\x80\x04"), "65536"}, /* a SHORT that is none */
        {"a", WEIR_LIT("\x10\x05"), "true"},
        {"a", WEIR_LIT("\x35\x00\x00\xc0\x7f"), "\"NaN\""},
        {"a", WEIR_LIT("\x39\x00\x00\x00\x00\x00\x00\xf0\xff"), "\"-Infinity\""},
        {"a", WEIR_LIT("\x39\x00\x00\x00\x00\x00\x00\x00\x80"), "-0"},
        {"a", WEIR_LIT("\x72\x09{\n\"x\" :1}"), "{\"x\":1}"}, /* JSON over several lines becomes one */
        {"a", WEIR_LIT("\x5a\x03+07"), "\"+07\""},
        {"a", WEIR_LIT("\x62\x00"), "\"\""},
        {"b", WEIR_LIT("\x28\x07"), "\"7\""}, /* numbers and truth values where the table says STRING */
        {"b", WEIR_LIT("\x10\x00"), "\"false\""},
        {"b", WEIR_LIT("\x39\x00\x00\x00\x00\x00\x00\xf8\x3f"), "\"1.5\""},
        {"b", WEIR_LIT("\x08\x01"), "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a = {0};
        weir_view expected = arena_printf(&a, "{\"%s\":%s}", cases[i].column, cases[i].json);
        reads_as(update_of(&a, entry_of(&a, view_of(cases[i].column), cases[i].value)), expected.ptr);
        arena_free(&a);
    }
}

static void test_odd_entries(void **state)
{
    (void)state;
    arena a = {0};
    weir_view name = wrap(&a, 0x0a, VIEW("a")), value = wrap(&a, 0x12, BYTES("\x28\x07"));
    reads_as(update_of(&a, wrap(&a, 0x22, join(&a, value, name))), "{\"a\":7}");
    reads_as(update_of(&a, wrap(&a, 0x22, value)), "{\"\":7}"); /* no key is the empty one */
    reads_as(update_of(&a, wrap(&a, 0x22, join(&a, wrap(&a, 0x0a, VIEW("b")), join(&a, name, value)))), "{\"a\":7}");
    reads_as(update_of(&a, wrap(&a, 0x22, join(&a, name, join(&a, BYTES("\x7d\x01\x02\x03\x04\x98\x06\x01"), value)))), "{\"a\":7}"); /* fields 15, 99 */
    reads_as(update_of(&a, join(&a, BYTES("\x98\x06\x01"), wrap(&a, 0x22, join(&a, name, value)))), "{\"a\":7}");
    /* a value in two parts is merged */
    reads_as(update_of(&a, wrap(&a, 0x22, join(&a, name, join(&a, wrap(&a, 0x12, BYTES("\x52\x02\x08\x01")), wrap(&a, 0x12, BYTES("\x52\x02\x10\x05")))))),
             "{\"a\":\"1970-01-01T00:00:01.000000005Z\"}");
    reads_as(BYTES("\x0a\x00"), "{}");
    arena_free(&a);
}

static void refused(weir_view message, const char *said)
{
    err e = {0};
    buf out = {0};
    weir_view own = exact(message);
    buf_adds(&out, "kept");
    assert_int_equal(read_one(&read_table, own, &out, NULL, NULL, &e), WEIR_E_PROTOCOL);
    if (!strstr(err_text(&e), said))
        fail_msg("'%s' instead of '%s'", err_text(&e), said);
    assert_string_equal(buf_text(&out), "kept");
    drop(own);
    err_free(&e);
    buf_free(&out);
}

/* The same by ft_next_value(), which looks at everything. */
static void refused_value(weir_view record, bool json_only)
{
    err e = {0};
    ft_record rec;
    ft_update u = {FT_RECORD, view_from(record, 2)};
    ft_value v;
    weir_view name;
    size_t at = 0;
    assert_int_equal(ft_next_record(&u, &at, &rec, &e), WEIR_OK);
    at = 0;
    assert_int_equal(ft_next_value(&rec, &at, &name, &v, &e), json_only ? WEIR_OK : WEIR_E_PROTOCOL);
    err_free(&e);
}

static void test_refused_values(void **state)
{
    (void)state;
    static const struct {
        weir_view value;
        const char *said;
        bool json_only; /* whoever takes single values looks at JSON by himself */
    } cases[] = {
        {WEIR_LIT(""), "a value without a member", false},
        {WEIR_LIT("\x8a\x01\x03xyz"), "a value without a member", false},
        {WEIR_LIT("\x08\x00"), "a null that is false", false},
        {WEIR_LIT("\x6a\x01\xff"), "text that is not UTF-8", false},
        {WEIR_LIT("\x6a\x03\xed\xa0\x80"), "text that is not UTF-8", false},
        {WEIR_LIT("\x7a\x02\xc0\x80"), "text that is not UTF-8", false},
        {WEIR_LIT("\x72\x01{"), "a JSON value that is not JSON", true},
        {WEIR_LIT("\x72\x00"), "a JSON value that is not JSON", true},
        {WEIR_LIT("\x5a\x01x"), "a decimal that is no number", false},
        {WEIR_LIT("\x5a\x00"), "a decimal that is no number", false},
        {WEIR_LIT("\x5a\x03NaN"), "a decimal that is no number", false},
        {WEIR_LIT("\x52\x07\x08\x80\xdc\xee\xff\xaf\x07"), "a time out of the years", false},             /* 10000-01-01 */
        {WEIR_LIT("\x52\x0b\x08\xff\x91\xb8\xc3\x98\xfe\xff\xff\xff\x01"), "a time out of the years", false}, /* a second before year 1 */
        {WEIR_LIT("\x52\x06\x10\x80\x94\xeb\xdc\x03"), "a time out of the years", false},                  /* a second of nanoseconds */
        {WEIR_LIT("\x52\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "a time out of the years", false},
        {WEIR_LIT("\x6a\x05x"), "field longer than the message", false},
        {WEIR_LIT("\x28"), "truncated varint", false},
        {WEIR_LIT("\x39\x01\x02"), "truncated fixed number", false},
        {WEIR_LIT("\x0b"), "unknown wire type", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a = {0};
        weir_view update = update_of(&a, entry_of(&a, VIEW("a"), cases[i].value));
        weir_view said = arena_printf(&a, "record of table 't', column 'a': %s", cases[i].said);
        refused(update, said.ptr);
        refused_value(update, cases[i].json_only);
        update = update_of(&a, entry_of(&a, VIEW("new"), cases[i].value));
        said = arena_printf(&a, "record of table 't', column 'new': %s", cases[i].said);
        refused(update, said.ptr);
        arena_free(&a);
    }
}

static void test_refused(void **state)
{
    (void)state;
    arena a = {0};
    refused(update_of(&a, entry_of(&a, BYTES("\xff"), BYTES("\x28\x01"))), "the name of a column is not UTF-8");
    refused(update_of(&a, BYTES("\x22\x07")), "record of table 't': field longer than the message");
    refused(update_of(&a, BYTES("\x18\x04")), "type 4, which there is not");
    refused(BYTES("\x0a\x03\x12\x01\xff"), "table or schema is not UTF-8");
    refused(BYTES("\x0a\x03\x0a\x01\xff"), "table or schema is not UTF-8");
    refused(BYTES("\x0a\x05\x12\x01t"), "UpdateResponse: field longer than the message");
    refused(BYTES("\x0a\x00\x0a\x00"), "record comes twice");
    refused(BYTES("\x32\x03\x0a\x05x"), "records: field longer than the message");
    refused(BYTES("\x1a\x03\x0a\x01\xff"), "checkpoint: not UTF-8");
    refused(BYTES("\x22\x02\x0a\x05"), "warning: field longer than the message");
    arena_free(&a);
}

static void test_updates(void **state)
{
    (void)state;
    static const struct {
        weir_view bytes;
        ft_update_kind kind;
        const char *body;
    } cases[] = {
        {{"", 0}, FT_NOTHING, ""},
        {{"\x1a\x04\x0a\x02{}", 6}, FT_CHECKPOINT, "{}"},
        {{"\x1a\x00", 2}, FT_CHECKPOINT, ""},
        {{"\x22\x04\x0a\x02hm", 6}, FT_WARNING, "hm"},
        {{"\x2a\x08\x0a\x02hm\x0a\x02oh", 10}, FT_TASK, "oh"},
        {{"\x12\x02\x12\x00", 4}, FT_SCHEMA_CHANGE, "\x12"},
        {{"\x22\x04\x0a\x02hm\x1a\x04\x0a\x02{}", 12}, FT_CHECKPOINT, "{}"}, /* the last member of the oneof */
        {{"\x3a\x01x\x18\x07", 5}, FT_NOTHING, ""},                            /* nothing that anybody knows */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        ft_update u;
        weir_view own = exact(cases[i].bytes);
        if (ft_read_update(own, &u, &e))
            fail_msg("%zu: %s", i, err_text(&e));
        assert_int_equal(u.kind, cases[i].kind);
        assert_true(view_starts(u.body, view_of(cases[i].body)));
        drop(own);
    }
}

static void test_types_seen(void **state)
{
    (void)state;
    err e = {0};
    buf out = {0};
    uint32_t types[2] = {0};
    weir_view unknown;
    assert_int_equal(read_one(&read_table, BYTES("\x0a\x12\x22\x07\x0a\x01\x61\x12\x02\x08\x01\x22\x07\x0a\x01\x62\x12\x02\x28\x07"), &out, types, &unknown, &e), WEIR_OK);
    assert_int_equal(types[0], 1u << FT_UNSPECIFIED);
    assert_int_equal(types[1], 1u << FT_LONG);
    assert_int_equal(unknown.len, 0);
    buf_clear(&out);
    assert_int_equal(read_one(&read_table, BYTES("\x0a\x14\x22\x07\x0a\x01\x61\x12\x02\x28\x01\x22\x09\x0a\x03new\x12\x02\x28\x07"), &out, types, &unknown, &e), WEIR_OK);
    assert_int_equal(types[0], 1u << FT_UNSPECIFIED | 1u << FT_LONG);
    assert_true(view_is(unknown, "new"));
    assert_string_equal(buf_text(&out), "{\"a\":1,\"new\":7}");
    buf_free(&out);
}

/* As weir_sql_value.text wants it. */
static void test_value_texts(void **state)
{
    (void)state;
    static const struct {
        ft_value value;
        const char *text;
    } cases[] = {
        {{.type = FT_UNSPECIFIED, .integer = 1}, "null"},
        {{.type = FT_BOOLEAN, .integer = 1}, "true"},
        {{.type = FT_BOOLEAN}, "false"},
        {{.type = FT_LONG, .integer = INT64_MIN}, "-9223372036854775808"},
        {{.type = FT_DOUBLE, .number = 0.1}, "0.1"},
        {{.type = FT_FLOAT, .number = 0.1f}, "0.1"},
        {{.type = FT_FLOAT, .number = 16777216}, "16777216"},
        {{.type = FT_DOUBLE, .number = -INFINITY}, "-Infinity"},
        {{.type = FT_DECIMAL, .text = WEIR_LIT("1.10")}, "1.10"},
        {{.type = FT_STRING, .text = WEIR_LIT("a\"b")}, "a\"b"},
        {{.type = FT_NAIVE_DATE, .integer = 1196640000}, "2007-12-03"},
        {{.type = FT_NAIVE_DATETIME, .integer = 1196676930, .nanos = 500000000}, "2007-12-03T10:15:30.500"},
        {{.type = FT_UTC_DATETIME, .integer = 1196676930}, "2007-12-03T10:15:30Z"},
        {{.type = FT_NAIVE_TIME, .integer = 36930}, "10:15:30"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf out = {0};
        ft_value_text(&cases[i].value, &out);
        assert_string_equal(buf_text(&out), cases[i].text);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_wins), cmocka_unit_test(test_odd_values), cmocka_unit_test(test_odd_entries), cmocka_unit_test(test_refused_values),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_updates),    cmocka_unit_test(test_types_seen),  cmocka_unit_test(test_value_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
