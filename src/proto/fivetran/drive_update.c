#include "proto/fivetran/drive_update.h"

#include <stdlib.h>

#include "json/patch.h"
#include "json/write.h"
#include "proto/flowdoc.h"

enum { COLUMNS_MAX = 10000 /* of a table */, TABLES_MAX = 100000 /* of a connector, bound or not */ };

/* ---- tables ---- */

static weir_rc make_reading(ft_pull *p, ft_pulled *x)
{
    ft_reading_free(x->reading);
    x->reading = ft_reading_new(&x->t);
    x->keys = arena_array(&p->a, x->t.count, sizeof *x->keys);
    x->key_count = 0;
    for (size_t i = 0; x->keys && i < x->t.count; i++)
        if (x->t.columns[i].key)
            x->keys[x->key_count++] = i;
    return x->reading && x->keys ? WEIR_OK : err_nomem(task_error(p->t));
}

/* Room for one column more. */
static weir_rc grow(ft_pull *p, ft_pulled *x)
{
    if (x->t.count < x->room)
        return WEIR_OK;
    size_t room = 2 * x->room + 8;
    ft_column *columns = arena_array(&p->a, room, sizeof *columns);
    uint32_t *types = arena_array(&p->a, room, sizeof *types), *told = arena_array(&p->a, room, sizeof *told);
    if (!columns || !types || !told)
        return err_nomem(task_error(p->t));
    for (size_t i = 0; i < x->t.count; i++) {
        columns[i] = x->t.columns[i];
        types[i] = x->types ? x->types[i] : 0;
        told[i] = x->told ? x->told[i] : 0;
    }
    x->t.columns = columns;
    x->types = types;
    x->told = told;
    x->room = room;
    return WEIR_OK;
}

static weir_rc add_column(ft_pull *p, ft_pulled *x, ft_column c)
{
    if (x->t.count >= COLUMNS_MAX)
        return err_fail(task_error(p->t), WEIR_E_PROTOCOL, "table '%.*s' has more than %d columns", VIEW_ARG(x->t.name), COLUMNS_MAX);
    weir_rc rc = grow(p, x);
    c.name = arena_dup(&p->a, c.name);
    if (rc || !c.name.ptr)
        return rc ? rc : err_nomem(task_error(p->t));
    x->t.columns[x->t.count++] = c;
    x->changed = true;
    return WEIR_OK;
}

static bool has_key(const ft_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->columns[i].key)
            return true;
    return false;
}

static bool has_types(const ft_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->columns[i].type)
            return true;
    return false;
}

weir_rc ft_pull_table(ft_pull *p, ft_pulled *x, const ft_table *t, const weir_binding *b)
{
    const bool flow = p->r->d->o.flow_documents;
    *x = (ft_pulled){.b = b, .t = {.schema = t->schema, .name = t->name}, .next_row = x->next_row};
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < t->count && !rc; i++)
        rc = add_column(p, x, t->columns[i]);
    x->changed = flow && has_types(t); /* elsewhere who reads has them from discovery */
    x->keyed = has_key(t) || (p->schema.unknown && b && b->key.len > 2 && !view_is(b->key, FLOWDOC_KEY));
    x->counted = flow && !x->keyed;
    if (!rc)
        rc = make_reading(p, x);
    weir_view key = rc ? (weir_view){0} : ft_table_key(&p->a, t->schema, t->name);
    if (!rc && key.ptr && map_get(&p->tables, key))
        rc = err_fail(task_error(p->t), WEIR_E_CONFIG, "table '%.*s' is captured twice", VIEW_ARG(t->name));
    if (!rc && (!key.ptr || !map_put(&p->tables, key, x)))
        rc = err_nomem(task_error(p->t));
    if (rc) {
        ft_reading_free(x->reading);
        x->reading = NULL;
    }
    return rc;
}

void ft_pull_free(ft_pull *p)
{
    for (size_t i = 0; i < p->tables.count; i++)
        ft_reading_free(((ft_pulled *)p->tables.entries[i].value)->reading);
    map_free(&p->tables);
    buf_free(&p->doc);
    buf_free(&p->head);
    buf_wipe(&p->text);
    arena_free(&p->a);
}

