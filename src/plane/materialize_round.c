/* A round of a materialization: lines are read, combined or reduced by key, and stored. */
#include "plane/materialize_parts.h"

enum { TXN_BYTES = 16 << 20, PARTS_ROWS = 256 /* a destination may make documents of parts in the memory of its callback */ };

uint64_t materialize_limit(materialization *m, source *s, bool *ret_widened)
{
    pthread_mutex_lock(&m->w->l->lock);
    uint64_t limit = s->b->committed;
    *ret_widened |= s->version != s->b->version;
    pthread_mutex_unlock(&m->w->l->lock);
    return limit;
}

/* Whoever asks for no times needs no marks of them. */
static weir_rc next_piece(const materialization *m, source *s, uint64_t limit, piece *ret, err *e)
{
    const reading *what = &m->t->bindings[s - m->sources].reading;
    *ret = (piece){s->next, limit, 0};
    return what->has_not_before || what->has_not_after ? intake_peek(s->in, limit, ret, e) : WEIR_OK;
}

bool materialize_may_pass(const materialization *m, const source *s, uint64_t at)
{
    const size_t binding = (size_t)(s - m->sources);
    if (m->shard->index)
        return m->all[0].sources[binding].at > at;
    for (size_t i = 1; i < m->w->shards.count; i++)
        if (m->all[i].sources[binding].at < at)
            return false;
    return true;
}

bool materialize_has_more(const materialization *m, const source *s)
{
    return s->b->committed > s->next && !(s->held && !materialize_may_pass(m, s, s->next));
}

/* A truncation that it came to ends what it may read in this transaction, so that others see where it is. */
static weir_rc read_source(materialization *m, source *s, uint64_t limit, size_t want, err *e)
{
    weir_rc rc = WEIR_OK;
    buf_clear(&s->lines);
    s->held = false;
    while (!rc && !s->held && s->next < limit && s->lines.len < want) {
        piece p;
        rc = next_piece(m, s, limit, &p, e);
        if (!rc)
            rc = intake_read(s->in, &p, want - s->lines.len, &s->lines, e);
        s->held = intake_at(s->in) == s->next;
        s->next = intake_at(s->in);
    }
    return rc;
}

/* Nothing but what was refused before. */
static weir_rc read_again(materialization *m, transaction *x, uint64_t *ret_bytes, err *e)
{
    weir_rc rc = WEIR_OK;
    *ret_bytes = 0;
    for (size_t i = 0; i < m->count && !rc; i++) {
        source *s = &m->sources[i];
        size_t count;
        buf_clear(&s->lines);
        rc = refused_read(s->again, &s->lines, &count, e);
        *ret_bytes += s->lines.len;
        x->bytes += s->lines.len;
    }
    return rc;
}

/* Of what there is to read. */
static int32_t highest_priority(const materialization *m)
{
    int32_t first = INT32_MIN;
    pthread_mutex_lock(&m->w->l->lock);
    for (size_t i = 0; i < m->count; i++) {
        const int32_t p = m->t->bindings[i].priority;
        if (p > first && materialize_has_more(m, &m->sources[i]))
            first = p;
    }
    pthread_mutex_unlock(&m->w->l->lock);
    return first;
}

/* Reads what there is, up to the size of a transaction. Once a schema has widened nothing more is read: the session has to begin anew. */
weir_rc materialize_read(materialization *m, transaction *x, uint64_t *ret_bytes, bool *ret_widened, err *e)
{
    size_t most = materialize_destination(m)->transaction_mb ? (size_t)materialize_destination(m)->transaction_mb << 20 : TXN_BYTES, share = m->count ? most / m->count : 0;
    weir_rc rc = WEIR_OK;
    x->lag = *ret_bytes = 0;
    if (m->w->o->replay)
        return read_again(m, x, ret_bytes, e);
    const int32_t first = highest_priority(m);
    for (size_t i = 0; i < m->count && !rc; i++) {
        source *s = &m->sources[i];
        uint64_t limit = materialize_limit(m, s, ret_widened), from = s->next;
        const bool reads = !*ret_widened /* then what was committed since needs columns that this session does not have */ && m->t->bindings[i].priority >= first;
        buf_clear(&s->lines);
        if (reads)
            rc = read_source(m, s, limit, share > 65536 ? share : 65536, e);
        *ret_bytes += s->next - from;
        x->bytes += s->lines.len;
        x->lag += limit > s->next ? limit - s->next : 0;
    }
    return rc;
}

