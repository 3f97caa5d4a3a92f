/* A materialization: journals from its own offsets into a destination, transaction by transaction.
 *
 *     read committed lines -> combine by key -> (load, flush) -> store -> commit with the offsets -> weir.db -> acknowledge
 *
 * A destination that keeps the checkpoint itself (it called weir_resume) is believed over weir.db: its rows and its offsets are one transaction. For others
 * weir.db is told after the destination's commit: what was in between is stored a second time, by key. What a destination wants to remember instead
 * (weir_keep) goes into weir.db with the offsets: one that commits in two steps is told to make the second one when both are there.
 *
 * Documents that are parts (WEIR_UPDATE) and truncations, see combine.h: a destination that takes no parts gets whole documents made of what it holds, if it
 * can be asked; otherwise they are refused, as are truncations where it cannot expire rows.
 *
 * A destination that relays gets every document as it came. Each of its transactions may well be a process of its own: they grow, in several rounds of read and
 * store, until nothing is left to read, or RELAY_BYTES, or RELAY_MS.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "json/patch.h"
#include "json/scan.h"
#include "json/text.h"
#include "json/write.h"
#include "model/state.h"
#include "plane/columns.h"
#include "plane/fields.h"
#include "plane/loads.h"
#include "plane/work.h"

enum { TXN_BYTES = 16 << 20, RELAY_BYTES = 256 << 20, RELAY_MS = 60000,
       PARTS_ROWS = 256 /* a destination may make documents of parts in the memory of its callback */ };

typedef struct source { /* one binding */
    book *b;
    unsigned version;     /* of its inferred schema */
    journal_reader *r;
    uint64_t at;          /* committed in the destination */
    uint64_t next;        /* read in this transaction */
    combined *combine;    /* or: */
    relayed *relay;
    buf lines;
    weir_row *rows;       /* of this round */
    size_t row_count, read;
    bool parts;           /* documents of op "u" are */
    bool additions;       /* the destination says that its rows are: a part of a document is one, too */
    bool truncated;       /* in this round: rows from before are to go */
    bool stored;          /* rows of it, in this transaction */
    loads loads;          /* which keys may exist */
    weir_view name;       /* of the offset: collection;state key */
} source;

typedef struct materialization {
    listener base;
    worker *w;
    fields *f;
    const task *t;        /* the worker's, as it is to run now */
    prepared p;
    session *s;
    arena arena;          /* as long as the session */
    source *sources;
    size_t count;
    bool relay;           /* it gets documents as they came */
    bool unsettled;       /* the last commit was acknowledged without waiting for what comes of it */
    bool again;           /* the session has to begin anew: a binding did not fit */
    bool load_all;        /* the destination holds rows that are not from here */
    weir_view spec, version; /* that were applied last, as the connector is told */
    bool resumed;         /* the destination keeps the checkpoint */
    weir_view checkpoint; /* what it kept */
    buf state;            /* what we keep for it */
    bool kept;            /* ... has changed since weir.db was told */
} materialization;

/* What a transaction holds so far. */
typedef struct transaction {
    int64_t begun_ms;
    uint64_t documents, bytes;
    uint64_t lag;         /* bytes that remain to be read */
} transaction;

static const weir_materialize *destination(const materialization *m) { return m->p.end.connector->materialize; }
static bool takes_parts(const materialization *m) { return destination(m)->updates; }

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

/* The last write wins, so only that it exists matters, unless the row is a part of the document. */
static weir_rc take_loaded(listener *l, weir_task *t, const weir_row *row, weir_view doc)
{
    materialization *m = (materialization *)l;
    weir_row *mine = (weir_row *)(uintptr_t)row; /* it is one of ours */
    mine->exists = WEIR_EXISTS_YES;
    if (mine->op != WEIR_UPDATE || takes_parts(m))
        return WEIR_OK;
    return combine_complete(m->sources[row->binding->index].combine, mine, doc, task_error(t));
}

static weir_rc take_state(listener *l, weir_task *t, weir_view patch)
{
    materialization *m = (materialization *)l;
    buf next = {0};
    if (!patch_apply(&next, m->state.len ? buf_view(&m->state) : VIEW("{}"), patch) || !buf_ok(&next)) {
        buf_free(&next);
        return err_nomem(task_error(t));
    }
    buf_free(&m->state);
    m->state = next;
    m->kept = true;
    return WEIR_OK;
}

static weir_rc take_delta(listener *l, weir_task *t, const weir_binding *b)
{
    (void)t;
    ((materialization *)l)->sources[b->index].additions = true;
    return WEIR_OK;
}

