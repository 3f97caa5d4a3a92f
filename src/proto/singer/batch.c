#include "proto/singer/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "proto/intake.h"

enum { BLOCK = 128 * 1024, GZIP_WINDOW = 15 + 16 };

typedef struct unpacker unpacker;

/* Turns what is left of `in` into bytes behind `out`, as far as there is room for a block. */
typedef weir_rc unpack(unpacker *u, err *e);

struct unpacker {
    const char *path;
    int fd;
    unpack *step;
    char block[BLOCK];
    weir_view in;    /* of the block: not yet unpacked */
    buf out;
    size_t taken;    /* of out: lines given already */
    bool eof;        /* of the file */
    bool inside;     /* of a compressed stream that has not ended */
    z_stream gzip;
    bool gzip_open;
    ZSTD_DStream *zstd;
};

/* ---- formats ---- */

static weir_rc damaged(const unpacker *u, const char *why, err *e)
{
    return err_fail(e, WEIR_E_PROTOCOL, "batch file %s: %s", u->path, why);
}

static weir_rc copy(unpacker *u, err *e)
{
    buf_addv(&u->out, u->in);
    u->in.len = 0;
    return buf_ok(&u->out) ? WEIR_OK : err_nomem(e);
}

static weir_rc inflate_some(unpacker *u, err *e)
{
    z_stream *z = &u->gzip;
    if (!u->gzip_open && inflateInit2(z, GZIP_WINDOW) != Z_OK)
        return err_nomem(e);
    u->gzip_open = u->inside = true;
    if (!buf_reserve(&u->out, BLOCK))
        return err_nomem(e);
    z->next_in = (Bytef *)(uintptr_t)u->in.ptr;
    z->avail_in = (uInt)u->in.len;
    z->next_out = (Bytef *)u->out.ptr + u->out.len;
    z->avail_out = BLOCK;
    int code = inflate(z, Z_NO_FLUSH);
    u->out.len += BLOCK - z->avail_out;
    u->in = view_from(u->in, u->in.len - z->avail_in);
    if (code == Z_STREAM_END) {
        u->inside = false;
        return inflateReset(z) == Z_OK ? WEIR_OK : damaged(u, "its gzip data cannot be read on", e);
    }
    if (code == Z_MEM_ERROR)
        return err_nomem(e);
    return code == Z_OK || code == Z_BUF_ERROR ? WEIR_OK : damaged(u, z->msg ? z->msg : "its gzip data is damaged", e);
}

static weir_rc unzstd_some(unpacker *u, err *e)
{
    if (!u->zstd && !(u->zstd = ZSTD_createDStream()))
        return err_nomem(e);
    if (!buf_reserve(&u->out, BLOCK))
        return err_nomem(e);
    ZSTD_inBuffer in = {u->in.ptr, u->in.len, 0};
    ZSTD_outBuffer out = {u->out.ptr + u->out.len, BLOCK, 0};
    size_t left = ZSTD_decompressStream(u->zstd, &out, &in);
    if (ZSTD_isError(left))
        return damaged(u, ZSTD_getErrorName(left), e);
    u->inside = left != 0;
    u->out.len += out.pos;
    u->in = view_from(u->in, in.pos);
    return WEIR_OK;
}

static unpack *format_of(weir_view head)
{
    if (view_starts(head, VIEW("\x1f\x8b")))
        return inflate_some;
    return view_starts(head, VIEW("\x28\xb5\x2f\xfd")) ? unzstd_some : copy;
}

/* ---- reading ---- */

static weir_rc read_block(unpacker *u, err *e)
{
    size_t len = 0;
    while (len < BLOCK && !u->eof) { /* whole blocks: the first must hold the whole mark of its format */
        ssize_t n = read(u->fd, u->block + len, BLOCK - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, errno, "reading %s", u->path);
        u->eof = n == 0;
        len += (size_t)n;
    }
    u->in = (weir_view){u->block, len};
    if (!u->step)
        u->step = format_of(u->in);
    return WEIR_OK;
}

static bool blank(weir_view line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    return true;
}

/* Gives the whole lines of what is unpacked; at the end, the rest, too. */
static weir_rc give_lines(unpacker *u, bool end, singer_batch_record *each, void *arg, err *e)
{
    weir_rc rc = WEIR_OK;
    while (!rc && u->taken < u->out.len) {
        weir_view rest = view_from(buf_view(&u->out), u->taken);
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        if (!nl && !end)
            break;
        weir_view line = {rest.ptr, nl ? (size_t)(nl - rest.ptr) : rest.len};
        u->taken += line.len + (nl != NULL);
        if (!blank(line))
            rc = each(arg, line, e);
    }
    buf_drop(&u->out, u->taken);
    u->taken = 0;
    if (!rc && u->out.len > INTAKE_LINE_MAX)
        rc = damaged(u, "a line is longer than 128 MiB", e);
    return rc;
}

static weir_rc read_all(unpacker *u, singer_batch_record *each, void *arg, err *e)
{
    weir_rc rc = WEIR_OK;
    bool more = true;
    while (!rc && more) {
        size_t had = u->out.len, left = u->in.len;
        if (!u->in.len && !u->eof)
            rc = read_block(u, e);
        if (!rc && (u->in.len || u->inside))
            rc = u->step(u, e);
        bool stuck = u->eof && u->out.len == had && u->in.len == left;
        more = !u->eof || u->in.len || (u->inside && !stuck);
        if (!rc)
            rc = give_lines(u, !more, each, arg, e);
    }
    return rc || !u->inside ? rc : damaged(u, "it ends inside of its compressed data", e);
}

/* ---- URLs ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static weir_rc path_of(weir_view url, buf *out, err *e)
{
    weir_view scheme = WEIR_LIT("file://"), host = WEIR_LIT("localhost/"), rest = url;
    if (view_starts(rest, scheme))
        rest = view_from(rest, scheme.len);
    if (view_starts(rest, host))
        rest = view_from(rest, host.len - 1);
    if (!rest.len || *rest.ptr != '/')
        return err_fail(e, WEIR_E_CONFIG, "batch file %.*s: only files of this machine can be read (file:///...)", VIEW_ARG(url));
    bool decode = rest.len != url.len;
    for (size_t i = 0; i < rest.len; i++) {
        bool escape = decode && rest.ptr[i] == '%' && i + 2 < rest.len && hex(rest.ptr[i + 1]) >= 0 && hex(rest.ptr[i + 2]) >= 0;
        buf_addc(out, escape ? (char)(hex(rest.ptr[i + 1]) * 16 + hex(rest.ptr[i + 2])) : rest.ptr[i]);
        i += escape ? 2 : 0;
    }
    return buf_ok(out) ? WEIR_OK : err_nomem(e);
}

weir_rc singer_batch_read(weir_view url, singer_batch_record *each, void *arg, err *e)
{
    buf path = {0};
    unpacker *u = NULL;
    weir_rc rc = path_of(url, &path, e);
    if (!rc && !(u = calloc(1, sizeof *u)))
        rc = err_nomem(e);
    if (!rc) {
        u->path = buf_text(&path);
        u->fd = open(u->path, O_RDONLY | O_CLOEXEC);
        rc = u->fd < 0 ? err_fail(e, WEIR_E_CONFIG, "batch file %s: %s", u->path, strerror(errno)) : read_all(u, each, arg, e);
    }
    if (u) {
        if (u->fd >= 0)
            close(u->fd);
        if (u->gzip_open)
            inflateEnd(&u->gzip);
        ZSTD_freeDStream(u->zstd);
        buf_free(&u->out);
    }
    free(u);
    buf_free(&path);
    return rc;
}
