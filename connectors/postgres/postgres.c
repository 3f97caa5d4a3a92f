/* postgres.c - materialize-postgres: collections into the tables of a PostgreSQL database, each row exactly once.
 *
 * One transaction of the database for each of ours, and the checkpoint goes in with the rows, behind a fence (flow.md 5.6, pattern 1). Read on in this order:
 * pg.h (connection and fence), type.h (JSON to PostgreSQL and back), table.h (making tables fit), rows.h (storing and loading).
 */
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "sql.h"

extern WEIR_API const weir_connector materialize_postgres;

static const char *const ssl_modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL};
static const char *const nul_modes[] = {"replace", "fail", NULL};

static const weir_field advanced_fields[] = {
    {.name = "sslmode",
     .type = WEIR_TEXT,
     .offset = offsetof(advanced, sslmode),
     .help = "How much is demanded of an encrypted connection; without a mode, PostgreSQL's own default counts.",
     .title = "SSL Mode",
     .flags = WEIR_OPTIONAL,
     .choices = ssl_modes},
    {.name = "sslrootcert",
     .type = WEIR_TEXT,
     .offset = offsetof(advanced, sslrootcert),
     .help = "File with the certificates of the authorities that may vouch for the server.",
     .title = "SSL Root Certificate",
     .flags = WEIR_OPTIONAL},
    {.name = "nul",
     .type = WEIR_TEXT,
     .offset = offsetof(advanced, nul),
     .fallback = "replace",
     .help = "What becomes of the character U+0000, which PostgreSQL cannot store: replace makes it U+FFFD, fail ends the task.",
     .choices = nul_modes},
    {.name = "lock_timeout",
     .type = WEIR_INT,
     .offset = offsetof(advanced, lock_timeout),
     .fallback = "60",
     .help = "How many seconds to wait for what others have locked; 0 waits for ever.",
     .min = 0,
     .max = 86400},
    {0},
};

static const weir_field config_fields[] = {
    {.name = "address",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, address),
     .help = "Where the server is: host or host:port, a folder with its socket, or a whole URL, postgres://...",
     .placeholder = "localhost:5432"},
    {.name = "database",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, database),
     .help = "The database; not needed with a URL.",
     .flags = WEIR_OPTIONAL},
    {.name = "user", .type = WEIR_TEXT, .offset = offsetof(settings, user), .help = "The role to log in as.", .flags = WEIR_OPTIONAL},
    {.name = "password",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, password),
     .help = "Its password, if it needs one.",
     .flags = WEIR_OPTIONAL | WEIR_SECRET},
    {.name = "schema",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, schema),
     .fallback = "public",
     .help = "The schema of tables that name none, and of the connector's own. It is made if it does not exist."},
    {.name = "advanced",
     .type = WEIR_OBJECT,
     .offset = offsetof(settings, more),
     .help = "What is seldom changed.",
     .flags = WEIR_ADVANCED,
     .fields = advanced_fields},
    {0},
};

static const weir_field resource_fields[] = {
    {.name = "table",
     .type = WEIR_TEXT,
     .offset = offsetof(resource, table),
     .help = "The table to load the collection into. It is made if it does not exist.",
     .flags = WEIR_COLLECTION_NAME | WEIR_PATH},
    {.name = "schema",
     .type = WEIR_TEXT,
     .offset = offsetof(resource, schema),
     .help = "Its schema, if that is another one than the connection's.",
     .flags = WEIR_SCHEMA_NAME | WEIR_OPTIONAL | WEIR_PATH},
    {.name = "delta_updates",
     .type = WEIR_BOOL,
     .offset = offsetof(resource, delta_updates),
     .fallback = "false",
     .help = "Add every document as a row of its own instead of updating rows by key.",
     .flags = WEIR_ADVANCED | WEIR_DELTA_UPDATES},
    {0},
};

typedef struct loader {
    pg d; /* first: it is what weir_sql knows */
    flow f;
    table **tables; /* by index of the binding; NULL: not looked at yet */
    size_t table_count;
} loader;

/* ------------------------------------------------------------------------------------------------------- open and close -- */

static void close_loader(void *self)
{
    loader *l = self;
    if (!l)
        return;
    for (size_t i = 0; i < l->table_count; i++)
        pg_table_free(l->tables[i]);
    free(l->tables);
    pg_close(&l->d);
    pg_flow_free(&l->f);
    free(l);
}

