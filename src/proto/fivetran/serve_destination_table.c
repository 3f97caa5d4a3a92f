/* Tables of a destination: what they have in common with the database's, and the calls that make and change them. */
#include "proto/fivetran/serve_destination.h"

#include "proto/fivetran/types.h"

/* ----------------------------------------------------------------------------------------------------------------- types -- */

static const weir_sql_type sql_types[FT_TYPES] = {
    [FT_UNSPECIFIED] = WEIR_SQL_TEXT,      [FT_BOOLEAN] = WEIR_SQL_BOOLEAN,        [FT_SHORT] = WEIR_SQL_SHORT, [FT_INT] = WEIR_SQL_INT,
    [FT_LONG] = WEIR_SQL_LONG,             [FT_DECIMAL] = WEIR_SQL_DECIMAL,        [FT_FLOAT] = WEIR_SQL_FLOAT, [FT_DOUBLE] = WEIR_SQL_DOUBLE,
    [FT_NAIVE_DATE] = WEIR_SQL_DATE,       [FT_NAIVE_DATETIME] = WEIR_SQL_DATETIME, [FT_BINARY] = WEIR_SQL_BINARY, [FT_XML] = WEIR_SQL_XML,
    [FT_UTC_DATETIME] = WEIR_SQL_TIMESTAMP, [FT_STRING] = WEIR_SQL_TEXT,           [FT_JSON] = WEIR_SQL_JSON,   [FT_NAIVE_TIME] = WEIR_SQL_TIME,
};

weir_sql_type ft_sql_type_of(int type)
{
    return type >= 0 && type < FT_TYPES ? sql_types[type] : WEIR_SQL_TEXT;
}

int ft_type_of_sql(weir_sql_type type)
{
    int i = FT_BOOLEAN;
    while (i < FT_TYPES && sql_types[i] != type)
        i++;
    return i < FT_TYPES ? i : FT_STRING;
}

/* ------------------------------------------------------------------------------------------------------------- statements -- */

static weir_rc nomem(ft_work *w)
{
    return weir_fail(w->t, WEIR_E_NOMEM, "out of memory");
}

weir_rc ft_run(ft_work *w, const weir_sql_value *values, size_t count)
{
    if (!buf_ok(&w->sql))
        return nomem(w);
    weir_rc rc = w->q->run(w->t, w->self, buf_text(&w->sql), values, count, count ? 1 : 0, NULL);
    buf_clear(&w->sql);
    return rc;
}

static weir_rc see_row(weir_task *t, void *arg, const weir_sql_value *values, size_t count)
{
    (void)t;
    (void)values;
    (void)count;
    *(bool *)arg = true;
    return WEIR_OK;
}

