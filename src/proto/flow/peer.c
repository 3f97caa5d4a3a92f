#include "proto/flow/peer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

struct flow_peer {
    child *c;
    flow_stream in;
    flow_codec codec;
    flow_direction request, response;
    uint64_t sent, taken; /* bytes: to it, and of these it has read */
    int64_t taken_ms;     /* when that was seen */
};

/* ---- start ---- */

weir_rc peer_start(flow_peer **ret, const drive_options *o, int stop_fd, err *e)
{
    /* Its log is read by us, whatever our own looks like. */
    const char *const env[] = {"LOG_FORMAT=json", o->protobuf ? "FLOW_RUNTIME_CODEC=proto" : NULL, NULL};
    flow_peer *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(e);
    p->codec = o->protobuf ? FLOW_PROTOBUF : FLOW_JSON;
    p->request = o->derivation ? FLOW_DERIVE_REQUEST : o->destination ? FLOW_MATERIALIZE_REQUEST : FLOW_REQUEST;
    p->response = o->derivation ? FLOW_DERIVE_RESPONSE : o->destination ? FLOW_MATERIALIZE_RESPONSE : FLOW_RESPONSE;
    weir_rc rc = child_start(&p->c, &(child_options){.argv = o->argv, .env = o->env, .more_env = env, .o = o, .stop_fd = stop_fd}, e);
    if (!rc)
        rc = flow_stream_init(&p->in, child_output(p->c), o->protobuf ? "proto" : "json", "the connector's output", e);
    if (rc)
        peer_free(p);
    else
        *ret = p;
    return rc;
}

/* ---- requests ---- */

/* Has it left unread for PEER_ACK_MS what was sent before? The pipe has room for very many acknowledgements: writing would not tell. */
static bool is_deaf(flow_peer *p)
{
    size_t unread = child_unread(p->c);
    if (!unread || p->sent - unread > p->taken) {
        p->taken = p->sent - unread;
        p->taken_ms = clock_ms();
    }
    return unread && clock_ms() - p->taken_ms >= PEER_ACK_MS;
}

weir_rc peer_acknowledge(flow_peer *p, size_t count, err *e)
{
    char body[40];
    if (child_deaf(p->c))
        return WEIR_OK;
    if (is_deaf(p))
        return err_fail(e, WEIR_E_PROTOCOL, "the connector asked for acknowledgements, but has not read its input for %d s",
                        PEER_ACK_MS / 1000);
    snprintf(body, sizeof body, "{\"checkpoints\":%zu}", count);
    weir_rc rc = peer_send(p, FLOW_ACKNOWLEDGE, view_of(body), e);
    if (!rc || !child_deaf(p->c))
        return rc;
    err_clear(e); /* it may end without reading what we say last (flow.md 1.7) */
    return WEIR_OK;
}

weir_rc peer_send(flow_peer *p, flow_kind kind, weir_view body, err *e)
{
    buf out = {0};
    weir_rc rc = flow_write(p->codec, p->request, kind, body, &out, e);
    if (!rc)
        rc = child_write(p->c, buf_view(&out), PEER_ACK_MS, e);
    if (!rc)
        p->sent += out.len;
    buf_wipe(&out); /* it may hold credentials */
    return rc ? err_wrap(e, rc, "send '%s'", flow_kind_name(kind)) : rc;
}

/* ---- responses ---- */

/* Waits until a whole message is there, or its output ends.
 * @param until clock_ms() after which it is too late; 0: never  @return false: too late, or an error */
static bool await(flow_peer *p, int64_t until, err *e)
{
    bool more = true;
    while (more && !flow_stream_ready(&p->in)) {
        child_news news = child_await(p->c, until);
        if (news == CHILD_LATE || (news == CHILD_READABLE && flow_stream_fill(&p->in, &more, e)))
            return false;
        if (news == CHILD_GONE) {
            flow_stream_cut(&p->in);
            more = false;
        }
    }
    if (flow_stream_ended(&p->in))
        child_output_ended(p->c);
    return true;
}

weir_rc peer_receive(flow_peer *p, flow_message *ret, bool *ret_more, err *e)
{
    weir_rc rc = await(p, 0, e) ? flow_stream_next(&p->in, p->response, ret, ret_more, e) : e->rc;
    if ((rc || !*ret_more) && child_stopped(p->c))
        return err_fail(e, WEIR_STOPPED, "stopped");
    return rc;
}

