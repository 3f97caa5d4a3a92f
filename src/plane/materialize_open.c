/* A materialization begins: its columns, its destination, the places where both were when they last committed. */
#include "json/patch.h"
#include "plane/columns.h"
#include "plane/materialize_parts.h"
#include "plane/position.h"

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

static bool reads_inferred(const collection *c)
{
    return memmem(c->read_schema_json.ptr, c->read_schema_json.len, "flow://inferred-schema", 22) != NULL;
}

/* @return false: nobody writes to the collection any more, or the run ends */
static bool await_schema(materialization *m, const source *s)
{
    ledger *l = m->w->l;
    worker_phase(m->w, "waiting");
    pthread_mutex_lock(&l->lock);
    while (s->b->version == s->version && s->b->writers && !l->ending)
        ledger_wait(l);
    const bool learned = s->b->version != s->version;
    pthread_mutex_unlock(&l->lock);
    worker_phase(m->w, "starting");
    return learned;
}

/* A field that the catalog names may be one that the schema will know once the first documents are there. */
static weir_rc find_columns(materialization *m, size_t i, err *e)
{
    const source *s = &m->sources[i];
    weir_rc rc = select_columns(m, i, e);
    if (rc == WEIR_E_CONFIG && reads_inferred(s->b->c) && !s->inferred && await_schema(m, s)) {
        err_clear(e);
        rc = select_columns(m, i, e);
    }
    return rc && ledger_is_ending(m->w->l) ? WEIR_STOPPED : rc;
}

typedef struct passing { /* a truncation */
    const materialization *m;
    const source *s;
} passing;

