/* A destination of Fivetran on SQLite: every call of the service but the wire, and the tables afterwards, read with sqlite3 itself. What is expected is what
 * fivetran.md 2.4 says. */
#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "folder.h"
#include "proto/fivetran/serve_destination.h"
#include "proto/fivetran/types.h"

extern const weir_connector materialize_sqlite;

typedef FivetranSdk__V2__Table table_message;

typedef struct fixture {
    char *folder, *path;
    log_sink *log;
    FILE *log_file;
    ft_databases *databases;
    tree *config;
    arena a;
    err e;
    sqlite3 *db;
    int files;
    bool failing;   /* in each call allocation number fail_at fails */
    size_t fail_at;
    bool failed;    /* there was such a one */
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->folder = folder_make();
    assert_true(asprintf(&f->path, "%s/test.db", f->folder) > 0);
    f->log_file = tmpfile();
    f->log = log_open(fileno(f->log_file));
    assert_int_equal(ft_databases_new(&f->databases, &materialize_sqlite, f->log, &f->e), WEIR_OK);
    weir_view text = arena_printf(&f->a, "{\"path\":\"%s\"}", f->path);
    assert_int_equal(tree_parse(&f->a, text, NULL, WEIR_E_BUG, &f->config, &f->e), WEIR_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ft_databases_free(f->databases);
    sqlite3_close(f->db);
    log_close(f->log);
    fclose(f->log_file);
    arena_free(&f->a);
    err_free(&f->e);
    free(f->path);
    folder_remove(f->folder);
    free(f);
    return 0;
}

/* ------------------------------------------------------------------------------------------------------------------ calls -- */

typedef struct request {
    const void *m;
    bool drop, unsupported;
    const char *name;
    table_message *table;
} request;

typedef weir_rc work(ft_work *w, void *arg);

static weir_rc do_create(ft_work *w, void *arg) { return ft_create_table(w, ((request *)arg)->m); }
static weir_rc do_alter(ft_work *w, void *arg) { return ft_alter_table(w, ((request *)arg)->m, ((request *)arg)->drop); }
static weir_rc do_truncate(ft_work *w, void *arg) { return ft_truncate_table(w, ((request *)arg)->m); }
static weir_rc do_write(ft_work *w, void *arg) { return ft_write_batch(w, ((request *)arg)->m); }
static weir_rc do_write_history(ft_work *w, void *arg) { return ft_write_history_batch(w, ((request *)arg)->m); }
static weir_rc do_migrate(ft_work *w, void *arg) { return ft_migrate(w, ((request *)arg)->m, &((request *)arg)->unsupported); }
static weir_rc do_describe(ft_work *w, void *arg) { return ft_describe_table(w, ((request *)arg)->name, &((request *)arg)->table); }

static weir_rc call(fixture *f, work *fn, request *r)
{
    arena a = {0};
    ft_work w = {.a = f->failing ? &a : &f->a, .schema = VIEW("s")};
    if (f->failing)
        fault_at(FAULT_ALLOC, f->fail_at, ENOMEM);
    weir_rc rc = ft_database_change(f->databases, f->config, &w, fn, r, &f->e);
    f->failed |= f->failing && fault_clear();
    arena_free(&a);
    return rc;
}

static void must(fixture *f, weir_rc rc)
{
    if (rc)
        fail_msg("%s", err_text(&f->e));
}

static void refused(fixture *f, weir_rc rc, weir_rc want, const char *text)
{
    if (rc != want || !strstr(err_text(&f->e), text))
        fail_msg("%d \"%s\" is not %d \"%s\"", rc, rc ? err_text(&f->e) : "", want, text);
    err_clear(&f->e);
}

/* What a query gives: | between columns, a line for each row. */
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
            buf_printf(&out, "%s%s", i ? "|" : "", sqlite3_column_text(st, i) ? (const char *)sqlite3_column_text(st, i) : "NULL");
        buf_addc(&out, '\n');
    }
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
    buf_addc(&out, '\0');
    return out.ptr;
}

static void gives(fixture *f, const char *sql, const char *want)
{
    char *got = ask(f, sql);
    if (strcmp(got, want) != 0)
        fail_msg("%s\n gives\n%s wanted\n%s", sql, got, want);
    free(got);
}

static void run_sql(fixture *f, const char *sql)
{
    free(ask(f, sql));
}

/* --------------------------------------------------------------------------------------------------------------- messages -- */

/* `id:INT:k amount:DECIMAL(10,2) txt:STRING` */
static FivetranSdk__V2__Column *column_of(fixture *f, char *word)
{
    FivetranSdk__V2__Column *c = arena_alloc(&f->a, sizeof *c);
    ft_type type;
    fivetran_sdk__v2__column__init(c);
    c->name = strtok_r(word, ":", &word);
    char *of = strtok_r(word, ":", &word), *open = strchr(of, '(');
    c->primary_key = word && *word == 'k';
    if (open) {
        FivetranSdk__V2__DataTypeParams *p = arena_alloc(&f->a, sizeof *p);
        FivetranSdk__V2__DecimalParams *d = arena_alloc(&f->a, sizeof *d);
        fivetran_sdk__v2__data_type_params__init(p);
        fivetran_sdk__v2__decimal_params__init(d);
        d->precision = (uint32_t)atoi(open + 1);
        d->scale = (uint32_t)atoi(strchr(open, ',') + 1);
        p->params_case = FIVETRAN_SDK__V2__DATA_TYPE_PARAMS__PARAMS_DECIMAL;
        p->decimal = d;
        c->_params_case = FIVETRAN_SDK__V2__COLUMN___PARAMS_PARAMS;
        c->params = p;
        *open = '\0';
    }
    assert_true(ft_type_named(view_of(of), &type));
    c->type = (FivetranSdk__V2__DataType)type;
    return c;
}

static table_message *table_of(fixture *f, const char *name, const char *columns)
{
    table_message *m = arena_alloc(&f->a, sizeof *m);
    fivetran_sdk__v2__table__init(m);
    m->name = arena_text(&f->a, view_of(name));
    m->columns = arena_array(&f->a, 64, sizeof *m->columns);
    char *rest = arena_text(&f->a, view_of(columns)), *word;
    while ((word = strtok_r(rest, " ", &rest)))
        m->columns[m->n_columns++] = column_of(f, word);
    return m;
}

static void create(fixture *f, const char *name, const char *columns)
{
    must(f, call(f, do_create, &(request){.m = table_of(f, name, columns)}));
}

static weir_rc try_alter(fixture *f, const char *name, const char *columns, bool drop)
{
    return call(f, do_alter, &(request){.m = table_of(f, name, columns), .drop = drop});
}

