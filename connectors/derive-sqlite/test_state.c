/* What a derivation remembers: migrations, commits, resets; what Flow's documentation shows as examples; SQL that wants too much.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "test_harness.h"

typedef struct fixture {
    char *folder, *path;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->folder = folder_make();
    f->path = text("%s/state.db", f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    folder_remove(f->folder);
    free(f->path);
    free(f);
    return 0;
}

/* Opens with these migrations, a JSON array. */
static void open_file(run *r, const fixture *f, const char *migrations, const char *more)
{
    char *config = text("{\"path\":\"%s\",\"migrations\":%s%s}", f->path, migrations, more);
    run_open(r, config);
    free(config);
}

static void open_memory(run *r, const char *migrations)
{
    char *config = text("{\"migrations\":%s}", migrations);
    run_open(r, config);
    free(config);
}

/* ------------------------------------------------------------------------------------------------- commits and migrations -- */

static const char count_sql[] = "insert into seen (id) values ($id);\nselect $id, (select count(*) from seen) as n;";

static void test_state_and_checkpoint_are_one(void **state)
{
    fixture *f = *state;
    run r;
    open_file(&r, f, "[\"create table seen (id integer primary key);\"]", "");
    TRANSFORM(&r, count_sql, field("id"));
    begin(&r);
    assert_string_equal(r.resumed, "");
    put(&r, 0, "{\"id\":1}");
    commit(&r, "{\"at\":1}");
    put(&r, 0, "{\"id\":2}");
    put(&r, 0, "{\"id\":3}");
    assert_published(&r, "{\"id\":1,\"n\":1}\n{\"id\":2,\"n\":2}\n{\"id\":3,\"n\":3}\n");
    run_close(&r); /* without a commit */
    assert_gives(f->path, "select count(*), (select checkpoint from gazette_checkpoint) from seen", "1|{\"at\":1}\n");

    open_file(&r, f, "[\"create table seen (id integer primary key);\"]", "");
    TRANSFORM(&r, count_sql, field("id"));
    begin(&r);
    assert_string_equal(r.resumed, "{\"at\":1}");
    put(&r, 0, "{\"id\":2}");
    assert_published(&r, "{\"id\":2,\"n\":2}\n");
    commit(&r, ""); /* the platform keeps its checkpoint itself */
    run_close(&r);
    assert_gives(f->path, "select max(id), (select checkpoint from gazette_checkpoint) from seen", "2|{\"at\":1}\n");
    assert_gives(f->path, "select script_index, script from flow_migrations", "0|create table seen (id integer primary key);\n");
    assert_gives(f->path, "pragma journal_mode", "wal\n");
}

static void test_migrations_run_once_and_by_position(void **state)
{
    fixture *f = *state;
    run r;
    open_file(&r, f,
              "[\"create table one (id integer primary key not null);\", \"insert into one values (4), (5); alter table one add "
              "column v default 'hello';\"]",
              "");
    begin(&r);
    commit(&r, "{}");
    run_close(&r);
    /* What has been run is not looked at again, what is new is run. */
    open_file(&r, f, "[\"edited: no SQL at all\", \"\", \"insert into one (id) values (6);\"]", "");
    TRANSFORM(&r, "update one set v = 'updated' where id = $id;", field("id"));
    begin(&r);
    put(&r, 0, "{\"id\":5}");
    commit(&r, "{}");
    run_close(&r);
    assert_gives(f->path, "select * from one", "4|hello\n5|updated\n6|hello\n");
    assert_gives(f->path, "select count(*), max(script_index) from flow_migrations", "3|2\n");
    /* Fewer than have been run: the rest stays. */
    open_file(&r, f, "[\"\"]", "");
    begin(&r);
    commit(&r, "{}");
    run_close(&r);
    assert_gives(f->path, "select count(*) from one", "3\n");
}

