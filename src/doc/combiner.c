#include "doc/combiner_inner.h"

#include <stdlib.h>

#include "json/pointer.h"
#include "model/tuple.h"

enum {
    BUDGET = 32 << 20,
    CHUNK_MIN = 16 << 10, CHUNK_MAX = 256 << 10, /* of what is read at once of a segment */
    FAN = 32,            /* segments that are merged into one */
    MUCH = 4, SMALL = 512 /* a document waits if what it is reduced into is that much larger: a long list, to which is appended */
};

/* ------------------------------------------------------------------------------------------------------------- making -- */

static weir_rc read_key(combiner *c, part *p, err *e)
{
    const combiner_binding *b = p->b;
    note_pointer *key = arena_array(&c->arena, b->key_count, sizeof *key);
    if (!key)
        return err_nomem(e);
    for (size_t i = 0; i < b->key_count; i++) {
        weir_view *tokens;
        if (!pointer_split(&c->arena, b->key[i], &tokens, &key[i].count))
            return c->arena.failed ? err_nomem(e)
                                   : err_fail(e, WEIR_E_CONFIG, "%s: key '%.*s' is no JSON pointer", b->what, VIEW_ARG(b->key[i]));
        key[i].tokens = tokens;
    }
    p->key = key;
    return WEIR_OK;
}

static weir_rc make_part(combiner *c, size_t i, const combiner_binding *b, err *e)
{
    part *p = &c->parts[i];
    p->b = b;
    p->reduces = schema_reduces(b->schema);
    p->redacts = schema_redacts(b->schema);
    p->deletes = schema_deletes(b->schema);
    for (size_t k = 0; k < i && !p->check; k++)
        if (c->parts[k].b->schema == b->schema)
            p->check = c->parts[k].check;
    p->owns = !p->check;
    weir_rc rc = p->check ? WEIR_OK : checker_make(b->schema, &p->check, e);
    return rc ? rc : read_key(c, p, e);
}

static weir_rc make(combiner *c, const combiner_options *o, err *e)
{
    size_t chunk = c->budget / 512; /* of FAN segments and more at a time */
    chunk = chunk < CHUNK_MIN ? CHUNK_MIN : chunk > CHUNK_MAX ? CHUNK_MAX : chunk;
    spill_init(&c->spill, o->folder ? arena_text(&c->arena, view_of(o->folder)) : NULL, chunk);
    c->parts = arena_array(&c->arena, o->count, sizeof *c->parts);
    if (!c->parts || c->arena.failed)
        return err_nomem(e);
    weir_rc rc = reducer_make(&c->reducer, e);
    if (!rc)
        rc = redactor_make(o->salt, &c->redactor, e);
    for (; c->count < o->count && !rc; c->count++)
        rc = make_part(c, c->count, &o->bindings[c->count], e);
    return rc;
}

weir_rc combiner_make(const combiner_options *o, combiner **ret, err *e)
{
    combiner *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(e);
    c->budget = o->budget ? o->budget : BUDGET;
    c->budget -= c->budget / 7; /* the rest is for what is read and written */
    weir_rc rc = make(c, o, e);
    if (rc)
        combiner_free(c);
    else
        *ret = c;
    return rc;
}

void combiner_free(combiner *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        if (c->parts[i].owns)
            checker_free(c->parts[i].check);
    reducer_free(c->reducer);
    redactor_free(c->redactor);
    table_free(&c->table);
    spill_free(&c->spill);
    tape_free(&c->left);
    tape_free(&c->right);
    buf_free(&c->packed);
    buf_free(&c->out);
    buf_free(&c->clean);
    arena_free(&c->arena);
    free(c);
}

void combiner_clear(combiner *c)
{
    table_reset(&c->table, true);
    spill_reset(&c->spill);
    c->documents = 0;
}

size_t combiner_keys(const combiner *c)
{
    size_t keys = c->table.keys;
    for (size_t i = 0; i < c->spill.count; i++)
        keys += c->spill.segments[i].keys;
    return keys;
}

uint64_t combiner_documents(const combiner *c) { return c->documents; }

/* ------------------------------------------------------------------------------------------------------------ spilling -- */

static weir_rc put_segment(void *arg, const group *g, err *e)
{
    combiner *c = arg;
    return spill_put(&c->spill, &(spilled){g->binding, g->flags, buf_view(&g->key), buf_view(&g->doc)}, e);
}

