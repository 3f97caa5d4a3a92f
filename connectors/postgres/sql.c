#include "sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 256, STATEMENTS = 8 };

/* Statements that were prepared, so that rows which come a few at a time do not pay for it again. */
struct prepared {
    char *sql[STATEMENTS];
    unsigned next; /* to be given up */
};

void pg_sql_forget(pg *d)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        free(d->prepared ? d->prepared->sql[i] : NULL);
    free(d->prepared);
    d->prepared = NULL;
}

/* ----------------------------------------------------------------------------------------------------------------- names -- */

static const char *text_of(weir_task *t, weir_view v) { return weir_format(t, "%.*s", (int)v.len, v.len ? v.ptr : "").ptr; }

static const char *schema_of(weir_task *t, const pg *d, weir_view schema) { return schema.len ? text_of(t, schema) : d->s->schema; }

static weir_view type_name(weir_task *t, void *self, const weir_sql_column *c)
{
    (void)self;
    return pg_sql_type_name(t, c);
}

static weir_view table_name(weir_task *t, void *self, weir_view schema, weir_view table)
{
    const char *s = schema_of(t, self, schema), *n = text_of(t, table), *both = s && n ? pg_table(t, s, n) : NULL;
    return both ? (weir_view){both, strlen(both)} : (weir_view){0};
}

static weir_view convert(weir_task *t, void *self, weir_view expression, const weir_sql_column *from, const weir_sql_column *to)
{
    (void)self;
    return pg_sql_convert(t, expression, from, to);
}

static weir_rc create_schema(weir_task *t, void *self, weir_view schema)
{
    const char *name = schema_of(t, self, schema);
    bool made;
    return name ? pg_make_schema(t, self, name, &made) : pg_nomem(t);
}

static weir_rc describe(weir_task *t, void *self, weir_view schema, weir_view table, bool *ret_found,
                        weir_rc (*column)(weir_task *, void *arg, const weir_sql_column *), void *arg)
{
    const char *const texts[] = {schema_of(t, self, schema), text_of(t, table)};
    PGresult *r = NULL;
    *ret_found = false;
    weir_rc rc = texts[0] && texts[1] ? pg_query(t, self,
        "SELECT a.attname, y.typname, a.atttypmod, coalesce(a.attnum = ANY (i.indkey::int2[]), false), coalesce(pg_get_expr(e.adbin, e.adrelid) LIKE 'NULLIF(''xml''%', false)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " LEFT JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
        " LEFT JOIN pg_attrdef e ON e.adrelid = c.oid AND e.adnum = a.attnum"
        " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') ORDER BY a.attnum", texts, 2, &r) : pg_nomem(t);
    for (int i = 0; !rc && i < PQntuples(r); i++) {
        weir_sql_column c = {.name = {PQgetvalue(r, i, 0), (size_t)PQgetlength(r, i, 0)}, .key = *PQgetvalue(r, i, 3) == 't'};
        *ret_found = true;
        if (PQgetisnull(r, i, 0))
            continue; /* a table without columns */
        pg_sql_type_of(PQgetvalue(r, i, 1), atoi(PQgetvalue(r, i, 2)), *PQgetvalue(r, i, 4) == 't', &c);
        rc = column ? column(t, arg, &c) : WEIR_OK;
    }
    PQclear(r);
    return rc;
}

static weir_rc move_table(weir_task *t, void *self, weir_view schema, weir_view from, weir_view to)
{
    weir_view old = table_name(t, self, schema, from), replaced = table_name(t, self, schema, to);
    const char *name = text_of(t, to), *quoted = name ? pg_name(t, name) : NULL;
    if (!old.ptr || !replaced.ptr || !quoted)
        return pg_nomem(t);
    weir_rc rc = pg_run(t, self, weir_format(t, "DROP TABLE IF EXISTS %s", replaced.ptr).ptr);
    return rc ? rc : pg_run(t, self, weir_format(t, "ALTER TABLE %s RENAME TO %s", old.ptr, quoted).ptr);
}

