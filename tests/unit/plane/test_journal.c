/* The journal on disk, looked at with plain stdio: what it promises is bytes in files. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "folder.h"
#include "plane/journal.h"

#define ORDERS VIEW("acme/orders")

typedef struct fixture {
    char *data;
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

static char *segment_path(fixture *f, uint64_t start)
{
    char *path;
    assert_true(asprintf(&path, "%s/journals/acme%%2Forders/%020" PRIu64 ".ndjson", f->data, start) > 0);
    return path;
}

static void write_segment(fixture *f, uint64_t start, const char *mode, const char *text)
{
    char *path = segment_path(f, start);
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(path);
}

/* -1: there is no such segment */
static long segment_size(fixture *f, uint64_t start)
{
    char *path = segment_path(f, start);
    struct stat st;
    long size = stat(path, &st) ? -1 : (long)st.st_size;
    free(path);
    return size;
}

static journal *opened(fixture *f, uint64_t committed, uint64_t segment_size)
{
    journal *j = NULL;
    assert_ok(f, journal_open(&j, f->data, ORDERS, committed, segment_size, &f->e));
    return j;
}

static void append(fixture *f, journal *j, const char *lines)
{
    assert_ok(f, journal_append(j, view_of(lines), &f->e));
}

/* Everything from `from` to `limit`, read in pieces of about `want`. */
static void assert_holds(fixture *f, uint64_t from, uint64_t limit, size_t want, const char *text)
{
    journal_reader *r = NULL;
    assert_ok(f, journal_reader_open(&r, f->data, ORDERS, from, &f->e));
    buf all = {0};
    uint64_t at = from;
    while (at < limit) {
        uint64_t was = at;
        assert_ok(f, journal_read(r, limit, want, &all, &at, &f->e));
        assert_true(at > was);
        assert_int_equal(all.len, at - from);
        assert_int_equal(all.ptr[all.len - 1], '\n');
    }
    assert_string_equal(buf_text(&all), text);
    buf_free(&all);
    journal_reader_close(r);
}

/* Opening is cheap, also of a thousand journals; the first commit makes the names of the folders durable. */
static void test_folders_are_synced_with_the_first_commit(void **state)
{
    enum { FOLDERS = 3 }; /* its own, that of all journals, the data folder */
    fixture *f = *state;
    fault_clear();
    for (size_t n = 0; n < FOLDERS; n++) {
        journal *j = opened(f, 0, 0);
        append(f, j, "{\"a\":1}\n");
        assert_int_equal(fault_count(FAULT_FSYNC), 0);
        fault_at(FAULT_FSYNC, n, EIO);
        assert_int_equal(journal_sync(j, &f->e), WEIR_E_NOMEM);
        assert_int_equal(fault_count(FAULT_FSYNC), n + 1);
        assert_true(fault_clear());
        assert_int_equal(journal_sync(j, &f->e), WEIR_E_NOMEM);
        journal_close(j);
    }
    journal *j = opened(f, 0, 0);
    append(f, j, "{\"a\":1}\n");
    assert_ok(f, journal_sync(j, &f->e));
    assert_int_equal(fault_count(FAULT_FSYNC), FOLDERS);
    append(f, j, "{\"a\":2}\n");
    assert_ok(f, journal_sync(j, &f->e));
    assert_int_equal(fault_count(FAULT_FSYNC), FOLDERS);
    journal_close(j);
}

