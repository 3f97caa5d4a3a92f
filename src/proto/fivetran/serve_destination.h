/* serve_destination.h - a destination served (fivetran.md 2.4): the platform says which tables there are, and what is written to them; an SQL database
 * (weir_connector.sql) does it. Each call is one transaction.
 */
#ifndef WEIR_PROTO_FIVETRAN_SERVE_DESTINATION_H
#define WEIR_PROTO_FIVETRAN_SERVE_DESTINATION_H

#include "proto/fivetran/batch_read.h"
#include "proto/fivetran/cold.h"
#include "proto/fivetran/sql.h"
#include "run/session.h"

/* ---- databases that stay open between calls: serve_destination_open.c ---- */

typedef struct ft_databases ft_databases;

/** @return WEIR_E_CONFIG: the destination is no SQL database */
weir_rc ft_databases_new(ft_databases **ret, const weir_connector *c, log_sink *log, err *e);
/** Closes them; no call may be under way. Accepts NULL. */
void ft_databases_free(ft_databases *d);

/** What a call does with a database, from any of the functions below. */
typedef struct ft_work {
    weir_task *t;
    const weir_sql *q;
    void *self;
    arena *a;                       /* the call's */
    weir_view schema;               /* of all tables of the call */
    bool (*cancelled)(void *arg);   /* is the call? NULL: never */
    void *arg;
    buf sql;                        /* the statement that is being written */
} ft_work;

/** Opens the database of these settings, or takes the one that is open for them, alone: calls for the same database come one after another.
 *  @param w t, q and self are filled in @param work what is done with it */
weir_rc ft_database_use(ft_databases *d, const tree *config, ft_work *w, weir_rc (*work)(ft_work *w, void *arg), void *arg, err *e);
/** The same within a transaction, that is committed if work() succeeds. */
weir_rc ft_database_change(ft_databases *d, const tree *config, ft_work *w, weir_rc (*work)(ft_work *w, void *arg), void *arg, err *e);

/* ---- what they share: serve_destination_table.c ---- */

/** Runs w->sql, which is then empty. */
weir_rc ft_run(ft_work *w, const weir_sql_value *values, size_t count);
/** Is there a row? Empties w->sql. */
weir_rc ft_has_row(ft_work *w, const weir_sql_value *values, size_t count, bool *ret);
/** A name in double quotes, in the call's arena; NULL without memory. */
weir_view ft_quoted(ft_work *w, weir_view name);
/** A table as the database has it; views live as long as the call. */
weir_rc ft_table_find(ft_work *w, weir_view name, bool *ret_found, ft_sql_table *ret);
/** The same for one that must be there. */
weir_rc ft_table_need(ft_work *w, const char *name, ft_sql_table *ret);
/** Its place for that column; WEIR_E_CONFIG if it has none of that name. */
weir_rc ft_column_need(ft_work *w, const ft_sql_table *t, const char *table, const char *column, size_t *ret);
/** Another table with room for `more` columns; its columns are copied, its name is the one of `table`. */
weir_rc ft_table_copy(ft_work *w, const ft_sql_table *from, const char *table, size_t more, ft_sql_table *ret);
/** Adds a column to the description; types too. */
weir_rc ft_table_add(ft_work *w, ft_sql_table *t, weir_sql_column c);
/** Removes one from it. */
void ft_table_drop(ft_sql_table *t, size_t column);
/** Names of types, for columns that were changed. */
weir_rc ft_table_types(ft_work *w, ft_sql_table *t);

/** Makes the table `name`, in place of one that is there, out of the rows of another. */
typedef struct ft_remake {
    const char *name;
    const ft_sql_table *to;
    const weir_view *expressions; /* for each column of `to` */
    weir_view from, where;        /* a table expression, a condition or nothing */
    const weir_sql_value *values; /* of the ? in the expressions, in their order */
    size_t value_count;
} ft_remake;
weir_rc ft_table_remake(ft_work *w, const ft_remake *r);

weir_sql_type ft_sql_type_of(int type);  /* DataType */
int ft_type_of_sql(weir_sql_type type);

/* ---- the calls ---- */

/** Fills a message; @param ret NULL: there is no such table */
weir_rc ft_describe_table(ft_work *w, const char *name, FivetranSdk__V2__Table **ret);
weir_rc ft_create_table(ft_work *w, const FivetranSdk__V2__Table *m);
weir_rc ft_alter_table(ft_work *w, const FivetranSdk__V2__Table *m, bool drop_columns);
weir_rc ft_truncate_table(ft_work *w, const FivetranSdk__V2__TruncateRequest *m);
weir_rc ft_write_batch(ft_work *w, const FivetranSdk__V2__WriteBatchRequest *m);
weir_rc ft_write_history_batch(ft_work *w, const FivetranSdk__V2__WriteHistoryBatchRequest *m);
/** @param ret_unsupported it is one that we do not know, and nothing was done */
weir_rc ft_migrate(ft_work *w, const FivetranSdk__V2__MigrationDetails *m, bool *ret_unsupported);

#endif
