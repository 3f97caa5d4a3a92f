/* blocks.h - the scanner for objects and arrays of some size: 64 bytes at a time are turned into a bit for each place where a token begins, and only these
 * places are looked at. Accepts nothing that json/scan.h does not, but is used for what is likely to be right: it does not know what is wrong. Private to
 * this room.
 */
#ifndef WEIR_JSON_BLOCKS_H
#define WEIR_JSON_BLOCKS_H

#include "json/scan.h"

enum { BLOCKS_WORTH = 128 }; /* bytes of text from which on it pays */

/** Can this machine? (AVX-512 with VBMI2. Narrower vectors gain nothing over scan.c.) */
bool blocks_available(void);
/** Behind the object or array that begins at p, or NULL: something is wrong, or odd; nobody knows what.
 *  @param depth how deep it may nest  @param lines set to true if there are line breaks between its tokens */
const char *blocks_value_end(const char *p, const char *end, unsigned depth, bool *lines);

#endif
