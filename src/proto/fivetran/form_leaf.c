/* What a schema says of a setting that has one field: its kind, its choices, whether it is a secret. */
#include "proto/fivetran/form_leaf.h"

#include "json/number.h"

weir_view ft_text_of(arena *a, const tree *value)
{
    buf text = {0};
    if (value->kind == TREE_STRING)
        return value->text;
    tree_write(&text, value);
    a->failed |= !buf_ok(&text);
    weir_view kept = arena_dup(a, buf_view(&text));
    buf_free(&text);
    return kept;
}

/* -------------------------------------------------------------------------------------------------------- values to choose -- */

bool ft_is_scalar(const tree *t)
{
    return t->kind == TREE_STRING || t->kind == TREE_NUMBER || t->kind == TREE_BOOL;
}

static const tree *nth(const tree *list, size_t n)
{
    const tree *t = list && list->kind == TREE_ARRAY ? list->first : NULL;
    while (t && n--)
        t = t->next;
    return t;
}

static weir_view nth_text(const tree *list, size_t n)
{
    const tree *t = nth(list, n);
    return t && t->kind == TREE_STRING ? t->text : (weir_view){0};
}

static bool is_chosen_before(const ft_node *n, weir_view text)
{
    for (size_t i = 0; i < n->choice_count; i++)
        if (view_eq(n->choices[i].text, text))
            return true;
    return false;
}

bool ft_choices_add(arena *a, ft_node *n, const tree *value, weir_view label, weir_view description)
{
    weir_view text = ft_is_scalar(value) ? ft_text_of(a, value) : (weir_view){0};
    if (!ft_is_scalar(value) || is_chosen_before(n, text))
        return false;
    n->choices[n->choice_count++] = (ft_choice){text, value, label, description};
    return true;
}

bool ft_choices_begin(arena *a, ft_node *n, size_t room)
{
    n->choice_count = 0;
    n->choices = room <= FT_CHOICES_MAX ? arena_array(a, room, sizeof *n->choices) : NULL;
    return n->choices != NULL;
}

static bool has_enum(arena *a, ft_node *n, const ft_layers *l)
{
    const tree *values = ft_layers_get(l, "enum"), *help = ft_layers_get(l, "x-enum-descriptions"), *labels = ft_layers_get(l, "x-enum-labels");
    bool good = values && values->kind == TREE_ARRAY && ft_choices_begin(a, n, values->count);
    size_t i = 0;
    for (const tree *t = good ? values->first : NULL; t && good; t = t->next, i++)
        good = t->kind == TREE_NULL || ft_choices_add(a, n, t, nth_text(labels, i), nth_text(help, i));
    return good && n->choice_count;
}

const tree *ft_only_value(const ft_layers *l)
{
    const tree *constant = ft_layers_get(l, "const"), *values = ft_layers_get(l, "enum");
    if (!constant && values && values->kind == TREE_ARRAY && values->count == 1)
        constant = values->first;
    return constant && ft_is_scalar(constant) ? constant : NULL;
}

/* oneOf as a list of constants, each with its title and description. */
static bool has_constants(arena *a, ft_node *n, const ft_layers *l)
{
    const tree *rivals = ft_layers_rivals(l);
    bool good = rivals && ft_choices_begin(a, n, rivals->count);
    for (const tree *t = good ? rivals->first : NULL; t && good; t = t->next) {
        ft_layers one = ft_layers_of(l->root, t);
        const tree *value = ft_only_value(&one);
        if (!ft_schema_is_null(t))
            good = value && ft_choices_add(a, n, value, ft_layers_text(&one, "title"), ft_layers_text(&one, "description"));
    }
    return good && n->choice_count;
}

static bool has_const(arena *a, ft_node *n, const ft_layers *l)
{
    const tree *value = ft_layers_get(l, "const");
    return value && ft_choices_begin(a, n, 1) && ft_choices_add(a, n, value, (weir_view){0}, (weir_view){0});
}

/* ------------------------------------------------------------------------------------------------------------------ leaves -- */

