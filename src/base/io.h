/* io.h - reading and writing file descriptors and small files, with EINTR, short writes and limits dealt with once. */
#ifndef WEIR_BASE_IO_H
#define WEIR_BASE_IO_H

#include <sys/uio.h>

#include "base/err.h"

/** Writes all of it. EPIPE becomes WEIR_STOPPED ("nobody reads"): callers ignore SIGPIPE. `what` names the target in errors. */
weir_rc io_write(int fd, weir_view bytes, const char *what, err *e);
/** The same for several pieces; the array is used up. */
weir_rc io_writev(int fd, struct iovec *iov, size_t count, const char *what, err *e);

/** Descriptors 0, 1 and 2 that are closed are opened on nothing: 0 is at its end, 1 and 2 cannot be written. Otherwise the first file
 *  opened would become one of them. For the beginning of a program. */
void io_open_standard(void);

/** Reads a whole file, up to max bytes (0: no limit). */
weir_rc io_read_file(const char *path, size_t max, buf *out, err *e);
/** Replaces a file: the old content or the new one is there, whatever happens (temporary file, fsync, rename, fsync of the folder).
 *  It keeps its rights; of a symbolic link the target is replaced. */
weir_rc io_replace_file(const char *path, weir_view bytes, err *e);
/** fsync of a folder, so that names in it survive. */
weir_rc io_sync_dir(const char *path, err *e);
/** Makes a folder and those above it; fine if it is there. */
weir_rc io_make_dirs(const char *path, err *e);

/** A block reader: the bytes not yet taken stay in one piece, however long they are, up to max. */
typedef struct io_reader {
    int fd;
    buf bytes;
    size_t max;        /* limit of one line or message; 0: none */
    size_t at;         /* start of what was not yet taken */
    size_t searched;   /* bytes from at known to hold no newline */
    bool eof;
    bool open_end;     /* the last line may lack its newline; false: that is an error */
    const char *what;  /* names the source in errors: "stdin", "the connector's stdout" */
    uint64_t taken;    /* bytes taken since the start, for positions in errors */
} io_reader;

enum { IO_BLOCK = 256 * 1024 };

void io_reader_init(io_reader *r, int fd, size_t max, const char *what);
void io_reader_free(io_reader *r);

/** The next line without its \n, good until the next call.
 *  @return WEIR_OK with *ret_more true and the line; *ret_more false at the end of input. A last line without \n is WEIR_E_PROTOCOL
 *  (flow 1.1: end inside a message) unless open_end; a line longer than max is WEIR_E_PROTOCOL naming the limit. */
weir_rc io_reader_line(io_reader *r, weir_view *ret_line, bool *ret_more, err *e);
/** The next `len` bytes in one piece, good until the next call. At the end of input with nothing left *ret_more is false; with less
 * than len, or len over max, WEIR_E_PROTOCOL. */
weir_rc io_reader_bytes(io_reader *r, size_t len, weir_view *ret_bytes, bool *ret_more, err *e);
/** The next `len` bytes, or fewer at the end of input, without taking them. */
weir_rc io_reader_peek(io_reader *r, size_t len, weir_view *ret_bytes, err *e);
/** Reads once, whatever is there; *ret_more is false at the end of input. For those who poll: take what is there before filling
 * again, for more than max untaken bytes are WEIR_E_PROTOCOL. Views given out before are void. */
weir_rc io_reader_fill(io_reader *r, bool *ret_more, err *e);
/** Are there bytes that can be had without reading? Tells a caller when it is about to wait. */
bool io_reader_has_line(io_reader *r);

#endif