static ft_pulled *find_table(ft_pull *p, const ft_record *r)
{
    ft_pulled *x = p->last;
    if (__builtin_expect(x && view_eq(x->t.name, r->table) && view_eq(x->t.schema, r->schema), 1))
        return x;
    buf_clear(&p->text);
    buf_addv(&p->text, r->schema);
    buf_addc(&p->text, '\0');
    buf_addv(&p->text, r->table);
    x = buf_ok(&p->text) ? map_get(&p->tables, buf_view(&p->text)) : NULL;
    if (!x && p->tables.count >= TABLES_MAX) {
        weir_fail(p->t, WEIR_E_PROTOCOL, "records of more than %d tables", TABLES_MAX);
        return NULL;
    }
    if (!x && buf_ok(&p->text)) { /* nobody has spoken of it */
        const ft_table named = {.schema = arena_dup(&p->a, r->schema), .name = arena_dup(&p->a, r->table)};
        x = arena_alloc(&p->a, sizeof *x);
        if (x)
            *x = (ft_pulled){0};
        if (!x || !named.schema.ptr || !named.name.ptr || ft_pull_table(p, x, &named, NULL))
            return NULL;
    }
    if (x)
        p->last = x;
    return x;
}

static weir_rc not_found(ft_pull *p) { return task_error(p->t)->rc ? task_error(p->t)->rc : err_nomem(task_error(p->t)); }

/* ---- schemas ---- */

/* The type of what was seen; null is no type. */
static ft_type type_seen(uint32_t seen)
{
    ft_type type = FT_UNSPECIFIED;
    for (int i = FT_UNSPECIFIED + 1; i < FT_TYPES; i++)
        if (seen & 1u << i)
            type = type ? ft_type_join(type, (ft_type)i) : (ft_type)i;
    return type;
}

/* Is there anything new to say? */
static bool is_news(const ft_pulled *x)
{
    if (!x->touched && !x->changed)
        return false;
    for (size_t i = 0; i < x->t.count; i++)
        if (x->t.columns[i].type == FT_UNSPECIFIED && (x->types[i] & ~1u) != (x->told[i] & ~1u))
            return true;
    return x->changed;
}

/* The columns as they are known now: those whose type nobody has told have the one of their values. Flow unites what it is told, and a column of any type would
 * stay one: those without values are left out there.
 */
static bool columns_known(ft_pull *p, ft_pulled *x, ft_table *ret)
{
    *ret = (ft_table){.columns = arena_array(&p->a, x->t.count, sizeof *ret->columns)};
    for (size_t i = 0; ret->columns && i < x->t.count; i++) {
        ft_column c = x->t.columns[i];
        if (!c.type)
            c.type = type_seen(x->types[i]);
        x->told[i] = x->types[i];
        if (c.type || !p->r->d->o.flow_documents)
            ret->columns[ret->count++] = c;
    }
    return ret->columns;
}

/* What is known of a table now. */
static weir_rc tell_schema(ft_pull *p, ft_pulled *x)
{
    buf plain = {0}, whole = {0};
    ft_table known;
    if (!columns_known(p, x, &known))
        return err_nomem(task_error(p->t));
    x->changed = false;
    ft_schema_of_columns(&known, &plain);
    const weir_view more = !p->r->d->o.flow_documents ? VIEW("{\"additionalProperties\":false}")
                           : x->counted ? VIEW("{\"additionalProperties\":false,\"properties\":{\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":{\"type\":"
                                               "\"integer\"}},\"required\":[\"row_id\"],\"additionalProperties\":false}}}")
                                        : VIEW("{\"additionalProperties\":false,\"properties\":{\"_meta\":{\"type\":\"object\",\"properties\":{\"op\":{\"type\":"
                                               "\"string\"}},\"additionalProperties\":false}}}");
    bool ok = buf_ok(&plain) && patch_apply(&whole, buf_view(&plain), more);
    weir_rc rc = ok ? weir_sourced_schema(p->t, x->b, buf_view(&whole)) : err_nomem(task_error(p->t));
    buf_free(&plain);
    buf_free(&whole);
    return rc;
}

static weir_rc tell_news(ft_pull *p, bool *ret_any)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < p->count && !rc; i++) {
        if (!is_news(&p->bound[i]))
            continue;
        *ret_any = true;
        rc = tell_schema(p, &p->bound[i]);
    }
    return rc;
}

