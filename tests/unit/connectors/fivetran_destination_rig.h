/* fivetran_destination_rig.h - a destination of Fivetran on SQLite: every call of the service but the wire, and the tables afterwards, read with sqlite3 itself. What
 * tests expect is what fivetran.md 2.4 says. */
#ifndef FIVETRAN_DESTINATION_RIG_H
#define FIVETRAN_DESTINATION_RIG_H

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

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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

static inline weir_rc do_create(ft_work *w, void *arg) { return ft_create_table(w, ((request *)arg)->m); }
static inline weir_rc do_alter(ft_work *w, void *arg) { return ft_alter_table(w, ((request *)arg)->m, ((request *)arg)->drop); }
static inline weir_rc do_truncate(ft_work *w, void *arg) { return ft_truncate_table(w, ((request *)arg)->m); }
static inline weir_rc do_write(ft_work *w, void *arg) { return ft_write_batch(w, ((request *)arg)->m); }
static inline weir_rc do_write_history(ft_work *w, void *arg) { return ft_write_history_batch(w, ((request *)arg)->m); }
static inline weir_rc do_migrate(ft_work *w, void *arg) { return ft_migrate(w, ((request *)arg)->m, &((request *)arg)->unsupported); }
static inline weir_rc do_describe(ft_work *w, void *arg) { return ft_describe_table(w, ((request *)arg)->name, &((request *)arg)->table); }

static inline weir_rc call(fixture *f, work *fn, request *r)
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

static inline void must(fixture *f, weir_rc rc)
{
    if (rc)
        fail_msg("%s", err_text(&f->e));
}

static inline void refused(fixture *f, weir_rc rc, weir_rc want, const char *text)
{
    if (rc != want || !strstr(err_text(&f->e), text))
        fail_msg("%d \"%s\" is not %d \"%s\"", rc, rc ? err_text(&f->e) : "", want, text);
    err_clear(&f->e);
}

/* What a query gives: | between columns, a line for each row. */
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
            buf_printf(&out, "%s%s", i ? "|" : "", sqlite3_column_text(st, i) ? (const char *)sqlite3_column_text(st, i) : "NULL");
        buf_addc(&out, '\n');
    }
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
    buf_addc(&out, '\0');
    return out.ptr;
}

static inline void gives(fixture *f, const char *sql, const char *want)
{
    char *got = ask(f, sql);
    if (strcmp(got, want) != 0)
        fail_msg("%s\n gives\n%s wanted\n%s", sql, got, want);
    free(got);
}

static inline void run_sql(fixture *f, const char *sql)
{
    free(ask(f, sql));
}

/* --------------------------------------------------------------------------------------------------------------- messages -- */

/* `id:INT:k amount:DECIMAL(10,2) txt:STRING` */
static inline FivetranSdk__V2__Column *column_of(fixture *f, char *word)
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

static inline table_message *table_of(fixture *f, const char *name, const char *columns)
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

static inline void create(fixture *f, const char *name, const char *columns)
{
    must(f, call(f, do_create, &(request){.m = table_of(f, name, columns)}));
}

static inline weir_rc try_alter(fixture *f, const char *name, const char *columns, bool drop)
{
    return call(f, do_alter, &(request){.m = table_of(f, name, columns), .drop = drop});
}

/* The columns in the words of table_of(). */
static inline void describes(fixture *f, const char *name, const char *want)
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
static inline char *file_of(fixture *f, const char *csv)
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

static inline size_t put_file(fixture *f, const char *csv, char ***ret)
{
    *ret = arena_array(&f->a, 2, sizeof **ret);
    if (csv)
        (*ret)[0] = file_of(f, csv);
    return csv ? 1 : 0;
}

static inline weir_rc try_write(fixture *f, const char *table, files x)
{
    FivetranSdk__V2__WriteBatchRequest m = FIVETRAN_SDK__V2__WRITE_BATCH_REQUEST__INIT;
    m.table = table_of(f, table, "");
    m.n_replace_files = put_file(f, x.replace, &m.replace_files);
    m.n_update_files = put_file(f, x.update, &m.update_files);
    m.n_delete_files = put_file(f, x.remove, &m.delete_files);
    m.file_params = &params;
    return call(f, do_write, &(request){.m = &m});
}

static inline weir_rc try_write_history(fixture *f, const char *table, files x)
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

static inline void write_batch(fixture *f, const char *table, files x) { must(f, try_write(f, table, x)); }
static inline void write_history(fixture *f, const char *table, files x) { must(f, try_write_history(f, table, x)); }

/* ---------------------------------------------------------------------------------------------------------------- history -- */

static const char history[] = "id:INT:k a:STRING b:INT _fivetran_start:UTC_DATETIME:k _fivetran_end:UTC_DATETIME _fivetran_active:BOOLEAN "
                              "_fivetran_synced:UTC_DATETIME";
static const char versions[] = "SELECT id, a, b, substr(_fivetran_start, 1, 23), substr(_fivetran_end, 1, 23), _fivetran_active FROM s__t ORDER BY id, _fivetran_start";

#define MAX "9999-12-31T23:59:59.999Z"
#define DAY(n) "2024-01-0" #n "T00:00:00Z"

static inline void make_history(fixture *f)
{
    create(f, "t", history);
    write_history(f, "t", (files){
        .earliest = "id,_fivetran_start\n1," DAY(1) "\n2," DAY(1) "\n3," DAY(1) "\n",
        .replace = "id,a,b,_fivetran_start,_fivetran_end,_fivetran_active,_fivetran_synced\n"
                   "1,one,1," DAY(1) "," MAX ",true," DAY(1) "\n2,two,2," DAY(1) "," MAX ",true," DAY(1) "\n3,three,3," DAY(1) "," MAX ",true," DAY(1) "\n",
    });
}

/* -------------------------------------------------------------------------------------------------------------- migrations -- */

typedef FivetranSdk__V2__MigrationDetails details;

#define DETAILS(of, Case, member, message) \
    &(details){.base = PROTOBUF_C_MESSAGE_INIT(&fivetran_sdk__v2__migration_details__descriptor), .schema = (char *)"s", .table = (char *)(of), \
               .operation_case = FIVETRAN_SDK__V2__MIGRATION_DETAILS__OPERATION_##Case, .member = (message)}
#define TEXT(s) ((char *)(s))

static inline details *drop_details(fixture *f, const char *table, const char *column, const char *time)
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
