/* A source that truncates in the middle, into SQLite, in shards, in a run that is killed right before or right after any of its commits: the table holds exactly what
 * came after the last truncation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "folder.h"
#include "plane/run.h"

extern const weir_connector materialize_sqlite;

/* ---- the source: u and an id, or t ---- */

static const char *const says[] = {"u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "t", "u2", "u5", "u10", "u11", "u12", "t", "u5", "u12", "u20", "u21", "u22", "u23", NULL};
static const char after_all[] = "5:16 12:17 20:18 21:19 22:20 23:21 "; /* id and number of what came after the last truncation */

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
    for (int64_t i = weir_json_int(b->state, "/at", 0); says[i] && !rc; i++) {
        rc = *says[i] == 't' ? weir_truncate(t, b) : weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"id\":%s,\"n\":%lld}", says[i] + 1, (long long)i));
        if (!rc)
            rc = weir_checkpoint(t, b, weir_format(t, "{\"at\":%lld}", (long long)i + 1));
    }
    return rc;
}

static const weir_field resource[] = {{.name = "name", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "which"}, {0}};
static const weir_connector source = {.abi = WEIR_ABI, .name = "source-test", .version = "1", .resource = resource, .resource_size = sizeof(char *),
                                      .capture = &(const weir_capture){.discover = discover, .pull = pull}};

/* ---- SQLite, with commits that somebody kills ---- */

static struct killing { /* set before a run, in the process that runs */
    int at;             /* this commit, from 1; 0: none */
    bool afterwards;
    atomic_int commits;
    weir_materialize of;
    weir_connector killed;
} killing;

static weir_rc commit(weir_task *t, void *self, weir_view position)
{
    const bool now = atomic_fetch_add(&killing.commits, 1) + 1 == killing.at;
    if (now && !killing.afterwards)
        raise(SIGKILL);
    weir_rc rc = materialize_sqlite.materialize->commit(t, self, position);
    if (now)
        raise(SIGKILL);
    return rc;
}

static const weir_connector *find(weir_view name)
{
    return view_is(name, source.name) ? &source : view_is(name, killing.killed.name) ? &killing.killed : NULL;
}

/* ---- runs ---- */

static char *folder, *file, *data, *database;

static int setup(void **unused)
{
    (void)unused;
    killing.of = *materialize_sqlite.materialize;
    killing.of.commit = commit;
    killing.killed = materialize_sqlite;
    killing.killed.materialize = &killing.of;
    return 0;
}

static void make(void)
{
    err e = {0};
    buf text = {0};
    folder = folder_make();
    assert_true(asprintf(&file, "%s/flow.yaml", folder) > 0 && asprintf(&data, "%s/data", folder) > 0 && asprintf(&database, "%s/out.db", folder) > 0);
    buf_printf(&text,
               "captures:\n"
               "  t/source: {endpoint: {native: {connector: source-test, config: {}}}, bindings: [{resource: {name: x}, target: t/x}]}\n"
               "collections:\n"
               "  t/x: {key: [/id], schema: {type: object, properties: {id: {type: integer}, n: {type: integer}}, required: [id, n]}}\n"
               "materializations:\n"
               "  t/db: {endpoint: {native: {connector: materialize-sqlite, config: {path: %s}}}, bindings: [{resource: {table: x}, source: t/x}]}\n", database);
    assert_int_equal(io_replace_file(file, buf_view(&text), &e), WEIR_OK);
    buf_free(&text);
}

static void unmake(void)
{
    folder_remove(folder);
    free(file);
    free(data);
    free(database);
}

/* In a process of its own. @return its status: 0, or the signal that ended it */
static int run(const char *only, size_t count, int at, bool afterwards)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        catalog c;
        err e = {0};
        killing.at = at;
        killing.afterwards = afterwards;
        FILE *silent = tmpfile();
        log_sink *log = log_open(fileno(silent));
        weir_rc rc = catalog_read(&c, file, &e);
        if (!rc)
            rc = plane_run(&(run_options){.catalog = &c, .data_dir = data, .only = only, .once = true, .idle_ms = 60000, .natives = find, .log = log, .stop_fd = -1,
                                          .shards = count}, &e);
        if (rc)
            fprintf(stderr, "%s\n", err_text(&e));
        _exit(rc != WEIR_OK);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void assert_table(int at)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    buf got = {0};
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT id, n FROM x ORDER BY id", -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW)
        buf_printf(&got, "%d:%d ", sqlite3_column_int(st, 0), sqlite3_column_int(st, 1));
    sqlite3_finalize(st);
    sqlite3_close(db);
    if (!view_is(buf_view(&got), after_all))
        fail_msg("killed at commit %d: the table holds %.*s, not %s", at, VIEW_ARG(buf_view(&got)), after_all);
    buf_free(&got);
}

/* @param first, second shards before and after the kill  @param together the source is at work, too; otherwise all that it says is there already */
static void kill_everywhere(size_t first, size_t second, bool together)
{
    for (int mode = 0; mode < 2; mode++) {
        int status = SIGKILL, at = 0;
        while (status == SIGKILL) {
            make();
            if (!together)
                assert_int_equal(run("t/source", 0, 0, false), 0);
            status = run(together ? NULL : "t/db", first, ++at, mode);
            assert_true(status == SIGKILL || status == 0);
            assert_int_equal(run(NULL, second, 0, false), 0);
            assert_table(at);
            unmake();
        }
        assert_true(at > (int)first);
    }
}

static void test_one(void **unused)
{
    (void)unused;
    make();
    assert_int_equal(run(NULL, 1, 0, false), 0);
    assert_table(0);
    unmake();
}

static void test_three(void **unused)
{
    (void)unused;
    kill_everywhere(3, 0, false);
}

static void test_three_while_it_captures(void **unused)
{
    (void)unused;
    kill_everywhere(3, 0, true);
}

static void test_cut_further(void **unused)
{
    (void)unused;
    kill_everywhere(2, 6, false);
    kill_everywhere(1, 3, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one), cmocka_unit_test(test_three), cmocka_unit_test(test_three_while_it_captures), cmocka_unit_test(test_cut_further),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
