#include "look.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *lite_look_name(const weir_binding *b)
{
    return ((const resource *)b->resource)->table;
}

bool lite_look_is_delta(const weir_binding *b)
{
    return b->delta_updates || ((const resource *)b->resource)->delta_updates;
}

const char lite_surplus[] = "weir_surplus";

bool lite_is_surplus(const char *column_name)
{
    return strcasecmp(column_name, lite_surplus) == 0;
}

static bool reserved_for_sqlite(const char *name)
{
    return !name[0] || strncasecmp(name, "sqlite_", 7) == 0;
}

static bool reserved_for_us(const char *name)
{
    static const char *const ours[] = {"weir_checkpoints", "weir_tables", "weir_columns", "weir_names"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcasecmp(name, ours[i]) == 0)
            return true;
    return false;
}

/* ------------------------------------------------------------------------------------------------------------- table names -- */

/* Looks for a row with these texts. *ret is the first column of it, NULL if there is none. */
static weir_rc look_up(fitting *f, const char *sql, const char *const *texts, int count, const char **ret)
{
    sqlite3_stmt *row;
    weir_rc rc = lite_query(f->t, f->d, sql, texts, count, &row);
    *ret = NULL;
    if (rc || !row)
        return rc;
    const char *found = (const char *)sqlite3_column_text(row, 0);
    *ret = found ? weir_format(f->t, "%s", found).ptr : NULL;
    sqlite3_finalize(row);
    return *ret ? WEIR_OK : lite_nomem(f->t);
}

/* A name for a stream whose own is taken by another one, as SQLite compares names, or not allowed. */
static weir_rc new_table_name(fitting *f, const char *asked)
{
    const char *base = reserved_for_sqlite(asked) || reserved_for_us(asked) ? weir_format(f->t, "_%s", asked).ptr : asked, *taken = "";
    f->name = base;
    for (int n = 2; f->name; n++) {
        weir_rc rc = look_up(f, "SELECT asked FROM weir_names WHERE name = ?1", &f->name, 1, &taken);
        if (rc || !taken)
            return rc;
        f->name = weir_format(f->t, "%s_%d", base, n).ptr;
    }
    return lite_nomem(f->t);
}

