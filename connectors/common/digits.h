/* digits.h - JSON numbers, exact to the last digit, for databases that have 38 of them. Pure. */
#ifndef COMMON_DIGITS_H
#define COMMON_DIGITS_H

#include <weir.h>

enum { DIGITS_MOST = 38 };

/** A JSON number taken apart: its significant digits, and how many of them stand before the point. */
typedef struct digits {
    char at[DIGITS_MOST + 2]; /* without zeros around them */
    int count;                /* may be larger than there is room */
    int point;
    bool negative;
} digits;

/** @return false: more digits than DIGITS_MOST */
bool digits_take(weir_view number, digits *ret);
/** How many stand behind the point, and before it. */
int digits_behind(const digits *d);
int digits_before(const digits *d);
enum { DIGITS_ROOM = 64 };
/** The one text of all that mean the same number: 1 for 1.0 and 1e0. @param out of number.len + DIGITS_ROOM bytes  @return its length */
size_t digits_canonical(weir_view number, char *out);
/** The double that has these digits, if a double keeps them to the last one: 15 at most, and not too far from the point. */
bool digits_to_double(const digits *d, double *ret);
/** Is the text a JSON number? One that is `007` or `1.` is none. */
bool digits_are_number(weir_view text);

#endif
