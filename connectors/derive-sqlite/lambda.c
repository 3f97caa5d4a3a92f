#include "lambda.h"

#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "bound.h"
#include "param.h"

/* A field that the block names: its value is taken out of a document once, however often it is named. */
typedef struct use {
    size_t column;
    dsql_kind kind;
    weir_view json;
    lite_value value;
} use;

/* A column of a result. */
typedef struct output {
    weir_name name; /* `quoted` is NULL: another column has the same name and comes later */
} output;

typedef struct statement {
    sqlite3_stmt *st;
    size_t line;
    size_t *params; /* by parameter: which of the uses */
    size_t param_count;
    output *outputs;
    size_t output_count;
    bool whole;   /* the only column is the document */
    int prepared; /* how often SQLite had prepared it anew when outputs were made */
} statement;

struct dsql_lambda {
    const weir_transform *transform;
    use *uses;
    size_t use_count;
    statement *statements;
    size_t count;
    lite_text scratch;
};

/* -------------------------------------------------------------------------------------------------------------- freeing -- */

static void free_outputs(statement *s)
{
    for (size_t i = 0; i < s->output_count; i++)
        free((char *)s->outputs[i].name.quoted);
    free(s->outputs);
    s->outputs = NULL;
    s->output_count = 0;
}

void dsql_lambda_free(dsql_lambda *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++) {
        sqlite3_finalize(l->statements[i].st);
        free(l->statements[i].params);
        free_outputs(&l->statements[i]);
    }
    free(l->uses);
    free(l->statements);
    lite_text_free(&l->scratch);
    free(l);
}

static weir_rc no_memory(dsql_error *e)
{
    return dsql_say(e, WEIR_E_NOMEM, "out of memory");
}

/* ------------------------------------------------------------------------------------------------------------ parameters -- */

static weir_rc use_of(dsql_lambda *l, size_t column, size_t *ret, dsql_error *e)
{
    for (*ret = 0; *ret < l->use_count; ++*ret)
        if (l->uses[*ret].column == column)
            return WEIR_OK;
    use *uses = reallocarray(l->uses, l->use_count + 1, sizeof *uses);
    if (!uses)
        return no_memory(e);
    l->uses = uses;
    uses[l->use_count++] = (use){.column = column, .kind = dsql_kind_of(&l->transform->columns[column])};
    return WEIR_OK;
}

static weir_rc find_params(dsql_lambda *l, statement *s, dsql_error *e)
{
    s->param_count = (size_t)sqlite3_bind_parameter_count(s->st);
    s->params = calloc(s->param_count + 1, sizeof *s->params);
    if (!s->params)
        return no_memory(e);
    for (size_t i = 0; i < s->param_count; i++) {
        size_t column = 0;
        const char *name = sqlite3_bind_parameter_name(s->st, (int)i + 1);
        weir_rc rc = dsql_param_find(l->transform, name, &column, e);
        if (!rc)
            rc = use_of(l, column, &s->params[i], e);
        if (rc)
            return dsql_at(e, "line %lld", (long long)s->line);
    }
    return WEIR_OK;
}

/* --------------------------------------------------------------------------------------------------------------- outputs -- */

/* A column that is named exactly like a parameter has the name of its field. */
static weir_view output_name(const dsql_lambda *l, const statement *s, const char *name)
{
    for (size_t i = 0; i < s->param_count; i++)
        if (strcmp(sqlite3_bind_parameter_name(s->st, (int)i + 1), name) == 0)
            return l->transform->columns[l->uses[s->params[i]].column].field;
    return (weir_view){name, strlen(name)};
}

static bool same_name(weir_name a, weir_name b)
{
    return a.quoted && b.quoted && a.len == b.len && memcmp(a.quoted, b.quoted, a.len) == 0;
}

static bool name_output(statement *s, size_t i, weir_view name)
{
    lite_text quoted = {0};
    lite_value_quote(&quoted, name);
    lite_text_add(&quoted, ":", 1);
    if (quoted.failed) {
        lite_text_free(&quoted);
        return false;
    }
    s->outputs[i].name = (weir_name){quoted.ptr, quoted.len};
    for (size_t k = 0; k < i; k++) {
        if (!same_name(s->outputs[k].name, s->outputs[i].name))
            continue;
        free((char *)s->outputs[k].name.quoted);
        s->outputs[k].name = (weir_name){NULL, 0};
    }
    return true;
}

static weir_rc find_outputs(const dsql_lambda *l, statement *s, dsql_error *e)
{
    free_outputs(s);
    size_t count = (size_t)sqlite3_column_count(s->st);
    const char *first = count ? sqlite3_column_name(s->st, 0) : "";
    s->prepared = sqlite3_stmt_status(s->st, SQLITE_STMTSTATUS_REPREPARE, 0);
    s->whole = count == 1 && first && sqlite3_strnicmp(first, "json", 4) == 0;
    s->outputs = calloc(count + 1, sizeof *s->outputs);
    if (!s->outputs || !first)
        return no_memory(e);
    for (; s->output_count < count; s->output_count++) {
        const char *name = sqlite3_column_name(s->st, (int)s->output_count);
        if (!name || !name_output(s, s->output_count, output_name(l, s, name)))
            return no_memory(e);
    }
    return WEIR_OK;
}

