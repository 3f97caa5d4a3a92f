#include "proto/singer/batch.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "json/pointer.h"
#include "json/text.h"

enum { BLOCK = 128 << 10 };

/* A file on its way to lines. */
typedef struct source {
    int fd;
    const char *path;
    char in[BLOCK];
    size_t at, len;  /* what is left in `in` */
    bool end;        /* of the file */
    bool inside;     /* a compressed frame has begun and not ended */
    z_stream gzip;
    ZSTD_DCtx *zstd;
} source;

/* Appends up to BLOCK bytes of the decoded file to out; less: it wants more input. Without room out has failed. */
typedef weir_rc unpack(source *s, buf *out, err *e);

/* ---- reading and unpacking ---- */

static weir_rc refill(source *s, err *e)
{
    ssize_t n;
    if (s->at < s->len || s->end)
        return WEIR_OK;
    do
        n = read(s->fd, s->in, sizeof s->in);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_errno(e, errno, "'%s'", s->path);
    s->at = 0;
    s->len = (size_t)n;
    s->end = n == 0;
    return WEIR_OK;
}

static weir_rc broken(source *s, const char *what, err *e)
{
    return err_fail(e, WEIR_E_PROTOCOL, "'%s': %s", s->path, what);
}

static weir_rc unpack_plain(source *s, buf *out, err *e)
{
    (void)e;
    buf_add(out, s->in + s->at, s->len - s->at);
    s->at = s->len;
    return WEIR_OK;
}

static weir_rc unpack_gzip(source *s, buf *out, err *e)
{
    if ((s->at == s->len && !s->inside) || !buf_reserve(out, BLOCK))
        return WEIR_OK;
    s->gzip.next_in = (Bytef *)s->in + s->at;
    s->gzip.avail_in = (uInt)(s->len - s->at);
    s->gzip.next_out = (Bytef *)out->ptr + out->len;
    s->gzip.avail_out = BLOCK;
    int rc = inflate(&s->gzip, Z_NO_FLUSH);
    s->at = s->len - s->gzip.avail_in;
    out->len += BLOCK - s->gzip.avail_out;
    s->inside = rc != Z_STREAM_END;
    if (rc == Z_STREAM_END) /* another member may follow */
        rc = inflateReset(&s->gzip);
    return rc == Z_OK || rc == Z_BUF_ERROR ? WEIR_OK : broken(s, s->gzip.msg ? s->gzip.msg : "broken gzip data", e);
}

static weir_rc unpack_zstd(source *s, buf *out, err *e)
{
    if ((s->at == s->len && !s->inside) || !buf_reserve(out, BLOCK))
        return WEIR_OK;
    ZSTD_inBuffer in = {s->in, s->len, s->at};
    ZSTD_outBuffer to = {out->ptr + out->len, BLOCK, 0};
    size_t rc = ZSTD_decompressStream(s->zstd, &to, &in);
    s->at = in.pos;
    out->len += to.pos;
    s->inside = rc != 0;
    return ZSTD_isError(rc) ? broken(s, ZSTD_getErrorName(rc), e) : WEIR_OK;
}

static weir_rc choose(source *s, unpack **ret, err *e)
{
    static const unsigned char gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    weir_rc rc = refill(s, e);
    *ret = unpack_plain;
    if (rc)
        return rc;
    if (s->len >= sizeof gzip && memcmp(s->in, gzip, sizeof gzip) == 0) {
        *ret = unpack_gzip;
        return inflateInit2(&s->gzip, 15 + 16) == Z_OK ? WEIR_OK : err_nomem(e);
    }
    if (s->len >= sizeof zstd && memcmp(s->in, zstd, sizeof zstd) == 0) {
        *ret = unpack_zstd;
        s->zstd = ZSTD_createDCtx();
        return s->zstd ? WEIR_OK : err_nomem(e);
    }
    return WEIR_OK;
}

/* ---- lines ---- */

static bool is_blank(weir_view line)
{
    while (line.len && isspace((unsigned char)*line.ptr))
        line = view_from(line, 1);
    return !line.len;
}

