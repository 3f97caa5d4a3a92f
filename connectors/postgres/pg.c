#include "pg.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------------------------------------------------------- errors -- */

/* The first entry that the SQLSTATE begins with counts. */
static const struct {
    const char *state;
    weir_rc rc;
} codes[] = {
    {"08", WEIR_E_TRANSIENT},    /* connection */
    {"40", WEIR_E_TRANSIENT},    /* serialization, deadlock */
    {"57P", WEIR_E_TRANSIENT},   /* shutdown, crash, starting */
    {"57014", WEIR_E_TRANSIENT}, /* canceled */
    {"55P03", WEIR_E_TRANSIENT}, /* a lock could not be had in time */
    {"55006", WEIR_E_TRANSIENT}, /* in use */
    {"25P03", WEIR_E_TRANSIENT}, /* idle in transaction */
    {"53300", WEIR_E_TRANSIENT}, /* too many connections */
    {"53", WEIR_E_REMOTE},       /* the server's disk or memory */
    {"42601", WEIR_E_BUG},       /* syntax */
    {"42501", WEIR_E_CONFIG},    /* rights */
    {"0A", WEIR_E_CONFIG},       /* a view hangs on the column ... */
    {"2", WEIR_E_CONFIG},        /* data, constraints, authorization */
    {"3", WEIR_E_CONFIG},        /* no such database, schema */
    {"4", WEIR_E_CONFIG},
    {"54", WEIR_E_CONFIG},       /* too many columns, rows too long */
    {"P0", WEIR_E_CONFIG},       /* a trigger says no */
    {"5", WEIR_E_REMOTE},
    {"XX", WEIR_E_REMOTE},
};

weir_rc pg_code(const char *sqlstate)
{
    for (size_t i = 0; sqlstate && i < sizeof codes / sizeof *codes; i++)
        if (strncmp(sqlstate, codes[i].state, strlen(codes[i].state)) == 0)
            return codes[i].rc;
    return WEIR_E_REMOTE;
}

weir_rc pg_nomem(weir_task *t)
{
    return weir_fail(t, WEIR_E_NOMEM, "out of memory");
}

void *pg_zeroed(weir_task *t, size_t count, size_t size)
{
    size_t bytes = count < SIZE_MAX / size ? (count + 1) * size : 0;
    void *p = bytes ? weir_alloc(t, bytes) : NULL;
    return p ? memset(p, 0, bytes) : NULL;
}

/* libpq ends its messages with a line break, and says more in further lines. */
static weir_rc fail_with(weir_task *t, weir_rc rc, const char *doing, const char *words, const char *detail)
{
    size_t len = strcspn(words, "\n");
    if (len > 8 && strncmp(words, "FATAL:  ", 8) == 0)
        words += 8, len -= 8;
    return detail && *detail ? weir_fail(t, rc, "%s: %.*s (%.*s)", doing, (int)len, words, (int)strcspn(detail, "\n"), detail)
                             : weir_fail(t, rc, "%s: %.*s", doing, (int)len, *words ? words : "the connection is lost");
}

weir_rc pg_fail(weir_task *t, pg *d, const PGresult *r, const char *doing)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    if (state)
        return fail_with(t, pg_code(state), doing, PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY), PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL));
    if (PQstatus(d->conn) != CONNECTION_BAD && !*PQerrorMessage(d->conn))
        return pg_nomem(t); /* libpq gives no result when it has no memory */
    return fail_with(t, PQstatus(d->conn) == CONNECTION_BAD ? WEIR_E_TRANSIENT : WEIR_E_REMOTE, doing, PQerrorMessage(d->conn), NULL);
}

/* ------------------------------------------------------------------------------------------------------------- connecting -- */

enum { PARAMETERS = 20 };

typedef struct parameters {
    const char *names[PARAMETERS], *values[PARAMETERS];
    int count;
} parameters;

static void add_parameter(parameters *p, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    p->names[p->count] = name;
    p->values[p->count++] = value;
}

static bool is_url(const char *address)
{
    return strncmp(address, "postgres://", 11) == 0 || strncmp(address, "postgresql://", 13) == 0;
}

