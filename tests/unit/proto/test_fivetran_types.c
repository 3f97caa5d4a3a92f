/* Fivetran's types, columns and times. Numbers and names are those of the protocol page (fivetran.md 1.1, 1.5, 2.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fivetran_pb/common.pb-c.h"
#include "proto/fivetran/moment.h"
#include "proto/fivetran/types.h"

/* ---- names and numbers: those of the .proto file ---- */

static void test_names(void **state)
{
    (void)state;
    const ProtobufCEnumDescriptor *d = &fivetran_sdk__v2__data_type__descriptor;
    assert_int_equal(d->n_values, FT_TYPES);
    for (int t = 0; t < FT_TYPES; t++) {
        ft_type found = FT_TYPES;
        assert_string_equal(ft_type_name(t), protobuf_c_enum_descriptor_get_value(d, t)->name);
        assert_true(ft_type_named(view_of(ft_type_name(t)), &found));
        assert_int_equal(found, t);
    }
    ft_type found = FT_XML;
    assert_true(ft_type_named(VIEW("utc_DateTime"), &found) && found == FT_UTC_DATETIME);
    assert_false(ft_type_named(VIEW("TEXT"), &found));
    assert_false(ft_type_named(VIEW(""), &found));
    assert_false(ft_type_named(VIEW("INTEGER"), &found));
    assert_null(ft_type_name(FT_TYPES));
    assert_null(ft_type_name(-1));
}

/* The member of ValueType is named as the type, BOOLEAN and UNSPECIFIED aside. */
static void test_tags(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *d = &fivetran_sdk__v2__value_type__descriptor;
    assert_int_equal(d->n_fields, FT_TYPES);
    for (unsigned i = 0; i < d->n_fields; i++) {
        weir_view name = view_of(d->fields[i].name);
        ft_type by_name = FT_TYPES, by_tag = FT_TYPES;
        if (view_is(name, "null"))
            by_name = FT_UNSPECIFIED;
        else if (view_is(name, "bool"))
            by_name = FT_BOOLEAN;
        else
            assert_true(ft_type_named(name, &by_name));
        assert_true(ft_value_type(d->fields[i].id, &by_tag));
        assert_int_equal(by_tag, by_name);
        assert_int_equal(ft_value_tag(by_name), d->fields[i].id);
    }
    ft_type unused;
    assert_false(ft_value_type(0, &unused));
    assert_false(ft_value_type(17, &unused));
}

static void test_join(void **state)
{
    (void)state;
    static const ft_type cases[][3] = {
        {FT_LONG, FT_LONG, FT_LONG},
        {FT_UNSPECIFIED, FT_BINARY, FT_BINARY},
        {FT_SHORT, FT_INT, FT_INT},
        {FT_INT, FT_LONG, FT_LONG},
        {FT_LONG, FT_DECIMAL, FT_DECIMAL},
        {FT_LONG, FT_DOUBLE, FT_DOUBLE},
        {FT_INT, FT_FLOAT, FT_DOUBLE},
        {FT_SHORT, FT_FLOAT, FT_FLOAT},
        {FT_DECIMAL, FT_DOUBLE, FT_STRING}, /* neither holds the other without loss */
        {FT_NAIVE_DATE, FT_NAIVE_DATETIME, FT_NAIVE_DATETIME},
        {FT_NAIVE_DATE, FT_UTC_DATETIME, FT_STRING},
        {FT_BOOLEAN, FT_LONG, FT_STRING},
        {FT_XML, FT_STRING, FT_STRING},
        {FT_JSON, FT_STRING, FT_JSON},
        {FT_JSON, FT_BINARY, FT_JSON},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ft_type_join(cases[i][0], cases[i][1]), cases[i][2]);
        assert_int_equal(ft_type_join(cases[i][1], cases[i][0]), cases[i][2]);
    }
}

