#include "net/server.h"

const rpc_method rpc_reflection_methods[] = {{0}};
