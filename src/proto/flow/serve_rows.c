/* What follows open: keys and rows come in, are gathered, and go to the connector; transactions (flow.md 5.5). */
#include "json/pointer.h"
#include "json/scan.h"
#include "proto/flow/names.h"
#include "proto/flow/serve_destination.h"

enum { BATCH_ROWS = 1024, BATCH_BYTES = 512 * 1024 };

/* Rows on their way to the connector: of one binding, either keys to be loaded or rows to be stored. */
typedef struct batch {
    arena arena;     /* of their texts */
    weir_row *rows;
    size_t count, room, bytes;
    flow_kind kind;  /* FLOW_LOAD, FLOW_STORE */
} batch;

typedef struct storing {
    flow_destination *d;
    batch batch;
    buf room;          /* an unpacked tuple */
    bool acknowledged; /* since the last startedCommit: loaded documents may be sent */
    bool flushed;      /* in this transaction */
} storing;

/* Keys that came before the acknowledgement wait for it (flow.md 5.5: the platform runs ahead). */
static bool must_wait(const storing *s)
{
    return s->batch.kind == FLOW_LOAD && !s->acknowledged;
}

/* Loaded rows are needed until the flush if the connector answers then. */
static bool keeps_keys(const storing *s)
{
    return s->d->v->c->materialize->flush != NULL;
}

static weir_rc hand_over(storing *s, weir_row *rows, size_t count, err *e)
{
    const weir_materialize *c = s->d->v->c->materialize;
    if (s->batch.kind == FLOW_STORE)
        return err_wrap(e, session_store(s->d->s, rows, count, e), "binding %.*s", VIEW_ARG(rows->binding->name));
    return c->load ? err_wrap(e, session_load(s->d->s, rows, count, e), "binding %.*s", VIEW_ARG(rows->binding->name)) : WEIR_OK;
}

/* Gives the connector what was gathered. Keys that waited may be of several bindings. */
static weir_rc dispatch(storing *s, err *e)
{
    batch *b = &s->batch;
    weir_rc rc = WEIR_OK;
    for (size_t from = 0, to; !rc && from < b->count; from = to) {
        for (to = from + 1; to < b->count && b->rows[to].binding == b->rows[from].binding; to++)
            ;
        rc = hand_over(s, b->rows + from, to - from, e);
    }
    b->count = b->room = b->bytes = 0;
    b->rows = NULL;
    if (b->kind == FLOW_STORE || !keeps_keys(s))
        arena_reset(&b->arena);
    return rc;
}

/* Twice as much as there was, so that what is left behind is no more than what there is. */
static bool grow(batch *b)
{
    const size_t room = b->room ? 2 * b->room : BATCH_ROWS;
    weir_row *more = arena_array(&b->arena, room, sizeof *more);
    if (!more)
        return false;
    if (b->count)
        memcpy(more, b->rows, b->count * sizeof *more);
    b->rows = more;
    b->room = room;
    return true;
}

/* Room for one more row. While keys have to wait it grows. */
static weir_row *next_row(storing *s, const weir_binding *of, flow_kind kind, err *e)
{
    batch *b = &s->batch;
    bool other = b->count && (b->kind != kind || (b->rows[b->count - 1].binding != of && !must_wait(s)));
    if (other || (b->bytes >= BATCH_BYTES && !must_wait(s)) || (b->count && b->count % BATCH_ROWS == 0 && !must_wait(s)))
        if (dispatch(s, e))
            return NULL;
    b->kind = kind;
    if (b->count == b->room && !grow(b)) {
        err_nomem(e);
        return NULL;
    }
    weir_row *row = &b->rows[b->count++];
    *row = (weir_row){.binding = of};
    return row;
}

/* Moves views into one text to a copy of it. */
static bool keep_views(batch *b, weir_view *views, size_t count)
{
    if (!count)
        return true;
    const char *first = views[0].ptr;
    const size_t len = (size_t)(views[count - 1].ptr + views[count - 1].len - first);
    weir_view copy = arena_dup(&b->arena, (weir_view){first, len});
    for (size_t i = 0; copy.ptr && i < count; i++)
        views[i].ptr = copy.ptr + (views[i].ptr - first);
    b->bytes += len;
    return copy.ptr != NULL;
}

/* A document stays, on one line. */
static bool keep_doc(batch *b, const flow_message *m, weir_view *ret)
{
    buf flat = {0};
    if (m->lines)
        json_compact(&flat, m->doc);
    *ret = arena_dup(&b->arena, m->lines ? buf_view(&flat) : m->doc);
    b->bytes += m->doc.len;
    bool ok = buf_ok(&flat) && ret->ptr;
    buf_free(&flat);
    return ok;
}

static weir_rc fill_values(storing *s, const flow_message *m, weir_row *row, size_t values, err *e)
{
    const weir_binding *b = row->binding;
    weir_view *to = arena_array(&s->batch.arena, b->column_count, sizeof *to);
    if (!to)
        return err_nomem(e);
    weir_rc rc = flow_values(m, false, b->key_count, to, &s->room, e);
    if (!rc && !keep_views(&s->batch, to, b->key_count))
        rc = err_nomem(e);
    if (!rc && m->kind == FLOW_STORE)
        rc = flow_values(m, true, values, to + b->key_count, &s->room, e);
    if (!rc && m->kind == FLOW_STORE && !keep_views(&s->batch, to + b->key_count, values))
        rc = err_nomem(e);
    if (values < b->column_count - b->key_count)
        to[b->column_count - 1] = row->doc;
    row->values = to;
    return rc;
}

