#include "plane/range.h"

#include <stdlib.h>

#include "json/pointer.h"
#include "model/keyhash.h"
#include "model/tuple.h"

struct range {
    arena arena;
    picker *pick;
    weir_view *parts, *fallbacks;
    size_t count;
    uint32_t begin, end;
    buf packed;
};

static weir_rc keep_fallbacks(range *r, const weir_view *fallbacks, err *e)
{
    r->parts = arena_array(&r->arena, r->count, sizeof *r->parts);
    r->fallbacks = arena_array(&r->arena, r->count, sizeof *r->fallbacks);
    for (size_t i = 0; !r->arena.failed && i < r->count; i++)
        r->fallbacks[i] = fallbacks && fallbacks[i].len ? arena_dup(&r->arena, fallbacks[i]) : (weir_view){NULL, 0};
    return r->arena.failed ? err_nomem(e) : WEIR_OK;
}

weir_rc range_make(range **ret, const range_options *o, err *e)
{
    *ret = NULL;
    if (!o->begin && o->end == UINT32_MAX)
        return WEIR_OK;
    range *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(e);
    r->count = o->count;
    r->begin = o->begin;
    r->end = o->end;
    weir_rc rc = keep_fallbacks(r, o->fallbacks, e);
    if (!rc)
        rc = picker_make(&r->arena, o->pointers, o->count, &r->pick, e);
    if (rc)
        range_free(r);
    else
        *ret = r;
    return rc;
}

void range_free(range *r)
{
    if (!r)
        return;
    buf_free(&r->packed);
    arena_free(&r->arena);
    free(r);
}

weir_rc range_has(range *r, weir_view doc, bool *ret, err *e)
{
    *ret = true;
    if (!picker_run(r->pick, doc, r->parts))
        return WEIR_OK;
    buf_clear(&r->packed);
    for (size_t i = 0; i < r->count; i++)
        tuple_pack_any(&r->packed, r->parts[i].len ? r->parts[i] : r->fallbacks[i]);
    if (!buf_ok(&r->packed))
        return err_nomem(e);
    const uint32_t hash = key_hash(buf_view(&r->packed));
    *ret = hash >= r->begin && hash <= r->end;
    return WEIR_OK;
}
