/* clock.h - time and durations. */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <time.h>

#include "base/buf.h"

/** Milliseconds of a clock that never goes back. */
int64_t clock_ms(void);
/** The time on that clock in so many milliseconds: until when to wait for a condition that was set to CLOCK_MONOTONIC. */
struct timespec clock_until(int64_t ms);
/** Now as seconds and nanoseconds since 1970 UTC. */
void clock_now(int64_t *ret_seconds, uint32_t *ret_nanos);
enum { CLOCK_TEXT = 32 };
/** RFC 3339 in UTC with 0, 3, 6 or 9 decimals, whichever is exact; not NUL-terminated.
 *  @return length, 0 if the year is not 0..9999 or nanos not below a second */
size_t clock_rfc3339(int64_t seconds, uint32_t nanos, char out[CLOCK_TEXT]);
/** Reads two digits. @return false if they are none */
static inline bool clock_two_digits(const char *p, uint32_t *ret)
{
    uint32_t tens = (unsigned char)p[0] - (uint32_t)'0', ones = (unsigned char)p[1] - (uint32_t)'0';
    *ret = tens * 10 + ones;
    return tens <= 9 && ones <= 9;
}
enum { CLOCK_DATE = 10 /* bytes of 2007-12-03 */ };
/** Reads the date that a text begins with, years 0000 to 9999. @return false if it is none that there is */
bool clock_read_date(weir_view text, int64_t *ret_days_since_1970);
/** Reads an RFC 3339 date-time: 2007-12-03T10:15:30.5+01:00; digits behind nanoseconds are dropped. @return false if it is none */
bool clock_read_time(weir_view text, int64_t *ret_seconds, uint32_t *ret_nanos);
/** Reads a duration as people write it: "5m", "300s", "1h30m", "1d 2h", "2 minutes", "250ms", "1.5s", "62.250s", "10" (seconds),
 * ISO 8601 "PT5M". Rounded to the nearest millisecond. @return false if it is none, negative, or over 100 years of 365.25 days */
bool clock_duration(weir_view text, int64_t *ret_ms);

#endif
