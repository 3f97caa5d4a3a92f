/* Rows on their way into a table: they become data chunks, wait, and go in together. Whether a row exists is looked up rather than believed: another task may
 * have stored it. DuckDB's indexes would make every row dear, so tables have no PRIMARY KEY:
 * rows that give way are deleted by a join with the keys of those that come, which is cheap for a column store, and what comes is appended. */
#include <stdlib.h>
#include <string.h>

#include "loader.h"

enum { BULK_ROWS = 4096, AHEAD_ROWS = 16384, WAITING_ROWS = 1 << 17, WAITING_BYTES = 32 << 20 };

/* -------------------------------------------------------------------------------------------------------------- chunks -- */

bool duck_chunks_begin(duck_chunks *c, const duck_column *columns, size_t count, size_t extra)
{
    if (c->types)
        return true;
    c->types = calloc(count + extra + 1, sizeof *c->types);
    c->vectors = calloc(count + extra + 1, sizeof *c->vectors);
    if (!c->types || !c->vectors)
        return false;
    for (c->columns = 0; c->columns < count; c->columns++)
        c->types[c->columns] = duck_type_logical(columns[c->columns].type);
    for (; c->columns < count + extra; c->columns++)
        c->types[c->columns] = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    return true;
}

static void end_chunk(duck_chunks *c)
{
    if (c->count)
        duckdb_data_chunk_set_size(c->items[c->count - 1], c->fill);
}

static bool new_chunk(duck_chunks *c)
{
    if (c->count == c->room) {
        size_t room = 2 * c->room + 8;
        duckdb_data_chunk *items = reallocarray(c->items, room, sizeof *items);
        if (!items)
            return false;
        c->items = items;
        c->room = room;
    }
    end_chunk(c);
    duckdb_data_chunk chunk = duckdb_create_data_chunk(c->types, c->columns);
    if (!chunk)
        return false;
    c->items[c->count++] = chunk;
    c->fill = 0;
    for (size_t i = 0; i < c->columns; i++)
        c->vectors[i] = duckdb_data_chunk_get_vector(chunk, i);
    return true;
}

bool duck_chunks_next(duck_chunks *c)
{
    return (c->count && c->fill < duckdb_vector_size()) || new_chunk(c);
}

/* The types may be others next time. */
void duck_chunks_free(duck_chunks *c)
{
    for (size_t i = 0; i < c->count; i++)
        duckdb_destroy_data_chunk(&c->items[i]);
    for (size_t i = 0; c->types && i < c->columns; i++)
        duckdb_destroy_logical_type(&c->types[i]);
    free(c->items);
    free(c->types);
    free(c->vectors);
    *c = (duck_chunks){0};
}

weir_rc duck_appender_failed(weir_task *t, const duck_loader *l, duckdb_appender a)
{
    if (!a)
        return duck_nomem(t);
    duckdb_error_data data = duckdb_appender_error_data(a);
    weir_rc rc = duck_fail(t, &l->d, "writing to", duckdb_error_data_error_type(data), duckdb_error_data_message(data));
    duckdb_destroy_error_data(&data);
    return rc;
}

weir_rc duck_chunks_append(weir_task *t, duck_loader *l, duck_chunks *c, duckdb_appender a)
{
    end_chunk(c);
    for (size_t i = 0; i < c->count; i++)
        if (duckdb_append_data_chunk(a, c->items[i]) == DuckDBError)
            return duck_appender_failed(t, l, a);
    return duckdb_appender_close(a) == DuckDBError ? duck_appender_failed(t, l, a) : WEIR_OK;
}

static void drop_appender(duckdb_appender *a, weir_rc rc)
{
    if (*a && rc)
        duckdb_appender_clear(*a);
    if (*a)
        duckdb_appender_destroy(a);
}

/* ------------------------------------------------------------------------------------------------------------- settling -- */

/* Rows whose keys come again. */
static weir_rc delete_gone(weir_task *t, duck_loader *l, duck_table *x)
{
    duckdb_appender a = NULL;
    lite_text *sql = &l->sql;
    const char **names = weir_alloc(t, (x->keys + 1) * sizeof *names);
    sql->len = 0;
    duck_add(sql, "DELETE FROM ");
    duck_add(sql, x->quoted);
    duck_add(sql, " AS weir_t USING weir_rows WHERE ");
    for (size_t i = 0; names && i < x->keys; i++) {
        names[i] = weir_format(t, "c%zu", i).ptr;
        duck_add(sql, i ? " AND weir_t." : "weir_t.");
        duck_add_name(sql, x->columns[i].name);
        duck_add(sql, " = weir_rows.");
        duck_add(sql, names[i] ? names[i] : "");
        sql->failed |= !names[i];
    }
    lite_text_add(sql, "", 1);
    if (!names || sql->failed)
        return duck_nomem(t);
    weir_rc rc = duckdb_appender_create_query(l->d.connection, sql->ptr, x->keys, x->gone.types, "weir_rows", names, &a) == DuckDBError
                     ? duck_appender_failed(t, l, a)
                     : duck_chunks_append(t, l, &x->gone, a);
    drop_appender(&a, rc);
    return rc;
}

