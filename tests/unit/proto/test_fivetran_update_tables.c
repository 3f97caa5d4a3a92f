/* What a sync makes of tables: columns that change on the way, values of every type, what is selected (docs/protocols/fivetran.md 1.2, 1.3, 2.3). */
#include <errno.h>
#include <stdlib.h>

#include "fault.h"
#include "fivetran_update.h"

/* ---- tables that change ---- */

static weir_rc misfits(weir_task *t, const weir_binding *b)
{
    weir_rc rc = EMIT(t, b, "{\"id\":1,\"a\":5}", "{\"id\":2,\"a\":\"five\"}", "{\"id\":3,\"a\":6,\"new\":[1]}", "{\"id\":4,\"a\":\"x\",\"new\":null}");
    return rc ? rc : seal(t, b, 1);
}

static void test_columns_are_widened_before_the_record(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, misfits);
    rig_expect(&r, "{\"x\":1}",
               "batch of 1\n  upsert t id=1 a=5\nchange t(id LONG key, a STRING, b STRING, new JSON)\nbatch of 1\n  upsert t id=2 a='five'\n"
               "batch of 2\n  upsert t id=3 a='6' new=json:[1]\n  upsert t id=4 a='x' new=null\n"
               "checkpoint {\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":1}}}\n");
}

/* Where the two lanes of one table are: 1: a column was widened; 2: the other lane has sealed a record with the new type. */
static int reached;

static void reach(int step)
{
    pthread_mutex_lock(&rig_now->lock);
    reached = step;
    pthread_cond_broadcast(&rig_now->more);
    pthread_mutex_unlock(&rig_now->lock);
}

static void await(int step)
{
    pthread_mutex_lock(&rig_now->lock);
    while (reached < step)
        pthread_cond_wait(&rig_now->more, &rig_now->lock);
    pthread_mutex_unlock(&rig_now->lock);
}

static weir_rc widen_or_follow(weir_task *t, void *arg, size_t i)
{
    const weir_binding *b = arg;
    if (i == 1)
        await(1);
    weir_rc rc = emit(t, b, i == 0 ? "{\"id\":1,\"a\":\"one\"}" : "{\"id\":2,\"a\":\"two\"}");
    if (i == 0) {
        reach(1);
        await(2);
    }
    if (!rc)
        rc = seal(t, b, (int64_t)i);
    reach(2);
    return rc;
}

static weir_rc two_lanes(weir_task *t, const weir_binding *b)
{
    return weir_parallel(t, 2, 2, widen_or_follow, (void *)(uintptr_t)b);
}

/* The lane that has widened the column is not the first to write what needs it. */
static void test_a_change_goes_before_the_records_of_every_lane(void **state)
{
    rig r;
    (void)state;
    reached = 0;
    rig_init(&r, &table_t, 1, two_lanes);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    const char *said = buf_text(&r.said), *change = strstr(said, "change t(id LONG key, a STRING, b STRING)\n");
    const char *follower = strstr(said, "upsert t id=2 a='two'\n"), *one = strstr(said, "upsert t id=1 a='one'\n");
    assert_true(change && one && follower);
    assert_true(change < follower && follower < one);
    assert_null(strstr(change + 1, "change"));
    rig_free(&r);
}

static weir_rc sourced(weir_task *t, const weir_binding *b)
{
    static const weir_view same = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}"),
                           more = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"number\"},\"c\":{\"type\":\"boolean\"}");
    weir_rc rc = weir_sourced_schema(t, b, same);
    if (!rc)
        rc = emit(t, b, "{\"id\":1,\"a\":5}");
    if (!rc)
        rc = weir_sourced_schema(t, b, more);
    if (!rc)
        rc = emit(t, b, "{\"id\":1,\"a\":5.5,\"c\":true}");
    return rc ? rc : seal(t, b, 1);
}

