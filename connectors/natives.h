/* natives.h - the connectors linked into `weir`. */
#ifndef WEIR_NATIVES_H
#define WEIR_NATIVES_H

#include <weir.h>

/** All of them, ended by NULL. */
extern const weir_connector *const natives[];
/** The descriptor of that name, such as `materialize-sqlite`, or of a plug-in; NULL if there is none. */
const weir_connector *native_find(weir_view name);

#endif
