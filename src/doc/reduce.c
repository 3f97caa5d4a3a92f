#include "doc/reduce_inner.h"

#include <stdlib.h>

#include "json/utf8.h"

/* ------------------------------------------------------------------------------------------------------------- errors -- */

enum { SHOWN = 80 }; /* bytes of a value in a message */

static const char *const names_of[] = {
    [REDUCE_LAST_WRITE_WINS] = "lastWriteWins",
    [REDUCE_FIRST_WRITE_WINS] = "firstWriteWins",
    [REDUCE_APPEND] = "append",
    [REDUCE_MAXIMIZE] = "maximize",
    [REDUCE_MINIMIZE] = "minimize",
    [REDUCE_MERGE] = "merge",
    [REDUCE_SET] = "set",
    [REDUCE_SUM] = "sum",
    [REDUCE_JSON_SCHEMA_MERGE] = "jsonSchemaMerge",
};

static void show(const reducer *r, buf *out, const tape *t, uint32_t node, uint32_t place)
{
    const tree_kind kind = node == NOTHING ? TREE_NULL : (tree_kind)t->nodes[node].kind;
    if (node == NOTHING || checker_hides(r->notes, place, kind)) {
        buf_adds(out, node == NOTHING ? "nothing" : tree_kind_name(kind));
        return;
    }
    weir_view v = tape_text(t, node), shown = utf8_cut(v, SHOWN);
    buf_addv(out, shown);
    if (shown.len < v.len)
        buf_adds(out, "...");
}

outcome reduce_fail(reducer *r, const note *n, uint32_t a, uint32_t b, const char *what)
{
    buf place = {0}, left = {0}, right = {0};
    tape_pointer(r->right, b, &place);
    show(r, &left, r->left, a, b);
    show(r, &right, r->right, b, b);
    r->rc = err_fail(r->e, WEIR_E_CONFIG, "%s: reduce %s: %s, and there is %s to the left, %s to the right",
                     place.len ? buf_text(&place) : "the document", names_of[n->reduce], what, buf_text(&left), buf_text(&right));
    buf_free(&place);
    buf_free(&left);
    buf_free(&right);
    return FAILED;
}

outcome reduce_nomem(reducer *r)
{
    r->rc = err_nomem(r->e);
    return FAILED;
}

/* ------------------------------------------------------------------------------------------------ members and items -- */

void listing_flush(reducer *r, listing *l)
{
    if (!l->t)
        return;
    if (l->some)
        buf_addc(r->out, ',');
    buf_add(r->out, l->t->doc.ptr + l->from, l->to - l->from);
    l->some = true;
    l->t = NULL;
}

/* Where names repeat, what stands between two nodes may be a member that does not count. */
static bool follows(const listing *l, const tape *t, uint32_t node, size_t start)
{
    const char *gap = t->doc.ptr + l->to;
    return l->t == t && l->next == node && (start == l->to + 1 || (start == l->to + 2 && gap[0] == ',' && gap[1] == ' '));
}

void listing_take(reducer *r, listing *l, const tape *t, uint32_t node, bool member)
{
    size_t start = listing_start(t, node, member);
    if (!follows(l, t, node, start)) {
        listing_flush(r, l);
        l->t = t;
        l->from = start;
    }
    l->to = (size_t)t->nodes[node].at + t->nodes[node].len;
    l->next = t->nodes[node].next;
}

/* Nothing but the right value itself, whatever is to the left. */
static bool takes_right(const note *n)
{
    return !n || (n->reduce == REDUCE_LAST_WRITE_WINS && !n->del && !n->not_associative);
}

static outcome apply(reducer *r, const note *n, uint32_t a, uint32_t b);

static void put_name(reducer *r, uint32_t b)
{
    buf_addc(r->out, '"');
    buf_addv(r->out, tape_name(r->right, b));
    buf_add(r->out, "\":", 2);
}

outcome listing_reduce(reducer *r, listing *l, uint32_t a, uint32_t b, bool member, bool keep)
{
    const note *n = checker_note(r->notes, b);
    if (takes_right(n)) {
        listing_take(r, l, r->right, b, member);
        return DONE;
    }
    listing_flush(r, l);
    const size_t before = r->out->len;
    const bool some = l->some;
    if (some)
        buf_addc(r->out, ',');
    if (member)
        put_name(r, b);
    l->some = true;
    outcome o = apply(r, n, a, b);
    if (o != DELETED)
        return o;
    if (!keep) {
        r->out->len = before;
        l->some = some;
    }
    return DONE;
}

/* -------------------------------------------------------------------------------------------------- simple strategies -- */

static outcome by_last_write(reducer *r, const note *n, uint32_t a, uint32_t b)
{
    if (n->not_associative && !r->full && a != NOTHING && tape_compare(r->left, a, r->right, b) != 0)
        return APART;
    reduce_whole(r, r->right, b);
    return r->full && n->del ? DELETED : DONE;
}

static outcome by_first_write(reducer *r, const note *n, uint32_t a, uint32_t b)
{
    (void)n;
    return a == NOTHING ? reduce_whole(r, r->right, b) : reduce_whole(r, r->left, a);
}

