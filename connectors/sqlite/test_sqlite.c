/* materialize-sqlite as the runtime drives it, looked at with sqlite3 itself: what counts is what others find in the file. */
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
#include "plane/folder.h"
#include "run/session.h"
#include "value.h"

extern const weir_connector materialize_sqlite;

enum { TABLES = 2, COLUMNS = 12 };

/* ---------------------------------------------------------------------------------------------------------------- harness -- */

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

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->folder = folder_make();
    assert_true(asprintf(&f->path, "%s/test.db", f->folder) > 0);
    f->log_file = tmpfile();
    f->log = log_open(fileno(f->log_file));
    *state = f;
    return 0;
}

static int tear_down(void **state)
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

static weir_rc on_loaded(listener *l, weir_task *t, const weir_row *row, weir_view doc)
{
    run *r = (run *)l;
    (void)t;
    (void)row;
    buf_addv(&r->loaded, doc);
    buf_addc(&r->loaded, '\n');
    return WEIR_OK;
}

static weir_rc on_resume(listener *l, weir_task *t, weir_view position)
{
    run *r = (run *)l;
    (void)t;
    free(r->resumed);
    r->resumed = strndup(position.ptr, position.len);
    return WEIR_OK;
}

static const listener_ops ops = {.loaded = on_loaded, .resume = on_resume};

/* Begins a run of a task up to open(). */
static weir_rc try_begin(fixture *f, run *r, const char *task, const char *extra)
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

static void begin(fixture *f, run *r)
{
    if (try_begin(f, r, "acme/load", ""))
        fail_msg("open: %s", err_text(&r->e));
}

static void end(run *r)
{
    session_free(r->s);
    free(r->resumed);
    buf_free(&r->loaded);
    arena_free(&r->a);
    err_free(&r->e);
}

static weir_column col(const char *field, unsigned types)
{
    return (weir_column){.field = view_of(field), .types = types};
}

/* Adds a binding: its columns, of which the first `keys` are the key. Ended by a column without types and name. */
static weir_binding *bind(run *r, const char *table, size_t keys, const weir_column *columns)
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

#define BIND(r, table, keys, ...) bind(r, table, keys, (const weir_column[]){__VA_ARGS__, {.types = 0}})

static void settle_bindings(run *r)
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

static weir_rc try_apply(run *r)
{
    settle_bindings(r);
    return session_apply(r->s, &r->e);
}

static void apply(run *r)
{
    if (try_apply(r))
        fail_msg("apply: %s", err_text(&r->e));
}

/* A row from the JSON texts of its values; NULL is absent. */
static weir_rc try_row(run *r, const weir_binding *b, weir_op op, const char *const *texts)
{
    weir_view values[COLUMNS];
    for (size_t i = 0; i < b->column_count; i++)
        values[i] = op == WEIR_DELETE && i >= b->key_count ? (weir_view){0} : view_of(texts[i]);
    weir_row row = {.binding = b, .op = op, .values = values};
    return session_store(r->s, &row, 1, &r->e);
}

static void put_row(run *r, const weir_binding *b, const char *const *texts)
{
    if (try_row(r, b, WEIR_UPSERT, texts))
        fail_msg("store: %s", err_text(&r->e));
}

#define PUT(r, b, ...)    put_row(r, b, (const char *const[]){__VA_ARGS__})
#define REMOVE(r, b, ...) assert_int_equal(try_row(r, b, WEIR_DELETE, (const char *const[]){__VA_ARGS__}), WEIR_OK)

static void commit(run *r, const char *position)
{
    if (session_commit(r->s, view_of(position), &r->e))
        fail_msg("commit: %s", err_text(&r->e));
}

static const char *load(run *r, const weir_binding *b, const char *key)
{
    weir_view given = view_of(key);
    weir_row row = {.binding = b, .values = &given};
    buf_clear(&r->loaded);
    if (session_load(r->s, &row, 1, &r->e))
        fail_msg("load: %s", err_text(&r->e));
    return buf_text(&r->loaded);
}

static void assert_error(run *r, weir_rc rc, weir_rc want, const char *text)
{
    if (rc != want || !strstr(err_text(&r->e), text))
        fail_msg("%d \"%s\" is not %d \"%s\"", rc, err_text(&r->e), want, text);
}

/* What a query gives: values as sqlite3's quote() shows them, | between columns, a space between rows. */
static char *ask(fixture *f, const char *sql)
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

static void assert_gives(fixture *f, const char *sql, const char *want)
{
    char *got = ask(f, sql);
    if (strcmp(got, want) != 0)
        fail_msg("%s\n gives  %s\n wanted %s", sql, got, want);
    free(got);
}

static void run_sql(fixture *f, const char *sql)
{
    free(ask(f, sql));
}

static bool log_says(fixture *f, const char *text)
{
    static char all[1 << 16];
    fflush(f->log_file);
    rewind(f->log_file);
    size_t n = fread(all, 1, sizeof all - 1, f->log_file);
    all[n] = '\0';
    return strstr(all, text) != NULL;
}

