/* keywords.h - which keywords of JSON Schema hold what, for whoever copies schemas with changes; and the relaxed copy. */
#ifndef WEIR_PLANE_KEYWORDS_H
#define WEIR_PLANE_KEYWORDS_H

#include "json/tree.h"

/** Is its value data, in which nothing is a keyword? */
bool keyword_holds_data(weir_view name);
/** Is its value an object of schemas under names that are no keywords? */
bool keyword_holds_names(weir_view name);
/** What flow://relaxed-write-schema stands for: the schema without type, required and format, at every depth of $defs, allOf, properties, items and what is
 *  additional; all else (if, anyOf, ...) stays as it is (the crate `models` of Flow, schemas.rs). NULL without memory. */
const tree *schema_relaxed(arena *a, const tree *schema);
/** The schema without `required`, at every depth where that accepts more: what parts of its documents are held against. NULL without memory. */
const tree *schema_without_required(arena *a, const tree *schema);

#endif
