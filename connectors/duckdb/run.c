#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

enum { FEW_ROWS = 8 }; /* up to here one after another is as fast */

/* ----------------------------------------------------------------------------------------------------------- one by one -- */

static weir_rc run_prepared(weir_task *t, duck *d, duckdb_prepared_statement p, const weir_sql_value *values, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        if (duck_bind(p, i + 1, &values[i]) == DuckDBError)
            return duck_fail(t, d, "writing to", DUCKDB_ERROR_BINDER, duckdb_prepare_error(p));
    duckdb_result r;
    weir_rc rc = WEIR_OK;
    if (duckdb_execute_prepared(p, &r) == DuckDBError)
        rc = duck_fail(t, d, "writing to", duckdb_result_error_type(&r), duckdb_result_error(&r));
    duckdb_destroy_result(&r);
    return rc;
}

/* @param ret_done rows that are done are added to it */
static weir_rc run_each(weir_task *t, duck *d, const char *sql, const weir_sql_value *values, size_t columns, size_t rows, size_t *ret_done)
{
    duckdb_prepared_statement p;
    if (!rows)
        return duck_exec(t, d, sql); /* DuckDB can run a prepared CREATE TABLE once only */
    weir_rc rc = duck_prepare(t, d, sql, &p);
    for (size_t r = 0; !rc && r < rows; r++) {
        rc = run_prepared(t, d, p, values + r * columns, columns);
        *ret_done += !rc;
    }
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- in bulk -- */

typedef struct bulk {
    char *sql;                   /* rewritten */
    duck_carrier *carriers;
    bool *keys;
    duckdb_logical_type *types;  /* NULL: not made yet */
    const char **names;          /* c1, c2 ... */
    char (*texts)[24];           /* in these */
    const weir_sql_value *values;
    size_t columns, rows;
} bulk;

static weir_rc append(weir_task *t, const duck *d, duckdb_appender a, const bulk *b, size_t first, size_t count)
{
    duckdb_data_chunk chunk = duckdb_create_data_chunk(b->types, b->columns);
    for (size_t c = 0; c < b->columns; c++) {
        duckdb_vector v = duckdb_data_chunk_get_vector(chunk, c);
        for (size_t r = 0; r < count; r++)
            duck_put(v, &b->carriers[c], r, &b->values[(first + r) * b->columns + c]);
    }
    duckdb_data_chunk_set_size(chunk, count);
    duckdb_state state = duckdb_append_data_chunk(a, chunk);
    duckdb_destroy_data_chunk(&chunk);
    return state == DuckDBError ? duck_fail(t, d, "writing to", DUCKDB_ERROR_INVALID_INPUT, duckdb_appender_error(a)) : WEIR_OK;
}

static weir_rc appender_failed(weir_task *t, const duck *d, duckdb_appender a)
{
    duckdb_error_data data = duckdb_appender_error_data(a);
    weir_rc rc = duck_fail(t, d, "writing to", duckdb_error_data_error_type(data), duckdb_error_data_message(data));
    duckdb_destroy_error_data(&data);
    return rc;
}

/* Rows of which each touches another row of the table. */
static weir_rc run_distinct(weir_task *t, duck *d, const bulk *b, size_t first, size_t end)
{
    duckdb_appender a = NULL;
    const size_t vector = duckdb_vector_size();
    weir_rc rc = WEIR_OK;
    if (duckdb_appender_create_query(d->connection, b->sql, b->columns, b->types, DUCK_ROWS, b->names, &a) == DuckDBError)
        rc = a ? appender_failed(t, d, a) : weir_fail(t, WEIR_E_NOMEM, "out of memory");
    for (size_t at = first; !rc && at < end; at += vector)
        rc = append(t, d, a, b, at, end - at < vector ? end - at : vector);
    if (!rc && duckdb_appender_close(a) == DuckDBError)
        rc = appender_failed(t, d, a);
    if (rc && a)
        duckdb_appender_clear(a);
    if (a)
        duckdb_appender_destroy(&a);
    return rc;
}

/* FNV-1a: collisions only cost a comparison. */
static uint64_t hash(uint64_t h, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

static uint64_t key_hash(const bulk *b, const weir_sql_value *row)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t c = 0; c < b->columns; c++)
        if (b->keys[c]) {
            h = hash(h, &row[c].integer, sizeof row[c].integer);
            h = hash(h, &row[c].number, sizeof row[c].number);
            h = hash(h, row[c].text.ptr, row[c].text.len);
        }
    return h ^ h >> 29;
}

