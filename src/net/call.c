#include "net/call.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------------------- batches -- */

void rpc_call_signal(rpc_call *c)
{
    if (!atomic_exchange(&c->cancelled, true))
        (void)!write(c->stop_fd, &(uint64_t){1}, sizeof(uint64_t));
}

/* A batch is back: notes what came of it, wakes who waits. The call may be gone when this returns. */
static void back(rpc_call *c, bool *flag, bool *failed, bool ok)
{
    pthread_mutex_lock(&c->lock);
    if (flag)
        *flag = false;
    if (failed && !ok)
        *failed = true;
    c->busy--;
    pthread_cond_broadcast(&c->turn);
    pthread_mutex_unlock(&c->lock);
}

static void sent(rpc_op *op, bool ok)
{
    rpc_call *c = op->owner;
    if (!ok && c->of_server)
        rpc_call_signal(c); /* the close may come later */
    back(c, &c->sending, &c->send_failed, ok);
}

static void received(rpc_op *op, bool ok)
{
    rpc_call *c = op->owner;
    back(c, &c->receiving, &c->receive_failed, ok);
}

static void closed(rpc_op *op, bool ok)
{
    (void)ok; /* this one always succeeds */
    rpc_call *c = op->owner;
    if (c->of_server ? c->aborted : c->status != GRPC_STATUS_OK)
        rpc_call_signal(c);
    back(c, NULL, NULL, true);
}

static void ended(rpc_op *op, bool ok)
{
    (void)ok;
    back(op->owner, NULL, NULL, true);
}

weir_rc rpc_call_init(rpc_call *c, rpc_line *line, bool of_server, err *e)
{
    *c = (rpc_call){.line = line, .of_server = of_server};
    c->send_op = (rpc_op){sent, c};
    c->receive_op = (rpc_op){received, c};
    c->close_op = (rpc_op){closed, c};
    c->end_op = (rpc_op){ended, c};
    c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->stop_fd < 0)
        return err_errno(e, errno, "begin a call");
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->turn, NULL);
    line->grpc.grpc_metadata_array_init(&c->headers);
    line->grpc.grpc_metadata_array_init(&c->trailers);
    return WEIR_OK;
}

static void drop_buffer(rpc_call *c, grpc_byte_buffer **b)
{
    if (*b)
        c->line->grpc.grpc_byte_buffer_destroy(*b);
    *b = NULL;
}

void rpc_call_destroy(rpc_call *c)
{
    const grpc_api *g = &c->line->grpc;
    drop_buffer(c, &c->outgoing);
    drop_buffer(c, &c->incoming);
    buf_free(&c->joined);
    g->grpc_metadata_array_destroy(&c->headers);
    g->grpc_metadata_array_destroy(&c->trailers);
    if (c->details_set)
        g->grpc_slice_unref(c->details);
    if (c->call)
        g->grpc_call_unref(c->call);
    close(c->stop_fd);
    pthread_cond_destroy(&c->turn);
    pthread_mutex_destroy(&c->lock);
}

bool rpc_call_begin(rpc_call *c, const grpc_op *ops, size_t count, rpc_op *op, bool *flag)
{
    pthread_mutex_lock(&c->lock);
    c->busy++;
    if (flag)
        *flag = true;
    pthread_mutex_unlock(&c->lock);
    bool begun = rpc_line_start(c->line, c->call, ops, count, op);
    if (!begun)
        back(c, flag, NULL, true);
    return begun;
}

