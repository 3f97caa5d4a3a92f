/* Settings as a tree of nodes: objects, their members, and the variants of which one is chosen. */
#include "proto/fivetran/form_leaf.h"

#include <stdlib.h>

#include "json/number.h"

typedef struct planner {
    ft_plan *plan;
    const tree *root;
    const ft_layers *open[FT_DEEPEST]; /* the schemas around the one at hand: what contains itself is asked for as JSON */
    size_t depth, room;
    size_t visits; /* a schema may refer to the same part many times */
} planner;

static ft_node *build(planner *p, const tree *schema, weir_view property, ft_node *around);

/* ------------------------------------------------------------------------------------------------------------------ leaves -- */

static void add_leaf(planner *p, ft_node *n)
{
    ft_plan *plan = p->plan;
    if (plan->leaf_count == p->room) {
        size_t room = p->room ? 2 * p->room : 64;
        ft_node **more = arena_array(plan->arena, room, sizeof *more);
        if (!more)
            return;
        if (plan->leaf_count)
            memcpy(more, plan->leaves, plan->leaf_count * sizeof *more);
        plan->leaves = more;
        p->room = room;
    }
    plan->leaves[plan->leaf_count++] = n;
}

static void set_leaf(planner *p, ft_node *n, const ft_layers *l, const tree *schema)
{
    ft_leaf_take(p->plan->arena, n, l, schema);
    add_leaf(p, n);
}

/* ----------------------------------------------------------------------------------------------------------------- objects -- */

static void append(ft_node *around, ft_node *n)
{
    if (!n)
        return;
    *(around->last ? &around->last->next : &around->first) = n;
    around->last = n;
}

typedef struct sorted {
    const tree *schema;
    int64_t order;
    size_t at;
} sorted;

