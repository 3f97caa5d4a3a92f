/* state.h - the state of a task: one JSON object; bindings keep theirs under bindingStateV1 (flow 3.3, rule 11). */
#ifndef WEIR_MODEL_STATE_H
#define WEIR_MODEL_STATE_H

#include "base/arena.h"
#include "base/buf.h"

/** Appends the state key: path components joined with /, percent-encoded (flow 3.3 rule 11; kept as they are: letters and digits
 *  of ASCII, -_+.=), and ".vN" if backfill is not 0. @param path JSON array of strings. @return false if it is none */
bool state_key(buf *out, weir_view path, uint32_t backfill);
/** The part of a binding in the task's state; empty if there is none or it is null. */
weir_view state_of_binding(weir_view task_state, weir_view key);
/** Appends {"bindingStateV1":{KEY:PATCH}}. */
void state_patch(buf *out, weir_view key, weir_view patch);

#endif
