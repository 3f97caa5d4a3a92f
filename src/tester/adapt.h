/* adapt.h - a value as one of another type: columns become wider than the values that come. */
#ifndef WEIR_TESTER_ADAPT_H
#define WEIR_TESTER_ADAPT_H

#include "base/arena.h"

/** The value for a column of that type; texts that are new live in the arena. */
weir_sql_value tester_adapt(const weir_sql_value *v, weir_sql_type type, arena *a);

#endif
