#include "proto/fivetran/form_plan.h"

#include <stdlib.h>

#include "json/number.h"
#include "model/fields.h"
#include "model/spec.h"
#include "proto/fivetran/form_layers.h"

enum { MOST_LEAVES = 5000, MOST_CHOICES = 1000, DEEPEST = 24 };

typedef struct planner {
    ft_plan *plan;
    const tree *root;
    const ft_layers *open[DEEPEST]; /* the schemas around the one at hand: what contains itself is asked for as JSON */
    size_t depth, room;
    size_t visits, looks; /* a schema may refer to the same part many times */
} planner;

static ft_node *build(planner *p, const tree *schema, weir_view property, ft_node *around);

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

static bool is_scalar(const tree *t)
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

/* @return false if the value cannot be told from others by its text */
static bool add_choice(arena *a, ft_node *n, const tree *value, weir_view label, weir_view description)
{
    weir_view text = is_scalar(value) ? ft_text_of(a, value) : (weir_view){0};
    if (!is_scalar(value) || is_chosen_before(n, text))
        return false;
    n->choices[n->choice_count++] = (ft_choice){text, value, label, description};
    return true;
}

static bool begin_choices(arena *a, ft_node *n, size_t room)
{
    n->choice_count = 0;
    n->choices = arena_array(a, room, sizeof *n->choices);
    return n->choices != NULL;
}

static bool has_enum(arena *a, ft_node *n, const ft_layers *l)
{
    const tree *values = ft_layers_get(l, "enum"), *help = ft_layers_get(l, "x-enum-descriptions"), *labels = ft_layers_get(l, "x-enum-labels");
    bool good = values && values->kind == TREE_ARRAY && values->count <= MOST_CHOICES && begin_choices(a, n, values->count);
    size_t i = 0;
    for (const tree *t = good ? values->first : NULL; t && good; t = t->next, i++)
        good = t->kind == TREE_NULL || add_choice(a, n, t, nth_text(labels, i), nth_text(help, i));
    return good && n->choice_count;
}

/* The one value of a schema: const, or an enum of one. */
static const tree *only_value(const ft_layers *l)
{
    const tree *constant = ft_layers_get(l, "const"), *values = ft_layers_get(l, "enum");
    if (!constant && values && values->kind == TREE_ARRAY && values->count == 1)
        constant = values->first;
    return constant && is_scalar(constant) ? constant : NULL;
}

/* oneOf as a list of constants, each with its title and description. */
static bool has_constants(arena *a, ft_node *n, const ft_layers *l)
{
    const tree *rivals = ft_layers_rivals(l);
    bool good = rivals && rivals->count <= MOST_CHOICES && begin_choices(a, n, rivals->count);
    for (const tree *t = good ? rivals->first : NULL; t && good; t = t->next) {
        ft_layers one = ft_layers_of(l->root, t);
        const tree *value = only_value(&one);
        if (!ft_schema_is_null(t))
            good = value && add_choice(a, n, value, ft_layers_text(&one, "title"), ft_layers_text(&one, "description"));
    }
    return good && n->choice_count;
}

