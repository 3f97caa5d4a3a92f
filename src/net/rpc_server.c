/* A server: listens, gives every call a thread, and ends in order (fivetran.md 4.3). */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/listen.h"
#include "net/server.h"

/* ----------------------------------------------------------------------------------------------------------------- calls -- */

struct rpc_serving {
    rpc_call call;
    rpc_server *server;
    const rpc_method *method;
    pthread_t thread;
    rpc_serving *next;
};

/* How many bytes of an error's text become grpc-message: those that take RPC_STATUS_TEXT as they travel, where all but printable ASCII
 * takes three, cut between characters. */
static size_t status_length(weir_view text)
{
    size_t taken = 0, whole = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c & 0xc0) != 0x80)
            whole = i;
        taken += c >= 0x20 && c < 0x7f && c != '%' ? 1 : 3;
        if (taken > RPC_STATUS_TEXT)
            return whole;
    }
    return text.len;
}

static void send_status(rpc_call *c, rpc_code code, weir_view text)
{
    const grpc_api *g = &c->line->grpc;
    grpc_slice details = g->grpc_slice_from_copied_buffer(text.ptr, status_length(text));
    grpc_op ops[2] = {
        {.op = GRPC_OP_SEND_STATUS_FROM_SERVER,
         .data.send_status_from_server = {.status = (grpc_status_code)code, .status_details = text.len ? &details : NULL}},
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
    };
    rpc_call_begin(c, ops, c->greeted ? 1 : 2, &c->end_op, NULL);
    g->grpc_slice_unref(details);
}

static rpc_code code_of(const rpc_call *c, weir_rc rc)
{
    return rc && c->code != RPC_OK ? c->code : rpc_code_of(rc);
}

/* Says how the call went, and waits until gRPC has nothing of it any more. */
static void end_call(rpc_call *c, weir_rc rc, err *e)
{
    rpc_call_flush(c);
    send_status(c, code_of(c, rc), rc ? (weir_view){err_text(e), strlen(err_text(e))} : (weir_view){"", 0});
    rpc_call_settle(c);
}

static void begin_close(rpc_call *c)
{
    grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER, .data.recv_close_on_server.cancelled = &c->aborted};
    rpc_call_begin(c, &op, 1, &c->close_op, NULL);
}

static void *serve(void *arg)
{
    rpc_serving *v = arg;
    rpc_server *s = v->server;
    err e = {0};
    begin_close(&v->call);
    weir_rc rc = v->method->handle(&v->call, v->method->context ? v->method->context : s, &e);
    end_call(&v->call, rc, &e);
    log_line(s->options.log, WEIR_DEBUG, "%s: %s%s%s", v->method->path, rpc_code_name(code_of(&v->call, rc)),
        rc ? ": " : "", rc ? err_text(&e) : "");
    err_free(&e);
    pthread_mutex_lock(&s->lock);
    v->next = s->ended;
    s->ended = v;
    s->live--;
    pthread_cond_broadcast(&s->turn);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Joins the threads of calls that have ended. */
static void reap(rpc_server *s)
{
    pthread_mutex_lock(&s->lock);
    rpc_serving *v = s->ended;
    s->ended = NULL;
    pthread_mutex_unlock(&s->lock);
    for (rpc_serving *next; v; v = next) {
        next = v->next;
        pthread_join(v->thread, NULL);
        rpc_call_destroy(&v->call);
        free(v);
    }
}

/* ------------------------------------------------------------------------------------------------------------ the next one -- */

static const rpc_method *find_in(const rpc_method *methods, weir_view path)
{
    for (const rpc_method *m = methods; m->path; m++)
        if (view_is(path, m->path))
            return m;
    return NULL;
}

static const rpc_method *find_method(const rpc_server *s, grpc_slice path)
{
    weir_view v = {(const char *)GRPC_SLICE_START_PTR(path), GRPC_SLICE_LENGTH(path)};
    const rpc_method *const tables[] = {s->options.methods, rpc_reflection_methods, rpc_health_methods};
    const rpc_method *found = NULL;
    for (size_t i = 0; i < sizeof tables / sizeof *tables && !found; i++)
        found = find_in(tables[i], v);
    return found;
}

/* A call that gets no handler: all it sees is a status, in one batch. */
typedef struct refusal {
    rpc_op op;
    rpc_server *server;
    grpc_call *call;
    int aborted;
} refusal;

static void count_live(rpc_server *s, bool more)
{
    pthread_mutex_lock(&s->lock);
    s->live += more ? 1 : (size_t)-1;
    pthread_cond_broadcast(&s->turn);
    pthread_mutex_unlock(&s->lock);
}

static void refused(rpc_op *op, bool ok)
{
    (void)ok;
    refusal *r = op->owner;
    rpc_server *s = r->server;
    s->line.grpc.grpc_call_unref(r->call);
    free(r);
    count_live(s, false);
}

static void refuse(rpc_server *s, grpc_call *call, rpc_code code, const char *why)
{
    const grpc_api *g = &s->line.grpc;
    refusal *r = malloc(sizeof *r);
    if (!r) {
        g->grpc_call_cancel(call, NULL);
        g->grpc_call_unref(call);
        return;
    }
    *r = (refusal){{refused, r}, s, call, 0};
    grpc_slice details = g->grpc_slice_from_static_string(why);
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
        {.op = GRPC_OP_SEND_STATUS_FROM_SERVER, .data.send_status_from_server = {.status = (grpc_status_code)code, .status_details = &details}},
        {.op = GRPC_OP_RECV_CLOSE_ON_SERVER, .data.recv_close_on_server.cancelled = &r->aborted},
    };
    count_live(s, true);
    if (!rpc_line_start(&s->line, call, ops, sizeof ops / sizeof *ops, &r->op))
        refused(&r->op, false);
}

