/* tuple.h - packed tuples (flow 6.3): values as bytes whose order is the order of the values. */
#ifndef WEIR_MODEL_TUPLE_H
#define WEIR_MODEL_TUPLE_H

#include "base/err.h"

/** Appends one JSON value, packed; an empty view packs as null. Numbers: an integer value of any size (up to 255 bytes) as an integer, others as
 *  a double. Strings decoded. Arrays and objects as byte strings of their (compacted) text. @return false without memory or if malformed */
bool tuple_pack(buf *out, weir_view json);
/** Appends the values of a packed tuple as a JSON array. WEIR_E_PROTOCOL says what was wrong at which byte. */
weir_rc tuple_unpack(buf *out, weir_view packed, err *e);

#endif
