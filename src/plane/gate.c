#include "plane/gate.h"

#include <stdlib.h>

#include "json/pointer.h"

struct gate {
    const collection *c;
    arena arena;
    picker *key;
    weir_view *parts;
    size_t count;
};

weir_rc gate_make(gate **ret, const collection *c, err *e)
{
    weir_view *pointers;
    gate *g = calloc(1, sizeof *g);
    if (!g)
        return err_nomem(e);
    g->c = c;
    weir_rc rc = WEIR_OK;
    if (!pointer_list(&g->arena, c->key_json, &pointers, &g->count))
        rc = g->arena.failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "collection %.*s: its key is no list of JSON pointers", VIEW_ARG(c->name));
    g->parts = rc ? NULL : arena_array(&g->arena, g->count, sizeof *g->parts);
    if (!rc)
        rc = g->parts ? picker_make(&g->arena, pointers, g->count, &g->key, e) : err_nomem(e);
    if (rc)
        gate_free(g);
    else
        *ret = g;
    return rc;
}

void gate_free(gate *g)
{
    if (!g)
        return;
    arena_free(&g->arena);
    free(g);
}

weir_rc gate_check(gate *g, weir_view doc, buf *why, err *e)
{
    buf_clear(why);
    picker_run(g->key, doc, g->parts);
    for (size_t i = 0; i < g->count && !why->len; i++)
        if (!g->parts[i].len)
            buf_printf(why, "lacks part %zu of its key %.*s", i + 1, VIEW_ARG(g->c->key_json));
    return buf_ok(why) ? WEIR_OK : err_nomem(e);
}

weir_rc gate_refuse(const collection *c, weir_view doc, const buf *why, err *e)
{
    return err_fail(e, WEIR_E_PROTOCOL, "a document for collection %.*s %.*s: %.*s%s", VIEW_ARG(c->name), VIEW_ARG(buf_view(why)),
                    (int)(doc.len > 120 ? 120 : doc.len), doc.ptr, doc.len > 120 ? "..." : "");
}
