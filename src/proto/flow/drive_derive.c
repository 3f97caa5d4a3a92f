/* Being the platform for a Flow derivation: an executable becomes an ordinary one (flow.md 4).
 *
 * Validate is a process of its own. A session is one process, in transactions:
 *
 *     read ... (published ...)  flush, (published ...) flushed  startCommit, startedCommit  [our caller commits]
 *
 * The connector's state is kept by our caller (weir_keep), and so is the checkpoint, unless the connector does that itself (Opened.runtimeCheckpoint).
 */
#include <stdlib.h>

#include "json/pointer.h"
#include "model/keyhash.h"
#include "model/tuple.h"
#include "proto/flow/drive.h"
#include "proto/flow/names.h"

enum { PIECE = 64 * 1024 };

struct flow_deriving {
    const weir_derivation *d;
    flow_peer *p;
    buf state;            /* as we know it: the connector's */
    bool broken;          /* something went wrong: nobody listens to it any more */
    bool flushed;         /* in this transaction */
    bool dropping;        /* what it publishes is nobody's: after a reset */
    bool deaf;            /* it does not know `reset` */
    buf out;              /* requests that wait */
    buf packed;           /* a shuffle key */
};
typedef struct flow_deriving deriving;

static void end_process(deriving *g)
{
    err ignored = {0};
    if (g->p && !g->broken)
        peer_conclude(g->p, &ignored);
    peer_free(g->p);
    g->p = NULL;
    g->broken = g->flushed = false;
    buf_clear(&g->out);
    err_free(&ignored);
}

void flow_deriving_free(deriving *g)
{
    if (!g)
        return;
    end_process(g);
    buf_wipe(&g->state); /* it may hold credentials */
    buf_free(&g->out);
    buf_free(&g->packed);
    free(g);
}

static weir_rc broke(deriving *g, weir_rc rc)
{
    g->broken |= rc != WEIR_OK;
    return rc;
}

/* ---- request bodies ---- */

/* The collection that a transform reads, as a binding has it. */
static weir_binding source_of(const weir_transform *x)
{
    return (weir_binding){.name = x->collection, .schema = x->schema, .key = x->key, .columns = x->columns, .column_count = x->column_count,
                          .key_count = x->key_count};
}

/* What validate and open have in common. */
static void put_transform(json_out *w, const weir_transform *x)
{
    const weir_binding source = source_of(x);
    out_text(out_name(w, "name"), x->name);
    flow_open_projected(w, &source);
    out_close(w, '}');
    if (x->shuffle_lambda.len)
        out_raw(out_name(w, "shuffleLambdaConfig"), x->shuffle_lambda);
    out_raw(out_name(w, "lambdaConfig"), x->lambda_json.len ? x->lambda_json : VIEW("null"));
    if (x->backfill)
        out_int(out_name(w, "backfill"), x->backfill);
}

static const weir_column *column_at(const weir_transform *x, weir_view pointer)
{
    for (size_t i = 0; i < x->column_count; i++)
        if (view_eq(x->columns[i].pointer, pointer))
            return &x->columns[i];
    return NULL;
}

/* As a shuffle type (flow.md 4.4); NULL: there is none. */
static const char *shuffle_type(const weir_column *c)
{
    static const struct {
        unsigned types;
        const char *name;
    } all[] = {{WEIR_IS_BOOLEAN, "BOOLEAN"}, {WEIR_IS_INTEGER, "INTEGER"}, {WEIR_IS_STRING, "STRING"}};
    for (size_t i = 0; c && i < sizeof all / sizeof *all; i++)
        if ((c->types & ~(unsigned)WEIR_IS_NULL) == all[i].types)
            return all[i].name;
    return NULL;
}

/* Of the keys of all transforms, which are alike: the first one tells. Left empty if something in it is of no such type. */
static void put_shuffle_types(json_out *w, const weir_derivation *d)
{
    arena a = {0};
    weir_view *pointers;
    size_t n = 0, at = 0;
    bool known = true;
    while (at < d->count && d->transforms[at].shuffle_key.len <= 2)
        at++;
    const weir_transform *x = at < d->count ? &d->transforms[at] : NULL;
    if (x && !pointer_list(&a, x->shuffle_key, &pointers, &n))
        n = 0;
    for (size_t i = 0; i < n; i++)
        known = known && shuffle_type(column_at(x, pointers[i]));
    out_open(out_name(w, "shuffleKeyTypes"), '[');
    for (size_t i = 0; known && i < n; i++)
        out_text(w, view_of(shuffle_type(column_at(x, pointers[i]))));
    out_close(w, ']');
    arena_free(&a);
}

