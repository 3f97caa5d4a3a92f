#include "net/server.h"

const rpc_method rpc_health_methods[] = {{0}};
