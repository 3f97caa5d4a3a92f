#include "net/grpc_api.h"

#include "base/dynlib.h"

#define GRPC_ENTRY(name) {#name, offsetof(grpc_api, name)},
static const dynlib_function functions[] = {GRPC_FUNCTIONS(GRPC_ENTRY)};
#undef GRPC_ENTRY

static const dynlib library = {"gRPC", "libgrpc.so.29", "libgrpc29", functions, sizeof functions / sizeof *functions};

weir_rc grpc_api_load(grpc_api *ret, err *e)
{
    if (!&weir_grpc_linked)
        return dynlib_load(&library, ret, e);
    *ret = weir_grpc_linked;
    return WEIR_OK;
}
