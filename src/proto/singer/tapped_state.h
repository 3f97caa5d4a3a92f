/* tapped_state.h - a tap's state as the state of a task and back, as flow-sdk's Singer shim does it (flow.md 10.3):
 *
 *     {"bookmarks":{ID:BOOKMARK, ...}, REST}   <->   {"bindingStateV1":{KEY:{BOOKMARK,"estuary.dev/rowCounter":N}, ...}, "singerStateV1":{REST}}
 *
 * What the shim loses is kept, and goes back to the tap as it was: members beside `bookmarks`, bookmarks of streams that are not bound (in REST under
 * `bookmarks`), a state that is no object at all (it is then the whole singerStateV1). A bookmark that is no object is {"estuary.dev/bookmark":BOOKMARK}.
 */
#ifndef WEIR_SINGER_TAPPED_STATE_H
#define WEIR_SINGER_TAPPED_STATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"

/** A bound stream. */
typedef struct tapped_part {
    weir_view id;      /* tap_stream_id */
    weir_view key;     /* the binding's state key */
    bool counts;       /* its documents are keyed by /_meta/row_id: the counter is kept even if the tap keeps no bookmark for it */
    uint64_t next_row; /* the row_id of its next document, from 1 */
    bool seen;
} tapped_part;

typedef struct tapped_state {
    tapped_part *parts;
    size_t count;
    bool counters; /* row counters are kept */
    map by_id;
    buf others;    /* members of bindingStateV1 that belong to bindings that are not there now, each behind a comma */
    buf rest, name;
} tapped_state;

/** Takes the state of a task apart: fills next_row, and appends what the tap gets; nothing if there is nothing to give it.
 *  @param s {0} but parts, count and counters  @return WEIR_E_CONFIG if it is not what a task's state looks like */
weir_rc singer_tapped_state_open(tapped_state *s, weir_view task_state, buf *to_tap, err *e);
/** Appends the task's state that says what a STATE's value and the counters say. @return WEIR_E_PROTOCOL if a stream has two bookmarks */
weir_rc singer_tapped_state_fold(tapped_state *s, weir_view value, buf *out, err *e);
void singer_tapped_state_free(tapped_state *s);

#endif
