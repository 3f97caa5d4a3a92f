/* The connector's own tables: checkpoints behind their fence (flow.md 5.6, pattern 1), and who made which table. */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "pg.h"

enum { CHANGES = 7305435 /* the lock of those who change tables; any number, if it is always the same */ };

weir_rc pg_has_own(weir_task *t, pg *d, bool *ret)
{
    PGresult *r = NULL;
    const char *const texts[] = {d->s->schema};
    weir_rc rc = pg_query(t, d, "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1"
                                " AND c.relname IN ('weir_checkpoints', 'weir_tables')", texts, 1, &r);
    if (rc)
        return rc;
    *ret = PQgetvalue(r, 0, 0)[0] == '2';
    PQclear(r);
    return WEIR_OK;
}

weir_rc pg_make_schema(weir_task *t, pg *d, const char *schema, bool *ret_made)
{
    PGresult *r = NULL;
    const char *const texts[] = {schema}, *name = pg_name(t, schema);
    weir_rc rc = pg_query(t, d, "SELECT 1 FROM pg_namespace WHERE nspname = $1", texts, 1, &r);
    *ret_made = !rc && PQntuples(r) == 0;
    PQclear(r);
    if (rc || !*ret_made)
        return rc;
    return name ? pg_run(t, d, weir_format(t, "CREATE SCHEMA IF NOT EXISTS %s", name).ptr) : pg_nomem(t);
}

/* Two that make the same table at once would fail: one after the other. */
weir_rc pg_lock_changes(weir_task *t, pg *d)
{
    return pg_run(t, d, weir_format(t, "SELECT pg_advisory_xact_lock(%d)", CHANGES).ptr);
}

weir_rc pg_make_own(weir_task *t, pg *d)
{
    const char *checkpoints = pg_own(t, d, "weir_checkpoints"), *tables = pg_own(t, d, "weir_tables");
    bool there = false, made;
    if (!checkpoints || !tables)
        return pg_nomem(t);
    weir_rc rc = pg_has_own(t, d, &there);
    if (rc || there)
        return rc;
    rc = pg_lock_changes(t, d);
    if (!rc)
        rc = pg_make_schema(t, d, d->s->schema, &made);
    return rc ? rc : pg_run(t, d, weir_format(t,
        "CREATE TABLE IF NOT EXISTS %s (task text NOT NULL, key_begin bigint NOT NULL, key_end bigint NOT NULL, fence bigint NOT NULL, checkpoint text,"
        " pid integer, started timestamp with time zone, PRIMARY KEY (task, key_begin, key_end));"
        " CREATE TABLE IF NOT EXISTS %s (schema_name text NOT NULL, table_name text NOT NULL, task text NOT NULL, backfill bigint NOT NULL,"
        " PRIMARY KEY (schema_name, table_name))", checkpoints, tables).ptr);
}

/* -------------------------------------------------------------------------------------------------------------- the fence -- */

static weir_rc fenced_off(weir_task *t, const pg *d)
{
    return weir_fail(t, WEIR_E_CONFIG, "fenced off: another run of task \"%s\" has taken over", d->task_name);
}

/* The task and its range, as conditions. */
static const char *mine(weir_task *t, pg *d)
{
    const char *task = pg_literal(t, d, d->task_name, strlen(d->task_name));
    return task ? weir_format(t, "task = %s AND key_begin = %" PRIu32 " AND key_end = %" PRIu32, task, d->key_begin, d->key_end).ptr : NULL;
}

weir_rc pg_write_checkpoint(weir_task *t, pg *d, weir_view checkpoint)
{
    const char *own = pg_own(t, d, "weir_checkpoints"), *where = mine(t, d), *text = pg_literal(t, d, checkpoint.ptr ? checkpoint.ptr : "", checkpoint.len);
    size_t rows = 0;
    if (!own || !where || !text)
        return pg_nomem(t);
    weir_rc rc = pg_change(t, d, weir_format(t, "UPDATE %s SET checkpoint = %s WHERE %s AND fence = %" PRId64, own, text, where, d->fence).ptr, &rows);
    return !rc && rows == 0 ? fenced_off(t, d) : rc;
}

