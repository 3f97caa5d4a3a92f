/* buf: growth, limits, sticky failure. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "fault.h"

#define assert_buf(b, text) assert_true(view_is(buf_view(&(b)), (text)))

static void appends_in_order(void **state)
{
    (void)state;
    buf b = {0};
    buf_adds(&b, "one");
    buf_addc(&b, ',');
    buf_addv(&b, VIEW("two"));
    buf_printf(&b, ",%d,%s", 3, "four");
    assert_true(buf_ok(&b));
    assert_buf(b, "one,two,3,four");
    assert_string_equal(buf_text(&b), "one,two,3,four");
    assert_int_equal(b.len, 14);
    buf_free(&b);
    assert_null(b.ptr);
    buf_adds(&b, "again");
    assert_buf(b, "again");
    buf_free(&b);
}

static void empty_ones_are_fine(void **state)
{
    (void)state;
    buf b = {0};
    buf_add(&b, NULL, 0);
    buf_addv(&b, (weir_view){0});
    assert_null(b.ptr);
    assert_string_equal(buf_text(&b), "");
    assert_int_equal(b.len, 0);
    buf_drop(&b, 0);
    buf_drop(&b, 5);
    buf_wipe(&b);
    buf_wipe(&b);
}

static void grows_over_many_appends(void **state)
{
    (void)state;
    buf b = {0};
    for (int i = 0; i < 100000; i++)
        buf_addc(&b, (char)('a' + i % 26));
    assert_int_equal(b.len, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.ptr[i], 'a' + i % 26);
    buf_free(&b);
}

static void limit_is_exact(void **state)
{
    (void)state;
    buf b = {.max = 10};
    buf_adds(&b, "0123456789");
    assert_true(buf_ok(&b));
    buf_addc(&b, 'x');
    assert_false(buf_ok(&b));
    assert_buf(b, "0123456789");
    buf_free(&b);
    assert_int_equal(b.max, 10);
}

static void failure_sticks_until_cleared(void **state)
{
    (void)state;
    buf b = {.max = 8};
    buf_adds(&b, "12345");
    buf_adds(&b, "6789");
    buf_adds(&b, "x"); /* would fit */
    buf_addc(&b, 'y');
    buf_printf(&b, "z");
    assert_false(buf_ok(&b));
    assert_buf(b, "12345");
    assert_string_equal(buf_text(&b), "");
    buf_clear(&b);
    assert_true(buf_ok(&b));
    buf_adds(&b, "12345678");
    assert_buf(b, "12345678");
    buf_free(&b);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    buf b = {0};
    buf_adds(&b, "abc");
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_false(buf_ok(&b));
    buf_clear(&b);
    buf_adds(&b, "abc");
    assert_false(buf_reserve(&b, SIZE_MAX - 3)); /* no overflow, but no such memory either */
    assert_buf(b, "abc");
    buf_free(&b);
}

static void printf_meets_the_end_of_its_room(void **state)
{
    (void)state;
    for (size_t have = 0; have < 140; have++) {
        buf b = {0};
        for (size_t i = 0; i < have; i++)
            buf_addc(&b, '.');
        buf_printf(&b, "%s", "0123456789");
        assert_int_equal(b.len, have + 10);
        assert_memory_equal(b.ptr + have, "0123456789", 10);
        buf_free(&b);
    }
}

static void printf_may_fill_a_limit(void **state)
{
    (void)state;
    buf b = {.max = 4};
    buf_printf(&b, "%s", "1234");
    assert_true(buf_ok(&b));
    assert_buf(b, "1234");
    buf_printf(&b, "%s", "");
    assert_true(buf_ok(&b));
    buf_printf(&b, "5");
    assert_false(buf_ok(&b));
    buf_free(&b);
}

static void drop_moves_the_rest(void **state)
{
    (void)state;
    buf b = {0};
    buf_adds(&b, "abcdef");
    buf_drop(&b, 2);
    assert_buf(b, "cdef");
    buf_drop(&b, 0);
    assert_buf(b, "cdef");
    buf_drop(&b, 4);
    assert_int_equal(b.len, 0);
    buf_adds(&b, "xyz");
    buf_drop(&b, 100);
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

static void memory_that_runs_out_leaves_the_content(void **state)
{
    (void)state;
    buf b = {0};
    buf_adds(&b, "kept");
    fault_from(FAULT_ALLOC, 0, ENOMEM);
    for (int i = 0; i < 1000; i++)
        buf_adds(&b, "more ");
    assert_true(fault_clear());
    assert_false(buf_ok(&b));
    assert_true(view_starts(buf_view(&b), VIEW("keptmore ")));
    assert_int_equal((b.len - 4) % 5, 0);
    buf_adds(&b, "not this either");
    assert_int_equal((b.len - 4) % 5, 0);
    buf_wipe(&b);
    assert_true(buf_ok(&b));
}

static void text_needs_no_memory(void **state)
{
    (void)state;
    buf none = {0}, full = {.max = 64}, failed = {.max = 1};
    for (int i = 0; i < 64; i++)
        buf_addc(&full, 'x');
    buf_adds(&failed, "xx");
    fault_from(FAULT_ALLOC, 0, ENOMEM);
    assert_string_equal(buf_text(&none), "");
    assert_true(buf_ok(&none));
    assert_int_equal(strlen(buf_text(&full)), 64);
    assert_true(buf_ok(&full));
    assert_string_equal(buf_text(&failed), "");
    assert_false(fault_clear());
    buf_free(&full);
    buf_free(&failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_in_order),
        cmocka_unit_test(empty_ones_are_fine),
        cmocka_unit_test(grows_over_many_appends),
        cmocka_unit_test(limit_is_exact),
        cmocka_unit_test(failure_sticks_until_cleared),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(printf_meets_the_end_of_its_room),
        cmocka_unit_test(printf_may_fill_a_limit),
        cmocka_unit_test(drop_moves_the_rest),
        cmocka_unit_test(memory_that_runs_out_leaves_the_content),
        cmocka_unit_test(text_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
