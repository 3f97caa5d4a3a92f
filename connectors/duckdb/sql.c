/* sql.c - what DuckDB does for platforms that manage its tables. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "run.h"

/* A default of NULL, written so that it can be told from none: marks columns that were made as something which DuckDB has no name of its own for. Decimals
 * whose digits nobody has told get as many before the point as fit beside ten behind it. */
#define MARKED(type) type " DEFAULT CAST(NULL AS " type ")"
#define DECIMAL_UNTOLD "DECIMAL(38,10)"

static const struct {
    weir_sql_type type;
    const char *name;  /* in a column's definition */
    const char *shown; /* by DuckDB; NULL: the same */
} types[] = {
    {WEIR_SQL_BOOLEAN, "BOOLEAN", NULL}, {WEIR_SQL_SHORT, "SMALLINT", NULL}, {WEIR_SQL_INT, "INTEGER", NULL},
    {WEIR_SQL_LONG, "BIGINT", NULL}, {WEIR_SQL_FLOAT, "FLOAT", NULL}, {WEIR_SQL_DOUBLE, "DOUBLE", NULL},
    {WEIR_SQL_DATE, "DATE", NULL}, {WEIR_SQL_DATETIME, "TIMESTAMP", NULL}, {WEIR_SQL_TIMESTAMP, "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"},
    {WEIR_SQL_TIME, "TIME", NULL}, {WEIR_SQL_BINARY, "BLOB", NULL}, {WEIR_SQL_TEXT, "VARCHAR", NULL},
    {WEIR_SQL_JSON, "JSON", NULL}, {WEIR_SQL_XML, MARKED("VARCHAR"), NULL}, {WEIR_SQL_DECIMAL, MARKED(DECIMAL_UNTOLD), NULL},
};
enum { TYPES = sizeof types / sizeof *types };

static weir_view view(const char *text) { return (weir_view){text, strlen(text)}; }

static weir_view type_name(weir_task *t, void *self, const weir_sql_column *c)
{
    (void)self;
    if (c->type == WEIR_SQL_DECIMAL && c->precision)
        return weir_format(t, "DECIMAL(%u,%u)", (unsigned)c->precision, (unsigned)c->scale);
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].type == c->type)
            return view(types[i].name);
    return view("VARCHAR");
}

/* A name in double quotes, those within doubled; NULL without memory. */
static char *quoted(weir_task *t, weir_view name)
{
    char *out = weir_alloc(t, name.len * 2 + 3), *at = out;
    if (!out)
        return NULL;
    *at++ = '"';
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"')
            *at++ = '"';
        *at++ = name.ptr[i];
    }
    *at++ = '"';
    *at = 0;
    return out;
}

static weir_view table_name(weir_task *t, void *self, weir_view schema, weir_view table)
{
    (void)self;
    const char *s = quoted(t, schema), *n = quoted(t, table);
    if (!s || !n)
        return (weir_view){0};
    return schema.len ? weir_format(t, "%s.%s", s, n) : view(n);
}

static weir_view convert(weir_task *t, void *self, weir_view x, const weir_sql_column *from, const weir_sql_column *to)
{
    if (to->type == WEIR_SQL_JSON && from->type != WEIR_SQL_JSON)
        return weir_format(t, "to_json(%.*s)", (int)x.len, x.ptr);
    if (to->type == WEIR_SQL_BINARY && from->type != WEIR_SQL_BINARY)
        return weir_format(t, "encode(CAST(%.*s AS VARCHAR))", (int)x.len, x.ptr);
    if (from->type == WEIR_SQL_BINARY && to->type != WEIR_SQL_BINARY)
        return weir_format(t, "to_base64(%.*s)", (int)x.len, x.ptr);
    if (from->type == WEIR_SQL_DECIMAL && to->type != WEIR_SQL_DECIMAL) /* as few digits as a value needs */
        x = weir_format(t, "regexp_replace(CAST(%.*s AS VARCHAR), '\\.0*$|(\\.[0-9]*[1-9])0+$', '\\1')", (int)x.len, x.ptr);
    weir_view name = type_name(t, self, to);
    const char *marked = to->type == WEIR_SQL_DECIMAL || to->type == WEIR_SQL_XML ? strstr(name.ptr, " DEFAULT") : NULL;
    name.len = marked ? (size_t)(marked - name.ptr) : name.len;
    return weir_format(t, "CAST(%.*s AS %.*s)", (int)x.len, x.ptr, (int)name.len, name.ptr);
}