static void test_a_migration_that_fails_leaves_nothing(void **state)
{
    fixture *f = *state;
    run r;
    open_file(&r, f, "[\"create table a (x);\", \"create table b (x);\\ninsert into b\\n  valu (1);\"]", "");
    assert_error(&r, try_begin(&r), WEIR_E_CONFIG, "migration 2: line 3: near \"valu\": syntax error");
    err_clear(&r.e);
    assert_int_equal(try_validate(&r), WEIR_OK);
    assert_string_equal(buf_text(&r.said), "problem: migration 2: line 3: near \"valu\": syntax error\n");
    run_close(&r);
    assert_gives(f->path, "select count(*) from sqlite_schema", "0\n");

    static const char *const cases[][2] = {
        {"[\"create table a (x unique); insert into a values (1), (1);\"]", "migration 1: line 1: UNIQUE constraint failed: a.x"},
        {"[\"select 1\"]", "migration 1: line 1: there is no ';'"},
        {"[\"\\n select $id;\"]", "migration 1: line 2: a migration has no parameters"},
        {"[\"commit;\"]", "migration 1: line 1: a transaction is always open"},
        {"[\"file:///missing.sql\"]", "migration 1: there is no file 'file:///missing.sql'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_memory(&r, cases[i][0]);
        assert_error(&r, try_begin(&r), WEIR_E_CONFIG, cases[i][1]);
        err_clear(&r.e);
        assert_error(&r, try_commit(&r, "{}"), WEIR_E_BUG, "failed before");
        run_close(&r);
    }
}

static void test_a_trigger_is_one_statement(void **state)
{
    (void)state;
    run r;
    open_memory(&r, "[\"create table a (x); create table log (x);\\ncreate trigger t after insert on a begin insert into log "
                    "values (new.x); insert into log "
                    "values (-new.x); end;\"]");
    TRANSFORM(&r, "insert into a values ($id);\nselect x from log;", field("id"));
    begin(&r);
    put(&r, 0, "{\"id\":1}");
    assert_published(&r, "{\"x\":1}\n{\"x\":-1}\n");
    run_close(&r);
}

static void test_reset_forgets_all(void **state)
{
    fixture *f = *state;
    run r;
    open_file(&r, f, "[\"create table seen (id integer primary key);\"]", "");
    TRANSFORM(&r, count_sql, field("id"));
    begin(&r);
    put(&r, 0, "{\"id\":1}");
    commit(&r, "{\"at\":1}");
    assert_int_equal(session_reset(r.s, &r.e), WEIR_OK);
    put(&r, 0, "{\"id\":1}");
    commit(&r, "{\"at\":2}");
    put(&r, 0, "{\"id\":7}");
    assert_published(&r, "{\"id\":1,\"n\":1}\n{\"id\":1,\"n\":1}\n{\"id\":7,\"n\":2}\n");
    assert_int_equal(session_reset(r.s, &r.e), WEIR_OK);
    put(&r, 0, "{\"id\":1}");
    assert_published(&r, "{\"id\":1,\"n\":1}\n");
    run_close(&r);
    assert_gives(f->path, "select id, (select checkpoint from gazette_checkpoint) from seen", "1|{\"at\":1}\n");
}

static void test_without_a_path_nothing_is_resumed(void **state)
{
    (void)state;
    run r;
    open_memory(&r, "[]");
    TRANSFORM(&r, "select 1 as a;");
    begin(&r);
    assert_null(r.resumed);
    put(&r, 0, "{}");
    commit(&r, "{\"at\":1}");
    put(&r, 0, "{}");
    assert_published(&r, "{\"a\":1}\n{\"a\":1}\n");
    run_close(&r);
}

/* A lambda that fails half-way: nothing of its transaction may become durable. */
static void test_after_a_failure_nothing_is_committed(void **state)
{
    fixture *f = *state;
    run r;
    open_file(&r, f, "[\"create table seen (id integer primary key);\"]", "");
    TRANSFORM(&r, count_sql, field("id"));
    begin(&r);
    put(&r, 0, "{\"id\":1}");
    commit(&r, "{\"at\":1}");
    put(&r, 0, "{\"id\":2}");
    assert_error(&r, try_read(&r, 0, "{\"id\":1}"), WEIR_E_CONFIG,
                 "transform \"t0\", line 1, document {\"id\":1}: UNIQUE constraint failed: seen.id");
    err_clear(&r.e);
    assert_error(&r, try_read(&r, 0, "{\"id\":4}"), WEIR_E_BUG, "failed before");
    err_clear(&r.e);
    assert_error(&r, try_commit(&r, "{\"at\":2}"), WEIR_E_BUG, "failed before");
    run_close(&r);
    assert_gives(f->path, "select max(id), (select checkpoint from gazette_checkpoint) from seen", "1|{\"at\":1}\n");
}

static void test_tables_that_change_while_it_runs(void **state)
{
    (void)state;
    run r;
    open_memory(&r, "[\"create table a (x); insert into a values (1);\"]");
    TRANSFORM(&r, "select * from a;");
    TRANSFORM(&r, "alter table a add column y default 2;");
    begin(&r);
    put(&r, 0, "{}");
    put(&r, 1, "{}");
    put(&r, 0, "{}");
    assert_published(&r, "{\"x\":1}\n{\"x\":1,\"y\":2}\n");
    run_close(&r);
}

/* --------------------------------------------------------------------------------------------------- more than one of them -- */

static void test_another_run_waits_and_gives_up(void **state)
{
    fixture *f = *state;
    run r, other;
    open_file(&r, f, "[]", "");
    begin(&r);
    open_file(&other, f, "[]", ",\"busy_timeout\":0");
    assert_error(&other, try_begin(&other), WEIR_E_TRANSIENT, "another process works with it");
    run_close(&other);
    commit(&r, "{\"at\":1}");
    run_close(&r);
}

/* Called in the moment between COMMIT and BEGIN, when nobody holds the lock (sqlite3_wal_hook). */
static int (*between)(void);
static const fixture *here;
static sqlite3 *connection; /* the connector's */

static int on_committed(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)arg;
    (void)db;
    (void)name;
    (void)pages;
    return between ? between() : SQLITE_OK;
}

