/* keyhash.h - which shard a document belongs to (flow.md 1.9). */
#ifndef WEIR_MODEL_KEYHASH_H
#define WEIR_MODEL_KEYHASH_H

#include <stdint.h>

#include "base/buf.h"

/** The hash of a packed key (model/tuple.h), by which ranges of keys are told: the high 32 bits of its HighwayHash-64 under the platform's fixed key. */
uint32_t key_hash(weir_view packed);
/** All of it. */
uint64_t key_hash64(weir_view packed);

#endif
