/* Fivetran's records, there and back: beside Google's encoder (fivetran_vectors.txt, see tests/interop/fivetran_vectors.py), beside protobuf-c's packer, and
 * without memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>

#include "base/io.h"
#include "fault.h"
#include "fivetran_pb/connector_sdk.pb-c.h"
#include "fivetran_records.h"
#include "json/scan.h"
#include "json/text.h"
#include "proto/fivetran/moment.h"

/* ---- Google's encoder ---- */

static weir_view take_field(weir_view *line)
{
    const char *tab = memchr(line->ptr, '\t', line->len);
    weir_view field = {line->ptr, tab ? (size_t)(tab - line->ptr) : line->len};
    *line = view_from(*line, field.len + 1);
    return field;
}

static weir_view from_hex(arena *a, weir_view hex)
{
    char *out = arena_alloc(a, hex.len / 2 + 1);
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        const char pair[] = {hex.ptr[i], hex.ptr[i + 1], '\0'};
        out[i / 2] = (char)strtol(pair, NULL, 16);
    }
    return (weir_view){out, hex.len / 2};
}

static void read_columns(arena *a, weir_view json, ft_table *t)
{
    tree *list;
    err e = {0};
    assert_int_equal(tree_parse(a, json, NULL, WEIR_E_BUG, &list, &e), WEIR_OK);
    t->columns = arena_array(a, list->count, sizeof *t->columns);
    for (const tree *c = list->first; c; c = c->next) {
        ft_column *to = &t->columns[t->count++];
        to->name = c->first->text;
        assert_true(ft_type_named(c->first->next->text, &to->type));
        to->key = c->last->boolean;
    }
}

static ft_op op_named(weir_view name)
{
    static const char *const names[] = {"UPSERT", "UPDATE", "DELETE", "TRUNCATE"};
    for (int i = 0; i < 4; i++)
        if (view_is(name, names[i]))
            return (ft_op)i;
    fail();
    return FT_UPSERT;
}

static void check_vector(weir_view line)
{
    arena a = {0};
    err e = {0};
    ft_table t = {0};
    ft_misfit misfit;
    buf out = {0}, back = {0};
    weir_view op = take_field(&line), name = take_field(&line), columns = take_field(&line), doc = take_field(&line), hex = take_field(&line);
    weir_view expected = exact(from_hex(&a, hex));
    const char *dot = memchr(name.ptr, '.', name.len);
    t.schema = (weir_view){name.ptr, (size_t)(dot - name.ptr)};
    t.name = view_from(name, t.schema.len + 1);
    read_columns(&a, columns, &t);
    ft_writing *w = ft_writing_new(&t, NULL);
    for (int again = 0; again < 2; again++) { /* the second time the order of the members is known */
        buf_clear(&out);
        if (write_one(w, op_named(op), doc, &out, &misfit, &e))
            fail_msg("%.*s: %s", VIEW_ARG(doc), err_text(&e));
        same_bytes(buf_view(&out), expected, arena_text(&a, doc));
    }
    if (read_one(&t, expected, &back, NULL, NULL, &e))
        fail_msg("%.*s: %s", VIEW_ARG(doc), err_text(&e));
    same_bytes(buf_view(&back), line, arena_text(&a, doc));
    ft_writing_free(w);
    buf_free(&out);
    buf_free(&back);
    drop(expected);
    arena_free(&a);
}

static void test_vectors(void **state)
{
    (void)state;
    buf file = {0};
    err e = {0};
    size_t count = 0;
    const char *others = getenv("WEIR_FIVETRAN_VECTORS"); /* made by the interop suite, of other values each time */
    if (io_read_file(others ? others : SOURCE_ROOT "/tests/unit/proto/fivetran_vectors.txt", 0, &file, &e))
        fail_msg("%s", err_text(&e));
    for (weir_view left = buf_view(&file); left.len; count++) {
        const char *end = memchr(left.ptr, '\n', left.len);
        check_vector((weir_view){left.ptr, (size_t)(end - left.ptr)});
        left = view_from(left, (size_t)(end - left.ptr) + 1);
    }
    assert_true(count > 200);
    buf_free(&file);
}