typedef weir_rc each_document(void *arg, const spilled *d, err *e);

static weir_rc walk_table(combiner *c, each_document *each, void *arg, err *e)
{
    const table *t = &c->table;
    const table_item *items = table_sort(&c->table);
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < t->keys && !rc; i++) {
        const table_key *k = table_key_at(t, items[i].key);
        for (table_ref ref = k->first; ref && !rc; ref = table_doc_at(t, ref)->next) {
            const table_doc *d = table_doc_at(t, ref);
            rc = each(arg, &(spilled){k->binding, d->flags, {k->key, k->len}, {d->text, d->len}}, e);
        }
    }
    return rc;
}

static weir_rc walk_segments(combiner *c, size_t first, size_t count, each_document *each, void *arg, err *e)
{
    merger *m = NULL;
    spilled d;
    bool more = true;
    weir_rc rc = merger_open(&c->spill, first, count, &m, e);
    while (!rc && !(rc = merger_next(m, &d, &more, e)) && more)
        rc = each(arg, &d, e);
    merger_close(m);
    return rc;
}

static weir_rc put_each(void *arg, const spilled *d, err *e) { return spill_put(&((combiner *)arg)->spill, d, e); }

typedef struct counted {
    group g;
    size_t keys;
} counted;

static weir_rc count_each(void *arg, const spilled *d, err *e)
{
    counted *n = arg;
    n->keys += !n->g.open || n->g.binding != d->binding || !view_eq(buf_view(&n->g.key), d->key);
    return group_add(&n->g, d, e);
}

/* The newest segments into one. */
static weir_rc merge_segments(combiner *c, size_t count, err *e)
{
    counted n = {.g = {.c = c, .merging = true, .put = put_segment, .arg = c}};
    weir_rc rc = spill_begin(&c->spill, e);
    if (!rc)
        rc = walk_segments(c, c->spill.count - count, count, count_each, &n, e);
    if (!rc)
        rc = group_end(&n.g, e);
    if (!rc)
        rc = spill_end(&c->spill, n.keys, count, e);
    group_free(&n.g);
    return rc;
}

static bool may_merge(const spill *s)
{
    if (s->count < FAN)
        return false;
    const unsigned level = s->segments[s->count - 1].level;
    return s->segments[s->count - FAN].level == level;
}

