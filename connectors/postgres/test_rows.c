/* materialize-postgres as the runtime drives it, looked at through a connection of its own. The server is the one that $WEIR_POSTGRES, the connector's settings
 * in JSON, and the variables of libpq name: tests/suites/postgres makes one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/log.h"
#include "json/text.h"
#include "run/session.h"

extern const weir_connector materialize_postgres;

enum { COLUMNS = 12 };

#define STR  WEIR_IS_STRING
#define INT  WEIR_IS_INTEGER
#define NUM  WEIR_IS_NUMBER
#define BOOL WEIR_IS_BOOLEAN
#define OBJ  WEIR_IS_OBJECT
#define ARR  WEIR_IS_ARRAY

typedef struct run {
    listener as_listener; /* first */
    session *s;
    log_sink *log;
    weir_binding b;
    weir_column columns[COLUMNS];
    arena a;
    err e;
    char *resumed;
    buf loaded; /* one document a line */
} run;

static PGconn *eyes;

/* ------------------------------------------------------------------------------------------------------------------- rig -- */

static weir_rc on_loaded(listener *l, weir_task *t, const weir_row *row, weir_view doc)
{
    run *r = (run *)l;
    (void)t, (void)row;
    buf_addv(&r->loaded, doc);
    buf_addc(&r->loaded, '\n');
    return WEIR_OK;
}

static weir_rc on_resume(listener *l, weir_task *t, weir_view position)
{
    run *r = (run *)l;
    (void)t;
    free(r->resumed);
    r->resumed = strndup(position.ptr ? position.ptr : "", position.len);
    return WEIR_OK;
}

static const listener_ops ops = {.loaded = on_loaded, .resume = on_resume};

static void begin(run *r, const char *task)
{
    tree *config;
    *r = (run){.as_listener = {&ops}, .log = log_open(2)};
    r->s = session_new(&(session_options){.connector = &materialize_postgres, .to = &r->as_listener, .log = r->log, .task_name = view_of(task)});
    assert_non_null(r->s);
    assert_int_equal(tree_parse(&r->a, view_of(getenv("WEIR_POSTGRES")), NULL, WEIR_E_BUG, &config, &r->e), WEIR_OK);
    if (session_open(r->s, config, &r->e))
        fail_msg("open: %s", err_text(&r->e));
}

static void end(run *r)
{
    session_free(r->s);
    log_close(r->log);
    free(r->resumed);
    buf_free(&r->loaded);
    arena_free(&r->a);
    err_free(&r->e);
}

static weir_column col(const char *field, unsigned types) { return (weir_column){.field = view_of(field), .types = types}; }

static weir_column formatted(const char *field, unsigned types, const char *format)
{
    return (weir_column){.field = view_of(field), .types = types, .format = view_of(format)};
}

static weir_column at(const char *field, unsigned types, const char *pointer)
{
    return (weir_column){.field = view_of(field), .types = types, .pointer = (weir_view){pointer, strlen(pointer)}};
}

/* The columns, of which the first `keys` are the key; ended by one without a name. A cursor and an epoch may be named. */
static void bind(run *r, const char *table, size_t keys, const char *cursor, const char *epoch, const weir_column *columns)
{
    weir_binding *b = &r->b;
    *b = (weir_binding){.name = view_of("acme/docs"), .columns = r->columns, .key_count = keys, .pushed = cursor != NULL};
    for (; columns->field.ptr; columns++) {
        weir_column *c = &r->columns[b->column_count++];
        *c = *columns;
        c->key = b->column_count <= keys;
        if (!c->pointer.ptr)
            c->pointer = arena_printf(&r->a, "/%.*s", VIEW_ARG(c->field));
    }
    b->cursor = view_of(cursor ? cursor : "");
    b->epoch = view_of(epoch ? epoch : "");
    tree *resource;
    assert_int_equal(tree_parse(&r->a, arena_printf(&r->a, "{\"table\":\"%s\"}", table), NULL, WEIR_E_BUG, &resource, &r->e), WEIR_OK);
    const tree *const resources[] = {resource};
    if (session_bind(r->s, b, resources, 1, (weir_view){0}, &r->e) || session_apply(r->s, &r->e) || session_acknowledge(r->s, &r->e))
        fail_msg("apply: %s", err_text(&r->e));
}

