#include "strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool strbuf_grow(strbuf *s, size_t more)
{
    if (s->failed || more > SIZE_MAX - s->len) {
        s->failed = true;
        return false;
    }
    size_t need = s->len + more;
    size_t cap = s->cap < 64 ? 64 : s->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    char *ptr = realloc(s->ptr, cap);
    if (!ptr) {
        s->failed = true;
        return false;
    }
    s->ptr = ptr;
    s->cap = cap;
    return true;
}

void strbuf_printf(strbuf *s, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0)
        s->failed = true;
    else if (strbuf_reserve(s, (size_t)n + 1)) {
        vsnprintf(s->ptr + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

static void quote_byte(strbuf *s, unsigned char c)
{
    static const char named[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    for (const char *p = named; *p; p += 2)
        if ((unsigned char)*p == c) {
            strbuf_addc(s, '\\');
            strbuf_addc(s, p[1]);
            return;
        }
    strbuf_printf(s, "\\u%04x", c);
}

void strbuf_quote(strbuf *s, weir_view text)
{
    const char *p = text.ptr, *end = text.ptr + text.len;
    strbuf_addc(s, '"');
    while (p < end) {
        const char *plain = p;
        while (p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\')
            p++;
        strbuf_add(s, plain, (size_t)(p - plain));
        if (p < end)
            quote_byte(s, (unsigned char)*p++);
    }
    strbuf_addc(s, '"');
}

const char *strbuf_text(strbuf *s)
{
    if (!strbuf_reserve(s, 1))
        return "";
    s->ptr[s->len] = 0;
    return s->ptr;
}

void strbuf_free(strbuf *s)
{
    free(s->ptr);
    *s = (strbuf){0};
}
