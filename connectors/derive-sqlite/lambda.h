/* lambda.h - the block of a transform: its statements, prepared; what is bound to them of a document, what becomes of their rows
 * (flow.md 4.5). */
#ifndef DSQL_LAMBDA_H
#define DSQL_LAMBDA_H

#include "db.h"
#include "lite_value.h"

typedef struct dsql_lambda dsql_lambda;

/** Prepares. @param block SQL @param t lives as long as the lambda. @return NULL with an error */
dsql_lambda *dsql_lambda_make(dsql_db *d, const weir_transform *t, weir_view block, dsql_error *e);
void dsql_lambda_free(dsql_lambda *l);
/** Changes none of its statements anything? */
bool dsql_lambda_read_only(const dsql_lambda *l);

/** Runs the statements with the document, and publishes their rows in `to`. */
weir_rc dsql_lambda_run(weir_task *t, dsql_db *d, dsql_lambda *l, const weir_read *r, const weir_binding *to);

#endif
