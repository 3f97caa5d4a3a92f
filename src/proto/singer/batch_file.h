/* batch_file.h - records in files instead of lines (singer.md 1, BATCH): one bare record a line, compressed or not. */
#ifndef WEIR_SINGER_BATCH_FILE_H
#define WEIR_SINGER_BATCH_FILE_H

#include "base/arena.h"
#include "proto/singer/settings.h"

typedef struct batch_place {
    const singer_batch *settings;
    const char *tap;     /* its name */
    char *dir;           /* of storage.root, absolute */
} batch_place;

typedef struct batch_file batch_file;

/** Finds and makes the folder. @return WEIR_E_CONFIG for a URL that is no file:// */
weir_rc singer_batch_place(batch_place *p, const singer_batch *s, const char *tap, arena *a, err *e);
/** Begins file number n of a stream, <prefix><tap>--<stream>-<uuid>-<n>.json[.gz|.zst]. */
weir_rc singer_batch_open(batch_file **ret, const batch_place *p, weir_view stream, uint64_t n, err *e);
/** Adds a record: JSON without raw line breaks. */
weir_rc singer_batch_add(batch_file *f, weir_view record, err *e);
uint64_t singer_batch_records(const batch_file *f);
/** When it was begun, by clock_ms(). */
int64_t singer_batch_began(const batch_file *f);
/** Completes it: what it holds is on the disk, and so is its name. Appends the BATCH message. Frees it in any case. */
weir_rc singer_batch_close(batch_file *f, const batch_place *p, weir_view stream, buf *out, err *e);
/** Removes it. Accepts NULL. */
void singer_batch_discard(batch_file *f);

#endif
