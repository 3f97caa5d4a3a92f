#include "table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "look.h"

void pg_add(lite_text *sql, const char *text) { lite_text_add(sql, text ? text : "", text ? strlen(text) : 0); }

const char *pg_sql(lite_text *sql)
{
    lite_text_add(sql, "", 1);
    return sql->failed ? NULL : sql->ptr;
}

void pg_add_names(lite_text *sql, const table *x, size_t from, size_t to, const char *before, const char *between)
{
    for (size_t i = from; i < to; i++) {
        pg_add(sql, i > from ? between : "");
        pg_add(sql, before);
        pg_add(sql, x->columns[i].quoted);
    }
}

void pg_add_same_key(lite_text *sql, const table *x, const char *a, const char *b)
{
    for (size_t i = 0; i < x->keys; i++) {
        pg_add(sql, i ? " AND " : "");
        pg_add(sql, a);
        pg_add(sql, x->columns[i].quoted);
        pg_add(sql, " = ");
        pg_add(sql, b);
        pg_add(sql, x->columns[i].quoted);
        pg_add(sql, x->columns[i].cast ? "::" : "");
        pg_add(sql, x->columns[i].cast);
    }
}

/* Runs the text, and frees it. */
static weir_rc run(weir_task *t, pg *d, lite_text *sql)
{
    weir_rc rc = pg_run(t, d, pg_sql(sql));
    lite_text_free(sql);
    return rc;
}

/* --------------------------------------------------------------------------------------------------------------- creating -- */

static pg_type wanted(const fitting *f, size_t at) { return pg_type_wanted(&f->b->columns[at], pg_look_exact(f->b, at)); }

static weir_rc comment(fitting *f, size_t at)
{
    weir_view text = f->b->columns[at].description;
    const char *name = pg_name(f->t, f->names[at]), *said = NULL;
    if (!text.len || memchr(text.ptr, 0, text.len))
        return WEIR_OK;
    said = pg_literal(f->t, f->d, text.ptr, text.len);
    return name && said ? pg_run(f->t, f->d, weir_format(f->t, "COMMENT ON COLUMN %s.%s IS %s", f->quoted, name, said).ptr) : pg_nomem(f->t);
}

static weir_rc comment_all(fitting *f)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < f->b->column_count; i++)
        rc = comment(f, i);
    return rc;
}

static weir_rc make_schema(fitting *f)
{
    bool made;
    weir_rc rc = pg_make_schema(f->t, f->d, f->schema, &made);
    if (!rc && made)
        weir_log(f->t, WEIR_INFO, "made schema \"%s\"", f->schema);
    return rc;
}

static void add_key(lite_text *sql, const fitting *f)
{
    for (size_t i = 0; i < pg_look_keys(f->b); i++) {
        pg_add(sql, i ? ", " : "PRIMARY KEY (");
        pg_add(sql, pg_name(f->t, f->names[i]));
    }
    pg_add(sql, pg_look_keys(f->b) ? ")" : "");
}

static weir_rc create(fitting *f)
{
    lite_text sql = {0};
    weir_rc rc = make_schema(f);
    pg_add(&sql, "CREATE TABLE ");
    pg_add(&sql, f->quoted);
    for (size_t i = 0; i < f->b->column_count; i++) {
        pg_add(&sql, i ? ", " : " (");
        pg_add(&sql, pg_name(f->t, f->names[i]));
        pg_add(&sql, " ");
        pg_add(&sql, pg_type_name(wanted(f, i)));
        pg_add(&sql, f->b->columns[i].required || i < pg_look_keys(f->b) ? " NOT NULL" : "");
    }
    pg_add(&sql, pg_look_keys(f->b) ? ", " : "");
    add_key(&sql, f);
    pg_add(&sql, ")");
    if (!rc)
        rc = pg_run(f->t, f->d, pg_sql(&sql));
    lite_text_free(&sql);
    if (!rc)
        weir_log(f->t, WEIR_INFO, "made table \"%s\"", f->name);
    return rc ? rc : comment_all(f);
}

/* --------------------------------------------------------------------------------------------------------------- widening -- */

/* What ALTER TABLE is to do, gathered: PostgreSQL then goes through the rows once. */
typedef struct changes {
    lite_text sql;
    size_t count;
} changes;

