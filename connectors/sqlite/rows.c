#include "rows.h"

#include "look.h"

#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------------------------------------------------------- SQL -- */

static void add_names(sqlite3_str *sql, const table *x, size_t count, const char *before)
{
    const char *comma = "";
    for (size_t i = 0; i < count; i++) {
        if (!x->columns[i].place)
            continue;
        sqlite3_str_appendf(sql, "%s%s\"%w\"", comma, before, x->columns[i].name);
        comma = ", ";
    }
    if (x->surplus && count == x->count)
        sqlite3_str_appendf(sql, ", %s\"%w\"", before, lite_surplus);
}

/* Names are qualified: where there is no such column, SQLite takes a quoted name alone for a text. */
void lite_rows_add_key(sqlite3_str *sql, const table *x)
{
    for (size_t i = 0; i < x->keys; i++)
        sqlite3_str_appendf(sql, "%st.\"%w\" = ?%d", i ? " AND " : " WHERE ", x->columns[i].name, (int)i + 1);
}

static void add_changes(sqlite3_str *sql, const table *x)
{
    const char *comma = "";
    for (size_t i = x->keys; i < x->count; i++) {
        if (!x->columns[i].place)
            continue;
        sqlite3_str_appendf(sql, "%s\"%w\" = excluded.\"%w\"", comma, x->columns[i].name, x->columns[i].name);
        comma = ", ";
    }
    if (x->surplus)
        sqlite3_str_appendf(sql, "%s\"%w\" = excluded.\"%w\"", comma, lite_surplus, lite_surplus);
}

/* Compares a column of the row to be stored, whose value is a parameter or, if that is 0, in `excluded`, with that of the row that is there. */
static void add_order(sqlite3_str *sql, const column *c, int parameter)
{
    const char *name = c->place ? c->name : lite_surplus;
    sqlite3_str_appendall(sql, LITE_ORDER "(");
    if (parameter)
        sqlite3_str_appendf(sql, "?%d", parameter);
    else
        sqlite3_str_appendf(sql, "excluded.\"%w\"", name);
    sqlite3_str_appendf(sql, ", t.\"%w\", %u, %Q)", name, c->types | (c->digits ? (unsigned)WEIR_IS_NUMBER : 0u), c->place ? NULL : c->pointer);
}

/* Is the row to be stored not older than the one that is there, or to be stored regardless, as parameter `at` says? @param given its cursor and its epoch
 * are the parameters behind that one */
static void add_not_older(sqlite3_str *sql, const table *x, int at, bool given)
{
    const int cursor = given ? at + 1 : 0, epoch = given ? at + 2 : 0;
    sqlite3_str_appendf(sql, "(?%d OR ", at);
    if (x->epoch) {
        add_order(sql, x->epoch, epoch);
        sqlite3_str_appendall(sql, " > 0 OR (");
        add_order(sql, x->epoch, epoch);
        sqlite3_str_appendall(sql, " = 0 AND ");
    }
    add_order(sql, x->cursor, cursor);
    sqlite3_str_appendall(sql, x->epoch ? " >= 0))" : " >= 0)");
}

/* The parameter that says that a row is to be stored regardless. */
static int put_regardless(const table *x) { return x->places + x->surplus + 1; }
static int remove_regardless(const table *x) { return (int)x->keys + 1; }

/* An upsert of a new key costs no more than a plain insert, so there is one statement for both. */
static char *put_sql(const table *x)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "INSERT INTO \"%w\" AS t (", x->name);
    add_names(sql, x, x->count, "");
    for (int i = 1; i <= x->places + x->surplus; i++)
        sqlite3_str_appendf(sql, "%s?%d", i > 1 ? ", " : ") VALUES (", i);
    sqlite3_str_appendall(sql, ")");
    if (x->keys) {
        sqlite3_str_appendall(sql, " ON CONFLICT (");
        add_names(sql, x, x->keys, "");
        sqlite3_str_appendall(sql, x->count > x->keys ? ") DO UPDATE SET " : ") DO NOTHING");
    }
    if (x->keys)
        add_changes(sql, x);
    if (x->cursor) {
        sqlite3_str_appendall(sql, " WHERE ");
        add_not_older(sql, x, put_regardless(x), false);
    }
    return sqlite3_str_finish(sql);
}

static char *remove_sql(const table *x)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "DELETE FROM \"%w\" AS t", x->name);
    lite_rows_add_key(sql, x);
    if (x->cursor) {
        sqlite3_str_appendall(sql, " AND ");
        add_not_older(sql, x, remove_regardless(x), true);
    }
    return sqlite3_str_finish(sql);
}

