#include "json/number.h"

/* ----------------------------------------------------------------------------------------------------------- writing -- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
                            "49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697"
                            "9899";

static size_t put_u64(char *out, uint64_t v)
{
    char text[20], *at = text + sizeof text;
    for (; v >= 100; v /= 100)
        memcpy(at -= 2, pairs + 2 * (v % 100), 2);
    if (v >= 10)
        memcpy(at -= 2, pairs + 2 * v, 2);
    else
        *--at = (char)('0' + v);
    size_t len = (size_t)(text + sizeof text - at);
    memcpy(out, at, len);
    return len;
}

size_t number_u64(char out[NUMBER_TEXT], uint64_t v)
{
    return put_u64(out, v);
}

size_t number_i64(char out[NUMBER_TEXT], int64_t v)
{
    if (v >= 0)
        return put_u64(out, (uint64_t)v);
    out[0] = '-';
    return 1 + put_u64(out + 1, 0 - (uint64_t)v);
}
