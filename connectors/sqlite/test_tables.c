/* Tables: made, widened, renamed, emptied; rows of every type. */
#include "test_harness.h"

/* ---------------------------------------------------------------------------------------------------------- types and rows -- */

static void test_types(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_column bytes = col("bytes", STR), stamp = col("stamp", STR | NIL), needed = col("needed", STR);
    bytes.encoding = VIEW("base64");
    stamp.format = VIEW("integer");
    needed.required = true;
    weir_binding *b = BIND(&r, "types", 1, col("id", INT), col("num", NUM | INT), col("yes", BOOL), bytes, stamp, needed,
                           col("obj", OBJ), col("list", ARR | OBJ | NIL), col("mixed", STR | INT), col("any", 0), col("gone", INT));
    apply(&r);
    PUT(&r, b, "1", "12345678901234567890.5", "true", "\"AAEC/w==\"", "\"123456789012345678901\"", "\"x\"", "{ \"a\" : 1 }",
        "[1, 2]", "\"t\"", "false", NULL);
    PUT(&r, b, "2", "0.5", "false", "null", "null", "\"\"", "null", "null", "5", "1.25", "null");
    commit(&r, "{}");
    assert_gives(
        f, "SELECT name, type, \"notnull\", pk FROM pragma_table_info('types')",
        "id|INTEGER|1|1 num|ANY|0|0 yes|INTEGER|0|0 bytes|BLOB|0|0 stamp|TEXT|0|0 needed|TEXT|1|0 obj|TEXT|0|0 list|TEXT|0|0 "
        "mixed|ANY|0|0 any|ANY|0|0 gone|INTEGER|0|0");
    assert_gives(f, "SELECT strict, wr FROM pragma_table_list('types')", "1|0");
    assert_gives(f,
                 "SELECT quote(id), quote(num), quote(yes), quote(bytes), quote(stamp), quote(needed), quote(obj), quote(list), "
                 "quote(mixed), quote(\"any\"),"
                 " quote(gone) FROM types",
                 "1|'12345678901234567890.5'|1|X'000102FF'|'123456789012345678901'|'x'|'{\"a\":1}'|'[1,2]'|'t'|0|NULL "
                 "2|0.5|0|NULL|NULL|''|NULL|NULL|5|1.25|NULL");
    end(&r);
}

static void test_upsert_and_delete(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 2, col("a", STR), col("b", INT), col("v", STR), col("w", INT));
    apply(&r);
    PUT(&r, b, "\"x\"", "1", "\"one\"", "1");
    PUT(&r, b, "\"x\"", "2", "\"two\"", "2");
    PUT(&r, b, "\"y\"", "1", "\"three\"", "3");
    commit(&r, "{}");
    PUT(&r, b, "\"x\"", "1", "\"ONE\"", NULL); /* a row is replaced whole */
    REMOVE(&r, b, "\"x\"", "2");
    REMOVE(&r, b, "\"never\"", "2");
    REMOVE(&r, b, "7", "2"); /* a key that cannot be there */
    commit(&r, "{}");
    assert_gives(f, "SELECT * FROM t ORDER BY 1, 2", "x|1|ONE|NULL y|1|three|3");
    end(&r);
}

/* Of a part only what it has is set; an object that comes without a member loses it. */
static void test_update(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_column city = col("address/city", STR), document = col("flow_document", OBJ);
    city.pointer = VIEW("/address/city");
    document.pointer = VIEW("");
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("a", STR), col("b", INT), city, document);
    apply(&r);
    PUT(&r, b, "1", "\"x\"", "1", "\"Rome\"", "{\"id\":1,\"a\":\"x\",\"b\":1,\"address\":{\"city\":\"Rome\"},\"c\":[1]}");
    const struct {
        const char *doc, *values[5], *want;
    } cases[] = {
        {"{\"id\":1,\"a\":null}", {"1", "null", "", "", NULL}, "1|NULL|1|'Rome'|'{\"id\":1,\"a\":null,\"b\":1,\"address\":{\"city\":\"Rome\"},\"c\":[1]}'"},
        {"{\"id\":1,\"b\":7,\"address\":{}}", {"1", "", "7", "", NULL}, "1|NULL|7|NULL|'{\"id\":1,\"a\":null,\"b\":7,\"address\":{},\"c\":[1]}'"},
        {"{\"id\":1,\"b\":\"text\",\"d\":2}", {"1", "", "\"text\"", "", NULL}, "1|NULL|'text'|NULL|'{\"id\":1,\"a\":null,\"b\":\"text\",\"address\":{},\"c\":[1],\"d\":2}'"},
        {"{\"id\":2,\"b\":1}", {"2", "", "1", "", NULL}, "1|NULL|'text'|NULL|'{\"id\":1,\"a\":null,\"b\":\"text\",\"address\":{},\"c\":[1],\"d\":2}'"},
        {"{\"id\":\"none\",\"b\":1}", {"\"none\"", "", "1", "", NULL}, "1|NULL|'text'|NULL|'{\"id\":1,\"a\":null,\"b\":\"text\",\"address\":{},\"c\":[1],\"d\":2}'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_view values[5];
        for (size_t k = 0; k < 5; k++)
            values[k] = k == 4 ? view_of(cases[i].doc) : view_of(cases[i].values[k]);
        if (session_store(r.s, &(weir_row){.binding = b, .op = WEIR_UPDATE, .doc = view_of(cases[i].doc), .values = values}, 1, &r.e))
            fail_msg("%s", err_text(&r.e));
        commit(&r, "{}");
        assert_gives(f, "SELECT quote(id), quote(a), quote(b), quote(\"address/city\"), quote(flow_document) FROM t", cases[i].want);
    }
    end(&r);
}

