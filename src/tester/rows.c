#include <stdio.h>
#include <stdlib.h>

#include "json/number.h"
#include "json/scan.h"
#include "tester/rows_waiting.h"

/* --------------------------------------------------------------------------------------------------------------- storage -- */

static void drop(tester_rows *g)
{
    free(g->values);
    free(g->present);
    free(g->next);
    free(g->packed);
    arena_free(&g->texts);
    free(g);
}

void tester_rows_free(tester_tables *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i]->rows) {
            drop(t->items[i]->rows);
            t->items[i]->rows = NULL;
        }
}

/* Empties it, for rows of this kind and width. */
static bool begin(tester_rows *g, ft_op op, size_t columns)
{
    if (columns != g->columns || !g->present) {
        free(g->values);
        free(g->present);
        free(g->next);
        *g = (tester_rows){.columns = columns, .texts = g->texts, .packed = g->packed, .packed_room = g->packed_room,
                           .present = calloc(columns + 1, sizeof *g->present), .next = calloc(columns + 1, sizeof *g->next)};
    }
    g->op = op;
    g->count = g->bytes = 0;
    arena_reset(&g->texts);
    return g->present && g->next;
}

/* The next row, all null; it counts once g->count is raised. */
static weir_sql_value *next_row(tester_rows *g)
{
    const size_t width = g->columns + 1;
    if (g->count == g->room) {
        size_t room = g->room ? g->room * 2 : 256;
        weir_sql_value *values = reallocarray(g->values, room, width * sizeof *values);
        if (!values)
            return NULL;
        g->values = values;
        g->room = room;
    }
    weir_sql_value *row = g->values + g->count * width;
    memset(row, 0, width * sizeof *row);
    return row;
}

/* ---------------------------------------------------------------------------------------------------------------- taking -- */

/* A record while its values are read. */
typedef struct taking {
    tester_tables *t;
    tester_table *x;
    const ft_record *rec;
    report *r;
    tester_rows *g;
    weir_view synced;
} taking;

/* Which kind of rows can wait together. */
static bool fits(const tester_rows *g, const tester_table *x, const ft_record *rec)
{
    return g->op == rec->op && g->columns == x->count && g->count < TESTER_ROWS && g->bytes < TESTER_ROWS_BYTES;
}

static void note_decimal(tester_column *c, weir_view text)
{
    size_t at = text.len && text.ptr[0] == '-', point = text.len;
    const char *dot = text.len ? memchr(text.ptr, '.', text.len) : NULL;
    if (dot)
        point = (size_t)(dot - text.ptr);
    while (at < point && text.ptr[at] == '0')
        at++;
    uint32_t whole = (uint32_t)(point - at), behind = dot ? (uint32_t)(text.len - point - 1) : 0;
    c->whole = whole > c->whole ? whole : c->whole;
    c->behind = behind > c->behind ? behind : c->behind;
}

/* What a value says of its column. */
static void note_value(const taking *k, tester_column *c, const ft_value *v)
{
    if (v->type == FT_UNSPECIFIED)
        return;
    if (v->type == FT_NAIVE_TIME)
        tester_problem(k->r, "naive_time", "column '%.*s' of '%s' has a NAIVE_TIME: sources must not send it", VIEW_ARG(c->name), k->x->title);
    if (v->type == FT_JSON && !json_check(v->text, NULL, NULL))
        tester_problem(k->r, "json", "column '%.*s' of '%s' has JSON that is none: %.*s", VIEW_ARG(c->name), k->x->title,
                       (int)(v->text.len < 80 ? v->text.len : 80), v->text.ptr);
    if (v->type == FT_DECIMAL)
        note_decimal(c, v->text);
    if (c->type == v->type)
        return;
    ft_type joined = c->type == FT_UNSPECIFIED ? v->type : ft_type_join(c->type, v->type);
    if (c->declared != FT_UNSPECIFIED && joined != c->type)
        tester_warn(k->r, "wider", "column '%.*s' of '%s' is %s and gets a %s: it becomes %s", VIEW_ARG(c->name), k->x->title, ft_type_name(c->type),
                    ft_type_name(v->type), ft_type_name(joined));
    c->type = joined;
}

