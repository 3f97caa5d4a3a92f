#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A column as the database has it. */
typedef struct existing {
    const char *name, *type, *fallback; /* fallback: DEFAULT expression or NULL */
    bool not_null, generated;
    int key; /* position in the primary key, from 1; 0: not in it */
} existing;

/* Everything known about one binding's table while it is made to fit. Memory is the task's: it is gone when the callback returns.
 */
typedef struct fitting {
    weir_task *t;
    db *d;
    const weir_binding *b;
    const char *name;
    bool known;       /* we made it */
    int64_t backfill; /* as of when it was last emptied */
    existing *had;    /* count 0: there is no table */
    size_t had_count;
    const char **names; /* of the binding's columns, in the table */
} fitting;

static const char *const type_names[] = {
    [COLUMN_INTEGER] = "INTEGER", [COLUMN_TEXT] = "TEXT", [COLUMN_BLOB] = "BLOB", [COLUMN_ANY] = "ANY"};

static weir_rc nomem(weir_task *t)
{
    return weir_fail(t, WEIR_E_NOMEM, "out of memory");
}

/* Task memory; a count of 0 gives a valid pointer. */
static void *zeroed(weir_task *t, size_t count, size_t size)
{
    size_t bytes = count < SIZE_MAX / size ? (count + 1) * size : 0;
    void *p = bytes ? weir_alloc(t, bytes) : NULL;
    return p ? memset(p, 0, bytes) : NULL;
}

static const char *table_of(const weir_binding *b)
{
    return ((const resource *)b->resource)->table;
}

static bool is_delta(const weir_binding *b)
{
    return b->delta_updates || ((const resource *)b->resource)->delta_updates;
}

/* --------------------------------------------------------------------------------------------------------------- types -- */

static column_type wanted_type(const weir_column *c)
{
    static const struct {
        unsigned types;
        column_type type;
    } kinds[] = {
        {WEIR_IS_INTEGER, COLUMN_INTEGER}, {WEIR_IS_BOOLEAN, COLUMN_INTEGER}, {WEIR_IS_STRING, COLUMN_TEXT},
        {WEIR_IS_ARRAY, COLUMN_TEXT},      {WEIR_IS_OBJECT, COLUMN_TEXT},     {WEIR_IS_ARRAY | WEIR_IS_OBJECT, COLUMN_TEXT},
    };
    unsigned types = c->types & ~(unsigned)WEIR_IS_NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].types == types)
            return types == WEIR_IS_STRING && c->encoding.len == 6 && memcmp(c->encoding.ptr, "base64", 6) == 0 ? COLUMN_BLOB
                                                                                                                : kinds[i].type;
    return COLUMN_ANY; /* numbers too: exact decimals live there as text beside integers and doubles */
}

static column_type type_of(const char *name)
{
    for (column_type type = COLUMN_INTEGER; type < COLUMN_ANY; type++)
        if (strcasecmp(type_names[type], name) == 0)
            return type;
    return COLUMN_ANY;
}

/* --------------------------------------------------------------------------------------------------------------- looking -- */

static const char *column_copy(weir_task *t, sqlite3_stmt *row, int at)
{
    const char *found = (const char *)sqlite3_column_text(row, at);
    return found ? weir_format(t, "%s", found).ptr : NULL;
}

static weir_rc count_columns(fitting *f, size_t *ret)
{
    sqlite3_stmt *row;
    weir_rc rc = lite_query(f->t, f->d, "SELECT count(*) FROM pragma_table_xinfo(?1)", &f->name, 1, &row);
    if (rc)
        return rc;
    *ret = (size_t)sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return WEIR_OK;
}

static bool read_column(weir_task *t, sqlite3_stmt *row, existing *x)
{
    *x = (existing){.name = column_copy(t, row, 0),
                    .type = column_copy(t, row, 1),
                    .not_null = sqlite3_column_int(row, 2),
                    .fallback = column_copy(t, row, 3),
                    .key = sqlite3_column_int(row, 4),
                    .generated = sqlite3_column_int(row, 5) != 0};
    return x->name && x->type && (x->fallback || sqlite3_column_type(row, 3) == SQLITE_NULL);
}

