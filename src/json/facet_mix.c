#include "json/facet_mix.h"

#include "json/number.h"

const facet facet_anything = {.types = FACET_ANY};

void mix_fail(mixer *m, const char *what)
{
    if (!m->rc)
        m->rc = err_fail(m->e, m->misfit, "%s", what);
}

void mix_nomem(mixer *m)
{
    if (!m->rc)
        m->rc = err_nomem(m->e);
}

static void *take(mixer *m, size_t size)
{
    if (m->rc)
        return NULL;
    if (m->left == 0) {
        mix_fail(m, "the schema describes too many places");
        return NULL;
    }
    m->left--;
    void *p = arena_alloc(m->arena, size);
    if (!p)
        mix_nomem(m);
    return p;
}

facet *mix_new(mixer *m)
{
    facet *x = take(m, sizeof *x);
    if (x)
        x->types = FACET_ANY;
    return x;
}

facet *mix_never(mixer *m)
{
    facet *x = mix_new(m);
    if (x)
        x->types = FACET_NONE;
    return x;
}

facet_member *mix_add_member(mixer *m, facet *x, weir_view name)
{
    facet_member *one = x ? take(m, sizeof *one) : NULL;
    if (one) {
        one->name = name;
        *(x->last ? &x->last->next : &x->members) = one;
        x->last = one;
        x->count++;
    }
    return one;
}

/* --------------------------------------------------------------------------------------------------------------- index -- */

enum { FEW = 8 };

mix_index mix_index_of(mixer *m, const facet *x)
{
    mix_index index = {.of = x};
    if (x->count > FEW)
        for (facet_member *one = x->members; one; one = one->next)
            if (!map_put(&index.names, one->name, one))
                mix_nomem(m);
    return index;
}

void mix_index_add(mixer *m, mix_index *index, facet_member *one)
{
    if (one && index->names.count && !map_put(&index->names, one->name, one))
        mix_nomem(m);
}

facet_member *mix_find(const mix_index *index, weir_view name)
{
    if (index->names.count)
        return map_get(&index->names, name);
    for (facet_member *one = index->of->members; one; one = one->next)
        if (view_eq(one->name, name))
            return one;
    return NULL;
}

void mix_index_free(mix_index *index)
{
    map_free(&index->names);
}

/* ---------------------------------------------------------------------------------------------------------------- meet -- */

static weir_view either(weir_view a, weir_view b)
{
    return a.len ? a : b;
}

const facet *facet_of_member(const facet *object, const facet_member *m)
{
    return m && m->described ? m->facet : object->rest;
}

static void meet_bounds(facet *x, const facet *b)
{
    if (b->has_min && (!x->has_min || b->min > x->min))
        x->min = b->min;
    if (b->has_max && (!x->has_max || b->max < x->max))
        x->max = b->max;
    x->has_min = x->has_min || b->has_min;
    x->has_max = x->has_max || b->has_max;
}

/* What a strategy is called. */
static weir_view strategy_of(const tree *keyword)
{
    return tree_text(keyword, "strategy");
}

static void mix_strategy(const tree **x, bool *several, const tree *other, bool other_several)
{
    *several |= other_several || (*x && other && !view_eq(strategy_of(*x), strategy_of(other)));
    *x = *x ? *x : other;
}

/* Both hold. */
static void meet_notes(facet_notes *x, const facet_notes *b)
{
    x->media = either(x->media, b->media);
    x->fallback = x->fallback ? x->fallback : b->fallback;
    x->choices = x->choices ? x->choices : b->choices;
    if (!x->least || (b->least && number_compare(x->least->text, b->least->text) < 0))
        x->least = b->least;
    if (!x->most || (b->most && number_compare(x->most->text, b->most->text) > 0))
        x->most = b->most;
    mix_strategy(&x->reduce, &x->several_reduce, b->reduce, b->several_reduce);
    mix_strategy(&x->redact, &x->several_redact, b->redact, b->several_redact);
    x->secret = x->secret || b->secret;
    if (b->has_max_length && (!x->has_max_length || b->max_length < x->max_length))
        x->max_length = b->max_length;
    if (b->has_min_items && (!x->has_min_items || b->min_items > x->min_items))
        x->min_items = b->min_items;
    if (b->has_max_items && (!x->has_max_items || b->max_items < x->max_items))
        x->max_items = b->max_items;
    x->has_max_length = x->has_max_length || b->has_max_length;
    x->has_min_items = x->has_min_items || b->has_min_items;
    x->has_max_items = x->has_max_items || b->has_max_items;
}

