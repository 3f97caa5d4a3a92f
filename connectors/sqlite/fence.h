/* fence.h - the checkpoint of a task, in the file that it loads, and who may change it.
 *
 * A row of weir_checkpoints for each range of keys that a run has stored: all of them, or those of a shard. A run takes its range over: the fences of all rows whose
 * ranges overlap with its own go up by one, and whoever had one of them finds itself fenced off. A range that has no row yet begins with the checkpoint of the
 * smallest one that holds it: a task that was cut into shards goes on where it was.
 */
#ifndef SQLITE_FENCE_H
#define SQLITE_FENCE_H

#include "db.h"

/** Reads the checkpoint, into `d`, if the file has any. */
weir_rc lite_fence_read(weir_task *t, db *d);
/** In a transaction: makes the table, and takes over, unless somebody else has written since lite_fence_read(): we would load rows that are there already. */
weir_rc lite_fence_raise(weir_task *t, db *d);
/** In a transaction, so that nobody can take over before it is committed: are we fenced off? */
weir_rc lite_fence_check(weir_task *t, db *d);
/** In a transaction: our checkpoint. */
weir_rc lite_fence_write(weir_task *t, db *d, weir_view checkpoint);

#endif
