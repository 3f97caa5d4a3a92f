/* rpc.h - remote procedure calls as gRPC has them, over HTTP/2 without TLS: server and client, unary and streaming. Messages are bytes; what they mean
 * is the caller's business.
 *
 * Every call of a server runs on a thread of its own, with calls that block:
 *
 *     rpc_receive ... rpc_send ... return     the status is made from what the handler returns
 *
 * One message at most is on its way in each direction: rpc_send() returns when the transport has taken the one before it. That is the back-pressure.
 * One thread may send on a call while another receives; two may not do the same.
 *
 * gRPC's C core is the transport. It is loaded with the first server or client (net/grpc_api.h), so programs that never call pay nothing. From then on
 * the process has threads, none of which takes signals. Children are started with fork and exec at any time (base/proc.h); a fork that goes on as a
 * copy of us must come before.
 */
#ifndef WEIR_NET_RPC_H
#define WEIR_NET_RPC_H

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

enum {
    RPC_MESSAGE_MAX = 128 << 20, /* of a message received, in bytes (fivetran.md 2.1) */
    RPC_DRAIN_MS = 5000          /* what calls get to end in when the server is asked to stop */
};

/** gRPC's status codes, by number. */
typedef enum rpc_code {
    RPC_OK = 0, RPC_CANCELLED = 1, RPC_UNKNOWN = 2, RPC_INVALID_ARGUMENT = 3, RPC_DEADLINE_EXCEEDED = 4, RPC_NOT_FOUND = 5, RPC_ALREADY_EXISTS = 6,
    RPC_PERMISSION_DENIED = 7, RPC_RESOURCE_EXHAUSTED = 8, RPC_FAILED_PRECONDITION = 9, RPC_ABORTED = 10, RPC_OUT_OF_RANGE = 11, RPC_UNIMPLEMENTED = 12,
    RPC_INTERNAL = 13, RPC_UNAVAILABLE = 14, RPC_DATA_LOSS = 15, RPC_UNAUTHENTICATED = 16
} rpc_code;

/** Which status says who must act, and back: one table (rpc_status.c). */
rpc_code rpc_code_of(weir_rc rc);
weir_rc rpc_rc_of(int code);
const char *rpc_code_name(int code); /* "UNAVAILABLE"; "?" */

typedef struct rpc_call rpc_call;

/* ---- both sides of a call ---- */

/** The next message of the peer; good until the next rpc_receive() on this call, or its end.
 *  @return WEIR_STOPPED: there are no more. Why: a client learns that from rpc_finish(); for a server, rpc_cancelled() tells a peer that said all from
 *  one that is gone */
weir_rc rpc_receive(rpc_call *c, weir_view *ret, err *e);
/** Sends a message: its bytes are taken over without a copy, the buffer is left empty. Blocks until the message before it was taken by the transport.
 *  On failure it may still hold the bytes: free it.
 *  @param more another message follows at once: this one may wait for it (GRPC_WRITE_BUFFER_HINT). Never for what the peer waits for.
 *  @return WEIR_STOPPED: the peer has cancelled, or is gone */
weir_rc rpc_send(rpc_call *c, buf *message, bool more, err *e);
/** Readable once the call was cancelled by the peer, by a deadline, by the end of a drain or by rpc_cancel(); for poll(). Never read from it. */
int rpc_stop_fd(const rpc_call *c);
bool rpc_cancelled(const rpc_call *c);
/** From any thread: what is waited for comes back. */
void rpc_cancel(rpc_call *c);

/* ---- server ---- */

typedef struct rpc_method {
    const char *path; /* `/package.Service/Method` */
    /* What it returns becomes the status; the text is the error's, cut between characters to what takes RPC_STATUS_TEXT bytes on the wire. */
    weir_rc (*handle)(rpc_call *c, void *context, err *e);
    void *context;
} rpc_method;

enum { RPC_STATUS_TEXT = 8000 }; /* bytes: platforms limit headers to 10,240 (fivetran.md 2.1) */

/** The code of a handler that fails, instead of the one that is made from what it returns. */
void rpc_set_code(rpc_call *c, rpc_code code);

typedef struct rpc_server rpc_server;

typedef struct rpc_server_options {
    const char *listen;          /* `127.0.0.1:50051`, `[::]:50052`, `unix:/path`; port 0: any free one */
    const rpc_method *methods;   /* ended by one without a path; borrowed */
    /* For reflection (v1 and v1alpha) and the health service; may be empty */
    weir_view descriptors;       /* a FileDescriptorSet with its imports, imports first; borrowed */
    const char *const *services; /* full names, NULL-terminated */
    log_sink *log;
} rpc_server_options;

/** Listens; calls come from now on, on threads of their own. WEIR_E_CONFIG: the address cannot be had; gRPC is not installed. */
weir_rc rpc_server_start(rpc_server **ret, const rpc_server_options *o, err *e);
/** The port it listens on; 0 for a path. */
int rpc_server_port(const rpc_server *s);
/** Waits until stop_fd is readable, then takes no new calls, gives those that run drain_ms to end, cancels the rest, and returns when none is left. */
weir_rc rpc_server_run(rpc_server *s, int stop_fd, int64_t drain_ms, err *e);
/** Accepts NULL. One that still runs is stopped without a grace. */
void rpc_server_free(rpc_server *s);

/* ---- client ---- */

typedef struct rpc_client rpc_client;

/** Connects with the first call. @param target `localhost:50051`, `unix:/path`  @return WEIR_E_CONFIG: it is no address; gRPC is not installed */
weir_rc rpc_client_open(rpc_client **ret, const char *target, log_sink *log, err *e);
/** Waits until the server answers, for as long as wait_ms. @param stop_fd readable: give up; -1: none  @return WEIR_E_TRANSIENT if it does not */
weir_rc rpc_client_wait(rpc_client *c, int64_t wait_ms, int stop_fd, err *e);
/** Begins a call. @param deadline_ms from now; 0: none  @param stop_fd readable: the call is cancelled; -1: none */
weir_rc rpc_start(rpc_client *c, const char *path, int64_t deadline_ms, int stop_fd, rpc_call **ret, err *e);
/** No more messages from this side. */
weir_rc rpc_send_end(rpc_call *c, err *e);
/** Waits for the status, and frees the call. WEIR_OK or the status as an error: `UNAVAILABLE: text`, code by rpc_rc_of(). Accepts NULL.
 *  @param e NULL: the status does not matter, WEIR_OK is returned */
weir_rc rpc_finish(rpc_call *c, err *e);
/** One request, one response. The request's bytes are taken over. */
weir_rc rpc_unary(rpc_client *c, const char *path, buf *request, buf *response, int64_t deadline_ms, int stop_fd, err *e);
void rpc_client_free(rpc_client *c);

#endif
