/* weir test-source against sources that break the rules, each in its own way: what it calls it, and what is in the warehouse afterwards. The rules are those of
 * fivetran.md 2.3 and 3.1. */
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "net/rpc.h"
#include "folder.h"
#include "proto/fivetran/cold.h"
#include "tester/tester.h"

extern const weir_connector materialize_sqlite;

/* -------------------------------------------------------------------------------------------------- messages, by hand -- */

static void varint(buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_addc(b, (char)(v | 0x80));
    buf_addc(b, (char)v);
}

static void field(buf *b, unsigned number, weir_view bytes)
{
    varint(b, number << 3 | 2);
    varint(b, bytes.len);
    buf_addv(b, bytes);
}

typedef struct record {
    buf bytes;
} record;

static record *begin(record *r, const char *table, unsigned type)
{
    buf_clear(&r->bytes);
    field(&r->bytes, 2, view_of(table));
    if (type) {
        varint(&r->bytes, 3 << 3);
        varint(&r->bytes, type);
    }
    return r;
}

static record *put(record *r, const char *name, weir_view value)
{
    buf entry = {0};
    field(&entry, 1, view_of(name));
    field(&entry, 2, value);
    field(&r->bytes, 4, buf_view(&entry));
    buf_free(&entry);
    return r;
}

static record *put_long(record *r, const char *name, uint64_t v)
{
    buf value = {0};
    varint(&value, 5 << 3);
    varint(&value, v);
    put(r, name, buf_view(&value));
    buf_free(&value);
    return r;
}

static record *put_text(record *r, const char *name, unsigned member, weir_view text)
{
    buf value = {0};
    field(&value, member, text);
    put(r, name, buf_view(&value));
    buf_free(&value);
    return r;
}

enum { DECIMAL = 11, STRING = 13, JSON = 14, NAIVE_TIME = 16 }; /* members of ValueType */
enum { UPSERT, UPDATE, DELETE, TRUNCATE };

/* -------------------------------------------------------------------------------------------------------------- scripts -- */

/* What a source sends in answer to Update. */
typedef struct sending {
    rpc_call *c;
    err *e;
    record r;
} sending;

static void send_message(sending *s, unsigned member, weir_view bytes)
{
    buf message = {0};
    if (member)
        field(&message, member, bytes);
    rpc_send(s->c, &message, false, s->e);
    buf_free(&message);
}

static void send_record(sending *s, const record *r) { send_message(s, 1, buf_view(&r->bytes)); }

static void send_text(sending *s, unsigned member, const char *text)
{
    buf bytes = {0};
    field(&bytes, 1, view_of(text));
    send_message(s, member, buf_view(&bytes));
    buf_free(&bytes);
}

static void seal(sending *s, const char *state) { send_text(s, 3, state); }
static record *row(sending *s, uint64_t id) { return put_long(begin(&s->r, "t", UPSERT), "id", id); }

static void batch(sending *s, size_t count, size_t text)
{
    buf records = {0};
    char *long_text = calloc(1, text + 1);
    memset(long_text, 'x', text);
    for (size_t i = 0; i < count; i++)
        field(&records, 1, buf_view(&put_text(row(s, i), "name", STRING, (weir_view){long_text, text})->bytes));
    send_message(s, 6, buf_view(&records));
    buf_free(&records);
    free(long_text);
}

static void well_behaved(sending *s)
{
    batch(s, 100, 10);
    seal(s, "{\"n\":100}");
    send_record(s, put_text(put_long(begin(&s->r, "t", UPDATE), "id", 1), "name", STRING, VIEW("changed")));
    send_record(s, put_long(begin(&s->r, "t", DELETE), "id", 2));
    send_record(s, put_text(put_long(begin(&s->r, "t", UPDATE), "id", 1000), "name", STRING, VIEW("nobody")));
    send_record(s, put_text(row(s, 3), "amount", DECIMAL, VIEW("0.1234567890123")));
    send_text(s, 4, "careful");
    seal(s, "{\"n\":101}");
}

static void too_many(sending *s) { batch(s, 101, 1); seal(s, "{}"); }
static void too_large(sending *s) { batch(s, 50, 2500); seal(s, "{}"); }

static void alone(sending *s)
{
    char *text = malloc(200000);
    memset(text, 'y', 200000);
    batch(s, 1, 10);
    send_record(s, put_text(row(s, 1), "name", STRING, (weir_view){text, 200000}));
    seal(s, "{}");
    free(text);
}