static weir_rc refuse(materialization *m, source *s, weir_view doc, err *e)
{
    const bool hides = s->reduce ? reducing_hides(s->reduce) : gate_hides(s->gate);
    return s->aside ? refused_add(s->aside, doc, buf_view(&m->why), worker_now(m->w), e)
                    : gate_refuse(s->b->c, WEIR_E_CONFIG, hides ? (weir_view){0} : doc, &m->why, e);
}

/* Takes those lines out that are refused; where the schema reduces, all others are taken for that. */
static weir_rc look_at(materialization *m, source *s, err *e)
{
    size_t kept = 0;
    weir_rc rc = WEIR_OK;
    for (weir_view rest = buf_view(&s->lines); rest.len && !rc;) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        size_t len = nl ? (size_t)(nl - rest.ptr) + 1 : rest.len;
        const weir_view doc = {rest.ptr, nl ? len - 1 : len};
        buf_clear(&m->why);
        if (view_is(doc, COMBINE_TRUNCATION)) {
            if (s->reduce)
                reducing_clear(s->reduce);
        } else if (s->reduce) {
            rc = reducing_add(s->reduce, doc, &m->why, e);
        } else {
            rc = gate_check(s->gate, doc, &m->why, e);
        }
        if (!rc && m->why.len) {
            rc = refuse(m, s, doc, e);
        } else if (!rc) {
            if (kept != (size_t)(rest.ptr - s->lines.ptr))
                memmove(s->lines.ptr + kept, rest.ptr, len);
            kept += len;
        }
        rest = view_from(rest, len);
    }
    s->lines.len = kept;
    return rc;
}

static weir_rc make_rows(materialization *m, source *s, err *e)
{
    s->row_count = s->read = 0;
    s->truncated = false;
    if (s->lines.len && (s->reduce || s->gate)) {
        weir_rc rc = look_at(m, s, e);
        if (rc)
            return rc;
    }
    if (!s->lines.len)
        return WEIR_OK;
    weir_rc rc = s->relay ? relay_batch(s->relay, buf_view(&s->lines), &s->rows, &s->row_count, e)
                          : combine_batch(s->combine, buf_view(&s->lines), &s->rows, &s->row_count, &s->read, e);
    if (s->relay)
        s->read = s->row_count;
    s->truncated = s->relay ? relay_truncated(s->relay) : combine_truncated(s->combine);
    return rc;
}

/* A destination that must be told which rows exist, or what is there of those that are parts. */
bool materialize_may_ask(const materialization *m, const source *s)
{
    const weir_materialize *c = materialize_destination(m);
    return c->load && !m->relay && (c->needs_exists || s->reduces_held || (s->parts && !c->updates && !s->additions));
}

/* What becomes of them with what is there, which the destination has told by now. */
static weir_rc reduce_rows(source *s, err *e)
{
    return s->reduce && s->row_count ? reducing_rows(s->reduce, &s->rows, &s->row_count, e) : WEIR_OK;
}

/* In this transaction? */
static bool is_asked(const materialization *m, const source *s)
{
    return materialize_may_ask(m, s) && (materialize_destination(m)->needs_exists || s->reduces_held || combine_has_parts(s->combine));
}

/* Has any shard read something that stands before the truncation which this one has come to? */
static bool anything_before(const materialization *m, const source *s)
{
    const size_t binding = (size_t)(s - m->sources);
    ledger *l = m->w->l;
    bool any = s->at || s->stored;
    pthread_mutex_lock(&l->lock);
    for (size_t i = 1; !any && i < m->w->shards.count; i++)
        any = m->all[i].sources[binding].at > 0;
    pthread_mutex_unlock(&l->lock);
    return any;
}

