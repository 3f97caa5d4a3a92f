/* Collections into DuckDB as the runtime loads them, looked at with DuckDB itself: what counts is what others find in the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <duckdb.h>

#include "json/text.h"
#include "folder.h"
#include "run/session.h"

extern const weir_connector materialize_duckdb;

enum { TABLES = 2, COLUMNS = 16 };

#define STR  WEIR_IS_STRING
#define INT  WEIR_IS_INTEGER
#define NUM  WEIR_IS_NUMBER
#define BOOL WEIR_IS_BOOLEAN
#define OBJ  WEIR_IS_OBJECT
#define ARR  WEIR_IS_ARRAY

typedef struct fixture {
    char *folder, *path;
    FILE *log_file;
    log_sink *log;
} fixture;

typedef struct run {
    listener as_listener; /* first */
    fixture *f;
    session *s;
    weir_binding bindings[TABLES];
    weir_column columns[TABLES][COLUMNS];
    const char *resources[TABLES];
    size_t count;
    arena a;
    err e;
    char *resumed; /* the checkpoint given to weir_resume() */
    buf loaded;    /* one document a line */
} run;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->folder = folder_make();
    assert_true(asprintf(&f->path, "%s/test.duckdb", f->folder) > 0);
    f->log_file = tmpfile();
    f->log = log_open(fileno(f->log_file));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
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
    (void)t, (void)row;
    buf_addv(&r->loaded, doc);
    buf_addc(&r->loaded, '\n');
    return WEIR_OK;
}

static weir_rc on_resume(listener *l, weir_task *t, weir_view position)
{
    run *r = (run *)l;
    (void)t;
    free(r->resumed);
    r->resumed = strndup(position.ptr ? position.ptr : "", position.len);
    return WEIR_OK;
}

static const listener_ops ops = {.loaded = on_loaded, .resume = on_resume};

static void begin_shard(fixture *f, run *r, const char *task, uint32_t key_begin, uint32_t key_end)
{
    *r = (run){.as_listener = {&ops}, .f = f};
    r->s = session_new(&(session_options){.connector = &materialize_duckdb, .to = &r->as_listener, .log = f->log, .task_name = view_of(task),
                                          .key_begin = key_begin, .key_end = key_end});
    assert_non_null(r->s);
    tree *config;
    weir_view text = arena_printf(&r->a, "{\"path\":\"%s\",\"threads\":1}", f->path);
    assert_int_equal(tree_parse(&r->a, text, NULL, WEIR_E_BUG, &config, &r->e), WEIR_OK);
    if (session_open(r->s, config, &r->e))
        fail_msg("open: %s", err_text(&r->e));
}

static void begin(fixture *f, run *r, const char *task) { begin_shard(f, r, task, 0, 0); }

static void end(run *r)
{
    session_free(r->s);
    free(r->resumed);
    buf_free(&r->loaded);
    arena_free(&r->a);
    err_free(&r->e);
}

static weir_column col(const char *field, unsigned types) { return (weir_column){.field = view_of(field), .types = types}; }

static weir_column formatted(const char *field, const char *format)
{
    return (weir_column){.field = view_of(field), .types = STR, .format = view_of(format)};
}

/* Adds a binding: its columns, of which the first `keys` are the key. Ended by a column without a name. */
static weir_binding *bind(run *r, const char *resource, size_t keys, const weir_column *columns)
{
    weir_binding *b = &r->bindings[r->count];
    weir_column *own = r->columns[r->count];
    r->resources[r->count++] = resource;
    *b = (weir_binding){.name = view_of("acme/docs"), .columns = own, .key_count = keys};
    for (; columns->field.ptr; columns++, b->column_count++) {
        weir_column *c = &own[b->column_count];
        *c = *columns;
        c->key = b->column_count < keys;
        if (!c->pointer.ptr)
            c->pointer = arena_printf(&r->a, "/%.*s", VIEW_ARG(c->field));
    }
    return b;
}

#define BIND(r, resource, keys, ...) bind(r, resource, keys, (const weir_column[]){__VA_ARGS__, {.types = 0}})

static weir_rc try_apply(run *r)
{
    tree *resources[TABLES];
    for (size_t i = 0; i < r->count; i++)
        assert_int_equal(tree_parse(&r->a, view_of(r->resources[i]), NULL, WEIR_E_BUG, &resources[i], &r->e), WEIR_OK);
    if (session_bind(r->s, r->bindings, (const tree *const *)resources, r->count, (weir_view){0}, &r->e))
        fail_msg("bind: %s", err_text(&r->e));
    return session_apply(r->s, &r->e);
}

