/* Migrate: changes of tables with what is in them (fivetran.md 2.4). Every operation may come again: what it did already is not done twice. */
#include "proto/fivetran/serve_destination.h"

typedef FivetranSdk__V2__MigrationDetails details;

static weir_rc nomem(ft_work *w)
{
    return weir_fail(w->t, WEIR_E_NOMEM, "out of memory");
}

/* ---------------------------------------------------------------------------------------------------------------- values -- */

static weir_rc value_of(ft_work *w, const weir_sql_column *c, const char *text, weir_sql_value *ret)
{
    *ret = (weir_sql_value){0};
    if (strcmp(text, "NULL") == 0) /* the text says SQL's null */
        return WEIR_OK;
    if (ft_value_parse(c->type, view_of(text), w->a, ret))
        return WEIR_OK;
    return w->a->failed ? nomem(w)
                        : weir_fail(w->t, WEIR_E_PROTOCOL, "column '%.*s': '%.60s' is no %s", VIEW_ARG(c->name), text, ft_sql_type_word(c->type));
}

static weir_rc time_of(ft_work *w, const char *text, weir_sql_value *ret)
{
    if (ft_value_parse(WEIR_SQL_TIMESTAMP, view_of(text), w->a, ret))
        return WEIR_OK;
    return w->a->failed ? nomem(w) : weir_fail(w->t, WEIR_E_PROTOCOL, "operation_timestamp '%.60s' is no time in UTC", text);
}

static weir_sql_value time_constant(const char *text)
{
    return (weir_sql_value){.type = WEIR_SQL_TIMESTAMP, .text = view_of(text)};
}

static const char first_instant[] = "0001-01-01T00:00:00Z", last_instant[] = "9999-12-31T23:59:59.999Z";

/* A column for each of the table's: itself. NULL without memory. */
static weir_view *own_columns(ft_work *w, const ft_sql_table *t, size_t more)
{
    weir_view *e = arena_array(w->a, t->count + more + 1, sizeof *e);
    for (size_t i = 0; e && i < t->count; i++)
        if (!(e[i] = ft_quoted(w, t->columns[i].name)).ptr)
            return NULL;
    return e;
}

/* ----------------------------------------------------------------------------------------------------------------- tables -- */

static weir_rc drop_table(ft_work *w, const details *m)
{
    ft_sql_table t;
    bool found;
    weir_rc rc = ft_table_find(w, view_of(m->table), &found, &t);
    if (rc || !found || !m->drop->drop_table)
        return rc;
    ft_sql_drop(&w->sql, t.name);
    return ft_run(w, NULL, 0);
}

static weir_rc copy_table(ft_work *w, const details *m)
{
    const FivetranSdk__V2__CopyTable *o = m->copy->copy_table;
    ft_sql_table from;
    weir_rc rc = ft_table_need(w, o->from_table, &from);
    weir_view *columns = rc ? NULL : own_columns(w, &from, 0);
    if (rc || !columns)
        return rc ? rc : nomem(w);
    if (strcmp(o->from_table, o->to_table) == 0 || !o->to_table[0])
        return weir_fail(w->t, WEIR_E_PROTOCOL, "table '%s' cannot be copied to '%s'", o->from_table, o->to_table);
    return ft_table_remake(w, &(ft_remake){.name = o->to_table, .to = &from, .expressions = columns, .from = from.name});
}

static weir_rc rename_table(ft_work *w, const details *m)
{
    const FivetranSdk__V2__RenameTable *o = m->rename->rename_table;
    ft_sql_table from, to;
    bool is, was;
    weir_rc rc = ft_table_find(w, view_of(o->from_table), &is, &from);
    if (!rc)
        rc = ft_table_find(w, view_of(o->to_table), &was, &to);
    if (rc || (!is && was)) /* it was done before */
        return rc;
    if (!is)
        return ft_table_need(w, o->from_table, &from);
    if (was || !o->to_table[0])
        return weir_fail(w->t, WEIR_E_CONFIG, "table '%s' cannot be called '%s': that is there already", o->from_table, o->to_table);
    return w->q->move_table(w->t, w->self, w->schema, view_of(o->from_table), view_of(o->to_table));
}

