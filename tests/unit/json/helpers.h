/* helpers.h - what the tests of this room share: views compared, copies that the address sanitizer guards, numbers that repeat. */
#ifndef WEIR_TEST_JSON_HELPERS_H
#define WEIR_TEST_JSON_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

/** Compares and, unlike a comparison of memory, shows both texts. */
#define assert_view(actual, expected) assert_view_at(actual, expected, __FILE__, __LINE__)

static inline void assert_view_at(weir_view actual, weir_view expected, const char *file, int line)
{
    if (view_eq(actual, expected))
        return;
    print_error("%s:%d:\n  got      %.*s\n  expected %.*s\n", file, line, VIEW_ARG(actual), VIEW_ARG(expected));
    _fail(file, line);
}

/** A copy that ends where its memory ends: reading past it is noticed. Free its ptr with guarded_free(). */
static inline weir_view guarded(weir_view v)
{
    char *copy = malloc(v.len ? v.len : 1);
    assert_non_null(copy);
    if (v.len)
        memcpy(copy, v.ptr, v.len);
    return (weir_view){copy, v.len};
}

static inline void guarded_free(weir_view v)
{
    free((char *)v.ptr);
}

/** The next of a sequence that depends on the seed alone (splitmix64). */
static inline uint64_t dice(uint64_t *seed)
{
    uint64_t x = *seed += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/** One of 0 .. sides - 1. */
static inline size_t roll(uint64_t *seed, size_t sides)
{
    return (size_t)(dice(seed) % sides);
}

#endif
