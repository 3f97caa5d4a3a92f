/* sql.h - the SQL of a destination: standard SQL as text, for tables that the platform manages (fivetran.md 2.4). Pure: no database. What differs between databases,
 * names and types, is asked of weir_sql beforehand and stands in ft_sql_table.
 *
 * Where a statement takes parameters, ft_statement says which values of a row they are.
 */
#ifndef WEIR_PROTO_FIVETRAN_SQL_H
#define WEIR_PROTO_FIVETRAN_SQL_H

#include "base/arena.h"
#include "base/buf.h"

typedef struct ft_sql_table {
    weir_view name;        /* as it is written in a statement */
    weir_sql_column *columns;
    weir_view *types;      /* names of their types */
    size_t count;
} ft_sql_table;

/** A row that is written has the table's columns and behind them these. */
enum {
    FT_EXTRA_CLOSED = 0,      /**< a millisecond before the row's start */
    FT_EXTRA_ASIDE_START = 1, /**< start and end of a version that was set aside: before all others, and as no other has them */
    FT_EXTRA_ASIDE_END = 2,
    FT_EXTRAS
};

typedef struct ft_statement {
    buf sql;
    size_t *params; /* which values of a row are its parameters, in order; in the arena. Made with the first statement; the others are for the same table, or a smaller one */
    size_t count;
} ft_statement;

/** The column of that name, or t->count. */
size_t ft_sql_find(const ft_sql_table *t, const char *name);
size_t ft_sql_find_view(const ft_sql_table *t, weir_view name);
/** Appends a name in double quotes. */
void ft_sql_name(buf *out, weir_view name);

/* ---- tables ---- */

/** CREATE TABLE. */
void ft_sql_create(buf *out, const ft_sql_table *t);
/** INSERT INTO to (columns of to) SELECT expressions FROM from WHERE where. @param where SQL; empty: all rows */
void ft_sql_copy(buf *out, const ft_sql_table *to, const weir_view *expressions, weir_view from, weir_view where);
void ft_sql_add_column(buf *out, const ft_sql_table *t, size_t column);
void ft_sql_rename_column(buf *out, weir_view table, weir_view from, weir_view to);
void ft_sql_drop(buf *out, weir_view table);

/* ---- rows of batches ---- */

/** Inserts a row, or replaces the one of its key. @param has columns that are given */
void ft_sql_upsert(ft_statement *s, arena *a, const ft_sql_table *t, const bool *has);
/** Sets columns of the row of a key. @param set which; those of the key aside. With none it is no statement: sql stays empty */
void ft_sql_update(ft_statement *s, arena *a, const ft_sql_table *t, const bool *set);
void ft_sql_delete(ft_statement *s, arena *a, const ft_sql_table *t);

/* History tables: `start` of the key is left out of the match. */

/** Where all versions of the key start with the row or later, sets the latest one aside: before them all, to be what an update builds on. */
void ft_sql_set_aside(ft_statement *s, arena *a, const ft_sql_table *t);
/** Deletes what was set aside of the key. */
void ft_sql_drop_aside(ft_statement *s, arena *a, const ft_sql_table *t);
/** Deletes versions of the key that start with the row, or later. */
void ft_sql_cut(ft_statement *s, arena *a, const ft_sql_table *t);
/** Closes the active version of the key a millisecond before the row's start (FT_EXTRA_CLOSED). */
void ft_sql_close(ft_statement *s, arena *a, const ft_sql_table *t);
/** Closes the active version of the key with the row's own end. */
void ft_sql_end(ft_statement *s, arena *a, const ft_sql_table *t);
/** Inserts a version: columns that are not set are those of the latest version of the key that starts before it. No such version: nothing is inserted. */
void ft_sql_version(ft_statement *s, arena *a, const ft_sql_table *t, const bool *set);

/* ---- Truncate ---- */

/** @param synced the column that is to be less than the one parameter; empty: all rows  @param deleted set to true instead of deleting; empty: delete */
void ft_sql_truncate(buf *out, weir_view table, weir_view synced, weir_view deleted);

/* ---- Migrate ---- */

/** Sets a column in all rows to the one parameter. */
void ft_sql_set(buf *out, weir_view table, weir_view column);
/** Sets a column in all rows to another. */
void ft_sql_set_column(buf *out, weir_view table, weir_view column, weir_view from);
/** Copies the active rows that start before a time as versions that start with it. Parameters: time, value, time. @param not_null only where the column is not null */
void ft_sql_next_versions(buf *out, const ft_sql_table *t, size_t column, bool not_null);
/** Sets a column in the versions that start at a time. Parameters: value, time. */
void ft_sql_set_versions(buf *out, const ft_sql_table *t, size_t column);
/** Closes the active rows that start before a time. Parameters: end, time. */
void ft_sql_close_versions(buf *out, const ft_sql_table *t, size_t column, bool not_null);
/** Rows of a history table that are the latest version of their key, with their columns: a table expression. */
void ft_sql_latest(buf *out, const ft_sql_table *t);

extern const char ft_synced[], ft_deleted[], ft_start[], ft_end[], ft_active[]; /* `_fivetran_synced` ... */

#endif
