/* A transaction of a materialization ends: the destination's commit with the places that were read, then weir.db, then its second step. */
#include "plane/materialize_parts.h"
#include "plane/position.h"

/* What it wants to be remembered, outside of a commit: at once. */
weir_rc materialize_keep(materialization *m, err *e)
{
    if (!m->kept)
        return WEIR_OK;
    m->kept = false;
    return store_commit_all(m->w->l->store, &(store_commit){.task = m->shard->name, .state = buf_view(&m->state)}, e);
}

weir_rc materialize_acknowledge(materialization *m, err *e)
{
    weir_rc rc = err_wrap(e, session_acknowledge(m->s, e), "acknowledge");
    return rc ? rc : materialize_keep(m, e);
}

/* What was refused is on the disk when it returns. */
static weir_rc find_places(materialization *m, arena *a, places *p, err *e)
{
    *p = (places){.folder = store_identity(m->w->l->store), .reads = arena_array(a, 2 * m->count, sizeof *p->reads), .written = arena_array(a, m->count, sizeof *p->written)};
    weir_rc rc = p->reads && p->written ? WEIR_OK : err_nomem(e);
    for (size_t i = 0; i < m->count && !rc; i++) {
        source *s = &m->sources[i];
        bool any = false;
        p->reads[p->read_count++] = (offset){s->name, s->next};
        if (s->again)
            p->reads[p->read_count++] = refused_reader_at(s->again);
        if (!s->aside)
            continue;
        refused_seal(s->aside);
        rc = refused_write(s->aside, &p->written[p->written_count], &any, e);
        p->written_count += any;
    }
    return rc;
}

/* The keys of this transaction are written down before the destination has them. */
static weir_rc note_keys(materialization *m, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && !m->relay && i < m->count; i++)
        rc = loads_note(&m->sources[i].loads, m->w->l->store, m->shard->name, e);
    return rc;
}

static void committed(materialization *m)
{
    m->kept = false;
    for (size_t i = 0; i < m->count; i++)
        if (m->sources[i].aside)
            refused_committed(m->sources[i].aside, m->w->o->log);
}

static void move_on(materialization *m)
{
    ledger *l = m->w->l;
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < m->count; i++) {
        m->sources[i].at = m->sources[i].next;
        m->sources[i].stored = false;
    }
    if (m->w->shards.count > 1) /* another shard may wait for this one, at a truncation */
        pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

weir_rc materialize_commit(materialization *m, const transaction *x, err *e)
{
    arena a = {0};
    buf text = {0};
    places p;
    weir_rc rc = find_places(m, &a, &p, e);
    if (!rc)
        rc = note_keys(m, e);
    if (!rc) /* bindings that the destination knows from before stay in it as they were: one that is enabled again goes on where it stopped */
        rc = position_put(&text, m->checkpoint, &p) ? session_commit(m->s, buf_view(&text), e) : err_nomem(e);
    if (!rc)
        rc = store_commit_all(m->w->l->store, &(store_commit){
            .task = m->shard->name, .state = m->kept ? buf_view(&m->state) : (weir_view){0}, .reader = m->shard->name, .reads = p.reads,
            .read_count = p.read_count, .journals = p.written, .journal_count = p.written_count, .documents = x->documents, .bytes = x->bytes}, e);
    if (!rc) {
        committed(m);
        rc = materialize_acknowledge(m, e);
    }
    if (!rc)
        move_on(m);
    if (!rc)
        worker_committed(m->w, x->documents, x->bytes);
    buf_free(&text);
    arena_free(&a);
    return err_wrap(e, rc, "commit");
}
