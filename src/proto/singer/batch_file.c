#include "proto/singer/batch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/io.h"
#include "json/write.h"

enum { BLOCK = 64 * 1024, GZIP = 15 + 16 /* window, and the gzip header */, LEVEL = 3 };

typedef enum packing { PLAIN, GZIPPED, ZSTANDARD } packing;

static const struct {
    const char *name, *suffix;
} packings[] = {[PLAIN] = {"none", ""}, [GZIPPED] = {"gzip", ".gz"}, [ZSTANDARD] = {"zstd", ".zst"}};

struct batch_file {
    int fd;
    bool made;
    char *path;
    packing how;
    buf lines;       /* not yet packed */
    z_stream gzip;
    ZSTD_CCtx *zstd;
    uint64_t records;
    int64_t began;
};

static packing packing_of(const singer_batch *s)
{
    for (packing p = PLAIN; s->encoding.compression && p <= ZSTANDARD; p++)
        if (strcmp(s->encoding.compression, packings[p].name) == 0)
            return p;
    return PLAIN;
}

/* ------------------------------------------------------------------------------------------------------------------ place -- */

weir_rc singer_batch_place(batch_place *p, const singer_batch *s, const char *tap, arena *a, err *e)
{
    static const weir_view scheme = WEIR_LIT("file://");
    weir_view root = view_of(s->storage.root);
    *p = (batch_place){.settings = s, .tap = tap};
    if (!view_starts(root, scheme) || root.len == scheme.len)
        return err_fail(e, WEIR_E_CONFIG, "batch_config/storage/root: '%s' is no file:// URL: only files are supported", s->storage.root);
    const char *dir = s->storage.root + scheme.len;
    weir_rc rc = io_make_dirs(dir, e);
    if (rc)
        return err_wrap(e, rc, "batch_config/storage/root");
    char *real = realpath(dir, NULL);
    p->dir = real ? arena_text(a, view_of(real)) : NULL;
    free(real);
    return p->dir ? WEIR_OK : err_errno(e, errno, "batch_config/storage/root: '%s'", dir);
}

/* Names of streams may hold anything. */
static void add_name(buf *out, weir_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' || c == '.';
        buf_addc(out, plain ? (char)c : '_');
    }
}

static bool add_uuid(buf *out)
{
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return false;
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof b; i++)
        buf_printf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
    return true;
}

/* ------------------------------------------------------------------------------------------------------------------- file -- */

static void release(batch_file *f)
{
    if (f->how == GZIPPED)
        deflateEnd(&f->gzip);
    ZSTD_freeCCtx(f->zstd);
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    buf_free(&f->lines);
    free(f);
}

