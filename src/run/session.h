/* session.h - what the lanes of one run of a connector share, and the seam between a connector and whoever listens to it.
 *
 * A connector talks to weir_task functions. These fill buffers and call a `listener`: the serving side of a protocol, the local data plane, a
 * previewer. The hot path has no call in it: for every binding the listener names a buffer, a prefix and a suffix (an `outlet`), and
 * weir_emit() appends prefix, document, suffix. Only when a buffer is full, or at a checkpoint, is the listener called.
 */
#ifndef WEIR_RUN_SESSION_H
#define WEIR_RUN_SESSION_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/log.h"
#include "json/tree.h"
#include "model/spec.h"

typedef struct session session;
typedef struct listener listener;

typedef struct outlet outlet;

/** A document as typed values instead of JSON text: what an outlet may offer to the builder (weir_begin, weir_put_..., weir_end), which then writes none. Only
 *  the members of the document itself come so; what is within an object or array of it comes as JSON text. What goes wrong is told by end(). */
typedef struct outlet_values {
    weir_rc (*begin)(outlet *, weir_task *);
    void (*null)(outlet *, weir_name);
    void (*boolean)(outlet *, weir_name, bool);
    void (*integer)(outlet *, weir_name, int64_t);
    void (*natural)(outlet *, weir_name, uint64_t);
    void (*number)(outlet *, weir_name, double);                          /* NaN and infinities too */
    void (*decimal)(outlet *, weir_name, weir_view digits);               /* a JSON number */
    void (*text)(outlet *, weir_name, weir_view);                         /* not checked to be UTF-8 */
    void (*time)(outlet *, weir_name, int64_t seconds, uint32_t nanos);   /* not checked to be one */
    void (*bytes)(outlet *, weir_name, weir_view);
    void (*json)(outlet *, weir_name, weir_view);                         /* checked, on one line */
    weir_rc (*end)(outlet *, weir_task *, size_t *ret_held);              /* the document is complete; ret_held as for outlet.take */
    void (*drop)(outlet *);                                               /* it was begun, and is taken back */
} outlet_values;

/** Where the documents of one binding go, on one lane. */
struct outlet {
    buf *to;                  /* its own, or shared by the bindings of the lane */
    weir_view prefix, suffix; /* constant around every document */
    size_t head;              /* bytes kept free before the document, for finish(); after prefix */
    size_t max;               /* largest document with its frame; 0: no limit */
    /* Called with the offset at which this document's prefix begins, once prefix, head, document and suffix are in `to`. NULL: nothing. */
    void (*finish)(struct outlet *, size_t start);
    /* Appends the document as this listener's platform writes a deletion or an update. NULL: with /_meta/op "d" or "u". @return false without memory */
    bool (*mark)(const struct outlet *, weir_op, weir_view doc, buf *out);
    bool whole;               /* the platform knows whole documents only: a WEIR_UPDATE is refused */
    bool used;                /* the lane's: a document was put into it */
    weir_op op;               /* of the document that is just put into `to`, for finish() and take() */
    /* Takes the document, as finish() has left it, out of `to` again, which is only a place to put it together. NULL: it stays there.
     * @param ret_held how many bytes the lane holds more because of it */
    weir_rc (*take)(struct outlet *, weir_task *, size_t start, size_t *ret_held);
    const outlet_values *values; /* for documents that are built and are no deletions or updates; NULL: they come as JSON, too */
    void *context;            /* finish's, mark's, take's and values' own */
};

/** What a lane hands to its listener. */
typedef struct lane {
    outlet *outlets;   /* one for each binding of the session, by index */
    buf shared;        /* for listeners whose bindings share one buffer */
    size_t held;       /* bytes in all its buffers, as of the last look */
    size_t documents;  /* emitted since the last checkpoint */
    bool truncated;    /* set by listener_ops.truncate: there is something to seal, documents or not */
    atomic_uint_fast64_t emitted; /* documents since it began: for session_emitted() */
    void *own;         /* the listener's, per lane */
    bool exclusive;    /* it has spilled: the listener lets nobody else in before its checkpoint */
} lane;

typedef struct checkpoint {
    const weir_binding *binding; /* NULL: the task's state */
    weir_view state;             /* whole state, or patch: already in terms of the task's state */
    bool merge;                  /* state is a merge patch (RFC 7396) */
    weir_view given;             /* what the connector gave: for acknowledgements */
} checkpoint;

/** All called with the session unlocked, from the lane's own thread; a listener that several lanes call locks for itself. A NULL slot refuses
 *  (discovered, loaded; attach: documents) or does nothing (the others); who has attach has spill and seal too. */
