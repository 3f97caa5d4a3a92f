#include "run/defaults.h"

bool defaults_any(const weir_binding *b)
{
    for (size_t i = 0; i < b->column_count; i++)
        if (b->columns[i].fallback.len)
            return true;
    return false;
}

void defaults_fill(const weir_row *row, weir_view *values)
{
    const weir_binding *b = row->binding;
    const size_t count = row->op == WEIR_UPSERT ? b->column_count : b->key_count; /* of a part, what is not there stays as it is */
    for (size_t i = 0; i < count; i++)
        if (!values[i].len)
            values[i] = b->columns[i].fallback;
}
