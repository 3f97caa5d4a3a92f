#include "plane/key.h"

#include "json/facet.h"
#include "json/pointer.h"
#include "plane/columns.h"

static const facet *facet_at(const facet *f, const weir_view *tokens, size_t count)
{
    for (size_t i = 0; f && i < count; i++) {
        const facet_member *m = f->members;
        while (m && !view_eq(m->name, tokens[i]))
            m = m->next;
        f = facet_of_member(f, m);
    }
    return f;
}

static weir_rc read_part(arena *a, const facet *root, weir_view pointer, weir_view *ret_fallback, bool *ret_secret, err *e)
{
    weir_view *tokens;
    size_t count;
    if (!pointer_split(a, pointer, &tokens, &count))
        return a->failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "'%.*s' is no JSON pointer", VIEW_ARG(pointer));
    const facet *f = facet_at(root, tokens, count);
    *ret_secret |= f && f->notes.secret;
    *ret_fallback = f && f->notes.fallback ? tree_json(a, f->notes.fallback) : (weir_view){NULL, 0};
    return a->failed ? err_nomem(e) : WEIR_OK;
}

/* Of a schema that is too much to be put together nothing is known: it says nothing of the key. */
static weir_rc read_schema(arena *a, const collection *c, const tree *inferred, const collection_key *k, facet **ret, err *e)
{
    err unknown = {0};
    size_t depth = 0;
    for (size_t i = 0; i < k->count; i++)
        depth = pointer_levels(k->pointers[i]) > depth ? pointer_levels(k->pointers[i]) : depth;
    *ret = NULL;
    const tree *known = collection_known_schemas(a, c, inferred);
    weir_rc rc = known ? facet_read(a, c->read_schema, known, (unsigned)depth, WEIR_E_CONFIG, ret, &unknown) : WEIR_E_NOMEM;
    err_free(&unknown);
    return rc == WEIR_E_NOMEM ? err_nomem(e) : WEIR_OK;
}

weir_rc collection_key_of(arena *a, const collection *c, const tree *inferred, collection_key *ret, err *e)
{
    weir_view *pointers;
    collection_key k = {0};
    facet *root;
    if (!pointer_list(a, c->key_json, &pointers, &k.count))
        return a->failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "collection %.*s: its key is no list of JSON pointers", VIEW_ARG(c->name));
    weir_view *fallbacks = arena_array(a, k.count, sizeof *fallbacks);
    k.pointers = pointers;
    k.fallbacks = fallbacks;
    weir_rc rc = fallbacks ? read_schema(a, c, inferred, &k, &root, e) : err_nomem(e);
    for (size_t i = 0; i < k.count && !rc; i++)
        rc = err_wrap(e, read_part(a, root, pointers[i], &fallbacks[i], &k.secret, e), "the key of collection %.*s", VIEW_ARG(c->name));
    if (!rc)
        *ret = k;
    return rc;
}
