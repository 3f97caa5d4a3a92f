/* look.h - what the database has for a binding, and what stands in the way of using it. Changes nothing. */
#ifndef POSTGRES_LOOK_H
#define POSTGRES_LOOK_H

#include "table.h"

/* A column as the database has it. */
typedef struct existing {
    const char *name, *sql_type; /* sql_type: as SQL has it, such as character varying(20) */
    pg_type type;
    bool not_null, generated, filled; /* filled: it has a default, or counts by itself */
    int key; /* position in the primary key, from 1; 0: not in it */
} existing;

/* Everything known about one binding's table while it is made to fit. Memory is the task's: it is gone when the callback returns. */
typedef struct fitting {
    weir_task *t;
    pg *d;
    const weir_binding *b;
    const char *schema, *name, *quoted;
    bool exists, known;  /* there is such a table; we made it */
    char kind;           /* pg_class.relkind */
    int64_t backfill;    /* as of when it was last emptied */
    const char *made_by; /* task */
    const char *key_name; /* of the primary key's constraint; NULL: there is none */
    existing *had;
    size_t had_count;
    const char **names;  /* of the binding's columns, in the table */
    bool checkpoint;     /* something was loaded before */
} fitting;

weir_rc pg_look_at(fitting *f);
weir_rc pg_look_columns(fitting *f);
const existing *pg_look_column(const fitting *f, const char *name);

const char *pg_look_schema(const pg *d, const weir_binding *b);
bool pg_look_is_delta(const weir_binding *b);
size_t pg_look_keys(const weir_binding *b);
/** Strings of this column are told apart by every byte. */
bool pg_look_exact(const weir_binding *b, size_t at);

bool pg_look_same_key(const fitting *f);
/** Has the user asked to empty the table? */
bool pg_look_starts_over(const fitting *f);
/** What is wrong with a binding whatever the database holds; NULL: nothing. The words follow the table's name. */
const char *pg_look_fault(weir_task *t, const pg *d, const weir_binding *b);
/** What stands in the way of using the table as it is found; as pg_look_fault(). */
const char *pg_look_obstacle(const fitting *f);

#endif
