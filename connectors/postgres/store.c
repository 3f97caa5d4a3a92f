/* Storing: which way rows go, and what is made of them at its end. */
#include <stdlib.h>
#include <string.h>

#include "rows.h"

enum { MANY = 100 /* rows; to ask whether there is a quicker way costs half a millisecond */ };

/* -------------------------------------------------------------------------------------------------------------- statements -- */

static void add_value(lite_text *sql, const column *c, const char *from)
{
    pg_add(sql, from);
    pg_add(sql, c->quoted);
    pg_add(sql, c->cast ? "::" : "");
    pg_add(sql, c->cast);
}

static void add_conflict(lite_text *sql, const table *x)
{
    pg_add(sql, " ON CONFLICT (");
    pg_add_names(sql, x, 0, x->keys, "", ", ");
    pg_add(sql, x->count > x->keys ? ") DO UPDATE SET " : ") DO NOTHING");
    for (size_t i = x->keys; i < x->count; i++) {
        pg_add(sql, i > x->keys ? ", " : "");
        pg_add(sql, x->columns[i].quoted);
        pg_add(sql, " = excluded.");
        pg_add(sql, x->columns[i].quoted);
    }
}

/* 1 and 1.0 are two keys to others, and one to numeric: the last of them stays. */
static bool has_numeric_key(const table *x)
{
    bool any = false;
    for (size_t i = 0; i < x->keys; i++)
        any |= x->columns[i].shape.type >= PG_NUMERIC && x->columns[i].shape.type <= PG_DOUBLE && (x->columns[i].shape.types & WEIR_IS_NUMBER);
    return any;
}

static void add_distinct(lite_text *sql, const table *x)
{
    if (!has_numeric_key(x))
        return;
    pg_add(sql, "DISTINCT ON (");
    pg_add_names(sql, x, 0, x->keys, "s.", ", ");
    pg_add(sql, ") ");
}

static void add_insert(lite_text *sql, const table *x, const char *stage)
{
    pg_add(sql, "INSERT INTO ");
    pg_add(sql, x->quoted);
    pg_add(sql, " (");
    pg_add_names(sql, x, 0, x->count, "", ", ");
    pg_add(sql, ") SELECT ");
    add_distinct(sql, x);
    for (size_t i = 0; i < x->count; i++)
        add_value(sql, &x->columns[i], i ? ", s." : "s.");
    pg_add(sql, " FROM ");
    pg_add(sql, stage);
    pg_add(sql, " s");
    if (has_numeric_key(x)) {
        pg_add(sql, " ORDER BY ");
        pg_add_names(sql, x, 0, x->keys, "s.", ", ");
        pg_add(sql, ", s.ctid DESC");
    }
}

static void add_upsert(lite_text *sql, const table *x, const char *stage)
{
    add_insert(sql, x, stage);
    if (x->keys)
        add_conflict(sql, x);
}

static void add_delete(lite_text *sql, const table *x, const char *gone)
{
    pg_add(sql, "DELETE FROM ");
    pg_add(sql, x->quoted);
    pg_add(sql, " t USING ");
    pg_add(sql, gone);
    pg_add(sql, " s WHERE ");
    pg_add_same_key(sql, x, "t.", "s.");
}

/* Key by key: nothing is known of how many rows a temporary table has, and the planner might rather read all of the other one. */
static void add_by_key(lite_text *sql) { pg_add(sql, "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; "); }

/* The document's members are replaced one by one. */
static void add_overlay(lite_text *sql, const column *c)
{
    bool json = c->shape.type == PG_JSON;
    pg_add(sql, json ? "(coalesce(t." : "coalesce(t.");
    pg_add(sql, c->quoted);
    pg_add(sql, json ? ", '{}')::jsonb || s." : ", '{}') || s.");
    pg_add(sql, c->quoted);
    pg_add(sql, json ? "::jsonb)::json" : "");
}

