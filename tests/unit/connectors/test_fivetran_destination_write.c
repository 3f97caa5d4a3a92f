/* Batches, into tables as they are now and into those that keep a history. */
#include "fivetran_destination_rig.h"

/* ------------------------------------------------------------------------------------------------------------- WriteBatch -- */

static void test_write(void **state)
{
    fixture *f = *state;
    create(f, "t", "id:INT:k a:STRING b:INT _fivetran_deleted:BOOLEAN");
    write_batch(f, "t", (files){.replace = "b,id,a,_fivetran_deleted\n1,1,one,false\n2,2,two,false\n3,3,three,false\n1,1,again,false\n"});
    gives(f, "SELECT * FROM s__t ORDER BY id", "1|again|1|0\n2|two|2|0\n3|three|3|0\n"); /* of rows with one key the last wins */
    write_batch(f, "t", (files){
        .replace = "b,id,a,_fivetran_deleted\n4,4,four,false\n",
        .update = "id,a,b,_fivetran_deleted\n1,~,10,~\n1,x,~,~\n2,~,~,true\n9,no,9,~\n3,-,~,~\n4,~,~,~\n",
        .remove = "id,a,b,_fivetran_deleted\n4,-,-,-\n8,-,-,-\n",
    });
    gives(f, "SELECT * FROM s__t ORDER BY id", "1|x|10|0\n2|two|2|1\n3|NULL|3|0\n"); /* keys that are not there: nothing */
}

static void test_keyless(void **state)
{
    fixture *f = *state;
    create(f, "t", "a:INT _fivetran_id:STRING:k _fivetran_synced:UTC_DATETIME");
    write_batch(f, "t", (files){.replace = "a,_fivetran_id,_fivetran_synced\n1,abc,2024-01-01T00:00:00Z\n2,def,2024-01-01T00:00:00Z\n1,abc,2024-01-02T00:00:00Z\n"});
    gives(f, "SELECT a, _fivetran_id FROM s__t ORDER BY a", "1|abc\n2|def\n");
}

static void test_key_only(void **state)
{
    fixture *f = *state;
    create(f, "t", "a:INT:k b:INT:k");
    write_batch(f, "t", (files){.replace = "a,b\n1,1\n1,2\n1,1\n", .update = "a,b\n1,1\n", .remove = "a,b\n1,2\n"});
    gives(f, "SELECT * FROM s__t", "1|1\n");
}

