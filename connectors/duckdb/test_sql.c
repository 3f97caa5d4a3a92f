/* DuckDB through weir_sql, and what DuckDB itself then says is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "folder.h"
#include "run/session.h"
#include "rewrite.h"

extern const weir_connector materialize_duckdb;

typedef struct fixture {
    char *folder, *path;
    listener l;
    session *s;
    err e;
    arena a;
} fixture;

static const listener_ops no_ops = {0};

static void reopen(fixture *f)
{
    buf config = {0};
    tree *parsed;
    session_free(f->s);
    f->l = (listener){&no_ops};
    f->s = session_new(&(session_options){.connector = &materialize_duckdb, .to = &f->l});
    assert_non_null(f->s);
    buf_printf(&config, "{\"path\":\"%s\"}", f->path);
    weir_view text = arena_dup(&f->a, buf_view(&config));
    buf_free(&config);
    assert_int_equal(tree_parse(&f->a, text, NULL, WEIR_E_CONFIG, &parsed, &f->e), WEIR_OK);
    weir_rc rc = session_open(f->s, parsed, &f->e);
    if (rc)
        fail_msg("%s", err_text(&f->e));
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->folder = folder_make();
    assert_true(asprintf(&f->path, "%s/test.duckdb", f->folder) > 0);
    reopen(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    session_free(f->s);
    err_free(&f->e);
    arena_free(&f->a);
    free(f->path);
    folder_remove(f->folder);
    free(f);
    return 0;
}

static void call(fixture *f, weir_rc (*work)(weir_task *, void *, void *), void *arg)
{
    if (session_call(f->s, work, arg, &f->e))
        fail_msg("%s", err_text(&f->e));
}

/* ---- shorthand ---- */

static const weir_sql *const Q = &duck_sql;
static weir_sql_value L(int64_t v) { return (weir_sql_value){.type = WEIR_SQL_LONG, .integer = v}; }
static weir_sql_value X(weir_sql_type type, const char *text) { return (weir_sql_value){.type = type, .text = view_of(text)}; }
static weir_sql_value T(const char *text) { return X(WEIR_SQL_TEXT, text); }

static weir_rc add_row(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    (void)t;
    buf *out = arg;
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_addc(out, '|');
        switch (v[i].type) {
        case WEIR_SQL_NULL: buf_adds(out, "NULL"); break;
        case WEIR_SQL_BOOLEAN: case WEIR_SQL_SHORT: case WEIR_SQL_INT: case WEIR_SQL_LONG: buf_printf(out, "%lld", (long long)v[i].integer); break;
        case WEIR_SQL_FLOAT: case WEIR_SQL_DOUBLE: buf_printf(out, "%g", v[i].number); break;
        default: buf_printf(out, "%.*s", VIEW_ARG(v[i].text));
        }
    }
    buf_addc(out, '\n');
    return WEIR_OK;
}

static void expect(weir_task *t, void *self, const char *sql, const char *rows)
{
    buf out = {0};
    assert_int_equal(Q->query(t, self, sql, NULL, 0, add_row, &out), WEIR_OK);
    assert_string_equal(buf_text(&out), rows);
    buf_free(&out);
}

static void run(weir_task *t, void *self, const char *sql)
{
    if (Q->run(t, self, sql, NULL, 0, 0, NULL))
        fail_msg("%s", err_text(task_error(t)));
}

/* ---- tests ---- */

static weir_rc add_column(weir_task *t, void *arg, const weir_sql_column *c)
{
    (void)t;
    buf_printf(arg, "%.*s %d %u,%u%s\n", VIEW_ARG(c->name), (int)c->type, (unsigned)c->precision, (unsigned)c->scale, c->key ? " key" : "");
    return WEIR_OK;
}

static weir_rc describe_nothing(weir_task *t, void *self, void *arg)
{
    bool found = true;
    assert_int_equal(Q->describe(t, self, VIEW("main"), VIEW("t"), &found, NULL, NULL), WEIR_OK);
    assert_false(found);
    (void)arg;
    return WEIR_OK;
}

static void looking_makes_no_file(void **state)
{
    fixture *f = *state;
    call(f, describe_nothing, NULL);
    assert_int_not_equal(access(f->path, F_OK), 0);
}

/* What was made is what is told, for every type. */
static weir_rc describe_all(weir_task *t, void *self, void *arg)
{
    (void)arg;
    buf sql = {0}, made = {0}, told = {0};
    bool found;
    assert_int_equal(Q->create_schema(t, self, VIEW("s \"1\"")), WEIR_OK);
    buf_printf(&sql, "CREATE TABLE %s (", Q->table_name(t, self, VIEW("s \"1\""), VIEW("all types")).ptr);
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
    assert_int_equal(Q->describe(t, self, VIEW("s \"1\""), VIEW("all types"), &found, add_column, &told), WEIR_OK);
    assert_true(found);
    assert_string_equal(buf_text(&told), buf_text(&made));
    buf_free(&sql);
    buf_free(&made);
    buf_free(&told);
    return WEIR_OK;
}

static void tables_are_described_as_they_were_made(void **state) { call(*state, describe_all, NULL); }

