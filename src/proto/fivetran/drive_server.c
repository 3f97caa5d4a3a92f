/* The server that is driven (fivetran.md 2.1): a process of ours, started with --port, or whatever listens at an address. Its standard output and error are its
 * log: objects with level and message, and other lines.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "json/pointer.h"
#include "json/scan.h"
#include "json/text.h"
#include "proto/child.h"
#include "proto/fivetran/drive.h"

enum { LINE_MAX_BYTES = 16 << 20, LOOK_MS = 100, DEATH_MS = 1000 };

struct ft_server {
    const drive_options *o;
    atomic_uint users;
    child *c;            /* NULL: an address */
    int quit;            /* eventfd: it is to end */
    pthread_t listener;  /* to its output */
    bool listening;
    pthread_mutex_t lock;
    bool judged;         /* it has ended, and `death` says how; guarded by lock */
    err death;
    rpc_client *client;
};

static void raise_event(int fd)
{
    uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof one);
    (void)n;
}

static bool is_raised(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) > 0;
}

/* ---- what it prints ---- */

static weir_level level_of(weir_view word)
{
    return view_is(word, "SEVERE") ? WEIR_ERROR : view_is(word, "WARNING") ? WEIR_WARN : view_is(word, "INFO") ? WEIR_INFO : log_level_of(word);
}

/* {"level","message","message-origin"}, the last one in several spellings. */
static bool hear_object(ft_server *s, weir_view line)
{
    arena a = {0};
    bool ok = json_check(line, NULL, NULL);
    weir_view message = ok ? json_decode(&a, pointer_find(line, VIEW("/message"))) : (weir_view){0};
    weir_level level = ok ? level_of(json_decode(&a, pointer_find(line, VIEW("/level")))) : 0;
    ok = message.ptr && level;
    if (ok) {
        log_record(s->o->log, level, s->o->task_name, message, NULL, 0);
        if (level < WEIR_INFO) /* what it was about to do is no reason for its death */
            child_said(s->c, level, message, WEIR_OK);
    }
    arena_free(&a);
    return ok;
}

static void hear(ft_server *s, weir_view line)
{
    if (!line.len || (*line.ptr == '{' && hear_object(s, line)))
        return;
    log_record(s->o->log, WEIR_INFO, s->o->task_name, line, NULL, 0);
    child_said(s->c, WEIR_INFO, line, WEIR_OK);
}

/* A line too long for anybody is not worth an error, but it must not stop the process either. */
static void drain(ft_server *s)
{
    char dropped[4096];
    while (child_await(s->c, 0) == CHILD_READABLE && read(child_output(s->c), dropped, sizeof dropped) > 0)
        ;
}

static void *listen_to(void *arg)
{
    ft_server *s = arg;
    err e = {0};
    weir_view line;
    bool more = true;
    weir_rc rc = WEIR_OK;
    while (!rc && more) {
        rc = child_line(s->c, &line, &more, &e);
        if (!rc && more)
            hear(s, line);
    }
    if (rc && rc != WEIR_STOPPED)
        drain(s);
    err_free(&e);
    return NULL;
}

/* ---- start ---- */

/* One that was free a moment ago. */
static weir_rc free_port(unsigned *ret, err *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    weir_rc rc = WEIR_OK;
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        rc = err_errno(e, errno, "no free port");
    *ret = ntohs(at.sin_port);
    if (fd >= 0)
        close(fd);
    return rc;
}

static weir_rc start_process(ft_server *s, unsigned port, err *e)
{
    static const char *const env[] = {"PYTHONUNBUFFERED=1", NULL};
    arena a = {0};
    size_t n = 0;
    while (s->o->argv[n])
        n++;
    const char **argv = arena_array(&a, n + 3, sizeof *argv);
    weir_view text = arena_printf(&a, "%u", port);
    if (!argv || a.failed) {
        arena_free(&a);
        return err_nomem(e);
    }
    for (size_t i = 0; i < n; i++)
        argv[i] = s->o->argv[i];
    argv[n] = "--port";
    argv[n + 1] = text.ptr;
    weir_rc rc = child_start(&s->c, &(child_options){.argv = argv, .env = s->o->env, .more_env = env, .o = s->o, .stop_fd = s->quit, .line_max = LINE_MAX_BYTES,
                                                     .open_end = true, .levels = true}, e);
    arena_free(&a);
    if (rc)
        return rc;
    child_close_input(s->c);
    int failure = pthread_create(&s->listener, NULL, listen_to, s);
    s->listening = !failure;
    return failure ? err_errno(e, failure, "cannot start a thread") : WEIR_OK;
}

