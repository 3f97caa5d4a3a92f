#include "net/line.h"

#include <stdlib.h>

void rpc_signals_block(sigset_t *ret_before)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

void rpc_signals_restore(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* gRPC writes lines of its own to stderr, which is for records; what they tell comes back as errors, too. GRPC_VERBOSITY brings them back. */
static void say_nothing(gpr_log_func_args *args)
{
    (void)args;
}

weir_rc rpc_line_open(rpc_line *l, err *e)
{
    weir_rc rc = grpc_api_load(&l->grpc, e);
    if (rc)
        return rc;
    if (!getenv("GRPC_VERBOSITY"))
        l->grpc.gpr_set_log_function(say_nothing);
    sigset_t before;
    rpc_signals_block(&before);
    l->grpc.grpc_init();
    l->queue = l->grpc.grpc_completion_queue_create_for_next(NULL);
    rpc_signals_restore(&before);
    return WEIR_OK;
}

static void take(void *tag, bool ok)
{
    rpc_op *op = tag;
    rpc_op_take(op);
    op->done(op, ok);
}

static void *pump(void *arg)
{
    rpc_line *l = arg;
    gpr_timespec never = l->grpc.gpr_inf_future(GPR_CLOCK_MONOTONIC);
    for (grpc_event event; (event = l->grpc.grpc_completion_queue_next(l->queue, never, NULL)).type != GRPC_QUEUE_SHUTDOWN;)
        take(event.tag, event.success);
    return NULL;
}

weir_rc rpc_line_pump(rpc_line *l, err *e)
{
    sigset_t before;
    rpc_signals_block(&before);
    int failed = pthread_create(&l->pump, NULL, pump, l);
    rpc_signals_restore(&before);
    return failed ? err_errno(e, failed, "start a thread") : WEIR_OK;
}

void rpc_line_stop_pump(rpc_line *l)
{
    l->grpc.grpc_completion_queue_shutdown(l->queue);
    pthread_join(l->pump, NULL);
}

void rpc_line_close(rpc_line *l)
{
    l->grpc.grpc_completion_queue_shutdown(l->queue); /* may be done twice */
    l->grpc.grpc_completion_queue_destroy(l->queue);
    l->grpc.grpc_shutdown_blocking();
}

bool rpc_line_start(rpc_line *l, grpc_call *call, const grpc_op *ops, size_t count, rpc_op *op)
{
    rpc_op_give(op);
    l->grpc.grpc_completion_queue_thread_local_cache_init(l->queue);
    bool begun = l->grpc.grpc_call_start_batch(call, ops, count, op, NULL) == GRPC_CALL_OK;
    void *tag;
    int ok;
    if (l->grpc.grpc_completion_queue_thread_local_cache_flush(l->queue, &tag, &ok))
        take(tag, ok); /* ours, or one of another call that came by */
    return begun;
}

gpr_timespec rpc_line_time(const rpc_line *l, int64_t ms)
{
    return ms ? l->grpc.gpr_time_add(l->grpc.gpr_now(GPR_CLOCK_MONOTONIC), l->grpc.gpr_time_from_millis(ms, GPR_TIMESPAN))
              : l->grpc.gpr_inf_future(GPR_CLOCK_MONOTONIC);
}
