#include "tester/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "json/tree.h"
#include "proto/child.h"

enum {
    PEER_WAIT_MS = 30000, /* from its start until it answers: interpreters load much */
    PEER_THERE_MS = 3000, /* the same of one that is there already */
    PEER_SLICE_MS = 200   /* how often it is looked whether it still lives */
};

struct tester_peer {
    rpc_client *client;
    const char *service;
    report *r;
    int stop_fd;
    /* of a program */
    child *process;
    drive_options drive;
    int quit; /* eventfd: end it */
    pthread_t thread;
    bool reading;
    atomic_bool gone;
    err end;              /* how it ended; once gone */
    size_t lines, unlike; /* of its log, and those that do not conform; once gone */
    buf first_unlike;
};

/* ------------------------------------------------------------------------------------------------------------- log lines -- */

static weir_level level_of(weir_view level)
{
    static const struct { const char *word; weir_level level; } words[] = {{"INFO", WEIR_INFO}, {"WARNING", WEIR_WARN}, {"SEVERE", WEIR_ERROR}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (view_is(level, words[i].word))
            return words[i].level;
    return 0;
}

/* {"level","message","message-origin"}, and what one kit writes instead of the last (fivetran.md 2.1). */
static const char *log_line_fault(const tree *t)
{
    if (!t || t->kind != TREE_OBJECT)
        return "no JSON object";
    if (!level_of(tree_text(t, "level")))
        return "no level INFO, WARNING or SEVERE";
    if (!tree_get(t, "message") || tree_get(t, "message")->kind != TREE_STRING)
        return "no message";
    if (!tree_text(t, "message-origin").len && !tree_text(t, "message_origin").len)
        return "no message-origin";
    return NULL;
}

static void take_line(tester_peer *p, weir_view line)
{
    arena a = {0};
    err ignored = {0};
    tree *t = NULL;
    if (!line.len)
        return;
    if (tree_parse_lenient(&a, line, NULL, WEIR_E_PROTOCOL, &t, &ignored))
        t = NULL;
    const char *fault = log_line_fault(t);
    weir_view message = t ? tree_text(t, "message") : (weir_view){0};
    weir_level level = t ? level_of(tree_text(t, "level")) : 0;
    log_line(p->drive.log, level ? level : WEIR_INFO, "%.*s", VIEW_ARG(message.len ? message : line));
    p->lines++;
    if (fault && !p->unlike++)
        buf_printf(&p->first_unlike, "%s: %.*s", fault, (int)(line.len < 200 ? line.len : 200), line.ptr);
    err_free(&ignored);
    arena_free(&a);
}

static void *read_lines(void *arg)
{
    tester_peer *p = arg;
    weir_rc rc = WEIR_OK;
    for (bool more = true; !rc && more;) {
        weir_view line;
        rc = child_line(p->process, &line, &more, &p->end);
        if (!rc && more)
            take_line(p, line);
    }
    if (!rc)
        rc = child_finish(p->process, NULL, &p->end);
    if (!rc)
        err_fail(&p->end, WEIR_E_PROTOCOL, "the connector has ended");
    atomic_store(&p->gone, true);
    return NULL;
}

/* --------------------------------------------------------------------------------------------------------------- program -- */

/* A port that is free at this moment; 0: none. */
static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(fd, (struct sockaddr *)&a, &len) == 0)
        port = ntohs(a.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

static weir_rc start(tester_peer *p, const tester_target *o, int port, err *e)
{
    size_t n = 0;
    char number[16];
    while (o->argv[n])
        n++;
    const char **argv = arena_array(&p->r->arena, n + 3, sizeof *argv);
    if (!argv)
        return err_nomem(e);
    memcpy(argv, o->argv, n * sizeof *argv);
    snprintf(number, sizeof number, "%d", port);
    argv[n] = "--port";
    argv[n + 1] = arena_text(&p->r->arena, view_of(number));
    if (!argv[n + 1])
        return err_nomem(e);
    p->quit = eventfd(0, EFD_CLOEXEC);
    if (p->quit < 0)
        return err_errno(e, errno, "eventfd");
    p->drive = (drive_options){.argv = argv, .log = o->log, .stop_fd = p->quit};
    weir_rc rc = child_start(&p->process, &(child_options){.argv = argv, .o = &p->drive, .stop_fd = p->quit, .line_max = 64 << 20, .open_end = true}, e);
    if (!rc && pthread_create(&p->thread, NULL, read_lines, p) != 0)
        return err_fail(e, WEIR_E_NOMEM, "start a thread for the connector's output");
    p->reading = !rc;
    return rc;
}

static bool stop_asked(const tester_peer *p)
{
    struct pollfd f = {.fd = p->stop_fd, .events = POLLIN};
    return p->stop_fd >= 0 && poll(&f, 1, 0) > 0;
}

weir_rc tester_peer_explain(tester_peer *p, weir_rc rc, err *e)
{
    if (!rc || !p->reading)
        return rc;
    for (int i = 0; i < 10 && !atomic_load(&p->gone) && rc == WEIR_E_TRANSIENT; i++)
        poll(NULL, 0, 50); /* its end may be seen a little later than that of the connection */
    if (!atomic_load(&p->gone) || rc == WEIR_STOPPED)
        return rc;
    return err_fail(e, p->end.rc ? p->end.rc : rc, "%s", err_text(&p->end));
}

static weir_rc await(tester_peer *p, err *e)
{
    const int64_t until = clock_ms() + PEER_WAIT_MS;
    weir_rc rc;
    do {
        err_clear(e);
        rc = rpc_client_wait(p->client, p->process ? PEER_SLICE_MS : PEER_THERE_MS, p->stop_fd, e);
    } while (rc == WEIR_E_TRANSIENT && p->process && clock_ms() < until && !atomic_load(&p->gone) && !stop_asked(p));
    return tester_peer_explain(p, rc, e);
}

weir_rc tester_peer_open(tester_peer **ret, const tester_target *o, report *r, err *e)
{
    char target[64];
    int port = o->argv ? free_port() : 0;
    tester_peer *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(e);
    *p = (tester_peer){.service = o->service, .r = r, .stop_fd = o->stop_fd, .quit = -1};
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    weir_rc rc = o->argv && !port ? err_errno(e, errno, "find a free port of this machine") : WEIR_OK;
    if (!rc && o->argv)
        rc = start(p, o, port, e); /* before the transport has threads */
    if (!rc)
        rc = rpc_client_open(&p->client, o->argv ? target : o->address, o->log, e);
    if (!rc)
        rc = err_wrap(e, await(p, e), "%s", o->argv ? o->argv[0] : o->address);
    if (rc)
        tester_peer_close(p);
    else
        *ret = p;
    return rc;
}

void tester_peer_close(tester_peer *p)
{
    uint64_t one = 1;
    if (!p)
        return;
    rpc_client_free(p->client);
    if (p->quit >= 0 && write(p->quit, &one, sizeof one) < 0)
        log_line(p->drive.log, WEIR_WARN, "the connector cannot be asked to stop");
    if (p->reading)
        pthread_join(p->thread, NULL);
    child_free(p->process);
    if (p->unlike)
        tester_warn(p->r, "log_line", "%zu of %zu lines of the connector's output are no log lines of the platform's form; the first: %s", p->unlike, p->lines,
                    buf_text(&p->first_unlike));
    if (p->quit >= 0)
        close(p->quit);
    buf_free(&p->first_unlike);
    err_free(&p->end);
    free(p);
}

/* ----------------------------------------------------------------------------------------------------------------- calls -- */

static weir_rc path_of(const tester_peer *p, const char *method, char *out, size_t room, err *e)
{
    int n = snprintf(out, room, "/fivetran_sdk.v2.%s/%s", p->service, method);
    return n > 0 && (size_t)n < room ? WEIR_OK : err_fail(e, WEIR_E_BUG, "method '%s' has too long a name", method);
}

weir_rc tester_peer_raw(tester_peer *p, const char *method, const ProtobufCMessage *request, buf *answer, err *e)
{
    char path[128];
    buf bytes = {0};
    weir_rc rc = path_of(p, method, path, sizeof path, e);
    ft_pack(request, &bytes);
    if (!rc && !buf_ok(&bytes))
        rc = err_nomem(e);
    if (!rc)
        rc = rpc_unary(p->client, path, &bytes, answer, 0, p->stop_fd, e);
    buf_free(&bytes);
    return err_wrap(e, tester_peer_explain(p, rc, e), "%s", method);
}

weir_rc tester_peer_call(tester_peer *p, const char *method, const ProtobufCMessage *request, const ProtobufCMessageDescriptor *type, arena *a,
                         ProtobufCMessage **ret, err *e)
{
    buf answer = {0};
    weir_rc rc = tester_peer_raw(p, method, request, &answer, e);
    if (!rc) {
        weir_view kept = arena_dup(a, buf_view(&answer));
        rc = kept.ptr ? err_wrap(e, ft_unpack(a, type, kept, ret, e), "%s's response", method) : err_nomem(e);
    }
    buf_free(&answer);
    return rc;
}

weir_rc tester_peer_stream(tester_peer *p, const char *method, const ProtobufCMessage *request, rpc_call **ret, err *e)
{
    char path[128];
    buf bytes = {0};
    rpc_call *call = NULL;
    weir_rc rc = path_of(p, method, path, sizeof path, e);
    ft_pack(request, &bytes);
    if (!rc && !buf_ok(&bytes))
        rc = err_nomem(e);
    if (!rc)
        rc = rpc_start(p->client, path, 0, p->stop_fd, &call, e);
    if (!rc)
        rc = rpc_send(call, &bytes, false, e);
    if (!rc)
        rc = rpc_send_end(call, e);
    buf_free(&bytes);
    if (rc && call) {
        err status = {0};
        if (rpc_finish(call, &status) != WEIR_OK)
            rc = err_move(e, &status);
        err_free(&status);
    } else {
        *ret = call;
    }
    return err_wrap(e, tester_peer_explain(p, rc, e), "%s", method);
}