static weir_sql_value sql_value(const ft_value *v, tester_rows *g, buf *scratch)
{
    weir_sql_value to = {.type = v->type == FT_UNSPECIFIED ? WEIR_SQL_NULL : tester_sql_type(v->type), .integer = v->integer, .number = v->number};
    switch (v->type) {
    case FT_UNSPECIFIED: case FT_BOOLEAN: case FT_SHORT: case FT_INT: case FT_LONG: case FT_FLOAT: case FT_DOUBLE:
        return to;
    case FT_NAIVE_DATE: case FT_NAIVE_DATETIME: case FT_UTC_DATETIME: case FT_NAIVE_TIME: case FT_DECIMAL:
        buf_clear(scratch);
        ft_value_text(v, scratch);
        to.text = arena_dup(&g->texts, buf_view(scratch));
        break;
    default:
        to.text = arena_dup(&g->texts, v->text);
    }
    to.integer = 0;
    g->bytes += to.text.len;
    return to;
}

static bool is_system(const taking *k, weir_view name)
{
    if (!view_starts(name, VIEW("_fivetran_")))
        return false;
    tester_problem(k->r, "system_name", "a record of '%s' has '%.*s': names that begin with _fivetran_ are the platform's", k->x->title, VIEW_ARG(name));
    return true;
}

/* Finds the columns of a record before a row is made for it: there may be new ones. @return WEIR_E_PROTOCOL told as a problem: *ret_bad */
static weir_rc find_columns(const taking *k, bool *ret_bad)
{
    size_t at = 0, hint = 0;
    weir_view name;
    ft_value v;
    err e = {0};
    weir_rc rc;
    *ret_bad = false;
    while (!(rc = ft_next_value(k->rec, &at, &name, &v, &e))) {
        if (is_system(k, name))
            continue;
        size_t known = k->x->count;
        tester_column *c = tester_column_of(k->t, k->x, name, hint);
        if (!c)
            break;
        hint = (size_t)(c - k->x->columns) + 1;
        if (k->x->count > known && k->x->declared)
            tester_warn(k->r, "undeclared_column", "a record of '%s' has column '%.*s', which no schema has told of: a schema change goes before", k->x->title, VIEW_ARG(name));
        if (c->included)
            note_value(k, c, &v);
        else
            tester_problem(k->r, "unselected_column", "a record of '%s' has column '%.*s', which was not selected", k->x->title, VIEW_ARG(name));
    }
    if (rc == WEIR_E_PROTOCOL) {
        tester_problem(k->r, "value", "%s", err_text(&e));
        *ret_bad = true;
    }
    err_free(&e);
    return rc == WEIR_OK || rc == WEIR_E_NOMEM ? WEIR_E_NOMEM : WEIR_OK;
}

static void fill_row(const taking *k, weir_sql_value *row, bool *present, buf *scratch)
{
    size_t at = 0, hint = 0;
    weir_view name;
    ft_value v;
    err e = {0};
    while (!ft_next_value(k->rec, &at, &name, &v, &e)) {
        if (view_starts(name, VIEW("_fivetran_")))
            continue;
        const tester_column *c = tester_column_of(k->t, k->x, name, hint);
        size_t i = (size_t)(c - k->x->columns);
        hint = i + 1;
        if (!c->included)
            continue;
        row[i] = sql_value(&v, k->g, scratch);
        present[i] = true;
    }
    err_free(&e);
}

static const char *const op_names[] = {"UPSERT", "UPDATE", "DELETE", "TRUNCATE"};

/* Of a keyless table rows are told apart by their content. */
static void put_id(tester_rows *g, weir_sql_value *row, buf *scratch)
{
    char id[40];
    buf_clear(scratch);
    for (size_t i = 0; i < g->columns; i++)
        if (row[i].type != WEIR_SQL_NULL) {
            buf_printf(scratch, "%zu %d %lld %a ", i, (int)row[i].type, (long long)row[i].integer, row[i].number);
            buf_addv(scratch, row[i].text);
            buf_addc(scratch, 0);
        }
    snprintf(id, sizeof id, "%016llx%016llx", (unsigned long long)map_hash(1, buf_view(scratch)), (unsigned long long)map_hash(2, buf_view(scratch)));
    row[g->columns] = (weir_sql_value){.type = WEIR_SQL_TEXT, .text = arena_dup(&g->texts, view_of(id))};
}