/* Waits while *flag. */
static void wait_while(rpc_call *c, const bool *flag)
{
    pthread_mutex_lock(&c->lock);
    while (*flag)
        pthread_cond_wait(&c->turn, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

void rpc_call_settle(rpc_call *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->busy)
        pthread_cond_wait(&c->turn, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

/* ---------------------------------------------------------------------------------------------------------- cancellation -- */

int rpc_stop_fd(const rpc_call *c)
{
    return c->stop_fd;
}

bool rpc_cancelled(const rpc_call *c)
{
    return atomic_load(&c->cancelled);
}

void rpc_cancel(rpc_call *c)
{
    rpc_call_signal(c);
    c->line->grpc.grpc_call_cancel(c->call, NULL);
}

void rpc_set_code(rpc_call *c, rpc_code code)
{
    c->code = code;
}

/* --------------------------------------------------------------------------------------------------------------- sending -- */

void rpc_call_flush(rpc_call *c)
{
    wait_while(c, &c->sending);
    drop_buffer(c, &c->outgoing);
}

/* The bytes of the message belong to the slice from now on. */
static grpc_byte_buffer *wrap(rpc_call *c, buf *message)
{
    const grpc_api *g = &c->line->grpc;
    grpc_slice slice = g->grpc_slice_new_with_user_data(message->ptr, message->len, free, message->ptr);
    *message = (buf){.max = message->max};
    grpc_byte_buffer *b = g->grpc_raw_byte_buffer_create(&slice, 1); /* with a reference of its own */
    g->grpc_slice_unref(slice);
    return b;
}

weir_rc rpc_send(rpc_call *c, buf *message, bool more, err *e)
{
    if (!buf_ok(message))
        return err_nomem(e);
    rpc_call_flush(c);
    if (c->send_failed || c->ended || rpc_cancelled(c))
        return err_fail(e, WEIR_STOPPED, "the call was cancelled, or its peer is gone");
    c->outgoing = wrap(c, message);
    bool greet = c->of_server && !c->greeted;
    c->greeted = true;
    grpc_op ops[2] = {
        /* In one batch with the metadata the hint would hold back both, and the batch: nobody would ever send the next message. */
        {.op = GRPC_OP_SEND_MESSAGE, .flags = more && !greet ? GRPC_WRITE_BUFFER_HINT : 0, .data.send_message.send_message = c->outgoing},
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
    };
    return rpc_call_begin(c, ops, greet ? 2 : 1, &c->send_op, &c->sending) ? WEIR_OK : err_fail(e, WEIR_STOPPED, "the call is over");
}

/* ------------------------------------------------------------------------------------------------------------- receiving -- */

/* A message in one piece is lent out where it lies; in several it is joined. */
static weir_rc lend(rpc_call *c, weir_view *ret, err *e)
{
    const grpc_slice_buffer *pieces = &c->incoming->data.raw.slice_buffer;
    if (pieces->count == 1) {
        *ret = (weir_view){(const char *)GRPC_SLICE_START_PTR(pieces->slices[0]), GRPC_SLICE_LENGTH(pieces->slices[0])};
        return WEIR_OK;
    }
    size_t length = pieces->length;
    buf_clear(&c->joined);
    buf_reserve(&c->joined, length + 1);
    for (size_t i = 0; i < pieces->count; i++)
        buf_add(&c->joined, GRPC_SLICE_START_PTR(pieces->slices[i]), GRPC_SLICE_LENGTH(pieces->slices[i]));
    drop_buffer(c, &c->incoming);
    *ret = buf_view(&c->joined);
    return buf_ok(&c->joined) ? WEIR_OK : err_fail(e, WEIR_E_NOMEM, "a message of %zu bytes: out of memory", length);
}

/* Did what ended the messages end the call, too? */
static bool broke(rpc_call *c)
{
    return c->receive_failed || c->line->grpc.grpc_call_failed_before_recv_message(c->call);
}

weir_rc rpc_receive(rpc_call *c, weir_view *ret, err *e)
{
    drop_buffer(c, &c->incoming);
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &c->incoming};
    if (c->receive_failed || !rpc_call_begin(c, &op, 1, &c->receive_op, &c->receiving))
        return err_fail(e, WEIR_STOPPED, "the call is over");
    wait_while(c, &c->receiving);
    if (c->incoming)
        return lend(c, ret, e);
    if (c->of_server && broke(c))
        rpc_call_signal(c); /* the close may come later */
    return err_fail(e, WEIR_STOPPED, rpc_cancelled(c) ? "the call was cancelled, or its peer is gone" : "no more messages");
}