/* ----------------------------------------------------------------------------------------------------------------- values -- */

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        value_hint hint;
        value_kind kind;
        const char *text; /* TEXT and BLOB as they are, numbers printed */
    } cases[] = {
        {"", {0}, VALUE_NULL, ""},
        {"null", {0}, VALUE_NULL, ""},
        {"true", {0}, VALUE_INTEGER, "1"},
        {"false", {0}, VALUE_INTEGER, "0"},
        {"0", {0}, VALUE_INTEGER, "0"},
        {"-0", {0}, VALUE_INTEGER, "0"},
        {"9223372036854775807", {0}, VALUE_INTEGER, "9223372036854775807"},
        {"-9223372036854775808", {0}, VALUE_INTEGER, "-9223372036854775808"},
        {"9223372036854775808", {0}, VALUE_TEXT, "9223372036854775808"},
        {"-9223372036854775809", {0}, VALUE_TEXT, "-9223372036854775809"},
        {"100000000000000000000", {0}, VALUE_TEXT, "100000000000000000000"},
        {"18446744073709551616", {0}, VALUE_TEXT, "18446744073709551616"},
        {"1.5", {0}, VALUE_REAL, "1.5"},
        {"1.0", {0}, VALUE_REAL, "1"},
        {"0.0", {0}, VALUE_REAL, "0"},
        {"0e999999999999", {0}, VALUE_REAL, "0"},
        {"-12.50", {0}, VALUE_REAL, "-12.5"},
        {"0.1", {0}, VALUE_REAL, "0.1"},
        {"1e-7", {0}, VALUE_REAL, "1e-07"},
        {"123456789012345e-30", {0}, VALUE_REAL, "1.23456789012345e-16"},
        {"999999999999999.0", {0}, VALUE_REAL, "999999999999999"},
        {"0.123456789012345", {0}, VALUE_REAL, "0.123456789012345"},
        {"0.1234567890123456", {0}, VALUE_TEXT, "0.1234567890123456"},
        {"12345678901234567890.12", {0}, VALUE_TEXT, "12345678901234567890.12"},
        {"1E+300", {0}, VALUE_TEXT, "1E+300"},
        {"1e200", {0}, VALUE_REAL, "1e+200"},
        {"1e400", {0}, VALUE_TEXT, "1e400"},
        {"1e-400", {0}, VALUE_TEXT, "1e-400"},
        {"1e99999999999999999999", {0}, VALUE_TEXT, "1e99999999999999999999"},
        {"1.0", {.integer = true}, VALUE_INTEGER, "1"},
        {"1e3", {.integer = true}, VALUE_INTEGER, "1000"},
        {"92233720368547758.07e2", {.integer = true}, VALUE_INTEGER, "9223372036854775807"},
        {"92233720368547758.08e2", {.integer = true}, VALUE_TEXT, "92233720368547758.08e2"},
        {"1.5", {.integer = true}, VALUE_REAL, "1.5"},
        {"1e19", {.integer = true}, VALUE_REAL, "1e+19"},
        {"\"\"", {0}, VALUE_TEXT, ""},
        {"\"plain\"", {0}, VALUE_TEXT, "plain"},
        {"\"a\\n\\t\\\"\\\\\\/\\b\\f\\r\"", {0}, VALUE_TEXT, "a\n\t\"\\/\b\f\r"},
        {"\"\\u00e4\\u20ac\\ud83d\\ude00x\"", {0}, VALUE_TEXT, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80x"},
        {"\"\\ud83d\\ude0\"", {0}, VALUE_TEXT, NULL}, /* not JSON: anything but a crash */
        {"\"\\ud83d!\\ude00\"", {0}, VALUE_TEXT, "\xef\xbf\xbd!\xef\xbf\xbd"},
        {"\"\\ud83d\\u0041\"",
         {0},
         VALUE_TEXT,
         "\xef\xbf\xbd"
         "A"},
        {"{\"a\":[1,\"x y\"]}", {0}, VALUE_TEXT, "{\"a\":[1,\"x y\"]}"},
        {"{ \"a\" :\n[1 , \"x \\\" y\"]\t}", {0}, VALUE_TEXT, "{\"a\":[1,\"x \\\" y\"]}"},
        {"\"Zm9vYmFy\"", {.base64 = true}, VALUE_BLOB, "foobar"}, /* RFC 4648, section 10 */
        {"\"Zm9vYmE=\"", {.base64 = true}, VALUE_BLOB, "fooba"},
        {"\"Zm9vYg==\"", {.base64 = true}, VALUE_BLOB, "foob"},
        {"\"Zm9vYg\"", {.base64 = true}, VALUE_BLOB, "foob"},
        {"\"\"", {.base64 = true}, VALUE_BLOB, ""},
        {"\"-_\\/+\"", {.base64 = true}, VALUE_BLOB, "\xfb\xff\xfe"},
        {"\"Zm9vY\"", {.base64 = true}, VALUE_TEXT, "Zm9vY"},
        {"\"Zm9v=\"", {.base64 = true}, VALUE_TEXT, "Zm9v="},
        {"\"Zm 9v\"", {.base64 = true}, VALUE_TEXT, "Zm 9v"},
        {"\"Zm9v\"", {0}, VALUE_TEXT, "Zm9v"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lite_text scratch = {0};
        weir_view json = view_of(cases[i].json);
        char *copy = malloc(json.len ? json.len : 1); /* no NUL behind it: reading on is a crash under the sanitizer */
        memcpy(copy, json.ptr, json.len);
        assert_true(lite_text_reserve(&scratch, json.len));
        lite_value v = lite_value_read((weir_view){copy, json.len}, cases[i].hint, &scratch);
        char number[64] = "";
        if (v.kind == VALUE_INTEGER)
            snprintf(number, sizeof number, "%" PRId64, v.integer);
        if (v.kind == VALUE_REAL)
            snprintf(number, sizeof number, "%.15g", v.real);
        weir_view got = v.kind == VALUE_TEXT || v.kind == VALUE_BLOB ? v.bytes : view_of(number);
        if (cases[i].text && (v.kind != cases[i].kind || !view_is(got, cases[i].text)))
            fail_msg("%s gives kind %d \"%.*s\"", cases[i].json, v.kind, VIEW_ARG(got));
        lite_text_free(&scratch);
        free(copy);
    }
}

/* ---------------------------------------------------------------------------------------------------------- types and rows -- */

static void test_types(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_column bytes = col("bytes", STR), stamp = col("stamp", STR | NIL), needed = col("needed", STR);
    bytes.encoding = VIEW("base64");
    stamp.format = VIEW("integer");
    needed.required = true;
    weir_binding *b = BIND(&r, "types", 1, col("id", INT), col("num", NUM | INT), col("yes", BOOL), bytes, stamp, needed,
                           col("obj", OBJ), col("list", ARR | OBJ | NIL), col("mixed", STR | INT), col("any", 0), col("gone", INT));
    apply(&r);
    PUT(&r, b, "1", "12345678901234567890.5", "true", "\"AAEC/w==\"", "\"123456789012345678901\"", "\"x\"", "{ \"a\" : 1 }",
        "[1, 2]", "\"t\"", "false", NULL);
    PUT(&r, b, "2", "0.5", "false", "null", "null", "\"\"", "null", "null", "5", "1.25", "null");
    commit(&r, "{}");
    assert_gives(
        f, "SELECT name, type, \"notnull\", pk FROM pragma_table_info('types')",
        "id|INTEGER|1|1 num|ANY|0|0 yes|INTEGER|0|0 bytes|BLOB|0|0 stamp|TEXT|0|0 needed|TEXT|1|0 obj|TEXT|0|0 list|TEXT|0|0 "
        "mixed|ANY|0|0 any|ANY|0|0 gone|INTEGER|0|0");
    assert_gives(f, "SELECT strict, wr FROM pragma_table_list('types')", "1|0");
    assert_gives(f,
                 "SELECT quote(id), quote(num), quote(yes), quote(bytes), quote(stamp), quote(needed), quote(obj), quote(list), "
                 "quote(mixed), quote(\"any\"),"
                 " quote(gone) FROM types",
                 "1|'12345678901234567890.5'|1|X'000102FF'|'123456789012345678901'|'x'|'{\"a\":1}'|'[1,2]'|'t'|0|NULL "
                 "2|0.5|0|NULL|NULL|''|NULL|NULL|5|1.25|NULL");
    end(&r);
}

static void test_upsert_and_delete(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 2, col("a", STR), col("b", INT), col("v", STR), col("w", INT));
    apply(&r);
    PUT(&r, b, "\"x\"", "1", "\"one\"", "1");
    PUT(&r, b, "\"x\"", "2", "\"two\"", "2");
    PUT(&r, b, "\"y\"", "1", "\"three\"", "3");
    commit(&r, "{}");
    PUT(&r, b, "\"x\"", "1", "\"ONE\"", NULL); /* a row is replaced whole */
    REMOVE(&r, b, "\"x\"", "2");
    REMOVE(&r, b, "\"never\"", "2");
    REMOVE(&r, b, "7", "2"); /* a key that cannot be there */
    commit(&r, "{}");
    assert_gives(f, "SELECT * FROM t ORDER BY 1, 2", "x|1|ONE|NULL y|1|three|3");
    end(&r);
}

