/* The table of a binding: made, widened, replaced so that the binding's rows fit, and never narrowed. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "look.h"
#include "run.h"

#define REBUILT "weir_rebuilds_"

static void add_table(lite_text *sql, const char *schema, const char *name)
{
    duck_add_name(sql, schema);
    duck_add(sql, ".");
    duck_add_name(sql, name);
}

/* --------------------------------------------------------------------------------------------------------------- making -- */

static void add_definition(lite_text *sql, const char *name, duck_type type, bool not_null)
{
    char words[32];
    duck_type_name(type, words, sizeof words);
    duck_add_name(sql, name);
    duck_add(sql, " ");
    duck_add(sql, words);
    if (not_null)
        duck_add(sql, " NOT NULL");
}

static weir_rc make(duck_fitting *f)
{
    lite_text *sql = &f->l->sql;
    sql->len = 0;
    if (strcasecmp(f->schema, "main") != 0) {
        duck_add(sql, "CREATE SCHEMA IF NOT EXISTS ");
        duck_add_name(sql, f->schema);
        duck_add(sql, ";");
    }
    duck_add(sql, "CREATE TABLE ");
    add_table(sql, f->schema, f->name);
    for (size_t i = 0; i < f->b->column_count; i++) {
        duck_add(sql, i ? ", " : " (");
        add_definition(sql, f->names[i], duck_type_wanted(&f->b->columns[i]), i < duck_look_key_count(f->b));
    }
    duck_add(sql, ")");
    weir_log(f->t, WEIR_INFO, "made table \"%s\"", f->name);
    return duck_exec_text(f->t, f->l, sql);
}

static weir_rc replace(duck_fitting *f)
{
    weir_log(f->t, WEIR_INFO, "replaced table \"%s\": backfill %u", f->name, (unsigned)f->b->backfill);
    f->l->sql.len = 0;
    duck_add(&f->l->sql, "DROP TABLE ");
    add_table(&f->l->sql, f->schema, f->name);
    weir_rc rc = duck_exec_text(f->t, f->l, &f->l->sql);
    f->had_count = 0;
    return rc ? rc : make(f);
}

/* ------------------------------------------------------------------------------------------------------------- changing -- */

/* A column as it is to be. */
typedef struct definition {
    const duck_existing *had; /* NULL: new */
    const char *name;
    duck_type to;
    bool texts, changed, not_null;
} definition;

typedef struct rebuilding {
    weir_task *t;
    duck_loader *l;
    const char *schema, *name;
    definition *columns;
    size_t count;
    lite_text indexes; /* SQL that makes them again */
    bool any_index;
} rebuilding;

static weir_rc note_index(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    rebuilding *r = arg;
    (void)t, (void)count;
    r->any_index = true;
    lite_text_add(&r->indexes, v[0].text.ptr, v[0].text.len);
    duck_add(&r->indexes, ";");
    return WEIR_OK;
}

static weir_rc find_indexes(rebuilding *r)
{
    const weir_sql_value values[] = {{.type = WEIR_SQL_TEXT, .text = {r->schema, strlen(r->schema)}}, {.type = WEIR_SQL_TEXT, .text = {r->name, strlen(r->name)}}};
    return duck_query(r->t, r->l,
                      "SELECT sql FROM duckdb_indexes() WHERE database_name = current_database() AND lower(schema_name) = lower(?) AND "
                      "lower(table_name) = lower(?) AND sql IS NOT NULL",
                      values, 2, note_index, r);
}

static const char *quoted(weir_task *t, const char *name)
{
    lite_text x = {0};
    duck_add_name(&x, name);
    const char *ret = x.failed ? NULL : weir_format(t, "%.*s", (int)x.len, x.ptr).ptr;
    lite_text_free(&x);
    return ret;
}

static void add_converted(const rebuilding *r, lite_text *sql, const definition *d)
{
    const char *name = quoted(r->t, d->name);
    sql->failed |= !name;
    if (name && d->changed)
        duck_convert(sql, name, d->had->type, d->to, d->texts);
    else if (name)
        duck_add(sql, name);
}

static void add_kept_definition(lite_text *sql, const definition *d)
{
    if (!d->had || d->changed) {
        add_definition(sql, d->name, d->to, d->not_null);
        return;
    }
    duck_add_name(sql, d->name);
    duck_add(sql, " ");
    duck_add(sql, d->had->shown);
    if (d->not_null)
        duck_add(sql, " NOT NULL");
}

