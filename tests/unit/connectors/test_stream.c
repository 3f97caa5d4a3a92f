/* Files as streams: what zlib and libzstd themselves packed must come out again, whatever the pieces; what is broken is told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "fault.h"
#include "files/strbuf.h"
#include "files/stream.h"
#include "folder.h"

static char *folder;
static char *path;

static int set_up(void **state)
{
    (void)state;
    folder = folder_make();
    return asprintf(&path, "%s/file", folder) < 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    free(path);
    return 0;
}

static void write_file(const void *bytes, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

/* A megabyte that does not compress to nothing. */
static strbuf sample(void)
{
    strbuf s = {0};
    uint64_t x = 88172645463325252u;
    while (s.len < 1 << 20) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        strbuf_printf(&s, "%llu,line %zu\n", (unsigned long long)x % 1000000, s.len);
    }
    return s;
}

static void add_gzip(strbuf *out, const char *bytes, size_t len)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_true(strbuf_reserve(out, deflateBound(&z, len)));
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)out->ptr + out->len;
    z.avail_out = (uInt)(out->cap - out->len);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

static void add_zstd(strbuf *out, const char *bytes, size_t len)
{
    assert_true(strbuf_reserve(out, ZSTD_compressBound(len)));
    size_t n = ZSTD_compress(out->ptr + out->len, out->cap - out->len, bytes, len, 3);
    assert_false(ZSTD_isError(n));
    out->len += n;
}

/* Reads the whole stream, `step` bytes at a time; the window slides. */
static int drain(stream *s, size_t step, strbuf *out)
{
    for (;;) {
        weir_view w = stream_window(s);
        if (w.len >= step || (stream_ended(s) && w.len)) {
            size_t n = w.len < step ? w.len : step;
            assert_int_equal(stream_offset(s), out->len);
            strbuf_add(out, w.ptr, n);
            stream_use(s, n);
        } else if (stream_ended(s)) {
            return 0;
        } else if (stream_more(s) < 0) {
            return -1;
        }
    }
}

static void expect(stream_encoding encoding, const char *want, size_t len)
{
    static const size_t steps[] = {1000, 65536, 700000};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        stream_problem problem;
        strbuf got = {0};
        stream *s = stream_open(path, encoding, &problem);
        assert_non_null(s);
        assert_int_equal(drain(s, steps[i], &got), 0);
        assert_int_equal(got.len, len);
        if (len)
            assert_memory_equal(got.ptr, want, len);
        stream_close(s);
        strbuf_free(&got);
    }
}

static void expect_problem(const char *what, bool cut_off)
{
    stream_problem problem = {0};
    strbuf got = {0};
    stream *s = stream_open(path, STREAM_AUTO, &problem);
    if (s) {
        assert_int_equal(drain(s, 1000, &got), -1);
        assert_int_equal(stream_more(s), -1);
        problem = *stream_error(s);
    }
    assert_non_null(strstr(problem.what, what));
    assert_int_equal(problem.cut_off, cut_off);
    assert_true(problem.rc != WEIR_OK);
    stream_close(s);
    strbuf_free(&got);
}

static void reads_plain_files(void **state)
{
    (void)state;
    strbuf s = sample();
    write_file(s.ptr, s.len);
    expect(STREAM_AUTO, s.ptr, s.len);
    write_file("", 0);
    expect(STREAM_AUTO, "", 0);
    write_file("x", 1);
    expect(STREAM_AUTO, "x", 1);
    strbuf_free(&s);
}

static void unpacks(void (*add)(strbuf *, const char *, size_t))
{
    strbuf s = sample(), packed = {0};
    size_t third = s.len / 3;
    add(&packed, s.ptr, s.len);
    write_file(packed.ptr, packed.len);
    expect(STREAM_AUTO, s.ptr, s.len);
    /* one behind the other, an empty one among them */
    strbuf_clear(&packed);
    add(&packed, s.ptr, third);
    add(&packed, "", 0);
    add(&packed, s.ptr + third, s.len - third);
    write_file(packed.ptr, packed.len);
    expect(STREAM_AUTO, s.ptr, s.len);
    /* cut off anywhere */
    for (size_t n = 20; n < packed.len; n += packed.len / 7) {
        write_file(packed.ptr, n);
        expect_problem("ends in the middle", true);
    }
    strbuf_free(&s);
    strbuf_free(&packed);
}

