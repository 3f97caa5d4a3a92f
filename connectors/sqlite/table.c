#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "look.h"
#include "rows.h"

static const char *const type_names[] = {
    [COLUMN_INTEGER] = "INTEGER", [COLUMN_TEXT] = "TEXT", [COLUMN_BLOB] = "BLOB", [COLUMN_ANY] = "ANY"};

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
    return rc ? rc : *ret ? WEIR_OK : lite_nomem(t);
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

/* Rows that their new key cannot tell apart are the operator's to sort out. */
static weir_rc explain_key(weir_task *t, db *d, const char *name, const char *const *keys, size_t key_count, weir_rc rc)
{
    sqlite3_str *list = sqlite3_str_new(NULL);
    if (!rc || !key_count || (sqlite3_errcode(d->sqlite) & 0xff) != SQLITE_CONSTRAINT) {
        sqlite3_free(sqlite3_str_finish(list));
        return rc;
    }
    for (size_t i = 0; i < key_count; i++)
        sqlite3_str_appendf(list, "%s%s", i ? ", " : "", keys[i]);
    char *names = sqlite3_str_finish(list);
    rc = weir_fail(t, WEIR_E_CONFIG, "table \"%s\" holds rows that the key (%s) does not tell apart, or that lack it: remove them or the table",
                   name, names ? names : "");
    sqlite3_free(names);
    return rc;
}

/* Makes the table anew with these columns, all of which it has, and every row in it. SQLite has no other way to change a column. */
static weir_rc rebuild(weir_task *t, db *d, const char *name, const definition *columns, size_t count, const char *const *keys,
                       size_t key_count)
{
    weir_view next = weir_format(t, "weir_rebuilds_%s", name);
    char *later = NULL;
    weir_rc rc = next.ptr ? dependents(t, d, name, &later) : lite_nomem(t);
    if (!rc)
        rc = lite_run(t, d, create_sql(next.ptr, columns, count, keys, key_count));
    if (!rc)
        rc = explain_key(t, d, name, keys, key_count, lite_run(t, d, copy_sql(name, next.ptr, columns, count)));
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
    definition *columns = lite_zeroed(f->t, f->had_count, sizeof *columns);
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
    while (i < f->b->column_count && (f->names[i] == lite_surplus || strcasecmp(f->names[i], name) != 0))
        i++;
    return i;
}

/* Widens one column as far as the schema asks. One that is not loaded any more must take nulls. @return whether it has changed */
static bool widen(const fitting *f, definition *x)
{
    size_t at = binding_column(f, x->name);
    bool loaded = at < f->b->column_count, key = at < lite_look_keys(f->b);
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
        return lite_nomem(f->t);
    bool changed = !lite_look_same_key(f); /* then it is empty, or pushed: see lite_look_obstacle() */
    if (changed && f->had_count)
        weir_log(f->t, WEIR_INFO, "table \"%s\" gets another key", f->name);
    for (size_t i = 0; i < f->had_count; i++)
        changed |= widen(f, &columns[i]);
    if (!changed)
        return WEIR_OK;
    weir_rc rc = check_rebuildable(f);
    return rc ? rc : rebuild(f->t, f->d, f->name, columns, f->had_count, f->names, lite_look_keys(f->b));
}

static void tell_surplus(const fitting *f)
{
    weir_log(f->t, WEIR_WARN, "table \"%s\" would have more columns than SQLite allows: further fields go into \"%s\" as one JSON object", f->name,
             lite_surplus);
}

static void tell_new(const fitting *f, size_t count, const char *name, const char *type)
{
    enum { NAMED = 8 };
    if (count <= NAMED)
        weir_log(f->t, WEIR_INFO, "table \"%s\": new column \"%s\" %s", f->name, name, type);
    else if (count == NAMED + 1)
        weir_log(f->t, WEIR_INFO, "table \"%s\": more new columns", f->name);
}