static void add_change(changes *c, const fitting *f, const char *what, const char *name, const char *rest)
{
    pg_add(&c->sql, c->count++ ? ", " : "");
    pg_add(&c->sql, what);
    pg_add(&c->sql, name ? pg_name(f->t, name) : "");
    pg_add(&c->sql, rest);
}

/* @param empty there are no rows to be converted */
static void add_retype(changes *c, const fitting *f, const existing *had, pg_type to, bool empty)
{
    const char *name = pg_name(f->t, had->name);
    add_change(c, f, "ALTER ", had->name, " TYPE ");
    pg_add(&c->sql, pg_type_name(to));
    pg_add(&c->sql, " USING ");
    if (empty) {
        pg_add(&c->sql, "NULL::");
        pg_add(&c->sql, pg_type_name(to));
    } else {
        pg_type_convert(&c->sql, name ? name : "", had->type, to);
    }
    weir_log(f->t, WEIR_INFO, "table \"%s\": column \"%s\" was %s, is %s now", f->name, had->name, had->sql_type, pg_type_name(to));
}

static size_t binding_column(const fitting *f, const char *name)
{
    size_t i = 0;
    while (i < f->b->column_count && strcmp(f->names[i], name) != 0)
        i++;
    return i;
}

/* One that is not loaded any more must take nulls. */
static void widen(changes *c, const fitting *f, const existing *had, bool empty)
{
    size_t at = binding_column(f, had->name);
    bool loaded = at < f->b->column_count, key = at < pg_look_keys(f->b);
    pg_type to = !loaded || had->type == PG_OTHER ? had->type : empty ? wanted(f, at) : pg_type_join(had->type, wanted(f, at));
    if (to != had->type)
        add_retype(c, f, had, to, empty);
    bool stays = key || (loaded && f->b->columns[at].required) || (!loaded && had->filled);
    if (had->not_null && !stays && !had->generated) {
        add_change(c, f, "ALTER ", had->name, " DROP NOT NULL");
        weir_log(f->t, WEIR_INFO, "table \"%s\": column \"%s\" may be null now", f->name, had->name);
    }
}

static void add_columns(changes *c, const fitting *f)
{
    for (size_t i = 0; i < f->b->column_count; i++) {
        if (pg_look_column(f, f->names[i]))
            continue;
        add_change(c, f, "ADD COLUMN ", f->names[i], " ");
        pg_add(&c->sql, pg_type_name(wanted(f, i)));
        weir_log(f->t, WEIR_INFO, "table \"%s\": new column \"%s\" %s", f->name, f->names[i], pg_type_name(wanted(f, i)));
    }
}

static void drop_key(changes *c, const fitting *f)
{
    if (f->key_name)
        add_change(c, f, "DROP CONSTRAINT ", f->key_name, "");
}

/* In a statement of its own: the columns are there then. */
static weir_rc make_key(fitting *f)
{
    lite_text sql = {0};
    if (!pg_look_keys(f->b))
        return WEIR_OK;
    pg_add(&sql, "ALTER TABLE ");
    pg_add(&sql, f->quoted);
    pg_add(&sql, " ADD ");
    add_key(&sql, f);
    return weir_wrap(f->t, run(f->t, f->d, &sql), "giving table \"%s\" another key: rows that it does not tell apart, or that lack it, have to go first", f->name);
}

static weir_rc comment_new(fitting *f)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < f->b->column_count; i++)
        if (!pg_look_column(f, f->names[i]))
            rc = comment(f, i);
    return rc;
}

static weir_rc change(fitting *f, bool *ret_changed)
{
    bool empty = pg_look_starts_over(f), other_key = !pg_look_same_key(f);
    changes c = {0};
    weir_rc rc = WEIR_OK;
    if (empty) {
        weir_log(f->t, WEIR_INFO, "emptied table \"%s\": backfill %u", f->name, (unsigned)f->b->backfill);
        rc = pg_run(f->t, f->d, weir_format(f->t, "TRUNCATE %s", f->quoted).ptr);
    }
    pg_add(&c.sql, "ALTER TABLE ");
    pg_add(&c.sql, f->quoted);
    pg_add(&c.sql, " ");
    if (other_key)
        drop_key(&c, f);
    for (size_t i = 0; i < f->had_count; i++)
        widen(&c, f, &f->had[i], empty);
    add_columns(&c, f);
    *ret_changed = empty || other_key || c.count;
    if (!rc && c.count)
        rc = run(f->t, f->d, &c.sql);
    lite_text_free(&c.sql);
    if (!rc && other_key)
        rc = make_key(f);
    return rc ? rc : comment_new(f);
}

