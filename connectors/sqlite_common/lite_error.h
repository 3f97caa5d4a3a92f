/* lite_error.h - what an error of SQLite is to whoever must act, and waiting for a lock. */
#ifndef LITE_ERROR_H
#define LITE_ERROR_H

#include <sqlite3.h>
#include <weir.h>

weir_rc lite_nomem(weir_task *t);

/** Fails with the code and the words for what SQLite reports. @param db NULL: there is no connection  @param code extended or not
 *  @param doing "opening", "reading", "writing to" @return WEIR_STOPPED if it waited for a lock until somebody asked to stop */
weir_rc lite_code_fail(weir_task *t, sqlite3 *db, const char *path, const char *doing, int code);
/** Who must act on an extended or plain error code. */
weir_rc lite_code_rc(int code);

/** For sqlite3_busy_handler(): waits while another process has the lock, not longer than busy_ms, and not at all once somebody
 * asked to stop. */
typedef struct lite_wait {
    weir_task *task; /* whose callback runs */
    int64_t busy_ms;
    int64_t since; /* when the present wait began */
} lite_wait;

int lite_wait_for_lock(void *wait, int tries);

#endif
