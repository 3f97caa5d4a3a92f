/* format.h - `format` of JSON Schema as an assertion. What is told of texts elsewhere, too (date-time, date, time, uuid, integer, number), is in
 * json/format.h. */
#ifndef WEIR_DOC_FORMAT_H
#define WEIR_DOC_FORMAT_H

#include "base/view.h"

typedef struct format_rule {
    const char *name;
    bool (*test)(weir_view text); /* UTF-8 */
} format_rule;

/** NULL: a format that we do not know: any text has it. */
const format_rule *format_rule_named(weir_view name);
/** An internationalised host name (RFC 5890 to 5893), or just one of letters, digits and hyphens. */
bool format_hostname(weir_view text, bool international);

#endif
