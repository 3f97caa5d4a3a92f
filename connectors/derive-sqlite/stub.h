/* stub.h - what a file of SQL should hold that the catalog names and that is not there (flow.md 4.5). */
#ifndef DSQL_STUB_H
#define DSQL_STUB_H

#include "error.h"

/** @param index of the migration, from 0 */
weir_rc dsql_stub_migration(weir_task *t, weir_view url, size_t index);
weir_rc dsql_stub_lambda(weir_task *t, const weir_transform *tr, weir_view url);

#endif
