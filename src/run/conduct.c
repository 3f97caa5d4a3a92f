#include "run/conduct.h"

#include <errno.h>
#include <limits.h>
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
    bool lingering;          /* something sealed waits for flush_at */
    int64_t flush_at, heard; /* heard: when something was last sealed */
    int64_t asked_ms;        /* to stop, see stop_take() */
    int signal;              /* that asked */
};

/* How long nothing is due. */
static int patience(const conductor *c)
{
    int64_t at = c->lingering ? c->flush_at : c->heard + c->o.timeout_ms, left = at - clock_ms();
    if (!c->lingering && !c->o.timeout_ms)
        return -1;
    return left < 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

static void note_seal(conductor *c, int wake_fd)
{
    uint64_t n;
    ssize_t got = read(wake_fd, &n, sizeof n);
    (void)got;
    c->heard = clock_ms();
    if (!c->lingering)
        c->flush_at = c->heard + (c->o.eager ? 0 : WRITER_LINGER_MS);
    c->lingering = true;
}

static void flush(conductor *c)
{
    err e = {0};
    if (writer_flush_now(c->o.w, &c->lingering, &e)) {
        c->lingering = false;
        session_stop(c->o.s); /* the lane that seals next reports why, or the last flush */
    }
    c->flush_at = clock_ms() + WRITER_LINGER_MS;
    err_free(&e);
}

static void do_what_is_due(conductor *c)
{
    if (c->lingering && clock_ms() >= c->flush_at)
        flush(c);
    if (c->o.timeout_ms && !c->lingering && clock_ms() - c->heard >= c->o.timeout_ms) {
        session_stop(c->o.s);
        c->o.timeout_ms = 0;
    }
}

static void take_signal(conductor *c)
{
    int signum = stop_take(c->o.stop_fd, &c->asked_ms);
    c->signal = signum ? signum : c->signal;
    if (signum)
        session_stop(c->o.s);
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
    for (;;) {
        int n = poll(fds, FDS, patience(c));
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0 && fds[QUIT].revents)
            break;
        if (n > 0 && fds[STOP].revents)
            take_signal(c);
        if (n > 0 && fds[IN].revents && !c->o.on_input(c->o.arg))
            fds[IN].fd = -1;
        if (n > 0 && fds[WAKE].revents)
            note_seal(c, fds[WAKE].fd);
        do_what_is_due(c);
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
    c->heard = clock_ms();
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

int conductor_end(conductor *c)
{
    if (!c)
        return 0;
    uint64_t one = 1;
    ssize_t n = write(c->quit, &one, sizeof one);
    (void)n;
    pthread_join(c->thread, NULL);
    int signum = c->signal;
    close(c->quit);
    free(c);
    return signum;
}