#define BIND(r, table, keys, ...) bind(r, table, keys, NULL, NULL, (const weir_column[]){__VA_ARGS__, {.types = 0}})

typedef struct given {
    weir_op op;
    bool regardless;
    const char *doc;
    const char *values[COLUMNS];
} given;

static weir_rc try_put(run *r, const given *rows, size_t count)
{
    weir_view values[8][COLUMNS];
    weir_row all[8];
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < r->b.column_count; k++)
            values[i][k] = rows[i].values[k] ? view_of(rows[i].values[k]) : (weir_view){0};
        all[i] = (weir_row){.binding = &r->b, .op = rows[i].op, .regardless = rows[i].regardless, .values = values[i],
                            .doc = rows[i].doc ? view_of(rows[i].doc) : (weir_view){0}};
    }
    return session_store(r->s, all, count, &r->e);
}

static void put(run *r, const given *rows, size_t count)
{
    if (try_put(r, rows, count))
        fail_msg("store: %s", err_text(&r->e));
}

#define PUT(r, ...)    put(r, (const given[]){{.values = {__VA_ARGS__}}}, 1)
#define PART(r, d, ...) put(r, (const given[]){{.op = WEIR_UPDATE, .doc = d, .values = {__VA_ARGS__}}}, 1)
#define REMOVE(r, ...) put(r, (const given[]){{.op = WEIR_DELETE, .values = {__VA_ARGS__}}}, 1)

static void commit(run *r, const char *position)
{
    if (session_commit(r->s, view_of(position), &r->e))
        fail_msg("commit: %s", err_text(&r->e));
}

static const char *load(run *r, const char *key, const char *second)
{
    weir_view keys[2][2] = {{view_of(key)}, {view_of(second)}};
    weir_row rows[] = {{.binding = &r->b, .values = keys[0]}, {.binding = &r->b, .values = keys[1]}};
    buf_clear(&r->loaded);
    if (session_load(r->s, rows, 2, &r->e))
        fail_msg("load: %s", err_text(&r->e));
    return buf_text(&r->loaded);
}

static void expire(run *r, const char *age, int64_t below, const char *mark, const char *value)
{
    weir_expiry x = {.below = below, .value = view_of(value ? value : "")};
    for (size_t i = 0; i < r->b.column_count; i++) {
        x.age = age && view_eq(r->b.columns[i].field, view_of(age)) ? &r->b.columns[i] : x.age;
        x.mark = mark && view_eq(r->b.columns[i].field, view_of(mark)) ? &r->b.columns[i] : x.mark;
    }
    if (session_expire(r->s, &r->b, &x, &r->e))
        fail_msg("expire: %s", err_text(&r->e));
}

static void assert_gives(const char *sql, const char *want)
{
    PGresult *rows = PQexec(eyes, sql);
    buf out = {0};
    if (PQresultStatus(rows) != PGRES_TUPLES_OK && PQresultStatus(rows) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(eyes));
    for (int i = 0; i < PQntuples(rows); i++)
        for (int k = 0; k < PQnfields(rows); k++)
            buf_printf(&out, "%s%s", k ? "|" : i ? " " : "", PQgetisnull(rows, i, k) ? "NULL" : PQgetvalue(rows, i, k));
    buf_addc(&out, 0);
    PQclear(rows);
    if (strcmp(out.ptr, want) != 0)
        fail_msg("%s\n gives  %s\n wanted %s", sql, out.ptr, want);
    buf_free(&out);
}

/* ----------------------------------------------------------------------------------------------------------------- tests -- */

