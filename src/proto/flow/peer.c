#include "proto/flow/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "proto/flow/words.h"

struct flow_peer {
    proc p;
    flow_stream in;
    flow_codec codec;
    log_sink *log;
    pthread_t pump;
    bool pumping;
    int stop_fd;
    int quit;             /* eventfd: the pump shall end */
    atomic_bool stopped;  /* it was told to stop from outside */
    words words;          /* its stderr */
};

/* Tells the process to end, and makes sure; the pump does this, so that a reader waiting for its output wakes up. */
static void terminate(flow_peer *p)
{
    atomic_store(&p->stopped, true);
    proc_signal(&p->p, 15);
}

/* Takes stderr apart until it ends; watches for the order to stop meanwhile. */
static void *pump(void *arg)
{
    flow_peer *p = arg;
    enum { LOG, STOP, QUIT, FDS };
    struct pollfd fds[FDS] = {{p->p.log, POLLIN, 0}, {p->stop_fd, POLLIN, 0}, {p->quit, POLLIN, 0}};
    int64_t kill_at = 0;
    while (fds[LOG].fd >= 0) {
        int64_t left = kill_at - clock_ms();
        if (poll(fds, FDS, kill_at ? (left > 0 ? (int)left : 0) : -1) < 0 && errno != EINTR)
            break;
        if (kill_at && clock_ms() >= kill_at) {
            proc_signal(&p->p, 9);
            kill_at = 0;
        }
        if (fds[LOG].revents && !words_read(&p->words, p->p.log))
            fds[LOG].fd = -1;
        if (fds[STOP].revents) {
            fds[STOP].fd = -1;
            terminate(p);
            kill_at = clock_ms() + PEER_TERM_MS;
        }
        if (fds[QUIT].revents && !fds[LOG].revents)
            break; /* it is dead and has said all; a grandchild may hold the pipe open */
    }
    words_end(&p->words);
    return NULL;
}

static const char **environment(const drive_options *o, arena *a)
{
    size_t n = 0;
    while (o->env && o->env[n])
        n++;
    const char **env = arena_array(a, n + 3, sizeof *env);
    if (!env)
        return NULL;
    size_t k = 0;
    if (o->log_level)
        env[k++] = arena_printf(a, "LOG_LEVEL=%s", log_level_name(o->log_level)).ptr;
    if (o->protobuf)
        env[k++] = "FLOW_RUNTIME_CODEC=proto";
    for (size_t i = 0; i < n; i++)
        env[k++] = o->env[i];
    return a->failed ? NULL : env;
}

static weir_rc start_pump(flow_peer *p, err *e)
{
    p->quit = eventfd(0, EFD_CLOEXEC);
    int failure = p->quit < 0 ? errno : pthread_create(&p->pump, NULL, pump, p);
    if (failure)
        return err_errno(e, failure, "cannot start a thread");
    p->pumping = true;
    return WEIR_OK;
}

weir_rc peer_start(flow_peer **ret, const drive_options *o, int stop_fd, err *e)
{
    flow_peer *p = calloc(1, sizeof *p);
    arena a = {0};
    if (!p)
        return err_nomem(e);
    p->p = (proc){.in = -1, .out = -1, .log = -1};
    p->quit = -1;
    p->stop_fd = stop_fd;
    p->log = o->log;
    p->codec = o->protobuf ? FLOW_PROTOBUF : FLOW_JSON;
    words_init(&p->words, o->log, o->task_name);
    const char **env = environment(o, &a);
    weir_rc rc = env ? proc_start(&p->p, o->argv, env, e) : err_nomem(e);
    if (!rc)
        rc = flow_stream_init(&p->in, p->p.out, o->protobuf ? "proto" : "json", "the connector's output", e);
    if (!rc && fcntl(p->p.in, F_SETFL, O_NONBLOCK) < 0)
        rc = err_errno(e, errno, "pipe");
    if (!rc)
        rc = start_pump(p, e);
    arena_free(&a);
    if (rc) {
        peer_free(p);
        return err_wrap(e, rc, "start %s", o->argv[0]);
    }
    *ret = p;
    return WEIR_OK;
}