/* @return false if there is no memory, no descriptor or no thread for it; the call is then still the caller's */
static bool start_serving(rpc_server *s, const rpc_method *method, grpc_call *call)
{
    err e = {0};
    rpc_serving *v = calloc(1, sizeof *v);
    bool made = v && !rpc_call_init(&v->call, &s->line, true, &e);
    if (made) {
        v->server = s;
        v->method = method;
        v->call.call = call;
        count_live(s, true);
        if (!pthread_create(&v->thread, NULL, serve, v))
            return true;
        count_live(s, false);
        v->call.call = NULL;
        rpc_call_destroy(&v->call);
    }
    free(v);
    err_free(&e);
    return false;
}

static void accept_call(rpc_server *s, grpc_call *call, grpc_slice path)
{
    const rpc_method *method = find_method(s, path);
    if (!method)
        refuse(s, call, RPC_UNIMPLEMENTED, "no such method");
    else if (!start_serving(s, method, call))
        refuse(s, call, RPC_RESOURCE_EXHAUSTED, "no memory, descriptor or thread for another call");
}

static void request_call(rpc_server *s)
{
    const grpc_api *g = &s->line.grpc;
    pthread_mutex_lock(&s->lock);
    bool request = !s->stopping;
    s->requesting = request;
    pthread_cond_broadcast(&s->turn);
    pthread_mutex_unlock(&s->lock);
    if (!request)
        return;
    rpc_op_give(&s->request_op); /* should the server be stopped just now, it comes back as failed */
    g->grpc_server_request_call(s->server, &s->next_call, &s->details, &s->metadata, s->line.queue, s->line.queue, &s->request_op);
}

static void requested(rpc_op *op, bool ok)
{
    rpc_server *s = op->owner;
    const grpc_api *g = &s->line.grpc;
    reap(s);
    if (ok) {
        accept_call(s, s->next_call, s->details.method);
        g->grpc_slice_unref(s->details.method);
        g->grpc_slice_unref(s->details.host);
        s->metadata.count = 0;
    }
    request_call(s);
}

/* ----------------------------------------------------------------------------------------------------------------- ending -- */

static void stopped(rpc_op *op, bool ok)
{
    (void)ok;
    rpc_server *s = op->owner;
    pthread_mutex_lock(&s->lock);
    s->stopped = true;
    pthread_cond_broadcast(&s->turn);
    pthread_mutex_unlock(&s->lock);
}

static bool calls_left(const rpc_server *s)
{
    return s->live || s->requesting;
}

static bool anything_left(const rpc_server *s)
{
    return calls_left(s) || !s->stopped;
}

/* Waits while something is left, but not beyond until_ms (0: for ever). @return false if it was too long */
static bool wait_while(rpc_server *s, bool (*left)(const rpc_server *), int64_t until_ms)
{
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    int late = 0;
    pthread_mutex_lock(&s->lock);
    while (left(s) && !late)
        late = until_ms ? pthread_cond_timedwait(&s->turn, &s->lock, &until) : pthread_cond_wait(&s->turn, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return !late;
}

enum { CLOSE_MS = 500 /* what connections get to close in when no call is left */ };

/* The calls have the grace; what gRPC still holds on to after them has not. (A call that arrives just when the server stops is neither given to us nor
 * refused by gRPC 1.51: it waits in there until it is cancelled.) */
static bool ends_by_itself(rpc_server *s, int64_t drain_ms)
{
    return wait_while(s, calls_left, clock_ms() + drain_ms) && wait_while(s, anything_left, clock_ms() + CLOSE_MS);
}

static void drain(rpc_server *s, int64_t drain_ms)
{
    const grpc_api *g = &s->line.grpc;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->lock);
    (void)!write(s->stopping_fd, &(uint64_t){1}, sizeof(uint64_t));
    rpc_op_give(&s->stopped_op);
    g->grpc_server_shutdown_and_notify(s->server, s->line.queue, &s->stopped_op);
    if (!ends_by_itself(s, drain_ms)) {
        g->grpc_server_cancel_all_calls(s->server);
        wait_while(s, anything_left, 0);
    }
    reap(s);
    rpc_line_stop_pump(&s->line);
    s->listening = false;
}

