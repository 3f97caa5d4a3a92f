/* run.h - runs the tasks of a catalog on this machine: captures into journals, journals into destinations. */
#ifndef WEIR_PLANE_RUN_H
#define WEIR_PLANE_RUN_H

#include "plane/catalog.h"
#include "proto/protocol.h"

/** Finds a descriptor linked into this program, by name. */
typedef const weir_connector *(*native_finder)(weir_view name);

/** A task's connector, whatever its endpoint. */
typedef struct opened_endpoint {
    const weir_connector *connector;
    const protocol *driven_by;  /* NULL: native */
    weir_connector *driven;
} opened_endpoint;

weir_rc endpoint_open(const task *t, native_finder natives, log_sink *log, int stop_fd, opened_endpoint *ret, err *e);
void endpoint_close(opened_endpoint *o);

typedef struct task_progress { /* all since the start of this run; read by any thread */
    weir_view name;
    task_kind kind;
    const char *phase;       /* "starting", "reading", "loading", "waiting", "failed", "done" */
    uint64_t documents, bytes, commits;
    uint64_t lag;            /* materialization: bytes not read yet */
    int64_t busy_ms;         /* from its start to its last commit */
    weir_rc rc;
} task_progress;

enum { IDLE_MS = 10000 };

typedef struct run_options {
    const catalog *catalog;
    const char *data_dir;
    const char *only;        /* name of one task, or NULL */
    bool once;
    bool replay;             /* nothing but documents that were refused is put through, again (refused.h); once. Tasks without any do not run */
    size_t shards;           /* into how many shards derivations and materializations are cut (shard.h); 0: as they were */
    int64_t idle_ms;         /* with once: a capture that sends no document for so long is done; negative: IDLE_MS, but where sources end by themselves */
    native_finder natives;
    log_sink *log;
    int stop_fd;
    /* Called when something has changed, at most four times a second, and once at the end. NULL: none.
     * @return in how many milliseconds it wants to be called even if nothing changes; negative: not then */
    int (*progress)(void *arg, const task_progress *tasks, size_t count);
    void *progress_arg;
    int64_t (*now)(void *arg); /* seconds since 1970, for tests that make time pass; NULL: the clock */
    void *now_arg;
} run_options;

/** Runs until done (once) or stopped. @return the first failure's code; every failure was logged */
weir_rc plane_run(const run_options *o, err *e);

#endif
