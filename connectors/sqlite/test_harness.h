/* test_harness.h - materialize-sqlite as the runtime drives it, looked at with sqlite3 itself: what counts is what others find in
 * the file. */
#ifndef SQLITE_TEST_HARNESS_H
#define SQLITE_TEST_HARNESS_H

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "json/text.h"
#include "folder.h"
#include "run/session.h"

extern const weir_connector materialize_sqlite;

enum { TABLES = 2, COLUMNS = 12 };

/* A column in short: name, types, flags. */
#define STR  WEIR_IS_STRING
#define INT  WEIR_IS_INTEGER
#define NUM  WEIR_IS_NUMBER
#define BOOL WEIR_IS_BOOLEAN
#define OBJ  WEIR_IS_OBJECT
#define ARR  WEIR_IS_ARRAY
#define NIL  WEIR_IS_NULL

typedef struct run {
    listener as_listener; /* first */
    struct fixture *f;
    session *s;
    weir_binding bindings[TABLES];
    weir_column columns[TABLES][COLUMNS];
    size_t count;
    arena a;
    err e;
    char *resumed; /* the checkpoint given to weir_resume() */
    buf loaded;    /* one document a line */
} run;

typedef struct fixture {
    char *folder, *path;
    FILE *log_file;
    log_sink *log;
    sqlite3 *db;
} fixture;

static inline int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->folder = folder_make();
    assert_true(asprintf(&f->path, "%s/test.db", f->folder) > 0);
    f->log_file = tmpfile();
    f->log = log_open(fileno(f->log_file));
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    fixture *f = *state;
    sqlite3_close(f->db);
    log_close(f->log);
    fclose(f->log_file);
    free(f->path);
    folder_remove(f->folder);
    free(f);
    return 0;
}

static inline weir_rc on_loaded(listener *l, weir_task *t, const weir_row *row, weir_view doc)
{
    run *r = (run *)l;
    (void)t;
    (void)row;
    buf_addv(&r->loaded, doc);
    buf_addc(&r->loaded, '\n');
    return WEIR_OK;
}

static inline weir_rc on_resume(listener *l, weir_task *t, weir_view position)
{
    run *r = (run *)l;
    (void)t;
    free(r->resumed);
    r->resumed = strndup(position.ptr ? position.ptr : "", position.len);
    return WEIR_OK;
}

static const listener_ops ops = {.loaded = on_loaded, .resume = on_resume};

/* Begins a run of a task up to open(). */
static inline weir_rc try_begin(fixture *f, run *r, const char *task, const char *extra)
{
    *r = (run){.as_listener = {&ops}, .f = f};
    r->s = session_new(
        &(session_options){.connector = &materialize_sqlite, .to = &r->as_listener, .log = f->log, .task_name = view_of(task)});
    assert_non_null(r->s);
    tree *config;
    weir_view text = arena_printf(&r->a, "{\"path\":\"%s\"%s}", f->path, extra);
    assert_int_equal(tree_parse(&r->a, text, NULL, WEIR_E_BUG, &config, &r->e), WEIR_OK);
    return session_open(r->s, config, &r->e);
}

static inline void begin(fixture *f, run *r)
{
    if (try_begin(f, r, "acme/load", ""))
        fail_msg("open: %s", err_text(&r->e));
}

static inline void end(run *r)
{
    session_free(r->s);
    free(r->resumed);
    buf_free(&r->loaded);
    arena_free(&r->a);
    err_free(&r->e);
}

static inline weir_column col(const char *field, unsigned types)
{
    return (weir_column){.field = view_of(field), .types = types};
}

/* Adds a binding: its columns, of which the first `keys` are the key. Ended by a column without types and name. */
static inline weir_binding *bind(run *r, const char *table, size_t keys, const weir_column *columns)
{
    weir_binding *b = &r->bindings[r->count];
    weir_column *own = r->columns[r->count++];
    *b = (weir_binding){.name = view_of("acme/docs"), .columns = own, .key_count = keys, .resource_json = view_of(table)};
    for (; columns->field.ptr; columns++, b->column_count++) {
        weir_column *c = &own[b->column_count];
        *c = *columns;
        c->key = b->column_count < keys;
        c->required |= c->key;
        if (!c->pointer.ptr)
            c->pointer = arena_printf(&r->a, "/%.*s", VIEW_ARG(c->field));
    }
    return b;
}