static void time_of_day(sending *s) { send_record(s, put_text(row(s, 1), "clock", NAIVE_TIME, VIEW("\x08\x05"))); seal(s, "{}"); }
static void no_value(sending *s) { send_record(s, put(row(s, 1), "name", VIEW(""))); seal(s, "{}"); }
static void no_utf8(sending *s) { send_record(s, put_text(row(s, 1), "name", STRING, VIEW("a\xff"))); seal(s, "{}"); }
static void bad_json(sending *s) { send_record(s, put_text(row(s, 1), "doc", JSON, VIEW("{a}"))); seal(s, "{}"); }
static void no_key(sending *s) { send_record(s, put_text(begin(&s->r, "t", UPSERT), "name", STRING, VIEW("a"))); seal(s, "{}"); }
static void no_key_to_delete(sending *s) { send_record(s, begin(&s->r, "t", DELETE)); seal(s, "{}"); }
static void system_name(sending *s) { send_record(s, put_long(row(s, 1), "_fivetran_synced", 1)); seal(s, "{}"); }
static void bad_state(sending *s) { send_record(s, row(s, 1)); seal(s, "n = 1"); }
static void no_checkpoint(sending *s) { send_record(s, row(s, 1)); }
static void data_after(sending *s) { seal(s, "{}"); send_record(s, row(s, 1)); }
static void empty_message(sending *s) { send_message(s, 0, VIEW("")); seal(s, "{}"); }
static void task(sending *s) { send_record(s, row(s, 1)); seal(s, "{}"); send_record(s, row(s, 2)); send_text(s, 5, "log in again"); }
static void truncated(sending *s) { batch(s, 9, 1); send_record(s, begin(&s->r, "t", TRUNCATE)); send_record(s, row(s, 3)); seal(s, "{}"); }
static void excluded_column(sending *s) { send_record(s, put_long(row(s, 1), "secret", 1)); seal(s, "{}"); }
static void excluded_table(sending *s) { send_record(s, put_long(begin(&s->r, "hidden", UPSERT), "id", 1)); seal(s, "{}"); }

static void wider(sending *s)
{
    send_record(s, put_text(row(s, 1), "n", STRING, VIEW("no number")));
    send_record(s, put_long(row(s, 2), "n", 5));
    seal(s, "{}");
}

static void undeclared(sending *s)
{
    send_record(s, put_long(row(s, 1), "new", 7));
    send_record(s, put_long(row(s, 2), "new", 8));
    send_record(s, put_long(begin(&s->r, "unheard", UPSERT), "id", 1));
    send_record(s, put_long(begin(&s->r, "unheard", UPSERT), "id", 2));
    seal(s, "{}");
}

static void broken(sending *s)
{
    send_record(s, row(s, 1));
    seal(s, "{\"n\":1}");
    send_record(s, row(s, 2));
    err_fail(s->e, WEIR_E_TRANSIENT, "the database has gone away");
}