static void unpacks_gzip(void **state)
{
    (void)state;
    unpacks(add_gzip);
}

static void unpacks_zstd(void **state)
{
    (void)state;
    unpacks(add_zstd);
}

static void tells_broken_archives(void **state)
{
    (void)state;
    strbuf s = sample(), packed = {0};
    add_gzip(&packed, s.ptr, s.len);
    packed.ptr[packed.len / 2] ^= 0x55;
    write_file(packed.ptr, packed.len);
    expect_problem("broken gzip", false);
    packed.ptr[packed.len / 2] ^= 0x55;
    packed.ptr[packed.len - 8] ^= 1; /* the checksum */
    write_file(packed.ptr, packed.len);
    expect_problem("broken gzip", false);
    packed.ptr[packed.len - 8] ^= 1;
    strbuf_adds(&packed, "more");
    write_file(packed.ptr, packed.len);
    expect_problem("something else behind", false);
    strbuf_clear(&packed);
    add_zstd(&packed, s.ptr, s.len);
    strbuf_adds(&packed, "what is this");
    write_file(packed.ptr, packed.len);
    expect_problem("broken zstd", false);
    strbuf_free(&s);
    strbuf_free(&packed);
}

static void tolerates_padding(void **state)
{
    static const char zeros[300] = {0};
    (void)state;
    strbuf packed = {0};
    add_gzip(&packed, "abc\n", 4);
    strbuf_add(&packed, zeros, sizeof zeros);
    write_file(packed.ptr, packed.len);
    expect(STREAM_AUTO, "abc\n", 4);
    /* zstd: a skippable frame in front */
    strbuf_clear(&packed);
    strbuf_add(&packed, "\x5a\x2a\x4d\x18\x03\0\0\0xyz", 11);
    add_zstd(&packed, "abc\n", 4);
    write_file(packed.ptr, packed.len);
    expect(STREAM_AUTO, "abc\n", 4);
    strbuf_free(&packed);
}

#define WRITE(text) write_file(text, sizeof(text) - 1)