weir_rc peer_ask(flow_peer *p, flow_kind request, weir_view body, flow_kind answer, flow_message *ret, err *e)
{
    bool more = false;
    weir_rc rc = peer_send(p, request, body, e);
    if (rc && child_deaf(p->c)) { /* what it says, or how it ends, tells more than that it does not listen */
        err_clear(e);
        rc = WEIR_OK;
    }
    if (!rc)
        rc = peer_receive(p, ret, &more, e);
    if (!rc && !more)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the connector ended without an answer to '%s'", flow_kind_name(request));
    if (!rc && ret->kind != answer)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the connector answered '%s' with '%s'", flow_kind_name(request), flow_kind_name(ret->kind));
    if (rc && child_stopped(p->c))
        rc = err_fail(e, WEIR_STOPPED, "stopped");
    return peer_explain(p, rc, e);
}

/* ---- requests and responses at the same time ---- */

flow_codec peer_codec(const flow_peer *p) { return p->codec; }

static weir_rc ended_early(flow_peer *p, err *e)
{
    return child_stopped(p->c) ? err_fail(e, WEIR_STOPPED, "stopped") : err_fail(e, WEIR_E_PROTOCOL, "the connector has ended its output");
}

/* Takes every whole message that is there. */
static weir_rc take_ready(flow_peer *p, weir_rc (*take)(void *arg, const flow_message *m, err *e), void *arg, err *e)
{
    weir_rc rc = WEIR_OK;
    while (!rc && flow_stream_ready(&p->in)) {
        flow_message m;
        bool more = true;
        rc = flow_stream_next(&p->in, p->response, &m, &more, e);
        if (!rc && more)
            rc = take(arg, &m, e);
    }
    return rc;
}

weir_rc peer_stream(flow_peer *p, weir_view requests, weir_rc (*take)(void *arg, const flow_message *m, err *e), void *arg, err *e)
{
    weir_rc rc = WEIR_OK;
    p->sent += requests.len;
    for (;;) {
        bool readable = false, gone = false, more = true;
        rc = child_stopped(p->c) ? ended_early(p, e) : child_write_some(p->c, &requests, e);
        if (rc || !requests.len)
            break;
        child_await_room(p->c, &readable, &gone);
        if (readable)
            rc = flow_stream_fill(&p->in, &more, e);
        if (!rc)
            rc = take_ready(p, take, arg, e);
        if (!rc && (gone || !more)) {
            child_output_ended(p->c);
            rc = ended_early(p, e);
        }
        if (rc)
            break;
    }
    return peer_explain(p, rc, e);
}

weir_rc peer_stream_until(flow_peer *p, weir_view requests, flow_kind last, weir_rc (*take)(void *arg, const flow_message *m, err *e), void *arg,
                          flow_message *ret, err *e)
{
    weir_rc rc = peer_stream(p, requests, take, arg, e);
    while (!rc) {
        bool more = false;
        rc = peer_receive(p, ret, &more, e);
        if (!rc && !more)
            rc = ended_early(p, e);
        if (rc || ret->kind == last)
            break;
        rc = take(arg, ret, e);
    }
    return peer_explain(p, rc, e);
}

/* ---- the end ---- */

weir_rc peer_explain(flow_peer *p, weir_rc rc, err *e) { return child_explain(p->c, rc, e); }
weir_rc peer_finish(flow_peer *p, err *e) { return child_finish(p->c, NULL, e); }

weir_rc peer_conclude(flow_peer *p, err *e)
{
    flow_message m;
    bool more = false;
    child_close_input(p->c);
    weir_rc rc = WEIR_OK;
    if (await(p, clock_ms() + CHILD_EXIT_MS, e))
        rc = peer_receive(p, &m, &more, e);
    else
        rc = e->rc ? e->rc
                   : err_fail(e, WEIR_E_PROTOCOL, "the connector has not exited within %d s after the end of its input: it was killed",
                              CHILD_EXIT_MS / 1000);
    if (!rc && more)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the connector went on with '%s' after its answer", flow_kind_name(m.kind));
    return rc ? peer_explain(p, rc, e) : peer_finish(p, e);
}

void peer_free(flow_peer *p)
{
    if (!p)
        return;
    child_free(p->c);
    flow_stream_free(&p->in);
    free(p);
}
