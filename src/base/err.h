/* err.h - the one error type: a code that says who must act, and a chain that names the thing.
 *
 *     return err_fail(e, WEIR_E_REMOTE, "status %d", status);          status 429
 *     return err_wrap(e, rc, "GET %s", path);                          GET /v1/orders: status 429
 *
 * On success an err is left untouched. Part of it is reserved, so that reporting exhaustion needs no memory.
 */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

#include "base/buf.h"

typedef struct err {
    weir_rc rc;        /* WEIR_OK: nothing has failed */
    buf text;          /* the chain, outermost first */
    char reserve[200]; /* used only where text could not grow; holds the innermost reason */
} err;

/** Begins a chain; a former one is replaced. @return rc */
weir_rc err_fail(err *e, weir_rc rc, const char *fmt, ...) WEIR_PRINTF(3, 4);
weir_rc err_vfail(err *e, weir_rc rc, const char *fmt, va_list args) WEIR_PRINTF(3, 0);
/** Puts "what: " before the chain. WEIR_OK passes through untouched. @return rc */
weir_rc err_wrap(err *e, weir_rc rc, const char *fmt, ...) WEIR_PRINTF(3, 4);
weir_rc err_vwrap(err *e, weir_rc rc, const char *fmt, va_list args) WEIR_PRINTF(3, 0);
/** fail with WEIR_E_NOMEM, "out of memory". */
weir_rc err_nomem(err *e);
/** fail with the text of errno behind the message: transient, remote and machine errors get their own codes. */
weir_rc err_errno(err *e, int errnum, const char *fmt, ...) WEIR_PRINTF(3, 4);
/** Moves the chain of `from` to `to`. */
weir_rc err_move(err *to, err *from);
/** The chain as one line of text; never NULL. */
const char *err_text(err *e);
void err_clear(err *e);
void err_free(err *e);

/** What to call a code: "config", "transient" ... */
const char *rc_name(weir_rc rc);
/** Who must act, as a phrase: "the operator must act: settings, credentials or catalog". */
const char *rc_who(weir_rc rc);

#endif
