/* position.h - the positions that connectors are given to keep name the data folder (plane/position.h), which is another one in every test. */
#ifndef TEST_POSITION_H
#define TEST_POSITION_H

#include <string.h>

#include "base/buf.h"

/* Appends it without the names of folders. */
static inline void position_add(buf *out, weir_view position)
{
    static const char begin[] = ",\"producers\":[{\"id\":\"", end[] = "\"}]";
    for (;;) {
        const char *at = memmem(position.ptr, position.len, begin, sizeof begin - 1);
        size_t len = at ? (size_t)(at - position.ptr) : position.len;
        buf_add(out, position.ptr, len);
        if (!at)
            return;
        position = view_from(position, len + sizeof begin - 1);
        at = memmem(position.ptr, position.len, end, sizeof end - 1);
        position = view_from(position, (size_t)(at - position.ptr) + sizeof end - 1);
    }
}

#endif
