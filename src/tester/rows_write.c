/* Rows that wait become a statement that runs over all of them. */
#include <stdlib.h>

#include "proto/fivetran/sql.h"
#include "tester/adapt.h"
#include "tester/rows_waiting.h"

/* ------------------------------------------------------------------------------------------------------------- statements -- */

enum { CONSTANT = -1, ID = -2 };

/* What a statement's parameters are, in its order. */
typedef struct pick {
    long column;       /* of the table; CONSTANT; ID: of the row */
    weir_sql_type type;
    weir_sql_value constant;
} pick;

typedef struct statement {
    buf sql;
    pick *picks;
    size_t count;
} statement;

static void add_pick(statement *s, const tester_table *x, size_t column)
{
    const weir_sql_column *c = tester_stored_named(x, x->columns[column].name);
    s->picks[s->count++] = (pick){.column = (long)column, .type = c ? c->type : WEIR_SQL_TEXT};
}

static void add_id(statement *s)
{
    s->picks[s->count++] = (pick){.column = ID};
}

static void add_constant(statement *s, weir_sql_value v)
{
    s->picks[s->count++] = (pick){.column = CONSTANT, .constant = v};
}

static weir_sql_value truth(bool v) { return (weir_sql_value){.type = WEIR_SQL_BOOLEAN, .integer = v}; }
static weir_sql_value instant(weir_view v) { return (weir_sql_value){.type = WEIR_SQL_TIMESTAMP, .text = v}; }

/* A column that the warehouse has. */
static bool usable(const tester_table *x, size_t i)
{
    return x->columns[i].included && tester_stored_named(x, x->columns[i].name);
}

static void put_names(buf *sql, const tester_table *x, bool keyed)
{
    for (size_t i = 0; i < x->count; i++)
        if (usable(x, i)) {
            ft_sql_name(sql, x->columns[i].name);
            buf_adds(sql, ", ");
        }
    buf_adds(sql, "\"" TESTER_SYNCED "\", \"" TESTER_DELETED "\"");
    buf_adds(sql, keyed ? "" : ", \"" TESTER_ID "\"");
}

static void put_conflict(buf *sql, const tester_table *x, bool keyed)
{
    size_t n = 0;
    buf_adds(sql, " ON CONFLICT (");
    for (size_t i = 0; i < x->count; i++)
        if (x->columns[i].key) {
            buf_adds(sql, n++ ? ", " : "");
            ft_sql_name(sql, x->columns[i].name);
        }
    buf_adds(sql, keyed ? "" : "\"" TESTER_ID "\"");
    buf_adds(sql, ") DO UPDATE SET ");
    for (size_t i = 0; i < x->count; i++)
        if (usable(x, i) && !x->columns[i].key) {
            ft_sql_name(sql, x->columns[i].name);
            buf_adds(sql, " = excluded.");
            ft_sql_name(sql, x->columns[i].name);
            buf_adds(sql, ", ");
        }
    buf_adds(sql, "\"" TESTER_SYNCED "\" = excluded.\"" TESTER_SYNCED "\", \"" TESTER_DELETED "\" = excluded.\"" TESTER_DELETED "\"");
}

static void make_upsert(statement *s, weir_view name, const tester_table *x, const tester_rows *g)
{
    bool keyed = tester_table_keyed(x);
    buf_printf(&s->sql, "INSERT INTO %.*s (", VIEW_ARG(name));
    put_names(&s->sql, x, keyed);
    for (size_t i = 0; i < x->count; i++)
        if (usable(x, i))
            add_pick(s, x, i);
    add_constant(s, instant(g->synced));
    add_constant(s, truth(false));
    if (!keyed)
        add_id(s);
    buf_adds(&s->sql, ") VALUES (");
    for (size_t i = 0; i < s->count; i++)
        buf_adds(&s->sql, i ? ", ?" : "?");
    buf_addc(&s->sql, ')');
    put_conflict(&s->sql, x, keyed);
}

static void put_where(statement *s, const tester_table *x)
{
    size_t n = 0;
    for (size_t i = 0; i < x->count; i++)
        if (x->columns[i].key) {
            buf_adds(&s->sql, n++ ? " AND " : " WHERE ");
            ft_sql_name(&s->sql, x->columns[i].name);
            buf_adds(&s->sql, " = ?");
            add_pick(s, x, i);
        }
    if (!n) {
        buf_adds(&s->sql, " WHERE \"" TESTER_ID "\" = ?");
        add_id(s);
    }
}