static int on_opened(sqlite3 *db, const char **error, const struct sqlite3_api_routines *api)
{
    (void)error;
    (void)api;
    connection = db;
    return SQLITE_OK;
}

/* A run that has committed once, and has a document more. */
static void open_counting(run *r, const fixture *f)
{
    here = f;
    open_file(r, f, "[\"create table seen (id integer primary key);\"]", ",\"busy_timeout\":0");
    TRANSFORM(r, count_sql, field("id"));
    assert_int_equal(sqlite3_auto_extension((void (*)(void))on_opened), SQLITE_OK);
    begin(r);
    sqlite3_cancel_auto_extension((void (*)(void))on_opened);
    sqlite3_wal_hook(connection, on_committed, NULL);
    put(r, 0, "{\"id\":1}");
    commit(r, "{\"at\":1}");
    put(r, 0, "{\"id\":2}");
}

static run other;

static int take_over(void)
{
    between = NULL;
    open_file(&other, here, "[\"create table seen (id integer primary key);\"]", "");
    TRANSFORM(&other, count_sql, field("id"));
    begin(&other);
    return SQLITE_OK;
}

/* Whoever waited gets in between two transactions; it is the one that goes on then. */
static void test_a_run_that_was_taken_over_ends(void **state)
{
    run r;
    open_counting(&r, *state);
    between = take_over;
    assert_error(&r, try_commit(&r, "{\"at\":2}"), WEIR_E_TRANSIENT, "another process works with it");
    assert_string_equal(other.resumed, "{\"at\":2}");
    run_close(&r);
    put(&other, 0, "{\"id\":3}");
    assert_published(&other, "{\"id\":3,\"n\":3}\n");
    run_close(&other);
}

static int write_and_go(void)
{
    between = NULL;
    sqlite3 *db;
    int code = sqlite3_open(here->path, &db);
    code = code ? code : sqlite3_exec(db, "update seen set id = id + 100", NULL, NULL, NULL);
    sqlite3_close(db);
    return code;
}

/* Somebody has written and gone: what this run knows of the database is out of date. */
static void test_what_others_have_written_is_noticed(void **state)
{
    run r;
    open_counting(&r, *state);
    between = write_and_go;
    assert_error(&r, try_commit(&r, "{\"at\":2}"), WEIR_E_CONFIG, "fenced off: another run has taken over");
    err_clear(&r.e);
    assert_error(&r, try_commit(&r, "{\"at\":3}"), WEIR_E_BUG, "failed before");
    run_close(&r);
    assert_gives(here->path, "select max(id), (select checkpoint from gazette_checkpoint) from seen", "102|{\"at\":2}\n");
}

/* ---------------------------------------------------------------------------------------------- what documentation shows -- */