/* What the destination has committed did happen, what was refused in that transaction included. */
static weir_rc settle_aside(materialization *m, source *s, err *e)
{
    buf name = {0};
    uint64_t known = 0;
    journal *j = NULL;
    ledger *l = m->w->l;
    refused_name(&name, m->shard->name, s->b->c->name);
    uint64_t length = 0;
    weir_rc rc = buf_ok(&name) ? store_journal(l->store, buf_view(&name), &known, e) : err_nomem(e);
    if (!rc && position_written(m->position, buf_view(&name), &length) && length > known) {
        rc = journal_open(&j, l->data_dir, buf_view(&name), length, 0, e); /* looks whether it is all there */
        journal_close(j);
        if (!rc)
            rc = store_commit_all(l->store, &(store_commit){.task = m->shard->name, .journals = &(offset){buf_view(&name), length}, .journal_count = 1}, e);
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
    if (!additions && !materialize_destination(m)->load)
        return err_fail(e, WEIR_E_CONFIG, "its schema reduces documents (reduce), and '%s' cannot be asked for those that it holds: use delta updates, where it has "
                        "them, or a schema without reductions", m->p.end.connector->name);
    return reducing_make(&s->reduce, b, s->b->c, s->inferred, additions, e);
}

/* A read schema of its own says more than the write schema, by which documents were checked when they were written. What was learned from documents allows them. */
static bool has_own_schema(const collection *c)
{
    return c->read_schema != c->write_schema && !view_eq(c->read_schema_json, c->write_schema_json) && !reads_inferred(c);
}

static weir_rc make_checks(materialization *m, source *s, err *e)
{
    const worker *w = m->w;
    const task_binding *from = &m->t->bindings[s - m->sources];
    weir_rc rc = make_reduce(m, s, e);
    if (!rc && !s->reduce && has_own_schema(s->b->c))
        rc = gate_make_reading(&s->gate, s->b->c, s->inferred, e);
    if (!rc && from->on_invalid == INVALID_DIVERT)
        rc = refused_make(&s->aside, w->l->store, w->l->data_dir, m->shard->name, s->b->c->name, e);
    if (!rc && w->o->replay)
        rc = refused_reader_make(&s->again, w->l->store, w->l->data_dir, m->shard->name, s->b->c->name, e);
    return rc;
}

static weir_rc not_ours(const ledger *l, const char *why, err *e)
{
    return err_fail(e, WEIR_E_CONFIG, "%s: the data folder \"%s\" is not the one it was loaded from. Go on with that one, or raise \"backfill\" of the binding: it is "
                    "loaded anew from this one then", why, l->data_dir);
}

/* What a destination says may be of another data folder, without saying so if it is old: then it is hardly where a line begins. */
static weir_rc check_place(const source *s, const ledger *l, uint64_t committed, err *e)
{
    journal_reader *r = NULL;
    buf before = {0};
    uint64_t to;
    if (!s->at)
        return WEIR_OK;
    if (s->at > committed)
        return not_ours(l, "it has read more than its collection holds", e);
    weir_rc rc = journal_reader_open(&r, l->data_dir, s->b->c->name, s->at - 1, e);
    if (!rc)
        rc = journal_read(r, s->at, 1, &before, &to, e); /* an end of a line, or it is amazed that there is none */
    if (rc == WEIR_E_CONFIG && r)
        err_clear(e);
    if (r && (rc == WEIR_E_CONFIG || (!rc && !view_is(buf_view(&before), "\n"))))
        rc = not_ours(l, "it has read its collection to where no document begins", e);
    journal_reader_close(r);
    buf_free(&before);
    return rc;
}

static bool may_pass(void *arg, uint64_t at)
{
    const passing *p = arg;
    ledger *l = p->m->w->l;
    pthread_mutex_lock(&l->lock);
    bool may = materialize_may_pass(p->m, p->s, at);
    pthread_mutex_unlock(&l->lock);
    return may;
}

static weir_rc find_keys(materialization *m, const weir_binding *b, range **ret, err *e)
{
    weir_view *pointers = arena_array(&m->arena, b->key_count, sizeof *pointers), *fallbacks = arena_array(&m->arena, b->key_count, sizeof *fallbacks);
    if (!pointers || !fallbacks)
        return err_nomem(e);
    for (size_t i = 0; i < b->key_count; i++) {
        pointers[i] = b->columns[i].pointer;
        fallbacks[i] = b->columns[i].fallback;
    }
    return range_make(ret, &(range_options){pointers, fallbacks, b->key_count, m->shard->key_begin, m->shard->key_end}, e);
}

static weir_rc make_intake(materialization *m, size_t i, err *e)
{
    source *s = &m->sources[i];
    intake_options o = {.what = &m->t->bindings[i].reading};
    if (m->w->shards.count == 1)
        return intake_make(&s->in, m->w->l, s->b, &o, s->at, e);
    passing *p = arena_alloc(&m->arena, sizeof *p);
    if (!p)
        return err_nomem(e);
    *p = (passing){m, s};
    o.may_pass = may_pass;
    o.arg = p;
    weir_rc rc = find_keys(m, &m->p.bindings[i], &o.keys, e);
    return rc ? rc : intake_make(&s->in, m->w->l, s->b, &o, s->at, e);
}

/* What was refused may have been so before the task was cut: its keys can be another shard's by now. */
static bool loads_all(const materialization *m) { return m->load_all || (m->w->o->replay && m->w->shards.count > 1); }

static weir_rc open_source(materialization *m, size_t i, err *e)
{
    source *s = &m->sources[i];
    const weir_binding *b = &m->p.bindings[i];
    ledger *l = m->w->l;
    s->name = arena_printf(&m->arena, "%.*s;%.*s", VIEW_ARG(b->name), VIEW_ARG(b->state_key));
    if (!s->name.ptr)
        return err_nomem(e);
    weir_rc rc = WEIR_OK;
    if (position_is_foreign(m->position, s->name, store_identity(l->store)))
        rc = not_ours(l, "it has read a collection of the same name", e);
    else if (m->resumed)
        s->at = position_read(m->position, s->name);
    else
        rc = store_read_offset(l->store, m->shard->name, s->name, &s->at, e);
    s->next = s->at;
    if (!rc && m->resumed)
        rc = settle_aside(m, s, e);
    if (!rc)
        rc = make_checks(m, s, e);
    if (!rc && s->again && m->resumed)
        refused_reader_skip(s->again, position_read(m->position, refused_reader_at(s->again).journal));
    if (!rc)
        rc = make_intake(m, i, e);
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
        rc = materialize_may_ask(m, s) ? loads_open(&s->loads, l->store, m->shard->name, s->name, b, s->at > 0, loads_all(m), &m->arena, e)
                                : loads_pass(l->store, m->shard->name, s->name, b, &m->arena, e);
    return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
}

static void now_live(void *arg, session *s)
{
    const materialization *m = arg;
    worker_live(m->w, m->shard->index, s);
}

static weir_rc read_state(materialization *m, err *e)
{
    weir_view state = {0};
    weir_rc rc = store_state(m->w->l->store, m->shard->name, &m->arena, &state, e);
    buf_addv(&m->state, state);
    return rc || buf_ok(&m->state) ? rc : err_nomem(e);
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
    return rc ? rc : materialize_keep(m, e);
}

/* The task as it is to run, and what was applied last. */
static weir_rc begin_session(materialization *m, err *e)
{
    worker *w = m->w;
    weir_rc rc = fields_task(m->f, &m->arena, &m->t, e);
    if (!rc)
        rc = store_note(w->l->store, w->t->name, MATERIALIZE_SPEC_NOTE, &m->arena, &m->spec, e);
    if (!rc)
        rc = store_note(w->l->store, w->t->name, MATERIALIZE_VERSION_NOTE, &m->arena, &m->version, e);
    const prepare_options o = {.natives = w->o->natives, .log = w->o->log, .stop_fd = w->stop_fd, .config = worker_settings(w), .live = now_live, .arg = m,
                              
                               .runs_ahead = true, .last_spec = m->spec, .last_version = m->version,
                               .key_begin = m->shard->key_begin, .key_end = m->shard->key_end};
    return rc ? rc : prepare_begin(&m->p, m->t, &o, e);
}

/* The journals of what was refused that another data folder wrote are none of ours. */
static bool drop_written(materialization *m)
{
    buf text = {0};
    bool ok = patch_apply(&text, m->checkpoint, VIEW("{\"ackIntents\":null}")) && buf_ok(&text);
    m->checkpoint = ok ? arena_dup(&m->arena, buf_view(&text)) : (weir_view){0};
    buf_free(&text);
    return m->checkpoint.ptr;
}

static weir_rc read_position(materialization *m, err *e)
{
    tree *t = NULL;
    weir_rc rc = m->checkpoint.len ? tree_parse(&m->arena, m->checkpoint, NULL, WEIR_E_REMOTE, &t, e) : WEIR_OK;
    if (!rc && position_has_foreign(t, store_identity(m->w->l->store)))
        rc = drop_written(m) ? tree_parse(&m->arena, m->checkpoint, NULL, WEIR_E_BUG, &t, e) : err_nomem(e);
    m->position = rc ? NULL : t;
    return err_wrap(e, rc, "the checkpoint that the destination keeps");
}

weir_rc materialize_open(materialization *m, err *e)
{
    worker *w = m->w;
    weir_rc rc = begin_session(m, e);
    if (rc)
        return rc;
    m->count = m->p.count;
    m->relay = materialize_destination(m)->relay;
    m->sources = arena_array(&m->arena, m->count, sizeof *m->sources);
    rc = m->sources ? read_state(m, e) : err_nomem(e);
    for (size_t i = 0; !rc && i < m->count; i++)
        rc = find_columns(m, i, e);
    if (!rc) {
        m->s = prepared_session(&m->p, &m->base, e);
        rc = m->s ? WEIR_OK : e->rc;
    }
    worker_live(w, m->shard->index, m->s);
    if (!rc)
        rc = session_open(m->s, prepared_config(&m->p), e);
    if (!rc)
        rc = validate(m, e);
    if (rc || m->again)
        return rc;
    rc = apply(m, e);
    if (!rc)
        rc = materialize_acknowledge(m, e);
    if (!rc)
        rc = read_position(m, e);
    for (size_t i = 0; !rc && i < m->count; i++)
        rc = open_source(m, i, e);
    return rc;
}

void materialize_close(materialization *m)
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
    *m = (materialization){.base = m->base, .w = m->w, .shard = m->shard, .all = m->all, .f = m->f};
}
