/* migrate.h - the steps of a schema_migration, as AlterTable or Migrate, and what must have come of them (fivetran.md 2.4, 3.2). */
#ifndef WEIR_TESTER_MIGRATE_H
#define WEIR_TESTER_MIGRATE_H

#include "tester/send.h"

/** Runs all steps, in order: [{STEP: [{...}...]}...] */
weir_rc tester_migrations(dest_test *x, const tree *steps, err *e);

#endif
