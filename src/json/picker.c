/* The picker: a trie of pointer tokens that is walked beside the document. */
#include "json/paths.h"

#include <stdlib.h>

#include "json/quick.h"

#define NONE SIZE_MAX

/* One token of one or more pointers. */
typedef struct node {
    weir_view token;    /* decoded; first, for path_child() */
    struct node *below; /* children, by length and then bytes of their tokens: those that are indexes are in numeric order */
    size_t count;
    uint64_t filter;    /* a bit for each path_bit() of a child: most members nobody wants are told by it */
    size_t slot;        /* the first of the values to fill; the others follow by picker.twins; NONE: none */
    size_t index;       /* the token as an array index; NONE: it is none */
    uint64_t run;       /* the last one that was here, to notice members that repeat */
    struct node *first; /* guess: the child that an object began with last time */
    struct node *next;  /* guess: the sibling that followed last time */
    quick_name name;
} node;

struct picker {
    node root;
    size_t *twins; /* by slot: the next slot of the same node, or NONE */
    size_t count;
    uint64_t runs;
    weir_view stray; /* of the last run */
};

/* ------------------------------------------------------------------------------------------------------------ compiling -- */

static void init_node(arena *a, node *n, weir_view token)
{
    *n = (node){.token = token, .slot = NONE, .index = NONE};
    pointer_index(token, &n->index);
    n->name.raw = arena_alloc(a, quick_name_room(token.len));
}

/* Paths that agree in their first `level` tokens; sorted, so those that end here come first, and children side by side. */
static void build(picker *p, arena *a, node *n, const path *paths, size_t count, size_t level)
{
    size_t i = 0, last = NONE;
    for (; i < count && paths[i].count == level; i++) {
        *(last == NONE ? &n->slot : &p->twins[last]) = paths[i].slot;
        last = paths[i].slot;
        p->twins[last] = NONE;
    }
    paths += i;
    count -= i;
    for (i = 0; i < count; i++)
        n->count += i == 0 || !view_eq(paths[i].tokens[level], paths[i - 1].tokens[level]);
    n->below = arena_array(a, n->count, sizeof *n->below);
    node *child = n->below;
    for (size_t from = 0; child && from < count && !a->failed; from = i, child++) {
        weir_view token = paths[from].tokens[level];
        for (i = from + 1; i < count && view_eq(paths[i].tokens[level], token);)
            i++;
        init_node(a, child, token);
        n->filter |= path_bit(token);
        build(p, a, child, paths + from, i - from, level + 1);
    }
}

weir_rc picker_make(arena *a, const weir_view *pointers, size_t count, picker **ret, err *e)
{
    picker *p = arena_alloc(a, sizeof *p);
    path *paths;
    weir_rc rc = paths_make(a, pointers, count, 0, &paths, e);
    if (rc)
        return rc;
    if (p)
        p->twins = arena_array(a, count, sizeof *p->twins);
    if (!a->failed) {
        p->count = count;
        init_node(a, &p->root, (weir_view){"", 0});
        build(p, a, &p->root, paths, count, 0);
    }
    if (a->failed)
        return err_nomem(e);
    *ret = p;
    return WEIR_OK;
}

/* -------------------------------------------------------------------------------------------------------------- picking -- */

typedef struct pick {
    json_scan scan; /* for all that is not common; `at` is brought up to date before it is asked */
    picker *picker;
    weir_view *values;
    uint64_t run;
} pick;

static node *find_child(const node *n, json_key key)
{
    return (node *)(uintptr_t)path_child(n->below, sizeof *n->below, n->count, n->filter, key);
}

/* Takes name and colon of a member that was not guessed. @return behind the colon, or NULL if malformed; *child is NULL if nobody
 * wants it */
static __attribute__((noinline)) const char *take_name(pick *k, node *n, const char *at, node **child)
{
    json_key key;
    at = quick_member(&k->scan, at, &key);
    *child = at ? find_child(n, key) : NULL;
    if (*child)
        quick_name_learn(&(*child)->name, key.raw);
    else if (at && n == &k->picker->root)
        k->picker->stray = key.raw;
    return at;
}