static void test_load(void **state)
{
    run r;
    (void)state;
    begin(&r, "acme/load");
    weir_column bytes = col("bytes", STR);
    bytes.encoding = VIEW("base64");
    BIND(&r, "load", 1, col("id", STR), col("n", INT), col("x", NUM), col("yes", BOOL), bytes, at("deep", NUM, "/a/b/c"), at("tilde", STR, "/a/x~1y~0z"),
         col("obj", OBJ), col("mixed", STR | ARR), formatted("t", STR, "date-time"), formatted("clock", STR, "time"), formatted("nan", STR | NUM, "number"));
    PUT(&r, "\"\\u0001\\\"k\"", "7", "12345678901234567890.10", "true", "\"AAEC\"", "0.1", "\"t\"", "{\"k\": [1]}", "[1]", "\"2020-01-02T03:04:05.6+01:00\"",
        "\"10:11:12Z\"", "\"NaN\"");
    PUT(&r, "\"few\"", NULL, "2", "null", NULL, NULL, NULL, NULL, "\"[1\"", NULL, NULL, "3");
    assert_string_equal(load(&r, "\"\\u0001\\\"k\"", "\"no\""),
                        "{\"id\":\"\\u0001\\\"k\",\"n\":7,\"x\":12345678901234567890.10,\"yes\":true,\"bytes\":\"AAEC\","
                        "\"a\":{\"b\":{\"c\":0.1},\"x/y~z\":\"t\"},\"obj\":{\"k\": [1]},\"mixed\":[1],\"t\":\"2020-01-02T02:04:05.6Z\",\"clock\":\"10:11:12Z\","
                        "\"nan\":\"NaN\"}\n"); /* seen before it is committed, too */
    commit(&r, "{}");
    assert_string_equal(load(&r, "\"few\"", "5"), "{\"id\":\"few\",\"x\":2,\"mixed\":\"[1\",\"nan\":\"3\"}\n");
    assert_string_equal(load(&r, "\"nu\\u0000l\"", "\"few\""), "{\"id\":\"few\",\"x\":2,\"mixed\":\"[1\",\"nan\":\"3\"}\n");
    end(&r);

    begin(&r, "acme/load"); /* a column with the whole document is the answer */
    BIND(&r, "whole", 1, col("id", INT), at("flow_document", OBJ, ""));
    PUT(&r, "1", "{\"id\":1,\"other\":1.000000000000000000001}");
    assert_string_equal(load(&r, "1", "2"), "{\"id\": 1, \"other\": 1.000000000000000000001}\n");
    end(&r);
}

static void test_resume(void **state)
{
    run r, older;
    (void)state;
    begin(&r, "acme/resume");
    BIND(&r, "resume", 1, col("id", INT));
    assert_string_equal(r.resumed, ""); /* it keeps the checkpoint itself, and there is none */
    PUT(&r, "1");
    commit(&r, "{\"at\":1}");
    PUT(&r, "2"); /* never committed */
    end(&r);
    begin(&older, "acme/resume");
    BIND(&older, "resume", 1, col("id", INT));
    assert_string_equal(older.resumed, "{\"at\":1}");
    PUT(&older, "3");
    commit(&older, "{\"at\":2}");

    begin(&r, "acme/resume"); /* the newer one takes over, whatever the older one has under way */
    PUT(&older, "4");
    BIND(&r, "resume", 1, col("id", INT));
    assert_string_equal(r.resumed, "{\"at\":2}");
    assert_int_equal(session_commit(older.s, view_of("{\"at\":3}"), &older.e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&older.e), "fenced off: another run of task \"acme/resume\" has taken over"));
    end(&older);
    PUT(&r, "5");
    commit(&r, "{\"at\":4}");
    end(&r);
    assert_gives("SELECT id FROM resume ORDER BY id", "1 3 5");
    assert_gives("SELECT fence, checkpoint, key_begin, key_end FROM weir_checkpoints WHERE task = 'acme/resume'", "3|{\"at\":4}|0|4294967295");
}

