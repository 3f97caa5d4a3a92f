/* pb.h - protobuf's wire format: varints, fields, and a reader over borrowed bytes. */
#ifndef WEIR_FLOW_PB_H
#define WEIR_FLOW_PB_H

#include <stdint.h>

#include "base/buf.h"

enum { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

typedef struct pb_reader {
    const char *p, *end; /* after an error, p stays where it was noticed */
    const char *error;   /* NULL: none yet */
} pb_reader;

typedef struct pb_field {
    uint32_t tag;
    unsigned wire;     /* PB_... */
    uint64_t number;   /* varint and fixed */
    weir_view bytes;   /* PB_BYTES */
} pb_field;

static inline pb_reader pb_reader_of(weir_view v)
{
    return (pb_reader){.p = v.ptr, .end = v.len ? v.ptr + v.len : v.ptr};
}

static inline bool pb_fail(pb_reader *r, const char *error)
{
    r->error = error;
    return false;
}

static inline bool pb_varint(pb_reader *r, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70 && r->p < r->end; shift += 7) {
        unsigned char c = (unsigned char)*r->p++;
        if (shift == 63 && c > 1)
            return pb_fail(r, "varint of more than 64 bits");
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *out = v;
            return true;
        }
    }
    return pb_fail(r, r->p == r->end ? "truncated varint" : "varint of more than 64 bits");
}

static inline bool pb_fixed(pb_reader *r, size_t size, uint64_t *out)
{
    if ((size_t)(r->end - r->p) < size)
        return pb_fail(r, "truncated fixed number");
    uint64_t v = 0;
    for (size_t i = 0; i < size; i++)
        v |= (uint64_t)(unsigned char)r->p[i] << (8 * i);
    r->p += size;
    *out = v;
    return true;
}

/** The next field; false at the end, or on error: see r->error. */
static inline bool pb_next(pb_reader *r, pb_field *f)
{
    uint64_t key, len;
    if (r->error || r->p == r->end || !pb_varint(r, &key))
        return false;
    if (key >> 3 == 0 || key >> 3 > 0x1fffffff)
        return pb_fail(r, "bad field tag");
    *f = (pb_field){.tag = (uint32_t)(key >> 3), .wire = (unsigned)(key & 7)};
    switch (f->wire) {
    case PB_VARINT:
        return pb_varint(r, &f->number);
    case PB_FIXED64:
        return pb_fixed(r, 8, &f->number);
    case PB_FIXED32:
        return pb_fixed(r, 4, &f->number);
    case PB_BYTES:
        if (!pb_varint(r, &len))
            return false;
        if (len > (uint64_t)(r->end - r->p))
            return pb_fail(r, "field longer than the message");
        f->bytes = (weir_view){r->p, (size_t)len};
        r->p += len;
        return true;
    default:
        return pb_fail(r, "unknown wire type");
    }
}

static inline size_t pb_varint_size(uint64_t v)
{
    size_t n = 1;
    while (v >>= 7)
        n++;
    return n;
}

static inline char *pb_put_varint(char *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (char)(v | 0x80);
    *p++ = (char)v;
    return p;
}

/** The 4-byte little-endian length before a message (flow.md 1.1). */
static inline void pb_put_frame(char *p, size_t len)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(len >> (8 * i));
}

#endif
