/* loader.h - collections into tables: the connection, the fence, the tables of the bindings, rows on their way. */
#ifndef DUCKDB_LOADER_H
#define DUCKDB_LOADER_H

#include "column.h"
#include "duck.h"

/** The settings of a binding. */
typedef struct duck_resource {
    const char *schema, *table;
    bool delta_updates;
} duck_resource;

/** Data chunks that wait in memory. */
typedef struct duck_chunks {
    duckdb_logical_type *types;
    size_t columns;
    duckdb_data_chunk *items;
    duckdb_vector *vectors; /* of the last one */
    size_t count, room;
    idx_t fill;             /* rows in the last one */
    size_t rows, bytes;     /* bytes: of the JSON that they were made of */
} duck_chunks;

typedef struct duck_table {
    char *schema, *name;
    char *quoted;           /* "schema"."name" */
    duck_column *columns;   /* one for each of the binding's, in its order: keys first */
    size_t count, keys;
    bool delta;
    bool empty;             /* it held no rows when the transaction began, and what was stored since has other keys than what comes */
    bool touched;           /* rows were changed in this transaction: it cannot be altered any more, only made anew */
    size_t cursor, epoch;   /* columns that decide which row of a key stays; SIZE_MAX: none */
    duck_chunks rows, gone; /* to be stored; keys of those that give way */
    struct duck_member *members; /* how load() makes documents; made at first use */
    size_t member_count;
    lite_text member_names;
} duck_table;

typedef struct duck_loader {
    duck d; /* first: it is what weir_sql knows */
    char *task_name;        /* empty: somebody else keeps the position, so there is neither checkpoint nor fence */
    bool broken;            /* a transaction was rolled back: what was stored in it is gone, so nothing may be committed */
    bool ready;             /* our own tables are there, the fence is ours */
    uint32_t key_begin, key_end; /* the key hashes that this session stores */
    bool found, exact;      /* open() found a checkpoint, of this very range */
    int64_t fence;
    char *checkpoint;       /* as open() found it; NULL: none */
    duck_table **tables;    /* by index of the binding; NULL: not looked at yet */
    size_t table_count;
    const weir_row **keys;  /* that flush() answers */
    size_t key_count, key_room;
    lite_text scratch, sql, out;
} duck_loader;

weir_rc duck_nomem(weir_task *t);
/** Runs SQL text that was put together; it is emptied. */
weir_rc duck_exec_text(weir_task *t, duck_loader *l, lite_text *sql);

/* ---- fence.c ---- */
/** Reads the checkpoint and hands it to weir_resume(). Changes nothing. */
weir_rc duck_fence_look(weir_task *t, duck_loader *l);
/** Begins a transaction unless one is open. The first one makes our own tables and raises the fence. */
weir_rc duck_loader_begin(weir_task *t, duck_loader *l);
/** Ends it; with a checkpoint, that is stored in it. */
weir_rc duck_loader_commit(weir_task *t, duck_loader *l, const weir_view *checkpoint);
void duck_loader_rollback(weir_task *t, duck_loader *l);

/* ---- table.c ---- */
/** What is wrong with the bindings as such, or with the tables as they stand; calls weir_problem(). */
weir_rc duck_table_validate(weir_task *t, duck_loader *l, const weir_binding *bindings, size_t count);
/** Is the table of bindings[at] also that of one before it? */
bool duck_table_named_before(const weir_binding *bindings, size_t at);
/** Makes the table fit, within the open transaction. @param touched see duck_table */
weir_rc duck_table_fit(weir_task *t, duck_loader *l, const weir_binding *b, bool touched, duck_table **ret);
/** Lets columns hold more, as `wanted` says for each of them (DUCK_NOTHING: as it is). What waits was stored before. */
weir_rc duck_table_widen(weir_task *t, duck_loader *l, duck_table *x, const duck_type *wanted);
weir_rc duck_table_expire(weir_task *t, duck_loader *l, duck_table *x, const weir_binding *b, const weir_expiry *how);
void duck_table_free(duck_table *x);

/* ---- rows.c ---- */
weir_rc duck_rows_store(weir_task *t, duck_loader *l, duck_table *x, const weir_row *rows, size_t count);
/** Puts what waits into the table. */
weir_rc duck_rows_settle(weir_task *t, duck_loader *l, duck_table *x);
void duck_chunks_free(duck_chunks *c);
/** Makes room for one more row. NULL vectors: no memory. */
bool duck_chunks_next(duck_chunks *c);
bool duck_chunks_begin(duck_chunks *c, const duck_column *columns, size_t count, size_t extra);
/** Appends all of it to an appender. */
weir_rc duck_chunks_append(weir_task *t, duck_loader *l, duck_chunks *c, duckdb_appender a);
weir_rc duck_appender_failed(weir_task *t, const duck_loader *l, duckdb_appender a);

/* ---- load.c ---- */
/** Answers for keys of one table's binding. */
weir_rc duck_load(weir_task *t, duck_loader *l, duck_table *x, const weir_row *const *keys, size_t count);
/** Says of each of the rows whether the one that is there has a larger cursor. */
weir_rc duck_load_older(weir_task *t, duck_loader *l, duck_table *x, const weir_row *rows, size_t count, bool *older);

extern const weir_materialize duck_materialize;

#endif