/* Joining is what a set of types does: the order does not matter, and what is there stays. */
static void test_join_is_a_lattice(void **state)
{
    (void)state;
    for (int i = 0; i < FT_TYPES; i++)
        for (int j = 0; j < FT_TYPES; j++) {
            ft_type a = (ft_type)i, b = (ft_type)j, both = ft_type_join(a, b);
            assert_int_equal(ft_type_join(b, a), both);
            assert_int_equal(ft_type_join(both, a), both);
            assert_int_equal(ft_type_join(both, b), both);
            assert_int_equal(ft_type_join(a, a), a);
        }
}

/* ---- columns ---- */

static ft_type column_type(const char *schema)
{
    arena a = {0};
    err e = {0};
    tree *t;
    ft_table table = {0};
    buf text = {0};
    buf_printf(&text, "{\"type\":\"object\",\"properties\":{\"c\":%s},\"$defs\":{\"money\":{\"type\":\"number\",\"multipleOf\":0.01},\"when\":"
                      "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\",\"airbyte_type\":\"timestamp_without_timezone\"}}}", schema);
    if (tree_parse(&a, buf_view(&text), NULL, WEIR_E_CONFIG, &t, &e) || ft_columns_of_schema(&a, t, VIEW("[]"), &table, &e))
        fail_msg("%s: %s", schema, err_text(&e));
    assert_int_equal(table.count, 1);
    assert_true(view_is(table.columns[0].name, "c"));
    ft_type found = table.columns[0].type;
    buf_free(&text);
    arena_free(&a);
    return found;
}

