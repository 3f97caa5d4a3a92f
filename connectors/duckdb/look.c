#include "look.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "run.h"

static const duck_resource *resource_of(const weir_binding *b) { return b->resource; }

bool duck_look_is_delta(const weir_binding *b) { return b->delta_updates || resource_of(b)->delta_updates; }

size_t duck_look_key_count(const weir_binding *b) { return duck_look_is_delta(b) ? 0 : b->key_count; }

duck_fitting duck_look_begin(weir_task *t, duck_loader *l, const weir_binding *b)
{
    const duck_resource *r = resource_of(b);
    const char *schema = r->schema && r->schema[0] ? r->schema : "main";
    return (duck_fitting){.t = t, .l = l, .b = b, .schema = schema, .asked = r->table, .name = r->table};
}

static bool is_ours(const char *schema, const char *name)
{
    static const char *const ours[] = {"weir_checkpoints", "weir_tables", "weir_columns"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcasecmp(schema, "main") == 0 && strcasecmp(name, ours[i]) == 0)
            return true;
    return false;
}

/* ------------------------------------------------------------------------------------------------------------- queries -- */

static weir_sql_value text_value(const char *text) { return (weir_sql_value){.type = WEIR_SQL_TEXT, .text = {text, strlen(text)}}; }

static const char *copy(weir_task *t, weir_view v) { return weir_format(t, "%.*s", (int)v.len, v.ptr ? v.ptr : "").ptr; }

static weir_rc ask(duck_fitting *f, const char *sql, const char *third, weir_rc (*row)(weir_task *, void *, const weir_sql_value *, size_t))
{
    const weir_sql_value values[] = {text_value(f->schema), text_value(f->name), text_value(third ? third : "")};
    return duck_query(f->t, f->l, sql, values, third ? 3 : 2, row, f);
}

static weir_rc one_column(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    duck_fitting *f = arg;
    enum { STEP = 64 };
    (void)count;
    if (f->had_count % STEP == 0) {
        duck_existing *more = weir_alloc(t, (f->had_count + STEP) * sizeof *more);
        if (!more)
            return duck_nomem(t);
        if (f->had_count)
            memcpy(more, f->had, f->had_count * sizeof *more);
        f->had = more;
    }
    duck_existing *x = &f->had[f->had_count++];
    *x = (duck_existing){.name = copy(t, v[0].text), .shown = copy(t, v[1].text), .type = duck_type_parse(v[1].text), .not_null = v[2].integer == 0};
    return x->name && x->shown ? WEIR_OK : duck_nomem(t);
}

weir_rc duck_look_columns(duck_fitting *f)
{
    f->had_count = 0;
    return ask(f,
               "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE database_name = current_database() AND "
               "lower(schema_name) = lower(?) AND lower(table_name) = lower(?) ORDER BY column_index",
               NULL, one_column);
}

static weir_rc note_view(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    (void)t, (void)v, (void)count;
    ((duck_fitting *)arg)->view = true;
    return WEIR_OK;
}

static weir_rc look_for_view(duck_fitting *f)
{
    return ask(f,
               "SELECT 1 FROM duckdb_views() WHERE database_name = current_database() AND lower(schema_name) = lower(?) AND "
               "lower(view_name) = lower(?)",
               NULL, note_view);
}

static weir_rc note_record(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    duck_fitting *f = arg;
    (void)count;
    f->known = true;
    f->backfill = v[0].integer;
    f->task = copy(t, v[1].text);
    f->keys = copy(t, v[2].text);
    return f->task && f->keys ? WEIR_OK : duck_nomem(t);
}

static weir_rc note_there(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    (void)t, (void)v, (void)count;
    *(bool *)arg = true;
    return WEIR_OK;
}

static weir_rc have_records(duck_fitting *f, bool *ret)
{
    *ret = false;
    return duck_query(f->t, f->l,
                      "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main' AND table_name = 'weir_tables'", NULL, 0,
                      note_there, ret);
}

static void tell_maker(const duck_fitting *f)
{
    if (!f->quiet && f->had_count && f->task[0] && f->l->task_name[0] && strcmp(f->task, f->l->task_name) != 0)
        weir_log(f->t, WEIR_WARN, "table \"%s\" was made by task \"%s\": both write to it now", f->name, f->task);
}

