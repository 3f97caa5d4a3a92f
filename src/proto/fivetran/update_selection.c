/* Selection (fivetran.md 1.2, 2.3): what is not in a list is new, and goes by the list's include_new flag. */
#include "proto/fivetran/serve_source.h"

typedef FivetranSdk__V2__TableSelection table_selection;

/* What a list of tables says: `table` NULL: it is new, and included or not by `included`. */
typedef struct found {
    const table_selection *table;
    bool included;
} found;

static found find_table(table_selection *const *tables, size_t count, bool include_new, weir_view name)
{
    for (size_t i = 0; i < count; i++)
        if (view_is(name, tables[i]->table_name))
            return (found){tables[i], tables[i]->included};
    return (found){NULL, include_new};
}

static found find_in_schemas(const FivetranSdk__V2__TablesWithSchema *s, const ft_table *t)
{
    for (size_t i = 0; i < s->n_schemas; i++) {
        const FivetranSdk__V2__SchemaSelection *schema = s->schemas[i];
        if (view_is(t->schema, schema->schema_name))
            return schema->included ? find_table(schema->tables, schema->n_tables, schema->include_new_tables, t->name) : (found){NULL, false};
    }
    return (found){NULL, s->include_new_schemas};
}

static found find(const FivetranSdk__V2__Selection *s, const ft_table *t)
{
    switch (s ? s->selection_case : FIVETRAN_SDK__V2__SELECTION__SELECTION__NOT_SET) {
    case FIVETRAN_SDK__V2__SELECTION__SELECTION_WITHOUT_SCHEMA:
        return find_table(s->without_schema->tables, s->without_schema->n_tables, s->without_schema->include_new_tables, t->name);
    case FIVETRAN_SDK__V2__SELECTION__SELECTION_WITH_SCHEMA: return find_in_schemas(s->with_schema, t);
    default: return (found){NULL, true};
    }
}

/* Of a name that is there twice the last one counts (fivetran.md 1.5). */
static bool column_chosen(const table_selection *t, weir_view name)
{
    for (size_t i = t->n_columns; i-- > 0;)
        if (view_is(name, t->columns[i]->key))
            return t->columns[i]->value;
    return t->include_new_columns;
}

bool ft_choose(arena *a, const FivetranSdk__V2__Selection *selection, const ft_table *t, ft_chosen *ret)
{
    const found f = find(selection, t);
    *ret = (ft_chosen){.table = f.included, .columns = arena_array(a, t->count, sizeof *ret->columns), .new_columns = !f.table || f.table->include_new_columns};
    for (size_t i = 0; i < t->count && ret->columns; i++)
        ret->columns[i] = t->columns[i].key || !f.table || column_chosen(f.table, t->columns[i].name);
    return ret->columns != NULL;
}