static weir_rc read_columns(fitting *f)
{
    size_t count = 0;
    weir_rc rc = count_columns(f, &count);
    if (rc || count == 0)
        return rc;
    f->had = zeroed(f->t, count, sizeof *f->had);
    if (!f->had)
        return nomem(f->t);
    sqlite3_stmt *row;
    rc = lite_query(f->t, f->d, "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid",
                    &f->name, 1, &row);
    if (rc)
        return rc;
    bool ok = true;
    do
        ok = ok && f->had_count < count && read_column(f->t, row, &f->had[f->had_count++]);
    while (ok && sqlite3_step(row) == SQLITE_ROW);
    sqlite3_finalize(row);
    return ok ? WEIR_OK : nomem(f->t);
}

/* A view of that name would take no rows. */
static weir_rc refuse_view(fitting *f)
{
    sqlite3_stmt *row;
    weir_rc rc =
        lite_query(f->t, f->d, "SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = ?1 COLLATE NOCASE", &f->name, 1, &row);
    if (rc || !row)
        return rc;
    sqlite3_finalize(row);
    return weir_fail(f->t, WEIR_E_CONFIG, "\"%s\" is a view: name a table", f->name);
}

static weir_rc read_record(fitting *f)
{
    sqlite3_stmt *row;
    weir_rc rc = lite_query(f->t, f->d, "SELECT 1 FROM sqlite_schema WHERE name = 'weir_tables'", NULL, 0, &row);
    if (rc || !row)
        return rc;
    sqlite3_finalize(row);
    rc = lite_query(f->t, f->d, "SELECT backfill, task FROM weir_tables WHERE name = ?1", &f->name, 1, &row);
    if (rc || !row)
        return rc;
    f->known = true;
    f->backfill = sqlite3_column_int64(row, 0);
    const char *task = (const char *)sqlite3_column_text(row, 1);
    if (f->had_count && task && strcmp(task, f->d->task_name) != 0)
        weir_log(f->t, WEIR_WARN, "table \"%s\" was made by task \"%s\": both write to it now", f->name, task);
    sqlite3_finalize(row);
    return WEIR_OK;
}

/* ---------------------------------------------------------------------------------------------------------- column names -- */

static const char *field_text(weir_task *t, weir_view field)
{
    return field.len ? weir_format(t, "%.*s", (int)field.len, field.ptr).ptr : "";
}

/* The name a field was given before. */
static weir_rc recorded_name(fitting *f, const char *field, const char **ret)
{
    sqlite3_stmt *row;
    const char *const texts[] = {f->name, field};
    weir_rc rc =
        lite_query(f->t, f->d, "SELECT column_name FROM weir_columns WHERE table_name = ?1 AND field = ?2", texts, 2, &row);
    *ret = NULL;
    if (rc || !row)
        return rc;
    *ret = column_copy(f->t, row, 0);
    sqlite3_finalize(row);
    return *ret ? WEIR_OK : nomem(f->t);
}

