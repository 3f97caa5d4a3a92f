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
static void add_key_condition(sqlite3_str *sql, const table *x)
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
    add_key_condition(sql, x);
    if (x->cursor) {
        sqlite3_str_appendall(sql, " AND ");
        add_not_older(sql, x, remove_regardless(x), true);
    }
    return sqlite3_str_finish(sql);
}

static char *get_sql(const table *x)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "SELECT ");
    add_names(sql, x, x->count, "t.");
    sqlite3_str_appendf(sql, " FROM \"%w\" AS t", x->name);
    add_key_condition(sql, x);
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

/* Room for everything that the first `count` values of a row may have to be decoded into: it must not move while they are bound. */
static bool make_room(lite_text *scratch, const weir_view *values, size_t count)
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

/* Binds the first `count` values; *misfit is the first that its column cannot hold, `count` if there is none. */
static weir_rc bind_row(weir_task *t, db *d, table *x, sqlite3_stmt *st, const weir_row *row, size_t count,
                        lite_text *scratch, size_t *misfit, bool *ret_null)
{
    if (!make_room(scratch, row->values, count))
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

static weir_rc step(weir_task *t, db *d, sqlite3_stmt *st)
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
            rc = bind_row(t, d, x, x->put, row, x->count, scratch, &misfit, &null);
        if (!rc && misfit == x->count && x->cursor && sqlite3_bind_int(x->put, put_regardless(x), row->regardless))
            rc = lite_fail(t, d, "writing to");
        if (!rc && misfit == x->count)
            return step(t, d, x->put);
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
    if (!rc && x->cursor && !make_room(scratch, row->values, x->count)) /* for the key and what is compared */
        rc = lite_nomem(t);
    if (!rc)
        rc = bind_row(t, d, x, x->remove, row, x->keys, scratch, &misfit, &null);
    if (!rc && misfit == x->keys && x->cursor)
        rc = bind_orders(t, d, x, row, scratch);
    return rc || misfit < x->keys ? rc : step(t, d, x->remove);
}

static lite_value read_back(sqlite3_stmt *row, int at)
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

/* ---------------------------------------------------------------------------------------------------------------- updating -- */

struct change_work {
    bool *set;         /* by column: the part has it */
    weir_view *values; /* by column */
    bool any, rest;    /* columns of its own; members of the surplus */
    bool whole;        /* the document is one of them */
    weir_view surplus; /* what it becomes */
};

void lite_rows_forget_work(table *x)
{
    if (x->work) {
        free(x->work->set);
        free(x->work->values);
    }
    free(x->work);
    x->work = NULL;
}

static weir_rc make_work(weir_task *t, table *x)
{
    if (x->work)
        return WEIR_OK;
    x->work = calloc(1, sizeof *x->work);
    if (x->work) {
        x->work->set = calloc(x->count + 1, sizeof *x->work->set);
        x->work->values = calloc(x->count + 1, sizeof *x->work->values);
    }
    return x->work && x->work->set && x->work->values ? WEIR_OK : lite_nomem(t);
}

/* Members of the document are replaced whole: a field inside of one that comes without it is gone. */
static bool is_changed(const column *c, const weir_row *row, weir_view value)
{
    return value.len || (c->above && row->doc.len && weir_json_at(row->doc, c->above).len);
}

static void mark_changes(table *x, const weir_row *row)
{
    struct change_work *w = x->work;
    w->any = w->rest = w->whole = false;
    for (size_t i = 0; i < x->count; i++) {
        const column *c = &x->columns[i];
        w->values[i] = row->values[i];
        w->set[i] = i >= x->keys && is_changed(c, row, row->values[i]);
        w->any |= w->set[i] && c->place;
        w->rest |= w->set[i] && !c->place;
        w->whole |= w->set[i] && c->whole;
    }
}

static weir_view overlaid(weir_task *t, sqlite3_stmt *held, int at, weir_view part)
{
    lite_value v = read_back(held, at);
    weir_view whole = v.kind == VALUE_TEXT ? weir_json_overlay(t, v.bytes, part) : (weir_view){NULL, 0};
    return whole.len ? whole : part;
}

