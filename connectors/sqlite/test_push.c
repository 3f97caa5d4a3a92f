/* What platforms need that push documents and cannot give them again: rows out of date, other keys, odd names, more columns than SQLite has. */
#include "test_harness.h"

static weir_binding *pushed(weir_binding *b)
{
    b->pushed = true;
    b->delta_updates = b->key_count == 0;
    return b;
}

static void test_rows_out_of_date_are_removed(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("v", INT | NIL));
    apply(&r);
    PUT(&r, b, "1", "1");
    PUT(&r, b, "2", "2");
    PUT(&r, b, "3", NULL);
    PUT(&r, b, "4", "123456789012345678901234567890"); /* kept as text */
    commit(&r, "{}");
    PUT(&r, b, "5", "1"); /* of the same transaction */
    assert_int_equal(expire(&r, b, "v", 2, NULL, NULL), WEIR_OK);
    assert_gives(f, "SELECT group_concat(id) FROM t", "1,2,3,4"); /* not before the commit */
    commit(&r, "{}");
    assert_gives(f, "SELECT group_concat(id) FROM t", "2,3,4");
    assert_int_equal(expire(&r, b, NULL, 0, NULL, NULL), WEIR_OK);
    PUT(&r, b, "6", "6");
    commit(&r, "{}");
    assert_gives(f, "SELECT group_concat(id) FROM t", "6");
    end(&r);
}

static void test_rows_out_of_date_are_marked(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("v", INT), col("gone", STR | NIL));
    apply(&r);
    PUT(&r, b, "1", "1", "null");
    PUT(&r, b, "2", "1", "\"long ago\"");
    PUT(&r, b, "3", "2", "null");
    PUT(&r, b, "4", "null", "null");
    assert_int_equal(expire(&r, b, "v", 2, "gone", "\"now\""), WEIR_OK);
    commit(&r, "{}");
    assert_gives(f, "SELECT id, gone FROM t ORDER BY id", "1|now 2|long ago 3|NULL 4|NULL");
    assert_int_equal(expire(&r, b, NULL, 0, "v", "-1"), WEIR_OK); /* of every row, whatever its age */
    assert_int_equal(expire(&r, b, "v", 2, "gone", "7"), WEIR_OK); /* the column holds it from now on */
    PUT(&r, b, "5", "0", "null");
    commit(&r, "{}");
    assert_gives(f, "SELECT id, v, gone FROM t ORDER BY id", "1|1|now 2|1|long ago 3|2|NULL 4|-1|7 5|0|NULL");
    end(&r);
}

/* A run without a name keeps no checkpoint, and so two of them do not fence each other off. */
static void test_runs_without_a_name(void **state)
{
    fixture *f = *state;
    run r, other;
    assert_int_equal(try_begin(f, &r, "", ""), WEIR_OK);
    weir_binding *b = pushed(BIND(&r, "t", 1, col("id", INT)));
    apply(&r);
    assert_int_equal(try_begin(f, &other, "", ""), WEIR_OK);
    weir_binding *c = pushed(BIND(&other, "u", 1, col("id", INT)));
    apply(&other);
    PUT(&r, b, "1");
    commit(&r, "{}");
    PUT(&other, c, "1");
    commit(&other, "{}");
    PUT(&r, b, "2");
    commit(&r, "{}");
    assert_null(r.resumed);
    end(&other);
    end(&r);
    assert_gives(f, "SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u), (SELECT count(*) FROM weir_checkpoints)", "2|1|0");
}