char *lite_rows_get_sql(const table *x)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "SELECT ");
    add_names(sql, x, x->count, "t.");
    sqlite3_str_appendf(sql, " FROM \"%w\" AS t", x->name);
    lite_rows_add_key(sql, x);
    return sqlite3_str_finish(sql);
}

/* -------------------------------------------------------------------------------------------------------------- binding -- */

bool lite_fits(const column *c, const lite_value *v)
{
    static const column_type homes[] = {
        [VALUE_INTEGER] = COLUMN_INTEGER, [VALUE_REAL] = COLUMN_ANY, [VALUE_TEXT] = COLUMN_TEXT, [VALUE_BLOB] = COLUMN_BLOB};
    return v->kind == VALUE_NULL ? !c->not_null : c->type == COLUMN_ANY || c->type == homes[v->kind];
}

/* Values stay where they are until the row is stepped: nothing is copied. */
int lite_bind(sqlite3_stmt *st, int at, const lite_value *v)
{
    switch (v->kind) {
    case VALUE_INTEGER:
        return sqlite3_bind_int64(st, at, v->integer);
    case VALUE_REAL:
        return sqlite3_bind_double(st, at, v->real);
    case VALUE_TEXT:
        return sqlite3_bind_text64(st, at, v->bytes.ptr, v->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case VALUE_BLOB:
        return v->bytes.len ? sqlite3_bind_blob64(st, at, v->bytes.ptr, v->bytes.len, SQLITE_STATIC)
                            : sqlite3_bind_zeroblob(st, at, 0);
    default:
        return sqlite3_bind_null(st, at);
    }
}

bool lite_rows_make_room(lite_text *scratch, const weir_view *values, size_t count)
{
    size_t need = 0;
    for (size_t i = 0; i < count; i++)
        need += values[i].len;
    scratch->len = 0;
    return lite_text_reserve(scratch, need);
}

static void add_surplus(table *x, const column *c, weir_view json)
{
    if (!json.len || (json.len == 4 && memcmp(json.ptr, "null", 4) == 0))
        return;
    lite_text_add(&x->rest, x->rest.len ? "," : "{", 1);
    lite_text_add(&x->rest, c->field.ptr, c->field.len);
    lite_text_add(&x->rest, json.ptr, json.len);
}

static weir_rc bind_surplus(weir_task *t, db *d, table *x, sqlite3_stmt *st)
{
    lite_value v = {.kind = VALUE_NULL};
    if (x->rest.len)
        lite_text_add(&x->rest, "}", 1);
    if (x->rest.failed)
        return lite_nomem(t);
    if (x->rest.len)
        v = (lite_value){.kind = VALUE_TEXT, .bytes = {x->rest.ptr, x->rest.len}};
    return lite_bind(st, x->places + 1, &v) ? lite_fail(t, d, "writing to") : WEIR_OK;
}

weir_rc lite_rows_bind(weir_task *t, db *d, table *x, sqlite3_stmt *st, const weir_row *row, size_t count,
                        lite_text *scratch, size_t *misfit, bool *ret_null)
{
    if (!lite_rows_make_room(scratch, row->values, count))
        return lite_nomem(t);
    x->rest.len = 0;
    for (*misfit = 0; *misfit < count; ++*misfit) {
        const column *c = &x->columns[*misfit];
        if (!c->place) {
            add_surplus(x, c, row->values[*misfit]);
            continue;
        }
        lite_value v = lite_value_read(row->values[*misfit], c->hint, scratch);
        *ret_null = v.kind == VALUE_NULL;
        if (!lite_fits(c, &v))
            return WEIR_OK;
        if (lite_bind(st, c->place, &v))
            return weir_wrap(t, lite_fail(t, d, "writing to"), "column \"%s\"", c->name);
    }
    return x->surplus && count == x->count ? bind_surplus(t, d, x, st) : WEIR_OK;
}

static weir_rc key_missing(weir_task *t, const weir_row *row, size_t at)
{
    weir_view pointer = row->binding->columns[at].pointer;
    return weir_fail(t, WEIR_E_CONFIG, "a document of \"%.*s\" has no value at \"%.*s\", which is part of its key",
                     (int)row->binding->name.len, row->binding->name.ptr, (int)pointer.len, pointer.ptr ? pointer.ptr : "");
}

weir_rc lite_rows_step(weir_task *t, db *d, sqlite3_stmt *st)
{
    int code = sqlite3_step(st);
    weir_rc rc = code == SQLITE_DONE ? WEIR_OK : lite_fail(t, d, "writing to");
    sqlite3_reset(st);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- storing -- */

/* Each turn but the last lets one column hold more than before. */
static weir_rc put_row(weir_task *t, db *d, table *x, const weir_row *row, lite_text *scratch)
{
    for (;;) {
        size_t misfit = 0;
        bool null = false;
        weir_rc rc = x->put ? WEIR_OK : lite_prepare(t, d, put_sql(x), &x->put);
        if (!rc)
            rc = lite_rows_bind(t, d, x, x->put, row, x->count, scratch, &misfit, &null);
        if (!rc && misfit == x->count && x->cursor && sqlite3_bind_int(x->put, put_regardless(x), row->regardless))
            rc = lite_fail(t, d, "writing to");
        if (!rc && misfit == x->count)
            return lite_rows_step(t, d, x->put);
        if (!rc && null && misfit < x->keys)
            rc = key_missing(t, row, misfit);
        if (!rc)
            rc = lite_table_relax(t, d, x, misfit, null);
        if (rc)
            return rc;
    }
}

/* A value to compare with: as it would be stored. Members of the surplus stand in one object. */
static int bind_order(sqlite3_stmt *st, int at, const table *x, const column *c, const weir_row *row, lite_text *scratch)
{
    lite_value v = {.kind = VALUE_NULL};
    if (c && c->place)
        v = lite_value_read(row->values[c - x->columns], c->hint, scratch);
    else if (c && x->rest.len)
        v = (lite_value){.kind = VALUE_TEXT, .bytes = {x->rest.ptr, x->rest.len}};
    return lite_bind(st, at, &v);
}

static weir_rc bind_orders(weir_task *t, db *d, table *x, const weir_row *row, lite_text *scratch)
{
    const column *both[] = {x->cursor, x->epoch};
    x->rest.len = 0;
    for (size_t i = 0; i < 2; i++)
        if (both[i] && !both[i]->place)
            add_surplus(x, both[i], row->values[both[i] - x->columns]);
    if (x->rest.len)
        lite_text_add(&x->rest, "}", 1);
    if (x->rest.failed)
        return lite_nomem(t);
    int at = remove_regardless(x), code = sqlite3_bind_int(x->remove, at, row->regardless);
    for (int i = 0; i < 2 && !code && both[i]; i++)
        code = bind_order(x->remove, at + 1 + i, x, both[i], row, scratch);
    return code ? lite_fail(t, d, "writing to") : WEIR_OK;
}

/* A key that its column cannot hold is the key of no row. */
static weir_rc remove_row(weir_task *t, db *d, table *x, const weir_row *row, lite_text *scratch)
{
    size_t misfit = 0;
    bool null = false;
    weir_rc rc = x->remove ? WEIR_OK : lite_prepare(t, d, remove_sql(x), &x->remove);
    if (!rc && x->cursor && !lite_rows_make_room(scratch, row->values, x->count)) /* for the key and what is compared */
        rc = lite_nomem(t);
    if (!rc)
        rc = lite_rows_bind(t, d, x, x->remove, row, x->keys, scratch, &misfit, &null);
    if (!rc && misfit == x->keys && x->cursor)
        rc = bind_orders(t, d, x, row, scratch);
    return rc || misfit < x->keys ? rc : lite_rows_step(t, d, x->remove);
}

lite_value lite_rows_read_back(sqlite3_stmt *row, int at)
{
    lite_value v = {.kind = VALUE_NULL};
    switch (sqlite3_column_type(row, at)) {
    case SQLITE_INTEGER:
        return (lite_value){.kind = VALUE_INTEGER, .integer = sqlite3_column_int64(row, at)};
    case SQLITE_FLOAT:
        return (lite_value){.kind = VALUE_REAL, .real = sqlite3_column_double(row, at)};
    case SQLITE_TEXT:
        v.kind = VALUE_TEXT;
        v.bytes.ptr = (const char *)sqlite3_column_text(row, at);
        break;
    case SQLITE_BLOB:
        v.kind = VALUE_BLOB;
        v.bytes.ptr = sqlite3_column_blob(row, at);
        break;
    default:
        return v;
    }
    v.bytes.len = (size_t)sqlite3_column_bytes(row, at);
    return v;
}

weir_rc lite_rows_store(weir_task *t, db *d, table *x, const weir_row *rows, size_t count, lite_text *scratch)
{
    for (size_t i = 0; i < count; i++) {
        weir_op op = x->delta ? WEIR_UPSERT : rows[i].op; /* where every row is an addition, so is a deletion */
        weir_rc rc = op == WEIR_DELETE   ? remove_row(t, d, x, &rows[i], scratch)
                     : op == WEIR_UPDATE ? lite_rows_update(t, d, x, &rows[i], scratch)
                                         : put_row(t, d, x, &rows[i], scratch);
        if (rc)
            return weir_wrap(t, rc, "table \"%s\"", x->name);
    }
    return WEIR_OK;
}
