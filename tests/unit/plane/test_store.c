/* weir.db, looked at with sqlite3 itself; and the promise that journal and store keep together, with kill -9 in between. */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "plane/journal.h"
#include "plane/journal.h"
#include "plane/store.h"

typedef struct fixture {
    char *data;
    arena a;
    err e;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->data = folder_make();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    folder_remove(f->data);
    arena_free(&f->a);
    err_free(&f->e);
    free(f);
    return 0;
}

#define assert_ok(f, call)                                                                                                         \
    do {                                                                                                                           \
        if (call)                                                                                                                  \
            fail_msg("%s: %s", #call, err_text(&(f)->e));                                                                          \
    } while (0)

static void assert_error(fixture *f, weir_rc rc, weir_rc want, const char *text)
{
    assert_int_equal(rc, want);
    if (!strstr(err_text(&f->e), text))
        fail_msg("\"%s\" does not say \"%s\"", err_text(&f->e), text);
}

static store *opened(fixture *f)
{
    store *s = NULL;
    assert_ok(f, store_open(&s, f->data, false, &f->e));
    return s;
}

static void assert_state(fixture *f, store *s, const char *task, const char *want)
{
    weir_view got;
    assert_ok(f, store_state(s, view_of(task), &f->a, &got, &f->e));
    assert_string_equal(got.ptr ? got.ptr : "", want);
}

static uint64_t journal_length(fixture *f, store *s, const char *name)
{
    uint64_t n = UINT64_MAX;
    assert_ok(f, store_journal(s, view_of(name), &n, &f->e));
    return n;
}

static uint64_t read_offset(fixture *f, store *s, const char *reader, const char *name)
{
    uint64_t n = UINT64_MAX;
    assert_ok(f, store_read_offset(s, view_of(reader), view_of(name), &n, &f->e));
    return n;
}

static sqlite3 *raw(fixture *f)
{
    char *path;
    assert_true(asprintf(&path, "%s/weir.db", f->data) > 0);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    free(path);
    return db;
}

static void run_raw(fixture *f, const char *sql)
{
    sqlite3 *db = raw(f);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_commit_and_read_back(void **state)
{
    fixture *f = *state;
    store *s = opened(f);
    assert_state(f, s, "t", "");
    assert_int_equal(journal_length(f, s, "a/b"), 0);
    assert_int_equal(read_offset(f, s, "r", "a/b"), 0);

    const offset journals[] = {{VIEW("a/b"), 100}, {VIEW("a/c"), (uint64_t)5 << 40}};
    const offset reads[] = {{VIEW("x"), 7}, {VIEW("y"), 8}};
    const weir_view inferred[] = {VIEW("a/b"), VIEW("{\"type\":\"object\"}"), VIEW("a/c"), VIEW("true")};
    store_commit c = {.task = VIEW("t"),
                      .state = VIEW("{\"n\":1}"),
                      .journals = journals,
                      .journal_count = 2,
                      .reader = VIEW("r"),
                      .reads = reads,
                      .read_count = 2,
                      .inferred = inferred,
                      .inferred_count = 2,
                      .documents = 3,
                      .bytes = 40};
    assert_ok(f, store_commit_all(s, &c, &f->e));
    assert_ok(f, store_commit_all(s, &(store_commit){.task = VIEW("t"), .documents = 4, .bytes = 2}, &f->e)); /* leaves the rest */
    store_close(s);

    s = opened(f);
    assert_state(f, s, "t", "{\"n\":1}");
    assert_int_equal(journal_length(f, s, "a/b"), 100);
    assert_int_equal(journal_length(f, s, "a/c"), (uint64_t)5 << 40);
    assert_int_equal(read_offset(f, s, "r", "x"), 7);
    assert_int_equal(read_offset(f, s, "r", "y"), 8);
    assert_int_equal(read_offset(f, s, "other", "y"), 0);
    weir_view schema;
    assert_ok(f, store_inferred(s, VIEW("a/b"), &f->a, &schema, &f->e));
    assert_string_equal(schema.ptr, "{\"type\":\"object\"}");
    uint64_t documents, bytes;
    assert_ok(f, store_totals(s, VIEW("t"), &documents, &bytes, &f->e));
    assert_int_equal(documents, 7);
    assert_int_equal(bytes, 42);

    assert_ok(f, store_forget(s, VIEW("t"), &f->e));
    assert_state(f, s, "t", "");
    assert_int_equal(read_offset(f, s, "r", "x"), 0);
    assert_int_equal(journal_length(f, s, "a/b"), 100);
    assert_ok(f, store_totals(s, VIEW("t"), &documents, &bytes, &f->e));
    assert_int_equal(documents, 0);
    store_close(s);
}

/* The names of tasks begin with one another; only the one that was meant is forgotten. */
static void test_forget_only_one(void **state)
{
    fixture *f = *state;
    store *s = opened(f);
    const offset read = {VIEW("j"), 9};
    static const char *const tasks[] = {"a", "a/b", "A", "a\"'%_", "a/"};
    for (size_t i = 0; i < 5; i++)
        assert_ok(
            f,
            store_commit_all(
                s,
                &(store_commit){
                    .task = view_of(tasks[i]), .state = VIEW("{}"), .reader = view_of(tasks[i]), .reads = &read, .read_count = 1},
                &f->e));
    assert_ok(f, store_forget(s, VIEW("a"), &f->e));
    for (size_t i = 0; i < 5; i++) {
        assert_state(f, s, tasks[i], i ? "{}" : "");
        assert_int_equal(read_offset(f, s, tasks[i], "j"), i ? 9 : 0);
    }
    store_close(s);
}

static void test_all_or_nothing(void **state)
{
    fixture *f = *state;
    store *s = opened(f);
    const offset journals[] = {{VIEW("good"), 1}, {VIEW("bad"), UINT64_MAX}};
    store_commit c = {.task = VIEW("t"), .state = VIEW("{}"), .journals = journals, .journal_count = 2};
    assert_error(f, store_commit_all(s, &c, &f->e), WEIR_E_BUG, "committing \"t\": ");
    assert_state(f, s, "t", "");
    assert_int_equal(journal_length(f, s, "good"), 0);
    c.journal_count = 1;
    assert_ok(f, store_commit_all(s, &c, &f->e)); /* and goes on after it */
    assert_int_equal(journal_length(f, s, "good"), 1);
    store_close(s);
}

static void test_is_durable_by_settings(void **state)
{
    fixture *f = *state;
    store_close(opened(f));
    sqlite3 *db = raw(f);
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), "wal");
    sqlite3_finalize(st);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM pragma_table_list WHERE strict = 0 AND name NOT LIKE 'sqlite%'",
                                        -1, &st, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

static void test_second_run_is_refused(void **state)
{
    fixture *f = *state;
    store *s = opened(f), *second = NULL;
    char pid[64];
    snprintf(pid, sizeof pid, "is in use by another run (process %ld)", (long)getpid());
    assert_error(f, store_open(&second, f->data, false, &f->e), WEIR_E_CONFIG, pid);
    assert_null(second);
    assert_ok(f, store_open(&second, f->data, true, &f->e)); /* a report may look */
    assert_state(f, second, "t", "");
    assert_int_not_equal(store_commit_all(second, &(store_commit){.task = VIEW("t"), .state = VIEW("{}")}, &f->e), WEIR_OK);
    store_close(second);
    store_close(s);
    store_close(opened(f));
}

static void test_read_only_makes_nothing(void **state)
{
    fixture *f = *state;
    store *s = NULL;
    assert_error(f, store_open(&s, f->data, true, &f->e), WEIR_E_CONFIG, "nothing has run with this data folder yet");
    char *path;
    assert_true(asprintf(&path, "%s/weir.db", f->data) > 0);
    assert_int_not_equal(access(path, F_OK), 0);
    free(path);
}

static void test_versions(void **state)
{
    fixture *f = *state;
    store *s = NULL;
    store_close(opened(f));
    run_raw(f, "UPDATE schema_version SET version = 3");
    assert_error(f, store_open(&s, f->data, false, &f->e), WEIR_E_CONFIG,
                 "was written by a newer version of this program (its schema is 3");
    assert_error(f, store_open(&s, f->data, true, &f->e), WEIR_E_CONFIG, "newer version");
    run_raw(f, "DROP TABLE schema_version");
    assert_error(f, store_open(&s, f->data, false, &f->e), WEIR_E_CONFIG, "is not a database of this program");
    assert_null(s);
}

static void commit_at(fixture *f, store *s, int64_t now, uint64_t at)
{
    assert_ok(f, store_commit_all(s, &(store_commit){.task = VIEW("t"), .journals = &(offset){VIEW("a/b"), at}, .journal_count = 1, .now = now}, &f->e));
}

static void assert_times(fixture *f, store *s, uint64_t from, size_t most, const char *want)
{
    time_mark marks[8];
    size_t n = 99;
    buf text = {0};
    assert_ok(f, store_times(s, VIEW("a/b"), from, marks, most, &n, &f->e));
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%" PRId64 "<%" PRIu64 " ", marks[i].second, marks[i].at);
    assert_string_equal(buf_text(&text), want);
    buf_free(&text);
}

/* One mark for each second; a clock that is set back changes nothing about the order. */
/* Six random bytes, for ever. */
static void test_identity(void **state)
{
    fixture *f = *state, *g;
    store *s = opened(f), *other;
    weir_view was = arena_dup(&f->a, store_identity(s));
    assert_int_equal(was.len, 8);
    store_close(s);
    s = opened(f);
    assert_true(view_eq(store_identity(s), was));
    store_close(s);
    assert_ok(f, store_open(&s, f->data, true, &f->e));
    assert_int_equal(store_identity(s).len, 0);
    store_close(s);
    set_up((void **)&g);
    other = opened(g);
    assert_false(view_eq(store_identity(other), was));
    store_close(other);
    tear_down((void **)&g);
}

static void test_times(void **state)
{
    fixture *f = *state;
    store *s = opened(f);
    assert_times(f, s, 0, 8, "");
    commit_at(f, s, 100, 10);
    commit_at(f, s, 100, 20);
    commit_at(f, s, 0, 25);
    commit_at(f, s, 101, 30);
    commit_at(f, s, 99, 40);
    commit_at(f, s, 105, 50);
    assert_times(f, s, 0, 8, "100<20 101<40 105<50 ");
    assert_times(f, s, 19, 2, "100<20 101<40 ");
    assert_times(f, s, 20, 8, "101<40 105<50 ");
    assert_times(f, s, 50, 8, "");
    store_close(s);
}

/* A database of the version before is as good as one of this one. */
static void test_upgrade(void **state)
{
    fixture *f = *state;
    store *s = opened(f);
    uint64_t at = 0;
    commit_at(f, s, 0, 70);
    store_close(s);
    run_raw(f, "DROP TABLE times");
    run_raw(f, "UPDATE schema_version SET version = 1");
    assert_ok(f, store_open(&s, f->data, true, &f->e)); /* a report leaves it as it is */
    store_close(s);
    s = opened(f);
    assert_ok(f, store_journal(s, VIEW("a/b"), &at, &f->e));
    assert_int_equal(at, 70);
    assert_times(f, s, 0, 8, "0<70 ");
    commit_at(f, s, 7, 80);
    assert_times(f, s, 0, 8, "0<70 7<80 ");
    store_close(s);
    store_close(opened(f));
}

/* Without weir.db every byte of the journals would count as never committed. */
static void test_lost_database_beside_journals(void **state)
{
    fixture *f = *state;
    store *s = NULL;
    journal *j = NULL;
    char *path;
    assert_true(asprintf(&path, "%s/weir.db", f->data) > 0);
    store_close(opened(f));
    assert_int_equal(unlink(path), 0);
    store_close(opened(f));
    assert_int_equal(journal_open(&j, f->data, VIEW("acme/orders"), 0, 0, &f->e), WEIR_OK);
    journal_close(j);
    store_close(opened(f));
    assert_int_equal(unlink(path), 0);
    assert_error(f, store_open(&s, f->data, false, &f->e), WEIR_E_CONFIG, "the journals beside it are not: put it back, or remove");
    assert_null(s);
    free(path);
}

static void test_not_a_database(void **state)
{
    fixture *f = *state;
    char *path;
    assert_true(asprintf(&path, "%s/weir.db", f->data) > 0);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is some text ", file);
    fclose(file);
    store *s = NULL;
    assert_error(f, store_open(&s, f->data, false, &f->e), WEIR_E_CONFIG, "file is not a database");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_error(f, store_open(&s, f->data, false, &f->e), WEIR_E_CONFIG, "weir.db");
    free(path);
}

/* --------------------------------------------------------------------------------------------------------------- threads -- */

typedef struct worker {
    store *s;
    int number;
    weir_rc rc;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    char task[16], state[32];
    err e = {0};
    arena a = {0};
    snprintf(task, sizeof task, "task%d", w->number);
    for (int i = 0; i < 50 && !w->rc; i++) {
        snprintf(state, sizeof state, "{\"n\":%d}", i);
        w->rc = store_commit_all(w->s, &(store_commit){.task = view_of(task), .state = view_of(state), .documents = 1}, &e);
        weir_view got = {NULL, 0};
        if (!w->rc)
            w->rc = store_state(w->s, view_of(task), &a, &got, &e);
        if (!w->rc && !view_is(got, state))
            w->rc = WEIR_E_BUG;
    }
    arena_free(&a);
    err_free(&e);
    return NULL;
}

static void test_threads(void **state)
{
    fixture *f = *state;
    store *s = opened(f);
    worker workers[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        workers[i] = (worker){.s = s, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].rc, WEIR_OK);
    }
    assert_state(f, s, "task3", "{\"n\":49}");
    store_close(s);
}

