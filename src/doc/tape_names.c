#include "doc/tape_names.h"

#include <stdlib.h>

#include "base/map.h"
#include "json/text.h"

enum { FEW = 32 }; /* members of an object that are compared in pairs, if they must be */

weir_view tape_plain_name(const tape *t, uint32_t node, buf *scratch)
{
    weir_view raw = tape_name(t, node);
    if (!t->nodes[node].name_escaped)
        return raw;
    buf_clear(scratch);
    if (!buf_reserve(scratch, raw.len))
        return (weir_view){NULL, 0};
    for (const char *p = raw.ptr, *end = p + raw.len; p < end;) {
        if (*p != '\\')
            scratch->ptr[scratch->len++] = *p++;
        else
            scratch->len += json_take_escape(&p, end, scratch->ptr + scratch->len);
    }
    return buf_view(scratch);
}

/* ------------------------------------------------------------------------------------------------------------------- few -- */

static inline uint64_t load(const char *p, size_t n)
{
    uint64_t word = 0;
    memcpy(&word, p, n);
    return word;
}

/* One of 512, the same for the same name. */
static inline unsigned quick_hash(weir_view name)
{
    const char *p = name.ptr, *end = p + name.len;
    uint64_t first, last;
    if (name.len >= 8) {
        first = load(p, 8);
        last = load(end - 8, 8);
    } else if (name.len >= 4) {
        first = load(p, 4);
        last = load(end - 4, 4);
    } else {
        first = name.len ? (unsigned char)*p : 0;
        last = name.len ? load(p + name.len / 2, 1) | load(end - 1, 1) << 8 : 0;
    }
    uint64_t h = (first * 0x9e3779b97f4a7c15u) ^ ((last + name.len) * 0xc2b2ae3d27d4eb4fu);
    return (unsigned)(((h ^ h >> 29) * 0x165667b19e3779f9u) >> 55);
}

/* Does a member before `node` have its name, as written? */
static bool stands_before(const tape *t, uint32_t object, uint32_t node)
{
    weir_view name = tape_name(t, node);
    for (uint32_t i = object + 1; i < node; i = t->nodes[i].next)
        if (view_eq(tape_name(t, i), name))
            return true;
    return false;
}

