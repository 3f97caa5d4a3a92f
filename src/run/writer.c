#include "run/writer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/io.h"
#include "run/turn.h"

enum { FLUSH_AT = 64 * 1024 };

/* Whoever has the turn may touch everything; nobody else may. */
struct writer {
    listener base;
    int fd;
    const framing *framing;
    turn turn;           /* a lane's, or the writer's own while flushing; kept by one that has spilled: then nothing sealed waits */
    buf pending;         /* sealed, not yet written */
    int wake;            /* eventfd: something is pending that was not */
    err failure;         /* sticky: the first failure to write */
    uint64_t documents, bytes, checkpoints, limit;
    uint64_t written;    /* of checkpoints */
    void (*on_written)(void *arg, uint64_t checkpoints);
    void *on_written_arg;
    pthread_mutex_t *gate;
};

static void wake(writer *w)
{
    uint64_t one = 1;
    ssize_t n = write(w->wake, &one, sizeof one);
    (void)n; /* full means: it is awake */
}

/* Is the last checkpoint that was wanted through? */
static bool over(const writer *w) { return w->limit && w->checkpoints >= w->limit; }

static weir_rc put(writer *w, buf *bytes, err *e)
{
    if (!w->failure.rc && bytes->len) {
        if (w->gate)
            pthread_mutex_lock(w->gate);
        weir_rc rc = io_write(w->fd, buf_view(bytes), "standard output", &w->failure);
        if (w->gate)
            pthread_mutex_unlock(w->gate);
        w->bytes += rc ? 0 : bytes->len;
        if (!rc)
            buf_clear(bytes);
    }
    return w->failure.rc ? err_fail(e, w->failure.rc, "%s", err_text(&w->failure)) : WEIR_OK;
}

static weir_rc put_pending(writer *w, err *e)
{
    if (w->framing->settle) {
        w->framing->settle(w->framing, &w->pending);
        if (!buf_ok(&w->pending))
            return err_nomem(e);
    }
    weir_rc rc = put(w, &w->pending, e);
    if (!rc && w->written < w->checkpoints) {
        if (w->on_written)
            w->on_written(w->on_written_arg, w->checkpoints - w->written);
        w->written = w->checkpoints;
    }
    return rc;
}

static void free_texts(lane *ln)
{
    if (ln->own)
        arena_free(ln->own);
    free(ln->own);
    ln->own = NULL;
}

static weir_rc writer_attach(listener *l, weir_task *t, lane *ln)
{
    writer *w = (writer *)l;
    size_t count;
    const weir_binding *b = session_bindings(task_session(t), &count);
    arena *texts = calloc(1, sizeof *texts);
    bool ok = texts != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        ln->outlets[i].to = &ln->shared;
        ok = w->framing->outlet(w->framing, texts, &b[i], &ln->outlets[i]);
    }
    ln->own = texts;
    if (ok)
        return WEIR_OK;
    free_texts(ln);
    return err_nomem(task_error(t));
}

static void writer_detach(listener *l, lane *ln)
{
    writer *w = (writer *)l;
    if (ln->exclusive)
        turn_give_back(&w->turn);
    free_texts(ln);
}

/* Documents without a checkpoint fill the lane: write them and let nobody else in before theirs comes. */
static weir_rc writer_spill(listener *l, weir_task *t, lane *ln)
{
    writer *w = (writer *)l;
    turn_take(&w->turn, ln);
    ln->exclusive = true;
    if (over(w)) {
        buf_clear(&ln->shared);
        return err_fail(task_error(t), WEIR_STOPPED, "enough");
    }
    if (w->framing->spill)
        w->framing->spill(w->framing, ln);
    weir_rc rc = put_pending(w, task_error(t));
    turn_keep(&w->turn);
    return rc ? rc : put(w, &ln->shared, task_error(t));
}