static weir_rc record(fitting *f)
{
    int64_t backfill = f->known && f->backfill > f->b->backfill ? f->backfill : f->b->backfill;
    const char *own = pg_own(f->t, f->d, "weir_tables"), *schema = pg_literal(f->t, f->d, f->schema, strlen(f->schema)),
               *name = pg_literal(f->t, f->d, f->name, strlen(f->name)), *task = pg_literal(f->t, f->d, f->d->task_name, strlen(f->d->task_name));
    if (!own || !schema || !name || !task)
        return pg_nomem(f->t);
    return pg_run(f->t, f->d, weir_format(f->t, "INSERT INTO %s (schema_name, table_name, task, backfill) VALUES (%s, %s, %s, %" PRId64 ")"
                                                " ON CONFLICT (schema_name, table_name) DO UPDATE SET task = excluded.task, backfill = excluded.backfill",
                                          own, schema, name, task, backfill).ptr);
}

/* ----------------------------------------------------------------------------------------------------------------- table -- */

static bool is_word(weir_view text, const char *word) { return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0; }

static bool describe_column(const fitting *f, size_t at, column *x)
{
    const weir_column *c = &f->b->columns[at];
    const existing *had = pg_look_column(f, f->names[at]);
    const char *quoted = pg_name(f->t, f->names[at]), *second = c->pointer.len ? memchr(c->pointer.ptr + 1, '/', c->pointer.len - 1) : NULL;
    if (!had || !quoted)
        return false;
    x->name = strdup(f->names[at]);
    x->quoted = strdup(quoted);
    x->cast = had->type == PG_OTHER ? strdup(had->sql_type) : NULL;
    x->above = second ? strndup(c->pointer.ptr, (size_t)(second - c->pointer.ptr)) : NULL;
    x->whole = c->pointer.len == 0;
    x->not_null = had->not_null;
    x->shape = (pg_shape){had->type, c->types, is_word(c->format, "integer") || is_word(c->format, "number"), is_word(c->encoding, "base64")};
    return x->name && x->quoted && (x->cast || had->type != PG_OTHER) && (x->above || !second);
}

/* The column of a cursor. One of the key decides nothing: it is the same in both rows. */
static const column *order_column(const weir_binding *b, const table *x, weir_view pointer)
{
    for (size_t i = x->keys; pointer.len && i < x->count; i++)
        if (b->columns[i].pointer.len == pointer.len && memcmp(b->columns[i].pointer.ptr, pointer.ptr, pointer.len) == 0)
            return &x->columns[i];
    return NULL;
}

/* Of a key of integers the highest is found at once; of texts only if there is no row. */
static weir_rc find_high(weir_task *t, pg *d, table *x)
{
    PGresult *r = NULL;
    bool integer = x->keys == 1 && x->columns[0].shape.type == PG_BIGINT;
    if (!x->keys)
        return WEIR_OK;
    weir_rc rc = pg_query(t, d, integer ? weir_format(t, "SELECT max(%s) FROM %s", x->columns[0].quoted, x->quoted).ptr
                                        : weir_format(t, "SELECT 1 FROM %s LIMIT 1", x->quoted).ptr, NULL, 0, &r);
    if (rc)
        return rc;
    x->empty = PQntuples(r) == 0 || PQgetisnull(r, 0, 0);
    x->ascending = x->empty || integer;
    if (!x->empty && integer)
        lite_text_add(&x->high, PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0) + 1);
    PQclear(r);
    return x->high.failed ? pg_nomem(t) : WEIR_OK;
}

