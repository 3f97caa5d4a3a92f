/* A lane of a sync: documents become records as they come, records batches, and these wait for their checkpoint. */
#include <stdlib.h>

#include "net/rpc.h"
#include "proto/fivetran/update_parts.h"

/* ---- messages that wait ---- */

static ft_message *queue_next(ft_queue *q)
{
    if (q->count == q->room) {
        size_t room = q->room * 2 + 8;
        ft_message *items = realloc(q->items, room * sizeof *items);
        if (!items)
            return NULL;
        q->items = items;
        q->room = room;
    }
    q->items[q->count] = (ft_message){0};
    return &q->items[q->count++];
}

static bool queue_bytes(ft_queue *q, buf *bytes)
{
    ft_message *m = buf_ok(bytes) ? queue_next(q) : NULL;
    if (!m) {
        buf_free(bytes);
        return false;
    }
    m->bytes = *bytes;
    *bytes = (buf){0};
    return true;
}

bool ft_queue_batch(ft_queue *q, ft_batch *b)
{
    buf bytes = {0};
    if (!b->count)
        return buf_ok(&b->records);
    ft_batch_message(b, &bytes);
    return queue_bytes(q, &bytes);
}

void ft_queue_clear(ft_queue *q)
{
    for (size_t i = 0; i < q->count; i++)
        buf_free(&q->items[i].bytes);
    q->count = 0;
}

/* ---- lanes ---- */

ft_lane *ft_lane_new(ft_listener *u, ft_target *targets, size_t count)
{
    ft_lane *l = calloc(1, sizeof *l);
    ft_slot *slots = calloc(count ? count : 1, sizeof *slots);
    if (!l || !slots) {
        free(l);
        free(slots);
        return NULL;
    }
    *l = (ft_lane){.u = u, .slots = slots, .count = count};
    for (size_t i = 0; i < count; i++)
        slots[i] = (ft_slot){.of = l, .target = &targets[i]};
    return l;
}

void ft_lane_clear(ft_lane *l)
{
    ft_queue_clear(&l->queue);
    buf_clear(&l->open.records);
    l->open.count = 0;
}

void ft_lane_free(ft_lane *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++) {
        ft_typed_free(l->slots[i].typed);
        ft_columns_free(&l->slots[i].columns);
    }
    ft_queue_clear(&l->queue);
    free(l->queue.items);
    buf_free(&l->open.records);
    buf_free(&l->record);
    free(l->slots);
    free(l);
}

/* ---- tables that change ---- */

static weir_rc queue_change(ft_slot *s, err *e)
{
    ft_lane *l = s->of;
    ft_message *m = ft_queue_batch(&l->queue, &l->open) ? queue_next(&l->queue) : NULL;
    if (!m)
        return err_nomem(e);
    m->change = &s->target->table;
    return WEIR_OK;
}

/* Columns that another lane has found may not have been told yet: its checkpoint may come later than this lane's. */
weir_rc ft_lane_refresh(ft_slot *s, err *e)
{
    ft_columns now;
    if (!ft_growing_columns(&s->target->table, &now))
        return err_nomem(e);
    ft_columns_free(&s->columns);
    s->columns = now;
    return now.version ? queue_change(s, e) : WEIR_OK;
}

weir_rc ft_lane_fit(ft_slot *s, const ft_misfit *misfit, err *e)
{
    weir_rc rc = ft_growing_fit(&s->target->table, misfit, s->columns.version, e);
    return rc ? rc : ft_lane_refresh(s, e);
}

/* ---- records ---- */

/* Larger than a batch may be: it goes alone, and is said to (fivetran.md 2.3). */
static weir_rc add_oversized(ft_slot *s, err *e)
{
    ft_lane *l = s->of;
    const weir_view table = s->target->table.table.name;
    buf warning = {0}, text = {0}, record = {0};
    if (l->record.len > RPC_MESSAGE_MAX - 1024)
        return err_fail(e, WEIR_E_REMOTE, "a record of '%.*s' has %zu bytes: the platform takes %d", VIEW_ARG(table), l->record.len, RPC_MESSAGE_MAX - 1024);
    buf_printf(&text, "a record of table '%.*s' has %zu bytes, more than the %d of a batch: it is sent alone", VIEW_ARG(table), l->record.len, FT_BATCH_BYTES);
    ft_warning_message(buf_view(&text), &warning);
    ft_record_message(buf_view(&l->record), &record);
    bool ok = buf_ok(&text) && ft_queue_batch(&l->queue, &l->open) && queue_bytes(&l->queue, &warning) && queue_bytes(&l->queue, &record);
    buf_free(&l->record);
    buf_free(&warning);
    buf_free(&record);
    buf_free(&text);
    return ok ? WEIR_OK : err_nomem(e);
}

