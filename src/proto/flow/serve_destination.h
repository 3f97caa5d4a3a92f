/* serve_destination.h - the parts of serving a materialization: columns, constraints, transactions. */
#ifndef WEIR_FLOW_SERVE_DESTINATION_H
#define WEIR_FLOW_SERVE_DESTINATION_H

#include "json/write.h"
#include "proto/flow/serve.h"
#include "run/demands.h"

/* Listens to a connector during one request, or a whole session of storing. */
typedef struct flow_destination {
    listener base;
    flow_server *v;
    session *s;
    const tree *task;      /* the MaterializationSpec, or the Validate request */
    weir_binding *b;
    size_t count;
    weir_view *paths;      /* by binding: from weir_resource_path() */
    bool *delta;           /* ... from weir_delta_updates() */
    demands *said;         /* ... from weir_constrain() and the like */
    flow_kept kept;
    bool loading;          /* documents may be loaded now */
} flow_destination;

/** The columns of a binding of apply and open: keys, values, document, in the order of the field selection (flow.md 5.4). */
weir_rc flow_selected_columns(flow_server *v, const tree *item, weir_binding *b, err *e);
/** Of one of validate: the key, then everything that could be selected. */
weir_rc flow_possible_columns(flow_server *v, const tree *item, weir_binding *b, err *e);
/** The member `constraints` of a validated binding (flow.md 5.3): what the connector said, or what holds usually. */
void flow_put_constraints(const flow_destination *d, const weir_binding *b, json_out *w);

/** Serves what follows open, until the input ends. What was not committed then is dropped: the platform stores it again. */
weir_rc flow_serve_transactions(flow_destination *d, err *e);

#endif