/* Writes all of it to the peer's stdin, which does not block: PEER_ACK_MS without progress is its failure. */
static weir_rc write_all(flow_peer *p, weir_view bytes, err *e)
{
    while (bytes.len) {
        ssize_t n = write(p->p.in, bytes.ptr, bytes.len);
        if (n > 0) {
            bytes = view_from(bytes, (size_t)n);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return err_fail(e, WEIR_E_PROTOCOL, "the connector has closed its input");
        struct pollfd fd = {p->p.in, POLLOUT, 0};
        int ready = poll(&fd, 1, PEER_ACK_MS);
        if (ready == 0)
            return err_fail(e, WEIR_E_PROTOCOL, "the connector has not read its input for %d s", PEER_ACK_MS / 1000);
    }
    return WEIR_OK;
}

weir_rc peer_send(flow_peer *p, flow_kind kind, weir_view body, err *e)
{
    buf out = {0};
    if (p->p.in < 0)
        return err_fail(e, WEIR_E_PROTOCOL, "the connector's input is closed");
    weir_rc rc = flow_write(p->codec, FLOW_REQUEST, kind, body, &out, e);
    if (!rc)
        rc = write_all(p, buf_view(&out), e);
    buf_wipe(&out); /* it may hold credentials */
    return rc ? err_wrap(e, rc, "send '%s'", flow_kind_name(kind)) : rc;
}

void peer_close_input(flow_peer *p) { proc_close_in(&p->p); }

weir_rc peer_receive(flow_peer *p, flow_message *ret, bool *ret_more, err *e)
{
    weir_rc rc = flow_stream_next(&p->in, FLOW_RESPONSE, ret, ret_more, e);
    if ((rc || !*ret_more) && atomic_load(&p->stopped))
        return err_fail(e, WEIR_STOPPED, "stopped");
    return rc;
}

weir_rc peer_ask(flow_peer *p, flow_kind request, weir_view body, flow_kind answer, flow_message *ret, err *e)
{
    bool more = false;
    weir_rc sent = peer_send(p, request, body, e);
    if (sent && sent != WEIR_E_PROTOCOL)
        return sent;
    weir_rc rc = sent ? sent : peer_receive(p, ret, &more, e);
    if (!rc && !more)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the connector ended without an answer to '%s'", flow_kind_name(request));
    if (!rc && ret->kind != answer)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the connector answered '%s' with '%s'", flow_kind_name(request), flow_kind_name(ret->kind));
    return rc ? peer_explain(p, rc, e) : WEIR_OK;
}

static void end_pump(flow_peer *p)
{
    if (!p->pumping)
        return;
    uint64_t one = 1;
    ssize_t n = write(p->quit, &one, sizeof one);
    (void)n;
    pthread_join(p->pump, NULL);
    p->pumping = false;
}

/* "exited with status 1: could not log in" */
static weir_rc describe_exit(flow_peer *p, weir_rc rc, err *e)
{
    buf how = {0};
    proc_describe(&p->p, &how);
    weir_view last = words_last(&p->words);
    if (last.len)
        rc = err_fail(e, rc, "the connector %s: %.*s", buf_text(&how), VIEW_ARG(last));
    else
        rc = err_fail(e, rc, "the connector %s with no log output", buf_text(&how));
    buf_free(&how);
    return rc;
}

weir_rc peer_explain(flow_peer *p, weir_rc rc, err *e)
{
    if (rc == WEIR_STOPPED || atomic_load(&p->stopped) || !proc_wait(&p->p, 1000))
        return rc;
    end_pump(p);
    if (proc_succeeded(&p->p))
        return rc;
    /* Its own words say more than what we saw of its death. */
    return describe_exit(p, WEIR_E_REMOTE, e);
}

weir_rc peer_finish(flow_peer *p, err *e)
{
    peer_close_input(p);
    bool ended = proc_wait(&p->p, PEER_EXIT_MS);
    if (!ended)
        proc_stop(&p->p, PEER_TERM_MS);
    end_pump(p);
    if (atomic_load(&p->stopped))
        return WEIR_OK;
    if (!ended)
        return err_fail(e, WEIR_E_PROTOCOL, "the connector closed its output but did not exit within %d s: it was killed", PEER_EXIT_MS / 1000);
    return proc_succeeded(&p->p) ? WEIR_OK : describe_exit(p, WEIR_E_REMOTE, e);
}

void peer_free(flow_peer *p)
{
    if (!p)
        return;
    proc_close_in(&p->p);
    if (p->p.pid > 0)
        proc_stop(&p->p, atomic_load(&p->stopped) ? PEER_TERM_MS : 100);
    end_pump(p);
    proc_free(&p->p);
    flow_stream_free(&p->in);
    words_free(&p->words);
    if (p->quit >= 0)
        close(p->quit);
    free(p);
}
