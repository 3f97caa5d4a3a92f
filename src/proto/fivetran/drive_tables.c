/* Tables in messages, both ways, and what a source says it has. */
#include "base/map.h"
#include "proto/fivetran/drive.h"

typedef FivetranSdk__V2__Table table_message;
typedef FivetranSdk__V2__Column column_message;

static void take_params(const FivetranSdk__V2__DataTypeParams *p, ft_column *c)
{
    if (p && p->params_case == FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_DECIMAL && p->decimal) {
        c->precision = p->decimal->precision;
        c->scale = p->decimal->scale;
    } else if (p && p->params_case == FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_STRING_BYTE_LENGTH && p->string_byte_length > 0) {
        c->length = (uint32_t)p->string_byte_length;
    }
}

bool ft_table_take(arena *a, const char *schema, const table_message *from, ft_table *ret)
{
    *ret = (ft_table){.schema = arena_dup(a, view_of(schema)), .name = arena_dup(a, view_of(from->name)),
                      .columns = arena_array(a, from->n_columns + 1, sizeof *ret->columns)};
    for (size_t i = 0; ret->columns && i < from->n_columns; i++) {
        const column_message *c = from->columns[i];
        ft_column *to = &ret->columns[ret->count++];
        *to = (ft_column){.name = arena_dup(a, view_of(c->name)), .key = c->primary_key};
        to->type = ft_type_name((int)c->type) ? (ft_type)c->type : FT_UNSPECIFIED;
        if (c->_params_case == FIVETRAN_SDK__V2__COLUMN___PARAMS_PARAMS)
            take_params(c->params, to);
    }
    return !a->failed;
}

static void say_column(const ft_column *c, buf *out)
{
    buf params = {0}, inner = {0};
    ft_say_text(out, 1, c->name);
    if (c->type)
        ft_say_number(out, 2, c->type);
    if (c->key)
        ft_say_number(out, 3, 1);
    if (c->type == FT_DECIMAL && c->precision) {
        ft_say_number(&inner, 1, c->precision);
        ft_say_number(&inner, 2, c->scale);
        ft_say_text(&params, 1, buf_view(&inner));
    } else if (c->type == FT_STRING && c->length) {
        ft_say_number(&params, 2, c->length);
    }
    if (params.len)
        ft_say_text(out, 4, buf_view(&params));
    out->failed |= params.failed || inner.failed;
    buf_free(&params);
    buf_free(&inner);
}

void ft_table_say(const ft_table *t, buf *out)
{
    buf column = {0};
    ft_say_text(out, 1, t->name);
    for (size_t i = 0; i < t->count; i++) {
        buf_clear(&column);
        say_column(&t->columns[i], &column);
        ft_say_text(out, 2, buf_view(&column));
        out->failed |= column.failed;
    }
    buf_free(&column);
}

/* ---- a source's schema ---- */

static weir_rc take_with_schemas(arena *a, const FivetranSdk__V2__SchemaList *list, ft_schema *ret, err *e)
{
    size_t count = 0;
    for (size_t i = 0; i < list->n_schemas; i++)
        count += list->schemas[i]->n_tables;
    ret->with_schemas = true;
    ret->tables = arena_array(a, count + 1, sizeof *ret->tables);
    for (size_t i = 0; ret->tables && i < list->n_schemas; i++)
        for (size_t k = 0; k < list->schemas[i]->n_tables; k++)
            if (!ft_table_take(a, list->schemas[i]->name, list->schemas[i]->tables[k], &ret->tables[ret->count++]))
                return err_nomem(e);
    return a->failed ? err_nomem(e) : WEIR_OK;
}

static weir_rc take_tables(arena *a, const FivetranSdk__V2__TableList *list, ft_schema *ret, err *e)
{
    ret->tables = arena_array(a, list->n_tables + 1, sizeof *ret->tables);
    for (size_t i = 0; ret->tables && i < list->n_tables; i++)
        if (!ft_table_take(a, "", list->tables[i], &ret->tables[ret->count++]))
            return err_nomem(e);
    return a->failed ? err_nomem(e) : WEIR_OK;
}

