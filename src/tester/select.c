#include "tester/select.h"

static FivetranSdk__V2__TableSelection *select_table(arena *a, const tester_table *x)
{
    FivetranSdk__V2__TableSelection *s = arena_alloc(a, sizeof *s);
    if (!s)
        return NULL;
    *s = (FivetranSdk__V2__TableSelection)FIVETRAN_SDK__V2__TABLE_SELECTION__INIT;
    s->included = x->included;
    s->include_new_columns = true;
    s->table_name = ft_text(a, x->name);
    s->columns = arena_array(a, x->count + 1, sizeof *s->columns);
    for (size_t i = 0; s->columns && i < x->count; i++) {
        FivetranSdk__V2__TableSelection__ColumnsEntry *c = arena_alloc(a, sizeof *c);
        if (!c)
            return NULL;
        *c = (FivetranSdk__V2__TableSelection__ColumnsEntry)FIVETRAN_SDK__V2__TABLE_SELECTION__COLUMNS_ENTRY__INIT;
        c->key = ft_text(a, x->columns[i].name);
        c->value = x->columns[i].included;
        s->columns[s->n_columns++] = c;
    }
    return a->failed ? NULL : s;
}

/* The tables of one schema. */
static bool select_tables(arena *a, const tester_tables *t, weir_view schema, FivetranSdk__V2__TableSelection ***ret, size_t *ret_count)
{
    *ret = arena_array(a, t->count + 1, sizeof **ret);
    for (size_t i = 0; *ret && i < t->count; i++)
        if (view_eq(t->items[i]->schema, schema)) {
            (*ret)[*ret_count] = select_table(a, t->items[i]);
            if (!(*ret)[(*ret_count)++])
                return false;
        }
    return *ret != NULL;
}

static bool without_schemas(arena *a, const tester_tables *t, FivetranSdk__V2__Selection *ret)
{
    FivetranSdk__V2__TablesWithNoSchema *s = arena_alloc(a, sizeof *s);
    if (!s)
        return false;
    *s = (FivetranSdk__V2__TablesWithNoSchema)FIVETRAN_SDK__V2__TABLES_WITH_NO_SCHEMA__INIT;
    s->include_new_tables = true;
    ret->selection_case = FIVETRAN_SDK__V2__SELECTION__SELECTION_WITHOUT_SCHEMA;
    ret->without_schema = s;
    return select_tables(a, t, (weir_view){0}, &s->tables, &s->n_tables);
}

static bool with_schemas(arena *a, const tester_tables *t, const FivetranSdk__V2__SchemaList *list, FivetranSdk__V2__Selection *ret)
{
    FivetranSdk__V2__TablesWithSchema *s = arena_alloc(a, sizeof *s);
    if (!s)
        return false;
    *s = (FivetranSdk__V2__TablesWithSchema)FIVETRAN_SDK__V2__TABLES_WITH_SCHEMA__INIT;
    s->include_new_schemas = true;
    s->schemas = arena_array(a, list->n_schemas + 1, sizeof *s->schemas);
    ret->selection_case = FIVETRAN_SDK__V2__SELECTION__SELECTION_WITH_SCHEMA;
    ret->with_schema = s;
    for (size_t i = 0; s->schemas && i < list->n_schemas; i++) {
        FivetranSdk__V2__SchemaSelection *one = arena_alloc(a, sizeof *one);
        if (!one)
            return false;
        *one = (FivetranSdk__V2__SchemaSelection)FIVETRAN_SDK__V2__SCHEMA_SELECTION__INIT;
        one->included = one->include_new_tables = true;
        one->schema_name = list->schemas[i]->name;
        s->schemas[s->n_schemas++] = one;
        if (!select_tables(a, t, view_of(one->schema_name), &one->tables, &one->n_tables))
            return false;
    }
    return s->schemas != NULL;
}

bool tester_select(arena *a, const tester_tables *t, const FivetranSdk__V2__SchemaResponse *s, FivetranSdk__V2__UpdateRequest *ret)
{
    FivetranSdk__V2__Selection *chosen = arena_alloc(a, sizeof *chosen);
    if (s->_selection_not_supported_case == FIVETRAN_SDK__V2__SCHEMA_RESPONSE___SELECTION_NOT_SUPPORTED_SELECTION_NOT_SUPPORTED && s->selection_not_supported)
        return true;
    if (!chosen)
        return false;
    *chosen = (FivetranSdk__V2__Selection)FIVETRAN_SDK__V2__SELECTION__INIT;
    ret->_selection_case = FIVETRAN_SDK__V2__UPDATE_REQUEST___SELECTION_SELECTION;
    ret->selection = chosen;
    return s->response_case == FIVETRAN_SDK__V2__SCHEMA_RESPONSE__RESPONSE_WITH_SCHEMA ? with_schemas(a, t, s->with_schema, chosen) : without_schemas(a, t, chosen);
}