/* Is the name that of a column, here or in the table? SQLite compares them without regard to case. */
static bool name_taken(const fitting *f, const char *name)
{
    for (size_t i = 0; i < f->had_count; i++)
        if (strcasecmp(f->had[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < f->b->column_count; i++)
        if (f->names[i] && strcasecmp(f->names[i], name) == 0)
            return true;
    return false;
}

static bool is_field(const fitting *f, const char *name)
{
    for (size_t i = 0; i < f->b->column_count; i++) {
        weir_view field = f->b->columns[i].field;
        if (field.len == strlen(name) && strncasecmp(field.ptr, name, field.len) == 0)
            return true;
    }
    return false;
}

/* Id and id: the first keeps its name, the next becomes id_2, or _3 if somebody is called id_2. NULL without memory. */
static const char *new_name(const fitting *f, const char *field)
{
    const char *name = field[0] ? field : "_";
    for (int n = 2; name && (name_taken(f, name) || (n > 2 && is_field(f, name))); n++)
        name = weir_format(f->t, "%s_%d", field, n).ptr;
    if (name && strcmp(name, field) != 0)
        weir_log(f->t, WEIR_WARN, "table \"%s\" cannot have another column \"%s\": the field goes into \"%s\"", f->name, field,
                 name);
    return name;
}

/* First the names that were given before, so that a new field cannot take one of them. */
static weir_rc name_columns(fitting *f)
{
    size_t count = f->b->column_count;
    const char **fields = zeroed(f->t, count, sizeof *fields);
    f->names = zeroed(f->t, count, sizeof *f->names);
    if (!fields || !f->names)
        return nomem(f->t);
    for (size_t i = 0; i < count; i++) {
        fields[i] = field_text(f->t, f->b->columns[i].field);
        weir_rc rc = !fields[i] ? nomem(f->t) : f->known ? recorded_name(f, fields[i], &f->names[i]) : WEIR_OK;
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < count; i++) {
        if (!f->names[i])
            f->names[i] = new_name(f, fields[i]);
        if (!f->names[i])
            return nomem(f->t);
    }
    return WEIR_OK;
}

static const existing *existing_column(const fitting *f, const char *name)
{
    for (size_t i = 0; i < f->had_count; i++)
        if (strcasecmp(f->had[i].name, name) == 0)
            return &f->had[i];
    return NULL;
}

static weir_rc look(fitting *f)
{
    weir_rc rc = refuse_view(f);
    if (!rc)
        rc = read_columns(f);
    if (!rc)
        rc = read_record(f);
    return rc ? rc : name_columns(f);
}

/* -------------------------------------------------------------------------------------------------------------- checking -- */

static size_t key_count(const weir_binding *b)
{
    return is_delta(b) ? 0 : b->key_count;
}

static bool same_key(const fitting *f)
{
    size_t keys = 0;
    for (size_t i = 0; i < f->had_count; i++)
        keys += f->had[i].key > 0;
    bool same = keys == key_count(f->b);
    for (size_t i = 0; same && i < keys; i++) {
        const existing *x = existing_column(f, f->names[i]);
        same = x && x->key == (int)i + 1;
    }
    return same;
}

static bool starts_over(const fitting *f)
{
    return f->known && f->b->backfill > f->backfill;
}

/* What stands in the way of using the table as it is found; NULL: nothing. The words follow the table's name. */
static const char *obstacle(const fitting *f)
{
    if (f->had_count && !f->known)
        return "was not made by this connector: choose another name, or drop it if it is not needed";
    if (f->known && !f->had_count && !starts_over(f) && f->d->checkpoint.ptr)
        return "is gone, but what was loaded into it would not be read again: raise the binding's `backfill` to fill it anew";
    if (f->had_count && !starts_over(f) && !same_key(f))
        return "has another key than the collection: raise the binding's `backfill` to empty the table and load it anew";
    return NULL;
}

/* What is wrong with a binding whatever the database holds. */
static const char *fault(const weir_binding *b)
{
    const char *name = table_of(b);
    if (!name[0] || strncasecmp(name, "sqlite_", 7) == 0)
        return "is not a name that SQLite allows for a table";
    if (strcasecmp(name, "weir_checkpoints") == 0 || strcasecmp(name, "weir_tables") == 0 || strcasecmp(name, "weir_columns") == 0)
        return "is a table of this connector's own: choose another name";
    if (b->column_count == 0)
        return "would have no columns: select some fields";
    if (b->key_count == 0 && !is_delta(b))
        return "needs a key: the collection has none, so only `delta_updates` can load it";
    for (size_t i = 0; i < b->column_count; i++)
        if (b->columns[i].field.len > 1 << 20 ||
            memchr(b->columns[i].field.ptr ? b->columns[i].field.ptr : "", 0, b->columns[i].field.len))
            return "cannot have a column whose name holds a NUL or a megabyte";
    return NULL;
}

bool lite_table_named_before(const weir_binding *bindings, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcasecmp(table_of(&bindings[i]), table_of(&bindings[at])) == 0)
            return true;
    return false;
}

weir_rc lite_table_validate(weir_task *t, db *d, const weir_binding *bindings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const weir_binding *b = &bindings[i];
        fitting f = {.t = t, .d = d, .b = b, .name = table_of(b)};
        const char *problem = fault(b);
        if (!problem && lite_table_named_before(bindings, i))
            problem = "is named by another binding too (SQLite does not tell upper from lower case)";
        weir_rc rc = !problem && d->sqlite ? look(&f) : WEIR_OK;
        if (rc)
            return rc;
        if (!problem && d->sqlite)
            problem = obstacle(&f);
        if (problem)
            weir_problem(t, b, "table \"%s\" %s", f.name, problem);
    }
    return WEIR_OK;
}

/* ------------------------------------------------------------------------------------------------------------- rebuilding -- */

/* A column as it is to be. */
typedef struct definition {
    const char *name, *type, *fallback;
    bool not_null;
    const existing *from; /* NULL: new */
} definition;

