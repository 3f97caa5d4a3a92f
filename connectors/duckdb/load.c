/* Rows by their keys: as the documents that they were, and whether they are newer than what comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "run.h"

/* ------------------------------------------------------------------------------------------------------------- joining -- */

static weir_rc fill_keys(weir_task *t, duck_loader *l, duck_table *x, const weir_row *const *keys, size_t count, duck_chunks *c)
{
    if (!duck_chunks_begin(c, x->columns, x->keys, 1))
        return duck_nomem(t);
    for (size_t r = 0; r < count; r++) {
        bool fits = true, null = false;
        if (!duck_chunks_next(c))
            return duck_nomem(t);
        for (size_t i = 0; fits && i < x->keys; i++) {
            weir_view json = keys[r]->values[i];
            l->scratch.len = 0;
            if (!lite_text_reserve(&l->scratch, json.len))
                return duck_nomem(t);
            fits = duck_column_put(&x->columns[i], c->vectors[i], c->fill, json, false, &l->scratch, &null) && !null;
        }
        if (!fits)
            continue; /* the key of no row */
        ((int64_t *)duckdb_vector_get_data(c->vectors[x->keys]))[c->fill++] = (int64_t)r;
        c->rows++;
    }
    return WEIR_OK;
}

static weir_rc make_keys(weir_task *t, duck_loader *l, const duck_table *x)
{
    lite_text *sql = &l->sql;
    char words[48];
    sql->len = 0;
    duck_add(sql, "CREATE OR REPLACE TEMP TABLE weir_keys (");
    for (size_t i = 0; i < x->keys; i++) {
        duck_add(sql, weir_format(t, "c%zu ", i).ptr);
        duck_type_name(x->columns[i].type, words, sizeof words);
        duck_add(sql, words);
        duck_add(sql, ", ");
    }
    duck_add(sql, "nth BIGINT)");
    return duck_exec_text(t, l, sql);
}

static weir_rc append_keys(weir_task *t, duck_loader *l, duck_chunks *c)
{
    duckdb_appender a = NULL;
    weir_rc rc = duckdb_appender_create_ext(l->d.connection, "temp", NULL, "weir_keys", &a) == DuckDBError ? duck_appender_failed(t, l, a)
                                                                                                          : duck_chunks_append(t, l, c, a);
    if (a && rc)
        duckdb_appender_clear(a);
    if (a)
        duckdb_appender_destroy(&a);
    return rc;
}

/* SELECT nth and some columns of the rows that have the keys. */
static char *join_sql(duck_loader *l, const duck_table *x, const size_t *columns, size_t count)
{
    lite_text *sql = &l->sql;
    char words[64];
    sql->len = 0;
    duck_add(sql, "SELECT weir_k.nth");
    for (size_t i = 0; i < count; i++) {
        duck_add(sql, ", weir_t.");
        duck_add_name(sql, x->columns[columns ? columns[i] : i].name);
    }
    duck_add(sql, " FROM temp.weir_keys AS weir_k JOIN ");
    duck_add(sql, x->quoted);
    duck_add(sql, " AS weir_t ON ");
    for (size_t i = 0; i < x->keys; i++) {
        snprintf(words, sizeof words, "%sweir_k.c%zu = weir_t.", i ? " AND " : "", i);
        duck_add(sql, words);
        duck_add_name(sql, x->columns[i].name);
    }
    lite_text_add(sql, "", 1);
    return sql->failed ? NULL : sql->ptr;
}

static weir_rc join(weir_task *t, duck_loader *l, duck_table *x, const weir_row *const *keys, size_t count, const size_t *columns, size_t column_count,
                    weir_rc (*row)(weir_task *, void *, const weir_sql_value *, size_t), void *arg)
{
    duck_chunks c = {0};
    weir_rc rc = fill_keys(t, l, x, keys, count, &c);
    if (!rc && c.rows) {
        rc = make_keys(t, l, x);
        if (!rc)
            rc = append_keys(t, l, &c);
        char *sql = rc ? NULL : join_sql(l, x, columns, column_count);
        if (!rc)
            rc = sql ? duck_query(t, l, sql, NULL, 0, row, arg) : duck_nomem(t);
    }
    duck_chunks_free(&c);
    return rc;
}

/* --------------------------------------------------------------------------------------------------------- JSON of values -- */

static void add_base64(lite_text *out, weir_view bytes)
{
    lite_value_write(out, &(lite_value){.kind = VALUE_BLOB, .bytes = bytes}, WEIR_IS_STRING);
}

