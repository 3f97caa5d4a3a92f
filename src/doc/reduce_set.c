/* Sets (flow.md 8.2): an object of `add` and, of the two, `intersect` or `remove`; each is an object, whose names are the elements,
 * or an array sorted by the key.
 *
 * L and R are the set to the left and the one that is reduced into it; A, I, R their terms:
 *
 *     add        (LA - RR) + RA  or, where the right one intersects,  (LA & RI) + RA
 *     intersect  LI & RI,  LI - RR,  or RI - LR
 *     remove     LR + RR
 *
 * In a full reduction the last two have had their effect and go. Elements that are in both are reduced.
 */
#include "doc/reduce_inner.h"

typedef enum term { ADD, INTERSECT, REMOVE, TERMS } term;

static const char *const term_names[] = {[ADD] = "add", [INTERSECT] = "intersect", [REMOVE] = "remove"};

/* Elements of the left only, of the right only, of both. */
enum { KEEP_NONE = 0, KEEP_LEFT = 1, KEEP_RIGHT = 2, KEEP_BOTH = 4, KEEP_ALL = 7 };

typedef struct set {
    uint32_t terms[TERMS]; /* NOTHING: there is none */
} set;

/* What a term is made of: of the elements to the left, those that are (only), or are not, in `filter`, then joined with those to
 * the right. */
typedef struct making {
    uint32_t left, filter, right;
    bool only;
    unsigned keep;
} making;

/* ------------------------------------------------------------------------------------------------------------- reading -- */

static bool take_term(const tape *t, uint32_t member, set *s, uint8_t *kind)
{
    weir_view name = tape_name(t, member);
    const uint8_t is = t->nodes[member].kind;
    term which = 0;
    while (which < TERMS && !view_is(name, term_names[which]))
        which++;
    if (which == TERMS || t->nodes[member].name_escaped || (is != TREE_OBJECT && is != TREE_ARRAY) || (*kind && *kind != is))
        return false;
    s->terms[which] = member;
    *kind = is;
    return true;
}

/* @param kind of the terms: 0 as long as there was none */
static bool read_set(const tape *t, uint32_t node, set *s, uint8_t *kind)
{
    *s = (set){{NOTHING, NOTHING, NOTHING}};
    if (node == NOTHING)
        return true;
    if (t->nodes[node].kind != TREE_OBJECT)
        return false;
    for (uint32_t m = node + 1; m < t->nodes[node].next; m = t->nodes[m].next)
        if (!take_term(t, m, s, kind))
            return false;
    return s->terms[INTERSECT] == NOTHING || s->terms[REMOVE] == NOTHING;
}

/* ------------------------------------------------------------------------------------------------------- arrays, sorted -- */

typedef struct side {
    const tape *t;
    uint32_t at, end;
} side;

static side side_of(const tape *t, uint32_t node)
{
    return node == NOTHING ? (side){.t = t} : (side){t, node + 1, t->nodes[node].next};
}

static bool at_end(const side *s) { return s->at >= s->end; }
static void step(side *s) { s->at = s->t->nodes[s->at].next; }

static bool passes(const note *n, const making *k, const side *left, side *filter)
{
    int c = 1;
    if (k->filter == NOTHING)
        return true;
    while (!at_end(filter) && (c = reduce_compare_keys(n, filter->t, filter->at, left->t, left->at)) < 0)
        step(filter);
    const bool found = !at_end(filter) && c == 0;
    if (found)
        step(filter);
    return found == k->only;
}

static outcome join_items(reducer *r, const note *n, const making *k, listing *l)
{
    side left = side_of(r->left, k->left), filter = side_of(r->right, k->filter), right = side_of(r->right, k->right);
    outcome o = DONE;
    bool passed = false; /* the present one to the left is known to */
    while (o == DONE && !(at_end(&left) && at_end(&right))) {
        if (!at_end(&left) && !passed && !(passed = passes(n, k, &left, &filter))) {
            step(&left);
            continue;
        }
        int c = at_end(&left) ? 1 : at_end(&right) ? -1 : reduce_compare_keys(n, left.t, left.at, right.t, right.at);
        if (c < 0 && k->keep & KEEP_LEFT)
            listing_take(r, l, r->left, left.at, false);
        else if (c > 0 && k->keep & KEEP_RIGHT)
            listing_take(r, l, r->right, right.at, false);
        else if (c == 0 && k->keep & KEEP_BOTH)
            o = listing_reduce(r, l, left.at, right.at, false, true);
        if (c >= 0)
            step(&right);
        if (c <= 0) {
            step(&left);
            passed = false;
        }
    }
    return o;
}

