#include "plane/selector.h"

#include "json/patch.h"
#include "json/pointer.h"

typedef struct term { /* one field */
    bool exclude;
    weir_view *values; /* JSON texts */
    size_t count;
} term;

struct selector {
    picker *pick; /* the field of each term */
    term *terms;
    weir_view *found;
    size_t count;
};

static weir_view pointer_of(const collection *c, weir_view field)
{
    const tree *t = tree_getv(c->projections, field);
    return !t ? (weir_view){NULL, 0} : t->kind == TREE_STRING ? t->text : tree_text(t, "location");
}

static void add_terms(arena *a, selector *s, const tree *fields, bool exclude, const collection *c, weir_view *pointers)
{
    for (const tree *t = fields ? fields->first : NULL; t; t = t->next) {
        term *to = &s->terms[s->count];
        *to = (term){.exclude = exclude, .values = arena_array(a, t->count, sizeof(weir_view))};
        for (const tree *v = to->values ? t->first : NULL; v; v = v->next)
            to->values[to->count++] = tree_json(a, v);
        pointers[s->count++] = pointer_of(c, t->name);
    }
}

weir_rc selector_make(arena *a, const collection *c, const reading *r, selector **ret, err *e)
{
    size_t n = (r->include ? r->include->count : 0) + (r->exclude ? r->exclude->count : 0);
    *ret = NULL;
    if (!n)
        return WEIR_OK;
    selector *s = arena_alloc(a, sizeof *s);
    weir_view *pointers = arena_array(a, n, sizeof *pointers);
    if (!s || !pointers)
        return err_nomem(e);
    s->terms = arena_array(a, n, sizeof *s->terms);
    s->found = arena_array(a, n, sizeof *s->found);
    if (!s->terms || !s->found)
        return err_nomem(e);
    add_terms(a, s, r->include, false, c, pointers);
    add_terms(a, s, r->exclude, true, c, pointers);
    weir_rc rc = a->failed ? err_nomem(e) : picker_make(a, pointers, n, &s->pick, e);
    *ret = rc ? NULL : s;
    return rc;
}

static bool is_among(const term *t, weir_view value)
{
    size_t i = 0;
    while (i < t->count && !json_equal(t->values[i], value))
        i++;
    return i < t->count;
}

weir_rc selector_takes(selector *s, weir_view doc, bool *ret, err *e)
{
    *ret = true;
    if (!picker_run(s->pick, doc, s->found))
        return err_fail(e, WEIR_E_CONFIG, "a document that is not JSON: %.*s", (int)(doc.len > 120 ? 120 : doc.len), doc.ptr);
    for (size_t i = 0; i < s->count && *ret; i++)
        *ret = is_among(&s->terms[i], s->found[i].len ? s->found[i] : VIEW("null")) != s->terms[i].exclude;
    return WEIR_OK;
}
