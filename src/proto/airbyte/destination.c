#include "proto/airbyte/airbyte.h"

weir_rc airbyte_write(const airbyte_call *k, err *e)
{
    return err_fail(e, WEIR_E_CONFIG, "'%s' cannot be written to over Airbyte", k->c->name);
}
