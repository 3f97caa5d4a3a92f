/* tapped_schema.h - schemas of taps (singer.md 7) for the rest of the world. */
#ifndef WEIR_SINGER_TAPPED_SCHEMA_H
#define WEIR_SINGER_TAPPED_SCHEMA_H

#include "base/err.h"

/** Appends a schema in which decimals are said the way Flow does: `singer.decimal`, under whatever name, is a string of format `number`, or a number, since
 *  taps send either (section 6). All else as it is.  @param schema checked JSON */
weir_rc singer_tapped_schema(buf *out, weir_view schema, err *e);
/** Appends a schema in which every object is closed by `additionalProperties: false`, as weir_sourced_schema() wants it. @return false: it cannot be closed
 *  (an object whose members are not listed, references, conditions), and nothing is appended */
bool singer_tapped_schema_closed(buf *out, weir_view schema);

#endif