/* Running totals of transfers, with state in a table. */
static void test_example_running_totals(void **state)
{
    (void)state;
    run r;
    open_memory(&r, "[\"create table current_balances (account text primary key not null, balance real not null);\"]");
    TRANSFORM(&r,
              "update current_balances set balance = balance - $amount where account = $sender and balance >= $amount;\n"
              "insert into current_balances (account, balance)\n"
              "  select $recipient, $amount where $sender = 'DEPOSIT' or changes() > 0\n"
              "  on conflict do update set balance = balance + $amount;\n"
              "select $id, $sender, $recipient, $amount, case when changes() then 'approve' else 'deny' end as outcome,\n"
              "  coalesce((select balance from current_balances where account = $sender), 0) as sender_balance;",
              field("id"), field("sender"), field("recipient"), field("amount"));
    begin(&r);
    put(&r, 0, "{\"id\":1,\"sender\":\"DEPOSIT\",\"recipient\":\"alice\",\"amount\":50.75}");
    put(&r, 0, "{\"id\":2,\"sender\":\"alice\",\"recipient\":\"bob\",\"amount\":20.5}");
    put(&r, 0, "{\"id\":3,\"sender\":\"alice\",\"recipient\":\"bob\",\"amount\":100}");
    assert_published(
        &r,
        "{\"id\":1,\"sender\":\"DEPOSIT\",\"recipient\":\"alice\",\"amount\":50.75,\"outcome\":\"approve\",\"sender_balance\":0}\n"
        "{\"id\":2,\"sender\":\"alice\",\"recipient\":\"bob\",\"amount\":20.5,\"outcome\":\"approve\",\"sender_balance\":30.25}\n"
        "{\"id\":3,\"sender\":\"alice\",\"recipient\":\"bob\",\"amount\":100,\"outcome\":\"deny\",\"sender_balance\":30.25}\n");
    run_close(&r);
}

/* A join of two collections: one side is indexed, the other looks it up; and the other way round. */
static void test_example_join(void **state)
{
    (void)state;
    run r;
    open_memory(&r,
                "[\"create table users (id integer primary key, name text); create table open_orders (user integer, doc text);\"]");
    TRANSFORM(&r,
              "insert into users values ($id, $name) on conflict do update set name = $name;\n"
              "select json_set(doc, '$.name', $name) as json from open_orders where user = $id;\n"
              "delete from open_orders where user = $id;",
              field("id"), field("name"));
    TRANSFORM(&r,
              "insert into open_orders select $user, $flow_document where not exists (select 1 from users where id = $user);\n"
              "select $order, $user, name from users where id = $user;",
              field("order"), field("user"));
    begin(&r);
    put(&r, 1, "{\"order\":1,\"user\":7}");
    assert_published(&r, "");
    put(&r, 0, "{\"id\":7,\"name\":\"Ann\"}");
    assert_published(&r, "{\"order\":1,\"user\":7,\"name\":\"Ann\"}\n");
    put(&r, 1, "{\"order\":2,\"user\":7}");
    assert_published(&r, "{\"order\":2,\"user\":7,\"name\":\"Ann\"}\n");
    put(&r, 0, "{\"id\":7,\"name\":\"Anna\"}");
    assert_published(&r, "");
    run_close(&r);
}

/* Views of the last ten, windows, filters, arrays: no state, or a little. */
static void test_example_filters_and_windows(void **state)
{
    (void)state;
    DERIVES("select $id, $name where $status = 'active';", "{\"id\":1,\"status\":\"gone\"}", "", field("id"), field("name"),
            field("status"));
    DERIVES("select json_group_array(value) as total from json_each($n) where value % 2 = 0;", "{\"n\":[1,2,3,4]}",
            "{\"total\":[2,4]}\n", field("n"));
    run r;
    open_memory(&r, "[\"create table last (at integer primary key, v integer);\"]");
    TRANSFORM(&r,
              "insert into last values ($at, $v);\ndelete from last where at <= $at - 3;\n"
              "select $at, sum(v) as total, json_group_array(v) as all_of_them from last;",
              field("at"), field("v"));
    begin(&r);
    for (int i = 1; i <= 5; i++) {
        char doc[64];
        snprintf(doc, sizeof doc, "{\"at\":%d,\"v\":%d}", i, 10 * i);
        put(&r, 0, doc);
    }
    assert_published(&r, "{\"at\":1,\"total\":10,\"all_of_them\":[10]}\n{\"at\":2,\"total\":30,\"all_of_them\":[10,20]}\n"
                         "{\"at\":3,\"total\":60,\"all_of_them\":[10,20,30]}\n{\"at\":4,\"total\":90,\"all_of_them\":[20,30,40]}\n"
                         "{\"at\":5,\"total\":120,\"all_of_them\":[30,40,50]}\n");
    run_close(&r);
}

/* ------------------------------------------------------------------------------------------------------ SQL that wants a lot -- */

static void *stop_soon(void *arg)
{
    usleep(50000);
    session_stop(((run *)arg)->s);
    return NULL;
}

