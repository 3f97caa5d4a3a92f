/* Documents that a capture refused are put through again (refused.h). */
#include "plane/capture_parts.h"

/* What was refused is written once more: it is valid by now, or refused again. One transaction for each piece of it. */
static weir_rc replay_piece(capture *c, size_t i, const buf *documents, size_t count, offset at, err *e)
{
    weir_rc rc = WEIR_OK;
    buf lines = {0};
    buf_addv(&lines, buf_view(documents));
    if (!buf_ok(&lines))
        rc = err_nomem(e);
    if (!rc)
        rc = ledger_take(c->w->l, &c->of_binding[i], 1, c->w->t->name, e);
    if (rc) {
        buf_free(&lines);
        return rc;
    }
    rc = capture_check(c, i, &lines, e);
    if (!rc)
        rc = journal_append(c->of_binding[i]->j, buf_view(&lines), e);
    for (size_t k = 0; k < c->book_count; k++)
        c->sealed[k] = c->books[k] == c->of_binding[i] ? journal_end(c->books[k]->j) : c->books[k]->committed;
    refused_seal(c->aside[i]);
    c->again = at;
    c->pending_documents = count;
    c->pending_bytes = documents->len;
    if (!rc)
        rc = capture_commit(c, e);
    ledger_give_back(c->w->l, &c->of_binding[i], 1);
    buf_free(&lines);
    return rc;
}

static weir_rc replay_binding(capture *c, size_t i, err *e)
{
    refused_reader *r = NULL;
    buf documents = {0};
    size_t count = 0;
    const worker *w = c->w;
    weir_rc rc = c->aside[i] ? WEIR_OK : refused_make(&c->aside[i], w->l->store, w->l->data_dir, w->t->name, w->t->bindings[i].collection->name, e);
    if (!rc)
        rc = refused_reader_make(&r, w->l->store, w->l->data_dir, w->t->name, w->t->bindings[i].collection->name, e);
    do {
        buf_clear(&documents);
        if (!rc)
            rc = refused_read(r, &documents, &count, e);
        if (!rc && count)
            rc = replay_piece(c, i, &documents, count, refused_reader_at(r), e);
    } while (!rc && count && !worker_stopping(w));
    refused_reader_free(r);
    buf_free(&documents);
    return rc;
}

/* Bindings of one collection share what was refused. The connector is not asked. */
weir_rc capture_replay(capture *c, err *e)
{
    arena a = {0};
    weir_rc rc = capture_find_books(c, &a, e);
    for (size_t i = 0; i < c->binding_count && !rc; i++) {
        size_t k = 0;
        while (c->of_binding[k] != c->of_binding[i])
            k++;
        if (k == i)
            rc = replay_binding(c, i, e);
    }
    capture_free_gates(c);
    arena_free(&a);
    return rc;
}