static weir_rc begin_packing(batch_file *f, packing how, err *e)
{
    if (how == GZIPPED && deflateInit2(&f->gzip, LEVEL, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return err_nomem(e);
    if (how == ZSTANDARD && !(f->zstd = ZSTD_createCCtx()))
        return err_nomem(e);
    f->how = how;
    return WEIR_OK;
}

weir_rc singer_batch_open(batch_file **ret, const batch_place *p, weir_view stream, uint64_t n, err *e)
{
    batch_file *f = calloc(1, sizeof *f);
    buf path = {0};
    if (!f)
        return err_nomem(e);
    packing how = packing_of(p->settings);
    f->fd = -1;
    f->began = clock_ms();
    buf_printf(&path, "%s/", p->dir);
    add_name(&path, view_of(p->settings->storage.prefix));
    add_name(&path, view_of(p->tap));
    buf_adds(&path, "--");
    add_name(&path, stream.len > 100 ? (weir_view){stream.ptr, 100} : stream);
    buf_addc(&path, '-');
    bool random = add_uuid(&path);
    buf_printf(&path, "-%llu.json%s", (unsigned long long)n, packings[how].suffix);
    f->path = buf_ok(&path) ? strdup(buf_text(&path)) : NULL;
    buf_free(&path);
    weir_rc rc = f->path && random ? WEIR_OK : err_nomem(e);
    if (!rc) {
        f->fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        f->made = f->fd >= 0;
        rc = f->made ? WEIR_OK : err_errno(e, errno, "create '%s'", f->path);
    }
    if (!rc)
        rc = begin_packing(f, how, e);
    if (rc)
        singer_batch_discard(f);
    else
        *ret = f;
    return rc;
}

static weir_rc put(batch_file *f, const char *bytes, size_t len, err *e)
{
    return len ? io_write(f->fd, (weir_view){bytes, len}, f->path, e) : WEIR_OK;
}

static weir_rc put_gzip(batch_file *f, bool last, err *e)
{
    char room[BLOCK];
    weir_rc rc = WEIR_OK;
    f->gzip.next_in = (Bytef *)f->lines.ptr;
    f->gzip.avail_in = (uInt)f->lines.len;
    for (bool more = true; more && !rc;) {
        f->gzip.next_out = (Bytef *)room;
        f->gzip.avail_out = sizeof room;
        int said = deflate(&f->gzip, last ? Z_FINISH : Z_NO_FLUSH);
        if (said == Z_STREAM_ERROR)
            return err_fail(e, WEIR_E_BUG, "gzip: an error while packing '%s'", f->path);
        rc = put(f, room, sizeof room - f->gzip.avail_out, e);
        more = last ? said != Z_STREAM_END : f->gzip.avail_in || !f->gzip.avail_out;
    }
    return rc;
}

static weir_rc put_zstd(batch_file *f, bool last, err *e)
{
    char room[BLOCK];
    ZSTD_inBuffer in = {f->lines.ptr, f->lines.len, 0};
    weir_rc rc = WEIR_OK;
    for (bool more = true; more && !rc;) {
        ZSTD_outBuffer out = {room, sizeof room, 0};
        size_t left = ZSTD_compressStream2(f->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return err_fail(e, WEIR_E_NOMEM, "zstd: %s", ZSTD_getErrorName(left));
        rc = put(f, room, out.pos, e);
        more = last ? left != 0 : in.pos < in.size;
    }
    return rc;
}

static weir_rc pack(batch_file *f, bool last, err *e)
{
    weir_rc rc = !buf_ok(&f->lines)     ? err_nomem(e)
                 : f->how == GZIPPED    ? put_gzip(f, last, e)
                 : f->how == ZSTANDARD  ? put_zstd(f, last, e)
                                        : put(f, f->lines.ptr, f->lines.len, e);
    buf_clear(&f->lines);
    return rc == WEIR_STOPPED ? err_fail(e, WEIR_E_REMOTE, "%s: nobody reads it", f->path) : rc;
}

weir_rc singer_batch_add(batch_file *f, weir_view record, err *e)
{
    buf_addv(&f->lines, record);
    buf_addc(&f->lines, '\n');
    f->records++;
    return f->lines.len >= BLOCK || !buf_ok(&f->lines) ? pack(f, false, e) : WEIR_OK;
}

uint64_t singer_batch_records(const batch_file *f) { return f->records; }
int64_t singer_batch_began(const batch_file *f) { return f->began; }

static void put_message(const batch_file *f, weir_view stream, buf *out)
{
    buf url = {0};
    buf_printf(&url, "file://%s", f->path);
    buf_adds(out, "{\"type\":\"BATCH\",\"stream\":");
    json_quote_lossy(out, stream);
    buf_printf(out, ",\"encoding\":{\"format\":\"jsonl\",\"compression\":\"%s\"},\"manifest\":[", packings[f->how].name);
    json_quote_lossy(out, buf_view(&url));
    buf_adds(out, "]}\n");
    out->failed |= url.failed;
    buf_free(&url);
}

weir_rc singer_batch_close(batch_file *f, const batch_place *p, weir_view stream, buf *out, err *e)
{
    weir_rc rc = pack(f, true, e);
    if (!rc && fsync(f->fd))
        rc = err_errno(e, errno, "fsync '%s'", f->path);
    int fd = f->fd;
    f->fd = -1;
    if (close(fd) && !rc)
        rc = err_errno(e, errno, "close '%s'", f->path);
    if (!rc)
        rc = io_sync_dir(p->dir, e);
    if (rc) {
        singer_batch_discard(f);
        return err_wrap(e, rc, "batch of '%.*s'", VIEW_ARG(stream));
    }
    put_message(f, stream, out);
    release(f);
    return WEIR_OK;
}

void singer_batch_discard(batch_file *f)
{
    if (!f)
        return;
    if (f->made)
        unlink(f->path);
    release(f);
}
