/* A materialization: journals from its own offsets into a destination, transaction by transaction.
 *
 *     read committed lines -> combine by key -> (load) -> store -> commit with the offsets -> weir.db
 *
 * A destination that keeps the checkpoint itself (it called weir_resume in open) is believed over weir.db: its rows and its offsets are one
 * transaction. For others weir.db is told after the destination's commit: what was in between is stored a second time, by key.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "json/patch.h"
#include "json/scan.h"
#include "json/text.h"
#include "json/write.h"
#include "model/state.h"
#include "plane/columns.h"
#include "plane/prepare.h"
#include "plane/work.h"

enum { TXN_BYTES = 16 << 20 };

typedef struct source { /* one binding */
    book *b;
    unsigned version;     /* of its inferred schema */
    journal_reader *r;
    uint64_t at;          /* committed in the destination */
    uint64_t next;        /* read in this transaction */
    combined *combine;
    buf lines;
    weir_view name;       /* of the offset: collection;state key */
} source;

typedef struct materialization {
    listener base;
    worker *w;
    prepared p;
    session *s;
    arena arena;          /* as long as the session */
    source *sources;
    size_t count;
    bool resumed;         /* the destination keeps the checkpoint */
    weir_view checkpoint; /* what it kept */
    weir_row *loading;    /* rows whose keys are being loaded */
} materialization;

/* ---- the listener ---- */

static weir_rc take_checkpoint(listener *l, weir_task *t, weir_view position)
{
    materialization *m = (materialization *)l;
    m->resumed = true;
    m->checkpoint = arena_dup(&m->arena, position);
    if (!m->checkpoint.ptr)
        return err_nomem(task_error(t));
    if (position.len && !json_check(position, NULL, NULL))
        return weir_fail(t, WEIR_E_REMOTE, "the checkpoint that the destination keeps is not JSON: %.*s", VIEW_ARG(position));
    return WEIR_OK;
}

static weir_rc take_loaded(listener *l, weir_task *t, const weir_row *row, weir_view doc)
{
    (void)t;
    (void)doc; /* the last write wins: only that it exists matters */
    materialization *m = (materialization *)l;
    m->loading[row - m->loading].exists = WEIR_EXISTS_YES;
    return WEIR_OK;
}

static const listener_ops ops = {.resume = take_checkpoint, .loaded = take_loaded};

/* ---- opening ---- */

static weir_rc read_inferred(materialization *m, source *s, const tree **ret, err *e)
{
    ledger *l = m->w->l;
    pthread_mutex_lock(&l->lock);
    weir_view text = arena_dup(&m->p.arena, s->b->inferred);
    s->version = s->b->version;
    pthread_mutex_unlock(&l->lock);
    *ret = NULL;
    if (!text.len)
        return WEIR_OK;
    tree *parsed;
    weir_rc rc = tree_parse(&m->p.arena, text, NULL, WEIR_E_BUG, &parsed, e);
    *ret = parsed;
    return rc;
}

static weir_rc select_columns(materialization *m, size_t i, err *e)
{
    const task_binding *from = &m->w->t->bindings[i];
    weir_binding *b = &m->p.bindings[i];
    source *s = &m->sources[i];
    const tree *inferred;
    weir_column *columns;
    s->b = ledger_book(m->w->l, b->name);
    weir_rc rc = read_inferred(m, s, &inferred, e);
    if (!rc)
        rc = columns_select(&m->p.arena, from->collection, from, inferred, &columns, &b->column_count, &b->key_count, e);
    if (!rc)
        b->columns = columns;
    return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
}

/* {"offsets":{NAME:N,...}} */
static uint64_t offset_in(weir_view kept, weir_view name)
{
    arena a = {0};
    err e = {0};
    tree *t;
    uint64_t at = 0;
    if (tree_parse(&a, kept, NULL, WEIR_E_BUG, &t, &e) == WEIR_OK) {
        const tree *n = tree_getv(tree_get(t, "offsets"), name);
        if (n && n->kind == TREE_NUMBER)
            number_to_u64(n->text, &at);
    }
    err_free(&e);
    arena_free(&a);
    return at;
}

