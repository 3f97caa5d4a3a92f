/* Work on several lanes, each with a thread and a task of its own. */
#include <stdlib.h>

#include "run/task.h"

typedef struct crew {
    weir_task *parent;
    size_t count;
    atomic_size_t next;
    weir_rc (*work)(weir_task *, void *, size_t);
    void *arg;
    pthread_mutex_t lock;
    err first; /* what failed first */
    weir_rc rc;
} crew;

static void failed(crew *c, weir_task *t, weir_rc rc)
{
    pthread_mutex_lock(&c->lock);
    /* A real failure beats "stopped", which is often only its consequence. */
    if (c->rc == WEIR_OK || c->rc == WEIR_STOPPED) {
        c->rc = rc;
        err_move(&c->first, &t->err);
        c->first.rc = rc;
    }
    pthread_mutex_unlock(&c->lock);
    if (rc != WEIR_STOPPED)
        session_stop(t->s);
}

static void *run_lane(void *arg)
{
    crew *c = arg;
    weir_task t;
    task_init(&t, c->parent->s);
    for (;;) {
        size_t i = atomic_fetch_add(&c->next, 1);
        if (i >= c->count)
            break;
        weir_rc rc = task_finish(&t, c->work(&t, c->arg, i));
        if (rc) {
            failed(c, &t, rc);
            break;
        }
    }
    task_end(&t);
    return NULL;
}

weir_rc weir_parallel(weir_task *t, unsigned lanes, size_t count, weir_rc (*work)(weir_task *, void *, size_t), void *arg)
{
    if (t->lane.documents) /* the listener may hold everybody else back until they are sealed */
        return weir_fail(t, WEIR_E_BUG, "weir_parallel after %zu documents without a checkpoint", t->lane.documents);
    crew c = {.parent = t, .count = count, .work = work, .arg = arg, .lock = PTHREAD_MUTEX_INITIALIZER};
    size_t wanted = lanes > 1 ? lanes : 1, started = 0;
    if (wanted > count)
        wanted = count;
    pthread_t *threads = wanted > 1 ? calloc(wanted - 1, sizeof *threads) : NULL;
    if (wanted > 1 && !threads)
        return err_nomem(&t->err);
    while (started + 1 < wanted && pthread_create(&threads[started], NULL, run_lane, &c) == 0)
        started++; /* fewer lanes than asked for still do all the work */
    run_lane(&c);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    if (c.rc)
        err_move(&t->err, &c.first);
    err_free(&c.first);
    pthread_mutex_destroy(&c.lock);
    return c.rc;
}
