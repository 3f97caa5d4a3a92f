/* Migrations of tables. */
#include "fivetran_destination_rig.h"

/* ---------------------------------------------------------------------------------------------------------------- Migrate -- */

static weir_rc try_migrate(fixture *f, details *m, bool *ret_unsupported)
{
    request r = {.m = m};
    weir_rc rc = call(f, do_migrate, &r);
    *ret_unsupported = r.unsupported;
    return rc;
}

/* Each operation is done twice: the platform may send it again. */
static void migrate_twice(fixture *f, details *m)
{
    bool unsupported;
    for (int i = 0; i < 2; i++) {
        must(f, try_migrate(f, m, &unsupported));
        assert_false(unsupported);
    }
}

static void make_soft(fixture *f)
{
    create(f, "t", "id:INT:k a:STRING d:DECIMAL(10,2) _fivetran_synced:UTC_DATETIME _fivetran_deleted:BOOLEAN");
    write_batch(f, "t", (files){.replace = "id,a,d,_fivetran_synced,_fivetran_deleted\n1,one,1.50," DAY(1) ",false\n2,two,-," DAY(2) ",true\n3,-,3," DAY(2) ",-\n"});
}

static void test_drop_and_rename(void **state)
{
    fixture *f = *state;
    make_soft(f);
    FivetranSdk__V2__RenameTable to = FIVETRAN_SDK__V2__RENAME_TABLE__INIT;
    FivetranSdk__V2__RenameOperation o = FIVETRAN_SDK__V2__RENAME_OPERATION__INIT;
    to.from_table = TEXT("t");
    to.to_table = TEXT("u");
    o.entity_case = FIVETRAN_SDK__V2__RENAME_OPERATION__ENTITY_RENAME_TABLE;
    o.rename_table = &to;
    migrate_twice(f, DETAILS("", RENAME, rename, &o));
    describes(f, "t", "not found");
    gives(f, "SELECT id FROM s__u", "1\n2\n3\n");

    FivetranSdk__V2__RenameColumn column = FIVETRAN_SDK__V2__RENAME_COLUMN__INIT;
    column.from_column = TEXT("d");
    column.to_column = TEXT("amount");
    o.entity_case = FIVETRAN_SDK__V2__RENAME_OPERATION__ENTITY_RENAME_COLUMN;
    o.rename_column = &column;
    migrate_twice(f, DETAILS("u", RENAME, rename, &o));
    describes(f, "u", "id:INT:k a:STRING amount:DECIMAL(10,2) _fivetran_synced:UTC_DATETIME _fivetran_deleted:BOOLEAN");
    bool unsupported;
    column.from_column = TEXT("a");
    refused(f, try_migrate(f, DETAILS("u", RENAME, rename, &o), &unsupported), WEIR_E_CONFIG, "that is there already");

    migrate_twice(f, drop_details(f, "u", NULL, NULL));
    describes(f, "u", "not found");
}

static void test_copy(void **state)
{
    fixture *f = *state;
    make_soft(f);
    FivetranSdk__V2__CopyTable t = FIVETRAN_SDK__V2__COPY_TABLE__INIT;
    FivetranSdk__V2__CopyColumn c = FIVETRAN_SDK__V2__COPY_COLUMN__INIT;
    FivetranSdk__V2__CopyOperation o = FIVETRAN_SDK__V2__COPY_OPERATION__INIT;
    t.from_table = TEXT("t");
    t.to_table = TEXT("u");
    o.entity_case = FIVETRAN_SDK__V2__COPY_OPERATION__ENTITY_COPY_TABLE;
    o.copy_table = &t;
    migrate_twice(f, DETAILS("", COPY, copy, &o));
    gives(f, "SELECT * FROM s__u EXCEPT SELECT * FROM s__t", "");
    describes(f, "u", "id:INT:k a:STRING d:DECIMAL(10,2) _fivetran_synced:UTC_DATETIME _fivetran_deleted:BOOLEAN");

    c.from_column = TEXT("d");
    c.to_column = TEXT("d2");
    o.entity_case = FIVETRAN_SDK__V2__COPY_OPERATION__ENTITY_COPY_COLUMN;
    o.copy_column = &c;
    migrate_twice(f, DETAILS("t", COPY, copy, &o));
    describes(f, "t", "id:INT:k a:STRING d:DECIMAL(10,2) _fivetran_synced:UTC_DATETIME _fivetran_deleted:BOOLEAN d2:DECIMAL(10,2)");
    gives(f, "SELECT id, d2 FROM s__t", "1|1.5\n2|NULL\n3|3\n");
}