static void add_names(sqlite3_str *sql, const definition *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sqlite3_str_appendf(sql, "%s\"%w\"", i ? ", " : "", columns[i].name);
}

static char *create_sql(const char *name, const definition *columns, size_t count, const char *const *keys, size_t key_count)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "CREATE TABLE \"%w\" (", name);
    for (size_t i = 0; i < count; i++) {
        sqlite3_str_appendf(sql, "%s\"%w\" %s%s", i ? ", " : "", columns[i].name, columns[i].type,
                            columns[i].not_null ? " NOT NULL" : "");
        if (columns[i].fallback)
            sqlite3_str_appendf(sql, " DEFAULT (%s)", columns[i].fallback);
    }
    for (size_t i = 0; i < key_count; i++)
        sqlite3_str_appendf(sql, "%s\"%w\"", i ? ", " : ", PRIMARY KEY (", keys[i]);
    sqlite3_str_appendf(sql, "%s) STRICT", key_count ? ")" : "");
    return sqlite3_str_finish(sql);
}

/* What hangs on the table and would be dropped with it, as one text of SQL; *ret is sqlite3_malloc'ed. */
static weir_rc dependents(weir_task *t, db *d, const char *name, char **ret)
{
    sqlite3_stmt *row;
    sqlite3_str *sql = sqlite3_str_new(NULL);
    weir_rc rc = lite_query(
        t, d,
        "SELECT sql FROM sqlite_schema WHERE tbl_name = ?1 COLLATE NOCASE AND type IN ('index', 'trigger') AND sql IS NOT NULL",
        &name, 1, &row);
    if (!rc && row)
        do
            sqlite3_str_appendf(sql, "%s;", sqlite3_column_text(row, 0));
        while (sqlite3_step(row) == SQLITE_ROW);
    sqlite3_finalize(row);
    bool nothing = sqlite3_str_length(sql) == 0 && sqlite3_str_errcode(sql) == SQLITE_OK;
    char *made = sqlite3_str_finish(sql);
    *ret = nothing ? sqlite3_mprintf("%s", "") : made;
    return rc ? rc : *ret ? WEIR_OK : nomem(t);
}

static char *copy_sql(const char *from, const char *to, const definition *columns, size_t count)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "INSERT INTO \"%w\" (", to);
    add_names(sql, columns, count);
    sqlite3_str_appendall(sql, ") SELECT ");
    add_names(sql, columns, count);
    sqlite3_str_appendf(sql, " FROM \"%w\"", from);
    return sqlite3_str_finish(sql);
}

/* Makes the table anew with these columns, all of which it has, and every row in it. SQLite has no other way to change a column. */
static weir_rc rebuild(weir_task *t, db *d, const char *name, const definition *columns, size_t count, const char *const *keys,
                       size_t key_count)
{
    weir_view next = weir_format(t, "weir_rebuilds_%s", name);
    char *later = NULL;
    weir_rc rc = next.ptr ? dependents(t, d, name, &later) : nomem(t);
    if (!rc)
        rc = lite_run(t, d, create_sql(next.ptr, columns, count, keys, key_count));
    if (!rc)
        rc = lite_run(t, d, copy_sql(name, next.ptr, columns, count));
    if (!rc)
        rc = lite_run(t, d, sqlite3_mprintf("DROP TABLE \"%w\"; ALTER TABLE \"%w\" RENAME TO \"%w\"", name, next.ptr, name));
    if (!rc)
        rc = lite_exec(t, d, later);
    sqlite3_free(later);
    return weir_wrap(t, rc, "rebuilding table \"%s\"", name);
}

/* The columns as they stand; to be changed, then given to rebuild(). NULL without memory. */
static definition *definitions(const fitting *f)
{
    definition *columns = zeroed(f->t, f->had_count, sizeof *columns);
    for (size_t i = 0; columns && i < f->had_count; i++)
        columns[i] = (definition){f->had[i].name, f->had[i].type, f->had[i].fallback, f->had[i].not_null, &f->had[i]};
    return columns;
}

static weir_rc check_rebuildable(const fitting *f)
{
    for (size_t i = 0; i < f->had_count; i++)
        if (f->had[i].generated)
            return weir_fail(f->t, WEIR_E_CONFIG,
                             "table \"%s\" must be rebuilt, but \"%s\" is a generated column: drop that column first", f->name,
                             f->had[i].name);
    return WEIR_OK;
}

