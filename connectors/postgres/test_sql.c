/* PostgreSQL through weir_sql. The server is the one that $WEIR_POSTGRES, the connector's settings in JSON, names: tests/postgres/managed.py makes one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "run/session.h"

#include "sql.h"

extern const weir_connector materialize_postgres;

typedef struct fixture {
    listener l;
    session *s;
    err e;
    arena a;
} fixture;

static const listener_ops no_ops = {0};
static const weir_sql *const Q = &pg_sql_ops;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    tree *config;
    f->l = (listener){&no_ops};
    f->s = session_new(&(session_options){.connector = &materialize_postgres, .to = &f->l});
    assert_non_null(f->s);
    assert_int_equal(tree_parse(&f->a, view_of(getenv("WEIR_POSTGRES")), NULL, WEIR_E_CONFIG, &config, &f->e), WEIR_OK);
    if (session_open(f->s, config, &f->e))
        fail_msg("%s", err_text(&f->e));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    session_free(f->s);
    err_free(&f->e);
    arena_free(&f->a);
    free(f);
    return 0;
}

static void call(fixture *f, weir_rc (*work)(weir_task *, void *, void *), void *arg)
{
    if (session_call(f->s, work, arg, &f->e))
        fail_msg("%s", err_text(&f->e));
}

/* ------------------------------------------------------------------------------------------------------------- shorthand -- */

static weir_sql_value L(int64_t v) { return (weir_sql_value){.type = WEIR_SQL_LONG, .integer = v}; }
static weir_sql_value X(weir_sql_type type, const char *text) { return (weir_sql_value){.type = type, .text = view_of(text)}; }
static weir_sql_value T(const char *text) { return X(WEIR_SQL_TEXT, text); }

static weir_rc add_row(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    buf *out = arg;
    (void)t;
    for (size_t i = 0; i < count; i++) {
        buf_adds(out, i ? "|" : "");
        if (v[i].type == WEIR_SQL_NULL)
            buf_adds(out, "NULL");
        else if (v[i].type <= WEIR_SQL_LONG)
            buf_printf(out, "%lld", (long long)v[i].integer);
        else if (v[i].type == WEIR_SQL_FLOAT || v[i].type == WEIR_SQL_DOUBLE)
            buf_printf(out, "%.17g", v[i].number);
        else
            buf_printf(out, "%.*s", VIEW_ARG(v[i].text));
    }
    buf_addc(out, '\n');
    return WEIR_OK;
}

static void expect(weir_task *t, void *self, const char *sql, const char *rows)
{
    buf out = {0};
    if (Q->query(t, self, sql, NULL, 0, add_row, &out))
        fail_msg("%s: %s", sql, err_text(task_error(t)));
    assert_string_equal(buf_text(&out), rows);
    buf_free(&out);
}

static void run(weir_task *t, void *self, const char *sql)
{
    if (Q->run(t, self, sql, NULL, 0, 0, NULL))
        fail_msg("%s: %s", sql, err_text(task_error(t)));
}

/* ----------------------------------------------------------------------------------------------------------------- tests -- */

static weir_rc add_column(weir_task *t, void *arg, const weir_sql_column *c)
{
    (void)t;
    buf_printf(arg, "%.*s %d %u,%u%s\n", VIEW_ARG(c->name), (int)c->type, (unsigned)c->precision, (unsigned)c->scale, c->key ? " key" : "");
    return WEIR_OK;
}

