/* tuple.h - packed tuples (flow 6.3): values as bytes whose order is the order of the values. */
#ifndef WEIR_MODEL_TUPLE_H
#define WEIR_MODEL_TUPLE_H

#include "base/err.h"

/** Appends one JSON value, packed; an empty view packs as null. Numbers: an integer value of any size (up to 255 bytes; 1.0 and 1e0
 * are integers, too) as an integer, others as a double. Strings decoded. Arrays and objects as byte strings of their (compacted)
 * text. Equal values thus have equal bytes, and the bytes of values of one type have the order of the values (texts: of their
 * UTF-8).
 *  @return false, and nothing appended, without memory, if malformed, or if it is a number beyond 255 bytes */
bool tuple_pack(buf *out, weir_view json);
/** The same for who only tells keys apart: what no tuple can hold is appended as it is written, behind a byte that begins no packed value. `out` has failed
 *  without memory. */
void tuple_pack_any(buf *out, weir_view json);
/** Appends the values of a packed tuple as a JSON array; byte strings have to be JSON text and become it. WEIR_E_PROTOCOL, with
 * nothing appended, says what was wrong at which byte. */
weir_rc tuple_unpack(buf *out, weir_view packed, err *e);

#endif
