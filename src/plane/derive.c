/* A derivation: journals from its own offsets through a connector into the journal of its collection, transaction by transaction.
 *
 *     read committed pieces -> connector -> published documents checked, combined by key -> journal, fsync -> commit of the connector -> weir.db
 *
 * Pieces (intake.h) come in the order of their transforms' priority, then of the time at which they were published and their readDelay is over.
 *
 * The checkpoint that the connector is given to commit has the form of Flow's (flow.md 4.3). It holds the offsets in what is read, and in the place of the
 * intents to acknowledge what is written, the new length of our own journal:
 *
 *     {"sources":{"acme/orders;derive/acme/totals/sum":{"readThrough":"1234"}},"ackIntents":{"acme/totals":"NTY3OA=="}}    (base64 of 5678)
 *
 * One that keeps it with its state (it called weir_resume) is believed over weir.db: what it has committed did happen, and the documents that belong to it were
 * on the disk before. So its commit is the moment that counts, and weir.db follows, at the next start if need be: exactly once across both. For others weir.db
 * holds the state, the offsets and the length, in one transaction.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "json/patch.h"
#include "json/text.h"
#include "json/write.h"
#include "model/state.h"
#include "plane/derivation.h"
#include "plane/gate.h"
#include "plane/intake.h"
#include "plane/keyed.h"
#include "plane/refused.h"
#include "plane/work.h"

enum { TXN_BYTES = 16 << 20, PIECE_BYTES = 256 << 10, APPEND_BYTES = 1 << 20 };

typedef struct source { /* of one transform */
    const task_transform *x;
    book *b;
    unsigned version;  /* of its inferred schema */
    intake *in;
    uint64_t at;       /* committed */
    uint64_t limit;    /* of this transaction */
    weir_view name;    /* of the offset: collection;derive/COLLECTION/TRANSFORM */
} source;

typedef struct deriving {
    worker *w;
    derivation *d;
    arena arena;       /* as long as the session */
    book *out;
    source *sources;
    size_t count;
    keyed *published;  
    buf why;           /* a document is refused */
    refused *aside;    /* where it goes then; NULL: it fails the derivation */
    refused_reader *again; /* what was refused, in a run that puts it through again; otherwise NULL */
    buf lines;
    buf position;      /* as of the last commit */
    int64_t due;       /* seconds: when the next document that waits may be read; INT64_MAX: none waits */
    bool unknown_end;  /* a commit of the connector has begun and weir.db does not know how it ended */
} deriving;

/* ---- what the connector says ---- */

static weir_rc refuse(deriving *v, weir_view doc, err *e)
{
    return v->aside ? refused_add(v->aside, doc, buf_view(&v->why), worker_now(v->w), e) : gate_refuse(v->out->c, keyed_hides(v->published) ? (weir_view){0} : doc, &v->why, e);
}

static weir_rc take_published(void *arg, weir_view doc, err *e)
{
    deriving *v = arg;
    weir_rc rc = keyed_add(v->published, doc, &v->why, e);
    return !rc && v->why.len ? refuse(v, doc, e) : rc;
}

static weir_rc take_config(void *arg, weir_task *t, weir_view config) { return worker_config(((deriving *)arg)->w, t, config); }
static void set_live(void *arg, session *s) { worker_live(((deriving *)arg)->w, s); }

static weir_view inferred_of(void *arg, const collection *c, arena *a)
{
    ledger *l = ((deriving *)arg)->w->l;
    book *b = ledger_book(l, c->name);
    pthread_mutex_lock(&l->lock);
    weir_view text = b->inferred.len ? arena_dup(a, b->inferred) : (weir_view){0};
    pthread_mutex_unlock(&l->lock);
    return text;
}

/* ---- the checkpoint ---- */

static size_t read_count(const deriving *v) { return v->count + (v->again != NULL); }

