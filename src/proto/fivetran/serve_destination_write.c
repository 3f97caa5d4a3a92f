/* WriteBatch: batch files into a table, in the order that their kinds have (fivetran.md 2.4), each row as it comes: of rows with one key the
 * last wins. What WriteHistoryBatch does with files in the same way, too. */
#include <stdlib.h>

#include "proto/fivetran/serve_destination_write.h"

weir_rc ft_storing_nomem(ft_storing *x)
{
    return weir_fail(x->w->t, WEIR_E_NOMEM, "out of memory");
}

static err *error(ft_storing *x)
{
    return task_error(x->w->t);
}

/* Says where a row that is written comes from. */
static weir_rc wrap_row(ft_storing *x, const ft_rows *rows, size_t i, weir_rc rc)
{
    const char *path = x->ordered ? x->ordered[i]->path : x->path;
    uint64_t number = x->ordered ? x->ordered[i]->number : rows->first + i;
    return weir_wrap(x->w->t, rc, "batch file '%s': row %llu", path, (unsigned long long)number);
}

weir_rc ft_storing_row_fault(ft_storing *x, const ft_rows *rows, size_t i, const char *what, size_t column)
{
    weir_rc rc = weir_fail(x->w->t, WEIR_E_PROTOCOL, "column '%.*s': %s", VIEW_ARG(x->t.columns[column].name), what);
    return wrap_row(x, rows, i, rc);
}

/* ------------------------------------------------------------------------------------------------------------- statements -- */

static bool takes_all_in_order(const ft_storing *x, const ft_statement *s)
{
    if (s->count != x->t.count)
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (s->params[i] != i)
            return false;
    return true;
}

static bool make_room(ft_storing *x, size_t values)
{
    if (values <= x->gathered_room)
        return true;
    weir_sql_value *more = reallocarray(x->gathered, values, sizeof *more);
    if (!more)
        return false;
    x->gathered = more;
    x->gathered_room = values;
    return true;
}

weir_rc ft_storing_run(ft_storing *x, ft_statement *s, const ft_rows *rows, size_t from, size_t to, const weir_sql_value *extras)
{
    size_t count = x->t.count, done = 0;
    const weir_sql_value *values = rows->values + from * count;
    if (!buf_ok(&s->sql) || !make_room(x, (to - from) * s->count))
        return ft_storing_nomem(x);
    if (!takes_all_in_order(x, s)) {
        weir_sql_value *out = x->gathered;
        for (size_t i = from; i < to; i++)
            for (size_t k = 0; k < s->count; k++)
                *out++ = s->params[k] < count ? rows->values[i * count + s->params[k]] : extras[i * FT_EXTRAS + s->params[k] - count];
        values = x->gathered;
    }
    weir_rc rc = x->w->q->run(x->w->t, x->w->self, buf_text(&s->sql), values, s->count, to - from, &done);
    return rc ? wrap_row(x, rows, from + done, rc) : WEIR_OK;
}

void ft_storing_free(ft_storing *x)
{
    for (size_t i = 0; i < FT_MASKS; i++)
        buf_free(&x->masks[i].s.sql);
    buf_free(&x->a.sql);
    buf_free(&x->b.sql);
    buf_free(&x->c.sql);
    free(x->gathered);
    free(x->set);
}

static ft_statement *statement_for(ft_storing *x, const bool *set, ft_masked_sql *sql)
{
    for (size_t i = 0; i < FT_MASKS; i++)
        if (x->masks[i].set && memcmp(x->masks[i].set, set, x->t.count * sizeof *set) == 0)
            return &x->masks[i].s;
    ft_masked *m = &x->masks[x->next_mask++ % FT_MASKS];
    if (!m->set)
        m->set = arena_array(x->w->a, x->t.count, sizeof *set);
    if (!m->set)
        return NULL;
    memcpy(m->set, set, x->t.count * sizeof *set);
    sql(&m->s, x->w->a, &x->t, set);
    return &m->s;
}

/* A file with other columns, or of another kind, begins. */
static void forget_masks(ft_storing *x)
{
    for (size_t i = 0; i < FT_MASKS; i++)
        x->masks[i].set = NULL;
    x->next_mask = 0;
}

/* ----------------------------------------------------------------------------------------------------------------- checks -- */

static bool is_start(const ft_storing *x, size_t column)
{
    return column == x->start;
}

