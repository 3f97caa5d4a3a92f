/* The thread beside a call's session. A call is cancelled by whoever made it, by a deadline, or because the server ends. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/fivetran/serve.h"

struct ft_watch {
    ft_watch_options o;
    int quit; /* eventfd */
    pthread_t thread;
    int64_t flush_at; /* 0: nothing is to be flushed */
    bool stopped;
};

static int patience(const ft_watch *w)
{
    int64_t left = w->flush_at - clock_ms();
    return !w->flush_at ? -1 : left < 0 ? 0 : (int)left;
}

static void note_wake(ft_watch *w)
{
    uint64_t n;
    ssize_t got = read(w->o.wake_fd, &n, sizeof n);
    (void)got;
    if (!w->flush_at)
        w->flush_at = clock_ms() + w->o.linger_ms;
}

static void flush_if_due(ft_watch *w)
{
    if (w->flush_at && clock_ms() >= w->flush_at)
        w->flush_at = w->o.flush(w->o.arg) ? clock_ms() + w->o.linger_ms : 0;
}

static void *run(void *arg)
{
    ft_watch *w = arg;
    enum { QUIT, STOP, WAKE, FDS };
    struct pollfd fds[FDS] = {[QUIT] = {w->quit, POLLIN, 0}, [STOP] = {w->o.stop_fd, POLLIN, 0}, [WAKE] = {w->o.wake_fd, POLLIN, 0}};
    for (;;) {
        int n = poll(fds, FDS, patience(w));
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0 && fds[QUIT].revents)
            break;
        if (n > 0 && fds[STOP].revents) {
            w->stopped = true;
            session_stop(w->o.s);
            fds[STOP].fd = -1;
        }
        if (n > 0 && fds[WAKE].revents)
            note_wake(w);
        flush_if_due(w);
    }
    return NULL;
}

ft_watch *ft_watch_start(const ft_watch_options *o, err *e)
{
    ft_watch *w = calloc(1, sizeof *w);
    if (!w) {
        err_nomem(e);
        return NULL;
    }
    w->o = *o;
    w->quit = eventfd(0, EFD_CLOEXEC);
    int failure = w->quit < 0 ? errno : pthread_create(&w->thread, NULL, run, w);
    if (!failure)
        return w;
    err_errno(e, failure, "cannot start a thread");
    if (w->quit >= 0)
        close(w->quit);
    free(w);
    return NULL;
}

bool ft_watch_end(ft_watch *w)
{
    if (!w)
        return false;
    uint64_t one = 1;
    ssize_t n = write(w->quit, &one, sizeof one);
    (void)n;
    pthread_join(w->thread, NULL);
    bool stopped = w->stopped;
    close(w->quit);
    free(w);
    return stopped;
}
