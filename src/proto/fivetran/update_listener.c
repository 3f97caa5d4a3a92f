/* The listener of a sync. Lanes take turns, a checkpoint at a time, so that records and their state stay together; one that holds too much keeps the turn until its
 * checkpoint. Batches of small checkpoints are put together, and of states that follow each other closely only the last goes out. */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "json/patch.h"
#include "proto/fivetran/say.h"
#include "proto/fivetran/update_parts.h"

/* ---- sending: all with the turn ---- */

static weir_rc fail_again(ft_listener *u, err *e)
{
    return err_fail(e, u->failure.rc, "%s", err_text(&u->failure));
}

/* Takes the message over. */
static weir_rc send(ft_listener *u, buf *message, bool more, err *e)
{
    if (!u->failure.rc && !buf_ok(message))
        err_nomem(&u->failure);
    if (!u->failure.rc)
        u->out.send(u->out.arg, message, more, &u->failure);
    u->stated = false;
    buf_free(message);
    return u->failure.rc ? fail_again(u, e) : WEIR_OK;
}

static weir_rc send_pending(ft_listener *u, bool more, err *e)
{
    buf message = {0};
    if (!u->pending.count)
        return u->failure.rc ? fail_again(u, e) : WEIR_OK;
    ft_batch_message(&u->pending, &message);
    return send(u, &message, more, e);
}

static weir_rc send_queued(ft_listener *u, ft_message *m, bool more, err *e)
{
    if (m->change)
        ft_growing_message(m->change, u->streams.schemas, &m->bytes);
    if (m->change && !m->bytes.len && buf_ok(&m->bytes))
        return WEIR_OK;
    return send(u, &m->bytes, more, e);
}

/* @param more another message follows the last one at once */
static weir_rc send_queue(ft_listener *u, ft_queue *q, bool more, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < q->count && !rc; i++)
        rc = send_queued(u, &q->items[i], more || i + 1 < q->count, e);
    ft_queue_clear(q);
    return rc;
}

static weir_rc send_state(ft_listener *u, err *e)
{
    buf message = {0};
    ft_checkpoint_message(u->state.len ? buf_view(&u->state) : VIEW("{}"), &message);
    weir_rc rc = send(u, &message, false, e);
    u->state_waits = false;
    u->stated = true;
    u->since = 0;
    u->state_at = clock_ms();
    return rc;
}

/* What is sealed, and its state. */
static weir_rc settle(ft_listener *u, err *e)
{
    weir_rc rc = send_pending(u, u->state_waits, e);
    return rc || !u->state_waits ? rc : send_state(u, e);
}

/* ---- lanes ---- */

static weir_rc on_attach(listener *base, weir_task *t, lane *ln)
{
    ft_listener *u = (ft_listener *)base;
    ft_lane *l = ft_lane_new(u, u->targets, u->count);
    if (!l)
        return err_nomem(task_error(t));
    for (size_t i = 0; i < u->count; i++)
        ft_lane_outlet(l, i, &ln->outlets[i], &ln->shared);
    ln->own = l;
    return WEIR_OK;
}

static void on_detach(listener *base, lane *ln)
{
    if (ln->exclusive)
        turn_give_back(&((ft_listener *)base)->turn);
    ft_lane_free(ln->own);
    ln->own = NULL;
}

static weir_rc on_spill(listener *base, weir_task *t, lane *ln)
{
    ft_listener *u = (ft_listener *)base;
    turn_take(&u->turn, ln);
    ln->exclusive = true;
    weir_rc rc = settle(u, task_error(t));
    turn_keep(&u->turn);
    u->since += ln->held;
    return rc ? rc : send_queue(u, &((ft_lane *)ln->own)->queue, false, task_error(t));
}

/* ---- checkpoints ---- */

static bool both_fit(const ft_batch *a, const ft_batch *b)
{
    return a->count + b->count <= FT_BATCH_RECORDS && a->records.len + b->records.len <= FT_BATCH_BYTES;
}

static void swap(ft_batch *a, ft_batch *b)
{
    ft_batch was = *a;
    *a = *b;
    *b = was;
}

