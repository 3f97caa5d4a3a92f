/* Settings as a flat map of texts. */
#include "json/pointer.h"
#include "json/text.h"
#include "proto/fivetran/form_plan.h"

typedef struct flattening {
    arena *arena;
    const ft_plan *plan;
    ft_flat flat;
    size_t room;
    buf pointer;
    err *e;
} flattening;

static weir_rc take_members(flattening *x, const ft_node *n, const tree *object);

static weir_rc add(flattening *x, weir_view name, weir_view value)
{
    if (value.len && memchr(value.ptr, 0, value.len))
        return err_fail(x->e, WEIR_E_CONFIG, "%s: a text that holds a NUL character cannot be sent", buf_text(&x->pointer));
    if (x->flat.count == x->room) {
        size_t room = x->room ? 2 * x->room : 32;
        ft_pair *more = arena_array(x->arena, room, sizeof *more);
        if (!more)
            return err_nomem(x->e);
        if (x->flat.count)
            memcpy(more, x->flat.items, x->flat.count * sizeof *more);
        x->flat.items = more;
        x->room = room;
    }
    x->flat.items[x->flat.count++] = (ft_pair){name, value.ptr ? value : VIEW("")};
    return value.ptr || !x->arena->failed ? WEIR_OK : err_nomem(x->e);
}

static weir_view json_text(arena *a, weir_view text)
{
    buf out = {0};
    if (!json_quote(&out, text))
        json_quote_lossy(&out, text);
    a->failed |= !buf_ok(&out);
    weir_view kept = arena_dup(a, buf_view(&out));
    buf_free(&out);
    return kept;
}

/* A text where JSON is expected is written as JSON unless it would be taken for itself. */
static weir_view text_of(arena *a, const ft_node *n, const tree *value)
{
    if (n && n->kind == FT_KIND_JSON && value->kind == TREE_STRING && (n->texts || !ft_stands_for_itself(n, value->text)))
        return json_text(a, value->text);
    return ft_text_of(a, value);
}

static const ft_choice *choice_of(arena *a, const ft_node *by, const tree *value)
{
    weir_view text = value && (value->kind == TREE_STRING || value->kind == TREE_NUMBER || value->kind == TREE_BOOL) ? ft_text_of(a, value) : (weir_view){0};
    for (size_t i = 0; i < by->choice_count && text.ptr; i++)
        if (view_eq(by->choices[i].text, text))
            return by->choices + i;
    return NULL;
}

static bool has_member(const ft_node *n, weir_view name)
{
    bool has = n && n->by && view_eq(n->by->property, name);
    for (const ft_node *m = n ? n->first : NULL; m && !has; m = m->next)
        has = view_eq(m->property, name);
    return has;
}

static bool has_property(const ft_node *n, weir_view name)
{
    bool has = has_member(n, name);
    for (size_t i = 0; n->by && i < n->by->choice_count && !has; i++)
        has = has_member(n->variants[i], name);
    return has;
}

/* Does the variant have every member that the object around it does not have itself, and everything that it must? */
static bool fits(const ft_node *n, const ft_node *variant, const tree *object)
{
    for (const tree *t = object->first; t; t = t->next)
        if (!has_member(n, t->name) && !has_member(variant, t->name))
            return false;
    for (const ft_node *m = variant ? variant->first : NULL; m; m = m->next)
        if (m->required && !tree_getv(object, m->property))
            return false;
    return true;
}

static weir_rc take_variant(flattening *x, const ft_node *n, const tree *object)
{
    const tree *said = tree_getv(object, n->by->property);
    const ft_choice *c = choice_of(x->arena, n->by, said);
    for (size_t i = 0; tree_is_null(said) && !c && i < n->by->choice_count; i++)
        if (object->first && fits(n, n->variants[i], object))
            c = n->by->choices + i;
    if (!tree_is_null(said) && !c)
        return add(x, n->by->name, ft_text_of(x->arena, said)); /* whoever takes it says what is wrong with it */
    if (!c)
        return WEIR_OK;
    weir_rc rc = add(x, n->by->name, c->text);
    const ft_node *variant = n->variants[c - n->by->choices];
    return rc || !variant ? rc : take_members(x, variant, object);
}

static weir_rc take_value(flattening *x, const ft_node *n, const tree *value)
{
    if (n->kind != FT_KIND_OBJECT)
        return value->kind == TREE_NULL && n->kind != FT_KIND_JSON ? WEIR_OK : add(x, n->name, text_of(x->arena, n, value));
    if (value->kind == TREE_NULL)
        return WEIR_OK;
    if (value->kind != TREE_OBJECT)
        return err_fail(x->e, WEIR_E_CONFIG, "%s: expected an object, got %s", buf_text(&x->pointer), tree_kind_name(value->kind));
    return take_members(x, n, value);
}

static weir_rc take_members(flattening *x, const ft_node *n, const tree *object)
{
    weir_rc rc = WEIR_OK;
    size_t len = x->pointer.len;
    for (const ft_node *m = n->first; m && !rc; m = m->next) {
        const tree *value = tree_getv(object, m->property);
        pointer_push(&x->pointer, m->property);
        rc = value ? take_value(x, m, value) : WEIR_OK;
        x->pointer.len = len;
    }
    return rc || !n->by ? rc : take_variant(x, n, object);
}

/* Connectors may know more settings than they ask for. */
static weir_rc take_others(flattening *x, const tree *settings)
{
    weir_rc rc = WEIR_OK;
    for (const tree *t = settings->first; t && !rc; t = t->next)
        if (t->kind != TREE_NULL && !view_is(t->name, "_meta") && !has_property(x->plan->root, t->name) && !ft_plan_leaf(x->plan, t->name)) {
            pointer_push(&x->pointer, t->name);
            rc = add(x, t->name, text_of(x->arena, NULL, t));
            x->pointer.len = 0;
        }
    return rc;
}

weir_rc ft_plan_flat(arena *a, const ft_plan *p, const tree *settings, ft_flat *ret, err *e)
{
    flattening x = {.arena = a, .plan = p, .e = e};
    weir_rc rc = WEIR_OK;
    if (!tree_is_null(settings) && settings->kind != TREE_OBJECT)
        rc = err_fail(e, WEIR_E_CONFIG, "config: expected an object, got %s", tree_kind_name(settings->kind));
    else if (!tree_is_null(settings))
        rc = take_members(&x, p->root, settings);
    if (!rc && !tree_is_null(settings))
        rc = take_others(&x, settings);
    if (!rc && (a->failed || !buf_ok(&x.pointer)))
        rc = err_nomem(e);
    if (!rc)
        *ret = x.flat;
    buf_free(&x.pointer);
    return rc;
}