static void test_a_schema_that_the_source_says(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, sourced);
    rig_expect(&r, "{\"x\":1}",
               "batch of 1\n  upsert t id=1 a=5\nchange t(id LONG key, a DOUBLE, b STRING, c BOOLEAN)\nbatch of 1\n  upsert t id=1 a=double:5.5 c=true\n"
               "checkpoint {\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":1}}}\n");
}

static weir_rc platforms_name(weir_task *t, const weir_binding *b)
{
    return emit(t, b, "{\"id\":1,\"_fivetran_synced\":1}");
}

static void test_names_of_the_platform_are_refused(void **state)
{
    static const weir_stream bad = {.name = WEIR_LIT("t"), .schema = SCHEMA("\"_fivetran_id\":{\"type\":\"string\"}")};
    rig r;
    (void)state;
    rig_init(&r, &table_t, 1, platforms_name);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    assert_non_null(strstr(buf_text(&r.said), "task binding t: column '_fivetran_synced' of 't': names that begin with _fivetran_ are the platform's own\n"));
    rig_free(&r);
    rig_init(&r, &bad, 1, nothing);
    rig_expect(&r, "", "task stream 't': the column '_fivetran_id' of 't': names that begin with _fivetran_ are the platform's own\n");
}

/* ---- typed values ---- */

static const weir_stream typed_table = {
    .name = WEIR_LIT("t"), .key = WEIR_LIT("[\"/id\"]"),
    .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"s\":{\"type\":\"string\"},\"f\":{\"type\":\"number\"},\"y\":{\"type\":\"boolean\"},"
                     "\"at\":{\"type\":\"string\",\"format\":\"date-time\"},\"raw\":{\"type\":\"string\",\"contentEncoding\":\"base64\"},"
                     "\"price\":{\"type\":\"string\",\"format\":\"number\"},\"o\":{\"type\":\"object\"},\"any\":{}")};

static const weir_name n_id = WEIR_NAME("id"), n_s = WEIR_NAME("s"), n_f = WEIR_NAME("f"), n_y = WEIR_NAME("y"), n_at = WEIR_NAME("at"), n_raw = WEIR_NAME("raw"),
                       n_price = WEIR_NAME("price"), n_o = WEIR_NAME("o"), n_any = WEIR_NAME("any"), n_in = WEIR_NAME("in"), n_odd = WEIR_NAME("odd");

static weir_rc put_row(weir_task *t, const weir_binding *b, int64_t id)
{
    weir_rc rc = weir_begin(t, b, WEIR_UPSERT);
    if (rc)
        return rc;
    weir_put_int(t, n_id, id);
    weir_put_text(t, n_s, (weir_view)WEIR_LIT("K\xc3\xb6ln \"x\""));
    weir_put_double(t, n_f, 0.1);
    weir_put_bool(t, n_y, true);
    weir_put_time(t, n_at, 1700000000, 500000000);
    weir_put_bytes(t, n_raw, "\0\1\2", 3);
    weir_put_decimal(t, n_price, (weir_view)WEIR_LIT("12345678901234567890.12"));
    weir_open_object(t, n_o);
    weir_open_array(t, n_in);
    weir_put_int(t, WEIR_ITEM, 1);
    weir_put_text(t, WEIR_ITEM, (weir_view)WEIR_LIT("two"));
    weir_close(t);
    weir_close(t);
    weir_put_uint(t, n_any, 7);
    return weir_end(t);
}

static weir_rc typed_rows(weir_task *t, const weir_binding *b)
{
    weir_rc rc = put_row(t, b, 1);
    return rc ? rc : seal(t, b, 1);
}

static weir_rc text_rows(weir_task *t, const weir_binding *b)
{
    weir_rc rc = emit(t, b, "{\"id\":1,\"s\":\"K\xc3\xb6ln \\\"x\\\"\",\"f\":0.1,\"y\":true,\"at\":\"2023-11-14T22:13:20.500Z\",\"raw\":\"AAEC\","
                            "\"price\":12345678901234567890.12,\"o\":{\"in\":[1,\"two\"]},\"any\":7}");
    return rc ? rc : seal(t, b, 1);
}

