/* The callbacks of a destination. One transaction of DuckDB for each of ours, and the checkpoint goes in with the rows. */
#include <stdlib.h>
#include <string.h>

#include "loader.h"

static bool reserve_tables(duck_loader *l, size_t count)
{
    if (count <= l->table_count)
        return true;
    duck_table **tables = reallocarray(l->tables, count, sizeof(duck_table *));
    if (!tables)
        return false;
    memset(tables + l->table_count, 0, (count - l->table_count) * sizeof(duck_table *));
    l->tables = tables;
    l->table_count = count;
    return true;
}

/* Makes the table of a binding fit, in the open transaction. */
static weir_rc fit(weir_task *t, duck_loader *l, const weir_binding *b)
{
    if (!reserve_tables(l, (size_t)b->index + 1))
        return duck_nomem(t);
    duck_table **x = &l->tables[b->index];
    weir_rc rc = *x ? duck_rows_settle(t, l, *x) : WEIR_OK;
    bool touched = *x && (*x)->touched;
    duck_table_free(*x);
    *x = NULL;
    return rc ? rc : duck_table_fit(t, l, b, touched, x);
}

/* The table of a binding; a process that only stores has not been told to apply. */
static weir_rc table_for(weir_task *t, duck_loader *l, const weir_binding *b, duck_table **ret)
{
    duck_table *x = b->index < l->table_count ? l->tables[b->index] : NULL;
    weir_rc rc = x && x->count == b->column_count ? WEIR_OK : fit(t, l, b);
    if (!rc)
        *ret = l->tables[b->index];
    return rc;
}

/* Nothing that failed may be committed. */
static weir_rc settled(weir_task *t, duck_loader *l, weir_rc rc)
{
    if (rc)
        duck_loader_rollback(t, l);
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------- callbacks -- */

static weir_rc validate(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    return duck_table_validate(t, self, bindings, count);
}

static weir_rc apply(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    duck_loader *l = self;
    bool alone = !l->d.in_transaction;
    weir_rc rc = duck_loader_begin(t, l);
    for (size_t i = 0; !rc && i < count; i++) {
        if (duck_table_named_before(bindings, i))
            rc = weir_fail(t, WEIR_E_CONFIG, "two bindings name the table \"%s\"", ((const duck_resource *)bindings[i].resource)->table);
        if (!rc)
            rc = fit(t, l, &bindings[i]);
    }
    if (!rc && alone)
        rc = duck_loader_commit(t, l, NULL);
    return settled(t, l, rc);
}

/* One question for all keys is answered in the time of a few: they wait for flush(). */
static weir_rc load(weir_task *t, void *self, const weir_row *keys, size_t count)
{
    duck_loader *l = self;
    if (l->key_count + count > l->key_room) {
        size_t room = 2 * (l->key_count + count);
        const weir_row **more = reallocarray(l->keys, room, sizeof *more);
        if (!more)
            return duck_nomem(t);
        l->keys = more;
        l->key_room = room;
    }
    for (size_t i = 0; i < count; i++)
        l->keys[l->key_count++] = &keys[i];
    return WEIR_OK;
}

static weir_rc flush(weir_task *t, void *self)
{
    duck_loader *l = self;
    weir_rc rc = l->key_count ? duck_loader_begin(t, l) : WEIR_OK;
    for (size_t from = 0, to; !rc && from < l->key_count; from = to) {
        duck_table *x;
        for (to = from + 1; to < l->key_count && l->keys[to]->binding == l->keys[from]->binding; to++)
            ;
        rc = table_for(t, l, l->keys[from]->binding, &x);
        if (!rc)
            rc = duck_load(t, l, x, l->keys + from, to - from);
    }
    l->key_count = 0;
    return settled(t, l, rc);
}

static weir_rc store(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    duck_loader *l = self;
    duck_table *x = NULL;
    weir_rc rc = count ? duck_loader_begin(t, l) : WEIR_OK;
    if (!rc && count)
        rc = table_for(t, l, rows[0].binding, &x);
    if (!rc && count)
        rc = duck_rows_store(t, l, x, rows, count);
    return settled(t, l, rc);
}

static weir_rc expire(weir_task *t, void *self, const weir_binding *b, const weir_expiry *how)
{
    duck_loader *l = self;
    duck_table *x = NULL;
    weir_rc rc = duck_loader_begin(t, l);
    if (!rc)
        rc = table_for(t, l, b, &x);
    if (!rc)
        rc = duck_rows_settle(t, l, x);
    if (!rc)
        rc = duck_table_expire(t, l, x, b, how);
    return settled(t, l, rc);
}

static weir_rc commit(weir_task *t, void *self, weir_view checkpoint)
{
    duck_loader *l = self;
    weir_rc rc = duck_loader_begin(t, l);
    for (size_t i = 0; !rc && i < l->table_count; i++)
        if (l->tables[i])
            rc = duck_rows_settle(t, l, l->tables[i]);
    if (!rc)
        rc = duck_loader_commit(t, l, &checkpoint);
    for (size_t i = 0; !rc && i < l->table_count; i++)
        if (l->tables[i] && l->tables[i]->touched)
            l->tables[i]->touched = l->tables[i]->empty = false;
    return settled(t, l, rc);
}

/* A transaction that fills row groups is written once; of others DuckDB writes each row to its log, too. */
const weir_materialize duck_materialize = {.validate = validate, .apply = apply, .load = load, .flush = flush, .store = store, .commit = commit, .expire = expire,
                                            .transaction_mb = 64};
