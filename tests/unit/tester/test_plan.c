/* Operations of an input file as files and calls: expectations from fivetran.md 3.2 and 2.5. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdlib.h>

#include <cmocka.h>

#include "fault.h"
#include "tester/plan.h"

typedef struct fixture {
    arena a;
    err e;
    tester_target_table tables[3];
    tester_plan plan;
} fixture;

static const char tables[] =
    "{\"t\":{\"columns\":{\"id\":\"LONG\",\"name\":\"STRING\",\"amount\":{\"type\":\"DECIMAL\",\"precision\":38,\"scale\":10}},\"primary_key\":[\"id\"]},"
    "\"h\":{\"columns\":{\"id\":\"INT\",\"v\":\"STRING\"},\"primary_key\":[\"id\"],\"history_mode\":true},"
    "\"k\":{\"columns\":{\"x\":\"JSON\"},\"primary_key\":[]}}";

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    tree *t;
    size_t n = 0;
    assert_int_equal(tree_parse(&f->a, view_of(tables), NULL, WEIR_E_CONFIG, &t, &f->e), WEIR_OK);
    for (const tree *m = t->first; m; m = m->next)
        assert_int_equal(tester_target_read(&f->a, m, &f->tables[n++], &f->e), WEIR_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    err_free(&f->e);
    arena_free(&f->a);
    free(f);
    return 0;
}

static const tester_target_table *find(void *arg, weir_view name, bool *ret_unknown, err *e)
{
    fixture *f = arg;
    (void)e;
    for (size_t i = 0; i < 3; i++)
        if (view_eq(f->tables[i].table.name, name))
            return &f->tables[i];
    *ret_unknown = true;
    return NULL;
}

static weir_rc make(fixture *f, const char *ops, int64_t step)
{
    tree *t;
    weir_view text = arena_dup(&f->a, view_of(ops));
    assert_int_equal(tree_parse(&f->a, text, "in.json", WEIR_E_CONFIG, &t, &f->e), WEIR_OK);
    return tester_plan_make(&f->a, t, 1700000000000, step, find, f, &f->plan, &f->e);
}

static void planned(fixture *f, const char *ops)
{
    if (make(f, ops, 1))
        fail_msg("%s", err_text(&f->e));
}

/* A file as NAME=CELL pairs in the order of the names, a line a row; ~ is null, * unmodified. */
static void expect_file(fixture *f, size_t batch, tester_file kind, const char *expected)
{
    buf out = {0};
    const tester_batch *b = &f->plan.batches[batch];
    ft_table columns;
    ft_cell cells[16];
    assert_int_equal(tester_plan_columns(&f->a, b->target, kind, &columns, &f->e), WEIR_OK);
    for (const tester_row *r = b->first[kind]; r; r = r->next) {
        assert_int_equal(tester_plan_cells(&f->a, b->target, kind, &columns, r, cells, &f->e), WEIR_OK);
        size_t n = 0;
        for (size_t i = 0; i < b->target->table.count; i++)
            for (size_t c = 0; c < columns.count; c++)
                if (view_eq(columns.columns[c].name, b->target->table.columns[i].name)) {
                    buf_adds(&out, n++ ? " " : "");
                    if (cells[c].kind == FT_CELL_VALUE)
                        buf_addv(&out, cells[c].text);
                    else
                        buf_adds(&out, cells[c].kind == FT_CELL_NULL ? "~" : "*");
                }
        buf_addc(&out, '\n');
    }
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

/* ---- tables ---- */

static void the_platforms_own_columns_are_added(void **state)
{
    fixture *f = *state;
    static const char *const expected[] = {"id+ name amount _fivetran_synced _fivetran_deleted", "id+ v _fivetran_synced _fivetran_start+ _fivetran_end _fivetran_active",
                                           "x _fivetran_id+ _fivetran_synced _fivetran_deleted"};
    for (size_t t = 0; t < 3; t++) {
        buf out = {0};
        for (size_t i = 0; i < f->tables[t].table.count; i++)
            buf_printf(&out, "%s%.*s%s", i ? " " : "", VIEW_ARG(f->tables[t].table.columns[i].name), f->tables[t].table.columns[i].key ? "+" : "");
        assert_string_equal(buf_text(&out), expected[t]);
        buf_free(&out);
    }
    assert_int_equal(f->tables[0].table.columns[2].precision, 38);
}

/* ---- merging ---- */

static void operations_are_merged_by_table_and_kind(void **state)
{
    fixture *f = *state;
    planned(f, "[{\"upsert\":{\"t\":[{\"id\":1,\"name\":\"a\"}]}},{\"delete\":{\"t\":[{\"id\":9}]}},{\"upsert\":{\"t\":[{\"id\":1,\"name\":\"b\"}],\"k\":[{\"_fivetran_id\":\"q\",\"x\":{\"y\":[1]}}]}},"
               "{\"update\":{\"t\":[{\"id\":1,\"amount\":1.50}]}},{\"soft_delete\":{\"t\":[{\"id\":1}]}}]");
    assert_int_equal(f->plan.batch_count, 2);
    assert_int_equal(f->plan.truncation_count, 0);
    /* nothing is deduplicated; every operation has its own time */
    expect_file(f, 0, TESTER_UPSERTS, "1 a ~ 2023-11-14T22:13:20Z false\n1 b ~ 2023-11-14T22:13:20.002Z false\n");
    /* updates and soft deletes are one file, in the order of the operations */
    expect_file(f, 0, TESTER_UPDATES, "1 * 1.50 2023-11-14T22:13:20.003Z *\n1 * * 2023-11-14T22:13:20.004Z true\n");
    /* only the key, and when it was */
    expect_file(f, 0, TESTER_DELETES, "9 ~ ~ 2023-11-14T22:13:20.001Z ~\n");
    expect_file(f, 0, TESTER_EARLIEST, "");
    expect_file(f, 1, TESTER_UPSERTS, "{\"y\":[1]} q 2023-11-14T22:13:20.002Z false\n");
}

static void decimals_keep_their_digits(void **state)
{
    fixture *f = *state;
    planned(f, "[{\"upsert\":{\"t\":[{\"id\":1,\"amount\":1234567890123456789012345678.0000000001},{\"id\":2,\"amount\":\"0.10\"},{\"id\":3,\"amount\":null}]}}]");
    expect_file(f, 0, TESTER_UPSERTS, "1 ~ 1234567890123456789012345678.0000000001 2023-11-14T22:13:20Z false\n2 ~ 0.10 2023-11-14T22:13:20Z false\n"
                                      "3 ~ ~ 2023-11-14T22:13:20Z false\n");
}

static void truncations_stand_between_their_neighbours(void **state)
{
    fixture *f = *state;
    planned(f, "[{\"upsert\":{\"t\":[{\"id\":1}]}},{\"truncate_before\":[\"t\",\"nobody\"]},{\"upsert\":{\"t\":[{\"id\":2}]}},{\"soft_truncate_before\":[\"t\"]}]");
    assert_int_equal(f->plan.truncation_count, 3);
    const tester_row *first = f->plan.batches[0].first[TESTER_UPSERTS], *second = first->next;
    const tester_truncation *x = f->plan.truncations;
    assert_true(first->synced < x[0].before && x[0].before < second->synced && second->synced < x[2].before);
    assert_false(x[0].soft);
    assert_true(x[2].soft);
    assert_true(view_is(x[1].table, "nobody"));
}

static void without_delay_all_is_one_moment(void **state)
{
    fixture *f = *state;
    assert_int_equal(make(f, "[{\"upsert\":{\"t\":[{\"id\":1}]}},{\"upsert\":{\"t\":[{\"id\":2}]}}]", 0), WEIR_OK);
    assert_int_equal(f->plan.batches[0].first[TESTER_UPSERTS]->synced, f->plan.batches[0].last[TESTER_UPSERTS]->synced);
}

static void rows_for_unknown_tables_change_nothing(void **state)
{
    fixture *f = *state;
    planned(f, "[{\"upsert\":{\"nobody\":[{\"id\":1}]}},{\"delete\":{\"nobody\":[{\"id\":1}]}}]");
    assert_int_equal(f->plan.batch_count, 0);
}

/* ---- history ---- */

static void versions_follow_one_another(void **state)
{
    fixture *f = *state;
    planned(f, "[{\"upsert\":{\"h\":[{\"op_time\":\"2024-01-02T00:00:00Z\",\"id\":1,\"v\":\"b\"},{\"op_time\":\"2024-01-01T00:00:00Z\",\"id\":1,\"v\":\"a\"},"
               "{\"op_time\":\"2024-01-05T00:00:00Z\",\"id\":2,\"v\":\"x\"}]}},{\"update\":{\"h\":[{\"op_time\":\"2024-01-03T00:00:00.5Z\",\"id\":1,\"v\":\"c\"}]}}]");
    expect_file(f, 0, TESTER_UPSERTS,
                "1 b 2023-11-14T22:13:20Z 2024-01-02T00:00:00Z 2024-01-03T00:00:00.499Z false\n"
                "1 a 2023-11-14T22:13:20Z 2024-01-01T00:00:00Z 2024-01-01T23:59:59.999Z false\n"
                "2 x 2023-11-14T22:13:20Z 2024-01-05T00:00:00Z 9999-12-31T23:59:59.999Z true\n");
    expect_file(f, 0, TESTER_UPDATES, "1 c 2023-11-14T22:13:20.001Z 2024-01-03T00:00:00.500Z 9999-12-31T23:59:59.999Z true\n");
    expect_file(f, 0, TESTER_EARLIEST, "1 2024-01-01T00:00:00Z\n2 2024-01-05T00:00:00Z\n");
}

static void a_delete_ends_a_version_and_has_no_earliest_file(void **state)
{
    fixture *f = *state;
    planned(f, "[{\"delete\":{\"h\":[{\"op_time\":\"2024-01-09T00:00:00Z\",\"id\":1}]}}]");
    expect_file(f, 0, TESTER_DELETES, "1 ~ 2023-11-14T22:13:20Z ~ 2024-01-09T00:00:00Z false\n");
    assert_int_equal(f->plan.batches[0].count[TESTER_EARLIEST], 0);
}

/* ---- input that is wrong ---- */

static void what_is_wrong_is_named_with_its_place(void **state)
{
    fixture *f = *state;
    static const struct { const char *ops, *error; } cases[] = {
        {"[{\"insert\":{}}]", "in.json:1:3: 'insert' is no operation"},
        {"[{\"upsert\":{\"t\":[{\"name\":\"a\"}]}}]", "in.json:1:18: the row lacks 'id', of the key of table 't'"},
        {"[{\"upsert\":{\"t\":[{\"id\":null}]}}]", "in.json:1:18: the row lacks 'id', of the key of table 't'"},
        {"[{\"update\":{\"t\":[{\"id\":1,\"nam\":\"a\"}]}}]", "in.json:1:26: table 't' has no column 'nam'"},
        {"[{\"upsert\":{\"h\":[{\"id\":1}]}}]", "in.json:1:18: a row with history needs an op_time such as \"2024-01-31T12:00:00Z\""},
        {"[{\"soft_delete\":{\"h\":[]}}]", "in.json:1:18: table 'h' has history: there are no soft deletes"},
        {"[{\"soft_truncate_before\":[\"h\"]}]", "in.json:1:27: table 'h' has history: there are no soft truncations"},
        {"[{\"upsert\":{\"t\":{}}}]", "in.json:1:17: expected an array of rows"},
        {"[{\"truncate_before\":{}}]", "in.json:1:21: expected an array of tables"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(make(f, cases[i].ops, 1), WEIR_E_CONFIG);
        assert_string_equal(err_text(&f->e), cases[i].error);
        err_clear(&f->e);
    }
}

/* ---- no memory ---- */

static void every_allocation_may_fail(void **state)
{
    fixture *f = *state;
    tree *ops;
    weir_view text = arena_dup(&f->a, VIEW("[{\"upsert\":{\"h\":[{\"op_time\":\"2024-01-02T00:00:00Z\",\"id\":1},{\"op_time\":\"2024-01-03T00:00:00Z\",\"id\":1}],"
                                           "\"t\":[{\"id\":1,\"name\":[1,2]}],\"k\":[{\"_fivetran_id\":\"q\"}]}},{\"truncate_before\":[\"t\"]}]"));
    assert_int_equal(tree_parse(&f->a, text, NULL, WEIR_E_CONFIG, &ops, &f->e), WEIR_OK);
    weir_rc rc = WEIR_E_NOMEM;
    for (size_t n = 0; rc; n++) {
        arena a = {0};
        tester_plan plan;
        ft_table columns;
        ft_cell cells[16];
        fault_at(FAULT_ALLOC, n, ENOMEM);
        rc = tester_plan_make(&a, ops, 0, 1, find, f, &plan, &f->e);
        for (size_t b = 0; !rc && b < plan.batch_count; b++) {
            rc = tester_plan_columns(&a, plan.batches[b].target, TESTER_UPSERTS, &columns, &f->e);
            for (const tester_row *r = plan.batches[b].first[TESTER_UPSERTS]; !rc && r; r = r->next)
                rc = tester_plan_cells(&a, plan.batches[b].target, TESTER_UPSERTS, &columns, r, cells, &f->e);
        }
        bool failed = fault_clear();
        arena_free(&a);
        err_clear(&f->e);
        assert_int_equal(rc, failed ? WEIR_E_NOMEM : WEIR_OK);
        assert_true(n < 1000);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_platforms_own_columns_are_added), TEST(operations_are_merged_by_table_and_kind), TEST(decimals_keep_their_digits),
        TEST(truncations_stand_between_their_neighbours), TEST(without_delay_all_is_one_moment), TEST(rows_for_unknown_tables_change_nothing),
        TEST(versions_follow_one_another), TEST(a_delete_ends_a_version_and_has_no_earliest_file), TEST(what_is_wrong_is_named_with_its_place),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
