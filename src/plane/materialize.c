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
#include "plane/gate.h"
#include "plane/intake.h"
#include "plane/loads.h"
#include "plane/reducing.h"
#include "plane/refused.h"
#include "plane/work.h"

enum { TXN_BYTES = 16 << 20, RELAY_BYTES = 256 << 20, RELAY_MS = 60000,
       PARTS_ROWS = 256 /* a destination may make documents of parts in the memory of its callback */ };

typedef struct source { /* one binding */
    book *b;
    unsigned version;     /* of its inferred schema */
    intake *in;
    uint64_t at;          /* committed in the destination */
    uint64_t next;        /* read in this transaction */
    combined *combine;    /* or: */
    relayed *relay;
    reducing *reduce;     /* beside combine: its schema says how documents of one key become one; NULL: the last one stays */
    bool reduces_held;    /* ... and with what the destination holds */
    gate *gate;           /* what it reads is held against the read schema; NULL: what is written is valid there, too */
    refused *aside;       /* where documents go that are refused; NULL: they fail the task */
    refused_reader *again; /* those that were, in a run that puts them through again; otherwise NULL */
    buf lines;
    const tree *inferred;
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
    buf why;              /* a document is refused */
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

/* Where the last write wins only that it exists matters, unless the row is a part of the document. */
static weir_rc take_loaded(listener *l, weir_task *t, const weir_row *row, weir_view doc)
{
    materialization *m = (materialization *)l;
    weir_row *mine = (weir_row *)(uintptr_t)row; /* it is one of ours */
    source *s = &m->sources[row->binding->index];
    mine->exists = WEIR_EXISTS_YES;
    if (s->reduces_held)
        return reducing_held(s->reduce, doc, task_error(t));
    if (mine->op != WEIR_UPDATE || takes_parts(m))
        return WEIR_OK;
    return combine_complete(s->combine, mine, doc, task_error(t));
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
    s->inferred = inferred;
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

/* {"sources":{NAME:{"readThrough":"N"},...},"ackIntents":{NAME:"N in base64",...}}: the form that Flow's checkpoints have (flow.md 4.3). The second is there
 * only if documents were refused: the length of the journal in which they are put aside, which weir.db may not know of yet. */
static uint64_t offset_in(weir_view kept, const char *part, weir_view name)
{
    arena a = {0};
    err e = {0};
    tree *t;
    uint64_t at = 0;
    if (tree_parse(&a, kept, NULL, WEIR_E_BUG, &t, &e) == WEIR_OK) {
        const tree *n = tree_getv(tree_get(t, part), name);
        buf digits = {0};
        if (n && n->kind == TREE_STRING && base64_decode(&digits, n->text))
            number_to_u64(buf_view(&digits), &at);
        n = tree_get(n, "readThrough");
        if (n && (n->kind == TREE_NUMBER || n->kind == TREE_STRING))
            number_to_u64(n->text, &at);
        buf_free(&digits);
    }
    err_free(&e);
    arena_free(&a);
    return at;
}

/* What the destination has committed did happen, what was refused in that transaction included. */
static weir_rc settle_aside(materialization *m, source *s, err *e)
{
    buf name = {0};
    uint64_t known = 0;
    journal *j = NULL;
    ledger *l = m->w->l;
    refused_name(&name, m->w->t->name, s->b->c->name);
    uint64_t length = buf_ok(&name) && m->checkpoint.len ? offset_in(m->checkpoint, "ackIntents", buf_view(&name)) : 0;
    weir_rc rc = buf_ok(&name) ? store_journal(l->store, buf_view(&name), &known, e) : err_nomem(e);
    if (!rc && length > known) {
        rc = journal_open(&j, l->data_dir, buf_view(&name), length, 0, e); /* looks whether it is all there */
        journal_close(j);
        if (!rc)
            rc = store_commit_all(l->store, &(store_commit){.task = m->w->t->name, .journals = &(offset){buf_view(&name), length}, .journal_count = 1}, e);
    }
    buf_free(&name);
    return rc;
}

/* Does a setting of the resource say that its rows are additions (x-delta-updates)? */
static bool asks_for_additions(const materialization *m, const source *s)
{
    const tree *resource = m->p.resources[s - m->sources];
    for (const weir_field *f = m->p.end.connector->resource; f && f->name; f++) {
        const tree *t = f->flags & WEIR_DELTA_UPDATES ? tree_get(resource, f->name) : NULL;
        if (t && t->kind == TREE_BOOL && t->boolean)
            return true;
    }
    return s->additions;
}

/* Parts of documents have a way of their own. Additions are reduced among those of a transaction, but not with what is there. */
static weir_rc make_reduce(materialization *m, source *s, err *e)
{
    const weir_binding *b = &m->p.bindings[s - m->sources];
    bool needed = false, additions = asks_for_additions(m, s);
    weir_rc rc = m->relay || s->parts || b->delta_updates ? WEIR_OK : reducing_needed(s->b->c, s->inferred, &needed, e);
    if (rc || !needed)
        return rc;
    s->reduces_held = !additions;
    if (!additions && !destination(m)->load)
        return err_fail(e, WEIR_E_CONFIG, "its schema reduces documents (reduce), and '%s' cannot be asked for those that it holds: use delta updates, where it has "
                        "them, or a schema without reductions", m->p.end.connector->name);
    return reducing_make(&s->reduce, b, s->b->c, s->inferred, additions, e);
}

/* A read schema of its own says more than the write schema, by which documents were checked when they were written. What was learned from documents allows them. */
static bool has_own_schema(const collection *c)
{
    return c->read_schema != c->write_schema && !view_eq(c->read_schema_json, c->write_schema_json) &&
           !memmem(c->read_schema_json.ptr, c->read_schema_json.len, "flow://inferred-schema", 22);
}

static weir_rc make_checks(materialization *m, source *s, err *e)
{
    const worker *w = m->w;
    const task_binding *from = &m->t->bindings[s - m->sources];
    weir_rc rc = make_reduce(m, s, e);
    if (!rc && !s->reduce && has_own_schema(s->b->c))
        rc = gate_make_reading(&s->gate, s->b->c, s->inferred, e);
    if (!rc && from->on_invalid == INVALID_DIVERT)
        rc = refused_make(&s->aside, w->l->store, w->l->data_dir, w->t->name, s->b->c->name, e);
    if (!rc && w->o->replay)
        rc = refused_reader_make(&s->again, w->l->store, w->l->data_dir, w->t->name, s->b->c->name, e);
    return rc;
}

/* A destination that must be told which rows exist, or what is there of those that are parts. */
static bool may_be_asked(const materialization *m, const source *s)
{
    const weir_materialize *c = destination(m);
    return c->load && !m->relay && (c->needs_exists || s->reduces_held || (s->parts && !c->updates && !s->additions));
}

/* What a destination says may be of another data folder: then it is hardly where a line begins. */
static weir_rc check_place(const source *s, const ledger *l, uint64_t committed, err *e)
{
    journal_reader *r = NULL;
    buf before = {0};
    uint64_t to;
    weir_rc rc = WEIR_OK;
    if (!s->at)
        return WEIR_OK;
    if (s->at > committed)
        rc = err_fail(e, WEIR_E_CONFIG, "it has read %llu bytes of a journal of %llu: the data folder is not the one it was loaded from",
                      (unsigned long long)s->at, (unsigned long long)committed);
    if (!rc)
        rc = journal_reader_open(&r, l->data_dir, s->b->c->name, s->at - 1, e);
    if (!rc)
        rc = journal_read(r, s->at, 1, &before, &to, e); /* an end of a line, or it is amazed that there is none */
    if (rc == WEIR_E_CONFIG && r)
        err_clear(e);
    if (r && (rc == WEIR_E_CONFIG || (!rc && !view_is(buf_view(&before), "\n"))))
        rc = err_fail(e, WEIR_E_CONFIG, "it has read %llu bytes of a journal, and no document begins there: the data folder is not the one it was loaded from",
                      (unsigned long long)s->at);
    journal_reader_close(r);
    buf_free(&before);
    return rc;
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
        s->at = m->checkpoint.len ? offset_in(m->checkpoint, "sources", s->name) : 0;
    else
        rc = store_read_offset(l->store, m->w->t->name, s->name, &s->at, e);
    s->next = s->at;
    if (!rc && m->resumed)
        rc = settle_aside(m, s, e);
    if (!rc)
        rc = make_checks(m, s, e);
    if (!rc && s->again && m->resumed)
        refused_reader_skip(s->again, offset_in(m->checkpoint, "sources", refused_reader_at(s->again).journal));
    if (!rc)
        rc = intake_make(&s->in, l, s->b, &m->t->bindings[i].reading, s->at, e);
    pthread_mutex_lock(&l->lock);
    uint64_t committed = s->b->committed;
    pthread_mutex_unlock(&l->lock);
    if (!rc)
        rc = check_place(s, l, committed, e);
    if (!rc)
        rc = m->relay ? relay_make(&s->relay, b, s->parts, e)
                      : combine_make(&s->combine, &(combine_options){.b = b, .deleted = VIEW("/_meta/op"), .deleted_is = VIEW("\"d\""),
                                                                     .part_is = s->parts ? VIEW("\"u\"") : VIEW("")}, e);
    if (!rc && !m->relay)
        rc = may_be_asked(m, s) ? loads_open(&s->loads, l->store, m->w->t->name, s->name, b, s->at > 0, m->load_all, &m->arena, e)
                                : loads_pass(l->store, m->w->t->name, s->name, b, &m->arena, e);
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
        intake_free(s->in);
        combine_free(s->combine);
        relay_free(s->relay);
        loads_free(&s->loads);
        reducing_free(s->reduce);
        gate_free(s->gate);
        refused_free(s->aside);
        refused_reader_free(s->again);
        buf_free(&s->lines);
    }
    session_free(m->s);
    prepared_free(&m->p);
    arena_free(&m->arena);
    buf_free(&m->state);
    buf_free(&m->why);
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

/* Whoever asks for no times needs no marks of them. */
static weir_rc next_piece(const materialization *m, source *s, uint64_t limit, piece *ret, err *e)
{
    const reading *what = &m->t->bindings[s - m->sources].reading;
    *ret = (piece){s->next, limit, 0};
    return what->has_not_before || what->has_not_after ? intake_peek(s->in, limit, ret, e) : WEIR_OK;
}

static weir_rc read_source(materialization *m, source *s, uint64_t limit, size_t want, err *e)
{
    weir_rc rc = WEIR_OK;
    buf_clear(&s->lines);
    while (!rc && s->next < limit && s->lines.len < want) {
        piece p;
        rc = next_piece(m, s, limit, &p, e);
        if (!rc)
            rc = intake_read(s->in, &p, want - s->lines.len, &s->lines, e);
        s->next = intake_at(s->in);
    }
    return rc;
}

/* Nothing but what was refused before. */
static weir_rc read_again(materialization *m, uint64_t *ret_bytes, err *e)
{
    weir_rc rc = WEIR_OK;
    *ret_bytes = 0;
    for (size_t i = 0; i < m->count && !rc; i++) {
        source *s = &m->sources[i];
        size_t count;
        buf_clear(&s->lines);
        rc = refused_read(s->again, &s->lines, &count, e);
        *ret_bytes += s->lines.len;
    }
    return rc;
}

/* Reads what there is, up to the size of a transaction. Once a schema has widened nothing more is read: the session has to begin anew. */
static weir_rc read_round(materialization *m, transaction *x, uint64_t *ret_bytes, bool *ret_widened, err *e)
{
    size_t most = destination(m)->transaction_mb ? (size_t)destination(m)->transaction_mb << 20 : TXN_BYTES, share = m->count ? most / m->count : 0;
    weir_rc rc = WEIR_OK;
    x->lag = *ret_bytes = 0;
    if (m->w->o->replay)
        return read_again(m, ret_bytes, e);
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

static weir_rc refuse(materialization *m, source *s, weir_view doc, err *e)
{
    const bool hides = s->reduce ? reducing_hides(s->reduce) : gate_hides(s->gate);
    return s->aside ? refused_add(s->aside, doc, buf_view(&m->why), worker_now(m->w), e) : gate_refuse(s->b->c, hides ? (weir_view){0} : doc, &m->why, e);
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

/* What becomes of them with what is there, which the destination has told by now. */
static weir_rc reduce_rows(source *s, err *e)
{
    return s->reduce && s->row_count ? reducing_rows(s->reduce, &s->rows, &s->row_count, e) : WEIR_OK;
}

/* In this transaction? */
static bool is_asked(const materialization *m, const source *s)
{
    return may_be_asked(m, s) && (destination(m)->needs_exists || s->reduces_held || combine_has_parts(s->combine));
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
    const bool asked = is_asked(m, s);
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; asked && i < s->row_count; i++)
        s->rows[i].exists = WEIR_EXISTS_NO;
    if (!may_be_asked(m, s))
        return WEIR_OK;
    for (size_t i = 0, n = 0; !rc && i < s->row_count; i += n ? n : 1) { /* runs of those that may exist */
        for (n = 0; i + n < s->row_count && loads_may_exist(&s->loads, &s->rows[i + n]); n++)
            ;
        if (n && asked && !s->truncated) /* then nothing does */
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

static void put_offset(json_out *w, offset o)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)o.at);
    out_open(out_namev(w, o.journal), '{');
    out_text(out_name(w, "readThrough"), view_of(digits));
    out_close(w, '}');
}

static void put_length(json_out *w, offset o)
{
    char digits[24];
    buf text = {0};
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)o.at);
    base64_encode(&text, view_of(digits));
    out_text(out_namev(w, o.journal), buf_view(&text));
    w->to->failed |= !buf_ok(&text);
    buf_free(&text);
}