/* `host`, `host:port`, `[::1]:port`, `/folder/of/a/socket:port`. */
static weir_rc add_host(weir_task *t, parameters *p, const char *address)
{
    const char *colon = strrchr(address, ':'), *end = colon ? colon : address + strlen(address);
    if (address[0] != '[' && colon && strchr(address, ':') != colon) /* an IPv6 address without a port */
        colon = NULL, end = address + strlen(address);
    else if (address[0] == '[' && colon && strchr(colon, ']'))
        colon = NULL, end = address + strlen(address);
    bool bracketed = address[0] == '[' && end[-1] == ']';
    weir_view host = weir_format(t, "%.*s", (int)(end - address) - 2 * bracketed, address + bracketed);
    if (!host.ptr)
        return pg_nomem(t);
    add_parameter(p, "host", host.ptr);
    add_parameter(p, "port", colon ? colon + 1 : NULL);
    return WEIR_OK;
}

static weir_rc collect(weir_task *t, const settings *s, parameters *p)
{
    weir_rc rc = WEIR_OK;
    if (is_url(s->address))
        add_parameter(p, "dbname", s->address);
    else
        rc = add_host(t, p, s->address);
    add_parameter(p, "user", s->user);
    add_parameter(p, "password", s->password);
    add_parameter(p, is_url(s->address) ? "" : "dbname", is_url(s->address) ? NULL : s->database);
    add_parameter(p, "sslmode", s->more.sslmode);
    add_parameter(p, "sslrootcert", s->more.sslrootcert);
    add_parameter(p, "client_encoding", "UTF8");
    add_parameter(p, "fallback_application_name", "weir");
    add_parameter(p, "connect_timeout", "20");
    add_parameter(p, "keepalives_idle", "60");
    add_parameter(p, "tcp_user_timeout", "120000");
    return rc;
}

/* Of the words of libpq itself, which are English as long as nobody calls setlocale(). */
static bool went_wrong_underway(const char *words)
{
    static const char *const signs[] = {"server closed the connection", "could not receive data", "could not send", "timeout expired", "too many", "connection slots"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strstr(words, signs[i]))
            return true;
    return false;
}

/* libpq does not tell the SQLSTATE of a connection that was refused, and a server's words are in its own language. Whether the server would take one tells
 * who has to act. */
static weir_rc refused(weir_task *t, pg *d, parameters *p)
{
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->names[i], "sslmode") == 0)
            p->values[i] = "prefer"; /* or encryption that the server does not have would be no answer */
    PGPing ping = PQpingParams(p->names, p->values, 1);
    const char *words = PQerrorMessage(d->conn), *fatal = strstr(words, "FATAL:  ");
    weir_rc rc = ping == PQPING_NO_ATTEMPT || (ping == PQPING_OK && !went_wrong_underway(words)) ? WEIR_E_CONFIG : WEIR_E_TRANSIENT;
    weir_view doing = weir_format(t, "connecting to \"%s\"", is_url(d->s->address) ? "the server of the URL" : d->s->address);
    return fail_with(t, rc, doing.ptr ? doing.ptr : "connecting", fatal ? fatal : words, NULL);
}

static void quiet(void *arg, const PGresult *r) { (void)arg, (void)r; }

static weir_rc check_server(weir_task *t, pg *d)
{
    const char *encoding = PQparameterStatus(d->conn, "server_encoding");
    int version = PQserverVersion(d->conn);
    if (version < 120000)
        return weir_fail(t, WEIR_E_CONFIG, "the server is PostgreSQL %d: version 12 or newer is needed", version / 10000);
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return weir_fail(t, WEIR_E_CONFIG, "the database has the encoding %s, which cannot hold every text: one with UTF8 is needed",
                         encoding ? encoding : "unknown");
    return WEIR_OK;
}

static weir_rc connect_to(weir_task *t, const settings *s, parameters *p, PGconn **ret)
{
    weir_rc rc = collect(t, s, p);
    if (rc)
        return rc;
    *ret = PQconnectdbParams(p->names, p->values, 1);
    if (!*ret)
        return pg_nomem(t);
    PQsetNoticeReceiver(*ret, quiet, NULL);
    return WEIR_OK;
}

