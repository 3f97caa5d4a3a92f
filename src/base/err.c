#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name, *who;
} codes[] = {
    [WEIR_OK] = {"ok", "nobody has to act"},
    [WEIR_STOPPED] = {"stopped", "nobody has to act: it was asked to stop"},
    [WEIR_E_CONFIG] = {"config", "the operator has to act: settings, credentials or catalog"},
    [WEIR_E_TRANSIENT] = {"transient", "nobody has to act: trying again later may help"},
    [WEIR_E_REMOTE] = {"remote", "the owner of the other system has to act"},
    [WEIR_E_PROTOCOL] = {"protocol", "the author of the connector has to act: it broke its protocol"},
    [WEIR_E_NOMEM] = {"machine", "the machine is short of memory, disk or descriptors"},
    [WEIR_E_BUG] = {"bug", "we, or the connector's author, have to act: this is a bug"},
};

const char *rc_name(weir_rc rc)
{
    return (size_t)rc < sizeof codes / sizeof *codes ? codes[rc].name : "unknown";
}

const char *rc_who(weir_rc rc)
{
    return (size_t)rc < sizeof codes / sizeof *codes ? codes[rc].who : "unknown";
}

/* The arguments may point into the chain that is being replaced, as in err_fail(e, rc, "... %s", err_text(e)). */
weir_rc err_vfail(err *e, weir_rc rc, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    buf text = {0};
    buf_vprintf(&text, fmt, args);
    if (!buf_ok(&text)) {
        char reason[sizeof e->reserve];
        vsnprintf(reason, sizeof reason, fmt, again);
        memcpy(e->reserve, reason, sizeof reason);
    }
    va_end(again);
    buf_free(&e->text);
    e->text = text;
    e->rc = rc;
    return rc;
}

weir_rc err_fail(err *e, weir_rc rc, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err_vfail(e, rc, fmt, args);
    va_end(args);
    return rc;
}

weir_rc err_vwrap(err *e, weir_rc rc, const char *fmt, va_list args)
{
    if (rc == WEIR_OK)
        return rc;
    e->rc = rc;
    if (!buf_ok(&e->text))
        return rc; /* the innermost reason is in the reserve; there is no memory for more */
    buf whole = {0};
    buf_vprintf(&whole, fmt, args);
    if (e->text.len)
        buf_adds(&whole, ": ");
    buf_addv(&whole, buf_view(&e->text));
    if (!buf_ok(&whole)) {
        buf_free(&whole);
        return rc; /* the chain as it stands is better than none */
    }
    buf_free(&e->text);
    e->text = whole;
    return rc;
}

weir_rc err_wrap(err *e, weir_rc rc, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err_vwrap(e, rc, fmt, args);
    va_end(args);
    return rc;
}

weir_rc err_nomem(err *e)
{
    return err_fail(e, WEIR_E_NOMEM, "out of memory");
}

static weir_rc rc_of_errno(int errnum)
{
    switch (errnum) {
    case ENOMEM: case ENOSPC: case EDQUOT: case EMFILE: case ENFILE: case EIO: case EFBIG:
        return WEIR_E_NOMEM;
    case EAGAIN: case EINTR: case ETIMEDOUT: case ECONNREFUSED: case ECONNRESET: case EHOSTUNREACH: case ENETUNREACH:
        return WEIR_E_TRANSIENT;
    case EPIPE:
        return WEIR_E_PROTOCOL;
    case EFAULT: case EINVAL: case EBADF:
        return WEIR_E_BUG;
    default: /* ENOENT, EACCES, EISDIR ...: a name somebody gave us */
        return WEIR_E_CONFIG;
    }
}

weir_rc err_errno(err *e, int errnum, const char *fmt, ...)
{
    char room[128];
    const char *reason = strerror_r(errnum, room, sizeof room);
    weir_rc rc = err_fail(e, rc_of_errno(errnum), "%s", reason);
    va_list args;
    va_start(args, fmt);
    err_vwrap(e, rc, fmt, args);
    va_end(args);
    return rc;
}

weir_rc err_move(err *to, err *from)
{
    weir_rc rc = from->rc;
    if (to == from)
        return rc;
    buf_free(&to->text);
    *to = *from;
    from->rc = WEIR_OK;
    from->text = (buf){0};
    return rc;
}

const char *err_text(err *e)
{
    if (e->rc == WEIR_OK)
        return "";
    return buf_ok(&e->text) ? buf_text(&e->text) : e->reserve;
}

void err_clear(err *e)
{
    e->rc = WEIR_OK;
    e->reserve[0] = '\0';
    buf_clear(&e->text);
}

void err_free(err *e)
{
    buf_free(&e->text);
    e->rc = WEIR_OK;
    e->reserve[0] = '\0';
}