static void test_typed_values_are_the_same_records(void **state)
{
    static const char said[] = "batch of 1\n  upsert t id=1 s='K\xc3\xb6ln \"x\"' f=double:0.10000000000000001 y=true at=utc:1700000000.500000000 raw=binary:3 "
                               "price=decimal:12345678901234567890.12 o=json:{\"in\":[1,\"two\"]} any=7\ncheckpoint {\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":1}}}\n";
    rig r;
    (void)state;
    rig_init(&r, &typed_table, 1, text_rows);
    rig_expect(&r, "{\"x\":1}", said);
    rig_init(&r, &typed_table, 1, typed_rows);
    rig_expect(&r, "{\"x\":1}", said);
}

static weir_rc typed_oddities(weir_task *t, const weir_binding *b)
{
    weir_begin(t, b, WEIR_UPSERT); /* out of order, of other types, one that is new, one twice, nulls */
    weir_put_bool(t, n_s, true);
    weir_put_int(t, n_f, 3);
    weir_put_null(t, n_y);
    weir_put_text(t, n_odd, (weir_view)WEIR_LIT("x"));
    weir_put_int(t, n_id, 1);
    weir_put_text(t, n_any, (weir_view)WEIR_LIT("x"));
    weir_rc rc = weir_end(t);
    if (!rc)
        rc = weir_begin(t, b, WEIR_UPSERT);
    if (rc)
        return rc;
    weir_put_int(t, n_id, 2);
    weir_put_text(t, n_s, (weir_view)WEIR_LIT("y"));
    weir_put_json(t, n_o, (weir_view)WEIR_LIT("{ \"a\" :\n1}"));
    rc = weir_end(t);
    return rc ? rc : seal(t, b, 1);
}

static void test_typed_values_that_fit_no_column(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &typed_table, 1, typed_oddities);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    const char *change = strstr(buf_text(&r.said), "odd STRING)\n"), *first = strstr(buf_text(&r.said), "  upsert t s='true' f=double:3 y=null odd='x' id=1 any='x'\n");
    assert_true(change && first && change < first);
    assert_non_null(strstr(buf_text(&r.said), "  upsert t id=2 s='y' o=json:{\"a\":1}\n"));
    rig_free(&r);
}

#define DIGITS_39 "123456789012345678901234567890123456789"

static weir_rc typed_long_decimal(weir_task *t, const weir_binding *b)
{
    weir_begin(t, b, WEIR_UPSERT);
    weir_put_int(t, n_id, 1);
    weir_put_decimal(t, n_price, (weir_view)WEIR_LIT(DIGITS_39));
    weir_rc rc = weir_end(t);
    return rc ? rc : seal(t, b, 1);
}

static weir_rc text_long_decimal(weir_task *t, const weir_binding *b)
{
    weir_rc rc = emit(t, b, "{\"id\":1,\"price\":" DIGITS_39 "}");
    return rc ? rc : seal(t, b, 1);
}

/* A DECIMAL has 38 digits. */
static void test_decimals_that_are_too_long(void **state)
{
    static rig_pull *const ways[] = {typed_long_decimal, text_long_decimal};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        rig r;
        rig_init(&r, &typed_table, 1, ways[i]);
        assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
        assert_non_null(strstr(buf_text(&r.said), "price STRING"));
        assert_non_null(strstr(buf_text(&r.said), "  upsert t id=1 price='" DIGITS_39 "'\n"));
        rig_free(&r);
    }
}

static weir_rc typed_mistake(weir_task *t, const weir_binding *b)
{
    weir_rc rc = put_row(t, b, 1);
    if (rc)
        return rc;
    weir_begin(t, b, WEIR_UPSERT);
    weir_put_int(t, n_id, 2);
    weir_put_text(t, n_s, (weir_view)WEIR_LIT("\xff"));
    assert_int_equal(weir_end(t), WEIR_E_REMOTE);
    weir_begin(t, b, WEIR_UPSERT);
    weir_put_int(t, WEIR_ITEM, 2);
    assert_int_equal(weir_end(t), WEIR_E_BUG);
    weir_begin(t, b, WEIR_UPSERT);
    weir_open_array(t, n_o);
    assert_int_equal(weir_end(t), WEIR_E_BUG);
    return seal(t, b, 1);
}

