/* Being the platform for a Flow materialization: an executable becomes an ordinary destination (flow.md 5).
 *
 * Validate and apply are processes of their own. Storing is one process, in transactions:
 *
 *     load ... (loaded ...)  flush, flushed  store ...  startCommit, startedCommit  [our caller commits]  acknowledge, acknowledged
 *
 * Loaded documents only tell that a row exists. The connector's state is kept by our caller (weir_keep), and so is its offset, unless the connector does
 * that itself (Opened.runtimeCheckpoint).
 */
#include <stdlib.h>

#include "model/tuple.h"
#include "proto/flow/drive_storing.h"
#include "proto/flow/names.h"

enum { PIECE = 64 * 1024 };

flow_storing *flow_storing_of(weir_task *t, flow_run *r)
{
    if (!r->storing)
        r->storing = calloc(1, sizeof *r->storing);
    flow_storing *s = r->storing;
    if (!s) {
        err_nomem(task_error(t));
        return NULL;
    }
    if (!s->has_state) {
        buf_addv(&s->state, weir_state(t));
        s->has_state = true;
    }
    s->b = session_bindings(task_session(t), &s->count);
    return s;
}

/* ---- the process ---- */

void flow_storing_end(flow_storing *s)
{
    err ignored = {0};
    if (s->p && !s->broken)
        peer_conclude(s->p, &ignored);
    peer_free(s->p);
    s->p = NULL;
    s->broken = s->acknowledging = s->acknowledged = s->flushed = s->stored = false;
    err_free(&ignored);
}

void flow_storing_free(flow_storing *s)
{
    if (!s)
        return;
    flow_storing_end(s);
    map_free(&s->keys);
    buf_wipe(&s->state); /* it may hold credentials */
    buf_wipe(&s->peers);
    buf_free(&s->out);
    buf_free(&s->key);
    buf_free(&s->key_packed);
    buf_free(&s->values);
    buf_free(&s->values_packed);
    buf_free(&s->checkpoint);
    arena_free(&s->key_arena);
    arena_free(&s->plan_arena);
    arena_free(&s->arena);
    free(s);
}

static weir_rc broke(flow_storing *s, weir_rc rc)
{
    s->broken |= rc != WEIR_OK;
    return rc;
}

/* ---- its state ---- */

/* What it says goes back to it with the next request, as newest platforms do for all sessions of a task (flow.md 5.5, statePatches). */
static weir_rc take_state_of(weir_task *t, flow_storing *s, const flow_message *m)
{
    arena a = {0};
    tree *parsed;
    weir_rc rc = tree_parse(&a, m->body, NULL, WEIR_E_PROTOCOL, &parsed, task_error(t));
    if (!rc)
        rc = flow_take_state(t, &s->state, parsed, NULL);
    const tree *state = rc ? NULL : name_get(parsed, "state"), *updated = name_get(state, "updated");
    buf_wipe(&s->peers);
    if (updated && name_flag(state, "mergePatch"))
        buf_printf(&s->peers, "[%.*s]", VIEW_ARG(updated->raw));
    arena_free(&a);
    return rc || buf_ok(&s->peers) ? rc : err_nomem(task_error(t));
}

/* ---- what comes while we write: loaded documents ---- */

typedef struct hearing {
    weir_task *t;
    flow_storing *s;
} hearing;

static weir_rc not_asked(const weir_binding *b, weir_view doc, const char *what, err *e)
{
    return err_fail(e, WEIR_E_PROTOCOL, "the connector loaded a document for %.*s %s: %.*s%s", VIEW_ARG(b->name), what,
                    (int)(doc.len > 120 ? 120 : doc.len), doc.ptr, doc.len > 120 ? "..." : "");
}

/* The key of the map: which binding, and the packed key. */
static void begin_map_key(buf *key, uint32_t binding)
{
    buf_clear(key);
    buf_add(key, &binding, sizeof binding);
}

/* In the place of a row whose document has come. */
static const weir_row answered = {0};

