/* papers: files for connector processes are private, current and gone afterwards; what a killed maker left is removed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "base/io.h"
#include "proto/papers.h"

/* A $TMPDIR of our own, so that we see all that is in it. */
typedef struct folder {
    char path[64];
} folder;

static int setup(void **state)
{
    folder *f = calloc(1, sizeof *f);
    memcpy(f->path, "/tmp/weir-test-XXXXXX", 22);
    assert_non_null(mkdtemp(f->path));
    setenv("TMPDIR", f->path, 1);
    *state = f;
    return 0;
}

static size_t entries(const char *path)
{
    DIR *d = opendir(path);
    assert_non_null(d);
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(d));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(d);
    return n;
}

static int teardown(void **state)
{
    folder *f = *state;
    assert_int_equal(entries(f->path), 0); /* nothing is ever left behind */
    rmdir(f->path);
    unsetenv("TMPDIR");
    free(f);
    return 0;
}

static const char *put(papers *p, const char *name, const char *content)
{
    err e = {0};
    const char *path = NULL;
    if (papers_put(p, name, view_of(content), &path, &e))
        fail_msg("%s", err_text(&e));
    return path;
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void must_hold(const papers *p, const char *name, const char *content)
{
    err e = {0};
    buf out = {0};
    assert_int_equal(papers_get(p, name, &out, &e), WEIR_OK);
    assert_string_equal(buf_text(&out), content);
    buf_free(&out);
}

static void files_are_private_and_current(void **state)
{
    folder *f = *state;
    papers p = {0};
    const char *config = put(&p, "config.json", "{\"a\":1}"), *catalog = put(&p, "catalog.json", "{}");
    assert_true(view_starts(view_of(config), view_of(f->path)));
    assert_true(view_ends(view_of(config), VIEW("/config.json")) && view_ends(view_of(catalog), VIEW("/catalog.json")));
    assert_int_equal(mode_of(config), 0600);
    assert_int_equal(mode_of(p.dir), 0700);
    must_hold(&p, "config.json", "{\"a\":1}");
    put(&p, "config.json", "{}"); /* shorter than before */
    must_hold(&p, "config.json", "{}");
    err e = {0};
    assert_int_equal(io_replace_file(config, VIEW("{\"rotated\":true}"), &e), WEIR_OK);
    must_hold(&p, "config.json", "{\"rotated\":true}");
    papers_free(&p);
    papers_free(&p);
}

static void what_a_connector_left_goes_too(void **state)
{
    (void)state;
    papers p = {0};
    buf path = {0};
    put(&p, "config.json", "{}");
    buf_printf(&path, "%s/more", p.dir);
    assert_int_equal(mkdir(buf_text(&path), 0700), 0);
    buf_adds(&path, "/deep");
    assert_int_equal(mkdir(buf_text(&path), 0700), 0);
    buf_adds(&path, "/link");
    assert_int_equal(symlink("/etc/passwd", buf_text(&path)), 0);
    papers_free(&p);
    buf_free(&path);
}

/* A hard link shows what is left of the content once its name is gone. */
static void content_is_overwritten(void **state)
{
    folder *f = *state;
    papers p = {0};
    buf other = {0}, content = {0};
    buf big = {0};
    for (int i = 0; i < 1000; i++)
        buf_adds(&big, "secret ");
    const char *path = put(&p, "config.json", buf_text(&big));
    buf_printf(&other, "%s/kept", f->path);
    assert_int_equal(link(path, buf_text(&other)), 0);
    papers_free(&p);
    err e = {0};
    assert_int_equal(io_read_file(buf_text(&other), 0, &content, &e), WEIR_OK);
    assert_int_equal(content.len, big.len);
    for (size_t i = 0; i < content.len; i++)
        assert_int_equal(content.ptr[i], 0);
    unlink(buf_text(&other));
    buf_free(&other);
    buf_free(&content);
    buf_free(&big);
}

static void left_over_folders_are_removed(void **state)
{
    folder *f = *state;
    papers living = {0};
    put(&living, "config.json", "{}");
    pid_t pid = fork();
    if (pid == 0) {
        papers dying = {0};
        const char *path;
        err e = {0};
        _exit(papers_put(&dying, "config.json", VIEW("{\"password\":1}"), &path, &e));
    }
    int status;
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(entries(f->path), 2);
    papers next = {0};
    put(&next, "config.json", "{}");
    assert_int_equal(entries(f->path), 2);
    must_hold(&living, "config.json", "{}"); /* who lives keeps theirs */
    papers_free(&living);
    papers_free(&next);
}

static void other_names_are_left_alone(void **state)
{
    folder *f = *state;
    buf path = {0};
    buf_printf(&path, "%s/weir-other", f->path);
    assert_int_equal(mkdir(buf_text(&path), 0700), 0);
    papers p = {0};
    put(&p, "a", "b");
    assert_int_equal(rmdir(buf_text(&path)), 0); /* was still there */
    papers_free(&p);
    buf_free(&path);
}

static void failures_leave_nothing_behind(void **state)
{
    (void)state;
    static const fault_call calls[] = {FAULT_ALLOC, FAULT_WRITE};
    for (size_t i = 0; i < 2; i++) {
        bool again = true;
        for (size_t n = 0; again; n++) {
            papers p = {0};
            err e = {0};
            const char *path;
            fault_at(calls[i], n, calls[i] == FAULT_ALLOC ? ENOMEM : ENOSPC);
            weir_rc rc = papers_put(&p, "config.json", VIEW("{}"), &path, &e);
            again = fault_clear();
            assert_true(rc == WEIR_OK || (rc == WEIR_E_NOMEM && again));
            papers_free(&p);
            err_free(&e);
        }
    }
}

static void a_bad_folder_is_named(void **state)
{
    folder *f = *state;
    papers p = {0};
    err e = {0};
    const char *path;
    setenv("TMPDIR", "/nonexistent/folder", 1);
    assert_int_not_equal(papers_put(&p, "config.json", VIEW("{}"), &path, &e), WEIR_OK);
    assert_non_null(strstr(err_text(&e), "$TMPDIR"));
    papers_free(&p);
    err_free(&e);
    setenv("TMPDIR", f->path, 1);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(files_are_private_and_current),
        TEST(what_a_connector_left_goes_too),
        TEST(content_is_overwritten),
        TEST(left_over_folders_are_removed),
        TEST(other_names_are_left_alone),
        TEST(failures_leave_nothing_behind),
        TEST(a_bad_folder_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
