#include "look.h"

#include <stdlib.h>
#include <string.h>

static const resource *of(const weir_binding *b) { return b->resource; }

bool pg_look_is_delta(const weir_binding *b) { return b->delta_updates || of(b)->delta_updates; }

const char *pg_look_schema(const pg *d, const weir_binding *b)
{
    return of(b)->schema && *of(b)->schema ? of(b)->schema : d->s->schema;
}

size_t pg_look_keys(const weir_binding *b) { return pg_look_is_delta(b) ? 0 : b->key_count; }

static bool same(weir_view a, weir_view b) { return a.len && a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0; }

bool pg_look_exact(const weir_binding *b, size_t at)
{
    return at < pg_look_keys(b) || same(b->columns[at].pointer, b->cursor) || same(b->columns[at].pointer, b->epoch);
}

/* ----------------------------------------------------------------------------------------------------------------- names -- */

/* FNV-1a: the same name for the same field, whoever makes it. */
static uint32_t hash(const char *text, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * 16777619u;
    return h;
}

/* PostgreSQL would cut a name silently, and two could become one. */
static const char *folded(weir_task *t, const char *text, size_t len)
{
    size_t kept = len < PG_NAME_MAX - 9 ? len : PG_NAME_MAX - 9;
    while (kept && kept < len && ((unsigned char)text[kept] & 0xc0) == 0x80)
        kept--;
    return weir_format(t, "%.*s_%08x", (int)kept, text, (unsigned)hash(text, len)).ptr;
}

static bool is_system_column(const char *text, size_t len)
{
    static const char *const names[] = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0)
            return true;
    return false;
}

static const char *column_name(weir_task *t, weir_view field)
{
    const char *text = field.len ? field.ptr : "";
    if (field.len == 0 || field.len > PG_NAME_MAX || is_system_column(text, field.len))
        return folded(t, text, field.len);
    return weir_format(t, "%.*s", (int)field.len, text).ptr;
}

static bool is_ours(const pg *d, const char *schema, const char *name)
{
    return strcmp(schema, d->s->schema) == 0 && (strcmp(name, "weir_checkpoints") == 0 || strcmp(name, "weir_tables") == 0);
}

/* Platforms that push cannot rename their streams. */
static const char *table_name(fitting *f)
{
    const char *name = of(f->b)->table;
    size_t len = strlen(name);
    return f->b->pushed && (!len || len > PG_NAME_MAX || is_ours(f->d, f->schema, name)) ? folded(f->t, name, len) : name;
}

static weir_rc name_columns(fitting *f)
{
    f->names = pg_zeroed(f->t, f->b->column_count, sizeof *f->names);
    for (size_t i = 0; f->names && i < f->b->column_count; i++)
        if (!(f->names[i] = column_name(f->t, f->b->columns[i].field)))
            return pg_nomem(f->t);
    return f->names ? WEIR_OK : pg_nomem(f->t);
}

/* --------------------------------------------------------------------------------------------------------------- looking -- */

static const char *kept(weir_task *t, const PGresult *r, int row, int field)
{
    return weir_format(t, "%s", PQgetvalue(r, row, field)).ptr;
}

static weir_rc look_for_table(fitting *f)
{
    PGresult *r = NULL;
    const char *const texts[] = {f->schema, f->name};
    weir_rc rc = pg_query(f->t, f->d, "SELECT c.relkind, (SELECT conname FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p') FROM pg_class c"
                                      " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2", texts, 2, &r);
    if (rc)
        return rc;
    f->exists = PQntuples(r) > 0;
    f->kind = f->exists ? *PQgetvalue(r, 0, 0) : 'r';
    f->key_name = f->exists && !PQgetisnull(r, 0, 1) ? kept(f->t, r, 0, 1) : NULL;
    PQclear(r);
    return WEIR_OK;
}

