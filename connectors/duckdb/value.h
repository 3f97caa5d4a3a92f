/* value.h - values on their way into vectors of DuckDB, and back. */
#ifndef DUCKDB_VALUE_H
#define DUCKDB_VALUE_H

#include "duck.h"

/** How a column of parameters travels, so that a whole vector of them can be filled: texts are cast by DuckDB itself. */
typedef struct duck_carrier {
    duckdb_type type; /* of the vector */
    char cast[32];    /* what it is cast to in the statement; empty: nothing */
} duck_carrier;

/** The carrier for column `at` of `rows` rows of `columns` values. @return false: there is none for such a mixture */
bool duck_carrier_of(const weir_sql_value *values, size_t columns, size_t rows, size_t at, duck_carrier *ret);
/** Puts a value into row `row` of a vector of that carrier. */
void duck_put(duckdb_vector v, const duck_carrier *c, idx_t row, const weir_sql_value *value);
/** Binds it to a parameter of a prepared statement; the first is 1. */
duckdb_state duck_bind(duckdb_prepared_statement p, idx_t at, const weir_sql_value *value);

enum { DUCK_TEXT = 64 }; /* bytes that the text of a decimal, a date or a time may need */
/** Takes a value out of a vector of a result. Texts are views of the vector, or lie in `room` of DUCK_TEXT bytes.
 *  @return false: it is of a type that has no place here */
bool duck_take(duckdb_vector v, duckdb_logical_type type, idx_t row, char *room, weir_sql_value *ret);

#endif
