/* number.h - numbers as text: never through a double unless somebody asks for one. */
#ifndef WEIR_JSON_NUMBER_H
#define WEIR_JSON_NUMBER_H

#include "base/buf.h"

enum { NUMBER_TEXT = 32 };

/** Integer text, no NUL. @return length, at most 20 */
size_t number_u64(char out[NUMBER_TEXT], uint64_t v);
size_t number_i64(char out[NUMBER_TEXT], int64_t v);
/** The fewest digits that read back as the same double, as a JSON number in the form of RFC 8785 (1e21 and more, and less than 1e-6,
 *  with an exponent), but -0 stays -0. @return length, at most 25; 0 if v is not finite */
size_t number_double(char out[NUMBER_TEXT], double v);

/** Is this exactly one JSON number? */
bool number_is(weir_view text);
/** Is it an integer by value (JSON Schema sense: 1, -0, 1.0, 1e3)? */
bool number_is_integer(weir_view number);
/** Reads an integer value that fits; also of the forms 1.0 and 1e3. @return false if it is no integer or does not fit */
bool number_to_i64(weir_view number, int64_t *out);
bool number_to_u64(weir_view number, uint64_t *out);
/** Nearest double (correctly rounded, locale-independent). @return false if it is no number; overflow gives an infinity */
bool number_to_double(weir_view number, double *out);
/** Would the nearest double, written with 15 significant digits or as an integer below 2^53, give the same value back? I.e.: may it
 *  be stored as a double without anybody noticing. */
bool number_fits_double(weir_view number);
/** Exact comparison by value, any length: -1, 0, 1. */
int number_compare(weir_view a, weir_view b);
/** Is `number` the product of an integer and `of`, which is not 0? Exact, any length. @param scratch for an `of` of more than 18 digits; may fail then:
 *  buf_ok() tells */
bool number_is_multiple(weir_view number, weir_view of, buf *scratch);
/** The same for equal values. */
uint64_t number_hash(weir_view number);

#endif