weir_rc ft_pull_tell(ft_pull *p)
{
    bool any = false;
    weir_rc rc = p->r->d->o.flow_documents ? tell_news(p, &any) : WEIR_OK;
    return rc || !any ? rc : task_checkpoint_raw(p->t, VIEW("{}"), true);
}

/* Takes what a column is now. @return is that new? */
static bool change_column(ft_column *had, const ft_column *now)
{
    const ft_column was = *had;
    *had = *now;
    had->name = was.name;
    return was.type != now->type || was.key != now->key || was.precision != now->precision || was.scale != now->scale || was.length != now->length;
}

/* The table is described anew: columns are added, types change; one that is not named any more stays, for rows that have it may be on their way. */
static weir_rc change_table(ft_pull *p, ft_pulled *x, const ft_table *now)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < now->count && !rc; i++) {
        ft_column *had = NULL;
        for (size_t k = 0; k < x->t.count && !had; k++)
            had = view_eq(x->t.columns[k].name, now->columns[i].name) ? &x->t.columns[k] : NULL;
        if (had)
            x->changed |= change_column(had, &now->columns[i]);
        else
            rc = add_column(p, x, now->columns[i]);
    }
    return rc ? rc : make_reading(p, x);
}

static weir_rc change_named(ft_pull *p, arena *a, const char *schema, const FivetranSdk__V2__Table *m)
{
    ft_table now;
    if (!ft_table_take(a, schema, m, &now))
        return err_nomem(task_error(p->t));
    ft_pulled *x = find_table(p, &(ft_record){.schema = now.schema, .table = now.name});
    return x ? change_table(p, x, &now) : not_found(p);
}

static weir_rc on_schema_change(ft_pull *p, weir_view body)
{
    err *e = task_error(p->t);
    arena a = {0};
    ProtobufCMessage *message;
    weir_rc rc = ft_unpack(&a, &fivetran_sdk__v2__schema_change__descriptor, body, &message, e);
    const FivetranSdk__V2__SchemaChange *m = rc ? NULL : (const FivetranSdk__V2__SchemaChange *)(const void *)message;
    if (m && m->change_case == FIVETRAN_SDK__V2__SCHEMA_CHANGE__CHANGE_WITH_SCHEMA)
        for (size_t i = 0; i < m->with_schema->n_schemas && !rc; i++)
            for (size_t k = 0; k < m->with_schema->schemas[i]->n_tables && !rc; k++)
                rc = change_named(p, &a, m->with_schema->schemas[i]->name, m->with_schema->schemas[i]->tables[k]);
    if (m && m->change_case == FIVETRAN_SDK__V2__SCHEMA_CHANGE__CHANGE_WITHOUT_SCHEMA)
        for (size_t i = 0; i < m->without_schema->n_tables && !rc; i++)
            rc = change_named(p, &a, "", m->without_schema->tables[i]);
    arena_free(&a);
    return rc;
}

/* ---- records ---- */

static void warn_once(ft_pull *p, ft_pulled *x, const char *what)
{
    const weir_view schema = x->t.schema;
    if (!x->warned)
        weir_log(p->t, WEIR_WARN, "table '%.*s'%s%.*s%s: %s", VIEW_ARG(x->t.name), schema.len ? " of schema '" : "", VIEW_ARG(schema), schema.len ? "'" : "", what);
    x->warned = true;
}

