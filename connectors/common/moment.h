/* moment.h - dates and date-times as documents have them (RFC 3339). Pure. */
#ifndef COMMON_MOMENT_H
#define COMMON_MOMENT_H

#include <weir.h>

/** Does the text begin with a date, "2007-12-03"? @param ret_days since 1970-01-01 */
bool moment_date(weir_view text, int32_t *ret_days);
/** A date-time that microseconds hold, of the years 1 to 9999. A leap second has no place. */
bool moment_read(weir_view text, int64_t *ret_micros);

#endif
