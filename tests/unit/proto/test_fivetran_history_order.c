/* Rows in the order of their starts, all of a key together, each once, however little room there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fault.h"
#include "proto/fivetran/history_order.h"

enum { KEYS = 50, STARTS = 20, ROWS = KEYS * STARTS };

static weir_sql_column columns[] = {
    {.name = WEIR_LIT("v"), .type = WEIR_SQL_TEXT},
    {.name = WEIR_LIT("id"), .type = WEIR_SQL_LONG, .key = true},
    {.name = WEIR_LIT("_fivetran_start"), .type = WEIR_SQL_TIMESTAMP, .key = true},
    {.name = WEIR_LIT("part"), .type = WEIR_SQL_TEXT, .key = true},
};
static const ft_sql_table table = {.columns = columns, .count = 4};

static weir_sql_value text(weir_sql_type type, const char *s)
{
    return (weir_sql_value){.type = type, .text = {s, strlen(s)}};
}

static bool add(ft_order *o, int id, const char *start, const char *v, uint64_t number)
{
    const weir_sql_value row[] = {text(WEIR_SQL_TEXT, v), {.type = WEIR_SQL_LONG, .integer = id}, text(WEIR_SQL_TIMESTAMP, start), text(WEIR_SQL_TEXT, "")};
    return ft_order_add(o, row, "file", number);
}

static void test_starts(void **state)
{
    (void)state;
    static const char *const starts[] = {"2024-01-01T00:00:00.500Z", "2024-01-01T00:00:01Z",     "2023-12-31T23:59:59.999999999Z", "2024-01-01T00:00:00Z",
                                         "0001-01-01T00:00:00Z",     "2024-01-01T00:00:00.500001Z", "2024-01-01T00:00:00Z"};
    static const uint64_t want[] = {4, 2, 3, 6, 0, 5, 1}; /* by time; of equal ones, the first first */
    ft_order o;
    ft_order_init(&o, &table, 2, FT_ORDER_BYTES);
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        char copy[64]; /* what was added is not needed any more */
        snprintf(copy, sizeof copy, "%s", starts[i]);
        assert_true(add(&o, i % 2, copy, "", i));
        memset(copy, 'x', sizeof copy);
    }
    ft_order_sort(&o);
    assert_int_equal(o.count, sizeof want / sizeof *want);
    for (size_t i = 0; i < o.count; i++)
        assert_int_equal(o.rows[i]->number, want[i]);
    assert_false(ft_order_next(&o));
    ft_order_free(&o);
}

static bool add_all(ft_order *o)
{
    for (int i = 0; i < ROWS; i++) {
        char start[32];
        snprintf(start, sizeof start, "2024-01-01T00:00:%02dZ", STARTS - 1 - i / KEYS);
        if (!add(o, i % KEYS, start, "some text", (uint64_t)i))
            return false;
    }
    return true;
}

/* @return passes; 0 without memory */
static int take_all(ft_order *o, bool *seen)
{
    int passes = 0;
    do {
        int of_key[KEYS] = {0};
        passes++;
        if (!add_all(o))
            return 0;
        ft_order_sort(o);
        for (size_t i = 0; i < o->count; i++) {
            const ft_ordered_row *row = o->rows[i];
            assert_false(seen[row->number]);
            seen[row->number] = true;
            assert_int_equal(row->number % KEYS, row->values[1].integer);
            assert_int_equal(STARTS - 1 - (int)row->number / KEYS, of_key[row->values[1].integer]++); /* all of its key, one after another */
            assert_memory_equal(row->values[0].text.ptr, "some text", row->values[0].text.len);
        }
        assert_true(o->bytes <= o->limit || o->count <= 2 * STARTS); /* never less than a key; others may come while it is more than half */
    } while (ft_order_next(o));
    return passes;
}

static void test_limits(void **state)
{
    (void)state;
    static const struct { size_t bytes; int least, most; } limits[] = {{FT_ORDER_BYTES, 1, 1}, {100000, 2, 20}, {1, 2, KEYS + 1}};
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        bool seen[ROWS] = {false};
        ft_order o;
        ft_order_init(&o, &table, 2, limits[l].bytes);
        assert_in_range(take_all(&o, seen), limits[l].least, limits[l].most); /* behind the last key there may be others */
        for (int i = 0; i < ROWS; i++)
            assert_true(seen[i]);
        ft_order_free(&o);
    }
}

static void test_without_memory(void **state)
{
    (void)state;
    bool failed = true;
    for (size_t at = 0; failed; at += 1 + at / 4) {
        bool seen[ROWS] = {false};
        ft_order o;
        ft_order_init(&o, &table, 2, FT_ORDER_BYTES);
        fault_at(FAULT_ALLOC, at, 12);
        int passes = take_all(&o, seen);
        failed = fault_clear();
        assert_int_equal(passes, failed ? 0 : 1);
        ft_order_free(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_starts), cmocka_unit_test(test_limits), cmocka_unit_test(test_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
