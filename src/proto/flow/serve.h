/* serve.h - what serving captures and serving materializations share. */
#ifndef WEIR_FLOW_SERVE_H
#define WEIR_FLOW_SERVE_H

#include "proto/flow/flow.h"
#include "proto/flow/stream.h"

typedef struct flow_server {
    const weir_connector *c;
    const serve_options *o;
    flow_direction in_dir, out_dir; /* of a capture, or of a materialization */
    flow_stream in;
    arena arena; /* of the request at hand */
    buf out;
    bool done;   /* the long request ran: nothing more is served on this stream */
} flow_server;

/** Writes one response. */
weir_rc flow_server_respond(flow_server *v, flow_kind kind, weir_view body, err *e);
/** A session for a request about `task` (for its name). NULL with an error. */
session *flow_server_session(flow_server *v, listener *l, const tree *task, err *e);
/** Opens it with the config of that object. */
weir_rc flow_server_open(flow_server *v, session *s, const tree *from, err *e);
/** What every binding of a request has. */
weir_rc flow_server_binding(flow_server *v, const tree *item, const char *schema, weir_binding *b, const tree **ret_resource, err *e);
/** The path of a binding into paths[b->index]: what the connector said, or what its settings say. */
weir_rc flow_server_path(flow_server *v, weir_view *paths, const weir_binding *b, err *e);
/** Must differ from those of the bindings before it. */
weir_rc flow_server_check_path(const weir_view *paths, const weir_binding *b, size_t at, err *e);
/** Runs part of a request with somebody listening for signals: a connector may wait long for its remote system. */
typedef weir_rc flow_server_part(flow_server *v, session *s, const tree *body, err *e);
weir_rc flow_server_attended(flow_server *v, session *s, flow_server_part *work, const tree *body, err *e);
/** Waits until a whole request is there, or none will come. @param stop_fd readable: WEIR_STOPPED */
weir_rc flow_server_await(flow_server *v, int stop_fd, err *e);

/** A kind of request and who answers it. */
typedef struct flow_handler {
    flow_kind kind;
    weir_rc (*handle)(flow_server *, const tree *body, err *e);
} flow_handler;
/** Those of materializations, ended by FLOW_NONE. */
extern const flow_handler flow_materialize_handlers[];

#endif
