/* Schemas that apply others to the same value, and values that must be equal to others. */
#include "doc/schema_program.h"

static bool wants_all(const checker *c, const op *o)
{
    const sub *s = &c->schema->subs[o->owner];
    return s->tracks || ((c->noting || c->telling) && s->notes);
}

bool run_ref(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    return check_value(c, o->sub, node);
}

/* The outermost resource on the way here that has the anchor, too. */
bool run_dynamic_ref(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const anchor_rule *r = o->u.data;
    int32_t to = o->sub;
    for (const scope *s = c->scope; s; s = s->outer)
        if (r->by_resource[s->resource] != SUB_NONE)
            to = r->by_resource[s->resource];
    return check_value(c, to, node);
}

bool run_all(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const sub_list *l = o->u.data;
    bool good = true;
    for (size_t i = 0; i < l->count && (good || c->explaining); i++)
        good &= check_value(c, l->subs[i], node);
    return good;
}

/* Of alternatives none of which is met, the one that fails deepest in the document tells most. */
static bool none_is_met(checker *c, const op *o, uint32_t node)
{
    const sub_list *l = o->u.data;
    const size_t from = c->failure_count;
    size_t best = from, best_end = from;
    for (size_t i = 0; i < l->count; i++) {
        size_t at = c->failure_count;
        check_value(c, l->subs[i], node);
        if (i == 0 || check_tells_more(c, at, c->failure_count, best, best_end)) {
            best = at;
            best_end = c->failure_count;
        }
    }
    check_keep_failures(c, from, best, best_end);
    return check_refuse(c, o, node, "meets none of %zu alternatives", l->count);
}

bool run_any(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const sub_list *l = o->u.data;
    const bool tracks = c->schema->subs[o->owner].tracks, all = wants_all(c, o);
    bool good = false;
    for (size_t i = 0; i < l->count && (all || !good); i++)
        good |= good && !tracks ? check_for_notes(c, l->subs[i], node) : check_quietly(c, l->subs[i], node);
    return good || !c->explaining ? good : none_is_met(c, o, node);
}

bool run_one(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const sub_list *l = o->u.data;
    size_t met = 0;
    for (size_t i = 0; i < l->count && (met < 2 || c->explaining); i++)
        met += check_quietly(c, l->subs[i], node);
    if (met == 1 || !c->explaining)
        return met == 1;
    return met ? check_refuse(c, o, node, "meets %zu of %zu alternatives, and must meet just one", met, l->count) : none_is_met(c, o, node);
}

bool run_not(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    return check_quietly(c, o->sub, node) && !c->stopped ? check_refuse(c, o, node, "is what it must not be") : !c->stopped;
}

bool run_if(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const if_rule *r = o->u.data;
    int32_t next = check_quietly(c, r->condition, node) ? r->then : r->otherwise;
    return next == SUB_NONE || check_value(c, next, node);
}

/* ------------------------------------------------------------------------------------------------------------ constants -- */

bool run_const(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const value_rule *v = o->u.data;
    if (tape_equal(c->tape, node, &v->tape, 0))
        return true;
    weir_view text = tape_text(&v->tape, 0);
    return check_refuse(c, o, node, text.len > 200 ? "is not what it must be" : "is not %.*s", VIEW_ARG(text));
}

static bool is_among(const checker *c, const value_rule *v, uint32_t node)
{
    const tape *t = &v->tape;
    if (!(v->kinds >> c->tape->nodes[node].kind & 1))
        return false;
    if (v->slots) {
        for (uint32_t slot = (uint32_t)tape_hash(c->tape, node, 0) & v->mask; v->slots[slot]; slot = (slot + 1) & v->mask)
            if (tape_equal(c->tape, node, t, v->slots[slot]))
                return true;
        return false;
    }
    for (uint32_t i = 1; i < t->count; i = t->nodes[i].next)
        if (tape_equal(c->tape, node, t, i))
            return true;
    return false;
}

bool run_enum(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const value_rule *v = o->u.data;
    if (is_among(c, v, node))
        return true;
    weir_view text = tape_text(&v->tape, 0);
    if (text.len > 200)
        return check_refuse(c, o, node, "is none of %u values", v->tape.nodes[0].count);
    return check_refuse(c, o, node, "is none of %.*s", VIEW_ARG(text));
}
