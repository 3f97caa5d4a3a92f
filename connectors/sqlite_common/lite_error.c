#include "lite_error.h"

#include <poll.h>
#include <string.h>
#include <time.h>

enum { POLL_MS = 10 };

static const struct {
    int code;
    weir_rc rc;
    const char *what; /* NULL: SQLite's own words */
} meanings[] = {
    {SQLITE_BUSY, WEIR_E_TRANSIENT, "it is locked by another process"},
    {SQLITE_LOCKED, WEIR_E_TRANSIENT, "it is locked by another connection"},
    {SQLITE_PROTOCOL, WEIR_E_TRANSIENT, "it is locked by another process"},
    {SQLITE_FULL, WEIR_E_NOMEM, "the disk is full"},
    {SQLITE_IOERR, WEIR_E_NOMEM, NULL},
    {SQLITE_NOMEM, WEIR_E_NOMEM, "out of memory"},
    {SQLITE_NOTADB, WEIR_E_CONFIG, "it is not an SQLite database"},
    {SQLITE_CORRUPT, WEIR_E_CONFIG, "the file is damaged"},
    {SQLITE_READONLY, WEIR_E_CONFIG, "it cannot be written: the file or its folder is read-only"},
    {SQLITE_CANTOPEN, WEIR_E_CONFIG, NULL},
    {SQLITE_PERM, WEIR_E_CONFIG, NULL},
    {SQLITE_AUTH, WEIR_E_CONFIG, NULL},
    {SQLITE_CONSTRAINT, WEIR_E_CONFIG, NULL},
    {SQLITE_SCHEMA, WEIR_E_CONFIG, NULL},
    {SQLITE_TOOBIG, WEIR_E_CONFIG, NULL},
    {SQLITE_ERROR, WEIR_E_CONFIG, NULL}, /* too many columns, a view in the way ...: what the operator has put there */
};

weir_rc lite_nomem(weir_task *t)
{
    return weir_fail(t, WEIR_E_NOMEM, "out of memory");
}

weir_rc lite_code_rc(int code)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == (code & 0xff))
            return meanings[i].rc;
    return WEIR_E_BUG;
}

weir_rc lite_code_fail(weir_task *t, sqlite3 *db, const char *path, const char *doing, int code)
{
    int errnum = db ? sqlite3_system_errno(db) : 0;
    const char *words = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    const char *reason = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN ? strerror(errnum) : NULL;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (meanings[i].code != (code & 0xff))
            continue;
        if (meanings[i].code == SQLITE_BUSY && weir_stopping(t))
            return WEIR_STOPPED;
        words = meanings[i].what ? meanings[i].what : words;
        return errnum && reason ? weir_fail(t, meanings[i].rc, "%s \"%s\": %s: %s", doing, path, words, reason)
                                : weir_fail(t, meanings[i].rc, "%s \"%s\": %s", doing, path, words);
    }
    return weir_fail(t, WEIR_E_BUG, "%s \"%s\": %s", doing, path, words);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int lite_wait_for_lock(void *wait, int tries)
{
    lite_wait *w = wait;
    if (tries == 0)
        w->since = now_ms();
    if (weir_stopping(w->task) || now_ms() - w->since >= w->busy_ms)
        return 0;
    struct pollfd stop = {.fd = weir_stop_fd(w->task), .events = POLLIN};
    poll(&stop, 1, POLL_MS);
    return 1;
}
