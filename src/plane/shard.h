/* shard.h - a task cut into shards (flow.md 1.9). Each reads the documents whose key has a hash in its range, in a session of its own, with a state, offsets and
 * notes of its own in weir.db; destinations fence each range by itself.
 *
 * How many there are is remembered: a task goes on with as many as it had. A range is cut in two or more, never put together, since what two shards have done
 * cannot be told as what one has: so their number grows by a factor. The first one bears the task's name, so that a task of one shard is what it always was;
 * others are called by the beginning of their range:
 *
 *     acme/totals             00000000-3fffffff
 *     acme/totals@40000000    40000000-7fffffff     (no task has a name with @)
 */
#ifndef WEIR_PLANE_SHARD_H
#define WEIR_PLANE_SHARD_H

#include "plane/store.h"

enum { SHARDS_MOST = 64 };

typedef struct shard {
    size_t index;
    uint32_t key_begin, key_end; /* both included */
    weir_view name;              /* of its state, offsets and notes */
} shard;

typedef struct shards {
    const shard *all;
    size_t count;
} shards;

/** How a task is cut. Where it is cut further than it was, weir.db is told: what the shard that had a range had, all those have that it was cut into.
 *  @param wanted 0: as it was, one if nothing was said ever. WEIR_E_CONFIG: the number is no multiple of what there is.
 *  @param a for the names  @param copy does the same with what lies in files, before weir.db is told; may be done twice. NULL: there are none */
weir_rc shards_find(store *s, weir_view task, size_t wanted, arena *a, weir_rc (*copy)(void *arg, weir_view from, weir_view to, err *e), void *arg, shards *ret,
                    err *e);

#endif
