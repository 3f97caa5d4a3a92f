#include "proto/flow/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "proto/flow/words.h"

struct flow_peer {
    proc p;
    flow_stream in;
    flow_codec codec;
    pthread_t pump;
    bool pumping;
    int stop_fd;
    int end;              /* becomes readable when the process has ended; or -1 */
    int quit;             /* eventfd: the pump shall end */
    int gone;             /* eventfd: the process has ended, and its output had time to end, too */
    atomic_bool closed;   /* it has closed its input */
    uint64_t sent, taken; /* bytes: to it, and of these it has read */
    int64_t taken_ms;     /* when that was seen */
    atomic_bool stopped;  /* it was told to stop from outside */
    words words;          /* its stderr */
};

/* ---- the pump: stderr, the order to stop, the end of the process ---- */

static void raise_event(int fd)
{
    uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof one);
    (void)n; /* an eventfd that is hardly ever written takes it */
}

/* Something to be done at a time. */
typedef struct timer {
    int64_t at; /* 0: not set */
} timer;

static void set(timer *t, int64_t ms) { t->at = clock_ms() + ms; }

static bool is_due(timer *t)
{
    bool due = t->at && clock_ms() >= t->at;
    if (due)
        t->at = 0;
    return due;
}

static int wait_for(const timer *a, const timer *b)
{
    int64_t at = !a->at || (b->at && b->at < a->at) ? b->at : a->at, left = at - clock_ms();
    return !at ? -1 : left < 0 ? 0 : (int)left;
}

/* Takes stderr apart until told to quit. Whoever waits for the process's output wakes up when it has ended, though a grandchild
 * holds the pipe open. */
static void *pump(void *arg)
{
    flow_peer *p = arg;
    enum { LOG, STOP, END, QUIT, FDS };
    struct pollfd fds[FDS] = {{p->p.log, POLLIN, 0}, {p->stop_fd, POLLIN, 0}, {p->end, POLLIN, 0}, {p->quit, POLLIN, 0}};
    timer kill_it = {0}, rest = {0};
    for (;;) {
        if (poll(fds, FDS, wait_for(&kill_it, &rest)) < 0 && errno != EINTR)
            break;
        if (fds[LOG].revents && !words_read(&p->words, p->p.log))
            fds[LOG].fd = -1;
        if (fds[STOP].revents) {
            fds[STOP].fd = -1;
            atomic_store(&p->stopped, true);
            proc_signal(&p->p, SIGTERM);
            set(&kill_it, PEER_TERM_MS);
        }
        if (fds[END].revents) {
            fds[END].fd = -1;
            set(&rest, PEER_REST_MS);
        }
        if (is_due(&kill_it))
            proc_signal(&p->p, SIGKILL);
        if (is_due(&rest)) {
            proc_signal(&p->p, SIGKILL); /* what it left behind in its group */
            raise_event(p->gone);
        }
        if (fds[QUIT].revents && !fds[LOG].revents)
            break; /* it is dead and has said all; a grandchild may hold the pipe open */
    }
    words_end(&p->words);
    return NULL;
}

/* ---- start ---- */

/* What it is to log: as the task says, else as we do, but not trace: the Python kits do not know the word and die of it. */
static weir_level level_for(const drive_options *o)
{
    weir_level level = o->log_level ? o->log_level : o->log ? WEIR_ERROR : WEIR_INFO;
    while (!o->log_level && level < WEIR_DEBUG && log_enabled(o->log, level + 1))
        level++;
    return level;
}

static const char **environment(const drive_options *o, arena *a)
{
    size_t n = 0;
    while (o->env && o->env[n])
        n++;
    const char **env = arena_array(a, n + 4, sizeof *env);
    if (!env)
        return NULL;
    size_t k = 0;
    env[k++] = arena_printf(a, "LOG_LEVEL=%s", log_level_name(level_for(o))).ptr;
    env[k++] = "LOG_FORMAT=json"; /* read by us, whatever our own log looks like */
    if (o->protobuf)
        env[k++] = "FLOW_RUNTIME_CODEC=proto";
    for (size_t i = 0; i < n; i++)
        env[k++] = o->env[i];
    return a->failed ? NULL : env;
}

