/* The process of a driven destination: started with a catalog, read by a thread of its own so that neither side waits for the other (airbyte.md 7, pipe
 * deadlocks). */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "json/pointer.h"
#include "proto/airbyte/drive_writing.h"

/* ---- reading what it says ---- */

/* A destination that counts differently has lost records (airbyte.md 3.1). */
static void check_count(const airbyte_writing *w, const written_stream *s, weir_view state)
{
    weir_view said = pointer_find(state, VIEW("/destinationStats/recordCount"));
    uint64_t count;
    if (!said.len || (number_to_u64(said, &count) && count == s->sent_records))
        return;
    buf text = {0};
    buf_printf(&text, "stream '%.*s': %llu records were sent, but the destination says that it has taken %.*s", VIEW_ARG(s->resource.stream),
               (unsigned long long)s->sent_records, VIEW_ARG(said));
    log_record(w->r->d->o.log, WEIR_WARN, w->r->d->o.task_name, buf_view(&text), NULL, 0);
    buf_free(&text);
}

/* {"weir":{"stream":I,"state":N}} in a STATE is one of ours. */
static void note_echo(airbyte_writing *w, const airbyte_message *m)
{
    uint64_t index, number;
    if (!number_to_u64(pointer_find(m->stream_state, VIEW("/weir/stream")), &index) ||
        !number_to_u64(pointer_find(m->stream_state, VIEW("/weir/state")), &number) || index >= w->count)
        return;
    written_stream *s = w->streams[index];
    if (number > s->echoed)
        s->echoed = number;
    if (number == s->sent)
        check_count(w, s, m->body);
}

static void note(airbyte_writing *w, const airbyte_message *m)
{
    pthread_mutex_lock(&w->lock);
    if (m->type == AIRBYTE_STATE && m->state_type == AIRBYTE_STATE_STREAM)
        note_echo(w, m);
    if (m->type == AIRBYTE_CONTROL) {
        buf_clear(&w->config);
        buf_addv(&w->config, m->body);
    }
    pthread_cond_signal(&w->news);
    pthread_mutex_unlock(&w->lock);
}

static void *read_all(void *arg)
{
    airbyte_writing *w = arg;
    err e = {0};
    weir_rc rc;
    bool more = true;
    do {
        airbyte_message m;
        rc = airbyte_peer_next(&w->peer, &m, &more, &e);
        if (!rc && more)
            note(w, &m);
    } while (!rc && more);
    pthread_mutex_lock(&w->lock);
    w->ended = true;
    w->rc = rc;
    err_move(&w->err, &e);
    pthread_cond_signal(&w->news);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- the process ---- */

/* Rows of older generations go at the end of a sync that begins anew; once the table has rows of this one, it is added to: a destination that knows
 * no generations would begin with an empty table each time (airbyte.md 3.4). */
static void put_stream(json_out *out, const airbyte_writing *w, const written_stream *s)
{
    int64_t generation = (int64_t)s->backfill + 1;
    const airbyte_choice c = {
        .resource = &s->resource, .schema = s->schema, .sync_mode = "incremental", .cursor = s->cursor, .key = s->key, .generation = generation,
        .destination_sync_mode = written_overwrites(s) && s->begun ? "append" : s->mode, .minimum_generation = written_overwrites(s) ? generation : 0, .sync = w->sync,
    };
    airbyte_put_choice(out, &c);
}

static weir_rc put_catalog(const airbyte_writing *w, buf *out, err *e)
{
    json_out j = json_out_to(out);
    out_open(&j, '{');
    out_open(out_name(&j, "streams"), '[');
    for (size_t i = 0; i < w->count; i++)
        if (w->streams[i])
            put_stream(&j, w, w->streams[i]);
    out_close(&j, ']');
    out_close(&j, '}');
    return buf_ok(out) ? WEIR_OK : err_nomem(e);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* It is told to stop when the task is, and when we give it up: both as one descriptor. */
static bool watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    return fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static weir_rc watch_stop(airbyte_writing *w, int task_fd, err *e)
{
    w->abort_fd = eventfd(0, EFD_CLOEXEC);
    w->stop_fd = epoll_create1(EPOLL_CLOEXEC);
    bool ok = w->abort_fd >= 0 && w->stop_fd >= 0 && watch(w->stop_fd, w->abort_fd) && watch(w->stop_fd, task_fd);
    return ok ? WEIR_OK : err_errno(e, errno, "cannot watch for the order to stop");
}

static weir_rc start_reader(airbyte_writing *w, err *e)
{
    w->ended = false;
    w->rc = WEIR_OK;
    int failure = pthread_create(&w->reader, NULL, read_all, w);
    w->reading = failure == 0;
    return failure ? err_errno(e, failure, "cannot start a thread") : WEIR_OK;
}

weir_rc writing_start(airbyte_writing *w, weir_task *t, err *e)
{
    buf catalog = {0};
    w->sync++;
    w->running = true; /* or half so: writing_end() frees it */
    weir_rc rc = put_catalog(w, &catalog, e);
    const airbyte_paper files[] = {{"--config", "config.json", buf_view(&w->r->config)}, {"--catalog", "catalog.json", buf_view(&catalog)}};
    if (!rc)
        rc = watch_stop(w, weir_stop_fd(t), e);
    if (!rc)
        rc = airbyte_peer_start(&w->peer, &w->r->d->o, w->stop_fd, "write", files, sizeof files / sizeof *files, e);
    if (!rc)
        rc = start_reader(w, e);
    w->stale = false;
    buf_free(&catalog);
    return rc;
}

void writing_join(airbyte_writing *w)
{
    if (w->reading)
        pthread_join(w->reader, NULL);
    w->reading = false;
}

void writing_end(airbyte_writing *w)
{
    writing_join(w);
    airbyte_peer_free(&w->peer);
    close_fd(&w->abort_fd);
    close_fd(&w->stop_fd);
    err_clear(&w->err);
    buf_clear(&w->out);
    w->running = w->dirty = false;
}

void writing_give_up(airbyte_writing *w)
{
    if (w->reading)
        (void)!write(w->abort_fd, &(uint64_t){1}, sizeof(uint64_t));
    writing_end(w);
}