static bool same_key(const bulk *b, const weir_sql_value *x, const weir_sql_value *y)
{
    for (size_t c = 0; c < b->columns; c++)
        if (b->keys[c] && (x[c].integer != y[c].integer || x[c].number != y[c].number || x[c].text.len != y[c].text.len ||
                           (x[c].text.len && memcmp(x[c].text.ptr, y[c].text.ptr, x[c].text.len) != 0)))
            return false;
    return true;
}

/* Where the next row stands whose key one of [first..) has already. `slots` has `mask` + 1 places, all zero. */
static size_t distinct_end(const bulk *b, size_t first, uint32_t *slots, size_t mask)
{
    for (size_t r = first; r < b->rows; r++) {
        const weir_sql_value *row = b->values + r * b->columns;
        size_t at = key_hash(b, row) & mask;
        for (; slots[at]; at = (at + 1) & mask)
            if (same_key(b, row, b->values + (slots[at] - 1) * b->columns))
                return r;
        slots[at] = (uint32_t)r + 1;
    }
    return b->rows;
}

static bool any_key(const bulk *b)
{
    for (size_t c = 0; c < b->columns; c++)
        if (b->keys[c])
            return true;
    return false;
}

/* A row that touches what one before it has touched waits for that. */
static weir_rc run_runs(weir_task *t, duck *d, const char *sql, const bulk *b, size_t *ret_done)
{
    size_t room = 16;
    if (!any_key(b)) {
        weir_rc rc = run_distinct(t, d, b, 0, b->rows);
        *ret_done = rc ? 0 : b->rows;
        return rc;
    }
    while (room < b->rows * 2)
        room *= 2;
    uint32_t *slots = calloc(room, sizeof *slots);
    if (!slots)
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    weir_rc rc = WEIR_OK;
    for (size_t at = 0, end; !rc && at < b->rows; at = end) {
        end = distinct_end(b, at, slots, room - 1);
        if (end - at <= FEW_ROWS)
            rc = run_each(t, d, sql, b->values + at * b->columns, b->columns, end - at, ret_done);
        else if (!(rc = run_distinct(t, d, b, at, end)))
            *ret_done += end - at;
        if (end < b->rows)
            memset(slots, 0, room * sizeof *slots);
    }
    free(slots);
    return rc;
}

/* None of it is the task's: there may be a hundred thousand calls in one. */
static bool prepare_bulk(const char *sql, bulk *b)
{
    b->carriers = calloc(b->columns, sizeof *b->carriers);
    b->types = calloc(b->columns, sizeof *b->types);
    b->names = calloc(b->columns, sizeof *b->names);
    b->texts = calloc(b->columns, sizeof *b->texts);
    if (!b->carriers || !b->types || !b->names || !b->texts)
        return false;
    for (size_t c = 0; c < b->columns; c++) {
        if (!duck_carrier_of(b->values, b->columns, b->rows, c, &b->carriers[c]))
            return false;
        snprintf(b->texts[c], sizeof b->texts[c], "c%zu", c + 1);
        b->names[c] = b->texts[c];
    }
    if (!duck_rewrite(sql, b->carriers, b->columns, &b->sql, &b->keys))
        return false;
    for (size_t c = 0; c < b->columns; c++)
        b->types[c] = duckdb_create_logical_type(b->carriers[c].type);
    return true;
}