/* -------------------------------------------------------------------------------------------------------------- preparing -- */

static weir_rc add_statement(dsql_db *d, dsql_lambda *l, const dsql_statement *from, dsql_error *e)
{
    sqlite3_stmt *st = NULL;
    weir_rc rc = dsql_db_prepare(d, from->sql, from->line, &st, e);
    if (rc || !st)
        return rc;
    statement *all = reallocarray(l->statements, l->count + 1, sizeof *all);
    if (!all) {
        sqlite3_finalize(st);
        return no_memory(e);
    }
    l->statements = all;
    all[l->count] = (statement){.st = st, .line = from->line};
    rc = find_params(l, &all[l->count++], e);
    return rc ? rc : find_outputs(l, &all[l->count - 1], e);
}

dsql_lambda *dsql_lambda_make(dsql_db *d, const weir_transform *t, weir_view sql, dsql_error *e)
{
    dsql_lambda *l = calloc(1, sizeof *l);
    dsql_block b;
    dsql_statement s = {.line = 0};
    if (!l) {
        no_memory(e);
        return NULL;
    }
    l->transform = t;
    weir_rc rc = dsql_block_open(&b, sql, e);
    while (!rc && !(rc = dsql_block_next(&b, &s, e)) && s.sql.len)
        rc = add_statement(d, l, &s, e);
    dsql_block_close(&b);
    if (!rc)
        return l;
    dsql_lambda_free(l);
    return NULL;
}

bool dsql_lambda_read_only(const dsql_lambda *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (!sqlite3_stmt_readonly(l->statements[i].st))
            return false;
    return true;
}

/* -------------------------------------------------------------------------------------------------------------- binding -- */

static weir_rc take_values(weir_task *t, dsql_lambda *l, const weir_read *r)
{
    size_t room = DSQL_TIME_ROOM;
    for (size_t i = 0; i < l->use_count; i++) {
        use *u = &l->uses[i];
        u->json = r->values[u->column];
        if (!u->json.len)
            u->json = l->transform->columns[u->column].fallback;
        room += u->json.len + (u->kind == DSQL_PUBLISHED ? DSQL_TIME_ROOM : 0);
    }
    l->scratch.len = 0;
    if (!lite_text_reserve(&l->scratch, room))
        return lite_nomem(t);
    for (size_t i = 0; i < l->use_count; i++)
        l->uses[i].value = dsql_bound_value(l->uses[i].kind, l->uses[i].json, r->clock, &l->scratch);
    return WEIR_OK;
}

static int bind_value(sqlite3_stmt *st, int i, const lite_value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        return sqlite3_bind_null(st, i);
    case VALUE_INTEGER:
        return sqlite3_bind_int64(st, i, v->integer);
    case VALUE_REAL:
        return sqlite3_bind_double(st, i, v->real);
    case VALUE_TEXT:
        return sqlite3_bind_text64(st, i, v->bytes.len ? v->bytes.ptr : "", v->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case VALUE_BLOB:
        break;
    }
    return sqlite3_bind_blob64(st, i, v->bytes.len ? v->bytes.ptr : "", v->bytes.len, SQLITE_STATIC);
}

/* ------------------------------------------------------------------------------------------------------------ publishing -- */

/* Of TEXT or BLOB. As a blob also the former: to put a NUL behind it SQLite would copy it. */
static weir_rc column_bytes(weir_task *t, sqlite3_stmt *st, int i, weir_view *ret)
{
    const char *bytes = sqlite3_column_blob(st, i); /* NULL if it is empty, too */
    *ret = (weir_view){bytes ? bytes : "", bytes ? (size_t)sqlite3_column_bytes(st, i) : 0};
    return !bytes && sqlite3_errcode(sqlite3_db_handle(st)) == SQLITE_NOMEM ? lite_nomem(t) : WEIR_OK;
}

/* TEXT that is enclosed in {} or [] and is JSON counts as that. */
static bool is_json(weir_view s)
{
    bool enclosed = s.len > 1 && ((s.ptr[0] == '{' && s.ptr[s.len - 1] == '}') || (s.ptr[0] == '[' && s.ptr[s.len - 1] == ']'));
    return enclosed && weir_json_at(s, "").len == s.len;
}

static void put_bytes(weir_task *t, int type, weir_name name, weir_view v)
{
    if (type == SQLITE_BLOB)
        weir_put_bytes(t, name, v.ptr, v.len);
    else if (is_json(v))
        weir_put_json(t, name, v);
    else
        weir_put_text(t, name, v);
}

