#include "tester/warehouse.h"

#include "proto/fivetran/sql.h"

/* ----------------------------------------------------------------------------------------------------------------- types -- */

weir_sql_type tester_sql_type(ft_type type)
{
    static const weir_sql_type types[FT_TYPES] = {
        [FT_UNSPECIFIED] = WEIR_SQL_TEXT, [FT_BOOLEAN] = WEIR_SQL_BOOLEAN, [FT_SHORT] = WEIR_SQL_SHORT, [FT_INT] = WEIR_SQL_INT, [FT_LONG] = WEIR_SQL_LONG,
        [FT_DECIMAL] = WEIR_SQL_DECIMAL, [FT_FLOAT] = WEIR_SQL_FLOAT, [FT_DOUBLE] = WEIR_SQL_DOUBLE, [FT_NAIVE_DATE] = WEIR_SQL_DATE,
        [FT_NAIVE_DATETIME] = WEIR_SQL_DATETIME, [FT_UTC_DATETIME] = WEIR_SQL_TIMESTAMP, [FT_BINARY] = WEIR_SQL_BINARY, [FT_XML] = WEIR_SQL_XML,
        [FT_STRING] = WEIR_SQL_TEXT, [FT_JSON] = WEIR_SQL_JSON, [FT_NAIVE_TIME] = WEIR_SQL_TIME,
    };
    return types[type];
}

/* The other way, for joining what is there with what is wanted. */
static ft_type type_of(weir_sql_type type)
{
    for (int t = FT_BOOLEAN; t < FT_TYPES; t++)
        if (tester_sql_type((ft_type)t) == type)
            return (ft_type)t;
    return FT_STRING;
}

enum { DIGITS = 38, UNTOLD_BEHIND = 10 }; /* of a decimal of which nothing was declared */

/* Enough digits for what was declared and what was seen; more than a decimal can have are text. */
static void size_decimal(const tester_column *c, weir_sql_column *s)
{
    uint32_t behind = c->precision ? c->scale : UNTOLD_BEHIND, whole = c->precision ? c->precision - c->scale : DIGITS - UNTOLD_BEHIND;
    if (c->whole <= whole && c->behind <= behind) {
        s->precision = c->precision;
        s->scale = c->scale;
        return;
    }
    behind = c->behind > c->scale ? c->behind : c->scale;
    whole = c->precision && c->precision - c->scale > c->whole ? c->precision - c->scale : c->whole;
    if (whole + behind > DIGITS)
        s->type = WEIR_SQL_TEXT;
    else
        s->precision = c->precision ? whole + behind : DIGITS;
    s->scale = s->type == WEIR_SQL_TEXT ? 0 : behind;
}

weir_sql_column tester_stored_column(const tester_column *c)
{
    weir_sql_column s = {.name = c->name, .type = tester_sql_type(c->type), .key = c->key};
    if (s.type == WEIR_SQL_DECIMAL)
        size_decimal(c, &s);
    return s;
}

/* ------------------------------------------------------------------------------------------------------------ statements -- */

weir_rc tester_warehouse_run(warehouse *w, const buf *sql, const weir_sql_value *values, size_t columns, size_t rows)
{
    if (!buf_ok(sql))
        return weir_fail(w->task, WEIR_E_NOMEM, "out of memory");
    return w->sql->run(w->task, w->self, sql->ptr, values, columns, rows, NULL);
}

static weir_rc run_plain(warehouse *w, buf *sql)
{
    buf_text(sql);
    weir_rc rc = tester_warehouse_run(w, sql, NULL, 0, 0);
    buf_free(sql);
    return rc;
}

weir_view tester_warehouse_name(warehouse *w, const tester_table *x)
{
    return w->sql->table_name(w->task, w->self, x->place, x->name);
}

weir_rc tester_warehouse_begin(warehouse *w)
{
    if (w->open)
        return WEIR_OK;
    weir_rc rc = w->sql->begin(w->task, w->self);
    w->open = !rc;
    w->number++;
    return rc;
}

weir_rc tester_warehouse_commit(warehouse *w)
{
    bool due = w->open;
    w->open = false;
    return due ? w->sql->commit(w->task, w->self) : WEIR_OK;
}

weir_rc tester_warehouse_rollback(warehouse *w)
{
    bool due = w->open;
    w->open = false;
    return due ? w->sql->rollback(w->task, w->self) : WEIR_OK;
}

/* ---------------------------------------------------------------------------------------------------------------- fitting -- */

typedef struct wanted {
    weir_sql_column *columns;
    size_t count;
} wanted;

static void put_definition(warehouse *w, const weir_sql_column *c, buf *sql)
{
    weir_view type = w->sql->type_name(w->task, w->self, c);
    ft_sql_name(sql, c->name);
    buf_printf(sql, " %.*s%s", VIEW_ARG(type), c->key ? " NOT NULL" : "");
}

