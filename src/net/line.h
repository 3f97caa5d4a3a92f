/* line.h - what servers and clients have in common: gRPC, loaded; a completion queue; a thread that takes events from it (the pump).
 *
 * Every event has an rpc_op as its tag, whose function is called with it. A batch that completes while it is started, which is the usual case
 * as long as the peer keeps up, is not handed to the pump and back: the event is caught on the thread that started it.
 */
#ifndef WEIR_NET_LINE_H
#define WEIR_NET_LINE_H

#include <pthread.h>
#include <signal.h>

#include "net/grpc_api.h"
#include "net/rpc.h"

typedef struct rpc_op {
    void (*done)(struct rpc_op *op, bool ok); /* on the pump, or on any thread that is starting something: never waits, never frees the line */
    void *owner;
} rpc_op;

/* An op goes from thread to thread through gRPC's queue, which ThreadSanitizer does not see into: these tell it. */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *);
void __tsan_release(void *);
static inline void rpc_op_give(rpc_op *op) { __tsan_release(op); }
static inline void rpc_op_take(rpc_op *op) { __tsan_acquire(op); }
#else
static inline void rpc_op_give(rpc_op *op) { (void)op; }
static inline void rpc_op_take(rpc_op *op) { (void)op; }
#endif

typedef struct rpc_line {
    grpc_api grpc;
    grpc_completion_queue *queue;
    pthread_t pump;
} rpc_line;

/** Loads gRPC and makes the queue; no thread of ours yet. */
weir_rc rpc_line_open(rpc_line *l, err *e);
/** Events are taken from now on. */
weir_rc rpc_line_pump(rpc_line *l, err *e);
/** Every op must have been seen: a batch that begins after this ends the process (fivetran.md 4.3). The pump is joined. */
void rpc_line_stop_pump(rpc_line *l);
/** After that, and after what uses the queue has been destroyed. */
void rpc_line_close(rpc_line *l);

/** Begins a batch. op->done comes exactly once if true is returned, never otherwise; it may come before this returns. Call it without locks. */
bool rpc_line_start(rpc_line *l, grpc_call *call, const grpc_op *ops, size_t count, rpc_op *op);

/** A moment from now, as gRPC wants it; 0: never. */
gpr_timespec rpc_line_time(const rpc_line *l, int64_t ms);

static inline grpc_arg rpc_number(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

/* A peer may send 4 MiB ahead of whoever receives: fixed, for gRPC's own measuring makes that 60 MiB and more over loopback, which is memory without a use.
 * Reading in pieces that malloc() keeps beats the default of up to 4 MiB, which are mapped anew each time. */
#define RPC_COMMON_ARGS \
    rpc_number(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, RPC_MESSAGE_MAX), rpc_number(GRPC_ARG_MAX_METADATA_SIZE, 64 << 10), \
    rpc_number(GRPC_ARG_HTTP2_BDP_PROBE, 0), rpc_number(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 4 << 20), \
    rpc_number(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, 256 << 10)

/** Threads that gRPC or we start inherit the caller's signals: none is to reach them, for whoever waits for SIGTERM is another. */
void rpc_signals_block(sigset_t *ret_before);
void rpc_signals_restore(const sigset_t *before);

#endif