static void take_items(reducer *r, listing *l, const tape *t, uint32_t array)
{
    for (uint32_t m = array + 1; m < t->nodes[array].next; m = t->nodes[m].next)
        listing_take(r, l, t, m, false);
}

static outcome by_append(reducer *r, const note *n, uint32_t a, uint32_t b)
{
    const uint8_t left = a == NOTHING ? TREE_ARRAY : r->left->nodes[a].kind;
    if (r->right->nodes[b].kind != TREE_ARRAY || (left != TREE_ARRAY && left != TREE_NULL))
        return reduce_fail(r, n, a, b, "takes arrays");
    if (a == NOTHING)
        return reduce_whole(r, r->right, b);
    if (left == TREE_NULL)
        return reduce_whole(r, r->left, a);
    listing l = {0};
    buf_addc(r->out, '[');
    take_items(r, &l, r->left, a);
    listing_flush(r, &l);
    take_items(r, &l, r->right, b);
    listing_flush(r, &l);
    buf_addc(r->out, ']');
    return DONE;
}

int reduce_compare_keys(const note *n, const tape *x, uint32_t a, const tape *y, uint32_t b)
{
    int o = 0;
    for (size_t i = 0; i < n->key_count && !o; i++) {
        const note_pointer *p = &n->keys[i];
        uint32_t left = tape_at(x, a, p->tokens, p->count), right = tape_at(y, b, p->tokens, p->count);
        o = left == NOTHING || right == NOTHING ? (left != NOTHING) - (right != NOTHING) : tape_compare(x, left, y, right);
    }
    return o;
}

/* -------------------------------------------------------------------------------------------------------------- merge -- */

static outcome merge_objects(reducer *r, uint32_t a, uint32_t b)
{
    const tape_node *left = r->left->nodes, *right = r->right->nodes;
    names n;
    listing l = {0};
    outcome o = DONE;
    uint32_t matched = 0;
    if (!names_open(r, &n, r->right, b))
        return reduce_nomem(r);
    for (uint32_t m = a + 1; m < left[a].next && o == DONE; m = left[m].next) {
        uint32_t found = names_find(r, &n, r->left, m);
        if (!found) {
            listing_take(r, &l, r->left, m, true);
            continue;
        }
        names_mark(r, found);
        matched++;
        o = listing_reduce(r, &l, m, found, true, false);
    }
    for (uint32_t m = b + 1; m < right[b].next && o == DONE && matched < right[b].count; m = right[m].next)
        if (!names_marked(r, m))
            o = listing_reduce(r, &l, NOTHING, m, true, false);
    listing_flush(r, &l);
    names_close(r, &n);
    return o;
}

/* Both are sorted by the key; without one, what stands at the same place belongs together. */
static outcome merge_arrays(reducer *r, const note *n, bool keyed, uint32_t a, uint32_t b)
{
    const tape_node *left = r->left->nodes, *right = r->right->nodes;
    listing l = {0};
    outcome o = DONE;
    uint32_t i = a + 1, j = b + 1;
    while (o == DONE && (i < left[a].next || j < right[b].next)) {
        int c = i >= left[a].next ? 1 : j >= right[b].next ? -1 : keyed ? reduce_compare_keys(n, r->left, i, r->right, j) : 0;
        if (c < 0)
            listing_take(r, &l, r->left, i, false);
        else
            o = listing_reduce(r, &l, c ? NOTHING : i, j, false, false);
        i = c <= 0 ? left[i].next : i;
        j = c >= 0 ? right[j].next : j;
    }
    listing_flush(r, &l);
    return o;
}

/* Into nothing, or into what is of another kind. */
static outcome merge_alone(reducer *r, uint32_t b)
{
    const tape_node *right = r->right->nodes;
    listing l = {0};
    outcome o = DONE;
    for (uint32_t m = b + 1; m < right[b].next && o == DONE; m = right[m].next)
        o = listing_reduce(r, &l, NOTHING, m, right[b].kind == TREE_OBJECT, false);
    listing_flush(r, &l);
    return o;
}

/* {a: 1} . ("foo" . {b: 2}) is {a: 1, b: 2}, but ({a: 1} . "foo") . {b: 2} is {b: 2}: what is of different kinds waits for the
 * base. */
static outcome merge(reducer *r, const note *n, bool keyed, uint32_t a, uint32_t b)
{
    const uint8_t kind = r->right->nodes[b].kind;
    const bool same = a != NOTHING && r->left->nodes[a].kind == kind;
    if (kind != TREE_OBJECT && kind != TREE_ARRAY)
        return reduce_fail(r, n, a, b, "takes objects and arrays");
    if (!same && !r->full)
        return a == NOTHING ? reduce_whole(r, r->right, b) : APART;
    buf_addc(r->out, kind == TREE_OBJECT ? '{' : '[');
    outcome o = !same ? merge_alone(r, b) : kind == TREE_OBJECT ? merge_objects(r, a, b) : merge_arrays(r, n, keyed, a, b);
    buf_addc(r->out, kind == TREE_OBJECT ? '}' : ']');
    return o;
}

