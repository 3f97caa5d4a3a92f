#include "tester/targets.h"

#include "json/number.h"

weir_rc tester_input_wrong(tree_mark mark, err *e, const char *fmt, ...)
{
    buf text = {0};
    va_list args;
    tree_where(&text, mark);
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    weir_rc rc = buf_ok(&text) ? err_fail(e, WEIR_E_CONFIG, "%s", buf_text(&text)) : err_nomem(e);
    buf_free(&text);
    return rc;
}

ft_column *tester_target_column(const ft_table *t, weir_view name)
{
    for (size_t i = 0; i < t->count; i++)
        if (view_eq(t->columns[i].name, name))
            return &t->columns[i];
    return NULL;
}

bool tester_target_add(arena *a, ft_table *t, ft_column c)
{
    ft_column *columns = arena_array(a, t->count + 1, sizeof *columns);
    if (!columns)
        return false;
    if (t->count)
        memcpy(columns, t->columns, t->count * sizeof *columns);
    columns[t->count++] = c;
    t->columns = columns;
    return true;
}

/* ---------------------------------------------------------------------------------------------------------------- reading -- */

static weir_rc number(const tree *t, const char *name, uint32_t *ret, err *e)
{
    const tree *n = tree_get(t, name);
    int64_t v = 0;
    if (!tree_is_null(n) && (!number_to_i64(n->text, &v) || v < 0 || v > INT32_MAX))
        return tester_input_wrong(n->mark, e, "'%s' is no number of digits or bytes", name);
    *ret = (uint32_t)v;
    return WEIR_OK;
}

weir_rc tester_target_params(const tree *t, ft_column *c, err *e)
{
    c->precision = c->scale = c->length = 0;
    weir_rc rc = c->type == FT_DECIMAL ? number(t, "precision", &c->precision, e) : WEIR_OK;
    if (!rc && c->type == FT_DECIMAL)
        rc = number(t, "scale", &c->scale, e);
    if (!rc && c->type == FT_STRING)
        rc = number(t, "string_byte_length", &c->length, e);
    return rc;
}

static weir_rc read_column(const tree *m, ft_column *ret, err *e)
{
    weir_view type = m->kind == TREE_STRING ? m->text : tree_text(m, "type");
    *ret = (ft_column){.name = m->name};
    if (!ft_type_named(type, &ret->type) || ret->type == FT_UNSPECIFIED)
        return tester_input_wrong(m->mark, e, "'%.*s' is no type of a column", VIEW_ARG(type));
    return tester_target_params(m, ret, e);
}

static weir_rc read_columns(arena *a, const tree *columns, ft_table *ret, err *e)
{
    weir_rc rc = WEIR_OK;
    for (const tree *m = columns->first; !rc && m; m = m->next) {
        ft_column c;
        rc = read_column(m, &c, e);
        if (!rc && !tester_target_add(a, ret, c))
            rc = err_nomem(e);
    }
    return rc;
}

static weir_rc read_key(const tree *key, ft_table *ret, err *e)
{
    for (const tree *k = key ? key->first : NULL; k; k = k->next) {
        ft_column *c = k->kind == TREE_STRING ? tester_target_column(ret, k->text) : NULL;
        if (!c)
            return tester_input_wrong(k->mark, e, "the key has a column that the table does not have");
        c->key = true;
    }
    return WEIR_OK;
}

/* The platform's own columns that are not there already. */
static weir_rc add_own(arena *a, bool keyless, tester_target_table *t, err *e)
{
    const struct { ft_column c; bool wanted; } own[] = {
        {{.name = VIEW(TARGET_ID), .type = FT_STRING, .key = true}, keyless},
        {{.name = VIEW(TARGET_SYNCED), .type = FT_UTC_DATETIME}, true},
        {{.name = VIEW(TARGET_DELETED), .type = FT_BOOLEAN}, !t->history},
        {{.name = VIEW(TARGET_START), .type = FT_UTC_DATETIME, .key = true}, t->history},
        {{.name = VIEW(TARGET_END), .type = FT_UTC_DATETIME}, t->history},
        {{.name = VIEW(TARGET_ACTIVE), .type = FT_BOOLEAN}, t->history},
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        ft_column *c = tester_target_column(&t->table, own[i].c.name);
        if (c && own[i].wanted)
            c->key |= own[i].c.key;
        else if (own[i].wanted && !tester_target_add(a, &t->table, own[i].c))
            return err_nomem(e);
    }
    return WEIR_OK;
}