/* @param written the journals that are written, and their new lengths */
static bool put_position(const deriving *v, offset *reads, const offset *written, size_t count, buf *out)
{
    buf now = {0}, intent = {0};
    char digits[24];
    json_out w = json_out_to(&now);
    out_open(&w, '{');
    out_open(out_name(&w, "sources"), '{');
    for (size_t i = 0; i < read_count(v); i++) {
        reads[i] = i < v->count ? (offset){v->sources[i].name, intake_at(v->sources[i].in)} : refused_reader_at(v->again);
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)reads[i].at);
        out_open(out_namev(&w, reads[i].journal), '{');
        out_text(out_name(&w, "readThrough"), view_of(digits));
        out_close(&w, '}');
    }
    out_close(&w, '}');
    out_open(out_name(&w, "ackIntents"), '{');
    for (size_t i = 0; i < count; i++) {
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)written[i].at);
        buf_clear(&intent);
        base64_encode(&intent, view_of(digits));
        out_text(out_namev(&w, written[i].journal), buf_view(&intent));
    }
    out_close(&w, '}');
    out_close(&w, '}');
    bool ok = buf_ok(&now) && buf_ok(&intent) && patch_apply(out, v->position.len ? buf_view(&v->position) : VIEW("{}"), buf_view(&now));
    buf_free(&now);
    buf_free(&intent);
    return ok && buf_ok(out);
}

static uint64_t offset_in(const tree *position, weir_view name)
{
    const tree *n = tree_get(tree_getv(tree_get(position, "sources"), name), "readThrough");
    uint64_t at = 0;
    if (n && (n->kind == TREE_NUMBER || n->kind == TREE_STRING))
        number_to_u64(n->text, &at);
    return at;
}

static bool length_in(const tree *position, weir_view name, uint64_t *ret)
{
    const tree *t = tree_getv(tree_get(position, "ackIntents"), name);
    buf digits = {0};
    bool ok = t && t->kind == TREE_STRING && base64_decode(&digits, t->text) && number_to_u64(buf_view(&digits), ret);
    buf_free(&digits);
    return ok;
}

/* ---- opening ---- */

static weir_rc name_source(deriving *v, source *s, err *e)
{
    const task_transform *x = s->x;
    char version[16] = "";
    if (x->backfill)
        snprintf(version, sizeof version, ".v%u", (unsigned)x->backfill);
    s->name = arena_printf(&v->arena, "%.*s;derive/%.*s/%.*s%s", VIEW_ARG(x->collection->name), VIEW_ARG(v->w->t->name), VIEW_ARG(x->name), version);
    return s->name.ptr ? WEIR_OK : err_nomem(e);
}

static weir_rc find_sources(deriving *v, err *e)
{
    ledger *l = v->w->l;
    const task *t = v->w->t;
    v->count = t->transform_count;
    v->sources = arena_array(&v->arena, v->count, sizeof *v->sources);
    weir_rc rc = v->sources ? WEIR_OK : err_nomem(e);
    for (size_t i = 0; !rc && i < v->count; i++) {
        source *s = &v->sources[i];
        s->x = &t->transforms[i];
        s->b = ledger_book(l, s->x->collection->name);
        rc = name_source(v, s, e);
        if (!rc)
            rc = store_read_offset(l->store, t->name, s->name, &s->at, e);
    }
    return rc;
}

/* Where a schema is learned from documents there is nothing to compile a lambda against before the first of them. The ledger's lock is held. */
static bool lacks_schema(const deriving *v)
{
    for (size_t i = 0; i < v->count; i++) {
        const book *b = v->sources[i].b;
        if (b->shape && !b->inferred.len)
            return true;
    }
    return false;
}

static bool has_writers(const deriving *v)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->sources[i].b->writers)
            return true;
    return false;
}

/* @return false: it is not to begin at all */
static bool await_schemas(deriving *v)
{
    ledger *l = v->w->l;
    pthread_mutex_lock(&l->lock);
    while (lacks_schema(v) && !l->ending && !worker_stopping(v->w) && !(v->w->o->once && !has_writers(v)))
        ledger_wait(l);
    bool ready = !lacks_schema(v);
    for (size_t i = 0; i < v->count; i++)
        v->sources[i].version = v->sources[i].b->version;
    pthread_mutex_unlock(&l->lock);
    return ready;
}