static void make_update(statement *s, weir_view name, const tester_table *x, const tester_rows *g)
{
    buf_printf(&s->sql, "UPDATE %.*s SET \"" TESTER_SYNCED "\" = ?", VIEW_ARG(name));
    add_constant(s, instant(g->synced));
    for (size_t i = 0; i < g->columns; i++)
        if (g->present[i] && usable(x, i) && !x->columns[i].key) {
            buf_adds(&s->sql, ", ");
            ft_sql_name(&s->sql, x->columns[i].name);
            buf_adds(&s->sql, " = ?");
            add_pick(s, x, i);
        }
    put_where(s, x);
}

static void make_delete(statement *s, weir_view name, const tester_table *x, const tester_rows *g)
{
    buf_printf(&s->sql, "UPDATE %.*s SET \"" TESTER_DELETED "\" = ?, \"" TESTER_SYNCED "\" = ?", VIEW_ARG(name));
    add_constant(s, truth(true));
    add_constant(s, instant(g->synced));
    put_where(s, x);
}

/* Every row that is there now was there before the truncation. */
static void make_truncate(statement *s, weir_view name, const tester_table *x, const tester_rows *g)
{
    (void)x;
    buf_printf(&s->sql, "UPDATE %.*s SET \"" TESTER_DELETED "\" = ?, \"" TESTER_SYNCED "\" = ?", VIEW_ARG(name));
    add_constant(s, truth(true));
    add_constant(s, instant(g->synced));
}

static void (*const makers[])(statement *, weir_view, const tester_table *, const tester_rows *) = {
    [FT_UPSERT] = make_upsert, [FT_UPDATE] = make_update, [FT_DELETE] = make_delete, [FT_TRUNCATE] = make_truncate,
};

/* ---------------------------------------------------------------------------------------------------------------- writing -- */

/* A row's value for a parameter; columns that came up after the row are null. */
static weir_sql_value picked(tester_rows *g, const weir_sql_value *row, const pick *p)
{
    if (p->column == CONSTANT)
        return p->constant;
    if (p->column == ID)
        return row[g->columns];
    return (size_t)p->column < g->columns ? tester_adapt(&row[p->column], p->type, &g->texts) : (weir_sql_value){0};
}

static bool pack(tester_rows *g, const statement *s)
{
    if (g->packed_room < g->count * s->count) {
        free(g->packed);
        g->packed = reallocarray(NULL, g->count * s->count, sizeof *g->packed);
        g->packed_room = g->packed ? g->count * s->count : 0;
    }
    weir_sql_value *to = g->packed;
    for (size_t r = 0; to && r < g->count; r++)
        for (size_t i = 0; i < s->count; i++)
            *to++ = picked(g, &g->values[r * (g->columns + 1)], &s->picks[i]);
    return to && !g->texts.failed;
}

weir_rc tester_rows_flush(warehouse *w, tester_tables *t, tester_table *x)
{
    tester_rows *g = x->rows;
    if (!g || !g->count)
        return WEIR_OK;
    const weir_rc fitted = tester_warehouse_fit(w, t, x);
    weir_rc rc = fitted;
    statement s = {.picks = rc ? NULL : weir_alloc(w->task, (x->count + 4 + 2 * g->columns) * sizeof *s.picks)};
    if (!rc && !s.picks)
        rc = WEIR_E_NOMEM;
    if (!rc) {
        makers[g->op](&s, tester_warehouse_name(w, x), x, g);
        buf_text(&s.sql);
        rc = pack(g, &s) ? WEIR_OK : weir_fail(w->task, WEIR_E_NOMEM, "out of memory");
    }
    if (!rc)
        rc = tester_warehouse_run(w, &s.sql, g->packed, s.count, g->count);
    x->touched = w->number;
    g->count = g->bytes = 0;
    arena_reset(&g->texts);
    buf_free(&s.sql);
    return fitted ? fitted : weir_wrap(w->task, rc, "table '%s'", x->title);
}

weir_rc tester_rows_flush_all(warehouse *w, tester_tables *t)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < t->count; i++)
        rc = tester_rows_flush(w, t, t->items[i]);
    return rc;
}
