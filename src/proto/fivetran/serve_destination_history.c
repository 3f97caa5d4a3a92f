/* WriteHistoryBatch: batch files into a table that keeps all versions of its rows (fivetran.md 2.4). */
#include <stdlib.h>

#include "proto/fivetran/serve_destination_write.h"

enum { ORDERED_VALUES = 16384 }; /* values of rows in order that are written at once, about */

static weir_rc begin_earliest(ft_storing *x)
{
    ft_sql_set_aside(&x->a, x->w->a, &x->t);
    ft_sql_cut(&x->b, x->w->a, &x->t);
    ft_sql_close(&x->c, x->w->a, &x->t);
    weir_rc rc = ft_storing_need_key(x, false);
    return rc ? rc : ft_storing_need_column(x, x->start);
}

/* What the statements take beside the rows. Deleted rows that became history start and end with the first instant: what was set aside ends later. */
static weir_rc extras_of(ft_storing *x, const ft_rows *rows, arena *a, weir_sql_value **ret)
{
    weir_sql_value *extras = arena_array(a, rows->count * FT_EXTRAS, sizeof *extras);
    *ret = extras;
    if (!extras)
        return ft_storing_nomem(x);
    for (size_t i = 0; i < rows->count; i++, extras += FT_EXTRAS) {
        const weir_sql_value *start = &rows->values[i * x->t.count + x->start];
        extras[FT_EXTRA_ASIDE_START] = (weir_sql_value){.type = WEIR_SQL_TIMESTAMP, .text = VIEW("0001-01-01T00:00:00Z")};
        extras[FT_EXTRA_ASIDE_END] = (weir_sql_value){.type = WEIR_SQL_TIMESTAMP, .text = VIEW("0001-01-01T00:00:00.001Z")};
        if (start->type == WEIR_SQL_NULL)
            return ft_storing_row_fault(x, rows, i, "it is null", x->start);
        if (!ft_instant_before(start, a, &extras[FT_EXTRA_CLOSED]))
            return a->failed ? ft_storing_nomem(x) : ft_storing_row_fault(x, rows, i, "there is no millisecond before it", x->start);
    }
    return WEIR_OK;
}

/* What starts with the row or later goes, the version before it ends (fivetran.md 2.4, 1). Where none would be left for an update to build on, one stays aside. */
static weir_rc earliest_rows(ft_storing *x, const ft_rows *rows)
{
    arena a = {0};
    weir_sql_value *extras;
    weir_rc rc = extras_of(x, rows, &a, &extras);
    if (!rc)
        rc = ft_storing_run(x, &x->a, rows, 0, rows->count, extras);
    if (!rc)
        rc = ft_storing_run(x, &x->b, rows, 0, rows->count, NULL);
    if (!rc)
        rc = ft_storing_run(x, &x->c, rows, 0, rows->count, extras);
    arena_free(&a);
    return rc;
}

static weir_rc begin_aside(ft_storing *x)
{
    ft_sql_drop_aside(&x->a, x->w->a, &x->t);
    return ft_storing_need_key(x, false);
}

static weir_rc aside_rows(ft_storing *x, const ft_rows *rows)
{
    arena a = {0};
    weir_sql_value *extras;
    weir_rc rc = extras_of(x, rows, &a, &extras);
    if (!rc)
        rc = ft_storing_run(x, &x->a, rows, 0, rows->count, extras);
    arena_free(&a);
    return rc;
}

/* What a file does not have is unmodified in its rows: in order, they mix with those of other files. */
static weir_rc order_rows(ft_storing *x, const ft_rows *rows)
{
    const bool *has = ft_batch_reader_has(x->r);
    weir_rc rc = ft_storing_check_rows(x, rows, false);
    for (size_t i = 0; !rc && i < rows->count; i++) {
        weir_sql_value *row = &rows->values[i * x->t.count];
        for (size_t k = 0; k < x->t.count; k++)
            if (!has[k])
                row[k] = (weir_sql_value){.integer = FT_UNMODIFIED};
        if (!ft_order_add(&x->order, row, x->path, rows->first + i))
            rc = ft_storing_nomem(x);
    }
    return rc;
}

