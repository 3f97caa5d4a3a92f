/* serve_derivation.h - the parts of serving a derivation: fields of collections, transactions. */
#ifndef WEIR_FLOW_SERVE_DERIVATION_H
#define WEIR_FLOW_SERVE_DERIVATION_H

#include "json/write.h"
#include "proto/flow/serve.h"

/* Listens to a connector during one request, or a whole session of deriving. */
typedef struct flow_derivation {
    listener base;
    flow_server *v;
    session *s;
    writer *w;             /* of published documents; NULL: there are none */
    weir_derivation d;
    weir_binding to;
    weir_transform *transforms;
    flow_kept kept;
    bool *read_only;       /* by transform: from weir_read_only() */
    buf generated;         /* from weir_generated_file(): members of an object */
} flow_derivation;

/* The fields of a collection: those of its key, then all its other projections. */
typedef struct flow_fields {
    const weir_column *columns;
    size_t count, keys;
} flow_fields;
weir_rc flow_all_fields(flow_server *v, const tree *collection, flow_fields *ret, err *e);

/** Serves what follows open, until the input ends. What was not committed then is dropped: the platform reads it again. */
weir_rc flow_serve_reads(flow_derivation *d, err *e);

#endif