/* ---------------------------------------------------------------------------------------------------------- transactions -- */

static weir_rc begin(weir_task *t, void *self)
{
    pg *d = self;
    if (PQstatus(d->conn) == CONNECTION_BAD)
        PQreset(d->conn);
    d->broken = false;
    return pg_begin(t, d);
}

static weir_rc commit(weir_task *t, void *self) { return pg_commit(t, self, NULL); }

static weir_rc rollback(weir_task *t, void *self)
{
    pg *d = self;
    (void)t;
    pg_rollback(d);
    d->broken = false;
    return WEIR_OK;
}

/* ------------------------------------------------------------------------------------------------------------- parameters -- */

static void add_parameter(lite_text *out, weir_sql_type type, unsigned *number)
{
    char text[48];
    if (type)
        snprintf(text, sizeof text, "$%u::%s", ++*number, pg_sql_cast(type));
    else
        snprintf(text, sizeof text, "NULL");
    lite_text_add(out, text, strlen(text));
}

char *pg_sql_numbered(const char *sql, const weir_sql_type *types, size_t count)
{
    lite_text out = {0};
    char quote = 0;
    unsigned number = 0;
    size_t at = 0;
    for (const char *c = sql; *c; c++) {
        quote = quote ? (*c == quote ? 0 : quote) : *c == '\'' || *c == '"' ? *c : 0;
        if (!quote && *c == '?' && at < count)
            add_parameter(&out, types[at++], &number);
        else
            lite_text_add(&out, c, 1);
    }
    lite_text_add(&out, "", 1);
    if (out.failed)
        lite_text_free(&out);
    return out.ptr;
}

/* The parameters of a statement, and a row of them; not of the task's memory. */
typedef struct parameters {
    char *sql;            /* as PostgreSQL has it */
    weir_sql_type *types; /* of each; WEIR_SQL_NULL: it is in no row */
    lite_text text;
    const char **values;  /* of those that have a type */
    size_t *at;
    int count;
} parameters;

/* What a column's values are: those of one column have one type, if any. */
static weir_sql_type type_in(const weir_sql_value *values, size_t columns, size_t rows, size_t at)
{
    for (size_t r = 0; r < rows; r++)
        if (values[r * columns + at].type)
            return values[r * columns + at].type;
    return WEIR_SQL_NULL;
}

static weir_rc parameters_make(weir_task *t, parameters *p, const char *sql, const weir_sql_value *values, size_t columns, size_t rows)
{
    *p = (parameters){.types = calloc(columns + 1, sizeof *p->types), .values = calloc(columns + 1, sizeof *p->values), .at = calloc(columns + 1, sizeof *p->at)};
    if (!p->types || !p->values || !p->at)
        return pg_nomem(t);
    for (size_t i = 0; i < columns; i++) {
        p->types[i] = type_in(values, columns, rows, i);
        p->count += p->types[i] != WEIR_SQL_NULL;
    }
    p->sql = pg_sql_numbered(sql, p->types, columns);
    return p->sql ? WEIR_OK : pg_nomem(t);
}

static void parameters_free(parameters *p)
{
    lite_text_free(&p->text);
    free(p->sql);
    free(p->types);
    free(p->values);
    free(p->at);
}

static weir_rc fill(weir_task *t, const pg *d, parameters *p, const weir_sql_value *values, size_t columns)
{
    bool ok = true;
    int n = 0;
    p->text.len = 0;
    for (size_t i = 0; i < columns && ok; i++) {
        p->at[i] = p->text.len;
        ok = values[i].type == WEIR_SQL_NULL || pg_sql_write(&p->text, &values[i], d->s->more.nul[0] == 'r');
    }
    if (!ok)
        return weir_fail(t, WEIR_E_CONFIG, "a text has the character U+0000, which PostgreSQL cannot store: remove it, or let `nul` be `replace`");
    if (p->text.failed)
        return pg_nomem(t);
    for (size_t i = 0; i < columns; i++)
        if (p->types[i])
            p->values[n++] = values[i].type == WEIR_SQL_NULL ? NULL : p->text.ptr + p->at[i];
    return WEIR_OK;
}

