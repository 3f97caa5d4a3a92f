#include "tester/tables.h"

#include <stdio.h>

#define SYSTEM VIEW("_fivetran_")

/* -------------------------------------------------------------------------------------------------------------- finding -- */

static bool is_excluded(const tester_tables *t, const char *title, weir_view name, weir_view column)
{
    char text[1024];
    for (const char *const *x = t->excluded; x && *x; x++) {
        weir_view wanted = view_of(*x);
        int n = snprintf(text, sizeof text, "%s%s%.*s", title, column.len ? "." : "", VIEW_ARG(column));
        if (n > 0 && (size_t)n < sizeof text && view_is(wanted, text))
            return true;
        n = snprintf(text, sizeof text, "%.*s%s%.*s", VIEW_ARG(name), column.len ? "." : "", VIEW_ARG(column));
        if (n > 0 && (size_t)n < sizeof text && view_is(wanted, text))
            return true;
    }
    return false;
}

static tester_table *add(tester_tables *t, weir_view schema, weir_view name, weir_view title)
{
    tester_table *x = arena_alloc(&t->arena, sizeof *x);
    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : 16;
        tester_table **items = arena_array(&t->arena, room, sizeof(tester_table *));
        if (!items)
            return NULL;
        if (t->count)
            memcpy(items, t->items, t->count * sizeof *items);
        t->items = items;
        t->room = room;
    }
    if (!x)
        return NULL;
    x->schema = arena_dup(&t->arena, schema);
    x->name = arena_dup(&t->arena, name);
    x->title = title.ptr;
    x->included = !is_excluded(t, x->title, x->name, (weir_view){0});
    if (t->arena.failed || !map_put(&t->by_title, title, x))
        return NULL;
    t->items[t->count++] = x;
    return x;
}

tester_table *tester_table_of(tester_tables *t, weir_view schema, weir_view name)
{
    if (t->last && view_eq(t->last->name, name) && view_eq(t->last->schema, schema))
        return t->last;
    weir_view title = schema.len ? arena_printf(&t->arena, "%.*s.%.*s", VIEW_ARG(schema), VIEW_ARG(name)) : arena_dup(&t->arena, name);
    tester_table *x = title.ptr ? map_get(&t->by_title, title) : NULL;
    if (!x && title.ptr)
        x = add(t, schema, name, title);
    t->last = x;
    return x;
}

static bool make_room(tester_tables *t, tester_table *x)
{
    if (x->count < x->room)
        return true;
    size_t room = x->room ? x->room * 2 : 16;
    tester_column *columns = arena_array(&t->arena, room, sizeof *columns);
    if (!columns)
        return false;
    if (x->count)
        memcpy(columns, x->columns, x->count * sizeof *columns);
    x->columns = columns;
    x->room = room;
    return true;
}

/* The map knows columns by their place: they move when there are more. */
tester_column *tester_column_of(tester_tables *t, tester_table *x, weir_view name, size_t hint)
{
    if (hint < x->count && view_eq(x->columns[hint].name, name))
        return &x->columns[hint];
    size_t place = (size_t)(uintptr_t)map_get(&x->by_name, name);
    if (place)
        return &x->columns[place - 1];
    weir_view kept = arena_dup(&t->arena, name);
    if (!kept.ptr || !make_room(t, x) || !map_put(&x->by_name, kept, (void *)(uintptr_t)(x->count + 1)))
        return NULL;
    x->columns[x->count] = (tester_column){.name = kept, .included = !is_excluded(t, x->title, x->name, kept)};
    return &x->columns[x->count++];
}

bool tester_table_keyed(const tester_table *x)
{
    for (size_t i = 0; i < x->count; i++)
        if (x->columns[i].key)
            return true;
    return false;
}

/* ------------------------------------------------------------------------------------------------------------- declaring -- */

/* What no decimal has is told, and counts as not said. */
static void check_decimal(const tester_table *x, tester_column *c, report *r)
{
    if (c->precision <= 38 && c->scale <= c->precision && c->scale <= 37)
        return;
    tester_problem(r, "decimal", "column '%.*s' of '%s' is DECIMAL(%u,%u): at most 38 digits, 37 of them behind the point", VIEW_ARG(c->name), x->title,
                   (unsigned)c->precision, (unsigned)c->scale);
    c->precision = c->scale = 0;
}

static void check_column(const tester_table *x, const FivetranSdk__V2__Column *c, report *r)
{
    if (view_starts(view_of(c->name), SYSTEM))
        tester_problem(r, "system_name", "column '%s' of '%s': names that begin with _fivetran_ are the platform's", c->name, x->title);
    if ((int)c->type == (int)FT_NAIVE_TIME)
        tester_problem(r, "naive_time", "column '%s' of '%s' is NAIVE_TIME: sources must not have it", c->name, x->title);
    if (!ft_type_name((int)c->type))
        tester_problem(r, "type", "column '%s' of '%s' is of type %d, which there is not", c->name, x->title, (int)c->type);
    if (!*c->name)
        tester_problem(r, "name", "a column of '%s' has no name", x->title);
}