static void test_only_keys(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", STR));
    apply(&r);
    PUT(&r, b, "\"a\"");
    PUT(&r, b, "\"a\"");
    commit(&r, "{}");
    assert_gives(f, "SELECT id FROM t", "a");
    end(&r);
}

static void test_delta_updates(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", STR), col("n", INT));
    b->delta_updates = true;
    apply(&r);
    PUT(&r, b, "\"a\"", "1");
    PUT(&r, b, "\"a\"", "2");
    commit(&r, "{}");
    assert_gives(f, "SELECT id, n FROM t", "a|1 a|2");
    assert_gives(f, "SELECT sum(pk) FROM pragma_table_info('t')", "0");
    end(&r);
}

static void test_key_without_value(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", STR), col("n", INT));
    apply(&r);
    weir_rc rc = try_row(&r, b, WEIR_UPSERT, (const char *const[]){"null", "1"});
    assert_error(&r, rc, WEIR_E_CONFIG, "a document of \"acme/docs\" has no value at \"/id\", which is part of its key");
    assert_int_not_equal(session_commit(r.s, VIEW("{}"), &r.e), WEIR_OK); /* the transaction is lost: nothing may be committed */
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "0");
}

/* ----------------------------------------------------------------------------------------------------------------- widening -- */

static void test_values_widen_columns(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_column needed = col("needed", STR);
    needed.required = true;
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT), needed);
    apply(&r);
    PUT(&r, b, "1", "9223372036854775807", "\"x\"");
    commit(&r, "{}");
    run_sql(f, "CREATE INDEX by_n ON t (n)");
    run_sql(f, "CREATE VIEW both AS SELECT id, n FROM t");
    run_sql(f, "CREATE TABLE seen (id)");
    run_sql(f, "CREATE TRIGGER see AFTER INSERT ON t BEGIN INSERT INTO seen VALUES (new.id); END");
    PUT(&r, b, "2", "9223372036854775808", "\"y\""); /* too long */
    PUT(&r, b, "3", "\"a text\"", "\"z\"");          /* fits now */
    PUT(&r, b, "4", "1", NULL);                      /* a required value is not there */
    PUT(&r, b, "\"five\"", "1.5", "7");              /* the key itself; and a number among texts */
    PUT(&r, b, "3", "4", "\"Z\"");                   /* still an upsert */
    commit(&r, "{}");
    assert_gives(f, "SELECT name, type, \"notnull\", pk FROM pragma_table_info('t')", "id|ANY|1|1 n|ANY|0|0 needed|ANY|0|0");
    assert_gives(f, "SELECT quote(id), quote(n), quote(needed) FROM t ORDER BY rowid",
                 "1|9223372036854775807|'x' 2|'9223372036854775808'|'y' 3|4|'Z' 4|1|NULL 'five'|1.5|7");
    assert_gives(f, "SELECT type, name, tbl_name FROM sqlite_schema WHERE name IN ('by_n', 'both', 'see') ORDER BY 2",
                 "view|both|both index|by_n|t trigger|see|t");
    assert_gives(f, "SELECT count(*) FROM both", "5");
    assert_gives(f, "SELECT group_concat(id) FROM seen", "2,3,4,five");
    assert_gives(f, "PRAGMA integrity_check", "ok");
    assert_true(log_says(f, "did not foresee"));
    end(&r);
}

