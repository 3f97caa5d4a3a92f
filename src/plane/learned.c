#include "plane/learned.h"

#include <stdlib.h>
#include <unistd.h>

#include "plane/store.h"

struct learned {
    store *store;
};

static weir_rc has_run(const char *data_dir, bool *ret, err *e)
{
    arena a = {0};
    const char *path = arena_printf(&a, "%s/weir.db", data_dir).ptr;
    *ret = path && access(path, F_OK) == 0;
    arena_free(&a);
    return path ? WEIR_OK : err_nomem(e);
}

weir_rc learned_open(learned **ret, const char *data_dir, err *e)
{
    bool any;
    *ret = NULL;
    weir_rc rc = has_run(data_dir, &any, e);
    if (rc || !any)
        return rc;
    learned *l = calloc(1, sizeof *l);
    rc = l ? store_open(&l->store, data_dir, true, e) : err_nomem(e);
    if (rc)
        free(l);
    else
        *ret = l;
    return rc;
}

void learned_close(learned *l)
{
    if (l)
        store_close(l->store);
    free(l);
}

weir_view learned_schema(learned *l, const collection *c, arena *a)
{
    err ignored = {0}; /* nothing is known then, and what needs it says so */
    weir_view text = {0};
    if (l && store_inferred(l->store, c->name, a, &text, &ignored))
        text = (weir_view){0};
    err_free(&ignored);
    return text;
}
