/* words.h - what a connector says on stderr (flow.md 1.8): JSON records keep their level, plain text becomes a warning or an error by its words. */
#ifndef WEIR_PROTO_WORDS_H
#define WEIR_PROTO_WORDS_H

#include <pthread.h>

#include "base/log.h"

typedef struct words {
    log_sink *log;
    weir_view task;   /* borrowed */
    bool levels;      /* set after words_init(): lines may begin as those of Python's loggers do (singer.md 4): "time | LEVEL | logger | text",
                         "LEVEL text", "LEVEL:logger:text", "time=... name=logger level=LEVEL message=text"; METRIC lines are for debugging */
    buf pending;      /* the beginning of a line */
    buf last;         /* the last message */
    int last_rank;    /* 0: none; then: a message, an error, one that says it is critical */
    weir_rc code;     /* what its record gave as fields.code, if it is one of ours */
    pthread_mutex_t lock; /* of the last three: other threads may hear words elsewhere */
} words;

void words_init(words *w, log_sink *log, weir_view task);
/** Reads once and logs every whole line. @return false at the end */
bool words_read(words *w, int fd);
/** Notes words that came another way than on stderr. Thread-safe. */
void words_said(words *w, weir_level level, weir_view message, weir_rc code);
/** Logs what is left without a line end. */
void words_end(words *w);
/** The last record's message; an error beats what came after it at a lower level, and what calls itself critical (levels) beats errors. */
weir_view words_last(const words *w);
/** Who has to act, if that record said so the way our own connectors do; else WEIR_E_REMOTE. */
weir_rc words_code(const words *w);
void words_free(words *w);

/** The level of a line that does not say one. */
weir_level words_guess(weir_view text);

#endif