static weir_rc hear_loaded(const hearing *h, const flow_message *m, err *e)
{
    flow_storing *s = h->s;
    if (m->binding >= s->count)
        return err_fail(e, WEIR_E_PROTOCOL, "the connector sent 'loaded' for binding %u of %zu", m->binding, s->count);
    const weir_binding *b = &s->b[m->binding];
    buf key = {0};
    weir_view *parts = s->plans[m->binding].parts;
    bool has_key = picker_run(s->plans[m->binding].key, m->doc, parts);
    begin_map_key(&key, m->binding);
    for (size_t i = 0; has_key && i < b->key_count; i++) {
        weir_view value = parts[i].len ? parts[i] : b->columns[i].fallback;
        has_key = value.len && tuple_pack(&key, value);
    }
    const weir_row *row = has_key && buf_ok(&key) ? map_get(&s->keys, buf_view(&key)) : NULL;
    bool ok = buf_ok(&key);
    if (row && row != &answered)
        map_put(&s->keys, buf_view(&key), (void *)(uintptr_t)&answered); /* the entry is there, and stays */
    buf_free(&key);
    if (!ok)
        return err_nomem(e);
    if (!row || row == &answered)
        return not_asked(b, m->doc, row ? "twice" : has_key ? "whose key it was not asked for" : "without its key", e);
    return weir_loaded(h->t, row, m->doc);
}

static weir_rc hear(void *arg, const flow_message *m, err *e)
{
    const hearing *h = arg;
    if (m->kind == FLOW_LOADED && h->s->acknowledged && !h->s->flushed)
        return hear_loaded(h, m, e);
    if (m->kind == FLOW_ACKNOWLEDGED && h->s->acknowledging) {
        h->s->acknowledging = false;
        h->s->acknowledged = true;
        return take_state_of(h->t, h->s, m);
    }
    return err_fail(e, WEIR_E_PROTOCOL, "the connector sent '%s' %s", flow_kind_name(m->kind),
                    !h->s->acknowledged ? "before 'acknowledged'" : h->s->flushed ? "after 'flushed'" : "while loading");
}

/* Sends what waits. */
static weir_rc send_out(weir_task *t, flow_storing *s)
{
    hearing h = {t, s};
    weir_rc rc = buf_ok(&s->out) ? peer_stream(s->p, buf_view(&s->out), hear, &h, task_error(t)) : err_nomem(task_error(t));
    buf_clear(&s->out);
    return broke(s, rc);
}

/* Sends what waits and one request, and takes its answer, whose state is kept. */
static weir_rc ask(weir_task *t, flow_storing *s, flow_kind request, weir_view body, flow_kind answer)
{
    hearing h = {t, s};
    flow_message m;
    err *e = task_error(t);
    weir_rc rc = flow_write(peer_codec(s->p), FLOW_MATERIALIZE_REQUEST, request, body, &s->out, e);
    if (!rc)
        rc = peer_stream_until(s->p, buf_view(&s->out), answer, hear, &h, &m, e);
    buf_clear(&s->out);
    if (!rc && s->acknowledging && answer != FLOW_ACKNOWLEDGED)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the connector sent '%s' before 'acknowledged'", flow_kind_name(answer));
    if (!rc)
        rc = take_state_of(t, s, &m);
    return broke(s, err_wrap(e, rc, "%s", flow_kind_name(request)));
}

/* Its body: patches of the former step, and perhaps one member more. */
static weir_rc ask_with(weir_task *t, flow_storing *s, flow_kind request, const char *name, weir_view value, flow_kind answer)
{
    buf body = {0};
    json_out w = json_out_to(&body);
    out_open(&w, '{');
    if (value.len)
        out_raw(out_name(&w, name), value);
    if (s->peers.len)
        out_raw(out_name(&w, "statePatches"), buf_view(&s->peers));
    out_close(&w, '}');
    weir_rc rc = buf_ok(&body) ? ask(t, s, request, buf_view(&body), answer) : err_nomem(task_error(t));
    buf_wipe(&body);
    return rc;
}