static bool is_secret(const ft_layers *l)
{
    return ft_layers_says(l, "secret") || ft_layers_says(l, "airbyte_secret") || ft_layers_says(l, "writeOnly") ||
           view_is(ft_layers_text(l, "format"), "password");
}

/* A schema that is being looked at, inside of others. */
typedef struct looked {
    const struct looked *outer;
    const tree *schema;
    unsigned depth;
} looked;

/* Is anything in it a secret? What is asked for as one text is one if any part is, and so is what is too large to tell. */
static bool holds_secret(const tree *root, const tree *schema, const looked *outer, size_t *looks)
{
    looked here = {outer, schema, outer ? outer->depth + 1 : 0};
    for (const looked *l = outer; l; l = l->outer)
        if (l->schema == schema)
            return false; /* it is being looked at */
    ft_layers l = ft_layers_of(root, schema);
    bool secret = is_secret(&l) || here.depth > 4 * FT_DEEPEST || !*looks;
    *looks -= *looks > 0;
    for (size_t i = 0; i < l.count && !secret; i++)
        for (const tree *t = l.items[i]->first; t && !secret; t = t->next)
            if (t->kind == TREE_OBJECT)
                secret = holds_secret(root, t, &here, looks);
            else if (t->kind == TREE_ARRAY)
                for (const tree *u = t->first; u && !secret; u = u->next)
                    secret = u->kind == TREE_OBJECT && holds_secret(root, u, &here, looks);
    return secret;
}

static bool is_positive(const ft_layers *l, const char *keyword)
{
    const tree *t = ft_layers_get(l, keyword);
    int64_t n = 0;
    return t && t->kind == TREE_NUMBER && number_to_i64(t->text, &n) && n > 0;
}

/* An empty text is one that the user did not give, unless somebody has to give one or wants the default gone. */
static bool keeps_empty(const ft_node *n, const ft_layers *l)
{
    bool filled = n->fallback && n->fallback->kind == TREE_STRING && n->fallback->text.len;
    return (n->demanded || filled) && !is_positive(l, "minLength") && !ft_layers_get(l, "pattern") && !ft_layers_get(l, "format") && !n->upload;
}

static bool is_texts(const ft_layers *l)
{
    const tree *items = ft_layers_get(l, "items");
    ft_layers inner = ft_layers_of(l->root, items);
    return ft_layers_types(&inner) == WEIR_IS_STRING;
}

static void set_kind(arena *a, ft_node *n, const ft_layers *l)
{
    const unsigned types = ft_layers_types(l), plain = types & ~(unsigned)WEIR_IS_NULL;
    static const struct {
        unsigned types;
        ft_kind kind;
    } kinds[] = {
        {WEIR_IS_STRING, FT_KIND_TEXT},
        {WEIR_IS_INTEGER, FT_KIND_INTEGER},
        {WEIR_IS_NUMBER | WEIR_IS_INTEGER, FT_KIND_NUMBER},
        {WEIR_IS_BOOLEAN, FT_KIND_BOOL},
    };
    n->kind = FT_KIND_JSON;
    n->types = types;
    n->texts = plain == WEIR_IS_ARRAY && is_texts(l);
    if (has_const(a, n, l))
        n->kind = FT_KIND_CONST;
    else if (has_enum(a, n, l) || has_constants(a, n, l))
        n->kind = FT_KIND_ENUM;
    else if (!ft_layers_get(l, "enum") && !ft_layers_get(l, "const"))
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (plain == kinds[i].types)
                n->kind = kinds[i].kind;
}

void ft_leaf_take(arena *a, ft_node *n, const ft_layers *l, const tree *schema)
{
    size_t looks = FT_LEAVES_MAX;
    n->upload = ft_layers_get(l, "x-upload");
    set_kind(a, n, l);
    n->secret = is_secret(l) || (n->kind == FT_KIND_JSON && holds_secret(l->root, schema, NULL, &looks));
    n->hidden |= n->kind == FT_KIND_CONST;
    n->keeps_empty = n->kind == FT_KIND_TEXT && keeps_empty(n, l);
}
