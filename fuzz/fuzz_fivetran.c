/* Fivetran's wire. The first byte says what the rest is:
 *   0  an UpdateResponse: its records make documents, which make records that say the same
 *   1  a cold message, of the type that the second byte says: what is accepted can be packed and is then the same
 *   2  types, a byte for each of four columns, and a document: it makes a record once the columns are as wide as it asks for
 *   3  a type and the text of a date or time: what is accepted is written and means the same
 *   4  a JSON Schema: its columns have a schema with the same columns
 */
#include "fuzz.h"

#include "json/scan.h"
#include "json/tree.h"
#include "proto/fivetran/cold.h"
#include "proto/fivetran/moment.h"
#include "proto/fivetran/record.h"

enum { COLUMNS = 4096 };

static ft_column *column_named(ft_table *t, weir_view name)
{
    for (size_t i = 0; i < t->count; i++)
        if (view_eq(t->columns[i].name, name))
            return &t->columns[i];
    MUST(t->count < COLUMNS);
    t->columns[t->count] = (ft_column){.name = name};
    return &t->columns[t->count++];
}

static weir_rc to_document(const ft_table *t, weir_view record, buf *doc, err *e)
{
    ft_update u = {FT_RECORD, record};
    ft_record rec;
    size_t at = 0;
    weir_view unknown;
    ft_reading *r = ft_reading_new(t);
    weir_rc rc = ft_next_record(&u, &at, &rec, e);
    if (!rc)
        rc = ft_row_json(r, &rec, doc, NULL, &unknown, e);
    ft_reading_free(r);
    return rc;
}

/* @param names where the name of a misfit goes; NULL: nobody wants it */
static weir_rc to_record(const ft_table *t, ft_op op, weir_view doc, buf *record, arena *names, ft_misfit *misfit, err *e)
{
    ft_writing *w = ft_writing_new(t, NULL);
    weir_rc rc = ft_write_record(w, op, doc, record, misfit, e);
    if (rc == WEIR_E_CONFIG && names)
        misfit->name = arena_dup(names, misfit->name);
    ft_writing_free(w);
    return rc;
}

static void must_be_json(weir_view doc)
{
    arena a = {0};
    err e = {0};
    tree *t;
    const tree *object;
    MUST(json_check(doc, NULL, NULL));
    if (tree_parse_lenient(&a, doc, NULL, WEIR_E_BUG, &t, &e))
        MUST(!"a document that is no tree");
    object = t;
    MUST(object->kind == TREE_OBJECT);
    arena_free(&a);
}

/* A record of ours says the same after it was a document. */
static void must_come_back(const ft_table *t, ft_op op, weir_view record)
{
    buf doc = {0}, again = {0}, second = {0};
    err e = {0};
    ft_misfit misfit;
    MUST(to_document(t, record, &doc, &e) == WEIR_OK);
    must_be_json(buf_view(&doc));
    MUST(to_record(t, op, buf_view(&doc), &again, NULL, &misfit, &e) == WEIR_OK);
    MUST_EQ(record, buf_view(&again));
    MUST(to_document(t, buf_view(&again), &second, &e) == WEIR_OK);
    MUST_EQ(buf_view(&doc), buf_view(&second));
    buf_free(&doc);
    buf_free(&again);
    buf_free(&second);
}

/* Its columns, with the types that they have in this record. */
static weir_rc take_columns(const ft_record *rec, ft_table *t, err *e)
{
    size_t at = 0;
    weir_view name;
    ft_value v;
    weir_rc rc;
    while (!(rc = ft_next_value(rec, &at, &name, &v, e)))
        column_named(t, name)->type = v.type;
    return rc == WEIR_STOPPED ? WEIR_OK : rc;
}

static bool has_decimals(const ft_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->columns[i].type == FT_DECIMAL)
            return true;
    return false;
}

