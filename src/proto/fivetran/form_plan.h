/* form_plan.h - what the parts of form.h share: settings as a tree of nodes, each leaf with the field that asks for it. */
#ifndef WEIR_PROTO_FIVETRAN_FORM_PLAN_H
#define WEIR_PROTO_FIVETRAN_FORM_PLAN_H

#include "proto/fivetran/form.h"

enum {
    FT_LEAVES_MAX = 5000,  /* settings with a field */
    FT_CHOICES_MAX = 1000, /* of a dropdown */
    FT_DEEPEST = 24        /* objects in objects; what is further in is JSON */
};

typedef enum ft_kind {
    FT_KIND_JSON = 0, /* whatever nothing better is known of: the field holds JSON text */
    FT_KIND_TEXT,
    FT_KIND_INTEGER,
    FT_KIND_NUMBER,
    FT_KIND_BOOL,
    FT_KIND_ENUM,
    FT_KIND_CONST,
    FT_KIND_OBJECT /* has no field, its members have */
} ft_kind;

/* A value that a setting can have, and how the form calls it. */
typedef struct ft_choice {
    weir_view text;    /* in the flat map: of a string itself, of others the JSON text */
    const tree *value;
    weir_view label, description;
} ft_choice;

typedef struct ft_node ft_node;
struct ft_node {
    weir_view property; /* its name in the object around it; of a variant: what names are made of */
    weir_view name;     /* of its field */
    weir_view title, description;
    ft_kind kind;
    unsigned types;  /* FT_KIND_JSON: what is allowed, 0: anything */
    bool required;   /* its object must have it */
    bool demanded;   /* and the object must be there, too */
    bool secret;
    bool hidden;     /* it, or what it is in, is not to be seen */
    bool texts;      /* FT_KIND_JSON: an array of texts */
    bool keeps_empty; /* FT_KIND_TEXT: the empty text is a value */
    bool conditional; /* it, or what it is in, is not always shown */
    const tree *fallback, *example, *upload;
    const tree *shown; /* x-shown-when */
    ft_choice *choices; /* FT_KIND_ENUM; FT_KIND_CONST has one */
    size_t choice_count;
    ft_node *around, *first, *last, *next;
    ft_node *by;       /* FT_KIND_OBJECT with variants: the member that names the variant; its choices are in the order of the variants */
    ft_node **variants; /* FT_KIND_OBJECT each */
};

struct ft_plan {
    arena *arena;
    ft_node *root;
    ft_node **leaves;
    size_t leaf_count;
    ft_node **by_name; /* the leaves, sorted */
    bool open;         /* nothing is known of the settings: the field `config` holds them all, and what has no field goes along under its name */
    ft_form form;
};

/** What a value is in a flat map; ptr NULL: no memory. */
weir_view ft_text_of(arena *a, const tree *value);
/** FT_KIND_JSON: is a text that is written as it is read as the same text, and not as JSON? */
bool ft_stands_for_itself(const ft_node *n, weir_view text);
/** The leaf whose field has this name, or NULL. */
const ft_node *ft_plan_leaf(const ft_plan *p, weir_view name);
/** Makes the form of the plan. WEIR_E_CONFIG: conditions in conditions make too many fields. */
weir_rc ft_plan_lay_out(ft_plan *p, err *e);
/** Gives every leaf a name. */
weir_rc ft_plan_name(ft_plan *p, err *e);

#endif
