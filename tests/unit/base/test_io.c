/* io: blocks into lines and messages, writes that stop half-way. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "fault.h"

/* ------------------------------------------------------------------------------------------------------------- helpers -- */

typedef struct feed {
    int fd[2]; /* read, write */
    io_reader r;
    err e;
} feed;

static void feed_open(feed *f, size_t max)
{
    assert_int_equal(pipe(f->fd), 0);
    f->e = (err){0};
    io_reader_init(&f->r, f->fd[0], max, "the peer");
}

static void feed_put(feed *f, const char *text)
{
    assert_int_equal(write(f->fd[1], text, strlen(text)), strlen(text));
}

static void feed_end(feed *f)
{
    close(f->fd[1]);
    f->fd[1] = -1;
}

static void feed_close(feed *f)
{
    io_reader_free(&f->r);
    close(f->fd[0]);
    if (f->fd[1] >= 0)
        close(f->fd[1]);
    err_free(&f->e);
}

static void expect_line(feed *f, const char *text)
{
    weir_view line;
    bool more = false;
    assert_int_equal(io_reader_line(&f->r, &line, &more, &f->e), WEIR_OK);
    assert_true(more);
    assert_int_equal(line.len, strlen(text));
    assert_memory_equal(line.ptr, text, line.len);
}

static void expect_end(feed *f)
{
    weir_view line;
    bool more = true;
    assert_int_equal(io_reader_line(&f->r, &line, &more, &f->e), WEIR_OK);
    assert_false(more);
}

static void expect_line_error(feed *f, weir_rc rc, const char *text)
{
    weir_view line = {0};
    bool more = true;
    assert_int_equal(io_reader_line(&f->r, &line, &more, &f->e), rc);
    assert_string_equal(err_text(&f->e), text);
    assert_null(line.ptr); /* outputs are untouched */
    assert_true(more);
}

/* Writes bytes to fd from a thread and closes it: for more than a pipe holds. */
typedef struct pump {
    pthread_t thread;
    int fd;
    weir_view bytes;
} pump;

static void *pump_run(void *arg)
{
    pump *p = arg;
    err e = {0};
    io_write(p->fd, p->bytes, "the pump", &e);
    err_free(&e);
    close(p->fd);
    return NULL;
}

static void pump_start(pump *p, feed *f, weir_view bytes)
{
    p->fd = f->fd[1];
    p->bytes = bytes;
    f->fd[1] = -1;
    assert_int_equal(pthread_create(&p->thread, NULL, pump_run, p), 0);
}

/* ---------------------------------------------------------------------------------------------------------------- lines -- */

static void lines_come_one_by_one(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    feed_put(&f, "one\n\ntwo\r\n");
    expect_line(&f, "one");
    expect_line(&f, "");
    expect_line(&f, "two\r");
    feed_put(&f, "thr");
    feed_put(&f, "ee\n");
    expect_line(&f, "three");
    assert_int_equal(f.r.taken, 16);
    feed_end(&f);
    expect_end(&f);
    expect_end(&f);
    feed_close(&f);
}

static void nothing_at_all_is_an_end(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    feed_end(&f);
    expect_end(&f);
    feed_close(&f);
}

static void half_a_line_is_the_peers_fault(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    feed_put(&f, "whole\nha");
    feed_put(&f, "lf");
    feed_end(&f);
    expect_line(&f, "whole");
    expect_line_error(&f, WEIR_E_PROTOCOL, "the peer ends inside a line: the last 4 bytes have no newline");
    feed_close(&f);
}

static void half_a_line_may_be_the_last(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    f.r.open_end = true;
    feed_put(&f, "whole\nha");
    feed_put(&f, "lf");
    feed_end(&f);
    expect_line(&f, "whole");
    expect_line(&f, "half");
    expect_end(&f);
    expect_end(&f);
    feed_close(&f);
}

static void the_limit_is_exact(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 5);
    feed_put(&f, "12345\n123456\n");
    expect_line(&f, "12345");
    expect_line_error(&f, WEIR_E_PROTOCOL, "the peer: a line at byte 6 is longer than the 5 bytes allowed");
    feed_close(&f);
}

