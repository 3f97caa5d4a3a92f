/* spec.h - what a connector says about itself, whichever way it says it (tables or schema texts). */
#ifndef WEIR_MODEL_SPEC_H
#define WEIR_MODEL_SPEC_H

#include "json/tree.h"

/** Appends the config / resource JSON Schema: the text the connector gives, or one made from its table. */
void spec_config_schema(const weir_connector *c, buf *out);
void spec_resource_schema(const weir_connector *c, buf *out);
/** Appends resourcePathPointers as a JSON array. */
void spec_path_pointers(const weir_connector *c, buf *out);
/** Appends the documentation URL; made from the name if the connector has none. */
void spec_docs_url(const weir_connector *c, buf *out);
/** Appends the resource path (JSON array of strings) of a resource config: `_meta.path` if there, otherwise the pointers' values;
 * absent ones are left out. WEIR_E_CONFIG if nothing remains. */
weir_rc spec_resource_path(const weir_connector *c, const tree *resource, buf *out, err *e);
/** Is it a derivation and nothing else? Its resource settings are those of a lambda. */
bool spec_only_derives(const weir_connector *c);
/** Is the descriptor usable: ABI, name, a capture (discover, pull), materialize (apply, store, commit; load if needs_exists) or derive (read),
 * sound tables or schemas but not both, resource path pointers (a resource table needs at least one, unless it describes lambdas)? Otherwise WEIR_E_BUG. */
weir_rc spec_check(const weir_connector *c, err *e);

#endif
