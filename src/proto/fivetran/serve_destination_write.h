/* serve_destination_write.h - batch files into a table: what WriteBatch and WriteHistoryBatch share, in serve_destination_write.c. */
#ifndef WEIR_PROTO_FIVETRAN_SERVE_DESTINATION_WRITE_H
#define WEIR_PROTO_FIVETRAN_SERVE_DESTINATION_WRITE_H

#include "proto/fivetran/history_order.h"
#include "proto/fivetran/serve_destination.h"

enum { FT_MASKS = 64 }; /* statements that are kept for sets of columns which rows change */

/* The statement for rows that set the same columns. */
typedef struct ft_masked {
    bool *set; /* NULL: free */
    ft_statement s;
} ft_masked;

typedef struct ft_storing {
    ft_work *w;
    const char *table;
    ft_sql_table t;
    ft_batch_format format;
    weir_view (*key_of)(const void *request, const char *path);
    const void *request;
    ft_batch_reader *r;      /* the file at hand */
    const char *path;
    size_t start, end;       /* columns of history; t.count: it has none */
    ft_order order;          /* of history: updates that wait for those before them */
    ft_ordered_row *const *ordered; /* where the rows at hand come from; NULL: one after another from the file at hand */
    weir_sql_value *gathered; /* parameters of the rows that wait for one statement */
    size_t gathered_room;
    ft_masked masks[FT_MASKS];
    size_t next_mask;
    bool *set;               /* of the row at hand */
    ft_statement a, b, c;    /* of the file */
} ft_storing;

typedef weir_rc ft_rows_work(ft_storing *x, const ft_rows *rows);
typedef weir_rc ft_file_begin(ft_storing *x);

/* A kind of file. */
typedef struct ft_file_kind {
    const char *name;
    ft_file_begin *begin;
    ft_rows_work *rows;
} ft_file_kind;

typedef void ft_masked_sql(ft_statement *s, arena *a, const ft_sql_table *t, const bool *set);

weir_rc ft_storing_begin(ft_storing *x, const FivetranSdk__V2__Table *table, const FivetranSdk__V2__FileParams *p);
void ft_storing_free(ft_storing *x);
/** Writes the rows of files, one file after the other. */
weir_rc ft_storing_files(ft_storing *x, const ft_file_kind *kind, char *const *paths, size_t count);

/* ---- for kinds of files ---- */

weir_rc ft_storing_nomem(ft_storing *x);
weir_rc ft_storing_check_cancelled(ft_storing *x);
weir_rc ft_storing_row_fault(ft_storing *x, const ft_rows *rows, size_t i, const char *what, size_t column);
/** A file must have the columns of the key. @param start also `_fivetran_start` */
weir_rc ft_storing_need_key(ft_storing *x, bool start);
weir_rc ft_storing_need_column(ft_storing *x, size_t column);
/** What a row that is inserted must have. @param whole nothing may be left as it was */
weir_rc ft_storing_check_rows(ft_storing *x, const ft_rows *rows, bool whole);
/** Runs a statement for rows from..to of those at hand. @param extras FT_EXTRAS for each of all rows; NULL: it takes none */
weir_rc ft_storing_run(ft_storing *x, ft_statement *s, const ft_rows *rows, size_t from, size_t to, const weir_sql_value *extras);
/** The same with a statement for what each row sets; those that set the same columns go together.
 *  @param has columns that they have; NULL: all  @param empty also rows that set nothing */
weir_rc ft_storing_run_masked(ft_storing *x, const ft_rows *rows, const bool *has, ft_masked_sql *sql, bool empty);
weir_rc ft_storing_begin_update(ft_storing *x);
/** Runs the statement `a` for all rows. */
weir_rc ft_storing_plain_rows(ft_storing *x, const ft_rows *rows);
/** Rows that take the place of those with their keys. */
extern const ft_file_kind ft_storing_replaces;

/* Of two entries with one key the last counts (fivetran.md 1.5). */
#define FT_KEY_OF(entries, count, path)                                                           \
    for (size_t i_ = (count); i_-- > 0;)                                                       \
        if (strcmp((entries)[i_]->key, (path)) == 0)                                           \
            return (weir_view){(const char *)(entries)[i_]->value.data, (entries)[i_]->value.len}; \
    return (weir_view){0}

#endif