static weir_rc round_trip(weir_task *t, void *self, void *arg)
{
    const size_t rows = *(size_t *)arg, columns = 12;
    weir_sql_value *v = calloc(rows * columns, sizeof *v);
    run(t, self, "CREATE TABLE v (n BIGINT PRIMARY KEY, b BOOLEAN, s SMALLINT, d DECIMAL(38,10), f FLOAT, day DATE, dt TIMESTAMP, tz TIMESTAMPTZ, clock TIME, "
                 "bin BLOB, txt VARCHAR, doc JSON)");
    for (size_t i = 0; i < rows; i++) {
        const weir_sql_value row[] = {
            L((int64_t)i), {.type = WEIR_SQL_BOOLEAN, .integer = 1}, {.type = WEIR_SQL_SHORT, .integer = -32768}, X(WEIR_SQL_DECIMAL, "1234567890123456789012345678.5"),
            {.type = WEIR_SQL_FLOAT, .number = 0.5}, X(WEIR_SQL_DATE, "0001-01-01"), X(WEIR_SQL_DATETIME, "2007-12-03T10:15:30"),
            X(WEIR_SQL_TIMESTAMP, "9999-12-31T23:59:59.999Z"), X(WEIR_SQL_TIME, "10:15:30.000001"), {.type = WEIR_SQL_BINARY, .text = {"a\0b", 3}}, T("it's \xc3\xa4"),
            X(WEIR_SQL_JSON, "{\"a\":1}"),
        };
        memcpy(v + i * columns, row, sizeof row);
        if (i + 1 == rows)
            for (size_t c = 1; c < columns; c++)
                v[i * columns + c] = (weir_sql_value){0};
    }
    size_t done;
    assert_int_equal(Q->run(t, self, "INSERT INTO v VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", v, columns, rows, &done), WEIR_OK);
    assert_int_equal(done, rows);
    expect(t, self, "SELECT b, s, d, f, day, dt, tz, clock, octet_length(bin), txt, doc FROM v WHERE n = 0",
           "1|-32768|1234567890123456789012345678.5|0.5|0001-01-01|2007-12-03T10:15:30|9999-12-31T23:59:59.999Z|10:15:30.000001|3|it's \xc3\xa4|{\"a\":1}\n");
    buf out = {0};
    buf_printf(&out, "%zu|%zu\n", rows, rows - 1);
    expect(t, self, "SELECT count(*), count(doc) FROM v", buf_text(&out));
    buf_free(&out);
    free(v);
    return WEIR_OK;
}

static void few_values_come_back(void **state) { call(*state, round_trip, &(size_t){2}); }
static void many_values_come_back(void **state) { call(*state, round_trip, &(size_t){5000}); }

/* The same key again and again: the last wins, as if row came after row. */
static weir_rc in_order(weir_task *t, void *self, void *arg)
{
    enum { ROWS = 4000 };
    (void)arg;
    weir_sql_value v[ROWS * 2];
    run(t, self, "CREATE TABLE o (k BIGINT PRIMARY KEY, x VARCHAR)");
    for (int i = 0; i < ROWS; i++) {
        v[2 * i] = L(i % 1500);
        v[2 * i + 1] = T(weir_format(t, "%d", i).ptr);
    }
    assert_int_equal(Q->run(t, self, "INSERT INTO o (k, x) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET x = excluded.x", v, 2, ROWS, NULL), WEIR_OK);
    expect(t, self, "SELECT count(*), min(CAST(x AS INT)), max(CAST(x AS INT)) FROM o", "1500|2500|3999\n");
    for (int i = 0; i < ROWS; i++) {
        v[2 * i] = T(weir_format(t, "u%04d", i).ptr);
        v[2 * i + 1] = L(i % 1000);
    }
    assert_int_equal(Q->run(t, self, "UPDATE o SET x = ? WHERE k = ?", v, 2, ROWS, NULL), WEIR_OK);
    expect(t, self, "SELECT count(*), min(x), max(x) FROM o WHERE x LIKE 'u%'", "1000|u3000|u3999\n");
    for (int i = 0; i < 100; i++)
        v[i] = L(i % 50);
    assert_int_equal(Q->run(t, self, "DELETE FROM o WHERE k = ?", v, 1, 100, NULL), WEIR_OK);
    expect(t, self, "SELECT count(*) FROM o", "1450\n");
    return WEIR_OK;
}

static void rows_take_effect_in_order(void **state) { call(*state, in_order, NULL); }

