/* Encrypted batch files: IV (16 bytes), then AES-256-CBC with PKCS#7 padding (fivetran.md 2.5). CBC does not tell whether the key was right: the padding, and
 * what is read from the bytes, do. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/dynlib.h"
#include "proto/fivetran/batch_read_input.h"

enum { IV_BYTES = 16, CIPHER_BLOCK = 16 };

typedef struct crypto {
    __typeof__(EVP_CIPHER_CTX_new) *EVP_CIPHER_CTX_new;
    __typeof__(EVP_CIPHER_CTX_free) *EVP_CIPHER_CTX_free;
    __typeof__(EVP_aes_256_cbc) *EVP_aes_256_cbc;
    __typeof__(EVP_DecryptInit_ex) *EVP_DecryptInit_ex;
    __typeof__(EVP_DecryptUpdate) *EVP_DecryptUpdate;
    __typeof__(EVP_DecryptFinal_ex) *EVP_DecryptFinal_ex;
} crypto;

#define NEEDS(name) {#name, offsetof(crypto, name)}
static const dynlib_function functions[] = {
    NEEDS(EVP_CIPHER_CTX_new), NEEDS(EVP_CIPHER_CTX_free), NEEDS(EVP_aes_256_cbc), NEEDS(EVP_DecryptInit_ex), NEEDS(EVP_DecryptUpdate), NEEDS(EVP_DecryptFinal_ex),
};
static const dynlib openssl = {"OpenSSL", "libcrypto.so.3", "libssl3", functions, sizeof functions / sizeof *functions};

typedef struct aes_input {
    ft_input input;
    crypto lib;
    EVP_CIPHER_CTX *context;
    unsigned char key[FT_KEY_BYTES];
    bool begun, ended;
    unsigned char cipher[FT_INPUT_BLOCK], plain[FT_INPUT_BLOCK + CIPHER_BLOCK];
    size_t at, len; /* of plain: what was not handed out yet */
} aes_input;

static weir_rc read_iv(aes_input *x, err *e)
{
    unsigned char iv[IV_BYTES];
    for (size_t had = 0, n = 0; had < sizeof iv; had += n) {
        weir_rc rc = x->input.below->read(x->input.below, (char *)iv + had, sizeof iv - had, &n, e);
        if (rc)
            return rc;
        if (!n)
            return err_fail(e, WEIR_E_PROTOCOL, "the file has %zu bytes: an encrypted one begins with 16 bytes of IV", had);
    }
    x->begun = true;
    return x->lib.EVP_DecryptInit_ex(x->context, x->lib.EVP_aes_256_cbc(), NULL, x->key, iv) == 1 ? WEIR_OK
                                                                                                 : err_fail(e, WEIR_E_NOMEM, "OpenSSL cannot decrypt");
}

static weir_rc finish(aes_input *x, err *e)
{
    int n = 0;
    x->ended = true;
    if (x->lib.EVP_DecryptFinal_ex(x->context, x->plain, &n) != 1)
        return err_fail(e, WEIR_E_PROTOCOL, "cannot be decrypted: wrong key, or the file is cut off or damaged");
    x->len = (size_t)n;
    return WEIR_OK;
}

static weir_rc decrypt_block(aes_input *x, err *e)
{
    size_t len = 0;
    int n = 0;
    weir_rc rc = x->begun ? WEIR_OK : read_iv(x, e);
    if (!rc)
        rc = x->input.below->read(x->input.below, (char *)x->cipher, sizeof x->cipher, &len, e);
    x->at = x->len = 0;
    if (rc || !len)
        return rc ? rc : finish(x, e);
    if (x->lib.EVP_DecryptUpdate(x->context, x->plain, &n, x->cipher, (int)len) != 1)
        return err_fail(e, WEIR_E_NOMEM, "OpenSSL cannot decrypt");
    x->len = (size_t)n;
    return WEIR_OK;
}

static weir_rc read_aes(ft_input *i, char *to, size_t cap, size_t *ret_len, err *e)
{
    aes_input *x = (aes_input *)i;
    while (x->at == x->len && !x->ended) {
        weir_rc rc = decrypt_block(x, e);
        if (rc)
            return rc;
    }
    size_t n = x->len - x->at < cap ? x->len - x->at : cap;
    memcpy(to, x->plain + x->at, n);
    x->at += n;
    *ret_len = n;
    return WEIR_OK;
}

static void free_aes(ft_input *i)
{
    aes_input *x = (aes_input *)i;
    if (x->context)
        x->lib.EVP_CIPHER_CTX_free(x->context);
    explicit_bzero(x, sizeof *x);
    free(x);
}

weir_rc ft_input_aes(ft_input *below, weir_view key, ft_input **ret, err *e)
{
    aes_input *x = key.len == FT_KEY_BYTES ? calloc(1, sizeof *x) : NULL;
    weir_rc rc = x                          ? dynlib_load(&openssl, &x->lib, e)
                 : key.len == FT_KEY_BYTES ? err_nomem(e)
                                           : err_fail(e, WEIR_E_PROTOCOL, "its key has %zu bytes, not %d", key.len, FT_KEY_BYTES);
    if (!rc && !(x->context = x->lib.EVP_CIPHER_CTX_new()))
        rc = err_nomem(e);
    if (rc) {
        if (x)
            explicit_bzero(x, sizeof *x);
        free(x);
        ft_input_free(below);
        return rc;
    }
    memcpy(x->key, key.ptr, FT_KEY_BYTES);
    x->input = (ft_input){read_aes, free_aes, below};
    *ret = &x->input;
    return WEIR_OK;
}