static const struct {
    const char *name;
    void (*send)(sending *);
    const char *result; /* of the last line: from "succeeded" on */
    const char *query, *rows;
} scripts[] = {
    {"well behaved", well_behaved, "true,\"problems\":0,\"warnings\":0,\"rules\":{}}",
     "SELECT count(*), sum(_fivetran_deleted), (SELECT name FROM t WHERE id = 1), (SELECT amount FROM t WHERE id = 3), (SELECT name IS NULL FROM t WHERE id = 3) FROM t",
     "100|1|changed|0.1234567890123|1"},
    {"101 records", too_many, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"batch_records\":1}}", "SELECT count(*) FROM t", "101"},
    {"more than 100 KiB", too_large, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"batch_bytes\":1}}", "SELECT count(*) FROM t", "50"},
    {"a record alone", alone, "true,\"problems\":0,\"warnings\":0,\"rules\":{}}", "SELECT count(*) FROM t", "2"},
    {"NAIVE_TIME", time_of_day, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"naive_time\":1}}", NULL, NULL},
    {"a value without a member", no_value, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"value\":1}}", "SELECT count(*) FROM t", "0"},
    {"a text that is not UTF-8", no_utf8, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"value\":1}}", "SELECT count(*) FROM t", "0"},
    {"JSON that is none", bad_json, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"json\":1}}", NULL, NULL},
    {"an upsert without its key", no_key, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"key\":1}}", "SELECT count(*) FROM t", "0"},
    {"a delete without its key", no_key_to_delete, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"key\":1}}", NULL, NULL},
    {"a name of the platform's", system_name, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"system_name\":1}}", "SELECT count(*) FROM t", "1"},
    {"a state that is no JSON", bad_state, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"state\":1}}", "SELECT count(*) FROM t", "1"},
    {"no checkpoint", no_checkpoint, "true,\"problems\":0,\"warnings\":1,\"rules\":{\"no_checkpoint\":1}}", "SELECT count(*) FROM t", "1"},
    {"data after the last checkpoint", data_after, "true,\"problems\":0,\"warnings\":1,\"rules\":{\"no_checkpoint_at_end\":1}}", "SELECT count(*) FROM t", "1"},
    {"an empty message", empty_message, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"no_member\":1}}", NULL, NULL},
    {"a task", task, "false,\"problems\":0,\"warnings\":1,\"rules\":{\"no_checkpoint_at_end\":1},\"error\":\"update: message 4: the connector has a task for its user: log in "
     "again\",\"code\":\"config\"}", "SELECT count(*) FROM t", "1"},
    {"a truncation", truncated, "true,\"problems\":0,\"warnings\":0,\"rules\":{}}", "SELECT sum(_fivetran_deleted), (SELECT _fivetran_deleted FROM t WHERE id = 3) FROM t", "8|0"},
    {"a column that was not selected", excluded_column, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"unselected_column\":1}}", NULL, NULL},
    {"a table that was not selected", excluded_table, "false,\"problems\":1,\"warnings\":0,\"rules\":{\"unselected_table\":1}}", NULL, NULL},
    {"a value wider than its column", wider, "true,\"problems\":0,\"warnings\":1,\"rules\":{\"wider\":1}}", "SELECT group_concat(n, '|') FROM (SELECT n FROM t ORDER BY id)",
     "no number|5"},
    {"what no schema has told of", undeclared, "true,\"problems\":0,\"warnings\":2,\"rules\":{\"undeclared_column\":1,\"undeclared_table\":1}}",
     "SELECT sum(new), (SELECT count(*) FROM tests__unheard) FROM t", "15|2"},
    {"a stream that breaks", broken, "false,\"problems\":0,\"warnings\":1,\"rules\":{\"no_checkpoint_at_end\":1},\"error\":\"update: UNAVAILABLE: the database has gone "
     "away\",\"code\":\"transient\"}", "SELECT count(*) FROM t", "1"},
};

/* --------------------------------------------------------------------------------------------------------------- server -- */

static weir_rc answer(rpc_call *c, const ProtobufCMessage *m, err *e)
{
    buf out = {0};
    weir_view request;
    weir_rc rc = rpc_receive(c, &request, e);
    ft_pack(m, &out);
    if (!rc)
        rc = rpc_send(c, &out, false, e);
    buf_free(&out);
    return rc;
}

static weir_rc form(rpc_call *c, void *context, err *e)
{
    (void)context;
    FivetranSdk__V2__ConfigurationFormResponse m = FIVETRAN_SDK__V2__CONFIGURATION_FORM_RESPONSE__INIT;
    return answer(c, &m.base, e);
}

static weir_rc schema(rpc_call *c, void *context, err *e)
{
    static const struct { const char *name; FivetranSdk__V2__DataType type; } named[] = {
        {"id", FIVETRAN_SDK__V2__DATA_TYPE__LONG}, {"name", FIVETRAN_SDK__V2__DATA_TYPE__STRING}, {"amount", FIVETRAN_SDK__V2__DATA_TYPE__UNSPECIFIED},
        {"n", FIVETRAN_SDK__V2__DATA_TYPE__LONG},  {"secret", FIVETRAN_SDK__V2__DATA_TYPE__LONG}, {"clock", FIVETRAN_SDK__V2__DATA_TYPE__UNSPECIFIED},
        {"doc", FIVETRAN_SDK__V2__DATA_TYPE__JSON},
    };
    (void)context;
    FivetranSdk__V2__SchemaResponse m = FIVETRAN_SDK__V2__SCHEMA_RESPONSE__INIT;
    FivetranSdk__V2__TableList list = FIVETRAN_SDK__V2__TABLE_LIST__INIT;
    FivetranSdk__V2__Table tables[2] = {FIVETRAN_SDK__V2__TABLE__INIT, FIVETRAN_SDK__V2__TABLE__INIT}, *table_list[] = {&tables[0], &tables[1]};
    FivetranSdk__V2__Column columns[7], *column_list[7];
    for (size_t i = 0; i < 7; i++) {
        columns[i] = (FivetranSdk__V2__Column)FIVETRAN_SDK__V2__COLUMN__INIT;
        columns[i].name = (char *)(uintptr_t)named[i].name;
        columns[i].type = named[i].type;
        columns[i].primary_key = i == 0;
        column_list[i] = &columns[i];
    }
    tables[0].name = (char *)(uintptr_t)"t";
    tables[1].name = (char *)(uintptr_t)"hidden";
    tables[0].columns = tables[1].columns = column_list;
    tables[0].n_columns = 7;
    tables[1].n_columns = 1;
    list.tables = table_list;
    list.n_tables = 2;
    m.response_case = FIVETRAN_SDK__V2__SCHEMA_RESPONSE__RESPONSE_WITHOUT_SCHEMA;
    m.without_schema = &list;
    return answer(c, &m.base, e);
}

