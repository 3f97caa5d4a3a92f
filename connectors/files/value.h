/* value.h - what a piece of text from a CSV file looks like. Conservative: what could be an identifier stays text. */
#ifndef FILES_VALUE_H
#define FILES_VALUE_H

#include <weir.h>

typedef enum value_class {
    VALUE_TEXT,
    VALUE_INTEGER,  /* -12, 0; any length. Not 007, +1, 1 000 */
    VALUE_NUMBER,   /* 1.50, 1e-05, 2.5E10; not .5, 5., 1e5 (a part number?), NaN, 0x1f */
    VALUE_BOOLEAN,  /* true, True, TRUE, false ... */
    VALUE_DATE,     /* 2024-02-29; a day of the calendar */
    VALUE_DATE_TIME /* RFC 3339, with its zone: 2024-02-29T23:59:60Z */
} value_class;

/** What it is. Integers and numbers are JSON numbers as they stand. */
value_class value_classify(const char *text, size_t len);
/** A VALUE_BOOLEAN: which one? */
static inline bool value_is_true(const char *text) { return (*text | 0x20) == 't'; }
/** Valid UTF-8? *ret_bad is where not. */
bool value_utf8(const char *text, size_t len, size_t *ret_bad);

#endif