static weir_rc begin_end(ft_storing *x)
{
    ft_sql_end(&x->a, x->w->a, &x->t);
    weir_rc rc = ft_storing_need_key(x, false);
    return rc ? rc : ft_storing_need_column(x, x->end);
}

static const ft_file_kind earliest = {"earliest start", begin_earliest, earliest_rows}, versions = {"update", ft_storing_begin_update, order_rows},
                          ends = {"delete", begin_end, ft_storing_plain_rows}, asides = {"earliest start", begin_aside, aside_rows};

/* The versions that are kept, in their order. */
static weir_rc write_ordered(ft_storing *x)
{
    const size_t count = x->t.count, most = count < ORDERED_VALUES ? ORDERED_VALUES / count : 1;
    ft_rows rows = {.values = reallocarray(NULL, most * count, sizeof *rows.values)};
    weir_rc rc = rows.values ? WEIR_OK : ft_storing_nomem(x);
    ft_order_sort(&x->order);
    for (size_t from = 0; !rc && from < x->order.count; from += rows.count) {
        x->ordered = x->order.rows + from;
        rows.count = x->order.count - from < most ? x->order.count - from : most;
        for (size_t i = 0; i < rows.count; i++)
            memcpy(rows.values + i * count, x->ordered[i]->values, count * sizeof *rows.values);
        rc = ft_storing_run_masked(x, &rows, NULL, ft_sql_version, true);
        if (!rc)
            rc = ft_storing_check_cancelled(x);
    }
    x->ordered = NULL;
    free(rows.values);
    return rc;
}

/* An update is filled from the version before it, wherever that is among the files. */
static weir_rc write_versions(ft_storing *x, char *const *paths, size_t count)
{
    weir_rc rc;
    ft_order_init(&x->order, &x->t, x->start, FT_ORDER_BYTES);
    do {
        rc = ft_storing_files(x, &versions, paths, count);
        if (!rc)
            rc = write_ordered(x);
    } while (!rc && ft_order_next(&x->order));
    ft_order_free(&x->order);
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------------- call -- */

static weir_view key_of_history_batch(const void *request, const char *path)
{
    const FivetranSdk__V2__WriteHistoryBatchRequest *m = request;
    FT_KEY_OF(m->keys, m->n_keys, path);
}

static weir_rc need_history(ft_storing *x)
{
    size_t active = ft_sql_find(&x->t, ft_active);
    bool history = x->start < x->t.count && x->end < x->t.count && active < x->t.count;
    return history ? WEIR_OK
                   : weir_fail(x->w->t, WEIR_E_CONFIG, "table '%s' lacks one of %s, %s and %s: it keeps no history", x->table, ft_start, ft_end, ft_active);
}

/* Replaces before updates: what an update leaves unmodified may be in a version of this very batch (fivetran.md 2.4, 2). */
weir_rc ft_write_history_batch(ft_work *w, const FivetranSdk__V2__WriteHistoryBatchRequest *m)
{
    ft_storing x = {.w = w, .key_of = key_of_history_batch, .request = m};
    weir_rc rc = ft_storing_begin(&x, m->table, m->file_params);
    if (!rc)
        rc = need_history(&x);
    if (!rc)
        rc = ft_storing_files(&x, &earliest, m->earliest_start_files, m->n_earliest_start_files);
    if (!rc)
        rc = ft_storing_files(&x, &ft_storing_replaces, m->replace_files, m->n_replace_files);
    if (!rc)
        rc = write_versions(&x, m->update_files, m->n_update_files);
    if (!rc)
        rc = ft_storing_files(&x, &ends, m->delete_files, m->n_delete_files);
    if (!rc)
        rc = ft_storing_files(&x, &asides, m->earliest_start_files, m->n_earliest_start_files);
    ft_storing_free(&x);
    return rc;
}
