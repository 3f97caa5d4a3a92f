#include "plane/keyed.h"

#include <stdlib.h>

#include "doc/combiner.h"
#include "plane/gate.h"
#include "plane/key.h"

struct keyed {
    const collection *c;
    bool read;
    const tree *inferred;
    arena arena;
    gate *gate;      /* says more of a document that is not valid; made when it is first needed */
    schema *schema;
    combiner *all;
    combiner_binding binding;
};

weir_rc keyed_make(keyed **ret, const keyed_options *o, err *e)
{
    collection_key key;
    keyed *k = calloc(1, sizeof *k);
    if (!k)
        return err_nomem(e);
    k->c = o->c;
    k->read = o->read;
    k->inferred = o->inferred;
    weir_rc rc = collection_compile(o->c, o->read, o->inferred, &k->schema, e);
    if (!rc)
        rc = collection_key_of(&k->arena, o->c, o->inferred, &key, e);
    if (!rc) {
        k->binding = (combiner_binding){.schema = k->schema, .key = key.pointers, .fallbacks = key.fallbacks, .key_count = key.count, .secret_key = key.secret,
                                        .partial = o->partial};
        k->binding.what = arena_printf(&k->arena, "collection %.*s", VIEW_ARG(o->c->name)).ptr;
        rc = k->binding.what ? combiner_make(&(combiner_options){.bindings = &k->binding, .count = 1, .salt = o->salt}, &k->all, e) : err_nomem(e);
    }
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
    combiner_free(k->all);
    gate_free(k->gate);
    schema_free(k->schema);
    arena_free(&k->arena);
    free(k);
}

bool keyed_reduces(const keyed *k) { return schema_reduces(k->schema); }
bool keyed_redacts(const keyed *k) { return schema_redacts(k->schema); }
bool keyed_hides(const keyed *k) { return schema_redacts(k->schema) || schema_hides(k->schema); }

/* Why the combiner refuses a document: it is not valid, or does not fit what came before. @param told "collection X: why" */
static weir_rc explain(keyed *k, weir_view doc, weir_view told, buf *why, err *e)
{
    weir_view what = view_of(k->binding.what);
    weir_rc rc = k->gate ? WEIR_OK : k->read ? gate_make_reading(&k->gate, k->c, k->inferred, e) : gate_make(&k->gate, k->c, (weir_view){0}, e);
    if (!rc)
        rc = gate_check(k->gate, doc, why, e);
    if (rc || why->len)
        return rc;
    if (view_starts(told, what))
        told = view_from(told, what.len + 2);
    buf_adds(why, "cannot be taken: ");
    buf_addv(why, told);
    return buf_ok(why) ? WEIR_OK : err_nomem(e);
}

weir_rc keyed_add(keyed *k, weir_view doc, buf *why, err *e)
{
    err refusal = {0};
    buf_clear(why);
    weir_rc rc = combiner_add(k->all, 0, doc, false, &refusal);
    if (rc == WEIR_E_CONFIG)
        rc = explain(k, doc, view_of(err_text(&refusal)), why, e);
    else if (rc)
        rc = err_move(e, &refusal);
    err_free(&refusal);
    return rc;
}

weir_rc keyed_add_base(keyed *k, weir_view doc, err *e) { return combiner_add(k->all, 0, doc, true, e); }

typedef struct taking {
    weir_rc (*take)(void *arg, const keyed_doc *d, err *e);
    void *arg;
} taking;

static weir_rc take_one(void *arg, const combined_doc *d, err *e)
{
    const taking *t = arg;
    return d->unchanged ? WEIR_OK : t->take(t->arg, &(keyed_doc){d->doc, d->exists, d->deleted}, e);
}

weir_rc keyed_drain(keyed *k, weir_rc (*take)(void *arg, const keyed_doc *d, err *e), void *arg, err *e)
{
    taking t = {take, arg};
    return combiner_drain(k->all, take_one, &t, e);
}

void keyed_clear(keyed *k) { combiner_clear(k->all); }
