/* batch.h - files of records that a BATCH message names (singer.md 1, BATCH): bare records, one a line, plain, gzip or zstd. */
#ifndef WEIR_SINGER_BATCH_H
#define WEIR_SINGER_BATCH_H

#include "base/err.h"

typedef weir_rc singer_batch_record(void *arg, weir_view line, err *e);

/** Calls each() for every line of the file that is not blank. How it is compressed shows in its first bytes.
 *  @param url file:///PATH, or a path that is absolute; anything else is WEIR_E_CONFIG */
weir_rc singer_batch_read(weir_view url, singer_batch_record *each, void *arg, err *e);

#endif