/* As long as it lives, and it may take its time. */
static weir_rc await(ft_server *s, err *e)
{
    for (int64_t until = clock_ms() + FT_START_MS;;) {
        err_clear(e);
        weir_rc rc = rpc_client_wait(s->client, LOOK_MS, s->o->stop_fd, e);
        if (rc != WEIR_E_TRANSIENT)
            return rc;
        if (s->c && child_ended(s->c, 0)) {
            err_clear(e);
            return ft_server_explain(s, err_fail(e, WEIR_E_TRANSIENT, "it has ended before it answered"), e);
        }
        if (clock_ms() >= until)
            return err_fail(e, s->c ? WEIR_E_PROTOCOL : WEIR_E_TRANSIENT, "it does not answer within %d s", FT_START_MS / 1000);
    }
}

weir_rc ft_server_start(ft_server **ret, const drive_options *o, err *e)
{
    ft_server *s = calloc(1, sizeof *s);
    char target[64];
    unsigned port = 0;
    if (!s)
        return err_nomem(e);
    *s = (ft_server){.o = o, .users = 1, .quit = eventfd(0, EFD_CLOEXEC)};
    pthread_mutex_init(&s->lock, NULL);
    weir_rc rc = s->quit < 0 ? err_errno(e, errno, "eventfd") : WEIR_OK;
    if (!rc && !o->address)
        rc = free_port(&port, e);
    if (!rc && !o->address)
        rc = start_process(s, port, e);
    snprintf(target, sizeof target, "127.0.0.1:%u", port);
    if (!rc)
        rc = rpc_client_open(&s->client, o->address ? o->address : target, o->log, e);
    if (!rc)
        rc = await(s, e);
    if (rc)
        ft_server_free(s);
    else
        *ret = s;
    return rc;
}

ft_server *ft_server_share(ft_server *s)
{
    atomic_fetch_add(&s->users, 1);
    return s;
}

static void end_listening(ft_server *s)
{
    if (s->listening)
        pthread_join(s->listener, NULL);
    s->listening = false;
}

void ft_server_free(ft_server *s)
{
    if (!s || atomic_fetch_sub(&s->users, 1) > 1)
        return;
    rpc_client_free(s->client);
    raise_event(s->quit);
    end_listening(s);
    child_free(s->c);
    if (s->quit >= 0)
        close(s->quit);
    err_free(&s->death);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- its death ---- */

/* Waits up to `ms` for it. The lock is held, so that nobody judges it meanwhile. */
static bool has_ended(const ft_server *s, int ms) { return s->judged || child_ended(s->c, ms); }

bool ft_server_is_dead(ft_server *s)
{
    if (!s->c)
        return false;
    pthread_mutex_lock(&s->lock);
    bool dead = has_ended(s, 0);
    pthread_mutex_unlock(&s->lock);
    return dead;
}

/* Once, and for all who ask, when all that it has said was heard. The lock is held. */
static void judge(ft_server *s)
{
    int status = 0;
    if (s->judged)
        return;
    s->judged = true;
    end_listening(s);
    if (!child_finish(s->c, &status, &s->death))
        child_describe(s->c, &s->death);
}

weir_rc ft_server_explain(ft_server *s, weir_rc rc, err *e)
{
    const bool may_be = rc == WEIR_E_TRANSIENT || rc == WEIR_E_PROTOCOL || rc == WEIR_E_REMOTE;
    if (!s->c || !may_be)
        return rc;
    pthread_mutex_lock(&s->lock);
    const bool ended = has_ended(s, rc == WEIR_E_TRANSIENT ? DEATH_MS : 0);
    if (ended)
        judge(s);
    if (ended && s->death.rc)
        rc = err_fail(e, s->death.rc, "%s", err_text(&s->death));
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* ---- calls ---- */

static void path_of(const ft_server *s, const char *name, char path[128])
{
    snprintf(path, 128, "/fivetran_sdk.v2.%s/%s", s->o->destination ? "DestinationConnector" : "SourceConnector", name);
}

weir_rc ft_server_ask(ft_server *s, const char *name, buf *request, buf *response, int64_t deadline_ms, int stop_fd, err *e)
{
    char path[128];
    path_of(s, name, path);
    if (!buf_ok(request))
        return err_nomem(e);
    weir_rc rc = rpc_unary(s->client, path, request, response, deadline_ms, stop_fd, e);
    if (rc && stop_fd >= 0 && is_raised(stop_fd, 0))
        return err_fail(e, WEIR_STOPPED, "stopped");
    return ft_server_explain(s, rc, e);
}

weir_rc ft_server_stream(ft_server *s, const char *name, buf *request, int stop_fd, rpc_call **ret, err *e)
{
    char path[128];
    rpc_call *c;
    path_of(s, name, path);
    if (!buf_ok(request))
        return err_nomem(e);
    weir_rc rc = rpc_start(s->client, path, 0, stop_fd, &c, e);
    if (rc)
        return err_wrap(e, rc, "%s", path);
    err said = {0};
    if (!rpc_send(c, request, true, &said))
        rpc_send_end(c, &said); /* what went wrong is in the status */
    err_free(&said);
    *ret = c;
    return WEIR_OK;
}
