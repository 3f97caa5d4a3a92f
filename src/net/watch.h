/* watch.h - a thread that cancels calls when a descriptor becomes readable. It is started with the first such call. */
#ifndef WEIR_NET_WATCH_H
#define WEIR_NET_WATCH_H

#include "net/call.h"

typedef struct rpc_watched {
    rpc_call *call;
    int stop_fd;
    struct rpc_watched *next;
} rpc_watched;

typedef struct rpc_watch {
    pthread_mutex_t lock; /* of all */
    pthread_t thread;
    bool running, ending;
    bool behind;          /* of the thread: the list is longer than what it polls */
    struct pollfd *fds;   /* the thread's, from the beginning on */
    int wake_fd;          /* an eventfd: the list has changed */
    rpc_watched *watched; /* borrowed */
    size_t count;
} rpc_watch;

void rpc_watch_init(rpc_watch *w);
/** No call may be left. */
void rpc_watch_free(rpc_watch *w);
weir_rc rpc_watch_add(rpc_watch *w, rpc_watched *v, err *e);
/** Accepts one that was not added. */
void rpc_watch_remove(rpc_watch *w, rpc_watched *v);

#endif
