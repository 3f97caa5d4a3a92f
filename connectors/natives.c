#include "natives.h"

#include <string.h>

#include "plugins.h"

#define CONNECTOR(symbol) extern const weir_connector symbol;
#include "connector_names.h"
#undef CONNECTOR

#define CONNECTOR(symbol) &symbol,
const weir_connector *const natives[] = {
#include "connector_names.h"
    NULL};
#undef CONNECTOR

const weir_connector *native_find(weir_view name)
{
    for (const weir_connector *const *c = natives; *c; c++)
        if (strlen((*c)->name) == name.len && memcmp((*c)->name, name.ptr, name.len) == 0)
            return *c;
    return plugin_find(name);
}