/* Members that are null have to stay in the surplus, in the place of those that were not. */
static weir_rc put_surplus(weir_task *t, table *x, sqlite3_stmt *held)
{
    struct change_work *w = x->work;
    x->rest.len = 0;
    for (size_t i = 0; i < x->count; i++) {
        const column *c = &x->columns[i];
        weir_view json = w->values[i].len ? w->values[i] : (weir_view){"null", 4};
        if (!w->set[i] || c->place)
            continue;
        lite_text_add(&x->rest, x->rest.len ? "," : "{", 1);
        lite_text_add(&x->rest, c->field.ptr, c->field.len);
        lite_text_add(&x->rest, json.ptr, json.len);
    }
    lite_text_add(&x->rest, "}", 1);
    if (x->rest.failed)
        return lite_nomem(t);
    w->surplus = overlaid(t, held, x->places, (weir_view){x->rest.ptr, x->rest.len});
    return WEIR_OK;
}

/* The document and the surplus are objects that the part goes into. @param ret_found the row is there */
static weir_rc take_held(weir_task *t, db *d, table *x, const weir_row *row, lite_text *scratch, bool *ret_found)
{
    struct change_work *w = x->work;
    size_t misfit = 0;
    bool null = false;
    weir_rc rc = x->get ? WEIR_OK : lite_prepare(t, d, get_sql(x), &x->get);
    if (!rc)
        rc = bind_row(t, d, x, x->get, row, x->keys, scratch, &misfit, &null);
    if (rc || misfit < x->keys)
        return rc;
    int code = sqlite3_step(x->get);
    *ret_found = code == SQLITE_ROW;
    for (size_t i = x->keys; i < x->count && *ret_found; i++)
        if (w->set[i] && x->columns[i].whole && x->columns[i].place)
            w->values[i] = overlaid(t, x->get, x->columns[i].place - 1, row->doc);
    if (*ret_found && w->rest)
        rc = put_surplus(t, x, x->get);
    else if (code != SQLITE_ROW && code != SQLITE_DONE)
        rc = lite_fail(t, d, "reading");
    sqlite3_reset(x->get);
    return rc;
}

static char *change_sql(const table *x, const change *c)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    const char *comma = "SET ";
    sqlite3_str_appendf(sql, "UPDATE \"%w\" AS t ", x->name);
    for (size_t i = x->keys; i < x->count; i++) {
        if (!c->set[i] || !x->columns[i].place)
            continue;
        sqlite3_str_appendf(sql, "%s\"%w\" = ?%d", comma, x->columns[i].name, x->columns[i].place);
        comma = ", ";
    }
    if (c->rest)
        sqlite3_str_appendf(sql, "%s\"%w\" = ?%d", comma, lite_surplus, x->places + 1);
    add_key_condition(sql, x);
    return sqlite3_str_finish(sql);
}

/* The statement for what the row at hand changes; the oldest of them makes way for a new one. */
static weir_rc change_for(weir_task *t, db *d, table *x, sqlite3_stmt **ret)
{
    const struct change_work *w = x->work;
    for (size_t i = 0; i < x->change_count; i++) {
        change *c = &x->changes[i];
        if (c->st && c->rest == w->rest && memcmp(c->set, w->set, x->count * sizeof *c->set) == 0) {
            *ret = c->st;
            return WEIR_OK;
        }
    }
    size_t at = x->change_count < TABLE_CHANGES ? x->change_count : x->change_next++ % TABLE_CHANGES;
    change *c = &x->changes[at];
    if (at == x->change_count) {
        *c = (change){.set = calloc(x->count + 1, sizeof *c->set)};
        if (!c->set)
            return lite_nomem(t);
        x->change_count++;
    }
    sqlite3_finalize(c->st);
    c->st = NULL;
    memcpy(c->set, w->set, x->count * sizeof *c->set);
    c->rest = w->rest;
    weir_rc rc = lite_prepare(t, d, change_sql(x, c), &c->st);
    *ret = c->st;
    return rc;
}

/* As bind_row(), but only the key and what changes. */
static weir_rc bind_change(weir_task *t, db *d, table *x, sqlite3_stmt *st, lite_text *scratch, size_t *misfit, bool *ret_null)
{
    const struct change_work *w = x->work;
    if (!make_room(scratch, w->values, x->count))
        return lite_nomem(t);
    for (*misfit = 0; *misfit < x->count; ++*misfit) {
        const column *c = &x->columns[*misfit];
        if (!c->place || (*misfit >= x->keys && !w->set[*misfit]))
            continue;
        lite_value v = lite_value_read(w->values[*misfit], c->hint, scratch);
        *ret_null = v.kind == VALUE_NULL;
        if (!lite_fits(c, &v))
            return WEIR_OK;
        if (lite_bind(st, c->place, &v))
            return weir_wrap(t, lite_fail(t, d, "writing to"), "column \"%s\"", c->name);
    }
    lite_value rest = {.kind = VALUE_TEXT, .bytes = w->surplus};
    return w->rest && lite_bind(st, x->places + 1, &rest) ? lite_fail(t, d, "writing to") : WEIR_OK;
}

