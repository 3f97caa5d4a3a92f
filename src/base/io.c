#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

/* A descriptor may have been made non-blocking by whoever shares it with us: then wait here. @return false if errno is another. */
static bool try_again(int fd, short events)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        struct pollfd p = {fd, events, 0};
        return poll(&p, 1, -1) >= 0 || errno == EINTR;
    }
    return errno == EINTR;
}

static weir_rc write_failed(const char *what, err *e)
{
    return errno == EPIPE ? err_fail(e, WEIR_STOPPED, "nobody reads %s", what) : err_errno(e, errno, "writing %s", what);
}

weir_rc io_write(int fd, weir_view bytes, const char *what, err *e)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len < SSIZE_MAX ? bytes.len : SSIZE_MAX);
        if (n >= 0)
            bytes = view_from(bytes, (size_t)n);
        else if (!try_again(fd, POLLOUT))
            return write_failed(what, e);
    }
    return WEIR_OK;
}

/* Steps over the n bytes that are written. @return the first piece that has something left */
static size_t advance(struct iovec *iov, size_t first, size_t count, size_t n)
{
    while (first < count && n >= iov[first].iov_len)
        n -= iov[first++].iov_len;
    if (n) {
        iov[first].iov_base = (char *)iov[first].iov_base + n;
        iov[first].iov_len -= n;
    }
    return first;
}

weir_rc io_writev(int fd, struct iovec *iov, size_t count, const char *what, err *e)
{
    size_t first = advance(iov, 0, count, 0);
    while (first < count) {
        size_t pieces = count - first < IOV_MAX ? count - first : IOV_MAX;
        ssize_t n = writev(fd, iov + first, (int)pieces);
        if (n >= 0)
            first = advance(iov, first, count, (size_t)n);
        else if (!try_again(fd, POLLOUT))
            return write_failed(what, e);
    }
    return WEIR_OK;
}

void io_open_standard(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) < 0)
            return;
}

/* ------------------------------------------------------------------------------------------------------- block reader -- */

enum { TAIL_MIN = IO_BLOCK / 4 }; /* less room than this is not worth a read(2) */

void io_reader_init(io_reader *r, int fd, size_t max, const char *what)
{
    *r = (io_reader){.fd = fd, .max = max, .what = what};
}

void io_reader_free(io_reader *r)
{
    buf_free(&r->bytes);
    r->at = r->searched = 0;
}

static size_t left(const io_reader *r)
{
    return r->bytes.len - r->at;
}

static weir_view untaken(const io_reader *r, size_t len)
{
    return (weir_view){r->bytes.ptr ? r->bytes.ptr + r->at : NULL, len};
}

static weir_rc too_long(const io_reader *r, const char *unit, err *e)
{
    return err_fail(e, WEIR_E_PROTOCOL, "%s: a %s at byte %llu is longer than the %zu bytes allowed", r->what, unit,
                    (unsigned long long)r->taken, r->max);
}

/* Bytes move only when the tail is reached, and then only those that are not yet taken: each of them once. */
static weir_rc make_room(io_reader *r, err *e)
{
    if (r->at == r->bytes.len)
        r->at = r->bytes.len = 0;
    if (r->bytes.cap - r->bytes.len >= TAIL_MIN)
        return WEIR_OK;
    if (r->at) {
        buf_drop(&r->bytes, r->at);
        r->at = 0;
    }
    if (r->bytes.cap - r->bytes.len >= TAIL_MIN)
        return WEIR_OK;
    if (r->max && r->bytes.len > r->max)
        return too_long(r, "message", e);
    if (!buf_reserve(&r->bytes, r->bytes.len > IO_BLOCK ? TAIL_MIN : IO_BLOCK)) {
        r->bytes.failed = false; /* what is there is still good */
        return err_wrap(e, err_nomem(e), "reading %s", r->what);
    }
    return WEIR_OK;
}

weir_rc io_reader_fill(io_reader *r, bool *ret_more, err *e)
{
    if (!r->eof) {
        weir_rc rc = make_room(r, e);
        if (rc)
            return rc;
        buf *b = &r->bytes;
        ssize_t n;
        do
            n = read(r->fd, b->ptr + b->len, b->cap - b->len);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return err_errno(e, errno, "reading %s", r->what);
        r->eof = n == 0;
        b->len += n > 0 ? (size_t)n : 0;
    }
    *ret_more = !r->eof;
    return WEIR_OK;
}

/* Reads until there is more than before. *ret_more is false at the end of input. */
static weir_rc read_on(io_reader *r, bool *ret_more, err *e)
{
    size_t before = left(r);
    for (;;) {
        weir_rc rc = io_reader_fill(r, ret_more, e);
        if (rc || !*ret_more || left(r) > before)
            return rc;
        errno = EAGAIN;
        if (!try_again(r->fd, POLLIN))
            return err_errno(e, errno, "waiting for %s", r->what);
    }
}

static weir_view take(io_reader *r, size_t len, size_t with)
{
    weir_view v = untaken(r, len);
    r->at += with;
    r->taken += with;
    r->searched = 0;
    return v;
}

static const char *find_newline(io_reader *r)
{
    size_t rest = left(r) - r->searched;
    const char *nl = rest ? memchr(r->bytes.ptr + r->at + r->searched, '\n', rest) : NULL;
    r->searched = nl ? (size_t)(nl - r->bytes.ptr) - r->at : left(r);
    return nl;
}

weir_rc io_reader_line(io_reader *r, weir_view *ret_line, bool *ret_more, err *e)
{
    for (;;) {
        const char *nl = find_newline(r);
        if (r->max && r->searched > r->max)
            return too_long(r, "line", e);
        if (nl) {
            *ret_line = take(r, r->searched, r->searched + 1);
            *ret_more = true;
            return WEIR_OK;
        }
        bool more;
        weir_rc rc = read_on(r, &more, e);
        if (rc)
            return rc;
        if (more)
            continue;
        if (left(r) && r->open_end) {
            *ret_line = take(r, left(r), left(r));
            *ret_more = true;
            return WEIR_OK;
        }
        if (left(r))
            return err_fail(e, WEIR_E_PROTOCOL, "%s ends inside a line: the last %zu bytes have no newline", r->what, left(r));
        *ret_more = false;
        return WEIR_OK;
    }
}

weir_rc io_reader_peek(io_reader *r, size_t len, weir_view *ret_bytes, err *e)
{
    if (r->max && len > r->max)
        return too_long(r, "message", e);
    bool more = true;
    while (left(r) < len && more) {
        weir_rc rc = read_on(r, &more, e);
        if (rc)
            return rc;
    }
    *ret_bytes = untaken(r, left(r) < len ? left(r) : len);
    return WEIR_OK;
}

weir_rc io_reader_bytes(io_reader *r, size_t len, weir_view *ret_bytes, bool *ret_more, err *e)
{
    weir_view v;
    weir_rc rc = io_reader_peek(r, len, &v, e);
    if (rc)
        return rc;
    if (v.len < len && v.len)
        return err_fail(e, WEIR_E_PROTOCOL, "%s ends inside a message: %zu of %zu bytes", r->what, v.len, len);
    if (v.len == len)
        *ret_bytes = take(r, len, len);
    *ret_more = v.len == len;
    return WEIR_OK;
}

bool io_reader_has_line(io_reader *r)
{
    return find_newline(r) != NULL;
}
