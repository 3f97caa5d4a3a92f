#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 4096, ALIGN = alignof(max_align_t) };

struct arena_block {
    struct arena_block *next;
    size_t size; /* of data */
    alignas(max_align_t) char data[];
};

static bool add_block(arena *a, size_t need)
{
    size_t size = a->blocks ? a->blocks->size : BLOCK / 2;
    size = size < ((size_t)1 << 20) ? size * 2 : size;
    if (size < need)
        size = need;
    struct arena_block *b = size > PTRDIFF_MAX - sizeof *b ? NULL : malloc(sizeof *b + size);
    if (!b)
        return false;
    b->next = a->blocks;
    b->size = size;
    a->blocks = b;
    a->at = b->data;
    a->end = b->data + size;
    return true;
}

void *arena_alloc(arena *a, size_t size)
{
    if (size == 0)
        size = 1;
    size_t padded = size > SIZE_MAX - ALIGN ? SIZE_MAX : (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (a->failed || padded == SIZE_MAX || ((size_t)(a->end - a->at) < padded && !add_block(a, padded))) {
        a->failed = true;
        return NULL;
    }
    void *p = a->at;
    a->at += padded;
    return memset(p, 0, size);
}

void *arena_array(arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) {
        a->failed = true;
        return NULL;
    }
    return arena_alloc(a, count * size);
}

weir_view arena_dup(arena *a, weir_view v)
{
    if (v.len == SIZE_MAX)
        return (weir_view){NULL, 0};
    char *p = arena_alloc(a, v.len + 1);
    if (!p)
        return (weir_view){NULL, 0};
    if (v.len)
        memcpy(p, v.ptr, v.len);
    return (weir_view){p, v.len};
}

char *arena_text(arena *a, weir_view v)
{
    return (char *)arena_dup(a, v).ptr;
}

weir_view arena_vprintf(arena *a, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p ? (weir_view){p, (size_t)n} : (weir_view){NULL, 0};
}

weir_view arena_printf(arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    weir_view v = arena_vprintf(a, fmt, args);
    va_end(args);
    return v;
}

void arena_reset(arena *a)
{
    struct arena_block *keep = a->blocks;
    if (keep) {
        for (struct arena_block *b = keep->next, *next; b; b = next) {
            next = b->next;
            free(b);
        }
        keep->next = NULL;
        a->at = keep->data;
        a->end = keep->data + keep->size;
    }
    a->failed = false;
}

void arena_free(arena *a)
{
    for (struct arena_block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    *a = (arena){0};
}