static void apply(run *r)
{
    if (try_apply(r))
        fail_msg("apply: %s", err_text(&r->e));
}

static weir_rc try_row(run *r, const weir_binding *b, weir_op op, const char *const *texts)
{
    weir_view values[COLUMNS];
    for (size_t i = 0; i < b->column_count; i++)
        values[i] = (op == WEIR_DELETE && i >= b->key_count) || !texts[i] ? (weir_view){0} : view_of(texts[i]);
    weir_row row = {.binding = b, .op = op, .values = values};
    return session_store(r->s, &row, 1, &r->e);
}

static void put_row(run *r, const weir_binding *b, weir_op op, const char *const *texts)
{
    if (try_row(r, b, op, texts))
        fail_msg("store: %s", err_text(&r->e));
}

#define PUT(r, b, ...)    put_row(r, b, WEIR_UPSERT, (const char *const[]){__VA_ARGS__})
#define REMOVE(r, b, ...) put_row(r, b, WEIR_DELETE, (const char *const[]){__VA_ARGS__})

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
    if (session_load(r->s, &row, 1, &r->e) || session_flush(r->s, &r->e))
        fail_msg("load: %s", err_text(&r->e));
    return buf_text(&r->loaded);
}

static void assert_error(run *r, weir_rc rc, weir_rc want, const char *text)
{
    if (rc != want || !strstr(err_text(&r->e), text))
        fail_msg("%d \"%s\" is not %d \"%s\"", rc, err_text(&r->e), want, text);
}

/* What a query gives: values as texts, | between columns, a space between rows. The runs are ended. */
static char *ask(fixture *f, const char *sql)
{
    duckdb_database d;
    duckdb_connection c;
    duckdb_result x;
    buf out = {0};
    assert_int_equal(duckdb_open(f->path, &d), DuckDBSuccess);
    assert_int_equal(duckdb_connect(d, &c), DuckDBSuccess);
    duckdb_query(c, "SET TimeZone = 'UTC'", NULL);
    if (duckdb_query(c, sql, &x) == DuckDBError)
        fail_msg("%s: %s", sql, duckdb_result_error(&x));
    for (idx_t r = 0; r < duckdb_row_count(&x); r++)
        for (idx_t i = 0; i < duckdb_column_count(&x); i++) {
            char *text = duckdb_value_varchar(&x, i, r);
            buf_printf(&out, "%s%s", i ? "|" : r ? " " : "", text ? text : "NULL");
            duckdb_free(text);
        }
    duckdb_destroy_result(&x);
    duckdb_disconnect(&c);
    duckdb_close(&d);
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

#define TYPES_OF(table) "SELECT string_agg(data_type, ',' ORDER BY column_index) FROM duckdb_columns() WHERE table_name = '" table "'"

/* ---- tests ---- */

static void test_types(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r, "acme/load");
    weir_column bytes = col("bytes", STR);
    bytes.encoding = VIEW("base64");
    weir_binding *b = BIND(&r, "{\"table\":\"t\"}", 1, col("id", STR), col("i", INT), col("n", NUM), col("yes", BOOL), bytes, formatted("day", "date"),
                           formatted("at", "date-time"), formatted("big", "integer"), formatted("money", "number"), col("obj", OBJ), col("any", STR | NUM), col("s", STR));
    apply(&r);
    PUT(&r, b, "\"\\u0001\\\"k\"", "-7", "0.1", "true", "\"AAEC\"", "\"2000-02-29\"", "\"2024-01-02T03:04:05.5+02:00\"", "\"9223372036854775807\"", "\"1.50\"",
        "{\"k\": [1, 2.50]}", "\"5\"", "\"\\u00e9\\u0000\"");
    PUT(&r, b, "\"few\"", NULL, "null", "false", NULL, NULL, "\"0001-01-01T00:00:00Z\"", NULL, NULL, NULL, "1.10", "\"\"");
    commit(&r, "{}");
    assert_string_equal(load(&r, b, "\"\\u0001\\\"k\""),
                        "{\"id\":\"\\u0001\\\"k\",\"i\":-7,\"n\":0.1,\"yes\":true,\"bytes\":\"AAEC\",\"day\":\"2000-02-29\",\"at\":\"2024-01-02T01:04:05.500Z\","
                        "\"big\":\"9223372036854775807\",\"money\":\"1.5\",\"obj\":{\"k\":[1,2.50]},\"any\":\"5\",\"s\":\"\xc3\xa9\\u0000\"}\n");
    assert_string_equal(load(&r, b, "\"few\""), "{\"id\":\"few\",\"yes\":false,\"at\":\"0001-01-01T00:00:00Z\",\"any\":1.10,\"s\":\"\"}\n");
    assert_string_equal(load(&r, b, "\"no\""), "");
    assert_string_equal(load(&r, b, "5"), "");
    end(&r);
    assert_gives(f, TYPES_OF("t"), "VARCHAR,BIGINT,DOUBLE,BOOLEAN,BLOB,DATE,TIMESTAMP WITH TIME ZONE,BIGINT,DECIMAL(38,2),JSON,JSON,VARCHAR");
    assert_gives(f, "SELECT i, n, yes, hex(bytes), day, strftime(\"at\", '%Y-%m-%d %H:%M:%S.%f'), big, money, obj, \"any\", length(s) FROM t WHERE i = -7",
                 "-7|0.1|true|000102|2000-02-29|2024-01-02 01:04:05.500000|9223372036854775807|1.50|{\"k\":[1,2.50]}|\"5\"|2");
}

