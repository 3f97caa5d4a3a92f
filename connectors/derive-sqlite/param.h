/* param.h - parameters of a lambda and the fields that they name (flow.md 4.5). */
#ifndef DSQL_PARAM_H
#define DSQL_PARAM_H

#include "error.h"

/** The field that a parameter names: `$a`, `$a$b` (a/b), `$p::(any name)`; also with `:` or `@` in the place of the first `$`. One
 * that is written as it is goes before one in which `_` stands for a blank or, but for `$p::(...)`, for `-`. An error names the
 * nearest one.
 *  @param parameter as SQLite has it, with its first character; NULL: it has no name */
weir_rc dsql_param_find(const weir_transform *t, const char *parameter, size_t *ret_column, dsql_error *e);

/** A field as a parameter: `$a$b`. To be freed with sqlite3_free(); NULL without memory. */
char *dsql_param_name(weir_view field);

/** How many characters have to be put in, left out, replaced or swapped with the next to make one text of the other; SIZE_MAX
 * without memory. */
size_t dsql_param_distance(weir_view a, weir_view b);

#endif