static void test_another_key(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = pushed(BIND(&r, "t", 1, col("id", INT), col("mail", STR)));
    apply(&r);
    PUT(&r, b, "1", "\"a\"");
    PUT(&r, b, "2", "\"b\"");
    commit(&r, "{}");
    end(&r);

    begin(f, &r);
    b = pushed(BIND(&r, "t", 1, col("mail", STR), col("id", INT)));
    apply(&r);
    PUT(&r, b, "\"a\"", "7");
    commit(&r, "{}");
    assert_gives(f, "SELECT id, mail FROM t ORDER BY mail", "7|a 2|b");
    end(&r);

    begin(f, &r); /* none at all */
    b = pushed(BIND(&r, "t", 0, col("mail", STR), col("id", INT)));
    apply(&r);
    PUT(&r, b, "\"a\"", "8");
    PUT(&r, b, NULL, "9");
    commit(&r, "{}");
    assert_gives(f, "SELECT id, mail FROM t ORDER BY id", "2|b 7|a 8|a 9|NULL");
    end(&r);

    begin(f, &r); /* rows that it does not tell apart */
    pushed(BIND(&r, "t", 1, col("mail", STR), col("id", INT)));
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "table \"t\" holds rows that the key (mail) does not tell apart, or that lack it");
    end(&r);
    assert_gives(f, "SELECT id, mail FROM t ORDER BY id", "2|b 7|a 8|a 9|NULL");

    begin(f, &r); /* a new column as the key, which no row has */
    pushed(BIND(&r, "t", 1, col("other", STR), col("id", INT)));
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "does not tell apart, or that lack it");
    end(&r);
}

static void test_a_dropped_table_is_made_again(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = pushed(BIND(&r, "t", 1, col("id", INT)));
    apply(&r);
    PUT(&r, b, "1");
    commit(&r, "{}");
    end(&r);
    run_sql(f, "DROP TABLE t");
    begin(f, &r);
    b = pushed(BIND(&r, "t", 1, col("id", INT)));
    apply(&r);
    PUT(&r, b, "2");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT id FROM t", "2");
}

/* Streams are what they are called, whatever SQLite thinks of it, in this run and the next, in whatever order they come. */
static void test_table_names(void **state)
{
    fixture *f = *state;
    static const char *const names[] = {"Users", "users", "USERS", "", "sqlite_x", "weir_Names", "a.b \"c\"; 'd'", "\xf0\x9f\x98\x80", "users_2", "select"};
    enum { NAMES = sizeof names / sizeof *names };
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < NAMES; i++) {
            size_t k = turn ? NAMES - 1 - i : i;
            char text[8];
            snprintf(text, sizeof text, "%zu", k);
            run r;
            begin(f, &r);
            weir_binding *b = pushed(BIND(&r, names[k], 0, col("n", INT)));
            settle_bindings(&r);
            assert_int_equal(session_validate(r.s, &r.e), WEIR_OK);
            assert_int_equal(session_apply(r.s, &r.e), WEIR_OK);
            PUT(&r, b, text);
            commit(&r, "{}");
            end(&r);
        }
    assert_gives(f, "SELECT group_concat(n) FROM Users", "0,0");
    assert_gives(f, "SELECT group_concat(n) FROM users_2", "1,1");
    assert_gives(f, "SELECT group_concat(n) FROM users_3", "2,2");
    assert_gives(f, "SELECT group_concat(n) FROM _", "3,3");
    assert_gives(f, "SELECT group_concat(n) FROM _sqlite_x", "4,4");
    assert_gives(f, "SELECT group_concat(n) FROM _weir_Names", "5,5");
    assert_gives(f, "SELECT group_concat(n) FROM \"a.b \"\"c\"\"; 'd'\"", "6,6");
    assert_gives(f, "SELECT group_concat(n) FROM \"\xf0\x9f\x98\x80\"", "7,7");
    assert_gives(f, "SELECT group_concat(n) FROM users_2_2", "8,8");
    assert_gives(f, "SELECT group_concat(n) FROM \"select\"", "9,9");
    assert_gives(f, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'weir^_%' ESCAPE '^'", "10");
}

static void test_two_of_one_name_at_once(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *a = pushed(BIND(&r, "T", 1, col("id", INT), col("ID", INT), col("a.b", STR), col("a\"b", STR), col("\xc3\xa9", STR)));
    weir_binding *b = pushed(BIND(&r, "t", 1, col("id", INT)));
    apply(&r);
    PUT(&r, a, "1", "2", "\"x\\u0000y\"", "\"z\"", "\"w\"");
    PUT(&r, b, "3");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT id, ID_2, hex(\"a.b\"), \"a\"\"b\", \"\xc3\xa9\" FROM T", "1|2|780079|z|w");
    assert_gives(f, "SELECT * FROM t_2", "3");
}

enum { WIDE = 5000 };