static void add_copy(const rebuilding *r, lite_text *sql, const char *next)
{
    const char *comma = "";
    duck_add(sql, "INSERT INTO ");
    add_table(sql, r->schema, next);
    duck_add(sql, " SELECT ");
    for (size_t i = 0; i < r->count; i++) {
        duck_add(sql, comma);
        if (r->columns[i].had)
            add_converted(r, sql, &r->columns[i]);
        else
            duck_add(sql, "NULL");
        comma = ", ";
    }
    duck_add(sql, " FROM ");
    add_table(sql, r->schema, r->name);
}

/* Makes the table anew, with every row in it and its indexes. */
static weir_rc rebuild(rebuilding *r)
{
    lite_text *sql = &r->l->sql;
    const char *next = weir_format(r->t, REBUILT "%s", r->name).ptr;
    if (!next)
        return duck_nomem(r->t);
    sql->len = 0;
    duck_add(sql, "CREATE TABLE ");
    add_table(sql, r->schema, next);
    for (size_t i = 0; i < r->count; i++) {
        duck_add(sql, i ? ", " : " (");
        add_kept_definition(sql, &r->columns[i]);
    }
    duck_add(sql, ");");
    add_copy(r, sql, next);
    duck_add(sql, ";DROP TABLE ");
    add_table(sql, r->schema, r->name);
    duck_add(sql, ";ALTER TABLE ");
    add_table(sql, r->schema, next);
    duck_add(sql, " RENAME TO ");
    duck_add_name(sql, r->name);
    duck_add(sql, ";");
    lite_text_add(sql, r->indexes.ptr, r->indexes.len);
    return weir_wrap(r->t, duck_exec_text(r->t, r->l, sql), "making table \"%s\" anew", r->name);
}

static void add_column(const rebuilding *r, lite_text *sql, const definition *d)
{
    duck_add(sql, "ALTER TABLE ");
    add_table(sql, r->schema, r->name);
    duck_add(sql, " ADD COLUMN ");
    add_definition(sql, d->name, d->to, false);
    duck_add(sql, ";");
}

/* Columns are added in place, unless rows were changed in this transaction (DuckDB would not commit it) or an index forbids it. A type is changed by making the
 * table anew: DuckDB 1.5 cannot read its log again if ALTER ... USING with a function is in it. */
static weir_rc change(rebuilding *r, bool touched)
{
    bool any = false, types = false;
    weir_rc rc = find_indexes(r);
    r->l->sql.len = 0;
    for (size_t i = 0; i < r->count; i++) {
        types |= r->columns[i].had && r->columns[i].changed;
        any |= !r->columns[i].had;
    }
    bool anew = types || (any && (touched || r->any_index));
    for (size_t i = 0; !rc && !anew && i < r->count; i++)
        if (!r->columns[i].had)
            add_column(r, &r->l->sql, &r->columns[i]);
    if (!rc && (any || types))
        rc = anew ? rebuild(r) : duck_exec_text(r->t, r->l, &r->l->sql);
    lite_text_free(&r->indexes);
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------ measuring -- */

static weir_rc note_digits(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    duck_type *x = arg;
    (void)t, (void)count;
    x->whole = (int)v[0].integer;
    x->behind = (int)v[1].integer > x->behind ? (int)v[1].integer : x->behind;
    return WEIR_OK;
}

/* How many digits the numbers in a column have. */
static weir_rc measure(weir_task *t, duck_loader *l, const char *schema, const char *table, const char *column, duck_type *x)
{
    lite_text *sql = &l->sql;
    sql->len = 0;
    duck_add(sql, "SELECT coalesce(max(CASE WHEN contains(x, 'e') THEN 1000 ELSE length(ltrim(split_part(x, '.', 1), '-')) END), 0),"
                  " coalesce(max(CASE WHEN contains(x, 'e') THEN 1000 ELSE length(rtrim(split_part(x, '.', 2), '0')) END), 0)"
                  " FROM (SELECT CAST(");
    duck_add_name(sql, column);
    duck_add(sql, " AS VARCHAR) AS x FROM ");
    add_table(sql, schema, table);
    duck_add(sql, ")");
    lite_text_add(sql, "", 1);
    return sql->failed ? duck_nomem(t) : duck_query(t, l, sql->ptr, NULL, 0, note_digits, x);
}

/* What holds the values that a column has, and those that are to come. */
static weir_rc joined(weir_task *t, duck_loader *l, const char *schema, const char *table, const char *column, duck_type have, duck_type want, bool texts,
                      duck_type *ret)
{
    weir_rc rc = WEIR_OK;
    bool simple = have.kind == want.kind && have.kind != DUCK_DECIMAL;
    if (duck_type_is_number(have) && duck_type_is_number(want) && !simple)
        rc = measure(t, l, schema, table, column, &have);
    *ret = have.kind == DUCK_OTHER ? want : duck_type_join(have, want, texts);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- fitting -- */

static size_t binding_column(const duck_fitting *f, const char *name)
{
    size_t i = 0;
    while (i < f->b->column_count && strcasecmp(f->names[i], name) != 0)
        i++;
    return i;
}

static weir_rc plan_had(duck_fitting *f, const duck_existing *x, definition *d)
{
    size_t at = binding_column(f, x->name);
    *d = (definition){.had = x, .name = x->name, .to = x->type, .not_null = x->not_null};
    if (at == f->b->column_count) { /* not loaded any more: it must take nulls */
        d->not_null = false;
        return WEIR_OK;
    }
    const weir_column *c = &f->b->columns[at];
    d->texts = duck_type_texts(c);
    weir_rc rc = joined(f->t, f->l, f->schema, f->name, x->name, x->type, duck_type_wanted(c), d->texts, &d->to);
    d->changed = !rc && !duck_type_same(x->type, d->to);
    if (d->changed) {
        char type[32];
        duck_type_name(d->to, type, sizeof type);
        weir_log(f->t, WEIR_INFO, "table \"%s\": column \"%s\" was %s, is %s now", f->name, x->name, x->shown, type);
    }
    return rc;
}

static void tell_new(const duck_fitting *f, size_t count, const char *name)
{
    enum { NAMED = 8 };
    if (count <= NAMED)
        weir_log(f->t, WEIR_INFO, "table \"%s\": new column \"%s\"", f->name, name);
    else if (count == NAMED + 1)
        weir_log(f->t, WEIR_INFO, "table \"%s\": more new columns", f->name);
}

/* A column that must take nulls from now on. */
static weir_rc drop_not_null(duck_fitting *f, const definition *columns, size_t count, bool *touched)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < count && !*touched; i++) {
        if (!columns[i].had || !columns[i].had->not_null || columns[i].not_null)
            continue;
        f->l->sql.len = 0;
        duck_add(&f->l->sql, "ALTER TABLE ");
        add_table(&f->l->sql, f->schema, f->name);
        duck_add(&f->l->sql, " ALTER COLUMN ");
        duck_add_name(&f->l->sql, columns[i].name);
        duck_add(&f->l->sql, " DROP NOT NULL");
        rc = duck_exec_text(f->t, f->l, &f->l->sql);
    }
    return rc;
}