static void a_line_without_end_meets_the_limit(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 1000);
    char *text = malloc(2001);
    memset(text, 'x', 2000);
    text[2000] = '\0';
    feed_put(&f, text);
    expect_line_error(&f, WEIR_E_PROTOCOL, "the peer: a line at byte 0 is longer than the 1000 bytes allowed");
    free(text);
    feed_close(&f);
}

/* Lines of every length around the sizes that matter to the buffer, against a plain search of the same bytes. */
static void lines_of_all_lengths_come_whole(void **state)
{
    (void)state;
    static const size_t lengths[] = {
        0, 1, 63, 64, 4095, 4096, 65535, 65536, IO_BLOCK - 1, IO_BLOCK, IO_BLOCK + 1, 3 * IO_BLOCK, 5000000};
    buf all = {0};
    for (int round = 0; round < 4; round++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            for (size_t n = 0; n < lengths[i] / (size_t)(round + 1); n++)
                buf_addc(&all, (char)('a' + (n * 7 + i + (size_t)round) % 26));
            buf_addc(&all, '\n');
        }
    feed f;
    feed_open(&f, 6000000);
    pump p;
    pump_start(&p, &f, buf_view(&all));
    size_t at = 0;
    while (at < all.len) {
        const char *nl = memchr(all.ptr + at, '\n', all.len - at);
        size_t len = (size_t)(nl - (all.ptr + at));
        weir_view line;
        bool more = false;
        assert_int_equal(io_reader_line(&f.r, &line, &more, &f.e), WEIR_OK);
        assert_true(more);
        assert_int_equal(line.len, len);
        assert_true(memcmp(line.ptr, all.ptr + at, len) == 0);
        at += len + 1;
        assert_int_equal(f.r.taken, at);
    }
    expect_end(&f);
    pthread_join(p.thread, NULL);
    buf_free(&all);
    feed_close(&f);
}

static void reads_of_one_byte_make_the_same_lines(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    feed_put(&f, "ab\ncde\n\nf\n");
    feed_end(&f);
    fault_clear();
    fault_from(FAULT_READ, 0, FAULT_SHORT);
    expect_line(&f, "ab");
    expect_line(&f, "cde");
    expect_line(&f, "");
    expect_line(&f, "f");
    expect_end(&f);
    assert_int_equal(fault_count(FAULT_READ), 11);
    assert_true(fault_clear());
    feed_close(&f);
}

static void interruptions_are_not_noticed(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    feed_put(&f, "line\n");
    fault_at(FAULT_READ, 0, EINTR);
    expect_line(&f, "line");
    assert_true(fault_clear());
    feed_close(&f);
}

static void a_read_that_fails_names_the_source(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    feed_put(&f, "li");
    bool more;
    assert_int_equal(io_reader_fill(&f.r, &more, &f.e), WEIR_OK);
    fault_at(FAULT_READ, 0, EIO);
    expect_line_error(&f, WEIR_E_NOMEM, "reading the peer: Input/output error");
    assert_true(fault_clear());
    feed_put(&f, "ne\n"); /* nothing is lost */
    expect_line(&f, "line");
    feed_close(&f);
}

static void without_memory_nothing_is_lost(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    feed_put(&f, "line\n");
    fault_at(FAULT_ALLOC, 0, ENOMEM);
    expect_line_error(&f, WEIR_E_NOMEM, "reading the peer: out of memory");
    assert_true(fault_clear());
    expect_line(&f, "line");
    feed_close(&f);
}

static void a_non_blocking_source_is_waited_for(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    assert_int_equal(fcntl(f.fd[0], F_SETFL, O_NONBLOCK), 0);
    buf all = {0};
    for (int i = 0; i < 300000; i++)
        buf_printf(&all, "%d\n", i);
    pump p;
    pump_start(&p, &f, buf_view(&all));
    for (int i = 0; i < 300000; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        expect_line(&f, text);
    }
    expect_end(&f);
    pthread_join(p.thread, NULL);
    buf_free(&all);
    feed_close(&f);
}

/* ----------------------------------------------------------------------------------------------------- bytes and peeks -- */

