#include "db.h"

#include <string.h>

#include "block.h"

enum {
    LENGTH_MAX = 64 << 20,     /* of a text or row: that of a document (flow.md 1.1) */
    OPS_BETWEEN_LOOKS = 50000, /* of SQLite's machine, below a millisecond */
};

static const char checkpoint_table[] = "gazette_checkpoint", migrations_table[] = "flow_migrations";

/* Tables as Flow has them (flow.md 4.5); the checkpoint is what the runtime gives, JSON text. */
static const char tables_sql[] =
    "BEGIN EXCLUSIVE;"
    "CREATE TABLE IF NOT EXISTS gazette_checkpoint (rowid INTEGER PRIMARY KEY DEFAULT 0 CHECK (rowid = 0), checkpoint BLOB);"
    "INSERT OR IGNORE INTO gazette_checkpoint (rowid, checkpoint) VALUES (0, x'');"
    "CREATE TABLE IF NOT EXISTS flow_migrations (script_index INTEGER PRIMARY KEY NOT NULL, script TEXT NOT NULL);";

/* --------------------------------------------------------------------------------------------------------------- errors -- */

weir_rc dsql_db_error(dsql_db *d, int code, dsql_error *e)
{
    const char *refused = d->refused;
    d->refused = NULL;
    if (((code & 0xff) == SQLITE_INTERRUPT || (code & 0xff) == SQLITE_BUSY) && weir_stopping(d->wait.task))
        return dsql_say(e, WEIR_STOPPED, "stopped");
    if (refused && (code & 0xff) == SQLITE_AUTH)
        return dsql_say(e, WEIR_E_CONFIG, "%s", refused);
    if (!d->sqlite || (code & 0xff) == SQLITE_NOMEM)
        return dsql_say(e, WEIR_E_NOMEM, "out of memory");
    return dsql_say(e, lite_code_rc(code), "%s", sqlite3_errmsg(d->sqlite));
}

/* An error of what is not in the catalog: of the file rather than of the SQL. */
static weir_rc file_error(dsql_db *d, int code, const char *doing, dsql_error *e)
{
    int errnum = d->sqlite ? sqlite3_system_errno(d->sqlite) : 0;
    if ((code & 0xff) == SQLITE_BUSY)
        return weir_stopping(d->wait.task)
                   ? dsql_say(e, WEIR_STOPPED, "stopped")
                   : dsql_say(e, WEIR_E_TRANSIENT, "%s \"%s\": another process works with it", doing, d->path);
    dsql_db_error(d, code, e);
    if ((code & 0xff) == SQLITE_CANTOPEN && errnum)
        dsql_say(e, e->rc, "%s", strerror(errnum));
    return dsql_at(e, "%s \"%s\"", doing, d->path);
}

/* ------------------------------------------------------------------------------------------------- what SQL may not do -- */

static bool is_ours(const char *table)
{
    return table && (sqlite3_stricmp(table, checkpoint_table) == 0 || sqlite3_stricmp(table, migrations_table) == 0);
}

/* The transaction and the checkpoint belong to the runtime: SQL that ends the one or changes the other would lose or repeat
 * documents. */
static int authorize(void *arg, int action, const char *a, const char *b, const char *database, const char *by)
{
    dsql_db *d = arg;
    (void)database;
    (void)by;
    if (!d->guarded)
        return SQLITE_OK;
    if (action == SQLITE_TRANSACTION)
        d->refused =
            "a transaction is always open, and the runtime ends it: BEGIN, COMMIT and ROLLBACK are not for SQL of a derivation";
    if (action == SQLITE_ATTACH || action == SQLITE_DETACH)
        d->refused = "a derivation has one database: ATTACH and DETACH are not for SQL of a derivation";
    bool writes = action == SQLITE_INSERT || action == SQLITE_UPDATE || action == SQLITE_DELETE || action == SQLITE_DROP_TABLE;
    if ((writes && is_ours(a)) || (action == SQLITE_ALTER_TABLE && is_ours(b)))
        d->refused = "the tables gazette_checkpoint and flow_migrations are the runtime's";
    return d->refused ? SQLITE_DENY : SQLITE_OK;
}

static int look_for_stop(void *arg)
{
    const dsql_db *d = arg;
    return weir_stopping(d->wait.task);
}

/* ------------------------------------------------------------------------------------------------------------- statements -- */

