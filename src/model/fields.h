/* fields.h - what is derived from a settings table (weir_field): the parser, the JSON Schema, the help text. */
#ifndef WEIR_MODEL_FIELDS_H
#define WEIR_MODEL_FIELDS_H

#include "json/tree.h"

/** Fills the struct at `out` (zeroed by the caller, as large as the table's struct) from a settings object. Texts and lists live in
 * the arena. All problems are reported in one error, a line each: "PLACE: /pointer: what", PLACE being file:line:column or
 * "config:line:column"; unknown members suggest the nearest name. At most 100 are shown, the rest is counted. Values of secrets are
 * never shown. `_meta` is tolerated at the top. `settings` NULL counts as {}, a null member as absent (but for WEIR_JSON, where it
 * is a value). In an optional object that is absent nothing is demanded, but defaults are applied.
 *  @param what names the object in errors: "config", "resource"
 *  @return WEIR_E_CONFIG; WEIR_E_BUG if a fallback of the table itself is wrong. What `out` then holds is of no use */
weir_rc fields_parse(const weir_field *table, const tree *settings, const char *what, void *out, arena *a, err *e);
/** Appends the JSON Schema: title, description, type, default, enum, minimum, maximum, order, secret, multiline, advanced, oneOf
 * with discriminator, x-collection-name ... required. Closed objects are not declared: platforms add members of their own. */
void fields_schema(const weir_field *table, const char *title, buf *out);
/** Appends the settings as text for --help, one or two lines each, nested ones indented; at most 80 characters a line. */
void fields_help(const weir_field *table, buf *out);
/** Calls each() with the value of every setting marked WEIR_SECRET that is present, found by walking the tree beside the table. The
 * tree need not fit the table yet: numbers and texts inside of what should have been a secret text count, and of unknown variants
 * all. Of an upload what it holds counts, too, if it is text. */
void fields_secrets(const weir_field *table, const tree *settings, void (*each)(void *arg, weir_view secret), void *arg);
/** The same for a connector that gives its schema as text: every string at a location with `secret` or `airbyte_secret` true.
 * References within the schema are followed; conditions, patterns and positions are not asked, so it may name too many. */
void schema_secrets(const tree *schema, const tree *settings, void (*each)(void *arg, weir_view secret), void *arg);
/** Appends the JSON array of pointers of the fields marked WEIR_PATH. */
void fields_path_pointers(const weir_field *table, buf *out);
/** Appends a title made from a name: "api_key", "apiKey" -> "Api Key". */
void title_of_name(const char *name, buf *out);
/** Is the table itself well formed (names unique, offsets inside size, aligned and apart, flags where they belong, fallbacks that
 * the setting would accept)? For tests and weir_main: an author's slip is WEIR_E_BUG naming the field. */
weir_rc fields_check(const weir_field *table, size_t size, err *e);

#endif
