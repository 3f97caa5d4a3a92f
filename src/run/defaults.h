/* defaults.h - what stands in a row for values that its document lacks: the defaults of the columns (weir_column.fallback). */
#ifndef WEIR_RUN_DEFAULTS_H
#define WEIR_RUN_DEFAULTS_H

#include "base/view.h"

/** Has any column one? */
bool defaults_any(const weir_binding *b);
/** Of the row's key, and, unless it is a part or a deletion, of all columns. @param values of the row, by column */
void defaults_fill(const weir_row *row, weir_view *values);

#endif
