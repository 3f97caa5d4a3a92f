#include "doc/schema_program.h"

bool run_min_items(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    uint32_t count = c->tape->nodes[node].count;
    return count >= o->u.n || check_refuse(c, o, node, "has %u items, fewer than %llu", count, (unsigned long long)o->u.n);
}

bool run_max_items(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    uint32_t count = c->tape->nodes[node].count;
    return count <= o->u.n || check_refuse(c, o, node, "has %u items, more than %llu", count, (unsigned long long)o->u.n);
}

bool run_items(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const item_rules *r = o->u.data;
    const tape *t = c->tape;
    const bool tracks = c->schema->subs[o->owner].tracks;
    bool good = true;
    size_t n = 0;
    for (uint32_t i = node + 1; i < t->nodes[node].next && (good || c->explaining); i = t->nodes[i].next, n++) {
        int32_t s = n < r->count ? r->first[n] : r->rest;
        if (s == SUB_NONE)
            break;
        good &= check_value(c, s, i);
        if (tracks)
            check_mark(c, i);
    }
    return good;
}

bool run_contains(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const contains_rule *r = o->u.data;
    const tape *t = c->tape;
    const sub *owner = &c->schema->subs[o->owner];
    const bool counts = r->max != UINT64_MAX || owner->tracks, all = counts || ((c->noting || c->telling) && owner->notes);
    uint64_t found = 0;
    for (uint32_t i = node + 1; i < t->nodes[node].next && (all || found < r->min); i = t->nodes[i].next) {
        if (!(counts || found < r->min ? check_quietly(c, o->sub, i) : check_for_notes(c, o->sub, i)))
            continue;
        found++;
        if (owner->tracks && r->evaluates)
            check_mark(c, i);
    }
    if (found < r->min)
        return check_refuse(c, o, node, "has %llu items of the kind that it must have %llu of", (unsigned long long)found, (unsigned long long)r->min);
    if (found > r->max)
        return check_refuse(c, o, node, "has %llu items of the kind that it may have %llu of", (unsigned long long)found, (unsigned long long)r->max);
    return true;
}

bool run_unevaluated_items(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    const tape *t = c->tape;
    bool good = true;
    for (uint32_t i = node + 1; i < t->nodes[node].next && (good || c->explaining); i = t->nodes[i].next) {
        if (c->evaluated[i] > begun)
            continue;
        good &= check_value(c, o->sub, i);
        check_mark(c, i);
    }
    return good;
}

/* ---------------------------------------------------------------------------------------------------------------- unique -- */

static bool refuse_twin(checker *c, const op *o, uint32_t node)
{
    return check_refuse(c, o, node, "stands in the array twice");
}

static bool few_are_unique(checker *c, const op *o, uint32_t node)
{
    const tape *t = c->tape;
    for (uint32_t i = node + 1; i < t->nodes[node].next; i = t->nodes[i].next)
        for (uint32_t k = node + 1; k < i; k = t->nodes[k].next)
            if (tape_equal(t, i, t, k))
                return refuse_twin(c, o, i);
    return true;
}

/* A table of hashes, each with its node: the upper half of a slot is the hash's, the lower one the node's; 0 is free. */
static bool many_are_unique(checker *c, const op *o, uint32_t node)
{
    const tape *t = c->tape;
    size_t room = 64;
    while (room < (size_t)t->nodes[node].count * 2)
        room *= 2;
    if (!check_grow((void **)&c->hashes, &c->hash_room, room, sizeof *c->hashes)) {
        check_stop(c, WEIR_E_NOMEM, NULL);
        return false;
    }
    memset(c->hashes, 0, room * sizeof *c->hashes);
    for (uint32_t i = node + 1; i < t->nodes[node].next; i = t->nodes[i].next) {
        const uint64_t hash = tape_hash(t, i, c->seed), upper = hash >> 32 << 32;
        size_t slot = hash & (room - 1);
        for (; c->hashes[slot]; slot = (slot + 1) & (room - 1))
            if (c->hashes[slot] >> 32 << 32 == upper && tape_equal(t, i, t, (uint32_t)c->hashes[slot]))
                return refuse_twin(c, o, i);
        c->hashes[slot] = upper | i;
    }
    return true;
}

bool run_unique(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    enum { FEW = 12 };
    (void)begun;
    return c->tape->nodes[node].count <= FEW ? few_are_unique(c, o, node) : many_are_unique(c, o, node);
}