static void test_documents_with_mistakes_are_taken_back(void **state)
{
    rig r;
    (void)state;
    rig_init(&r, &typed_table, 1, typed_mistake);
    assert_int_equal(rig_sync(&r, "{\"x\":1}"), WEIR_OK);
    assert_int_equal(r.records, 1);
    rig_free(&r);
}

/* ---- what Flow's rules add ---- */

static weir_rc wrapped(weir_task *t, const weir_binding *b)
{
    weir_rc rc = EMIT(t, b, "{\"_meta\":{\"row_id\":1},\"a\":1}", "{\"a\":2,\"_meta\":{\"row_id\":2}}");
    return rc ? rc : seal(t, b, 1);
}

static void test_row_ids_are_taken_off(void **state)
{
    static const weir_stream keyless = {.name = WEIR_LIT("t"), .key = WEIR_LIT("[\"/_meta/row_id\"]"),
                                        .schema = SCHEMA("\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":{\"type\":\"integer\"}}},\"a\":{\"type\":\"integer\"}")};
    rig r;
    (void)state;
    rig_init(&r, &keyless, 1, wrapped);
    rig_expect(&r, "{\"x\":1}", "batch of 2\n  upsert t a=1\n  upsert t a=2\ncheckpoint {\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":1}}}\n");
}

static weir_rc flow_deletion(weir_task *t, const weir_binding *b)
{
    weir_rc rc = EMIT(t, b, "{\"_meta\":{\"op\":\"u\"},\"id\":1,\"a\":1}", "{\"_meta\":{\"op\":\"d\"},\"id\":1,\"a\":1}");
    return rc ? rc : seal(t, b, 1);
}

static void test_deletions_that_a_document_tells(void **state)
{
    static const weir_stream flow = {.name = WEIR_LIT("t"), .key = WEIR_LIT("[\"/id\"]"),
                                     .schema = SCHEMA("\"_meta\":{\"type\":\"object\",\"properties\":{\"op\":{\"type\":\"string\"}}},\"id\":{\"type\":\"integer\"},"
                                                      "\"a\":{\"type\":\"integer\"}")};
    rig r;
    (void)state;
    rig_init(&r, &flow, 1, flow_deletion);
    rig_expect(&r, "{\"x\":1}",
               "batch of 2\n  upsert t _meta=json:{\"op\":\"u\"} id=1 a=1\n  delete t id=1\ncheckpoint {\"x\":1,\"bindingStateV1\":{\"t\":{\"n\":1}}}\n");
}

/* ---- selection ---- */