static bool has_const(arena *a, ft_node *n, const ft_layers *l)
{
    const tree *value = ft_layers_get(l, "const");
    return value && begin_choices(a, n, 1) && add_choice(a, n, value, (weir_view){0}, (weir_view){0});
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
static bool holds_secret(planner *p, const tree *schema, const looked *outer)
{
    looked here = {outer, schema, outer ? outer->depth + 1 : 0};
    for (const looked *l = outer; l; l = l->outer)
        if (l->schema == schema)
            return false; /* it is being looked at */
    ft_layers l = ft_layers_of(p->root, schema);
    bool secret = is_secret(&l) || here.depth > 4 * DEEPEST || !p->looks;
    p->looks -= p->looks > 0;
    for (size_t i = 0; i < l.count && !secret; i++)
        for (const tree *t = l.items[i]->first; t && !secret; t = t->next)
            if (t->kind == TREE_OBJECT)
                secret = holds_secret(p, t, &here);
            else if (t->kind == TREE_ARRAY)
                for (const tree *u = t->first; u && !secret; u = u->next)
                    secret = u->kind == TREE_OBJECT && holds_secret(p, u, &here);
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

static void set_kind(planner *p, ft_node *n, const ft_layers *l)
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
    if (has_const(p->plan->arena, n, l))
        n->kind = FT_KIND_CONST;
    else if (has_enum(p->plan->arena, n, l) || has_constants(p->plan->arena, n, l))
        n->kind = FT_KIND_ENUM;
    else if (!ft_layers_get(l, "enum") && !ft_layers_get(l, "const"))
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (plain == kinds[i].types)
                n->kind = kinds[i].kind;
}

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
    n->upload = ft_layers_get(l, "x-upload");
    set_kind(p, n, l);
    p->looks = MOST_LEAVES;
    n->secret = is_secret(l) || (n->kind == FT_KIND_JSON && holds_secret(p, schema, NULL));
    n->hidden |= n->kind == FT_KIND_CONST;
    n->keeps_empty = n->kind == FT_KIND_TEXT && keeps_empty(n, l);
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

/* What a variant says that the discriminator is: a constant; else its default. */
static const tree *said_by(const planner *p, const tree *variant, weir_view discriminator)
{
    ft_layers outer = ft_layers_of(p->root, variant);
    ft_layers l = ft_layers_of(p->root, property_in(&outer, discriminator));
    return only_value(&l);
}

/* Does every variant say another one? */
static bool tells_apart(planner *p, const tree *rivals, weir_view discriminator, ft_node *by)
{
    bool good = rivals->count <= MOST_CHOICES && begin_choices(p->plan->arena, by, rivals->count);
    for (const tree *t = rivals->first; t && good; t = t->next) {
        ft_layers l = ft_layers_of(p->root, t);
        const tree *value = ft_schema_is_null(t) ? NULL : said_by(p, t, discriminator);
        if (!ft_schema_is_null(t))
            good = value && add_choice(p->plan->arena, by, value, ft_layers_text(&l, "title"), ft_layers_text(&l, "description"));
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
    if (p->depth == DEEPEST)
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
    n->by->fallback = chosen && is_scalar(chosen) ? chosen : NULL;
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
    return p->depth == DEEPEST;
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
    if (!n || p->plan->leaf_count > MOST_LEAVES || p->visits++ > 10 * MOST_LEAVES)
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
    if (plan->leaf_count > MOST_LEAVES || p.visits > 10 * MOST_LEAVES)
        return err_fail(e, WEIR_E_CONFIG, "its schema has more than %d settings: too many for a form", MOST_LEAVES);
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

/* --------------------------------------------------------------------------------------------------------------- connector -- */

static bool put_tests(arena *a, const weir_connector *c, ft_form *form)
{
    static const weir_test usual[][3] = {
        {{.name = "connect", .title = "Connects with these settings"}, {.name = "select", .title = "Finds what can be read"}, {0}},
        {{.name = "connect", .title = "Connects with these settings"}, {.name = "select", .title = "Can be written to"}, {0}},
    };
    const weir_test *tests = c->tests ? c->tests : usual[c->capture == NULL];
    while (tests[form->test_count].name)
        form->test_count++;
    form->tests = arena_array(a, form->test_count, sizeof *form->tests);
    for (size_t i = 0; form->tests && i < form->test_count; i++)
        form->tests[i] = (ft_option){.value = view_of(tests[i].name), .label = view_of(tests[i].title ? tests[i].title : tests[i].name)};
    return form->tests != NULL;
}

/* Does it say that there are settings, and not which? */
static bool is_untold(const tree *schema, const ft_plan *p)
{
    const tree *others = tree_get(schema, "additionalProperties");
    return !p->leaf_count && !tree_get(schema, "properties") && !(others && others->kind == TREE_BOOL && !others->boolean);
}

/* One field for all settings. Some of them may be secret. */
static weir_rc plan_open(arena *a, ft_plan **ret, err *e)
{
    static const weir_view text = WEIR_LIT("{\"type\":\"object\",\"properties\":{\"config\":{\"type\":\"object\",\"title\":\"Configuration\",\"secret\":true,"
                                           "\"description\":\"All settings, an object.\"}}}");
    tree *schema;
    weir_rc rc = tree_parse(a, text, NULL, WEIR_E_BUG, &schema, e);
    rc = rc ? rc : ft_plan_new(a, schema, ret, e);
    if (!rc)
        (*ret)->open = true;
    return rc;
}

weir_rc ft_plan_of_connector(arena *a, const weir_connector *c, ft_plan **ret, err *e)
{
    buf text = {0};
    tree *schema = NULL;
    spec_config_schema(c, &text);
    weir_view kept = buf_ok(&text) ? arena_dup(a, buf_view(&text)) : (weir_view){0};
    buf_free(&text);
    weir_rc rc = kept.ptr ? tree_parse_lenient(a, kept, NULL, WEIR_E_PROTOCOL, &schema, e) : err_nomem(e);
    rc = rc ? rc : ft_plan_new(a, schema, ret, e);
    if (!rc && is_untold(schema, *ret))
        rc = plan_open(a, ret, e);
    if (!rc && !put_tests(a, c, &(*ret)->form))
        rc = err_nomem(e);
    if (!rc)
        (*ret)->form.schema_selection = (*ret)->form.table_selection = c->capture != NULL;
    return err_wrap(e, rc, "settings of '%s'", c->name);
}