weir_rc pg_look_columns(fitting *f)
{
    PGresult *r = NULL;
    const char *const texts[] = {f->schema, f->name};
    weir_rc rc = pg_query(f->t, f->d,
        "SELECT a.attname, t.typname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated <> '', a.atthasdef OR a.attidentity <> '',"
        " coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0), t.typnamespace = 'pg_catalog'::regnamespace FROM pg_attribute a"
        " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid"
        " LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
        " WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum", texts, 2, &r);
    if (rc)
        return rc;
    f->had_count = (size_t)PQntuples(r);
    f->had = pg_zeroed(f->t, f->had_count, sizeof *f->had);
    bool ok = f->had != NULL;
    for (size_t i = 0; ok && i < f->had_count; i++) {
        int row = (int)i;
        bool known = *PQgetvalue(r, row, 7) == 't';
        f->had[i] = (existing){.name = kept(f->t, r, row, 0), .sql_type = kept(f->t, r, row, 2), .type = known ? pg_type_of(PQgetvalue(r, row, 1)) : PG_OTHER,
                               .not_null = *PQgetvalue(r, row, 3) == 't', .generated = *PQgetvalue(r, row, 4) == 't',
                               .filled = *PQgetvalue(r, row, 5) == 't', .key = atoi(PQgetvalue(r, row, 6))};
        ok = f->had[i].name && f->had[i].sql_type;
    }
    PQclear(r);
    return ok ? WEIR_OK : pg_nomem(f->t);
}

static weir_rc read_record(fitting *f)
{
    PGresult *r = NULL;
    bool there = false;
    const char *const texts[] = {f->schema, f->name}, *own = pg_own(f->t, f->d, "weir_tables");
    weir_rc rc = own ? pg_has_own(f->t, f->d, &there) : pg_nomem(f->t);
    if (rc || !there)
        return rc;
    rc = pg_query(f->t, f->d, weir_format(f->t, "SELECT backfill, task FROM %s WHERE schema_name = $1 AND table_name = $2", own).ptr, texts, 2, &r);
    if (rc)
        return rc;
    f->known = PQntuples(r) > 0;
    f->backfill = f->known ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : 0;
    f->made_by = f->known ? kept(f->t, r, 0, 1) : "";
    PQclear(r);
    return f->d->task_name[0] ? pg_has_checkpoint(f->t, f->d, &f->checkpoint) : WEIR_OK;
}

weir_rc pg_look_at(fitting *f)
{
    f->schema = pg_look_schema(f->d, f->b);
    f->name = table_name(f);
    f->quoted = f->name ? pg_table(f->t, f->schema, f->name) : NULL;
    weir_rc rc = f->quoted ? look_for_table(f) : pg_nomem(f->t);
    if (!rc && f->exists)
        rc = pg_look_columns(f);
    if (!rc)
        rc = read_record(f);
    return rc ? rc : name_columns(f);
}

const existing *pg_look_column(const fitting *f, const char *name)
{
    for (size_t i = 0; i < f->had_count; i++)
        if (strcmp(f->had[i].name, name) == 0)
            return &f->had[i];
    return NULL;
}

/* -------------------------------------------------------------------------------------------------------------- checking -- */

bool pg_look_same_key(const fitting *f)
{
    size_t keys = 0;
    for (size_t i = 0; i < f->had_count; i++)
        keys += f->had[i].key > 0;
    bool fits = keys == pg_look_keys(f->b);
    for (size_t i = 0; fits && i < keys; i++) {
        const existing *x = pg_look_column(f, f->names[i]);
        fits = x && x->key == (int)i + 1;
    }
    return fits;
}

bool pg_look_starts_over(const fitting *f) { return f->known && f->b->backfill > f->backfill; }

/* A column of somebody else's that wants a value which we do not have. */
static const existing *demanding(const fitting *f)
{
    for (size_t i = 0; i < f->had_count; i++)
        if (f->had[i].generated)
            for (size_t k = 0; k < f->b->column_count; k++)
                if (strcmp(f->names[k], f->had[i].name) == 0)
                    return &f->had[i];
    return NULL;
}

const char *pg_look_obstacle(const fitting *f)
{
    if (f->exists && f->kind != 'r' && f->kind != 'p')
        return "is no table: choose another name";
    if (f->exists && !f->known)
        return "was not made by this connector: choose another name, or drop it if it is not needed";
    if (demanding(f))
        return "has a generated column with the name of a field: drop that column first";
    if (f->b->pushed)
        return NULL;
    if (f->known && !f->exists && !pg_look_starts_over(f) && f->checkpoint)
        return "is gone, but what was loaded into it would not be read again: raise the binding's `backfill` to fill it anew";
    if (f->exists && !pg_look_starts_over(f) && !pg_look_same_key(f))
        return "has another key than the collection: raise the binding's `backfill` to empty the table and load it anew";
    return NULL;
}