static weir_rc changes(weir_task *t, void *self, void *arg)
{
    (void)arg;
    assert_int_equal(Q->begin(t, self), WEIR_OK);
    run(t, self, "CREATE TABLE a (k BIGINT PRIMARY KEY)");
    assert_int_equal(Q->rollback(t, self), WEIR_OK);
    assert_int_equal(Q->rollback(t, self), WEIR_OK);
    assert_int_equal(Q->begin(t, self), WEIR_OK);
    run(t, self, "CREATE TABLE a (k BIGINT PRIMARY KEY)");
    run(t, self, "CREATE TABLE b (k VARCHAR NOT NULL, PRIMARY KEY (k))");
    run(t, self, "INSERT INTO a VALUES (7)");
    weir_view x = Q->convert(t, self, VIEW("k"), &(weir_sql_column){.type = WEIR_SQL_LONG}, &(weir_sql_column){.type = WEIR_SQL_TEXT});
    run(t, self, weir_format(t, "INSERT INTO b SELECT %.*s FROM a", VIEW_ARG(x)).ptr);
    x = Q->convert(t, self, VIEW("d"), &(weir_sql_column){.type = WEIR_SQL_DECIMAL}, &(weir_sql_column){.type = WEIR_SQL_TEXT});
    expect(t, self, weir_format(t, "SELECT %.*s FROM (VALUES (12.50::DECIMAL(38,10)), (100), (0.05), (-0.5)) v(d)", VIEW_ARG(x)).ptr, "12.5\n100\n0.05\n-0.5\n");
    x = Q->convert(t, self, VIEW("k"), &(weir_sql_column){.type = WEIR_SQL_LONG}, &(weir_sql_column){.type = WEIR_SQL_DECIMAL});
    expect(t, self, weir_format(t, "SELECT %.*s FROM a", VIEW_ARG(x)).ptr, "7\n");
    assert_int_equal(Q->move_table(t, self, VIEW("main"), VIEW("b"), VIEW("a")), WEIR_OK);
    assert_int_equal(Q->commit(t, self), WEIR_OK);
    expect(t, self, "SELECT * FROM a", "7\n");
    return WEIR_OK;
}

static void tables_are_replaced_in_a_transaction(void **state)
{
    fixture *f = *state;
    call(f, changes, NULL);
    reopen(f);
}

static weir_rc refuse(weir_task *t, void *self, void *arg)
{
    (void)arg;
    run(t, self, "CREATE TABLE r (k SMALLINT PRIMARY KEY)");
    return Q->run(t, self, "INSERT INTO r VALUES (?)", (weir_sql_value[]){L(1 << 20)}, 1, 1, NULL);
}

static void errors_say_who_must_act(void **state)
{
    fixture *f = *state;
    assert_int_equal(session_call(f->s, refuse, NULL, &f->e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&f->e), "INT64"));
    assert_non_null(strstr(err_text(&f->e), f->path));
}

/* ---- rewriting ---- */

static void statements_are_rewritten(void **state)
{
    (void)state;
    static const struct { const char *sql; size_t columns; const char *out, *keys; } cases[] = {
        {"INSERT INTO \"t(\" (\"a\", \"b\") VALUES (?, ?) ON CONFLICT (\"a\") DO UPDATE SET \"b\" = excluded.\"b\"", 2,
         "INSERT INTO \"t(\" (\"a\", \"b\") SELECT weir_rows.c1, weir_rows.c2 FROM weir_rows ON CONFLICT (\"a\") DO UPDATE SET \"b\" = excluded.\"b\"", "10"},
        {"INSERT INTO t (a, b) VALUES (upper(?), '?')", 1, "INSERT INTO t (a, b) SELECT upper(weir_rows.c1), '?' FROM weir_rows ", "0"},
        {"UPDATE t SET a = ?, \"wh?\" = ? WHERE b = ? AND c = ?", 4,
         "UPDATE t SET a = weir_rows.c1, \"wh?\" = weir_rows.c2 FROM weir_rows WHERE b = weir_rows.c3 AND c = weir_rows.c4", "0011"},
        {"DELETE FROM t WHERE a = ?", 1, "DELETE FROM t USING weir_rows WHERE a = weir_rows.c1", "0"},
        {"INSERT INTO t (a, b) VALUES (upper(?), ?) ON CONFLICT (a) DO NOTHING", 2, NULL, NULL}, /* which rows are the same is not for us to say */
        {"INSERT INTO t VALUES (?) ON CONFLICT (a) DO NOTHING", 1, NULL, NULL},
        {"INSERT INTO t VALUES (?), (?)", 2, NULL, NULL},
        {"UPDATE t SET a = ?", 1, NULL, NULL},
        {"UPDATE t SET a = ? FROM u WHERE b = ?", 2, NULL, NULL},
        {"WITH x AS (SELECT ?) SELECT 1", 1, NULL, NULL},
        {"DELETE FROM t WHERE a = ?", 2, NULL, NULL},
    };
    duck_carrier carriers[4] = {{0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *out;
        bool *keys;
        bool ok = duck_rewrite(cases[i].sql, carriers, cases[i].columns, &out, &keys);
        assert_int_equal(ok, cases[i].out != NULL);
        if (!ok)
            continue;
        assert_string_equal(out, cases[i].out);
        for (size_t c = 0; c < cases[i].columns; c++)
            assert_int_equal(keys[c], cases[i].keys[c] == '1');
        free(out);
        free(keys);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(looking_makes_no_file), TEST(tables_are_described_as_they_were_made), TEST(few_values_come_back), TEST(many_values_come_back),
        TEST(rows_take_effect_in_order), TEST(tables_are_replaced_in_a_transaction), TEST(errors_say_who_must_act), TEST(statements_are_rewritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