static weir_rc check_columns(const ft_table *t, err *e)
{
    map names = {0};
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < t->count && !rc; i++) {
        const ft_column *c = &t->columns[i];
        if (!c->name.len)
            rc = err_fail(e, WEIR_E_PROTOCOL, "table '%.*s': column %zu has no name", VIEW_ARG(t->name), i + 1);
        else if (map_get(&names, c->name))
            rc = err_fail(e, WEIR_E_PROTOCOL, "table '%.*s': column '%.*s' is there twice", VIEW_ARG(t->name), VIEW_ARG(c->name));
        else if (!map_put(&names, c->name, (void *)(uintptr_t)c))
            rc = err_nomem(e);
    }
    map_free(&names);
    return rc;
}

/* Of schema and table; no name has a NUL (cold.h). */
weir_view ft_table_key(arena *a, weir_view schema, weir_view table)
{
    char *key = arena_alloc(a, schema.len + table.len + 1);
    if (!key)
        return (weir_view){0};
    if (schema.len)
        memcpy(key, schema.ptr, schema.len);
    key[schema.len] = '\0';
    if (table.len)
        memcpy(key + schema.len + 1, table.ptr, table.len);
    return (weir_view){key, schema.len + table.len + 1};
}

static weir_rc check_names(const ft_schema *s, arena *a, err *e)
{
    map names = {0};
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < s->count && !rc; i++) {
        const ft_table *t = &s->tables[i];
        weir_view key = ft_table_key(a, t->schema, t->name);
        if (!t->name.len)
            rc = err_fail(e, WEIR_E_PROTOCOL, "table %zu has no name", i + 1);
        else if (key.ptr && map_get(&names, key))
            rc = err_fail(e, WEIR_E_PROTOCOL, "table '%.*s' is there twice", VIEW_ARG(t->name));
        else if (!key.ptr || !map_put(&names, key, (void *)(uintptr_t)t))
            rc = err_nomem(e);
        else
            rc = check_columns(t, e);
    }
    map_free(&names);
    return rc;
}

static weir_rc take_schema(arena *a, weir_view bytes, ft_schema *ret, err *e)
{
    ProtobufCMessage *message;
    weir_rc rc = ft_unpack(a, &fivetran_sdk__v2__schema_response__descriptor, bytes, &message, e);
    if (rc)
        return rc;
    const FivetranSdk__V2__SchemaResponse *m = (const FivetranSdk__V2__SchemaResponse *)(const void *)message;
    *ret = (ft_schema){0};
    ret->no_selection =
        m->_selection_not_supported_case == FIVETRAN_SDK__V2__SCHEMA_RESPONSE___SELECTION_NOT_SUPPORTED_SELECTION_NOT_SUPPORTED && m->selection_not_supported;
    switch (m->response_case) {
    case FIVETRAN_SDK__V2__SCHEMA_RESPONSE__RESPONSE_WITH_SCHEMA:
        rc = take_with_schemas(a, m->with_schema, ret, e);
        break;
    case FIVETRAN_SDK__V2__SCHEMA_RESPONSE__RESPONSE_WITHOUT_SCHEMA:
        rc = take_tables(a, m->without_schema, ret, e);
        break;
    default:
        ret->unknown = true;
    }
    return rc ? rc : check_names(ret, a, e);
}

weir_rc ft_schema_ask(weir_task *t, ft_run *r, arena *a, ft_schema *ret)
{
    err *e = task_error(t);
    buf request = {0}, response = {0};
    buf_addv(&request, buf_view(&r->configuration));
    weir_rc rc = ft_server_ask(r->server, "Schema", &request, &response, FT_WORK_MS, weir_stop_fd(t), e);
    if (!rc)
        rc = err_wrap(e, take_schema(a, buf_view(&response), ret, e), "Schema");
    buf_wipe(&request);
    buf_free(&response);
    return rc;
}

const ft_table *ft_schema_find(const ft_schema *s, weir_view schema, weir_view table)
{
    for (size_t i = 0; i < s->count; i++)
        if (view_eq(s->tables[i].name, table) && view_eq(s->tables[i].schema, schema))
            return &s->tables[i];
    return NULL;
}