static weir_rc spill_table(combiner *c, err *e)
{
    const size_t keys = c->table.keys;
    weir_rc rc = spill_begin(&c->spill, e);
    if (!rc)
        rc = walk_table(c, put_each, c, e);
    if (!rc)
        rc = spill_end(&c->spill, keys, 0, e);
    if (!rc)
        table_reset(&c->table, false);
    while (!rc && may_merge(&c->spill))
        rc = merge_segments(c, FAN, e);
    if (rc)
        combiner_clear(c);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- adding -- */

/* Of c->right, into c->packed. */
static weir_rc pack_key(combiner *c, const part *p, err *e)
{
    buf_clear(&c->packed);
    for (size_t i = 0; i < p->b->key_count; i++) {
        uint32_t at = tape_at(&c->right, 0, p->key[i].tokens, p->key[i].count);
        weir_view value = at != UINT32_MAX ? tape_text(&c->right, at) : p->b->fallbacks ? p->b->fallbacks[i] : (weir_view){NULL, 0};
        if (!value.len)
            return err_fail(e, WEIR_E_CONFIG, "a document without its key %.*s", VIEW_ARG(p->b->key[i]));
        if (!tuple_pack(&c->packed, value))
            return !buf_ok(&c->packed) ? err_nomem(e)
                                       : err_fail(e, WEIR_E_CONFIG, "a key of too many digits at %.*s", VIEW_ARG(p->b->key[i]));
    }
    return WEIR_OK;
}

static weir_rc done(bool good, err *e) { return good ? WEIR_OK : err_nomem(e); }

/* 0: it is the first. */
static table_ref before_of(const table *t, const table_key *k, table_ref doc)
{
    table_ref ref = k->first == doc ? 0 : k->first;
    while (ref && table_doc_at(t, ref)->next != doc)
        ref = table_doc_at(t, ref)->next;
    return ref;
}

static table_ref before_last(const table *t, table_ref key)
{
    const table_key *k = table_key_at(t, key);
    return before_of(t, k, k->last);
}

static weir_view text_of(const table_doc *d) { return (weir_view){d->text, d->len}; }

/* Does the document that was just checked, with its notes, delete itself or a part of it? Of nulls the reducer sees to that: they are what patches delete by, and most of
 * what comes behind them can be put together with them. */
static bool deletes(const part *p, const tape *doc)
{
    for (uint32_t i = 0; p->deletes && i < doc->count; i++) {
        const note *n = checker_note(p->check, i);
        if (n && n->del && doc->nodes[i].kind != TREE_NULL)
            return true;
    }
    return false;
}

static bool is_worth_it(const table_doc *left, size_t right)
{
    return !(left->flags & (TABLE_BASE | TABLE_APART)) && left->len <= MUCH * right + SMALL;
}

/* As far as the newest document of a key has grown so much that it is reduced into the one before. What cannot be is found out in
 * the end. */
static void reduce_back(combiner *c, const part *p, table_ref key)
{
    table *t = &c->table;
    err e = {0};
    reduced what;
    for (;;) {
        const table_key *k = table_key_at(t, key);
        table_ref before = before_of(t, k, k->last);
        if (!before || !is_worth_it(table_doc_at(t, before), table_doc_at(t, k->last)->len))
            break;
        buf_clear(&c->out);
        if (combiner_check(c, p, text_of(table_doc_at(t, k->last)), true, "", &e) ||
            tape_read(&c->left, text_of(table_doc_at(t, before)), &e) ||
            reduce(c->reducer, &c->left, &c->right, p->check, false, &c->out, &what, &e))
            break;
        if (what == REDUCED_APART) {
            table_doc_at(t, before)->flags |= TABLE_APART;
            break;
        }
        const unsigned apart = table_doc_at(t, k->last)->flags & TABLE_APART;
        if (!table_replace(t, key, before_of(t, k, before), buf_view(&c->out)))
            break;
        table_drop_last(t, key, before_of(t, k, k->last));
        table_doc_at(t, table_key_at(t, key)->last)->flags |= apart;
    }
    err_free(&e);
}

/* Behind others of its key. c->right is checked, with its notes where that is wanted. */
static weir_rc put_next(combiner *c, const part *p, table_ref key, weir_view doc, bool together, err *e)
{
    table *t = &c->table;
    table_doc *last = table_doc_at(t, table_key_at(t, key)->last);
    if (!p->reduces && !(last->flags & TABLE_BASE))
        return done(table_replace(t, key, before_last(t, key), doc), e);
    if (!together)
        return done(table_add_doc(t, key, doc, 0, false), e);
    reduced what = REDUCED;
    weir_rc rc = tape_read(&c->left, text_of(last), e);
    buf_clear(&c->out);
    if (!rc)
        rc = reduce(c->reducer, &c->left, &c->right, p->check, false, &c->out, &what, e);
    if (rc)
        return rc;
    if (what != REDUCED_APART)
        return done(table_replace(t, key, before_last(t, key), buf_view(&c->out)), e);
    rc = done(table_add_doc(t, key, doc, 0, false), e);
    if (!rc)
        last->flags |= TABLE_APART;
    return rc;
}

static weir_rc add_next(combiner *c, const part *p, table_ref key, weir_view doc, bool together, bool last, err *e)
{
    weir_rc rc = put_next(c, p, key, doc, together, e);
    if (!rc && last)
        table_doc_at(&c->table, table_key_at(&c->table, key)->last)->flags |= TABLE_APART;
    if (!rc && p->reduces)
        reduce_back(c, p, key);
    return rc;
}

static weir_rc add_new(combiner *c, uint32_t binding, weir_view doc, unsigned flags, uint32_t hash, err *e)
{
    table *t = &c->table;
    table_ref key = table_add_key(t, binding, buf_view(&c->packed), hash);
    bool good = key && table_add_doc(t, key, doc, flags, false);
    if (key && !good)
        table_drop_key(t, key, hash);
    return done(good, e);
}

static weir_rc add_base(combiner *c, table_ref key, weir_view doc, err *e)
{
    table *t = &c->table;
    if (table_doc_at(t, table_key_at(t, key)->first)->flags & TABLE_BASE)
        return err_fail(e, WEIR_E_BUG, "it was loaded twice");
    return done(table_add_doc(t, key, doc, TABLE_BASE, true), e);
}

/* c->right and c->packed are of the document. */
static weir_rc add(combiner *c, uint32_t binding, weir_view doc, bool base, err *e)
{
    const part *p = &c->parts[binding];
    weir_view packed = buf_view(&c->packed);
    uint32_t hash = table_hash(&c->table, binding, packed);
    table_ref key = table_find(&c->table, binding, packed, hash);
    bool together = false, valid = true, last;
    weir_rc rc = WEIR_OK;
    if (key && base)
        return add_base(c, key, doc, e);
    if (key && p->reduces)
        together = is_worth_it(table_doc_at(&c->table, table_key_at(&c->table, key)->last), doc.len);
    if (!base)
        rc = checker_run(p->check, &c->right, together || p->deletes, &valid, e);
    if (!rc && !valid)
        rc = combiner_check(c, p, doc, false, "a document is not valid", e); /* says why */
    if (rc)
        return rc;
    last = !base && deletes(p, &c->right);
    if (!key)
        return add_new(c, binding, doc, (base ? TABLE_BASE : 0) | (last ? TABLE_APART : 0), hash, e);
    return add_next(c, p, key, doc, together, last, e);
}

/* Nothing that is to be redacted gets further than this: *doc is then without it, and c->right is of that. */
static weir_rc redact_doc(combiner *c, const part *p, weir_view *doc, err *e)
{
    bool changed = false;
    weir_rc rc = combiner_check(c, p, *doc, true, "a document is not valid", e);
    buf_clear(&c->clean);
    if (!rc)
        rc = redact(c->redactor, &c->right, p->check, &c->clean, &changed, e);
    if (rc || !changed)
        return rc;
    *doc = buf_view(&c->clean);
    return tape_read(&c->right, *doc, e);
}

weir_rc combiner_add(combiner *c, uint32_t binding, weir_view doc, bool base, err *e)
{
    const part *p = &c->parts[binding];
    weir_rc rc = p->redacts && !base ? redact_doc(c, p, &doc, e) : tape_read(&c->right, doc, e);
    buf_clear(&c->packed);
    if (!rc)
        rc = pack_key(c, p, e);
    if (!rc && c->table.keys && table_size_with(&c->table, c->packed.len, doc.len) > c->budget) {
        rc = spill_table(c, e);
        if (!rc)
            rc = tape_read(&c->right, doc, e); /* merging has used the tape */
    }
    if (!rc)
        rc = add(c, binding, doc, base, e);
    c->documents += !rc;
    return combiner_wrap(c, binding, buf_view(&c->packed), rc, e);
}

/* ------------------------------------------------------------------------------------------------------------ draining -- */

typedef struct draining {
    group full, partial;
    group *now; /* the one that the last document went to */
    weir_rc (*take)(void *arg, const combined_doc *, err *e);
    void *arg;
} draining;

static weir_rc put_out(void *arg, const group *g, err *e)
{
    draining *d = arg;
    combined_doc doc = {g->binding, buf_view(&g->key), buf_view(&g->doc), g->exists, g->deleted, g->exists && !g->changed};
    return d->take(d->arg, &doc, e);
}

static weir_rc drain_each(void *arg, const spilled *doc, err *e)
{
    draining *d = arg;
    group *g = d->full.c->parts[doc->binding].b->partial ? &d->partial : &d->full;
    weir_rc rc = d->now && d->now != g ? group_end(d->now, e) : WEIR_OK;
    d->now = g;
    return rc ? rc : group_add(g, doc, e);
}

weir_rc combiner_drain(combiner *c, weir_rc (*take)(void *arg, const combined_doc *, err *e), void *arg, err *e)
{
    draining d = {.full = {.c = c, .full = true, .put = put_out}, .partial = {.c = c, .put = put_out}, .take = take, .arg = arg};
    weir_rc rc = WEIR_OK;
    d.full.arg = d.partial.arg = &d;
    if (c->spill.count && c->table.keys)
        rc = spill_table(c, e);
    if (!rc && c->spill.count)
        table_reset(&c->table, true); /* its memory is the readers' now */
    if (!rc)
        rc = c->spill.count ? walk_segments(c, 0, c->spill.count, drain_each, &d, e) : walk_table(c, drain_each, &d, e);
    if (!rc && d.now)
        rc = group_end(d.now, e);
    group_free(&d.full);
    group_free(&d.partial);
    combiner_clear(c);
    return rc;
}
