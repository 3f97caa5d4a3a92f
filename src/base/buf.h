/* buf.h - growing bytes.
 *
 * A buf is born with the largest size it may reach, so a runaway peer meets a named limit instead of the allocator. Failure is
 * sticky: when memory or the limit runs out, `failed` is set, the content stays as it was and every later append does nothing. So
 * append freely and ask buf_ok() once. {0} is a valid empty buf without a limit.
 */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include <stdarg.h>

#include "base/view.h"

typedef struct buf {
    char *ptr; /* cap + 1 bytes: there is always room for a NUL behind; NULL while cap is 0 */
    size_t len, cap;
    size_t max; /* 0: no limit */
    bool failed;
} buf;

/** Makes room for `more` bytes after len. @return false, and failed set, if that is not to be had. */
bool buf_grow(buf *b, size_t more);

static inline bool buf_reserve(buf *b, size_t more)
{
    return b->cap - b->len >= more && !b->failed ? true : buf_grow(b, more);
}

void buf_add(buf *b, const void *bytes, size_t len);
void buf_printf(buf *b, const char *fmt, ...) WEIR_PRINTF(2, 3);
void buf_vprintf(buf *b, const char *fmt, va_list args) WEIR_PRINTF(2, 0);

static inline void buf_addv(buf *b, weir_view v) { buf_add(b, v.ptr, v.len); }
static inline void buf_adds(buf *b, const char *text) { buf_add(b, text, strlen(text)); }
static inline void buf_addc(buf *b, char c)
{
    if (buf_reserve(b, 1))
        b->ptr[b->len++] = c;
}

/** Removes the first n bytes by moving the rest down. */
void buf_drop(buf *b, size_t n);

/** NUL-terminates without counting the NUL, which needs no memory. @return the text, or "" if the buf has failed */
const char *buf_text(buf *b);

static inline bool buf_ok(const buf *b) { return !b->failed; }
static inline weir_view buf_view(const buf *b) { return (weir_view){b->ptr, b->len}; }
/** Empties it, keeps the memory, forgets a failure. */
static inline void buf_clear(buf *b) { b->len = 0; b->failed = false; }
/** Frees the memory; the buf is then empty and usable. */
void buf_free(buf *b);
/** Frees the memory with every byte overwritten: for what held a secret. */
void buf_wipe(buf *b);

#endif