static weir_rc lost_state(const deriving *v, const char *what, err *e)
{
    return err_fail(e, WEIR_E_CONFIG, "the state that its connector holds is %s: the journal of %.*s goes on where that state is lost. Put it back, or derive into a new "
                    "collection", what, VIEW_ARG(v->out->c->name));
}

/* The connector is ahead: its last commit was the last thing that happened. What it published, and what was refused, is in journals, behind what weir.db knows
 * of. @param again how far what was refused is put through again */
static weir_rc roll_forward(deriving *v, const offset *written, size_t count, uint64_t again, err *e)
{
    ledger *l = v->w->l;
    offset *reads = arena_array(&v->arena, v->count + 1, sizeof *reads);
    weir_rc rc = reads ? WEIR_OK : err_nomem(e);
    for (size_t i = 0; !rc && i < v->count; i++)
        reads[i] = (offset){v->sources[i].name, v->sources[i].at};
    if (!rc)
        reads[v->count] = (offset){written[1].journal, again};
    for (size_t i = 0; !rc && i < count; i++) {
        journal *j = NULL;
        rc = journal_open(&j, l->data_dir, written[i].journal, written[i].at, 0, e); /* looks whether it is all there */
        journal_close(j);
    }
    if (!rc)
        rc = store_commit_all(l->store, &(store_commit){
            .task = v->w->t->name, .reader = v->w->t->name, .journals = written, .journal_count = count, .now = worker_now(v->w), .reads = reads,
            .read_count = v->count + (again > 0)}, e);
    if (!rc)
        ledger_committed(l, v->out, written[0].at, (weir_view){0});
    return err_wrap(e, rc, "what the connector committed last");
}

/* The lengths of our own journal and, if there is one in the checkpoint, of the one of what was refused. @return 0: it is not ours */
static size_t lengths_in(deriving *v, const tree *position, offset written[2])
{
    buf name = {0};
    refused_name(&name, v->w->t->name, v->out->c->name);
    written[0].journal = v->out->c->name;
    written[1].journal = arena_dup(&v->arena, buf_view(&name));
    buf_free(&name);
    if (!length_in(position, written[0].journal, &written[0].at))
        return 0;
    return 1 + (written[1].journal.ptr && length_in(position, written[1].journal, &written[1].at));
}

static weir_rc believe(deriving *v, weir_view kept, uint64_t committed, err *e)
{
    tree *t;
    bool ahead = false;
    offset written[2] = {0};
    buf_addv(&v->position, kept);
    weir_rc rc = tree_parse(&v->arena, kept, NULL, WEIR_E_REMOTE, &t, e);
    if (rc)
        return err_wrap(e, rc, "the checkpoint that the connector keeps");
    size_t count = lengths_in(v, t, written);
    if (!count)
        return err_fail(e, WEIR_E_CONFIG, "the checkpoint that the connector keeps is not of this derivation: %.*s", VIEW_ARG(kept));
    for (size_t i = 0; i < v->count; i++) {
        uint64_t at = offset_in(t, v->sources[i].name);
        if (at < v->sources[i].at)
            return lost_state(v, "older than what has been read", e);
        ahead |= at > v->sources[i].at;
        v->sources[i].at = at;
    }
    if (written[0].at < committed)
        return lost_state(v, "older than what has been published", e);
    uint64_t aside = 0;
    rc = store_journal(v->w->l->store, written[1].journal, &aside, e);
    if (rc || (!ahead && written[0].at == committed))
        return rc;
    return roll_forward(v, written, count > 1 && written[1].at > aside ? 2 : 1, offset_in(t, written[1].journal), e);
}

