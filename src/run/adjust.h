/* adjust.h - rows on their way into a destination: values that are too long for it are cut (weir_row_rules), and those that no document holds are made. */
#ifndef WEIR_RUN_ADJUST_H
#define WEIR_RUN_ADJUST_H

#include "base/arena.h"
#include "base/buf.h"

/** Rows of one binding. Changed ones are copies in the arena, `*rows` then points to copies of all.
 *    - Texts, arrays, and objects inside of a document or value are cut as the rules say; `rules` may be NULL. Keys are not (flow.md 6.1).
 *    - A column `_meta/flow_truncated` without a value gets one: was anything of the row cut?
 *    - A column `flow_published_at` gets the time of the document's UUID (`/_meta/uuid`, version 1), as RFC 3339 with nine decimals.
 *  @return false without memory */
bool adjust_rows(const weir_rules *rules, arena *a, const weir_row **rows, size_t count);

/** Appends a value, cut. *ret_cut becomes true if it was. The outermost object keeps all its members. */
void adjust_value(const weir_rules *rules, weir_view json, buf *out, bool *ret_cut);
/** Appends the time in a UUID of version 1, as a JSON string. @return false if the JSON text is none, and then nothing is appended */
bool adjust_uuid_time(weir_view json, buf *out);

#endif