static void take_params(tester_column *to, const FivetranSdk__V2__Column *from)
{
    const FivetranSdk__V2__DataTypeParams *p = from->_params_case == FIVETRAN_SDK__V2__COLUMN___PARAMS_PARAMS ? from->params : NULL;
    to->precision = to->scale = 0;
    if (p && p->params_case == FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_DECIMAL && to->declared == FT_DECIMAL) {
        to->precision = p->decimal->precision;
        to->scale = p->decimal->scale;
    }
}

static weir_rc take_column(tester_tables *t, tester_table *x, const FivetranSdk__V2__Column *from, map *seen, report *r, err *e)
{
    weir_view name = view_of(from->name);
    check_column(x, from, r);
    if (map_get(seen, name))
        tester_problem(r, "name", "'%s' has two columns '%s'", x->title, from->name);
    if (view_starts(name, SYSTEM))
        return WEIR_OK;
    tester_column *c = map_put(seen, name, x) ? tester_column_of(t, x, name, x->count) : NULL;
    if (!c)
        return err_nomem(e);
    c->declared = ft_type_name((int)from->type) ? (ft_type)from->type : FT_UNSPECIFIED;
    c->type = c->declared == FT_UNSPECIFIED ? c->type : c->type == FT_UNSPECIFIED ? c->declared : ft_type_join(c->type, c->declared);
    c->key = from->primary_key;
    take_params(c, from);
    check_decimal(x, c, r);
    return WEIR_OK;
}

weir_rc tester_table_declare(tester_tables *t, weir_view schema, const FivetranSdk__V2__Table *from, bool change, report *r, err *e)
{
    map seen = {0};
    tester_table *x = tester_table_of(t, schema, view_of(from->name));
    if (!x)
        return err_nomem(e);
    if (!*from->name)
        tester_problem(r, "name", "a table has no name");
    if (view_starts(view_of(from->name), SYSTEM))
        tester_problem(r, "system_name", "table '%s': names that begin with _fivetran_ are the platform's", x->title);
    if (!change && x->declared)
        tester_problem(r, "name", "two tables are named '%s'", x->title);
    if (change && !x->included)
        tester_problem(r, "unselected_table", "the schema of '%s' changes, which was not selected", x->title);
    x->declared = t->declared = true;
    x->changes += change;
    for (size_t i = 0; i < x->count; i++)
        x->columns[i].key = false;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < from->n_columns; i++)
        rc = take_column(t, x, from->columns[i], &seen, r, e);
    map_free(&seen);
    return rc;
}

weir_rc tester_list_declare(tester_tables *t, const FivetranSdk__V2__SchemaList *with, const FivetranSdk__V2__TableList *without, bool change, report *r, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t s = 0; with && s < with->n_schemas; s++) {
        if (!*with->schemas[s]->name)
            tester_problem(r, "name", "a schema has no name");
        for (size_t i = 0; !rc && i < with->schemas[s]->n_tables; i++)
            rc = tester_table_declare(t, view_of(with->schemas[s]->name), with->schemas[s]->tables[i], change, r, e);
    }
    for (size_t i = 0; !rc && without && i < without->n_tables; i++)
        rc = tester_table_declare(t, (weir_view){0}, without->tables[i], change, r, e);
    return rc;
}

/* --------------------------------------------------------------------------------------------------------------- showing -- */

weir_view tester_type_text(arena *a, ft_type type, uint32_t precision, uint32_t scale)
{
    if (type == FT_DECIMAL && precision)
        return arena_printf(a, "DECIMAL(%u,%u)", (unsigned)precision, (unsigned)scale);
    return view_of(ft_type_name(type));
}

void tester_tables_show(const tester_tables *t, report *r)
{
    arena a = {0};
    enum { COLUMNS = 4 };
    size_t rows = 1;
    for (size_t i = 0; i < t->count; i++)
        rows += t->items[i]->count ? t->items[i]->count : 1;
    weir_view *cells = arena_array(&a, rows * COLUMNS, sizeof *cells), *at = cells;
    static const char *const head[COLUMNS] = {"TABLE", "COLUMN", "TYPE", "KEY"};
    for (size_t i = 0; cells && i < COLUMNS; i++)
        *at++ = view_of(head[i]);
    for (size_t i = 0; cells && i < t->count; i++) {
        const tester_table *x = t->items[i];
        for (size_t c = 0; c < (x->count ? x->count : 1); c++, at += COLUMNS) {
            at[0] = c && !r->json ? (weir_view){0} : view_of(x->title);
            if (c >= x->count)
                continue;
            at[1] = x->columns[c].name;
            at[2] = tester_type_text(&a, x->columns[c].declared, x->columns[c].precision, x->columns[c].scale);
            at[3] = x->columns[c].key ? VIEW("key") : (weir_view){0};
        }
    }
    if (cells)
        tester_print(r, "column", cells, COLUMNS, rows, 0);
    arena_free(&a);
}

void tester_tables_free(tester_tables *t)
{
    for (size_t i = 0; i < t->count; i++)
        map_free(&t->items[i]->by_name);
    map_free(&t->by_title);
    arena_free(&t->arena);
}
