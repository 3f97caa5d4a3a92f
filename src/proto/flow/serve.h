/* serve.h - what serving captures and serving materializations share. */
#ifndef WEIR_FLOW_SERVE_H
#define WEIR_FLOW_SERVE_H

#include "proto/flow/flow.h"
#include "proto/flow/stream.h"

typedef struct server {
    const weir_connector *c;
    const serve_options *o;
    flow_direction in_dir, out_dir; /* of a capture, or of a materialization */
    flow_stream in;
    arena arena; /* of the request at hand */
    buf out;
    bool done;   /* the long request ran: nothing more is served on this stream */
} server;

/** Writes one response. */
weir_rc server_respond(server *v, flow_kind kind, weir_view body, err *e);
/** A session for a request about `task` (for its name). NULL with an error. */
session *server_session(server *v, listener *l, const tree *task, err *e);
/** Opens it with the config of that object. */
weir_rc server_open(server *v, session *s, const tree *from, err *e);
/** What every binding of a request has. */
weir_rc server_binding(server *v, const tree *item, const char *schema, weir_binding *b, const tree **ret_resource, err *e);
/** The path of a binding into paths[b->index]: what the connector said, or what its settings say. */
weir_rc server_path(server *v, weir_view *paths, const weir_binding *b, err *e);
/** Must differ from those of the bindings before it. */
weir_rc server_check_path(const weir_view *paths, const weir_binding *b, size_t at, err *e);
/** Runs part of a request with somebody listening for signals: a connector may wait long for its remote system. */
typedef weir_rc server_part(server *v, session *s, const tree *body, err *e);
weir_rc server_attended(server *v, session *s, server_part *work, const tree *body, err *e);
/** Waits until a whole request is there, or none will come. @param stop_fd readable: WEIR_STOPPED */
weir_rc server_await(server *v, int stop_fd, err *e);

/** A kind of request and who answers it. */
typedef struct handler {
    flow_kind kind;
    weir_rc (*handle)(server *, const tree *body, err *e);
} handler;
/** Those of materializations, ended by FLOW_NONE. */
extern const handler serve_materialize_handlers[];

#endif