static void bytes_come_in_one_piece(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    feed_put(&f, "headbody");
    weir_view v;
    bool more = false;
    assert_int_equal(io_reader_peek(&f.r, 4, &v, &f.e), WEIR_OK);
    assert_true(view_is(v, "head"));
    assert_int_equal(f.r.taken, 0);
    assert_int_equal(io_reader_bytes(&f.r, 4, &v, &more, &f.e), WEIR_OK);
    assert_true(more && view_is(v, "head"));
    more = false;
    assert_int_equal(io_reader_bytes(&f.r, 0, &v, &more, &f.e), WEIR_OK);
    assert_true(more && v.len == 0);
    assert_int_equal(io_reader_bytes(&f.r, 4, &v, &more, &f.e), WEIR_OK);
    assert_true(more && view_is(v, "body"));
    feed_end(&f);
    assert_int_equal(io_reader_bytes(&f.r, 4, &v, &more, &f.e), WEIR_OK);
    assert_false(more);
    assert_int_equal(io_reader_peek(&f.r, 4, &v, &f.e), WEIR_OK);
    assert_int_equal(v.len, 0);
    feed_close(&f);
}

static void a_peek_at_the_end_is_short(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    feed_put(&f, "ab");
    feed_end(&f);
    weir_view v;
    bool more = true;
    assert_int_equal(io_reader_peek(&f.r, 4, &v, &f.e), WEIR_OK);
    assert_true(view_is(v, "ab"));
    assert_int_equal(io_reader_bytes(&f.r, 4, &v, &more, &f.e), WEIR_E_PROTOCOL);
    assert_string_equal(err_text(&f.e), "the peer ends inside a message: 2 of 4 bytes");
    feed_close(&f);
}

static void a_message_over_the_limit_is_not_waited_for(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 100);
    weir_view v;
    bool more;
    assert_int_equal(io_reader_bytes(&f.r, 101, &v, &more, &f.e), WEIR_E_PROTOCOL);
    assert_string_equal(err_text(&f.e), "the peer: a message at byte 0 is longer than the 100 bytes allowed");
    assert_int_equal(io_reader_bytes(&f.r, SIZE_MAX, &v, &more, &f.e), WEIR_E_PROTOCOL);
    feed_close(&f);
}

/* The peer announces much and sends little: memory follows what came, not what was promised. */
static void promises_cost_no_memory(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, (size_t)1 << 40);
    feed_put(&f, "little");
    feed_end(&f);
    weir_view v;
    bool more;
    assert_int_equal(io_reader_bytes(&f.r, (size_t)1 << 39, &v, &more, &f.e), WEIR_E_PROTOCOL);
    assert_in_range(f.r.bytes.cap, 1, 2 * IO_BLOCK);
    feed_close(&f);
}

static void long_messages_come_whole(void **state)
{
    (void)state;
    enum { LEN = 3000000 };
    buf all = {0};
    for (int m = 0; m < 3; m++)
        for (int i = 0; i < LEN; i++)
            buf_addc(&all, (char)(i * 31 + m));
    feed f;
    feed_open(&f, LEN);
    pump p;
    pump_start(&p, &f, buf_view(&all));
    weir_view v;
    bool more = false;
    for (size_t m = 0; m < 3; m++) {
        assert_int_equal(io_reader_bytes(&f.r, LEN, &v, &more, &f.e), WEIR_OK);
        assert_true(more);
        assert_true(memcmp(v.ptr, all.ptr + m * LEN, LEN) == 0);
    }
    assert_int_equal(io_reader_bytes(&f.r, LEN, &v, &more, &f.e), WEIR_OK);
    assert_false(more);
    pthread_join(p.thread, NULL);
    buf_free(&all);
    feed_close(&f);
}

/* ------------------------------------------------------------------------------------------------------------- polling -- */

static void fills_and_lines_mix(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    bool more = false;
    assert_false(io_reader_has_line(&f.r));
    feed_put(&f, "on");
    assert_int_equal(io_reader_fill(&f.r, &more, &f.e), WEIR_OK);
    assert_true(more);
    assert_false(io_reader_has_line(&f.r));
    feed_put(&f, "e\ntwo\nth");
    assert_int_equal(io_reader_fill(&f.r, &more, &f.e), WEIR_OK);
    assert_true(io_reader_has_line(&f.r));
    assert_true(io_reader_has_line(&f.r));
    expect_line(&f, "one");
    assert_true(io_reader_has_line(&f.r));
    expect_line(&f, "two");
    assert_false(io_reader_has_line(&f.r));
    feed_end(&f);
    assert_int_equal(io_reader_fill(&f.r, &more, &f.e), WEIR_OK);
    assert_false(more);
    assert_false(io_reader_has_line(&f.r));
    feed_close(&f);
}

