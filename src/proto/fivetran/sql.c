#include "proto/fivetran/sql.h"

#include <stdlib.h>

const char ft_synced[] = "_fivetran_synced", ft_deleted[] = "_fivetran_deleted", ft_start[] = "_fivetran_start", ft_end[] = "_fivetran_end",
           ft_active[] = "_fivetran_active";

/* ----------------------------------------------------------------------------------------------------------------- parts -- */

size_t ft_sql_find_view(const ft_sql_table *t, weir_view name)
{
    size_t i = 0;
    while (i < t->count && !view_eq(t->columns[i].name, name))
        i++;
    return i;
}

size_t ft_sql_find(const ft_sql_table *t, const char *name)
{
    return ft_sql_find_view(t, view_of(name));
}

void ft_sql_name(buf *out, weir_view name)
{
    buf_addc(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"')
            buf_addc(out, '"');
        buf_addc(out, name.ptr[i]);
    }
    buf_addc(out, '"');
}

static void add_constant(buf *out, const char *name)
{
    ft_sql_name(out, view_of(name));
}

/* A list: begins with `first`, goes on with `next`. */
static void add_between(buf *out, bool *any, const char *first, const char *next)
{
    buf_adds(out, *any ? next : first);
    *any = true;
}

static bool is_start(const weir_sql_column *c)
{
    return view_is(c->name, ft_start);
}

static void add_parameter(ft_statement *s, size_t which)
{
    if (s->params)
        s->params[s->count++] = which;
}

/* At most: each column three times, and the extras. */
static void begin_statement(ft_statement *s, arena *a, const ft_sql_table *t)
{
    buf_clear(&s->sql);
    s->count = 0;
    if (!s->params)
        s->params = arena_array(a, 3 * t->count + FT_EXTRAS + 2, sizeof *s->params);
    if (!s->params)
        s->sql.failed = true;
}

/* WHERE "k" = ? AND ... @param start also that part of the key  @param of "p." */
static void add_key_match(ft_statement *s, const ft_sql_table *t, bool start, const char *of)
{
    bool any = false;
    for (size_t i = 0; i < t->count; i++) {
        if (!t->columns[i].key || (!start && is_start(&t->columns[i])))
            continue;
        add_between(&s->sql, &any, " WHERE ", " AND ");
        buf_adds(&s->sql, of);
        ft_sql_name(&s->sql, t->columns[i].name);
        buf_adds(&s->sql, " = ?");
        add_parameter(s, i);
    }
    if (!any)
        buf_adds(&s->sql, " WHERE FALSE"); /* nothing tells its rows apart */
}

/* ON CONFLICT (key) DO UPDATE SET "c" = excluded."c" */
static void add_on_conflict(buf *out, const ft_sql_table *t, const bool *has)
{
    bool any = false;
    for (size_t i = 0; i < t->count; i++)
        if (t->columns[i].key) {
            add_between(out, &any, " ON CONFLICT (", ", ");
            ft_sql_name(out, t->columns[i].name);
        }
    if (!any)
        return;
    any = false;
    for (size_t i = 0; i < t->count; i++)
        if (!t->columns[i].key && (!has || has[i])) {
            add_between(out, &any, ") DO UPDATE SET ", ", ");
            ft_sql_name(out, t->columns[i].name);
            buf_adds(out, " = excluded.");
            ft_sql_name(out, t->columns[i].name);
        }
    if (!any)
        buf_adds(out, ") DO NOTHING");
}

/* ---------------------------------------------------------------------------------------------------------------- tables -- */

void ft_sql_create(buf *out, const ft_sql_table *t)
{
    bool any = false;
    buf_adds(out, "CREATE TABLE ");
    buf_addv(out, t->name);
    for (size_t i = 0; i < t->count; i++) {
        buf_adds(out, i ? ", " : " (");
        ft_sql_name(out, t->columns[i].name);
        buf_addc(out, ' ');
        buf_addv(out, t->types[i]);
        if (t->columns[i].key)
            buf_adds(out, " NOT NULL");
    }
    for (size_t i = 0; i < t->count; i++)
        if (t->columns[i].key) {
            add_between(out, &any, ", PRIMARY KEY (", ", ");
            ft_sql_name(out, t->columns[i].name);
        }
    buf_adds(out, any ? "))" : ")");
}

