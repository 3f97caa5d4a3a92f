/* Every allocation fails once, ours and SQLite's: an error that says so, nothing lost, nothing counted twice. */
#include "test_harness.h"

#include <errno.h>

#include "fault.h"

static const char migrations[] =
    "[\"create table seen (id integer primary key);\",\"create table other (x); insert into other values (1), (2);\"]";
static const char count_sql[] = "insert into seen (id) values ($id);\nselect $id, $name, $bytes, (select count(*) from seen) as n, "
                                "$p::(a+b), 0.5 as r, zeroblob(10) as z;\n"
                                "select $flow_document as json;";

/* ------------------------------------------------------------------------------------------------- SQLite's allocations -- */

static sqlite3_mem_methods real;
static size_t until = SIZE_MAX; /* how many of them still succeed */
static bool failed;

static bool fails(void)
{
    if (until == SIZE_MAX || until-- > 0)
        return false;
    until = SIZE_MAX;
    return failed = true;
}

static void *fail_malloc(int size)
{
    return fails() ? NULL : real.xMalloc(size);
}
static void *fail_realloc(void *p, int size)
{
    return fails() ? NULL : real.xRealloc(p, size);
}

static void wrap_sqlite(void)
{
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real), SQLITE_OK);
    sqlite3_mem_methods mine = real;
    mine.xMalloc = fail_malloc;
    mine.xRealloc = fail_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &mine), SQLITE_OK);
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK); /* every one is to pass through here */
}

static void arm_ours(size_t n)
{
    fault_at(FAULT_ALLOC, n, ENOMEM);
}
static bool disarm_ours(void)
{
    return fault_clear();
}
static void arm_sqlite(size_t n)
{
    until = n;
}

static bool disarm_sqlite(void)
{
    bool was = failed;
    failed = false;
    until = SIZE_MAX;
    return was;
}

/* -------------------------------------------------------------------------------------------------------------- a session -- */

static void prepare(run *r, const char *path)
{
    char *config = text("{\"migrations\":%s,\"path\":\"%s\"}", migrations, path);
    run_open(r, config);
    free(config);
    TRANSFORM(r, count_sql, field("id"), field("name"), encoded("bytes"), field("a+b"));
    TRANSFORM(r, "file:///x/lambda.sql", field("id"));
    settle(r);
    r->v.count = 1;
}

static weir_rc work(run *r, bool *ret_committed)
{
    r->v.count = 2;
    weir_rc rc = session_validate(r->s, &r->e);
    r->v.count = 1;
    rc = rc ? rc : session_begin(r->s, &r->e);
    for (int i = 1; !rc && i <= 2; i++)
        rc = try_read(r, 0, i == 1 ? "{\"id\":1,\"name\":\"a\\nb\",\"bytes\":\"VGhpcw==\",\"a+b\":{\"c\" : [1]}}" : "{\"id\":2}");
    rc = rc ? rc : session_commit(r->s, view_of("{\"at\":2}"), &r->e);
    *ret_committed = !rc;
    rc = rc ? rc : try_read(r, 0, "{\"id\":3}");
    return rc ? rc : session_reset(r->s, &r->e);
}

/* Once more, all well: what the session before has left is nothing or all. */
static void look_behind(const char *path, bool committed)
{
    run r;
    prepare(&r, path);
    begin(&r);
    bool had = strcmp(r.resumed, "{\"at\":2}") == 0;
    assert_true(had || !committed);
    put(&r, 0, had ? "{\"id\":9}" : "{\"id\":1}");
    if (!strstr(buf_text(&r.out), had ? "\"n\":3" : "\"n\":1"))
        fail_msg("%s: %s", r.resumed, buf_text(&r.out));
    run_close(&r);
}

static void torture(void (*arm)(size_t), bool (*disarm)(void), size_t step)
{
    bool again = true;
    size_t n = 0, refused = 0;
    for (; again; n += step) {
        char *folder = folder_make(), *path = text("%s/state.db", folder);
        bool committed = false;
        run r;
        prepare(&r, path);
        arm(n);
        weir_rc rc = work(&r, &committed);
        again = disarm();
        if (rc != WEIR_OK && rc != WEIR_E_NOMEM)
            fail_msg("allocation %zu: %d %s", n, rc, err_text(&r.e));
        refused += rc == WEIR_E_NOMEM;
        run_close(&r);
        look_behind(path, committed);
        free(path);
        folder_remove(folder);
    }
    assert_true(refused > 20);
    print_message("%zu allocations, %zu refused\n", n, refused);
}

static void test_our_allocations(void **state)
{
    (void)state;
    torture(arm_ours, disarm_ours, 1);
}

static void test_allocations_of_sqlite(void **state)
{
    (void)state;
    torture(arm_sqlite, disarm_sqlite, 3) /* thousands, in the same few places */;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_our_allocations), cmocka_unit_test(test_allocations_of_sqlite)};
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0); /* nothing is killed here: the disk need not be waited for */
    wrap_sqlite();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
