/* preview.h - a derivation at work for the eye (flow.md 9): on the documents of a fixture or of the data folder, from their beginning, with a state that is
 * forgotten at the end. Nothing of the data folder is changed.
 */
#ifndef WEIR_PLANE_PREVIEW_H
#define WEIR_PLANE_PREVIEW_H

#include "plane/run.h"

typedef struct preview_options {
    const catalog *catalog;
    const task *t;            /* a derivation */
    native_finder natives;
    log_sink *log;
    int stop_fd;
    const char *fixture;      /* a file, "-": standard input; NULL: the journals */
    const char *data_dir;
    weir_view state;          /* to begin with; empty: none */
    const uint64_t *sessions; /* transactions of each successive run of the connector; 0: no limit */
    size_t session_count;
    /** What a transaction publishes, one document for each key. */
    weir_rc (*published)(void *arg, weir_view doc, err *e);
    /** A transaction is committed. @param state what the connector has kept; empty: nothing new */
    weir_rc (*committed)(void *arg, weir_view state, err *e);
    void *arg;
    void (*live)(void *arg, session *s); /* as in prepare_options */
    void *live_arg;
} preview_options;

/** Until there is nothing more to read or the sessions are over. @return WEIR_STOPPED */
weir_rc preview_derivation(const preview_options *o, err *e);

#endif