static weir_rc begin_appending(weir_task *t, duck_loader *l, const duck_table *x, duckdb_appender *ret)
{
    weir_rc rc = duckdb_appender_create(l->d.connection, x->schema, x->name, ret) == DuckDBError ? duck_appender_failed(t, l, *ret) : WEIR_OK;
    for (size_t i = 0; !rc && i < x->count; i++)
        if (duckdb_appender_add_column(*ret, x->columns[i].name) == DuckDBError)
            rc = duck_appender_failed(t, l, *ret);
    return rc;
}

static weir_rc append_rows(weir_task *t, duck_loader *l, duck_table *x)
{
    duckdb_appender a = NULL;
    weir_rc rc = begin_appending(t, l, x, &a);
    if (!rc)
        rc = duck_chunks_append(t, l, &x->rows, a);
    drop_appender(&a, rc);
    return rc;
}

weir_rc duck_rows_settle(weir_task *t, duck_loader *l, duck_table *x)
{
    weir_rc rc = WEIR_OK;
    x->touched |= x->rows.rows || x->gone.rows;
    if (x->gone.rows && !x->empty)
        rc = delete_gone(t, l, x);
    if (!rc && x->rows.rows)
        rc = append_rows(t, l, x);
    duck_chunks_free(&x->rows);
    duck_chunks_free(&x->gone);
    return weir_wrap(t, rc, "table \"%s\"", x->name);
}

/* ------------------------------------------------------------------------------------------------------------- storing -- */

static weir_rc key_missing(weir_task *t, const weir_row *row, size_t at)
{
    weir_view pointer = row->binding->columns[at].pointer;
    return weir_fail(t, WEIR_E_CONFIG, "a document of \"%.*s\" has no value at \"%.*s\", which is part of its key", (int)row->binding->name.len,
                     row->binding->name.ptr, (int)pointer.len, pointer.ptr ? pointer.ptr : "");
}

/* Puts the first `count` values into a row of chunks. @param keyed the key must be there  @param misfit the first value that its column cannot hold; count if
 * there is none */
static weir_rc put(weir_task *t, duck_loader *l, const duck_table *x, duck_chunks *c, const weir_row *row, size_t count, bool keyed, bool borrow, size_t *misfit)
{
    if (!duck_chunks_begin(c, x->columns, count, 0) || !duck_chunks_next(c))
        return duck_nomem(t);
    for (*misfit = 0; *misfit < count; ++*misfit) {
        bool null;
        weir_view json = row->values[*misfit];
        if (!lite_text_reserve(&l->scratch, json.len > l->scratch.len ? json.len - l->scratch.len : 0))
            return duck_nomem(t);
        if (!duck_column_put(&x->columns[*misfit], c->vectors[*misfit], c->fill, json, borrow, &l->scratch, &null))
            return WEIR_OK;
        if (null && keyed && *misfit < x->keys)
            return key_missing(t, row, *misfit);
    }
    return WEIR_OK;
}

static void taken(duck_chunks *c, const weir_row *row, size_t count)
{
    c->fill++;
    c->rows++;
    for (size_t i = 0; i < count; i++)
        c->bytes += row->values[i].len;
}

/* A key that its column cannot hold is the key of no row. */
static weir_rc put_gone(weir_task *t, duck_loader *l, duck_table *x, const weir_row *row)
{
    size_t misfit = 0;
    weir_rc rc = put(t, l, x, &x->gone, row, x->keys, false, false, &misfit);
    if (!rc && misfit == x->keys)
        taken(&x->gone, row, x->keys);
    return rc;
}

/* What the columns have to hold for the rows from here on, as far as it is worth looking, so that they are mostly changed once. */
static weir_rc widen(weir_task *t, duck_loader *l, duck_table *x, const weir_row *rows, size_t count)
{
    duck_type *wanted = weir_alloc(t, (x->count + 1) * sizeof *wanted);
    if (!wanted)
        return duck_nomem(t);
    memset(wanted, 0, (x->count + 1) * sizeof *wanted);
    for (size_t r = 0; r < count && r < AHEAD_ROWS; r++)
        for (size_t i = 0; i < x->count; i++)
            if (rows[r].op == WEIR_UPSERT || x->delta)
                wanted[i] = duck_type_join(wanted[i], duck_type_of(&x->columns[i], rows[r].values[i], &l->scratch), x->columns[i].texts);
    if (l->scratch.failed)
        return duck_nomem(t);
    weir_rc rc = duck_rows_settle(t, l, x);
    return rc ? rc : duck_table_widen(t, l, x, wanted);
}

static weir_rc does_not_hold(weir_task *t, const duck_table *x, const weir_row *row, size_t at)
{
    return weir_fail(t, WEIR_E_BUG, "column \"%s\" does not hold %.*s", x->columns[at].name, (int)row->values[at].len, row->values[at].ptr);
}