static weir_rc widen_all(duck_fitting *f, bool touched)
{
    size_t count = f->had_count, added = 0;
    definition *columns = weir_alloc(f->t, (f->had_count + f->b->column_count + 1) * sizeof *columns);
    weir_rc rc = columns ? WEIR_OK : duck_nomem(f->t);
    for (size_t i = 0; !rc && i < f->had_count; i++)
        rc = plan_had(f, &f->had[i], &columns[i]);
    for (size_t i = 0; !rc && i < f->b->column_count; i++) {
        if (duck_look_column(f, f->names[i]))
            continue;
        columns[count++] = (definition){.name = f->names[i], .to = duck_type_wanted(&f->b->columns[i])};
        tell_new(f, ++added, f->names[i]);
    }
    if (!rc)
        rc = drop_not_null(f, columns, f->had_count, &touched);
    rebuilding r = {.t = f->t, .l = f->l, .schema = f->schema, .name = f->name, .columns = columns, .count = count};
    return rc ? rc : change(&r, touched);
}

static weir_rc note_twins(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    (void)t, (void)v, (void)count;
    *(bool *)arg = true;
    return WEIR_OK;
}

/* A platform that pushes has given the table another key. Rows that it does not tell apart are the operator's to sort out. */
static weir_rc check_new_key(duck_fitting *f, const char *keys)
{
    bool twins = false;
    lite_text *sql = &f->l->sql;
    if (!f->had_count || !keys[0] || strcasecmp(keys, f->keys) == 0)
        return WEIR_OK;
    for (size_t i = 0; i < duck_look_key_count(f->b); i++)
        if (!duck_look_column(f, f->names[i]))
            return WEIR_OK;
    sql->len = 0;
    duck_add(sql, "SELECT 1 FROM ");
    add_table(sql, f->schema, f->name);
    duck_add(sql, " GROUP BY ");
    duck_add(sql, keys);
    duck_add(sql, " HAVING count(*) > 1 LIMIT 1");
    lite_text_add(sql, "", 1);
    weir_rc rc = sql->failed ? duck_nomem(f->t) : duck_query(f->t, f->l, sql->ptr, NULL, 0, note_twins, &twins);
    if (rc || !twins)
        return rc;
    return weir_fail(f->t, WEIR_E_CONFIG, "table \"%s\" holds rows that the key (%s) does not tell apart: remove them or the table", f->name, keys);
}

