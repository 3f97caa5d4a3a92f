/* WriteBatch, WriteHistoryBatch: batch files into a table, in the order that their kinds have (fivetran.md 2.4), each row as it comes: of rows with one key the
 * last wins. */
#include <stdlib.h>

#include "proto/fivetran/serve_destination.h"

enum { MASKS = 64 }; /* statements that are kept for sets of columns which rows change */

/* The statement for rows that set the same columns. */
typedef struct masked {
    bool *set; /* NULL: free */
    ft_statement s;
} masked;

typedef struct writing {
    ft_work *w;
    const char *table;
    ft_sql_table t;
    ft_batch_format format;
    weir_view (*key_of)(const void *request, const char *path);
    const void *request;
    ft_batch_reader *r;      /* the file at hand */
    const char *path;
    size_t start, end;       /* columns of history; t.count: it has none */
    weir_sql_value *gathered; /* parameters of the rows that wait for one statement */
    size_t gathered_room;
    masked masks[MASKS];
    size_t next_mask;
    bool *set;               /* of the row at hand */
    ft_statement a, b, c;    /* of the file */
} writing;

typedef weir_rc rows_work(writing *x, const ft_rows *rows);
typedef weir_rc file_begin(writing *x);

/* A kind of file. */
typedef struct file_kind {
    const char *name;
    file_begin *begin;
    rows_work *rows;
} file_kind;

static weir_rc nomem(writing *x)
{
    return weir_fail(x->w->t, WEIR_E_NOMEM, "out of memory");
}

static err *error(writing *x)
{
    return task_error(x->w->t);
}

static weir_rc row_fault(writing *x, const ft_rows *rows, size_t i, const char *what, size_t column)
{
    weir_rc rc = weir_fail(x->w->t, WEIR_E_PROTOCOL, "column '%.*s': %s", VIEW_ARG(x->t.columns[column].name), what);
    return ft_batch_reader_wrap(x->r, rows->first + i, rc, error(x));
}

/* ------------------------------------------------------------------------------------------------------------- statements -- */

static bool takes_all_in_order(const writing *x, const ft_statement *s)
{
    if (s->count != x->t.count)
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (s->params[i] != i)
            return false;
    return true;
}

static bool make_room(writing *x, size_t values)
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

/* Runs a statement for rows from..to of those at hand. @param extras FT_EXTRAS for each of all rows; NULL: it takes none */
static weir_rc run_rows(writing *x, ft_statement *s, const ft_rows *rows, size_t from, size_t to, const weir_sql_value *extras)
{
    size_t count = x->t.count, done = 0;
    const weir_sql_value *values = rows->values + from * count;
    if (!buf_ok(&s->sql) || !make_room(x, (to - from) * s->count))
        return nomem(x);
    if (!takes_all_in_order(x, s)) {
        weir_sql_value *out = x->gathered;
        for (size_t i = from; i < to; i++)
            for (size_t k = 0; k < s->count; k++)
                *out++ = s->params[k] < count ? rows->values[i * count + s->params[k]] : extras[i * FT_EXTRAS + s->params[k] - count];
        values = x->gathered;
    }
    weir_rc rc = x->w->q->run(x->w->t, x->w->self, buf_text(&s->sql), values, s->count, to - from, &done);
    return rc ? ft_batch_reader_wrap(x->r, rows->first + from + done, rc, error(x)) : WEIR_OK;
}

static void free_statements(writing *x)
{
    for (size_t i = 0; i < MASKS; i++)
        buf_free(&x->masks[i].s.sql);
    buf_free(&x->a.sql);
    buf_free(&x->b.sql);
    buf_free(&x->c.sql);
    free(x->gathered);
    free(x->set);
}

typedef void masked_sql(ft_statement *s, arena *a, const ft_sql_table *t, const bool *set);