/* Changes the columns that the part has; a row that is not there stays so. */
static weir_rc update_row(weir_task *t, db *d, table *x, const weir_row *row, lite_text *scratch)
{
    bool found = true;
    weir_rc rc = make_work(t, x);
    if (rc)
        return rc;
    mark_changes(x, row);
    if (x->work->whole || x->work->rest)
        rc = take_held(t, d, x, row, scratch, &found);
    while (!rc && found && (x->work->any || x->work->rest)) {
        size_t misfit = 0;
        bool null = false;
        sqlite3_stmt *st = NULL;
        rc = change_for(t, d, x, &st);
        if (!rc)
            rc = bind_change(t, d, x, st, scratch, &misfit, &null);
        if (!rc && misfit == x->count)
            return step(t, d, st);
        if (!rc && misfit < x->keys)
            return WEIR_OK; /* a key that its column cannot hold is the key of no row */
        if (!rc)
            rc = lite_table_relax(t, d, x, misfit, null);
    }
    return rc;
}

weir_rc lite_rows_store(weir_task *t, db *d, table *x, const weir_row *rows, size_t count, lite_text *scratch)
{
    for (size_t i = 0; i < count; i++) {
        weir_op op = x->delta ? WEIR_UPSERT : rows[i].op; /* where every row is an addition, so is a deletion */
        weir_rc rc = op == WEIR_DELETE   ? remove_row(t, d, x, &rows[i], scratch)
                     : op == WEIR_UPDATE ? update_row(t, d, x, &rows[i], scratch)
                                         : put_row(t, d, x, &rows[i], scratch);
        if (rc)
            return weir_wrap(t, rc, "table \"%s\"", x->name);
    }
    return WEIR_OK;
}

/* ---------------------------------------------------------------------------------------------------------------- loading -- */

/* A member of the documents that load() makes. They form a tree in one array; index 0 is the document itself, and as a link it
 * means none. */
typedef struct member {
    size_t name, name_len; /* in member_names: "quoted": */
    size_t first, next;    /* child, sibling */
    size_t column;         /* whose value it is; SIZE_MAX: only its children's */
} member;

/* The next token of a JSON pointer, decoded; *pointer is what follows it. */
static void take_token(weir_view *pointer, lite_text *ret)
{
    const char *at = pointer->ptr + 1, *end = pointer->ptr + pointer->len;
    ret->len = 0;
    for (; at < end && *at != '/'; at++) {
        bool escaped = *at == '~' && at + 1 < end;
        at += escaped;
        lite_text_add(ret, escaped ? (*at == '1' ? "/" : "~") : at, 1);
    }
    *pointer = (weir_view){at, (size_t)(end - at)};
}

static size_t add_member(table *x, size_t parent, weir_view quoted)
{
    member *all = realloc(x->members, (x->member_count + 1) * sizeof *all);
    if (!all)
        return 0;
    x->members = all;
    size_t name = x->member_names.len, *link = &all[parent].first;
    while (*link)
        link = &all[*link].next;
    lite_text_add(&x->member_names, quoted.ptr, quoted.len);
    lite_text_add(&x->member_names, ":", 1);
    *link = x->member_count;
    all[x->member_count] = (member){.name = name, .name_len = quoted.len + 1, .column = SIZE_MAX};
    return x->member_names.failed ? 0 : x->member_count++;
}

static size_t child_of(table *x, size_t parent, weir_view quoted)
{
    for (size_t i = x->members[parent].first; i; i = x->members[i].next) {
        const member *m = &x->members[i];
        if (m->name_len == quoted.len + 1 && memcmp(x->member_names.ptr + m->name, quoted.ptr, quoted.len) == 0)
            return i;
    }
    return add_member(x, parent, quoted);
}