static void test_only_keys(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", STR));
    apply(&r);
    PUT(&r, b, "\"a\"");
    PUT(&r, b, "\"a\"");
    commit(&r, "{}");
    assert_gives(f, "SELECT id FROM t", "a");
    end(&r);
}

static void test_delta_updates(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", STR), col("n", INT));
    b->delta_updates = true;
    apply(&r);
    PUT(&r, b, "\"a\"", "1");
    PUT(&r, b, "\"a\"", "2");
    commit(&r, "{}");
    assert_gives(f, "SELECT id, n FROM t", "a|1 a|2");
    assert_gives(f, "SELECT sum(pk) FROM pragma_table_info('t')", "0");
    end(&r);
}

static void test_key_without_value(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", STR), col("n", INT));
    apply(&r);
    weir_rc rc = try_row(&r, b, WEIR_UPSERT, (const char *const[]){"null", "1"});
    assert_error(&r, rc, WEIR_E_CONFIG, "a document of \"acme/docs\" has no value at \"/id\", which is part of its key");
    assert_int_not_equal(session_commit(r.s, VIEW("{}"), &r.e), WEIR_OK); /* the transaction is lost: nothing may be committed */
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "0");
}

/* ----------------------------------------------------------------------------------------------------------------- widening -- */

static void test_values_widen_columns(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_column needed = col("needed", STR);
    needed.required = true;
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT), needed);
    apply(&r);
    PUT(&r, b, "1", "9223372036854775807", "\"x\"");
    commit(&r, "{}");
    run_sql(f, "CREATE INDEX by_n ON t (n)");
    run_sql(f, "CREATE VIEW both AS SELECT id, n FROM t");
    run_sql(f, "CREATE TABLE seen (id)");
    run_sql(f, "CREATE TRIGGER see AFTER INSERT ON t BEGIN INSERT INTO seen VALUES (new.id); END");
    PUT(&r, b, "2", "9223372036854775808", "\"y\""); /* too long */
    PUT(&r, b, "3", "\"a text\"", "\"z\"");          /* fits now */
    PUT(&r, b, "4", "1", NULL);                      /* a required value is not there */
    PUT(&r, b, "\"five\"", "1.5", "7");              /* the key itself; and a number among texts */
    PUT(&r, b, "3", "4", "\"Z\"");                   /* still an upsert */
    commit(&r, "{}");
    assert_gives(f, "SELECT name, type, \"notnull\", pk FROM pragma_table_info('t')", "id|ANY|1|1 n|ANY|0|0 needed|ANY|0|0");
    assert_gives(f, "SELECT quote(id), quote(n), quote(needed) FROM t ORDER BY rowid",
                 "1|9223372036854775807|'x' 2|'9223372036854775808'|'y' 3|4|'Z' 4|1|NULL 'five'|1.5|7");
    assert_gives(f, "SELECT type, name, tbl_name FROM sqlite_schema WHERE name IN ('by_n', 'both', 'see') ORDER BY 2",
                 "view|both|both index|by_n|t trigger|see|t");
    assert_gives(f, "SELECT count(*) FROM both", "5");
    assert_gives(f, "SELECT group_concat(id) FROM seen", "2,3,4,five");
    assert_gives(f, "PRAGMA integrity_check", "ok");
    assert_true(log_says(f, "did not foresee"));
    end(&r);
}

/* A rebuild that is not committed leaves no trace. */
static void test_widening_is_part_of_the_transaction(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT));
    apply(&r);
    PUT(&r, b, "1", "1");
    commit(&r, "{}");
    PUT(&r, b, "2", "\"x\"");
    end(&r);
    assert_gives(f, "SELECT name, type FROM pragma_table_info('t')", "id|INTEGER n|INTEGER");
    assert_gives(f, "SELECT id, n FROM t", "1|1");
}