/* Moves the lane's bytes behind those pending, without a copy where nothing is pending. */
static bool gather(writer *w, lane *ln)
{
    if (!w->pending.len) {
        buf swap = w->pending;
        w->pending = ln->shared;
        ln->shared = swap;
    } else {
        buf_addv(&w->pending, buf_view(&ln->shared));
    }
    buf_clear(&ln->shared);
    return buf_ok(&w->pending);
}

/* Documents and checkpoint behind what is pending: all of it, or nothing. */
static weir_rc add_sealed(writer *w, weir_task *t, lane *ln, const checkpoint *c)
{
    size_t before = w->pending.len;
    if (gather(w, ln))
        w->framing->checkpoint(w->framing, &w->pending, ln, c);
    weir_rc rc = buf_ok(&w->pending) ? task_sealed(t, c) : err_nomem(task_error(t));
    if (rc) {
        w->pending.len = before;
        w->pending.failed = false;
    }
    return rc;
}

static weir_rc writer_seal(listener *l, weir_task *t, lane *ln, const checkpoint *c)
{
    writer *w = (writer *)l;
    turn_take(&w->turn, ln);
    bool was_empty = !w->pending.len;
    weir_rc rc = over(w) ? err_fail(task_error(t), WEIR_STOPPED, "enough") : add_sealed(w, t, ln, c);
    if (!rc) {
        w->documents += ln->documents;
        if (++w->checkpoints == w->limit)
            session_stop(task_session(t));
        if (w->pending.len >= FLUSH_AT || w->failure.rc)
            rc = put_pending(w, task_error(t));
        if (was_empty)
            wake(w); /* also if it is written already: whoever waits for seals hears of this one */
    }
    ln->exclusive = false;
    turn_give_back(&w->turn);
    return rc;
}

static weir_rc writer_schema(listener *l, weir_task *t, lane *ln, const weir_binding *b, weir_view schema)
{
    writer *w = (writer *)l;
    if (w->framing->schema)
        w->framing->schema(w->framing, &ln->shared, b, schema);
    return buf_ok(&ln->shared) ? WEIR_OK : err_nomem(task_error(t));
}

static weir_rc writer_opened(listener *l, weir_task *t, bool explicit_acks)
{
    writer *w = (writer *)l;
    if (!w->framing->opened)
        return WEIR_OK;
    turn_take(&w->turn, w);
    w->framing->opened(w->framing, &w->pending, explicit_acks);
    weir_rc rc = buf_ok(&w->pending) ? put_pending(w, task_error(t)) : err_nomem(task_error(t));
    turn_give_back(&w->turn);
    return rc;
}

/* Says something between the lanes' documents: it goes behind what is sealed, and out at once. */
typedef struct saying {
    writer *w;
    lane *ln;
    bool mine; /* the lane had the writer already */
} saying;

static saying begin_saying(listener *l, lane *ln)
{
    saying s = {(writer *)l, ln, ln->exclusive};
    turn_take(&s.w->turn, ln);
    return s;
}

static weir_rc end_saying(saying s, weir_rc rc, err *e)
{
    if (!buf_ok(&s.w->pending)) {
        s.w->pending.failed = false;
        rc = rc ? rc : err_nomem(e);
    }
    if (!rc && !s.mine)
        rc = put_pending(s.w, e);
    if (!s.ln->exclusive)
        turn_give_back(&s.w->turn);
    return rc;
}

static weir_rc writer_begin(listener *l, weir_task *t, lane *ln, const weir_binding *b)
{
    const framing *f = ((writer *)l)->framing;
    if (!f->begin)
        return WEIR_OK;
    saying s = begin_saying(l, ln);
    f->begin(f, &s.w->pending, b);
    return end_saying(s, WEIR_OK, task_error(t));
}

static weir_rc writer_end(listener *l, weir_task *t, lane *ln, const weir_binding *b, weir_rc rc)
{
    const framing *f = ((writer *)l)->framing;
    if (!f->end)
        return rc;
    saying s = begin_saying(l, ln);
    if (rc)
        buf_clear(&ln->shared);
    ln->exclusive = s.mine = false;
    weir_rc ended = f->end(f, &s.w->pending, ln, b, rc, task_error(t));
    if (rc && !ended)
        err_clear(task_error(t));
    return end_saying(s, ended, task_error(t));
}

