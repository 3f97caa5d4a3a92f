/* fuzz.h - for fuzz targets: what must be true, and the entry point that libFuzzer calls. */
#ifndef WEIR_FUZZ_H
#define WEIR_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

/** Stops the fuzzer, which keeps the input, if `what` is false. */
#define MUST(what)                                                                                                                 \
    do {                                                                                                                           \
        if (!(what)) {                                                                                                             \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what);                                                   \
            abort();                                                                                                               \
        }                                                                                                                          \
    } while (0)

/** MUST(a equals b), both shown if not. */
#define MUST_EQ(a, b) fuzz_must_eq(__FILE__, __LINE__, a, b)

static inline void fuzz_must_eq(const char *file, int line, weir_view a, weir_view b)
{
    if (view_eq(a, b))
        return;
    fprintf(stderr, "%s:%d: not equal:\n  %.*s\n  %.*s\n", file, line, VIEW_ARG(a), VIEW_ARG(b));
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#endif