static ft_statement *statement_for(writing *x, const bool *set, masked_sql *sql)
{
    for (size_t i = 0; i < MASKS; i++)
        if (x->masks[i].set && memcmp(x->masks[i].set, set, x->t.count * sizeof *set) == 0)
            return &x->masks[i].s;
    masked *m = &x->masks[x->next_mask++ % MASKS];
    if (!m->set)
        m->set = arena_array(x->w->a, x->t.count, sizeof *set);
    if (!m->set)
        return NULL;
    memcpy(m->set, set, x->t.count * sizeof *set);
    sql(&m->s, x->w->a, &x->t, set);
    return &m->s;
}

/* A file with other columns, or of another kind, begins. */
static void forget_masks(writing *x)
{
    for (size_t i = 0; i < MASKS; i++)
        x->masks[i].set = NULL;
    x->next_mask = 0;
}

/* ----------------------------------------------------------------------------------------------------------------- checks -- */

static bool is_start(const writing *x, size_t column)
{
    return column == x->start;
}

/* A file must have the columns of the key. @param start also `_fivetran_start` */
static weir_rc need_key(writing *x, bool start)
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

static weir_rc need_column(writing *x, size_t column)
{
    return ft_batch_reader_has(x->r)[column] ? WEIR_OK
                                             : weir_fail(x->w->t, WEIR_E_PROTOCOL, "batch file '%s': the header lacks '%.*s'", x->path,
                                                         VIEW_ARG(x->t.columns[column].name));
}

/* What a row that is inserted must have. @param whole nothing may be left as it was */
static weir_rc check_rows(writing *x, const ft_rows *rows, bool whole)
{
    for (size_t i = 0; i < rows->count; i++)
        for (size_t k = 0; k < x->t.count; k++) {
            const weir_sql_value *v = &rows->values[i * x->t.count + k];
            if (v->type != WEIR_SQL_NULL)
                continue;
            if (x->t.columns[k].key)
                return row_fault(x, rows, i, v->integer ? "part of the key is said to be unmodified" : "part of the key is null", k);
            if (whole && v->integer)
                return row_fault(x, rows, i, "it is said to be unmodified, in a file of whole rows", k);
        }
    return WEIR_OK;
}

/* --------------------------------------------------------------------------------------------------------------- replace -- */

static weir_rc begin_replace(writing *x)
{
    ft_sql_upsert(&x->a, x->w->a, &x->t, ft_batch_reader_has(x->r));
    bool keyed = false;
    for (size_t i = 0; i < x->t.count; i++)
        keyed |= x->t.columns[i].key;
    return keyed ? need_key(x, true) : WEIR_OK;
}

static weir_rc replace_rows(writing *x, const ft_rows *rows)
{
    weir_rc rc = check_rows(x, rows, true);
    return rc ? rc : run_rows(x, &x->a, rows, 0, rows->count, NULL);
}

/* ---------------------------------------------------------------------------------------------------------------- update -- */

static weir_rc begin_update(writing *x)
{
    forget_masks(x);
    return need_key(x, true);
}

/* Which columns the row sets. @return false: none but the key */
static bool set_of(const writing *x, const weir_sql_value *row, const bool *has, bool *set)
{
    bool any = false;
    for (size_t i = 0; i < x->t.count; i++) {
        set[i] = has[i] && !ft_is_unmodified(&row[i]);
        any |= set[i] && !x->t.columns[i].key;
    }
    return any;
}