/* The server looks after us, too: if this machine vanishes, what we have locked is free in two minutes, and not when the kernel gives up after two hours. */
weir_rc pg_connect(weir_task *t, pg *d)
{
    parameters p = {0};
    weir_rc rc = connect_to(t, d->s, &p, &d->conn);
    if (rc)
        return rc;
    if (PQstatus(d->conn) != CONNECTION_OK)
        return refused(t, d, &p);
    rc = check_server(t, d);
    /* The server, too, is to notice soon that the other side is gone: a session that nobody speaks to any more would keep its locks. */
    return rc ? rc : pg_run(t, d, weir_format(t, "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; SET datestyle = ISO;"
                                                 " SET timezone = 'UTC'; SET extra_float_digits = 3; SET bytea_output = hex;"
                                                 " SET standard_conforming_strings = on; SET jit = off; SET statement_timeout = 0; SET lock_timeout = %" PRId64,
                                              d->s->more.lock_timeout * 1000).ptr);
}

void pg_close(pg *d)
{
    if (d->conn && d->in_transaction && !d->copying)
        pg_rollback(d);
    PQfinish(d->conn);
    pg_sql_forget(d);
    free(d->task_name);
}

/* ---------------------------------------------------------------------------------------------------------------- quoting -- */

static const char *quoted(weir_task *t, const char *text, char mark)
{
    size_t len = 2, at = 0;
    for (const char *c = text; *c; c++)
        len += 1 + (*c == mark);
    char *out = weir_alloc(t, len + 1);
    if (!out)
        return NULL;
    out[at++] = mark;
    for (const char *c = text; *c; c++) {
        if (*c == mark)
            out[at++] = mark;
        out[at++] = *c;
    }
    out[at++] = mark;
    out[at] = 0;
    return out;
}

const char *pg_name(weir_task *t, const char *name) { return quoted(t, name, '"'); }

const char *pg_literal(weir_task *t, pg *d, const char *text, size_t len)
{
    char *made = PQescapeLiteral(d->conn, text, len);
    weir_view kept = made ? weir_format(t, "%s", made) : (weir_view){NULL, 0};
    PQfreemem(made);
    return kept.ptr;
}

const char *pg_table(weir_task *t, const char *schema, const char *name)
{
    const char *a = pg_name(t, schema), *b = pg_name(t, name);
    return a && b ? weir_format(t, "%s.%s", a, b).ptr : NULL;
}

const char *pg_own(weir_task *t, const pg *d, const char *name) { return pg_table(t, d->s->schema, name); }

/* ------------------------------------------------------------------------------------------------------------- statements -- */

static weir_rc take_result(weir_task *t, pg *d, PGresult *r, PGresult **ret)
{
    ExecStatusType status = PQresultStatus(r);
    if (r && (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)) {
        *ret = r;
        return WEIR_OK;
    }
    weir_rc rc = pg_fail(t, d, r, "the database");
    PQclear(r);
    return rc;
}

weir_rc pg_run(weir_task *t, pg *d, const char *sql)
{
    PGresult *r = NULL;
    if (!sql)
        return pg_nomem(t);
    weir_rc rc = take_result(t, d, PQexec(d->conn, sql), &r);
    if (!rc)
        PQclear(r);
    return rc;
}

/* A key that was there already: unique_violation. */
static bool is_duplicate(const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    return state && strcmp(state, "23505") == 0;
}

weir_rc pg_run_unique(weir_task *t, pg *d, const char *sql, bool *ret_duplicate)
{
    PGresult *r = sql ? PQexec(d->conn, sql) : NULL;
    *ret_duplicate = r && is_duplicate(r);
    weir_rc rc = !sql ? pg_nomem(t) : *ret_duplicate || PQresultStatus(r) == PGRES_COMMAND_OK ? WEIR_OK : pg_fail(t, d, r, "the database");
    PQclear(r);
    return rc;
}

weir_rc pg_change(weir_task *t, pg *d, const char *sql, size_t *ret_rows)
{
    PGresult *r = NULL;
    if (!sql)
        return pg_nomem(t);
    weir_rc rc = take_result(t, d, PQexec(d->conn, sql), &r);
    if (rc)
        return rc;
    *ret_rows = (size_t)strtoull(PQcmdTuples(r), NULL, 10);
    PQclear(r);
    return WEIR_OK;
}

weir_rc pg_query(weir_task *t, pg *d, const char *sql, const char *const *texts, int count, PGresult **ret)
{
    if (!sql)
        return pg_nomem(t);
    return take_result(t, d, PQexecParams(d->conn, sql, count, NULL, texts, NULL, NULL, 0), ret);
}

/* ------------------------------------------------------------------------------------------------------------------- COPY -- */