static weir_rc add_columns(fitting *f)
{
    size_t added = 0;
    for (size_t i = 0; i < f->b->column_count; i++) {
        if (f->names[i] == lite_surplus || lite_look_column(f, f->names[i]))
            continue;
        const char *type = type_names[wanted_type(&f->b->columns[i])];
        weir_rc rc = lite_run(f->t, f->d, sqlite3_mprintf("ALTER TABLE \"%w\" ADD COLUMN \"%w\" %s", f->name, f->names[i], type));
        if (rc)
            return rc;
        tell_new(f, ++added, f->names[i], type);
    }
    if (!f->surplus || lite_look_column(f, lite_surplus))
        return WEIR_OK;
    tell_surplus(f);
    return lite_run(f->t, f->d, sqlite3_mprintf("ALTER TABLE \"%w\" ADD COLUMN \"%w\" TEXT", f->name, lite_surplus));
}

static weir_rc create(fitting *f)
{
    size_t count = 0;
    definition *columns = lite_zeroed(f->t, f->b->column_count + 1, sizeof *columns);
    if (!columns)
        return lite_nomem(f->t);
    for (size_t i = 0; i < f->b->column_count; i++) {
        const weir_column *c = &f->b->columns[i];
        if (f->names[i] != lite_surplus)
            columns[count++] = (definition){
                .name = f->names[i], .type = type_names[wanted_type(c)], .not_null = c->required || i < lite_look_keys(f->b)};
    }
    if (f->surplus) {
        tell_surplus(f);
        columns[count++] = (definition){.name = lite_surplus, .type = type_names[COLUMN_TEXT]};
    }
    weir_log(f->t, WEIR_INFO, "made table \"%s\"", f->name);
    return lite_run(f->t, f->d, create_sql(f->name, columns, count, f->names, lite_look_keys(f->b)));
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
    if (!rc && f->b->pushed)
        rc = lite_run(f->t, f->d,
                      sqlite3_mprintf("INSERT INTO weir_names (asked, name) VALUES (%Q, %Q) ON CONFLICT (asked) DO NOTHING", lite_look_name(f->b),
                                      f->name));
    for (size_t i = 0; !rc && i < f->b->column_count; i++)
        rc = lite_run(
            f->t, f->d,
            sqlite3_mprintf("INSERT INTO weir_columns (table_name, field, column_name) VALUES (%Q, %Q, %Q) ON CONFLICT DO NOTHING",
                            f->name, lite_look_field(f->t, f->b->columns[i].field), f->names[i]));
    return rc;
}

static weir_rc change_table(fitting *f)
{
    weir_rc rc = WEIR_OK;
    if (f->had_count == 0)
        return create(f);
    if (lite_look_starts_over(f))
        rc = empty(f);
    if (!rc)
        rc = add_columns(f);
    if (rc)
        return rc;
    f->had_count = 0; /* look again: with the columns just added */
    rc = lite_look_columns(f);
    return rc ? rc : widen_all(f);
}

/* ----------------------------------------------------------------------------------------------------------------- table -- */

/* The JSON pointer of a member; NULL without memory. */
static char *pointer_of(weir_view name)
{
    lite_text p = {0};
    lite_text_add(&p, "/", 1);
    for (size_t i = 0; i < name.len; i++) {
        bool escape = name.ptr[i] == '~' || name.ptr[i] == '/';
        lite_text_add(&p, escape ? (name.ptr[i] == '~' ? "~0" : "~1") : name.ptr + i, escape ? 2 : 1);
    }
    lite_text_add(&p, "", 1);
    if (!p.failed)
        return p.ptr;
    lite_text_free(&p);
    return NULL;
}

static bool is_word(weir_view text, const char *word) { return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0; }

