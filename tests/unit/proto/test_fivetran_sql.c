/* The SQL of a destination as text: standard SQL, as weir_sql promises it to databases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/fivetran/sql.h"

static weir_sql_column plain_columns[] = {
    {.name = WEIR_LIT("id"), .type = WEIR_SQL_INT, .key = true},
    {.name = WEIR_LIT("a\"b"), .type = WEIR_SQL_TEXT},
    {.name = WEIR_LIT("k"), .type = WEIR_SQL_TEXT, .key = true},
    {.name = WEIR_LIT("c"), .type = WEIR_SQL_TEXT},
};
static weir_view plain_types[] = {WEIR_LIT("INT"), WEIR_LIT("TEXT"), WEIR_LIT("TEXT"), WEIR_LIT("DECIMAL(10,2)")};
static const ft_sql_table plain = {.name = WEIR_LIT("\"s\".\"t\""), .columns = plain_columns, .types = plain_types, .count = 4};

static weir_sql_column history_columns[] = {
    {.name = WEIR_LIT("id"), .key = true},         {.name = WEIR_LIT("a")},
    {.name = WEIR_LIT("_fivetran_start"), .key = true}, {.name = WEIR_LIT("_fivetran_end")},
    {.name = WEIR_LIT("_fivetran_active")},
};
static weir_view history_types[5];
static const ft_sql_table history = {.name = WEIR_LIT("h"), .columns = history_columns, .types = history_types, .count = 5};

static void is_text(buf *got, const char *want)
{
    assert_true(buf_ok(got));
    if (strcmp(buf_text(got), want) != 0)
        fail_msg("%s\nis not\n%s", buf_text(got), want);
    buf_free(got);
}

/* @param params the indexes, as digits */
static void is_statement(ft_statement *s, const char *want, const char *params)
{
    assert_int_equal(s->count, strlen(params));
    for (size_t i = 0; i < s->count; i++)
        assert_int_equal(s->params[i], params[i] - '0');
    is_text(&s->sql, want);
}

static void test_tables(void **state)
{
    (void)state;
    static const weir_view expressions[] = {WEIR_LIT("\"id\""), WEIR_LIT("NULL"), WEIR_LIT("?"), WEIR_LIT("\"c\"")};
    buf b = {0};
    ft_sql_create(&b, &plain);
    is_text(&b, "CREATE TABLE \"s\".\"t\" (\"id\" INT NOT NULL, \"a\"\"b\" TEXT, \"k\" TEXT NOT NULL, \"c\" DECIMAL(10,2), PRIMARY KEY (\"id\", \"k\"))");
    ft_sql_copy(&b, &plain, expressions, VIEW("old"), (weir_view){0});
    is_text(&b, "INSERT INTO \"s\".\"t\" (\"id\", \"a\"\"b\", \"k\", \"c\") SELECT \"id\", NULL, ?, \"c\" FROM old");
    ft_sql_copy(&b, &plain, expressions, VIEW("old"), VIEW("x = 1"));
    is_text(&b, "INSERT INTO \"s\".\"t\" (\"id\", \"a\"\"b\", \"k\", \"c\") SELECT \"id\", NULL, ?, \"c\" FROM old WHERE x = 1");
    ft_sql_add_column(&b, &plain, 3);
    is_text(&b, "ALTER TABLE \"s\".\"t\" ADD COLUMN \"c\" DECIMAL(10,2)");
    ft_sql_rename_column(&b, plain.name, VIEW("a\"b"), VIEW("x"));
    is_text(&b, "ALTER TABLE \"s\".\"t\" RENAME COLUMN \"a\"\"b\" TO \"x\"");
    ft_sql_drop(&b, plain.name);
    is_text(&b, "DROP TABLE \"s\".\"t\"");
    assert_int_equal(ft_sql_find(&plain, "k"), 2);
    assert_int_equal(ft_sql_find(&plain, "K"), 4);
}

static void test_rows(void **state)
{
    (void)state;
    arena a = {0};
    ft_statement s = {0};
    ft_sql_upsert(&s, &a, &plain, (const bool[]){true, true, true, true});
    const size_t *params = s.params;
    is_statement(&s, "INSERT INTO \"s\".\"t\" (\"id\", \"a\"\"b\", \"k\", \"c\") VALUES (?, ?, ?, ?) ON CONFLICT (\"id\", \"k\") DO UPDATE SET "
                     "\"a\"\"b\" = excluded.\"a\"\"b\", \"c\" = excluded.\"c\"", "0123");
    ft_sql_upsert(&s, &a, &plain, (const bool[]){true, false, true, false});
    is_statement(&s, "INSERT INTO \"s\".\"t\" (\"id\", \"k\") VALUES (?, ?) ON CONFLICT (\"id\", \"k\") DO NOTHING", "02");
    const ft_sql_table keyless = {.name = VIEW("t"), .columns = history_columns + 1, .types = history_types, .count = 1};
    ft_sql_upsert(&s, &a, &keyless, (const bool[]){true});
    is_statement(&s, "INSERT INTO t (\"a\") VALUES (?)", "0");
    ft_sql_update(&s, &a, &plain, (const bool[]){true, false, true, true});
    is_statement(&s, "UPDATE \"s\".\"t\" SET \"c\" = ? WHERE \"id\" = ? AND \"k\" = ?", "302");
    ft_sql_update(&s, &a, &plain, (const bool[]){true, false, true, false});
    is_statement(&s, "", "");
    ft_sql_delete(&s, &a, &plain);
    is_statement(&s, "DELETE FROM \"s\".\"t\" WHERE \"id\" = ? AND \"k\" = ?", "02");
    ft_sql_delete(&s, &a, &keyless);
    is_statement(&s, "DELETE FROM t WHERE FALSE", "");
    assert_ptr_equal(s.params, params); /* as many statements as rows have different columns: they take no more memory than one */
    arena_free(&a);
}

