/* singer/batch: files of BATCH messages (singer.md 1), made by zlib and zstd themselves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "fault.h"
#include "proto/singer/batch.h"

#define JSONL VIEW("{\"format\":\"jsonl\",\"compression\":\"gzip\"}")

static void put_file(const char *path, weir_view content)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(content.ptr, 1, content.len, f), content.len);
    assert_int_equal(fclose(f), 0);
}

static void gzip(weir_view text, buf *out)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_true(buf_reserve(out, deflateBound(&z, text.len)));
    z.next_in = (Bytef *)(uintptr_t)text.ptr;
    z.avail_in = (uInt)text.len;
    z.next_out = (Bytef *)out->ptr + out->len;
    z.avail_out = (uInt)(out->cap - out->len);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len = out->cap - z.avail_out;
    deflateEnd(&z);
}

static void zstd(weir_view text, buf *out)
{
    size_t room = ZSTD_compressBound(text.len);
    assert_true(buf_reserve(out, room));
    size_t n = ZSTD_compress(out->ptr + out->len, room, text.ptr, text.len, 3);
    assert_false(ZSTD_isError(n));
    out->len += n;
}

static weir_rc gather(void *arg, weir_view line, err *e)
{
    buf *to = arg;
    buf_addc(to, '<');
    buf_addv(to, line);
    buf_addc(to, '>');
    return buf_ok(to) ? WEIR_OK : err_nomem(e);
}

static char path[64];

static void expect_lines(const char *url, weir_view want)
{
    buf got = {0};
    err e = {0};
    if (batch_read(view_of(url), JSONL, gather, &got, &e))
        fail_msg("%s: %s", url, err_text(&e));
    if (!view_eq(buf_view(&got), want))
        fail_msg("%s: %zu bytes, expected %zu: %.200s", url, got.len, want.len, buf_text(&got));
    buf_free(&got);
    err_free(&e);
}

/* Lines of many lengths, some longer than any block. */
static void make_lines(buf *text, buf *want)
{
    for (int i = 0; i < 3000; i++) {
        size_t from = text->len;
        int width = i == 1500 ? 700000 : i % 97;
        buf_printf(text, "{\"i\":%d,\"x\":\"%0*d\"}", i, width, i);
        buf_addc(want, '<');
        buf_addv(want, view_from(buf_view(text), from));
        buf_addc(want, '>');
        buf_adds(text, i % 10 ? "\n" : "\n\n \t\r\n");
    }
}

static void every_compression(void **state)
{
    (void)state;
    buf text = {0}, want = {0}, packed = {0};
    make_lines(&text, &want);
    put_file(path, buf_view(&text));
    expect_lines(path, buf_view(&want));
    gzip(buf_view(&text), &packed);
    put_file(path, buf_view(&packed));
    expect_lines(path, buf_view(&want));
    buf_clear(&packed);
    zstd(buf_view(&text), &packed);
    put_file(path, buf_view(&packed));
    expect_lines(path, buf_view(&want));
    buf_free(&text);
    buf_free(&want);
    buf_free(&packed);
}

/* Members and frames behind one another are one file; a last line needs no end. */
static void pieces(void **state)
{
    (void)state;
    static void (*const packers[])(weir_view, buf *) = {gzip, zstd};
    for (size_t i = 0; i < 2; i++) {
        buf packed = {0};
        packers[i](VIEW("{}\n{\"a\""), &packed);
        packers[i](VIEW(""), &packed);
        packers[i](VIEW(":1}"), &packed);
        put_file(path, buf_view(&packed));
        expect_lines(path, VIEW("<{}><{\"a\":1}>"));
        buf_free(&packed);
    }
    put_file(path, VIEW(""));
    expect_lines(path, VIEW(""));
    put_file(path, VIEW("\n\n"));
    expect_lines(path, VIEW(""));
}

/* Cut off anywhere, a compressed file is broken; nothing that was not in it is given out. */
static void cut_off(void **state)
{
    (void)state;
    static void (*const packers[])(weir_view, buf *) = {gzip, zstd};
    for (size_t i = 0; i < 2; i++) {
        buf packed = {0};
        packers[i](VIEW("{\"a\":1}\n{\"b\":2}\n"), &packed);
        for (size_t len = 4; len < packed.len; len++) {
            buf got = {0};
            err e = {0};
            put_file(path, (weir_view){packed.ptr, len});
            assert_int_equal(batch_read(view_of(path), JSONL, gather, &got, &e), WEIR_E_PROTOCOL);
            assert_true(view_starts(VIEW("<{\"a\":1}><{\"b\":2}>"), buf_view(&got)));
            buf_free(&got);
            err_free(&e);
        }
        buf_free(&packed);
    }
}

static void urls(void **state)
{
    (void)state;
    char url[128];
    put_file(path, VIEW("{}"));
    snprintf(url, sizeof url, "file://%s", path);
    expect_lines(url, VIEW("<{}>"));
    snprintf(url, sizeof url, "file://localhost%s", path);
    expect_lines(url, VIEW("<{}>"));
    snprintf(url, sizeof url, "file:///%%74mp%s", path + 4);
    expect_lines(url, VIEW("<{}>"));
    static const char *const others[] = {"s3://bucket/x", "file://host/x", "relative", ""};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        err e = {0};
        assert_int_equal(batch_read(view_of(others[i]), JSONL, gather, NULL, &e), WEIR_E_CONFIG);
        err_free(&e);
    }
    static const char *const no_files[] = {"file:///dev/stdin", "/dev/null", "/tmp"};
    for (size_t i = 0; i < sizeof no_files / sizeof *no_files; i++) {
        err e = {0};
        assert_int_equal(batch_read(view_of(no_files[i]), JSONL, gather, NULL, &e), WEIR_E_PROTOCOL);
        err_free(&e);
    }
    err e = {0};
    assert_int_equal(batch_read(view_of(path), VIEW("{\"format\":\"parquet\"}"), gather, NULL, &e), WEIR_E_CONFIG);
    err_free(&e);
}

static void faults(void **state)
{
    (void)state;
    buf packed = {0};
    gzip(VIEW("{\"a\":1}\n{\"b\":2}\n"), &packed);
    put_file(path, buf_view(&packed));
    for (int call = FAULT_ALLOC; call <= FAULT_READ; call++) {
        bool again = true;
        for (size_t n = 0; again; n++) {
            buf got = {0};
            err e = {0};
            fault_at((fault_call)call, n, call == FAULT_ALLOC ? ENOMEM : EIO);
            weir_rc rc = batch_read(view_of(path), JSONL, gather, &got, &e);
            again = fault_clear();
            assert_true(again ? rc != WEIR_OK : rc == WEIR_OK);
            buf_free(&got);
            err_free(&e);
        }
    }
    buf_free(&packed);
}

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/weir-test-batch-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_compression), cmocka_unit_test(pieces), cmocka_unit_test(cut_off), cmocka_unit_test(urls), cmocka_unit_test(faults),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