static weir_rc open_source(materialization *m, size_t i, err *e)
{
    source *s = &m->sources[i];
    const weir_binding *b = &m->p.bindings[i];
    ledger *l = m->w->l;
    s->name = arena_printf(&m->arena, "%.*s;%.*s", VIEW_ARG(b->name), VIEW_ARG(b->state_key));
    if (!s->name.ptr)
        return err_nomem(e);
    weir_rc rc = WEIR_OK;
    if (m->resumed)
        s->at = m->checkpoint.len ? offset_in(m->checkpoint, s->name) : 0;
    else
        rc = store_read_offset(l->store, m->w->t->name, s->name, &s->at, e);
    pthread_mutex_lock(&l->lock);
    uint64_t committed = s->b->committed;
    pthread_mutex_unlock(&l->lock);
    if (!rc && s->at > committed)
        rc = err_fail(e, WEIR_E_CONFIG, "it has read %llu bytes of a journal of %llu: the data folder is not the one it was loaded from",
                      (unsigned long long)s->at, (unsigned long long)committed);
    if (!rc)
        rc = combine_make(&s->combine, &(combine_options){.b = b, .deleted = VIEW("/_meta/op"), .deleted_is = VIEW("\"d\"")}, e);
    return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
}

static void now_live(void *arg, session *s)
{
    worker_live(arg, s);
}

static weir_rc open_session(materialization *m, err *e)
{
    worker *w = m->w;
    weir_rc rc = prepare_begin(&m->p, w->t, &(prepare_options){w->o->natives, w->o->log, w->stop_fd, now_live, w}, e);
    if (rc)
        return rc;
    m->count = m->p.count;
    m->sources = arena_array(&m->arena, m->count, sizeof *m->sources);
    if (!m->sources)
        rc = err_nomem(e);
    for (size_t i = 0; !rc && i < m->count; i++)
        rc = select_columns(m, i, e);
    if (!rc)
        rc = prepare_paths(&m->p, e);
    if (!rc) {
        m->s = prepared_session(&m->p, &m->base, e);
        rc = m->s ? WEIR_OK : e->rc;
    }
    worker_live(w, m->s);
    if (!rc)
        rc = session_open(m->s, w->t->endpoint.config, e);
    if (!rc)
        rc = session_bind(m->s, m->p.bindings, m->p.resources, m->count, (weir_view){0}, e);
    if (!rc)
        rc = err_wrap(e, session_validate(m->s, e), "validate");
    if (!rc)
        rc = err_wrap(e, session_apply(m->s, e), "apply");
    for (size_t i = 0; !rc && i < m->count; i++)
        rc = open_source(m, i, e);
    return rc;
}

static void close_session(materialization *m)
{
    for (size_t i = 0; m->sources && i < m->count; i++) {
        source *s = &m->sources[i];
        if (s->r)
            journal_reader_close(s->r);
        combine_free(s->combine);
        buf_free(&s->lines);
    }
    session_free(m->s);
    prepared_free(&m->p);
    arena_free(&m->arena);
    *m = (materialization){.base = m->base, .w = m->w};
}

/* ---- a transaction ---- */

static uint64_t limit_of(materialization *m, source *s, bool *ret_widened)
{
    pthread_mutex_lock(&m->w->l->lock);
    uint64_t limit = s->b->committed;
    *ret_widened |= s->version != s->b->version;
    pthread_mutex_unlock(&m->w->l->lock);
    return limit;
}

static weir_rc read_source(materialization *m, source *s, uint64_t limit, size_t want, err *e)
{
    weir_rc rc = WEIR_OK;
    buf_clear(&s->lines);
    s->next = s->at;
    if (limit <= s->at)
        return WEIR_OK;
    if (!s->r)
        rc = journal_reader_open(&s->r, m->w->l->data_dir, s->b->c->name, s->at, e);
    return rc ? rc : journal_read(s->r, limit, want, &s->lines, &s->next, e);
}

static weir_rc load_rows(materialization *m, weir_row *rows, size_t n, err *e)
{
    const weir_materialize *c = m->p.end.connector->materialize;
    if (!c->needs_exists || !c->load || !n)
        return WEIR_OK;
    for (size_t i = 0; i < n; i++)
        rows[i].exists = WEIR_EXISTS_NO;
    m->loading = rows;
    return err_wrap(e, session_load(m->s, rows, n, e), "load");
}

static weir_rc store_source(materialization *m, source *s, uint64_t *documents, err *e)
{
    weir_row *rows;
    size_t n, read;
    if (!s->lines.len)
        return WEIR_OK;
    weir_rc rc = combine_batch(s->combine, buf_view(&s->lines), &rows, &n, &read, e);
    if (!rc)
        rc = load_rows(m, rows, n, e);
    if (!rc)
        rc = err_wrap(e, session_store(m->s, rows, n, e), "store");
    if (!rc)
        *documents += read;
    return rc;
}

/* {"offsets":{NAME:N,...}}: of these bindings, and as they were of those that the destination knows from before. One of them that is
 * enabled again goes on where it stopped. */
