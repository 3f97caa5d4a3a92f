/* weir_sql for SQLite: what is declared, what is stored, what comes back. Expected values are those of SQLite's documentation, of RFC 4648 and of the
 * types' own ranges. */
#include "test_harness.h"

#include <math.h>

#include "sql.h"

typedef weir_rc script(weir_task *t, const weir_sql *q, void *self, void *arg);

typedef struct call {
    script *fn;
    void *arg;
} call;

static weir_rc call_script(weir_task *t, void *self, void *arg)
{
    call *c = arg;
    return c->fn(t, materialize_sqlite.sql, self, c->arg);
}

static void play(run *r, script *fn, void *arg)
{
    call c = {fn, arg};
    if (session_call(r->s, call_script, &c, &r->e))
        fail_msg("%s", err_text(&r->e));
}

static void play_once(void **state, script *fn, void *arg)
{
    run r;
    begin(*state, &r);
    play(&r, fn, arg);
    end(&r);
}

#define DO(x)               \
    do {                    \
        weir_rc rc_ = (x);  \
        if (rc_)            \
            return rc_;     \
    } while (0)

static weir_rc exec(weir_task *t, const weir_sql *q, void *self, const char *sql)
{
    return q->run(t, self, sql, NULL, 0, 0, NULL);
}

/* ---- types ---- */

static const weir_sql_column every_type[] = {
    {.name = WEIR_LIT("id"), .type = WEIR_SQL_LONG, .key = true},
    {.name = WEIR_LIT("b"), .type = WEIR_SQL_BOOLEAN},
    {.name = WEIR_LIT("s"), .type = WEIR_SQL_SHORT},
    {.name = WEIR_LIT("i"), .type = WEIR_SQL_INT},
    {.name = WEIR_LIT("d"), .type = WEIR_SQL_DECIMAL, .precision = 38, .scale = 37},
    {.name = WEIR_LIT("d0"), .type = WEIR_SQL_DECIMAL},
    {.name = WEIR_LIT("f"), .type = WEIR_SQL_FLOAT},
    {.name = WEIR_LIT("g"), .type = WEIR_SQL_DOUBLE},
    {.name = WEIR_LIT("day"), .type = WEIR_SQL_DATE},
    {.name = WEIR_LIT("local"), .type = WEIR_SQL_DATETIME},
    {.name = WEIR_LIT("at"), .type = WEIR_SQL_TIMESTAMP},
    {.name = WEIR_LIT("clock"), .type = WEIR_SQL_TIME},
    {.name = WEIR_LIT("bin"), .type = WEIR_SQL_BINARY},
    {.name = WEIR_LIT("t"), .type = WEIR_SQL_TEXT},
    {.name = WEIR_LIT("j"), .type = WEIR_SQL_JSON},
    {.name = WEIR_LIT("x"), .type = WEIR_SQL_XML},
};
enum { EVERY = sizeof every_type / sizeof *every_type };

static void make_table(weir_task *t, const weir_sql *q, void *self, buf *sql)
{
    buf_printf(sql, "CREATE TABLE %s (", q->table_name(t, self, VIEW("s"), VIEW("every")).ptr);
    for (size_t i = 0; i < EVERY; i++)
        buf_printf(sql, "\"%s\" %s%s, ", every_type[i].name.ptr, q->type_name(t, self, &every_type[i]).ptr, every_type[i].key ? " NOT NULL" : "");
    buf_adds(sql, "PRIMARY KEY (\"id\"))");
}

static weir_rc see_column(weir_task *t, void *arg, const weir_sql_column *c)
{
    size_t *n = arg;
    (void)t;
    assert_true(*n < EVERY);
    const weir_sql_column *want = &every_type[(*n)++];
    assert_true(view_eq(c->name, want->name));
    if (c->type != want->type || c->key != want->key || c->precision != want->precision || c->scale != want->scale)
        fail_msg("column %s: type %d", want->name.ptr, c->type);
    return WEIR_OK;
}