weir_rc tester_target_read(arena *a, const tree *member, tester_target_table *ret, err *e)
{
    const tree *columns = tree_get(member, "columns"), *key = tree_get(member, "primary_key"), *history = tree_get(member, "history_mode");
    *ret = (tester_target_table){.table.name = member->name, .history = history && history->boolean};
    if (!columns || columns->kind != TREE_OBJECT)
        return tester_input_wrong(member->mark, e, "table '%.*s' has no columns", VIEW_ARG(member->name));
    if (key && key->kind != TREE_ARRAY)
        return tester_input_wrong(key->mark, e, "primary_key is no array of names");
    weir_rc rc = read_columns(a, columns, &ret->table, e);
    if (!rc)
        rc = read_key(key, &ret->table, e);
    return rc ? rc : add_own(a, !key || !key->count, ret, e);
}

/* --------------------------------------------------------------------------------------------------------------- messages -- */

static void take_params(const FivetranSdk__V2__Column *from, ft_column *to)
{
    if (from->_params_case != FIVETRAN_SDK__V2__COLUMN___PARAMS_PARAMS || !from->params)
        return;
    if (from->params->params_case == FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_DECIMAL) {
        to->precision = from->params->decimal->precision;
        to->scale = from->params->decimal->scale;
    } else if (from->params->params_case == FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_STRING_BYTE_LENGTH && from->params->string_byte_length > 0) {
        to->length = (uint32_t)from->params->string_byte_length;
    }
}

weir_rc tester_target_described(arena *a, const FivetranSdk__V2__Table *from, tester_target_table *ret, err *e)
{
    *ret = (tester_target_table){.table.name = view_of(from->name)};
    for (size_t i = 0; i < from->n_columns; i++) {
        const FivetranSdk__V2__Column *c = from->columns[i];
        ft_column to = {.name = view_of(c->name), .type = ft_type_name((int)c->type) ? (ft_type)c->type : FT_UNSPECIFIED, .key = c->primary_key};
        take_params(c, &to);
        if (!tester_target_add(a, &ret->table, to))
            return err_nomem(e);
    }
    ret->history = tester_target_column(&ret->table, VIEW(TARGET_START)) && tester_target_column(&ret->table, VIEW(TARGET_ACTIVE));
    return WEIR_OK;
}

static FivetranSdk__V2__DataTypeParams *params_of(arena *a, const ft_column *c)
{
    FivetranSdk__V2__DataTypeParams *p = arena_alloc(a, sizeof *p);
    FivetranSdk__V2__DecimalParams *d = arena_alloc(a, sizeof *d);
    if (!p || !d)
        return NULL;
    *p = (FivetranSdk__V2__DataTypeParams)FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__INIT;
    if (c->type == FT_DECIMAL) {
        *d = (FivetranSdk__V2__DecimalParams)FIVETRAN_SDK__V2__DECIMAL_PARAMS__INIT;
        d->precision = c->precision;
        d->scale = c->scale;
        p->params_case = FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_DECIMAL;
        p->decimal = d;
    } else {
        p->params_case = FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_STRING_BYTE_LENGTH;
        p->string_byte_length = (int32_t)c->length;
    }
    return p;
}

static FivetranSdk__V2__Column *column_message(arena *a, const ft_column *c)
{
    FivetranSdk__V2__Column *m = arena_alloc(a, sizeof *m);
    if (!m)
        return NULL;
    *m = (FivetranSdk__V2__Column)FIVETRAN_SDK__V2__COLUMN__INIT;
    m->name = ft_text(a, c->name);
    m->type = (FivetranSdk__V2__DataType)c->type;
    m->primary_key = c->key;
    if (c->precision || c->length) {
        m->_params_case = FIVETRAN_SDK__V2__COLUMN___PARAMS_PARAMS;
        m->params = params_of(a, c);
    }
    return a->failed ? NULL : m;
}

FivetranSdk__V2__Table *tester_target_message(arena *a, const ft_table *t)
{
    FivetranSdk__V2__Table *m = arena_alloc(a, sizeof *m);
    if (!m)
        return NULL;
    *m = (FivetranSdk__V2__Table)FIVETRAN_SDK__V2__TABLE__INIT;
    m->name = ft_text(a, t->name);
    m->columns = arena_array(a, t->count + 1, sizeof *m->columns);
    for (size_t i = 0; m->columns && i < t->count; i++)
        m->columns[m->n_columns++] = column_message(a, &t->columns[i]);
    return a->failed ? NULL : m;
}
