/* look.h - what the database has for a binding, and what stands in the way of using it. Changes nothing. */
#ifndef DUCKDB_LOOK_H
#define DUCKDB_LOOK_H

#include "loader.h"

/** A column as the database has it. */
typedef struct duck_existing {
    const char *name, *shown; /* shown: DuckDB's name of its type */
    duck_type type;
    bool not_null;
} duck_existing;

/** Everything known about one binding's table while it is made to fit. Memory is the task's: it is gone when the callback returns. */
typedef struct duck_fitting {
    weir_task *t;
    duck_loader *l;
    const weir_binding *b;
    const char *schema, *asked, *name; /* asked: by the binding; name: of the table */
    bool quiet;       /* only looking: log nothing */
    bool view;        /* there is a view of that name */
    bool known;       /* we made it */
    int64_t backfill; /* as of when it was last emptied */
    const char *task; /* that made it */
    const char *keys; /* its key, as duck_look_keys() writes it */
    duck_existing *had; /* count 0: there is no table */
    size_t had_count;
    const char **names; /* of the binding's columns, in the table */
} duck_fitting;

duck_fitting duck_look_begin(weir_task *t, duck_loader *l, const weir_binding *b);
/** Reads what there is, and finds a name in the table for each of the binding's fields. */
weir_rc duck_look_at(duck_fitting *f);
/** Reads the columns again. */
weir_rc duck_look_columns(duck_fitting *f);
const duck_existing *duck_look_column(const duck_fitting *f, const char *name);
bool duck_look_is_delta(const weir_binding *b);
size_t duck_look_key_count(const weir_binding *b);
/** The names of the binding's key columns, quoted, with commas. */
const char *duck_look_keys(const duck_fitting *f);
bool duck_look_starts_over(const duck_fitting *f);
/** What is wrong with a binding whatever the database holds; NULL: nothing. The words follow the table's name. */
const char *duck_look_fault(const weir_binding *b);
/** What stands in the way of using the table as it is found; as duck_look_fault(). */
const char *duck_look_obstacle(const duck_fitting *f);

#endif
