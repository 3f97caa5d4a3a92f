#include "net/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RETRY_MS = 20 };

void rpc_watch_init(rpc_watch *w)
{
    *w = (rpc_watch){.wake_fd = -1};
    pthread_mutex_init(&w->lock, NULL);
}

static void wake(rpc_watch *w)
{
    (void)!write(w->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
}

/* What to poll. Without memory for all it is just the wake_fd, and soon again. */
static struct pollfd *list(rpc_watch *w, struct pollfd *fds, size_t *ret_count)
{
    pthread_mutex_lock(&w->lock);
    struct pollfd *room = realloc(fds, (w->count + 1) * sizeof *fds);
    fds = room ? room : fds;
    fds[0] = (struct pollfd){.fd = w->wake_fd, .events = POLLIN};
    *ret_count = 1;
    for (const rpc_watched *v = room ? w->watched : NULL; v; v = v->next)
        fds[(*ret_count)++] = (struct pollfd){.fd = v->stop_fd, .events = POLLIN};
    w->behind = !room;
    pthread_mutex_unlock(&w->lock);
    return fds;
}

static void unlink_watched(rpc_watch *w, rpc_watched *v)
{
    for (rpc_watched **p = &w->watched; *p; p = &(*p)->next)
        if (*p == v) {
            *p = v->next;
            w->count--;
            return;
        }
}

/* Whoever is still in the list has not been freed, nor will be while we hold the lock. */
static void cancel_those_of(rpc_watch *w, int fd)
{
    pthread_mutex_lock(&w->lock);
    for (rpc_watched *v = w->watched, *next; v; v = next) {
        next = v->next;
        if (v->stop_fd == fd) {
            unlink_watched(w, v);
            rpc_cancel(v->call);
        }
    }
    pthread_mutex_unlock(&w->lock);
}

static bool ending(rpc_watch *w)
{
    pthread_mutex_lock(&w->lock);
    bool yes = w->ending;
    pthread_mutex_unlock(&w->lock);
    return yes;
}

static void *watch(void *arg)
{
    rpc_watch *w = arg;
    struct pollfd *fds = w->fds;
    while (!ending(w)) {
        size_t count;
        fds = list(w, fds, &count);
        if (poll(fds, count, w->behind ? RETRY_MS : -1) < 0)
            continue;
        uint64_t times;
        if (fds[0].revents)
            (void)!read(w->wake_fd, &times, sizeof times);
        for (size_t i = 1; i < count; i++)
            if (fds[i].revents)
                cancel_those_of(w, fds[i].fd);
    }
    free(fds);
    return NULL;
}

static int start(rpc_watch *w)
{
    if (w->wake_fd < 0)
        w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->wake_fd < 0)
        return errno;
    w->fds = malloc(sizeof *w->fds);
    if (!w->fds)
        return ENOMEM;
    sigset_t before;
    rpc_signals_block(&before);
    int failed = pthread_create(&w->thread, NULL, watch, w);
    rpc_signals_restore(&before);
    w->running = !failed;
    if (failed)
        free(w->fds);
    return failed;
}

weir_rc rpc_watch_add(rpc_watch *w, rpc_watched *v, err *e)
{
    pthread_mutex_lock(&w->lock);
    int failed = w->running ? 0 : start(w);
    if (!failed) {
        v->next = w->watched;
        w->watched = v;
        w->count++;
        wake(w);
    }
    pthread_mutex_unlock(&w->lock);
    return failed ? err_errno(e, failed, "start a thread") : WEIR_OK;
}

void rpc_watch_remove(rpc_watch *w, rpc_watched *v)
{
    pthread_mutex_lock(&w->lock);
    unlink_watched(w, v);
    pthread_mutex_unlock(&w->lock);
}

void rpc_watch_free(rpc_watch *w)
{
    pthread_mutex_lock(&w->lock);
    bool running = w->running;
    w->ending = true;
    if (running)
        wake(w);
    pthread_mutex_unlock(&w->lock);
    if (running)
        pthread_join(w->thread, NULL);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    pthread_mutex_destroy(&w->lock);
}
