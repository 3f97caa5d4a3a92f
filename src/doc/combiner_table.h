/* combiner_table.h - documents in memory, chained under their keys: allocated in blocks, addressed by 32 bits, found by hash.
 * Private to this room.
 *
 * Everything is given back at once, except that the place of a document that was replaced is used again.
 */
#ifndef WEIR_DOC_COMBINER_TABLE_H
#define WEIR_DOC_COMBINER_TABLE_H

#include "base/buf.h"

typedef uint32_t table_ref; /* 0: none */

enum { TABLE_BASE = 1, TABLE_APART = 2 /* not to be put together with the one behind it */ };

typedef struct table_doc {
    table_ref next; /* of the same key, newer */
    uint32_t len;
    uint32_t room : 28, flags : 4; /* room: units it takes */
    char text[];
} table_doc;

typedef struct table_key {
    uint32_t binding;
    table_ref first, last; /* documents */
    uint32_t len;
    char key[];
} table_key;

typedef struct table_slot {
    uint32_t hash;
    table_ref key;
} table_slot;

/* A key as it is sorted; made in the place of two slots. */
typedef struct table_item {
    uint64_t head; /* the key's first bytes, big-endian: decide most comparisons */
    uint32_t binding;
    table_ref key;
} table_item;

typedef struct table_block {
    char *ptr;
    size_t size; /* of a hole: the next one */
} table_block;

enum { TABLE_CLASSES = 112 };

typedef struct table {
    table_block *blocks;
    size_t used_blocks, have_blocks, room_blocks; /* used, and then spare ones */
    size_t at;           /* first free unit of the block that is being filled */
    size_t filling;      /* which one that is */
    size_t holes;        /* index + 1 of a block that was given back */
    table_ref free[TABLE_CLASSES];
    table_slot *slots;
    size_t slot_count, keys;
    size_t used;         /* bytes */
    uint64_t seed;
    bool sorted;         /* slots hold items: until table_reset() */
} table;

void table_free(table *t);
/** Forgets everything. @param shrink give memory back, too, but for a little */
void table_reset(table *t, bool shrink);
/** Bytes it takes, those included that are needed to add one of this size. */
size_t table_size_with(const table *t, size_t key, size_t doc);

static inline void *table_at(const table *t, table_ref ref)
{
    return t->blocks[ref >> 15].ptr + (size_t)(ref & 0x7fff) * 8;
}
static inline table_doc *table_doc_at(const table *t, table_ref ref) { return table_at(t, ref); }
static inline table_key *table_key_at(const table *t, table_ref ref) { return table_at(t, ref); }

uint32_t table_hash(const table *t, uint32_t binding, weir_view key);
/** 0: it is not there. */
table_ref table_find(const table *t, uint32_t binding, weir_view key, uint32_t hash);
/** A new key without documents; 0 without memory. */
table_ref table_add_key(table *t, uint32_t binding, weir_view key, uint32_t hash);
/** Adds a document in front of all others of its key, or behind them. @return false without memory */
bool table_add_doc(table *t, table_ref key, weir_view text, unsigned flags, bool front);
/** Puts another text in a document's place. @param before the one before it; 0: it is the first */
bool table_replace(table *t, table_ref key, table_ref before, weir_view text);
/** Takes out the last document, which has `before` before it. */
void table_drop_last(table *t, table_ref key, table_ref before);
/** Forgets the last key that was added, which has no documents. */
void table_drop_key(table *t, table_ref key, uint32_t hash);
/** The keys in order, as many as t->keys. Nothing is found any more after it. */
const table_item *table_sort(table *t);

#endif