/* --------------------------------------------------------------------------------------------------------------- kill -9 -- */

enum { LINES = 5, ROUNDS = 60, SEGMENT = 700 };

static weir_rc append_numbers(journal *j, uint64_t first, err *e)
{
    char lines[LINES * 64];
    int len = 0;
    for (int i = 0; i < LINES; i++)
        len += snprintf(lines + len, sizeof lines - (size_t)len, "{\"n\":%" PRIu64 ",\"by\":%ld}\n", first + (uint64_t)i,
                        (long)getpid());
    return journal_append(j, (weir_view){lines, (size_t)len}, e);
}

static weir_rc commit_numbers(store *s, journal *j, uint64_t n, err *e)
{
    char state[32];
    snprintf(state, sizeof state, "{\"n\":%" PRIu64 "}", n);
    const offset at = {VIEW("numbers"), journal_end(j)};
    return store_commit_all(s, &(store_commit){.task = VIEW("count"), .state = view_of(state), .journals = &at, .journal_count = 1},
                            e);
}

/* The child: goes on counting from what is committed, and says each step in the pipe, until it is killed. */
static weir_rc count_on(const char *data, int pipe, err *e)
{
    store *s = NULL;
    journal *j = NULL;
    arena a = {0};
    uint64_t committed = 0, n = 0;
    weir_view state;
    weir_rc rc = store_open(&s, data, false, e);
    if (!rc)
        rc = store_journal(s, VIEW("numbers"), &committed, e);
    if (!rc)
        rc = journal_open(&j, data, VIEW("numbers"), committed, SEGMENT, e);
    if (!rc)
        rc = store_state(s, VIEW("count"), &a, &state, e);
    if (!rc && state.len)
        n = strtoull(state.ptr + 5, NULL, 10);
    for (; !rc; n += LINES) {
        rc = append_numbers(j, n, e);
        if (!rc)
            rc = write(pipe, "a", 1) == 1 ? journal_sync(j, e) : WEIR_STOPPED;
        if (!rc)
            rc = write(pipe, "s", 1) == 1 ? commit_numbers(s, j, n + LINES, e) : WEIR_STOPPED;
        if (!rc)
            rc = write(pipe, "c", 1) == 1 ? WEIR_OK : WEIR_STOPPED;
    }
    return rc;
}

