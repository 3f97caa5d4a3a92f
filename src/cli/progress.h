/* progress.h - what `weir run` shows: a table that renews itself on a terminal, plain lines elsewhere, JSON lines for programs; and a summary. */
#ifndef WEIR_CLI_PROGRESS_H
#define WEIR_CLI_PROGRESS_H

#include "plane/run.h"

typedef enum progress_mode { PROGRESS_NONE, PROGRESS_TERMINAL, PROGRESS_LINES, PROGRESS_JSON } progress_mode;

typedef struct progress progress;
/** @param fd 2 for people, 1 for JSON */
progress *progress_new(progress_mode mode, int fd);
/** For run_options.progress. */
int progress_update(void *arg, const task_progress *tasks, size_t count);
/** The summary: a table of documents, bytes and seconds a task. */
void progress_summary(progress *p, buf *out);
void progress_free(progress *p);

#endif
