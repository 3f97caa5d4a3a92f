/* call.h - inside of a call, for both sides: its batches, and who waits for them.
 *
 * Its batches are four at most, one of a kind: a message that is sent, one that is received, the close (how the call ended, begun first), and the
 * end (of what this side says). `busy` counts those gRPC has; the call is freed when it is 0 (fivetran.md 4.3).
 */
#ifndef WEIR_NET_CALL_H
#define WEIR_NET_CALL_H

#include <stdatomic.h>

#include "net/line.h"

struct rpc_call {
    rpc_line *line;
    grpc_call *call;
    bool of_server;

    pthread_mutex_t lock; /* of what the pump writes: everything down to `cancelled` */
    pthread_cond_t turn;  /* a batch has come back */
    size_t busy;
    bool sending, send_failed;
    bool receiving, receive_failed;
    int stop_fd; /* an eventfd, written once */
    atomic_bool cancelled;

    rpc_op send_op, receive_op, close_op, end_op;

    /* Of the thread that sends. */
    bool greeted; /* a server's initial metadata went out */
    bool ended;   /* a client's close, or a server's status */
    grpc_byte_buffer *outgoing;
    /* Of the thread that receives. */
    grpc_byte_buffer *incoming; /* written by gRPC while receiving; then what rpc_receive() has lent out */
    buf joined;                 /* of a message that came in pieces */

    /* What the close is. */
    int aborted;                        /* a server's */
    grpc_metadata_array headers, trailers; /* a client's, as is the rest */
    grpc_status_code status;
    grpc_slice details;
    bool details_set;

    rpc_code code; /* a server's, if set by rpc_set_code(); RPC_OK otherwise */
};

/** Everything but `call`. */
weir_rc rpc_call_init(rpc_call *c, rpc_line *line, bool of_server, err *e);
/** Not before everything is back. */
void rpc_call_destroy(rpc_call *c);
/** Begins a batch of one kind. @return false if gRPC does not take it, for the call is over */
bool rpc_call_begin(rpc_call *c, const grpc_op *ops, size_t count, rpc_op *op, bool *ret_flag);
/** Waits until gRPC has nothing of this call any more. */
void rpc_call_settle(rpc_call *c);
/** Waits until the message on its way was taken. */
void rpc_call_flush(rpc_call *c);
/** Makes rpc_stop_fd() readable. */
void rpc_call_signal(rpc_call *c);

#endif