/* A rebuild that is not committed leaves no trace. */
static void test_widening_is_part_of_the_transaction(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT));
    apply(&r);
    PUT(&r, b, "1", "1");
    commit(&r, "{}");
    PUT(&r, b, "2", "\"x\"");
    end(&r);
    assert_gives(f, "SELECT name, type FROM pragma_table_info('t')", "id|INTEGER n|INTEGER");
    assert_gives(f, "SELECT id, n FROM t", "1|1");
}

static void test_apply_widens(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_column needed = col("needed", STR), dropped = col("dropped", STR);
    needed.required = dropped.required = true;
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT), needed, dropped, col("same", STR));
    apply(&r);
    PUT(&r, b, "1", "5", "\"x\"", "\"d\"", "\"s\"");
    commit(&r, "{}");
    end(&r);
    run_sql(f, "ALTER TABLE t ADD COLUMN theirs TEXT NOT NULL DEFAULT 'own'");

    begin(f, &r); /* n becomes a string too, needed optional, dropped is not selected, added is new and required */
    weir_column added = col("added", BOOL);
    added.required = true;
    b = BIND(&r, "t", 1, col("id", INT | STR), col("n", INT | STR), col("needed", STR), added, col("same", STR));
    apply(&r);
    PUT(&r, b, "\"two\"", "\"six\"", NULL, "true", "\"s\"");
    commit(&r, "{}");
    assert_gives(
        f, "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('t')",
        "id|ANY|1|NULL|1 n|ANY|0|NULL|0 needed|TEXT|0|NULL|0 dropped|TEXT|0|NULL|0 same|TEXT|0|NULL|0 theirs|TEXT|1|'own'|0 "
        "added|INTEGER|0|NULL|0");
    assert_gives(f, "SELECT quote(id), quote(n), quote(needed), quote(dropped), quote(theirs), quote(added) FROM t ORDER BY rowid",
                 "1|5|'x'|'d'|'own'|NULL 'two'|'six'|NULL|NULL|'own'|1");
    end(&r);

    begin(f, &r); /* what was wider stays so */
    b = BIND(&r, "t", 1, col("id", INT), col("n", INT), col("needed", STR));
    apply(&r);
    assert_gives(f, "SELECT name, type FROM pragma_table_info('t') WHERE name IN ('id', 'n')", "id|ANY n|ANY");
    PUT(&r, b, "\"three\"", "1", "\"x\"");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "3");
}

static void test_apply_again_within_a_transaction(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT));
    apply(&r);
    PUT(&r, b, "1", "1");
    r.count = 0;
    b = BIND(&r, "t", 1, col("id", INT), col("n", INT), col("m", STR));
    apply(&r);
    assert_gives(f, "SELECT count(*) FROM t", "0"); /* not committed by the way */
    PUT(&r, b, "2", "2", "\"m\"");
    commit(&r, "{}");
    assert_gives(f, "SELECT id, n, m FROM t", "1|1|NULL 2|2|m");
    end(&r);
}

static void test_generated_columns_are_not_lost(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT));
    apply(&r);
    run_sql(f, "ALTER TABLE t ADD COLUMN twice INTEGER AS (2 * n)");
    assert_error(&r, try_row(&r, b, WEIR_UPSERT, (const char *const[]){"1", "\"x\""}), WEIR_E_CONFIG,
                 "\"twice\" is a generated column");
    end(&r);
}

