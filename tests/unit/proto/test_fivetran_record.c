/* Fivetran's records: beside Google's encoder (fivetran_vectors.txt, see tests/interop/fivetran_vectors.py), beside protobuf-c's packer, and bytes of the protocol
 * page (fivetran.md 1.5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "fault.h"
#include "fivetran_pb/connector_sdk.pb-c.h"
#include "json/scan.h"
#include "json/text.h"
#include "proto/fivetran/moment.h"
#include "proto/fivetran/record.h"

#define BYTES(s) ((weir_view){s, sizeof(s) - 1})

/* A heap block of its exact size, so that a sanitizer sees what reads past it. */
static weir_view exact(weir_view v)
{
    char *p = malloc(v.len ? v.len : 1);
    return (weir_view){v.len ? memcpy(p, v.ptr, v.len) : p, v.len};
}

static void drop(weir_view v)
{
    free((void *)(uintptr_t)v.ptr);
}

static void same_bytes(weir_view found, weir_view expected, const char *of)
{
    if (view_eq(found, expected))
        return;
    fprintf(stderr, "%s\n  expected ", of);
    for (size_t i = 0; i < expected.len; i++)
        fprintf(stderr, "%02x", (unsigned char)expected.ptr[i]);
    fprintf(stderr, "\n  found    ");
    for (size_t i = 0; i < found.len; i++)
        fprintf(stderr, "%02x", (unsigned char)found.ptr[i]);
    fprintf(stderr, "\n  as text  %.*s\n", VIEW_ARG(found));
    fail();
}

/* Writes a document and wraps it as an update. */
static weir_rc write_one(ft_writing *w, ft_op op, weir_view doc, buf *out, ft_misfit *misfit, err *e)
{
    weir_view own = exact(doc);
    buf record = {0};
    weir_rc rc = ft_write_record(w, op, own, &record, misfit, e);
    if (!rc)
        ft_record_message(buf_view(&record), out);
    else
        assert_int_equal(record.len, 0);
    buf_free(&record);
    drop(own);
    return rc;
}

static weir_rc read_one(const ft_table *t, weir_view message, buf *out, uint32_t *types, weir_view *unknown, err *e)
{
    ft_update u;
    ft_record rec;
    size_t at = 0;
    weir_view none;
    weir_rc rc = ft_read_update(message, &u, e);
    if (!rc)
        rc = ft_next_record(&u, &at, &rec, e);
    ft_reading *r = ft_reading_new(t);
    if (!rc)
        rc = ft_row_json(r, &rec, out, types, unknown ? unknown : &none, e);
    ft_reading_free(r);
    return rc;
}

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
        buf message = {0}, second = {0};
        ft_record_message(buf_view(&out), &message);
        if (read_one(&m.table, buf_view(&message), &doc, NULL, NULL, &e) || ft_write_record(w, (ft_op)m.record.type, buf_view(&doc), &again, &misfit, &e))
            fail_msg("%s: %s", buf_text(&doc), err_text(&e));
        same_bytes(buf_view(&again), buf_view(&out), buf_text(&doc));
        assert_true(json_check(buf_view(&doc), NULL, NULL));
        buf_free(&message);
        buf_free(&second);
        buf_free(&out);
        buf_free(&doc);
        buf_free(&again);
        buf_free(&m.doc);
        ft_writing_free(w);
        arena_free(&m.memory);
    }
}

/* ---- messages ---- */

