/* What a materialization is told by its destination. */
#include "json/patch.h"
#include "json/scan.h"
#include "plane/materialize_parts.h"

static weir_rc take_checkpoint(listener *l, weir_task *t, weir_view position)
{
    materialization *m = (materialization *)l;
    m->resumed = true;
    m->checkpoint = arena_dup(&m->arena, position);
    if (!m->checkpoint.ptr)
        return err_nomem(task_error(t));
    if (position.len && !json_check(position, NULL, NULL))
        return weir_fail(t, WEIR_E_REMOTE, "the checkpoint that the destination keeps is not JSON: %.*s", VIEW_ARG(position));
    return WEIR_OK;
}

/* Where the last write wins only that it exists matters, unless the row is a part of the document. */
static weir_rc take_loaded(listener *l, weir_task *t, const weir_row *row, weir_view doc)
{
    materialization *m = (materialization *)l;
    weir_row *mine = (weir_row *)(uintptr_t)row; /* it is one of ours */
    source *s = &m->sources[row->binding->index];
    mine->exists = WEIR_EXISTS_YES;
    if (s->reduces_held)
        return reducing_held(s->reduce, doc, task_error(t));
    if (mine->op != WEIR_UPDATE || materialize_takes_parts(m))
        return WEIR_OK;
    return combine_complete(s->combine, mine, doc, task_error(t));
}

static weir_rc take_state(listener *l, weir_task *t, weir_view patch)
{
    materialization *m = (materialization *)l;
    buf next = {0};
    if (!patch_apply(&next, m->state.len ? buf_view(&m->state) : VIEW("{}"), patch) || !buf_ok(&next)) {
        buf_free(&next);
        return err_nomem(task_error(t));
    }
    buf_free(&m->state);
    m->state = next;
    m->kept = true;
    return WEIR_OK;
}

static weir_rc take_delta(listener *l, weir_task *t, const weir_binding *b)
{
    (void)t;
    ((materialization *)l)->sources[b->index].additions = true;
    return WEIR_OK;
}

static weir_rc take_path(listener *l, weir_task *t, const weir_binding *b, weir_view path)
{
    return prepared_take_path(&((materialization *)l)->p, t, b, path);
}

static weir_rc take_constraint(listener *l, weir_task *t, const weir_binding *b, const weir_column *column, weir_need need, weir_view reason)
{
    return prepared_take_constraint(&((materialization *)l)->p, t, b, column, need, reason);
}

static weir_rc take_fold(listener *l, weir_task *t, const weir_binding *b, const weir_column *column, weir_view name)
{
    return prepared_take_fold(&((materialization *)l)->p, t, b, column, name);
}

static weir_rc take_rules(listener *l, weir_task *t, const weir_binding *b, const weir_rules *rules)
{
    (void)t;
    ((materialization *)l)->p.demands[b->index].rules = *rules;
    return WEIR_OK;
}

static weir_rc take_load_all(listener *l, weir_task *t)
{
    (void)t;
    ((materialization *)l)->load_all = true;
    return WEIR_OK;
}

static weir_rc take_applied(listener *l, weir_task *t, weir_view spec, weir_view version)
{
    const worker *w = ((materialization *)l)->w;
    weir_rc rc = store_put_note(w->l->store, w->t->name, MATERIALIZE_SPEC_NOTE, spec, task_error(t));
    return rc ? rc : store_put_note(w->l->store, w->t->name, MATERIALIZE_VERSION_NOTE, version, task_error(t));
}

static weir_rc take_config(listener *l, weir_task *t, lane *ln, weir_view config)
{
    (void)ln;
    return worker_config(((materialization *)l)->w, t, config);
}

const listener_ops materialize_ops = {
    .resume = take_checkpoint, .loaded = take_loaded, .keep = take_state, .resource_path = take_path, .constrain = take_constraint,
    .config = take_config, .delta = take_delta, .fold = take_fold, .rules = take_rules, .load_all = take_load_all, .applied = take_applied,
};