/* What was made is what is told, for every type. */
static weir_rc describe_all(weir_task *t, void *self, void *arg)
{
    buf sql = {0}, made = {0}, told = {0};
    bool found = true;
    (void)arg;
    assert_int_equal(Q->describe(t, self, VIEW("no such"), VIEW("table"), &found, NULL, NULL), WEIR_OK);
    assert_false(found);
    assert_int_equal(Q->create_schema(t, self, VIEW("s \"1\"")), WEIR_OK);
    assert_int_equal(Q->create_schema(t, self, VIEW("s \"1\"")), WEIR_OK);
    buf_printf(&sql, "CREATE TABLE %s (", Q->table_name(t, self, VIEW("s \"1\""), VIEW("all ? types")).ptr);
    for (int type = WEIR_SQL_BOOLEAN; type <= WEIR_SQL_XML + 1; type++) {
        char name[16];
        snprintf(name, sizeof name, "c%d", type);
        weir_sql_column c = {.name = view_of(name), .type = type > WEIR_SQL_XML ? WEIR_SQL_DECIMAL : (weir_sql_type)type, .key = type == WEIR_SQL_LONG,
                             .precision = type > WEIR_SQL_XML ? 12 : 0, .scale = type > WEIR_SQL_XML ? 2 : 0};
        weir_view type_text = Q->type_name(t, self, &c);
        buf_printf(&sql, "\"%s\" %.*s%s, ", name, VIEW_ARG(type_text), c.key ? " NOT NULL" : "");
        add_column(t, &made, &c);
    }
    buf_adds(&sql, "PRIMARY KEY (\"c4\"))");
    run(t, self, buf_text(&sql));
    assert_int_equal(Q->describe(t, self, VIEW("s \"1\""), VIEW("all ? types"), &found, add_column, &told), WEIR_OK);
    assert_true(found);
    assert_string_equal(buf_text(&told), buf_text(&made));
    buf_free(&sql);
    buf_free(&made);
    buf_free(&told);
    return WEIR_OK;
}

static void test_tables_are_described_as_they_were_made(void **state) { call(*state, describe_all, NULL); }

static weir_rc round_trip(weir_task *t, void *self, void *arg)
{
    enum { ROWS = 1000, COLUMNS = 13 };
    weir_sql_value *v = calloc((size_t)ROWS * COLUMNS, sizeof *v);
    size_t done;
    (void)arg;
    run(t, self, "CREATE TABLE v (n bigint PRIMARY KEY, b boolean, s smallint, d numeric, f real, g double precision, day date, dt timestamp, tz timestamptz, clock time,"
                 " bin bytea, txt text, doc json)");
    for (size_t i = 0; i < ROWS; i++) {
        const weir_sql_value row[] = {
            L((int64_t)i), {.type = WEIR_SQL_BOOLEAN, .integer = 1}, {.type = WEIR_SQL_SHORT, .integer = -32768}, X(WEIR_SQL_DECIMAL, "1234567890123456789012345678.5"),
            {.type = WEIR_SQL_FLOAT, .number = 0.5}, {.type = WEIR_SQL_DOUBLE, .number = 0.1}, X(WEIR_SQL_DATE, "0001-01-01"), X(WEIR_SQL_DATETIME, "2007-12-03T10:15:30"),
            X(WEIR_SQL_TIMESTAMP, "9999-12-31T23:59:59.900Z"), X(WEIR_SQL_TIME, "10:15:30.000001"), {.type = WEIR_SQL_BINARY, .text = {"a\0b", 3}},
            T("it's \xc3\xa4 \\x41 ?"), X(WEIR_SQL_JSON, "{\"a\":1}"),
        };
        memcpy(v + i * COLUMNS, row, sizeof row);
        if (i + 1 == ROWS)
            for (size_t c = 1; c < COLUMNS; c++)
                v[i * COLUMNS + c] = (weir_sql_value){0};
    }
    if (Q->run(t, self, "INSERT INTO v VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", v, COLUMNS, ROWS, &done))
        fail_msg("%s", err_text(task_error(t)));
    assert_int_equal(done, ROWS);
    expect(t, self, "SELECT b, s, d, f, g, day, dt, tz, clock, octet_length(bin), txt, doc FROM v WHERE n = 0",
           "1|-32768|1234567890123456789012345678.5|0.5|0.10000000000000001|0001-01-01|2007-12-03T10:15:30|9999-12-31T23:59:59.900Z|10:15:30.000001|3|"
           "it's \xc3\xa4 \\x41 ?|{\"a\":1}\n");
    expect(t, self, "SELECT count(*), count(doc), 12.50::numeric(10,2), 100::numeric, 'NaN'::double precision, NULL FROM v", "1000|999|12.5|100|nan|NULL\n");
    free(v);
    return WEIR_OK;
}

static void test_values_come_back(void **state) { call(*state, round_trip, NULL); }

