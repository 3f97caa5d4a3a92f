/* duckdb.c - materialize-duckdb: a DuckDB database as a destination for platforms that manage its tables themselves (weir_sql). Built as a plug-in, which
 * `weir` loads when it is needed. Read on in this order: sql.c (what the callbacks do), run.c (many rows in one statement), rewrite.h, value.h.
 */
#include <stdlib.h>
#include <unistd.h>

#include "duck.h"

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

static void close_duck(void *self)
{
    duck *d = self;
    if (!d)
        return;
    duck_forget(d);
    if (d->connection)
        duckdb_disconnect(&d->connection);
    if (d->database)
        duckdb_close(&d->database);
    free(d);
}

/* One that is not there is made with the first statement: who only looks changes nothing. */
static weir_rc open_duck(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    (void)me;
    const settings *s = config;
    duck *d = calloc(1, sizeof *d);
    if (!d)
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    *d = (duck){.path = s->path, .memory_mb = s->memory_mb, .threads = s->threads};
    weir_rc rc = access(s->path, F_OK) == 0 ? duck_connect(t, d) : WEIR_OK;
    if (rc)
        close_duck(d);
    else
        *ret_self = d;
    return rc;
}

const weir_connector materialize_duckdb = {
    .abi = WEIR_ABI,
    .name = "materialize-duckdb",
    .version = "0.1.0",
    .title = "Loads tables into a DuckDB database file",
    .config = config_fields,
    .config_size = sizeof(settings),
    .open = open_duck,
    .close = close_duck,
    .sql = &duck_sql,
};