static void test_messages(void **state)
{
    (void)state;
    ft_column a = {.name = VIEW("a"), .type = FT_LONG};
    ft_table t = {.name = VIEW("t"), .columns = &a, .count = 1};
    ft_writing *w = ft_writing_new(&t, NULL);
    ft_batch b = {0};
    buf record = {0}, out = {0};
    err e = {0};
    ft_misfit misfit;
    assert_int_equal(ft_write_record(w, FT_UPSERT, VIEW("{\"a\":7}"), &record, &misfit, &e), WEIR_OK);
    ft_batch_add(&b, buf_view(&record));
    ft_batch_message(&b, &out);
    same_bytes(buf_view(&out), BYTES("\x32\x0e\x0a\x0c\x12\x01\x74\x22\x07\x0a\x01\x61\x12\x02\x28\x07"), "the page's example");
    assert_int_equal(b.count, 0);

    buf_clear(&out);
    ft_checkpoint_message(VIEW("{\"c\":1}"), &out);
    same_bytes(buf_view(&out), BYTES("\x1a\x09\x0a\x07{\"c\":1}"), "checkpoint");
    buf_clear(&out);
    ft_warning_message(BYTES("a\xff"), &out);
    same_bytes(buf_view(&out), BYTES("\x22\x06\x0a\x04\x61\xef\xbf\xbd"), "warning");
    buf_clear(&out);
    ft_task_message(VIEW(""), &out);
    same_bytes(buf_view(&out), BYTES("\x2a\x00"), "task");
    buf_free(&b.records);
    buf_free(&record);
    buf_free(&out);
    ft_writing_free(w);
}

/* Exact to the byte, and to the record. */
static void test_batch(void **state)
{
    (void)state;
    static char bytes[FT_BATCH_BYTES];
    ft_batch b = {0};
    /* 0a + 3 bytes of length + the record */
    assert_true(ft_batch_fits(&b, FT_BATCH_BYTES - 4));
    assert_false(ft_batch_fits(&b, FT_BATCH_BYTES - 3));
    assert_false(ft_batch_fits(&b, SIZE_MAX));
    ft_batch_add(&b, (weir_view){bytes, 50000});
    assert_int_equal(b.records.len, 50004);
    assert_true(ft_batch_fits(&b, 49992));
    assert_false(ft_batch_fits(&b, 49993));
    ft_batch_add(&b, (weir_view){bytes, 49992});
    assert_int_equal(b.records.len, FT_BATCH_BYTES);
    buf out = {0};
    ft_batch_message(&b, &out);
    assert_int_equal(out.len, FT_BATCH_BYTES + 4);
    for (int i = 0; i < FT_BATCH_RECORDS; i++) {
        assert_true(ft_batch_fits(&b, 10));
        ft_batch_add(&b, (weir_view){bytes, 10});
    }
    assert_false(ft_batch_fits(&b, 0));
    buf_free(&b.records);
    buf_free(&out);
}

/* ---- what does not fit ---- */

static const struct {
    ft_type column;
    const char *value;
    ft_type needed;
} misfits[] = {
    {FT_BOOLEAN, "1", FT_STRING},
    {FT_BOOLEAN, "\"true\"", FT_STRING},
    {FT_SHORT, "32768", FT_INT},
    {FT_SHORT, "-32769", FT_INT},
    {FT_SHORT, "2147483648", FT_LONG},
    {FT_INT, "2147483648", FT_LONG},
    {FT_INT, "1.5", FT_DOUBLE},
    {FT_LONG, "9223372036854775808", FT_DECIMAL},
    {FT_LONG, "-9223372036854775809", FT_DECIMAL},
    {FT_LONG, "18446744073709551616", FT_DECIMAL},
    {FT_LONG, "99999999999999999999999999999999999999", FT_DECIMAL},
    {FT_LONG, "100000000000000000000000000000000000000", FT_STRING},
    {FT_LONG, "1.5", FT_DOUBLE},
    {FT_LONG, "1e19", FT_DOUBLE},
    {FT_LONG, "1e400", FT_STRING},
    {FT_LONG, "\"1\"", FT_STRING},
    {FT_LONG, "true", FT_STRING},
    {FT_LONG, "[]", FT_JSON},
    {FT_DOUBLE, "1e400", FT_STRING},
    {FT_DOUBLE, "-1e400", FT_STRING},
    {FT_DOUBLE, "\"x\"", FT_STRING},
    {FT_DOUBLE, "\"0.12345678901234567890\"", FT_STRING}, /* text was chosen so that its digits survive */
    {FT_DOUBLE, "{}", FT_JSON},
    {FT_FLOAT, "1e39", FT_DOUBLE},
    {FT_DECIMAL, "\"NaN\"", FT_STRING},
    {FT_DECIMAL, "\"\"", FT_STRING},
    {FT_DECIMAL, "\"-\"", FT_STRING},
    {FT_DECIMAL, "\"+-1\"", FT_STRING},
    {FT_DECIMAL, "\"1 \"", FT_STRING},
    {FT_DECIMAL, "123456789012345678901234567890123456789", FT_STRING},
    {FT_DECIMAL, "0.00000000000000000000000000000000000001", FT_STRING}, /* 38 decimals */
    {FT_DECIMAL, "1e38", FT_STRING},
    {FT_DECIMAL, "1e999999999999999999999", FT_STRING},
    {FT_DECIMAL, "false", FT_STRING},
    {FT_NAIVE_DATE, "\"2007-02-29\"", FT_STRING},
    {FT_NAIVE_DATE, "20070203", FT_STRING},
    {FT_UTC_DATETIME, "\"2007-02-28T00:00:00\"", FT_STRING},
    {FT_NAIVE_DATETIME, "\"2007-02-28T00:00:00Z\"", FT_STRING},
    {FT_NAIVE_DATETIME, "{}", FT_JSON},
    {FT_BINARY, "\"=\"", FT_STRING},
    {FT_BINARY, "\"AAAAA\"", FT_STRING},
    {FT_BINARY, "1", FT_STRING},
    {FT_XML, "1", FT_STRING},
    {FT_XML, "[]", FT_JSON},
    {FT_STRING, "[1]", FT_JSON},
    {FT_STRING, "{\"a\":1}", FT_JSON},
};

