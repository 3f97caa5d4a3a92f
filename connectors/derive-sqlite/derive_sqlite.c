/* derive_sqlite.c - derive-sqlite: collections made of others by SQL, with an SQLite database to remember things in.
 *
 * Read on in this order: block.h (SQL taken apart), param.h (which field a parameter names), bound.h (what SQLite gets of it),
 * lambda.h (running it), db.h (the database, whose one open transaction holds the checkpoint too).
 */
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "lambda.h"
#include "stub.h"

extern const weir_connector derive_sqlite;

typedef struct settings {
    weir_list migrations; /* of const char * */
    const char *path;     /* NULL: in memory */
    int64_t busy_timeout, cache_mb;
} settings;

static const weir_field script_item[] = {{.name = "item", .type = WEIR_TEXT, .help = "SQL, or the name of a file with it."}, {0}};

static const weir_field config_fields[] = {
    {.name = "migrations",
     .type = WEIR_LIST,
     .offset = offsetof(settings, migrations),
     .fallback = "[]",
     .fields = script_item,
     .item_size = sizeof(const char *),
     .help = "Blocks of SQL that make or change tables. Each is run once, in their order; add blocks at the end."},
    {.name = "path",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, path),
     .flags = WEIR_OPTIONAL | WEIR_ADVANCED,
     .help = "The database file. Without it the database is in memory, and gone at the end."},
    {.name = "busy_timeout",
     .type = WEIR_INT,
     .offset = offsetof(settings, busy_timeout),
     .fallback = "60",
     .help = "How many seconds to wait while another process works with the database.",
     .flags = WEIR_ADVANCED,
     .min = 0,
     .max = 86400},
    {.name = "cache_mb",
     .type = WEIR_INT,
     .offset = offsetof(settings, cache_mb),
     .fallback = "16",
     .help = "Megabytes of memory for pages of the database. More is faster if it remembers much.",
     .flags = WEIR_ADVANCED,
     .min = 1,
     .max = 65536},
    {0},
};

/* One of the connector; the database is opened by begin(). */
typedef struct deriver {
    const settings *settings;
    const weir_derivation *derivation;
    dsql_db d;
    dsql_lambda **lambdas;
    size_t count;
} deriver;

/* ------------------------------------------------------------------------------------------------------- open and close -- */

static void end_session(deriver *x)
{
    for (size_t i = 0; i < x->count; i++)
        dsql_lambda_free(x->lambdas[i]);
    free(x->lambdas);
    x->lambdas = NULL;
    x->count = 0;
    dsql_db_close(&x->d);
}

static void close_deriver(void *self)
{
    if (!self)
        return;
    end_session(self);
    free(self);
}

static weir_rc open_deriver(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    (void)me;
    const settings *s = config;
    deriver *x = calloc(1, sizeof *x);
    if (!x)
        return lite_nomem(t);
    *x = (deriver){.settings = s,
                   .d = {.path = s->path ? s->path : ":memory:", .wait = {.task = t, .busy_ms = s->busy_timeout * 1000}}};
    *ret_self = x;
    return WEIR_OK;
}

/* --------------------------------------------------------------------------------------------------------------- lambdas -- */

/* The lambda is JSON: a string of SQL. */
static weir_rc decode(weir_view json, lite_text *ret, weir_view *ret_sql, dsql_error *e)
{
    if (!json.len || json.ptr[0] != '"')
        return dsql_say(e, WEIR_E_CONFIG, "the lambda must be a text: SQL, or the name of a file with it");
    ret->len = 0;
    if (!lite_text_reserve(ret, json.len))
        return dsql_say(e, WEIR_E_NOMEM, "out of memory");
    *ret_sql = lite_value_read(json, (value_hint){0}, ret).bytes;
    return WEIR_OK;
}

/* The file that a setting or lambda stood in, for an error; NULL: none. In the task's memory */
static const char *file_of(weir_task *t, const weir_derivation *v, const char *place, size_t index, const char *rest)
{
    weir_view pointer = v->imports.len ? weir_format(t, "/%s~1%zu%s", place, index, rest) : (weir_view){NULL, 0};
    return pointer.ptr ? weir_json_text(t, v->imports, pointer.ptr, NULL) : NULL;
}

/* @param ret NULL is left there for a file that does not exist; *ret_file is its name then */
static weir_rc make_lambda(dsql_db *d, const weir_transform *tr, lite_text *text, weir_view *ret_file, dsql_lambda **ret,
                           dsql_error *e)
{
    weir_view sql;
    *ret_file = (weir_view){NULL, 0};
    if (decode(tr->lambda_json, text, &sql, e))
        return e->rc;
    if (dsql_is_file(sql)) {
        *ret_file = sql;
        return WEIR_OK;
    }
    *ret = dsql_lambda_make(d, tr, sql, e);
    return e->rc;
}

/* ------------------------------------------------------------------------------------------------------------ validating -- */

static weir_rc validate_transform(weir_task *t, dsql_db *d, const weir_derivation *v, const weir_transform *tr, lite_text *text)
{
    dsql_error e = {WEIR_OK, NULL};
    dsql_lambda *l = NULL;
    weir_view file;
    if (make_lambda(d, tr, text, &file, &l, &e)) {
        const char *stood_in = file_of(t, v, "~1transforms", tr->index, "~1lambda");
        if (stood_in)
            dsql_at(&e, "%s", stood_in);
        dsql_at(&e, "transform \"%.*s\"", (int)tr->name.len, tr->name.ptr);
        return dsql_problem(t, &e);
    }
    bool read_only = !l || dsql_lambda_read_only(l);
    dsql_lambda_free(l);
    weir_rc rc = file.len ? dsql_stub_lambda(t, tr, file) : WEIR_OK;
    return rc || !read_only ? rc : weir_read_only(t, tr);
}