/* Column number n of a wide table: its value is its number. */
static weir_column wide(arena *a, int n)
{
    weir_view name = arena_printf(a, n % 7 == 3 ? "c~%d/\"" : "c%d", n), pointer = {0};
    pointer = n % 7 == 3 ? arena_printf(a, "/c~0%d~1\"", n) : arena_printf(a, "/c%d", n);
    return (weir_column){.field = name, .pointer = pointer, .types = WEIR_IS_INTEGER | WEIR_IS_NULL};
}

static weir_binding bind_wide(run *r, size_t columns)
{
    weir_column *all = arena_array(&r->a, columns, sizeof *all);
    for (size_t i = 0; i < columns; i++)
        all[i] = wide(&r->a, (int)i);
    all[0].key = all[0].required = true;
    r->count = 1;
    r->bindings[0] = (weir_binding){.name = VIEW("acme/wide"), .columns = all, .column_count = columns, .key_count = 1, .resource_json = VIEW("wide"),
                                    .pushed = true};
    apply(r);
    return r->bindings[0];
}

static void put_wide(run *r, const weir_binding *b, int key)
{
    weir_view *values = arena_array(&r->a, b->column_count, sizeof *values);
    for (size_t i = 0; i < b->column_count; i++)
        values[i] = i % 100 == 50 ? (weir_view){0} : arena_printf(&r->a, "%d", i ? (int)i : key);
    weir_row row = {.binding = b, .values = values};
    if (session_store(r->s, &row, 1, &r->e))
        fail_msg("store: %s", err_text(&r->e));
}

/* Nothing is lost: fields beyond the last column are members of one. */
static void test_more_columns_than_sqlite_has(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding b = bind_wide(&r, 10);
    put_wide(&r, &b, 1);
    commit(&r, "{}");
    end(&r);
    begin(f, &r);
    b = bind_wide(&r, WIDE);
    put_wide(&r, &b, 2);
    put_wide(&r, &b, 3);
    put_wide(&r, &b, 2); /* an upsert, too */
    commit(&r, "{}");
    assert_gives(f, "SELECT count(*) FROM pragma_table_info('wide')", "2000");
    assert_gives(f, "SELECT c0, c1997, (SELECT count(*) FROM json_each(weir_surplus)) FROM wide ORDER BY c0", "1|NULL|0 2|1997|2971 3|1997|2971");
    assert_gives(f, "SELECT json_extract(weir_surplus, '$.c1999'), json_extract(weir_surplus, '$.c4999'), weir_surplus ->> '$.c2050' FROM wide WHERE c0 = 2",
                 "1999|4999|NULL");
    const char *doc = load(&r, &b, "3"); /* and back: every field under its own name */
    for (int i = 1; i < WIDE; i++) {
        weir_column c = wide(&r.a, i);
        char pointer[32];
        snprintf(pointer, sizeof pointer, "%.*s", VIEW_ARG(c.pointer));
        if (weir_json_int(view_of(doc), pointer, -1) != (i % 100 == 50 ? -1 : i))
            fail_msg("%s of a document of %zu bytes", pointer, strlen(doc));
    }
    end(&r);
    begin(f, &r); /* what has a column keeps it, what has none gets none */
    b = bind_wide(&r, WIDE + 1);
    put_wide(&r, &b, 4);
    commit(&r, "{}");
    assert_gives(f, "SELECT c1997, weir_surplus ->> '$.c5000' FROM wide WHERE c0 = 4", "1997|5000");
    end(&r);
    assert_true(log_says(f, "more columns than SQLite allows"));
}

/* ---- cursors ---- */

/* Deletes or puts a row of (id, c, n), whatever else the binding has is absent. */
static void put_cursor(run *r, const weir_binding *b, weir_op op, bool regardless, const char *c, int n)
{
    char number[16];
    snprintf(number, sizeof number, "%d", n);
    const weir_view values[COLUMNS] = {VIEW("1"), view_of(c), view_of(number)};
    weir_row row = {.binding = b, .op = op, .values = values, .regardless = regardless};
    if (session_store(r->s, &row, 1, &r->e))
        fail_msg("store: %s", err_text(&r->e));
}

