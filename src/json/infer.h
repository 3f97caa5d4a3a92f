/* infer.h - learns the schema of documents by looking at them, and unions schemas: types widen, nothing narrows. */
#ifndef WEIR_JSON_INFER_H
#define WEIR_JSON_INFER_H

#include "base/arena.h"
#include "base/err.h"

typedef struct shape shape; /* owns an arena */

shape *shape_new(void); /* NULL without memory */
void shape_free(shape *s);
/** Learns from a document (checked JSON). Integers and numbers, formats (date-time, date, time, uuid; `integer` and `number` for strings are
 *  never guessed) and required members are followed; a string format that one value does not have is dropped. At most 1,000 properties an
 *  object: beyond, additionalProperties open up. @return 1 if something widened, 0 if not, -1 without memory */
int shape_observe(shape *s, weir_view doc);
/** Learns from a JSON Schema (a sourced schema, or one written by shape_schema before): the union of both. */
weir_rc shape_union(shape *s, weir_view schema, err *e, bool *ret_widened);
/** Appends the JSON Schema: type, properties (in order of appearance), required, items, format, additionalProperties. */
void shape_schema(const shape *s, buf *out);

#endif