static weir_rc start_pump(flow_peer *p, err *e)
{
    p->quit = eventfd(0, EFD_CLOEXEC);
    p->gone = eventfd(0, EFD_CLOEXEC);
    p->end = proc_end_fd(&p->p);
    int failure = p->quit < 0 || p->gone < 0 ? errno : pthread_create(&p->pump, NULL, pump, p);
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
    p->p = PROC_NONE;
    p->end = p->quit = p->gone = -1;
    p->stop_fd = stop_fd;
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
    if (rc)
        peer_free(p);
    else
        *ret = p;
    return rc;
}

/* ---- requests ---- */

/* Writes all of it to the peer's stdin, which does not block: PEER_ACK_MS without progress is its failure. */
static weir_rc write_all(flow_peer *p, weir_view bytes, err *e)
{
    while (bytes.len) {
        ssize_t n = write(p->p.in, bytes.ptr, bytes.len);
        if (n > 0) {
            p->sent += (uint64_t)n;
            bytes = view_from(bytes, (size_t)n);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EPIPE) {
            atomic_store(&p->closed, true);
            return err_fail(e, WEIR_E_PROTOCOL, "the connector has closed its input");
        }
        if (n < 0 && errno != EAGAIN)
            return err_errno(e, errno, "the connector's input");
        struct pollfd fd = {p->p.in, POLLOUT, 0};
        int ready = poll(&fd, 1, PEER_ACK_MS);
        if (ready == 0)
            return err_fail(e, WEIR_E_PROTOCOL, "the connector has not read its input for %d s", PEER_ACK_MS / 1000);
    }
    return WEIR_OK;
}

/* Has it left unread for PEER_ACK_MS what was sent before? The pipe has room for very many acknowledgements: writing would not tell. */
static bool is_deaf(flow_peer *p)
{
    int unread = 0;
    if (ioctl(p->p.in, FIONREAD, &unread) < 0 || unread <= 0 || p->sent - (uint64_t)unread > p->taken) {
        p->taken = p->sent - (uint64_t)(unread > 0 ? unread : 0);
        p->taken_ms = clock_ms();
    }
    return unread > 0 && clock_ms() - p->taken_ms >= PEER_ACK_MS;
}

weir_rc peer_acknowledge(flow_peer *p, size_t count, err *e)
{
    char body[40];
    if (atomic_load(&p->closed))
        return WEIR_OK;
    if (is_deaf(p))
        return err_fail(e, WEIR_E_PROTOCOL, "the connector asked for acknowledgements, but has not read its input for %d s",
                        PEER_ACK_MS / 1000);
    snprintf(body, sizeof body, "{\"checkpoints\":%zu}", count);
    weir_rc rc = peer_send(p, FLOW_ACKNOWLEDGE, view_of(body), e);
    if (!rc || !atomic_load(&p->closed))
        return rc;
    err_clear(e); /* it may end without reading what we say last (flow.md 1.7) */
    return WEIR_OK;
}

weir_rc peer_send(flow_peer *p, flow_kind kind, weir_view body, err *e)
{
    buf out = {0};
    weir_rc rc = flow_write(p->codec, FLOW_REQUEST, kind, body, &out, e);
    if (!rc)
        rc = write_all(p, buf_view(&out), e);
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
        struct pollfd fds[2] = {{p->p.out, POLLIN, 0}, {p->gone, POLLIN, 0}};
        int64_t left = until ? until - clock_ms() : -1;
        int n = poll(fds, 2, until && left < 0 ? 0 : (int)left);
        if (n == 0)
            return false;
        if (n > 0 && fds[0].revents) {
            if (flow_stream_fill(&p->in, &more, e))
                return false;
        } else if (n > 0) {
            flow_stream_cut(&p->in);
            more = false;
        }
    }
    return true;
}

weir_rc peer_receive(flow_peer *p, flow_message *ret, bool *ret_more, err *e)
{
    weir_rc rc = await(p, 0, e) ? flow_stream_next(&p->in, FLOW_RESPONSE, ret, ret_more, e) : e->rc;
    if ((rc || !*ret_more) && atomic_load(&p->stopped))
        return err_fail(e, WEIR_STOPPED, "stopped");
    return rc;
}

