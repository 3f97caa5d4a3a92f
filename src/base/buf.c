#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

bool buf_grow(buf *b, size_t more)
{
    if (b->failed)
        return false;
    if (more > PTRDIFF_MAX - b->len || (b->max && b->len + more > b->max)) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + more;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap < 64 ? 64 : b->cap;
    while (cap < need)
        cap = cap > PTRDIFF_MAX / 2 ? need : cap * 2;
    if (b->max && cap > b->max)
        cap = b->max;
    char *ptr = realloc(b->ptr, cap + 1);
    if (!ptr) {
        b->failed = true;
        return false;
    }
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

void buf_add(buf *b, const void *bytes, size_t len)
{
    if (len && buf_reserve(b, len)) {
        memcpy(b->ptr + b->len, bytes, len);
        b->len += len;
    }
}

void buf_vprintf(buf *b, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    bool usable = b->ptr && !b->failed;
    size_t room = usable ? b->cap - b->len : 0;
    int n = vsnprintf(usable ? b->ptr + b->len : NULL, usable ? room + 1 : 0, fmt, args);
    if (n < 0) {
        b->failed = true;
    } else if ((size_t)n <= room) {
        b->len += usable ? (size_t)n : 0;
    } else if (buf_reserve(b, (size_t)n)) {
        vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_printf(buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    buf_vprintf(b, fmt, args);
    va_end(args);
}

void buf_drop(buf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
        return;
    }
    if (n) {
        memmove(b->ptr, b->ptr + n, b->len - n);
        b->len -= n;
    }
}

const char *buf_text(buf *b)
{
    if (b->failed || !b->ptr)
        return "";
    b->ptr[b->len] = '\0';
    return b->ptr;
}

void buf_free(buf *b)
{
    free(b->ptr);
    *b = (buf){.max = b->max};
}

void buf_wipe(buf *b)
{
    if (b->ptr)
        explicit_bzero(b->ptr, b->cap);
    buf_free(b);
}