static void test_ranges(void **state)
{
    run r;
    (void)state;
    begin(&r, "acme/split");
    BIND(&r, "split", 1, col("id", INT));
    commit(&r, "{\"at\":1}");
    assert_gives("INSERT INTO weir_checkpoints VALUES ('acme/split', 0, 2147483647, 5, 'low'), ('acme/split', 4294967296, 4294967297, 6, 'none')", "");
    end(&r);
    begin(&r, "acme/split"); /* of ranges that overlap with ours, all are fenced */
    BIND(&r, "split", 1, col("id", INT));
    assert_string_equal(r.resumed, "{\"at\":1}");
    assert_gives("SELECT fence FROM weir_checkpoints WHERE task = 'acme/split' ORDER BY key_begin, key_end", "6 2 6");
    end(&r);
}

static void test_parts(void **state)
{
    run r;
    (void)state;
    begin(&r, "acme/parts");
    BIND(&r, "parts", 1, col("id", INT), col("a", STR), col("o", OBJ), at("o/x", INT, "/o/x"), at("flow_document", OBJ, ""));
    PUT(&r, "1", "\"a\"", "{\"x\":1}", "1", "{\"id\":1,\"a\":\"a\",\"o\":{\"x\":1}}");
    PUT(&r, "2", "\"b\"", "{\"x\":2}", "2", "{\"id\":2,\"a\":\"b\",\"o\":{\"x\":2}}");
    commit(&r, "{}");
    put(&r, (const given[]){
        {.op = WEIR_UPDATE, .doc = "{\"id\":1,\"a\":null}", .values = {"1", "null", NULL, NULL, NULL}},
        {.op = WEIR_UPDATE, .doc = "{\"id\":2,\"o\":{\"y\":1}}", .values = {"2", NULL, "{\"y\":1}", NULL, NULL}}, /* o/x is gone with it */
        {.op = WEIR_UPDATE, .doc = "{\"id\":3,\"a\":\"c\"}", .values = {"3", "\"c\"", NULL, NULL, NULL}},
        {.op = WEIR_UPDATE, .doc = "{\"id\":4}", .values = {"4", NULL, NULL, NULL, NULL}}}, 4);
    commit(&r, "{}");
    assert_gives("SELECT * FROM parts ORDER BY id", "1|NULL|{\"x\": 1}|1|{\"a\": null, \"o\": {\"x\": 1}, \"id\": 1}"
                                                    " 2|b|{\"y\": 1}|NULL|{\"a\": \"b\", \"o\": {\"y\": 1}, \"id\": 2}");
    PART(&r, "{\"id\":1,\"a\":5}", "1", "5", NULL, NULL, NULL); /* not what the schema says */
    commit(&r, "{}");
    assert_gives("SELECT a FROM parts ORDER BY id", "5 \"b\"");
    end(&r);
}

static void test_cursors(void **state)
{
    run r;
    (void)state;
    begin(&r, "");
    bind(&r, "cursors", 1, "/c", "/e", (const weir_column[]){col("id", INT), formatted("c", STR | INT, "date-time"), col("e", INT), col("v", STR), {.types = 0}});
    put(&r, (const given[]){{.values = {"1", "5", "1", "\"five\""}}, {.values = {"2", "\"2020-01-01T00:00:00.123456789Z\"", "1", "\"t\""}},
                            {.values = {"3", NULL, "1", "\"none\""}}, {.values = {"4", "10", "2", "\"ten\""}}, {.values = {"5", "7", "1", "\"seven\""}},
                            {.values = {"6", "7", "1", "\"seven\""}}}, 6);
    commit(&r, "{}");
    put(&r, (const given[]){{.values = {"1", "4", "1", "\"older\""}}, {.values = {"2", "\"2020-01-01T01:00:00.123456788+01:00\"", "1", "\"older\""}},
                            {.values = {"3", NULL, "1", "\"last\""}}, {.values = {"4", "99", "1", "\"older epoch\""}},
                            {.op = WEIR_DELETE, .values = {"5", "6", "1"}}, {.op = WEIR_DELETE, .regardless = true, .values = {"6"}}}, 6);
    commit(&r, "{}");
    assert_gives("SELECT id, v FROM cursors ORDER BY id", "1|five 2|t 3|last 4|ten 5|seven");
    put(&r, (const given[]){{.values = {"1", "5", "1", "\"same\""}}, {.values = {"4", "1", "3", "\"newer epoch\""}}, {.op = WEIR_DELETE, .values = {"5", "7", "1"}}}, 3);
    commit(&r, "{}");
    assert_gives("SELECT id, v FROM cursors ORDER BY id", "1|same 2|t 3|last 4|newer epoch");
    end(&r);
}