static weir_rc take_path(listener *l, weir_task *t, const weir_binding *b, weir_view path)
{
    return prepared_take_path(&((materialization *)l)->p, t, b, path);
}

static weir_rc take_constraint(listener *l, weir_task *t, const weir_binding *b, const weir_column *column, weir_need need, weir_view reason)
{
    return prepared_take_constraint(&((materialization *)l)->p, t, b, column, need, reason);
}

static weir_rc take_fold(listener *l, weir_task *t, const weir_binding *b, const weir_column *column, weir_view name)
{
    return prepared_take_fold(&((materialization *)l)->p, t, b, column, name);
}

static weir_rc take_rules(listener *l, weir_task *t, const weir_binding *b, const weir_rules *rules)
{
    (void)t;
    ((materialization *)l)->p.demands[b->index].rules = *rules;
    return WEIR_OK;
}

static weir_rc take_load_all(listener *l, weir_task *t)
{
    (void)t;
    ((materialization *)l)->load_all = true;
    return WEIR_OK;
}

static const weir_view spec_note = WEIR_LIT("specification"), version_note = WEIR_LIT("version");

static weir_rc take_applied(listener *l, weir_task *t, weir_view spec, weir_view version)
{
    const worker *w = ((materialization *)l)->w;
    weir_rc rc = store_put_note(w->l->store, w->t->name, spec_note, spec, task_error(t));
    return rc ? rc : store_put_note(w->l->store, w->t->name, version_note, version, task_error(t));
}

static weir_rc take_config(listener *l, weir_task *t, lane *ln, weir_view config)
{
    (void)ln;
    return worker_config(((materialization *)l)->w, t, config);
}

static const listener_ops ops = {
    .resume = take_checkpoint, .loaded = take_loaded, .keep = take_state, .resource_path = take_path, .constrain = take_constraint,
    .config = take_config, .delta = take_delta, .fold = take_fold, .rules = take_rules, .load_all = take_load_all, .applied = take_applied,
};

/* ---- opening ---- */

static weir_rc read_inferred(materialization *m, source *s, const tree **ret, weir_view *ret_text, err *e)
{
    ledger *l = m->w->l;
    pthread_mutex_lock(&l->lock);
    weir_view text = arena_dup(&m->p.arena, s->b->inferred);
    s->version = s->b->version;
    pthread_mutex_unlock(&l->lock);
    *ret = NULL;
    *ret_text = text;
    if (!text.len)
        return WEIR_OK;
    tree *parsed;
    weir_rc rc = tree_parse(&m->p.arena, text, NULL, WEIR_E_BUG, &parsed, e);
    *ret = parsed;
    return rc;
}

/* Whoever relays hands the schema on to a program that does not know what flow://inferred-schema is. */
static weir_view plain_schema(const collection *c, weir_view inferred)
{
    weir_view read = c->read_schema_json;
    if (!read.len || !memmem(read.ptr, read.len, "flow://", 7))
        return read;
    return inferred.len ? inferred : c->write_schema_json;
}

static weir_rc select_columns(materialization *m, size_t i, err *e)
{
    const task_binding *from = &m->t->bindings[i];
    weir_binding *b = &m->p.bindings[i];
    source *s = &m->sources[i];
    const tree *inferred;
    weir_view text;
    weir_column *columns;
    s->b = ledger_book(m->w->l, b->name);
    s->parts = collection_has_parts(from->collection);
    weir_rc rc = read_inferred(m, s, &inferred, &text, e);
    if (!rc && m->relay) {
        b->schema = plain_schema(from->collection, text);
        return WEIR_OK;
    }
    if (!rc)
        rc = columns_possible(&m->p.arena, from->collection, from, inferred, &columns, &b->column_count, &b->key_count, e);
    if (!rc)
        b->columns = columns;
    return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
}

