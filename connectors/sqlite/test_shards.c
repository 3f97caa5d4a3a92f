/* Runs of parts of a task: each has a checkpoint and a fence of its own, begins with that of the one it was cut from, and is fenced off by whoever takes its keys. */
#include "test_harness.h"

enum { ALL = 0, HALF = 0x7fffffff, QUARTER = 0x3fffffff };
#define TASK "acme/load"

static void begin_part(fixture *f, run *r, uint32_t key_begin, uint32_t key_end)
{
    tree *config;
    *r = (run){.as_listener = {&ops}, .f = f};
    r->s = session_new(&(session_options){.connector = &materialize_sqlite, .to = &r->as_listener, .log = f->log, .task_name = VIEW(TASK), .key_begin = key_begin,
                                          .key_end = key_end});
    assert_non_null(r->s);
    assert_int_equal(tree_parse(&r->a, arena_printf(&r->a, "{\"path\":\"%s\"}", f->path), NULL, WEIR_E_BUG, &config, &r->e), WEIR_OK);
    if (session_open(r->s, config, &r->e))
        fail_msg("open: %s", err_text(&r->e));
    BIND(r, "t", 1, col("id", INT));
}

/* The table is there already: it is opened without apply(), as a platform does that applies in a session of its own. */
static void settle(run *r) { settle_bindings(r); }

static void put(run *r, const char *id, const char *position)
{
    PUT(r, &r->bindings[0], id);
    commit(r, position);
}

static void make(fixture *f, const char *position)
{
    run r;
    begin_part(f, &r, ALL, UINT32_MAX);
    apply(&r);
    put(&r, "1", position);
    end(&r);
}

static weir_rc try_put(run *r, const char *id) { return try_row(r, &r->bindings[0], WEIR_UPSERT, (const char *const[]){id}); }

#define ROWS "SELECT key_begin, key_end, fence, checkpoint FROM weir_checkpoints WHERE task = '" TASK "' ORDER BY key_begin, key_end"

/* All parts are open before any of them stores: whoever is first raises the fence of the whole, and the others go on. */
static void test_cut(void **state)
{
    fixture *f = *state;
    run low, high;
    make(f, "{\"at\":1}");
    begin_part(f, &low, 0, HALF);
    begin_part(f, &high, HALF + 1u, UINT32_MAX);
    assert_string_equal(low.resumed, "{\"at\":1}");
    assert_string_equal(high.resumed, "{\"at\":1}");
    settle(&low);
    settle(&high);
    put(&low, "2", "{\"at\":2}");
    put(&high, "3", "{\"at\":3}");
    put(&low, "4", "{\"at\":4}");
    end(&low);
    end(&high);
    assert_gives(f, ROWS, "0|2147483647|1|{\"at\":4} 0|4294967295|3|{\"at\":1} 2147483648|4294967295|1|{\"at\":3}");

    begin_part(f, &high, HALF + 1u, UINT32_MAX); /* once more */
    assert_string_equal(high.resumed, "{\"at\":3}");
    end(&high);
    begin_part(f, &low, 0, QUARTER); /* cut further */
    assert_string_equal(low.resumed, "{\"at\":4}");
    begin_part(f, &high, QUARTER + 1u, HALF);
    assert_string_equal(high.resumed, "{\"at\":4}");
    settle(&low);
    settle(&high);
    put(&high, "5", "{\"at\":5}");
    put(&low, "6", "{\"at\":6}");
    end(&low);
    end(&high);
    assert_gives(f, "SELECT id FROM t ORDER BY 1", "1 2 3 4 5 6");
    assert_gives(f, ROWS,
                 "0|1073741823|1|{\"at\":6} 0|2147483647|3|{\"at\":4} 0|4294967295|5|{\"at\":1} 1073741824|2147483647|1|{\"at\":5} 2147483648|4294967295|1|{\"at\":3}");
}

/* Whoever has one of its keys is fenced off, and nobody else. */
static void test_overlaps(void **state)
{
    fixture *f = *state;
    run whole, low, high, next;
    make(f, "{\"at\":1}");
    begin_part(f, &whole, ALL, UINT32_MAX);
    settle(&whole);
    put(&whole, "2", "{\"at\":2}");
    begin_part(f, &low, 0, HALF);
    settle(&low);
    put(&low, "3", "{\"at\":3}");
    assert_error(&whole, try_put(&whole, "9"), WEIR_E_CONFIG, "fenced off: another run of task \"" TASK "\" has taken over");
    begin_part(f, &high, HALF + 1u, UINT32_MAX);
    settle(&high);
    put(&high, "4", "{\"at\":4}");
    put(&low, "5", "{\"at\":5}"); /* not of its keys */
    begin_part(f, &next, 0, HALF);
    assert_string_equal(next.resumed, "{\"at\":5}");
    settle(&next);
    put(&next, "6", "{\"at\":6}");
    assert_error(&low, try_put(&low, "9"), WEIR_E_CONFIG, "fenced off");
    assert_int_not_equal(session_commit(low.s, VIEW("{\"at\":9}"), &low.e), WEIR_OK);
    put(&high, "7", "{\"at\":7}");
    end(&low);
    begin_part(f, &low, 0, QUARTER); /* a part of what `next` has */
    settle(&low);
    put(&low, "8", "{\"at\":8}");
    assert_error(&next, try_put(&next, "9"), WEIR_E_CONFIG, "fenced off");
    end(&whole);
    end(&low);
    end(&high);
    end(&next);
    assert_gives(f, "SELECT id FROM t ORDER BY 1", "1 2 3 4 5 6 7 8");
}