/* Runs a child until it has taken `steps` steps, then kills it. *commits counts those it has reported. */
static void run_and_kill(const char *data, unsigned steps, unsigned *commits)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        err e = {0};
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        count_on(data, ends[1], &e);
        fprintf(stderr, "the counting child stopped: %s\n", err_text(&e));
        _exit(1);
    }
    close(ends[1]);
    char step;
    for (unsigned i = 0; i < steps; i++) {
        assert_int_equal(read(ends[0], &step, 1), 1); /* 0: it has died by itself */
        *commits += step == 'c';
    }
    kill(child, SIGKILL);
    while (read(ends[0], &step, 1) == 1)
        *commits += step == 'c';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

/* Every number once, in order, up to what the state says; and every commit that was reported is there. */
static void check_numbers(fixture *f, unsigned commits)
{
    store *s = opened(f);
    weir_view state;
    assert_ok(f, store_state(s, VIEW("count"), &f->a, &state, &f->e));
    uint64_t n = state.len ? strtoull(state.ptr + 5, NULL, 10) : 0, committed = journal_length(f, s, "numbers"), at = 0;
    assert_true(n >= (uint64_t)commits * LINES);

    journal *j = NULL;
    assert_ok(f, journal_open(&j, f->data, VIEW("numbers"), committed, SEGMENT, &f->e));
    assert_int_equal(journal_end(j), committed);
    journal_reader *r = NULL;
    assert_ok(f, journal_reader_open(&r, f->data, VIEW("numbers"), 0, &f->e));
    buf lines = {0};
    while (at < committed)
        assert_ok(f, journal_read(r, committed, 4096, &lines, &at, &f->e));
    const char *line = buf_text(&lines);
    for (uint64_t i = 0; i < n; i++) {
        char want[32];
        int len = snprintf(want, sizeof want, "{\"n\":%" PRIu64 ",\"by\":", i);
        if (strncmp(line, want, (size_t)len))
            fail_msg("instead of line %" PRIu64 ": %.40s", i, line);
        line = strchr(line, '\n') + 1;
    }
    assert_string_equal(line, "");
    buf_free(&lines);
    journal_reader_close(r);
    journal_close(j);
    store_close(s);
}

static void test_kill(void **state)
{
    fixture *f = *state;
    unsigned commits = 0, random = 12345;
    for (unsigned round = 0; round < ROUNDS; round++) {
        random = random * 1103515245 + 12345;
        run_and_kill(f->data, random >> 16 & 15, &commits);
        check_numbers(f, commits);
    }
    assert_true(commits > ROUNDS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commit_and_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forget_only_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_or_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_is_durable_by_settings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_second_run_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_read_only_makes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_versions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_identity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_upgrade, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost_database_beside_journals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_a_database, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kill, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
