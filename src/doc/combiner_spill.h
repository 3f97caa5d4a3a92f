/* combiner_spill.h - sorted segments of documents in a file without a name, written in compressed chunks and read many at a time.
 * Private to this room. */
#ifndef WEIR_DOC_COMBINER_SPILL_H
#define WEIR_DOC_COMBINER_SPILL_H

#include <zstd.h>

#include "base/err.h"

/* A document on its way out of memory or back. */
typedef struct spilled {
    uint32_t binding;
    unsigned flags; /* TABLE_BASE, TABLE_APART */
    weir_view key, doc;
} spilled;

typedef struct spill_segment {
    uint64_t at, end;
    size_t keys;
    unsigned level; /* how many merges it has been through */
} spill_segment;

typedef struct spill {
    const char *folder;
    size_t chunk;     /* bytes, at least one document */
    int fd;           /* -1: not yet */
    uint64_t end;     /* of what is in use */
    spill_segment *segments; /* older ones first */
    size_t count, room;
    spill_segment writing;
    buf raw, packed;
    ZSTD_CCtx *squeeze;
    ZSTD_DCtx *expand;
} spill;

void spill_init(spill *s, const char *folder, size_t chunk);
void spill_free(spill *s);
/** Forgets all segments, and gives the disk back. */
void spill_reset(spill *s);

/** Writes a segment: documents in order. What fails leaves the segments as they were. */
weir_rc spill_begin(spill *s, err *e);
weir_rc spill_put(spill *s, const spilled *d, err *e);
/** @param replaced so many of the last segments have been merged into it */
weir_rc spill_end(spill *s, size_t keys, size_t replaced, err *e);

/** All documents of several segments in order; those of one key by age, a base before all of them. */
typedef struct merger merger;
weir_rc merger_open(spill *s, size_t first, size_t count, merger **ret, err *e);
/** @param ret good until the next call; *ret_more false: there are no more */
weir_rc merger_next(merger *m, spilled *ret, bool *ret_more, err *e);
void merger_close(merger *m);

#endif
