/* strbuf.h - growing bytes for this connector.
 *
 * Failure is sticky: when memory runs out `failed` is set, the content stays as it was and later appends do nothing. So append
 * freely and ask once. {0} is a valid empty strbuf.
 */
#ifndef FILES_STRBUF_H
#define FILES_STRBUF_H

#include <string.h>
#include <weir.h>

typedef struct strbuf {
    char *ptr; /* NULL while cap is 0 */
    size_t len, cap;
    bool failed;
} strbuf;

/** Makes room for `more` bytes after len. @return false, and failed set, if that is not to be had. */
bool strbuf_grow(strbuf *s, size_t more);

static inline bool strbuf_reserve(strbuf *s, size_t more)
{
    return s->cap - s->len >= more && !s->failed ? true : strbuf_grow(s, more);
}

static inline void strbuf_add(strbuf *s, const void *bytes, size_t len)
{
    if (len && strbuf_reserve(s, len)) {
        memcpy(s->ptr + s->len, bytes, len);
        s->len += len;
    }
}

static inline void strbuf_addv(strbuf *s, weir_view v) { strbuf_add(s, v.ptr, v.len); }
static inline void strbuf_adds(strbuf *s, const char *text) { strbuf_add(s, text, strlen(text)); }
static inline void strbuf_addc(strbuf *s, char c) { strbuf_add(s, &c, 1); }
static inline weir_view strbuf_view(const strbuf *s) { return (weir_view){s->ptr, s->len}; }
static inline void strbuf_clear(strbuf *s)
{
    s->len = 0;
    s->failed = false;
}

void strbuf_printf(strbuf *s, const char *fmt, ...) WEIR_PRINTF(2, 3);
/** Appends text (UTF-8) as a JSON string, with its quotes. */
void strbuf_quote(strbuf *s, weir_view text);
/** NUL-terminates without counting the NUL. @return the text, or "" without memory */
const char *strbuf_text(strbuf *s);
/** Frees the memory; the strbuf is then empty and usable. */
void strbuf_free(strbuf *s);

static inline weir_view view_text(const char *text) { return (weir_view){text, text ? strlen(text) : 0}; }
static inline bool view_same(weir_view a, weir_view b) { return a.len == b.len && (!a.len || !memcmp(a.ptr, b.ptr, a.len)); }
static inline bool view_says(weir_view a, const char *text) { return view_same(a, view_text(text)); }

#endif
