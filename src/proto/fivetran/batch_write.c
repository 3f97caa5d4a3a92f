#include "proto/fivetran/batch_write.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>
#include <zstd.h>

#include "base/dynlib.h"
#include "base/io.h"
#include "proto/fivetran/parquet.h"

enum {
    IV_BYTES = 16,
    BLOCK_BYTES = 16,
    GATHER = 64 * 1024,
    LEVEL = 1,
    WINDOW_LOG = 19,  /* 512 KiB, as the vendor's files have (fivetran.md 2.5) */
    QUOTED_FROM = 24  /* longer texts are quoted, as in the vendor's files */
};

typedef struct crypto {
    __typeof__(EVP_CIPHER_CTX_new) *EVP_CIPHER_CTX_new;
    __typeof__(EVP_CIPHER_CTX_free) *EVP_CIPHER_CTX_free;
    __typeof__(EVP_aes_256_cbc) *EVP_aes_256_cbc;
    __typeof__(EVP_EncryptInit_ex) *EVP_EncryptInit_ex;
    __typeof__(EVP_EncryptUpdate) *EVP_EncryptUpdate;
    __typeof__(EVP_EncryptFinal_ex) *EVP_EncryptFinal_ex;
    __typeof__(EVP_Digest) *EVP_Digest;
    __typeof__(EVP_sha256) *EVP_sha256;
} crypto;

#define FUNCTION(name) {#name, offsetof(crypto, name)}
static const dynlib_function functions[] = {
    FUNCTION(EVP_CIPHER_CTX_new), FUNCTION(EVP_CIPHER_CTX_free), FUNCTION(EVP_aes_256_cbc),
    FUNCTION(EVP_EncryptInit_ex), FUNCTION(EVP_EncryptUpdate),   FUNCTION(EVP_EncryptFinal_ex),
    FUNCTION(EVP_Digest),         FUNCTION(EVP_sha256),
};
static const dynlib openssl = {"OpenSSL", "libcrypto.so.3", "libssl3", functions, sizeof functions / sizeof *functions};

struct ft_batch_file {
    size_t columns;
    ft_batch_options options;
    char *path;
    int fd;
    crypto api;
    EVP_CIPHER_CTX *cipher; /* NULL: nothing is encrypted */
    ZSTD_CCtx *zstd;        /* NULL: nothing is compressed */
    ft_parquet_file *parquet; /* NULL: it is CSV */
    unsigned char key[FT_KEY_BYTES];
    buf text, packed, sealed; /* on their way: CSV, compressed, encrypted */
    uint64_t size;
};

weir_rc ft_random(void *bytes, size_t len, err *e)
{
    char *to = bytes;
    while (len) {
        ssize_t n = getrandom(to, len < 256 ? len : 256, 0);
        if (n < 0)
            return err_errno(e, errno, "random bytes");
        to += n;
        len -= (size_t)n;
    }
    return WEIR_OK;
}

weir_rc ft_digest(weir_view bytes, char ret[FT_DIGEST_TEXT], err *e)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    crypto api;
    weir_rc rc = dynlib_load(&openssl, &api, e);
    if (rc)
        return rc;
    if (api.EVP_Digest(bytes.ptr, bytes.len, digest, &len, api.EVP_sha256(), NULL) != 1 || 2 * len >= FT_DIGEST_TEXT)
        return err_fail(e, WEIR_E_BUG, "SHA-256: OpenSSL refuses");
    for (unsigned i = 0; i < len; i++) {
        ret[2 * i] = digits[digest[i] >> 4];
        ret[2 * i + 1] = digits[digest[i] & 15];
    }
    ret[2 * len] = '\0';
    return WEIR_OK;
}

static void free_file(ft_batch_file *f)
{
    if (f->cipher)
        f->api.EVP_CIPHER_CTX_free(f->cipher);
    ZSTD_freeCCtx(f->zstd);
    ft_parquet_drop(f->parquet);
    explicit_bzero(f->key, sizeof f->key);
    buf_wipe(&f->text);
    buf_wipe(&f->packed);
    buf_free(&f->sealed);
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f);
}

void ft_batch_abort(ft_batch_file *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        unlink(f->path);
    free_file(f);
}

/* ---- layers ---- */