static void test_column_types(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        ft_type type;
    } cases[] = {
        {"{}", FT_UNSPECIFIED},
        {"true", FT_UNSPECIFIED},
        {"{\"type\":\"null\"}", FT_UNSPECIFIED},
        {"{\"type\":\"boolean\"}", FT_BOOLEAN},
        {"{\"type\":[\"boolean\",\"null\"]}", FT_BOOLEAN},
        {"{\"type\":\"integer\"}", FT_LONG},
        {"{\"type\":\"integer\",\"minimum\":0,\"maximum\":100}", FT_LONG}, /* what was seen so far: no promise of a machine type */
        {"{\"type\":\"integer\",\"minimum\":-32768,\"maximum\":32767}", FT_SHORT},
        {"{\"type\":\"integer\",\"minimum\":-2147483648,\"maximum\":2147483647}", FT_INT},
        {"{\"type\":\"integer\",\"format\":\"int32\"}", FT_INT},
        {"{\"type\":\"integer\",\"maximum\":18446744073709551615}", FT_DECIMAL},
        {"{\"type\":\"integer\",\"minimum\":-1e30,\"maximum\":1e30}", FT_DECIMAL},
        {"{\"type\":\"integer\",\"airbyte_type\":\"big_integer\"}", FT_DECIMAL},
        {"{\"type\":\"number\"}", FT_DOUBLE},
        {"{\"type\":\"number\",\"multipleOf\":0.01}", FT_DECIMAL},
        {"{\"type\":\"number\",\"airbyte_type\":\"integer\"}", FT_LONG},
        {"{\"type\":\"number\",\"airbyte_type\":\"big_number\"}", FT_DECIMAL},
        {"{\"$ref\":\"#/$defs/money\"}", FT_DECIMAL},
        {"{\"anyOf\":[{\"$ref\":\"#/$defs/when\"},{\"type\":\"null\"}]}", FT_NAIVE_DATETIME},
        {"{\"type\":[\"number\",\"string\"],\"format\":\"number\"}", FT_DOUBLE},
        {"{\"type\":\"string\",\"format\":\"number\"}", FT_DECIMAL},
        {"{\"type\":\"string\",\"format\":\"integer\"}", FT_DECIMAL},
        {"{\"type\":[\"integer\",\"string\"],\"format\":\"integer\"}", FT_DECIMAL},
        {"{\"type\":[\"string\",\"null\"],\"format\":\"singer.decimal\"}", FT_DECIMAL},
        {"{\"type\":[\"number\",\"string\"],\"format\":\"x-singer.decimal\"}", FT_DECIMAL},
        {"{\"type\":\"string\"}", FT_STRING},
        {"{\"type\":\"string\",\"format\":\"uuid\"}", FT_STRING},
        {"{\"type\":\"string\",\"format\":\"date\"}", FT_NAIVE_DATE},
        {"{\"type\":\"string\",\"format\":\"date-time\"}", FT_UTC_DATETIME},
        {"{\"type\":\"string\",\"format\":\"date-time\",\"airbyte_type\":\"timestamp_with_timezone\"}", FT_UTC_DATETIME},
        {"{\"type\":\"string\",\"format\":\"date-time\",\"airbyte_type\":\"timestamp_without_timezone\"}", FT_NAIVE_DATETIME},
        {"{\"type\":\"string\",\"format\":\"time\"}", FT_STRING}, /* NAIVE_TIME is not allowed from sources */
        {"{\"type\":\"string\",\"airbyte_type\":\"time_without_timezone\"}", FT_STRING},
        {"{\"type\":\"string\",\"contentEncoding\":\"base64\"}", FT_BINARY},
        {"{\"type\":\"string\",\"contentMediaType\":\"application/xml\"}", FT_XML},
        {"{\"type\":\"object\"}", FT_JSON},
        {"{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", FT_JSON},
        {"{\"type\":[\"object\",\"string\"]}", FT_JSON},
        {"{\"type\":[\"integer\",\"string\"]}", FT_STRING},
        {"{\"type\":[\"boolean\",\"number\"]}", FT_STRING},
        {"{\"enum\":[1,2,3]}", FT_LONG},
        {"{\"const\":\"x\"}", FT_STRING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (column_type(cases[i].schema) != cases[i].type)
            fail_msg("%s is %s, not %s", cases[i].schema, ft_type_name((int)column_type(cases[i].schema)), ft_type_name((int)cases[i].type));
}

static weir_rc columns_of(arena *a, const char *schema, const char *key, ft_table *ret, err *e)
{
    tree *t;
    weir_rc rc = tree_parse(a, view_of(schema), NULL, WEIR_E_CONFIG, &t, e);
    return rc ? rc : ft_columns_of_schema(a, t, view_of(key), ret, e);
}

static void test_keys(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    ft_table t = {.schema = VIEW("s"), .name = VIEW("t")};
    const char *schema = "{\"properties\":{\"b\":{\"type\":\"string\"},\"a/b\":{\"type\":\"integer\"},\"never\":false},\"required\":[\"r\"]}";
    assert_int_equal(columns_of(&a, schema, "[\"/a~1b\",\"/undescribed\"]", &t, &e), WEIR_OK);
    assert_true(view_is(t.name, "t") && view_is(t.schema, "s"));
    assert_int_equal(t.count, 4);
    static const struct {
        const char *name;
        ft_type type;
        bool key;
    } expected[] = {{"b", FT_STRING, false}, {"a/b", FT_LONG, true}, {"r", FT_UNSPECIFIED, false}, {"undescribed", FT_UNSPECIFIED, true}};
    for (size_t i = 0; i < 4; i++) {
        assert_true(view_is(t.columns[i].name, expected[i].name));
        assert_int_equal(t.columns[i].type, expected[i].type);
        assert_int_equal(t.columns[i].key, expected[i].key);
    }
    buf key = {0};
    ft_key_of_columns(&t, &key);
    assert_string_equal(buf_text(&key), "[\"/a~1b\",\"/undescribed\"]");
    buf_free(&key);

    ft_table none = {0};
    assert_int_equal(columns_of(&a, schema, "[\"/b/c\"]", &none, &e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&e), "'/b/c'"));
    assert_int_equal(columns_of(&a, schema, "[\"\"]", &none, &e), WEIR_E_CONFIG);
    assert_int_equal(columns_of(&a, schema, "[\"b\"]", &none, &e), WEIR_E_CONFIG);
    assert_int_equal(columns_of(&a, "{\"$ref\":\"#/nowhere\"}", "[]", &none, &e), WEIR_E_CONFIG);
    err_free(&e);
    arena_free(&a);
}

