/* A transaction of a derivation ends: published documents, the connector's commit, weir.db. */
#include "plane/derive_parts.h"
#include "plane/position.h"

enum { APPEND_BYTES = 1 << 20 };

static size_t read_count(const deriving *v) { return v->count + (v->again != NULL); }

/* @param written the journals that are written, and their new lengths */
static bool put_position(const deriving *v, offset *reads, offset *written, size_t count, buf *out)
{
    for (size_t i = 0; i < read_count(v); i++)
        reads[i] = i < v->count ? (offset){v->sources[i].name, intake_at(v->sources[i].in)} : refused_reader_at(v->again);
    return position_put(out, buf_view(&v->position), &(places){store_identity(v->w->l->store), reads, written, read_count(v), count});
}

typedef struct appending {
    deriving *v;
    buf lines;
} appending;

static weir_rc append(appending *a, err *e)
{
    weir_rc rc = buf_ok(&a->lines) ? journal_append(a->v->out->j, buf_view(&a->lines), e) : err_nomem(e);
    buf_clear(&a->lines);
    return rc;
}

static weir_rc append_document(void *arg, const keyed_doc *d, err *e)
{
    appending *a = arg;
    weir_rc rc = book_observe(a->v->out, d->doc, e);
    if (rc)
        return rc;
    buf_addv(&a->lines, d->doc);
    buf_addc(&a->lines, '\n');
    return a->lines.len < APPEND_BYTES && buf_ok(&a->lines) ? WEIR_OK : append(a, e);
}

/* All that was published is on the disk when it returns. */
static weir_rc write_published(deriving *v, err *e)
{
    appending a = {.v = v};
    weir_rc rc = keyed_drain(v->published, append_document, &a, e);
    if (!rc)
        rc = append(&a, e);
    if (!rc)
        rc = journal_sync(v->out->j, e);
    buf_free(&a.lines);
    return rc;
}

static weir_rc write_aside(deriving *v, offset *ret, bool *ret_any, err *e)
{
    refused_seal(v->aside);
    return refused_write(v->aside, ret, ret_any, e);
}

static weir_rc commit_all(deriving *v, uint64_t documents, uint64_t bytes, err *e)
{
    worker *w = v->w;
    arena a = {0};
    buf position = {0}, learning = {0};
    offset *reads = arena_array(&a, read_count(v), sizeof *reads);
    const uint64_t length = journal_end(v->out->j);
    offset grown[2] = {{v->out->c->name, length}};
    bool any = false;
    weir_view learned[2] = {v->out->c->name, book_learned(v->out, &learning)};
    weir_rc rc = v->aside ? write_aside(v, &grown[1], &any, e) : WEIR_OK;
    if (!rc && !(reads && buf_ok(&learning) && put_position(v, reads, grown, 1 + any, &position)))
        rc = err_nomem(e);
    v->unknown_end = !rc;
    if (!rc)
        rc = derivation_commit(v->d, buf_view(&position), e);
    if (!rc)
        rc = store_commit_all(w->l->store, &(store_commit){
            .task = v->shard->name, .state = derivation_kept(v->d), .journals = grown, .journal_count = 1 + any, .now = worker_now(w),
            .reader = v->shard->name, .reads = reads, .read_count = read_count(v), .inferred = learned, .inferred_count = learned[1].len > 0,
            .documents = documents, .bytes = bytes}, e);
    if (!rc) {
        v->unknown_end = false;
        derivation_stored(v->d);
        if (v->aside)
            refused_committed(v->aside, w->o->log);
        buf_free(&v->position);
        v->position = position;
        position = (buf){0};
        v->out->widened = !ledger_committed(w->l, v->out, length, learned[1]);
        for (size_t i = 0; i < v->count; i++)
            v->sources[i].at = reads[i].at;
        worker_committed(w, documents, bytes);
    }
    buf_free(&position);
    buf_free(&learning);
    arena_free(&a);
    return rc;
}

weir_rc derive_commit(deriving *v, uint64_t documents, uint64_t bytes, err *e)
{
    weir_rc rc = ledger_take(v->w->l, &v->out, 1, v->w->t->name, e);
    if (rc)
        return rc;
    rc = write_published(v, e);
    if (!rc)
        rc = commit_all(v, documents, bytes, e);
    if (v->unknown_end)
        ledger_leave(v->w->l, &v->out, 1);
    else
        ledger_give_back(v->w->l, &v->out, 1);
    v->unknown_end = false;
    return err_wrap(e, rc, "commit");
}
