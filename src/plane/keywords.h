/* keywords.h - which keywords of JSON Schema hold what, for whoever copies schemas with changes. */
#ifndef WEIR_PLANE_KEYWORDS_H
#define WEIR_PLANE_KEYWORDS_H

#include "json/tree.h"

static inline bool keyword_among(weir_view name, const char *const *words)
{
    while (*words && !view_is(name, *words))
        words++;
    return *words != NULL;
}

/** Is its value data, in which nothing is a keyword? */
static inline bool keyword_holds_data(weir_view name)
{
    return keyword_among(name, (const char *const[]){"const", "enum", "default", "examples", NULL});
}

/** Is its value an object of schemas under names that are no keywords? */
static inline bool keyword_holds_names(weir_view name)
{
    return keyword_among(
        name, (const char *const[]){"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", NULL});
}

#endif