/* ---- protobuf-c's packer, over records that are made up ---- */

typedef FivetranSdk__V2__ValueType Value;
typedef FivetranSdk__V2__Record__DataEntry Entry;
enum { MOST = 12 };

typedef struct made {
    FivetranSdk__V2__Record record;
    Entry entries[MOST], *list[MOST];
    Value values[MOST];
    Google__Protobuf__Timestamp times[MOST];
    ft_column columns[MOST];
    ft_table table;
    arena memory;
    buf doc;
} made;

static uint64_t seed = 20261127;

static uint64_t any(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static char *any_text(made *m)
{
    static const char *const parts[] = {"a", "bc", "\"", "\\", "\n", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "0123456789abcdef", "/", "\x01"};
    static const size_t lengths[] = {0, 1, 3, 15, 40, 127, 3000};
    buf text = {0};
    for (size_t n = lengths[any() % 7]; n; n--)
        buf_adds(&text, parts[any() % 11]);
    char *own = arena_text(&m->memory, buf_view(&text));
    buf_free(&text);
    return own;
}

static void any_time(made *m, size_t i, ft_type type)
{
    char text[CLOCK_TEXT];
    Google__Protobuf__Timestamp *t = &m->times[i];
    google__protobuf__timestamp__init(t);
    t->seconds = (int64_t)(any() % 315537897600) - 62135596800;
    t->nanos = any() % 2 ? (int32_t)(any() % 1000000000) : 0;
    if (type == FT_NAIVE_DATE) {
        t->seconds -= ((t->seconds % 86400) + 86400) % 86400;
        t->nanos = 0;
    }
    buf_addc(&m->doc, '"');
    buf_add(&m->doc, text, ft_text_of_time(type, t->seconds, t->nanos, text));
    buf_addc(&m->doc, '"');
}

static int64_t any_integer(unsigned bits)
{
    return (int64_t)any() >> (64 - 1 - any() % bits);
}

static void any_value(made *m, size_t i, ft_type type)
{
    Value *v = &m->values[i];
    fivetran_sdk__v2__value_type__init(v);
    v->inner_case = (FivetranSdk__V2__ValueType__InnerCase)ft_value_tag(type);
    if (any() % 10 == 0) {
        v->inner_case = FIVETRAN_SDK__V2__VALUE_TYPE__INNER_NULL;
        v->null = true;
        buf_adds(&m->doc, "null");
    } else if (type == FT_BOOLEAN) {
        v->bool_ = any() & 1;
        buf_adds(&m->doc, v->bool_ ? "true" : "false");
    } else if (type == FT_SHORT || type == FT_INT) {
        v->int_ = (int32_t)any_integer(type == FT_SHORT ? 15 : 31);
        buf_printf(&m->doc, "%d", v->int_);
    } else if (type == FT_LONG) {
        v->long_ = any_integer(63);
        buf_printf(&m->doc, "%lld", (long long)v->long_);
    } else if (type == FT_FLOAT) {
        v->float_ = (float)any_integer(24) / 1024;
        buf_printf(&m->doc, "%.9g", (double)v->float_);
    } else if (type == FT_DOUBLE) {
        uint64_t bits = any();
        memcpy(&v->double_, &bits, sizeof bits);
        v->double_ = isfinite(v->double_) && any() % 2 ? v->double_ : (double)any_integer(40) / 100;
        buf_printf(&m->doc, any() % 2 ? "%.17g" : "%.20e", v->double_);
    } else if (type == FT_DECIMAL) {
        v->decimal = arena_alloc(&m->memory, 64);
        snprintf(v->decimal, 64, "%lld.%0*u", (long long)any_integer(63), 1 + (int)(any() % 9), (unsigned)(any() % 10));
        buf_printf(&m->doc, any() % 2 ? "%s" : "\"%s\"", v->decimal);
    } else if (type == FT_BINARY) {
        v->binary.len = any() % 2 ? any() % 200 : any() % 4;
        v->binary.data = arena_alloc(&m->memory, v->binary.len);
        for (size_t j = 0; j < v->binary.len; j++)
            v->binary.data[j] = (uint8_t)any();
        buf_addc(&m->doc, '"');
        base64_encode(&m->doc, (weir_view){(char *)v->binary.data, v->binary.len});
        buf_addc(&m->doc, '"');
    } else if (type == FT_STRING || type == FT_XML) {
        v->string = any_text(m);
        json_quote(&m->doc, view_of(v->string));
    } else if (type == FT_JSON) {
        size_t at = m->doc.len;
        buf_adds(&m->doc, "{\"x\":[");
        json_quote(&m->doc, view_of(any_text(m)));
        buf_printf(&m->doc, ",%u]}", (unsigned)(any() % 1000));
        v->json = arena_text(&m->memory, view_from(buf_view(&m->doc), at));
    } else {
        v->naive_date = &m->times[i];
        any_time(m, i, type);
    }
}

static void make(made *m)
{
    static const ft_type types[] = {FT_BOOLEAN, FT_SHORT, FT_INT, FT_LONG, FT_DECIMAL, FT_FLOAT, FT_DOUBLE, FT_NAIVE_DATE, FT_NAIVE_DATETIME, FT_UTC_DATETIME,
                                    FT_BINARY, FT_XML, FT_STRING, FT_JSON};
    *m = (made){0};
    fivetran_sdk__v2__record__init(&m->record);
    m->table = (ft_table){.schema = any() % 2 ? VIEW("shop") : (weir_view){0}, .name = VIEW("orders"), .columns = m->columns, .count = any() % (MOST + 1)};
    m->record.table_name = (char *)(uintptr_t)m->table.name.ptr;
    if (m->table.schema.len) {
        m->record._schema_name_case = FIVETRAN_SDK__V2__RECORD___SCHEMA_NAME_SCHEMA_NAME;
        m->record.schema_name = (char *)(uintptr_t)m->table.schema.ptr;
    }
    m->record.type = any() % 2 ? FIVETRAN_SDK__V2__RECORD_TYPE__UPDATE : FIVETRAN_SDK__V2__RECORD_TYPE__UPSERT;
    m->record.data = m->list;
    buf_addc(&m->doc, '{');
    for (size_t i = 0; i < m->table.count; i++) {
        char *name = arena_alloc(&m->memory, 256);
        memset(name, 'n', any() % 3 ? any() % 20 : any() % 200);
        snprintf(name + strlen(name), 8, "%zu", i);
        m->columns[i] = (ft_column){.name = view_of(name), .type = types[any() % (sizeof types / sizeof *types)]};
        fivetran_sdk__v2__record__data_entry__init(&m->entries[i]);
        m->entries[i].key = name;
        m->entries[i].value = &m->values[i];
        m->list[m->record.n_data++] = &m->entries[i];
        buf_printf(&m->doc, "%s\"%s\":", i ? "," : "", name);
        any_value(m, i, m->columns[i].type);
    }
    buf_addc(&m->doc, '}');
}

/* Value by value, as it was made. */
static void check_values(const made *m, weir_view record)
{
    ft_update u = {FT_RECORD, record};
    ft_record rec;
    ft_value v;
    weir_view name;
    err e = {0};
    size_t at = 0;
    assert_int_equal(ft_next_record(&u, &at, &rec, &e), WEIR_OK);
    assert_int_equal(rec.op, m->record.type);
    assert_int_equal(rec.has_schema, m->table.schema.len != 0);
    at = 0;
    for (size_t i = 0; i < m->table.count; i++) {
        assert_int_equal(ft_next_value(&rec, &at, &name, &v, &e), WEIR_OK);
        assert_true(view_eq(name, m->columns[i].name));
        const Value *from = &m->values[i];
        if (from->inner_case == FIVETRAN_SDK__V2__VALUE_TYPE__INNER_NULL) {
            assert_int_equal(v.type, FT_UNSPECIFIED);
            continue;
        }
        assert_int_equal(v.type, m->columns[i].type);
        if (v.type == FT_LONG)
            assert_int_equal(v.integer, from->long_);
        else if (v.type == FT_SHORT || v.type == FT_INT)
            assert_int_equal(v.integer, from->int_);
        else if (v.type == FT_DOUBLE)
            assert_memory_equal(&v.number, &from->double_, sizeof v.number);
        else if (v.type == FT_STRING || v.type == FT_XML || v.type == FT_DECIMAL || v.type == FT_JSON)
            assert_true(view_is(v.text, from->string));
        else if (v.type == FT_BINARY)
            assert_true(view_eq(v.text, (weir_view){(char *)from->binary.data, from->binary.len}));
        else if (v.type == FT_UTC_DATETIME || v.type == FT_NAIVE_DATETIME || v.type == FT_NAIVE_DATE)
            assert_true(v.integer == m->times[i].seconds && v.nanos == m->times[i].nanos);
    }
    assert_int_equal(ft_next_value(&rec, &at, &name, &v, &e), WEIR_STOPPED);
}

static void test_like_protobuf_c(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        made m;
        err e = {0};
        ft_misfit misfit;
        buf out = {0}, doc = {0}, again = {0};
        make(&m);
        size_t size = fivetran_sdk__v2__record__get_packed_size(&m.record);
        char *expected = arena_alloc(&m.memory, size);
        fivetran_sdk__v2__record__pack(&m.record, (uint8_t *)expected);
        ft_writing *w = ft_writing_new(&m.table, NULL);
        if (ft_write_record(w, (ft_op)m.record.type, buf_view(&m.doc), &out, &misfit, &e))
            fail_msg("%s: %s", buf_text(&m.doc), err_text(&e));
        same_bytes(buf_view(&out), (weir_view){expected, size}, buf_text(&m.doc));
        check_values(&m, buf_view(&out));

        /* What is read makes the same record. */
        buf message = {0};
        ft_record_message(buf_view(&out), &message);
        if (read_one(&m.table, buf_view(&message), &doc, NULL, NULL, &e) || ft_write_record(w, (ft_op)m.record.type, buf_view(&doc), &again, &misfit, &e))
            fail_msg("%s: %s", buf_text(&doc), err_text(&e));
        same_bytes(buf_view(&again), buf_view(&out), buf_text(&doc));
        assert_true(json_check(buf_view(&doc), NULL, NULL));
        buf_free(&message);
        buf_free(&out);
        buf_free(&doc);
        buf_free(&again);
        buf_free(&m.doc);
        ft_writing_free(w);
        arena_free(&m.memory);
    }
}

