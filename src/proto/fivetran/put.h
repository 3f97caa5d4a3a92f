/* put.h - the entries of a Record's data, written by hand: `22 LEN  0a LEN key  12 LEN value`, in which the value is a ValueType with one member (fivetran.md 1.2,
 * 1.5). Inline, for loops that see millions of them. Each function writes one entry at `p`, where there is room for FT_ENTRY_ROOM bytes, the name and the text,
 * and returns where it ends.
 */
#ifndef WEIR_PROTO_FIVETRAN_PUT_H
#define WEIR_PROTO_FIVETRAN_PUT_H

#include "proto/fivetran/types.h"
#include "proto/flow/pb.h"

/** A name as it stands in an entry: `0a LEN key`, with room behind it for reads of 16 bytes. */
typedef struct ft_name {
    const char *key;
    size_t len;
} ft_name;

enum { FT_ENTRY_ROOM = 64, FT_NAME_BLOCK = 16 };

/* `22 LEN 0a LEN key 12 LEN`: the head of an entry whose ValueType takes `size` bytes. */
static inline char *ft_put_head(char *p, const ft_name *n, size_t size)
{
    size_t entry = n->len + 1 + pb_varint_size(size) + size;
    *p++ = 0x22;
    p = pb_put_varint(p, entry);
    memcpy(p, n->key, FT_NAME_BLOCK);
    if (__builtin_expect(n->len > FT_NAME_BLOCK, 0))
        memcpy(p + FT_NAME_BLOCK, n->key + FT_NAME_BLOCK, n->len - FT_NAME_BLOCK);
    p += n->len;
    *p++ = 0x12;
    return pb_put_varint(p, size);
}

/* The same for a size below 63: with a name below 64 and the two bytes between them that is a length of one byte. */
static inline char *ft_put_small_head(char *p, const ft_name *n, size_t size)
{
    if (__builtin_expect(n->len >= 64, 0))
        return ft_put_head(p, n, size);
    *p++ = 0x22;
    *p++ = (char)(n->len + 2 + size);
    memcpy(p, n->key, FT_NAME_BLOCK);
    if (__builtin_expect(n->len > FT_NAME_BLOCK, 0))
        memcpy(p + FT_NAME_BLOCK, n->key + FT_NAME_BLOCK, n->len - FT_NAME_BLOCK);
    p += n->len;
    *p++ = 0x12;
    *p++ = (char)size;
    return p;
}

static inline char *ft_put_null(char *p, const ft_name *n)
{
    p = ft_put_small_head(p, n, 2);
    p[0] = 0x08;
    p[1] = 1;
    return p + 2;
}

static inline char *ft_put_bool(char *p, const ft_name *n, bool v)
{
    p = ft_put_small_head(p, n, 2);
    p[0] = 0x10;
    p[1] = v;
    return p + 2;
}

/** @param type FT_SHORT, FT_INT or FT_LONG */
static inline char *ft_put_integer(char *p, const ft_name *n, ft_type type, int64_t v)
{
    size_t size = pb_varint_size((uint64_t)v);
    p = ft_put_small_head(p, n, 1 + size);
    *p++ = (char)(ft_value_tag(type) << 3 | PB_VARINT);
    return pb_put_varint(p, (uint64_t)v);
}

static inline char *ft_put_long(char *p, const ft_name *n, int64_t v)
{
    return ft_put_integer(p, n, FT_LONG, v);
}

static inline char *ft_put_float(char *p, const ft_name *n, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    p = ft_put_small_head(p, n, 5);
    *p++ = 0x35;
    for (int i = 0; i < 4; i++)
        *p++ = (char)(bits >> (8 * i));
    return p;
}

static inline char *ft_put_double(char *p, const ft_name *n, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    p = ft_put_small_head(p, n, 9);
    *p++ = 0x39;
    for (int i = 0; i < 8; i++)
        *p++ = (char)(bits >> (8 * i));
    return p;
}

/** @param type FT_NAIVE_DATE, FT_NAIVE_DATETIME, FT_UTC_DATETIME or FT_NAIVE_TIME  @param nanos below a second */
static inline char *ft_put_time(char *p, const ft_name *n, ft_type type, int64_t seconds, uint32_t nanos)
{
    size_t first = seconds ? 1 + pb_varint_size((uint64_t)seconds) : 0, second = nanos ? 1 + pb_varint_size(nanos) : 0;
    size_t tag = pb_varint_size(ft_value_tag(type) << 3);
    p = ft_put_small_head(p, n, tag + 1 + first + second);
    p = pb_put_varint(p, ft_value_tag(type) << 3 | PB_BYTES);
    *p++ = (char)(first + second);
    if (first) {
        *p++ = 0x08;
        p = pb_put_varint(p, (uint64_t)seconds);
    }
    if (second) {
        *p++ = 0x10;
        p = pb_put_varint(p, nanos);
    }
    return p;
}

/* All of an entry but its text, of which `len` bytes are to follow. */
static inline char *ft_put_text_head(char *p, const ft_name *n, ft_type type, size_t len)
{
    p = ft_put_head(p, n, 1 + pb_varint_size(len) + len);
    *p++ = (char)(ft_value_tag(type) << 3 | PB_BYTES);
    return pb_put_varint(p, len);
}

/** @param type FT_DECIMAL, FT_BINARY, FT_STRING, FT_JSON or FT_XML  @param text UTF-8, unless it is FT_BINARY */
static inline char *ft_put_text(char *p, const ft_name *n, ft_type type, weir_view text)
{
    p = ft_put_text_head(p, n, type, text.len);
    if (text.len)
        memcpy(p, text.ptr, text.len);
    return p + text.len;
}

#endif