/* What the lane holds goes behind what is sealed: whole messages at once, the rest waits to become one. */
static weir_rc gather(ft_listener *u, ft_lane *l, err *e)
{
    weir_rc rc = WEIR_OK;
    if (!buf_ok(&l->open.records))
        return err_nomem(e);
    if (l->queue.count || !both_fit(&u->pending, &l->open)) {
        rc = send_pending(u, true, e);
        if (!rc)
            rc = send_queue(u, &l->queue, true, e);
    }
    if (rc)
        return rc;
    if (!u->pending.count) {
        swap(&u->pending, &l->open);
        return WEIR_OK;
    }
    buf_addv(&u->pending.records, buf_view(&l->open.records));
    if (!buf_ok(&u->pending.records)) {
        u->pending.records.failed = false;
        return err_nomem(e);
    }
    u->pending.count += l->open.count;
    buf_clear(&l->open.records);
    l->open.count = 0;
    return WEIR_OK;
}

static weir_rc take_state(ft_listener *u, const checkpoint *c, err *e)
{
    buf next = {0};
    bool ok = true;
    if (c->merge)
        ok = patch_apply(&next, u->state.len ? buf_view(&u->state) : VIEW("{}"), c->state);
    else
        buf_addv(&next, c->state);
    if (!ok || !buf_ok(&next)) {
        buf_free(&next);
        return err_nomem(e);
    }
    buf_free(&u->state);
    u->state = next;
    return WEIR_OK;
}

/* A state goes out with what it covers, when that is much or the last one was long ago. One that is larger than what it covers waits for more. */
static weir_rc send_if_due(ft_listener *u, err *e)
{
    const bool waited = u->state_waits;
    u->state_waits = true;
    if ((u->since >= FT_STATE_BYTES && u->since >= u->state.len) || clock_ms() - u->state_at >= FT_STATE_MS)
        return settle(u, e);
    if (!waited) {
        const uint64_t one = 1;
        ssize_t n = write(u->wake, &one, sizeof one);
        (void)n; /* full means: it is awake */
    }
    return WEIR_OK;
}

static weir_rc on_seal(listener *base, weir_task *t, lane *ln, const checkpoint *c)
{
    ft_listener *u = (ft_listener *)base;
    turn_take(&u->turn, ln);
    weir_rc rc = u->failure.rc ? fail_again(u, task_error(t)) : gather(u, ln->own, task_error(t));
    if (!rc)
        rc = take_state(u, c, task_error(t));
    if (!rc)
        rc = task_sealed(t, c);
    u->since += ln->held;
    if (!rc)
        rc = send_if_due(u, task_error(t));
    ln->exclusive = false;
    turn_give_back(&u->turn);
    return rc;
}

bool ft_listener_flush(void *arg)
{
    ft_listener *u = arg;
    bool held = false;
    err unheard = {0}; /* the lane that seals next hears of it, or the end */
    if (!turn_try(&u->turn, u, &held))
        return !held;
    settle(u, &unheard);
    turn_give_back(&u->turn);
    err_free(&unheard);
    return false;
}

weir_rc ft_listener_finish(ft_listener *u, err *e)
{
    turn_take(&u->turn, u);
    u->state_waits = u->state_waits || !u->stated;
    weir_rc rc = settle(u, e);
    turn_give_back(&u->turn);
    return rc;
}

/* ---- other things that are said ---- */

static weir_rc say(ft_listener *u, const lane *ln, buf *message, err *e)
{
    turn_take(&u->turn, ln ? (const void *)ln : u);
    weir_rc rc = send_pending(u, true, e);
    if (!rc)
        rc = send(u, message, false, e);
    if (!ln || !ln->exclusive)
        turn_give_back(&u->turn);
    buf_free(message);
    return rc;
}

weir_rc ft_listener_say(ft_listener *u, buf *message, err *e)
{
    return say(u, NULL, message, e);
}

