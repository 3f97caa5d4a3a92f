/* form_leaf.h - what a schema says of a setting that has one field. For form_plan.c. */
#ifndef WEIR_PROTO_FIVETRAN_FORM_LEAF_H
#define WEIR_PROTO_FIVETRAN_FORM_LEAF_H

#include "proto/fivetran/form_layers.h"
#include "proto/fivetran/form_plan.h"

/** Fills in what the schema says besides title, default and the like. Its place in the tree is known: `demanded`, `fallback`, `hidden`. */
void ft_leaf_take(arena *a, ft_node *n, const ft_layers *l, const tree *schema);

/** Room for so many choices. @return false without memory, or if they are more than FT_CHOICES_MAX */
bool ft_choices_begin(arena *a, ft_node *n, size_t room);
/** @return false if the value cannot be told from others by its text */
bool ft_choices_add(arena *a, ft_node *n, const tree *value, weir_view label, weir_view description);

bool ft_is_scalar(const tree *t);
/** The one value of a schema: const, or an enum of one; NULL: it has several, or none that is a scalar. */
const tree *ft_only_value(const ft_layers *l);

#endif