/* The task, and ranges that overlap with ours, as conditions. */
static const char *rivals(weir_task *t, pg *d)
{
    const char *task = pg_literal(t, d, d->task_name, strlen(d->task_name));
    return task ? weir_format(t, "task = %s AND key_end >= %" PRIu32 " AND key_begin <= %" PRIu32, task, d->key_begin, d->key_end).ptr : NULL;
}

weir_rc pg_raise_fence(weir_task *t, pg *d, bool all)
{
    const char *own = pg_own(t, d, "weir_checkpoints"), *where = rivals(t, d), *task = pg_literal(t, d, d->task_name, strlen(d->task_name));
    if (all && task)
        where = weir_format(t, "task = %s", task).ptr;
    if (!own || !where || !task)
        return pg_nomem(t);
    if (!d->task_name[0])
        return WEIR_OK;
    weir_rc rc = pg_run(t, d, weir_format(t, "UPDATE %s SET fence = fence + 1 WHERE %s", own, where).ptr);
    d->fence += !rc && d->ours;
    return rc;
}

/* The row of this range; a new one begins with what the narrowest range around it had stored. */
static weir_rc read_fence(weir_task *t, pg *d)
{
    const char *own = pg_own(t, d, "weir_checkpoints"), *task = pg_literal(t, d, d->task_name, strlen(d->task_name)), *where = mine(t, d);
    PGresult *r = NULL;
    if (!own || !task || !where)
        return pg_nomem(t);
    weir_rc rc = pg_run(t, d, weir_format(t,
        "INSERT INTO %s (task, key_begin, key_end, fence, checkpoint) VALUES (%s, %" PRIu32 ", %" PRIu32 ", 1, (SELECT checkpoint FROM %s WHERE task = %s"
        " AND key_begin <= %" PRIu32 " AND key_end >= %" PRIu32 " ORDER BY key_end - key_begin LIMIT 1)) ON CONFLICT DO NOTHING",
        own, task, d->key_begin, d->key_end, own, task, d->key_begin, d->key_end).ptr);
    if (!rc)
        rc = pg_query(t, d, weir_format(t, "UPDATE %s SET pid = pg_backend_pid(), started = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())"
                                           " WHERE %s RETURNING fence, checkpoint", own, where).ptr, NULL, 0, &r);
    if (rc)
        return rc;
    d->fence = PQntuples(r) ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : 0;
    d->ours = PQntuples(r) == 1;
    weir_view kept = d->ours ? weir_format(t, "%s", PQgetvalue(r, 0, 1)) : (weir_view){NULL, 0};
    PQclear(r);
    if (!d->ours)
        return weir_fail(t, WEIR_E_TRANSIENT, "another run of task \"%s\" is just starting", d->task_name);
    return kept.ptr ? weir_resume(t, kept) : pg_nomem(t);
}

/* Ends the sessions of older runs, as far as they are of the same role: one that hangs would keep its locks for ever. What `r` names is process ids and when
 * those began. */
static weir_rc end_rivals(weir_task *t, pg *d, const PGresult *r)
{
    weir_rc rc = WEIR_OK;
    for (int i = 0; !rc && i < PQntuples(r); i++) {
        PGresult *done = NULL;
        const char *const texts[] = {PQgetisnull(r, i, 0) ? NULL : PQgetvalue(r, i, 0), PQgetvalue(r, i, 1)};
        if (!texts[0])
            continue;
        rc = pg_query(t, d, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1::integer AND backend_start = $2::timestamptz"
                            " AND pid <> pg_backend_pid() AND usename = current_user", texts, 2, &done);
        PQclear(done);
    }
    return rc;
}

/* An older run that is just committing has its row locked, and is given the time to do so. */
static weir_rc wait_for_rivals(weir_task *t, pg *d, const char *own, const char *where, const PGresult *r)
{
    enum { STEP_MS = 50, PATIENCE = 100 };
    weir_rc rc = WEIR_OK;
    for (int tries = 0; !rc && tries < PATIENCE; tries++) {
        size_t held = 0;
        rc = pg_change(t, d, weir_format(t, "SELECT 1 FROM %s WHERE %s FOR UPDATE SKIP LOCKED", own, where).ptr, &held);
        if (rc || held >= (size_t)PQntuples(r))
            return rc;
        struct pollfd stop = {.fd = weir_stop_fd(t), .events = POLLIN};
        if (poll(&stop, 1, STEP_MS) > 0)
            return WEIR_STOPPED;
    }
    return rc ? rc : end_rivals(t, d, r);
}