static weir_rc store_row(weir_task *t, duck_loader *l, duck_table *x, const weir_row *rows, size_t left)
{
    size_t misfit = 0;
    if (!x->delta && rows->op == WEIR_DELETE)
        return put_gone(t, l, x, rows);
    weir_rc rc = put(t, l, x, &x->rows, rows, x->count, true, false, &misfit);
    if (!rc && misfit < x->count)
        rc = widen(t, l, x, rows, left);
    if (!rc && misfit < x->count)
        rc = put(t, l, x, &x->rows, rows, x->count, true, false, &misfit);
    if (!rc && misfit < x->count)
        rc = does_not_hold(t, x, rows, misfit);
    if (rc)
        return rc;
    taken(&x->rows, rows, x->count);
    return x->keys && !x->empty ? put_gone(t, l, x, rows) : WEIR_OK;
}

/* ---------------------------------------------------------------------------------------------------------- many at once -- */

/* What came together goes in together: first the old rows go, then each chunk is appended as soon as it is full. Texts are not copied for it. */
typedef struct bulk {
    weir_task *t;
    duck_loader *l;
    duck_table *x;
    duckdb_appender a; /* NULL: not begun */
} bulk;

static weir_rc bulk_append(bulk *b)
{
    duck_chunks *c = &b->x->rows;
    if (!c->count || !c->fill)
        return WEIR_OK;
    weir_rc rc = b->a ? WEIR_OK : begin_appending(b->t, b->l, b->x, &b->a);
    duckdb_data_chunk_set_size(c->items[0], c->fill);
    if (!rc && duckdb_append_data_chunk(b->a, c->items[0]) == DuckDBError)
        rc = duck_appender_failed(b->t, b->l, b->a);
    duckdb_data_chunk_reset(c->items[0]);
    c->fill = 0;
    b->x->touched = true;
    return rc;
}

static weir_rc bulk_end(bulk *b)
{
    weir_rc rc = bulk_append(b);
    if (b->a && !rc && duckdb_appender_close(b->a) == DuckDBError)
        rc = duck_appender_failed(b->t, b->l, b->a);
    drop_appender(&b->a, rc);
    duck_chunks_free(&b->x->rows);
    return rc;
}

static weir_rc bulk_row(bulk *b, const weir_row *rows, size_t left)
{
    duck_table *x = b->x;
    size_t misfit;
    weir_rc rc = put(b->t, b->l, x, &x->rows, rows, x->count, true, true, &misfit);
    if (!rc && misfit < x->count) {
        rc = bulk_end(b);
        if (!rc)
            rc = widen(b->t, b->l, x, rows, left);
        if (!rc)
            rc = put(b->t, b->l, x, &x->rows, rows, x->count, true, true, &misfit);
        if (!rc && misfit < x->count)
            rc = does_not_hold(b->t, x, rows, misfit);
    }
    x->rows.fill += !rc;
    return rc || x->rows.fill < duckdb_vector_size() ? rc : bulk_append(b);
}

static weir_rc delete_all_old(weir_task *t, duck_loader *l, duck_table *x, const weir_row *rows, size_t count)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < count; i++)
        rc = put_gone(t, l, x, &rows[i]);
    return rc ? rc : duck_rows_settle(t, l, x);
}

static weir_rc store_bulk(weir_task *t, duck_loader *l, duck_table *x, const weir_row *rows, size_t count)
{
    bulk b = {t, l, x, NULL};
    weir_rc rc = duck_rows_settle(t, l, x);
    if (!rc && x->keys && !x->empty)
        rc = delete_all_old(t, l, x, rows, count);
    for (size_t i = 0; !rc && i < count; i++)
        if (x->delta || rows[i].op != WEIR_DELETE)
            rc = bulk_row(&b, &rows[i], count - i);
    if (!rc)
        return bulk_end(&b);
    drop_appender(&b.a, rc);
    return rc;
}

/* Which rows are older than those that are there; NULL: none can be. */
static weir_rc find_older(weir_task *t, duck_loader *l, duck_table *x, const weir_row *rows, size_t count, bool **ret)
{
    *ret = NULL;
    if (x->cursor == SIZE_MAX || x->empty)
        return WEIR_OK;
    *ret = calloc(count, 1);
    return *ret ? duck_load_older(t, l, x, rows, count, *ret) : duck_nomem(t);
}

weir_rc duck_rows_store(weir_task *t, duck_loader *l, duck_table *x, const weir_row *rows, size_t count)
{
    bool *older;
    if (count >= BULK_ROWS && x->cursor == SIZE_MAX)
        return weir_wrap(t, store_bulk(t, l, x, rows, count), "table \"%s\"", x->name);
    weir_rc rc = find_older(t, l, x, rows, count, &older);
    for (size_t i = 0; !rc && i < count; i++) {
        if (older && older[i])
            continue;
        rc = store_row(t, l, x, &rows[i], count - i);
        if (!rc && (x->rows.rows >= WAITING_ROWS || x->gone.rows >= WAITING_ROWS || x->rows.bytes >= WAITING_BYTES))
            rc = duck_rows_settle(t, l, x);
    }
    free(older);
    return weir_wrap(t, rc, "table \"%s\"", x->name);
}