/* --------------------------------------------------------------------------------------------------------------- fitting -- */

static size_t binding_column(const fitting *f, const char *name)
{
    size_t i = 0;
    while (i < f->b->column_count && strcasecmp(f->names[i], name) != 0)
        i++;
    return i;
}

/* Widens one column as far as the schema asks. One that is not loaded any more must take nulls. @return whether it has changed */
static bool widen(const fitting *f, definition *x)
{
    size_t at = binding_column(f, x->name);
    bool loaded = at < f->b->column_count, key = at < key_count(f->b);
    const weir_column *c = loaded ? &f->b->columns[at] : NULL;
    bool not_null = x->not_null && (key || (c && c->required) || (!c && x->fallback));
    bool any = c && type_of(x->type) != wanted_type(c) && type_of(x->type) != COLUMN_ANY;
    bool changed = not_null != x->not_null || any || (key && !x->not_null);

    if (any)
        weir_log(f->t, WEIR_INFO, "table \"%s\": column \"%s\" was %s, now holds any type", f->name, x->name, x->type);
    if (x->not_null && !not_null)
        weir_log(f->t, WEIR_INFO, "table \"%s\": column \"%s\" may be null now", f->name, x->name);
    x->type = any ? type_names[COLUMN_ANY] : x->type;
    x->not_null = not_null || key;
    return changed;
}

static weir_rc widen_all(fitting *f)
{
    definition *columns = definitions(f);
    if (!columns)
        return nomem(f->t);
    bool changed = !same_key(f); /* then it is empty, see obstacle() */
    for (size_t i = 0; i < f->had_count; i++)
        changed |= widen(f, &columns[i]);
    if (!changed)
        return WEIR_OK;
    weir_rc rc = check_rebuildable(f);
    return rc ? rc : rebuild(f->t, f->d, f->name, columns, f->had_count, f->names, key_count(f->b));
}

static weir_rc add_columns(fitting *f)
{
    for (size_t i = 0; i < f->b->column_count; i++) {
        if (existing_column(f, f->names[i]))
            continue;
        const char *type = type_names[wanted_type(&f->b->columns[i])];
        weir_rc rc = lite_run(f->t, f->d, sqlite3_mprintf("ALTER TABLE \"%w\" ADD COLUMN \"%w\" %s", f->name, f->names[i], type));
        if (rc)
            return rc;
        weir_log(f->t, WEIR_INFO, "table \"%s\": new column \"%s\" %s", f->name, f->names[i], type);
    }
    return WEIR_OK;
}

static weir_rc create(fitting *f)
{
    size_t count = f->b->column_count;
    definition *columns = zeroed(f->t, count, sizeof *columns);
    if (!columns)
        return nomem(f->t);
    for (size_t i = 0; i < count; i++) {
        const weir_column *c = &f->b->columns[i];
        columns[i] =
            (definition){.name = f->names[i], .type = type_names[wanted_type(c)], .not_null = c->required || i < key_count(f->b)};
    }
    weir_log(f->t, WEIR_INFO, "made table \"%s\"", f->name);
    return lite_run(f->t, f->d, create_sql(f->name, columns, count, f->names, key_count(f->b)));
}

static weir_rc empty(fitting *f)
{
    weir_log(f->t, WEIR_INFO, "emptied table \"%s\": backfill %u", f->name, (unsigned)f->b->backfill);
    return lite_run(f->t, f->d, sqlite3_mprintf("DELETE FROM \"%w\"", f->name));
}

static weir_rc record(fitting *f)
{
    int64_t backfill = f->known && f->backfill > f->b->backfill ? f->backfill : f->b->backfill;
    weir_rc rc =
        lite_run(f->t, f->d,
                 sqlite3_mprintf("INSERT INTO weir_tables (name, task, backfill) VALUES (%Q, %Q, %lld) ON CONFLICT DO UPDATE"
                                 " SET task = excluded.task, backfill = excluded.backfill",
                                 f->name, f->d->task_name, (long long)backfill));
    for (size_t i = 0; !rc && i < f->b->column_count; i++)
        rc = lite_run(
            f->t, f->d,
            sqlite3_mprintf("INSERT INTO weir_columns (table_name, field, column_name) VALUES (%Q, %Q, %Q) ON CONFLICT DO NOTHING",
                            f->name, field_text(f->t, f->b->columns[i].field), f->names[i]));
    return rc;
}

