/* drive_storing.h - the parts of driving a materialization: what it said of the fields, how rows are stored, the process that stores. */
#ifndef WEIR_FLOW_DRIVE_STORING_H
#define WEIR_FLOW_DRIVE_STORING_H

#include "base/map.h"
#include "json/pointer.h"
#include "proto/flow/drive.h"

/* What validation said of a binding. */
typedef struct flow_verdict {
    weir_view path;         /* empty: it was not validated */
    weir_view *forbidden;   /* fields */
    size_t forbidden_count;
    bool document;          /* the whole document has to be stored */
    bool delta;
    weir_view projections;  /* JSON: all there are */
    weir_rules rules;
} flow_verdict;

/* How its rows are stored. */
typedef struct flow_plan {
    weir_view path;
    size_t *values;         /* columns, ascending by field (flow.md 5.4) */
    size_t value_count;
    weir_view document;     /* the field that holds it; empty: it is not stored */
    bool delta;
    picker *key;            /* of a loaded document */
    weir_view *parts;       /* room for what it picks */
} flow_plan;

struct flow_storing {
    arena arena;            /* of said */
    flow_verdict *said;
    size_t said_count;
    arena plan_arena;
    flow_plan *plans;       /* NULL: to be made anew */
    const weir_binding *b;
    size_t count;
    buf state;              /* as we know it: the connector's */
    bool has_state, resumed;
    flow_peer *p;           /* the process that stores */
    bool broken;            /* something went wrong: nobody listens to it any more */
    bool acknowledging;     /* it has been asked to, and has not answered */
    bool acknowledged;      /* since the last startedCommit */
    buf peers;              /* statePatches of the next request: what it said last */
    bool flushed;           /* in this transaction */
    bool stored;
    map keys;               /* that are being loaded: binding and packed key -> row */
    arena key_arena;
    buf out;                /* requests that wait */
    buf key, key_packed, values, values_packed; /* of one row */
    buf checkpoint;         /* the last one that was committed */
};
typedef struct flow_storing flow_storing;

/** The materialization's part of an opened connector, with the bindings of the session. NULL without memory, and then the task has the error. */
flow_storing *flow_storing_of(weir_task *t, flow_run *r);
/** Ends the process, if there is one. */
void flow_storing_end(flow_storing *s);
/** The whole document as a field of its own. */
extern const weir_column flow_whole_document;
bool flow_is_document(const weir_column *c);
/** Asks the connector about all bindings. @param tell our caller what it says */
weir_rc flow_ask_validate(weir_task *t, flow_run *r, flow_storing *s, bool tell);
/** Makes the plans of all bindings; validates first if paths are not known. */
weir_rc flow_make_plans(weir_task *t, flow_run *r, flow_storing *s);
/** All projections of a binding (flow.md 6.1), sorted by field. @return JSON; without memory it has failed */
buf flow_projections_of(const weir_binding *b);
/** The member `fieldConfig`: what the user asked of columns, if anything. */
void flow_put_field_config(json_out *w, const weir_binding *b);
/** Members `lastMaterialization`, `lastVersion`, if there was one. */
void flow_put_last(json_out *w, const weir_task *t);
/** Members of apply and open: the specification (flow.md 5.7), version, state. */
void flow_put_task(json_out *w, weir_task *t, const flow_run *r, const flow_storing *s);
/** See weir_materialize. */
weir_rc flow_driven_validate(weir_task *t, void *self, const weir_binding *b, size_t n);
weir_rc flow_driven_apply(weir_task *t, void *self, const weir_binding *b, size_t n);
/** Ends a transaction in the middle of our caller's: with the checkpoint of the former one, so that after a crash its rows are stored again. */
weir_rc flow_turn_over(weir_task *t, flow_storing *s);

#endif