/* From what the database says after all changes, not from what we wanted. */
static weir_rc describe(fitting *f, table **ret)
{
    weir_rc rc = pg_look_columns(f);
    if (rc)
        return rc;
    table *x = calloc(1, sizeof *x);
    bool ok = x && (x->name = strdup(f->name)) && (x->quoted = strdup(f->quoted)) && (x->columns = calloc(f->b->column_count + 1, sizeof *x->columns));
    for (size_t i = 0; ok && i < f->b->column_count; i++)
        ok = describe_column(f, i, &x->columns[x->count++]);
    if (!ok) {
        pg_table_free(x);
        return pg_nomem(f->t);
    }
    x->keys = pg_look_keys(f->b);
    x->index = f->b->index;
    x->delta = pg_look_is_delta(f->b);
    for (size_t i = 0; i < x->count; i++)
        x->server_reads |= x->columns[i].shape.type == PG_OTHER;
    x->cursor = x->delta ? NULL : order_column(f->b, x, f->b->cursor);
    x->epoch = x->cursor ? order_column(f->b, x, f->b->epoch) : NULL;
    rc = find_high(f->t, f->d, x);
    if (rc)
        pg_table_free(x);
    else
        *ret = x;
    return rc;
}

static weir_rc fit(fitting *f, table **ret, fitted *ret_done)
{
    bool changed = !f->known || !f->exists || pg_look_starts_over(f) || strcmp(f->made_by, f->d->task_name) != 0, altered = false;
    weir_rc rc = changed ? pg_make_own(f->t, f->d) : WEIR_OK;
    if (!rc && f->exists && f->known && *f->made_by && f->d->task_name[0] && strcmp(f->made_by, f->d->task_name) != 0)
        weir_log(f->t, WEIR_WARN, "table \"%s\" was made by task \"%s\": both write to it now", f->name, f->made_by);
    if (!rc)
        rc = f->exists ? change(f, &altered) : create(f);
    if (!rc && changed)
        rc = record(f);
    ret_done->changed |= changed || altered;
    ret_done->emptied |= pg_look_starts_over(f);
    return rc ? rc : describe(f, ret);
}

weir_rc pg_table_fit(weir_task *t, pg *d, const weir_binding *b, table **ret, fitted *ret_done)
{
    const char *name = ((const resource *)b->resource)->table;
    fitting f = {.t = t, .d = d, .b = b, .name = name};
    const char *problem = pg_look_fault(t, d, b);
    if (!problem && b->column_count > PG_COLUMNS_MAX)
        problem = "would have more than the 1,600 columns that PostgreSQL allows: select fewer fields";
    weir_rc rc = problem ? WEIR_OK : pg_look_at(&f);
    if (!rc && !problem)
        problem = pg_look_obstacle(&f);
    if (problem)
        return weir_fail(t, WEIR_E_CONFIG, "table \"%s\" %s", name, problem);
    return weir_wrap(t, rc ? rc : fit(&f, ret, ret_done), "table \"%s\"", name);
}

/* -------------------------------------------------------------------------------------------------------------- relaxing -- */

static weir_rc drop_temporary(weir_task *t, pg *d, table *x)
{
    x->staged = x->gone = x->asked = false;
    return pg_run(t, d, weir_format(t, "DROP TABLE IF EXISTS pg_temp.weir_stage_%u, pg_temp.weir_gone_%u, pg_temp.weir_ask_%u", (unsigned)x->index,
                                    (unsigned)x->index, (unsigned)x->index).ptr);
}

