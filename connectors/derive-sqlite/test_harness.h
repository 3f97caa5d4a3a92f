/* test_harness.h - derive-sqlite called as the runtime calls it: what it publishes, and the database looked at with sqlite3 itself.
 */
#ifndef DSQL_TEST_HARNESS_H
#define DSQL_TEST_HARNESS_H

#include <inttypes.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "json/text.h"
#include "run/session.h"

extern const weir_connector derive_sqlite;

enum { TRANSFORMS = 4, COLUMNS = 24 };

typedef struct run {
    listener as_listener; /* first */
    session *s;
    arena a;
    err e;
    weir_binding to;
    weir_transform transforms[TRANSFORMS];
    weir_column columns[TRANSFORMS][COLUMNS];
    weir_derivation v;
    bool derives;  /* session_derive() was called */
    buf out;       /* published documents, one a line */
    bool emptied;  /* it is thrown away when it is full, as if somebody read it */
    size_t most;   /* bytes that were in it then */
    size_t rows;   /* and documents */
    buf said;      /* what validate() reports, one a line */
    char *resumed; /* the checkpoint given to weir_resume() */
} run;

static inline weir_rc on_attach(listener *l, weir_task *t, lane *ln)
{
    run *r = (run *)l;
    (void)t;
    ln->outlets[0] = (outlet){.to = &r->out, .prefix = view_of(""), .suffix = view_of("\n")};
    return WEIR_OK;
}

static inline weir_rc on_spill(listener *l, weir_task *t, lane *ln)
{
    run *r = (run *)l;
    (void)t;
    (void)ln;
    r->most = r->out.len > r->most ? r->out.len : r->most;
    for (size_t i = 0; i < r->out.len; i++)
        r->rows += r->out.ptr[i] == '\n';
    if (r->emptied)
        buf_clear(&r->out);
    return WEIR_OK;
}

static inline void on_detach(listener *l, lane *ln)
{
    run *r = (run *)l;
    if (r->emptied)
        on_spill(l, NULL, ln);
}

static inline weir_rc on_seal(listener *l, weir_task *t, lane *ln, const checkpoint *c)
{
    (void)c;
    return on_spill(l, t, ln);
}

static inline weir_rc on_resume(listener *l, weir_task *t, weir_view position)
{
    run *r = (run *)l;
    (void)t;
    free(r->resumed);
    r->resumed = strndup(position.len ? position.ptr : "", position.len);
    return WEIR_OK;
}

static inline void on_problem(listener *l, weir_task *t, const weir_binding *b, weir_view message)
{
    run *r = (run *)l;
    (void)t;
    assert_null(b);
    buf_printf(&r->said, "problem: %.*s\n", VIEW_ARG(message));
}

static inline weir_rc on_read_only(listener *l, weir_task *t, const weir_transform *x)
{
    run *r = (run *)l;
    (void)t;
    buf_printf(&r->said, "read only: %.*s\n", VIEW_ARG(x->name));
    return WEIR_OK;
}

static inline weir_rc on_generated(listener *l, weir_task *t, weir_view url, weir_view content)
{
    run *r = (run *)l;
    (void)t;
    buf_printf(&r->said, "file %.*s:\n%.*s", VIEW_ARG(url), VIEW_ARG(content));
    return WEIR_OK;
}

static const listener_ops harness_ops = {.attach = on_attach,
                                         .detach = on_detach,
                                         .spill = on_spill,
                                         .seal = on_seal,
                                         .resume = on_resume,
                                         .problem = on_problem,
                                         .read_only = on_read_only,
                                         .generated = on_generated};

/** printf into memory that the caller frees. */
static inline char *text(const char *fmt, ...)
{
    char *made = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&made, fmt, args) < 0)
        abort();
    va_end(args);
    return made;
}

/* ------------------------------------------------------------------------------------------------------------- a session -- */

/** Opens the connector with these settings: JSON text. */
static inline void run_open(run *r, const char *config)
{
    *r = (run){.as_listener = {&harness_ops}};
    r->s = session_new(&(session_options){.connector = &derive_sqlite, .to = &r->as_listener, .task_name = view_of("acme/sums")});
    assert_non_null(r->s);
    tree *settings;
    assert_int_equal(tree_parse(&r->a, arena_printf(&r->a, "%s", config), NULL, WEIR_E_BUG, &settings, &r->e), WEIR_OK);
    if (session_open(r->s, settings, &r->e))
        fail_msg("open: %s", err_text(&r->e));
    r->to = (weir_binding){.name = view_of("acme/sums"), .key = view_of("[\"/id\"]")};
    r->v = (weir_derivation){.key_end = UINT32_MAX};
}

static inline void run_close(run *r)
{
    session_free(r->s);
    free(r->resumed);
    buf_free(&r->out);
    buf_free(&r->said);
    arena_free(&r->a);
    err_free(&r->e);
}

