/* pattern.h - regular expressions of JSON Schema: ECMA-262's syntax (with its Unicode mode: characters are code points), as far as PCRE2 can do them.
 *
 * Not done: lookbehinds of variable length, named groups whose name PCRE2 does not take, set operations of ECMAScript's `v` mode. Such a pattern is refused.
 */
#ifndef WEIR_DOC_PATTERN_H
#define WEIR_DOC_PATTERN_H

#include "base/err.h"

typedef struct pattern pattern;             /* const once it is made: may be shared by threads */
typedef struct pattern_space pattern_space; /* what matching needs; one for each thread */

/** @return WEIR_E_CONFIG: says what is wrong and at which byte */
weir_rc pattern_make(weir_view regex, pattern **ret, err *e);
void pattern_free(pattern *p);
/** Is it a regular expression at all? */
bool pattern_valid(weir_view regex);

pattern_space *pattern_space_new(void); /* NULL without memory */
void pattern_space_free(pattern_space *s);

/** @param text UTF-8  @return 1: it is somewhere in the text; 0: it is not; -1: it takes more steps or memory than any sane one, or there is no memory */
int pattern_find(const pattern *p, pattern_space *s, weir_view text);

#endif
