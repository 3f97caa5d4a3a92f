/* table.h - the table of a binding: made, widened, emptied so that the binding's rows fit, and never narrowed. */
#ifndef POSTGRES_TABLE_H
#define POSTGRES_TABLE_H

#include "pg.h"
#include "type.h"

typedef struct column {
    char *name;      /* in the table */
    char *quoted;    /* as SQL has it */
    char *cast;      /* PG_OTHER: its type, as SQL has it */
    char *above;     /* of a field inside of another one: pointer to the top-level member; NULL: it is one */
    pg_shape shape;
    bool not_null;
    bool whole;      /* the document */
} column;

typedef struct table {
    char *name;      /* for people */
    char *quoted;    /* with its schema */
    column *columns; /* one for each of the binding's, in its order: keys first */
    size_t count, keys;
    uint32_t index;  /* of the binding: temporary tables are named by it */
    bool delta;
    bool server_reads;  /* a column is PG_OTHER: rows go through a temporary table */
    const column *cursor, *epoch; /* which decide whether a row takes the place of the one that is there; NULL: none */
    bool staged, gone, asked;     /* temporary tables that are there: whole rows, keys to delete, keys to look for */
    uint64_t staged_in, gone_in, asked_in; /* the transaction in which they were filled */
    uint64_t locked_in;           /* ... in which others were kept from writing, for the cursor's sake */
    bool plain;                   /* nobody has added anything to it: rows may be deleted and inserted instead of updated ... */
    uint64_t looked_in;           /* ... in this transaction */
    bool ascending;               /* nobody has another key than the highest one, and smaller ones, if ... */
    bool empty;                   /* ... there is any */
    lite_text high;               /* the highest key stored: its values, each ended by NUL */
    struct member *members;       /* how load() makes documents; made at first use */
    size_t member_count;
    lite_text member_names;
} table;

/** The settings of a binding. */
typedef struct resource {
    const char *table, *schema;
    bool delta_updates;
} resource;

enum { PG_NAME_MAX = 63, PG_COLUMNS_MAX = 1600 };

/** What is wrong with the bindings as such, or with the tables as they stand. Changes nothing; calls weir_problem(), weir_constrain(). */
weir_rc pg_table_validate(weir_task *t, pg *d, const weir_binding *bindings, size_t count);
/** Is the table of bindings[at] also that of one before it? */
bool pg_table_named_before(const pg *d, const weir_binding *bindings, size_t at);
/** What was done to tables. */
typedef struct fitted {
    bool changed, emptied;
} fitted;

/** Makes the table fit, within the open transaction. */
weir_rc pg_table_fit(weir_task *t, pg *d, const weir_binding *b, table **ret, fitted *ret_done);
/** Lets column `at` hold this value, or null: it has come although the schema did not foresee it. Within the open transaction. */
weir_rc pg_table_relax(weir_task *t, pg *d, table *x, size_t at, weir_view value);
/** Removes or marks rows that are out of date, within the open transaction. */
weir_rc pg_table_expire(weir_task *t, pg *d, table *x, const weir_binding *b, const weir_expiry *how);
void pg_table_free(table *x);

/** Appends `first`, then for each column in [from, to) its quoted name behind `before`, with `between` between them. */
void pg_add_names(lite_text *sql, const table *x, size_t from, size_t to, const char *before, const char *between);
void pg_add(lite_text *sql, const char *text);
/** Appends a condition: that the keys of two tables, called a and b, are the same. */
void pg_add_same_key(lite_text *sql, const table *x, const char *a, const char *b);
/** The text as it stands; ended. NULL without memory. */
const char *pg_sql(lite_text *sql);

#endif
