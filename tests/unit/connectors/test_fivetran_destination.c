/* Tables of a destination: made, described, changed, emptied; the databases that they are in. */
#include "fivetran_destination_rig.h"

/* ----------------------------------------------------------------------------------------------------------------- tables -- */

static const char every_type[] = "id:LONG:k b:BOOLEAN s:SHORT i:INT d:DECIMAL(38,37) d0:DECIMAL f:FLOAT g:DOUBLE day:NAIVE_DATE local:NAIVE_DATETIME "
                                 "at:UTC_DATETIME clock:NAIVE_TIME bin:BINARY t:STRING j:JSON x:XML";

static void test_create_and_describe(void **state)
{
    fixture *f = *state;
    describes(f, "t", "not found");
    create(f, "t", every_type);
    describes(f, "t", every_type);
    refused(f, call(f, do_create, &(request){.m = table_of(f, "t", "id:INT")}), WEIR_E_CONFIG, "'t' is there already");
    refused(f, call(f, do_create, &(request){.m = table_of(f, "u", "")}), WEIR_E_PROTOCOL, "no columns");
    refused(f, call(f, do_create, &(request){.m = table_of(f, "u", "a:INT a:INT")}), WEIR_E_PROTOCOL, "'a' comes twice");
    create(f, "quoted\"name", "a\"b:INT:k _fivetran_id:STRING");
    describes(f, "quoted\"name", "a\"b:INT:k _fivetran_id:STRING");
}

/* A table that materialize-sqlite made for another platform. */
static void test_describe_foreign(void **state)
{
    fixture *f = *state;
    run_sql(f, "CREATE TABLE s__other (id INTEGER NOT NULL, n ANY, t TEXT, b BLOB, PRIMARY KEY (id)) STRICT");
    describes(f, "other", "id:LONG:k n:STRING t:STRING b:BINARY");
}

static void test_every_value(void **state)
{
    fixture *f = *state;
    create(f, "t", every_type);
    write_batch(f, "t", (files){.replace =
        "x,j,t,bin,clock,at,local,day,g,f,d0,d,i,s,b,id\n"
        "<a/>,\"{\"\"a\"\": [1]}\",\"two\nlines, \"\"q\"\"\",AP8=,10:15:30,2007-12-03T10:15:30.3Z,2007-12-03T10:15,2007-12-03,200,1.5E-3,12.340,"
        "1.2345678901234567890123456789012345678,-2147483648,32767,true,9223372036854775807\n"
        "-,-,,-,-,-,-,-,NaN,-Infinity,99999999999999999999,-,-,-,false,-9223372036854775808\n"
        "-,-,-,,23:59:59.999,0001-01-01T00:00:00Z,9999-12-31T23:59:59.999999999,0001-01-01,-,-,-0.0,+1E2,-,-,-,0\n"});
    gives(f, "SELECT id, b, s, i, d, d0, f, g, day, local, at, clock, hex(bin), t, j, x FROM s__t ORDER BY id DESC",
          "9223372036854775807|1|32767|-2147483648|1.2345678901234567890123456789012345678|12.34|0.0015|200.0|2007-12-03|2007-12-03T10:15:00|"
          "2007-12-03T10:15:30.300+00:00|10:15:30|00FF|two\nlines, \"q\"|{\"a\": [1]}|<a/>\n"
          "0|NULL|NULL|NULL|100|0|NULL|NULL|0001-01-01|9999-12-31T23:59:59.999999999|0001-01-01T00:00:00+00:00|23:59:59.999||NULL|NULL|NULL\n"
          "-9223372036854775808|0|NULL|NULL|NULL|99999999999999999999|-Inf|NaN|NULL|NULL|NULL|NULL|||NULL|NULL\n");
    gives(f, "SELECT typeof(t) FROM s__t WHERE id < 0", "text\n"); /* an empty field is an empty text, not null */
}