/* ---------------------------------------------------------------------------------------------------------------- running -- */

/* Whatever changes a table may change what its statements take. */
static weir_rc forget_statements(weir_task *t, pg *d)
{
    if (!d->prepared)
        return WEIR_OK;
    pg_sql_forget(d);
    return pg_run(t, d, "DEALLOCATE ALL");
}

/* In the place of one that was prepared long ago, if all are taken. */
static weir_rc prepare_anew(weir_task *t, pg *d, const char *sql, unsigned at, const char *name)
{
    struct prepared *all = d->prepared;
    char *copy = strdup(sql);
    weir_rc rc = copy ? WEIR_OK : pg_nomem(t);
    if (!rc && all->sql[at])
        rc = pg_run(t, d, weir_format(t, "DEALLOCATE %s", name).ptr);
    if (!rc) {
        PGresult *r = PQprepare(d->conn, name, sql, 0, NULL);
        rc = PQresultStatus(r) == PGRES_COMMAND_OK ? WEIR_OK : pg_fail(t, d, r, "the database");
        PQclear(r);
    }
    free(all->sql[at]);
    all->sql[at] = rc ? NULL : copy;
    free(rc ? copy : NULL);
    return rc;
}

static weir_rc prepare(weir_task *t, pg *d, const char *sql, char *ret_name)
{
    unsigned at = 0;
    if (!d->prepared && !(d->prepared = calloc(1, sizeof *d->prepared)))
        return pg_nomem(t);
    while (at < STATEMENTS && (!d->prepared->sql[at] || strcmp(d->prepared->sql[at], sql) != 0))
        at++;
    bool known = at < STATEMENTS;
    at = known ? at : d->prepared->next++ % STATEMENTS;
    snprintf(ret_name, 16, "weir_%u", at);
    return known ? WEIR_OK : prepare_anew(t, d, sql, at, ret_name);
}

/* Takes the answers to rows that were sent, up to the end of the batch. *ret_done counts those that succeeded before the first that did not. */
static weir_rc take_answers(weir_task *t, pg *d, weir_rc rc, size_t *ret_done)
{
    for (bool over = false; !over && PQstatus(d->conn) != CONNECTION_BAD;) {
        PGresult *r = PQgetResult(d->conn);
        ExecStatusType status = PQresultStatus(r);
        if (!r)
            continue; /* the end of one row's answers */
        over = status == PGRES_PIPELINE_SYNC;
        if (!over && !rc && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_PIPELINE_ABORTED)
            rc = pg_fail(t, d, r, "the database");
        *ret_done += !over && !rc;
        PQclear(r);
    }
    return rc || PQstatus(d->conn) != CONNECTION_BAD ? rc : pg_fail(t, d, NULL, "the database");
}

/* A batch of rows goes out before the first answer is waited for. */
static weir_rc run_batch(weir_task *t, pg *d, const char *name, parameters *p, const weir_sql_value *values, size_t columns, size_t rows, size_t *ret_done)
{
    weir_rc rc = PQenterPipelineMode(d->conn) ? WEIR_OK : pg_fail(t, d, NULL, "the database");
    for (size_t i = 0; !rc && i < rows; i++) {
        rc = fill(t, d, p, values + i * columns, columns);
        if (!rc && !PQsendQueryPrepared(d->conn, name, p->count, p->values, NULL, NULL, 0))
            rc = pg_fail(t, d, NULL, "the database");
    }
    bool synced = PQpipelineSync(d->conn);
    rc = synced ? take_answers(t, d, rc, ret_done) : rc ? rc : pg_fail(t, d, NULL, "the database");
    PQexitPipelineMode(d->conn);
    return rc;
}