/* The columns in the words of table_of(). */
static void describes(fixture *f, const char *name, const char *want)
{
    request r = {.name = name};
    buf got = {0};
    must(f, call(f, do_describe, &r));
    for (size_t i = 0; r.table && i < r.table->n_columns; i++) {
        const FivetranSdk__V2__Column *c = r.table->columns[i];
        buf_printf(&got, "%s%s:%s", i ? " " : "", c->name, ft_type_name((int)c->type));
        if (c->params)
            buf_printf(&got, "(%u,%u)", c->params->decimal->precision, c->params->decimal->scale);
        buf_adds(&got, c->primary_key ? ":k" : "");
    }
    if (!r.table)
        buf_adds(&got, "not found");
    if (strcmp(buf_text(&got), want) != 0)
        fail_msg("%s is\n%s, not\n%s", name, buf_text(&got), want);
    buf_free(&got);
}

/* A batch file, `~` for the unmodified string, `-` for the null string. @return its path */
static char *file_of(fixture *f, const char *csv)
{
    weir_view path = arena_printf(&f->a, "%s/%d.csv", f->folder, f->files++);
    FILE *out = fopen(path.ptr, "w");
    for (; *csv; csv++)
        fputs(*csv == '~' ? "unmod-1" : *csv == '-' && strchr(",\n", csv[-1]) && strchr(",\n", csv[1]) ? "null-1" : (char[]){*csv, 0}, out);
    fclose(out);
    return arena_text(&f->a, path);
}

typedef struct files {
    const char *earliest, *replace, *update, *remove;
    const char *more; /* another one of updates, of a history */
} files;

static FivetranSdk__V2__FileParams params = {.null_string = (char *)"null-1", .unmodified_string = (char *)"unmod-1"};

static size_t put_file(fixture *f, const char *csv, char ***ret)
{
    *ret = arena_array(&f->a, 2, sizeof **ret);
    if (csv)
        (*ret)[0] = file_of(f, csv);
    return csv ? 1 : 0;
}

static weir_rc try_write(fixture *f, const char *table, files x)
{
    FivetranSdk__V2__WriteBatchRequest m = FIVETRAN_SDK__V2__WRITE_BATCH_REQUEST__INIT;
    m.table = table_of(f, table, "");
    m.n_replace_files = put_file(f, x.replace, &m.replace_files);
    m.n_update_files = put_file(f, x.update, &m.update_files);
    m.n_delete_files = put_file(f, x.remove, &m.delete_files);
    m.file_params = &params;
    return call(f, do_write, &(request){.m = &m});
}

static weir_rc try_write_history(fixture *f, const char *table, files x)
{
    FivetranSdk__V2__WriteHistoryBatchRequest m = FIVETRAN_SDK__V2__WRITE_HISTORY_BATCH_REQUEST__INIT;
    m.table = table_of(f, table, "");
    m.n_earliest_start_files = put_file(f, x.earliest, &m.earliest_start_files);
    m.n_replace_files = put_file(f, x.replace, &m.replace_files);
    m.n_update_files = put_file(f, x.update, &m.update_files);
    if (x.more)
        m.update_files[m.n_update_files++] = file_of(f, x.more);
    m.n_delete_files = put_file(f, x.remove, &m.delete_files);
    m.file_params = &params;
    return call(f, do_write_history, &(request){.m = &m});
}

static void write_batch(fixture *f, const char *table, files x) { must(f, try_write(f, table, x)); }
static void write_history(fixture *f, const char *table, files x) { must(f, try_write_history(f, table, x)); }

/* ----------------------------------------------------------------------------------------------------------------- tables -- */

static const char every_type[] = "id:LONG:k b:BOOLEAN s:SHORT i:INT d:DECIMAL(38,37) d0:DECIMAL f:FLOAT g:DOUBLE day:NAIVE_DATE local:NAIVE_DATETIME "
                                 "at:UTC_DATETIME clock:NAIVE_TIME bin:BINARY t:STRING j:JSON x:XML";

static void test_create_and_describe(void **state)
{
    fixture *f = *state;
    describes(f, "t", "not found");
    create(f, "t", every_type);
    describes(f, "t", every_type);
    refused(f, call(f, do_create, &(request){.m = table_of(f, "t", "id:INT")}), WEIR_E_CONFIG, "'t' is there already");
    refused(f, call(f, do_create, &(request){.m = table_of(f, "u", "")}), WEIR_E_PROTOCOL, "no columns");
    refused(f, call(f, do_create, &(request){.m = table_of(f, "u", "a:INT a:INT")}), WEIR_E_PROTOCOL, "'a' comes twice");
    create(f, "quoted\"name", "a\"b:INT:k _fivetran_id:STRING");
    describes(f, "quoted\"name", "a\"b:INT:k _fivetran_id:STRING");
}

/* A table that materialize-sqlite made for another platform. */
static void test_describe_foreign(void **state)
{
    fixture *f = *state;
    run_sql(f, "CREATE TABLE s__other (id INTEGER NOT NULL, n ANY, t TEXT, b BLOB, PRIMARY KEY (id)) STRICT");
    describes(f, "other", "id:LONG:k n:STRING t:STRING b:BINARY");
}

static void test_every_value(void **state)
{
    fixture *f = *state;
    create(f, "t", every_type);
    write_batch(f, "t", (files){.replace =
        "x,j,t,bin,clock,at,local,day,g,f,d0,d,i,s,b,id\n"
        "<a/>,\"{\"\"a\"\": [1]}\",\"two\nlines, \"\"q\"\"\",AP8=,10:15:30,2007-12-03T10:15:30.3Z,2007-12-03T10:15,2007-12-03,200,1.5E-3,12.340,"
        "1.2345678901234567890123456789012345678,-2147483648,32767,true,9223372036854775807\n"
        "-,-,,-,-,-,-,-,NaN,-Infinity,99999999999999999999,-,-,-,false,-9223372036854775808\n"
        "-,-,-,,23:59:59.999,0001-01-01T00:00:00Z,9999-12-31T23:59:59.999999999,0001-01-01,-,-,-0.0,+1E2,-,-,-,0\n"});
    gives(f, "SELECT id, b, s, i, d, d0, f, g, day, local, at, clock, hex(bin), t, j, x FROM s__t ORDER BY id DESC",
          "9223372036854775807|1|32767|-2147483648|1.2345678901234567890123456789012345678|12.34|0.0015|200.0|2007-12-03|2007-12-03T10:15:00|"
          "2007-12-03T10:15:30.300+00:00|10:15:30|00FF|two\nlines, \"q\"|{\"a\": [1]}|<a/>\n"
          "0|NULL|NULL|NULL|100|0|NULL|NULL|0001-01-01|9999-12-31T23:59:59.999999999|0001-01-01T00:00:00+00:00|23:59:59.999||NULL|NULL|NULL\n"
          "-9223372036854775808|0|NULL|NULL|NULL|99999999999999999999|-Inf|NaN|NULL|NULL|NULL|NULL|||NULL|NULL\n");
    gives(f, "SELECT typeof(t) FROM s__t WHERE id < 0", "text\n"); /* an empty field is an empty text, not null */
}