static void test_sql_without_an_end_can_be_stopped(void **state)
{
    (void)state;
    run r;
    pthread_t thread;
    open_memory(&r, "[]");
    TRANSFORM(&r, "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n where i < 0;");
    begin(&r);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &r), 0);
    assert_int_equal(try_read(&r, 0, "{}"), WEIR_STOPPED);
    pthread_join(thread, NULL);
    run_close(&r);
}

static void test_a_huge_result_takes_no_memory(void **state)
{
    (void)state;
    run r;
    open_memory(&r, "[]");
    TRANSFORM(&r, "with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000)\n"
                  "select i, 'a text that makes the row a little longer' as t, randomblob(100) as b from n;");
    begin(&r);
    sqlite3_memory_highwater(true);
    r.emptied = true;
    put(&r, 0, "{}");
    assert_int_equal(r.rows, 300000);
    assert_true(r.most < 2 * LANE_SPILL);
    assert_true(sqlite3_memory_highwater(false) < 4 << 20);
    run_close(&r);
}

static void test_a_value_larger_than_a_document(void **state)
{
    (void)state;
    run r;
    open_memory(&r, "[]");
    TRANSFORM(&r, "select 1 as a;\nselect hex(zeroblob(40000000)) as x;");
    begin(&r);
    assert_error(&r, try_read(&r, 0, "{}"), WEIR_E_CONFIG, "line 2, document {}: string or blob too big");
    run_close(&r);
}

static void test_text_that_is_not_utf8(void **state)
{
    (void)state;
    run r;
    open_memory(&r, "[]");
    TRANSFORM(&r, "select cast(x'ff41' as text) as x;");
    begin(&r);
    assert_error(&r, try_read(&r, 0, "{}"), WEIR_E_CONFIG, "transform \"t0\", line 1, document {}: it selects text that is not UTF-8");
    run_close(&r);
}

/* -------------------------------------------------------------------------------------------------------------- killed -- */

enum { KILLS = 25 };

/* Counts documents from where the checkpoint says, a few in each transaction, until it is killed. */
static _Noreturn void count_until_killed(const fixture *f)
{
    run r;
    open_file(&r, f,
              "[\"create table counts (k integer primary key, n integer not null); create table total (n integer); insert into "
              "total values (0);\"]",
              "");
    TRANSFORM(&r, "insert into counts values ($i % 97, 1) on conflict do update set n = n + 1;\nupdate total set n = n + $i;",
              field("i"));
    begin(&r);
    int64_t at = weir_json_int(view_of(r.resumed), "/at", 0);
    for (;;) {
        for (int n = 0; n < 7; n++) {
            char doc[40];
            snprintf(doc, sizeof doc, "{\"i\":%" PRId64 "}", at++);
            put(&r, 0, doc);
        }
        char position[40];
        snprintf(position, sizeof position, "{\"at\":%" PRId64 "}", at);
        commit(&r, position);
    }
}

static void test_killed_at_any_time(void **state)
{
    fixture *f = *state;
    srand(20261128);
    for (int i = 0; i < KILLS; i++) {
        pid_t child = fork();
        if (child == 0)
            count_until_killed(f);
        usleep((useconds_t)(10000 + rand() % 100000));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    assert_gives(f->path,
                 "select (select sum(n) from counts) = at, (select n from total) = at * (at - 1) / 2, at > 0 from (select "
                 "checkpoint ->> '$.at' as at from gazette_checkpoint)",
                 "1|1|1\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_state_and_checkpoint_are_one),
        TEST(test_migrations_run_once_and_by_position),
        TEST(test_a_migration_that_fails_leaves_nothing),
        TEST(test_a_trigger_is_one_statement),
        TEST(test_reset_forgets_all),
        TEST(test_without_a_path_nothing_is_resumed),
        TEST(test_after_a_failure_nothing_is_committed),
        TEST(test_tables_that_change_while_it_runs),
        TEST(test_another_run_waits_and_gives_up),
        TEST(test_a_run_that_was_taken_over_ends),
        TEST(test_what_others_have_written_is_noticed),
        TEST(test_example_running_totals),
        TEST(test_example_join),
        TEST(test_example_filters_and_windows),
        TEST(test_sql_without_an_end_can_be_stopped),
        TEST(test_a_huge_result_takes_no_memory),
        TEST(test_a_value_larger_than_a_document),
        TEST(test_text_that_is_not_utf8),
        TEST(test_killed_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
