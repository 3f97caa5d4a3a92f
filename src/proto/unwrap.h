/* unwrap.h - what Flow's rules add to a stream, taken off again where they do not hold (flow.md 10.2, 10.3; 3.3, 8.2: delete).
 *
 * A stream without a key of its own is keyed by a counter, /_meta/row_id, which stands in every document. Elsewhere such streams simply have no key:
 * if `_meta` holds nothing but row_id, it leaves the schema, the key and the documents. Other members of `_meta` are data and stay. A document with
 * /_meta/op "d" says that its key was deleted: platforms have words of their own for that.
 */
#ifndef WEIR_PROTO_UNWRAP_H
#define WEIR_PROTO_UNWRAP_H

#include "base/arena.h"
#include "base/err.h"

typedef struct unwrap {
    bool row_id;      /* documents lose /_meta/row_id: call unwrap_row_id() for each */
    bool deletes;     /* documents may be deletions: ask unwrap_deletes() of each */
    weir_view schema; /* what is left of the stream's schema: JSON text of one object */
    weir_view key;    /* and of its key: a JSON array of pointers, `[]` if it has none */
} unwrap;

/** Looks at a discovered stream. Views live in the arena, or are the stream's own. @return WEIR_E_PROTOCOL: the schema is not one, or the key is
 *  no array of pointers */
weir_rc unwrap_stream(unwrap *u, arena *a, const weir_stream *s, err *e);
/** Takes /_meta/row_id, and `_meta` if nothing else is in it, off a document (checked JSON, an object) where it stands. @return its new length */
size_t unwrap_row_id(char *doc, size_t len);
/** Is /_meta/op "d"? */
bool unwrap_deletes(weir_view doc);

#endif
