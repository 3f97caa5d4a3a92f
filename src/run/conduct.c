#include "run/conduct.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/stop.h"

struct conductor {
    conductor_options o;
    int quit; /* eventfd */
    pthread_t thread;
};

static void drain(int fd)
{
    uint64_t n;
    ssize_t got = read(fd, &n, sizeof n);
    (void)got;
}

static void flush(conductor *c, bool *lingering)
{
    err e = {0};
    if (writer_flush_now(c->o.w, lingering, &e)) {
        *lingering = false;
        session_stop(c->o.s); /* the lane that seals next reports why */
    }
    err_free(&e);
}

static void *conduct(void *arg)
{
    conductor *c = arg;
    enum { QUIT, STOP, WAKE, IN, FDS };
    struct pollfd fds[FDS] = {
        [QUIT] = {c->quit, POLLIN, 0},
        [STOP] = {c->o.stop_fd, POLLIN, 0},
        [WAKE] = {c->o.w ? writer_wake_fd(c->o.w) : -1, POLLIN, 0},
        [IN] = {c->o.on_input ? c->o.in : -1, POLLIN, 0},
    };
    bool lingering = false;
    int64_t flush_at = 0, heard = clock_ms();
    for (;;) {
        int wake_fd = fds[WAKE].fd;
        int64_t left = flush_at - clock_ms();
        if (lingering)
            fds[WAKE].fd = -1;
        int64_t quiet = c->o.timeout_ms ? heard + c->o.timeout_ms - clock_ms() : -1;
        int n = poll(fds, FDS, lingering ? (left > 0 ? (int)left : 0) : c->o.timeout_ms ? (int)(quiet > 0 ? quiet : 0) : -1);
        fds[WAKE].fd = wake_fd;
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0 && fds[QUIT].revents)
            break;
        if (n > 0 && fds[STOP].revents && stop_take(c->o.stop_fd))
            session_stop(c->o.s);
        if (n > 0 && fds[IN].revents && !c->o.on_input(c->o.arg))
            fds[IN].fd = -1;
        if (c->o.timeout_ms && !lingering && clock_ms() - heard >= c->o.timeout_ms) {
            session_stop(c->o.s);
            c->o.timeout_ms = 0;
        }
        if (lingering && clock_ms() >= flush_at) {
            flush(c, &lingering);
            flush_at = clock_ms() + WRITER_LINGER_MS;
        } else if (n > 0 && !lingering && fds[WAKE].revents) {
            drain(wake_fd);
            lingering = true;
            heard = clock_ms();
            flush_at = clock_ms() + WRITER_LINGER_MS;
        }
    }
    return NULL;
}

conductor *conductor_start(const conductor_options *o, err *e)
{
    conductor *c = calloc(1, sizeof *c);
    if (!c) {
        err_nomem(e);
        return NULL;
    }
    c->o = *o;
    c->quit = eventfd(0, EFD_CLOEXEC);
    int failure = c->quit < 0 ? errno : pthread_create(&c->thread, NULL, conduct, c);
    if (!failure)
        return c;
    err_errno(e, failure, "cannot start a thread");
    if (c->quit >= 0)
        close(c->quit);
    free(c);
    return NULL;
}

void conductor_end(conductor *c)
{
    if (!c)
        return;
    uint64_t one = 1;
    ssize_t n = write(c->quit, &one, sizeof one);
    (void)n;
    pthread_join(c->thread, NULL);
    close(c->quit);
    free(c);
}
