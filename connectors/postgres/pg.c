#include "pg.h"

#include <inttypes.h>
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
    d->lock_timed_out |= state && strcmp(state, "55P03") == 0;
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

weir_rc pg_open(weir_task *t, const settings *s, PGconn **ret)
{
    parameters p = {0};
    return connect_to(t, s, &p, ret);
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

weir_rc pg_commit(weir_task *t, pg *d, const weir_view *checkpoint)
{
    weir_rc rc = checkpoint && d->task_name[0] ? pg_write_checkpoint(t, d, *checkpoint) : WEIR_OK;
    if (!rc)
        rc = pg_run(t, d, "COMMIT");
    if (rc)
        pg_rollback(d);
    else
        d->in_transaction = false;
    return rc;
}
