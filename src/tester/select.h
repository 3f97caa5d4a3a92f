/* select.h - the selection of an update: everything that the schema has but what was excluded, and all that is new (fivetran.md 2.3). */
#ifndef WEIR_TESTER_SELECT_H
#define WEIR_TESTER_SELECT_H

#include "tester/tables.h"

/** Sets the request's selection, unless the source lets nothing be selected. @return false without memory */
bool tester_select(arena *a, const tester_tables *t, const FivetranSdk__V2__SchemaResponse *s, FivetranSdk__V2__UpdateRequest *ret);

#endif