/* Where it begins: what the connector knows of, or else weir.db. */
static weir_rc resume(deriving *v, err *e)
{
    weir_view kept;
    ledger *l = v->w->l;
    if (!derivation_resumed(v->d, &kept))
        return WEIR_OK;
    pthread_mutex_lock(&l->lock);
    uint64_t committed = v->out->committed;
    pthread_mutex_unlock(&l->lock);
    if (kept.len)
        return believe(v, kept, committed, e);
    bool begun = committed > 0;
    for (size_t i = 0; i < v->count; i++)
        begun |= v->sources[i].at > 0;
    return begun ? lost_state(v, "new", e) : WEIR_OK;
}

static weir_rc open_intakes(deriving *v, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < v->count; i++) {
        source *s = &v->sources[i];
        rc = err_wrap(e, intake_make(&s->in, v->w->l, s->b, &s->x->reading, s->at, e), "transform %.*s", VIEW_ARG(s->x->name));
    }
    return rc;
}

/* The state of `using: sqlite` lies beside the journals: DATA/derivations/acme%2Ftotals.db */
static weir_rc state_file(deriving *v, const char **ret, err *e)
{
    buf path = {0}, name = {0}, list = {0};
    json_strings(&list, &v->w->t->name, 1);
    buf_printf(&path, "%s/derivations", v->w->l->data_dir);
    weir_rc rc = io_make_dirs(buf_text(&path), e);
    bool ok = state_key(&name, buf_view(&list), 0);
    buf_printf(&path, "/%.*s.db", VIEW_ARG(buf_view(&name)));
    *ret = ok && buf_ok(&path) ? arena_text(&v->arena, buf_view(&path)) : NULL;
    buf_free(&path);
    buf_free(&name);
    buf_free(&list);
    return rc || *ret ? rc : err_nomem(e);
}

static weir_rc open_session(deriving *v, err *e)
{
    worker *w = v->w;
    weir_view state = {0};
    const char *path = NULL;
    weir_rc rc = store_state(w->l->store, w->t->name, &v->arena, &state, e);
    if (!rc)
        rc = state_file(v, &path, e);
    if (!rc)
        rc = keyed_make(&v->published, &(keyed_options){.c = v->out->c, .partial = true, .salt = w->t->redact_salt}, e);
    if (!rc && w->t->bindings[0].on_invalid == INVALID_DIVERT && keyed_redacts(v->published))
        rc = gate_no_aside(v->out->c, e);
    if (!rc)
        rc = derivation_open(&v->d, &(derivation_options){
            .t = w->t, .natives = w->o->natives, .log = w->o->log, .stop_fd = w->stop_fd, .config = worker_settings(w), .state_file = path, .state = state,
            .inferred = inferred_of, .published = take_published, .changed = take_config, .live = set_live, .arg = v}, e);
    if (!rc)
        rc = resume(v, e);
    if (!rc && w->t->bindings[0].on_invalid == INVALID_DIVERT)
        rc = refused_make(&v->aside, w->l->store, w->l->data_dir, w->t->name, v->out->c->name, e);
    if (!rc && w->o->replay)
        rc = refused_reader_make(&v->again, w->l->store, w->l->data_dir, w->t->name, v->out->c->name, e);
    return rc ? rc : open_intakes(v, e);
}

static void close_session(deriving *v)
{
    for (size_t i = 0; v->sources && i < v->count; i++)
        intake_free(v->sources[i].in);
    derivation_close(v->d);
    keyed_free(v->published);
    refused_free(v->aside);
    refused_reader_free(v->again);
    arena_free(&v->arena);
    buf_free(&v->why);
    buf_free(&v->lines);
    buf_free(&v->position);
    *v = (deriving){.w = v->w, .out = v->out};
}

/* ---- reading ---- */

/* How far there is something to read, of all at the same moment. @return false: a schema has widened, and the session has to begin anew */
static bool take_limits(deriving *v)
{
    ledger *l = v->w->l;
    bool same = true;
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < v->count; i++) {
        v->sources[i].limit = v->sources[i].b->committed;
        same &= v->sources[i].version == v->sources[i].b->version;
    }
    pthread_mutex_unlock(&l->lock);
    return same;
}

