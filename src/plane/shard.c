#include "plane/shard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/number.h"

#define SHARDS_NOTE VIEW("shards")

static uint32_t begin_of(size_t index, size_t count) { return (uint32_t)(((uint64_t)index << 32) / count); }

static weir_view name_of(arena *a, weir_view task, uint32_t key_begin)
{
    return key_begin ? arena_printf(a, "%.*s@%08" PRIx32, VIEW_ARG(task), key_begin) : task;
}

static weir_rc cut(arena *a, weir_view task, size_t count, shards *ret, err *e)
{
    shard *all = arena_array(a, count, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        all[i] = (shard){.index = i, .key_begin = begin_of(i, count), .key_end = i + 1 < count ? begin_of(i + 1, count) - 1 : UINT32_MAX};
        all[i].name = name_of(a, task, all[i].key_begin);
    }
    *ret = (shards){all, count};
    return a->failed ? err_nomem(e) : WEIR_OK;
}

static weir_rc count_noted(store *s, weir_view task, size_t *ret, err *e)
{
    arena a = {0};
    weir_view text = {NULL, 0};
    uint64_t count = 1;
    weir_rc rc = store_note(s, task, SHARDS_NOTE, &a, &text, e);
    if (!rc && text.len && (!number_to_u64(text, &count) || !count || count > SHARDS_MOST))
        rc = err_fail(e, WEIR_E_CONFIG, "weir.db says that it has %.*s shards", VIEW_ARG(text));
    *ret = (size_t)count;
    arena_free(&a);
    return rc;
}

/* What was refused waits with the shard that refused it, and may be another one's by then. */
static weir_rc split(store *s, const shards *from, const shards *to, weir_rc (*copy)(void *arg, weir_view from, weir_view to, err *e), void *arg, err *e)
{
    char count[24];
    size_t each = to->count / from->count, made = 0;
    store_copy *copies = calloc(to->count, sizeof *copies);
    weir_rc rc = copies ? WEIR_OK : err_nomem(e);
    for (size_t i = 0; !rc && i < to->count; i++) {
        const shard *old = &from->all[i / each], *new = &to->all[i];
        if (old->key_begin == new->key_begin)
            continue;
        copies[made++] = (store_copy){old->name, new->name};
        rc = copy ? copy(arg, old->name, new->name, e) : WEIR_OK;
    }
    snprintf(count, sizeof count, "%zu", to->count);
    if (!rc)
        rc = store_copy_tasks(s, copies, made, to->all[0].name, SHARDS_NOTE, view_of(count), e);
    free(copies);
    return rc;
}

weir_rc shards_find(store *s, weir_view task, size_t wanted, arena *a, weir_rc (*copy)(void *arg, weir_view from, weir_view to, err *e), void *arg, shards *ret,
                    err *e)
{
    size_t had;
    shards before;
    weir_rc rc = count_noted(s, task, &had, e);
    if (!rc && wanted > SHARDS_MOST)
        rc = err_fail(e, WEIR_E_CONFIG, "a task has %d shards at most", SHARDS_MOST);
    if (!rc && wanted && wanted % had)
        rc = err_fail(e, WEIR_E_CONFIG, "it has %zu shards, and each of them can be cut further, but they cannot be put together: --shards takes a multiple of that", had);
    if (!rc)
        rc = cut(a, task, wanted ? wanted : had, ret, e);
    if (!rc && ret->count > had)
        rc = cut(a, task, had, &before, e);
    return rc || ret->count == had ? rc : split(s, &before, ret, copy, arg, e);
}
