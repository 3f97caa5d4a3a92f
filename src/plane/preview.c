#include "plane/preview.h"

#include <stdlib.h>

#include "plane/derivation.h"
#include "plane/fixture.h"
#include "plane/gate.h"
#include "plane/intake.h"
#include "plane/keyed.h"
#include "plane/learned.h"
#include "proto/papers.h"

enum { TXN_BYTES = 16 << 20, PIECE_BYTES = 256 << 10 };

typedef struct previewing {
    const preview_options *o;
    arena arena;
    derivation *d;
    session *s;            /* at work */
    keyed *published;
    buf why;               /* a document is refused */
    buf state;
    papers papers;         /* with the database of `using: sqlite` */
    const char *state_file;
    learned *learned;
    fixture *from;         /* or the journals: */
    store *store;          /* NULL: none was opened */
    ledger ledger;
    intake **intakes;      /* by transform; of a fixture NULL */
    selector **selectors;  /* of a fixture, by transform; NULL: all */
    buf lines;
} previewing;

/* ---- what the connector says ---- */

static weir_rc take_published(void *arg, weir_view doc, err *e)
{
    previewing *v = arg;
    weir_rc rc = keyed_add(v->published, doc, &v->why, e);
    if (rc || !v->why.len)
        return rc;
    return gate_refuse(v->o->t->bindings[0].collection, derivation_keyless(v->o->t), keyed_hides(v->published) ? (weir_view){0} : doc, &v->why, e);
}

static weir_rc print_document(void *arg, const keyed_doc *d, err *e)
{
    const previewing *v = arg;
    return v->o->published(v->o->arg, d->doc, e);
}

static void set_live(void *arg, session *s)
{
    previewing *v = arg;
    v->s = s;
    if (v->from)
        fixture_stop_on(v->from, s ? session_stop_fd(s) : -1);
    if (v->o->live)
        v->o->live(v->o->live_arg, s);
}

static weir_view inferred_of(void *arg, const collection *c, arena *a)
{
    previewing *v = arg;
    return learned_schema(v->learned, c, a);
}

/* ---- a fixture ---- */

/* Documents of collections that it does not read are passed over: a fixture may be for several tasks. */
static weir_rc take_document(void *arg, weir_view name, weir_view doc, err *e)
{
    previewing *v = arg;
    const task *t = v->o->t;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < t->transform_count && !rc; i++) {
        bool takes = view_eq(t->transforms[i].collection->name, name);
        if (takes && v->selectors[i])
            rc = selector_takes(v->selectors[i], doc, &takes, e);
        if (takes && !rc)
            rc = derivation_read(v->d, i, doc, 0, e);
    }
    return rc;
}

static weir_rc open_fixture(previewing *v, err *e)
{
    const task *t = v->o->t;
    weir_rc rc = fixture_open(&v->from, v->o->fixture, e);
    v->selectors = arena_array(&v->arena, t->transform_count, sizeof *v->selectors);
    if (!rc && !v->selectors)
        rc = err_nomem(e);
    for (size_t i = 0; !rc && i < t->transform_count; i++)
        rc = selector_make(&v->arena, t->transforms[i].collection, &t->transforms[i].reading, &v->selectors[i], e);
    return rc;
}

/* ---- the journals ---- */

static weir_rc open_journals(previewing *v, err *e)
{
    const preview_options *o = v->o;
    weir_rc rc = store_open(&v->store, o->data_dir, true, e);
    if (rc)
        return rc;
    rc = ledger_open(&v->ledger, o->catalog, v->store, o->data_dir, o->log, e);
    v->intakes = arena_array(&v->arena, o->t->transform_count, sizeof *v->intakes);
    if (!rc && !v->intakes)
        rc = err_nomem(e);
    for (size_t i = 0; !rc && i < o->t->transform_count; i++) {
        const task_transform *x = &o->t->transforms[i];
        rc = intake_make(&v->intakes[i], &v->ledger, ledger_book(&v->ledger, x->collection->name), &(intake_options){.what = &x->reading}, 0, e);
    }
    return rc;
}

/* The transform that is to be read next. @param ret its index; the count of all: there is nothing more */
static weir_rc next_transform(previewing *v, size_t *ret, piece *ret_piece, err *e)
{
    const task *t = v->o->t;
    *ret = t->transform_count;
    for (size_t i = 0; i < t->transform_count; i++) {
        const task_transform *x = &t->transforms[i];
        piece p;
        weir_rc rc = intake_peek(v->intakes[i], ledger_book(&v->ledger, x->collection->name)->committed, &p, e);
        if (rc)
            return rc;
        if (p.from == p.to || (*ret < t->transform_count && !transform_before(x, p.second, &t->transforms[*ret], ret_piece->second)))
            continue;
        *ret = i;
        *ret_piece = p;
    }
    return WEIR_OK;
}