static weir_rc read_record(duck_fitting *f)
{
    weir_rc rc = ask(f, "SELECT backfill, task, keys FROM main.weir_tables WHERE lower(schema_name) = lower(?) AND lower(table_name) = lower(?)", NULL,
                     note_record);
    if (!rc && f->known)
        tell_maker(f);
    return rc;
}

/* --------------------------------------------------------------------------------------------------------- table names -- */

static weir_rc note_name(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    (void)count;
    *(const char **)arg = copy(t, v[0].text);
    return *(const char **)arg ? WEIR_OK : duck_nomem(t);
}

static weir_rc name_of(duck_fitting *f, const char *sql, const char *name, const char **ret)
{
    const weir_sql_value values[] = {text_value(f->schema), text_value(name)};
    *ret = NULL;
    return duck_query(f->t, f->l, sql, values, 2, note_name, ret);
}

/* Platforms that push have streams called Users and users, or none at all, and cannot rename them: each gets a table, and keeps it. */
static weir_rc name_table(duck_fitting *f)
{
    const char *found, *base = !f->asked[0] || is_ours(f->schema, f->asked) ? weir_format(f->t, "_%s", f->asked).ptr : f->asked;
    weir_rc rc = name_of(f, "SELECT table_name FROM main.weir_tables WHERE lower(schema_name) = lower(?) AND asked = ?", f->asked, &found);
    if (rc || found) {
        f->name = found;
        return rc;
    }
    f->name = base;
    for (int n = 2; f->name; n++) {
        rc = name_of(f, "SELECT asked FROM main.weir_tables WHERE lower(schema_name) = lower(?) AND lower(table_name) = lower(?)", f->name, &found);
        if (rc || !found)
            break;
        f->name = weir_format(f->t, "%s_%d", base, n).ptr;
    }
    if (!rc && f->name && strcmp(f->name, f->asked) != 0 && !f->quiet)
        weir_log(f->t, WEIR_WARN, "DuckDB cannot have a table \"%s\" here: the stream goes into \"%s\"", f->asked, f->name);
    return rc || f->name ? rc : duck_nomem(f->t);
}

/* -------------------------------------------------------------------------------------------------------- column names -- */

static weir_rc note_column(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    duck_fitting *f = arg;
    (void)count;
    for (size_t i = 0; i < f->b->column_count; i++) {
        weir_view field = f->b->columns[i].field;
        if (field.len == v[0].text.len && (!field.len || memcmp(field.ptr, v[0].text.ptr, field.len) == 0)) {
            f->names[i] = copy(t, v[1].text);
            return f->names[i] ? WEIR_OK : duck_nomem(t);
        }
    }
    return WEIR_OK;
}

/* Names are the same to DuckDB in upper and lower case. */
static bool name_taken(const duck_fitting *f, const char *name)
{
    if (duck_look_column(f, name))
        return true;
    for (size_t i = 0; i < f->b->column_count; i++)
        if (f->names[i] && strcasecmp(f->names[i], name) == 0)
            return true;
    return false;
}

static bool is_field(const duck_fitting *f, const char *name)
{
    for (size_t i = 0; i < f->b->column_count; i++)
        if (f->b->columns[i].field.len == strlen(name) && strncasecmp(f->b->columns[i].field.ptr, name, strlen(name)) == 0)
            return true;
    return false;
}

/* Id and id: the first keeps its name, the next becomes id_2, or _3 if somebody is called id_2. NULL without memory. */
static const char *new_name(const duck_fitting *f, weir_view field)
{
    const char *own = field.len ? copy(f->t, field) : "_", *name = own;
    for (int n = 2; name && (name_taken(f, name) || (n > 2 && is_field(f, name))); n++)
        name = weir_format(f->t, "%s_%d", own, n).ptr;
    if (name && name != own && !f->quiet)
        weir_log(f->t, WEIR_WARN, "table \"%s\" cannot have another column \"%s\": the field goes into \"%s\"", f->name, own, name);
    return name;
}

/* First the names that were given before, so that a new field cannot take one of them. */
static weir_rc name_columns(duck_fitting *f)
{
    size_t count = f->b->column_count;
    f->names = weir_alloc(f->t, (count + 1) * sizeof *f->names);
    if (!f->names)
        return duck_nomem(f->t);
    memset(f->names, 0, (count + 1) * sizeof *f->names);
    if (f->known) {
        weir_rc rc = ask(f, "SELECT field, column_name FROM main.weir_columns WHERE lower(schema_name) = lower(?) AND lower(table_name) = lower(?)", NULL,
                         note_column);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < count; i++) {
        if (!f->names[i])
            f->names[i] = new_name(f, f->b->columns[i].field);
        if (!f->names[i])
            return duck_nomem(f->t);
    }
    return WEIR_OK;
}