void ft_sql_copy(buf *out, const ft_sql_table *to, const weir_view *expressions, weir_view from, weir_view where)
{
    buf_adds(out, "INSERT INTO ");
    buf_addv(out, to->name);
    for (size_t i = 0; i < to->count; i++) {
        buf_adds(out, i ? ", " : " (");
        ft_sql_name(out, to->columns[i].name);
    }
    for (size_t i = 0; i < to->count; i++) {
        buf_adds(out, i ? ", " : ") SELECT ");
        buf_addv(out, expressions[i]);
    }
    buf_adds(out, " FROM ");
    buf_addv(out, from);
    if (where.len)
        buf_adds(out, " WHERE ");
    buf_addv(out, where);
}

void ft_sql_add_column(buf *out, const ft_sql_table *t, size_t column)
{
    buf_adds(out, "ALTER TABLE ");
    buf_addv(out, t->name);
    buf_adds(out, " ADD COLUMN ");
    ft_sql_name(out, t->columns[column].name);
    buf_addc(out, ' ');
    buf_addv(out, t->types[column]);
}

void ft_sql_rename_column(buf *out, weir_view table, weir_view from, weir_view to)
{
    buf_adds(out, "ALTER TABLE ");
    buf_addv(out, table);
    buf_adds(out, " RENAME COLUMN ");
    ft_sql_name(out, from);
    buf_adds(out, " TO ");
    ft_sql_name(out, to);
}

void ft_sql_drop(buf *out, weir_view table)
{
    buf_adds(out, "DROP TABLE ");
    buf_addv(out, table);
}

/* ------------------------------------------------------------------------------------------------------------------ rows -- */

void ft_sql_upsert(ft_statement *s, arena *a, const ft_sql_table *t, const bool *has)
{
    bool any = false;
    begin_statement(s, a, t);
    buf_adds(&s->sql, "INSERT INTO ");
    buf_addv(&s->sql, t->name);
    for (size_t i = 0; i < t->count; i++)
        if (has[i]) {
            add_between(&s->sql, &any, " (", ", ");
            ft_sql_name(&s->sql, t->columns[i].name);
            add_parameter(s, i);
        }
    for (size_t i = 0; i < s->count; i++)
        buf_adds(&s->sql, i ? ", ?" : ") VALUES (?");
    buf_addc(&s->sql, ')');
    add_on_conflict(&s->sql, t, has);
}

void ft_sql_update(ft_statement *s, arena *a, const ft_sql_table *t, const bool *set)
{
    bool any = false;
    begin_statement(s, a, t);
    for (size_t i = 0; i < t->count; i++)
        if (set[i] && !t->columns[i].key) {
            if (!any) {
                buf_adds(&s->sql, "UPDATE ");
                buf_addv(&s->sql, t->name);
            }
            add_between(&s->sql, &any, " SET ", ", ");
            ft_sql_name(&s->sql, t->columns[i].name);
            buf_adds(&s->sql, " = ?");
            add_parameter(s, i);
        }
    if (any)
        add_key_match(s, t, true, "");
}

void ft_sql_delete(ft_statement *s, arena *a, const ft_sql_table *t)
{
    begin_statement(s, a, t);
    buf_adds(&s->sql, "DELETE FROM ");
    buf_addv(&s->sql, t->name);
    add_key_match(s, t, true, "");
}

/* --------------------------------------------------------------------------------------------------------------- history -- */

/* (SELECT max("_fivetran_start") FROM t AS p WHERE p."k" = ?) */
static void add_extreme_start(ft_statement *s, const ft_sql_table *t, const char *which)
{
    buf_printf(&s->sql, "(SELECT %s(p.\"%s\") FROM %.*s AS p", which, ft_start, VIEW_ARG(t->name));
    add_key_match(s, t, false, "p.");
    buf_addc(&s->sql, ')');
}