/* Delays are over: only the order that they make is seen. */
static weir_rc read_journals(previewing *v, bool *ret_any, err *e)
{
    uint64_t bytes = 0;
    size_t i;
    piece p;
    weir_rc rc;
    do {
        rc = next_transform(v, &i, &p, e);
        if (rc || i == v->o->t->transform_count)
            break;
        buf_clear(&v->lines);
        rc = intake_read(v->intakes[i], &p, PIECE_BYTES, &v->lines, e);
        bytes += intake_at(v->intakes[i]) - p.from;
        if (!rc)
            rc = derivation_read(v->d, i, buf_view(&v->lines), p.second, e);
    } while (!rc && bytes < TXN_BYTES);
    *ret_any = bytes > 0;
    return rc;
}

/* ---- transactions ---- */

static weir_rc commit(previewing *v, err *e)
{
    weir_rc rc = derivation_flush(v->d, e);
    if (!rc)
        rc = keyed_drain(v->published, print_document, v, e);
    if (!rc)
        rc = derivation_commit(v->d, VIEW("{}"), e);
    if (rc)
        return rc;
    const weir_view kept = derivation_kept(v->d);
    if (kept.len) {
        buf_clear(&v->state);
        buf_addv(&v->state, kept);
    }
    derivation_stored(v->d);
    return buf_ok(&v->state) ? v->o->committed(v->o->arg, kept.len ? buf_view(&v->state) : kept, e) : err_nomem(e);
}

/* @param ret_more there may be another one */
static weir_rc transact(previewing *v, bool *ret_more, err *e)
{
    if (v->s && session_stopping(v->s))
        return err_fail(e, WEIR_STOPPED, "stopped");
    weir_rc rc = v->from ? fixture_next(v->from, take_document, v, ret_more, e) : read_journals(v, ret_more, e);
    return rc || !*ret_more ? rc : commit(v, e);
}

static weir_rc open_session(previewing *v, err *e)
{
    const preview_options *o = v->o;
    return derivation_open(&v->d, &(derivation_options){
        .t = o->t, .natives = o->natives, .log = o->log, .stop_fd = o->stop_fd, .state_file = v->state_file, .apart = true, .state = buf_view(&v->state),
        .inferred = inferred_of, .published = take_published, .live = set_live, .arg = v}, e);
}

static weir_rc run_session(previewing *v, uint64_t limit, bool *ret_more, err *e)
{
    weir_rc rc = open_session(v, e);
    for (uint64_t n = 0; !rc && *ret_more && (!limit || n < limit); n++)
        rc = transact(v, ret_more, e);
    derivation_close(v->d);
    v->d = NULL;
    return rc;
}

static weir_rc set_up(previewing *v, err *e)
{
    const preview_options *o = v->o;
    buf_addv(&v->state, o->state);
    weir_rc rc = keyed_make(&v->published, &(keyed_options){.c = o->t->bindings[0].collection, .partial = true, .salt = o->t->redact_salt}, e);
    if (!rc && o->session_count > 1) /* its state goes on from one to the next */
        rc = papers_put(&v->papers, "derivation.db", VIEW(""), &v->state_file, e);
    if (!rc)
        rc = learned_open(&v->learned, o->data_dir, e);
    return rc ? rc : o->fixture ? open_fixture(v, e) : open_journals(v, e);
}

static void tear_down(previewing *v)
{
    for (size_t i = 0; v->intakes && i < v->o->t->transform_count; i++)
        intake_free(v->intakes[i]);
    if (v->ledger.books)
        ledger_close(&v->ledger);
    if (v->store)
        store_close(v->store);
    learned_close(v->learned);
    fixture_close(v->from);
    keyed_free(v->published);
    papers_free(&v->papers);
    buf_free(&v->why);
    buf_free(&v->state);
    buf_free(&v->lines);
    arena_free(&v->arena);
}

weir_rc preview_derivation(const preview_options *o, err *e)
{
    previewing v = {.o = o};
    bool more = true;
    weir_rc rc = set_up(&v, e);
    for (size_t i = 0; i < o->session_count && !rc && more; i++)
        rc = run_session(&v, o->sessions[i], &more, e);
    tear_down(&v);
    return rc;
}
