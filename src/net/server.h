/* server.h - a server from inside, for what it serves of itself (reflection, health). */
#ifndef WEIR_NET_SERVER_H
#define WEIR_NET_SERVER_H

#include "net/call.h"

enum { RPC_CALLS_MAX = 128 /* of one connection at a time; more wait at the client */ };

typedef struct rpc_serving rpc_serving;

struct rpc_server {
    rpc_line line;
    rpc_server_options options;
    grpc_server *server;
    int port;
    bool listening;

    /* What the pump asks for: the next call. */
    rpc_op request_op;
    grpc_call *next_call;
    grpc_call_details details;
    grpc_metadata_array metadata;

    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t turn;
    rpc_op stopped_op;
    int stopping_fd;    /* an eventfd: readable once the server takes no more calls */
    bool stopping;
    bool stopped;       /* gRPC says that nothing is left */
    bool requesting;    /* request_op is out */
    size_t live;        /* calls */
    rpc_serving *ended; /* their threads can be joined */
};

/** What a server serves of itself; ended by one without a path. Their context is the server. */
extern const rpc_method rpc_reflection_methods[], rpc_health_methods[];

#endif