static void check_record(const ft_record *rec)
{
    static ft_column columns[COLUMNS];
    ft_table t = {.schema = rec->schema, .name = rec->table, .columns = columns};
    buf doc = {0}, record = {0};
    err e = {0};
    ft_misfit misfit = {0};
    weir_rc rc = take_columns(rec, &t, &e);
    MUST(rc == WEIR_OK || rc == WEIR_E_PROTOCOL);
    weir_rc read = to_document(&t, rec->data, &doc, &e);
    MUST(read == WEIR_OK || read == WEIR_E_PROTOCOL);
    if (!rc && !read) {
        must_be_json(buf_view(&doc));
        weir_rc written = to_record(&t, rec->op, buf_view(&doc), &record, NULL, &misfit, &e);
        MUST(written == WEIR_OK || (written == WEIR_E_CONFIG && has_decimals(&t))); /* of more digits than ours may have */
        if (!written && rec->op != FT_TRUNCATE)
            must_come_back(&t, rec->op, buf_view(&record));
    }
    buf_free(&doc);
    buf_free(&record);
    err_free(&e);
}

static void check_update(weir_view message)
{
    ft_update u;
    ft_record rec;
    err e = {0};
    size_t at = 0, before = 0;
    weir_rc rc = ft_read_update(message, &u, &e);
    MUST(rc == WEIR_OK || rc == WEIR_E_PROTOCOL);
    while (!rc && (u.kind == FT_RECORD || u.kind == FT_RECORDS) && !(rc = ft_next_record(&u, &at, &rec, &e))) {
        MUST(at > before);
        before = at;
        MUST(json_utf8(rec.table) && json_utf8(rec.schema));
        check_record(&rec);
    }
    MUST(rc == WEIR_OK || rc == WEIR_STOPPED || rc == WEIR_E_PROTOCOL);
    err_free(&e);
}

static void check_cold(const ProtobufCMessageDescriptor *type, weir_view bytes)
{
    arena a = {0};
    buf packed = {0}, again = {0};
    err e = {0};
    ProtobufCMessage *m;
    weir_rc rc = ft_unpack(&a, type, bytes, &m, &e);
    MUST(rc == WEIR_OK || rc == WEIR_E_PROTOCOL);
    if (!rc) {
        ft_pack(m, &packed);
        MUST(ft_unpack(&a, type, buf_view(&packed), &m, &e) == WEIR_OK);
        ft_pack(m, &again);
        MUST_EQ(buf_view(&packed), buf_view(&again));
    }
    buf_free(&packed);
    buf_free(&again);
    err_free(&e);
    arena_free(&a);
}

static void check_document(const uint8_t *types, weir_view doc)
{
    enum { TRIES = 200, START = 4 };
    static ft_column columns[COLUMNS];
    static const char *const names[START] = {"a", "b", "c", "d"};
    ft_table t = {.name = VIEW("t"), .columns = columns, .count = START};
    arena a = {0};
    buf record = {0};
    err e = {0};
    const char *begin = doc.ptr;
    size_t left = doc.len;
    while (left && strchr(" \n\r\t", *begin) && *begin)
        begin++, left--;
    if (!left || *begin != '{' || !json_check(doc, NULL, NULL))
        return;
    for (int i = 0; i < START; i++)
        columns[i] = (ft_column){.name = view_of(names[i]), .type = (ft_type)(types[i] % FT_TYPES), .key = i == 0};
    for (int tries = 0;; tries++) {
        ft_misfit misfit = {0};
        weir_rc rc = to_record(&t, FT_UPSERT, doc, &record, &a, &misfit, &e);
        if (!rc)
            break;
        MUST(rc == WEIR_E_CONFIG && record.len == 0);
        if (t.count > TRIES)
            goto out;
        ft_column *c = misfit.column == SIZE_MAX ? column_named(&t, misfit.name) : &columns[misfit.column];
        MUST(misfit.column == SIZE_MAX || (misfit.needed != c->type && ft_type_join(misfit.needed, c->type) == misfit.needed));
        c->type = misfit.needed;
        MUST(tries < TRIES * FT_TYPES);
    }
    /* Names that repeat are written as often as they stand there; what is read has them once. */
    buf back = {0}, once = {0};
    ft_misfit misfit;
    MUST(to_document(&t, buf_view(&record), &back, &e) == WEIR_OK);
    must_be_json(buf_view(&back));
    for (size_t i = 0; i < t.count; i++) { /* what had no type has that of its value */
        ft_update u = {FT_RECORD, buf_view(&record)};
        ft_record rec;
        size_t at = 0;
        if (t.columns[i].type == FT_UNSPECIFIED && !ft_next_record(&u, &at, &rec, &e))
            MUST(take_columns(&rec, &t, &e) == WEIR_OK);
    }
    if (to_record(&t, FT_UPSERT, buf_view(&back), &once, NULL, &misfit, &e) == WEIR_OK)
        must_come_back(&t, FT_UPSERT, buf_view(&once));
    buf_free(&back);
    buf_free(&once);
out:
    buf_free(&record);
    err_free(&e);
    arena_free(&a);
}