weir_rc ft_has_row(ft_work *w, const weir_sql_value *values, size_t count, bool *ret)
{
    *ret = false;
    if (!buf_ok(&w->sql))
        return nomem(w);
    weir_rc rc = w->q->query(w->t, w->self, buf_text(&w->sql), values, count, see_row, ret);
    buf_clear(&w->sql);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------- descriptions of tables -- */

typedef struct seeing {
    ft_work *w;
    ft_sql_table *t;
    size_t room;
} seeing;

static weir_rc see_column(weir_task *t, void *arg, const weir_sql_column *c)
{
    seeing *s = arg;
    (void)t;
    if (s->t->count == s->room) {
        size_t room = s->room ? 2 * s->room : 32;
        weir_sql_column *columns = arena_array(s->w->a, room, sizeof *columns);
        if (!columns)
            return nomem(s->w);
        if (s->t->count)
            memcpy(columns, s->t->columns, s->t->count * sizeof *columns);
        s->t->columns = columns;
        s->room = room;
    }
    s->t->columns[s->t->count] = *c;
    s->t->columns[s->t->count++].name = arena_dup(s->w->a, c->name);
    return s->w->a->failed ? nomem(s->w) : WEIR_OK;
}

weir_rc ft_table_types(ft_work *w, ft_sql_table *t)
{
    t->types = arena_array(w->a, t->count + 1, sizeof *t->types);
    for (size_t i = 0; t->types && i < t->count; i++) {
        t->types[i] = w->q->type_name(w->t, w->self, &t->columns[i]);
        if (!t->types[i].ptr)
            return nomem(w);
    }
    return t->types ? WEIR_OK : nomem(w);
}

weir_view ft_quoted(ft_work *w, weir_view name)
{
    buf b = {0};
    ft_sql_name(&b, name);
    weir_view v = buf_ok(&b) ? arena_dup(w->a, buf_view(&b)) : (weir_view){0};
    buf_free(&b);
    return v;
}

weir_rc ft_table_find(ft_work *w, weir_view name, bool *ret_found, ft_sql_table *ret)
{
    *ret = (ft_sql_table){.name = w->q->table_name(w->t, w->self, w->schema, name)};
    seeing s = {.w = w, .t = ret};
    weir_rc rc = ret->name.ptr ? w->q->describe(w->t, w->self, w->schema, name, ret_found, see_column, &s) : nomem(w);
    return rc ? rc : ft_table_types(w, ret);
}

weir_rc ft_table_need(ft_work *w, const char *name, ft_sql_table *ret)
{
    bool found;
    weir_rc rc = ft_table_find(w, view_of(name), &found, ret);
    return rc || found ? rc : weir_fail(w->t, WEIR_E_CONFIG, "there is no table '%s' in schema '%.*s'", name, VIEW_ARG(w->schema));
}

weir_rc ft_column_need(ft_work *w, const ft_sql_table *t, const char *table, const char *column, size_t *ret)
{
    *ret = ft_sql_find(t, column);
    return *ret < t->count ? WEIR_OK : weir_fail(w->t, WEIR_E_CONFIG, "table '%s' has no column '%s'", table, column);
}

weir_rc ft_table_copy(ft_work *w, const ft_sql_table *from, const char *table, size_t more, ft_sql_table *ret)
{
    *ret = (ft_sql_table){
        .name = w->q->table_name(w->t, w->self, w->schema, view_of(table)),
        .columns = arena_array(w->a, from->count + more, sizeof *ret->columns),
        .types = arena_array(w->a, from->count + more, sizeof *ret->types),
        .count = from->count,
    };
    if (!ret->name.ptr || !ret->columns || !ret->types)
        return nomem(w);
    if (from->count) {
        memcpy(ret->columns, from->columns, from->count * sizeof *ret->columns);
        memcpy(ret->types, from->types, from->count * sizeof *ret->types);
    }
    return WEIR_OK;
}

weir_rc ft_table_add(ft_work *w, ft_sql_table *t, weir_sql_column c)
{
    t->columns[t->count] = c;
    t->types[t->count] = w->q->type_name(w->t, w->self, &c);
    return t->types[t->count++].ptr ? WEIR_OK : nomem(w);
}

void ft_table_drop(ft_sql_table *t, size_t column)
{
    size_t behind = --t->count - column;
    memmove(t->columns + column, t->columns + column + 1, behind * sizeof *t->columns);
    memmove(t->types + column, t->types + column + 1, behind * sizeof *t->types);
}

/* @param had the table as it is, for what the request leaves open; NULL: it is new */
static weir_sql_column column_of(const FivetranSdk__V2__Column *m, const ft_sql_table *had)
{
    weir_sql_column c = {.name = view_of(m->name), .type = ft_sql_type_of((int)m->type), .key = m->primary_key};
    size_t at = had && m->type == FIVETRAN_SDK__V2__DATA_TYPE__UNSPECIFIED ? ft_sql_find_view(had, c.name) : SIZE_MAX;
    if (had && at < had->count)
        c.type = had->columns[at].type;
    const FivetranSdk__V2__DataTypeParams *p = m->params;
    if (p && p->params_case == FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_DECIMAL && p->decimal) {
        c.precision = p->decimal->precision;
        c.scale = p->decimal->scale;
    }
    if (p && p->params_case == FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_STRING_BYTE_LENGTH && p->string_byte_length > 0)
        c.length = (uint32_t)p->string_byte_length;
    return c;
}

/* The table that a message describes. */
static weir_rc table_of(ft_work *w, const FivetranSdk__V2__Table *m, const ft_sql_table *had, ft_sql_table *ret)
{
    if (!m || !m->name[0])
        return weir_fail(w->t, WEIR_E_PROTOCOL, "the request names no table");
    *ret = (ft_sql_table){.name = w->q->table_name(w->t, w->self, w->schema, view_of(m->name)),
                          .columns = arena_array(w->a, m->n_columns + 1, sizeof *ret->columns)};
    if (!ret->name.ptr || !ret->columns)
        return nomem(w);
    for (size_t i = 0; i < m->n_columns; i++) {
        weir_sql_column c = column_of(m->columns[i], had);
        if (!c.name.len)
            return weir_fail(w->t, WEIR_E_PROTOCOL, "table '%s': column %zu has no name", m->name, i);
        if (ft_sql_find_view(ret, c.name) < ret->count)
            return weir_fail(w->t, WEIR_E_PROTOCOL, "table '%s': column '%s' comes twice", m->name, m->columns[i]->name);
        ret->columns[ret->count++] = c;
    }
    return ret->count ? ft_table_types(w, ret) : weir_fail(w->t, WEIR_E_PROTOCOL, "table '%s' has no columns", m->name);
}

/* ---------------------------------------------------------------------------------------------------------------- remaking -- */

weir_rc ft_table_remake(ft_work *w, const ft_remake *r)
{
    static const char next[] = "weir_next_"; /* before the name of the table that is being made */
    weir_view interim = arena_printf(w->a, "%s%s", next, r->name);
    ft_sql_table to = *r->to;
    to.name = interim.ptr ? w->q->table_name(w->t, w->self, w->schema, interim) : interim;
    if (!to.name.ptr)
        return nomem(w);
    ft_sql_create(&w->sql, &to);
    weir_rc rc = ft_run(w, NULL, 0);
    if (!rc) {
        ft_sql_copy(&w->sql, &to, r->expressions, r->from, r->where);
        rc = ft_run(w, r->values, r->value_count);
    }
    if (!rc)
        rc = w->q->move_table(w->t, w->self, w->schema, interim, view_of(r->name));
    return weir_wrap(w->t, rc, "making table '%s' anew", r->name);
}

/* ---------------------------------------------------------------------------------------------------------- DescribeTable -- */

static bool describe_params(arena *a, const weir_sql_column *c, FivetranSdk__V2__Column *m)
{
    if (!(c->type == WEIR_SQL_DECIMAL && c->precision) && !(c->type == WEIR_SQL_TEXT && c->length))
        return true;
    FivetranSdk__V2__DataTypeParams *p = arena_alloc(a, sizeof *p);
    if (!p)
        return false;
    fivetran_sdk__v2__data_type_params__init(p);
    m->_params_case = FIVETRAN_SDK__V2__COLUMN___PARAMS_PARAMS;
    m->params = p;
    if (c->type == WEIR_SQL_TEXT) {
        p->params_case = FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_STRING_BYTE_LENGTH;
        p->string_byte_length = (int32_t)c->length;
        return true;
    }
    FivetranSdk__V2__DecimalParams *d = arena_alloc(a, sizeof *d);
    if (!d)
        return false;
    fivetran_sdk__v2__decimal_params__init(d);
    d->precision = c->precision;
    d->scale = c->scale;
    p->params_case = FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_DECIMAL;
    p->decimal = d;
    return true;
}

static FivetranSdk__V2__Column *describe_column(arena *a, const weir_sql_column *c)
{
    FivetranSdk__V2__Column *m = arena_alloc(a, sizeof *m);
    if (!m)
        return NULL;
    fivetran_sdk__v2__column__init(m);
    m->name = ft_text(a, c->name);
    m->type = (FivetranSdk__V2__DataType)ft_type_of_sql(c->type);
    m->primary_key = c->key;
    return m->name && describe_params(a, c, m) ? m : NULL;
}

weir_rc ft_describe_table(ft_work *w, const char *name, FivetranSdk__V2__Table **ret)
{
    ft_sql_table t;
    bool found;
    *ret = NULL;
    weir_rc rc = ft_table_find(w, view_of(name), &found, &t);
    if (rc || !found)
        return rc;
    FivetranSdk__V2__Table *m = arena_alloc(w->a, sizeof *m);
    FivetranSdk__V2__Column **columns = arena_array(w->a, t.count + 1, sizeof *columns);
    if (!m || !columns)
        return nomem(w);
    fivetran_sdk__v2__table__init(m);
    m->name = ft_text(w->a, view_of(name));
    m->columns = columns;
    m->n_columns = t.count;
    for (size_t i = 0; i < t.count; i++)
        if (!(columns[i] = describe_column(w->a, &t.columns[i])))
            return nomem(w);
    *ret = m;
    return m->name ? WEIR_OK : nomem(w);
}

/* ------------------------------------------------------------------------------------------------------------ CreateTable -- */

weir_rc ft_create_table(ft_work *w, const FivetranSdk__V2__Table *m)
{
    ft_sql_table t, had;
    bool found;
    weir_rc rc = table_of(w, m, NULL, &t);
    if (!rc && w->q->create_schema && w->schema.len)
        rc = w->q->create_schema(w->t, w->self, w->schema);
    if (!rc)
        rc = ft_table_find(w, view_of(m->name), &found, &had);
    if (!rc && found)
        rc = weir_fail(w->t, WEIR_E_CONFIG, "table '%s' is there already", m->name);
    if (rc)
        return rc;
    ft_sql_create(&w->sql, &t);
    return weir_wrap(w->t, ft_run(w, NULL, 0), "making table '%s'", m->name);
}

/* ------------------------------------------------------------------------------------------------------------- AlterTable -- */

typedef struct altering {
    ft_work *w;
    const char *name;
    ft_sql_table had, wanted, to;
    weir_view *expressions; /* for each column of `to` */
    bool remake;            /* adding columns is not enough */
    size_t added;           /* how many of `to`, at its end, are new */
} altering;

/* What is asked for, with what the request leaves open as it is. */
static bool is_other_type(const weir_sql_column *had, weir_sql_column *want)
{
    if (had->type != want->type)
        return true;
    if (want->type == WEIR_SQL_DECIMAL && !want->precision) {
        want->precision = had->precision;
        want->scale = had->scale;
    }
    if (!had->length || !want->length)
        want->length = had->length;
    return had->precision != want->precision || had->scale != want->scale || had->length != want->length;
}

static weir_rc keep_column(altering *x, size_t i, bool drop_columns)
{
    const weir_sql_column *had = &x->had.columns[i];
    size_t at = ft_sql_find_view(&x->wanted, had->name);
    bool asked = at < x->wanted.count;
    if (!asked && drop_columns) {
        x->remake = true;
        return WEIR_OK;
    }
    weir_sql_column c = asked ? x->wanted.columns[at] : *had;
    c.key = asked && c.key; /* one that is not asked for any more stays, but rows need not have it */
    x->remake |= c.key != had->key || (asked && is_other_type(had, &c));
    weir_view name = ft_quoted(x->w, had->name);
    if (!name.ptr)
        return nomem(x->w);
    x->expressions[x->to.count] = x->w->q->convert(x->w->t, x->w->self, name, had, &c);
    if (!x->expressions[x->to.count].ptr)
        return task_error(x->w->t)->rc ? task_error(x->w->t)->rc : nomem(x->w);
    return ft_table_add(x->w, &x->to, c);
}

static weir_rc add_columns(altering *x)
{
    for (size_t i = 0; i < x->wanted.count; i++) {
        const weir_sql_column *c = &x->wanted.columns[i];
        if (ft_sql_find_view(&x->had, c->name) < x->had.count)
            continue;
        x->added++;
        x->remake |= c->key;
        x->expressions[x->to.count] = VIEW("NULL");
        weir_rc rc = ft_table_add(x->w, &x->to, *c);
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

/* A column that becomes part of the key must have a value in all rows. */
static weir_rc check_key(altering *x)
{
    for (size_t i = 0; i < x->to.count; i++) {
        const weir_sql_column *c = &x->to.columns[i];
        size_t at = ft_sql_find_view(&x->had, c->name);
        bool is_new = at == x->had.count, lacking;
        if (!c->key || (!is_new && x->had.columns[at].key))
            continue;
        buf_printf(&x->w->sql, "SELECT 1 FROM %.*s", VIEW_ARG(x->had.name));
        if (!is_new) {
            buf_adds(&x->w->sql, " WHERE ");
            ft_sql_name(&x->w->sql, c->name);
            buf_adds(&x->w->sql, " IS NULL");
        }
        buf_adds(&x->w->sql, " LIMIT 1");
        weir_rc rc = ft_has_row(x->w, NULL, 0, &lacking);
        if (rc)
            return rc;
        if (lacking)
            return weir_fail(x->w->t, WEIR_E_CONFIG, "table '%s' has rows without a value of '%.*s', which is to be part of its key: drop the table, or its rows",
                             x->name, VIEW_ARG(c->name));
    }
    return WEIR_OK;
}

static weir_rc change_table(altering *x)
{
    if (x->remake) {
        weir_rc rc = check_key(x);
        const ft_remake r = {.name = x->name, .to = &x->to, .expressions = x->expressions, .from = x->had.name};
        return rc ? rc : ft_table_remake(x->w, &r);
    }
    for (size_t i = x->to.count - x->added; i < x->to.count; i++) {
        ft_sql_add_column(&x->w->sql, &x->to, i);
        weir_rc rc = ft_run(x->w, NULL, 0);
        if (rc)
            return weir_wrap(x->w->t, rc, "table '%s'", x->name);
    }
    return WEIR_OK;
}

weir_rc ft_alter_table(ft_work *w, const FivetranSdk__V2__Table *m, bool drop_columns)
{
    altering x = {.w = w, .name = m ? m->name : ""};
    weir_rc rc = ft_table_need(w, x.name, &x.had);
    if (!rc)
        rc = table_of(w, m, &x.had, &x.wanted);
    if (!rc)
        rc = ft_table_copy(w, &x.had, x.name, x.wanted.count, &x.to);
    if (rc)
        return rc;
    x.to.count = 0;
    x.expressions = arena_array(w->a, x.had.count + x.wanted.count, sizeof *x.expressions);
    if (!x.expressions)
        return nomem(w);
    for (size_t i = 0; !rc && i < x.had.count; i++)
        rc = keep_column(&x, i, drop_columns);
    if (!rc)
        rc = add_columns(&x);
    return rc ? rc : change_table(&x);
}

/* --------------------------------------------------------------------------------------------------------------- Truncate -- */

static weir_rc check_columns(ft_work *w, const FivetranSdk__V2__TruncateRequest *m, const ft_sql_table *t)
{
    size_t at;
    weir_rc rc = m->utc_delete_before ? ft_column_need(w, t, m->table_name, m->synced_column, &at) : WEIR_OK;
    if (!rc && m->soft)
        rc = ft_column_need(w, t, m->table_name, m->soft->deleted_column, &at);
    return rc;
}

weir_rc ft_truncate_table(ft_work *w, const FivetranSdk__V2__TruncateRequest *m)
{
    ft_sql_table t;
    bool found;
    weir_sql_value before;
    const Google__Protobuf__Timestamp *time = m->utc_delete_before; /* not there: all rows; 0 and negative ones are times (fivetran.md 2.4) */
    weir_rc rc = ft_table_find(w, view_of(m->table_name), &found, &t);
    if (rc || !found)
        return rc;
    rc = check_columns(w, m, &t);
    if (!rc && time && (time->nanos < 0 || time->nanos > 999999999 || !ft_instant_of(time->seconds, (uint32_t)time->nanos, w->a, &before)))
        rc = w->a->failed ? nomem(w) : weir_fail(w->t, WEIR_E_PROTOCOL, "utc_delete_before is not of the years 0 to 9999");
    if (rc)
        return rc;
    ft_sql_truncate(&w->sql, t.name, view_of(time ? m->synced_column : NULL), view_of(m->soft ? m->soft->deleted_column : NULL));
    return weir_wrap(w->t, ft_run(w, &before, time ? 1 : 0), "table '%s'", m->table_name);
}
