/* Rows for destinations that relay documents to another program: as they arrived, none combined, without columns. */
#include <stdlib.h>

#include "json/pointer.h"
#include "plane/work.h"

struct relayed {
    const weir_binding *b;
    arena arena;
    picker *op;
    buf rows; /* array, grown as bytes */
    bool parts;     /* documents of op "u" are */
    bool truncated; /* the last batch */
};

bool relay_truncated(const relayed *r) { return r->truncated; }

weir_rc relay_make(relayed **ret, const weir_binding *b, bool parts, err *e)
{
    relayed *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(e);
    r->b = b;
    r->parts = parts;
    weir_rc rc = picker_make(&r->arena, &(weir_view)WEIR_LIT("/_meta/op"), 1, &r->op, e);
    if (rc)
        relay_free(r);
    else
        *ret = r;
    return rc;
}

void relay_free(relayed *r)
{
    if (!r)
        return;
    buf_free(&r->rows);
    arena_free(&r->arena);
    free(r);
}

weir_rc relay_batch(relayed *r, weir_view lines, weir_row **ret, size_t *ret_count, err *e)
{
    buf_clear(&r->rows);
    r->truncated = false;
    while (lines.len) {
        const char *nl = memchr(lines.ptr, '\n', lines.len);
        size_t len = nl ? (size_t)(nl - lines.ptr) : lines.len;
        weir_row row = {.binding = r->b, .doc = {lines.ptr, len}};
        weir_view op;
        if (__builtin_expect(view_is(row.doc, COMBINE_TRUNCATION), 0)) {
            buf_clear(&r->rows);
            r->truncated = true;
            lines = view_from(lines, nl ? len + 1 : len);
            continue;
        }
        if (!picker_run(r->op, row.doc, &op))
            return err_fail(e, WEIR_E_CONFIG, "collection %.*s: a document that is not JSON: %.*s", VIEW_ARG(r->b->name), (int)(len > 120 ? 120 : len),
                            lines.ptr);
        row.op = view_is(op, "\"d\"") ? WEIR_DELETE : r->parts && view_is(op, "\"u\"") ? WEIR_UPDATE : WEIR_UPSERT;
        buf_add(&r->rows, &row, sizeof row);
        lines = view_from(lines, nl ? len + 1 : len);
    }
    *ret = (weir_row *)(void *)r->rows.ptr;
    *ret_count = r->rows.len / sizeof **ret;
    return buf_ok(&r->rows) ? WEIR_OK : err_nomem(e);
}
