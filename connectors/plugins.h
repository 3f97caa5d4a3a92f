/* plugins.h - connectors that are loaded when they are named, because what they are made of is large. */
#ifndef WEIR_PLUGINS_H
#define WEIR_PLUGINS_H

#include <weir.h>

/** The connector of that name; NULL: no plug-in has it. One that was not built, or cannot be loaded, is there too: it says so when it is opened. */
const weir_connector *plugin_find(weir_view name);

#endif