static weir_rc write_value(ft_type type, const char *value, buf *out, ft_misfit *misfit, err *e)
{
    ft_column columns[] = {{.name = VIEW("x"), .type = FT_LONG}, {.name = VIEW("c\xc3\xa4"), .type = type}};
    ft_table t = {.name = VIEW("orders"), .columns = columns, .count = 2};
    ft_writing *w = ft_writing_new(&t, NULL);
    buf doc = {0};
    buf_printf(&doc, "{\"x\":1,\"c\\u00e4\":%s,\"x\":2}", value);
    weir_rc rc = write_one(w, FT_UPSERT, buf_view(&doc), out, misfit, e);
    buf_free(&doc);
    ft_writing_free(w);
    return rc;
}

/* The type that is asked for takes the value. */
static void test_misfits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++) {
        err e = {0};
        ft_misfit misfit = {0};
        buf out = {0};
        assert_int_equal(write_value(misfits[i].column, misfits[i].value, &out, &misfit, &e), WEIR_E_CONFIG);
        assert_int_equal(misfit.column, 1);
        if (misfit.needed != misfits[i].needed)
            fail_msg("%s in %s: %s", misfits[i].value, ft_type_name((int)misfits[i].column), ft_type_name((int)misfit.needed));
        assert_non_null(strstr(err_text(&e), "'c\xc3\xa4'"));
        assert_non_null(strstr(err_text(&e), "'orders'"));
        if (write_value(misfit.needed, misfits[i].value, &out, &misfit, &e))
            fail_msg("%s in %s: %s", misfits[i].value, ft_type_name((int)misfits[i].needed), err_text(&e));
        assert_int_equal(ft_type_join(misfits[i].column, misfits[i].needed), misfits[i].needed);
        err_free(&e);
        buf_free(&out);
    }
}

