/* protocol.h - one row a protocol. `serve` is the platform-facing side: be a connector of this protocol. `drive` is the other: be the platform for
 * one, and get an ordinary weir_connector of it. A shim is serve(P)(drive(Q)).
 */
#ifndef WEIR_PROTO_PROTOCOL_H
#define WEIR_PROTO_PROTOCOL_H

#include "run/session.h"

/** How a foreign connector is started. Views and arrays are borrowed for the life of the driven connector. */
typedef struct drive_options {
    const char *const *argv; /* NULL: there is an address instead */
    const char *address;     /* fivetran: of a server that runs already, `localhost:50051`; NULL: argv is started */
    const char *const *env;  /* NULL-terminated NAME=value, added to the environment; may be NULL */
    bool protobuf;           /* flow: length-prefixed protobuf instead of JSON lines */
    bool destination;        /* it is a destination (target) rather than a source (tap) */
    bool derivation;         /* it is a derivation; of protocols that know them only (protocol.derives) */
    bool flow_documents;     /* its documents go where Flow's rules hold: each gets a /_meta/row_id, which is the key of streams without one (flow.md
                                10.2, 10.3), deletions are /_meta/op "d". Otherwise documents pass as they are */
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
    const char *program;     /* the name it was called by, without folders */
    char *const *args;       /* what followed, without what chose the protocol */
    size_t arg_count;
} serve_options;

/** How a program ends, if not by the error's code. */
typedef struct serve_end {
    int status;    /* exit status; negative: the error's code */
    bool reported; /* the error was told the way the platform wants it: it needs no log line */
    int signal;    /* it was asked to stop by this signal, and ends as if by it; 0: no */
} serve_end;

typedef struct protocol {
    const char *name;  /* `flow` */
    /* How a platform that speaks it calls a program, for weir_main(); lists end with NULL, NULL: none. */
    const char *const *words;    /* the first argument */
    const char *const *flags;    /* anywhere; also FLAG=VALUE */
    const char *const *vars;     /* set in the environment */
    const char *const *prefixes; /* of the program's name */
    bool own_version;            /* serve() answers --version */
    bool ends;                   /* its sources end by themselves: one that is silent is still at work */
    bool tables;                 /* its platforms manage tables themselves: a connector that is an SQL database and nothing else can be served */
    bool derives;                /* it knows derivations */
    bool shards;                 /* it knows tasks that are cut by ranges of keys */
    bool listens;                /* its connectors are servers: one that runs already is known by its address */
    const char *usage;           /* lines for --help, each behind "usage: " or seven blanks; %1$s is the program */
    weir_rc (*serve)(const weir_connector *, const serve_options *, serve_end *, err *e);
    /* Tells the platform why there is nothing to serve: a shim's connector does not start. NULL: the last line of the log does */
    void (*refuse)(const serve_options *, serve_end *, weir_rc, err *e);
    /* Starts the program once to learn its spec. The result is freed with its own close-like function: drive_free. */
    weir_rc (*drive)(const drive_options *, weir_connector **ret, err *e);
    void (*drive_free)(weir_connector *);
} protocol;

/** All of them, ended by a row without a name. The first is the default. */
extern const protocol protocols[];
/** By name; an empty name is the default. NULL: there is none. */
const protocol *protocol_find(weir_view name);
/** The one to be spoken with a server that runs already, if a catalog says no more than its address. */
const protocol *protocol_listening(void);
/** The same as protocol_find() for a name that a user gave: WEIR_E_CONFIG with those there are. */
weir_rc protocol_named(const char *name, const protocol **ret, err *e);
/** Can it serve the connector? A derivation only if it knows them; a database that manages no tables itself only if its platforms do. */
bool protocol_serves(const protocol *p, const weir_connector *c);
/** "flow, airbyte and singer" for messages. */
void protocol_names(buf *out);

/** Which protocol a program is to serve: --protocol NAME or --protocol=NAME (taken out of the arguments), else WEIR_PROTOCOL, else the first argument
 *  (--debug aside), else any flag, else the environment, else the program's name, else the default.
 *  @param args changed in place  @return WEIR_E_CONFIG for a name that is none */
weir_rc protocol_detect(const char *program, char **args, size_t *count, const protocol **ret, err *e);

/** Everything about serving a connector but the connector: arguments, signals, the last line, the exit status. */
typedef struct serving {
    log_sink *log;
    const char *name;
    const protocol *p;
    char **args;
    size_t arg_count;
    int stop_fd;
} serving;
/** Serves the protocol and reports. @return exit status */
int program_serve(const serving *g, const weir_connector *c);
/** Drives what the shim names and serves that. */
int program_shim(const serving *g, const weir_shim *s);

#endif
