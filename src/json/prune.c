/* A trie of member names, walked beside the document. What is kept is moved in runs as long as possible. */
#include "json/prune.h"

#include <stdlib.h>

#include "json/paths.h"
#include "json/quick.h"

typedef struct node {
    weir_view name;     /* decoded; first, for path_child() */
    struct node *below; /* by length and then bytes of their names */
    size_t count;
    uint64_t filter;    /* a bit for each path_bit() of a child: most members that stay are told by it */
    bool out;           /* this is left out */
} node;

struct prune {
    node root;
};

/* ------------------------------------------------------------------------------------------------------------ compiling -- */

/* Paths that agree in their first `level` tokens, sorted. One that ends here makes those that go on needless. */
static void build(arena *a, node *n, const path *paths, size_t count, size_t level)
{
    size_t i;
    n->out = count && paths[0].count == level;
    if (n->out)
        return;
    for (i = 0; i < count; i++)
        n->count += i == 0 || !view_eq(paths[i].tokens[level], paths[i - 1].tokens[level]);
    n->below = arena_array(a, n->count, sizeof *n->below);
    node *child = n->below;
    for (size_t from = 0; child && from < count && !a->failed; from = i, child++) {
        child->name = paths[from].tokens[level];
        for (i = from + 1; i < count && view_eq(paths[i].tokens[level], child->name);)
            i++;
        n->filter |= path_bit(child->name);
        build(a, child, paths + from, i - from, level + 1);
    }
}

weir_rc prune_make(arena *a, const weir_view *pointers, size_t count, prune **ret, err *e)
{
    prune *p = arena_alloc(a, sizeof *p);
    path *paths;
    weir_rc rc = paths_make(a, pointers, count, 1, &paths, e);
    if (rc)
        return rc;
    if (!a->failed && count)
        build(a, &p->root, paths, count, 0);
    if (a->failed)
        return err_nomem(e);
    *ret = p;
    return WEIR_OK;
}

/* -------------------------------------------------------------------------------------------------------------- pruning -- */

typedef struct pass {
    json_scan scan;   /* for all that is not common; `at` is brought up to date before it is asked */
    const char *kept; /* what stays and has not been moved yet begins here */
    char *to;         /* where it goes: never behind `kept` if that is the same memory */
} pass;

static inline void move(pass *k, const char *until)
{
    size_t n = (size_t)(until - k->kept);
    if (n && k->to != k->kept)
        memmove(k->to, k->kept, n);
    k->to += n;
}

static const node *find_child(const node *n, json_key key)
{
    return path_child(n->below, sizeof *n->below, n->count, n->filter, key);
}

static inline const char *skip_value(pass *k, const char *at)
{
    const char *to = quick_scalar(at, k->scan.end);
    if (to)
        return to;
    k->scan.at = at;
    return json_skip(&k->scan, NULL) ? k->scan.at : NULL;
}

static const char *prune_value(pass *k, const node *n, const char *at);

/* `at` is behind the opening brace. A member goes with what is between it and the one before; the first that stays begins without a comma. */
static const char *prune_object(pass *k, const node *n, const char *at)
{
    const char *end = k->scan.end, *before = at, *name;
    bool stays = false;
    at = quick_space(at, end);
    if (at < end && *at == '}')
        return at + 1;
    for (bool first = true;; first = false) {
        json_key key;
        name = at;
        at = quick_member(&k->scan, at, &key);
        if (!at || (at = quick_space(at, end)) == end)
            return NULL;
        const node *child = find_child(n, key);
        if (child && child->out) {
            move(k, before);
            k->kept = at = skip_value(k, at);
        } else {
            if (!stays && !first) {
                move(k, before);
                k->kept = name;
            }
            stays = true;
            at = child ? prune_value(k, child, at) : skip_value(k, at);
        }
        before = at;
        if (!at || (at = quick_space(at, end)) == end)
            return NULL;
        if (*at != ',')
            return *at == '}' ? at + 1 : NULL;
        at = quick_space(at + 1, end);
    }
}

/* `at` is behind the opening bracket. */
static const char *prune_items(pass *k, const node *n, const char *at)
{
    const char *end = k->scan.end;
    at = quick_space(at, end);
    if (at < end && *at == ']')
        return at + 1;
    for (;;) {
        at = at < end ? prune_value(k, n, at) : NULL;
        if (!at || (at = quick_space(at, end)) == end)
            return NULL;
        if (*at != ',')
            return *at == ']' ? at + 1 : NULL;
        at = quick_space(at + 1, end);
    }
}

/* @return behind the value, or NULL if it is malformed */
static const char *prune_value(pass *k, const node *n, const char *at)
{
    if (*at == '{')
        return prune_object(k, n, at + 1);
    return *at == '[' ? prune_items(k, n, at + 1) : skip_value(k, at);
}

/* @return behind the last byte written */
static char *run(const prune *p, weir_view doc, char *to)
{
    pass k = {.scan = json_scan_of(doc), .kept = doc.ptr, .to = to};
    const char *at = quick_space(doc.ptr, k.scan.end);
    if (p->root.count && at < k.scan.end)
        prune_value(&k, &p->root, at);
    if (!k.kept) /* malformed behind a member that goes: the caller has broken the contract, but nothing beyond it */
        return k.to;
    move(&k, k.scan.end);
    return k.to;
}

size_t prune_in_place(const prune *p, char *doc, size_t len)
{
    return (size_t)(run(p, (weir_view){doc, len}, doc) - doc);
}

void prune_into(const prune *p, weir_view doc, buf *out)
{
    if (doc.len && buf_reserve(out, doc.len))
        out->len = (size_t)(run(p, doc, out->ptr + out->len) - out->ptr);
}
