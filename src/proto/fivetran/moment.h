/* moment.h - dates and times as text, and as the seconds and nanoseconds of a Timestamp (fivetran.md 1.5, 2.5). Years 1 to 9999. */
#ifndef WEIR_PROTO_FIVETRAN_MOMENT_H
#define WEIR_PROTO_FIVETRAN_MOMENT_H

#include "base/clock.h"
#include "proto/fivetran/types.h"

/** Reads the text of a value of NAIVE_DATE (`2007-12-03`), NAIVE_DATETIME (`2007-12-03T10:15:30.5`, or a date alone: its midnight), UTC_DATETIME (the same with Z or
 *  an offset) or NAIVE_TIME (`10:15:30.5`). Decimals beyond the ninth are cut off; a leap second is the first of the next minute.
 *  @return false: the text is not of this kind, or out of range */
bool ft_time_of_text(ft_type type, weir_view text, int64_t *ret_seconds, uint32_t *ret_nanos);
/** And back, with 0, 3, 6 or 9 decimals. Of a NAIVE_DATE only the day counts, of a NAIVE_TIME only the time of the day.
 *  @return length; 0: out of range, or nanos not below a second */
size_t ft_text_of_time(ft_type type, int64_t seconds, int32_t nanos, char out[CLOCK_TEXT]);

#endif