/* Every type but FLOAT, which becomes DOUBLE, and NAIVE_TIME, which sources may not have, survives the way through a schema. */
static void test_schema_and_back(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    ft_column columns[FT_TYPES + 1];
    ft_table t = {.columns = columns, .count = FT_TYPES + 1}, back = {0};
    for (int i = 0; i < FT_TYPES; i++)
        columns[i] = (ft_column){.name = view_of(ft_type_name(i)), .type = (ft_type)i, .key = i % 3 == 1};
    columns[FT_TYPES] = (ft_column){.name = VIEW("m\"oney"), .type = FT_DECIMAL, .precision = 12, .scale = 4};
    buf schema = {0}, key = {0};
    ft_schema_of_columns(&t, &schema);
    ft_key_of_columns(&t, &key);
    if (columns_of(&a, buf_text(&schema), buf_text(&key), &back, &e))
        fail_msg("%s: %s", buf_text(&schema), err_text(&e));
    assert_int_equal(back.count, t.count);
    for (size_t i = 0; i < t.count; i++) {
        ft_type expected = columns[i].type == FT_FLOAT ? FT_DOUBLE : columns[i].type == FT_NAIVE_TIME ? FT_STRING : columns[i].type;
        assert_true(view_eq(back.columns[i].name, columns[i].name));
        assert_int_equal(back.columns[i].type, expected);
        assert_int_equal(back.columns[i].key, columns[i].key);
    }
    assert_int_equal(back.columns[FT_TYPES].precision, 12);
    assert_int_equal(back.columns[FT_TYPES].scale, 4);
    buf_free(&schema);
    buf_free(&key);
    arena_free(&a);
}

/* ---- times ---- */