static void test_unknown_members(void **state)
{
    (void)state;
    static const struct {
        const char *doc, *name;
        ft_type needed;
    } cases[] = {
        {"{\"x\":1,\"new\":2}", "new", FT_LONG},         {"{\"n\\u0065w\":null,\"x\":1}", "new", FT_UNSPECIFIED}, {"{\"new\":[1,{\"a\":\"}\"}],\"x\":1}", "new", FT_JSON},
        {"{\"new\":\"2007-12-03\"}", "new", FT_STRING}, {"{\"\":1.0}", "", FT_DOUBLE},                              {"{ \"X\" : true }", "X", FT_BOOLEAN},
        {"{\"new\":18446744073709551615}", "new", FT_DECIMAL},
    };
    ft_column columns[] = {{.name = VIEW("x"), .type = FT_LONG}};
    ft_table t = {.name = VIEW("t"), .columns = columns, .count = 1};
    ft_writing *w = ft_writing_new(&t, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        ft_misfit misfit = {0};
        buf out = {0};
        assert_int_equal(ft_write_record(w, FT_UPSERT, view_of(cases[i].doc), &out, &misfit, &e), WEIR_E_CONFIG);
        assert_int_equal(misfit.column, SIZE_MAX);
        assert_true(view_is(misfit.name, cases[i].name));
        assert_int_equal(misfit.needed, cases[i].needed);
        err_free(&e);
        buf_free(&out);
    }
    ft_writing_free(w);
}

/* What is not selected is passed over, whatever it holds; the key goes anyway. */
static void test_selection(void **state)
{
    (void)state;
    ft_column columns[] = {{.name = VIEW("k"), .type = FT_LONG, .key = true}, {.name = VIEW("a"), .type = FT_LONG}, {.name = VIEW("b"), .type = FT_LONG}};
    ft_table t = {.name = VIEW("t"), .columns = columns, .count = 3};
    const bool selected[] = {false, false, true};
    ft_writing *w = ft_writing_new(&t, selected);
    static const char *const docs[] = {"{\"k\":1,\"a\":\"no\",\"b\":2}", "{\"a\":{\"b\":[\"\\\"}\"]},\"k\":1,\"b\":2}", "{\"k\":1, \"b\":2, \"a\" : 1e5 }"};
    for (int i = 0; i < 3; i++) {
        err e = {0};
        ft_misfit misfit;
        buf out = {0};
        assert_int_equal(write_one(w, FT_UPSERT, view_of(docs[i]), &out, &misfit, &e), WEIR_OK);
        same_bytes(buf_view(&out), BYTES("\x0a\x15\x12\x01t\x22\x07\x0a\x01k\x12\x02\x28\x01\x22\x07\x0a\x01\x62\x12\x02\x28\x02"), docs[i]);
        buf_free(&out);
    }
    ft_writing_free(w);
}

static void test_no_document(void **state)
{
    (void)state;
    ft_table t = {.name = VIEW("t")};
    ft_writing *w = ft_writing_new(&t, NULL);
    err e = {0};
    ft_misfit misfit;
    buf out = {0};
    assert_int_equal(write_one(w, FT_UPSERT, VIEW(""), &out, &misfit, &e), WEIR_E_BUG);
    assert_int_equal(write_one(w, FT_UPSERT, VIEW("[1]"), &out, &misfit, &e), WEIR_E_BUG);
    assert_int_equal(write_one(w, FT_UPSERT, VIEW(" \n{ } "), &out, &misfit, &e), WEIR_OK);
    same_bytes(buf_view(&out), BYTES("\x0a\x03\x12\x01t"), "{}");
    err_free(&e);
    buf_free(&out);
    ft_writing_free(w);
}

/* ---- reading what others write ---- */

static const ft_column read_columns_of[] = {{.name = VIEW("a"), .type = FT_LONG}, {.name = VIEW("b"), .type = FT_STRING}};
static const ft_table read_table = {.name = VIEW("t"), .columns = (ft_column *)(uintptr_t)read_columns_of, .count = 2};

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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),        cmocka_unit_test(test_like_protobuf_c), cmocka_unit_test(test_messages),     cmocka_unit_test(test_batch),
        cmocka_unit_test(test_misfits),        cmocka_unit_test(test_unknown_members), cmocka_unit_test(test_selection),    cmocka_unit_test(test_no_document),
        cmocka_unit_test(test_last_wins),      cmocka_unit_test(test_odd_values),      cmocka_unit_test(test_odd_entries), cmocka_unit_test(test_refused_values),
        cmocka_unit_test(test_refused),              cmocka_unit_test(test_updates),
        cmocka_unit_test(test_types_seen),      cmocka_unit_test(test_value_texts), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