static bool describe_surplus(const weir_column *c, column *x)
{
    lite_text name = {0};
    lite_value_quote(&name, c->field);
    lite_text_add(&name, ":", 1);
    x->field = (weir_view){name.ptr, name.len}; /* now the column's */
    x->pointer = pointer_of(c->field);
    x->types = c->types;
    x->digits = is_word(c->format, "integer") || is_word(c->format, "number");
    return x->name && x->pointer && !name.failed;
}

/* Of "/address/city": "/address". */
static bool note_place(const weir_column *c, column *x)
{
    const char *second = c->pointer.len ? memchr(c->pointer.ptr + 1, '/', c->pointer.len - 1) : NULL;
    x->whole = c->pointer.len == 0;
    x->above = second ? strndup(c->pointer.ptr, (size_t)(second - c->pointer.ptr)) : NULL;
    return !second || x->above;
}

static bool describe_column(const fitting *f, size_t at, table *of, column *x)
{
    const weir_column *c = &f->b->columns[at];
    if (!note_place(c, x))
        return false;
    if (f->names[at] == lite_surplus) {
        x->name = strdup(lite_surplus);
        of->surplus = true;
        return describe_surplus(c, x);
    }
    x->place = ++of->places;
    const existing *had = lite_look_column(f, f->names[at]);
    x->name = strdup(f->names[at]);
    x->type = had ? type_of(had->type) : COLUMN_ANY;
    x->not_null = had && had->not_null;
    x->types = c->types;
    x->digits = is_word(c->format, "integer") || is_word(c->format, "number");
    x->hint = (value_hint){.base64 = c->encoding.len == 6 && memcmp(c->encoding.ptr, "base64", 6) == 0,
                           .integer = x->type == COLUMN_INTEGER};
    return x->name && had;
}

/* The column of a cursor. One of the key decides nothing: it is the same in both rows. */
static const column *order_column(const weir_binding *b, const table *x, weir_view pointer)
{
    for (size_t i = x->keys; pointer.len && i < x->count; i++)
        if (b->columns[i].pointer.len == pointer.len && memcmp(b->columns[i].pointer.ptr, pointer.ptr, pointer.len) == 0)
            return &x->columns[i];
    return NULL;
}

/* From what the database says after all changes, not from what we wanted. */
static weir_rc describe(fitting *f, table **ret)
{
    f->had_count = 0;
    weir_rc rc = lite_look_columns(f);
    if (rc)
        return rc;
    table *x = calloc(1, sizeof *x);
    bool ok = x && (x->name = strdup(f->name)) && (x->columns = calloc(f->b->column_count, sizeof *x->columns));
    for (size_t i = 0; ok && i < f->b->column_count; i++)
        ok = describe_column(f, i, x, &x->columns[x->count++]);
    if (!ok) {
        lite_table_free(x);
        return lite_nomem(f->t);
    }
    x->keys = lite_look_keys(f->b);
    x->delta = lite_look_is_delta(f->b);
    x->cursor = x->delta ? NULL : order_column(f->b, x, f->b->cursor);
    x->epoch = x->cursor ? order_column(f->b, x, f->b->epoch) : NULL;
    *ret = x;
    return WEIR_OK;
}