static void add_update(lite_text *sql, const table *x, const char *stage, const bool *set)
{
    const char *comma = " t SET ";
    pg_add(sql, "UPDATE ");
    pg_add(sql, x->quoted);
    for (size_t i = x->keys; i < x->count; i++) {
        const column *c = &x->columns[i];
        if (!set[i])
            continue;
        pg_add(sql, comma);
        pg_add(sql, c->quoted);
        pg_add(sql, " = ");
        if (c->whole && (c->shape.type == PG_JSONB || c->shape.type == PG_JSON))
            add_overlay(sql, c);
        else
            add_value(sql, c, "s.");
        comma = ", ";
    }
    pg_add(sql, " FROM ");
    pg_add(sql, stage);
    pg_add(sql, " s WHERE ");
    pg_add_same_key(sql, x, "t.", "s.");
}

/* Has nobody added to the table what would notice whether a row is updated, or deleted and inserted? Who would add such a thing now waits until the transaction
 * ends. */
static weir_rc look_whether_plain(weir_task *t, pg *d, table *x)
{
    PGresult *r = NULL;
    const char *quoted = pg_literal(t, d, x->quoted, strlen(x->quoted));
    if (x->looked_in == d->transaction)
        return WEIR_OK;
    weir_rc rc = quoted ? pg_run(t, d, weir_format(t, "LOCK TABLE %s IN ROW EXCLUSIVE MODE", x->quoted).ptr) : pg_nomem(t);
    if (!rc)
        rc = pg_query(t, d, weir_format(t,
            "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s::regclass AND c.relkind = 'r' AND NOT c.relhastriggers"
            " AND NOT c.relhasrules AND NOT c.relrowsecurity AND NOT c.relhassubclass"
            " AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) = %zu"
            " AND NOT EXISTS (SELECT FROM pg_publication_tables p WHERE p.schemaname = n.nspname AND p.tablename = c.relname)", quoted, x->count).ptr, NULL, 0, &r);
    if (rc)
        return rc;
    x->plain = PQntuples(r) == 1;
    x->looked_in = d->transaction;
    PQclear(r);
    return WEIR_OK;
}

/* Rows of these keys are deleted, and all are inserted. @param ret_duplicate one is there again, for somebody else has inserted it: they can be upserted now */
static weir_rc replace(weir_task *t, flow *f, const char *stage, bool *ret_duplicate)
{
    lite_text sql = {0};
    add_by_key(&sql);
    add_delete(&sql, f->x, stage);
    pg_add(&sql, "; SAVEPOINT weir_rows; ");
    add_insert(&sql, f->x, stage);
    pg_add(&sql, "; RELEASE SAVEPOINT weir_rows");
    weir_rc rc = pg_run_unique(t, f->d, pg_sql(&sql), ret_duplicate);
    lite_text_free(&sql);
    return rc || !*ret_duplicate ? rc : pg_run(t, f->d, "ROLLBACK TO SAVEPOINT weir_rows");
}

/* @param ret_done not set: they are still to be upserted */
static weir_rc replace_many(weir_task *t, flow *f, bool *ret_done)
{
    bool duplicate = true;
    weir_rc rc = f->rows >= MANY ? look_whether_plain(t, f->d, f->x) : WEIR_OK;
    if (!rc && f->rows >= MANY && f->x->plain)
        rc = replace(t, f, pg_temporary(t, f->x, "stage"), &duplicate);
    *ret_done = !duplicate;
    return rc;
}