static void free_bulk(bulk *b)
{
    for (size_t c = 0; b->types && c < b->columns; c++)
        if (b->types[c])
            duckdb_destroy_logical_type(&b->types[c]);
    free(b->carriers);
    free(b->types);
    free(b->names);
    free(b->texts);
    free(b->sql);
    free(b->keys);
}

weir_rc duck_run(weir_task *t, void *self, const char *sql, const weir_sql_value *values, size_t columns, size_t rows, size_t *ret_done)
{
    duck *d = self;
    bulk b = {.values = values, .columns = columns, .rows = rows};
    size_t done = 0;
    weir_rc rc = duck_connect(t, d);
    if (!rc && rows > FEW_ROWS && columns && rows < UINT32_MAX && prepare_bulk(sql, &b))
        rc = run_runs(t, d, sql, &b, &done);
    else if (!rc)
        rc = run_each(t, d, sql, values, columns, rows, &done);
    free_bulk(&b);
    if (ret_done)
        *ret_done = done;
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- queries -- */

typedef struct reading {
    weir_rc (*row)(weir_task *, void *arg, const weir_sql_value *values, size_t columns);
    void *arg;
    size_t columns;
    weir_sql_value *values;
    char *room; /* DUCK_TEXT bytes for each of them */
} reading;

static weir_rc read_chunk(weir_task *t, const duck *d, duckdb_result *r, duckdb_data_chunk chunk, const reading *x)
{
    duckdb_logical_type *types = weir_alloc(t, (x->columns + 1) * sizeof *types);
    weir_rc rc = types ? WEIR_OK : WEIR_E_NOMEM;
    for (size_t c = 0; types && c < x->columns; c++)
        types[c] = duckdb_column_logical_type(r, c);
    for (idx_t i = 0; !rc && i < duckdb_data_chunk_get_size(chunk); i++) {
        for (size_t c = 0; !rc && c < x->columns; c++)
            if (!duck_take(duckdb_data_chunk_get_vector(chunk, c), types[c], i, x->room + c * DUCK_TEXT, &x->values[c]))
                rc = weir_fail(t, WEIR_E_CONFIG, "reading \"%s\": column %s is of a type that cannot be read", d->path, duckdb_column_name(r, c));
        if (!rc)
            rc = x->row(t, x->arg, x->values, x->columns);
    }
    for (size_t c = 0; types && c < x->columns; c++)
        duckdb_destroy_logical_type(&types[c]);
    return rc;
}

static weir_rc read_rows(weir_task *t, const duck *d, duckdb_result *r, reading *x)
{
    x->columns = duckdb_column_count(r);
    x->values = weir_alloc(t, (x->columns + 1) * sizeof *x->values);
    x->room = weir_alloc(t, (x->columns + 1) * DUCK_TEXT);
    weir_rc rc = x->values && x->room ? WEIR_OK : WEIR_E_NOMEM;
    for (duckdb_data_chunk chunk; !rc && (chunk = duckdb_fetch_chunk(*r));) {
        rc = read_chunk(t, d, r, chunk, x);
        duckdb_destroy_data_chunk(&chunk);
    }
    return rc;
}

weir_rc duck_query(weir_task *t, void *self, const char *sql, const weir_sql_value *values, size_t columns,
                   weir_rc (*row)(weir_task *, void *arg, const weir_sql_value *values, size_t columns), void *arg)
{
    duck *d = self;
    duckdb_prepared_statement p;
    weir_rc rc = duck_prepare(t, d, sql, &p);
    if (rc)
        return rc;
    for (size_t i = 0; i < columns; i++)
        if (duck_bind(p, i + 1, &values[i]) == DuckDBError)
            return duck_fail(t, d, "reading", DUCKDB_ERROR_BINDER, duckdb_prepare_error(p));
    duckdb_result r;
    if (duckdb_execute_prepared(p, &r) == DuckDBError)
        rc = duck_fail(t, d, "reading", duckdb_result_error_type(&r), duckdb_result_error(&r));
    else
        rc = read_rows(t, d, &r, &(reading){.row = row, .arg = arg});
    duckdb_destroy_result(&r);
    return rc;
}
