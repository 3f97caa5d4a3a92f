/* peer.h - a connector process that speaks Flow, as its platform sees it: started, talked to, its stderr turned into our log, ended. */
#ifndef WEIR_FLOW_PEER_H
#define WEIR_FLOW_PEER_H

#include "proto/flow/stream.h"
#include "proto/protocol.h"

enum {
    PEER_EXIT_MS = 10000,  /* from the end of its output to its exit */
    PEER_TERM_MS = 5000,   /* from SIGTERM to SIGKILL */
    PEER_ACK_MS = 10000    /* to take an acknowledgement (flow.md 3.3, rule 9) */
};

typedef struct flow_peer flow_peer;

/** Starts the program. @param stop_fd readable: terminate it. */
weir_rc peer_start(flow_peer **ret, const drive_options *o, int stop_fd, err *e);
/** Sends one request. */
weir_rc peer_send(flow_peer *p, flow_kind kind, weir_view body, err *e);
/** Nothing more will be sent. */
void peer_close_input(flow_peer *p);
/** The next response; *ret_more is false at the end of its output. If it was stopped: WEIR_STOPPED. */
weir_rc peer_receive(flow_peer *p, flow_message *ret, bool *ret_more, err *e);
/** Sends one request and takes its one answer, which must be of this kind. Good until the next receive. */
weir_rc peer_ask(flow_peer *p, flow_kind request, weir_view body, flow_kind answer, flow_message *ret, err *e);
/** The peer's output has ended, or must end now: waits for its exit and judges it. Its last words become part of the error. */
weir_rc peer_finish(flow_peer *p, err *e);
/** Adds the reason the peer gave on stderr, if it has died, to an error that its silence caused. */
weir_rc peer_explain(flow_peer *p, weir_rc rc, err *e);
/** Ends it, by force if need be, and frees. Accepts NULL. */
void peer_free(flow_peer *p);

#endif