/* ------------------------------------------------------------------------------------------------------- backfill and keys -- */

static void test_backfill(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT));
    apply(&r);
    PUT(&r, b, "1", "1");
    commit(&r, "{}");
    end(&r);

    begin(f, &r); /* another key: only with a higher backfill */
    b = BIND(&r, "t", 1, col("n", INT), col("id", INT));
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "raise the binding's `backfill`");
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "1");

    begin(f, &r);
    b = BIND(&r, "t", 2, col("n", INT), col("new", STR), col("id", INT));
    b->backfill = 1;
    apply(&r);
    assert_gives(f, "SELECT count(*) FROM t", "0");
    assert_gives(f, "SELECT name, \"notnull\", pk FROM pragma_table_info('t')", "id|0|0 n|1|1 new|1|2");
    PUT(&r, b, "1", "\"x\"", NULL);
    commit(&r, "{}");
    end(&r);

    begin(f, &r); /* the same counter again empties nothing; a lower one neither */
    b = BIND(&r, "t", 2, col("n", INT), col("new", STR), col("id", INT));
    b->backfill = 1;
    apply(&r);
    end(&r);
    begin(f, &r);
    b = BIND(&r, "t", 2, col("n", INT), col("new", STR), col("id", INT));
    apply(&r);
    end(&r);
    begin(f, &r);
    b = BIND(&r, "t", 2, col("n", INT), col("new", STR), col("id", INT));
    b->backfill = 1;
    apply(&r);
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "1");

    begin(f, &r); /* and with the same key, the counter alone empties */
    b = BIND(&r, "t", 2, col("n", INT), col("new", STR));
    b->backfill = 2;
    apply(&r);
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "0");
}

static void test_dropped_table(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT));
    apply(&r);
    PUT(&r, b, "1");
    commit(&r, "{}");
    end(&r);
    run_sql(f, "DROP TABLE t");
    begin(f, &r);
    BIND(&r, "t", 1, col("id", INT));
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "table \"t\" is gone");
    end(&r);
    begin(f, &r);
    b = BIND(&r, "t", 1, col("id", INT));
    b->backfill = 1;
    apply(&r);
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "0");
}

static void test_foreign_tables_are_left_alone(void **state)
{
    fixture *f = *state;
    run r;
    run_sql(f, "CREATE TABLE theirs (id INTEGER PRIMARY KEY)");
    run_sql(f, "CREATE VIEW seen AS SELECT 1 AS id");
    begin(f, &r);
    BIND(&r, "Theirs", 1, col("id", INT));
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "table \"Theirs\" was not made by this connector");
    end(&r);
    begin(f, &r);
    BIND(&r, "seen", 1, col("id", INT));
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "\"seen\" is a view");
    end(&r);
}

/* ------------------------------------------------------------------------------------------------------------------- names -- */

static void test_odd_names(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    const char *table = "o\"dd 'n\xc3\xa4me'; DROP TABLE x --\xf0\x9f\x9a\x80";
    weir_binding *b = BIND(&r, table, 1, col("select", INT), col("a\"b", STR), col("a'b;--", STR), col("\xf0\x9f\x92\xa9", STR),
                           col("1", STR), col("a/b", STR), col("", STR), col("_", STR));
    apply(&r);
    PUT(&r, b, "1", "\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"e\"", "\"f\"", "\"g\"");
    PUT(&r, b, "1", "\"A\"", "\"b\"", "\"c\"", "4", "\"e\"", "\"f\"", "\"g\""); /* a rebuild too */
    commit(&r, "{}");
    assert_string_equal(load(&r, b, "1"), "{\"select\":1,\"a\\\"b\":\"A\",\"a'b;--\":\"b\",\"\xf0\x9f\x92\xa9\":\"c\",\"1\":4,"
                                          "\"a\":{\"b\":\"e\"},\"\":\"f\",\"_\":\"g\"}\n");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT * FROM \"o\"\"dd 'n\xc3\xa4me'; DROP TABLE x --\xf0\x9f\x9a\x80\"", "1|A|b|c|4|e|f|g");
    assert_gives(f, "SELECT group_concat(name, ' ') FROM pragma_table_info((SELECT name FROM weir_tables))",
                 "select a\"b a'b;-- \xf0\x9f\x92\xa9 1 a/b _ __2");
}

static void test_names_that_differ_in_case(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("Id", INT), col("id", INT), col("id_2", INT), col("n", INT));
    apply(&r);
    PUT(&r, b, "1", "2", "3", "4");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT group_concat(name) FROM pragma_table_info('t')", "Id,id_3,id_2,n");
    assert_true(log_says(f, "the field goes into \\\"id_3\\\""));

    begin(f, &r); /* names that were given stay, whatever comes later and in whatever order */
    b = BIND(&r, "t", 1, col("Id", INT), col("ID", INT), col("N", INT), col("id", INT), col("n", INT), col("id_2", INT));
    apply(&r);
    PUT(&r, b, "1", "20", "40", "2", "4", "3");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT group_concat(name) FROM pragma_table_info('t')", "Id,id_3,id_2,n,ID_4,N_2");
    assert_gives(f, "SELECT * FROM t", "1|2|3|4|20|40");
}