static void test_add_and_set(void **state)
{
    fixture *f = *state;
    make_soft(f);
    FivetranSdk__V2__AddColumnWithDefaultValue c = FIVETRAN_SDK__V2__ADD_COLUMN_WITH_DEFAULT_VALUE__INIT;
    FivetranSdk__V2__AddOperation o = FIVETRAN_SDK__V2__ADD_OPERATION__INIT;
    c.column = TEXT("n");
    c.column_type = FIVETRAN_SDK__V2__DATA_TYPE__INT;
    c.default_value = TEXT("42");
    o.entity_case = FIVETRAN_SDK__V2__ADD_OPERATION__ENTITY_ADD_COLUMN_WITH_DEFAULT_VALUE;
    o.add_column_with_default_value = &c;
    migrate_twice(f, DETAILS("t", ADD, add, &o));
    gives(f, "SELECT id, n, typeof(n) FROM s__t", "1|42|integer\n2|42|integer\n3|42|integer\n");
    c.default_value = TEXT("43"); /* it is there: the value is set all the same */
    migrate_twice(f, DETAILS("t", ADD, add, &o));
    gives(f, "SELECT sum(n) FROM s__t", "129\n");
    bool unsupported;
    c.default_value = TEXT("many");
    refused(f, try_migrate(f, DETAILS("t", ADD, add, &o), &unsupported), WEIR_E_PROTOCOL, "'many' is no INT");

    FivetranSdk__V2__UpdateColumnValueOperation u = FIVETRAN_SDK__V2__UPDATE_COLUMN_VALUE_OPERATION__INIT;
    u.column = TEXT("a");
    u.value = TEXT("same");
    migrate_twice(f, DETAILS("t", UPDATE_COLUMN_VALUE, update_column_value, &u));
    gives(f, "SELECT DISTINCT a FROM s__t", "same\n");
    u.value = TEXT("NULL");
    migrate_twice(f, DETAILS("t", UPDATE_COLUMN_VALUE, update_column_value, &u));
    gives(f, "SELECT DISTINCT a FROM s__t", "NULL\n");
    u.column = TEXT("nope");
    refused(f, try_migrate(f, DETAILS("t", UPDATE_COLUMN_VALUE, update_column_value, &u), &unsupported), WEIR_E_CONFIG, "no column 'nope'");
}

