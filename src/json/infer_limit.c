/* Shapes that have grown too complex are made simpler, as Flow does it: the deepest members first, and of those as deep the last ones by name, until so many are left. What
 * one of them was becomes what its object says of all further members. */
#include "json/infer_node.h"

#include <stdlib.h>

/* A member, and where it stands. */
typedef struct place {
    node *in;
    member *m;
    unsigned level; /* tokens of its pointer: steps into items and further members count */
    size_t at;      /* in the order of pointers */
} place;

typedef struct survey {
    shape *shape;
    place *all;
    size_t count, room;
    unsigned deepest;
} survey;

static int by_name(const void *x, const void *y)
{
    return view_cmp((*(member *const *)x)->name, (*(member *const *)y)->name);
}

static int by_level(const void *x, const void *y)
{
    const place *a = x, *b = y;
    return a->level != b->level ? (a->level > b->level ? 1 : -1) : (a->at > b->at) - (a->at < b->at);
}

static void look_at(survey *v, node *n, unsigned level);

static void add(survey *v, node *n, member *m, unsigned level)
{
    if (v->count == v->room) { /* there are never more than were added */
        v->shape->arena.failed = true;
        return;
    }
    v->all[v->count] = (place){n, m, level, v->count};
    v->count++;
    v->deepest = level > v->deepest ? level : v->deepest;
    look_at(v, &m->node, level);
}

/* In the order of pointers: members by name, then items, then what further members are. */
static void look_at(survey *v, node *n, unsigned level)
{
    member **sorted = n->count ? malloc(n->count * sizeof(member *)) : NULL;
    size_t count = 0;
    if (n->count && !sorted) {
        v->shape->arena.failed = true;
        return;
    }
    for (member *m = n->members; m; m = m->next)
        sorted[count++] = m;
    if (count > 1)
        qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 0; i < count; i++)
        add(v, n, sorted[i], level + 1);
    free(sorted);
    if (n->items)
        look_at(v, n->items, level + 1);
    if (n->rest)
        look_at(v, n->rest, level + 1);
}

/* -------------------------------------------------------------------------------------------------------------- squashing -- */

static void join_text(weir_view *text, bool *any, weir_view other, bool other_any, bool first)
{
    if (first) {
        *text = other;
        *any = other_any;
    } else {
        *any = *any || other_any || !view_eq(*text, other);
    }
}

/* What a place was becomes part of what others are; it has no members any more, and what was within its items and further members is given up. */
static void join(node *to, const node *from)
{
    const unsigned before = to->types;
    to->types |= from->types;
    if (from->types & WEIR_IS_STRING) {
        join_text(&to->format, &to->any_text, from->format, from->any_text, !(before & WEIR_IS_STRING));
        join_text(&to->encoding, &to->any_code, from->encoding, from->any_code, !(before & WEIR_IS_STRING));
        to->test = format_named(to->format);
    }
    to->open |= (from->types & WEIR_IS_OBJECT) && (from->open || from->rest);
    to->open_items |= (from->types & WEIR_IS_ARRAY) && (from->open_items || from->items);
    if (to->open)
        to->rest = NULL;
    if (to->open_items)
        to->items = NULL;
}

static void squash(shape *s, const place *p)
{
    p->m->gone = true;
    s->members--;
    if (p->in->open) /* its further members may be anything */
        return;
    node *rest = node_rest(s, p->in);
    if (rest)
        join(rest, &p->m->node);
}

/* Members that are gone are taken out; guesses may lead to them. */
static void sweep(shape *s, node *n)
{
    member *kept = NULL, **to = &n->members;
    n->count = n->required = 0;
    n->first = NULL;
    for (member *m = n->members, *next; m; m = next) {
        next = m->next;
        if (m->gone)
            continue;
        *to = kept = m;
        to = &m->next;
        m->guess = NULL;
        n->count++;
        n->required += m->required;
    }
    *to = NULL;
    n->last = kept;
    node_rename(s, n);
}

bool shape_limit(shape *s)
{
    const size_t most = s->limit ? s->limit : SHAPE_LIMIT;
    survey v = {.shape = s, .room = s->members};
    v.all = s->members ? calloc(s->members, sizeof *v.all) : NULL;
    if (!v.all) {
        s->arena.failed |= s->members > 0;
        return !s->arena.failed;
    }
    look_at(&v, &s->root, 0);
    if (v.count > most || v.deepest > SHAPE_LEVELS) {
        size_t left = v.count;
        qsort(v.all, v.count, sizeof *v.all, by_level);
        while (!s->arena.failed && left && (left > most || v.all[left - 1].level > SHAPE_LEVELS))
            squash(s, &v.all[--left]);
        for (size_t i = left; i < v.count; i++)
            if (i == left || v.all[i].in != v.all[i - 1].in)
                sweep(s, v.all[i].in);
    }
    free(v.all);
    return !s->arena.failed;
}
