/* protocol.h - one row a protocol. `serve` is the platform-facing side: be a connector of this protocol. `drive` is the other: be the platform for
 * one, and get an ordinary weir_connector of it. A shim is serve(P)(drive(Q)).
 */
#ifndef WEIR_PROTO_PROTOCOL_H
#define WEIR_PROTO_PROTOCOL_H

#include "run/session.h"

/** How a foreign connector is started. Views and arrays are borrowed for the life of the driven connector. */
typedef struct drive_options {
    const char *const *argv;
    const char *const *env;  /* NULL-terminated NAME=value, added to the environment; may be NULL */
    bool protobuf;           /* flow: length-prefixed protobuf instead of JSON lines */
    weir_level log_level;    /* passed on as LOG_LEVEL; 0: the log's own, but not trace */
    log_sink *log;           /* its stderr goes here, with its level */
    weir_view task_name;
    int64_t interval_ms;     /* for its CaptureSpec */
    int stop_fd;             /* readable: give up waiting. -1: none */
} drive_options;

typedef struct serve_options {
    int in, out;
    log_sink *log;
    int stop_fd;
} serve_options;

typedef struct protocol {
    const char *name;  /* `flow` */
    weir_rc (*serve)(const weir_connector *, const serve_options *, err *e);
    /* Starts the program once to learn its spec. The result is freed with its own close-like function: drive_free. */
    weir_rc (*drive)(const drive_options *, weir_connector **ret, err *e);
    void (*drive_free)(weir_connector *);
} protocol;

/** All of them, ended by a row without a name. The first is the default. */
extern const protocol protocols[];
const protocol *protocol_find(weir_view name);

#endif
