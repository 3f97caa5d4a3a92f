/* The fields of a plan: one for each leaf, in the order of the schema, those with a condition in groups. */
#include "json/number.h"
#include "model/fields.h"
#include "proto/fivetran/form_plan.h"

enum { MOST_FIELDS = 4 * FT_LEAVES_MAX }; /* a setting has one in every group in which it is shown: conditions in conditions multiply */

typedef struct layout {
    const ft_plan *plan;
    arena *arena;
    unsigned groups;
    size_t fields; /* of settings; more than MOST_FIELDS: no more are made */
} layout;

typedef struct fields {
    ft_field **items; /* of the form, or of a group */
    size_t *count;
} fields;

static void lay(layout *l, fields to, const ft_node *n);

/* Room doubles whenever the count is a power of two. NULL: no memory. */
static ft_field *add_field(layout *l, fields to)
{
    size_t n = *to.count;
    if ((n & (n - 1)) == 0) {
        ft_field *more = arena_array(l->arena, n ? 2 * n : 1, sizeof *more);
        if (!more)
            return NULL;
        if (n)
            memcpy(more, *to.items, n * sizeof *more);
        *to.items = more;
    }
    ft_field *f = *to.items + n;
    *f = (ft_field){0};
    ++*to.count;
    return f;
}

/* ------------------------------------------------------------------------------------------------------------------ groups -- */

static bool same_condition(const ft_condition *a, const ft_condition *b)
{
    return view_eq(a->field, b->field) && a->when == b->when && view_eq(a->text, b->text) && a->truth == b->truth;
}

/* Nobody reads it, but it has to be one of its own (fivetran.md 2.2). */
static weir_view group_name(layout *l, weir_view field)
{
    weir_view name;
    do
        name = arena_printf(l->arena, "%.*s_fields_%u", VIEW_ARG(field), ++l->groups);
    while (name.ptr && ft_plan_leaf(l->plan, name));
    return name;
}

/* Where fields with a condition go: into the group before, if it has the same. */
static fields group(layout *l, fields to, ft_condition condition)
{
    ft_field *f = *to.count ? *to.items + *to.count - 1 : NULL;
    if (!f || f->ask != FT_ASK_GROUP || !same_condition(&f->condition, &condition)) {
        f = add_field(l, to);
        if (!f)
            return (fields){0};
        f->ask = FT_ASK_GROUP;
        f->condition = condition;
        f->name = group_name(l, condition.field);
        f->label = condition.text;
    }
    return (fields){&f->fields, &f->count};
}

static const ft_node *beside(const ft_node *n, weir_view property)
{
    const ft_node *around = n->around;
    if (around->by && view_eq(around->by->property, property))
        return around->by;
    for (const ft_node *m = around->first; m; m = m->next)
        if (view_eq(m->property, property))
            return m->kind == FT_KIND_OBJECT ? m->by : m;
    return NULL;
}

static ft_condition condition_of(const layout *l, const ft_node *by, const tree *value)
{
    const tree *empty = tree_get(value, "empty");
    ft_condition c = {.field = by->name, .when = FT_WHEN_TEXT};
    if (value->kind == TREE_OBJECT) {
        c.when = FT_WHEN_EMPTY;
        c.truth = !empty || empty->kind != TREE_BOOL || empty->boolean;
    } else if (value->kind == TREE_BOOL && by->kind == FT_KIND_BOOL) {
        c.when = FT_WHEN_BOOL;
        c.truth = value->boolean;
    } else {
        c.text = ft_text_of(l->arena, value);
    }
    return c;
}

/* @param all conditions that have to hold together: members of an object. What names no setting beside it is no condition. */
static void lay_under(layout *l, fields to, const ft_node *n, const tree *all)
{
    ft_node bare = *n;
    bare.shown = NULL;
    for (const tree *t = all && all->kind == TREE_OBJECT ? all->first : NULL; t && to.items; t = t->next) {
        const ft_node *by = beside(n, t->name);
        if (by && by != n)
            to = group(l, to, condition_of(l, by, t));
    }
    if (to.items)
        lay(l, to, &bare);
}

/* Alternatives cannot be said in one condition: each has a group, with the same fields. */
static void lay_shown(layout *l, fields to, const ft_node *n)
{
    if (n->shown->kind == TREE_OBJECT)
        lay_under(l, to, n, n->shown);
    else
        for (const tree *t = n->shown->first; t; t = t->next)
            lay_under(l, to, n, t);
}

/* ------------------------------------------------------------------------------------------------------------------ fields -- */

static bool is_described(const ft_node *n)
{
    for (size_t i = 0; i < n->choice_count; i++)
        if (n->choices[i].description.len || (n->choices[i].label.len && !view_eq(n->choices[i].label, n->choices[i].text)))
            return true;
    return false;
}

static ft_ask ask_of(const ft_node *n)
{
    if (n->hidden)
        return FT_ASK_HIDDEN;
    if (n->upload)
        return FT_ASK_UPLOAD;
    if (n->kind == FT_KIND_ENUM && !n->secret)
        return is_described(n) ? FT_ASK_DESCRIBED : FT_ASK_DROPDOWN;
    if (n->kind == FT_KIND_BOOL && !n->secret)
        return FT_ASK_TOGGLE;
    return n->secret ? FT_ASK_PASSWORD : FT_ASK_TEXT;
}