static weir_rc change_table(fitting *f)
{
    weir_rc rc = WEIR_OK;
    if (f->had_count == 0)
        return create(f);
    if (starts_over(f))
        rc = empty(f);
    if (!rc)
        rc = add_columns(f);
    if (rc)
        return rc;
    f->had_count = 0; /* look again: with the columns just added */
    rc = read_columns(f);
    return rc ? rc : widen_all(f);
}

/* ----------------------------------------------------------------------------------------------------------------- table -- */

static bool describe_column(const fitting *f, size_t at, column *x)
{
    const weir_column *c = &f->b->columns[at];
    const existing *had = existing_column(f, f->names[at]);
    x->name = strdup(f->names[at]);
    x->type = had ? type_of(had->type) : COLUMN_ANY;
    x->not_null = had && had->not_null;
    x->types = c->types;
    x->hint = (value_hint){.base64 = c->encoding.len == 6 && memcmp(c->encoding.ptr, "base64", 6) == 0,
                           .integer = x->type == COLUMN_INTEGER};
    return x->name && had;
}

/* From what the database says after all changes, not from what we wanted. */
static weir_rc describe(fitting *f, table **ret)
{
    f->had_count = 0;
    weir_rc rc = read_columns(f);
    if (rc)
        return rc;
    table *x = calloc(1, sizeof *x);
    bool ok = x && (x->name = strdup(f->name)) && (x->columns = calloc(f->b->column_count, sizeof *x->columns));
    for (size_t i = 0; ok && i < f->b->column_count; i++)
        ok = describe_column(f, i, &x->columns[x->count++]);
    if (!ok) {
        lite_table_free(x);
        return nomem(f->t);
    }
    x->keys = key_count(f->b);
    x->delta = is_delta(f->b);
    *ret = x;
    return WEIR_OK;
}

weir_rc lite_table_fit(weir_task *t, db *d, const weir_binding *b, table **ret)
{
    fitting f = {.t = t, .d = d, .b = b, .name = table_of(b)};
    const char *problem = fault(b);
    weir_rc rc = problem ? WEIR_OK : look(&f);
    if (!rc && !problem)
        problem = obstacle(&f);
    if (problem)
        return weir_fail(t, WEIR_E_CONFIG, "table \"%s\" %s", f.name, problem);
    if (!rc)
        rc = change_table(&f);
    if (!rc)
        rc = record(&f);
    if (!rc)
        rc = describe(&f, ret);
    return weir_wrap(t, rc, "table \"%s\"", f.name);
}

weir_rc lite_table_relax(weir_task *t, db *d, table *x, size_t at, bool to_null)
{
    fitting f = {.t = t, .d = d, .name = x->name};
    column *c = &x->columns[at];
    weir_rc rc = read_columns(&f);
    if (!rc)
        rc = check_rebuildable(&f);
    definition *columns = rc ? NULL : definitions(&f);
    const char **keys = zeroed(t, x->keys, sizeof *keys);
    if (!columns || !keys)
        return rc ? rc : nomem(t);
    for (size_t i = 0; i < x->keys; i++)
        keys[i] = x->columns[i].name;
    for (size_t i = 0; i < f.had_count; i++) {
        if (strcasecmp(columns[i].name, c->name) != 0)
            continue;
        columns[i].not_null &= !to_null;
        columns[i].type = to_null ? columns[i].type : type_names[COLUMN_ANY];
    }
    lite_table_forget(x);
    weir_log(t, WEIR_WARN, "table \"%s\": column \"%s\" %s: a value has come that its schema did not foresee", x->name, c->name,
             to_null ? "may be null now" : "holds any type now");
    rc = rebuild(t, d, x->name, columns, f.had_count, keys, x->keys);
    c->not_null &= !to_null;
    c->type = to_null ? c->type : COLUMN_ANY;
    c->hint.integer = c->type == COLUMN_INTEGER;
    return rc;
}

void lite_table_forget(table *x)
{
    sqlite3_finalize(x->put);
    sqlite3_finalize(x->remove);
    sqlite3_finalize(x->get);
    x->put = x->remove = x->get = NULL;
}

void lite_table_free(table *x)
{
    if (!x)
        return;
    lite_table_forget(x);
    for (size_t i = 0; i < x->count; i++)
        free(x->columns[i].name);
    free(x->columns);
    free(x->members);
    lite_text_free(&x->member_names);
    free(x->name);
    free(x);
}
