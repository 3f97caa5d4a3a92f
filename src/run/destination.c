/* What a session does for a destination: keys are loaded, rows stored, in transactions. */
#include "run/adjust.h"
#include "run/task.h"

typedef struct rows_work {
    weir_rc (*fn)(weir_task *, void *, const weir_row *, size_t);
    const weir_row *rows;
    size_t count;
} rows_work;

static weir_rc do_rows(weir_task *t, void *self, void *arg)
{
    const rows_work *w = arg;
    return w->fn(t, self, w->rows, w->count);
}

weir_rc session_load(session *s, const weir_row *keys, size_t count, err *e)
{
    rows_work w = {s->connector->materialize->load, keys, count};
    return session_call(s, do_rows, &w, e);
}

static weir_rc do_flush(weir_task *t, void *self, void *arg)
{
    (void)arg;
    return t->s->connector->materialize->flush(t, self);
}

weir_rc session_flush(session *s, err *e)
{
    if (s->derivation)
        return session_flush_derivation(s, e);
    return s->connector->materialize->flush ? session_call(s, do_flush, NULL, e) : WEIR_OK;
}

weir_rc session_store(session *s, const weir_row *rows, size_t count, err *e)
{
    const uint32_t of = count ? rows->binding->index : 0;
    if (count && !adjust_rows(of < s->rule_count ? &s->rules[of] : NULL, &s->cuts, &rows, count))
        return err_nomem(e);
    rows_work w = {s->connector->materialize->store, rows, count};
    weir_rc rc = session_call(s, do_rows, &w, e);
    arena_reset(&s->cuts);
    return rc;
}

static weir_rc do_commit(weir_task *t, void *self, void *arg)
{
    const weir_view *position = arg;
    return t->s->connector->materialize->commit(t, self, *position);
}

weir_rc session_commit(session *s, weir_view position, err *e)
{
    if (s->derivation)
        return session_commit_derivation(s, position, e);
    return session_call(s, do_commit, &position, e);
}

typedef struct expire_work {
    const weir_binding *b;
    const weir_expiry *x;
} expire_work;

static weir_rc do_expire(weir_task *t, void *self, void *arg)
{
    const expire_work *w = arg;
    return t->s->connector->materialize->expire(t, self, w->b, w->x);
}

bool session_can_expire(const weir_materialize *m, bool chosen) { return m->expire && !(chosen && m->expires_all_only); }

weir_rc session_expire(session *s, const weir_binding *b, const weir_expiry *x, err *e)
{
    expire_work w = {b, x};
    const weir_materialize *m = s->connector->materialize;
    const bool chosen = x->age || x->mark;
    if (!session_can_expire(m, chosen))
        return err_fail(e, WEIR_E_CONFIG, "'%s' cannot remove rows that are out of date%s", s->connector->name,
                        chosen && m->expire ? ", but for all of a table" : "");
    return session_call(s, do_expire, &w, e);
}

static weir_rc do_acknowledge(weir_task *t, void *self, void *arg)
{
    (void)arg;
    return t->s->connector->materialize->acknowledge(t, self);
}

weir_rc session_acknowledge(session *s, err *e)
{
    return s->connector->materialize->acknowledge ? session_call(s, do_acknowledge, NULL, e) : WEIR_OK;
}

static weir_rc do_finish(weir_task *t, void *self, void *arg)
{
    (void)arg;
    return t->s->connector->materialize->finish(t, self);
}

weir_rc session_finish(session *s, err *e)
{
    return s->connector->materialize->finish ? err_wrap(e, session_call(s, do_finish, NULL, e), "finish") : WEIR_OK;
}
