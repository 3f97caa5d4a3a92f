/* settings.h - settings that a connector changes by itself while it runs (a rotated token), kept where they came from. */
#ifndef WEIR_PLANE_SETTINGS_H
#define WEIR_PLANE_SETTINGS_H

#include "base/log.h"
#include "plane/catalog.h"

/** Replaces the endpoint's config file, in the format it has: JSON stays JSON, everything else becomes YAML. Where the settings stand in the catalog itself, or
 *  cannot be written, a warning says that they will be lost, once for each `told`. Their values are never logged.
 *  @param config JSON object */
void settings_keep(const endpoint *e, weir_view config, log_sink *log, weir_view name, bool *told);

#endif
