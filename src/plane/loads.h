/* loads.h - which keys have to be looked up in the destination: not those above the largest one that was ever stored, for they cannot exist (flow.md 5.5). Keys are
 * compared as packed tuples. The largest one is in weir.db before the destination has it.
 */
#ifndef WEIR_PLANE_LOADS_H
#define WEIR_PLANE_LOADS_H

#include "plane/store.h"

typedef struct loads {
    buf stored;   /* the largest key of former transactions, packed */
    buf next;     /* ... of this one, if it is larger */
    buf room;
    bool unknown; /* which one is the largest: every key is looked up */
    bool all;     /* every key is looked up, because the destination wants it so */
    weir_view name; /* of the note */
} loads;

/** @param begun something was stored already: what, is not known unless it was noted  @param all the destination wants all keys  @param name of the source; with the fields of the key it names the note */
weir_rc loads_open(loads *l, store *s, weir_view task, weir_view name, const weir_binding *b, bool begun, bool all, arena *a, err *e);
/** A session that loads nothing, and so does not look at keys: what was noted is no longer true behind it. */
weir_rc loads_pass(store *s, weir_view task, weir_view name, const weir_binding *b, arena *a, err *e);
void loads_free(loads *l);
/** May the row's key be there? Takes note of it, for it will be. */
bool loads_may_exist(loads *l, const weir_row *row);
/** Before a commit: the largest key so far is written down. */
weir_rc loads_note(loads *l, store *s, weir_view task, err *e);

#endif
