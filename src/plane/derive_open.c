/* A derivation begins: its sources, its connector, the places where both were when they last committed. */
#include <stdio.h>

#include "json/pointer.h"
#include "plane/derive_parts.h"
#include "plane/position.h"

enum { PIECE_BYTES = 256 << 10 };

/* ---- what the connector says ---- */

static weir_rc refuse(deriving *v, weir_view doc, err *e)
{
    if (v->aside)
        return refused_add(v->aside, doc, buf_view(&v->why), worker_now(v->w), e);
    return gate_refuse(v->out->c, derivation_keyless(v->w->t), keyed_hides(v->published) ? (weir_view){0} : doc, &v->why, e);
}

weir_rc derive_published(void *arg, weir_view doc, err *e)
{
    deriving *v = arg;
    weir_rc rc = keyed_add(v->published, doc, &v->why, e);
    return !rc && v->why.len ? refuse(v, doc, e) : rc;
}

static weir_rc take_config(void *arg, weir_task *t, weir_view config) { return worker_config(((deriving *)arg)->w, t, config); }
static void set_live(void *arg, session *s) { worker_live(((deriving *)arg)->w, ((deriving *)arg)->shard->index, s); }

static weir_view inferred_of(void *arg, const collection *c, arena *a)
{
    ledger *l = ((deriving *)arg)->w->l;
    book *b = ledger_book(l, c->name);
    pthread_mutex_lock(&l->lock);
    weir_view text = b->inferred.len ? arena_dup(a, b->inferred) : (weir_view){0};
    pthread_mutex_unlock(&l->lock);
    return text;
}

static weir_rc name_source(deriving *v, source *s, err *e)
{
    const task_transform *x = s->x;
    char version[16] = "";
    if (x->backfill)
        snprintf(version, sizeof version, ".v%u", (unsigned)x->backfill);
    s->name = arena_printf(&v->arena, "%.*s;derive/%.*s/%.*s%s", VIEW_ARG(x->collection->name), VIEW_ARG(v->w->t->name), VIEW_ARG(x->name), version);
    return s->name.ptr ? WEIR_OK : err_nomem(e);
}

weir_rc derive_find_sources(deriving *v, err *e)
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
            rc = store_read_offset(l->store, v->shard->name, s->name, &s->at, e);
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

bool derive_has_writers(const deriving *v)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->sources[i].b->writers)
            return true;
    return false;
}

/* @return false: it is not to begin at all */
bool derive_await_schemas(deriving *v)
{
    ledger *l = v->w->l;
    pthread_mutex_lock(&l->lock);
    while (lacks_schema(v) && !l->ending && !worker_stopping(v->w) && !(v->w->o->once && !derive_has_writers(v)))
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

/* Documents that are in the journal, and of which weir.db does not know: nobody has learned from them. */
static weir_rc learn(const deriving *v, uint64_t from, uint64_t to, err *e)
{
    journal_reader *r = NULL;
    buf lines = {0};
    weir_rc rc = v->out->shape ? journal_reader_open(&r, v->w->l->data_dir, v->out->c->name, from, e) : WEIR_OK;
    while (r && !rc && from < to) {
        buf_clear(&lines);
        rc = journal_read(r, to, PIECE_BYTES, &lines, &from, e);
        for (weir_view rest = buf_view(&lines); !rc && rest.len;) {
            const size_t len = (size_t)((const char *)memchr(rest.ptr, '\n', rest.len) - rest.ptr);
            rc = book_observe(v->out, (weir_view){rest.ptr, len}, e);
            rest = view_from(rest, len + 1);
        }
    }
    journal_reader_close(r);
    buf_free(&lines);
    return rc;
}

/* The connector is ahead: its last commit was the last thing that happened. What it published, and what was refused, is in journals, behind what weir.db knows
 * of. @param again how far what was refused is put through again */
static weir_rc roll_forward(deriving *v, const offset *written, size_t count, uint64_t again, err *e)
{
    ledger *l = v->w->l;
    buf text = {0};
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
        rc = learn(v, v->out->committed, written[0].at, e);
    const weir_view learned[2] = {v->out->c->name, book_learned(v->out, &text)};
    if (!rc && !buf_ok(&text))
        rc = err_nomem(e);
    if (!rc)
        rc = store_commit_all(l->store, &(store_commit){
            .task = v->shard->name, .reader = v->shard->name, .journals = written, .journal_count = count, .now = worker_now(v->w), .reads = reads,
            .read_count = v->count + (again > 0), .inferred = learned, .inferred_count = learned[1].len > 0}, e);
    if (!rc)
        v->out->widened = !ledger_committed(l, v->out, written[0].at, learned[1]);
    buf_free(&text);
    return err_wrap(e, rc, "what the connector committed last");
}

/* The lengths of our own journal and, if there is one in the checkpoint, of the one of what was refused. @return 0: it is not ours */
static size_t lengths_in(deriving *v, const tree *position, offset written[2])
{
    buf name = {0};
    refused_name(&name, v->shard->name, v->out->c->name);
    written[0].journal = v->out->c->name;
    written[1].journal = arena_dup(&v->arena, buf_view(&name));
    buf_free(&name);
    if (!position_written(position, written[0].journal, &written[0].at))
        return 0;
    return 1 + (written[1].journal.ptr && position_written(position, written[1].journal, &written[1].at));
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
        uint64_t at = position_read(t, v->sources[i].name);
        if (position_is_foreign(t, v->sources[i].name, store_identity(v->w->l->store)))
            return lost_state(v, "of another data folder", e);
        if (at < v->sources[i].at)
            return lost_state(v, "older than what has been read", e);
        ahead |= at > v->sources[i].at;
        v->sources[i].at = at;
    }
    uint64_t aside = 0, again = 0;
    rc = store_journal(v->w->l->store, written[1].journal, &aside, e);
    if (!rc)
        rc = store_read_offset(v->w->l->store, v->shard->name, written[1].journal, &again, e);
    if (rc)
        return rc;
    ahead |= position_read(t, written[1].journal) > again;
    if (v->w->shards.count > 1 && !ahead) /* others may have published since */
        return WEIR_OK;
    if (written[0].at < committed)
        return lost_state(v, "older than what has been published", e);
    if (!ahead && written[0].at == committed)
        return WEIR_OK;
    return roll_forward(v, written, count > 1 && written[1].at > aside ? 2 : 1, position_read(t, written[1].journal), e);
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
    bool begun = committed > 0 && v->w->shards.count == 1;
    for (size_t i = 0; i < v->count; i++)
        begun |= v->sources[i].at > 0;
    return begun ? lost_state(v, "new", e) : WEIR_OK;
}