static void decodes(void **state)
{
    (void)state;
    /* "a\u00e9\u20ac\U0001f600\n", as Python encodes it */
    static const char utf8[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n";
    WRITE("\xff\xfe" "a\0\xe9\0\xac\x20\x3d\xd8\x00\xde\n\0");
    expect(STREAM_AUTO, utf8, sizeof utf8 - 1);
    WRITE("\xfe\xff\0a\0\xe9\x20\xac\xd8\x3d\xde\x00\0\n");
    expect(STREAM_AUTO, utf8, sizeof utf8 - 1);
    WRITE("\0a\0\xe9\x20\xac\xd8\x3d\xde\x00\0\n");
    expect(STREAM_UTF16BE, utf8, sizeof utf8 - 1);
    WRITE("a\xe9\x80\n");
    expect(STREAM_LATIN1, "a\xc3\xa9\xc2\x80\n", 6);
    expect(STREAM_WINDOWS1252, "a\xc3\xa9\xe2\x82\xac\n", 7);
    WRITE("\xff\xfe" "a\0\0\xde");
    expect_problem("broken UTF-16", false);
    WRITE("\xff\xfe" "a\0b");
    expect_problem("middle of a UTF-16", true);
    WRITE("\xff\xfe" "a\0\x3d\xd8");
    expect_problem("middle of a UTF-16", true);
}

static void decodes_long_files(void **state)
{
    (void)state;
    strbuf raw = {0}, want = {0};
    strbuf_add(&raw, "\xff\xfe", 2);
    for (int i = 0; i < 300001; i++) {
        strbuf_add(&raw, i % 7 ? "x\0" : "\xac\x20", 2);
        strbuf_adds(&want, i % 7 ? "x" : "\xe2\x82\xac");
    }
    write_file(raw.ptr, raw.len);
    expect(STREAM_AUTO, want.ptr, want.len);
    strbuf packed = {0};
    add_gzip(&packed, raw.ptr, raw.len);
    write_file(packed.ptr, packed.len);
    expect(STREAM_AUTO, want.ptr, want.len);
    strbuf_free(&raw);
    strbuf_free(&want);
    strbuf_free(&packed);
}

static void takes_a_byte_order_mark_off(void **state)
{
    (void)state;
    stream_problem problem;
    WRITE("\xef\xbb\xbfid\n");
    stream *s = stream_open(path, STREAM_AUTO, &problem);
    assert_non_null(s);
    assert_int_equal(stream_window(s).len, 3);
    assert_int_equal(stream_offset(s), 3);
    stream_close(s);
}

static void skips(void **state)
{
    (void)state;
    strbuf s = sample(), packed = {0};
    add_gzip(&packed, s.ptr, s.len);
    for (int round = 0; round < 2; round++) {
        stream_problem problem;
        write_file(round ? packed.ptr : s.ptr, round ? packed.len : s.len);
        stream *in = stream_open(path, STREAM_AUTO, &problem);
        assert_int_equal(stream_is_plain(in), !round);
        assert_int_equal(stream_skip(in, 777777), 1);
        assert_int_equal(stream_offset(in), 777777);
        while (stream_window(in).len < 1000)
            assert_int_equal(stream_more(in), 1);
        assert_memory_equal(stream_window(in).ptr, s.ptr + 777777, 1000);
        assert_int_equal(stream_skip(in, s.len), 1);
        while (!stream_ended(in))
            assert_int_equal(stream_more(in), 1);
        assert_int_equal(stream_window(in).len, 0);
        assert_int_equal(stream_skip(in, s.len + 1), 0);
        stream_close(in);
    }
    strbuf_free(&s);
    strbuf_free(&packed);
}

static void sees_the_file_as_it_was_opened(void **state)
{
    (void)state;
    stream_problem problem;
    strbuf s = sample(), got = {0};
    write_file(s.ptr, s.len);
    stream *in = stream_open(path, STREAM_AUTO, &problem);
    assert_false(stream_changed(in));
    FILE *f = fopen(path, "a");
    fputs("more", f);
    fclose(f);
    assert_true(stream_changed(in));
    assert_int_equal(drain(in, 1000, &got), 0);
    assert_int_equal(got.len, s.len);
    stream_close(in);
    /* and one that shrinks meanwhile */
    in = stream_open(path, STREAM_AUTO, &problem);
    assert_int_equal(truncate(path, 300000), 0);
    strbuf_clear(&got);
    assert_int_equal(drain(in, 1000, &got), -1);
    assert_true(stream_error(in)->cut_off);
    stream_close(in);
    strbuf_free(&s);
    strbuf_free(&got);
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    stream_problem problem;
    assert_null(stream_open("/nonexistent/file", STREAM_AUTO, &problem));
    assert_int_equal(problem.rc, WEIR_E_CONFIG);
    assert_int_equal(problem.error, ENOENT);
    assert_null(stream_open(folder, STREAM_AUTO, &problem));
    assert_string_equal(problem.what, "is not a regular file");
}

static void has_a_limit(void **state)
{
    (void)state;
    stream_problem problem;
    WRITE("x");
    assert_int_equal(truncate(path, (off_t)STREAM_LIMIT + 100), 0);
    stream *s = stream_open(path, STREAM_UTF8, &problem);
    int more;
    while ((more = stream_more(s)) > 0)
        assert_false(stream_ended(s));
    assert_int_equal(more, 0);
    assert_true(stream_window(s).len > STREAM_LIMIT - 5000);
    stream_close(s);
}

static void fails_cleanly(void **state)
{
    (void)state;
    strbuf s = sample(), packed = {0};
    add_gzip(&packed, s.ptr, s.len);
    write_file(packed.ptr, packed.len);
    for (int call = FAULT_ALLOC; call <= FAULT_READ; call++)
        for (size_t n = 0;; n++) {
            stream_problem problem = {0};
            strbuf got = {0};
            assert_true(strbuf_reserve(&got, s.len));
            fault_at((fault_call)call, n, call == FAULT_ALLOC ? ENOMEM : EIO);
            stream *in = stream_open(path, STREAM_AUTO, &problem);
            int rc = in ? drain(in, 200000, &got) : -1;
            bool fired = fault_clear();
            assert_int_equal(rc, fired ? -1 : 0);
            if (fired)
                assert_int_equal(in ? stream_error(in)->rc : problem.rc, WEIR_E_NOMEM);
            stream_close(in);
            strbuf_free(&got);
            if (!fired)
                break;
        }
    strbuf_free(&s);
    strbuf_free(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_plain_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unpacks_gzip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unpacks_zstd, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_broken_archives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tolerates_padding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(decodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(decodes_long_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_a_byte_order_mark_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(skips, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sees_the_file_as_it_was_opened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fails_cleanly, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
