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

/** The regular expression as it was written. */
weir_view pattern_text(const pattern *p);

typedef enum pattern_found {
    PATTERN_ABSENT,
    PATTERN_FOUND,    /* somewhere in the text */
    PATTERN_TOO_LONG, /* nobody can tell: it takes more steps or memory than any sane one */
    PATTERN_NOMEM
} pattern_found;

/** @param text UTF-8 */
pattern_found pattern_find(const pattern *p, pattern_space *s, weir_view text);

#endif
