/* format_idn.h - labels of internationalised host names (RFC 5890 to 5893), as far as they can be told without all of Unicode's tables: what may not begin a label,
 * what may stand only beside something else, the characters that RFC 5892 excludes by name, punycode. Private to this room.
 */
#ifndef WEIR_DOC_FORMAT_IDN_H
#define WEIR_DOC_FORMAT_IDN_H

#include "base/view.h"

/** A label that holds more than ASCII; well-formed UTF-8. */
bool idn_u_label(weir_view label);
/** A label that begins with xn--, of letters, digits and hyphens. */
bool idn_a_label(weir_view label);

#endif