static void test_appends_and_reads(void **state)
{
    fixture *f = *state;
    journal *j = opened(f, 0, 0);
    assert_int_equal(journal_end(j), 0);
    append(f, j, "{\"a\":1}\n");
    append(f, j, "");
    append(f, j, "{\"a\":2}\n{\"a\":3}\n");
    assert_ok(f, journal_sync(j, &f->e));
    assert_int_equal(journal_end(j), 24);
    journal_close(j);

    assert_int_equal(segment_size(f, 0), 24);
    for (size_t want = 0; want < 30; want++)
        assert_holds(f, 0, 24, want, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
    assert_holds(f, 8, 24, 1, "{\"a\":2}\n{\"a\":3}\n");
    assert_holds(f, 8, 16, 100, "{\"a\":2}\n");
}

static void test_reader_stops_at_limit_and_goes_on(void **state)
{
    fixture *f = *state;
    journal_reader *r = NULL;
    assert_ok(f, journal_reader_open(&r, f->data, ORDERS, 0, &f->e)); /* before there is anything */
    buf out = {0};
    uint64_t at = 77;
    assert_ok(f, journal_read(r, 0, 10, &out, &at, &f->e));
    assert_int_equal(at, 0);

    journal *j = opened(f, 0, 6);
    append(f, j, "one\n");
    append(f, j, "two\n"); /* does not fit: a new segment */
    assert_ok(f, journal_read(r, 4, 100, &out, &at, &f->e));
    assert_string_equal(buf_text(&out), "one\n");
    assert_ok(f, journal_read(r, 4, 100, &out, &at, &f->e));
    assert_int_equal(at, 4);

    assert_ok(f, journal_cut(j, 4, &f->e)); /* "two" is taken back, and something else takes its place and name */
    append(f, j, "TWO\n");
    assert_ok(f, journal_read(r, 8, 100, &out, &at, &f->e));
    assert_string_equal(buf_text(&out), "one\nTWO\n");
    assert_int_equal(at, 8);
    assert_error(f, journal_read(r, 4, 100, &out, &at, &f->e), WEIR_E_CONFIG, "only 4 bytes are committed");
    buf_free(&out);
    journal_reader_close(r);
    journal_close(j);
}

static void test_segments(void **state)
{
    fixture *f = *state;
    journal *j = opened(f, 0, 10);
    append(f, j, "aaaa\n");
    append(f, j, "bbbb\n");               /* exactly full */
    append(f, j, "cccccccccccccccccc\n"); /* longer than a segment: has one for itself */
    append(f, j, "d\n");
    append(f, j, "e\n");
    assert_ok(f, journal_sync(j, &f->e));
    journal_close(j);

    assert_int_equal(segment_size(f, 0), 10);
    assert_int_equal(segment_size(f, 10), 19);
    assert_int_equal(segment_size(f, 29), 4);
    for (size_t want = 1; want < 40; want++)
        assert_holds(f, 0, 33, want, "aaaa\nbbbb\ncccccccccccccccccc\nd\ne\n");
    assert_holds(f, 10, 33, 3, "cccccccccccccccccc\nd\ne\n");
    assert_holds(f, 31, 33, 3, "e\n");
}

static void test_open_cuts_back(void **state)
{
    fixture *f = *state;
    journal *j = opened(f, 0, 10);
    append(f, j, "aaaa\nbbbb\n");
    append(f, j, "cccc\n");
    append(f, j, "dddddddd\n");
    journal_close(j);
    write_segment(f, 15, "a", "half a li"); /* as a kill leaves it */

    j = opened(f, 10, 10); /* at a boundary of segments */
    assert_int_equal(journal_end(j), 10);
    assert_int_equal(segment_size(f, 0), 10);
    assert_int_equal(segment_size(f, 10), -1);
    assert_int_equal(segment_size(f, 15), -1);
    append(f, j, "C\n");
    journal_close(j);
    assert_holds(f, 0, 12, 100, "aaaa\nbbbb\nC\n");

    j = opened(f, 5, 10); /* within a segment */
    assert_int_equal(segment_size(f, 0), 5);
    append(f, j, "B\n");
    journal_close(j);
    assert_holds(f, 0, 7, 100, "aaaa\nB\n");

    j = opened(f, 0, 10); /* to nothing */
    assert_int_equal(segment_size(f, 0), -1);
    append(f, j, "A\n");
    journal_close(j);
    assert_holds(f, 0, 2, 100, "A\n");
}

static void test_cut(void **state)
{
    fixture *f = *state;
    journal *j = opened(f, 0, 10);
    append(f, j, "aaaa\nbbbb\n");
    append(f, j, "cccc\n");
    assert_ok(f, journal_cut(j, 15, &f->e)); /* nothing to do */
    assert_error(f, journal_cut(j, 16, &f->e), WEIR_E_BUG, "ends at 15");
    assert_ok(f, journal_cut(j, 5, &f->e));
    assert_int_equal(journal_end(j), 5);
    append(f, j, "xxxx\n");
    assert_ok(f, journal_cut(j, 0, &f->e));
    append(f, j, "yyyy\n");
    assert_ok(f, journal_sync(j, &f->e));
    journal_close(j);
    assert_int_equal(segment_size(f, 10), -1);
    assert_holds(f, 0, 5, 100, "yyyy\n");
}

static void refuse(fixture *f, uint64_t committed, const char *text)
{
    journal *j = NULL;
    assert_error(f, journal_open(&j, f->data, ORDERS, committed, 10, &f->e), WEIR_E_CONFIG, text);
    assert_null(j);
}

static void test_lost_data(void **state)
{
    fixture *f = *state;
    refuse(f, 1, "the journal of \"acme/orders\" holds 0 bytes, 1 were committed: data has been lost or moved");
    journal *j = opened(f, 0, 10);
    append(f, j, "aaaa\nbbbb\n");
    append(f, j, "cccc\n");
    journal_close(j);
    refuse(f, 16, "holds 15 bytes, 16 were committed");
    refuse(f, 13, "no line end at its committed offset 13");

    write_segment(f, 0, "w", "aaaa\n"); /* a hole before the last segment */
    refuse(f, 15, "holds 5 bytes, 15 were committed");
    write_segment(f, 0, "w", "aaaa\nbbbb\nX\n");
    refuse(f, 15, "segment 10 of the journal of \"acme/orders\" begins before");
    char *first = segment_path(f, 0);
    assert_int_equal(unlink(first), 0);
    free(first);
    refuse(f, 15, "holds 0 bytes, 15 were committed");
    assert_int_equal(segment_size(f, 10), 5); /* what is wrong is left alone */
}

static void test_reader_finds_damage(void **state)
{
    fixture *f = *state;
    journal *j = opened(f, 0, 10);
    append(f, j, "aaaa\nbbbb\n");
    append(f, j, "cccc\n");
    journal_close(j);
    write_segment(f, 0, "w", "aaaa\nbbb"); /* the end of a line is gone */

    buf out = {0};
    buf_adds(&out, "kept");
    uint64_t at = 0;
    journal_reader *r = NULL;
    assert_ok(f, journal_reader_open(&r, f->data, ORDERS, 5, &f->e));
    assert_error(f, journal_read(r, 15, 100, &out, &at, &f->e), WEIR_E_CONFIG, "line at offset 5");
    assert_string_equal(buf_text(&out), "kept");
    write_segment(f, 0, "w", "aaaa\n");
    assert_error(f, journal_read(r, 15, 100, &out, &at, &f->e), WEIR_E_CONFIG, "segment 5 of the journal of \"acme/orders\"");
    journal_reader_close(r);

    r = NULL; /* a limit inside a line is nothing that was ever committed */
    assert_ok(f, journal_reader_open(&r, f->data, ORDERS, 10, &f->e));
    assert_error(f, journal_read(r, 13, 100, &out, &at, &f->e), WEIR_E_CONFIG, "line at offset 10");
    journal_reader_close(r);
    buf_free(&out);
}

static void test_bad_lines_are_refused(void **state)
{
    fixture *f = *state;
    journal *j = opened(f, 0, 0);
    assert_error(f, journal_append(j, VIEW("no end"), &f->e), WEIR_E_BUG, "do not end a line");
    assert_int_equal(journal_end(j), 0);
    journal_close(j);
    j = NULL;
    assert_error(f, journal_open(&j, f->data, (weir_view){NULL, 0}, 0, 0, &f->e), WEIR_E_BUG, "needs a name");
}

/* Percent-encoding as RFC 3986 has it for what a folder's name cannot hold; letters of any script stay. */
static void test_folder_names(void **state)
{
    static const struct {
        const char *collection, *folder;
    } cases[] = {
        {"acme/orders", "acme%2Forders"}, {"..", "%2E."},
        {".hidden", "%2Ehidden"},         {"a%2Fb", "a%252Fb"},
        {"a b\n*", "a%20b%0A%2A"},        {"acme/größe.v2_x-y", "acme%2Fgröße.v2_x-y"},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        journal *j = NULL;
        assert_ok(f, journal_open(&j, f->data, view_of(cases[i].collection), 0, 0, &f->e));
        journal_close(j);
        char *path;
        assert_true(asprintf(&path, "%s/journals/%s", f->data, cases[i].folder) > 0);
        assert_int_equal(access(path, F_OK), 0);
        free(path);
    }
    char long_name[400];
    memset(long_name, 'x', sizeof long_name);
    journal *j = NULL;
    assert_int_equal(journal_open(&j, f->data, (weir_view){long_name, sizeof long_name}, 0, 0, &f->e), WEIR_E_CONFIG);
}

static void test_strangers_in_the_folder_are_left_alone(void **state)
{
    fixture *f = *state;
    journal_close(opened(f, 0, 0));
    char *path;
    assert_true(asprintf(&path, "%s/journals/acme%%2Forders/README.ndjson", f->data) > 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    journal_close(opened(f, 0, 0));
    assert_int_equal(access(path, F_OK), 0);
    free(path);
}

/* A file size limit is a disk that fills up in the middle of a write. */
static void test_full_disk(void **state)
{
    fixture *f = *state;
    struct rlimit had, limit;
    journal *j = opened(f, 0, 0);
    append(f, j, "0123456789\n");

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &had), 0);
    limit = had;
    limit.rlim_cur = 15;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    weir_rc rc = journal_append(j, VIEW("0123456789\n"), &f->e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &had), 0);

    assert_error(f, rc, WEIR_E_NOMEM, "acme%2Forders");
    assert_int_equal(journal_end(j), 11);
    assert_int_equal(segment_size(f, 0), 11); /* the half line is gone */
    append(f, j, "more\n");
    assert_ok(f, journal_sync(j, &f->e));
    journal_close(j);
    assert_holds(f, 0, 16, 100, "0123456789\nmore\n");
}

static void test_long_lines(void **state)
{
    fixture *f = *state;
    size_t len = 3 << 20;
    char *line = malloc(len + 1);
    memset(line, 'x', len);
    line[len - 1] = '\n';
    line[len] = '\0';
    journal *j = opened(f, 0, 0);
    append(f, j, "short\n");
    append(f, j, line);
    journal_close(j);
    assert_holds(f, 6, 6 + len, 4096, line);

    journal_reader *r = NULL; /* a buffer with a limit says so */
    assert_ok(f, journal_reader_open(&r, f->data, ORDERS, 6, &f->e));
    buf small = {.max = 1 << 20};
    uint64_t at;
    assert_error(f, journal_read(r, 6 + len, 4096, &small, &at, &f->e), WEIR_E_NOMEM, "");
    buf_free(&small);
    journal_reader_close(r);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_appends_and_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reader_stops_at_limit_and_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_segments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_open_cuts_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reader_finds_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_lines_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folder_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_strangers_in_the_folder_are_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folders_are_synced_with_the_first_commit, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