static void test_expiry(void **state)
{
    run r;
    (void)state;
    begin(&r, "acme/expiry");
    BIND(&r, "expiry", 1, col("id", INT), col("v", INT), formatted("gone", STR, "date-time"), col("mixed", STR | INT));
    PUT(&r, "1", "1", NULL, "\"x\"");
    PUT(&r, "2", "2", "\"2020-01-01T00:00:00Z\"", "1");
    PUT(&r, "3", NULL, NULL, "2");
    PUT(&r, "4", "123456789012345678901234567890", NULL, "3");
    commit(&r, "{}");
    PUT(&r, "5", "1", NULL, "0"); /* of the same transaction */
    expire(&r, "v", 3, "gone", "\"2021-01-01T00:00:00Z\"");
    assert_gives("SELECT count(*) FROM expiry WHERE gone IS NOT NULL", "1"); /* not before the commit */
    commit(&r, "{}");
    assert_gives("SELECT id, extract(year FROM gone) FROM expiry WHERE gone IS NOT NULL ORDER BY id", "1|2021 2|2020 5|2021");
    expire(&r, "v", 2, NULL, NULL);
    commit(&r, "{}");
    assert_gives("SELECT id FROM expiry ORDER BY id", "2 3 4");
    expire(&r, "mixed", 3, NULL, NULL);
    commit(&r, "{}");
    assert_gives("SELECT id FROM expiry ORDER BY id", "4");
    expire(&r, NULL, 0, NULL, NULL);
    PUT(&r, "6", "6", NULL, NULL);
    commit(&r, "{}");
    assert_gives("SELECT id FROM expiry ORDER BY id", "6");
    end(&r);
}

static void test_pushed_key_changes(void **state)
{
    run r;
    (void)state;
    begin(&r, "");
    bind(&r, "rekeyed", 1, "", NULL, (const weir_column[]){col("a", INT), col("b", INT), {.types = 0}});
    PUT(&r, "1", "10");
    PUT(&r, "2", "20");
    commit(&r, "{}");
    end(&r);
    begin(&r, "");
    bind(&r, "rekeyed", 1, "", NULL, (const weir_column[]){col("b", INT), col("a", INT), {.types = 0}});
    PUT(&r, "10", NULL);
    PUT(&r, "30", "1");
    commit(&r, "{}");
    end(&r);
    assert_gives("SELECT a, b FROM rekeyed ORDER BY b", "NULL|10 2|20 1|30");
}

static void test_numbers_that_are_the_same_key(void **state)
{
    run r;
    (void)state;
    begin(&r, "");
    bind(&r, "alike", 1, "", NULL, (const weir_column[]){col("k", NUM), col("v", STR), {.types = 0}});
    put(&r, (const given[]){{.values = {"1", "\"a\""}}, {.values = {"1.0", "\"b\""}}, {.values = {"2", "\"c\""}}}, 3);
    commit(&r, "{}");
    put(&r, (const given[]){{.values = {"1.00", "\"d\""}}, {.values = {"0.2e1", "\"e\""}}, {.values = {"2.0", "\"f\""}}}, 3);
    commit(&r, "{}");
    assert_gives("SELECT round(k), v FROM alike ORDER BY k", "1|d 2|f");
    end(&r);
}

