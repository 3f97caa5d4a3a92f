/* reading.h - a read on its way: documents of a session as RECORD messages, and among them statuses, states and errors, as a framing for a writer
 * (airbyte.md 2.2, 3.1, 3.2).
 */
#ifndef WEIR_AIRBYTE_READING_H
#define WEIR_AIRBYTE_READING_H

#include "proto/airbyte/states.h"
#include "run/writer.h"

/** A stream that is read: one for each binding. The caller fills in the first three. */
typedef struct reading_stream {
    airbyte_part *part;
    bool row_id, deletes;  /* see unwrap.h */
    atomic_bool running;   /* RUNNING was said */
    bool begun, ended;
    uint64_t records;      /* in all */
    uint64_t open_records, open_bytes; /* on the wire before their checkpoint */
    struct reading_stream *next;       /* of those with any */
} reading_stream;

typedef struct reading {
    framing framing;       /* first */
    airbyte_states states;
    reading_stream *streams, *open;
    size_t count;
    session *s;            /* set before it pulls */
    log_sink *log;
    bool together;         /* the connector pulls all bindings in one: they fail together */
    bool settle_all;       /* the next states may not wait */
    size_t failed;         /* streams, while others went on */
    weir_rc failure;       /* what they failed with, WEIR_E_REMOTE if that differs */
} reading;

/** Sets the framing up; the rest is the caller's. */
void airbyte_reading_init(reading *r);
/** After the session: INCOMPLETE for every stream that has no last status yet. */
void airbyte_reading_finish(reading *r, buf *out);

#endif
