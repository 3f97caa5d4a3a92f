/* drive.h - what the drivers of captures, materializations and derivations share. */
#ifndef WEIR_FLOW_DRIVE_H
#define WEIR_FLOW_DRIVE_H

#include <pthread.h>

#include "json/write.h"
#include "proto/flow/peer.h"

typedef struct flow_driven {
    weir_connector base; /* first: callbacks get back from it */
    drive_options o;
    arena arena;         /* texts of base */
    weir_view delta;     /* the resource setting that asks for delta updates; empty: there is none */
} flow_driven;

/** `self` of an opened driven connector. */
typedef struct flow_run {
    const flow_driven *d;
    char *config;         /* JSON text */
    size_t config_len;
    flow_peer *capturing; /* while pull() runs and the peer wants acknowledgements */
    pthread_mutex_t lock; /* of capturing */
    struct flow_storing *storing; /* a materialization's own; made at its first use */
    struct flow_deriving *deriving; /* a derivation's own, made when a session begins */
} flow_run;

/** The range of all keys (flow.md 1.9): one process does all. */
#define FLOW_RANGE VIEW("{\"keyEnd\":4294967295,\"rClockEnd\":4294967295}")

weir_rc flow_ask_spec(flow_peer *p, flow_message *m, err *e);
/** Members of request bodies. */
void flow_put_endpoint(json_out *w, const flow_run *r);
/** @param path JSON array; empty: not known yet */
void flow_put_resource(json_out *w, const flow_run *r, const weir_binding *b, weir_view path);
/** Opens the member `collection`, for more in it. @param key, projections JSON arrays */
void flow_open_collection(json_out *w, const weir_binding *b, weir_view key, weir_view projections);
/** The same, with projections of the columns that were chosen and of the whole document (flow.md 6.1). */
void flow_open_projected(json_out *w, const weir_binding *b);

/** A process, its hidden spec, one question, one answer. `use` (may be NULL) looks at the answer after the process has ended. The body is wiped. */
typedef weir_rc flow_use(weir_task *t, void *arg, const tree *answer);
weir_rc flow_unary(weir_task *t, const flow_run *r, flow_kind request, buf *body, flow_kind answer, flow_use *use, void *arg);

/** A connector's {"state":{"updated":{...},"mergePatch":bool}}, as a patch for our caller. @param state as it is known here  @param ret_any there was one; may be
 *  NULL */
weir_rc flow_take_state(weir_task *t, buf *state, const tree *answer, bool *ret_any);

extern const weir_materialize flow_drive_materialize;
void flow_storing_free(struct flow_storing *s);
extern const weir_derive flow_drive_derive;
void flow_deriving_free(struct flow_deriving *d);

#endif
