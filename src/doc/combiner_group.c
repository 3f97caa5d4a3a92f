#include "doc/combiner_inner.h"

#include "model/tuple.h"

void group_free(group *g)
{
    buf_free(&g->key);
    buf_free(&g->doc);
    buf_free(&g->next);
}

/* ------------------------------------------------------------------------------------------------------------- errors -- */

weir_rc combiner_wrap(const combiner *c, uint32_t binding, weir_view packed, weir_rc rc, err *e)
{
    if (!rc)
        return rc;
    buf key = {0};
    err bad = {0};
    if (rc != WEIR_E_NOMEM && packed.len && !c->parts[binding].b->secret_key && (tuple_unpack(&key, packed, &bad) || !buf_ok(&key)))
        buf_clear(&key);
    err_free(&bad);
    if (key.len)
        err_wrap(e, rc, "key %.*s", VIEW_ARG(buf_view(&key)));
    err_wrap(e, rc, "%s", c->parts[binding].b->what);
    buf_free(&key);
    return rc;
}

weir_rc combiner_check(combiner *c, const part *p, weir_view doc, bool notes, const char *what, err *e)
{
    enum { MOST = 3 };
    bool valid = true;
    weir_rc rc = tape_read(&c->right, doc, e);
    if (!rc)
        rc = checker_run(p->check, &c->right, notes, &valid, e);
    if (rc || valid)
        return rc;
    buf why = {0};
    checker_explain(p->check, &c->right, MOST, &why);
    while (why.len && why.ptr[why.len - 1] == '\n')
        why.len--;
    rc = err_fail(e, WEIR_E_CONFIG, "%s: %s", what, buf_text(&why));
    buf_free(&why);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- putting -- */

static const part *part_of(const group *g) { return &g->c->parts[g->binding]; }

/* What was made of several has to be valid again. */
static weir_rc give(group *g, err *e)
{
    weir_rc rc = WEIR_OK;
    if (g->reduced && !g->merging)
        rc = combiner_check(g->c, part_of(g), buf_view(&g->doc), false, "what its documents come to is not valid", e);
    if (rc)
        return combiner_wrap(g->c, g->binding, buf_view(&g->key), rc, e);
    return g->put(g->arg, g, e);
}

weir_rc group_end(group *g, err *e)
{
    weir_rc rc = g->open ? give(g, e) : WEIR_OK;
    g->open = false;
    return rc;
}

static weir_rc set(buf *to, weir_view v, err *e)
{
    buf_clear(to);
    buf_addv(to, v);
    return buf_ok(to) ? WEIR_OK : err_nomem(e);
}

static weir_rc take(group *g, const spilled *d, err *e)
{
    g->flags = d->flags;
    g->reduced = g->deleted = false;
    return set(&g->doc, d->doc, e);
}

/* c->right was checked, and holds the newer one. */
static weir_rc reduce_next(group *g, bool alone, reduced *ret, err *e)
{
    combiner *c = g->c;
    const checker *notes = part_of(g)->check;
    weir_rc rc = WEIR_OK;
    buf_clear(&g->next);
    if (alone)
        return reduce_alone(c->reducer, &c->right, notes, &g->next, ret, e);
    rc = tape_read(&c->left, buf_view(&g->doc), e);
    return rc ? rc : reduce(c->reducer, &c->left, &c->right, notes, g->full, &g->next, ret, e);
}

static bool is_apart(const group *g)
{
    return !g->full && g->flags & (g->merging ? TABLE_APART | TABLE_BASE : TABLE_APART);
}

static weir_rc put_then_take(group *g, const spilled *d, err *e)
{
    weir_rc rc = give(g, e);
    return rc ? rc : take(g, d, e);
}

static weir_rc join(group *g, const spilled *d, bool alone, err *e)
{
    reduced what = REDUCED;
    const part *p = part_of(g);
    if (is_apart(g))
        return put_then_take(g, d, e);
    if (!p->reduces)
        return take(g, d, e);
    weir_rc rc = combiner_check(g->c, p, d->doc, true, "a document is not valid", e);
    if (!rc) {
        rc = reduce_next(g, alone, &what, e);
        if (rc == WEIR_E_CONFIG && alone) { /* the runtime does not look at what is alone: say, at null where numbers are added */
            err_clear(e);
            return take(g, d, e);
        }
    }
    if (rc == WEIR_E_CONFIG && g->merging) { /* whoever drains learns of it, not who happens to add a document now */
        err_clear(e);
        return put_then_take(g, d, e);
    }
    if (rc)
        return combiner_wrap(g->c, g->binding, buf_view(&g->key), rc, e);
    if (what == REDUCED_APART) {
        g->flags |= TABLE_APART;
        return put_then_take(g, d, e);
    }
    buf old = g->doc;
    g->doc = g->next;
    g->next = old;
    g->deleted = what == REDUCED_AWAY;
    g->flags = d->flags;
    g->reduced = !alone;
    return WEIR_OK;
}

static weir_rc begin(group *g, const spilled *d, err *e)
{
    weir_rc rc = group_end(g, e);
    if (!rc)
        rc = set(&g->key, d->key, e);
    g->binding = d->binding;
    g->exists = g->changed = g->deleted = g->reduced = false;
    g->flags = 0;
    g->open = !rc;
    return rc;
}

static bool is_same(const group *g, const spilled *d)
{
    return g->open && g->binding == d->binding && view_eq(buf_view(&g->key), d->key);
}

weir_rc group_add(group *g, const spilled *d, err *e)
{
    weir_rc rc = WEIR_OK;
    const bool first = !is_same(g, d), base = d->flags & TABLE_BASE;
    if (first)
        rc = begin(g, d, e);
    if (rc)
        return rc;
    if (base && !first)
        return combiner_wrap(g->c, g->binding, d->key, err_fail(e, WEIR_E_BUG, "it was loaded twice"), e);
    g->exists |= base;
    g->changed |= !base;
    if (first)
        return g->full && !base ? join(g, d, true, e) : take(g, d, e);
    return join(g, d, g->deleted, e); /* what was deleted does not come back */
}
