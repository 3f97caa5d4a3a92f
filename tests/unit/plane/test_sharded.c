/* Materializations in shards, in whole runs: what each is given, and that a truncation empties the table of all of them, once, before what came after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/io.h"
#include "folder.h"
#include "json/number.h"
#include "plane/run.h"
#include "plane/shard.h"

/* ---- a source: letters (u: upsert, t: truncation) and ids, from where it was ---- */

static const char *const *says; /* of the test at hand */

static weir_rc discover(weir_task *t, void *self)
{
    (void)t;
    (void)self;
    return WEIR_OK;
}

static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    (void)count;
    weir_rc rc = WEIR_OK;
    int64_t at = weir_json_int(b->state, "/at", 0);
    for (int64_t i = at; says[i] && !rc; i++) {
        rc = *says[i] == 't' ? weir_truncate(t, b) : weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"id\":%s,\"n\":%lld}", says[i] + 1, (long long)i));
        if (!rc)
            rc = weir_checkpoint(t, b, weir_format(t, "{\"at\":%lld}", (long long)i + 1));
    }
    return rc;
}

/* ---- a destination in memory: what a session stores is there for all with its commit ---- */

enum { IDS = 64, GONE = -1 };

typedef struct staged {
    bool emptied;
    int64_t rows[IDS]; /* GONE: none */
} staged;

static struct table {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t rows[IDS];
    size_t sessions, emptied, commits;
    size_t fail_commit;     /* this one, counted over all, from 1 */
    bool fails_afterwards;  /* ... has happened, though */
    bool first_is_last;     /* the first shard commits nothing before all others have committed, and then fails */
    size_t others;
    uint32_t begins[SHARDS_MOST], ends[SHARDS_MOST];
    const char *wrong;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

typedef struct store_session {
    uint32_t begin, end;
    staged s;
} store_session;

static void begin_transaction(store_session *x)
{
    x->s.emptied = false;
    for (size_t i = 0; i < IDS; i++)
        x->s.rows[i] = GONE;
}

static weir_rc open_table(weir_task *t, const weir_connector *me, const void *config, void **ret)
{
    (void)me;
    (void)config;
    store_session *x = calloc(1, sizeof *x);
    if (!x)
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    weir_key_range(t, &x->begin, &x->end);
    begin_transaction(x);
    pthread_mutex_lock(&table.lock);
    table.begins[table.sessions % SHARDS_MOST] = x->begin;
    table.ends[table.sessions++ % SHARDS_MOST] = x->end;
    pthread_mutex_unlock(&table.lock);
    *ret = x;
    return WEIR_OK;
}

static void close_table(void *self) { free(self); }

static weir_rc apply(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)t;
    (void)self;
    (void)b;
    (void)count;
    return WEIR_OK;
}

static weir_rc expire(weir_task *t, void *self, const weir_binding *b, const weir_expiry *how)
{
    store_session *x = self;
    (void)t;
    (void)b;
    (void)how;
    begin_transaction(x);
    x->s.emptied = true;
    if (x->begin)
        table.wrong = "another shard than the first one empties the table";
    return WEIR_OK;
}

static weir_rc store_rows(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    store_session *x = self;
    (void)t;
    for (size_t i = 0; i < count && rows[i].values /* those of a relay have none */; i++) {
        uint64_t id = IDS, n = 0;
        assert_true(number_to_u64(rows[i].values[0], &id) && id < IDS && number_to_u64(rows[i].values[1], &n));
        x->s.rows[id] = (int64_t)n;
    }
    return WEIR_OK;
}

static weir_rc away(weir_task *t) { return weir_fail(t, WEIR_E_TRANSIENT, "the destination is away"); }

/* The lock is held. */
static weir_rc wait_for_others(weir_task *t, const store_session *x)
{
    if (x->begin) {
        table.others++;
        pthread_cond_broadcast(&table.changed);
        return WEIR_OK;
    }
    while (!table.others)
        pthread_cond_wait(&table.changed, &table.lock);
    return away(t);
}

static weir_rc commit(weir_task *t, void *self, weir_view position)
{
    store_session *x = self;
    (void)position;
    pthread_mutex_lock(&table.lock);
    weir_rc rc = table.first_is_last ? wait_for_others(t, x) : WEIR_OK;
    const bool fails = ++table.commits == table.fail_commit;
    if (!rc && (!fails || table.fails_afterwards)) {
        for (size_t i = 0; i < IDS; i++)
            if (x->s.emptied || x->s.rows[i] != GONE)
                table.rows[i] = x->s.rows[i];
        table.emptied += x->s.emptied;
    }
    if (!rc && fails)
        rc = away(t);
    pthread_mutex_unlock(&table.lock);
    begin_transaction(x);
    return rc;
}