/* -------------------------------------------------------------------------------------------------------------- objects -- */

static outcome join_left(reducer *r, const making *k, listing *l, names *filter, names *right)
{
    const tape_node *nodes = r->left->nodes;
    outcome o = DONE;
    for (uint32_t m = k->left + 1; m < nodes[k->left].next && o == DONE; m = nodes[m].next) {
        if (k->filter != NOTHING && (names_find(r, filter, r->left, m) != 0) != k->only)
            continue;
        uint32_t found = names_find(r, right, r->left, m);
        if (found)
            names_mark(r, found);
        if (found && k->keep & KEEP_BOTH)
            o = listing_reduce(r, l, m, found, true, true);
        else if (!found && k->keep & KEEP_LEFT)
            listing_take(r, l, r->left, m, true);
    }
    return o;
}

static outcome join_members(reducer *r, const making *k, listing *l)
{
    const tape_node *nodes = r->right->nodes;
    names filter, right;
    if (!names_open(r, &filter, r->right, k->filter) || !names_open(r, &right, r->right, k->right))
        return reduce_nomem(r);
    outcome o = k->left == NOTHING ? DONE : join_left(r, k, l, &filter, &right);
    if (k->right != NOTHING && k->keep & KEEP_RIGHT)
        for (uint32_t m = k->right + 1; m < nodes[k->right].next && o == DONE; m = nodes[m].next)
            if (!names_marked(r, m))
                listing_take(r, l, r->right, m, true);
    names_close(r, &right);
    names_close(r, &filter);
    return o;
}

/* -------------------------------------------------------------------------------------------------------------- writing -- */

/* Marks of an object that serves two terms are those of the first: a right term is joined once, and filters are not marked. */
static outcome put_term(reducer *r, const note *n, const making *k, term which, bool objects, bool *some)
{
    listing l = {0};
    if (k->left == NOTHING && k->right == NOTHING)
        return DONE;
    buf_printf(r->out, "%s\"%s\":%c", *some ? "," : "", term_names[which], objects ? '{' : '[');
    *some = true;
    outcome o = objects ? join_members(r, k, &l) : join_items(r, n, k, &l);
    listing_flush(r, &l);
    buf_addc(r->out, objects ? '}' : ']');
    return o;
}

static making make_add(const set *left, const set *right)
{
    const bool only = right->terms[INTERSECT] != NOTHING;
    return (making){left->terms[ADD], right->terms[only ? INTERSECT : REMOVE], right->terms[ADD], only, KEEP_ALL};
}

/* The other term; its name is returned. */
static term make_other(const set *left, const set *right, making *ret)
{
    const uint32_t li = left->terms[INTERSECT], lr = left->terms[REMOVE], ri = right->terms[INTERSECT], rr = right->terms[REMOVE];
    const bool l = li != NOTHING, i = ri != NOTHING;
    *ret = (making){l ? li : lr, NOTHING, i ? ri : rr, false, l && i ? KEEP_BOTH : l ? KEEP_LEFT : i ? KEEP_RIGHT : KEEP_ALL};
    return l || i ? INTERSECT : REMOVE;
}

outcome reduce_by_set(reducer *r, const note *n, uint32_t a, uint32_t b)
{
    set left, right;
    uint8_t kind = 0;
    bool some = false;
    if (!read_set(r->left, a, &left, &kind) || !read_set(r->right, b, &right, &kind))
        return reduce_fail(r, n, a, b, "takes objects of add and of either intersect or remove, all objects or all arrays");
    making add = make_add(&left, &right), other;
    term which = make_other(&left, &right, &other);
    buf_addc(r->out, '{');
    outcome o = put_term(r, n, &add, ADD, kind == TREE_OBJECT, &some);
    if (o == DONE && !r->full)
        o = put_term(r, n, &other, which, kind == TREE_OBJECT, &some);
    buf_addc(r->out, '}');
    return o;
}
