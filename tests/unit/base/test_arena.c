/* arena: alignment, zeroed memory, reset, sticky failure. */
#include <errno.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "fault.h"

static bool is_zero(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i])
            return false;
    return true;
}

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    arena a = {0};
    char *before = NULL;
    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < 3000; size = size * 3 / 2 + 1) {
            char *p = arena_alloc(&a, size);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
            assert_true(is_zero(p, size));
            memset(p, 0xee, size);
            assert_ptr_not_equal(p, before);
            before = p;
        }
        arena_reset(&a); /* what it hands out again is zeroed again */
    }
    arena_free(&a);
}

static void size_zero_is_valid(void **state)
{
    (void)state;
    arena a = {0};
    char *p = arena_alloc(&a, 0), *q = arena_array(&a, 0, 8), *r = arena_array(&a, 8, 0);
    assert_non_null(p);
    assert_non_null(q);
    assert_non_null(r);
    assert_false(a.failed);
    arena_free(&a);
}

static void large_ones_get_their_block(void **state)
{
    (void)state;
    arena a = {0};
    char *small = arena_alloc(&a, 10);
    char *large = arena_alloc(&a, 10 << 20);
    memset(small, 1, 10);
    memset(large, 2, 10 << 20);
    assert_int_equal(small[9], 1);
    arena_free(&a);
}

static void overflow_is_refused_and_sticks(void **state)
{
    (void)state;
    static const struct {
        size_t count, size;
    } cases[] = {{SIZE_MAX, 2},     {2, SIZE_MAX},       {SIZE_MAX / 8 + 1, 8}, {1, SIZE_MAX},
                 {1, SIZE_MAX - 8}, {SIZE_MAX / 16, 16}, {1, PTRDIFF_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a = {0};
        assert_null(arena_array(&a, cases[i].count, cases[i].size));
        assert_true(a.failed);
        assert_null(arena_alloc(&a, 1));
        assert_null(arena_text(&a, VIEW("x")));
        arena_reset(&a);
        assert_non_null(arena_alloc(&a, 1));
        arena_free(&a);
    }
}

static void copies_have_a_nul_behind(void **state)
{
    (void)state;
    arena a = {0};
    weir_view v = arena_dup(&a, (weir_view){"abcdef", 3});
    assert_int_equal(v.len, 3);
    assert_string_equal(v.ptr, "abc");
    weir_view none = arena_dup(&a, (weir_view){0});
    assert_int_equal(none.len, 0);
    assert_string_equal(none.ptr, "");
    assert_string_equal(arena_text(&a, VIEW("text")), "text");
    weir_view f = arena_printf(&a, "%d-%s", 7, "seven");
    assert_true(view_is(f, "7-seven"));
    assert_int_equal(f.ptr[f.len], 0);
    arena_free(&a);
}

static void without_memory_everything_is_null(void **state)
{
    (void)state;
    arena a = {0};
    fault_from(FAULT_ALLOC, 0, ENOMEM);
    weir_view v = arena_dup(&a, VIEW("x")), f = arena_printf(&a, "%d", 1);
    assert_null(v.ptr);
    assert_int_equal(v.len, 0);
    assert_null(f.ptr);
    assert_int_equal(f.len, 0);
    assert_null(arena_text(&a, VIEW("x")));
    assert_null(arena_alloc(&a, 0));
    assert_true(fault_clear());
    assert_true(a.failed);
    assert_null(arena_alloc(&a, 1)); /* sticky, although there is memory now */
    arena_free(&a);
    assert_false(a.failed);
}

static void a_failure_leaves_earlier_memory(void **state)
{
    (void)state;
    arena a = {0};
    char *kept = arena_text(&a, VIEW("kept"));
    fault_from(FAULT_ALLOC, 0, ENOMEM);
    assert_null(arena_alloc(&a, 1 << 20));
    assert_true(fault_clear());
    assert_string_equal(kept, "kept");
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 16));
    arena_free(&a);
}

static void reset_works_in_kept_memory(void **state)
{
    (void)state;
    arena a = {0};
    for (int i = 0; i < 1000; i++)
        assert_non_null(arena_alloc(&a, 100));
    arena_reset(&a);
    fault_clear();
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 100; i++)
            assert_non_null(arena_alloc(&a, 100));
        arena_reset(&a);
    }
    assert_int_equal(fault_count(FAULT_ALLOC), 0);
    arena_free(&a);
    arena_free(&a);
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(size_zero_is_valid),
        cmocka_unit_test(large_ones_get_their_block),
        cmocka_unit_test(overflow_is_refused_and_sticks),
        cmocka_unit_test(copies_have_a_nul_behind),
        cmocka_unit_test(without_memory_everything_is_null),
        cmocka_unit_test(a_failure_leaves_earlier_memory),
        cmocka_unit_test(reset_works_in_kept_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
