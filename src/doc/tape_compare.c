#include <stdlib.h>

#include "doc/tape.h"
#include "json/number.h"
#include "json/text.h"

/* --------------------------------------------------------------------------------------------------------------- texts -- */

/* What is between the quotes of a string, read as it is decoded. */
typedef struct letters {
    const char *at, *end;
    char piece[4];
    size_t from, len; /* of the piece: what an escape stands for */
} letters;

/* The next byte, or -1. */
static inline int next_byte(letters *l)
{
    if (l->from < l->len)
        return (unsigned char)l->piece[l->from++];
    if (l->at == l->end)
        return -1;
    if (*l->at != '\\')
        return (unsigned char)*l->at++;
    l->len = json_take_escape(&l->at, l->end, l->piece);
    l->from = 1;
    return (unsigned char)l->piece[0];
}

static int compare_decoded(weir_view a, weir_view b)
{
    letters x = {.at = a.ptr, .end = a.ptr + a.len}, y = {.at = b.ptr, .end = b.ptr + b.len};
    for (;;) {
        int p = next_byte(&x), q = next_byte(&y);
        if (p != q)
            return p < q ? -1 : 1;
        if (p < 0)
            return 0;
    }
}

static int compare_texts(weir_view a, bool a_escaped, weir_view b, bool b_escaped)
{
    int order = a_escaped || b_escaped ? compare_decoded(a, b) : view_cmp(a, b);
    return (order > 0) - (order < 0);
}

static weir_view inside(const tape *t, uint32_t node)
{
    weir_view text = tape_text(t, node);
    return (weir_view){text.ptr + 1, text.len - 2};
}

static int compare_names(const tape *a, uint32_t x, const tape *b, uint32_t y)
{
    return compare_texts(tape_name(a, x), a->nodes[x].name_escaped, tape_name(b, y), b->nodes[y].name_escaped);
}

static bool same_name(const tape *a, uint32_t x, const tape *b, uint32_t y)
{
    if (a->nodes[x].name_escaped || b->nodes[y].name_escaped)
        return compare_names(a, x, b, y) == 0;
    return view_eq(tape_name(a, x), tape_name(b, y));
}

/* ------------------------------------------------------------------------------------------------------ members, sorted -- */

enum { FEW = 32 };

/* The members of an object in the order of their names. Without memory for them they are searched one after the other. */
typedef struct sorted {
    const tape *tape;
    uint32_t object, at; /* the one that was given last; 0: none */
    uint32_t *members;   /* NULL: there was no memory */
    size_t next;
    uint32_t few[FEW];
} sorted;

static int by_name(const void *x, const void *y, void *t)
{
    return compare_names(t, *(const uint32_t *)x, t, *(const uint32_t *)y);
}

static void sort_few(const tape *t, uint32_t *members, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t m = members[i];
        size_t k = i;
        for (; k && compare_names(t, members[k - 1], t, m) > 0; k--)
            members[k] = members[k - 1];
        members[k] = m;
    }
}

static void sort_members(sorted *s, const tape *t, uint32_t object)
{
    size_t count = t->nodes[object].count, n = 0;
    s->tape = t;
    s->object = object;
    s->at = 0;
    s->next = 0;
    s->members = count <= FEW ? s->few : malloc(count * sizeof *s->members);
    if (!s->members)
        return;
    for (uint32_t i = object + 1; i < t->nodes[object].next; i = t->nodes[i].next)
        s->members[n++] = i;
    if (count <= FEW)
        sort_few(t, s->members, n);
    else
        qsort_r(s->members, n, sizeof *s->members, by_name, (void *)(uintptr_t)t);
}

static uint32_t search_next(const sorted *s)
{
    const tape *t = s->tape;
    uint32_t best = 0;
    for (uint32_t i = s->object + 1; i < t->nodes[s->object].next; i = t->nodes[i].next)
        if ((!s->at || compare_names(t, i, t, s->at) > 0) && (!best || compare_names(t, i, t, best) < 0))
            best = i;
    return best;
}

/* The next member, or 0. */
static uint32_t next_member(sorted *s)
{
    if (s->members)
        s->at = s->next < s->tape->nodes[s->object].count ? s->members[s->next++] : 0;
    else
        s->at = search_next(s);
    return s->at;
}

