/* form_layers.h - what a JSON Schema says of one setting: the keywords of the schema itself, of what it refers to, of the parts of allOf, and of an alternative that
 * has no rival but null. Of what is said twice the first counts.
 */
#ifndef WEIR_PROTO_FIVETRAN_FORM_LAYERS_H
#define WEIR_PROTO_FIVETRAN_FORM_LAYERS_H

#include "json/tree.h"

enum { FT_LAYERS = 32 };

typedef struct ft_layers {
    const tree *root; /* where references begin */
    const tree *items[FT_LAYERS];
    size_t count;
} ft_layers;

ft_layers ft_layers_of(const tree *root, const tree *schema);
/** The value of a keyword, or NULL. */
const tree *ft_layers_get(const ft_layers *l, const char *keyword);
/** Is the keyword there, and true? */
bool ft_layers_says(const ft_layers *l, const char *keyword);
weir_view ft_layers_text(const ft_layers *l, const char *keyword);
/** Is the member listed in `required`? */
bool ft_layers_requires(const ft_layers *l, weir_view member);
/** oneOf or anyOf with several alternatives besides null, or NULL. */
const tree *ft_layers_rivals(const ft_layers *l);
/** WEIR_IS_... bits of `type` (see facet_types_named()), or of what else tells the type; 0: anything. WEIR_IS_NULL is told where null is allowed besides others. */
unsigned ft_layers_types(const ft_layers *l);
/** Is there anything in common: does one of them hold a schema that the other holds? Then they are around one another. */
bool ft_layers_meet(const ft_layers *a, const ft_layers *b);

/** Is it `{"type": "null"}`? */
bool ft_schema_is_null(const tree *schema);

#endif