/* Values that the column so far does not hold: exact in every digit, whatever was there before. */
static void test_widening(void **state)
{
    fixture *f = *state;
    static const struct {
        unsigned types;
        const char *format, *first, *second, *type, *shown;
    } cases[] = {
        {INT, "", "1", "9223372036854775808", "HUGEINT", "1 9223372036854775808"},
        {INT, "", "9223372036854775807", "99999999999999999999999999999999999999", "HUGEINT", "9223372036854775807 99999999999999999999999999999999999999"},
        {INT, "", "1", "123456789012345678901234567890123456789", "JSON", "1 123456789012345678901234567890123456789"},
        {INT, "", "1", "1.5", "DOUBLE", "1.0 1.5"},
        {INT, "", "9007199254740993", "0.25", "DECIMAL(38,2)", "9007199254740993.00 0.25"},
        {INT, "", "3", "\"three\"", "JSON", "3 \"three\""},
        {INT, "", "1e3", "1.0", "BIGINT", "1000 1"},
        {NUM, "", "0.1", "12345678901234567890.125", "DECIMAL(38,3)", "0.100 12345678901234567890.125"},
        {NUM, "", "0.1234", "0.1234567890123456", "DECIMAL(38,16)", "0.1234000000000000 0.1234567890123456"},
        {NUM, "", "1e300", "0.1234567890123456", "JSON", "1e300 0.1234567890123456"},
        {NUM, "", "0.5", "9007199254740993", "DECIMAL(38,1)", "0.5 9007199254740993.0"},
        {NUM, "", "0.5", "true", "JSON", "0.5 true"},
        {NUM, "", "1", "[1]", "JSON", "1 [1]"},
        {BOOL, "", "true", "7", "JSON", "true 7"},
        {STR, "date", "\"2024-02-29\"", "\"2023-02-29\"", "VARCHAR", "2024-02-29 2023-02-29"},
        {STR, "date-time", "\"2024-01-01T00:00:00.120Z\"", "\"2024-01-01T00:00:00.123456789Z\"", "VARCHAR", "2024-01-01T00:00:00.12Z 2024-01-01T00:00:00.123456789Z"},
        {STR, "date-time", "\"2024-01-01T00:00:00Z\"", "5", "JSON", "\"2024-01-01T00:00:00Z\" 5"},
        {STR, "number", "\"1.25\"", "\"NaN\"", "VARCHAR", "1.25 NaN"},
        {STR, "number", "\"1.25\"", "\"-0.0005\"", "DECIMAL(38,4)", "1.2500 -0.0005"},
        {STR, "number", "\"1.25\"", "2", "JSON", "\"1.25\" 2"},
        {STR, "integer", "\"7\"", "\"007\"", "VARCHAR", "7 007"},
        {STR, "", "\"x\"", "{\"a\":1}", "JSON", "\"x\" {\"a\":1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int transactions = 1; transactions <= 2; transactions++) {
            run r;
            unlink(f->path);
            begin(f, &r, "acme/load");
            weir_column v = col("v", cases[i].types);
            v.format = view_of(cases[i].format);
            weir_binding *b = BIND(&r, "{\"table\":\"t\"}", 1, col("id", INT), v);
            apply(&r);
            PUT(&r, b, "1", cases[i].first);
            if (transactions > 1)
                commit(&r, "{}");
            PUT(&r, b, "2", cases[i].second);
            PUT(&r, b, "3", NULL);
            commit(&r, "{}");
            end(&r);
            assert_gives(f, "SELECT data_type FROM duckdb_columns() WHERE table_name = 't' AND column_name = 'v'", cases[i].type);
            assert_gives(f, "SELECT CAST(v AS VARCHAR) FROM t WHERE id < 3 ORDER BY id", cases[i].shown);
            begin(f, &r, "acme/load"); /* what is there is read again as it is, and goes on */
            b = BIND(&r, "{\"table\":\"t\"}", 1, col("id", INT), v);
            apply(&r);
            PUT(&r, b, "4", cases[i].second);
            commit(&r, "{}");
            end(&r);
            assert_gives(f, "SELECT count(*), count(v) FROM t", "4|3");
        }
}

/* Killed with everything still in DuckDB's log, which has to be read again. */
static void load_and_die(fixture *f)
{
    run r;
    begin(f, &r, "acme/load");
    weir_binding *b = BIND(&r, "{\"table\":\"t\"}", 1, col("id", INT), col("n", NUM), formatted("at", "date-time"), formatted("d", "number"), col("i", INT));
    apply(&r);
    PUT(&r, b, "1", "0.5", "\"2024-01-01T00:00:00Z\"", "\"1.25\"", "1");
    commit(&r, "{\"at\":1}");
    PUT(&r, b, "1", "12345678901234567890.5", "\"soon\"", "\"many\"", "\"x\""); /* in the transaction that replaces the row */
    PUT(&r, b, "2", "1", NULL, NULL, NULL);
    commit(&r, "{\"at\":2}");
    begin(f, &r, "acme/load");
    b = BIND(&r, "{\"table\":\"t\"}", 1, col("id", INT), col("n", STR), col("more", OBJ), col("at", STR));
    apply(&r);
    PUT(&r, b, "3", "\"text\"", "{\"a\":1}", "\"y\"");
    REMOVE(&r, b, "2");
    commit(&r, "{\"at\":3}");
    _exit(0);
}

static void test_log(void **state)
{
    fixture *f = *state;
    int status;
    pid_t child = fork();
    if (child == 0)
        load_and_die(f);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_gives(f, TYPES_OF("t"), "BIGINT,JSON,VARCHAR,VARCHAR,JSON,JSON");
    assert_gives(f, "SELECT * FROM t ORDER BY id", "1|12345678901234567890.5|soon|many|\"x\"|NULL 3|\"text\"|y|NULL|NULL|{\"a\":1}");
    assert_gives(f, "SELECT checkpoint FROM weir_checkpoints", "{\"at\":3}");
}

/* A key whose column became JSON is found by whatever text of the number comes. */
static void test_number_keys(void **state)
{
    fixture *f = *state;
    static const char *const keys[] = {"1.5", "0.1", "1.0", "0", "1e400", "-2e-7", "1000000000000000000000", "\"\\u00e9\""};
    static const char *const again[] = {"15e-1", "0.10", "1", "0.0", "10e399", "-0.00000020", "1e21", "\"\u00e9\""};
    run r;
    begin(f, &r, "acme/load");
    weir_binding *b = BIND(&r, "{\"table\":\"t\"}", 1, col("id", NUM), col("v", INT));
    apply(&r);
    for (size_t i = 0; i < 8; i++)
        PUT(&r, b, keys[i], "1");
    commit(&r, "{}");
    for (size_t i = 0; i < 8; i++) {
        assert_non_null(strstr(load(&r, b, again[i]), "\"v\":1}"));
        PUT(&r, b, again[i], "2");
    }
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT count(*), sum(v) FROM t", "8|16");
    assert_gives(f, "SELECT CAST(id AS VARCHAR) FROM t ORDER BY 1", "\"\u00e9\" -0.0000002 0 0.1 1 1.5 1000000000000000000000 1e400");
}

static void test_replacing(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r, "acme/load");
    weir_binding *b = BIND(&r, "{\"table\":\"t\"}", 2, col("a", INT), col("b", STR), col("v", INT));
    weir_binding *d = BIND(&r, "{\"table\":\"d\",\"delta_updates\":true}", 2, col("a", INT), col("b", STR), col("v", INT));
    apply(&r);
    for (int round = 0; round < 2; round++) {
        PUT(&r, b, "1", "\"x\"", round ? "10" : "1");
        PUT(&r, b, "2", "\"x\"", "2");
        PUT(&r, b, "2", "\"y\"", round ? NULL : "3");
        PUT(&r, d, "1", "\"x\"", "1");
        REMOVE(&r, d, "1", "\"x\"");
        commit(&r, "{}");
    }
    REMOVE(&r, b, "2", "\"x\"");
    REMOVE(&r, b, "9", "\"x\"");
    REMOVE(&r, b, "\"no\"", "\"x\""); /* the key of no row */
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT * FROM t ORDER BY ALL", "1|x|10 2|y|NULL");
    assert_gives(f, "SELECT * FROM d ORDER BY ALL", "1|x|1 1|x|1 1|x|NULL 1|x|NULL");
    begin(f, &r, "acme/load");
    b = BIND(&r, "{\"table\":\"t\"}", 2, col("a", INT), col("b", STR), col("v", INT));
    apply(&r);
    assert_error(&r, try_row(&r, b, WEIR_UPSERT, (const char *const[]){"1", NULL, "1"}), WEIR_E_CONFIG, "has no value at \"/b\", which is part of its key");
    assert_error(&r, session_commit(r.s, VIEW("{}"), &r.e), WEIR_E_BUG, "failed before");
    end(&r);
    assert_gives(f, "SELECT count(*) FROM t", "2");
}