static void test_history(void **state)
{
    (void)state;
    arena a = {0};
    ft_statement s = {0};
    ft_sql_set_aside(&s, &a, &history);
    is_statement(&s, "UPDATE h SET \"_fivetran_start\" = ?, \"_fivetran_end\" = ?, \"_fivetran_active\" = FALSE WHERE \"id\" = ? AND \"_fivetran_start\" = "
                     "(SELECT max(p.\"_fivetran_start\") FROM h AS p WHERE p.\"id\" = ?) AND (SELECT min(p.\"_fivetran_start\") FROM h AS p WHERE p.\"id\" = ?) >= ?",
                 "670002");
    ft_sql_drop_aside(&s, &a, &history);
    is_statement(&s, "DELETE FROM h WHERE \"id\" = ? AND \"_fivetran_start\" = ? AND \"_fivetran_end\" = ?", "067");
    ft_sql_cut(&s, &a, &history);
    is_statement(&s, "DELETE FROM h WHERE \"id\" = ? AND \"_fivetran_start\" >= ?", "02");
    ft_sql_close(&s, &a, &history);
    is_statement(&s, "UPDATE h SET \"_fivetran_active\" = FALSE, \"_fivetran_end\" = ? WHERE \"id\" = ? AND \"_fivetran_active\" = TRUE", "50");
    ft_sql_end(&s, &a, &history);
    is_statement(&s, "UPDATE h SET \"_fivetran_active\" = FALSE, \"_fivetran_end\" = ? WHERE \"id\" = ? AND \"_fivetran_active\" = TRUE", "30");
    ft_sql_version(&s, &a, &history, (const bool[]){true, false, true, true, true});
    is_statement(&s, "INSERT INTO h (\"id\", \"a\", \"_fivetran_start\", \"_fivetran_end\", \"_fivetran_active\") SELECT ?, p.\"a\", ?, ?, ? FROM h AS p "
                     "WHERE p.\"id\" = ? AND p.\"_fivetran_start\" < ? ORDER BY p.\"_fivetran_start\" DESC LIMIT 1 ON CONFLICT (\"id\", \"_fivetran_start\") "
                     "DO UPDATE SET \"a\" = excluded.\"a\", \"_fivetran_end\" = excluded.\"_fivetran_end\", \"_fivetran_active\" = excluded.\"_fivetran_active\"",
                 "023402");
    arena_free(&a);
}

static void test_truncate(void **state)
{
    (void)state;
    buf b = {0};
    ft_sql_truncate(&b, VIEW("t"), VIEW("at"), (weir_view){0});
    is_text(&b, "DELETE FROM t WHERE \"at\" < ?");
    ft_sql_truncate(&b, VIEW("t"), (weir_view){0}, (weir_view){0});
    is_text(&b, "DELETE FROM t");
    ft_sql_truncate(&b, VIEW("t"), VIEW("at"), VIEW("gone"));
    is_text(&b, "UPDATE t SET \"gone\" = TRUE WHERE \"at\" < ?");
    ft_sql_truncate(&b, VIEW("t"), (weir_view){0}, VIEW("gone"));
    is_text(&b, "UPDATE t SET \"gone\" = TRUE");
}

static void test_migrate(void **state)
{
    (void)state;
    buf b = {0};
    ft_sql_set(&b, VIEW("t"), VIEW("c"));
    is_text(&b, "UPDATE t SET \"c\" = ?");
    ft_sql_set_column(&b, VIEW("t"), VIEW("c"), VIEW("d"));
    is_text(&b, "UPDATE t SET \"c\" = \"d\"");
    ft_sql_next_versions(&b, &history, 1, false);
    is_text(&b, "INSERT INTO h (\"_fivetran_start\", \"a\", \"id\", \"_fivetran_end\", \"_fivetran_active\") SELECT ?, ?, \"id\", \"_fivetran_end\", "
                "\"_fivetran_active\" FROM h WHERE \"_fivetran_active\" = TRUE AND \"_fivetran_start\" < ?");
    ft_sql_set_versions(&b, &history, 1);
    is_text(&b, "UPDATE h SET \"a\" = ? WHERE \"_fivetran_start\" = ?");
    ft_sql_close_versions(&b, &history, 1, true);
    is_text(&b, "UPDATE h SET \"_fivetran_active\" = FALSE, \"_fivetran_end\" = ? WHERE \"_fivetran_active\" = TRUE AND \"_fivetran_start\" < ? AND \"a\" IS NOT NULL");
    ft_sql_latest(&b, &history);
    is_text(&b, "(SELECT *, ROW_NUMBER() OVER (PARTITION BY \"id\" ORDER BY \"_fivetran_start\" DESC) AS _weir_version FROM h WHERE \"_fivetran_start\" IS NOT NULL) AS p");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables), cmocka_unit_test(test_rows), cmocka_unit_test(test_history), cmocka_unit_test(test_truncate), cmocka_unit_test(test_migrate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