static void test_apply_widens(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_column needed = col("needed", STR), dropped = col("dropped", STR);
    needed.required = dropped.required = true;
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT), needed, dropped, col("same", STR));
    apply(&r);
    PUT(&r, b, "1", "5", "\"x\"", "\"d\"", "\"s\"");
    commit(&r, "{}");
    end(&r);
    run_sql(f, "ALTER TABLE t ADD COLUMN theirs TEXT NOT NULL DEFAULT 'own'");

    begin(f, &r); /* n becomes a string too, needed optional, dropped is not selected, added is new and required */
    weir_column added = col("added", BOOL);
    added.required = true;
    b = BIND(&r, "t", 1, col("id", INT | STR), col("n", INT | STR), col("needed", STR), added, col("same", STR));
    apply(&r);
    PUT(&r, b, "\"two\"", "\"six\"", NULL, "true", "\"s\"");
    commit(&r, "{}");
    assert_gives(
        f, "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('t')",
        "id|ANY|1|NULL|1 n|ANY|0|NULL|0 needed|TEXT|0|NULL|0 dropped|TEXT|0|NULL|0 same|TEXT|0|NULL|0 theirs|TEXT|1|'own'|0 "
        "added|INTEGER|0|NULL|0");
    assert_gives(f, "SELECT quote(id), quote(n), quote(needed), quote(dropped), quote(theirs), quote(added) FROM t ORDER BY rowid",
                 "1|5|'x'|'d'|'own'|NULL 'two'|'six'|NULL|NULL|'own'|1");
    end(&r);

    begin(f, &r); /* what was wider stays so */
    b = BIND(&r, "t", 1, col("id", INT), col("n", INT), col("needed", STR));
    apply(&r);
    assert_gives(f, "SELECT name, type FROM pragma_table_info('t') WHERE name IN ('id', 'n')", "id|ANY n|ANY");
    PUT(&r, b, "\"three\"", "1", "\"x\"");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "3");
}

static void test_apply_again_within_a_transaction(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT));
    apply(&r);
    PUT(&r, b, "1", "1");
    r.count = 0;
    b = BIND(&r, "t", 1, col("id", INT), col("n", INT), col("m", STR));
    apply(&r);
    assert_gives(f, "SELECT count(*) FROM t", "0"); /* not committed by the way */
    PUT(&r, b, "2", "2", "\"m\"");
    commit(&r, "{}");
    assert_gives(f, "SELECT id, n, m FROM t", "1|1|NULL 2|2|m");
    end(&r);
}

static void test_generated_columns_are_not_lost(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT));
    apply(&r);
    run_sql(f, "ALTER TABLE t ADD COLUMN twice INTEGER AS (2 * n)");
    assert_error(&r, try_row(&r, b, WEIR_UPSERT, (const char *const[]){"1", "\"x\""}), WEIR_E_CONFIG,
                 "\"twice\" is a generated column");
    end(&r);
}

/* ------------------------------------------------------------------------------------------------------- backfill and keys -- */

static void test_backfill(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT));
    apply(&r);
    PUT(&r, b, "1", "1");
    commit(&r, "{}");
    end(&r);

    begin(f, &r); /* another key: only with a higher backfill */
    b = BIND(&r, "t", 1, col("n", INT), col("id", INT));
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "raise the binding's `backfill`");
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "1");

    begin(f, &r);
    b = BIND(&r, "t", 2, col("n", INT), col("new", STR), col("id", INT));
    b->backfill = 1;
    apply(&r);
    assert_gives(f, "SELECT count(*) FROM t", "0");
    assert_gives(f, "SELECT name, \"notnull\", pk FROM pragma_table_info('t')", "id|0|0 n|1|1 new|1|2");
    PUT(&r, b, "1", "\"x\"", NULL);
    commit(&r, "{}");
    end(&r);

    begin(f, &r); /* the same counter again empties nothing; a lower one neither */
    b = BIND(&r, "t", 2, col("n", INT), col("new", STR), col("id", INT));
    b->backfill = 1;
    apply(&r);
    end(&r);
    begin(f, &r);
    b = BIND(&r, "t", 2, col("n", INT), col("new", STR), col("id", INT));
    apply(&r);
    end(&r);
    begin(f, &r);
    b = BIND(&r, "t", 2, col("n", INT), col("new", STR), col("id", INT));
    b->backfill = 1;
    apply(&r);
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "1");

    begin(f, &r); /* and with the same key, the counter alone empties */
    b = BIND(&r, "t", 2, col("n", INT), col("new", STR));
    b->backfill = 2;
    apply(&r);
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "0");
}

