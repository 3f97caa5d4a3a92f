/* drive_source.h - a driven source while it is read: what is known of its streams, and the parts that do the work. */
#ifndef WEIR_AIRBYTE_DRIVE_SOURCE_H
#define WEIR_AIRBYTE_DRIVE_SOURCE_H

#include "base/map.h"
#include "proto/airbyte/driven.h"

typedef struct driven_stream {
    const weir_binding *b;
    airbyte_resource resource;
    const char *sync_mode;
    weir_view cursor;   /* array of strings */
    uint64_t row_id;    /* of the next document */
    uint64_t sealed;    /* the same, as of its last checkpoint */
    uint64_t since;     /* documents since its last STATE */
    buf state;          /* its last AirbyteStateMessage; empty: none */
    bool deletes;       /* its documents may say that they are deletions */
    bool miscounted, started, complete, incomplete;
} driven_stream;

typedef struct driven_reading {
    weir_task *t;
    airbyte_run *r;
    airbyte_peer peer;
    arena arena;
    driven_stream *streams;
    size_t count;
    map index;          /* stream by driven_spelled() */
    map unknown;        /* names that were warned of */
    buf global, legacy; /* their last AirbyteStateMessages; empty: none */
    uint64_t since;     /* documents since the last STATE of type GLOBAL or LEGACY */
    /* The stream of the last record, as it was written. */
    buf last;
    size_t last_name;   /* bytes of `last` that are the name; the rest is the namespace */
    bool last_spaced;
    driven_stream *last_stream; /* NULL: none, or unknown */
    buf head, scratch;
} driven_reading;

weir_rc airbyte_driven_discover(weir_task *t, void *self);

/* ---- drive_streams.c ---- */

/** A stream's identity as one text, good until the next one. */
weir_view driven_spelled(driven_reading *g, weir_view name, weir_view name_space);
/** The stream of a RECORD or STATE; NULL: it is not captured, which was said once (airbyte.md 3.7). */
driven_stream *driven_find(driven_reading *g, const airbyte_message *m);
/** Takes the bindings and what their states say. */
weir_rc driven_reading_init(driven_reading *g, const weir_binding *b, size_t n);
void driven_reading_free(driven_reading *g);

/* ---- drive_given.c ---- */

/** Appends the ConfiguredAirbyteCatalog. */
weir_rc driven_put_catalog(driven_reading *g, buf *out);
/** Appends the content of the file for --state: an array of states without envelope (airbyte.md 2.3). */
void driven_put_states(driven_reading *g, buf *out);

/* ---- drive_seal.c ---- */

/** A STATE: everything before it is sealed with it. */
weir_rc driven_take_state(driven_reading *g, const airbyte_message *m);
/** Documents without a state behind them are as good as the others once the source has ended well. */
weir_rc driven_seal_rest(driven_reading *g);

#endif