static void set_options(layout *l, ft_field *f, const ft_node *n)
{
    f->options = arena_array(l->arena, n->choice_count, sizeof *f->options);
    if (f->ask != FT_ASK_DESCRIBED && f->ask != FT_ASK_DROPDOWN)
        return;
    f->option_count = f->options ? n->choice_count : 0;
    for (size_t i = 0; i < f->option_count; i++) {
        const ft_choice *c = n->choices + i;
        f->options[i] = (ft_option){.value = c->text};
        if (f->ask == FT_ASK_DESCRIBED)
            f->options[i] = (ft_option){c->text, c->label.len ? c->label : c->text, c->description};
    }
}

static void set_upload(layout *l, ft_field *f, const ft_node *n)
{
    const tree *types = tree_get(n->upload, "types"), *max = tree_get(n->upload, "maxBytes");
    int64_t bytes;
    if (f->ask != FT_ASK_UPLOAD)
        return;
    if (max && max->kind == TREE_NUMBER && number_to_i64(max->text, &bytes) && bytes > 0 && bytes <= INT32_MAX)
        f->max_bytes = (int32_t)bytes;
    f->file_types = arena_array(l->arena, types ? types->count : 0, sizeof *f->file_types);
    for (const tree *t = types && f->file_types && types->kind == TREE_ARRAY ? types->first : NULL; t; t = t->next)
        if (t->kind == TREE_STRING)
            f->file_types[f->file_type_count++] = t->text;
}

static void put_titles(buf *out, const ft_node *n)
{
    if (n->around && n->around->around && n->around->kind == FT_KIND_OBJECT && n->around->title.len && n != n->around->by) {
        put_titles(out, n->around);
        buf_adds(out, ": ");
    }
    const ft_node *named = n->around && n == n->around->by && n->around->around ? n->around : n; /* a choice is called as what it is about */
    if (n->title.len)
        buf_addv(out, n->title);
    else
        title_of_name(named->property.len ? named->property.ptr : "", out);
}

/* The title, after those of the objects that it is in; a variant's fields stand below what they belong to. */
static weir_view label_of(layout *l, const ft_node *n)
{
    buf out = {0};
    put_titles(&out, n);
    l->arena->failed |= !buf_ok(&out);
    weir_view kept = arena_dup(l->arena, buf_view(&out));
    buf_free(&out);
    return kept;
}

static weir_view description_of(layout *l, const ft_node *n)
{
    const char *how = n->kind != FT_KIND_JSON ? "" : n->texts ? "A list: texts with commas between them, or a JSON array." : "To be given as JSON.";
    if (!*how || !n->description.len)
        return *how ? view_of(how) : n->description.len ? n->description : (weir_view){0};
    return arena_printf(l->arena, "%.*s %s", VIEW_ARG(n->description), how);
}

static weir_view placeholder_of(layout *l, const ft_node *n)
{
    const tree *t = n->example && n->example->kind == TREE_ARRAY ? n->example->first : n->example;
    return t && t->kind != TREE_NULL ? ft_text_of(l->arena, t) : (weir_view){0};
}

static weir_view fallback_of(layout *l, const ft_node *n)
{
    if (n->kind == FT_KIND_CONST)
        return n->choices->text;
    if (!n->fallback || (n->fallback->kind == TREE_NULL && n->kind != FT_KIND_JSON))
        return (weir_view){0};
    return ft_text_of(l->arena, n->fallback);
}

static void lay_leaf(layout *l, fields to, const ft_node *n)
{
    ft_field *f = ++l->fields <= MOST_FIELDS ? add_field(l, to) : NULL;
    if (!f)
        return;
    f->name = n->name;
    f->label = label_of(l, n);
    f->description = description_of(l, n);
    f->ask = ask_of(n);
    f->required = n->demanded && f->ask != FT_ASK_HIDDEN;
    f->fallback = f->ask == FT_ASK_UPLOAD ? (weir_view){0} : fallback_of(l, n);
    f->placeholder = f->ask == FT_ASK_TOGGLE ? (weir_view){0} : placeholder_of(l, n);
    set_options(l, f, n);
    set_upload(l, f, n);
}

static void lay(layout *l, fields to, const ft_node *n)
{
    if (l->fields > MOST_FIELDS)
        return;
    if (n->shown && n->around) {
        lay_shown(l, to, n);
        return;
    }
    if (n->kind != FT_KIND_OBJECT) {
        lay_leaf(l, to, n);
        return;
    }
    for (const ft_node *m = n->first; m; m = m->next)
        lay(l, to, m);
    if (n->by)
        lay(l, to, n->by);
    for (size_t i = 0; n->by && i < n->by->choice_count; i++)
        if (n->variants[i] && n->variants[i]->first) {
            fields inside = group(l, to, (ft_condition){.field = n->by->name, .when = FT_WHEN_TEXT, .text = n->by->choices[i].text});
            if (inside.items)
                lay(l, inside, n->variants[i]);
        }
}

weir_rc ft_plan_lay_out(ft_plan *p, err *e)
{
    layout l = {.plan = p, .arena = p->arena};
    lay(&l, (fields){&p->form.fields, &p->form.count}, p->root);
    if (l.fields > MOST_FIELDS)
        return err_fail(e, WEIR_E_CONFIG, "its settings are shown in more than %d places, by their conditions: too many for a form", MOST_FIELDS);
    return p->arena->failed ? err_nomem(e) : WEIR_OK;
}