static void test_a_column_somebody_added(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    BIND(&r, "t", 1, col("id", INT));
    apply(&r);
    end(&r);
    run_sql(f, "ALTER TABLE t ADD COLUMN note TEXT");
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("note", INT));
    apply(&r);
    PUT(&r, b, "1", "7");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT id, note, note_2 FROM t", "1|NULL|7");
}

static void test_validate(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *table, *text;
    } cases[] = {
        {"sqlite_stat1", "is not a name that SQLite allows"},
        {"", "is not a name that SQLite allows"},
        {"weir_Tables", "is a table of this connector's own"},
    };
    for (size_t i = 0; i < 3; i++) {
        run r;
        begin(f, &r);
        BIND(&r, cases[i].table, 1, col("id", INT));
        settle_bindings(&r);
        assert_error(&r, session_validate(r.s, &r.e), WEIR_E_CONFIG, cases[i].text);
        assert_error(&r, session_apply(r.s, &r.e), WEIR_E_CONFIG, cases[i].text);
        end(&r);
    }
    run r;
    begin(f, &r);
    BIND(&r, "same", 1, col("id", INT));
    BIND(&r, "SAME", 1, col("id", INT));
    settle_bindings(&r);
    assert_error(&r, session_validate(r.s, &r.e), WEIR_E_CONFIG, "is named by another binding too");
    assert_error(&r, session_apply(r.s, &r.e), WEIR_E_CONFIG, "two bindings name the table");
    end(&r);
    begin(f, &r);
    BIND(&r, "keyless", 0, col("id", INT));
    BIND(&r, "fine", 1, col("id", INT));
    settle_bindings(&r);
    assert_error(&r, session_validate(r.s, &r.e), WEIR_E_CONFIG, "needs a key");
    assert_null(strstr(err_text(&r.e), "fine"));
    end(&r);
}

static void test_validate_changes_nothing(void **state)
{
    fixture *f = *state;
    run r;
    unlink(f->path);
    begin(f, &r);
    BIND(&r, "t", 1, col("id", INT));
    settle_bindings(&r);
    assert_int_equal(session_validate(r.s, &r.e), WEIR_OK);
    end(&r);
    assert_int_not_equal(access(f->path, F_OK), 0);

    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT));
    apply(&r);
    run other; /* somebody validates beside a run: the run goes on */
    begin(f, &other);
    BIND(&other, "t", 1, col("id", INT), col("more", INT));
    settle_bindings(&other);
    assert_int_equal(session_validate(other.s, &other.e), WEIR_OK);
    end(&other);
    PUT(&r, b, "1");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT * FROM t", "1");

    begin(f, &r); /* and it sees what stands in the way */
    BIND(&r, "t", 1, col("x", INT));
    settle_bindings(&r);
    assert_error(&r, session_validate(r.s, &r.e), WEIR_E_CONFIG, "has another key");
    end(&r);
}

/* -------------------------------------------------------------------------------------------------------------------- load -- */

static void test_load(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_column bytes = col("bytes", STR), deep = col("deep", NUM), tilde = col("tilde", STR);
    bytes.encoding = VIEW("base64");
    deep.pointer = VIEW("/a/b/c");
    tilde.pointer = VIEW("/a/x~1y~0z");
    weir_binding *b = BIND(&r, "t", 1, col("id", STR), col("n", INT), col("x", NUM), col("yes", BOOL), bytes, deep, tilde,
                           col("obj", OBJ), col("mixed", STR | ARR), col("s", STR));
    apply(&r);
    PUT(&r, b, "\"\\u0001\\\"k\"", "7", "12345678901234567890.10", "true", "\"AAEC\"", "0.1", "\"t\"", "{\"k\": [1]}", "[1]",
        "\"{}\"");
    PUT(&r, b, "\"few\"", NULL, "2", "null", NULL, NULL, NULL, NULL, "\"[1\"", "\"123\"");
    commit(&r, "{}");
    assert_string_equal(load(&r, b, "\"\\u0001\\\"k\""),
                        "{\"id\":\"\\u0001\\\"k\",\"n\":7,\"x\":12345678901234567890.10,\"yes\":true,\"bytes\":\"AAEC\","
                        "\"a\":{\"b\":{\"c\":0.1},\"x/y~z\":\"t\"},\"obj\":{\"k\":[1]},\"mixed\":[1],\"s\":\"{}\"}\n");
    assert_string_equal(load(&r, b, "\"few\""), "{\"id\":\"few\",\"x\":2,\"mixed\":\"[1\",\"s\":\"123\"}\n");
    assert_string_equal(load(&r, b, "\"no\""), "");
    assert_string_equal(load(&r, b, "5"), "");
    end(&r);

    begin(f, &r); /* a column with the whole document is the answer */
    weir_column doc = col("flow_document", OBJ);
    doc.pointer = VIEW("");
    b = BIND(&r, "d", 1, col("id", INT), doc);
    apply(&r);
    PUT(&r, b, "1", "{\"id\":1,\"other\":1.000000000000000000001}");
    assert_string_equal(load(&r, b, "1"), "{\"id\":1,\"other\":1.000000000000000000001}\n"); /* seen before it is committed, too */
    end(&r);
}

/* -------------------------------------------------------------------------------------------------------------- checkpoints -- */

