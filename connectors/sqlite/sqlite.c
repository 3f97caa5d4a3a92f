/* sqlite.c - materialize-sqlite: collections into the tables of an SQLite database, each row exactly once.
 *
 * One transaction of SQLite for each of ours, and the checkpoint goes in with the rows. Read on in this order: db.h (connection and
 * fence), table.h (making tables fit), lite_value.h (JSON to SQLite and back), rows.h (storing and loading).
 */
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "sql.h"

extern const weir_connector materialize_sqlite;

typedef struct settings {
    const char *path;
    int64_t busy_timeout, cache_mb;
} settings;

static const weir_field config_fields[] = {
    {.name = "path",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, path),
     .help = "The database file. It is made if it does not exist."},
    {.name = "busy_timeout",
     .type = WEIR_INT,
     .offset = offsetof(settings, busy_timeout),
     .fallback = "60",
     .help = "How many seconds to wait while another process writes to the database.",
     .flags = WEIR_ADVANCED,
     .min = 0,
     .max = 86400},
    {.name = "cache_mb",
     .type = WEIR_INT,
     .offset = offsetof(settings, cache_mb),
     .fallback = "8",
     .help = "Megabytes of memory for pages of the database. More is faster for large tables whose keys come in no order.",
     .flags = WEIR_ADVANCED,
     .min = 1,
     .max = 65536},
    {0},
};

static const weir_field resource_fields[] = {
    {.name = "table",
     .type = WEIR_TEXT,
     .offset = offsetof(resource, table),
     .help = "The table to load the collection into. It is made if it does not exist.",
     .flags = WEIR_COLLECTION_NAME | WEIR_PATH},
    {.name = "delta_updates",
     .type = WEIR_BOOL,
     .offset = offsetof(resource, delta_updates),
     .fallback = "false",
     .help = "Add every document as a row of its own instead of updating rows by key.",
     .flags = WEIR_ADVANCED | WEIR_DELTA_UPDATES},
    {0},
};

typedef struct loader {
    db d; /* first: it is what weir_sql knows */
    table **tables; /* by index of the binding; NULL: not looked at yet */
    size_t table_count;
    lite_text scratch, out;
} loader;

/* ------------------------------------------------------------------------------------------------------- open and close -- */

static void close_loader(void *self)
{
    loader *l = self;
    if (!l)
        return;
    for (size_t i = 0; i < l->table_count; i++)
        lite_table_free(l->tables[i]);
    free(l->tables);
    lite_sql_free(&l->d);
    lite_close(&l->d);
    lite_text_free(&l->scratch);
    lite_text_free(&l->out);
    free(l);
}