static weir_rc types_script(weir_task *t, const weir_sql *q, void *self, void *arg)
{
    (void)arg;
    buf sql = {0};
    size_t n = 0;
    bool found = true;
    DO(q->describe(t, self, VIEW("s"), VIEW("every"), &found, see_column, &n));
    assert_false(found);
    DO(q->begin(t, self));
    make_table(t, q, self, &sql);
    DO(exec(t, q, self, buf_text(&sql)));
    buf_free(&sql);
    DO(q->commit(t, self));
    DO(q->describe(t, self, VIEW("s"), VIEW("every"), &found, see_column, &n));
    assert_true(found);
    assert_int_equal(n, EVERY);
    return WEIR_OK;
}

static void test_types_come_back(void **state)
{
    play_once(state, types_script, NULL);
    /* No column that holds exact values may have numeric affinity: SQLite would make doubles of texts. */
    assert_gives(*state, "SELECT name FROM pragma_table_info('s__every') WHERE name IN ('d', 'd0') AND type LIKE '%BLOB%'", "d d0");
}

static void test_declared_by_others(void **state)
{
    (void)state;
    static const struct {
        const char *declared;
        weir_sql_type type;
        unsigned precision, scale;
    } cases[] = {
        {"varchar(20)", WEIR_SQL_TEXT, 0, 0},        {"BIGINT", WEIR_SQL_LONG, 0, 0},       {"bool", WEIR_SQL_BOOLEAN, 0, 0},
        {"NUMERIC(10, 2)", WEIR_SQL_DECIMAL, 10, 2}, {"decimal(5)", WEIR_SQL_DECIMAL, 5, 0}, {"REAL", WEIR_SQL_DOUBLE, 0, 0},
        {"ANY", WEIR_SQL_TEXT, 0, 0},                {"", WEIR_SQL_TEXT, 0, 0},             {"UNSIGNED BIG INT", WEIR_SQL_LONG, 0, 0},
        {"timestamp", WEIR_SQL_DATETIME, 0, 0},      {"double precision", WEIR_SQL_DOUBLE, 0, 0}, {"NCHAR(55)", WEIR_SQL_TEXT, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_sql_column c;
        lite_sql_type_of(cases[i].declared, &c);
        if (c.type != cases[i].type || c.precision != cases[i].precision || c.scale != cases[i].scale)
            fail_msg("%s: %d(%u,%u)", cases[i].declared, c.type, c.precision, c.scale);
    }
}

/* ---- values ---- */

static const weir_sql_value row_of_values[EVERY] = {
    {.type = WEIR_SQL_LONG, .integer = INT64_MIN},
    {.type = WEIR_SQL_BOOLEAN, .integer = 1},
    {.type = WEIR_SQL_SHORT, .integer = -32768},
    {.type = WEIR_SQL_INT, .integer = INT32_MAX},
    {.type = WEIR_SQL_DECIMAL, .text = WEIR_LIT("-1.2345678901234567890123456789012345678")},
    {.type = WEIR_SQL_DECIMAL, .text = WEIR_LIT("0.0000000001")},
    {.type = WEIR_SQL_FLOAT, .number = 0.5},
    {.type = WEIR_SQL_DOUBLE, .number = 1e300},
    {.type = WEIR_SQL_DATE, .text = WEIR_LIT("2007-12-03")},
    {.type = WEIR_SQL_DATETIME, .text = WEIR_LIT("2007-12-03T10:15:30")},
    {.type = WEIR_SQL_TIMESTAMP, .text = WEIR_LIT("2007-12-03T10:15:30.315Z")},
    {.type = WEIR_SQL_TIME, .text = WEIR_LIT("10:15:30")},
    {.type = WEIR_SQL_BINARY, .text = WEIR_LIT("\0\xff")},
    {.type = WEIR_SQL_TEXT, .text = WEIR_LIT("12")},
    {.type = WEIR_SQL_JSON, .text = WEIR_LIT("12345678901234567890.5")},
    {.type = WEIR_SQL_XML, .text = WEIR_LIT("<a/>")},
};

static weir_rc see_values(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    size_t *rows = arg;
    (void)t;
    assert_int_equal(count, EVERY);
    for (size_t i = 0; i < count; i++) {
        const weir_sql_value *want = &row_of_values[i];
        if (v[i].type != want->type || v[i].integer != want->integer || v[i].number != want->number || !view_eq(v[i].text, want->text))
            fail_msg("column %s: type %d, %.*s", every_type[i].name.ptr, v[i].type, VIEW_ARG(v[i].text));
    }
    ++*rows;
    return WEIR_OK;
}

static weir_rc values_script(weir_task *t, const weir_sql *q, void *self, void *arg)
{
    size_t rows = 0, done = 0;
    (void)arg;
    DO(types_script(t, q, self, NULL));
    DO(q->begin(t, self));
    DO(q->run(t, self, "INSERT INTO \"s__every\" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", row_of_values, EVERY, 1, &done));
    assert_int_equal(done, 1);
    DO(q->query(t, self, "SELECT * FROM \"s__every\" WHERE \"at\" = ?", &row_of_values[10], 1, see_values, &rows));
    assert_int_equal(rows, 1);
    return q->commit(t, self);
}

static void test_values_come_back(void **state)
{
    play_once(state, values_script, NULL);
    assert_gives(*state, "SELECT id, b, d, d0, day, local, at, hex(bin), j FROM s__every",
                 "-9223372036854775808|1|-1.2345678901234567890123456789012345678|1.0e-10|2007-12-03|2007-12-03T10:15:30|"
                 "2007-12-03T10:15:30.315+00:00|00FF|12345678901234567890.5");
    assert_gives(*state, "SELECT typeof(b), typeof(d), typeof(d0), typeof(f), typeof(day), typeof(at), typeof(t), typeof(j) FROM s__every",
                 "integer|text|real|real|text|text|text|text");
}

/* Texts of instants must sort as the instants do, whatever their precision. */
static weir_rc order_script(weir_task *t, const weir_sql *q, void *self, void *arg)
{
    static const weir_sql_value instants[] = {
        {.type = WEIR_SQL_TIMESTAMP, .text = WEIR_LIT("0001-01-01T00:00:00Z")},
        {.type = WEIR_SQL_TIMESTAMP, .text = WEIR_LIT("2024-01-01T00:00:00Z")},
        {.type = WEIR_SQL_TIMESTAMP, .text = WEIR_LIT("2024-01-01T00:00:00.000001Z")},
        {.type = WEIR_SQL_TIMESTAMP, .text = WEIR_LIT("2024-01-01T00:00:00.315Z")},
        {.type = WEIR_SQL_TIMESTAMP, .text = WEIR_LIT("2024-01-01T00:00:00.315000001Z")},
        {.type = WEIR_SQL_TIMESTAMP, .text = WEIR_LIT("2024-01-01T00:00:01Z")},
        {.type = WEIR_SQL_TIMESTAMP, .text = WEIR_LIT("9999-12-31T23:59:59.999Z")},
    };
    (void)arg;
    DO(q->begin(t, self));
    DO(exec(t, q, self, "CREATE TABLE o (n INTEGER PRIMARY KEY, at TIMESTAMPTZ)"));
    DO(q->run(t, self, "INSERT INTO o (at) VALUES (?)", instants, 1, sizeof instants / sizeof *instants, NULL));
    return q->commit(t, self);
}

static void test_instants_sort(void **state)
{
    play_once(state, order_script, NULL);
    assert_gives(*state, "SELECT group_concat(n) FROM (SELECT n FROM o ORDER BY at)", "1,2,3,4,5,6,7");
    assert_gives(*state, "SELECT strftime('%s', at) FROM o WHERE n = 5", "1704067200"); /* SQLite's own functions understand it */
}

static weir_rc see_max(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    (void)t;
    (void)arg;
    assert_int_equal(count, 2);
    assert_true(view_is(v[0].text, "2024-01-01T00:00:00.315Z"));
    assert_int_equal(v[1].type, WEIR_SQL_LONG);
    assert_int_equal(v[1].integer, 1);
    return WEIR_OK;
}

static weir_rc computed_script(weir_task *t, const weir_sql *q, void *self, void *arg)
{
    weir_sql_value nan = {.type = WEIR_SQL_DOUBLE, .number = NAN};
    (void)arg;
    DO(q->begin(t, self));
    DO(exec(t, q, self, "CREATE TABLE m (at TIMESTAMPTZ, g DOUBLE)"));
    DO(exec(t, q, self, "INSERT INTO m VALUES ('2024-01-01T00:00:00.315+00:00', 0.5)"));
    DO(q->query(t, self, "SELECT max(\"at\"), count(*) FROM m", NULL, 0, see_max, NULL));
    DO(q->run(t, self, "INSERT INTO m (g) VALUES (?)", &nan, 1, 1, NULL));
    return q->commit(t, self);
}

static void test_computed(void **state)
{
    play_once(state, computed_script, NULL);
    assert_gives(*state, "SELECT g FROM m WHERE at IS NULL", "NaN");
}

/* ---- conversions ---- */

static const struct {
    weir_sql_type from, to;
    const char *stored, *want; /* SQL literal; what quote() says, NULL: refused */
} conversions[] = {
    {WEIR_SQL_INT, WEIR_SQL_LONG, "7", "7"},
    {WEIR_SQL_LONG, WEIR_SQL_DECIMAL, "-9223372036854775808", "-9223372036854775808"},
    {WEIR_SQL_LONG, WEIR_SQL_DOUBLE, "3", "3.0"},
    {WEIR_SQL_LONG, WEIR_SQL_TEXT, "3", "'3'"},
    {WEIR_SQL_LONG, WEIR_SQL_SHORT, "32768", NULL},
    {WEIR_SQL_LONG, WEIR_SQL_SHORT, "-32768", "-32768"},
    {WEIR_SQL_BOOLEAN, WEIR_SQL_TEXT, "1", "'true'"},
    {WEIR_SQL_BOOLEAN, WEIR_SQL_INT, "1", "1"},
    {WEIR_SQL_BOOLEAN, WEIR_SQL_JSON, "0", "'false'"},
    {WEIR_SQL_DOUBLE, WEIR_SQL_TEXT, "0.1", "'0.1'"},
    {WEIR_SQL_DOUBLE, WEIR_SQL_TEXT, "0.30000000000000004", "'0.30000000000000004'"},
    {WEIR_SQL_DOUBLE, WEIR_SQL_DECIMAL, "1e20", "'100000000000000000000'"},
    {WEIR_SQL_DOUBLE, WEIR_SQL_DECIMAL, "-1.5e-5", "-1.5e-05"},
    {WEIR_SQL_DECIMAL, WEIR_SQL_TEXT, "'12345678901234567.89'", "'12345678901234567.89'"},
    {WEIR_SQL_DECIMAL, WEIR_SQL_TEXT, "0.0000000001", "'0.0000000001'"},
    {WEIR_SQL_DECIMAL, WEIR_SQL_TEXT, "-0.05", "'-0.05'"},
    {WEIR_SQL_DECIMAL, WEIR_SQL_TEXT, "120.5", "'120.5'"},
    {WEIR_SQL_DECIMAL, WEIR_SQL_LONG, "1.5", NULL},
    {WEIR_SQL_DATE, WEIR_SQL_DATETIME, "'2007-12-03'", "'2007-12-03T00:00:00'"},
    {WEIR_SQL_DATE, WEIR_SQL_TIMESTAMP, "'2007-12-03'", "'2007-12-03T00:00:00+00:00'"},
    {WEIR_SQL_DATETIME, WEIR_SQL_TIMESTAMP, "'2007-12-03T01:02:03.500'", "'2007-12-03T01:02:03.500+00:00'"},
    {WEIR_SQL_TIMESTAMP, WEIR_SQL_DATETIME, "'2007-12-03T01:02:03.500+00:00'", "'2007-12-03T01:02:03.500'"},
    {WEIR_SQL_TIMESTAMP, WEIR_SQL_TEXT, "'2007-12-03T01:02:03+00:00'", "'2007-12-03T01:02:03Z'"},
    {WEIR_SQL_TIMESTAMP, WEIR_SQL_DATE, "'2007-12-03T01:02:03+00:00'", NULL},
    {WEIR_SQL_TIMESTAMP, WEIR_SQL_JSON, "'2007-12-03T01:02:03+00:00'", "'\"2007-12-03T01:02:03Z\"'"},
    {WEIR_SQL_BINARY, WEIR_SQL_TEXT, "x'00ff'", "'AP8='"},
    {WEIR_SQL_TEXT, WEIR_SQL_BINARY, "'AP8='", "X'00FF'"},
    {WEIR_SQL_TEXT, WEIR_SQL_BINARY, "'no base64'", NULL},
    {WEIR_SQL_TEXT, WEIR_SQL_INT, "'12'", "12"},
    {WEIR_SQL_TEXT, WEIR_SQL_INT, "'twelve'", NULL},
    {WEIR_SQL_TEXT, WEIR_SQL_INT, "''", NULL},
    {WEIR_SQL_TEXT, WEIR_SQL_DECIMAL, "'007.50'", "7.5"},
    {WEIR_SQL_TEXT, WEIR_SQL_DOUBLE, "'1e3'", "1000.0"},
    {WEIR_SQL_TEXT, WEIR_SQL_TIME, "'10:15:30'", "'10:15:30'"},
    {WEIR_SQL_TEXT, WEIR_SQL_JSON, "'{\"a\":1}'", "'{\"a\":1}'"},
    {WEIR_SQL_TEXT, WEIR_SQL_JSON, "'a \"b\"'", "'\"a \\\"b\\\"\"'"},
    {WEIR_SQL_TEXT, WEIR_SQL_BOOLEAN, "'true'", "1"},
    {WEIR_SQL_LONG, WEIR_SQL_TEXT, "NULL", "NULL"},
};

static weir_rc see_text(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    (void)t;
    assert_int_equal(count, 1);
    assert_true(view_is(v->text, arg));
    return WEIR_OK;
}

static weir_rc conversion_script(weir_task *t, const weir_sql *q, void *self, void *arg)
{
    (void)arg;
    DO(q->begin(t, self));
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++) {
        weir_sql_column from = {.type = conversions[i].from}, to = {.type = conversions[i].to};
        weir_view x = q->convert(t, self, view_of(conversions[i].stored), &from, &to);
        char *sql;
        assert_true(asprintf(&sql, "SELECT quote(%s)", x.ptr) > 0);
        weir_rc rc = q->query(t, self, sql, NULL, 0, see_text, (void *)conversions[i].want);
        free(sql);
        if (!rc != (conversions[i].want != NULL))
            fail_msg("case %zu: %d", i, rc);
    }
    return q->rollback(t, self);
}