weir_rc dsql_db_prepare(dsql_db *d, weir_view sql, size_t line, sqlite3_stmt **ret, dsql_error *e)
{
    d->guarded = true;
    d->refused = NULL;
    int code = sqlite3_prepare_v3(d->sqlite, sql.ptr, (int)sql.len, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    d->guarded = false;
    if (!code)
        return WEIR_OK;
    int offset = sqlite3_error_offset(d->sqlite);
    dsql_db_error(d, code, e);
    return dsql_at(e, "line %lld", (long long)dsql_line(sql, offset > 0 ? (size_t)offset : 0, line));
}

static weir_rc run_to_end(dsql_db *d, const dsql_statement *s, sqlite3_stmt *st, dsql_error *e)
{
    if (st && sqlite3_bind_parameter_count(st) > 0)
        return dsql_say(e, WEIR_E_CONFIG, "line %lld: a migration has no parameters: there is no document", (long long)s->line);
    int code = st ? SQLITE_ROW : SQLITE_DONE;
    d->guarded = true;
    while (code == SQLITE_ROW)
        code = sqlite3_step(st);
    d->guarded = false;
    if (code == SQLITE_DONE)
        return WEIR_OK;
    dsql_db_error(d, code, e);
    return dsql_at(e, "line %lld", (long long)s->line);
}

static weir_rc run_script(dsql_db *d, const char *script, dsql_error *e)
{
    dsql_block b;
    dsql_statement s = {.line = 0};
    weir_rc rc = dsql_block_open(&b, (weir_view){script, strlen(script)}, e);
    while (!rc && !(rc = dsql_block_next(&b, &s, e)) && s.sql.len) {
        sqlite3_stmt *st = NULL;
        rc = dsql_db_prepare(d, s.sql, s.line, &st, e);
        if (!rc)
            rc = run_to_end(d, &s, st, e);
        sqlite3_finalize(st);
    }
    dsql_block_close(&b);
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------- migrations -- */

static int note_migration(dsql_db *d, size_t index, const char *script)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(d->sqlite, "INSERT INTO flow_migrations (script_index, script) VALUES (?1, ?2)", -1, &st, NULL);
    if (!code)
        code = sqlite3_bind_int64(st, 1, (sqlite3_int64)index);
    if (!code)
        code = sqlite3_bind_text(st, 2, script, -1, SQLITE_STATIC);
    if (!code)
        code = sqlite3_step(st);
    sqlite3_finalize(st);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static weir_rc migrate(dsql_db *d, size_t index, const char *script, dsql_error *e)
{
    if (run_script(d, script, e))
        return dsql_at(e, "migration %lld", (long long)index + 1);
    int code = note_migration(d, index, script);
    return code ? file_error(d, code, "writing to", e) : WEIR_OK;
}

static weir_rc run_migrations(dsql_db *d, dsql_migrations *m, dsql_error *e)
{
    sqlite3_stmt *st = NULL;
    size_t next = 0;
    int code = sqlite3_prepare_v2(d->sqlite, "SELECT 1 + MAX(script_index) FROM flow_migrations", -1, &st, NULL);
    if (!code && sqlite3_step(st) == SQLITE_ROW)
        next = (size_t)sqlite3_column_int64(st, 0);
    code = code ? code : sqlite3_reset(st);
    sqlite3_finalize(st);
    if (code)
        return file_error(d, code, "reading", e);
    for (weir_rc rc = WEIR_OK; next < m->count; next++) {
        weir_view script = {m->scripts[next], strlen(m->scripts[next])};
        if (dsql_is_file(script) && m->validating)
            continue;
        m->failed = next + 1;
        if (dsql_is_file(script))
            return dsql_say(e, WEIR_E_CONFIG, "migration %lld: there is no file '%s'", (long long)next + 1, script.ptr);
        rc = migrate(d, next, script.ptr, e);
        if (rc)
            return rc;
        m->failed = 0;
    }
    return WEIR_OK;
}

/* ---------------------------------------------------------------------------------------------------------------- opening -- */

bool dsql_db_in_memory(const dsql_db *d)
{
    return strcmp(d->path, ":memory:") == 0;
}

static int set_up(dsql_db *d, int64_t cache_mb)
{
    sqlite3_extended_result_codes(d->sqlite, 1);
    sqlite3_busy_handler(d->sqlite, lite_wait_for_lock, &d->wait);
    sqlite3_limit(d->sqlite, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
    sqlite3_limit(d->sqlite, SQLITE_LIMIT_SQL_LENGTH, LENGTH_MAX);
    sqlite3_db_config(d->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_progress_handler(d->sqlite, OPS_BETWEEN_LOOKS, look_for_stop, d);
    char *sql =
        sqlite3_mprintf("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=FAST; PRAGMA cache_size=-%lld",
                        (long long)cache_mb * 1024);
    int code = sql ? sqlite3_set_authorizer(d->sqlite, authorize, d) : SQLITE_NOMEM;
    if (!code)
        code = sqlite3_exec(d->sqlite, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return code;
}

static int prepare_own(dsql_db *d)
{
    int code = sqlite3_prepare_v3(d->sqlite, "UPDATE gazette_checkpoint SET checkpoint = ?1", -1, SQLITE_PREPARE_PERSISTENT,
                                  &d->put_checkpoint, NULL);
    if (!code)
        code = sqlite3_prepare_v3(d->sqlite, "PRAGMA data_version", -1, SQLITE_PREPARE_PERSISTENT, &d->get_version, NULL);
    return code;
}

static int read_version(dsql_db *d, int64_t *ret)
{
    if (sqlite3_step(d->get_version) == SQLITE_ROW)
        *ret = sqlite3_column_int64(d->get_version, 0);
    return sqlite3_reset(d->get_version);
}

weir_rc dsql_db_open(dsql_db *d, dsql_migrations *m, int64_t cache_mb, dsql_error *e)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(d->path, &d->sqlite, flags, NULL);
    if (!code)
        code = set_up(d, cache_mb);
    if (!code)
        code = sqlite3_exec(d->sqlite, tables_sql, NULL, NULL, NULL);
    if (!code)
        code = prepare_own(d);
    if (!code)
        code = read_version(d, &d->version);
    return code ? file_error(d, code, "opening", e) : run_migrations(d, m, e);
}

void dsql_db_close(dsql_db *d)
{
    if (d->sqlite) {
        sqlite3_busy_handler(d->sqlite, NULL, NULL); /* it would ask a task that is gone */
        sqlite3_progress_handler(d->sqlite, 0, NULL, NULL);
    }
    sqlite3_finalize(d->put_checkpoint);
    sqlite3_finalize(d->get_version);
    sqlite3_close(d->sqlite); /* rolls back */
    *d = (dsql_db){.path = d->path, .wait = d->wait};
}

/* --------------------------------------------------------------------------------------------------------- the checkpoint -- */

weir_rc dsql_db_checkpoint(weir_task *t, dsql_db *d, weir_view *ret)
{
    sqlite3_stmt *st = NULL;
    dsql_error e = {WEIR_OK, NULL};
    *ret = (weir_view){NULL, 0};
    int code = sqlite3_prepare_v2(d->sqlite, "SELECT CAST(checkpoint AS BLOB) FROM gazette_checkpoint", -1, &st, NULL);
    bool lost = false;
    if (!code && sqlite3_step(st) == SQLITE_ROW && sqlite3_column_bytes(st, 0) > 0) {
        size_t len = (size_t)sqlite3_column_bytes(st, 0);
        char *copy = weir_alloc(t, len);
        lost = !copy;
        if (copy)
            *ret = (weir_view){memcpy(copy, sqlite3_column_blob(st, 0), len), len};
    }
    code = code ? code : sqlite3_reset(st);
    sqlite3_finalize(st);
    if (code)
        file_error(d, code, "reading", &e);
    return lost ? lite_nomem(t) : dsql_fail(t, &e);
}

static int put_checkpoint(dsql_db *d, weir_view checkpoint)
{
    if (!checkpoint.len)
        return SQLITE_OK;
    int code = sqlite3_bind_blob64(d->put_checkpoint, 1, checkpoint.ptr, checkpoint.len, SQLITE_STATIC);
    if (!code && sqlite3_step(d->put_checkpoint) != SQLITE_DONE)
        code = sqlite3_errcode(d->sqlite);
    sqlite3_reset(d->put_checkpoint);
    sqlite3_clear_bindings(d->put_checkpoint);
    return code;
}

/* Between the two nobody holds the lock: who has got it and written in between works for the same task, and this one must end. */
static weir_rc commit_and_begin(dsql_db *d, dsql_error *e)
{
    int64_t version = d->version;
    int code = sqlite3_exec(d->sqlite, "COMMIT; BEGIN EXCLUSIVE", NULL, NULL, NULL);
    if (!code)
        code = read_version(d, &version);
    if (code)
        return file_error(d, code, "writing to", e);
    if (version != d->version)
        return dsql_say(e, WEIR_E_CONFIG, "fenced off: another run has taken over \"%s\"", d->path);
    return WEIR_OK;
}

weir_rc dsql_db_commit(weir_task *t, dsql_db *d, weir_view checkpoint)
{
    dsql_error e = {WEIR_OK, NULL};
    if (d->broken)
        return weir_fail(t, WEIR_E_BUG, "writing to \"%s\": a read or commit failed before", d->path);
    int code = put_checkpoint(d, checkpoint);
    if (code)
        file_error(d, code, "writing to", &e);
    if (!e.rc)
        commit_and_begin(d, &e);
    d->broken = e.rc != WEIR_OK;
    return dsql_fail(t, &e);
}
