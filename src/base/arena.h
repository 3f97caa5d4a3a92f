/* arena.h - memory that is given back all at once.
 *
 * {0} is a valid arena. Failure is sticky like a buf's: an allocation that fails returns NULL and sets `failed`.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stdarg.h>

#include "base/view.h"

typedef struct arena {
    struct arena_block *blocks; /* newest first */
    char *at, *end;             /* free part of the newest */
    bool failed;
} arena;

/** `size` zeroed bytes, aligned for any type; NULL if memory runs out. A size of 0 gives a valid pointer. */
void *arena_alloc(arena *a, size_t size);
/** count * size with the overflow checked. */
void *arena_array(arena *a, size_t count, size_t size);
/** A copy with a NUL behind it (not counted); {NULL, 0} if memory runs out. */
weir_view arena_dup(arena *a, weir_view v);
/** The same as a C string; NULL if memory runs out. */
char *arena_text(arena *a, weir_view v);
weir_view arena_printf(arena *a, const char *fmt, ...) WEIR_PRINTF(2, 3);
weir_view arena_vprintf(arena *a, const char *fmt, va_list args) WEIR_PRINTF(2, 0);
/** Gives everything back but one block, which it keeps for the next round. */
void arena_reset(arena *a);
void arena_free(arena *a);

#endif