static weir_rc update(rpc_call *c, void *context, err *e)
{
    const size_t *which = context;
    weir_view request;
    sending s = {.c = c, .e = e};
    weir_rc rc = rpc_receive(c, &request, e);
    if (!rc)
        scripts[*which].send(&s);
    buf_free(&s.r.bytes);
    return rc ? rc : e->rc;
}

/* ---------------------------------------------------------------------------------------------------------------- tests -- */

/* Runs the test with its output in a file, and returns that. */
static char *told_by(tester_options *o, bool *ret_ok, const char *folder)
{
    char path[256];
    buf text = {0};
    err e = {0};
    snprintf(path, sizeof path, "%s/out", folder);
    fflush(stdout);
    int out = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), kept = dup(1);
    assert_true(out >= 0 && kept >= 0 && dup2(out, 1) == 1);
    tester_source(o, ret_ok, &e);
    dup2(kept, 1);
    close(kept);
    close(out);
    err_free(&e);
    assert_int_equal(io_read_file(path, 0, &text, &e), WEIR_OK);
    char *told = strdup(buf_text(&text));
    buf_free(&text);
    return told;
}

static void check_result(const char *told, const char *expected, const char *name)
{
    const char *result = strstr(told, "{\"event\":\"result\"");
    const char *at = result ? strstr(result, "\"succeeded\":") : NULL;
    assert_non_null(at);
    at += strlen("\"succeeded\":");
    size_t len = strcspn(at, "\n");
    if (len != strlen(expected) || memcmp(at, expected, len) != 0)
        fail_msg("%s: expected %s\ngot %s", name, expected, told);
}

/* The table is called t for the query. */
static void check_rows(const char *folder, const char *query, const char *expected, const char *name)
{
    char path[256], sql[1024];
    sqlite3 *db;
    sqlite3_stmt *s;
    buf got = {0};
    snprintf(path, sizeof path, "%s/warehouse.db", folder);
    snprintf(sql, sizeof sql, "WITH t AS (SELECT * FROM tests__t) %s", query);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", name, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    for (int i = 0; i < sqlite3_column_count(s); i++)
        buf_printf(&got, "%s%s", i ? "|" : "", sqlite3_column_text(s, i) ? (const char *)sqlite3_column_text(s, i) : "NULL");
    if (strcmp(buf_text(&got), expected) != 0)
        fail_msg("%s: rows %s, expected %s", name, buf_text(&got), expected);
    buf_free(&got);
    sqlite3_finalize(s);
    sqlite3_close(db);
}

static void every_rule_has_its_name(void **state)
{
    static const char *const excluded[] = {"hidden", "t.secret", NULL};
    (void)state;
    size_t which = 0;
    err e = {0};
    char address[64];
    rpc_server *server;
    const rpc_method methods[] = {{"/fivetran_sdk.v2.SourceConnector/ConfigurationForm", form, NULL}, {"/fivetran_sdk.v2.SourceConnector/Schema", schema, NULL},
                                  {"/fivetran_sdk.v2.SourceConnector/Update", update, &which}, {0}};
    if (rpc_server_start(&server, &(rpc_server_options){.listen = "127.0.0.1:0", .methods = methods}, &e))
        fail_msg("%s", err_text(&e));
    snprintf(address, sizeof address, "127.0.0.1:%d", rpc_server_port(server));
    for (; which < sizeof scripts / sizeof *scripts; which++) {
        bool ok;
        char *folder = folder_make();
        tester_options o = {.address = address, .data = folder, .json = true, .schema = "tests", .excluded = excluded, .warehouse = &materialize_sqlite, .stop_fd = -1};
        char *told = told_by(&o, &ok, folder);
        check_result(told, scripts[which].result, scripts[which].name);
        assert_int_equal(ok, strncmp(scripts[which].result, "true", 4) == 0);
        if (scripts[which].query)
            check_rows(folder, scripts[which].query, scripts[which].rows, scripts[which].name);
        free(told);
        folder_remove(folder);
    }
    rpc_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_rule_has_its_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