weir_rc pg_table_relax(weir_task *t, pg *d, table *x, size_t at, weir_view value)
{
    column *c = &x->columns[at];
    bool null = !value.len || value.ptr[0] == 'n';
    pg_type to = null ? c->shape.type : pg_type_relaxed(c->shape.type, value);
    lite_text sql = {0};
    if (!null && to == c->shape.type)
        return weir_fail(t, WEIR_E_CONFIG, "table \"%s\": column \"%s\" cannot hold %.*s", x->name, c->name, value.len < 80 ? (int)value.len : 80, value.ptr);
    weir_log(t, WEIR_WARN, "table \"%s\": column \"%s\" %s%s now: a value has come that its schema did not foresee", x->name, c->name,
             null ? "may be null" : "is ", null ? "" : pg_type_name(to));
    pg_add(&sql, "ALTER TABLE ");
    pg_add(&sql, x->quoted);
    pg_add(&sql, " ALTER ");
    pg_add(&sql, c->quoted);
    if (null) {
        pg_add(&sql, " DROP NOT NULL");
    } else {
        pg_add(&sql, " TYPE ");
        pg_add(&sql, pg_type_name(to));
        pg_add(&sql, " USING ");
        pg_type_convert(&sql, c->quoted, c->shape.type, to);
    }
    weir_rc rc = run(t, d, &sql);
    if (!rc)
        rc = drop_temporary(t, d, x);
    c->not_null &= !null;
    c->shape.type = to;
    x->ascending &= at >= x->keys; /* another order, perhaps */
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------ expiring -- */

/* A column's number, whatever its type. */
static void add_age(lite_text *sql, const column *c, int64_t below)
{
    bool json = c->shape.type == PG_JSONB || c->shape.type == PG_JSON;
    char digits[32];
    snprintf(digits, sizeof digits, " < %" PRId64, below);
    pg_add(sql, json ? "CASE jsonb_typeof(" : "");
    pg_add(sql, c->quoted);
    pg_add(sql, json ? "::jsonb) WHEN 'number' THEN (" : "::numeric");
    pg_add(sql, json ? c->quoted : "");
    pg_add(sql, json ? "::jsonb)::numeric" : "");
    pg_add(sql, digits);
    pg_add(sql, json ? " END" : "");
}

/* The value as SQL has it, through the column's own text form. */
static weir_rc add_mark(weir_task *t, pg *d, lite_text *sql, const column *c, weir_view value)
{
    bool json = c->shape.type == PG_JSONB || c->shape.type == PG_JSON;
    const char *text = json ? weir_format(t, "%.*s", (int)value.len, value.ptr).ptr : NULL;
    lite_text scratch = {0};
    if (!json && value.len && value.ptr[0] == '"' && lite_text_reserve(&scratch, value.len)) {
        weir_view decoded = lite_value_read(value, (value_hint){0}, &scratch).bytes;
        text = weir_format(t, "%.*s", (int)decoded.len, decoded.ptr).ptr;
    } else if (!json) {
        text = weir_format(t, "%.*s", (int)value.len, value.ptr).ptr;
    }
    lite_text_free(&scratch);
    const char *literal = text ? pg_literal(t, d, text, strlen(text)) : NULL;
    pg_add(sql, literal);
    pg_add(sql, "::");
    pg_add(sql, c->cast ? c->cast : pg_type_name(c->shape.type));
    return literal ? WEIR_OK : pg_nomem(t);
}

weir_rc pg_table_expire(weir_task *t, pg *d, table *x, const weir_binding *b, const weir_expiry *how)
{
    const column *age = how->age ? &x->columns[how->age - b->columns] : NULL, *mark = how->mark ? &x->columns[how->mark - b->columns] : NULL;
    lite_text sql = {0};
    weir_rc rc = WEIR_OK;
    pg_add(&sql, mark ? "UPDATE " : "DELETE FROM ");
    pg_add(&sql, x->quoted);
    if (mark) {
        pg_add(&sql, " SET ");
        pg_add(&sql, mark->quoted);
        pg_add(&sql, " = ");
        rc = add_mark(t, d, &sql, mark, how->value);
        pg_add(&sql, " WHERE ");
        pg_add(&sql, mark->quoted);
        pg_add(&sql, " IS NULL");
    }
    if (age) {
        pg_add(&sql, mark ? " AND " : " WHERE ");
        add_age(&sql, age, how->below);
    }
    if (!rc)
        rc = pg_run(t, d, pg_sql(&sql));
    lite_text_free(&sql);
    return weir_wrap(t, rc, "table \"%s\"", x->name);
}

void pg_table_free(table *x)
{
    if (!x)
        return;
    for (size_t i = 0; x->columns && i < x->count; i++) {
        free(x->columns[i].name);
        free(x->columns[i].quoted);
        free(x->columns[i].cast);
        free(x->columns[i].above);
    }
    free(x->columns);
    free(x->name);
    free(x->quoted);
    lite_text_free(&x->high);
    free(x->members);
    lite_text_free(&x->member_names);
    free(x);
}