const duck_existing *duck_look_column(const duck_fitting *f, const char *name)
{
    for (size_t i = 0; i < f->had_count; i++)
        if (strcasecmp(f->had[i].name, name) == 0)
            return &f->had[i];
    return NULL;
}

weir_rc duck_look_at(duck_fitting *f)
{
    bool records = false;
    weir_rc rc = have_records(f, &records);
    if (!rc && f->b->pushed && records)
        rc = name_table(f);
    if (!rc)
        rc = duck_look_columns(f);
    if (!rc)
        rc = look_for_view(f);
    if (!rc && records)
        rc = read_record(f);
    return rc ? rc : name_columns(f);
}

/* ------------------------------------------------------------------------------------------------------------ checking -- */

const char *duck_look_keys(const duck_fitting *f)
{
    lite_text text = {0};
    for (size_t i = 0; i < duck_look_key_count(f->b); i++) {
        if (i)
            duck_add(&text, ",");
        duck_add_name(&text, f->names[i]);
    }
    const char *ret = text.failed ? NULL : copy(f->t, (weir_view){text.ptr, text.len});
    lite_text_free(&text);
    return ret;
}

bool duck_look_starts_over(const duck_fitting *f) { return f->known && f->b->backfill > f->backfill; }

const char *duck_look_obstacle(const duck_fitting *f)
{
    const char *keys = duck_look_keys(f);
    if (f->view)
        return "is a view: name a table";
    if (f->had_count && !f->known)
        return "was not made by this connector: choose another name, or drop it if it is not needed";
    if (f->b->pushed)
        return NULL;
    if (f->known && !f->had_count && !duck_look_starts_over(f) && f->l->checkpoint)
        return "is gone, but what was loaded into it would not be read again: raise the binding's `backfill` to fill it anew";
    if (f->had_count && !duck_look_starts_over(f) && keys && strcasecmp(keys, f->keys) != 0)
        return "has another key than the collection: raise the binding's `backfill` to load the table anew";
    return NULL;
}

const char *duck_look_fault(const weir_binding *b)
{
    const duck_resource *r = resource_of(b);
    if (!b->pushed && !r->table[0])
        return "is not a name that DuckDB allows for a table";
    if (!b->pushed && is_ours(r->schema && r->schema[0] ? r->schema : "main", r->table))
        return "is a table of this connector's own: choose another name";
    if (b->column_count == 0)
        return "would have no columns: select some fields";
    if (b->key_count == 0 && !duck_look_is_delta(b))
        return "needs a key: the collection has none, so only `delta_updates` can load it";
    for (size_t i = 0; i < b->column_count; i++)
        if (b->columns[i].field.len && memchr(b->columns[i].field.ptr, 0, b->columns[i].field.len))
            return "cannot have a column whose name holds a NUL";
    return NULL;
}

bool duck_table_named_before(const weir_binding *bindings, size_t at)
{
    const duck_resource *own = resource_of(&bindings[at]);
    for (size_t i = 0; i < at; i++) {
        const duck_resource *r = resource_of(&bindings[i]);
        if (!bindings[at].pushed && strcasecmp(r->table, own->table) == 0 && strcasecmp(r->schema ? r->schema : "", own->schema ? own->schema : "") == 0)
            return true;
    }
    return false;
}

weir_rc duck_table_validate(weir_task *t, duck_loader *l, const weir_binding *bindings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        duck_fitting f = duck_look_begin(t, l, &bindings[i]);
        const char *problem = duck_look_fault(&bindings[i]);
        f.quiet = true;
        if (!problem && duck_table_named_before(bindings, i))
            problem = "is named by another binding too (DuckDB does not tell upper from lower case)";
        weir_rc rc = !problem && l->d.connection ? duck_look_at(&f) : WEIR_OK;
        if (rc)
            return rc;
        if (!problem && l->d.connection)
            problem = duck_look_obstacle(&f);
        if (problem)
            weir_problem(t, &bindings[i], "table \"%s\" %s", f.name, problem);
    }
    return WEIR_OK;
}