static void test_failure_ends_the_session(void **state)
{
    run r;
    (void)state;
    begin(&r, "acme/fails");
    BIND(&r, "fails", 1, col("id", INT), col("v", INT));
    PUT(&r, "1", "1");
    assert_int_equal(try_put(&r, (const given[]){{.values = {NULL, "2"}}}, 1), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&r.e), "has no value at \"/id\", which is part of its key"));
    assert_int_equal(session_commit(r.s, view_of("{}"), &r.e), WEIR_E_BUG);
    end(&r);
    assert_gives("SELECT count(*) FROM fails", "0");
}

/* What the schema does not say, and a platform that does not look sends nevertheless; between rows, in a transaction. */
static void test_unforeseen(void **state)
{
    run r;
    weir_column needed = col("r", STR);
    (void)state;
    needed.required = true;
    begin(&r, "acme/unforeseen");
    BIND(&r, "unforeseen", 1, col("id", INT), col("b", BOOL), needed, col("o", OBJ));
    put(&r, (const given[]){{.values = {"1", "true", "\"x\"", "{}"}}, {.values = {"2", "\"maybe\"", NULL, "[1]"}}, {.values = {"3", "7", "5", "\"text\""}}}, 3);
    commit(&r, "{}");
    assert_gives("SELECT * FROM unforeseen ORDER BY id", "1|true|\"x\"|{} 2|\"maybe\"|NULL|[1] 3|7|5|\"text\"");
    put(&r, (const given[]){{.values = {"3", "false", "\"y\"", "{}"}}, {.values = {"\"four\"", "1", "\"z\"", "{}"}}}, 2); /* the key, too */
    commit(&r, "{}");
    assert_gives("SELECT id, b FROM unforeseen ORDER BY id", "\"four\"|1 1|true 2|\"maybe\" 3|false");
    end(&r);
}

static void test_text_keys_ascend(void **state)
{
    run r;
    (void)state;
    begin(&r, "acme/text");
    BIND(&r, "ascending", 2, col("k", STR), col("n", INT), col("v", STR));
    put(&r, (const given[]){{.values = {"\"a\"", "1", "\"1\""}}, {.values = {"\"a\"", "2", "\"2\""}}, {.values = {"\"ab\"", "1", "\"3\""}}}, 3);
    put(&r, (const given[]){{.values = {"\"b\"", "1", "\"4\""}}}, 1);
    commit(&r, "{}");
    put(&r, (const given[]){{.values = {"\"a\"", "10", "\"5\""}}, {.values = {"\"b\"", "1", "\"6\""}}, {.op = WEIR_DELETE, .values = {"\"a\"", "1"}}}, 3);
    commit(&r, "{}");
    assert_gives("SELECT k, n, v FROM ascending ORDER BY k COLLATE \"C\", n", "a|2|2 a|10|5 ab|1|3 b|1|6");
    end(&r);
}

int main(void)
{
    if (!getenv("WEIR_POSTGRES")) {
        printf("1..0 # SKIP no server: tests/suites/postgres makes one\n");
        return 0;
    }
    eyes = PQconnectdb("");
    if (PQstatus(eyes) != CONNECTION_OK) {
        fprintf(stderr, "%s\n", PQerrorMessage(eyes));
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),    cmocka_unit_test(test_resume), cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_parts),   cmocka_unit_test(test_cursors), cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_pushed_key_changes), cmocka_unit_test(test_failure_ends_the_session), cmocka_unit_test(test_text_keys_ascend), cmocka_unit_test(test_unforeseen), cmocka_unit_test(test_numbers_that_are_the_same_key),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(eyes);
    return failed;
}