static void test_times(void **state)
{
    (void)state;
    static const struct {
        ft_type type;
        const char *text;
        int64_t seconds;
        uint32_t nanos;
        const char *back; /* NULL: the same */
    } cases[] = {
        {FT_UTC_DATETIME, "0001-01-01T00:00:00Z", -62135596800, 0, NULL},
        {FT_UTC_DATETIME, "9999-12-31T23:59:59.999Z", 253402300799, 999000000, NULL},
        {FT_UTC_DATETIME, "1969-12-31T23:59:59.5Z", -1, 500000000, "1969-12-31T23:59:59.500Z"},
        {FT_UTC_DATETIME, "1970-01-01T00:00:00Z", 0, 0, NULL},
        {FT_UTC_DATETIME, "2000-02-29T12:30:00.000001+05:30", 951807600, 1000, "2000-02-29T07:00:00.000001Z"},
        {FT_UTC_DATETIME, "1985-04-12t23:20:50.52z", 482196050, 520000000, "1985-04-12T23:20:50.520Z"}, /* RFC 3339, section 5.8 */
        {FT_UTC_DATETIME, "1996-12-19T16:39:57-08:00", 851042397, 0, "1996-12-20T00:39:57Z"},
        {FT_UTC_DATETIME, "1990-12-31T23:59:60Z", 662688000, 0, "1991-01-01T00:00:00Z"},
        {FT_UTC_DATETIME, "2007-12-03 10:15:30Z", 1196676930, 0, "2007-12-03T10:15:30Z"},
        {FT_UTC_DATETIME, "2007-12-03T10:15:30.1234567891Z", 1196676930, 123456789, "2007-12-03T10:15:30.123456789Z"},
        {FT_UTC_DATETIME, "0000-12-31T23:00:00-02:00", -62135593200, 0, "0001-01-01T01:00:00Z"},
        {FT_NAIVE_DATETIME, "2007-12-03T10:15:30", 1196676930, 0, NULL},
        {FT_NAIVE_DATETIME, "2007-12-03T10:15:30.315", 1196676930, 315000000, NULL},
        {FT_NAIVE_DATETIME, "2007-12-03", 1196640000, 0, "2007-12-03T00:00:00"},
        {FT_NAIVE_DATE, "2007-12-03", 1196640000, 0, NULL},
        {FT_NAIVE_DATE, "0001-01-01", -62135596800, 0, NULL},
        {FT_NAIVE_DATE, "9999-12-31", 253402214400, 0, NULL},
        {FT_NAIVE_DATE, "1969-12-31", -86400, 0, NULL},
        {FT_NAIVE_DATE, "1900-02-28", -2203977600, 0, NULL},
        {FT_NAIVE_TIME, "10:15:30", 36930, 0, NULL},
        {FT_NAIVE_TIME, "00:00:00.000000001", 0, 1, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t seconds = 1;
        uint32_t nanos = 1;
        char out[CLOCK_TEXT];
        if (!ft_time_of_text(cases[i].type, view_of(cases[i].text), &seconds, &nanos) || seconds != cases[i].seconds || nanos != cases[i].nanos)
            fail_msg("%s: %lld, %u", cases[i].text, (long long)seconds, nanos);
        weir_view back = {out, ft_text_of_time(cases[i].type, seconds, (int32_t)nanos, out)};
        assert_true(view_is(back, cases[i].back ? cases[i].back : cases[i].text));
    }
}

static void test_no_times(void **state)
{
    (void)state;
    static const struct {
        ft_type type;
        const char *text;
    } cases[] = {
        {FT_NAIVE_DATE, ""}, {FT_NAIVE_DATE, "2007-02-29"}, {FT_NAIVE_DATE, "1900-02-29"}, {FT_NAIVE_DATE, "2007-13-01"}, {FT_NAIVE_DATE, "2007-00-01"},
        {FT_NAIVE_DATE, "2007-01-00"}, {FT_NAIVE_DATE, "2007-01-01T00:00:00"}, {FT_NAIVE_DATE, "0000-01-01"}, {FT_NAIVE_DATE, "2007/01/01"}, {FT_NAIVE_DATE, "12007-01-0"},
        {FT_NAIVE_DATETIME, "2007-12-03T10:15:30Z"}, {FT_NAIVE_DATETIME, "2007-12-03T"}, {FT_NAIVE_DATETIME, "2007-12-03T10:15"}, {FT_NAIVE_DATETIME, "2007-12-03T24:00:00"},
        {FT_UTC_DATETIME, "2007-12-03T10:15:30"}, {FT_UTC_DATETIME, "2007-12-03"}, {FT_UTC_DATETIME, "2007-12-03T10:15:30.Z"}, {FT_UTC_DATETIME, "2007-12-03T10:15:61Z"},
        {FT_UTC_DATETIME, "2007-12-03T10:15:30+5:30"}, {FT_UTC_DATETIME, "2007-12-03T10:15:30+24:00"}, {FT_UTC_DATETIME, "2007-12-03T10:15:30+01:60"},
        {FT_UTC_DATETIME, "0001-01-01T00:00:00+00:01"}, {FT_UTC_DATETIME, "9999-12-31T23:59:59-00:01"}, {FT_UTC_DATETIME, "2007-12-03T10:15:30Z "},
        {FT_NAIVE_TIME, "10:15:30Z"}, {FT_NAIVE_TIME, "10:60:00"}, {FT_NAIVE_TIME, "23:59:60"}, {FT_NAIVE_TIME, "1:15:30"}, {FT_STRING, "2007-12-03"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t seconds;
        uint32_t nanos;
        if (ft_time_of_text(cases[i].type, view_of(cases[i].text), &seconds, &nanos))
            fail_msg("%s as %s: %lld", cases[i].text, ft_type_name((int)cases[i].type), (long long)seconds);
    }
    char out[CLOCK_TEXT];
    assert_int_equal(ft_text_of_time(FT_UTC_DATETIME, -62135596801, 0, out), 0);
    assert_int_equal(ft_text_of_time(FT_UTC_DATETIME, 253402300800, 0, out), 0);
    assert_int_equal(ft_text_of_time(FT_UTC_DATETIME, 0, -1, out), 0);
    assert_int_equal(ft_text_of_time(FT_UTC_DATETIME, 0, 1000000000, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names), cmocka_unit_test(test_tags), cmocka_unit_test(test_join), cmocka_unit_test(test_join_is_a_lattice),
        cmocka_unit_test(test_column_types), cmocka_unit_test(test_keys), cmocka_unit_test(test_schema_and_back), cmocka_unit_test(test_times),
        cmocka_unit_test(test_no_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