/* A part that was opened while the whole still loads must not take over behind a commit that it has not seen. */
static void test_cut_while_loading(void **state)
{
    fixture *f = *state;
    run whole, low;
    make(f, "{\"at\":1}");
    begin_part(f, &whole, ALL, UINT32_MAX);
    settle(&whole);
    begin_part(f, &low, 0, HALF);
    settle(&low);
    put(&whole, "2", "{\"at\":2}");
    assert_error(&low, try_put(&low, "9"), WEIR_E_TRANSIENT, "another run of task \"" TASK "\" wrote to");
    end(&low);
    begin_part(f, &low, 0, HALF);
    assert_string_equal(low.resumed, "{\"at\":2}");
    settle(&low);
    put(&low, "3", "{\"at\":3}");
    assert_error(&whole, try_put(&whole, "9"), WEIR_E_CONFIG, "fenced off");
    end(&whole);
    end(&low);
}

/* Two runs of one part: the one that was opened first comes second. */
static void test_two_of_one_part(void **state)
{
    fixture *f = *state;
    run first, second;
    make(f, "{\"at\":1}");
    begin_part(f, &first, 0, HALF);
    settle(&first);
    begin_part(f, &second, 0, HALF);
    settle(&second);
    put(&second, "2", "{\"at\":2}");
    assert_error(&first, try_put(&first, "9"), WEIR_E_TRANSIENT, "while this one was starting");
    end(&first);
    put(&second, "3", "{\"at\":3}");
    end(&second);
    begin_part(f, &first, 0, HALF); /* the same, of a part that was there before */
    settle(&first);
    begin_part(f, &second, 0, HALF);
    settle(&second);
    commit(&second, "{\"at\":3}"); /* of the same words: it is the fence that says so */
    assert_error(&first, try_put(&first, "9"), WEIR_E_TRANSIENT, "while this one was starting");
    end(&first);
    end(&second);
    assert_gives(f, "SELECT id FROM t ORDER BY 1", "1 2 3");
}

/* Files of before there were ranges. */
static const char former[] =
    "CREATE TABLE weir_checkpoints (task TEXT NOT NULL PRIMARY KEY, fence INTEGER NOT NULL, checkpoint TEXT) STRICT";

static void make_former(fixture *f)
{
    run_sql(f, former);
    run_sql(f, "INSERT INTO weir_checkpoints VALUES ('" TASK "', 7, '{\"at\":1}'), ('acme/other', 3, NULL)");
}

static void test_upgrade(void **state)
{
    fixture *f = *state;
    run whole;
    make_former(f);
    begin_part(f, &whole, ALL, UINT32_MAX);
    assert_string_equal(whole.resumed, "{\"at\":1}");
    assert_gives(f, "SELECT count(*) FROM pragma_table_info('weir_checkpoints')", "3"); /* who reads changes nothing */
    apply(&whole);
    put(&whole, "2", "{\"at\":2}");
    end(&whole);
    assert_gives(f, ROWS, "0|4294967295|8|{\"at\":2}");
    assert_gives(f, "SELECT key_begin, key_end, fence, checkpoint FROM weir_checkpoints WHERE task = 'acme/other'", "0|4294967295|3|NULL");
    assert_gives(f, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'weir_checkpoints_%'", "0");
}

static void test_upgrade_and_cut(void **state)
{
    fixture *f = *state;
    run low, high;
    make_former(f);
    begin_part(f, &low, 0, HALF);
    begin_part(f, &high, HALF + 1u, UINT32_MAX);
    assert_string_equal(low.resumed, "{\"at\":1}");
    assert_string_equal(high.resumed, "{\"at\":1}");
    apply(&low);
    put(&low, "2", "{\"at\":2}");
    apply(&high); /* which had read the file as it was */
    put(&high, "3", "{\"at\":3}");
    end(&low);
    end(&high);
    assert_gives(f, ROWS, "0|2147483647|1|{\"at\":2} 0|4294967295|9|{\"at\":1} 2147483648|4294967295|1|{\"at\":3}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cut), TEST(test_overlaps), TEST(test_cut_while_loading), TEST(test_two_of_one_part), TEST(test_upgrade), TEST(test_upgrade_and_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
