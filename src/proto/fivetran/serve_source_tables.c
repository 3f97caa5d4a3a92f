/* Streams as tables, and tables as messages. */
#include "proto/fivetran/serve_source.h"

/* ---- streams ---- */

weir_rc ft_check_name(const ft_table *t, weir_view name, const char *what, err *e)
{
    return view_starts(name, VIEW("_fivetran_"))
               ? err_fail(e, WEIR_E_CONFIG, "%s '%.*s' of '%.*s': names that begin with _fivetran_ are the platform's own", what, VIEW_ARG(name), VIEW_ARG(t->name))
               : WEIR_OK;
}

/* Times of day may not come from sources (fivetran.md 2.3). */
static weir_rc check_columns(ft_table *t, err *e)
{
    weir_rc rc = ft_check_name(t, t->name, "the table", e);
    for (size_t i = 0; i < t->count && !rc; i++) {
        if (t->columns[i].type == FT_NAIVE_TIME)
            t->columns[i].type = FT_STRING;
        rc = ft_check_name(t, t->columns[i].name, "the column", e);
    }
    return rc;
}

/* A key that the source has made up (file and row) is none: the platform has one of its own for such tables. */
static weir_rc take_one(ft_streams *s, const weir_stream *from, ft_stream *to, err *e)
{
    tree *schema;
    *to = (ft_stream){.s = from};
    weir_rc rc = unwrap_stream(&to->u, &s->arena, from, e);
    if (!rc)
        rc = tree_parse(&s->arena, to->u.schema, NULL, WEIR_E_PROTOCOL, &schema, e);
    if (!rc)
        rc = ft_columns_of_schema(&s->arena, schema, from->fallback_key ? VIEW("[]") : to->u.key, &to->table, e);
    to->table.name = from->name;
    to->table.schema = s->schemas && !from->name_space.len ? VIEW(FT_NO_SCHEMA) : from->name_space;
    return err_wrap(e, rc ? rc : check_columns(&to->table, e), "stream '%.*s'", VIEW_ARG(from->name));
}

weir_rc ft_streams_take(ft_streams *s, err *e)
{
    weir_rc rc = WEIR_OK;
    s->items = arena_array(&s->arena, s->found.count, sizeof *s->items);
    if (!s->items)
        return err_nomem(e);
    for (const stream_item *i = s->found.items; i; i = i->next)
        s->schemas = s->schemas || i->s.name_space.len;
    for (const stream_item *i = s->found.items; i && !rc; i = i->next)
        rc = take_one(s, &i->s, &s->items[s->count++], e);
    return rc;
}

void ft_streams_free(ft_streams *s)
{
    streams_free(&s->found);
    arena_free(&s->arena);
    *s = (ft_streams){0};
}

/* ---- messages ---- */

static FivetranSdk__V2__DataTypeParams *params_of(arena *a, const ft_column *c)
{
    FivetranSdk__V2__DataTypeParams *p = arena_alloc(a, sizeof *p);
    FivetranSdk__V2__DecimalParams *decimal = arena_alloc(a, sizeof *decimal);
    if (!p || !decimal)
        return NULL;
    fivetran_sdk__v2__data_type_params__init(p);
    fivetran_sdk__v2__decimal_params__init(decimal);
    if (c->type == FT_DECIMAL) {
        p->params_case = FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_DECIMAL;
        decimal->precision = c->precision;
        decimal->scale = c->scale;
        p->decimal = decimal;
    } else {
        p->params_case = FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_STRING_BYTE_LENGTH;
        p->string_byte_length = (int32_t)(c->length < INT32_MAX ? c->length : INT32_MAX);
    }
    return p;
}

static FivetranSdk__V2__Column *column_message(arena *a, const ft_column *c)
{
    FivetranSdk__V2__Column *m = arena_alloc(a, sizeof *m);
    if (!m)
        return NULL;
    fivetran_sdk__v2__column__init(m);
    m->name = ft_text(a, c->name);
    m->type = (FivetranSdk__V2__DataType)c->type; /* the same numbers: types.h */
    m->primary_key = c->key;
    if ((c->type == FT_DECIMAL && c->precision) || (c->type == FT_STRING && c->length)) {
        m->_params_case = FIVETRAN_SDK__V2__COLUMN___PARAMS_PARAMS;
        m->params = params_of(a, c);
    }
    return m;
}

FivetranSdk__V2__Table *ft_table_message(arena *a, const ft_table *t)
{
    FivetranSdk__V2__Table *m = arena_alloc(a, sizeof *m);
    if (!m)
        return NULL;
    fivetran_sdk__v2__table__init(m);
    m->name = ft_text(a, t->name);
    m->columns = arena_array(a, t->count, sizeof *m->columns);
    m->n_columns = t->count;
    for (size_t i = 0; i < t->count && m->columns; i++)
        m->columns[i] = column_message(a, &t->columns[i]);
    return a->failed ? NULL : m;
}

FivetranSdk__V2__TableList *ft_table_list(arena *a, const ft_table *const *tables, size_t count)
{
    FivetranSdk__V2__TableList *m = arena_alloc(a, sizeof *m);
    if (!m)
        return NULL;
    fivetran_sdk__v2__table_list__init(m);
    m->tables = arena_array(a, count, sizeof *m->tables);
    m->n_tables = count;
    for (size_t i = 0; i < count && m->tables; i++)
        m->tables[i] = ft_table_message(a, tables[i]);
    return a->failed ? NULL : m;
}

static FivetranSdk__V2__Schema *schema_message(arena *a, weir_view name, size_t room)
{
    FivetranSdk__V2__Schema *m = arena_alloc(a, sizeof *m);
    if (!m)
        return NULL;
    fivetran_sdk__v2__schema__init(m);
    m->name = ft_text(a, name);
    m->tables = arena_array(a, room, sizeof *m->tables);
    return m;
}

static FivetranSdk__V2__Schema *schema_named(arena *a, FivetranSdk__V2__SchemaList *list, weir_view name, size_t room)
{
    for (size_t i = 0; i < list->n_schemas; i++)
        if (view_is(name, list->schemas[i]->name))
            return list->schemas[i];
    FivetranSdk__V2__Schema *m = schema_message(a, name, room);
    if (!a->failed)
        list->schemas[list->n_schemas++] = m;
    return m;
}

FivetranSdk__V2__SchemaList *ft_schema_list(arena *a, const ft_table *const *tables, size_t count)
{
    FivetranSdk__V2__SchemaList *m = arena_alloc(a, sizeof *m);
    if (!m)
        return NULL;
    fivetran_sdk__v2__schema_list__init(m);
    m->schemas = arena_array(a, count, sizeof *m->schemas);
    for (size_t i = 0; i < count && !a->failed; i++) {
        FivetranSdk__V2__Schema *schema = schema_named(a, m, tables[i]->schema, count - i);
        if (!a->failed)
            schema->tables[schema->n_tables++] = ft_table_message(a, tables[i]);
    }
    return a->failed ? NULL : m;
}
