/* peer.h - a connector process that speaks Flow, as its platform sees it: started, talked to, its stderr turned into our log, ended. */
#ifndef WEIR_FLOW_PEER_H
#define WEIR_FLOW_PEER_H

#include "proto/child.h"
#include "proto/flow/stream.h"

enum { PEER_ACK_MS = 10000 }; /* to take an acknowledgement (flow.md 3.3, rule 9) */

typedef struct flow_peer flow_peer;

/** Starts the program. @param stop_fd readable: terminate it. */
weir_rc peer_start(flow_peer **ret, const drive_options *o, int stop_fd, err *e);
/** Sends one request. */
weir_rc peer_send(flow_peer *p, flow_kind kind, weir_view body, err *e);
/** Tells it how many checkpoints have become durable; nothing, if it does not listen any more. One thread may do so while another
 *  receives. */
weir_rc peer_acknowledge(flow_peer *p, size_t count, err *e);
/** The next response; *ret_more is false at the end of its output. If it was stopped: WEIR_STOPPED. */
weir_rc peer_receive(flow_peer *p, flow_message *ret, bool *ret_more, err *e);
/** Writes requests that are framed already, and meanwhile hands every response that comes to `take`: either side may wait for the other to read. */
weir_rc peer_stream(flow_peer *p, weir_view requests, weir_rc (*take)(void *arg, const flow_message *m, err *e), void *arg, err *e);
/** The same, then receives until a response of kind `last` has come, which is not handed to `take`. */
weir_rc peer_stream_until(flow_peer *p, weir_view requests, flow_kind last, weir_rc (*take)(void *arg, const flow_message *m, err *e), void *arg,
                          flow_message *ret, err *e);
flow_codec peer_codec(const flow_peer *p);
/** Sends one request and takes its one answer, which must be of this kind. Good until the next receive. */
weir_rc peer_ask(flow_peer *p, flow_kind request, weir_view body, flow_kind answer, flow_message *ret, err *e);
/** Its output has ended: waits for its exit and judges it. Its last words become part of the error. */
weir_rc peer_finish(flow_peer *p, err *e);
/** Nothing more will be sent, and nothing more may come (flow.md 1.5, rule 2): its output must end, then peer_finish(). */
weir_rc peer_conclude(flow_peer *p, err *e);
/** If an error was caused by the peer's silence and it has died: the reason it gave on stderr instead. */
weir_rc peer_explain(flow_peer *p, weir_rc rc, err *e);
/** Ends it, by force if need be, and frees. Accepts NULL. */
void peer_free(flow_peer *p);

#endif