static void test_conversions(void **state)
{
    play_once(state, conversion_script, NULL);
}

/* ---- names ---- */

static weir_rc names_script(weir_task *t, const weir_sql *q, void *self, void *arg)
{
    static const struct {
        const char *schema, *table, *want;
    } cases[] = {
        {"", "t", "\"t\""},          {"s", "t", "\"s__t\""},       {"", "a__b", "\"__a__b\""}, {"a", "b__c", "\"a__b__c\""},
        {"a__b", "c", "\"a_%_b__c\""}, {"a_", "b", "\"a_%__b\""},  {"a", "_b", "\"a___b\""},   {"a%", "b", "\"a%%__b\""},
        {"s", "q\"q", "\"s__q\"\"q\""},
    };
    (void)arg;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_view name = q->table_name(t, self, view_of(cases[i].schema), view_of(cases[i].table));
        if (!view_is(name, cases[i].want))
            fail_msg("%s.%s is %.*s", cases[i].schema, cases[i].table, VIEW_ARG(name));
    }
    return WEIR_OK;
}

static void test_names(void **state)
{
    play_once(state, names_script, NULL);
    fixture *f = *state;
    assert_int_not_equal(access(f->path, F_OK), 0); /* looking makes no file */
}

/* ---- transactions, failures ---- */