static void test_alter(void **state)
{
    fixture *f = *state;
    create(f, "t", "id:INT:k a:INT d:DECIMAL(10,2) gone:STRING");
    write_batch(f, "t", (files){.replace = "id,a,d,gone\n1,7,1.50,x\n2,-,-,y\n"});
    run_sql(f, "CREATE INDEX by_a ON s__t (a)");
    must(f, try_alter(f, "t", "id:INT:k a:INT d:DECIMAL(10,2) gone:STRING", false)); /* as it is */
    must(f, try_alter(f, "t", "id:UNSPECIFIED:k a:UNSPECIFIED d:DECIMAL gone:STRING", false));
    describes(f, "t", "id:INT:k a:INT d:DECIMAL(10,2) gone:STRING");
    must(f, try_alter(f, "t", "id:INT:k a:INT d:DECIMAL new:JSON", false));         /* one more, one less that stays */
    describes(f, "t", "id:INT:k a:INT d:DECIMAL(10,2) gone:STRING new:JSON");
    must(f, try_alter(f, "t", "id:LONG:k a:STRING d:DECIMAL(12,4) new:JSON", true));
    describes(f, "t", "id:LONG:k a:STRING d:DECIMAL(12,4) new:JSON");
    gives(f, "SELECT id, a, typeof(a), d, new FROM s__t", "1|7|text|1.5|NULL\n2|NULL|null|NULL|NULL\n");
    gives(f, "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL", "by_a\n");
    refused(f, try_alter(f, "missing", "id:INT", false), WEIR_E_CONFIG, "no table 'missing'");
    refused(f, try_alter(f, "t", "id:LONG:k a:INT d:BOOLEAN new:JSON", false), WEIR_E_CONFIG, "'1.5' is no BOOLEAN");
    describes(f, "t", "id:LONG:k a:STRING d:DECIMAL(12,4) new:JSON"); /* nothing of it was done */
}

static void test_alter_key(void **state)
{
    fixture *f = *state;
    create(f, "t", "a:INT:k b:INT c:STRING");
    write_batch(f, "t", (files){.replace = "a,b,c\n1,10,x\n2,20,y\n"});
    must(f, try_alter(f, "t", "b:INT:k c:STRING", false)); /* the former key stays as a column, which may be null */
    describes(f, "t", "a:INT b:INT:k c:STRING");
    write_batch(f, "t", (files){.replace = "b,c\n20,z\n30,w\n"});
    gives(f, "SELECT * FROM s__t ORDER BY b", "1|10|x\n2|20|z\nNULL|30|w\n");
    must(f, try_alter(f, "t", "b:INT:k c:STRING:k a:INT", false));
    describes(f, "t", "a:INT b:INT:k c:STRING:k");
    refused(f, try_alter(f, "t", "a:INT:k b:INT c:STRING", false), WEIR_E_CONFIG, "without a value of 'a'");
    refused(f, try_alter(f, "t", "a:INT b:INT c:STRING new:INT:k", false), WEIR_E_CONFIG, "without a value of 'new'");
    write_batch(f, "t", (files){.remove = "b,c\n30,w\n", .replace = "b,c,a\n40,z,9\n"});
    refused(f, try_alter(f, "t", "a:INT b:INT c:STRING:k", false), WEIR_E_CONFIG, "UNIQUE");
    gives(f, "SELECT * FROM s__t ORDER BY b", "1|10|x\n2|20|z\n9|40|z\n");
}

/* --------------------------------------------------------------------------------------------------------------- Truncate -- */

static weir_rc try_truncate(fixture *f, const char *table, int64_t seconds, int32_t nanos, bool time, const char *soft)
{
    FivetranSdk__V2__TruncateRequest m = FIVETRAN_SDK__V2__TRUNCATE_REQUEST__INIT;
    Google__Protobuf__Timestamp before = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    FivetranSdk__V2__SoftTruncate s = FIVETRAN_SDK__V2__SOFT_TRUNCATE__INIT;
    m.table_name = (char *)(uintptr_t)table;
    m.synced_column = (char *)"_fivetran_synced";
    before.seconds = seconds;
    before.nanos = nanos;
    m.utc_delete_before = time ? &before : NULL;
    if (soft) {
        s.deleted_column = (char *)(uintptr_t)soft;
        m._soft_case = FIVETRAN_SDK__V2__TRUNCATE_REQUEST___SOFT_SOFT;
        m.soft = &s;
    }
    return call(f, do_truncate, &(request){.m = &m});
}

static void make_synced(fixture *f)
{
    create(f, "t", "id:INT:k _fivetran_synced:UTC_DATETIME _fivetran_deleted:BOOLEAN");
    write_batch(f, "t", (files){.replace = "id,_fivetran_synced,_fivetran_deleted\n"
                                           "1,1969-12-31T23:59:59.500Z,false\n2,1970-01-01T00:00:00Z,false\n3,2024-01-01T00:00:00.315Z,false\n"
                                           "4,2024-01-01T00:00:00.316Z,false\n5,-,false\n"});
}

static void test_truncate(void **state)
{
    fixture *f = *state;
    must(f, try_truncate(f, "missing", 0, 0, true, NULL));
    make_synced(f);
    must(f, try_truncate(f, "t", -1, 0, true, NULL)); /* a time before 1970 is a time */
    gives(f, "SELECT count(*) FROM s__t", "5\n");
    must(f, try_truncate(f, "t", 0, 0, true, NULL)); /* so is 0 */
    gives(f, "SELECT id FROM s__t ORDER BY id", "2\n3\n4\n5\n");
    must(f, try_truncate(f, "t", 1704067200, 316000000, true, NULL));
    gives(f, "SELECT id FROM s__t ORDER BY id", "4\n5\n");
    must(f, try_truncate(f, "t", 0, 0, false, NULL)); /* none: all */
    gives(f, "SELECT count(*) FROM s__t", "0\n");
}

static void test_soft_truncate(void **state)
{
    fixture *f = *state;
    make_synced(f);
    must(f, try_truncate(f, "t", 1704067200, 316000000, true, "_fivetran_deleted"));
    gives(f, "SELECT id, _fivetran_deleted FROM s__t ORDER BY id", "1|1\n2|1\n3|1\n4|0\n5|0\n");
    must(f, try_truncate(f, "t", 0, 0, false, "_fivetran_deleted"));
    gives(f, "SELECT sum(_fivetran_deleted) FROM s__t", "5\n");
    refused(f, try_truncate(f, "t", 0, 0, false, "nope"), WEIR_E_CONFIG, "no column 'nope'");
}

/* ------------------------------------------------------------------------------------------------------------- WriteBatch -- */

