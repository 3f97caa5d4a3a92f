#include "proto/fivetran/batch_read_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

void ft_input_free(ft_input *i)
{
    while (i) {
        ft_input *below = i->below;
        i->free(i);
        i = below;
    }
}

/* ------------------------------------------------------------------------------------------------------------------ file -- */

typedef struct file_input {
    ft_input input;
    int fd;
} file_input;

static weir_rc read_file(ft_input *i, char *to, size_t cap, size_t *ret_len, err *e)
{
    file_input *f = (file_input *)i;
    ssize_t n;
    do
        n = read(f->fd, to, cap);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_errno(e, errno, "read");
    *ret_len = (size_t)n;
    return WEIR_OK;
}

static void free_file(ft_input *i)
{
    close(((file_input *)i)->fd);
    free(i);
}

weir_rc ft_input_file(const char *path, ft_input **ret, err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_fail(e, errno == EMFILE || errno == ENFILE ? WEIR_E_NOMEM : WEIR_E_CONFIG, "open: %s", strerror(errno));
    if (fstat(fd, &st) || S_ISDIR(st.st_mode)) {
        close(fd);
        return err_fail(e, WEIR_E_CONFIG, "open: it is no file");
    }
    file_input *f = calloc(1, sizeof *f);
    if (!f) {
        close(fd);
        return err_nomem(e);
    }
    *f = (file_input){.input = {.read = read_file, .free = free_file}, .fd = fd};
    *ret = &f->input;
    return WEIR_OK;
}

/* ------------------------------------------------------------------------------------------------------------------ zstd -- */

typedef struct zstd_input {
    ft_input input;
    ZSTD_DStream *stream;
    ZSTD_inBuffer in;
    bool ended;   /* nothing more below */
    bool inside;  /* of a frame */
    bool begun;   /* something has come out: this is zstd */
    char block[FT_INPUT_BLOCK];
} zstd_input;

static weir_rc refill_zstd(zstd_input *z, err *e)
{
    size_t len = 0;
    weir_rc rc = z->input.below->read(z->input.below, z->block, sizeof z->block, &len, e);
    z->in = (ZSTD_inBuffer){z->block, len, 0};
    z->ended = !rc && !len;
    return rc;
}

static weir_rc zstd_fault(const zstd_input *z, size_t code, err *e)
{
    return err_fail(e, WEIR_E_PROTOCOL, z->begun ? "damaged zstd data: %s" : "no zstd data (or a wrong key): %s", ZSTD_getErrorName(code));
}

static weir_rc read_zstd(ft_input *i, char *to, size_t cap, size_t *ret_len, err *e)
{
    zstd_input *z = (zstd_input *)i;
    ZSTD_outBuffer out = {to, cap, 0};
    while (!out.pos) {
        if (z->in.pos == z->in.size && !z->ended) {
            weir_rc rc = refill_zstd(z, e);
            if (rc)
                return rc;
        }
        bool dry = z->in.pos == z->in.size;
        if (dry && !z->inside)
            break;
        size_t hint = ZSTD_decompressStream(z->stream, &out, &z->in);
        if (ZSTD_isError(hint))
            return zstd_fault(z, hint, e);
        z->inside = hint != 0;
        z->begun |= out.pos > 0 || !z->inside;
        if (dry && !out.pos && z->inside)
            return err_fail(e, WEIR_E_PROTOCOL, "the file ends in the middle of its zstd data");
    }
    *ret_len = out.pos;
    return z->begun ? WEIR_OK : err_fail(e, WEIR_E_PROTOCOL, "the file is empty: there is no zstd data");
}

static void free_zstd(ft_input *i)
{
    ZSTD_freeDStream(((zstd_input *)i)->stream);
    free(i);
}

weir_rc ft_input_zstd(ft_input *below, ft_input **ret, err *e)
{
    zstd_input *z = calloc(1, sizeof *z);
    ZSTD_DStream *stream = z ? ZSTD_createDStream() : NULL;
    if (!stream) {
        free(z);
        ft_input_free(below);
        return err_nomem(e);
    }
    z->input = (ft_input){read_zstd, free_zstd, below};
    z->stream = stream;
    *ret = &z->input;
    return WEIR_OK;
}

/* ------------------------------------------------------------------------------------------------------------------ gzip -- */

typedef struct gzip_input {
    ft_input input;
    z_stream stream;
    bool ended, inside, begun;
    char block[FT_INPUT_BLOCK];
} gzip_input;

static weir_rc refill_gzip(gzip_input *z, err *e)
{
    size_t len = 0;
    weir_rc rc = z->input.below->read(z->input.below, z->block, sizeof z->block, &len, e);
    z->stream.next_in = (unsigned char *)z->block;
    z->stream.avail_in = (unsigned)len;
    z->ended = !rc && !len;
    return rc;
}

static weir_rc gzip_fault(const gzip_input *z, int code, err *e)
{
    if (code == Z_MEM_ERROR)
        return err_nomem(e);
    return err_fail(e, WEIR_E_PROTOCOL, z->begun ? "damaged gzip data: %s" : "no gzip data (or a wrong key): %s", z->stream.msg ? z->stream.msg : "?");
}

static weir_rc read_gzip(ft_input *i, char *to, size_t cap, size_t *ret_len, err *e)
{
    gzip_input *z = (gzip_input *)i;
    z->stream.next_out = (unsigned char *)to;
    z->stream.avail_out = (unsigned)(cap < INT32_MAX ? cap : INT32_MAX);
    const unsigned room = z->stream.avail_out;
    while (z->stream.avail_out == room) {
        if (!z->stream.avail_in && !z->ended) {
            weir_rc rc = refill_gzip(z, e);
            if (rc)
                return rc;
        }
        if (!z->stream.avail_in && !z->inside)
            break;
        z->inside = true;
        int code = inflate(&z->stream, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return gzip_fault(z, code, e);
        z->begun |= z->stream.avail_out < room || code == Z_STREAM_END;
        if (code == Z_STREAM_END) { /* another member may follow */
            inflateReset(&z->stream);
            z->inside = false;
        } else if (z->ended && z->stream.avail_out == room) {
            return err_fail(e, WEIR_E_PROTOCOL, "the file ends in the middle of its gzip data");
        }
    }
    *ret_len = room - z->stream.avail_out;
    return z->begun ? WEIR_OK : err_fail(e, WEIR_E_PROTOCOL, "the file is empty: there is no gzip data");
}

static void free_gzip(ft_input *i)
{
    inflateEnd(&((gzip_input *)i)->stream);
    free(i);
}

weir_rc ft_input_gzip(ft_input *below, ft_input **ret, err *e)
{
    enum { GZIP_ONLY = 15 + 16 };
    gzip_input *z = calloc(1, sizeof *z);
    if (!z || inflateInit2(&z->stream, GZIP_ONLY) != Z_OK) {
        free(z);
        ft_input_free(below);
        return err_nomem(e);
    }
    z->input = (ft_input){read_gzip, free_gzip, below};
    *ret = &z->input;
    return WEIR_OK;
}
