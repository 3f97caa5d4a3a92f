/* column.h - what a column of a loaded table holds, and JSON values on their way into one. No database.
 *
 *     BOOLEAN                     true, false
 *     BIGINT, HUGEINT             integers of 64 bits; of 38 digits
 *     DOUBLE                      numbers of 15 digits at most, which a double keeps to the last one
 *     DECIMAL(38,s)               other numbers
 *     DATE, TIMESTAMPTZ           strings that are one; microseconds
 *     VARCHAR, BLOB               strings; strings of base64
 *     JSON                        everything else, as it was written, without whitespace
 *
 * Types only widen: BIGINT, HUGEINT, DOUBLE, DECIMAL, JSON, or what strings are to VARCHAR, JSON. A string never meets a number but in JSON.
 */
#ifndef DUCKDB_COLUMN_H
#define DUCKDB_COLUMN_H

#include <duckdb.h>
#include <weir.h>

#include "lite_value.h"
#include "digits.h"

typedef enum duck_kind {
    DUCK_NOTHING = 0, /* of no value at all: joined with another kind it is that */
    DUCK_BOOLEAN, DUCK_BIGINT, DUCK_HUGEINT, DUCK_DOUBLE, DUCK_DECIMAL, DUCK_DATE, DUCK_TIMESTAMPTZ, DUCK_BLOB, DUCK_VARCHAR, DUCK_JSON,
    DUCK_OTHER        /* of a column that somebody has changed: not ours */
} duck_kind;

enum { DUCK_DIGITS = 38, DUCK_EXACT = 15 /* digits that a double keeps */, DUCK_FAR = 1000 /* digits: more than any type but JSON has */ };

typedef struct duck_type {
    duck_kind kind;
    int whole;  /* of numbers: digits before the point that have to fit; 0: not known */
    int behind; /* and behind it; of a DECIMAL, its scale */
} duck_type;

typedef struct duck_column {
    char *name;        /* in the table */
    char *pointer;     /* in the document; "": the whole */
    unsigned types;    /* WEIR_IS_..., of the schema */
    bool key;
    bool texts;        /* values are JSON strings, and numbers in the table */
    duck_type type;
} duck_column;

/** What a new column for this is to be. */
duck_type duck_type_wanted(const weir_column *c);
/** Are numbers written as strings in the documents? */
bool duck_type_texts(const weir_column *c);
/** What holds both. */
duck_type duck_type_join(duck_type a, duck_type b, bool texts);
bool duck_type_same(duck_type a, duck_type b);
bool duck_type_is_number(duck_type t);
/** The narrowest type for a value of a column. */
duck_type duck_type_of(const duck_column *c, weir_view json, lite_text *scratch);
/** As SQL has it: 24 bytes at most. */
void duck_type_name(duck_type t, char *out, size_t room);
/** Back from what DuckDB calls it. */
duck_type duck_type_parse(weir_view name);
/** The type of a vector for it; to be destroyed. */
duckdb_logical_type duck_type_logical(duck_type t);

/** The number times ten to the power of `scale`. @return false: it has more digits behind the point, or does not fit 38 digits */
bool duck_scaled(const digits *d, int scale, duckdb_hugeint *ret);
/** Puts a value into a vector of the column's type. `scratch` must have room for json.len bytes.
 *  @param borrow texts may stay where they are: the vector is done with before they go  @param ret_null it is null  @return false: it does not fit */
bool duck_column_put(const duck_column *c, duckdb_vector v, idx_t row, weir_view json, bool borrow, lite_text *scratch, bool *ret_null);

/** Name of an SQL function that makes the one text of a number of its texts; see digits_canonical(). */
#define DUCK_NUMBER "weir_number"
/** Makes it. */
void duck_add_number(duckdb_connection c);

/** Appends an expression for a column of type `from` as one of type `to`, which holds it. @param name quoted */
void duck_convert(lite_text *sql, const char *name, duck_type from, duck_type to, bool texts);

/** Appends words, a name in double quotes, a text in single ones. */
void duck_add(lite_text *sql, const char *words);
void duck_add_name(lite_text *sql, const char *name);
void duck_add_text(lite_text *sql, const char *text);

#endif
