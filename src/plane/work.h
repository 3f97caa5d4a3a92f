/* work.h - what the tasks of one run share, inside this room: capture.c, derive.c and materialize.c do the work, run.c starts and ends it. */
#ifndef WEIR_PLANE_WORK_H
#define WEIR_PLANE_WORK_H

#include <stdatomic.h>

#include "plane/ledger.h"
#include "plane/run.h"
#include "plane/shard.h"
#include "run/combine.h"

typedef struct worker worker;

typedef struct worker_part { /* of a task's work: what one of its shards shows */
    session *live;                           /* the session at work, to be stopped; guarded by worker.lock */
    atomic_uint_fast64_t lag;
} worker_part;

struct worker { /* one task, on a thread of its own, and one for each further shard */
    const task *t;
    const run_options *o;
    ledger *l;
    pthread_t thread;
    bool started;
    shards shards;                           /* captures have one */
    worker_part *parts;                      /* by shard */
    atomic_bool halt;                        /* a shard has ended: the others shall, too */
    atomic_uint_fast64_t documents, bytes, commits;
    atomic_int_fast64_t last_ms;             /* of its last commit; 0: none yet */
    atomic_int_fast64_t heard_ms;            /* capture: when it opened, or its last documents came */
    atomic_uint waiting;                     /* capture: lanes that would go on if they were let: it is not silent */
    uint64_t emitted;                        /* capture: documents, when run.c last looked */
    _Atomic(const char *) phase;
    int64_t begun_ms;                        /* when its thread began */
    atomic_bool finished;
    atomic_bool stop;                        /* asked to end */
    int stop_fd;                             /* eventfd: readable when asked to end */
    int news_fd;                             /* eventfd of the run: something has changed that somebody may want to see */
    weir_rc rc;                              /* once finished */
    pthread_mutex_t lock;                    /* of live sessions and config */
    const tree *config;                      /* settings that took the place of the catalog's; NULL: none did */
    arena configs;                           /* and names of shards */
    bool told_config;                        /* that they will be lost */
};

/** One session of a capture: discover nothing, validate, apply, pull, commit. */
weir_rc capture_session(worker *w, err *e);
/** A materialization until it is stopped, or, with once, has caught up after those who write to its collections have ended. */
weir_rc materialize_session(worker *w, err *e);

/** A derivation, likewise. */
weir_rc derive_session(worker *w, err *e);
/** What a shard of a derivation keeps in files, another one has too. */
weir_rc derive_copy_state(const char *data_dir, weir_view from, weir_view to, err *e);

/* For all of them. */
void worker_phase(worker *w, const char *phase);
void worker_committed(worker *w, uint64_t documents, uint64_t bytes);
/** Lets run.c stop this session; NULL: none is live any more. Stops it at once if the worker was told to. @param part by shard; 0: there is one */
void worker_live(worker *w, size_t part, session *s);
void worker_lag(worker *w, size_t part, uint64_t bytes);
/** Asks it to end. */
void worker_stop(worker *w);
bool worker_stopping(const worker *w);
/** Is it to stop, or to begin anew since another shard does? */
bool worker_halting(const worker *w);
/** Does the work of all shards at once, that of the first on this thread: when one ends, for whatever reason but that it is done (*ret_done), the others are to
 *  end as soon as their transactions have. @param done by shard  @return the first failure */
weir_rc worker_share(worker *w, weir_rc (*work)(void *shard, bool *ret_done, err *e), void *const *each, bool *ret_done, err *e);
/** Seconds since 1970. */
int64_t worker_now(const worker *w);
/** The connector has changed its settings: they are kept in the file they came from, if there is one, and for the next session in any case. */
weir_rc worker_config(worker *w, weir_task *t, weir_view config);
/** The settings to open a session with. */
const tree *worker_settings(worker *w);

/** For destinations that relay: every document of the lines, in order, without columns. As above, otherwise. */
typedef struct relayed relayed;
weir_rc relay_make(relayed **ret, const weir_binding *b, bool parts, err *e);
weir_rc relay_batch(relayed *r, weir_view lines, weir_row **ret, size_t *ret_count, err *e);
/** Was the last batch truncated? What stood before that in it is not among its rows. */
bool relay_truncated(const relayed *r);
void relay_free(relayed *r);

#endif
