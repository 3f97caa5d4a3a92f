/* duckdb.c - materialize-duckdb: a DuckDB database as a destination, of collections (weir_materialize) and for platforms that manage its tables themselves
 * (weir_sql). Built as a plug-in, which `weir` loads when it is needed. Read on in this order: materialize.c, fence.c (checkpoint), look.h and table.c (making
 * tables fit), column.h (JSON to DuckDB), rows.c (storing), load.c; sql.c (what the callbacks of weir_sql do), run.c (many rows in one statement), rewrite.h,
 * value.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader.h"

extern WEIR_API const weir_connector materialize_duckdb;

typedef struct settings {
    const char *path;
    int64_t memory_mb, threads;
} settings;

static const weir_field config_fields[] = {
    {.name = "path",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, path),
     .help = "The database file. It is made if it does not exist."},
    {.name = "memory_mb",
     .type = WEIR_INT,
     .offset = offsetof(settings, memory_mb),
     .fallback = "0",
     .help = "Megabytes of memory that DuckDB may use; 0 leaves it to DuckDB.",
     .flags = WEIR_ADVANCED,
     .min = 0,
     .max = 1 << 20},
    {.name = "threads",
     .type = WEIR_INT,
     .offset = offsetof(settings, threads),
     .fallback = "0",
     .help = "Threads that DuckDB may use; 0 leaves it to DuckDB.",
     .flags = WEIR_ADVANCED,
     .min = 0,
     .max = 1024},
    {0},
};

static const weir_field resource_fields[] = {
    {.name = "schema",
     .type = WEIR_TEXT,
     .offset = offsetof(duck_resource, schema),
     .fallback = "main",
     .help = "The schema that holds the table. It is made if it does not exist.",
     .flags = WEIR_SCHEMA_NAME | WEIR_PATH},
    {.name = "table",
     .type = WEIR_TEXT,
     .offset = offsetof(duck_resource, table),
     .help = "The table to load the collection into. It is made if it does not exist.",
     .flags = WEIR_COLLECTION_NAME | WEIR_PATH},
    {.name = "delta_updates",
     .type = WEIR_BOOL,
     .offset = offsetof(duck_resource, delta_updates),
     .fallback = "false",
     .help = "Add every document as a row of its own instead of updating rows by key.",
     .flags = WEIR_ADVANCED | WEIR_DELTA_UPDATES},
    {0},
};

static void close_duck(void *self)
{
    duck_loader *l = self;
    if (!l)
        return;
    for (size_t i = 0; i < l->table_count; i++)
        duck_table_free(l->tables[i]);
    free(l->tables);
    free(l->keys);
    free(l->task_name);
    free(l->checkpoint);
    lite_text_free(&l->scratch);
    lite_text_free(&l->sql);
    lite_text_free(&l->out);
    duck_forget(&l->d);
    if (l->d.connection)
        duckdb_disconnect(&l->d.connection);
    if (l->d.database)
        duckdb_close(&l->d.database);
    free(l);
}

/* One that is not there is made with the first statement: who only looks changes nothing. */
static weir_rc open_duck(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    (void)me;
    const settings *s = config;
    weir_view task = weir_task_name(t);
    duck_loader *l = calloc(1, sizeof *l);
    if (!l)
        return duck_nomem(t);
    l->d = (duck){.path = s->path, .memory_mb = s->memory_mb, .threads = s->threads};
    weir_key_range(t, &l->key_begin, &l->key_end);
    l->task_name = strndup(task.ptr ? task.ptr : "", task.len);
    weir_rc rc = !l->task_name ? duck_nomem(t) : access(s->path, F_OK) == 0 ? duck_connect(t, &l->d) : WEIR_OK;
    if (!rc)
        rc = duck_fence_look(t, l);
    if (rc)
        close_duck(l);
    else
        *ret_self = l;
    return rc;
}

const weir_connector materialize_duckdb = {
    .abi = WEIR_ABI,
    .name = "materialize-duckdb",
    .version = "0.1.0",
    .title = "Loads collections and tables into a DuckDB database file",
    .config = config_fields,
    .config_size = sizeof(settings),
    .resource = resource_fields,
    .resource_size = sizeof(duck_resource),
    .open = open_duck,
    .close = close_duck,
    .materialize = &duck_materialize,
    .sql = &duck_sql,
};