static bool is_left_out(ft_pull *p, ft_pulled *x, ft_op op)
{
    if (__builtin_expect(!x->b, 0)) {
        if (!x->left_out && !ft_schema_find(&p->schema, x->t.schema, x->t.name))
            warn_once(p, x, "the connector has not named it, so no binding is meant: its records are left out");
        x->left_out++;
        return true;
    }
    if (__builtin_expect(!x->keyed && (op == FT_UPDATE || op == FT_DELETE), 0)) {
        warn_once(p, x, "it has no key, so updates and deletions of its rows mean nothing: they are left out");
        x->left_out++;
        return true;
    }
    return false;
}

/* All of a record that nobody has spoken of, in its order. */
static weir_rc add_unknown(ft_pull *p, ft_pulled *x, const ft_record *r)
{
    err *e = task_error(p->t);
    map names = {0};
    weir_view name;
    ft_value value;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < x->t.count && !rc; i++)
        rc = map_put(&names, x->t.columns[i].name, p) ? WEIR_OK : err_nomem(e);
    for (size_t at = 0; !rc && !(rc = ft_next_value(r, &at, &name, &value, e));) {
        if (map_get(&names, name))
            continue;
        rc = add_column(p, x, (ft_column){.name = name});
        if (!rc && !map_put(&names, x->t.columns[x->t.count - 1].name, p))
            rc = err_nomem(e);
    }
    map_free(&names);
    return rc == WEIR_STOPPED ? make_reading(p, x) : rc;
}

/* Columns that nobody has spoken of are added, and looked at once more, for their types. */
static weir_rc make_document(ft_pull *p, ft_pulled *x, const ft_record *r)
{
    for (;;) {
        weir_view unknown;
        buf_clear(&p->doc);
        weir_rc rc = ft_row_json(x->reading, r, &p->doc, x->types, &unknown, task_error(p->t));
        if (__builtin_expect(rc || !unknown.len, 1))
            return rc;
        rc = add_unknown(p, x, r);
        if (rc)
            return rc;
    }
}

/* Whoever has no key would never be found again; one that is left out is told by who keeps the rows. */
static weir_rc check_key(ft_pull *p, const ft_pulled *x)
{
    for (size_t i = 0; i < x->key_count; i++)
        if (x->types[x->keys[i]] & 1u << FT_UNSPECIFIED)
            return weir_fail(p->t, WEIR_E_PROTOCOL, "table '%.*s': a record whose key column '%.*s' is null", VIEW_ARG(x->t.name),
                             VIEW_ARG(x->t.columns[x->keys[i]].name));
    return WEIR_OK;
}

static weir_rc emit(ft_pull *p, ft_pulled *x, ft_op op)
{
    static const weir_op ops[] = {[FT_UPSERT] = WEIR_UPSERT, [FT_UPDATE] = WEIR_UPDATE, [FT_DELETE] = WEIR_DELETE};
    x->touched = true;
    if (!x->counted)
        return op == FT_UPSERT ? task_emit_scanned(p->t, x->b, buf_view(&p->doc), false) : weir_emit(p->t, x->b, ops[op], buf_view(&p->doc));
    weir_view rest;
    weir_rc rc = flowdoc_split(&p->head, buf_view(&p->doc), false, x->next_row, false, &rest, task_error(p->t));
    if (rc)
        return rc;
    x->next_row++;
    return task_emit_pieces(p->t, x->b, buf_view(&p->head), rest, false);
}

static weir_rc on_record(ft_pull *p, const ft_record *r)
{
    ft_pulled *x = find_table(p, r);
    if (!x)
        return not_found(p);
    if (is_left_out(p, x, r->op))
        return WEIR_OK;
    p->unsealed++;
    if (r->op == FT_TRUNCATE)
        return weir_truncate(p->t, x->b);
    weir_rc rc = make_document(p, x, r);
    if (!rc && x->keyed)
        rc = check_key(p, x);
    return rc ? rc : emit(p, x, r->op);
}

