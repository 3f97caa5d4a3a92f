/* Which status of a call says who must act, and back. */
#include "net/rpc.h"

static const struct {
    const char *name;
    weir_rc rc;
} codes[] = {
    [RPC_OK] = {"OK", WEIR_OK},
    [RPC_CANCELLED] = {"CANCELLED", WEIR_STOPPED},
    [RPC_UNKNOWN] = {"UNKNOWN", WEIR_E_REMOTE},
    [RPC_INVALID_ARGUMENT] = {"INVALID_ARGUMENT", WEIR_E_CONFIG},
    [RPC_DEADLINE_EXCEEDED] = {"DEADLINE_EXCEEDED", WEIR_E_TRANSIENT},
    [RPC_NOT_FOUND] = {"NOT_FOUND", WEIR_E_CONFIG},
    [RPC_ALREADY_EXISTS] = {"ALREADY_EXISTS", WEIR_E_CONFIG},
    [RPC_PERMISSION_DENIED] = {"PERMISSION_DENIED", WEIR_E_CONFIG},
    [RPC_RESOURCE_EXHAUSTED] = {"RESOURCE_EXHAUSTED", WEIR_E_TRANSIENT},
    [RPC_FAILED_PRECONDITION] = {"FAILED_PRECONDITION", WEIR_E_CONFIG},
    [RPC_ABORTED] = {"ABORTED", WEIR_E_TRANSIENT},
    [RPC_OUT_OF_RANGE] = {"OUT_OF_RANGE", WEIR_E_REMOTE},
    [RPC_UNIMPLEMENTED] = {"UNIMPLEMENTED", WEIR_E_PROTOCOL},
    [RPC_INTERNAL] = {"INTERNAL", WEIR_E_REMOTE},
    [RPC_UNAVAILABLE] = {"UNAVAILABLE", WEIR_E_TRANSIENT},
    [RPC_DATA_LOSS] = {"DATA_LOSS", WEIR_E_REMOTE},
    [RPC_UNAUTHENTICATED] = {"UNAUTHENTICATED", WEIR_E_CONFIG},
};

static const rpc_code code_of[] = {
    [WEIR_OK] = RPC_OK,
    [WEIR_STOPPED] = RPC_CANCELLED,
    [WEIR_E_CONFIG] = RPC_FAILED_PRECONDITION,
    [WEIR_E_TRANSIENT] = RPC_UNAVAILABLE,
    [WEIR_E_REMOTE] = RPC_UNKNOWN,
    [WEIR_E_PROTOCOL] = RPC_INVALID_ARGUMENT,
    [WEIR_E_NOMEM] = RPC_RESOURCE_EXHAUSTED,
    [WEIR_E_BUG] = RPC_INTERNAL,
};

rpc_code rpc_code_of(weir_rc rc)
{
    return (size_t)rc < sizeof code_of / sizeof *code_of ? code_of[rc] : RPC_INTERNAL;
}

weir_rc rpc_rc_of(int code)
{
    return code >= 0 && (size_t)code < sizeof codes / sizeof *codes ? codes[code].rc : WEIR_E_REMOTE;
}

const char *rpc_code_name(int code)
{
    return code >= 0 && (size_t)code < sizeof codes / sizeof *codes ? codes[code].name : "?";
}
