/* dynlib: functions of a library that is not linked, missing libraries, missing functions, several threads. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/dynlib.h"

typedef struct table {
    __typeof__(trunc) *whole;
    __typeof__(hypot) *hypotenuse;
} table;

static const dynlib_function functions[] = {{"hypot", offsetof(table, hypotenuse)}, {"trunc", offsetof(table, whole)}};
static const dynlib maths = {"mathematics", "libm.so.6", "libc6", functions, 2};

static void test_functions_can_be_called(void **state)
{
    (void)state;
    err e = {0};
    table t;
    assert_int_equal(dynlib_load(&maths, &t, &e), WEIR_OK);
    assert_true(t.whole(2.75) == 2);
    assert_true(t.hypotenuse(3, 4) == 5);
    assert_int_equal(e.rc, WEIR_OK);
}

static void test_a_missing_library(void **state)
{
    (void)state;
    err e = {0};
    table t;
    dynlib l = maths;
    l.what = "gRPC", l.file = "libabsent.so.29", l.package = "libabsent29";
    assert_int_equal(dynlib_load(&l, &t, &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), "gRPC is not installed: libabsent.so.29: cannot open shared object file: No such file or directory (Debian: libabsent29)");
    err_free(&e);
}

static void test_a_missing_function(void **state)
{
    (void)state;
    static const dynlib_function none[] = {{"hypot", offsetof(table, hypotenuse)}, {"of_no_library", offsetof(table, whole)}};
    err e = {0};
    table t;
    dynlib l = maths;
    l.functions = none;
    assert_int_equal(dynlib_load(&l, &t, &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), "mathematics: libm.so.6 has no 'of_no_library': it is not the version of Debian's package libc6");
    err_free(&e);
}

static void *load(void *arg)
{
    table t;
    err e = {0};
    for (int i = 0; i < 100; i++)
        if (dynlib_load(&maths, &t, &e) || t.hypotenuse(6, 8) != 10)
            return NULL;
    return arg;
}

static void test_from_several_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load, threads), 0);
    for (int i = 0; i < 4; i++) {
        void *ret;
        assert_int_equal(pthread_join(threads[i], &ret), 0);
        assert_ptr_equal(ret, threads);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_can_be_called),
        cmocka_unit_test(test_a_missing_library),
        cmocka_unit_test(test_a_missing_function),
        cmocka_unit_test(test_from_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
