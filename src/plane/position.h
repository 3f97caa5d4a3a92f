/* position.h - where a task is: the checkpoint that a connector keeps with its state or rows, in the form that Flow's checkpoints have (flow.md 4.3).
 *
 *     {"sources":{"acme/orders;derive/acme/totals/sum":{"readThrough":"1234","producers":[{"id":"1rL0yZ7v"}]}},"ackIntents":{"acme/totals":"NTY3OA=="}}    (base64 of 5678)
 *
 * The offsets in what is read, with the data folder (store_identity()) whose journals they count in, in the place of their producers; and in the place of the
 * intents to acknowledge what is written, the new lengths of journals, of which weir.db may not know yet.
 */
#ifndef WEIR_PLANE_POSITION_H
#define WEIR_PLANE_POSITION_H

#include "json/tree.h"
#include "plane/store.h"

typedef struct places {
    weir_view folder; /* that they are of */
    offset *reads, *written;
    size_t read_count, written_count;
} places;

/** Appends the position that was `former` (may be empty), with these places in it: what it says of others stays. @return false: no memory */
bool position_put(buf *out, weir_view former, const places *p);
/** How far was read: 0 if the position (may be NULL) does not say. */
uint64_t position_read(const tree *position, weir_view name);
/** Is what it says of that of another data folder? Where none is named it is of this one. */
bool position_is_foreign(const tree *position, weir_view name, weir_view folder);
/** ... of anything? */
bool position_has_foreign(const tree *position, weir_view folder);
/** How long a journal is. @return false: the position does not say */
bool position_written(const tree *position, weir_view name, uint64_t *ret);

#endif