static void put_key(const wanted *x, buf *sql)
{
    size_t n = 0;
    for (size_t i = 0; i < x->count; i++) {
        if (!x->columns[i].key)
            continue;
        buf_adds(sql, n++ ? ", " : ", PRIMARY KEY (");
        ft_sql_name(sql, x->columns[i].name);
    }
    buf_adds(sql, n ? ")" : "");
}

static weir_rc create(warehouse *w, weir_view name, const wanted *x)
{
    buf sql = {0};
    buf_printf(&sql, "CREATE TABLE %.*s (", VIEW_ARG(name));
    for (size_t i = 0; i < x->count; i++) {
        buf_adds(&sql, i ? ", " : "");
        put_definition(w, &x->columns[i], &sql);
    }
    put_key(x, &sql);
    buf_addc(&sql, ')');
    return run_plain(w, &sql);
}

static weir_rc add_column(warehouse *w, weir_view name, const weir_sql_column *c)
{
    buf sql = {0};
    buf_printf(&sql, "ALTER TABLE %.*s ADD COLUMN ", VIEW_ARG(name));
    put_definition(w, c, &sql);
    return run_plain(w, &sql);
}

const weir_sql_column *tester_stored_named(const tester_table *x, weir_view name)
{
    for (size_t i = 0; i < x->stored_count; i++)
        if (view_eq(x->stored[i].name, name))
            return &x->stored[i];
    return NULL;
}

/* The rows that are there, as the new table has them. */
static weir_rc copy_rows(warehouse *w, const tester_table *x, weir_view from, weir_view to, const wanted *want)
{
    buf sql = {0}, values = {0}, name = {0};
    buf_printf(&sql, "INSERT INTO %.*s (", VIEW_ARG(to));
    for (size_t i = 0, n = 0; i < want->count; i++) {
        const weir_sql_column *had = tester_stored_named(x, want->columns[i].name);
        if (!had)
            continue;
        buf_clear(&name);
        ft_sql_name(&name, had->name);
        weir_view value = had->type == want->columns[i].type && had->type != WEIR_SQL_DECIMAL ? buf_view(&name)
                          : w->sql->convert(w->task, w->self, buf_view(&name), had, &want->columns[i]);
        buf_printf(&sql, "%s%s", n ? ", " : "", buf_text(&name));
        buf_printf(&values, "%s%.*s", n++ ? ", " : "", VIEW_ARG(value));
        if (!value.len)
            values.failed = true;
    }
    buf_printf(&sql, ") SELECT %s FROM %.*s", buf_text(&values), VIEW_ARG(from));
    sql.failed |= values.failed;
    weir_rc rc = task_error(w->task)->rc; /* a refused pair of types */
    if (!rc)
        rc = run_plain(w, &sql);
    buf_free(&sql);
    buf_free(&values);
    buf_free(&name);
    return rc;
}

static weir_rc rebuild(warehouse *w, const tester_table *x, const wanted *want)
{
    weir_view other = weir_format(w->task, "%.*s_weir_new", VIEW_ARG(x->name));
    weir_view from = tester_warehouse_name(w, x), to = w->sql->table_name(w->task, w->self, x->place, other);
    weir_rc rc = create(w, to, want);
    if (!rc)
        rc = copy_rows(w, x, from, to, want);
    return rc ? rc : w->sql->move_table(w->task, w->self, x->place, other, x->name);
}

/* ---- what is there ---- */

typedef struct looking {
    tester_tables *t;
    tester_table *x;
} looking;

static weir_rc found_column(weir_task *task, void *arg, const weir_sql_column *c)
{
    looking *l = arg;
    tester_table *x = l->x;
    weir_sql_column *grown = arena_array(&l->t->arena, x->stored_count + 1, sizeof *grown);
    if (!grown)
        return weir_fail(task, WEIR_E_NOMEM, "out of memory");
    if (x->stored_count)
        memcpy(grown, x->stored, x->stored_count * sizeof *grown);
    grown[x->stored_count] = *c;
    grown[x->stored_count].name = arena_dup(&l->t->arena, c->name);
    x->stored = grown;
    x->stored_count++;
    return WEIR_OK;
}

static weir_rc look(warehouse *w, tester_tables *t, tester_table *x)
{
    x->place = x->schema.len ? arena_printf(&t->arena, "%s_%.*s", w->schema, VIEW_ARG(x->schema)) : view_of(w->schema);
    x->stored_count = 0;
    looking l = {t, x};
    weir_rc rc = w->sql->describe(w->task, w->self, x->place, x->name, &x->exists, found_column, &l);
    if (!rc && !x->exists && w->sql->create_schema)
        rc = w->sql->create_schema(w->task, w->self, x->place);
    if (!x->stored)
        x->stored = arena_alloc(&t->arena, sizeof *x->stored); /* looked at */
    return rc;
}

/* ---- what is wanted ---- */