static weir_rc create_schema(weir_task *t, void *self, weir_view schema)
{
    const char *name = schema.len ? quoted(t, schema) : NULL;
    if (!schema.len)
        return WEIR_OK;
    return name ? duck_exec(t, self, weir_format(t, "CREATE SCHEMA IF NOT EXISTS %s", name).ptr) : WEIR_E_NOMEM;
}

/* ------------------------------------------------------------------------------------------------------------- describe -- */

typedef struct describing {
    weir_rc (*column)(weir_task *, void *arg, const weir_sql_column *);
    void *arg;
    bool found;
} describing;

static void read_type(weir_view name, bool marked, weir_sql_column *c)
{
    unsigned precision, scale;
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)name.len, name.ptr);
    c->type = marked ? WEIR_SQL_XML : WEIR_SQL_TEXT;
    if (sscanf(text, "DECIMAL(%u,%u)", &precision, &scale) == 2) {
        *c = (weir_sql_column){.name = c->name, .type = WEIR_SQL_DECIMAL, .key = c->key, .precision = marked ? 0 : precision, .scale = marked ? 0 : scale};
        return;
    }
    if (marked)
        return;
    for (size_t i = 0; i < TYPES; i++)
        if (strcasecmp(text, types[i].shown ? types[i].shown : types[i].name) == 0) {
            c->type = types[i].type;
            return;
        }
}

static weir_rc described(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    (void)count;
    describing *d = arg;
    weir_sql_column c = {.name = v[0].text, .key = v[2].integer != 0};
    d->found = true;
    read_type(v[1].text, v[3].integer != 0, &c);
    return d->column ? d->column(t, d->arg, &c) : WEIR_OK;
}

static weir_rc describe(weir_task *t, void *self, weir_view schema, weir_view table, bool *ret_found,
                        weir_rc (*column)(weir_task *, void *arg, const weir_sql_column *), void *arg)
{
    static const char sql[] =
        "SELECT c.column_name, c.data_type, EXISTS (SELECT 1 FROM duckdb_constraints() k WHERE k.database_name = c.database_name AND "
        "k.schema_name = c.schema_name AND k.table_name = c.table_name AND k.constraint_type = 'PRIMARY KEY' AND "
        "list_contains(k.constraint_column_names, c.column_name)), coalesce(c.column_default LIKE 'CAST(NULL AS %', false) FROM duckdb_columns() c WHERE c.database_name = current_database() AND "
        "lower(c.schema_name) = lower(?) AND lower(c.table_name) = lower(?) ORDER BY c.column_index";
    const weir_sql_value values[] = {{.type = WEIR_SQL_TEXT, .text = schema.len ? schema : view("main")}, {.type = WEIR_SQL_TEXT, .text = table}};
    describing d = {column, arg, false};
    *ret_found = false;
    if (!((duck *)self)->connection)
        return WEIR_OK; /* there is no database yet */
    weir_rc rc = duck_query(t, self, sql, values, 2, described, &d);
    *ret_found = d.found;
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------- transactions -- */

static weir_rc move_table(weir_task *t, void *self, weir_view schema, weir_view from, weir_view to)
{
    weir_view old = table_name(t, self, schema, from), replaced = table_name(t, self, schema, to);
    const char *name = quoted(t, to);
    if (!old.ptr || !replaced.ptr || !name)
        return WEIR_E_NOMEM;
    weir_rc rc = duck_exec(t, self, weir_format(t, "DROP TABLE IF EXISTS %s", replaced.ptr).ptr);
    return rc ? rc : duck_exec(t, self, weir_format(t, "ALTER TABLE %s RENAME TO %s", old.ptr, name).ptr);
}

static weir_rc begin(weir_task *t, void *self)
{
    duck *d = self;
    weir_rc rc = duck_exec(t, d, "BEGIN TRANSACTION");
    d->in_transaction = !rc;
    return rc;
}

/* One that fails has ended, too. */
static weir_rc commit(weir_task *t, void *self)
{
    duck *d = self;
    d->in_transaction = false;
    return duck_exec(t, d, "COMMIT");
}

static weir_rc rollback(weir_task *t, void *self)
{
    duck *d = self;
    bool due = d->in_transaction;
    d->in_transaction = false;
    return due ? duck_exec(t, d, "ROLLBACK") : WEIR_OK;
}

const weir_sql duck_sql = {
    .type_name = type_name, .table_name = table_name, .convert = convert, .create_schema = create_schema, .describe = describe,
    .move_table = move_table, .begin = begin, .commit = commit, .rollback = rollback, .run = duck_run, .query = duck_query,
};