static weir_rc writer_estimate(listener *l, weir_task *t, lane *ln, const weir_binding *b, uint64_t documents, uint64_t bytes)
{
    const framing *f = ((writer *)l)->framing;
    if (!f->estimate)
        return WEIR_OK;
    saying s = begin_saying(l, ln);
    f->estimate(f, &s.w->pending, b, documents, bytes);
    return end_saying(s, WEIR_OK, task_error(t));
}

static weir_rc writer_config(listener *l, weir_task *t, lane *ln, weir_view config)
{
    const framing *f = ((writer *)l)->framing;
    if (!f->config)
        return task_config_lost(t);
    saying s = begin_saying(l, ln);
    f->config(f, &s.w->pending, config);
    return end_saying(s, WEIR_OK, task_error(t));
}

static weir_rc writer_truncate(listener *l, weir_task *t, lane *ln, const weir_binding *b)
{
    const framing *f = ((writer *)l)->framing;
    if (!f->truncate)
        return task_truncate_refused(t, b);
    f->truncate(f, &ln->shared, ln, b);
    ln->truncated = true;
    return buf_ok(&ln->shared) ? WEIR_OK : err_nomem(task_error(t));
}

static const listener_ops ops = {
    .begin = writer_begin,
    .end = writer_end,
    .estimate = writer_estimate,
    .config = writer_config,
    .attach = writer_attach,
    .detach = writer_detach,
    .spill = writer_spill,
    .seal = writer_seal,
    .schema = writer_schema,
    .opened = writer_opened,
    .truncate = writer_truncate,
};

/* If it is a pipe, a larger one: fewer turns between us and whoever reads it. */
static void widen(int fd)
{
    int size = fcntl(fd, F_GETPIPE_SZ);
    if (size > 0 && size < LANE_SPILL)
        (void)fcntl(fd, F_SETPIPE_SZ, (int)LANE_SPILL);
}

writer *writer_new(int fd, const framing *f)
{
    writer *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    *w = (writer){.base = {&ops}, .fd = fd, .framing = f};
    widen(fd);
    turn_init(&w->turn);
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->wake >= 0)
        return w;
    writer_free(w);
    return NULL;
}

listener *writer_listener(writer *w) { return &w->base; }

weir_rc writer_flush(writer *w, err *e)
{
    turn_take(&w->turn, w);
    weir_rc rc = put_pending(w, e);
    turn_give_back(&w->turn);
    return rc;
}

weir_rc writer_flush_now(writer *w, bool *ret_waiting, err *e)
{
    bool streaming = false;
    if (!turn_try(&w->turn, w, &streaming)) {
        *ret_waiting = !streaming;
        return WEIR_OK;
    }
    weir_rc rc = put_pending(w, e);
    *ret_waiting = w->framing->holds && w->framing->holds(w->framing);
    turn_give_back(&w->turn);
    return rc;
}

int writer_wake_fd(const writer *w) { return w->wake; }

void writer_totals(writer *w, uint64_t *documents, uint64_t *bytes, uint64_t *checkpoints)
{
    turn_take(&w->turn, w);
    *documents = w->documents;
    *bytes = w->bytes;
    *checkpoints = w->checkpoints;
    turn_give_back(&w->turn);
}

void writer_on_written(writer *w, void (*fn)(void *arg, uint64_t checkpoints), void *arg)
{
    w->on_written = fn;
    w->on_written_arg = arg;
}

void writer_share(writer *w, pthread_mutex_t *gate) { w->gate = gate; }
void writer_limit(writer *w, uint64_t checkpoints) { w->limit = checkpoints; }

void writer_free(writer *w)
{
    if (!w)
        return;
    buf_free(&w->pending);
    err_free(&w->failure);
    if (w->wake >= 0)
        close(w->wake);
    turn_free(&w->turn);
    free(w);
}
