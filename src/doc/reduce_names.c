#include <stdlib.h>

#include "base/map.h"
#include "doc/reduce_inner.h"
#include "json/text.h"

enum { FEW = 12 }; /* members up to which looking at each is faster than a table */

static weir_view name_of(reducer *r, const tape *t, uint32_t node)
{
    return t->nodes[node].name_escaped ? json_identity(&r->names, tape_name(t, node)) : tape_name(t, node);
}

static bool same_name(reducer *r, const tape *t, uint32_t a, const tape *u, uint32_t b)
{
    if (!t->nodes[a].name_escaped && !u->nodes[b].name_escaped)
        return view_eq(tape_name(t, a), tape_name(u, b));
    return view_eq(name_of(r, t, a), name_of(r, u, b));
}

static bool make_slots(reducer *r, size_t count)
{
    if (r->slots_used + count > r->slots_room) {
        size_t room = 2 * (r->slots_used + count);
        uint32_t *slots = realloc(r->slots, room * sizeof *slots);
        if (!slots)
            return false;
        r->slots = slots;
        r->slots_room = room;
    }
    memset(r->slots + r->slots_used, 0, count * sizeof *r->slots);
    return true;
}

static uint32_t end_of(const names *n) { return n->t->nodes[n->object].next; }

bool names_open(reducer *r, names *n, const tape *t, uint32_t object)
{
    *n = (names){.t = t, .object = object, .guess = object == NOTHING ? 0 : object + 1};
    if (object == NOTHING || t->nodes[object].count <= FEW)
        return true;
    uint32_t room = 4 * FEW;
    while (room < 2 * t->nodes[object].count)
        room *= 2;
    if (!make_slots(r, room))
        return false;
    n->mask = room - 1;
    n->slots = r->slots_used;
    r->slots_used += room;
    uint32_t *slots = r->slots + n->slots;
    for (uint32_t m = object + 1; m < end_of(n); m = t->nodes[m].next) {
        uint32_t i = (uint32_t)map_hash(0, name_of(r, t, m)) & n->mask;
        while (slots[i])
            i = (i + 1) & n->mask;
        slots[i] = m;
    }
    return true;
}

void names_close(reducer *r, const names *n)
{
    if (n->mask)
        r->slots_used = n->slots;
}

static uint32_t look_up(reducer *r, const names *n, const tape *t, uint32_t node)
{
    const uint32_t *slots = r->slots + n->slots;
    uint32_t i = (uint32_t)map_hash(0, name_of(r, t, node)) & n->mask;
    for (; slots[i]; i = (i + 1) & n->mask)
        if (same_name(r, n->t, slots[i], t, node))
            return slots[i];
    return 0;
}

static uint32_t look_at_each(reducer *r, const names *n, const tape *t, uint32_t node)
{
    for (uint32_t m = n->object + 1; m < end_of(n); m = n->t->nodes[m].next)
        if (same_name(r, n->t, m, t, node))
            return m;
    return 0;
}

uint32_t names_find(reducer *r, names *n, const tape *t, uint32_t node)
{
    if (n->object == NOTHING)
        return 0;
    uint32_t found = n->guess < end_of(n) && same_name(r, n->t, n->guess, t, node) ? n->guess
                     : n->mask                                                    ? look_up(r, n, t, node)
                                                                                  : look_at_each(r, n, t, node);
    if (found)
        n->guess = n->t->nodes[found].next;
    return found;
}
