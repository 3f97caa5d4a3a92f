/* cold.h - the messages that are not hot, through protobuf-c: its structs, which are made from the .proto files, packed and unpacked with the checks that it
 * leaves out. No I/O.
 */
#ifndef WEIR_PROTO_FIVETRAN_COLD_H
#define WEIR_PROTO_FIVETRAN_COLD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fivetran_pb/common.pb-c.h"
#include "fivetran_pb/connector_sdk.pb-c.h"
#include "fivetran_pb/destination_sdk.pb-c.h"

enum { FT_DEPTH = 100 }; /* messages inside of one another, at most: protobuf's own default */

/** Unpacks into the arena. Before that the bytes are looked through beside the descriptor: a string that is not UTF-8, or has a NUL (protobuf-c would cut it
 *  there), is WEIR_E_PROTOCOL with the path of the field (`fields[2].name`). Of a oneof that comes twice the last stays. A map has all its entries, in the
 *  order they came: of two with one key the last counts. */
weir_rc ft_unpack(arena *a, const ProtobufCMessageDescriptor *type, weir_view bytes, ProtobufCMessage **ret, err *e);
/** Appends the message. Its strings must be UTF-8: the reader may throw the whole message away (fivetran.md 1.5). */
void ft_pack(const ProtobufCMessage *m, buf *out);
/** A text for a string of a message: what is not UTF-8 becomes U+FFFD, as does a NUL. NULL without memory. */
char *ft_text(arena *a, weir_view text);
/** The FileDescriptorSet of the three files with their imports, for reflection. */
weir_view ft_descriptors(void);

#endif