static void add_double(lite_text *out, double r)
{
    char text[40];
    snprintf(text, sizeof text, "%.15g", r);
    if (strtod(text, NULL) != r)
        snprintf(text, sizeof text, "%.17g", r);
    duck_add(out, text[0] == 'n' || text[0] == 'i' || text[1] == 'i' ? "null" : text);
}

static void add_integer(lite_text *out, int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)n);
    duck_add(out, text);
}

static void add_number(lite_text *out, const weir_sql_value *v)
{
    if (v->type == WEIR_SQL_FLOAT || v->type == WEIR_SQL_DOUBLE)
        add_double(out, v->number);
    else if (v->type == WEIR_SQL_DECIMAL)
        lite_text_add(out, v->text.ptr, v->text.len);
    else
        add_integer(out, v->integer);
}

/* @return false for NULL: nothing is appended */
static bool add_value(lite_text *out, const weir_sql_value *v, bool texts)
{
    switch (v->type) {
    case WEIR_SQL_NULL:
        return false;
    case WEIR_SQL_BOOLEAN:
        duck_add(out, v->integer ? "true" : "false");
        return true;
    case WEIR_SQL_SHORT: case WEIR_SQL_INT: case WEIR_SQL_LONG: case WEIR_SQL_DECIMAL: case WEIR_SQL_FLOAT: case WEIR_SQL_DOUBLE:
        duck_add(out, texts ? "\"" : "");
        add_number(out, v);
        duck_add(out, texts ? "\"" : "");
        return true;
    case WEIR_SQL_BINARY:
        add_base64(out, v->text);
        return true;
    case WEIR_SQL_JSON:
        lite_text_add(out, v->text.ptr, v->text.len);
        return true;
    default:
        lite_value_quote(out, v->text);
        return true;
    }
}

/* ------------------------------------------------------------------------------------------------------------ documents -- */

/* A member of the documents that load() makes. They form a tree in one array; index 0 is the document itself, and as a link it means none. */
typedef struct duck_member {
    size_t name, name_len; /* in member_names: "quoted": */
    size_t first, next;    /* child, sibling */
    size_t column;         /* whose value it is; SIZE_MAX: only its children's */
} duck_member;

/* The next token of a JSON pointer, decoded. @return what follows it */
static const char *take_token(const char *pointer, lite_text *ret)
{
    ret->len = 0;
    for (pointer++; *pointer && *pointer != '/'; pointer++) {
        bool escaped = *pointer == '~' && pointer[1];
        pointer += escaped;
        lite_text_add(ret, escaped ? (*pointer == '1' ? "/" : "~") : pointer, 1);
    }
    return pointer;
}

static size_t add_member(duck_table *x, size_t parent, const lite_text *quoted)
{
    duck_member *all = reallocarray(x->members, x->member_count + 1, sizeof *all);
    if (!all)
        return 0;
    x->members = all;
    size_t name = x->member_names.len, *link = &all[parent].first;
    while (*link)
        link = &all[*link].next;
    lite_text_add(&x->member_names, quoted->ptr, quoted->len);
    *link = x->member_count;
    all[x->member_count] = (duck_member){.name = name, .name_len = quoted->len, .column = SIZE_MAX};
    return x->member_names.failed ? 0 : x->member_count++;
}

static size_t child_of(duck_table *x, size_t parent, const lite_text *quoted)
{
    for (size_t i = x->members[parent].first; i; i = x->members[i].next) {
        const duck_member *m = &x->members[i];
        if (m->name_len == quoted->len && memcmp(x->member_names.ptr + m->name, quoted->ptr, quoted->len) == 0)
            return i;
    }
    return add_member(x, parent, quoted);
}

static bool add_column(duck_table *x, size_t which, const char *pointer)
{
    lite_text token = {0}, quoted = {0};
    size_t at = 0;
    bool ok = true;
    while (ok && *pointer) {
        pointer = take_token(pointer, &token);
        quoted.len = 0;
        lite_value_quote(&quoted, (weir_view){token.ptr, token.len});
        duck_add(&quoted, ":");
        at = token.failed || quoted.failed ? 0 : child_of(x, at, &quoted);
        ok = at != 0;
    }
    if (ok && x->members[at].column == SIZE_MAX)
        x->members[at].column = which;
    lite_text_free(&token);
    lite_text_free(&quoted);
    return ok;
}