static weir_rc generate_migrations(weir_task *t, const dsql_migrations *m)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < m->count; i++) {
        weir_view script = {m->scripts[i], strlen(m->scripts[i])};
        if (dsql_is_file(script))
            rc = dsql_stub_migration(t, script, i);
    }
    return rc;
}

/* In a database of its own, in memory: nothing is changed. */
static weir_rc validate(weir_task *t, void *self, const weir_derivation *v)
{
    const deriver *x = self;
    const settings *s = x->settings;
    dsql_migrations m = {s->migrations.items, s->migrations.count, true, 0};
    dsql_db d = {.path = ":memory:", .wait = {.task = t}};
    dsql_error e = {WEIR_OK, NULL};
    lite_text text = {0};
    weir_rc rc = generate_migrations(t, &m);
    if (!rc && dsql_db_open(&d, &m, s->cache_mb, &e)) {
        const char *stood_in = m.failed ? file_of(t, v, "~1using~1sqlite~1migrations", m.failed - 1, "") : NULL;
        if (stood_in)
            dsql_at(&e, "%s", stood_in);
        rc = dsql_problem(t, &e);
    } else {
        for (size_t i = 0; !rc && i < v->count; i++)
            rc = validate_transform(t, &d, v, &v->transforms[i], &text);
    }
    dsql_db_close(&d);
    lite_text_free(&text);
    return rc;
}

/* --------------------------------------------------------------------------------------------------------------- session -- */

static weir_rc make_lambdas(deriver *x, dsql_error *e)
{
    lite_text text = {0};
    weir_view file = {NULL, 0};
    x->lambdas = calloc(x->derivation->count + 1, sizeof(dsql_lambda *));
    weir_rc rc = x->lambdas ? WEIR_OK : dsql_say(e, WEIR_E_NOMEM, "out of memory");
    for (size_t i = 0; !rc && i < x->derivation->count; i++) {
        const weir_transform *tr = &x->derivation->transforms[i];
        rc = make_lambda(&x->d, tr, &text, &file, &x->lambdas[i], e);
        x->count = i + 1;
        if (!rc && file.len)
            rc = dsql_say(e, WEIR_E_CONFIG, "there is no file '%.*s'", (int)file.len, file.ptr);
        if (rc)
            dsql_at(e, "transform \"%.*s\"", (int)tr->name.len, tr->name.ptr);
    }
    lite_text_free(&text);
    return rc;
}

static weir_rc start(weir_task *t, deriver *x)
{
    const settings *s = x->settings;
    dsql_migrations m = {s->migrations.items, s->migrations.count, false, 0};
    dsql_error e = {WEIR_OK, NULL};
    x->d.wait.task = t;
    if (dsql_db_open(&x->d, &m, s->cache_mb, &e) || make_lambdas(x, &e)) {
        x->d.broken = true;
        return dsql_fail(t, &e);
    }
    return WEIR_OK;
}

static weir_rc begin(weir_task *t, void *self, const weir_derivation *v)
{
    deriver *x = self;
    weir_view checkpoint;
    end_session(x);
    x->derivation = v;
    weir_rc rc = start(t, x);
    if (rc || dsql_db_in_memory(&x->d))
        return rc;
    rc = dsql_db_checkpoint(t, &x->d, &checkpoint);
    return rc ? rc : weir_resume(t, checkpoint);
}

static weir_rc read_documents(weir_task *t, void *self, const weir_read *reads, size_t count)
{
    deriver *x = self;
    x->d.wait.task = t;
    weir_rc rc = x->d.broken ? weir_fail(t, WEIR_E_BUG, "a read or commit failed before") : WEIR_OK;
    for (size_t i = 0; !rc && i < count; i++)
        rc = dsql_lambda_run(t, &x->d, x->lambdas[reads[i].transform->index], &reads[i], x->derivation->to);
    x->d.broken |= rc != WEIR_OK;
    return rc;
}

static weir_rc commit(weir_task *t, void *self, weir_view checkpoint)
{
    deriver *x = self;
    x->d.wait.task = t;
    return dsql_db_commit(t, &x->d, checkpoint);
}

static weir_rc reset(weir_task *t, void *self)
{
    deriver *x = self;
    end_session(x);
    x->d.path = ":memory:";
    return start(t, x);
}

static const weir_derive derive = {
    .validate = validate, .begin = begin, .read = read_documents, .commit = commit, .reset = reset, .wants_values = true};

const weir_connector derive_sqlite = {
    .abi = WEIR_ABI,
    .name = "derive-sqlite",
    .version = "0.1.0",
    .title = "Derives collections with SQL",
    .config = config_fields,
    .config_size = sizeof(settings),
    .resource_schema = WEIR_LIT("{\"type\":\"string\",\"title\":\"SQL\",\"description\":\"Statements that run for each document; "
                                "what they select is published.\"}"),
    .open = open_deriver,
    .close = close_deriver,
    .derive = &derive,
};
