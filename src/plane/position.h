/* position.h - where a task is: the checkpoint that a connector keeps with its state or rows, in the form that Flow's checkpoints have (flow.md 4.3).
 *
 *     {"sources":{"acme/orders;derive/acme/totals/sum":{"readThrough":"1234"}},"ackIntents":{"acme/totals":"NTY3OA=="}}    (base64 of 5678)
 *
 * The offsets in what is read; and in the place of the intents to acknowledge what is written, the new lengths of journals, of which weir.db may not know yet.
 */
#ifndef WEIR_PLANE_POSITION_H
#define WEIR_PLANE_POSITION_H

#include "json/tree.h"
#include "plane/store.h"

typedef struct places {
    offset *reads, *written;
    size_t read_count, written_count;
} places;

/** Appends the position that was `former` (may be empty), with these places in it: what it says of others stays. @return false: no memory */
bool position_put(buf *out, weir_view former, const places *p);
/** How far was read: 0 if the position (may be NULL) does not say. */
uint64_t position_read(const tree *position, weir_view name);
/** How long a journal is. @return false: the position does not say */
bool position_written(const tree *position, weir_view name, uint64_t *ret);

#endif
