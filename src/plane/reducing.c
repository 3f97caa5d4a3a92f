#include "plane/reducing.h"

#include <stdlib.h>

#include "json/pointer.h"
#include "plane/keyed.h"
#include "run/defaults.h"

struct reducing {
    const weir_binding *b;
    bool additions;
    keyed *by_key;
    arena arena;
    picker *pick;        /* the columns, and at last what says that a document is a deletion */
    arena docs;          /* of the rows */
    buf rows, values;    /* arrays, grown as bytes */
    weir_view *found;
};

weir_rc reducing_needed(const collection *c, const tree *inferred, bool *ret, err *e)
{
    keyed *k = NULL;
    *ret = false;
    if (!memmem(c->read_schema_json.ptr, c->read_schema_json.len, "\"reduce\"", 8) && !memmem(c->read_schema_json.ptr, c->read_schema_json.len, "flow://", 7))
        return WEIR_OK;
    weir_rc rc = keyed_make(&k, &(keyed_options){.c = c, .read = true, .inferred = inferred}, e);
    *ret = !rc && keyed_reduces(k);
    keyed_free(k);
    return rc;
}

static weir_rc make_picker(reducing *r, err *e)
{
    const size_t n = r->b->column_count;
    weir_view *pointers = arena_array(&r->arena, n + 1, sizeof *pointers);
    r->found = arena_array(&r->arena, n + 1, sizeof *r->found);
    if (!pointers || !r->found)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++)
        pointers[i] = r->b->columns[i].pointer;
    pointers[n] = VIEW("/_meta/op");
    return picker_make(&r->arena, pointers, n + 1, &r->pick, e);
}

weir_rc reducing_make(reducing **ret, const weir_binding *b, const collection *c, const tree *inferred, bool additions, err *e)
{
    reducing *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(e);
    r->b = b;
    r->additions = additions;
    weir_rc rc = keyed_make(&r->by_key, &(keyed_options){.c = c, .read = true, .partial = additions, .inferred = inferred}, e);
    if (!rc)
        rc = make_picker(r, e);
    if (rc)
        reducing_free(r);
    else
        *ret = r;
    return rc;
}

void reducing_free(reducing *r)
{
    if (!r)
        return;
    keyed_free(r->by_key);
    buf_free(&r->rows);
    buf_free(&r->values);
    arena_free(&r->docs);
    arena_free(&r->arena);
    free(r);
}

bool reducing_hides(const reducing *r) { return keyed_hides(r->by_key); }

weir_rc reducing_add(reducing *r, weir_view doc, buf *why, err *e) { return keyed_add(r->by_key, doc, why, e); }

weir_rc reducing_held(reducing *r, weir_view doc, err *e) { return keyed_add_base(r->by_key, doc, e); }

/* Values are noted by their place: the array moves as it grows. */
static weir_rc take_row(void *arg, const keyed_doc *d, err *e)
{
    reducing *r = arg;
    if (d->deleted && !d->exists)
        return WEIR_OK;
    weir_row row = {.binding = r->b, .doc = arena_dup(&r->docs, d->doc)};
    if (!row.doc.ptr)
        return err_nomem(e);
    if (!picker_run(r->pick, row.doc, r->found))
        return err_fail(e, WEIR_E_BUG, "a document was reduced into something that is not JSON");
    row.exists = r->additions ? WEIR_EXISTS_UNKNOWN : d->exists ? WEIR_EXISTS_YES : WEIR_EXISTS_NO;
    row.op = d->deleted || view_is(r->found[r->b->column_count], "\"d\"") ? WEIR_DELETE : WEIR_UPSERT;
    defaults_fill(&row, r->found);
    buf_add(&r->rows, &row, sizeof row);
    buf_add(&r->values, r->found, r->b->column_count * sizeof *r->found);
    return buf_ok(&r->rows) && buf_ok(&r->values) ? WEIR_OK : err_nomem(e);
}

weir_rc reducing_rows(reducing *r, weir_row **ret, size_t *ret_count, err *e)
{
    buf_clear(&r->rows);
    buf_clear(&r->values);
    arena_reset(&r->docs);
    weir_rc rc = keyed_drain(r->by_key, take_row, r, e);
    weir_row *rows = (weir_row *)(void *)r->rows.ptr;
    const weir_view *values = (const weir_view *)(const void *)r->values.ptr;
    size_t n = r->rows.len / sizeof *rows;
    for (size_t i = 0; !rc && i < n; i++)
        rows[i].values = values ? values + i * r->b->column_count : NULL;
    *ret = rows;
    *ret_count = rc ? 0 : n;
    return rc;
}

void reducing_clear(reducing *r) { keyed_clear(r->by_key); }
