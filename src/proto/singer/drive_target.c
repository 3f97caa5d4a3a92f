/* Being the platform for a Singer target. */
#include "proto/singer/driven.h"

void targeted_free(void *target) { (void)target; }

const weir_materialize targeted_materialize = {0};