/* Rows that came before, of this transaction and earlier ones, are out of date. The first shard removes those of all. */
static weir_rc expire(materialization *m, source *s, err *e)
{
    const weir_binding *b = &m->p.bindings[s - m->sources];
    if (!s->truncated || m->shard->index || !anything_before(m, s))
        return WEIR_OK;
    if (!materialize_destination(m)->expire)
        return err_fail(e, WEIR_E_CONFIG, "its source says that all rows so far are out of date, and '%s' cannot remove them", m->p.end.connector->name);
    return err_wrap(e, session_expire(m->s, b, &(weir_expiry){0}, e), "expire");
}

/* What is left of parts of documents: their rows do not exist. */
static weir_rc settle_parts(materialization *m, source *s, err *e)
{
    size_t kept = 0;
    if (!s->parts || materialize_takes_parts(m) || m->p.bindings[s - m->sources].delta_updates || (s->additions && !m->relay))
        return WEIR_OK;
    for (size_t i = 0; i < s->row_count; i++) {
        if (s->rows[i].op == WEIR_UPDATE && !is_asked(m, s))
            return err_fail(e, WEIR_E_CONFIG, "its source updates single fields of rows, and '%s' stores whole documents only", m->p.end.connector->name);
        if (s->rows[i].op != WEIR_UPDATE)
            s->rows[kept++] = s->rows[i];
    }
    s->row_count = kept;
    return WEIR_OK;
}

static weir_rc load_rows(materialization *m, source *s, err *e)
{
    const bool asked = is_asked(m, s);
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; asked && i < s->row_count; i++)
        s->rows[i].exists = WEIR_EXISTS_NO;
    if (!materialize_may_ask(m, s))
        return WEIR_OK;
    for (size_t i = 0, n = 0; !rc && i < s->row_count; i += n ? n : 1) { /* runs of those that may exist */
        for (n = 0; i + n < s->row_count && loads_may_exist(&s->loads, &s->rows[i + n]); n++)
            ;
        if (n && asked && !s->truncated) /* then nothing does */
            rc = err_wrap(e, session_load(m->s, s->rows + i, n, e), "load");
    }
    return rc;
}

static weir_rc store_rows(materialization *m, source *s, err *e)
{
    weir_rc rc = expire(m, s, e);
    if (!rc)
        rc = settle_parts(m, s, e);
    s->stored |= s->row_count > 0;
    size_t most = s->parts ? PARTS_ROWS : SIZE_MAX;
    for (size_t i = 0, n; i < s->row_count && !rc; i += n) {
        n = s->row_count - i < most ? s->row_count - i : most;
        rc = err_wrap(e, session_store(m->s, s->rows + i, n, e), "store");
    }
    return rc;
}

static weir_rc of_binding(const source *s, weir_rc rc, err *e)
{
    return err_wrap(e, rc, "binding %.*s", VIEW_ARG(s->b->c->name));
}

static weir_rc flush(materialization *m, err *e)
{
    weir_rc rc = err_wrap(e, session_flush(m->s, e), "load");
    return rc ? rc : materialize_keep(m, e);
}

/* All keys first, then all rows: that is the order in which some destinations work. */
weir_rc materialize_store(materialization *m, transaction *x, err *e)
{
    bool asked = false;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < m->count && !rc; i++)
        rc = of_binding(&m->sources[i], make_rows(m, &m->sources[i], e), e);
    for (size_t i = 0; i < m->count; i++)
        asked |= is_asked(m, &m->sources[i]);
    for (size_t i = 0; i < m->count && !rc; i++)
        rc = of_binding(&m->sources[i], load_rows(m, &m->sources[i], e), e);
    if (!rc && asked)
        rc = flush(m, e);
    for (size_t i = 0; i < m->count && !rc; i++)
        rc = of_binding(&m->sources[i], reduce_rows(&m->sources[i], e), e);
    for (size_t i = 0; i < m->count && !rc; i++) {
        rc = of_binding(&m->sources[i], store_rows(m, &m->sources[i], e), e);
        x->documents += rc ? 0 : m->sources[i].read;
    }
    return rc;
}
