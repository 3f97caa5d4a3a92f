/* view.h - helpers for borrowed bytes. Nothing here allocates. */
#ifndef WEIR_BASE_VIEW_H
#define WEIR_BASE_VIEW_H

#include <string.h>

#include "weir.h"

/** A view of a literal, as an expression. */
#define VIEW(s) ((weir_view)WEIR_LIT(s))
/** For printf: `"%.*s", VIEW_ARG(v)`; clipped to what an int holds. */
#define VIEW_ARG(v) (int)((v).len > 0x7fffffff ? 0x7fffffff : (v).len), (v).ptr ? (v).ptr : ""

static inline weir_view view_of(const char *text)
{
    return text ? (weir_view){text, strlen(text)} : (weir_view){NULL, 0};
}

static inline bool view_eq(weir_view a, weir_view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool view_is(weir_view v, const char *text)
{
    return view_eq(v, view_of(text));
}

/** Bytewise order, shorter first. */
static inline int view_cmp(weir_view a, weir_view b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

static inline weir_view view_from(weir_view v, size_t at)
{
    if (v.len == 0)
        return v; /* ptr may be NULL, to which nothing may be added */
    return at >= v.len ? (weir_view){v.ptr + v.len, 0} : (weir_view){v.ptr + at, v.len - at};
}

static inline bool view_starts(weir_view v, weir_view with)
{
    return v.len >= with.len && (with.len == 0 || memcmp(v.ptr, with.ptr, with.len) == 0);
}

static inline bool view_ends(weir_view v, weir_view with)
{
    return v.len >= with.len && (with.len == 0 || memcmp(v.ptr + v.len - with.len, with.ptr, with.len) == 0);
}

/** What a hexadecimal digit stands for; -1: it is none. */
static inline int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

#endif