static weir_rc failing_script(weir_task *t, const weir_sql *q, void *self, void *arg)
{
    static const weir_sql_value ids[] = {{.type = WEIR_SQL_LONG, .integer = 1}, {.type = WEIR_SQL_LONG, .integer = 2}, {.type = WEIR_SQL_LONG, .integer = 1}};
    size_t done = 0;
    (void)arg;
    DO(q->begin(t, self));
    DO(exec(t, q, self, "CREATE TABLE k (id INTEGER PRIMARY KEY)"));
    assert_int_equal(q->run(t, self, "INSERT INTO k VALUES (?)", ids, 1, 3, &done), WEIR_E_CONFIG);
    assert_int_equal(done, 2);
    DO(q->rollback(t, self));
    DO(q->begin(t, self)); /* the statement is kept, the table is not there any more */
    assert_int_equal(q->run(t, self, "INSERT INTO k VALUES (?)", ids, 1, 3, &done), WEIR_E_CONFIG);
    assert_int_equal(exec(t, q, self, "SELECT \"no such column\""), WEIR_E_CONFIG); /* not a text */
    DO(exec(t, q, self, "CREATE TABLE k (id INTEGER PRIMARY KEY)"));
    DO(q->run(t, self, "INSERT INTO k VALUES (?)", ids, 1, 2, &done));
    return q->commit(t, self);
}