weir_rc ft_lane_add(ft_slot *s, err *e)
{
    ft_lane *l = s->of;
    const size_t size = l->record.len;
    if (__builtin_expect(!ft_batch_fits(&l->open, size), 0)) {
        if (!ft_batch_fits(&(ft_batch){0}, size))
            return add_oversized(s, e);
        if (!ft_queue_batch(&l->queue, &l->open))
            return err_nomem(e);
    }
    ft_batch_add(&l->open, buf_view(&l->record));
    return buf_ok(&l->open.records) ? WEIR_OK : err_nomem(e);
}

static weir_rc make_record(ft_slot *s, ft_op op, weir_view doc, err *e)
{
    buf *out = &s->of->record;
    weir_rc rc = s->columns.writing ? WEIR_OK : ft_lane_refresh(s, e);
    while (!rc) {
        ft_misfit misfit;
        buf_clear(out);
        rc = ft_write_record(s->columns.writing, op, doc, out, &misfit, e);
        if (rc != WEIR_E_CONFIG)
            break;
        rc = ft_lane_fit(s, &misfit, e);
        if (!rc)
            err_clear(e);
    }
    return rc;
}

static weir_rc take(outlet *o, weir_task *t, size_t start, size_t *ret_held)
{
    static const ft_op ops[] = {[WEIR_UPSERT] = FT_UPSERT, [WEIR_DELETE] = FT_DELETE, [WEIR_UPDATE] = FT_UPDATE};
    ft_slot *s = o->context;
    char *doc = o->to->ptr + start;
    size_t len = o->to->len - start;
    ft_op op = ops[o->op];
    o->to->len = start;
    if (s->target->row_id)
        len = unwrap_row_id(doc, len);
    if (s->target->deletes && op == FT_UPSERT && unwrap_deletes((weir_view){doc, len}))
        op = FT_DELETE;
    weir_rc rc = make_record(s, op, (weir_view){doc, len}, task_error(t));
    *ret_held = s->of->record.len; /* or will, as a message of its own */
    return rc ? rc : ft_lane_add(s, task_error(t));
}

/* The operation is told by the record, not in the document. */
static bool keep_document(const outlet *o, weir_op op, weir_view doc, buf *out)
{
    (void)o;
    (void)op;
    buf_addv(out, doc);
    return buf_ok(out);
}

void ft_lane_outlet(ft_lane *l, size_t i, outlet *o, buf *to)
{
    const ft_target *target = l->slots[i].target;
    *o = (outlet){.to = to, .prefix = VIEW(""), .suffix = VIEW(""), .take = take, .mark = keep_document, .context = &l->slots[i]};
    if (!target->row_id && !target->deletes)
        o->values = &ft_typed_values;
}

weir_rc ft_truncate_message(ft_writing *w, buf *out, err *e)
{
    buf record = {0};
    ft_misfit misfit;
    weir_rc rc = ft_write_record(w, FT_TRUNCATE, VIEW("{}"), &record, &misfit, e);
    if (!rc)
        ft_record_message(buf_view(&record), out);
    rc = rc || (buf_ok(&record) && buf_ok(out)) ? rc : err_nomem(e);
    buf_free(&record);
    return rc;
}

/* In a message of its own: it is about everything that was received before it. */
weir_rc ft_lane_truncate(ft_slot *s, err *e)
{
    ft_lane *l = s->of;
    buf message = {0};
    weir_rc rc = s->columns.writing ? WEIR_OK : ft_lane_refresh(s, e);
    if (!rc)
        rc = ft_truncate_message(s->columns.writing, &message, e);
    if (!rc && !(ft_queue_batch(&l->queue, &l->open) && queue_bytes(&l->queue, &message)))
        rc = err_nomem(e);
    buf_free(&message);
    return rc;
}