weir_rc pg_copy_begin(weir_task *t, pg *d, const char *sql)
{
    /* What stands before the rows: the sign, no flags, no more header; the format of COPY, binary. */
    static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
    if (!sql)
        return pg_nomem(t);
    PGresult *r = PQexec(d->conn, sql);
    weir_rc rc = PQresultStatus(r) == PGRES_COPY_IN ? WEIR_OK : pg_fail(t, d, r, "the database");
    PQclear(r);
    d->copying = !rc;
    return rc ? rc : pg_copy_send(t, d, head, sizeof head);
}

/* A server that has found a fault says so at the end. */
weir_rc pg_copy_send(weir_task *t, pg *d, const char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        int n = len - done > 1 << 20 ? 1 << 20 : (int)(len - done);
        if (PQputCopyData(d->conn, bytes + done, n) != 1)
            return pg_fail(t, d, NULL, "sending rows");
        done += (size_t)n;
    }
    return WEIR_OK;
}

weir_rc pg_copy_end(weir_task *t, pg *d, bool *ret_duplicate)
{
    weir_rc rc = pg_copy_send(t, d, "\377\377", 2);
    d->copying = false;
    if (!rc && PQputCopyEnd(d->conn, NULL) != 1)
        rc = pg_fail(t, d, NULL, "sending rows");
    *ret_duplicate = false;
    for (PGresult *r; (r = PQgetResult(d->conn)) != NULL; PQclear(r)) {
        if (PQresultStatus(r) == PGRES_COMMAND_OK || rc || *ret_duplicate)
            continue;
        if (is_duplicate(r))
            *ret_duplicate = true;
        else
            rc = pg_fail(t, d, r, "storing rows");
    }
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------- transactions -- */

weir_rc pg_begin(weir_task *t, pg *d)
{
    if (d->broken)
        return weir_fail(t, WEIR_E_BUG, "a store or commit failed before");
    if (d->in_transaction)
        return WEIR_OK;
    weir_rc rc = pg_run(t, d, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
    d->in_transaction = !rc;
    d->transaction += !rc;
    return rc;
}

void pg_rollback(pg *d)
{
    if (!d->in_transaction)
        return;
    if (d->copying && PQputCopyEnd(d->conn, "given up") == 1)
        for (PGresult *r; (r = PQgetResult(d->conn)) != NULL;)
            PQclear(r);
    d->copying = false;
    PQclear(PQexec(d->conn, "ROLLBACK"));
    d->in_transaction = false;
    d->broken = true;
}

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

/* Behind the rows, in their transaction (flow.md 5.6, pattern 1). */
static weir_rc write_checkpoint(weir_task *t, pg *d, weir_view checkpoint)
{
    const char *own = pg_own(t, d, "weir_checkpoints"), *where = mine(t, d), *text = pg_literal(t, d, checkpoint.ptr ? checkpoint.ptr : "", checkpoint.len);
    size_t rows = 0;
    if (!own || !where || !text)
        return pg_nomem(t);
    weir_rc rc = pg_change(t, d, weir_format(t, "UPDATE %s SET checkpoint = %s WHERE %s AND fence = %" PRId64, own, text, where, d->fence).ptr, &rows);
    return !rc && rows == 0 ? fenced_off(t, d) : rc;
}

weir_rc pg_commit(weir_task *t, pg *d, const weir_view *checkpoint)
{
    weir_rc rc = checkpoint && d->task_name[0] ? write_checkpoint(t, d, *checkpoint) : WEIR_OK;
    if (!rc)
        rc = pg_run(t, d, "COMMIT");
    if (rc)
        pg_rollback(d);
    else
        d->in_transaction = false;
    return rc;
}

/* -------------------------------------------------------------------------------------------------- the connector's tables -- */

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
weir_rc pg_lock_changes(weir_task *t, pg *d) { return pg_run(t, d, "SELECT pg_advisory_xact_lock(7305435)"); }

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
    parameters p = {0};
    pg other = {.s = d->s, .task_name = d->task_name, .key_begin = d->key_begin, .key_end = d->key_end};
    const char *own = pg_own(t, d, "weir_checkpoints"), *where = d->conn ? mine(t, d) : NULL;
    if (rc != WEIR_E_TRANSIENT || !d->ours || !own || !where || PQstatus(d->conn) != CONNECTION_BAD || connect_to(t, d->s, &p, &other.conn))
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
