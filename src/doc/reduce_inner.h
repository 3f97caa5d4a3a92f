/* reduce_inner.h - inside of the reducer: what the strategies are made of. Private to this room.
 *
 * `a` is always a value of the document to the left, or NOTHING; `b` the value of the right one that is reduced into it. Strategies
 * append what comes out to r->out. What is taken as it is is copied as a span of text.
 */
#ifndef WEIR_DOC_REDUCE_INNER_H
#define WEIR_DOC_REDUCE_INNER_H

#include "base/arena.h"
#include "doc/reduce.h"

#define NOTHING UINT32_MAX

typedef enum outcome {
    DONE,
    DELETED, /* what it came to is written, and is to go: of a member or an item the container sees to that */
    APART,
    FAILED   /* r->rc, and the chain in r->e */
} outcome;

struct reducer {
    const tape *left, *right;
    const checker *notes;
    bool full;
    buf *out;
    weir_rc rc;
    err *e;
    uint32_t *seen;   /* of each node to the right: the round in which it found its match */
    size_t seen_room;
    uint32_t round;
    uint32_t *slots;  /* tables of names, a stack of them */
    size_t slots_room, slots_used;
    arena names;      /* those written with escapes, decoded */
    buf digits[2];
};

/** Reduces by what is noted of b. */
outcome reduce_value(reducer *r, uint32_t a, uint32_t b);
/** Begins the chain of errors: the place, the strategy, `what`, and what stands to both sides. */
outcome reduce_fail(reducer *r, const note *n, uint32_t a, uint32_t b, const char *what);
outcome reduce_nomem(reducer *r);
/** Compares by the parts of a key (flow.md 8.2): what is missing comes before everything. */
int reduce_compare_keys(const note *n, const tape *x, uint32_t a, const tape *y, uint32_t b);

static inline outcome reduce_whole(reducer *r, const tape *t, uint32_t node)
{
    buf_addv(r->out, tape_text(t, node));
    return DONE;
}

/* ----------------------------------------------------------------------------------------- members and items, written -- */

/* An object or array that is being written. Values that are taken one behind the other from one document are copied at once. */
typedef struct listing {
    bool some;         /* there is something before, so that a comma is due */
    const tape *t;     /* what is still to be copied: of this document, NULL: nothing ... */
    uint32_t next;     /* ... up to this node ... */
    size_t from, to;   /* ... this text */
} listing;

static inline size_t listing_start(const tape *t, uint32_t node, bool member)
{
    return member ? t->nodes[node].name_at - 1 : t->nodes[node].at;
}

void listing_flush(reducer *r, listing *l);
/** Takes a member with its name, or an item, as it is. */
void listing_take(reducer *r, listing *l, const tape *t, uint32_t node, bool member);
/** Takes what member or item b comes to when it is reduced into a. @param keep even if it is deleted */
outcome listing_reduce(reducer *r, listing *l, uint32_t a, uint32_t b, bool member, bool keep);

/* ----------------------------------------------------------------------------------------------------- finding members -- */

/* The members of an object, found by name: at once where both objects have the same order. */
typedef struct names {
    const tape *t;
    uint32_t object, guess; /* the member that is probably asked for next */
    size_t slots;           /* in r->slots; where there are many */
    uint32_t mask;          /* 0: they are few */
} names;

/** @return false without memory. @param object NOTHING: no members */
bool names_open(reducer *r, names *n, const tape *t, uint32_t object);
void names_close(reducer *r, const names *n);
/** The member that has the name of member `node` of `t`; 0: none. */
uint32_t names_find(reducer *r, names *n, const tape *t, uint32_t node);

static inline void names_mark(reducer *r, uint32_t node) { r->seen[node] = r->round; }
static inline bool names_marked(const reducer *r, uint32_t node) { return r->seen[node] == r->round; }

/* --------------------------------------------------------------------------------------------------------- strategies -- */

outcome reduce_by_set(reducer *r, const note *n, uint32_t a, uint32_t b);
outcome reduce_by_sum(reducer *r, const note *n, uint32_t a, uint32_t b);
outcome reduce_by_schema(reducer *r, const note *n, uint32_t a, uint32_t b);

#endif