static void test_resume(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT));
    assert_null(r.resumed);
    apply(&r);
    PUT(&r, b, "1");
    commit(&r, "{\"at\":1}");
    PUT(&r, b, "2"); /* not committed */
    end(&r);
    assert_gives(f, "SELECT * FROM t", "1");
    assert_gives(f, "SELECT task, fence, checkpoint FROM weir_checkpoints", "acme/load|1|{\"at\":1}");

    begin(f, &r);
    assert_string_equal(r.resumed, "{\"at\":1}");
    BIND(&r, "t", 1, col("id", INT));
    apply(&r);
    commit(&r, "{\"at\":2}"); /* nothing stored: the checkpoint moves all the same */
    end(&r);
    assert_gives(f, "SELECT task, fence, checkpoint FROM weir_checkpoints", "acme/load|2|{\"at\":2}");

    assert_int_equal(try_begin(f, &r, "acme/other", ""), WEIR_OK); /* another task has another one */
    assert_null(r.resumed);
    BIND(&r, "t2", 1, col("id", INT));
    apply(&r);
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT count(*) FROM weir_checkpoints", "2");
}

static void test_fence(void **state)
{
    fixture *f = *state;
    run zombie, next;
    begin(f, &zombie);
    weir_binding *b = BIND(&zombie, "t", 1, col("id", INT));
    apply(&zombie);
    PUT(&zombie, b, "1");
    commit(&zombie, "{\"at\":1}");

    begin(f, &next);
    weir_binding *c = BIND(&next, "t", 1, col("id", INT));
    apply(&next);
    assert_error(&zombie, try_row(&zombie, b, WEIR_UPSERT, (const char *const[]){"2"}), WEIR_E_CONFIG,
                 "fenced off: another run of task \"acme/load\" has taken over");
    assert_int_not_equal(session_commit(zombie.s, VIEW("{\"at\":2}"), &zombie.e), WEIR_OK);
    PUT(&next, c, "3");
    commit(&next, "{\"at\":3}");
    end(&zombie);
    end(&next);
    assert_gives(f, "SELECT id FROM t", "1 3");
    assert_gives(f, "SELECT fence, checkpoint FROM weir_checkpoints", "2|{\"at\":3}");
}

/* Between open(), which reads the checkpoint, and the first write, which takes over, the former run may commit once more. */
static void test_late_commit(void **state)
{
    fixture *f = *state;
    run former, next;
    begin(f, &former);
    weir_binding *b = BIND(&former, "t", 1, col("id", INT));
    apply(&former);
    PUT(&former, b, "1");
    commit(&former, "{\"at\":1}");
    begin(f, &next);
    PUT(&former, b, "2");
    commit(&former, "{\"at\":2}");
    BIND(&next, "t", 1, col("id", INT));
    assert_error(&next, try_apply(&next), WEIR_E_TRANSIENT, "while this one was starting");
    end(&next);
    PUT(&former, b, "3");
    commit(&former, "{\"at\":3}");
    end(&former);
    assert_gives(f, "SELECT id FROM t", "1 2 3");
}

/* ------------------------------------------------------------------------------------------------------------------- trouble -- */

static void test_paths(void **state)
{
    fixture *f = *state;
    char *good = f->path;
    run r;
    static const struct {
        const char *path, *text;
    } cases[] = {
        {"%s", "is a folder, not a file"},
        {"%s/none/x.db", "No such file or directory"},
        {"%s/text/x.db", "Not a directory"},
        {"%s/text", "it is not an SQLite database"},
    };
    char *name;
    assert_true(asprintf(&name, "%s/text", f->folder) > 0);
    FILE *file = fopen(name, "w");
    for (int i = 0; i < 500; i++)
        fputs("no database at all\n", file);
    fclose(file);
    free(name);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(asprintf(&f->path, cases[i].path, f->folder) > 0);
        assert_error(&r, try_begin(f, &r, "t", ""), WEIR_E_CONFIG, cases[i].text);
        end(&r);
        free(f->path);
    }
    char memory[] = ":memory:", device[] = "/dev/null";
    f->path = memory;
    assert_error(&r, try_begin(f, &r, "t", ""), WEIR_E_CONFIG, "must name a file");
    end(&r);
    f->path = device;
    assert_error(&r, try_begin(f, &r, "t", ""), WEIR_E_CONFIG, "is a device, not a file");
    end(&r);
    f->path = good;
}

static void test_busy(void **state)
{
    fixture *f = *state;
    run r;
    run_sql(f, "PRAGMA journal_mode=WAL");
    run_sql(f, "BEGIN IMMEDIATE");
    assert_int_equal(try_begin(f, &r, "t", ",\"busy_timeout\":0"), WEIR_OK);
    BIND(&r, "t", 1, col("id", INT));
    assert_error(&r, try_apply(&r), WEIR_E_TRANSIENT, "it is locked by another process");
    run_sql(f, "COMMIT");
    apply(&r); /* trying again helps */
    end(&r);

    run_sql(f, "BEGIN IMMEDIATE"); /* and whoever waits can be stopped */
    assert_int_equal(try_begin(f, &r, "t", ",\"busy_timeout\":3600"), WEIR_OK);
    BIND(&r, "t", 1, col("id", INT));
    session_stop(r.s);
    assert_int_equal(try_apply(&r), WEIR_STOPPED);
    end(&r);
}