static inline weir_rc expire(run *r, const weir_binding *b, const char *age, int64_t below, const char *mark, const char *value)
{
    weir_expiry x = {.below = below, .value = view_of(value)};
    for (size_t i = 0; i < b->column_count; i++) {
        x.age = age && view_eq(b->columns[i].field, view_of(age)) ? &b->columns[i] : x.age;
        x.mark = mark && view_eq(b->columns[i].field, view_of(mark)) ? &b->columns[i] : x.mark;
    }
    return session_expire(r->s, b, &x, &r->e);
}

#define BIND(r, table, keys, ...) bind(r, table, keys, (const weir_column[]){__VA_ARGS__, {.types = 0}})

static inline void settle_bindings(run *r)
{
    tree *resources[TABLES];
    for (size_t i = 0; i < r->count; i++) {
        buf text = {0};
        buf_adds(&text, "{\"table\":");
        json_quote_lossy(&text, r->bindings[i].resource_json);
        buf_adds(&text, "}");
        weir_view kept = arena_dup(&r->a, buf_view(&text));
        buf_free(&text);
        assert_int_equal(tree_parse(&r->a, kept, NULL, WEIR_E_BUG, &resources[i], &r->e), WEIR_OK);
    }
    if (session_bind(r->s, r->bindings, (const tree *const *)resources, r->count, (weir_view){0}, &r->e))
        fail_msg("bind: %s", err_text(&r->e));
}

static inline weir_rc try_apply(run *r)
{
    settle_bindings(r);
    return session_apply(r->s, &r->e);
}

static inline void apply(run *r)
{
    if (try_apply(r))
        fail_msg("apply: %s", err_text(&r->e));
}

/* A row from the JSON texts of its values; NULL is absent. */
static inline weir_rc try_row(run *r, const weir_binding *b, weir_op op, const char *const *texts)
{
    weir_view values[COLUMNS];
    for (size_t i = 0; i < b->column_count; i++)
        values[i] = op == WEIR_DELETE && i >= b->key_count ? (weir_view){0} : view_of(texts[i]);
    weir_row row = {.binding = b, .op = op, .values = values};
    return session_store(r->s, &row, 1, &r->e);
}

static inline void put_row(run *r, const weir_binding *b, const char *const *texts)
{
    if (try_row(r, b, WEIR_UPSERT, texts))
        fail_msg("store: %s", err_text(&r->e));
}

#define PUT(r, b, ...)    put_row(r, b, (const char *const[]){__VA_ARGS__})
#define REMOVE(r, b, ...) assert_int_equal(try_row(r, b, WEIR_DELETE, (const char *const[]){__VA_ARGS__}), WEIR_OK)

static inline void commit(run *r, const char *position)
{
    if (session_commit(r->s, view_of(position), &r->e))
        fail_msg("commit: %s", err_text(&r->e));
}

static inline const char *load(run *r, const weir_binding *b, const char *key)
{
    weir_view given = view_of(key);
    weir_row row = {.binding = b, .values = &given};
    buf_clear(&r->loaded);
    if (session_load(r->s, &row, 1, &r->e))
        fail_msg("load: %s", err_text(&r->e));
    return buf_text(&r->loaded);
}

static inline void assert_error(run *r, weir_rc rc, weir_rc want, const char *text)
{
    if (rc != want || !strstr(err_text(&r->e), text))
        fail_msg("%d \"%s\" is not %d \"%s\"", rc, err_text(&r->e), want, text);
}

/* What a query gives: values as sqlite3's quote() shows them, | between columns, a space between rows. */
static inline char *ask(fixture *f, const char *sql)
{
    if (!f->db)
        assert_int_equal(sqlite3_open(f->path, &f->db), SQLITE_OK);
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(f->db, sql, -1, &st, NULL))
        fail_msg("%s: %s", sql, sqlite3_errmsg(f->db));
    buf out = {0};
    while (sqlite3_step(st) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(st); i++)
            buf_printf(&out, "%s%s",
                       i         ? "|"
                       : out.len ? " "
                                 : "",
                       sqlite3_column_text(st, i) ? (const char *)sqlite3_column_text(st, i) : "NULL");
    }
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
    buf_addc(&out, '\0');
    return out.ptr;
}

static inline void assert_gives(fixture *f, const char *sql, const char *want)
{
    char *got = ask(f, sql);
    if (strcmp(got, want) != 0)
        fail_msg("%s\n gives  %s\n wanted %s", sql, got, want);
    free(got);
}

static inline void run_sql(fixture *f, const char *sql)
{
    free(ask(f, sql));
}

static inline bool log_says(fixture *f, const char *text)
{
    static char all[1 << 16];
    fflush(f->log_file);
    rewind(f->log_file);
    size_t n = fread(all, 1, sizeof all - 1, f->log_file);
    all[n] = '\0';
    return strstr(all, text) != NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