static void test_write_refused(void **state)
{
    fixture *f = *state;
    create(f, "t", "id:INT:k a:INT");
    write_batch(f, "t", (files){.replace = "id,a\n1,1\n"});
    static const struct {
        files files;
        weir_rc rc;
        const char *text;
    } cases[] = {
        {{.replace = "id,a\n2,2\n3,x\n"}, WEIR_E_PROTOCOL, "row 2, column 'a': 'x' is no INT"},
        {{.replace = "id,a\n2,2147483648\n"}, WEIR_E_PROTOCOL, "'2147483648' is no INT"},
        {{.replace = "id,a\n2,2\n-,3\n"}, WEIR_E_PROTOCOL, "row 2: column 'id': part of the key is null"},
        {{.replace = "id,a\n2,~\n"}, WEIR_E_PROTOCOL, "row 1: column 'a': it is said to be unmodified"},
        {{.replace = "id,a,b\n2,2,2\n"}, WEIR_E_PROTOCOL, "'b' is no column of the table"},
        {{.replace = "id,id\n2,2\n"}, WEIR_E_PROTOCOL, "'id' comes twice"},
        {{.replace = "id,a\n2,2\n3\n"}, WEIR_E_PROTOCOL, "row 2 has 1 fields, the header has 2"},
        {{.replace = "a\n2\n"}, WEIR_E_PROTOCOL, "the header lacks 'id'"},
        {{.replace = ""}, WEIR_E_PROTOCOL, "it has no header"},
        {{.replace = "id,a\n2,2\n", .update = "a\n1\n"}, WEIR_E_PROTOCOL, "the header lacks 'id'"},
        {{.replace = "id,a\n2,2\n", .update = "id,a\n~,1\n"}, WEIR_E_PROTOCOL, "part of the key is said to be unmodified"},
        {{.replace = "id,a\n2,2\n", .remove = "id,a\n1,\"x\n"}, WEIR_E_PROTOCOL, "the file ends inside of quotes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refused(f, try_write(f, "t", cases[i].files), cases[i].rc, cases[i].text);
        gives(f, "SELECT * FROM s__t", "1|1\n"); /* whatever came before the fault */
    }
    refused(f, try_write(f, "missing", (files){.replace = "id\n1\n"}), WEIR_E_CONFIG, "no table 'missing'");
}

/* More rows than go at once, and all of the statements that are kept. */
static void test_many_rows(void **state)
{
    fixture *f = *state;
    buf rows = {0}, updates = {0}, columns = {0};
    buf_adds(&columns, "id:INT:k");
    buf_adds(&rows, "id");
    for (int i = 0; i < 8; i++) {
        buf_printf(&columns, " c%d:INT", i);
        buf_printf(&rows, ",c%d", i);
    }
    buf_addv(&updates, buf_view(&rows));
    for (int id = 0; id < 5000; id++) {
        buf_printf(&rows, "\n%d,0,0,0,0,0,0,0,0", id);
        buf_printf(&updates, "\n%d", id);
        for (int i = 0; i < 8; i++)
            buf_adds(&updates, id >> i & 1 ? ",1" : ",~");
    }
    buf_adds(&rows, "\n");
    buf_adds(&updates, "\n");
    create(f, "t", buf_text(&columns));
    write_batch(f, "t", (files){.replace = buf_text(&rows), .update = buf_text(&updates)});
    gives(f, "SELECT count(*) FROM s__t WHERE c0 + 2*c1 + 4*c2 + 8*c3 + 16*c4 + 32*c5 + 64*c6 + 128*c7 = id & 255", "5000\n");
    buf_free(&rows);
    buf_free(&updates);
    buf_free(&columns);
}

/* ------------------------------------------------------------------------------------------------------ WriteHistoryBatch -- */

static void test_history(void **state)
{
    fixture *f = *state;
    make_history(f);
    /* Two updates of one key in a batch, the second builds on the first; one that builds on a replacement; one of a key that is not there. */
    const files x = {
        .earliest = "_fivetran_start,id\n" DAY(3) ",1\n" DAY(3) ",2\n" DAY(3) ",9\n",
        .replace = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n2,TWO,20," DAY(3) ",2024-01-03T23:59:59.999Z,false," DAY(5) "\n",
        .update = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n"
                  "1,~,10," DAY(3) ",2024-01-03T23:59:59.999Z,false," DAY(5) "\n1,ONE,~," DAY(4) "," MAX ",true," DAY(5) "\n"
                  "2,~,21," DAY(4) "," MAX ",true," DAY(5) "\n9,x,~," DAY(3) "," MAX ",true," DAY(5) "\n",
        .remove = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n3,-,-,-," DAY(4) ",false," DAY(5) "\n8,-,-,-," DAY(4) ",false," DAY(5) "\n",
    };
    static const char want[] = "1|one|1|2024-01-01T00:00:00+00:|2024-01-02T23:59:59.999|0\n1|one|10|2024-01-03T00:00:00+00:|2024-01-03T23:59:59.999|0\n"
                               "1|ONE|10|2024-01-04T00:00:00+00:|9999-12-31T23:59:59.999|1\n"
                               "2|two|2|2024-01-01T00:00:00+00:|2024-01-02T23:59:59.999|0\n2|TWO|20|2024-01-03T00:00:00+00:|2024-01-03T23:59:59.999|0\n"
                               "2|TWO|21|2024-01-04T00:00:00+00:|9999-12-31T23:59:59.999|1\n"
                               "3|three|3|2024-01-01T00:00:00+00:|2024-01-04T00:00:00+00:|0\n";
    write_history(f, "t", x);
    gives(f, versions, want);
    write_history(f, "t", x); /* the same batch again, but for its delete, which finds nothing active */
    gives(f, versions, want);
}

/* Updates of a key in any order, in files with other columns: each builds on the version before it. */
static void test_history_in_any_order(void **state)
{
    fixture *f = *state;
    make_history(f);
    write_history(f, "t", (files){
        .earliest = "id,_fivetran_start\n1," DAY(3) "\n2," DAY(4) "\n",
        .update = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n1,~,50," DAY(5) "," MAX ",true," DAY(6) "\n"
                  "1,late,~,2024-01-04T00:00:00.500Z,2024-01-04T23:59:59.999Z,false," DAY(6) "\n2,~,~," DAY(5) "," MAX ",true," DAY(6) "\n"
                  "1,~,40," DAY(4) ",2024-01-04T00:00:00.499Z,false," DAY(6) "\n",
        .more = "_fivetran_start,_fivetran_end,_fivetran_active,a,id\n" DAY(4) ",2024-01-04T23:59:59.999Z,false,TWO,2\n" DAY(3) ",2024-01-03T23:59:59.999Z,false,ONE,1\n",
    });
    gives(f, versions,
          "1|one|1|2024-01-01T00:00:00+00:|2024-01-02T23:59:59.999|0\n1|ONE|1|2024-01-03T00:00:00+00:|2024-01-03T23:59:59.999|0\n"
          "1|ONE|40|2024-01-04T00:00:00+00:|2024-01-04T00:00:00.499|0\n1|late|40|2024-01-04T00:00:00.500|2024-01-04T23:59:59.999|0\n"
          "1|late|50|2024-01-05T00:00:00+00:|9999-12-31T23:59:59.999|1\n"
          "2|two|2|2024-01-01T00:00:00+00:|2024-01-03T23:59:59.999|0\n2|TWO|2|2024-01-04T00:00:00+00:|2024-01-04T23:59:59.999|0\n"
          "2|TWO|2|2024-01-05T00:00:00+00:|9999-12-31T23:59:59.999|1\n"
          "3|three|3|2024-01-01T00:00:00+00:|9999-12-31T23:59:59.999|1\n");
}

/* What is wrong with a row is told of the row as it stands in its file. */
static void test_history_refused(void **state)
{
    fixture *f = *state;
    make_history(f);
    refused(f, try_write_history(f, "t", (files){.update = "id,a,_fivetran_start\n1,x," DAY(5) "\n~,x," DAY(4) "\n"}), WEIR_E_PROTOCOL,
            "row 2: column 'id': part of the key is said to be unmodified");
    run_sql(f, "CREATE TRIGGER no BEFORE INSERT ON s__t WHEN NEW.a = 'no' BEGIN SELECT RAISE(ABORT, 'not that'); END");
    refused(f, try_write_history(f, "t", (files){.update = "id,a,_fivetran_start\n1,x," DAY(6) "\n1,no," DAY(5) "\n1,y," DAY(4) "\n"}), WEIR_E_CONFIG, "row 2: ");
}

/* An update that begins before all versions of its key: they go, but what it leaves unmodified is theirs. A row that the batch does not have stays gone. */
static void test_history_before_all(void **state)
{
    fixture *f = *state;
    make_history(f);
    write_history(f, "t", (files){
        .earliest = "id,_fivetran_start\n1,2023-12-30T00:00:00Z\n2,2023-12-30T00:00:00Z\n",
        .update = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n1,new,~,2023-12-30T00:00:00Z,2023-12-31T23:59:59.999Z,false," DAY(5)
                  "\n1,~,9," DAY(1) "," MAX ",true," DAY(5) "\n"});
    gives(f, versions,
          "1|new|1|2023-12-30T00:00:00+00:|2023-12-31T23:59:59.999|0\n1|new|9|2024-01-01T00:00:00+00:|9999-12-31T23:59:59.999|1\n"
          "3|three|3|2024-01-01T00:00:00+00:|9999-12-31T23:59:59.999|1\n");
}

/* What starts with the earliest start of the batch, or later, goes. */
static void test_history_cut(void **state)
{
    fixture *f = *state;
    make_history(f);
    write_history(f, "t", (files){.earliest = "id,_fivetran_start\n1," DAY(1) "\n2,2023-12-31T00:00:00Z\n"});
    gives(f, "SELECT id, _fivetran_active FROM s__t", "3|1\n");
    refused(f, try_write_history(f, "t", (files){.earliest = "id,_fivetran_start\n1,-\n"}), WEIR_E_PROTOCOL, "column '_fivetran_start': it is null");
    create(f, "plain", "id:INT:k a:INT");
    refused(f, try_write_history(f, "plain", (files){.replace = "id\n1\n"}), WEIR_E_CONFIG, "keeps no history");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_write), TEST(test_keyless), TEST(test_key_only), TEST(test_write_refused), TEST(test_many_rows),
        TEST(test_history), TEST(test_history_in_any_order), TEST(test_history_refused), TEST(test_history_before_all),
        TEST(test_history_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