static weir_rc make_members(weir_task *t, duck_table *x)
{
    if (x->members)
        return WEIR_OK;
    x->members = calloc(1, sizeof *x->members);
    x->member_count = 1;
    bool ok = x->members != NULL;
    if (ok)
        x->members[0].column = SIZE_MAX;
    for (size_t i = 0; ok && i < x->count; i++)
        ok = add_column(x, i, x->columns[i].pointer);
    if (ok)
        return WEIR_OK;
    free(x->members);
    x->members = NULL;
    return duck_nomem(t);
}

static bool write_members(const duck_table *x, const weir_sql_value *v, size_t parent, lite_text *out);

static bool write_member(const duck_table *x, const weir_sql_value *v, size_t at, lite_text *out)
{
    const duck_member *m = &x->members[at];
    if (m->column != SIZE_MAX && add_value(out, &v[m->column], x->columns[m->column].texts))
        return true;
    return m->first && write_members(x, v, at, out);
}

/* An object of the members that are there. @return false, and nothing written, if there are none */
static bool write_members(const duck_table *x, const weir_sql_value *v, size_t parent, lite_text *out)
{
    size_t begin = out->len;
    for (size_t i = x->members[parent].first; i; i = x->members[i].next) {
        size_t before = out->len;
        duck_add(out, before == begin ? "{" : ",");
        lite_text_add(out, x->member_names.ptr + x->members[i].name, x->members[i].name_len);
        if (!write_member(x, v, i, out))
            out->len = before;
    }
    if (out->len == begin)
        return false;
    duck_add(out, "}");
    return true;
}

typedef struct loading {
    duck_loader *l;
    const duck_table *x;
    const weir_row *const *keys;
} loading;

static weir_rc answer(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    loading *q = arg;
    lite_text *out = &q->l->out;
    (void)count;
    out->len = 0;
    if (!write_member(q->x, v + 1, 0, out))
        duck_add(out, "{}");
    return out->failed ? duck_nomem(t) : weir_loaded(t, q->keys[v[0].integer], (weir_view){out->ptr, out->len});
}

weir_rc duck_load(weir_task *t, duck_loader *l, duck_table *x, const weir_row *const *keys, size_t count)
{
    loading q = {l, x, keys};
    if (!x->keys || x->empty)
        return WEIR_OK;
    weir_rc rc = duck_rows_settle(t, l, x);
    if (!rc)
        rc = make_members(t, x);
    if (!rc)
        rc = join(t, l, x, keys, count, NULL, x->count, answer, &q);
    return weir_wrap(t, rc, "table \"%s\"", x->name);
}

/* -------------------------------------------------------------------------------------------------------------- cursors -- */

typedef struct comparing {
    duck_loader *l;
    const duck_table *x;
    const weir_row *rows;
    bool *older;
} comparing;

static int compare(comparing *q, size_t column, const weir_row *row, const weir_sql_value *held)
{
    const duck_column *c = &q->x->columns[column];
    lite_text *out = &q->l->out;
    out->len = 0;
    add_value(out, held, c->texts);
    unsigned types = c->types | (c->texts ? (unsigned)WEIR_IS_NUMBER : 0u);
    return weir_cursor_compare(row->values[column], (weir_view){out->ptr, out->len}, types);
}

static weir_rc note_older(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    comparing *q = arg;
    const weir_row *row = &q->rows[v[0].integer];
    int epoch = count > 2 && !row->regardless ? compare(q, q->x->epoch, row, &v[2]) : 0;
    q->older[v[0].integer] = !row->regardless && (epoch < 0 || (epoch == 0 && compare(q, q->x->cursor, row, &v[1]) < 0));
    return q->l->out.failed ? duck_nomem(t) : WEIR_OK;
}

weir_rc duck_load_older(weir_task *t, duck_loader *l, duck_table *x, const weir_row *rows, size_t count, bool *older)
{
    const size_t columns[] = {x->cursor, x->epoch};
    comparing q = {l, x, rows, older};
    const weir_row **keys = reallocarray(NULL, count + 1, sizeof(weir_row *));
    if (!keys)
        return duck_nomem(t);
    for (size_t i = 0; i < count; i++)
        keys[i] = &rows[i];
    weir_rc rc = join(t, l, x, keys, count, columns, x->epoch == SIZE_MAX ? 1 : 2, note_older, &q);
    free(keys);
    return rc;
}