typedef struct listener_ops {
    weir_rc (*attach)(listener *, weir_task *, lane *);              /* a lane begins: set outlets, own; leave nothing behind on failure */
    void (*detach)(listener *, lane *);                              /* it ends, after its last seal or with unsealed rest dropped */
    weir_rc (*spill)(listener *, weir_task *, lane *);               /* buffers are full and no checkpoint has come */
    weir_rc (*seal)(listener *, weir_task *, lane *, const checkpoint *);
    weir_rc (*schema)(listener *, weir_task *, lane *, const weir_binding *, weir_view schema);
    weir_rc (*discovered)(listener *, weir_task *, const weir_stream *, weir_view resource, weir_view path);
    weir_rc (*resource_path)(listener *, weir_task *, const weir_binding *, weir_view path);
    weir_rc (*loaded)(listener *, weir_task *, const weir_row *, weir_view doc);
    weir_rc (*resume)(listener *, weir_task *, weir_view checkpoint);
    weir_rc (*constrain)(listener *, weir_task *, const weir_binding *, const weir_column *, weir_need, weir_view reason);
    weir_rc (*delta)(listener *, weir_task *, const weir_binding *);  /* its rows are additions */
    weir_rc (*fold)(listener *, weir_task *, const weir_binding *, const weir_column *, weir_view name);
    weir_rc (*rules)(listener *, weir_task *, const weir_binding *, const weir_rules *);
    weir_rc (*load_all)(listener *, weir_task *);
    /* A driven connector has been applied: this is what it is to be told next time, as weir_last_spec() */
    weir_rc (*applied)(listener *, weir_task *, weir_view spec, weir_view version);
    void (*problem)(listener *, weir_task *, const weir_binding *, weir_view message); /* NULL: session_validate() gathers them itself */
    weir_rc (*opened)(listener *, weir_task *, bool explicit_acks);  /* capture only: before the first document */
    /* Reading a binding begins, and has ended with rc: everything is sealed, or was dropped. end() returns rc, or WEIR_OK if the other bindings shall
     * go on nevertheless. A capture that pulls all bindings in one begins and ends them together. */
    weir_rc (*begin)(listener *, weir_task *, lane *, const weir_binding *);
    weir_rc (*end)(listener *, weir_task *, lane *, const weir_binding *, weir_rc rc);
    weir_rc (*estimate)(listener *, weir_task *, lane *, const weir_binding *, uint64_t documents, uint64_t bytes);
    /* NULL: the platform has no word for it, so WEIR_E_CONFIG, unless nothing of the binding has come before */
    weir_rc (*truncate)(listener *, weir_task *, lane *, const weir_binding *);
    weir_rc (*config)(listener *, weir_task *, lane *, weir_view config);  /* NULL: a warning that they cannot be kept */
    weir_rc (*keep)(listener *, weir_task *, weir_view patch);             /* destination or derivation */
    weir_rc (*read_only)(listener *, weir_task *, const weir_transform *); /* derivation: see weir_read_only() */
    weir_rc (*generated)(listener *, weir_task *, weir_view url, weir_view content);
} listener_ops;

struct listener {
    const listener_ops *ops;
};

/** Of somebody who only wants to know whether it works: what is discovered is not kept, and nothing else is listened to. */
extern const listener_ops listener_quiet;

/** How full a lane may get before spill(). */
enum { LANE_SPILL = 256 * 1024 };

typedef struct session_options {
    const weir_connector *connector;
    listener *to;
    log_sink *log;
    weir_view task_name;
    bool no_acks;   /* the platform cannot acknowledge: acked() is never called, a relay that demands it is refused */
    bool runs_ahead; /* a destination: the next transaction's load() may come before an acknowledge() has taken effect; a second one waits for that */
    uint32_t key_begin, key_end;       /* see weir_key_range(); both 0: all */
    weir_view last_spec, last_version; /* see weir_last_spec() */
} session_options;

/** Makes a session; copies what it needs of the options. NULL without memory. */
session *session_new(const session_options *o);
void session_free(session *s);

/** Opens the connector with this config (already an object tree): parses it, masks its secrets, calls open(). Must be the first. */
weir_rc session_open(session *s, const tree *config, err *e);
/** Sets bindings (resource configs parsed into structs) and state. What `b` points to must live as long as the session. Each item's resource and
 *  state are filled in; state from task_state by state_key. */
weir_rc session_bind(session *s, weir_binding *b, const tree *const *resources, size_t count, weir_view task_state, err *e);
const weir_binding *session_bindings(const session *s, size_t *ret_count);
/** A destination, between two callbacks: takes more bindings, or changed ones. `b` may be a new array; it holds the former bindings in their places, and
 *  those whose `resource` is NULL get theirs parsed. Then session_apply_some() for what is new. */
weir_rc session_rebind(session *s, weir_binding *b, const tree *const *resources, size_t count, err *e);

