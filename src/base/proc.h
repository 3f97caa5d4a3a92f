/* proc.h - a child process with its three pipes.
 *
 * The child gets a process group of its own and dies with us (PR_SET_PDEATHSIG): the thread that starts it must outlive it.
 */
#ifndef WEIR_BASE_PROC_H
#define WEIR_BASE_PROC_H

#include <sys/types.h>

#include "base/err.h"

typedef struct proc {
    pid_t pid;          /* 0: not running, or reaped */
    int in, out, log;   /* our ends of its stdin, stdout, stderr; -1 when closed. Close-on-exec, blocking */
    int status;         /* of waitpid, once reaped */
} proc;

/** One that was never started; proc_free() takes it. */
#define PROC_NONE ((proc){.in = -1, .out = -1, .log = -1})

/** Starts argv[0] (searched on the child's PATH, no shell), with default signal handlers and none blocked. `env`: NULL-terminated
 *  "NAME=value" added to, or replacing, what we have; "NAME" alone takes it away; may be NULL. The pipes of stdin and stdout are
 *  enlarged to 1 MiB where allowed. A program that cannot be started is WEIR_E_CONFIG naming it. On failure *p is PROC_NONE. */
weir_rc proc_start(proc *p, const char *const *argv, const char *const *env, err *e);
void proc_close_in(proc *p);
/** Waits up to `ms` (-1: for ever) for it to end. @return false if it still runs */
bool proc_wait(proc *p, int ms);
/** The same, but leaves it a zombie: proc_stop() then reaps it and kills what it left behind in its group. */
bool proc_ended(const proc *p, int ms);
/** A descriptor that becomes readable when it has ended, for poll(); -1 where the system has none. The caller closes it. */
int proc_end_fd(const proc *p);
/** Sends a signal to the group; nothing if it was reaped. Callable from any thread while no other reaps it. */
void proc_signal(const proc *p, int signum);
/** SIGTERM to the group, SIGKILL after grace_ms or to what it leaves behind there, reap. Fine if it has ended. */
void proc_stop(proc *p, int grace_ms);
/** Closes the pipes; stops what still runs, with a grace of a second. Accepts PROC_NONE. */
void proc_free(proc *p);
/** "exited with status 1", "was killed by signal 9 (Killed)" ... into out. */
void proc_describe(const proc *p, buf *out);
bool proc_succeeded(const proc *p);

#endif