static void check_time(ft_type type, weir_view text)
{
    int64_t seconds, again;
    uint32_t nanos, same;
    char out[CLOCK_TEXT];
    if (!ft_time_of_text(type, text, &seconds, &nanos))
        return;
    size_t len = ft_text_of_time(type, seconds, (int32_t)nanos, out);
    MUST(len > 0 && len <= CLOCK_TEXT);
    MUST(ft_time_of_text(type, (weir_view){out, len}, &again, &same));
    MUST(again == seconds && same == nanos);
}

static bool columns_of(arena *a, weir_view json, weir_view key, ft_table *ret)
{
    tree *schema;
    err e = {0};
    bool good = !tree_parse(a, json, NULL, WEIR_E_CONFIG, &schema, &e) && !ft_columns_of_schema(a, schema, key, ret, &e);
    err_free(&e);
    return good;
}

static void check_schema(weir_view json)
{
    arena a = {0};
    ft_table first = {0}, second = {0};
    buf schema = {0}, key = {0};
    if (columns_of(&a, json, VIEW("[\"/a\"]"), &first)) {
        ft_schema_of_columns(&first, &schema);
        ft_key_of_columns(&first, &key);
        MUST_EQ(buf_view(&key), VIEW("[\"/a\"]"));
        MUST(columns_of(&a, buf_view(&schema), buf_view(&key), &second));
        MUST(first.count == second.count);
        for (size_t i = 0; i < first.count; i++) {
            const ft_column *c = &first.columns[i], *d = &second.columns[i];
            MUST_EQ(c->name, d->name);
            MUST(c->type == d->type && c->key == d->key && c->precision == d->precision && c->scale == d->scale);
        }
    }
    buf_free(&schema);
    buf_free(&key);
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const ProtobufCMessageDescriptor *const cold[] = {
        &fivetran_sdk__v2__configuration_form_response__descriptor, &fivetran_sdk__v2__test_request__descriptor, &fivetran_sdk__v2__schema_response__descriptor,
        &fivetran_sdk__v2__update_request__descriptor, &fivetran_sdk__v2__update_response__descriptor, &fivetran_sdk__v2__alter_table_request__descriptor,
        &fivetran_sdk__v2__truncate_request__descriptor, &fivetran_sdk__v2__write_history_batch_request__descriptor, &fivetran_sdk__v2__migrate_request__descriptor,
        &fivetran_sdk__v2__describe_table_response__descriptor,
    };
    enum { COLD = sizeof cold / sizeof *cold, TYPES = 4 };
    weir_view rest = {(const char *)bytes + 1, len - 1};
    if (len == 0)
        return 0;
    if (bytes[0] % 5 == 0)
        check_update(rest);
    else if (bytes[0] % 5 == 4)
        check_schema(rest);
    else if (bytes[0] % 5 == 1 && len > 1)
        check_cold(cold[bytes[1] % COLD], view_from(rest, 1));
    else if (bytes[0] % 5 == 2 && len > 1 + TYPES)
        check_document(bytes + 1, view_from(rest, TYPES));
    else if (len > 1)
        check_time((ft_type)(bytes[1] % FT_TYPES), view_from(rest, 1));
    return 0;
}