static void meet_member(mixer *m, facet *x, const facet *a, const facet_member *in_a, const facet *b, const facet_member *in_b)
{
    facet_member *one = mix_add_member(m, x, in_a ? in_a->name : in_b->name);
    if (!one)
        return;
    one->described = (in_a && in_a->described) || (in_b && in_b->described);
    one->required = (in_a && in_a->required) || (in_b && in_b->required);
    if (one->described)
        one->facet = mix_meet(m, (facet *)facet_of_member(a, in_a), (facet *)facet_of_member(b, in_b));
}

typedef void mix_member(mixer *m, facet *x, const facet *a, const facet_member *in_a, const facet *b, const facet_member *in_b);

/* The members of both, those of a first. */
static void mix_members(mixer *m, facet *x, const facet *a, const facet *b, mix_member *each)
{
    mix_index by_a = mix_index_of(m, a), by_b = mix_index_of(m, b);
    for (const facet_member *one = a->members; one && !m->rc; one = one->next)
        each(m, x, a, one, b, mix_find(&by_b, one->name));
    for (const facet_member *one = b->members; one && !m->rc; one = one->next)
        if (!mix_find(&by_a, one->name))
            each(m, x, a, NULL, b, one);
    mix_index_free(&by_a);
    mix_index_free(&by_b);
}

static void drop_members(facet *x)
{
    x->members = x->last = NULL;
    x->count = 0;
}

facet *mix_meet(mixer *m, facet *a, facet *b)
{
    if (!a || !b)
        return a ? a : b;
    facet *x = mix_new(m);
    if (!x)
        return NULL;
    *x = *a;
    x->types &= b->types;
    x->format = either(a->format, b->format);
    x->encoding = either(a->encoding, b->encoding);
    x->title = either(a->title, b->title);
    x->description = either(a->description, b->description);
    meet_bounds(x, b);
    meet_notes(&x->notes, &b->notes);
    x->closed = a->closed || b->closed;
    x->cut = a->cut || b->cut;
    x->rest = mix_meet(m, a->rest, b->rest);
    x->items = mix_meet(m, a->items, b->items);
    drop_members(x);
    mix_members(m, x, a, b, meet_member);
    return x;
}

/* ---------------------------------------------------------------------------------------------------------------- join -- */

/* What is said of one type holds for the union if every side that allows the type says so. */
static weir_view join_text(const facet *a, const facet *b, weir_view of_a, weir_view of_b)
{
    if (!(a->types & WEIR_IS_STRING))
        return of_b;
    if (!(b->types & WEIR_IS_STRING))
        return of_a;
    return view_eq(of_a, of_b) ? of_a : (weir_view){NULL, 0};
}

static void join_bounds(facet *x, const facet *a, const facet *b)
{
    const unsigned numbers = WEIR_IS_INTEGER | WEIR_IS_NUMBER;
    const facet *one = !(a->types & numbers) ? b : !(b->types & numbers) ? a : NULL;
    x->has_min = one ? one->has_min : a->has_min && b->has_min;
    x->has_max = one ? one->has_max : a->has_max && b->has_max;
    x->min = one ? one->min : a->min < b->min ? a->min : b->min;
    x->max = one ? one->max : a->max > b->max ? a->max : b->max;
}

/* Of two limits the one that lets more pass; `sign` is that of a comparison in which the first one lets less pass. Without one of them there is none. */
static const tree *wider(const tree *a, const tree *b, int sign)
{
    if (!a || !b)
        return NULL;
    return number_compare(a->text, b->text) == sign ? b : a;
}

