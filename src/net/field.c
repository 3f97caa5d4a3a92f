#include "net/field.h"

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 }; /* wire types */

static bool take_varint(weir_view *rest, uint64_t *ret)
{
    uint64_t n = 0;
    for (size_t i = 0; i < rest->len && i < 10; i++) {
        unsigned char c = (unsigned char)rest->ptr[i];
        n |= (uint64_t)(c & 0x7f) << (7 * i);
        if (c < 0x80) {
            *rest = view_from(*rest, i + 1);
            *ret = n;
            return true;
        }
    }
    return false;
}

static bool take_bytes(weir_view *rest, uint64_t len, weir_view *ret)
{
    if (len > rest->len)
        return false;
    *ret = (weir_view){rest->ptr, (size_t)len};
    *rest = view_from(*rest, (size_t)len);
    return true;
}

bool rpc_field_next(weir_view *rest, rpc_field *ret)
{
    uint64_t tag, n;
    if (!take_varint(rest, &tag))
        return false;
    *ret = (rpc_field){.number = (uint32_t)(tag >> 3), .bytes = (tag & 7) == BYTES};
    switch (tag & 7) {
    case VARINT:
        return take_varint(rest, &n);
    case FIXED64:
        return take_bytes(rest, 8, &ret->value);
    case FIXED32:
        return take_bytes(rest, 4, &ret->value);
    case BYTES:
        return take_varint(rest, &n) && take_bytes(rest, n, &ret->value);
    default:
        return false;
    }
}

weir_view rpc_field_find(weir_view message, uint32_t number)
{
    weir_view found = {"", 0};
    for (rpc_field f; rpc_field_next(&message, &f);)
        if (f.number == number && f.bytes)
            found = f.value;
    return found;
}

static void add_varint(buf *out, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        buf_addc(out, (char)(n | 0x80));
    buf_addc(out, (char)n);
}

void rpc_field_add_bytes(buf *out, uint32_t number, weir_view value)
{
    add_varint(out, (uint64_t)number << 3 | BYTES);
    add_varint(out, value.len);
    buf_addv(out, value);
}

void rpc_field_add_number(buf *out, uint32_t number, uint64_t value)
{
    add_varint(out, (uint64_t)number << 3 | VARINT);
    add_varint(out, value);
}