/* flow.md 4.4 */
static void put_spec_transform(json_out *w, weir_view collection, const weir_transform *x)
{
    buf suffix = {0};
    buf_printf(&suffix, "derive/%.*s/%.*s", VIEW_ARG(collection), VIEW_ARG(x->name));
    if (x->backfill)
        buf_printf(&suffix, ".v%u", x->backfill);
    out_open(w, '{');
    put_transform(w, x);
    out_raw(out_name(w, "shuffleKey"), x->shuffle_key.len ? x->shuffle_key : VIEW("[]"));
    if (x->read_only)
        out_bool(out_name(w, "readOnly"), true);
    out_text(out_name(w, "journalReadSuffix"), buf_view(&suffix));
    out_text(out_name(w, "stateKey"), x->state_key);
    out_close(w, '}');
    w->to->failed |= !buf_ok(&suffix);
    buf_free(&suffix);
}

static void put_derivation(json_out *w, const flow_run *r, const weir_derivation *d)
{
    out_open(out_name(w, "derivation"), '{');
    flow_put_endpoint(w, r);
    out_open(out_name(w, "transforms"), '[');
    for (size_t i = 0; i < d->count; i++)
        put_spec_transform(w, d->to->name, &d->transforms[i]);
    out_close(w, ']');
    put_shuffle_types(w, d);
    out_close(w, '}');
}

static void put_range(json_out *w, const weir_derivation *d)
{
    out_open(out_name(w, "range"), '{');
    if (d->key_begin)
        out_int(out_name(w, "keyBegin"), d->key_begin);
    out_int(out_name(w, "keyEnd"), d->key_end);
    out_int(out_name(w, "rClockEnd"), UINT32_MAX);
    out_close(w, '}');
}

/* ---- validate ---- */

static weir_rc use_validated(weir_task *t, void *arg, const tree *answer)
{
    const weir_derivation *d = arg;
    const tree *list = name_get(answer, "transforms"), *files = name_get(answer, "generatedFiles");
    const size_t got = list && list->kind == TREE_ARRAY ? list->count : 0;
    weir_rc rc = WEIR_OK;
    size_t i = 0;
    if (got != d->count)
        return weir_fail(t, WEIR_E_PROTOCOL, "the connector validated %zu transforms of %zu", got, d->count);
    for (const tree *item = got ? list->first : NULL; !rc && item; item = item->next, i++)
        if (name_flag(item, "readOnly"))
            rc = weir_read_only(t, &d->transforms[i]);
    for (const tree *f = files && files->kind == TREE_OBJECT ? files->first : NULL; !rc && f; f = f->next)
        rc = f->kind == TREE_STRING ? weir_generated_file(t, f->name, f->text)
                                    : weir_fail(t, WEIR_E_PROTOCOL, "the connector generated a file '%.*s' that is no text", VIEW_ARG(f->name));
    return rc;
}

static weir_rc driven_validate(weir_task *t, void *self, const weir_derivation *d)
{
    flow_run *r = self;
    buf body = {0};
    json_out w = json_out_to(&body);
    out_open(&w, '{');
    flow_put_endpoint(&w, r);
    flow_open_projected(&w, d->to);
    out_close(&w, '}');
    out_open(out_name(&w, "transforms"), '[');
    for (size_t i = 0; i < d->count; i++) {
        out_open(&w, '{');
        put_transform(&w, &d->transforms[i]);
        out_close(&w, '}');
    }
    out_close(&w, ']');
    put_shuffle_types(&w, d);
    out_text(out_name(&w, "projectRoot"), view_of(d->project_root));
    out_raw(out_name(&w, "importMap"), d->imports.len ? d->imports : VIEW("{}"));
    out_close(&w, '}');
    weir_rc rc = flow_unary(t, r, FLOW_VALIDATE, &body, FLOW_VALIDATED, use_validated, (void *)(uintptr_t)d); /* only read */
    buf_free(&body);
    return rc;
}

/* ---- a session ---- */

