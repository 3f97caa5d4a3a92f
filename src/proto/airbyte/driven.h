/* driven.h - what the drivers of Airbyte's sources and destinations have in common. */
#ifndef WEIR_AIRBYTE_DRIVEN_H
#define WEIR_AIRBYTE_DRIVEN_H

#include "json/write.h"
#include "proto/airbyte/airbyte.h"
#include "proto/airbyte/peer.h"

typedef struct airbyte_driven {
    weir_connector base; /* first: callbacks get back from it */
    drive_options o;
    arena arena;         /* texts of base */
    const tree *modes;   /* a destination's supported_destination_sync_modes; NULL: not said */
} airbyte_driven;

struct airbyte_writing; /* drive_destination.c */

/** `self` of an opened driven connector. */
typedef struct airbyte_run {
    const airbyte_driven *d;
    buf config;                     /* JSON text, as it is now: it may change itself (airbyte.md 2.9) */
    struct airbyte_writing *writing; /* a destination's; NULL: none yet */
} airbyte_run;

extern const weir_capture airbyte_driven_capture;
extern const weir_materialize airbyte_driven_materialize;
/** Ends what it was writing. Accepts NULL. */
void airbyte_writing_free(struct airbyte_writing *w);

/** A command with the config, its one answer, to the end of the process. */
weir_rc airbyte_run_ask(weir_task *t, airbyte_run *r, const char *command, airbyte_type answer, buf *ret_body);
/** `check`: a failure becomes a problem (weir_problem). */
weir_rc airbyte_run_check(weir_task *t, airbyte_run *r);
/** The config has changed by itself: kept here and told to the platform. */
weir_rc airbyte_run_control(weir_task *t, airbyte_run *r, weir_view body);

/** A binding's resource settings; texts live in the arena. */
typedef struct airbyte_resource {
    weir_view stream, name_space; /* name_space: empty: none */
    weir_view sync_mode;          /* empty: none given */
    weir_view cursor;             /* JSON array of strings; empty: none */
} airbyte_resource;
weir_rc airbyte_resource_of(arena *a, const weir_binding *b, airbyte_resource *ret, err *e);
/** Appends ["namespace","stream"] or ["stream"] (flow.md 10.2). */
void airbyte_resource_path(buf *out, const airbyte_resource *x);
/** Validation: tells the platform the path of each binding. */
weir_rc airbyte_tell_paths(weir_task *t, const weir_binding *b, size_t n);

/** A stream of a configured catalog (airbyte.md 2.7). Views are JSON, empty ones are left out. */
typedef struct airbyte_choice {
    const airbyte_resource *resource;
    weir_view schema;
    const char *sync_mode, *destination_sync_mode;
    weir_view cursor;       /* array of strings */
    weir_view key;          /* array of pointers */
    int64_t generation, minimum_generation, sync;
} airbyte_choice;
void airbyte_put_choice(json_out *w, const airbyte_choice *c);
/** Appends an array of paths, each an array of strings, from an array of JSON pointers. @return false if it is none, or without memory */
bool airbyte_put_paths(buf *out, weir_view pointers);
/** Appends a path from one JSON pointer. */
bool airbyte_put_path(buf *out, weir_view pointer);

/** When the row of a document was deleted; null: it was not (airbyte.md 3.4). */
#define AIRBYTE_DELETED_AT "_ab_cdc_deleted_at"

/** The state of streams, as it is kept (drive_state.c). */
#define AIRBYTE_GLOBAL "airbyteGlobal"
#define AIRBYTE_LEGACY "airbyteLegacy"
/** Appends the AirbyteStateMessage in a STATE: its type always, nothing that is null, no counts. */
void airbyte_put_state(buf *out, const airbyte_message *m);
/** Appends the members of an object (empty text: none) that are neither null nor named. */
void airbyte_put_others(json_out *w, weir_view object, const char *const *without);
/** Would it lose something as a merge patch: has it a member that is null (outside of arrays)? */
bool airbyte_state_has_nulls(weir_view state);

#endif