/* ---------------------------------------------------------------------------------------------------------------- columns -- */

/* Adds a column unless it is there. @param c its name is the request's  @param ret_at its place in t, which is the table as it is then */
static weir_rc add_column(ft_work *w, ft_sql_table *t, const char *table, weir_sql_column c, size_t *ret_at)
{
    *ret_at = ft_sql_find_view(t, c.name);
    if (*ret_at < t->count)
        return WEIR_OK;
    ft_sql_table with;
    if (!c.name.len)
        return weir_fail(w->t, WEIR_E_PROTOCOL, "the column to be added to table '%s' has no name", table);
    weir_rc rc = ft_table_copy(w, t, table, 1, &with);
    if (!rc)
        rc = ft_table_add(w, &with, c);
    if (rc)
        return rc;
    *t = with;
    ft_sql_add_column(&w->sql, t, *ret_at);
    return ft_run(w, NULL, 0);
}

static weir_rc add_with_default(ft_work *w, const details *m)
{
    const FivetranSdk__V2__AddColumnWithDefaultValue *o = m->add->add_column_with_default_value;
    ft_sql_table t;
    size_t at;
    weir_sql_value v;
    weir_rc rc = ft_table_need(w, m->table, &t);
    if (!rc)
        rc = add_column(w, &t, m->table, (weir_sql_column){.name = view_of(o->column), .type = ft_sql_type_of((int)o->column_type)}, &at);
    if (!rc)
        rc = value_of(w, &t.columns[at], o->default_value, &v);
    if (rc)
        return rc;
    ft_sql_set(&w->sql, t.name, t.columns[at].name);
    return ft_run(w, &v, 1);
}

static weir_rc update_value(ft_work *w, const details *m)
{
    const FivetranSdk__V2__UpdateColumnValueOperation *o = m->update_column_value;
    ft_sql_table t;
    size_t at;
    weir_sql_value v;
    weir_rc rc = ft_table_need(w, m->table, &t);
    if (!rc)
        rc = ft_column_need(w, &t, m->table, o->column, &at);
    if (!rc)
        rc = value_of(w, &t.columns[at], o->value, &v);
    if (rc)
        return rc;
    ft_sql_set(&w->sql, t.name, t.columns[at].name);
    return ft_run(w, &v, 1);
}

static weir_rc copy_column(ft_work *w, const details *m)
{
    const FivetranSdk__V2__CopyColumn *o = m->copy->copy_column;
    ft_sql_table t;
    size_t from, to;
    weir_rc rc = ft_table_need(w, m->table, &t);
    if (!rc)
        rc = ft_column_need(w, &t, m->table, o->from_column, &from);
    if (rc)
        return rc;
    weir_sql_column c = t.columns[from];
    c.name = view_of(o->to_column);
    c.key = false;
    rc = add_column(w, &t, m->table, c, &to);
    if (rc)
        return rc;
    ft_sql_set_column(&w->sql, t.name, t.columns[to].name, t.columns[from].name);
    return ft_run(w, NULL, 0);
}

static weir_rc rename_column(ft_work *w, const details *m)
{
    const FivetranSdk__V2__RenameColumn *o = m->rename->rename_column;
    ft_sql_table t;
    size_t from;
    weir_rc rc = ft_table_need(w, m->table, &t);
    bool was = !rc && ft_sql_find(&t, o->to_column) < t.count;
    if (rc || (was && ft_sql_find(&t, o->from_column) == t.count)) /* it was done before */
        return rc;
    rc = ft_column_need(w, &t, m->table, o->from_column, &from);
    if (!rc && (was || !o->to_column[0]))
        rc = weir_fail(w->t, WEIR_E_CONFIG, "column '%s' cannot be called '%s': that is there already", o->from_column, o->to_column);
    if (rc)
        return rc;
    ft_sql_rename_column(&w->sql, t.name, t.columns[from].name, view_of(o->to_column));
    return ft_run(w, NULL, 0);
}

/* --------------------------------------------------------------------------------------------------------------- versions -- */