/* Rows that set the same columns go together. @param empty also rows that set nothing */
static weir_rc run_masked(writing *x, const ft_rows *rows, masked_sql *sql, bool empty)
{
    const bool *has = ft_batch_reader_has(x->r);
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
        weir_rc rc = s ? run_rows(x, s, rows, from, to, NULL) : nomem(x);
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

static weir_rc update_rows(writing *x, const ft_rows *rows)
{
    weir_rc rc = check_rows(x, rows, false);
    return rc ? rc : run_masked(x, rows, ft_sql_update, false);
}

/* ---------------------------------------------------------------------------------------------------------------- delete -- */

static weir_rc begin_delete(writing *x)
{
    ft_sql_delete(&x->a, x->w->a, &x->t);
    return need_key(x, true);
}

static weir_rc plain_rows(writing *x, const ft_rows *rows)
{
    return run_rows(x, &x->a, rows, 0, rows->count, NULL);
}

/* --------------------------------------------------------------------------------------------------------------- history -- */

static weir_rc begin_earliest(writing *x)
{
    ft_sql_set_aside(&x->a, x->w->a, &x->t);
    ft_sql_cut(&x->b, x->w->a, &x->t);
    ft_sql_close(&x->c, x->w->a, &x->t);
    weir_rc rc = need_key(x, false);
    return rc ? rc : need_column(x, x->start);
}

/* What the statements take beside the rows. Deleted rows that became history start and end with the first instant: what was set aside ends later. */
static weir_rc extras_of(writing *x, const ft_rows *rows, arena *a, weir_sql_value **ret)
{
    weir_sql_value *extras = arena_array(a, rows->count * FT_EXTRAS, sizeof *extras);
    *ret = extras;
    if (!extras)
        return nomem(x);
    for (size_t i = 0; i < rows->count; i++, extras += FT_EXTRAS) {
        const weir_sql_value *start = &rows->values[i * x->t.count + x->start];
        extras[FT_EXTRA_ASIDE_START] = (weir_sql_value){.type = WEIR_SQL_TIMESTAMP, .text = VIEW("0001-01-01T00:00:00Z")};
        extras[FT_EXTRA_ASIDE_END] = (weir_sql_value){.type = WEIR_SQL_TIMESTAMP, .text = VIEW("0001-01-01T00:00:00.001Z")};
        if (start->type == WEIR_SQL_NULL)
            return row_fault(x, rows, i, "it is null", x->start);
        if (!ft_instant_before(start, a, &extras[FT_EXTRA_CLOSED]))
            return a->failed ? nomem(x) : row_fault(x, rows, i, "there is no millisecond before it", x->start);
    }
    return WEIR_OK;
}

/* What starts with the row or later goes, the version before it ends (fivetran.md 2.4, 1). Where none would be left for an update to build on, one stays aside. */
static weir_rc earliest_rows(writing *x, const ft_rows *rows)
{
    arena a = {0};
    weir_sql_value *extras;
    weir_rc rc = extras_of(x, rows, &a, &extras);
    if (!rc)
        rc = run_rows(x, &x->a, rows, 0, rows->count, extras);
    if (!rc)
        rc = run_rows(x, &x->b, rows, 0, rows->count, NULL);
    if (!rc)
        rc = run_rows(x, &x->c, rows, 0, rows->count, extras);
    arena_free(&a);
    return rc;
}

static weir_rc begin_aside(writing *x)
{
    ft_sql_drop_aside(&x->a, x->w->a, &x->t);
    return need_key(x, false);
}

static weir_rc aside_rows(writing *x, const ft_rows *rows)
{
    arena a = {0};
    weir_sql_value *extras;
    weir_rc rc = extras_of(x, rows, &a, &extras);
    if (!rc)
        rc = run_rows(x, &x->a, rows, 0, rows->count, extras);
    arena_free(&a);
    return rc;
}

static weir_rc version_rows(writing *x, const ft_rows *rows)
{
    weir_rc rc = check_rows(x, rows, false);
    return rc ? rc : run_masked(x, rows, ft_sql_version, true);
}

static weir_rc begin_end(writing *x)
{
    ft_sql_end(&x->a, x->w->a, &x->t);
    weir_rc rc = need_key(x, false);
    return rc ? rc : need_column(x, x->end);
}

/* ----------------------------------------------------------------------------------------------------------------- files -- */

static const file_kind replaces = {"replace", begin_replace, replace_rows}, updates = {"update", begin_update, update_rows},
                       deletes = {"delete", begin_delete, plain_rows}, earliest = {"earliest start", begin_earliest, earliest_rows},
                       versions = {"update", begin_update, version_rows}, ends = {"delete", begin_end, plain_rows},
                       asides = {"earliest start", begin_aside, aside_rows};

static weir_rc write_rows(writing *x, const file_kind *kind)
{
    ft_rows rows;
    weir_rc rc = kind->begin(x);
    for (bool more = true; !rc && more;) {
        rc = ft_batch_reader_next(x->r, &rows, error(x));
        more = rows.count > 0;
        if (!rc && more)
            rc = kind->rows(x, &rows);
        if (!rc && x->w->cancelled && x->w->cancelled(x->w->arg))
            rc = weir_fail(x->w->t, WEIR_STOPPED, "cancelled");
    }
    return rc;
}

static weir_rc write_file(writing *x, const file_kind *kind, const char *path)
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

static weir_rc write_files(writing *x, const file_kind *kind, char *const *paths, size_t count)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < count; i++)
        rc = write_file(x, kind, paths[i]);
    return rc;
}

