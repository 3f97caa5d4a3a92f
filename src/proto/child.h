/* child.h - a connector process, as its platform sees it, whatever protocol it speaks: started, written to, its lines read, its stderr turned into
 * our log, stopped when we are asked to stop, ended and judged.
 *
 * One thread reads its output; one thread, the same or another, writes its input.
 */
#ifndef WEIR_PROTO_CHILD_H
#define WEIR_PROTO_CHILD_H

#include "base/io.h"
#include "base/proc.h"
#include "proto/protocol.h"

enum {
    CHILD_EXIT_MS = 10000, /* from the end of its input, or its output, to its exit */
    CHILD_TERM_MS = 5000,  /* from SIGTERM to SIGKILL */
    CHILD_REST_MS = 1000,  /* from its exit to the end of its output, which somebody else may hold open */
    CHILD_DEAF_MS = 10000  /* to read what is written to it, where it must read at once */
};

typedef struct child child;

typedef struct child_options {
    const char *const *argv;
    const char *const *env;      /* added to the environment; may be NULL. LOG_LEVEL is set by child_start() */
    const char *const *more_env; /* the same, before env; may be NULL */
    const drive_options *o;      /* log, task_name, log_level */
    int stop_fd;                 /* readable: terminate it; -1: none */
    size_t line_max;             /* longest line or message of its output; 0: no limit */
    bool open_end;               /* the last line of its output may lack its newline */
    bool levels;                 /* lines of its stderr may begin as those of Python's loggers do, see words.h */
} child_options;

/** Starts the program. Its stdin does not block. */
weir_rc child_start(child **ret, const child_options *o, err *e);
/** Waits until something can be read of its output, or nothing will come any more.
 *  @param until clock_ms() after which it is too late; 0: never */
typedef enum child_news { CHILD_READABLE, CHILD_GONE, CHILD_LATE } child_news;
child_news child_await(child *c, int64_t until);
/** For those who read its output themselves: the descriptor, and that its end was seen. */
int child_output(const child *c);
void child_output_ended(child *c);
/** Is there a whole line that can be had without waiting? */
bool child_has_line(child *c);
/** The next line; *ret_more is false at the end of its output. A last line without an end is WEIR_E_PROTOCOL unless open_end. If it was stopped:
 *  WEIR_STOPPED. */
weir_rc child_line(child *c, weir_view *ret, bool *ret_more, err *e);
/** The same, but not later than clock_ms() `until`: then *ret_more is true and the line is {NULL, 0}. */
weir_rc child_line_until(child *c, int64_t until, weir_view *ret, bool *ret_more, err *e);
/** Writes all of it to its stdin; `patience_ms` without any progress is its failure (-1: none). Once it has closed its input: WEIR_E_PROTOCOL, and
 *  child_deaf(). If it was stopped: WEIR_STOPPED. */
weir_rc child_write(child *c, weir_view bytes, int patience_ms, err *e);
/** For those who must read while they write: writes what its stdin takes at once and leaves the rest in *bytes. Fails as child_write() does. */
weir_rc child_write_some(child *c, weir_view *bytes, err *e);
/** Waits until its stdin takes something, or there is something to read of its output, or nothing will come any more, or it was stopped. */
void child_await_room(child *c, bool *ret_readable, bool *ret_gone);
/** Closes its stdin. */
void child_close_input(child *c);
/** Has it closed its input? */
bool child_deaf(const child *c);
/** How many bytes were written to it that it has not read yet. */
size_t child_unread(const child *c);
/** Waits up to `ms` for its exit, whatever became of its output; it is judged by child_finish() all the same. */
bool child_ended(const child *c, int ms);
/** Has it been told to stop from outside? */
bool child_stopped(const child *c);
/** Its output has ended: closes its input, waits for its exit and judges it. Its last words become part of the error.
 *  @param ret_status if not NULL: its wait status; then a status other than 0 is no error, unless it had to be killed */
weir_rc child_finish(child *c, int *ret_status, err *e);
/** "exited with status 1: could not log in" as an error, after child_finish() gave such a status. */
weir_rc child_describe(child *c, err *e);
/** If an error was caused by its silence and it has died: the reason it gave on stderr instead. */
weir_rc child_explain(child *c, weir_rc rc, err *e);
/** Remembers what it said elsewhere (a log message on stdout) as its last words. */
void child_said(child *c, weir_level level, weir_view message, weir_rc code);
/** Ends it, by force if need be, and frees. Accepts NULL. */
void child_free(child *c);

#endif
