/* What follows open of a derivation: documents come in, are gathered, and go to the connector; transactions (flow.md 4.3). What is gathered goes to the connector when
 * nothing more is there to be read, too: a platform may wait for what it publishes before it sends more. */
#include <stdlib.h>

#include "json/scan.h"
#include "json/text.h"
#include "proto/flow/names.h"
#include "proto/flow/serve_derivation.h"

enum { BATCH_READS = 1024, BATCH_BYTES = 512 * 1024 };

typedef struct reading {
    flow_derivation *d;
    arena arena;      /* texts of the documents that wait */
    weir_read *reads; /* BATCH_READS */
    size_t count, bytes;
    bool flushed;     /* in this transaction */
    buf room;         /* an unpacked tuple */
} reading;

static void drop(reading *r)
{
    r->count = r->bytes = 0;
    arena_reset(&r->arena);
}

/* Gives the connector what was gathered. */
static weir_rc dispatch(reading *r, err *e)
{
    weir_rc rc = r->count ? session_read(r->d->s, r->reads, r->count, e) : WEIR_OK;
    drop(r);
    return rc;
}

/* On one line, and of the batch. */
static weir_rc keep(reading *r, weir_view text, bool lines, weir_view *ret, err *e)
{
    buf flat = {0};
    if (lines)
        json_compact(&flat, text);
    *ret = arena_dup(&r->arena, lines ? buf_view(&flat) : text);
    r->bytes += text.len;
    bool ok = buf_ok(&flat) && ret->ptr;
    buf_free(&flat);
    return ok ? WEIR_OK : err_nomem(e);
}

/* The shuffle key: as it came in JSON, or else from the tuple (flow.md 6.3). */
static weir_rc keep_key(reading *r, const flow_message *m, weir_view *ret, err *e)
{
    weir_view key = m->key;
    if (!key.len && !m->key_packed.len)
        return WEIR_OK;
    if (!key.len) {
        weir_rc rc = flow_unpack(m, m->key_packed, &r->room, e);
        if (rc)
            return err_wrap(e, rc, "the shuffle key");
        key = buf_view(&r->room);
    }
    return keep(r, key, false, ret, e);
}

static weir_rc on_read(reading *r, const flow_message *m, err *e)
{
    flow_derivation *d = r->d;
    if (r->flushed)
        return err_fail(e, WEIR_E_PROTOCOL, "a document after 'flush'");
    if (m->binding >= d->d.count)
        return err_fail(e, WEIR_E_PROTOCOL, "transform %u of %zu", m->binding, d->d.count);
    weir_rc rc = r->count == BATCH_READS || r->bytes >= BATCH_BYTES ? dispatch(r, e) : WEIR_OK;
    if (rc)
        return rc;
    weir_read *to = &r->reads[r->count++];
    *to = (weir_read){.transform = &d->transforms[m->binding], .clock = m->clock};
    rc = keep(r, m->doc, m->lines, &to->doc, e);
    return rc ? rc : keep_key(r, m, &to->key, e);
}

static weir_rc on_flush(reading *r, const flow_message *m, err *e)
{
    flow_derivation *d = r->d;
    if (r->flushed)
        return err_fail(e, WEIR_E_PROTOCOL, "a second one in a transaction");
    weir_rc rc = flow_kept_hear(&d->kept, d->s, m->body, e);
    if (!rc)
        rc = dispatch(r, e);
    if (!rc)
        rc = session_flush(d->s, e);
    if (!rc)
        rc = writer_flush(d->w, e);
    r->flushed = true;
    return rc ? rc : flow_server_respond(d->v, FLOW_FLUSHED, VIEW("{}"), e);
}

static weir_rc on_start_commit(reading *r, const flow_message *m, err *e)
{
    arena a = {0};
    tree *body;
    if (!r->flushed)
        return err_fail(e, WEIR_E_PROTOCOL, "before 'flush'");
    weir_rc rc = tree_parse(&a, m->body, NULL, WEIR_E_PROTOCOL, &body, e);
    if (!rc) {
        weir_view position = name_raw(body, "runtimeCheckpoint");
        rc = session_commit(r->d->s, position.len ? position : VIEW("{}"), e);
    }
    r->flushed = false;
    arena_free(&a);
    buf_clear(&r->d->v->out);
    return rc ? rc : flow_respond_state(r->d->v, &r->d->kept, FLOW_STARTED_COMMIT, e);
}

/* It has no answer. What was read and not committed never happened. */
static weir_rc on_reset(reading *r, const flow_message *m, err *e)
{
    (void)m;
    drop(r);
    r->flushed = false;
    flow_kept_forget(&r->d->kept);
    return session_reset(r->d->s, e);
}

static const struct {
    flow_kind kind;
    weir_rc (*handle)(reading *, const flow_message *m, err *e);
} steps[] = {{FLOW_READ, on_read}, {FLOW_FLUSH, on_flush}, {FLOW_START_COMMIT, on_start_commit}, {FLOW_RESET, on_reset}};

static weir_rc take_step(reading *r, const flow_message *m, err *e)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i].kind == m->kind)
            return err_wrap(e, steps[i].handle(r, m, e), "%s", flow_kind_name(m->kind));
    return err_fail(e, WEIR_E_PROTOCOL, "a '%s' request while deriving", flow_kind_name(m->kind));
}

/* The next request; before it is waited for everybody has what is theirs. */
static weir_rc next(reading *r, flow_message *m, bool *ret_more, err *e)
{
    flow_server *v = r->d->v;
    weir_rc rc = WEIR_OK;
    if (!flow_stream_ready(&v->in)) {
        rc = err_wrap(e, dispatch(r, e), "read");
        if (!rc)
            rc = writer_flush(r->d->w, e);
    }
    if (!rc)
        rc = flow_server_await(v, session_stop_fd(r->d->s), e);
    return rc ? rc : flow_stream_next(&v->in, v->in_dir, m, ret_more, e);
}

weir_rc flow_serve_reads(flow_derivation *d, err *e)
{
    reading r = {.d = d, .reads = calloc(BATCH_READS, sizeof *r.reads)};
    weir_rc rc = r.reads ? WEIR_OK : err_nomem(e);
    for (bool more = true; !rc && more;) {
        flow_message m;
        rc = next(&r, &m, &more, e);
        if (!rc && more)
            rc = take_step(&r, &m, e);
    }
    arena_free(&r.arena);
    buf_free(&r.room);
    free(r.reads);
    return rc;
}
