/* prepare.h - from a task of the catalog to bindings that a session can work with: endpoint opened, resources parsed, validated, applied. */
#ifndef WEIR_PLANE_PREPARE_H
#define WEIR_PLANE_PREPARE_H

#include "run/demands.h"
#include "plane/run.h"

typedef struct prepare_options {
    native_finder natives;
    log_sink *log;
    int stop_fd;
    const tree *config;                  /* settings instead of the catalog's; NULL: those */
    void (*live)(void *arg, session *s); /* a session begins to work, NULL: it has ended; so that it can be stopped */
    void *arg;
    bool runs_ahead;                     /* see session_options */
    weir_view last_spec, last_version;   /* see weir_last_spec() */
    uint32_t key_begin, key_end;         /* see weir_key_range(); both 0: all */
} prepare_options;

typedef struct prepared {
    const task *t;
    prepare_options o;
    opened_endpoint end;
    arena arena;
    weir_binding *bindings;  /* with paths and state keys */
    const tree **resources;
    demands *demands;        /* by binding: of a destination, as it was validated */
    size_t count;
} prepared;

/** A capture: opens, validates and applies, each in a session of its own, as the platform does. */
weir_rc prepare_task(prepared *p, const task *t, const prepare_options *o, err *e);
/** The parts of it, for who wants less: opens the endpoint and makes the bindings ... */
weir_rc prepare_begin(prepared *p, const task *t, const prepare_options *o, err *e);
/** ... validates, computes paths and state keys, makes the columns of a destination as it wants them ... */
weir_rc prepare_validate(prepared *p, err *e);
/** ... applies. */
weir_rc prepare_apply(prepared *p, err *e);
/** For listeners of a session that validates: what the connector says of paths and columns is kept here ... */
weir_rc prepared_take_path(prepared *p, weir_task *t, const weir_binding *b, weir_view path);
weir_rc prepared_take_constraint(prepared *p, weir_task *t, const weir_binding *b, const weir_column *column, weir_need need, weir_view reason);
weir_rc prepared_take_fold(prepared *p, weir_task *t, const weir_binding *b, const weir_column *column, weir_view name);
/** ... and obeyed: the bindings' columns, all that are possible, become those that are to be stored. */
weir_rc prepared_obey(prepared *p, err *e);
/** Looks at each binding; what is wrong with any of them is one error, a line each: "binding NAME: ...". */
weir_rc prepared_each(prepared *p, weir_rc (*look)(void *arg, prepared *p, size_t i, err *e), void *arg, err *e);
/** The settings that sessions are opened with. */
const tree *prepared_config(const prepared *p);
/** Paths and state keys from the resource configs and what was set before; two bindings must not share a resource. */
weir_rc prepare_paths(prepared *p, err *e);
/** A session for it; not opened yet. NULL without memory. */
session *prepared_session(const prepared *p, listener *l, err *e);
void prepared_free(prepared *p);

#endif