static void sorted_done(sorted *s)
{
    if (s->members != s->few)
        free(s->members);
}

/* -------------------------------------------------------------------------------------------------------------- equality -- */

static bool same_items(const tape *a, uint32_t x, const tape *b, uint32_t y)
{
    uint32_t i = x + 1, k = y + 1;
    for (; i < a->nodes[x].next; i = a->nodes[i].next, k = b->nodes[k].next)
        if (!tape_equal(a, i, b, k))
            return false;
    return true;
}

static bool same_sorted(const tape *a, uint32_t x, const tape *b, uint32_t y)
{
    sorted p, q;
    uint32_t i, k;
    sort_members(&p, a, x);
    sort_members(&q, b, y);
    do {
        i = next_member(&p);
        k = next_member(&q);
    } while (i && k && same_name(a, i, b, k) && tape_equal(a, i, b, k));
    sorted_done(&p);
    sorted_done(&q);
    return !i && !k;
}

/* Members mostly come in the same order. */
static bool same_members(const tape *a, uint32_t x, const tape *b, uint32_t y)
{
    uint32_t i = x + 1, k = y + 1;
    for (; i < a->nodes[x].next; i = a->nodes[i].next, k = b->nodes[k].next) {
        if (!same_name(a, i, b, k))
            return same_sorted(a, x, b, y);
        if (!tape_equal(a, i, b, k))
            return false;
    }
    return true;
}

bool tape_equal(const tape *a, uint32_t x, const tape *b, uint32_t y)
{
    const tape_node *v = &a->nodes[x], *w = &b->nodes[y];
    if (v->kind != w->kind || v->count != w->count)
        return false;
    switch ((tree_kind)v->kind) {
    case TREE_BOOL:
        return v->yes == w->yes;
    case TREE_NUMBER:
        return view_eq(tape_text(a, x), tape_text(b, y)) || number_compare(tape_text(a, x), tape_text(b, y)) == 0;
    case TREE_STRING:
        return v->escaped || w->escaped ? compare_decoded(inside(a, x), inside(b, y)) == 0 : view_eq(tape_text(a, x), tape_text(b, y));
    case TREE_ARRAY:
        return same_items(a, x, b, y);
    case TREE_OBJECT:
        return same_members(a, x, b, y);
    case TREE_NULL:
        break;
    }
    return true;
}

/* ----------------------------------------------------------------------------------------------------------------- order -- */

static int compare_counts(const tape_node *v, const tape_node *w)
{
    return (v->count > w->count) - (v->count < w->count);
}

static int compare_items(const tape *a, uint32_t x, const tape *b, uint32_t y)
{
    uint32_t i = x + 1, k = y + 1;
    for (; i < a->nodes[x].next && k < b->nodes[y].next; i = a->nodes[i].next, k = b->nodes[k].next) {
        int order = tape_compare(a, i, b, k);
        if (order)
            return order;
    }
    return compare_counts(&a->nodes[x], &b->nodes[y]);
}

static int compare_members(const tape *a, uint32_t x, const tape *b, uint32_t y)
{
    sorted p, q;
    int order = 0;
    sort_members(&p, a, x);
    sort_members(&q, b, y);
    while (!order) {
        uint32_t i = next_member(&p), k = next_member(&q);
        if (!i || !k) {
            order = compare_counts(&a->nodes[x], &b->nodes[y]);
            break;
        }
        order = compare_names(a, i, b, k);
        order = order ? order : tape_compare(a, i, b, k);
    }
    sorted_done(&p);
    sorted_done(&q);
    return order;
}

int tape_compare(const tape *a, uint32_t x, const tape *b, uint32_t y)
{
    const tape_node *v = &a->nodes[x], *w = &b->nodes[y];
    if (v->kind != w->kind)
        return v->kind < w->kind ? -1 : 1;
    switch ((tree_kind)v->kind) {
    case TREE_BOOL:
        return v->yes - w->yes;
    case TREE_NUMBER:
        return number_compare(tape_text(a, x), tape_text(b, y));
    case TREE_STRING:
        return compare_texts(inside(a, x), v->escaped, inside(b, y), w->escaped);
    case TREE_ARRAY:
        return compare_items(a, x, b, y);
    case TREE_OBJECT:
        return compare_members(a, x, b, y);
    case TREE_NULL:
        break;
    }
    return 0;
}