/* A checkpoint that the connector keeps. `rebuild`: it wants everything; without any it keeps none (flow.md 5.6). */
static weir_rc take_opened(weir_task *t, weir_view opened)
{
    arena a = {0};
    tree *parsed;
    weir_rc rc = tree_parse(&a, opened, NULL, WEIR_E_PROTOCOL, &parsed, task_error(t));
    const tree *kept = rc ? NULL : name_get(parsed, "runtimeCheckpoint");
    if (kept && kept->kind != TREE_OBJECT) {
        rc = weir_fail(t, WEIR_E_PROTOCOL, "opened.runtimeCheckpoint is no object");
        kept = NULL;
    }
    weir_view text = kept && !name_flag(kept, "rebuild") ? kept->raw : VIEW("");
    if (kept && (!text.len || name_get(kept, "sources") || name_get(kept, "ackIntents")))
        rc = weir_resume(t, text);
    arena_free(&a);
    return rc;
}

static weir_rc open_process(weir_task *t, flow_run *r, deriving *g, bool resume)
{
    err *e = task_error(t);
    flow_message m;
    buf body = {0};
    json_out w = json_out_to(&body);
    weir_rc rc = peer_start(&g->p, &r->d->o, weir_stop_fd(t), e);
    if (!rc)
        rc = flow_ask_spec(g->p, &m, e);
    out_open(&w, '{');
    flow_open_projected(&w, g->d->to);
    put_derivation(&w, r, g->d);
    out_close(&w, '}');
    out_text(out_name(&w, "version"), VIEW("local"));
    put_range(&w, g->d);
    out_raw(out_name(&w, "state"), g->state.len ? buf_view(&g->state) : VIEW("{}"));
    out_close(&w, '}');
    if (!rc)
        rc = buf_ok(&body) && buf_ok(&g->state) ? peer_ask(g->p, FLOW_OPEN, buf_view(&body), FLOW_OPENED, &m, e) : err_nomem(e);
    if (!rc && resume)
        rc = take_opened(t, m.body);
    buf_wipe(&body);
    return broke(g, rc);
}

static weir_rc driven_begin(weir_task *t, void *self, const weir_derivation *d)
{
    flow_run *r = self;
    flow_deriving_free(r->deriving);
    deriving *g = r->deriving = calloc(1, sizeof *g);
    if (!g)
        return err_nomem(task_error(t));
    g->d = d;
    buf_addv(&g->state, weir_state(t));
    return open_process(t, r, g, true);
}

/* ---- what comes: published documents ---- */

typedef struct hearing {
    weir_task *t;
    deriving *g;
} hearing;

static weir_rc hear(void *arg, const flow_message *m, err *e)
{
    const hearing *h = arg;
    if (m->kind != FLOW_PUBLISHED || h->g->flushed)
        return err_fail(e, WEIR_E_PROTOCOL, "the connector sent '%s' %s", flow_kind_name(m->kind), h->g->flushed ? "after 'flushed'" : "while reading");
    return h->g->dropping ? WEIR_OK : task_emit_scanned(h->t, h->g->d->to, m->doc, m->lines);
}

static weir_rc send_out(weir_task *t, deriving *g)
{
    hearing h = {t, g};
    weir_rc rc = buf_ok(&g->out) ? peer_stream(g->p, buf_view(&g->out), hear, &h, task_error(t)) : err_nomem(task_error(t));
    buf_clear(&g->out);
    return broke(g, rc);
}

static weir_rc take_answer(weir_task *t, deriving *g, const flow_message *m)
{
    arena a = {0};
    tree *parsed;
    weir_rc rc = tree_parse(&a, m->body, NULL, WEIR_E_PROTOCOL, &parsed, task_error(t));
    if (!rc && name_flag(parsed, "more"))
        rc = weir_fail(t, WEIR_E_PROTOCOL, "the connector wants to be flushed again ('more'), which is not supported");
    if (!rc)
        rc = flow_take_state(t, &g->state, parsed, NULL);
    arena_free(&a);
    return rc;
}

/* Sends what waits and one request, and takes its answer, whose state is kept. */
static weir_rc ask(weir_task *t, deriving *g, flow_kind request, weir_view body, flow_kind answer)
{
    hearing h = {t, g};
    flow_message m;
    err *e = task_error(t);
    weir_rc rc = flow_write(peer_codec(g->p), FLOW_DERIVE_REQUEST, request, body, &g->out, e);
    if (!rc)
        rc = peer_stream_until(g->p, buf_view(&g->out), answer, hear, &h, &m, e);
    buf_clear(&g->out);
    if (!rc)
        rc = take_answer(t, g, &m);
    return broke(g, err_wrap(e, rc, "%s", flow_kind_name(request)));
}