/* One of them holds: a limit of one type, if every side that allows the type has one. What only names or marks a place, either of them says. */
static facet_notes join_notes(const facet *a, const facet *b)
{
    const facet_notes *in_a = &a->notes, *in_b = &b->notes;
    const unsigned numbers = WEIR_IS_INTEGER | WEIR_IS_NUMBER;
    facet_notes x = {.media = join_text(a, b, in_a->media, in_b->media), .fallback = in_a->fallback ? in_a->fallback : in_b->fallback,
                     .reduce = in_a->reduce, .several_reduce = in_a->several_reduce, .redact = in_a->redact, .several_redact = in_a->several_redact,
                     .secret = in_a->secret || in_b->secret};
    mix_strategy(&x.reduce, &x.several_reduce, in_b->reduce, in_b->several_reduce);
    mix_strategy(&x.redact, &x.several_redact, in_b->redact, in_b->several_redact);
    const facet *number = !(a->types & numbers) ? b : !(b->types & numbers) ? a : NULL;
    const facet *text = !(a->types & WEIR_IS_STRING) ? b : !(b->types & WEIR_IS_STRING) ? a : NULL;
    const facet *list = !(a->types & WEIR_IS_ARRAY) ? b : !(b->types & WEIR_IS_ARRAY) ? a : NULL;
    x.least = number ? number->notes.least : wider(in_a->least, in_b->least, 1);
    x.most = number ? number->notes.most : wider(in_a->most, in_b->most, -1);
    x.has_max_length = text ? text->notes.has_max_length : in_a->has_max_length && in_b->has_max_length;
    x.max_length = text ? text->notes.max_length : in_a->max_length > in_b->max_length ? in_a->max_length : in_b->max_length;
    x.has_min_items = list ? list->notes.has_min_items : in_a->has_min_items && in_b->has_min_items;
    x.min_items = list ? list->notes.min_items : in_a->min_items < in_b->min_items ? in_a->min_items : in_b->min_items;
    x.has_max_items = list ? list->notes.has_max_items : in_a->has_max_items && in_b->has_max_items;
    x.max_items = list ? list->notes.max_items : in_a->max_items > in_b->max_items ? in_a->max_items : in_b->max_items;
    return x;
}

/* A member that only one side describes keeps what is said there, although the other side, if it is open, would let anything pass:
 * the schemas people write mean it so. */
static void join_member(mixer *m, facet *x, const facet *a, const facet_member *in_a, const facet *b, const facet_member *in_b)
{
    facet_member *one = mix_add_member(m, x, in_a ? in_a->name : in_b->name);
    bool by_a = in_a && in_a->described, by_b = in_b && in_b->described;
    if (!one)
        return;
    one->described = by_a || by_b;
    one->required = in_a && in_b && in_a->required && in_b->required;
    if (by_a && by_b)
        one->facet = mix_join(m, in_a->facet, in_b->facet);
    else if (one->described) {
        facet *only = by_a ? in_a->facet : in_b->facet, *rest = by_a ? b->rest : a->rest;
        one->facet = rest ? mix_join(m, only, rest) : only;
    }
}

static void join_objects(mixer *m, facet *x, const facet *a, const facet *b)
{
    if (!(a->types & b->types & WEIR_IS_OBJECT)) {
        const facet *one = a->types & WEIR_IS_OBJECT ? a : b;
        x->closed = one->closed;
        x->rest = one->rest;
        x->members = one->members;
        x->last = one->last;
        x->count = one->count;
        return;
    }
    x->closed = a->closed && b->closed;
    x->rest = a->rest && b->rest ? mix_join(m, a->rest, b->rest) : NULL;
    mix_members(m, x, a, b, join_member);
}

facet *mix_join(mixer *m, facet *left, facet *right)
{
    const facet *a = left ? left : &facet_anything, *b = right ? right : &facet_anything;
    facet *x = left || right ? mix_new(m) : NULL;
    if (!x)
        return NULL;
    x->types = a->types | b->types;
    x->format = join_text(a, b, a->format, b->format);
    x->encoding = join_text(a, b, a->encoding, b->encoding);
    x->title = either(a->title, b->title);
    x->description = either(a->description, b->description);
    join_bounds(x, a, b);
    x->notes = join_notes(a, b);
    x->cut = a->cut || b->cut;
    if (a->types & b->types & WEIR_IS_ARRAY)
        x->items = a->items && b->items ? mix_join(m, a->items, b->items) : NULL;
    else
        x->items = a->types & WEIR_IS_ARRAY ? a->items : b->items;
    join_objects(m, x, a, b);
    return x;
}

/* --------------------------------------------------------------------------------------------------------------- types -- */

unsigned facet_types(const facet *f)
{
    if (!f || f->types == FACET_ANY)
        return 0;
    return f->types & WEIR_IS_NUMBER ? f->types & ~(unsigned)WEIR_IS_INTEGER : f->types;
}