/* {"sources":{NAME:{"readThrough":"N"},...}}: the form that Flow's checkpoints have (flow.md 4.3). */
static uint64_t offset_in(weir_view kept, weir_view name)
{
    arena a = {0};
    err e = {0};
    tree *t;
    uint64_t at = 0;
    if (tree_parse(&a, kept, NULL, WEIR_E_BUG, &t, &e) == WEIR_OK) {
        const tree *n = tree_get(tree_getv(tree_get(t, "sources"), name), "readThrough");
        if (n && (n->kind == TREE_NUMBER || n->kind == TREE_STRING))
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
    s->next = s->at;
    pthread_mutex_lock(&l->lock);
    uint64_t committed = s->b->committed;
    pthread_mutex_unlock(&l->lock);
    if (!rc && s->at > committed)
        rc = err_fail(e, WEIR_E_CONFIG, "it has read %llu bytes of a journal of %llu: the data folder is not the one it was loaded from",
                      (unsigned long long)s->at, (unsigned long long)committed);
    if (!rc)
        rc = m->relay ? relay_make(&s->relay, b, s->parts, e)
                      : combine_make(&s->combine, &(combine_options){.b = b, .deleted = VIEW("/_meta/op"), .deleted_is = VIEW("\"d\""),
                                                                     .part_is = s->parts ? VIEW("\"u\"") : VIEW("")}, e);
    if (!rc && !m->relay)
        rc = loads_open(&s->loads, l->store, m->w->t->name, s->name, b, s->at > 0, m->load_all, &m->arena, e);
    return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
}

static void now_live(void *arg, session *s)
{
    worker_live(arg, s);
}

static weir_rc read_state(materialization *m, err *e)
{
    weir_view state = {0};
    weir_rc rc = store_state(m->w->l->store, m->w->t->name, &m->arena, &state, e);
    buf_addv(&m->state, state);
    return rc || buf_ok(&m->state) ? rc : err_nomem(e);
}

/* What it wants to be remembered, outside of a commit: at once. */
static weir_rc store_kept(materialization *m, err *e)
{
    if (!m->kept)
        return WEIR_OK;
    m->kept = false;
    return store_commit_all(m->w->l->store, &(store_commit){.task = m->w->t->name, .state = buf_view(&m->state)}, e);
}

static weir_rc acknowledge(materialization *m, err *e)
{
    weir_rc rc = err_wrap(e, session_acknowledge(m->s, e), "acknowledge");
    return rc ? rc : store_kept(m, e);
}

/* What is to be loaded: the bindings with their columns and paths. */
static weir_rc validate(materialization *m, err *e)
{
    weir_rc rc = session_bind(m->s, m->p.bindings, m->p.resources, m->count, buf_view(&m->state), e);
    if (!rc)
        rc = err_wrap(e, session_validate(m->s, e), "validate");
    if (!rc)
        rc = prepare_paths(&m->p, e);
    return rc ? rc : err_wrap(e, m->relay ? prepared_obey(&m->p, e) : fields_choose(m->f, &m->p, &m->again, e), "validate");
}

static weir_rc apply(materialization *m, err *e)
{
    weir_rc rc = err_wrap(e, session_apply(m->s, e), "apply");
    if (!rc && !m->relay)
        rc = fields_applied(m->f, &m->p, e);
    return rc ? rc : store_kept(m, e);
}

/* The task as it is to run, and what was applied last. */
static weir_rc begin_session(materialization *m, err *e)
{
    worker *w = m->w;
    weir_rc rc = fields_task(m->f, &m->arena, &m->t, e);
    if (!rc)
        rc = store_note(w->l->store, w->t->name, spec_note, &m->arena, &m->spec, e);
    if (!rc)
        rc = store_note(w->l->store, w->t->name, version_note, &m->arena, &m->version, e);
    const prepare_options o = {.natives = w->o->natives, .log = w->o->log, .stop_fd = w->stop_fd, .config = worker_settings(w), .live = now_live, .arg = w,
                               .runs_ahead = true, .last_spec = m->spec, .last_version = m->version};
    return rc ? rc : prepare_begin(&m->p, m->t, &o, e);
}

static weir_rc open_session(materialization *m, err *e)
{
    worker *w = m->w;
    weir_rc rc = begin_session(m, e);
    if (rc)
        return rc;
    m->count = m->p.count;
    m->relay = destination(m)->relay;
    m->sources = arena_array(&m->arena, m->count, sizeof *m->sources);
    rc = m->sources ? read_state(m, e) : err_nomem(e);
    for (size_t i = 0; !rc && i < m->count; i++)
        rc = select_columns(m, i, e);
    if (!rc) {
        m->s = prepared_session(&m->p, &m->base, e);
        rc = m->s ? WEIR_OK : e->rc;
    }
    worker_live(w, m->s);
    if (!rc)
        rc = session_open(m->s, prepared_config(&m->p), e);
    if (!rc)
        rc = validate(m, e);
    if (rc || m->again)
        return rc;
    rc = apply(m, e);
    if (!rc)
        rc = acknowledge(m, e);
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
        relay_free(s->relay);
        loads_free(&s->loads);
        buf_free(&s->lines);
    }
    session_free(m->s);
    prepared_free(&m->p);
    arena_free(&m->arena);
    buf_free(&m->state);
    *m = (materialization){.base = m->base, .w = m->w, .f = m->f};
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
    if (limit <= s->next)
        return WEIR_OK;
    if (!s->r)
        rc = journal_reader_open(&s->r, m->w->l->data_dir, s->b->c->name, s->next, e);
    return rc ? rc : journal_read(s->r, limit, want, &s->lines, &s->next, e);
}