weir_rc session_discover(session *s, err *e);
weir_rc session_validate(session *s, err *e);
weir_rc session_apply(session *s, err *e);
/** apply() for `count` bindings from `first` on. */
weir_rc session_apply_some(session *s, size_t first, size_t count, err *e);
/** Pulls until done or stopped. Calls listener.opened first. */
weir_rc session_pull(session *s, err *e);
/** Tells a capture that `count` of its oldest unacknowledged checkpoints are durable. Callable from any one thread while session_pull runs.
 *  More than are outstanding is WEIR_E_PROTOCOL. */
weir_rc session_acked(session *s, size_t count, err *e);
/** A derivation: sets what it makes and of what, instead of session_bind(). d->count is set; `to` and `transforms` become its own, with their indexes and
 *  lambdas parsed into structs. All of it must live as long as the session. @param lambdas by transform  @param state what it has kept */
weir_rc session_derive(session *s, weir_derivation *d, weir_binding *to, weir_transform *transforms, const tree *const *lambdas, weir_view state, err *e);
/** Then: begin, and transactions of read ... session_flush(), session_commit(). What is published in a callback is sealed at its end, with nothing (`{}`,
 *  merged): it counts once the transaction is committed. weir_state() is empty after a reset. */
weir_rc session_begin(session *s, err *e);
/** @param reads their `values` are filled in, if the connector wants them */
weir_rc session_read(session *s, weir_read *reads, size_t count, err *e);
weir_rc session_reset(session *s, err *e);
/** Materialization; flush and commit also of a derivation. */
weir_rc session_load(session *s, const weir_row *keys, size_t count, err *e);
weir_rc session_flush(session *s, err *e);
weir_rc session_store(session *s, const weir_row *rows, size_t count, err *e);
weir_rc session_commit(session *s, weir_view position, err *e);
/** Can a destination expire rows: @param chosen by their age, or by marks; false: all of them, to be removed */
bool session_can_expire(const weir_materialize *m, bool chosen);
/** WEIR_E_CONFIG if the destination cannot. */
weir_rc session_expire(session *s, const weir_binding *b, const weir_expiry *x, err *e);
weir_rc session_acknowledge(session *s, err *e);
/** Runs fn on a task of its own, as one callback of the connector: for what protocols do with weir_connector.sql and tests. `self` is the connector's. */
weir_rc session_call(session *s, weir_rc (*fn)(weir_task *, void *self, void *arg), void *arg, err *e);
/** The good end of a session: see weir_materialize.finish. */
weir_rc session_finish(session *s, err *e);

/** What weir_state() gives from now on, between two callbacks. @return false without memory */
bool session_set_state(session *s, weir_view state);

/** Asks all lanes to stop. Async-signal-safe: no. Thread-safe: yes. */
void session_stop(session *s);
bool session_stopping(const session *s);
/** Becomes readable when it is stopped; never read from it. */
int session_stop_fd(const session *s);
/** How many documents its lanes have emitted so far, sealed or not: tells from any thread whether something happens. */
uint64_t session_emitted(session *s);
log_sink *session_log(const session *s);
listener *session_listener(const session *s);
void *session_self(const session *s);

/* For listeners, about the task that calls them. */
session *task_session(weir_task *);
err *task_error(weir_task *);
/** Called by a listener inside seal(), at the moment that fixes the order of this checkpoint among those of all lanes. */
weir_rc task_sealed(weir_task *, const checkpoint *);
/** weir_emit for a document that was already scanned: `lines` says whether it has raw line breaks. For drivers. */
weir_rc task_emit_scanned(weir_task *, const weir_binding *, weir_view doc, bool lines);
/** The same for a document in two pieces, the first of which is ours: `{"_meta":{"row_id":1},` and what follows the brace of the rest. */
weir_rc task_emit_pieces(weir_task *, const weir_binding *, weir_view head, weir_view rest, bool lines);
/** Says that settings which a connector has changed are kept nowhere: what a listener without config() does. */
weir_rc task_config_lost(weir_task *);
/** What a listener without truncate() does: WEIR_E_CONFIG, unless nothing of the binding has come yet, so that nothing can be out of date. */
weir_rc task_truncate_refused(weir_task *, const weir_binding *);
/** Documents since the last checkpoint never happened: a driven connector has ended without another one. Nothing may be emitted on this lane afterwards. */
void task_drop_rest(weir_task *);
/** For drivers of destinations: see session_options.runs_ahead and listener_ops.applied. */
bool task_runs_ahead(const weir_task *);
weir_rc task_applied(weir_task *, weir_view spec, weir_view version);
/** The task-level checkpoint as it came from a foreign connector. */
weir_rc task_checkpoint_raw(weir_task *, weir_view state, bool merge);

#endif