static int64_t due_of(const source *s, const piece *p) { return p->second + (s->x->read_delay_ms + 999) / 1000; }

/* Is the first one to be read before the second? Of those alike the one that stands first in the catalog. */
static bool comes_before(const source *s, const piece *p, const source *t, const piece *q)
{
    if (s->x->priority != t->x->priority)
        return s->x->priority > t->x->priority;
    return due_of(s, p) < due_of(t, q);
}

/* The source whose piece is next. @param ret NULL: there is none, or all wait */
static weir_rc next_source(deriving *v, int64_t now, source **ret, piece *ret_piece, err *e)
{
    *ret = NULL;
    v->due = INT64_MAX;
    for (size_t i = 0; i < v->count; i++) {
        source *s = &v->sources[i];
        piece p;
        weir_rc rc = intake_peek(s->in, s->limit, &p, e);
        if (rc)
            return rc;
        int64_t due = due_of(s, &p);
        if (p.from == p.to)
            continue;
        if (due > now) {
            v->due = due < v->due ? due : v->due;
        } else if (!*ret || comes_before(s, &p, *ret, ret_piece)) {
            *ret = s;
            *ret_piece = p;
        }
    }
    return WEIR_OK;
}

static weir_rc read_piece(deriving *v, source *s, const piece *p, uint64_t *bytes, err *e)
{
    buf_clear(&v->lines);
    weir_rc rc = intake_read(s->in, p, PIECE_BYTES, &v->lines, e);
    *bytes += intake_at(s->in) - p->from;
    return rc ? rc : derivation_read(v->d, (size_t)(s - v->sources), buf_view(&v->lines), p->second, e);
}

static weir_rc read_round(deriving *v, uint64_t *ret_bytes, err *e)
{
    int64_t now = worker_now(v->w);
    source *s;
    piece p;
    *ret_bytes = 0;
    weir_rc rc;
    do {
        rc = next_source(v, now, &s, &p, e);
        if (!rc && s) {
            if (!*ret_bytes)
                worker_phase(v->w, "reading");
            rc = read_piece(v, s, &p, ret_bytes, e);
        }
    } while (!rc && s && *ret_bytes < TXN_BYTES && !worker_stopping(v->w));
    return rc;
}

static uint64_t lag_of(const deriving *v)
{
    uint64_t lag = 0;
    for (size_t i = 0; i < v->count; i++)
        lag += v->sources[i].limit - intake_at(v->sources[i].in);
    return lag;
}

/* ---- committing ---- */

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
    const weir_view doc = d->doc;
    book *b = a->v->out;
    int widened = b->shape ? shape_observe(b->shape, doc) : 0;
    if (widened < 0)
        return err_nomem(e);
    b->widened |= widened > 0;
    buf_addv(&a->lines, doc);
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

static weir_view widened_schema(const deriving *v, buf *text)
{
    if (!v->out->widened)
        return (weir_view){0};
    text->failed |= !shape_limit(v->out->shape);
    shape_schema(v->out->shape, text);
    return buf_view(text);
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
    weir_view learned[2] = {v->out->c->name, widened_schema(v, &learning)};
    weir_rc rc = v->aside ? write_aside(v, &grown[1], &any, e) : WEIR_OK;
    if (!rc && !(reads && buf_ok(&learning) && put_position(v, reads, grown, 1 + any, &position)))
        rc = err_nomem(e);
    v->unknown_end = !rc;
    if (!rc)
        rc = derivation_commit(v->d, buf_view(&position), e);
    if (!rc)
        rc = store_commit_all(w->l->store, &(store_commit){
            .task = w->t->name, .state = derivation_kept(v->d), .journals = grown, .journal_count = 1 + any, .now = worker_now(w),
            .reader = w->t->name, .reads = reads, .read_count = read_count(v), .inferred = learned, .inferred_count = learned[1].len > 0,
            .documents = documents, .bytes = bytes}, e);
    if (!rc) {
        v->unknown_end = false;
        derivation_stored(v->d);
        if (v->aside)
            refused_committed(v->aside, w->o->log);
        buf_free(&v->position);
        v->position = position;
        position = (buf){0};
        v->out->widened = false;
        ledger_committed(w->l, v->out, length, learned[1]);
        for (size_t i = 0; i < v->count; i++)
            v->sources[i].at = reads[i].at;
        worker_committed(w, documents, bytes);
    }
    buf_free(&position);
    buf_free(&learning);
    arena_free(&a);
    return rc;
}

