/* cold.h - the messages that are not hot, through protobuf-c: its structs, which are made from proto/*.proto, packed and unpacked with the checks that it
 * leaves out. No I/O.
 */
#ifndef WEIR_PROTO_FIVETRAN_COLD_H
#define WEIR_PROTO_FIVETRAN_COLD_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/** Unpacks into the arena. Before that the bytes are looked through beside the descriptor: a string that is not UTF-8, or has a NUL (protobuf-c would cut it
 *  there), is WEIR_E_PROTOCOL with the path of the field (`fields[2].name`). */
weir_rc ft_unpack(arena *a, const ProtobufCMessageDescriptor *type, weir_view bytes, ProtobufCMessage **ret, err *e);
/** Appends the message. */
void ft_pack(const ProtobufCMessage *m, buf *out);
/** The FileDescriptorSet of the three files with their imports, for reflection. */
weir_view ft_descriptors(void);

#endif