void ft_sql_set_aside(ft_statement *s, arena *a, const ft_sql_table *t)
{
    begin_statement(s, a, t);
    buf_printf(&s->sql, "UPDATE %.*s SET \"%s\" = ?, \"%s\" = ?, \"%s\" = FALSE", VIEW_ARG(t->name), ft_start, ft_end, ft_active);
    add_parameter(s, t->count + FT_EXTRA_ASIDE_START);
    add_parameter(s, t->count + FT_EXTRA_ASIDE_END);
    add_key_match(s, t, false, "");
    buf_printf(&s->sql, " AND \"%s\" = ", ft_start);
    add_extreme_start(s, t, "max");
    buf_adds(&s->sql, " AND ");
    add_extreme_start(s, t, "min");
    buf_adds(&s->sql, " >= ?");
    add_parameter(s, ft_sql_find(t, ft_start));
}

void ft_sql_drop_aside(ft_statement *s, arena *a, const ft_sql_table *t)
{
    begin_statement(s, a, t);
    buf_printf(&s->sql, "DELETE FROM %.*s", VIEW_ARG(t->name));
    add_key_match(s, t, false, "");
    buf_printf(&s->sql, " AND \"%s\" = ? AND \"%s\" = ?", ft_start, ft_end);
    add_parameter(s, t->count + FT_EXTRA_ASIDE_START);
    add_parameter(s, t->count + FT_EXTRA_ASIDE_END);
}

void ft_sql_cut(ft_statement *s, arena *a, const ft_sql_table *t)
{
    begin_statement(s, a, t);
    buf_adds(&s->sql, "DELETE FROM ");
    buf_addv(&s->sql, t->name);
    add_key_match(s, t, false, "");
    buf_adds(&s->sql, " AND ");
    add_constant(&s->sql, ft_start);
    buf_adds(&s->sql, " >= ?");
    add_parameter(s, ft_sql_find(t, ft_start));
}

static void close_active(ft_statement *s, arena *a, const ft_sql_table *t, size_t end)
{
    begin_statement(s, a, t);
    buf_adds(&s->sql, "UPDATE ");
    buf_addv(&s->sql, t->name);
    buf_adds(&s->sql, " SET ");
    add_constant(&s->sql, ft_active);
    buf_adds(&s->sql, " = FALSE, ");
    add_constant(&s->sql, ft_end);
    buf_adds(&s->sql, " = ?");
    add_parameter(s, end);
    add_key_match(s, t, false, "");
    buf_adds(&s->sql, " AND ");
    add_constant(&s->sql, ft_active);
    buf_adds(&s->sql, " = TRUE");
}

void ft_sql_close(ft_statement *s, arena *a, const ft_sql_table *t)
{
    close_active(s, a, t, t->count + FT_EXTRA_CLOSED);
}

void ft_sql_end(ft_statement *s, arena *a, const ft_sql_table *t)
{
    close_active(s, a, t, ft_sql_find(t, ft_end));
}

void ft_sql_version(ft_statement *s, arena *a, const ft_sql_table *t, const bool *set)
{
    begin_statement(s, a, t);
    buf_adds(&s->sql, "INSERT INTO ");
    buf_addv(&s->sql, t->name);
    for (size_t i = 0; i < t->count; i++) {
        buf_adds(&s->sql, i ? ", " : " (");
        ft_sql_name(&s->sql, t->columns[i].name);
    }
    for (size_t i = 0; i < t->count; i++) {
        buf_adds(&s->sql, i ? ", " : ") SELECT ");
        if (set[i]) {
            buf_addc(&s->sql, '?');
            add_parameter(s, i);
        } else {
            buf_adds(&s->sql, "p.");
            ft_sql_name(&s->sql, t->columns[i].name);
        }
    }
    buf_adds(&s->sql, " FROM ");
    buf_addv(&s->sql, t->name);
    buf_adds(&s->sql, " AS p");
    add_key_match(s, t, false, "p.");
    buf_adds(&s->sql, " AND p.");
    add_constant(&s->sql, ft_start);
    buf_adds(&s->sql, " < ? ORDER BY p.");
    add_parameter(s, ft_sql_find(t, ft_start));
    add_constant(&s->sql, ft_start);
    buf_adds(&s->sql, " DESC LIMIT 1");
    add_on_conflict(&s->sql, t, NULL);
}

/* -------------------------------------------------------------------------------------------------------------- Truncate -- */