static weir_sql_value text_value(const char *text) { return (weir_sql_value){.type = WEIR_SQL_TEXT, .text = {text, strlen(text)}}; }

static weir_rc record_columns(duck_fitting *f)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < f->b->column_count; i++) {
        const weir_sql_value v[] = {text_value(f->schema), text_value(f->name), {.type = WEIR_SQL_TEXT, .text = f->b->columns[i].field}, text_value(f->names[i]),
                                    text_value(f->schema), text_value(f->name), {.type = WEIR_SQL_TEXT, .text = f->b->columns[i].field}};
        rc = duck_run(f->t, f->l,
                      "INSERT INTO main.weir_columns SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM main.weir_columns WHERE lower(schema_name) = lower(?) "
                      "AND lower(table_name) = lower(?) AND field = ?)",
                      v, 7, 1, NULL);
    }
    return rc;
}

static weir_rc record(duck_fitting *f, const char *keys)
{
    const int64_t backfill = f->known && f->backfill > f->b->backfill ? f->backfill : f->b->backfill;
    const weir_sql_value v[] = {text_value(f->schema), text_value(f->name), text_value(f->asked), text_value(f->l->task_name),
                                {.type = WEIR_SQL_LONG, .integer = backfill}, text_value(keys)};
    const bool same = f->known && backfill == f->backfill && strcmp(keys, f->keys) == 0 && strcmp(f->task, f->l->task_name) == 0;
    weir_rc rc = same ? WEIR_OK
                      : duck_run(f->t, f->l, "DELETE FROM main.weir_tables WHERE lower(schema_name) = lower(?) AND lower(table_name) = lower(?)", v, 2, 1, NULL);
    if (!rc && !same)
        rc = duck_run(f->t, f->l, "INSERT INTO main.weir_tables (schema_name, table_name, asked, task, backfill, keys) VALUES (?, ?, ?, ?, ?, ?)", v, 6, 1, NULL);
    return rc ? rc : record_columns(f);
}

static weir_rc fit(duck_fitting *f, bool touched)
{
    const char *keys = duck_look_keys(f);
    weir_rc rc = keys ? WEIR_OK : duck_nomem(f->t);
    if (!rc && f->had_count && duck_look_starts_over(f))
        rc = replace(f);
    else if (!rc && !f->had_count)
        rc = make(f);
    else if (!rc && !(rc = check_new_key(f, keys)))
        rc = widen_all(f, touched);
    return rc ? rc : record(f, keys);
}

/* ---------------------------------------------------------------------------------------------------------------- table -- */

static char *copy(weir_view v) { return strndup(v.ptr ? v.ptr : "", v.len); }

static bool describe_column(const duck_fitting *f, size_t at, duck_column *x)
{
    const weir_column *c = &f->b->columns[at];
    const duck_existing *had = duck_look_column(f, f->names[at]);
    *x = (duck_column){.name = strdup(f->names[at]), .pointer = copy(c->pointer), .types = c->types, .key = at < duck_look_key_count(f->b),
                       .type = had ? had->type : (duck_type){.kind = DUCK_JSON}};
    x->texts = duck_type_texts(c) && (duck_type_is_number(x->type) || x->type.kind == DUCK_VARCHAR);
    return x->name && x->pointer && had;
}

/* The column of a cursor. One of the key decides nothing: it is the same in both rows. */
static size_t order_column(const weir_binding *b, size_t keys, weir_view pointer)
{
    for (size_t i = keys; pointer.len && i < b->column_count; i++)
        if (b->columns[i].pointer.len == pointer.len && memcmp(b->columns[i].pointer.ptr, pointer.ptr, pointer.len) == 0)
            return i;
    return SIZE_MAX;
}

static weir_rc note_row(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    (void)t, (void)v, (void)count;
    *(bool *)arg = false;
    return WEIR_OK;
}

static weir_rc look_for_rows(weir_task *t, duck_loader *l, duck_table *x)
{
    x->empty = true;
    const char *sql = weir_format(t, "SELECT 1 FROM %s LIMIT 1", x->quoted).ptr;
    return sql ? duck_query(t, l, sql, NULL, 0, note_row, &x->empty) : duck_nomem(t);
}

