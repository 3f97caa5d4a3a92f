/* grpc_linked.c - linked to a program, this makes gRPC a part of it instead of a library that is loaded later (see net/grpc_api.h). */
#include "net/grpc_api.h"

#define GRPC_ADDRESS(name) .name = name,
const grpc_api weir_grpc_linked = {GRPC_FUNCTIONS(GRPC_ADDRESS)};
#undef GRPC_ADDRESS
