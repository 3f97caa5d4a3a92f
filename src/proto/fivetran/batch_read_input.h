/* batch_read_input.h - a batch file as a stream of bytes, layer on layer (fivetran.md 2.5): file, decryption, decompression. Nothing is kept but a block of
 * each, and nothing is written anywhere. */
#ifndef WEIR_PROTO_FIVETRAN_BATCH_READ_INPUT_H
#define WEIR_PROTO_FIVETRAN_BATCH_READ_INPUT_H

#include "base/err.h"

typedef struct ft_input ft_input;
struct ft_input {
    /* Up to cap bytes (cap > 0); *ret_len is 0 at the end only. */
    weir_rc (*read)(ft_input *, char *to, size_t cap, size_t *ret_len, err *e);
    void (*free)(ft_input *); /* this one only */
    ft_input *below;          /* owned; NULL: none */
};

enum { FT_KEY_BYTES = 32, FT_INPUT_BLOCK = 64 << 10 };

/* Each takes `below` over, also where it fails (it is freed then). */

/** WEIR_E_CONFIG: it cannot be opened. */
weir_rc ft_input_file(const char *path, ft_input **ret, err *e);
/** 16 bytes of IV, then AES-256-CBC with PKCS#7 padding (crypt.c). OpenSSL is loaded now. WEIR_E_PROTOCOL: a key that is not 32 bytes. */
weir_rc ft_input_aes(ft_input *below, weir_view key, ft_input **ret, err *e);
weir_rc ft_input_zstd(ft_input *below, ft_input **ret, err *e);
weir_rc ft_input_gzip(ft_input *below, ft_input **ret, err *e);
/** With all below it; accepts NULL. */
void ft_input_free(ft_input *i);

#endif