/* What came into a temporary table goes where it belongs. */
static weir_rc merge(weir_task *t, flow *f, flow_mode mode)
{
    lite_text sql = {0};
    bool done = false;
    weir_rc rc = mode == FLOW_UPSERT && f->x->keys ? replace_many(t, f, &done) : WEIR_OK;
    if (rc || done)
        return rc;
    add_by_key(&sql);
    if (mode == FLOW_UPSERT)
        add_upsert(&sql, f->x, pg_temporary(t, f->x, "stage"));
    else if (mode == FLOW_REMOVE)
        add_delete(&sql, f->x, pg_temporary(t, f->x, "gone"));
    else
        add_update(&sql, f->x, pg_temporary(t, f->x, "stage"), f->set);
    rc = pg_run(t, f->d, pg_sql(&sql));
    lite_text_free(&sql);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- settling -- */

/* A key was there although none should have been: the same rows, the other way. */
static weir_rc go_around(weir_task *t, flow *f, lite_text *rows)
{
    bool duplicate;
    table *x = f->x;
    x->ascending = false;
    weir_rc rc = pg_run(t, f->d, "ROLLBACK TO SAVEPOINT weir_rows");
    if (!rc)
        rc = pg_flow_open(t, f, x, FLOW_UPSERT, NULL);
    if (!rc)
        rc = pg_copy_send(t, f->d, rows->ptr, rows->len);
    if (!rc)
        rc = pg_flow_close(t, f, &duplicate);
    if (rc)
        return rc;
    f->mode = FLOW_IDLE;
    return merge(t, f, FLOW_UPSERT);
}

static weir_rc settle_straight(weir_task *t, flow *f)
{
    bool duplicate;
    weir_rc rc = pg_flow_close(t, f, &duplicate);
    f->mode = FLOW_IDLE;
    if (rc || !f->x->keys)
        return rc || !duplicate ? rc : weir_fail(t, WEIR_E_CONFIG, "it has a unique index, and there is such a row already");
    if (!duplicate)
        return pg_run(t, f->d, "RELEASE SAVEPOINT weir_rows");
    lite_text rows = f->e.out;
    f->e.out = (lite_text){0};
    rc = go_around(t, f, &rows);
    lite_text_free(&rows);
    return rc;
}

weir_rc pg_rows_settle(weir_task *t, flow *f)
{
    flow_mode mode = f->mode;
    bool duplicate;
    weir_rc rc = WEIR_OK;
    if (mode == FLOW_IDLE)
        return WEIR_OK;
    if (mode == FLOW_STRAIGHT)
        return weir_wrap(t, settle_straight(t, f), "table \"%s\"", f->x->name);
    rc = pg_flow_close(t, f, &duplicate);
    f->mode = FLOW_IDLE;
    return weir_wrap(t, rc ? rc : merge(t, f, mode), "table \"%s\"", f->x->name);
}

/* ---------------------------------------------------------------------------------------------------------------- storing -- */

static weir_rc key_missing(weir_task *t, const weir_row *row, size_t at)
{
    weir_view pointer = row->binding->columns[at].pointer;
    return weir_fail(t, WEIR_E_CONFIG, "a document of \"%.*s\" has no value at \"%.*s\", which is part of its key", (int)row->binding->name.len,
                     row->binding->name.ptr, (int)pointer.len, pointer.ptr ? pointer.ptr : "");
}

/* Each turn but the last lets one column hold more than before; that can be done once nothing is on its way. A key that its column cannot hold is the key of
 * no row. */
static weir_rc put(weir_task *t, flow *f, table *x, const weir_row *row, flow_mode mode, const bool *set)
{
    for (bool first = true;; first = false) {
        size_t misfit;
        weir_rc rc = first && set && f->mode == mode && f->set == set ? WEIR_OK : pg_flow_open(t, f, x, mode, set);
        if (!rc)
            rc = pg_flow_put(t, f, row, 0, &misfit);
        if (rc || misfit == x->count || (misfit < x->keys && (mode == FLOW_REMOVE || mode == FLOW_CHANGE)))
            return rc;
        weir_view value = row->values[misfit];
        bool null = !value.len || value.ptr[0] == 'n';
        if (null && misfit < x->keys)
            return key_missing(t, row, misfit);
        rc = pg_rows_settle(t, f);
        if (!rc)
            rc = pg_table_relax(t, f->d, x, misfit, value);
        if (rc)
            return rc;
    }
}

/* ------------------------------------------------------------------------------------------------------------- which way -- */

/* Orders keys as rows come sorted. @return 2 if that cannot be told */
static int compare(const table *x, const char *high, const weir_view *values)
{
    for (size_t i = 0; i < x->keys; i++, high += strlen(high) + 1) {
        weir_view a = {high, strlen(high)}, b = values[i];
        bool texts = a.len && b.len && a.ptr[0] == '"' && b.ptr[0] == '"', numbers = a.len && b.len && (a.ptr[0] <= '9' && b.ptr[0] <= '9' && !texts);
        int order = 0;
        if (texts && !memchr(a.ptr, '\\', a.len) && !memchr(b.ptr, '\\', b.len)) {
            size_t len = (a.len < b.len ? a.len : b.len) - 1; /* without the last quote */
            order = memcmp(a.ptr, b.ptr, len);
            order = order ? order : (a.len > b.len) - (a.len < b.len);
        } else if (numbers) {
            order = weir_cursor_compare(a, b, WEIR_IS_NUMBER);
        } else {
            return 2;
        }
        if (order)
            return order < 0 ? -1 : 1;
    }
    return 0;
}

static void note_high(table *x, const weir_row *row)
{
    bool first = x->empty;
    x->empty = false;
    if (!x->ascending || !x->keys)
        return;
    if (!first && compare(x, x->high.ptr, row->values) != -1) {
        x->ascending &= compare(x, x->high.ptr, row->values) != 2;
        return;
    }
    x->high.len = 0;
    for (size_t i = 0; i < x->keys; i++) {
        lite_text_add(&x->high, row->values[i].ptr, row->values[i].len);
        lite_text_add(&x->high, "", 1);
    }
    x->ascending = !x->high.failed;
}

/* Are the keys of these rows, which ascend, surely none of the table's? */
static bool all_new(const table *x, const weir_row *rows, size_t count)
{
    size_t told = 0;
    if (x->server_reads)
        return false;
    if (!x->keys)
        return true;
    while (told < count && rows[told].op == WEIR_UPSERT && rows[told].exists == WEIR_EXISTS_NO)
        told++;
    return told == count || (x->ascending && (x->empty || compare(x, x->high.ptr, rows[0].values) == -1));
}

static weir_op op_of(const table *x, const weir_row *row) { return x->delta ? WEIR_UPSERT : row->op; } /* a deletion is an addition there, too */

static weir_rc store_rows(weir_task *t, flow *f, table *x, const weir_row *rows, size_t count, const bool *skip)
{
    weir_rc rc = WEIR_OK;
    flow_mode way = count && all_new(x, rows, count) ? FLOW_STRAIGHT : FLOW_UPSERT;
    const weir_row *last = NULL;
    for (size_t i = 0; !rc && i < count; i++) {
        if (op_of(x, &rows[i]) != WEIR_UPSERT || (skip && skip[i]))
            continue;
        rc = put(t, f, x, &rows[i], way, NULL);
        last = &rows[i];
    }
    if (!rc && last)
        note_high(x, last);
    for (size_t i = 0; !rc && i < count; i++)
        if (op_of(x, &rows[i]) == WEIR_DELETE && !(skip && skip[i]))
            rc = put(t, f, x, &rows[i], FLOW_REMOVE, NULL);
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------- parts of rows -- */

/* Members of the document are replaced whole: a field inside of one that comes without it is gone. */
static bool is_changed(const column *c, const weir_row *row, weir_view value)
{
    return value.len || (c->whole && row->doc.len) || (c->above && row->doc.len && weir_json_at(row->doc, c->above).len);
}

static bool mark(const table *x, const weir_row *row, bool *set)
{
    bool any = false;
    for (size_t i = 0; i < x->count; i++) {
        set[i] = i >= x->keys && is_changed(&x->columns[i], row, row->values[i]);
        any |= set[i];
    }
    return any;
}

/* Rows that change the same columns go together, whatever stands between them: they are of different keys. */
static weir_rc store_parts(weir_task *t, flow *f, table *x, const weir_row *rows, size_t count)
{
    bool *done = pg_zeroed(t, count, sizeof *done), *set = pg_zeroed(t, x->count, sizeof *set), *other = pg_zeroed(t, x->count, sizeof *other);
    weir_rc rc = done && set && other ? WEIR_OK : pg_nomem(t);
    for (size_t i = 0; !rc && i < count; i++) {
        if (done[i] || op_of(x, &rows[i]) != WEIR_UPDATE || !mark(x, &rows[i], set))
            continue;
        for (size_t k = i; !rc && k < count; k++) {
            if (done[k] || rows[k].op != WEIR_UPDATE || !mark(x, &rows[k], other) || memcmp(set, other, x->count * sizeof *set) != 0)
                continue;
            done[k] = true;
            rc = put(t, f, x, &rows[k], FLOW_CHANGE, set);
        }
        if (!rc)
            rc = pg_rows_settle(t, f);
    }
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- cursors -- */

typedef struct ordering {
    const table *x;
    const weir_row *rows;
    bool *skip;
    lite_text text;
} ordering;

static int order(ordering *o, const column *c, const weir_row *row, const PGresult *r, int field)
{
    weir_view given = row->values[c - o->x->columns];
    unsigned types = c->shape.types | (c->shape.digits ? (unsigned)WEIR_IS_NUMBER : 0u);
    o->text.len = 0;
    bool there = pg_decode(&o->text, &c->shape, PQgetvalue(r, 0, field), (size_t)PQgetlength(r, 0, field), PQgetisnull(r, 0, field));
    return weir_cursor_compare(given, there ? (weir_view){o->text.ptr, o->text.len} : (weir_view){NULL, 0}, types);
}

static weir_rc compare_held(weir_task *t, void *arg, size_t at, const PGresult *r)
{
    ordering *o = arg;
    const weir_row *row = &o->rows[at];
    int epoch = o->x->epoch ? order(o, o->x->epoch, row, r, 2) : 0;
    o->skip[at] = !row->regardless && (epoch < 0 || (epoch == 0 && order(o, o->x->cursor, row, r, 1) < 0));
    return o->text.failed ? pg_nomem(t) : WEIR_OK;
}

static const char *as_text(weir_task *t, const column *c)
{
    return weir_format(t, "t.%s%s", c->quoted, c->cast ? "::text" : "").ptr;
}

/* Which rows are older than those that are there. Others must not write in between. */
static weir_rc find_older(weir_task *t, flow *f, table *x, const weir_row *rows, size_t count, bool **ret)
{
    ordering o = {.x = x, .rows = rows, .skip = pg_zeroed(t, count, sizeof *o.skip)};
    const char *cursor = as_text(t, x->cursor), *epoch = x->epoch ? as_text(t, x->epoch) : "NULL";
    weir_rc rc = o.skip && cursor && epoch ? pg_rows_settle(t, f) : pg_nomem(t);
    if (!rc && x->locked_in != f->d->transaction)
        rc = pg_run(t, f->d, weir_format(t, "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", x->quoted).ptr);
    x->locked_in = f->d->transaction;
    if (!rc && !x->empty)
        rc = pg_rows_ask(t, f, x, rows, count, weir_format(t, "%s, %s", cursor, epoch).ptr, compare_held, &o);
    lite_text_free(&o.text);
    *ret = o.skip;
    return rc;
}

weir_rc pg_rows_store(weir_task *t, flow *f, table *x, const weir_row *rows, size_t count)
{
    bool *skip = NULL;
    weir_rc rc = x->cursor ? find_older(t, f, x, rows, count, &skip) : WEIR_OK;
    if (!rc)
        rc = store_rows(t, f, x, rows, count, skip);
    if (!rc && !x->delta)
        rc = store_parts(t, f, x, rows, count);
    return rc;
}
