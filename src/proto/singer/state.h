/* state.h - the state of a tap (singer.md 3) and what our connectors know of it: {"bookmarks":{ID:...},...} on one side, the task's state with
 * bindingStateV1 on the other.
 *
 * A bookmark is what the connector gave to weir_checkpoint(). Bookmarks of streams that are not read, and all other members, are kept as they came.
 */
#ifndef WEIR_SINGER_STATE_H
#define WEIR_SINGER_STATE_H

#include "base/map.h"
#include "proto/singer/catalog.h"
#include "run/session.h"

typedef struct tap_state {
    const tap_catalog *catalog;
    const weir_view *keys; /* state keys, by stream */
    map by_key;            /* index + 1 */
    buf *parts;            /* by stream: its bookmark; empty: none */
    buf others;            /* bookmarks of other streams: members with commas between them */
    buf rest;              /* members beside bookmarks: an object */
    bool numbered;         /* versions are ours; otherwise they are just another member */
    buf versions;          /* activate_versions: an object */
    weir_view syncing;     /* the stream that was being read: as it came in; empty: none */
} tap_state;

/** Reads a state: an object, {} being none; a whole STATE message counts as its value. Everything else is WEIR_E_CONFIG.
 *  @param keys by stream, must outlive the state */
weir_rc singer_state_read(tap_state *s, arena *a, const tap_catalog *catalog, const weir_view *keys, bool numbered, weir_view text, err *e);
void singer_state_free(tap_state *s);
/** Does it say anything? */
bool singer_state_any(const tap_state *s);
/** Appends the task's state for a session. Streams that are read whole get none. */
void singer_state_task(const tap_state *s, buf *out);
/** Takes a checkpoint in; `base` is the stream of the session's first binding. @return false without memory, and then nothing has changed but, for a
 *  task's state, perhaps a part of it */
bool singer_state_note(tap_state *s, const checkpoint *c, size_t base);
/** Takes over the bookmark of one stream, or everything (index SIZE_MAX), from another state of the same streams. */
bool singer_state_copy(tap_state *to, const tap_state *from, size_t index);
/** The version that was completed last (activate_versions); 0: none. */
int64_t singer_state_version(const tap_state *s, weir_view id);
bool singer_state_set_version(tap_state *s, weir_view id, int64_t version);
/** Appends a STATE message. @param syncing the stream that is being read; empty: none */
void singer_state_write(const tap_state *s, weir_view syncing, buf *out);

#endif
