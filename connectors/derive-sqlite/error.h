/* error.h - why SQL cannot be used: told to the task, or noted as a problem, by whoever asked. */
#ifndef DSQL_ERROR_H
#define DSQL_ERROR_H

#include <weir.h>

/** {0} is none. */
typedef struct dsql_error {
    weir_rc rc;
    char *text; /* of sqlite3_malloc(); NULL: out of memory */
} dsql_error;

/** Sets what went wrong, in the format of sqlite3_mprintf(). @return rc */
weir_rc dsql_say(dsql_error *e, weir_rc rc, const char *fmt, ...);
/** Puts "where: " before it. @return e->rc */
weir_rc dsql_at(dsql_error *e, const char *fmt, ...);
/** Makes it the task's error, and is empty again. @return its rc */
weir_rc dsql_fail(weir_task *t, dsql_error *e);
/** Makes it a problem of the validation, and is empty again. Without memory it is an error nevertheless. */
weir_rc dsql_problem(weir_task *t, dsql_error *e);
void dsql_error_free(dsql_error *e);

#endif
