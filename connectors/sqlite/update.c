/* Parts of rows, into those that are there. */
#include "rows.h"

#include "look.h"

#include <stdlib.h>
#include <string.h>

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
    lite_value v = lite_rows_read_back(held, at);
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
    weir_rc rc = x->get ? WEIR_OK : lite_prepare(t, d, lite_rows_get_sql(x), &x->get);
    if (!rc)
        rc = lite_rows_bind(t, d, x, x->get, row, x->keys, scratch, &misfit, &null);
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
    lite_rows_add_key(sql, x);
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

/* As lite_rows_bind(), but only the key and what changes. */
static weir_rc bind_change(weir_task *t, db *d, table *x, sqlite3_stmt *st, lite_text *scratch, size_t *misfit, bool *ret_null)
{
    const struct change_work *w = x->work;
    if (!lite_rows_make_room(scratch, w->values, x->count))
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

weir_rc lite_rows_update(weir_task *t, db *d, table *x, const weir_row *row, lite_text *scratch)
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
            return lite_rows_step(t, d, st);
        if (!rc && misfit < x->keys)
            return WEIR_OK; /* a key that its column cannot hold is the key of no row */
        if (!rc)
            rc = lite_table_relax(t, d, x, misfit, null);
    }
    return rc;
}