/* @param searched bytes at the beginning known to hold no newline */
static weir_rc give_lines(buf *text, size_t searched, bool last, batch_line *each, void *arg, err *e)
{
    size_t from = 0;
    weir_rc rc = WEIR_OK;
    for (const char *nl; !rc && (nl = memchr(text->ptr + searched, '\n', text->len - searched));) {
        weir_view line = {text->ptr + from, (size_t)(nl - text->ptr) - from};
        if (!is_blank(line))
            rc = each(arg, line, e);
        from = searched = (size_t)(nl - text->ptr) + 1;
    }
    weir_view rest = view_from(buf_view(text), from);
    if (!rc && last && !is_blank(rest))
        rc = each(arg, rest, e);
    buf_drop(text, from);
    return rc;
}

static weir_rc read_lines(source *s, batch_line *each, void *arg, err *e)
{
    unpack *some;
    buf text = {.max = BATCH_LINE_MAX};
    bool more = true; /* a full block came: there may be more without any input */
    weir_rc rc = choose(s, &some, e);
    while (!rc && !(s->end && !more)) {
        size_t before = text.len;
        rc = some(s, &text, e);
        if (!rc && !buf_ok(&text))
            rc = text.len + BLOCK > text.max ? broken(s, "a line is too long", e) : err_nomem(e);
        more = text.len - before == BLOCK;
        if (!rc && text.len > before)
            rc = give_lines(&text, before, false, each, arg, e);
        if (!rc && !more)
            rc = refill(s, e);
    }
    if (!rc && s->inside)
        rc = broken(s, "the compressed data stops in the middle", e);
    if (!rc && text.len)
        rc = give_lines(&text, text.len, true, each, arg, e);
    buf_free(&text);
    return rc;
}

/* ---- where ---- */

static void percent_decode(weir_view text, buf *out)
{
    for (; text.len; text = view_from(text, 1)) {
        if (*text.ptr == '%' && text.len > 2 && isxdigit((unsigned char)text.ptr[1]) && isxdigit((unsigned char)text.ptr[2])) {
            const char hex[] = {text.ptr[1], text.ptr[2], 0};
            buf_addc(out, (char)strtol(hex, NULL, 16));
            text = view_from(text, 2);
        } else {
            buf_addc(out, *text.ptr);
        }
    }
}

/* Writers percent-encode paths, or do not: the name as it stands is tried first. */
static weir_rc open_url(weir_view url, buf *path, int *ret_fd, err *e)
{
    weir_view rest = url;
    if (view_starts(rest, VIEW("file://localhost/")))
        rest = view_from(rest, sizeof "file://localhost" - 1);
    else if (view_starts(rest, VIEW("file://")))
        rest = view_from(rest, sizeof "file://" - 1);
    if (!rest.len || *rest.ptr != '/')
        return err_fail(e, WEIR_E_CONFIG, "'%.*s' cannot be read: only file:// is", VIEW_ARG(url));
    buf_addv(path, rest);
    int fd = open(buf_text(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT && memchr(rest.ptr, '%', rest.len)) {
        buf_clear(path);
        percent_decode(rest, path);
        fd = open(buf_text(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }
    if (fd < 0)
        return err_errno(e, errno, "'%s'", buf_text(path));
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *ret_fd = fd;
        return WEIR_OK;
    }
    close(fd);
    return err_fail(e, WEIR_E_PROTOCOL, "'%s' is no regular file", buf_text(path));
}

weir_rc batch_read(weir_view url, weir_view encoding, batch_line *each, void *arg, err *e)
{
    weir_view format = pointer_find(encoding, VIEW("/format"));
    if (format.len && !view_is(format, "null") && !view_is(format, "\"jsonl\""))
        return err_fail(e, WEIR_E_CONFIG, "files of format %.*s cannot be read: only \"jsonl\" are", VIEW_ARG(format));
    buf path = {0};
    source *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(e);
    weir_rc rc = open_url(url, &path, &s->fd, e);
    if (!rc) {
        s->path = buf_text(&path);
        rc = read_lines(s, each, arg, e);
        close(s->fd);
        inflateEnd(&s->gzip);
        ZSTD_freeDCtx(s->zstd);
    }
    buf_free(&path);
    free(s);
    return rc;
}
