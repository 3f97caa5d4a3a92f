/* serve.h - what the two served services share: the connector, a call's request and answer, the thread beside a call. */
#ifndef WEIR_FIVETRAN_SERVE_H
#define WEIR_FIVETRAN_SERVE_H

#include "json/tree.h"
#include "net/rpc.h"
#include "proto/fivetran/cold.h"
#include "proto/fivetran/form.h"
#include "run/session.h"

/** What is served: the context of every method. Shared by all calls, which run at the same time; nothing in it changes. */
typedef struct ft_served {
    const weir_connector *c;
    log_sink *log;
    bool parquet; /* Capabilities of a destination: Parquet instead of CSV */
    struct ft_databases *databases; /* of a destination: serve_destination.h; NULL: it is none */
} ft_served;

/** The methods of a service, ended by one without a path. serve.c registers them with an ft_served as their context. */
extern const rpc_method ft_source_methods[];
extern const rpc_method ft_destination_methods[];

/** ConfigurationForm of both services: the connector's settings as a form. */
weir_rc ft_configuration_form(rpc_call *c, void *context, err *e);
/** Test of both services: the connector's own tests, else `connect` (it opens) and `select` (a source has something to be read, a destination can be used). */
weir_rc ft_test(rpc_call *c, void *context, err *e);

/** The one request of a call, unpacked into the arena. WEIR_E_PROTOCOL: none came, or it is none of these. */
weir_rc ft_request(rpc_call *c, arena *a, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret, err *e);
/** The one answer. */
weir_rc ft_answer(rpc_call *c, const ProtobufCMessage *m, err *e);
/** A request's configuration as the connector's settings; secrets are masked from now on. WEIR_E_CONFIG names what is wrong. */
weir_rc ft_config(const ft_served *s, arena *a, const ft_flat *configuration, const tree **ret, err *e);

/** A session of a call: opened, then the work; stopped when the call is cancelled, which is WEIR_STOPPED. */
typedef struct ft_session {
    const ft_served *served;
    rpc_call *call;
    const tree *config;
    listener *to;
    weir_rc (*work)(session *s, void *arg, err *e);
    void *arg;
} ft_session;
weir_rc ft_with_session(const ft_session *o, err *e);

/** The thread beside a call's session: stops it once the call is cancelled, and flushes what lingers. */
typedef struct ft_watch ft_watch;
typedef struct ft_watch_options {
    session *s;
    int stop_fd;   /* readable: the session is to stop; -1: none. Never read from */
    int wake_fd;   /* readable: something waits to be flushed; read by the watch. -1: none */
    int linger_ms; /* flush() so long after that */
    bool (*flush)(void *arg); /* @return it is to be asked again, after linger_ms */
    void *arg;
} ft_watch_options;
/** NULL, with an error, if there is no thread to be had. */
ft_watch *ft_watch_start(const ft_watch_options *o, err *e);
/** Ends it; harmless with NULL. @return true: it has stopped the session */
bool ft_watch_end(ft_watch *w);

#endif