static weir_rc on_records(ft_pull *p, const ft_update *u)
{
    err *e = task_error(p->t);
    ft_record r;
    for (size_t at = 0;;) {
        weir_rc rc = ft_next_record(u, &at, &r, e);
        if (rc == WEIR_STOPPED)
            return WEIR_OK;
        if (!rc)
            rc = on_record(p, &r);
        if (rc)
            return rc;
    }
}

/* ---- what else comes ---- */

/* What the connector says is kept to the letter: its state may be any text. */
static weir_rc on_checkpoint(ft_pull *p, weir_view state)
{
    bool counts = false, any = false;
    weir_rc rc = tell_news(p, &any);
    if (rc)
        return rc;
    for (size_t i = 0; i < p->count; i++) {
        counts |= p->bound[i].counted;
        p->bound[i].touched = false;
    }
    buf_clear(&p->text);
    json_out w = json_out_to(&p->text);
    out_open(&w, '{');
    out_text(out_name(&w, FT_STATE), state);
    if (counts)
        out_open(out_name(&w, FT_ROWS), '{');
    for (size_t i = 0; i < p->count && counts; i++)
        if (p->bound[i].counted)
            out_int(out_namev(&w, p->bound[i].b->state_key), (int64_t)p->bound[i].next_row);
    if (counts)
        out_close(&w, '}');
    out_close(&w, '}');
    p->unsealed = 0;
    return buf_ok(&p->text) ? task_checkpoint_raw(p->t, buf_view(&p->text), false) : err_nomem(task_error(p->t));
}

weir_rc ft_pull_look(ft_pull *p, weir_view message, bool *ret_checkpoint)
{
    err *e = task_error(p->t);
    ft_update u;
    ft_record r;
    weir_rc rc = ft_read_update(message, &u, e);
    *ret_checkpoint = !rc && u.kind == FT_CHECKPOINT;
    if (!rc && u.kind == FT_SCHEMA_CHANGE)
        return on_schema_change(p, u.body);
    if (rc || (u.kind != FT_RECORD && u.kind != FT_RECORDS))
        return rc;
    for (size_t at = 0; !(rc = ft_next_record(&u, &at, &r, e));) {
        ft_pulled *x = find_table(p, &r);
        rc = !x ? not_found(p) : r.op == FT_TRUNCATE ? WEIR_OK : make_document(p, x, &r);
        p->unsealed++;
        if (rc)
            return rc;
    }
    return rc == WEIR_STOPPED ? WEIR_OK : rc;
}

weir_rc ft_pull_seen(ft_pull *p, ft_schema *ret)
{
    *ret = (ft_schema){.tables = arena_array(&p->a, p->tables.count, sizeof *ret->tables), .unknown = true};
    for (size_t i = 0; ret->tables && i < p->tables.count; i++) {
        ft_pulled *x = p->tables.entries[i].value;
        for (size_t k = 0; k < x->t.count; k++)
            if (!x->t.columns[k].type)
                x->t.columns[k].type = type_seen(x->types[k]);
        ret->with_schemas |= x->t.schema.len > 0;
        ret->tables[ret->count++] = x->t;
    }
    return ret->tables ? WEIR_OK : err_nomem(task_error(p->t));
}

weir_rc ft_pull_message(ft_pull *p, weir_view message)
{
    err *e = task_error(p->t);
    ft_update u;
    p->messages++;
    weir_rc rc = ft_read_update(message, &u, e);
    if (rc)
        return rc;
    switch (u.kind) {
    case FT_RECORD:
    case FT_RECORDS:
        return on_records(p, &u);
    case FT_CHECKPOINT:
        return on_checkpoint(p, u.body);
    case FT_SCHEMA_CHANGE:
        rc = on_schema_change(p, u.body);
        return rc || p->unsealed ? rc : ft_pull_tell(p);
    case FT_WARNING:
        weir_log(p->t, WEIR_WARN, "%.*s", VIEW_ARG(u.body));
        return WEIR_OK;
    case FT_TASK:
        return weir_fail(p->t, WEIR_E_CONFIG, "the connector asks for something to be done: %.*s", VIEW_ARG(u.body));
    default:
        return WEIR_OK; /* of a kind that we do not know */
    }
}