static void test_write(void **state)
{
    fixture *f = *state;
    create(f, "t", "id:INT:k a:STRING b:INT _fivetran_deleted:BOOLEAN");
    write_batch(f, "t", (files){.replace = "b,id,a,_fivetran_deleted\n1,1,one,false\n2,2,two,false\n3,3,three,false\n1,1,again,false\n"});
    gives(f, "SELECT * FROM s__t ORDER BY id", "1|again|1|0\n2|two|2|0\n3|three|3|0\n"); /* of rows with one key the last wins */
    write_batch(f, "t", (files){
        .replace = "b,id,a,_fivetran_deleted\n4,4,four,false\n",
        .update = "id,a,b,_fivetran_deleted\n1,~,10,~\n1,x,~,~\n2,~,~,true\n9,no,9,~\n3,-,~,~\n4,~,~,~\n",
        .remove = "id,a,b,_fivetran_deleted\n4,-,-,-\n8,-,-,-\n",
    });
    gives(f, "SELECT * FROM s__t ORDER BY id", "1|x|10|0\n2|two|2|1\n3|NULL|3|0\n"); /* keys that are not there: nothing */
}

static void test_keyless(void **state)
{
    fixture *f = *state;
    create(f, "t", "a:INT _fivetran_id:STRING:k _fivetran_synced:UTC_DATETIME");
    write_batch(f, "t", (files){.replace = "a,_fivetran_id,_fivetran_synced\n1,abc,2024-01-01T00:00:00Z\n2,def,2024-01-01T00:00:00Z\n1,abc,2024-01-02T00:00:00Z\n"});
    gives(f, "SELECT a, _fivetran_id FROM s__t ORDER BY a", "1|abc\n2|def\n");
}

static void test_key_only(void **state)
{
    fixture *f = *state;
    create(f, "t", "a:INT:k b:INT:k");
    write_batch(f, "t", (files){.replace = "a,b\n1,1\n1,2\n1,1\n", .update = "a,b\n1,1\n", .remove = "a,b\n1,2\n"});
    gives(f, "SELECT * FROM s__t", "1|1\n");
}

