/* A table that grows while it is read: values that its columns cannot hold, members that are no column yet, schemas that the source says. Each lane writes with
 * the columns that it knows and learns of others when it needs them; what the platform is told is always all that is known. */
#include <stdlib.h>

#include "proto/fivetran/update_parts.h"

static bool make_room(ft_growing *g)
{
    if (g->table.count < g->room)
        return true;
    size_t room = g->room * 2 + 8;
    ft_column *columns = realloc(g->table.columns, room * sizeof *columns);
    if (!columns)
        return false;
    g->table.columns = columns;
    bool *selected = realloc(g->selected, room * sizeof *selected);
    if (!selected)
        return false;
    g->selected = selected;
    g->room = room;
    return true;
}

bool ft_growing_init(ft_growing *g, const ft_table *t, const ft_chosen *chosen)
{
    const size_t room = t->count + 1;
    *g = (ft_growing){.lock = PTHREAD_MUTEX_INITIALIZER, .table = {.schema = t->schema, .name = t->name}, .new_columns = chosen->new_columns, .room = room};
    g->table.columns = calloc(room, sizeof *g->table.columns);
    g->selected = calloc(room, sizeof *g->selected);
    if (!g->table.columns || !g->selected)
        return false;
    g->table.count = t->count;
    for (size_t i = 0; i < t->count; i++) {
        g->table.columns[i] = t->columns[i];
        g->selected[i] = chosen->columns[i];
    }
    return true;
}

void ft_growing_free(ft_growing *g)
{
    free(g->table.columns);
    free(g->selected);
    arena_free(&g->arena);
    pthread_mutex_destroy(&g->lock);
}

static ft_column *find(ft_growing *g, weir_view name)
{
    for (size_t i = 0; i < g->table.count; i++)
        if (view_eq(g->table.columns[i].name, name))
            return &g->table.columns[i];
    return NULL;
}

static weir_rc add(ft_growing *g, weir_view name, ft_type type, err *e)
{
    weir_rc rc = ft_check_name(&g->table, name, "column", e);
    if (rc)
        return rc;
    if (g->table.count >= FT_COLUMNS_MAX)
        return err_fail(e, WEIR_E_REMOTE, "'%.*s' has more than %d columns by now: its documents are not rows of a table", VIEW_ARG(g->table.name), FT_COLUMNS_MAX);
    weir_view kept = arena_dup(&g->arena, name);
    if ((name.len && !kept.ptr) || !make_room(g))
        return err_nomem(e);
    g->selected[g->table.count] = g->new_columns;
    g->table.columns[g->table.count++] = (ft_column){.name = kept, .type = type == FT_NAIVE_TIME ? FT_STRING : type};
    return WEIR_OK;
}

/* @return did it change? */
static bool widen(ft_column *c, ft_type needed)
{
    const ft_column before = *c;
    ft_type type = ft_type_join(c->type, needed);
    c->type = type == FT_NAIVE_TIME ? FT_STRING : type;
    if (c->type == needed || c->type != before.type)
        c->precision = c->scale = c->length = 0; /* it is not the type that was too narrow, or is another one */
    return c->type != before.type || c->precision != before.precision || c->length != before.length;
}

static weir_rc fit(ft_growing *g, const ft_misfit *m, bool *ret_changed, err *e)
{
    ft_column *c = m->column < g->table.count ? &g->table.columns[m->column] : find(g, m->name);
    *ret_changed = c ? widen(c, m->needed) : true;
    return c ? WEIR_OK : add(g, m->name, m->needed, e);
}

weir_rc ft_growing_fit(ft_growing *g, const ft_misfit *m, unsigned version, err *e)
{
    bool changed = false;
    pthread_mutex_lock(&g->lock);
    weir_rc rc = fit(g, m, &changed, e);
    if (!rc && !changed && version == g->version)
        rc = err_wrap(e, err_fail(e, WEIR_E_BUG, "%s", err_text(e)), "a column that is as wide as it was asked to be");
    g->version += !rc && changed;
    pthread_mutex_unlock(&g->lock);
    return rc;
}

static bool unite_one(ft_growing *g, const ft_column *from, weir_rc *rc, err *e)
{
    ft_column *c = find(g, from->name);
    const ft_type type = from->type == FT_NAIVE_TIME ? FT_STRING : from->type;
    if (!c) {
        *rc = add(g, from->name, type, e);
        return !*rc;
    }
    return ft_type_join(c->type, type) != c->type && widen(c, type);
}

weir_rc ft_growing_unite(ft_growing *g, const ft_table *sourced, bool *ret_changed, err *e)
{
    weir_rc rc = WEIR_OK;
    *ret_changed = false;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < sourced->count && !rc; i++)
        *ret_changed |= unite_one(g, &sourced->columns[i], &rc, e);
    g->version += *ret_changed;
    pthread_mutex_unlock(&g->lock);
    return rc;
}

/* ---- what is made of it ---- */

bool ft_growing_columns(ft_growing *g, ft_columns *ret)
{
    pthread_mutex_lock(&g->lock);
    const size_t n = g->table.count, size = n ? n : 1;
    *ret = (ft_columns){.writing = ft_writing_new(&g->table, g->selected), .items = malloc(size * sizeof *ret->items), .selected = malloc(size * sizeof *ret->selected),
                        .count = n, .version = g->version};
    bool ok = ret->writing && ret->items && ret->selected;
    for (size_t i = 0; i < n && ok; i++) {
        ret->items[i] = g->table.columns[i];
        ret->selected[i] = g->selected[i];
    }
    pthread_mutex_unlock(&g->lock);
    if (!ok)
        ft_columns_free(ret);
    return ok;
}

void ft_columns_free(ft_columns *c)
{
    ft_writing_free(c->writing);
    free(c->items);
    free(c->selected);
    *c = (ft_columns){0};
}

static void describe(const ft_table *t, bool schemas, arena *a, buf *out)
{
    FivetranSdk__V2__UpdateResponse m;
    FivetranSdk__V2__SchemaChange change;
    fivetran_sdk__v2__update_response__init(&m);
    fivetran_sdk__v2__schema_change__init(&change);
    m.operation_case = FIVETRAN_SDK__V2__UPDATE_RESPONSE__OPERATION_SCHEMA_CHANGE;
    m.schema_change = &change;
    change.change_case = schemas ? FIVETRAN_SDK__V2__SCHEMA_CHANGE__CHANGE_WITH_SCHEMA : FIVETRAN_SDK__V2__SCHEMA_CHANGE__CHANGE_WITHOUT_SCHEMA;
    if (schemas)
        change.with_schema = ft_schema_list(a, &t, 1);
    else
        change.without_schema = ft_table_list(a, &t, 1);
    if (a->failed)
        out->failed = true;
    else
        ft_pack(&m.base, out);
}

void ft_growing_message(ft_growing *g, bool schemas, buf *out)
{
    arena a = {0};
    pthread_mutex_lock(&g->lock);
    if (g->told != g->version)
        describe(&g->table, schemas, &a, out);
    g->told = g->version;
    pthread_mutex_unlock(&g->lock);
    arena_free(&a);
}
