/* flowdoc.h - what flow-sdk's shims add to the documents and schemas of Airbyte sources and Singer taps, so that Flow's rules hold: /_meta/row_id,
 * counted per stream, and with deletions /_meta/op "d" (flow.md 6.2, 10.2, 10.3).
 */
#ifndef WEIR_PROTO_FLOWDOC_H
#define WEIR_PROTO_FLOWDOC_H

#include "base/err.h"

/** The key of streams without one. */
#define FLOWDOC_KEY "[\"/_meta/row_id\"]"

/** Takes a document apart for task_emit_pieces(): `head` (overwritten; its memory may be used again and again) and *ret_rest together are the document
 *  with its /_meta/row_id, and with /_meta/op "d" if it says that something was deleted. Other members of /_meta stay. One look at every byte of the
 *  document, no copy of it unless it has a /_meta.
 *  @param doc checked JSON object; `lines`: it has raw line breaks (the head never has)
 *  @return WEIR_E_PROTOCOL if there is a /_meta that is neither an object nor null, WEIR_E_NOMEM */
weir_rc flowdoc_split(buf *head, weir_view doc, bool lines, uint64_t row_id, bool deletion, weir_view *ret_rest, err *e);

typedef struct flowdoc_rules {
    weir_view row_id;   /* schema of /_meta/row_id */
    bool root_requires; /* /_meta is required in the document (Singer) */
    bool deletes;       /* /_meta/op is declared, too */
} flowdoc_rules;

/** Appends a schema with /_meta/row_id required in /_meta, and `x-infer-schema`. @return WEIR_E_PROTOCOL if it is no JSON object */
weir_rc flowdoc_schema(buf *out, weir_view schema, const flowdoc_rules *rules, err *e);
/** Appends the schema with all that taken off again. Of a /_meta nothing is left if there was nothing else in it. @return WEIR_E_CONFIG if it is no JSON
 *  object */
weir_rc flowdoc_plain_schema(buf *out, weir_view schema, err *e);

#endif