static void test_write_refused(void **state)
{
    fixture *f = *state;
    create(f, "t", "id:INT:k a:INT");
    write_batch(f, "t", (files){.replace = "id,a\n1,1\n"});
    static const struct {
        files files;
        weir_rc rc;
        const char *text;
    } cases[] = {
        {{.replace = "id,a\n2,2\n3,x\n"}, WEIR_E_PROTOCOL, "row 2, column 'a': 'x' is no INT"},
        {{.replace = "id,a\n2,2147483648\n"}, WEIR_E_PROTOCOL, "'2147483648' is no INT"},
        {{.replace = "id,a\n2,2\n-,3\n"}, WEIR_E_PROTOCOL, "row 2: column 'id': part of the key is null"},
        {{.replace = "id,a\n2,~\n"}, WEIR_E_PROTOCOL, "row 1: column 'a': it is said to be unmodified"},
        {{.replace = "id,a,b\n2,2,2\n"}, WEIR_E_PROTOCOL, "'b' is no column of the table"},
        {{.replace = "id,id\n2,2\n"}, WEIR_E_PROTOCOL, "'id' comes twice"},
        {{.replace = "id,a\n2,2\n3\n"}, WEIR_E_PROTOCOL, "row 2 has 1 fields, the header has 2"},
        {{.replace = "a\n2\n"}, WEIR_E_PROTOCOL, "the header lacks 'id'"},
        {{.replace = ""}, WEIR_E_PROTOCOL, "it has no header"},
        {{.replace = "id,a\n2,2\n", .update = "a\n1\n"}, WEIR_E_PROTOCOL, "the header lacks 'id'"},
        {{.replace = "id,a\n2,2\n", .update = "id,a\n~,1\n"}, WEIR_E_PROTOCOL, "part of the key is said to be unmodified"},
        {{.replace = "id,a\n2,2\n", .remove = "id,a\n1,\"x\n"}, WEIR_E_PROTOCOL, "the file ends inside of quotes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refused(f, try_write(f, "t", cases[i].files), cases[i].rc, cases[i].text);
        gives(f, "SELECT * FROM s__t", "1|1\n"); /* whatever came before the fault */
    }
    refused(f, try_write(f, "missing", (files){.replace = "id\n1\n"}), WEIR_E_CONFIG, "no table 'missing'");
}

/* More rows than go at once, and all of the statements that are kept. */
static void test_many_rows(void **state)
{
    fixture *f = *state;
    buf rows = {0}, updates = {0}, columns = {0};
    buf_adds(&columns, "id:INT:k");
    buf_adds(&rows, "id");
    for (int i = 0; i < 8; i++) {
        buf_printf(&columns, " c%d:INT", i);
        buf_printf(&rows, ",c%d", i);
    }
    buf_addv(&updates, buf_view(&rows));
    for (int id = 0; id < 5000; id++) {
        buf_printf(&rows, "\n%d,0,0,0,0,0,0,0,0", id);
        buf_printf(&updates, "\n%d", id);
        for (int i = 0; i < 8; i++)
            buf_adds(&updates, id >> i & 1 ? ",1" : ",~");
    }
    buf_adds(&rows, "\n");
    buf_adds(&updates, "\n");
    create(f, "t", buf_text(&columns));
    write_batch(f, "t", (files){.replace = buf_text(&rows), .update = buf_text(&updates)});
    gives(f, "SELECT count(*) FROM s__t WHERE c0 + 2*c1 + 4*c2 + 8*c3 + 16*c4 + 32*c5 + 64*c6 + 128*c7 = id & 255", "5000\n");
    buf_free(&rows);
    buf_free(&updates);
    buf_free(&columns);
}

/* ------------------------------------------------------------------------------------------------------ WriteHistoryBatch -- */

static const char history[] = "id:INT:k a:STRING b:INT _fivetran_start:UTC_DATETIME:k _fivetran_end:UTC_DATETIME _fivetran_active:BOOLEAN "
                              "_fivetran_synced:UTC_DATETIME";
static const char versions[] = "SELECT id, a, b, substr(_fivetran_start, 1, 23), substr(_fivetran_end, 1, 23), _fivetran_active FROM s__t ORDER BY id, _fivetran_start";

#define MAX "9999-12-31T23:59:59.999Z"
#define DAY(n) "2024-01-0" #n "T00:00:00Z"

static void make_history(fixture *f)
{
    create(f, "t", history);
    write_history(f, "t", (files){
        .earliest = "id,_fivetran_start\n1," DAY(1) "\n2," DAY(1) "\n3," DAY(1) "\n",
        .replace = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n"
                   "1,one,1," DAY(1) "," MAX ",true," DAY(1) "\n2,two,2," DAY(1) "," MAX ",true," DAY(1) "\n3,three,3," DAY(1) "," MAX ",true," DAY(1) "\n",
    });
}

static void test_history(void **state)
{
    fixture *f = *state;
    make_history(f);
    /* Two updates of one key in a batch, the second builds on the first; one that builds on a replacement; one of a key that is not there. */
    const files x = {
        .earliest = "_fivetran_start,id\n" DAY(3) ",1\n" DAY(3) ",2\n" DAY(3) ",9\n",
        .replace = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n2,TWO,20," DAY(3) ",2024-01-03T23:59:59.999Z,false," DAY(5) "\n",
        .update = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n"
                  "1,~,10," DAY(3) ",2024-01-03T23:59:59.999Z,false," DAY(5) "\n1,ONE,~," DAY(4) "," MAX ",true," DAY(5) "\n"
                  "2,~,21," DAY(4) "," MAX ",true," DAY(5) "\n9,x,~," DAY(3) "," MAX ",true," DAY(5) "\n",
        .remove = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n3,-,-,-," DAY(4) ",false," DAY(5) "\n8,-,-,-," DAY(4) ",false," DAY(5) "\n",
    };
    static const char want[] = "1|one|1|2024-01-01T00:00:00+00:|2024-01-02T23:59:59.999|0\n1|one|10|2024-01-03T00:00:00+00:|2024-01-03T23:59:59.999|0\n"
                               "1|ONE|10|2024-01-04T00:00:00+00:|9999-12-31T23:59:59.999|1\n"
                               "2|two|2|2024-01-01T00:00:00+00:|2024-01-02T23:59:59.999|0\n2|TWO|20|2024-01-03T00:00:00+00:|2024-01-03T23:59:59.999|0\n"
                               "2|TWO|21|2024-01-04T00:00:00+00:|9999-12-31T23:59:59.999|1\n"
                               "3|three|3|2024-01-01T00:00:00+00:|2024-01-04T00:00:00+00:|0\n";
    write_history(f, "t", x);
    gives(f, versions, want);
    write_history(f, "t", x); /* the same batch again, but for its delete, which finds nothing active */
    gives(f, versions, want);
}

/* Updates of a key in any order, in files with other columns: each builds on the version before it. */
static void test_history_in_any_order(void **state)
{
    fixture *f = *state;
    make_history(f);
    write_history(f, "t", (files){
        .earliest = "id,_fivetran_start\n1," DAY(3) "\n2," DAY(4) "\n",
        .update = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n1,~,50," DAY(5) "," MAX ",true," DAY(6) "\n"
                  "1,late,~,2024-01-04T00:00:00.500Z,2024-01-04T23:59:59.999Z,false," DAY(6) "\n2,~,~," DAY(5) "," MAX ",true," DAY(6) "\n"
                  "1,~,40," DAY(4) ",2024-01-04T00:00:00.499Z,false," DAY(6) "\n",
        .more = "_fivetran_start,_fivetran_end,_fivetran_active,a,id\n" DAY(4) ",2024-01-04T23:59:59.999Z,false,TWO,2\n" DAY(3) ",2024-01-03T23:59:59.999Z,false,ONE,1\n",
    });
    gives(f, versions,
          "1|one|1|2024-01-01T00:00:00+00:|2024-01-02T23:59:59.999|0\n1|ONE|1|2024-01-03T00:00:00+00:|2024-01-03T23:59:59.999|0\n"
          "1|ONE|40|2024-01-04T00:00:00+00:|2024-01-04T00:00:00.499|0\n1|late|40|2024-01-04T00:00:00.500|2024-01-04T23:59:59.999|0\n"
          "1|late|50|2024-01-05T00:00:00+00:|9999-12-31T23:59:59.999|1\n"
          "2|two|2|2024-01-01T00:00:00+00:|2024-01-03T23:59:59.999|0\n2|TWO|2|2024-01-04T00:00:00+00:|2024-01-04T23:59:59.999|0\n"
          "2|TWO|2|2024-01-05T00:00:00+00:|9999-12-31T23:59:59.999|1\n"
          "3|three|3|2024-01-01T00:00:00+00:|9999-12-31T23:59:59.999|1\n");
}

/* What is wrong with a row is told of the row as it stands in its file. */
static void test_history_refused(void **state)
{
    fixture *f = *state;
    make_history(f);
    refused(f, try_write_history(f, "t", (files){.update = "id,a,_fivetran_start\n1,x," DAY(5) "\n~,x," DAY(4) "\n"}), WEIR_E_PROTOCOL,
            "row 2: column 'id': part of the key is said to be unmodified");
    run_sql(f, "CREATE TRIGGER no BEFORE INSERT ON s__t WHEN NEW.a = 'no' BEGIN SELECT RAISE(ABORT, 'not that'); END");
    refused(f, try_write_history(f, "t", (files){.update = "id,a,_fivetran_start\n1,x," DAY(6) "\n1,no," DAY(5) "\n1,y," DAY(4) "\n"}), WEIR_E_CONFIG, "row 2: ");
}

/* An update that begins before all versions of its key: they go, but what it leaves unmodified is theirs. A row that the batch does not have stays gone. */
static void test_history_before_all(void **state)
{
    fixture *f = *state;
    make_history(f);
    write_history(f, "t", (files){
        .earliest = "id,_fivetran_start\n1,2023-12-30T00:00:00Z\n2,2023-12-30T00:00:00Z\n",
        .update = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n1,new,~,2023-12-30T00:00:00Z,2023-12-31T23:59:59.999Z,false," DAY(5)
                  "\n1,~,9," DAY(1) "," MAX ",true," DAY(5) "\n"});
    gives(f, versions,
          "1|new|1|2023-12-30T00:00:00+00:|2023-12-31T23:59:59.999|0\n1|new|9|2024-01-01T00:00:00+00:|9999-12-31T23:59:59.999|1\n"
          "3|three|3|2024-01-01T00:00:00+00:|9999-12-31T23:59:59.999|1\n");
}

/* What starts with the earliest start of the batch, or later, goes. */
static void test_history_cut(void **state)
{
    fixture *f = *state;
    make_history(f);
    write_history(f, "t", (files){.earliest = "id,_fivetran_start\n1," DAY(1) "\n2,2023-12-31T00:00:00Z\n"});
    gives(f, "SELECT id, _fivetran_active FROM s__t", "3|1\n");
    refused(f, try_write_history(f, "t", (files){.earliest = "id,_fivetran_start\n1,-\n"}), WEIR_E_PROTOCOL, "column '_fivetran_start': it is null");
    create(f, "plain", "id:INT:k a:INT");
    refused(f, try_write_history(f, "plain", (files){.replace = "id\n1\n"}), WEIR_E_CONFIG, "keeps no history");
}

/* ---------------------------------------------------------------------------------------------------------------- Migrate -- */

typedef FivetranSdk__V2__MigrationDetails details;

static weir_rc try_migrate(fixture *f, details *m, bool *ret_unsupported)
{
    request r = {.m = m};
    weir_rc rc = call(f, do_migrate, &r);
    *ret_unsupported = r.unsupported;
    return rc;
}

/* Each operation is done twice: the platform may send it again. */
static void migrate_twice(fixture *f, details *m)
{
    bool unsupported;
    for (int i = 0; i < 2; i++) {
        must(f, try_migrate(f, m, &unsupported));
        assert_false(unsupported);
    }
}

#define DETAILS(of, Case, member, message) \
    &(details){.base = PROTOBUF_C_MESSAGE_INIT(&fivetran_sdk__v2__migration_details__descriptor), .schema = (char *)"s", .table = (char *)(of), \
               .operation_case = FIVETRAN_SDK__V2__MIGRATION_DETAILS__OPERATION_##Case, .member = (message)}
#define TEXT(s) ((char *)(s))

static details *drop_details(fixture *f, const char *table, const char *column, const char *time)
{
    FivetranSdk__V2__DropOperation *o = arena_alloc(&f->a, sizeof *o);
    fivetran_sdk__v2__drop_operation__init(o);
    if (column) {
        FivetranSdk__V2__DropColumnInHistoryMode *d = arena_alloc(&f->a, sizeof *d);
        fivetran_sdk__v2__drop_column_in_history_mode__init(d);
        d->column = TEXT(column);
        d->operation_timestamp = TEXT(time);
        o->entity_case = FIVETRAN_SDK__V2__DROP_OPERATION__ENTITY_DROP_COLUMN_IN_HISTORY_MODE;
        o->drop_column_in_history_mode = d;
    } else {
        o->entity_case = FIVETRAN_SDK__V2__DROP_OPERATION__ENTITY_DROP_TABLE;
        o->drop_table = true;
    }
    details *m = arena_alloc(&f->a, sizeof *m);
    return *m = *DETAILS(table, DROP, drop, o), m;
}

static void make_soft(fixture *f)
{
    create(f, "t", "id:INT:k a:STRING d:DECIMAL(10,2) _fivetran_synced:UTC_DATETIME _fivetran_deleted:BOOLEAN");
    write_batch(f, "t", (files){.replace = "id,a,d,_fivetran_synced,_fivetran_deleted\n1,one,1.50," DAY(1) ",false\n2,two,-," DAY(2) ",true\n3,-,3," DAY(2) ",-\n"});
}

static void test_drop_and_rename(void **state)
{
    fixture *f = *state;
    make_soft(f);
    FivetranSdk__V2__RenameTable to = FIVETRAN_SDK__V2__RENAME_TABLE__INIT;
    FivetranSdk__V2__RenameOperation o = FIVETRAN_SDK__V2__RENAME_OPERATION__INIT;
    to.from_table = TEXT("t");
    to.to_table = TEXT("u");
    o.entity_case = FIVETRAN_SDK__V2__RENAME_OPERATION__ENTITY_RENAME_TABLE;
    o.rename_table = &to;
    migrate_twice(f, DETAILS("", RENAME, rename, &o));
    describes(f, "t", "not found");
    gives(f, "SELECT id FROM s__u", "1\n2\n3\n");

    FivetranSdk__V2__RenameColumn column = FIVETRAN_SDK__V2__RENAME_COLUMN__INIT;
    column.from_column = TEXT("d");
    column.to_column = TEXT("amount");
    o.entity_case = FIVETRAN_SDK__V2__RENAME_OPERATION__ENTITY_RENAME_COLUMN;
    o.rename_column = &column;
    migrate_twice(f, DETAILS("u", RENAME, rename, &o));
    describes(f, "u", "id:INT:k a:STRING amount:DECIMAL(10,2) _fivetran_synced:UTC_DATETIME _fivetran_deleted:BOOLEAN");
    bool unsupported;
    column.from_column = TEXT("a");
    refused(f, try_migrate(f, DETAILS("u", RENAME, rename, &o), &unsupported), WEIR_E_CONFIG, "that is there already");

    migrate_twice(f, drop_details(f, "u", NULL, NULL));
    describes(f, "u", "not found");
}

static void test_copy(void **state)
{
    fixture *f = *state;
    make_soft(f);
    FivetranSdk__V2__CopyTable t = FIVETRAN_SDK__V2__COPY_TABLE__INIT;
    FivetranSdk__V2__CopyColumn c = FIVETRAN_SDK__V2__COPY_COLUMN__INIT;
    FivetranSdk__V2__CopyOperation o = FIVETRAN_SDK__V2__COPY_OPERATION__INIT;
    t.from_table = TEXT("t");
    t.to_table = TEXT("u");
    o.entity_case = FIVETRAN_SDK__V2__COPY_OPERATION__ENTITY_COPY_TABLE;
    o.copy_table = &t;
    migrate_twice(f, DETAILS("", COPY, copy, &o));
    gives(f, "SELECT * FROM s__u EXCEPT SELECT * FROM s__t", "");
    describes(f, "u", "id:INT:k a:STRING d:DECIMAL(10,2) _fivetran_synced:UTC_DATETIME _fivetran_deleted:BOOLEAN");

    c.from_column = TEXT("d");
    c.to_column = TEXT("d2");
    o.entity_case = FIVETRAN_SDK__V2__COPY_OPERATION__ENTITY_COPY_COLUMN;
    o.copy_column = &c;
    migrate_twice(f, DETAILS("t", COPY, copy, &o));
    describes(f, "t", "id:INT:k a:STRING d:DECIMAL(10,2) _fivetran_synced:UTC_DATETIME _fivetran_deleted:BOOLEAN d2:DECIMAL(10,2)");
    gives(f, "SELECT id, d2 FROM s__t", "1|1.5\n2|NULL\n3|3\n");
}

static void test_add_and_set(void **state)
{
    fixture *f = *state;
    make_soft(f);
    FivetranSdk__V2__AddColumnWithDefaultValue c = FIVETRAN_SDK__V2__ADD_COLUMN_WITH_DEFAULT_VALUE__INIT;
    FivetranSdk__V2__AddOperation o = FIVETRAN_SDK__V2__ADD_OPERATION__INIT;
    c.column = TEXT("n");
    c.column_type = FIVETRAN_SDK__V2__DATA_TYPE__INT;
    c.default_value = TEXT("42");
    o.entity_case = FIVETRAN_SDK__V2__ADD_OPERATION__ENTITY_ADD_COLUMN_WITH_DEFAULT_VALUE;
    o.add_column_with_default_value = &c;
    migrate_twice(f, DETAILS("t", ADD, add, &o));
    gives(f, "SELECT id, n, typeof(n) FROM s__t", "1|42|integer\n2|42|integer\n3|42|integer\n");
    c.default_value = TEXT("43"); /* it is there: the value is set all the same */
    migrate_twice(f, DETAILS("t", ADD, add, &o));
    gives(f, "SELECT sum(n) FROM s__t", "129\n");
    bool unsupported;
    c.default_value = TEXT("many");
    refused(f, try_migrate(f, DETAILS("t", ADD, add, &o), &unsupported), WEIR_E_PROTOCOL, "'many' is no INT");

    FivetranSdk__V2__UpdateColumnValueOperation u = FIVETRAN_SDK__V2__UPDATE_COLUMN_VALUE_OPERATION__INIT;
    u.column = TEXT("a");
    u.value = TEXT("same");
    migrate_twice(f, DETAILS("t", UPDATE_COLUMN_VALUE, update_column_value, &u));
    gives(f, "SELECT DISTINCT a FROM s__t", "same\n");
    u.value = TEXT("NULL");
    migrate_twice(f, DETAILS("t", UPDATE_COLUMN_VALUE, update_column_value, &u));
    gives(f, "SELECT DISTINCT a FROM s__t", "NULL\n");
    u.column = TEXT("nope");
    refused(f, try_migrate(f, DETAILS("t", UPDATE_COLUMN_VALUE, update_column_value, &u), &unsupported), WEIR_E_CONFIG, "no column 'nope'");
}

static void test_columns_in_history(void **state)
{
    fixture *f = *state;
    make_history(f);
    write_history(f, "t", (files){.remove = "id,_fivetran_end\n3," DAY(2) "\n"});
    FivetranSdk__V2__AddColumnInHistoryMode c = FIVETRAN_SDK__V2__ADD_COLUMN_IN_HISTORY_MODE__INIT;
    FivetranSdk__V2__AddOperation o = FIVETRAN_SDK__V2__ADD_OPERATION__INIT;
    c.column = TEXT("n");
    c.column_type = FIVETRAN_SDK__V2__DATA_TYPE__LONG;
    c.default_value = TEXT("7");
    c.operation_timestamp = TEXT(DAY(5));
    o.entity_case = FIVETRAN_SDK__V2__ADD_OPERATION__ENTITY_ADD_COLUMN_IN_HISTORY_MODE;
    o.add_column_in_history_mode = &c;
    migrate_twice(f, DETAILS("t", ADD, add, &o));
    static const char q[] = "SELECT id, a, n, substr(_fivetran_start, 1, 10), substr(_fivetran_end, 1, 23), _fivetran_active FROM s__t ORDER BY id, _fivetran_start";
    gives(f, q,
          "1|one|NULL|2024-01-01|2024-01-04T23:59:59.999|0\n1|one|7|2024-01-05|9999-12-31T23:59:59.999|1\n"
          "2|two|NULL|2024-01-01|2024-01-04T23:59:59.999|0\n2|two|7|2024-01-05|9999-12-31T23:59:59.999|1\n"
          "3|three|NULL|2024-01-01|2024-01-02T00:00:00+00:|0\n");
    migrate_twice(f, drop_details(f, "t", "a", DAY(5))); /* the same time: the same version */
    gives(f, q,
          "1|one|NULL|2024-01-01|2024-01-04T23:59:59.999|0\n1|NULL|7|2024-01-05|9999-12-31T23:59:59.999|1\n"
          "2|two|NULL|2024-01-01|2024-01-04T23:59:59.999|0\n2|NULL|7|2024-01-05|9999-12-31T23:59:59.999|1\n"
          "3|three|NULL|2024-01-01|2024-01-02T00:00:00+00:|0\n");
    migrate_twice(f, drop_details(f, "t", "a", DAY(6))); /* null already: no version */
    gives(f, "SELECT count(*) FROM s__t", "5\n");
    migrate_twice(f, drop_details(f, "t", "n", DAY(6)));
    gives(f, "SELECT count(*), sum(_fivetran_active), sum(n) FROM s__t", "7|2|14\n"); /* the column stays, with its history */
    bool unsupported;
    refused(f, try_migrate(f, drop_details(f, "t", "b", DAY(2)), &unsupported), WEIR_E_PROTOCOL, "has changed after operation_timestamp");
    refused(f, try_migrate(f, drop_details(f, "t", "b", "yesterday"), &unsupported), WEIR_E_PROTOCOL, "'yesterday' is no time");

    create(f, "empty", history);
    migrate_twice(f, DETAILS("empty", ADD, add, &o)); /* the column comes all the same */
    describes(f, "empty", "id:INT:k a:STRING b:INT _fivetran_start:UTC_DATETIME:k _fivetran_end:UTC_DATETIME _fivetran_active:BOOLEAN "
                          "_fivetran_synced:UTC_DATETIME n:LONG");
}

static const char as_history[] = "id:INT:k a:STRING d:DECIMAL(10,2) _fivetran_synced:UTC_DATETIME _fivetran_start:UTC_DATETIME:k "
                                 "_fivetran_end:UTC_DATETIME _fivetran_active:BOOLEAN";

static FivetranSdk__V2__TableSyncModeMigrationOperation mode_of(FivetranSdk__V2__TableSyncModeMigrationType type)
{
    FivetranSdk__V2__TableSyncModeMigrationOperation o = FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_OPERATION__INIT;
    o.type = type;
    o._soft_deleted_column_case = FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_OPERATION___SOFT_DELETED_COLUMN_SOFT_DELETED_COLUMN;
    o.soft_deleted_column = TEXT("_fivetran_deleted");
    return o;
}

static void test_soft_delete_to_history(void **state)
{
    fixture *f = *state;
    make_soft(f);
    FivetranSdk__V2__TableSyncModeMigrationOperation o = mode_of(FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__SOFT_DELETE_TO_HISTORY);
    migrate_twice(f, DETAILS("t", TABLE_SYNC_MODE_MIGRATION, table_sync_mode_migration, &o));
    describes(f, "t", as_history);
    gives(f, "SELECT id, a, d, _fivetran_start, _fivetran_end, _fivetran_active FROM s__t ORDER BY id",
          "1|one|1.5|2024-01-02T00:00:00+00:00|9999-12-31T23:59:59.999+00:00|1\n"
          "2|two|NULL|0001-01-01T00:00:00+00:00|0001-01-01T00:00:00+00:00|0\n"
          "3|NULL|3|2024-01-02T00:00:00+00:00|9999-12-31T23:59:59.999+00:00|1\n");
}

static void test_copy_to_history(void **state)
{
    fixture *f = *state;
    make_soft(f);
    FivetranSdk__V2__CopyTableToHistoryMode c = FIVETRAN_SDK__V2__COPY_TABLE_TO_HISTORY_MODE__INIT;
    FivetranSdk__V2__CopyOperation o = FIVETRAN_SDK__V2__COPY_OPERATION__INIT;
    c.from_table = TEXT("t");
    c.to_table = TEXT("h");
    c.soft_deleted_column = TEXT("_fivetran_deleted");
    o.entity_case = FIVETRAN_SDK__V2__COPY_OPERATION__ENTITY_COPY_TABLE_TO_HISTORY_MODE;
    o.copy_table_to_history_mode = &c;
    migrate_twice(f, DETAILS("", COPY, copy, &o));
    describes(f, "h", as_history);
    gives(f, "SELECT id, _fivetran_active FROM s__h ORDER BY id", "1|1\n2|0\n3|1\n");
    gives(f, "SELECT count(*) FROM s__t", "3\n");
    c.soft_deleted_column = TEXT("");
    migrate_twice(f, DETAILS("", COPY, copy, &o)); /* nothing says that a row is deleted */
    gives(f, "SELECT sum(_fivetran_active), count(_fivetran_deleted) FROM s__h", "3|2\n");
}

static void test_history_to_soft_delete(void **state)
{
    fixture *f = *state;
    FivetranSdk__V2__TableSyncModeMigrationOperation o = mode_of(FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__HISTORY_TO_SOFT_DELETE);
    for (int drop = 0; drop < 2; drop++) {
        make_history(f);
        write_history(f, "t", (files){
            .earliest = "id,_fivetran_start\n1," DAY(3) "\n",
            .replace = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n1,ONE,10," DAY(3) "," MAX ",true," DAY(3) "\n",
            .remove = "id,_fivetran_end\n3," DAY(2) "\n"});
        if (drop) {
            o._keep_deleted_rows_case = FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_OPERATION___KEEP_DELETED_ROWS_KEEP_DELETED_ROWS;
            o.keep_deleted_rows = false;
        }
        migrate_twice(f, DETAILS("t", TABLE_SYNC_MODE_MIGRATION, table_sync_mode_migration, &o));
        describes(f, "t", "id:INT:k a:STRING b:INT _fivetran_synced:UTC_DATETIME _fivetran_deleted:BOOLEAN");
        gives(f, "SELECT id, a, b, _fivetran_deleted FROM s__t ORDER BY id", drop ? "1|ONE|10|0\n2|two|2|0\n" : "1|ONE|10|0\n2|two|2|0\n3|three|3|1\n");
        migrate_twice(f, drop_details(f, "t", NULL, NULL));
    }
}

static void test_unsupported(void **state)
{
    fixture *f = *state;
    make_soft(f);
    static const FivetranSdk__V2__TableSyncModeMigrationType live[] = {
        FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__SOFT_DELETE_TO_LIVE, FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__HISTORY_TO_LIVE,
        FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__LIVE_TO_SOFT_DELETE, FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__LIVE_TO_HISTORY,
        (FivetranSdk__V2__TableSyncModeMigrationType)77,
    };
    bool unsupported;
    for (size_t i = 0; i < sizeof live / sizeof *live; i++) {
        FivetranSdk__V2__TableSyncModeMigrationOperation o = mode_of(live[i]);
        must(f, try_migrate(f, DETAILS("t", TABLE_SYNC_MODE_MIGRATION, table_sync_mode_migration, &o), &unsupported));
        assert_true(unsupported);
    }
    details nothing = FIVETRAN_SDK__V2__MIGRATION_DETAILS__INIT;
    must(f, try_migrate(f, &nothing, &unsupported));
    assert_true(unsupported);
}

/* -------------------------------------------------------------------------------------------------------------- databases -- */

static void test_no_sql(void **state)
{
    fixture *f = *state;
    weir_connector other = materialize_sqlite;
    ft_databases *d = NULL;
    other.sql = NULL;
    refused(f, ft_databases_new(&d, &other, f->log, &f->e), WEIR_E_CONFIG, "'materialize-sqlite' is no SQL database");
    assert_null(d);
}

static int open_files(const char *suffix)
{
    char link[64], target[512];
    int n = 0;
    for (int fd = 0; fd < 256; fd++) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(link, target, sizeof target - 1);
        if (len > 0 && (target[len] = '\0', strstr(target, suffix)))
            n++;
    }
    return n;
}

/* They stay open, but not without end. */
static void test_many_databases(void **state)
{
    fixture *f = *state;
    const tree *first = f->config;
    for (int i = 0; i < 20; i++) {
        err_clear(&f->e);
        weir_view text = arena_printf(&f->a, "{\"path\":\"%s/many-%d.db\"}", f->folder, i % 12);
        assert_int_equal(tree_parse(&f->a, text, NULL, WEIR_E_BUG, &f->config, &f->e), WEIR_OK);
        if (i < 12)
            create(f, "t", "id:INT:k");
        describes(f, "t", "id:INT:k");
    }
    assert_int_equal(open_files("many-"), 3 * 8); /* database, log and index of each */
    f->config = (tree *)(uintptr_t)first;
}

/* ------------------------------------------------------------------------------------------------------------- everything -- */

static weir_rc all_of_it(fixture *f)
{
    weir_rc rc = call(f, do_create, &(request){.m = table_of(f, "t", "id:INT:k a:STRING d:DECIMAL(10,2)")});
    if (!rc)
        rc = try_write(f, "t", (files){.replace = "id,a,d\n1,x,1.50\n2,y,2E3\n", .update = "id,a,d\n1,~,.5\n2,z,~\n", .remove = "id\n2\n"});
    if (!rc)
        rc = try_alter(f, "t", "id:LONG:k a:JSON n:INT", true);
    if (!rc)
        rc = try_truncate(f, "t", 0, 0, false, NULL);
    if (!rc)
        rc = call(f, do_migrate, &(request){.m = drop_details(f, "t", NULL, NULL)});
    return rc;
}

/* Whatever allocation fails: an error, and nothing half done. */
static void test_without_memory(void **state)
{
    fixture *f = *state;
    must(f, all_of_it(f));
    f->failing = f->failed = true;
    for (; f->failed; f->fail_at += 1 + f->fail_at / 16) {
        f->failed = false;
        weir_rc rc = all_of_it(f);
        if (rc && (rc != WEIR_E_NOMEM || !f->failed))
            fail_msg("allocation %zu: %d %s", f->fail_at, rc, err_text(&f->e));
        err_clear(&f->e);
        run_sql(f, "DROP TABLE IF EXISTS s__t");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_create_and_describe), TEST(test_describe_foreign), TEST(test_every_value), TEST(test_alter), TEST(test_alter_key), TEST(test_truncate),
        TEST(test_soft_truncate), TEST(test_write), TEST(test_keyless), TEST(test_key_only), TEST(test_write_refused), TEST(test_many_rows), TEST(test_history), TEST(test_history_in_any_order), TEST(test_history_refused),
        TEST(test_history_before_all), TEST(test_history_cut), TEST(test_drop_and_rename), TEST(test_copy), TEST(test_add_and_set), TEST(test_columns_in_history),
        TEST(test_soft_delete_to_history), TEST(test_copy_to_history), TEST(test_history_to_soft_delete), TEST(test_unsupported), TEST(test_no_sql), TEST(test_many_databases), TEST(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
