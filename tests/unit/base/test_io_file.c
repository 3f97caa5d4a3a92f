/* io: files as a whole, and folders. */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "fault.h"

/* Every test works in a folder of its own. */
static int enter(void **state)
{
    char *folder = strdup("/tmp/weir-io-XXXXXX");
    *state = folder;
    return !folder || !mkdtemp(folder) || chdir(folder) != 0;
}

static int leave(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
    free(*state);
    return chdir("/") != 0 || system(command) != 0;
}

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void expect_file(const char *path, const char *text)
{
    char got[256] = "";
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(got, 1, sizeof got - 1, f);
    fclose(f);
    got[n] = '\0';
    assert_string_equal(got, text);
}

static int entries(const char *path)
{
    int n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; /* . and .. */
}

/* ------------------------------------------------------------------------------------------------------------- reading -- */

static void reads_append(void **state)
{
    (void)state;
    err e = {0};
    buf b = {0};
    put_file("a", "content");
    put_file("empty", "");
    buf_adds(&b, ">");
    assert_int_equal(io_read_file("a", 0, &b, &e), WEIR_OK);
    assert_int_equal(io_read_file("empty", 0, &b, &e), WEIR_OK);
    assert_int_equal(io_read_file("./a", 7, &b, &e), WEIR_OK);
    assert_string_equal(buf_text(&b), ">contentcontent");
    buf_free(&b);
    err_free(&e);
}

static void the_limit_of_a_file_is_exact(void **state)
{
    (void)state;
    err e = {0};
    buf b = {0};
    put_file("a", "content");
    buf_adds(&b, "kept");
    assert_int_equal(io_read_file("a", 6, &b, &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), "\"a\" is larger than the 6 bytes allowed");
    assert_string_equal(buf_text(&b), "kept");
    assert_int_equal(io_read_file("/dev/zero", 100000, &b, &e), WEIR_E_CONFIG); /* one that never ends */
    assert_string_equal(buf_text(&b), "kept");
    buf_free(&b);
    err_free(&e);
}

static void files_without_a_size_are_read(void **state)
{
    (void)state;
    err e = {0};
    buf b = {0};
    assert_int_equal(io_read_file("/proc/self/status", 0, &b, &e), WEIR_OK);
    assert_true(view_starts(buf_view(&b), VIEW("Name:")));
    buf_free(&b);
    err_free(&e);
}

static void large_files_are_whole(void **state)
{
    (void)state;
    err e = {0};
    buf all = {0}, b = {0};
    for (int i = 0; i < 200000; i++)
        buf_printf(&all, "%d,", i);
    assert_int_equal(io_replace_file("large", buf_view(&all), &e), WEIR_OK);
    assert_int_equal(io_read_file("large", 0, &b, &e), WEIR_OK);
    assert_true(view_eq(buf_view(&all), buf_view(&b)));
    fault_from(FAULT_READ, 0, FAULT_SHORT);
    buf_clear(&b);
    put_file("small", "byte by byte");
    assert_int_equal(io_read_file("small", 0, &b, &e), WEIR_OK);
    assert_true(fault_clear());
    assert_string_equal(buf_text(&b), "byte by byte");
    buf_free(&all);
    buf_free(&b);
    err_free(&e);
}

static void what_cannot_be_read_is_named(void **state)
{
    (void)state;
    err e = {0};
    buf b = {0};
    assert_int_equal(io_read_file("nowhere/a", 0, &b, &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), "cannot read \"nowhere/a\": No such file or directory");
    assert_int_equal(io_read_file("/", 0, &b, &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), "cannot read \"/\": Is a directory");
    put_file("a", "content");
    fault_at(FAULT_READ, 0, EIO);
    assert_int_equal(io_read_file("a", 0, &b, &e), WEIR_E_NOMEM);
    fault_clear();
    fault_at(FAULT_READ, 0, EINTR);
    assert_int_equal(io_read_file("a", 0, &b, &e), WEIR_OK);
    fault_clear();
    buf_free(&b);
    fault_at(FAULT_ALLOC, 0, ENOMEM);
    assert_int_equal(io_read_file("a", 0, &b, &e), WEIR_E_NOMEM);
    assert_true(fault_clear());
    assert_string_equal(err_text(&e), "reading \"a\": out of memory");
    buf_free(&b);
    err_free(&e);
}

/* ----------------------------------------------------------------------------------------------------------- replacing -- */

static void a_file_is_made_or_replaced(void **state)
{
    (void)state;
    err e = {0};
    assert_int_equal(io_replace_file("new", VIEW("first"), &e), WEIR_OK);
    expect_file("new", "first");
    assert_int_equal(io_replace_file("new", VIEW("2"), &e), WEIR_OK);
    expect_file("new", "2");
    assert_int_equal(io_replace_file("./new", (weir_view){0}, &e), WEIR_OK);
    expect_file("new", "");
    assert_int_equal(entries("."), 1);
    err_free(&e);
}

