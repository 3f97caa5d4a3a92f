/* map.h - text -> pointer, open addressing. Keys come from outside: the hash is seeded per map. Iteration order is insertion order.
 * {0} is a valid empty map. Keys are borrowed: they must outlive the map (arena). */
#ifndef WEIR_BASE_MAP_H
#define WEIR_BASE_MAP_H

#include "base/view.h"

typedef struct map_entry {
    weir_view key;
    void *value;
    uint64_t hash;
} map_entry;

typedef struct map {
    map_entry *entries; /* in insertion order */
    size_t count, room;
    uint32_t *slots; /* index + 1 into entries; 0: free */
    size_t slot_count;
    uint64_t seed;
} map;

void *map_get(const map *m, weir_view key);
/** Adds or replaces. @return false without memory */
bool map_put(map *m, weir_view key, void *value);
void map_free(map *m);

/** Seeded 64-bit hash of bytes, for tables of untrusted keys. */
uint64_t map_hash(uint64_t seed, weir_view bytes);
/** A seed that nobody knows. @param of any pointer; counts where the system has no random bytes */
uint64_t map_seed(const void *of);
/** The nearest of `words` by edit distance, if near enough to be a slip; otherwise NULL. Ties: the first. */
const char *map_nearest(weir_view word, const char *const *words, size_t count);

#endif