static inline const char *skip_value(pick *k, const char *at)
{
    const char *to = quick_scalar(at, k->scan.end);
    if (to)
        return to;
    k->scan.at = at;
    return json_skip(&k->scan, NULL) ? k->scan.at : NULL;
}

static void set_values(pick *k, const node *n, weir_view span)
{
    for (size_t slot = n->slot; slot != NONE; slot = k->picker->twins[slot])
        k->values[slot] = span;
}

static void forget_below(pick *k, const node *n)
{
    for (size_t i = 0; i < n->count; i++) {
        set_values(k, &n->below[i], (weir_view){NULL, 0});
        forget_below(k, &n->below[i]);
    }
}

static const char *pick_inner(pick *k, node *n, const char *at);

/* Takes the value at `at`, which this node wants. @return behind it, or NULL if malformed */
static inline const char *pick_value(pick *k, node *n, const char *at)
{
    const char *to = n->count ? pick_inner(k, n, at) : skip_value(k, at);
    if (to)
        set_values(k, n, (weir_view){at, (size_t)(to - at)});
    return to;
}

/* The child whose name is written at `at`, if it is the one that came next last time or, some being left out, one of those after
 * it. */
static inline node *guess_child(node *guess, const char *at, const char *end)
{
    enum { TRIES = 4 };
    for (int i = 0; guess && i < TRIES; i++, guess = guess->next)
        if (quick_name_is(&guess->name, at, end))
            return guess;
    return NULL;
}

/* `at` is behind the opening brace. */
static const char *pick_object(pick *k, node *n, const char *at)
{
    const char *end = k->scan.end;
    node *child, **next = &n->first; /* the guess */
    at = quick_space(at, end);
    if (at < end && *at == '}')
        return at + 1;
    for (;;) {
        child = guess_child(*next, at, end);
        if (child) {
            at += child->name.len + 1;
        } else {
            at = take_name(k, n, at, &child);
            *next = child ? child : *next;
        }
        if (!at || (at = quick_space(at, end)) == end)
            return NULL;
        next = child ? &child->next : next;
        at = child ? pick_value(k, child, at) : skip_value(k, at);
        if (!at || (at = quick_space(at, end)) == end)
            return NULL;
        if (*at != ',')
            return *at == '}' ? at + 1 : NULL;
        at = quick_space(at + 1, end);
    }
}

/* `at` is behind the opening bracket. */
static const char *pick_array(pick *k, node *n, const char *at)
{
    const char *end = k->scan.end;
    node *child = n->below, *stop = n->below + n->count;
    at = quick_space(at, end);
    if (at < end && *at == ']')
        return at + 1;
    for (size_t i = 0;; i++) {
        while (child < stop && (child->index == NONE || child->index < i))
            child++;
        if (at == end)
            return NULL;
        at = child < stop && child->index == i ? pick_value(k, child, at) : skip_value(k, at);
        if (!at || (at = quick_space(at, end)) == end)
            return NULL;
        if (*at != ',')
            return *at == ']' ? at + 1 : NULL;
        at = quick_space(at + 1, end);
    }
}

static const char *pick_inner(pick *k, node *n, const char *at)
{
    if (n->run == k->run)
        forget_below(k, n);
    n->run = k->run;
    if (*at != '{' && *at != '[')
        return skip_value(k, at);
    k->scan.depth++; /* stays below JSON_DEPTH, as long as pointers are */
    at = *at == '{' ? pick_object(k, n, at + 1) : pick_array(k, n, at + 1);
    k->scan.depth--;
    return at;
}

bool picker_run(picker *p, weir_view doc, weir_view *values)
{
    pick k = {.scan = json_scan_of(doc), .picker = p, .values = values, .run = ++p->runs};
    p->stray = (weir_view){NULL, 0};
    for (size_t i = 0; i < p->count; i++)
        values[i] = (weir_view){NULL, 0};
    const char *at = quick_space(doc.ptr, k.scan.end);
    at = at < k.scan.end ? pick_value(&k, &p->root, at) : NULL;
    return at && quick_space(at, k.scan.end) == k.scan.end;
}

weir_view picker_stray(const picker *p) { return p->stray; }