/* ---- a transaction ---- */

/* A key that cannot be packed is sent as JSON only. */
static void pack_key(deriving *g, weir_view key)
{
    json_scan s = json_scan_of(key);
    weir_view part;
    bool ok = true;
    buf_clear(&g->packed);
    for (bool more = key.len && json_enter(&s, '['); more && json_item(&s); more = ok)
        ok = json_skip(&s, &part) && tuple_pack(&g->packed, part);
    if (!ok)
        buf_clear(&g->packed);
}

static weir_rc driven_read(weir_task *t, void *self, const weir_read *reads, size_t count)
{
    deriving *g = ((flow_run *)self)->deriving;
    weir_rc rc = WEIR_OK;
    g->flushed = false;
    for (size_t i = 0; !rc && i < count; i++) {
        pack_key(g, reads[i].key);
        flow_write_read(peer_codec(g->p), &(flow_reading){
            .transform = reads[i].transform->index, .clock = reads[i].clock, .key = reads[i].key, .key_packed = buf_view(&g->packed),
            .hash = g->packed.len ? key_hash(buf_view(&g->packed)) : 0, .doc = reads[i].doc}, &g->out);
        rc = g->out.len < PIECE ? WEIR_OK : send_out(t, g);
    }
    return rc ? rc : send_out(t, g);
}

static weir_rc driven_flush(weir_task *t, void *self)
{
    deriving *g = ((flow_run *)self)->deriving;
    g->flushed = false;
    weir_rc rc = ask(t, g, FLOW_FLUSH, VIEW("{}"), FLOW_FLUSHED);
    g->flushed = !rc;
    return rc;
}

static weir_rc start_commit(weir_task *t, deriving *g, weir_view position)
{
    buf body = {0};
    json_out w = json_out_to(&body);
    out_open(&w, '{');
    if (position.len > 2 && *position.ptr == '{')
        out_raw(out_name(&w, "runtimeCheckpoint"), position);
    out_close(&w, '}');
    weir_rc rc = buf_ok(&body) ? ask(t, g, FLOW_START_COMMIT, buf_view(&body), FLOW_STARTED_COMMIT) : err_nomem(task_error(t));
    buf_free(&body);
    g->flushed = false;
    return rc;
}

static weir_rc driven_commit(weir_task *t, void *self, weir_view position)
{
    return start_commit(t, ((flow_run *)self)->deriving, position);
}

/* ---- reset ---- */

/* `reset` has no answer: a transaction without documents shows whether it was understood. */
static weir_rc ask_reset(weir_task *t, deriving *g)
{
    weir_rc rc = flow_write(peer_codec(g->p), FLOW_DERIVE_REQUEST, FLOW_RESET, VIEW("{}"), &g->out, task_error(t));
    g->dropping = true;
    if (!rc)
        rc = ask(t, g, FLOW_FLUSH, VIEW("{}"), FLOW_FLUSHED);
    g->flushed = !rc;
    if (!rc)
        rc = start_commit(t, g, (weir_view){0});
    g->dropping = false;
    return rc;
}

static weir_rc start_anew(weir_task *t, flow_run *r, deriving *g)
{
    end_process(g);
    buf_clear(&g->state);
    return open_process(t, r, g, false);
}

/* Not everybody knows it (flow.md 10.1): one that dies of it is started anew, with no state, then and from then on. */
static weir_rc driven_reset(weir_task *t, void *self)
{
    flow_run *r = self;
    deriving *g = r->deriving;
    buf_clear(&g->state);
    if (g->deaf || g->broken)
        return start_anew(t, r, g);
    weir_rc rc = ask_reset(t, g);
    if (!rc || rc == WEIR_STOPPED)
        return rc;
    weir_log(t, WEIR_INFO, "the connector does not know 'reset', and is started anew instead: %s", err_text(task_error(t)));
    err_clear(task_error(t));
    g->deaf = true;
    return start_anew(t, r, g);
}

const weir_derive flow_drive_derive = {
    .validate = driven_validate,
    .begin = driven_begin,
    .read = driven_read,
    .flush = driven_flush,
    .commit = driven_commit,
    .reset = driven_reset,
};