static void test_read_only(void **state)
{
    fixture *f = *state;
    run_sql(f, "CREATE TABLE x (y)");
    sqlite3_close(f->db);
    f->db = NULL;
    assert_int_equal(chmod(f->path, 0444), 0);
    assert_int_equal(chmod(f->folder, 0755), 0);
    pid_t child = fork(); /* root may write everything: be somebody else */
    if (child == 0) {
        run r;
        bool ok = geteuid() != 0 || seteuid(65534) == 0;
        ok = ok && try_begin(f, &r, "t", "") == WEIR_E_CONFIG && strstr(err_text(&r.e), "cannot be written");
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_full_disk(void **state)
{
    fixture *f = *state;
    struct rlimit had, limit;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("s", STR));
    apply(&r);
    PUT(&r, b, "0", "\"kept\"");
    commit(&r, "{\"at\":1}");

    char *long_text = malloc(3 << 20);
    memset(long_text, 'x', 3 << 20);
    long_text[0] = long_text[(3 << 20) - 2] = '"';
    long_text[(3 << 20) - 1] = '\0';
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &had), 0);
    limit = had;
    limit.rlim_cur = 4 << 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    weir_rc rc = WEIR_OK;
    for (int i = 1; i < 9 && !rc; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        rc = try_row(&r, b, WEIR_UPSERT, (const char *const[]){id, long_text});
    }
    if (!rc)
        rc = session_commit(r.s, VIEW("{\"at\":2}"), &r.e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &had), 0);
    free(long_text);
    assert_error(&r, rc, WEIR_E_NOMEM, "test.db");
    assert_int_not_equal(session_commit(r.s, VIEW("{\"at\":2}"), &r.e), WEIR_OK);
    end(&r);
    assert_gives(f, "SELECT id, s FROM t", "0|kept");
    assert_gives(f, "SELECT checkpoint FROM weir_checkpoints", "{\"at\":1}");
    assert_gives(f, "PRAGMA integrity_check", "ok");
}

static void test_constraints_of_others(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("n", INT));
    apply(&r);
    run_sql(f, "CREATE UNIQUE INDEX one_n ON t (n)");
    PUT(&r, b, "1", "1");
    assert_error(&r, try_row(&r, b, WEIR_UPSERT, (const char *const[]){"2", "1"}), WEIR_E_CONFIG, "UNIQUE constraint failed: t.n");
    end(&r);
}

/* A child loads rows and commits until it is killed; what is found then is what its last commit says. */
static void load_until_killed(fixture *f, int pipe)
{
    run r;
    begin(f, &r);
    weir_binding *b = BIND(&r, "t", 1, col("id", INT), col("s", STR));
    apply(&r);
    for (int n = r.resumed ? atoi(r.resumed) : 0;; n += 10) {
        char id[16], position[16];
        for (int i = 0; i < 10; i++) {
            snprintf(id, sizeof id, "%d", n + i);
            PUT(&r, b, id, "\"x\"");
        }
        if (write(pipe, "s", 1) != 1)
            _exit(1);
        snprintf(position, sizeof position, "%d", n + 10);
        commit(&r, position);
        if (write(pipe, "c", 1) != 1)
            _exit(1);
    }
}

static void test_kill(void **state)
{
    fixture *f = *state;
    unsigned random = 99;
    int reported = 0;
    for (int round = 0; round < 40; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        sqlite3_close(f->db); /* a connection must not cross a fork */
        f->db = NULL;
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(ends[0]);
            load_until_killed(f, ends[1]);
        }
        close(ends[1]);
        random = random * 1103515245 + 12345;
        char step;
        for (unsigned i = random >> 16 & 7; i; i--) {
            assert_int_equal(read(ends[0], &step, 1), 1);
            reported += step == 'c' ? 10 : 0;
        }
        kill(child, SIGKILL);
        while (read(ends[0], &step, 1) == 1)
            reported += step == 'c' ? 10 : 0;
        close(ends[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        if (reported == 0)
            continue;
        assert_gives(f, "SELECT count(*) = cast(checkpoint AS INTEGER), max(id) + 1 = count(*) FROM t, weir_checkpoints", "1|1");
        char *count = ask(f, "SELECT count(*) FROM t");
        assert_true(atoi(count) >= reported);
        free(count);
    }
    assert_true(reported > 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        TEST(test_types),
        TEST(test_upsert_and_delete),
        TEST(test_only_keys),
        TEST(test_delta_updates),
        TEST(test_key_without_value),
        TEST(test_values_widen_columns),
        TEST(test_widening_is_part_of_the_transaction),
        TEST(test_apply_widens),
        TEST(test_apply_again_within_a_transaction),
        TEST(test_generated_columns_are_not_lost),
        TEST(test_backfill),
        TEST(test_dropped_table),
        TEST(test_foreign_tables_are_left_alone),
        TEST(test_odd_names),
        TEST(test_names_that_differ_in_case),
        TEST(test_a_column_somebody_added),
        TEST(test_validate),
        TEST(test_validate_changes_nothing),
        TEST(test_load),
        TEST(test_resume),
        TEST(test_fence),
        TEST(test_late_commit),
        TEST(test_paths),
        TEST(test_busy),
        TEST(test_read_only),
        TEST(test_full_disk),
        TEST(test_constraints_of_others),
        TEST(test_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