/* @return false: a name is escaped, another way must be found */
static bool few_differ(const tape *t, uint32_t object, bool *repeats)
{
    uint64_t seen[8] = {0};
    const tape_node *nodes = t->nodes;
    const uint32_t end = nodes[object].next;
    for (uint32_t i = object + 1; i < end; i = nodes[i].next) {
        if (nodes[i].name_escaped)
            return false;
        unsigned h = quick_hash(tape_name(t, i));
        uint64_t bit = (uint64_t)1 << h % 64;
        if (__builtin_expect((seen[h / 64] & bit) != 0, 0) && stands_before(t, object, i)) {
            *repeats = true;
            return true;
        }
        seen[h / 64] |= bit;
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------------------------ many -- */

/* Room for twice as many names as the object has; a power of two. 0 without memory. */
static size_t clear_slots(tape *t, uint32_t object)
{
    size_t room = 64;
    while (room < (size_t)t->nodes[object].count * 2)
        room *= 2;
    if (room > t->slot_room) {
        uint32_t *slots = realloc(t->slots, room * sizeof *slots);
        if (!slots)
            return 0;
        t->slots = slots;
        t->slot_room = room;
    }
    memset(t->slots, 0, room * sizeof *t->slots);
    return room;
}

/* Is the name of a member, decoded, this one? */
static bool same_name(const tape *t, uint32_t a, weir_view plain_b)
{
    if (!t->nodes[a].name_escaped)
        return view_eq(tape_name(t, a), plain_b);
    const char *p = tape_name(t, a).ptr, *end = p + t->nodes[a].name_len;
    size_t n = 0;
    while (p < end) {
        char out[4];
        size_t len = 1;
        if (*p == '\\')
            len = json_take_escape(&p, end, out);
        else
            out[0] = *p++;
        if (plain_b.len - n < len || memcmp(plain_b.ptr + n, out, len) != 0)
            return false;
        n += len;
    }
    return n == plain_b.len;
}

/* The slot of a member's name, or the free one where it belongs. A slot holds a node, or the index of a node in `node_of`, counted from 1.
 * @return false without memory */
static bool find_slot(tape *t, size_t room, uint32_t node, const uint32_t *node_of, size_t *ret)
{
    weir_view name = tape_plain_name(t, node, &t->scratch);
    if (!buf_ok(&t->scratch)) {
        buf_clear(&t->scratch);
        return false;
    }
    size_t slot = map_hash(t->seed, name) & (room - 1);
    while (t->slots[slot]) {
        uint32_t other = node_of ? node_of[t->slots[slot] - 1] : t->slots[slot] - 1;
        if (same_name(t, other, name))
            break;
        slot = (slot + 1) & (room - 1);
    }
    *ret = slot;
    return true;
}

static void seed(tape *t)
{
    if (!t->seed)
        t->seed = map_seed(t);
}

static bool many_differ(tape *t, uint32_t object, bool *repeats)
{
    seed(t);
    size_t room = clear_slots(t, object), slot;
    if (!room)
        return false;
    for (uint32_t i = object + 1; i < t->nodes[object].next; i = t->nodes[i].next) {
        if (!find_slot(t, room, i, NULL, &slot))
            return false;
        if (t->slots[slot]) {
            *repeats = true;
            return true;
        }
        t->slots[slot] = i + 1;
    }
    return true;
}

bool tape_names_differ(tape *t, uint32_t object, bool *repeats)
{
    return (t->nodes[object].count <= FEW && few_differ(t, object, repeats)) || many_differ(t, object, repeats);
}

/* -------------------------------------------------------------------------------------------------------------- dropping -- */

/* Which members stay: nodes in the order in which their names first appeared, put behind the `from` that are in t->kept already. */
static bool choose_members(tape *t, uint32_t object, size_t from)
{
    size_t room = clear_slots(t, object), need = from + t->nodes[object].count, slot;
    if (!room)
        return false;
    if (need > t->kept_room) {
        uint32_t *kept = realloc(t->kept, need * 2 * sizeof *kept);
        if (!kept)
            return false;
        t->kept = kept;
        t->kept_room = need * 2;
    }
    for (uint32_t i = object + 1; i < t->nodes[object].next; i = t->nodes[i].next) {
        if (!find_slot(t, room, i, t->kept, &slot))
            return false;
        if (!t->slots[slot])
            t->slots[slot] = (uint32_t)++t->kept_count;
        t->kept[t->slots[slot] - 1] = i;
    }
    return true;
}

static bool copy_value(tape *t, uint32_t from, uint32_t *count)
{
    const uint32_t to = (*count)++;
    t->spare[to] = t->nodes[from];
    if (t->nodes[from].kind == TREE_OBJECT) {
        size_t first = t->kept_count;
        if (!choose_members(t, from, first))
            return false;
        size_t end = t->kept_count;
        for (size_t i = first; i < end; i++)
            if (!copy_value(t, t->kept[i], count))
                return false;
        t->kept_count = first;
        t->spare[to].count = (uint32_t)(end - first);
    } else {
        for (uint32_t i = from + 1; i < t->nodes[from].next; i = t->nodes[i].next)
            if (!copy_value(t, i, count))
                return false;
    }
    t->spare[to].next = *count;
    return true;
}

bool tape_drop_repeats(tape *t)
{
    uint32_t count = 0;
    seed(t);
    t->kept_count = 0;
    if (t->spare_room < t->room) {
        tape_node *spare = realloc(t->spare, t->room * sizeof *spare);
        if (!spare)
            return false;
        t->spare = spare;
        t->spare_room = t->room;
    }
    if (!copy_value(t, 0, &count))
        return false;
    tape_node *nodes = t->nodes;
    size_t room = t->room;
    t->nodes = t->spare;
    t->room = t->spare_room;
    t->spare = nodes;
    t->spare_room = room;
    t->count = count;
    return true;
}