static void rights_stay(void **state)
{
    (void)state;
    err e = {0};
    struct stat st;
    put_file("script", "old");
    assert_int_equal(chmod("script", 0750), 0);
    assert_int_equal(io_replace_file("script", VIEW("new"), &e), WEIR_OK);
    assert_int_equal(stat("script", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    mode_t mask = umask(027);
    assert_int_equal(io_replace_file("fresh", VIEW("new"), &e), WEIR_OK);
    umask(mask);
    assert_int_equal(stat("fresh", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    err_free(&e);
}

static void a_link_stays_a_link(void **state)
{
    (void)state;
    err e = {0};
    struct stat st;
    assert_int_equal(mkdir("real", 0777), 0);
    put_file("real/file", "old");
    assert_int_equal(symlink("real/file", "link"), 0);
    assert_int_equal(io_replace_file("link", VIEW("new"), &e), WEIR_OK);
    assert_int_equal(lstat("link", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    expect_file("real/file", "new");
    assert_int_equal(entries("real"), 1);
    err_free(&e);
}

static void a_reader_of_the_old_file_keeps_it(void **state)
{
    (void)state;
    err e = {0};
    char got[8] = "";
    put_file("a", "old");
    int fd = open("a", O_RDONLY);
    assert_int_equal(io_replace_file("a", VIEW("new"), &e), WEIR_OK);
    assert_int_equal(read(fd, got, sizeof got), 3);
    assert_string_equal(got, "old");
    close(fd);
    err_free(&e);
}

/* Whatever fails: the old content or the new one is there, and nothing else. */
static void every_step_may_fail(void **state)
{
    (void)state;
    static const struct {
        fault_call call;
        int errnum;
    } kinds[] = {{FAULT_ALLOC, ENOMEM}, {FAULT_WRITE, ENOSPC}, {FAULT_FSYNC, EIO}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t failures = 0;
        for (bool again = true; again;) {
            err e = {0};
            put_file("a", "old");
            fault_clear();
            fault_at(kinds[k].call, failures, kinds[k].errnum);
            weir_rc rc = io_replace_file("a", VIEW("new"), &e);
            again = fault_clear();
            assert_int_equal(rc != WEIR_OK, again);
            if (again) {
                assert_int_equal(rc, WEIR_E_NOMEM);
                assert_non_null(strstr(err_text(&e), kinds[k].errnum == ENOMEM ? "out of memory" : "cannot write \"a\""));
                failures++;
            }
            bool is_folder_sync = kinds[k].call == FAULT_FSYNC && failures == 2; /* by then the name is the new file's */
            expect_file("a", again && !is_folder_sync ? "old" : "new");
            assert_int_equal(entries("."), 1);
            err_free(&e);
        }
        assert_true(failures > 0);
    }
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    err e = {0};
    assert_int_equal(io_replace_file("nowhere/a", VIEW("x"), &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), "cannot write \"nowhere/a\": making a file beside it: No such file or directory");
    assert_int_equal(mkdir("folder", 0777), 0);
    assert_int_equal(io_replace_file("folder", VIEW("x"), &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), "cannot write \"folder\": rename: Is a directory");
    assert_int_equal(entries("."), 1);
    err_free(&e);
}

/* ------------------------------------------------------------------------------------------------------------- folders -- */

static void folders_are_made(void **state)
{
    char path[128];
    err e = {0};
    assert_int_equal(io_make_dirs("a/b/c", &e), WEIR_OK);
    assert_int_equal(io_make_dirs("a/b/c", &e), WEIR_OK);
    assert_int_equal(io_make_dirs("a//d///", &e), WEIR_OK);
    snprintf(path, sizeof path, "%s/x/../y/z", (char *)*state);
    assert_int_equal(io_make_dirs(path, &e), WEIR_OK);
    assert_int_equal(io_make_dirs("/", &e), WEIR_OK);
    assert_int_equal(io_make_dirs(".", &e), WEIR_OK);
    assert_int_equal(entries("a"), 2);
    assert_int_equal(entries("a/b/c"), 0);
    assert_int_equal(entries("y/z"), 0);
    assert_int_equal(io_sync_dir("a/b", &e), WEIR_OK);
    err_free(&e);
}

static void what_is_no_folder_is_named(void **state)
{
    (void)state;
    err e = {0};
    put_file("file", "");
    assert_int_equal(io_make_dirs("file", &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), "cannot make folder \"file\": Not a directory");
    assert_int_equal(io_make_dirs("file/below", &e), WEIR_E_CONFIG);
    assert_int_equal(io_make_dirs("", &e), WEIR_E_CONFIG);
    assert_int_equal(io_sync_dir("file", &e), WEIR_E_CONFIG);
    assert_int_equal(io_sync_dir("nowhere", &e), WEIR_E_CONFIG);
    assert_int_equal(mkdir("folder", 0777), 0);
    fault_at(FAULT_FSYNC, 0, EIO);
    assert_int_equal(io_sync_dir("folder", &e), WEIR_E_NOMEM);
    fault_clear();
    fault_at(FAULT_FSYNC, 0, EINVAL); /* a file system without that */
    assert_int_equal(io_sync_dir("folder", &e), WEIR_OK);
    fault_clear();
    fault_at(FAULT_ALLOC, 0, ENOMEM);
    assert_int_equal(io_make_dirs("x", &e), WEIR_E_NOMEM);
    fault_clear();
    err_free(&e);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(reads_append),
        in_folder(the_limit_of_a_file_is_exact),
        in_folder(files_without_a_size_are_read),
        in_folder(large_files_are_whole),
        in_folder(what_cannot_be_read_is_named),
        in_folder(a_file_is_made_or_replaced),
        in_folder(rights_stay),
        in_folder(a_link_stays_a_link),
        in_folder(a_reader_of_the_old_file_keeps_it),
        in_folder(every_step_may_fail),
        in_folder(a_folder_that_is_not_there_is_an_error),
        in_folder(folders_are_made),
        in_folder(what_is_no_folder_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
