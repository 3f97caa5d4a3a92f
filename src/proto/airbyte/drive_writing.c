/* What a driven destination is sent, and what it has confirmed. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "proto/airbyte/drive_writing.h"
#include "proto/unwrap.h"

enum {
    BLOCK = 256 * 1024,  /* written at once */
    GRACE_MS = 5000      /* from the last byte that it reads to an echo: then it is one that waits for the end of its input */
};

/* ---- writing ---- */

static void set_time(airbyte_writing *w)
{
    snprintf(w->time, sizeof w->time, "%lld}}\n", (long long)airbyte_now());
}

/* Waits for news; false once `until` (of CLOCK_MONOTONIC, 0: never) is over. */
static bool await_news(airbyte_writing *w, int64_t until)
{
    struct timespec at = {until / 1000, until % 1000 * 1000000};
    return (until ? pthread_cond_timedwait(&w->news, &w->lock, &at) : pthread_cond_wait(&w->news, &w->lock)) != ETIMEDOUT;
}

/* Waits for the end of its output. @param until clock_ms(); 0: for ever  @return false: it has not come */
static bool await_end(airbyte_writing *w, int64_t until)
{
    bool timely = true;
    pthread_mutex_lock(&w->lock);
    while (!w->ended && timely)
        timely = await_news(w, until);
    bool ended = w->ended;
    pthread_mutex_unlock(&w->lock);
    if (ended)
        writing_join(w);
    return ended;
}

/* Why it does not read any more, in its own words if it says. */
static weir_rc explain_deafness(airbyte_writing *w, weir_rc rc, err *e)
{
    if (rc == WEIR_STOPPED || !child_deaf(w->peer.c))
        return rc;
    err said = {0};
    child_close_input(w->peer.c);
    if (await_end(w, clock_ms() + CHILD_EXIT_MS) && airbyte_peer_finish(&w->peer, false, &said))
        rc = err_move(e, &said);
    err_free(&said);
    return rc;
}

static weir_rc flush(airbyte_writing *w, err *e)
{
    weir_rc rc = buf_ok(&w->out) ? child_write(w->peer.c, buf_view(&w->out), -1, e) : err_nomem(e);
    buf_clear(&w->out);
    return rc ? explain_deafness(w, rc, e) : WEIR_OK;
}

/* The document as a deletion: it keeps what it has and says when. */
static weir_rc put_deletion(airbyte_writing *w, const written_stream *s, weir_view doc, err *e)
{
    char now[CLOCK_TEXT];
    buf patch = {0};
    int64_t seconds;
    uint32_t nanos;
    if (!s->deletes)
        return err_fail(e, WEIR_E_CONFIG, "a deletion cannot be passed on: the collection's schema does not declare /_meta/op");
    weir_view said = pointer_find(doc, VIEW("/" AIRBYTE_DELETED_AT));
    if (said.len && !view_is(said, "null")) {
        buf_addv(&w->out, doc);
        return WEIR_OK;
    }
    clock_now(&seconds, &nanos);
    buf_printf(&patch, "{\"" AIRBYTE_DELETED_AT "\":\"%.*s\"}", (int)clock_rfc3339(seconds, nanos / 1000000 * 1000000, now), now);
    bool ok = buf_ok(&patch) && patch_apply(&w->out, doc, buf_view(&patch));
    buf_free(&patch);
    return ok ? WEIR_OK : err_nomem(e);
}

static weir_rc put_record(airbyte_writing *w, const written_stream *s, const weir_row *row, err *e)
{
    buf *out = &w->out;
    weir_rc rc = WEIR_OK;
    if (!row->doc.len)
        return err_fail(e, WEIR_E_CONFIG, "the platform sends no documents: select the field that holds the whole document");
    buf_addv(out, s->prefix);
    size_t at = out->len;
    if (row->op == WEIR_DELETE)
        rc = put_deletion(w, s, row->doc, e);
    else if (memchr(row->doc.ptr, '\n', row->doc.len) || memchr(row->doc.ptr, '\r', row->doc.len))
        json_compact(out, row->doc);
    else
        buf_addv(out, row->doc);
    if (!rc && s->row_id && buf_ok(out))
        out->len = at + unwrap_row_id(out->ptr + at, out->len - at);
    buf_adds(out, ",\"emitted_at\":");
    buf_adds(out, w->time);
    return rc;
}

weir_rc writing_store(airbyte_writing *w, written_stream *s, const weir_row *rows, size_t n, err *e)
{
    weir_rc rc = WEIR_OK;
    set_time(w);
    for (size_t i = 0; i < n && !rc; i++) {
        rc = put_record(w, s, &rows[i], e);
        if (!rc && w->out.len >= BLOCK) {
            rc = flush(w, e);
            set_time(w);
        }
    }
    s->stored += n;
    w->dirty = true;
    return rc;
}

