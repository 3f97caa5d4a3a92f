#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { BLOCK = 128 << 10, ZSTD_LEVEL = 3, GZIP_WINDOW = 15 + 16 };

struct sink {
    int fd;
    char *path;
    sink_codec codec;
    z_stream gzip;
    bool gzip_ready;
    ZSTD_CStream *zstd;
    size_t filled;
    char in[BLOCK];      /* what is not compressed yet */
    unsigned char out[BLOCK];
};

static weir_rc failed(weir_task *t, const char *doing, const char *path)
{
    weir_rc rc = errno == EACCES || errno == EPERM || errno == EROFS || errno == ENOENT || errno == ENOTDIR || errno == EEXIST ? WEIR_E_CONFIG : WEIR_E_NOMEM;
    return weir_fail(t, rc, "%s '%s': %s", doing, path, strerror(errno));
}

static weir_rc put(weir_task *t, sink *s, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len) {
        ssize_t n = write(s->fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(t, "write", s->path);
        at += n;
        len -= (size_t)n;
    }
    return WEIR_OK;
}

/* ----------------------------------------------------------------------------------------------------------- compressing -- */

static weir_rc press_plain(weir_task *t, sink *s, bool last)
{
    (void)last;
    return put(t, s, s->in, s->filled);
}

static weir_rc press_gzip(weir_task *t, sink *s, bool last)
{
    s->gzip.next_in = (Bytef *)s->in;
    s->gzip.avail_in = (uInt)s->filled;
    for (int code = Z_OK; code != Z_STREAM_END;) {
        s->gzip.next_out = s->out;
        s->gzip.avail_out = BLOCK;
        code = deflate(&s->gzip, last ? Z_FINISH : Z_NO_FLUSH);
        if (code == Z_STREAM_ERROR)
            return weir_fail(t, WEIR_E_BUG, "write '%s': zlib refuses", s->path);
        weir_rc rc = put(t, s, s->out, BLOCK - s->gzip.avail_out);
        if (rc || (!last && s->gzip.avail_out))
            return rc;
    }
    return WEIR_OK;
}

static weir_rc press_zstd(weir_task *t, sink *s, bool last)
{
    ZSTD_inBuffer in = {s->in, s->filled, 0};
    for (;;) {
        ZSTD_outBuffer out = {s->out, BLOCK, 0};
        size_t left = ZSTD_compressStream2(s->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return weir_fail(t, WEIR_E_BUG, "write '%s': %s", s->path, ZSTD_getErrorName(left));
        weir_rc rc = put(t, s, s->out, out.pos);
        if (rc || (last ? left == 0 : in.pos == in.size))
            return rc;
    }
}

static weir_rc press(weir_task *t, sink *s, bool last)
{
    static weir_rc (*const presses[])(weir_task *, sink *, bool) = {[SINK_PLAIN] = press_plain, [SINK_GZIP] = press_gzip, [SINK_ZSTD] = press_zstd};
    weir_rc rc = presses[s->codec](t, s, last);
    s->filled = 0;
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- files -- */

static bool start_codec(sink *s)
{
    if (s->codec == SINK_GZIP)
        s->gzip_ready = deflateInit2(&s->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    if (s->codec == SINK_ZSTD && (s->zstd = ZSTD_createCStream()) != NULL)
        return !ZSTD_isError(ZSTD_initCStream(s->zstd, ZSTD_LEVEL));
    return s->codec == SINK_PLAIN || s->gzip_ready;
}

weir_rc sink_open(weir_task *t, sink **ret, const char *path, sink_codec codec)
{
    sink *s = malloc(sizeof *s);
    if (!s)
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    memset(s, 0, offsetof(sink, in));
    s->codec = codec;
    s->fd = -1;
    s->path = strdup(path);
    weir_rc rc = s->path && start_codec(s) ? WEIR_OK : weir_fail(t, WEIR_E_NOMEM, "out of memory");
    if (!rc && (s->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) < 0)
        rc = failed(t, "create", path);
    if (rc)
        sink_drop(s);
    else
        *ret = s;
    return rc;
}

weir_rc sink_write(weir_task *t, sink *s, const char *bytes, size_t len)
{
    while (len) {
        size_t n = BLOCK - s->filled < len ? BLOCK - s->filled : len;
        memcpy(s->in + s->filled, bytes, n);
        s->filled += n;
        bytes += n;
        len -= n;
        weir_rc rc = s->filled == BLOCK ? press(t, s, false) : WEIR_OK;
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

weir_rc sink_finish(weir_task *t, sink *s)
{
    weir_rc rc = press(t, s, true);
    if (!rc && fsync(s->fd))
        rc = failed(t, "fsync", s->path);
    int fd = s->fd;
    s->fd = -1;
    if (close(fd) && !rc)
        rc = failed(t, "close", s->path);
    sink_drop(s);
    return rc;
}

void sink_drop(sink *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    if (s->gzip_ready)
        deflateEnd(&s->gzip);
    ZSTD_freeCStream(s->zstd);
    free(s->path);
    free(s);
}
