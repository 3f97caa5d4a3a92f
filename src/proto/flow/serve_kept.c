/* What is kept for a served destination or derivation: its state, by the platform; a checkpoint, by itself. */
#include "base/io.h"
#include "json/patch.h"
#include "json/scan.h"
#include "json/write.h"
#include "proto/flow/names.h"
#include "proto/flow/serve.h"

bool flow_kept_init(flow_kept *k, weir_view state)
{
    buf_addv(&k->state, state);
    buf_addv(&k->told, state);
    return buf_ok(&k->state) && buf_ok(&k->told);
}

void flow_kept_free(flow_kept *k)
{
    buf_wipe(&k->state);
    buf_wipe(&k->told);
    buf_free(&k->checkpoint);
}

static bool merge(buf *to, weir_view patch)
{
    buf next = {0};
    if (!patch_apply(&next, to->len ? buf_view(to) : VIEW("{}"), patch) || !buf_ok(&next)) {
        buf_free(&next);
        return false;
    }
    buf_wipe(to);
    *to = next;
    return true;
}

weir_rc flow_kept_patch(flow_kept *k, weir_task *t, weir_view patch)
{
    return merge(&k->state, patch) ? WEIR_OK : err_nomem(task_error(t));
}

weir_rc flow_kept_peers(flow_kept *k, session *s, const tree *body, err *e)
{
    const tree *list = name_get(body, "statePatches");
    if (!list)
        return WEIR_OK;
    if (list->kind != TREE_ARRAY)
        return err_fail(e, WEIR_E_PROTOCOL, "statePatches is no array");
    for (const tree *t = list->first; t; t = t->next)
        if (!merge(&k->state, t->raw) || !merge(&k->told, t->raw))
            return err_nomem(e);
    return list->count && !session_set_state(s, buf_view(&k->state)) ? err_nomem(e) : WEIR_OK;
}

weir_rc flow_kept_hear(flow_kept *k, session *s, weir_view body, err *e)
{
    arena a = {0};
    tree *parsed;
    weir_rc rc = tree_parse(&a, body, NULL, WEIR_E_PROTOCOL, &parsed, e);
    if (!rc)
        rc = flow_kept_peers(k, s, parsed, e);
    arena_free(&a);
    return rc;
}

weir_rc flow_kept_resume(flow_kept *k, weir_task *t, weir_view position)
{
    k->resumed = true;
    if (position.len && !json_check(position, NULL, NULL))
        return weir_fail(t, WEIR_E_REMOTE, "the checkpoint that the connector keeps is not JSON: %.*s", VIEW_ARG(position));
    buf_clear(&k->checkpoint);
    buf_addv(&k->checkpoint, position);
    return buf_ok(&k->checkpoint) ? WEIR_OK : err_nomem(task_error(t));
}

void flow_kept_forget(flow_kept *k)
{
    k->forgotten |= k->told.len != 0 && !json_equal(buf_view(&k->told), VIEW("{}"));
    buf_clear(&k->state);
    buf_clear(&k->told);
}

/* What has changed, as a patch; after a reset the whole of it. Empty: nothing has. @return false without memory */
static bool news(const flow_kept *k, buf *out)
{
    weir_view now = k->state.len ? buf_view(&k->state) : VIEW("{}"), told = k->told.len ? buf_view(&k->told) : VIEW("{}");
    if (k->forgotten)
        buf_addv(out, now);
    else if (!json_equal(told, now))
        return patch_diff(out, told, now);
    return buf_ok(out);
}

/* {"state":{...}} if it has changed since the platform was told; otherwise {}. */
static weir_rc put_state(flow_kept *k, json_out *w, err *e)
{
    buf changed = {0};
    if (!news(k, &changed))
        return err_nomem(e);
    if (!changed.len)
        return WEIR_OK;
    out_open(out_name(w, "state"), '{');
    out_raw(out_name(w, "updated"), buf_view(&changed));
    if (!k->forgotten)
        out_bool(out_name(w, "mergePatch"), true);
    out_close(w, '}');
    k->forgotten = false;
    buf_clear(&k->told);
    buf_addv(&k->told, buf_view(&k->state));
    bool ok = buf_ok(&changed) && buf_ok(&k->told) && buf_ok(w->to);
    buf_wipe(&changed);
    return ok ? WEIR_OK : err_nomem(e);
}

weir_rc flow_respond_state(flow_server *v, flow_kept *k, flow_kind kind, err *e)
{
    buf text = {0};
    json_out w = json_out_to(&text);
    out_open(&w, '{');
    weir_rc rc = put_state(k, &w, e);
    out_close(&w, '}');
    if (!rc)
        rc = buf_ok(&text) ? flow_write(v->in.codec, v->out_dir, kind, buf_view(&text), &v->out, e) : err_nomem(e);
    if (!rc)
        rc = io_write(v->o->out, buf_view(&v->out), "standard output", e);
    buf_clear(&v->out);
    buf_wipe(&text);
    return rc;
}

static bool puts_checkpoint(const flow_kept *k)
{
    weir_view kept = buf_view(&k->checkpoint);
    return kept.len > 2 && *kept.ptr == '{';
}

/* A connector that keeps the checkpoint and has none wants everything. In protobuf there is a sign for that (flow.md 5.6); in JSON there is not, but an
 * object that is empty means nothing else to those who look, and nothing at all to the others. */
weir_rc flow_respond_opened(flow_server *v, const flow_kept *k, err *e)
{
    buf text = {0};
    json_out w = json_out_to(&text);
    out_open(&w, '{');
    if (puts_checkpoint(k))
        out_raw(out_name(&w, "runtimeCheckpoint"), buf_view(&k->checkpoint));
    else if (k->resumed)
        out_raw(out_name(&w, "runtimeCheckpoint"), v->in.codec == FLOW_PROTOBUF ? VIEW("{\"rebuild\":true}") : VIEW("{\"sources\":{}}"));
    if (k->loads_all)
        out_bool(out_name(&w, "disableLoadOptimization"), true);
    out_close(&w, '}');
    weir_rc rc = buf_ok(&text) ? flow_server_respond(v, FLOW_OPENED, buf_view(&text), e) : err_nomem(e);
    buf_clear(&v->out);
    buf_free(&text);
    return rc;
}