/* A STATE for each stream that got something: whatever comes back of it tells which. */
static void put_states(airbyte_writing *w)
{
    for (size_t i = 0; i < w->count; i++) {
        written_stream *s = w->streams[i];
        if (!s || !s->stored)
            continue;
        pthread_mutex_lock(&w->lock);
        s->sent = ++w->states;
        s->sent_records = s->stored;
        pthread_mutex_unlock(&w->lock);
        airbyte_open(&w->out, AIRBYTE_STATE);
        buf_printf(&w->out, "{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":%.*s,\"stream_state\":{\"weir\":{\"stream\":%zu,\"state\":%llu}}},"
                            "\"sourceStats\":{\"recordCount\":%llu.0}}",
                   VIEW_ARG(s->descriptor), i, (unsigned long long)s->sent, (unsigned long long)s->stored);
        airbyte_close(&w->out);
    }
}

/* Every stream needs a last status, also one without records (airbyte.md 3.2). */
static void put_statuses(airbyte_writing *w, const char *status)
{
    for (size_t i = 0; i < w->count; i++) {
        const written_stream *s = w->streams[i];
        if (!s)
            continue;
        airbyte_open(&w->out, AIRBYTE_TRACE);
        buf_printf(&w->out, "{\"type\":\"STREAM_STATUS\",\"emitted_at\":%lld,\"stream_status\":{\"stream_descriptor\":%.*s,\"status\":\"%s\"}}",
                   (long long)airbyte_now(), VIEW_ARG(s->descriptor), status);
        airbyte_close(&w->out);
    }
}

/* ---- confirmations ---- */

/* Under the lock. */
static const written_stream *unconfirmed(const airbyte_writing *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->streams[i] && w->streams[i]->sent > w->streams[i]->echoed)
            return w->streams[i];
    return NULL;
}

typedef enum outcome { CONFIRMED, LATE, ENDED } outcome;

/* As long as it reads, it is not late. */
static outcome await_echoes(airbyte_writing *w)
{
    size_t unread = SIZE_MAX;
    pthread_mutex_lock(&w->lock);
    int64_t until = clock_ms() + GRACE_MS;
    while (!w->ended && unconfirmed(w)) {
        if (await_news(w, until))
            continue;
        size_t now = child_unread(w->peer.c);
        if (now >= unread || !now)
            break;
        unread = now;
        until = clock_ms() + GRACE_MS;
    }
    outcome is = !unconfirmed(w) ? CONFIRMED : w->ended ? ENDED : LATE;
    pthread_mutex_unlock(&w->lock);
    return is;
}

static weir_rc judge(airbyte_writing *w, err *e)
{
    weir_rc rc = w->rc ? airbyte_peer_explain(&w->peer, err_move(e, &w->err), e) : airbyte_peer_finish(&w->peer, false, e);
    const written_stream *s = unconfirmed(w); /* the reader has ended: nobody else looks */
    if (!rc && s)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the destination has ended well, but has not confirmed the records of stream '%.*s': they will be sent again",
                      VIEW_ARG(s->resource.stream));
    return rc;
}

weir_rc writing_conclude(airbyte_writing *w, err *e)
{
    put_statuses(w, "COMPLETE");
    weir_rc rc = flush(w, e);
    if (!rc) {
        child_close_input(w->peer.c);
        await_end(w, 0);
        rc = judge(w, e);
    }
    for (size_t i = 0; i < w->count && !rc; i++)
        if (w->streams[i])
            w->streams[i]->begun |= written_overwrites(w->streams[i]);
    writing_give_up(w); /* it may live on, deaf */
    return rc;
}

/* What a CONTROL said: told on the thread that may. */
static weir_rc pass_config(airbyte_writing *w, weir_task *t)
{
    buf body = {0};
    pthread_mutex_lock(&w->lock);
    buf swap = body;
    body = w->config;
    w->config = swap;
    pthread_mutex_unlock(&w->lock);
    weir_rc rc = body.len ? airbyte_run_control(t, (airbyte_run *)(uintptr_t)w->r, buf_view(&body)) : WEIR_OK;
    buf_wipe(&body);
    return rc;
}

/* Does it have to end for the transaction to be good? The first rows of a new generation take the place of the old ones only then. */
static bool must_end(const airbyte_writing *w)
{
    bool must = w->ends_late || w->stale;
    for (size_t i = 0; i < w->count && !must; i++)
        must = w->streams[i] && written_overwrites(w->streams[i]) && !w->streams[i]->begun;
    return must;
}

weir_rc writing_settle(airbyte_writing *w, weir_task *t, err *e)
{
    put_states(w);
    weir_rc rc = flush(w, e);
    outcome is = rc || must_end(w) ? ENDED : await_echoes(w);
    w->ends_late |= is == LATE;
    if (!rc && is != CONFIRMED)
        rc = writing_conclude(w, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < w->count; i++)
        if (w->streams[i])
            w->streams[i]->stored = 0;
    w->dirty = false;
    return pass_config(w, t);
}