weir_rc peer_ask(flow_peer *p, flow_kind request, weir_view body, flow_kind answer, flow_message *ret, err *e)
{
    bool more = false;
    weir_rc rc = peer_send(p, request, body, e);
    if (rc && atomic_load(&p->closed)) { /* what it says, or how it ends, tells more than that it does not listen */
        err_clear(e);
        rc = WEIR_OK;
    }
    if (!rc)
        rc = peer_receive(p, ret, &more, e);
    if (!rc && !more)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the connector ended without an answer to '%s'", flow_kind_name(request));
    if (!rc && ret->kind != answer)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the connector answered '%s' with '%s'", flow_kind_name(request), flow_kind_name(ret->kind));
    if (rc && atomic_load(&p->stopped))
        rc = err_fail(e, WEIR_STOPPED, "stopped");
    return peer_explain(p, rc, e);
}

/* ---- the end ---- */

static void end_pump(flow_peer *p)
{
    if (!p->pumping)
        return;
    raise_event(p->quit);
    pthread_join(p->pump, NULL);
    p->pumping = false;
}

/* Waits for its exit, ends what it left behind, hears its last words. @return false: it had to be killed */
static bool put_to_rest(flow_peer *p, int wait_ms)
{
    bool ended = proc_ended(&p->p, wait_ms);
    proc_stop(&p->p, PEER_TERM_MS);
    end_pump(p);
    return ended;
}

/* "exited with status 1: could not log in" */
static weir_rc describe_exit(flow_peer *p, err *e)
{
    buf how = {0};
    proc_describe(&p->p, &how);
    weir_view last = words_last(&p->words);
    weir_rc rc = words_code(&p->words);
    if (last.len)
        rc = err_fail(e, rc, "the connector %s: %.*s", buf_text(&how), VIEW_ARG(last));
    else
        rc = err_fail(e, rc, "the connector %s with no log output", buf_text(&how));
    buf_free(&how);
    return rc;
}

weir_rc peer_explain(flow_peer *p, weir_rc rc, err *e)
{
    bool silent = atomic_load(&p->closed) || flow_stream_ended(&p->in);
    if (rc != WEIR_E_PROTOCOL || !silent || atomic_load(&p->stopped) || !proc_ended(&p->p, PEER_REST_MS))
        return rc;
    put_to_rest(p, 0);
    return proc_succeeded(&p->p) ? rc : describe_exit(p, e); /* its own words say more than what we saw of its death */
}

static weir_rc overdue(const char *what, err *e)
{
    return err_fail(e, WEIR_E_PROTOCOL, "the connector has not exited within %d s after the end of its %s: it was killed",
                    PEER_EXIT_MS / 1000, what);
}

weir_rc peer_finish(flow_peer *p, err *e)
{
    proc_close_in(&p->p);
    bool ended = put_to_rest(p, PEER_EXIT_MS);
    if (atomic_load(&p->stopped))
        return WEIR_OK;
    if (!ended)
        return overdue("output", e);
    return proc_succeeded(&p->p) ? WEIR_OK : describe_exit(p, e);
}

weir_rc peer_conclude(flow_peer *p, err *e)
{
    flow_message m;
    bool more = false;
    proc_close_in(&p->p);
    weir_rc rc = WEIR_OK;
    if (!await(p, clock_ms() + PEER_EXIT_MS, e))
        rc = e->rc ? e->rc : overdue("input", e);
    else
        rc = peer_receive(p, &m, &more, e);
    if (!rc && more)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the connector went on with '%s' after its answer", flow_kind_name(m.kind));
    return rc ? peer_explain(p, rc, e) : peer_finish(p, e);
}

static void close_event(int fd)
{
    if (fd >= 0)
        close(fd);
}

void peer_free(flow_peer *p)
{
    if (!p)
        return;
    proc_close_in(&p->p);
    proc_stop(&p->p, atomic_load(&p->stopped) ? PEER_TERM_MS : 100);
    end_pump(p);
    proc_free(&p->p);
    flow_stream_free(&p->in);
    words_free(&p->words);
    close_event(p->end);
    close_event(p->quit);
    close_event(p->gone);
    free(p);
}