weir_rc rpc_server_run(rpc_server *s, int stop_fd, int64_t drain_ms, err *e)
{
    struct pollfd p = {.fd = stop_fd, .events = POLLIN};
    while (poll(&p, 1, -1) < 0)
        if (errno != EINTR)
            return err_errno(e, errno, "wait for the end");
    drain(s, drain_ms);
    return WEIR_OK;
}

/* -------------------------------------------------------------------------------------------------------------- beginning -- */

static void make_server(rpc_server *s)
{
    const grpc_api *g = &s->line.grpc;
    grpc_arg args[] = {
        RPC_COMMON_ARGS,
        rpc_number(GRPC_ARG_ALLOW_REUSEPORT, 0), /* two servers on one port would share it (fivetran.md 4.3) */
        rpc_number(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1), /* clients may ask as often as they like whether we are there */
        rpc_number(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0),
        rpc_number(GRPC_ARG_MAX_CONCURRENT_STREAMS, RPC_CALLS_MAX),
    };
    s->server = g->grpc_server_create(&(grpc_channel_args){sizeof args / sizeof *args, args}, NULL);
    g->grpc_server_register_completion_queue(s->server, s->line.queue, NULL);
}

static weir_rc listen_on(rpc_server *s, err *e)
{
    const grpc_api *g = &s->line.grpc;
    const char *address = s->options.listen;
    grpc_server_credentials *plain = g->grpc_insecure_server_credentials_create();
    int port = g->grpc_server_add_http2_port(s->server, address, plain);
    g->grpc_server_credentials_release(plain);
    s->port = rpc_listen_has_port(address) ? port : 0;
    return port ? WEIR_OK : rpc_listen_reason(address, e);
}

/* A server that never started: gRPC wants the same order. */
static void undo_server(rpc_server *s)
{
    const grpc_api *g = &s->line.grpc;
    g->grpc_server_shutdown_and_notify(s->server, s->line.queue, &s->stopped_op);
    g->grpc_completion_queue_next(s->line.queue, rpc_line_time(&s->line, 0), NULL);
}

static weir_rc begin(rpc_server *s, err *e)
{
    make_server(s);
    weir_rc rc = listen_on(s, e);
    if (!rc) {
        s->line.grpc.grpc_server_start(s->server);
        rc = rpc_line_pump(&s->line, e);
    }
    if (rc) {
        undo_server(s);
        return rc;
    }
    s->listening = true;
    request_call(s);
    return WEIR_OK;
}

static weir_rc init(rpc_server *s, const rpc_server_options *o, err *e)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    *s = (rpc_server){.options = *o, .request_op = {requested, s}, .stopped_op = {stopped, s}};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->turn, &monotonic);
    pthread_condattr_destroy(&monotonic);
    s->stopping_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return s->stopping_fd < 0 ? err_errno(e, errno, "make a server") : rpc_line_open(&s->line, e);
}

weir_rc rpc_server_start(rpc_server **ret, const rpc_server_options *o, err *e)
{
    rpc_server *s = malloc(sizeof *s);
    if (!s)
        return err_nomem(e);
    weir_rc rc = init(s, o, e);
    if (!rc)
        rc = rpc_listen_check(o->listen, e);
    if (!rc) {
        sigset_t before;
        rpc_signals_block(&before);
        s->line.grpc.grpc_call_details_init(&s->details);
        s->line.grpc.grpc_metadata_array_init(&s->metadata);
        rc = begin(s, e);
        rpc_signals_restore(&before);
    }
    if (rc)
        rpc_server_free(s);
    else
        *ret = s;
    return rc;
}

int rpc_server_port(const rpc_server *s)
{
    return s->port;
}

void rpc_server_free(rpc_server *s)
{
    if (!s)
        return;
    if (s->listening)
        drain(s, 0);
    if (s->server) {
        s->line.grpc.grpc_server_destroy(s->server);
        s->line.grpc.grpc_metadata_array_destroy(&s->metadata);
    }
    if (s->line.queue)
        rpc_line_close(&s->line);
    if (s->stopping_fd >= 0)
        close(s->stopping_fd);
    pthread_cond_destroy(&s->turn);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