static weir_rc open_loader(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    (void)me;
    const settings *s = config;
    weir_view task = weir_task_name(t);
    loader *l = calloc(1, sizeof *l);
    if (!l)
        return lite_nomem(t);
    l->d = (db){.path = s->path,
                .wait = {.task = t, .busy_ms = s->busy_timeout * 1000},
                .cache_mb = s->cache_mb,
                .task_name = strndup(task.ptr ? task.ptr : "", task.len)};
    weir_key_range(t, &l->d.key_begin, &l->d.key_end);
    weir_rc rc = l->d.task_name ? lite_open(t, &l->d) : lite_nomem(t);
    if (rc)
        close_loader(l);
    else
        *ret_self = l;
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- tables -- */

static bool tables_reserve(loader *l, size_t count)
{
    if (count <= l->table_count)
        return true;
    table **tables = reallocarray(l->tables, count, sizeof(table *));
    if (!tables)
        return false;
    memset(tables + l->table_count, 0, (count - l->table_count) * sizeof(table *));
    l->tables = tables;
    l->table_count = count;
    return true;
}

/* Makes the table of a binding fit, in the open transaction. */
static weir_rc fit(weir_task *t, loader *l, const weir_binding *b)
{
    if (!tables_reserve(l, (size_t)b->index + 1))
        return lite_nomem(t);
    lite_table_free(l->tables[b->index]);
    l->tables[b->index] = NULL;
    return lite_table_fit(t, &l->d, b, &l->tables[b->index]);
}

/* The table of a binding; a process that only stores has not been told to apply. */
static weir_rc table_for(weir_task *t, loader *l, const weir_binding *b, table **ret)
{
    table *x = b->index < l->table_count ? l->tables[b->index] : NULL;
    weir_rc rc = x && x->count == b->column_count ? WEIR_OK : fit(t, l, b);
    if (!rc)
        *ret = l->tables[b->index];
    return rc;
}

/* Statements must not outlive the tables they were made for, nor a transaction what failed in it. */
static weir_rc settle(loader *l, weir_rc rc)
{
    if (rc)
        lite_rollback(&l->d);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- callbacks -- */

static weir_rc validate(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    loader *l = self;
    l->d.wait.task = t;
    return lite_table_validate(t, &l->d, bindings, count);
}

static weir_rc apply(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    loader *l = self;
    l->d.wait.task = t;
    bool alone = !l->d.in_transaction;
    weir_rc rc = lite_begin(t, &l->d);
    for (size_t i = 0; !rc && i < count; i++) {
        if (lite_table_named_before(bindings, i))
            rc = weir_fail(t, WEIR_E_CONFIG, "two bindings name the table \"%s\"", ((const resource *)bindings[i].resource)->table);
        if (!rc)
            rc = fit(t, l, &bindings[i]);
    }
    if (!rc && alone)
        rc = lite_commit(t, &l->d, NULL);
    return settle(l, rc);
}

static weir_rc load(weir_task *t, void *self, const weir_row *keys, size_t count)
{
    loader *l = self;
    table *x = NULL;
    l->d.wait.task = t;
    weir_rc rc = count ? lite_begin(t, &l->d) : WEIR_OK;
    if (!rc && count)
        rc = table_for(t, l, keys[0].binding, &x);
    if (!rc && count)
        rc = lite_rows_load(t, &l->d, x, keys, count, &l->scratch, &l->out);
    return settle(l, rc);
}

static weir_rc store(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    loader *l = self;
    table *x = NULL;
    l->d.wait.task = t;
    weir_rc rc = count ? lite_begin(t, &l->d) : WEIR_OK;
    if (!rc && count)
        rc = table_for(t, l, rows[0].binding, &x);
    if (!rc && count)
        rc = lite_rows_store(t, &l->d, x, rows, count, &l->scratch);
    return settle(l, rc);
}

static weir_rc expire(weir_task *t, void *self, const weir_binding *b, const weir_expiry *how)
{
    loader *l = self;
    table *x = NULL;
    l->d.wait.task = t;
    weir_rc rc = lite_begin(t, &l->d);
    if (!rc)
        rc = table_for(t, l, b, &x);
    if (!rc)
        rc = lite_table_expire(t, &l->d, x, b, how, &l->scratch);
    return settle(l, rc);
}

static weir_rc commit(weir_task *t, void *self, weir_view checkpoint)
{
    loader *l = self;
    l->d.wait.task = t;
    weir_rc rc = lite_begin(t, &l->d);
    if (!rc)
        rc = lite_commit(t, &l->d, &checkpoint);
    return settle(l, rc);
}

static const weir_materialize materialize = {.validate = validate, .apply = apply, .load = load, .store = store, .commit = commit, .expire = expire,
                                              .updates = true};

const weir_connector materialize_sqlite = {
    .abi = WEIR_ABI,
    .name = "materialize-sqlite",
    .version = "0.1.0",
    .title = "Loads collections into tables of an SQLite database file",
    .config = config_fields,
    .config_size = sizeof(settings),
    .resource = resource_fields,
    .resource_size = sizeof(resource),
    .open = open_loader,
    .close = close_loader,
    .materialize = &materialize,
    .sql = &lite_sql_ops,
};
