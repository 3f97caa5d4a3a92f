/* conduct.h - the thread beside a running session: turns signals into a stop, flushes what lingers, and hands on what the platform says. */
#ifndef WEIR_RUN_CONDUCT_H
#define WEIR_RUN_CONDUCT_H

#include "run/writer.h"

typedef struct conductor conductor;

typedef struct conductor_options {
    session *s;
    writer *w;      /* NULL: none */
    bool eager;     /* what is sealed goes out at once: somebody waits for its acknowledgement */
    int stop_fd;    /* a signalfd, see stop.h; -1: none */
    int in;         /* the platform's stream, watched while on_input returns true; -1: none */
    bool (*on_input)(void *arg);
    void *arg;
    int64_t timeout_ms; /* stop when nothing was sealed for so long; 0: never. Needs w */
} conductor_options;

/** Starts the thread. NULL, with an error, if that fails. */
conductor *conductor_start(const conductor_options *o, err *e);
/** Ends it; harmless with NULL. @return the signal that asked to stop, 0: none did */
int conductor_end(conductor *c);

#endif
