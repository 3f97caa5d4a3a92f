/* A client: a channel, and calls on it. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/call.h"
#include "net/watch.h"

struct rpc_client {
    rpc_line line;
    grpc_channel *channel;
    rpc_watch watch;
};

/* --------------------------------------------------------------------------------------------------------------- channel -- */

static bool on_this_machine(const char *target)
{
    static const char *const local[] = {"unix:", "localhost:", "127.", "[::1]:"};
    bool found = false;
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        found |= strncmp(target, local[i], strlen(local[i])) == 0;
    return found;
}

static void make_channel(rpc_client *c, const char *target)
{
    const grpc_api *g = &c->line.grpc;
    grpc_arg args[] = {
        RPC_COMMON_ARGS,
        /* How far a peer may send ahead. Measured, gRPC makes that 60 MiB and more over loopback: memory without a use. Not measured it is 64 KiB, which
         * is too little only for who is far away. */
        rpc_number(GRPC_ARG_HTTP2_BDP_PROBE, !on_this_machine(target)),
        rpc_number(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        rpc_number(GRPC_ARG_ENABLE_RETRIES, 0), /* whoever calls knows what may be done twice */
        rpc_number(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
        rpc_number(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1), /* the connection ends with the client */
    };
    grpc_channel_credentials *plain = g->grpc_insecure_credentials_create();
    c->channel = g->grpc_channel_create(target, plain, &(grpc_channel_args){sizeof args / sizeof *args, args});
    g->grpc_channel_credentials_release(plain);
}

weir_rc rpc_client_open(rpc_client **ret, const char *target, log_sink *log, err *e)
{
    if (!strchr(target, ':'))
        return err_fail(e, WEIR_E_CONFIG, "connect to '%s': a server is HOST:PORT, [HOST]:PORT or unix:PATH", target);
    rpc_client *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(e);
    rpc_watch_init(&c->watch);
    weir_rc rc = rpc_line_open(&c->line, e);
    if (!rc)
        rc = rpc_line_pump(&c->line, e);
    if (rc) {
        if (c->line.queue)
            rpc_line_close(&c->line);
        rpc_watch_free(&c->watch);
        free(c);
        return err_wrap(e, rc, "connect to '%s'", target);
    }
    sigset_t before;
    rpc_signals_block(&before);
    make_channel(c, target);
    rpc_signals_restore(&before);
    log_line(log, WEIR_DEBUG, "calls go to %s, by gRPC %s", target, c->line.grpc.grpc_version_string());
    *ret = c;
    return WEIR_OK;
}

void rpc_client_free(rpc_client *c)
{
    if (!c)
        return;
    rpc_watch_free(&c->watch);
    c->line.grpc.grpc_channel_destroy(c->channel);
    rpc_line_stop_pump(&c->line);
    rpc_line_close(&c->line);
    free(c);
}

/* ------------------------------------------------------------------------------------------------------------ is it there -- */

typedef struct change {
    rpc_op op;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    bool back;
} change;

static void changed(rpc_op *op, bool ok)
{
    (void)ok;
    change *w = op->owner;
    pthread_mutex_lock(&w->lock);
    w->back = true;
    pthread_cond_signal(&w->turn);
    pthread_mutex_unlock(&w->lock);
}

enum { LOOK_MS = 50, AGAIN_MS = 10 };

/* Waits until the channel is in another state, but not for long. */
static void wait_change(rpc_client *c, grpc_connectivity_state state)
{
    change w = {.op = {changed, &w}, .lock = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER};
    rpc_op_give(&w.op);
    c->line.grpc.grpc_channel_watch_connectivity_state(c->channel, state, rpc_line_time(&c->line, LOOK_MS), c->line.queue, &w.op);
    pthread_mutex_lock(&w.lock);
    while (!w.back)
        pthread_cond_wait(&w.turn, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.turn);
    pthread_mutex_destroy(&w.lock);
}

static bool readable(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) > 0;
}

/* One look at the channel. @return whether the server answers */
static bool look(rpc_client *c)
{
    const grpc_api *g = &c->line.grpc;
    sigset_t before;
    rpc_signals_block(&before);
    grpc_connectivity_state state = g->grpc_channel_check_connectivity_state(c->channel, 1);
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
        readable(-1, AGAIN_MS); /* a server that is just being started */
        g->grpc_channel_reset_connect_backoff(c->channel);
    }
    if (state != GRPC_CHANNEL_READY)
        wait_change(c, state);
    rpc_signals_restore(&before);
    return state == GRPC_CHANNEL_READY;
}

weir_rc rpc_client_wait(rpc_client *c, int64_t wait_ms, int stop_fd, err *e)
{
    int64_t until = clock_ms() + wait_ms;
    while (!look(c)) {
        if (stop_fd >= 0 && readable(stop_fd, 0))
            return err_fail(e, WEIR_STOPPED, "stopped");
        if (clock_ms() >= until)
            return err_fail(e, WEIR_E_TRANSIENT, "the server does not answer within %lld ms", (long long)wait_ms);
    }
    return WEIR_OK;
}

