#include "plane/keyed.h"

#include <stdlib.h>

#include "json/pointer.h"
#include "model/tuple.h"
#include "plane/gate.h"

typedef struct entry {
    size_t key, key_len, at, len; /* in bytes */
    size_t order;
} entry;

struct keyed {
    keyed_options o;
    gate *gate;
    arena arena;
    picker *pick;
    weir_view *parts;
    size_t count;
    buf bytes, entries;
};

weir_rc keyed_make(keyed **ret, const keyed_options *o, err *e)
{
    weir_view *pointers;
    keyed *k = calloc(1, sizeof *k);
    if (!k)
        return err_nomem(e);
    k->o = *o;
    weir_rc rc = gate_make(&k->gate, o->c, e);
    if (!rc && !pointer_list(&k->arena, o->c->key_json, &pointers, &k->count))
        rc = err_fail(e, WEIR_E_CONFIG, "collection %.*s: its key is no list of JSON pointers", VIEW_ARG(o->c->name));
    if (!rc)
        rc = picker_make(&k->arena, pointers, k->count, &k->pick, e);
    k->parts = rc ? NULL : arena_array(&k->arena, k->count, sizeof *k->parts);
    if (!rc && !k->parts)
        rc = err_nomem(e);
    if (rc)
        keyed_free(k);
    else
        *ret = k;
    return rc;
}

void keyed_free(keyed *k)
{
    if (!k)
        return;
    gate_free(k->gate);
    buf_free(&k->bytes);
    buf_free(&k->entries);
    arena_free(&k->arena);
    free(k);
}

weir_rc keyed_add(keyed *k, weir_view doc, buf *why, err *e)
{
    weir_rc rc = gate_check(k->gate, doc, why, e);
    if (rc || why->len)
        return rc;
    entry n = {.key = k->bytes.len, .order = k->entries.len / sizeof n};
    picker_run(k->pick, doc, k->parts);
    for (size_t i = 0; i < k->count; i++)
        tuple_pack(&k->bytes, k->parts[i]);
    n.key_len = k->bytes.len - n.key;
    n.at = k->bytes.len;
    n.len = doc.len;
    buf_addv(&k->bytes, doc);
    buf_add(&k->entries, &n, sizeof n);
    return buf_ok(&k->bytes) && buf_ok(&k->entries) ? WEIR_OK : err_nomem(e);
}

static weir_view key_of(const keyed *k, const entry *n) { return (weir_view){k->bytes.ptr + n->key, n->key_len}; }

static int by_key(const void *x, const void *y, void *arg)
{
    const entry *a = x, *b = y;
    int c = view_cmp(key_of(arg, a), key_of(arg, b));
    return c ? c : (a->order > b->order) - (a->order < b->order);
}

weir_rc keyed_drain(keyed *k, weir_rc (*take)(void *arg, weir_view doc, err *e), void *arg, err *e)
{
    entry *all = (entry *)(void *)k->entries.ptr;
    size_t n = k->entries.len / sizeof *all;
    weir_rc rc = WEIR_OK;
    if (n)
        qsort_r(all, n, sizeof *all, by_key, k);
    for (size_t i = 0; i < n && !rc; i++)
        if (i + 1 == n || !view_eq(key_of(k, &all[i]), key_of(k, &all[i + 1])))
            rc = take(arg, (weir_view){k->bytes.ptr + all[i].at, all[i].len}, e);
    keyed_clear(k);
    return rc;
}

void keyed_clear(keyed *k)
{
    buf_clear(&k->bytes);
    buf_clear(&k->entries);
}