static void test_schema_changes(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r, "acme/load");
    weir_binding *b = BIND(&r, "{\"schema\":\"raw\",\"table\":\"T\"}", 1, col("Id", INT), col("id", INT), col("old", STR));
    apply(&r);
    PUT(&r, b, "1", "2", "\"x\"");
    commit(&r, "{}");
    end(&r);
    free(ask(f, "CREATE INDEX by_old ON raw.\"T\"(old)"));
    begin(f, &r, "acme/load");
    b = BIND(&r, "{\"schema\":\"raw\",\"table\":\"T\"}", 1, col("Id", INT), col("id", NUM), col("new", OBJ), col("ID", STR));
    apply(&r);
    PUT(&r, b, "2", "2.5", "{}", "\"y\"");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "SELECT * FROM raw.\"T\" ORDER BY 1", "1|2.0|x|NULL|NULL 2|2.5|NULL|{}|y");
    assert_gives(f, "SELECT string_agg(column_name, ',' ORDER BY column_index) FROM duckdb_columns() WHERE schema_name = 'raw'", "Id,id_2,old,new,ID_3");
    assert_gives(f, "SELECT count(*) FROM duckdb_indexes() WHERE index_name = 'by_old'", "1");

    begin(f, &r, "acme/load");
    b = BIND(&r, "{\"schema\":\"raw\",\"table\":\"T\"}", 1, col("other", INT));
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "has another key than the collection");
    end(&r);
    begin(f, &r, "acme/load");
    b = BIND(&r, "{\"schema\":\"raw\",\"table\":\"T\"}", 1, col("other", INT));
    b->backfill = 1;
    apply(&r);
    PUT(&r, b, "7");
    commit(&r, "{}");
    end(&r);
    assert_gives(f, "FROM raw.\"T\"", "7");
    free(ask(f, "CREATE TABLE theirs (id BIGINT)"));
    begin(f, &r, "acme/load");
    BIND(&r, "{\"table\":\"THEIRS\"}", 1, col("id", INT));
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "was not made by this connector");
    end(&r);
    free(ask(f, "DROP TABLE raw.\"T\""));
    begin(f, &r, "acme/load");
    b = BIND(&r, "{\"schema\":\"raw\",\"table\":\"T\"}", 1, col("other", INT));
    b->backfill = 1;
    assert_error(&r, try_apply(&r), WEIR_E_CONFIG, "is gone, but what was loaded into it would not be read again");
    end(&r);
}