/* The same key again and again: the last wins, as row comes after row. */
static weir_rc in_order(weir_task *t, void *self, void *arg)
{
    enum { ROWS = 1000 };
    weir_sql_value v[ROWS * 2];
    (void)arg;
    run(t, self, "CREATE TABLE o (k bigint PRIMARY KEY, x text)");
    for (int i = 0; i < ROWS; i++) {
        v[2 * i] = L(i % 300);
        v[2 * i + 1] = T(weir_format(t, "%d", i).ptr);
    }
    assert_int_equal(Q->run(t, self, "INSERT INTO o (k, x) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET x = excluded.x", v, 2, ROWS, NULL), WEIR_OK);
    expect(t, self, "SELECT count(*), min(CAST(x AS integer)), max(CAST(x AS integer)) FROM o", "300|700|999\n");
    for (int i = 0; i < 12; i++) { /* more statements than are kept prepared */
        const char *sql = weir_format(t, "UPDATE o SET x = ? WHERE k = ? AND %d = %d", i, i).ptr;
        assert_int_equal(Q->run(t, self, sql, (weir_sql_value[]){i % 2 ? T(weir_format(t, "u%d", i).ptr) : (weir_sql_value){0}, L(i)}, 2, 1, NULL), WEIR_OK);
    }
    expect(t, self, "SELECT string_agg(coalesce(x, '-'), ',' ORDER BY k) FROM o WHERE k < 12", "-,u1,-,u3,-,u5,-,u7,-,u9,-,u11\n");
    run(t, self, "ALTER TABLE o ALTER x TYPE json USING to_json(x)"); /* what was prepared has other types now */
    assert_int_equal(Q->run(t, self, "UPDATE o SET x = ? WHERE k = ?", (weir_sql_value[]){X(WEIR_SQL_JSON, "[1]"), L(3)}, 2, 1, NULL), WEIR_OK);
    expect(t, self, "SELECT x FROM o WHERE k = 3", "[1]\n");
    return WEIR_OK;
}

static void test_rows_take_effect_in_order(void **state) { call(*state, in_order, NULL); }

static const char *converted(weir_task *t, void *self, const char *x, weir_sql_type from, weir_sql_type to)
{
    weir_view made = Q->convert(t, self, view_of(x), &(weir_sql_column){.type = from}, &(weir_sql_column){.type = to});
    return weir_format(t, "SELECT %.*s", VIEW_ARG(made)).ptr;
}

static weir_rc conversions(weir_task *t, void *self, void *arg)
{
    static const struct {
        const char *x;
        weir_sql_type from, to;
        const char *rows;
    } cases[] = {
        {"12.50::numeric(38,10)", WEIR_SQL_DECIMAL, WEIR_SQL_TEXT, "12.5\n"},
        {"7::bigint", WEIR_SQL_LONG, WEIR_SQL_TEXT, "7\n"},
        {"7::bigint", WEIR_SQL_LONG, WEIR_SQL_DECIMAL, "7\n"},
        {"0.1::double precision", WEIR_SQL_DOUBLE, WEIR_SQL_DECIMAL, "0.1\n"},
        {"true", WEIR_SQL_BOOLEAN, WEIR_SQL_LONG, "1\n"},
        {"2::smallint", WEIR_SQL_SHORT, WEIR_SQL_BOOLEAN, "1\n"},
        {"timestamptz '2007-12-03 10:15:30.5+01'", WEIR_SQL_TIMESTAMP, WEIR_SQL_TEXT, "2007-12-03T09:15:30.500Z\n"},
        {"timestamp '2007-12-03 10:15:30'", WEIR_SQL_DATETIME, WEIR_SQL_TEXT, "2007-12-03T10:15:30\n"},
        {"timestamp '2007-12-03 10:15:30.000001'", WEIR_SQL_DATETIME, WEIR_SQL_TIMESTAMP, "2007-12-03T10:15:30.000001Z\n"},
        {"time '10:15:30.25'", WEIR_SQL_TIME, WEIR_SQL_TEXT, "10:15:30.250\n"},
        {"date '2007-12-03'", WEIR_SQL_DATE, WEIR_SQL_DATETIME, "2007-12-03T00:00:00\n"},
        {"'2007-12-03T10:15:30Z'::text", WEIR_SQL_TEXT, WEIR_SQL_TIMESTAMP, "2007-12-03T10:15:30Z\n"},
        {"'\\x414243'::bytea", WEIR_SQL_BINARY, WEIR_SQL_TEXT, "QUJD\n"},
        {"'x\"'::text", WEIR_SQL_TEXT, WEIR_SQL_JSON, "\"x\\\"\"\n"},
        {"12.50::numeric", WEIR_SQL_DECIMAL, WEIR_SQL_JSON, "12.50\n"},
        {"'ABC'::text", WEIR_SQL_TEXT, WEIR_SQL_BINARY, "ABC\n"},
    };
    (void)arg;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(t, self, converted(t, self, cases[i].x, cases[i].from, cases[i].to), cases[i].rows);
    return WEIR_OK;
}

