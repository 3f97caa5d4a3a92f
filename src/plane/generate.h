/* generate.h - the files that a catalog names and that are not there: settings to begin with, and what the connector of a derivation says about its own (flow.md 9).
 */
#ifndef WEIR_PLANE_GENERATE_H
#define WEIR_PLANE_GENERATE_H

#include "plane/learned.h"
#include "plane/run.h"

typedef struct generate_options {
    const catalog *catalog; /* of catalog_read_missing() */
    learned *learned;       /* what else is known of collections; may be NULL */
    native_finder natives;
    log_sink *log;
    int stop_fd;
    weir_rc (*wrote)(void *arg, const char *path, err *e);
    void *arg;
    void (*live)(void *arg, session *s); /* as in prepare_options */
    void *live_arg;
} generate_options;

/** Writes them, in folders that are made for them. What is not below the project's folder is not written. A task that goes wrong does not keep the files of others
 *  from being written; the error tells of all. */
weir_rc generate_files(const generate_options *o, err *e);

#endif
