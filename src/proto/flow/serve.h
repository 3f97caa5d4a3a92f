/* serve.h - what serving captures, materializations and derivations share. */
#ifndef WEIR_FLOW_SERVE_H
#define WEIR_FLOW_SERVE_H

#include "proto/flow/flow.h"
#include "proto/flow/stream.h"

typedef struct flow_server {
    const weir_connector *c;
    const serve_options *o;
    flow_direction in_dir, out_dir; /* of a capture, a materialization or a derivation */
    const struct flow_handler *handlers;
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
/** A number of 32 bits; 0 if it is none. */
uint32_t flow_server_number(const tree *t, const char *name);
/** Settings are parsed by themselves, so that errors count lines and columns within them. */
weir_rc flow_server_parse(flow_server *v, weir_view raw, tree **ret, err *e);
/** Waits until a whole request is there, or none will come. @param stop_fd readable: WEIR_STOPPED */
weir_rc flow_server_await(flow_server *v, int stop_fd, err *e);

/** A kind of request and who answers it. */
typedef struct flow_handler {
    flow_kind kind;
    weir_rc (*handle)(flow_server *, const tree *body, err *e);
} flow_handler;
/** Those of materializations and of derivations, ended by FLOW_NONE. */
extern const flow_handler flow_materialize_handlers[], flow_derive_handlers[];

/* What is kept for a destination or a derivation: its state by the platform, and perhaps a checkpoint by itself. */
typedef struct flow_kept {
    buf state;      /* as it is now */
    buf told;       /* ... as the platform has been told */
    bool forgotten; /* it was reset since: the next one replaces what the platform has */
    bool resumed;   /* the connector keeps the checkpoint */
    bool loads_all; /* a destination: it holds rows that the platform does not know of */
    buf checkpoint; /* it */
} flow_kept;

/** The state of a request. @return false without memory */
bool flow_kept_init(flow_kept *k, weir_view state);
void flow_kept_free(flow_kept *k);
/** For listeners: weir_keep() and weir_resume(). */
weir_rc flow_kept_patch(flow_kept *k, weir_task *t, weir_view patch);
weir_rc flow_kept_resume(flow_kept *k, weir_task *t, weir_view position);
/** `statePatches` of a request (flow.md 5.5): what all sessions of the task have kept in the former step, so that the connector sees it in weir_state(). The
 *  platform knows it already. */
weir_rc flow_kept_peers(flow_kept *k, session *s, const tree *body, err *e);
/** The same for a request that was not parsed yet. */
weir_rc flow_kept_hear(flow_kept *k, session *s, weir_view body, err *e);
/** The connector has forgotten everything. */
void flow_kept_forget(flow_kept *k);
/** Answers with nothing but the state, if it has changed since the platform was told. What was written before (loaded documents) goes out first. */
weir_rc flow_respond_state(flow_server *v, flow_kept *k, flow_kind kind, err *e);
/** Answers `open`, with the checkpoint. */
weir_rc flow_respond_opened(flow_server *v, const flow_kept *k, err *e);

#endif