static void test_dropped_table(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT));
    apply(&r);
    PUT(&r, b, "1");
    commit(&r, "{}");
    end(&r);
    run_sql(f, "DROP TABLE t");
    begin(f, &r);
    BIND(&r, "t", 1, col("id", INT));
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "table \"t\" is gone");
    end(&r);
    begin(f, &r);
    b = BIND(&r, "t", 1, col("id", INT));
    b->backfill = 1;
    apply(&r);
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "0");
}

static void test_foreign_tables_are_left_alone(void **state)
{
    fixture *f = *state;
    run r;
    run_sql(f, "CREATE TABLE theirs (id INTEGER PRIMARY KEY)");
    run_sql(f, "CREATE VIEW seen AS SELECT 1 AS id");
    begin(f, &r);
    BIND(&r, "Theirs", 1, col("id", INT));
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "table \"Theirs\" was not made by this connector");
    end(&r);
    begin(f, &r);
    BIND(&r, "seen", 1, col("id", INT));
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "\"seen\" is a view");
    end(&r);
}

/* ------------------------------------------------------------------------------------------------------------------- names -- */

static void test_odd_names(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    const char *table = "o\"dd 'n\xc3\xa4me'; DROP TABLE x --\xf0\x9f\x9a\x80";
    weir_binding *b = BIND(&r, table, 1, col("select", INT), col("a\"b", STR), col("a'b;--", STR), col("\xf0\x9f\x92\xa9", STR),
                           col("1", STR), col("a/b", STR), col("", STR), col("_", STR));
    apply(&r);
    PUT(&r, b, "1", "\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"e\"", "\"f\"", "\"g\"");
    PUT(&r, b, "1", "\"A\"", "\"b\"", "\"c\"", "4", "\"e\"", "\"f\"", "\"g\""); /* a rebuild too */
    commit(&r, "{}");
    assert_string_equal(load(&r, b, "1"), "{\"select\":1,\"a\\\"b\":\"A\",\"a'b;--\":\"b\",\"\xf0\x9f\x92\xa9\":\"c\",\"1\":4,"
                                          "\"a\":{\"b\":\"e\"},\"\":\"f\",\"_\":\"g\"}\n");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT * FROM \"o\"\"dd 'n\xc3\xa4me'; DROP TABLE x --\xf0\x9f\x9a\x80\"", "1|A|b|c|4|e|f|g");
    assert_gives(f, "SELECT group_concat(name, ' ') FROM pragma_table_info((SELECT name FROM weir_tables))",
                 "select a\"b a'b;-- \xf0\x9f\x92\xa9 1 a/b _ __2");
}

static void test_names_that_differ_in_case(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("Id", INT), col("id", INT), col("id_2", INT), col("n", INT));
    apply(&r);
    PUT(&r, b, "1", "2", "3", "4");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT group_concat(name) FROM pragma_table_info('t')", "Id,id_3,id_2,n");
    assert_true(log_says(f, "the field goes into \\\"id_3\\\""));

    begin(f, &r); /* names that were given stay, whatever comes later and in whatever order */
    b = BIND(&r, "t", 1, col("Id", INT), col("ID", INT), col("N", INT), col("id", INT), col("n", INT), col("id_2", INT));
    apply(&r);
    PUT(&r, b, "1", "20", "40", "2", "4", "3");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT group_concat(name) FROM pragma_table_info('t')", "Id,id_3,id_2,n,ID_4,N_2");
    assert_gives(f, "SELECT * FROM t", "1|2|3|4|20|40");
}

static void test_a_column_somebody_added(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    BIND(&r, "t", 1, col("id", INT));
    apply(&r);
    end(&r);
    run_sql(f, "ALTER TABLE t ADD COLUMN note TEXT");
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("note", INT));
    apply(&r);
    PUT(&r, b, "1", "7");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT id, note, note_2 FROM t", "1|NULL|7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_types),
        TEST(test_upsert_and_delete),
        TEST(test_update),
        TEST(test_only_keys),
        TEST(test_delta_updates),
        TEST(test_key_without_value),
        TEST(test_values_widen_columns),
        TEST(test_widening_is_part_of_the_transaction),
        TEST(test_apply_widens),
        TEST(test_apply_again_within_a_transaction),
        TEST(test_generated_columns_are_not_lost),
        TEST(test_backfill),
        TEST(test_dropped_table),
        TEST(test_foreign_tables_are_left_alone),
        TEST(test_odd_names),
        TEST(test_names_that_differ_in_case),
        TEST(test_a_column_somebody_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
