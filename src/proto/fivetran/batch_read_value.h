/* batch_read_value.h - values as texts, the way batch files and Migrate write them (fivetran.md 2.5), and typed as databases take them. No I/O. */
#ifndef WEIR_PROTO_FIVETRAN_BATCH_READ_VALUE_H
#define WEIR_PROTO_FIVETRAN_BATCH_READ_VALUE_H

#include "base/arena.h"

/** Reads a text as a value in the one form that weir_sql_value describes. Views in it are of the text itself, or of the arena where it had to be written anew.
 *
 *     BOOLEAN              true, false in any case
 *     SHORT, INT, LONG     digits with or without a sign, in range
 *     DECIMAL              any JSON number or plain decimal
 *     FLOAT, DOUBLE        a number, NaN, Infinity, -Infinity
 *     DATE                 2007-12-03
 *     DATETIME             2007-12-03T10:15:30, seconds and their fraction may be missing, as Java leaves them out
 *     TIMESTAMP            the same with Z or +00:00
 *     TIME                 10:15:30, as above
 *     BINARY               base64
 *     TEXT, JSON, XML      UTF-8
 *
 *  @return false: it is none, or there is no memory (a->failed) */
bool ft_value_parse(weir_sql_type type, weir_view text, arena *a, weir_sql_value *ret);
/** "DECIMAL", for messages. */
const char *ft_sql_type_word(weir_sql_type type);

/** An instant as `2007-12-03T10:15:30.500Z` in the arena. @return false if it is not of the years 0 to 9999, or without memory */
bool ft_instant_of(int64_t seconds, uint32_t nanos, arena *a, weir_sql_value *ret);
/** The instant a millisecond before one that ft_value_parse() or ft_instant_of() made. */
bool ft_instant_before(const weir_sql_value *v, arena *a, weir_sql_value *ret);

#endif