static void test_rows_with_a_smaller_cursor_change_nothing(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = pushed(BIND(&r, "t", 1, col("id", INT), col("c", INT | NIL), col("n", INT)));
    b->cursor = VIEW("/c");
    apply(&r);
    static const struct {
        weir_op op;
        bool regardless;
        const char *c;
        const char *then; /* the table's (c, n) */
    } steps[] = {
        {WEIR_UPSERT, false, NULL, "NULL|0"},
        {WEIR_UPSERT, false, "null", "NULL|1"},
        {WEIR_UPSERT, false, "-5", "-5|2"},
        {WEIR_UPSERT, false, "null", "-5|2"},
        {WEIR_UPSERT, false, "7", "7|4"},
        {WEIR_UPSERT, false, "7", "7|5"},
        {WEIR_UPSERT, false, "6", "7|5"},
        {WEIR_DELETE, false, "6", "7|5"},
        {WEIR_DELETE, false, NULL, "7|5"},
        {WEIR_UPSERT, true, "1", "1|9"},
        {WEIR_DELETE, false, "1", ""},
        {WEIR_DELETE, false, "1", ""},
        {WEIR_UPSERT, false, "0", "0|12"}, /* nothing is remembered of what was deleted */
        {WEIR_DELETE, true, NULL, ""},
        {WEIR_UPSERT, false, "1.0", "1|14"},
        {WEIR_UPSERT, false, "123456789012345678901234567890", "123456789012345678901234567890|15"}, /* the column is ANY from here on */
        {WEIR_UPSERT, false, "9223372036854775807", "123456789012345678901234567890|15"},
        {WEIR_DELETE, false, "123456789012345678901234567889", "123456789012345678901234567890|15"},
        {WEIR_DELETE, false, "123456789012345678901234567890.0", ""},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        put_cursor(&r, b, steps[i].op, steps[i].regardless, steps[i].c, (int)i);
        commit(&r, "{}");
        assert_gives(f, "SELECT c, n FROM t", steps[i].then);
    }
    end(&r);
}

/* In whatever order values come and however they are stored, the row that stays is the one that weir_cursor_compare() has stay. */
static void test_stored_values_compare_as_what_they_came_as(void **state)
{
    static const struct {
        const char *table;
        unsigned types;
        const char *format, *values[12];
    } columns[] = {
        {"whole", INT | NIL, "", {"null", "1", "2.0", "-1", "9007199254740993", "9007199254740992", "9223372036854775807", "1e3"}},
        {"numbers", NUM, "", {"1", "1.5", "0.1", "0.10000000000000001", "1e20", "100000000000000000001", "-0.0", "9007199254740993", "9007199254740992.5", "1e300", "1e400"}},
        {"times", STR | NIL, "date-time", {"\"2024-01-31T00:00:00Z\"", "\"2024-01-31T00:30:00+01:00\"", "\"2024-01-31 00:00:00.000001\"", "\"2024-01-31\"", "null",
                                           "\"2024-01-30T23:59:59.9999999999Z\"", "\"2024-01-31T00:00:00\\u002B00:00\"", "\"no time\"", "\"\""}},
        {"texts", STR, "", {"\"10\"", "\"9\"", "\"a\"", "\"B\"", "\"a\\u0000\"", "\"\xc3\xa9\"", "\"\\ud83d\\ude00\"", "\"\\uffff\""}},
        {"digits", STR, "integer", {"\"10\"", "\"9\"", "\"100000000000000000000000000000\"", "\"99999999999999999999999999999\""}},
        {"any", 0, "", {"\"10\"", "9", "\"8\"", "\"a\"", "[1]", "{\"a\":1}", "null", "true", "false", "\"2024-01-31\"", "12345678901234567890123"}},
        {"truths", BOOL, "", {"true", "false", "null"}},
    };
    fixture *f = *state;
    uint64_t seed = 5;
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
        run r;
        begin(f, &r);
        weir_column c = col("c", columns[k].types);
        c.format = view_of(columns[k].format);
        weir_binding *b = pushed(BIND(&r, columns[k].table, 1, col("id", INT), c, col("n", INT)));
        b->cursor = VIEW("/c");
        apply(&r);
        unsigned types = columns[k].types | (strcmp(columns[k].format, "integer") == 0 ? (unsigned)NUM : 0u);
        size_t count = 0;
        while (count < 12 && columns[k].values[count])
            count++;
        const char *stays = NULL;
        char want[16] = "";
        for (int n = 0; n < 300; n++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            const char *now = columns[k].values[(seed >> 33) % count];
            if (n % 15 == 0) /* begin anew */
                put_cursor(&r, b, WEIR_DELETE, true, now, n);
            if (n % 15 == 0 || weir_cursor_compare(view_of(now), view_of(stays), types) >= 0) {
                stays = now;
                snprintf(want, sizeof want, "%d", n);
            }
            put_cursor(&r, b, WEIR_UPSERT, false, now, n);
            commit(&r, "{}");
            char sql[64];
            snprintf(sql, sizeof sql, "SELECT n FROM %s", columns[k].table);
            assert_gives(f, sql, want);
        }
        end(&r);
    }
}