static void a_fill_without_data_does_not_wait(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    assert_int_equal(fcntl(f.fd[0], F_SETFL, O_NONBLOCK), 0);
    bool more = false;
    assert_int_equal(io_reader_fill(&f.r, &more, &f.e), WEIR_OK);
    assert_true(more);
    assert_int_equal(f.r.bytes.len, 0);
    feed_close(&f);
}

static void fills_meet_the_limit(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 1000);
    buf all = {0};
    for (int i = 0; i < 4 * IO_BLOCK; i++)
        buf_addc(&all, 'x');
    pump p;
    pump_start(&p, &f, buf_view(&all));
    signal(SIGPIPE, SIG_IGN);
    bool more = true;
    weir_rc rc = WEIR_OK;
    while (!rc && more)
        rc = io_reader_fill(&f.r, &more, &f.e);
    assert_int_equal(rc, WEIR_E_PROTOCOL);
    assert_in_range(f.r.bytes.cap, 1, 2 * IO_BLOCK);
    close(f.fd[0]);
    pthread_join(p.thread, NULL);
    f.fd[0] = open("/dev/null", O_RDONLY);
    buf_free(&all);
    feed_close(&f);
}

/* The amount of moving is bounded by the amount of data, whatever the sizes: here 200 bytes move a block's rest at most. */
static void memory_stays_one_block_for_short_lines(void **state)
{
    (void)state;
    buf all = {0};
    for (int i = 0; i < 40000; i++)
        buf_printf(&all, "%0200d\n", i);
    feed f;
    feed_open(&f, 1 << 20);
    pump p;
    pump_start(&p, &f, buf_view(&all));
    for (int i = 0; i < 40000; i++) {
        char text[256];
        snprintf(text, sizeof text, "%0200d", i);
        expect_line(&f, text);
    }
    expect_end(&f);
    assert_int_equal(f.r.bytes.cap, IO_BLOCK);
    pthread_join(p.thread, NULL);
    buf_free(&all);
    feed_close(&f);
}

/* ------------------------------------------------------------------------------------------------------------- writing -- */