static void test_checkpoint_and_fence(void **state)
{
    fixture *f = *state;
    run old, next;
    begin(f, &old, "acme/load");
    assert_string_equal(old.resumed, "");
    assert_int_not_equal(access(f->path, F_OK), 0); /* looking makes no file */
    weir_binding *b = BIND(&old, "{\"table\":\"t\"}", 1, col("id", INT));
    apply(&old);
    PUT(&old, b, "1");
    commit(&old, "{\"at\":1}");
    PUT(&old, b, "2"); /* not committed */
    begin(f, &next, "acme/load");
    assert_string_equal(next.resumed, "{\"at\":1}");
    weir_binding *c = BIND(&next, "{\"table\":\"t\"}", 1, col("id", INT));
    apply(&next);
    assert_int_not_equal(session_commit(old.s, VIEW("{\"at\":2}"), &old.e), WEIR_OK);
    end(&old);
    begin(f, &old, "acme/load");
    PUT(&next, c, "3");
    commit(&next, "{\"at\":3}");
    b = BIND(&old, "{\"table\":\"t\"}", 1, col("id", INT)); /* it read the checkpoint too early */
    assert_error(&old, try_apply(&old), WEIR_E_TRANSIENT, "while this one was starting");
    end(&old);
    commit(&next, "{\"at\":4}");
    end(&next);
    assert_gives(f, "SELECT * FROM t ORDER BY 1", "1 3");
    assert_gives(f, "SELECT * FROM weir_checkpoints", "acme/load|0|4294967295|2|{\"at\":4}");
}