static bool put_offsets(const materialization *m, offset *reads, buf *out)
{
    buf now = {0};
    json_out w = json_out_to(&now);
    out_open(&w, '{');
    out_open(out_name(&w, "offsets"), '{');
    for (size_t i = 0; i < m->count; i++) {
        reads[i] = (offset){m->sources[i].name, m->sources[i].next};
        out_int(out_namev(&w, m->sources[i].name), (int64_t)m->sources[i].next);
    }
    out_close(&w, '}');
    out_close(&w, '}');
    bool ok = buf_ok(&now) && patch_apply(out, m->checkpoint.len ? m->checkpoint : VIEW("{}"), buf_view(&now));
    buf_free(&now);
    return ok && buf_ok(out);
}

static weir_rc commit(materialization *m, uint64_t documents, uint64_t bytes, err *e)
{
    arena a = {0};
    buf text = {0};
    offset *reads = arena_array(&a, m->count, sizeof *reads);
    weir_rc rc = reads && put_offsets(m, reads, &text) ? session_commit(m->s, buf_view(&text), e) : err_nomem(e);
    if (!rc)
        rc = store_commit_all(m->w->l->store, &(store_commit){
            .task = m->w->t->name, .reader = m->w->t->name, .reads = reads, .read_count = m->count, .documents = documents, .bytes = bytes}, e);
    for (size_t i = 0; !rc && i < m->count; i++)
        m->sources[i].at = m->sources[i].next;
    if (!rc)
        worker_committed(m->w, documents, bytes);
    buf_free(&text);
    arena_free(&a);
    return err_wrap(e, rc, "commit");
}

/* Reads what there is, up to the size of a transaction, and stores it. */
static weir_rc transact(materialization *m, bool *ret_any, bool *ret_widened, err *e)
{
    uint64_t documents = 0, bytes = 0, lag = 0;
    weir_rc rc = WEIR_OK;
    *ret_any = *ret_widened = false;
    size_t share = m->count ? TXN_BYTES / m->count : 0;
    for (size_t i = 0; i < m->count && !rc; i++) {
        source *s = &m->sources[i];
        uint64_t limit = limit_of(m, s, ret_widened);
        if (*ret_widened)
            return WEIR_OK;
        rc = read_source(m, s, limit, share > 65536 ? share : 65536, e);
        bytes += s->next - s->at;
        lag += limit > s->next ? limit - s->next : 0;
    }
    atomic_store(&m->w->lag, lag + bytes);
    if (rc || !bytes)
        return rc;
    worker_phase(m->w, "loading");
    for (size_t i = 0; i < m->count && !rc; i++)
        rc = err_wrap(e, store_source(m, &m->sources[i], &documents, e), "binding %.*s", VIEW_ARG(m->sources[i].b->c->name));
    if (!rc)
        rc = commit(m, documents, bytes, e);
    atomic_store(&m->w->lag, lag);
    *ret_any = !rc;
    return rc;
}

/* Everything committed was read, and nothing more will come. */
static bool finished(materialization *m)
{
    worker *w = m->w;
    bool widened = false;
    if (!w->o->once || atomic_load(w->captures_running))
        return false;
    for (size_t i = 0; i < m->count; i++)
        if (limit_of(m, &m->sources[i], &widened) > m->sources[i].at || widened)
            return false;
    return true;
}

/* Is there something to read, or a schema to reckon with? The ledger's lock is held. */
static bool has_more(const materialization *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->sources[i].b->committed > m->sources[i].at || m->sources[i].version != m->sources[i].b->version)
            return true;
    return false;
}

static void wait_for_more(materialization *m)
{
    ledger *l = m->w->l;
    worker_phase(m->w, "waiting");
    pthread_mutex_lock(&l->lock);
    while (!l->ending && !(m->w->o->once && !atomic_load(m->w->captures_running)) && !has_more(m))
        ledger_wait(l);
    pthread_mutex_unlock(&l->lock);
}

static weir_rc work(materialization *m, err *e)
{
    bool any, widened;
    for (;;) {
        weir_rc rc = transact(m, &any, &widened, e);
        if (rc || widened)
            return rc;
        if (worker_stopping(m->w))
            return WEIR_OK;
        if (!any && finished(m))
            return WEIR_OK;
        if (!any)
            wait_for_more(m);
    }
}

weir_rc materialize_session(worker *w, err *e)
{
    materialization m = {.base = {&ops}, .w = w};
    weir_rc rc;
    do { /* again whenever an inferred schema has widened: columns are added */
        worker_phase(w, "starting");
        rc = open_session(&m, e);
        if (!rc)
            rc = work(&m, e);
        worker_live(w, NULL);
        bool more = !rc && !worker_stopping(w) && !finished(&m);
        close_session(&m);
        if (!more)
            break;
    } while (!rc);
    return rc;
}