static const weir_stream schemas[] = {
    {.name = WEIR_LIT("one"), .name_space = WEIR_LIT("s"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}")},
    {.name = WEIR_LIT("two"), .name_space = WEIR_LIT("s"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}")},
    {.name = WEIR_LIT("one"), .name_space = WEIR_LIT("z"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}")},
    {.name = WEIR_LIT("bare"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}")},
};

static weir_rc one_row(weir_task *t, const weir_binding *b)
{
    weir_rc rc = emit(t, b, "{\"id\":1,\"a\":2,\"new\":3}");
    return rc ? rc : weir_checkpoint(t, NULL, (weir_view)WEIR_LIT("{\"x\":2}"));
}

/* @return the lines of records, without batches and changes */
static const char *records_of(rig *r)
{
    static char lines[1024];
    size_t at = 0;
    for (const char *line = buf_text(&r->said); *line; line = strchr(line, '\n') + 1) {
        size_t len = (size_t)(strchr(line, '\n') - line) + 1;
        if (strncmp(line, "  upsert ", 9) == 0)
            at += (size_t)snprintf(lines + at, sizeof lines - at, "%.*s", (int)(len - 9), line + 9);
    }
    lines[at] = '\0';
    return lines;
}

static void expect_selected(const weir_stream *streams, size_t count, const FivetranSdk__V2__Selection *s, const char *rows)
{
    rig r;
    rig_init(&r, streams, count, one_row);
    assert_int_equal(rig_sync_with(&r, "{\"x\":1}", s, -1), WEIR_OK);
    assert_string_equal(records_of(&r), rows);
    rig_free(&r);
}

typedef FivetranSdk__V2__TableSelection__ColumnsEntry column_entry;
#define COLUMN(name, chosen) (&(column_entry){.base = PROTOBUF_C_MESSAGE_INIT(&fivetran_sdk__v2__table_selection__columns_entry__descriptor), .key = (char[]){name}, .value = (chosen)})

static FivetranSdk__V2__TableSelection table_selection(const char *name, bool included, column_entry **columns, size_t count, bool new_columns)
{
    FivetranSdk__V2__TableSelection t;
    fivetran_sdk__v2__table_selection__init(&t);
    t.table_name = (char *)(uintptr_t)name;
    t.included = included;
    t.columns = columns;
    t.n_columns = count;
    t.include_new_columns = new_columns;
    return t;
}

static void test_selection_without_schemas(void **state)
{
    static const weir_stream two_tables[] = {
        {.name = WEIR_LIT("one"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}")},
        {.name = WEIR_LIT("two"), .key = WEIR_LIT("[\"/id\"]"), .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}")},
    };
    column_entry *without_a[] = {COLUMN("a", false)}, *with_a[] = {COLUMN("a", false), COLUMN("a", true), COLUMN("id", false)};
    FivetranSdk__V2__TableSelection one = table_selection("one", true, without_a, 1, false), *tables[] = {&one};
    FivetranSdk__V2__TablesWithNoSchema list;
    FivetranSdk__V2__Selection s;
    (void)state;
    fivetran_sdk__v2__tables_with_no_schema__init(&list);
    fivetran_sdk__v2__selection__init(&s);
    expect_selected(two_tables, 2, NULL, "one id=1 a=2 new=3\ntwo id=1 a=2 new=3\n");
    expect_selected(two_tables, 2, &s, "one id=1 a=2 new=3\ntwo id=1 a=2 new=3\n");
    s.selection_case = FIVETRAN_SDK__V2__SELECTION__SELECTION_WITHOUT_SCHEMA;
    s.without_schema = &list;
    expect_selected(two_tables, 2, &s, "");
    list.include_new_tables = true;
    expect_selected(two_tables, 2, &s, "one id=1 a=2 new=3\ntwo id=1 a=2 new=3\n");
    list.tables = tables;
    list.n_tables = 1;
    expect_selected(two_tables, 2, &s, "one id=1\ntwo id=1 a=2 new=3\n"); /* `new` is new; keys are always there */
    one = table_selection("one", true, without_a, 1, true);
    expect_selected(two_tables, 2, &s, "one id=1 new=3\ntwo id=1 a=2 new=3\n");
    one = table_selection("one", true, with_a, 3, false); /* of a name that is there twice the last one counts */
    expect_selected(two_tables, 2, &s, "one id=1 a=2\ntwo id=1 a=2 new=3\n");
    one = table_selection("one", false, with_a, 3, true);
    list.include_new_tables = false;
    expect_selected(two_tables, 2, &s, "");
}

static void test_selection_with_schemas(void **state)
{
    column_entry *without_a[] = {COLUMN("a", false)};
    FivetranSdk__V2__TableSelection one = table_selection("one", true, without_a, 1, false), *tables[] = {&one};
    FivetranSdk__V2__SchemaSelection schema, *list[] = {&schema};
    FivetranSdk__V2__TablesWithSchema with;
    FivetranSdk__V2__Selection s;
    (void)state;
    fivetran_sdk__v2__schema_selection__init(&schema);
    fivetran_sdk__v2__tables_with_schema__init(&with);
    fivetran_sdk__v2__selection__init(&s);
    s.selection_case = FIVETRAN_SDK__V2__SELECTION__SELECTION_WITH_SCHEMA;
    s.with_schema = &with;
    schema.schema_name = (char[]){"s"};
    schema.tables = tables;
    schema.n_tables = 1;
    with.schemas = list;
    with.n_schemas = 1;
    expect_selected(schemas, 4, &s, "");
    schema.included = true;
    expect_selected(schemas, 4, &s, "s.one id=1\n");
    schema.include_new_tables = true;
    expect_selected(schemas, 4, &s, "s.one id=1\ns.two id=1 a=2 new=3\n");
    with.include_new_schemas = true;
    expect_selected(schemas, 4, &s, "s.one id=1\ns.two id=1 a=2 new=3\nz.one id=1 a=2 new=3\ndefault.bare id=1 a=2 new=3\n");
    schema.included = false;
    expect_selected(schemas, 4, &s, "z.one id=1 a=2 new=3\ndefault.bare id=1 a=2 new=3\n");
}

/* ---- without memory ---- */

static weir_rc everything(weir_task *t, const weir_binding *b)
{
    weir_rc rc = operations(t, b);
    if (!rc)
        rc = misfits(t, b);
    if (!rc)
        rc = large(t, b);
    if (!rc && !(rc = weir_begin(t, b, WEIR_UPSERT))) {
        weir_put_int(t, n_id, 9);
        weir_put_text(t, n_odd, (weir_view)WEIR_LIT("x"));
        weir_open_object(t, n_o);
        weir_put_bool(t, n_in, true);
        weir_close(t);
        rc = weir_end(t);
    }
    return rc ? rc : seal(t, b, 9);
}

typedef struct tally {
    size_t messages, bytes;
} tally;

static weir_rc count_message(void *arg, buf *message, bool more, err *e)
{
    tally *c = arg;
    (void)more;
    (void)e;
    c->messages++;
    c->bytes += message->len;
    buf_free(message);
    return WEIR_OK;
}

/* Each allocation fails in turn: then the sync fails, or nothing is missing from it. */
static void test_without_memory(void **state)
{
    rig r;
    tally whole = {0};
    tree *config;
    bool again = true;
    (void)state;
    rig_init(&r, &typed_table, 1, everything);
    assert_int_equal(tree_parse(&r.arena, VIEW("{}"), NULL, WEIR_E_BUG, &config, &r.e), WEIR_OK);
    for (size_t n = SIZE_MAX; again; n++) {
        tally got = {0};
        const ft_sync o = {.c = &r.connector, .config = config, .state = VIEW("{}"), .out = {count_message, &got}, .stop_fd = -1};
        err_clear(&r.e);
        if (n != SIZE_MAX)
            fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = ft_sync_run(&o, &r.e);
        again = n == SIZE_MAX || fault_clear();
        if (n == SIZE_MAX)
            whole = got;
        if (rc && rc != WEIR_E_NOMEM)
            print_error("allocation %zu: %d %s\n", n, rc, err_text(&r.e));
        if (!rc && got.messages != whole.messages)
            print_error("allocation %zu: %zu messages\n", n, got.messages);
        assert_true(rc == WEIR_E_NOMEM || rc == WEIR_OK);
        if (rc == WEIR_OK)
            assert_true(got.messages == whole.messages && got.bytes == whole.bytes);
    }
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_widened_before_the_record),
        cmocka_unit_test(test_a_change_goes_before_the_records_of_every_lane),
        cmocka_unit_test(test_a_schema_that_the_source_says),
        cmocka_unit_test(test_names_of_the_platform_are_refused),
        cmocka_unit_test(test_typed_values_are_the_same_records),
        cmocka_unit_test(test_typed_values_that_fit_no_column),
        cmocka_unit_test(test_decimals_that_are_too_long),
        cmocka_unit_test(test_documents_with_mistakes_are_taken_back),
        cmocka_unit_test(test_row_ids_are_taken_off),
        cmocka_unit_test(test_deletions_that_a_document_tells),
        cmocka_unit_test(test_selection_without_schemas),
        cmocka_unit_test(test_selection_with_schemas),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