static const weir_field resource[] = {{.name = "name", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "which"}, {0}};
#define COMMON .abi = WEIR_ABI, .version = "1", .resource = resource, .resource_size = sizeof(char *)
#define STORES .apply = apply, .store = store_rows, .commit = commit
static const weir_connector connectors[] = {
    {COMMON, .name = "source-test", .capture = &(const weir_capture){.discover = discover, .pull = pull}},
    {COMMON, .name = "materialize-table", .open = open_table, .close = close_table, .materialize = &(const weir_materialize){STORES, .expire = expire}},
    {COMMON, .name = "materialize-plain", .open = open_table, .close = close_table, .materialize = &(const weir_materialize){STORES}},
    {COMMON, .name = "materialize-relay", .open = open_table, .close = close_table, .materialize = &(const weir_materialize){STORES, .expire = expire, .relay = true}},
};

static const weir_connector *find(weir_view name)
{
    for (size_t i = 0; i < sizeof connectors / sizeof *connectors; i++)
        if (view_is(name, connectors[i].name))
            return &connectors[i];
    return NULL;
}

/* ---- runs ---- */

typedef struct rig {
    char *folder, *file, *data;
    FILE *log_file;
    log_sink *log;
    err e;
} rig;

static void write_catalog(rig *r, const char *destination)
{
    buf text = {0};
    buf_printf(&text,
               "captures:\n"
               "  t/source: {endpoint: {native: {connector: source-test, config: {}}}, bindings: [{resource: {name: x}, target: t/x}]}\n"
               "collections:\n"
               "  t/x: {key: [/id], schema: {type: object, properties: {id: {type: integer}, n: {type: integer}}, required: [id, n]}}\n"
               "materializations:\n"
               "  t/db: {endpoint: {native: {connector: %s, config: {}}}, bindings: [{resource: {name: x}, source: t/x, fields: {recommended: true, exclude: [flow_document]}}]}\n",
               destination);
    assert_int_equal(io_replace_file(r->file, buf_view(&text), &r->e), WEIR_OK);
    buf_free(&text);
}

/* An empty table. */
static void clear_table(void)
{
    table.sessions = table.emptied = table.commits = table.fail_commit = table.others = 0;
    table.fails_afterwards = table.first_is_last = false;
    table.wrong = NULL;
    for (size_t i = 0; i < IDS; i++)
        table.rows[i] = GONE;
}

static void setup(rig *r, const char *destination, const char *const *source)
{
    clear_table();
    says = source;
    *r = (rig){.folder = folder_make(), .log_file = tmpfile()};
    r->log = log_open(fileno(r->log_file));
    assert_true(asprintf(&r->file, "%s/flow.yaml", r->folder) > 0 && asprintf(&r->data, "%s/data", r->folder) > 0);
    write_catalog(r, destination);
}

static weir_rc try_run(rig *r, const char *only, size_t into)
{
    catalog c;
    err_clear(&r->e);
    assert_int_equal(catalog_read(&c, r->file, &r->e), WEIR_OK);
    const run_options o = {.catalog = &c, .data_dir = r->data, .only = only, .once = true, .idle_ms = 60000, .natives = find, .log = r->log, .stop_fd = -1, .shards = into};
    weir_rc rc = plane_run(&o, &r->e);
    catalog_free(&c);
    return rc;
}

static void run(rig *r, const char *only, size_t into)
{
    if (try_run(r, only, into))
        fail_msg("%s", err_text(&r->e));
}

static void teardown(rig *r)
{
    folder_remove(r->folder);
    free(r->file);
    free(r->data);
    err_free(&r->e);
    log_close(r->log);
    fclose(r->log_file);
}

static void assert_logged(rig *r, const char *text)
{
    char all[8192];
    rewind(r->log_file);
    size_t n = fread(all, 1, sizeof all - 1, r->log_file);
    all[n] = '\0';
    if (!strstr(all, text))
        fail_msg("no '%s' in %s", text, all);
}

/* What one reader that reads line by line would have. */
static void assert_table(void)
{
    int64_t rows[IDS];
    for (size_t i = 0; i < IDS; i++)
        rows[i] = GONE;
    for (int64_t n = 0; says[n]; n++) {
        if (*says[n] == 't') {
            for (size_t i = 0; i < IDS; i++)
                rows[i] = GONE;
        } else {
            rows[strtoul(says[n] + 1, NULL, 10)] = n;
        }
    }
    if (table.wrong)
        fail_msg("%s", table.wrong);
    for (size_t i = 0; i < IDS; i++)
        if (rows[i] != table.rows[i])
            fail_msg("id %zu: %lld, %lld expected", i, (long long)table.rows[i], (long long)rows[i]);
}

