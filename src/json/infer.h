/* infer.h - learns the schema of documents by looking at them, and unions schemas: types widen, nothing narrows. */
#ifndef WEIR_JSON_INFER_H
#define WEIR_JSON_INFER_H

#include "json/tree.h"

typedef struct shape shape; /* owns an arena */

shape *shape_new(void); /* NULL without memory */
void shape_free(shape *s);
/** Learns from a document (checked JSON; of a malformed one the part before the error may be learned). Widens only where the
 *  document is not valid by what is known already. Followed are integers and numbers (a number written with fraction or exponent
 *  is a `number`, unless it has an integer's value and integers are expected), formats (date-time, date, time, uuid; `integer`
 *  and `number` for strings are never guessed) and required members; a string format that one value does not have is dropped. At
 *  most 10,000 properties in all, 100 levels, names of 1,024 bytes: beyond, additionalProperties open up.
 *  Guesses that members come in the same order as last time. @return 1 if something widened, 0 if not, -1 without memory: the
 *  shape is then of no more use */
int shape_observe(shape *s, weir_view doc);
/** Learns from a JSON Schema (a sourced schema, or one written by shape_schema before): the union of both. Where that schema
 *  leaves an object open, members that it does not describe become anything. Other formats than the above, and contentEncoding,
 *  are kept as long as all schemas agree. @return WEIR_E_PROTOCOL if it is no JSON Schema; the shape is then as before */
weir_rc shape_union(shape *s, weir_view schema, err *e, bool *ret_widened);
/** Makes it simpler where it has become too complex (flow.md 8, x-complexity-limit): of more than 1,000 members in all, or what a schema that was learned from says there,
 *  and of what lies deeper than 12 levels, the deepest go first, of those as deep the last by name; what they were becomes additionalProperties of their object, and whatever
 *  else comes there is learned as that. Nothing that was valid is not valid any more. @return false without memory: the shape is then of no more use */
bool shape_limit(shape *s);
/** From now on so many members as x-complexity-limit at the root of a schema says, 10,000 at most. @return false: it says nothing, or what it does not count (0, more
 *  than 100,000) */
bool shape_allow(shape *s, const tree *schema);
/** As many as there may be at all. */
void shape_allow_all(shape *s);
/** Appends the JSON Schema: type, format, contentEncoding, properties (in order of appearance), required, additionalProperties
 *  (false: no others were seen), x-complexity-limit at its root if it was said, items (false: only empty arrays were seen). `{}` as long as nothing was learned. */
void shape_schema(const shape *s, buf *out);

#endif