/* Documents that are to meet go to one shard: those of one shuffle key, as the connector is given it. Where any will do their own key says which. */
static weir_rc find_keys(deriving *v, const source *s, range **ret, err *e)
{
    range_options o = {.begin = v->shard->key_begin, .end = v->shard->key_end};
    weir_view *pointers, *absent;
    *ret = NULL;
    if (!pointer_list(&v->arena, s->x->shuffle_key.len ? s->x->shuffle_key : s->x->collection->key_json, &pointers, &o.count))
        return v->arena.failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "its shuffle key is no list of JSON pointers");
    absent = arena_array(&v->arena, o.count, sizeof *absent);
    if (!absent)
        return err_nomem(e);
    for (size_t i = 0; i < o.count; i++)
        absent[i] = derivation_absent(v->d, (size_t)(s - v->sources), pointers[i]);
    o.pointers = pointers;
    o.fallbacks = absent;
    return range_make(ret, &o, e);
}

static weir_rc open_intakes(deriving *v, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < v->count; i++) {
        source *s = &v->sources[i];
        intake_options o = {.what = &s->x->reading};
        rc = find_keys(v, s, &o.keys, e);
        if (!rc)
            rc = intake_make(&s->in, v->w->l, s->b, &o, s->at, e);
        rc = err_wrap(e, rc, "transform %.*s", VIEW_ARG(s->x->name));
    }
    return rc;
}

weir_rc derive_open(deriving *v, err *e)
{
    worker *w = v->w;
    weir_view state = {0};
    const char *path = NULL;
    weir_rc rc = store_state(w->l->store, v->shard->name, &v->arena, &state, e);
    if (!rc)
        rc = derive_state_file(w->l->data_dir, v->shard->name, &v->arena, &path, e);
    if (!rc)
        rc = keyed_make(&v->published, &(keyed_options){.c = v->out->c, .partial = true, .salt = w->t->redact_salt}, e);
    if (!rc && w->t->bindings[0].on_invalid == INVALID_DIVERT && keyed_redacts(v->published))
        rc = gate_no_aside(v->out->c, e);
    if (!rc)
        rc = derivation_open(&v->d, &(derivation_options){
            .t = w->t, .natives = w->o->natives, .log = w->o->log, .stop_fd = w->stop_fd, .config = worker_settings(w), .state_file = path, .state = state,
            .key_begin = v->shard->key_begin, .key_end = v->shard->key_end,
            .inferred = inferred_of, .published = derive_published, .changed = take_config, .live = set_live, .arg = v}, e);
    if (!rc)
        rc = resume(v, e);
    if (!rc && w->t->bindings[0].on_invalid == INVALID_DIVERT)
        rc = refused_make(&v->aside, w->l->store, w->l->data_dir, v->shard->name, v->out->c->name, e);
    if (!rc && w->o->replay)
        rc = refused_reader_make(&v->again, w->l->store, w->l->data_dir, v->shard->name, v->out->c->name, e);
    return rc ? rc : open_intakes(v, e);
}

void derive_close(deriving *v)
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
    *v = (deriving){.w = v->w, .shard = v->shard, .out = v->out};
}
