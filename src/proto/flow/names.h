/* names.h - members by their JSON name, or as the .proto spells them: resourceConfig, resource_config, resource_config_json
 * (flow.md 2). */
#ifndef WEIR_FLOW_NAMES_H
#define WEIR_FLOW_NAMES_H

#include "json/tree.h"

bool name_is(weir_view key, const char *name);
/** The member of an object; NULL if there is none, or it is null (which counts as absent). */
const tree *name_get(const tree *t, const char *name);
/** Its text as written; empty if there is none. */
weir_view name_raw(const tree *t, const char *name);
/** Of a string, decoded; empty if it is none. */
weir_view name_text(const tree *t, const char *name);
/** Of a boolean; false if it is none. */
bool name_flag(const tree *t, const char *name);

#endif
