/* listen.h - why an address cannot be listened on. gRPC says only that it cannot. */
#ifndef WEIR_NET_LISTEN_H
#define WEIR_NET_LISTEN_H

#include "base/err.h"

/** Before listening: gRPC would take a socket's path away from a server that uses it. */
weir_rc rpc_listen_check(const char *address, err *e);
/** A host and a port, not a path. */
bool rpc_listen_has_port(const char *address);
/** After it has failed: tries it by hand. @return never WEIR_OK */
weir_rc rpc_listen_reason(const char *address, err *e);

#endif