/* From what the database says after all changes, not from what we wanted. */
static weir_rc describe(duck_fitting *f, bool touched, duck_table **ret)
{
    weir_rc rc = duck_look_columns(f);
    if (rc)
        return rc;
    duck_table *x = calloc(1, sizeof *x);
    lite_text name = {0};
    add_table(&name, f->schema, f->name);
    lite_text_add(&name, "", 1);
    bool ok = x && !name.failed && (x->quoted = name.ptr) && (x->schema = strdup(f->schema)) && (x->name = strdup(f->name)) &&
              (x->columns = calloc(f->b->column_count, sizeof *x->columns));
    for (size_t i = 0; ok && i < f->b->column_count; i++)
        ok = describe_column(f, i, &x->columns[x->count++]);
    if (!ok) {
        if (!x || !x->quoted)
            lite_text_free(&name);
        duck_table_free(x);
        return duck_nomem(f->t);
    }
    x->keys = duck_look_key_count(f->b);
    x->delta = duck_look_is_delta(f->b);
    x->touched = touched;
    x->cursor = x->delta ? SIZE_MAX : order_column(f->b, x->keys, f->b->cursor);
    x->epoch = x->cursor != SIZE_MAX ? order_column(f->b, x->keys, f->b->epoch) : SIZE_MAX;
    rc = look_for_rows(f->t, f->l, x);
    if (rc)
        duck_table_free(x);
    else
        *ret = x;
    return rc;
}

weir_rc duck_table_fit(weir_task *t, duck_loader *l, const weir_binding *b, bool touched, duck_table **ret)
{
    duck_fitting f = duck_look_begin(t, l, b);
    const char *problem = duck_look_fault(b);
    weir_rc rc = problem ? WEIR_OK : duck_look_at(&f);
    if (!rc && !problem)
        problem = duck_look_obstacle(&f);
    if (problem)
        return weir_fail(t, WEIR_E_CONFIG, "table \"%s\" %s", f.name, problem);
    if (!rc)
        rc = fit(&f, touched);
    if (!rc)
        rc = describe(&f, touched, ret);
    return weir_wrap(t, rc, "table \"%s\"", f.name);
}

static weir_rc look_again(weir_task *t, duck_loader *l, duck_table *x, duck_fitting *f)
{
    *f = (duck_fitting){.t = t, .l = l, .schema = x->schema, .name = x->name};
    return duck_look_columns(f);
}

weir_rc duck_table_widen(weir_task *t, duck_loader *l, duck_table *x, const duck_type *wanted)
{
    duck_fitting f;
    weir_rc rc = look_again(t, l, x, &f);
    definition *columns = rc ? NULL : weir_alloc(t, (f.had_count + 1) * sizeof *columns);
    if (!columns)
        return rc ? rc : duck_nomem(t);
    for (size_t i = 0; i < f.had_count; i++)
        columns[i] = (definition){.had = &f.had[i], .name = f.had[i].name, .to = f.had[i].type, .not_null = f.had[i].not_null};
    for (size_t i = 0; !rc && i < x->count; i++) {
        duck_column *c = &x->columns[i];
        const duck_existing *had = duck_look_column(&f, c->name);
        if (wanted[i].kind == DUCK_NOTHING || !had)
            continue;
        definition *d = &columns[had - f.had];
        d->texts = c->texts;
        rc = joined(t, l, x->schema, x->name, c->name, c->type, wanted[i], c->texts, &d->to);
        d->changed = !rc && !duck_type_same(c->type, d->to);
        char type[32];
        duck_type_name(d->to, type, sizeof type);
        if (d->changed)
            weir_log(t, x->empty ? WEIR_INFO : WEIR_WARN, "table \"%s\": column \"%s\" was %s, is %s now: a value has come that it could not hold", x->name, c->name,
                     had->shown, type);
        c->type = rc ? c->type : (duck_type){.kind = d->to.kind, .behind = d->to.kind == DUCK_DECIMAL ? d->to.behind : 0};
        c->texts &= c->type.kind != DUCK_JSON;
    }
    rebuilding r = {.t = t, .l = l, .schema = x->schema, .name = x->name, .columns = columns, .count = f.had_count};
    rc = rc ? rc : change(&r, x->touched);
    return weir_wrap(t, rc, "table \"%s\"", x->name);
}

void duck_table_free(duck_table *x)
{
    if (!x)
        return;
    for (size_t i = 0; i < x->count; i++) {
        free(x->columns[i].name);
        free(x->columns[i].pointer);
    }
    duck_chunks_free(&x->rows);
    duck_chunks_free(&x->gone);
    free(x->columns);
    free(x->members);
    lite_text_free(&x->member_names);
    free(x->quoted);
    free(x->schema);
    free(x->name);
    free(x);
}
