/* Runs: validate, load, checkpoints and fences, and everything that goes wrong. */
#include "test_harness.h"

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
    assert_string_equal(r.resumed, ""); /* it keeps the checkpoint itself, and there is none */
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
    assert_string_equal(r.resumed, "");
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
    for (int n = atoi(r.resumed);; n += 10) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
