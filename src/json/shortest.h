/* shortest.h - doubles to text and back, as the C++ library does it: correctly rounded, whatever the locale, no allocation.
 * For number.c, and for floats. */
#ifndef WEIR_JSON_SHORTEST_H
#define WEIR_JSON_SHORTEST_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SHORTEST = -1 };

/** Writes a finite v as [-]d[.ddd]e[+-]dd with this many decimals, or with as few as read back as v. @return length; 0: no room */
size_t shortest_put(char *out, size_t room, double v, int decimals);
/** Reads a number in JSON's form. @return false if it is beyond what a double can hold, in either direction */
bool shortest_get(const char *text, size_t len, double *out);

#ifdef __cplusplus
}
#endif

#endif