/* A table that is read from the beginning: rows that are not there any more are not sent, and would stay (fivetran.md 2.3). */
static weir_rc on_begin(listener *base, weir_task *t, lane *ln, const weir_binding *b)
{
    ft_listener *u = (ft_listener *)base;
    ft_target *target = &u->targets[b->index];
    ft_columns columns;
    buf message = {0};
    if (!target->afresh)
        return WEIR_OK;
    if (!ft_growing_columns(&target->table, &columns))
        return err_nomem(task_error(t));
    weir_rc rc = ft_truncate_message(columns.writing, &message, task_error(t));
    ft_columns_free(&columns);
    return rc ? rc : say(u, ln, &message, task_error(t));
}

static weir_rc warn(ft_listener *u, lane *ln, const weir_binding *b, err *why)
{
    buf text = {0}, message = {0};
    err e = {0};
    buf_printf(&text, "table %.*s could not be read: ", VIEW_ARG(b->name));
    ft_reason(u->log, why, &text);
    log_line(u->log, WEIR_WARN, "%s", buf_text(&text));
    ft_warning_message(buf_view(&text), &message);
    message.failed |= !buf_ok(&text);
    weir_rc rc = say(u, ln, &message, &e);
    err_free(&e);
    buf_free(&text);
    return rc;
}

/* One table's failure is a warning, and the others are read; the sync fails at its end. What was not sealed is dropped. */
static weir_rc on_end(listener *base, weir_task *t, lane *ln, const weir_binding *b, weir_rc rc)
{
    ft_listener *u = (ft_listener *)base;
    if (!rc || u->together || u->count < 2 || !ft_is_warning(rc))
        return rc;
    if (ln->own)
        ft_lane_clear(ln->own);
    buf_clear(&ln->shared);
    turn_take(&u->turn, ln);
    ln->exclusive = false;
    u->failed_rc = u->failed && u->failed_rc != rc ? WEIR_E_REMOTE : rc;
    u->failed++;
    return warn(u, ln, b, task_error(t)) ? rc : WEIR_OK;
}

static weir_rc on_schema(listener *base, weir_task *t, lane *ln, const weir_binding *b, weir_view schema)
{
    ft_target *target = &((ft_listener *)base)->targets[b->index];
    ft_lane *l = ln->own;
    arena a = {0};
    tree *parsed;
    ft_table sourced = {0};
    bool changed = false;
    weir_rc rc = tree_parse(&a, schema, NULL, WEIR_E_BUG, &parsed, task_error(t));
    if (!rc)
        rc = ft_columns_of_schema(&a, parsed, target->key, &sourced, task_error(t));
    if (!rc)
        rc = ft_growing_unite(&target->table, &sourced, &changed, task_error(t));
    if (!rc && changed)
        rc = ft_lane_refresh(&l->slots[b->index], task_error(t));
    arena_free(&a);
    return rc;
}

static weir_rc on_truncate(listener *base, weir_task *t, lane *ln, const weir_binding *b)
{
    (void)base;
    ln->truncated = true;
    return ft_lane_truncate(&((ft_lane *)ln->own)->slots[b->index], task_error(t));
}

static weir_rc on_discovered(listener *base, weir_task *t, const weir_stream *s, weir_view resource, weir_view path)
{
    return streams_add(&((ft_listener *)base)->streams.found, t, s, resource, path);
}

static const listener_ops ops = {
    .attach = on_attach,
    .detach = on_detach,
    .spill = on_spill,
    .seal = on_seal,
    .schema = on_schema,
    .discovered = on_discovered,
    .begin = on_begin,
    .end = on_end,
    .truncate = on_truncate,
};

weir_rc ft_listener_init(ft_listener *u, const ft_sync *o, err *e)
{
    *u = (ft_listener){.base = {&ops}, .out = o->out, .log = o->log, .together = o->c->capture->all_in_one, .state_at = clock_ms()};
    turn_init(&u->turn);
    u->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return u->wake >= 0 ? WEIR_OK : err_fail(e, WEIR_E_NOMEM, "no descriptor is to be had");
}

void ft_listener_free(ft_listener *u)
{
    for (size_t i = 0; i < u->count; i++)
        ft_growing_free(&u->targets[i].table);
    ft_streams_free(&u->streams);
    buf_free(&u->pending.records);
    buf_free(&u->state);
    err_free(&u->failure);
    if (u->wake >= 0)
        close(u->wake);
    turn_free(&u->turn);
}
