/* states.h - the states of a read: those that a platform hands over, those that go back to it as STATE messages (airbyte.md 2.3, 3.1).
 *
 * A connector may set checkpoints as often as it likes. A state is only noted; it goes out behind the documents that it covers when a block is about to
 * be written, the newest one of each stream, with the number of records since the one before. A state that is larger than those records waits
 * STATE_HOLD_MS for more of them.
 *
 * A binding's state is the stream_state of a STREAM state. The state of a task as a whole is taken apart: what stands under bindingStateV1 belongs to
 * the streams. If there is more, all of it goes out as GLOBAL states, the rest as shared_state, and so it stays in this run.
 */
#ifndef WEIR_AIRBYTE_STATES_H
#define WEIR_AIRBYTE_STATES_H

#include "base/map.h"
#include "json/tree.h"

enum { STATE_HOLD_MS = 1000 };

/** The state of one stream: one for each binding. */
typedef struct airbyte_part {
    weir_view name, name_space;
    weir_view descriptor;      /* JSON text */
    weir_view key;             /* the state key of the binding */
    buf state;                 /* JSON object; empty: none */
    uint64_t records, bytes;   /* of documents on the wire since its last STATE */
    bool changed, sent;        /* since then; at all in this run */
    int64_t sent_ms;
    struct airbyte_part *next; /* of those changed */
    uint64_t seen;             /* by note_task, see there */
} airbyte_part;

typedef struct airbyte_states {
    airbyte_part *parts;       /* the caller's */
    size_t count;
    map by_key, by_descriptor; /* -> part */
    airbyte_part *changed, **last; /* in the order of their changes */
    bool global;
    buf rest;                  /* of the task's state; JSON object; empty: none */
    buf others;                /* stream states of streams that are not read now: items of a JSON array; GLOBAL only */
    uint64_t records, bytes;   /* of all streams since the last GLOBAL state */
    bool rest_changed, sent;
    int64_t sent_ms;
    size_t last_size;          /* of the last GLOBAL state */
    uint64_t round;
} airbyte_states;

/** `parts` have their descriptor and key, and stay where they are. @return false without memory */
bool airbyte_states_init(airbyte_states *s, airbyte_part *parts, size_t count);
void airbyte_states_free(airbyte_states *s); /* the states of the parts, too */

/** Takes what a state file holds: an array of STREAM, GLOBAL or LEGACY states, one of them alone, or a legacy object of states by stream; with or without
 *  the envelope; with nulls and repeated names. States of streams without a part are passed over, or kept if they belong to a GLOBAL state.
 *  Errors name the place and are WEIR_E_CONFIG. */
weir_rc airbyte_states_take(airbyte_states *s, const tree *file, err *e);
/** Appends the state of the task, to begin with. */
void airbyte_states_task(const airbyte_states *s, buf *out);

/** Documents went to the wire. */
static inline void airbyte_states_count(airbyte_states *s, airbyte_part *p, uint64_t records, uint64_t bytes)
{
    p->records += records;
    p->bytes += bytes;
    s->records += records;
    s->bytes += bytes;
}
/** A binding's state is now this. @return false without memory */
bool airbyte_states_note(airbyte_states *s, airbyte_part *p, weir_view state);
/** The task's state is now this, or is patched by it. @return false without memory */
bool airbyte_states_note_task(airbyte_states *s, weir_view state, bool merge);
/** Appends STATE lines for what has changed, but for what may wait. @param all nothing may */
void airbyte_states_put(airbyte_states *s, buf *out, bool all, int64_t now_ms);
/** Nothing more will come of this stream: appends its last STATE, unless that went out already. @param complete false: it was cut short, and
 *  only a state that it has set itself goes out */
void airbyte_states_put_last(airbyte_states *s, airbyte_part *p, bool complete, buf *out, int64_t now_ms);
/** Does something wait? */
bool airbyte_states_waiting(const airbyte_states *s);

#endif