/* A change of a column at a time, in the history of every row. */
typedef struct change {
    ft_work *w;
    const char *table;
    ft_sql_table t;
    size_t column;
    weir_sql_value value, time, before; /* before: a millisecond before time */
    bool not_null;                      /* only where the column is not null */
} change;

static weir_rc need_history(ft_work *w, const ft_sql_table *t, const char *table)
{
    static const char *const columns[] = {ft_start, ft_end, ft_active};
    size_t at;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < sizeof columns / sizeof *columns; i++)
        rc = ft_column_need(w, t, table, columns[i], &at);
    return weir_wrap(w->t, rc, "it keeps no history");
}

/* No active version may start later: the new one would end before it began. */
static weir_rc check_time(change *x)
{
    bool later;
    ft_work *w = x->w;
    buf_printf(&w->sql, "SELECT 1 FROM %.*s WHERE \"%s\" = TRUE AND \"%s\" > ? LIMIT 1", VIEW_ARG(x->t.name), ft_active, ft_start);
    weir_rc rc = ft_has_row(w, &x->time, 1, &later);
    return rc || !later ? rc
                        : weir_fail(w->t, WEIR_E_PROTOCOL, "table '%s': a row has changed after operation_timestamp %.*s", x->table, VIEW_ARG(x->time.text));
}

/* Versions that start at the time get the value; where there is none, it is made of the active one, which ends. Operations with one time share a version. */
static weir_rc change_versions(change *x)
{
    ft_work *w = x->w;
    weir_rc rc = check_time(x);
    if (!rc) {
        ft_sql_next_versions(&w->sql, &x->t, x->column, x->not_null);
        rc = ft_run(w, (const weir_sql_value[]){x->time, x->value, x->time}, 3);
    }
    if (!rc) {
        ft_sql_set_versions(&w->sql, &x->t, x->column);
        rc = ft_run(w, (const weir_sql_value[]){x->value, x->time}, 2);
    }
    if (!rc) {
        ft_sql_close_versions(&w->sql, &x->t, x->column, x->not_null);
        rc = ft_run(w, (const weir_sql_value[]){x->before, x->time}, 2);
    }
    return rc;
}

static weir_rc begin_change(change *x, ft_work *w, const char *table, const char *time)
{
    *x = (change){.w = w, .table = table};
    weir_rc rc = ft_table_need(w, table, &x->t);
    if (!rc)
        rc = need_history(w, &x->t, table);
    if (!rc)
        rc = time_of(w, time, &x->time);
    if (!rc && !ft_instant_before(&x->time, w->a, &x->before))
        rc = w->a->failed ? nomem(w) : weir_fail(w->t, WEIR_E_PROTOCOL, "operation_timestamp '%.60s' has no millisecond before it", time);
    return rc;
}

static weir_rc add_in_history(ft_work *w, const details *m)
{
    const FivetranSdk__V2__AddColumnInHistoryMode *o = m->add->add_column_in_history_mode;
    change x;
    weir_rc rc = begin_change(&x, w, m->table, o->operation_timestamp);
    if (!rc)
        rc = add_column(w, &x.t, m->table, (weir_sql_column){.name = view_of(o->column), .type = ft_sql_type_of((int)o->column_type)}, &x.column);
    if (!rc)
        rc = value_of(w, &x.t.columns[x.column], o->default_value, &x.value);
    return rc ? rc : change_versions(&x);
}

static weir_rc drop_in_history(ft_work *w, const details *m)
{
    const FivetranSdk__V2__DropColumnInHistoryMode *o = m->drop->drop_column_in_history_mode;
    change x;
    weir_rc rc = begin_change(&x, w, m->table, o->operation_timestamp);
    if (!rc)
        rc = ft_column_need(w, &x.t, m->table, o->column, &x.column);
    x.not_null = true;
    return rc ? rc : change_versions(&x);
}

/* ------------------------------------------------------------------------------------------------------------- sync modes -- */

static weir_rc see_text(weir_task *t, void *arg, const weir_sql_value *values, size_t count)
{
    struct {
        arena *a;
        weir_view text;
    } *kept = arg;
    (void)t;
    if (count && values->type != WEIR_SQL_NULL)
        kept->text = arena_dup(kept->a, values->text);
    return WEIR_OK;
}