/* A task that is split goes on from the checkpoint of the whole, each part by itself; and the whole is fenced off. */
static void test_shards(void **state)
{
    fixture *f = *state;
    run whole, low, high;
    const char *const one[] = {"1"};
    begin(f, &whole, "acme/load");
    weir_binding *a = BIND(&whole, "{\"table\":\"t\"}", 1, col("id", INT)), *b, *c;
    apply(&whole);
    PUT(&whole, a, "1");
    commit(&whole, "{\"at\":1}");
    begin_shard(f, &low, "acme/load", 0, 0x7fffffff);
    begin_shard(f, &high, "acme/load", 0x80000000, 0xffffffff);
    assert_string_equal(low.resumed, "{\"at\":1}");
    assert_string_equal(high.resumed, "{\"at\":1}");
    b = BIND(&low, "{\"table\":\"t\"}", 1, col("id", INT));
    apply(&low);
    c = BIND(&high, "{\"table\":\"t\"}", 1, col("id", INT));
    apply(&high);
    PUT(&low, b, "2"); /* both at once */
    PUT(&high, c, "3");
    commit(&high, "{\"at\":3}");
    commit(&low, "{\"at\":2}");
    assert_error(&whole, try_row(&whole, a, WEIR_UPSERT, one), WEIR_E_CONFIG, "fenced off");
    end(&whole);
    end(&low);
    end(&high);
    assert_gives(f, "SELECT * FROM t ORDER BY 1", "1 2 3");
    assert_gives(f, "SELECT key_begin, key_end, checkpoint FROM weir_checkpoints ORDER BY ALL",
                 "0|2147483647|{\"at\":2} 0|4294967295|{\"at\":1} 2147483648|4294967295|{\"at\":3}");
}

static void test_expiry_and_cursor(void **state)
{
    fixture *f = *state;
    run r;
    begin(f, &r, "");
    assert_null(r.resumed);
    weir_binding *b = BIND(&r, "{\"table\":\"t\"}", 1, col("id", INT), col("at", STR), col("generation", INT), formatted("gone", "date-time"));
    b->pushed = true;
    b->cursor = VIEW("/at");
    apply(&r);
    PUT(&r, b, "1", "\"2024-01-02T00:00:00Z\"", "1", NULL);
    PUT(&r, b, "2", "\"2024-01-02T00:00:00Z\"", "1", NULL);
    commit(&r, "");
    PUT(&r, b, "1", "\"2024-01-01T23:00:00Z\"", "7", NULL); /* older */
    PUT(&r, b, "2", "\"2024-01-02T01:00:00+01:00\"", "2", NULL); /* equal */
    PUT(&r, b, "3", NULL, "3", NULL);
    commit(&r, "");
    const weir_expiry mark = {.age = &b->columns[2], .below = 2, .mark = &b->columns[3], .value = VIEW("\"2024-02-02T00:00:00Z\"")};
    assert_int_equal(session_expire(r.s, b, &mark, &r.e), WEIR_OK);
    commit(&r, "");
    assert_int_equal(session_expire(r.s, b, &(weir_expiry){.age = &b->columns[2], .below = 3}, &r.e), WEIR_OK);
    PUT(&r, b, "4", NULL, "4", "\"not a time\""); /* after rows were changed: the table is made anew */
    commit(&r, "");
    end(&r);
    assert_gives(f, "SELECT id, generation, gone FROM t ORDER BY 1", "3|3|NULL 4|4|not a time");
    begin(f, &r, "");
    b = BIND(&r, "{\"table\":\"T\"}", 1, col("id", INT)); /* another stream, whose name is the same to DuckDB */
    b->pushed = true;
    apply(&r);
    assert_int_equal(session_expire(r.s, b, &(weir_expiry){0}, &r.e), WEIR_OK);
    PUT(&r, b, "5");
    commit(&r, "");
    end(&r);
    assert_gives(f, "SELECT id FROM \"T_2\"", "5");
    assert_gives(f, "SELECT count(*) FROM t", "2");
}