static outcome by_merge(reducer *r, const note *n, uint32_t a, uint32_t b)
{
    outcome o = merge(r, n, n->key_count > 0, a, b);
    return o == DONE && r->full && n->del ? DELETED : o;
}

/* --------------------------------------------------------------------------------------------------- maximize, minimize -- */

/* What is equal by its key is merged, by index where it is an array. */
static outcome by_extreme(reducer *r, const note *n, uint32_t a, uint32_t b, int sign)
{
    if (a == NOTHING)
        return reduce_whole(r, r->right, b);
    int c = sign * (n->key_count ? reduce_compare_keys(n, r->left, a, r->right, b) : tape_compare(r->left, a, r->right, b));
    if (c > 0)
        return reduce_whole(r, r->left, a);
    return n->key_count ? merge(r, n, false, c ? NOTHING : a, b) : reduce_whole(r, r->right, b);
}

static outcome by_maximum(reducer *r, const note *n, uint32_t a, uint32_t b) { return by_extreme(r, n, a, b, 1); }
static outcome by_minimum(reducer *r, const note *n, uint32_t a, uint32_t b) { return by_extreme(r, n, a, b, -1); }

/* -------------------------------------------------------------------------------------------------------------- values -- */

static outcome (*const strategies[])(reducer *, const note *, uint32_t a, uint32_t b) = {
    [REDUCE_LAST_WRITE_WINS] = by_last_write,
    [REDUCE_FIRST_WRITE_WINS] = by_first_write,
    [REDUCE_APPEND] = by_append,
    [REDUCE_MAXIMIZE] = by_maximum,
    [REDUCE_MINIMIZE] = by_minimum,
    [REDUCE_MERGE] = by_merge,
    [REDUCE_SET] = reduce_by_set,
    [REDUCE_SUM] = reduce_by_sum,
    [REDUCE_JSON_SCHEMA_MERGE] = reduce_by_schema,
};

/* A null that is a part may have been a deletion: what it deleted is not to be added to, compared or kept. */
static bool may_be_deleted(const reducer *r, const note *n, uint32_t a)
{
    return !r->full && a != NOTHING && r->left->nodes[a].kind == TREE_NULL && n->reduce != REDUCE_LAST_WRITE_WINS && checker_deletes(r->notes);
}

static outcome apply(reducer *r, const note *n, uint32_t a, uint32_t b)
{
    return may_be_deleted(r, n, a) ? APART : strategies[n->reduce](r, n, a, b);
}

outcome reduce_value(reducer *r, uint32_t a, uint32_t b)
{
    const note *n = checker_note(r->notes, b);
    return takes_right(n) ? reduce_whole(r, r->right, b) : apply(r, n, a, b);
}

/* ----------------------------------------------------------------------------------------------------------- documents -- */

weir_rc reducer_make(reducer **ret, err *e)
{
    reducer *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(e);
    *ret = r;
    return WEIR_OK;
}

void reducer_free(reducer *r)
{
    if (!r)
        return;
    free(r->seen);
    free(r->slots);
    arena_free(&r->names);
    buf_free(&r->digits[0]);
    buf_free(&r->digits[1]);
    free(r);
}

static bool begin_round(reducer *r, size_t nodes)
{
    if (nodes > r->seen_room) {
        free(r->seen);
        r->seen = calloc(2 * nodes, sizeof *r->seen);
        r->seen_room = r->seen ? 2 * nodes : 0;
        r->round = 0;
    }
    if (++r->round == 0 && r->seen) { /* once in four billion */
        memset(r->seen, 0, r->seen_room * sizeof *r->seen);
        r->round = 1;
    }
    r->slots_used = 0;
    arena_reset(&r->names);
    return r->seen != NULL;
}

static weir_rc reduce_tapes(reducer *r, const tape *left, const tape *right, const checker *notes, bool full, buf *out,
                            reduced *ret, err *e)
{
    static const reduced outcomes[] = {[DONE] = REDUCED, [DELETED] = REDUCED_AWAY, [APART] = REDUCED_APART};
    const size_t before = out->len;
    r->left = left;
    r->right = right;
    r->notes = notes;
    r->full = full;
    r->out = out;
    r->e = e;
    outcome o = begin_round(r, right->count) ? reduce_value(r, left ? 0 : NOTHING, 0) : reduce_nomem(r);
    if (o != FAILED && (!buf_ok(out) || r->names.failed))
        o = reduce_nomem(r);
    if (o == FAILED || o == APART)
        out->len = before;
    if (o == FAILED)
        return r->rc;
    *ret = outcomes[o];
    return WEIR_OK;
}

weir_rc reduce(reducer *r, const tape *left, const tape *right, const checker *notes, bool full, buf *out, reduced *ret, err *e)
{
    return reduce_tapes(r, left, right, notes, full, out, ret, e);
}

weir_rc reduce_alone(reducer *r, const tape *right, const checker *notes, buf *out, reduced *ret, err *e)
{
    return reduce_tapes(r, NULL, right, notes, true, out, ret, e);
}