/** A field in short; its pointer is made from its name unless it is given. */
static inline weir_column field(const char *name)
{
    return (weir_column){.field = view_of(name)};
}

static inline weir_column formatted(const char *name, const char *format)
{
    return (weir_column){.field = view_of(name), .format = view_of(format), .types = WEIR_IS_STRING};
}

static inline weir_column encoded(const char *name)
{
    return (weir_column){.field = view_of(name), .encoding = view_of("base64"), .types = WEIR_IS_STRING};
}

/** Adds a transform whose lambda is this SQL. The document itself is the field flow_document, as everywhere in Flow. */
static inline weir_transform *add_transform(run *r, const char *sql, const weir_column *columns)
{
    uint32_t at = (uint32_t)r->v.count++;
    weir_column *own = r->columns[at];
    buf lambda = {0};
    json_quote_lossy(&lambda, view_of(sql));
    r->transforms[at] = (weir_transform){.index = at,
                                         .name = arena_printf(&r->a, "t%u", at),
                                         .collection = view_of("acme/in"),
                                         .columns = own,
                                         .lambda_json = arena_dup(&r->a, buf_view(&lambda))};
    buf_free(&lambda);
    weir_transform *tr = &r->transforms[at];
    for (; columns->field.ptr; columns++) {
        assert_true(tr->column_count < COLUMNS - 1);
        own[tr->column_count] = *columns;
        if (!columns->pointer.ptr)
            own[tr->column_count].pointer = arena_printf(&r->a, "/%.*s", VIEW_ARG(columns->field));
        tr->column_count++;
    }
    own[tr->column_count++] = (weir_column){.field = view_of("flow_document"), .pointer = view_of("")};
    return tr;
}

#define TRANSFORM(r, sql, ...) add_transform(r, sql, (const weir_column[]){__VA_ARGS__ __VA_OPT__(, ){.types = 0}})

static inline void settle(run *r)
{
    static const tree *none[TRANSFORMS];
    if (!r->derives && session_derive(r->s, &r->v, &r->to, r->transforms, none, (weir_view){0}, &r->e))
        fail_msg("derive: %s", err_text(&r->e));
    r->derives = true;
}

static inline weir_rc try_validate(run *r)
{
    settle(r);
    return session_validate(r->s, &r->e);
}

static inline weir_rc try_begin(run *r)
{
    settle(r);
    return session_begin(r->s, &r->e);
}

static inline void begin(run *r)
{
    if (try_begin(r))
        fail_msg("begin: %s", err_text(&r->e));
}

static inline weir_rc try_read(run *r, size_t transform, const char *doc)
{
    weir_read read = {.transform = &r->transforms[transform], .doc = view_of(doc)};
    return session_read(r->s, &read, 1, &r->e);
}

static inline void put(run *r, size_t transform, const char *doc)
{
    if (try_read(r, transform, doc))
        fail_msg("%s: %s", doc, err_text(&r->e));
}

static inline weir_rc try_commit(run *r, const char *position)
{
    return session_commit(r->s, view_of(position), &r->e);
}

static inline void commit(run *r, const char *position)
{
    if (try_commit(r, position))
        fail_msg("commit: %s", err_text(&r->e));
}

/* ------------------------------------------------------------------------------------------------------------ assertions -- */

static inline void assert_error(run *r, weir_rc rc, weir_rc want, const char *words)
{
    if (rc != want || !strstr(err_text(&r->e), words))
        fail_msg("%d \"%s\"\n is not %d \"%s\"", rc, err_text(&r->e), want, words);
}

/** What was published since the last look. */
static inline void assert_published(run *r, const char *want)
{
    if (strcmp(buf_text(&r->out), want) != 0)
        fail_msg("published\n%s\nwanted\n%s", buf_text(&r->out), want);
    buf_clear(&r->out);
}

/** What a document makes the only lambda of a new session publish. */
static inline void assert_derives(const char *sql, const weir_column *columns, const char *doc, const char *want)
{
    run r;
    run_open(&r, "{}");
    add_transform(&r, sql, columns);
    begin(&r);
    put(&r, 0, doc);
    assert_published(&r, want);
    run_close(&r);
}

#define DERIVES(sql, doc, want, ...) assert_derives(sql, (const weir_column[]){__VA_ARGS__ __VA_OPT__(, ){.types = 0}}, doc, want)

/** What a query of the file gives: | between columns, a line for each row. */
static inline void assert_gives(const char *path, const char *sql, const char *want)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    buf out = {0};
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL))
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(st) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(st); i++)
            buf_printf(&out, "%s%s", sqlite3_column_text(st, i) ? (const char *)sqlite3_column_text(st, i) : "NULL",
                       i + 1 < sqlite3_column_count(st) ? "|" : "\n");
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
    sqlite3_close(db);
    if (strcmp(buf_text(&out), want) != 0)
        fail_msg("%s\n gives\n%s\nwanted\n%s", sql, buf_text(&out), want);
    buf_free(&out);
}

#endif