static void test_columns_in_history(void **state)
{
    fixture *f = *state;
    make_history(f);
    write_history(f, "t", (files){.remove = "id,_fivetran_end\n3," DAY(2) "\n"});
    FivetranSdk__V2__AddColumnInHistoryMode c = FIVETRAN_SDK__V2__ADD_COLUMN_IN_HISTORY_MODE__INIT;
    FivetranSdk__V2__AddOperation o = FIVETRAN_SDK__V2__ADD_OPERATION__INIT;
    c.column = TEXT("n");
    c.column_type = FIVETRAN_SDK__V2__DATA_TYPE__LONG;
    c.default_value = TEXT("7");
    c.operation_timestamp = TEXT(DAY(5));
    o.entity_case = FIVETRAN_SDK__V2__ADD_OPERATION__ENTITY_ADD_COLUMN_IN_HISTORY_MODE;
    o.add_column_in_history_mode = &c;
    migrate_twice(f, DETAILS("t", ADD, add, &o));
    static const char q[] = "SELECT id, a, n, substr(_fivetran_start, 1, 10), substr(_fivetran_end, 1, 23), _fivetran_active FROM s__t ORDER BY id, _fivetran_start";
    gives(f, q,
          "1|one|NULL|2024-01-01|2024-01-04T23:59:59.999|0\n1|one|7|2024-01-05|9999-12-31T23:59:59.999|1\n"
          "2|two|NULL|2024-01-01|2024-01-04T23:59:59.999|0\n2|two|7|2024-01-05|9999-12-31T23:59:59.999|1\n"
          "3|three|NULL|2024-01-01|2024-01-02T00:00:00+00:|0\n");
    migrate_twice(f, drop_details(f, "t", "a", DAY(5))); /* the same time: the same version */
    gives(f, q,
          "1|one|NULL|2024-01-01|2024-01-04T23:59:59.999|0\n1|NULL|7|2024-01-05|9999-12-31T23:59:59.999|1\n"
          "2|two|NULL|2024-01-01|2024-01-04T23:59:59.999|0\n2|NULL|7|2024-01-05|9999-12-31T23:59:59.999|1\n"
          "3|three|NULL|2024-01-01|2024-01-02T00:00:00+00:|0\n");
    migrate_twice(f, drop_details(f, "t", "a", DAY(6))); /* null already: no version */
    gives(f, "SELECT count(*) FROM s__t", "5\n");
    migrate_twice(f, drop_details(f, "t", "n", DAY(6)));
    gives(f, "SELECT count(*), sum(_fivetran_active), sum(n) FROM s__t", "7|2|14\n"); /* the column stays, with its history */
    bool unsupported;
    refused(f, try_migrate(f, drop_details(f, "t", "b", DAY(2)), &unsupported), WEIR_E_PROTOCOL, "has changed after operation_timestamp");
    refused(f, try_migrate(f, drop_details(f, "t", "b", "yesterday"), &unsupported), WEIR_E_PROTOCOL, "'yesterday' is no time");

    create(f, "empty", history);
    migrate_twice(f, DETAILS("empty", ADD, add, &o)); /* the column comes all the same */
    describes(f, "empty", "id:INT:k a:STRING b:INT _fivetran_start:UTC_DATETIME:k _fivetran_end:UTC_DATETIME _fivetran_active:BOOLEAN "
                          "_fivetran_synced:UTC_DATETIME n:LONG");
}

static const char as_history[] = "id:INT:k a:STRING d:DECIMAL(10,2) _fivetran_synced:UTC_DATETIME _fivetran_start:UTC_DATETIME:k "
                                 "_fivetran_end:UTC_DATETIME _fivetran_active:BOOLEAN";

static FivetranSdk__V2__TableSyncModeMigrationOperation mode_of(FivetranSdk__V2__TableSyncModeMigrationType type)
{
    FivetranSdk__V2__TableSyncModeMigrationOperation o = FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_OPERATION__INIT;
    o.type = type;
    o._soft_deleted_column_case = FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_OPERATION___SOFT_DELETED_COLUMN_SOFT_DELETED_COLUMN;
    o.soft_deleted_column = TEXT("_fivetran_deleted");
    return o;
}

static void test_soft_delete_to_history(void **state)
{
    fixture *f = *state;
    make_soft(f);
    FivetranSdk__V2__TableSyncModeMigrationOperation o = mode_of(FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__SOFT_DELETE_TO_HISTORY);
    migrate_twice(f, DETAILS("t", TABLE_SYNC_MODE_MIGRATION, table_sync_mode_migration, &o));
    describes(f, "t", as_history);
    gives(f, "SELECT id, a, d, _fivetran_start, _fivetran_end, _fivetran_active FROM s__t ORDER BY id",
          "1|one|1.5|2024-01-02T00:00:00+00:00|9999-12-31T23:59:59.999+00:00|1\n"
          "2|two|NULL|0001-01-01T00:00:00+00:00|0001-01-01T00:00:00+00:00|0\n"
          "3|NULL|3|2024-01-02T00:00:00+00:00|9999-12-31T23:59:59.999+00:00|1\n");
}