/* ------------------------------------------------------------------------------------------------------------------ calls -- */

typedef struct calling {
    rpc_call call; /* first: rpc_call and calling are one */
    rpc_client *client;
    rpc_watched watched;
    bool over; /* no more messages come */
} calling;

/* The status is asked for at the beginning: it comes when all is over. */
static bool begin_call(calling *v)
{
    rpc_call *c = &v->call;
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
        {.op = GRPC_OP_RECV_INITIAL_METADATA, .data.recv_initial_metadata.recv_initial_metadata = &c->headers},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &c->trailers, .status = &c->status, .status_details = &c->details}},
    };
    return rpc_call_begin(c, ops, sizeof ops / sizeof *ops, &c->close_op, NULL);
}

static void make_call(calling *v, const char *path, int64_t deadline_ms)
{
    rpc_line *l = &v->client->line;
    grpc_slice method = l->grpc.grpc_slice_from_copied_buffer(path, strlen(path));
    sigset_t before;
    rpc_signals_block(&before);
    v->call.call = l->grpc.grpc_channel_create_call(v->client->channel, NULL, 0, l->queue, method, NULL, rpc_line_time(l, deadline_ms), NULL);
    v->call.details_set = begin_call(v);
    rpc_signals_restore(&before);
    l->grpc.grpc_slice_unref(method);
}

weir_rc rpc_start(rpc_client *c, const char *path, int64_t deadline_ms, int stop_fd, rpc_call **ret, err *e)
{
    calling *v = calloc(1, sizeof *v);
    if (!v)
        return err_nomem(e);
    weir_rc rc = rpc_call_init(&v->call, &c->line, false, e);
    if (rc) {
        free(v);
        return rc;
    }
    v->client = c;
    v->watched = (rpc_watched){&v->call, stop_fd, NULL};
    make_call(v, path, deadline_ms);
    if (stop_fd >= 0)
        rc = rpc_watch_add(&c->watch, &v->watched, e);
    if (rc) {
        rpc_cancel(&v->call);
        rpc_finish(&v->call, NULL);
        return rc;
    }
    *ret = &v->call;
    return WEIR_OK;
}

weir_rc rpc_send_end(rpc_call *c, err *e)
{
    rpc_call_flush(c);
    if (c->ended)
        return WEIR_OK;
    c->ended = true;
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    return rpc_call_begin(c, &op, 1, &c->end_op, NULL) ? WEIR_OK : err_fail(e, WEIR_STOPPED, "the call is over");
}

/* What comes is dropped. */
static void exhaust(rpc_call *c)
{
    err e = {0};
    weir_view dropped;
    while (!rpc_receive(c, &dropped, &e))
        ;
    err_free(&e);
}

static weir_rc status_error(rpc_call *c, err *e)
{
    if (c->status == GRPC_STATUS_OK)
        return WEIR_OK;
    size_t len = GRPC_SLICE_LENGTH(c->details);
    return err_fail(e, rpc_rc_of((int)c->status), "%s%s%.*s", rpc_code_name((int)c->status), len ? ": " : "", (int)len, (const char *)GRPC_SLICE_START_PTR(c->details));
}

weir_rc rpc_finish(rpc_call *c, err *e)
{
    if (!c)
        return WEIR_OK;
    calling *v = (calling *)c;
    err dropped = {0};
    rpc_send_end(c, &dropped);
    exhaust(c);
    rpc_call_settle(c);
    rpc_watch_remove(&v->client->watch, &v->watched);
    weir_rc rc = e ? status_error(c, e) : WEIR_OK;
    rpc_call_destroy(c);
    err_free(&dropped);
    free(v);
    return rc;
}

static weir_rc copy_response(rpc_call *c, buf *response, err *e)
{
    weir_view message;
    weir_rc rc = rpc_receive(c, &message, e);
    if (rc)
        return rc;
    buf_clear(response);
    buf_addv(response, message);
    return buf_ok(response) ? WEIR_OK : err_nomem(e);
}

weir_rc rpc_unary(rpc_client *c, const char *path, buf *request, buf *response, int64_t deadline_ms, int stop_fd, err *e)
{
    rpc_call *call;
    weir_rc rc = rpc_start(c, path, deadline_ms, stop_fd, &call, e);
    if (rc)
        return err_wrap(e, rc, "%s", path);
    err inner = {0};
    rc = rpc_send(call, request, true, &inner);
    if (!rc)
        rc = rpc_send_end(call, &inner);
    if (!rc)
        rc = copy_response(call, response, &inner);
    bool ours = rc && rc != WEIR_STOPPED; /* not a matter of the peer */
    if (ours)
        rpc_cancel(call);
    weir_rc status = rpc_finish(call, ours ? NULL : e);
    if (ours)
        rc = err_move(e, &inner);
    else if (!status && rc)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the call ended without a response");
    else
        rc = status;
    err_free(&inner);
    return rc ? err_wrap(e, rc, "%s", path) : WEIR_OK;
}