/* Platforms that push have streams called Users and users, or none at all, and cannot rename them: each gets a table, and keeps it. */
static weir_rc name_table(fitting *f)
{
    const char *asked = f->name, *name = NULL, *names = "weir_names", *known;
    if (!f->b->pushed)
        return WEIR_OK;
    weir_rc rc = look_up(f, "SELECT name FROM sqlite_schema WHERE name = ?1", &names, 1, &known);
    if (rc || !known)
        return rc;
    rc = look_up(f, "SELECT name FROM weir_names WHERE asked = ?1", &asked, 1, &name);
    if (rc || name) {
        f->name = name;
        return rc;
    }
    rc = new_table_name(f, asked);
    if (!rc && !f->quiet && strcmp(f->name, asked) != 0)
        weir_log(f->t, WEIR_WARN, "SQLite cannot have a table \"%s\" here: the stream goes into \"%s\"", asked, f->name);
    return rc;
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

weir_rc lite_look_columns(fitting *f)
{
    size_t count = 0;
    weir_rc rc = count_columns(f, &count);
    if (rc || count == 0)
        return rc;
    f->had = lite_zeroed(f->t, count, sizeof *f->had);
    if (!f->had)
        return lite_nomem(f->t);
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
    return ok ? WEIR_OK : lite_nomem(f->t);
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
    if (!f->quiet && f->had_count && task && task[0] && f->d->task_name[0] && strcmp(task, f->d->task_name) != 0)
        weir_log(f->t, WEIR_WARN, "table \"%s\" was made by task \"%s\": both write to it now", f->name, task);
    sqlite3_finalize(row);
    return WEIR_OK;
}

/* ---------------------------------------------------------------------------------------------------------- column names -- */

const char *lite_look_field(weir_task *t, weir_view field)
{
    return field.len ? weir_format(t, "%.*s", (int)field.len, field.ptr).ptr : "";
}

/* The name a field was given before. */
static weir_rc recorded_name(fitting *f, const char *field, const char **ret)
{
    const char *const texts[] = {f->name, field};
    weir_rc rc = look_up(f, "SELECT column_name FROM weir_columns WHERE table_name = ?1 AND field = ?2", texts, 2, ret);
    if (!rc && *ret && lite_is_surplus(*ret))
        *ret = lite_surplus;
    return rc;
}

/* Is the name that of a column, here or in the table? SQLite compares them without regard to case. */
static bool name_taken(const fitting *f, const char *name)
{
    if (lite_is_surplus(name))
        return true;
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
    if (name && strcmp(name, field) != 0 && !f->quiet)
        weir_log(f->t, WEIR_WARN, "table \"%s\" cannot have another column \"%s\": the field goes into \"%s\"", f->name, field,
                 name);
    return name;
}

/* How many new columns the table can have; all others go into the surplus. */
static size_t room_for_columns(const fitting *f)
{
    size_t limit = 2000, had = f->had_count, new_ones = 0;
    if (f->d->sqlite)
        limit = (size_t)sqlite3_limit(f->d->sqlite, SQLITE_LIMIT_COLUMN, -1);
    for (size_t i = 0; i < f->b->column_count; i++)
        new_ones += !f->names[i];
    for (size_t i = 0; i < f->had_count; i++)
        had -= lite_is_surplus(f->had[i].name);
    return had + new_ones < limit ? new_ones : had + 1 < limit ? limit - 1 - had : 0;
}

static weir_rc name_new_columns(fitting *f, const char **fields)
{
    size_t room = room_for_columns(f);
    for (size_t i = 0; i < f->b->column_count; i++) {
        if (!f->names[i] && (room || i < lite_look_keys(f->b))) {
            f->names[i] = new_name(f, fields[i]);
            room -= room > 0;
        } else if (!f->names[i]) {
            f->names[i] = lite_surplus;
        }
        if (!f->names[i])
            return lite_nomem(f->t);
        f->surplus |= f->names[i] == lite_surplus;
    }
    return WEIR_OK;
}

/* First the names that were given before, so that a new field cannot take one of them. */
static weir_rc name_columns(fitting *f)
{
    size_t count = f->b->column_count;
    const char **fields = lite_zeroed(f->t, count, sizeof *fields);
    f->names = lite_zeroed(f->t, count, sizeof *f->names);
    if (!fields || !f->names)
        return lite_nomem(f->t);
    for (size_t i = 0; i < count; i++) {
        fields[i] = lite_look_field(f->t, f->b->columns[i].field);
        weir_rc rc = !fields[i] ? lite_nomem(f->t) : f->known ? recorded_name(f, fields[i], &f->names[i]) : WEIR_OK;
        if (rc)
            return rc;
    }
    return name_new_columns(f, fields);
}

const existing *lite_look_column(const fitting *f, const char *name)
{
    for (size_t i = 0; i < f->had_count; i++)
        if (strcasecmp(f->had[i].name, name) == 0)
            return &f->had[i];
    return NULL;
}

weir_rc lite_look_at(fitting *f)
{
    weir_rc rc = name_table(f);
    if (!rc)
        rc = refuse_view(f);
    if (!rc)
        rc = lite_look_columns(f);
    if (!rc)
        rc = read_record(f);
    return rc ? rc : name_columns(f);
}

/* -------------------------------------------------------------------------------------------------------------- checking -- */

size_t lite_look_keys(const weir_binding *b)
{
    return lite_look_is_delta(b) ? 0 : b->key_count;
}

bool lite_look_same_key(const fitting *f)
{
    size_t keys = 0;
    for (size_t i = 0; i < f->had_count; i++)
        keys += f->had[i].key > 0;
    bool same = keys == lite_look_keys(f->b);
    for (size_t i = 0; same && i < keys; i++) {
        const existing *x = lite_look_column(f, f->names[i]);
        same = x && x->key == (int)i + 1;
    }
    return same;
}

bool lite_look_starts_over(const fitting *f)
{
    return f->known && f->b->backfill > f->backfill;
}

/* What stands in the way of using the table as it is found; NULL: nothing. The words follow the table's name. */
const char *lite_look_obstacle(const fitting *f)
{
    if (f->had_count && !f->known)
        return "was not made by this connector: choose another name, or drop it if it is not needed";
    if (f->b->pushed)
        return NULL;
    if (f->known && !f->had_count && !lite_look_starts_over(f) && f->d->checkpoint.ptr)
        return "is gone, but what was loaded into it would not be read again: raise the binding's `backfill` to fill it anew";
    if (f->had_count && !lite_look_starts_over(f) && !lite_look_same_key(f))
        return "has another key than the collection: raise the binding's `backfill` to empty the table and load it anew";
    return NULL;
}

/* What is wrong with a binding whatever the database holds. */
const char *lite_look_fault(const weir_binding *b)
{
    const char *name = lite_look_name(b);
    if (!b->pushed && reserved_for_sqlite(name))
        return "is not a name that SQLite allows for a table";
    if (!b->pushed && reserved_for_us(name))
        return "is a table of this connector's own: choose another name";
    if (b->column_count == 0)
        return "would have no columns: select some fields";
    if (b->key_count == 0 && !lite_look_is_delta(b))
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
        if (!bindings[at].pushed && strcasecmp(lite_look_name(&bindings[i]), lite_look_name(&bindings[at])) == 0)
            return true;
    return false;
}

weir_rc lite_table_validate(weir_task *t, db *d, const weir_binding *bindings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const weir_binding *b = &bindings[i];
        fitting f = {.t = t, .d = d, .b = b, .name = lite_look_name(b), .quiet = true};
        const char *problem = lite_look_fault(b);
        if (!problem && lite_table_named_before(bindings, i))
            problem = "is named by another binding too (SQLite does not tell upper from lower case)";
        weir_rc rc = !problem && d->sqlite ? lite_look_at(&f) : WEIR_OK;
        if (rc)
            return rc;
        if (!problem && d->sqlite)
            problem = lite_look_obstacle(&f);
        if (problem)
            weir_problem(t, b, "table \"%s\" %s", f.name, problem);
    }
    return WEIR_OK;
}
