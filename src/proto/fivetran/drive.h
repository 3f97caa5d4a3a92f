/* drive.h - what the drivers of Fivetran's sources and destinations have in common: the server that is driven, requests, tables. */
#ifndef WEIR_PROTO_FIVETRAN_DRIVE_H
#define WEIR_PROTO_FIVETRAN_DRIVE_H

#include <pthread.h>

#include "net/rpc.h"
#include "proto/fivetran/cold.h"
#include "proto/fivetran/form.h"
#include "proto/fivetran/types.h"
#include "proto/protocol.h"

enum {
    FT_START_MS = 60000,  /* from the start of a server until it answers: some run on the JVM */
    FT_ASK_MS = 60000,    /* for what a connector knows by itself */
    FT_WORK_MS = 3600000  /* for what it has to ask another system about, or to write there */
};

/* ---- the server: a process that we have started, or an address ---- */

typedef struct ft_server ft_server;

/** Starts the command with a free port, or connects to the address, and waits until it answers. What it prints is logged. */
weir_rc ft_server_start(ft_server **ret, const drive_options *o, err *e);
/** Has its process ended? */
bool ft_server_is_dead(ft_server *s);
/** One request, one answer. `name`: of the method; the service is that of a source or destination. */
weir_rc ft_server_ask(ft_server *s, const char *name, buf *request, buf *response, int64_t deadline_ms, int stop_fd, err *e);
/** Begins a call whose answers are a stream: the request is sent. */
weir_rc ft_server_stream(ft_server *s, const char *name, buf *request, int stop_fd, rpc_call **ret, err *e);
/** An error that comes of the death of the process: the reason it gave instead. */
weir_rc ft_server_explain(ft_server *s, weir_rc rc, err *e);
ft_server *ft_server_share(ft_server *s);
/** Ends the process with its last user. Accepts NULL. */
void ft_server_free(ft_server *s);

/* ---- the connector ---- */

typedef struct ft_driven {
    weir_connector base; /* first: callbacks get back from it */
    drive_options o;
    arena arena;         /* texts of base; form, plan */
    ft_form form;
    ft_plan *plan;       /* its settings, as ft_form_schema() describes them */
    pthread_mutex_t lock;
    ft_server *server;   /* the one that runs; guarded by lock */
} ft_driven;

struct ft_loading; /* drive_destination.c */

/** `self` of an opened one. */
typedef struct ft_run {
    ft_driven *d;
    ft_server *server;
    buf configuration;   /* the map, as field 1 of a request */
    struct ft_loading *loading; /* a destination's; NULL: none yet */
} ft_run;

extern const weir_capture ft_driven_capture;
extern const weir_materialize ft_driven_materialize;
void ft_loading_free(struct ft_loading *l);

/** Runs every test of the form; a failure becomes a problem (weir_problem). @param ret_failed some did: there is no use in asking for more */
weir_rc ft_run_tests(weir_task *t, ft_run *r, bool *ret_failed);

/* ---- requests, by hand ---- */

void ft_say_text(buf *out, unsigned tag, weir_view text);
void ft_say_number(buf *out, unsigned tag, uint64_t n);

/* ---- tables ---- */

/** Copies what a message says into the arena. @return false without memory */
bool ft_table_take(arena *a, const char *schema, const FivetranSdk__V2__Table *from, ft_table *ret);
/** Appends a Table: what stands inside of the field. */
void ft_table_say(const ft_table *t, buf *out);

/** One text of both names, for maps. */
weir_view ft_table_key(arena *a, weir_view schema, weir_view table);

/** What a source has said it has. */
typedef struct ft_schema {
    ft_table *tables;
    size_t count;
    bool unknown;       /* it does not say */
    bool with_schemas;
    bool no_selection;  /* tables cannot be selected */
} ft_schema;
weir_rc ft_schema_ask(weir_task *t, ft_run *r, arena *a, ft_schema *ret);
const ft_table *ft_schema_find(const ft_schema *s, weir_view schema, weir_view table);

/** A binding's resource settings; texts live in the arena. */
typedef struct ft_resource {
    weir_view schema, table; /* schema: empty: none */
    bool soft;               /* destination: deletions mark rows */
} ft_resource;
weir_rc ft_resource_of(arena *a, const weir_binding *b, ft_resource *ret, err *e);

#endif