/* ---- opening ---- */

/* A checkpoint that the connector keeps. `rebuild`: it wants everything; without any it keeps none (flow.md 5.6). */
static weir_rc take_opened(weir_task *t, flow_storing *s, weir_view opened)
{
    arena a = {0};
    tree *parsed;
    weir_rc rc = tree_parse(&a, opened, NULL, WEIR_E_PROTOCOL, &parsed, task_error(t));
    const tree *kept = rc ? NULL : name_get(parsed, "runtimeCheckpoint");
    if (kept && !s->resumed) {
        weir_view text = name_flag(kept, "rebuild") ? VIEW("") : kept->raw;
        if (!text.len || name_get(kept, "sources") || name_get(kept, "ackIntents"))
            rc = weir_resume(t, text);
        buf_addv(&s->checkpoint, text);
    }
    if (!rc && name_flag(parsed, "disableLoadOptimization"))
        rc = weir_load_all(t);
    s->resumed = true;
    arena_free(&a);
    return rc;
}

/* A zero is left out (flow.md 1.9). */
static void put_range(json_out *w, const weir_task *t)
{
    uint32_t begin, end;
    weir_key_range(t, &begin, &end);
    out_open(out_name(w, "range"), '{');
    if (begin)
        out_int(out_name(w, "keyBegin"), begin);
    out_int(out_name(w, "keyEnd"), end);
    out_int(out_name(w, "rClockEnd"), UINT32_MAX);
    out_close(w, '}');
}

static weir_rc open_process(weir_task *t, flow_run *r, flow_storing *s)
{
    err *e = task_error(t);
    flow_message m;
    buf body = {0};
    json_out w = json_out_to(&body);
    weir_rc rc = s->plans ? WEIR_OK : flow_make_plans(t, r, s);
    if (!rc)
        rc = peer_start(&s->p, &r->d->o, weir_stop_fd(t), e);
    if (!rc)
        rc = flow_ask_spec(s->p, &m, e);
    if (!rc) {
        out_open(&w, '{');
        flow_put_task(&w, t, r, s);
        put_range(&w, t);
        out_close(&w, '}');
        rc = buf_ok(&body) ? peer_ask(s->p, FLOW_OPEN, buf_view(&body), FLOW_OPENED, &m, e) : err_nomem(e);
    }
    if (!rc)
        rc = take_opened(t, s, m.body);
    buf_wipe(&body);
    return broke(s, rc);
}

/* Waits for what was asked already. */
static weir_rc await_acknowledged(weir_task *t, flow_storing *s)
{
    hearing h = {t, s};
    flow_message m;
    weir_rc rc = peer_stream_until(s->p, buf_view(&s->out), FLOW_ACKNOWLEDGED, hear, &h, &m, task_error(t));
    buf_clear(&s->out);
    s->acknowledging = false;
    if (!rc)
        rc = take_state_of(t, s, &m);
    s->acknowledged = !rc;
    return broke(s, err_wrap(task_error(t), rc, "acknowledge"));
}

static weir_rc acknowledge(weir_task *t, flow_storing *s)
{
    if (s->acknowledging)
        return await_acknowledged(t, s);
    weir_rc rc = ask_with(t, s, FLOW_ACKNOWLEDGE, NULL, VIEW(""), FLOW_ACKNOWLEDGED);
    s->acknowledged = !rc;
    return rc;
}

/* Asks for it, and goes on: keys may be sent meanwhile, and their documents come behind the answer (flow.md 5.5). */
static weir_rc begin_acknowledge(weir_task *t, flow_storing *s)
{
    buf body = {0};
    json_out w = json_out_to(&body);
    out_open(&w, '{');
    if (s->peers.len)
        out_raw(out_name(&w, "statePatches"), buf_view(&s->peers));
    out_close(&w, '}');
    weir_rc rc = buf_ok(&body) ? flow_write(peer_codec(s->p), FLOW_MATERIALIZE_REQUEST, FLOW_ACKNOWLEDGE, buf_view(&body), &s->out, task_error(t))
                               : err_nomem(task_error(t));
    buf_wipe(&body);
    s->acknowledging = true;
    return rc ? rc : send_out(t, s);
}