static weir_rc put_column(weir_task *t, sqlite3_stmt *st, int i, weir_name name)
{
    weir_rc rc = WEIR_OK;
    weir_view v;
    int type = sqlite3_column_type(st, i);
    switch (type) {
    case SQLITE_INTEGER:
        weir_put_int(t, name, sqlite3_column_int64(st, i));
        break;
    case SQLITE_FLOAT:
        weir_put_double(t, name, sqlite3_column_double(st, i));
        break;
    case SQLITE_NULL:
        weir_put_null(t, name);
        break;
    default:
        rc = column_bytes(t, st, i, &v);
        if (!rc)
            put_bytes(t, type, name, v);
    }
    return rc;
}

static weir_rc publish_whole(weir_task *t, const statement *s, const weir_binding *to)
{
    weir_view doc = {NULL, 0};
    weir_rc rc = sqlite3_column_type(s->st, 0) == SQLITE_TEXT ? column_bytes(t, s->st, 0, &doc) : WEIR_OK;
    if (rc)
        return rc;
    if (is_json(doc) && doc.ptr[0] == '{')
        return weir_emit(t, to, WEIR_UPSERT, doc);
    const char *name = sqlite3_column_name(s->st, 0);
    return weir_fail(t, WEIR_E_CONFIG, "its only column, \"%s\", is to be a document, and is no JSON object", name ? name : "json");
}

static weir_rc publish(weir_task *t, const statement *s, const weir_binding *to)
{
    if (s->whole)
        return publish_whole(t, s, to);
    weir_rc rc = weir_begin(t, to, WEIR_UPSERT);
    for (size_t i = 0; !rc && i < s->output_count; i++)
        if (s->outputs[i].name.quoted)
            rc = put_column(t, s->st, (int)i, s->outputs[i].name);
    rc = rc ? rc : weir_end(t); /* a document that was begun is taken back with the callback */
    if (rc == WEIR_E_REMOTE)    /* whoever wrote the SQL has to act */
        rc = weir_fail(t, WEIR_E_CONFIG, "it selects text that is not UTF-8, or more than a document may hold");
    return rc;
}

/* --------------------------------------------------------------------------------------------------------------- running -- */

/* A row may come of a statement that SQLite has prepared anew, as the schema has changed: with other columns. */
static weir_rc publish_row(weir_task *t, const dsql_lambda *l, statement *s, const weir_binding *to)
{
    dsql_error e = {WEIR_OK, NULL};
    if (sqlite3_stmt_status(s->st, SQLITE_STMTSTATUS_REPREPARE, 0) != s->prepared && find_outputs(l, s, &e))
        return dsql_fail(t, &e);
    return publish(t, s, to);
}

static weir_rc step_all(weir_task *t, dsql_db *d, const dsql_lambda *l, statement *s, const weir_binding *to)
{
    weir_rc rc = WEIR_OK;
    int code;
    while (!rc && (code = sqlite3_step(s->st)) == SQLITE_ROW)
        rc = publish_row(t, l, s, to);
    if (rc || code == SQLITE_DONE)
        return rc;
    dsql_error e = {WEIR_OK, NULL};
    dsql_db_error(d, code, &e);
    return dsql_fail(t, &e);
}

static weir_rc run_statement(weir_task *t, dsql_db *d, const dsql_lambda *l, statement *s, const weir_binding *to)
{
    int code = SQLITE_OK;
    for (size_t i = 0; !code && i < s->param_count; i++)
        code = bind_value(s->st, (int)i + 1, &l->uses[s->params[i]].value);
    if (code) {
        dsql_error e = {WEIR_OK, NULL};
        dsql_db_error(d, code, &e);
        return dsql_fail(t, &e);
    }
    d->guarded = true;
    weir_rc rc = step_all(t, d, l, s, to);
    d->guarded = false;
    sqlite3_reset(s->st);
    return rc;
}

/* The beginning of a document, for an error. */
static int shown(weir_view doc)
{
    size_t len = doc.len < 300 ? doc.len : 300;
    while (len < doc.len && len && ((unsigned char)doc.ptr[len] & 0xc0) == 0x80)
        len--;
    return (int)len;
}

weir_rc dsql_lambda_run(weir_task *t, dsql_db *d, dsql_lambda *l, const weir_read *r, const weir_binding *to)
{
    weir_rc rc = take_values(t, l, r);
    for (size_t i = 0; !rc && i < l->count; i++) {
        rc = run_statement(t, d, l, &l->statements[i], to);
        if (rc && rc != WEIR_STOPPED)
            weir_wrap(t, rc, "transform \"%.*s\", line %zu, document %.*s%s", (int)l->transform->name.len, l->transform->name.ptr,
                      l->statements[i].line, shown(r->doc), r->doc.ptr, (size_t)shown(r->doc) < r->doc.len ? "..." : "");
    }
    return rc;
}