static weir_rc take_over(weir_task *t, pg *d, PGresult **ret_rivals)
{
    const char *own = pg_own(t, d, "weir_checkpoints"), *where = rivals(t, d);
    weir_rc rc = own && where ? pg_make_own(t, d) : pg_nomem(t);
    if (!rc)
        rc = pg_query(t, d, weir_format(t, "SELECT pid, started FROM %s WHERE %s", own, where).ptr, NULL, 0, ret_rivals);
    if (!rc)
        rc = wait_for_rivals(t, d, own, where, *ret_rivals);
    if (!rc)
        rc = pg_raise_fence(t, d, false);
    if (!rc)
        rc = read_fence(t, d);
    return rc ? rc : pg_commit(t, d, NULL);
}

weir_rc pg_take_over(weir_task *t, pg *d)
{
    PGresult *older = NULL;
    if (!d->task_name[0] || d->ours)
        return WEIR_OK;
    weir_rc rc = pg_begin(t, d);
    if (!rc)
        rc = take_over(t, d, &older);
    if (!rc)
        rc = end_rivals(t, d, older);
    PQclear(older);
    return rc;
}

weir_rc pg_lost(weir_task *t, pg *d, weir_rc rc)
{
    pg other = {.s = d->s, .task_name = d->task_name, .key_begin = d->key_begin, .key_end = d->key_end};
    const char *own = pg_own(t, d, "weir_checkpoints"), *where = d->conn ? mine(t, d) : NULL;
    if (rc != WEIR_E_TRANSIENT || !d->ours || !own || !where || PQstatus(d->conn) != CONNECTION_BAD || pg_open(t, d->s, &other.conn))
        return rc;
    PGresult *r = PQexec(other.conn, weir_format(t, "SELECT fence FROM %s WHERE %s", own, where).ptr);
    bool fenced = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 && strtoll(PQgetvalue(r, 0, 0), NULL, 10) > d->fence;
    PQclear(r);
    PQfinish(other.conn);
    return fenced ? fenced_off(t, d) : rc;
}

weir_rc pg_has_checkpoint(weir_task *t, pg *d, bool *ret)
{
    PGresult *r = NULL;
    const char *own = pg_own(t, d, "weir_checkpoints"), *const texts[] = {d->task_name};
    weir_rc rc = own ? pg_query(t, d, weir_format(t, "SELECT 1 FROM %s WHERE task = $1 AND checkpoint IS NOT NULL LIMIT 1", own).ptr, texts, 1, &r) : pg_nomem(t);
    *ret = !rc && PQntuples(r) > 0;
    PQclear(r);
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------- who is in the way -- */

/* The oldest transaction of another session that has the lock of pg_lock_changes(), or one on a table of ours; dead clients are among those. */
static const char *holder(weir_task *t, pg *d)
{
    const char *own = pg_own(t, d, "weir_tables"), *schema = pg_literal(t, d, d->s->schema, strlen(d->s->schema));
    return !own || !schema ? NULL : weir_format(t,
        "SELECT format('session %%s of role \"%%s\"%%s, which is %%s, in a transaction since %%s', a.pid, a.usename, ' (' || nullif(a.application_name, '') || ')', a.state,"
        " date_trunc('second', a.xact_start)) FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid() AND a.datname = current_database() AND EXISTS (SELECT FROM pg_locks l"
        " WHERE l.pid = a.pid AND l.granted AND (l.locktype = 'advisory' AND l.objid = %d OR l.locktype = 'relation' AND l.relation IN (SELECT c.oid FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname IN ('weir_checkpoints', 'weir_tables') OR (n.nspname, c.relname) IN"
        " (SELECT schema_name, table_name FROM %s)))) ORDER BY a.xact_start LIMIT 1", CHANGES, schema, own).ptr;
}

weir_rc pg_blocked(weir_task *t, pg *d, weir_rc rc)
{
    const char *sql = d->lock_timed_out && PQstatus(d->conn) == CONNECTION_OK ? holder(t, d) : NULL;
    PGresult *r = sql ? PQexec(d->conn, sql) : NULL;
    d->lock_timed_out = false;
    if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 && !PQgetisnull(r, 0, 0))
        rc = weir_wrap(t, rc, "a lock could not be had: %s, has it", PQgetvalue(r, 0, 0));
    PQclear(r);
    return rc;
}