void ft_sql_truncate(buf *out, weir_view table, weir_view synced, weir_view deleted)
{
    buf_adds(out, deleted.len ? "UPDATE " : "DELETE FROM ");
    buf_addv(out, table);
    if (deleted.len) {
        buf_adds(out, " SET ");
        ft_sql_name(out, deleted);
        buf_adds(out, " = TRUE");
    }
    if (synced.len) {
        buf_adds(out, " WHERE ");
        ft_sql_name(out, synced);
        buf_adds(out, " < ?");
    }
}

/* --------------------------------------------------------------------------------------------------------------- Migrate -- */

static void begin_update(buf *out, weir_view table, weir_view column)
{
    buf_adds(out, "UPDATE ");
    buf_addv(out, table);
    buf_adds(out, " SET ");
    ft_sql_name(out, column);
    buf_adds(out, " = ");
}

void ft_sql_set(buf *out, weir_view table, weir_view column)
{
    begin_update(out, table, column);
    buf_addc(out, '?');
}

void ft_sql_set_column(buf *out, weir_view table, weir_view column, weir_view from)
{
    begin_update(out, table, column);
    ft_sql_name(out, from);
}

/* WHERE "_fivetran_active" = TRUE AND "_fivetran_start" < ? [AND "c" IS NOT NULL] */
static void add_older_active(buf *out, const ft_sql_table *t, size_t column, bool not_null)
{
    buf_adds(out, " WHERE ");
    add_constant(out, ft_active);
    buf_adds(out, " = TRUE AND ");
    add_constant(out, ft_start);
    buf_adds(out, " < ?");
    if (not_null) {
        buf_adds(out, " AND ");
        ft_sql_name(out, t->columns[column].name);
        buf_adds(out, " IS NOT NULL");
    }
}

static bool is_versioned(const ft_sql_table *t, size_t column, size_t i)
{
    return i == column || is_start(&t->columns[i]);
}

void ft_sql_next_versions(buf *out, const ft_sql_table *t, size_t column, bool not_null)
{
    buf_adds(out, "INSERT INTO ");
    buf_addv(out, t->name);
    buf_adds(out, " (");
    add_constant(out, ft_start);
    buf_adds(out, ", ");
    ft_sql_name(out, t->columns[column].name);
    for (size_t i = 0; i < t->count; i++)
        if (!is_versioned(t, column, i)) {
            buf_adds(out, ", ");
            ft_sql_name(out, t->columns[i].name);
        }
    buf_adds(out, ") SELECT ?, ?");
    for (size_t i = 0; i < t->count; i++)
        if (!is_versioned(t, column, i)) {
            buf_adds(out, ", ");
            ft_sql_name(out, t->columns[i].name);
        }
    buf_adds(out, " FROM ");
    buf_addv(out, t->name);
    add_older_active(out, t, column, not_null);
}

void ft_sql_set_versions(buf *out, const ft_sql_table *t, size_t column)
{
    begin_update(out, t->name, t->columns[column].name);
    buf_adds(out, "? WHERE ");
    add_constant(out, ft_start);
    buf_adds(out, " = ?");
}

void ft_sql_close_versions(buf *out, const ft_sql_table *t, size_t column, bool not_null)
{
    begin_update(out, t->name, view_of(ft_active));
    buf_adds(out, "FALSE, ");
    add_constant(out, ft_end);
    buf_adds(out, " = ?");
    add_older_active(out, t, column, not_null);
}

void ft_sql_latest(buf *out, const ft_sql_table *t)
{
    bool any = false;
    buf_adds(out, "(SELECT *, ROW_NUMBER() OVER (");
    for (size_t i = 0; i < t->count; i++)
        if (t->columns[i].key && !is_start(&t->columns[i])) {
            add_between(out, &any, "PARTITION BY ", ", ");
            ft_sql_name(out, t->columns[i].name);
        }
    buf_adds(out, any ? " ORDER BY " : "ORDER BY ");
    add_constant(out, ft_start);
    buf_adds(out, " DESC) AS _weir_version FROM ");
    buf_addv(out, t->name);
    buf_adds(out, " WHERE ");
    add_constant(out, ft_start);
    buf_adds(out, " IS NOT NULL) AS p");
}