static weir_rc run_rows(weir_task *t, pg *d, const char *sql, const weir_sql_value *values, size_t columns, size_t rows, size_t *ret_done)
{
    parameters p;
    char name[16];
    weir_rc rc = parameters_make(t, &p, sql, values, columns, rows);
    if (!rc)
        rc = prepare(t, d, p.sql, name);
    for (size_t at = 0; !rc && at < rows; at += AT_ONCE)
        rc = run_batch(t, d, name, &p, values + at * columns, columns, rows - at < AT_ONCE ? rows - at : AT_ONCE, ret_done);
    parameters_free(&p);
    return rc;
}

static weir_rc run(weir_task *t, void *self, const char *sql, const weir_sql_value *values, size_t columns, size_t rows, size_t *ret_done)
{
    size_t done = 0;
    weir_rc rc = columns && rows ? WEIR_OK : forget_statements(t, self);
    if (!rc)
        rc = columns && rows ? run_rows(t, self, sql, values, columns, rows, &done) : pg_run(t, self, sql);
    if (ret_done)
        *ret_done = done;
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- queries -- */

typedef struct reading {
    weir_rc (*row)(weir_task *, void *arg, const weir_sql_value *values, size_t columns);
    void *arg;
    weir_sql_value *values;
    lite_text text;
} reading;

static weir_rc read_row(weir_task *t, reading *x, const PGresult *r, int at)
{
    int columns = PQnfields(r);
    size_t room = 0;
    for (int i = 0; i < columns; i++)
        room += (size_t)PQgetlength(r, at, i) + 4;
    x->text.len = 0;
    if (!lite_text_reserve(&x->text, room))
        return pg_nomem(t);
    for (int i = 0; i < columns; i++) {
        x->values[i] = (weir_sql_value){0};
        if (!PQgetisnull(r, at, i))
            pg_sql_read(&x->values[i], PQftype(r, i), PQgetvalue(r, at, i), (size_t)PQgetlength(r, at, i), &x->text);
    }
    return x->row(t, x->arg, x->values, (size_t)columns);
}

/* A row at a time: the result need not fit into memory. The callback must not speak to the database meanwhile. */
static weir_rc read_rows(weir_task *t, pg *d, reading *x)
{
    weir_rc rc = WEIR_OK;
    for (PGresult *r; (r = PQgetResult(d->conn)) != NULL; PQclear(r)) {
        ExecStatusType status = PQresultStatus(r);
        if (rc)
            continue;
        if (status == PGRES_SINGLE_TUPLE && !x->values && !(x->values = calloc((size_t)PQnfields(r) + 1, sizeof *x->values)))
            rc = pg_nomem(t);
        else if (status == PGRES_SINGLE_TUPLE)
            rc = read_row(t, x, r, 0);
        else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
            rc = pg_fail(t, d, r, "the database");
    }
    return rc;
}

static weir_rc query(weir_task *t, void *self, const char *sql, const weir_sql_value *values, size_t columns,
                     weir_rc (*row)(weir_task *, void *arg, const weir_sql_value *values, size_t columns), void *arg)
{
    pg *d = self;
    reading x = {.row = row, .arg = arg};
    parameters p;
    weir_rc rc = parameters_make(t, &p, sql, values, columns, 1);
    if (!rc)
        rc = fill(t, d, &p, values, columns);
    if (!rc && (!PQsendQueryParams(d->conn, p.sql, p.count, NULL, p.values, NULL, NULL, 0) || !PQsetSingleRowMode(d->conn)))
        rc = pg_fail(t, d, NULL, "the database");
    if (!rc)
        rc = read_rows(t, d, &x);
    parameters_free(&p);
    free(x.values);
    lite_text_free(&x.text);
    return rc;
}

const weir_sql pg_sql_ops = {
    .type_name = type_name, .table_name = table_name, .convert = convert, .create_schema = create_schema, .describe = describe, .move_table = move_table,
    .begin = begin, .commit = commit, .rollback = rollback, .run = run, .query = query, .name_max = 63,
};