static void test_rollback(void **state)
{
    play_once(state, failing_script, NULL);
    assert_gives(*state, "SELECT id FROM k", "1 2");
    assert_gives(*state, "SELECT name FROM sqlite_schema WHERE name LIKE 'weir%'", ""); /* no tables of ours beside */
}

static weir_rc many_script(weir_task *t, const weir_sql *q, void *self, void *arg)
{
    (void)arg;
    DO(q->begin(t, self));
    DO(exec(t, q, self, "CREATE TABLE n (i INTEGER)"));
    for (int round = 0; round < 3; round++) /* more texts than are kept */
        for (int i = 0; i < 100; i++) {
            char sql[64];
            snprintf(sql, sizeof sql, "INSERT INTO n VALUES (%d)", i);
            DO(exec(t, q, self, sql));
        }
    return q->commit(t, self);
}

static void test_many_statements(void **state)
{
    play_once(state, many_script, NULL);
    assert_gives(*state, "SELECT count(*), sum(i) FROM n", "300|14850");
}

static weir_rc move_script(weir_task *t, const weir_sql *q, void *self, void *arg)
{
    (void)arg;
    DO(q->begin(t, self));
    DO(exec(t, q, self, "CREATE TABLE \"s__next\" (id INTEGER PRIMARY KEY, a TEXT)"));
    DO(exec(t, q, self, "INSERT INTO \"s__next\" VALUES (1, 'x')"));
    DO(q->move_table(t, self, VIEW("s"), VIEW("next"), VIEW("old")));
    return q->commit(t, self);
}

static void test_move_keeps_what_hangs_on(void **state)
{
    run_sql(*state, "CREATE TABLE s__old (id INTEGER PRIMARY KEY, a TEXT, b TEXT)");
    run_sql(*state, "CREATE INDEX by_a ON s__old (a)");
    run_sql(*state, "CREATE INDEX by_b ON s__old (b)");
    run_sql(*state, "CREATE TRIGGER tr AFTER INSERT ON s__old BEGIN SELECT 1; SELECT 2; END");
    run_sql(*state, "CREATE VIEW v AS SELECT a FROM s__old");
    play_once(state, move_script, NULL);
    assert_gives(*state, "SELECT name FROM sqlite_schema ORDER BY name", "by_a s__old tr v"); /* by_b went with its column */
    assert_gives(*state, "SELECT * FROM v", "x");
    assert_true(log_says(*state, "by_b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_types_come_back), cmocka_unit_test(test_declared_by_others), TEST(test_values_come_back), TEST(test_instants_sort), TEST(test_computed),
        TEST(test_conversions), TEST(test_names), TEST(test_rollback), TEST(test_many_statements), TEST(test_move_keeps_what_hangs_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