static bool has_key(const taking *k, const weir_sql_value *row)
{
    bool ok = true;
    for (size_t i = 0; i < k->x->count; i++)
        if (k->x->columns[i].key && row[i].type == WEIR_SQL_NULL) {
            tester_problem(k->r, "key", "a record (%s) of '%s' lacks its key '%.*s'", op_names[k->rec->op], k->x->title, VIEW_ARG(k->x->columns[i].name));
            ok = false;
        }
    if (k->rec->op == FT_UPDATE && !tester_table_keyed(k->x)) {
        tester_problem(k->r, "key", "an UPDATE of '%s', which has no key", k->x->title);
        ok = false;
    }
    return ok;
}

static bool same_fields(const tester_rows *g, const bool *present)
{
    return g->op != FT_UPDATE || !g->count || memcmp(g->present, present, g->columns * sizeof *present) == 0;
}

/* Reads the row behind those that wait. */
static weir_sql_value *read_row(const taking *k, buf *scratch)
{
    weir_sql_value *row = next_row(k->g);
    if (!row)
        return NULL;
    if (!k->g->count || !view_eq(k->g->synced, k->synced))
        k->g->synced = arena_dup(&k->g->texts, k->synced);
    memset(k->g->next, 0, k->g->columns * sizeof *k->g->next);
    fill_row(k, row, k->g->next, scratch);
    return row;
}

static weir_rc take_row(warehouse *w, const taking *k)
{
    buf scratch = {0};
    weir_rc rc = WEIR_OK;
    weir_sql_value *row = read_row(k, &scratch);
    if (row && !same_fields(k->g, k->g->next)) { /* other fields than those that wait */
        rc = tester_rows_flush(w, k->t, k->x);
        row = !rc && begin(k->g, k->rec->op, k->x->count) ? read_row(k, &scratch) : NULL;
    }
    if (!rc && !row)
        rc = weir_fail(w->task, WEIR_E_NOMEM, "out of memory");
    if (!rc && (k->rec->op == FT_TRUNCATE || has_key(k, row))) {
        if (!tester_table_keyed(k->x))
            put_id(k->g, row, &scratch);
        memcpy(k->g->present, k->g->next, k->x->count * sizeof *k->g->present);
        k->g->count++;
    }
    buf_free(&scratch);
    return rc;
}

static bool refused(const taking *k)
{
    const ft_record *rec = k->rec;
    if (!rec->table.len)
        tester_problem(k->r, "name", "a record says of no table that it belongs to it");
    else if (!k->x->included)
        tester_problem(k->r, "unselected_table", "a record of '%s', which was not selected", k->x->title);
    else if (k->t->with_schemas && !rec->schema.len)
        tester_problem(k->r, "schema_name", "a record of '%s' names no schema, though the source has schemas", k->x->title);
    else
        return false;
    return true;
}

weir_rc tester_rows_take(warehouse *w, tester_tables *t, const ft_record *rec, weir_view synced, report *r)
{
    bool bad;
    taking k = {.t = t, .x = tester_table_of(t, rec->schema, rec->table), .rec = rec, .r = r, .synced = synced};
    if (!k.x)
        return weir_fail(w->task, WEIR_E_NOMEM, "out of memory");
    if (!k.x->declared && t->declared && !(k.x->ops[0] + k.x->ops[1] + k.x->ops[2] + k.x->ops[3]))
        tester_warn(r, "undeclared_table", "a record of '%s', which no schema has told of: a schema change goes before", k.x->title);
    k.x->ops[rec->op]++;
    if (refused(&k))
        return WEIR_OK;
    weir_rc rc = find_columns(&k, &bad);
    if (rc)
        return weir_fail(w->task, rc, "out of memory");
    if (bad)
        return WEIR_OK;
    if (!k.x->rows)
        k.x->rows = calloc(1, sizeof *k.x->rows);
    k.g = k.x->rows;
    if (k.g && k.g->present && !fits(k.g, k.x, rec))
        rc = tester_rows_flush(w, t, k.x);
    if (!rc && (!k.g || ((!k.g->present || !fits(k.g, k.x, rec)) && !begin(k.g, rec->op, k.x->count))))
        rc = weir_fail(w->task, WEIR_E_NOMEM, "out of memory");
    return rc ? rc : take_row(w, &k);
}
