/* stop.h - SIGTERM and SIGINT as a file descriptor, without a handler or a global: block them before any thread starts, then poll. */
#ifndef WEIR_RUN_STOP_H
#define WEIR_RUN_STOP_H

#include "base/err.h"

enum { STOP_AGAIN_MS = 1000 };

/** Blocks SIGTERM and SIGINT (and ignores SIGPIPE) and returns a signalfd that reads them; -1 with an error. */
int stop_signals(err *e);
/** Takes one signal. Whoever asks again after STOP_AGAIN_MS does not want to wait: that signal ends the process, as if it had never been blocked.
 *  (Sooner it is one request that came twice: timeout(1) and terminals signal a process and then its group.)
 *  @param asked_ms when it was first asked for, kept between the calls; 0: not yet. @return the signal's number, 0 if there is none */
int stop_take(int fd, int64_t *asked_ms);
/** io_read_file() for a file that somebody named, which may be a pipe that nobody writes to: meanwhile the signals end the process, for nothing has begun
 *  that would have to be ended. */
weir_rc stop_read_file(const char *path, size_t max, buf *out, err *e);
/** Ends the process by this signal, as if it had never been blocked. */
void stop_by(int signum);

#endif
