/* batch.h - reading the files of BATCH messages (singer.md 1, BATCH): bare records, one a line. */
#ifndef WEIR_SINGER_BATCH_H
#define WEIR_SINGER_BATCH_H

#include "base/err.h"

enum { BATCH_LINE_MAX = 256 << 20 };

typedef weir_rc batch_line(void *arg, weir_view line, err *e);

/** Calls `each` with every line of a file that is not blank; an error of its stops. Whether the file is compressed (gzip, zstd) is told from its first
 *  bytes: writers compress whatever their encoding says (section 1).
 *  @param url file://PATH or PATH, decoded
 *  @param encoding the message's object
 *  @return WEIR_E_CONFIG for a format or a kind of URL that cannot be read, WEIR_E_PROTOCOL for a broken file */
weir_rc batch_read(weir_view url, weir_view encoding, batch_line *each, void *arg, err *e);

#endif