/* When the newest row was synced: what is active has been so since then, as far as anybody knows. */
static weir_rc newest_synced(ft_work *w, const ft_sql_table *t, weir_sql_value *ret)
{
    struct {
        arena *a;
        weir_view text;
    } kept = {w->a, {0}};
    *ret = time_constant(first_instant);
    if (ft_sql_find(t, ft_synced) == t->count)
        return WEIR_OK;
    buf_printf(&w->sql, "SELECT max(\"%s\") FROM %.*s", ft_synced, VIEW_ARG(t->name));
    if (!buf_ok(&w->sql))
        return nomem(w);
    weir_rc rc = w->q->query(w->t, w->self, buf_text(&w->sql), NULL, 0, see_text, &kept);
    buf_clear(&w->sql);
    if (!rc && kept.text.len && !ft_value_parse(WEIR_SQL_TIMESTAMP, kept.text, w->a, ret))
        return weir_fail(w->t, WEIR_E_REMOTE, "%s is '%.*s', which is no time in UTC", ft_synced, VIEW_ARG(kept.text));
    return w->a->failed ? nomem(w) : rc;
}

/* Drops a column from a description and its expressions. */
static void leave_out(ft_sql_table *t, weir_view *expressions, const char *column)
{
    size_t at = ft_sql_find(t, column);
    if (at == t->count)
        return;
    ft_table_drop(t, at);
    memmove(expressions + at, expressions + at + 1, (t->count - at) * sizeof *expressions);
}

static weir_rc add_expression(ft_work *w, ft_sql_table *t, weir_view *expressions, const char *name, weir_sql_type type, bool key, weir_view expression)
{
    expressions[t->count] = expression;
    return expression.ptr ? ft_table_add(w, t, (weir_sql_column){.name = view_of(name), .type = type, .key = key}) : nomem(w);
}

/* Deleted rows: neither active nor ever; the others: since they were synced (fivetran.md 2.4). @param deleted the column; NULL: no row is deleted */
static weir_rc to_history(ft_work *w, const ft_sql_table *from, const char *deleted, const char *to)
{
    ft_sql_table t;
    weir_sql_value values[4] = {time_constant(first_instant), {0}, time_constant(first_instant), time_constant(last_instant)};
    weir_view *e = own_columns(w, from, 3);
    weir_rc rc = e ? ft_table_copy(w, from, to, 3, &t) : nomem(w);
    if (!rc)
        rc = newest_synced(w, from, &values[1]);
    if (rc)
        return rc;
    leave_out(&t, e, ft_start);
    leave_out(&t, e, ft_end);
    leave_out(&t, e, ft_active);
    weir_view gone = VIEW("FALSE");
    if (deleted) {
        weir_view column = ft_quoted(w, view_of(deleted));
        if (!column.ptr)
            return nomem(w);
        gone = arena_printf(w->a, "COALESCE(%.*s, FALSE)", VIEW_ARG(column));
        leave_out(&t, e, deleted);
    }
    weir_view either = arena_printf(w->a, "CASE WHEN %.*s THEN ? ELSE ? END", VIEW_ARG(gone));
    rc = add_expression(w, &t, e, ft_start, WEIR_SQL_TIMESTAMP, true, either);
    if (!rc)
        rc = add_expression(w, &t, e, ft_end, WEIR_SQL_TIMESTAMP, false, either);
    if (!rc)
        rc = add_expression(w, &t, e, ft_active, WEIR_SQL_BOOLEAN, false, arena_printf(w->a, "NOT %.*s", VIEW_ARG(gone)));
    return rc ? rc : ft_table_remake(w, &(ft_remake){.name = to, .to = &t, .expressions = e, .from = from->name, .values = values, .value_count = 4});
}