static weir_rc fill_row(storing *s, const flow_message *m, weir_row *row, err *e)
{
    const weir_binding *b = row->binding;
    const bool relay = s->d->v->c->materialize->relay;
    const bool document = b->column_count > b->key_count && !b->columns[b->column_count - 1].pointer.len;
    if (m->kind == FLOW_STORE) {
        row->op = m->deleted ? WEIR_DELETE : WEIR_UPSERT;
        row->exists = m->exists || m->deleted ? WEIR_EXISTS_YES : WEIR_EXISTS_NO;
        if (m->doc.len && !keep_doc(&s->batch, m, &row->doc))
            return err_nomem(e);
        if (!m->doc.len && relay)
            return err_fail(e, WEIR_E_PROTOCOL, "a 'store' without a document");
    }
    if (relay && m->kind == FLOW_STORE) {
        if (view_is(pointer_find(row->doc, VIEW("/_meta/op")), "\"d\""))
            row->op = WEIR_DELETE;
        return WEIR_OK;
    }
    return fill_values(s, m, row, b->column_count - b->key_count - document, e);
}

static weir_rc on_row(storing *s, const flow_message *m, err *e)
{
    if (m->binding >= s->d->count)
        return err_fail(e, WEIR_E_PROTOCOL, "binding %u of %zu", m->binding, s->d->count);
    if (m->kind == FLOW_STORE && !s->flushed)
        return err_fail(e, WEIR_E_PROTOCOL, "a row before 'flush'");
    if (m->kind == FLOW_LOAD && s->flushed)
        return err_fail(e, WEIR_E_PROTOCOL, "a key after 'flush'");
    weir_row *row = next_row(s, &s->d->b[m->binding], m->kind, e);
    return row ? fill_row(s, m, row, e) : e->rc;
}

static weir_rc on_flush(storing *s, const flow_message *m, err *e)
{
    if (!s->acknowledged || s->flushed)
        return err_fail(e, WEIR_E_PROTOCOL, s->flushed ? "a second one in a transaction" : "before 'acknowledge'");
    weir_rc rc = flow_kept_hear(&s->d->kept, s->d->s, m->body, e);
    if (!rc)
        rc = dispatch(s, e);
    if (!rc)
        rc = session_flush(s->d->s, e);
    s->d->loading = false;
    arena_reset(&s->batch.arena);
    s->flushed = true;
    return rc ? rc : flow_respond_state(s->d->v, &s->d->kept, FLOW_FLUSHED, e);
}

static weir_rc on_start_commit(storing *s, const flow_message *m, err *e)
{
    arena a = {0};
    tree *body;
    if (!s->flushed)
        return err_fail(e, WEIR_E_PROTOCOL, "before 'flush'");
    weir_rc rc = dispatch(s, e);
    if (!rc)
        rc = tree_parse(&a, m->body, NULL, WEIR_E_PROTOCOL, &body, e);
    if (!rc)
        rc = flow_kept_peers(&s->d->kept, s->d->s, body, e);
    if (!rc) {
        weir_view position = name_raw(body, "runtimeCheckpoint");
        rc = session_commit(s->d->s, position.len ? position : VIEW("{}"), e);
    }
    s->acknowledged = s->flushed = false;
    arena_free(&a);
    return rc ? rc : flow_respond_state(s->d->v, &s->d->kept, FLOW_STARTED_COMMIT, e);
}

static weir_rc on_acknowledge(storing *s, const flow_message *m, err *e)
{
    if (s->acknowledged)
        return err_fail(e, WEIR_E_PROTOCOL, "a second one in a transaction");
    weir_rc rc = flow_kept_hear(&s->d->kept, s->d->s, m->body, e);
    if (!rc)
        rc = session_acknowledge(s->d->s, e);
    s->acknowledged = s->d->loading = true;
    return rc ? rc : flow_respond_state(s->d->v, &s->d->kept, FLOW_ACKNOWLEDGED, e);
}

static const struct {
    flow_kind kind;
    weir_rc (*handle)(storing *, const flow_message *m, err *e);
} steps[] = {
    {FLOW_STORE, on_row}, {FLOW_LOAD, on_row}, {FLOW_FLUSH, on_flush}, {FLOW_START_COMMIT, on_start_commit}, {FLOW_ACKNOWLEDGE, on_acknowledge},
};

static weir_rc take_step(storing *s, const flow_message *m, err *e)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i].kind == m->kind)
            return err_wrap(e, steps[i].handle(s, m, e), "%s", flow_kind_name(m->kind));
    return err_fail(e, WEIR_E_PROTOCOL, "a '%s' request while storing", flow_kind_name(m->kind));
}

weir_rc flow_serve_transactions(flow_destination *d, err *e)
{
    storing s = {.d = d};
    weir_rc rc = WEIR_OK;
    for (bool more = true; !rc && more;) {
        flow_message m;
        rc = flow_server_await(d->v, session_stop_fd(d->s), e);
        if (!rc)
            rc = flow_stream_next(&d->v->in, d->v->in_dir, &m, &more, e);
        if (!rc && more)
            rc = take_step(&s, &m, e);
    }
    arena_free(&s.batch.arena);
    buf_free(&s.room);
    return rc;
}