static weir_rc put(ft_batch_file *f, buf *bytes, err *e)
{
    weir_rc rc = buf_ok(bytes) ? io_write(f->fd, buf_view(bytes), f->path, e) : err_nomem(e);
    f->size += bytes->len;
    buf_clear(bytes);
    return rc;
}

static weir_rc failed(err *e) { return err_fail(e, WEIR_E_BUG, "AES-256-CBC: OpenSSL refuses"); }

/* What stands in `from`, encrypted. */
static weir_rc encrypt(ft_batch_file *f, buf *from, bool last, err *e)
{
    if (!f->cipher)
        return put(f, from, e);
    int got = 0;
    if (!buf_ok(from) || !buf_reserve(&f->sealed, from->len + 2 * BLOCK_BYTES))
        return err_nomem(e);
    for (size_t at = 0; at < from->len;) {
        size_t n = from->len - at < (1u << 30) ? from->len - at : 1u << 30;
        unsigned char *to = (unsigned char *)f->sealed.ptr + f->sealed.len;
        if (f->api.EVP_EncryptUpdate(f->cipher, to, &got, (const unsigned char *)from->ptr + at, (int)n) != 1)
            return failed(e);
        f->sealed.len += (size_t)got;
        at += n;
    }
    explicit_bzero(from->ptr, from->len);
    buf_clear(from);
    if (last) {
        if (f->api.EVP_EncryptFinal_ex(f->cipher, (unsigned char *)f->sealed.ptr + f->sealed.len, &got) != 1)
            return failed(e);
        f->sealed.len += (size_t)got;
    }
    return put(f, &f->sealed, e);
}