weir_rc lite_table_fit(weir_task *t, db *d, const weir_binding *b, table **ret)
{
    fitting f = {.t = t, .d = d, .b = b, .name = lite_look_name(b)};
    const char *problem = lite_look_fault(b);
    weir_rc rc = problem ? WEIR_OK : lite_look_at(&f);
    if (!rc && !problem)
        problem = lite_look_obstacle(&f);
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
    weir_rc rc = lite_look_columns(&f);
    if (!rc)
        rc = check_rebuildable(&f);
    definition *columns = rc ? NULL : definitions(&f);
    const char **keys = lite_zeroed(t, x->keys, sizeof *keys);
    if (!columns || !keys)
        return rc ? rc : lite_nomem(t);
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

/* ------------------------------------------------------------------------------------------------------------ expiring -- */

static weir_rc expiry_column(weir_task *t, const table *x, const weir_binding *b, const weir_column *c, column **ret)
{
    *ret = c ? &x->columns[c - b->columns] : NULL;
    if (*ret && !(*ret)->place)
        return weir_fail(t, WEIR_E_CONFIG, "\"%.*s\" has no column of its own: the table has as many as SQLite allows", (int)c->field.len, c->field.ptr);
    return WEIR_OK;
}

static char *expire_sql(const table *x, const column *age, const column *mark)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    if (mark)
        sqlite3_str_appendf(sql, "UPDATE \"%w\" AS t SET \"%w\" = ?2", x->name, mark->name);
    else
        sqlite3_str_appendf(sql, "DELETE FROM \"%w\" AS t", x->name);
    if (age)
        sqlite3_str_appendf(sql, " WHERE typeof(t.\"%w\") IN ('integer', 'real') AND t.\"%w\" < ?1", age->name, age->name);
    if (mark)
        sqlite3_str_appendf(sql, " %s t.\"%w\" IS NULL", age ? "AND" : "WHERE", mark->name);
    return sqlite3_str_finish(sql);
}

static weir_rc run_expiry(weir_task *t, db *d, table *x, sqlite3_stmt *st, const weir_expiry *how, const lite_value *mark)
{
    int code = how->age ? sqlite3_bind_int64(st, 1, how->below) : SQLITE_OK;
    if (!code && how->mark)
        code = lite_bind(st, 2, mark);
    if (!code)
        code = sqlite3_step(st);
    if (code != SQLITE_DONE)
        return lite_fail(t, d, "writing to");
    int changed = sqlite3_changes(d->sqlite);
    if (changed)
        weir_log(t, WEIR_INFO, "table \"%s\": %d rows out of date were %s", x->name, changed, how->mark ? "marked" : "removed");
    return WEIR_OK;
}

weir_rc lite_table_expire(weir_task *t, db *d, table *x, const weir_binding *b, const weir_expiry *how, lite_text *scratch)
{
    column *age, *mark;
    lite_value value = {.kind = VALUE_NULL};
    sqlite3_stmt *st = NULL;
    weir_rc rc = expiry_column(t, x, b, how->age, &age);
    if (!rc)
        rc = expiry_column(t, x, b, how->mark, &mark);
    scratch->len = 0;
    if (!rc && !lite_text_reserve(scratch, how->value.len))
        rc = lite_nomem(t);
    if (!rc && mark)
        value = lite_value_read(how->value, mark->hint, scratch);
    if (!rc && mark && !lite_fits(mark, &value))
        rc = lite_table_relax(t, d, x, (size_t)(mark - x->columns), value.kind == VALUE_NULL);
    if (!rc)
        rc = lite_prepare(t, d, expire_sql(x, age, mark), &st);
    if (!rc)
        rc = run_expiry(t, d, x, st, how, &value);
    sqlite3_finalize(st);
    return weir_wrap(t, rc, "table \"%s\"", x->name);
}

void lite_table_forget(table *x)
{
    sqlite3_finalize(x->put);
    sqlite3_finalize(x->remove);
    sqlite3_finalize(x->get);
    for (size_t i = 0; i < x->change_count; i++) {
        sqlite3_finalize(x->changes[i].st);
        free(x->changes[i].set);
    }
    x->change_count = x->change_next = 0;
    x->put = x->remove = x->get = NULL;
}

void lite_table_free(table *x)
{
    if (!x)
        return;
    lite_table_forget(x);
    for (size_t i = 0; i < x->count; i++) {
        free(x->columns[i].name);
        free((char *)x->columns[i].field.ptr);
        free(x->columns[i].pointer);
        free(x->columns[i].above);
    }
    lite_rows_forget_work(x);
    free(x->columns);
    free(x->members);
    lite_text_free(&x->member_names);
    lite_text_free(&x->rest);
    free(x->name);
    free(x);
}