static void test_alter(void **state)
{
    fixture *f = *state;
    create(f, "t", "id:INT:k a:INT d:DECIMAL(10,2) gone:STRING");
    write_batch(f, "t", (files){.replace = "id,a,d,gone\n1,7,1.50,x\n2,-,-,y\n"});
    run_sql(f, "CREATE INDEX by_a ON s__t (a)");
    must(f, try_alter(f, "t", "id:INT:k a:INT d:DECIMAL(10,2) gone:STRING", false)); /* as it is */
    must(f, try_alter(f, "t", "id:UNSPECIFIED:k a:UNSPECIFIED d:DECIMAL gone:STRING", false));
    describes(f, "t", "id:INT:k a:INT d:DECIMAL(10,2) gone:STRING");
    must(f, try_alter(f, "t", "id:INT:k a:INT d:DECIMAL new:JSON", false));         /* one more, one less that stays */
    describes(f, "t", "id:INT:k a:INT d:DECIMAL(10,2) gone:STRING new:JSON");
    must(f, try_alter(f, "t", "id:LONG:k a:STRING d:DECIMAL(12,4) new:JSON", true));
    describes(f, "t", "id:LONG:k a:STRING d:DECIMAL(12,4) new:JSON");
    gives(f, "SELECT id, a, typeof(a), d, new FROM s__t", "1|7|text|1.5|NULL\n2|NULL|null|NULL|NULL\n");
    gives(f, "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL", "by_a\n");
    refused(f, try_alter(f, "missing", "id:INT", false), WEIR_E_CONFIG, "no table 'missing'");
    refused(f, try_alter(f, "t", "id:LONG:k a:INT d:BOOLEAN new:JSON", false), WEIR_E_CONFIG, "'1.5' is no BOOLEAN");
    describes(f, "t", "id:LONG:k a:STRING d:DECIMAL(12,4) new:JSON"); /* nothing of it was done */
}

static void test_alter_key(void **state)
{
    fixture *f = *state;
    create(f, "t", "a:INT:k b:INT c:STRING");
    write_batch(f, "t", (files){.replace = "a,b,c\n1,10,x\n2,20,y\n"});
    must(f, try_alter(f, "t", "b:INT:k c:STRING", false)); /* the former key stays as a column, which may be null */
    describes(f, "t", "a:INT b:INT:k c:STRING");
    write_batch(f, "t", (files){.replace = "b,c\n20,z\n30,w\n"});
    gives(f, "SELECT * FROM s__t ORDER BY b", "1|10|x\n2|20|z\nNULL|30|w\n");
    must(f, try_alter(f, "t", "b:INT:k c:STRING:k a:INT", false));
    describes(f, "t", "a:INT b:INT:k c:STRING:k");
    refused(f, try_alter(f, "t", "a:INT:k b:INT c:STRING", false), WEIR_E_CONFIG, "without a value of 'a'");
    refused(f, try_alter(f, "t", "a:INT b:INT c:STRING new:INT:k", false), WEIR_E_CONFIG, "without a value of 'new'");
    write_batch(f, "t", (files){.remove = "b,c\n30,w\n", .replace = "b,c,a\n40,z,9\n"});
    refused(f, try_alter(f, "t", "a:INT b:INT c:STRING:k", false), WEIR_E_CONFIG, "UNIQUE");
    gives(f, "SELECT * FROM s__t ORDER BY b", "1|10|x\n2|20|z\n9|40|z\n");
}

/* --------------------------------------------------------------------------------------------------------------- Truncate -- */

static weir_rc try_truncate(fixture *f, const char *table, int64_t seconds, int32_t nanos, bool time, const char *soft)
{
    FivetranSdk__V2__TruncateRequest m = FIVETRAN_SDK__V2__TRUNCATE_REQUEST__INIT;
    Google__Protobuf__Timestamp before = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    FivetranSdk__V2__SoftTruncate s = FIVETRAN_SDK__V2__SOFT_TRUNCATE__INIT;
    m.table_name = (char *)(uintptr_t)table;
    m.synced_column = (char *)"_fivetran_synced";
    before.seconds = seconds;
    before.nanos = nanos;
    m.utc_delete_before = time ? &before : NULL;
    if (soft) {
        s.deleted_column = (char *)(uintptr_t)soft;
        m._soft_case = FIVETRAN_SDK__V2__TRUNCATE_REQUEST___SOFT_SOFT;
        m.soft = &s;
    }
    return call(f, do_truncate, &(request){.m = &m});
}

static void make_synced(fixture *f)
{
    create(f, "t", "id:INT:k _fivetran_synced:UTC_DATETIME _fivetran_deleted:BOOLEAN");
    write_batch(f, "t", (files){.replace = "id,_fivetran_synced,_fivetran_deleted\n"
                                           "1,1969-12-31T23:59:59.500Z,false\n2,1970-01-01T00:00:00Z,false\n3,2024-01-01T00:00:00.315Z,false\n"
                                           "4,2024-01-01T00:00:00.316Z,false\n5,-,false\n"});
}