/* Reads what there is, up to TXN_BYTES. Once a schema has widened nothing more is read: the session has to begin anew. */
static weir_rc read_round(materialization *m, transaction *x, uint64_t *ret_bytes, bool *ret_widened, err *e)
{
    size_t share = m->count ? TXN_BYTES / m->count : 0;
    weir_rc rc = WEIR_OK;
    x->lag = *ret_bytes = 0;
    for (size_t i = 0; i < m->count && !rc; i++) {
        source *s = &m->sources[i];
        uint64_t limit = limit_of(m, s, ret_widened), from = s->next;
        if (*ret_widened) { /* what was committed since needs columns that this session does not have */
            buf_clear(&s->lines);
            continue;
        }
        rc = read_source(m, s, limit, share > 65536 ? share : 65536, e);
        *ret_bytes += s->next - from;
        x->lag += limit > s->next ? limit - s->next : 0;
    }
    return rc;
}

static weir_rc make_rows(source *s, err *e)
{
    s->row_count = s->read = 0;
    s->truncated = false;
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
static bool is_asked(const materialization *m, const source *s)
{
    const weir_materialize *c = destination(m);
    return c->load && !m->relay && (c->needs_exists || (s->parts && !c->updates && !s->additions && combine_has_parts(s->combine)));
}

/* Rows that came before, of this transaction and earlier ones, are out of date. */
static weir_rc expire(materialization *m, source *s, err *e)
{
    const weir_binding *b = &m->p.bindings[s - m->sources];
    if (!s->truncated || (!s->at && !s->stored))
        return WEIR_OK;
    if (!destination(m)->expire)
        return err_fail(e, WEIR_E_CONFIG, "its source says that all rows so far are out of date, and '%s' cannot remove them", m->p.end.connector->name);
    return err_wrap(e, session_expire(m->s, b, &(weir_expiry){0}, e), "expire");
}

/* What is left of parts of documents: their rows do not exist. */
static weir_rc settle_parts(materialization *m, source *s, err *e)
{
    size_t kept = 0;
    if (!s->parts || takes_parts(m) || m->p.bindings[s - m->sources].delta_updates || (s->additions && !m->relay))
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
    if (!s->row_count || !is_asked(m, s))
        return WEIR_OK;
    for (size_t i = 0; i < s->row_count; i++)
        s->rows[i].exists = WEIR_EXISTS_NO;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0, n = 0; !rc && i < s->row_count; i += n ? n : 1) { /* runs of those that may exist */
        for (n = 0; i + n < s->row_count && loads_may_exist(&s->loads, &s->rows[i + n]); n++)
            ;
        if (n && !s->truncated) /* then nothing does */
            rc = err_wrap(e, session_load(m->s, s->rows + i, n, e), "load");
    }
    return rc;
}

/* The keys of this transaction are written down before the destination has them. */
static weir_rc note_keys(materialization *m, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && !m->relay && i < m->count; i++)
        rc = loads_note(&m->sources[i].loads, m->w->l->store, m->w->t->name, e);
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
    return rc ? rc : store_kept(m, e);
}

/* All keys first, then all rows: that is the order in which some destinations work. */
static weir_rc store_round(materialization *m, transaction *x, err *e)
{
    bool loads = false;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < m->count && !rc; i++)
        rc = of_binding(&m->sources[i], make_rows(&m->sources[i], e), e);
    for (size_t i = 0; i < m->count; i++)
        loads |= is_asked(m, &m->sources[i]);
    for (size_t i = 0; loads && i < m->count && !rc; i++)
        rc = of_binding(&m->sources[i], load_rows(m, &m->sources[i], e), e);
    if (!rc && loads)
        rc = flush(m, e);
    for (size_t i = 0; i < m->count && !rc; i++) {
        rc = of_binding(&m->sources[i], store_rows(m, &m->sources[i], e), e);
        x->documents += rc ? 0 : m->sources[i].read;
    }
    return rc;
}

/* {"sources":{NAME:{"readThrough":"N"},...}}: of these bindings, and as they were of those that the destination knows from before. One of them that is
 * enabled again goes on where it stopped. */
