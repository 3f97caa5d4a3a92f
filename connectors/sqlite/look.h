/* look.h - what the database has for a binding, and what stands in the way of using it. Changes nothing. */
#ifndef SQLITE_LOOK_H
#define SQLITE_LOOK_H

#include "table.h"

/* A column as the database has it. */
typedef struct existing {
    const char *name, *type, *fallback; /* fallback: DEFAULT expression or NULL */
    bool not_null, generated;
    int key; /* position in the primary key, from 1; 0: not in it */
} existing;

/* Everything known about one binding's table while it is made to fit. Memory is the task's: it is gone when the callback returns.
 */
typedef struct fitting {
    weir_task *t;
    db *d;
    const weir_binding *b;
    const char *name;
    bool quiet;       /* only looking: log nothing */
    bool known;       /* we made it */
    int64_t backfill; /* as of when it was last emptied */
    existing *had;    /* count 0: there is no table */
    size_t had_count;
    const char **names; /* of the binding's columns, in the table; lite_surplus for those that have none of their own */
    bool surplus;       /* there are such */
} fitting;

/* SQLite has no more than 2,000 columns in a table. One is kept free for the fields beyond: an object of them, as JSON. */
extern const char lite_surplus[];
bool lite_is_surplus(const char *column_name);

/** Reads what there is, finds the table's name, and a name in the table for each of the binding's fields. The rest of a fitting is then filled. */
weir_rc lite_look_at(fitting *f);
/** Reads the columns again. */
weir_rc lite_look_columns(fitting *f);
/** The column of that name, as SQLite compares names; NULL if there is none. */
const existing *lite_look_column(const fitting *f, const char *name);

/** The binding's table; what it is asked to be. */
const char *lite_look_name(const weir_binding *b);
bool lite_look_is_delta(const weir_binding *b);
size_t lite_look_keys(const weir_binding *b);
/** A field's name as a C string; NULL without memory. */
const char *lite_look_field(weir_task *t, weir_view field);

/** Is the primary key that of the binding? */
bool lite_look_same_key(const fitting *f);
/** Has the user asked to empty the table? */
bool lite_look_starts_over(const fitting *f);
/** What is wrong with a binding whatever the database holds; NULL: nothing. The words follow the table's name. */
const char *lite_look_fault(const weir_binding *b);
/** What stands in the way of using the table as it is found; as lite_look_fault(). */
const char *lite_look_obstacle(const fitting *f);

#endif