static void test_truncate(void **state)
{
    fixture *f = *state;
    must(f, try_truncate(f, "missing", 0, 0, true, NULL));
    make_synced(f);
    must(f, try_truncate(f, "t", -1, 0, true, NULL)); /* a time before 1970 is a time */
    gives(f, "SELECT count(*) FROM s__t", "5\n");
    must(f, try_truncate(f, "t", 0, 0, true, NULL)); /* so is 0 */
    gives(f, "SELECT id FROM s__t ORDER BY id", "2\n3\n4\n5\n");
    must(f, try_truncate(f, "t", 1704067200, 316000000, true, NULL));
    gives(f, "SELECT id FROM s__t ORDER BY id", "4\n5\n");
    must(f, try_truncate(f, "t", 0, 0, false, NULL)); /* none: all */
    gives(f, "SELECT count(*) FROM s__t", "0\n");
}

static void test_soft_truncate(void **state)
{
    fixture *f = *state;
    make_synced(f);
    must(f, try_truncate(f, "t", 1704067200, 316000000, true, "_fivetran_deleted"));
    gives(f, "SELECT id, _fivetran_deleted FROM s__t ORDER BY id", "1|1\n2|1\n3|1\n4|0\n5|0\n");
    must(f, try_truncate(f, "t", 0, 0, false, "_fivetran_deleted"));
    gives(f, "SELECT sum(_fivetran_deleted) FROM s__t", "5\n");
    refused(f, try_truncate(f, "t", 0, 0, false, "nope"), WEIR_E_CONFIG, "no column 'nope'");
}

/* -------------------------------------------------------------------------------------------------------------- databases -- */

static void test_no_sql(void **state)
{
    fixture *f = *state;
    weir_connector other = materialize_sqlite;
    ft_databases *d = NULL;
    other.sql = NULL;
    refused(f, ft_databases_new(&d, &other, f->log, &f->e), WEIR_E_CONFIG, "'materialize-sqlite' is no SQL database");
    assert_null(d);
}

static int open_files(const char *suffix)
{
    char link[64], target[512];
    int n = 0;
    for (int fd = 0; fd < 256; fd++) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(link, target, sizeof target - 1);
        if (len > 0 && (target[len] = '\0', strstr(target, suffix)))
            n++;
    }
    return n;
}

/* They stay open, but not without end. */
static void test_many_databases(void **state)
{
    fixture *f = *state;
    const tree *first = f->config;
    for (int i = 0; i < 20; i++) {
        err_clear(&f->e);
        weir_view text = arena_printf(&f->a, "{\"path\":\"%s/many-%d.db\"}", f->folder, i % 12);
        assert_int_equal(tree_parse(&f->a, text, NULL, WEIR_E_BUG, &f->config, &f->e), WEIR_OK);
        if (i < 12)
            create(f, "t", "id:INT:k");
        describes(f, "t", "id:INT:k");
    }
    assert_int_equal(open_files("many-"), 3 * 8); /* database, log and index of each */
    f->config = (tree *)(uintptr_t)first;
}

/* ------------------------------------------------------------------------------------------------------------- everything -- */

static weir_rc all_of_it(fixture *f)
{
    weir_rc rc = call(f, do_create, &(request){.m = table_of(f, "t", "id:INT:k a:STRING d:DECIMAL(10,2)")});
    if (!rc)
        rc = try_write(f, "t", (files){.replace = "id,a,d\n1,x,1.50\n2,y,2E3\n", .update = "id,a,d\n1,~,.5\n2,z,~\n", .remove = "id\n2\n"});
    if (!rc)
        rc = try_alter(f, "t", "id:LONG:k a:JSON n:INT", true);
    if (!rc)
        rc = try_truncate(f, "t", 0, 0, false, NULL);
    if (!rc)
        rc = call(f, do_migrate, &(request){.m = drop_details(f, "t", NULL, NULL)});
    return rc;
}

/* Whatever allocation fails: an error, and nothing half done. */
static void test_without_memory(void **state)
{
    fixture *f = *state;
    must(f, all_of_it(f));
    f->failing = f->failed = true;
    for (; f->failed; f->fail_at += 1 + f->fail_at / 16) {
        f->failed = false;
        weir_rc rc = all_of_it(f);
        if (rc && (rc != WEIR_E_NOMEM || !f->failed))
            fail_msg("allocation %zu: %d %s", f->fail_at, rc, err_text(&f->e));
        err_clear(&f->e);
        run_sql(f, "DROP TABLE IF EXISTS s__t");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_create_and_describe), TEST(test_describe_foreign), TEST(test_every_value), TEST(test_alter),
        TEST(test_alter_key), TEST(test_truncate), TEST(test_soft_truncate), TEST(test_no_sql), TEST(test_many_databases),
        TEST(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