/* The process is there. */
static weir_rc opened(weir_task *t, flow_run *r, flow_storing **ret)
{
    flow_storing *s = flow_storing_of(t, r);
    *ret = s;
    return !s ? WEIR_E_NOMEM : s->p ? WEIR_OK : open_process(t, r, s);
}

/* ... and has been acknowledged, or will be: a transaction may begin, or go on. */
static weir_rc ready(weir_task *t, flow_run *r, flow_storing **ret)
{
    weir_rc rc = opened(t, r, ret);
    return rc || (*ret)->acknowledged || (*ret)->acknowledging ? rc : acknowledge(t, *ret);
}

/* ---- a transaction ---- */

/* A value that is absent is null. */
static void put_item(buf *json, weir_view value)
{
    buf_addc(json, json->len ? ',' : '[');
    buf_addv(json, value.len ? value : VIEW("null"));
}

static bool pack_key(flow_storing *s, const weir_row *row)
{
    const weir_binding *b = row->binding;
    buf_clear(&s->key);
    begin_map_key(&s->key_packed, b->index);
    bool ok = true;
    for (size_t i = 0; ok && i < b->key_count; i++) {
        put_item(&s->key, row->values[i]);
        ok = tuple_pack(&s->key_packed, row->values[i]);
    }
    buf_adds(&s->key, b->key_count ? "]" : "[]");
    return ok && buf_ok(&s->key) && buf_ok(&s->key_packed);
}

/* Without the binding, which stands before it for the map. */
static weir_view packed_key(const flow_storing *s)
{
    return view_from(buf_view(&s->key_packed), sizeof(uint32_t));
}

static bool pack_values(flow_storing *s, const flow_plan *k, const weir_row *row)
{
    buf_clear(&s->values);
    buf_clear(&s->values_packed);
    bool ok = true;
    for (size_t i = 0; ok && i < k->value_count; i++) {
        put_item(&s->values, row->values[k->values[i]]);
        ok = tuple_pack(&s->values_packed, row->values[k->values[i]]);
    }
    buf_adds(&s->values, k->value_count ? "]" : "[]");
    return ok && buf_ok(&s->values) && buf_ok(&s->values_packed);
}

static weir_rc cannot_pack(weir_task *t, const weir_row *row)
{
    return weir_fail(t, WEIR_E_CONFIG, "a document of %.*s holds a number that is too large: %.*s%s", VIEW_ARG(row->binding->name),
                     (int)(row->doc.len > 120 ? 120 : row->doc.len), row->doc.ptr, row->doc.len > 120 ? "..." : "");
}

static weir_rc load_row(weir_task *t, flow_storing *s, const weir_row *row)
{
    if (!pack_key(s, row))
        return cannot_pack(t, row);
    weir_view key = arena_dup(&s->key_arena, buf_view(&s->key_packed));
    if (!key.ptr || !map_put(&s->keys, key, (void *)(uintptr_t)row)) /* only read */
        return err_nomem(task_error(t));
    flow_write_load(peer_codec(s->p), &(flow_row){.binding = row->binding->index, .key = buf_view(&s->key), .key_packed = packed_key(s)}, &s->out);
    return s->out.len < PIECE ? WEIR_OK : send_out(t, s);
}

static weir_rc driven_load(weir_task *t, void *self, const weir_row *keys, size_t count)
{
    flow_storing *s;
    weir_rc rc = ready(t, self, &s);
    if (!rc && s->flushed)
        rc = flow_turn_over(t, s); /* keys after rows: that is another transaction */
    for (size_t i = 0; !rc && i < count; i++)
        if (!s->plans[keys[i].binding->index].delta)
            rc = load_row(t, s, &keys[i]);
    return rc;
}