/* Never narrower than what is there: rows of earlier runs stay what they are. */
static void widen(const tester_table *x, weir_sql_column *c)
{
    const weir_sql_column *had = tester_stored_named(x, c->name);
    if (!had)
        return;
    if (had->type != c->type) {
        ft_type joined = ft_type_join(type_of(had->type), type_of(c->type));
        bool keeps = tester_sql_type(joined) == had->type;
        c->precision = keeps ? had->precision : c->precision;
        c->scale = keeps ? had->scale : c->scale;
        c->type = tester_sql_type(joined);
    } else if (c->type == WEIR_SQL_DECIMAL && had->precision && !c->precision) {
        c->precision = had->precision;
        c->scale = had->scale;
    } else if (c->type == WEIR_SQL_DECIMAL && had->precision) {
        uint32_t whole = had->precision - had->scale > c->precision - c->scale ? had->precision - had->scale : c->precision - c->scale;
        c->scale = had->scale > c->scale ? had->scale : c->scale;
        c->precision = whole + c->scale > DIGITS ? DIGITS : whole + c->scale;
    }
    if (c->type != WEIR_SQL_DECIMAL)
        c->precision = c->scale = 0;
}

static bool plan(warehouse *w, const tester_table *x, wanted *ret)
{
    static const weir_sql_column own[] = {
        {.name = WEIR_LIT(TESTER_SYNCED), .type = WEIR_SQL_TIMESTAMP}, {.name = WEIR_LIT(TESTER_DELETED), .type = WEIR_SQL_BOOLEAN},
        {.name = WEIR_LIT(TESTER_ID), .type = WEIR_SQL_TEXT, .key = true},
    };
    ret->columns = weir_alloc(w->task, (x->count + x->stored_count + 3) * sizeof *ret->columns);
    if (!ret->columns)
        return false;
    for (size_t i = 0; i < x->count; i++) {
        const tester_column *c = &x->columns[i];
        if (!c->included || (c->type == FT_UNSPECIFIED && !c->key))
            continue; /* nothing is known of it yet */
        const weir_sql_column *had = tester_stored_named(x, c->name);
        ret->columns[ret->count] = had && c->type == FT_UNSPECIFIED ? *had : tester_stored_column(c);
        ret->columns[ret->count].key = c->key;
        widen(x, &ret->columns[ret->count++]);
    }
    for (size_t i = 0; i < (tester_table_keyed(x) ? 2 : 3); i++)
        ret->columns[ret->count++] = own[i];
    size_t known = ret->count;
    for (size_t i = 0; i < x->stored_count; i++) { /* what a source has no more stays, as a column like any other */
        bool found = false;
        for (size_t k = 0; k < known && !found; k++)
            found = view_eq(ret->columns[k].name, x->stored[i].name);
        if (!found) {
            ret->columns[ret->count] = x->stored[i];
            ret->columns[ret->count++].key = false;
        }
    }
    return true;
}

static bool same(const weir_sql_column *a, const weir_sql_column *b)
{
    return a->type == b->type && a->key == b->key && a->precision == b->precision && a->scale == b->scale;
}

/* DuckDB (1.5) does not commit a table that got a column in a transaction that had changed its rows before. */
static bool needs_rebuild(const warehouse *w, const tester_table *x, const wanted *want)
{
    bool touched = x->touched == w->number;
    for (size_t i = 0; i < want->count; i++) {
        const weir_sql_column *had = tester_stored_named(x, want->columns[i].name);
        if (had ? !same(had, &want->columns[i]) : want->columns[i].key || touched)
            return true;
    }
    return false;
}

static weir_rc keep(tester_tables *t, tester_table *x, const wanted *want)
{
    x->stored = arena_array(&t->arena, want->count + 1, sizeof *x->stored);
    if (!x->stored)
        return WEIR_E_NOMEM;
    memcpy(x->stored, want->columns, want->count * sizeof *x->stored);
    x->stored_count = want->count;
    x->exists = true;
    return WEIR_OK;
}

weir_rc tester_warehouse_fit(warehouse *w, tester_tables *t, tester_table *x)
{
    wanted want = {0};
    bool changed = false;
    weir_rc rc = tester_warehouse_begin(w);
    if (!rc && !x->stored)
        rc = look(w, t, x);
    if (!rc && !plan(w, x, &want))
        rc = WEIR_E_NOMEM;
    if (rc)
        return weir_wrap(w->task, rc, "table '%s'", x->title);
    if (!x->exists) {
        changed = true;
        rc = create(w, tester_warehouse_name(w, x), &want);
    } else if (needs_rebuild(w, x, &want)) {
        changed = true;
        rc = rebuild(w, x, &want);
    } else {
        for (size_t i = 0; !rc && i < want.count; i++)
            if (!tester_stored_named(x, want.columns[i].name)) {
                changed = true;
                rc = add_column(w, tester_warehouse_name(w, x), &want.columns[i]);
            }
    }
    if (!rc && changed)
        rc = keep(t, x, &want);
    return weir_wrap(w->task, rc, "table '%s'", x->title);
}