static int by_order(const void *a, const void *b)
{
    const sorted *x = a, *y = b;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* What has no `order` comes behind what has. */
static int64_t order_of(const ft_layers *l)
{
    const tree *t = ft_layers_get(l, "order");
    int64_t order;
    return t && t->kind == TREE_NUMBER && number_to_i64(t->text, &order) && order < INT64_MAX ? order : INT64_MAX;
}

static bool is_described_before(const ft_layers *l, size_t count, weir_view name)
{
    for (size_t i = 0; i < count; i++)
        if (tree_getv(tree_get(l->items[i], "properties"), name))
            return true;
    return false;
}

static size_t sort_properties(const planner *p, const ft_layers *l, sorted **ret)
{
    size_t room = 0, count = 0;
    for (size_t i = 0; i < l->count; i++) {
        const tree *properties = tree_get(l->items[i], "properties");
        room += properties ? properties->count : 0;
    }
    *ret = arena_array(p->plan->arena, room, sizeof **ret);
    for (size_t i = 0; *ret && i < l->count; i++) {
        const tree *properties = tree_get(l->items[i], "properties");
        for (const tree *t = properties ? properties->first : NULL; t; t = t->next)
            if (!is_described_before(l, i, t->name)) {
                ft_layers inner = ft_layers_of(p->root, t);
                (*ret)[count] = (sorted){t, order_of(&inner), count};
                count++;
            }
    }
    if (count)
        qsort(*ret, count, sizeof **ret, by_order);
    return count;
}

/* @param except a property that is not wanted; may be empty */
static void build_members(planner *p, ft_node *n, const ft_layers *l, weir_view except)
{
    sorted *properties;
    size_t count = sort_properties(p, l, &properties);
    for (size_t i = 0; i < count; i++)
        if (!except.len || !view_eq(properties[i].schema->name, except))
            append(n, build(p, properties[i].schema, properties[i].schema->name, n));
}

/* ---------------------------------------------------------------------------------------------------------------- variants -- */

static const tree *property_in(const ft_layers *l, weir_view name)
{
    const tree *found = NULL;
    for (size_t i = 0; i < l->count && !found; i++)
        found = tree_getv(tree_get(l->items[i], "properties"), name);
    return found;
}

/* What a variant says that the discriminator is: a constant, or nothing. */
static const tree *said_by(const planner *p, const tree *variant, weir_view discriminator)
{
    ft_layers outer = ft_layers_of(p->root, variant);
    ft_layers l = ft_layers_of(p->root, property_in(&outer, discriminator));
    return ft_only_value(&l);
}

/* Does every variant say another one? */
static bool tells_apart(planner *p, const tree *rivals, weir_view discriminator, ft_node *by)
{
    bool good = ft_choices_begin(p->plan->arena, by, rivals->count);
    for (const tree *t = rivals->first; t && good; t = t->next) {
        ft_layers l = ft_layers_of(p->root, t);
        const tree *value = ft_schema_is_null(t) ? NULL : said_by(p, t, discriminator);
        if (!ft_schema_is_null(t))
            good = value && ft_choices_add(p->plan->arena, by, value, ft_layers_text(&l, "title"), ft_layers_text(&l, "description"));
    }
    return good && by->choice_count;
}

static bool find_discriminator(planner *p, const ft_layers *l, const tree *rivals, ft_node *by)
{
    const tree *said = ft_layers_get(l, "discriminator"), *first = rivals->first;
    weir_view name = said && said->kind == TREE_STRING ? said->text : tree_text(said, "propertyName");
    while (first && ft_schema_is_null(first))
        first = first->next;
    ft_layers variant = ft_layers_of(p->root, first);
    by->property = name;
    if (name.len && tells_apart(p, rivals, name, by))
        return true;
    for (size_t i = 0; i < variant.count; i++) {
        const tree *properties = tree_get(variant.items[i], "properties");
        for (const tree *t = properties ? properties->first : NULL; t; t = t->next) {
            by->property = t->name;
            if (said_by(p, first, t->name) && tells_apart(p, rivals, t->name, by))
                return true;
        }
    }
    return false;
}

static weir_view slug(arena *a, weir_view text)
{
    char *out = arena_text(a, text);
    size_t n = 0;
    for (size_t i = 0; out && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (plain)
            out[n++] = (char)c;
        else if (n && out[n - 1] != '_')
            out[n++] = '_';
    }
    while (n && out[n - 1] == '_')
        n--;
    return n ? (weir_view){out, n} : VIEW("option");
}

static ft_node *new_node(planner *p, weir_view property, ft_node *around)
{
    ft_node *n = arena_alloc(p->plan->arena, sizeof *n);
    if (n)
        *n = (ft_node){.property = property, .around = around, .conditional = around && around->conditional, .hidden = around && around->hidden};
    return n;
}

static ft_node *build_variant(planner *p, const tree *schema, ft_node *around, weir_view discriminator, weir_view value)
{
    ft_node *n = new_node(p, slug(p->plan->arena, value), around);
    ft_layers l = ft_layers_of(p->root, schema);
    if (!n)
        return NULL;
    n->kind = FT_KIND_OBJECT;
    n->required = n->demanded = true;
    if (p->depth == FT_DEEPEST)
        return n;
    p->open[p->depth++] = &l;
    build_members(p, n, &l, discriminator);
    p->depth--;
    return n;
}

/* @param by what find_discriminator() has found */
static void build_variants(planner *p, ft_node *n, const tree *rivals, const ft_node *by)
{
    const tree *first = rivals->first, *chosen = tree_getv(n->fallback, by->property);
    size_t i = 0;
    n->by = new_node(p, by->property, n);
    n->variants = arena_array(p->plan->arena, by->choice_count, sizeof(ft_node *));
    if (!n->by || !n->variants)
        return;
    while (ft_schema_is_null(first))
        first = first->next;
    ft_layers outer = ft_layers_of(p->root, first), inner = ft_layers_of(p->root, property_in(&outer, by->property));
    n->by->required = true;
    n->by->demanded = n->demanded;
    add_leaf(p, n->by);
    n->by->kind = FT_KIND_ENUM;
    n->by->choices = by->choices;
    n->by->choice_count = by->choice_count;
    n->by->fallback = chosen && ft_is_scalar(chosen) ? chosen : NULL;
    n->by->title = n->around ? n->title : ft_layers_text(&inner, "title");
    n->by->description = n->around ? n->description : ft_layers_text(&inner, "description");
    for (const tree *t = rivals->first; t && i < by->choice_count; t = t->next)
        if (!ft_schema_is_null(t)) {
            n->variants[i] = build_variant(p, t, n, by->property, by->choices[i].text);
            i++;
        }
}

/* Alternatives that only say what else has to be there describe nothing. */
static bool describe_members(const planner *p, const tree *rivals)
{
    for (const tree *t = rivals->first; t; t = t->next) {
        ft_layers l = ft_layers_of(p->root, t);
        if (ft_layers_get(&l, "properties") || ft_layers_get(&l, "additionalProperties"))
            return true;
    }
    return false;
}

static bool is_schema_of_rest(const tree *t)
{
    return t && t->kind == TREE_OBJECT && t->first;
}

/* Can it be asked for member by member? @param by filled if it has variants */
static bool is_form_of_its_own(planner *p, const ft_node *n, const ft_layers *l, ft_node *by)
{
    const tree *rivals = ft_layers_rivals(l), *properties = ft_layers_get(l, "properties");
    bool described = properties && properties->kind == TREE_OBJECT && properties->first;
    unsigned types = ft_layers_types(l) & ~(unsigned)WEIR_IS_NULL;
    if (n->around && (ft_layers_get(l, "enum") || ft_layers_get(l, "const")))
        return false;
    if (rivals && describe_members(p, rivals) && find_discriminator(p, l, rivals, by))
        return true;
    by->property = (weir_view){0};
    if (!n->around) /* the settings themselves */
        return true;
    if (types != WEIR_IS_OBJECT || !described || (rivals && describe_members(p, rivals)))
        return false;
    return !is_schema_of_rest(ft_layers_get(l, "additionalProperties")) && !ft_layers_get(l, "patternProperties");
}

/* Alternatives that nothing tells apart, of the settings themselves: all that they describe, nothing of it required. */
static void build_rivals(planner *p, ft_node *n, const ft_layers *l)
{
    const tree *rivals = ft_layers_rivals(l);
    for (const tree *t = rivals ? rivals->first : NULL; t; t = t->next) {
        ft_layers inner = ft_layers_of(p->root, t);
        sorted *properties;
        size_t count = sort_properties(p, &inner, &properties);
        for (size_t i = 0; i < count; i++) {
            bool known = false;
            for (const ft_node *m = n->first; m && !known; m = m->next)
                known = view_eq(m->property, properties[i].schema->name);
            if (!known)
                append(n, build(p, properties[i].schema, properties[i].schema->name, n));
        }
    }
}

static bool is_open(const planner *p, const ft_layers *l)
{
    for (size_t i = 0; i < p->depth; i++)
        if (ft_layers_meet(p->open[i], l))
            return true;
    return p->depth == FT_DEEPEST;
}

/* What depends on a member of the same object: it is not always shown. */
static const tree *shown_when(const ft_layers *l)
{
    const tree *t = ft_layers_get(l, "x-shown-when");
    return t && (t->kind == TREE_OBJECT || t->kind == TREE_ARRAY) && t->first ? t : NULL;
}

static void build_object(planner *p, ft_node *n, const ft_layers *l, const ft_node *by)
{
    n->kind = FT_KIND_OBJECT;
    p->open[p->depth++] = l;
    build_members(p, n, l, by->property);
    if (by->property.len)
        build_variants(p, n, ft_layers_rivals(l), by);
    else if (!n->around)
        build_rivals(p, n, l);
    p->depth--;
}

static ft_node *build(planner *p, const tree *schema, weir_view property, ft_node *around)
{
    ft_layers l = ft_layers_of(p->root, schema);
    ft_node *n = new_node(p, property, around), by = {0};
    if (!n || p->plan->leaf_count > FT_LEAVES_MAX || p->visits++ > 10 * FT_LEAVES_MAX)
        return NULL;
    n->title = ft_layers_text(&l, "title");
    n->description = ft_layers_text(&l, "description");
    n->fallback = ft_layers_get(&l, "default");
    n->example = ft_layers_get(&l, "examples");
    n->shown = shown_when(&l);
    n->conditional |= n->shown != NULL;
    n->hidden |= ft_layers_says(&l, "x-hidden-field") || ft_layers_says(&l, "airbyte_hidden");
    n->required = !around;
    if (around) {
        ft_layers outer = {0};
        if (p->depth)
            outer = *p->open[p->depth - 1];
        n->required = ft_layers_requires(&outer, property) || (n->shown && ft_layers_says(&l, "x-shown-required"));
    }
    n->demanded = n->required && (!around || around->demanded);
    if (!is_open(p, &l) && is_form_of_its_own(p, n, &l, &by))
        build_object(p, n, &l, &by);
    else
        set_leaf(p, n, &l, schema);
    return n;
}

/* -------------------------------------------------------------------------------------------------------------------- plan -- */

static int compare_names(const void *a, const void *b)
{
    return view_cmp((*(ft_node *const *)a)->name, (*(ft_node *const *)b)->name);
}

static weir_rc sort_names(ft_plan *p, err *e)
{
    p->by_name = arena_array(p->arena, p->leaf_count, sizeof *p->by_name);
    if (!p->by_name)
        return err_nomem(e);
    if (!p->leaf_count)
        return WEIR_OK;
    memcpy(p->by_name, p->leaves, p->leaf_count * sizeof *p->by_name);
    qsort(p->by_name, p->leaf_count, sizeof *p->by_name, compare_names);
    return WEIR_OK;
}

const ft_node *ft_plan_leaf(const ft_plan *p, weir_view name)
{
    size_t from = 0, to = p->leaf_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int c = view_cmp(p->by_name[middle]->name, name);
        if (c == 0)
            return p->by_name[middle];
        *(c < 0 ? &from : &to) = c < 0 ? middle + 1 : middle;
    }
    return NULL;
}

weir_rc ft_plan_new(arena *a, const tree *schema, ft_plan **ret, err *e)
{
    ft_plan *plan = arena_alloc(a, sizeof *plan);
    planner p = {.plan = plan, .root = schema};
    if (!plan)
        return err_nomem(e);
    *plan = (ft_plan){.arena = a};
    plan->root = build(&p, schema, (weir_view){0}, NULL);
    if (a->failed || !plan->root)
        return err_nomem(e);
    if (plan->leaf_count > FT_LEAVES_MAX || p.visits > 10 * FT_LEAVES_MAX)
        return err_fail(e, WEIR_E_CONFIG, "its schema has more than %d settings: too many for a form", FT_LEAVES_MAX);
    weir_rc rc = ft_plan_name(plan, e);
    rc = rc ? rc : sort_names(plan, e);
    rc = rc ? rc : ft_plan_lay_out(plan, e);
    if (!rc && a->failed)
        rc = err_nomem(e);
    if (!rc)
        *ret = plan;
    return rc;
}

const ft_form *ft_plan_form(const ft_plan *p)
{
    return &p->form;
}