/* A row of a later epoch counts whatever its cursor is. */
static void test_epochs_come_before_cursors(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = pushed(BIND(&r, "t", 1, col("id", INT), col("c", INT), col("e", INT | NIL)));
    b->cursor = VIEW("/c");
    b->epoch = VIEW("/e");
    apply(&r);
    PUT(&r, b, "1", "9", "null");
    PUT(&r, b, "1", "5", "1");
    commit(&r, "{}");
    assert_gives(f, "SELECT c, e FROM t", "5|1");
    PUT(&r, b, "1", "4", "1");
    PUT(&r, b, "1", "8", "0");
    PUT(&r, b, "1", "8", "null");
    commit(&r, "{}");
    assert_gives(f, "SELECT c, e FROM t", "5|1");
    PUT(&r, b, "1", "3", "2");
    commit(&r, "{}");
    assert_gives(f, "SELECT c, e FROM t", "3|2");
    put_cursor(&r, b, WEIR_DELETE, false, "9", 1);
    put_cursor(&r, b, WEIR_DELETE, false, "2", 2);
    commit(&r, "{}");
    assert_gives(f, "SELECT c, e FROM t", "3|2");
    put_cursor(&r, b, WEIR_DELETE, false, "0", 3);
    commit(&r, "{}");
    assert_gives(f, "SELECT count(*) FROM t", "0");
    end(&r);
}

static void store_wide(run *r, const weir_binding *b, weir_op op, const char *cursor)
{
    weir_view *values = arena_array(&r->a, b->column_count, sizeof *values);
    values[0] = VIEW("1");
    values[WIDE - 4] = view_of(cursor);
    weir_row row = {.binding = b, .op = op, .values = values};
    if (session_store(r->s, &row, 1, &r->e))
        fail_msg("store: %s", err_text(&r->e));
}

/* A cursor that has no column of its own. */
static void test_a_cursor_beyond_the_last_column(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    bind_wide(&r, WIDE);
    weir_binding *b = &r.bindings[0];
    weir_column c = wide(&r.a, WIDE - 4);
    assert_int_equal((WIDE - 4) % 7, 5);
    b->cursor = c.pointer;
    apply(&r);
    static const struct {
        weir_op op;
        const char *cursor, *then;
    } steps[] = {
        {WEIR_UPSERT, "null", "NULL"}, {WEIR_UPSERT, "7", "7"}, {WEIR_UPSERT, NULL, "7"},   {WEIR_UPSERT, "6", "7"},
        {WEIR_UPSERT, "10", "10"},     {WEIR_DELETE, "9", "10"}, {WEIR_DELETE, NULL, "10"}, {WEIR_DELETE, "10", ""},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        store_wide(&r, b, steps[i].op, steps[i].cursor);
        commit(&r, "{}");
        assert_gives(f, "SELECT weir_surplus ->> '$.c4996' FROM wide", steps[i].then);
    }
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows_out_of_date_are_removed),
        TEST(test_rows_out_of_date_are_marked),
        TEST(test_runs_without_a_name),
        TEST(test_another_key),
        TEST(test_a_dropped_table_is_made_again),
        TEST(test_table_names),
        TEST(test_two_of_one_name_at_once),
        TEST(test_more_columns_than_sqlite_has),
        TEST(test_rows_with_a_smaller_cursor_change_nothing),
        TEST(test_stored_values_compare_as_what_they_came_as),
        TEST(test_epochs_come_before_cursors),
        TEST(test_a_cursor_beyond_the_last_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