static weir_rc commit(deriving *v, uint64_t documents, uint64_t bytes, err *e)
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

static weir_rc transact(deriving *v, bool *ret_any, err *e)
{
    uint64_t bytes, before = derivation_documents(v->d);
    *ret_any = false;
    weir_rc rc = read_round(v, &bytes, e);
    atomic_store(&v->w->lag, lag_of(v) + bytes);
    if (rc || !bytes)
        return rc;
    rc = derivation_flush(v->d, e);
    if (!rc)
        rc = commit(v, derivation_documents(v->d) - before, bytes, e);
    atomic_store(&v->w->lag, lag_of(v));
    *ret_any = !rc;
    return rc;
}

/* ---- a session ---- */

/* The ledger's lock is held. */
static bool has_more(const deriving *v)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->sources[i].b->committed > v->sources[i].limit || v->sources[i].version != v->sources[i].b->version)
            return true;
    return false;
}

/* Waits for documents, or until those that wait may be read. @return false: with --once, nothing more will come */
static bool wait_for_more(deriving *v)
{
    ledger *l = v->w->l;
    bool more, over;
    worker_phase(v->w, "waiting");
    pthread_mutex_lock(&l->lock);
    for (;;) {
        more = has_more(v);
        over = !more && v->w->o->once && !has_writers(v);
        int64_t left = v->due == INT64_MAX ? INT64_MAX : v->due - worker_now(v->w);
        if (more || over || l->ending || worker_stopping(v->w) || left <= 0)
            break;
        ledger_wait_for(l, left < 3600 ? left * 1000 : -1);
    }
    pthread_mutex_unlock(&l->lock);
    return !over;
}

static weir_rc work(deriving *v, bool *ret_again, err *e)
{
    bool any;
    *ret_again = false;
    for (;;) {
        if (!take_limits(v)) {
            *ret_again = true;
            return WEIR_OK;
        }
        weir_rc rc = transact(v, &any, e);
        if (rc || worker_stopping(v->w))
            return rc;
        if (!any && !wait_for_more(v))
            return WEIR_OK;
    }
}

/* What was refused is published once more: it is valid by now, or refused again. */
static weir_rc replay(deriving *v, err *e)
{
    size_t count;
    weir_rc rc;
    do {
        buf_clear(&v->lines);
        rc = refused_read(v->again, &v->lines, &count, e);
        for (weir_view rest = buf_view(&v->lines); rest.len && !rc;) {
            size_t len = (size_t)((const char *)memchr(rest.ptr, '\n', rest.len) - rest.ptr);
            rc = take_published(v, (weir_view){rest.ptr, len}, e);
            rest = view_from(rest, len + 1);
        }
        if (!rc && count)
            rc = commit(v, count, v->lines.len, e);
    } while (!rc && count && !worker_stopping(v->w));
    return rc;
}

weir_rc derive_session(worker *w, err *e)
{
    deriving v = {.w = w, .out = ledger_book(w->l, w->t->name)};
    weir_rc rc;
    bool again;
    do { /* again whenever an inferred schema has widened: there are more fields */
        again = false;
        worker_phase(w, "starting");
        rc = find_sources(&v, e);
        if (!rc && await_schemas(&v)) {
            rc = open_session(&v, e);
            if (!rc)
                rc = w->o->replay ? replay(&v, e) : work(&v, &again, e);
        }
        close_session(&v);
    } while (!rc && again && !worker_stopping(w));
    return rc;
}
