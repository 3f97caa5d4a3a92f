/* dynlib.h - a shared library that is loaded when it is first needed, as a table of its functions.
 *
 *     typedef struct crypto { __typeof__(RAND_bytes) *RAND_bytes; ... } crypto;
 *     static const dynlib_function functions[] = {{"RAND_bytes", offsetof(crypto, RAND_bytes)}, ...};
 *     static const dynlib openssl = {"OpenSSL", "libcrypto.so.3", "libssl3", functions, sizeof functions / sizeof *functions};
 *     crypto c;
 *     if (dynlib_load(&openssl, &c, e)) ...
 *
 * The table belongs to whoever asks (a server, a file that is decrypted): nothing is global. Loading again costs what looking up the names costs,
 * microseconds. A library that was loaded stays until the process ends: those worth loading late start threads and leave destructors behind.
 * From any thread. Name only functions, and those by the declarations of the library's own header, so that the compiler checks every call.
 */
#ifndef WEIR_BASE_DYNLIB_H
#define WEIR_BASE_DYNLIB_H

#include "base/err.h"

typedef struct dynlib_function {
    const char *name;
    size_t offset; /* of its pointer in the table */
} dynlib_function;

typedef struct dynlib {
    const char *what;    /* "gRPC" */
    const char *file;    /* "libgrpc.so.29": with the version whose headers we were built with */
    const char *package; /* Debian's, for who has to install it: "libgrpc29" */
    const dynlib_function *functions;
    size_t count;
} dynlib;

/** Fills the table. @return WEIR_E_CONFIG: it is not installed, or lacks one of the functions; the table is then not to be used */
weir_rc dynlib_load(const dynlib *l, void *table, err *e);

#endif