/* What stands in f->text, further. */
static weir_rc pass_on(ft_batch_file *f, bool last, err *e)
{
    if (!buf_ok(&f->text))
        return err_nomem(e);
    if (!f->zstd)
        return encrypt(f, &f->text, last, e);
    ZSTD_inBuffer in = {f->text.ptr ? f->text.ptr : "", f->text.len, 0};
    for (;;) {
        if (!buf_reserve(&f->packed, ZSTD_CStreamOutSize()))
            return err_nomem(e);
        ZSTD_outBuffer out = {f->packed.ptr + f->packed.len, ZSTD_CStreamOutSize(), 0};
        size_t left = ZSTD_compressStream2(f->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return err_fail(e, WEIR_E_NOMEM, "zstd: %s", ZSTD_getErrorName(left));
        f->packed.len += out.pos;
        if (last ? left == 0 : in.pos == in.size)
            break;
    }
    buf_clear(&f->text);
    return last || f->packed.len >= GATHER ? encrypt(f, &f->packed, last, e) : WEIR_OK;
}

/* ---- CSV ---- */

/* Quotes mean nothing to a reader (fivetran.md 2.5), but what has a special byte needs them. */
static bool needs_quotes(weir_view v)
{
    if (v.len > QUOTED_FROM)
        return true;
    for (size_t i = 0; i < v.len; i++)
        if ((unsigned char)v.ptr[i] <= ',')
            return true;
    return false;
}

static void put_text(buf *out, weir_view v)
{
    if (!needs_quotes(v)) {
        buf_addv(out, v);
        return;
    }
    buf_addc(out, '"');
    while (v.len) {
        const char *quote = memchr(v.ptr, '"', v.len);
        size_t n = quote ? (size_t)(quote - v.ptr) + 1 : v.len;
        buf_add(out, v.ptr, n);
        if (quote)
            buf_addc(out, '"');
        v = view_from(v, n);
    }
    buf_addc(out, '"');
}

weir_rc ft_batch_row(ft_batch_file *f, const ft_cell *cells, err *e)
{
    if (f->parquet)
        return ft_parquet_row(f->parquet, cells, e);
    for (size_t i = 0; i < f->columns; i++) {
        if (i)
            buf_addc(&f->text, ',');
        if (cells[i].kind == FT_CELL_NULL)
            buf_adds(&f->text, f->options.null_string);
        else
            put_text(&f->text, cells[i].kind == FT_CELL_UNMODIFIED ? view_of(f->options.unmodified_string) : cells[i].text);
    }
    buf_addc(&f->text, '\n');
    return f->text.len >= GATHER ? pass_on(f, false, e) : buf_ok(&f->text) ? WEIR_OK : err_nomem(e);
}

/* ---- files ---- */

static weir_rc begin_zstd(ft_batch_file *f, err *e)
{
    f->zstd = ZSTD_createCCtx();
    if (!f->zstd)
        return err_nomem(e);
    size_t bad = ZSTD_CCtx_setParameter(f->zstd, ZSTD_c_compressionLevel, LEVEL);
    if (!ZSTD_isError(bad))
        bad = ZSTD_CCtx_setParameter(f->zstd, ZSTD_c_windowLog, WINDOW_LOG);
    if (!ZSTD_isError(bad))
        bad = ZSTD_CCtx_setParameter(f->zstd, ZSTD_c_contentSizeFlag, 0);
    return ZSTD_isError(bad) ? err_fail(e, WEIR_E_BUG, "zstd: %s", ZSTD_getErrorName(bad)) : WEIR_OK;
}

/* The initial vector stands before the file, and the key is for this file alone. */
static weir_rc begin_aes(ft_batch_file *f, err *e)
{
    unsigned char iv[IV_BYTES];
    weir_rc rc = dynlib_load(&openssl, &f->api, e);
    if (!rc)
        rc = ft_random(iv, sizeof iv, e);
    if (!rc)
        rc = ft_random(f->key, sizeof f->key, e);
    if (rc)
        return rc;
    f->cipher = f->api.EVP_CIPHER_CTX_new();
    if (!f->cipher)
        return err_nomem(e);
    if (f->api.EVP_EncryptInit_ex(f->cipher, f->api.EVP_aes_256_cbc(), NULL, f->key, iv) != 1)
        return failed(e);
    buf_add(&f->sealed, iv, sizeof iv);
    return buf_ok(&f->sealed) ? WEIR_OK : err_nomem(e);
}

static void put_header(ft_batch_file *f, const ft_table *columns)
{
    for (size_t i = 0; i < columns->count; i++) {
        if (i)
            buf_addc(&f->text, ',');
        put_text(&f->text, columns->columns[i].name);
    }
    buf_addc(&f->text, '\n');
}

weir_rc ft_batch_open(ft_batch_file **ret, const char *path, const ft_table *columns, const ft_batch_options *o, err *e)
{
    ft_batch_file *f = calloc(1, sizeof *f);
    if (!f)
        return err_nomem(e);
    *f = (ft_batch_file){.options = *o, .columns = columns->count, .fd = -1, .path = strdup(path)};
    weir_rc rc = f->path ? WEIR_OK : err_nomem(e);
    if (!rc && o->zstd)
        rc = begin_zstd(f, e);
    if (!rc && o->aes)
        rc = begin_aes(f, e);
    if (!rc) {
        f->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        rc = f->fd >= 0 ? WEIR_OK : err_errno(e, errno, "create '%s'", path);
    }
    if (!rc && o->parquet)
        rc = ft_parquet_begin(&f->parquet, columns, o->unmodified_string, e);
    else
        put_header(f, columns);
    if (!rc && !buf_ok(&f->text))
        rc = err_nomem(e);
    if (rc)
        ft_batch_abort(f);
    else
        *ret = f;
    return rc;
}

uint64_t ft_batch_size(const ft_batch_file *f) { return f->parquet ? ft_parquet_size(f->parquet) : f->size + f->text.len + f->packed.len; }

/* Parquet is written when all rows are known. */
static weir_rc pass_parquet(ft_batch_file *f, err *e)
{
    int fd;
    weir_rc rc = ft_parquet_finish(f->parquet, &fd, e);
    if (rc)
        return rc;
    for (ssize_t n = 1; !rc && n > 0;) {
        n = buf_reserve(&f->text, GATHER) ? read(fd, f->text.ptr + f->text.len, GATHER) : 0;
        if (n < 0)
            rc = err_errno(e, errno, "read a file in memory");
        f->text.len += n > 0 ? (size_t)n : 0;
        if (!rc && n)
            rc = pass_on(f, false, e);
    }
    close(fd);
    return rc;
}

weir_rc ft_batch_close(ft_batch_file *f, unsigned char ret_key[FT_KEY_BYTES], err *e)
{
    weir_rc rc = f->parquet ? pass_parquet(f, e) : WEIR_OK;
    if (!rc)
        rc = pass_on(f, true, e);
    if (rc) {
        ft_batch_abort(f);
        return rc;
    }
    memcpy(ret_key, f->key, FT_KEY_BYTES);
    free_file(f);
    return WEIR_OK;
}