static weir_rc open_loader(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    (void)me;
    weir_view task = weir_task_name(t);
    loader *l = calloc(1, sizeof *l);
    if (!l)
        return pg_nomem(t);
    l->d = (pg){.s = config, .task_name = strndup(task.ptr ? task.ptr : "", task.len), .key_end = UINT32_MAX};
    weir_key_range(t, &l->d.key_begin, &l->d.key_end);
    l->f = (flow){.d = &l->d};
    weir_rc rc = l->d.task_name ? pg_connect(t, &l->d) : pg_nomem(t);
    l->f.e.no_infinity = !rc && PQserverVersion(l->d.conn) < 140000;
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
static weir_rc fit(weir_task *t, loader *l, const weir_binding *b, fitted *ret_done)
{
    if (!tables_reserve(l, (size_t)b->index + 1))
        return pg_nomem(t);
    table *former = l->tables[b->index];
    weir_rc rc = pg_rows_settle(t, &l->f);
    if (!rc && former && (former->staged || former->gone || former->asked)) /* of other columns, perhaps */
        rc = pg_run(t, &l->d, weir_format(t, "DROP TABLE IF EXISTS pg_temp.weir_stage_%u, pg_temp.weir_gone_%u, pg_temp.weir_ask_%u", (unsigned)b->index,
                                          (unsigned)b->index, (unsigned)b->index).ptr);
    pg_table_free(former);
    l->tables[b->index] = NULL;
    return rc ? rc : pg_table_fit(t, &l->d, b, &l->tables[b->index], ret_done);
}

/* Whoever changes a table takes it over: what an older run has not committed yet is refused; where a table was emptied, that of all parts of it. */
static weir_rc fit_some(weir_task *t, loader *l, const weir_binding *bindings, size_t count)
{
    fitted done = {0};
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < count; i++) {
        if (pg_table_named_before(&l->d, bindings, i))
            rc = weir_fail(t, WEIR_E_CONFIG, "two bindings name the table \"%s\"", ((const resource *)bindings[i].resource)->table);
        else
            rc = fit(t, l, &bindings[i], &done);
    }
    return !rc && done.changed ? pg_raise_fence(t, &l->d, done.emptied) : rc;
}

/* The table of a binding; a process that only stores has not been told to apply. */
static weir_rc table_for(weir_task *t, loader *l, const weir_binding *b, table **ret)
{
    table *x = b->index < l->table_count ? l->tables[b->index] : NULL;
    weir_rc rc = x && x->count == b->column_count ? WEIR_OK : fit_some(t, l, b, 1);
    if (!rc)
        *ret = l->tables[b->index];
    return rc;
}

/* A transaction does not outlive what failed in it. */
static weir_rc settle(weir_task *t, loader *l, weir_rc rc)
{
    if (!rc)
        return WEIR_OK;
    pg_rollback(&l->d);
    l->f.mode = FLOW_IDLE;
    return pg_lost(t, &l->d, pg_blocked(t, &l->d, rc));
}

/* -------------------------------------------------------------------------------------------------------------- callbacks -- */

static weir_rc validate(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    loader *l = self;
    return pg_table_validate(t, &l->d, bindings, count);
}

static weir_rc apply(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    loader *l = self;
    bool alone = !l->d.in_transaction;
    weir_rc rc = pg_begin(t, &l->d);
    if (!rc && alone)
        rc = pg_lock_changes(t, &l->d);
    if (!rc)
        rc = fit_some(t, l, bindings, count);
    if (!rc && alone)
        rc = pg_commit(t, &l->d, NULL);
    return settle(t, l, rc);
}

static weir_rc load(weir_task *t, void *self, const weir_row *keys, size_t count)
{
    loader *l = self;
    table *x = NULL;
    if (!count)
        return WEIR_OK;
    weir_rc rc = pg_begin(t, &l->d);
    if (!rc)
        rc = table_for(t, l, keys[0].binding, &x);
    if (!rc)
        rc = pg_rows_load(t, &l->f, x, keys, count);
    return settle(t, l, rc);
}

static weir_rc store(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    loader *l = self;
    table *x = NULL;
    if (!count)
        return WEIR_OK;
    weir_rc rc = pg_begin(t, &l->d);
    if (!rc)
        rc = table_for(t, l, rows[0].binding, &x);
    if (!rc)
        rc = pg_rows_store(t, &l->f, x, rows, count);
    return settle(t, l, rc);
}

static weir_rc expire(weir_task *t, void *self, const weir_binding *b, const weir_expiry *how)
{
    loader *l = self;
    table *x = NULL;
    weir_rc rc = pg_begin(t, &l->d);
    if (!rc)
        rc = table_for(t, l, b, &x);
    if (!rc)
        rc = pg_rows_settle(t, &l->f);
    if (!rc)
        rc = pg_table_expire(t, &l->d, x, b, how);
    return settle(t, l, rc);
}

static weir_rc commit(weir_task *t, void *self, weir_view checkpoint)
{
    loader *l = self;
    weir_rc rc = pg_begin(t, &l->d);
    if (!rc)
        rc = pg_rows_settle(t, &l->f);
    if (!rc)
        rc = pg_commit(t, &l->d, &checkpoint);
    return settle(t, l, rc);
}

/* Before the first store: this run is the one that counts from now on. Later there is nothing to do: the commit was all. */
static weir_rc acknowledge(weir_task *t, void *self)
{
    loader *l = self;
    return settle(t, l, pg_take_over(t, &l->d));
}

static const weir_materialize materialize = {.validate = validate, .apply = apply, .load = load, .store = store, .commit = commit, .expire = expire,
                                             .acknowledge = acknowledge, .updates = true};

const weir_connector materialize_postgres = {
    .abi = WEIR_ABI,
    .name = "materialize-postgres",
    .version = "0.1.0",
    .title = "Loads collections into tables of a PostgreSQL database",
    .config = config_fields,
    .config_size = sizeof(settings),
    .resource = resource_fields,
    .resource_size = sizeof(resource),
    .open = open_loader,
    .close = close_loader,
    .materialize = &materialize,
    .sql = &pg_sql_ops,
};