static void test_conversions(void **state) { call(*state, conversions, NULL); }

static weir_rc changes(weir_task *t, void *self, void *arg)
{
    (void)arg;
    assert_int_equal(Q->begin(t, self), WEIR_OK);
    run(t, self, "CREATE TABLE a (k bigint PRIMARY KEY)");
    assert_int_equal(Q->rollback(t, self), WEIR_OK);
    assert_int_equal(Q->rollback(t, self), WEIR_OK);
    assert_int_equal(Q->begin(t, self), WEIR_OK);
    run(t, self, "CREATE TABLE a (k bigint PRIMARY KEY)");
    run(t, self, "CREATE TABLE b (k text NOT NULL, at timestamptz, PRIMARY KEY (k))");
    run(t, self, "INSERT INTO a VALUES (7)");
    assert_int_equal(Q->run(t, self, "INSERT INTO b SELECT k::text, ? FROM a WHERE k = ?", (weir_sql_value[]){X(WEIR_SQL_TIMESTAMP, "2020-01-01T00:00:00Z"), L(7)}, 2, 1, NULL),
                     WEIR_OK); /* nothing but the parameter tells its type */
    assert_int_equal(Q->run(t, self, "INSERT INTO b SELECT '8', ? FROM a WHERE k = ?", (weir_sql_value[]){{0}, L(7)}, 2, 1, NULL), WEIR_OK);
    assert_int_equal(Q->move_table(t, self, VIEW(""), VIEW("b"), VIEW("a")), WEIR_OK);
    assert_int_equal(Q->commit(t, self), WEIR_OK);
    expect(t, self, "SELECT * FROM a ORDER BY k", "7|2020-01-01T00:00:00Z\n8|NULL\n");
    return WEIR_OK;
}

static void test_tables_are_replaced_in_a_transaction(void **state) { call(*state, changes, NULL); }

static weir_rc refuse(weir_task *t, void *self, void *arg)
{
    size_t *done = arg;
    run(t, self, "CREATE TABLE r (k smallint PRIMARY KEY)");
    assert_int_equal(Q->begin(t, self), WEIR_OK);
    weir_rc rc = Q->run(t, self, "INSERT INTO r VALUES (?)", (weir_sql_value[]){L(1), L(2), L(1 << 20), L(3)}, 1, 4, done);
    assert_int_equal(Q->rollback(t, self), WEIR_OK);
    return rc;
}

static weir_rc after(weir_task *t, void *self, void *arg)
{
    (void)arg;
    expect(t, self, "SELECT count(*) FROM r", "0\n");
    assert_int_equal(Q->begin(t, self), WEIR_OK);
    run(t, self, "INSERT INTO r VALUES (4)");
    assert_int_equal(Q->commit(t, self), WEIR_OK);
    return WEIR_OK;
}

static void test_errors_say_who_must_act(void **state)
{
    fixture *f = *state;
    size_t done = 99;
    assert_int_equal(session_call(f->s, refuse, &done, &f->e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&f->e), "smallint out of range"));
    assert_int_equal(done, 2);
    err_clear(&f->e);
    call(f, after, NULL);
}

static void test_parameters_are_numbered(void **state)
{
    static const weir_sql_type types[] = {WEIR_SQL_LONG, WEIR_SQL_NULL, WEIR_SQL_TEXT};
    (void)state;
    char *made = pg_sql_numbered("UPDATE \"wh?\" SET a = ?, b = ?, c = 'it''s ?' WHERE d = ?", types, 3);
    assert_string_equal(made, "UPDATE \"wh?\" SET a = $1::bigint, b = NULL, c = 'it''s ?' WHERE d = $2::text");
    free(made);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    if (!getenv("WEIR_POSTGRES")) {
        printf("1..0 # SKIP no server: tests/suites/postgres makes one\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        TEST(test_tables_are_described_as_they_were_made), TEST(test_values_come_back), TEST(test_rows_take_effect_in_order), TEST(test_conversions),
        TEST(test_tables_are_replaced_in_a_transaction), TEST(test_errors_say_who_must_act), TEST(test_parameters_are_numbered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