static weir_rc copy_to_history(ft_work *w, const details *m)
{
    const FivetranSdk__V2__CopyTableToHistoryMode *o = m->copy->copy_table_to_history_mode;
    ft_sql_table from;
    size_t at;
    const char *deleted = o->soft_deleted_column[0] ? o->soft_deleted_column : NULL;
    weir_rc rc = ft_table_need(w, o->from_table, &from);
    if (!rc && deleted)
        rc = ft_column_need(w, &from, o->from_table, deleted, &at);
    if (!rc && (strcmp(o->from_table, o->to_table) == 0 || !o->to_table[0]))
        rc = weir_fail(w->t, WEIR_E_PROTOCOL, "table '%s' cannot be copied to '%s'", o->from_table, o->to_table);
    return rc ? rc : to_history(w, &from, deleted, o->to_table);
}

static const char *deleted_column(const FivetranSdk__V2__TableSyncModeMigrationOperation *o)
{
    return o->_soft_deleted_column_case && o->soft_deleted_column && o->soft_deleted_column[0] ? o->soft_deleted_column : ft_deleted;
}

static weir_rc soft_delete_to_history(ft_work *w, const details *m)
{
    const char *deleted = deleted_column(m->table_sync_mode_migration);
    ft_sql_table t;
    size_t at;
    weir_rc rc = ft_table_need(w, m->table, &t);
    bool has = !rc && ft_sql_find(&t, deleted) < t.count;
    if (rc || (!has && ft_sql_find(&t, ft_start) < t.count)) /* it was done before */
        return rc;
    rc = ft_column_need(w, &t, m->table, deleted, &at);
    return rc ? rc : to_history(w, &t, deleted, m->table);
}

/* The latest version of each key stays. */
static weir_rc to_soft_delete(ft_work *w, const ft_sql_table *from, const char *deleted, bool keep_deleted, const char *table)
{
    ft_sql_table t;
    weir_view *e = own_columns(w, from, 1);
    weir_rc rc = e ? ft_table_copy(w, from, table, 1, &t) : nomem(w);
    if (rc)
        return rc;
    leave_out(&t, e, ft_start);
    leave_out(&t, e, ft_end);
    leave_out(&t, e, ft_active);
    leave_out(&t, e, deleted);
    rc = add_expression(w, &t, e, deleted, WEIR_SQL_BOOLEAN, false, arena_printf(w->a, "COALESCE(NOT \"%s\", TRUE)", ft_active));
    buf latest = {0};
    ft_sql_latest(&latest, from);
    weir_view rows = buf_ok(&latest) ? arena_dup(w->a, buf_view(&latest)) : (weir_view){0};
    buf_free(&latest);
    weir_view where = arena_printf(w->a, "_weir_version = 1%s%s%s", keep_deleted ? "" : " AND \"", keep_deleted ? "" : ft_active, keep_deleted ? "" : "\" = TRUE");
    if (!rc && (!rows.ptr || !where.ptr))
        rc = nomem(w);
    return rc ? rc : ft_table_remake(w, &(ft_remake){.name = table, .to = &t, .expressions = e, .from = rows, .where = where});
}

static weir_rc history_to_soft_delete(ft_work *w, const details *m)
{
    const FivetranSdk__V2__TableSyncModeMigrationOperation *o = m->table_sync_mode_migration;
    const char *deleted = deleted_column(o);
    bool keep = !o->_keep_deleted_rows_case || o->keep_deleted_rows; /* not said: no row that can be kept is lost */
    ft_sql_table t;
    weir_rc rc = ft_table_need(w, m->table, &t);
    if (rc || (ft_sql_find(&t, ft_start) == t.count && ft_sql_find(&t, deleted) < t.count)) /* it was done before */
        return rc;
    rc = need_history(w, &t, m->table);
    size_t keys = 0;
    for (size_t i = 0; i < t.count; i++)
        keys += t.columns[i].key && !view_is(t.columns[i].name, ft_start);
    if (!rc && !keys)
        rc = weir_fail(w->t, WEIR_E_CONFIG, "table '%s' has no key but %s: its rows cannot be told apart", m->table, ft_start);
    return rc ? rc : to_soft_delete(w, &t, deleted, keep, m->table);
}

/* --------------------------------------------------------------------------------------------------------------- dispatch -- */