const char *pg_look_fault(weir_task *t, const pg *d, const weir_binding *b)
{
    const char *name = of(b)->table, *schema = pg_look_schema(d, b);
    (void)t;
    if (!b->pushed && (!*name || strlen(name) > PG_NAME_MAX))
        return "has a name that is empty, or longer than the 63 bytes that PostgreSQL keeps of one";
    if (strlen(schema) > PG_NAME_MAX)
        return "is in a schema whose name is longer than the 63 bytes that PostgreSQL keeps of one";
    if (strncmp(schema, "pg_", 3) == 0 || strcmp(schema, "information_schema") == 0)
        return "is in a schema that belongs to PostgreSQL";
    if (!b->pushed && is_ours(d, schema, name))
        return "is a table of this connector's own: choose another name";
    if (b->column_count == 0)
        return "would have no columns: select some fields";
    if (b->key_count == 0 && !pg_look_is_delta(b))
        return "needs a key: the collection has none, so only `delta_updates` can load it";
    if (b->key_count > 32 && !pg_look_is_delta(b))
        return "would have a key of more than the 32 columns that PostgreSQL allows";
    for (size_t i = 0; i < b->column_count; i++)
        if (b->columns[i].field.len && memchr(b->columns[i].field.ptr, 0, b->columns[i].field.len))
            return "cannot have a column whose name holds a NUL";
    return NULL;
}

bool pg_table_named_before(const pg *d, const weir_binding *bindings, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(of(&bindings[i])->table, of(&bindings[at])->table) == 0 &&
            strcmp(pg_look_schema(d, &bindings[i]), pg_look_schema(d, &bindings[at])) == 0)
            return true;
    return false;
}

/* ------------------------------------------------------------------------------------------------------------- validating -- */

/* A table has room for so many columns: of those that nobody asked for by name the last ones are left out. */
static weir_rc constrain_count(weir_task *t, const weir_binding *b)
{
    size_t over = b->column_count > PG_COLUMNS_MAX ? b->column_count - PG_COLUMNS_MAX : 0;
    weir_rc rc = WEIR_OK;
    for (size_t i = b->column_count; !rc && over && i-- > 0;) {
        const weir_column *c = &b->columns[i];
        if (c->key || c->required || c->named)
            continue;
        rc = weir_constrain(t, b, c, WEIR_COLUMN_FORBIDDEN, (weir_view)WEIR_LIT("a table of PostgreSQL has 1,600 columns at most"));
        over--;
    }
    return rc;
}

/* What a column becomes, where that is not what the settings and the schema say. */
static weir_rc constrain_column(fitting *f, size_t at)
{
    const weir_column *c = &f->b->columns[at];
    const existing *had = pg_look_column(f, f->names[at]);
    bool kept = !had || had->type == PG_OTHER || pg_type_join(had->type, pg_type_wanted(c, pg_look_exact(f->b, at))) == had->type;
    size_t len = strlen(f->names[at]);
    weir_rc rc = WEIR_OK;
    if (len != c->field.len || memcmp(f->names[at], c->field.ptr, len) != 0)
        rc = weir_fold(f->t, f->b, c, (weir_view){f->names[at], len});
    if (!rc && !kept && at >= pg_look_keys(f->b) && c->types != WEIR_IS_NULL)
        rc = weir_constrain(f->t, f->b, c, WEIR_COLUMN_RECOMMENDED, weir_format(f->t, "its column of type %s will be widened", had->sql_type));
    return rc;
}

static weir_rc constrain(fitting *f)
{
    weir_rc rc = constrain_count(f->t, f->b);
    for (size_t i = 0; !rc && i < f->b->column_count; i++)
        rc = constrain_column(f, i);
    return rc;
}

static weir_rc validate_one(weir_task *t, pg *d, const weir_binding *bindings, size_t i)
{
    const weir_binding *b = &bindings[i];
    fitting f = {.t = t, .d = d, .b = b, .name = of(b)->table};
    const char *problem = pg_look_fault(t, d, b);
    if (!problem && pg_table_named_before(d, bindings, i))
        problem = "is named by another binding too";
    weir_rc rc = problem ? WEIR_OK : pg_look_at(&f);
    if (!rc && !problem)
        problem = pg_look_obstacle(&f);
    if (problem)
        weir_problem(t, b, "table \"%s\" %s", f.name, problem);
    if (!rc && !problem)
        rc = constrain(&f);
    if (!rc && pg_look_is_delta(b))
        rc = weir_delta_updates(t, b);
    return rc;
}

weir_rc pg_table_validate(weir_task *t, pg *d, const weir_binding *bindings, size_t count)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < count; i++)
        rc = validate_one(t, d, bindings, i);
    return rc;
}