static void expect_in_pipe(int fd, const char *text)
{
    char got[256];
    ssize_t n = read(fd, got, sizeof got);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

static struct iovec piece(const char *text)
{
    return (struct iovec){(char *)text, strlen(text)};
}

static void short_writes_go_on(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    fault_clear();
    fault_from(FAULT_WRITE, 0, FAULT_SHORT);
    assert_int_equal(io_write(f.fd[1], VIEW("written"), "x", &f.e), WEIR_OK);
    assert_int_equal(fault_count(FAULT_WRITE), 7);
    fault_clear();
    expect_in_pipe(f.fd[0], "written");
    fault_at(FAULT_WRITE, 0, EINTR);
    assert_int_equal(io_write(f.fd[1], VIEW("again"), "x", &f.e), WEIR_OK);
    assert_true(fault_clear());
    expect_in_pipe(f.fd[0], "again");
    assert_int_equal(io_write(-1, (weir_view){0}, "x", &f.e), WEIR_OK);
    feed_close(&f);
}

static void pieces_are_written_in_order(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    for (int at = 0; at < 6; at++) {
        struct iovec iov[] = {{NULL, 0}, piece("ab"), {NULL, 0}, piece("c"), piece("def"), {NULL, 0}};
        fault_at(FAULT_WRITE, (size_t)at, FAULT_SHORT);
        assert_int_equal(io_writev(f.fd[1], iov, 6, "x", &f.e), WEIR_OK);
        fault_clear();
        expect_in_pipe(f.fd[0], "abcdef");
    }
    struct iovec iov[] = {piece("ab"), piece("c"), piece("def")};
    fault_clear();
    fault_from(FAULT_WRITE, 0, FAULT_SHORT);
    assert_int_equal(io_writev(f.fd[1], iov, 3, "x", &f.e), WEIR_OK);
    assert_int_equal(fault_count(FAULT_WRITE), 6);
    fault_clear();
    expect_in_pipe(f.fd[0], "abcdef");
    assert_int_equal(io_writev(f.fd[1], iov, 0, "x", &f.e), WEIR_OK);
    feed_close(&f);
}

static void more_pieces_than_the_kernel_takes(void **state)
{
    (void)state;
    enum { PIECES = 3 * IOV_MAX + 5 };
    feed f;
    feed_open(&f, 0);
    struct iovec *iov = calloc(PIECES, sizeof *iov);
    for (int i = 0; i < PIECES; i++)
        iov[i] = piece(i % 2 ? "b" : "a");
    assert_int_equal(io_writev(f.fd[1], iov, PIECES, "x", &f.e), WEIR_OK);
    feed_end(&f);
    weir_view v;
    bool more;
    assert_int_equal(io_reader_bytes(&f.r, PIECES, &v, &more, &f.e), WEIR_OK);
    for (int i = 0; i < PIECES; i++)
        assert_int_equal(v.ptr[i], i % 2 ? 'b' : 'a');
    free(iov);
    feed_close(&f);
}

static void a_full_non_blocking_pipe_is_waited_for(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    assert_int_equal(fcntl(f.fd[1], F_SETFL, O_NONBLOCK), 0);
    buf all = {0};
    for (int i = 0; i < 200000; i++)
        buf_printf(&all, "%d\n", i);
    pump p;
    pump_start(&p, &f, buf_view(&all));
    for (int i = 0; i < 200000; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        expect_line(&f, text);
    }
    expect_end(&f);
    pthread_join(p.thread, NULL);
    buf_free(&all);
    feed_close(&f);
}

static void without_a_reader_it_stops(void **state)
{
    (void)state;
    feed f;
    feed_open(&f, 0);
    signal(SIGPIPE, SIG_IGN);
    close(f.fd[0]);
    f.fd[0] = open("/dev/null", O_RDONLY);
    assert_int_equal(io_write(f.fd[1], VIEW("x"), "stdout", &f.e), WEIR_STOPPED);
    assert_string_equal(err_text(&f.e), "nobody reads stdout");
    struct iovec iov = piece("x");
    assert_int_equal(io_writev(f.fd[1], &iov, 1, "stdout", &f.e), WEIR_STOPPED);
    feed_close(&f);
}

static void a_full_disk_is_the_machines_fault(void **state)
{
    (void)state;
    err e = {0};
    int fd = open("/dev/full", O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(io_write(fd, VIEW("x"), "the journal", &e), WEIR_E_NOMEM);
    assert_string_equal(err_text(&e), "writing the journal: No space left on device");
    close(fd);
    err_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_one_by_one),
        cmocka_unit_test(nothing_at_all_is_an_end),
        cmocka_unit_test(half_a_line_is_the_peers_fault),
        cmocka_unit_test(half_a_line_may_be_the_last),
        cmocka_unit_test(the_limit_is_exact),
        cmocka_unit_test(a_line_without_end_meets_the_limit),
        cmocka_unit_test(lines_of_all_lengths_come_whole),
        cmocka_unit_test(reads_of_one_byte_make_the_same_lines),
        cmocka_unit_test(interruptions_are_not_noticed),
        cmocka_unit_test(a_read_that_fails_names_the_source),
        cmocka_unit_test(without_memory_nothing_is_lost),
        cmocka_unit_test(a_non_blocking_source_is_waited_for),
        cmocka_unit_test(bytes_come_in_one_piece),
        cmocka_unit_test(a_peek_at_the_end_is_short),
        cmocka_unit_test(a_message_over_the_limit_is_not_waited_for),
        cmocka_unit_test(promises_cost_no_memory),
        cmocka_unit_test(long_messages_come_whole),
        cmocka_unit_test(fills_and_lines_mix),
        cmocka_unit_test(a_fill_without_data_does_not_wait),
        cmocka_unit_test(fills_meet_the_limit),
        cmocka_unit_test(memory_stays_one_block_for_short_lines),
        cmocka_unit_test(short_writes_go_on),
        cmocka_unit_test(pieces_are_written_in_order),
        cmocka_unit_test(more_pieces_than_the_kernel_takes),
        cmocka_unit_test(a_full_non_blocking_pipe_is_waited_for),
        cmocka_unit_test(without_a_reader_it_stops),
        cmocka_unit_test(a_full_disk_is_the_machines_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