static weir_rc flush(weir_task *t, flow_storing *s)
{
    if (s->flushed)
        return WEIR_OK;
    weir_rc rc = ask_with(t, s, FLOW_FLUSH, NULL, VIEW(""), FLOW_FLUSHED);
    s->flushed = !rc;
    map_free(&s->keys);
    arena_reset(&s->key_arena);
    return rc;
}

static weir_rc driven_flush(weir_task *t, void *self)
{
    flow_storing *s;
    weir_rc rc = ready(t, self, &s);
    return rc ? rc : flush(t, s);
}

static weir_rc store_row(weir_task *t, flow_storing *s, const weir_row *row)
{
    const flow_plan *k = &s->plans[row->binding->index];
    const bool gone = row->op == WEIR_DELETE && !k->delta; /* where every row is an addition, so is a deletion */
    if (gone && row->exists == WEIR_EXISTS_NO)
        return WEIR_OK;
    if (!pack_key(s, row) || !pack_values(s, k, row))
        return cannot_pack(t, row);
    flow_write_store(peer_codec(s->p), &(flow_row){
        .binding = row->binding->index, .key = buf_view(&s->key), .key_packed = packed_key(s), .values = buf_view(&s->values),
        .values_packed = buf_view(&s->values_packed), .doc = k->document.len ? row->doc : (weir_view){0},
        .exists = !k->delta && (gone || row->exists == WEIR_EXISTS_YES), .deleted = gone}, &s->out);
    return s->out.len < PIECE ? WEIR_OK : send_out(t, s);
}

static weir_rc driven_store(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    flow_storing *s;
    weir_rc rc = ready(t, self, &s);
    if (!rc)
        rc = flush(t, s);
    for (size_t i = 0; !rc && i < count; i++)
        rc = store_row(t, s, &rows[i]);
    if (!rc)
        s->stored = true;
    return rc;
}

static weir_rc start_commit(weir_task *t, flow_storing *s, weir_view position)
{
    bool any = position.len > 2 && *position.ptr == '{';
    weir_rc rc = ask_with(t, s, FLOW_START_COMMIT, "runtimeCheckpoint", any ? position : VIEW(""), FLOW_STARTED_COMMIT);
    s->acknowledged = s->flushed = s->stored = false;
    return rc;
}

weir_rc flow_turn_over(weir_task *t, flow_storing *s)
{
    weir_rc rc = start_commit(t, s, buf_view(&s->checkpoint));
    return rc ? rc : acknowledge(t, s);
}

static weir_rc driven_commit(weir_task *t, void *self, weir_view position)
{
    flow_storing *s;
    weir_rc rc = ready(t, self, &s);
    if (!rc)
        rc = flush(t, s);
    if (!rc)
        rc = start_commit(t, s, position);
    if (!rc) {
        buf_clear(&s->checkpoint);
        buf_addv(&s->checkpoint, position);
    }
    return rc;
}

/* The first one of a session is waited for: then all is known that the connector keeps. So is one that is asked for twice. */
static weir_rc driven_acknowledge(weir_task *t, void *self)
{
    flow_storing *s;
    const flow_run *r = self;
    const bool first = !r->storing || !r->storing->p;
    weir_rc rc = opened(t, self, &s);
    if (rc || s->acknowledged)
        return rc;
    return !first && !s->acknowledging && task_runs_ahead(t) ? begin_acknowledge(t, s) : acknowledge(t, s);
}

static weir_rc driven_finish(weir_task *t, void *self)
{
    const flow_run *r = self;
    return r->storing && r->storing->p && r->storing->acknowledging ? await_acknowledged(t, r->storing) : WEIR_OK;
}

const weir_materialize flow_drive_materialize = {
    .validate = flow_driven_validate,
    .apply = flow_driven_apply,
    .load = driven_load,
    .flush = driven_flush,
    .store = driven_store,
    .commit = driven_commit,
    .acknowledge = driven_acknowledge,
    .finish = driven_finish,
    .needs_exists = true,
};