#define SAYS(...) (const char *const[]){__VA_ARGS__, NULL}
#define FIRST "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "u10", "u11", "u12", "u13", "u14", "u15", "u16"
#define SECOND "u2", "u5", "u12", "u20", "u21", "u22", "u23"
#define THIRD "u5", "u21", "u30", "u31", "u32", "u33"

static void test_ranges(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "materialize-table", SAYS(FIRST, SECOND));
    run(&r, NULL, 3);
    assert_table();
    assert_int_equal(table.sessions, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(table.begins[i], i ? (uint64_t)table.ends[i - 1] + 1 : 0);
    assert_int_equal(table.ends[2], UINT32_MAX);
    run(&r, NULL, 0);
    assert_int_equal(table.sessions, 6); /* as many */
    teardown(&r);
}

static void test_truncations(void **unused)
{
    (void)unused;
    const char *const *const all[] = {
        SAYS(FIRST, "t", SECOND), SAYS("t", FIRST, "t", SECOND, "t", THIRD), SAYS(FIRST, "t", "t", SECOND, "t"), SAYS(FIRST, "t", "u1", "t", "u1", "t", "u2", THIRD)};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (size_t into = 1; into <= 4; into++) {
            rig r;
            setup(&r, "materialize-table", all[i]);
            run(&r, "t/source", 0); /* what comes later is there when it begins, */
            run(&r, "t/db", into);
            assert_table();
            teardown(&r);
            setup(&r, "materialize-table", all[i]);
            run(&r, NULL, into); /* or comes while it reads */
            assert_table();
            teardown(&r);
        }
}

/* The first one has stored nothing yet when it comes to the truncation; others have. */
static void test_truncation_of_others_rows(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "materialize-table", SAYS(FIRST, "t", SECOND));
    run(&r, "t/source", 0);
    table.first_is_last = true;
    assert_int_equal(try_run(&r, "t/db", 2), WEIR_E_TRANSIENT);
    assert_int_equal(table.others, 1);
    assert_int_equal(table.emptied, 0);
    table.first_is_last = false;
    run(&r, "t/db", 2);
    assert_table();
    assert_int_equal(table.emptied, 1);
    teardown(&r);
}

/* Each commit fails in turn, before it has happened or afterwards, and everything begins anew; cut further in between, or not. */
static void test_failures(void **unused)
{
    (void)unused;
    for (int mode = 0; mode < 4; mode++) {
        bool failed = true;
        size_t failures = 0;
        for (size_t n = 1; failed; n++) {
            rig r;
            setup(&r, "materialize-table", SAYS(FIRST, "t", SECOND, "t", THIRD));
            run(&r, "t/source", 0);
            table.fails_afterwards = mode & 1;
            table.fail_commit = n;
            weir_rc rc = try_run(&r, "t/db", 3);
            failed = table.commits >= n;
            failures += rc == WEIR_E_TRANSIENT;
            assert_int_equal(rc, failed ? WEIR_E_TRANSIENT : WEIR_OK);
            table.fail_commit = 0;
            run(&r, "t/db", mode & 2 ? 6 : 3);
            assert_table();
            teardown(&r);
        }
        assert_true(failures >= 9); /* three of each */
    }
}

/* One that cannot empty a table takes a truncation if it is the very first line, and no other. */
static void test_nothing_to_empty(void **unused)
{
    (void)unused;
    for (size_t into = 1; into <= 3; into++) {
        rig r;
        setup(&r, "materialize-plain", SAYS("t", FIRST));
        run(&r, NULL, into);
        assert_table();
        teardown(&r);
    }
    rig r;
    setup(&r, "materialize-plain", SAYS(FIRST, "t", SECOND));
    run(&r, "t/source", 0);
    assert_int_equal(try_run(&r, "t/db", 3), WEIR_E_CONFIG);
    assert_logged(&r, "all rows so far are out of date, and 'materialize-plain' cannot remove them");
    teardown(&r);
}

/* What is not cut says so; what was, is not put together by a change of its endpoint. */
static void test_one_piece(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "materialize-relay", SAYS("u1"));
    run(&r, "t/source", 3);
    assert_int_equal(try_run(&r, "t/db", 1), WEIR_OK);
    teardown(&r);
    setup(&r, "materialize-table", SAYS(FIRST));
    run(&r, NULL, 2);
    write_catalog(&r, "materialize-relay");
    assert_int_equal(try_run(&r, "t/db", 0), WEIR_E_CONFIG);
    assert_string_equal(err_text(&r.e), "materialization t/db: it has 2 shards, and cannot be cut any more: what it stores into gets documents in the order in which they came");
    teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges), cmocka_unit_test(test_truncations), cmocka_unit_test(test_truncation_of_others_rows), cmocka_unit_test(test_failures),
        cmocka_unit_test(test_nothing_to_empty), cmocka_unit_test(test_one_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