weir_rc ft_storing_need_key(ft_storing *x, bool start)
{
    const bool *has = ft_batch_reader_has(x->r);
    bool any = false;
    for (size_t i = 0; i < x->t.count; i++) {
        if (!x->t.columns[i].key || (!start && is_start(x, i)))
            continue;
        any = true;
        if (!has[i])
            return weir_fail(x->w->t, WEIR_E_PROTOCOL, "batch file '%s': the header lacks '%.*s', which is part of the key", x->path,
                             VIEW_ARG(x->t.columns[i].name));
    }
    return any ? WEIR_OK : weir_fail(x->w->t, WEIR_E_CONFIG, "table '%s' has no key: its rows cannot be told apart", x->table);
}

weir_rc ft_storing_need_column(ft_storing *x, size_t column)
{
    return ft_batch_reader_has(x->r)[column] ? WEIR_OK
                                             : weir_fail(x->w->t, WEIR_E_PROTOCOL, "batch file '%s': the header lacks '%.*s'", x->path,
                                                         VIEW_ARG(x->t.columns[column].name));
}

weir_rc ft_storing_check_rows(ft_storing *x, const ft_rows *rows, bool whole)
{
    for (size_t i = 0; i < rows->count; i++)
        for (size_t k = 0; k < x->t.count; k++) {
            const weir_sql_value *v = &rows->values[i * x->t.count + k];
            if (v->type != WEIR_SQL_NULL)
                continue;
            if (x->t.columns[k].key)
                return ft_storing_row_fault(x, rows, i, v->integer ? "part of the key is said to be unmodified" : "part of the key is null", k);
            if (whole && v->integer)
                return ft_storing_row_fault(x, rows, i, "it is said to be unmodified, in a file of whole rows", k);
        }
    return WEIR_OK;
}

/* --------------------------------------------------------------------------------------------------------------- replace -- */

static weir_rc begin_replace(ft_storing *x)
{
    ft_sql_upsert(&x->a, x->w->a, &x->t, ft_batch_reader_has(x->r));
    bool keyed = false;
    for (size_t i = 0; i < x->t.count; i++)
        keyed |= x->t.columns[i].key;
    return keyed ? ft_storing_need_key(x, true) : WEIR_OK;
}

static weir_rc replace_rows(ft_storing *x, const ft_rows *rows)
{
    weir_rc rc = ft_storing_check_rows(x, rows, true);
    return rc ? rc : ft_storing_run(x, &x->a, rows, 0, rows->count, NULL);
}

/* ---------------------------------------------------------------------------------------------------------------- update -- */

weir_rc ft_storing_begin_update(ft_storing *x)
{
    forget_masks(x);
    return ft_storing_need_key(x, true);
}

/* Which columns the row sets. @return false: none but the key */
static bool set_of(const ft_storing *x, const weir_sql_value *row, const bool *has, bool *set)
{
    bool any = false;
    for (size_t i = 0; i < x->t.count; i++) {
        set[i] = (!has || has[i]) && !ft_is_unmodified(&row[i]);
        any |= set[i] && !x->t.columns[i].key;
    }
    return any;
}

weir_rc ft_storing_run_masked(ft_storing *x, const ft_rows *rows, const bool *has, ft_masked_sql *sql, bool empty)
{
    bool *set = x->set, *next = x->set + x->t.count;
    for (size_t from = 0, to; from < rows->count; from = to) {
        bool any = set_of(x, rows->values + from * x->t.count, has, set);
        for (to = from + 1; to < rows->count; to++) {
            set_of(x, rows->values + to * x->t.count, has, next);
            if (memcmp(set, next, x->t.count * sizeof *set) != 0)
                break;
        }
        if (!any && !empty)
            continue;
        ft_statement *s = statement_for(x, set, sql);
        weir_rc rc = s ? ft_storing_run(x, s, rows, from, to, NULL) : ft_storing_nomem(x);
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

static weir_rc update_rows(ft_storing *x, const ft_rows *rows)
{
    weir_rc rc = ft_storing_check_rows(x, rows, false);
    return rc ? rc : ft_storing_run_masked(x, rows, ft_batch_reader_has(x->r), ft_sql_update, false);
}

/* ---------------------------------------------------------------------------------------------------------------- delete -- */

static weir_rc begin_delete(ft_storing *x)
{
    ft_sql_delete(&x->a, x->w->a, &x->t);
    return ft_storing_need_key(x, true);
}

weir_rc ft_storing_plain_rows(ft_storing *x, const ft_rows *rows)
{
    return ft_storing_run(x, &x->a, rows, 0, rows->count, NULL);
}

/* ----------------------------------------------------------------------------------------------------------------- files -- */

weir_rc ft_storing_check_cancelled(ft_storing *x)
{
    return x->w->cancelled && x->w->cancelled(x->w->arg) ? weir_fail(x->w->t, WEIR_STOPPED, "cancelled") : WEIR_OK;
}

static weir_rc write_rows(ft_storing *x, const ft_file_kind *kind)
{
    ft_rows rows;
    weir_rc rc = kind->begin(x);
    for (bool more = true; !rc && more;) {
        rc = ft_batch_reader_next(x->r, &rows, error(x));
        more = rows.count > 0;
        if (!rc && more)
            rc = kind->rows(x, &rows);
        if (!rc)
            rc = ft_storing_check_cancelled(x);
    }
    return rc;
}

static weir_rc write_file(ft_storing *x, const ft_file_kind *kind, const char *path)
{
    weir_view key = x->format.aes ? x->key_of(x->request, path) : (weir_view){0};
    if (x->format.aes && !key.ptr)
        return weir_fail(x->w->t, WEIR_E_PROTOCOL, "%s file '%s' is encrypted, but the request has no key for it", kind->name, path);
    x->path = path;
    weir_rc rc = ft_batch_reader_open(&x->r, path, &x->format, key, x->t.columns, x->t.count, error(x));
    if (rc)
        return rc;
    rc = write_rows(x, kind);
    ft_batch_reader_free(x->r);
    x->r = NULL;
    return rc;
}

weir_rc ft_storing_files(ft_storing *x, const ft_file_kind *kind, char *const *paths, size_t count)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < count; i++)
        rc = write_file(x, kind, paths[i]);
    return rc;
}