/* What a commit says of places: how far was read, and how long the journals of what was refused are. */
typedef struct places {
    offset *reads, *aside;
    size_t read_count, aside_count;
} places;

/* As offset_in() reads it: of these bindings, and as they were of those that the destination knows from before. One of them that is enabled again goes on where
 * it stopped. */
static bool put_places(const materialization *m, const places *p, buf *out)
{
    buf now = {0};
    json_out w = json_out_to(&now);
    out_open(&w, '{');
    out_open(out_name(&w, "sources"), '{');
    for (size_t i = 0; i < p->read_count; i++)
        put_offset(&w, p->reads[i]);
    out_close(&w, '}');
    if (p->aside_count)
        out_open(out_name(&w, "ackIntents"), '{');
    for (size_t i = 0; i < p->aside_count; i++)
        put_length(&w, p->aside[i]);
    if (p->aside_count)
        out_close(&w, '}');
    out_close(&w, '}');
    bool ok = buf_ok(&now) && patch_apply(out, m->checkpoint.len ? m->checkpoint : VIEW("{}"), buf_view(&now));
    buf_free(&now);
    return ok && buf_ok(out);
}

/* What was refused is on the disk when it returns. */
static weir_rc find_places(materialization *m, arena *a, places *p, err *e)
{
    *p = (places){.reads = arena_array(a, 2 * m->count, sizeof *p->reads), .aside = arena_array(a, m->count, sizeof *p->aside)};
    weir_rc rc = p->reads && p->aside ? WEIR_OK : err_nomem(e);
    for (size_t i = 0; i < m->count && !rc; i++) {
        source *s = &m->sources[i];
        bool any = false;
        p->reads[p->read_count++] = (offset){s->name, s->next};
        if (s->again)
            p->reads[p->read_count++] = refused_reader_at(s->again);
        if (!s->aside)
            continue;
        refused_seal(s->aside);
        rc = refused_write(s->aside, &p->aside[p->aside_count], &any, e);
        p->aside_count += any;
    }
    return rc;
}

