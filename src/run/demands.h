/* demands.h - what a destination says of its columns when it is validated, and what becomes of the selection then. */
#ifndef WEIR_RUN_DEMANDS_H
#define WEIR_RUN_DEMANDS_H

#include "base/arena.h"
#include "base/err.h"

/** What was said of one column. */
typedef struct demand {
    bool any;          /* anything was said: of a column of which nothing is, the schema decides */
    weir_need need;
    weir_view reason;
    weir_view folded;  /* under which name it is stored; empty: its field */
} demand;

/** Of one binding: {0} is nothing said. */
typedef struct demands {
    demand *columns; /* by its columns; NULL: nothing was said of any */
    demand document; /* the whole document as a column of its own */
    weir_rules rules;
} demands;

/** Notes what is said; see weir_constrain(). */
weir_rc demands_take(demands *d, arena *a, const weir_binding *b, const weir_column *column, weir_need need, weir_view reason, err *e);
/** See weir_fold(). */
weir_rc demands_fold(demands *d, arena *a, const weir_binding *b, const weir_column *column, weir_view name, err *e);
/** Changes the columns of the binding as was demanded: what is forbidden and was not asked for by name leaves, the whole document comes in where it has
 *  to be there. Everything that cannot be is WEIR_E_CONFIG, a line each, with field and reason. New columns live in the arena. */
weir_rc demands_obey(const demands *d, arena *a, weir_binding *b, err *e);

#endif
