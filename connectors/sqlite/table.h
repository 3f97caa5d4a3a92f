/* table.h - the table of a binding: made, widened, emptied so that the binding's rows fit, and never narrowed. */
#ifndef SQLITE_TABLE_H
#define SQLITE_TABLE_H

#include "db.h"

/** What a column of a STRICT table may hold. */
typedef enum column_type { COLUMN_INTEGER, COLUMN_TEXT, COLUMN_BLOB, COLUMN_ANY } column_type;

typedef struct column {
    char *name;       /* in the table; the field's, unless that was taken; lite_surplus: it is a member of that column */
    int place;        /* among the columns that have one of their own, from 1; 0: none */
    weir_view field;  /* of those without: their name in the surplus, as JSON, with its colon ... */
    char *pointer;    /* ... and where they are there */
    bool whole;       /* the document */
    char *above;      /* of a field inside of another one: pointer to the top-level member; NULL: it is one */
    column_type type; /* as the table has it: as wide as the schema asks, or wider */
    bool not_null;
    unsigned types; /* WEIR_IS_..., of the schema */
    bool digits;    /* texts are numbers: `format: integer` or `number` */
    value_hint hint;
} column;

/** A statement that changes some columns of a row. */
typedef struct change {
    bool *set;       /* by column */
    bool rest;       /* and the surplus */
    sqlite3_stmt *st;
} change;

enum { TABLE_CHANGES = 16 };

typedef struct table {
    char *name;
    column *columns; /* one for each of the binding's, in its order: keys first */
    size_t count, keys;
    int places;      /* columns of its own, the surplus not counted */
    bool surplus;    /* some have none */
    lite_text rest;  /* the surplus of the row at hand */
    bool delta;
    const column *cursor, *epoch; /* which decide whether a row takes the place of the one that is there; NULL: none */
    sqlite3_stmt *put, *remove, *get; /* made at first use */
    change changes[TABLE_CHANGES];    /* those used last; made at first use */
    size_t change_count, change_next;
    struct change_work *work;         /* of the row at hand; made at first use */
    struct member *members;           /* how load() makes documents; made at first use */
    size_t member_count;
    lite_text member_names;
} table;

/** The settings of a binding. */
typedef struct resource {
    const char *table;
    bool delta_updates;
} resource;

/** What is wrong with the bindings as such, or with the tables as they stand. Changes nothing; calls weir_problem(). */
weir_rc lite_table_validate(weir_task *t, db *d, const weir_binding *bindings, size_t count);
/** Is the table of bindings[at] also that of one before it? */
bool lite_table_named_before(const weir_binding *bindings, size_t at);
/** Removes or marks rows that are out of date, within the open transaction. */
weir_rc lite_table_expire(weir_task *t, db *d, table *x, const weir_binding *b, const weir_expiry *how, lite_text *scratch);
/** Makes the table fit, within the open transaction. */
weir_rc lite_table_fit(weir_task *t, db *d, const weir_binding *b, table **ret);
/** Lets column `at` hold any type, or null: a value has come that the schema did not foresee. Within the open transaction. */
weir_rc lite_table_relax(weir_task *t, db *d, table *x, size_t at, bool to_null);
void lite_table_free(table *x);
/** For lite_table_free(). */
void lite_rows_forget_work(table *x);
/** Forgets the statements: the table has changed. */
void lite_table_forget(table *x);

#endif