static weir_rc format_of(ft_storing *x, const FivetranSdk__V2__FileParams *p)
{
    static const ft_packing packings[] = {
        [FIVETRAN_SDK__V2__COMPRESSION__OFF] = FT_PACKED_NOT,
        [FIVETRAN_SDK__V2__COMPRESSION__ZSTD] = FT_PACKED_ZSTD,
        [FIVETRAN_SDK__V2__COMPRESSION__GZIP] = FT_PACKED_GZIP,
    };
    if (!p)
        return WEIR_OK;
    if ((size_t)p->compression >= sizeof packings / sizeof *packings)
        return weir_fail(x->w->t, WEIR_E_PROTOCOL, "file_params: compression %d is unknown", (int)p->compression);
    if (p->encryption != FIVETRAN_SDK__V2__ENCRYPTION__NONE && p->encryption != FIVETRAN_SDK__V2__ENCRYPTION__AES)
        return weir_fail(x->w->t, WEIR_E_PROTOCOL, "file_params: encryption %d is unknown", (int)p->encryption);
    x->format = (ft_batch_format){
        .packing = packings[p->compression],
        .aes = p->encryption == FIVETRAN_SDK__V2__ENCRYPTION__AES,
        .null_string = view_of(p->null_string),
        .unmodified_string = view_of(p->unmodified_string),
    };
    return WEIR_OK;
}

weir_rc ft_storing_begin(ft_storing *x, const FivetranSdk__V2__Table *table, const FivetranSdk__V2__FileParams *p)
{
    if (!table)
        return weir_fail(x->w->t, WEIR_E_PROTOCOL, "the request names no table");
    x->table = table->name;
    weir_rc rc = format_of(x, p);
    if (!rc)
        rc = ft_table_need(x->w, table->name, &x->t);
    if (rc)
        return rc;
    x->start = ft_sql_find(&x->t, ft_start);
    x->end = ft_sql_find(&x->t, ft_end);
    x->set = calloc(2 * x->t.count + 1, sizeof *x->set);
    return x->set ? WEIR_OK : ft_storing_nomem(x);
}

/* ----------------------------------------------------------------------------------------------------------------- calls -- */

const ft_file_kind ft_storing_replaces = {"replace", begin_replace, replace_rows};
static const ft_file_kind updates = {"update", ft_storing_begin_update, update_rows},
                          deletes = {"delete", begin_delete, ft_storing_plain_rows};

static weir_view key_of_batch(const void *request, const char *path)
{
    const FivetranSdk__V2__WriteBatchRequest *m = request;
    FT_KEY_OF(m->keys, m->n_keys, path);
}

weir_rc ft_write_batch(ft_work *w, const FivetranSdk__V2__WriteBatchRequest *m)
{
    ft_storing x = {.w = w, .key_of = key_of_batch, .request = m};
    weir_rc rc = ft_storing_begin(&x, m->table, m->file_params);
    if (!rc)
        rc = ft_storing_files(&x, &ft_storing_replaces, m->replace_files, m->n_replace_files);
    if (!rc)
        rc = ft_storing_files(&x, &updates, m->update_files, m->n_update_files);
    if (!rc)
        rc = ft_storing_files(&x, &deletes, m->delete_files, m->n_delete_files);
    ft_storing_free(&x);
    return rc;
}
