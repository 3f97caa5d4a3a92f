/* stop.h - SIGTERM and SIGINT as a file descriptor, without a handler or a global: block them before any thread starts, then poll. */
#ifndef WEIR_RUN_STOP_H
#define WEIR_RUN_STOP_H

#include "base/err.h"

/** Blocks SIGTERM and SIGINT (and ignores SIGPIPE) and returns a signalfd that reads them; -1 with an error. */
int stop_signals(err *e);
/** Takes one signal. @return its number, 0 if there is none */
int stop_take(int fd);

#endif
