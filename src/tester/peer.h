/* peer.h - the connector under test: a server that is there already, or a program that is started with `--port N` on a port of this machine. */
#ifndef WEIR_TESTER_PEER_H
#define WEIR_TESTER_PEER_H

#include "net/rpc.h"
#include "proto/fivetran/cold.h"
#include "tester/report.h"

typedef struct tester_peer tester_peer;

typedef struct tester_target {
    const char *address;      /* HOST:PORT; NULL: command */
    const char *const *argv;  /* started with `--port N` behind its arguments; NULL: address */
    const char *service;      /* `SourceConnector` */
    log_sink *log;
    int stop_fd;              /* readable: give up */
} tester_target;

/** Starts the program, if it is one, and waits until the server answers. */
weir_rc tester_peer_open(tester_peer **ret, const tester_target *o, report *r, err *e);
/** Calls a method of the service. The answer lives in the arena. */
weir_rc tester_peer_call(tester_peer *p, const char *method, const ProtobufCMessage *request, const ProtobufCMessageDescriptor *type, arena *a,
                         ProtobufCMessage **ret, err *e);
/** The same, the answer as it came. */
weir_rc tester_peer_raw(tester_peer *p, const char *method, const ProtobufCMessage *request, buf *answer, err *e);
/** Begins a call whose answers are a stream. */
weir_rc tester_peer_stream(tester_peer *p, const char *method, const ProtobufCMessage *request, rpc_call **ret, err *e);
/** If the program has ended: its last words and its status instead of an error of the transport. */
weir_rc tester_peer_explain(tester_peer *p, weir_rc rc, err *e);
/** Ends the program, tells what was wrong with its log lines. Accepts NULL. */
void tester_peer_close(tester_peer *p);

#endif