/* More rows than wait in memory, old and new keys mixed, and a load that sees what was stored. */
static void test_many(void **state)
{
    fixture *f = *state;
    run r;
    enum { ROWS = 300000 };
    begin(f, &r, "acme/load");
    weir_binding *b = BIND(&r, "{\"table\":\"t\"}", 1, col("id", INT), col("v", NUM));
    apply(&r);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < ROWS; i += 1000) {
            weir_row rows[1000];
            weir_view values[1000][2];
            char texts[1000][2][24];
            for (int k = 0; k < 1000; k++) {
                int n = snprintf(texts[k][0], 24, "%d", (i + k) * (round + 1)), m = snprintf(texts[k][1], 24, "%d.5", round);
                values[k][0] = (weir_view){texts[k][0], (size_t)n};
                values[k][1] = (weir_view){texts[k][1], (size_t)m};
                rows[k] = (weir_row){.binding = b, .values = values[k]};
            }
            assert_int_equal(session_store(r.s, rows, 1000, &r.e), WEIR_OK);
        }
        commit(&r, "{}");
    }
    assert_string_equal(load(&r, b, "4"), "{\"id\":4,\"v\":1.5}\n");
    end(&r);
    assert_gives(f, "SELECT count(*), count(DISTINCT id), sum(id), count_if(v = 1.5) FROM t", "450000|450000|112499700000|300000");
}

/* What comes in one call: texts that stay where they are beside others that are decoded, a value in the midst that no column holds, deletions, old keys. */
static void test_bulk(void **state)
{
    fixture *f = *state;
    run r;
    enum { ROWS = 10000 };
    weir_row *rows = calloc(ROWS, sizeof *rows);
    weir_view (*values)[3] = calloc(ROWS, sizeof *values);
    char (*texts)[3][64] = calloc(ROWS, sizeof *texts);
    begin(f, &r, "acme/load");
    weir_binding *b = BIND(&r, "{\"table\":\"t\"}", 1, col("id", STR), col("v", NUM), col("s", STR));
    apply(&r);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < ROWS; i++) {
            snprintf(texts[i][0], 64, "\"a key of more than a dozen bytes %d\"", i + round * ROWS / 2);
            snprintf(texts[i][1], 64, i == 5001 ? "1234567890123456789.%d" : "%d.5", round);
            snprintf(texts[i][2], 64, i % 2 ? "\"short\"" : i % 4 ? "\"decoded \\u00e9 %d\"" : "\"not decoded, but long enough %d\"", i);
            for (int k = 0; k < 3; k++)
                values[i][k] = view_of(texts[i][k]);
            rows[i] = (weir_row){.binding = b, .values = values[i], .op = round && i % 10 == 0 ? WEIR_DELETE : WEIR_UPSERT};
        }
        assert_int_equal(session_store(r.s, rows, ROWS, &r.e), WEIR_OK);
        commit(&r, "{}");
    }
    end(&r);
    free(rows);
    free(values);
    free(texts);
    assert_gives(f, "SELECT count(*), count(DISTINCT id), count_if(v = 1.5), count_if(s = 'short'), count_if(s LIKE 'decoded \u00e9 %'), "
                    "count_if(s LIKE 'not decoded, but long enough %') FROM t", "14000|14000|8999|7500|3250|3250");
    assert_gives(f, "SELECT v FROM t WHERE v > 2", "1234567890123456789.1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_types), TEST(test_widening), TEST(test_log), TEST(test_number_keys), TEST(test_replacing), TEST(test_schema_changes), TEST(test_checkpoint_and_fence), TEST(test_shards), TEST(test_expiry_and_cursor),
        TEST(test_many), TEST(test_bulk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
