/* intake.h - messages that a platform pushes through standard input into a destination: when to commit, what to confirm, how to end.
 *
 * Documents wait in a load (run/load.h). They are committed when LOAD_COMMIT_BYTES have gathered, when a state waits and INTAKE_LINGER_MS have passed since the
 * last commit, so that one commit confirms many states, and at the end of the input. Documents behind the last state wait on meanwhile, for whoever has to
 * begin again begins there: if a signal, or input that cannot be read on, ends it sooner, what has a state is committed and confirmed, the rest dropped.
 */
#ifndef WEIR_PROTO_INTAKE_H
#define WEIR_PROTO_INTAKE_H

#include "base/io.h"
#include "run/load.h"

enum {
    INTAKE_LINGER_MS = 1000,
    INTAKE_LINE_MAX = 128 << 20 /* singer.md 11: a hundred megabytes at least */
};

typedef struct intake_ops {
    /* A line, which is not blank; `cut`: the input ended before its end did. */
    weir_rc (*line)(void *arg, weir_view line, bool cut, err *e);
    /* The input has ended, the last commit is next. NULL: nothing to do. */
    weir_rc (*end)(void *arg, err *e);
    /* Everything up to the newest state is durable: says so to the platform. */
    weir_rc (*confirm)(void *arg, err *e);
} intake_ops;

typedef struct intake {
    const intake_ops *ops;
    void *arg;
    load *l;
    int in, stop_fd;
    io_reader reader;
    bool waits;            /* a state waits to be confirmed */
    size_t waiting;        /* bytes of states */
    uint64_t mark;         /* documents behind it belong to no state yet */
    int64_t committed_ms;  /* when the last commit was; 0: none yet */
    int64_t asked_ms;      /* to stop, see stop_take() */
    unsigned lines;        /* since the clock was looked at */
} intake;

/** ops, arg, l, in and stop_fd (-1: none) are set. Reads until the end. WEIR_STOPPED: by a signal. */
weir_rc intake_run(intake *n, err *e);
/** In line(): a state came, `bytes` long, that covers all documents so far. */
void intake_state(intake *n, size_t bytes);
/** In line(), which takes many documents: commits if it is time. */
weir_rc intake_breathe(intake *n, err *e);
/** For load_options.out_of_turn: commits what has a state. @param arg the intake; {0}, too */
weir_rc intake_settle(void *arg, err *e);
/** In line(): commits everything now. */
weir_rc intake_commit(intake *n, err *e);

#endif