/* ---- memory ---- */

static weir_rc work_of_memory(void)
{
    err e = {0};
    buf out = {0}, back = {0};
    ft_misfit misfit;
    ft_column columns[] = {{.name = VIEW("a"), .type = FT_STRING}, {.name = VIEW("b"), .type = FT_BINARY}, {.name = VIEW("c"), .type = FT_JSON}};
    ft_table t = {.name = VIEW("t"), .columns = columns, .count = 3};
    ft_writing *w = ft_writing_new(&t, NULL);
    ft_reading *r = ft_reading_new(&t);
    weir_rc rc = w && r ? ft_write_record(w, FT_UPSERT, VIEW("{\"a\":\"\\n\",\"\\u0062\":\"AAAA\",\"c\":[1,2,3],\"a\":\"again\"}"), &out, &misfit, &e) : WEIR_E_NOMEM;
    ft_record rec = {.data = buf_view(&out)};
    weir_view unknown;
    if (!rc)
        rc = ft_row_json(r, &rec, &back, NULL, &unknown, &e);
    if (!rc)
        assert_string_equal(buf_text(&back), "{\"b\":\"AAAA\",\"c\":[1,2,3],\"a\":\"again\"}");
    ft_writing_free(w);
    ft_reading_free(r);
    buf_free(&out);
    buf_free(&back);
    err_free(&e);
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    bool again = true;
    size_t n = 0;
    for (; again; n++) {
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = work_of_memory();
        again = fault_clear();
        assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
    }
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors), cmocka_unit_test(test_like_protobuf_c), cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