static weir_rc format_of(writing *x, const FivetranSdk__V2__FileParams *p)
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

static weir_rc begin_writing(writing *x, const FivetranSdk__V2__Table *table, const FivetranSdk__V2__FileParams *p)
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
    return x->set ? WEIR_OK : nomem(x);
}

/* ----------------------------------------------------------------------------------------------------------------- calls -- */

/* Of two entries with one key the last counts (fivetran.md 1.5). */
#define KEY_OF(entries, count, path)                                                           \
    for (size_t i_ = (count); i_-- > 0;)                                                       \
        if (strcmp((entries)[i_]->key, (path)) == 0)                                           \
            return (weir_view){(const char *)(entries)[i_]->value.data, (entries)[i_]->value.len}; \
    return (weir_view){0}

static weir_view key_of_batch(const void *request, const char *path)
{
    const FivetranSdk__V2__WriteBatchRequest *m = request;
    KEY_OF(m->keys, m->n_keys, path);
}

static weir_view key_of_history_batch(const void *request, const char *path)
{
    const FivetranSdk__V2__WriteHistoryBatchRequest *m = request;
    KEY_OF(m->keys, m->n_keys, path);
}

weir_rc ft_write_batch(ft_work *w, const FivetranSdk__V2__WriteBatchRequest *m)
{
    writing x = {.w = w, .key_of = key_of_batch, .request = m};
    weir_rc rc = begin_writing(&x, m->table, m->file_params);
    if (!rc)
        rc = write_files(&x, &replaces, m->replace_files, m->n_replace_files);
    if (!rc)
        rc = write_files(&x, &updates, m->update_files, m->n_update_files);
    if (!rc)
        rc = write_files(&x, &deletes, m->delete_files, m->n_delete_files);
    free_statements(&x);
    return rc;
}

static weir_rc need_history(writing *x)
{
    size_t active = ft_sql_find(&x->t, ft_active);
    bool history = x->start < x->t.count && x->end < x->t.count && active < x->t.count;
    return history ? WEIR_OK
                   : weir_fail(x->w->t, WEIR_E_CONFIG, "table '%s' lacks one of %s, %s and %s: it keeps no history", x->table, ft_start, ft_end, ft_active);
}

/* Replaces before updates: what an update leaves unmodified may be in a version of this very batch (fivetran.md 2.4, 2). */
weir_rc ft_write_history_batch(ft_work *w, const FivetranSdk__V2__WriteHistoryBatchRequest *m)
{
    writing x = {.w = w, .key_of = key_of_history_batch, .request = m};
    weir_rc rc = begin_writing(&x, m->table, m->file_params);
    if (!rc)
        rc = need_history(&x);
    if (!rc)
        rc = write_files(&x, &earliest, m->earliest_start_files, m->n_earliest_start_files);
    if (!rc)
        rc = write_files(&x, &replaces, m->replace_files, m->n_replace_files);
    if (!rc)
        rc = write_files(&x, &versions, m->update_files, m->n_update_files);
    if (!rc)
        rc = write_files(&x, &ends, m->delete_files, m->n_delete_files);
    if (!rc)
        rc = write_files(&x, &asides, m->earliest_start_files, m->n_earliest_start_files);
    free_statements(&x);
    return rc;
}
