/* format.h - the formats of strings (JSON Schema `format`) that we can tell. */
#ifndef WEIR_JSON_FORMAT_H
#define WEIR_JSON_FORMAT_H

#include "base/view.h"

typedef bool format_test(weir_view text);

/** The test for a format: date-time, date, time (RFC 3339, section 5.6), uuid, and of texts that stand for numbers: integer,
 * number.
 *  @return NULL if we have none */
format_test *format_named(weir_view name);
/** What a text looks like: date-time, date, time, uuid; empty if nothing of the kind. */
weir_view format_guess(weir_view text);

#endif
