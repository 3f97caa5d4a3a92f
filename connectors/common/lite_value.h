/* lite_value.h - JSON values as SQLite stores them, and back. Pure: no database, no task.
 *
 *     integer literal of 64 bits         INTEGER      -> number
 *     other number, up to 15 digits      REAL         -> number       (a double that reads back as the same digits)
 *     any other number                   TEXT         -> number       its digits as they were written; with hint.doubles, REAL if it
 *                                                                     is a double written with 17 digits or fewer
 *     true, false                        INTEGER      -> boolean, if the column's schema knows no numbers
 *     string                             TEXT         -> string
 *     string, contentEncoding base64     BLOB         -> string
 *     array, object                      TEXT         -> the same, whitespace removed
 *     null, absent                       NULL         -> absent
 */
#ifndef LITE_VALUE_H
#define LITE_VALUE_H

#include <weir.h>

/** Bytes that grow. {0} is empty; `failed` sticks once memory has run out. */
typedef struct lite_text {
    char *ptr;
    size_t len, cap;
    bool failed;
} lite_text;

bool lite_text_reserve(lite_text *x, size_t more);
void lite_text_add(lite_text *x, const char *bytes, size_t len);
void lite_text_free(lite_text *x);

typedef enum value_kind { VALUE_NULL, VALUE_INTEGER, VALUE_REAL, VALUE_TEXT, VALUE_BLOB } value_kind;

typedef struct lite_value {
    value_kind kind;
    int64_t integer;
    double real;
    weir_view bytes; /* TEXT and BLOB: in the JSON text itself if possible, otherwise in the scratch */
} lite_value;

/** What is wanted of a value beyond its JSON type. */
typedef struct value_hint {
    bool base64;  /* strings are bytes */
    bool integer; /* numbers such as 1.0 and 1e3 are integers */
    bool doubles; /* numbers beyond 15 digits that a double was written as are REAL; lite_value_write() gives 15 digits only */
} value_hint;

/** Reads one value; an empty view is absent. What has to be decoded is appended to `scratch`, which must have room for json.len
 * bytes: it does not move, so the values of a row may share it. */
lite_value lite_value_read(weir_view json, value_hint hint, lite_text *scratch);

/** The same of a number alone, as JSON writes it. */
lite_value lite_value_number(weir_view number, value_hint hint);

/** Appends a value as JSON. @param types WEIR_IS_... of its column: what its schema allows. @return false for NULL: nothing is
 * appended */
bool lite_value_write(lite_text *out, const lite_value *v, unsigned types);
/** Appends text as a JSON string. */
void lite_value_quote(lite_text *out, weir_view s);

#endif