typedef weir_rc operation(ft_work *w, const details *m);

static operation *drop_operation(const details *m)
{
    static operation *const all[] = {
        [FIVETRAN_SDK__V2__DROP_OPERATION__ENTITY_DROP_TABLE] = drop_table,
        [FIVETRAN_SDK__V2__DROP_OPERATION__ENTITY_DROP_COLUMN_IN_HISTORY_MODE] = drop_in_history,
    };
    return m->drop && (size_t)m->drop->entity_case < sizeof all / sizeof *all ? all[m->drop->entity_case] : NULL;
}

static operation *copy_operation(const details *m)
{
    static operation *const all[] = {
        [FIVETRAN_SDK__V2__COPY_OPERATION__ENTITY_COPY_TABLE] = copy_table,
        [FIVETRAN_SDK__V2__COPY_OPERATION__ENTITY_COPY_COLUMN] = copy_column,
        [FIVETRAN_SDK__V2__COPY_OPERATION__ENTITY_COPY_TABLE_TO_HISTORY_MODE] = copy_to_history,
    };
    return m->copy && (size_t)m->copy->entity_case < sizeof all / sizeof *all ? all[m->copy->entity_case] : NULL;
}

static operation *rename_operation(const details *m)
{
    static operation *const all[] = {
        [FIVETRAN_SDK__V2__RENAME_OPERATION__ENTITY_RENAME_TABLE] = rename_table,
        [FIVETRAN_SDK__V2__RENAME_OPERATION__ENTITY_RENAME_COLUMN] = rename_column,
    };
    return m->rename && (size_t)m->rename->entity_case < sizeof all / sizeof *all ? all[m->rename->entity_case] : NULL;
}

static operation *add_operation(const details *m)
{
    static operation *const all[] = {
        [FIVETRAN_SDK__V2__ADD_OPERATION__ENTITY_ADD_COLUMN_IN_HISTORY_MODE] = add_in_history,
        [FIVETRAN_SDK__V2__ADD_OPERATION__ENTITY_ADD_COLUMN_WITH_DEFAULT_VALUE] = add_with_default,
    };
    return m->add && (size_t)m->add->entity_case < sizeof all / sizeof *all ? all[m->add->entity_case] : NULL;
}

static operation *update_operation(const details *m)
{
    return m->update_column_value ? update_value : NULL;
}

/* The live modes are not sent yet (fivetran.md 1.3). */
static operation *mode_operation(const details *m)
{
    static operation *const all[] = {
        [FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__SOFT_DELETE_TO_HISTORY] = soft_delete_to_history,
        [FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__HISTORY_TO_SOFT_DELETE] = history_to_soft_delete,
    };
    const FivetranSdk__V2__TableSyncModeMigrationOperation *o = m->table_sync_mode_migration;
    return o && (size_t)o->type < sizeof all / sizeof *all ? all[o->type] : NULL;
}

weir_rc ft_migrate(ft_work *w, const details *m, bool *ret_unsupported)
{
    static operation *(*const all[])(const details *) = {
        [FIVETRAN_SDK__V2__MIGRATION_DETAILS__OPERATION_DROP] = drop_operation,
        [FIVETRAN_SDK__V2__MIGRATION_DETAILS__OPERATION_COPY] = copy_operation,
        [FIVETRAN_SDK__V2__MIGRATION_DETAILS__OPERATION_RENAME] = rename_operation,
        [FIVETRAN_SDK__V2__MIGRATION_DETAILS__OPERATION_ADD] = add_operation,
        [FIVETRAN_SDK__V2__MIGRATION_DETAILS__OPERATION_UPDATE_COLUMN_VALUE] = update_operation,
        [FIVETRAN_SDK__V2__MIGRATION_DETAILS__OPERATION_TABLE_SYNC_MODE_MIGRATION] = mode_operation,
    };
    size_t kind = m ? (size_t)m->operation_case : 0;
    operation *todo = kind < sizeof all / sizeof *all && all[kind] ? all[kind](m) : NULL;
    *ret_unsupported = !todo;
    return todo ? todo(w, m) : WEIR_OK;
}