static void test_copy_to_history(void **state)
{
    fixture *f = *state;
    make_soft(f);
    FivetranSdk__V2__CopyTableToHistoryMode c = FIVETRAN_SDK__V2__COPY_TABLE_TO_HISTORY_MODE__INIT;
    FivetranSdk__V2__CopyOperation o = FIVETRAN_SDK__V2__COPY_OPERATION__INIT;
    c.from_table = TEXT("t");
    c.to_table = TEXT("h");
    c.soft_deleted_column = TEXT("_fivetran_deleted");
    o.entity_case = FIVETRAN_SDK__V2__COPY_OPERATION__ENTITY_COPY_TABLE_TO_HISTORY_MODE;
    o.copy_table_to_history_mode = &c;
    migrate_twice(f, DETAILS("", COPY, copy, &o));
    describes(f, "h", as_history);
    gives(f, "SELECT id, _fivetran_active FROM s__h ORDER BY id", "1|1\n2|0\n3|1\n");
    gives(f, "SELECT count(*) FROM s__t", "3\n");
    c.soft_deleted_column = TEXT("");
    migrate_twice(f, DETAILS("", COPY, copy, &o)); /* nothing says that a row is deleted */
    gives(f, "SELECT sum(_fivetran_active), count(_fivetran_deleted) FROM s__h", "3|2\n");
}

static void test_history_to_soft_delete(void **state)
{
    fixture *f = *state;
    FivetranSdk__V2__TableSyncModeMigrationOperation o = mode_of(FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__HISTORY_TO_SOFT_DELETE);
    for (int drop = 0; drop < 2; drop++) {
        make_history(f);
        write_history(f, "t", (files){
            .earliest = "id,_fivetran_start\n1," DAY(3) "\n",
            .replace = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n1,ONE,10," DAY(3) "," MAX ",true," DAY(3) "\n",
            .remove = "id,_fivetran_end\n3," DAY(2) "\n"});
        if (drop) {
            o._keep_deleted_rows_case = FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_OPERATION___KEEP_DELETED_ROWS_KEEP_DELETED_ROWS;
            o.keep_deleted_rows = false;
        }
        migrate_twice(f, DETAILS("t", TABLE_SYNC_MODE_MIGRATION, table_sync_mode_migration, &o));
        describes(f, "t", "id:INT:k a:STRING b:INT _fivetran_synced:UTC_DATETIME _fivetran_deleted:BOOLEAN");
        gives(f, "SELECT id, a, b, _fivetran_deleted FROM s__t ORDER BY id", drop ? "1|ONE|10|0\n2|two|2|0\n" : "1|ONE|10|0\n2|two|2|0\n3|three|3|1\n");
        migrate_twice(f, drop_details(f, "t", NULL, NULL));
    }
}

static void test_unsupported(void **state)
{
    fixture *f = *state;
    make_soft(f);
    static const FivetranSdk__V2__TableSyncModeMigrationType live[] = {
        FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__SOFT_DELETE_TO_LIVE, FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__HISTORY_TO_LIVE,
        FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__LIVE_TO_SOFT_DELETE, FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__LIVE_TO_HISTORY,
        (FivetranSdk__V2__TableSyncModeMigrationType)77,
    };
    bool unsupported;
    for (size_t i = 0; i < sizeof live / sizeof *live; i++) {
        FivetranSdk__V2__TableSyncModeMigrationOperation o = mode_of(live[i]);
        must(f, try_migrate(f, DETAILS("t", TABLE_SYNC_MODE_MIGRATION, table_sync_mode_migration, &o), &unsupported));
        assert_true(unsupported);
    }
    details nothing = FIVETRAN_SDK__V2__MIGRATION_DETAILS__INIT;
    must(f, try_migrate(f, &nothing, &unsupported));
    assert_true(unsupported);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_drop_and_rename), TEST(test_copy), TEST(test_add_and_set), TEST(test_columns_in_history),
        TEST(test_soft_delete_to_history), TEST(test_copy_to_history), TEST(test_history_to_soft_delete), TEST(test_unsupported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