static void committed(materialization *m)
{
    m->kept = false;
    for (size_t i = 0; i < m->count; i++)
        if (m->sources[i].aside)
            refused_committed(m->sources[i].aside, m->w->o->log);
}

static weir_rc commit(materialization *m, const transaction *x, err *e)
{
    arena a = {0};
    buf text = {0};
    places p;
    weir_rc rc = find_places(m, &a, &p, e);
    if (!rc)
        rc = note_keys(m, e);
    if (!rc)
        rc = put_places(m, &p, &text) ? session_commit(m->s, buf_view(&text), e) : err_nomem(e);
    if (!rc)
        rc = store_commit_all(m->w->l->store, &(store_commit){
            .task = m->w->t->name, .state = m->kept ? buf_view(&m->state) : (weir_view){0}, .reader = m->w->t->name, .reads = p.reads,
            .read_count = p.read_count, .journals = p.aside, .journal_count = p.aside_count, .documents = x->documents, .bytes = x->bytes}, e);
    if (!rc) {
        committed(m);
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
        if (rc || (!any && (m->w->o->replay || finished(m))))
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
        more = !rc && !worker_stopping(w) && !w->o->replay && !f.disabled && (m.again || !finished(&m));
        close_session(&m);
    }
    fields_free(&f);
    return rc;
}