static bool add_column(table *x, size_t which, weir_view pointer)
{
    lite_text token = {0}, quoted = {0};
    size_t at = 0;
    bool ok = true;
    while (ok && pointer.len) {
        take_token(&pointer, &token);
        quoted.len = 0;
        lite_value_quote(&quoted, (weir_view){token.ptr, token.len});
        at = token.failed || quoted.failed ? 0 : child_of(x, at, (weir_view){quoted.ptr, quoted.len});
        ok = at != 0;
    }
    if (ok && x->members[at].column == SIZE_MAX)
        x->members[at].column = which;
    lite_text_free(&token);
    lite_text_free(&quoted);
    return ok;
}

static weir_rc make_members(weir_task *t, table *x, const weir_binding *b)
{
    x->members = calloc(1, sizeof *x->members);
    x->member_count = 1;
    bool ok = x->members != NULL;
    if (ok)
        x->members[0].column = SIZE_MAX;
    for (size_t i = 0; ok && i < x->count; i++)
        ok = add_column(x, i, b->columns[i].pointer);
    if (ok)
        return WEIR_OK;
    free(x->members);
    x->members = NULL;
    return lite_nomem(t);
}

static bool write_members(const table *x, sqlite3_stmt *row, size_t parent, lite_text *out);

/* The value of a field that has no column of its own. */
static bool write_surplus(const table *x, sqlite3_stmt *row, const column *c, lite_text *out)
{
    lite_value all = read_back(row, x->places);
    weir_view found = all.kind == VALUE_TEXT ? weir_json_at(all.bytes, c->pointer) : (weir_view){0};
    lite_text_add(out, found.ptr, found.len);
    return found.len > 0;
}

static bool write_member(const table *x, sqlite3_stmt *row, const member *m, lite_text *out)
{
    const column *c = m->column != SIZE_MAX ? &x->columns[m->column] : NULL;
    if (c && c->place) {
        lite_value v = read_back(row, c->place - 1);
        if (lite_value_write(out, &v, c->types))
            return true;
    }
    if (c && !c->place && write_surplus(x, row, c, out))
        return true;
    return m->first && write_members(x, row, (size_t)(m - x->members), out);
}

/* An object of the members that are there. @return false, and nothing written, if there are none */
static bool write_members(const table *x, sqlite3_stmt *row, size_t parent, lite_text *out)
{
    size_t begin = out->len;
    for (size_t i = x->members[parent].first; i; i = x->members[i].next) {
        const member *m = &x->members[i];
        size_t before = out->len;
        lite_text_add(out, before == begin ? "{" : ",", 1);
        lite_text_add(out, x->member_names.ptr + m->name, m->name_len);
        if (!write_member(x, row, m, out))
            out->len = before;
    }
    if (out->len == begin)
        return false;
    lite_text_add(out, "}", 1);
    return true;
}

static weir_rc answer(weir_task *t, const table *x, sqlite3_stmt *found, const weir_row *key, lite_text *out)
{
    out->len = 0;
    if (!write_member(x, found, &x->members[0], out))
        lite_text_add(out, "{}", 2);
    return out->failed ? lite_nomem(t) : weir_loaded(t, key, (weir_view){out->ptr, out->len});
}

static weir_rc load_row(weir_task *t, db *d, table *x, const weir_row *key, lite_text *scratch, lite_text *out)
{
    size_t misfit = 0;
    bool null = false;
    weir_rc rc = bind_row(t, d, x, x->get, key, x->keys, scratch, &misfit, &null);
    if (rc || misfit < x->keys)
        return rc;
    int code = sqlite3_step(x->get);
    if (code == SQLITE_ROW)
        rc = answer(t, x, x->get, key, out);
    else if (code != SQLITE_DONE)
        rc = lite_fail(t, d, "reading");
    sqlite3_reset(x->get);
    return rc;
}

weir_rc lite_rows_load(weir_task *t, db *d, table *x, const weir_row *keys, size_t count, lite_text *scratch, lite_text *out)
{
    if (x->keys == 0)
        return WEIR_OK;
    weir_rc rc = x->members ? WEIR_OK : make_members(t, x, keys[0].binding);
    if (!rc && !x->get)
        rc = lite_prepare(t, d, get_sql(x), &x->get);
    for (size_t i = 0; !rc && i < count; i++)
        rc = load_row(t, d, x, &keys[i], scratch, out);
    return weir_wrap(t, rc, "table \"%s\"", x->name);
}
