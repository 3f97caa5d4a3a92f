#include "duck.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    duckdb_error_type type;
    weir_rc rc;
} codes[] = {
    {DUCKDB_ERROR_OUT_OF_MEMORY, WEIR_E_NOMEM}, {DUCKDB_ERROR_IO, WEIR_E_NOMEM},
    {DUCKDB_ERROR_TRANSACTION, WEIR_E_TRANSIENT}, {DUCKDB_ERROR_CONNECTION, WEIR_E_TRANSIENT},
    {DUCKDB_ERROR_INTERRUPT, WEIR_E_TRANSIENT},
    {DUCKDB_ERROR_INTERNAL, WEIR_E_BUG}, {DUCKDB_ERROR_FATAL, WEIR_E_BUG}, {DUCKDB_ERROR_NULL_POINTER, WEIR_E_BUG},
};

/* Everything else is what the operator has put there, or asked for. */
static weir_rc code_of(duckdb_error_type type, const char *words)
{
    if (strstr(words, "Could not set lock on file"))
        return WEIR_E_TRANSIENT;
    if (strstr(words, "not a valid DuckDB database file") || strstr(words, "Cannot open file"))
        return WEIR_E_CONFIG;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].type == type)
            return codes[i].rc;
    return WEIR_E_CONFIG;
}

weir_rc duck_fail(weir_task *t, const duck *d, const char *doing, duckdb_error_type type, const char *words)
{
    words = words ? words : "unknown error";
    size_t len = strcspn(words, "\n"); /* what follows shows the statement */
    return weir_fail(t, code_of(type, words), "%s \"%s\": %.*s", doing, d->path, (int)len, words);
}

static weir_rc exec(weir_task *t, duck *d, const char *sql)
{
    duckdb_result r;
    weir_rc rc = WEIR_OK;
    if (!sql)
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    if (duckdb_query(d->connection, sql, &r) == DuckDBError)
        rc = duck_fail(t, d, "writing to", duckdb_result_error_type(&r), duckdb_result_error(&r));
    duckdb_destroy_result(&r);
    return rc;
}

/* Instants without a zone are read and shown in UTC, whatever the machine's zone is. */
static weir_rc configure(weir_task *t, duck *d)
{
    weir_rc rc = exec(t, d, "SET TimeZone = 'UTC'");
    if (!rc && d->memory_mb)
        rc = exec(t, d, weir_format(t, "SET memory_limit = '%lldMB'", (long long)d->memory_mb).ptr);
    if (!rc && d->threads)
        rc = exec(t, d, weir_format(t, "SET threads = %lld", (long long)d->threads).ptr);
    return rc;
}

/* DuckDB locks a file for the process: opened twice in one, it would be damaged. Whoever opens it next in this process gets the database that is open. The one
 * thing here that is not a task's. */
static duckdb_instance_cache instances;

static void make_instances(void) { instances = duckdb_create_instance_cache(); }

static duckdb_instance_cache all_instances(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_instances);
    return instances;
}

/* A database of its own, empty, under another name first: killed while it makes a file DuckDB leaves one that it cannot open. */
static weir_rc make_file(weir_task *t, const duck *d)
{
    duckdb_database made = NULL;
    char *words = NULL;
    const char *name = weir_format(t, "%s.weir-new", d->path).ptr, *log = weir_format(t, "%s.weir-new.wal", d->path).ptr;
    if (!name || !log)
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    unlink(name);
    unlink(log);
    weir_rc rc = duckdb_open_ext(name, &made, NULL, &words) == DuckDBError ? duck_fail(t, d, "making", DUCKDB_ERROR_IO, words) : WEIR_OK;
    duckdb_free(words);
    duckdb_close(&made);
    if (!rc && renameat2(AT_FDCWD, name, AT_FDCWD, d->path, RENAME_NOREPLACE) && errno != EEXIST && rename(name, d->path))
        rc = weir_fail(t, WEIR_E_CONFIG, "making \"%s\": %s", d->path, strerror(errno));
    unlink(name);
    return rc;
}

weir_rc duck_connect(weir_task *t, duck *d)
{
    char *words = NULL;
    weir_rc rc = WEIR_OK;
    if (d->connection)
        return WEIR_OK;
    if (!d->database && access(d->path, F_OK) != 0)
        rc = make_file(t, d);
    if (!rc && !d->database && duckdb_get_or_create_from_cache(all_instances(), d->path, &d->database, NULL, &words) == DuckDBError)
        rc = duck_fail(t, d, "opening", DUCKDB_ERROR_IO, words);
    duckdb_free(words);
    if (!rc && duckdb_connect(d->database, &d->connection) == DuckDBError)
        rc = duck_fail(t, d, "connecting to", DUCKDB_ERROR_CONNECTION, NULL);
    return rc ? rc : configure(t, d);
}

weir_rc duck_exec(weir_task *t, duck *d, const char *sql)
{
    weir_rc rc = duck_connect(t, d);
    return rc ? rc : exec(t, d, sql);
}

static void drop(duck_statement *s)
{
    if (s->sql)
        duckdb_destroy_prepare(&s->prepared);
    free(s->sql);
    *s = (duck_statement){0};
}

void duck_forget(duck *d)
{
    for (size_t i = 0; i < DUCK_PREPARED; i++)
        drop(&d->statements[i]);
}

weir_rc duck_prepare(weir_task *t, duck *d, const char *sql, duckdb_prepared_statement *ret)
{
    weir_rc rc = duck_connect(t, d);
    if (rc)
        return rc;
    for (size_t i = 0; i < DUCK_PREPARED; i++)
        if (d->statements[i].sql && strcmp(d->statements[i].sql, sql) == 0) {
            duckdb_clear_bindings(d->statements[i].prepared);
            *ret = d->statements[i].prepared;
            return WEIR_OK;
        }
    duck_statement *s = &d->statements[d->next++ % DUCK_PREPARED];
    drop(s);
    s->sql = strdup(sql);
    if (!s->sql)
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    if (duckdb_prepare(d->connection, sql, &s->prepared) == DuckDBError) {
        rc = duck_fail(t, d, "preparing a statement for", DUCKDB_ERROR_INVALID, duckdb_prepare_error(s->prepared));
        drop(s);
    }
    *ret = rc ? NULL : s->prepared;
    return rc;
}
