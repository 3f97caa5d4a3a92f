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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
