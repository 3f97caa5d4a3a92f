/* field.h - as much of protobuf's wire format as the small services in here need: fields, one after the other. */
#ifndef WEIR_NET_FIELD_H
#define WEIR_NET_FIELD_H

#include "base/buf.h"

typedef struct rpc_field {
    uint32_t number;
    bool bytes;      /* its value is `value`: text, bytes or a message; otherwise a number, which nobody needs */
    weir_view value;
} rpc_field;

/** The next field of *rest, which is moved on. @return false at the end, or where it is no protobuf; *rest is then empty or not */
bool rpc_field_next(weir_view *rest, rpc_field *ret);
/** The last field of this number that holds bytes; empty if there is none. */
weir_view rpc_field_find(weir_view message, uint32_t number);

void rpc_field_add_bytes(buf *out, uint32_t number, weir_view value);
void rpc_field_add_number(buf *out, uint32_t number, uint64_t value);

#endif