static bool put_offsets(const materialization *m, offset *reads, buf *out)
{
    buf now = {0};
    char digits[24];
    json_out w = json_out_to(&now);
    out_open(&w, '{');
    out_open(out_name(&w, "sources"), '{');
    for (size_t i = 0; i < m->count; i++) {
        reads[i] = (offset){m->sources[i].name, m->sources[i].next};
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)m->sources[i].next);
        out_open(out_namev(&w, m->sources[i].name), '{');
        out_text(out_name(&w, "readThrough"), view_of(digits));
        out_close(&w, '}');
    }
    out_close(&w, '}');
    out_close(&w, '}');
    bool ok = buf_ok(&now) && patch_apply(out, m->checkpoint.len ? m->checkpoint : VIEW("{}"), buf_view(&now));
    buf_free(&now);
    return ok && buf_ok(out);
}

static weir_rc commit(materialization *m, const transaction *x, err *e)
{
    arena a = {0};
    buf text = {0};
    offset *reads = arena_array(&a, m->count, sizeof *reads);
    weir_rc rc = reads && put_offsets(m, reads, &text) ? note_keys(m, e) : err_nomem(e);
    if (!rc)
        rc = session_commit(m->s, buf_view(&text), e);
    if (!rc)
        rc = store_commit_all(m->w->l->store, &(store_commit){
            .task = m->w->t->name, .state = m->kept ? buf_view(&m->state) : (weir_view){0}, .reader = m->w->t->name, .reads = reads,
            .read_count = m->count, .documents = x->documents, .bytes = x->bytes}, e);
    if (!rc) {
        m->kept = false;
        rc = acknowledge(m, e);
    }
    for (size_t i = 0; !rc && i < m->count; i++) {
        m->sources[i].at = m->sources[i].next;
        m->sources[i].stored = false;
    }
    if (!rc)
        worker_committed(m->w, x->documents, x->bytes);
    buf_free(&text);
    arena_free(&a);
    return err_wrap(e, rc, "commit");
}

/* May the transaction take another round? */
static bool may_grow(const materialization *m, const transaction *x)
{
    return m->relay && x->bytes < RELAY_BYTES && clock_ms() - x->begun_ms < RELAY_MS && !worker_stopping(m->w);
}

/* Reads what there is, up to the size of a transaction, and stores it. */
static weir_rc transact(materialization *m, bool *ret_any, bool *ret_widened, err *e)
{
    transaction x = {.begun_ms = clock_ms()};
    uint64_t bytes = 0;
    *ret_any = *ret_widened = false;
    weir_rc rc;
    do {
        rc = read_round(m, &x, &bytes, ret_widened, e);
        x.bytes += bytes;
        atomic_store(&m->w->lag, x.lag + x.bytes);
        if (rc || !bytes)
            break;
        worker_phase(m->w, "loading");
        rc = store_round(m, &x, e);
    } while (!rc && !*ret_widened && may_grow(m, &x));
    if (rc || !x.bytes)
        return rc;
    rc = commit(m, &x, e);
    atomic_store(&m->w->lag, x.lag);
    *ret_any = !rc;
    return rc;
}

/* The ledger's lock is held. */
static bool has_writers(const materialization *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->sources[i].b->writers)
            return true;
    return false;
}

/* Everything committed was read, and nothing more will come. */
static bool finished(materialization *m)
{
    worker *w = m->w;
    bool widened = false;
    pthread_mutex_lock(&w->l->lock);
    bool over = w->o->once && !has_writers(m);
    pthread_mutex_unlock(&w->l->lock);
    if (!over)
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
    while (!l->ending && !(m->w->o->once && !has_writers(m)) && !has_more(m))
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
        if (!any && m->unsettled) /* the second step of the last commit may still be on its way */
            rc = acknowledge(m, e);
        m->unsettled = any;
        if (rc || (!any && finished(m)))
            return rc;
        if (!any)
            wait_for_more(m);
    }
}

static weir_rc run_session(materialization *m, err *e)
{
    worker *w = m->w;
    worker_phase(w, "starting");
    weir_rc rc = open_session(m, e);
    if (rc || m->again)
        return rc;
    rc = work(m, e);
    return rc || worker_stopping(w) ? rc : session_finish(m->s, e);
}

weir_rc materialize_session(worker *w, err *e)
{
    fields f;
    materialization m = {.base = {&ops}, .w = w, .f = &f};
    weir_rc rc = fields_init(&f, w->t, w->l->store, w->o->log, e);
    for (bool more = !rc; more;) { /* again whenever an inferred schema has widened: columns are added */
        rc = run_session(&m, e);
        worker_live(w, NULL);
        more = !rc && !worker_stopping(w) && !f.disabled && (m.again || !finished(&m));
        close_session(&m);
    }
    fields_free(&f);
    return rc;
}
