/* task.h - the inside of weir_task and session, for this room only. */
#ifndef WEIR_RUN_TASK_H
#define WEIR_RUN_TASK_H

#include <pthread.h>

#include "json/pointer.h"
#include "run/session.h"

enum { BUILD_DEPTH = 64 }; /* how deep a built document may nest */

struct weir_task {
    session *s;
    weir_task *next; /* of the session's attached tasks */
    arena arena;   /* until the next checkpoint */
    arena names;   /* until the task ends */
    err err;
    lane lane;
    bool attached; /* the listener knows the lane */
    buf scratch;   /* a document or state on its way */

    /* The document under construction. */
    const weir_binding *building; /* NULL: none */
    outlet *out;             /* where its JSON text goes; NULL: it is given to an outlet as values, or there is none */
    outlet *typed;           /* that takes values; NULL: JSON it is */
    outlet inside;           /* for the JSON text of an object or array among values: into scratch */
    weir_name inside_name;
    weir_op op;
    size_t start;            /* of its prefix in out->to */
    uint64_t arrays;         /* bit i: level i is an array */
    unsigned depth;
    bool comma;
    weir_rc build_rc;
    const char *build_error; /* constant text; the first thing that went wrong */
};

typedef struct pending_ack {
    const weir_binding *binding;
    char *state;
    size_t len;
} pending_ack;

struct session {
    const weir_connector *connector;
    listener *to;
    log_sink *log;
    arena arena;             /* as long as the session */
    weir_view name;
    bool relay;              /* the connector's capture is one, see weir.h */
    bool no_acks;            /* see session_options */
    bool runs_ahead;
    uint32_t key_begin, key_end;
    weir_view last_spec, last_version;
    weir_rules *rules;       /* by binding: of a destination */
    size_t rule_count;
    arena cuts;              /* of rows that are cut on their way to store() */

    void *config;            /* the settings struct, or a weir_view */
    void *self;
    bool opened;             /* open() succeeded: close() is due */

    weir_binding *bindings;
    size_t binding_count;
    buf *states;             /* by binding: as its last checkpoint left it */
    bool *used;              /* by binding: documents of it were emitted in this session. NULL: no lane was attached yet */
    bool begun;              /* the task has a state of its own, beside those of its bindings */
    weir_view initial_state; /* of the task */
    buf state;               /* ... where it has changed since */
    const weir_derivation *derivation; /* NULL: it is a source or a destination */
    picker **pickers;        /* by transform: of its columns; NULL: the connector does not want their values */
    arena values;            /* of the reads at hand */
    bool publishing;         /* a derivation reads or flushes: documents may come */
    pthread_mutex_t lock;    /* of states, used, begun, acks, problems, attached, emitted */
    weir_task *attached;     /* tasks whose lanes the listener knows */
    uint64_t emitted;        /* documents of lanes that have ended */

    pending_ack *acks;       /* ring */
    size_t ack_first, ack_count, ack_room;
    buf problems;

    atomic_bool stop;
    int stop_fd;             /* eventfd */
};

/** Secrets are masked before anything can complain about the settings. They are described by a table, or a schema, or not at all. */
weir_rc session_mask_settings(session *s, const weir_field *table, weir_view schema, const tree *const *settings, size_t count, err *e);
/** Fills the struct of the connector's table `resource`, where it has one. @param what the settings are of, for errors */
weir_rc session_parse_resource(session *s, const tree *settings, const char *what, const void **ret, err *e);
/** Gives the session its bindings and the state of the task; what each of them left is taken from that. */
weir_rc session_take_bindings(session *s, weir_binding *b, size_t count, weir_view task_state, err *e);
/* What session_validate(), session_flush() and session_commit() do for a derivation: see derive.c. */
weir_rc session_validate_derivation(session *s, err *e);
weir_rc session_flush_derivation(session *s, err *e);
weir_rc session_commit_derivation(session *s, weir_view position, err *e);
/** Masks the secrets of a config that has taken the place of the one the session was opened with. */
weir_rc session_mask_config(session *s, weir_view config, err *e);

void task_init(weir_task *t, session *s);
/** Drops what was not sealed and frees everything. */
void task_end(weir_task *t);
/** Ends the work of one callback: takes care of a document left open, memory that ran out, the arena. */
weir_rc task_finish(weir_task *t, weir_rc rc);
weir_rc task_attach(weir_task *t);
/** Memory ran out, here or where it was told already. */
weir_rc task_nomem(weir_task *t);
/** Seals documents that a pull left without a checkpoint: the state stays, the documents are not lost. */
weir_rc task_seal_rest(weir_task *t);
/** Bookkeeping after a document was appended to outlet o from `start` on. */
weir_rc task_appended(weir_task *t, outlet *o, size_t start);
/** The same for one of which `held` bytes are held somewhere. */
weir_rc task_counted(weir_task *t, outlet *o, size_t held);
/** Takes back the document under construction. */
void task_drop(weir_task *t);
/** The document as the outlet's platform writes a deletion or update, in t->scratch. */
weir_rc task_mark(weir_task *t, const weir_binding *b, const outlet *o, weir_op op, weir_view doc, weir_view *ret);

#endif
