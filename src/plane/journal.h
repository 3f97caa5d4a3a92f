/* journal.h - a collection on disk: an append-only journal of NDJSON, in segments.
 *
 *     DATA/journals/acme%2Forders/00000000000000000000.ndjson    offset of its first byte, 20 digits
 *     DATA/journals/acme%2Forders/00000000000268435456.ndjson
 *
 * The folder is the collection's name, percent-encoded: letters and digits of any script and -_.+= stay, a leading dot does
 * not. Other files in it are left alone. Offsets count bytes from the journal's beginning. What lies behind the committed
 * offset does not exist: it is cut off at open. A document never spans two segments. One writer for each journal; readers only
 * read what was committed.
 */
#ifndef WEIR_PLANE_JOURNAL_H
#define WEIR_PLANE_JOURNAL_H

#include "base/err.h"

enum { JOURNAL_SEGMENT = 256 << 20 };

typedef struct journal journal;

/** Opens (creating if missing) for appending and cuts back to `committed`. Data shorter than that is WEIR_E_CONFIG: "the
 *  journal of X holds N bytes, M were committed: data has been lost or moved". @param segment_size 0: JOURNAL_SEGMENT */
weir_rc journal_open(journal **ret, const char *data_dir, weir_view collection, uint64_t committed, uint64_t segment_size, err *e);
/** Appends whole lines. Bytes are in the file when it returns, not yet durable. */
weir_rc journal_append(journal *j, weir_view lines, err *e);
/** The offset behind the last byte appended. */
uint64_t journal_end(const journal *j);
/** Makes everything appended durable (fdatasync of the segments written since, fsync of the folder if a segment was made, and of those above it
 *  if it is new). */
weir_rc journal_sync(journal *j, err *e);
/** Takes back what was appended behind `offset`. */
weir_rc journal_cut(journal *j, uint64_t offset, err *e);
void journal_close(journal *j);

typedef struct journal_reader journal_reader;
weir_rc journal_reader_open(journal_reader **ret, const char *data_dir, weir_view collection, uint64_t offset, err *e);
/** Appends to `out` whole lines from the reader's offset up to `limit` (a committed offset), about `want` bytes at most but at
 *  least one line if there is one. @param ret_offset the offset behind them */
weir_rc journal_read(journal_reader *r, uint64_t limit, size_t want, buf *out, uint64_t *ret_offset, err *e);
void journal_reader_close(journal_reader *r);

#endif
