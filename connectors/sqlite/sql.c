/* weir_sql for SQLite. There are no schemas: the table `t` of a schema `s` is `s__t`, that of none `t`. */
#include "sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rows.h"

enum { STATEMENTS = 64 };

typedef struct statement {
    char *sql;
    sqlite3_stmt *st;
    uint64_t used; /* the larger, the later */
} statement;

struct lite_sql {
    statement statements[STATEMENTS];
    uint64_t clock;
    lite_text scratch;
    weir_sql_value *row; /* of a query's result */
    weir_sql_type *types;
    size_t row_room;
    bool wal;
};

/* ------------------------------------------------------------------------------------------------------------ statements -- */

static void forget(db *d)
{
    for (size_t i = 0; d->sql && i < STATEMENTS; i++) {
        sqlite3_finalize(d->sql->statements[i].st);
        free(d->sql->statements[i].sql);
        d->sql->statements[i] = (statement){0};
    }
}

void lite_sql_free(db *d)
{
    forget(d);
    if (!d->sql)
        return;
    lite_text_free(&d->sql->scratch);
    free(d->sql->row);
    free(d->sql->types);
    free(d->sql);
    d->sql = NULL;
}

/* The statement for this text: the one that was made for it, or in place of the one that was used the longest time ago. */
static weir_rc statement_for(weir_task *t, db *d, const char *sql, sqlite3_stmt **ret)
{
    statement *s = d->sql->statements;
    for (size_t i = 0; i < STATEMENTS; i++) {
        statement *x = &d->sql->statements[i];
        if (x->sql && strcmp(x->sql, sql) == 0) {
            x->used = ++d->sql->clock;
            *ret = x->st;
            return WEIR_OK;
        }
        s = x->used < s->used ? x : s;
    }
    sqlite3_finalize(s->st);
    free(s->sql);
    *s = (statement){.sql = strdup(sql)};
    weir_rc rc = s->sql ? lite_prepare(t, d, sqlite3_mprintf("%s", sql), &s->st) : lite_nomem(t);
    if (rc) {
        free(s->sql);
        *s = (statement){0};
    }
    s->used = rc ? 0 : ++d->sql->clock;
    *ret = s->st;
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------------- names -- */

static weir_view quoted(weir_task *t, weir_view schema, const char *between, weir_view name)
{
    sqlite3_str *text = sqlite3_str_new(NULL);
    sqlite3_str_appendchar(text, 1, '"');
    for (size_t i = 0; i < schema.len; i++) { /* the first __ of the name is the one between the two, whatever the schema is called */
        bool escape = schema.ptr[i] == '_' && (i + 1 == schema.len || schema.ptr[i + 1] == '_');
        sqlite3_str_append(text, schema.ptr + i, 1);
        sqlite3_str_appendall(text, escape || schema.ptr[i] == '%' ? "%" : schema.ptr[i] == '"' ? "\"" : "");
    }
    sqlite3_str_appendall(text, between);
    for (size_t i = 0; i < name.len; i++)
        sqlite3_str_appendchar(text, name.ptr[i] == '"' ? 2 : 1, name.ptr[i]);
    sqlite3_str_appendchar(text, 1, '"');
    char *made = sqlite3_str_finish(text);
    weir_view v = made ? weir_format(t, "%s", made) : (weir_view){0};
    sqlite3_free(made);
    return v;
}

static weir_view table_name(weir_task *t, void *self, weir_view schema, weir_view name)
{
    (void)self;
    bool both = schema.len || memmem(name.ptr ? name.ptr : "", name.len, "__", 2);
    return quoted(t, schema, both ? "__" : "", name);
}

/* The name as it stands in sqlite_schema; NULL without memory. */
static char *bare_name(weir_task *t, weir_view schema, weir_view of)
{
    weir_view v = table_name(t, NULL, schema, of);
    char *name = v.len > 1 ? weir_alloc(t, v.len) : NULL;
    size_t n = 0;
    for (size_t i = 1; name && i + 1 < v.len; i++) {
        name[n++] = v.ptr[i];
        i += v.ptr[i] == '"';
    }
    if (name)
        name[n] = '\0';
    return name;
}

static weir_view type_name(weir_task *t, void *self, const weir_sql_column *c)
{
    (void)self;
    return lite_sql_type_name(t, c);
}

/* ---------------------------------------------------------------------------------------------------------- connecting -- */

/* A column that is not there must not become a text of its name. */
static void be_strict(db *d)
{
    sqlite3_db_config(d->sqlite, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(d->sqlite, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
}

static weir_rc connect_sql(weir_task *t, db *d)
{
    d->wait.task = t;
    if (d->sql)
        return WEIR_OK;
    weir_rc rc = lite_connect(t, d);
    if (rc)
        return rc;
    be_strict(d);
    if (lite_sql_register(d->sqlite))
        return lite_fail(t, d, "opening");
    d->sql = calloc(1, sizeof *d->sql);
    return d->sql ? WEIR_OK : lite_nomem(t);
}

/* ---------------------------------------------------------------------------------------------------------- transactions -- */

static weir_rc begin(weir_task *t, void *self)
{
    db *d = self;
    weir_rc rc = connect_sql(t, d);
    if (rc || d->in_transaction)
        return rc;
    rc = d->sql->wal ? WEIR_OK : lite_use_wal(t, d);
    d->sql->wal = rc == WEIR_OK;
    if (!rc)
        rc = lite_exec(t, d, "BEGIN IMMEDIATE");
    d->in_transaction = rc == WEIR_OK;
    return rc;
}

static weir_rc commit(weir_task *t, void *self)
{
    db *d = self;
    d->wait.task = t;
    weir_rc rc = lite_exec(t, d, "COMMIT");
    d->in_transaction = rc != WEIR_OK;
    return rc;
}

static weir_rc rollback(weir_task *t, void *self)
{
    db *d = self;
    d->wait.task = t;
    if (d->in_transaction)
        sqlite3_exec(d->sqlite, "ROLLBACK", NULL, NULL, NULL); /* SQLite may have done it already: full disk, I/O error */
    d->in_transaction = false;
    return WEIR_OK;
}

/* ------------------------------------------------------------------------------------------------------------------- run -- */

/* Values stay where they are until the row is stepped. */
static bool make_room(db *d, const weir_sql_value *values, size_t columns)
{
    size_t need = 0;
    for (size_t i = 0; i < columns; i++)
        need += values[i].text.len + 8;
    d->sql->scratch.len = 0;
    return lite_text_reserve(&d->sql->scratch, need);
}

static int bind_row(db *d, sqlite3_stmt *st, const weir_sql_value *values, size_t columns)
{
    int code = make_room(d, values, columns) ? SQLITE_OK : SQLITE_NOMEM;
    for (size_t i = 0; !code && i < columns; i++) {
        lite_value v = lite_sql_store(&values[i], &d->sql->scratch);
        code = lite_bind(st, (int)i + 1, &v);
    }
    return code;
}

static weir_rc check_count(weir_task *t, sqlite3_stmt *st, const char *sql, size_t columns)
{
    int wants = sqlite3_bind_parameter_count(st);
    return wants == (int)columns ? WEIR_OK : weir_fail(t, WEIR_E_BUG, "%zu values for %d parameters of: %s", columns, wants, sql);
}

static weir_rc run(weir_task *t, void *self, const char *sql, const weir_sql_value *values, size_t columns, size_t rows, size_t *ret_done)
{
    db *d = self;
    sqlite3_stmt *st = NULL;
    size_t done = 0;
    d->wait.task = t;
    weir_rc rc = statement_for(t, d, sql, &st);
    if (!rc)
        rc = check_count(t, st, sql, rows ? columns : 0);
    int code = SQLITE_DONE;
    for (size_t count = rows ? rows : 1; !rc && code == SQLITE_DONE && done < count; done += code == SQLITE_DONE) {
        code = bind_row(d, st, values + done * columns, rows ? columns : 0);
        code = code ? code : sqlite3_step(st);
        while (code == SQLITE_ROW)
            code = sqlite3_step(st);
        if (code != SQLITE_DONE)
            rc = lite_fail(t, d, "writing to");
        sqlite3_reset(st);
    }
    if (ret_done)
        *ret_done = rc ? done : rows;
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------------- query -- */

static weir_sql_type column_type_of(sqlite3_stmt *st, int i)
{
    weir_sql_column c = {.type = WEIR_SQL_NULL};
    const char *declared = sqlite3_column_decltype(st, i);
    if (declared)
        lite_sql_type_of(declared, &c);
    return c.type;
}

static bool begin_result(db *d, sqlite3_stmt *st, size_t columns)
{
    struct lite_sql *s = d->sql;
    if (columns > s->row_room) {
        weir_sql_value *row = reallocarray(s->row, columns, sizeof *row);
        s->row = row ? row : s->row;
        weir_sql_type *types = reallocarray(s->types, columns, sizeof *types);
        s->types = types ? types : s->types;
        if (!row || !types)
            return false;
        s->row_room = columns;
    }
    for (size_t i = 0; i < columns; i++)
        s->types[i] = column_type_of(st, (int)i);
    return true;
}

static bool read_row(db *d, sqlite3_stmt *st, size_t columns)
{
    struct lite_sql *s = d->sql;
    size_t need = 0;
    for (size_t i = 0; i < columns; i++)
        need += lite_sql_room((size_t)sqlite3_column_bytes(st, (int)i));
    s->scratch.len = 0;
    if (!lite_text_reserve(&s->scratch, need))
        return false;
    for (size_t i = 0; i < columns; i++)
        s->row[i] = lite_sql_read(sqlite3_column_value(st, (int)i), s->types[i], &s->scratch);
    return true;
}

static weir_rc query(weir_task *t, void *self, const char *sql, const weir_sql_value *values, size_t columns,
                     weir_rc (*row)(weir_task *, void *arg, const weir_sql_value *values, size_t columns), void *arg)
{
    db *d = self;
    sqlite3_stmt *st = NULL;
    weir_rc rc = connect_sql(t, d);
    if (!rc)
        rc = statement_for(t, d, sql, &st);
    if (!rc)
        rc = check_count(t, st, sql, columns);
    if (rc)
        return rc;
    size_t count = (size_t)sqlite3_column_count(st);
    int code = begin_result(d, st, count) ? bind_row(d, st, values, columns) : SQLITE_NOMEM;
    while (!code && !rc && (code = sqlite3_step(st)) == SQLITE_ROW) {
        code = SQLITE_OK;
        rc = read_row(d, st, count) ? row(t, arg, d->sql->row, count) : lite_nomem(t);
    }
    if (!rc && code != SQLITE_DONE)
        rc = code == SQLITE_NOMEM ? lite_nomem(t) : lite_fail(t, d, "reading");
    sqlite3_reset(st);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- describe -- */

static bool is_file(const db *d)
{
    struct stat st;
    return stat(d->path, &st) == 0 || errno != ENOENT;
}

typedef weir_rc on_column(weir_task *, void *arg, const weir_sql_column *);

static weir_rc tell_column(weir_task *t, sqlite3_stmt *row, const char *of, on_column *tell, void *arg)
{
    const char *name = (const char *)sqlite3_column_text(row, 0);
    if (!name)
        return lite_nomem(t);
    if (sqlite3_column_int(row, 3))
        return weir_fail(t, WEIR_E_CONFIG, "table \"%s\": \"%s\" is a generated column: drop it, or write to another table", of, name);
    weir_sql_column c = {.name = {name, strlen(name)}, .key = sqlite3_column_int(row, 2) > 0};
    lite_sql_type_of((const char *)sqlite3_column_text(row, 1), &c);
    return tell(t, arg, &c);
}

static weir_rc describe(weir_task *t, void *self, weir_view schema, weir_view of, bool *ret_found, on_column *tell, void *arg)
{
    db *d = self;
    *ret_found = false;
    if (!d->sqlite && !is_file(d))
        return WEIR_OK;
    weir_rc rc = connect_sql(t, d);
    const char *name = rc ? NULL : bare_name(t, schema, of);
    sqlite3_stmt *row = NULL;
    if (!rc && !name)
        return lite_nomem(t);
    if (!rc)
        rc = lite_query(t, d, "SELECT name, type, pk, hidden FROM pragma_table_xinfo(?1)", &name, 1, &row);
    if (rc || !row)
        return rc;
    *ret_found = true;
    int code = SQLITE_ROW;
    for (; !rc && code == SQLITE_ROW; code = rc ? code : sqlite3_step(row))
        rc = tell_column(t, row, name, tell, arg);
    if (!rc && code != SQLITE_DONE)
        rc = lite_fail(t, d, "reading");
    sqlite3_finalize(row);
    return rc;
}

/* --------------------------------------------------------------------------------------------------------------- convert -- */

static bool is_stored_alike(weir_sql_type from, weir_sql_type to)
{
    return from == to || (from == WEIR_SQL_TEXT && to == WEIR_SQL_XML) || ((from == WEIR_SQL_JSON || from == WEIR_SQL_XML) && to == WEIR_SQL_TEXT) ||
           (from >= WEIR_SQL_BOOLEAN && from < to && to <= WEIR_SQL_DECIMAL && to > WEIR_SQL_BOOLEAN);
}

/* Numbers and truth values are JSON already. */
static bool is_json_in_words(weir_sql_type type)
{
    return type <= WEIR_SQL_DOUBLE;
}

static weir_view convert(weir_task *t, void *self, weir_view x, const weir_sql_column *from, const weir_sql_column *to)
{
    (void)self;
    int len = (int)x.len;
    if (is_stored_alike(from->type, to->type))
        return weir_format(t, "%.*s", len, x.ptr);
    if (to->type == WEIR_SQL_JSON && !is_json_in_words(from->type)) {
        weir_view text = weir_format(t, "weir_as(%.*s, %d, %d)", len, x.ptr, from->type, WEIR_SQL_TEXT);
        return weir_format(t, "CASE WHEN json_valid(%.*s) THEN %.*s ELSE json_quote(%.*s) END", (int)text.len, text.ptr, (int)text.len, text.ptr,
                           (int)text.len, text.ptr);
    }
    return weir_format(t, "weir_as(%.*s, %d, %d)", len, x.ptr, from->type, to->type);
}

/* ------------------------------------------------------------------------------------------------------------ move_table -- */

/* What hangs on a table and would be dropped with it: statements that end with a NUL. */
static weir_rc dependents(weir_task *t, db *d, const char *name, lite_text *ret)
{
    sqlite3_stmt *row;
    weir_rc rc = lite_query(t, d,
                            "SELECT sql FROM sqlite_schema WHERE tbl_name = ?1 COLLATE NOCASE AND type IN ('index', 'trigger') AND sql IS NOT NULL",
                            &name, 1, &row);
    int code = !rc && row ? SQLITE_ROW : SQLITE_DONE;
    for (; code == SQLITE_ROW; code = sqlite3_step(row)) {
        const char *sql = (const char *)sqlite3_column_text(row, 0);
        ret->failed |= !sql;
        lite_text_add(ret, sql ? sql : "", (size_t)sqlite3_column_bytes(row, 0) + 1);
    }
    if (!rc && code != SQLITE_DONE)
        rc = lite_fail(t, d, "reading");
    sqlite3_finalize(row);
    return rc ? rc : ret->failed ? lite_nomem(t) : WEIR_OK;
}

/* Makes it again. An index on a column that is gone cannot be. */
static weir_rc restore(weir_task *t, db *d, const lite_text *statements)
{
    for (size_t at = 0; at < statements->len; at += strlen(statements->ptr + at) + 1) {
        int code = sqlite3_exec(d->sqlite, statements->ptr + at, NULL, NULL, NULL);
        if ((code & 0xff) == SQLITE_ERROR)
            weir_log(t, WEIR_WARN, "\"%s\": dropped with what it needs (%s): %s", d->path, sqlite3_errmsg(d->sqlite), statements->ptr + at);
        else if (code)
            return lite_fail(t, d, "writing to");
    }
    return WEIR_OK;
}

static weir_rc move_table(weir_task *t, void *self, weir_view schema, weir_view from, weir_view to)
{
    db *d = self;
    lite_text later = {0};
    d->wait.task = t;
    char *old = bare_name(t, schema, from), *name = bare_name(t, schema, to);
    weir_rc rc = old && name ? dependents(t, d, name, &later) : lite_nomem(t);
    if (!rc)
        rc = lite_run(t, d, sqlite3_mprintf("DROP TABLE IF EXISTS \"%w\"; ALTER TABLE \"%w\" RENAME TO \"%w\"", name, old, name));
    if (!rc)
        rc = restore(t, d, &later);
    lite_text_free(&later);
    return rc;
}

const weir_sql lite_sql_ops = {
    .type_name = type_name,
    .table_name = table_name,
    .convert = convert,
    .describe = describe,
    .move_table = move_table,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .run = run,
    .query = query,
};
